/*
 * Commissions that wait in their beneficiary's account until they reach Juno's floor: one redemption takes
 * all that waits. The account, not a payment, is the promise here.
 */
#ifndef KUSTODIA_FLOWS_SWEEP_H
#define KUSTODIA_FLOWS_SWEEP_H

#include "relayer/flows/flow.h"

struct sweep_plan {
    bool due; /* false: below the floor, nothing to do */
    struct effect_plan effect;
    struct posting reserve;
};

/* waiting_units: what the account holds and has not reserved. version: of the account's balance, so that the
 * same look names the same effect. */
struct sweep_plan sweep_plan(const struct uuid *beneficiary, int64_t waiting_units, int64_t version,
                             const struct flow_rules *rules);

/* The end of a sweep: settled when it was paid, cancelled when it certainly was not. */
struct posting sweep_end(const struct uuid *beneficiary, const struct uuid *effect_id,
                         int64_t amount_units, enum effect_end end);

#endif
