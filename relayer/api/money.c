/* Deposits, escrows, disputes and payouts: lists, details, and the two things a person may put right. */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/money/amount.h"
#include "relayer/store/requests.h"

/* --- deposits ---------------------------------------------------------------------------------- */

static json_t *deposits_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "deposits", answer_rows(res, 0, &READ_DEPOSITS));
}

void deposit_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_DEPOSITS);
    call_bind_text(stmt, call, "state");
    call_bind_text(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, deposits_answer);
}

static bool assign_moved(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)call;
    (void)stmt;
    if (strcmp(constraint, "deposit_payment_id_key") == 0)
        err_set(e, ERR_STATE, "payment_id: another deposit was matched to this payment meanwhile");
    else
        err_set(e, ERR_STATE, "the deposit or the payment moved meanwhile; look at both again");
    return true;
}

static bool check_assign(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0)
        return err_fail(e, ERR_NOT_FOUND, "fid: there is no deposit \"%.80s\"",
                        call_text(call, "fid"));
    if (db_rows(res, 1) == 0)
        return err_fail(e, ERR_NOT_FOUND, "payment_id: there is no payment %s",
                        call_text(call, "payment_id"));
    json_t *deposit = answer_row(res, 0, 0, &READ_DEPOSIT);
    json_t *payment = answer_row(res, 1, 0, &READ_PAYMENT);
    const char *deposit_state = json_string_value(json_object_get(deposit, "state"));
    const char *payment_state = json_string_value(json_object_get(payment, "state"));
    const char *arrived = json_string_value(json_object_get(deposit, "amount"));
    const char *wanted = json_string_value(json_object_get(payment, "amount"));
    bool ok = false;
    if (strcmp(deposit_state, "unassigned") != 0) {
        snprintf(call->state, sizeof call->state, "%s", deposit_state);
        err_set(e, ERR_STATE, "fid: the deposit is %s, not unassigned", deposit_state);
    } else if (strcmp(payment_state, "waiting_deposit") != 0) {
        snprintf(call->state, sizeof call->state, "%s", payment_state);
        err_set(e, ERR_STATE, "payment_id: the payment is %s, it waits for no deposit",
                payment_state);
    } else if (db_rows(res, 2) > 0) {
        err_set(e, ERR_STATE, "payment_id: the payment has a deposit already");
    } else if (strcmp(arrived, wanted) != 0) {
        err_set(e, ERR_AMOUNT, "the deposit is of %s MXN, the payment of %s", arrived, wanted);
    } else {
        ok = true;
    }
    json_decref(deposit);
    json_decref(payment);
    return ok;
}

static void assign_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct uuid payment_id;
    struct err e;
    if (err != NULL || !check_assign(call, res, &e)) {
        call_fail(call, err != NULL ? err : &e);
        return;
    }
    CHECK(call_uuid(call, "payment_id", &payment_id));
    struct db_script *script = db_script_new();
    requests_assign_deposit(script, call_text(call, "fid"), &payment_id, call->actor);
    json_t *answer = json_pack("{s:s, s:o, s:s}", "fid", call_text(call, "fid"), "payment_id",
                               answer_uuid(&payment_id), "state", "matched");
    mutation_commit(call, script, answer, assign_moved);
}

void deposit_assign(struct call *call)
{
    struct db_script *script = db_script_new();
    call_bind_text(read_add(script, &READ_DEPOSIT), call, "fid");
    call_bind_uuid(read_add(script, &READ_PAYMENT), call, "payment_id");
    call_bind_uuid(read_add(script, &READ_PAYMENT_DEPOSIT), call, "payment_id");
    db_query(call->db, script, assign_found, call);
}

/* --- escrows ----------------------------------------------------------------------------------- */

/* By escrow_id or payment_id: exactly one of them. */
static struct db_script *find_escrow(struct call *call)
{
    uint8_t id[32];
    if (call_has(call, "escrow_id") == call_has(call, "payment_id")) {
        call_refuse(call, ERR_PARAMS, "payment_id: give either it or escrow_id");
        return NULL;
    }
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_ESCROW);
    if (call_hash(call, "escrow_id", id))
        db_bytes(stmt, id, sizeof id);
    else
        db_null(stmt);
    call_bind_uuid(stmt, call, "payment_id");
    return script;
}

static json_t *no_escrow(struct call *call, struct err *e)
{
    bool by_id = call_has(call, "escrow_id");
    err_set(
        e, ERR_NOT_FOUND, "%s: there is no escrow of %s; payment.get tells how far the payment is",
        by_id ? "escrow_id" : "payment_id", call_text(call, by_id ? "escrow_id" : "payment_id"));
    return NULL;
}

static json_t *escrow_answer(struct call *call, struct db_result *res, struct err *e)
{
    return db_rows(res, 0) > 0 ? answer_row(res, 0, 0, &READ_ESCROW) : no_escrow(call, e);
}

void escrow_get(struct call *call)
{
    struct db_script *script = find_escrow(call);
    if (script != NULL)
        call_read(call, script, escrow_answer);
}

/* Time runs by the chain's clock, which is what the contract looks at. */
static json_t *time_left_answer(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0)
        return no_escrow(call, e);
    json_t *escrow = answer_row(res, 0, 0, &READ_ESCROW);
    int64_t ends_s = json_integer_value(json_object_get(escrow, "ends_at_unix"));
    int64_t now_s = call->engine->chain_time_s;
    if (ends_s == 0 || now_s == 0) {
        snprintf(call->state, sizeof call->state, "%s",
                 json_string_value(json_object_get(escrow, "payment_state")));
        json_decref(escrow);
        err_set(e, ends_s == 0 ? ERR_STATE : ERR_CHAIN_AWAY, "%s",
                ends_s == 0 ? "the escrow is not on chain yet, so no time runs"
                            : "the chain's time is not known yet");
        return NULL;
    }
    json_t *answer = json_object();
    static const char *const COPIED[] = {"escrow_id", "payment_id",     "state",        "starts_at",
                                         "ends_at",   "starts_at_unix", "ends_at_unix", "amount"};
    for (size_t i = 0; i < sizeof COPIED / sizeof COPIED[0]; i++)
        json_object_set(answer, COPIED[i], json_object_get(escrow, COPIED[i]));
    json_object_set_new(answer, "seconds_left", json_integer(ends_s > now_s ? ends_s - now_s : 0));
    json_object_set_new(answer, "over", json_boolean(now_s >= ends_s));
    json_object_set_new(answer, "chain_time", answer_time_ms(now_s * 1000));
    json_decref(escrow);
    return answer;
}

void escrow_time_left(struct call *call)
{
    struct db_script *script = find_escrow(call);
    if (script != NULL)
        call_read(call, script, time_left_answer);
}

static json_t *escrows_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "escrows", answer_rows(res, 0, &READ_ESCROWS));
}

void escrow_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_ESCROWS);
    call_bind_text(stmt, call, "state");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, escrows_answer);
}

static json_t *disputes_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "disputes", answer_rows(res, 0, &READ_DISPUTES));
}

void dispute_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_DISPUTES);
    call_bind_text(stmt, call, "state");
    call_bind_uuid(stmt, call, "payment_id");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, disputes_answer);
}

/* --- payouts ----------------------------------------------------------------------------------- */

static json_t *payouts_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "payouts", answer_rows(res, 0, &READ_PAYOUTS));
}

void payout_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_PAYOUTS);
    call_bind_uuid(stmt, call, "payment_id");
    call_bind_text(stmt, call, "state");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, payouts_answer);
}

static struct db_script *find_payout(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_PAYOUT);
    call_bind_uuid(stmt, call, "payment_id");
    db_i64(stmt, call_integer(call, "leg", 0));
    return script;
}

static void no_payout(struct call *call, struct err *e)
{
    err_set(e, ERR_NOT_FOUND, "leg: payment %s has no leg %lld", call_text(call, "payment_id"),
            (long long)call_integer(call, "leg", 0));
}

static json_t *payout_answer(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0) {
        no_payout(call, e);
        return NULL;
    }
    json_t *payout = answer_row(res, 0, 0, &READ_PAYOUT);
    json_object_set_new(payout, "history", answer_rows(res, 1, &READ_ATTEMPTS));
    return payout;
}

void payout_get(struct call *call)
{
    struct db_script *script = find_payout(call);
    struct db_stmt *stmt = read_add(script, &READ_ATTEMPTS);
    call_bind_uuid(stmt, call, "payment_id");
    db_i64(stmt, call_integer(call, "leg", 0));
    call_read(call, script, payout_answer);
}

static bool retry_moved(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)call;
    (void)constraint;
    (void)stmt;
    err_set(e, ERR_STATE, "the payout moved meanwhile; payout.get shows where it is");
    return true;
}

static bool check_retry(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0) {
        no_payout(call, e);
        return false;
    }
    json_t *payout = answer_row(res, 0, 0, &READ_PAYOUT);
    const char *state = json_string_value(json_object_get(payout, "state"));
    const char *effect = json_string_value(json_object_get(payout, "effect_state"));
    bool ok = false;
    snprintf(call->state, sizeof call->state, "%s", state);
    if (strcmp(state, "parked") != 0)
        err_set(e, ERR_STATE, "leg: it is %s; only a parked payout is ordered again", state);
    else if (effect == NULL || strcmp(effect, "rejected") != 0)
        err_set(e, ERR_STATE,
                "leg: its redemption is %s: it may still have happened, so it is not ordered"
                " again; ask Juno about it first",
                effect != NULL ? effect : "unknown");
    else
        ok = true;
    json_decref(payout);
    return ok;
}

static void retry_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct uuid payment_id;
    struct err e;
    if (err != NULL || !check_retry(call, res, &e)) {
        call_fail(call, err != NULL ? err : &e);
        return;
    }
    CHECK(call_uuid(call, "payment_id", &payment_id));
    int64_t leg = call_integer(call, "leg", 0);
    struct db_script *script = db_script_new();
    requests_retry_leg(script, &payment_id, leg, call->actor);
    json_t *answer = json_pack("{s:o, s:I, s:s, s:s}", "payment_id", answer_uuid(&payment_id),
                               "leg", (json_int_t)leg, "from", "parked", "state", "planned");
    mutation_commit(call, script, answer, retry_moved);
}

void payout_retry(struct call *call)
{
    db_query(call->db, find_payout(call), retry_found, call);
}
