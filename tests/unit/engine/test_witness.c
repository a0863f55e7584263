/* The second opinion against scripted endpoints: too few answers, and an end while some are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "relayer/chain/node.h"
#include "relayer/engine/witness.h"
#include "relayer/net/http.h"
#include "tests/unit/chain/peer.h"

/* Each voice's question about a range: the head, three filters, the end, a balance. */
enum { PEERS = 3, AGREE = 2, RANGE_QUESTIONS = 6 };

static uv_loop_t loop;
static struct http_client *http;
static struct peer *peer[PEERS];
static struct config config;
static struct engine engine;
static struct witness *witness;

static struct {
    unsigned calls;
    enum witness_verdict verdict;
} got;

static void range_told(void *ctx, enum witness_verdict verdict, const struct chain_block *end)
{
    (void)ctx;
    assert_null(end);
    got.calls++;
    got.verdict = verdict;
}

static void receipt_told(void *ctx, enum witness_verdict verdict,
                         const struct chain_receipt *receipt)
{
    (void)ctx;
    assert_null(receipt);
    got.calls++;
    got.verdict = verdict;
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 8, .queue_max = 8};
    struct err err;
    char urls[PEERS * 64] = "";

    (void)state;
    memset(&got, 0, sizeof got);
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    for (size_t i = 0; i < PEERS; i++) {
        size_t used = strlen(urls);
        peer[i] = peer_new(&loop);
        snprintf(urls + used, sizeof urls - used, "%shttp://127.0.0.1:%d", i > 0 ? "," : "",
                 peer_port(peer[i]));
    }
    config = (struct config){.chain_agree = AGREE, .chain_timeout_ms = 600000};
    config.chain_rpc_url.n = PEERS;
    engine = (struct engine){.config = &config, .http = http};
    engine.node = node_new(http, &(struct node_settings){.urls = urls, .timeout_ms = 600000}, &err);
    assert_non_null(engine.node);
    witness = witness_new(&engine);
    return 0;
}

static void doors_close(void)
{
    node_free(engine.node);
    engine.node = NULL;
    http_client_free(http);
    http = NULL;
}

static int down(void **state)
{
    (void)state;
    if (http != NULL)
        doors_close();
    witness_free(witness);
    for (size_t i = 0; i < PEERS; i++)
        peer_free(peer[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void until_told(unsigned calls)
{
    while (got.calls < calls)
        uv_run(&loop, UV_RUN_ONCE);
}

/* The range is too long, says this endpoint; its questions are numbered from `first_id` on. */
static void say_too_long(size_t i, unsigned first_id)
{
    char body[1024] = "";
    for (unsigned k = 0; k < RANGE_QUESTIONS; k++) {
        size_t used = strlen(body);
        snprintf(body + used, sizeof body - used,
                 "%s{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32005,"
                 "\"message\":\"query returned more than 10\"}}%s",
                 k == 0 ? "[" : ",", first_id + k, k + 1 == RANGE_QUESTIONS ? "]" : "");
    }
    peer_say(peer[i], body);
}

static enum witness_verdict ask_too_long(uint64_t from, uint64_t to)
{
    struct witness_range range = {.from = from, .to = to};
    for (size_t i = 0; i < PEERS; i++)
        say_too_long(i, 1 + (unsigned)i * RANGE_QUESTIONS);
    witness_ask(witness, &range, range_told, NULL);
    until_told(1);
    return got.verdict;
}

static void too_many_blocks_are_asked_about_in_parts(void **state)
{
    (void)state;
    assert_int_equal(ask_too_long(7, 8), WITNESS_RANGE);
}

static void one_block_has_no_parts(void **state)
{
    (void)state;
    assert_int_equal(ask_too_long(8, 8), WITNESS_MISSING);
}

/* The third was not asked yet, and the door is closed when the answers of two fail to come. */
static void nobody_is_asked_while_the_daemon_stops(void **state)
{
    struct witness_range range = {.from = 7, .to = 8};
    uint8_t hash[32] = {1};

    (void)state;
    for (size_t i = 0; i < AGREE; i++) {
        peer_plan(peer[i], PEER_HOLD, 0, "", "");
        peer_plan(peer[i], PEER_HOLD, 0, "", "");
    }
    witness_ask(witness, &range, range_told, NULL);
    witness_receipt(witness, hash, receipt_told, NULL);
    while (peer_requests(peer[0]) + peer_requests(peer[1]) < 2 * AGREE)
        uv_run(&loop, UV_RUN_ONCE);
    engine.stopping = true;
    doors_close();
    until_told(2);
    assert_int_equal(got.verdict, WITNESS_MISSING);
    assert_int_equal(peer_requests(peer[2]), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(too_many_blocks_are_asked_about_in_parts),
        TEST(one_block_has_no_parts),
        TEST(nobody_is_asked_while_the_daemon_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
