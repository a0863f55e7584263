/*
 * One connection: connecting, and the pipeline of a script.
 *
 *   CONN_DOWN -> CONN_CONNECTING -> CONN_SETUP -> CONN_IDLE
 *   CONN_IDLE -> CONN_BODY -> CONN_COMMIT or CONN_ROLLBACK -> CONN_IDLE       (reads: CONN_BODY -> CONN_IDLE)
 *   CONN_IDLE -> CONN_ASKING -> CONN_IDLE
 *
 * From each of them conn_lost leads to CONN_DOWN. Each command sent leaves one conn_op behind; results come
 * back in that order. A stage is over when the result of its last op, the sync, has been read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "relayer/base/backoff.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/mem.h"
#include "relayer/store/db_inside.h"

enum { CONNECT_TIMEOUT_MS = 10000, NAME_MAX_BYTES = 24 };

/* A uv handle lives until its close callback, longer than the connection it served. */
struct conn_poll {
    uv_poll_t handle;
    struct db_conn *conn;
    int events;
};

/* A statement prepared on this connection, found by the address of its text. */
struct conn_prepared {
    UT_hash_handle hh;
    const char *sql;
    unsigned number;
};

static const char SETUP_SETTINGS[] =
    "SELECT set_config(name, value, false) FROM (VALUES"
    " ('search_path', 'relayer'), ('timezone', 'UTC'), ('bytea_output', 'hex'),"
    " ('datestyle', 'ISO'), ('synchronous_commit', 'on'), ('jit', 'off'),"
    " ('default_transaction_isolation', 'read committed'), ('statement_timeout', $1),"
    " ('idle_in_transaction_session_timeout', $1)) AS setting (name, value)";
static const char SETUP_SESSION[] = "INSERT INTO relayer.db_session (id) VALUES ($1)";
static const char SETUP_SWEEP[] =
    "DELETE FROM relayer.db_session WHERE used_at < now() - interval '7 days'";
static const char MARK[] =
    "UPDATE relayer.db_session SET script = $2, used_at = now() WHERE id = $1 RETURNING true";
/* The lock waits for a transaction that is still ending on the server. */
static const char ASK[] = "SELECT script >= $2 FROM relayer.db_session WHERE id = $1 FOR UPDATE";

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void poll_close(struct db_conn *conn)
{
    if (conn->poll == NULL)
        return;
    conn->poll->conn = NULL;
    uv_close((uv_handle_t *)&conn->poll->handle, on_poll_closed);
    conn->poll = NULL;
}

static void poll_open(struct db_conn *conn, int events)
{
    struct conn_poll *p = mem_new(sizeof *p);
    CHECK(uv_poll_init(conn->db->loop, &p->handle, PQsocket(conn->pg)) == 0);
    p->handle.data = p;
    p->conn = conn;
    p->events = events;
    conn->poll = p;
    CHECK(uv_poll_start(&p->handle, events, on_poll) == 0);
}

static void prepared_clear(struct db_conn *conn)
{
    struct conn_prepared *p, *next;
    HASH_ITER(hh, conn->prepared, p, next)
    {
        HASH_DEL(conn->prepared, p);
        free(p);
    }
}

/* Closes and forgets everything of the connection but its place in the pool. */
static void conn_reset(struct db_conn *conn)
{
    poll_close(conn);
    if (conn->pg != NULL)
        PQfinish(conn->pg);
    conn->pg = NULL;
    prepared_clear(conn);
    free(conn->op);
    conn->op = NULL;
    conn->op_n = conn->op_cap = conn->op_at = 0;
    conn->deadline_ms = 0;
    conn->refused = false;
}

static bool is_repeatable(const struct db_job *job)
{
    return strcmp(job->res.sqlstate, "40001") == 0 || strcmp(job->res.sqlstate, "40P01") == 0;
}

/* A failed script shows no rows; what went wrong stays. */
static void results_drop(struct db_job *job)
{
    struct db_result *res = &job->res;
    for (size_t i = 0; i < res->n; i++)
        PQclear(res->stmt[i]);
    free(res->stmt);
    res->stmt = NULL;
    res->n = 0;
}

/* The job's end is known, whatever becomes of the connection now. */
static void job_finish(struct db *db, struct db_job *job)
{
    if (job->failed && is_repeatable(job) && job->repeats < DB_REPEATS) {
        db_job_lost(db, job);
        return;
    }
    if (job->failed)
        results_drop(job);
    db_job_end(db, job);
}

void conn_lost(struct db_conn *conn, const char *why)
{
    enum conn_state state = conn->state;
    struct db_job *job = conn->job;
    db_trouble_set(conn->db, why);
    conn->job = NULL;
    conn->state = CONN_DOWN;
    conn_reset(conn);
    int64_t now_ms = clock_mono_ms();
    conn->retry_at_ms =
        now_ms + backoff_ms(conn->failures++, DB_RECONNECT_BASE_MS, DB_RECONNECT_CAP_MS,
                            (uint64_t)now_ms ^ (uintptr_t)conn);
    if (job == NULL)
        return;
    if (state == CONN_COMMIT || state == CONN_ASKING)
        db_job_doubt(conn->db, job);
    else if (state == CONN_ROLLBACK)
        job_finish(conn->db, job);
    else
        db_job_lost(conn->db, job);
}

void conn_close(struct db_conn *conn)
{
    conn_lost(conn, "closing");
}

void conn_open(struct db_conn *conn)
{
    static const char *const KEYS[] = {"dbname", "fallback_application_name", "client_encoding",
                                       NULL};
    const char *const values[] = {conn->db->conninfo, "kustodia-relayer", "UTF8", NULL};
    conn->pg = PQconnectStartParams(KEYS, values, 1);
    CHECK(conn->pg != NULL);
    if (PQstatus(conn->pg) == CONNECTION_BAD || PQsocket(conn->pg) < 0) {
        conn_lost(conn, PQerrorMessage(conn->pg));
        return;
    }
    conn->state = CONN_CONNECTING;
    conn->deadline_ms = clock_mono_ms() + CONNECT_TIMEOUT_MS;
    poll_open(conn, UV_WRITABLE);
}

static void op_push(struct db_conn *conn, enum conn_op_kind kind, int stmt,
                    struct conn_prepared *prepared)
{
    if (conn->op_n == conn->op_cap) {
        conn->op_cap = conn->op_cap == 0 ? 32 : conn->op_cap * 2;
        conn->op = mem_resize(conn->op, conn->op_cap * sizeof *conn->op);
    }
    conn->op[conn->op_n++] = (struct conn_op){.kind = kind, .stmt = stmt, .prepared = prepared};
}

static bool send_text(struct db_conn *conn, enum conn_op_kind kind, const char *sql, int n,
                      const char *const *params)
{
    op_push(conn, kind, -1, NULL);
    return PQsendQueryParams(conn->pg, sql, n, NULL, params, NULL, NULL, 0) == 1;
}

static void prepared_name(const struct conn_prepared *p, char name[NAME_MAX_BYTES])
{
    snprintf(name, NAME_MAX_BYTES, "s%u", p->number);
}

/* Finds the statement's name on this connection, asking for its preparation first if it has none. NULL:
 * too many already, so it goes unprepared. */
static struct conn_prepared *prepared_get(struct db_conn *conn, const char *sql, int stmt, bool *ok)
{
    struct conn_prepared *p;
    HASH_FIND_PTR(conn->prepared, &sql, p);
    if (p != NULL || HASH_COUNT(conn->prepared) >= DB_PREPARED_MAX)
        return p;
    p = mem_new(sizeof *p);
    p->sql = sql;
    p->number = conn->prepared_n++;
    HASH_ADD_PTR(conn->prepared, sql, p);
    char name[NAME_MAX_BYTES];
    prepared_name(p, name);
    op_push(conn, OP_PREPARE, stmt, p);
    *ok = PQsendPrepare(conn->pg, name, sql, 0, NULL) == 1;
    return p;
}

static bool send_prepared(struct db_conn *conn, enum conn_op_kind kind, int stmt, const char *sql,
                          int n, const char *const *params)
{
    bool ok = true;
    struct conn_prepared *p = prepared_get(conn, sql, stmt, &ok);
    if (!ok)
        return false;
    op_push(conn, kind, stmt, NULL);
    if (p == NULL)
        return PQsendQueryParams(conn->pg, sql, n, NULL, params, NULL, NULL, 0) == 1;
    char name[NAME_MAX_BYTES];
    prepared_name(p, name);
    return PQsendQueryPrepared(conn->pg, name, n, params, NULL, NULL, 0) == 1;
}

static bool flush(struct db_conn *conn)
{
    int left = PQflush(conn->pg);
    if (left < 0)
        return false;
    int events = UV_READABLE | (left == 1 ? UV_WRITABLE : 0);
    if (events == conn->poll->events)
        return true; /* starting a poll again costs two system calls */
    conn->poll->events = events;
    return uv_poll_start(&conn->poll->handle, events, on_poll) == 0;
}

/* Ends a stage's commands and sends them; ok is what the sends before said. */
static void stage_send(struct db_conn *conn, enum conn_state state, int timeout_ms, bool ok)
{
    conn->state = state;
    conn->deadline_ms = clock_mono_ms() + timeout_ms;
    op_push(conn, OP_SYNC, -1, NULL);
    if (!ok || PQpipelineSync(conn->pg) != 1 || !flush(conn))
        conn_lost(conn, PQerrorMessage(conn->pg));
}

static bool send_mark(struct db_conn *conn, const char *sql, const struct uuid *session,
                      int64_t number)
{
    char id[UUID_TEXT_MAX], text[24];
    uuid_format(session, id);
    snprintf(text, sizeof text, "%" PRId64, number);
    const char *params[] = {id, text};
    conn->mark_seen = conn->mark_yes = false;
    return send_prepared(conn, OP_MARK, -1, sql, 2, params);
}

void conn_run(struct db_conn *conn, struct db_job *job)
{
    CHECK(conn->state == CONN_IDLE);
    conn->job = job;
    job->deadline_ms = 0;
    job->session = conn->session;
    job->number = ++conn->scripts;
    job->res.n = job->script->n;
    job->res.stmt = mem_new_array(job->res.n, sizeof *job->res.stmt);
    const char *begin = !job->read            ? "BEGIN"
                        : job->script->n == 1 ? "BEGIN READ ONLY"
                                              : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    bool ok = send_text(conn, OP_CONTROL, begin, 0, NULL);
    if (!job->read)
        ok = ok && send_mark(conn, MARK, &conn->session, job->number);
    int i = 0;
    for (struct db_stmt *s = job->script->first; s != NULL && ok; s = s->next)
        ok = send_prepared(conn, OP_STATEMENT, i++, s->sql, s->n, (const char *const *)s->param);
    if (job->read)
        ok = ok && send_text(conn, OP_CONTROL, "COMMIT", 0, NULL);
    stage_send(conn, CONN_BODY, DB_SCRIPT_TIMEOUT_MS, ok);
}

void conn_ask(struct db_conn *conn, struct db_job *job)
{
    CHECK(conn->state == CONN_IDLE);
    conn->job = job;
    bool ok = send_mark(conn, ASK, &job->session, job->number);
    stage_send(conn, CONN_ASKING, DB_SCRIPT_TIMEOUT_MS, ok);
}

static void setup_send(struct db_conn *conn)
{
    conn->session = uuid_new();
    conn->scripts = 0;
    if (PQsetnonblocking(conn->pg, 1) != 0 || PQenterPipelineMode(conn->pg) != 1) {
        conn_lost(conn, PQerrorMessage(conn->pg));
        return;
    }
    char timeout[16], id[UUID_TEXT_MAX];
    snprintf(timeout, sizeof timeout, "%d", DB_STATEMENT_TIMEOUT_MS);
    uuid_format(&conn->session, id);
    const char *const settings[] = {timeout}, *const session[] = {id};
    bool ok = send_text(conn, OP_CONTROL, SETUP_SETTINGS, 1, settings) &&
              send_text(conn, OP_CONTROL, SETUP_SWEEP, 0, NULL) &&
              send_text(conn, OP_CONTROL, SETUP_SESSION, 1, session);
    stage_send(conn, CONN_SETUP, CONNECT_TIMEOUT_MS, ok);
}

static enum err_code code_of(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum err_code code;
    } CODES[] = {
        {"KU", ERR_DB_RULE},    {"23505", ERR_DB_CONFLICT}, {"23P01", ERR_DB_CONFLICT},
        {"23", ERR_DB_RULE},    {"40", ERR_DB_CONFLICT},    {"57", ERR_DB_AWAY},
        {"55P03", ERR_DB_AWAY}, {"53", ERR_DB_AWAY},        {"08", ERR_DB_AWAY},
        {"25P03", ERR_DB_AWAY},
    };
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        if (strncmp(sqlstate, CODES[i].prefix, strlen(CODES[i].prefix)) == 0)
            return CODES[i].code;
    }
    return ERR_DB_FAILED;
}

static const char *field_of(const PGresult *r, int field)
{
    const char *text = PQresultErrorField(r, field);
    return text != NULL ? text : "";
}

/* Keeps the first error; the ones after it are its consequences. */
static void job_error(struct db_job *job, const PGresult *r, int stmt)
{
    if (job->failed)
        return;
    job->failed = true;
    const char *constraint = field_of(r, PG_DIAG_CONSTRAINT_NAME);
    snprintf(job->res.sqlstate, sizeof job->res.sqlstate, "%s", field_of(r, PG_DIAG_SQLSTATE));
    snprintf(job->res.constraint, sizeof job->res.constraint, "%s", constraint);
    job->res.failed = stmt;
    /* The primary line only: the detail would show values of the row. */
    err_set(&job->err, code_of(job->res.sqlstate), "%s [%s, statement %d%s%s]",
            field_of(r, PG_DIAG_MESSAGE_PRIMARY), job->res.sqlstate, stmt + 1,
            constraint[0] != '\0' ? ", " : "", constraint);
}

/* An error in a command of ours around the script. */
static void stage_error(struct db_conn *conn, const PGresult *r)
{
    if (conn->state != CONN_SETUP && conn->state != CONN_ASKING) {
        job_error(conn->job, r, -1);
        return;
    }
    conn->refused = true;
    db_trouble_set(conn->db, field_of(r, PG_DIAG_MESSAGE_PRIMARY));
}

static void take_prepare(struct db_conn *conn, const struct conn_op *op, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_COMMAND_OK) {
        PQclear(r);
        return;
    }
    HASH_DEL(conn->prepared, op->prepared);
    free(op->prepared);
    if (PQresultStatus(r) == PGRES_FATAL_ERROR && op->stmt >= 0)
        job_error(conn->job, r, op->stmt);
    else if (PQresultStatus(r) == PGRES_FATAL_ERROR)
        stage_error(conn, r);
    PQclear(r);
}

static void take_mark(struct db_conn *conn, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        conn->mark_seen = PQntuples(r) == 1;
        conn->mark_yes = conn->mark_seen && PQgetvalue(r, 0, 0)[0] == 't';
    } else if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
        stage_error(conn, r);
    }
    PQclear(r);
}

static void take_control(struct db_conn *conn, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_FATAL_ERROR)
        stage_error(conn, r);
    else if (conn->state == CONN_COMMIT)
        CHECK(strcmp(PQcmdStatus(r), "COMMIT") == 0); /* a failed body never gets this far */
    PQclear(r);
}

static void take_statement(struct db_conn *conn, const struct conn_op *op, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        conn->job->res.stmt[op->stmt] = r;
        return;
    }
    if (status == PGRES_FATAL_ERROR)
        job_error(conn->job, r, op->stmt);
    PQclear(r);
}

static void take_result(struct db_conn *conn, PGresult *r)
{
    struct conn_op *op = &conn->op[conn->op_at];
    switch (op->kind) {
    case OP_PREPARE:
        take_prepare(conn, op, r);
        return;
    case OP_STATEMENT:
        take_statement(conn, op, r);
        return;
    case OP_CONTROL:
        take_control(conn, r);
        return;
    case OP_MARK:
        take_mark(conn, r);
        return;
    case OP_SYNC:
        conn->op_at++; /* the only result that no NULL follows */
        PQclear(r);
        return;
    }
}

static void rows_check(struct db_job *job)
{
    int i = 0;
    for (struct db_stmt *s = job->script->first; s != NULL && !job->failed; s = s->next, i++) {
        int rows = db_rows(&job->res, i);
        if (s->rows == DB_ANY || rows == s->rows || (s->rows == DB_AT_LEAST_ONE && rows > 0))
            continue;
        job->failed = true;
        job->res.failed = i;
        if (s->rows == DB_AT_LEAST_ONE)
            err_set(&job->err, ERR_DB_CONFLICT, "statement %d touched no row: %.60s", i + 1,
                    s->sql);
        else
            err_set(&job->err, ERR_DB_CONFLICT, "statement %d touched %d rows, not %d: %.60s",
                    i + 1, rows, s->rows, s->sql);
    }
}

static void conn_finish(struct db_conn *conn)
{
    struct db_job *job = conn->job;
    conn->job = NULL;
    conn->state = CONN_IDLE;
    conn->deadline_ms = 0;
    job_finish(conn->db, job);
}

static void end_send(struct db_conn *conn, enum conn_state state, const char *sql)
{
    bool ok = send_text(conn, OP_CONTROL, sql, 0, NULL);
    stage_send(conn, state, DB_SCRIPT_TIMEOUT_MS, ok);
}

static void body_done(struct db_conn *conn)
{
    struct db_job *job = conn->job;
    if (!job->read && !job->failed && !conn->mark_seen) {
        conn_lost(conn, "its row of relayer.db_session is gone");
        return;
    }
    if (!job->failed)
        rows_check(job);
    if (PQtransactionStatus(conn->pg) == PQTRANS_IDLE) {
        conn_finish(conn);
    } else if (job->failed) {
        end_send(conn, CONN_ROLLBACK, "ROLLBACK");
    } else {
        FAULT_POINT(db_before_commit);
        end_send(conn, CONN_COMMIT, "COMMIT");
        FAULT_POINT(db_commit_sent);
    }
}

/* What became of a script whose COMMIT was lost. */
static void ask_done(struct db_conn *conn)
{
    if (conn->refused) {
        conn_lost(conn, conn->db->trouble); /* asked again on another connection, a little later */
        return;
    }
    struct db_job *job = conn->job;
    conn->job = NULL;
    conn->state = CONN_IDLE;
    conn->deadline_ms = 0;
    if (!conn->mark_seen)
        db_job_unknown(conn->db, job, "lost inside COMMIT, and the record of its session is gone");
    else if (conn->mark_yes)
        db_job_end(conn->db, job);
    else
        db_job_lost(conn->db, job);
}

static void setup_done(struct db_conn *conn)
{
    if (conn->refused) {
        conn_lost(conn, conn->db->trouble);
        return;
    }
    conn->state = CONN_IDLE;
    conn->failures = 0;
    conn->deadline_ms = 0;
    conn->db->trouble[0] = '\0';
}

static void stage_done(struct db_conn *conn)
{
    conn->op_n = conn->op_at = 0;
    switch (conn->state) {
    case CONN_SETUP:
        setup_done(conn);
        return;
    case CONN_BODY:
        body_done(conn);
        return;
    case CONN_COMMIT:
        FAULT_POINT(db_after_commit);
        conn_finish(conn);
        return;
    case CONN_ROLLBACK:
        conn_finish(conn);
        return;
    case CONN_ASKING:
        ask_done(conn);
        return;
    case CONN_DOWN:
    case CONN_CONNECTING:
    case CONN_IDLE:
        CHECK(!"a pipeline stage in this state");
    }
}

/* Reads what has arrived; each stage that is complete leads to the next. */
static void drain(struct db_conn *conn)
{
    while (conn->op_at < conn->op_n && !PQisBusy(conn->pg)) {
        PGresult *r = PQgetResult(conn->pg);
        if (r != NULL)
            take_result(conn, r);
        else
            conn->op_at++;
        if (conn->op_at == conn->op_n)
            stage_done(conn);
        if (conn->state == CONN_DOWN)
            return;
    }
}

static void connecting_step(struct db_conn *conn)
{
    /* libpq may have gone on to another socket, even one with the same number: watch it anew each time. */
    PostgresPollingStatusType next = PQconnectPoll(conn->pg);
    poll_close(conn);
    switch (next) {
    case PGRES_POLLING_OK:
        poll_open(conn, UV_READABLE);
        setup_send(conn);
        return;
    case PGRES_POLLING_READING:
        poll_open(conn, UV_READABLE);
        return;
    case PGRES_POLLING_WRITING:
        poll_open(conn, UV_WRITABLE);
        return;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        conn_lost(conn, PQerrorMessage(conn->pg));
        return;
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct conn_poll *p = handle->data;
    struct db_conn *conn = p->conn;
    if (conn == NULL)
        return;
    struct db *db = conn->db;
    if (conn->state == CONN_CONNECTING) {
        connecting_step(conn);
        db_turn(db);
        return;
    }
    /* An error of the socket shows in libpq's own reading. */
    bool readable = status < 0 || (events & UV_READABLE) != 0;
    if ((readable && PQconsumeInput(conn->pg) != 1) || !flush(conn))
        conn_lost(conn, PQerrorMessage(conn->pg));
    else
        drain(conn);
    db_turn(db);
}
