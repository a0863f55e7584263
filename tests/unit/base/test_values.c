/* Errors, waits, ids, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "relayer/base/backoff.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/err.h"
#include "relayer/base/uuid.h"
#include "tests/unit/base/child.h"

static void err_takes_the_tables_outcome(void **state)
{
    (void)state;
    struct err e = {0};
    assert_false(err_fail(&e, ERR_NET_CUT, "line %d", 7));
    assert_int_equal(e.code, ERR_NET_CUT);
    assert_int_equal(e.outcome, OUTCOME_UNKNOWN);
    assert_string_equal(e.message, "line 7");
    assert_non_null(strstr(e.file, "test_values.c"));
    assert_true(e.line > 0);
    assert_false(err_fail(&e, ERR_NET_NOT_SENT, "again: %s", e.message));
    assert_string_equal(e.message, "again: line 7");
    assert_int_equal(e.outcome, OUTCOME_NOT_HAPPENED);
    assert_false(err_fail(NULL, ERR_PARAMS, "nobody listens"));
}

static void err_cuts_long_messages(void **state)
{
    (void)state;
    struct err e;
    char text[2 * ERR_MESSAGE_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_PARAMS, "%s", text);
    assert_int_equal(strlen(e.message), ERR_MESSAGE_MAX - 1);
}

/* The rules of the table: numbers and types are unique, positive ones three digits, hints there. */
static void err_table_is_consistent(void **state)
{
    (void)state;
    assert_string_equal(err_info(ERR_NONE)->type, "none");
    assert_string_equal(err_info((enum err_code)9999)->type, "none");
    for (int i = ERR_NONE + 1; i < ERR_CODES; i++) {
        const struct err_info *info = err_info((enum err_code)i);
        assert_true((info->rpc_number >= 101 && info->rpc_number <= 999) ||
                    (info->rpc_number >= -32768 && info->rpc_number <= -32000));
        assert_true(strlen(info->hint) > 5);
        assert_int_equal(strncmp(info->name, "ERR_", 4), 0);
        for (int j = ERR_NONE + 1; j < i; j++) {
            assert_int_not_equal(info->rpc_number, err_info((enum err_code)j)->rpc_number);
            assert_string_not_equal(info->type, err_info((enum err_code)j)->type);
        }
    }
    assert_int_equal(err_info(ERR_PARAMS)->rpc_number, -32602);
    assert_int_equal(err_info(ERR_KEY_REUSED)->rpc_number, 102);
}

static void outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(outcome_name(OUTCOME_HAPPENED), "happened");
    assert_string_equal(outcome_name(OUTCOME_NOT_HAPPENED), "not_happened");
    assert_string_equal(outcome_name(OUTCOME_UNKNOWN), "unknown");
    assert_string_equal(outcome_name(OUTCOME_REFUSED), "refused");
}

static void fail_a_check(void)
{
    CHECK(1 + 1 == 3);
}

static void check_aborts_and_says_where(void **state)
{
    (void)state;
    char errors[256];
    int status = child_run(fail_a_check, errors, sizeof errors);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(errors, "test_values.c:"));
    assert_non_null(strstr(errors, "1 + 1 == 3"));
}

static void backoff_doubles_within_bounds(void **state)
{
    (void)state;
    uint32_t undisturbed[] = {100, 200, 400, 800, 1000, 1000};
    for (unsigned attempt = 0; attempt < 6; attempt++) {
        for (uint64_t seed = 0; seed < 2000; seed++) {
            uint32_t wait = backoff_ms(attempt, 100, 1000, seed);
            assert_in_range(wait, undisturbed[attempt] / 2, undisturbed[attempt]);
        }
    }
    assert_int_equal(backoff_ms(3, 100, 1000, 42), backoff_ms(3, 100, 1000, 42));
    assert_in_range(backoff_ms(UINT32_MAX, 1, UINT32_MAX, 1), UINT32_MAX / 2, UINT32_MAX);
    assert_int_equal(backoff_ms(9, 1, 1, 5), 1);
}

static void backoff_spreads_waiters(void **state)
{
    (void)state;
    bool seen[1001] = {false};
    int different = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        uint32_t wait = backoff_ms(10, 100, 1000, seed);
        different += seen[wait] ? 0 : 1;
        seen[wait] = true;
    }
    assert_true(different > 200);
}

static void uuid_reads_and_writes(void **state)
{
    (void)state;
    struct uuid uuid;
    char text[UUID_TEXT_MAX];
    assert_true(uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", &uuid));
    uuid_format(&uuid, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_false(uuid_is_zero(&uuid));
    assert_true(uuid_parse("00000000-0000-0000-0000-000000000000", &uuid));
    assert_true(uuid_is_zero(&uuid));
}

static void uuid_refuses_other_forms(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e279b07cc398c4dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c-4dc0c0c07398f",
    };
    struct uuid uuid = {{9}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(uuid_parse(bad[i], &uuid));
    assert_false(uuid_parse(NULL, &uuid));
    assert_int_equal(uuid.b[0], 9);
}

/* RFC 9562, appendix A.6: the example of version 7 (2022-02-22 19:22:22 GMT-05:00). */
static void uuid_v7_is_the_rfcs(void **state)
{
    (void)state;
    const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    struct uuid uuid = uuid_new_v7(1645557742000, random);
    char text[UUID_TEXT_MAX];
    uuid_format(&uuid, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void uuid_new_differs_and_sorts(void **state)
{
    (void)state;
    int64_t before_ms = clock_wall_ms();
    struct uuid a = uuid_new();
    struct uuid b = uuid_new();
    assert_false(uuid_equal(&a, &b));
    int64_t born_ms = 0;
    for (int i = 0; i < 6; i++)
        born_ms = born_ms << 8 | a.b[i];
    assert_in_range(born_ms, before_ms, clock_wall_ms());
}

/* Expected: keccak256(sixteen bytes 0x11 || "fund") by an independent implementation (js-sha3). */
static void uuid_derive_is_stable(void **state)
{
    (void)state;
    struct uuid parent;
    memset(parent.b, 0x11, sizeof parent.b);
    struct uuid a = uuid_derive(&parent, "fund");
    struct uuid b = uuid_derive(&parent, "fund");
    struct uuid other = uuid_derive(&parent, "found");
    char text[UUID_TEXT_MAX];
    uuid_format(&a, text);
    assert_string_equal(text, "1971fd62-e552-8f4b-a191-3f3db9ab121a");
    assert_true(uuid_equal(&a, &b));
    assert_false(uuid_equal(&a, &other));
    assert_int_equal(a.b[6] >> 4, 8);
    assert_int_equal(a.b[8] >> 6, 2);
}

static void clock_writes_utc(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_MAX];
    clock_format_ms(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format_ms(1709210096789, text);
    assert_string_equal(text, "2024-02-29T12:34:56.789Z");
    clock_format_ms(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void clock_mono_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_mono_ms();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ms();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_takes_the_tables_outcome),
        cmocka_unit_test(err_cuts_long_messages),
        cmocka_unit_test(err_table_is_consistent),
        cmocka_unit_test(outcomes_have_names),
        cmocka_unit_test(check_aborts_and_says_where),
        cmocka_unit_test(backoff_doubles_within_bounds),
        cmocka_unit_test(backoff_spreads_waiters),
        cmocka_unit_test(uuid_reads_and_writes),
        cmocka_unit_test(uuid_refuses_other_forms),
        cmocka_unit_test(uuid_v7_is_the_rfcs),
        cmocka_unit_test(uuid_new_differs_and_sorts),
        cmocka_unit_test(uuid_derive_is_stable),
        cmocka_unit_test(clock_writes_utc),
        cmocka_unit_test(clock_mono_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
