/* The Juno client against a scripted server: what goes on the wire, and what each way to fail
 * means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/juno/auth.h"
#include "relayer/juno/client.h"
#include "relayer/net/http.h"
#include "tests/unit/chain/peer.h"

#define BANK_ID "9c1c2b0e-0000-4000-8000-000000000001"
#define OP                                                                                         \
    "{\"success\":true,\"payload\":{\"id\":\"aaaa-1\",\"amount\":100,\"summary_status\":\"IN_"     \
    "PROGRESS\"}}"

static uv_loop_t loop;
static struct http_client *http;
static struct peer *peer;
static struct juno *juno;
static unsigned asked_for_nonces;

/* The last callback's story. */
static struct {
    unsigned calls;
    bool failed;
    struct err err;
    bool has_result;
    struct juno_op op;
    struct juno_txn txn;
    struct juno_balances balances;
    size_t rows;
} got;

static void need_nonces(void *ctx)
{
    (void)ctx;
    asked_for_nonces++;
}

static void note(const struct err *err, bool has_result)
{
    got.calls++;
    got.failed = err != NULL;
    got.err = err != NULL ? *err : (struct err){0};
    got.has_result = has_result;
    assert_false(err != NULL && has_result);
}

static void on_op(void *ctx, const struct err *err, const struct juno_op *op)
{
    (void)ctx;
    note(err, op != NULL);
    if (op != NULL)
        got.op = *op;
}

static void on_balances(void *ctx, const struct err *err, const struct juno_balances *balances)
{
    (void)ctx;
    note(err, balances != NULL);
    if (balances != NULL)
        got.balances = *balances;
}

static void on_txn(void *ctx, const struct err *err, const struct juno_txn *txn)
{
    (void)ctx;
    note(err, txn != NULL);
    if (txn != NULL)
        got.txn = *txn;
}

static void on_txns(void *ctx, const struct err *err, const struct juno_txns *txns)
{
    (void)ctx;
    note(err, txns != NULL);
    if (txns != NULL)
        got.rows = txns->n;
}

static void on_bank(void *ctx, const struct err *err, const struct juno_bank *bank)
{
    (void)ctx;
    note(err, bank != NULL);
}

static void until(unsigned calls)
{
    while (got.calls < calls)
        assert_true(uv_run(&loop, UV_RUN_ONCE) != 0 || got.calls >= calls);
    assert_int_equal(got.calls, calls);
}

static void client_up(bool amount_as_number, unsigned per_minute)
{
    char url[64];
    struct err err;

    snprintf(url, sizeof url, "http://127.0.0.1:%d", peer_port(peer));
    juno = juno_new(&loop, http,
                    &(struct juno_settings){.url = url,
                                            .api_key = "key",
                                            .api_secret = "secret",
                                            .amount_as_number = amount_as_number,
                                            .timeout_ms = 2000,
                                            .requests_per_minute = per_minute,
                                            .need_nonces = need_nonces},
                    &err);
    assert_non_null(juno);
    juno_nonce_range(juno, 1000, 1999);
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 8, .queue_max = 8};

    (void)state;
    memset(&got, 0, sizeof got);
    asked_for_nonces = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    peer = peer_new(&loop);
    client_up(false, 1000);
    return 0;
}

static int down(void **state)
{
    (void)state;
    juno_free(juno);
    http_client_free(http);
    peer_free(peer);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void redeem(void)
{
    struct juno_redeem what = {.amount_units = 100000000, .bank_account_id = BANK_ID};

    assert_true(uuid_parse("01900000-0000-7000-8000-000000000001", &what.idem));
    juno_redeem(juno, &what, on_op, NULL);
}

static void assert_header(size_t i, const char *name, const char *value)
{
    char text[512];

    assert_true(peer_header(peer_request(peer, i), name, text, sizeof text));
    assert_string_equal(text, value);
}

/* The signature must cover exactly the bytes that arrived. */
static void assert_signed(size_t i, uint64_t nonce)
{
    const struct peer_request *request = peer_request(peer, i);
    char method[8], target[256], header[JUNO_AUTH_MAX];
    size_t method_n = strcspn(request->text, " "),
           target_n = strcspn(request->text + method_n + 1, " ");
    struct juno_signed what = {.secret = "secret",
                               .nonce = nonce,
                               .method = method,
                               .target = target,
                               .body = request->body,
                               .body_n = strlen(request->body)};

    snprintf(method, sizeof method, "%.*s", (int)method_n, request->text);
    snprintf(target, sizeof target, "%.*s", (int)target_n, request->text + method_n + 1);
    assert_true(juno_authorization("key", &what, header));
    assert_header(i, "Authorization", header);
}

static void redeems_with_key_signature_and_destination(void **state)
{
    (void)state;
    peer_say(peer, OP);
    redeem();
    assert_int_equal(got.calls, 0); /* never before the call returns */
    until(1);
    assert_false(got.failed);
    assert_string_equal(got.op.id, "aaaa-1");
    assert_int_equal(got.op.state, JUNO_OPEN);
    assert_string_equal(peer_request(peer, 0)->body,
                        "{\"amount\":\"100.00\",\"destination_bank_account_id\":\"" BANK_ID
                        "\",\"asset\":\"mxn\"}");
    assert_header(0, "X-Idempotency-Key", "01900000-0000-7000-8000-000000000001");
    assert_signed(0, 1000);
}

static void withdraws_with_the_travel_rule_and_a_number(void **state)
{
    struct juno_withdraw what = {.amount_units = 70010000, .idem = {{1}}};

    (void)state;
    juno_free(juno);
    client_up(true, 1000);
    peer_say(peer, OP);
    memset(what.address, 0x11, 20);
    juno_withdraw(juno, &what, on_op, NULL);
    until(1);
    assert_string_equal(
        peer_request(peer, 0)->body,
        "{\"address\":\"0x1111111111111111111111111111111111111111\",\"amount\":70.01,"
        "\"asset\":\"MXNB\",\"blockchain\":\"ARBITRUM\",\"compliance\":{\"travel_rule\":{}}}");
}

static void signs_the_query_and_takes_rising_nonces(void **state)
{
    struct juno_txns_query query = {.kind = JUNO_TXN_ISSUANCE, .page = 0, .page_size = 50};

    (void)state;
    for (int i = 0; i < 3; i++)
        peer_say(peer, "{\"success\":true,\"payload\":{\"content\":["
                       "{\"id\":\"a\",\"transaction_type\":\"ISSUANCE\",\"amount\":1E+2,"
                       "\"summary_status\":\"COMPLETE\",\"created_at\":null,\"updated_at\":null},"
                       "{\"id\":\"b\",\"transaction_type\":\"CONVERSION\",\"amount\":0.123456789,"
                       "\"summary_status\":\"COMPLETE\"}]}}");
    for (int i = 0; i < 3; i++)
        juno_transactions(juno, &query, on_txns, NULL);
    until(3);
    assert_false(got.failed);
    assert_int_equal(got.rows, 1); /* the row of another kind is dropped */
    for (size_t i = 0; i < 3; i++)
        assert_signed(i, 1000 + i);
    assert_non_null(
        strstr(peer_request(peer, 0)->text,
               "GET /mint_platform/v1/transactions?page=0&size=50&type=ISSUANCE HTTP/1.1"));
}

static void sends_one_at_a_time_and_money_first(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        peer_say(
            peer,
            "{\"success\":true,\"payload\":{\"balances\":[{\"asset\":\"mxnbj\",\"balance\":12.5},"
            "{\"asset\":\"mxn\",\"balance\":\"3.01\"}]}}");
    juno_balances(juno, on_balances, NULL);
    juno_balances(juno, on_balances, NULL);
    until(2);
    assert_int_equal(got.balances.mxnb_units, 12500000);
    assert_int_equal(got.balances.mxn_centavos, 301);
    peer_say(peer, OP);
    peer_say(peer, "{\"success\":true,\"payload\":{\"balances\":[]}}");
    juno_balances(juno, on_balances, NULL);
    redeem();
    until(4);
    assert_non_null(strstr(peer_request(peer, 2)->text, "POST /mint_platform/v1/redemptions"));
    assert_signed(2, 1002);
    assert_signed(3, 1003);
}

static void expect(unsigned calls, enum err_code code, enum outcome outcome)
{
    until(calls);
    assert_true(got.failed);
    assert_int_equal(got.err.code, code);
    assert_int_equal(got.err.outcome, outcome);
    assert_true(got.err.message[0] != '\0');
}

static void says_unknown_when_the_answer_is_lost(void **state)
{
    static const char *const bodies[] = {
        "<html>ok</html>",
        "{\"success\":true}",
        "{\"success\":true,\"payload\":{\"id\":\"x\"}}",
        "{\"success\":true,\"payload\":{\"id\":\"../etc\",\"summary_status\":\"PENDING\"}}",
        "{\"success\":true,\"success\":false,\"payload\":{}}",
        "",
        "{\"success\":\"true\",\"payload\":{}}"};
    unsigned calls = 0;

    (void)state;
    peer_plan(peer, PEER_DROP, 0, "", "");
    redeem();
    expect(++calls, ERR_JUNO_UNKNOWN, OUTCOME_UNKNOWN);
    peer_plan(peer, PEER_CUT, 200, "", "{\"success\":true");
    redeem();
    expect(++calls, ERR_JUNO_UNKNOWN, OUTCOME_UNKNOWN);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        peer_say(peer, bodies[i]);
        redeem();
        expect(++calls, ERR_JUNO_ANSWER, OUTCOME_UNKNOWN);
        assert_int_equal(juno_class_of(&got.err), JUNO_CLASS_LOOKUP);
    }
    peer_plan(peer, PEER_ANSWER, 502, "", "<html>bad gateway</html>");
    redeem();
    expect(++calls, ERR_JUNO_UNKNOWN, OUTCOME_UNKNOWN);
    peer_plan(peer, PEER_ANSWER, 500, "",
              "{\"success\":false,\"error\":{\"code\":\"0303\",\"message\":\"m\"}}");
    redeem();
    expect(++calls, ERR_JUNO_UNKNOWN, OUTCOME_UNKNOWN);
    assert_int_equal(peer_requests(peer), calls); /* nothing was repeated */
}

static void says_refused_and_masks_what_it_quotes(void **state)
{
    (void)state;
    peer_plan(
        peer, PEER_ANSWER, 400, "",
        "{\"success\":false,\"error\":{\"code\":32002,\"message\":\"bad 032180000118359719\"}}");
    redeem();
    expect(1, ERR_JUNO_REFUSED, OUTCOME_REFUSED);
    assert_non_null(strstr(got.err.message, "32002"));
    assert_null(strstr(got.err.message, "032180000118359719"));
}

static void resigns_once_with_the_same_key(void **state)
{
    static const char refused[] =
        "{\"success\":false,\"error\":{\"code\":\"0207\",\"message\":\"Invalid nonce\"}}";

    (void)state;
    peer_plan(peer, PEER_ANSWER, 401, "", refused);
    peer_say(peer, OP);
    redeem();
    until(1);
    assert_false(got.failed);
    assert_int_equal(peer_requests(peer), 2);
    assert_signed(0, 1000);
    assert_signed(1, 1001);
    assert_string_equal(peer_request(peer, 0)->body, peer_request(peer, 1)->body);
    assert_header(1, "X-Idempotency-Key", "01900000-0000-7000-8000-000000000001");

    peer_plan(peer, PEER_ANSWER, 401, "", refused);
    peer_plan(peer, PEER_ANSWER, 401, "", refused);
    redeem();
    expect(2, ERR_JUNO_NONCE, OUTCOME_NOT_HAPPENED);
    assert_int_equal(peer_requests(peer), 4);
}

static void falls_silent_after_a_rate_limit(void **state)
{
    (void)state;
    peer_plan(peer, PEER_ANSWER, 420, "Retry-After: 90\r\n",
              "{\"success\":false,\"error\":{\"code\":\"0801\",\"message\":\"slow down\"}}");
    redeem();
    expect(1, ERR_JUNO_RATE, OUTCOME_NOT_HAPPENED);
    assert_true(juno_locked_ms(juno) > 85000 && juno_locked_ms(juno) <= 90000);
    redeem();
    expect(2, ERR_JUNO_LOCKED, OUTCOME_NOT_HAPPENED);
    assert_int_equal(peer_requests(peer), 1);
}

static void stays_inside_its_own_budget(void **state)
{
    (void)state;
    juno_free(juno);
    client_up(false, 10); /* nine reads, the tenth is kept for money */
    for (unsigned i = 1; i <= 9; i++) {
        peer_say(peer, "{\"success\":true,\"payload\":{\"balances\":[]}}");
        juno_balances(juno, on_balances, NULL);
        until(i);
        assert_false(got.failed);
    }
    juno_balances(juno, on_balances, NULL);
    expect(10, ERR_JUNO_RATE, OUTCOME_NOT_HAPPENED);
    peer_say(peer, OP);
    redeem();
    until(11);
    assert_false(got.failed);
    redeem();
    expect(12, ERR_JUNO_RATE, OUTCOME_NOT_HAPPENED);
}

static void asks_for_nonces_before_they_end(void **state)
{
    (void)state;
    juno_nonce_range(juno, 2000, 2000);
    peer_say(peer, OP);
    redeem();
    until(1);
    assert_false(got.failed);
    assert_int_equal(asked_for_nonces, 1);
    redeem();
    expect(2, ERR_JUNO_NONCE, OUTCOME_NOT_HAPPENED);
    assert_int_equal(asked_for_nonces, 1); /* once per range */
    juno_nonce_range(juno, 2001, 2500);
    peer_say(peer, OP);
    redeem();
    until(3);
    assert_false(got.failed);
    assert_signed(1, 2001);
}

static void calls_a_missing_transaction_no_error(void **state)
{
    (void)state;
    peer_plan(peer, PEER_ANSWER, 404, "",
              "{\"success\":false,\"error\":{\"code\":\"1401\",\"message\":\"none\"}}");
    juno_transaction(juno, "aaaa-2", on_txn, NULL);
    until(1);
    assert_false(got.failed || got.has_result);
    juno_transaction(juno, "../accounts", on_txn, NULL); /* never sent */
    expect(2, ERR_PARAMS, OUTCOME_NOT_HAPPENED);
    peer_plan(peer, PEER_DROP, 0, "", "");
    juno_transaction(juno, "aaaa-2", on_txn, NULL);
    until(3);
    assert_int_equal(got.err.outcome, OUTCOME_NOT_HAPPENED); /* a read changes nothing */
    assert_int_equal(peer_requests(peer), 2);
}

/* What Juno itself once said may be no identifier: the daemon must live on, and nothing may be sent. */
static void refuses_to_pay_to_a_strange_account(void **state)
{
    static const char *const ids[] = {"", "..", "a/b", "a\"b", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct juno_redeem what = {.amount_units = 100000000, .bank_account_id = ids[i]};
        assert_true(uuid_parse("01900000-0000-7000-8000-000000000001", &what.idem));
        juno_redeem(juno, &what, on_op, NULL);
        expect((unsigned)i + 1, ERR_PARAMS, OUTCOME_NOT_HAPPENED);
    }
    assert_int_equal(peer_requests(peer), 0);
}

static void pays_to_every_account_it_reads(void **state)
{
    static const char id[] = "acc.7:b_1-x";
    struct juno_redeem what = {.amount_units = 100000000, .bank_account_id = id};
    (void)state;
    assert_true(juno_id_is_plain(id));
    assert_true(uuid_parse("01900000-0000-7000-8000-000000000001", &what.idem));
    peer_say(peer, "{\"success\":true,\"payload\":{\"id\":\"tx.1\","
                   "\"summary_status\":\"PENDING\"}}");
    juno_redeem(juno, &what, on_op, NULL);
    until(1);
    assert_false(got.failed);
    assert_non_null(strstr(peer_request(peer, 0)->body, id));
}

static void reads_a_transaction_in_detail(void **state)
{
    (void)state;
    peer_say(peer,
             "{\"success\":true,\"payload\":{\"transaction_id\":\"aaaa-3\",\"amount\":70.5,"
             "\"transaction_type\":\"CRYPTO_WITHDRAWAL\",\"status\":\"COMPLETE\",\"details\":{},"
             "\"created_at\":\"2026-11-21T04:34:54.123000000Z\",\"timeline\":[{\"step\":"
             "\"Withdrawal requested\"},"
             "{\"step\":\"Tokens transferred\",\"receipt\":"
             "\"0x1111111111111111111111111111111111111111111111111111111111111111\"}]}}");
    juno_transaction(juno, "aaaa-3", on_txn, NULL);
    until(1);
    assert_false(got.failed);
    assert_int_equal(got.txn.kind, JUNO_TXN_CRYPTO_WITHDRAWAL);
    assert_int_equal(got.txn.amount_units, 70500000);
    assert_int_equal(got.txn.state, JUNO_COMPLETE);
    assert_true(got.txn.has_tx_hash);
    assert_int_equal(got.txn.tx_hash[31], 0x11);
    assert_int_equal(got.txn.reported_at_ms, 1795235694123);
}

static void refuses_when_nobody_listens(void **state)
{
    struct err err;

    (void)state;
    juno_free(juno);
    juno = juno_new(&loop, http,
                    &(struct juno_settings){.url = "http://127.0.0.1:1",
                                            .api_key = "key",
                                            .api_secret = "secret",
                                            .timeout_ms = 2000,
                                            .requests_per_minute = 10},
                    &err);
    juno_nonce_range(juno, 1, 10);
    redeem();
    expect(1, ERR_JUNO_AWAY, OUTCOME_NOT_HAPPENED);
}

static void answers_every_call_when_it_is_freed(void **state)
{
    (void)state;
    peer_plan(peer, PEER_HOLD, 0, "", "");
    redeem();
    while (peer_requests(peer) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    juno_balances(juno, on_balances, NULL);
    juno_free(juno);
    http_client_free(http);
    assert_int_equal(got.calls, 2); /* the one on its way and the one that waited */
    until(2);
    http = NULL;
    juno = NULL;
}

static void bounds_its_queue(void **state)
{
    (void)state;
    peer_plan(peer, PEER_HOLD, 0, "", "");
    redeem();
    while (peer_requests(peer) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < JUNO_QUEUE_MAX + 1; i++)
        juno_balances(juno, on_balances, NULL);
    expect(1, ERR_BUSY, OUTCOME_NOT_HAPPENED);
}

static void keeps_odd_names_out_of_the_json(void **state)
{
    struct juno_bank_register bank = {.name = "A \"quoted\" \\ name",
                                      .clabe = "032180000118359719",
                                      .ownership = JUNO_THIRD_PARTY,
                                      .idem = {{7}}};

    (void)state;
    peer_say(peer,
             "{\"success\":true,\"payload\":{\"id\":\"b-1\",\"clabe\":\"032180000118359719\"}}");
    juno_bank_register(juno, &bank, on_bank, NULL);
    until(1);
    assert_false(got.failed);
    assert_non_null(strstr(peer_request(peer, 0)->body, "\"A \\\"quoted\\\" \\\\ name\""));
    assert_non_null(strstr(peer_request(peer, 0)->body, "\"ownership\":\"THIRD_PARTY\""));
    bank.name = "\xff";
    juno_bank_register(juno, &bank, on_bank, NULL);
    expect(2, ERR_PARAMS, OUTCOME_NOT_HAPPENED);
}

static void refuses_odd_settings(void **state)
{
    static const struct juno_settings bad[] = {
        {.url = "ftp://x", .api_key = "k", .api_secret = "s", .requests_per_minute = 1},
        {.url = NULL, .api_key = "k", .api_secret = "s", .requests_per_minute = 1},
        {.url = "http://x/path", .api_key = "k", .api_secret = "s", .requests_per_minute = 1},
        {.url = "http://x", .api_key = "a:b", .api_secret = "s", .requests_per_minute = 1},
        {.url = "http://x", .api_key = "", .api_secret = "s", .requests_per_minute = 1},
        {.url = "http://x", .api_key = "k", .api_secret = "", .requests_per_minute = 1},
        {.url = "http://x", .api_key = "k", .api_secret = "s", .requests_per_minute = 0},
    };
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err = (struct err){0};
        assert_null(juno_new(&loop, http, &bad[i], &err));
        assert_int_equal(err.code, ERR_CONFIG_VALUE);
        assert_non_null(strstr(err.message, "juno."));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(redeems_with_key_signature_and_destination),
        TEST(withdraws_with_the_travel_rule_and_a_number),
        TEST(signs_the_query_and_takes_rising_nonces),
        TEST(sends_one_at_a_time_and_money_first),
        TEST(says_unknown_when_the_answer_is_lost),
        TEST(says_refused_and_masks_what_it_quotes),
        TEST(resigns_once_with_the_same_key),
        TEST(falls_silent_after_a_rate_limit),
        TEST(stays_inside_its_own_budget),
        TEST(asks_for_nonces_before_they_end),
        TEST(calls_a_missing_transaction_no_error),
        TEST(refuses_to_pay_to_a_strange_account),
        TEST(pays_to_every_account_it_reads),
        TEST(reads_a_transaction_in_detail),
        TEST(refuses_when_nobody_listens),
        TEST(answers_every_call_when_it_is_freed),
        TEST(bounds_its_queue),
        TEST(keeps_odd_names_out_of_the_json),
        TEST(refuses_odd_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
