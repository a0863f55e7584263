/*
 * The sweeper: pays out accumulated commissions once they reach Juno's floor, and books the end of each
 * such payout. It decides with flows/sweep.h and, like the runner, never talks to the outside. It also raises
 * alarms for what has been on its way too long.
 */
#ifndef KUSTODIA_ENGINE_SWEEPER_H
#define KUSTODIA_ENGINE_SWEEPER_H

#include "relayer/engine/engine.h"

struct sweeper *sweeper_new(struct engine *engine);
void sweeper_stop(struct sweeper *sweeper);
bool sweeper_idle(const struct sweeper *sweeper);
void sweeper_free(struct sweeper *sweeper);

#endif
