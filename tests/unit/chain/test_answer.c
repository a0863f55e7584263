/* Node answers: good ones are read, every other one is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/chain/answer.h"

#define H32 "0x1111111111111111111111111111111111111111111111111111111111111111"
#define Z32 "00000000000000000000000000000000"
#define G32 "0x2222222222222222222222222222222222222222222222222222222222222222"
#define A20 "0x3333333333333333333333333333333333333333"

#define BLOCK                                                                                      \
    "{\"number\":\"0x10\",\"hash\":\"" H32 "\",\"parentHash\":\"" G32                              \
    "\",\"timestamp\":\"0x65\",\"baseFeePerGas\":\"0x5f5e100\",\"l1BlockNumber\":\"0x1\"}"
#define LOG                                                                                        \
    "{\"address\":\"" A20 "\",\"topics\":[\"" H32 "\",\"" G32 "\"],\"data\":\"0x0102\","           \
    "\"blockNumber\":\"0x10\",\"blockHash\":\"" G32 "\",\"transactionHash\":\"" H32                \
    "\",\"logIndex\":\"0x3\",\"removed\":false}"
#define RECEIPT                                                                                    \
    "{\"transactionHash\":\"" H32 "\",\"status\":\"0x1\",\"blockNumber\":\"0x10\",\"blockHash\":"  \
    "\"" G32 "\",\"transactionIndex\":\"0x2\",\"from\":\"" A20 "\",\"gasUsed\":\"0x5208\","        \
    "\"effectiveGasPrice\":\"0x3b9aca00\",\"logs\":[" LOG "],\"gasUsedForL1\":\"0x1\"}"
#define TX                                                                                         \
    "{\"hash\":\"" H32 "\",\"from\":\"" A20 "\",\"to\":null,\"nonce\":\"0x7\",\"gas\":\"0x5208\"," \
    "\"value\":\"0x0\",\"input\":\"0xdeadbeef\",\"type\":\"0x2\",\"maxFeePerGas\":\"0x64\","       \
    "\"maxPriorityFeePerGas\":\"0x1\",\"gasPrice\":\"0x32\",\"blockHash\":\"" G32                  \
    "\",\"blockNumber\":\"0x10\"}"

static struct arena *arena;

static int arena_up(void **state)
{
    (void)state;
    arena = arena_new(CHAIN_ARENA_BYTES_MAX);
    return 0;
}

static int arena_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool parse(const char *text, size_t n, struct chain_answer *answer, struct err *err)
{
    *err = (struct err){0};
    return answer_parse(text, strlen(text), 7, n, answer, err);
}

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    assert_non_null(json);
    return json;
}

static void reads_a_single_answer(void **state)
{
    struct chain_answer answer;
    struct err err;
    uint64_t value;

    (void)state;
    assert_true(parse("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0xa4b1\"}", 1, &answer, &err));
    assert_true(answer_u64(answer.reply[0].result, &value, &err));
    assert_int_equal(value, 42161);
    answer_free(&answer);
}

static void reads_a_batch_in_any_order(void **state)
{
    struct chain_answer answer;
    struct err err;
    uint64_t value;

    (void)state;
    assert_true(parse(
        "[{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0x8\"},"
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":\"a\\u0007b\"}}]",
        2, &answer, &err));
    assert_null(answer.reply[0].result);
    assert_int_equal(answer.reply[0].error_code, -32000);
    assert_string_equal(answer.reply[0].error_text, "a?b");
    assert_true(answer_u64(answer.reply[1].result, &value, &err));
    assert_int_equal(value, 8);
    answer_free(&answer);
}

static void spreads_one_error_over_a_batch(void **state)
{
    struct chain_answer answer;
    struct err err;

    (void)state;
    assert_true(
        parse("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,\"message\":\"limit\"}}",
              2, &answer, &err));
    assert_string_equal(answer.reply[0].error_text, "limit");
    assert_string_equal(answer.reply[1].error_text, "limit");
    answer_free(&answer);
}

static void keeps_revert_data(void **state)
{
    static const char *const cases[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":3,\"message\":\"execution reverted\","
        "\"data\":\"0x08c379a0\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":\"execution "
        "reverted\","
        "\"data\":{\"data\":\"0x08c379a0\"}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32015,\"message\":\"VM execution "
        "reverted\","
        "\"data\":\"Reverted 0x08c379a0\"}}",
    };
    struct chain_answer answer;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(parse(cases[i], 1, &answer, &err));
        assert_true(answer.reply[0].reverted);
        assert_int_equal(answer.reply[0].revert_n, 4);
        assert_memory_equal(answer.reply[0].revert, "\x08\xc3\x79\xa0", 4);
        answer_free(&answer);
    }
}

/* Nodes show revert data as text too, and text of bytes may hold a NUL; a value with one is refused. */
static void takes_a_nul_in_a_message_only(void **state)
{
    static const char MESSAGE[] =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":3,\"message\":\"execution reverted: "
        "a\\u0000b\",\"data\":\"0xdeadbeef\"}}";
    static const char VALUE[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\\u00002\"}";
    struct chain_answer answer;
    struct err err;
    uint64_t number = 0;

    (void)state;
    assert_true(answer_parse(MESSAGE, sizeof MESSAGE - 1, 7, 1, &answer, &err));
    assert_true(answer.reply[0].reverted);
    assert_int_equal(answer.reply[0].revert_n, 4);
    answer_free(&answer);
    assert_true(answer_parse(VALUE, sizeof VALUE - 1, 7, 1, &answer, &err));
    assert_false(answer_u64(answer.reply[0].result, &number, &err));
    answer_free(&answer);
}

static void cuts_long_revert_data(void **state)
{
    size_t digits = 4 * CHAIN_REVERT_BYTES_MAX, n;
    char *text = calloc(1, digits + 256);
    struct chain_answer answer;
    struct err err;

    (void)state;
    n = (size_t)snprintf(
        text, digits + 256, "%s",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":3,\"message\":\"m\",\"data\":\"0x");
    memset(text + n, 'a', digits);
    memcpy(text + n + digits, "\"}}", 4);
    assert_true(parse(text, 1, &answer, &err));
    assert_int_equal(answer.reply[0].revert_n, CHAIN_REVERT_BYTES_MAX);
    answer_free(&answer);
    free(text);
}

static void refuses_broken_envelopes(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"", 1},
        {"<html>502 Bad Gateway</html>", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"} x", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\",\"result\":\"0x2\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"1.0\",\"id\":7,\"result\":\"0x1\"}", 1},
        {"{\"id\":7,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":\"no\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":\"x\",\"message\":\"m\"}}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":99,\"error\":{\"code\":1,\"message\":\"m\"}}", 1},
        {"[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}]", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}", 2},
        {"[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}]", 2},
        {"[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"},{\"jsonrpc\":\"2.0\",\"id\":7,"
         "\"result\":\"0x1\"}]",
         2},
        {"[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"},{\"jsonrpc\":\"2.0\",\"id\":9,"
         "\"result\":\"0x1\"}]",
         2},
        {"[1,2]", 2},
        {"7", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999999,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1e999}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":NaN}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":-Infinity}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"\xff\xfe\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"\xc0\x80\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"\\ud800\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":[1,]}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":1,\"b\":{\"c\":1,\"c\":2}}}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7.0,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":-7,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":[7],\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":2.0,\"id\":7,\"result\":\"0x1\"}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\",\"error\":{\"code\":1,\"message\":"
         "\"nonce too low\"}}",
         1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1.5,\"message\":\"m\"}}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1}}", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":[1,\"m\"]}", 1},
        {"[]", 2},
        {"[[],[]]", 2},
        {"null", 1},
    };
    struct chain_answer answer;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(parse(cases[i].text, cases[i].n, &answer, &err));
        assert_int_equal(err.code, ERR_CHAIN_ANSWER);
        assert_true(err.message[0] != '\0');
    }
}

/* Every prefix of a good answer is refused: a cut reply never looks whole. */
static void refuses_every_cut(void **state)
{
    static const char whole[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":" RECEIPT "}";
    struct chain_answer answer;
    struct err err;

    (void)state;
    for (size_t n = 0; n + 1 < sizeof whole; n++)
        assert_false(answer_parse(whole, n, 7, 1, &answer, &err));
    assert_true(answer_parse(whole, sizeof whole - 1, 7, 1, &answer, &err));
    answer_free(&answer);
}

/* Deep inside a whole envelope too, by arrays and by objects. */
static void survives_depth_inside_an_answer(void **state)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":";
    static const char *const parts[] = {"[", "{\"a\":"};
    size_t n = 90000;

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        char *text = malloc(sizeof head + n * strlen(parts[p]));
        struct chain_answer answer;
        struct err err;
        size_t at = sizeof head - 1;

        memcpy(text, head, at);
        for (size_t i = 0; i < n; i++, at += strlen(parts[p]))
            memcpy(text + at, parts[p], strlen(parts[p]));
        assert_false(answer_parse(text, at, 7, 1, &answer, &err));
        assert_int_equal(err.code, ERR_CHAIN_ANSWER);
        free(text);
    }
}

static void survives_depth(void **state)
{
    size_t n = 1000000;
    char *text = malloc(n);
    struct chain_answer answer;
    struct err err;

    (void)state;
    memset(text, '[', n);
    assert_false(answer_parse(text, n, 7, 1, &answer, &err));
    assert_int_equal(err.code, ERR_CHAIN_ANSWER);
    free(text);
}

static void reads_a_block(void **state)
{
    json_t *json = json_of(BLOCK), *none = json_of("null");
    struct chain_block block;
    struct err err;
    uint64_t fee;

    (void)state;
    assert_true(answer_block(json, &block, &err));
    assert_true(block.present && block.has_base_fee);
    assert_int_equal(block.number, 16);
    assert_int_equal(block.time, 101);
    assert_int_equal(block.hash[0], 0x11);
    assert_int_equal(block.parent[31], 0x22);
    assert_true(u256_to_u64(&block.base_fee, &fee));
    assert_int_equal(fee, 100000000);
    assert_true(answer_block(none, &block, &err));
    assert_false(block.present);
    json_decref(json);
    json_decref(none);
}

static void reads_a_receipt_with_its_log(void **state)
{
    json_t *json = json_of(RECEIPT);
    struct chain_receipt receipt;
    struct err err;

    (void)state;
    assert_true(answer_receipt(json, arena, &receipt, &err));
    assert_true(receipt.present && receipt.succeeded);
    assert_int_equal(receipt.gas_used, 21000);
    assert_int_equal(receipt.tx_index, 2);
    assert_int_equal(receipt.logs.n, 1);
    assert_int_equal(receipt.logs.log[0].topics_n, 2);
    assert_int_equal(receipt.logs.log[0].log_index, 3);
    assert_int_equal(receipt.logs.log[0].data.n, 2);
    assert_memory_equal(receipt.logs.log[0].data.p, "\x01\x02", 2);
    assert_false(receipt.logs.log[0].removed);
    json_decref(json);
}

static void reads_a_transaction(void **state)
{
    json_t *json = json_of(TX);
    struct chain_tx tx;
    struct err err;

    (void)state;
    assert_true(answer_tx(json, arena, &tx, &err));
    assert_true(tx.present && tx.has_block && !tx.has_to);
    assert_int_equal(tx.nonce, 7);
    assert_int_equal(tx.type, 2);
    assert_int_equal(tx.input.n, 4);
    json_decref(json);
}

/* Each field of each object, spoiled in turn in each way, must be noticed. */
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
    if (read(json, &err)) {
        print_error("%s with %s was taken\n", key, bad == NULL ? "nothing" : bad);
        fail();
    }
    assert_int_equal(err.code, ERR_CHAIN_ANSWER);
    assert_non_null(strstr(err.message, key));
    json_decref(json);
}

static bool read_block(json_t *json, struct err *err)
{
    struct chain_block block;

    return answer_block(json, &block, err);
}

static bool read_receipt(json_t *json, struct err *err)
{
    struct chain_receipt receipt;

    return answer_receipt(json, arena, &receipt, err);
}

static bool read_tx(json_t *json, struct err *err)
{
    struct chain_tx tx;

    return answer_tx(json, arena, &tx, err);
}

static bool read_log(json_t *json, struct err *err)
{
    json_t *array = json_pack("[O]", json);
    struct chain_logs logs;
    bool ok = answer_logs(array, arena, &logs, err);

    json_decref(array);
    return ok;
}

static void refuses_each_spoiled_field(void **state)
{
    static const char *const numbers[] = {
        NULL,      "7",    "\"\"",     "\"0x\"", "\"0x01\"", "\"7\"",
        "\"0xg\"", "true", "\"-0x1\"", "[]",     "\"0x 1\"", "\"0x10000000000000000\"",
        "\"0X1\"", "null", "\"0x1 \"", "1.0",    "{}",       "\"0x8000000000000000\"",
        "\"0x1\\n\"", "\"\\u00000x1\"", "\"0x00\"", "\"0x+1\""};
    static const char *const hashes[] = {
        NULL,
        "1",
        "\"0x\"",
        "\"0x11\"",
        "{}",
        "\"1111111111111111111111111111111111111111111111111111111111111111\"",
        "\"" H32 "11\"",
        "\"0X1111111111111111111111111111111111111111111111111111111111111111\"",
        "\"" H32 "\\u0000\"",
        "[\"" H32 "\"]",
        "null",
        "\"0xzz11111111111111111111111111111111111111111111111111111111111111\""};
    static const struct {
        const char *text;
        bool (*read)(json_t *, struct err *);
        const char *numbers[6], *hashes[6];
    } objects[] = {
        {BLOCK, read_block, {"number", "timestamp"}, {"hash", "parentHash"}},
        {LOG, read_log, {"blockNumber", "logIndex"}, {"address", "blockHash", "transactionHash"}},
        {RECEIPT,
         read_receipt,
         {"status", "blockNumber", "transactionIndex", "gasUsed"},
         {"transactionHash", "blockHash", "from"}},
        {TX, read_tx, {"nonce", "gas"}, {"hash", "from"}},
    };

    (void)state;
    for (size_t o = 0; o < sizeof objects / sizeof objects[0]; o++) {
        for (size_t k = 0; objects[o].numbers[k] != NULL; k++)
            for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
                spoil(objects[o].text, objects[o].numbers[k], numbers[i], objects[o].read);
        for (size_t k = 0; objects[o].hashes[k] != NULL; k++)
            for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
                spoil(objects[o].text, objects[o].hashes[k], hashes[i], objects[o].read);
    }
    spoil(RECEIPT, "status", "\"0x2\"", read_receipt);
    spoil(RECEIPT, "effectiveGasPrice", NULL, read_receipt);
    spoil(TX, "input", "\"0x1\"", read_tx);
    spoil(TX, "input", NULL, read_tx);
    spoil(TX, "to", "\"0x12\"", read_tx);
    spoil(TX, "maxFeePerGas", "1", read_tx);
    spoil(LOG, "topics", "{}", read_log);
    spoil(LOG, "topics", "[\"0x11\"]", read_log);
    spoil(LOG, "topics", "[\"" H32 "\",\"" H32 "\",\"" H32 "\",\"" H32 "\",\"" H32 "\"]", read_log);
    spoil(LOG, "data", "\"0x123\"", read_log);
    spoil(LOG, "data", "null", read_log);
    spoil(LOG, "removed", "\"no\"", read_log);
    spoil(LOG, "logIndex", "\"0x100000003\"", read_log); /* 3, cut at 32 bits */
    spoil(BLOCK, "timestamp", "\"0x3afff44180\"", read_block); /* the year 10000 */
    spoil(BLOCK, "baseFeePerGas", "\"0x1" Z32 Z32 "\"", read_block); /* 257 bits */
    spoil(RECEIPT, "logs", "{}", read_receipt);
    spoil(RECEIPT, "logs", NULL, read_receipt);
}

/* Things of another kind where an object is expected; null is "not there" for a block, a receipt and a
 * transaction only. */
static void refuses_what_is_no_object(void **state)
{
    static const char *const odd[] = {"[]", "[{}]", "7", "true", "\"0x1\"", "{}", "\"\""};
    bool (*const reads[])(json_t *, struct err *) = {read_block, read_receipt, read_tx, read_log};
    struct chain_logs logs;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        json_t *json = json_of(odd[i]);

        for (size_t r = 0; r < sizeof reads / sizeof reads[0]; r++) {
            err = (struct err){0};
            assert_false(reads[r](json, &err));
            assert_int_equal(err.code, ERR_CHAIN_ANSWER);
        }
        if (!json_is_array(json))
            assert_false(answer_logs(json, arena, &logs, &err));
        json_decref(json);
    }
    json_t *none = json_null();

    assert_false(read_log(none, &err));
    assert_false(answer_logs(none, arena, &logs, &err));
}

/* One member of the log in a receipt at a time: it must be of this transaction, block and number. */
static void refuses_logs_of_another_transaction(void **state)
{
    static const char *const rows[][2] = {
        {"transactionHash", G32}, {"blockHash", H32}, {"blockNumber", "0x11"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *json = json_of(RECEIPT);
        struct err err = {0};

        json_object_set_new(json_array_get(json_object_get(json, "logs"), 0), rows[i][0],
                            json_string(rows[i][1]));
        assert_false(read_receipt(json, &err));
        assert_int_equal(err.code, ERR_CHAIN_ANSWER);
        json_decref(json);
    }
}

/* A copy of LOG at another place. */
static json_t *log_at(const char *block, const char *hash, size_t index)
{
    json_t *log = json_of(LOG);
    char text[24];

    snprintf(text, sizeof text, "0x%zx", index);
    json_object_set_new(log, "blockNumber", json_string(block));
    json_object_set_new(log, "blockHash", json_string(hash));
    json_object_set_new(log, "logIndex", json_string(text));
    return log;
}

static bool read_three(json_t *a, json_t *b, json_t *c, struct err *err)
{
    json_t *array = json_pack("[o, o, o]", a, b, c);
    struct chain_logs logs;
    bool ok = answer_logs(array, arena, &logs, err);

    json_decref(array);
    return ok;
}

/* In whatever order they come. */
static void refuses_two_logs_at_one_place(void **state)
{
    struct err err = {0};

    (void)state;
    assert_true(read_three(log_at("0x11", G32, 5), log_at("0x10", H32, 5), log_at("0x11", G32, 4),
                           &err));
    assert_false(read_three(log_at("0x11", G32, 5), log_at("0x10", H32, 5), log_at("0x11", G32, 5),
                            &err));
    assert_non_null(strstr(err.message, "two logs with index 5 in block 17"));
    assert_false(read_three(log_at("0x11", G32, 5), log_at("0x10", H32, 5), log_at("0x11", H32, 4),
                            &err));
    assert_non_null(strstr(err.message, "two blocks with the number 17"));
}

static void calls_too_many_logs_a_range_error(void **state)
{
    json_t *array = json_array();
    struct chain_logs logs;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < CHAIN_LOGS_MAX; i++)
        json_array_append_new(array, log_at("0x10", G32, i));
    assert_true(answer_logs(array, arena, &logs, &err));
    json_array_append_new(array, log_at("0x10", G32, CHAIN_LOGS_MAX));
    assert_false(answer_logs(array, arena, &logs, &err));
    assert_int_equal(err.code, ERR_CHAIN_RANGE);
    json_decref(array);
}

/* A wide answer is as dangerous as a deep one: every two bytes would be a value. */
static void refuses_too_many_values(void **state)
{
    size_t n = 2 * CHAIN_VALUES_MAX;
    char *text = malloc(n);
    struct chain_answer answer;
    struct err err;

    (void)state;
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 == 0 ? '7' : ',';
    text[0] = '[';
    text[1] = '7';
    text[n - 2] = '7';
    text[n - 1] = ']';
    /* JSON, but no answer to one question. */
    assert_false(answer_parse(text, n, 7, 1, &answer, &err));
    assert_non_null(strstr(err.message, "neither an object"));
    memcpy(text + n - 4, ",,,7", 4);
    text[0] = ',';
    assert_false(answer_parse(text, n, 7, 1, &answer, &err));
    assert_non_null(strstr(err.message, "values, at most"));
    free(text);
}

/* Quantities of exactly the most that is taken. */
static void takes_numbers_up_to_63_bits(void **state)
{
    json_t *most = json_of("\"0x7fffffffffffffff\""), *more = json_of("\"0x8000000000000000\"");
    struct err err;
    uint64_t value;

    (void)state;
    assert_true(answer_u64(most, &value, &err));
    assert_true(value == INT64_MAX);
    assert_false(answer_u64(more, &value, &err));
    json_decref(most);
    json_decref(more);
}

/* EIP-170 allows 24,576 bytes; what is far beyond is not read. */
static void code_has_a_maximum(void **state)
{
    static char text[2 * (CHAIN_CODE_BYTES_MAX + 1) + 5];
    struct chain_code code;
    struct err err;

    (void)state;
    for (size_t n = CHAIN_CODE_BYTES_MAX; n <= CHAIN_CODE_BYTES_MAX + 1; n++) {
        memset(text, '0', sizeof text);
        memcpy(text, "\"0x", 3);
        memcpy(text + 3 + 2 * n, "\"", 2);
        json_t *json = json_of(text);
        assert_int_equal(answer_code(json, arena, &code, &err), n == CHAIN_CODE_BYTES_MAX);
        json_decref(json);
    }
    assert_int_equal(err.code, ERR_CHAIN_ANSWER);
    assert_non_null(strstr(err.message, "32769 bytes of code"));
}

static void hashes_code(void **state)
{
    json_t *none = json_of("\"0x\""), *some = json_of("\"0x616263\"");
    struct chain_code code;
    struct err err;
    char hex[65];

    (void)state;
    assert_true(answer_code(none, arena, &code, &err));
    assert_false(code.has_code);
    assert_true(answer_code(some, arena, &code, &err));
    assert_true(code.has_code);
    assert_int_equal(code.size, 3);
    hex_encode(code.hash, 32, hex); /* keccak-256 of "abc", a published value */
    assert_string_equal(hex, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    json_decref(none);
    json_decref(some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_single_answer),
        cmocka_unit_test(reads_a_batch_in_any_order),
        cmocka_unit_test(spreads_one_error_over_a_batch),
        cmocka_unit_test(keeps_revert_data),
        cmocka_unit_test(takes_a_nul_in_a_message_only),
        cmocka_unit_test(cuts_long_revert_data),
        cmocka_unit_test(refuses_broken_envelopes),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(survives_depth),
        cmocka_unit_test(survives_depth_inside_an_answer),
        cmocka_unit_test(refuses_too_many_values),
        cmocka_unit_test(takes_numbers_up_to_63_bits),
        cmocka_unit_test(reads_a_block),
        cmocka_unit_test_setup_teardown(reads_a_receipt_with_its_log, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(reads_a_transaction, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_each_spoiled_field, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_logs_of_another_transaction, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_object, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_two_logs_at_one_place, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(calls_too_many_logs_a_range_error, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(code_has_a_maximum, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(hashes_code, arena_up, arena_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
