#include "relayer/engine/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/node.h"
#include "relayer/engine/lane_inside.h"
#include "relayer/engine/signer.h"
#include "relayer/store/lane.h"
#include "relayer/store/lease.h"

enum {
    LEASE_RENEW_MS = LEASE_S * 1000 / 3,
    ALLOWANCE_LOOK_MS = 30000,
};

static void released(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    if (err != NULL)
        log_warn("lease_not_released", "lane=%s: %s", l->name, err->message);
    l->busy = false;
}

/* The last thing a lane does: another daemon takes over at once. */
static void release(struct lane *l)
{
    l->busy = l->lease_held;
    if (!l->lease_held)
        return;
    l->lease_held = false;
    struct db_script *script = db_script_new();
    lease_release(script, l->lease, l->engine->owner, l->fence);
    db_run(l->engine->db, script, released, l);
}

void lane_round_ended(struct lane *l)
{
    l->busy = false;
    if (l->engine->stopping)
        release(l);
}

void lane_again_now(struct lane *l)
{
    lane_round_ended(l);
    if (!l->engine->stopping)
        loop_timer_start(l->timer, 0, LANE_TICK_MS);
}

void lane_node_failed(struct lane *l, const struct err *err)
{
    metrics_add(METRIC_chain_errors, 1);
    engine_waits(l->engine, DOOR_NODE, err);
    lane_round_ended(l);
}

void lane_database_failed(struct lane *l, const struct err *err)
{
    if (err->code == ERR_DB_CONFLICT)
        log_warn("lane_race", "lane=%s: another instance was first: %s", l->name, err->message);
    else
        engine_waits(l->engine, DOOR_DATABASE, err);
    if (err->code == ERR_DB_RULE || err->code == ERR_DB_FAILED)
        log_broken("lane_rule", "lane=%s: %s", l->name, err->message);
    l->renew_at_ms = 0; /* the lease may be gone */
    lane_round_ended(l);
}

struct lane_holder lane_holder_of(const struct lane *l)
{
    return (struct lane_holder){.lease = l->lease,
                                .owner = l->engine->owner,
                                .fence = l->fence,
                                .lane = l->name,
                                .chain_id = l->engine->config->chain_chain_id,
                                .account = l->account};
}

/* Commits and starts the next round at once. */
void lane_committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_DATABASE);
    lane_again_now(l);
}

/* --- the token allowance (relayer lane only) --------------------------------------------------- */

static void allowance_read(void *ctx, const struct err *err, const struct bytes *data)
{
    struct lane *l = ctx;
    struct u256 allowance;
    uint64_t units = UINT64_MAX;
    uint64_t target = l->engine->config->chain_allowance_units;
    if (err != NULL || !codec_read_u256(*data, &allowance)) {
        if (err != NULL)
            engine_waits(l->engine, DOOR_NODE, err);
        lane_round_ended(l);
        return;
    }
    l->allowance_at_ms = clock_mono_ms() + ALLOWANCE_LOOK_MS;
    if (!u256_to_u64(&allowance, &units) || units >= target / 2) {
        lane_again_now(l);
        return;
    }
    struct effect_plan plan = {.kind = EFFECT_TOKEN_APPROVE, .amount_units = (int64_t)target};
    struct uuid owner = uuid_new();
    flow_effect_id(&owner, EFFECT_TOKEN_APPROVE, -1, 1, &plan.id, &plan.idem_key);
    struct db_script *script = db_script_new();
    effects_insert(script, &plan, NULL, l->engine->config->chain_escrow.text);
    db_run(l->engine->db, script, lane_committed, l);
}

static bool look_at_allowance(struct lane *l)
{
    if (l->role != LANE_RELAYER || clock_mono_ms() < l->allowance_at_ms)
        return false;
    uint8_t space[MXNB_CALL_SIZE_MAX];
    struct buf out;
    buf_init(&out, space, sizeof space);
    struct mxnb_call call = {.kind = MXNB_ALLOWANCE};
    memcpy(call.to, l->account, 20);
    memcpy(call.spender, l->engine->config->chain_escrow.b, 20);
    CHECK(mxnb_call_encode(&call, &out));
    struct node_message message = {.to = l->engine->config->chain_token.b,
                                   .data = buf_bytes(&out),
                                   .at = {.tag = NODE_LATEST}};
    node_call(l->engine->node, &message, allowance_read, l);
    return true;
}

/* --- rounds ------------------------------------------------------------------------------------ */

static void looked(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_DATABASE);
    l->open_n = lane_parse_open(res, l->open, LANE_OPEN_MAX);
    l->effects_n = effects_parse(res, 1, l->effects, LANE_BATCH_MAX);
    l->age_ms = lane_parse_age_ms(res);
    l->nonce_stored = lane_parse_nonce(res);
    l->nonce_top = lane_parse_nonce_top(res);
    l->has_draft = lane_parse_draft(res, &l->draft);
    l->open_at = 0;
    l->blocked = false;
    lane_open_next(l);
}

static void look(struct lane *l)
{
    if (lane_gas_look(l) || look_at_allowance(l))
        return;
    struct lane_holder holder = lane_holder_of(l);
    db_query(l->engine->db, lane_look(&holder, (int)l->engine->config->chain_batch_max), looked, l);
}

static void leased(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    l->lease_asked = true;
    l->lease_held = db_rows(res, 0) == 1;
    if (!l->lease_held) {
        lane_round_ended(l); /* another instance signs for this key */
        return;
    }
    l->fence = db_get_i64(res, 0, 0, 0);
    l->renew_at_ms = clock_mono_ms() + LEASE_RENEW_MS;
    look(l);
}

static void tick(void *ctx)
{
    struct lane *l = ctx;
    uint64_t chain_id = 0;
    if (l->busy || l->engine->stopping || !l->engine->ready)
        return;
    if (!signer_identity(l->engine->signer, l->role, l->account, &chain_id)) {
        struct err err;
        err_set(&err, ERR_SIGNER_AWAY, "%s", signer_trouble(l->engine->signer));
        engine_waits(l->engine, DOOR_SIGNER, &err);
        return;
    }
    engine_answers(l->engine, DOOR_SIGNER);
    l->busy = true;
    if (clock_mono_ms() < l->renew_at_ms) {
        look(l);
        return;
    }
    char address[41];
    hex_encode(l->account, 20, address);
    snprintf(l->lease, sizeof l->lease, "lane:%s:0x%s", l->name, address);
    struct db_script *script = db_script_new();
    lease_take(script, l->lease, l->engine->owner, !l->lease_asked);
    db_run(l->engine->db, script, leased, l);
}

struct lane *lane_new(struct engine *engine, enum effect_lane role)
{
    struct lane *l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    l->engine = engine;
    l->role = role;
    l->name = role == LANE_RELAYER ? "relayer" : "arbiter";
    l->limit = engine->config->chain_batch_max;
    l->timer = loop_timer_new(engine->loop, tick, l);
    loop_timer_start(l->timer, LANE_TICK_MS, LANE_TICK_MS);
    return l;
}

void lane_stop(struct lane *l)
{
    loop_timer_stop(l->timer);
    if (!l->busy)
        release(l);
}

void lane_status(const struct lane *l, struct lane_status *out)
{
    *out = (struct lane_status){.name = l->name,
                                .holds = l->lease_held,
                                .gas_known = l->purse.asked,
                                .gas_low = l->purse.low,
                                .gas_empty = l->purse.empty};
    memcpy(out->account, l->account, sizeof out->account);
    u256_to_dec(&l->purse.wei, out->gas_wei);
}

bool lane_idle(const struct lane *l)
{
    return !l->busy;
}

void lane_free(struct lane *l)
{
    if (l == NULL)
        return;
    loop_timer_free(l->timer);
    free(l);
}
