/*
 * What the door says of a script whose COMMIT was lost must be true. The COMMIT is made slow by a deferred
 * trigger, so that it can be lost for certain: on the server's side, on ours, and by kill -9 of the whole
 * server under load.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "relayer/store/db_inside.h"
#include "tests/unit/store/store_fixture.h"

enum { ROUNDS = 5, SCRIPTS = 400 };

static struct fixture *F;

static int setup(void **state)
{
    (void)state;
    F = fixture_open("db_crash_test", 8);
    fixture_exec(
        F->conninfo,
        "CREATE TABLE relayer.thing (id integer);" /* no key: a second execution would show */
        "CREATE TABLE relayer.slow (id integer);"
        "CREATE FUNCTION relayer.sleep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON relayer.slow"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION relayer.sleep()");
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

static void insert(struct db_script *script, const char *sql, int id)
{
    db_i64(db_add(script, sql, 1), id);
}

/* Runs the loop until a connection waits for the answer to its COMMIT. */
static struct db_conn *wait_for_commit(void)
{
    for (;;) {
        for (unsigned i = 0; i < F->db->pool; i++) {
            if (F->db->conn[i].state == CONN_COMMIT)
                return &F->db->conn[i];
        }
        uv_run(&F->loop, UV_RUN_ONCE);
    }
}

static void start_slow(struct ended *e, int id)
{
    assert_true(fixture_sql(F, "DELETE FROM slow").ok);
    struct db_script *script = db_script_new();
    insert(script, "INSERT INTO slow (id) VALUES ($1)", id);
    fixture_start(F, script, false, e);
}

/* Our side of the connection dies; the server, asleep inside COMMIT, finishes it: the door must find out. */
static void test_lost_answer_of_a_commit_that_happened(void **state)
{
    (void)state;
    struct ended e;
    start_slow(&e, 1);
    struct db_conn *conn = wait_for_commit();
    assert_int_equal(shutdown(PQsocket(conn->pg), SHUT_RDWR), 0);
    fixture_wait(F, &e, 1);
    assert_true(e.ok);
    assert_int_equal(e.rows, 1); /* the results were read before COMMIT and are still there */
    assert_int_equal(count_of("SELECT count(*) FROM slow"), 1);
}

/* The server's side dies inside COMMIT, so it did not happen: the script is run again, once. */
static void test_commit_that_did_not_happen(void **state)
{
    (void)state;
    struct ended e;
    start_slow(&e, 2);
    int pid = PQbackendPID(wait_for_commit()->pg);
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", pid);
    fixture_exec(F->conninfo, sql);
    fixture_wait(F, &e, 1);
    assert_true(e.ok);
    assert_int_equal(count_of("SELECT count(*) FROM slow"), 1);
}

/* The record of the session is gone (a restored backup): the door must not guess. */
static void test_no_record_is_unknown(void **state)
{
    (void)state;
    struct ended e;
    start_slow(&e, 3);
    struct db_conn *conn = wait_for_commit();
    char id[UUID_TEXT_MAX], sql[128];
    uuid_format(&conn->session, id);
    assert_int_equal(shutdown(PQsocket(conn->pg), SHUT_RDWR), 0);
    snprintf(sql, sizeof sql, "DELETE FROM relayer.db_session WHERE id = '%s'", id);
    fixture_exec(F->conninfo, sql); /* waits for the COMMIT, and comes before the door's question */
    fixture_wait(F, &e, 1);
    assert_false(e.ok);
    assert_int_equal(e.err.code, ERR_DB_UNKNOWN);
    assert_int_equal(e.err.outcome, OUTCOME_UNKNOWN);
}

static void server_kill(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/postmaster.pid", getenv("KUSTODIA_PG_DATA"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[32];
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_int_equal(kill((pid_t)strtol(line, NULL, 10), SIGKILL), 0);
}

/* Backends outlive a killed postmaster for a moment, and a new one waits for them to be gone. */
static void server_start(void)
{
    char command[600];
    snprintf(command, sizeof command, "%s 2>/dev/null", getenv("KUSTODIA_PG_START"));
    for (int i = 0; i < 50; i++) {
        if (system(command) == 0)
            return;
        uv_sleep(200);
    }
    fail_msg("the server did not start again");
}

static size_t ended_count(const struct ended *e)
{
    size_t n = 0;
    for (size_t i = 0; i < SCRIPTS; i++)
        n += e[i].calls > 0;
    return n;
}

/* kill -9 of the postmaster with scripts in every stage: each script that says it happened happened once,
 * each that says it did not did not, and none says nothing. */
static void test_server_killed_under_load(void **state)
{
    (void)state;
    static struct ended e[SCRIPTS];
    size_t unknown = 0;
    for (int round = 0; round < ROUNDS; round++) {
        assert_true(fixture_sql(F, "DELETE FROM thing").ok);
        for (int i = 0; i < SCRIPTS; i++) {
            struct db_script *script = db_script_new();
            insert(script, "INSERT INTO thing (id) VALUES ($1)", i);
            fixture_start(F, script, false, &e[i]);
        }
        while (ended_count(e) < (size_t)(SCRIPTS / 8 * (round + 1)))
            uv_run(&F->loop, UV_RUN_ONCE);
        server_kill();
        server_start();
        fixture_wait(F, e, SCRIPTS);
        for (int i = 0; i < SCRIPTS; i++) {
            char sql[64];
            snprintf(sql, sizeof sql, "SELECT count(*) FROM thing WHERE id = %d", i);
            int64_t rows = count_of(sql);
            assert_int_equal(e[i].calls, 1);
            if (e[i].ok)
                assert_int_equal(rows, 1);
            else if (e[i].err.outcome == OUTCOME_NOT_HAPPENED)
                assert_int_equal(rows, 0);
            else
                unknown++;
        }
    }
    assert_int_equal(unknown, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_answer_of_a_commit_that_happened),
        cmocka_unit_test(test_commit_that_did_not_happen),
        cmocka_unit_test(test_no_record_is_unknown),
        cmocka_unit_test(test_server_killed_under_load),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
