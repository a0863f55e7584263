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

struct lane *lane_new(struct engine *engine, enum effect_lane role);
void lane_stop(struct lane *lane);
bool lane_idle(const struct lane *lane);
void lane_free(struct lane *lane);

/* For system.status. */
struct lane_status {
    const char *name;    /* "relayer", "arbiter" */
    bool holds;          /* this daemon signs for the key */
    uint8_t account[20]; /* zero before the signer said hello */
    bool gas_known;
    bool gas_low, gas_empty; /* their alarms are up */
    char gas_wei[80];        /* decimal, as last read; only when known */
};
void lane_status(const struct lane *lane, struct lane_status *out);

#endif
