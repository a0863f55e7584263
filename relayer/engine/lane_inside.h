/*
 * Inside the lane: what its files share. lane.c has the rounds, the lease and the looking; lane_open.c brings
 * open transactions to their end; lane_build.c makes the next one. All of it runs on the loop's thread, one
 * round at a time; whoever holds the round ends it with exactly one of lane_round_ended, lane_again_now,
 * lane_committed.
 */
#ifndef KUSTODIA_ENGINE_LANE_INSIDE_H
#define KUSTODIA_ENGINE_LANE_INSIDE_H

#include "abi/tx.h"
#include "relayer/base/loop.h"
#include "relayer/engine/engine.h"
#include "relayer/engine/lane.h"
#include "relayer/store/effects.h"
#include "relayer/store/lane.h"

/* chain.batch_max and chain.in_flight end at these (config.def): a round holds what it may ask for. */
_Static_assert(LANE_BATCH_MAX == 80 && LANE_OPEN_MAX == 32, "change config.def too");

/*
 * A round: renew the lease, look at the rows; first bring open transactions to their end, then build a new
 * one. `limit` shrinks while a failing batch is bisected and grows back when a transaction was armed.
 */
struct lane {
    struct engine *engine;
    struct loop_timer *timer;
    enum effect_lane role;
    const char *name; /* "relayer", "arbiter" */
    char lease[64];
    bool busy;
    bool lease_asked; /* in this run, and answered */
    int64_t fence;
    int64_t renew_at_ms;
    int64_t allowance_at_ms;
    uint8_t account[20];
    size_t limit;
    struct lane_tx open[LANE_OPEN_MAX];
    size_t open_n, open_at;
    uint64_t nonce_stored; /* the first above all we have used */
    uint64_t ahead_count;  /* what the node counted above nonce_stored, and since when */
    int64_t ahead_since_ms;
    int fee_low;           /* refusals in a row because of the fee */
    int64_t sent_at_ms[LANE_OPEN_MAX];
    uint8_t sent_hash[LANE_OPEN_MAX][32];
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

/* Brings l->open[l->open_at] and those after it forward, then builds (lane_open.c). */
void lane_open_next(struct lane *l);

/* Builds, signs and arms the next transaction, or ends the round (lane_build.c). */
void lane_build_next(struct lane *l);

#endif
