/* codec.h - the contract ABI: words of 32 bytes, arrays and byte strings, strict both ways.
 *
 * Source: Solidity documentation, "Contract ABI Specification". The reader takes only the layout
 * a compiler writes: values padded with zeros, tails in the order of their heads with no gap,
 * nothing behind the end. Bytes that decode encode back to themselves, so a call cannot be shown
 * to a policy as one thing and mean another on chain. */
#ifndef ABI_CODEC_H
#define ABI_CODEC_H

#include "abi/bytes.h"
#include "abi/u256.h"

enum { CODEC_WORD = 32 };

/* Writers. */
void codec_put_selector(struct buf *out, uint32_t selector);
void codec_put_u64(struct buf *out, uint64_t value);
void codec_put_u256(struct buf *out, const struct u256 *value);
void codec_put_bool(struct buf *out, bool value);
void codec_put_address(struct buf *out, const uint8_t address[20]);
void codec_put_bytes32(struct buf *out, const uint8_t word[32]);
/* The tail of `bytes` or `string`: length, content, zeros up to a whole word. */
void codec_put_bytes(struct buf *out, struct bytes value);

/* A reader over arguments, return values or log data. `at` walks the words in order; `bad` is set
 * by the first value that does not fit and never cleared, and every get then gives zeros. Check
 * once with codec_done(). */
struct codec {
    struct bytes in;
    size_t at;
    bool bad;
};

struct codec codec_reader(struct bytes in);
/* True when nothing was bad and every byte was read. */
bool codec_done(const struct codec *c);
/* Takes the selector off the front; 0 and bad when the input is shorter than 4 bytes. */
uint32_t codec_get_selector(struct codec *c);
/* An unsigned integer of at most `bits` bits (1..64): uint8, uint40, uint64, enums. Also a wider
 * type of the ABI (uint88, uint256) where a value above 64 bits is refused: pass 64. */
uint64_t codec_get_uint(struct codec *c, unsigned bits);
void codec_get_u256(struct codec *c, struct u256 *out);
bool codec_get_bool(struct codec *c);
void codec_get_address(struct codec *c, uint8_t out[20]);
void codec_get_bytes32(struct codec *c, uint8_t out[32]);
/* The only dynamic argument of a call: an offset word that must be `head_n` (the size of the
 * head), then a length of at most `max`. Returns the length; the elements follow at the reader. */
size_t codec_get_array(struct codec *c, size_t head_n, size_t max);
/* `bytes` or `string` in the same place; borrowed from the input. */
struct bytes codec_get_bytes(struct codec *c, size_t head_n, size_t max);

/* One-word answers of eth_call. False when `in` is not exactly one word of that type. */
bool codec_read_u256(struct bytes in, struct u256 *out);
bool codec_read_u64(struct bytes in, uint64_t *out);
bool codec_read_bool(struct bytes in, bool *out);
bool codec_read_address(struct bytes in, uint8_t out[20]);

/* What a reverted call gave back. */
enum codec_revert {
    CODEC_REVERT_EMPTY,  /* nothing: out of gas, assert of old code, no contract */
    CODEC_REVERT_ERROR,  /* Error(string): require/revert with a text */
    CODEC_REVERT_PANIC,  /* Panic(uint256): overflow, bad enum, ... */
    CODEC_REVERT_CUSTOM, /* a selector of some other error */
    CODEC_REVERT_BROKEN, /* none of these: shorter than a selector, or a damaged text */
};

/* Reads revert data. For ERROR the text goes to `text`, cut to cap-1 characters with everything
 * that is not printable ASCII shown as '?'; for PANIC the code in hex and what it means; else "".
 * `cap` is at least 1. */
enum codec_revert codec_revert_decode(struct bytes revert_data, char *text, size_t cap);

#endif
