/* The only place that reads a clock. */
#ifndef KUSTODIA_BASE_CLOCK_H
#define KUSTODIA_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* UNIX time in milliseconds; may jump */
int64_t clock_mono_ms(void); /* since some start; never goes back; for deadlines and durations */

/* "2026-11-21T04:05:06.789Z" (UTC). */
enum { CLOCK_TEXT_MAX = 32 };
void clock_format_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);

/* "2026-11-20 22:05:06 -0600": the same moment where this machine is (TZ). For people only. */
void clock_format_local_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);

#endif
