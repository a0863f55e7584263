#include "relayer/engine/runner.h"

#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"

enum { RUNNER_TICK_MS = 100, RUNNER_RULE_BACKOFF_MS = 30000 };

struct runner {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;  /* kicked while busy, or something moved */
    size_t open; /* scripts of this round not committed yet */
    struct payment_row rows[PAYMENTS_DUE_MAX];
};

struct step {
    struct runner *runner;
    struct uuid payment;
    int64_t version;
    enum payment_state from, to;
    bool parked;
    char reason[FLOW_TEXT_MAX];
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
        else if (row->leg_blocked[i] && leg->state == LEG_PLANNED)
            continue;
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

static void step_failed(struct step *step, const struct err *err)
{
    char id[UUID_TEXT_MAX];
    uuid_format(&step->payment, id);
    if (err->code == ERR_DB_CONFLICT) {
        step->runner->again = true;
        log_debug("payment_race", "payment_id=%s version=%lld", id, (long long)step->version);
        return;
    }
    if (err->code != ERR_DB_RULE && err->code != ERR_DB_FAILED) {
        log_warn("payment_step_not_committed", "payment_id=%s %s", id, err->message);
        return;
    }
    /* A rule of the ledger refused what a flow decided: nothing moved, a person must look, and the same
     * decision must not be offered ten times a second. */
    log_broken("payment_rule", "payment_id=%s state=%s: %s", id, payment_state_name(step->from),
               err->message);
    struct payment payment = {.id = step->payment, .version = step->version};
    struct db_script *script = db_script_new();
    payments_rest(script, &payment, clock_wall_ms() + RUNNER_RULE_BACKOFF_MS);
    db_run(step->runner->engine->db, script, NULL, NULL);
    engine_alarm(step->runner->engine, "payment_rule", id, err->message);
}

static void step_done(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct step *step = ctx;
    struct runner *runner = step->runner;
    FAULT_POINT(runner_after_commit);
    if (err != NULL) {
        step_failed(step, err);
    } else if (step->from != step->to) {
        char id[UUID_TEXT_MAX];
        uuid_format(&step->payment, id);
        runner->again = true;
        log_info("payment_moved", "payment_id=%s from=%s to=%s", id, payment_state_name(step->from),
                 payment_state_name(step->to));
        if (step->parked)
            engine_alarm(runner->engine, "payment_parked", id, step->reason);
    } else {
        runner->again = true;
    }
    free(step);
    if (--runner->open == 0)
        round_ended(runner);
}

static void rest_done(void *ctx, const struct err *err, struct db_result *res)
{
    (void)err;
    (void)res;
    struct runner *runner = ctx;
    if (--runner->open == 0)
        round_ended(runner);
}

static void commit_choice(struct runner *runner, const struct payment_row *row,
                          const struct runner_choice *choice)
{
    struct engine *engine = runner->engine;
    uint8_t escrow_id[32];
    struct payment_targets targets;
    engine_targets(engine, row, &targets, escrow_id);
    targets.external_id = choice->external_id;
    targets.tx_hash = choice->tx_hash;
    struct step *step = calloc(1, sizeof *step);
    CHECK(step != NULL);
    step->runner = runner;
    step->payment = row->payment.id;
    step->version = row->payment.version;
    step->from = row->payment.state;
    step->to = choice->decision.next;
    step->parked = step->to == PAYMENT_PARKED && step->from != PAYMENT_PARKED;
    memcpy(step->reason, choice->decision.reason, sizeof step->reason);
    struct db_script *script = db_script_new();
    payments_apply(script, row, &choice->decision, choice->leg_n, &targets);
    FAULT_POINT(runner_before_commit);
    runner->open++;
    db_run(engine->db, script, step_done, step);
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
    struct fact time = engine_fact(engine, FACT_TIME);
    runner->open = 1; /* held by this loop, so that no callback ends the round early */
    for (size_t i = 0; i < n; i++) {
        struct runner_choice choice;
        runner_choose(&runner->rows[i], &time, &engine->rules, &choice);
        if (choice.decision.verdict == VERDICT_MOVE) {
            commit_choice(runner, &runner->rows[i], &choice);
            continue;
        }
        struct db_script *script = db_script_new();
        payments_rest(script, &runner->rows[i].payment, choice.decision.look_again_ms);
        runner->open++;
        db_run(engine->db, script, rest_done, runner);
    }
    if (--runner->open == 0)
        round_ended(runner);
}

static void tick(void *ctx)
{
    struct runner *runner = ctx;
    if (runner->busy || runner->engine->stopping || !runner->engine->ready)
        return;
    runner->busy = true;
    runner->again = false;
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
    if (!runner->engine->stopping)
        loop_timer_start(runner->timer, 0, RUNNER_TICK_MS);
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
