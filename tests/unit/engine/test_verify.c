/* Verification's comparisons: everything right gives no difference, and each single thing that is wrong,
 * on our side or on the chain's, gives one at its place. */
#include "relayer/engine/verify_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "abi/codec.h"
#include "abi/escrow_abi.h"
#include "abi/hex.h"
#include "abi/mxnb.h"

enum { CREATE_LOG = 3, RETURN_LOG = 4, STRANGER_LOG = 5 };
#define AMOUNT UINT64_C(7000000000)
#define END INT64_C(1900000000)

static struct verify_places places;
static struct audit_page page;
static struct seen_log logs[3];
static struct audit_effect effects[3];
static struct chain_log chain_logs[3];
static struct chain_receipt receipt;
static struct chain_block block;
static uint8_t data_create[4 * 32], data_return[32], data_stranger[32];
static struct verify_report report;

static void word(uint8_t *at, uint64_t value)
{
    memset(at, 0, 32);
    for (int i = 0; i < 8; i++)
        at[31 - i] = (uint8_t)(value >> (8 * i));
}

static void fill_log(struct chain_log *log, uint64_t index, const uint8_t address[20])
{
    memset(log, 0, sizeof *log);
    memcpy(log->address, address, 20);
    memset(log->tx_hash, 0x77, 32);
    memset(log->block_hash, 0x55, 32);
    log->block_number = 90;
    log->log_index = index;
}

static void fill_transfer(struct chain_log *log, const uint8_t from[20], const uint8_t to[20],
                          uint8_t data[32])
{
    memcpy(log->topics[0], mxnb_topic_transfer, 32);
    memcpy(log->topics[1] + 12, from, 20);
    memcpy(log->topics[2] + 12, to, 20);
    log->topics_n = 3;
    log->data = (struct bytes){data, 32};
}

static void fill_chain(void)
{
    uint8_t stranger[20];
    memset(stranger, 0x99, sizeof stranger);
    fill_log(&chain_logs[0], CREATE_LOG, places.escrow);
    memcpy(chain_logs[0].topics[0], escrow_topic_created, 32);
    memcpy(chain_logs[0].topics[1], effects[0].escrow_id, 32);
    memcpy(chain_logs[0].topics[2] + 12, places.bridge, 20);
    chain_logs[0].topics_n = 3;
    word(data_create, AMOUNT);
    word(data_create + 32, (uint64_t)END);
    word(data_create + 64, 0);
    memset(data_create + 96, 0x31, 32);
    chain_logs[0].data = (struct bytes){data_create, sizeof data_create};
    fill_log(&chain_logs[1], RETURN_LOG, places.token);
    word(data_return, 900);
    fill_transfer(&chain_logs[1], places.bridge, places.juno, data_return);
    /* Other people's tokens: not ours to know. */
    fill_log(&chain_logs[2], STRANGER_LOG, places.token);
    word(data_stranger, 5);
    fill_transfer(&chain_logs[2], stranger, places.juno, data_stranger);
    memset(&receipt, 0, sizeof receipt);
    receipt.present = receipt.succeeded = true;
    memset(receipt.tx_hash, 0x77, 32);
    memset(receipt.block_hash, 0x55, 32);
    receipt.block_number = 90;
    receipt.logs = (struct chain_logs){chain_logs, 3};
    memset(&block, 0, sizeof block);
    block.present = true;
    block.number = 90;
    memset(block.hash, 0x55, 32);
}

static void fill_effects(void)
{
    memset(effects, 0, sizeof effects);
    struct audit_effect *e = &effects[0];
    memset(e->payment_id.b, 0x42, 16);
    e->kind = EFFECT_ESCROW_CREATE;
    e->has_payment = e->has_escrow = e->has_log = true;
    escrow_id(places.chain_id, places.escrow, e->payment_id.b, 0, e->escrow_id);
    e->amount_units = e->custody_units = (int64_t)AMOUNT;
    e->custody_end_s = END;
    memset(e->terms_hash, 0x31, 32);
    e->log_index = CREATE_LOG;
    /* Two returns in one transfer of 900. */
    for (int i = 1; i < 3; i++) {
        e = &effects[i];
        e->kind = EFFECT_TOKEN_TRANSFER;
        e->has_payment = e->has_log = true;
        e->amount_units = i == 1 ? 400 : 500;
        hex_encode_0x(places.juno, 20, e->destination);
        e->log_index = RETURN_LOG;
    }
}

static void fill_evidence(void)
{
    memset(logs, 0, sizeof logs);
    for (int i = 0; i < 2; i++) {
        logs[i].log_index = (uint32_t)(CREATE_LOG + i);
        logs[i].block_number = 90;
        memset(logs[i].block_hash, 0x55, 32);
        memset(logs[i].tx_hash, 0x77, 32);
        memcpy(logs[i].address, i == 0 ? places.escrow : places.token, 20);
    }
    logs[0].event = "EscrowCreated";
    logs[0].has_escrow = logs[0].has_hash = true;
    memcpy(logs[0].escrow_id, effects[0].escrow_id, 32);
    memset(logs[0].hash, 0x31, 32);
    logs[0].amount_units = AMOUNT;
    logs[0].custody_end_s = END;
    logs[1].event = "Transfer";
    logs[1].has_from = logs[1].has_to = true;
    memcpy(logs[1].from, places.bridge, 20);
    memcpy(logs[1].to, places.juno, 20);
    logs[1].amount_units = 900;
}

static int prepare(void **state)
{
    (void)state;
    places.chain_id = 42161;
    memset(places.escrow, 0xe5, 20);
    memset(places.token, 0x70, 20);
    memset(places.bridge, 0xb1, 20);
    memset(places.juno, 0x1a, 20);
    fill_effects();
    fill_evidence();
    fill_chain();
    memset(&page, 0, sizeof page);
    page.txs_n = 1;
    page.logs_n = 2;
    page.effects_n = 3;
    page.log = logs;
    page.effect = effects;
    struct audit_tx *tx = &page.tx[0];
    memset(tx->hash, 0x77, 32);
    tx->block_number = 90;
    memset(tx->block_hash, 0x55, 32);
    tx->logs_n = 2;
    tx->effects_n = 3;
    return 0;
}

static size_t run(void)
{
    memset(&report, 0, sizeof report);
    struct verify_answer answer = {.receipt = &receipt, .block = &block};
    verify_compare_tx(&report, &places, &page, &page.tx[0], &answer);
    return report.differences_n;
}

static bool some_difference(const char *where_end, const char *word_in_expected)
{
    for (size_t i = 0; i < report.differences_n; i++) {
        const struct verify_difference *d = &report.difference[i];
        size_t n = strlen(d->where), m = strlen(where_end);
        if (n >= m && strcmp(d->where + n - m, where_end) == 0 &&
            strstr(d->expected, word_in_expected) != NULL)
            return d->found[0] != '\0' && d->hint[0] != '\0';
    }
    return false;
}

static void what_agrees_has_no_difference(void **state)
{
    (void)state;
    assert_int_equal(run(), 0);
    assert_true(report.checked > 30);
    assert_int_equal(report.txs, 1);
    assert_int_equal(report.logs, 2);
}

/* Every byte here is one side of a comparison; flipping it must be noticed at the place named. */
static void every_wrong_field_is_found(void **state)
{
    (void)state;
    const struct {
        void *byte;
        const char *where, *expected;
    } WRONG[] = {
        {&receipt.tx_hash[3], "", "hash"},
        {&receipt.block_number, "", "block"},
        {&receipt.block_hash[31], "", "block hash"},
        {&block.hash[0], "", "canonical block hash"},
        {&page.tx[0].block_hash[9], "", "block hash"},
        {&chain_logs[0].address[19], "log 3", "event"},
        {&chain_logs[0].topics[0][5], "log 3", "event"},
        {&chain_logs[0].topics[1][5], "log 3", "escrow id"},
        {&chain_logs[0].block_hash[5], "log 3", "block hash"},
        {&data_create[31], "log 3", "amount"},
        {&data_create[63], "log 3", "custody end"},
        {&data_create[127], "log 3", "terms hash"},
        {&data_return[31], "log 4", "amount"},
        {&chain_logs[1].topics[2][31], "log 4", "to"},
        {&chain_logs[1].topics[1][31], "log 4", "Transfer"},
        {&logs[0].amount_units, "log 3", "amount"},
        {&logs[0].custody_end_s, "log 3", "custody end"},
        {&logs[0].escrow_id[0], "log 3", "escrow id"},
        {&logs[0].hash[0], "log 3", "hash of terms"},
        {&logs[0].address[0], "log 3", "address"},
        {&logs[0].round, "log 3", "round"},
        {&logs[0].party, "log 3", "party"},
        {&logs[0].early, "log 3", "early"},
        {&logs[0].buyer_units, "log 3", "buyer"},
        {&logs[1].to[7], "log 4", "to"},
        {&logs[1].from[7], "log 4", "from"},
        {&effects[0].amount_units, "log 3", "amount"},
        {&effects[0].custody_units, "log 3", "custody share"},
        {&effects[0].custody_end_s, "log 3", "custody end"},
        {&effects[0].terms_hash[8], "log 3", "terms hash"},
        {&effects[0].escrow_id[8], "log 3", "escrow id"},
        {&effects[0].payment_id.b[8], "log 3", "escrow id by the payment"},
        {&effects[1].amount_units, "log 4", "amount"},
        {&effects[2].amount_units, "log 4", "amount"},
        {&places.juno[2], "log 4", "to"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        uint8_t *byte = WRONG[i].byte;
        *byte ^= 1;
        if (run() == 0 || !some_difference(WRONG[i].where, WRONG[i].expected))
            fail_msg("wrong field %zu (%s) is not found at \"%s\"", i, WRONG[i].expected,
                     WRONG[i].where);
        *byte ^= 1;
    }
    assert_int_equal(run(), 0);
}

/* One byte of anything the terms bind, and the promise is not what was hashed. */
/* The first log becomes one of the escrow's own: ARBITER given to 0x99... */
static void make_role_granted(void)
{
    memset(&chain_logs[0].topics, 0, sizeof chain_logs[0].topics);
    memcpy(chain_logs[0].topics[0], (const uint8_t[])ESCROW_TOPIC_ROLE_GRANTED, 32);
    memcpy(chain_logs[0].topics[1], escrow_role_arbiter, 32);
    memset(chain_logs[0].topics[2] + 12, 0x99, 20);
    memset(chain_logs[0].topics[3] + 12, 0x98, 20);
    chain_logs[0].topics_n = 4;
    chain_logs[0].data = (struct bytes){0};
    page.tx[0].effects_n = 0;
    struct seen_log as_other = {.log_index = CREATE_LOG, .event = "Other"};
    memcpy(as_other.address, places.escrow, 20);
    memcpy(as_other.block_hash, logs[0].block_hash, 32);
    logs[0] = as_other;
}

static void the_admins_logs_are_compared_by_name(void **state)
{
    (void)state;
    make_role_granted();
    assert_int_equal(run(), 0); /* a row of before they had names */
    logs[0].event = "RoleGranted";
    logs[0].has_to = logs[0].has_hash = true;
    memset(logs[0].to, 0x99, 20);
    memcpy(logs[0].hash, escrow_role_arbiter, 32);
    assert_int_equal(run(), 0);
    logs[0].event = "RoleRevoked";
    assert_int_equal(run(), 1);
    logs[0].event = "RoleGranted";
    logs[0].to[19] ^= 1;
    assert_int_equal(run(), 1);
    logs[0].to[19] ^= 1;
    logs[0].hash[0] ^= 1;
    assert_int_equal(run(), 1);
}

static void a_payments_log_is_never_other(void **state)
{
    (void)state;
    logs[0].event = "Other";
    assert_true(run() > 0);
    assert_true(some_difference("log 3", "event Other"));
}

static void an_edited_promise_is_found(void **state)
{
    (void)state;
    struct audit_promise promise = {.payer = "ana", .has_escrow = true};
    struct payment *p = &promise.payment;
    p->amount_centavos = 1000000;
    p->immediate_centavos = 300000;
    p->custody_centavos = 700000;
    p->custody_seconds = 604800;
    p->legs_n = 2;
    for (size_t i = 0; i < p->legs_n; i++)
        p->legs[i] = (struct leg){.role = LEG_COMMISSION, .amount_centavos = 15000};
    terms_hash(p, promise.payer, p->terms_hash);
    memcpy(promise.escrow_terms, p->terms_hash, 32);
    memset(&report, 0, sizeof report);
    verify_compare_promise(&report, &promise);
    assert_int_equal(report.differences_n, 0);
    assert_int_equal(report.checked, 2);
    void *const EDITS[] = {&p->id.b[7],
                           &p->seller_id.b[0],
                           &p->buyer_id.b[15],
                           &p->amount_centavos,
                           &p->immediate_centavos,
                           &p->custody_centavos,
                           &p->custody_seconds,
                           &p->legs[0].beneficiary_id.b[3],
                           &p->legs[1].amount_centavos,
                           &promise.payer[1],
                           &p->terms_hash[9],
                           &promise.escrow_terms[9]};
    for (size_t i = 0; i < sizeof EDITS / sizeof EDITS[0]; i++) {
        uint8_t *byte = EDITS[i];
        *byte ^= 1;
        memset(&report, 0, sizeof report);
        verify_compare_promise(&report, &promise);
        if (report.differences_n == 0)
            fail_msg("edit %zu is not found", i);
        *byte ^= 1;
    }
    p->legs_n = 1;
    memset(&report, 0, sizeof report);
    verify_compare_promise(&report, &promise);
    assert_int_equal(report.differences_n, 2);
}

static void what_is_missing_is_found(void **state)
{
    (void)state;
    receipt.present = false;
    assert_int_equal(run(), 1);
    receipt.present = true;
    block.present = false;
    assert_true(run() > 0);
    block.present = true;
    receipt.logs.n = 0;
    assert_true(run() > 0 && some_difference("log 3", "EscrowCreated"));
    receipt.logs.n = 3;
    chain_logs[0].removed = true;
    assert_true(run() > 0);
    chain_logs[0].removed = false;
    /* A log of ours that no evidence holds: somebody moved money we did not see. */
    page.tx[0].logs_n = 1;
    assert_int_equal(run(), 1);
    assert_true(some_difference("log 4", "evidence"));
    page.tx[0].logs_n = 2;
    memcpy(chain_logs[2].topics[2] + 12, places.bridge, 20);
    assert_int_equal(run(), 1);
    assert_true(some_difference("log 5", "evidence"));
    effects[0].log_index = 70;
    assert_true(run() > 1 && some_difference("log 70", "EscrowCreated"));
}

static void our_own_transaction_is_read_from_its_bytes(void **state)
{
    (void)state;
    static uint8_t junk[] = {0x02, 0xc0};
    struct audit_tx *tx = &page.tx[0];
    tx->ours = true;
    tx->raw = junk;
    tx->raw_n = sizeof junk;
    assert_true(run() > 0);
    assert_true(some_difference("", "hash of the stored bytes"));
    assert_true(some_difference("", "stored bytes a signed transaction"));
    receipt.succeeded = false;
    run();
    assert_true(some_difference("", "status 1"));
    receipt.gas_used = 7;
    receipt.from[0] = 1;
    run();
    assert_true(some_difference("", "gas used") && some_difference("", "sender"));
}

static void escrow_states_follow_the_last_log(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        enum escrow_state state;
    } RIGHT[] = {{"", ESCROW_STATE_NONE},
                 {"EscrowCreated", ESCROW_STATE_ACTIVE},
                 {"DisputeRaised", ESCROW_STATE_DISPUTED},
                 {"DisputeDismissed", ESCROW_STATE_ACTIVE},
                 {"EscrowReleased", ESCROW_STATE_RELEASED},
                 {"EscrowReverted", ESCROW_STATE_REVERTED},
                 {"EscrowSplit", ESCROW_STATE_SPLIT}};
    for (size_t i = 0; i < sizeof RIGHT / sizeof RIGHT[0]; i++) {
        struct audit_escrow ours = {.amount_units = 5, .custody_end_s = 9};
        snprintf(ours.event, sizeof ours.event, "%s", RIGHT[i].event);
        for (int s = ESCROW_STATE_NONE; s <= ESCROW_STATE_SPLIT; s++) {
            struct escrow_view view = {
                .state = (enum escrow_state)s, .amount_units = 5, .custody_end = 9};
            bool right = (enum escrow_state)s == RIGHT[i].state;
            memset(&report, 0, sizeof report);
            verify_compare_escrow(&report, &ours, &view);
            assert_int_equal(report.differences_n, right ? 0 : 1);
            assert_int_equal(verify_escrow_agrees(&ours, &view), right);
        }
        if (RIGHT[i].state == ESCROW_STATE_NONE)
            continue;
        struct escrow_view wrong = {.state = RIGHT[i].state, .amount_units = 6, .custody_end = 8};
        memset(&report, 0, sizeof report);
        verify_compare_escrow(&report, &ours, &wrong);
        assert_int_equal(report.differences_n, 2);
    }
}

static void differences_beyond_the_maximum_are_counted(void **state)
{
    (void)state;
    memset(&report, 0, sizeof report);
    for (int i = 0; i < VERIFY_DIFFERENCES_MAX + 3; i++) {
        assert_int_equal(report.truncated, i > VERIFY_DIFFERENCES_MAX);
        verify_add(&report, &(struct verify_words){"w", "e", "f", "h"});
    }
    assert_int_equal(report.differences_n, VERIFY_DIFFERENCES_MAX + 3);
    assert_true(report.truncated);
}

static void only_exact_sums_explain_a_gap(void **state)
{
    (void)state;
    const int64_t moves[] = {100, -30, 7};
    const int64_t sums[] = {0, 100, -30, 7, 70, 107, -23, 77};
    for (int64_t gap = -60; gap <= 130; gap++) {
        bool possible = false;
        for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
            possible = possible || sums[i] == gap;
        assert_int_equal(verify_gap_explained(gap, moves, 3), possible);
    }
    assert_true(verify_gap_explained(0, NULL, 0));
    assert_false(verify_gap_explained(1, NULL, 0));
    /* Equal movements stay exact however many there are. */
    int64_t equal[500];
    for (size_t i = 0; i < 500; i++)
        equal[i] = 10;
    assert_true(verify_gap_explained(4990, equal, 500));
    assert_false(verify_gap_explained(4991, equal, 500));
    /* More sums than are followed: the range decides, and nothing outside it passes. */
    for (size_t i = 0; i < 40; i++)
        equal[i] = INT64_C(1) << i;
    assert_true(verify_gap_explained((INT64_C(1) << 40) - 1, equal, 40));
    assert_false(verify_gap_explained(INT64_C(1) << 40, equal, 40));
    assert_false(verify_gap_explained(-1, equal, 40));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_agrees_has_no_difference, prepare),
        cmocka_unit_test_setup(every_wrong_field_is_found, prepare),
        cmocka_unit_test_setup(the_admins_logs_are_compared_by_name, prepare),
        cmocka_unit_test_setup(a_payments_log_is_never_other, prepare),
        cmocka_unit_test_setup(an_edited_promise_is_found, prepare),
        cmocka_unit_test_setup(what_is_missing_is_found, prepare),
        cmocka_unit_test_setup(our_own_transaction_is_read_from_its_bytes, prepare),
        cmocka_unit_test_setup(escrow_states_follow_the_last_log, prepare),
        cmocka_unit_test(differences_beyond_the_maximum_are_counted),
        cmocka_unit_test(only_exact_sums_explain_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
