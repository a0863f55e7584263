/* Juno's answers: good ones are read, every spoiled field is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/juno/answer.h"

#define DEPOSIT                                                                                    \
    "{\"fid\":\"f-1\",\"receiver_clabe\":\"710969000000000012\",\"amount\":\"1000.50\","           \
    "\"status\":\"complete\",\"created_at\":\"2026-11-21T04:34:54+00:00\",\"clave_rastreo\":"      \
    "\"KEY1\",\"sender_clabe\":\"032180000118359719\",\"deposit_type\":\"SPEI\","                  \
    "\"refunded_withdrawal\":null}"
#define TXN                                                                                        \
    "{\"id\":\"t-1\",\"transaction_type\":\"REDEMPTION\",\"amount\":\"300\",\"summary_status\":"   \
    "\"IN_PROGRESS\",\"created_at\":null,\"updated_at\":\"2026-11-21T04:34:54Z\",\"details\":"     \
    "{\"fid\":\"f-1\",\"clave_rastreo\":\"KEY\",\"cep_link\":\"https://x\"}}"
#define BANK "{\"id\":\"b-1\",\"clabe\":\"032180000118359719\",\"recipient_legal_name\":\"N\"}"
#define CLABE "{\"clabe\":\"710969000000000012\",\"type\":\"AUTO_PAYMENT\",\"status\":\"ENABLED\"}"

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(json);
    return json;
}

static struct juno_deposits deposits;
static struct juno_txns txns;

static bool read_deposit(json_t *json, struct err *err)
{
    json_t *page = json_pack("{s:[O]}", "response", json);
    bool ok = juno_read_deposits(page, &deposits, err);

    json_decref(page);
    return ok;
}

static bool read_txn(json_t *json, struct err *err)
{
    json_t *page = json_pack("{s:[O]}", "content", json);
    bool ok = juno_read_txns(page, &txns, err);

    json_decref(page);
    return ok;
}

static bool read_bank(json_t *json, struct err *err)
{
    struct juno_bank bank;

    return juno_read_bank(json, &bank, err);
}

static bool read_clabe(json_t *json, struct err *err)
{
    struct juno_clabe clabe;

    return juno_read_clabe(json, &clabe, err);
}

static void reads_deposits(void **state)
{
    json_t *json = json_of(DEPOSIT);
    struct err err = {0};

    (void)state;
    assert_true(read_deposit(json, &err));
    assert_int_equal(deposits.n, 1);
    assert_string_equal(deposits.row[0].fid, "f-1");
    assert_int_equal(deposits.row[0].amount_centavos, 100050);
    assert_int_equal(deposits.row[0].state, JUNO_COMPLETE);
    assert_string_equal(deposits.row[0].tracking_key, "KEY1");
    assert_string_equal(deposits.row[0].sender_masked, "032***9719");
    assert_false(deposits.row[0].is_refund);
    json_object_set_new(json, "clave_rastreo", json_string("odd key \n"));
    assert_true(read_deposit(json, &err)); /* written by a stranger's bank: left out */
    assert_string_equal(deposits.row[0].tracking_key, "");
    json_object_set_new(json, "deposit_type", json_string("REFUND_CREDITED_WITHDRAWAL"));
    json_object_set_new(json, "refunded_withdrawal", json_pack("{s:s}", "transaction_id", "t-9"));
    assert_true(read_deposit(json, &err));
    assert_true(deposits.row[0].is_refund);
    assert_string_equal(deposits.row[0].refund_of, "t-9");
    json_decref(json);
}

static void reads_states_and_their_synonyms(void **state)
{
    static const struct {
        const char *word;
        enum juno_state state;
        bool unknown;
    } words[] = {
        {"PENDING", JUNO_OPEN, false},
        {"in_progress", JUNO_OPEN, false},
        {"PROCESSING", JUNO_OPEN, false},
        {"COMPLETE", JUNO_COMPLETE, false},
        {"Completed", JUNO_COMPLETE, false},
        {"SUCCEEDED", JUNO_COMPLETE, false},
        {"FAILED", JUNO_FAILED, false},
        {"cancelled", JUNO_FAILED, false},
        {"RETURNED", JUNO_RETURNED, false},
        {"HELD_FOR_REVIEW", JUNO_OPEN, true},
        {"", JUNO_OPEN, true},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        json_t *json = json_of(TXN);

        json_object_set_new(json, "summary_status", json_string(words[i].word));
        assert_true(read_txn(json, &err));
        assert_int_equal(txns.row[0].state, words[i].state);
        assert_int_equal(txns.row[0].unknown_state, words[i].unknown);
        json_decref(json);
    }
}

static void takes_dust_and_strange_kinds(void **state)
{
    json_t *json = json_of(TXN);
    struct err err = {0};

    (void)state;
    /* Anybody can send one unit to the deposit address: that must not stop the list. */
    json_object_set_new(json, "amount", json_string("1e-6"));
    assert_true(read_txn(json, &err));
    assert_int_equal(txns.row[0].amount_units, 1);
    json_object_set_new(json, "transaction_type", json_string("CONVERSION"));
    json_object_set_new(json, "amount", json_string("0.123456789"));
    assert_true(read_txn(json, &err));
    assert_int_equal(txns.row[0].kind, JUNO_TXN_OTHER);
    json_decref(json);
}

static void tells_a_return_from_a_failure(void **state)
{
    json_t *json = json_of(TXN);
    struct err err = {0};

    (void)state;
    json_object_set_new(json, "summary_status", json_string("FAILED"));
    json_object_set_new(json, "timeline", json_pack("[{s:s}]", "step", "Refused by the bank"));
    assert_true(read_txn(json, &err));
    assert_int_equal(txns.row[0].state, JUNO_FAILED);
    json_object_set_new(json, "timeline", json_pack("[{s:s}]", "step", "Payment returned"));
    assert_true(read_txn(json, &err));
    assert_int_equal(txns.row[0].state, JUNO_RETURNED);
    json_decref(json);
}

/* `bad` NULL: the field is taken away. */
static void spoil(const char *text, const char *key, const char *bad,
                  bool (*read)(json_t *, struct err *))
{
    json_t *json = json_of(text);
    struct err err = {0};

    assert_true(read(json, &err));
    if (bad == NULL)
        json_object_del(json, key);
    else
        json_object_set_new(json, key, json_of(bad));
    if (read(json, &err))
        fail_msg("%s with %s was taken", key, bad == NULL ? "nothing" : bad);
    assert_int_equal(err.code, ERR_JUNO_ANSWER);
    json_decref(json);
}

static void refuses_each_spoiled_field(void **state)
{
    static const char *const ids[] = {
        NULL,
        "\"\"",
        "\"a/b\"",
        "\"a b\"",
        "[]",
        "\"a\\u00e9\"",
        "\"0123456789012345678901234567890123456789012345678901234567890123\""};
    static const char *const clabes[] = {
        NULL, "\"\"", "\"71096900000000001\"", "\"7109690000000000123\"", "\"71096900000000001x\"",
        "{}"};
    static const char *const amounts[] = {
        NULL, "\"-1\"", "\"1.001\"", "\"1,00\"", "\"\"", "true", "\"99999999999999999\""};

    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        spoil(DEPOSIT, "fid", ids[i], read_deposit);
        spoil(TXN, "id", ids[i], read_txn);
        spoil(BANK, "id", ids[i], read_bank);
    }
    for (size_t i = 0; i < sizeof clabes / sizeof clabes[0]; i++) {
        spoil(DEPOSIT, "receiver_clabe", clabes[i], read_deposit);
        spoil(BANK, "clabe", clabes[i], read_bank);
        spoil(CLABE, "clabe", clabes[i], read_clabe);
    }
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        spoil(DEPOSIT, "amount", amounts[i], read_deposit);
        if (i != 2) /* three decimals are fine for tokens */
            spoil(TXN, "amount", amounts[i], read_txn);
    }
    spoil(TXN, "amount", "\"1.0000001\"", read_txn);
    spoil(DEPOSIT, "status", NULL, read_deposit);
    spoil(TXN, "summary_status", "null", read_txn);
    spoil(TXN, "transaction_type", NULL, read_txn);
    spoil(DEPOSIT, "created_at", "\"yesterday\"", read_deposit);
    spoil(TXN, "details", "{\"fid\":\"../x\"}", read_txn);
    spoil(TXN, "details", "{\"tx_hash\":\"0x12\"}", read_txn);
}

static void refuses_pages_that_are_none(void **state)
{
    static const char *const pages[] = {
        "null", "{}", "{\"content\":{}}", "\"rows\"", "{\"response\":[1]}", "[[]]"};
    json_t *many = json_array(), *row = json_of(DEPOSIT);
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        json_t *page = json_of(pages[i]);

        assert_false(juno_read_deposits(page, &deposits, &err));
        assert_int_equal(err.code, ERR_JUNO_ANSWER);
        json_decref(page);
    }
    for (int i = 0; i < JUNO_ROWS_MAX; i++)
        json_array_append(many, row);
    assert_true(juno_read_deposits(many, &deposits, &err));
    json_array_append(many, row);
    assert_false(juno_read_deposits(many, &deposits, &err));
    json_decref(many);
    json_decref(row);
}

static void reads_balances(void **state)
{
    json_t *good = json_of("{\"balances\":[{\"asset\":\"MXNBJ\",\"balance\":\"1.5\"},"
                           "{\"asset\":\"btc\",\"balance\":\"0.123456789\"},"
                           "{\"asset\":\"mxn\",\"balance\":\"7\"}]}");
    json_t *twice = json_of("{\"balances\":[{\"asset\":\"mxnb\",\"balance\":\"1\"},"
                            "{\"asset\":\"mxnbj\",\"balance\":\"1\"}]}");
    struct juno_balances balances;
    struct err err = {0};

    (void)state;
    assert_true(juno_read_balances(good, &balances, &err));
    assert_true(balances.has_mxnb && balances.has_mxn);
    assert_int_equal(balances.mxnb_units, 1500000);
    assert_int_equal(balances.mxn_centavos, 700);
    assert_false(juno_read_balances(twice, &balances, &err));
    json_decref(good);
    json_decref(twice);
}

/* Every prefix of a good answer is refused: a cut reply never looks whole. */
static void refuses_every_cut(void **state)
{
    static const char whole[] = "{\"success\":true,\"payload\":{\"content\":[" TXN "]}}";
    struct juno_answer answer;
    struct err err = {0};

    (void)state;
    for (size_t n = 0; n + 1 < sizeof whole; n++)
        assert_false(juno_answer_parse(whole, n, &answer, &err));
    assert_true(juno_answer_parse(whole, sizeof whole - 1, &answer, &err));
    assert_true(answer.success);
    juno_answer_free(&answer);
}

static void keeps_numbers_exact(void **state)
{
    static const char text[] =
        "{\"success\":true,\"payload\":{\"id\":\"t\",\"transaction_type\":"
        "\"ISSUANCE\",\"amount\":8999999999.999999,\"status\":\"COMPLETE\"}}";
    struct juno_answer answer;
    struct juno_txn txn;
    struct err err = {0};

    (void)state;
    assert_true(juno_answer_parse(text, strlen(text), &answer, &err));
    assert_true(juno_read_txn(answer.payload, &txn, &err));
    assert_int_equal(txn.amount_units, 8999999999999999);
    juno_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_deposits),
        cmocka_unit_test(reads_states_and_their_synonyms),
        cmocka_unit_test(takes_dust_and_strange_kinds),
        cmocka_unit_test(tells_a_return_from_a_failure),
        cmocka_unit_test(refuses_each_spoiled_field),
        cmocka_unit_test(refuses_pages_that_are_none),
        cmocka_unit_test(reads_balances),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(keeps_numbers_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
