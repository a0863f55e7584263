/*
 * The observer: asks Juno what happened there without us: deposits, issuances, credited transfers,
 * payouts that came back. Everything is stored by Juno's own id, once.
 */
#ifndef KUSTODIA_ENGINE_OBSERVER_H
#define KUSTODIA_ENGINE_OBSERVER_H

#include "relayer/engine/engine.h"

struct observer *observer_new(struct engine *engine);
/* A webhook hinted that something changed: look now. */
void observer_kick(struct observer *observer);
void observer_stop(struct observer *observer);
bool observer_idle(const struct observer *observer);
void observer_free(struct observer *observer);

#endif
