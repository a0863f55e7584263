/*
 * Holds the contracts against what was deployed: at start, on a timer (chain.contract_check_s) and after
 * every administrative log of the escrow.
 *
 * A difference that is believed (contract_facts.h) pauses the daemon and raises the alarm contract_changed,
 * one for each item that differs. The pause is stored as one that people set: it outlives a restart, and
 * only a person ends it, which system.resume refuses while the newest look still differs. Everything that
 * moves no money goes on: the chain is followed, open effects are asked about. No answer is no difference.
 */
#ifndef KUSTODIA_ENGINE_CONTRACT_CHECK_H
#define KUSTODIA_ENGINE_CONTRACT_CHECK_H

#include "relayer/engine/contract_facts.h"
#include "relayer/engine/engine.h"

struct contract_check *contract_check_new(struct engine *engine);
void contract_check_stop(struct contract_check *check);
bool contract_check_idle(const struct contract_check *check);
void contract_check_free(struct contract_check *check); /* NULL is fine */

/* The first looks, until they are clear: `begun` comes once, never before this returns. refusal NULL: the
 * daemon may start, paused if a difference is believed. Otherwise settings and chain do not belong together,
 * and the sentence says how. The timer runs from then on. */
typedef void contract_begun_cb(void *ctx, const char *refusal);
void contract_check_begin(struct contract_check *check, const struct contract_parties *parties,
                          contract_begun_cb *begun, void *ctx);

/* Look now rather than at the next tick. */
void contract_check_kick(struct contract_check *check);

/* The newest look that was answered. */
struct contract_status {
    bool checked;
    bool unsure; /* a difference that is not believed yet */
    uint64_t block;
    int64_t at_ms;
    const struct contract_wanted *wanted;
    const struct contract_belief *belief;
};
void contract_check_status(const struct contract_check *check, struct contract_status *out);

/* The newest answered look found a difference, believed or not. */
bool contract_check_differs(const struct contract_check *check);

/* The addresses that hold the roles; meaningful once begun. */
const struct contract_parties *contract_check_parties(const struct contract_check *check);

#endif
