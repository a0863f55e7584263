#include "relayer/engine/observer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/juno_key.h"
#include "relayer/engine/observer_walk.h"
#include "relayer/engine/report.h"
#include "relayer/flows/book.h"
#include "relayer/juno/client.h"
#include "relayer/money/amount.h"
#include "relayer/store/ledger.h"
#include "relayer/store/observed.h"

/* One round takes these topics in order, the first three by walking a listing; each topic may take several
 * pages and several commits. */
enum topic {
    TOPIC_DEPOSITS,
    TOPIC_ISSUANCES,
    TOPIC_CREDITS,
    TOPIC_STALE,
    TOPIC_MATCH,
    TOPICS,
    WALKS = TOPIC_CREDITS + 1
};
static const char *const MARKS[WALKS] = {"observer:deposits", "observer:issuances",
                                         "observer:credits"};

enum {
    PAGE = 100,
    GLANCE = 20,          /* rows of the look at what is newest, between two whole rounds */
    WHOLE_MS = 2000,      /* from whole round to whole round at most */
    PAGES_MAX = 50,       /* of one listing in one round; the next round goes on from there */
    GAP_MS = 200,         /* from round to round at least: one look answers many webhooks */
    BATCH = 50,           /* rows stored in one transaction */
    ROW_TRIES = 3,        /* of one row against a database that says conflict */
    BLIPS_MAX = 3,        /* details Juno did not give in one round before it counts as away */
    REFUNDS_MS = 5000,    /* between looks for the redemption of a refund that waits */
    UNMATCHED_MS = 60000, /* between looks for issuances without a deposit */
};

struct observer {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool again;
    int64_t begun_ms;
    int64_t deposits_begun_ms; /* wall time at which the walk over deposits began */
    enum topic topic;
    int64_t begun_wall_ms; /* of this round */
    struct walk walk[WALKS];
    bool progress_known; /* the walks stand at the stored marks */
    bool brief;          /* this round only glances at each listing */
    int64_t whole_at_ms; /* when the last whole round began; 0: none yet */
    bool glance;         /* the page being read is a glance, outside the walk */
    struct walk look;    /* the glance's own: it moves no mark */
    unsigned pages;      /* read of this listing in this round */
    bool full_page;
    size_t at;    /* first row of the page not handled yet */
    size_t limit; /* rows of the next transaction; one after a refusal, until a round succeeds */
    size_t batch[BATCH]; /* deposits of the page that are being stored */
    size_t batch_n;
    struct juno_deposits deposits;
    bool is_new[JUNO_ROWS_MAX];
    struct juno_txns txns;
    struct juno_txn details[BATCH]; /* looked up, not stored yet */
    size_t details_n;
    size_t stored_from; /* row or match at which the script under way began */
    unsigned row_tries;
    unsigned blips;
    struct err outage; /* Juno went away: store what there is and end the round; ERR_NONE: no */
    bool refund_waits;
    int64_t refunds_at_ms;
    int64_t unmatched_at_ms;
    struct issuance_match matches[ISSUANCE_MATCH_MAX];
    size_t matches_n;
};

static void next_deposit(struct observer *o);
static void next_txn(struct observer *o);
static void store_txns(struct observer *o);
static void next_match(struct observer *o);
static void start_topic(struct observer *o);
static void begin_topic(struct observer *o);

/* Of the topic that is being read, one of WALKS. */
static struct walk *walk_now(struct observer *o)
{
    return o->glance ? &o->look : &o->walk[o->topic];
}

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
    if (o->topic < WALKS)
        walk_break(walk_now(o));
    round_ended(o);
}

static void alarm_broken(struct observer *o, const char *code, const char *subject,
                         const struct err *err)
{
    if (engine_alarm(o->engine, code, subject, err->message))
        log_broken(code, "%s: %s", subject, err->message);
}

/* The mark must not pass this row: the next rounds read it again. */
static void hold_row(struct observer *o, int64_t reported_ms)
{
    if (o->topic < WALKS)
        (void)walk_hold(walk_now(o), reported_ms, clock_wall_ms());
}

static void database_failed(struct observer *o, const struct err *err)
{
    engine_waits(o->engine, DOOR_DATABASE, err);
    o->progress_known = false;
    round_ended(o);
}

enum stored { STORED, STORED_NOT, STORED_AGAIN, STORED_AWAY };

/* What to do after a script with rows_n rows. A row that the database refuses must not hold back the others:
 * the rows are tried one by one, and the one that is refused is left out, loudly. A conflict means that
 * somebody was faster: the row is looked at again. */
static enum stored script_ended(struct observer *o, const struct err *err, size_t rows_n,
                                const char *what)
{
    bool conflict = err != NULL && err->code == ERR_DB_CONFLICT;
    if (err == NULL) {
        o->row_tries = 0;
        return STORED;
    }
    if (!conflict && err->code != ERR_DB_RULE) {
        database_failed(o, err);
        return STORED_AWAY;
    }
    o->limit = 1;
    if (rows_n > 1 || (conflict && ++o->row_tries < ROW_TRIES))
        return STORED_AGAIN;
    o->row_tries = 0;
    alarm_broken(o, "observed_rule", what, err);
    return STORED_NOT;
}

static void topic_done(struct observer *o)
{
    o->pages = 0;
    o->topic++;
    if (o->topic == TOPICS) {
        o->limit = BATCH;
        if (!o->brief)
            o->whole_at_ms = o->begun_ms;
        round_ended(o);
        return;
    }
    begin_topic(o);
}

/* --- walks ------------------------------------------------------------------------------------- */

static void mark_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    topic_done(o);
}

/* More that is new may stand behind the last row of the glance, or rows of other kinds stood in it. */
static bool glance_is_short(const struct observer *o)
{
    size_t n = o->topic == TOPIC_DEPOSITS ? o->deposits.n : o->txns.n;
    size_t seen = o->topic == TOPIC_DEPOSITS ? o->deposits.rows_seen : o->txns.rows_seen;
    return o->full_page && (n < seen || o->is_new[n - 1]);
}

/* A glance moves no mark and promises nothing about what it did not read; the next whole round does. */
static void glance_done(struct observer *o)
{
    bool deeper = glance_is_short(o);
    o->glance = false;
    if (deeper)
        start_topic(o);
    else
        topic_done(o);
}

/* Every row of the page is stored, or holds the mark. */
static void page_done(struct observer *o)
{
    if (o->glance) {
        glance_done(o);
        return;
    }
    struct walk *walk = &o->walk[o->topic];
    if (!walk_page_over(walk, o->full_page)) {
        if (o->pages < PAGES_MAX) {
            start_topic(o);
            return;
        }
        walk_break(walk);
        o->again = true;
        topic_done(o);
        return;
    }
    /* Whatever Juno had when the walk began is stored now. */
    if (o->topic == TOPIC_DEPOSITS && !walk->incomplete)
        o->engine->deposits_known_ms = o->deposits_begun_ms;
    int64_t before_ms = walk->mark_ms;
    int64_t mark_ms = walk_end(walk);
    if (mark_ms == before_ms)
        topic_done(o);
    else
        db_run(o->engine->db, observed_mark(MARKS[o->topic], mark_ms), mark_stored, o);
}

static void page_failed(struct observer *o, const struct err *err)
{
    if (!juno_is_odd(err)) {
        juno_failed(o, err);
        return;
    }
    metrics_add(METRIC_juno_errors, 1);
    alarm_broken(o, "juno_listing", MARKS[o->topic], err);
    walk_break(walk_now(o));
    topic_done(o);
}

/* --- deposits ---------------------------------------------------------------------------------- */

static void deposit_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    const struct juno_deposit *first = &o->deposits.row[o->stored_from];
    FAULT_POINT(observer_deposit_stored);
    switch (script_ended(o, err, o->batch_n, first->fid)) {
    case STORED:
        engine_kick(o->engine);
        break;
    case STORED_NOT:
        hold_row(o, first->reported_at_ms);
        break;
    case STORED_AGAIN:
        o->at = o->stored_from;
        break;
    case STORED_AWAY:
        return;
    }
    next_deposit(o);
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
            walk_now(o)->incomplete = true;
            fits[i].known = true;
            continue;
        }
        report_put_deposit(script, &o->deposits.row[o->batch[i]], &fits[i],
                           &postings[postings_n++]);
    }
    if (postings_n > 0)
        ledger_add_many(script, postings, postings_n);
    FAULT_POINT(observer_before_deposit);
    db_run(o->engine->db, script, deposit_stored, o);
}

/* A row that says "this money is ours and came back" leads to the payout it reverses. */
static void store_refund(struct observer *o, const struct juno_deposit *deposit)
{
    struct report_deposit report = report_of_deposit(deposit);
    struct db_script *script = db_script_new();
    observed_add_refund(script, &report, deposit->refund_of, deposit->tracking_key);
    observed_alarm(script, "payout_returned", deposit->fid, "a completed payout came back by SPEI");
    o->batch_n = 1;
    o->refund_waits = true;
    log_error("payout_returned", "fid=%s centavos=%lld", deposit->fid,
              (long long)deposit->amount_centavos);
    db_run(o->engine->db, script, deposit_stored, o);
}

/* A deposit under way is stored once it is complete; it may wait for a day, then a person asks. */
static void deposit_waits(struct observer *o, const struct juno_deposit *deposit)
{
    if (walk_hold(walk_now(o), deposit->reported_at_ms, clock_wall_ms()))
        return;
    engine_alarm(
        o->engine, "deposit_stuck", deposit->fid,
        "open at Juno for more than a day; once complete it may have to be assigned by hand");
}

/* Deposits to be stored together, from the first one that is not handled yet up to the next refund. */
static void gather_deposits(struct observer *o)
{
    o->batch_n = 0;
    for (; o->at < o->deposits.n && o->batch_n < o->limit; o->at++) {
        const struct juno_deposit *deposit = &o->deposits.row[o->at];
        if (deposit->state == JUNO_OPEN)
            deposit_waits(o, deposit);
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
        o->stored_from = o->batch[0];
        struct db_script *script = db_script_new();
        for (size_t i = 0; i < o->batch_n; i++) {
            struct report_deposit report = report_of_deposit(&o->deposits.row[o->batch[i]]);
            observed_fit_deposit(script, &report);
        }
        db_query(o->engine->db, script, deposits_fitted, o);
    } else if (o->at < o->deposits.n) {
        o->stored_from = o->at;
        store_refund(o, &o->deposits.row[o->at++]);
    } else {
        page_done(o);
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
    for (int r = 0; r < db_rows(res, 0); r++) {
        for (size_t i = 0; i < o->deposits.n; i++)
            o->is_new[i] |= strcmp(db_get(res, 0, r, 0), o->deposits.row[i].fid) == 0;
    }
    next_deposit(o);
}

static unsigned page_size(const struct observer *o)
{
    return o->glance ? GLANCE : PAGE;
}

static void deposits_read(void *ctx, const struct err *err, const struct juno_deposits *deposits)
{
    struct observer *o = ctx;
    if (err != NULL) {
        page_failed(o, err);
        return;
    }
    FAULT_POINT(observer_deposits_read);
    engine_answers(o->engine, DOOR_JUNO);
    o->deposits = *deposits;
    o->full_page = deposits->rows_seen == page_size(o);
    o->at = 0;
    const char *fids[JUNO_ROWS_MAX];
    for (size_t i = 0; i < deposits->n; i++) {
        struct juno_deposit *deposit = &o->deposits.row[i];
        fids[i] = deposit->fid;
        deposit->reported_at_ms = walk_row(walk_now(o), deposit->reported_at_ms);
    }
    db_query(o->engine->db, observed_new_deposits(fids, deposits->n), new_deposits_known, o);
}

/* --- transactions: issuances and credited transfers -------------------------------------------- */

static void txns_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    size_t rows_n = o->limit < o->details_n ? o->limit : o->details_n;
    FAULT_POINT(observer_txn_stored);
    switch (script_ended(o, err, rows_n, o->details[0].id)) {
    case STORED:
        engine_kick(o->engine);
        break;
    case STORED_NOT:
        hold_row(o, o->details[0].reported_at_ms);
        break;
    case STORED_AGAIN:
        store_txns(o);
        return;
    case STORED_AWAY:
        return;
    }
    o->details_n -= rows_n;
    memmove(o->details, o->details + rows_n, o->details_n * sizeof o->details[0]);
    if (o->details_n > 0)
        store_txns(o);
    else if (o->outage.code != ERR_NONE)
        juno_failed(o, &o->outage);
    else
        next_txn(o);
}

/* The details at hand, at most o->limit of them. */
static void store_txns(struct observer *o)
{
    struct db_script *script = db_script_new();
    bool credits = false;
    for (size_t i = 0; i < o->details_n && i < o->limit; i++) {
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

/* One id that Juno cannot tell about is passed over; several in a round are an outage. */
static bool detail_failed(struct observer *o, const struct err *err, const struct juno_txn *row)
{
    bool odd = juno_is_odd(err);
    if (!odd && (err->code != ERR_JUNO_UNKNOWN || ++o->blips > BLIPS_MAX))
        return false;
    metrics_add(METRIC_juno_errors, 1);
    if (odd)
        alarm_broken(o, "txn_unread", row->id, err);
    else
        log_warn("txn_unread", "id=%s: %s", row->id, err->message);
    hold_row(o, row->reported_at_ms);
    return true;
}

static void txn_detailed(void *ctx, const struct err *err, const struct juno_txn *txn)
{
    struct observer *o = ctx;
    const struct juno_txn *row = &o->txns.row[o->at];
    if (err != NULL && !detail_failed(o, err, row)) {
        o->outage = *err;
        if (o->details_n > 0)
            store_txns(o);
        else
            juno_failed(o, err);
        return;
    }
    if (txn != NULL)
        o->details[o->details_n++] = *txn;
    else if (err == NULL) /* listed but not found: right after creation that proves nothing */
        hold_row(o, row->reported_at_ms);
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
    else if (o->topic < WALKS)
        page_done(o);
    else
        topic_done(o);
}

/* Rows to look up: those not stored yet, and those that became final. An open one that stayed open is left to
 * TOPIC_STALE, which asks for a few at a time. */
static void open_txns_known(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    memset(o->is_new, 0, sizeof o->is_new);
    for (int r = 0; r < db_rows(res, 0); r++) {
        bool known = db_get_bool(res, 0, r, 1);
        for (size_t i = 0; i < o->txns.n; i++)
            o->is_new[i] |= strcmp(db_get(res, 0, r, 0), o->txns.row[i].id) == 0 &&
                            !(known && o->txns.row[i].state == JUNO_OPEN);
    }
    next_txn(o);
}

static void txns_read(void *ctx, const struct err *err, const struct juno_txns *txns)
{
    struct observer *o = ctx;
    if (err != NULL) {
        page_failed(o, err);
        return;
    }
    engine_answers(o->engine, DOOR_JUNO);
    o->txns = *txns;
    o->details_n = 0;
    o->full_page = txns->rows_seen == page_size(o);
    o->at = 0;
    const char *ids[JUNO_ROWS_MAX];
    for (size_t i = 0; i < txns->n; i++) {
        struct juno_txn *row = &o->txns.row[i];
        ids[i] = row->id;
        row->reported_at_ms = walk_row(walk_now(o), row->reported_at_ms);
    }
    db_query(o->engine->db, observed_open_txns(ids, txns->n), open_txns_known, o);
}

/* Transactions that were open when last seen may stand on any page by now: each is asked for by its id. */
static void stale_txns_known(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    o->txns.n = (size_t)db_rows(res, 0);
    o->details_n = 0;
    o->at = 0;
    for (size_t i = 0; i < o->txns.n; i++) {
        struct juno_txn *row = &o->txns.row[i];
        snprintf(row->id, sizeof row->id, "%s", db_get(res, 0, (int)i, 0));
        row->reported_at_ms = 0;
        o->is_new[i] = true;
    }
    next_txn(o);
}

/* --- issuances find their deposits ------------------------------------------------------------- */

static void matches_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct observer *o = ctx;
    FAULT_POINT(observer_match_stored);
    const char *id = o->matches[o->stored_from].issuance_id;
    switch (script_ended(o, err, o->at - o->stored_from, id)) {
    case STORED:
        engine_kick(o->engine);
        break;
    case STORED_NOT: /* stays free: offered again by the next round */
        break;
    case STORED_AGAIN:
        o->at = o->stored_from;
        break;
    case STORED_AWAY:
        return;
    }
    next_match(o);
}

static void afterwards_done(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    if (o->refunds_at_ms == o->begun_ms)
        o->refund_waits = db_rows(res, 0) > 0;
    topic_done(o);
}

/* What no report tells by itself: refunds that came before their redemption was known, and issuances that
 * nobody paid for. */
static void look_afterwards(struct observer *o)
{
    struct db_script *script = db_script_new();
    if (o->refund_waits && o->begun_ms - o->refunds_at_ms >= REFUNDS_MS) {
        o->refunds_at_ms = o->begun_ms;
        observed_link_refunds(script);
    }
    if (o->begun_ms - o->unmatched_at_ms >= UNMATCHED_MS) {
        o->unmatched_at_ms = o->begun_ms;
        observed_alarm_unmatched(script);
    }
    db_run(o->engine->db, script, afterwards_done, o);
}

static void next_match(struct observer *o)
{
    if (o->at == o->matches_n) {
        look_afterwards(o);
        return;
    }
    struct posting postings[BATCH];
    size_t postings_n = 0;
    struct db_script *script = db_script_new();
    o->stored_from = o->at;
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

/* A brief round reads one small page of each listing; a walk that was broken goes on whatever the round. */
static void begin_topic(struct observer *o)
{
    o->glance = o->brief && o->topic < WALKS && o->walk[o->topic].resume_at == 0;
    if (o->glance)
        walk_reset(&o->look, o->walk[o->topic].mark_ms);
    if (o->brief && o->topic == TOPIC_STALE)
        topic_done(o);
    else
        start_topic(o);
}

static void start_topic(struct observer *o)
{
    struct juno *juno = o->engine->juno;
    struct juno_deposits_query deposits = {.page_size = page_size(o)};
    struct juno_txns_query txns = {.page_size = page_size(o)};
    if (o->topic < WALKS) {
        struct walk *walk = walk_now(o);
        if (!o->glance && o->topic == TOPIC_DEPOSITS && walk->page == 0 && walk->resume_at == 0)
            o->deposits_begun_ms = clock_wall_ms();
        o->pages++;
        deposits.page = walk_page_next(walk);
        txns.page = deposits.page - 1;
    }
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
    case TOPIC_STALE:
        db_run(o->engine->db, observed_stale_txns(), stale_txns_known, o);
        return;
    case TOPIC_MATCH:
        db_query(o->engine->db, observed_match_issuances(), matches_read, o);
        return;
    case TOPICS:
        break;
    }
    round_ended(o);
}

static void progress_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct observer *o = ctx;
    if (err != NULL) {
        database_failed(o, err);
        return;
    }
    for (size_t i = 0; i < WALKS; i++) {
        int64_t mark_ms = 0;
        for (int r = 0; r < db_rows(res, 0); r++) {
            if (strcmp(db_get(res, 0, r, 0), MARKS[i]) == 0)
                mark_ms = db_get_i64(res, 0, r, 1);
        }
        walk_reset(&o->walk[i], mark_ms);
    }
    o->refund_waits = db_get_bool(res, 1, 0, 0);
    o->progress_known = true;
    begin_topic(o);
}

static void tick(void *ctx)
{
    struct observer *o = ctx;
    if (o->busy || o->engine->stopping || !o->engine->ready)
        return;
    if (!juno_key_is_ours(o->engine->juno_key)) {
        o->progress_known = false; /* another moves the marks meanwhile */
        return;
    }
    o->busy = true;
    o->again = false;
    o->begun_ms = clock_mono_ms();
    o->brief = o->progress_known && o->whole_at_ms != 0 && o->begun_ms - o->whole_at_ms < WHOLE_MS;
    o->topic = TOPIC_DEPOSITS;
    o->pages = 0;
    o->row_tries = 0;
    o->blips = 0;
    o->outage = (struct err){0};
    if (o->progress_known)
        begin_topic(o);
    else
        db_query(o->engine->db, observed_progress(), progress_read, o);
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
