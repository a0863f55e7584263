/*
 * The Juno key: which of several daemons on one database speaks to Juno.
 *
 * Juno wants request numbers that rise in the order of arrival, for each API key. Two daemons that both
 * spoke would refuse each other's requests, so one of them holds the key under a lease (store/lease.h) and
 * reserves its numbers in the database under that lease; courier, observer and three-way check of the others
 * stand still. A holder that stops in good order gives it back; when one is killed, another
 * takes over within LEASE_S.
 *
 * A holder that slept past its lease writes nothing new: whatever it claims or announces is checked
 * against the lease in the same transaction (juno_key_check). What it had announced before is repeated by
 * the next one with the same idempotency key, and its lower numbers are refused by Juno.
 *
 * A holder to which Juno has not answered for a while gives the key up when another waits for it, and
 * stands back for a minute. So a daemon that reaches the database and not Juno holds nobody up.
 *
 * There is one lease for a database, whatever API key is set: effects, claims and marks are the
 * database's.
 */
#ifndef KUSTODIA_ENGINE_JUNO_KEY_H
#define KUSTODIA_ENGINE_JUNO_KEY_H

#include "relayer/engine/engine.h"

struct juno_key *juno_key_new(struct engine *engine);
/* While the engine stops: false until the key was given back, which waits for courier and observer. */
bool juno_key_idle(const struct juno_key *key);
/* No more ticks: the key was given back, or there is no time left for it. */
void juno_key_stop(struct juno_key *key);
void juno_key_free(struct juno_key *key); /* NULL is fine */

/* We hold the key and have numbers. False also for a moment after the start. */
bool juno_key_is_ours(const struct juno_key *key);
/* The script fails with ERR_DB_CONFLICT unless we still hold the key. Its result has no rows. */
void juno_key_check(const struct juno_key *key, struct db_script *script);
/* A check failed: ask at once whether the key is still ours. */
void juno_key_doubt(struct juno_key *key);
/* Grows each time the key changes hands. */
int64_t juno_key_token(const struct juno_key *key);
/* The instance that holds the key instead of us; NULL when it is ours, or not known yet. */
const char *juno_key_elsewhere(const struct juno_key *key);
/* Juno's client runs out of request numbers: reserve more. */
void juno_key_need_numbers(struct juno_key *key);

#endif
