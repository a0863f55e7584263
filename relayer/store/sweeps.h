/*
 * Commission accounts that may be paid out, and the ends of payouts under way. Tables: account, balance,
 * effect (kind redeem, subject = beneficiary, no payment), txn.
 */
#ifndef KUSTODIA_STORE_SWEEPS_H
#define KUSTODIA_STORE_SWEEPS_H

#include "relayer/flows/sweep.h"
#include "relayer/store/db.h"

enum { SWEEPS_MAX = 32 };

/* Result 0: accounts of active beneficiaries without an open sweep that hold at least floor_units, those that
 * were not refused first, then by how long ago. A parked sweep stays open: what came of it is not known.
 * Result 1: sweeps that ended and are not booked yet. */
struct db_script *sweeps_look(int64_t floor_units);

struct sweep_ended {
    struct uuid beneficiary;
    struct uuid effect_id;
    int64_t amount_units;
    enum effect_end end;
    char external_id[96];
};
size_t sweeps_parse_accounts(struct db_result *result, struct sweep_account *out, size_t max);
size_t sweeps_parse_ended(struct db_result *result, struct sweep_ended *out, size_t max);

void sweeps_start(struct db_script *script, const struct uuid *beneficiary,
                  const struct sweep_plan *plan);
void sweeps_finish(struct db_script *script, const struct sweep_ended *ended);

/* Result 0: sweeps that came back by SPEI and are not booked so, for sweeps_parse_back. The rest keeps two
 * alarms as things are: sweep_refused and payout_waits_suspended, each for a beneficiary. Run with db_run. */
struct db_script *sweeps_watch(void);
size_t sweeps_parse_back(struct db_result *result, struct sweep_ended *out, size_t max);
void sweeps_return(struct db_script *script, const struct sweep_ended *back);

/* What has been on its way for longer than it ever should be gets an alarm (effect_slow, payment_slow), which
 * ends by itself when it moved on. Waiting for a deposit, a custody end or a decision is not slow. */
struct db_script *sweeps_age_alarms(int64_t effect_limit_s, int64_t payment_limit_s);

#endif
