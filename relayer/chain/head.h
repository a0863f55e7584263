/* Following the head: which blocks we believe, and what to do with a header that just arrived.
 * Pure.
 *
 * The ring keeps the last HEAD_RING headers (number, hash). A new header either extends the tip,
 * is known, needs the headers between, or shows that the chain below it was replaced: then the
 * caller walks back with head_step, feeding the headers of lower numbers, until one matches (the
 * common ancestor), and rolls its records back to that number. Below the ring nothing can be
 * decided: HEAD_TOO_DEEP stops the follower.
 */
#ifndef KUSTODIA_CHAIN_HEAD_H
#define KUSTODIA_CHAIN_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_RING = 256 };

struct head_entry {
    uint64_t number;
    uint8_t hash[32];
};

struct head {
    struct head_entry
        ring[HEAD_RING]; /* numbers are consecutive; newest at (first + n - 1) % HEAD_RING */
    size_t first, n;
};

struct head_block {
    uint64_t number;
    uint8_t hash[32];
    uint8_t parent[32];
};

enum head_verdict {
    HEAD_EXTENDS,  /* child of our tip: head_push it */
    HEAD_KNOWN,    /* we hold exactly this block: nothing to do */
    HEAD_GAP,      /* above our tip + 1: fetch from `fetch_from` upward first */
    HEAD_FORK,     /* does not fit: fetch block `fetch_from` (lower) and ask again */
    HEAD_ROLLBACK, /* parent held below the tip: roll back to `keep_number`, then head_push it */
    HEAD_BEHIND,   /* lower than everything we hold: an endpoint that lags; ignore it */
    HEAD_TOO_DEEP  /* replaced below the ring, or at a final height: stop, a person must look */
};

struct head_decision {
    enum head_verdict verdict;
    uint64_t fetch_from;  /* HEAD_GAP, HEAD_FORK */
    uint64_t keep_number; /* HEAD_ROLLBACK: the last block that stays */
};

void head_init(struct head *head);
bool head_tip(const struct head *head, struct head_entry *out); /* false: empty */
bool head_find(const struct head *head, uint64_t number, struct head_entry *out);

/* What a header means. `finalized` is the number below or at which nothing may change (0:
 * unknown). Changes nothing. An empty ring is extended by anything. */
struct head_decision head_decide(const struct head *head, const struct head_block *block,
                                 uint64_t finalized);

/* Appends a block. CHECKs that it is the child of the tip or that the ring is empty. */
void head_push(struct head *head, const struct head_block *block);
/* Drops every entry above `number`. */
void head_rollback(struct head *head, uint64_t number);

#endif
