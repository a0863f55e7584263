/* Requests of the API: a line's method and parameters against the method table (relayer/api/methods.h). What
 * passes is of the stated type, exactly; what does not is answered by an error message that can be sent. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/api/api_inside.h"
#include "relayer/api/methods.h"
#include "relayer/money/amount.h"
#include "tests/fuzz/fuzz.h"

static void object_check(const struct param *param, size_t n, const json_t *object);

static void text_check(const struct param *param, const json_t *value)
{
    const char *text = json_string_value(value);

    HOLDS(text != NULL && strlen(text) == json_string_length(value));
    HOLDS((int64_t)strlen(text) >= param->least && (int64_t)strlen(text) <= param->most);
}

static void value_check(const struct param *param, const json_t *value)
{
    const char *text = json_string_value(value);
    int64_t number;

    switch (param->type) {
    case PARAM_TEXT:
        text_check(param, value);
        return;
    case PARAM_UUID:
        HOLDS(text != NULL && strlen(text) == 36);
        return;
    case PARAM_AMOUNT:
        HOLDS(text != NULL && amount_parse_centavos(text, &number) && number > 0);
        return;
    case PARAM_INTEGER:
        number = json_integer_value(value);
        HOLDS(json_is_integer(value) && number >= param->least && number <= param->most);
        return;
    case PARAM_BOOL:
        HOLDS(json_is_boolean(value));
        return;
    case PARAM_CHOICE:
        HOLDS(text != NULL && text[0] != '\0' && strchr(text, '|') == NULL);
        HOLDS(strstr(param->choices, text) != NULL);
        return;
    case PARAM_HASH:
        HOLDS(text != NULL && strlen(text) == 66 && text[0] == '0' && text[1] == 'x');
        return;
    case PARAM_CLABE:
        HOLDS(text != NULL && strlen(text) == 18 && strspn(text, "0123456789") == 18);
        return;
    case PARAM_LIST:
        HOLDS(json_is_array(value) && (int64_t)json_array_size(value) <= param->most);
        for (size_t i = 0; i < json_array_size(value); i++)
            object_check(param->item, param->item_n, json_array_get(value, i));
        return;
    }
}

/* Every field of the table that is there is right, every required one is there. */
static void object_check(const struct param *param, size_t n, const json_t *object)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(object, param[i].name);

        HOLDS(value != NULL || !param[i].required);
        if (value != NULL)
            value_check(&param[i], value);
    }
}

static void method_check(const struct method *method, const json_t *params)
{
    struct err e = {0};
    json_t *answer;
    char *text;

    if (params_check(method, params, &e)) {
        object_check(method->param, method->params_n, params);
        if (method->mutates)
            object_check(MUTATION_PARAMS, 2, params);
        return;
    }
    HOLDS(e.code != ERR_NONE && e.message[0] != '\0');
    answer = error_message(NULL, &e, "req-1", "", method->name);
    text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    HOLDS(text != NULL && strstr(text, "\"message\"") != NULL);
    free(text);
    json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *request = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(request, "method"));
    const json_t *params = json_object_get(request, "params");
    const struct method *method = name != NULL ? method_find(name) : NULL;

    if (name != NULL && method == NULL)
        HOLDS(method_nearest(name) == NULL || method_find(method_nearest(name)) != NULL);
    if (json_is_object(params)) {
        if (method != NULL)
            method_check(method, params);
        for (size_t i = 0; method == NULL && i < METHODS_N; i++)
            method_check(&METHODS[i], params);
    }
    json_decref(request);
    return 0;
}
