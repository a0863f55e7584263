#include "tests/fuzz/mutate.h"

#include <stdbool.h>
#include <string.h>

enum { CHANGES_MAX = 4, PIECE_MAX = 64 };

/* Words that matter to one reader or another: limits, prefixes, what ends a text. */
static const char *const words[] = {
    "0x", "0X", "0x0", "0x00", "\"", "\\u0000", "\\ud800", "null", "true", "{", "}", "[", "]", ",",
    ":", "-", ".", "e", "1e400", "18446744073709551615", "18446744073709551616",
    "9223372036854775808", "900000000000", "0xffffffffffffffff", "0x10000000000000000", "\xff",
    "\xc0\x80", "\x80", "\xb8\x38", "\xf8\x38", "\xff\xff\xff\xff", "\r\n", "=", "#", " ", "\t"};

uint64_t mutate_draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t draw(struct mutate *m)
{
    return mutate_draw(&m->state);
}

/* 0 .. n - 1. */
static size_t draw_below(struct mutate *m, size_t n)
{
    return (size_t)(draw(m) >> 16) % n;
}

void mutate_start(struct mutate *m, uint64_t seed, const struct mutate_input *corpus,
                  size_t corpus_n)
{
    *m = (struct mutate){seed * 2 + 1, corpus, corpus_n}; /* never 0, where xorshift stays */
}

/* Puts `piece` at `at`, over what is there or before it; what no longer fits falls off the end. */
static size_t piece_put(uint8_t *out, size_t n, size_t at, const uint8_t *piece, size_t piece_n,
                        bool over)
{
    size_t gap = over ? 0 : piece_n;

    if (at + piece_n > MUTATE_BYTES_MAX)
        return n;
    if (n + gap > MUTATE_BYTES_MAX)
        n = MUTATE_BYTES_MAX - gap;
    if (gap > 0 && n > at)
        memmove(out + at + gap, out + at, n - at);
    memcpy(out + at, piece, piece_n);
    n += gap;
    return at + piece_n > n ? at + piece_n : n;
}

static size_t piece_cut(struct mutate *m, uint8_t *out, size_t n, size_t at)
{
    size_t left = n - at;
    size_t gone = left == 0 ? 0 : 1 + draw_below(m, left < PIECE_MAX ? left : PIECE_MAX);

    memmove(out + at, out + at + gone, left - gone);
    return n - gone;
}

/* A piece of any corpus input, this one's own included. */
static size_t piece_splice(struct mutate *m, uint8_t *out, size_t n, size_t at)
{
    const struct mutate_input *other = &m->corpus[draw_below(m, m->corpus_n)];
    size_t from, piece_n;

    if (other->n == 0)
        return n;
    from = draw_below(m, other->n);
    piece_n = 1 + draw_below(m, other->n - from < PIECE_MAX ? other->n - from : PIECE_MAX);
    return piece_put(out, n, at, other->p + from, piece_n, draw_below(m, 2) == 0);
}

/* A byte replaced, turned by one bit, or moved by one: near the limits of lengths and digits. */
static void byte_change(struct mutate *m, uint8_t *byte)
{
    switch (draw_below(m, 3)) {
    case 0:
        *byte = (uint8_t)draw(m);
        break;
    case 1:
        *byte ^= (uint8_t)(1u << draw_below(m, 8));
        break;
    default:
        *byte = (uint8_t)(*byte + (draw_below(m, 2) == 0 ? 1 : 255));
        break;
    }
}

static size_t change(struct mutate *m, uint8_t *out, size_t n)
{
    size_t at = draw_below(m, n + 1);
    const char *word = words[draw_below(m, sizeof words / sizeof words[0])];

    switch (draw_below(m, 8)) {
    case 0:
        return piece_cut(m, out, n, at);
    case 1:
        return at; /* the rest is cut off */
    case 2:
        return piece_splice(m, out, n, at);
    case 3:
        return piece_put(out, n, at, (const uint8_t *)word, strlen(word), draw_below(m, 2) == 0);
    default:
        if (at < n)
            byte_change(m, out + at);
        return n;
    }
}

size_t mutate_next(struct mutate *m, uint8_t *out)
{
    const struct mutate_input *base = &m->corpus[draw_below(m, m->corpus_n)];
    size_t n = base->n < MUTATE_BYTES_MAX ? base->n : MUTATE_BYTES_MAX;
    size_t changes = 1 + draw_below(m, CHANGES_MAX);

    if (n > 0)
        memcpy(out, base->p, n);
    for (size_t i = 0; i < changes; i++)
        n = change(m, out, n);
    return n;
}
