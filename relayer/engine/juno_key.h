/*
 * The Juno key: which of several daemons on one database speaks to Juno.
 *
 * Juno wants request numbers that rise in the order of arrival, for each API key. Two daemons that both
 * spoke would refuse each other's requests, so one of them holds the key under a lease (store/lease.h) and
 * reserves its numbers in the database under that lease; courier, observer and three-way check of the others
 * stand still. When the holder is gone, another takes over within JUNO_KEY_LEASE_S.
 *
 * A holder that slept past its lease does no harm: its numbers are lower than those of the next one, so Juno
 * refuses them, and what it was about to send is still claimed by it alone (store/effects.h).
 */
#ifndef KUSTODIA_ENGINE_JUNO_KEY_H
#define KUSTODIA_ENGINE_JUNO_KEY_H

#include "relayer/engine/engine.h"

enum { JUNO_KEY_LEASE_S = 30 };

struct juno_key *juno_key_new(struct engine *engine);
void juno_key_stop(struct juno_key *key);
bool juno_key_idle(const struct juno_key *key);
void juno_key_free(struct juno_key *key); /* NULL is fine */

/* We hold the key and have numbers. False also for a moment after the start. */
bool juno_key_is_ours(const struct juno_key *key);
/* Grows each time the key changes hands. */
int64_t juno_key_token(const struct juno_key *key);
/* The instance that holds the key instead of us; NULL when it is ours, or not known yet. */
const char *juno_key_elsewhere(const struct juno_key *key);
/* Juno's client runs out of request numbers: reserve more. */
void juno_key_need_numbers(struct juno_key *key);

#endif
