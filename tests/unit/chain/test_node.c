/* The node door against scripted endpoints: fail-over, lag, lies, and writes that go everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/node.h"
#include "relayer/net/http.h"
#include "tests/unit/chain/peer.h"

#define A20 "0x3333333333333333333333333333333333333333"
#define H32 "0x1111111111111111111111111111111111111111111111111111111111111111"
#define G32 "0x2222222222222222222222222222222222222222222222222222222222222222"
#define OK(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}"
#define BAD(id, code, text)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"error\":{\"code\":" #code ",\"message\":\"" text "\"}}"
#define BLOCK(n)                                                                                   \
    "{\"number\":\"" n "\",\"hash\":\"" H32 "\",\"parentHash\":\"" G32 "\",\"timestamp\":\"0x1\"}"
#define LOG_DATA(n, data)                                                                          \
    "{\"address\":\"" A20 "\",\"topics\":[],\"data\":\"" data "\",\"blockNumber\":\"" n            \
    "\",\"blockHash\":\"" G32 "\",\"transactionHash\":\"" H32 "\",\"logIndex\":\"0x0\"}"
#define LOG_AT(n) LOG_DATA(n, "0x")

static uv_loop_t loop;
static struct http_client *http;
static struct peer *first, *second;
static struct node *node;

static struct {
    unsigned calls;
    bool failed;
    struct err err;
    uint64_t value;
    struct chain_heads heads;
    size_t n;
    uint8_t revert[CHAIN_REVERT_BYTES_MAX];
    size_t revert_n;
    uint8_t word[32];
    bool present;
    struct node_sent sent;
} got;

static void note(const struct err *err)
{
    got.calls++;
    got.failed = err != NULL;
    got.err = err != NULL ? *err : (struct err){0};
}

static void on_u64(void *ctx, const struct err *err, uint64_t value)
{
    (void)ctx;
    note(err);
    got.value = value;
}

static void on_bytes(void *ctx, const struct err *err, const struct bytes *data)
{
    (void)ctx;
    note(err);
    got.revert_n = data != NULL ? data->n : 0;
    if (data != NULL && data->n > 0)
        memcpy(got.revert, data->p, data->n);
}

static void on_word(void *ctx, const struct err *err, const uint8_t word[32])
{
    (void)ctx;
    note(err);
    assert_int_equal(word == NULL, err != NULL);
    if (word != NULL)
        memcpy(got.word, word, 32);
}

static void on_code(void *ctx, const struct err *err, const struct chain_code *code)
{
    (void)ctx;
    note(err);
    got.present = code != NULL && code->has_code;
}

static void on_heads(void *ctx, const struct err *err, const struct chain_heads *heads)
{
    (void)ctx;
    note(err);
    if (heads != NULL)
        got.heads = *heads;
}

static void on_blocks(void *ctx, const struct err *err, const struct chain_blocks *blocks)
{
    (void)ctx;
    note(err);
    got.n = blocks != NULL ? blocks->n : 0;
}

static void on_block(void *ctx, const struct err *err, const struct chain_block *block)
{
    (void)ctx;
    note(err);
    got.present = block != NULL && block->present;
}

static void on_logs(void *ctx, const struct err *err, const struct chain_range *range)
{
    (void)ctx;
    note(err);
    got.n = range != NULL ? range->logs.n : 0;
    got.present = range != NULL && range->has_word;
    got.value = range != NULL ? range->end.number : 0;
}

static void on_receipt(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    (void)ctx;
    note(err);
    got.present = receipt != NULL && receipt->present;
}

static void on_sent(void *ctx, const struct err *err, const struct node_sent *sent)
{
    (void)ctx;
    note(err);
    assert_non_null(sent);
    got.sent = *sent;
}

static void until(unsigned calls)
{
    while (got.calls < calls)
        assert_true(uv_run(&loop, UV_RUN_ONCE) != 0 || got.calls >= calls);
    assert_int_equal(got.calls, calls);
}

static void expect(unsigned calls, enum err_code code)
{
    until(calls);
    assert_true(got.failed);
    assert_int_equal(got.err.code, code);
    assert_int_equal(got.err.outcome, OUTCOME_NOT_HAPPENED);
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 8, .queue_max = 8};
    struct err err;
    char urls[128];

    (void)state;
    memset(&got, 0, sizeof got);
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    first = peer_new(&loop);
    second = peer_new(&loop);
    snprintf(urls, sizeof urls, "http://127.0.0.1:%d/key , http://127.0.0.1:%d", peer_port(first),
             peer_port(second));
    node = node_new(http, &(struct node_settings){.urls = urls, .timeout_ms = 2000}, &err);
    assert_non_null(node);
    return 0;
}

static int down(void **state)
{
    (void)state;
    node_free(node);
    http_client_free(http);
    peer_free(first);
    peer_free(second);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void asks_the_first_and_only_the_first(void **state)
{
    (void)state;
    peer_say(first, OK(1, "\"0xa4b1\""));
    node_chain_id(node, on_u64, NULL);
    assert_int_equal(got.calls, 0);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.value, 42161);
    assert_string_equal(peer_request(first, 0)->body,
                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}");
    assert_int_equal(peer_requests(second), 0);
}

/* Each way for the first endpoint to fail sends the same question to the second. */
static void goes_on_to_the_next_endpoint(void **state)
{
    static const struct {
        enum peer_act act;
        int status;
        const char *body;
    } cases[] = {
        {PEER_DROP, 0, ""},
        {PEER_CUT, 200, OK(1, "\"0x1\"")},
        {PEER_ANSWER, 429, "slow down"},
        {PEER_ANSWER, 503, "<html>"},
        {PEER_ANSWER, 200, "not json"},
        {PEER_ANSWER, 200, OK(9, "\"0x1\"")},
        {PEER_ANSWER, 200, OK(1, "1")},
        {PEER_ANSWER, 200, BAD(1, -32005, "rate limit exceeded")},
        {PEER_ANSWER, 200, BAD(1, -32603, "words nobody has seen")},
    };
    struct node_endpoint_status endpoints[NODE_ENDPOINTS_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (i > 0) {
            down(state);
            up(state);
        }
        peer_plan(first, cases[i].act, cases[i].status, "", cases[i].body);
        peer_say(second, OK(1, "\"0x7\""));
        node_chain_id(node, on_u64, NULL);
        until(1);
        assert_false(got.failed);
        assert_int_equal(got.value, 7);

        /* And the second is preferred while the first cools down. */
        peer_say(second, OK(2, "\"0x8\""));
        node_chain_id(node, on_u64, NULL);
        until(2);
        assert_int_equal(peer_requests(first), 1);
        assert_int_equal(node_endpoints(node, endpoints), 2);
        assert_false(endpoints[0].healthy);
        assert_true(endpoints[1].healthy);
        assert_null(strstr(endpoints[0].url, "key"));
    }
}

/* ---- views of one endpoint, and liars ---- */

static void a_view_asks_its_endpoint_alone(void **state)
{
    struct node_endpoint_status endpoints[NODE_ENDPOINTS_MAX];
    char name[64];

    (void)state;
    assert_int_equal(node_endpoints_n(node), 2);
    snprintf(name, sizeof name, "http://127.0.0.1:%d", peer_port(first));
    assert_string_equal(node_endpoint_name(node, 0), name); /* without the key in its path */
    peer_say(second, OK(1, "\"0x7\""));
    node_chain_id(node_of_endpoint(node, 1), on_u64, NULL);
    until(1);
    assert_int_equal(got.value, 7);
    assert_int_equal(peer_requests(first), 0);

    /* It fails rather than move on, and what it learnt holds for the whole. */
    peer_plan(first, PEER_DROP, 0, "", "");
    node_chain_id(node_of_endpoint(node, 0), on_u64, NULL);
    expect(2, ERR_CHAIN_AWAY);
    assert_int_equal(peer_requests(second), 1);
    assert_int_equal(node_endpoints(node, endpoints), 2);
    assert_false(endpoints[0].healthy);
    assert_int_equal(endpoints[0].failures, 1);
    assert_int_equal(endpoints[1].calls, 1);

    /* A view of a view counts the endpoints of the whole. */
    peer_say(second, OK(3, "\"0x8\""));
    node_chain_id(node_of_endpoint(node_of_endpoint(node, 0), 1), on_u64, NULL);
    until(3);
    assert_int_equal(got.value, 8);
    assert_int_equal(node_endpoints_n(node_of_endpoint(node, 0)), 2);
}

static void a_liar_is_not_asked(void **state)
{
    struct node_endpoint_status endpoints[NODE_ENDPOINTS_MAX];
    int64_t accused = metrics_get(METRIC_chain_accused);

    (void)state;
    node_accuse(node, 0, "a receipt that no other endpoint has");
    assert_int_equal(metrics_get(METRIC_chain_accused), accused + 1);
    assert_int_equal(node_endpoints(node, endpoints), 2);
    assert_true(endpoints[0].aside && !endpoints[0].healthy);
    assert_string_equal(endpoints[0].why, "a receipt that no other endpoint has");
    assert_true(!endpoints[1].aside && endpoints[1].healthy);

    peer_say(second, OK(1, "\"0x7\""));
    node_chain_id(node, on_u64, NULL);
    until(1);
    assert_int_equal(got.value, 7);

    /* Not even when the honest one is away, nor by its own view; and never within the call. */
    peer_plan(second, PEER_DROP, 0, "", "");
    node_chain_id(node, on_u64, NULL);
    expect(2, ERR_CHAIN_AWAY);
    node_chain_id(node_of_endpoint(node, 0), on_u64, NULL);
    assert_int_equal(got.calls, 2);
    expect(3, ERR_CHAIN_AWAY);
    assert_non_null(strstr(got.err.message, "a receipt that no other endpoint has"));
    assert_int_equal(peer_requests(first), 0);
}

/* Every call is answered, also one that waits when the node goes. */
static void answers_a_waiting_call_when_it_is_freed(void **state)
{
    (void)state;
    node_accuse(node, 0, "a lie");
    node_accuse(node, 1, "another");
    node_chain_id(node, on_u64, NULL);
    assert_int_equal(got.calls, 0);
    node_free(node);
    node = NULL;
    expect(1, ERR_CHAIN_AWAY);
}

static void fails_when_no_endpoint_is_left(void **state)
{
    (void)state;
    peer_plan(first, PEER_DROP, 0, "", "");
    peer_say(second, "nonsense");
    node_chain_id(node, on_u64, NULL);
    expect(1, ERR_CHAIN_ANSWER);
    peer_plan(second, PEER_DROP, 0, "", "");
    peer_plan(first, PEER_ANSWER, 503, "", "");
    node_chain_id(node, on_u64, NULL);
    expect(2, ERR_CHAIN_AWAY);
}

static void hands_a_revert_over_without_asking_twice(void **state)
{
    uint8_t to[20] = {0};

    (void)state;
    peer_say(
        first,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":3,\"message\":\"execution reverted\","
        "\"data\":\"0xdeadbeef\"}}");
    node_call(node, &(struct node_message){.to = to}, on_bytes, NULL);
    expect(1, ERR_CHAIN_REVERT);
    assert_int_equal(got.revert_n, 4);
    assert_memory_equal(got.revert, "\xde\xad\xbe\xef", 4);
    assert_int_equal(peer_requests(second), 0);
    assert_non_null(strstr(
        peer_request(first, 0)->body,
        "[{\"to\":\"0x0000000000000000000000000000000000000000\",\"data\":\"0x\"},\"latest\"]"));
}

/* A storage word at one block by its hash; an endpoint without that block, or with half a word, is
 * passed over. */
static void reads_one_word_at_one_block(void **state)
{
    struct node_at at = {.tag = NODE_HASH};
    uint8_t address[20], slot[32];
    struct node_slot where = {.address = address, .slot = slot};

    (void)state;
    memset(address, 0x33, sizeof address);
    memset(slot, 0x22, sizeof slot);
    memset(at.hash, 0x11, sizeof at.hash);
    where.at = at;
    peer_say(first, BAD(1, -32000, "header for hash not found"));
    peer_say(second, OK(1, "\"" G32 "\""));
    node_storage(node, &where, on_word, NULL);
    until(1);
    assert_false(got.failed);
    assert_memory_equal(got.word, slot, 32);
    assert_non_null(strstr(peer_request(first, 0)->body,
                           "\"method\":\"eth_getStorageAt\",\"params\":[\"" A20 "\",\"" G32
                           "\",{\"blockHash\":\"" H32 "\",\"requireCanonical\":true}]"));
    peer_say(second, OK(2, "\"0x0\""));
    peer_say(first, OK(2, "\"0x00\""));
    node_storage(node, &where, on_word, NULL);
    expect(2, ERR_CHAIN_ANSWER);
}

static void reads_code_at_one_block(void **state)
{
    struct node_at at = {.tag = NODE_HASH};
    uint8_t address[20];

    (void)state;
    memset(address, 0x33, sizeof address);
    memset(at.hash, 0x11, sizeof at.hash);
    peer_say(first, OK(1, "\"0x\""));
    node_code(node, address, &at, on_code, NULL);
    until(1);
    assert_false(got.failed || got.present);
    assert_non_null(strstr(peer_request(first, 0)->body,
                           "\"method\":\"eth_getCode\",\"params\":[\"" A20
                           "\",{\"blockHash\":\"" H32 "\",\"requireCanonical\":true}]"));
}

static void reads_heads_with_and_without_finality(void **state)
{
    (void)state;
    peer_say(first, "[" OK(1, BLOCK("0x5")) "," OK(2, BLOCK("0x6")) "," OK(3, BLOCK("0x9")) "]");
    node_heads(node, on_heads, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.heads.finalized.number, 5);
    assert_int_equal(got.heads.safe.number, 6);
    assert_int_equal(got.heads.latest.number, 9);
    peer_say(first, "[" BAD(4, -32000, "finalized block not found") "," OK(5, "null") "," OK(
                        6, BLOCK("0x9")) "]");
    node_heads(node, on_heads, NULL);
    until(2);
    assert_false(got.failed || got.heads.finalized.present || got.heads.safe.present);
    /* Finalized above latest is a lie: the next endpoint is asked. */
    peer_say(first, "[" OK(7, BLOCK("0x50")) "," OK(8, "null") "," OK(9, BLOCK("0x9")) "]");
    peer_say(second, "[" OK(7, BLOCK("0x5")) "," OK(8, "null") "," OK(9, BLOCK("0xa")) "]");
    node_heads(node, on_heads, NULL);
    until(3);
    assert_int_equal(got.heads.latest.number, 10);
}

static void ends_blocks_at_the_first_that_is_missing(void **state)
{
    (void)state;
    peer_say(first, "[" OK(1, BLOCK("0x10")) "," OK(2, BLOCK("0x11")) "," OK(3, "null") "]");
    node_blocks(node, 16, 3, on_blocks, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.n, 2);
    peer_say(first, "[" OK(4, BLOCK("0x10")) "," OK(5, BLOCK("0x13")) "]"); /* another number */
    peer_plan(second, PEER_DROP, 0, "", "");
    node_blocks(node, 16, 2, on_blocks, NULL);
    until(2);
    assert_true(got.failed);
    assert_int_equal(got.err.outcome, OUTCOME_NOT_HAPPENED);
}

static void calls_a_missing_block_absent(void **state)
{
    (void)state;
    peer_say(first, OK(1, "null"));
    node_block(node, (struct node_at){.tag = NODE_NUMBER, .number = 255}, on_block, NULL);
    until(1);
    assert_false(got.failed || got.present);
    assert_non_null(strstr(peer_request(first, 0)->body, "[\"0xff\",false]"));
}

static struct node_logs_query logs_query(void)
{
    struct node_logs_query query = {.from = 1, .to = 16, .filters_n = 1};

    memset(query.filter[0].address, 0x33, 20);
    return query;
}

static void believes_logs_only_from_a_head_past_the_range(void **state)
{
    struct node_logs_query query = logs_query();

    (void)state;
    peer_say(first, "[" OK(1, "\"0xf\"") "," OK(2, "[]") "]"); /* lags by one block */
    peer_say(second, "[" OK(1, "\"0x10\"") "," OK(2, "[" LOG_AT("0x10") "]") "]");
    node_logs(node, &query, on_logs, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.n, 1);
    assert_non_null(
        strstr(peer_request(first, 0)->body, "\"fromBlock\":\"0x1\",\"toBlock\":\"0x10\""));

    peer_say(first, "[" OK(3, "\"0xf\"") "," OK(4, "[]") "]");
    peer_plan(second, PEER_DROP, 0, "", "");
    node_logs(node, &query, on_logs, NULL);
    expect(2, ERR_CHAIN_LAGS);
}

static void refuses_logs_nobody_asked_for(void **state)
{
    struct node_logs_query query = logs_query();

    (void)state;
    peer_say(first, "[" OK(1, "\"0x20\"") "," OK(2, "[" LOG_AT("0x11") "]") "]");
    peer_say(second, "[" OK(1, "\"0x20\"") "," OK(2, "[" LOG_AT("0x0") "]") "]");
    node_logs(node, &query, on_logs, NULL);
    expect(1, ERR_CHAIN_ANSWER);
    query.filter[0].address[0] = 0x44;
    peer_say(first, "[" OK(3, "\"0x20\"") "," OK(4, "[" LOG_AT("0x5") "]") "]");
    peer_say(second, "[" OK(3, "\"0x20\"") "," OK(4, "[" LOG_AT("0x5") "]") "]");
    node_logs(node, &query, on_logs, NULL);
    expect(2, ERR_CHAIN_ANSWER);
}

/* Several filters, the end's header and a call that is not answered, in one question. */
static void asks_a_range_in_one_question(void **state)
{
    struct node_logs_query query = {.from = 1, .to = 16, .filters_n = 2, .past = NODE_FINALIZED};

    (void)state;
    memset(query.filter[0].address, 0x33, 20);
    memset(query.filter[1].address, 0x33, 20);
    query.filter[1].has_topic2 = true;
    memset(query.filter[1].topic2, 0x55, 32);
    query.with_end = true;
    query.call_n = 4;
    peer_say(first, "[" OK(1, BLOCK("0x10")) "," OK(2, "[" LOG_AT("0x9") "," LOG_AT("0x5") "]") ","
             OK(3, "[]") "," OK(4, BLOCK("0x10")) "," BAD(5, -32000, "missing trie node") "]");
    node_logs(node, &query, on_logs, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.value, 16);
    assert_false(got.present);
    assert_non_null(strstr(peer_request(first, 0)->body, "\"topics\":[null,null,\"0x5555"));

    /* the end is missing, the finalized block is below the range, a log without the topic */
    peer_say(first, "[" OK(6, BLOCK("0x10")) "," OK(7, "[]") "," OK(8, "[]") ","
             OK(9, "null") "," OK(10, "\"0x00\"") "]");
    peer_say(second, "[" OK(6, BLOCK("0xf")) "," OK(7, "[]") "," OK(8, "[]") ","
             OK(9, BLOCK("0x10")) "," OK(10, "\"0x\"") "]");
    node_logs(node, &query, on_logs, NULL);
    expect(2, ERR_CHAIN_LAGS);
    query.filter[0].topic0_n = 1;
    peer_say(first, "[" OK(11, BLOCK("0x10")) "," OK(12, "[" LOG_AT("0x9") "]") "," OK(13, "[]") ","
             OK(14, BLOCK("0x10")) "," OK(15, "\"" H32 "\"") "]");
    peer_say(second, "[" OK(11, BLOCK("0x10")) "," OK(12, "[]") "," OK(13, "[]") ","
             OK(14, BLOCK("0x10")) "," OK(15, "\"" H32 "\"") "]");
    node_logs(node, &query, on_logs, NULL);
    until(3);
    assert_false(got.failed);
    assert_int_equal(got.n, 0);
    assert_true(got.present);
}

/* A log that fits two filters comes twice; of its two forms nobody knows the true one. */
static void refuses_two_forms_of_one_log(void **state)
{
    struct node_logs_query query = {.from = 1, .to = 16, .filters_n = 2};
    static const char other[] = "[" OK(4, "\"0x20\"") "," OK(5, "[" LOG_AT("0x9") "]") ","
                                OK(6, "[" LOG_DATA("0x9", "0x02") "]") "]";

    (void)state;
    memset(query.filter[0].address, 0x33, 20);
    memset(query.filter[1].address, 0x33, 20);
    peer_say(first, "[" OK(1, "\"0x20\"") "," OK(2, "[" LOG_AT("0x9") "]") ","
             OK(3, "[" LOG_AT("0x9") "]") "]");
    node_logs(node, &query, on_logs, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.n, 1);
    peer_say(first, other);
    peer_say(second, other);
    node_logs(node, &query, on_logs, NULL);
    expect(2, ERR_CHAIN_ANSWER);
}

static void reports_a_range_at_once(void **state)
{
    struct node_logs_query query = logs_query();

    (void)state;
    peer_say(first, "[" OK(1, "\"0x20\"") "," BAD(2, -32005,
                                                  "query returned more than 10000 results") "]");
    node_logs(node, &query, on_logs, NULL);
    expect(1, ERR_CHAIN_RANGE);
    assert_int_equal(peer_requests(second), 0);
}

static void refuses_the_receipt_of_another_transaction(void **state)
{
    uint8_t hash[32];

    (void)state;
    memset(hash, 0x99, 32);
    peer_say(first, OK(1, "null"));
    node_receipt(node, hash, on_receipt, NULL);
    until(1);
    assert_false(got.failed || got.present);
    for (int i = 0; i < 2; i++)
        peer_say(i == 0 ? first : second,
                 OK(2,
                    "{\"transactionHash\":\"" H32 "\",\"status\":\"0x1\",\"blockNumber\":\"0x10\","
                    "\"blockHash\":\"" G32 "\",\"transactionIndex\":\"0x0\",\"from\":\"" A20
                    "\",\"gasUsed\":\"0x1\",\"effectiveGasPrice\":\"0x1\",\"logs\":[]}"));
    node_receipt(node, hash, on_receipt, NULL);
    expect(2, ERR_CHAIN_ANSWER);
}

/* ---- writes ---- */

static const uint8_t raw[] = {0x02, 0xc0};
static char accepted[160];

static const char *accept_text(unsigned id)
{
    uint8_t hash[32];
    char hex[67];

    keccak256(raw, sizeof raw, hash);
    hex_encode_0x(hash, 32, hex);
    snprintf(accepted, sizeof accepted, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":\"%s\"}", id,
             hex);
    return accepted;
}

static void send_raw(void)
{
    node_send_raw(node, (struct bytes){raw, sizeof raw}, on_sent, NULL);
}

static void sends_to_every_endpoint(void **state)
{
    (void)state;
    peer_say(first, BAD(1, -32000, "transaction underpriced"));
    peer_say(second, accept_text(1));
    send_raw();
    assert_int_equal(got.calls, 0);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);
    while (peer_requests(first) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_string_equal(peer_request(first, 0)->body, peer_request(second, 0)->body);
    assert_non_null(strstr(peer_request(first, 0)->body, "\"params\":[\"0x02c0\"]"));
}

/* A liar gets the bytes too; a view sends to its own endpoint only. */
static void sends_to_a_liar_too(void **state)
{
    (void)state;
    node_accuse(node, 0, "a lie");
    peer_say(first, accept_text(1));
    peer_plan(second, PEER_DROP, 0, "", "");
    send_raw();
    until(1);
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);

    peer_say(second, accept_text(2));
    node_send_raw(node_of_endpoint(node, 1), (struct bytes){raw, sizeof raw}, on_sent, NULL);
    until(2);
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);
    assert_int_equal(peer_requests(first), 1);
}

struct send_case {
    const char *first, *second; /* NULL: the answer is lost */
    enum send_verdict verdict;
};

static void joins_what_the_endpoints_say(void **state)
{
    static const struct send_case cases[] = {
        {BAD(1, -32000, "already known"), NULL, SEND_KNOWN},
        {BAD(1, -32000, "nonce too low"), BAD(1, -32000, "nonce too low"), SEND_NONCE_LOW},
        {BAD(1, -32000, "insufficient funds"), NULL, SEND_UNKNOWN},
        {BAD(1, -32000, "intrinsic gas too low"), BAD(1, -32000, "oversized data"), SEND_REFUSED},
        {BAD(1, -32000, "intrinsic gas too low"), BAD(1, -32000, "queue full"), SEND_UNKNOWN},
        {OK(1, "\"" H32 "\""), BAD(1, -32000, "oversized data"), SEND_UNKNOWN}, /* another hash */
        {OK(1, "\"0x1\""), NULL, SEND_UNKNOWN},
        {"<html>", "{}", SEND_UNKNOWN},
        {NULL, NULL, SEND_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *const peers[] = {first, second};
        const char *const says[] = {cases[i].first, cases[i].second};

        for (size_t p = 0; p < 2; p++)
            peer_plan(peers[p], says[p] == NULL ? PEER_DROP : PEER_ANSWER, 200, "",
                      says[p] == NULL ? "" : says[p]);
        send_raw();
        until(1);
        assert_string_equal(send_verdict_name(got.sent.verdict),
                            send_verdict_name(cases[i].verdict));
        assert_int_equal(got.failed, cases[i].verdict == SEND_UNKNOWN);
        if (got.failed)
            assert_int_equal(got.err.outcome, OUTCOME_UNKNOWN);
        down(state);
        up(state);
    }
}

static void knows_when_nothing_was_sent(void **state)
{
    struct err err;

    (void)state;
    node_free(node);
    node = node_new(http,
                    &(struct node_settings){.urls = "http://127.0.0.1:1,http://127.0.0.1:1",
                                            .timeout_ms = 2000},
                    &err);
    send_raw();
    until(1);
    assert_int_equal(got.sent.verdict, SEND_UNKNOWN);
    assert_int_equal(got.err.outcome, OUTCOME_NOT_HAPPENED);
    node_chain_id(node, on_u64, NULL);
    expect(2, ERR_CHAIN_AWAY);
}

static void answers_every_call_when_it_is_freed(void **state)
{
    (void)state;
    peer_plan(first, PEER_HOLD, 0, "", "");
    peer_plan(first, PEER_HOLD, 0, "", "");
    peer_plan(second, PEER_HOLD, 0, "", "");
    node_chain_id(node, on_u64, NULL);
    send_raw();
    while (peer_requests(first) < 2 || peer_requests(second) < 1)
        uv_run(&loop, UV_RUN_ONCE);
    node_free(node);
    http_client_free(http);
    assert_int_equal(got.calls, 2);
    node = NULL;
    http = NULL;
}

static void refuses_odd_addresses(void **state)
{
    static const char *const bad[] = {
        "",
        "ftp://x",
        "http://a,",
        "http://a,,http://b",
        "localhost:8545",
        "http://a,http://a,http://a,http://a,http://a,http://a,http://a,"
        "http://a,http://a"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err = (struct err){0};
        assert_null(node_new(http, &(struct node_settings){.urls = bad[i]}, &err));
        assert_int_equal(err.code, ERR_CONFIG_VALUE);
    }
    assert_null(node_new(http, &(struct node_settings){.urls = NULL}, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_the_first_and_only_the_first),
        TEST(goes_on_to_the_next_endpoint),
        TEST(a_view_asks_its_endpoint_alone),
        TEST(a_liar_is_not_asked),
        TEST(answers_a_waiting_call_when_it_is_freed),
        TEST(fails_when_no_endpoint_is_left),
        TEST(hands_a_revert_over_without_asking_twice),
        TEST(reads_one_word_at_one_block),
        TEST(reads_code_at_one_block),
        TEST(reads_heads_with_and_without_finality),
        TEST(ends_blocks_at_the_first_that_is_missing),
        TEST(calls_a_missing_block_absent),
        TEST(believes_logs_only_from_a_head_past_the_range),
        TEST(refuses_logs_nobody_asked_for),
        TEST(asks_a_range_in_one_question),
        TEST(refuses_two_forms_of_one_log),
        TEST(reports_a_range_at_once),
        TEST(refuses_the_receipt_of_another_transaction),
        TEST(sends_to_every_endpoint),
        TEST(sends_to_a_liar_too),
        TEST(joins_what_the_endpoints_say),
        TEST(knows_when_nothing_was_sent),
        TEST(answers_every_call_when_it_is_freed),
        TEST(refuses_odd_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
