/*
 * Holds the contracts against what was deployed: at start, on a timer (chain.contract_check_s) and after
 * every administrative log of the escrow.
 *
 * A difference that is believed (contract_facts.h) pauses the daemon and raises the alarm
 * contract_changed, one for each item that differs. The pause is stored as one that people set: it
 * outlives a restart, and only a person ends it, which system.resume refuses while the newest look still
 * differs. Everything that moves no money goes on: the chain is followed, open effects are asked about. No
 * answer is no difference.
 *
 * Who holds a role besides those expected is found by the logs that the watcher stored, and confirmed by
 * the contract: a stranger's role is a difference like any other, found once its log was read.
 *
 * A look also tells which of the signer's keys hold their roles (engine.party). One that does not raises
 * the alarm lane_without_role, and its lane takes nothing new; it is a difference only when no key holds
 * the role, or the relayer's own does not.
 *
 * Looks that do not come to their end prove nothing. When none did for three times chain.contract_check_s
 * (CONTRACT_UNCHECKED_MIN_MS at least), the alarm contract_unchecked is raised and nothing new is sent
 * until one does: that hold ends by itself, no person has to.
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

/* Look now rather than at the next tick, and not at a block before this one (0: no matter). */
void contract_check_kick(struct contract_check *check, uint64_t block);

enum { CONTRACT_UNCHECKED_MIN_MS = 15000 };

/* The newest look that was answered. */
struct contract_status {
    bool checked;
    bool unsure;    /* a difference that is not believed yet */
    bool unchecked; /* no look came to its end for too long: nothing is sent */
    int64_t
        age_ms; /* of the newest look that came to its end, else of the first try; -1: none yet */
    uint64_t block;
    int64_t at_ms;
    const struct contract_wanted *wanted;
    const struct contract_belief *belief;
};
void contract_check_status(const struct contract_check *check, struct contract_status *out);

/* The newest answered look found a difference, believed or not. */
bool contract_check_differs(const struct contract_check *check);

#endif
