#include "relayer/chain/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/chain/verdict.h"

#define TIME_MAX_S UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* The object being read, what to call it in an error, and where the error goes. */
struct source {
    const json_t *object;
    const char *what;
    struct err *err;
};

static bool field_bad(const struct source *source, const char *key, const char *expected)
{
    return err_fail(source->err, ERR_CHAIN_ANSWER, "node answer: %s.%s is not %s", source->what,
                    key, expected);
}

static bool source_open(struct source *source)
{
    if (json_is_object(source->object))
        return true;
    return err_fail(source->err, ERR_CHAIN_ANSWER, "node answer: %s is not an object",
                    source->what);
}

/* Nodes print revert data as text, so an error message may hold a NUL; a value never does. */
static const char *value_text(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static const char *field_text(const struct source *source, const char *key)
{
    return value_text(json_object_get(source->object, key));
}

static bool field_absent(const struct source *source, const char *key)
{
    const json_t *value = json_object_get(source->object, key);

    return value == NULL || json_is_null(value);
}

/* Upper case in the digits only. */
static bool text_is_0x(const char *text)
{
    return text != NULL && text[0] == '0' && text[1] == 'x';
}

static bool text_u63(const char *text, uint64_t *out)
{
    return text_is_0x(text) && hex_quantity_u64(text, out) && *out <= INT64_MAX;
}

static bool text_u256(const char *text, struct u256 *out)
{
    return text_is_0x(text) && hex_quantity_u256(text, out);
}

static bool field_u64(const struct source *source, const char *key, uint64_t *out)
{
    return text_u63(field_text(source, key), out) ||
           field_bad(source, key, "a QUANTITY of at most 63 bits");
}

static bool field_u32(const struct source *source, const char *key, uint32_t *out)
{
    uint64_t value;

    if (!text_u63(field_text(source, key), &value) || value > UINT32_MAX)
        return field_bad(source, key, "a QUANTITY of at most 32 bits");
    *out = (uint32_t)value;
    return true;
}

static bool field_time(const struct source *source, const char *key, uint64_t *out)
{
    if (!text_u63(field_text(source, key), out) || *out > TIME_MAX_S)
        return field_bad(source, key, "a time before the year 10000");
    return true;
}

static bool field_u256(const struct source *source, const char *key, struct u256 *out)
{
    return text_u256(field_text(source, key), out) ||
           field_bad(source, key, "a QUANTITY of at most 256 bits");
}

/* "0x" and exactly 2n digits. */
static bool text_fixed(const char *text, uint8_t *out, size_t n)
{
    return text_is_0x(text) && strlen(text) == 2 + 2 * n && hex_decode_exact(text, out, n);
}

static bool field_address(const struct source *source, const char *key, uint8_t out[20])
{
    return text_fixed(field_text(source, key), out, 20) ||
           field_bad(source, key, "20 bytes of DATA");
}

static bool field_hash(const struct source *source, const char *key, uint8_t out[32])
{
    return text_fixed(field_text(source, key), out, 32) ||
           field_bad(source, key, "32 bytes of DATA");
}

/* DATA of any length up to the maximum, copied into the arena. */
static bool text_data(const json_t *value, struct arena *arena, struct bytes *out)
{
    const char *text = json_string_value(value);
    size_t text_n = json_string_length(value), n;
    uint8_t *room;

    if (!text_is_0x(text) || text_n % 2 != 0 ||
        (text_n - 2) / 2 > CHAIN_DATA_BYTES_MAX)
        return false;
    n = (text_n - 2) / 2;
    room = arena_alloc(arena, n + 1);
    if (!hex_decode(text, text_n, room, n, &out->n))
        return false;
    out->p = room;
    return true;
}

static bool field_data(const struct source *source, const char *key, struct arena *arena,
                       struct bytes *out)
{
    return text_data(json_object_get(source->object, key), arena, out) ||
           field_bad(source, key, "DATA of at most 1 MiB");
}

/* Words of a stranger, fit for a log line. */
static void text_copy(char out[CHAIN_TEXT_MAX], const char *text)
{
    size_t i = 0;

    for (; text != NULL && text[i] != '\0' && i + 1 < CHAIN_TEXT_MAX; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[i] = '\0';
}

/* Revert data comes as a string ("0x..", "Reverted 0x..") or inside an object under "data". */
static void revert_read(const json_t *data, struct chain_reply *out)
{
    const char *text =
        json_string_value(json_is_object(data) ? json_object_get(data, "data") : data);
    const char *hex = text == NULL ? NULL : strstr(text, "0x");
    size_t digits;

    if (hex == NULL)
        return;
    digits = strspn(hex + 2, "0123456789abcdefABCDEF");
    if (digits % 2 != 0 || hex[2 + digits] != '\0')
        return;
    if (digits > 2 * CHAIN_REVERT_BYTES_MAX)
        digits = 2 * CHAIN_REVERT_BYTES_MAX;
    if (!hex_decode(hex, 2 + digits, out->revert, sizeof out->revert, &out->revert_n))
        out->revert_n = 0;
}

static bool error_read(const json_t *error, struct chain_reply *out, struct err *err)
{
    const json_t *code = json_object_get(error, "code");
    const json_t *message = json_object_get(error, "message");

    if (!json_is_integer(code) || !json_is_string(message))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: error without code and message");
    out->result = NULL;
    out->error_code = json_integer_value(code);
    text_copy(out->error_text, json_string_value(message));
    if (read_verdict_of(out->error_code, out->error_text) != READ_REVERT)
        return true;
    out->reverted = true;
    revert_read(json_object_get(error, "data"), out);
    return true;
}

/* One member: {"jsonrpc":"2.0","id":..,"result":..} or with "error". */
static bool reply_read(const json_t *member, struct chain_reply *out, struct err *err)
{
    const char *version = value_text(json_object_get(member, "jsonrpc"));
    const json_t *error = json_object_get(member, "error");

    if (version == NULL || strcmp(version, "2.0") != 0)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: no JSON-RPC 2.0 object");
    out->result = json_object_get(member, "result");
    if (error != NULL && !json_is_null(error)) {
        if (out->result != NULL && !json_is_null(out->result))
            return err_fail(err, ERR_CHAIN_ANSWER, "node answer: both a result and an error");
        return error_read(error, out, err);
    }
    if (out->result == NULL)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: neither result nor error");
    return true;
}

/* Which question a member answers; false when it answers none of ours. */
static bool reply_index(const json_t *member, uint64_t first_id, size_t n, size_t *out)
{
    const json_t *id = json_object_get(member, "id");
    json_int_t value = json_integer_value(id);

    if (!json_is_integer(id) || value < 0 || (uint64_t)value < first_id ||
        (uint64_t)value - first_id >= n)
        return false;
    *out = (size_t)((uint64_t)value - first_id);
    return true;
}

static bool batch_read(const json_t *document, uint64_t first_id, struct chain_answer *out,
                       struct err *err)
{
    bool seen[CHAIN_BATCH_MAX] = {false};
    size_t at, i;

    if (json_array_size(document) != out->n)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: %zu members to %zu questions",
                        json_array_size(document), out->n);
    for (i = 0; i < out->n; i++) {
        const json_t *member = json_array_get(document, i);

        if (!reply_index(member, first_id, out->n, &at) || seen[at])
            return err_fail(err, ERR_CHAIN_ANSWER, "node answer: an id that was not asked");
        seen[at] = true;
        if (!reply_read(member, &out->reply[at], err))
            return false;
    }
    return true;
}

/* A single object: the answer to one question, or one error for a whole batch. */
static bool single_read(const json_t *document, uint64_t first_id, struct chain_answer *out,
                        struct err *err)
{
    const json_t *id = json_object_get(document, "id");
    size_t at;

    if (!reply_read(document, &out->reply[0], err))
        return false;
    if (out->reply[0].result != NULL) {
        if (out->n != 1 || !reply_index(document, first_id, 1, &at))
            return err_fail(err, ERR_CHAIN_ANSWER, "node answer: an id that was not asked");
        return true;
    }
    /* A node that could not read the request cannot repeat its id. */
    if (id != NULL && !json_is_null(id) && !reply_index(document, first_id, out->n, &at))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: an id that was not asked");
    for (size_t i = 1; i < out->n; i++)
        out->reply[i] = out->reply[0];
    return true;
}

/* Each value costs about a hundred bytes in memory, also one that is two characters long. What stands
 * inside texts is counted too: hex has none of these. */
static bool values_check(const char *text, size_t text_n, struct err *err)
{
    size_t n = 1;

    for (size_t i = 0; i < text_n; i++)
        n += text[i] == ',' || text[i] == '[' || text[i] == '{';
    if (n > CHAIN_VALUES_MAX)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: %zu values, at most %d are read", n,
                        CHAIN_VALUES_MAX);
    return true;
}

bool answer_parse(const char *text, size_t text_n, uint64_t first_id, size_t n,
                  struct chain_answer *out, struct err *err)
{
    json_error_t at;
    bool ok;

    CHECK(n >= 1 && n <= CHAIN_BATCH_MAX);
    *out = (struct chain_answer){.n = n};
    if (!values_check(text, text_n, err))
        return false;
    out->document = json_loadb(text, text_n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at);
    if (out->document == NULL)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: not JSON at byte %d: %.80s",
                        at.position, at.text);
    out->reply = calloc(n, sizeof *out->reply);
    CHECK(out->reply != NULL);
    if (json_is_array(out->document) && n > 1)
        ok = batch_read(out->document, first_id, out, err);
    else if (json_is_object(out->document))
        ok = single_read(out->document, first_id, out, err);
    else
        ok = err_fail(err, ERR_CHAIN_ANSWER,
                      "node answer: neither an object nor the batch asked for");
    if (!ok)
        answer_free(out);
    return ok;
}

void answer_free(struct chain_answer *answer)
{
    free(answer->reply);
    json_decref(answer->document);
    *answer = (struct chain_answer){0};
}

bool answer_u64(const struct json_t *result, uint64_t *out, struct err *err)
{
    if (!text_u63(value_text(result), out))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: not a QUANTITY of at most 63 bits");
    return true;
}

bool answer_u256(const struct json_t *result, struct u256 *out, struct err *err)
{
    if (!text_u256(value_text(result), out))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: not a QUANTITY of at most 256 bits");
    return true;
}

bool answer_hash(const struct json_t *result, uint8_t out[32], struct err *err)
{
    if (!text_fixed(value_text(result), out, 32))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: not 32 bytes of DATA");
    return true;
}

bool answer_bytes(const struct json_t *result, struct arena *arena, struct bytes *out,
                  struct err *err)
{
    if (!text_data(result, arena, out))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: not DATA of at most 1 MiB");
    return true;
}

bool answer_code(const struct json_t *result, struct arena *arena, struct chain_code *out,
                 struct err *err)
{
    struct bytes code;

    if (!answer_bytes(result, arena, &code, err))
        return false;
    if (code.n > CHAIN_CODE_BYTES_MAX)
        return err_fail(err, ERR_CHAIN_ANSWER,
                        "node answer: %zu bytes of code, at most %d are taken", code.n,
                        CHAIN_CODE_BYTES_MAX);
    out->has_code = code.n > 0;
    out->size = code.n;
    keccak256(code.p, code.n, out->hash);
    return true;
}

bool answer_block(const struct json_t *result, struct chain_block *out, struct err *err)
{
    struct source source = {result, "block", err};

    *out = (struct chain_block){0};
    if (json_is_null(result))
        return true;
    if (!source_open(&source) || !field_u64(&source, "number", &out->number) ||
        !field_hash(&source, "hash", out->hash) ||
        !field_hash(&source, "parentHash", out->parent) ||
        !field_time(&source, "timestamp", &out->time))
        return false;
    if (!field_absent(&source, "baseFeePerGas")) {
        if (!field_u256(&source, "baseFeePerGas", &out->base_fee))
            return false;
        out->has_base_fee = true;
    }
    out->present = true;
    return true;
}

static bool topics_read(const struct source *source, struct chain_log *out)
{
    const json_t *topics = json_object_get(source->object, "topics");

    if (!json_is_array(topics) || json_array_size(topics) > 4)
        return field_bad(source, "topics", "an array of at most 4");
    out->topics_n = json_array_size(topics);
    for (size_t i = 0; i < out->topics_n; i++)
        if (!text_fixed(value_text(json_array_get(topics, i)), out->topics[i], 32))
            return field_bad(source, "topics", "32 bytes each");
    return true;
}

static bool log_read(const json_t *object, struct arena *arena, struct chain_log *out,
                     struct err *err)
{
    struct source source = {object, "log", err};
    const json_t *removed;

    if (!source_open(&source) || !field_address(&source, "address", out->address) ||
        !topics_read(&source, out) || !field_data(&source, "data", arena, &out->data) ||
        !field_u64(&source, "blockNumber", &out->block_number) ||
        !field_hash(&source, "blockHash", out->block_hash) ||
        !field_hash(&source, "transactionHash", out->tx_hash) ||
        !field_u32(&source, "logIndex", &out->log_index))
        return false;
    removed = json_object_get(object, "removed");
    if (removed != NULL && !json_is_boolean(removed))
        return field_bad(&source, "removed", "true or false");
    out->removed = json_is_true(removed);
    return true;
}

static int log_place_cmp(const void *a, const void *b)
{
    const struct chain_log *x = *(const struct chain_log *const *)a;
    const struct chain_log *y = *(const struct chain_log *const *)b;

    if (x->block_number != y->block_number)
        return x->block_number < y->block_number ? -1 : 1;
    return (x->log_index > y->log_index) - (x->log_index < y->log_index);
}

/* One block number is one block, and each place in it has one log. */
static bool log_places_check(const struct chain_log *log, size_t n, struct arena *arena,
                             struct err *err)
{
    const struct chain_log **by_place = arena_alloc(arena, n * sizeof *by_place + 1);

    for (size_t i = 0; i < n; i++)
        by_place[i] = &log[i];
    qsort(by_place, n, sizeof *by_place, log_place_cmp);
    for (size_t i = 1; i < n; i++) {
        const struct chain_log *a = by_place[i - 1], *b = by_place[i];

        if (a->block_number != b->block_number)
            continue;
        if (memcmp(a->block_hash, b->block_hash, 32) != 0)
            return err_fail(err, ERR_CHAIN_ANSWER,
                            "node answer: logs of two blocks with the number %llu",
                            (unsigned long long)b->block_number);
        if (a->log_index == b->log_index)
            return err_fail(err, ERR_CHAIN_ANSWER,
                            "node answer: two logs with index %u in block %llu", b->log_index,
                            (unsigned long long)b->block_number);
    }
    return true;
}

bool answer_logs(const struct json_t *result, struct arena *arena, struct chain_logs *out,
                 struct err *err)
{
    size_t n = json_array_size(result);
    struct chain_log *log;

    if (!json_is_array(result))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: logs are not an array");
    if (n > CHAIN_LOGS_MAX)
        return err_fail(err, ERR_CHAIN_RANGE, "node answer: %zu logs, at most %d are taken at once",
                        n, CHAIN_LOGS_MAX);
    log = arena_alloc(arena, n * sizeof *log + 1);
    for (size_t i = 0; i < n; i++)
        if (!log_read(json_array_get(result, i), arena, &log[i], err))
            return false;
    if (!log_places_check(log, n, arena, err))
        return false;
    *out = (struct chain_logs){.log = log, .n = n};
    return true;
}

static bool receipt_logs(const struct source *source, struct arena *arena,
                         struct chain_receipt *out)
{
    const json_t *logs = json_object_get(source->object, "logs");

    if (json_array_size(logs) > CHAIN_LOGS_MAX)
        return field_bad(source, "logs", "of a bearable length");
    if (!answer_logs(logs, arena, &out->logs, source->err))
        return false;
    for (size_t i = 0; i < out->logs.n; i++)
        if (memcmp(out->logs.log[i].tx_hash, out->tx_hash, 32) != 0 ||
            memcmp(out->logs.log[i].block_hash, out->block_hash, 32) != 0 ||
            out->logs.log[i].block_number != out->block_number)
            return field_bad(source, "logs", "of this transaction and block");
    return true;
}

bool answer_receipt(const struct json_t *result, struct arena *arena, struct chain_receipt *out,
                    struct err *err)
{
    struct source source = {result, "receipt", err};
    uint64_t status;

    *out = (struct chain_receipt){0};
    if (json_is_null(result))
        return true;
    if (!source_open(&source) || !field_hash(&source, "transactionHash", out->tx_hash) ||
        !field_u64(&source, "status", &status) ||
        !field_u64(&source, "blockNumber", &out->block_number) ||
        !field_hash(&source, "blockHash", out->block_hash) ||
        !field_u64(&source, "transactionIndex", &out->tx_index) ||
        !field_address(&source, "from", out->from) ||
        !field_u64(&source, "gasUsed", &out->gas_used) ||
        !field_u256(&source, "effectiveGasPrice", &out->effective_gas_price) ||
        !receipt_logs(&source, arena, out))
        return false;
    if (status > 1)
        return field_bad(&source, "status", "0x0 or 0x1");
    out->succeeded = status == 1;
    out->present = true;
    return true;
}

/* Fee fields differ by transaction type; a field that is there must be right. */
static bool tx_fees(const struct source *source, struct chain_tx *out)
{
    static const char *const keys[] = {"gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"};
    struct u256 *const fees[] = {&out->gas_price, &out->max_fee, &out->max_priority_fee};

    for (size_t i = 0; i < 3; i++)
        if (!field_absent(source, keys[i]) && !field_u256(source, keys[i], fees[i]))
            return false;
    return true;
}

static bool tx_place(const struct source *source, struct chain_tx *out)
{
    if (field_absent(source, "blockHash")) /* known, not in a block yet */
        return true;
    out->has_block = true;
    return field_hash(source, "blockHash", out->block_hash) &&
           field_u64(source, "blockNumber", &out->block_number);
}

bool answer_tx(const struct json_t *result, struct arena *arena, struct chain_tx *out,
               struct err *err)
{
    struct source source = {result, "transaction", err};

    *out = (struct chain_tx){0};
    if (json_is_null(result))
        return true;
    if (!source_open(&source) || !field_hash(&source, "hash", out->hash) ||
        !field_address(&source, "from", out->from) || !field_u64(&source, "nonce", &out->nonce) ||
        !field_u64(&source, "gas", &out->gas_limit) || !field_u256(&source, "value", &out->value) ||
        !field_data(&source, "input", arena, &out->input) || !tx_fees(&source, out) ||
        !tx_place(&source, out))
        return false;
    if (!field_absent(&source, "type") && !field_u64(&source, "type", &out->type))
        return false;
    out->has_to = !field_absent(&source, "to");
    if (out->has_to && !field_address(&source, "to", out->to))
        return false;
    out->present = true;
    return true;
}
