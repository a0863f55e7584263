// sandbox.h: in a child process that gave everything up, each forbidden call ends it by SIGSYS.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keystore/sandbox.h"

enum { PREPARED, ENTERED, ENTERED_WITH_TOKEN, STAGES };
enum { FAILED = 99 };

// What a call comes to: the exit status of `work`, or 1000 and the signal's number.
static int end_of(int stage, int (*work)(void))
{
    int status, pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const char *what;
        if (!sandbox_prepare(pair, 2, &what) ||
            (stage != PREPARED && !sandbox_enter(stage == ENTERED_WITH_TOKEN)))
            _exit(FAILED);
        _exit(work());
    }
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int do_nothing(void) { return 0; }
static int do_write(void) { return write(2, "", 0) != 0; }
static int do_memory(void) { return malloc(1 << 20) == NULL; }
static int do_clock(void)
{
    struct timespec now;
    return syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) != 0;
}
static int do_fork(void) { return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0; }
static int do_fork_of_x32(void)
{
#if defined(__x86_64__)
    return (int)syscall(__X32_SYSCALL_BIT | SYS_fork) < 0;
#else
    return do_fork();
#endif
}
static int do_clone3(void) { return (int)syscall(SYS_clone3, NULL, 0) != -1; } // ENOSYS
static int do_exec(void) { return execv("/bin/true", (char *const[]){"true", NULL}); }
static int do_execveat(void)
{
    return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0);
}
static int do_socket(void) { return socket(AF_INET, SOCK_STREAM, 0) < 0; }
static int do_connect(void) { return (int)syscall(SYS_connect, 3, NULL, 0) == 0; }
static int do_open_read(void) { return open("/dev/null", O_RDONLY) < 0; }
static int do_open_write(void) { return open("/dev/null", O_WRONLY) < 0; }
static int do_open_append(void) { return open("/dev/null", O_RDWR | O_APPEND) < 0; }
static int do_create(void) { return open("/dev/null", O_RDONLY | O_CREAT, 0600) < 0; }
static int do_old_open(void)
{
#ifdef SYS_open
    return (int)syscall(SYS_open, "/dev/null", O_RDONLY) < 0;
#else
    return (int)syscall(SYS_openat2, AT_FDCWD, "/dev/null", NULL, 0) < 0;
#endif
}
static int do_unlink(void) { return unlink("/nonexistent") == 0; }
static int do_kill(void) { return kill(getppid(), 0) != 0; }
static int do_ptrace(void) { return (int)syscall(SYS_ptrace, 0, 0, 0, 0) == 0; }
static int do_read_memory(void)
{
    return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) == 0;
}
static int do_prctl(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static int do_uring(void) { return (int)syscall(SYS_io_uring_setup, 1, NULL) == 0; }
static int do_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }
static int do_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1; }
static int do_environment(void) { return getenv("PATH") != NULL; }

static int do_core_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0;
}

static atomic_int is_up, go;

static void *thread_run(void *work)
{
    atomic_store(&is_up, 1); // libc's own calls of a thread's start are behind it
    while (!atomic_load(&go)) {
    }
    return (void *)(intptr_t)((int (*)(void))(uintptr_t)work)();
}

// A thread from before the filter: it may live, and is bound by the filter all the same.
static int thread_then(int (*work)(void))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_run, (void *)(uintptr_t)work) != 0)
        return FAILED;
    while (!atomic_load(&is_up)) {
    }
    if (!sandbox_enter(true))
        return FAILED;
    atomic_store(&go, 1);
    for (;;) { // no joining: the other thread ends the process
    }
}

static int do_exit(void) { _exit(7); }
static int do_thread_exit(void) { return thread_then(do_exit); }
static int do_thread_socket(void) { return thread_then(do_socket); }

enum { DIES = 1000 + SIGSYS, ANY = -1 };

static const struct row {
    const char *call;
    int (*work)(void);
    int end[STAGES]; // prepared, entered, entered with a token
} rows[] = {
    {"nothing", do_nothing, {0, 0, 0}},
    {"write", do_write, {0, 0, 0}},
    {"memory", do_memory, {0, 0, 0}},
    {"clock_gettime", do_clock, {0, 0, 0}},
    {"fork", do_fork, {DIES, DIES, DIES}},
    {"fork by its x32 number", do_fork_of_x32, {DIES, DIES, DIES}},
    {"clone3", do_clone3, {0, DIES, DIES}},
    {"execve", do_exec, {DIES, DIES, DIES}},
    {"execveat", do_execveat, {DIES, DIES, DIES}},
    {"socket", do_socket, {0, DIES, DIES}},
    {"connect", do_connect, {0, DIES, DIES}},
    {"openat to read", do_open_read, {0, DIES, 0}},
    {"openat to write", do_open_write, {0, DIES, DIES}},
    {"openat to append", do_open_append, {0, DIES, DIES}},
    {"openat to create", do_create, {0, DIES, DIES}},
    {"open by its old number", do_old_open, {ANY, DIES, DIES}},
    {"unlink", do_unlink, {0, DIES, DIES}},
    {"kill", do_kill, {0, DIES, DIES}},
    {"ptrace", do_ptrace, {ANY, DIES, DIES}},
    {"process_vm_readv", do_read_memory, {ANY, DIES, DIES}},
    {"prctl", do_prctl, {0, DIES, DIES}},
    {"io_uring_setup", do_uring, {0, DIES, DIES}},
    {"a core's size", do_core_limit, {0, DIES, DIES}},
    {"dumpable", do_dumpable, {0, DIES, DIES}},
    {"no new privileges", do_privileges, {0, DIES, DIES}},
    {"environment", do_environment, {0, 0, 0}},
    {"a thread that ends the process", do_thread_exit, {7, ANY, ANY}},
    {"a thread that opens a socket", do_thread_socket, {DIES, ANY, ANY}},
};

static void test_each_call(void **state)
{
    (void)state;
#ifdef KUSTODIA_NO_SECCOMP
    bool is_enforced = false;
#else
    bool is_enforced = true;
#endif
    assert_int_equal(sandbox_is_enforced(), is_enforced);
    if (!is_enforced) {
        print_message("SKIP: this build has no seccomp filter\n");
        skip();
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int stage = 0; stage < STAGES; stage++) {
            int expected = rows[i].end[stage];
            if (expected == ANY)
                continue;
            int end = end_of(stage, rows[i].work);
            if (end != expected)
                print_error("%s at stage %d: %d\n", rows[i].call, stage, end);
            assert_int_equal(end, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
