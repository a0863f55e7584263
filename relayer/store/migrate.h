/*
 * Bringing the schema up to date: the files of migrations/ are embedded in the program with their SHA-256
 * (CMake generates migrate_files.c), applied in order, each in its own transaction, under an advisory
 * lock, and noted in relayer.migration. Forward only.
 *
 * Refused with one clear sentence, nothing changed: an applied file whose content differs from ours
 * (ERR_DB_SCHEMA), a schema newer than this program (ERR_DB_SCHEMA), no connection (ERR_DB_AWAY), a
 * statement that fails (ERR_DB_SCHEMA with the server's words).
 */
#ifndef KUSTODIA_STORE_MIGRATE_H
#define KUSTODIA_STORE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "relayer/base/err.h"

enum { MIGRATE_CONNECT_TIMEOUT_S = 5 };

struct migrate_file {
    int version;      /* the number the file name starts with: 1.. without a gap */
    const char *name; /* "0001_ledger.sql" */
    const char *sql;
    const char *sha256; /* 64 lower-case hex digits of the file's bytes */
};

extern const struct migrate_file migrate_files[];
extern const size_t migrate_files_n;

/* ERR_CONFIG_VALUE when libpq cannot read it; asks no server. */
bool migrate_check_conninfo(const char *conninfo, struct err *err);

/* Blocking: for the start of the daemon only. *applied = how many files were newly applied.
 * ERR_DB_AWAY: try again. ERR_DB_SCHEMA: it is not a schema of ours. */
bool migrate_apply(const char *conninfo, int *applied, struct err *err);

/* The same with other files: for tests. */
bool migrate_apply_files(const char *conninfo, const struct migrate_file *files, size_t n,
                         int *applied, struct err *err);

#endif
