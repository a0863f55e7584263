#include "tests/unit/store/store_fixture.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/store/migrate.h"

void fixture_exec(const char *conninfo, const char *sql)
{
    PGconn *pg = PQconnectdb(conninfo);
    if (PQstatus(pg) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(pg));
    PQclear(PQexec(pg, "SET client_min_messages = warning"));
    PGresult *r = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    PQclear(r);
    PQfinish(pg);
}

void fixture_database(const char *name, char conninfo[FIXTURE_TEXT_MAX])
{
    const char *host = getenv("PGHOST");
    if (host == NULL)
        fail_msg("PGHOST is not set: run this through tests/support/pg.sh run");
    char sql[128];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", name);
    fixture_exec("dbname=postgres", sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    fixture_exec("dbname=postgres", sql);
    snprintf(conninfo, FIXTURE_TEXT_MAX, "host=%s user=postgres dbname=%s", host, name);
}

struct fixture *fixture_open(const char *name, unsigned pool)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_database(name, f->conninfo);
    struct err err = {0};
    int applied;
    if (!migrate_apply(f->conninfo, &applied, &err))
        fail_msg("%s", err.message);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->db = db_new(&f->loop, f->conninfo, pool);
    return f;
}

void fixture_close(struct fixture *f)
{
    db_free(f->db);
    while (uv_run(&f->loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

static void on_ended(void *ctx, const struct err *err, struct db_result *res)
{
    struct ended *e = ctx;
    e->calls++;
    uv_stop(e->loop); /* or the loop would go on to wait for the next event */
    e->ok = err == NULL;
    assert_non_null(res);
    snprintf(e->sqlstate, sizeof e->sqlstate, "%s", db_sqlstate(res));
    snprintf(e->constraint, sizeof e->constraint, "%s", db_constraint(res));
    e->failed_stmt = db_failed_stmt(res);
    if (err != NULL) {
        e->err = *err;
        return;
    }
    if (e->rows < 0)
        return;
    int last = e->rows;
    e->rows = db_rows(res, last);
    const char *text = e->rows > 0 && db_columns(res, last) > 0 ? db_get(res, last, 0, 0) : NULL;
    snprintf(e->first, sizeof e->first, "%s", text != NULL ? text : "");
}

void fixture_start(struct fixture *f, struct db_script *script, bool read, struct ended *ended)
{
    memset(ended, 0, sizeof *ended);
    ended->loop = &f->loop;
    /* Until the end, rows holds the number of the last statement. */
    ended->rows = (int)db_script_statements(script) - 1;
    if (read)
        db_query(f->db, script, on_ended, ended);
    else
        db_run(f->db, script, on_ended, ended);
    assert_int_equal(ended->calls, 0); /* never before the call returns */
}

void fixture_wait(struct fixture *f, struct ended *ended, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (ended[i].calls == 0)
            uv_run(&f->loop, UV_RUN_DEFAULT);
    }
}

struct ended fixture_run(struct fixture *f, struct db_script *script)
{
    struct ended ended;
    fixture_start(f, script, false, &ended);
    fixture_wait(f, &ended, 1);
    return ended;
}

struct ended fixture_query(struct fixture *f, struct db_script *script)
{
    struct ended ended;
    fixture_start(f, script, true, &ended);
    fixture_wait(f, &ended, 1);
    return ended;
}

struct ended fixture_sql(struct fixture *f, const char *sql)
{
    struct db_script *script = db_script_new();
    db_add(script, sql, DB_ANY);
    return fixture_run(f, script);
}
