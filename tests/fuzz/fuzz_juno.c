/* Juno's answers (relayer/juno/answer.h): numbers never pass through a double, identifiers are plain, amounts
 * are in range, a list is taken whole or not at all. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/juno/answer.h"
#include "tests/fuzz/fuzz.h"

enum { BANKS_ARENA_BYTES = JUNO_BANKS_MAX * sizeof(struct juno_bank) + 4096 };

static void refused_well(const struct err *err)
{
    HOLDS(err->code == ERR_JUNO_ANSWER && err->message[0] != '\0');
}

static void is_plain_or_empty(const char text[JUNO_ID_MAX])
{
    HOLDS(memchr(text, '\0', JUNO_ID_MAX) != NULL);
    HOLDS(text[0] == '\0' || juno_id_is_plain(text));
}

static void is_clabe(const char text[JUNO_CLABE_SIZE])
{
    HOLDS(strlen(text) == 18 && strspn(text, "0123456789") == 18);
}

static bool has_number(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    json_object_foreach((json_t *)value, key, member)
        if (has_number(member))
            return true;
    json_array_foreach(value, i, member)
        if (has_number(member))
            return true;
    return json_is_number(value);
}

/* After quoting nothing is a number; what was JSON before still is. */
static void quote_check(const char *text, size_t n)
{
    size_t cap = 2 * n + 4, quoted_n = 0;
    char *quoted = malloc(cap);
    json_t *before = json_loadb(text, n, JSON_DECODE_ANY, NULL), *after;

    HOLDS(quoted != NULL);
    if (json_quote_numbers(text, n, quoted, cap, &quoted_n)) {
        HOLDS(quoted_n < cap && quoted[quoted_n] == '\0');
        after = json_loadb(quoted, quoted_n, JSON_DECODE_ANY, NULL);
        HOLDS(!has_number(after) && (before == NULL || after != NULL));
        json_decref(after);
        HOLDS(!json_quote_numbers(text, n, quoted, quoted_n, &quoted_n));
    } else {
        /* jansson passes over a NUL right behind a number; the quoting does not. */
        HOLDS(before == NULL || memchr(text, '\0', n) != NULL);
    }
    json_decref(before);
    free(quoted);
}

static void deposits_check(const json_t *payload)
{
    static struct juno_deposits deposits;
    struct err err = {0};

    if (!juno_read_deposits(payload, &deposits, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(deposits.n <= JUNO_ROWS_MAX && deposits.n <= deposits.rows_seen);
    for (size_t i = 0; i < deposits.n; i++) {
        const struct juno_deposit *d = &deposits.row[i];

        HOLDS(juno_id_is_plain(d->fid));
        is_clabe(d->clabe);
        is_plain_or_empty(d->tracking_key);
        is_plain_or_empty(d->refund_of);
        HOLDS(d->amount_centavos >= 0 && d->state <= JUNO_RETURNED);
        HOLDS(!d->unknown_state || d->state == JUNO_OPEN);
        HOLDS(strlen(d->sender_masked) < sizeof d->sender_masked);
        HOLDS(d->is_refund || d->refund_of[0] == '\0');
    }
}

static void txn_check(const struct juno_txn *t)
{
    HOLDS(juno_id_is_plain(t->id));
    is_plain_or_empty(t->fid);
    is_plain_or_empty(t->tracking_key);
    is_plain_or_empty(t->bank_account_id);
    HOLDS(t->amount_units >= 0 && t->state <= JUNO_RETURNED);
    HOLDS(!t->unknown_state || t->state == JUNO_OPEN);
    HOLDS(strlen(t->cep_url) < JUNO_URL_MAX);
    HOLDS(juno_txn_kind_name(t->kind)[0] != '\0');
}

static void txns_check(const json_t *payload)
{
    static struct juno_txns txns;
    static struct juno_txn txn;
    struct err err = {0};

    if (juno_read_txns(payload, &txns, &err)) {
        HOLDS(txns.n <= JUNO_ROWS_MAX && txns.n <= txns.rows_seen);
        for (size_t i = 0; i < txns.n; i++)
            txn_check(&txns.row[i]);
    } else {
        refused_well(&err);
    }
    if (juno_read_txn(payload, &txn, &err))
        txn_check(&txn);
}

static void banks_check(const json_t *payload)
{
    struct arena *arena = arena_new(BANKS_ARENA_BYTES);
    struct juno_banks banks;
    struct juno_bank bank;
    struct err err = {0};

    if (juno_read_banks(payload, arena, &banks, &err)) {
        HOLDS(banks.n <= JUNO_BANKS_MAX);
        for (size_t i = 0; i < banks.n; i++)
            is_clabe(banks.row[i].clabe);
    } else {
        refused_well(&err);
    }
    if (juno_read_bank(payload, &bank, &err)) {
        HOLDS(juno_id_is_plain(bank.id) && strlen(bank.name) < JUNO_NAME_MAX);
        HOLDS(strlen(bank.tag) < JUNO_ID_MAX);
        is_clabe(bank.clabe);
    }
    arena_free(arena);
}

static void rest_check(const json_t *payload)
{
    static struct juno_clabes clabes;
    struct juno_balances balances;
    struct juno_clabe clabe;
    struct juno_op op;
    struct err err = {0};

    if (juno_read_clabes(payload, &clabes, &err))
        for (size_t i = 0; i < clabes.n; i++)
            is_clabe(clabes.row[i].clabe);
    if (juno_read_clabe(payload, &clabe, &err))
        is_clabe(clabe.clabe);
    if (juno_read_balances(payload, &balances, &err)) {
        HOLDS(!balances.has_mxnb || balances.mxnb_units >= 0);
        HOLDS(!balances.has_mxn || balances.mxn_centavos >= 0);
    }
    if (juno_read_op(payload, &op, &err))
        HOLDS(juno_id_is_plain(op.id) && op.state <= JUNO_RETURNED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct juno_answer answer;
    struct err err = {0};

    quote_check((const char *)data, n);
    if (!juno_answer_parse((const char *)data, n, &answer, &err)) {
        refused_well(&err);
        return 0;
    }
    HOLDS(!has_number(answer.document));
    HOLDS(answer.success == (answer.payload != NULL) || !answer.success);
    HOLDS(memchr(answer.message, '\0', JUNO_TEXT_MAX) != NULL);
    HOLDS(strlen(answer.code) < sizeof answer.code);
    if (answer.payload != NULL) {
        deposits_check(answer.payload);
        txns_check(answer.payload);
        banks_check(answer.payload);
        rest_check(answer.payload);
    }
    juno_answer_free(&answer);
    return 0;
}
