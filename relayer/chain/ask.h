/*
 * One question to the chain on its way from endpoint to endpoint: from ask_new over ask_add to
 * ask_start, which takes it; its callback comes once. Private to relayer/chain; callers use node.h.
 */
#ifndef KUSTODIA_CHAIN_ASK_H
#define KUSTODIA_CHAIN_ASK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/chain/endpoint.h"
#include "relayer/chain/node.h"

enum ask_kind {
    ASK_U64,
    ASK_U256,
    ASK_WORD,
    ASK_CODE,
    ASK_CALL,
    ASK_ESTIMATE,
    ASK_BLOCK,
    ASK_HEADS,
    ASK_BLOCKS,
    ASK_LOGS,
    ASK_RECEIPT,
    ASK_TX
};

union ask_cb {
    node_u64_cb *u64;
    node_u256_cb *u256;
    node_bytes_cb *bytes;
    node_word_cb *word;
    node_code_cb *code;
    node_estimate_cb *estimate;
    node_block_cb *block;
    node_heads_cb *heads;
    node_blocks_cb *blocks;
    node_logs_cb *logs;
    node_receipt_cb *receipt;
    node_tx_cb *tx;
};

/* One question under way. */
struct ask {
    struct node *node;
    enum ask_kind kind;
    union ask_cb cb;
    void *ctx;

    json_t *batch;     /* the questions while they are added, then NULL */
    char *body;        /* their text */
    uint64_t first_id; /* ids first_id .. first_id + n - 1 */
    size_t n;

    unsigned tried;            /* bit set of endpoints */
    struct endpoint_call call; /* at the one being asked */
    struct waiting waiting;
    int64_t give_up_ms; /* of waiting; 0: has not waited */
    bool inside;        /* ask_start has not returned */
    bool over;          /* waits only to fail outside of ask_start */
    struct err err;     /* why the last one did not do; a lagging one is remembered before others */

    struct node_logs_query logs; /* ASK_LOGS: what was asked, to hold against the answer */
    uint64_t from;               /* ASK_BLOCKS; ASK_BLOCK by number */
    bool by_number;              /* ASK_BLOCK */
    uint8_t hash[32];            /* ASK_RECEIPT, ASK_TX */
};

struct ask *ask_new(struct node *node, enum ask_kind kind, union ask_cb cb, void *ctx);
/* Adds one question; takes `params`. */
void ask_add(struct ask *ask, const char *method, json_t *params);
void ask_start(struct ask *ask);

#endif
