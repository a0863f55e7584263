#include "relayer/store/migrate.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"

/* Any constant of our own: whoever migrates this database holds this lock. */
#define LOCK "4858721093117"

static const char PREPARE_SCHEMA[] = "CREATE SCHEMA IF NOT EXISTS relayer;"
                                     "CREATE TABLE IF NOT EXISTS relayer.migration ("
                                     " version integer PRIMARY KEY CHECK (version >= 1),"
                                     " name text NOT NULL,"
                                     " checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),"
                                     " at timestamptz NOT NULL DEFAULT now())";

static void on_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result; /* "schema exists already, skipping" is no news */
}

/* The server's first line, without the value-bearing detail. */
static bool fail_with(struct err *err, enum err_code code, const char *what, const PGresult *r,
                      PGconn *pg)
{
    const char *text = r != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (text == NULL)
        text = PQerrorMessage(pg);
    return err_fail(err, PQstatus(pg) == CONNECTION_OK ? code : ERR_DB_AWAY, "%s: %.*s", what,
                    (int)strcspn(text, "\n"), text);
}

static bool run(PGconn *pg, const char *what, const char *sql, struct err *err)
{
    PGresult *r = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(r);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        fail_with(err, ERR_DB_SCHEMA, what, r, pg);
    PQclear(r);
    return ok;
}

static const struct migrate_file *file_find(const struct migrate_file *files, size_t n,
                                            long version)
{
    return version >= 1 && (size_t)version <= n ? &files[version - 1] : NULL;
}

/* What is applied must be the beginning of what we have. Returns its length, or -1. */
static int applied_check(const PGresult *r, const struct migrate_file *files, size_t n,
                         struct err *err)
{
    int rows = PQntuples(r);
    for (int i = 0; i < rows; i++) {
        long version = strtol(PQgetvalue(r, i, 0), NULL, 10);
        const char *name = PQgetvalue(r, i, 1);
        const struct migrate_file *file = file_find(files, n, version);
        if (file == NULL) {
            err_set(
                err, ERR_DB_SCHEMA,
                "the schema has migration %ld (%s), this program knows only %zu: it is older than"
                " the schema",
                version, name, n);
            return -1;
        }
        if (version != i + 1) {
            err_set(err, ERR_DB_SCHEMA, "the schema lacks migration %d below %ld", i + 1, version);
            return -1;
        }
        if (strcmp(PQgetvalue(r, i, 2), file->sha256) != 0) {
            err_set(err, ERR_DB_SCHEMA,
                    "migration %s was applied with other content than this program's: never edit an"
                    " applied migration, add one",
                    file->name);
            return -1;
        }
    }
    return rows;
}

static int applied_read(PGconn *pg, const struct migrate_file *files, size_t n, struct err *err)
{
    PGresult *r =
        PQexec(pg, "SELECT version, name, checksum FROM relayer.migration ORDER BY version");
    int rows = -1;
    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        rows = applied_check(r, files, n, err);
    else
        fail_with(err, ERR_DB_SCHEMA, "relayer.migration", r, pg);
    PQclear(r);
    return rows;
}

static bool note(PGconn *pg, const struct migrate_file *file, struct err *err)
{
    char version[16];
    snprintf(version, sizeof version, "%d", file->version);
    const char *params[] = {version, file->name, file->sha256};
    PGresult *r = PQexecParams(
        pg, "INSERT INTO relayer.migration (version, name, checksum) VALUES ($1, $2, $3)", 3, NULL,
        params, NULL, NULL, 0);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!ok)
        fail_with(err, ERR_DB_SCHEMA, file->name, r, pg);
    PQclear(r);
    return ok;
}

/* The file and the note of it are one transaction: PostgreSQL can roll back DDL. */
static bool file_apply(PGconn *pg, const struct migrate_file *file, struct err *err)
{
    bool ok = run(pg, file->name, "BEGIN; SET LOCAL search_path = relayer", err) &&
              run(pg, file->name, file->sql, err) && note(pg, file, err) &&
              run(pg, file->name, "COMMIT", err);
    if (!ok)
        PQclear(PQexec(pg, "ROLLBACK"));
    return ok;
}

static bool apply_all(PGconn *pg, const struct migrate_file *files, size_t n, int *applied,
                      struct err *err)
{
    if (!run(pg, "migration lock", "SELECT pg_advisory_lock(" LOCK ")", err) ||
        !run(pg, "schema relayer", PREPARE_SCHEMA, err))
        return false;
    int have = applied_read(pg, files, n, err);
    if (have < 0)
        return false;
    for (size_t i = (size_t)have; i < n; i++) {
        if (!file_apply(pg, &files[i], err))
            return false;
        (*applied)++;
    }
    return true;
}

/* libpq's own words quote the text, and a password may be in it: they are not passed on. */
bool migrate_check_conninfo(const char *conninfo, struct err *err)
{
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &words);
    bool good = options != NULL;
    PQfreemem(words);
    PQconninfoFree(options);
    return good || err_fail(err, ERR_CONFIG_VALUE,
                            "database.url: libpq cannot read it: it must be a URI such as"
                            " postgresql://user@host:5432/name, or known key=value pairs such as"
                            " host=/run/postgresql dbname=name");
}

bool migrate_apply_files(const char *conninfo, const struct migrate_file *files, size_t n,
                         int *applied, struct err *err)
{
    static const char *const KEYS[] = {"dbname", "fallback_application_name", "client_encoding",
                                       "connect_timeout", NULL};
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", MIGRATE_CONNECT_TIMEOUT_S);
    const char *const values[] = {conninfo, "kustodia-relayer", "UTF8", timeout, NULL};
    for (size_t i = 0; i < n; i++)
        CHECK(files[i].version == (int)i + 1);
    *applied = 0;
    PGconn *pg = PQconnectdbParams(KEYS, values, 1);
    CHECK(pg != NULL);
    bool ok = false;
    if (PQstatus(pg) == CONNECTION_OK) {
        PQsetNoticeReceiver(pg, on_notice, NULL);
        ok = apply_all(pg, files, n, applied, err);
    } else {
        fail_with(err, ERR_DB_AWAY, "database", NULL, pg);
    }
    PQfinish(pg); /* lets go of the lock */
    return ok;
}

bool migrate_apply(const char *conninfo, int *applied, struct err *err)
{
    return migrate_apply_files(conninfo, migrate_files, migrate_files_n, applied, err);
}
