/* The queue and the pool. A connection does the talking (db_conn.c); here is who gets which one. */
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/store/db_inside.h"

void db_list_push(struct db_list *list, struct db_job *job)
{
    job->next = NULL;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->n++;
}

void db_list_push_front(struct db_list *list, struct db_job *job)
{
    job->next = list->first;
    list->first = job;
    if (list->last == NULL)
        list->last = job;
    list->n++;
}

struct db_job *db_list_take(struct db_list *list)
{
    struct db_job *job = list->first;
    if (job == NULL)
        return NULL;
    list->first = job->next;
    if (list->first == NULL)
        list->last = NULL;
    list->n--;
    job->next = NULL;
    return job;
}

void db_trouble_set(struct db *db, const char *text)
{
    size_t n = strcspn(text, "\n");
    if (n >= sizeof db->trouble)
        n = sizeof db->trouble - 1;
    memmove(db->trouble, text, n); /* text may be the old trouble itself */
    db->trouble[n] = '\0';
}

void db_job_end(struct db *db, struct db_job *job)
{
    db_list_push(&db->ended, job);
    loop_timer_start(db->soon, 0, 0);
}

static void job_fail_away(struct db *db, struct db_job *job, const char *why)
{
    job->failed = true;
    err_set(&job->err, ERR_DB_AWAY, "%s%s%s", why, db->trouble[0] != '\0' ? ": " : "", db->trouble);
    db_job_end(db, job);
}

/* Nothing of it happened, so it may simply be sent again, while its time lasts. */
void db_job_lost(struct db *db, struct db_job *job)
{
    db_result_clear(&job->res);
    job->failed = false;
    if (job->repeats++ < DB_REPEATS && !db->closing) {
        job->deadline_ms = clock_mono_ms() + DB_WAIT_MS;
        db_list_push_front(&db->queue, job);
    } else {
        job_fail_away(db, job, "the connection was lost before COMMIT");
    }
}

void db_job_unknown(struct db *db, struct db_job *job, const char *why)
{
    job->failed = true;
    err_set(&job->err, ERR_DB_UNKNOWN, "%s", why);
    db_result_clear(&job->res);
    db_job_end(db, job);
}

void db_job_doubt(struct db *db, struct db_job *job)
{
    if (db->closing) {
        db_job_unknown(db, job, "the connection was lost inside COMMIT while closing");
        return;
    }
    job->failed = false;
    if (job->deadline_ms == 0)
        job->deadline_ms = clock_mono_ms() + DB_DOUBT_MS;
    db_list_push(&db->doubt, job);
}

static void count_outcome(const struct db_job *job)
{
    if (!job->failed)
        metrics_add(METRIC_db_scripts, 1);
    else if (job->err.code == ERR_DB_CONFLICT)
        metrics_add(METRIC_db_conflicts, 1);
    else if (job->err.code == ERR_DB_UNKNOWN)
        metrics_add(METRIC_db_unknown, 1);
    else
        metrics_add(METRIC_db_errors, 1);
}

/* Calls back for everything that has ended, also for what ends meanwhile. */
static void callbacks_run(struct db *db)
{
    struct db_job *job;
    while ((job = db_list_take(&db->ended)) != NULL) {
        count_outcome(job);
        job->done(job->ctx, job->failed ? &job->err : NULL, &job->res);
        db_result_clear(&job->res);
        db_script_free(job->script);
        free(job);
    }
}

static void work_hand_out(struct db *db)
{
    for (unsigned i = 0; i < db->pool && db->doubt.n + db->queue.n > 0; i++) {
        struct db_conn *conn = &db->conn[i];
        if (conn->state != CONN_IDLE)
            continue;
        if (db->doubt.n > 0)
            conn_ask(conn, db_list_take(&db->doubt));
        else
            conn_run(conn, db_list_take(&db->queue));
    }
}

/* The tick is needed while anything has a deadline or waits for a connection. */
static void tick_arm(struct db *db)
{
    bool needed = db->queue.n + db->doubt.n > 0;
    int64_t in_use = 0;
    for (unsigned i = 0; i < db->pool; i++) {
        needed |= db->conn[i].state != CONN_IDLE;
        in_use += db->conn[i].job != NULL;
    }
    metrics_set(METRIC_db_pool_in_use, in_use);
    metrics_set(METRIC_db_queued, (int64_t)db->queue.n);
    if (needed && !loop_timer_active(db->tick))
        loop_timer_start(db->tick, DB_TICK_MS, DB_TICK_MS);
    else if (!needed)
        loop_timer_stop(db->tick);
}

void db_turn(struct db *db)
{
    if (db->closing)
        return;
    work_hand_out(db);
    callbacks_run(db);
    tick_arm(db);
}

/* Ends what waited too long, by the given end; the rest keeps its order. */
static void list_expire(struct db *db, struct db_list *list, int64_t now_ms,
                        void (*end)(struct db *, struct db_job *, const char *), const char *why)
{
    struct db_list kept = {0};
    struct db_job *job;
    while ((job = db_list_take(list)) != NULL) {
        if (now_ms < job->deadline_ms)
            db_list_push(&kept, job);
        else
            end(db, job, why);
    }
    *list = kept;
}

static void on_tick(void *ctx)
{
    struct db *db = ctx;
    int64_t now_ms = clock_mono_ms();
    for (unsigned i = 0; i < db->pool; i++) {
        struct db_conn *conn = &db->conn[i];
        if (conn->state == CONN_DOWN && now_ms >= conn->retry_at_ms)
            conn_open(conn);
        else if (conn->deadline_ms != 0 && now_ms >= conn->deadline_ms)
            conn_lost(conn, "no answer in time");
    }
    list_expire(db, &db->queue, now_ms, job_fail_away, "no database connection in time");
    list_expire(db, &db->doubt, now_ms, db_job_unknown,
                "the connection was lost inside COMMIT and the end could not be found out in time");
    db_turn(db);
}

static void on_soon(void *ctx)
{
    db_turn(ctx);
}

struct db *db_new(struct uv_loop_s *loop, const char *conninfo, unsigned pool)
{
    CHECK(pool >= 1 && pool <= DB_POOL_MAX);
    struct db *db = mem_new(sizeof *db);
    db->loop = loop;
    db->pool = pool;
    db->conninfo = mem_text(conninfo);
    db->conn = mem_new_array(pool, sizeof *db->conn);
    db->tick = loop_timer_new(loop, on_tick, db);
    db->soon = loop_timer_new(loop, on_soon, db);
    for (unsigned i = 0; i < pool; i++) {
        db->conn[i].db = db;
        conn_open(&db->conn[i]);
    }
    tick_arm(db);
    return db;
}

void db_free(struct db *db)
{
    if (db == NULL)
        return;
    db->closing = true;
    for (unsigned i = 0; i < db->pool; i++)
        conn_close(&db->conn[i]);
    struct db_job *job;
    while ((job = db_list_take(&db->doubt)) != NULL)
        db_job_unknown(db, job, "closing while the end of a lost COMMIT was looked for");
    while ((job = db_list_take(&db->queue)) != NULL)
        job_fail_away(db, job, "closing before a connection was free");
    callbacks_run(db);
    loop_timer_free(db->tick);
    loop_timer_free(db->soon);
    free(db->conn);
    free(db->conninfo);
    free(db);
}

bool db_ready(const struct db *db)
{
    for (unsigned i = 0; i < db->pool; i++) {
        if (db->conn[i].state >= CONN_IDLE)
            return true;
    }
    return false;
}

const char *db_trouble(const struct db *db)
{
    return db->trouble;
}

size_t db_load(const struct db *db)
{
    size_t load = db->queue.n + db->doubt.n;
    for (unsigned i = 0; i < db->pool; i++)
        load += db->conn[i].job != NULL;
    return load;
}

static void script_take(struct db *db, struct db_job *job)
{
    if (job->script->n == 0) {
        db_job_end(db, job);
        return;
    }
    if (db->closing || db->queue.n >= DB_QUEUE_MAX) {
        job->failed = true;
        err_set(&job->err, ERR_BUSY, "database: %zu scripts are waiting", db->queue.n);
        db_job_end(db, job);
        return;
    }
    job->deadline_ms = clock_mono_ms() + DB_WAIT_MS;
    db_list_push(&db->queue, job);
    work_hand_out(db);
    tick_arm(db);
}

static struct db_job *job_new(struct db_script *script, bool read, db_done_cb done, void *ctx)
{
    struct db_job *job = mem_new(sizeof *job);
    job->script = script;
    job->read = read;
    job->done = done;
    job->ctx = ctx;
    job->res.failed = -1;
    return job;
}

void db_run(struct db *db, struct db_script *script, db_done_cb done, void *ctx)
{
    script_take(db, job_new(script, false, done, ctx));
}

void db_query(struct db *db, struct db_script *script, db_done_cb done, void *ctx)
{
    script_take(db, job_new(script, true, done, ctx));
}
