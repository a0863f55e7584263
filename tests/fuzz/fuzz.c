#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void fuzz_broken(const char *file, int line, const char *expression)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
    abort();
}

char *fuzz_text(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);

    HOLDS(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    return text;
}

static char file_path[64];

static void file_remove(void)
{
    unlink(file_path);
}

const char *fuzz_file(const uint8_t *data, size_t n)
{
    int fd;

    if (file_path[0] == '\0') {
        /* Memory where the machine has such a place: a target writes it many thousand times. */
        snprintf(file_path, sizeof file_path, "%s/kustodia-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        fd = mkstemp(file_path);
        HOLDS(fd >= 0 && atexit(file_remove) == 0);
    } else {
        fd = open(file_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        HOLDS(fd >= 0);
    }
    HOLDS(write(fd, data, n) == (ssize_t)n && close(fd) == 0);
    return file_path;
}

uint8_t fuzz_take_byte(struct fuzz_input *in)
{
    uint8_t byte = 0;

    fuzz_take(in, &byte, 1);
    return byte;
}

void fuzz_take(struct fuzz_input *in, void *out, size_t n)
{
    size_t got = n < in->n ? n : in->n;

    memset(out, 0, n);
    if (got > 0)
        memcpy(out, in->p, got);
    in->p += got;
    in->n -= got;
}
