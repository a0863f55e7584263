/*
 * One conversation with the daemon, and how its errors are told to a person.
 *
 * Errors go to standard error: message, type, hint, state and request id of an error answer; or why nobody
 * could be reached. Whoever gets an exit code other than CLI_DONE has nothing more to print.
 */
#ifndef KUSTODIA_CLI_SESSION_H
#define KUSTODIA_CLI_SESSION_H

#include <jansson.h>

#include "relayer/base/err.h"
#include "relayer/cli/options.h"

enum {
    SESSION_ANSWER_MAX = 32 * 1024 * 1024,
    SESSION_TIMEOUT_S = 30,          /* of one answer unless --timeout says otherwise */
};

struct lines_client;

struct session {
    const struct cli_options *options;
    struct lines_client *client;     /* NULL until the first call, and after the connection broke */
    unsigned serial;
    unsigned timeout_ms;
};

void session_init(struct session *session, const struct cli_options *options);
void session_close(struct session *session);

/* params is borrowed. On CLI_DONE *result is the caller's. CLI_ERROR_ANSWER: *error is the error object,
 * the caller's, and nothing was printed. CLI_UNREACHABLE: *e says why, nothing was printed. */
struct session_answer {
    json_t *result;
    json_t *error;
    struct err e;
};
enum cli_exit session_ask(struct session *session, const char *method, const json_t *params,
                          struct session_answer *answer);

/* The same, and tells what went wrong. */
enum cli_exit session_call(struct session *session, const char *method, const json_t *params,
                           json_t **result);

/* The next message that is no answer (a notification); NULL on a time-out (*e: ERR_NET_TIMEOUT) or a broken
 * connection. */
json_t *session_next(struct session *session, unsigned timeout_ms, struct err *e);

/* On standard error. */
void error_tell(const json_t *error);
void unreachable_tell(const struct session *session, const struct err *e);

#endif
