/*
 * Memory that lives and dies together: one arena per operation step or loop turn.
 *
 * All memory is zeroed and aligned for any type. An arena has a maximum; asking beyond it, or the
 * machine running out of memory, is a CHECK: sizes are bounded where input enters, not here.
 * Nothing secret goes in.
 */
#ifndef KUSTODIA_BASE_ARENA_H
#define KUSTODIA_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* At most max_bytes are handed out between two resets. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena); /* NULL is fine */

/* Forgets everything handed out; keeps the first block for the next use. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t n);
void *arena_copy(struct arena *arena, const void *p, size_t n);
char *arena_text(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_text_n(struct arena *arena, const char *text, size_t n); /* n bytes and a NUL */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

#endif
