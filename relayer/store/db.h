/*
 * The door to PostgreSQL: scripts in, one callback out, on the libuv loop.
 *
 * A script is a database transaction as a value: statements with their parameters and how many rows each
 * must touch. db_run sends BEGIN and all statements in one pipeline, reads every result, compares the row
 * counts, and only then sends COMMIT (or ROLLBACK): two round trips, because a COMMIT in the same
 * pipeline could not wait for the counts.
 *
 * Lost connections. Before COMMIT was sent nothing happened, for certain. After it, the truth is found on
 * a new connection: each connection owns a row of relayer.db_session that every script numbers, so
 * reading that row (with a lock, which waits for a transaction still ending) says whether the script
 * committed. This beats pg_xact_status: a transaction number may be given out twice across a crash.
 * Only when that row cannot be read within DB_DOUBT_MS does a script end as ERR_DB_UNKNOWN.
 *
 * Errors in callbacks (relayer/base/err.def):
 *   ERR_DB_CONFLICT  row count not as demanded, or unique violation: db_constraint() names it
 *   ERR_DB_RULE      a rule of the database refused it: KU001.. or a CHECK; db_sqlstate() names it
 *   ERR_DB_AWAY      nothing happened: no connection in time, connection lost, server shutting down
 *   ERR_DB_UNKNOWN   lost inside COMMIT and not resolved in time
 *   ERR_BUSY         the queue in front of the pool is full; nothing was sent
 * A deadlock or serialization failure is repeated up to DB_REPEATS times before it counts as conflict.
 *
 * Only one thread, the loop's. Text is UTF-8; an embedded NUL cannot occur in parameters.
 */
#ifndef KUSTODIA_STORE_DB_H
#define KUSTODIA_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/base/uuid.h"

struct uv_loop_s;
struct db;
struct db_script;
struct db_stmt;
struct db_result;

enum {
    DB_ANY = -1, /* rows: any number, zero too */
    DB_AT_LEAST_ONE = -2,
    DB_PARAMS_MAX = 40,
    DB_STATEMENTS_MAX = 4096, /* per script */
    DB_POOL_MAX = 64,
    DB_QUEUE_MAX = 4096, /* scripts waiting for a connection */
    DB_REPEATS = 3,
    DB_STATEMENT_TIMEOUT_MS = 30000,
    DB_SCRIPT_TIMEOUT_MS = 60000, /* from being sent to its end, else the connection is given up */
    DB_WAIT_MS = 10000,           /* longest wait for a connection */
    DB_DOUBT_MS = 60000,          /* longest search for the end of a lost COMMIT */
    DB_RECONNECT_BASE_MS = 50,
    DB_RECONNECT_CAP_MS = 5000,
};
#define DB_SCRIPT_BYTES_MAX ((size_t)32 << 20)

/*
 * Opens pool (1..DB_POOL_MAX) connections and keeps them open: lost ones come back with backoff. Never
 * fails; db_ready tells. conninfo is libpq's: key=value words or a postgresql:// address. The schema must
 * have been migrated (migrate.h), else connections are refused with a clear db_trouble().
 */
struct db *db_new(struct uv_loop_s *loop, const char *conninfo, unsigned pool);

/* Ends every script under way (AWAY, or UNKNOWN inside COMMIT; callbacks come before db_free returns) and
 * closes. The memory goes once the loop has run the close callbacks. NULL is fine. */
void db_free(struct db *db);

/* At least one connection is usable. */
bool db_ready(const struct db *db);

/* Why the last connection attempt failed, without secrets; "" if none did since the last success. */
const char *db_trouble(const struct db *db);

/* Scripts waiting or under way. */
size_t db_load(const struct db *db);

/* --- scripts ----------------------------------------------------------------------------------- */

struct db_script *db_script_new(void);
void db_script_free(
    struct db_script *script); /* only one that was not given to db_run or db_query */
size_t db_script_statements(const struct db_script *script);

/*
 * Adds a statement; its parameters follow in order with the calls below. sql must live as long as the
 * program (a literal): it is prepared once per connection and found again by its address. rows: how many
 * rows it must return or change exactly, or DB_ANY, or DB_AT_LEAST_ONE. The statement stays valid until
 * the script is run or freed. A script past its maxima is a defect and aborts.
 */
struct db_stmt *db_add(struct db_script *script, const char *sql, int rows);

/* Parameters are copied. NULL pointers become SQL NULL. */
void db_text(struct db_stmt *s, const char *text);
void db_i64(struct db_stmt *s, int64_t value);
void db_bool(struct db_stmt *s, bool value);
void db_uuid(struct db_stmt *s, const struct uuid *id);
void db_bytes(struct db_stmt *s, const void *p, size_t n);
void db_null(struct db_stmt *s);

/* --- running ----------------------------------------------------------------------------------- */

/* err is NULL on success. res is never NULL; after an error it has no rows. Both live during the call. */
typedef void (*db_done_cb)(void *ctx, const struct err *err, struct db_result *res);

/* Takes the script: all of it or nothing is committed. The callback comes exactly once, never before
 * db_run has returned. An empty script is done without asking the server. */
void db_run(struct db *db, struct db_script *script, db_done_cb done, void *ctx);

/* The same for reads: several statements see one snapshot (REPEATABLE READ, READ ONLY). A connection lost
 * on the way is ERR_DB_AWAY. */
void db_query(struct db *db, struct db_script *script, db_done_cb done, void *ctx);

/* --- results, by number of the statement in the script ----------------------------------------- */

/* Rows returned, or changed if the statement returns none. */
int db_rows(const struct db_result *res, int stmt);

/* Columns returned; 0 if the statement returns no rows at all. */
int db_columns(const struct db_result *res, int stmt);

/* The text of a field, or NULL for SQL NULL. Row and column must exist (CHECKed). */
const char *db_get(const struct db_result *res, int stmt, int row, int col);

/* The field must be a whole number that fits; SQL NULL too is a defect (CHECKed). */
int64_t db_get_i64(const struct db_result *res, int stmt, int row, int col);

/* The same, with SQL NULL read as if_null. */
int64_t db_get_i64_or(const struct db_result *res, int stmt, int row, int col, int64_t if_null);

bool db_get_bool(const struct db_result *res, int stmt, int row, int col); /* NULL is false */

/* False for SQL NULL; a malformed uuid is a defect. */
bool db_get_uuid(const struct db_result *res, int stmt, int row, int col, struct uuid *out);

/* bytea of exactly n bytes. False for SQL NULL; another length is a defect. */
bool db_get_bytes(const struct db_result *res, int stmt, int row, int col, void *out, size_t n);

/* bytea of any length up to cap. False for SQL NULL; a longer one is a defect. */
bool db_get_blob(const struct db_result *res, int stmt, int row, int col, void *out, size_t cap,
                 size_t *n);

/* After an error: its SQLSTATE and constraint, "" where there is none, and which statement (-1 = none). */
const char *db_sqlstate(const struct db_result *res);
const char *db_constraint(const struct db_result *res);
int db_failed_stmt(const struct db_result *res);

#endif
