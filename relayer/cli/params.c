#include "relayer/cli/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/uuid.h"

enum { HASH_TEXT_SIZE = 66, KEY_MAX = 80 };

static const struct {
    const char *word, *method;
} SHORT[] = {{"status", "system.status"},
             {"doctor", "system.doctor"},
             {"timeline", "payment.timeline"},
             {"discover", "rpc.discover"},
             {"recon", "recon.run"}};

static bool is_identifier(const char *word)
{
    size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz_");
    return n > 0 && word[n] == '\0';
}

enum cli_exit method_choose(const struct cli_options *options, char method[CLI_METHOD_MAX],
                            size_t *words_taken)
{
    const char *first = options->word[0];
    int n = -1;
    *words_taken = 1;
    bool pair = options->words_n > 1 && is_identifier(first) && is_identifier(options->word[1]) &&
                strcmp(first, "help") != 0;
    for (size_t i = 0; i < sizeof SHORT / sizeof SHORT[0] && !pair; i++) {
        if (strcmp(SHORT[i].word, first) == 0)
            n = snprintf(method, CLI_METHOD_MAX, "%s", SHORT[i].method);
    }
    if (pair) {
        *words_taken = 2;
        n = snprintf(method, CLI_METHOD_MAX, "%s.%s", first, options->word[1]);
    } else if (n < 0) {
        n = snprintf(method, CLI_METHOD_MAX, "%s", first);
    }
    if (n >= CLI_METHOD_MAX)
        return usage_error("\"%.40s\" is no method", first);
    return CLI_DONE;
}

/* The type of a parameter by the daemon's OpenRPC description of the method. */
static const char *param_type(const json_t *help, const char *name)
{
    size_t at;
    json_t *param;
    json_array_foreach(json_object_get(help, "params"), at, param) {
        const char *is = json_string_value(json_object_get(param, "name"));
        if (is != NULL && strcmp(is, name) == 0)
            return json_string_value(json_object_get(json_object_get(param, "schema"), "type"));
    }
    return NULL;
}

bool method_mutates(const json_t *help)
{
    return json_is_true(json_object_get(help, "x-mutates"));
}

static bool is_whole_number(const char *text)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    size_t n = strspn(digits, "0123456789");
    return n > 0 && n < 19 && digits[n] == '\0';
}

static json_t *value_of(const char *text, const char *type)
{
    if (strcmp(text, "true") == 0)
        return json_true();
    if (strcmp(text, "false") == 0)
        return json_false();
    if (strcmp(text, "null") == 0)
        return json_null();
    if ((text[0] == '{' || text[0] == '[') && text[1] != '\0') {
        json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (value != NULL)
            return value;
    }
    if (type != NULL && strcmp(type, "integer") == 0 && is_whole_number(text))
        return json_integer(strtoll(text, NULL, 10));
    return json_string(text);
}

static enum cli_exit object_take(json_t *params, json_t *object, const json_error_t *error,
                                 const char *where)
{
    if (!json_is_object(object)) {
        bool other = object != NULL;
        json_decref(object);
        return other ? usage_error("%s holds no JSON object", where)
                     : usage_error("%s is no JSON: %s (line %d)", where, error->text, error->line);
    }
    (void)json_object_update(params, object);
    json_decref(object);
    return CLI_DONE;
}

static bool is_hash(const char *id)
{
    return strlen(id) == HASH_TEXT_SIZE && strncmp(id, "0x", 2) == 0 &&
           strspn(id + 2, "0123456789abcdefABCDEF") == HASH_TEXT_SIZE - 2;
}

/* Whose id a uuid is, by the method's noun. */
static const char *uuid_field(const char *method)
{
    if (strncmp(method, "beneficiary.", 12) == 0)
        return "beneficiary_id";
    return "payment_id";
}

enum cli_exit params_add_subject(json_t *params, const char *method, const char *id)
{
    struct uuid uuid;
    const char *field = NULL;
    bool of_escrow = strncmp(method, "escrow.", 7) == 0;
    if (strcmp(method, "help") == 0)
        field = "method";
    else if (uuid_parse(id, &uuid))
        field = uuid_field(method);
    else if (of_escrow && (is_hash(id) || is_whole_number(id)))
        field = "escrow_id"; /* "0" is an id like any other: the daemon judges it */
    else if (is_hash(id))
        field = "tx_hash";
    if (field == NULL)
        return usage_error("\"%.80s\" is no id: a payment's uuid or a 0x hash of 64 digits", id);
    (void)json_object_set_new(params, field, json_string(id));
    return CLI_DONE;
}

static enum cli_exit word_take(json_t *params, const char *method, const char *word)
{
    json_error_t error;
    if (strcmp(word, "-") == 0)
        return object_take(params, json_loadf(stdin, JSON_REJECT_DUPLICATES, &error), &error,
                           "standard input");
    if (word[0] == '{' || word[0] == '[')
        return object_take(params, json_loads(word, JSON_REJECT_DUPLICATES, &error), &error,
                           "the argument");
    return params_add_subject(params, method, word);
}

enum cli_exit params_build(const struct cli_options *options, const char *method,
                           size_t words_taken, const json_t *help, json_t *params)
{
    for (size_t i = words_taken; i < options->words_n; i++) {
        enum cli_exit exit = word_take(params, method, options->word[i]);
        if (exit != CLI_DONE)
            return exit;
    }
    for (size_t i = 0; i < options->params_n; i++) {
        const char *equals = strchr(options->param[i], '=');
        char key[KEY_MAX];
        int n = snprintf(key, sizeof key, "%.*s", (int)(equals - options->param[i]),
                         options->param[i]);
        if ((size_t)n >= sizeof key)
            return usage_error("the name \"%.20s...\" is too long", key);
        if (json_object_set_new(params, key, value_of(equals + 1, param_type(help, key))) != 0)
            return usage_error("-k %s: the value is no valid UTF-8", key);
    }
    if (options->all)
        (void)json_object_set_new(params, "all", json_true());
    if (options->dry_run)
        (void)json_object_set_new(params, "dry_run", json_true());
    return CLI_DONE;
}
