#include "relayer/api/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/hex.h"
#include "relayer/api/api_inside.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/money/amount.h"

struct call *call_new(struct session *session, const struct method *method, json_t *id,
                      json_t *params)
{
    struct api *api = session->api;
    struct call *call = mem_new(sizeof *call);
    call->api = api;
    call->engine = api->engine;
    call->db = api->db;
    call->session = session;
    call->method = method;
    call->id = id;
    call->params = params;
    call->uid = session->uid;
    call->roles = session->roles;
    call->started_ms = clock_mono_ms();
    call->dry_run = json_is_true(json_object_get(params, "dry_run"));
    call->serial = ++api->serial;
    memcpy(call->actor, session->actor, sizeof call->actor);
    session->calls++;
    api->open++;
    metrics_set(METRIC_rpc_in_flight, (int64_t)api->open);
    return call;
}

/* After the answer was sent, or its peer is gone. */
static void call_end(struct call *call)
{
    struct api *api = call->api;
    struct session *session = call->session;
    mutation_end(call);
    metrics_add(METRIC_rpc_duration, clock_mono_ms() - call->started_ms);
    json_decref(call->id);
    json_decref(call->params);
    json_decref(call->pending);
    free(call->work);
    free(call);
    session->calls--;
    session_check(session);
    metrics_set(METRIC_rpc_in_flight, (int64_t)api->open - 1);
    api_ended(api);
}

void call_reply(struct call *call, json_t *result)
{
    json_t *message =
        json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", call->id, "result", result);
    CHECK(message != NULL);
    metrics_add(METRIC_rpc_ok, 1);
    session_send(call->session, message);
    call_end(call);
}

/* What a person looks at when the thing is in another state than the call needs. */
static const char *hint_of(const struct err *e, const char *method)
{
    static const struct {
        const char *prefix, *hint;
    } ROWS[] = {
        {"beneficiary.", "relayerctl beneficiary.list shows the states"},
        {"payment.create", "relayerctl clabe.list and beneficiary.list show who is ready"},
        {"deposit.", "relayerctl deposit.list and payment.get show both sides"},
        {"payout.", "relayerctl payout.get shows what happened to this payout"},
        {"payment.", "relayerctl payment.timeline shows how it got there"},
        {"escrow.", "relayerctl escrow.time_left and payment.timeline show where it is"},
        {"dispute.", "relayerctl dispute.list and payment.timeline show where it is"},
    };
    for (size_t i = 0; e->code == ERR_STATE && i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (strncmp(method, ROWS[i].prefix, strlen(ROWS[i].prefix)) == 0)
            return ROWS[i].hint;
    }
    return err_info(e->code)->hint;
}

json_t *error_message(const json_t *id, const struct err *e, const char *request_id,
                      const char *state, const char *method)
{
    const struct err_info *info = err_info(e->code);
    char text[ERR_MESSAGE_MAX];
    snprintf(text, sizeof text, "%s", e->message);
    json_t *message = json_string(text);
    if (message == NULL) /* cut in the middle of a character, or a quoted input that is no UTF-8 */
        message = json_string(info->name);
    json_t *data =
        json_pack("{s:s, s:b, s:s, s:s, s:s, s:s}", "type", info->type, "retryable",
                  info->retryable, "outcome", outcome_name(e->outcome), "hint", hint_of(e, method),
                  "request_id", request_id, "doc", "docs/reference/api.md#errors");
    CHECK(data != NULL);
    if (state[0] != '\0')
        json_object_set_new(data, "state", json_string(state));
    return json_pack("{s:s, s:o, s:{s:i, s:o, s:o}}", "jsonrpc", "2.0", "id",
                     id != NULL ? json_incref((json_t *)id) : json_null(), "error", "code",
                     info->rpc_number, "message", message, "data", data);
}

void call_fail(struct call *call, const struct err *e)
{
    char request_id[CALL_REQUEST_ID_MAX];
    snprintf(request_id, sizeof request_id, "%ld-%llu", (long)getpid(),
             (unsigned long long)call->serial);
    if (e->code == ERR_INTERNAL || e->code == ERR_DB_RULE || e->code == ERR_DB_FAILED)
        log_error("request_failed", "method=%s request_id=%s %s", call->method->name, request_id,
                  e->message);
    metrics_add(METRIC_rpc_error, 1);
    session_send(call->session,
                 error_message(call->id, e, request_id, call->state, call->method->name));
    call_end(call);
}

const char *call_text(const struct call *call, const char *name)
{
    return json_string_value(json_object_get(call->params, name));
}

const char *call_text_or(const struct call *call, const char *name, const char *absent)
{
    const char *text = call_text(call, name);
    return text != NULL ? text : absent;
}

bool call_has(const struct call *call, const char *name)
{
    return json_object_get(call->params, name) != NULL;
}

bool call_uuid(const struct call *call, const char *name, struct uuid *out)
{
    const char *text = call_text(call, name);
    return text != NULL && uuid_parse(text, out);
}

bool call_hash(const struct call *call, const char *name, uint8_t out[32])
{
    const char *text = call_text(call, name);
    return text != NULL && hex_decode_exact(text, out, 32);
}

int64_t call_integer(const struct call *call, const char *name, int64_t absent)
{
    const json_t *value = json_object_get(call->params, name);
    return value != NULL ? json_integer_value(value) : absent;
}

bool call_bool(const struct call *call, const char *name, bool absent)
{
    const json_t *value = json_object_get(call->params, name);
    return value != NULL ? json_is_true(value) : absent;
}

bool call_amount(const struct call *call, const char *name, int64_t *centavos)
{
    const char *text = call_text(call, name);
    return text != NULL && amount_parse_centavos(text, centavos);
}

void call_bind_text(struct db_stmt *stmt, const struct call *call, const char *name)
{
    db_text(stmt, call_text(call, name));
}

void call_bind_uuid(struct db_stmt *stmt, const struct call *call, const char *name)
{
    struct uuid id;
    if (call_uuid(call, name, &id))
        db_uuid(stmt, &id);
    else
        db_null(stmt);
}

void call_bind_limit(struct db_stmt *stmt, const struct call *call)
{
    db_i64(stmt, call_integer(call, "limit", LIST_LIMIT));
}

static void read_done(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    if (err != NULL) {
        call_fail(call, err);
        return;
    }
    struct err e;
    json_t *result = call->compose(call, res, &e);
    if (result == NULL) {
        call_fail(call, &e);
        return;
    }
    json_object_set_new(result, "as_of", answer_as_of(call, res, call->as_of_stmt));
    call_reply(call, result);
}

void call_read(struct call *call, struct db_script *script,
               json_t *(*compose)(struct call *call, struct db_result *res, struct err *e))
{
    call->compose = compose;
    call->as_of_stmt = (int)db_script_statements(script);
    (void)read_add(script, &READ_AS_OF);
    db_query(call->db, script, read_done, call);
}
