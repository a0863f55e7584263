#include "relayer/api/mutation.h"

#include <stdlib.h>
#include <string.h>

#include "abi/keccak.h"
#include "relayer/api/api_inside.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/engine/engine.h"
#include "relayer/store/requests.h"

struct commit {
    mutation_refused *refused;
};

/* What was asked, independent of the order of fields and of how often it was asked. */
static void hash_params(struct call *call)
{
    json_t *params = json_copy(call->params);
    json_object_del(params, "idempotency_key");
    json_object_del(params, "dry_run");
    char *text = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
    CHECK(text != NULL);
    keccak256(text, strlen(text), call->params_hash);
    free(text);
    json_decref(params);
}

static void replay(struct call *call, const struct request_row *row)
{
    if (strcmp(row->method, call->method->name) != 0 ||
        memcmp(row->params_hash, call->params_hash, sizeof row->params_hash) != 0) {
        call_refuse(call, ERR_KEY_REUSED, "idempotency_key: it belongs to another request, %s",
                    row->method);
        return;
    }
    json_t *reply = json_loads(row->reply, 0, NULL);
    CHECK(json_is_object(reply));
    json_object_set_new(reply, "replayed", json_true());
    call_reply(call, reply);
}

static void looked_up(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct request_row row;
    if (err != NULL)
        call_fail(call, err);
    else if (requests_parse(res, &row))
        replay(call, &row);
    else
        call->method->run(call);
}

void mutation_begin(struct call *call)
{
    const char *key = call_text(call, "idempotency_key");
    if (call->dry_run) {
        call->method->run(call);
        return;
    }
    if (key == NULL) {
        call_refuse(call, ERR_KEY_MISSING, "%s: idempotency_key is missing", call->method->name);
        return;
    }
    if (json_object_get(call->api->running, key) != NULL) {
        call_refuse(call, ERR_KEY_IN_PROGRESS,
                    "idempotency_key: the first request with it still runs");
        return;
    }
    json_object_set_new(call->api->running, key, json_true());
    call->key_held = true;
    hash_params(call);
    db_query(call->db, requests_find(key), looked_up, call);
}

void mutation_end(struct call *call)
{
    if (call->key_held)
        json_object_del(call->api->running, call_text(call, "idempotency_key"));
    call->key_held = false;
}

static void looked_again(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct request_row row;
    if (err != NULL)
        call_fail(call, err);
    else if (requests_parse(res, &row))
        replay(call, &row);
    else
        call_refuse(call, ERR_KEY_IN_PROGRESS,
                    "idempotency_key: another daemon is at work with it");
}

void mutation_again(struct call *call)
{
    db_query(call->db, requests_find(call_text(call, "idempotency_key")), looked_again, call);
}

void mutation_remember(struct call *call, struct db_script *script, json_t *result)
{
    json_decref(call->pending);
    call->pending = json_incref(result);
    char *reply = json_dumps(result, JSON_COMPACT);
    CHECK(reply != NULL);
    struct request_row row = {.key = call_text(call, "idempotency_key"),
                              .method = call->method->name,
                              .reply = reply,
                              .uid = call->uid,
                              .role = role_name(call->method->role)};
    memcpy(row.params_hash, call->params_hash, sizeof row.params_hash);
    requests_add(script, &row);
    free(reply);
}

void mutation_done(struct call *call)
{
    json_t *result = call->pending;
    call->pending = NULL;
    call_reply(call, result);
}

static void committed(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    if (err == NULL) {
        engine_kick(call->engine);
        mutation_done(call);
        return;
    }
    if (err->code != ERR_DB_CONFLICT) {
        call_fail(call, err);
        return;
    }
    if (strcmp(db_constraint(res), REQUEST_KEY_CONSTRAINT) == 0) {
        mutation_again(call);
        return;
    }
    struct commit *commit = call->work;
    struct err e;
    bool named = commit->refused != NULL &&
                 commit->refused(call, db_constraint(res), db_failed_stmt(res), &e);
    call_fail(call, named ? &e : err);
}

void mutation_commit(struct call *call, struct db_script *script, json_t *result,
                     mutation_refused *refused)
{
    if (call->dry_run) {
        db_script_free(script);
        json_object_set_new(result, "dry_run", json_true());
        /* Changes that book go through the intake, which shows its decision's postings. */
        json_object_set_new(result, "postings", json_array());
        call_reply(call, result);
        return;
    }
    mutation_remember(call, script, result);
    json_decref(result);
    struct commit *commit = mem_new(sizeof *commit);
    commit->refused = refused;
    free(call->work);
    call->work = commit;
    db_run(call->db, script, committed, call);
}
