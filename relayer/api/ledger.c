/* The ledger as it stands, and its comparison with the chain and with Juno. */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/groups.h"
#include "relayer/base/check.h"
#include "relayer/engine/verify.h"
#include "relayer/money/accounts.h"

/* Amounts of accounts: smallest units as digits, and pesos to read. */
static void add_display(json_t *rows, const char *field)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *digits = json_string_value(json_object_get(row, field));
        const char *asset = json_string_value(json_object_get(row, "asset"));
        size_t scale = strcmp(asset, "MXN") == 0 ? 2 : 6;
        bool negative = digits[0] == '-';
        const char *number = digits + negative;
        size_t n = strlen(number);
        char padded[64];
        CHECK(n + scale + 4 < sizeof padded);
        size_t zeros = n <= scale ? scale + 1 - n : 0;
        memset(padded, '0', zeros);
        memcpy(padded + zeros, number, n + 1);
        size_t whole = zeros + n - scale;
        char name[32];
        snprintf(name, sizeof name, "%s_text", field);
        json_object_set_new(row, name,
                            json_sprintf("%s%.*s.%s %s", negative ? "-" : "", (int)whole, padded,
                                         padded + whole, asset));
    }
}

static json_t *accounts_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *rows = answer_rows(res, 0, &READ_ACCOUNTS);
    add_display(rows, "posted");
    add_display(rows, "pending");
    return json_pack("{s:o}", "accounts", rows);
}

void ledger_accounts(struct call *call)
{
    enum account_class class;
    const char *name = call_text(call, "class");
    if (name != NULL && !account_class_parse(name, &class)) {
        call_refuse(call, ERR_PARAMS,
                    "class: \"%.40s\" is no class of accounts; ledger.trial_balance"
                    " lists them",
                    name);
        return;
    }
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_ACCOUNTS);
    call_bind_uuid(stmt, call, "payment_id");
    call_bind_text(stmt, call, "class");
    call_bind_text(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, accounts_answer);
}

static json_t *entries_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *rows = answer_rows(res, 0, &READ_ENTRIES);
    add_display(rows, "amount");
    return json_pack("{s:o}", "entries", rows);
}

void ledger_entries(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_ENTRIES);
    call_bind_uuid(stmt, call, "payment_id");
    call_bind_text(stmt, call, "account");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, entries_answer);
}

static json_t *balance_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *rows = answer_rows(res, 0, &READ_TRIAL_BALANCE);
    add_display(rows, "amount");
    bool balanced = true;
    json_t *sums = json_object();
    for (int row = 0; row < db_rows(res, 1); row++) {
        const char *sum = db_get(res, 1, row, 2);
        balanced = balanced && strcmp(sum, "0") == 0;
        char name[32];
        snprintf(name, sizeof name, "%s %s", db_get(res, 1, row, 0), db_get(res, 1, row, 1));
        json_object_set_new(sums, name, json_string(sum));
    }
    return json_pack("{s:b, s:o, s:o}", "balanced", balanced, "sums", sums, "rows", rows);
}

void ledger_trial_balance(struct call *call)
{
    struct db_script *script = db_script_new();
    (void)read_add(script, &READ_TRIAL_BALANCE);
    (void)read_add(script, &READ_SUMS);
    call_read(call, script, balance_answer);
}

/* --- comparison -------------------------------------------------------------------------------- */

static json_t *differences_answer(const struct verify_difference *difference, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "where", difference[i].where,
                                              "expected", difference[i].expected, "found",
                                              difference[i].found, "hint", difference[i].hint));
    return list;
}

static json_t *amount_or_null(bool has, const char *asset, int64_t amount)
{
    if (!has)
        return json_null();
    return strcmp(asset, "MXN") == 0 ? answer_centavos(amount) : answer_units(amount);
}

static void recon_done(void *ctx, const struct err *err, const struct recon_report *report)
{
    struct call *call = ctx;
    if (err != NULL) {
        call_fail(call, err);
        return;
    }
    json_t *accounts = json_object();
    for (size_t i = 0; i < report->rows_n; i++) {
        const struct recon_row *row = &report->row[i];
        json_t *item = json_pack(
            "{s:s, s:o, s:o, s:o, s:b, s:o, s:I}", "asset", row->asset, "ledger",
            amount_or_null(true, row->asset, row->ledger_units), "chain",
            amount_or_null(row->has_chain, row->asset, row->chain_units), "juno",
            amount_or_null(row->has_juno, row->asset, row->juno_units), "compared", row->compared,
            "in_flight", amount_or_null(true, row->asset, row->in_flight_units), "movements",
            (json_int_t)row->in_flight);
        json_object_set_new(accounts, row->name, item);
    }
    json_t *as_of =
        json_pack("{s:I, s:o, s:s}", "block", (json_int_t)report->block_number, "block_hash",
                  answer_hex(report->block_hash, 32), "finality", "latest");
    call_reply(call, json_pack("{s:o, s:o, s:o}", "accounts", accounts, "differences",
                               differences_answer(report->difference, report->differences_n),
                               "as_of", as_of));
}

void recon_run_method(struct call *call)
{
    recon_run(call->engine, recon_done, call);
}

static void verify_done(void *ctx, const struct err *err, const struct verify_report *report)
{
    struct call *call = ctx;
    if (err != NULL && err->code == ERR_NOT_FOUND) {
        call_refuse(call, ERR_NOT_FOUND, "%s: %s",
                    call_has(call, "payment_id") ? "payment_id" : "tx_hash", err->message);
        return;
    }
    if (err != NULL) {
        call_fail(call, err);
        return;
    }
    size_t kept = report->differences_n < VERIFY_DIFFERENCES_MAX ? report->differences_n
                                                                 : VERIFY_DIFFERENCES_MAX;
    json_t *looked_at =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "transactions", (json_int_t)report->txs, "logs",
                  (json_int_t)report->logs, "escrows", (json_int_t)report->escrows, "accounts",
                  (json_int_t)report->accounts, "juno", (json_int_t)report->juno);
    json_t *as_of =
        json_pack("{s:I, s:o, s:s}", "block", (json_int_t)report->block_number, "block_hash",
                  answer_hex(report->block_hash, 32), "finality", report->finality);
    call_reply(call, json_pack("{s:I, s:I, s:b, s:s, s:o, s:o, s:o}", "checked",
                               (json_int_t)report->checked, "differences_count",
                               (json_int_t)report->differences_n, "truncated", report->truncated,
                               "finality", report->finality, "looked_at", looked_at, "differences",
                               differences_answer(report->difference, kept), "as_of", as_of));
}

void audit_verify(struct call *call)
{
    struct verify_query query = {.all = call_bool(call, "all", false)};
    query.has_payment = call_uuid(call, "payment_id", &query.payment);
    query.has_tx = call_hash(call, "tx_hash", query.tx_hash);
    if (query.all + query.has_payment + query.has_tx != 1) {
        call_refuse(call, ERR_PARAMS, "all: give exactly one of payment_id, tx_hash, all: true");
        return;
    }
    verify_run(call->engine, &query, verify_done, call);
}
