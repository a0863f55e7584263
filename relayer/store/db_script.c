/* Scripts and results: the values that go through the door. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/store/db_inside.h"

struct db_script *db_script_new(void)
{
    struct db_script *script = mem_new(sizeof *script);
    script->arena = arena_new(DB_SCRIPT_BYTES_MAX);
    return script;
}

void db_script_free(struct db_script *script)
{
    if (script == NULL)
        return;
    arena_free(script->arena);
    free(script);
}

size_t db_script_statements(const struct db_script *script)
{
    return script->n;
}

struct db_stmt *db_add(struct db_script *script, const char *sql, int rows)
{
    CHECK(script->n < DB_STATEMENTS_MAX && rows >= DB_AT_LEAST_ONE);
    struct db_stmt *s = arena_alloc(script->arena, sizeof *s);
    s->script = script;
    s->sql = sql;
    s->rows = rows;
    if (script->last != NULL)
        script->last->next = s;
    else
        script->first = s;
    script->last = s;
    script->n++;
    return s;
}

static void param_add(struct db_stmt *s, char *text)
{
    CHECK(s->n < DB_PARAMS_MAX);
    s->param[s->n++] = text;
}

void db_text(struct db_stmt *s, const char *text)
{
    param_add(s, arena_text(s->script->arena, text));
}

void db_i64(struct db_stmt *s, int64_t value)
{
    param_add(s, arena_printf(s->script->arena, "%" PRId64, value));
}

void db_bool(struct db_stmt *s, bool value)
{
    param_add(s, arena_text(s->script->arena, value ? "t" : "f"));
}

void db_uuid(struct db_stmt *s, const struct uuid *id)
{
    if (id == NULL) {
        db_null(s);
        return;
    }
    char text[UUID_TEXT_MAX];
    uuid_format(id, text);
    db_text(s, text);
}

void db_bytes(struct db_stmt *s, const void *p, size_t n)
{
    if (p == NULL) {
        db_null(s);
        return;
    }
    char *text = arena_alloc(s->script->arena, 2 * n + 3);
    text[0] = '\\';
    text[1] = 'x';
    hex_encode(p, n, text + 2);
    param_add(s, text);
}

void db_null(struct db_stmt *s)
{
    param_add(s, NULL);
}

void db_result_clear(struct db_result *res)
{
    for (size_t i = 0; i < res->n; i++)
        PQclear(res->stmt[i]);
    free(res->stmt);
    memset(res, 0, sizeof *res);
    res->failed = -1;
}

static const PGresult *result_of(const struct db_result *res, int stmt)
{
    CHECK(stmt >= 0 && (size_t)stmt < res->n && res->stmt[stmt] != NULL);
    return res->stmt[stmt];
}

/* A count as libpq's text gives it: "" for commands that touch no rows. */
static int rows_changed(const PGresult *r)
{
    const char *text = PQcmdTuples((PGresult *)r);
    return text[0] == '\0' ? 0 : (int)strtol(text, NULL, 10);
}

int db_rows(const struct db_result *res, int stmt)
{
    const PGresult *r = result_of(res, stmt);
    return PQresultStatus(r) == PGRES_TUPLES_OK ? PQntuples(r) : rows_changed(r);
}

int db_columns(const struct db_result *res, int stmt)
{
    return PQnfields(result_of(res, stmt));
}

const char *db_get(const struct db_result *res, int stmt, int row, int col)
{
    const PGresult *r = result_of(res, stmt);
    CHECK(row >= 0 && row < PQntuples(r) && col >= 0 && col < PQnfields(r));
    return PQgetisnull(r, row, col) ? NULL : PQgetvalue(r, row, col);
}

int64_t db_get_i64(const struct db_result *res, int stmt, int row, int col)
{
    const char *text = db_get(res, stmt, row, col);
    CHECK(text != NULL && text[0] != '\0');
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    CHECK(errno == 0 && *end == '\0');
    return value;
}

int64_t db_get_i64_or(const struct db_result *res, int stmt, int row, int col, int64_t if_null)
{
    return db_get(res, stmt, row, col) == NULL ? if_null : db_get_i64(res, stmt, row, col);
}

bool db_get_bool(const struct db_result *res, int stmt, int row, int col)
{
    const char *text = db_get(res, stmt, row, col);
    CHECK(text == NULL || text[0] == 't' || text[0] == 'f');
    return text != NULL && text[0] == 't';
}

bool db_get_uuid(const struct db_result *res, int stmt, int row, int col, struct uuid *out)
{
    const char *text = db_get(res, stmt, row, col);
    if (text == NULL)
        return false;
    CHECK(uuid_parse(text, out));
    return true;
}

bool db_get_blob(const struct db_result *res, int stmt, int row, int col, void *out, size_t cap,
                 size_t *n)
{
    const char *text = db_get(res, stmt, row, col);
    if (text == NULL)
        return false;
    CHECK(text[0] == '\\' && text[1] == 'x'); /* bytea_output = hex, set on every connection */
    *n = 0;
    CHECK(text[2] == '\0' || hex_decode(text + 2, strlen(text + 2), out, cap, n));
    return true;
}

bool db_get_bytes(const struct db_result *res, int stmt, int row, int col, void *out, size_t n)
{
    size_t found;
    if (!db_get_blob(res, stmt, row, col, out, n, &found))
        return false;
    CHECK(found == n);
    return true;
}

const char *db_sqlstate(const struct db_result *res)
{
    return res->sqlstate;
}

const char *db_constraint(const struct db_result *res)
{
    return res->constraint;
}

int db_failed_stmt(const struct db_result *res)
{
    return res->failed;
}
