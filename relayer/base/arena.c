#include "relayer/base/arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"

enum { ARENA_BLOCK_BYTES = 4096 };

/* Blocks form a list, the newest first; only the newest has room left that is used. */
struct block {
    struct block *older;
    size_t n, cap;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
    size_t used, max_bytes;
};

static struct block *block_new(struct block *older, size_t cap)
{
    CHECK(cap <= SIZE_MAX - sizeof(struct block));
    struct block *block = mem_new(sizeof *block + cap);
    block->older = older;
    block->cap = cap;
    return block;
}

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = mem_new(sizeof *arena);
    arena->max_bytes = max_bytes;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->newest != NULL) {
        struct block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    free(arena);
}

void arena_reset(struct arena *arena)
{
    while (arena->newest != NULL && arena->newest->older != NULL) {
        struct block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    if (arena->newest != NULL) {
        memset(arena->newest->bytes, 0, arena->newest->n);
        arena->newest->n = 0;
    }
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t n)
{
    const size_t step = alignof(max_align_t);
    CHECK(n <= arena->max_bytes);
    size_t rounded = n == 0 ? step : (n + step - 1) / step * step;
    CHECK(rounded <= arena->max_bytes - arena->used);
    struct block *block = arena->newest;
    if (block == NULL || rounded > block->cap - block->n) {
        size_t cap = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
        block = block_new(block, cap);
        arena->newest = block;
    }
    void *p = block->bytes + block->n;
    block->n += rounded;
    arena->used += rounded;
    return p;
}

void *arena_copy(struct arena *arena, const void *p, size_t n)
{
    void *copy = arena_alloc(arena, n);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_text_n(arena, text, strlen(text));
}

char *arena_text_n(struct arena *arena, const char *text, size_t n)
{
    CHECK(n < SIZE_MAX);
    char *copy = arena_alloc(arena, n + 1);
    if (n > 0)
        memcpy(copy, text, n);
    return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    CHECK(n >= 0);
    char *text = arena_alloc(arena, (size_t)n + 1);
    int written = vsnprintf(text, (size_t)n + 1, format, again);
    CHECK(written == n);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
