/* Turns a loop until a condition holds or three seconds have passed. */
#ifndef KUSTODIA_TESTS_UNIT_NET_TURN_H
#define KUSTODIA_TESTS_UNIT_NET_TURN_H

#include <uv.h>

#include "relayer/base/clock.h"

enum { TURN_MS_MAX = 3000 };

static void turn_over(uv_timer_t *timer)
{
    (void)timer;
}

/* Usage: TURN_UNTIL(loop, fixture->answers == 2); fails the test when time is over. */
#define TURN_UNTIL(loop, condition)                                                                \
    do {                                                                                           \
        uv_timer_t ticker;                                                                         \
        int64_t turn_deadline = clock_mono_ms() + TURN_MS_MAX;                                     \
        (void)uv_timer_init((loop), &ticker);                                                      \
        (void)uv_timer_start(&ticker, turn_over, 5, 5);                                            \
        while (!(condition) && clock_mono_ms() < turn_deadline)                                    \
            (void)uv_run((loop), UV_RUN_ONCE);                                                     \
        uv_close((uv_handle_t *)&ticker, NULL);                                                    \
        (void)uv_run((loop), UV_RUN_NOWAIT);                                                       \
        assert_true(condition);                                                                    \
    } while (0)

#endif
