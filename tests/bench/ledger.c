/*
 * bench-ledger: what the ledger's rules cost, and what gathering wins.
 *
 *   ledger.batch100   transfers/s in batches of 100 with every rule, against the set-based floor: the same
 *                     tables and keys without rules (tests/bench/ledger_floor.sql)
 *   ledger.single     p50 of one durable transfer through relayer/store/db, against a bare commit of
 *                     one function
 *   ledger.hot64      64 callers on one account, gathered by one writer, against 64 connections and
 *                     row locks
 *   ledger.growth10   rate of batch100 with 10 times the history, against the rate at the start
 *   ledger.growth100  the same at 100 times, with --long only: takes minutes
 *
 * Both sides run in turns on one private server (tests/support/pg.sh), which it starts by itself.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/store/db_inside.h"
#include "relayer/store/ledger.h"
#include "relayer/store/migrate.h"

enum {
    ACCOUNTS = 200,
    BATCH = 100,
    ROUNDS = 9,
    BATCHES = 12,
    SINGLES = 400,
    CALLERS = 64,
    HOT_MS = 700,
    HOT_ROUNDS = 5,
    HISTORY = 20000,
    SQL_MAX = 64 * 1024,
};

static struct uuid OWNER[ACCOUNTS];
static int64_t ID[ACCOUNTS];
static char CONNINFO[600];
static uint64_t SEED = 42;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static unsigned any(unsigned n)
{
    SEED = SEED * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(SEED >> 33) % n;
}

static PGconn *server(void)
{
    PGconn *pg = PQconnectdb(CONNINFO);
    CHECK(PQstatus(pg) == CONNECTION_OK);
    PQclear(PQexec(pg, "SET search_path = relayer; SET client_min_messages = error"));
    return pg;
}

static void must(PGconn *pg, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "bench-ledger: %s", PQerrorMessage(pg));
        exit(1);
    }
    PQclear(r);
}

/* --- transfers --------------------------------------------------------------------------------- */

/* from != to; hot: everything leaves account 0. */
static struct posting transfer(bool hot, unsigned *from, unsigned *to)
{
    *from = hot ? 0 : any(ACCOUNTS);
    *to = (*from + 1 + any(ACCOUNTS - 1)) % ACCOUNTS;
    struct posting p = {.kind = POSTING_CORRECTION, .txn_id = uuid_new()};
    posting_add(&p, LAYER_POSTED, ACCOUNT_COMMISSION, &OWNER[*from], -1);
    posting_add(&p, LAYER_POSTED, ACCOUNT_COMMISSION, &OWNER[*to], 1);
    return p;
}

/* The statement our own script would send, sent alone: both sides then differ only in SQL. */
static void ours_batch(PGconn *pg)
{
    static struct posting batch[BATCH];
    unsigned from, to;
    for (int i = 0; i < BATCH; i++)
        batch[i] = transfer(false, &from, &to);
    struct db_script *script = db_script_new();
    ledger_add_many(script, batch, BATCH);
    must(pg, PQexecPrepared(pg, "ours", script->first->n, (const char *const *)script->first->param,
                            NULL, NULL, 0));
    db_script_free(script);
}

struct text {
    char *at;
    size_t n;
};

static void text_put(struct text *t, const char *item)
{
    t->n += (size_t)snprintf(t->at + t->n, SQL_MAX - t->n, "%c%s", t->n == 0 ? '{' : ',', item);
    CHECK(t->n < SQL_MAX - 128);
}

enum { FLOOR_ID, FLOOR_HASH, FLOOR_FROM, FLOOR_TO, FLOOR_AMOUNT, FLOOR_PARAMS };

static void floor_item(const struct posting *p, unsigned from, unsigned to,
                       char item[FLOOR_PARAMS][80])
{
    uint8_t hash[32];
    ledger_command_hash(p, hash);
    uuid_format(&p->txn_id, item[FLOOR_ID]);
    snprintf(item[FLOOR_HASH], 80, "\\x");
    hex_encode(hash, sizeof hash, item[FLOOR_HASH] + 2);
    snprintf(item[FLOOR_FROM], 80, "%" PRId64, ID[from]);
    snprintf(item[FLOOR_TO], 80, "%" PRId64, ID[to]);
    snprintf(item[FLOOR_AMOUNT], 80, "1");
}

static void floor_batch(PGconn *pg)
{
    static char memory[FLOOR_PARAMS][SQL_MAX];
    struct text text[FLOOR_PARAMS];
    for (int k = 0; k < FLOOR_PARAMS; k++)
        text[k] = (struct text){.at = memory[k]};
    for (int i = 0; i < BATCH; i++) {
        unsigned from, to;
        char item[FLOOR_PARAMS][80], quoted[96];
        struct posting p = transfer(false, &from, &to);
        floor_item(&p, from, to, item);
        snprintf(quoted, sizeof quoted, "\"\\%s\"", item[FLOOR_HASH]);
        for (int k = 0; k < FLOOR_PARAMS; k++)
            text_put(&text[k], k == FLOOR_HASH ? quoted : item[k]);
    }
    const char *params[FLOOR_PARAMS];
    for (int k = 0; k < FLOOR_PARAMS; k++) {
        text_put(&text[k], "");
        text[k].at[text[k].n - 1] = '}';
        params[k] = text[k].at;
    }
    must(pg, PQexecPrepared(pg, "floor", FLOOR_PARAMS, params, NULL, NULL, 0));
}

/* --- figures ----------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *sample, size_t n)
{
    qsort(sample, n, sizeof *sample, by_size);
    return sample[n / 2];
}

/* Sorts both. ratio is our value over the other's. */
static void report(const char *name, const char *unit, const char *against, double *ours,
                   double *theirs, size_t n)
{
    double value = median(ours, n), other = median(theirs, n);
    printf(
        "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"against\":\"%s\",\"against_value\":%.1f,"
        "\"ratio\":%.3f,\"samples\":%zu,\"min\":%.1f,\"max\":%.1f}\n",
        name, value, unit, against, other, value / other, n, ours[0], ours[n - 1]);
    fflush(stdout);
}

static double batch_rate(PGconn *pg, void (*batch)(PGconn *))
{
    uint64_t start = now_ns();
    for (int i = 0; i < BATCHES; i++)
        batch(pg);
    return BATCHES * BATCH / ((double)(now_ns() - start) / 1e9);
}

static void bench_batch(PGconn *pg, double *ours)
{
    double floor[ROUNDS];
    batch_rate(pg, ours_batch);
    batch_rate(pg, floor_batch);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = batch_rate(pg, ours_batch);
        floor[i] = batch_rate(pg, floor_batch);
    }
    report("ledger.batch100", "transfers/s", "set-based floor", ours, floor, ROUNDS);
}

/* Only our side of the history grows, by batches of our own. */
static void bench_growth(PGconn *pg, const char *name, int history, double *at_start)
{
    double later[ROUNDS];
    for (int i = 0; i < history / BATCH; i++)
        ours_batch(pg);
    for (int i = 0; i < ROUNDS; i++)
        later[i] = batch_rate(pg, ours_batch);
    report(name, "transfers/s", "rate at the start", later, at_start, ROUNDS);
}

/* --- one by one -------------------------------------------------------------------------------- */

static void on_single(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    CHECK(err == NULL);
    uv_stop(ctx);
}

static double single_ours_us(uv_loop_t *loop, struct db *db)
{
    unsigned from, to;
    struct posting p = transfer(false, &from, &to);
    uint64_t start = now_ns();
    struct db_script *script = db_script_new();
    ledger_add(script, &p);
    db_run(db, script, on_single, loop);
    uv_run(loop, UV_RUN_DEFAULT);
    return (double)(now_ns() - start) / 1e3;
}

static void floor_one_params(char item[FLOOR_PARAMS][80], const char **params, bool hot)
{
    unsigned from, to;
    struct posting p = transfer(hot, &from, &to);
    floor_item(&p, from, to, item);
    for (int k = 0; k < FLOOR_PARAMS; k++)
        params[k] = item[k];
}

static double single_floor_us(PGconn *pg)
{
    char item[FLOOR_PARAMS][80];
    const char *params[FLOOR_PARAMS];
    floor_one_params(item, params, false);
    uint64_t start = now_ns();
    must(pg, PQexecPrepared(pg, "one", FLOOR_PARAMS, params, NULL, NULL, 0));
    return (double)(now_ns() - start) / 1e3;
}

static const char MOVE_ONE[] = "SELECT floor.move_one($1, $2, $3, $4, $5)";

static void bench_single(PGconn *pg)
{
    static double ours[SINGLES], theirs[SINGLES];
    uv_loop_t loop;
    CHECK(uv_loop_init(&loop) == 0);
    struct db *db = db_new(&loop, CONNINFO, 1);
    for (int i = 0; i < SINGLES / 4; i++) { /* warm: plans and caches on both sides */
        single_ours_us(&loop, db);
        single_floor_us(pg);
    }
    for (int i = 0; i < SINGLES; i++) {
        ours[i] = single_ours_us(&loop, db);
        theirs[i] = single_floor_us(pg);
    }
    db_free(db);
    while (uv_run(&loop, UV_RUN_DEFAULT) != 0)
        continue;
    uv_loop_close(&loop);
    report("ledger.single", "us p50", "bare one-function commit", ours, theirs, SINGLES);
}

/* --- 64 callers, one account ------------------------------------------------------------------- */

/* Each caller has one transfer waiting; the writer takes all that wait when its last batch is durable. */
struct gather {
    uv_loop_t *loop;
    struct db *db;
    uint64_t until_ns, done;
};

static void gather_send(struct gather *g);

static void on_gathered(void *ctx, const struct err *err, struct db_result *res)
{
    struct gather *g = ctx;
    (void)res;
    CHECK(err == NULL);
    g->done += CALLERS;
    if (now_ns() < g->until_ns)
        gather_send(g);
    else
        uv_stop(g->loop);
}

static void gather_send(struct gather *g)
{
    struct posting batch[CALLERS];
    unsigned from, to;
    for (int i = 0; i < CALLERS; i++)
        batch[i] = transfer(true, &from, &to);
    struct db_script *script = db_script_new();
    ledger_add_many(script, batch, CALLERS);
    db_run(g->db, script, on_gathered, g);
}

static double hot_ours(void)
{
    uv_loop_t loop;
    CHECK(uv_loop_init(&loop) == 0);
    struct gather g = {.loop = &loop, .db = db_new(&loop, CONNINFO, 1)};
    single_ours_us(&loop, g.db);
    uint64_t start = now_ns();
    g.until_ns = start + HOT_MS * UINT64_C(1000000);
    gather_send(&g);
    uv_run(&loop, UV_RUN_DEFAULT);
    double rate = (double)g.done / ((double)(now_ns() - start) / 1e9);
    db_free(g.db);
    while (uv_run(&loop, UV_RUN_DEFAULT) != 0)
        continue;
    uv_loop_close(&loop);
    return rate;
}

static void caller_send(PGconn *pg)
{
    char item[FLOOR_PARAMS][80];
    const char *params[FLOOR_PARAMS];
    floor_one_params(item, params, true);
    CHECK(PQsendQueryPrepared(pg, "one", FLOOR_PARAMS, params, NULL, NULL, 0) == 1);
}

/* Takes what has arrived; true when the caller's transfer is done. */
static bool caller_take(PGconn *pg)
{
    CHECK(PQconsumeInput(pg) == 1);
    while (!PQisBusy(pg)) {
        PGresult *r = PQgetResult(pg);
        if (r == NULL)
            return true;
        must(pg, r);
    }
    return false;
}

static double hot_row_locks(PGconn **caller)
{
    struct pollfd fd[CALLERS];
    uint64_t done = 0, start = now_ns(), until = start + HOT_MS * UINT64_C(1000000);
    int busy = CALLERS;
    for (int i = 0; i < CALLERS; i++) {
        caller_send(caller[i]);
        fd[i] = (struct pollfd){.fd = PQsocket(caller[i]), .events = POLLIN};
    }
    while (busy > 0) {
        CHECK(poll(fd, CALLERS, -1) > 0);
        for (int i = 0; i < CALLERS; i++) {
            if ((fd[i].revents & POLLIN) == 0 || !caller_take(caller[i]))
                continue;
            done++;
            if (now_ns() < until) {
                caller_send(caller[i]);
            } else {
                fd[i].fd = -1;
                busy--;
            }
        }
    }
    return (double)done / ((double)(now_ns() - start) / 1e9);
}

static void bench_hot(void)
{
    PGconn *caller[CALLERS];
    double ours[HOT_ROUNDS], theirs[HOT_ROUNDS];
    for (int i = 0; i < CALLERS; i++) {
        caller[i] = server();
        must(caller[i], PQprepare(caller[i], "one", MOVE_ONE, 0, NULL));
    }
    for (int i = 0; i < HOT_ROUNDS; i++) {
        ours[i] = hot_ours();
        theirs[i] = hot_row_locks(caller);
    }
    for (int i = 0; i < CALLERS; i++)
        PQfinish(caller[i]);
    report("ledger.hot64", "transfers/s", "64 connections, row locks", ours, theirs, HOT_ROUNDS);
}

/* --- beginning --------------------------------------------------------------------------------- */

static void sql_file(PGconn *pg, const char *path)
{
    static char sql[SQL_MAX];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "bench-ledger: %s is missing; run it from the top of the tree\n", path);
        exit(1);
    }
    size_t n = fread(sql, 1, sizeof sql - 1, file);
    fclose(file);
    sql[n] = '\0';
    must(pg, PQexec(pg, sql));
}

/* 200 accounts with money, the same on both sides. */
static void accounts_fill(PGconn *pg)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        OWNER[i] = uuid_new();
        struct posting p = {.kind = POSTING_CORRECTION, .txn_id = uuid_new()};
        posting_add(&p, LAYER_POSTED, ACCOUNT_ISSUER_MXNB, NULL, INT64_C(1000000000000));
        posting_add(&p, LAYER_POSTED, ACCOUNT_COMMISSION, &OWNER[i], -INT64_C(1000000000000));
        struct db_script *script = db_script_new();
        ledger_add(script, &p);
        must(pg, PQexecParams(pg, script->first->sql, script->first->n, NULL,
                              (const char *const *)script->first->param, NULL, NULL, 0));
        db_script_free(script);
    }
    sql_file(pg, "tests/bench/ledger_floor.sql");
    must(pg, PQexec(pg, "INSERT INTO floor.account SELECT * FROM relayer.account;"
                        "INSERT INTO floor.balance SELECT * FROM relayer.balance"));
    PGresult *r = PQexec(pg, "SELECT id, code FROM account WHERE class = 'commission'");
    CHECK(PQntuples(r) == ACCOUNTS);
    for (int i = 0; i < ACCOUNTS; i++) {
        struct uuid owner;
        enum account_class class;
        CHECK(account_code_parse(PQgetvalue(r, i, 1), &class, &owner));
        for (int k = 0; k < ACCOUNTS; k++) {
            if (uuid_equal(&owner, &OWNER[k]))
                ID[k] = strtoll(PQgetvalue(r, i, 0), NULL, 10);
        }
    }
    PQclear(r);
    must(pg, PQexec(pg, "ANALYZE"));
}

/* A connection whose plans are made now: with the statistics of the history there is. */
static PGconn *server_anew(PGconn *pg)
{
    if (pg != NULL) {
        must(pg, PQexec(pg, "ANALYZE"));
        PQfinish(pg);
    }
    pg = server();
    must(pg, PQprepare(pg, "floor", "SELECT floor.move($1, $2, $3, $4, $5)", 0, NULL));
    must(pg, PQprepare(pg, "one", MOVE_ONE, 0, NULL));
    unsigned from, to;
    struct posting p = transfer(false, &from, &to);
    struct db_script *script = db_script_new();
    ledger_add(script, &p);
    must(pg, PQprepare(pg, "ours", script->first->sql, 0, NULL));
    db_script_free(script);
    return pg;
}

/* Both sides begin with the same history. */
static PGconn *history_fill(PGconn *pg)
{
    pg = server_anew(pg);
    for (int i = 0; i < HISTORY / BATCH; i++) {
        ours_batch(pg);
        floor_batch(pg);
    }
    return server_anew(pg);
}

/* The figures mean nothing if the money is wrong. */
static void ledger_prove(PGconn *pg)
{
    PGresult *r = PQexec(pg, "SELECT count(*) FROM ledger_check()");
    CHECK(PQresultStatus(r) == PGRES_TUPLES_OK && strcmp(PQgetvalue(r, 0, 0), "0") == 0);
    PQclear(r);
}

int main(int argc, char **argv)
{
    bool long_run = argc > 1 && strcmp(argv[1], "--long") == 0;
    if (getenv("KUSTODIA_PG_DATA") == NULL) {
        execl("tests/support/pg.sh", "pg.sh", "run", argv[0], argc > 1 ? argv[1] : NULL, NULL);
        fprintf(
            stderr,
            "bench-ledger: cannot run tests/support/pg.sh; start it from the top of the tree\n");
        return 1;
    }
    snprintf(CONNINFO, sizeof CONNINFO, "host=%s user=postgres dbname=postgres", getenv("PGHOST"));
    struct err err = {0};
    int applied;
    if (!migrate_apply(CONNINFO, &applied, &err)) {
        fprintf(stderr, "bench-ledger: %s\n", err.message);
        return 1;
    }
    double at_start[ROUNDS];
    PGconn *pg = server();
    accounts_fill(pg);
    pg = history_fill(pg);
    bench_batch(pg, at_start);
    bench_single(pg);
    bench_hot();
    bench_growth(pg, "ledger.growth10", 9 * HISTORY, at_start);
    if (long_run)
        bench_growth(pg, "ledger.growth100", 90 * HISTORY, at_start);
    ledger_prove(pg);
    PQfinish(pg);
    return 0;
}
