/* mxnb.h - typed calls and the Transfer log of the MXNB token (a FiatToken v2.2, 6 decimals).
 *
 * Selectors and topics come from abi/json/TestMXNB.json -> abi/mxnb_abi.h; the functions used here
 * are the same in the real token. Amounts are 1e-6 MXNB in 64 bits; an amount beyond that (the
 * "unlimited" approval among them) is refused. Reverts: escrow_revert_classify. */
#ifndef ABI_MXNB_H
#define ABI_MXNB_H

#include "abi/bytes.h"

enum { MXNB_DECIMALS = 6, MXNB_CALL_SIZE_MAX = 4 + 2 * 32 };

enum mxnb_call_kind {
    MXNB_TRANSFER,       /* to = payee, amount_units; answer: bool */
    MXNB_APPROVE,        /* to = spender, amount_units; answer: bool */
    MXNB_BALANCE_OF,     /* to = account; answer: uint256 */
    MXNB_ALLOWANCE,      /* to = owner, spender; answer: uint256 */
    MXNB_DECIMALS_OF,    /* answer: uint8 */
    MXNB_PAUSED,         /* answer: bool */
    MXNB_IS_BLACKLISTED, /* to = account; answer: bool */
};
enum { MXNB_CALL_KINDS = MXNB_IS_BLACKLISTED + 1 };

struct mxnb_call {
    enum mxnb_call_kind kind;
    uint8_t to[20];
    uint8_t spender[20]; /* MXNB_ALLOWANCE only */
    uint64_t amount_units;
};

/* Calldata with selector; false when `out` is too small. */
bool mxnb_call_encode(const struct mxnb_call *call, struct buf *out);
/* False: not one of the calls above, or not exactly as a compiler writes it. */
bool mxnb_call_decode(struct bytes calldata, struct mxnb_call *out);
/* The function's name in the contract, "balanceOf". */
const char *mxnb_call_name(enum mxnb_call_kind kind);

extern const uint8_t mxnb_topic_transfer[32];

/* The caller has checked the log's address. False: not a Transfer of a token with indexed from
 * and to, or an amount beyond 64 bits. Mint: from is zero; burn: to is zero. */
bool mxnb_transfer_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                                uint8_t from[20], uint8_t to[20], uint64_t *amount_units);

#endif
