#include "relayer/engine/report.h"

#include "relayer/base/log.h"
#include "relayer/flows/book.h"
#include "relayer/flows/deposit.h"
#include "relayer/store/observed.h"

void report_put(struct db_script *script, const struct juno_txn *txn)
{
    static const char *const STATES[] = {[JUNO_OPEN] = "IN_PROGRESS",
                                         [JUNO_COMPLETE] = "COMPLETE",
                                         [JUNO_FAILED] = "FAILED",
                                         [JUNO_RETURNED] = "RETURNED"};
    struct report_txn report = {.id = txn->id,
                                .kind = juno_txn_kind_name(txn->kind),
                                .state = STATES[txn->state],
                                .amount_units = txn->amount_units,
                                .reported_ms = txn->reported_at_ms != 0 ? txn->reported_at_ms
                                                                    : txn->updated_at_ms,
                                .fid = txn->fid[0] != '\0' ? txn->fid : NULL,
                                .tx_hash = txn->has_tx_hash ? txn->tx_hash : NULL,
                                .tracking_key =
                                    txn->tracking_key[0] != '\0' ? txn->tracking_key : NULL,
                                .cep_url = txn->cep_url[0] != '\0' ? txn->cep_url : NULL};
    observed_put_txn(script, &report);
}

struct report_deposit report_of_deposit(const struct juno_deposit *deposit)
{
    return (struct report_deposit){.fid = deposit->fid,
                                   .clabe = deposit->clabe,
                                   .amount_centavos = deposit->amount_centavos,
                                   .reported_ms = deposit->reported_at_ms};
}

void report_put_deposit(struct db_script *script, const struct juno_deposit *deposit,
                        const struct deposit_fit_row *fit, struct posting *posting)
{
    enum deposit_fit verdict = deposit_decide((size_t)fit->candidates);
    bool matched = verdict == DEPOSIT_FITS_ONE;
    struct report_deposit report = report_of_deposit(deposit);
    struct uuid id = observed_deposit_uuid(deposit->fid);
    *posting = book_deposit(&id, deposit->amount_centavos);
    observed_add_deposit(script, &report, matched ? &fit->payment_id : NULL,
                         deposit_reason(verdict));
    if (!matched)
        observed_alarm(script, "deposit_unassigned", deposit->fid, deposit_reason(verdict));
    log_info("deposit", "fid=%s centavos=%lld %s", deposit->fid,
             (long long)deposit->amount_centavos, matched ? "matched" : deposit_reason(verdict));
}
