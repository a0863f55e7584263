#include "relayer/engine/watcher_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/watcher_logs.h"
#include "relayer/engine/witness.h"
#include "relayer/store/observed.h"

enum {
    STUCK_MS = 60000,
    WITNESS_IDLE_MS = 2000, /* between second opinions about blocks without our logs */
    WITNESS_AGAIN_MS = 300, /* after one that was no agreement */
    PROBE_MS = 1000,        /* between looks whether another endpoint is ahead of ours */
    WRONG_MANY = 3,         /* ranges stored otherwise than all say, in a row: an alarm */
};

struct node *watcher_node(const struct watcher *w)
{
    struct node *node = w->engine->node;
    return w->begin_known ? node_beginning_at(node, w->begin) : node;
}

void watcher_round_ended(struct watcher *w)
{
    w->busy = false;
    if (w->again)
        watcher_kick(w);
}

void watcher_node_failed(struct watcher *w, const struct err *err)
{
    metrics_add(METRIC_chain_errors, 1);
    engine_waits(w->engine, DOOR_NODE, err);
    watcher_round_ended(w);
}

void watcher_database_failed(struct watcher *w, const struct err *err)
{
    w->position_known = false; /* read again what is really committed */
    memset(&w->latest, 0, sizeof w->latest);
    w->clock.silent_open = w->clock.off_open = true;
    witness_not_cleared(w->engine->witness);
    if (err->code == ERR_DB_CONFLICT) {
        log_debug("position_moved", "another watcher of this database was first: %s", err->message);
        w->again = true;
    } else {
        engine_waits(w->engine, DOOR_DATABASE, err);
    }
    watcher_round_ended(w);
}

static struct seen_mark mark_of(const struct seen_block *block)
{
    struct seen_mark out = {.known = true, .number = block->number};
    memcpy(out.hash, block->hash, sizeof out.hash);
    return out;
}

static void push_header(struct watcher *w, const struct seen_block *block)
{
    struct head_block header = watcher_header(block);
    head_push(&w->head, &header);
}

struct seen_block watcher_seen(const struct chain_block *block)
{
    struct seen_block out = {.number = block->number, .time_s = (int64_t)block->time};
    memcpy(out.hash, block->hash, sizeof out.hash);
    memcpy(out.parent, block->parent, sizeof out.parent);
    return out;
}

struct head_block watcher_header(const struct seen_block *block)
{
    struct head_block out = {.number = block->number};
    memcpy(out.hash, block->hash, sizeof out.hash);
    memcpy(out.parent, block->parent, sizeof out.parent);
    return out;
}

/* --- commit ------------------------------------------------------------------------------------ */

/* After a success a little more is asked for, up to what the settings allow. */
static uint64_t grown(const struct watcher *w, uint64_t blocks)
{
    uint64_t max = w->engine->config->chain_logs_range, more = blocks + blocks / 16 + 1;
    return more < max ? more : max;
}

static void span_taken(struct watcher *w)
{
    w->scanned = mark_of(&w->span[w->span_n - 1]);
    if (w->jump)
        head_init(&w->head); /* what is held below the range does not join its end */
    for (size_t i = 0; i < w->span_n; i++)
        push_header(w, &w->span[i]);
    if (w->jump)
        w->range = grown(w, w->range);
    else if (w->logs_n < LOGS_KEPT_MAX / 2)
        w->span_limit = w->span_limit < SPAN_MAX / 2 ? w->span_limit * 2 : SPAN_MAX;
    if (w->logs_n > 0 && w->logs_wait == 0)
        w->logs_wait = w->logs[0].block_number;
    w->stuck = false;
    for (size_t i = 0; i < w->notices_n; i++)
        log_error("alarm", "code=contract_notice subject=%s: %s", w->notices[i].subject,
                  w->notices[i].detail);
    if (w->admin_seen)
        contract_check_kick(w->engine->contracts, w->scanned.number);
}

/* The newest block that may become final with this commit: agreed on, or, where one endpoint is enough, read
 * and final by policy. False: none. */
static bool final_next(const struct watcher *w, struct seen_block *out)
{
    if (witness_needed(w->engine)) {
        *out = w->agreed_end;
        return w->agreed;
    }
    if (!w->policy_known || (w->span_n == 0 && !w->scanned.known))
        return false;
    struct seen_block last = {.number = w->scanned.number};
    memcpy(last.hash, w->scanned.hash, sizeof last.hash);
    if (w->span_n > 0)
        last = w->span[w->span_n - 1];
    *out = w->policy.number < last.number ? watcher_seen(&w->policy) : last;
    return true;
}

static void committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct watcher *w = ctx;
    FAULT_POINT(watcher_after_commit);
    if (err != NULL) {
        watcher_database_failed(w, err);
        return;
    }
    struct engine *engine = w->engine;
    engine_answers(engine, DOOR_DATABASE);
    struct seen_block final;
    if (final_next(w, &final) && final.number >= w->final.number) {
        w->final = final;
        w->final_said = true;
        if (w->agreed) {
            w->logs_wait = w->logs_next;
            w->wrong_n = 0;
            w->wrong_open = false;
        }
        engine->final_number = final.number;
    }
    if (w->span_n > 0)
        span_taken(w);
    engine->latest_number = w->latest.number;
    engine->chain_time_s = (int64_t)w->latest.time;
    metrics_set(METRIC_chain_head_latest, (int64_t)engine->latest_number);
    metrics_set(METRIC_chain_head_final, (int64_t)engine->final_number);
    w->again = w->again || (w->span_n > 0 && w->scanned.number < w->latest.number);
    engine_kick(engine);
    watcher_round_ended(w);
}

static void commit_heads(struct watcher *w, struct db_script *script)
{
    const struct {
        const char *level;
        const struct chain_block *block;
    } heads[] = {{"latest", &w->latest},
                 {"safe", &w->safe},
                 {"finalized", &w->finalized},
                 {"policy", &w->policy}};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct seen_block block = watcher_seen(heads[i].block);
        if (heads[i].block->present)
            evidence_head(script, heads[i].level, &block);
    }
}

void watcher_commit(struct watcher *w)
{
    struct engine *engine = w->engine;
    struct db_script *script = db_script_new();
    struct seen_span span = {.from = w->from,
                             .blocks = w->span,
                             .blocks_n = w->span_n,
                             .logs = w->logs,
                             .logs_n = w->logs_n};
    if (w->span_n > 0)
        evidence_scanned(script, &w->scanned, &span);
    else if (w->scanned.known)
        evidence_still(script, &w->scanned);
    if (w->span_n > 0 && w->stuck)
        observed_alarm_clear(script, "watcher_stuck", "");
    for (size_t i = 0; i < w->notices_n; i++)
        observed_alarm(script, "contract_notice", w->notices[i].subject, w->notices[i].detail);
    commit_heads(w, script);
    struct seen_block final;
    if (final_next(w, &final) && final.number >= w->final.number &&
        (final.number > w->final.number || !w->final_said || w->logs_n > 0)) {
        struct evidence_wallets wallets;
        engine_wallets(engine, &wallets);
        evidence_final(script, witness_needed(engine) ? w->agreed_from : 0, &final, &wallets);
    }
    if (w->agreed && w->wrong_open)
        observed_alarm_clear(script, "stored_wrong", "");
    watcher_clock_clear(&w->clock, script);
    witness_clear(engine->witness, script);
    payments_wake_matured(script, (int64_t)w->latest.time -
                                      (int64_t)engine->config->custody_release_margin_s);
    FAULT_POINT(watcher_before_commit);
    db_run(engine->db, script, committed, w);
}

/* The newest block may also be replaced without a successor: compare it at its own height. */
static bool replaced(const struct watcher *w, const struct chain_block *block)
{
    struct head_entry held;
    return block->present && head_find(&w->head, block->number, &held) &&
           memcmp(block->hash, held.hash, 32) != 0;
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

/* --- the second opinion ------------------------------------------------------------------------ */

/* The next blocks, or a commit of what is new otherwise. */
static void go_on(struct watcher *w)
{
    if (w->engine->stopping) {
        watcher_round_ended(w);
        return;
    }
    if (watcher_read_next(w))
        return;
    struct seen_block final;
    bool more = final_next(w, &final) && (final.number > w->final.number || !w->final_said);
    if (w->moved || more)
        watcher_commit(w);
    else
        watcher_round_ended(w);
}

/* Once may be a lie that was found out since; again means that what we read from goes on with it. */
static void stored_wrong(struct watcher *w)
{
    char detail[160];
    snprintf(detail, sizeof detail, "blocks %llu to %llu were stored otherwise than all now say",
             (unsigned long long)w->final.number + 1, (unsigned long long)w->ask_to);
    log_error("stored_wrong", "%s", detail);
    w->wrong_n++;
    if (w->wrong_n >= 2) {
        w->begin = w->begin_known ? w->begin + 1 : 1;
        w->begin %= node_endpoints_n(w->engine->node);
        w->begin_known = true;
    }
    if (w->wrong_n >= WRONG_MANY) {
        engine_alarm(w->engine, "stored_wrong", "", detail);
        w->wrong_open = true;
    }
    w->ask_to = 0;
    watcher_roll_back(w, w->final.number);
}

static void witnessed(void *ctx, enum witness_verdict verdict, const struct chain_block *end)
{
    struct watcher *w = ctx;
    w->ask_again_ms = clock_mono_ms() + WITNESS_AGAIN_MS;
    switch (verdict) {
    case WITNESS_AGREED:
        w->agreed = true;
        w->agreed_from = w->final.number + 1;
        w->agreed_end = watcher_seen(end);
        w->ask_to = 0;
        w->ask_n = grown(w, w->ask_n);
        w->ask_again_ms = 0;
        break;
    case WITNESS_STORED_WRONG:
        stored_wrong(w);
        return;
    case WITNESS_RANGE:
        w->ask_n = w->ask_n > 1 ? w->ask_n / 2 : 1;
        w->ask_to = 0;
        break;
    case WITNESS_DIFFERS:
    case WITNESS_MISSING:
        break;
    }
    go_on(w);
}

/* What is final by the database, of the last run or of another daemon, is what is final: a chain.start_block
 * that was raised takes no block out of the second opinion. True: another block than we knew. */
static bool take_final(struct watcher *w, const struct seen_mark *final)
{
    if (!final->known || (final->number == w->final.number &&
                          memcmp(final->hash, w->final.hash, sizeof final->hash) == 0))
        return false;
    w->final = (struct seen_block){.number = final->number};
    memcpy(w->final.hash, final->hash, sizeof w->final.hash);
    w->engine->final_number = final->number;
    w->logs_wait = final->number + 1; /* perhaps */
    w->ask_to = 0;
    return true;
}

static void pending_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_database_failed(w, err);
        return;
    }
    struct seen_pending pending;
    evidence_parse_pending(res, &pending);
    if (take_final(w, &pending.final)) {
        go_on(w);
        return;
    }
    if (w->engine->stopping) {
        watcher_round_ended(w);
        return;
    }
    w->logs_next = pending.next_number;
    struct witness_range range = {.from = w->final.number + 1,
                                  .to = w->ask_to,
                                  .hash_known = pending.hash_known,
                                  .logs_n = pending.logs_n};
    memcpy(range.hash, pending.hash, sizeof range.hash);
    struct watcher_digest digest;
    watcher_digest_init(&digest);
    for (size_t i = 0; i < pending.logs_n && pending.digests_known; i++) {
        uint8_t log[32];
        evidence_pending_digest(res, i, log);
        watcher_digest_add(&digest, log);
    }
    /* Logs stored before digests were: no digest is equal to theirs, so they are read once more. */
    watcher_digest_end(&digest, range.logs_digest);
    w->asked_at_ms = clock_mono_ms();
    witness_ask(w->engine->witness, &range, witnessed, w);
}

/* Blocks that hold logs of ours are asked about at once, others now and then. The last block stays the same
 * until the question is answered: an endpoint that is a little behind would never reach one that moves. */
static bool witness_due(struct watcher *w)
{
    int64_t now = clock_mono_ms();
    if (!witness_needed(w->engine) || !w->policy_known || !w->scanned.known)
        return false;
    uint64_t bound =
        w->policy.number < w->scanned.number ? w->policy.number : w->scanned.number;
    if (w->ask_to > bound || w->ask_to <= w->final.number)
        w->ask_to = 0;
    if (bound <= w->final.number || now < w->ask_again_ms)
        return false;
    bool logs = w->logs_wait > 0 && w->logs_wait <= bound;
    if (w->ask_to == 0 && !logs && now - w->asked_at_ms < WITNESS_IDLE_MS)
        return false;
    if (w->ask_to == 0)
        w->ask_to = bound - w->final.number < w->ask_n ? bound : w->final.number + w->ask_n;
    return true;
}

/* --- rounds ------------------------------------------------------------------------------------ */

static void take_heads(struct watcher *w, const struct chain_heads *heads)
{
    w->moved = w->latest.number != heads->latest.number ||
               memcmp(w->latest.hash, heads->latest.hash, 32) != 0;
    w->latest = heads->latest;
    w->safe = heads->safe;
    w->finalized = heads->finalized;
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
}

/* An answer to a look elsewhere counts only when it is ahead; then reading goes on from there. */
static void take_probe(struct watcher *w, const struct chain_heads *heads)
{
    w->moved = false;
    if (heads->latest.number <= w->latest.number)
        return;
    log_warn("head_from_other", "%s is at block %llu, %llu was the newest we saw: reading there",
             node_endpoint_name(w->engine->node, w->probe),
             (unsigned long long)heads->latest.number, (unsigned long long)w->latest.number);
    w->begin = w->probe;
    w->begin_known = true;
    take_heads(w, heads);
}

static void heads_read(void *ctx, const struct err *err, const struct chain_heads *heads)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    engine_answers(w->engine, DOOR_NODE);
    if (w->probing)
        take_probe(w, heads);
    else
        take_heads(w, heads);
    watcher_clock_look(&w->clock, w->engine, &w->latest);
    look_whether_stuck(w);
    w->span_n = 0;
    w->agreed = false;
    watcher_forget_logs(w);
    if (replaced(w, &w->latest) || replaced(w, &w->policy))
        watcher_find_fork(w);
    else if (witness_due(w))
        db_query(w->engine->db, evidence_pending(w->final.number + 1, w->ask_to), pending_read, w);
    else
        go_on(w);
}

/* An endpoint that stands still gives good answers: only another one's head shows it. */
static void ask_heads(struct watcher *w)
{
    int64_t now = clock_mono_ms();
    size_t n = node_endpoints_n(w->engine->node);
    w->probing = n > 1 && w->latest.present && now - w->probed_at_ms >= PROBE_MS &&
                 watcher_clock_stale(&w->clock, w->engine->config, now);
    if (!w->probing) {
        node_heads(watcher_node(w), heads_read, w);
        return;
    }
    w->probed_at_ms = now;
    w->probe = (w->probe + 1) % n;
    node_heads(node_beginning_at(w->engine->node, w->probe), heads_read, w);
}

static void position_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_database_failed(w, err);
        return;
    }
    struct seen_position position;
    evidence_parse_position(res, &position);
    w->scanned = position.scanned;
    (void)take_final(w, &position.final);
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
    if (w->engine->stopping)
        watcher_round_ended(w);
    else
        ask_heads(w);
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
        ask_heads(w);
}

struct watcher *watcher_new(struct engine *engine)
{
    struct watcher *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->engine = engine;
    w->timer = loop_timer_new(engine->loop, tick, w);
    w->span_limit = SPAN_MAX;
    w->range = w->ask_n = engine->config->chain_logs_range;
    uint64_t start = engine->config->chain_start_block;
    w->final.number = start > 0 ? start - 1 : 0;
    w->logs_wait = w->final.number + 1; /* perhaps */
    watcher_clock_init(&w->clock);
    w->logs_cap = LOGS_KEPT_MAX;
    w->logs = calloc(w->logs_cap, sizeof *w->logs);
    CHECK(w->logs != NULL);
    w->stuck = w->wrong_open = true; /* a former run may have raised them */
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
