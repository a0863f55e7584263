/* How each endpoint of the node is, and which of them to ask next.
 *
 * Pure: the clock is a parameter (`now`, monotonic milliseconds) and nothing is posted here. The
 * owner takes a ticket before it posts a request and hands it back exactly once with what came of
 * it.
 *
 * The choice, one rule after another:
 *   1. never one that was set aside for a lie
 *   2. those that work before those on trial after a lie, before those away, before those whose
 *      limit lasts longer than HEALTH_WAIT_MAX_MS
 *   3. one that may be asked at once before one whose limit makes it wait a moment
 *   4. good before slow before failing
 *   5. in proportion to the weights; where all weights are 0, the first of the list
 *
 * One failure sends an endpoint behind the others for a while. HEALTH_OPEN_AFTER in a row open its
 * circuit: it is away, and only one question at a time tries it, after a pause that doubles with
 * every such trial that fails (at once when nobody else is left to ask). Limits are learnt: each
 * refusal for the rate doubles the time between two questions, good answers take it back slowly.
 * All that is learnt has a maximum: no endpoint can talk itself out of use for good.
 */
#ifndef KUSTODIA_CHAIN_HEALTH_H
#define KUSTODIA_CHAIN_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEALTH_BEHIND_MS = 5000, /* how long one failure sends it behind the others */
    HEALTH_OPEN_AFTER = 3,   /* failures in a row */
    HEALTH_OPEN_MIN_MS = 5000,
    HEALTH_OPEN_MAX_MS = 120000,

    HEALTH_ASIDE_MS = 10 * 60000, /* the first accusation; doubled when it comes again on trial */
    HEALTH_ASIDE_MAX_MS = 16 * HEALTH_ASIDE_MS,

    HEALTH_LIMIT_MIN_MS = 1000, /* a limit that names no time; doubled while it goes on */
    HEALTH_LIMIT_MAX_MS = 60000,
    HEALTH_RETRY_MAX_MS = 300000,  /* of a time that the endpoint names */
    HEALTH_RETRY_MIN_MS = 100,     /* "Retry-After: 0" too */
    HEALTH_INTERVAL_FIRST_MS = 20, /* between two questions, after the first limit */
    HEALTH_INTERVAL_MAX_MS = 2000,
    HEALTH_INTERVAL_EVERY = 16, /* good answers that take an eighth of it back */
    HEALTH_WAIT_MAX_MS = 5000,  /* worth waiting for; what is limited for longer is passed over */

    HEALTH_SLOW_TIMES = 4,     /* slow: this many times the fastest of its standing, */
    HEALTH_SLOW_MS = 1000,     /* and slower than this */
    HEALTH_LATENCY_PARTS = 4,  /* weight of the newest in the average: one in so many */
    HEALTH_MEASURE_MS = 30000, /* a slow one that nobody asks is measured this often */

    HEALTH_WEIGHT_MAX = 100
};

/* In the order of standing. */
enum health_state {
    HEALTH_GOOD = 0,
    HEALTH_SLOW = 1,
    HEALTH_FAILING = 2, /* failed lately */
    HEALTH_TRIAL = 3,   /* was set aside; asked only when nobody better is there */
    HEALTH_AWAY = 4,    /* circuit open: one question at a time tries it */
    HEALTH_ASIDE = 5    /* lied: not read from */
};
const char *health_state_name(enum health_state state);

/* One endpoint. All times monotonic milliseconds, 0: none. Zero but for `weight` at the start. */
struct health {
    unsigned weight; /* 0 .. HEALTH_WEIGHT_MAX */
    int64_t credit;  /* of the turns by weight */

    unsigned failed_in_row;
    int64_t behind_until_ms;
    bool open; /* the circuit */
    int64_t open_ms, open_until_ms;
    bool trying; /* the one question is under way */

    int64_t limited_until_ms;
    int64_t limited_at_ms; /* when the newest limit came */
    unsigned limited_in_row;
    int64_t interval_ms; /* between two questions; 0: no limit known */
    int64_t next_ms;     /* the next question by it */
    unsigned good_since; /* good answers since the interval changed */

    int64_t aside_ms, aside_until_ms, trial_until_ms;

    int64_t latency_ms; /* average; 0: not measured */
    int64_t tried_ms;   /* when it was last measured, or asked for that */

    uint64_t calls, failures, limits;
};

/* A request under way. */
struct health_ticket {
    int64_t at_ms;
    bool trial; /* the one question that tries an endpoint that is away */
};

/* A question goes out; a write goes out whatever the state is and tries nothing. */
struct health_ticket health_ask(struct health *health, int64_t now);
struct health_ticket health_write(struct health *health, int64_t now);

/* It answered as a node should. `small`: a question of which all endpoints make the same work, so
 * that its time may be compared. */
void health_good(struct health *health, struct health_ticket ticket, bool small, int64_t now);
/* No answer, or nonsense. */
void health_failed(struct health *health, struct health_ticket ticket, int64_t now);
/* It answered that it cannot, where another might: it stands behind, but it is not away. */
void health_unable(struct health *health, struct health_ticket ticket, int64_t now);
/* `retry_ms` as health_retry_ms gives it; -1: it named no time. */
void health_limited(struct health *health, struct health_ticket ticket, int64_t retry_ms,
                    int64_t now);
/* The request was taken back: nothing was learnt. */
void health_untold(struct health *health, struct health_ticket ticket);

/* It lied. False when it stands aside already: nothing changes then. */
bool health_accuse(struct health *health, int64_t now);

/* Of endpoint `i` among `n`: slow is what is slow beside the others. */
enum health_state health_state(const struct health *all, size_t n, size_t i, int64_t now);

struct health_choice {
    size_t i;      /* the number of endpoints: none may be asked */
    int64_t at_ms; /* when; at or below now: at once */
};
/* The endpoint to ask next of those in the bit set `may`. `prefer`, if below n, goes before all others
 * while it is good or slow and may be asked at once. */
struct health_choice health_choose(struct health *all, size_t n, unsigned may, size_t prefer,
                                   int64_t now);
/* An endpoint that is now to be asked a small question of our own, because the pause of its circuit
 * is over or it is slow and was not measured for long; n: none. */
size_t health_to_try(struct health *all, size_t n, int64_t now);

/* A Retry-After header in its form of seconds, as milliseconds between HEALTH_RETRY_MIN_MS and
 * HEALTH_RETRY_MAX_MS. -1: none, or not to be read; a date counts as none, for nothing here makes
 * seconds of calendar times. Format: RFC 9110 10.2.3. */
int64_t health_retry_ms(const char *retry_after);

#endif
