#include "relayer/engine/watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/head.h"
#include "relayer/chain/node.h"

enum { SPAN_MAX = 64, LOGS_KEPT_MAX = 2048 };

/* One round: heads -> headers of the next span -> its logs -> commit. */
struct watcher {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;
    bool position_known; /* head and scanned are what the database holds */
    bool scanned_known;
    uint64_t scanned;                  /* newest block whose logs are committed */
    struct head head;                  /* the newest committed headers */
    struct chain_block latest, policy; /* of this round */
    bool policy_known;
    struct seen_block span[SPAN_MAX];
    size_t span_n;
    struct seen_log logs[LOGS_KEPT_MAX];
    size_t logs_n;
    uint64_t finalized_done; /* newest number evidence_final was committed for */
};

static void round_ended(struct watcher *w)
{
    w->busy = false;
    if (w->again)
        watcher_kick(w);
}

static void node_failed(struct watcher *w, const struct err *err)
{
    metrics_add(METRIC_chain_errors, 1);
    engine_waits(w->engine, DOOR_NODE, err);
    round_ended(w);
}

static void database_failed(struct watcher *w, const struct err *err)
{
    engine_waits(w->engine, DOOR_DATABASE, err);
    w->position_known = false; /* read again what is really committed */
    round_ended(w);
}

static struct seen_block seen(const struct chain_block *block)
{
    struct seen_block out = {.number = block->number, .time_s = (int64_t)block->time};
    memcpy(out.hash, block->hash, sizeof out.hash);
    memcpy(out.parent, block->parent, sizeof out.parent);
    return out;
}

static uint64_t scanned_next(const struct watcher *w)
{
    if (w->scanned_known)
        return w->scanned + 1;
    uint64_t start = w->engine->config->chain_start_block;
    return start > 0 ? start : 1;
}

static struct head_block header_of(const struct seen_block *block)
{
    struct head_block out = {.number = block->number};
    memcpy(out.hash, block->hash, sizeof out.hash);
    memcpy(out.parent, block->parent, sizeof out.parent);
    return out;
}

static void push_header(struct watcher *w, const struct seen_block *block)
{
    struct head_block header = header_of(block);
    head_push(&w->head, &header);
}

/* --- commit ------------------------------------------------------------------------------------ */

static void committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct watcher *w = ctx;
    FAULT_POINT(watcher_after_commit);
    if (err != NULL) {
        database_failed(w, err);
        return;
    }
    struct engine *engine = w->engine;
    engine_answers(engine, DOOR_DATABASE);
    if (w->span_n > 0) {
        w->scanned_known = true;
        w->scanned = w->span[w->span_n - 1].number;
        for (size_t i = 0; i < w->span_n; i++)
            push_header(w, &w->span[i]);
    }
    engine->latest_number = w->latest.number;
    engine->chain_time_s = (int64_t)w->latest.time;
    if (w->policy_known) {
        uint64_t scanned = w->scanned_known ? w->scanned : 0;
        engine->final_number = w->policy.number < scanned ? w->policy.number : scanned;
        w->finalized_done = engine->final_number;
    }
    metrics_set(METRIC_chain_head_latest, (int64_t)engine->latest_number);
    metrics_set(METRIC_chain_head_final, (int64_t)engine->final_number);
    w->again = w->again || (w->span_n > 0 && w->scanned < w->latest.number);
    engine_kick(engine);
    round_ended(w);
}

static void commit(struct watcher *w)
{
    struct engine *engine = w->engine;
    struct db_script *script = db_script_new();
    if (w->span_n > 0)
        evidence_scanned(script, w->span, w->span_n, w->logs, w->logs_n, &w->span[w->span_n - 1]);
    struct seen_block latest = seen(&w->latest);
    evidence_head(script, "latest", &latest);
    uint64_t scanned =
        w->span_n > 0 ? w->span[w->span_n - 1].number : (w->scanned_known ? w->scanned : 0);
    if (w->policy_known) {
        struct seen_block policy = seen(&w->policy);
        evidence_head(script, "policy", &policy);
        uint64_t final = w->policy.number < scanned ? w->policy.number : scanned;
        if (final > w->finalized_done || w->logs_n > 0) {
            struct evidence_wallets wallets;
            engine_wallets(engine, &wallets);
            evidence_final(script, final, &wallets);
        }
    }
    payments_wake_matured(script, (int64_t)w->latest.time -
                                      (int64_t)engine->config->custody_release_margin_s);
    FAULT_POINT(watcher_before_commit);
    db_run(engine->db, script, committed, w);
}

/* --- logs -------------------------------------------------------------------------------------- */

static const struct seen_block *span_find(const struct watcher *w, uint64_t number)
{
    if (w->span_n == 0 || number < w->span[0].number || number > w->span[w->span_n - 1].number)
        return NULL;
    return &w->span[number - w->span[0].number];
}

static void read_escrow_event(const struct escrow_event *event, struct seen_log *out)
{
    static const char *const NAMES[ESCROW_EVENT_KINDS] = {
        [ESCROW_EVENT_CREATED] = "EscrowCreated",
        [ESCROW_EVENT_RELEASED] = "EscrowReleased",
        [ESCROW_EVENT_DISPUTE_RAISED] = "DisputeRaised",
        [ESCROW_EVENT_DISPUTE_DISMISSED] = "DisputeDismissed",
        [ESCROW_EVENT_REVERTED] = "EscrowReverted",
        [ESCROW_EVENT_SPLIT] = "EscrowSplit",
    };
    out->event = NAMES[event->kind];
    out->has_escrow = true;
    memcpy(out->escrow_id, event->id, 32);
    out->amount_units = event->amount_units;
    out->buyer_units = event->buyer_units;
    if (event->kind == ESCROW_EVENT_SPLIT)
        out->amount_units = event->buyer_units + event->seller_units;
    out->custody_end_s = (int64_t)event->custody_end;
    out->has_hash = true;
    memcpy(out->hash, event->kind == ESCROW_EVENT_CREATED ? event->terms : event->note, 32);
    out->party = event->party;
    out->round = event->round;
    out->early = event->early;
}

static void approval_topic(uint8_t out[32])
{
    static const char SIGNATURE[] = "Approval(address,address,uint256)";
    keccak256(SIGNATURE, sizeof SIGNATURE - 1, out);
}

/* Transfers that do not touch our bridge are other people's: not kept. */
static bool read_token_event(const struct watcher *w, const struct chain_log *log,
                             struct seen_log *out)
{
    const struct config *config = w->engine->config;
    uint8_t approval[32];
    approval_topic(approval);
    if (log->topics_n == 3 && memcmp(log->topics[0], approval, 32) == 0) {
        out->event = "Approval";
        memcpy(out->from, log->topics[1] + 12, 20);
        memcpy(out->to, log->topics[2] + 12, 20);
        out->has_from = out->has_to = true;
        return memcmp(out->from, config->chain_bridge.b, 20) == 0;
    }
    out->event = "Transfer";
    out->has_from = out->has_to = true;
    if (!mxnb_transfer_event_decode(log->topics, log->topics_n, log->data, out->from, out->to,
                                    &out->amount_units))
        return false;
    return memcmp(out->from, config->chain_bridge.b, 20) == 0 ||
           memcmp(out->to, config->chain_bridge.b, 20) == 0;
}

/* False: the log contradicts the headers of this round, so the chain moved between the two answers. */
static bool keep_log(struct watcher *w, const struct chain_log *log)
{
    const struct config *config = w->engine->config;
    const struct seen_block *block = span_find(w, log->block_number);
    if (block == NULL || log->removed || memcmp(block->hash, log->block_hash, 32) != 0)
        return false;
    struct seen_log out = {.log_index = (uint32_t)log->log_index,
                           .block_number = log->block_number,
                           .block_time_s = block->time_s,
                           .event = "Other"};
    memcpy(out.tx_hash, log->tx_hash, 32);
    memcpy(out.block_hash, log->block_hash, 32);
    memcpy(out.address, log->address, 20);
    struct escrow_event event;
    if (memcmp(log->address, config->chain_escrow.b, 20) == 0) {
        if (escrow_event_decode(log->topics, log->topics_n, log->data, &event))
            read_escrow_event(&event, &out);
    } else if (!read_token_event(w, log, &out)) {
        return true;
    }
    CHECK(w->logs_n < LOGS_KEPT_MAX);
    w->logs[w->logs_n++] = out;
    return true;
}

static void logs_read(void *ctx, const struct err *err, const struct chain_logs *logs)
{
    struct watcher *w = ctx;
    FAULT_POINT(watcher_logs_read);
    if (err != NULL) {
        node_failed(w, err);
        return;
    }
    engine_answers(w->engine, DOOR_NODE);
    w->logs_n = 0;
    if (logs->n > LOGS_KEPT_MAX) {
        log_warn("span_too_full", "%zu logs in %zu blocks: taking fewer blocks", logs->n,
                 w->span_n);
        w->span_n = 0;
        round_ended(w);
        return;
    }
    for (size_t i = 0; i < logs->n; i++) {
        if (!keep_log(w, &logs->log[i])) {
            log_info("chain_moved", "logs and headers of one round differ: reading again");
            round_ended(w);
            return;
        }
    }
    commit(w);
}

static void ask_logs(struct watcher *w)
{
    const struct config *config = w->engine->config;
    struct node_logs_query query = {
        .from = w->span[0].number, .to = w->span[w->span_n - 1].number, .addresses_n = 2};
    memcpy(query.address[0], config->chain_escrow.b, 20);
    memcpy(query.address[1], config->chain_token.b, 20);
    node_logs(w->engine->node, &query, logs_read, w);
}

/* --- reorganisation ---------------------------------------------------------------------------- */

static void rolled_back(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct watcher *w = ctx;
    if (err != NULL) {
        database_failed(w, err);
        return;
    }
    w->position_known = false;
    w->again = true;
    round_ended(w);
}

static void roll_back_to(struct watcher *w, uint64_t ancestor)
{
    metrics_add(METRIC_chain_reorgs, 1);
    log_warn("reorg", "chain differs above block %llu, we were at %llu",
             (unsigned long long)ancestor, (unsigned long long)w->scanned);
    if (ancestor < w->engine->final_number) {
        char detail[160];
        snprintf(detail, sizeof detail, "a block at or below %llu, final by policy, was replaced",
                 (unsigned long long)w->engine->final_number);
        engine_alarm(w->engine, "change_below_finality", "", detail);
    }
    struct db_script *script = db_script_new();
    evidence_rollback(script, ancestor);
    db_run(w->engine->db, script, rolled_back, w);
}

/* Headers of the last blocks we hold, as the node has them now: the newest equal one is the ancestor. */
static void ancestors_read(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        node_failed(w, err);
        return;
    }
    for (size_t i = blocks->n; i > 0; i--) {
        struct head_entry held;
        const struct chain_block *theirs = &blocks->block[i - 1];
        if (head_find(&w->head, theirs->number, &held) &&
            memcmp(held.hash, theirs->hash, 32) == 0) {
            roll_back_to(w, held.number);
            return;
        }
    }
    engine_alarm(w->engine, "reorg_too_deep", "", "no common block among the last ones we hold");
    roll_back_to(w, w->scanned >= SPAN_MAX ? w->scanned - SPAN_MAX : 0);
}

static void find_ancestor(struct watcher *w)
{
    struct head_entry tip;
    CHECK(head_tip(&w->head, &tip));
    uint64_t from = tip.number >= SPAN_MAX ? tip.number - SPAN_MAX + 1 : 0;
    node_blocks(w->engine->node, from, (size_t)(tip.number - from + 1), ancestors_read, w);
}

/* --- headers ----------------------------------------------------------------------------------- */

/* The first block of the span against what we hold; the rest of it is checked parent by parent. */
static bool span_continues(const struct watcher *w)
{
    struct head_block first = header_of(&w->span[0]);
    return head_decide(&w->head, &first, 0).verdict == HEAD_EXTENDS;
}

static void blocks_read(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        node_failed(w, err);
        return;
    }
    w->span_n = 0;
    for (size_t i = 0; i < blocks->n; i++) {
        struct seen_block block = seen(&blocks->block[i]);
        if (i > 0 && memcmp(w->span[i - 1].hash, block.parent, 32) != 0)
            break; /* the chain moved between two answers: keep what fits */
        w->span[w->span_n++] = block;
    }
    if (w->span_n == 0) {
        round_ended(w);
        return;
    }
    if (!span_continues(w)) {
        find_ancestor(w);
        return;
    }
    ask_logs(w);
}

/* The newest block may also be replaced without a successor: compare it at its own height. */
static bool tip_replaced(const struct watcher *w)
{
    struct head_entry held;
    return head_find(&w->head, w->latest.number, &held) &&
           memcmp(w->latest.hash, held.hash, 32) != 0;
}

static void heads_read(void *ctx, const struct err *err, const struct chain_heads *heads)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        node_failed(w, err);
        return;
    }
    engine_answers(w->engine, DOOR_NODE);
    bool moved = w->latest.number != heads->latest.number ||
                 memcmp(w->latest.hash, heads->latest.hash, 32) != 0;
    w->latest = heads->latest;
    switch (w->engine->config->chain_finality) {
    case FINALITY_LATEST:
        w->policy = heads->latest;
        break;
    case FINALITY_SAFE:
        w->policy = heads->safe;
        break;
    case FINALITY_FINALIZED:
        w->policy = heads->finalized;
        break;
    }
    w->policy_known = w->policy.present;
    w->span_n = 0;
    w->logs_n = 0;
    if (tip_replaced(w)) {
        find_ancestor(w);
        return;
    }
    uint64_t next = scanned_next(w);
    if (w->latest.number >= next) {
        uint64_t missing = w->latest.number - next + 1;
        node_blocks(w->engine->node, next, missing < SPAN_MAX ? (size_t)missing : SPAN_MAX,
                    blocks_read, w);
        return;
    }
    if (moved || (w->policy_known && w->policy.number > w->finalized_done &&
                  w->finalized_done < w->scanned)) {
        commit(w);
        return;
    }
    round_ended(w);
}

static void position_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        database_failed(w, err);
        return;
    }
    struct seen_position position;
    evidence_parse_position(res, &position);
    w->scanned_known = position.scanned_known;
    w->scanned = position.scanned;
    head_init(&w->head);
    for (size_t i = position.blocks_n; i > 0; i--)
        push_header(w, &position.blocks[i - 1]);
    w->position_known = true;
    node_heads(w->engine->node, heads_read, w);
}

static void tick(void *ctx)
{
    struct watcher *w = ctx;
    if (w->busy || w->engine->stopping || !w->engine->ready)
        return;
    w->busy = true;
    w->again = false;
    if (!w->position_known)
        db_query(w->engine->db, evidence_position(), position_read, w);
    else
        node_heads(w->engine->node, heads_read, w);
}

struct watcher *watcher_new(struct engine *engine)
{
    struct watcher *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->engine = engine;
    w->timer = loop_timer_new(engine->loop, tick, w);
    loop_timer_start(w->timer, 0, engine->config->chain_poll_ms);
    return w;
}

void watcher_kick(struct watcher *w)
{
    if (w->busy)
        w->again = true;
    else if (!w->engine->stopping)
        loop_timer_start(w->timer, 0, w->engine->config->chain_poll_ms);
}

void watcher_stop(struct watcher *w)
{
    loop_timer_stop(w->timer);
}

bool watcher_idle(const struct watcher *w)
{
    return !w->busy;
}

void watcher_free(struct watcher *w)
{
    if (w == NULL)
        return;
    loop_timer_free(w->timer);
    free(w);
}
