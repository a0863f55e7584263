// Signatures over transaction digests with libsecp256k1: deterministic nonces (RFC 6979), low s,
// recovery parity. The same digest and key always give the same signature, so signing again after a
// crash is harmless.
#ifndef KEYSTORE_SIGN_H
#define KEYSTORE_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/tx.h"
#include "keystore/secret.h"

struct sign_context; // libsecp256k1's context, blinded with fresh randomness

struct sign_key {
    struct secret secret;   // 32 bytes, read-only
    uint8_t public_key[64]; // x || y
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
void sign_key_free(struct sign_key *key);

// False only for an impossible digest (probability 2^-127) or a key that was never taken.
bool sign_digest(const struct sign_context *context, const struct sign_key *key,
                 const uint8_t digest[32], struct signature *out);

// Recovers the public key from the signature and compares it with ours. Guards against a faulty CPU
// or memory: a wrong ECDSA signature can reveal the key, so none leaves unchecked.
bool sign_check(const struct sign_context *context, const struct sign_key *key,
                const uint8_t digest[32], const struct signature *signature);

// Signs `digest` (tx_sighash of `tx`), checks, and appends the signed form of `tx` to `out`. The
// signature fields of `tx` are set. False when any step fails; then nothing in `out` may be used.
bool sign_tx(const struct sign_context *context, const struct sign_key *key,
             const uint8_t digest[32], struct tx *tx, struct buf *out);

#endif
