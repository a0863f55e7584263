// The signer from frame to frame: for each rule of docs/reference/signer-policy.md a request it
// refuses and the nearest one it allows; what a day's amount survives; and that no refusal is without
// a row here and on that page.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keystore/signer_core.h"

enum {
    CHAIN = 42161,
    MAX_GAS = 1000000,
    MAX_FEE = 1000,
    MAX_PRIORITY = 100,
    MAX_TX = 1000,
    MAX_DAY = 2500,
    MAX_ALLOWANCE = 2000,
    DAY = 20000
};

static char folder[] = "/tmp/kustodia-core-XXXXXX";
static char path[64];
static struct signer signer;
static struct signer_channel channels[3];
static struct record_identity identity;

// The request under construction: a release of the relayer unless a shape says otherwise.
static struct {
    enum wire_role role;
    uint64_t fence;
    uint32_t day;
    struct tx tx;
    uint8_t data[4096];
    size_t extra; // bytes behind the transaction
} ask;
static struct escrow_call call;

// ---- the signer

static void key_make(size_t i)
{
    struct secret secret;
    assert_true(secret_new(&secret, 32));
    memset(secret.data, 0x46 + (int)i, 32);
    assert_true(sign_key_take(signer.context, &secret, &signer.key[i]));
    memcpy(identity.address[i], signer.key[i].address, 20);
}

static int group_make(void **state)
{
    (void)state;
    struct policy *policy = &signer.policy;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/nonces", folder);
    signer.context = sign_context_new();
    key_make(0);
    key_make(1);
    key_make(2); // of the pool
    identity.chain_id = CHAIN;
    *policy = (struct policy){.chain_id = CHAIN, .deposits_n = 1, .max_gas = MAX_GAS,
                              .max_fee_wei = u256_from_u64(MAX_FEE),
                              .max_priority_fee_wei = u256_from_u64(MAX_PRIORITY),
                              .max_tx_units = MAX_TX, .max_day_units = MAX_DAY,
                              .max_allowance_units = MAX_ALLOWANCE};
    memset(policy->escrow, 0xe5, 20);
    memset(policy->token, 0x70, 20);
    memset(policy->deposits[0], 0xd0, 20);
    for (int i = 0; i < 3; i++)
        channels[i] = (struct signer_channel){.key = (size_t)i, .greeted = true};
    return 0;
}

static int group_drop(void **state)
{
    (void)state;
    sign_key_free(&signer.key[0]);
    sign_key_free(&signer.key[1]);
    sign_key_free(&signer.key[2]);
    sign_context_free(signer.context);
    unlink(path);
    return rmdir(folder);
}

static void record_start(void)
{
    char error[512];
    signer.record = record_open(path, &identity, NULL, error);
    assert_non_null(signer.record);
}

static void restart(void)
{
    record_close(signer.record);
    record_start();
}

static int fresh(void **state)
{
    (void)state;
    unlink(path);
    record_start();
    return 0;
}

static int closed(void **state)
{
    (void)state;
    record_close(signer.record);
    return 0;
}

// Sends the request; the refusal's number, 0 for a signature, whose bytes go to `out`.
static int answer_of(uint8_t out[WIRE_BYTES_MAX], struct wire_message *answer)
{
    uint8_t bytes[WIRE_TX_MAX];
    struct buf tx, frame;
    buf_init(&tx, bytes, sizeof bytes);
    assert_true(tx_encode_unsigned(&ask.tx, &tx));
    buf_zero(&tx, ask.extra);
    struct wire_message message = {.type = WIRE_SIGN, .request_id = 1, .fence = ask.fence,
                                   .payload = buf_bytes(&tx)};
    buf_init(&frame, out, WIRE_BYTES_MAX);
    assert_true(signer_answer(&signer, &channels[ask.role - 1], &message, ask.day, &frame));
    struct bytes in = buf_bytes(&frame);
    assert_int_equal(wire_read(&in, answer), WIRE_READ_OK);
    assert_int_equal(answer->type, answer->code ? WIRE_REFUSED : WIRE_SIGNED);
    return answer->code;
}

static int sign(void)
{
    static uint8_t out[WIRE_BYTES_MAX];
    struct wire_message answer;
    return answer_of(out, &answer);
}

// ---- requests

static void to_escrow(enum wire_role role)
{
    struct buf out;
    buf_init(&out, ask.data, sizeof ask.data);
    assert_true(escrow_call_encode(&call, &out));
    ask.role = role;
    ask.tx.data = buf_bytes(&out);
    memcpy(ask.tx.to, signer.policy.escrow, 20);
}

static void to_token(enum mxnb_call_kind kind, const uint8_t to[20], uint64_t units)
{
    struct buf out;
    struct mxnb_call token = {.kind = kind, .amount_units = units};
    memcpy(token.to, to, 20);
    buf_init(&out, ask.data, sizeof ask.data);
    assert_true(mxnb_call_encode(&token, &out));
    ask.role = WIRE_ROLE_RELAYER;
    ask.tx.data = buf_bytes(&out);
    memcpy(ask.tx.to, signer.policy.token, 20);
}

static void start(void)
{
    memset(&ask, 0, sizeof ask);
    memset(&call, 0, sizeof call);
    ask.fence = 5;
    ask.day = DAY;
    ask.tx = (struct tx){.type = TX_EIP1559, .chain_id = CHAIN, .nonce = 1, .gas_limit = 90000,
                         .max_fee = u256_from_u64(MAX_FEE), .has_to = true};
    call.kind = ESCROW_RELEASE;
    call.n = 1;
    call.ids[0][0] = 1;
    to_escrow(WIRE_ROLE_RELAYER);
}

static void spend(uint64_t nonce, uint64_t units)
{
    to_token(MXNB_TRANSFER, signer.policy.deposits[0], units);
    ask.tx.nonce = nonce;
}

static void spend_signed(uint64_t nonce, uint64_t units)
{
    spend(nonce, units);
    assert_int_equal(sign(), 0);
}

// ---- one shape for each rule: `v` is the value that is refused, or the nearest allowed one

static void shape_extra(uint64_t v) { ask.extra = v; }
static void shape_chain(uint64_t v) { ask.tx.chain_id = v; }
static void shape_value(uint64_t v) { ask.tx.value = u256_from_u64(v); }
static void shape_gas(uint64_t v) { ask.tx.gas_limit = v; }
static void shape_fee(uint64_t v) { ask.tx.max_fee = u256_from_u64(v); }
static void shape_priority(uint64_t v) { ask.tx.max_priority_fee = u256_from_u64(v); }
static void shape_to(uint64_t v) { ask.tx.to[19] ^= (uint8_t)v; }
static void shape_has_to(uint64_t v) { ask.tx.has_to = v; }
static void shape_role(uint64_t v) { ask.role = (enum wire_role)v; }
static void shape_selector(uint64_t v) { ask.data[3] ^= (uint8_t)v; }
static void shape_data_more(uint64_t v) { ask.tx.data.n += v; }
static void shape_data_less(uint64_t v) { ask.tx.data.n -= v; }

static void shape_type(uint64_t v)
{
    ask.tx.type = (enum tx_type)v;
    if (ask.tx.type == TX_EIP1559)
        return;
    ask.tx.gas_price = ask.tx.max_fee;
    ask.tx.max_fee = u256_from_u64(0);
}

static void shape_access_list(uint64_t v)
{
    static const uint8_t entry[23] = {0xd6, 0x94, [22] = 0xc0}; // an address without keys
    ask.tx.access_list = (struct bytes){entry, v ? sizeof entry : 0};
}

static void shape_padding(uint64_t v)
{
    spend(1, 1);
    ask.data[4] = (uint8_t)v; // above the 20 bytes of the address: the contract would not care
}

static void shape_amount_bits(uint64_t v)
{
    spend(1, 1);
    ask.data[4 + 32 + 23] = (uint8_t)v; // 2^64
}

static void shape_unlimited(uint64_t v)
{
    to_token(MXNB_APPROVE, signer.policy.escrow, MAX_ALLOWANCE);
    if (v)
        memset(ask.data + 4 + 32, 0xff, 32);
}

static void shape_arbiters_call(uint64_t v)
{
    call.kind = ESCROW_DISMISS;
    to_escrow((enum wire_role)v);
}

static void shape_token_role(uint64_t v)
{
    spend(1, 1);
    ask.role = (enum wire_role)v;
}

static void shape_view(uint64_t v)
{
    to_token(v ? MXNB_BALANCE_OF : MXNB_TRANSFER, signer.policy.deposits[0], 1);
}

static void shape_payee(uint64_t v)
{
    spend(1, 1);
    ask.data[4 + 31] ^= (uint8_t)v;
}

static void shape_payee_escrow(uint64_t v)
{
    to_token(MXNB_TRANSFER, v ? signer.policy.escrow : signer.policy.deposits[0], 1);
}

static void shape_spender(uint64_t v)
{
    to_token(MXNB_APPROVE, signer.policy.escrow, 1);
    ask.data[4 + 31] ^= (uint8_t)v;
}

static void shape_allowance(uint64_t v)
{
    to_token(MXNB_APPROVE, signer.policy.escrow, v);
}

static void shape_transfer(uint64_t v) { spend(1, v); }

static void shape_create(uint64_t v)
{
    call.kind = ESCROW_CREATE;
    call.terms[0] = (struct escrow_terms){.id = {1}, .amount_units = v};
    to_escrow(WIRE_ROLE_RELAYER);
}

static void shape_batch(uint64_t v)
{
    call.kind = ESCROW_CREATE_MANY;
    call.n = 4;
    for (uint8_t i = 0; i < 4; i++)
        call.terms[i] = (struct escrow_terms){.id = {i}, .amount_units = i ? MAX_TX / 4 : v};
    to_escrow(WIRE_ROLE_RELAYER);
}

// The sum is 2^64: nothing, in 64 bits.
static void shape_batch_overflow(uint64_t v)
{
    call.kind = ESCROW_CREATE_MANY;
    call.n = 2;
    for (uint8_t i = 0; i < 2; i++)
        call.terms[i] = (struct escrow_terms){.id = {i}, .amount_units = v};
    to_escrow(WIRE_ROLE_RELAYER);
}

static void shape_split(uint64_t v)
{
    call.kind = ESCROW_RESOLVE_SPLIT;
    call.buyer_units = v;
    to_escrow(WIRE_ROLE_ARBITER);
}

static void shape_day(uint64_t v)
{
    spend_signed(1, MAX_TX);
    spend_signed(2, MAX_TX);
    spend(3, v);
}

static void shape_other_call(uint64_t v)
{
    assert_int_equal(sign(), 0);
    ask.data[4] ^= (uint8_t)v; // another escrow
    ask.tx.max_priority_fee = u256_from_u64(1);
}

static void shape_other_gas(uint64_t v)
{
    assert_int_equal(sign(), 0);
    ask.tx.gas_limit += v;
    ask.tx.max_priority_fee = u256_from_u64(1);
}

static void shape_nonce(uint64_t v)
{
    ask.tx.nonce = 100000;
    assert_int_equal(sign(), 0);
    ask.tx.nonce = v;
}

static void shape_fence(uint64_t v)
{
    assert_int_equal(sign(), 0);
    ask.fence = v;
}

static void shape_prices(uint64_t v)
{
    for (uint64_t price = 1; price < v; price++) {
        ask.tx.max_priority_fee = u256_from_u64(price);
        assert_int_equal(sign(), 0);
    }
    ask.tx.max_priority_fee = u256_from_u64(v);
}

// A transfer of nothing to the key's own address, in place of a call or (`v`) of nothing.
static void shape_cancel(uint64_t v)
{
    if (!v)
        shape_prices(RECORD_PRICES_MAX + 1);
    ask.tx.data.n = 0;
    memcpy(ask.tx.to, identity.address[0], 20);
}

// A file that may not grow: `v` bytes beyond what is there.
static void shape_disk(uint64_t v)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = RECORD_BYTES + v;
    setrlimit(RLIMIT_FSIZE, &limit);
}

// A key whose public half is another's stands for a machine that calculates wrongly.
static void shape_fault(uint64_t v) { signer.key[0].public_key[0] ^= (uint8_t)v; }

static const struct row {
    enum refusal refusal;
    const char *says;
    void (*shape)(uint64_t v);
    uint64_t refused, allowed;
} rows[] = {
    {REFUSAL_MALFORMED, "a byte behind the transaction", shape_extra, 1, 0},
    {REFUSAL_TX_TYPE, "EIP-2930", shape_type, TX_EIP2930, TX_EIP1559},
    {REFUSAL_TX_TYPE, "legacy", shape_type, TX_LEGACY, TX_EIP1559},
    {REFUSAL_CHAIN, "the next chain", shape_chain, CHAIN + 1, CHAIN},
    {REFUSAL_DESTINATION, "one bit beside the escrow", shape_to, 1, 0},
    {REFUSAL_DESTINATION, "a contract's creation", shape_has_to, 0, 1},
    {REFUSAL_VALUE, "one wei", shape_value, 1, 0},
    {REFUSAL_ACCESS_LIST, "one entry", shape_access_list, 1, 0},
    {REFUSAL_GAS_LIMIT, "one gas more", shape_gas, MAX_GAS + 1, MAX_GAS},
    {REFUSAL_FEE, "one wei more", shape_fee, MAX_FEE + 1, MAX_FEE},
    {REFUSAL_PRIORITY_FEE, "one wei more", shape_priority, MAX_PRIORITY + 1, MAX_PRIORITY},
    {REFUSAL_CALL, "another selector", shape_selector, 1, 0},
    {REFUSAL_CALL, "a byte behind the arguments", shape_data_more, 1, 0},
    {REFUSAL_CALL, "a byte too few", shape_data_less, 1, 0},
    {REFUSAL_CALL, "bits above an address", shape_padding, 1, 0},
    {REFUSAL_CALL, "an amount of 65 bits", shape_amount_bits, 1, 0},
    {REFUSAL_CALL, "the unlimited allowance", shape_unlimited, 1, 0},
    {REFUSAL_ROLE, "a release by the arbiter", shape_role, 2, 1},
    {REFUSAL_ROLE, "a dismissal by the relayer", shape_arbiters_call, 1, 2},
    {REFUSAL_ROLE, "a transfer by the arbiter", shape_token_role, 2, 1},
    {REFUSAL_POOL, "a transfer by a pool key", shape_token_role, 3, 1},
    {REFUSAL_ROLE, "a question, which needs no signature", shape_view, 1, 0},
    {REFUSAL_RECIPIENT, "one bit beside the deposit address", shape_payee, 1, 0},
    {REFUSAL_RECIPIENT, "tokens to the escrow itself", shape_payee_escrow, 1, 0},
    {REFUSAL_RECIPIENT, "an allowance for another", shape_spender, 1, 0},
    {REFUSAL_CANCEL, "a cancel of nothing", shape_cancel, 1, 0},
    {REFUSAL_TX_UNITS, "a transfer", shape_transfer, MAX_TX + 1, MAX_TX},
    {REFUSAL_TX_UNITS, "an escrow", shape_create, MAX_TX + 1, MAX_TX},
    {REFUSAL_TX_UNITS, "a batch's sum", shape_batch, MAX_TX / 4 + 1, MAX_TX / 4},
    {REFUSAL_TX_UNITS, "a sum beyond 64 bits", shape_batch_overflow, UINT64_C(1) << 63, MAX_TX / 2},
    {REFUSAL_TX_UNITS, "a buyer's share", shape_split, MAX_TX + 1, MAX_TX},
    {REFUSAL_DAY_UNITS, "the day's third", shape_day, MAX_DAY - 2 * MAX_TX + 1,
     MAX_DAY - 2 * MAX_TX},
    {REFUSAL_ALLOWANCE, "one unit more", shape_allowance, MAX_ALLOWANCE + 1, MAX_ALLOWANCE},
    {REFUSAL_NONCE_USED, "another call for a nonce", shape_other_call, 1, 0},
    {REFUSAL_NONCE_USED, "another gas limit for a nonce", shape_other_gas, 1, 0},
    {REFUSAL_NONCE_OLD, "behind the window", shape_nonce, 100000 - RECORD_NONCE_WINDOW,
     100001 - RECORD_NONCE_WINDOW},
    {REFUSAL_NONCE_AHEAD, "far ahead", shape_nonce, 100001 + RECORD_NONCE_AHEAD,
     100000 + RECORD_NONCE_AHEAD},
    {REFUSAL_FENCE, "an older lease", shape_fence, 4, 5},
    {REFUSAL_PRICES, "one price too many", shape_prices, RECORD_PRICES_MAX + 1, RECORD_PRICES_MAX},
    {REFUSAL_RECORD, "a full disk", shape_disk, 2 * RECORD_BYTES - 1, 2 * RECORD_BYTES},
    {REFUSAL_SIGNATURE, "a machine that calculates wrongly", shape_fault, 1, 0},
};

enum { ROWS = sizeof rows / sizeof *rows };

static int row_run(const struct row *row, uint64_t v)
{
    struct rlimit before;
    fresh(NULL);
    getrlimit(RLIMIT_FSIZE, &before);
    start();
    uint8_t key_byte = signer.key[0].public_key[0];
    row->shape(v);
    int code = sign();
    signer.key[0].public_key[0] = key_byte;
    setrlimit(RLIMIT_FSIZE, &before);
    closed(NULL);
    return code;
}

static void test_each_rule_refuses_and_allows(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < ROWS; i++) {
        int bad = row_run(&rows[i], rows[i].refused), good = row_run(&rows[i], rows[i].allowed);
        if (bad != (int)rows[i].refusal || good != 0)
            print_error("%s: %d instead of %d, and %d\n", rows[i].says, bad, rows[i].refusal, good);
        assert_int_equal(bad, rows[i].refusal);
        assert_int_equal(good, 0);
    }
}

static const struct {
    int number;
    const char *slug;
} refusals[] = {
#define X(name, number, slug, hint) {number, slug},
#include "keystore/refusal.def"
#undef X
};

static void test_no_refusal_is_without_a_row(void **state)
{
    (void)state;
    static char page[32768];
    int fd = open("docs/reference/signer-policy.md", O_RDONLY);
    ssize_t n = read(fd, page, sizeof page - 1);
    close(fd);
    assert_true(n > 0 && n < (ssize_t)sizeof page - 1);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char line[64];
        size_t at = 0;
        while (at < ROWS && (int)rows[at].refusal != refusals[i].number)
            at++;
        snprintf(line, sizeof line, "| %d | `%s` |", refusals[i].number, refusals[i].slug);
        if (at == ROWS || !strstr(page, line))
            print_error("%s: a row of the table here and on the page, please\n", line);
        assert_true(at < ROWS);
        assert_non_null(strstr(page, line));
    }
}

// ---- the day's amount

static void test_day_survives_a_restart(void **state)
{
    (void)state;
    start();
    spend_signed(1, MAX_TX);
    restart();
    spend_signed(2, MAX_TX);
    restart();
    spend(3, MAX_DAY - 2 * MAX_TX + 1);
    assert_int_equal(sign(), REFUSAL_DAY_UNITS);
    restart();
    spend_signed(3, MAX_DAY - 2 * MAX_TX);
    spend(4, 1);
    assert_int_equal(sign(), REFUSAL_DAY_UNITS);
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), MAX_DAY);
}

// The day ends once, at midnight UTC. A clock stepped back finds the amount of the later day.
static void test_day_changes_and_the_clock_goes_back(void **state)
{
    (void)state;
    start();
    spend_signed(1, MAX_TX);
    spend_signed(2, MAX_TX);
    ask.day = DAY + 1;
    spend_signed(3, MAX_TX);
    spend_signed(4, MAX_TX);
    for (uint32_t day = DAY + 1; day > DAY - 3; day--) {
        ask.day = day;
        spend(5, MAX_DAY - 2 * MAX_TX + 1);
        assert_int_equal(sign(), REFUSAL_DAY_UNITS);
        restart();
        assert_int_equal(sign(), REFUSAL_DAY_UNITS);
    }
    ask.day = 0; // no clock at all
    spend_signed(5, MAX_DAY - 2 * MAX_TX);
    spend(6, 1);
    assert_int_equal(sign(), REFUSAL_DAY_UNITS);
    ask.day = DAY + 2;
    assert_int_equal(sign(), 0);
}

// A refused, repeated or re-priced request costs nothing.
static void test_day_counts_each_nonce_once(void **state)
{
    (void)state;
    start();
    spend(1, MAX_TX + 1);
    assert_int_equal(sign(), REFUSAL_TX_UNITS);
    spend_signed(1, MAX_TX);
    spend_signed(1, MAX_TX);
    ask.tx.max_priority_fee = u256_from_u64(7);
    spend_signed(1, MAX_TX);
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), MAX_TX);
    call.kind = ESCROW_RESOLVE_SPLIT; // the other role has a day of its own
    call.buyer_units = MAX_TX;
    to_escrow(WIRE_ROLE_ARBITER);
    assert_int_equal(sign(), 0);
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), MAX_TX);
}

// ---- killed with kill -9

// Runs in a child that ends by SIGKILL where it stands.
static void killed_after(void (*work)(void))
{
    int status;
    record_close(signer.record);
    pid_t pid = fork();
    if (pid == 0) {
        // The keys' pages are empty in a child (secret.h): it makes them again.
        key_make(0);
        key_make(1);
        record_start();
        work();
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    record_start();
}

static void work_whole(void)
{
    if (sign() != 0)
        _exit(1);
}

// The signature is made, the record is not: this far signer_core.c goes before it writes.
static void work_signature_only(void)
{
    struct record_claim claim = {.key = ask.role - 1, .nonce = ask.tx.nonce, .fence = ask.fence,
                                 .day = ask.day, .units = MAX_TX, .max_day_units = MAX_DAY};
    const struct signature *kept;
    struct signature signature;
    struct policy_verdict verdict;
    record_call_hash(&ask.tx, claim.call_hash);
    if (!tx_sighash(&ask.tx, claim.digest) ||
        !record_judge(signer.record, &claim, &kept, &verdict) || kept ||
        !sign_digest(signer.context, &signer.key[0], claim.digest, &signature))
        _exit(1);
}

static void test_killed_before_the_record(void **state)
{
    (void)state;
    start();
    spend(1, MAX_TX);
    killed_after(work_signature_only);
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), 0);
    spend_signed(1, MAX_TX - 1); // the nonce is free: no signature left
}

static void test_killed_behind_the_record(void **state)
{
    (void)state;
    static uint8_t first[WIRE_BYTES_MAX], second[WIRE_BYTES_MAX];
    struct wire_message a, b;
    start();
    spend(1, MAX_TX);
    killed_after(work_whole); // the answer is in no socket yet
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), MAX_TX);
    spend(1, MAX_TX - 1);
    assert_int_equal(sign(), REFUSAL_NONCE_USED);
    spend(1, MAX_TX);
    assert_int_equal(answer_of(first, &a), 0);
    restart();
    assert_int_equal(answer_of(second, &b), 0);
    assert_true(bytes_equal(a.payload, b.payload));
    assert_int_equal(record_day_units(signer.record, WIRE_ROLE_RELAYER), MAX_TX);
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, fresh, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_refuses_and_allows),
        cmocka_unit_test(test_no_refusal_is_without_a_row),
        CORE_TEST(test_day_survives_a_restart),
        CORE_TEST(test_day_changes_and_the_clock_goes_back),
        CORE_TEST(test_day_counts_each_nonce_once),
        CORE_TEST(test_killed_before_the_record),
        CORE_TEST(test_killed_behind_the_record),
    };
    return cmocka_run_group_tests(tests, group_make, group_drop);
}
