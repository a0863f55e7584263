/* Fault points: die at the N-th passing, and only there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/fault.h"
#include "tests/unit/base/child.h"

static void fault_list_has_every_name(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int listed = fault_list(out);
    (void)fclose(out);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n' ? 1 : 0;
    assert_int_equal(listed, lines);
#ifdef KUSTODIA_FAULTS
    assert_int_equal(listed, FAULTS);
    assert_non_null(strstr(text, "http_money_before_send\t"));
#else
    assert_int_equal(listed, 0);
#endif
    free(text);
}

#ifdef KUSTODIA_FAULTS

static const char *fault_setting;

static void fault_pass_three_times(void)
{
    (void)setenv("KUSTODIA_FAULT", fault_setting, 1);
    for (int i = 1; i <= 3; i++) {
        FAULT_POINT(http_money_before_send);
        (void)fprintf(stderr, "passed %d\n", i);
    }
}

/* Runs three passings with the setting; returns how many came through. */
static int fault_passed(const char *setting, int *status)
{
    char errors[256];
    fault_setting = setting;
    *status = child_run(fault_pass_three_times, errors, sizeof errors);
    const char *last = strrchr(errors, ' ');
    return last == NULL ? 0 : last[1] - '0';
}

static void fault_kills_at_the_named_passing(void **state)
{
    (void)state;
    int status;
    assert_int_equal(fault_passed("http_money_before_send", &status), 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(fault_passed("http_money_before_send:3", &status), 2);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(fault_passed("http_money_before_send:4", &status), 3);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(fault_passed("http_money_after_answer", &status), 3);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(fault_passed("", &status), 3);
}

static void fault_refuses_unknown_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"no_such_point", "http_money_before_send:0",
                                      "http_money_before_send:", "http_money_before_send:1x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fault_setting = bad[i];
        int status = child_run(fault_pass_three_times, NULL, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_list_has_every_name),
#ifdef KUSTODIA_FAULTS
        cmocka_unit_test(fault_kills_at_the_named_passing),
        cmocka_unit_test(fault_refuses_unknown_names),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
