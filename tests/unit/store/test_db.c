/* The database door on a real PostgreSQL: scripts, row counts, errors, types, repeats, lost connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store/store_fixture.h"

static struct fixture *F;

static int setup(void **state)
{
    (void)state;
    F = fixture_open("db_test", 4);
    fixture_exec(F->conninfo,
                 "CREATE TABLE relayer.thing (id integer PRIMARY KEY, word text UNIQUE,"
                 " n bigint NOT NULL DEFAULT 0 CHECK (n < 1000),"
                 " partner integer REFERENCES relayer.thing)");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(F);
    return 0;
}

static int64_t count_of(const char *sql)
{
    struct ended e = fixture_sql(F, sql);
    assert_true(e.ok);
    return strtoll(e.first, NULL, 10);
}

static void clean(void)
{
    assert_true(fixture_sql(F, "DELETE FROM thing").ok);
}

static void insert(struct db_script *script, int id, const char *word)
{
    struct db_stmt *s = db_add(script, "INSERT INTO thing (id, word) VALUES ($1, $2)", 1);
    db_i64(s, id);
    db_text(s, word);
}

static void test_commit_all(void **state)
{
    (void)state;
    clean();
    struct db_script *script = db_script_new();
    insert(script, 1, "one");
    insert(script, 2, "two");
    db_add(script, "SELECT count(*) FROM thing", 1);
    struct ended e = fixture_run(F, script);
    assert_true(e.ok);
    assert_string_equal(e.first, "2");
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 2);
}

static void test_wrong_row_count_rolls_back(void **state)
{
    (void)state;
    clean();
    static const int DEMANDS[] = {1, DB_AT_LEAST_ONE};
    for (size_t i = 0; i < 2; i++) {
        struct db_script *script = db_script_new();
        insert(script, 1, "one");
        db_add(script, "UPDATE thing SET n = 1 WHERE id = 99", DEMANDS[i]);
        struct ended e = fixture_run(F, script);
        assert_false(e.ok);
        assert_int_equal(e.err.code, ERR_DB_CONFLICT);
        assert_int_equal(e.err.outcome, OUTCOME_NOT_HAPPENED);
        assert_int_equal(e.failed_stmt, 1);
        assert_int_equal(count_of("SELECT count(*) FROM thing"), 0);
    }
}

static void test_unique_names_constraint(void **state)
{
    (void)state;
    clean();
    struct db_script *script = db_script_new();
    insert(script, 1, "same");
    insert(script, 2, "same");
    insert(script, 3, "other");
    struct ended e = fixture_run(F, script);
    assert_int_equal(e.err.code, ERR_DB_CONFLICT);
    assert_string_equal(e.sqlstate, "23505");
    assert_string_equal(e.constraint, "thing_word_key");
    assert_int_equal(e.failed_stmt, 1);
    assert_null(strstr(e.err.message, "same")); /* no values of rows in messages */
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 0);
}

static void test_rules_and_failures(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *sqlstate;
        enum err_code code;
    } CASES[] = {
        {"INSERT INTO thing (id, n) VALUES (1, 1000)", "23514", ERR_DB_RULE},
        {"INSERT INTO thing (id, partner) VALUES (1, 77)", "23503", ERR_DB_RULE},
        {"INSERT INTO thing (id) VALUES (NULL)", "23502", ERR_DB_RULE},
        {"UPDATE txn SET reason = 'other'", "KU001", ERR_DB_RULE},
        {"SELECT * FROM no_such_table", "42P01", ERR_DB_FAILED},
        {"SELECT 1 / 0", "22012", ERR_DB_FAILED},
        {"no sql at all", "42601", ERR_DB_FAILED},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct ended e = fixture_sql(F, CASES[i].sql);
        assert_false(e.ok);
        assert_string_equal(e.sqlstate, CASES[i].sqlstate);
        assert_int_equal(e.err.code, CASES[i].code);
        assert_int_equal(e.err.outcome, OUTCOME_NOT_HAPPENED);
    }
    /* The connections are usable afterwards. */
    assert_int_equal(count_of("SELECT 7"), 7);
}

static void check_types(void *ctx, const struct err *err, struct db_result *res)
{
    int *calls = ctx;
    assert_null(err);
    struct uuid id = {{0}};
    uint8_t bytes[4], empty[1];
    size_t n = 9;
    assert_int_equal(db_get_i64(res, 0, 0, 0), INT64_MIN);
    assert_string_equal(db_get(res, 0, 0, 1), "quote ' backslash \\ \xc3\xb1");
    assert_true(db_get_bool(res, 0, 0, 2));
    assert_true(db_get_uuid(res, 0, 0, 3, &id));
    assert_int_equal(id.b[15], 0x2a);
    assert_true(db_get_bytes(res, 0, 0, 4, bytes, sizeof bytes));
    assert_memory_equal(bytes, "\x00\xff\x10\x5c", 4);
    assert_true(db_get_blob(res, 0, 0, 5, empty, sizeof empty, &n));
    assert_int_equal(n, 0);
    assert_null(db_get(res, 0, 0, 6));
    assert_false(db_get_uuid(res, 0, 0, 6, &id));
    assert_false(db_get_bool(res, 0, 0, 6));
    assert_int_equal(db_get_i64_or(res, 0, 0, 6, -5), -5);
    ++*calls;
}

static void test_types(void **state)
{
    (void)state;
    struct db_script *script = db_script_new();
    struct db_stmt *s = db_add(script,
                               "SELECT $1::bigint, $2::text, $3::boolean, $4::uuid, $5::bytea,"
                               " $6::bytea, $7::text",
                               1);
    struct uuid id = {.b = {[6] = 0x70, [8] = 0x80, [15] = 0x2a}};
    db_i64(s, INT64_MIN);
    db_text(s, "quote ' backslash \\ \xc3\xb1");
    db_bool(s, true);
    db_uuid(s, &id);
    db_bytes(s, "\x00\xff\x10\x5c", 4);
    db_bytes(s, "", 0);
    db_null(s);
    int calls = 0;
    db_query(F->db, script, check_types, &calls);
    while (calls == 0)
        uv_run(&F->loop, UV_RUN_ONCE);
}

static void test_query_refuses_writes(void **state)
{
    (void)state;
    clean();
    struct db_script *script = db_script_new();
    insert(script, 1, "one");
    struct ended e = fixture_query(F, script);
    assert_string_equal(e.sqlstate, "25006");
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 0);
}

/* The two reads of one query must not see a commit between them. */
static void test_query_is_one_snapshot(void **state)
{
    (void)state;
    clean();
    struct db_script *script = db_script_new();
    db_add(script, "SELECT count(*) FROM thing", 1);
    db_add(script, "SELECT pg_sleep(0.3)", 1);
    db_add(script, "SELECT count(*) FROM thing", 1);
    struct ended e[2];
    fixture_start(F, script, true, &e[0]);
    script = db_script_new();
    insert(script, 5, "between");
    fixture_start(F, script, false, &e[1]);
    fixture_wait(F, e, 2);
    assert_true(e[0].ok && e[1].ok);
    assert_string_equal(e[0].first, "0");
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 1);
}

static void test_empty_script(void **state)
{
    (void)state;
    assert_true(fixture_run(F, db_script_new()).ok);
}

static void test_large_pipeline(void **state)
{
    (void)state;
    clean();
    enum { ROWS = 3000 };
    char word[400];
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    struct db_script *script = db_script_new();
    for (int i = 0; i < ROWS; i++) {
        snprintf(word, 16, "%014d", i);
        word[14] = 'w';
        struct db_stmt *s =
            db_add(script, "INSERT INTO thing (id, word) VALUES ($1, $2) RETURNING word", 1);
        db_i64(s, i);
        db_text(s, word);
    }
    struct ended e = fixture_run(F, script);
    assert_true(e.ok);
    assert_int_equal(count_of("SELECT count(*) FROM thing"), ROWS);
}

/* Many different texts: beyond the cache of prepared statements they still run. */
static void test_many_statements(void **state)
{
    (void)state;
    static char sql[700][32];
    for (int i = 0; i < 700; i++) {
        snprintf(sql[i], sizeof sql[i], "SELECT %d", i);
        assert_int_equal(count_of(sql[i]), i);
    }
}

static void test_bad_statement_is_not_kept_prepared(void **state)
{
    (void)state;
    static const char LATER[] = "SELECT n FROM comes_later";
    assert_string_equal(fixture_sql(F, LATER).sqlstate, "42P01");
    fixture_exec(F->conninfo, "CREATE TABLE relayer.comes_later AS SELECT 11 AS n");
    for (int i = 0; i < 8; i++)
        assert_int_equal(count_of(LATER), 11);
}

/* Two scripts that lock two rows in opposite order: PostgreSQL ends one, the door repeats it. */
static void test_deadlock_is_repeated(void **state)
{
    (void)state;
    clean();
    assert_true(fixture_sql(F, "INSERT INTO thing (id) VALUES (1), (2)").ok);
    struct ended e[2];
    for (int i = 0; i < 2; i++) {
        struct db_script *script = db_script_new();
        for (int k = 0; k < 2; k++) {
            struct db_stmt *s = db_add(script, "UPDATE thing SET n = n + 1 WHERE id = $1", 1);
            db_i64(s, i == k ? 1 : 2);
            if (k == 0)
                db_add(script, "SELECT pg_sleep(0.2)", 1);
        }
        fixture_start(F, script, false, &e[i]);
    }
    fixture_wait(F, e, 2);
    assert_true(e[0].ok && e[1].ok);
    assert_int_equal(count_of("SELECT sum(n) FROM thing"), 4);
}

static void test_queue_has_a_maximum(void **state)
{
    (void)state;
    static struct ended e[DB_QUEUE_MAX + 40];
    size_t n = sizeof e / sizeof e[0], busy = 0;
    for (size_t i = 0; i < n; i++) {
        struct db_script *script = db_script_new();
        db_add(script, "SELECT 1", 1);
        fixture_start(F, script, true, &e[i]);
    }
    fixture_wait(F, e, n);
    for (size_t i = 0; i < n; i++) {
        busy += !e[i].ok;
        if (!e[i].ok)
            assert_int_equal(e[i].err.code, ERR_BUSY);
        assert_int_equal(e[i].calls, 1);
    }
    assert_in_range(busy, 1, 40);
}

/* A connection lost before COMMIT: nothing happened, the script is sent again and happens once. */
static void test_lost_connection_is_repeated(void **state)
{
    (void)state;
    clean();
    static const char KILL[] =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.4)%'"
        " AND pid <> pg_backend_pid() AND datname = current_database()";
    struct db_script *script = db_script_new();
    insert(script, 1, "one");
    db_add(script, "SELECT pg_sleep(0.4)", 1);
    struct ended e;
    fixture_start(F, script, false, &e);
    int64_t killed = 0;
    for (int i = 0; i < 50 && killed == 0; i++)
        killed = fixture_sql(F, KILL).rows;
    assert_int_equal(killed, 1);
    fixture_wait(F, &e, 1);
    assert_true(e.ok);
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 1);
}

/* A statement that always kills its connection is given up, as surely not happened. */
static void test_deadly_script_is_given_up(void **state)
{
    (void)state;
    clean();
    struct db_script *script = db_script_new();
    insert(script, 1, "one");
    db_add(script, "SELECT pg_terminate_backend(pg_backend_pid())", 1);
    struct ended e = fixture_run(F, script);
    assert_int_equal(e.err.code, ERR_DB_AWAY);
    assert_int_equal(e.err.outcome, OUTCOME_NOT_HAPPENED);
    assert_int_equal(count_of("SELECT count(*) FROM thing"), 0);
}

static void test_no_server(void **state)
{
    (void)state;
    struct fixture f = {0};
    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.db = db_new(&f.loop, "host=/nonexistent-folder user=nobody password=hush dbname=none", 2);
    assert_false(db_ready(f.db));
    struct db_script *script = db_script_new();
    db_add(script, "SELECT 1", 1);
    struct ended e;
    fixture_start(&f, script, false, &e);
    uv_run(&f.loop, UV_RUN_ONCE);
    assert_string_not_equal(db_trouble(f.db), "");
    assert_null(strstr(db_trouble(f.db), "hush"));
    db_free(f.db); /* ends what waits */
    assert_int_equal(e.calls, 1);
    assert_int_equal(e.err.code, ERR_DB_AWAY);
    while (uv_run(&f.loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&f.loop), 0);
}

static void test_schema_missing(void **state)
{
    (void)state;
    struct fixture f = {0};
    fixture_database("db_test_empty", f.conninfo);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    f.db = db_new(&f.loop, f.conninfo, 1);
    for (int i = 0; i < 200 && db_trouble(f.db)[0] == '\0'; i++)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_non_null(strstr(db_trouble(f.db), "relayer.db_session"));
    assert_false(db_ready(f.db));
    db_free(f.db);
    while (uv_run(&f.loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&f.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit_all),
        cmocka_unit_test(test_wrong_row_count_rolls_back),
        cmocka_unit_test(test_unique_names_constraint),
        cmocka_unit_test(test_rules_and_failures),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_query_refuses_writes),
        cmocka_unit_test(test_query_is_one_snapshot),
        cmocka_unit_test(test_empty_script),
        cmocka_unit_test(test_large_pipeline),
        cmocka_unit_test(test_many_statements),
        cmocka_unit_test(test_bad_statement_is_not_kept_prepared),
        cmocka_unit_test(test_deadlock_is_repeated),
        cmocka_unit_test(test_queue_has_a_maximum),
        cmocka_unit_test(test_lost_connection_is_repeated),
        cmocka_unit_test(test_deadly_script_is_given_up),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_schema_missing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
