/* Reading: the next blocks with their headers and logs, in spans or, deep under the head, in ranges. */
#include "relayer/engine/watcher_inside.h"

#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/watcher_logs.h"

static uint64_t scanned_next(const struct watcher *w)
{
    if (w->scanned.known)
        return w->scanned.number + 1;
    uint64_t start = w->engine->config->chain_start_block;
    return start > 0 ? start : 1;
}

/* --- logs -------------------------------------------------------------------------------------- */

static const struct seen_block *span_find(const struct watcher *w, uint64_t number)
{
    if (w->span_n == 0 || number < w->span[0].number || number > w->span[w->span_n - 1].number)
        return NULL;
    return &w->span[number - w->span[0].number];
}

/* What was read of a span and not committed. */
void watcher_forget_logs(struct watcher *w)
{
    w->logs_n = 0;
    w->dated = 0;
    w->notices_n = 0;
    w->admin_seen = false;
}

/* Room for one more: the maximum, or, for a block that cannot be divided, all its logs. */
static bool logs_grow(struct watcher *w)
{
    if (w->logs_n < w->logs_cap)
        return true;
    if (w->span[w->span_n - 1].number > w->from)
        return false;
    CHECK(w->logs_cap < CHAIN_LOGS_MAX);
    w->logs_cap = CHAIN_LOGS_MAX;
    w->logs = realloc(w->logs, w->logs_cap * sizeof *w->logs);
    CHECK(w->logs != NULL);
    return true;
}

/* A log of the escrow that no payment caused: reason enough to look at the contract again. */
static void admin_event(struct watcher *w, const struct seen_log *log,
                        const struct escrow_admin_event *event)
{
    w->admin_seen = true;
    if (event == NULL)
        return;
    log_info("contract_event", "%s at block %llu", log->event,
             (unsigned long long)log->block_number);
    if (w->notices_n < NOTICES_MAX && contract_notice_fill(&w->notices[w->notices_n], event))
        w->notices_n++;
}

enum keep { KEEP_DONE, KEEP_MOVED, KEEP_FULL };

/* KEEP_MOVED: the log contradicts the headers of this round, so the chain moved between the two answers. Of a
 * range only the end's header is known by now. */
static enum keep keep_log(struct watcher *w, const struct chain_log *log)
{
    const struct seen_block *block = span_find(w, log->block_number);
    if (log->removed || (block == NULL && !w->jump) ||
        (block != NULL && memcmp(block->hash, log->block_hash, 32) != 0))
        return KEEP_MOVED;
    struct seen_log out;
    struct escrow_admin_event event;
    enum watcher_log_kind kind = watcher_log_read(w->engine->config, log, &out, &event);
    if (kind == WATCHER_LOG_STRANGE)
        return KEEP_DONE;
    if (kind != WATCHER_LOG_KEPT)
        admin_event(w, &out, kind == WATCHER_LOG_ADMIN_READ ? &event : NULL);
    if (block != NULL)
        out.block_time_s = block->time_s;
    if (!logs_grow(w))
        return KEEP_FULL;
    w->logs[w->logs_n++] = out;
    return KEEP_DONE;
}

/* Only asked of two blocks or more. */
static void take_fewer_blocks(struct watcher *w)
{
    if (w->jump)
        w->range = w->range > 1 ? w->range / 2 : 1;
    else
        w->span_limit = w->span_n / 2;
    log_info("span_too_full", "too many logs or blocks at once: taking %llu",
             (unsigned long long)(w->jump ? w->range : w->span_limit));
    w->again = true;
    watcher_round_ended(w);
}

static void chain_moved(struct watcher *w)
{
    log_info("chain_moved", "logs and headers of one round differ: reading again");
    watcher_round_ended(w);
}

static void date_logs(struct watcher *w);

/* Headers of a range's blocks with logs. The logs are in the blocks' order. */
static void dates_read(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    size_t before = w->dated;
    for (size_t i = 0; i < blocks->n; i++) {
        const struct chain_block *block = &blocks->block[i];
        for (; w->dated < w->logs_n && w->logs[w->dated].block_number == block->number;
             w->dated++) {
            if (memcmp(w->logs[w->dated].block_hash, block->hash, 32) != 0) {
                chain_moved(w);
                return;
            }
            w->logs[w->dated].block_time_s = (int64_t)block->time;
        }
    }
    if (w->dated == before)
        chain_moved(w); /* the block that holds the log is not there */
    else
        date_logs(w);
}

/* As many of the blocks with logs as lie within one question of the first without a date. */
static void date_logs(struct watcher *w)
{
    if (!w->jump || w->dated == w->logs_n) {
        watcher_commit(w);
        return;
    }
    uint64_t first = w->logs[w->dated].block_number, last = first;
    for (size_t i = w->dated; i < w->logs_n && w->logs[i].block_number < first + SPAN_MAX; i++)
        last = w->logs[i].block_number;
    node_blocks(watcher_node(w), first, (size_t)(last - first + 1), dates_read, w);
}

static void logs_read(void *ctx, const struct err *err, const struct chain_range *range)
{
    struct watcher *w = ctx;
    FAULT_POINT(watcher_logs_read);
    bool many = w->jump ? w->range > 1 : w->span_n > 1;
    if (err != NULL && err->code == ERR_CHAIN_RANGE && many) {
        take_fewer_blocks(w);
        return;
    }
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    engine_answers(w->engine, DOOR_NODE);
    watcher_forget_logs(w);
    if (w->jump) {
        w->span[0] = watcher_seen(&range->end);
        w->span_n = 1;
    }
    /* Also when there are no logs: the node that says so must be on the chain of our headers. */
    if (memcmp(w->span[w->span_n - 1].hash, range->end.hash, 32) != 0) {
        chain_moved(w);
        return;
    }
    for (size_t i = 0; i < range->logs.n; i++) {
        switch (keep_log(w, &range->logs.log[i])) {
        case KEEP_DONE:
            break;
        case KEEP_MOVED:
            chain_moved(w);
            return;
        case KEEP_FULL:
            take_fewer_blocks(w);
            return;
        }
    }
    date_logs(w);
}

static void ask_logs(struct watcher *w, uint64_t to)
{
    struct node_logs_query query;
    watcher_logs_query(w->engine->config, w->from, to, &query);
    node_logs(watcher_node(w), &query, logs_read, w);
}

/* --- headers ----------------------------------------------------------------------------------- */

/* The first block of the span against what we hold; the rest of it is checked parent by parent. */
static bool span_continues(const struct watcher *w)
{
    struct head_block first = watcher_header(&w->span[0]);
    return head_decide(&w->head, &first, 0).verdict == HEAD_EXTENDS;
}

static void blocks_read(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    w->span_n = 0;
    for (size_t i = 0; i < blocks->n; i++) {
        struct seen_block block = watcher_seen(&blocks->block[i]);
        if (i > 0 && memcmp(w->span[i - 1].hash, block.parent, 32) != 0)
            break; /* the chain moved between two answers: keep what fits */
        w->span[w->span_n++] = block;
    }
    if (w->span_n == 0) {
        watcher_round_ended(w);
        return;
    }
    if (!span_continues(w)) {
        watcher_find_fork(w);
        return;
    }
    ask_logs(w, w->span[w->span_n - 1].number);
}

/* A range does not join our newest block by its parents: that this one is still there is asked. */
static void tip_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    if (!block->present || memcmp(block->hash, w->scanned.hash, 32) != 0) {
        watcher_find_fork(w);
        return;
    }
    uint64_t last = w->from + w->range - 1;
    ask_logs(w, last < w->finalized.number ? last : w->finalized.number);
}

static void read_range(struct watcher *w)
{
    struct head_entry tip;
    w->jump = true;
    if (head_tip(&w->head, &tip)) {
        node_block(watcher_node(w),
                   (struct node_at){.tag = NODE_NUMBER, .number = w->scanned.number}, tip_read, w);
        return;
    }
    uint64_t last = w->from + w->range - 1;
    ask_logs(w, last < w->finalized.number ? last : w->finalized.number);
}

/* True: there are blocks to read, and they are being asked for. */
bool watcher_read_next(struct watcher *w)
{
    w->from = scanned_next(w);
    w->jump = false;
    if (w->latest.number < w->from)
        return false;
    if (w->finalized.present && w->finalized.number >= w->from + SPAN_MAX) {
        read_range(w);
        return true;
    }
    uint64_t missing = w->latest.number - w->from + 1;
    node_blocks(watcher_node(w), w->from,
                missing < w->span_limit ? (size_t)missing : w->span_limit, blocks_read, w);
    return true;
}

