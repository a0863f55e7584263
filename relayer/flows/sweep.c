#include "relayer/flows/sweep.h"

#include "relayer/base/check.h"
#include "relayer/money/amount.h"

static struct posting reserve_posting(const struct uuid *beneficiary, const struct uuid *effect_id,
                                      int64_t units)
{
    struct posting p = {.kind = POSTING_RESERVE,
                        .txn_id = flow_reserve_id(effect_id),
                        .has_effect = true,
                        .effect_id = *effect_id};
    posting_add(&p, LAYER_PENDING, ACCOUNT_COMMISSION, beneficiary, units);
    posting_add(&p, LAYER_PENDING, ACCOUNT_JUNO_MXNB, NULL, -units);
    return p;
}

static bool is_resting(const struct sweep_account *account)
{
    int64_t rest_s = SWEEP_REST_S;
    for (int64_t i = 1; i < account->refused_n && rest_s < SWEEP_REST_MAX_S; i++)
        rest_s *= 2;
    if (rest_s > SWEEP_REST_MAX_S)
        rest_s = SWEEP_REST_MAX_S;
    return account->refused_n > 0 && account->refused_ago_s < rest_s;
}

struct sweep_plan sweep_plan(const struct sweep_account *account, const struct flow_rules *rules)
{
    int64_t waiting_units = account->waiting_units;
    struct sweep_plan plan = {0};
    int64_t floor_units = 0;
    int64_t centavos = 0;
    CHECK(units_from_centavos(rules->min_leg_centavos, &floor_units));
    if (waiting_units < floor_units || is_resting(account))
        return plan;
    CHECK(centavos_from_units(waiting_units, &centavos));
    plan.due = true;
    plan.effect =
        (struct effect_plan){.kind = EFFECT_REDEEM, .leg_n = -1, .amount_units = waiting_units};
    flow_effect_id(&account->beneficiary, EFFECT_REDEEM, -1, account->version, &plan.effect.id,
                   &plan.effect.idem_key);
    plan.reserve = reserve_posting(&account->beneficiary, &plan.effect.id, waiting_units);
    return plan;
}

struct posting sweep_end(const struct uuid *beneficiary, const struct uuid *effect_id,
                         int64_t amount_units, enum effect_end end)
{
    CHECK(end == EFFECT_CONFIRMED || end == EFFECT_REJECTED);
    struct posting reserved = reserve_posting(beneficiary, effect_id, amount_units);
    struct posting p = {.kind = end == EFFECT_CONFIRMED ? POSTING_SETTLE : POSTING_CANCEL,
                        .txn_id = flow_settle_id(effect_id),
                        .has_effect = true,
                        .effect_id = *effect_id};
    posting_undo_pending(&p, &reserved);
    if (end == EFFECT_CONFIRMED) {
        posting_add(&p, LAYER_POSTED, ACCOUNT_COMMISSION, beneficiary, amount_units);
        posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXNB, NULL, -amount_units);
    }
    return p;
}

struct posting sweep_returned(const struct uuid *effect_id, int64_t amount_units)
{
    int64_t centavos = 0;
    CHECK(centavos_from_units(amount_units, &centavos));
    struct posting p = {.kind = POSTING_RETURNED,
                        .txn_id = uuid_derive(effect_id, "returned"),
                        .has_effect = true,
                        .effect_id = *effect_id};
    posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXN, NULL, centavos);
    posting_add(&p, LAYER_POSTED, ACCOUNT_PAID_OUT_MXN, NULL, -centavos);
    return p;
}
