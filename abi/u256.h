/* u256.h - unsigned 256-bit integers, kept as the 32 big-endian bytes the EVM shows.
 *
 * Only what fees, balances and token amounts need. Every operation that can leave the range
 * returns false and then leaves its output unchanged. Outputs may be the same object as inputs. */
#ifndef ABI_U256_H
#define ABI_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct u256 {
    uint8_t be[32];
};

/* 78 digits of 2^256-1, the end, rounded up. */
enum { U256_DEC_SIZE = 80 };

struct u256 u256_from_u64(uint64_t value);
/* False when the value needs more than 64 bits. */
bool u256_to_u64(const struct u256 *a, uint64_t *out);
/* Big-endian bytes, leading zeros allowed; false when n > 32. */
bool u256_from_be(const uint8_t *p, size_t n, struct u256 *out);

bool u256_is_zero(const struct u256 *a);
/* <0, 0, >0 as memcmp. */
int u256_cmp(const struct u256 *a, const struct u256 *b);
bool u256_add(const struct u256 *a, const struct u256 *b, struct u256 *out);
/* a - b; false when b > a. */
bool u256_sub(const struct u256 *a, const struct u256 *b, struct u256 *out);
bool u256_mul_u64(const struct u256 *a, uint64_t b, struct u256 *out);

/* Decimal digits only, no sign, no blank, no leading zero except "0" itself; at most 78 digits. */
bool u256_from_dec(const char *text, struct u256 *out);
void u256_to_dec(const struct u256 *a, char out[U256_DEC_SIZE]);

#endif
