#include "relayer/engine/watcher_clock.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/clock.h"
#include "relayer/store/observed.h"

enum {
    QUIET_MS = 15000, /* an old block is no silence before this: its successor may be on the way */
    STALE_MAX_MS = 30000
};

void watcher_clock_init(struct watcher_clock *clock)
{
    *clock = (struct watcher_clock){.silent_open = true, .off_open = true};
}

/* Two measures of silence: how long we have seen nothing new, which no stepping clock changes, and, for a
 * daemon that has just started, the newest block's own age. */
void watcher_clock_judge(struct watcher_clock *clock, const struct config *config,
                         const struct chain_block *latest, int64_t mono_ms, int64_t wall_s)
{
    if (!clock->begun || memcmp(clock->hash, latest->hash, sizeof clock->hash) != 0) {
        clock->begun = true;
        clock->moved_at_ms = mono_ms;
        memcpy(clock->hash, latest->hash, sizeof clock->hash);
    }
    int64_t still_ms = mono_ms - clock->moved_at_ms;
    int64_t age_s = wall_s - (int64_t)latest->time;
    int64_t silent_s = (int64_t)config->chain_silent_s, off_s = (int64_t)config->chain_clock_off_s;
    int64_t quiet_ms = silent_s * 1000 < QUIET_MS ? silent_s * 1000 : QUIET_MS;
    clock->silent = silent_s > 0 && (still_ms >= silent_s * 1000 ||
                                     (age_s >= silent_s && still_ms >= quiet_ms));
    /* Of a chain that stands still only a block from the future says something about its clock. */
    clock->off = off_s > 0 && (age_s <= -off_s || (age_s >= off_s && still_ms < QUIET_MS));
}

bool watcher_clock_stale(const struct watcher_clock *clock, const struct config *config,
                         int64_t mono_ms)
{
    int64_t half_ms = (int64_t)config->chain_silent_s * 500;
    int64_t stale_ms = half_ms > 0 && half_ms < STALE_MAX_MS ? half_ms : STALE_MAX_MS;
    return clock->begun && mono_ms - clock->moved_at_ms >= stale_ms;
}

void watcher_clock_look(struct watcher_clock *clock, struct engine *engine,
                        const struct chain_block *latest)
{
    int64_t mono_ms = clock_mono_ms(), wall_s = clock_wall_ms() / 1000;
    bool was_silent = clock->silent, was_off = clock->off;
    char detail[160];
    watcher_clock_judge(clock, engine->config, latest, mono_ms, wall_s);
    if (clock->silent && !was_silent) {
        snprintf(detail, sizeof detail, "block %llu is %lld s old, and nothing new came for %lld s",
                 (unsigned long long)latest->number, (long long)(wall_s - (int64_t)latest->time),
                 (long long)((mono_ms - clock->moved_at_ms) / 1000));
        engine_alarm(engine, "sequencer_silent", "", detail);
        clock->silent_open = true;
    }
    if (clock->off && !was_off) {
        snprintf(detail, sizeof detail,
                 "block %llu is %lld s away from our clock (minus: behind us)",
                 (unsigned long long)latest->number, (long long)((int64_t)latest->time - wall_s));
        engine_alarm(engine, "chain_clock", "", detail);
        clock->off_open = true;
    }
}

void watcher_clock_clear(struct watcher_clock *clock, struct db_script *script)
{
    if (clock->silent_open && !clock->silent)
        observed_alarm_clear(script, "sequencer_silent", "");
    if (clock->off_open && !clock->off)
        observed_alarm_clear(script, "chain_clock", "");
    clock->silent_open = clock->silent;
    clock->off_open = clock->off;
}
