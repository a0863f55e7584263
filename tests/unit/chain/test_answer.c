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
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

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
        "\"0xg\"", "true", "\"-0x1\"", "[]",     "\"0x 1\"", "\"0x10000000000000000\""};
    static const char *const hashes[] = {
        NULL,
        "1",
        "\"0x\"",
        "\"0x11\"",
        "{}",
        "\"1111111111111111111111111111111111111111111111111111111111111111\"",
        "\"" H32 "11\"",
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
}

static void refuses_logs_of_another_transaction(void **state)
{
    json_t *json = json_of(RECEIPT);
    struct err err = {0};

    (void)state;
    json_object_set_new(json_array_get(json_object_get(json, "logs"), 0), "transactionHash",
                        json_string(G32));
    assert_false(read_receipt(json, &err));
    assert_int_equal(err.code, ERR_CHAIN_ANSWER);
    json_decref(json);
}

static void calls_too_many_logs_a_range_error(void **state)
{
    json_t *array = json_array(), *log = json_of(LOG);
    struct chain_logs logs;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < CHAIN_LOGS_MAX; i++)
        json_array_append(array, log);
    assert_true(answer_logs(array, arena, &logs, &err));
    json_array_append(array, log);
    assert_false(answer_logs(array, arena, &logs, &err));
    assert_int_equal(err.code, ERR_CHAIN_RANGE);
    json_decref(array);
    json_decref(log);
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
        cmocka_unit_test(reads_a_block),
        cmocka_unit_test_setup_teardown(reads_a_receipt_with_its_log, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(reads_a_transaction, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_each_spoiled_field, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(refuses_logs_of_another_transaction, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(calls_too_many_logs_a_range_error, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(code_has_a_maximum, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(hashes_code, arena_up, arena_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
