/*
 * What must be true before the engine moves anything: right chain, contracts with code, a token with six
 * decimals, the signer's addresses with their roles, the bridge wallet being the escrow's funder. A wrong
 * answer ends the daemon with one clear sentence; no answer is waited for.
 */
#ifndef KUSTODIA_ENGINE_GATE_H
#define KUSTODIA_ENGINE_GATE_H

#include "relayer/engine/engine.h"

struct gate *gate_new(struct engine *engine);
void gate_stop(struct gate *gate);
bool gate_idle(const struct gate *gate);
void gate_free(struct gate *gate);

/* The sentence, once something is wrong for good; NULL otherwise. main ends with it. */
const char *gate_refusal(const struct gate *gate);

#endif
