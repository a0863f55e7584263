#include "keystore/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#else
#error "add the audit name of this machine"
#endif

// Closes what lies between one kept descriptor and the next higher one, from 3 on.
static bool close_but(const int *keep, size_t keep_n)
{
    unsigned from = 3;
    for (;;) {
        unsigned next = ~0u;
        for (size_t i = 0; i < keep_n; i++) {
            if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        }
        if (next > from && close_range(from, next == ~0u ? next : next - 1, 0) != 0)
            return false;
        if (next == ~0u)
            return true;
        from = next + 1;
    }
}

#ifdef KUSTODIA_NO_SECCOMP

static bool children_forbid(void)
{
    return true;
}

bool sandbox_enter(bool has_token)
{
    (void)has_token;
    return true;
}

bool sandbox_is_enforced(void)
{
    return false;
}

#else

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define WHEN(call, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), ANSWER(action)
#define ALLOW(call) WHEN(call, SECCOMP_RET_ALLOW)
// Every filter begins so: a call of another architecture has other numbers, and on x86-64 each call
// has a second one, with the bit of x32.
#if defined(__x86_64__)
#define NUMBERS_END __X32_SYSCALL_BIT
#else
#define NUMBERS_END 0x80000000
#endif
#define BEGIN                                                                                      \
    FIELD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0),                          \
        ANSWER(SECCOMP_RET_KILL_PROCESS), FIELD(nr),                                               \
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NUMBERS_END, 0, 1), ANSWER(SECCOMP_RET_KILL_PROCESS)
// A call that is allowed when the low word of `argument` has no bit of `mask`.
#define ALLOW_WITHOUT(call, argument, mask)                                                        \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 4), FIELD(args[argument]),                      \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (mask), 0, 1), ANSWER(SECCOMP_RET_KILL_PROCESS),      \
        ANSWER(SECCOMP_RET_ALLOW)

// For all threads there are: a library may have started some.
static bool filter_set(struct sock_filter *filter, size_t n)
{
    struct sock_fprog program = {.len = (unsigned short)n, .filter = filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

// From the start, so before any login: a child would share a token's session and inherit its
// memory. Threads are clone with CLONE_THREAD; clone3 hides its flags, and libc does without it.
static bool children_forbid(void)
{
    static struct sock_filter filter[] = {
        BEGIN,
#ifdef SYS_fork
        WHEN(SYS_fork, SECCOMP_RET_KILL_PROCESS),
        WHEN(SYS_vfork, SECCOMP_RET_KILL_PROCESS),
#endif
        WHEN(SYS_execve, SECCOMP_RET_KILL_PROCESS),
        WHEN(SYS_execveat, SECCOMP_RET_KILL_PROCESS),
        WHEN(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        ANSWER(SECCOMP_RET_ALLOW),
        FIELD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
    };
    return filter_set(filter, sizeof filter / sizeof *filter);
}

#define SERVING_CALLS                                                                              \
    /* the channels */                                                                             \
    ALLOW(SYS_recvfrom), ALLOW(SYS_sendto), ALLOW(SYS_ppoll), ALLOW(SYS_restart_syscall),          \
        ALLOW(SYS_close), /* the record */                                                         \
        ALLOW(SYS_pwrite64), ALLOW(SYS_fdatasync), ALLOW(SYS_ftruncate), /* messages, clock */     \
        ALLOW(SYS_write), ALLOW(SYS_clock_gettime),                      /* memory, the end */     \
        ALLOW(SYS_brk), ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_mprotect),                   \
        ALLOW(SYS_futex), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_exit), ALLOW(SYS_exit_group)

bool sandbox_enter(bool has_token)
{
    static struct sock_filter plain[] = {BEGIN, SERVING_CALLS, ANSWER(SECCOMP_RET_KILL_PROCESS)};
    // SoftHSM looks at its token's files before each signature, to see changes of other processes,
    // under a lock; and OpenSSL takes randomness for the signature's secret number.
    static struct sock_filter token[] = {
        BEGIN,
        SERVING_CALLS,
        ALLOW_WITHOUT(SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
        ALLOW(SYS_read),
        ALLOW(SYS_newfstatat),
        ALLOW(SYS_fcntl),
        ALLOW(SYS_getrandom),
        ALLOW(SYS_getpid),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
    };
    return has_token ? filter_set(token, sizeof token / sizeof *token)
                     : filter_set(plain, sizeof plain / sizeof *plain);
}

bool sandbox_is_enforced(void)
{
    return true;
}

#endif

bool sandbox_prepare(const int *keep, size_t keep_n, const char **what)
{
    struct rlimit none = {0, 0};
    *what = "closing other descriptors";
    if (!close_but(keep, keep_n))
        return false;
    *what = "clearing the environment";
    if (clearenv() != 0)
        return false;
    *what = "forbidding core dumps";
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return false;
    *what = "giving up new privileges";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    *what = "giving up child processes";
    return children_forbid();
}

bool sandbox_lock_memory(const char **what)
{
    *what = "mlockall";
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
