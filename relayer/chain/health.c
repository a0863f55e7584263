#include "relayer/chain/health.h"

#include <string.h>

#include "relayer/base/check.h"

const char *health_state_name(enum health_state state)
{
    switch (state) {
    case HEALTH_GOOD:
        return "good";
    case HEALTH_SLOW:
        return "slow";
    case HEALTH_FAILING:
        return "failing";
    case HEALTH_TRIAL:
        return "on trial";
    case HEALTH_AWAY:
        return "away";
    case HEALTH_ASIDE:
        return "aside";
    }
    return "aside";
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- what came of a request -------------------------------------------------------------------- */

static void note_asked(struct health *health, int64_t now)
{
    health->calls++;
    health->next_ms = most(health->next_ms, now) + health->interval_ms;
}

struct health_ticket health_ask(struct health *health, int64_t now)
{
    struct health_ticket ticket = {.at_ms = now};

    note_asked(health, now);
    if (health->open) {
        CHECK(!health->trying);
        health->trying = true;
        ticket.trial = true;
    }
    return ticket;
}

struct health_ticket health_write(struct health *health, int64_t now)
{
    note_asked(health, now);
    return (struct health_ticket){.at_ms = now};
}

void health_untold(struct health *health, struct health_ticket ticket)
{
    if (ticket.trial)
        health->trying = false;
}

static void interval_shrink(struct health *health)
{
    if (health->interval_ms == 0 || ++health->good_since < HEALTH_INTERVAL_EVERY)
        return;
    health->good_since = 0;
    health->interval_ms -= most(health->interval_ms / 8, 1);
}

static void circuit_close(struct health *health, struct health_ticket ticket)
{
    health_untold(health, ticket);
    health->failed_in_row = 0;
    health->open = false;
    health->open_ms = 0;
}

void health_good(struct health *health, struct health_ticket ticket, bool small, int64_t now)
{
    int64_t took = most(now - ticket.at_ms, 1);

    circuit_close(health, ticket);
    health->behind_until_ms = 0;
    if (ticket.at_ms > health->limited_at_ms)
        health->limited_in_row = 0;
    interval_shrink(health);
    if (!small)
        return;
    if (health->latency_ms == 0)
        health->latency_ms = took;
    health->latency_ms += (took - health->latency_ms) / HEALTH_LATENCY_PARTS;
    health->tried_ms = now;
}

/* The pause of a circuit grows only by a trial after it: questions that were under way when it
 * opened, or came earlier because nobody else was left, say nothing new. */
void health_failed(struct health *health, struct health_ticket ticket, int64_t now)
{
    health_untold(health, ticket);
    health->failures++;
    health->failed_in_row++;
    health->behind_until_ms = now + HEALTH_BEHIND_MS;
    if (!health->open && health->failed_in_row < HEALTH_OPEN_AFTER)
        return;
    if (!health->open)
        health->open_ms = HEALTH_OPEN_MIN_MS;
    else if (ticket.trial && ticket.at_ms >= health->open_until_ms)
        health->open_ms = least(2 * health->open_ms, HEALTH_OPEN_MAX_MS);
    else
        return;
    health->open = true;
    health->open_until_ms = now + health->open_ms;
}

void health_unable(struct health *health, struct health_ticket ticket, int64_t now)
{
    circuit_close(health, ticket);
    health->failures++;
    health->behind_until_ms = now + HEALTH_BEHIND_MS;
}

/* A burst that is refused together is one limit: only a question asked after the newest one shows
 * that the pace is still too high. */
void health_limited(struct health *health, struct health_ticket ticket, int64_t retry_ms,
                    int64_t now)
{
    bool news = health->limits == 0 || ticket.at_ms > health->limited_at_ms;
    int64_t wait = HEALTH_LIMIT_MIN_MS;

    health_untold(health, ticket);
    health->limits++;
    if (news) {
        health->limited_at_ms = now;
        health->limited_in_row++;
        health->good_since = 0;
        health->interval_ms = health->interval_ms == 0
                                  ? HEALTH_INTERVAL_FIRST_MS
                                  : least(2 * health->interval_ms, HEALTH_INTERVAL_MAX_MS);
    }
    for (unsigned i = 1; i < health->limited_in_row && wait < HEALTH_LIMIT_MAX_MS; i++)
        wait *= 2;
    if (retry_ms >= 0)
        wait = most(least(retry_ms, HEALTH_RETRY_MAX_MS), HEALTH_RETRY_MIN_MS);
    else
        wait = least(wait, HEALTH_LIMIT_MAX_MS);
    health->limited_until_ms = most(health->limited_until_ms, now + wait);
}

bool health_accuse(struct health *health, int64_t now)
{
    if (health->aside_until_ms > now)
        return false;
    health->aside_ms = health->trial_until_ms > now
                           ? least(2 * health->aside_ms, HEALTH_ASIDE_MAX_MS)
                           : HEALTH_ASIDE_MS;
    health->aside_until_ms = now + health->aside_ms;
    health->trial_until_ms = health->aside_until_ms + health->aside_ms;
    return true;
}

/* --- which one next ---------------------------------------------------------------------------- */

/* Without a look at the others. */
static enum health_state state_alone(const struct health *health, int64_t now)
{
    if (health->aside_until_ms > now)
        return HEALTH_ASIDE;
    if (health->open)
        return HEALTH_AWAY;
    if (health->trial_until_ms > now)
        return HEALTH_TRIAL;
    return health->behind_until_ms > now ? HEALTH_FAILING : HEALTH_GOOD;
}

enum health_state health_state(const struct health *all, size_t n, size_t i, int64_t now)
{
    enum health_state state = state_alone(&all[i], now);
    int64_t fastest = all[i].latency_ms;

    if (state != HEALTH_GOOD || all[i].latency_ms <= HEALTH_SLOW_MS)
        return state;
    for (size_t k = 0; k < n; k++)
        if (all[k].latency_ms > 0 && state_alone(&all[k], now) == HEALTH_GOOD)
            fastest = least(fastest, all[k].latency_ms);
    return all[i].latency_ms > HEALTH_SLOW_TIMES * fastest ? HEALTH_SLOW : HEALTH_GOOD;
}

/* The rules 2, 3 and 4 as numbers, the smaller before the greater. */
struct rank {
    int class;
    int64_t wait_ms;
    enum health_state state;
};

static int rank_class(enum health_state state, int64_t wait_ms)
{
    if (wait_ms > HEALTH_WAIT_MAX_MS)
        return 3;
    if (state == HEALTH_AWAY)
        return 2;
    return state == HEALTH_TRIAL ? 1 : 0;
}

/* False: it may not be asked at all. */
static bool rank_of(const struct health *all, size_t n, size_t i, int64_t now, struct rank *out)
{
    const struct health *health = &all[i];

    out->wait_ms = most(most(health->limited_until_ms, health->next_ms) - now, 0);
    out->state = health_state(all, n, i, now);
    out->class = rank_class(out->state, out->wait_ms);
    return out->state != HEALTH_ASIDE && !(out->state == HEALTH_AWAY && health->trying);
}

static bool rank_before(struct rank a, struct rank b)
{
    if (a.class != b.class)
        return a.class < b.class;
    if (a.wait_ms != b.wait_ms)
        return a.wait_ms < b.wait_ms;
    return a.state < b.state;
}

/* Turns in proportion: each gets its weight as credit, the richest goes and pays for all. Without
 * any weight the first goes. */
static size_t turn_take(struct health *all, size_t n, unsigned equals)
{
    int64_t total = 0;
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        if (!(equals & (1u << i)))
            continue;
        all[i].credit += all[i].weight;
        total += all[i].weight;
        if (best == n || (all[i].weight > 0 &&
                          (all[best].weight == 0 || all[i].credit > all[best].credit)))
            best = i;
    }
    if (best < n)
        all[best].credit -= total;
    return best;
}

struct health_choice health_choose(struct health *all, size_t n, unsigned may, size_t prefer,
                                   int64_t now)
{
    struct rank best = {0}, rank;
    unsigned equals = 0;

    if (prefer < n && (may & (1u << prefer)) && rank_of(all, n, prefer, now, &rank) &&
        rank.state <= HEALTH_SLOW && rank.wait_ms == 0)
        return (struct health_choice){.i = prefer, .at_ms = now};
    for (size_t i = 0; i < n; i++) {
        if (!(may & (1u << i)) || !rank_of(all, n, i, now, &rank))
            continue;
        if (equals == 0 || rank_before(rank, best)) {
            equals = 0;
            best = rank;
        }
        if (!rank_before(best, rank))
            equals |= 1u << i;
    }
    if (equals == 0)
        return (struct health_choice){.i = n};
    return (struct health_choice){.i = turn_take(all, n, equals), .at_ms = now + best.wait_ms};
}

size_t health_to_try(struct health *all, size_t n, int64_t now)
{
    for (size_t i = 0; i < n; i++) {
        struct health *health = &all[i];
        enum health_state state = health_state(all, n, i, now);

        if (health->limited_until_ms > now || health->next_ms > now)
            continue;
        if (state == HEALTH_AWAY && !health->trying && health->open_until_ms <= now)
            return i;
        if (state == HEALTH_SLOW && now - health->tried_ms >= HEALTH_MEASURE_MS) {
            health->tried_ms = now;
            return i;
        }
    }
    return n;
}

/* --- Retry-After ------------------------------------------------------------------------------- */

int64_t health_retry_ms(const char *retry_after)
{
    size_t digits = strspn(retry_after, "0123456789");
    int64_t seconds = 0;

    if (digits == 0 || retry_after[digits] != '\0')
        return -1;
    for (size_t i = 0; i < digits && seconds < HEALTH_RETRY_MAX_MS; i++)
        seconds = 10 * seconds + (retry_after[i] - '0');
    return most(least(seconds, HEALTH_RETRY_MAX_MS / 1000) * 1000, HEALTH_RETRY_MIN_MS);
}
