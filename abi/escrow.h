/* escrow.h - typed calls, answers, logs and errors of contracts/src/KustodiaEscrow.sol.
 *
 * Selectors, topics, argument names and their order come from the compiler by way of
 * abi/json/KustodiaEscrow.json -> abi/escrow_abi.h (abi/bindings.mjs); the build fails when the
 * two differ, and tests/unit/abi compares them with what this file assumes.
 * Amounts are 1e-6 MXNB; the contract allows 88 bits, this program 64 (18 million million MXN):
 * a larger one is refused by every decoder here. Times are UNIX seconds of the chain. */
#ifndef ABI_ESCROW_H
#define ABI_ESCROW_H

#include "abi/bytes.h"
#include "abi/u256.h"

/* Ids of one release, terms of one creation. A createMany of 200 has 32,068 bytes of calldata,
 * more than one frame to the signer holds (16 KiB): there the ceiling is
 * ESCROW_CREATE_BATCH_MAX (14,468 bytes). The contract itself takes 500. */
enum { ESCROW_BATCH_MAX = 200, ESCROW_CREATE_BATCH_MAX = 90 };
/* Calldata of the largest call this file builds. */
enum { ESCROW_CALL_SIZE_MAX = 4 + 2 * 32 + ESCROW_BATCH_MAX * 160 };

/* What the relayer asks to lock; see struct Terms of the contract. */
struct escrow_terms {
    uint8_t id[32];
    uint64_t amount_units;
    uint64_t custody_end; /* at most 40 bits */
    bool lock;
    uint8_t terms[32];
};

enum escrow_call_kind {
    ESCROW_CREATE,         /* terms[0]; n = 1 */
    ESCROW_CREATE_MANY,    /* terms[0..n) */
    ESCROW_RELEASE,        /* ids[0]; n = 1, as for all below */
    ESCROW_RELEASE_MANY,   /* ids[0..n) */
    ESCROW_DISPUTE,        /* ids[0], party, note = reason */
    ESCROW_DISMISS,        /* ids[0], note */
    ESCROW_RESOLVE_REVERT, /* ids[0], note */
    ESCROW_RESOLVE_SPLIT,  /* ids[0], buyer_units, note */
    ESCROW_RELEASE_EARLY,  /* ids[0] */
    ESCROW_REFUND_EXPIRED, /* ids[0] */
    ESCROW_HOLD,           /* ids[0], note = reason */
};
enum { ESCROW_CALL_KINDS = ESCROW_HOLD + 1 };

/* Party and State as the contract numbers them. */
enum escrow_party {
    ESCROW_PARTY_NONE,
    ESCROW_PARTY_BUYER,
    ESCROW_PARTY_SELLER,
    ESCROW_PARTY_ARBITER,
};
enum escrow_state {
    ESCROW_STATE_NONE,
    ESCROW_STATE_ACTIVE,
    ESCROW_STATE_DISPUTED,
    ESCROW_STATE_RELEASED,
    ESCROW_STATE_REVERTED,
    ESCROW_STATE_SPLIT,
};

/* About 24 KiB: static or in an arena rather than on a small stack. */
struct escrow_call {
    enum escrow_call_kind kind;
    size_t n;
    struct escrow_terms terms[ESCROW_BATCH_MAX];
    uint8_t ids[ESCROW_BATCH_MAX][32];
    uint8_t party; /* ESCROW_PARTY_BUYER or _SELLER */
    uint8_t note[32];
    uint64_t buyer_units;
};

/* Calldata with selector. False when `out` is too small, n is 0 or above the maximum, or a field
 * does not fit (custody_end, party). */
bool escrow_call_encode(const struct escrow_call *call, struct buf *out);
/* False: not one of the calls above, or not exactly as a compiler writes it. *out is written in
 * part even then. */
bool escrow_call_decode(struct bytes calldata, struct escrow_call *out);
/* The function's name in the contract, "createMany". */
const char *escrow_call_name(enum escrow_call_kind kind);

/* Views: calldata, and the answers that are not one plain word (those: codec_read_*). */
bool escrow_view_encode(const uint8_t id[32], struct buf *out);
bool escrow_encode_held(struct buf *out);   /* answer: uint256 */
bool escrow_encode_payout(struct buf *out); /* answer: address */
bool escrow_encode_refund(struct buf *out); /* answer: address */
bool escrow_encode_token(struct buf *out);  /* answer: address */
bool escrow_encode_funder(struct buf *out); /* answer: address */
bool escrow_encode_default_admin(struct buf *out); /* answer: address, zero when there is none */
bool escrow_encode_paused(struct buf *out); /* answer: escrow_paused_decode */
bool escrow_encode_has_role(const uint8_t role[32], const uint8_t account[20],
                            struct buf *out); /* answer: bool */

/* Role ids: keccak256 of their names, 32 zero bytes for the admin. */
extern const uint8_t escrow_role_relayer[32], escrow_role_arbiter[32], escrow_role_guardian[32],
    escrow_role_admin[32];

struct escrow_view {
    uint64_t amount_units, created_at, custody_end, disputed_at;
    enum escrow_state state; /* ESCROW_STATE_NONE: never created, everything else zero */
    bool lock;
    enum escrow_party party;
    uint32_t round;
};
bool escrow_view_decode(struct bytes answer, struct escrow_view *out);
/* bits: 1 create, 2 payout; `until` is the first second without them. */
bool escrow_paused_decode(struct bytes answer, uint8_t *bits, uint64_t *until);

enum escrow_event_kind {
    ESCROW_EVENT_CREATED,           /* from, amount_units, custody_end, lock, terms */
    ESCROW_EVENT_RELEASED,          /* to, amount_units, early */
    ESCROW_EVENT_DISPUTE_RAISED,    /* party, round, note = reason */
    ESCROW_EVENT_DISPUTE_DISMISSED, /* round, note */
    ESCROW_EVENT_REVERTED,          /* to, amount_units, note */
    ESCROW_EVENT_SPLIT,             /* buyer_units, seller_units, note */
};
enum { ESCROW_EVENT_KINDS = ESCROW_EVENT_SPLIT + 1 };

/* One log that moves an escrow. Fields an event does not have are zero. */
struct escrow_event {
    enum escrow_event_kind kind;
    uint8_t id[32];
    uint64_t amount_units, custody_end, buyer_units, seller_units;
    bool lock, early;
    uint8_t terms[32], note[32];
    uint8_t from[20], to[20];
    uint8_t party;
    uint32_t round;
};

/* Topic 0 of each. The contract's other logs: escrow_admin.h. */
extern const uint8_t escrow_topic_created[32], escrow_topic_released[32],
    escrow_topic_dispute_raised[32], escrow_topic_dispute_dismissed[32],
    escrow_topic_reverted[32], escrow_topic_split[32];

/* The caller has checked the log's address. False: another event, or a log this contract cannot
 * have written; compare topics[0] with the above to tell the two apart. */
bool escrow_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                         struct escrow_event *out);
const char *escrow_event_name(enum escrow_event_kind kind);

/* keccak256(abi.encode(chainid, contract, bytes16 payment, uint8 leg)), as the contract's
 * idOf(). */
void escrow_id(uint64_t chain_id, const uint8_t contract[20], const uint8_t payment_uuid[16],
               uint8_t leg, uint8_t out[32]);

/* Name of a custom error of the contract and its OpenZeppelin bases ("CustodyRunning"); NULL when
 * the selector is none of them. */
const char *escrow_error_name(struct bytes revert_data);

/* What a revert asks of the sender. */
enum revert_class {
    /* Nothing is wrong with the call, its time has not come: custody still runs, a pause, money
     * or allowance not there yet. The same call may be sent later. */
    REVERT_RETRY,
    /* The escrow is no longer in the state the call starts from: perhaps our own earlier call.
     * Read escrow(id) and go on from there. For NothingPayable read each id of the batch: some
     * may only be early. */
    REVERT_DONE,
    /* It will not succeed and nobody expected it: a person must look. */
    REVERT_ALARM,
};
/* One row for each custom error of the contract and its OpenZeppelin bases, and for each text of the
 * token below it. What has no row is REVERT_ALARM. */
struct escrow_revert_row {
    uint32_t selector; /* 0: a token's text */
    const char *says;  /* the error's name, or the whole text */
    enum revert_class class;
};
extern const struct escrow_revert_row escrow_revert_rows[];
extern const size_t escrow_revert_rows_n;

/* Classifies revert data of the escrow or of the token under it and writes one readable sentence
 * part with the error's values to `text` (cut to cap-1 characters; cap at least 1). */
enum revert_class escrow_revert_classify(struct bytes revert_data, char *text, size_t cap);

#endif
