/* The gas money of a lane's key: read on a timer and after each mined transaction, with an alarm while there
 * is little, and a refusal to sign what could not be paid together with everything that is open. */
#include "relayer/engine/lane_inside.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/chain/node.h"
#include "relayer/store/observed.h"

enum {
    LOOK_MS = 10000,
    LOOK_EMPTY_MS = 1000,
    USUAL_GAS = 300000, /* to say how many are left when none was built since the start */
    WORDS_MAX = 240
};

/* True: this script has something to commit. */
static bool say_low(struct lane *l, struct db_script *script, bool first)
{
    struct lane_purse *purse = &l->purse;
    struct u256 low = u256_from_u64(l->engine->config->chain_gas_low_wei);
    bool is_low = u256_cmp(&purse->wei, &low) < 0;
    if (is_low == purse->low && !first)
        return false;
    purse->low = is_low;
    if (!is_low) {
        observed_alarm_clear(script, "gas_low", l->name);
        return true;
    }
    char has[U256_DEC_SIZE], why[WORDS_MAX];
    u256_to_dec(&purse->wei, has);
    uint64_t gas = purse->gas != 0 ? purse->gas : USUAL_GAS, wei = 0;
    if (purse->gas_wei != 0 && u256_to_u64(&purse->wei, &wei))
        snprintf(why, sizeof why, "%.30s wei left: %llu transactions of %llu gas at %llu wei", has,
                 (unsigned long long)((unsigned __int128)wei / gas / purse->gas_wei),
                 (unsigned long long)gas, (unsigned long long)purse->gas_wei);
    else
        snprintf(why, sizeof why, "%.30s wei left, chain.gas_low_wei is %llu", has,
                 (unsigned long long)l->engine->config->chain_gas_low_wei);
    observed_alarm(script, "gas_low", l->name, why);
    return true;
}

static void balance_read(void *ctx, const struct err *err, const struct u256 *wei)
{
    struct lane *l = ctx;
    struct lane_purse *purse = &l->purse;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    bool first = !purse->asked;
    purse->asked = true;
    purse->known = true;
    purse->wei = *wei;
    purse->look_at_ms = clock_mono_ms() + LOOK_MS;
    struct db_script *script = db_script_new();
    bool says = say_low(l, script, first);
    if ((purse->empty && u256_cmp(wei, &purse->need) >= 0) || (first && !purse->low)) {
        purse->empty = false;
        observed_alarm_clear(script, "gas_empty", l->name);
        says = true;
    } else if (purse->empty) {
        purse->look_at_ms = clock_mono_ms() + LOOK_EMPTY_MS;
    }
    if (says) {
        db_run(l->engine->db, script, lane_committed, l);
        return;
    }
    db_script_free(script);
    lane_again_now(l);
}

bool lane_gas_look(struct lane *l)
{
    if (clock_mono_ms() < l->purse.look_at_ms)
        return false;
    node_balance(l->engine->node, l->account, balance_read, l);
    return true;
}

void lane_gas_spent(struct lane *l)
{
    l->purse.known = false;
    l->purse.look_at_ms = 0;
}

bool lane_gas_covers(struct lane *l, uint64_t gas_limit, const struct fees *fees,
                     const struct lane_tx *instead)
{
    struct lane_purse *purse = &l->purse;
    struct u256 stop = u256_from_u64(l->engine->config->chain_gas_stop_wei), need, one;
    fees_worst_cost(gas_limit, fees, &one);
    bool fits = u256_add(&stop, &one, &need);
    for (size_t i = 0; fits && i < l->open_n; i++) {
        const struct lane_tx *open = &l->open[i];
        if (open == instead || memcmp(open->account, l->account, sizeof open->account) != 0)
            continue;
        fees_worst_cost(open->gas_limit, &(struct fees){.max_fee_wei = open->max_fee_wei}, &one);
        fits = u256_add(&need, &one, &need);
    }
    CHECK(fits); /* 64 bits times 64 bits, a few dozen times */
    if (u256_cmp(&purse->wei, &need) >= 0) {
        purse->empty = false; /* the alarm ends with the arming */
        return true;
    }
    char has[U256_DEC_SIZE], wants[U256_DEC_SIZE], why[WORDS_MAX];
    u256_to_dec(&purse->wei, has);
    u256_to_dec(&need, wants);
    snprintf(why, sizeof why,
             "the account has %.30s wei; what is open and one more may cost %.30s: nothing new is"
             " signed until it is topped up",
             has, wants);
    purse->empty = true;
    purse->need = need;
    purse->look_at_ms = purse->try_at_ms = clock_mono_ms() + LOOK_EMPTY_MS;
    (void)engine_alarm(l->engine, "gas_empty", l->name, why);
    return false;
}
