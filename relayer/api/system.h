/* The daemon's own state: what the API and the health page say of it. */
#ifndef KUSTODIA_API_SYSTEM_H
#define KUSTODIA_API_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

struct api;
struct engine;

/* Takes over a pause that people set before this start. */
void system_restore(struct api *api);

/* True when work is done: database and node answer and the start checks have passed. Otherwise why says
 * what is waited for. */
bool system_is_healthy(const struct engine *engine, char *why, size_t cap);

#endif
