/* Timers, "after this call" and signals on a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "relayer/base/clock.h"
#include "relayer/base/loop.h"

struct seen {
    uv_loop_t loop;
    struct loop_timer *timer;
    struct loop_signal *signal;
    int count;
    int signum;
};

static int loop_up(void **state)
{
    static struct seen seen;
    seen = (struct seen){.count = 0};
    *state = &seen;
    return uv_loop_init(&seen.loop);
}

static int loop_down(void **state)
{
    struct seen *seen = *state;
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&seen->loop); /* fails when a handle was left open */
}

static void count(void *ctx)
{
    ((struct seen *)ctx)->count++;
}

static void count_and_free(void *ctx)
{
    struct seen *seen = ctx;
    seen->count++;
    if (seen->count == 3)
        loop_timer_free(seen->timer);
}

static void timer_comes_once(void **state)
{
    struct seen *seen = *state;
    struct loop_timer *timer = loop_timer_new(&seen->loop, count, seen);
    int64_t begun = clock_mono_ms();
    loop_timer_start(timer, 20, 0);
    assert_true(loop_timer_active(timer));
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 1);
    assert_true(clock_mono_ms() - begun >= 19);
    assert_false(loop_timer_active(timer));
    loop_timer_free(timer);
    loop_timer_free(NULL);
}

static void timer_repeats_until_freed_by_its_callback(void **state)
{
    struct seen *seen = *state;
    seen->timer = loop_timer_new(&seen->loop, count_and_free, seen);
    loop_timer_start(seen->timer, 0, 1);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 3);
}

static void timer_stopped_does_not_come(void **state)
{
    struct seen *seen = *state;
    struct loop_timer *timer = loop_timer_new(&seen->loop, count, seen);
    loop_timer_start(timer, 1, 0);
    loop_timer_stop(timer);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 0);
    loop_timer_free(timer);
}

static void later_comes_after_the_call(void **state)
{
    struct seen *seen = *state;
    loop_later(&seen->loop, count, seen);
    loop_later(&seen->loop, count, seen);
    assert_int_equal(seen->count, 0);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->count, 2);
}

static void chain(void *ctx)
{
    struct seen *seen = ctx;
    seen->count++;
    if (seen->timer != NULL)
        loop_later(&seen->loop, chain, seen);
}

static void end_chain(void *ctx)
{
    struct seen *seen = ctx;
    loop_timer_free(seen->timer);
    seen->timer = NULL;
}

/* A chain of later calls must not keep timers and sockets from their turn. */
static void later_chain_lets_others_in(void **state)
{
    struct seen *seen = *state;
    seen->timer = loop_timer_new(&seen->loop, end_chain, seen);
    loop_timer_start(seen->timer, 5, 0);
    loop_later(&seen->loop, chain, seen);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_true(seen->count > 1);
}

static void signal_seen(void *ctx, int signum)
{
    struct seen *seen = ctx;
    seen->signum = signum;
    loop_signal_free(seen->signal);
}

static void signal_comes(void **state)
{
    struct seen *seen = *state;
    seen->signal = loop_signal_new(&seen->loop, SIGUSR1, signal_seen, seen);
    assert_int_equal(raise(SIGUSR1), 0);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(seen->signum, SIGUSR1);
    loop_signal_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timer_comes_once, loop_up, loop_down),
        cmocka_unit_test_setup_teardown(timer_repeats_until_freed_by_its_callback, loop_up,
                                        loop_down),
        cmocka_unit_test_setup_teardown(timer_stopped_does_not_come, loop_up, loop_down),
        cmocka_unit_test_setup_teardown(later_comes_after_the_call, loop_up, loop_down),
        cmocka_unit_test_setup_teardown(later_chain_lets_others_in, loop_up, loop_down),
        cmocka_unit_test_setup_teardown(signal_comes, loop_up, loop_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
