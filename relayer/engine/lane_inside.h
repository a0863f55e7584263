/*
 * Inside the lane: what its files share. lane.c has the rounds, the lease and the looking; lane_open.c brings
 * open transactions to their end; lane_build.c makes the next one. All of it runs on the loop's thread, one
 * round at a time; whoever holds the round ends it with exactly one of lane_round_ended, lane_again_now,
 * lane_committed.
 */
#ifndef KUSTODIA_ENGINE_LANE_INSIDE_H
#define KUSTODIA_ENGINE_LANE_INSIDE_H

#include "abi/tx.h"
#include "abi/u256.h"
#include "relayer/base/loop.h"
#include "relayer/chain/fees.h"
#include "relayer/engine/engine.h"
#include "relayer/engine/lane.h"
#include "relayer/store/effects.h"
#include "relayer/store/lane.h"

/* chain.batch_max and chain.in_flight end at these (config.def): a round holds what it may ask for. */
_Static_assert(LANE_BATCH_MAX == 80 && LANE_OPEN_MAX == 32, "change config.def too");

/* What the key's account has to pay gas with, as last read. */
struct lane_purse {
    bool asked; /* in this run */
    bool known; /* and nothing was mined since */
    bool low, empty; /* the alarms gas_low and gas_empty are up */
    int64_t look_at_ms;
    int64_t try_at_ms; /* empty: when a transaction is tried again */
    struct u256 wei;
    struct u256 need;      /* what the refused transaction asked for, while empty */
    uint64_t gas, gas_wei; /* of the last transaction built: limit, and the base fee it met */
};

/*
 * A round: renew the lease, look at the rows; first bring open transactions to their end, then build a new
 * one. `limit` shrinks while a failing batch is bisected and grows back when a transaction was armed.
 */
struct lane {
    struct engine *engine;
    struct loop_timer *timer;
    size_t key; /* the place of its key at the signer (signer.h) */
    enum effect_lane role;
    const char *name;      /* "relayer", "relayer.2": of the key */
    const char *role_name; /* "relayer", "arbiter": in the rows */
    char lease[64];
    bool busy;
    bool lease_asked; /* in this run, and answered */
    bool lease_held;  /* as far as we know: given back at an orderly stop */
    int64_t take_at_ms; /* not held: when to try next */
    bool looking;       /* the rows are being read: no other lane of this role reads them now */
    bool wants_look;    /* it waits for another lane's look */
    bool building;      /* from the look to the committed draft `effects` are this lane's */
    int64_t fence;
    int64_t renew_at_ms;
    int64_t allowance_at_ms;
    uint8_t account[20];
    size_t limit;
    struct lane_tx open[LANE_OPEN_MAX];
    size_t open_n, open_at;
    size_t settling; /* of them, in this round: in a block that is not final, their nonce is used */
    uint64_t nonce_stored; /* the first above all we have used */
    uint64_t ahead_count;  /* what the node counted above nonce_stored, and since when */
    int64_t ahead_since_ms;
    uint64_t nonce_top;    /* the first that no stored bytes have */
    void (*gap_then)(struct lane *l);
    int fee_low;           /* refusals in a row because of the fee */
    /* A new transaction leaves only after the one before it was accepted: one of this round was not. */
    bool blocked;
    struct lane_purse purse;
    /* Public mode: the oldest open one, and since when it is. */
    uint8_t head_hash[32];
    int64_t head_since_ms;
    bool cancelling; /* the version under way is a cancel */
    size_t version_n;
    uint8_t version_unsigned[LANE_RAW_MAX]; /* of the version that is being signed */
    struct lane_sibling sibling[LANE_VERSIONS_MAX]; /* replaced ones, their receipts are asked for */
    size_t sibling_n, sibling_at;
    int64_t sent_at_ms[LANE_OPEN_MAX];
    uint8_t sent_hash[LANE_OPEN_MAX][32];
    unsigned receipt_turn;                /* which endpoint is asked for such a one's receipt */
    int64_t gone_since_ms[LANE_OPEN_MAX]; /* offered often, its nonce used, no receipt; 0: not so */
    struct effect_row effects[LANE_BATCH_MAX];
    size_t effects_n;
    int64_t age_ms;
    uint8_t to[20];
    uint8_t calldata[LANE_RAW_MAX];
    size_t calldata_n;
    struct tx tx;
    bool has_draft;
    struct lane_draft draft; /* what is being signed */
    uint8_t hash[32];
};

/* The round is over; the next one starts at the next tick, or at once. */
void lane_round_ended(struct lane *l);
void lane_again_now(struct lane *l);

/* A question to the node, or a commit, failed: said, and the round is over. */
void lane_node_failed(struct lane *l, const struct err *err);
void lane_database_failed(struct lane *l, const struct err *err);

/* Under which lease the lane's writes are checked. */
struct lane_holder lane_holder_of(const struct lane *l);

/* A db_done_cb: ends the round and starts the next one at once. */
void lane_committed(void *ctx, const struct err *err, struct db_result *res);

/* The signer refuses our fencing token: raises it, and ends the round (lane.c). */
void lane_fenced(struct lane *l);

/* Brings l->open[l->open_at] and those after it forward, then builds (lane_open.c). */
void lane_open_next(struct lane *l);

/* Our key does not hold its role in the contract, as last read, and another of the role does; or it is a
 * further key. The only key of a role does not step aside: what the contract refuses is then judged like any
 * refusal. */
bool lane_steps_aside(const struct lane *l);
/* The chain counts `next`. Transactions given up that it still asks for are opened again, and the round is
 * over; otherwise it goes on with `then` (lane_gap.c). */
void lane_gap_look(struct lane *l, uint64_t next, void (*then)(struct lane *l));

/* Offers the bytes of l->open[l->open_at] to the node, then goes on with the next. */
void lane_offer_bytes(struct lane *l);

/* Public mode: l->open[l->open_at] may be replaced. The call below then decides whether it must be, and
 * either ends the round with a new version stored or offers the bytes as they are (lane_replace.c). */
bool lane_replace_may(struct lane *l);
void lane_replace(struct lane *l);

/* What is signed back must be what was asked for, under our key. */
bool lane_signature_is_ours(const struct lane *l, struct bytes signed_tx, struct bytes asked);
struct fees_settings lane_fees_settings(const struct lane *l);

/* Reads the account's balance when it is time; true: the round goes on from there (lane_gas.c). */
bool lane_gas_look(struct lane *l);
/* The balance has changed: read it before anything is built. */
void lane_gas_spent(struct lane *l);
/* The account can pay this one and every open one at their worst; `instead` (or NULL) is replaced by it.
 * False: alarm gas_empty, and the balance is read again soon. */
bool lane_gas_covers(struct lane *l, uint64_t gas_limit, const struct fees *fees,
                     const struct lane_tx *instead);

/* Builds, signs and arms the next transaction, or ends the round (lane_build.c). */
void lane_build_next(struct lane *l);

#endif
