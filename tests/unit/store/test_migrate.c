/* Migrations: applied once, refused when edited, newer, cut or failing; nothing half done. */
#include <stdio.h>
#include <string.h>

#include "relayer/store/migrate.h"
#include "tests/unit/store/store_fixture.h"

#define SUM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SUM_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct migrate_file FILES[] = {
    {1, "0001_one.sql", "CREATE TABLE one (id integer); INSERT INTO one VALUES (1)", SUM_A},
    {2, "0002_two.sql", "CREATE TABLE two (id integer)", SUM_B},
    {3, "0003_bad.sql", "CREATE TABLE three (id integer); SELECT 1 / 0", SUM_A},
};

static char CONN[FIXTURE_TEXT_MAX];

static int fresh(void **state)
{
    (void)state;
    fixture_database("migrate_test", CONN);
    return 0;
}

static void expect_refused(const struct migrate_file *files, size_t n, const char *words)
{
    struct err err = {0};
    int applied;
    assert_false(migrate_apply_files(CONN, files, n, &applied, &err));
    assert_int_equal(err.code, ERR_DB_SCHEMA);
    if (strstr(err.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
}

static void expect_applied(const struct migrate_file *files, size_t n, int expected)
{
    struct err err = {0};
    int applied = -1;
    if (!migrate_apply_files(CONN, files, n, &applied, &err))
        fail_msg("%s", err.message);
    assert_int_equal(applied, expected);
}

static void test_ours(void **state)
{
    (void)state;
    struct err err = {0};
    int applied = -1;
    if (!migrate_apply(CONN, &applied, &err))
        fail_msg("%s", err.message);
    assert_int_equal(applied, (int)migrate_files_n);
    assert_true(migrate_files_n >= 3);
    assert_true(migrate_apply(CONN, &applied, &err));
    assert_int_equal(applied, 0);
    fixture_exec(CONN, "SELECT * FROM kustodia.payment, relayer.ledger_check()");
}

static void test_one_by_one(void **state)
{
    (void)state;
    expect_applied(FILES, 1, 1);
    expect_applied(FILES, 2, 1);
    expect_applied(FILES, 2, 0);
    fixture_exec(CONN, "SELECT 1 / count(*) FROM relayer.one, relayer.migration");
}

static void test_edited(void **state)
{
    (void)state;
    expect_applied(FILES, 2, 2);
    struct migrate_file edited[2] = {FILES[0], FILES[1]};
    edited[0].sha256 = SUM_B;
    expect_refused(edited, 2, "0001_one.sql was applied with other content");
}

static void test_newer(void **state)
{
    (void)state;
    expect_applied(FILES, 2, 2);
    expect_refused(FILES, 1, "older than the schema");
}

static void test_gap(void **state)
{
    (void)state;
    expect_applied(FILES, 2, 2);
    fixture_exec(CONN, "DELETE FROM relayer.migration WHERE version = 1");
    expect_refused(FILES, 2, "lacks migration 1");
}

static void test_failing_leaves_nothing(void **state)
{
    (void)state;
    expect_refused(FILES, 3, "0003_bad.sql: division by zero");
    /* The two before it stay, of the failing one nothing. */
    expect_applied(FILES, 2, 0);
    fixture_exec(CONN, "CREATE TABLE relayer.three (id integer)");
}

static void test_no_server(void **state)
{
    (void)state;
    struct err err = {0};
    int applied;
    assert_false(
        migrate_apply_files("host=/nonexistent-folder dbname=x", FILES, 1, &applied, &err));
    assert_int_equal(err.code, ERR_DB_AWAY);
    assert_int_equal(err.outcome, OUTCOME_NOT_HAPPENED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ours, fresh),
        cmocka_unit_test_setup(test_one_by_one, fresh),
        cmocka_unit_test_setup(test_edited, fresh),
        cmocka_unit_test_setup(test_newer, fresh),
        cmocka_unit_test_setup(test_gap, fresh),
        cmocka_unit_test_setup(test_failing_leaves_nothing, fresh),
        cmocka_unit_test_setup(test_no_server, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
