/*
 * The signing lane: one per signing key. Groups planned effects of one kind into one transaction, tries it
 * dry, has it signed, stores the bytes, sends them, and sends the same bytes again until a receipt exists.
 *
 * Nonces come from the chain's own count and the stored record, never from memory. The lane works under a
 * database lease with a fencing token that the arming transaction and the signer check.
 */
#ifndef KUSTODIA_ENGINE_LANE_H
#define KUSTODIA_ENGINE_LANE_H

#include "relayer/engine/engine.h"

enum { LANE_TICK_MS = 100, LANE_RESEND_MS = 2000 };

/*
 * `key` is a place at the signer. A place without a key has a lane that does nothing. Lanes of one role
 * take from one list: each one's batch is left out by the others of this daemon until its draft is
 * committed, and after that by all (effect.drafted_by). Places 0 and 1 also follow what keys signed that
 * are there no more.
 */
struct lane *lane_new(struct engine *engine, size_t key);
void lane_stop(struct lane *lane);
bool lane_idle(const struct lane *lane);
void lane_free(struct lane *lane);

/* For system.status. */
struct lane_status {
    const char *name;    /* of the key: "relayer", "arbiter", "relayer.2" */
    bool has_key;        /* false before the signer said hello, and where there is none */
    bool has_role;       /* in the contract, as last read */
    bool holds;          /* this daemon signs for the key */
    uint8_t account[20]; /* zero without a key */
    uint64_t next_nonce; /* the first above all stored ones, as last read; 0: none yet */
    bool gas_known;
    bool gas_low, gas_empty; /* their alarms are up */
    char gas_wei[80];        /* decimal, as last read; only when known */
};
void lane_status(const struct lane *lane, struct lane_status *out);

#endif
