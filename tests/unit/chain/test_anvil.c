/* The node door against a real node: anvil from contracts/node_modules. Skipped, aloud, without
 * it.
 *
 * The key is sixteen times 01 02, made up here and good for nothing: anvil_setBalance gives it
 * gas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <secp256k1_recovery.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "relayer/chain/node.h"
#include "relayer/net/http.h"

#define ANVIL "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"

/* LOG1(topic 0xaa, 32 bytes of memory) and stop. */
#define CODE_LOG "0x60aa60206000a100"
/* revert(0xdeadbeef) */
#define CODE_REVERT "0x63deadbeef6000526004601cfd"

extern char **environ;

static pid_t anvil;
static char url[64];
static uv_loop_t loop;
static struct http_client *http;
static struct node *node;
static secp256k1_context *ec;
static uint8_t key[32], sender[20], logger[20], reverter[20];

static struct {
    unsigned calls;
    struct err err;
    bool failed;
    uint64_t u64;
    struct u256 u256;
    struct chain_code code;
    uint8_t word[32];
    struct chain_heads heads;
    struct chain_blocks blocks;
    struct chain_receipt receipt;
    struct chain_log log;
    struct chain_tx tx;
    struct node_sent sent;
    uint8_t data[64];
    size_t data_n;
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
    got.u64 = value;
}

static void on_u256(void *ctx, const struct err *err, const struct u256 *value)
{
    (void)ctx;
    note(err);
    got.u256 = *value;
}

static void on_code(void *ctx, const struct err *err, const struct chain_code *code)
{
    (void)ctx;
    note(err);
    if (code != NULL)
        got.code = *code;
}

static void on_word(void *ctx, const struct err *err, const uint8_t word[32])
{
    (void)ctx;
    note(err);
    if (word != NULL)
        memcpy(got.word, word, 32);
}

static void on_bytes(void *ctx, const struct err *err, const struct bytes *data)
{
    (void)ctx;
    note(err);
    got.data_n = data != NULL && data->n <= sizeof got.data ? data->n : 0;
    if (got.data_n > 0)
        memcpy(got.data, data->p, got.data_n);
}

static void on_estimate(void *ctx, const struct err *err, const struct node_estimate *estimate)
{
    (void)ctx;
    note(err);
    got.u64 = estimate != NULL ? estimate->gas : 0;
    got.data_n = estimate != NULL ? estimate->revert.n : 0;
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
    if (blocks != NULL)
        got.blocks = *blocks;
}

static void on_logs(void *ctx, const struct err *err, const struct chain_range *range)
{
    (void)ctx;
    note(err);
    got.u64 = range != NULL ? range->logs.n : 0;
    if (range != NULL && range->logs.n > 0)
        got.log = range->logs.log[0];
}

static void on_receipt(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    (void)ctx;
    note(err);
    if (receipt != NULL)
        got.receipt = *receipt;
}

static void on_tx(void *ctx, const struct err *err, const struct chain_tx *tx)
{
    (void)ctx;
    note(err);
    if (tx != NULL)
        got.tx = *tx;
}

static void on_sent(void *ctx, const struct err *err, const struct node_sent *sent)
{
    (void)ctx;
    note(err);
    got.sent = *sent;
}

static void on_http(void *ctx, const struct err *err, const struct http_answer *answer)
{
    (void)ctx;
    note(err);
    if (answer != NULL && strstr(answer->body, "\"error\"") != NULL)
        print_error("anvil: %s\n", answer->body);
}

static void wait_one(void)
{
    unsigned before = got.calls;

    while (got.calls == before)
        assert_true(uv_run(&loop, UV_RUN_ONCE) != 0 || got.calls > before);
}

static void ok(void)
{
    wait_one();
    if (got.failed)
        print_error("%s\n", got.err.message);
    assert_false(got.failed);
}

/* A free port is asked from the kernel; anvil takes it a moment later. */
static int port_free(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void control(const char *method, const uint8_t address[20], const char *value)
{
    char body[256], text[43];
    struct http_header header = {"Content-Type", "application/json"};

    hex_encode_0x(address, 20, text);
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[\"%s\",\"%s\"]}", method,
             text, value);
    http_call(http,
              &(struct http_request){.method = "POST",
                                     .url = url,
                                     .headers = &header,
                                     .headers_n = 1,
                                     .body = body,
                                     .body_n = strlen(body),
                                     .timeout_ms = 5000,
                                     .answer_max = 65536},
              on_http, NULL);
    ok();
}

static void sender_make(void)
{
    secp256k1_pubkey public;
    uint8_t text[65];
    size_t n = sizeof text;

    ec = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)(1 + i % 2);
    assert_int_equal(secp256k1_ec_pubkey_create(ec, &public, key), 1);
    secp256k1_ec_pubkey_serialize(ec, text, &n, &public, SECP256K1_EC_UNCOMPRESSED);
    address_of_pubkey(text + 1, sender);
    memset(logger, 0x71, 20);
    memset(reverter, 0x72, 20);
}

static void anvil_start(void)
{
    char port[16];
    char *argv[] = {ANVIL,      "--port",     port,     "--chain-id", "42161",
                    "--silent", "--hardfork", "cancun", NULL};

    snprintf(port, sizeof port, "%d", port_free());
    snprintf(url, sizeof url, "http://127.0.0.1:%s", port);
    assert_int_equal(posix_spawn(&anvil, ANVIL, NULL, NULL, argv, environ), 0);
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 4, .queue_max = 8};
    struct err err;

    (void)state;
    sender_make();
    anvil_start();
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    node = node_new(http, &(struct node_settings){.urls = url, .timeout_ms = 5000}, &err);
    for (int i = 0; i < 200; i++) {
        node_chain_id(node, on_u64, NULL);
        wait_one();
        if (!got.failed)
            break;
        usleep(50 * 1000);
    }
    assert_false(got.failed);
    control("anvil_setBalance", sender, "0x8ac7230489e80000");
    control("anvil_setCode", logger, CODE_LOG);
    control("anvil_setCode", reverter, CODE_REVERT);
    return 0;
}

static int down(void **state)
{
    (void)state;
    node_free(node);
    http_client_free(http);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    secp256k1_context_destroy(ec);
    kill(anvil, SIGTERM);
    waitpid(anvil, NULL, 0);
    return 0;
}

/* Signs a call with `nonce` and sends it. */
static void send_call(const uint8_t to[20], uint64_t nonce, uint64_t max_fee)
{
    static uint8_t raw[1024];
    struct tx tx = {.type = TX_EIP1559,
                    .chain_id = 42161,
                    .nonce = nonce,
                    .gas_limit = 100000,
                    .max_fee = u256_from_u64(max_fee),
                    .has_to = true};
    secp256k1_ecdsa_recoverable_signature signature;
    uint8_t compact[64], digest[32];
    struct buf buf;
    int parity;

    memcpy(tx.to, to, 20);
    buf_init(&buf, raw, sizeof raw);
    assert_true(tx_encode_unsigned(&tx, &buf));
    keccak256(buf.p, buf.n, digest);
    assert_int_equal(secp256k1_ecdsa_sign_recoverable(ec, &signature, digest, key, NULL, NULL), 1);
    secp256k1_ecdsa_recoverable_signature_serialize_compact(ec, compact, &parity, &signature);
    tx.has_signature = true;
    tx.y_parity = (uint8_t)parity;
    memcpy(tx.r, compact, 32);
    memcpy(tx.s, compact + 32, 32);
    buf_init(&buf, raw, sizeof raw);
    assert_true(tx_encode_signed(&tx, &buf));
    node_send_raw(node, buf_bytes(&buf), on_sent, NULL);
    wait_one();
}

/* Accepted is not mined: anvil too takes a moment. */
static void receipt_await(const uint8_t hash[32])
{
    for (int i = 0; i < 200; i++) {
        node_receipt(node, hash, on_receipt, NULL);
        ok();
        if (got.receipt.present)
            return;
        usleep(25 * 1000);
    }
    fail_msg("never mined");
}

/* The node may show a receipt a moment before it shows the transaction in its block. */
static void tx_await(const uint8_t hash[32])
{
    for (int i = 0; i < 200; i++) {
        node_tx_by_hash(node, hash, on_tx, NULL);
        ok();
        if (got.tx.present && got.tx.has_block)
            return;
        usleep(25 * 1000);
    }
    fail_msg("never in a block");
}

/* The newest block by its hash, and a hash that no block has. */
static void reads_at_one_block(void **state)
{
    (void)state;
    static const uint8_t slot[32] = {0};
    struct node_at at = {.tag = NODE_HASH};
    struct node_message message = {.to = logger, .from = sender};

    node_heads(node, on_heads, NULL);
    ok();
    memcpy(at.hash, got.heads.latest.hash, 32);
    node_code(node, logger, &at, on_code, NULL);
    ok();
    assert_int_equal(got.code.size, 8);
    node_storage(node, &(struct node_slot){logger, slot, at}, on_word, NULL);
    ok();
    assert_memory_equal(got.word, slot, 32);
    message.at = at;
    node_call(node, &message, on_bytes, NULL);
    ok();
    at.hash[0] ^= 1;
    node_code(node, logger, &at, on_code, NULL);
    wait_one();
    assert_true(got.failed);
    assert_int_equal(got.err.code, ERR_CHAIN_AWAY);
}

static void reads_what_the_node_is(void **state)
{
    (void)state;
    node_chain_id(node, on_u64, NULL);
    ok();
    assert_int_equal(got.u64, 42161);
    node_heads(node, on_heads, NULL);
    ok();
    assert_true(got.heads.latest.present && got.heads.latest.has_base_fee);
    node_blocks(node, got.heads.latest.number, 3, on_blocks, NULL);
    ok();
    assert_int_equal(got.blocks.n, 1);
    assert_memory_equal(got.blocks.block[0].hash, got.heads.latest.hash, 32);
    node_balance(node, sender, on_u256, NULL);
    ok();
    assert_true(u256_to_u64(&got.u256, &got.u64));
    assert_true(got.u64 > 0);
    struct node_at at = {.tag = NODE_LATEST};
    node_code(node, sender, &at, on_code, NULL);
    ok();
    assert_false(got.code.has_code);
    node_code(node, logger, &at, on_code, NULL);
    ok();
    assert_int_equal(got.code.size, 8);
}

static void calls_estimates_and_reverts(void **state)
{
    struct node_message message = {.to = logger, .from = sender};

    (void)state;
    node_call(node, &message, on_bytes, NULL);
    ok();
    assert_int_equal(got.data_n, 0);
    node_estimate(node, &message, on_estimate, NULL);
    ok();
    assert_true(got.u64 > 21000 && got.u64 < 30000);
    message.to = reverter;
    node_call(node, &message, on_bytes, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_CHAIN_REVERT);
    assert_int_equal(got.data_n, 4);
    assert_memory_equal(got.data, "\xde\xad\xbe\xef", 4);
    node_estimate(node, &message, on_estimate, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_CHAIN_REVERT);
    assert_int_equal(got.data_n, 4);
}

static void sends_and_finds_it_again(void **state)
{
    struct node_logs_query query = {.filters_n = 1};
    uint8_t hash[32];

    (void)state;
    send_call(logger, 0, 3000000000);
    assert_false(got.failed);
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);
    memcpy(hash, got.sent.hash, 32);
    receipt_await(hash);
    assert_true(got.receipt.succeeded);
    assert_memory_equal(got.receipt.from, sender, 20);
    tx_await(hash);
    assert_true(got.tx.present && got.tx.has_block && got.tx.has_to);
    assert_int_equal(got.tx.type, 2);
    assert_memory_equal(got.tx.to, logger, 20);
    memcpy(query.filter[0].address, logger, 20);
    query.to = got.receipt.block_number;
    node_logs(node, &query, on_logs, NULL);
    ok();
    assert_int_equal(got.u64, 1);
    assert_memory_equal(got.log.tx_hash, hash, 32);
    assert_int_equal(got.log.topics_n, 1);
    assert_int_equal(got.log.topics[0][31], 0xaa);
    query.to++;
    node_logs(node, &query, on_logs, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_CHAIN_LAGS);
    node_nonce(node, sender, on_u64, NULL);
    ok();
    assert_int_equal(got.u64, 1);
    memset(hash, 0, 32);
    node_receipt(node, hash, on_receipt, NULL);
    ok();
    assert_false(got.receipt.present);
}

/* anvil's own words for each way to refuse. */
static void understands_refusals(void **state)
{
    uint8_t hash[32];

    (void)state;
    send_call(logger, 0, 3000000000); /* the same bytes again, long mined */
    assert_int_equal(got.sent.verdict, SEND_NONCE_LOW);
    send_call(reverter, 1, 3000000000); /* included, reverted, nonce used */
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);
    memcpy(hash, got.sent.hash, 32);
    receipt_await(hash);
    assert_true(!got.receipt.succeeded);
    send_call(logger, 2, 1); /* below the base fee */
    assert_int_equal(got.sent.verdict, SEND_FEE_LOW);
    send_call(logger, 2, 1000000000000000000); /* more than the account has */
    assert_int_equal(got.sent.verdict, SEND_FUNDS);
    send_call(logger, 9, 3000000000); /* anvil queues a gap */
    assert_int_equal(got.sent.verdict, SEND_ACCEPTED);
    send_call(logger, 9, 3000000000);
    assert_int_equal(got.sent.verdict, SEND_KNOWN);
    node_send_raw(node, (struct bytes){(const uint8_t *)"\x02\xc0", 2}, on_sent, NULL);
    wait_one();
    assert_int_equal(got.sent.verdict, SEND_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_node_is),      cmocka_unit_test(reads_at_one_block),
        cmocka_unit_test(calls_estimates_and_reverts), cmocka_unit_test(sends_and_finds_it_again),
        cmocka_unit_test(understands_refusals),
    };

    if (access(ANVIL, X_OK) != 0) {
        printf("skipped: %s is not there (npm install in contracts/)\n", ANVIL);
        return 77;
    }
    return cmocka_run_group_tests(tests, up, down);
}
