/* keccak.h - Keccak-256 as Ethereum uses it: the permutation of FIPS 202 with the padding byte
 * 0x01 of the original submission (SHA3-256 has 0x06, so no SHA-3 function gives these hashes).
 * The permutation is nettle's public nettle_sha3_permute; the sponge is ours. */
#ifndef ABI_KECCAK_H
#define ABI_KECCAK_H

#include <nettle/sha3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KECCAK256_SIZE = 32, KECCAK256_RATE = 136 };

/* A running hash. `at` is how many bytes of the current block are absorbed. No secret is ever
 * hashed with it, so it is not wiped. */
struct keccak {
    struct sha3_state state;
    size_t at;
};

void keccak_init(struct keccak *k);
void keccak_update(struct keccak *k, const void *data, size_t n);
/* Ends the hash; `k` must be initialised again before it is used again. */
void keccak_final(struct keccak *k, uint8_t out[KECCAK256_SIZE]);

/* `data` may be NULL when `n` is 0. `out` may overlap `data`. */
void keccak256(const void *data, size_t n, uint8_t out[KECCAK256_SIZE]);

/* Published hashes over one, several and partial blocks. False: this machine hashes wrongly (a
 * broken library or compiler), and the program must not start. */
bool keccak_selftest(void);

#endif
