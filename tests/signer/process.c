#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "process.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], before[4096];

void process_folder_enter(void)
{
    snprintf(folder, sizeof folder, "/tmp/kustodia-signer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void process_folder_leave(void)
{
    assert_int_equal(chdir(before), 0);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void file_write(const char *name, const char *text, mode_t mode)
{
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

void file_read(const char *path, char out[4096])
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, 4095);
    assert_true(n >= 0);
    out[n] = '\0';
    close(fd);
}

int process_wait(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

// In the child. No terminal to ask on: a test must never wait for a person.
static void become(const char *const *argv, int in, int out, int err)
{
    setsid();
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execv(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

void process_run(const char *const *argv, const char *input, struct process_result *result)
{
    file_write("stdin", input ? input : "", 0600);
    file_write("stdout", "", 0600);
    file_write("stderr", "", 0600);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, open("stdin", O_RDONLY), open("stdout", O_WRONLY), open("stderr", O_WRONLY));
    result->status = process_wait(pid);
    file_read("stdout", result->out);
    file_read("stderr", result->err);
}

pid_t process_start(const char *const *argv, const int fds[2])
{
    file_write("stderr", "", 0600);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int err = open("stderr", O_WRONLY | O_APPEND), null = open("/dev/null", O_RDWR);
    // Far away first: the given ones may be 3 and 4 already, in the wrong order.
    int far0 = fcntl(fds[0], F_DUPFD, 100), far1 = fcntl(fds[1], F_DUPFD, 100);
    dup2(far0, 3);
    dup2(far1, 4);
    become(argv, null, null, err);
    _exit(127);
}
