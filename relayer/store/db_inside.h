/*
 * The inside of the database door, shared by its own files only: db.c (queue and pool), db_conn.c (one
 * connection and its pipeline), db_script.c (values in and out).
 */
#ifndef KUSTODIA_STORE_DB_INSIDE_H
#define KUSTODIA_STORE_DB_INSIDE_H

#include <libpq-fe.h>
#include <uv.h>

#include "relayer/base/arena.h"
#include "relayer/base/loop.h"
#include "relayer/store/db.h"

enum { DB_CONSTRAINT_MAX = 80, DB_TROUBLE_MAX = 200, DB_PREPARED_MAX = 512, DB_TICK_MS = 50 };

struct db_stmt {
    struct db_script *script;
    struct db_stmt *next;
    const char *sql;
    int rows;
    int n;
    char *param[DB_PARAMS_MAX];
};

struct db_script {
    struct arena *arena;
    struct db_stmt *first, *last;
    size_t n;
};

struct db_result {
    PGresult **stmt;
    size_t n;
    int failed; /* statement, -1 = none */
    char sqlstate[6];
    char constraint[DB_CONSTRAINT_MAX];
};

/* One script on its way. */
struct db_job {
    struct db_job *next;
    struct db_script *script;
    bool read;
    db_done_cb done;
    void *ctx;
    int repeats;
    int64_t deadline_ms; /* of waiting for a connection, or of the search after a lost COMMIT */
    struct uuid session; /* of the connection that sent it, and its number there */
    int64_t number;
    bool failed;
    struct err err;
    struct db_result res;
};

struct db_list {
    struct db_job *first, *last;
    size_t n;
};

enum conn_state {
    CONN_DOWN, /* waits for retry_at_ms */
    CONN_CONNECTING,
    CONN_SETUP,
    CONN_IDLE,
    CONN_BODY,   /* BEGIN and the statements are on their way (reads: COMMIT too) */
    CONN_COMMIT, /* COMMIT is on its way: losing the connection now leaves a doubt */
    CONN_ROLLBACK,
    CONN_ASKING, /* how a script ended whose COMMIT was lost */
};

/* What each result in the pipeline answers, in order. */
enum conn_op_kind { OP_PREPARE, OP_STATEMENT, OP_CONTROL, OP_MARK, OP_SYNC };
struct conn_op {
    enum conn_op_kind kind;
    int stmt;
    struct conn_prepared *prepared;
};

struct conn_poll;
struct conn_prepared;

struct db_conn {
    struct db *db;
    enum conn_state state;
    PGconn *pg;
    struct conn_poll *poll;
    unsigned failures;
    int64_t retry_at_ms;
    int64_t deadline_ms; /* of what is under way, 0 = none */
    struct uuid session; /* its row of relayer.db_session */
    int64_t scripts;
    struct db_job *job;
    struct conn_op *op;
    size_t op_n, op_cap, op_at;
    struct conn_prepared *prepared;
    unsigned prepared_n;
    bool mark_seen, mark_yes; /* answer of the statement on relayer.db_session */
    bool refused;             /* the server refused a command of CONN_SETUP or CONN_ASKING */
};

struct db {
    uv_loop_t *loop;
    char *conninfo;
    unsigned pool;
    bool closing;
    struct db_conn *conn;
    struct db_list queue, doubt, ended;
    struct loop_timer *tick, *soon;
    char trouble[DB_TROUBLE_MAX];
};

/* db.c, called by a connection */
void db_list_push(struct db_list *list, struct db_job *job);
void db_list_push_front(struct db_list *list, struct db_job *job);
struct db_job *db_list_take(struct db_list *list);
void db_trouble_set(struct db *db, const char *text);
void db_job_end(struct db *db, struct db_job *job);   /* its callback comes soon */
void db_job_lost(struct db *db, struct db_job *job);  /* nothing happened, for certain */
void db_job_doubt(struct db *db, struct db_job *job); /* lost inside COMMIT */
void db_job_unknown(struct db *db, struct db_job *job, const char *why);
void db_turn(struct db *db); /* hands out work, calls back */

/* db_conn.c, called by the pool */
void conn_open(struct db_conn *conn);
void conn_run(struct db_conn *conn, struct db_job *job); /* CONN_IDLE only */
void conn_ask(struct db_conn *conn, struct db_job *job); /* CONN_IDLE only */
void conn_lost(struct db_conn *conn, const char *why);
void conn_close(struct db_conn *conn);

/* db_script.c */
void db_result_clear(struct db_result *res);

#endif
