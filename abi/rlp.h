/* rlp.h - Recursive Length Prefix, canonical form only.
 *
 * Source: Ethereum Yellow Paper, appendix B. A string is refused by the reader when a shorter
 * encoding of it exists (a single byte below 0x80 behind a prefix, a long length that would fit
 * a short one, a length with leading zeros) or when it runs past its input: two different byte
 * strings never read as the same item. */
#ifndef ABI_RLP_H
#define ABI_RLP_H

#include "abi/bytes.h"
#include "abi/u256.h"

/* A prefix is at most 1 + 8 bytes. */
enum { RLP_PREFIX_MAX = 9, RLP_DEPTH_MAX = 64 };

/* One item as read. `body` is the string, or the encodings of a list's items one after another. */
struct rlp {
    bool is_list;
    struct bytes body;
};

/* Writers. An integer is its big-endian bytes without leading zeros; zero is the empty string. */
void rlp_put_string(struct buf *out, struct bytes string);
void rlp_put_u64(struct buf *out, uint64_t value);
void rlp_put_u256(struct buf *out, const struct u256 *value);
/* A list whose items are already encoded one after another in `items`. */
void rlp_put_list(struct buf *out, struct bytes items);
/* Only the prefix of a string other than a single byte below 0x80 (is_list false) or of a list,
 * in front of `body_n` bytes the caller writes. */
void rlp_put_prefix(struct buf *out, bool is_list, size_t body_n);

/* Takes the first item off the front of *in. False, with *in unchanged, when the input is empty,
 * cut or not canonical. Items inside a list are not looked at until they are read themselves. */
bool rlp_read(struct bytes *in, struct rlp *item);
/* The same, and the item must be a string / a list. */
bool rlp_read_string(struct bytes *in, struct bytes *out);
bool rlp_read_list(struct bytes *in, struct bytes *items);
/* The same, and the string must be a canonical integer of at most 64 (256) bits. */
bool rlp_read_u64(struct bytes *in, uint64_t *out);
bool rlp_read_u256(struct bytes *in, struct u256 *out);
/* The same, and the string must be `n` bytes long. */
bool rlp_read_exact(struct bytes *in, uint8_t *out, size_t n);

/* True when `in` is exactly one item, canonical at every depth, nested at most RLP_DEPTH_MAX. */
bool rlp_check(struct bytes in);

#endif
