#include "relayer/base/loop.h"

#include <stdlib.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"

struct loop_timer {
    uv_timer_t handle;
    loop_cb cb;
    void *ctx;
};

struct loop_later {
    uv_idle_t handle;
    loop_cb cb;
    void *ctx;
};

struct loop_signal {
    uv_signal_t handle;
    loop_signal_cb cb;
    void *ctx;
};

/* handle->data is the object to free, for every handle of this file. */
static void loop_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void timer_fired(uv_timer_t *handle)
{
    struct loop_timer *timer = handle->data;
    timer->cb(timer->ctx);
}

struct loop_timer *loop_timer_new(uv_loop_t *loop, loop_cb cb, void *ctx)
{
    struct loop_timer *timer = mem_new(sizeof *timer);
    CHECK(uv_timer_init(loop, &timer->handle) == 0);
    timer->handle.data = timer;
    timer->cb = cb;
    timer->ctx = ctx;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    /* The loop's idea of now may be a long callback old; a delay counts from this call. */
    uv_update_time(timer->handle.loop);
    CHECK(uv_timer_start(&timer->handle, timer_fired, delay_ms, repeat_ms) == 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    CHECK(uv_timer_stop(&timer->handle) == 0);
}

bool loop_timer_active(const struct loop_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->handle, loop_closed);
}

/* It closes itself before it calls: cb may then do anything, also stop the loop. */
static void later_came(uv_idle_t *handle)
{
    struct loop_later *later = handle->data;
    uv_close((uv_handle_t *)handle, loop_closed);
    later->cb(later->ctx);
}

/* An idle handle and not a timer: a timer of 0 ms started by a timer comes in the same turn, and a
 * chain of them would keep the loop from its sockets. */
void loop_later(uv_loop_t *loop, loop_cb cb, void *ctx)
{
    struct loop_later *later = mem_new(sizeof *later);
    CHECK(uv_idle_init(loop, &later->handle) == 0);
    later->handle.data = later;
    later->cb = cb;
    later->ctx = ctx;
    CHECK(uv_idle_start(&later->handle, later_came) == 0);
}

static void signal_came(uv_signal_t *handle, int signum)
{
    struct loop_signal *signal = handle->data;
    signal->cb(signal->ctx, signum);
}

struct loop_signal *loop_signal_new(uv_loop_t *loop, int signum, loop_signal_cb cb, void *ctx)
{
    struct loop_signal *signal = mem_new(sizeof *signal);
    CHECK(uv_signal_init(loop, &signal->handle) == 0);
    signal->handle.data = signal;
    signal->cb = cb;
    signal->ctx = ctx;
    CHECK(uv_signal_start(&signal->handle, signal_came, signum) == 0);
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (signal != NULL)
        uv_close((uv_handle_t *)&signal->handle, loop_closed);
}
