#include "keystore/sign.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "abi/keccak.h"
#include "abi/recover.h"
#include "keystore/pkcs11.h"

struct sign_context {
    secp256k1_context *secp;
};

struct sign_context *sign_context_new(void)
{
    uint8_t seed[32];
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return NULL;
    struct sign_context *context = calloc(1, sizeof *context);
    if (!context)
        return NULL;
    context->secp = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    bool blinded = context->secp && secp256k1_context_randomize(context->secp, seed);
    secret_wipe(seed, sizeof seed);
    if (blinded)
        return context;
    sign_context_free(context);
    return NULL;
}

void sign_context_free(struct sign_context *context)
{
    if (!context)
        return;
    if (context->secp)
        secp256k1_context_destroy(context->secp);
    free(context);
}

static void public_key_bytes(const secp256k1_context *secp, const secp256k1_pubkey *key,
                             uint8_t out[64])
{
    uint8_t text[65];
    size_t n = sizeof text;
    secp256k1_ec_pubkey_serialize(secp, text, &n, key, SECP256K1_EC_UNCOMPRESSED);
    memcpy(out, text + 1, 64);
}

bool sign_key_take(struct sign_context *context, struct secret *secret, struct sign_key *key)
{
    secp256k1_pubkey public_key;
    if (secret->n != 32 || !secp256k1_ec_pubkey_create(context->secp, &public_key, secret->data))
        return false;
    if (!secret_seal(secret))
        return false;
    *key = (struct sign_key){.secret = *secret};
    *secret = (struct secret){0};
    public_key_bytes(context->secp, &public_key, key->public_key);
    address_of_pubkey(key->public_key, key->address);
    return true;
}

bool sign_key_try(const struct sign_context *context, const struct sign_key *key)
{
    static const char text[] = "kustodia-trial-1"; // no transaction hashes to its digest
    struct signature signature;
    uint8_t digest[32];
    keccak256(text, sizeof text - 1, digest);
    return !key->token || (sign_digest(context, key, digest, &signature) &&
                           sign_check(context, key, digest, &signature));
}

bool sign_key_take_token(struct sign_context *context, struct pkcs11_key *token,
                         const uint8_t public_key[65], struct sign_key *key)
{
    secp256k1_pubkey point;
    if (!secp256k1_ec_pubkey_parse(context->secp, &point, public_key, 65))
        return false;
    *key = (struct sign_key){.token = token};
    memcpy(key->public_key, public_key + 1, sizeof key->public_key);
    address_of_pubkey(key->public_key, key->address);
    if (sign_key_try(context, key))
        return true;
    *key = (struct sign_key){0};
    return false;
}

void sign_key_free(struct sign_key *key)
{
    secret_free(&key->secret);
    pkcs11_close(key->token);
    key->token = NULL;
}

// A token gives r and s only: s is brought into the lower half (EIP-2), and the parity is the one
// under which our own public key comes back.
static bool sign_with_token(const struct sign_context *context, const struct sign_key *key,
                            const uint8_t digest[32], struct signature *out)
{
    uint8_t compact[64];
    secp256k1_ecdsa_signature signature;
    if (!pkcs11_sign(key->token, digest, compact) ||
        !secp256k1_ecdsa_signature_parse_compact(context->secp, &signature, compact))
        return false;
    secp256k1_ecdsa_signature_normalize(context->secp, &signature, &signature);
    secp256k1_ecdsa_signature_serialize_compact(context->secp, compact, &signature);
    memcpy(out->r, compact, 32);
    memcpy(out->s, compact + 32, 32);
    for (out->y_parity = 0; out->y_parity < 2; out->y_parity++) {
        if (sign_check(context, key, digest, out))
            return true;
    }
    return false;
}

static bool sign_with_secret(const struct sign_context *context, const struct sign_key *key,
                             const uint8_t digest[32], struct signature *out)
{
    secp256k1_ecdsa_recoverable_signature signature;
    if (!secp256k1_ecdsa_sign_recoverable(context->secp, &signature, digest, key->secret.data, NULL,
                                          NULL))
        return false;
    uint8_t compact[64];
    int parity;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context->secp, compact, &parity,
                                                            &signature);
    // Parities 2 and 3 mean r overflowed the group order: legal ECDSA, but not an Ethereum
    // signature.
    if (parity > 1)
        return false;
    memcpy(out->r, compact, 32);
    memcpy(out->s, compact + 32, 32);
    out->y_parity = (uint8_t)parity;
    return true;
}

bool sign_digest(const struct sign_context *context, const struct sign_key *key,
                 const uint8_t digest[32], struct signature *out)
{
    if (key->token)
        return sign_with_token(context, key, digest, out);
    return key->secret.n == 32 && sign_with_secret(context, key, digest, out);
}

bool sign_check(const struct sign_context *context, const struct sign_key *key,
                const uint8_t digest[32], const struct signature *signature)
{
    uint8_t compact[64], public_key[64];
    memcpy(compact, signature->r, 32);
    memcpy(compact + 32, signature->s, 32);
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey recovered;
    if (signature->y_parity > 1 ||
        !secp256k1_ecdsa_recoverable_signature_parse_compact(context->secp, &parsed, compact,
                                                             signature->y_parity) ||
        !secp256k1_ecdsa_recover(context->secp, &recovered, &parsed, digest))
        return false;
    public_key_bytes(context->secp, &recovered, public_key);
    return memcmp(public_key, key->public_key, sizeof public_key) == 0;
}

bool sign_attach(const struct signature *signature, struct tx *tx, struct buf *out)
{
    memcpy(tx->r, signature->r, 32);
    memcpy(tx->s, signature->s, 32);
    tx->y_parity = signature->y_parity;
    tx->has_signature = true;
    return tx_encode_signed(tx, out);
}
