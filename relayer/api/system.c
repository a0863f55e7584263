/* system.* and webhook.*: how the daemon is, and its switches. */
#include "relayer/api/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/api/api_inside.h"
#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/store/requests.h"

enum { RESTORE_AGAIN_MS = 500 };

bool system_is_healthy(const struct engine *engine, char *why, size_t cap)
{
    why[0] = '\0';
    if (!db_ready(engine->db)) {
        snprintf(why, cap, "waiting for the database: %s", db_trouble(engine->db));
        return false;
    }
    if (engine->door[DOOR_NODE].waiting || engine->door[DOOR_DATABASE].waiting) {
        enum engine_door door = engine->door[DOOR_NODE].waiting ? DOOR_NODE : DOOR_DATABASE;
        snprintf(why, cap, "waiting for the %s: %s", engine_door_name(door),
                 engine->door[door].why);
        return false;
    }
    if (!engine->ready) {
        snprintf(why, cap, "the start checks have not passed yet");
        for (int door = 0; door < DOORS_N; door++) {
            if (engine->door[door].waiting)
                snprintf(why, cap, "waiting for the %s: %s",
                         engine_door_name((enum engine_door)door), engine->door[door].why);
        }
        return false;
    }
    return true;
}

static json_t *doors_json(const struct engine *engine)
{
    json_t *doors = json_object();
    for (int i = 0; i < DOORS_N; i++) {
        const struct door_state *door = &engine->door[i];
        bool away = door->waiting || (i == DOOR_DATABASE && !db_ready(engine->db));
        json_t *item = json_pack("{s:b}", "answers", !away);
        if (door->waiting) {
            json_object_set_new(item, "why", json_string(door->why));
            json_object_set_new(item, "since", answer_time_ms(door->since_ms));
        } else if (away) {
            json_object_set_new(item, "why", json_string(db_trouble(engine->db)));
        }
        json_object_set_new(doors, engine_door_name((enum engine_door)i), item);
    }
    return doors;
}

static json_t *status_json(const struct call *call)
{
    const struct engine *engine = call->engine;
    const struct config *config = engine->config;
    char why[256];
    bool healthy = system_is_healthy(engine, why, sizeof why);
    json_t *status =
        json_pack("{s:s, s:s, s:b, s:b, s:b, s:o, s:{s:I, s:I, s:I, s:s, s:s, s:s}}", "environment",
                  config_environment_name(config->relayer_environment), "instance",
                  config->relayer_instance, "ready", engine->ready, "healthy", healthy, "paused",
                  engine->paused, "doors", doors_json(engine), "chain", "chain_id",
                  (json_int_t)config->chain_chain_id, "latest", (json_int_t)engine->latest_number,
                  "final", (json_int_t)engine->final_number, "escrow", config->chain_escrow.text,
                  "token", config->chain_token.text, "bridge", config->chain_bridge.text);
    CHECK(status != NULL);
    if (!healthy)
        json_object_set_new(status, "waiting_for", json_string(why));
    if (engine->paused)
        json_object_set_new(status, "pause_reason", json_string(engine->pause_reason));
    if (engine->chain_time_s > 0)
        json_object_set_new(json_object_get(status, "chain"), "time",
                            answer_time_ms(engine->chain_time_s * 1000));
    return status;
}

/* Without the database the daemon still says how it is. */
static void status_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    json_t *status = status_json(call);
    if (err == NULL) {
        json_object_set_new(status, "counts", answer_row(res, 0, 0, &READ_COUNTS));
        json_t *states = json_object();
        for (int row = 0; row < db_rows(res, 1); row++)
            json_object_set_new(states, db_get(res, 1, row, 0),
                                json_integer(db_get_i64(res, 1, row, 1)));
        json_object_set_new(status, "open_payments", states);
        json_object_set_new(status, "alarms", answer_rows(res, 2, &READ_ALARMS));
        json_object_set_new(status, "as_of", answer_as_of(call, res, 3));
    }
    call_reply(call, status);
}

void system_status(struct call *call)
{
    if (!db_ready(call->db)) {
        call_reply(call, status_json(call));
        return;
    }
    struct db_script *script = db_script_new();
    (void)read_add(script, &READ_COUNTS);
    (void)read_add(script, &READ_STATES);
    (void)read_add(script, &READ_ALARMS);
    (void)read_add(script, &READ_AS_OF);
    db_query(call->db, script, status_read, call);
}

void system_health(struct call *call)
{
    char why[256];
    bool healthy = system_is_healthy(call->engine, why, sizeof why);
    const char *words =
        call->engine->paused ? "everything answers, but people paused it" : "everything answers";
    call_reply(call, json_pack("{s:b, s:s}", "healthy", healthy, "words", healthy ? words : why));
}

/* --- doctor ------------------------------------------------------------------------------------ */

static void add_check(json_t *checks, const char *id, bool good, const char *fact, const char *fix)
{
    json_t *item =
        json_pack("{s:s, s:s, s:s}", "id", id, "verdict", good ? "pass" : "fail", "fact", fact);
    if (!good)
        json_object_set_new(item, "fix", json_string(fix));
    json_array_append_new(checks, item);
}

static void check_doors(json_t *checks, const struct engine *engine)
{
    static const char *const FIXES[DOORS_N] = {
        [DOOR_DATABASE] = "start PostgreSQL, or check database.url",
        [DOOR_NODE] = "start the node, or check chain.rpc_url",
        [DOOR_JUNO] = "check juno.url, its key and its secret",
        [DOOR_SIGNER] = "look at the signer's lines in the log; check signer.config",
    };
    for (int i = 0; i < DOORS_N; i++) {
        const struct door_state *door = &engine->door[i];
        bool good = !door->waiting && (i != DOOR_DATABASE || db_ready(engine->db));
        const char *why = door->waiting ? door->why : db_trouble(engine->db);
        add_check(checks, engine_door_name((enum engine_door)i), good, good ? "answers" : why,
                  FIXES[i]);
    }
}

static void check_counts(json_t *checks, const json_t *counts)
{
    static const struct {
        const char *field, *fix;
    } ROWS[] = {
        {"payments_parked", "relayerctl payment.list -k state=parked, then payment.timeline"},
        {"effects_parked", "relayerctl payout.list -k state=parked"},
        {"deposits_unassigned", "relayerctl deposit.list -k state=unassigned, then deposit.assign"},
        {"alarms_open", "relayerctl system.status lists them"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        long long n = json_integer_value(json_object_get(counts, ROWS[i].field));
        char fact[32];
        snprintf(fact, sizeof fact, "%lld", n);
        add_check(checks, ROWS[i].field, n == 0, fact, ROWS[i].fix);
    }
}

static json_t *doctor_checks(const struct engine *engine)
{
    json_t *checks = json_array();
    check_doors(checks, engine);
    char fact[64];
    int64_t age_s = clock_wall_ms() / 1000 - engine->chain_time_s;
    snprintf(fact, sizeof fact, "block %llu", (unsigned long long)engine->latest_number);
    add_check(checks, "start_checks", engine->ready, engine->ready ? "passed" : "not passed yet",
              "relayerctl system.status says what is waited for");
    add_check(checks, "chain_followed", engine->chain_time_s > 0, fact, "check chain.rpc_url");
    snprintf(fact, sizeof fact, "%lld s between the chain's clock and ours", (long long)age_s);
    bool near =
        engine->config->relayer_environment == ENVIRONMENT_EMBEDDED || (age_s < 60 && age_s > -60);
    add_check(checks, "clocks", near, fact, "check this machine's clock and the node's age");
    add_check(checks, "pause", !engine->paused,
              engine->paused ? engine->pause_reason : "not paused", "relayerctl system.resume");
    return checks;
}

static void doctor_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    json_t *checks = doctor_checks(call->engine);
    if (err == NULL) {
        json_t *counts = answer_row(res, 0, 0, &READ_COUNTS);
        check_counts(checks, counts);
        json_decref(counts);
        add_check(checks, "ledger_sums",
                  db_rows(res, 1) == 0 || strcmp(db_get(res, 1, 0, 0), "t") == 0,
                  "per asset and layer",
                  "a rule of the ledger is broken: stop, keep the database, report");
    }
    call_reply(call, json_pack("{s:o}", "checks", checks));
}

void system_doctor(struct call *call)
{
    if (!db_ready(call->db)) {
        call_reply(call, json_pack("{s:o}", "checks", doctor_checks(call->engine)));
        return;
    }
    struct db_script *script = db_script_new();
    (void)read_add(script, &READ_COUNTS);
    (void)read_add(script, &READ_BALANCED);
    db_query(call->db, script, doctor_read, call);
}

/* --- switches ---------------------------------------------------------------------------------- */

struct switching {
    void (*then)(struct call *call);
};

static void switched(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct switching *switching = call->work;
    if (err == NULL) {
        switching->then(call);
        mutation_done(call);
    } else if (err->code == ERR_DB_CONFLICT &&
               strcmp(db_constraint(res), REQUEST_KEY_CONSTRAINT) == 0) {
        mutation_again(call);
    } else {
        call_fail(call, err);
    }
}

/* The row first, then the daemon: a crash in between finds the row at the next start. */
static void switch_after(struct call *call, struct db_script *script, json_t *answer,
                         void (*then)(struct call *call))
{
    if (call->dry_run) {
        db_script_free(script);
        json_object_set_new(answer, "dry_run", json_true());
        call_reply(call, answer);
        return;
    }
    struct switching *switching = mem_new(sizeof *switching);
    switching->then = then;
    call->work = switching;
    mutation_remember(call, script, answer);
    json_decref(answer);
    db_run(call->db, script, switched, call);
}

static void pause_now(struct call *call)
{
    engine_pause(call->engine, call_text(call, "reason"));
}

void system_pause(struct call *call)
{
    struct db_script *script = db_script_new();
    requests_pause(script, call_text(call, "reason"), call->uid);
    switch_after(call, script,
                 json_pack("{s:b, s:s}", "paused", 1, "reason", call_text(call, "reason")),
                 pause_now);
}

static void resume_now(struct call *call)
{
    engine_resume(call->engine);
    engine_kick(call->engine);
}

void system_resume(struct call *call)
{
    struct db_script *script = db_script_new();
    requests_resume(script);
    switch_after(call, script, json_pack("{s:b}", "paused", 0), resume_now);
}

/* main looks at it, ends its rounds, answers what is under way and leaves. */
static void stop_now(struct call *call)
{
    log_info("stop_asked", "actor=%s", call->actor);
    call->api->wants_stop = true;
}

void system_stop(struct call *call)
{
    switch_after(call, db_script_new(), json_pack("{s:b}", "stopping", 1), stop_now);
}

struct restoring {
    struct api *api;
    struct loop_timer *timer;
};

static void restore_ask(void *ctx);

static void restored(void *ctx, const struct err *err, struct db_result *res)
{
    struct restoring *restoring = ctx;
    struct api *api = restoring->api;
    if (err != NULL && !api->stopping && !api->closed) {
        loop_timer_start(restoring->timer, RESTORE_AGAIN_MS, 0);
        return;
    }
    if (err == NULL && !api->closed) {
        api->engine->paused = false;
        if (db_rows(res, 0) > 0)
            engine_pause(api->engine, db_get(res, 0, 0, 0));
    }
    loop_timer_free(restoring->timer);
    free(restoring);
    api_ended(api);
}

static void restore_ask(void *ctx)
{
    struct restoring *restoring = ctx;
    db_query(restoring->api->db, requests_find_pause(), restored, restoring);
}

void system_restore(struct api *api)
{
    struct restoring *restoring = mem_new(sizeof *restoring);
    restoring->api = api;
    restoring->timer = loop_timer_new(api->loop, restore_ask, restoring);
    api->open++;
    /* Nothing is signed until it is known that nobody paused the daemon before it was stopped. */
    api->engine->paused = true;
    snprintf(api->engine->pause_reason, sizeof api->engine->pause_reason,
             "not known yet whether it was paused");
    restore_ask(restoring);
}

/* --- webhooks ---------------------------------------------------------------------------------- */

static json_t *webhooks_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *rows = answer_rows(res, 0, &READ_WEBHOOKS);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) json_object_del(row, "body");
    return json_pack("{s:o}", "webhooks", rows);
}

void webhook_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_WEBHOOKS);
    if (call_has(call, "before"))
        db_i64(stmt, call_integer(call, "before", 0));
    else
        db_null(stmt);
    call_bind_limit(stmt, call);
    call_read(call, script, webhooks_answer);
}

static json_t *webhook_answer(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) > 0)
        return answer_row(res, 0, 0, &READ_WEBHOOK);
    err_set(e, ERR_NOT_FOUND, "id: there is no webhook %lld",
            (long long)call_integer(call, "id", 0));
    return NULL;
}

void webhook_get(struct call *call)
{
    struct db_script *script = db_script_new();
    db_i64(read_add(script, &READ_WEBHOOK), call_integer(call, "id", 0));
    call_read(call, script, webhook_answer);
}
