#include "abi/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- writers ------------------------------------------------------------------------------ */

void codec_put_selector(struct buf *out, uint32_t selector)
{
    buf_be(out, selector, 4);
}

void codec_put_u64(struct buf *out, uint64_t value)
{
    buf_zero(out, CODEC_WORD - 8);
    buf_be(out, value, 8);
}

void codec_put_u256(struct buf *out, const struct u256 *value)
{
    buf_put(out, value->be, CODEC_WORD);
}

void codec_put_bool(struct buf *out, bool value)
{
    codec_put_u64(out, value ? 1 : 0);
}

void codec_put_address(struct buf *out, const uint8_t address[20])
{
    buf_zero(out, CODEC_WORD - 20);
    buf_put(out, address, 20);
}

void codec_put_bytes32(struct buf *out, const uint8_t word[32])
{
    buf_put(out, word, CODEC_WORD);
}

/* Zeros that fill the last word of `n` bytes. */
static size_t padding(size_t n)
{
    return (CODEC_WORD - n % CODEC_WORD) % CODEC_WORD;
}

void codec_put_bytes(struct buf *out, struct bytes value)
{
    codec_put_u64(out, value.n);
    buf_put(out, value.p, value.n);
    buf_zero(out, padding(value.n));
}

/* ---- reader ------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

struct codec codec_reader(struct bytes in)
{
    return (struct codec){.in = in};
}

bool codec_done(const struct codec *c)
{
    return !c->bad && c->at == c->in.n;
}

/* The next `n` bytes, or NULL and bad. */
static const uint8_t *take(struct codec *c, size_t n)
{
    if (c->bad || n > c->in.n - c->at) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->in.p + c->at;
    c->at += n;
    return p;
}

uint32_t codec_get_selector(struct codec *c)
{
    const uint8_t *p = take(c, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

void codec_get_bytes32(struct codec *c, uint8_t out[32])
{
    const uint8_t *p = take(c, CODEC_WORD);
    if (p)
        memcpy(out, p, CODEC_WORD);
    else
        memset(out, 0, CODEC_WORD);
}

void codec_get_u256(struct codec *c, struct u256 *out)
{
    codec_get_bytes32(c, out->be);
}

uint64_t codec_get_uint(struct codec *c, unsigned bits)
{
    struct u256 wide;
    uint64_t value = 0;
    codec_get_u256(c, &wide);
    if (!u256_to_u64(&wide, &value) || (bits < 64 && value >> bits != 0)) {
        c->bad = true;
        return 0;
    }
    return value;
}

bool codec_get_bool(struct codec *c)
{
    return codec_get_uint(c, 1) == 1;
}

void codec_get_address(struct codec *c, uint8_t out[20])
{
    uint8_t word[32];
    codec_get_bytes32(c, word);
    if (!is_zero(word, 12)) {
        c->bad = true;
        memset(word, 0, sizeof word);
    }
    memcpy(out, word + 12, 20);
}

size_t codec_get_array(struct codec *c, size_t head_n, size_t max)
{
    if (codec_get_uint(c, 64) != head_n)
        c->bad = true;
    uint64_t n = codec_get_uint(c, 64);
    if (c->bad || n > max) {
        c->bad = true;
        return 0;
    }
    return (size_t)n;
}

struct bytes codec_get_bytes(struct codec *c, size_t head_n, size_t max)
{
    size_t n = codec_get_array(c, head_n, max);
    const uint8_t *p = take(c, n);
    const uint8_t *pad = take(c, padding(n));
    if (!pad || !is_zero(pad, padding(n))) {
        c->bad = true;
        return (struct bytes){0};
    }
    return (struct bytes){p, n};
}

bool codec_read_u256(struct bytes in, struct u256 *out)
{
    struct codec c = codec_reader(in);
    codec_get_u256(&c, out);
    return codec_done(&c);
}

bool codec_read_u64(struct bytes in, uint64_t *out)
{
    struct codec c = codec_reader(in);
    *out = codec_get_uint(&c, 64);
    return codec_done(&c);
}

bool codec_read_bool(struct bytes in, bool *out)
{
    struct codec c = codec_reader(in);
    *out = codec_get_bool(&c);
    return codec_done(&c);
}

bool codec_read_address(struct bytes in, uint8_t out[20])
{
    struct codec c = codec_reader(in);
    codec_get_address(&c, out);
    return codec_done(&c);
}

/* ---- reverts ------------------------------------------------------------------------------ */

/* First four bytes of keccak256("Error(string)") and keccak256("Panic(uint256)"). */
static const uint32_t selector_error = 0x08c379a0, selector_panic = 0x4e487b71;
/* Longer texts are legal and are cut when shown; longer data is not read at all. */
enum { REVERT_TEXT_MAX = 64 * 1024 };

/* Codes of the Solidity documentation, "Panic via assert and Error via require". */
static const char *panic_text(uint64_t code)
{
    static const struct {
        uint64_t code;
        const char *text;
    } texts[] = {
        {0x00, "generic panic"},        {0x01, "failed assertion"},
        {0x11, "arithmetic overflow"},  {0x12, "division by zero"},
        {0x21, "value out of an enum"}, {0x22, "damaged storage byte array"},
        {0x31, "pop of an empty array"}, {0x32, "array index out of bounds"},
        {0x41, "out of memory"},        {0x51, "call of an unset function"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].code == code)
            return texts[i].text;
    }
    return "unknown panic";
}

static void show(struct bytes from, char *text, size_t cap)
{
    size_t n = from.n < cap - 1 ? from.n : cap - 1;
    for (size_t i = 0; i < n; i++)
        text[i] = from.p[i] >= 0x20 && from.p[i] < 0x7f ? (char)from.p[i] : '?';
    text[n] = 0;
}

enum codec_revert codec_revert_decode(struct bytes revert_data, char *text, size_t cap)
{
    text[0] = 0;
    if (revert_data.n == 0)
        return CODEC_REVERT_EMPTY;
    struct codec c = codec_reader(revert_data);
    uint32_t selector = codec_get_selector(&c);
    if (c.bad)
        return CODEC_REVERT_BROKEN;
    if (selector == selector_error) {
        struct bytes reason = codec_get_bytes(&c, CODEC_WORD, REVERT_TEXT_MAX);
        if (!codec_done(&c))
            return CODEC_REVERT_BROKEN;
        show(reason, text, cap);
        return CODEC_REVERT_ERROR;
    }
    if (selector == selector_panic) {
        uint64_t code = codec_get_uint(&c, 64);
        if (!codec_done(&c))
            return CODEC_REVERT_BROKEN;
        snprintf(text, cap, "0x%02" PRIx64 " %s", code, panic_text(code));
        return CODEC_REVERT_PANIC;
    }
    return CODEC_REVERT_CUSTOM;
}
