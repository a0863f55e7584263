/* Transactions: what we signed, decoded again from the stored bytes, and what the chain made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "relayer/api/groups.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/store/lane.h"

enum { SENTENCE_MAX = 512 };

static json_t *address_json(const uint8_t address[20])
{
    char text[43];
    hex_checksum_address(address, text);
    return json_string(text);
}

static json_t *escrow_json(const struct escrow_call *call)
{
    json_t *items = json_array();
    int64_t total = 0;
    bool creates = call->kind == ESCROW_CREATE || call->kind == ESCROW_CREATE_MANY;
    for (size_t i = 0; i < call->n; i++) {
        const struct escrow_terms *terms = &call->terms[i];
        if (!creates) {
            json_array_append_new(items,
                                  json_pack("{s:o}", "escrow_id", answer_hex(call->ids[i], 32)));
            continue;
        }
        total += (int64_t)terms->amount_units;
        json_array_append_new(
            items, json_pack("{s:o, s:o, s:o, s:b, s:o}", "escrow_id", answer_hex(terms->id, 32),
                             "amount", answer_units((int64_t)terms->amount_units), "custody_end",
                             answer_time_ms((int64_t)terms->custody_end * 1000), "lock",
                             terms->lock, "terms", answer_hex(terms->terms, 32)));
    }
    json_t *answer =
        json_pack("{s:s, s:s, s:I, s:o}", "contract", "KustodiaEscrow", "function",
                  escrow_call_name(call->kind), "count", (json_int_t)call->n, "items", items);
    if (creates)
        json_object_set_new(answer, "total", answer_units(total));
    if (call->kind == ESCROW_RESOLVE_SPLIT)
        json_object_set_new(answer, "buyer_amount", answer_units((int64_t)call->buyer_units));
    return answer;
}

/* The call in the words of our two contracts, or null for another one. */
static json_t *call_json(struct bytes data)
{
    struct escrow_call *escrow = mem_new(sizeof *escrow);
    struct mxnb_call token;
    json_t *answer = json_null();
    if (escrow_call_decode(data, escrow))
        answer = escrow_json(escrow);
    else if (mxnb_call_decode(data, &token))
        answer = json_pack("{s:s, s:s, s:o, s:o}", "contract", "MXNB", "function",
                           mxnb_call_name(token.kind), "to", address_json(token.to), "amount",
                           answer_units((int64_t)token.amount_units));
    free(escrow);
    return answer;
}

static void add_decoded(json_t *tx, struct db_result *res)
{
    uint8_t *raw = mem_new(LANE_RAW_MAX);
    size_t n = 0;
    struct tx decoded;
    uint8_t sender[20];
    CHECK(db_get_blob(res, 0, 0, (int)READ_TX.fields_n - 1, raw, LANE_RAW_MAX, &n));
    enum tx_error trouble = tx_decode_signed((struct bytes){raw, n}, &decoded);
    if (trouble == TX_OK && tx_sender(&decoded, sender)) {
        json_object_set_new(tx, "from", address_json(sender));
        json_object_set_new(tx, "call", call_json(decoded.data));
    } else {
        json_object_set_new(tx, "call", json_null());
        json_object_set_new(
            tx, "trouble",
            json_sprintf("the stored bytes do not decode: %s", tx_error_text(trouble)));
    }
    free(raw);
}

static json_t *tx_json(struct call *call, struct db_result *res, struct err *e)
{
    bool ours = db_rows(res, 0) > 0;
    if (!ours && db_rows(res, 2) == 0) {
        err_set(e, ERR_NOT_FOUND,
                "tx_hash: %.66s is neither ours nor has it moved our tokens or escrows",
                call_text(call, "tx_hash"));
        return NULL;
    }
    json_t *tx =
        ours ? answer_row(res, 0, 0, &READ_TX)
             : json_pack("{s:s, s:s}", "tx_hash", call_text(call, "tx_hash"), "state", "seen");
    json_object_set_new(tx, "ours", json_boolean(ours));
    if (ours)
        add_decoded(tx, res);
    json_object_set_new(tx, "effects", answer_rows(res, 1, &READ_TX_EFFECTS));
    json_object_set_new(tx, "logs", answer_rows(res, 2, &READ_TX_LOGS));
    return tx;
}

static void find(struct call *call,
                 json_t *(*compose)(struct call *, struct db_result *, struct err *))
{
    static const struct read *const READS[] = {&READ_TX, &READ_TX_EFFECTS, &READ_TX_LOGS};
    uint8_t hash[32];
    CHECK(call_hash(call, "tx_hash", hash));
    struct db_script *script = db_script_new();
    for (size_t i = 0; i < sizeof READS / sizeof READS[0]; i++)
        db_bytes(read_add(script, READS[i]), hash, sizeof hash);
    call_read(call, script, compose);
}

void tx_get(struct call *call)
{
    find(call, tx_json);
}

static json_t *list_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *rows = answer_rows(res, 0, &READ_TXS);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) json_object_del(row, "raw");
    return json_pack("{s:o}", "transactions", rows);
}

void tx_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_TXS);
    call_bind_text(stmt, call, "state");
    call_bind_limit(stmt, call);
    call_read(call, script, list_answer);
}

/* --- in words ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "unknown";
}

static void say(json_t *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(json_t *words, const char *format, ...)
{
    char text[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(words, json_string(text));
}

static void say_call(json_t *words, const json_t *tx)
{
    if (!json_is_true(json_object_get(tx, "ours"))) {
        say(words, "We did not send this transaction; we saw its logs.");
        return;
    }
    if (strcmp(text_of(tx, "kind"), "cancel") == 0) {
        say(words, "It carries nothing: it takes the nonce of a call that an operator cancelled.");
        return;
    }
    const json_t *call = json_object_get(tx, "call");
    const char *function = text_of(call, "function");
    const char *total = json_string_value(json_object_get(call, "total"));
    say(words, "The %s key %s sent it with nonce %lld.", text_of(tx, "lane"), text_of(tx, "from"),
        (long long)json_integer_value(json_object_get(tx, "nonce")));
    if (json_object_get(call, "count") != NULL)
        say(words, "It calls %s of the escrow contract for %lld escrow(s)%s%s%s.", function,
            (long long)json_integer_value(json_object_get(call, "count")),
            total != NULL ? ", together " : "", total != NULL ? total : "",
            total != NULL ? " MXNB" : "");
    else if (json_is_object(call))
        say(words, "It calls %s of the MXNB token: %s MXNB, %s.", function, text_of(call, "amount"),
            text_of(call, "to"));
    else
        say(words, "Its call is none of our contracts' functions.");
}

static void say_fate(json_t *words, const json_t *tx)
{
    static const struct {
        const char *state, *words;
    } FATES[] = {
        {"armed", "Its signed bytes are stored; it was not sent yet."},
        {"sent", "It was sent; no block holds it yet."},
        {"mined", "A block holds it; it is not final by the policy yet."},
        {"final", "It is final by the policy."},
        {"reverted", "It was mined and failed: it changed nothing but its fee."},
        {"lost", "It can never be mined: its nonce went to another transaction."},
        {"replaced", "Another version of it with the same nonce counts instead."},
        {"seen", "Its logs stand in a block."},
    };
    const char *state = text_of(tx, "state");
    for (size_t i = 0; i < sizeof FATES / sizeof FATES[0]; i++) {
        if (strcmp(FATES[i].state, state) == 0)
            say(words, "%s", FATES[i].words);
    }
    const json_t *block = json_object_get(tx, "block");
    if (json_is_integer(block))
        say(words, "Block %lld (%s); gas used %lld, fee %s wei.",
            (long long)json_integer_value(block), text_of(tx, "block_hash"),
            (long long)json_integer_value(json_object_get(tx, "gas_used")), text_of(tx, "fee_wei"));
    if (json_is_string(json_object_get(tx, "last_error")))
        say(words, "Last trouble: %.300s", text_of(tx, "last_error"));
}

static void say_proofs(json_t *words, const json_t *tx)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(tx, "effects"), i, item)
        say(words, "Effect %s (%s) of payment %s: %s MXN.", text_of(item, "kind"),
            text_of(item, "state"), text_of(item, "payment_id"), text_of(item, "amount"));
    json_array_foreach(json_object_get(tx, "logs"), i, item)
        say(words, "Log %lld: %s in block %lld (%s), %s.",
            (long long)json_integer_value(json_object_get(item, "log_index")),
            text_of(item, "event"), (long long)json_integer_value(json_object_get(item, "block")),
            text_of(item, "level"),
            json_is_string(json_object_get(item, "final_at")) ? "final" : "not final yet");
}

static json_t *explain_answer(struct call *call, struct db_result *res, struct err *e)
{
    json_t *tx = tx_json(call, res, e);
    if (tx == NULL)
        return NULL;
    json_t *words = json_array();
    say_call(words, tx);
    say_fate(words, tx);
    say_proofs(words, tx);
    json_t *answer = json_pack("{s:O, s:O, s:o}", "tx_hash", json_object_get(tx, "tx_hash"),
                               "state", json_object_get(tx, "state"), "words", words);
    json_decref(tx);
    return answer;
}

void tx_explain(struct call *call)
{
    find(call, explain_answer);
}
