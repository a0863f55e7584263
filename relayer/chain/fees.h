/* Fee and gas ceilings of the next transaction. Pure integers, wei and gas units.
 *
 * On Arbitrum the price paid is the base fee whatever the caps say, so a cap is only a ceiling
 * against a base fee that rises between signing and inclusion: twice the base fee plus the
 * priority fee survives six full blocks of the steepest rise on Ethereum (1.125^6 = 2.03). The
 * configured maximum always wins.
 */
#ifndef KUSTODIA_CHAIN_FEES_H
#define KUSTODIA_CHAIN_FEES_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/u256.h"

struct fees_settings {
    uint64_t max_fee_wei;      /* no transaction is signed above it */
    uint64_t priority_fee_wei; /* 0 on Arbitrum, where it is ignored */
    uint32_t gas_headroom_pct; /* on top of the estimate; unused gas is refunded */
    uint64_t gas_max;          /* a block's real limit, 32,000,000 on Arbitrum */
};

struct fees {
    uint64_t max_fee_wei;
    uint64_t priority_fee_wei; /* never above max_fee_wei */
};

/* False: the base fee alone is above max_fee_wei. Wait for it to fall; nothing would be
 * included. */
bool fees_from_base(const struct u256 *base_fee, const struct fees_settings *settings,
                    struct fees *out);

/* The next step of a re-pricing: at least 12.5 % above `previous` in both parts (nodes ask 10 %)
 * and at least what the base fee asks for. False when max_fee_wei does not leave that much room. */
bool fees_reprice(const struct fees *previous, const struct u256 *base_fee,
                  const struct fees_settings *settings, struct fees *out);

/* Estimate plus headroom, rounded up. False when the estimate itself is zero or above gas_max;
 * the headroom alone is cut at gas_max. */
bool fees_gas_limit(uint64_t estimate, const struct fees_settings *settings, uint64_t *out);

/* What the transaction can cost at most, in wei. */
void fees_worst_cost(uint64_t gas_limit, const struct fees *fees, struct u256 *out);

#endif
