#include "abi/rlp.h"

#include <string.h>

/* First bytes: below 0x80 the byte itself; 0x80+n a string of n <= 55; 0xb7+w a string whose
 * length takes w bytes; the same at 0xc0 and 0xf7 for lists. */
enum {
    STRING_SHORT = 0x80,
    STRING_LONG = 0xb7,
    LIST_SHORT = 0xc0,
    LIST_LONG = 0xf7,
    SHORT_MAX = 55,
};

static size_t width_of(uint64_t value)
{
    size_t width = 0;
    for (; value != 0; value >>= 8)
        width++;
    return width;
}

void rlp_put_prefix(struct buf *out, bool is_list, size_t body_n)
{
    if (body_n <= SHORT_MAX) {
        buf_byte(out, (uint8_t)((is_list ? LIST_SHORT : STRING_SHORT) + body_n));
        return;
    }
    size_t width = width_of(body_n);
    buf_byte(out, (uint8_t)((is_list ? LIST_LONG : STRING_LONG) + width));
    buf_be(out, body_n, width);
}

void rlp_put_string(struct buf *out, struct bytes string)
{
    if (string.n != 1 || string.p[0] >= STRING_SHORT)
        rlp_put_prefix(out, false, string.n);
    buf_put(out, string.p, string.n);
}

void rlp_put_u64(struct buf *out, uint64_t value)
{
    if (value != 0 && value < STRING_SHORT) {
        buf_byte(out, (uint8_t)value);
        return;
    }
    size_t width = width_of(value);
    buf_byte(out, (uint8_t)(STRING_SHORT + width));
    buf_be(out, value, width);
}

void rlp_put_u256(struct buf *out, const struct u256 *value)
{
    size_t skip = 0;
    while (skip < 32 && value->be[skip] == 0)
        skip++;
    rlp_put_string(out, (struct bytes){value->be + skip, 32 - skip});
}

void rlp_put_list(struct buf *out, struct bytes items)
{
    rlp_put_prefix(out, true, items.n);
    buf_put(out, items.p, items.n);
}

/* The length behind a long prefix: `width` bytes after the first, without leading zeros, above
 * SHORT_MAX. */
static bool read_long_length(struct bytes in, size_t width, uint64_t *length)
{
    if (in.n < 1 + width || in.p[1] == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | in.p[1 + i];
    *length = value;
    return value > SHORT_MAX;
}

bool rlp_read(struct bytes *in, struct rlp *item)
{
    if (in->n == 0)
        return false;
    uint8_t first = in->p[0];
    if (first < STRING_SHORT) {
        *item = (struct rlp){false, {in->p, 1}};
        *in = (struct bytes){in->p + 1, in->n - 1};
        return true;
    }
    bool is_list = first >= LIST_SHORT;
    size_t code = first - (is_list ? LIST_SHORT : STRING_SHORT);
    uint64_t length = code;
    size_t head = 1;
    if (code > SHORT_MAX) {
        if (!read_long_length(*in, code - SHORT_MAX, &length))
            return false;
        head += code - SHORT_MAX;
    }
    if (length > in->n - head)
        return false;
    if (!is_list && length == 1 && in->p[head] < STRING_SHORT)
        return false;
    *item = (struct rlp){is_list, {in->p + head, (size_t)length}};
    *in = (struct bytes){in->p + head + length, in->n - head - (size_t)length};
    return true;
}

static bool read_kind(struct bytes *in, bool is_list, struct bytes *out)
{
    struct bytes rest = *in;
    struct rlp item;
    if (!rlp_read(&rest, &item) || item.is_list != is_list)
        return false;
    *in = rest;
    *out = item.body;
    return true;
}

bool rlp_read_string(struct bytes *in, struct bytes *out)
{
    return read_kind(in, false, out);
}

bool rlp_read_list(struct bytes *in, struct bytes *items)
{
    return read_kind(in, true, items);
}

bool rlp_read_u256(struct bytes *in, struct u256 *out)
{
    struct bytes rest = *in, body;
    if (!rlp_read_string(&rest, &body) || (body.n > 0 && body.p[0] == 0))
        return false;
    if (!u256_from_be(body.p, body.n, out))
        return false;
    *in = rest;
    return true;
}

bool rlp_read_u64(struct bytes *in, uint64_t *out)
{
    struct bytes rest = *in;
    struct u256 value;
    if (!rlp_read_u256(&rest, &value) || !u256_to_u64(&value, out))
        return false;
    *in = rest;
    return true;
}

bool rlp_read_exact(struct bytes *in, uint8_t *out, size_t n)
{
    struct bytes rest = *in, body;
    if (!rlp_read_string(&rest, &body) || body.n != n)
        return false;
    if (n > 0)
        memcpy(out, body.p, n);
    *in = rest;
    return true;
}

bool rlp_check(struct bytes in)
{
    /* What is left to read at each depth; depth 0 is the input itself. */
    struct bytes left[RLP_DEPTH_MAX + 1] = {in};
    size_t depth = 0, top_items = 0;
    for (;;) {
        if (left[depth].n == 0) {
            if (depth == 0)
                return top_items == 1;
            depth--;
            continue;
        }
        struct rlp item;
        if (!rlp_read(&left[depth], &item))
            return false;
        top_items += depth == 0;
        if (!item.is_list)
            continue;
        if (depth == RLP_DEPTH_MAX)
            return false;
        left[++depth] = item.body;
    }
}
