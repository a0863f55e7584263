/* The chain door's pure parts: fees, following the head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relayer/chain/fees.h"
#include "relayer/chain/head.h"

/* ---- fees ---- */

static const struct fees_settings fee_settings = {
    .max_fee_wei = 1000, .priority_fee_wei = 10, .gas_headroom_pct = 20, .gas_max = 32000000};

static void caps_fees_at_twice_the_base(void **state)
{
    struct u256 base = u256_from_u64(100), huge = {{1}};
    struct fees fees;

    (void)state;
    assert_true(fees_from_base(&base, &fee_settings, &fees));
    assert_int_equal(fees.max_fee_wei, 210);
    assert_int_equal(fees.priority_fee_wei, 10);
    base = u256_from_u64(600);
    assert_true(fees_from_base(&base, &fee_settings, &fees));
    assert_int_equal(fees.max_fee_wei, 1000);
    base = u256_from_u64(1000);
    assert_true(fees_from_base(&base, &fee_settings, &fees));
    base = u256_from_u64(1001);
    assert_false(fees_from_base(&base, &fee_settings, &fees));
    assert_false(fees_from_base(&huge, &fee_settings, &fees));
    base = u256_from_u64(UINT64_MAX);
    assert_true(fees_from_base(&base, &(struct fees_settings){.max_fee_wei = UINT64_MAX}, &fees));
    assert_true(fees.max_fee_wei == UINT64_MAX);
}

static void reprices_by_more_than_nodes_ask(void **state)
{
    struct u256 base = u256_from_u64(100), low = u256_from_u64(1);
    struct fees previous = {.max_fee_wei = 210, .priority_fee_wei = 10}, fees;

    (void)state;
    assert_true(fees_reprice(&previous, &low, &fee_settings, &fees));
    assert_true(fees.max_fee_wei * 10 >= previous.max_fee_wei * 11);
    assert_true(fees.priority_fee_wei * 10 >= previous.priority_fee_wei * 11);
    previous = (struct fees){.max_fee_wei = 1, .priority_fee_wei = 0};
    assert_true(fees_reprice(&previous, &base, &fee_settings, &fees));
    assert_int_equal(fees.max_fee_wei, 210); /* what the base fee asks for now */
    assert_int_equal(fees.priority_fee_wei, 1);
    previous = (struct fees){.max_fee_wei = 950, .priority_fee_wei = 10};
    assert_false(fees_reprice(&previous, &low, &fee_settings, &fees));
    previous = (struct fees){.max_fee_wei = UINT64_MAX, .priority_fee_wei = 0};
    assert_false(fees_reprice(&previous, &low, &fee_settings, &fees));
}

static void adds_gas_headroom_up_to_the_block(void **state)
{
    uint64_t gas;

    (void)state;
    assert_true(fees_gas_limit(21000, &fee_settings, &gas));
    assert_int_equal(gas, 25200);
    assert_true(fees_gas_limit(1, &fee_settings, &gas));
    assert_int_equal(gas, 2); /* rounded up */
    assert_true(fees_gas_limit(31000000, &fee_settings, &gas));
    assert_int_equal(gas, 32000000);
    assert_false(fees_gas_limit(0, &fee_settings, &gas));
    assert_false(fees_gas_limit(32000001, &fee_settings, &gas));
}

static void knows_the_worst_cost(void **state)
{
    struct fees fees = {.max_fee_wei = UINT64_MAX};
    struct u256 cost, expected;

    (void)state;
    fees_worst_cost(UINT64_MAX, &fees, &cost);
    assert_true(
        u256_from_dec("340282366920938463426481119284349108225", &expected)); /* (2^64-1)^2 */
    assert_int_equal(u256_cmp(&cost, &expected), 0);
}

/* ---- the head ---- */

/* Block `number` of branch `branch`: hash = {branch, number}, parent on `parent_branch`. */
static struct head_block block_of(uint8_t branch, uint8_t parent_branch, uint64_t number)
{
    struct head_block block = {.number = number};

    block.hash[0] = branch;
    block.parent[0] = parent_branch;
    for (size_t i = 0; i < 8; i++) {
        block.hash[31 - i] = (uint8_t)(number >> (8 * i));
        block.parent[31 - i] = (uint8_t)((number - 1) >> (8 * i));
    }
    return block;
}

static void follow(struct head *head, uint8_t branch, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        struct head_block block = block_of(branch, branch, n);

        assert_int_equal(head_decide(head, &block, 0).verdict, HEAD_EXTENDS);
        head_push(head, &block);
    }
}

static void follows_a_growing_chain(void **state)
{
    struct head head;
    struct head_entry entry;
    struct head_block block = block_of(1, 1, 1000);

    (void)state;
    head_init(&head);
    assert_false(head_tip(&head, &entry));
    follow(&head, 1, 100, 100 + 2 * HEAD_RING);
    assert_true(head_tip(&head, &entry));
    assert_int_equal(entry.number, 100 + 2 * HEAD_RING);
    assert_int_equal(head.n, HEAD_RING);
    assert_false(head_find(&head, 100 + HEAD_RING, &entry));
    assert_true(head_find(&head, 101 + HEAD_RING, &entry));
    assert_int_equal(entry.number, 101 + HEAD_RING);

    assert_int_equal(head_decide(&head, &block, 0).verdict, HEAD_GAP);
    assert_int_equal(head_decide(&head, &block, 0).fetch_from, 101 + 2 * HEAD_RING);
    block = block_of(1, 1, 100 + 2 * HEAD_RING);
    assert_int_equal(head_decide(&head, &block, 0).verdict, HEAD_KNOWN);
    block = block_of(1, 1, 50);
    assert_int_equal(head_decide(&head, &block, 0).verdict, HEAD_BEHIND);
}

/* Walks back as a watcher would: `fork_at` is the first block of branch 2. */
static void reorganise(uint64_t tip, uint64_t fork_at, uint64_t new_tip)
{
    struct head head;
    struct head_decision decision;
    uint64_t at = new_tip, asked = 0;

    head_init(&head);
    follow(&head, 1, 1, tip);
    for (;;) {
        struct head_block block = block_of(2, at == fork_at ? 1 : 2, at);

        decision = head_decide(&head, &block, 0);
        asked++;
        assert_true(asked <= HEAD_RING);
        if (decision.verdict != HEAD_FORK)
            break;
        assert_true(decision.fetch_from == at - 1);
        at = decision.fetch_from;
    }
    if (fork_at == tip + 1) {
        assert_int_equal(decision.verdict, HEAD_EXTENDS);
        return;
    }
    assert_int_equal(decision.verdict, HEAD_ROLLBACK);
    assert_int_equal(decision.keep_number, fork_at - 1);
    head_rollback(&head, decision.keep_number);
    for (uint64_t n = fork_at; n <= new_tip; n++) {
        struct head_block block = block_of(2, n == fork_at ? 1 : 2, n);

        assert_int_equal(head_decide(&head, &block, 0).verdict, HEAD_EXTENDS);
        head_push(&head, &block);
    }
}

static void finds_the_common_ancestor(void **state)
{
    (void)state;
    for (uint64_t depth = 1; depth <= 64; depth++)
        reorganise(100, 101 - depth, 101);
    reorganise(100, 101, 101); /* no fork at all */
    reorganise(100, 90, 95);   /* the other branch is shorter */
}

static void stops_below_what_it_holds_or_what_is_final(void **state)
{
    struct head head;
    struct head_block block;

    (void)state;
    head_init(&head);
    follow(&head, 1, 1000, 1010);
    block = block_of(2, 2, 1000);
    assert_int_equal(head_decide(&head, &block, 0).verdict, HEAD_TOO_DEEP);
    block = block_of(2, 1, 1005);
    assert_int_equal(head_decide(&head, &block, 1005).verdict, HEAD_TOO_DEEP);
    assert_int_equal(head_decide(&head, &block, 1004).verdict, HEAD_ROLLBACK);
    block = block_of(1, 1, 1005); /* the same block below finality is no change */
    assert_int_equal(head_decide(&head, &block, 1010).verdict, HEAD_KNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_fees_at_twice_the_base),
        cmocka_unit_test(reprices_by_more_than_nodes_ask),
        cmocka_unit_test(adds_gas_headroom_up_to_the_block),
        cmocka_unit_test(knows_the_worst_cost),
        cmocka_unit_test(follows_a_growing_chain),
        cmocka_unit_test(finds_the_common_ancestor),
        cmocka_unit_test(stops_below_what_it_holds_or_what_is_final),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
