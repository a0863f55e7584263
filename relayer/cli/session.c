#include "relayer/cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/net/lines.h"

void session_init(struct session *session, const struct cli_options *options)
{
    int64_t seconds = options->timeout_s >= 0 ? options->timeout_s : SESSION_TIMEOUT_S;
    *session = (struct session){.options = options, .timeout_ms = (unsigned)(seconds * 1000)};
}

void session_close(struct session *session)
{
    lines_disconnect(session->client);
    session->client = NULL;
}

static bool reads_as(const json_t *message, unsigned serial)
{
    return json_is_integer(json_object_get(message, "id")) &&
           json_integer_value(json_object_get(message, "id")) == (json_int_t)serial;
}

static json_t *message_read(struct session *session, unsigned timeout_ms, struct err *e)
{
    size_t n = 0;
    const char *line = lines_read(session->client, timeout_ms, &n, e);
    if (line == NULL)
        return NULL;
    json_t *message = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(message)) {
        err_set(e, ERR_NET_LIMIT, "what answers at %s is not the relayer: \"%.60s\"",
                session->options->socket, line);
        json_decref(message);
        return NULL;
    }
    return message;
}

static bool request_send(struct session *session, const char *method, const json_t *params,
                         struct err *e)
{
    if (session->client == NULL)
        session->client = lines_connect(session->options->socket, SESSION_ANSWER_MAX, e);
    if (session->client == NULL)
        return false;
    json_t *request = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id",
                                (int)++session->serial,
                                "method", method, "params", (json_t *)params);
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    bool sent = false;
    if (text != NULL)
        sent = lines_write(session->client, text, strlen(text), session->timeout_ms, e);
    else
        err_set(e, ERR_PARAMS, "the parameters are no valid text");
    free(text);
    json_decref(request);
    return sent;
}

enum cli_exit session_ask(struct session *session, const char *method, const json_t *params,
                          struct session_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    json_t *message = NULL;
    if (request_send(session, method, params, &answer->e)) {
        /* Our own answer, or the one to nobody that a refused line gets; notifications are passed over. */
        do {
            json_decref(message);
            message = message_read(session, session->timeout_ms, &answer->e);
        } while (message != NULL && !reads_as(message, session->serial) &&
                 !json_is_null(json_object_get(message, "id")));
    }
    if (message == NULL) {
        session_close(session);
        return CLI_UNREACHABLE;
    }
    answer->result = json_incref(json_object_get(message, "result"));
    answer->error = json_incref(json_object_get(message, "error"));
    json_decref(message);
    return answer->error == NULL && answer->result != NULL ? CLI_DONE : CLI_ERROR_ANSWER;
}

json_t *session_next(struct session *session, unsigned timeout_ms, struct err *e)
{
    json_t *message = message_read(session, timeout_ms, e);
    if (message == NULL && e->code != ERR_NET_TIMEOUT)
        session_close(session);
    return message;
}

static void line_tell(const char *label, const json_t *value)
{
    if (json_is_string(value) && json_string_length(value) > 0)
        (void)fprintf(stderr, "%s: %s\n", label, json_string_value(value));
}

void error_tell(const json_t *error)
{
    const json_t *data = json_object_get(error, "data");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *type = json_string_value(json_object_get(data, "type"));
    (void)fprintf(stderr, "error: %s", message != NULL ? message : "the answer names no reason");
    if (type != NULL)
        (void)fprintf(stderr, " (%s, %lld)", type,
                      (long long)json_integer_value(json_object_get(error, "code")));
    (void)fputc('\n', stderr);
    line_tell("state", json_object_get(data, "state"));
    line_tell("hint", json_object_get(data, "hint"));
    line_tell("request", json_object_get(data, "request_id"));
}

void unreachable_tell(const struct session *session, const struct err *e)
{
    (void)fprintf(stderr, "error: %s\nhint: ", e->message);
    if (e->outcome == OUTCOME_UNKNOWN)
        (void)fputs("it may have been done: ask again with the same idempotency_key\n", stderr);
    else
        (void)fprintf(stderr, "does relayerd run with its socket at %s? -s or RELAYER_SOCKET name"
                              " another\n",
                      session->options->socket);
}

enum cli_exit session_call(struct session *session, const char *method, const json_t *params,
                           json_t **result)
{
    struct session_answer answer;
    enum cli_exit exit = session_ask(session, method, params, &answer);
    *result = answer.result;
    if (exit == CLI_ERROR_ANSWER)
        error_tell(answer.error);
    if (exit == CLI_UNREACHABLE)
        unreachable_tell(session, &answer.e);
    json_decref(answer.error);
    return exit;
}
