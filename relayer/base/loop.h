/*
 * The little of libuv that every room needs in the same shape: timers, "after this call", signals.
 *
 * A handle's memory belongs to libuv until its close callback. The objects here hide that: x_free
 * may be called at any time, also from the object's own callback, which does not come again
 * afterwards; the memory goes in a later turn of the loop. The loop must therefore run once more
 * before uv_loop_close.
 */
#ifndef KUSTODIA_BASE_LOOP_H
#define KUSTODIA_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef void (*loop_cb)(void *ctx);

struct loop_timer;
struct loop_timer *loop_timer_new(uv_loop_t *loop, loop_cb cb, void *ctx);
/* (Re)starts it: first after delay_ms, then every repeat_ms (0 = once). */
void loop_timer_start(struct loop_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_active(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* Calls cb(ctx) once, in the next turn of the loop, never before this returns. It cannot be taken
 * back: ctx must live until then. Calls asked for in one turn come in no particular order. */
void loop_later(uv_loop_t *loop, loop_cb cb, void *ctx);

typedef void (*loop_signal_cb)(void *ctx, int signum);
struct loop_signal;
struct loop_signal *loop_signal_new(uv_loop_t *loop, int signum, loop_signal_cb cb, void *ctx);
void loop_signal_free(struct loop_signal *signal); /* NULL is fine */

#endif
