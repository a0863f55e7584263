/* The daemon's own state: what the API and the health page say of it. */
#ifndef KUSTODIA_API_SYSTEM_H
#define KUSTODIA_API_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

struct api;
struct engine;

/* Takes over a pause that people set before this start. */
void system_restore(struct api *api);

/* True when work can be done: database and node answer and the start checks have passed. An outage of Juno
 * or of the signer is worked through. */
bool system_is_healthy(const struct engine *engine);

enum { SYSTEM_WORDS_MAX = 1280 };
/* One sentence: every door that is waited for with its reason, and the pause; "everything answers" only
 * when it does. Cut at cap bytes. */
void system_words(const struct engine *engine, char *text, size_t cap);

#endif
