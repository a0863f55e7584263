/*
 * relayerctl: every method of the daemon from the shell. It knows the protocol, not the methods: names,
 * parameters and help come from the daemon, so a new method needs nothing here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/uuid.h"
#include "relayer/cli/commands.h"
#include "relayer/cli/options.h"
#include "relayer/cli/params.h"
#include "relayer/cli/print.h"
#include "relayer/cli/session.h"

enum { VERIFY_TIMEOUT_S = 600 };

/* What the daemon says about the method; NULL when it does not know it, which the call itself will tell. */
static enum cli_exit help_ask(struct session *session, const char *method, json_t **help)
{
    json_t *params = json_pack("{s:s}", "method", method);
    struct session_answer answer;
    enum cli_exit exit = session_ask(session, "help", params, &answer);
    json_decref(params);
    json_decref(answer.error);
    *help = answer.result;
    if (exit == CLI_UNREACHABLE)
        unreachable_tell(session, &answer.e);
    return exit == CLI_UNREACHABLE ? exit : CLI_DONE;
}

/* The key is said before the request leaves: whoever loses the answer can ask again with it. */
static void key_ensure(const json_t *help, json_t *params)
{
    if (!method_mutates(help) || json_object_get(params, "idempotency_key") != NULL)
        return;
    struct uuid key = uuid_new();
    char text[UUID_TEXT_MAX];
    uuid_format(&key, text);
    (void)json_object_set_new(params, "idempotency_key", json_string(text));
    (void)fprintf(stderr, "idempotency_key: %s\n", text);
}

static enum cli_exit method_call(struct session *session, const struct cli_options *options)
{
    char method[CLI_METHOD_MAX];
    size_t words_taken = 0;
    json_t *help = NULL, *result = NULL;
    enum cli_exit exit = method_choose(options, method, &words_taken);
    if (exit != CLI_DONE)
        return exit;
    json_t *params = json_object();
    if (options->timeout_s < 0 && strcmp(method, "audit.verify") == 0)
        session->timeout_ms = VERIFY_TIMEOUT_S * 1000;
    if (strcmp(method, "help") != 0)
        exit = help_ask(session, method, &help);
    if (exit == CLI_DONE)
        exit = params_build(options, method, words_taken, help, params);
    if (exit == CLI_DONE) {
        key_ensure(help, params);
        exit = session_call(session, method, params, &result);
    }
    if (exit == CLI_DONE)
        exit = result_show(options, method, params, result);
    json_decref(help);
    json_decref(params);
    json_decref(result);
    return exit;
}

int main(int argc, char **argv)
{
    struct cli_options options;
    bool run = true;
    enum cli_exit exit = options_parse(argc, argv, &options, &run);
    if (exit != CLI_DONE || !run)
        return (int)exit;
    struct session session;
    session_init(&session, &options);
    if (strcmp(options.word[0], "wait") == 0)
        exit = command_wait(&session, &options);
    else if (strcmp(options.word[0], "events") == 0)
        exit = command_events(&session, &options);
    else
        exit = method_call(&session, &options);
    session_close(&session);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fputs("error: standard output could not be written\n", stderr);
        return (int)CLI_ERROR_ANSWER;
    }
    return (int)exit;
}
