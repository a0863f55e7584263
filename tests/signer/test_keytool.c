// relayer-keytool as a person uses it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"

static struct process_result result;

// Key and address of the "cow" row of ethereum/tests, BasicTests/keyaddrtest.json.
static const char cow_key[] = "c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4";
static const char cow_address[] = "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\n";

static int run(const char *input, const char *const *args)
{
    const char *argv[16] = {KEYTOOL_PROGRAM};
    for (int i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    process_run(argv, input, &result);
    return result.status;
}

#define RUN(input, ...) run(input, (const char *const[]){__VA_ARGS__, NULL})

static int enter(void **state)
{
    (void)state;
    process_folder_enter();
    file_write("pw", "correct horse\n", 0600);
    file_write("pw2", "battery staple", 0600);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    process_folder_leave();
    return 0;
}

static void test_new(void **state)
{
    (void)state;
    struct stat st;
    char first[64];
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--password-file", "pw", "--light"), 0);
    assert_int_equal(strlen(result.out), 43);
    assert_string_equal(result.err, "");
    memcpy(first, result.out, 44);
    assert_int_equal(stat("a", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(RUN(NULL, "address", "--key", "a"), 0);
    assert_string_equal(result.out, first);
    assert_int_equal(RUN(NULL, "address", "--key", "a", "--password-file", "pw"), 0);
    assert_string_equal(result.out, first);
    assert_int_equal(RUN(NULL, "address", "--key", "a", "--password-file", "pw2"), 5);
    assert_string_equal(result.out, "");
    assert_non_null(strstr(result.err, "password does not open"));
    // Never overwritten.
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--password-file", "pw", "--light"), 4);
    assert_non_null(strstr(result.err, "exists already"));
    assert_int_equal(RUN(NULL, "address", "--key", "a"), 0);
    assert_string_equal(result.out, first);
    assert_int_equal(RUN(NULL, "new", "--out", "b", "--password-file", "pw",
            "--light"), 0);
    assert_string_not_equal(result.out, first);
}

static void test_import(void **state)
{
    (void)state;
    char text[128] = "0x";
    memcpy(text + 2, cow_key, sizeof cow_key);
    assert_int_equal(RUN(cow_key, "import", "--out", "a", "--password-file", "pw", "--light"), 0);
    assert_string_equal(result.out, cow_address);
    file_write("hex", text, 0600);
    assert_int_equal(
        RUN(NULL, "import", "--key-file", "hex", "--out", "b", "--password-file", "pw",
            "--light"), 0);
    assert_string_equal(result.out, cow_address);
    assert_int_equal(RUN(NULL, "address", "--key", "b", "--password-file", "pw"), 0);
    assert_string_equal(result.out, cow_address);

    static const char *const bad[] = {
        "", "\n", "hello", "c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aa",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(RUN(bad[i], "import", "--out", "c", "--password-file", "pw",
                             "--light"), 4);
        assert_int_not_equal(access("c", F_OK), 0);
    }
    file_write("hex", text, 0644);
    assert_int_equal(
        RUN(NULL, "import", "--key-file", "hex", "--out", "c", "--password-file", "pw",
            "--light"), 4);
    assert_non_null(strstr(result.err, "chmod 600"));
}

static void test_passwd(void **state)
{
    (void)state;
    char before[4096], after[4096];
    assert_int_equal(RUN(cow_key, "import", "--out", "a", "--password-file", "pw", "--light"), 0);
    file_read("a", before);
    assert_int_equal(RUN(NULL, "passwd", "--key", "a", "--password-file", "pw2",
                         "--new-password-file", "pw", "--light"), 5);
    file_write("short", "seven77\n", 0600);
    assert_int_equal(RUN(NULL, "passwd", "--key", "a", "--password-file", "pw",
                         "--new-password-file", "short", "--light"), 5);
    assert_non_null(strstr(result.err, "at least 8"));
    file_read("a", after);
    assert_string_equal(before, after); // nothing changed so far
    assert_int_equal(RUN(NULL, "passwd", "--key", "a", "--password-file", "pw",
                         "--new-password-file", "pw2", "--light"), 0);
    assert_string_equal(result.out, cow_address);
    assert_int_equal(RUN(NULL, "address", "--key", "a", "--password-file", "pw"), 5);
    assert_int_equal(RUN(NULL, "address", "--key", "a", "--password-file", "pw2"), 0);
    assert_string_equal(result.out, cow_address);
}

static void test_usage(void **state)
{
    (void)state;
    assert_int_equal(RUN(NULL, "--help"), 0);
    assert_non_null(strstr(result.out, "relayer-keytool import"));
    assert_int_equal(RUN(NULL, "frobnicate"), 2);
    assert_non_null(strstr(result.err, "usage:"));
    assert_int_equal(RUN(NULL, "new"), 2);
    assert_int_equal(RUN(NULL, "new", "--out"), 2);
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--out", "b"), 2);
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--password", "secret"), 2);
    assert_int_equal(RUN(NULL, "address", "--key", "a", "--light"), 2);
}

static void test_faults(void **state)
{
    (void)state;
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--light"), 4); // no terminal, no file
    assert_non_null(strstr(result.err, "password file"));
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--password-file", "absent", "--light"), 4);
    file_write("open", "correct horse", 0644);
    assert_int_equal(RUN(NULL, "new", "--out", "a", "--password-file", "open", "--light"), 4);
    assert_int_equal(RUN(NULL, "new", "--out", "no/such/a", "--password-file", "pw", "--light"), 4);
    assert_int_equal(RUN(NULL, "address", "--key", "absent"), 4);
    file_write("text", "hello", 0600);
    assert_int_equal(RUN(NULL, "address", "--key", "text"), 4);
    assert_non_null(strstr(result.err, "not a key file"));
    assert_int_not_equal(access("a", F_OK), 0);
}

#define TOOL_TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOOL_TEST(test_new), TOOL_TEST(test_import), TOOL_TEST(test_passwd), TOOL_TEST(test_usage),
        TOOL_TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
