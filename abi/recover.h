/* recover.h - from a signature back to the address that made it (public data only; no key is
 * ever seen here). libsecp256k1 with its static context: no allocation. */
#ifndef ABI_RECOVER_H
#define ABI_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

struct tx;

/* Last 20 bytes of the Keccak-256 of the uncompressed public key without its 0x04. */
void address_of_pubkey(const uint8_t uncompressed64[64], uint8_t address[20]);

/* True when r and s are both in 1 .. n-1, n the order of secp256k1. */
bool recover_in_range(const uint8_t r[32], const uint8_t s[32]);
/* True when s is at most n/2: the one of the two equal signatures EIP-2 allows. */
bool recover_is_low_s(const uint8_t s[32]);

/* The signer of `digest`. False when r, s or y_parity (0 or 1) is out of range or no point
 * belongs to them. High s is accepted here: ask recover_is_low_s where EIP-2 matters. */
bool recover_address(const uint8_t digest[32], const uint8_t r[32], const uint8_t s[32],
                     uint8_t y_parity, uint8_t address[20]);

/* The sender of a signed transaction; false as above, with a high s, or without a signature. */
bool tx_sender(const struct tx *tx, uint8_t address[20]);

#endif
