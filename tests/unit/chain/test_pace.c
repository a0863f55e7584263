/* The node door with endpoints that limit, die and come back: who is asked, who waits, who is spared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/clock.h"
#include "relayer/chain/endpoint.h" /* its clock cannot be turned from outside */
#include "relayer/chain/node.h"
#include "tests/unit/chain/peer.h"

#define OK(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}"
#define BAD(id, code, text)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"error\":{\"code\":" #code ",\"message\":\"" text "\"}}"

enum { PEERS = 2 };

static uv_loop_t loop;
static struct http_client *http;
static struct peer *peers[PEERS];
static struct node *node;
static unsigned calls, failed;
static uint64_t last;
static struct err last_err;

static void on_u64(void *ctx, const struct err *err, uint64_t value)
{
    (void)ctx;
    calls++;
    failed += err != NULL;
    last = value;
    last_err = err != NULL ? *err : (struct err){0};
}

static void on_logs(void *ctx, const struct err *err, const struct chain_range *logs)
{
    (void)logs;
    on_u64(ctx, err, 0);
}

static void on_block(void *ctx, const struct err *err, const struct chain_block *block)
{
    on_u64(ctx, err, block != NULL ? block->number : 0);
}

static void on_sent(void *ctx, const struct err *err, const struct node_sent *sent)
{
    on_u64(ctx, err, (uint64_t)sent->verdict);
}

static void until(unsigned n)
{
    while (calls < n)
        assert_true(uv_run(&loop, UV_RUN_ONCE) != 0 || calls >= n);
    assert_int_equal(calls, n);
}

static void ask(void)
{
    node_chain_id(node, on_u64, NULL);
}

static void open_node(const unsigned *weights)
{
    struct err err;
    char urls[128];

    snprintf(urls, sizeof urls, "http://127.0.0.1:%d,http://127.0.0.1:%d", peer_port(peers[0]),
             peer_port(peers[1]));
    node = node_new(
        http,
        &(struct node_settings){.urls = urls, .weights = weights, .timeout_ms = 20000}, &err);
    assert_non_null(node);
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 16, .queue_max = 16};

    (void)state;
    calls = failed = 0;
    last = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    for (size_t i = 0; i < PEERS; i++)
        peers[i] = peer_new(&loop);
    open_node(NULL);
    return 0;
}

static int down(void **state)
{
    (void)state;
    node_free(node);
    http_client_free(http);
    for (size_t i = 0; i < PEERS; i++)
        peer_free(peers[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static struct node_endpoint_status status_of(size_t i)
{
    struct node_endpoint_status out[NODE_ENDPOINTS_MAX];

    assert_int_equal(node_endpoints(node, out), PEERS);
    return out[i];
}

static void weights_share_the_questions(void **state)
{
    const unsigned weights[PEERS] = {1, 3};
    char answer[64];

    (void)state;
    node_free(node);
    open_node(weights);
    assert_int_equal(status_of(1).weight, 3);
    for (unsigned id = 1; id <= 8; id++) { /* the script does not know who is asked: both may be */
        snprintf(answer, sizeof answer, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":\"0x1\"}", id);
        peer_say(peers[0], answer);
        peer_say(peers[1], answer);
    }
    for (unsigned id = 1; id <= 8; id++) {
        size_t before = peer_requests(peers[0]);

        /* Whoever was not asked drops his line, so that the scripts stay in step. */
        ask();
        until(id);
        peer_skip(peers[peer_requests(peers[0]) > before ? 1 : 0]);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(peer_requests(peers[0]), 2);
    assert_int_equal(peer_requests(peers[1]), 6);
}

/* 429 with a short pause: the question waits and is asked again, by nobody but the node. */
static void waits_for_the_pause_it_is_told(void **state)
{
    int64_t begun = clock_mono_ms();
    struct node *one = node_of_endpoint(node, 0);

    (void)state;
    peer_plan(peers[0], PEER_ANSWER, 429, "Retry-After: 1\r\n", OK(1, "\"0x5\""));
    peer_say(peers[0], OK(1, "\"0x6\""));
    node_chain_id(one, on_u64, NULL);
    until(1);
    assert_int_equal(failed, 0);
    assert_int_equal(last, 6); /* a body beside 429 is not looked at */
    assert_true(clock_mono_ms() - begun >= 1000);
    assert_int_equal(status_of(0).limits, 1);
    assert_int_equal(status_of(0).failures, 0);
}

static void asks_another_rather_than_wait(void **state)
{
    (void)state;
    peer_plan(peers[0], PEER_ANSWER, 200, "Retry-After: 200\r\n",
              BAD(1, -32005, "daily request count exceeded"));
    peer_say(peers[1], OK(1, "\"0x6\""));
    ask();
    until(1);
    assert_int_equal(last, 6);
    assert_true(status_of(0).limited_for_ms > 100000 && status_of(0).limited_for_ms <= 200000);
    assert_false(status_of(0).healthy);

    /* For that long nobody waits: asked alone, it is refused at once, and not within the call. */
    node_chain_id(node_of_endpoint(node, 0), on_u64, NULL);
    assert_int_equal(calls, 1);
    until(2);
    assert_int_equal(last_err.code, ERR_CHAIN_RATE);
    assert_int_equal(last_err.outcome, OUTCOME_NOT_HAPPENED);
    assert_int_equal(peer_requests(peers[0]), 1);
}

/* A write goes out whatever the limit is; that it was refused for the rate leaves its outcome open. */
static void a_limit_holds_no_write(void **state)
{
    static const uint8_t raw[] = {0x02, 0xc0};
    struct node *one = node_of_endpoint(node, 0);

    (void)state;
    for (unsigned i = 1; i <= 2; i++) {
        peer_plan(peers[0], PEER_ANSWER, 429, "Retry-After: 100\r\n", "");
        node_send_raw(one, (struct bytes){raw, sizeof raw}, on_sent, NULL);
        until(i);
        assert_int_equal(last, SEND_UNKNOWN);
        assert_int_equal(last_err.outcome, OUTCOME_UNKNOWN);
    }
    assert_int_equal(status_of(0).limits, 2);
}

/* Ten questions at once to a node that is away: after it is known, one tries it and nine are refused
 * without a connection. */
static void one_question_tries_a_dead_node(void **state)
{
    struct node *one = node_of_endpoint(node, 0);

    (void)state;
    for (unsigned i = 1; i <= HEALTH_OPEN_AFTER; i++) {
        peer_plan(peers[0], PEER_DROP, 0, "", "");
        node_chain_id(one, on_u64, NULL);
        until(i);
    }
    assert_string_equal(status_of(0).state, "away");
    peer_say(peers[0], OK(4, "\"0x6\""));
    for (unsigned i = 0; i < 10; i++)
        node_chain_id(one, on_u64, NULL);
    until(HEALTH_OPEN_AFTER + 10);
    assert_int_equal(failed, HEALTH_OPEN_AFTER + 9);
    assert_int_equal(peer_requests(peers[0]), HEALTH_OPEN_AFTER + 1);
    assert_string_equal(status_of(0).state, "good"); /* it answered: back at once */
}

/* When the pause of one that is away is over, the node asks it a small question of its own: what others ask
 * goes to the good one meanwhile. */
static void the_node_tries_a_dead_one_itself(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= HEALTH_OPEN_AFTER; i++) {
        peer_plan(peers[0], PEER_DROP, 0, "", "");
        node_chain_id(node_of_endpoint(node, 0), on_u64, NULL);
        until(i);
    }
    peer_say(peers[1], OK(4, "\"0x6\""));
    ask();
    until(4);
    assert_int_equal(peer_requests(peers[0]), HEALTH_OPEN_AFTER); /* its pause is not over */

    node->all->health[0].open_until_ms = clock_mono_ms();
    peer_say(peers[1], OK(5, "\"0x7\""));
    peer_say(peers[0], OK(6, "\"0x10\""));
    ask();
    until(5);
    assert_int_equal(last, 7);
    while (strcmp(status_of(0).state, "good") != 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(calls, 5); /* nobody asked for that answer */
    assert_non_null(
        strstr(peer_request(peers[0], HEALTH_OPEN_AFTER)->body, "\"eth_blockNumber\""));
}

static void a_node_that_cannot_is_not_dead(void **state)
{
    struct node *one = node_of_endpoint(node, 0);
    char answer[128];

    (void)state;
    for (unsigned i = 1; i <= 2 * HEALTH_OPEN_AFTER; i++) {
        snprintf(answer, sizeof answer,
                 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":-32000,\"message\":"
                 "\"missing trie node\"}}",
                 i);
        peer_say(peers[0], answer);
        node_chain_id(one, on_u64, NULL);
        until(i);
        assert_int_equal(last_err.code, ERR_CHAIN_AWAY);
    }
    assert_string_equal(status_of(0).state, "failing");
}

static void a_view_may_begin_elsewhere(void **state)
{
    struct node *view = node_beginning_at(node, 1);

    (void)state;
    peer_say(peers[1], OK(1, "\"0x6\""));
    node_chain_id(view, on_u64, NULL);
    until(1);
    assert_int_equal(last, 6);
    peer_plan(peers[1], PEER_DROP, 0, "", "");
    peer_say(peers[0], OK(2, "\"0x7\""));
    node_chain_id(view, on_u64, NULL);
    until(2);
    assert_int_equal(last, 7); /* and moves on */
    peer_say(peers[0], OK(3, "\"0x8\""));
    node_chain_id(view, on_u64, NULL);
    until(3);
    assert_int_equal(last, 8); /* and does not insist on one that just failed */
}

/* More bytes of logs than are read: less must be asked for, another endpoint would not help. */
static void too_many_bytes_of_logs_are_a_range_error(void **state)
{
    struct node_logs_query query = {.from = 1, .to = 2, .filters_n = 1};
    char *text = malloc(CHAIN_ANSWER_BYTES_MAX + 2);

    (void)state;
    memset(text, ' ', CHAIN_ANSWER_BYTES_MAX + 1);
    text[CHAIN_ANSWER_BYTES_MAX + 1] = '\0';
    peer_say(peers[0], text);
    free(text);
    node_logs(node, &query, on_logs, NULL);
    until(1);
    assert_int_equal(last_err.code, ERR_CHAIN_RANGE);
    assert_int_equal(peer_requests(peers[1]), 0);
    assert_string_equal(status_of(0).state, "good");
}

#define BLOCK5                                                                                     \
    "{\"number\":\"0x5\",\"timestamp\":\"0x1\",\"hash\":"                                          \
    "\"0x1111111111111111111111111111111111111111111111111111111111111111\",\"parentHash\":"       \
    "\"0x2222222222222222222222222222222222222222222222222222222222222222\"}"

static void another_block_is_no_answer(void **state)
{
    (void)state;
    peer_say(peers[0], OK(1, BLOCK5));
    peer_say(peers[1], OK(1, BLOCK5));
    node_block(node, (struct node_at){.tag = NODE_NUMBER, .number = 4}, on_block, NULL);
    until(1);
    assert_int_equal(last_err.code, ERR_CHAIN_ANSWER);
    peer_say(peers[0], OK(2, BLOCK5));
    peer_say(peers[1], OK(2, BLOCK5));
    node_block(node, (struct node_at){.tag = NODE_NUMBER, .number = 5}, on_block, NULL);
    until(2);
    assert_int_equal(last, 5);
}

/* A question that waits for its turn is answered when the node goes. */
static void answers_those_who_wait_when_it_is_freed(void **state)
{
    (void)state;
    peer_plan(peers[0], PEER_ANSWER, 429, "Retry-After: 4\r\n", "");
    node_chain_id(node_of_endpoint(node, 0), on_u64, NULL);
    while (status_of(0).limits == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(calls, 0);
    node_free(node);
    node = NULL;
    assert_int_equal(calls, 1);
    assert_int_equal(last_err.code, ERR_CHAIN_AWAY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(weights_share_the_questions),
        TEST(waits_for_the_pause_it_is_told),
        TEST(asks_another_rather_than_wait),
        TEST(a_limit_holds_no_write),
        TEST(one_question_tries_a_dead_node),
        TEST(the_node_tries_a_dead_one_itself),
        TEST(a_node_that_cannot_is_not_dead),
        TEST(a_view_may_begin_elsewhere),
        TEST(too_many_bytes_of_logs_are_a_range_error),
        TEST(another_block_is_no_answer),
        TEST(answers_those_who_wait_when_it_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
