/* bytes.h - borrowed views and bounded writers, the two shapes every encoder here works on.
 *
 * Nothing in abi/ allocates, logs, reads a clock or does I/O: input is a view over memory of the
 * caller, output goes into memory of the caller. A writer that runs out of room writes nothing
 * more and remembers it in `full`; an encoder is therefore checked once, at its end. */
#ifndef ABI_BYTES_H
#define ABI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed view. `p` may be NULL only when `n` is 0. */
struct bytes {
    const uint8_t *p;
    size_t n;
};

/* A writer over `cap` bytes at `p`. `n` are written. Once `full`, it stays full. */
struct buf {
    uint8_t *p;
    size_t n, cap;
    bool full;
};

void buf_init(struct buf *b, void *mem, size_t cap);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_byte(struct buf *b, uint8_t byte);
/* Writes `n` zero bytes. */
void buf_zero(struct buf *b, size_t n);
/* Writes `value` as `width` (1..8) bytes, big-endian; the value must fit. */
void buf_be(struct buf *b, uint64_t value, size_t width);

/* What was written so far; valid until the memory under the writer changes. */
struct bytes buf_bytes(const struct buf *b);

bool bytes_equal(struct bytes a, struct bytes b);

#endif
