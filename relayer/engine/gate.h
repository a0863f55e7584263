/*
 * What must be true before the engine moves anything: right chain, the signer's addresses, and contracts
 * that are what the settings say (contract_check.h). What can never fit ends the daemon with one clear
 * sentence: no code, a token without six decimals, another token or funder, a role missing. A contract that
 * was changed starts it paused. No answer is waited for.
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
