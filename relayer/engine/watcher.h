/*
 * The watcher: follows blocks by number and parent hash, stores our contracts' logs as evidence, undoes
 * what a reorg removed, and says what is final. An answer is believed only when its logs and headers agree
 * and its node's head is past the asked range.
 */
#ifndef KUSTODIA_ENGINE_WATCHER_H
#define KUSTODIA_ENGINE_WATCHER_H

#include "relayer/engine/engine.h"

struct watcher *watcher_new(struct engine *engine);
void watcher_kick(struct watcher *watcher);
void watcher_stop(struct watcher *watcher);
bool watcher_idle(const struct watcher *watcher);
void watcher_free(struct watcher *watcher);

#endif
