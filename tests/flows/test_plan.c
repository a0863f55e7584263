/* Cutting a payment into legs: exact, and refused where a leg could not be paid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relayer/flows/deposit.h"
#include "relayer/flows/payment.h"

static const struct flow_rules RULES = {
    .min_leg_centavos = 10000, .max_custody_units = 80000000000, .release_margin_s = 2};

static int64_t sum_legs(const struct payment *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->legs_n; i++)
        sum += p->legs[i].amount_centavos;
    return sum;
}

static struct payment_terms usual_terms(void)
{
    struct payment_terms t = {.amount_centavos = 100000,
                              .immediate_centavos = 30000,
                              .commissions_n = 2,
                              .commission_centavos = {10000, 10001},
                              .custody_seconds = 3600};
    t.seller_id.b[0] = 1;
    t.commission_to[0].b[0] = 2;
    t.commission_to[1].b[0] = 3;
    return t;
}

static void usual_payment_is_cut_exactly(void **state)
{
    (void)state;
    struct payment_terms t = usual_terms();
    struct payment p;
    char why[FLOW_TEXT_MAX];
    assert_true(payment_plan(&t, &RULES, &p, why));
    assert_int_equal(p.state, PAYMENT_WAITING_DEPOSIT);
    assert_int_equal(p.legs_n, 4);
    assert_int_equal(p.legs[0].role, LEG_SELLER_IMMEDIATE);
    assert_int_equal(p.legs[0].amount_centavos, 30000);
    assert_int_equal(p.legs[1].role, LEG_SELLER_FINAL);
    assert_int_equal(p.legs[1].amount_centavos, 70000 - 20001);
    assert_int_equal(p.legs[3].beneficiary_id.b[0], 3);
    assert_int_equal(p.custody_centavos, 70000);
    assert_int_equal(p.commission_centavos, 20001);
    assert_int_equal(sum_legs(&p), 100000);
    for (size_t i = 0; i < p.legs_n; i++)
        assert_int_equal(p.legs[i].n, (int)i);
}

static void nothing_at_once_or_nothing_in_custody(void **state)
{
    (void)state;
    struct payment p;
    char why[FLOW_TEXT_MAX];
    struct payment_terms all = {.amount_centavos = 50000, .immediate_centavos = 50000};
    assert_true(payment_plan(&all, &RULES, &p, why));
    assert_int_equal(p.legs_n, 1);
    assert_int_equal(p.custody_centavos, 0);
    struct payment_terms none = {
        .amount_centavos = 50000, .immediate_centavos = 0, .custody_seconds = 60};
    assert_true(payment_plan(&none, &RULES, &p, why));
    assert_int_equal(p.legs_n, 1);
    assert_int_equal(p.legs[0].role, LEG_SELLER_FINAL);
}

struct bad {
    const char *name;
    struct payment_terms terms;
    const char *says;
};

static void each_leg_that_cannot_be_paid_is_named(void **state)
{
    (void)state;
    const struct bad cases[] = {
        {"amount below the floor",
         {.amount_centavos = 9999, .custody_seconds = 1},
         "payment of 99.99"},
        {"immediate below the floor",
         {.amount_centavos = 50000, .immediate_centavos = 9999, .custody_seconds = 1},
         "immediate share of 99.99"},
        {"immediate above the amount",
         {.amount_centavos = 50000, .immediate_centavos = 50001, .custody_seconds = 1},
         "immediate share of 500.01"},
        {"negative immediate",
         {.amount_centavos = 50000, .immediate_centavos = -1, .custody_seconds = 1},
         "immediate share of -0.01"},
        {"net below the floor",
         {.amount_centavos = 50000,
          .immediate_centavos = 20000,
          .commissions_n = 1,
          .commission_centavos = {20001},
          .custody_seconds = 1},
         "seller's final share of 99.99"},
        {"commission below the floor",
         {.amount_centavos = 50000,
          .commissions_n = 1,
          .commission_centavos = {9999},
          .custody_seconds = 1},
         "commission 1 of 99.99"},
        {"second commission too large",
         {.amount_centavos = 50000,
          .commissions_n = 2,
          .commission_centavos = {40000, 10001},
          .custody_seconds = 1},
         "commission 2 of 100.01"},
        {"zero commission",
         {.amount_centavos = 50000, .commissions_n = 1, .custody_seconds = 1},
         "commission 1 of 0.00"},
        {"commission without custody",
         {.amount_centavos = 50000,
          .immediate_centavos = 50000,
          .commissions_n = 1,
          .commission_centavos = {10000}},
         "custody share of 0.00"},
        {"custody without a period", {.amount_centavos = 50000}, "custody_seconds"},
        {"custody share below the floor",
         {.amount_centavos = 50000,
          .immediate_centavos = 45000,
          .accumulate = true,
          .commissions_n = 1,
          .commission_centavos = {5000},
          .custody_seconds = 1},
         "custody share of 50.00"},
        {"custody share above the allowance",
         {.amount_centavos = 9000000, .custody_seconds = 1},
         "custody share of 90000.00"},
        {"too many commissions",
         {.amount_centavos = 50000, .commissions_n = 14, .custody_seconds = 1},
         "14 commissions: at most 13"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct payment p;
        char why[FLOW_TEXT_MAX];
        if (payment_plan(&cases[i].terms, &RULES, &p, why))
            fail_msg("accepted: %s", cases[i].name);
        if (strstr(why, cases[i].says) != why)
            fail_msg("%s: says \"%s\"", cases[i].name, why);
    }
}

static void small_commissions_may_wait(void **state)
{
    (void)state;
    struct payment_terms t = usual_terms();
    t.commission_centavos[0] = 150;
    struct payment p;
    char why[FLOW_TEXT_MAX];
    assert_false(payment_plan(&t, &RULES, &p, why));
    t.accumulate = true;
    assert_true(payment_plan(&t, &RULES, &p, why));
    assert_int_equal(sum_legs(&p), 100000);
}

static void a_deposit_fits_exactly_one(void **state)
{
    (void)state;
    assert_int_equal(deposit_decide(1), DEPOSIT_FITS_ONE);
    assert_int_equal(deposit_decide(0), DEPOSIT_FITS_NONE);
    assert_int_equal(deposit_decide(2), DEPOSIT_FITS_SEVERAL);
    assert_null(deposit_reason(DEPOSIT_FITS_ONE));
    assert_non_null(strstr(deposit_reason(DEPOSIT_FITS_NONE), "no open payment"));
    assert_non_null(strstr(deposit_reason(DEPOSIT_FITS_SEVERAL), "several"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_payment_is_cut_exactly),
        cmocka_unit_test(nothing_at_once_or_nothing_in_custody),
        cmocka_unit_test(each_leg_that_cannot_be_paid_is_named),
        cmocka_unit_test(small_commissions_may_wait),
        cmocka_unit_test(a_deposit_fits_exactly_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
