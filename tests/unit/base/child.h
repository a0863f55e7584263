/* Runs a function in a child process and tells how the child ended; standard error can be captured.
 * */
#ifndef KUSTODIA_TESTS_UNIT_BASE_CHILD_H
#define KUSTODIA_TESTS_UNIT_BASE_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait status. errors (NULL = do not care) gets at most errors_max - 1 bytes of standard error.
 * */
static inline int child_run(void (*run)(void), char *errors, size_t errors_max)
{
    int pipes[2];
    if (pipe(pipes) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)dup2(pipes[1], STDERR_FILENO);
        (void)close(pipes[0]);
        (void)close(pipes[1]);
        run();
        _exit(0);
    }
    (void)close(pipes[1]);
    char text[65536];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof text && (got = read(pipes[0], text + n, sizeof text - n)) > 0)
        n += (size_t)got;
    (void)close(pipes[0]);
    int status = -1;
    (void)waitpid(pid, &status, 0);
    if (errors != NULL) {
        if (n > errors_max - 1)
            n = errors_max - 1;
        memcpy(errors, text, n);
        errors[n] = '\0';
    }
    return status;
}

#endif
