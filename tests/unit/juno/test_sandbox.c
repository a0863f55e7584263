/* The Juno client against the sandbox: another language, another HMAC, another JSON. Skipped,
 * aloud, where the sandbox cannot run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "relayer/base/clock.h"
#include "relayer/juno/client.h"
#include "relayer/net/http.h"

#define ANVIL "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
#define ETHERS "tests/node_modules/ethers/package.json"

extern char **environ;

static pid_t helper;
static int helper_stdin;
static char url[64], control_url[64], clabe[32], api_key[64], api_secret[64];
static uv_loop_t loop;
static struct http_client *http;
static struct juno *juno;

static struct {
    unsigned calls;
    bool failed;
    struct err err;
    struct juno_deposits deposits;
    struct juno_txns txns;
    bool has_txn;
    struct juno_txn txn;
    struct juno_op op;
    struct juno_balances balances;
    size_t banks_n;
    struct juno_bank bank;
    struct juno_clabes clabes;
    struct juno_clabe clabe;
} got;

static void note(const struct err *err)
{
    got.calls++;
    got.failed = err != NULL;
    got.err = err != NULL ? *err : (struct err){0};
}

#define TAKE(name, type, member)                                                                   \
    static void on_##name(void *ctx, const struct err *err, const struct type *result)             \
    {                                                                                              \
        (void)ctx;                                                                                 \
        note(err);                                                                                 \
        if (result != NULL)                                                                        \
            got.member = *result;                                                                  \
    }
TAKE(deposits, juno_deposits, deposits)
TAKE(txns, juno_txns, txns)
TAKE(op, juno_op, op)
TAKE(balances, juno_balances, balances)
TAKE(bank, juno_bank, bank)
TAKE(clabes, juno_clabes, clabes)
TAKE(clabe, juno_clabe, clabe)

static void on_txn(void *ctx, const struct err *err, const struct juno_txn *txn)
{
    (void)ctx;
    note(err);
    got.has_txn = txn != NULL;
    if (txn != NULL)
        got.txn = *txn;
}

static void on_banks(void *ctx, const struct err *err, const struct juno_banks *banks)
{
    (void)ctx;
    note(err);
    got.banks_n = banks != NULL ? banks->n : 0;
    if (got.banks_n > 0)
        got.bank = banks->row[0];
}

static void on_http(void *ctx, const struct err *err, const struct http_answer *answer)
{
    (void)ctx;
    note(err);
    assert_non_null(answer);
    assert_int_equal(answer->status, 200);
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

static void control(const char *path, const char *body)
{
    char target[128];
    struct http_header header = {"Content-Type", "application/json"};

    snprintf(target, sizeof target, "%s%s", control_url, path);
    http_call(http,
              &(struct http_request){.method = "POST",
                                     .url = target,
                                     .headers = &header,
                                     .headers_n = 1,
                                     .body = body,
                                     .body_n = strlen(body),
                                     .timeout_ms = 5000,
                                     .answer_max = 65536},
              on_http, NULL);
    ok();
}

static bool helper_start(void)
{
    char *argv[] = {"node", "tests/unit/juno/sandbox_up.mjs", NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    FILE *line;
    char text[512];
    bool ready;

    assert_int_equal(pipe(in) | pipe(out), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    assert_int_equal(posix_spawnp(&helper, "node", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    helper_stdin = in[1];
    line = fdopen(out[0], "r");
    ready = fgets(text, sizeof text, line) != NULL;
    fclose(line);
    if (ready) {
        char *const parts[] = {url, control_url, clabe, api_key, api_secret};
        const size_t sizes[] = {sizeof url, sizeof control_url, sizeof clabe, sizeof api_key,
                                sizeof api_secret};
        char *rest = text;

        for (size_t i = 0; i < 5; i++)
            snprintf(parts[i], sizes[i], "%s", strsep(&rest, " \n"));
    }
    return ready;
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 4, .queue_max = 8};
    struct juno_settings settings = {.url = url,
                                     .api_key = api_key,
                                     .api_secret = api_secret,
                                     .timeout_ms = 5000,
                                     .requests_per_minute = 100000};
    uint64_t first = (uint64_t)clock_wall_ms() * 1000;
    struct err err;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_true(helper_start());
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    juno = juno_new(&loop, http, &settings, &err);
    assert_non_null(juno);
    juno_nonce_range(juno, first, first + 100000);
    return 0;
}

static int down(void **state)
{
    (void)state;
    juno_free(juno);
    http_client_free(http);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(helper_stdin);
    waitpid(helper, NULL, 0);
    return 0;
}

/* Asks for a transaction until it is in `state`. */
static void until_txn(const char *id, enum juno_state state)
{
    char own_id[JUNO_ID_MAX];

    snprintf(own_id, sizeof own_id, "%s", id);
    for (int i = 0; i < 400; i++) {
        juno_transaction(juno, own_id, on_txn, NULL);
        ok();
        assert_true(got.has_txn && !got.txn.unknown_state);
        if (got.txn.state == state)
            return;
        usleep(25 * 1000);
    }
    fail_msg("%s never came to state %d", own_id, (int)state);
}

static void sees_a_deposit_and_its_issuance(void **state)
{
    struct juno_deposits_query deposits = {.page = 1, .page_size = 100};
    struct juno_txns_query issuances = {.kind = JUNO_TXN_ISSUANCE, .page_size = 100};
    char body[128];

    (void)state;
    snprintf(body, sizeof body, "{\"clabe\":\"%s\",\"amount\":\"1000.01\"}", clabe);
    control("/deposit", body);
    got.txns.n = 0;
    for (int i = 0; i < 400 && got.txns.n == 0; i++, usleep(25 * 1000)) {
        juno_transactions(juno, &issuances, on_txns, NULL);
        ok();
    }
    assert_int_equal(got.txns.n, 1);
    assert_int_equal(got.txns.row[0].amount_units, 1000010000);
    until_txn(got.txns.row[0].id, JUNO_COMPLETE);
    juno_deposits(juno, &deposits, on_deposits, NULL);
    ok();
    assert_int_equal(got.deposits.n, 1);
    assert_int_equal(got.deposits.row[0].amount_centavos, 100001);
    assert_int_equal(got.deposits.row[0].state, JUNO_COMPLETE);
    assert_string_equal(got.deposits.row[0].clabe, clabe);
    assert_string_equal(got.deposits.row[0].fid, got.txn.fid);
    assert_non_null(strstr(got.deposits.row[0].sender_masked, "***"));
    assert_true(llabs(got.deposits.row[0].reported_at_ms - clock_wall_ms()) < 60000);
    juno_balances(juno, on_balances, NULL);
    ok();
    assert_int_equal(got.balances.mxnb_units, 1000010000);
}

static void registers_and_pays_once_per_key(void **state)
{
    struct juno_bank_register bank = {.name = "Vendedora Uno",
                                      .clabe = "032180000118359719",
                                      .ownership = JUNO_THIRD_PARTY,
                                      .idem = uuid_new()};
    struct juno_redeem redeem = {.amount_units = 300000000, .idem = uuid_new()};
    char first_id[JUNO_ID_MAX], body[128];

    (void)state;
    juno_bank_register(juno, &bank, on_bank, NULL);
    ok();
    assert_string_equal(got.bank.clabe, bank.clabe);
    got.banks_n = 0;
    for (int i = 0; i < 400 && got.banks_n == 0; i++, usleep(25 * 1000)) {
        juno_banks(juno, on_banks, NULL);
        ok();
    }
    assert_int_equal(got.banks_n, 1);
    redeem.bank_account_id = got.bank.id;
    juno_redeem(juno, &redeem, on_op, NULL);
    ok();
    memcpy(first_id, got.op.id, sizeof first_id);
    juno_redeem(juno, &redeem, on_op, NULL);
    ok();
    assert_string_equal(got.op.id, first_id); /* the same key is the same payout */
    until_txn(first_id, JUNO_COMPLETE);
    assert_int_equal(got.txn.amount_units, 300000000);
    assert_string_equal(got.txn.bank_account_id, got.bank.id);
    assert_int_equal(strlen(got.txn.tracking_key), 30);
    assert_non_null(strstr(got.txn.cep_url, "https://www.banxico.org.mx/cep/"));
    snprintf(body, sizeof body, "{\"transaction_id\":\"%s\"}", first_id);
    control("/return", body);
    until_txn(first_id, JUNO_RETURNED);
}

static void withdraws_on_chain(void **state)
{
    struct juno_withdraw withdraw = {.amount_units = 500000000, .idem = uuid_new()};

    (void)state;
    memset(withdraw.address, 0xab, 20);
    juno_withdraw(juno, &withdraw, on_op, NULL);
    ok();
    until_txn(got.op.id, JUNO_COMPLETE);
    assert_true(got.txn.has_tx_hash);
    assert_int_equal(got.txn.kind, JUNO_TXN_CRYPTO_WITHDRAWAL);
    withdraw.idem = uuid_new();
    withdraw.amount_units = 9000000000;
    juno_withdraw(juno, &withdraw, on_op, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_JUNO_FUNDS);
    assert_int_equal(got.err.outcome, OUTCOME_NOT_HAPPENED);
}

static void names_each_refusal(void **state)
{
    struct juno_redeem redeem = {.amount_units = 99990000,
                                 .idem = uuid_new(),
                                 .bank_account_id = "00000000-0000-4000-8000-000000000000"};

    (void)state;
    juno_redeem(juno, &redeem, on_op, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_JUNO_REFUSED);
    assert_int_equal(got.err.outcome, OUTCOME_REFUSED);
    juno_transaction(juno, "00000000-0000-4000-8000-000000000000", on_txn, NULL);
    ok();
    assert_false(got.has_txn);
}

static void lists_and_creates_clabes(void **state)
{
    size_t before;

    (void)state;
    juno_clabes(juno, 1, on_clabes, NULL);
    ok();
    before = got.clabes.n;
    assert_true(before >= 1 && got.clabes.row[0].auto_payment && got.clabes.row[0].enabled);
    juno_clabe_create(juno, on_clabe, NULL);
    ok();
    assert_true(got.clabe.auto_payment);
    juno_clabes(juno, 1, on_clabes, NULL);
    ok();
    assert_int_equal(got.clabes.n, before + 1);
}

static void takes_numbers_back_after_a_refused_nonce(void **state)
{
    struct juno *other;
    struct juno_settings settings = {.url = url,
                                     .api_key = api_key,
                                     .api_secret = api_secret,
                                     .timeout_ms = 5000,
                                     .requests_per_minute = 100};
    struct err err;

    (void)state;
    other = juno_new(&loop, http, &settings, &err);
    juno_nonce_range(other, 1, 2); /* long used: both are refused */
    juno_balances(other, on_balances, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_JUNO_NONCE);
    juno_free(other);
    settings.api_secret = "wrong";
    other = juno_new(&loop, http, &settings, &err);
    juno_nonce_range(other, 1, 2);
    juno_balances(other, on_balances, NULL);
    wait_one();
    assert_int_equal(got.err.code, ERR_JUNO_AUTH);
    assert_int_equal(juno_class_of(&got.err), JUNO_CLASS_STOP);
    juno_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_a_deposit_and_its_issuance),
        cmocka_unit_test(registers_and_pays_once_per_key),
        cmocka_unit_test(withdraws_on_chain),
        cmocka_unit_test(names_each_refusal),
        cmocka_unit_test(lists_and_creates_clabes),
        cmocka_unit_test(takes_numbers_back_after_a_refused_nonce),
    };

    if (access(ANVIL, X_OK) != 0 || access(ETHERS, R_OK) != 0) {
        printf("skipped: npm install in contracts/ and tests/ makes this test possible\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, up, down);
}
