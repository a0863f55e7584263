/* Connections and the protocol: one JSON-RPC 2.0 object per line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/api/api_inside.h"
#include "relayer/api/system.h"
#include "relayer/base/check.h"
#include "relayer/base/log.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"

void session_send(struct session *session, json_t *message)
{
    if (session != NULL && session->conn != NULL) {
        char *text = json_dumps(message, JSON_COMPACT);
        CHECK(text != NULL);
        (void)lines_send(session->conn, text, strlen(text));
        free(text);
    }
    json_decref(message);
}

void session_check(struct session *session)
{
    if (session->calls > 0 || session->events.asking)
        return;
    if (session->conn != NULL) {
        if (session->ending)
            lines_conn_close(session->conn);
        return;
    }
    struct api *api = session->api;
    if (session->previous != NULL)
        session->previous->next = session->next;
    else
        api->sessions = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    free(session);
}

static void on_open(void *ctx, struct lines_conn *conn)
{
    struct api *api = ctx;
    struct session *session = mem_new(sizeof *session);
    const struct lines_peer *peer = lines_conn_peer(conn);
    session->api = api;
    session->conn = conn;
    session->uid = (int64_t)peer->uid;
    snprintf(session->actor, sizeof session->actor, "uid:%lld", (long long)session->uid);
    session->roles = roles_of(api->config, peer);
    session->next = api->sessions;
    if (api->sessions != NULL)
        api->sessions->previous = session;
    api->sessions = session;
    lines_conn_set_data(conn, session);
    metrics_set(METRIC_rpc_connections, lines_server_connections(api->lines));
}

static void on_close(void *ctx, struct lines_conn *conn)
{
    struct api *api = ctx;
    struct session *session = lines_conn_data(conn);
    session->conn = NULL;
    session->events.active = false;
    session_check(session);
    if (api->lines != NULL)
        metrics_set(METRIC_rpc_connections, lines_server_connections(api->lines));
}

static void on_end(void *ctx, struct lines_conn *conn)
{
    (void)ctx;
    struct session *session = lines_conn_data(conn);
    session->ending = true;
    if (!session->events.active)
        session_check(session);
}

static void refuse(struct session *session, const json_t *id, const struct err *e)
{
    char request_id[CALL_REQUEST_ID_MAX];
    snprintf(request_id, sizeof request_id, "r-%llu", (unsigned long long)++session->api->serial);
    metrics_add(METRIC_rpc_error, 1);
    session_send(session, error_message(id, e, request_id, "", ""));
}

static void on_overlong(void *ctx, struct lines_conn *conn)
{
    struct api *api = ctx;
    struct err e;
    err_set(&e, ERR_LIMIT,
            "the line is longer than api.max_line, %llu bytes: the connection closes",
            (unsigned long long)api->config->api_max_line);
    refuse(lines_conn_data(conn), NULL, &e);
}

/* Nesting is bounded before the parser sees it. */
static bool is_too_deep(const char *line, size_t n)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = line[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > API_DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

static bool is_id(const json_t *id)
{
    return json_is_integer(id) || json_is_null(id) ||
           (json_is_string(id) && json_string_length(id) <= API_ID_MAX);
}

/* The envelope. *id is set as soon as it is known, so that even a refusal names it. */
static bool read_envelope(json_t *request, const json_t **id, const struct method **method,
                          json_t **params, struct err *e)
{
    if (json_is_array(request))
        return err_fail(e, ERR_REQUEST, "batches are not taken: send one object per line");
    if (!json_is_object(request))
        return err_fail(e, ERR_REQUEST, "a request is a JSON object");
    const json_t *given = json_object_get(request, "id");
    if (given != NULL && is_id(given))
        *id = given;
    const char *name;
    json_t *value;
    json_object_foreach(request, name, value)
    {
        if (strcmp(name, "jsonrpc") != 0 && strcmp(name, "id") != 0 &&
            strcmp(name, "method") != 0 && strcmp(name, "params") != 0)
            return err_fail(e, ERR_REQUEST, "%.40s: a request has no such member", name);
    }
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    if (version == NULL || strcmp(version, "2.0") != 0)
        return err_fail(e, ERR_REQUEST, "jsonrpc: must be the string \"2.0\"");
    if (given == NULL)
        return err_fail(e, ERR_REQUEST, "id: is missing; requests without an answer are not taken");
    if (*id == NULL)
        return err_fail(e, ERR_REQUEST,
                        "id: must be an integer, null, or a string of at most %d bytes",
                        API_ID_MAX);
    const json_t *wanted = json_object_get(request, "method");
    if (!json_is_string(wanted))
        return err_fail(e, ERR_REQUEST, "method: must be a string");
    *method = method_find(json_string_value(wanted));
    if (*method == NULL) {
        const char *near = method_nearest(json_string_value(wanted));
        return err_fail(e, ERR_METHOD, "there is no method \"%.60s\"%s%s%s",
                        json_string_value(wanted), near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "", near != NULL ? "?" : "");
    }
    *params = json_object_get(request, "params");
    if (*params != NULL && !json_is_object(*params))
        return err_fail(e, ERR_PARAMS, "params: must be an object, fields by name");
    return true;
}

static bool may_start(const struct session *session, const struct method *method, struct err *e)
{
    const struct api *api = session->api;
    if (!session->roles.has[method->role])
        return err_fail(e, ERR_ROLE, "%s needs the role %s, which uid %lld does not have",
                        method->name, role_name(method->role), (long long)session->uid);
    if (api->stopping)
        return err_fail(e, ERR_CANCELLED, "the daemon is stopping");
    if (session->calls >= API_SESSION_CALLS_MAX)
        return err_fail(e, ERR_BUSY, "%d requests of this connection are not answered yet",
                        API_SESSION_CALLS_MAX);
    if (api->open >= API_CALLS_MAX)
        return err_fail(e, ERR_BUSY, "%d requests are not answered yet", API_CALLS_MAX);
    return true;
}

static void start(struct session *session, json_t *request)
{
    struct err e;
    const json_t *id = NULL;
    const struct method *method = NULL;
    json_t *params = NULL;
    if (!read_envelope(request, &id, &method, &params, &e) || !may_start(session, method, &e)) {
        refuse(session, id, &e);
        return;
    }
    json_t *given = params != NULL ? json_incref(params) : json_object();
    if (!params_check(method, given, &e)) {
        refuse(session, id, &e);
        json_decref(given);
        return;
    }
    struct call *call = call_new(session, method, json_incref((json_t *)id), given);
    if (method->mutates)
        mutation_begin(call);
    else
        method->run(call);
}

static void on_line(void *ctx, struct lines_conn *conn, char *line, size_t n)
{
    (void)ctx;
    struct session *session = lines_conn_data(conn);
    struct err e;
    if (is_too_deep(line, n)) {
        err_set(&e, ERR_PARSE, "nested deeper than %d levels", API_DEPTH_MAX);
        refuse(session, NULL, &e);
        return;
    }
    json_error_t wrong;
    json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &wrong);
    if (request == NULL) {
        err_set(&e, ERR_PARSE, "not JSON: %.100s, at byte %d", wrong.text, wrong.position);
        refuse(session, NULL, &e);
        return;
    }
    start(session, request);
    json_decref(request);
}

struct api *api_start(struct uv_loop_s *loop, const struct config *config, struct engine *engine,
                      struct db *db, struct err *e)
{
    static const struct lines_events EVENTS = {.on_open = on_open,
                                               .on_line = on_line,
                                               .on_overlong = on_overlong,
                                               .on_end = on_end,
                                               .on_close = on_close};
    if (!roles_check(config, e))
        return NULL;
    struct api *api = mem_new(sizeof *api);
    api->loop = loop;
    api->config = config;
    api->engine = engine;
    api->db = db;
    api->running = json_object();
    api->events_timer = loop_timer_new(loop, events_poll, api);
    struct lines_settings settings = {.path = config->api_socket,
                                      .mode = config->api_socket_mode,
                                      .connections_max = (unsigned)config->api_max_connections,
                                      .line_max = (size_t)config->api_max_line,
                                      .output_max = API_OUTPUT_MAX};
    api->lines = lines_server_new(loop, &settings, &EVENTS, api, e);
    if (api->lines == NULL || !routes_open(api, e)) {
        api_free(api);
        return NULL;
    }
    system_restore(api);
    log_info("api_open", "socket=%s http_port=%u", config->api_socket, api_http_port(api));
    return api;
}

uint16_t api_http_port(const struct api *api)
{
    return web_port(api->web);
}

bool api_wants_stop(const struct api *api)
{
    return api->wants_stop;
}

void api_stop(struct api *api)
{
    api->stopping = true;
    loop_timer_stop(api->events_timer);
}

bool api_idle(const struct api *api)
{
    return api->open == 0;
}

static void api_release(struct api *api)
{
    if (!api->closed || api->open > 0)
        return;
    json_decref(api->running);
    free(api);
}

void api_ended(struct api *api)
{
    CHECK(api->open > 0);
    api->open--;
    api_release(api);
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    struct lines_server *lines = api->lines;
    api->lines = NULL;
    lines_server_free(lines);
    web_free(api->web);
    loop_timer_free(api->events_timer);
    api->closed = true;
    api_release(api);
}
