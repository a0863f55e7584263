#include "abi/recover.h"

#include "abi/keccak.h"
#include "abi/tx.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <string.h>

/* Order n of secp256k1 and n/2 rounded down (SEC 2, section 2.4.1; EIP-2). */
static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                                  0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
static const uint8_t half_order[32] = {
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

static bool scalar_in_range(const uint8_t scalar[32])
{
    static const uint8_t zero[32];
    return memcmp(scalar, zero, 32) != 0 && memcmp(scalar, order, 32) < 0;
}

void address_of_pubkey(const uint8_t uncompressed64[64], uint8_t address[20])
{
    uint8_t hash[32];
    keccak256(uncompressed64, 64, hash);
    memcpy(address, hash + 12, 20);
}

bool recover_in_range(const uint8_t r[32], const uint8_t s[32])
{
    return scalar_in_range(r) && scalar_in_range(s);
}

bool recover_is_low_s(const uint8_t s[32])
{
    return memcmp(s, half_order, 32) <= 0;
}

bool recover_address(const uint8_t digest[32], const uint8_t r[32], const uint8_t s[32],
                     uint8_t y_parity, uint8_t address[20])
{
    /* Recovery ids 2 and 3 (r beyond the order) have no place in Ethereum's v. */
    if (y_parity > 1 || !recover_in_range(r, s))
        return false;
    const secp256k1_context *context = secp256k1_context_static;
    secp256k1_ecdsa_recoverable_signature signature;
    secp256k1_pubkey key;
    uint8_t compact[64], point[65];
    size_t point_n = sizeof point;

    memcpy(compact, r, 32);
    memcpy(compact + 32, s, 32);
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, compact,
                                                             y_parity) ||
        !secp256k1_ecdsa_recover(context, &key, &signature, digest))
        return false;
    secp256k1_ec_pubkey_serialize(context, point, &point_n, &key, SECP256K1_EC_UNCOMPRESSED);
    address_of_pubkey(point + 1, address);
    return true;
}

bool tx_sender(const struct tx *tx, uint8_t address[20])
{
    uint8_t digest[32];
    return tx_check_signature(tx) == TX_OK && tx_sighash(tx, digest) &&
           recover_address(digest, tx->r, tx->s, tx->y_parity, address);
}
