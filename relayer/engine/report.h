/* From a transaction as Juno's door reads it to the row that the store keeps. */
#ifndef KUSTODIA_ENGINE_REPORT_H
#define KUSTODIA_ENGINE_REPORT_H

#include "relayer/juno/answer.h"
#include "relayer/store/db.h"

/* Stores it under Juno's id; an older state never replaces a newer one. */
void report_put(struct db_script *script, const struct juno_txn *txn);

#endif
