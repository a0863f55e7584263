/*
 * The courier: carries out effects towards Juno. Commit the attempt, send, commit the answer; an outcome
 * that is not known is asked about with the same key, never repeated under another.
 */
#ifndef KUSTODIA_ENGINE_COURIER_H
#define KUSTODIA_ENGINE_COURIER_H

#include "relayer/engine/engine.h"

struct courier *courier_new(struct engine *engine);
void courier_stop(struct courier *courier);
bool courier_idle(const struct courier *courier);
void courier_free(struct courier *courier);

#endif
