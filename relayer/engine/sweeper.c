#include "relayer/engine/sweeper.h"

#include <stdlib.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/money/amount.h"
#include "relayer/store/sweeps.h"

enum {
    SWEEPER_TICK_MS = 1000,
    AGE_LOOK_MS = 60000,
    WATCH_MS = 5000, /* between looks at what came back or waits for a person */
    /* Beyond Arbitrum's finality (tens of minutes) and Juno's minutes with room to spare. */
    EFFECT_SLOW_S = 2 * 3600,
    PAYMENT_SLOW_S = 3 * 3600,
};

struct sweeper {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    int64_t age_at_ms;
    int64_t watch_at_ms;
    size_t open;
};

static void one_done(struct sweeper *s)
{
    if (--s->open == 0)
        s->busy = false;
}

static void committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct sweeper *s = ctx;
    /* A lost race is offered again at the next tick, by whoever is first. */
    if (err != NULL && err->code != ERR_DB_CONFLICT && err->code != ERR_DB_AWAY)
        log_broken("sweep", "%s", err->message);
    one_done(s);
}

/* True: a round of commits begins, held open by the caller. Otherwise the round is over. */
static bool rows_came(struct sweeper *s, const struct err *err)
{
    s->open = 1;
    if (err == NULL)
        return true;
    engine_waits(s->engine, DOOR_DATABASE, err);
    one_done(s);
    return false;
}

static void looked(void *ctx, const struct err *err, struct db_result *res)
{
    struct sweeper *s = ctx;
    if (!rows_came(s, err))
        return;
    struct sweep_account accounts[SWEEPS_MAX];
    struct sweep_ended ended[SWEEPS_MAX];
    size_t accounts_n = sweeps_parse_accounts(res, accounts, SWEEPS_MAX);
    size_t ended_n = sweeps_parse_ended(res, ended, SWEEPS_MAX);
    for (size_t i = 0; i < ended_n; i++) {
        struct db_script *script = db_script_new();
        sweeps_finish(script, &ended[i]);
        s->open++;
        db_run(s->engine->db, script, committed, s);
    }
    for (size_t i = 0; i < accounts_n && !engine_holds(s->engine); i++) {
        struct sweep_plan plan = sweep_plan(&accounts[i], &s->engine->rules);
        if (!plan.due)
            continue;
        struct db_script *script = db_script_new();
        sweeps_start(script, &accounts[i].beneficiary, &plan);
        s->open++;
        db_run(s->engine->db, script, committed, s);
    }
    one_done(s);
}

static void watched(void *ctx, const struct err *err, struct db_result *res)
{
    struct sweeper *s = ctx;
    if (!rows_came(s, err))
        return;
    struct sweep_ended back[SWEEPS_MAX];
    size_t n = sweeps_parse_back(res, back, SWEEPS_MAX);
    for (size_t i = 0; i < n; i++) {
        log_error("payout_returned", "juno_id=%s units=%lld: accumulated commissions",
                  back[i].external_id, (long long)back[i].amount_units);
        struct db_script *script = db_script_new();
        sweeps_return(script, &back[i]);
        s->open++;
        db_run(s->engine->db, script, committed, s);
    }
    one_done(s);
}

static void aged(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct sweeper *s = ctx;
    s->busy = false;
    if (err != NULL)
        engine_waits(s->engine, DOOR_DATABASE, err);
}

static void tick(void *ctx)
{
    struct sweeper *s = ctx;
    if (s->busy || s->engine->stopping || !s->engine->ready)
        return;
    if (clock_mono_ms() >= s->age_at_ms) {
        s->age_at_ms = clock_mono_ms() + AGE_LOOK_MS;
        s->busy = true;
        db_run(s->engine->db, sweeps_age_alarms(EFFECT_SLOW_S, PAYMENT_SLOW_S), aged, s);
        return;
    }
    if (clock_mono_ms() >= s->watch_at_ms) {
        s->watch_at_ms = clock_mono_ms() + WATCH_MS;
        s->busy = true;
        db_run(s->engine->db, sweeps_watch(), watched, s);
        return;
    }
    int64_t floor_units = 0;
    CHECK(units_from_centavos(s->engine->rules.min_leg_centavos, &floor_units));
    s->busy = true;
    db_query(s->engine->db, sweeps_look(floor_units), looked, s);
}

struct sweeper *sweeper_new(struct engine *engine)
{
    struct sweeper *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->engine = engine;
    s->timer = loop_timer_new(engine->loop, tick, s);
    loop_timer_start(s->timer, SWEEPER_TICK_MS, SWEEPER_TICK_MS);
    return s;
}

void sweeper_stop(struct sweeper *s)
{
    loop_timer_stop(s->timer);
}

bool sweeper_idle(const struct sweeper *s)
{
    return !s->busy;
}

void sweeper_free(struct sweeper *s)
{
    if (s == NULL)
        return;
    loop_timer_free(s->timer);
    free(s);
}
