/*
 * How long to wait before the next attempt: doubling from base_ms to cap_ms, the upper half of it
 * by chance so that many waiters do not come back together.
 */
#ifndef KUSTODIA_BASE_BACKOFF_H
#define KUSTODIA_BASE_BACKOFF_H

#include <stdint.h>

/* attempt counts from 0; 0 < base_ms <= cap_ms. The same seed gives the same wait, at least half of
 * the undisturbed one and at most all of it. */
uint32_t backoff_ms(unsigned attempt, uint32_t base_ms, uint32_t cap_ms, uint64_t jitter_seed);

#endif
