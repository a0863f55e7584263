/* The typed calls: each builds its target and body here and reads its payload into one struct. */
#include "relayer/juno/client.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/base/arena.h"
#include "relayer/base/check.h"
#include "relayer/juno/queue.h"

/* Memory of one payload; the list of bank accounts is the largest. */
enum { RESULT_BYTES_MAX = 8 * 1024 * 1024, UNITS_PER_CENTAVO = 10000 };

union result {
    struct juno_deposits deposits;
    struct juno_txns txns;
    struct juno_txn txn;
    struct juno_op op;
    struct juno_balances balances;
    struct juno_banks banks;
    struct juno_bank bank;
    struct juno_clabes clabes;
    struct juno_clabe clabe;
};

static void call_deliver(const struct juno_call *call, const struct err *err,
                         const union result *out)
{
    switch (call->kind) {
    case CALL_DEPOSITS:
        call->cb.deposits(call->ctx, err, out != NULL ? &out->deposits : NULL);
        return;
    case CALL_TXNS:
        call->cb.txns(call->ctx, err, out != NULL ? &out->txns : NULL);
        return;
    case CALL_TXN:
        call->cb.txn(call->ctx, err, out != NULL ? &out->txn : NULL);
        return;
    case CALL_OP:
        call->cb.op(call->ctx, err, out != NULL ? &out->op : NULL);
        return;
    case CALL_BALANCES:
        call->cb.balances(call->ctx, err, out != NULL ? &out->balances : NULL);
        return;
    case CALL_BANKS:
        call->cb.banks(call->ctx, err, out != NULL ? &out->banks : NULL);
        return;
    case CALL_BANK:
        call->cb.bank(call->ctx, err, out != NULL ? &out->bank : NULL);
        return;
    case CALL_CLABES:
        call->cb.clabes(call->ctx, err, out != NULL ? &out->clabes : NULL);
        return;
    case CALL_CLABE:
        call->cb.clabe(call->ctx, err, out != NULL ? &out->clabe : NULL);
        return;
    }
}

/* Rows of other kinds go: Juno may have ignored the filter. */
static void txns_filter(struct juno_txns *txns, enum juno_txn_kind wanted)
{
    size_t kept = 0;

    if (wanted == JUNO_TXN_OTHER)
        return;
    for (size_t i = 0; i < txns->n; i++)
        if (txns->row[i].kind == wanted)
            txns->row[kept++] = txns->row[i];
    txns->n = kept;
}

static bool payload_read(const struct juno_call *call, const struct json_t *payload,
                         struct arena *arena, union result *out, struct err *err)
{
    switch (call->kind) {
    case CALL_DEPOSITS:
        return juno_read_deposits(payload, &out->deposits, err);
    case CALL_TXNS:
        if (!juno_read_txns(payload, &out->txns, err))
            return false;
        txns_filter(&out->txns, call->wanted);
        return true;
    case CALL_TXN:
        return juno_read_txn(payload, &out->txn, err);
    case CALL_OP:
        return juno_read_op(payload, &out->op, err);
    case CALL_BALANCES:
        return juno_read_balances(payload, &out->balances, err);
    case CALL_BANKS:
        return juno_read_banks(payload, arena, &out->banks, err);
    case CALL_BANK:
        return juno_read_bank(payload, &out->bank, err);
    case CALL_CLABES:
        return juno_read_clabes(payload, &out->clabes, err);
    case CALL_CLABE:
        return juno_read_clabe(payload, &out->clabe, err);
    }
    CHECK(!"a kind of call outside the enum");
    return false;
}

/* A payload that cannot be read came after success: a change has most likely happened. */
static void call_read(const struct juno_call *call, const struct json_t *payload)
{
    struct arena *arena = arena_new(RESULT_BYTES_MAX);
    union result *out = arena_alloc(arena, sizeof *out);
    struct err err = {0};

    if (payload_read(call, payload, arena, out, &err)) {
        call_deliver(call, NULL, out);
    } else {
        err.outcome = call->body == NULL ? OUTCOME_NOT_HAPPENED : OUTCOME_UNKNOWN;
        call_deliver(call, &err, NULL);
    }
    arena_free(arena);
}

void juno_call_finish(const struct juno_call *call, const struct err *err,
                      const struct json_t *payload)
{
    if (err == NULL)
        call_read(call, payload);
    else if (call->kind == CALL_TXN && err->code == ERR_JUNO_NOT_FOUND)
        call_deliver(call, NULL, NULL);
    else
        call_deliver(call, err, NULL);
}

/* ---- reads ---- */

static struct juno_call *call_new(const char *method, enum call_kind kind, union call_cb cb,
                                  void *ctx)
{
    struct juno_call *call = calloc(1, sizeof *call);

    CHECK(call != NULL);
    call->method = method;
    call->kind = kind;
    call->cb = cb;
    call->ctx = ctx;
    return call;
}

__attribute__((format(printf, 2, 3))) static void call_target(struct juno_call *call,
                                                              const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(call->target, sizeof call->target, format, args);
    va_end(args);
    CHECK(n > 0 && (size_t)n < sizeof call->target);
}

void juno_deposits(struct juno *juno, const struct juno_deposits_query *query, juno_deposits_cb *cb,
                   void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_DEPOSITS, (union call_cb){.deposits = cb}, ctx);
    const char *since = query->since_day;

    CHECK(query->page >= 1 && query->page_size >= 1 && query->page_size <= JUNO_ROWS_MAX);
    CHECK(since == NULL || (strlen(since) == 10 && strspn(since, "0123456789-") == 10));
    call_target(call, "/spei/v1/deposits?page=%u&page_size=%u%s%s", query->page, query->page_size,
                since != NULL ? "&start_date=" : "", since != NULL ? since : "");
    queue_put(juno, call);
}

void juno_transactions(struct juno *juno, const struct juno_txns_query *query, juno_txns_cb *cb,
                       void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_TXNS, (union call_cb){.txns = cb}, ctx);
    bool all = query->kind == JUNO_TXN_OTHER;

    CHECK(query->page_size >= 1 && query->page_size <= JUNO_ROWS_MAX);
    call->wanted = query->kind;
    call_target(call, "/mint_platform/v1/transactions?page=%u&size=%u%s%s", query->page,
                query->page_size, all ? "" : "&type=", all ? "" : juno_txn_kind_name(query->kind));
    queue_put(juno, call);
}

/* An identifier may be a stranger's (a webhook's, Juno's): a wrong one is an error, not a fault of ours. */
static bool call_takes_id(struct juno_call *call, const char *id, const char *what)
{
    call->refused = !juno_id_is_plain(id);
    if (call->refused)
        err_set(&call->err, ERR_PARAMS, "juno: not %s", what);
    return !call->refused;
}

void juno_transaction(struct juno *juno, const char *id, juno_txn_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_TXN, (union call_cb){.txn = cb}, ctx);

    if (call_takes_id(call, id, "a transaction id"))
        call_target(call, "/mint_platform/v1/transactions/%s", id);
    queue_put(juno, call);
}

void juno_balances(struct juno *juno, juno_balances_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_BALANCES, (union call_cb){.balances = cb}, ctx);

    call_target(call, "/mint_platform/v1/balances");
    queue_put(juno, call);
}

void juno_banks(struct juno *juno, juno_banks_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_BANKS, (union call_cb){.banks = cb}, ctx);

    call_target(call, "/mint_platform/v1/accounts/banks");
    queue_put(juno, call);
}

void juno_clabes(struct juno *juno, unsigned page, juno_clabes_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("GET", CALL_CLABES, (union call_cb){.clabes = cb}, ctx);

    CHECK(page >= 1);
    call_target(call, "/spei/v1/clabes?clabe_type=AUTO_PAYMENT&page=%u&page_size=%d", page,
                JUNO_ROWS_MAX);
    queue_put(juno, call);
}

/* ---- changes ---- */

struct amount_text {
    char text[32]; /* with its quotes where Juno is to get a JSON string */
};

/* Formatted from the integer; Juno's scale is the centavo. */
static struct amount_text amount_of(const struct juno *juno, int64_t units)
{
    const char *quote = queue_amount_as_number(juno) ? "" : "\"";
    int64_t centavos = units / UNITS_PER_CENTAVO;
    struct amount_text out;

    CHECK(units > 0 && units % UNITS_PER_CENTAVO == 0);
    snprintf(out.text, sizeof out.text, "%s%" PRId64 ".%02d%s", quote, centavos / 100,
             (int)(centavos % 100), quote);
    return out;
}

static void call_idem(struct juno_call *call, const struct uuid *idem)
{
    CHECK(!uuid_is_zero(idem));
    call->has_idem = true;
    uuid_format(idem, call->idem);
}

__attribute__((format(printf, 2, 3))) static void call_body(struct juno_call *call,
                                                            const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vasprintf(&call->body, format, args);
    va_end(args);
    CHECK(n > 0);
}

void juno_redeem(struct juno *juno, const struct juno_redeem *redeem, juno_op_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("POST", CALL_OP, (union call_cb){.op = cb}, ctx);

    /* Without a destination Juno pays the platform itself: such a body cannot be built here. */
    CHECK(redeem->bank_account_id != NULL);
    call->money = true;
    if (call_takes_id(call, redeem->bank_account_id, "a bank account id")) {
        call_idem(call, &redeem->idem);
        call_target(call, "/mint_platform/v1/redemptions");
        call_body(call, "{\"amount\":%s,\"destination_bank_account_id\":\"%s\",\"asset\":\"mxn\"}",
                  amount_of(juno, redeem->amount_units).text, redeem->bank_account_id);
    }
    queue_put(juno, call);
}

void juno_withdraw(struct juno *juno, const struct juno_withdraw *withdraw, juno_op_cb *cb,
                   void *ctx)
{
    struct juno_call *call = call_new("POST", CALL_OP, (union call_cb){.op = cb}, ctx);
    char address[HEX_ADDRESS_SIZE];

    hex_checksum_address(withdraw->address, address);
    call->money = true;
    call_idem(call, &withdraw->idem);
    call_target(call, "/mint_platform/v1/withdrawals");
    /* The empty travel_rule says "a wallet of our own"; it is required from 1000 EUR up and
     * accepted below, so it is always there and no exchange rate decides anything. */
    call_body(call,
              "{\"address\":\"%s\",\"amount\":%s,\"asset\":\"MXNB\",\"blockchain\":\"ARBITRUM\","
              "\"compliance\":{\"travel_rule\":{}}}",
              address, amount_of(juno, withdraw->amount_units).text);
    queue_put(juno, call);
}

void juno_bank_register(struct juno *juno, const struct juno_bank_register *bank, juno_bank_cb *cb,
                        void *ctx)
{
    struct juno_call *call = call_new("POST", CALL_BANK, (union call_cb){.bank = cb}, ctx);
    const char *ownership = bank->ownership == JUNO_COMPANY_OWNED ? "COMPANY_OWNED" : "THIRD_PARTY";
    json_t *json;

    call_idem(call, &bank->idem);
    call_target(call, "/mint_platform/v1/accounts/banks");
    json = json_pack("{s:s, s:s, s:s, s:s}", "tag", call->idem, "recipient_legal_name", bank->name,
                     "clabe", bank->clabe, "ownership", ownership);
    if (json == NULL) { /* jansson takes UTF-8 only */
        call->refused = true;
        err_set(&call->err, ERR_PARAMS, "juno: the beneficiary's name is not UTF-8");
    } else {
        call->body = json_dumps(json, JSON_COMPACT);
        CHECK(call->body != NULL);
        json_decref(json);
    }
    queue_put(juno, call);
}

void juno_clabe_create(struct juno *juno, juno_clabe_cb *cb, void *ctx)
{
    struct juno_call *call = call_new("POST", CALL_CLABE, (union call_cb){.clabe = cb}, ctx);

    call_target(call, "/mint_platform/v1/clabes");
    call_body(call, "{}");
    queue_put(juno, call);
}
