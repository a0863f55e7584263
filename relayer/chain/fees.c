#include "relayer/chain/fees.h"

bool fees_from_base(const struct u256 *base_fee, const struct fees_settings *settings,
                    struct fees *out)
{
    uint64_t base, cap;

    if (!u256_to_u64(base_fee, &base) || base > settings->max_fee_wei)
        return false;
    if (__builtin_mul_overflow(base, 2u, &cap) ||
        __builtin_add_overflow(cap, settings->priority_fee_wei, &cap) ||
        cap > settings->max_fee_wei)
        cap = settings->max_fee_wei;
    out->max_fee_wei = cap;
    out->priority_fee_wei = settings->priority_fee_wei < cap ? settings->priority_fee_wei : cap;
    return true;
}

/* An eighth more, rounded up and at least one wei: above the 10 % that nodes ask for a
 * replacement. */
static bool fee_step(uint64_t fee_wei, uint64_t *out)
{
    return !__builtin_add_overflow(fee_wei, fee_wei / 8 + 1, out);
}

bool fees_reprice(const struct fees *previous, const struct u256 *base_fee,
                  const struct fees_settings *settings, struct fees *out)
{
    struct fees fresh, next;

    if (!fees_from_base(base_fee, settings, &fresh))
        return false;
    if (!fee_step(previous->max_fee_wei, &next.max_fee_wei) ||
        !fee_step(previous->priority_fee_wei, &next.priority_fee_wei))
        return false;
    if (next.max_fee_wei < fresh.max_fee_wei)
        next.max_fee_wei = fresh.max_fee_wei;
    if (next.max_fee_wei > settings->max_fee_wei || next.priority_fee_wei > next.max_fee_wei)
        return false;
    *out = next;
    return true;
}

bool fees_gas_limit(uint64_t estimate, const struct fees_settings *settings, uint64_t *out)
{
    uint64_t extra, limit;

    if (estimate == 0 || estimate > settings->gas_max)
        return false;
    if (__builtin_mul_overflow(estimate, (uint64_t)settings->gas_headroom_pct, &extra) ||
        __builtin_add_overflow(estimate, extra / 100 + (extra % 100 != 0), &limit) ||
        limit > settings->gas_max)
        limit = settings->gas_max;
    *out = limit;
    return true;
}

void fees_worst_cost(uint64_t gas_limit, const struct fees *fees, struct u256 *out)
{
    unsigned __int128 cost = (unsigned __int128)gas_limit * fees->max_fee_wei;
    uint8_t be[16];

    for (int i = 15; i >= 0; i--) {
        be[i] = (uint8_t)cost;
        cost >>= 8;
    }
    (void)u256_from_be(be, sizeof be, out);
}
