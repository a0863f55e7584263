/* Accumulated commissions: nothing below the floor, all of it above, undone or booked exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relayer/flows/sweep.h"

static const struct flow_rules RULES = {.min_leg_centavos = 10000};
static const struct uuid BENEFICIARY = {{4, 2}};

static struct sweep_plan plan_of(int64_t waiting_units, int64_t version)
{
    struct sweep_account account = {
        .beneficiary = BENEFICIARY, .waiting_units = waiting_units, .version = version};
    return sweep_plan(&account, &RULES);
}

static bool due_after(int64_t refused_n, int64_t ago_s)
{
    struct sweep_account account = {.beneficiary = BENEFICIARY,
                                    .waiting_units = 123450000,
                                    .version = 7,
                                    .refused_n = refused_n,
                                    .refused_ago_s = ago_s};
    return sweep_plan(&account, &RULES).due;
}

static int64_t sum_of(const struct posting *p, enum account_class class, enum layer layer)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->line[i].class == class && p->line[i].layer == layer)
            sum += p->line[i].amount;
    }
    return sum;
}

static void below_the_floor_waits(void **state)
{
    (void)state;
    assert_false(plan_of(0, 1).due);
    assert_false(plan_of(99990000, 1).due);
    assert_true(plan_of(100000000, 1).due);
}

static void all_that_waits_leaves(void **state)
{
    (void)state;
    struct sweep_plan plan = plan_of(123450000, 7);
    assert_true(plan.due);
    assert_int_equal(plan.effect.kind, EFFECT_REDEEM);
    assert_int_equal(plan.effect.amount_units, 123450000);
    assert_true(posting_balanced(&plan.reserve));
    assert_int_equal(sum_of(&plan.reserve, ACCOUNT_COMMISSION, LAYER_PENDING), 123450000);
    assert_int_equal(sum_of(&plan.reserve, ACCOUNT_JUNO_MXNB, LAYER_PENDING), -123450000);
}

static void the_same_look_names_the_same_effect(void **state)
{
    (void)state;
    struct sweep_plan a = plan_of(123450000, 7);
    struct sweep_plan b = plan_of(123450000, 7);
    struct sweep_plan c = plan_of(123450000, 8);
    assert_true(uuid_equal(&a.effect.id, &b.effect.id));
    assert_true(uuid_equal(&a.effect.idem_key, &b.effect.idem_key));
    assert_false(uuid_equal(&a.effect.id, &c.effect.id));
}

static void the_end_mirrors_the_reservation(void **state)
{
    (void)state;
    struct sweep_plan plan = plan_of(123450000, 7);
    struct posting paid =
        sweep_end(&BENEFICIARY, &plan.effect.id, plan.effect.amount_units, EFFECT_CONFIRMED);
    struct posting refused =
        sweep_end(&BENEFICIARY, &plan.effect.id, plan.effect.amount_units, EFFECT_REJECTED);
    assert_true(posting_balanced(&paid));
    assert_true(posting_balanced(&refused));
    assert_true(uuid_equal(&paid.resolves, &plan.reserve.txn_id));
    assert_int_equal(paid.kind, POSTING_SETTLE);
    assert_int_equal(refused.kind, POSTING_CANCEL);
    assert_int_equal(sum_of(&paid, ACCOUNT_COMMISSION, LAYER_PENDING), -123450000);
    assert_int_equal(sum_of(&paid, ACCOUNT_COMMISSION, LAYER_POSTED), 123450000);
    assert_int_equal(sum_of(&paid, ACCOUNT_JUNO_MXNB, LAYER_POSTED), -123450000);
    assert_int_equal(sum_of(&refused, ACCOUNT_JUNO_MXNB, LAYER_POSTED), 0);
    /* Settled or cancelled, never both: the two have one id. */
    assert_true(uuid_equal(&paid.txn_id, &refused.txn_id));
}

static void a_refused_account_rests_longer_each_time(void **state)
{
    /* Refusals in a row, and the seconds until the next order: a minute, doubled, an hour at most. */
    static const int64_t RESTS[][2] = {{1, 60},    {2, 120},         {3, 240},  {4, 480},
                                       {5, 960},   {6, 1920},        {7, 3600}, {8, 3600},
                                       {64, 3600}, {INT64_MAX, 3600}};
    (void)state;
    assert_true(due_after(0, 0));
    for (size_t i = 0; i < sizeof RESTS / sizeof RESTS[0]; i++) {
        assert_false(due_after(RESTS[i][0], 0));
        assert_false(due_after(RESTS[i][0], RESTS[i][1] - 1));
        assert_true(due_after(RESTS[i][0], RESTS[i][1]));
    }
}

static void what_came_back_lies_at_juno_in_pesos(void **state)
{
    (void)state;
    struct sweep_plan plan = plan_of(123450000, 7);
    struct posting back = sweep_returned(&plan.effect.id, plan.effect.amount_units);
    assert_true(posting_balanced(&back));
    assert_int_equal(back.kind, POSTING_RETURNED);
    assert_int_equal(sum_of(&back, ACCOUNT_JUNO_MXN, LAYER_POSTED), 12345);
    assert_int_equal(sum_of(&back, ACCOUNT_PAID_OUT_MXN, LAYER_POSTED), -12345);
    assert_int_equal(sum_of(&back, ACCOUNT_COMMISSION, LAYER_POSTED), 0);
    assert_true(back.has_effect && uuid_equal(&back.effect_id, &plan.effect.id));
    struct posting again = sweep_returned(&plan.effect.id, plan.effect.amount_units);
    assert_true(uuid_equal(&back.txn_id, &again.txn_id)); /* booked once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_floor_waits),
        cmocka_unit_test(all_that_waits_leaves),
        cmocka_unit_test(the_same_look_names_the_same_effect),
        cmocka_unit_test(the_end_mirrors_the_reservation),
        cmocka_unit_test(a_refused_account_rests_longer_each_time),
        cmocka_unit_test(what_came_back_lies_at_juno_in_pesos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
