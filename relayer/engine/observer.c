#include "relayer/engine/observer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/report.h"
#include "relayer/flows/book.h"
#include "relayer/flows/deposit.h"
#include "relayer/juno/client.h"
#include "relayer/money/amount.h"
#include "relayer/store/ledger.h"
#include "relayer/store/observed.h"

/* One round walks these topics in order; each topic may take several pages and several commits. */
enum topic { TOPIC_DEPOSITS, TOPIC_ISSUANCES, TOPIC_CREDITS, TOPIC_MATCH, TOPICS };

enum {
    PAGE = 100,
    PAGES_MAX = 50,
    GAP_MS = 200, /* from round to round at least: one look answers many webhooks */
    BATCH = 50,   /* rows stored in one transaction */
};

struct observer {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;
    int64_t begun_ms;
    enum topic topic;
    int64_t begun_wall_ms; /* of this round */
    unsigned page;
    bool full_page; /* another page may hold news */
    size_t at;      /* first row of the page not handled yet */
    size_t limit;   /* rows of the next transaction; one after a refusal, until a round succeeds */
    size_t batch[BATCH]; /* deposits of the page that are being stored */
    size_t batch_n;
    struct juno_deposits deposits;
    bool is_new[JUNO_ROWS_MAX];
    struct juno_txns txns;
    struct juno_txn details[BATCH]; /* looked up, not stored yet */
    size_t details_n;
    bool gives_up; /* Juno did not answer: store what there is and end the round */
    struct issuance_match matches[ISSUANCE_MATCH_MAX];
    size_t matches_n;
};

static void next_deposit(struct observer *o);
static void next_txn(struct observer *o);
static void next_match(struct observer *o);
static void start_topic(struct observer *o);

static void round_ended(struct observer *o)
{
    o->busy = false;
    if (o->again)
        observer_kick(o);
}

static void juno_failed(struct observer *o, const struct err *err)
{
    metrics_add(METRIC_juno_errors, 1);
    engine_waits(o->engine, DOOR_JUNO, err);
    round_ended(o);
}

/* A row that the database refuses must not hold back the rows behind it: it is left out, loudly, and
 * offered again at the next round. */
static bool row_refused(struct observer *o, const struct err *err, const char *what)
{
    if (err->code != ERR_DB_RULE)
        return false;
    if (engine_alarm(o->engine, "observed_rule", what, err->message))
        log_broken("observed_rule", "%s: %s", what, err->message);
    return true;
}

static void database_failed(struct observer *o, const struct err *err)
{
    if (err->code != ERR_DB_CONFLICT)
        engine_waits(o->engine, DOOR_DATABASE, err);
    o->again = o->again || err->code == ERR_DB_CONFLICT;
    o->limit = 1; /* so that what was refused holds back nothing before it */
    round_ended(o);
}

static void topic_done(struct observer *o)
{
    /* The walk over deposits came to its end: whatever Juno had when it began is known now. */
    if (o->topic == TOPIC_DEPOSITS)
        o->engine->deposits_known_ms = o->begun_wall_ms;
    o->page = 0;
    o->topic++;
    if (o->topic == TOPICS) {
        o->limit = BATCH;
        round_ended(o);
        return;
    }
    start_topic(o);
}

/* --- deposits ---------------------------------------------------------------------------------- */

static void deposit_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    FAULT_POINT(observer_deposit_stored);
    if (err != NULL && !row_refused(o, err, o->deposits.row[o->at].fid)) {
        database_failed(o, err);
        return;
    }
    engine_kick(o->engine);
    next_deposit(o);
}

static struct report_deposit report_of(const struct juno_deposit *deposit)
{
    return (struct report_deposit){.fid = deposit->fid,
                                   .clabe = deposit->clabe,
                                   .amount_centavos = deposit->amount_centavos,
                                   .reported_ms = deposit->reported_at_ms};
}

/* Adds the deposit as its fit says; its posting goes with those of the others. */
static void store_deposit(struct db_script *script, const struct juno_deposit *deposit,
                          const struct deposit_fit_row *fit, struct posting *posting)
{
    enum deposit_fit verdict = deposit_decide((size_t)fit->candidates);
    bool matched = verdict == DEPOSIT_FITS_ONE;
    struct report_deposit report = report_of(deposit);
    struct uuid id = observed_deposit_uuid(deposit->fid);
    *posting = book_deposit(&id, deposit->amount_centavos);
    observed_add_deposit(script, &report, matched ? &fit->payment_id : NULL,
                         deposit_reason(verdict));
    if (!matched)
        observed_alarm(script, "deposit_unassigned", deposit->fid, deposit_reason(verdict));
    log_info("deposit", "fid=%s centavos=%lld %s", deposit->fid,
             (long long)deposit->amount_centavos, matched ? "matched" : deposit_reason(verdict));
}

/* A deposit of this batch belongs to this payment already. */
static bool is_taken(const struct deposit_fit_row *fits, size_t n, const struct uuid *payment)
{
    for (size_t i = 0; i < n; i++) {
        if (!fits[i].known && fits[i].candidates == 1 &&
            memcmp(&fits[i].payment_id, payment, sizeof *payment) == 0)
            return true;
    }
    return false;
}

static void deposits_fitted(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    struct deposit_fit_row fits[BATCH];
    struct posting postings[BATCH];
    size_t postings_n = 0;
    struct db_script *script = db_script_new();
    for (size_t i = 0; i < o->batch_n; i++) {
        observed_parse_fit(res, i, &fits[i]);
        if (fits[i].known)
            continue;
        if (fits[i].candidates == 1 && is_taken(fits, i, &fits[i].payment_id)) {
            o->again = true; /* the next round sees the payment as paid */
            fits[i].known = true;
            continue;
        }
        store_deposit(script, &o->deposits.row[o->batch[i]], &fits[i], &postings[postings_n++]);
    }
    if (postings_n > 0)
        ledger_add_many(script, postings, postings_n);
    FAULT_POINT(observer_before_deposit);
    db_run(o->engine->db, script, deposit_stored, o);
}

/* A row that says "this money is ours and came back" leads to the payout it reverses. */
static void store_refund(struct observer *o, const struct juno_deposit *deposit)
{
    struct report_deposit report = report_of(deposit);
    struct db_script *script = db_script_new();
    observed_add_refund(script, &report, deposit->refund_of, deposit->tracking_key);
    observed_alarm(script, "payout_returned", deposit->fid, "a completed payout came back by SPEI");
    log_error("payout_returned", "fid=%s centavos=%lld", deposit->fid,
              (long long)deposit->amount_centavos);
    db_run(o->engine->db, script, deposit_stored, o);
}

/* Deposits to be stored together, from the first one that is not handled yet up to the next refund. */
static void gather_deposits(struct observer *o)
{
    o->batch_n = 0;
    for (; o->at < o->deposits.n && o->batch_n < o->limit; o->at++) {
        const struct juno_deposit *deposit = &o->deposits.row[o->at];
        if (!o->is_new[o->at] || deposit->state != JUNO_COMPLETE)
            continue;
        if (deposit->amount_centavos <= 0 || deposit->amount_centavos > AMOUNT_CENTAVOS_MAX) {
            engine_alarm(o->engine, "deposit_odd", deposit->fid,
                         "its amount is not one we can book");
            continue;
        }
        if (deposit->is_refund)
            return;
        o->batch[o->batch_n++] = o->at;
    }
}

static void next_deposit(struct observer *o)
{
    gather_deposits(o);
    if (o->batch_n > 0) {
        struct db_script *script = db_script_new();
        for (size_t i = 0; i < o->batch_n; i++) {
            struct report_deposit report = report_of(&o->deposits.row[o->batch[i]]);
            observed_fit_deposit(script, &report);
        }
        db_query(o->engine->db, script, deposits_fitted, o);
    } else if (o->at < o->deposits.n) {
        store_refund(o, &o->deposits.row[o->at++]);
    } else if (o->full_page && o->page < PAGES_MAX) {
        start_topic(o);
    } else {
        topic_done(o);
    }
}

static void new_deposits_known(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    memset(o->is_new, 0, sizeof o->is_new);
    size_t found = 0;
    for (int r = 0; r < db_rows(res, 0); r++) {
        for (size_t i = 0; i < o->deposits.n; i++) {
            if (strcmp(db_get(res, 0, r, 0), o->deposits.row[i].fid) != 0)
                continue;
            o->is_new[i] = true;
            found++;
        }
    }
    /* Newest first: a page without news means that older pages hold none. */
    o->full_page = o->full_page && found > 0;
    next_deposit(o);
}

static void deposits_read(void *ctx, const struct err *err, const struct juno_deposits *deposits)
{
    struct observer *o = ctx;
    FAULT_POINT(observer_deposits_read);
    if (err != NULL) {
        juno_failed(o, err);
        return;
    }
    engine_answers(o->engine, DOOR_JUNO);
    o->deposits = *deposits;
    o->full_page = deposits->rows_seen == PAGE;
    o->at = 0;
    const char *fids[JUNO_ROWS_MAX];
    for (size_t i = 0; i < deposits->n; i++)
        fids[i] = o->deposits.row[i].fid;
    db_query(o->engine->db, observed_new_deposits(fids, deposits->n), new_deposits_known, o);
}

/* --- transactions: issuances and credited transfers -------------------------------------------- */

static void txns_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    FAULT_POINT(observer_txn_stored);
    if (err != NULL && !row_refused(o, err, o->txns.row[o->at].id)) {
        database_failed(o, err);
        return;
    }
    o->details_n = 0;
    engine_kick(o->engine);
    if (o->gives_up)
        round_ended(o);
    else
        next_txn(o);
}

static void store_txns(struct observer *o)
{
    struct db_script *script = db_script_new();
    bool credits = false;
    for (size_t i = 0; i < o->details_n; i++) {
        report_put(script, &o->details[i]);
        credits = credits || o->details[i].kind == JUNO_TXN_CRYPTO_DEPOSIT;
    }
    if (credits) {
        struct evidence_wallets wallets;
        engine_wallets(o->engine, &wallets);
        evidence_confirm(script, &wallets);
    }
    db_run(o->engine->db, script, txns_stored, o);
}

static void txn_detailed(void *ctx, const struct err *err, const struct juno_txn *txn)
{
    struct observer *o = ctx;
    if (err != NULL && o->details_n > 0) {
        metrics_add(METRIC_juno_errors, 1);
        engine_waits(o->engine, DOOR_JUNO, err);
        o->gives_up = true;
        store_txns(o);
        return;
    }
    if (err != NULL) {
        juno_failed(o, err);
        return;
    }
    if (txn != NULL)
        o->details[o->details_n++] = *txn;
    o->at++;
    next_txn(o);
}

static void next_txn(struct observer *o)
{
    while (o->at < o->txns.n && !o->is_new[o->at])
        o->at++;
    bool page_over = o->at == o->txns.n;
    if (o->details_n >= o->limit || (page_over && o->details_n > 0))
        store_txns(o);
    else if (!page_over)
        juno_transaction(o->engine->juno, o->txns.row[o->at].id, txn_detailed, o);
    else if (o->full_page && o->page < PAGES_MAX)
        start_topic(o);
    else
        topic_done(o);
}

static void open_txns_known(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    memset(o->is_new, 0, sizeof o->is_new);
    size_t found = 0;
    for (int r = 0; r < db_rows(res, 0); r++) {
        for (size_t i = 0; i < o->txns.n; i++) {
            if (strcmp(db_get(res, 0, r, 0), o->txns.row[i].id) != 0)
                continue;
            o->is_new[i] = true;
            found++;
        }
    }
    o->full_page = o->full_page && found > 0;
    next_txn(o);
}

static void txns_read(void *ctx, const struct err *err, const struct juno_txns *txns)
{
    struct observer *o = ctx;
    if (err != NULL) {
        juno_failed(o, err);
        return;
    }
    engine_answers(o->engine, DOOR_JUNO);
    o->txns = *txns;
    o->details_n = 0;
    o->full_page = txns->rows_seen == PAGE;
    o->at = 0;
    const char *ids[JUNO_ROWS_MAX];
    for (size_t i = 0; i < txns->n; i++)
        ids[i] = o->txns.row[i].id;
    db_query(o->engine->db, observed_open_txns(ids, txns->n), open_txns_known, o);
}

/* --- issuances find their deposits ------------------------------------------------------------- */

static void matches_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    FAULT_POINT(observer_match_stored);
    if (err != NULL && !row_refused(o, err, o->matches[o->at].issuance_id)) {
        database_failed(o, err);
        return;
    }
    engine_kick(o->engine);
    next_match(o);
}

static void next_match(struct observer *o)
{
    if (o->at == o->matches_n) {
        topic_done(o);
        return;
    }
    struct posting postings[BATCH];
    size_t postings_n = 0;
    struct db_script *script = db_script_new();
    for (size_t n = 0; n < o->limit && o->at < o->matches_n; n++, o->at++) {
        const struct issuance_match *match = &o->matches[o->at];
        observed_set_issuance(script, match);
        if (match->has_payment)
            continue;
        struct uuid id = observed_deposit_uuid(match->fid);
        postings[postings_n++] = book_issuance_unassigned(&id, match->centavos);
    }
    if (postings_n > 0)
        ledger_add_many(script, postings, postings_n);
    db_run(o->engine->db, script, matches_stored, o);
}

static void matches_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    o->matches_n = observed_parse_matches(res, o->matches, ISSUANCE_MATCH_MAX);
    o->again = o->again || o->matches_n == ISSUANCE_MATCH_MAX;
    o->at = 0;
    next_match(o);
}

/* --- rounds ------------------------------------------------------------------------------------ */

static void start_topic(struct observer *o)
{
    struct juno *juno = o->engine->juno;
    o->page++;
    struct juno_deposits_query deposits = {.page = o->page, .page_size = PAGE};
    struct juno_txns_query txns = {.page = o->page - 1, .page_size = PAGE};
    switch (o->topic) {
    case TOPIC_DEPOSITS:
        juno_deposits(juno, &deposits, deposits_read, o);
        return;
    case TOPIC_ISSUANCES:
        txns.kind = JUNO_TXN_ISSUANCE;
        juno_transactions(juno, &txns, txns_read, o);
        return;
    case TOPIC_CREDITS:
        txns.kind = JUNO_TXN_CRYPTO_DEPOSIT;
        juno_transactions(juno, &txns, txns_read, o);
        return;
    case TOPIC_MATCH:
        db_query(o->engine->db, observed_match_issuances(), matches_read, o);
        return;
    case TOPICS:
        break;
    }
    round_ended(o);
}

static void tick(void *ctx)
{
    struct observer *o = ctx;
    if (o->busy || o->engine->stopping || !o->engine->ready)
        return;
    o->busy = true;
    o->again = false;
    o->gives_up = false;
    o->begun_ms = clock_mono_ms();
    o->begun_wall_ms = clock_wall_ms();
    o->topic = TOPIC_DEPOSITS;
    o->page = 0;
    start_topic(o);
}

struct observer *observer_new(struct engine *engine)
{
    struct observer *o = calloc(1, sizeof *o);
    CHECK(o != NULL);
    o->engine = engine;
    o->limit = BATCH;
    o->timer = loop_timer_new(engine->loop, tick, o);
    loop_timer_start(o->timer, 0, engine->config->juno_poll_ms);
    return o;
}

void observer_kick(struct observer *o)
{
    if (o->busy) {
        o->again = true;
        return;
    }
    if (o->engine->stopping)
        return;
    uint64_t poll_ms = o->engine->config->juno_poll_ms;
    uint64_t gap_ms = poll_ms < GAP_MS ? poll_ms : GAP_MS;
    uint64_t since_ms = (uint64_t)(clock_mono_ms() - o->begun_ms);
    loop_timer_start(o->timer, since_ms < gap_ms ? gap_ms - since_ms : 0, poll_ms);
}

void observer_stop(struct observer *o)
{
    loop_timer_stop(o->timer);
}

bool observer_idle(const struct observer *o)
{
    return !o->busy;
}

void observer_free(struct observer *o)
{
    if (o == NULL)
        return;
    loop_timer_free(o->timer);
    free(o);
}
