#include "abi/tx.h"

#include "abi/keccak.h"
#include "abi/recover.h"
#include "abi/rlp.h"

#include <string.h>

/* Largest chain id whose EIP-155 v (2 * id + 36) fits 64 bits. */
static const uint64_t legacy_chain_id_max = (UINT64_MAX - 36) / 2;

enum { V_UNPROTECTED = 27, V_PROTECTED = 35, INITCODE_MAX = 49152 };

const char *tx_error_text(enum tx_error error)
{
    switch (error) {
    case TX_OK:
        return "no error";
    case TX_EMPTY:
        return "the transaction is empty";
    case TX_TYPE:
        return "the transaction type is not known (0, 1 and 2 are)";
    case TX_RLP:
        return "the bytes are not canonical RLP or do not end where they say";
    case TX_FIELDS:
        return "the number of fields is wrong for the transaction type";
    case TX_INTEGER:
        return "an integer field has leading zeros, is too long or is a list";
    case TX_NONCE:
        return "the nonce is 2^64-1";
    case TX_TO:
        return "the destination is neither empty nor 20 bytes";
    case TX_ACCESS_LIST:
        return "the access list is not made of (address, list of 32-byte keys)";
    case TX_FEES:
        return "the priority fee is above the fee cap, or gas times price is beyond 256 bits";
    case TX_CHAIN_ID:
        return "the chain id is missing or too large";
    case TX_V:
        return "v is not that of a signature";
    case TX_SIGNATURE:
        return "the signature is missing, or r or s is out of range";
    case TX_HIGH_S:
        return "s is in the upper half of the group order";
    case TX_INTRINSIC_GAS:
        return "the gas limit is below what the transaction's bytes alone cost";
    case TX_INITCODE:
        return "the creation code is longer than 49152 bytes";
    }
    return "an unknown error";
}

/* ---- the rules ---------------------------------------------------------------------------- */

/* Walks an access list; false when it is not one. Counts what EIP-2930 charges for. */
static bool access_list_walk(struct bytes entries, uint64_t *addresses, uint64_t *keys)
{
    *addresses = *keys = 0;
    while (entries.n > 0) {
        struct bytes entry, slots;
        uint8_t address[20], slot[32];
        if (!rlp_read_list(&entries, &entry) || !rlp_read_exact(&entry, address, sizeof address) ||
            !rlp_read_list(&entry, &slots) || entry.n != 0)
            return false;
        ++*addresses;
        for (; slots.n > 0; ++*keys) {
            if (!rlp_read_exact(&slots, slot, sizeof slot))
                return false;
        }
    }
    return true;
}

/* What the sender agrees to pay for one unit of gas at most. */
static const struct u256 *gas_price_cap(const struct tx *tx)
{
    return tx->type == TX_EIP1559 ? &tx->max_fee : &tx->gas_price;
}

enum tx_error tx_check_fields(const struct tx *tx)
{
    uint64_t addresses, keys;
    struct u256 cost;

    if ((unsigned)tx->type > TX_EIP1559)
        return TX_TYPE;
    if (tx->type == TX_LEGACY ? tx->chain_id > legacy_chain_id_max : tx->chain_id == 0)
        return TX_CHAIN_ID;
    if (tx->nonce == UINT64_MAX)
        return TX_NONCE;
    if (tx->type == TX_EIP1559 && u256_cmp(&tx->max_priority_fee, &tx->max_fee) > 0)
        return TX_FEES;
    if (!u256_mul_u64(gas_price_cap(tx), tx->gas_limit, &cost))
        return TX_FEES;
    if (tx->type == TX_LEGACY && tx->access_list.n != 0)
        return TX_ACCESS_LIST;
    if (!access_list_walk(tx->access_list, &addresses, &keys))
        return TX_ACCESS_LIST;
    return TX_OK;
}

enum tx_error tx_check_signature(const struct tx *tx)
{
    if (!tx->has_signature || !recover_in_range(tx->r, tx->s))
        return TX_SIGNATURE;
    if (tx->y_parity > 1)
        return TX_V;
    if (!recover_is_low_s(tx->s))
        return TX_HIGH_S;
    return TX_OK;
}

uint64_t tx_intrinsic_gas(const struct tx *tx)
{
    uint64_t addresses, keys, gas = 21000;
    if (!access_list_walk(tx->access_list, &addresses, &keys))
        return UINT64_MAX;
    for (size_t i = 0; i < tx->data.n; i++)
        gas += tx->data.p[i] == 0 ? 4 : 16;
    if (!tx->has_to)
        gas += 32000 + 2 * ((uint64_t)(tx->data.n + 31) / 32);
    return gas + 2400 * addresses + 1900 * keys;
}

enum tx_error tx_check_limits(const struct tx *tx)
{
    if (!tx->has_to && tx->data.n > INITCODE_MAX)
        return TX_INITCODE;
    if (tx->gas_limit < tx_intrinsic_gas(tx))
        return TX_INTRINSIC_GAS;
    return TX_OK;
}

/* ---- encoding ----------------------------------------------------------------------------- */

/* An encoding as the pieces it is made of, in order: `data` and the access list are never copied
 * here, so one function serves the writer and the hash, for calldata of any size. */
enum { PARTS = 6 };
struct parts {
    uint8_t prefix[1 + RLP_PREFIX_MAX]; /* type, list prefix */
    uint8_t fields[160];                /* all before data, and its prefix */
    uint8_t middle[RLP_PREFIX_MAX];     /* prefix of the access list */
    uint8_t tail[80];                   /* signature, or what EIP-155 signs in its place */
    struct bytes part[PARTS];
};

static void put_fields(const struct tx *tx, struct buf *out)
{
    if (tx->type != TX_LEGACY)
        rlp_put_u64(out, tx->chain_id);
    rlp_put_u64(out, tx->nonce);
    if (tx->type == TX_EIP1559) {
        rlp_put_u256(out, &tx->max_priority_fee);
        rlp_put_u256(out, &tx->max_fee);
    } else {
        rlp_put_u256(out, &tx->gas_price);
    }
    rlp_put_u64(out, tx->gas_limit);
    rlp_put_string(out, (struct bytes){tx->to, tx->has_to ? sizeof tx->to : 0});
    rlp_put_u256(out, &tx->value);
    if (tx->data.n != 1 || tx->data.p[0] >= 0x80)
        rlp_put_prefix(out, false, tx->data.n);
}

static void put_signature(const struct tx *tx, struct buf *out)
{
    uint64_t v = tx->y_parity;
    if (tx->type == TX_LEGACY)
        v += tx->chain_id == 0 ? V_UNPROTECTED : V_PROTECTED + 2 * tx->chain_id;
    struct u256 r, s;
    memcpy(r.be, tx->r, sizeof r.be);
    memcpy(s.be, tx->s, sizeof s.be);
    rlp_put_u64(out, v);
    rlp_put_u256(out, &r);
    rlp_put_u256(out, &s);
}

/* Cuts the encoding of `tx` into `parts`; false when the transaction is refused. */
static bool parts_build(const struct tx *tx, bool is_signed, struct parts *parts)
{
    if (tx_check_fields(tx) != TX_OK || (is_signed && tx_check_signature(tx) != TX_OK))
        return false;

    struct buf prefix, fields, middle, tail;
    buf_init(&prefix, parts->prefix, sizeof parts->prefix);
    buf_init(&fields, parts->fields, sizeof parts->fields);
    buf_init(&middle, parts->middle, sizeof parts->middle);
    buf_init(&tail, parts->tail, sizeof parts->tail);

    put_fields(tx, &fields);
    if (tx->type != TX_LEGACY)
        rlp_put_prefix(&middle, true, tx->access_list.n);
    if (is_signed) {
        put_signature(tx, &tail);
    } else if (tx->type == TX_LEGACY && tx->chain_id != 0) {
        rlp_put_u64(&tail, tx->chain_id);
        rlp_put_u64(&tail, 0);
        rlp_put_u64(&tail, 0);
    }
    if (tx->type != TX_LEGACY)
        buf_byte(&prefix, (uint8_t)tx->type);
    rlp_put_prefix(&prefix, true,
                   fields.n + tx->data.n + middle.n + tx->access_list.n + tail.n);

    parts->part[0] = buf_bytes(&prefix);
    parts->part[1] = buf_bytes(&fields);
    parts->part[2] = tx->data;
    parts->part[3] = buf_bytes(&middle);
    parts->part[4] = tx->access_list;
    parts->part[5] = buf_bytes(&tail);
    return !prefix.full && !fields.full && !middle.full && !tail.full;
}

static bool parts_put(const struct tx *tx, bool is_signed, struct buf *out)
{
    struct parts parts;
    if (!parts_build(tx, is_signed, &parts))
        return false;
    for (size_t i = 0; i < PARTS; i++)
        buf_put(out, parts.part[i].p, parts.part[i].n);
    return !out->full;
}

bool tx_encode_unsigned(const struct tx *tx, struct buf *out)
{
    return parts_put(tx, false, out);
}

bool tx_encode_signed(const struct tx *tx, struct buf *out)
{
    return parts_put(tx, true, out);
}

bool tx_sighash(const struct tx *tx, uint8_t out[32])
{
    struct parts parts;
    if (!parts_build(tx, false, &parts))
        return false;
    struct keccak k;
    keccak_init(&k);
    for (size_t i = 0; i < PARTS; i++)
        keccak_update(&k, parts.part[i].p, parts.part[i].n);
    keccak_final(&k, out);
    return true;
}

void tx_hash(struct bytes raw_signed, uint8_t out[32])
{
    keccak256(raw_signed.p, raw_signed.n, out);
}

/* ---- decoding ----------------------------------------------------------------------------- */

/* Takes fields off a transaction's list one by one. The first error stays; after it every field
 * reads as zero. */
struct fields {
    struct bytes in;
    enum tx_error error;
};

/* The next string; `wrong` is the error when the field is a list. */
static struct bytes take_string(struct fields *f, enum tx_error wrong)
{
    struct rlp item;
    if (f->error != TX_OK)
        return (struct bytes){0};
    if (f->in.n == 0)
        f->error = TX_FIELDS;
    else if (!rlp_read(&f->in, &item))
        f->error = TX_RLP;
    else if (item.is_list)
        f->error = wrong;
    else
        return item.body;
    return (struct bytes){0};
}

static struct u256 take_u256(struct fields *f)
{
    struct u256 value = {{0}};
    struct bytes body = take_string(f, TX_INTEGER);
    if (body.n > 0 && (body.p[0] == 0 || !u256_from_be(body.p, body.n, &value)))
        f->error = TX_INTEGER;
    return value;
}

static uint64_t take_u64(struct fields *f)
{
    uint64_t value = 0;
    struct u256 wide = take_u256(f);
    if (!u256_to_u64(&wide, &value))
        f->error = TX_INTEGER;
    return value;
}

static void take_to(struct fields *f, struct tx *out)
{
    struct bytes body = take_string(f, TX_TO);
    if (body.n != 0 && body.n != sizeof out->to) {
        f->error = TX_TO;
        return;
    }
    out->has_to = body.n != 0;
    if (out->has_to)
        memcpy(out->to, body.p, sizeof out->to);
}

static struct bytes take_access_list(struct fields *f)
{
    struct bytes entries = {0};
    if (f->error == TX_OK && !rlp_read_list(&f->in, &entries))
        f->error = f->in.n == 0 ? TX_FIELDS : TX_ACCESS_LIST;
    return entries;
}

static void take_common(struct fields *f, struct tx *out)
{
    if (out->type != TX_LEGACY)
        out->chain_id = take_u64(f);
    out->nonce = take_u64(f);
    if (out->type == TX_EIP1559) {
        out->max_priority_fee = take_u256(f);
        out->max_fee = take_u256(f);
    } else {
        out->gas_price = take_u256(f);
    }
    out->gas_limit = take_u64(f);
    take_to(f, out);
    out->value = take_u256(f);
    out->data = take_string(f, TX_RLP);
    if (out->type != TX_LEGACY)
        out->access_list = take_access_list(f);
}

/* v of a legacy transaction carries the chain id too. */
static void split_v(struct fields *f, uint64_t v, struct tx *out)
{
    if (v == V_UNPROTECTED || v == V_UNPROTECTED + 1) {
        out->y_parity = (uint8_t)(v - V_UNPROTECTED);
    } else if (v >= V_PROTECTED) {
        out->chain_id = (v - V_PROTECTED) / 2;
        out->y_parity = (uint8_t)((v - V_PROTECTED) % 2);
        if (out->chain_id == 0)
            f->error = TX_CHAIN_ID;
    } else {
        f->error = TX_V;
    }
}

static void take_signature(struct fields *f, struct tx *out)
{
    uint64_t v = take_u64(f);
    struct u256 r = take_u256(f), s = take_u256(f);
    if (f->error != TX_OK)
        return;
    if (out->type == TX_LEGACY)
        split_v(f, v, out);
    else if (v > 1)
        f->error = TX_V;
    else
        out->y_parity = (uint8_t)v;
    memcpy(out->r, r.be, sizeof out->r);
    memcpy(out->s, s.be, sizeof out->s);
    out->has_signature = true;
    if (f->error == TX_OK)
        f->error = tx_check_signature(out);
}

/* Where EIP-155 puts the chain id: (id, 0, 0) behind the six fields. */
static void take_unsigned_tail(struct fields *f, struct tx *out)
{
    if (out->type != TX_LEGACY || f->in.n == 0)
        return;
    out->chain_id = take_u64(f);
    uint64_t zeros = take_u64(f) | take_u64(f);
    if (f->error == TX_OK && out->chain_id == 0)
        f->error = TX_CHAIN_ID;
    if (f->error == TX_OK && zeros != 0)
        f->error = TX_FIELDS;
}

static enum tx_error decode(struct bytes raw, bool is_signed, struct tx *out)
{
    memset(out, 0, sizeof *out);
    if (raw.n == 0)
        return TX_EMPTY;
    if (raw.p[0] == TX_EIP2930 || raw.p[0] == TX_EIP1559) {
        out->type = (enum tx_type)raw.p[0];
        raw = (struct bytes){raw.p + 1, raw.n - 1};
    } else if (raw.p[0] < 0xc0) {
        return TX_TYPE;
    }
    struct fields f = {.error = TX_OK};
    if (!rlp_read_list(&raw, &f.in) || raw.n != 0)
        return TX_RLP;
    take_common(&f, out);
    if (is_signed)
        take_signature(&f, out);
    else
        take_unsigned_tail(&f, out);
    if (f.error != TX_OK)
        return f.error;
    return f.in.n != 0 ? TX_FIELDS : tx_check_fields(out);
}

enum tx_error tx_decode_signed(struct bytes raw, struct tx *out)
{
    return decode(raw, true, out);
}

enum tx_error tx_decode_unsigned(struct bytes raw, struct tx *out)
{
    return decode(raw, false, out);
}
