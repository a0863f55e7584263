/* tx.h - Ethereum transactions: legacy (before and after EIP-155), EIP-2930, EIP-1559.
 *
 * Encoders write the one canonical form and refuse fields no decoder would accept. Decoders take
 * only that form and say why they refuse; what decodes encodes back to the same bytes. Types 3
 * (blob) and 4 (set code) are refused as unknown: nothing here may sign them.
 * Sources: EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-2 (low s), EIP-2681 (nonce), EIP-3860. */
#ifndef ABI_TX_H
#define ABI_TX_H

#include "abi/bytes.h"
#include "abi/u256.h"

enum tx_type { TX_LEGACY = 0, TX_EIP2930 = 1, TX_EIP1559 = 2 };

/* Bytes an encoding needs at most besides `data` and `access_list`. */
enum { TX_OVERHEAD_MAX = 320 };

/* One transaction. `data` and `access_list` are borrowed: after a decode they point into the
 * decoded bytes. Amounts are wei. Fields a type does not have are zero. */
struct tx {
    enum tx_type type;
    uint64_t chain_id; /* 0 only for a legacy transaction without EIP-155 */
    uint64_t nonce, gas_limit;
    struct u256 gas_price;                 /* legacy, EIP-2930 */
    struct u256 max_priority_fee, max_fee; /* EIP-1559 */
    struct u256 value;
    bool has_to; /* false: contract creation */
    uint8_t to[20];
    struct bytes data;
    struct bytes access_list; /* encodings of its entries one after another; empty = none */
    bool has_signature;
    uint8_t y_parity; /* 0 or 1, whatever v the type writes */
    uint8_t r[32], s[32];
};

enum tx_error {
    TX_OK = 0,
    TX_EMPTY,         /* no bytes */
    TX_TYPE,          /* a type this program does not know */
    TX_RLP,           /* not canonical RLP, cut, or bytes behind the end */
    TX_FIELDS,        /* not a list of the right number of fields */
    TX_INTEGER,       /* an integer with leading zeros, too long, or a list in its place */
    TX_NONCE,         /* 2^64-1 or more (EIP-2681) */
    TX_TO,            /* neither empty nor 20 bytes */
    TX_ACCESS_LIST,   /* not a list of (address, list of 32-byte keys) */
    TX_FEES,          /* priority fee above the fee cap, or gas * price beyond 256 bits */
    TX_CHAIN_ID,      /* zero where the type needs one, or too large */
    TX_V,             /* not a signature's v, or y parity not 0 or 1 */
    TX_SIGNATURE,     /* r or s zero or not below the group order */
    TX_HIGH_S,        /* s in the upper half (EIP-2) */
    TX_INTRINSIC_GAS, /* the gas limit below what the bytes alone cost */
    TX_INITCODE,      /* contract creation with more than 49,152 bytes (EIP-3860) */
};

/* One sentence part such as "the nonce is too large"; never NULL. */
const char *tx_error_text(enum tx_error error);

/* What is hashed for the signature: EIP-155 form for legacy with chain_id != 0, the plain six
 * fields without. False when `out` is too small or tx_check_fields
 * refuses. */
bool tx_encode_unsigned(const struct tx *tx, struct buf *out);
/* The bytes a node takes. False also when tx_check_signature refuses. */
bool tx_encode_signed(const struct tx *tx, struct buf *out);

/* Read the bytes of eth_sendRawTransaction, and the form tx_encode_unsigned writes. *out is only
 * meaningful when TX_OK is returned. Intrinsic gas is not looked at: see tx_check_limits. */
enum tx_error tx_decode_signed(struct bytes raw, struct tx *out);
enum tx_error tx_decode_unsigned(struct bytes raw, struct tx *out);

/* The rules every encoder and decoder here applies to the fields besides the signature; and to the
 * signature: r, s in range, s low (EIP-2), y parity 0 or 1, present. */
enum tx_error tx_check_fields(const struct tx *tx);
enum tx_error tx_check_signature(const struct tx *tx);

/* Gas the transaction costs before its first instruction, by the rules of Shanghai (EIP-2028,
 * EIP-2930, EIP-3860). The transaction is one that encodes. */
uint64_t tx_intrinsic_gas(const struct tx *tx);
/* The limits of a block's rules that need no state: intrinsic gas and size of creation code. */
enum tx_error tx_check_limits(const struct tx *tx);

/* Keccak-256 of tx_encode_unsigned, without a buffer. False as there. */
bool tx_sighash(const struct tx *tx, uint8_t out[32]);
/* The transaction's name on chain. */
void tx_hash(struct bytes raw_signed, uint8_t out[32]);

#endif
