/* system.* and webhook.*: how the daemon is, and its switches. */
#include "relayer/api/system.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/api_inside.h"
#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/juno_key.h"
#include "relayer/engine/lane.h"
#include "relayer/store/requests.h"

enum { RESTORE_AGAIN_MS = 500 };

static bool door_waits(const struct engine *engine, enum engine_door door)
{
    return engine->door[door].waiting || (door == DOOR_DATABASE && !db_ready(engine->db));
}

static const char *door_why(const struct engine *engine, enum engine_door door)
{
    return engine->door[door].waiting ? engine->door[door].why : db_trouble(engine->db);
}

/* An outage of Juno or of the signer is worked through; what it holds up stands in waiting_for. */
bool system_is_healthy(const struct engine *engine)
{
    return engine->ready && !door_waits(engine, DOOR_DATABASE) && !door_waits(engine, DOOR_NODE);
}

/* Cut at cap, never beyond it. */
__attribute__((format(printf, 3, 4))) static void add_words(char *text, size_t cap,
                                                            const char *format, ...)
{
    size_t n = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, cap - n, format, args);
    va_end(args);
}

void system_words(const struct engine *engine, char *text, size_t cap)
{
    text[0] = '\0';
    for (int i = 0; i < DOORS_N; i++) {
        enum engine_door door = (enum engine_door)i;
        if (door_waits(engine, door))
            add_words(text, cap, "%swaiting for the %s: %s", text[0] != '\0' ? "; " : "",
                      engine_door_name(door), door_why(engine, door));
    }
    if (text[0] == '\0')
        add_words(text, cap, "%s",
                  engine->ready ? "everything answers" : "the start checks have not passed yet");
    if (engine->paused)
        add_words(text, cap, "; paused: %s", engine->pause_reason);
    if (engine->draining)
        add_words(text, cap, "; draining: %s", engine->drain_reason);
    if (engine->unchecked)
        add_words(text, cap, "; the contracts were not checked for too long: nothing is sent");
}

/* Other people's words, cut at a byte: what is no UTF-8 would be no JSON either. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    if (json != NULL)
        return json;
    char ascii[SYSTEM_WORDS_MAX];
    snprintf(ascii, sizeof ascii, "%s", text);
    for (char *at = ascii; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return json_string(ascii);
}

static json_t *since_json(const struct engine *engine, enum engine_door door)
{
    const struct door_state *state = &engine->door[door];
    return state->waiting ? answer_time_ms(state->since_ms) : json_null();
}

static json_t *waiting_json(const struct engine *engine)
{
    json_t *list = json_array();
    for (int i = 0; i < DOORS_N; i++) {
        enum engine_door door = (enum engine_door)i;
        if (door_waits(engine, door))
            json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "door", engine_door_name(door),
                                                  "why", text_json(door_why(engine, door)), "since",
                                                  since_json(engine, door)));
    }
    return list;
}

static json_t *doors_json(const struct engine *engine)
{
    json_t *doors = json_object();
    for (int i = 0; i < DOORS_N; i++) {
        enum engine_door door = (enum engine_door)i;
        bool waits = door_waits(engine, door);
        json_t *item = json_pack("{s:b}", "answers", !waits);
        if (waits) {
            json_object_set_new(item, "why", text_json(door_why(engine, door)));
            json_object_set_new(item, "since", since_json(engine, door));
        }
        json_object_set_new(doors, engine_door_name(door), item);
    }
    return doors;
}

static const char *contracts_verdict(const struct contract_status *status)
{
    if (!status->checked)
        return "not checked yet";
    if (status->unsure)
        return "differs: looking again";
    if (contract_believed(status->belief) > 0)
        return "changed";
    return status->unchecked ? "not checked for too long" : "as recorded";
}

static json_t *contracts_json(const struct engine *engine)
{
    struct contract_status status;
    contract_check_status(engine->contracts, &status);
    json_t *differences = json_array(), *not_compared = json_array();
    for (size_t i = 0; i < CONTRACT_ITEMS; i++) {
        const struct contract_doubt *d = &status.belief->item[i];
        const char *name = contract_item_name((enum contract_item)i);
        if (d->differs)
            json_array_append_new(differences, json_pack("{s:s, s:s, s:s}", "what", name, "found",
                                                         d->found, "wanted", d->wanted));
        if (!status.wanted->compared[i])
            json_array_append_new(not_compared, json_string(name));
    }
    json_t *json = json_pack("{s:s, s:o, s:o}", "verdict", contracts_verdict(&status),
                             "differences", differences, "not_compared", not_compared);
    json_object_set_new(json, "unchecked", json_boolean(status.unchecked));
    if (status.age_ms >= 0)
        json_object_set_new(json, "age_s", json_integer((json_int_t)(status.age_ms / 1000)));
    if (status.checked) {
        json_object_set_new(json, "block", json_integer((json_int_t)status.block));
        json_object_set_new(json, "at", answer_time_ms(status.at_ms));
    }
    return json;
}

static json_t *endpoints_json(const struct engine *engine)
{
    struct node_endpoint_status endpoints[NODE_ENDPOINTS_MAX];
    size_t n = node_endpoints(engine->node, endpoints);
    int64_t now = clock_wall_ms();
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct node_endpoint_status *e = &endpoints[i];
        json_t *item = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "url", text_json(e->url),
                                 "state", e->state, "weight", (json_int_t)e->weight, "calls",
                                 (json_int_t)e->calls, "failures", (json_int_t)e->failures,
                                 "limits", (json_int_t)e->limits, "latency_ms",
                                 (json_int_t)e->latency_ms);
        CHECK(item != NULL);
        if (e->limited_for_ms > 0)
            json_object_set_new(item, "limited_until", answer_time_ms(now + e->limited_for_ms));
        if (e->aside_for_ms > 0)
            json_object_set_new(item, "aside_until", answer_time_ms(now + e->aside_for_ms));
        if (e->why[0] != '\0')
            json_object_set_new(item, "why", text_json(e->why));
        json_array_append_new(list, item);
    }
    return list;
}

/* The first two lanes are always there, one for each role; those of further keys come after them. */
enum { ROLES = 2 };

static json_t *lanes_json(const struct engine *engine)
{
    json_t *lanes = json_array();
    for (size_t i = 0; i < sizeof engine->lane / sizeof engine->lane[0]; i++) {
        struct lane_status status;
        char account[43];
        lane_status(engine->lane[i], &status);
        if (i >= ROLES && !status.has_key)
            continue;
        hex_checksum_address(status.account, account);
        json_t *lane =
            json_pack("{s:s, s:b, s:s, s:b, s:b}", "lane", status.name, "ours", status.holds,
                      "account", account, "gas_low", status.gas_low, "gas_empty", status.gas_empty);
        json_object_set_new(lane, "has_role", json_boolean(status.has_role));
        json_object_set_new(lane, "next_nonce", json_integer((json_int_t)status.next_nonce));
        json_object_set_new(lane, "gas_wei",
                            status.gas_known ? json_string(status.gas_wei) : json_null());
        json_array_append_new(lanes, lane);
    }
    return lanes;
}

/* What the lanes of each role have under way, told at the first of them, and whether a drain has come to its
 * end. */
static void add_lanes_left(json_t *status, struct db_result *res, int stmt)
{
    json_t *rows = answer_rows(res, stmt, &READ_LANES), *lanes = json_object_get(status, "lanes");
    json_int_t left = 0;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        left += json_integer_value(json_object_get(row, "drafts")) +
                json_integer_value(json_object_get(row, "open")) +
                json_integer_value(json_object_get(row, "not_final"));
        json_object_update_missing(json_array_get(lanes, i), row);
    }
    json_decref(rows);
    json_object_set_new(status, "left", json_integer(left));
    json_object_set_new(
        status, "drained",
        json_boolean(left == 0 && json_is_true(json_object_get(status, "draining"))));
}

static json_t *status_json(const struct call *call)
{
    const struct engine *engine = call->engine;
    const struct config *config = engine->config;
    char words[SYSTEM_WORDS_MAX];
    system_words(engine, words, sizeof words);
    json_t *status =
        json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:b, s:o, s:{s:I, s:I, s:I, s:s, s:s, s:s}}",
                  "environment", config_environment_name(config->relayer_environment), "instance",
                  config->relayer_instance, "ready", engine->ready, "healthy",
                  system_is_healthy(engine), "words", text_json(words), "waiting_for",
                  waiting_json(engine),
                  "paused", engine->paused, "doors", doors_json(engine), "chain", "chain_id",
                  (json_int_t)config->chain_chain_id, "latest", (json_int_t)engine->latest_number,
                  "final", (json_int_t)engine->final_number, "escrow", config->chain_escrow.text,
                  "token", config->chain_token.text, "bridge", config->chain_bridge.text);
    CHECK(status != NULL);
    const char *holder = juno_key_elsewhere(engine->juno_key);
    if (juno_key_is_ours(engine->juno_key))
        holder = config->relayer_instance;
    json_object_set_new(json_object_get(json_object_get(status, "doors"), "juno"), "spoken_to_by",
                        holder != NULL ? text_json(holder) : json_null());
    if (engine->paused)
        json_object_set_new(status, "pause_reason", text_json(engine->pause_reason));
    json_object_set_new(status, "draining", json_boolean(engine->draining));
    json_object_set_new(status, "lanes", lanes_json(engine));
    json_object_set_new(status, "contracts", contracts_json(engine));
    json_object_set_new(json_object_get(status, "chain"), "endpoints", endpoints_json(engine));
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
        add_lanes_left(status, res, 4);
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
    (void)read_add(script, &READ_LANES);
    db_query(call->db, script, status_read, call);
}

void system_health(struct call *call)
{
    char words[SYSTEM_WORDS_MAX];
    system_words(call->engine, words, sizeof words);
    call_reply(call, json_pack("{s:b, s:o, s:o}", "healthy", system_is_healthy(call->engine),
                               "words", text_json(words), "waiting_for",
                               waiting_json(call->engine)));
}

/* --- doctor ------------------------------------------------------------------------------------ */

static void add_check(json_t *checks, const char *id, bool good, const char *fact, const char *fix)
{
    json_t *item = json_pack("{s:s, s:s, s:o}", "id", id, "verdict", good ? "pass" : "fail",
                             "fact", text_json(fact));
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
        enum engine_door door = (enum engine_door)i;
        bool good = !door_waits(engine, door);
        add_check(checks, engine_door_name(door), good, good ? "answers" : door_why(engine, door),
                  FIXES[door]);
    }
}

static void check_counts(json_t *checks, const json_t *counts)
{
    static const struct {
        const char *field, *fix;
    } ROWS[] = {
        {"payments_parked", "relayerctl payment.list -k state=parked, then payment.timeline"},
        {"effects_parked",
         "relayerctl payment.list -k state=parked and payout.list -k state=parked, then"
         " payment.timeline; payment.unpark or payout.retry goes on"},
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

static void check_contracts(json_t *checks, const struct engine *engine)
{
    struct contract_status status;
    contract_check_status(engine->contracts, &status);
    char fact[3 * CONTRACT_WORDS_MAX];
    snprintf(fact, sizeof fact, "%s, at block %llu", contracts_verdict(&status),
             (unsigned long long)status.block);
    for (size_t i = CONTRACT_ITEMS; i > 0; i--) {
        const struct contract_doubt *d = &status.belief->item[i - 1];
        if (d->differs)
            snprintf(fact, sizeof fact, "%s is %s, wanted %s",
                     contract_item_name((enum contract_item)(i - 1)), d->found, d->wanted);
    }
    add_check(checks, "contracts", status.checked && contract_differing(status.belief) == 0, fact,
              "relayerctl system.status lists all of it; first find out who changed it");
    snprintf(fact, sizeof fact, "the last whole look is %lld s old%s",
             (long long)(status.age_ms / 1000), status.unchecked ? ": nothing is sent" : "");
    add_check(checks, "contracts_looked_at", status.checked && !status.unchecked, fact,
              "the alarm contract_unchecked says why; check chain.rpc_url, or give another node");
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
    check_contracts(checks, engine);
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

static void drain_now(struct call *call)
{
    engine_drain(call->engine, call_text(call, "reason"));
}

void system_drain(struct call *call)
{
    struct db_script *script = db_script_new();
    requests_drain(script, call_text(call, "reason"), call->uid);
    switch_after(call, script,
                 json_pack("{s:b, s:s}", "draining", 1, "reason", call_text(call, "reason")),
                 drain_now);
}

static void resume_now(struct call *call)
{
    engine_resume(call->engine);
    engine_kick(call->engine);
    contract_check_kick(call->engine->contracts, 0);
}

void system_resume(struct call *call)
{
    if (contract_check_differs(call->engine->contracts)) {
        struct err err;
        err_set(&err, ERR_CONTRACT_CHANGED,
                "a contract is not what the settings say: nothing is sent to it");
        call_fail(call, &err);
        return;
    }
    struct db_script *script = db_script_new();
    requests_resume(script);
    switch_after(call, script, json_pack("{s:b, s:b}", "paused", 0, "draining", 0), resume_now);
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
        api->engine->pause_known = true;
        api->engine->paused = false;
        for (int row = 0; row < db_rows(res, 0); row++) {
            if (strcmp(db_get(res, 0, row, 0), "paused") == 0)
                engine_pause(api->engine, db_get(res, 0, row, 1));
            else
                engine_drain(api->engine, db_get(res, 0, row, 1));
        }
    }
    loop_timer_free(restoring->timer);
    free(restoring);
    api_ended(api);
}

static void restore_ask(void *ctx)
{
    struct restoring *restoring = ctx;
    db_query(restoring->api->db, requests_find_switches(), restored, restoring);
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
