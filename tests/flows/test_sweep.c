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
    assert_false(sweep_plan(&BENEFICIARY, 0, 1, &RULES).due);
    assert_false(sweep_plan(&BENEFICIARY, 99990000, 1, &RULES).due);
    assert_true(sweep_plan(&BENEFICIARY, 100000000, 1, &RULES).due);
}

static void all_that_waits_leaves(void **state)
{
    (void)state;
    struct sweep_plan plan = sweep_plan(&BENEFICIARY, 123450000, 7, &RULES);
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
    struct sweep_plan a = sweep_plan(&BENEFICIARY, 123450000, 7, &RULES);
    struct sweep_plan b = sweep_plan(&BENEFICIARY, 123450000, 7, &RULES);
    struct sweep_plan c = sweep_plan(&BENEFICIARY, 123450000, 8, &RULES);
    assert_true(uuid_equal(&a.effect.id, &b.effect.id));
    assert_true(uuid_equal(&a.effect.idem_key, &b.effect.idem_key));
    assert_false(uuid_equal(&a.effect.id, &c.effect.id));
}

static void the_end_mirrors_the_reservation(void **state)
{
    (void)state;
    struct sweep_plan plan = sweep_plan(&BENEFICIARY, 123450000, 7, &RULES);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_floor_waits),
        cmocka_unit_test(all_that_waits_leaves),
        cmocka_unit_test(the_same_look_names_the_same_effect),
        cmocka_unit_test(the_end_mirrors_the_reservation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
