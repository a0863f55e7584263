// secret.h and private_file.h: what memory and files promise.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keystore/private_file.h"
#include "keystore/secret.h"

static char folder[] = "/tmp/kustodia-secret-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *file_of(const char *name, const void *data, size_t n, mode_t mode)
{
    const char *path = path_of(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

// How a child ends that runs `act` on the secret: its exit status, or 1000 + the signal that killed
// it.
static int child_outcome(struct secret *secret, int (*act)(struct secret *))
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); // cmocka's handler would report the child as a failed test
        _exit(act(secret));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int act_count_nonzero(struct secret *secret)
{
    int n = 0;
    for (size_t i = 0; i < secret->n; i++)
        n += secret->data[i] != 0;
    return n;
}

static int act_write(struct secret *secret)
{
    *(volatile uint8_t *)secret->data = 1;
    return 0;
}

static int act_read_before(struct secret *secret)
{
    return *(volatile uint8_t *)(secret->data - 1);
}

static int act_read_behind(struct secret *secret)
{
    return *(volatile uint8_t *)(secret->data + sysconf(_SC_PAGESIZE));
}

static void test_is_empty_in_a_fork(void **state)
{
    (void)state;
    struct secret secret;
    assert_true(secret_new(&secret, 32));
    memset(secret.data, 0xaa, 32);
    assert_int_equal(act_count_nonzero(&secret), 32);
    assert_int_equal(child_outcome(&secret, act_count_nonzero), 0);
    secret_free(&secret);
    assert_null(secret.data);
}

static void test_stray_access_crashes(void **state)
{
    (void)state;
    struct secret secret;
    assert_true(secret_new(&secret, 32));
    assert_int_equal(child_outcome(&secret, act_write), 0);
    assert_true(secret_seal(&secret));
    assert_int_equal(child_outcome(&secret, act_write), 1000 + SIGSEGV);
    assert_int_equal(child_outcome(&secret, act_read_before), 1000 + SIGSEGV);
    assert_int_equal(child_outcome(&secret, act_read_behind), 1000 + SIGSEGV);
    secret_free(&secret);
}

// Reads this process's map: the page is locked and stays out of dumps.
static void test_is_locked_and_not_dumped(void **state)
{
    (void)state;
    struct secret secret;
    char line[512];
    bool mine = false, seen = false;
    assert_true(secret_new(&secret, 32));
    FILE *map = fopen("/proc/self/smaps", "r");
    assert_non_null(map);
    while (fgets(line, sizeof line, map)) {
        char *end;
        unsigned long first = strtoul(line, &end, 16);
        if (*end == '-')
            mine = first == (unsigned long)(uintptr_t)secret.data;
        if (!mine || strncmp(line, "VmFlags:", 8) != 0)
            continue;
        seen = true;
#ifndef __SANITIZE_ADDRESS__ // which turns mlock into nothing
        assert_non_null(strstr(line, " lo"));
#endif
        assert_non_null(strstr(line, " dd"));
        assert_non_null(strstr(line, " wf"));
    }
    fclose(map);
    secret_free(&secret);
    if (!seen)
        skip(); // valgrind shows another map
}

static void test_size_limits(void **state)
{
    (void)state;
    struct secret secret;
    assert_false(secret_new(&secret, 0));
    assert_false(secret_new(&secret, SECRET_MAX_BYTES + 1));
    assert_true(secret_new(&secret, SECRET_MAX_BYTES));
    secret_free(&secret);
    secret_free(&secret); // an empty one is fine
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(secret_equal("abc", "abc", 3));
    assert_false(secret_equal("abc", "abd", 3));
}

static void test_file_permissions(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0644, 0610};
    struct secret text;
    struct file_error error;
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_false(private_file_read(file_of("open", "x", 1, open_modes[i]), &text, &error));
        assert_int_equal(error.fault, FILE_FAULT_PERMISSIONS);
        assert_non_null(strstr(error.text, "chmod 600"));
    }
    assert_true(private_file_read(file_of("shut", "key", 3, 0600), &text, &error));
    assert_int_equal(text.n, 3);
    assert_memory_equal(text.data, "key", 3);
    secret_free(&text);
    assert_true(private_file_read(file_of("readonly", "k", 1, 0400), &text, &error));
    secret_free(&text);
}

static void test_file_faults(void **state)
{
    (void)state;
    struct secret text;
    struct file_error error;
    char big[SECRET_MAX_BYTES + 1];
    memset(big, 'x', sizeof big);
    assert_false(private_file_read(path_of("absent"), &text, &error));
    assert_int_equal(error.fault, FILE_FAULT_ABSENT);
    assert_false(private_file_read(file_of("empty", "", 0, 0600), &text, &error));
    assert_int_equal(error.fault, FILE_FAULT_SIZE);
    assert_false(private_file_read(file_of("big", big, sizeof big, 0600), &text, &error));
    assert_int_equal(error.fault, FILE_FAULT_SIZE);
    assert_true(private_file_read(file_of("fits", big, sizeof big - 1, 0600), &text, &error));
    secret_free(&text);
    assert_false(private_file_read(folder, &text, &error));
    assert_int_equal(error.fault, FILE_FAULT_SYSTEM);
}

static void test_password_file(void **state)
{
    (void)state;
    struct secret password;
    struct file_error error;
    static const char *const good[] = {"p w", "p w\n", "p w\r\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *path = file_of("pw", good[i], strlen(good[i]), 0600);
        assert_true(private_file_password(path, &password, &error));
        assert_int_equal(password.n, 3);
        assert_memory_equal(password.data, "p w", 3);
        secret_free(&password);
    }
    assert_false(private_file_password(file_of("pw", "\n", 1, 0600), &password, &error));
    assert_false(private_file_password(file_of("pw", "a\nb\n", 4, 0600), &password, &error));
    assert_int_equal(error.fault, FILE_FAULT_SIZE);
    assert_false(private_file_password(file_of("pw", "a\0b", 3, 0600), &password, &error));
}

static void test_create_and_replace(void **state)
{
    (void)state;
    struct secret text;
    struct file_error error;
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/made", folder);
    assert_true(private_file_create(path, "one", 3, &error));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(private_file_create(path, "two", 3, &error));
    assert_int_equal(error.fault, FILE_FAULT_EXISTS);
    assert_true(private_file_read(path, &text, &error));
    assert_memory_equal(text.data, "one", 3);
    secret_free(&text);

    file_of("made.new", "left behind by a crash", 22, 0600);
    assert_true(private_file_replace(path, "three", 5, &error));
    assert_true(private_file_read(path, &text, &error));
    assert_int_equal(text.n, 5);
    assert_memory_equal(text.data, "three", 5);
    secret_free(&text);
    assert_int_equal(access(path_of("made.new"), F_OK), -1);
}

static int folder_remove(void **state)
{
    (void)state;
    static const char *const names[] = {"open", "shut", "readonly", "empty", "big",
                                        "fits", "pw",   "made"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_empty_in_a_fork), cmocka_unit_test(test_stray_access_crashes),
        cmocka_unit_test(test_is_locked_and_not_dumped), cmocka_unit_test(test_size_limits),
        cmocka_unit_test(test_equal), cmocka_unit_test(test_file_permissions),
        cmocka_unit_test(test_file_faults), cmocka_unit_test(test_password_file),
        cmocka_unit_test(test_create_and_replace),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
