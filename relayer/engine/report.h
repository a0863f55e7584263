/* From a transaction or deposit as Juno's door reads it to the row that the store keeps. */
#ifndef KUSTODIA_ENGINE_REPORT_H
#define KUSTODIA_ENGINE_REPORT_H

#include "relayer/juno/answer.h"
#include "relayer/money/posting.h"
#include "relayer/store/db.h"
#include "relayer/store/observed.h"

/* Stores it under Juno's id; an older state never replaces a newer one. */
void report_put(struct db_script *script, const struct juno_txn *txn);

struct report_deposit report_of_deposit(const struct juno_deposit *deposit);
/* Stores it as its fit says; *posting is what goes into the ledger with it. */
void report_put_deposit(struct db_script *script, const struct juno_deposit *deposit,
                        const struct deposit_fit_row *fit, struct posting *posting);

#endif
