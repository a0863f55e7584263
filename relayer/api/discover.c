/* The method table for machines (rpc.discover, help) and for the reference page. */
#include <stdlib.h>
#include <string.h>

#include "relayer/api/api.h"
#include "relayer/api/api_inside.h"
#include "relayer/api/groups.h"
#include "relayer/api/words.h"
#include "relayer/base/check.h"

static json_t *choices_json(const char *choices)
{
    json_t *list = json_array();
    for (const char *at = choices; at != NULL;) {
        const char *end = strchr(at, '|');
        size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
        json_array_append_new(list, json_stringn(at, n));
        at = end != NULL ? end + 1 : NULL;
    }
    return list;
}

static json_t *fields_schema(const struct param *param, size_t n);

/* JSON Schema of one value. */
static json_t *schema_json(const struct param *param)
{
    switch (param->type) {
    case PARAM_TEXT:
        return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)param->least,
                         "maxLength", (json_int_t)param->most);
    case PARAM_UUID:
        return json_pack("{s:s, s:s}", "type", "string", "format", "uuid");
    case PARAM_AMOUNT:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]+(\\.[0-9]{1,2})?$");
    case PARAM_INTEGER:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)param->least,
                         "maximum", (json_int_t)param->most);
    case PARAM_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case PARAM_CHOICE:
        return json_pack("{s:s, s:o}", "type", "string", "enum", choices_json(param->choices));
    case PARAM_HASH:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^0x[0-9a-fA-F]{64}$");
    case PARAM_CLABE:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]{18}$");
    case PARAM_LIST:
        return json_pack("{s:s, s:I, s:o}", "type", "array", "maxItems", (json_int_t)param->most,
                         "items", fields_schema(param->item, param->item_n));
    }
    CHECK(!"a type of parameter");
    return NULL;
}

static json_t *fields_schema(const struct param *param, size_t n)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *schema = schema_json(&param[i]);
        json_object_set_new(schema, "description", json_string(param[i].doc));
        json_object_set_new(properties, param[i].name, schema);
        if (param[i].required)
            json_array_append_new(required, json_string(param[i].name));
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

static json_t *param_json(const struct param *param)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:s}", "name", param->name, "description", param->doc,
                     "required", param->required, "schema", schema_json(param), "x-type",
                     param_type_name(param->type));
}

static json_t *params_json(const struct method *method)
{
    json_t *params = json_array();
    for (size_t i = 0; i < method->params_n; i++)
        json_array_append_new(params, param_json(&method->param[i]));
    for (size_t i = 0; method->mutates && i < 2; i++)
        json_array_append_new(params, param_json(&MUTATION_PARAMS[i]));
    return params;
}

static json_t *method_json(const struct method *method)
{
    json_t *example = json_loads(method->example, 0, NULL);
    CHECK(example != NULL);
    return json_pack("{s:s, s:s, s:s, s:o, s:{s:s, s:s, s:{s:s}}, s:s, s:b, s:o}", "name",
                     method->name, "summary", method->doc, "paramStructure", "by-name", "params",
                     params_json(method), "result", "name", "result", "description", method->result,
                     "schema", "type", "object", "x-role", role_name(method->role), "x-mutates",
                     method->mutates, "x-example", example);
}

void rpc_discover(struct call *call)
{
    json_t *methods = json_array();
    for (size_t i = 0; i < METHODS_N; i++)
        json_array_append_new(methods, method_json(&METHODS[i]));
    call_reply(call, json_pack("{s:s, s:{s:s, s:s, s:s}, s:o}", "openrpc", "1.3.2", "info", "title",
                               "Kustodia custody relayer", "version", "0.1.0", "description",
                               "JSON-RPC 2.0, one object per line, on a unix socket", "methods",
                               methods));
}

void method_help(struct call *call)
{
    const char *name = call_text(call, "method");
    if (name != NULL) {
        const struct method *method = method_find(name);
        const char *near = method_nearest(name);
        if (method != NULL)
            call_reply(call, method_json(method));
        else
            call_refuse(call, ERR_NOT_FOUND, "method: there is no method \"%.60s\"%s%s", name,
                        near != NULL ? "; the nearest is " : "", near != NULL ? near : "");
        return;
    }
    json_t *methods = json_array();
    for (size_t i = 0; i < METHODS_N; i++)
        json_array_append_new(methods,
                              json_pack("{s:s, s:s, s:s}", "name", METHODS[i].name, "role",
                                        role_name(METHODS[i].role), "summary", METHODS[i].doc));
    call_reply(call, json_pack("{s:o}", "methods", methods));
}

/* --- the reference page ------------------------------------------------------------------------ */

static const char INTRODUCTION[] =
    "# API reference\n"
    "\n"
    "This page is printed by `relayerd --print-api` from the method table; do not edit it.\n"
    "\n"
    "## Wire format\n"
    "\n"
    "JSON-RPC 2.0 on the unix socket `api.socket`: one object per line, each answer one line. "
    "Requests of\n"
    "one connection run at the same time; answers carry the `id` of their request and may overtake "
    "each\n"
    "other. Batches and requests without `id` are refused. Parameters are given by name; an "
    "unknown field,\n"
    "a field of another type, or a doubled field is an error that names it.\n"
    "\n"
    "Money is a decimal string in MXN with at most two decimals, such as `\"1000.00\"`; a JSON "
    "number is\n"
    "refused. Fields of answers that are in MXNB read the same, one MXNB being one peso. Times are "
    "UTC text;\n"
    "fields ending in `_unix` are seconds. A field that is not known yet is null.\n"
    "\n"
    "Answers of reads carry `as_of`: the newest block final by `finality`, its hash, and "
    "`ledger_seq`, the\n"
    "number of the newest event; money never moves without an event in the same database "
    "transaction.\n"
    "\n"
    "## Roles\n"
    "\n"
    "The kernel tells uid and gids of the peer; `[api] read`, `operate`, `arbiter` and `admin` "
    "list who has\n"
    "which role (`self`, `uid:N`, `gid:N`). operate and arbiter include read; admin includes "
    "operate.\n"
    "\n"
    "## Changes\n"
    "\n"
    "Every method marked as a change takes\n"
    "\n"
    "- `idempotency_key`, 8 to 120 bytes. Choose it and store it before the first attempt. The "
    "answer is\n"
    "  stored in the same database transaction as the change. The same key with the same fields "
    "gives the\n"
    "  stored answer with `replayed: true`, however often and after whatever crash; with other "
    "fields it\n"
    "  is the error `request.idempotency_key_reused`; while the first request runs it is\n"
    "  `request.idempotency_key_in_progress`; without a key it is "
    "`request.idempotency_key_missing`.\n"
    "  A refused request stores nothing: its key is free.\n"
    "- `dry_run`: true answers what would happen and changes nothing: the state, the effect, and "
    "for a call\n"
    "  of the escrow whether the contract would take it. `postings` has what this change itself "
    "would book.\n"
    "  It is empty where it books nothing and the payment's next step does (`deposit.assign`,\n"
    "  `payout.retry`, `payment.unpark`): that step is decided later, from what is there then.\n"
    "\n"
    "An answer means: it is committed. What follows from it happens by itself, also after a "
    "crash.\n"
    "\n"
    "## Terms hash\n"
    "\n"
    "`terms_hash` binds the escrow on chain to what was promised: Keccak-256 of this text, each "
    "line ended\n"
    "by one newline, ids in lower case, amounts with two decimals, the two commission lines once "
    "for each\n"
    "commission in the order given:\n"
    "\n"
    "```\n"
    "kustodia terms 1\n"
    "payment: PAYMENT_ID\n"
    "payer: USER_REF\n"
    "seller: BENEFICIARY_ID\n"
    "buyer: BENEFICIARY_ID\n"
    "amount: 10000.00\n"
    "immediate: 3000.00\n"
    "custody: 7000.00\n"
    "commission to: BENEFICIARY_ID\n"
    "commission: 150.00\n"
    "custody_seconds: 604800\n"
    "```\n"
    "\n"
    "The hashes of a dispute are Keccak-256 of the 16 bytes of its id followed by the reason, and "
    "of the 16\n"
    "bytes, the word `resolution` and the notes.\n"
    "\n";

static void print_param(FILE *out, const struct param *param, const char *indent)
{
    fprintf(out, "%s- `%s` %s%s", indent, param->name, param_type_name(param->type),
            param->required ? ", required" : "");
    if (param->choices != NULL)
        fprintf(out, " (`%s`)", param->choices);
    if (param->type == PARAM_INTEGER)
        fprintf(out, " (%lld to %lld)", (long long)param->least, (long long)param->most);
    if (param->type == PARAM_TEXT)
        fprintf(out, " (%lld to %lld bytes)", (long long)param->least, (long long)param->most);
    if (param->type == PARAM_LIST)
        fprintf(out, " (at most %lld)", (long long)param->most);
    fprintf(out, ": %s\n", param->doc);
    for (size_t i = 0; i < param->item_n; i++)
        print_param(out, &param->item[i], "  ");
}

static void print_method(FILE *out, const struct method *method)
{
    fprintf(out, "### %s\n\n%s\n\nRole: %s.%s\n\n", method->name, method->doc,
            role_name(method->role),
            method->mutates ? " A change: takes `idempotency_key` and `dry_run`." : "");
    for (size_t i = 0; i < method->params_n; i++)
        print_param(out, &method->param[i], "");
    fprintf(out, "%sGives: %s.\n\n```json\n", method->params_n > 0 ? "\n" : "", method->result);
    json_t *params = json_loads(method->example, 0, NULL);
    CHECK(params != NULL);
    if (method->mutates)
        json_object_set_new(params, "idempotency_key", json_string("chosen-by-you-0001"));
    json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
                                method->name, "params", params);
    char *text = json_dumps(request, JSON_PRESERVE_ORDER);
    CHECK(text != NULL);
    fprintf(out, "%s\n```\n\n", text);
    free(text);
    json_decref(request);
}

void api_print_reference(FILE *out)
{
    fputs(INTRODUCTION, out);
    fputs("## Methods\n\n", out);
    for (size_t i = 0; i < METHODS_N; i++)
        print_method(out, &METHODS[i]);
    fputs("## Events\n\n| type | meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < EVENT_WORDS_N; i++)
        fprintf(out, "| %s | %s |\n", EVENT_WORDS[i].type, EVENT_WORDS[i].words);
    fputs("\n## Errors\n\n"
          "`error.data` has `type`, `retryable`, `outcome` (did it happen?), `hint` (the next "
          "thing to do),\n"
          "`request_id`, `doc`, and where there is one the `state` of the thing asked about.\n\n"
          "| code | type | retryable | outcome | hint |\n|---|---|---|---|---|\n",
          out);
    for (int code = ERR_NONE + 1; code < ERR_CODES; code++) {
        const struct err_info *info = err_info((enum err_code)code);
        fprintf(out, "| %d | %s | %s | %s | %s |\n", info->rpc_number, info->type,
                info->retryable ? "yes" : "no", outcome_name(info->outcome), info->hint);
    }
}
