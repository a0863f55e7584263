/* The questions that read: each builds its JSON here and is asked by ask.c. */
#include "relayer/chain/node.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/chain/ask.h"

struct hex_text {
    char text[2 * 32 + 3];
};

static struct hex_text hex_of(const uint8_t *p, size_t n)
{
    struct hex_text out;

    CHECK(n <= 32);
    hex_encode_0x(p, n, out.text);
    return out;
}

static struct hex_text quantity_of(uint64_t value)
{
    struct hex_text out;

    snprintf(out.text, sizeof out.text, "0x%" PRIx64, value);
    return out;
}

static struct hex_text at_text(struct node_at at)
{
    static const struct hex_text tags[] = {
        [NODE_LATEST] = {"latest"}, [NODE_SAFE] = {"safe"}, [NODE_FINALIZED] = {"finalized"}};

    return at.tag == NODE_NUMBER ? quantity_of(at.number) : tags[at.tag];
}

static json_t *at_json(const struct node_at *at)
{
    if (at->tag != NODE_HASH)
        return json_string(at_text(*at).text);
    return json_pack("{s:s, s:b}", "blockHash", hex_of(at->hash, 32).text, "requireCanonical", 1);
}

static json_t *message_json(const struct node_message *message)
{
    char *data = malloc(2 * message->data.n + 3);
    json_t *json;

    CHECK(data != NULL);
    hex_encode_0x(message->data.p, message->data.n, data);
    json = json_pack("{s:s, s:s}", "to", hex_of(message->to, 20).text, "data", data);
    free(data);
    CHECK(json != NULL);
    if (message->from != NULL)
        json_object_set_new(json, "from", json_string(hex_of(message->from, 20).text));
    return json;
}

void node_chain_id(struct node *node, node_u64_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_U64, (union ask_cb){.u64 = cb}, ctx);

    ask_add(ask, "eth_chainId", json_array());
    ask_start(ask);
}

void node_code(struct node *node, const uint8_t address[20], const struct node_at *at,
               node_code_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_CODE, (union ask_cb){.code = cb}, ctx);

    ask_add(ask, "eth_getCode", json_pack("[so]", hex_of(address, 20).text, at_json(at)));
    ask_start(ask);
}

void node_storage(struct node *node, const struct node_slot *slot, node_word_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_WORD, (union ask_cb){.word = cb}, ctx);

    ask_add(ask, "eth_getStorageAt",
            json_pack("[sso]", hex_of(slot->address, 20).text, hex_of(slot->slot, 32).text,
                      at_json(&slot->at)));
    ask_start(ask);
}

void node_nonce(struct node *node, const uint8_t address[20], node_u64_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_U64, (union ask_cb){.u64 = cb}, ctx);

    ask_add(ask, "eth_getTransactionCount", json_pack("[ss]", hex_of(address, 20).text, "latest"));
    ask_start(ask);
}

void node_balance(struct node *node, const uint8_t address[20], node_u256_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_U256, (union ask_cb){.u256 = cb}, ctx);

    ask_add(ask, "eth_getBalance", json_pack("[ss]", hex_of(address, 20).text, "latest"));
    ask_start(ask);
}

void node_call(struct node *node, const struct node_message *message, node_bytes_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_CALL, (union ask_cb){.bytes = cb}, ctx);

    ask_add(ask, "eth_call", json_pack("[oo]", message_json(message), at_json(&message->at)));
    ask_start(ask);
}

void node_estimate(struct node *node, const struct node_message *message, node_estimate_cb *cb,
                   void *ctx)
{
    struct ask *ask = ask_new(node, ASK_ESTIMATE, (union ask_cb){.estimate = cb}, ctx);

    ask_add(ask, "eth_estimateGas", json_pack("[os]", message_json(message), "latest"));
    ask_start(ask);
}

static void ask_add_block(struct ask *ask, struct node_at at)
{
    CHECK(at.tag != NODE_HASH);
    ask_add(ask, "eth_getBlockByNumber", json_pack("[sb]", at_text(at).text, 0));
}

void node_block(struct node *node, struct node_at at, node_block_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_BLOCK, (union ask_cb){.block = cb}, ctx);

    ask->by_number = at.tag == NODE_NUMBER;
    ask->from = at.number;
    ask_add_block(ask, at);
    ask_start(ask);
}

void node_heads(struct node *node, node_heads_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_HEADS, (union ask_cb){.heads = cb}, ctx);

    ask_add_block(ask, (struct node_at){.tag = NODE_FINALIZED});
    ask_add_block(ask, (struct node_at){.tag = NODE_SAFE});
    ask_add_block(ask, (struct node_at){.tag = NODE_LATEST});
    ask_start(ask);
}

void node_blocks(struct node *node, uint64_t from, size_t count, node_blocks_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_BLOCKS, (union ask_cb){.blocks = cb}, ctx);

    CHECK(count >= 1 && count <= CHAIN_BATCH_MAX);
    ask->from = from;
    for (size_t i = 0; i < count; i++)
        ask_add_block(ask, (struct node_at){.tag = NODE_NUMBER, .number = from + i});
    ask_start(ask);
}

/* Topics by position: null where anything fits; what follows the last one given is left out. */
static json_t *topics_json(const struct node_logs_filter *filter)
{
    json_t *topics = json_array(), *first = json_array();

    for (size_t i = 0; i < filter->topic0_n; i++)
        json_array_append_new(first, json_string(hex_of(filter->topic0[i], 32).text));
    json_array_append_new(topics, filter->topic0_n > 0 ? json_incref(first) : json_null());
    json_decref(first);
    if (filter->has_topic1)
        json_array_append_new(topics, json_string(hex_of(filter->topic1, 32).text));
    else if (filter->has_topic2)
        json_array_append_new(topics, json_null());
    if (filter->has_topic2)
        json_array_append_new(topics, json_string(hex_of(filter->topic2, 32).text));
    return topics;
}

static json_t *filter_json(const struct node_logs_query *query,
                           const struct node_logs_filter *filter)
{
    json_t *json = json_pack("{s:s, s:s, s:s}", "fromBlock", quantity_of(query->from).text,
                             "toBlock", quantity_of(query->to).text, "address",
                             hex_of(filter->address, 20).text);

    CHECK(json != NULL);
    if (filter->topic0_n > 0 || filter->has_topic1 || filter->has_topic2)
        json_object_set_new(json, "topics", topics_json(filter));
    return json_pack("[o]", json);
}

void node_logs(struct node *node, const struct node_logs_query *query, node_logs_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_LOGS, (union ask_cb){.logs = cb}, ctx);

    CHECK(query->from <= query->to && query->filters_n >= 1 &&
          query->filters_n <= NODE_LOG_FILTERS_MAX && query->call_n <= NODE_RANGE_CALL_MAX);
    ask->logs = *query;
    if (query->past == NODE_LATEST)
        ask_add(ask, "eth_blockNumber", json_array());
    else
        ask_add_block(ask, (struct node_at){.tag = query->past});
    for (size_t i = 0; i < query->filters_n; i++)
        ask_add(ask, "eth_getLogs", filter_json(query, &query->filter[i]));
    if (query->with_end)
        ask_add_block(ask, (struct node_at){.tag = NODE_NUMBER, .number = query->to});
    if (query->call_n > 0) {
        struct node_message message = {.to = query->call_to, .data = {query->call, query->call_n}};
        ask_add(ask, "eth_call",
                json_pack("[os]", message_json(&message), quantity_of(query->to).text));
    }
    ask_start(ask);
}

void node_receipt(struct node *node, const uint8_t tx_hash[32], node_receipt_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_RECEIPT, (union ask_cb){.receipt = cb}, ctx);

    memcpy(ask->hash, tx_hash, 32);
    ask_add(ask, "eth_getTransactionReceipt", json_pack("[s]", hex_of(tx_hash, 32).text));
    ask_start(ask);
}

void node_tx_by_hash(struct node *node, const uint8_t tx_hash[32], node_tx_cb *cb, void *ctx)
{
    struct ask *ask = ask_new(node, ASK_TX, (union ask_cb){.tx = cb}, ctx);

    memcpy(ask->hash, tx_hash, 32);
    ask_add(ask, "eth_getTransactionByHash", json_pack("[s]", hex_of(tx_hash, 32).text));
    ask_start(ask);
}
