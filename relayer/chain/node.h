/* The door to the Ethereum node: typed questions, one callback each, several endpoints.
 *
 * Reads go to one healthy endpoint (health.h has the rules) and move to the next one when an
 * endpoint is away, limited, lagging or talks nonsense; an answer of the chain itself (a revert, an
 * absent receipt) is final. Where the only endpoints left ask for a slower pace, a read waits its
 * turn for at most NODE_WAIT_MS. Writes go to every endpoint at once: bytes that are signed cannot
 * be sent too often.
 *
 * Every callback comes exactly once and never before the call returns. `err` is NULL on success;
 * the result is then not NULL and valid only during the callback. On failure the result is NULL,
 * except where a call says that it carries revert data. Reads change nothing, so their errors
 * always have OUTCOME_NOT_HAPPENED.
 *
 * Errors: ERR_CHAIN_AWAY (no endpoint reachable), ERR_CHAIN_RATE (all ask for fewer requests),
 * ERR_CHAIN_ANSWER (an answer that breaks the format), ERR_CHAIN_REVERT, ERR_CHAIN_RANGE (halve the
 * range), ERR_CHAIN_LAGS (endpoints are behind the asked block), ERR_CHAIN_REFUSED (the node said no;
 * its words are in the message).
 */
#ifndef KUSTODIA_CHAIN_NODE_H
#define KUSTODIA_CHAIN_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/bytes.h"
#include "abi/u256.h"
#include "relayer/base/err.h"
#include "relayer/chain/answer.h"
#include "relayer/chain/verdict.h"

struct http_client;
struct node;

enum {
    NODE_ENDPOINTS_MAX = 8,
    NODE_URL_MAX = 512,            /* with its NUL */
    NODE_RAW_TX_BYTES_MAX = 95000, /* what Arbitrum's sequencer takes */
    NODE_LOG_FILTERS_MAX = 4,
    NODE_RANGE_CALL_MAX = 68, /* bytes of the call at a range's end */
    NODE_WAIT_MS = 10000,
    NODE_WAITING_MAX = 512, /* reads that wait for their turn; more are ERR_BUSY */
    NODE_WHY_MAX = 120      /* the reason of an accusation, with its NUL */
};

struct node_settings {
    const char *urls;    /* comma list of http:// or https:// endpoints, the preferred one first */
    /* One for each endpoint, HEALTH_WEIGHT_MAX at most: reads are shared in this proportion; 0:
     * only when no other is left. NULL: the first takes all. */
    const unsigned *weights;
    unsigned timeout_ms; /* of one attempt at one endpoint */
};

/* NULL with ERR_CONFIG_VALUE for an empty list, too many or an address that is not http(s).
 * `http` is borrowed and must outlive the node's last callback. */
struct node *node_new(struct http_client *http, const struct node_settings *settings,
                      struct err *err);
/* NULL ok. Calls that wait are answered before it returns, those under way with ERR_CHAIN_AWAY by
 * http_client_free, which comes after; the loop must run once more after that. */
void node_free(struct node *node);

/* A view of the node that asks endpoint `i` alone (i < node_endpoints_n) and never moves on to
 * another: for an answer that must not come from where the first one came. It shares health,
 * limits and counters with the whole; its writes go to that endpoint only. Valid until
 * node_free(node), never freed itself. While the endpoint stands aside, every read fails with
 * ERR_CHAIN_AWAY. `node` may be a view too: `i` counts the endpoints of the whole. */
struct node *node_of_endpoint(struct node *node, size_t i);
/* A view of the whole that begins at endpoint `i` while that is good or slow. */
struct node *node_beginning_at(struct node *node, size_t i);
/* Of the whole, also when `node` is a view. */
size_t node_endpoints_n(const struct node *node);
/* Scheme, host and port only: paths of hosted endpoints hold keys. Valid until node_free. */
const char *node_endpoint_name(const struct node *node, size_t i);

/* Endpoint `i` gave an answer that others show to be wrong: no read goes to it for HEALTH_ASIDE_MS
 * (writes do: signed bytes cannot be sent to too many), and for as long again only when no better
 * one is there; accused in that time, it stands aside for twice as long. When every endpoint
 * stands aside, reads fail with ERR_CHAIN_AWAY: no answer is better than one of a liar. `why` is
 * copied, cut at NODE_WHY_MAX and shown in the status; while it stands aside already, nothing
 * changes. Answers under way from it are still delivered. */
void node_accuse(struct node *node, size_t i, const char *why);

/* For status and metrics. Texts are valid until node_free or the next accusation. */
struct node_endpoint_status {
    const char *url;   /* as node_endpoint_name */
    const char *state; /* health_state_name */
    const char *why;   /* of the accusation while it is aside or on trial, else "" */
    bool healthy;      /* good or slow, and not limited */
    bool aside;
    unsigned weight;
    uint64_t calls, failures, limits;
    int64_t latency_ms;     /* average of small questions; 0: not measured */
    int64_t limited_for_ms; /* from now; 0: not limited */
    int64_t aside_for_ms;   /* from now; 0: not aside */
};
size_t node_endpoints(const struct node *node, struct node_endpoint_status out[NODE_ENDPOINTS_MAX]);

/* Which block a question is about. */
/* NODE_HASH (EIP-1898): that very block, and only while it is on the chain; not for node_block. */
enum node_tag { NODE_LATEST, NODE_SAFE, NODE_FINALIZED, NODE_NUMBER, NODE_HASH };
struct node_at {
    enum node_tag tag;
    uint64_t number;  /* only with NODE_NUMBER */
    uint8_t hash[32]; /* only with NODE_HASH */
};

/* A message call. `from` NULL: the node's default (zero address). */
struct node_message {
    const uint8_t *to;   /* 20 bytes */
    const uint8_t *from; /* 20 bytes or NULL */
    struct bytes data;
    struct node_at at;
};

/* Logs of one address. Topics left out fit anything. */
struct node_logs_filter {
    uint8_t address[20];
    uint8_t topic0[2][32]; /* any of these */
    size_t topic0_n;
    bool has_topic1, has_topic2;
    uint8_t topic1[32], topic2[32];
};

/* A range of blocks, all of it in one question to one endpoint. */
struct node_logs_query {
    uint64_t from, to; /* both included */
    struct node_logs_filter filter[NODE_LOG_FILTERS_MAX];
    size_t filters_n;
    enum node_tag past; /* whose block must be at `to` or above: latest, safe or finalized */
    bool with_end;      /* the header of `to` too, asked after the logs */
    uint8_t call_to[20];
    uint8_t call[NODE_RANGE_CALL_MAX]; /* a call at block `to` that answers with one word */
    size_t call_n;                     /* 0: no call */
};

struct node_estimate {
    uint64_t gas;        /* zero with ERR_CHAIN_REVERT */
    struct bytes revert; /* with ERR_CHAIN_REVERT */
};

struct node_sent {
    enum send_verdict verdict;
    uint8_t hash[32];          /* keccak-256 of the bytes sent, computed here */
    char text[CHAIN_TEXT_MAX]; /* what the node said, empty when it accepted */
};

typedef void node_u64_cb(void *ctx, const struct err *err, uint64_t value);
typedef void node_u256_cb(void *ctx, const struct err *err, const struct u256 *value);
typedef void node_bytes_cb(void *ctx, const struct err *err, const struct bytes *data);
/* One storage word; NULL with an error. */
typedef void node_word_cb(void *ctx, const struct err *err, const uint8_t word[32]);
typedef void node_code_cb(void *ctx, const struct err *err, const struct chain_code *code);
typedef void node_estimate_cb(void *ctx, const struct err *err,
                              const struct node_estimate *estimate);
typedef void node_block_cb(void *ctx, const struct err *err, const struct chain_block *block);
typedef void node_heads_cb(void *ctx, const struct err *err, const struct chain_heads *heads);
typedef void node_blocks_cb(void *ctx, const struct err *err, const struct chain_blocks *blocks);
typedef void node_logs_cb(void *ctx, const struct err *err, const struct chain_range *range);
typedef void node_receipt_cb(void *ctx, const struct err *err, const struct chain_receipt *receipt);
typedef void node_tx_cb(void *ctx, const struct err *err, const struct chain_tx *tx);
typedef void node_sent_cb(void *ctx, const struct err *err, const struct node_sent *sent);

void node_chain_id(struct node *node, node_u64_cb *cb, void *ctx);
void node_code(struct node *node, const uint8_t address[20], const struct node_at *at,
               node_code_cb *cb, void *ctx);
/* `slot` names one storage word of the account. */
struct node_slot {
    const uint8_t *address; /* 20 bytes */
    const uint8_t *slot;    /* 32 bytes */
    struct node_at at;
};
void node_storage(struct node *node, const struct node_slot *slot, node_word_cb *cb, void *ctx);
void node_nonce(struct node *node, const uint8_t address[20], node_u64_cb *cb, void *ctx);
void node_balance(struct node *node, const uint8_t address[20], node_u256_cb *cb, void *ctx);

/* ERR_CHAIN_REVERT comes with `data` = the revert data (at most CHAIN_REVERT_BYTES_MAX, may be
 * empty). */
void node_call(struct node *node, const struct node_message *message, node_bytes_cb *cb, void *ctx);
/* Always at latest; `message->at` is not looked at. ERR_CHAIN_REVERT comes with
 * `estimate->revert`. */
void node_estimate(struct node *node, const struct node_message *message, node_estimate_cb *cb,
                   void *ctx);

/* A block that is not there is a success with `present` false. */
void node_block(struct node *node, struct node_at at, node_block_cb *cb, void *ctx);
/* latest, safe and finalized in one question. */
void node_heads(struct node *node, node_heads_cb *cb, void *ctx);
/* `count` headers (1 .. CHAIN_BATCH_MAX) from block `from` on, in one question. */
void node_blocks(struct node *node, uint64_t from, size_t count, node_blocks_cb *cb, void *ctx);

/* The logs that fit any of the query's filters, each once, by block and index. The same question
 * asks the endpoint for its head first (or its safe or finalized block: query->past); an endpoint
 * whose block is below `to` is not believed (ERR_CHAIN_LAGS when all are), because an empty answer
 * from a node that lags looks exactly like "nothing happened". Logs outside the query are
 * ERR_CHAIN_ANSWER. A call that the endpoint cannot answer (state that it no longer holds) leaves
 * the word out and nothing else. */
void node_logs(struct node *node, const struct node_logs_query *query, node_logs_cb *cb, void *ctx);

void node_receipt(struct node *node, const uint8_t tx_hash[32], node_receipt_cb *cb, void *ctx);
void node_tx_by_hash(struct node *node, const uint8_t tx_hash[32], node_tx_cb *cb, void *ctx);

/* Sends signed bytes to every endpoint; the callback comes with the first ACCEPTED or KNOWN,
 * else when all have answered, with the verdicts joined (send_verdict_join). `sent` is never
 * NULL. `err` is not NULL exactly when the verdict is SEND_UNKNOWN; its outcome is
 * OUTCOME_NOT_HAPPENED only if no byte reached any endpoint. */
void node_send_raw(struct node *node, struct bytes raw, node_sent_cb *cb, void *ctx);

#endif
