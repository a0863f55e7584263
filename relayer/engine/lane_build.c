/* A lane's next transaction: batch, dry run, bisection, draft, signature, storing. */
#include "relayer/engine/lane_inside.h"

#include <stdio.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/recover.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/chain/fees.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/lane_call.h"
#include "relayer/engine/signer.h"
#include "relayer/store/lane.h"
#include "relayer/store/observed.h"

enum {
    GAS_MAX = 32000000,
    RETRY_MS = 2000,
    LONG_RETRY_MS = 30000,
    REFUSED_WAIT_MS = 60000, /* a person must change the policy or the order first */
    DONE_WAIT_MS = 3000,
    AHEAD_MS = 1000, /* how long the node must count above what we used before it is believed */
    PATIENCE = 20, /* failures of one effect before a person is asked */
};

/* --- building the next transaction ------------------------------------------------------------- */

/* The number came from a node that was behind: these bytes can never be stored. */
static bool nonce_is_taken(const struct db_result *res)
{
    static const char *const TAKEN[] = {"nonce_pkey", "tx_pkey", "tx_one_counts", "tx_versions"};
    for (size_t i = 0; i < sizeof TAKEN / sizeof TAKEN[0]; i++)
        if (strcmp(db_constraint(res), TAKEN[i]) == 0)
            return true;
    return false;
}

static void drop_draft(struct lane *l, const char *why, int64_t wait_ms)
{
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_drop_draft(script, &holder, why, wait_ms);
    db_run(l->engine->db, script, lane_committed, l);
}

static void armed(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    FAULT_POINT(lane_armed);
    if (err != NULL && nonce_is_taken(res)) {
        log_warn("nonce_taken", "lane=%s nonce=%llu is another transaction's: starting again",
                 l->name, (unsigned long long)l->draft.nonce);
        drop_draft(l, "its nonce was taken by another transaction", 0);
        return;
    }
    if (err != NULL) {
        if (err->code == ERR_DB_CONFLICT)
            engine_alarm(l->engine, "draft_conflict", l->name, err->message);
        lane_database_failed(l, err);
        return;
    }
    l->limit = l->engine->config->chain_batch_max;
    char hash[67];
    hex_encode_0x(l->hash, 32, hash);
    log_info("tx_armed", "lane=%s kind=%s effects=%zu nonce=%llu tx=%s", l->name, l->draft.kind,
             l->draft.effects_n, (unsigned long long)l->draft.nonce, hash);
    lane_again_now(l);
}

/* The signer is another program: what it returns is checked field by field before it is stored. */
bool lane_signature_is_ours(const struct lane *l, struct bytes signed_tx, struct bytes asked)
{
    struct tx got;
    uint8_t sender[20];
    uint8_t again[LANE_RAW_MAX];
    struct buf out;
    if (tx_decode_signed(signed_tx, &got) != TX_OK || !tx_sender(&got, sender))
        return false;
    buf_init(&out, again, sizeof again);
    return memcmp(sender, l->account, 20) == 0 && tx_encode_unsigned(&got, &out) && !out.full &&
           out.n == asked.n && memcmp(again, asked.p, out.n) == 0;
}

static void not_signed(struct lane *l, const struct err *err)
{
    if (err->code != ERR_SIGNER_REFUSED) {
        /* Away, late or fenced off: the draft stays, and the same bytes are asked for again. */
        engine_waits(l->engine, DOOR_SIGNER, err);
        if (err->code == ERR_SIGNER_FENCE)
            lane_fenced(l);
        else
            lane_round_ended(l);
        return;
    }
    bool many = l->draft.effects_n > 1;
    /* A batch may be too much where each of its effects is not: halve it first. */
    if (many)
        l->limit = l->draft.effects_n / 2;
    else
        engine_alarm(l->engine, "signer_refused", l->name, err->message);
    drop_draft(l, err->message, many ? 0 : REFUSED_WAIT_MS);
}

static void signed_back(void *ctx, const struct err *err, struct bytes signed_tx)
{
    struct lane *l = ctx;
    FAULT_POINT(lane_signed);
    if (err != NULL) {
        not_signed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_SIGNER);
    struct bytes asked = {l->draft.unsigned_tx, l->draft.unsigned_n};
    if (signed_tx.n > LANE_RAW_MAX || !lane_signature_is_ours(l, signed_tx, asked)) {
        engine_alarm(l->engine, "signer_wrong", l->name,
                     "the signer returned something else than asked");
        lane_round_ended(l);
        return;
    }
    tx_hash(signed_tx, l->hash);
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_arm(script, &holder, &l->draft, l->hash, signed_tx);
    static const char *const OVER[] = {"fee_cap",      "gas_empty",    "signer_refused",
                                       "signer_wrong", "effect_waits", "draft_conflict",
                                       "nonce_gap",    "signer_fence"};
    for (size_t i = 0; i < sizeof OVER / sizeof OVER[0]; i++)
        observed_alarm_clear(script, OVER[i], l->name);
    FAULT_POINT(lane_before_arm);
    db_run(l->engine->db, script, armed, l);
}

static void sign_draft(struct lane *l)
{
    FAULT_POINT(lane_before_sign);
    signer_sign(l->engine->signer, l->key, (uint64_t)l->fence,
                (struct bytes){l->draft.unsigned_tx, l->draft.unsigned_n}, signed_back, l);
}

static void drafted(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    FAULT_POINT(lane_drafted);
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    l->building = false; /* from here the rows say whose they are */
    sign_draft(l);
}

/* Everything but the signature is decided: commit it before the signer sees it. */
static void put_draft(struct lane *l)
{
    struct lane_draft *draft = &l->draft;
    struct buf out;
    memset(draft, 0, sizeof *draft);
    buf_init(&out, draft->unsigned_tx, sizeof draft->unsigned_tx);
    CHECK(tx_encode_unsigned(&l->tx, &out) && !out.full);
    draft->unsigned_n = out.n;
    draft->nonce = l->tx.nonce;
    draft->gas_limit = l->tx.gas_limit;
    draft->effects_n = l->effects_n;
    memcpy(draft->destination, l->to, sizeof draft->destination);
    snprintf(draft->kind, sizeof draft->kind, "%s", effect_kind_name(l->effects[0].kind));
    u256_to_dec(&l->tx.max_fee, draft->max_fee_wei);
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_put_draft(script, &holder, draft, l->effects);
    FAULT_POINT(lane_before_draft);
    db_run(l->engine->db, script, drafted, l);
}

/* The estimate is zero or above any gas limit we would sign: fewer at once may go; one alone waits. */
static void gas_is_wrong(struct lane *l)
{
    if (l->effects_n > 1) {
        l->limit = l->effects_n / 2;
        lane_again_now(l);
        return;
    }
    char why[120];
    snprintf(why, sizeof why, "the node estimates %llu gas, and at most %d is signed",
             (unsigned long long)l->tx.gas_limit, GAS_MAX);
    struct db_script *script = db_script_new();
    lane_still_free(script, &l->effects[0]);
    lane_defer(script, &l->effects[0], why, LONG_RETRY_MS);
    observed_alarm(script, "effect_waits", l->name, why);
    l->limit = l->engine->config->chain_batch_max;
    db_run(l->engine->db, script, lane_committed, l);
}

struct fees_settings lane_fees_settings(const struct lane *l)
{
    const struct config *config = l->engine->config;
    return (struct fees_settings){.max_fee_wei = config->chain_max_fee_wei,
                                  .priority_fee_wei = config->chain_priority_fee_wei,
                                  .gas_headroom_pct = (uint32_t)config->chain_gas_headroom_pct,
                                  .gas_max = GAS_MAX};
}

static void base_fee_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    struct fees_settings settings = lane_fees_settings(l);
    struct fees fees;
    uint64_t gas = 0;
    if (!block->has_base_fee || !fees_from_base(&block->base_fee, &settings, &fees)) {
        engine_alarm(l->engine, "fee_cap", l->name, "the base fee is above chain.max_fee_wei");
        lane_round_ended(l);
        return;
    }
    if (!fees_gas_limit(l->tx.gas_limit, &settings, &gas)) {
        gas_is_wrong(l);
        return;
    }
    l->purse.gas = gas;
    l->purse.gas_wei = 0;
    (void)u256_to_u64(&block->base_fee, &l->purse.gas_wei);
    if (!lane_gas_covers(l, gas, &fees, NULL)) {
        lane_round_ended(l); /* the effects wait: nothing is wrong with them */
        return;
    }
    l->tx.gas_limit = gas;
    l->tx.max_fee = u256_from_u64(fees.max_fee_wei);
    l->tx.max_priority_fee = u256_from_u64(fees.priority_fee_wei);
    put_draft(l);
}

/* A count above all we have used says that somebody else has our key, or a node miscounts: a transaction
 * built on a wrong one would wait behind the gap for ever. The lowest is believed once nothing lower was said
 * for a while. False: not yet; true: *next is what to believe. */
static bool count_is_believed(struct lane *l, uint64_t *next)
{
    int64_t now = clock_mono_ms();
    if (*next <= l->nonce_stored) {
        l->ahead_since_ms = 0;
        return true;
    }
    if (l->ahead_since_ms == 0 || *next < l->ahead_count || l->ahead_count <= l->nonce_stored) {
        l->ahead_count = *next;
        l->ahead_since_ms = now;
    }
    *next = l->ahead_count;
    return now - l->ahead_since_ms >= AHEAD_MS;
}

static void nonce_known(struct lane *l)
{
    node_block(l->engine->node, (struct node_at){.tag = NODE_LATEST}, base_fee_read, l);
}

static void nonce_read(void *ctx, const struct err *err, uint64_t next)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    if (!count_is_believed(l, &next)) {
        lane_round_ended(l);
        return;
    }
    /* The chain counts; on top of it come our own that are stored: not mined yet, or mined where this node
     * has not looked. */
    l->tx.nonce = next > l->nonce_stored ? next : l->nonce_stored;
    lane_gap_look(l, next, nonce_known);
}

static void park_effect(struct lane *l, struct db_script *script, const struct effect_row *e,
                        const char *why)
{
    char id[UUID_TEXT_MAX];
    uuid_format(&e->id, id);
    /* What a person asked for and the contract refuses was never sent: it certainly did not happen, and
     * custody goes on without it. */
    if (e->kind == EFFECT_DISPUTE_RAISE || e->kind == EFFECT_ESCROW_RELEASE_EARLY) {
        effects_reject(script, e, why);
        log_info("effect_refused", "lane=%s effect_id=%s: %s", l->name, id, why);
        return;
    }
    effects_park(script, e, why);
    observed_alarm(script, "effect_parked", id, why);
    log_error("effect_parked", "lane=%s effect_id=%s: %s", l->name, id, why);
}

/* Our key lost its role since the contract was last asked: the effects can do nothing for that, others take
 * them. */
static bool role_is_lost(struct lane *l, struct bytes revert)
{
    char text[160];
    (void)escrow_revert_classify(revert, text, sizeof text);
    if (strncmp(text, "AccessControlUnauthorizedAccount", 32) != 0)
        return false;
    l->engine->party[l->key].holds = false;
    contract_check_kick(l->engine->contracts, 0);
    if (!lane_steps_aside(l))
        return false;
    log_warn("lane_without_role", "lane=%s: %s", l->name, text);
    lane_round_ended(l);
    return true;
}

/* A dry run failed. A batch is halved until the one that cannot go is alone; that one is judged. */
static void judge_revert(struct lane *l, struct bytes revert)
{
    if (role_is_lost(l, revert))
        return;
    if (l->effects_n > 1) {
        l->limit = l->effects_n / 2;
        log_info("batch_halved", "lane=%s kind=%s to=%zu", l->name,
                 effect_kind_name(l->effects[0].kind), l->limit);
        lane_again_now(l);
        return;
    }
    struct effect_row *e = &l->effects[0];
    char text[160];
    char why[200];
    enum revert_class class = escrow_revert_classify(revert, text, sizeof text);
    snprintf(why, sizeof why, "dry run: %s", text);
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_check(script, &holder); /* another may have sent it since: then nothing is judged here */
    lane_still_free(script, e);
    bool patient = e->failures < PATIENCE;
    /* REVERT_RETRY: its time has not come (a pause, a running custody, no allowance): it waits as long as it
     * takes, with an alarm once that is long. REVERT_DONE: the escrow has left the state this starts from;
     * if our own call did it, its log is on the way and confirms the effect, if not a person looks. */
    if (class == REVERT_ALARM || (class == REVERT_DONE && !patient)) {
        park_effect(l, script, e, why);
    } else {
        int64_t wait_ms = class == REVERT_DONE ? DONE_WAIT_MS : patient ? RETRY_MS : LONG_RETRY_MS;
        lane_defer(script, e, why, wait_ms);
        l->allowance_at_ms = 0; /* it may be what is missing */
        if (!patient)
            observed_alarm(script, "effect_waits", l->name, why);
    }
    l->limit = l->engine->config->chain_batch_max;
    db_run(l->engine->db, script, lane_committed, l);
}

static void estimated(void *ctx, const struct err *err, const struct node_estimate *estimate)
{
    struct lane *l = ctx;
    if (err != NULL && err->code == ERR_CHAIN_REVERT) {
        judge_revert(l, estimate->revert);
        return;
    }
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    uint64_t most = l->engine->config->chain_batch_gas_max;
    if (estimate->gas > most && l->effects_n > 1) {
        /* Cut in proportion: the rest goes with the next. */
        size_t fit = (size_t)((unsigned __int128)l->effects_n * most / estimate->gas);
        l->limit = fit > 0 ? fit : 1;
        log_info("batch_cut", "lane=%s kind=%s from=%zu to=%zu gas=%llu", l->name,
                 effect_kind_name(l->effects[0].kind), l->effects_n, l->limit,
                 (unsigned long long)estimate->gas);
        lane_again_now(l);
        return;
    }
    l->tx.gas_limit = estimate->gas;
    node_nonce(l->engine->node, l->account, nonce_read, l);
}

/* The token asks for no role, and its draft can be given to nobody else. */
static bool draft_moves_tokens(const struct lane *l)
{
    return strcmp(l->draft.kind, effect_kind_name(EFFECT_TOKEN_TRANSFER)) == 0 ||
           strcmp(l->draft.kind, effect_kind_name(EFFECT_TOKEN_APPROVE)) == 0;
}

/* Without its role the key can call nothing of the escrow. */
static void wait_for_role(struct lane *l)
{
    if (!l->has_draft || l->draft.effects_n == 0) {
        lane_round_ended(l);
        return;
    }
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_abandon_draft(script, &holder);
    db_run(l->engine->db, script, lane_committed, l);
}

/* The account was too poor a moment ago. What was needed then may be less now: fees fall, open ones end. */
static bool gas_waits(const struct lane *l)
{
    return l->purse.empty && clock_mono_ms() < l->purse.try_at_ms;
}

/* Of our own account, in no block yet as far as we know. */
static size_t under_way(const struct lane *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->open_n; i++)
        n += memcmp(l->open[i].account, l->account, sizeof l->account) == 0;
    return n - l->settling;
}

void lane_build_next(struct lane *l)
{
    const struct config *config = l->engine->config;
    if (lane_steps_aside(l) && !(l->has_draft && draft_moves_tokens(l))) {
        wait_for_role(l);
        return;
    }
    if (l->has_draft && !engine_holds(l->engine)) {
        sign_draft(l);
        return;
    }
    if (l->effects_n == 0 || engine_holds(l->engine) || under_way(l) >= config->chain_in_flight ||
        l->engine->chain_time_s == 0 || l->blocked || l->engine->draining || gas_waits(l)) {
        lane_round_ended(l);
        return;
    }
    if (!l->purse.known) { /* something was mined in this round: read the balance first */
        lane_again_now(l);
        return;
    }
    enum effect_kind kind = l->effects[0].kind;
    bool waits_for_company =
        lane_call_is_batchable(kind) && l->effects_n < config->chain_batch_max &&
        l->limit >= config->chain_batch_max && l->age_ms < (int64_t)config->chain_batch_wait_ms;
    if (waits_for_company) {
        lane_round_ended(l);
        return;
    }
    size_t n = lane_call_is_batchable(kind) ? l->effects_n : 1;
    if (n > l->limit)
        n = l->limit;
    n = lane_call_together(l->effects, n);
    l->effects_n = n;
    struct buf out;
    buf_init(&out, l->calldata, sizeof l->calldata);
    CHECK(lane_call_encode(config, l->engine->chain_time_s, l->effects, n, l->to, &out) &&
          !out.full);
    l->calldata_n = out.n;
    memset(&l->tx, 0, sizeof l->tx);
    l->tx.type = TX_EIP1559;
    l->tx.chain_id = config->chain_chain_id;
    l->tx.has_to = true;
    memcpy(l->tx.to, l->to, 20);
    l->tx.data = (struct bytes){l->calldata, l->calldata_n};
    struct node_message message = {.to = l->to, .from = l->account, .data = l->tx.data};
    FAULT_POINT(lane_before_dry_run);
    node_estimate(l->engine->node, &message, estimated, l);
}
