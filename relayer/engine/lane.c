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
#include "relayer/store/observed.h"

enum {
    LEASE_RENEW_MS = LEASE_S * 1000 / 3,
    ALLOWANCE_LOOK_MS = 30000,
    SHARE_MS = 2000, /* how much longer a free lane is left to others for each one we hold */
};

static void released(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    if (err != NULL)
        log_warn("lease_not_released", "lane=%s: %s", l->name, err->message);
    l->busy = false;
}

/* The last thing a lane does with a key: another daemon takes over at once. */
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
    l->building = false;
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
                                .lane = l->role_name,
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
    if (!signer_key_moves_tokens(l->key) || clock_mono_ms() < l->allowance_at_ms)
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

static bool is_neighbour(const struct lane *l, const struct lane *other)
{
    return other != NULL && other != l && other->role == l->role;
}

static void looked(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    l->looking = false;
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        struct lane *other = l->engine->lane[i];
        if (!is_neighbour(l, other) || !other->wants_look)
            continue;
        other->wants_look = false;
        if (!l->engine->stopping)
            loop_timer_start(other->timer, 0, LANE_TICK_MS);
    }
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_DATABASE);
    l->open_n = lane_parse_open(res, l->open, LANE_OPEN_MAX);
    l->settling = 0;
    l->effects_n = effects_parse(res, 1, l->effects, LANE_BATCH_MAX);
    l->age_ms = lane_parse_age_ms(res);
    l->nonce_stored = lane_parse_nonce(res);
    l->nonce_top = lane_parse_nonce_top(res);
    l->has_draft = lane_parse_draft(res, &l->draft);
    l->building = true;
    l->open_at = 0;
    l->blocked = false;
    lane_open_next(l);
}

static bool other_looks(struct lane *l)
{
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        const struct lane *other = l->engine->lane[i];
        if (is_neighbour(l, other) && other->looking)
            return true;
    }
    return false;
}

enum { BUSY_TEXT_MAX = ENGINE_LANES * LANE_BATCH_MAX * UUID_TEXT_MAX + 3 };

static void fill_busy(const struct lane *l, char out[BUSY_TEXT_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        const struct lane *other = l->engine->lane[i];
        if (!is_neighbour(l, other) || !other->building)
            continue;
        for (size_t k = 0; k < other->effects_n; k++) {
            out[used] = used == 0 ? '{' : ',';
            uuid_format(&other->effects[k].id, out + used + 1);
            used += UUID_TEXT_MAX;
        }
    }
    memcpy(out + used, used == 0 ? "{}" : "}", 3 - (used != 0));
}

static void fill_pool(const struct lane *l, struct lane_pool *pool)
{
    uint64_t chain_id = 0;
    *pool = (struct lane_pool){.moves_tokens = l->role == LANE_ARBITER ||
                                               signer_key_moves_tokens(l->key),
                               /* As long as a key has not said hello, it is not gone. */
                               .follows = l->key < 2 && signer_is_settled(l->engine->signer)};
    for (size_t i = 0; i < SIGNER_KEYS; i++) {
        if (signer_key_lane(i) == l->role &&
            signer_identity(l->engine->signer, i, pool->key[pool->keys_n], &chain_id))
            pool->keys_n++;
    }
}

static void look(struct lane *l)
{
    if (lane_gas_look(l) || look_at_allowance(l))
        return;
    if (other_looks(l)) {
        l->wants_look = true;
        lane_round_ended(l);
        return;
    }
    static char busy[BUSY_TEXT_MAX];
    struct lane_holder holder = lane_holder_of(l);
    struct lane_pool pool;
    fill_pool(l, &pool);
    fill_busy(l, busy);
    pool.busy = busy;
    l->looking = true;
    db_query(l->engine->db, lane_look(&holder, &pool, (int)l->engine->config->chain_batch_max),
             looked, l);
}

static int64_t lanes_held(const struct lane *l)
{
    int64_t held = 0;
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        const struct lane *other = l->engine->lane[i];
        held += is_neighbour(l, other) && other->lease_held;
    }
    return held;
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
        l->take_at_ms = clock_mono_ms() + lanes_held(l) * SHARE_MS;
        lane_round_ended(l); /* another instance signs for this key */
        return;
    }
    l->fence = db_get_i64(res, 0, 0, 0);
    l->renew_at_ms = clock_mono_ms() + LEASE_RENEW_MS;
    look(l);
}

/* The signer has signed under a higher token than the lease has, though we hold it: the database is older
 * than the signer's record. Each holder has tokens of its own, so ours may grow until the signer takes it. */
void lane_fenced(struct lane *l)
{
    struct db_script *script = db_script_new();
    lease_raise(script, l->lease, l->engine->owner, l->fence);
    observed_alarm(script, "signer_fence", l->name,
                   "the signer has seen a higher fencing token than the lease of the database: was"
                   " it restored?");
    l->renew_at_ms = 0;
    db_run(l->engine->db, script, lane_committed, l);
}

/* Another daemon that holds fewer lanes is quicker to take a free one. */
static bool leaves_to_others(struct lane *l)
{
    int64_t now = clock_mono_ms();
    if (l->lease_held)
        return false;
    if (l->take_at_ms == 0)
        l->take_at_ms = now + lanes_held(l) * SHARE_MS;
    return now < l->take_at_ms;
}

/* The place holds another key, or none: the old one's lease is given back, its drafts go to the others. */
static void change_key(struct lane *l, const uint8_t address[20])
{
    struct db_script *script = db_script_new();
    if (l->lease[0] != '\0')
        lease_release(script, l->lease, l->engine->owner, l->fence);
    memcpy(l->account, address, sizeof l->account);
    l->lease[0] = '\0';
    l->lease_held = l->lease_asked = false;
    l->renew_at_ms = l->take_at_ms = l->allowance_at_ms = 0;
    l->fence = 0;
    l->open_n = 0;
    l->nonce_stored = l->nonce_top = 0;
    l->purse = (struct lane_purse){0};
    static const char *const OVER[] = {"gas_low", "gas_empty", "tx_stuck", "fee_low",
                                       "effect_waits"};
    for (size_t i = 0; i < sizeof OVER / sizeof OVER[0]; i++)
        observed_alarm_clear(script, OVER[i], l->name); /* they were the other key's */
    l->busy = true;
    db_run(l->engine->db, script, released, l);
}

static void take(struct lane *l)
{
    char address[41];
    struct lane_pool pool;
    hex_encode(l->account, 20, address);
    snprintf(l->lease, sizeof l->lease, "lane:%s:0x%s", l->role_name, address);
    struct db_script *script = db_script_new();
    lease_take(script, l->lease, l->engine->owner, !l->lease_asked);
    fill_pool(l, &pool);
    struct lane_holder holder = lane_holder_of(l);
    if (pool.follows)
        lane_abandon_drafts(script, &holder, &pool);
    db_run(l->engine->db, script, leased, l);
}

/* False: nothing to do at this place, or nothing to do it with. */
static bool key_is_here(struct lane *l, uint8_t address[20])
{
    struct engine *engine = l->engine;
    uint64_t chain_id = 0;
    struct err err;
    memset(address, 0, 20);
    if (signer_identity(engine->signer, l->key, address, &chain_id)) {
        if (l->key != 0 || memcmp(address, engine->config->chain_bridge.b, 20) == 0)
            return true;
        err_set(&err, ERR_SIGNER_AWAY, "the signer's relayer key is not chain.bridge");
        engine_waits(engine, DOOR_SIGNER, &err);
        return false;
    }
    if (l->key >= 2)
        return false; /* no such key, or the first two lanes say what is wrong */
    err_set(&err, ERR_SIGNER_AWAY, "%s", signer_trouble(engine->signer));
    engine_waits(engine, DOOR_SIGNER, &err);
    return false;
}

static void tick(void *ctx)
{
    static const uint8_t NONE[20];
    struct lane *l = ctx;
    uint8_t address[20];
    if (l->busy || l->engine->stopping || !l->engine->ready)
        return;
    bool here = key_is_here(l, address);
    bool gone = !here && l->key >= 2 && signer_is_settled(l->engine->signer);
    if (memcmp(l->account, here ? address : NONE, 20) != 0 && (here || gone)) {
        change_key(l, address);
        return;
    }
    if (!here)
        return;
    engine_answers(l->engine, DOOR_SIGNER);
    if (leaves_to_others(l))
        return;
    l->busy = true;
    if (l->lease_held && clock_mono_ms() < l->renew_at_ms)
        look(l);
    else
        take(l);
}

static bool has_role(const struct lane *l)
{
    const struct engine_party *party = &l->engine->party[l->key];
    return party->holds && memcmp(party->address, l->account, 20) == 0;
}

bool lane_steps_aside(const struct lane *l)
{
    bool other_has = false;
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        const struct lane *other = l->engine->lane[i];
        other_has = other_has || (is_neighbour(l, other) && has_role(other));
    }
    return !has_role(l) && (l->key >= 2 || other_has);
}

struct lane *lane_new(struct engine *engine, size_t key)
{
    struct lane *l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    l->engine = engine;
    l->key = key;
    l->role = signer_key_lane(key);
    l->name = signer_key_name(key);
    l->role_name = l->role == LANE_RELAYER ? "relayer" : "arbiter";
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
    static const uint8_t NONE[20];
    *out = (struct lane_status){.name = l->name,
                                .has_key = memcmp(l->account, NONE, 20) != 0,
                                .has_role = has_role(l),
                                .holds = l->lease_held,
                                .next_nonce = l->nonce_stored,
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
