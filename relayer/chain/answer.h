/* What an Ethereum node says, as typed facts, and the strict readers that make them from JSON.
 *
 * Everything a node sends is hostile until it has passed here: wrong types, odd or oversized
 * hex, a field missing, two fields of one name, a number above 63 bits (what the database and the
 * clock can hold), an id that was not asked, two logs at one place. Each gives ERR_CHAIN_ANSWER
 * with what was wrong; nothing is guessed and nothing is repaired.
 *
 * Pure: text in, structs out. Variable parts (logs, input, call data) live in the arena given by
 * the caller. Format: JSON-RPC 2.0 and the Ethereum execution API (QUANTITY = 0x without leading
 * zeros, DATA = 0x with an even number of digits). Extra members (Arbitrum adds several) are
 * ignored.
 */
#ifndef KUSTODIA_CHAIN_ANSWER_H
#define KUSTODIA_CHAIN_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/bytes.h"
#include "abi/u256.h"
#include "relayer/base/arena.h"
#include "relayer/base/err.h"

enum {
    CHAIN_ANSWER_BYTES_MAX = 8 * 1024 * 1024, /* one HTTP answer */
    CHAIN_VALUES_MAX = 500000, /* values in one answer: a small one may be large in memory */
    CHAIN_LOGS_MAX = 20000,             /* more in one answer is a range error: ask for less */
    CHAIN_DATA_BYTES_MAX = 1024 * 1024, /* one DATA field: log data, call result, input */
    CHAIN_CODE_BYTES_MAX = 32 * 1024,   /* runtime code; EIP-170 allows 24,576 */
    CHAIN_REVERT_BYTES_MAX = 1024,      /* revert data kept; the rest is cut */
    CHAIN_TEXT_MAX = 200, /* node's own error text kept, printable ASCII, with its NUL */
    CHAIN_BATCH_MAX = 64, /* requests in one JSON-RPC batch */
    CHAIN_ARENA_BYTES_MAX = 40 * 1024 * 1024 /* enough for the largest answer these limits allow */
};

/* A block header's part that the relayer needs. `present` false: the node has no such block
 * (yet). */
struct chain_block {
    bool present;
    uint64_t number;
    uint8_t hash[32];
    uint8_t parent[32];
    uint64_t time; /* seconds since 1970, the chain's clock; before the year 10000 */
    bool has_base_fee;
    struct u256 base_fee; /* wei */
};

/* One event log. `data` lives in the arena of the answer. */
struct chain_log {
    uint8_t address[20];
    uint8_t topics[4][32];
    size_t topics_n;
    struct bytes data;
    uint64_t block_number;
    uint8_t block_hash[32];
    uint8_t tx_hash[32];
    uint32_t log_index;
    bool removed; /* the block of this log left the chain */
};

struct chain_logs {
    const struct chain_log *log;
    size_t n;
};

/* What one endpoint says of a range of blocks. */
struct chain_range {
    struct chain_logs logs; /* by block number and index, each once */
    struct chain_block end; /* the header of the last block, where it was asked for */
    bool has_word;          /* the call at the end was answered */
    uint8_t word[32];
};

/* `present` false: not in a block that this endpoint knows. That is never proof that it will not
 * be. */
struct chain_receipt {
    bool present;
    uint8_t tx_hash[32];
    bool succeeded; /* status 0x1 */
    uint64_t block_number;
    uint8_t block_hash[32];
    uint64_t tx_index;
    uint8_t from[20];
    uint64_t gas_used;
    struct u256 effective_gas_price; /* wei */
    struct chain_logs logs;
};

/* A transaction as the node keeps it. Fees are present as the type has them, else zero. */
struct chain_tx {
    bool present;
    uint8_t hash[32];
    uint8_t from[20];
    bool has_to;
    uint8_t to[20];
    uint64_t type;
    uint64_t nonce;
    uint64_t gas_limit;
    struct u256 value;
    struct u256 gas_price;
    struct u256 max_fee;
    struct u256 max_priority_fee;
    struct bytes input;
    bool has_block;
    uint64_t block_number;
    uint8_t block_hash[32];
};

struct chain_heads {
    struct chain_block latest;    /* always present */
    struct chain_block safe;      /* absent where the node has no L1 data yet */
    struct chain_block finalized; /* same */
};

struct chain_blocks {
    struct chain_block
        block[CHAIN_BATCH_MAX]; /* numbers from, from + 1, ...; ends at the first one missing */
    size_t n;
};

struct chain_code {
    bool has_code;
    size_t size;      /* bytes */
    uint8_t hash[32]; /* keccak-256 of the code; of the empty string when there is none */
};

/* One member of an answer: either a result or the node's error. Points into the document. */
struct json_t;
struct chain_reply {
    const struct json_t *result; /* NULL when the node answered with an error; may be JSON null */
    int64_t error_code;
    char error_text[CHAIN_TEXT_MAX];
    bool reverted;                          /* the error is an EVM revert */
    uint8_t revert[CHAIN_REVERT_BYTES_MAX]; /* its data, cut at the maximum */
    size_t revert_n;
};

/* A parsed answer: `n` replies in the order of the questions. Free with answer_free. */
struct chain_answer {
    struct json_t *document;
    struct chain_reply *reply;
    size_t n;
};

/* Reads the answer to `n` questions with ids first_id .. first_id + n - 1 (n > 1: a batch). Each
 * id must come exactly once. One error object in place of a batch is every question's error. On
 * false nothing is to be freed. Error: ERR_CHAIN_ANSWER. */
bool answer_parse(const char *text, size_t text_n, uint64_t first_id, size_t n,
                  struct chain_answer *out, struct err *err);
void answer_free(struct chain_answer *answer);

/* Typed readers of one result. All set ERR_CHAIN_ANSWER on false. */
/* At most INT64_MAX. */
bool answer_u64(const struct json_t *result, uint64_t *out, struct err *err);
bool answer_u256(const struct json_t *result, struct u256 *out, struct err *err);
bool answer_hash(const struct json_t *result, uint8_t out[32], struct err *err);
bool answer_bytes(const struct json_t *result, struct arena *arena, struct bytes *out,
                  struct err *err);
/* More than CHAIN_CODE_BYTES_MAX is refused. */
bool answer_code(const struct json_t *result, struct arena *arena, struct chain_code *out,
                 struct err *err);
bool answer_block(const struct json_t *result, struct chain_block *out, struct err *err);
/* More than CHAIN_LOGS_MAX: ERR_CHAIN_RANGE. No two have one place (block number and log index), and
 * those of one block number have one block hash. */
bool answer_logs(const struct json_t *result, struct arena *arena, struct chain_logs *out,
                 struct err *err);
bool answer_receipt(const struct json_t *result, struct arena *arena, struct chain_receipt *out,
                    struct err *err);
bool answer_tx(const struct json_t *result, struct arena *arena, struct chain_tx *out,
               struct err *err);

#endif
