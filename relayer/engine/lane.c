#include "relayer/engine/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/fees.h"
#include "relayer/chain/node.h"
#include "relayer/engine/lane_call.h"
#include "relayer/engine/signer.h"
#include "relayer/store/lane.h"
#include "relayer/store/lease.h"
#include "relayer/store/observed.h"

enum {
    GAS_MAX = 32000000,
    LEASE_RENEW_MS = LEASE_S * 1000 / 3,
    ALLOWANCE_LOOK_MS = 30000,
    RETRY_MS = 2000,
    LONG_RETRY_MS = 30000,
    REFUSED_WAIT_MS = 60000, /* a person must change the policy or the order first */
    DONE_WAIT_MS = 3000,
    FEE_LOW_MAX = 10, /* refusals in a row because of the fee before a person is told */
    PATIENCE = 20, /* failures of one effect before a person is asked */
};

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

static void next_open(struct lane *l);
static void build(struct lane *l);

static void round_ended(struct lane *l)
{
    l->busy = false;
}

static void again_now(struct lane *l)
{
    l->busy = false;
    if (!l->engine->stopping)
        loop_timer_start(l->timer, 0, LANE_TICK_MS);
}

static void node_failed(struct lane *l, const struct err *err)
{
    metrics_add(METRIC_chain_errors, 1);
    engine_waits(l->engine, DOOR_NODE, err);
    round_ended(l);
}

static void database_failed(struct lane *l, const struct err *err)
{
    if (err->code == ERR_DB_CONFLICT)
        log_warn("lane_race", "lane=%s: another instance was first: %s", l->name, err->message);
    else
        engine_waits(l->engine, DOOR_DATABASE, err);
    if (err->code == ERR_DB_RULE || err->code == ERR_DB_FAILED)
        log_broken("lane_rule", "lane=%s: %s", l->name, err->message);
    l->renew_at_ms = 0; /* the lease may be gone */
    round_ended(l);
}

static struct lane_holder holder_of(const struct lane *l)
{
    return (struct lane_holder){.lease = l->lease,
                                .owner = l->engine->owner,
                                .fence = l->fence,
                                .lane = l->name,
                                .chain_id = l->engine->config->chain_chain_id,
                                .account = l->account};
}

/* Commits and starts the next round at once. */
static void committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    if (err != NULL) {
        database_failed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_DATABASE);
    again_now(l);
}

/* --- sending ----------------------------------------------------------------------------------- */

static int64_t *sent_at(struct lane *l, const uint8_t hash[32])
{
    size_t oldest = 0;
    for (size_t i = 0; i < LANE_OPEN_MAX; i++) {
        if (memcmp(l->sent_hash[i], hash, 32) == 0)
            return &l->sent_at_ms[i];
        if (l->sent_at_ms[i] < l->sent_at_ms[oldest])
            oldest = i;
    }
    memcpy(l->sent_hash[oldest], hash, 32);
    l->sent_at_ms[oldest] = 0;
    return &l->sent_at_ms[oldest];
}

static void sent_committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    FAULT_POINT(lane_sent_recorded);
    if (err != NULL) {
        database_failed(l, err);
        return;
    }
    l->open_at++;
    next_open(l);
}

static void sent(void *ctx, const struct err *err, const struct node_sent *answer)
{
    struct lane *l = ctx;
    const struct lane_tx *tx = &l->open[l->open_at];
    FAULT_POINT(lane_send_answered);
    *sent_at(l, tx->hash) = clock_mono_ms();
    struct db_script *script = db_script_new();
    char hash[67];
    hex_encode_0x(tx->hash, 32, hash);
    switch (answer->verdict) {
    case SEND_ACCEPTED:
    case SEND_KNOWN:
        engine_answers(l->engine, DOOR_NODE);
        if (tx->sends == 0)
            log_info("tx_sent", "lane=%s nonce=%llu tx=%s", l->name, (unsigned long long)tx->nonce,
                     hash);
        lane_sent(script, tx->hash);
        l->fee_low = 0;
        observed_alarm_clear(script, "fee_low", l->name);
        break;
    case SEND_NONCE_LOW: /* ours is in a block, or another took the nonce: the receipt tells */
    case SEND_NONCE_HIGH:
    case SEND_FEE_LOW:
    case SEND_FUNDS:
    case SEND_REFUSED:
    case SEND_UNKNOWN:
        log_warn("tx_not_accepted", "lane=%s nonce=%llu tx=%s verdict=%s: %s", l->name,
                 (unsigned long long)tx->nonce, hash, send_verdict_name(answer->verdict),
                 err != NULL ? err->message : answer->text);
        lane_send_failed(script, tx->hash, answer->text);
        if (answer->verdict == SEND_FUNDS || answer->verdict == SEND_REFUSED)
            observed_alarm(script, answer->verdict == SEND_FUNDS ? "gas_empty" : "tx_refused",
                           l->name, answer->text);
        l->fee_low = answer->verdict == SEND_FEE_LOW ? l->fee_low + 1 : 0;
        if (l->fee_low > FEE_LOW_MAX)
            observed_alarm(script, "fee_low", l->name, answer->text);
        break;
    }
    if (answer->verdict == SEND_UNKNOWN && err != NULL)
        engine_waits(l->engine, DOOR_NODE, err);
    FAULT_POINT(lane_before_sent_record);
    db_run(l->engine->db, script, sent_committed, l);
}

static void lane_offer(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    if (engine_holds(l->engine) && tx->sends == 0) {
        l->open_at++;
        next_open(l);
        return;
    }
    int64_t last = *sent_at(l, tx->hash);
    if (last != 0 && clock_mono_ms() - last < LANE_RESEND_MS) {
        l->open_at++;
        next_open(l);
        return;
    }
    FAULT_POINT(lane_before_send);
    node_send_raw(l->engine->node, (struct bytes){tx->raw, tx->raw_n}, sent, l);
}

/* --- open transactions ------------------------------------------------------------------------- */

static void nonce_judged(void *ctx, const struct err *err, uint64_t next)
{
    struct lane *l = ctx;
    if (err != NULL) {
        node_failed(l, err);
        return;
    }
    const struct lane_tx *tx = &l->open[l->open_at];
    if (next <= tx->nonce) {
        lane_offer(l);
        return;
    }
    /* The nonce is used and no receipt carries our hash. A node that lags shows the same for a moment, so
     * the judgement is repeated until the bytes have been offered several times. */
    if (tx->sends < 5) {
        lane_offer(l);
        return;
    }
    char hash[67];
    hex_encode_0x(tx->hash, 32, hash);
    struct db_script *script = db_script_new();
    lane_lost(script, tx->hash, "its nonce was used by another transaction");
    observed_alarm(script, "foreign_nonce", l->name, hash);
    log_error("foreign_nonce", "lane=%s nonce=%llu tx=%s", l->name, (unsigned long long)tx->nonce,
              hash);
    db_run(l->engine->db, script, sent_committed, l);
}

static void fee_text(const struct chain_receipt *receipt, char out[80])
{
    uint64_t price = 0;
    struct u256 fee;
    if (!u256_to_u64(&receipt->effective_gas_price, &price))
        price = UINT64_MAX;
    unsigned __int128 wei = (unsigned __int128)price * receipt->gas_used;
    uint8_t be[16];
    for (int i = 15; i >= 0; i--, wei >>= 8)
        be[i] = (uint8_t)wei;
    CHECK(u256_from_be(be, sizeof be, &fee));
    u256_to_dec(&fee, out);
}

static void receipt_read(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    struct lane *l = ctx;
    FAULT_POINT(lane_receipt_read);
    if (err != NULL) {
        node_failed(l, err);
        return;
    }
    const struct lane_tx *tx = &l->open[l->open_at];
    if (!receipt->present) {
        node_nonce(l->engine->node, l->account, nonce_judged, l);
        return;
    }
    /* A failure is believed once its block is final: in another block the same bytes might succeed, and
     * what they carry must not be planned a second time before that is impossible. */
    if (!receipt->succeeded && receipt->block_number > l->engine->final_number) {
        l->open_at++;
        next_open(l);
        return;
    }
    char fee[80];
    fee_text(receipt, fee);
    struct lane_receipt mined = {.block_number = receipt->block_number,
                                 .block_hash = receipt->block_hash,
                                 .success = receipt->succeeded,
                                 .gas_used = receipt->gas_used,
                                 .fee_wei = fee};
    struct db_script *script = db_script_new();
    lane_mined(script, tx->hash, &mined);
    if (!receipt->succeeded)
        log_warn("tx_reverted", "lane=%s nonce=%llu", l->name, (unsigned long long)tx->nonce);
    db_run(l->engine->db, script, sent_committed, l);
}

static void next_open(struct lane *l)
{
    if (l->open_at < l->open_n) {
        const struct lane_tx *tx = &l->open[l->open_at];
        if (tx->sends == 0 && *sent_at(l, tx->hash) == 0)
            lane_offer(
                l); /* fresh: it can have no receipt yet, and if it has, the answer says so */
        else
            node_receipt(l->engine->node, tx->hash, receipt_read, l);
        return;
    }
    build(l);
}

/* --- building the next transaction ------------------------------------------------------------- */

/* The number came from a node that was behind: these bytes can never be stored. */
static bool nonce_is_taken(const struct db_result *res)
{
    return strcmp(db_constraint(res), "nonce_pkey") == 0 ||
           strcmp(db_constraint(res), "tx_pkey") == 0;
}

static void drop_draft(struct lane *l, const char *why, int64_t wait_ms)
{
    struct lane_holder holder = holder_of(l);
    struct db_script *script = db_script_new();
    lane_drop_draft(script, &holder, why, wait_ms);
    db_run(l->engine->db, script, committed, l);
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
        database_failed(l, err);
        return;
    }
    l->limit = l->engine->config->chain_batch_max;
    char hash[67];
    hex_encode_0x(l->hash, 32, hash);
    log_info("tx_armed", "lane=%s kind=%s effects=%zu nonce=%llu tx=%s", l->name, l->draft.kind,
             l->draft.effects_n, (unsigned long long)l->draft.nonce, hash);
    again_now(l);
}

/* The signer is another program: what it returns is checked field by field before it is stored. */
static bool signature_is_ours(struct lane *l, struct bytes signed_tx)
{
    struct tx got;
    uint8_t sender[20];
    uint8_t again[LANE_RAW_MAX];
    struct buf out;
    if (tx_decode_signed(signed_tx, &got) != TX_OK || !tx_sender(&got, sender))
        return false;
    buf_init(&out, again, sizeof again);
    return memcmp(sender, l->account, 20) == 0 && tx_encode_unsigned(&got, &out) && !out.full &&
           out.n == l->draft.unsigned_n && memcmp(again, l->draft.unsigned_tx, out.n) == 0;
}

static void not_signed(struct lane *l, const struct err *err)
{
    if (err->code != ERR_SIGNER_REFUSED) {
        /* Away, late or fenced off: the draft stays, and the same bytes are asked for again. */
        engine_waits(l->engine, DOOR_SIGNER, err);
        if (err->code == ERR_SIGNER_FENCE)
            l->renew_at_ms = 0;
        round_ended(l);
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
    if (signed_tx.n > LANE_RAW_MAX || !signature_is_ours(l, signed_tx)) {
        engine_alarm(l->engine, "signer_wrong", l->name,
                     "the signer returned something else than asked");
        round_ended(l);
        return;
    }
    tx_hash(signed_tx, l->hash);
    struct lane_holder holder = holder_of(l);
    struct db_script *script = db_script_new();
    lane_arm(script, &holder, &l->draft, l->hash, signed_tx);
    static const char *const OVER[] = {"fee_cap",      "gas_empty",    "signer_refused",
                                       "signer_wrong", "effect_waits", "draft_conflict"};
    for (size_t i = 0; i < sizeof OVER / sizeof OVER[0]; i++)
        observed_alarm_clear(script, OVER[i], l->name);
    FAULT_POINT(lane_before_arm);
    db_run(l->engine->db, script, armed, l);
}

static void sign_draft(struct lane *l)
{
    FAULT_POINT(lane_before_sign);
    signer_sign(l->engine->signer, l->role, (uint64_t)l->fence,
                (struct bytes){l->draft.unsigned_tx, l->draft.unsigned_n}, signed_back, l);
}

static void drafted(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    FAULT_POINT(lane_drafted);
    if (err != NULL) {
        database_failed(l, err);
        return;
    }
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
    struct lane_holder holder = holder_of(l);
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
        again_now(l);
        return;
    }
    char why[120];
    snprintf(why, sizeof why, "the node estimates %llu gas, and at most %d is signed",
             (unsigned long long)l->tx.gas_limit, GAS_MAX);
    struct db_script *script = db_script_new();
    lane_defer(script, &l->effects[0], why, LONG_RETRY_MS);
    observed_alarm(script, "effect_waits", l->name, why);
    l->limit = l->engine->config->chain_batch_max;
    db_run(l->engine->db, script, committed, l);
}

static void base_fee_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct lane *l = ctx;
    if (err != NULL) {
        node_failed(l, err);
        return;
    }
    const struct config *config = l->engine->config;
    struct fees_settings settings = {.max_fee_wei = config->chain_max_fee_wei,
                                     .priority_fee_wei = config->chain_priority_fee_wei,
                                     .gas_headroom_pct = (uint32_t)config->chain_gas_headroom_pct,
                                     .gas_max = GAS_MAX};
    struct fees fees;
    uint64_t gas = 0;
    if (!block->has_base_fee || !fees_from_base(&block->base_fee, &settings, &fees)) {
        engine_alarm(l->engine, "fee_cap", l->name, "the base fee is above chain.max_fee_wei");
        round_ended(l);
        return;
    }
    if (!fees_gas_limit(l->tx.gas_limit, &settings, &gas)) {
        gas_is_wrong(l);
        return;
    }
    l->tx.gas_limit = gas;
    l->tx.max_fee = u256_from_u64(fees.max_fee_wei);
    l->tx.max_priority_fee = u256_from_u64(fees.priority_fee_wei);
    put_draft(l);
}

static void nonce_read(void *ctx, const struct err *err, uint64_t next)
{
    struct lane *l = ctx;
    if (err != NULL) {
        node_failed(l, err);
        return;
    }
    /* The chain counts; on top of it come our own that are stored: not mined yet, or mined where this node
     * has not looked. */
    l->tx.nonce = next > l->nonce_stored ? next : l->nonce_stored;
    node_block(l->engine->node, (struct node_at){.tag = NODE_LATEST}, base_fee_read, l);
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

/* A dry run failed. A batch is halved until the one that cannot go is alone; that one is judged. */
static void judge_revert(struct lane *l, struct bytes revert)
{
    if (l->effects_n > 1) {
        l->limit = l->effects_n / 2;
        log_info("batch_halved", "lane=%s kind=%s to=%zu", l->name,
                 effect_kind_name(l->effects[0].kind), l->limit);
        again_now(l);
        return;
    }
    struct effect_row *e = &l->effects[0];
    char text[160];
    char why[200];
    enum revert_class class = escrow_revert_classify(revert, text, sizeof text);
    snprintf(why, sizeof why, "dry run: %s", text);
    struct lane_holder holder = holder_of(l);
    struct db_script *script = db_script_new();
    lane_check(script, &holder); /* another may have sent it since: then nothing is judged here */
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
    db_run(l->engine->db, script, committed, l);
}

static void estimated(void *ctx, const struct err *err, const struct node_estimate *estimate)
{
    struct lane *l = ctx;
    if (err != NULL && err->code == ERR_CHAIN_REVERT) {
        judge_revert(l, estimate->revert);
        return;
    }
    if (err != NULL) {
        node_failed(l, err);
        return;
    }
    l->tx.gas_limit = estimate->gas;
    node_nonce(l->engine->node, l->account, nonce_read, l);
}

static void build(struct lane *l)
{
    const struct config *config = l->engine->config;
    if (l->has_draft && !engine_holds(l->engine)) {
        sign_draft(l);
        return;
    }
    if (l->effects_n == 0 || engine_holds(l->engine) || l->open_n >= config->chain_in_flight ||
        l->engine->chain_time_s == 0) {
        round_ended(l);
        return;
    }
    enum effect_kind kind = l->effects[0].kind;
    bool waits_for_company =
        lane_call_is_batchable(kind) && l->effects_n < config->chain_batch_max &&
        l->limit >= config->chain_batch_max && l->age_ms < (int64_t)config->chain_batch_wait_ms;
    if (waits_for_company) {
        round_ended(l);
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
        round_ended(l);
        return;
    }
    l->allowance_at_ms = clock_mono_ms() + ALLOWANCE_LOOK_MS;
    if (!u256_to_u64(&allowance, &units) || units >= target / 2) {
        again_now(l);
        return;
    }
    struct effect_plan plan = {.kind = EFFECT_TOKEN_APPROVE, .amount_units = (int64_t)target};
    struct uuid owner = uuid_new();
    flow_effect_id(&owner, EFFECT_TOKEN_APPROVE, -1, 1, &plan.id, &plan.idem_key);
    struct db_script *script = db_script_new();
    effects_insert(script, &plan, NULL, l->engine->config->chain_escrow.text);
    db_run(l->engine->db, script, committed, l);
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
        database_failed(l, err);
        return;
    }
    engine_answers(l->engine, DOOR_DATABASE);
    l->open_n = lane_parse_open(res, l->open, LANE_OPEN_MAX);
    l->effects_n = effects_parse(res, 1, l->effects, LANE_BATCH_MAX);
    l->age_ms = lane_parse_age_ms(res);
    l->nonce_stored = lane_parse_nonce(res);
    l->has_draft = lane_parse_draft(res, &l->draft);
    l->open_at = 0;
    next_open(l);
}

static void look(struct lane *l)
{
    if (look_at_allowance(l))
        return;
    struct lane_holder holder = holder_of(l);
    db_query(l->engine->db, lane_look(&holder, (int)l->engine->config->chain_batch_max), looked, l);
}

static void leased(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    if (err != NULL) {
        database_failed(l, err);
        return;
    }
    l->lease_asked = true;
    if (db_rows(res, 0) == 0) {
        round_ended(l); /* another instance signs for this key */
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
