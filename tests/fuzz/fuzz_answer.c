/* A node's answers (relayer/chain/answer.h): one text, read as the answer to one question and to three, then
 * every result by every typed reader. What a reader accepts must be what the text says, letter by letter;
 * what it refuses has a code and a reason; memory stays below CHAIN_ARENA_BYTES_MAX (the arena aborts). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/chain/answer.h"
#include "tests/fuzz/fuzz.h"

static void refused_well(const struct err *err)
{
    HOLDS(err->code == ERR_CHAIN_ANSWER || err->code == ERR_CHAIN_RANGE);
    HOLDS(err->message[0] != '\0' && memchr(err->message, '\0', sizeof err->message) != NULL);
}

static void is_quantity(const json_t *value, const char *digits)
{
    const char *text = json_string_value(value);

    HOLDS(text != NULL && strlen(text) == json_string_length(value));
    HOLDS(text[0] == '0' && text[1] == 'x' && strcasecmp(text + 2, digits) == 0);
}

static void is_u64(const json_t *value, uint64_t stated)
{
    char digits[17];

    snprintf(digits, sizeof digits, "%llx", (unsigned long long)stated);
    is_quantity(value, digits);
}

static void is_u256(const json_t *value, const struct u256 *stated)
{
    char digits[65];
    size_t zeros;

    hex_encode(stated->be, sizeof stated->be, digits);
    zeros = strspn(digits, "0");
    is_quantity(value, digits + (zeros < 64 ? zeros : 63));
}

static void is_data(const json_t *value, const uint8_t *stated, size_t n)
{
    const char *text = json_string_value(value);
    char *digits = malloc(2 * n + 1);

    HOLDS(digits != NULL);
    hex_encode(stated, n, digits);
    HOLDS(text != NULL && strlen(text) == json_string_length(value));
    HOLDS(text[0] == '0' && text[1] == 'x' && strcasecmp(text + 2, digits) == 0);
    free(digits);
}

static void has_u64(const json_t *object, const char *key, uint64_t stated)
{
    is_u64(json_object_get(object, key), stated);
}

static void has_data(const json_t *object, const char *key, const uint8_t *stated, size_t n)
{
    is_data(json_object_get(object, key), stated, n);
}

static void scalar_check(const json_t *result, struct arena *arena)
{
    struct err err = {0};
    struct u256 wide;
    struct bytes data;
    struct chain_code code;
    uint64_t value;
    uint8_t hash[32];

    if (answer_u256(result, &wide, &err))
        is_u256(result, &wide);
    else
        refused_well(&err);
    if (answer_u64(result, &value, &err)) {
        uint64_t same;

        is_u64(result, value);
        HOLDS(answer_u256(result, &wide, &err) && u256_to_u64(&wide, &same) && same == value);
    }
    if (answer_hash(result, hash, &err))
        is_data(result, hash, 32);
    if (answer_bytes(result, arena, &data, &err)) {
        HOLDS(data.n <= CHAIN_DATA_BYTES_MAX);
        is_data(result, data.p, data.n);
    }
    if (answer_code(result, arena, &code, &err)) {
        HOLDS(code.size <= CHAIN_CODE_BYTES_MAX && code.has_code == (code.size > 0));
        keccak256(data.p, data.n, hash);
        HOLDS(code.size == data.n && memcmp(hash, code.hash, 32) == 0);
    }
}

static void block_check(const json_t *result)
{
    struct chain_block block;
    struct err err = {0};

    if (!answer_block(result, &block, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(block.present == !json_is_null(result));
    if (!block.present)
        return;
    has_u64(result, "number", block.number);
    has_u64(result, "timestamp", block.time);
    has_data(result, "hash", block.hash, 32);
    has_data(result, "parentHash", block.parent, 32);
    if (block.has_base_fee)
        is_u256(json_object_get(result, "baseFeePerGas"), &block.base_fee);
}

static void log_check(const json_t *said, const struct chain_log *log)
{
    const json_t *topics = json_object_get(said, "topics");

    has_data(said, "address", log->address, 20);
    has_data(said, "data", log->data.p, log->data.n);
    has_data(said, "blockHash", log->block_hash, 32);
    has_data(said, "transactionHash", log->tx_hash, 32);
    has_u64(said, "blockNumber", log->block_number);
    has_u64(said, "logIndex", log->log_index);
    HOLDS(log->topics_n <= 4 && log->topics_n == json_array_size(topics));
    for (size_t i = 0; i < log->topics_n; i++)
        is_data(json_array_get(topics, i), log->topics[i], 32);
    HOLDS(log->removed == json_is_true(json_object_get(said, "removed")));
}

static void logs_check(const json_t *result, struct arena *arena)
{
    struct chain_logs logs;
    struct err err = {0};

    if (!answer_logs(result, arena, &logs, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(logs.n <= CHAIN_LOGS_MAX && logs.n == json_array_size(result));
    for (size_t i = 0; i < logs.n; i++)
        log_check(json_array_get(result, i), &logs.log[i]);
}

static void receipt_check(const json_t *result, struct arena *arena)
{
    struct chain_receipt receipt;
    struct err err = {0};
    const json_t *logs = json_object_get(result, "logs");

    if (!answer_receipt(result, arena, &receipt, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(receipt.present == !json_is_null(result));
    if (!receipt.present)
        return;
    has_data(result, "transactionHash", receipt.tx_hash, 32);
    has_data(result, "blockHash", receipt.block_hash, 32);
    has_data(result, "from", receipt.from, 20);
    has_u64(result, "status", receipt.succeeded ? 1 : 0);
    has_u64(result, "blockNumber", receipt.block_number);
    has_u64(result, "transactionIndex", receipt.tx_index);
    has_u64(result, "gasUsed", receipt.gas_used);
    is_u256(json_object_get(result, "effectiveGasPrice"), &receipt.effective_gas_price);
    HOLDS(receipt.logs.n == json_array_size(logs) && receipt.logs.n <= CHAIN_LOGS_MAX);
    for (size_t i = 0; i < receipt.logs.n; i++) {
        const struct chain_log *log = &receipt.logs.log[i];

        log_check(json_array_get(logs, i), log);
        HOLDS(memcmp(log->tx_hash, receipt.tx_hash, 32) == 0);
        HOLDS(memcmp(log->block_hash, receipt.block_hash, 32) == 0);
    }
}

static void tx_check(const json_t *result, struct arena *arena)
{
    struct chain_tx tx;
    struct err err = {0};

    if (!answer_tx(result, arena, &tx, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(tx.present == !json_is_null(result));
    if (!tx.present)
        return;
    has_data(result, "hash", tx.hash, 32);
    has_data(result, "from", tx.from, 20);
    has_data(result, "input", tx.input.p, tx.input.n);
    has_u64(result, "nonce", tx.nonce);
    has_u64(result, "gas", tx.gas_limit);
    is_u256(json_object_get(result, "value"), &tx.value);
    if (tx.has_to)
        has_data(result, "to", tx.to, 20);
    if (tx.has_block) {
        has_data(result, "blockHash", tx.block_hash, 32);
        has_u64(result, "blockNumber", tx.block_number);
    }
}

static void reply_check(const struct chain_reply *reply, struct arena *arena)
{
    size_t n = strnlen(reply->error_text, CHAIN_TEXT_MAX);

    HOLDS(n < CHAIN_TEXT_MAX && reply->revert_n <= CHAIN_REVERT_BYTES_MAX);
    for (size_t i = 0; i < n; i++)
        HOLDS(reply->error_text[i] >= ' ' && reply->error_text[i] <= '~');
    if (reply->result == NULL) {
        HOLDS(reply->reverted || reply->revert_n == 0);
        return;
    }
    HOLDS(!reply->reverted && n == 0 && reply->error_code == 0);
    scalar_check(reply->result, arena);
    block_check(reply->result);
    logs_check(reply->result, arena);
    receipt_check(reply->result, arena);
    tx_check(reply->result, arena);
}

static void answer_check(const char *text, size_t text_n, size_t questions)
{
    struct chain_answer answer;
    struct err err = {0};

    if (!answer_parse(text, text_n, 7, questions, &answer, &err)) {
        refused_well(&err);
        return;
    }
    HOLDS(answer.n == questions && answer.document != NULL);
    for (size_t i = 0; i < answer.n; i++) {
        struct arena *arena = arena_new(CHAIN_ARENA_BYTES_MAX);

        reply_check(&answer.reply[i], arena);
        arena_free(arena);
    }
    answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    answer_check((const char *)data, n, 1);
    answer_check((const char *)data, n, 3);
    return 0;
}
