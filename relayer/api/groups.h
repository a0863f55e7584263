/* The methods, one file per group. Each is a run() of the method table; see call.h. */
#ifndef KUSTODIA_API_GROUPS_H
#define KUSTODIA_API_GROUPS_H

#include "relayer/api/call.h"

/* payments.c */
void payment_create(struct call *call);
void payment_get(struct call *call);
void payment_list(struct call *call);
void payment_timeline(struct call *call);

/* asks.c: what goes through the flow's step */
void payment_cancel(struct call *call);
void payment_unpark(struct call *call);
void escrow_release(struct call *call);
void escrow_release_early(struct call *call);
void dispute_raise(struct call *call);
void dispute_resolve(struct call *call);

/* people.c */
void beneficiary_register(struct call *call);
void beneficiary_list(struct call *call);
void beneficiary_verify(struct call *call);
void beneficiary_suspend(struct call *call);
void clabe_create(struct call *call);
void clabe_list(struct call *call);

/* money.c */
void deposit_list(struct call *call);
void deposit_assign(struct call *call);
void escrow_get(struct call *call);
void escrow_list(struct call *call);
void escrow_time_left(struct call *call);
void dispute_list(struct call *call);
void payout_list(struct call *call);
void payout_get(struct call *call);
void payout_retry(struct call *call);

/* ledger.c */
void ledger_accounts(struct call *call);
void ledger_entries(struct call *call);
void ledger_trial_balance(struct call *call);
void recon_run_method(struct call *call);
void audit_verify(struct call *call);

/* txs.c */
void tx_get(struct call *call);
void tx_list(struct call *call);
void tx_explain(struct call *call);
void tx_cancel(struct call *call);

/* system.c */
void system_status(struct call *call);
void system_health(struct call *call);
void system_doctor(struct call *call);
void system_pause(struct call *call);
void system_drain(struct call *call);
void system_resume(struct call *call);
void system_stop(struct call *call);
void system_reload(struct call *call);
void webhook_list(struct call *call);
void webhook_get(struct call *call);

/* events.c */
void events_subscribe(struct call *call);

/* discover.c */
void rpc_discover(struct call *call);
void method_help(struct call *call);

#endif
