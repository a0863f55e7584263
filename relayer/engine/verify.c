#include "relayer/engine/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/loop.h"
#include "relayer/base/mem.h"
#include "relayer/chain/node.h"
#include "relayer/engine/engine.h"
#include "relayer/engine/verify_compare.h"

/* One verification: the books against each other, the newest final block, then pages of payments, of
 * transactions, of escrows. A failed door ends it; what is under way is waited for first. */
enum stage { STAGE_BLOCK, STAGE_PROMISES, STAGE_TXS, STAGE_ESCROWS };

struct verify {
    struct engine *engine;
    verify_cb *cb;
    void *ctx;
    struct verify_query query;
    struct verify_places places;
    struct verify_report report;
    enum stage stage;
    bool failed;
    struct err err;
    size_t calls; /* jobs under way */
    size_t next;  /* of the page */
    bool has_after;
    uint8_t after[32]; /* where the next page begins: a hash or, of payments, an id */
    size_t promises_n;
    struct audit_promise promise[AUDIT_PROMISES_MAX];
    struct audit_page page;
    size_t escrows_n;
    struct audit_escrow escrow[AUDIT_ESCROWS_MAX];
};

/* One transaction or escrow of the page on its way to the node. */
struct job {
    struct verify *v;
    const struct audit_tx *tx;
    struct chain_block block;
    struct audit_escrow escrow;
    int looks;
    struct loop_timer *timer;
};

static void page_turn(struct verify *v);
static void page_ask(struct verify *v);

static struct audit_scope scope_of(const struct verify *v)
{
    return (struct audit_scope){.payment = v->query.has_payment ? &v->query.payment : NULL,
                                .tx_hash = v->query.has_tx ? v->query.tx_hash : NULL};
}

static void finish(struct verify *v)
{
    audit_page_clear(&v->page);
    v->cb(v->ctx, v->failed ? &v->err : NULL, v->failed ? NULL : &v->report);
    free(v);
}

/* The first error counts. */
static void failed(struct verify *v, const struct err *err)
{
    if (!v->failed)
        v->err = *err;
    v->failed = true;
}

/* A daemon that stops closes its doors: nothing new may be asked of them. */
static bool stopping(struct verify *v)
{
    if (!v->engine->stopping)
        return false;
    struct err err;
    err_set(&err, ERR_CANCELLED, "the daemon is stopping; nothing was concluded");
    failed(v, &err);
    return true;
}

static void job_ended(struct job *job)
{
    struct verify *v = job->v;
    loop_timer_free(job->timer);
    free(job);
    v->calls--;
    page_turn(v);
}

static void job_failed(struct job *job, const struct err *err)
{
    failed(job->v, err);
    job_ended(job);
}

static struct job *job_new(struct verify *v)
{
    struct job *job = mem_new(sizeof *job);
    job->v = v;
    v->calls++;
    return job;
}

/* --- transactions ----------------------------------------------------------------------------- */

static void receipt_read(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    struct job *job = ctx;
    if (err != NULL) {
        job_failed(job, err);
        return;
    }
    struct verify *v = job->v;
    struct verify_answer answer = {.receipt = receipt, .block = &job->block};
    verify_compare_tx(&v->report, &v->places, &v->page, job->tx, &answer);
    job_ended(job);
}

static void tx_block_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct job *job = ctx;
    if (err != NULL) {
        job_failed(job, err);
        return;
    }
    job->block = *block;
    if (stopping(job->v)) {
        job_ended(job);
        return;
    }
    node_receipt(job->v->engine->node, job->tx->hash, receipt_read, job);
}

static void tx_start(struct verify *v, const struct audit_tx *tx)
{
    struct job *job = job_new(v);
    job->tx = tx;
    node_block(v->engine->node, (struct node_at){.tag = NODE_NUMBER, .number = tx->block_number},
               tx_block_read, job);
}

/* --- escrows ---------------------------------------------------------------------------------- */

static void escrow_ask(struct job *job);

static void escrow_looked_up(void *ctx, const struct err *err, struct db_result *res)
{
    struct job *job = ctx;
    if (err != NULL) {
        job_failed(job, err);
        return;
    }
    (void)audit_parse_escrows(res, &job->escrow, 1);
    if (stopping(job->v))
        job_ended(job);
    else
        escrow_ask(job);
}

static void escrow_again(void *ctx)
{
    struct job *job = ctx;
    if (stopping(job->v))
        job_ended(job);
    else
        db_query(job->v->engine->db, audit_escrow_one(job->escrow.id), escrow_looked_up, job);
}

/* The contract is asked at the newest block, which the watcher may not have read yet: what does not agree
 * is looked at again before it counts. */
static void escrow_read(void *ctx, const struct err *err, const struct bytes *data)
{
    struct job *job = ctx;
    struct verify *v = job->v;
    struct escrow_view view;
    struct err bad = {.code = ERR_NONE};
    if (err == NULL && !escrow_view_decode(*data, &view)) {
        err_set(&bad, ERR_CHAIN_ANSWER, "escrow(): the contract's answer cannot be read");
        err = &bad;
    }
    if (err != NULL) {
        job_failed(job, err);
        return;
    }
    job->looks++;
    if (!verify_escrow_agrees(&job->escrow, &view) && job->looks < VERIFY_LOOKS_MAX) {
        if (job->timer == NULL)
            job->timer = loop_timer_new(v->engine->loop, escrow_again, job);
        loop_timer_start(job->timer, VERIFY_LOOK_AGAIN_MS, 0);
        return;
    }
    verify_compare_escrow(&v->report, &job->escrow, &view);
    job_ended(job);
}

static void escrow_ask(struct job *job)
{
    struct verify *v = job->v;
    uint8_t mem[64];
    struct buf data;
    buf_init(&data, mem, sizeof mem);
    (void)escrow_view_encode(job->escrow.id, &data);
    struct node_message message = {
        .to = v->places.escrow, .data = buf_bytes(&data), .at = {.tag = NODE_LATEST}};
    node_call(v->engine->node, &message, escrow_read, job);
}

static void escrow_start(struct verify *v, const struct audit_escrow *escrow)
{
    struct job *job = job_new(v);
    job->escrow = *escrow;
    escrow_ask(job);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void after_set(struct verify *v, const uint8_t *key, size_t n)
{
    v->has_after = true;
    memcpy(v->after, key, n);
}

static size_t page_size(const struct verify *v)
{
    switch (v->stage) {
    case STAGE_BLOCK:
        return 0;
    case STAGE_PROMISES:
        return v->promises_n;
    case STAGE_TXS:
        return v->page.txs_n;
    case STAGE_ESCROWS:
        return v->escrows_n;
    }
    return 0;
}

static void page_of_txs(struct verify *v, struct db_result *res)
{
    audit_parse_txs(res, &v->page);
    if (v->page.logs_n >= AUDIT_ROWS_MAX || v->page.effects_n >= AUDIT_ROWS_MAX) {
        struct err bad;
        err_set(&bad, ERR_LIMIT, "more than %d logs or effects in %d transactions", AUDIT_ROWS_MAX,
                AUDIT_TXS_MAX);
        failed(v, &bad);
    } else if (v->page.txs_n > 0) {
        after_set(v, v->page.tx[v->page.txs_n - 1].hash, 32);
    }
}

static void page_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct verify *v = ctx;
    v->next = 0;
    if (err != NULL) {
        failed(v, err);
    } else if (v->stage == STAGE_PROMISES) {
        v->promises_n = audit_parse_promises(res, v->promise, AUDIT_PROMISES_MAX);
        if (v->promises_n > 0)
            after_set(v, v->promise[v->promises_n - 1].payment.id.b, sizeof(struct uuid));
    } else if (v->stage == STAGE_TXS) {
        page_of_txs(v, res);
    } else {
        v->escrows_n = audit_parse_escrows(res, v->escrow, AUDIT_ESCROWS_MAX);
        if (v->escrows_n > 0)
            after_set(v, v->escrow[v->escrows_n - 1].id, 32);
    }
    page_turn(v);
}

static void page_ask(struct verify *v)
{
    struct audit_scope scope = scope_of(v);
    const uint8_t *after = v->has_after ? v->after : NULL;
    struct uuid last;
    memcpy(last.b, v->after, sizeof last.b);
    audit_page_clear(&v->page);
    v->promises_n = v->escrows_n = 0;
    struct db_script *script = v->stage == STAGE_PROMISES
                                   ? audit_promises(&scope, v->has_after ? &last : NULL)
                               : v->stage == STAGE_TXS ? audit_txs(&scope, after)
                                                       : audit_escrows(&scope, after);
    db_query(v->engine->db, script, page_read, v);
}

static void item_start(struct verify *v, size_t at)
{
    if (v->stage == STAGE_PROMISES)
        verify_compare_promise(&v->report, &v->promise[at]);
    else if (v->stage == STAGE_TXS)
        tx_start(v, &v->page.tx[at]);
    else
        escrow_start(v, &v->escrow[at]);
}

/* Keeps the node busy with this page; then the next page, the next stage, the end. An empty page ends a
 * stage. */
static void page_turn(struct verify *v)
{
    (void)stopping(v);
    while (!v->failed && v->calls < VERIFY_CALLS_MAX && v->next < page_size(v))
        item_start(v, v->next++);
    if (v->calls > 0)
        return;
    bool was_empty = page_size(v) == 0;
    if (v->failed || (was_empty && v->stage == STAGE_ESCROWS)) {
        finish(v);
        return;
    }
    if (was_empty) {
        v->stage = v->stage == STAGE_PROMISES ? STAGE_TXS : STAGE_ESCROWS;
        v->has_after = false;
    }
    page_ask(v);
}

/* --- the books and the newest final block ----------------------------------------------------- */

static void policy_block_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct verify *v = ctx;
    if (err != NULL) {
        failed(v, err);
        finish(v);
        return;
    }
    v->report.checked++;
    if (!block->present || memcmp(block->hash, v->report.block_hash, 32) != 0) {
        char where[64];
        snprintf(where, sizeof where, "block %llu", (unsigned long long)v->report.block_number);
        verify_add(&v->report, &(struct verify_words){
                                   where, "the block we followed as final",
                                   block->present ? "another block" : "no block",
                                   "a block below finality was replaced: pause, ask another node"});
    }
    v->stage = STAGE_PROMISES;
    if (stopping(v))
        finish(v);
    else
        page_ask(v);
}

static bool scope_is_known(struct verify *v, const struct audit_books *books)
{
    if (v->query.has_payment && !books->payment_known)
        return err_fail(&v->err, ERR_NOT_FOUND, "there is no such payment");
    if (v->query.has_tx && !books->tx_known)
        return err_fail(&v->err, ERR_NOT_FOUND,
                        "neither we nor our contracts know this transaction");
    if (v->query.has_tx && !books->tx_final)
        return err_fail(&v->err, ERR_AUDIT_EVIDENCE, "this transaction is not final yet (%s)",
                        books->tx_state[0] != '\0' ? books->tx_state : "seen");
    return true;
}

static void add_findings(struct verify *v, const struct audit_books *books, struct db_result *res)
{
    for (int stmt = books->findings_first; stmt < books->findings_end; stmt++) {
        for (int r = 0; r < db_rows(res, stmt); r++) {
            const char *text[4];
            for (int c = 0; c < 4; c++) {
                const char *field = db_get(res, stmt, r, c);
                text[c] = field != NULL ? field : "(nothing)";
            }
            verify_add(&v->report, &(struct verify_words){text[0], text[1], text[2], text[3]});
        }
    }
}

static void books_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct verify *v = ctx;
    struct audit_books books;
    if (err != NULL) {
        failed(v, err);
        finish(v);
        return;
    }
    audit_parse_books(res, &books);
    if (!scope_is_known(v, &books)) {
        v->failed = true;
        finish(v);
        return;
    }
    add_findings(v, &books, res);
    v->report.checked = books.facts + books.accounts + books.juno;
    v->report.accounts = books.accounts;
    v->report.juno = books.juno;
    v->report.block_number = books.block_number;
    memcpy(v->report.block_hash, books.block_hash, sizeof v->report.block_hash);
    if (stopping(v)) {
        finish(v);
        return;
    }
    if (!books.block_known) {
        v->stage = STAGE_PROMISES;
        page_ask(v);
        return;
    }
    node_block(v->engine->node, (struct node_at){.tag = NODE_NUMBER, .number = books.block_number},
               policy_block_read, v);
}

static const char *finality_name(enum config_finality finality)
{
    switch (finality) {
    case FINALITY_LATEST:
        return "latest";
    case FINALITY_SAFE:
        return "safe";
    case FINALITY_FINALIZED:
        return "finalized";
    }
    return "unknown";
}

void verify_run(struct engine *engine, const struct verify_query *query, verify_cb *cb, void *ctx)
{
    const struct config *config = engine->config;
    struct verify *v = mem_new(sizeof *v);
    v->engine = engine;
    v->cb = cb;
    v->ctx = ctx;
    v->query = *query;
    v->places.chain_id = config->chain_chain_id;
    memcpy(v->places.escrow, config->chain_escrow.b, 20);
    memcpy(v->places.token, config->chain_token.b, 20);
    memcpy(v->places.bridge, config->chain_bridge.b, 20);
    memcpy(v->places.juno, config->juno_deposit_address.b, 20);
    snprintf(v->report.finality, sizeof v->report.finality, "%s",
             finality_name(config->chain_finality));
    struct audit_scope scope = scope_of(v);
    db_query(engine->db, audit_books(&scope), books_read, v);
}
