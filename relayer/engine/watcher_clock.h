/*
 * Whether the chain goes on and keeps our time. Custody ends by the chain's clock, so a sequencer that is
 * silent holds every payment, and one whose clock is off ends custody too early or too late.
 *
 * Alarms: sequencer_silent (chain.silent_s), chain_clock (chain.clock_off_s). They end when it is right
 * again.
 */
#ifndef KUSTODIA_ENGINE_WATCHER_CLOCK_H
#define KUSTODIA_ENGINE_WATCHER_CLOCK_H

#include "relayer/chain/answer.h"
#include "relayer/engine/engine.h"

struct watcher_clock {
    bool begun;
    uint8_t hash[32]; /* the newest block at the last look */
    int64_t moved_at_ms;
    bool silent, off;           /* as of the last look */
    bool silent_open, off_open; /* the alarm may be open */
};

/* A former run may have raised the alarms. */
void watcher_clock_init(struct watcher_clock *clock);
/* What the times say; `mono_ms` and `wall_s` are now. Pure. */
void watcher_clock_judge(struct watcher_clock *clock, const struct config *config,
                         const struct chain_block *latest, int64_t mono_ms, int64_t wall_s);
/* Nothing new for half of chain.silent_s, 30 seconds at most: the endpoint may stand still, not the chain. */
bool watcher_clock_stale(const struct watcher_clock *clock, const struct config *config,
                         int64_t mono_ms);
/* At each answer of a node: judges and raises. */
void watcher_clock_look(struct watcher_clock *clock, struct engine *engine,
                        const struct chain_block *latest);
/* Ends alarms whose cause is gone with the script. */
void watcher_clock_clear(struct watcher_clock *clock, struct db_script *script);

#endif
