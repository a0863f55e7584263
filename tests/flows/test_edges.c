/* Payments at the edge of what a plan allows: commissions that take the whole custody share, no immediate
 * share; and what a step says when it is told little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relayer/flows/book.h"
#include "relayer/flows/payment.h"
#include "relayer/flows/terms.h"

static const struct flow_rules RULES = {.min_leg_centavos = 10000, .release_margin_s = 2};

enum { CUSTODY = 70000, CUSTODY_END = 5000 };

/* Two commissions that leave the seller nothing of the custody share. */
static struct payment all_to_commissions(enum payment_state state)
{
    struct payment p;
    struct payment_terms terms = {.amount_centavos = 100000,
                                  .immediate_centavos = 100000 - CUSTODY,
                                  .commissions_n = 2,
                                  .commission_centavos = {30000, 40000},
                                  .custody_seconds = 3600};
    char why[FLOW_TEXT_MAX];

    assert_true(payment_plan(&terms, &RULES, &p, why));
    p.id.b[0] = 9;
    p.buyer_id.b[0] = 4;
    p.state = state;
    p.custody_end_s = CUSTODY_END;
    for (size_t i = 0; i < p.legs_n; i++)
        assert_int_not_equal(p.legs[i].role, LEG_SELLER_FINAL);
    return p;
}

static struct decision split_asked(const struct payment *p, int64_t buyer)
{
    struct fact ask = {.kind = FACT_ASK_SPLIT, .chain_time_s = 1000, .buyer_centavos = buyer};

    return payment_step(p, &ask, &RULES);
}

static void split_of_a_share_that_is_all_commissions(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_DISPUTED);
    int64_t commissions = 0, buyer = 0;

    assert_int_equal(split_asked(&p, CUSTODY / 2).verdict, VERDICT_MOVE);
    p.state = PAYMENT_SPLITTING;
    p.buyer_centavos = CUSTODY / 2;
    p.has_effect = true;
    p.effect_id.b[0] = 8;
    struct fact done = {.kind = FACT_EFFECT,
                        .effect_kind = EFFECT_DISPUTE_SPLIT,
                        .effect_end = EFFECT_CONFIRMED,
                        .effect_id = p.effect_id};
    struct decision d = payment_step(&p, &done, &RULES);
    assert_int_equal(d.verdict, VERDICT_MOVE);
    for (size_t i = 0; i < d.legs_n; i++) {
        assert_int_not_equal(d.leg[i].role, LEG_SELLER_FINAL);
        if (d.leg[i].role == LEG_COMMISSION)
            commissions += d.leg[i].amount_centavos;
        if (d.leg[i].role == LEG_BUYER_REFUND) {
            buyer += d.leg[i].amount_centavos;
            assert_int_equal(d.leg[i].n, p.legs_n);
        }
    }
    assert_int_equal(buyer, CUSTODY / 2);
    assert_int_equal(commissions, CUSTODY / 2);
}

/* Rounding the commissions down leaves the seller a centavo that Juno would not redeem. */
static void split_that_leaves_the_seller_a_centavo_is_refused(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_DISPUTED);
    struct decision d = split_asked(&p, CUSTODY / 2 + 1);

    assert_int_equal(d.verdict, VERDICT_REFUSE);
    assert_non_null(strstr(d.reason, "seller's part"));
}

static void whole_amount_in_custody_owes_one_share(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_WAITING_ISSUANCE);
    struct fact issued = {.kind = FACT_ISSUANCE, .chain_time_s = 1000};

    p.immediate_centavos = 0;
    p.custody_centavos = p.amount_centavos;
    struct decision d = payment_step(&p, &issued, &RULES);
    assert_int_equal(d.verdict, VERDICT_MOVE);
    assert_int_equal(d.postings_n, 1);
    assert_true(posting_balanced(&d.posting[0]));
    for (size_t i = 0; i < d.posting[0].n; i++)
        assert_int_not_equal(d.posting[0].line[i].class, ACCOUNT_OWED_IMMEDIATE);
}

static void custody_with_two_clocks_waits_for_the_chain_first(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_IN_CUSTODY);
    struct flow_rules both = RULES;
    struct fact time = {.kind = FACT_TIME, .chain_time_s = CUSTODY_END - 1, .now_ms = 1};

    both.wall_clock_too = true;
    struct decision d = payment_step(&p, &time, &both);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
    assert_int_equal(d.look_again_ms, 0); /* the watcher wakes it */
}

static void parked_without_a_reason_says_so(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_FUNDING);
    struct fact parked = {.kind = FACT_EFFECT, .effect_end = EFFECT_PARKED};

    p.has_effect = true;
    parked.effect_kind = EFFECT_ESCROW_CREATE;
    struct decision d = payment_step(&p, &parked, &RULES);
    assert_int_equal(d.next, PAYMENT_PARKED);
    assert_non_null(strstr(d.reason, "no reason given"));

    p.legs[0].state = LEG_REDEEMING;
    p.legs[0].has_effect = true;
    parked.effect_kind = EFFECT_REDEEM;
    d = payment_leg_step(&p, &p.legs[0], &parked, &RULES);
    assert_int_equal(d.leg[0].state, LEG_PARKED);
    assert_non_null(strstr(d.reason, "no reason given"));
    /* The end of another effect is not this leg's. */
    parked.effect_id.b[3] = 1;
    assert_int_equal(payment_leg_step(&p, &p.legs[0], &parked, &RULES).verdict, VERDICT_NOTHING);
}

static void unknown_kinds_have_no_name(void **state)
{
    (void)state;
    enum effect_kind kind;

    assert_null(effect_kind_name((enum effect_kind)99));
    assert_false(effect_kind_parse("alchemy", &kind));
    assert_string_equal(payment_waits_for((enum payment_state)99), "unknown");
}

static void terms_name_commissions_and_no_other_leg(void **state)
{
    (void)state;
    struct payment p = all_to_commissions(PAYMENT_IN_CUSTODY);
    uint8_t first[32], second[32];

    terms_hash(&p, "ana", first);
    p.legs[0].amount_centavos++; /* the immediate leg: its amount stands in the payment */
    terms_hash(&p, "ana", second);
    assert_memory_equal(first, second, 32);
    p.legs[1].amount_centavos++;
    terms_hash(&p, "ana", second);
    assert_memory_not_equal(first, second, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_of_a_share_that_is_all_commissions),
        cmocka_unit_test(split_that_leaves_the_seller_a_centavo_is_refused),
        cmocka_unit_test(whole_amount_in_custody_owes_one_share),
        cmocka_unit_test(custody_with_two_clocks_waits_for_the_chain_first),
        cmocka_unit_test(parked_without_a_reason_says_so),
        cmocka_unit_test(unknown_kinds_have_no_name),
        cmocka_unit_test(terms_name_commissions_and_no_other_leg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
