/*
 * Leases: what only one of several daemons on one database may do. Table: lease.
 *
 * A lease has an owner, an end, and a fencing token that grows each time it changes hands. Whoever acts under
 * it checks owner, token and end in the same transaction as its writes (lease_check), so a daemon that slept
 * past its lease writes nothing.
 *
 * Owners are "instance/pid/random". The first take of a run may say so: then a lease of a former run of the
 * same instance is taken over at once. Only the first: two daemons of one name would take it from each other
 * for ever.
 */
#ifndef KUSTODIA_STORE_LEASE_H
#define KUSTODIA_STORE_LEASE_H

#include "relayer/store/db.h"

/* Takes or renews it for LEASE_S seconds. Its result has one row (the token, bigint) when owner holds it now,
 * none when another does. */
enum { LEASE_S = 30 };
void lease_take(struct db_script *script, const char *name, const char *owner, bool first);

/* The script fails with ERR_DB_CONFLICT unless owner holds the lease with this token and it has not ended. */
void lease_check(struct db_script *script, const char *name, const char *owner, int64_t token);

/* At an orderly stop: the next one need not wait for its end. Nothing when it is another's by now. */
void lease_release(struct db_script *script, const char *name, const char *owner, int64_t token);

/* The next token for the same owner, while he holds it: another one has seen a higher one than his. */
void lease_raise(struct db_script *script, const char *name, const char *owner, int64_t token);

/* Its result: one row (owner) when somebody's lease of that name has not ended, else none. */
void lease_look(struct db_script *script, const char *name);

#endif
