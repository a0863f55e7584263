/*
 * Inside the watcher: what its files share. watcher.c has the rounds, the second opinion and the commit;
 * watcher_read.c reads the next blocks; watcher_reorg.c finds what the chain replaced. One round at a time;
 * whoever holds it ends it with exactly one of watcher_round_ended, watcher_node_failed,
 * watcher_database_failed, watcher_commit, watcher_find_fork, watcher_roll_back.
 */
#ifndef KUSTODIA_ENGINE_WATCHER_INSIDE_H
#define KUSTODIA_ENGINE_WATCHER_INSIDE_H

#include "relayer/chain/head.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/watcher.h"
#include "relayer/engine/watcher_clock.h"

enum {
    SPAN_MAX = 64,
    LOGS_KEPT_MAX = 2048, /* of a span; one block alone may hold as many as the node may answer */
    NOTICES_MAX = 16, /* of a span; what is beyond stands in the evidence only */
};

/*
 * One round: heads -> a second opinion about what may become final -> the next blocks and their logs ->
 * commit.
 *
 * The next blocks are a span (its headers first, each the other's parent, then its logs) or, where the
 * chain calls them finalized and there are more of them than a span holds, a range: its logs with its
 * end's header, then the headers of those blocks alone that hold logs of ours.
 */
struct watcher {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;
    bool position_known; /* head and scanned are what the database holds */
    struct seen_mark scanned;          /* newest block whose logs are committed */
    struct head head;                  /* the newest committed headers */
    struct chain_block latest, policy, safe, finalized; /* of this round */
    bool policy_known;
    uint64_t from; /* first of the blocks being read */
    struct seen_block span[SPAN_MAX];
    size_t span_n; /* of a range: one, its end */
    bool jump;     /* a range is being read */
    uint64_t range; /* blocks asked for at once in one: halved when they are too many, grows back */
    size_t dated;   /* of a range: logs whose block's header was read */
    size_t span_limit; /* blocks asked for at once: halved when their logs are too many */
    struct seen_log *logs;
    size_t logs_n, logs_cap;
    bool admin_seen; /* the span has logs of the escrow that no payment caused */
    struct contract_notice notices[NOTICES_MAX];
    size_t notices_n;
    bool moved;              /* the newest block is another one than in the round before */
    struct seen_block final; /* newest block that is final for us; zero hash: not known */
    bool final_said;         /* in this run, as of that block */
    bool agreed;             /* in this round, about blocks `agreed_from` to `agreed_end` */
    uint64_t agreed_from;
    struct seen_block agreed_end;
    bool pause_unstored;     /* we paused the daemon, and the row is not committed yet */
    uint64_t ask_to;         /* the second opinion's last block, until it is given; 0 = none */
    uint64_t ask_n;          /* blocks asked about at once: halved and grown as the range */
    int64_t asked_at_ms, ask_again_ms;
    uint64_t logs_wait;      /* lowest block with logs that are not final; 0 = none known of */
    uint64_t logs_next;      /* what it will be when the question under way is agreed on */
    uint64_t search_low;     /* lowest block of those compared in vain */
    uint64_t search_top;     /* newest block of those compared in search of an ancestor */
    size_t begin;            /* endpoint that reads begin at: another proved wrong or stood still */
    bool begin_known;        /* false: at any */
    bool probing;            /* this round's heads are asked of endpoint `probe` */
    size_t probe;
    int64_t probed_at_ms;
    unsigned wrong_n;        /* ranges in a row that were stored otherwise than all say */
    bool wrong_open;         /* the alarm may be open */
    struct watcher_clock clock;
    bool stuck;              /* the alarm may be open */
    int64_t moved_at_ms;     /* when `scanned` last moved or was the newest; 0 = never */
    uint64_t moved_scanned, moved_latest; /* what they were then */
};

/* Where to read from. */
struct node *watcher_node(const struct watcher *w);

/* A header as the store and as the ring of heads take it. */
struct seen_block watcher_seen(const struct chain_block *block);
struct head_block watcher_header(const struct seen_block *block);

void watcher_round_ended(struct watcher *w);
void watcher_node_failed(struct watcher *w, const struct err *err);
void watcher_database_failed(struct watcher *w, const struct err *err);

/* Stores what this round read and what became final. */
void watcher_commit(struct watcher *w);

/* Starts reading the blocks after the position; false: there are none (watcher_read.c). */
bool watcher_read_next(struct watcher *w);
/* What was read and not committed. */
void watcher_forget_logs(struct watcher *w);

/* The chain does not fit what is held: finds the newest common block and rolls back to it
 * (watcher_reorg.c). */
void watcher_find_fork(struct watcher *w);
/* Undoes all that is stored above a block and not final. */
void watcher_roll_back(struct watcher *w, uint64_t ancestor);

#endif
