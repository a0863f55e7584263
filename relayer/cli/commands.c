#include "relayer/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relayer/base/clock.h"
#include "relayer/cli/params.h"
#include "relayer/cli/print.h"

enum {
    WAIT_TIMEOUT_S = 60,
    WAIT_POLL_US = 200 * 1000,
    EVENTS_QUIET_MS = 1500,      /* no event for so long: all that was there has come */
    EVENTS_FOLLOW_MS = 3600 * 1000,
    METHOD_MAX = 80,
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* --- wait ------------------------------------------------------------------------------------- */

struct wish {
    char method[METHOD_MAX];
    char field[METHOD_MAX];
    const char *value;
};

static enum cli_exit wish_read(const struct cli_options *options, struct wish *wish)
{
    const char *equals = options->wanted != NULL ? strchr(options->wanted, '=') : NULL;
    if (options->words_n != 3 || equals == NULL || equals == options->wanted)
        return usage_error("wait takes a noun, an id and --for field=value, such as"
                           " wait payment ID --for state=completed");
    int n = snprintf(wish->field, sizeof wish->field, "%.*s", (int)(equals - options->wanted),
                     options->wanted);
    int m = snprintf(wish->method, sizeof wish->method, "%s.get", options->word[1]);
    if ((size_t)n >= sizeof wish->field || (size_t)m >= sizeof wish->method)
        return usage_error("that is too long for a noun or a field");
    wish->value = equals + 1;
    return CLI_DONE;
}

/* A payment that ended otherwise will not come to the wished state any more. */
static bool is_hopeless(const struct wish *wish, const char *now)
{
    static const char *const ENDS[] = {"completed", "expired", "cancelled"};
    if (strcmp(wish->method, "payment.get") != 0 || strcmp(wish->field, "state") != 0)
        return false;
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        if (strcmp(ENDS[i], now) == 0)
            return true;
    }
    return false;
}

/* One look. *over: the exit code counts; else look again, and *last is what the field was. */
static enum cli_exit wish_look(struct session *session, const struct wish *wish,
                               const json_t *params, bool *over, char **last)
{
    struct session_answer answer;
    enum cli_exit exit = session_ask(session, wish->method, params, &answer);
    *over = true;
    free(*last);
    *last = NULL;
    if (exit == CLI_ERROR_ANSWER) {
        const json_t *data = json_object_get(answer.error, "data");
        bool again = json_is_true(json_object_get(data, "retryable"));
        *over = !again;
        if (!again)
            error_tell(answer.error);
    } else if (exit == CLI_UNREACHABLE) {
        *over = false;
    } else {
        *last = value_text(field_find(answer.result, wish->field));
        *over = strcmp(*last, wish->value) == 0;
        if (*over) {
            exit = result_show(session->options, wish->method, params, answer.result);
        } else if (is_hopeless(wish, *last)) {
            *over = true;
            exit = CLI_ERROR_ANSWER;
            (void)fprintf(stderr, "error: it ended as %s and will never be %s\n", *last,
                          wish->value);
        }
    }
    json_decref(answer.result);
    json_decref(answer.error);
    return exit;
}

enum cli_exit command_wait(struct session *session, const struct cli_options *options)
{
    struct wish wish;
    enum cli_exit exit = wish_read(options, &wish);
    json_t *params = json_object();
    if (exit == CLI_DONE)
        exit = params_add_subject(params, wish.method, options->word[2]);
    if (exit != CLI_DONE) {
        json_decref(params);
        return exit;
    }
    int64_t seconds = options->timeout_s >= 0 ? options->timeout_s : WAIT_TIMEOUT_S;
    int64_t deadline_ms = clock_mono_ms() + seconds * 1000;
    session->timeout_ms = SESSION_TIMEOUT_S * 1000;
    char *last = NULL;
    bool over = false;
    for (;;) {
        exit = wish_look(session, &wish, params, &over, &last);
        if (over || clock_mono_ms() >= deadline_ms)
            break;
        (void)usleep(WAIT_POLL_US);
    }
    json_decref(params);
    if (!over) {
        (void)fprintf(stderr, "error: %s was not %s within %lld s%s%s\n", wish.field, wish.value,
                      (long long)seconds, last != NULL ? "; it is " : "", last != NULL ? last : "");
        exit = exit == CLI_UNREACHABLE ? CLI_UNREACHABLE : CLI_WAIT_TIMEOUT;
        if (exit == CLI_UNREACHABLE)
            (void)fputs("hint: the daemon could not be reached\n", stderr);
    }
    free(last);
    return exit;
}

/* --- events ----------------------------------------------------------------------------------- */

static void event_put(const json_t *event, enum cli_output output)
{
    if (output != OUTPUT_TABLE) {
        print_line(event);
        return;
    }
    char *seq = value_text(json_object_get(event, "seq"));
    (void)printf("%s  ", seq);
    text_put(text_of(event, "at"));
    (void)printf("  %-22s  ", text_of(event, "type"));
    text_put(text_of(event, "payment_id"));
    (void)putchar('\n');
    free(seq);
}

enum cli_exit command_events(struct session *session, const struct cli_options *options)
{
    if (options->words_n != 1)
        return usage_error("events takes --from SEQ and --follow, no other words");
    json_t *params = json_pack("{s:I}", "from_seq",
                               (json_int_t)(options->from_seq >= 0 ? options->from_seq : 0));
    json_t *result = NULL;
    enum cli_exit exit = session_call(session, "events.subscribe", params, &result);
    json_decref(params);
    json_decref(result);
    unsigned patience_ms = options->follow ? EVENTS_FOLLOW_MS : EVENTS_QUIET_MS;
    while (exit == CLI_DONE) {
        struct err e = {.code = ERR_NONE};
        json_t *message = session_next(session, patience_ms, &e);
        if (message != NULL) {
            const json_t *event = json_object_get(message, "params");
            if (strcmp(text_of(message, "method"), "event") == 0 && event != NULL)
                event_put(event, options->output);
            (void)fflush(stdout);
        } else if (e.code != ERR_NET_TIMEOUT) {
            unreachable_tell(session, &e);
            exit = CLI_UNREACHABLE;
        } else if (!options->follow) {
            break;
        }
        json_decref(message);
    }
    return exit;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Days from 1970-01-01 to a date of the Gregorian calendar (years from March, eras of 400 years). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool digits_read(const char *text, size_t n, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

bool time_parse_ms(const char *text, int64_t *out)
{
    static const char SHAPE[] = "dddd-dd-ddTdd:dd:dd";
    static const size_t AT[] = {0, 5, 8, 11, 14, 17};
    int64_t part[6], ms = 0;
    size_t n = sizeof SHAPE - 1;
    if (strlen(text) < n + 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (SHAPE[i] != 'd' && text[i] != SHAPE[i])
            return false;
    }
    for (size_t i = 0; i < 6; i++) {
        if (!digits_read(text + AT[i], i == 0 ? 4 : 2, &part[i]))
            return false;
    }
    if (text[n] == '.') {
        if (strlen(text) < n + 4 || !digits_read(text + n + 1, 3, &ms))
            return false;
        n += 4;
    }
    if (strcmp(text + n, "Z") != 0)
        return false;
    int64_t days = days_of(part[0], part[1], part[2]);
    int64_t seconds = days * 86400 + part[3] * 3600 + part[4] * 60 + part[5];
    *out = seconds * 1000 + ms;
    return true;
}

static void moment_put(const char *label, const char *utc)
{
    char local[CLOCK_TEXT_MAX] = "not known";
    int64_t ms = 0;
    if (time_parse_ms(utc, &ms))
        clock_format_local_ms(ms, local);
    (void)printf("%-5s (local): %s\n%-5s (UTC):   %s\n", label, local, label,
                 utc[0] != '\0' ? utc : "not known");
}

static void time_left_tell(const json_t *params, const json_t *result)
{
    const char *id = text_of(result, "escrow_id");
    const char *asked = text_of(params, "escrow_id");
    if (id[0] == '\0')
        id = asked[0] != '\0' ? asked : text_of(params, "payment_id");
    int64_t left = json_integer_value(json_object_get(result, "seconds_left"));
    if (left > 0)
        (void)printf("%lldh %lldm %llds left of the custody period of escrow ",
                     (long long)(left / 3600),
                     (long long)(left / 60 % 60), (long long)(left % 60));
    else
        (void)printf("the custody period is over for escrow ");
    text_put(id);
    (void)printf(" (state %s)\n", text_of(result, "state"));
    moment_put("start", text_of(result, "starts_at"));
    moment_put("end", text_of(result, "ends_at"));
}

static void proof_put(const char *label, const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return;
    char *text = value_text(value);
    (void)printf("      %s ", label);
    text_put(text);
    (void)putchar('\n');
    free(text);
}

static void timeline_tell(const json_t *result)
{
    (void)printf("payment %s is %s\n", text_of(result, "payment_id"), text_of(result, "state"));
    size_t at;
    json_t *event;
    json_array_foreach(json_object_get(result, "events"), at, event) {
        const char *words = text_of(event, "words");
        (void)printf("%.19sZ  ", text_of(event, "at"));
        text_put(words[0] != '\0' ? words : text_of(event, "type"));
        if (json_is_string(json_object_get(event, "amount")))
            (void)printf("  %s", text_of(event, "amount"));
        (void)putchar('\n');
        proof_put("tx", json_object_get(event, "tx_hash"));
        proof_put("proof", json_object_get(event, "evidence"));
        proof_put("juno", json_object_get(event, "juno_id"));
        if (text_of(event, "detail")[0] != '\0')
            proof_put("note", json_object_get(event, "detail"));
    }
    if (text_of(result, "reason")[0] != '\0')
        (void)printf("reason: %s\n", text_of(result, "reason"));
    if (text_of(result, "waiting_for")[0] != '\0')
        (void)printf("now: %s\n", text_of(result, "waiting_for"));
}

/* One method of the daemon's OpenRPC description. */
static void help_tell(const json_t *method)
{
    (void)printf("%s (%s)\n  %s\n", text_of(method, "name"), text_of(method, "x-role"),
                 text_of(method, "summary"));
    (void)printf("gives\n  %s\n", text_of(json_object_get(method, "result"), "description"));
    const json_t *params = json_object_get(method, "params");
    (void)puts(json_array_size(params) > 0 ? "parameters" : "no parameters");
    size_t at;
    json_t *param;
    json_array_foreach((json_t *)params, at, param) {
        bool required = json_is_true(json_object_get(param, "required"));
        const char *type = text_of(param, "x-type");
        (void)printf("  %-18s %-9s %-9s ", text_of(param, "name"), type,
                     required ? "required" : "");
        text_put(text_of(param, "description"));
        (void)putchar('\n');
    }
    char *example = value_text(json_object_get(method, "x-example"));
    (void)printf("example\n  relayerctl %s '%s'\n", text_of(method, "name"), example);
    free(example);
}

static bool told_in_words(const char *method, const json_t *params, const json_t *result)
{
    if (strcmp(method, "escrow.time_left") == 0)
        time_left_tell(params, result);
    else if (strcmp(method, "payment.timeline") == 0)
        timeline_tell(result);
    else if (strcmp(method, "help") == 0 && json_object_get(params, "method") != NULL)
        help_tell(result);
    else
        return false;
    return true;
}

static enum cli_exit exit_of_result(const char *method, const json_t *result)
{
    if (strcmp(method, "audit.verify") == 0 || strcmp(method, "recon.run") == 0) {
        const json_t *differences = json_object_get(result, "differences");
        bool agree = json_is_array(differences) && json_array_size(differences) == 0;
        return agree ? CLI_DONE : CLI_DIFFERENCE;
    }
    if (strcmp(method, "system.doctor") == 0) {
        size_t at;
        json_t *check;
        json_array_foreach(json_object_get(result, "checks"), at, check) {
            if (strcmp(text_of(check, "verdict"), "fail") == 0)
                return CLI_ERROR_ANSWER;
        }
    }
    return CLI_DONE;
}

enum cli_exit result_show(const struct cli_options *options, const char *method,
                          const json_t *params, const json_t *result)
{
    enum cli_exit exit = exit_of_result(method, result);
    if (options->filter == NULL) {
        if (options->output != OUTPUT_TABLE || !told_in_words(method, params, result))
            print_result(result, options->output);
        return exit;
    }
    const json_t *field = field_find(result, options->filter);
    if (field == NULL) {
        (void)fprintf(stderr, "error: the result has no field %s\n", options->filter);
        return CLI_ERROR_ANSWER;
    }
    if (json_is_object(field) || json_is_array(field)) {
        print_result(field, options->output);
    } else {
        char *text = value_text(field);
        text_put(text);
        (void)putchar('\n');
        free(text);
    }
    return exit;
}
