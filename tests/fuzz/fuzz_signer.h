/* fuzz_signer.h - what the requests of fuzz_signer.c came to, for programs that count them. */
#ifndef KUSTODIA_TESTS_FUZZ_SIGNER_H
#define KUSTODIA_TESTS_FUZZ_SIGNER_H

#include <stdint.h>

enum { SIGNER_CODES = 400 };

struct signer_counts {
    uint64_t requests, signatures, restarts;
    uint64_t refusals[SIGNER_CODES]; /* by their number in keystore/refusal.def */
};
extern struct signer_counts signer_counts;

#endif
