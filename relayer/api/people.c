/* Bank accounts that are paid (beneficiaries) and CLABEs that payers pay into. */
#include <stdio.h>
#include <string.h>

#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/flows/flow.h"
#include "relayer/store/effects.h"
#include "relayer/store/requests.h"

/* One registration at Juno; round tells a second one from the first, which was refused. */
static void plan_effect(struct db_script *script, const struct uuid *subject, enum effect_kind kind,
                        int64_t round)
{
    struct effect_plan plan = {.kind = kind, .leg_n = -1};
    flow_effect_id(subject, kind, -1, round, &plan.id, &plan.idem_key);
    effects_insert(script, &plan, subject, "");
}

/* True: nothing is in the way. Otherwise the call has failed, with the state of what is there. */
static bool nothing_there(struct call *call, const struct err *err, struct db_result *res,
                          int state_column, void (*words)(struct call *call, struct err *e))
{
    struct err e;
    if (err == NULL && db_rows(res, 0) == 0)
        return true;
    if (err == NULL) {
        snprintf(call->state, sizeof call->state, "%s", db_get(res, 0, 0, state_column));
        words(call, &e);
        err = &e;
    }
    call_fail(call, err);
    return false;
}

static void clabe_taken_words(struct call *call, struct err *e)
{
    (void)call;
    err_set(e, ERR_EXISTS,
            "clabe: a beneficiary with this CLABE exists; beneficiary.list shows it");
}

/* Somebody else registered it between our look and our commit. */
static bool clabe_taken(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)stmt;
    if (strcmp(constraint, "beneficiary_clabe_key") != 0)
        return false;
    clabe_taken_words(call, e);
    return true;
}

static void account_looked_up(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    if (!nothing_there(call, err, res, 0, clabe_taken_words))
        return;
    struct new_beneficiary row = {.id = uuid_new(),
                                  .name = call_text(call, "name"),
                                  .clabe = call_text(call, "clabe"),
                                  .ownership = call_text(call, "ownership")};
    struct db_script *script = db_script_new();
    requests_add_beneficiary(script, &row);
    plan_effect(script, &row.id, EFFECT_BANK_REGISTER, 1);
    json_t *answer = json_pack("{s:o, s:s, s:s}", "beneficiary_id", answer_uuid(&row.id), "state",
                               "registering", "waiting_for", "Juno to register the bank account");
    mutation_commit(call, script, answer, clabe_taken);
}

void beneficiary_register(struct call *call)
{
    db_query(call->db, requests_find_account(call_text(call, "clabe")), account_looked_up, call);
}

static json_t *beneficiaries_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "beneficiaries", answer_rows(res, 0, &READ_BENEFICIARIES));
}

void beneficiary_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_BENEFICIARIES);
    call_bind_text(stmt, call, "state");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, beneficiaries_answer);
}

/* The row, or the call has failed. Gives a new reference. */
static json_t *found(struct call *call, const struct err *err, struct db_result *res)
{
    if (err != NULL) {
        call_fail(call, err);
        return NULL;
    }
    if (db_rows(res, 0) == 0) {
        call_refuse(call, ERR_NOT_FOUND, "beneficiary_id: there is no beneficiary %s",
                    call_text(call, "beneficiary_id"));
        return NULL;
    }
    json_t *row = answer_row(res, 0, 0, &READ_BENEFICIARY);
    snprintf(call->state, sizeof call->state, "%s",
             json_string_value(json_object_get(row, "state")));
    return row;
}

static bool state_moved(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)constraint;
    (void)stmt;
    err_set(e, ERR_STATE, "the beneficiary is no longer %s; look again", call->state);
    return true;
}

static json_t *moved_answer(const struct uuid *id, const char *from, const char *to)
{
    return json_pack("{s:o, s:s, s:s}", "beneficiary_id", answer_uuid(id), "from", from, "state",
                     to);
}

static void verify_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct uuid id;
    json_t *row = found(call, err, res);
    if (row == NULL)
        return;
    CHECK(call_uuid(call, "beneficiary_id", &id));
    int64_t round = json_integer_value(json_object_get(row, "registrations")) + 1;
    json_decref(row);
    struct db_script *script = db_script_new();
    if (strcmp(call->state, "suspended") == 0) {
        requests_beneficiary_resume(script, &id);
        mutation_commit(call, script, moved_answer(&id, "suspended", "active"), state_moved);
        return;
    }
    if (strcmp(call->state, "refused") == 0) {
        requests_beneficiary_again(script, &id);
        plan_effect(script, &id, EFFECT_BANK_REGISTER, round);
        mutation_commit(call, script, moved_answer(&id, "refused", "registering"), state_moved);
        return;
    }
    db_script_free(script);
    call_refuse(call, ERR_STATE,
                "the beneficiary is %s: only a suspended or refused one is verified again",
                call->state);
}

static void find(struct call *call, db_done_cb done)
{
    struct db_script *script = db_script_new();
    call_bind_uuid(read_add(script, &READ_BENEFICIARY), call, "beneficiary_id");
    db_query(call->db, script, done, call);
}

void beneficiary_verify(struct call *call)
{
    find(call, verify_found);
}

static void suspend_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct uuid id;
    json_t *row = found(call, err, res);
    if (row == NULL)
        return;
    json_decref(row);
    CHECK(call_uuid(call, "beneficiary_id", &id));
    if (strcmp(call->state, "active") != 0) {
        call_refuse(call, ERR_STATE, "the beneficiary is %s: only an active one is suspended",
                    call->state);
        return;
    }
    struct db_script *script = db_script_new();
    requests_beneficiary_suspend(script, &id, call_text(call, "reason"));
    mutation_commit(call, script, moved_answer(&id, "active", "suspended"), state_moved);
}

void beneficiary_suspend(struct call *call)
{
    find(call, suspend_found);
}

static void user_taken_words(struct call *call, struct err *e)
{
    err_set(e, ERR_EXISTS, "user_ref: \"%.60s\" has a CLABE already; clabe.list shows it",
            call_text(call, "user_ref"));
}

static bool user_taken(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)stmt;
    if (strcmp(constraint, "clabe_user_ref_key") != 0)
        return false;
    user_taken_words(call, e);
    return true;
}

static void user_looked_up(void *ctx, const struct err *err, struct db_result *res)
{
    enum { STATE_COLUMN = 1 };
    struct call *call = ctx;
    if (!nothing_there(call, err, res, STATE_COLUMN, user_taken_words))
        return;
    struct uuid id = uuid_new();
    struct db_script *script = db_script_new();
    requests_add_clabe(script, &id, call_text(call, "user_ref"));
    plan_effect(script, &id, EFFECT_CLABE_CREATE, 1);
    json_t *answer = json_pack("{s:o, s:s, s:s, s:n, s:s}", "clabe_id", answer_uuid(&id),
                               "user_ref", call_text(call, "user_ref"), "state", "creating",
                               "clabe", "waiting_for", "Juno to open the CLABE");
    mutation_commit(call, script, answer, user_taken);
}

void clabe_create(struct call *call)
{
    db_query(call->db, requests_people(call_text(call, "user_ref"), NULL, 0), user_looked_up, call);
}

static json_t *clabes_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    return json_pack("{s:o}", "clabes", answer_rows(res, 0, &READ_CLABES));
}

void clabe_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_CLABES);
    call_bind_text(stmt, call, "user_ref");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, clabes_answer);
}
