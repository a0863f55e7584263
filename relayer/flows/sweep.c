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

struct sweep_plan sweep_plan(const struct uuid *beneficiary, int64_t waiting_units, int64_t version,
                             const struct flow_rules *rules)
{
    struct sweep_plan plan = {0};
    int64_t floor_units = 0;
    int64_t centavos = 0;
    CHECK(units_from_centavos(rules->min_leg_centavos, &floor_units));
    if (waiting_units < floor_units)
        return plan;
    CHECK(centavos_from_units(waiting_units, &centavos));
    plan.due = true;
    plan.effect =
        (struct effect_plan){.kind = EFFECT_REDEEM, .leg_n = -1, .amount_units = waiting_units};
    flow_effect_id(beneficiary, EFFECT_REDEEM, -1, version, &plan.effect.id, &plan.effect.idem_key);
    plan.reserve = reserve_posting(beneficiary, &plan.effect.id, waiting_units);
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
