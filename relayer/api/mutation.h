/*
 * Changes: one idempotency key, one change, one stored answer.
 *
 * Before a mutating method runs, its key is looked up: a known key with the same content gives the stored
 * answer (replayed: true), with other content an error, one that is being worked on an error of its own.
 * The method then ends in mutation_commit, which writes its answer in the transaction of the change.
 */
#ifndef KUSTODIA_API_MUTATION_H
#define KUSTODIA_API_MUTATION_H

#include "relayer/api/call.h"

/* Adds the row that remembers result as this call's answer; result is borrowed and kept as the answer. */
void mutation_remember(struct call *call, struct db_script *script, json_t *result);

/* Remembers result (taken), commits script (taken) and answers. A dry run commits nothing and answers
 * result with dry_run: true and no postings: script must not book. refused: names the constraint or statement
 * that stood in the way, or NULL to answer with the database's own error. */
typedef bool mutation_refused(struct call *call, const char *constraint, int stmt, struct err *e);
void mutation_commit(struct call *call, struct db_script *script, json_t *result,
                     mutation_refused *refused);

/* Answers with call->pending: the change is committed. */
void mutation_done(struct call *call);
/* Somebody else committed this key first: look again, and give his answer. */
void mutation_again(struct call *call);

#endif
