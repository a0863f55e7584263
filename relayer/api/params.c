/* Parameters against the method table. */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/methods.h"
#include "relayer/base/uuid.h"
#include "relayer/money/amount.h"

enum { FIELD_NAME_MAX = 96, CLABE_DIGITS = 18 };

static const char *const TYPES[] = {
    [PARAM_TEXT] = "string",     [PARAM_UUID] = "uuid",    [PARAM_AMOUNT] = "amount",
    [PARAM_INTEGER] = "integer", [PARAM_BOOL] = "boolean", [PARAM_CHOICE] = "choice",
    [PARAM_HASH] = "hash",       [PARAM_CLABE] = "clabe",  [PARAM_LIST] = "list",
};

const char *param_type_name(enum param_type type)
{
    return TYPES[type];
}

static const char *json_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

static bool wrong_type(struct err *e, const char *field, const char *wanted, const json_t *value)
{
    return err_fail(e, ERR_PARAMS, "%s: expected %s, got %s", field, wanted, json_kind(value));
}

bool clabe_check(const char *clabe, struct err *e, const char *field)
{
    static const int WEIGHTS[3] = {3, 7, 1};
    if (strlen(clabe) != CLABE_DIGITS || strspn(clabe, "0123456789") != CLABE_DIGITS)
        return err_fail(e, ERR_PARAMS, "%s: a CLABE has 18 digits", field);
    int sum = 0;
    for (int i = 0; i < CLABE_DIGITS - 1; i++)
        sum += (clabe[i] - '0') * WEIGHTS[i % 3] % 10;
    if ((10 - sum % 10) % 10 != clabe[CLABE_DIGITS - 1] - '0')
        return err_fail(e, ERR_PARAMS,
                        "%s: the CLABE's last digit does not check the others: a typo?", field);
    if (strncmp(clabe, "710", 3) == 0)
        return err_fail(
            e, ERR_PARAMS,
            "%s: bank 710 (NVIO) is Juno's own: it cannot be paid out to; give an account"
            " at another bank",
            field);
    return true;
}

static bool check_text(const struct param *param, const char *field, const json_t *value,
                       struct err *e)
{
    if (!json_is_string(value))
        return wrong_type(e, field, "a string", value);
    size_t n = json_string_length(value);
    if ((int64_t)n < param->least || (int64_t)n > param->most)
        return err_fail(e, ERR_PARAMS, "%s: has %zu bytes, allowed are %lld to %lld", field, n,
                        (long long)param->least, (long long)param->most);
    const char *text = json_string_value(value);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
            return err_fail(e, ERR_PARAMS, "%s: holds a control character at byte %zu", field, i);
    }
    return true;
}

static bool check_amount(const char *field, const json_t *value, struct err *e)
{
    int64_t centavos = 0;
    if (json_is_number(value))
        return err_fail(e, ERR_AMOUNT,
                        "%s: a JSON number; money is a decimal string such as \"1000.00\"", field);
    if (!json_is_string(value))
        return err_fail(e, ERR_AMOUNT, "%s: expected a decimal string such as \"1000.00\", got %s",
                        field, json_kind(value));
    if (!amount_parse_centavos(json_string_value(value), &centavos))
        return err_fail(e, ERR_AMOUNT,
                        "%s: \"%.40s\" is not an amount in MXN with at most two decimals", field,
                        json_string_value(value));
    if (centavos <= 0)
        return err_fail(e, ERR_AMOUNT, "%s: must be more than zero", field);
    return true;
}

static bool check_choice(const struct param *param, const char *field, const json_t *value,
                         struct err *e)
{
    if (!json_is_string(value))
        return wrong_type(e, field, "a string", value);
    const char *text = json_string_value(value);
    size_t n = strlen(text);
    for (const char *at = param->choices; at != NULL && n > 0;) {
        const char *end = strchr(at, '|');
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        if (len == n && memcmp(at, text, n) == 0)
            return true;
        at = end != NULL ? end + 1 : NULL;
    }
    return err_fail(e, ERR_PARAMS, "%s: \"%.40s\" is not one of %s", field, text, param->choices);
}

static bool check_integer(const struct param *param, const char *field, const json_t *value,
                          struct err *e)
{
    if (!json_is_integer(value))
        return wrong_type(e, field, "an integer", value);
    int64_t number = json_integer_value(value);
    if (number < param->least || number > param->most)
        return err_fail(e, ERR_PARAMS, "%s: %lld is not within %lld to %lld", field,
                        (long long)number, (long long)param->least, (long long)param->most);
    return true;
}

static bool check_fields(const struct param *param, size_t n, const json_t *object,
                         const char *prefix, struct err *e);

static bool check_list(const struct param *param, const char *field, const json_t *value,
                       struct err *e)
{
    if (!json_is_array(value))
        return wrong_type(e, field, "an array", value);
    size_t n = json_array_size(value);
    if ((int64_t)n > param->most)
        return err_fail(e, ERR_LIMIT, "%s: %zu items, at most %lld", field, n,
                        (long long)param->most);
    for (size_t i = 0; i < n; i++) {
        char prefix[FIELD_NAME_MAX];
        snprintf(prefix, sizeof prefix, "%s[%zu]", field, i);
        const json_t *item = json_array_get(value, i);
        if (!json_is_object(item))
            return wrong_type(e, prefix, "an object", item);
        if (!check_fields(param->item, param->item_n, item, prefix, e))
            return false;
    }
    return true;
}

static bool check_value(const struct param *param, const char *field, const json_t *value,
                        struct err *e)
{
    struct uuid id;
    uint8_t hash[32];
    switch (param->type) {
    case PARAM_TEXT:
        return check_text(param, field, value, e);
    case PARAM_AMOUNT:
        return check_amount(field, value, e);
    case PARAM_INTEGER:
        return check_integer(param, field, value, e);
    case PARAM_CHOICE:
        return check_choice(param, field, value, e);
    case PARAM_LIST:
        return check_list(param, field, value, e);
    case PARAM_BOOL:
        return json_is_boolean(value) || wrong_type(e, field, "true or false", value);
    case PARAM_UUID:
        if (!json_is_string(value))
            return wrong_type(e, field, "a uuid string", value);
        return uuid_parse(json_string_value(value), &id) ||
               err_fail(e, ERR_PARAMS, "%s: \"%.40s\" is not a uuid", field,
                        json_string_value(value));
    case PARAM_HASH:
        if (!json_is_string(value))
            return wrong_type(e, field, "a string", value);
        return (strncmp(json_string_value(value), "0x", 2) == 0 &&
                hex_decode_exact(json_string_value(value), hash, sizeof hash)) ||
               err_fail(e, ERR_PARAMS, "%s: expected 0x and 64 hexadecimal digits", field);
    case PARAM_CLABE:
        if (!json_is_string(value))
            return wrong_type(e, field, "a string of 18 digits", value);
        return clabe_check(json_string_value(value), e, field);
    }
    return false;
}

static const struct param *param_find(const struct param *param, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(param[i].name, name) == 0)
            return &param[i];
    }
    return NULL;
}

static bool check_required(const struct param *param, size_t n, const json_t *object,
                           const char *prefix, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (param[i].required && json_object_get(object, param[i].name) == NULL)
            return err_fail(e, ERR_PARAMS, "%s%s%s: is missing", prefix, *prefix != '\0' ? "." : "",
                            param[i].name);
    }
    return true;
}

static bool check_fields(const struct param *param, size_t n, const json_t *object,
                         const char *prefix, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        char field[FIELD_NAME_MAX];
        snprintf(field, sizeof field, "%s%s%.40s", prefix, *prefix != '\0' ? "." : "", name);
        const struct param *known = param_find(param, n, name);
        if (known == NULL)
            return err_fail(e, ERR_PARAMS, "%s: there is no such field", field);
        if (!check_value(known, field, value, e))
            return false;
    }
    return check_required(param, n, object, prefix, e);
}

static bool is_mutation_param(const char *name)
{
    return param_find(MUTATION_PARAMS, 2, name) != NULL;
}

bool params_check(const struct method *method, const json_t *params, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)params, name, value)
    {
        const struct param *known = param_find(method->param, method->params_n, name);
        if (known == NULL && method->mutates && is_mutation_param(name))
            known = param_find(MUTATION_PARAMS, 2, name);
        if (known == NULL)
            return err_fail(e, ERR_PARAMS, "%.40s: %s has no such field", name, method->name);
        if (!check_value(known, name, value, e))
            return false;
    }
    return check_required(method->param, method->params_n, params, "", e);
}
