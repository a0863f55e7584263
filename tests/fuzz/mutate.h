/* mutate.h - inputs made from inputs, the same ones each time.
 *
 * A generator of our own (xorshift64*, seeded by a number), so that a failure on one machine is the same
 * failure on every other, with no fuzzer installed. */
#ifndef KUSTODIA_TESTS_FUZZ_MUTATE_H
#define KUSTODIA_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

enum { MUTATE_BYTES_MAX = 32 * 1024 };

struct mutate_input {
    const uint8_t *p;
    size_t n;
};

struct mutate {
    uint64_t state;
    const struct mutate_input *corpus; /* not empty */
    size_t corpus_n;
};

/* The next number of the sequence; the state is never 0. */
uint64_t mutate_draw(uint64_t *state);

/* Any seed, also 0. */
void mutate_start(struct mutate *m, uint64_t seed, const struct mutate_input *corpus,
                  size_t corpus_n);
/* Writes the next input to `out` (MUTATE_BYTES_MAX bytes) and gives its length. */
size_t mutate_next(struct mutate *m, uint8_t *out);

#endif
