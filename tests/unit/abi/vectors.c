#include "tests/unit/abi/vectors.h"

#include "abi/hex.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

json_t *vectors_load(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!root)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return root;
}

struct bytes vectors_bytes(const char *hex, uint8_t *mem)
{
    struct bytes out = {.p = mem};
    if (!hex_decode(hex, strlen(hex), mem, VECTOR_BYTES_MAX, &out.n))
        fail_msg("not hex: %.80s", hex);
    return out;
}

size_t vectors_each_file(const char *folder, void (*check)(const char *path, void *ctx), void *ctx)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        fail_msg("%s: cannot be opened", folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        const char *dot = strrchr(entry->d_name, '.');
        char path[1024];
        if (!dot || strcmp(dot, ".json") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check(path, ctx);
        count++;
    }
    closedir(dir);
    return count;
}
