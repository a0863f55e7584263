/*
 * What the tests of the store share: a fresh database in the private cluster (tests/support/pg.sh run),
 * migrated, and scripts run to their end on a loop.
 */
#ifndef KUSTODIA_TESTS_STORE_FIXTURE_H
#define KUSTODIA_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "relayer/store/db.h"

enum { FIXTURE_TEXT_MAX = 512 };

/* How a script ended, and the first field of its last statement. */
struct ended {
    uv_loop_t *loop;
    int calls;
    bool ok;
    struct err err;
    char sqlstate[6];
    char constraint[80];
    int failed_stmt;
    int rows;                     /* of the last statement */
    char first[FIXTURE_TEXT_MAX]; /* "" for none */
};

struct fixture {
    uv_loop_t loop;
    struct db *db;
    char conninfo[FIXTURE_TEXT_MAX];
};

/* A new empty database of that name; conninfo reaches it. */
void fixture_database(const char *name, char conninfo[FIXTURE_TEXT_MAX]);

/* The same, migrated, with a door of pool connections. */
struct fixture *fixture_open(const char *name, unsigned pool);
void fixture_close(struct fixture *f);

/* Starts a script; *ended is filled in later. Runs the loop until every one of them has ended. */
void fixture_start(struct fixture *f, struct db_script *script, bool read, struct ended *ended);
void fixture_wait(struct fixture *f, struct ended *ended, size_t n);
struct ended fixture_run(struct fixture *f, struct db_script *script);
struct ended fixture_query(struct fixture *f, struct db_script *script);

/* One statement without parameters, any number of rows. */
struct ended fixture_sql(struct fixture *f, const char *sql);

/* Several statements over a connection of its own, blocking; fails the test on an error. */
void fixture_exec(const char *conninfo, const char *sql);

#endif
