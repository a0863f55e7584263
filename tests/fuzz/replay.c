/* Runs one fuzz target without a fuzzer: replay CORPUS_FOLDER MUTATIONS. Each file of the corpus, then so
 * many inputs mutated from it by a fixed seed. A missing or empty corpus fails. An input that breaks
 * something is left beside this program, and named on standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate.h"

enum { CORPUS_MAX = 4096, SEED = 20261128, MEMORY_MAX_KIB = 192 * 1024 };

static const char *folder;
static size_t mutations;
static char broken_path[256];
static struct mutate_input corpus[CORPUS_MAX];
static size_t corpus_n;
static const uint8_t *volatile running;
static volatile size_t running_n;

/* There with AddressSanitizer only, which ends a process without a signal. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void input_keep(void)
{
    int fd;

    if (running == NULL)
        return;
    fd = open(broken_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, running, running_n) == (ssize_t)running_n)
        dprintf(STDERR_FILENO, "the input is in %s\n", broken_path);
    running = NULL;
}

static void on_signal(int number)
{
    input_keep();
    signal(number, SIG_DFL);
    raise(number);
}

/* The target sees memory of exactly this size, so that a sanitizer sees every byte read beyond it. */
static void input_run(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);

    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, data, n);
    running = copy;
    running_n = n;
    assert_int_equal(LLVMFuzzerTestOneInput(copy, n), 0);
    running = NULL;
    free(copy);
}

static void file_load(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *bytes;

    assert_true(fd >= 0 && fstat(fd, &st) == 0 && corpus_n < CORPUS_MAX);
    bytes = malloc((size_t)st.st_size + 1);
    assert_true(bytes != NULL && read(fd, bytes, (size_t)st.st_size) == st.st_size);
    close(fd);
    corpus[corpus_n++] = (struct mutate_input){bytes, (size_t)st.st_size};
}

/* In the order of their names: the mutations depend on it. */
static int corpus_load(void **state)
{
    struct dirent **entry;
    int n = scandir(folder, &entry, NULL, alphasort);
    char path[512];

    (void)state;
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            file_load(path);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
    if (corpus_n == 0)
        fprintf(stderr, "no corpus in %s\n", folder);
    return corpus_n > 0 ? 0 : -1;
}

static int corpus_free(void **state)
{
    (void)state;
    for (size_t i = 0; i < corpus_n; i++)
        free((void *)corpus[i].p);
    return 0;
}

static void every_file_of_the_corpus(void **state)
{
    (void)state;
    for (size_t i = 0; i < corpus_n; i++)
        input_run(corpus[i].p, corpus[i].n);
}

static void seeded_mutations(void **state)
{
    static uint8_t input[MUTATE_BYTES_MAX];
    struct mutate m;

    (void)state;
    mutate_start(&m, SEED, corpus, corpus_n);
    for (size_t i = 0; i < mutations; i++) {
        size_t n = mutate_next(&m, input);

        input_run(input, n);
    }
}

static void memory_stays_bounded(void **state)
{
    struct rusage usage;

    (void)state;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < MEMORY_MAX_KIB);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_of_the_corpus),
        cmocka_unit_test(seeded_mutations),
        cmocka_unit_test(memory_stays_bounded),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER MUTATIONS\n", argv[0]);
        return 3;
    }
    folder = argv[1];
    mutations = (size_t)strtoul(argv[2], NULL, 10);
    snprintf(broken_path, sizeof broken_path, "%s.broken-input", argv[0]);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(input_keep);
    signal(SIGABRT, on_signal);
    /* A sanitizer keeps what was freed: memory says something only without one. */
    return _cmocka_run_group_tests("fuzz", tests, __sanitizer_set_death_callback == NULL ? 3 : 2,
                                   corpus_load, corpus_free);
}
