#include "abi/bytes.h"

#include <string.h>

void buf_init(struct buf *b, void *mem, size_t cap)
{
    *b = (struct buf){.p = mem, .cap = cap};
}

/* Room for `n` more bytes, or NULL and the writer is full from now on. */
static uint8_t *buf_room(struct buf *b, size_t n)
{
    if (b->full || n > b->cap - b->n) {
        b->full = true;
        return NULL;
    }
    uint8_t *at = b->p + b->n;
    b->n += n;
    return at;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    uint8_t *at = buf_room(b, n);
    if (at)
        memcpy(at, p, n);
}

void buf_byte(struct buf *b, uint8_t byte)
{
    buf_put(b, &byte, 1);
}

void buf_zero(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    uint8_t *at = buf_room(b, n);
    if (at)
        memset(at, 0, n);
}

void buf_be(struct buf *b, uint64_t value, size_t width)
{
    uint8_t *at = buf_room(b, width);
    if (!at)
        return;
    for (size_t i = width; i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->p, b->n};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
