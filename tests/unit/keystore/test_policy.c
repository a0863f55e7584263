// policy.h clause by clause: a request each clause allows at its limit and refuses just beyond, and
// the whole table of who may call what.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "keystore/policy.h"

enum { MAX_GAS = 5000000, MAX_TX = 1000, MAX_ALLOWANCE = 9000 };

static struct policy policy;
static struct policy_request request;
static struct policy_verdict verdict;
static struct escrow_call escrow_call;
static uint8_t calldata[ESCROW_CALL_SIZE_MAX];
static struct tx tx;

static int policy_make(void **state)
{
    (void)state;
    policy = (struct policy){.chain_id = 42161, .deposits_n = 2, .max_gas = MAX_GAS,
                             .max_fee_wei = u256_from_u64(500),
                             .max_priority_fee_wei = u256_from_u64(50),
                             .max_tx_units = MAX_TX, .max_day_units = 5 * MAX_TX,
                             .max_allowance_units = MAX_ALLOWANCE};
    memset(policy.escrow, 0xe5, 20);
    memset(policy.token, 0x70, 20);
    memset(policy.deposits[0], 0xd0, 20);
    memset(policy.deposits[1], 0xd1, 20);
    return 0;
}

static void tx_make(const uint8_t to[20], struct bytes data)
{
    tx = (struct tx){.type = TX_EIP1559, .chain_id = 42161, .nonce = 3, .gas_limit = 100000,
                     .max_fee = u256_from_u64(400), .max_priority_fee = u256_from_u64(40),
                     .has_to = true, .data = data};
    memcpy(tx.to, to, 20);
}

static void escrow_make(enum escrow_call_kind kind)
{
    struct buf out;
    escrow_call.kind = kind;
    escrow_call.n = 1;
    escrow_call.party = ESCROW_PARTY_BUYER;
    escrow_call.buyer_units = 5;
    escrow_call.terms[0] = (struct escrow_terms){.id = {1}, .amount_units = 7, .custody_end = 99};
    escrow_call.ids[0][0] = 1;
    buf_init(&out, calldata, sizeof calldata);
    assert_true(escrow_call_encode(&escrow_call, &out));
    tx_make(policy.escrow, buf_bytes(&out));
}

static void token_make(enum mxnb_call_kind kind, const uint8_t to[20], uint64_t units)
{
    struct buf out;
    struct mxnb_call call = {.kind = kind, .amount_units = units};
    memcpy(call.to, to, 20);
    buf_init(&out, calldata, sizeof calldata);
    assert_true(mxnb_call_encode(&call, &out));
    tx_make(policy.token, buf_bytes(&out));
}

static enum refusal judge(enum wire_role role)
{
    memset(&verdict, 0xff, sizeof verdict);
    bool ok = policy_judge(&policy, role, &tx, &request, &verdict);
    assert_int_equal(ok, verdict.refusal == REFUSAL_NONE);
    size_t n = strnlen(verdict.text, sizeof verdict.text);
    assert_true(n < sizeof verdict.text);
    if (!ok)
        assert_int_equal(strncmp(verdict.text, refusal_slug(verdict.refusal),
                                 strlen(refusal_slug(verdict.refusal))), 0);
    return verdict.refusal;
}

// By the text of the brief, not by the code: 1 relayer, 2 arbiter.
static void test_roles_of_escrow_calls(void **state)
{
    (void)state;
    static const struct {
        enum escrow_call_kind kind;
        enum wire_role owner;
    } rows[] = {
        {ESCROW_CREATE, 1},         {ESCROW_CREATE_MANY, 1},    {ESCROW_RELEASE, 1},
        {ESCROW_RELEASE_MANY, 1},   {ESCROW_DISPUTE, 1},        {ESCROW_REFUND_EXPIRED, 1},
        {ESCROW_DISMISS, 2},        {ESCROW_RESOLVE_REVERT, 2}, {ESCROW_RESOLVE_SPLIT, 2},
        {ESCROW_RELEASE_EARLY, 2},  {ESCROW_HOLD, 2},
    };
    assert_int_equal(sizeof rows / sizeof *rows, ESCROW_CALL_KINDS);
    for (size_t i = 0; i < ESCROW_CALL_KINDS; i++) {
        for (enum wire_role role = 1; role <= 2; role++) {
            escrow_make(rows[i].kind);
            assert_int_equal(judge(role), role == rows[i].owner ? REFUSAL_NONE : REFUSAL_ROLE);
        }
    }
}

static enum refusal judge_cancel(void)
{
    memset(&verdict, 0xff, sizeof verdict);
    bool ok = policy_judge_cancel(&policy, &tx, &verdict);
    assert_int_equal(ok, verdict.refusal == REFUSAL_NONE);
    return verdict.refusal;
}

static void test_cancel(void **state)
{
    (void)state;
    static const uint8_t own[20] = {0x0a, 1}, other[20] = {0x0a, 2};
    tx_make(own, (struct bytes){0});
    assert_true(policy_is_cancel(&tx, own));
    assert_int_equal(judge_cancel(), REFUSAL_NONE);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_DESTINATION); // as anything else: refused
    assert_false(policy_is_cancel(&tx, other));
    tx.value = u256_from_u64(1);
    assert_false(policy_is_cancel(&tx, own));
    tx_make(own, (struct bytes){own, 1});
    assert_false(policy_is_cancel(&tx, own));
    tx_make(own, (struct bytes){0});
    tx.access_list = (struct bytes){own, 1};
    assert_false(policy_is_cancel(&tx, own));
    tx_make(own, (struct bytes){0});
    tx.has_to = false;
    assert_false(policy_is_cancel(&tx, own));

    tx_make(own, (struct bytes){0});
    tx.gas_limit = MAX_GAS + 1;
    assert_int_equal(judge_cancel(), REFUSAL_GAS_LIMIT);
    tx_make(own, (struct bytes){0});
    tx.max_fee = u256_from_u64(501);
    assert_int_equal(judge_cancel(), REFUSAL_FEE);
    tx_make(own, (struct bytes){0});
    tx.max_priority_fee = u256_from_u64(51);
    assert_int_equal(judge_cancel(), REFUSAL_PRIORITY_FEE);
    tx_make(own, (struct bytes){0});
    tx.chain_id = 1;
    assert_int_equal(judge_cancel(), REFUSAL_CHAIN);
}

static void test_roles_of_token_calls(void **state)
{
    (void)state;
    for (enum mxnb_call_kind kind = 0; kind < (enum mxnb_call_kind)MXNB_CALL_KINDS; kind++) {
        bool allowed = kind == MXNB_TRANSFER || kind == MXNB_APPROVE;
        token_make(kind, kind == MXNB_APPROVE ? policy.escrow : policy.deposits[0], 1);
        assert_int_equal(judge(WIRE_ROLE_RELAYER), allowed ? REFUSAL_NONE : REFUSAL_ROLE);
        assert_int_equal(judge(WIRE_ROLE_ARBITER), REFUSAL_ROLE);
    }
}

// A pool key has the relayer's calls of the escrow and none of the token.
static void test_pool_keys(void **state)
{
    (void)state;
    for (enum escrow_call_kind kind = 0; kind < (enum escrow_call_kind)ESCROW_CALL_KINDS; kind++) {
        escrow_make(kind);
        assert_int_equal(judge(WIRE_ROLE_POOL), judge(WIRE_ROLE_RELAYER));
    }
    for (enum mxnb_call_kind kind = 0; kind < (enum mxnb_call_kind)MXNB_CALL_KINDS; kind++) {
        bool moves = kind == MXNB_TRANSFER || kind == MXNB_APPROVE;
        token_make(kind, kind == MXNB_APPROVE ? policy.escrow : policy.deposits[0], 1);
        assert_int_equal(judge(WIRE_ROLE_POOL), moves ? REFUSAL_POOL : REFUSAL_ROLE);
    }
}

static void test_type(void **state)
{
    (void)state;
    escrow_make(ESCROW_RELEASE);
    tx.type = TX_LEGACY;
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_TX_TYPE);
    tx.type = TX_EIP2930;
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_TX_TYPE);
}

static void test_chain(void **state)
{
    (void)state;
    static const uint64_t others[] = {0, 1, 42160, 42162, 421614};
    escrow_make(ESCROW_RELEASE);
    for (size_t i = 0; i < 5; i++) {
        tx.chain_id = others[i];
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CHAIN);
    }
}

static void test_destination(void **state)
{
    (void)state;
    for (size_t byte = 0; byte < 20; byte++) {
        escrow_make(ESCROW_RELEASE);
        tx.to[byte] ^= 1;
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_DESTINATION);
    }
    escrow_make(ESCROW_RELEASE);
    tx.has_to = false;
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_DESTINATION);
    escrow_make(ESCROW_RELEASE);
    memcpy(tx.to, policy.deposits[0], 20);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_DESTINATION);
}

static void test_value(void **state)
{
    (void)state;
    escrow_make(ESCROW_RELEASE);
    for (size_t byte = 0; byte < 32; byte++) {
        tx.value = u256_from_u64(0);
        tx.value.be[byte] = 1;
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_VALUE);
    }
}

static void test_access_list(void **state)
{
    (void)state;
    escrow_make(ESCROW_RELEASE);
    tx.access_list = (struct bytes){(const uint8_t *)"\xc0", 1};
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_ACCESS_LIST);
}

static void test_gas_and_fees(void **state)
{
    (void)state;
    escrow_make(ESCROW_RELEASE);
    tx.gas_limit = MAX_GAS;
    tx.max_fee = u256_from_u64(500);
    tx.max_priority_fee = u256_from_u64(50);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    tx.gas_limit = MAX_GAS + 1;
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_GAS_LIMIT);
    tx.gas_limit = UINT64_MAX;
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_GAS_LIMIT);
    tx.gas_limit = MAX_GAS;
    tx.max_fee = u256_from_u64(501);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_FEE);
    memset(tx.max_fee.be, 0xff, 32);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_FEE);
    tx.max_fee = u256_from_u64(500);
    tx.max_priority_fee = u256_from_u64(51);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_PRIORITY_FEE);
    memset(tx.max_priority_fee.be, 0xff, 32);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_PRIORITY_FEE);
}

static void test_unknown_calldata(void **state)
{
    (void)state;
    escrow_make(ESCROW_RELEASE);
    struct bytes whole = tx.data;
    for (size_t n = 0; n < whole.n; n++) {
        tx.data.n = n;
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
    }
    tx.data.n = whole.n + 1; // one byte more, which the contract would ignore
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
    tx.data = whole;
    for (size_t byte = 0; byte < 4; byte++) {
        calldata[byte] ^= 0x80;
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
        calldata[byte] ^= 0x80;
    }
    // A call of one contract sent to the other.
    memcpy(tx.to, policy.token, 20);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
    token_make(MXNB_TRANSFER, policy.deposits[0], 1);
    memcpy(tx.to, policy.escrow, 20);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
    // Known signatures of functions this product never calls: transferFrom, pause, grantRole.
    static const uint8_t foreign[][4] = {{0x23, 0xb8, 0x72, 0xdd}, {0x84, 0x56, 0xcb, 0x59},
                                         {0x2f, 0x2f, 0xf1, 0x5d}};
    for (size_t i = 0; i < 3; i++) {
        memcpy(calldata, foreign[i], 4);
        memcpy(tx.to, i == 0 ? policy.token : policy.escrow, 20);
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
    }
}

static void test_recipients(void **state)
{
    (void)state;
    uint8_t stranger[20];
    memset(stranger, 0x99, sizeof stranger);
    token_make(MXNB_TRANSFER, policy.deposits[1], 1);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    const uint8_t *not_deposits[] = {stranger, policy.escrow, policy.token};
    for (size_t i = 0; i < 3; i++) {
        token_make(MXNB_TRANSFER, not_deposits[i], 1);
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_RECIPIENT);
    }
    const uint8_t *not_escrows[] = {stranger, policy.deposits[0], policy.token};
    for (size_t i = 0; i < 3; i++) {
        token_make(MXNB_APPROVE, not_escrows[i], 1);
        assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_RECIPIENT);
    }
    // An entry behind deposits_n counts for nothing.
    policy.deposits_n = 1;
    token_make(MXNB_TRANSFER, policy.deposits[1], 1);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_RECIPIENT);
    policy_make(NULL);
}

static void test_allowance(void **state)
{
    (void)state;
    token_make(MXNB_APPROVE, policy.escrow, MAX_ALLOWANCE);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    assert_int_equal(request.units, 0); // nothing moves yet
    token_make(MXNB_APPROVE, policy.escrow, MAX_ALLOWANCE + 1);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_ALLOWANCE);
    memset(calldata + 36, 0xff, 32); // the unlimited approval
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_CALL);
}

static void batch_make(size_t n, uint64_t each)
{
    struct buf out;
    memset(&escrow_call, 0, sizeof escrow_call);
    escrow_call.kind = ESCROW_CREATE_MANY;
    escrow_call.n = n;
    for (size_t i = 0; i < n; i++)
        escrow_call.terms[i] = (struct escrow_terms){.id = {(uint8_t)i}, .amount_units = each};
    buf_init(&out, calldata, sizeof calldata);
    assert_true(escrow_call_encode(&escrow_call, &out));
    tx_make(policy.escrow, buf_bytes(&out));
}

static void test_units(void **state)
{
    (void)state;
    token_make(MXNB_TRANSFER, policy.deposits[0], MAX_TX);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    assert_int_equal(request.units, MAX_TX);
    token_make(MXNB_TRANSFER, policy.deposits[0], MAX_TX + 1);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_TX_UNITS);

    batch_make(10, MAX_TX / 10);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    assert_int_equal(request.units, MAX_TX);
    batch_make(10, MAX_TX / 10 + 1);
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_TX_UNITS);
    batch_make(2, 1ull << 63); // the sum is 2^64: zero in 64 bits
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_TX_UNITS);

    escrow_make(ESCROW_RESOLVE_SPLIT);
    assert_int_equal(judge(WIRE_ROLE_ARBITER), REFUSAL_NONE);
    assert_int_equal(request.units, 5);
    policy.max_tx_units = 4;
    assert_int_equal(judge(WIRE_ROLE_ARBITER), REFUSAL_TX_UNITS);
    policy_make(NULL);
    escrow_make(ESCROW_RELEASE); // amounts of the request before must not stick
    assert_int_equal(judge(WIRE_ROLE_RELAYER), REFUSAL_NONE);
    assert_int_equal(request.units, 0);
}

// Numbers travel on the wire: pinned here a second time.
static void test_refusal_numbers(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *slug;
    } rows[] = {{100, "malformed"}, {101, "tx_type"}, {102, "chain"}, {103, "destination"},
                {104, "value"}, {105, "access_list"}, {106, "gas_limit"}, {107, "fee"},
                {108, "priority_fee"}, {109, "call"}, {110, "role"}, {111, "recipient"},
                {200, "tx_units"}, {201, "day_units"}, {202, "allowance"}, {300, "nonce_used"},
                {301, "nonce_old"}, {302, "nonce_ahead"}, {303, "fence"}, {304, "record"},
                {305, "signature"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(refusal_slug((enum refusal)rows[i].number), rows[i].slug);
        assert_true(strlen(refusal_hint((enum refusal)rows[i].number)) > 10);
    }
}

static void test_long_texts_are_cut(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_false(policy_refuse(&verdict, REFUSAL_NONCE_OLD, "%s", text));
    assert_true(strlen(verdict.text) <= WIRE_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_of_escrow_calls), cmocka_unit_test(test_roles_of_token_calls),
        cmocka_unit_test(test_pool_keys),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_type), cmocka_unit_test(test_chain),
        cmocka_unit_test(test_destination),
        cmocka_unit_test(test_value), cmocka_unit_test(test_access_list),
        cmocka_unit_test(test_gas_and_fees), cmocka_unit_test(test_unknown_calldata),
        cmocka_unit_test(test_recipients), cmocka_unit_test(test_allowance),
        cmocka_unit_test(test_units), cmocka_unit_test(test_refusal_numbers),
        cmocka_unit_test(test_long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, policy_make, NULL);
}
