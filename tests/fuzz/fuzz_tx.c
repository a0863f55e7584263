/* Transactions (abi/tx.h): what decodes encodes back to the same bytes, signed and unsigned; the digest is
 * the hash of the unsigned bytes; every refusal has its sentence. */
#include <stdlib.h>
#include <string.h>

#include "abi/keccak.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "tests/fuzz/fuzz.h"

typedef bool (*encoder)(const struct tx *tx, struct buf *out);

static void encodes_to(encoder encode, const struct tx *tx, struct bytes raw)
{
    uint8_t *room = malloc(raw.n);
    struct buf out;

    HOLDS(room != NULL);
    buf_init(&out, room, raw.n);
    HOLDS(encode(tx, &out) && out.n == raw.n && memcmp(room, raw.p, raw.n) == 0);
    buf_init(&out, room, raw.n - 1);
    HOLDS(!encode(tx, &out));
    free(room);
}

static void digest_check(const struct tx *tx)
{
    size_t cap = TX_OVERHEAD_MAX + tx->data.n + tx->access_list.n;
    uint8_t *room = malloc(cap), stated[32], computed[32];
    struct buf out;

    HOLDS(room != NULL);
    buf_init(&out, room, cap);
    HOLDS(tx_encode_unsigned(tx, &out) && tx_sighash(tx, stated));
    keccak256(room, out.n, computed);
    HOLDS(memcmp(stated, computed, 32) == 0);
    free(room);
}

/* What tx.h promises of anything that decodes. */
static void fields_check(const struct tx *tx, struct bytes raw)
{
    HOLDS(tx->type == TX_LEGACY || tx->type == TX_EIP2930 || tx->type == TX_EIP1559);
    HOLDS(tx->chain_id != 0 || tx->type == TX_LEGACY);
    HOLDS(tx->nonce != UINT64_MAX);
    HOLDS(u256_cmp(&tx->max_priority_fee, &tx->max_fee) <= 0);
    HOLDS(tx->data.n <= raw.n && tx->access_list.n <= raw.n);
    HOLDS(tx_check_fields(tx) == TX_OK);
    HOLDS(tx_intrinsic_gas(tx) >= 21000);
    HOLDS(tx_error_text(tx_check_limits(tx))[0] != '\0');
    digest_check(tx);
}

static void signed_check(struct bytes raw)
{
    struct tx tx;
    uint8_t sender[20], hash[32];
    enum tx_error error = tx_decode_signed(raw, &tx);

    HOLDS(tx_error_text(error)[0] != '\0');
    if (error != TX_OK)
        return;
    HOLDS(tx.has_signature && tx.y_parity <= 1 && tx_check_signature(&tx) == TX_OK);
    HOLDS(recover_is_low_s(tx.s) && recover_in_range(tx.r, tx.s));
    fields_check(&tx, raw);
    encodes_to(tx_encode_signed, &tx, raw);
    tx_hash(raw, hash);
    if (tx_sender(&tx, sender)) {
        tx.y_parity ^= 1;
        uint8_t other[20];
        HOLDS(!tx_sender(&tx, other) || memcmp(sender, other, 20) != 0);
    }
}

static void unsigned_check(struct bytes raw)
{
    struct tx tx;
    enum tx_error error = tx_decode_unsigned(raw, &tx);
    uint8_t sender[20];

    if (error != TX_OK)
        return;
    HOLDS(!tx.has_signature);
    fields_check(&tx, raw);
    encodes_to(tx_encode_unsigned, &tx, raw);
    HOLDS(!tx_sender(&tx, sender) && tx_check_signature(&tx) != TX_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes raw = {data, n};

    signed_check(raw);
    unsigned_check(raw);
    return 0;
}
