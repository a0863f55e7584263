/* signer_oracle.h - a second judge of what relayer-signer may sign, written from FORMAT.md and
 * PROTOCOL.md and not from the policy's code: it reads the bytes that were signed, word by word. */
#ifndef KUSTODIA_TESTS_FUZZ_SIGNER_ORACLE_H
#define KUSTODIA_TESTS_FUZZ_SIGNER_ORACLE_H

#include <stdint.h>

#include "abi/bytes.h"
#include "keystore/policy.h"

/* Three keys take part: the relayer's, the arbiter's, and one of the pool. */
enum { ORACLE_KEYS = 3 };

/* What one request was, and what came back for it. */
struct oracle_case {
    size_t key; /* which of the three keys was asked */
    uint64_t fence;
    uint32_t day;
    struct bytes asked, signed_tx;
};

/* Forgets everything that was signed. */
void oracle_start(const struct policy *policy, const uint8_t address[ORACLE_KEYS][20]);
/* Aborts (fuzz.h) when this signature breaks a promise, alone or after the earlier ones. */
void oracle_judge(const struct oracle_case *one);

#endif
