/* fuzz.h - what every fuzz target here shares.
 *
 * A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput: it hands the bytes to readers of ours
 * and asserts with HOLDS what their headers promise. It keeps nothing from one input to the next, so
 * that an input alone is the whole story of a failure.
 *
 * The same file is linked twice: with replay.c (any compiler; the committed corpus and a fixed number
 * of seeded mutations, as a unit test) and with libFuzzer (clang; ./dev fuzz). */
#ifndef KUSTODIA_TESTS_FUZZ_H
#define KUSTODIA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Aborts with file, line and the expression: the input at hand is then the finding. */
#define HOLDS(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_broken(const char *file, int line, const char *expression);

/* The input as a zero-terminated text of its own memory; free() it. */
char *fuzz_text(const uint8_t *data, size_t n);

/* A private file with these bytes, for readers that take a path; the same path for every input of this
 * process, removed when it ends. */
const char *fuzz_file(const uint8_t *data, size_t n);

/* One byte or `n` bytes off the front of an input, for targets that build their case from it; zeros
 * once it is used up. */
struct fuzz_input {
    const uint8_t *p;
    size_t n;
};
uint8_t fuzz_take_byte(struct fuzz_input *in);
void fuzz_take(struct fuzz_input *in, void *out, size_t n);

#endif
