// Signatures over transaction digests: low s, with recovery parity, always checked. A key is either
// in locked memory (libsecp256k1, RFC 6979: the same digest gives the same signature) or in a token
// (pkcs11.h: it may not). The record keeps what was given, so the difference is not seen outside.
#ifndef KEYSTORE_SIGN_H
#define KEYSTORE_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/tx.h"
#include "keystore/secret.h"

struct pkcs11_key;
struct sign_context; // libsecp256k1's context, blinded with fresh randomness

struct sign_key {
    struct secret secret;     // 32 bytes, read-only; empty when the key is in a token
    struct pkcs11_key *token; // NULL when the key is in memory
    uint8_t public_key[64];   // x || y
    uint8_t address[20];
};

struct signature {
    uint8_t r[32], s[32]; // s in the lower half
    uint8_t y_parity;     // 0 or 1
};

// NULL when the system gives no randomness or no memory.
struct sign_context *sign_context_new(void);
void sign_context_free(struct sign_context *context);

// Takes `secret` over (it is emptied) and derives the public parts. False when it is not 32 bytes
// in 1..n-1; then the secret stays with the caller.
bool sign_key_take(struct sign_context *context, struct secret *secret, struct sign_key *key);

// The same for a key in a token, whose public key is 0x04, x, y. Signs a digest that belongs to no
// transaction and checks it. False when the point is not on the curve or is not the key's; then the
// token stays with the caller.
bool sign_key_take_token(struct sign_context *context, struct pkcs11_key *token,
                         const uint8_t public_key[65], struct sign_key *key);
// Once more, for a process whose system calls were limited since. Always true for a key in memory.
bool sign_key_try(const struct sign_context *context, const struct sign_key *key);
void sign_key_free(struct sign_key *key);

// False for a token that does not sign, a key that was never taken, or an impossible digest
// (probability 2^-127).
bool sign_digest(const struct sign_context *context, const struct sign_key *key,
                 const uint8_t digest[32], struct signature *out);

// Recovers the public key from the signature and compares it with ours. Guards against a faulty CPU
// or memory: a wrong ECDSA signature can reveal the key, so none leaves unchecked.
bool sign_check(const struct sign_context *context, const struct sign_key *key,
                const uint8_t digest[32], const struct signature *signature);

// Sets the signature fields of `tx` and appends its signed form to `out`. False when it does not
// fit; then nothing in `out` may be used.
bool sign_attach(const struct signature *signature, struct tx *tx, struct buf *out);

#endif
