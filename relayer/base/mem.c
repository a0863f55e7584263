#include "relayer/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"

void *mem_new(size_t n)
{
    return mem_new_array(1, n);
}

void *mem_new_array(size_t count, size_t size)
{
    CHECK(size == 0 || count <= SIZE_MAX / size);
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    CHECK(p != NULL);
    return p;
}

void *mem_resize(void *p, size_t n)
{
    CHECK(n > 0);
    void *grown = realloc(p, n);
    CHECK(grown != NULL);
    return grown;
}

void *mem_copy(const void *p, size_t n)
{
    void *copy = mem_new(n);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *mem_text(const char *text)
{
    return text == NULL ? NULL : mem_text_n(text, strlen(text));
}

char *mem_text_n(const char *text, size_t n)
{
    char *copy = mem_new(n + 1);
    if (n > 0)
        memcpy(copy, text, n);
    return copy;
}
