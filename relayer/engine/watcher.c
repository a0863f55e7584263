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
#include "relayer/engine/admin_log.h"
#include "relayer/engine/contract_check.h"
#include "relayer/store/observed.h"

enum {
    SPAN_MAX = 64,
    LOGS_KEPT_MAX = 2048, /* of a span; one block alone may hold as many as the node may answer */
    STUCK_MS = 60000,
    NOTICES_MAX = 16, /* of a span; what is beyond stands in the evidence only */
};

/* One round: heads -> headers of the next span -> its logs -> commit. */
struct watcher {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;
    bool position_known; /* head and scanned are what the database holds */
    struct seen_mark scanned;          /* newest block whose logs are committed */
    struct head head;                  /* the newest committed headers */
    struct chain_block latest, policy; /* of this round */
    bool policy_known;
    struct seen_block span[SPAN_MAX];
    size_t span_n;
    size_t span_limit; /* blocks asked for at once: halved when their logs are too many */
    struct seen_log *logs;
    size_t logs_n, logs_cap;
    bool admin_seen; /* the span has logs of the escrow that no payment caused */
    struct contract_notice notices[NOTICES_MAX];
    size_t notices_n;
    uint64_t finalized_done; /* newest number evidence_final was committed for */
    bool stuck;              /* the alarm may be open */
    int64_t moved_at_ms;     /* when `scanned` last moved or was the newest; 0 = never */
    uint64_t moved_scanned, moved_latest; /* what they were then */
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
    w->position_known = false; /* read again what is really committed */
    memset(&w->latest, 0, sizeof w->latest);
    if (err->code == ERR_DB_CONFLICT) {
        log_debug("position_moved", "another watcher of this database was first: %s", err->message);
        w->again = true;
    } else {
        engine_waits(w->engine, DOOR_DATABASE, err);
    }
    round_ended(w);
}

static struct seen_block seen(const struct chain_block *block)
{
    struct seen_block out = {.number = block->number, .time_s = (int64_t)block->time};
    memcpy(out.hash, block->hash, sizeof out.hash);
    memcpy(out.parent, block->parent, sizeof out.parent);
    return out;
}

static struct seen_mark mark_of(const struct seen_block *block)
{
    struct seen_mark out = {.known = true, .number = block->number};
    memcpy(out.hash, block->hash, sizeof out.hash);
    return out;
}

static uint64_t scanned_next(const struct watcher *w)
{
    if (w->scanned.known)
        return w->scanned.number + 1;
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

static void span_taken(struct watcher *w)
{
    w->scanned = mark_of(&w->span[w->span_n - 1]);
    for (size_t i = 0; i < w->span_n; i++)
        push_header(w, &w->span[i]);
    if (w->logs_n < LOGS_KEPT_MAX / 2)
        w->span_limit = w->span_limit < SPAN_MAX / 2 ? w->span_limit * 2 : SPAN_MAX;
    w->stuck = false;
    for (size_t i = 0; i < w->notices_n; i++)
        log_error("alarm", "code=contract_notice subject=%s: %s", w->notices[i].subject,
                  w->notices[i].detail);
    if (w->admin_seen)
        contract_check_kick(w->engine->contracts, w->scanned.number);
}

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
    if (w->span_n > 0)
        span_taken(w);
    engine->latest_number = w->latest.number;
    engine->chain_time_s = (int64_t)w->latest.time;
    if (w->policy_known) {
        uint64_t scanned = w->scanned.number;
        engine->final_number = w->policy.number < scanned ? w->policy.number : scanned;
        w->finalized_done = engine->final_number;
    }
    metrics_set(METRIC_chain_head_latest, (int64_t)engine->latest_number);
    metrics_set(METRIC_chain_head_final, (int64_t)engine->final_number);
    w->again = w->again || (w->span_n > 0 && w->scanned.number < w->latest.number);
    engine_kick(engine);
    round_ended(w);
}

static void commit(struct watcher *w)
{
    struct engine *engine = w->engine;
    struct db_script *script = db_script_new();
    struct seen_span span = {
        .blocks = w->span, .blocks_n = w->span_n, .logs = w->logs, .logs_n = w->logs_n};
    if (w->span_n > 0)
        evidence_scanned(script, &w->scanned, &span);
    else if (w->scanned.known)
        evidence_still(script, &w->scanned);
    if (w->span_n > 0 && w->stuck)
        observed_alarm_clear(script, "watcher_stuck", "");
    for (size_t i = 0; i < w->notices_n; i++)
        observed_alarm(script, "contract_notice", w->notices[i].subject, w->notices[i].detail);
    struct seen_block latest = seen(&w->latest);
    evidence_head(script, "latest", &latest);
    uint64_t scanned = w->span_n > 0 ? w->span[w->span_n - 1].number : w->scanned.number;
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

/* A log of the escrow that no payment caused: reason enough to look at the contract again. */
static void read_admin_event(struct watcher *w, const struct chain_log *log, struct seen_log *out)
{
    struct escrow_admin_event event;
    w->admin_seen = true;
    if (!admin_log_read(log, out, &event))
        return;
    log_info("contract_event", "%s at block %llu", out->event,
             (unsigned long long)out->block_number);
    if (w->notices_n < NOTICES_MAX && contract_notice_fill(&w->notices[w->notices_n], &event))
        w->notices_n++;
}

/* What was read of a span and not committed. */
static void forget_logs(struct watcher *w)
{
    w->logs_n = 0;
    w->notices_n = 0;
    w->admin_seen = false;
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

/* Room for one more: the span's maximum, or, for a block that cannot be divided, all its logs. */
static bool logs_grow(struct watcher *w)
{
    if (w->logs_n < w->logs_cap)
        return true;
    if (w->span_n > 1)
        return false;
    CHECK(w->logs_cap < CHAIN_LOGS_MAX);
    w->logs_cap = CHAIN_LOGS_MAX;
    w->logs = realloc(w->logs, w->logs_cap * sizeof *w->logs);
    CHECK(w->logs != NULL);
    return true;
}

enum keep { KEEP_DONE, KEEP_MOVED, KEEP_FULL };

/* KEEP_MOVED: the log contradicts the headers of this round, so the chain moved between the two answers. */
static enum keep keep_log(struct watcher *w, const struct chain_log *log)
{
    const struct config *config = w->engine->config;
    const struct seen_block *block = span_find(w, log->block_number);
    if (block == NULL || log->removed || memcmp(block->hash, log->block_hash, 32) != 0)
        return KEEP_MOVED;
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
        else
            read_admin_event(w, log, &out);
    } else if (!read_token_event(w, log, &out)) {
        return KEEP_DONE;
    }
    if (!logs_grow(w))
        return KEEP_FULL;
    w->logs[w->logs_n++] = out;
    return KEEP_DONE;
}

/* Only asked of spans of two blocks or more. */
static void take_fewer_blocks(struct watcher *w)
{
    w->span_limit = w->span_n / 2;
    log_info("span_too_full", "too many logs in %zu blocks: taking %zu", w->span_n, w->span_limit);
    w->again = true;
    round_ended(w);
}

static void logs_read(void *ctx, const struct err *err, const struct chain_logs *logs)
{
    struct watcher *w = ctx;
    FAULT_POINT(watcher_logs_read);
    if (err != NULL && err->code == ERR_CHAIN_RANGE && w->span_n > 1) {
        take_fewer_blocks(w);
        return;
    }
    if (err != NULL) {
        node_failed(w, err);
        return;
    }
    engine_answers(w->engine, DOOR_NODE);
    forget_logs(w);
    for (size_t i = 0; i < logs->n; i++) {
        switch (keep_log(w, &logs->log[i])) {
        case KEEP_DONE:
            break;
        case KEEP_MOVED:
            log_info("chain_moved", "logs and headers of one round differ: reading again");
            round_ended(w);
            return;
        case KEEP_FULL:
            take_fewer_blocks(w);
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
    struct seen_mark to = {.known = true, .number = ancestor};
    struct head_entry held;
    metrics_add(METRIC_chain_reorgs, 1);
    log_warn("reorg", "chain differs above block %llu, we were at %llu",
             (unsigned long long)ancestor, (unsigned long long)w->scanned.number);
    if (head_find(&w->head, ancestor, &held))
        memcpy(to.hash, held.hash, sizeof to.hash);
    if (ancestor < w->engine->final_number) {
        char detail[160];
        snprintf(detail, sizeof detail, "a block at or below %llu, final by policy, was replaced",
                 (unsigned long long)w->engine->final_number);
        engine_alarm(w->engine, "change_below_finality", "", detail);
    }
    struct db_script *script = db_script_new();
    evidence_rollback(script, &w->scanned, &to);
    db_run(w->engine->db, script, rolled_back, w);
}

/* Our newest block is still on the chain: only the node's answers did not fit together, or the position in
 * memory is not the stored one. Nothing is undone; the next round starts from the database. */
static void realign(struct watcher *w)
{
    log_info("chain_moved", "block %llu is still the chain's: reading again",
             (unsigned long long)w->scanned.number);
    w->position_known = false;
    round_ended(w);
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
            if (held.number == w->scanned.number)
                realign(w);
            else
                roll_back_to(w, held.number);
            return;
        }
    }
    engine_alarm(w->engine, "reorg_too_deep", "", "no common block among the last ones we hold");
    roll_back_to(w, w->scanned.number >= SPAN_MAX ? w->scanned.number - SPAN_MAX : 0);
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

/* The chain goes on and we do not: no single answer says so, and every payment waits behind it. */
static void look_whether_stuck(struct watcher *w)
{
    int64_t now = clock_mono_ms();
    if (w->moved_at_ms == 0 || w->scanned.number != w->moved_scanned ||
        w->latest.number <= w->scanned.number) {
        w->moved_at_ms = now;
        w->moved_scanned = w->scanned.number;
        w->moved_latest = w->latest.number;
        return;
    }
    if (now - w->moved_at_ms < STUCK_MS || w->latest.number <= w->moved_latest)
        return;
    char detail[160];
    snprintf(detail, sizeof detail, "logs are read up to block %llu, the chain is at %llu",
             (unsigned long long)w->scanned.number, (unsigned long long)w->latest.number);
    engine_alarm(w->engine, "watcher_stuck", "", detail);
    w->stuck = true;
    w->moved_at_ms = now;
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
    look_whether_stuck(w);
    w->span_n = 0;
    forget_logs(w);
    if (tip_replaced(w)) {
        find_ancestor(w);
        return;
    }
    uint64_t next = scanned_next(w);
    if (w->latest.number >= next) {
        uint64_t missing = w->latest.number - next + 1;
        node_blocks(w->engine->node, next,
                    missing < w->span_limit ? (size_t)missing : w->span_limit, blocks_read, w);
        return;
    }
    if (moved || (w->policy_known && w->policy.number > w->finalized_done &&
                  w->finalized_done < w->scanned.number)) {
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
    w->scanned = position.scanned;
    /* After a restart the chain is at least as late as it was: enough to judge by until it answers. */
    if (w->engine->chain_time_s == 0)
        w->engine->chain_time_s = position.latest_time_s;
    head_init(&w->head);
    for (size_t i = position.blocks_n; i > 0; i--)
        push_header(w, &position.blocks[i - 1]);
    static const uint8_t UNKNOWN[32];
    struct head_block newest = {.number = w->scanned.number};
    memcpy(newest.hash, w->scanned.hash, sizeof newest.hash);
    if (w->scanned.known && position.blocks_n == 0 && memcmp(newest.hash, UNKNOWN, 32) != 0)
        head_push(&w->head, &newest); /* headers are missing: the position itself is one */
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
    w->span_limit = SPAN_MAX;
    w->logs_cap = LOGS_KEPT_MAX;
    w->logs = calloc(w->logs_cap, sizeof *w->logs);
    CHECK(w->logs != NULL);
    w->stuck = true; /* a former run may have raised it */
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
    free(w->logs);
    free(w);
}
