/* The chain changed: how far back, and what is undone. */
#include "relayer/engine/watcher_inside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relayer/base/check.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/store/requests.h"

static void rolled_back(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_database_failed(w, err);
        return;
    }
    w->pause_unstored = false;
    w->position_known = false;
    w->again = true;
    watcher_round_ended(w);
}

/* Money may have left for what is no more: a person must look before more does. In memory at once, in the
 * database with what is undone. Where people paused before, their reason stays; the alarm has ours. */
static void below_finality(struct watcher *w, struct db_script *script)
{
    char detail[160];
    snprintf(detail, sizeof detail, "a block at or below %llu, final by policy, was replaced",
             (unsigned long long)w->final.number);
    engine_alarm(w->engine, "change_below_finality", "", detail);
    if (!w->engine->paused) {
        engine_pause(w->engine, detail);
        w->pause_unstored = true;
    }
    if (w->pause_unstored)
        requests_pause(script, detail, (int64_t)getuid());
}

void watcher_roll_back(struct watcher *w, uint64_t ancestor)
{
    struct seen_mark to = {.known = true, .number = ancestor};
    struct head_entry held;
    metrics_add(METRIC_chain_reorgs, 1);
    log_warn("reorg", "chain differs above block %llu, we were at %llu",
             (unsigned long long)ancestor, (unsigned long long)w->scanned.number);
    if (head_find(&w->head, ancestor, &held))
        memcpy(to.hash, held.hash, sizeof to.hash);
    else if (ancestor == w->final.number)
        memcpy(to.hash, w->final.hash, sizeof to.hash);
    struct db_script *script = db_script_new();
    evidence_rollback(script, &w->scanned, &to);
    if (ancestor < w->final.number)
        below_finality(w, script);
    db_run(w->engine->db, script, rolled_back, w);
}

/* Our newest block is still on the chain: only the node's answers did not fit together, or the position in
 * memory is not the stored one. Nothing is undone; the next round starts from the database. */
static void realign(struct watcher *w)
{
    log_info("chain_moved", "block %llu is still the chain's: reading again",
             (unsigned long long)w->scanned.number);
    w->position_known = false;
    watcher_round_ended(w);
}

/* The block that is final, as the node has it now. Headers between it and the lowest that was held are not
 * known, so that none of those fits says nothing of it. */
static void final_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct watcher *w = ctx;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    uint64_t below = w->search_low > 0 ? w->search_low - 1 : 0;
    uint64_t deeper = w->final.number > SPAN_MAX ? w->final.number - SPAN_MAX : 0;
    if (block->present && memcmp(block->hash, w->final.hash, 32) == 0)
        watcher_roll_back(w, w->final.number);
    else if (block->present)
        watcher_roll_back(w, below < deeper ? below : deeper);
    else
        watcher_round_ended(w); /* a node that is behind: it says nothing of that block */
}

/* None of the headers we hold is on the chain any more. What is final stays, all above it is read again;
 * only where that block was replaced too, so is what is below it. */
static void too_deep(struct watcher *w, uint64_t lowest)
{
    char detail[160];
    snprintf(detail, sizeof detail, "no common block from %llu to %llu, the last ones we hold",
             (unsigned long long)lowest, (unsigned long long)w->scanned.number);
    engine_alarm(w->engine, "reorg_too_deep", "", detail);
    static const uint8_t UNKNOWN[32];
    uint64_t below = lowest > 0 ? lowest - 1 : 0;
    w->search_low = lowest;
    if (w->final.number < w->scanned.number && memcmp(w->final.hash, UNKNOWN, 32) != 0)
        node_block(watcher_node(w),
                   (struct node_at){.tag = NODE_NUMBER, .number = w->final.number}, final_read, w);
    else
        watcher_roll_back(w, w->final.number < below ? w->final.number : below);
}

static void find_ancestor(struct watcher *w, uint64_t top);

/* Headers of the blocks we hold, as the node has them now: the newest equal one is the ancestor. */
static void ancestors_read(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    struct watcher *w = ctx;
    struct head_entry held;
    if (err != NULL) {
        watcher_node_failed(w, err);
        return;
    }
    for (size_t i = blocks->n; i > 0; i--) {
        const struct chain_block *theirs = &blocks->block[i - 1];
        if (head_find(&w->head, theirs->number, &held) &&
            memcmp(held.hash, theirs->hash, 32) == 0) {
            if (held.number == w->scanned.number)
                realign(w);
            else
                watcher_roll_back(w, held.number);
            return;
        }
    }
    uint64_t from = w->search_top >= SPAN_MAX ? w->search_top - SPAN_MAX + 1 : 0;
    if (from > 0 && head_find(&w->head, from - 1, &held))
        find_ancestor(w, from - 1);
    else
        too_deep(w, from);
}

static void find_ancestor(struct watcher *w, uint64_t top)
{
    uint64_t from = top >= SPAN_MAX ? top - SPAN_MAX + 1 : 0;
    w->search_top = top;
    node_blocks(watcher_node(w), from, (size_t)(top - from + 1), ancestors_read, w);
}

void watcher_find_fork(struct watcher *w)
{
    struct head_entry tip;
    CHECK(head_tip(&w->head, &tip));
    find_ancestor(w, tip.number);
}

