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

/* A commission account as it stands. version is of its balance: the same look names the same effect. */
struct sweep_account {
    struct uuid beneficiary;
    int64_t waiting_units; /* held and not reserved */
    int64_t version;
    int64_t
        refused_n; /* redemptions that certainly did not happen, since the last one that was paid */
    int64_t refused_ago_s; /* since the newest of them; read only when there is one */
};

/* After a refusal the account rests: SWEEP_REST_S, doubled by each further one up to SWEEP_REST_MAX_S. */
enum { SWEEP_REST_S = 60, SWEEP_REST_MAX_S = 3600 };

struct sweep_plan sweep_plan(const struct sweep_account *account, const struct flow_rules *rules);

/* The end of a sweep: settled when it was paid, cancelled when it certainly was not. */
struct posting sweep_end(const struct uuid *beneficiary, const struct uuid *effect_id,
                         int64_t amount_units, enum effect_end end);

/* A sweep that was paid came back by SPEI: its pesos lie at Juno again. amount_units is a whole number of
 * centavos, as every sweep's. */
struct posting sweep_returned(const struct uuid *effect_id, int64_t amount_units);

#endif
