#include "relayer/engine/report.h"

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
