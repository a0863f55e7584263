#include "relayer/engine/runner.h"

#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"

enum {
    RUNNER_TICK_MS = 100,
    RUNNER_GAP_MS = 20, /* from round to round at least: facts that come close together share one */
    RUNNER_BATCH = 32,  /* decisions in one transaction */
    RUNNER_RULE_BACKOFF_MS = 30000
};

/* One payment of a round that moves, with everything its commit needs, also if it must be repeated. */
struct step {
    const struct payment_row *row;
    struct runner_choice choice;
    struct payment_targets targets;
    uint8_t escrow_id[32];
};

struct runner {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again; /* kicked while busy, or something moved */
    int64_t begun_ms;
    size_t open; /* scripts of this round not committed yet */
    struct payment_row rows[PAYMENTS_DUE_MAX];
    struct step steps[PAYMENTS_DUE_MAX];
    size_t steps_n;
};

/* Steps that are committed together. */
struct batch {
    struct runner *runner;
    const struct step *step;
    size_t n;
};

static struct fact effect_fact(const struct fact *time, const struct effect_brief *brief)
{
    struct fact fact = *time;
    fact.kind = FACT_EFFECT;
    fact.effect_kind = brief->kind;
    fact.effect_end = brief->end;
    fact.effect_id = brief->id;
    fact.reason = brief->reason[0] != '\0' ? brief->reason : NULL;
    return fact;
}

static bool try_strand(const struct payment_row *row, const struct fact *fact,
                       const struct flow_rules *rules, struct runner_choice *out)
{
    out->decision = payment_step(&row->payment, fact, rules);
    out->leg_n = -1;
    return out->decision.verdict == VERDICT_MOVE;
}

static bool choose_strand_facts(const struct payment_row *row, const struct fact *time,
                                const struct flow_rules *rules, struct runner_choice *out)
{
    const struct effect_brief *strand = &row->strand;
    if (strand->present && strand->end != EFFECT_OPEN) {
        struct fact fact = effect_fact(time, strand);
        fact.custody_end_s = row->escrow_end_s;
        out->external_id = strand->external_id[0] != '\0' ? strand->external_id : NULL;
        out->tx_hash = strand->has_tx ? strand->tx_hash : NULL;
        if (try_strand(row, &fact, rules, out))
            return true;
    }
    if (row->deposit_matched && row->payment.state == PAYMENT_WAITING_DEPOSIT) {
        struct fact fact = *time;
        fact.kind = FACT_DEPOSIT;
        fact.already_issued = row->issued_unassigned;
        out->external_id = row->deposit_fid;
        if (try_strand(row, &fact, rules, out))
            return true;
    }
    if (row->issued && !row->issued_unassigned && row->payment.state == PAYMENT_WAITING_ISSUANCE) {
        struct fact fact = *time;
        fact.kind = FACT_ISSUANCE;
        out->external_id = row->issuance_id;
        if (try_strand(row, &fact, rules, out))
            return true;
    }
    return false;
}

static bool choose_leg_facts(const struct payment_row *row, const struct fact *time,
                             const struct flow_rules *rules, struct runner_choice *out)
{
    for (size_t i = 0; i < row->payment.legs_n; i++) {
        const struct leg *leg = &row->payment.legs[i];
        const struct effect_brief *brief = &row->leg[i];
        out->leg_n = leg->n;
        out->tx_hash = NULL;
        out->external_id = brief->external_id[0] != '\0' ? brief->external_id : NULL;
        struct fact fact = *time;
        if (brief->present && brief->end != EFFECT_OPEN && leg->state == LEG_REDEEMING)
            fact = effect_fact(time, brief);
        else if (row->leg_returned[i] && leg->state == LEG_PAID)
            fact.kind = FACT_PAYOUT_RETURNED;
        out->decision = payment_leg_step(&row->payment, leg, &fact, rules);
        if (out->decision.verdict == VERDICT_MOVE)
            return true;
    }
    return false;
}

void runner_choose(const struct payment_row *row, const struct fact *time,
                   const struct flow_rules *rules, struct runner_choice *out)
{
    memset(out, 0, sizeof *out);
    if (choose_strand_facts(row, time, rules, out) || choose_leg_facts(row, time, rules, out))
        return;
    out->external_id = NULL;
    out->tx_hash = NULL;
    (void)try_strand(row, time, rules, out);
}

static void round_ended(struct runner *runner)
{
    runner->busy = false;
    if (runner->again)
        runner_kick(runner);
}

static void script_ended(struct runner *runner)
{
    if (--runner->open == 0)
        round_ended(runner);
}

static void rested(void *ctx, const struct err *err, struct db_result *res)
{
    (void)ctx;
    (void)err; /* not committed: the payment is simply offered again */
    (void)res;
}

static void step_failed(struct runner *runner, const struct step *step, const struct err *err)
{
    const struct payment *payment = &step->row->payment;
    char id[UUID_TEXT_MAX];
    uuid_format(&payment->id, id);
    if (err->code == ERR_DB_CONFLICT) {
        runner->again = true;
        log_debug("payment_race", "payment_id=%s version=%lld", id, (long long)payment->version);
        return;
    }
    if (err->code != ERR_DB_RULE && err->code != ERR_DB_FAILED) {
        log_warn("payment_step_not_committed", "payment_id=%s %s", id, err->message);
        return;
    }
    /* A rule of the ledger refused what a flow decided: nothing moved, a person must look, and the same
     * decision must not be offered ten times a second. */
    log_broken("payment_rule", "payment_id=%s state=%s: %s", id, payment_state_name(payment->state),
               err->message);
    struct db_script *script = db_script_new();
    payments_rest(script, payment, clock_wall_ms() + RUNNER_RULE_BACKOFF_MS);
    db_run(runner->engine->db, script, rested, runner);
    engine_alarm(runner->engine, "payment_rule", id, err->message);
}

static void step_done(struct runner *runner, const struct step *step)
{
    enum payment_state from = step->row->payment.state;
    enum payment_state to = step->choice.decision.next;
    runner->again = true;
    if (from == to)
        return;
    char id[UUID_TEXT_MAX];
    uuid_format(&step->row->payment.id, id);
    log_info("payment_moved", "payment_id=%s from=%s to=%s", id, payment_state_name(from),
             payment_state_name(to));
    if (to == PAYMENT_PARKED)
        engine_alarm(runner->engine, "payment_parked", id, step->choice.decision.reason);
}

static void commit_steps(struct runner *runner, const struct step *step, size_t n);

/* The script was refused because of one of its payments, and nothing of it is committed. */
static bool refused_for_one(const struct err *err)
{
    return err->code == ERR_DB_CONFLICT || err->code == ERR_DB_RULE || err->code == ERR_DB_FAILED;
}

static void batch_done(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct batch *batch = ctx;
    struct runner *runner = batch->runner;
    FAULT_POINT(runner_after_commit);
    bool one_by_one = err != NULL && batch->n > 1 && refused_for_one(err);
    for (size_t i = 0; i < batch->n; i++) {
        const struct step *step = &batch->step[i];
        if (one_by_one)
            commit_steps(runner, step, 1);
        else if (err != NULL)
            step_failed(runner, step, err);
        else
            step_done(runner, step);
    }
    free(batch);
    script_ended(runner);
}

static void commit_steps(struct runner *runner, const struct step *step, size_t n)
{
    CHECK(n >= 1 && n <= RUNNER_BATCH);
    struct batch *batch = calloc(1, sizeof *batch);
    CHECK(batch != NULL);
    *batch = (struct batch){.runner = runner, .step = step, .n = n};
    struct payment_move moves[RUNNER_BATCH];
    for (size_t i = 0; i < n; i++)
        moves[i] = (struct payment_move){.row = step[i].row,
                                         .decision = &step[i].choice.decision,
                                         .leg_n = step[i].choice.leg_n,
                                         .targets = &step[i].targets};
    struct db_script *script = db_script_new();
    payments_apply_many(script, moves, n);
    FAULT_POINT(runner_before_commit);
    runner->open++;
    db_run(runner->engine->db, script, batch_done, batch);
}

static void rest_done(void *ctx, const struct err *err, struct db_result *res)
{
    (void)err; /* payments that do not rest are looked at again */
    (void)res;
    script_ended(ctx);
}

static void commit_rests(struct runner *runner, const struct payment_rest *rests, size_t n)
{
    if (n == 0)
        return;
    struct db_script *script = db_script_new();
    payments_rest_many(script, rests, n);
    runner->open++;
    db_run(runner->engine->db, script, rest_done, runner);
}

static void step_targets(struct runner *runner, struct step *step)
{
    engine_targets(runner->engine, step->row, &step->targets, step->escrow_id);
    step->targets.external_id = step->choice.external_id;
    step->targets.tx_hash = step->choice.tx_hash;
}

static void decide(struct runner *runner, size_t rows_n)
{
    struct fact time = engine_fact(runner->engine, FACT_TIME);
    struct payment_rest rests[PAYMENTS_DUE_MAX];
    size_t rests_n = 0;
    runner->steps_n = 0;
    for (size_t i = 0; i < rows_n; i++) {
        struct step *step = &runner->steps[runner->steps_n];
        step->row = &runner->rows[i];
        runner_choose(step->row, &time, &runner->engine->rules, &step->choice);
        if (step->choice.decision.verdict == VERDICT_MOVE) {
            step_targets(runner, step);
            runner->steps_n++;
        } else {
            rests[rests_n++] =
                (struct payment_rest){.payment = &step->row->payment,
                                      .look_again_ms = step->choice.decision.look_again_ms};
        }
    }
    commit_rests(runner, rests, rests_n);
}

static void rows_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct runner *runner = ctx;
    struct engine *engine = runner->engine;
    if (err != NULL) {
        engine_waits(engine, DOOR_DATABASE, err);
        round_ended(runner);
        return;
    }
    engine_answers(engine, DOOR_DATABASE);
    size_t n = payments_parse(res, runner->rows, PAYMENTS_DUE_MAX);
    runner->open = 1; /* held by this function, so that no callback ends the round early */
    decide(runner, n);
    for (size_t at = 0; at < runner->steps_n; at += RUNNER_BATCH) {
        size_t left = runner->steps_n - at;
        commit_steps(runner, &runner->steps[at], left < RUNNER_BATCH ? left : RUNNER_BATCH);
    }
    script_ended(runner);
}

static void tick(void *ctx)
{
    struct runner *runner = ctx;
    if (runner->busy || runner->engine->stopping || !runner->engine->ready)
        return;
    runner->busy = true;
    runner->again = false;
    runner->begun_ms = clock_mono_ms();
    db_query(runner->engine->db, payments_due(PAYMENTS_DUE_MAX), rows_read, runner);
}

struct runner *runner_new(struct engine *engine)
{
    struct runner *runner = calloc(1, sizeof *runner);
    CHECK(runner != NULL);
    runner->engine = engine;
    runner->timer = loop_timer_new(engine->loop, tick, runner);
    loop_timer_start(runner->timer, RUNNER_TICK_MS, RUNNER_TICK_MS);
    return runner;
}

void runner_kick(struct runner *runner)
{
    if (runner->busy) {
        runner->again = true;
        return;
    }
    if (runner->engine->stopping)
        return;
    int64_t since_ms = clock_mono_ms() - runner->begun_ms;
    uint64_t wait_ms = since_ms < RUNNER_GAP_MS ? (uint64_t)(RUNNER_GAP_MS - since_ms) : 0;
    loop_timer_start(runner->timer, wait_ms, RUNNER_TICK_MS);
}

void runner_stop(struct runner *runner)
{
    loop_timer_stop(runner->timer);
}

bool runner_idle(const struct runner *runner)
{
    return !runner->busy;
}

void runner_free(struct runner *runner)
{
    if (runner == NULL)
        return;
    loop_timer_free(runner->timer);
    free(runner);
}
