/*
 * The escrow's logs that no payment causes, as rows of evidence: the watcher stores them, verification reads
 * them again from the chain, both through here.
 */
#ifndef KUSTODIA_ENGINE_ADMIN_LOG_H
#define KUSTODIA_ENGINE_ADMIN_LOG_H

#include "abi/escrow_admin.h"
#include "relayer/chain/answer.h"
#include "relayer/store/evidence.h"

/* Fills the event's name, whom it is about (`to`; `from`: who paused) and the role (`hash`). False: none of
 * these logs, nothing is written. The caller has checked the address. */
bool admin_log_read(const struct chain_log *log, struct seen_log *out,
                    struct escrow_admin_event *event);

/* The name of one of these logs. */
bool admin_log_named(const char *event);

#endif
