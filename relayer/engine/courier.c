#include "relayer/engine/courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/backoff.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/juno_key.h"
#include "relayer/engine/report.h"
#include "relayer/juno/client.h"
#include "relayer/store/effects.h"
#include "relayer/store/observed.h"

enum {
    COURIER_TICK_MS = 100,
    COURIER_CLAIM = 16,
    COURIER_LEASE_S = 300, /* above the longest call with its waiting time behind the others */
    COURIER_DROPPED_MS =
        5000,               /* until an errand whose end could not be recorded is taken up again */
    COURIER_GATHER_MS = 20, /* how long an answer waits for others to be committed with */
    COURIER_BACKOFF_MS = 500,
    COURIER_BACKOFF_MAX_MS = 30000,
    COURIER_PATIENCE = 12, /* questions about a CLABE whose creation got no answer */
    CLABE_PAGES_MAX = 1000,
    HOLD_MS = 60000,
    MARGIN_S = 600, /* stop repeating this long before Juno may forget the key */
};

struct errand {
    struct courier *courier;
    struct effect_row row;
    unsigned page; /* CLABE creation: how far Juno's list is read */
    bool page_full;
    int strangers; /* CLABEs that nobody here knows */
    char stranger[20];
    char op_id[JUNO_ID_MAX]; /* what the answer to be recorded said */
    struct juno_txn txn;
    bool ends_badly; /* parked or rejected: raise an alarm once committed */
    char why[200];
    void (*add)(struct errand *, struct db_script *); /* the answer's rows; can be asked twice */
};

/* Errands whose next commit is one transaction. */
struct crowd {
    struct courier *courier;
    size_t n;
    struct errand *errand[COURIER_CLAIM];
};

struct courier {
    struct engine *engine;
    struct loop_timer *timer;
    struct loop_timer *gather;
    struct crowd answers; /* to be recorded when the gather timer comes */
    bool claiming;
    bool full;               /* the last claim left some behind */
    bool dropped;            /* an errand ended and its row could not be told */
    int64_t unclaimed_token; /* the Juno key's, when claims were last made void */
    int64_t asked_token;
    size_t open;           /* errands under way */
    int64_t hold_until_ms; /* Juno said that nothing will be taken: send nothing before this */
};

/* --- endings ----------------------------------------------------------------------------------- */

static int64_t wait_after(const struct effect_row *row)
{
    return backoff_ms((unsigned)(row->failures + row->attempts), COURIER_BACKOFF_MS,
                      COURIER_BACKOFF_MAX_MS, (uint64_t)row->id.b[15] << 8 | row->id.b[14]);
}

static int64_t poll_ms(const struct courier *c)
{
    return (int64_t)c->engine->config->juno_poll_ms;
}

static void errand_over(struct errand *errand)
{
    struct courier *c = errand->courier;
    free(errand);
    c->open--;
    if (c->full && c->open <= COURIER_CLAIM / 2 && !c->engine->stopping) {
        c->full = false;
        loop_timer_start(c->timer, 0, COURIER_TICK_MS);
    }
}

/* The database did not take the end of this errand: its claim is made void once nothing else is under way,
 * and it is taken up again with the same key. */
static void errand_dropped(struct errand *errand)
{
    errand->courier->dropped = true;
    errand_over(errand);
}

/* A conflict is somebody else who was first, perhaps because the key is no longer ours. */
static void database_failed(struct courier *c, const struct err *err)
{
    if (err->code == ERR_DB_CONFLICT)
        juno_key_doubt(c->engine->juno_key);
    else
        engine_waits(c->engine, DOOR_DATABASE, err);
}

static struct crowd *crowd_copy(struct courier *c, struct errand *const *errands, size_t n)
{
    CHECK(n >= 1 && n <= COURIER_CLAIM);
    struct crowd *crowd = calloc(1, sizeof *crowd);
    CHECK(crowd != NULL);
    crowd->courier = c;
    crowd->n = n;
    memcpy(crowd->errand, errands, n * sizeof(struct errand *));
    return crowd;
}

/* The script was refused, perhaps for one of several: nothing of it is committed, each may go alone. */
static bool goes_alone(const struct crowd *crowd, const struct err *err)
{
    return err != NULL && crowd->n > 1 &&
           (err->code == ERR_DB_CONFLICT || err->code == ERR_DB_RULE || err->code == ERR_DB_FAILED);
}

static void recorded(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct errand *errand = ctx;
    FAULT_POINT(courier_answer_recorded);
    if (err != NULL) {
        database_failed(errand->courier, err);
        errand_dropped(errand);
        return;
    }
    if (errand->ends_badly) {
        char id[UUID_TEXT_MAX];
        uuid_format(&errand->row.id, id);
        engine_alarm(errand->courier->engine, "effect_parked", id, errand->why);
    }
    engine_kick(errand->courier->engine);
    errand_over(errand);
}

static void record(struct errand *errand, struct db_script *script)
{
    FAULT_POINT(courier_before_record);
    db_run(errand->courier->engine->db, script, recorded, errand);
}

static void record_crowd(struct courier *c, struct errand *const *errands, size_t n);

static void crowd_recorded(void *ctx, const struct err *err, struct db_result *res)
{
    struct crowd *crowd = ctx;
    bool alone = goes_alone(crowd, err);
    for (size_t i = 0; i < crowd->n; i++) {
        if (alone)
            record_crowd(crowd->courier, &crowd->errand[i], 1);
        else
            recorded(crowd->errand[i], err, res);
    }
    free(crowd);
}

static void record_crowd(struct courier *c, struct errand *const *errands, size_t n)
{
    struct db_script *script = db_script_new();
    bool withdrawals = false;
    for (size_t i = 0; i < n; i++) {
        errands[i]->add(errands[i], script);
        withdrawals = withdrawals || errands[i]->txn.has_tx_hash;
    }
    if (withdrawals) { /* the log of such a transaction may be here already */
        struct evidence_wallets wallets;
        engine_wallets(c->engine, &wallets);
        evidence_confirm(script, &wallets);
    }
    FAULT_POINT(courier_before_record);
    db_run(c->engine->db, script, crowd_recorded, crowd_copy(c, errands, n));
}

static void answers_flush(void *ctx)
{
    struct courier *c = ctx;
    size_t n = c->answers.n;
    loop_timer_stop(c->gather);
    c->answers.n = 0;
    if (n > 0)
        record_crowd(c, c->answers.errand, n);
}

/* Records what add writes, together with the answers that come in the next moment. */
static void record_soon(struct errand *errand, void (*add)(struct errand *, struct db_script *))
{
    struct courier *c = errand->courier;
    errand->add = add;
    CHECK(c->answers.n < COURIER_CLAIM);
    c->answers.errand[c->answers.n++] = errand;
    if (c->answers.n == COURIER_CLAIM)
        answers_flush(c);
    else if (c->answers.n == 1)
        loop_timer_start(c->gather, COURIER_GATHER_MS, 0);
}

static void park(struct errand *errand, struct db_script *script, const char *why)
{
    errand->ends_badly = true;
    snprintf(errand->why, sizeof errand->why, "%s: %s", effect_kind_name(errand->row.kind), why);
    effects_park(script, &errand->row, why);
}

static void wait_only(struct errand *errand, int64_t wait_ms)
{
    struct db_script *script = db_script_new();
    effects_wait(script, &errand->row, wait_ms);
    record(errand, script);
}

/* --- an answer that is an error ---------------------------------------------------------------- */

/* An attempt whose fate is open makes a later refusal inconclusive: the refusal may be about the repeat. */
static bool earlier_attempt_open(const struct effect_row *row)
{
    return row->state == EFFECT_STATE_UNKNOWN || row->state == EFFECT_STATE_SENT;
}

static void refused(struct errand *errand, struct db_script *script, const struct err *err)
{
    if (earlier_attempt_open(&errand->row)) {
        char why[200];
        snprintf(why, sizeof why, "an earlier attempt is open and its repeat was refused: %.120s",
                 err->message);
        effects_unknown(script, &errand->row, why, 0);
        park(errand, script, why);
        return;
    }
    effects_not_sent(script, &errand->row, err->message, 0);
    effects_reject(script, &errand->row, err->message);
    if (errand->row.kind == EFFECT_BANK_REGISTER)
        observed_bank_refused(script, &errand->row.subject_id, err->message);
    errand->ends_badly = true;
    snprintf(errand->why, sizeof errand->why, "%s refused: %.150s",
             effect_kind_name(errand->row.kind), err->message);
}

static void failed(struct errand *errand, const struct err *err)
{
    struct engine *engine = errand->courier->engine;
    metrics_add(METRIC_juno_errors, 1);
    char id[UUID_TEXT_MAX];
    uuid_format(&errand->row.id, id);
    log_warn("juno_call_failed", "effect_id=%s kind=%s outcome=%s: %s", id,
             effect_kind_name(errand->row.kind), outcome_name(err->outcome), err->message);
    if (juno_class_of(err) == JUNO_CLASS_STOP) {
        engine_alarm(engine, "juno_stop", "", err->message);
        engine_waits(engine, DOOR_JUNO, err);
        errand->courier->hold_until_ms = clock_mono_ms() + HOLD_MS;
    }
    struct db_script *script = db_script_new();
    switch (err->outcome) {
    case OUTCOME_REFUSED:
        refused(errand, script, err);
        break;
    case OUTCOME_NOT_HAPPENED:
        effects_not_sent(script, &errand->row, err->message, wait_after(&errand->row));
        engine_waits(engine, DOOR_JUNO, err);
        break;
    case OUTCOME_UNKNOWN:
    case OUTCOME_HAPPENED:
        effects_unknown(script, &errand->row, err->message, wait_after(&errand->row));
        break;
    }
    record(errand, script);
}

/* --- redemption and withdrawal ----------------------------------------------------------------- */

static void add_accepted(struct errand *errand, struct db_script *script)
{
    effects_accepted(script, &errand->row, errand->op_id, poll_ms(errand->courier));
    observed_alarm_clear(script, "juno_stop", "");
}

static void op_answered(void *ctx, const struct err *err, const struct juno_op *op)
{
    struct errand *errand = ctx;
    FAULT_POINT(courier_answered);
    if (err != NULL) {
        failed(errand, err);
        return;
    }
    engine_answers(errand->courier->engine, DOOR_JUNO);
    snprintf(errand->op_id, sizeof errand->op_id, "%s", op->id);
    record_soon(errand, add_accepted);
}

static void send_money(struct errand *errand)
{
    struct engine *engine = errand->courier->engine;
    const struct effect_row *row = &errand->row;
    FAULT_POINT(courier_before_send);
    if (row->kind == EFFECT_REDEEM) {
        struct juno_redeem redeem = {.amount_units = row->amount_units,
                                     .bank_account_id = row->destination,
                                     .idem = row->idem_key};
        juno_redeem(engine->juno, &redeem, op_answered, errand);
        return;
    }
    struct juno_withdraw withdraw = {.amount_units = row->amount_units, .idem = row->idem_key};
    CHECK(hex_decode_exact(row->destination, withdraw.address, sizeof withdraw.address));
    juno_withdraw(engine->juno, &withdraw, op_answered, errand);
}

static void bank_answered(void *ctx, const struct err *err, const struct juno_bank *bank)
{
    struct errand *errand = ctx;
    if (err != NULL) {
        failed(errand, err);
        return;
    }
    engine_answers(errand->courier->engine, DOOR_JUNO);
    struct db_script *script = db_script_new();
    /* An answer about another account would send every later payout there. */
    if (bank->clabe[0] != '\0' && strcmp(bank->clabe, errand->row.subject_clabe) != 0) {
        effects_unknown(script, &errand->row, "Juno answered with another CLABE than asked", 0);
        park(errand, script, "Juno answered with another CLABE than asked");
        record(errand, script);
        return;
    }
    effects_accepted(script, &errand->row, bank->id, 0);
    effects_confirm(script, &errand->row);
    observed_bank_active(script, &errand->row.subject_id, bank->id);
    record(errand, script);
}

static void clabe_answered(void *ctx, const struct err *err, const struct juno_clabe *clabe)
{
    struct errand *errand = ctx;
    if (err != NULL) {
        failed(errand, err);
        return;
    }
    engine_answers(errand->courier->engine, DOOR_JUNO);
    struct db_script *script = db_script_new();
    effects_accepted(script, &errand->row, clabe->clabe, 0);
    effects_confirm(script, &errand->row);
    observed_clabe_enabled(script, &errand->row.subject_id, clabe->clabe);
    record(errand, script);
}

static void send_now(struct errand *errand)
{
    struct juno *juno = errand->courier->engine->juno;
    const struct effect_row *row = &errand->row;
    if (row->kind == EFFECT_BANK_REGISTER) {
        bool company = strcmp(row->subject_ownership, "COMPANY_OWNED") == 0;
        struct juno_bank_register bank = {.name = row->subject_name,
                                          .clabe = row->subject_clabe,
                                          .ownership =
                                              company ? JUNO_COMPANY_OWNED : JUNO_THIRD_PARTY,
                                          .idem = row->idem_key};
        juno_bank_register(juno, &bank, bank_answered, errand);
    } else if (row->kind == EFFECT_CLABE_CREATE) {
        juno_clabe_create(juno, clabe_answered, errand);
    } else {
        send_money(errand);
    }
}

/* What is asked, as one hash: fixed by the first attempt, so that a repeat can never ask for more. */
static void request_hash(const struct effect_row *row, uint8_t out[32])
{
    char text[300];
    char key[UUID_TEXT_MAX];
    uuid_format(&row->idem_key, key);
    int n = snprintf(text, sizeof text, "%s|%lld|%s|%s", effect_kind_name(row->kind),
                     (long long)row->amount_units, row->destination, key);
    CHECK(n > 0 && (size_t)n < sizeof text);
    keccak256(text, (size_t)n, out);
}

static void announce_crowd(struct courier *c, struct errand *const *errands, size_t n);

static void announced_one(struct errand *errand)
{
    errand->row.attempts++; /* as stored now: what the answer belongs to */
    send_now(errand);
}

static void announced(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct crowd *crowd = ctx;
    bool alone = goes_alone(crowd, err);
    FAULT_POINT(courier_attempt_recorded);
    if (err != NULL && !alone)
        database_failed(crowd->courier, err);
    for (size_t i = 0; i < crowd->n; i++) {
        if (alone)
            announce_crowd(crowd->courier, &crowd->errand[i], 1);
        else if (err != NULL)
            errand_dropped(crowd->errand[i]);
        else
            announced_one(crowd->errand[i]);
    }
    free(crowd);
}

/* The attempts of all are committed before the first of them is sent. */
static void announce_crowd(struct courier *c, struct errand *const *errands, size_t n)
{
    struct db_script *script = db_script_new();
    juno_key_check(c->engine->juno_key, script);
    for (size_t i = 0; i < n; i++) {
        uint8_t hash[32];
        request_hash(&errands[i]->row, hash);
        effects_sending(script, &errands[i]->row, hash);
    }
    FAULT_POINT(courier_before_attempt);
    db_run(c->engine->db, script, announced, crowd_copy(c, errands, n));
}

static void announce(struct errand *errand)
{
    announce_crowd(errand->courier, &errand, 1);
}

/* --- looking an accepted operation up ---------------------------------------------------------- */

/* The answer must be about what we asked for; a different amount or kind is for a person. */
static bool is_ours(const struct effect_row *row, const struct juno_txn *txn)
{
    enum juno_txn_kind kind =
        row->kind == EFFECT_REDEEM ? JUNO_TXN_REDEMPTION : JUNO_TXN_CRYPTO_WITHDRAWAL;
    /* Where Juno tells the account it paid, it must be the one we named. */
    bool same_account = row->kind != EFFECT_REDEEM || txn->bank_account_id[0] == '\0' ||
                        strcmp(txn->bank_account_id, row->destination) == 0;
    return txn->kind == kind && txn->amount_units == row->amount_units && same_account;
}

static void add_looked_up(struct errand *errand, struct db_script *script)
{
    struct courier *c = errand->courier;
    const struct effect_row *row = &errand->row;
    const struct juno_txn *txn = &errand->txn;
    report_put(script, txn);
    if (!is_ours(row, txn)) {
        park(errand, script, "Juno reports another kind, amount or account under this id");
    } else if (txn->state == JUNO_FAILED && txn->has_tx_hash) {
        park(errand, script, "Juno reports FAILED but names a transaction");
    } else if (txn->state == JUNO_FAILED) {
        errand->ends_badly = true;
        snprintf(errand->why, sizeof errand->why, "%s failed at Juno", effect_kind_name(row->kind));
        effects_reject(script, row, "Juno reports FAILED");
    } else if (txn->state == JUNO_OPEN) {
        effects_wait(script, row, poll_ms(c));
    } else if (row->kind == EFFECT_REDEEM) {
        effects_confirm(script, row);
    } else if (txn->has_tx_hash) {
        effects_set_tx(script, row, txn->tx_hash, poll_ms(c) * 5);
    } else {
        effects_wait(script, row, poll_ms(c));
    }
}

static void looked_up(void *ctx, const struct err *err, const struct juno_txn *txn)
{
    struct errand *errand = ctx;
    struct courier *c = errand->courier;
    FAULT_POINT(courier_looked_up);
    if (err != NULL || txn == NULL) {
        if (err != NULL)
            engine_waits(c->engine, DOOR_JUNO, err);
        wait_only(errand, poll_ms(c));
        return;
    }
    engine_answers(c->engine, DOOR_JUNO);
    errand->txn = *txn;
    record_soon(errand, add_looked_up);
}

/* --- registrations: ask first, so that a repeat finds what an earlier attempt made ------------- */

static void banks_listed(void *ctx, const struct err *err, const struct juno_banks *banks)
{
    struct errand *errand = ctx;
    if (err != NULL) {
        engine_waits(errand->courier->engine, DOOR_JUNO, err);
        wait_only(errand, wait_after(&errand->row));
        return;
    }
    engine_answers(errand->courier->engine, DOOR_JUNO);
    for (size_t i = 0; i < banks->n; i++) {
        if (strcmp(banks->row[i].clabe, errand->row.subject_clabe) != 0)
            continue;
        struct db_script *script = db_script_new();
        effects_confirm(script, &errand->row);
        observed_bank_active(script, &errand->row.subject_id, banks->row[i].id);
        record(errand, script);
        return;
    }
    announce(errand);
}

static void ask_clabes(struct errand *errand);

/* All pages are read: what an attempt without answer has left at Juno. */
static void judge_strangers(struct errand *errand)
{
    const struct effect_row *row = &errand->row;
    if (row->state == EFFECT_STATE_ARMED) {
        announce(errand); /* strangers were set aside page by page */
        return;
    }
    struct db_script *script = db_script_new();
    if (errand->strangers == 1) {
        effects_confirm(script, row);
        observed_clabe_enabled(script, &row->subject_id, errand->stranger);
    } else if (errand->strangers > 1) {
        park(errand, script, "several CLABEs at Juno belong to nobody here: assign one by hand");
    } else if (row->failures < COURIER_PATIENCE) {
        effects_again(script, row, "no new CLABE at Juno yet", wait_after(row));
    } else {
        park(errand, script, "the creation got no answer and no CLABE appeared");
    }
    record(errand, script);
}

static void strangers_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct errand *errand = ctx;
    if (err != NULL) {
        database_failed(errand->courier, err);
        errand_dropped(errand);
        return;
    }
    if (db_rows(res, 1) > 0)
        snprintf(errand->stranger, sizeof errand->stranger, "%s", db_get(res, 1, 0, 0));
    errand->strangers += db_rows(res, 1);
    if (errand->page_full && errand->page < CLABE_PAGES_MAX)
        ask_clabes(errand);
    else
        judge_strangers(errand);
}

static void clabes_listed(void *ctx, const struct err *err, const struct juno_clabes *clabes)
{
    struct errand *errand = ctx;
    if (err != NULL) {
        engine_waits(errand->courier->engine, DOOR_JUNO, err);
        wait_only(errand, wait_after(&errand->row));
        return;
    }
    engine_answers(errand->courier->engine, DOOR_JUNO);
    const char *list[JUNO_ROWS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < clabes->n; i++) {
        if (clabes->row[i].auto_payment)
            list[n++] = clabes->row[i].clabe;
    }
    errand->page_full = clabes->rows_seen >= JUNO_ROWS_MAX;
    bool set_aside = errand->row.state == EFFECT_STATE_ARMED;
    struct db_script *script = db_script_new();
    juno_key_check(errand->courier->engine->juno_key, script);
    observed_stranger_clabes(script, list, n, set_aside);
    db_run(errand->courier->engine->db, script, strangers_found, errand);
}

/* CLABE creation has no key of its own. Before the first attempt every CLABE that Juno knows and we do not
 * is set aside; after an attempt without answer, exactly one new stranger is ours. That holds only while
 * nobody else creates one, so creations go one at a time. */
static void ask_clabes(struct errand *errand)
{
    errand->page++;
    juno_clabes(errand->courier->engine->juno, errand->page, clabes_listed, errand);
}

/* --- one errand -------------------------------------------------------------------------------- */

static bool key_too_old(const struct courier *c, const struct effect_row *row)
{
    if (row->first_sent_ms == 0 || !earlier_attempt_open(row))
        return false; /* nothing can have happened under it yet */
    int64_t life_ms = ((int64_t)c->engine->config->juno_key_lifetime_s - MARGIN_S) * 1000;
    return clock_wall_ms() - row->first_sent_ms > life_ms;
}

/* What is only to be sent goes into the crowd: those attempts are announced together. */
static void errand_start(struct courier *c, const struct effect_row *row, struct crowd *sending)
{
    struct errand *errand = calloc(1, sizeof *errand);
    CHECK(errand != NULL);
    errand->courier = c;
    errand->row = *row;
    c->open++;
    bool money = row->kind == EFFECT_REDEEM || row->kind == EFFECT_WITHDRAW;
    if (money && row->external_id[0] != '\0') {
        juno_transaction(c->engine->juno, row->external_id, looked_up, errand);
    } else if (money && key_too_old(c, row)) {
        struct db_script *script = db_script_new();
        park(errand, script, "outcome unknown for longer than Juno remembers the key");
        record(errand, script);
    } else if (engine_holds(c->engine) || clock_mono_ms() < c->hold_until_ms) {
        wait_only(errand, 1000);
    } else if (row->kind == EFFECT_BANK_REGISTER) {
        juno_banks(c->engine->juno, banks_listed, errand);
    } else if (row->kind == EFFECT_CLABE_CREATE) {
        ask_clabes(errand);
    } else {
        /* First attempt, or the same key again: Juno answers with the original. */
        sending->errand[sending->n++] = errand;
    }
}

static void claimed(void *ctx, const struct err *err, struct db_result *res)
{
    struct courier *c = ctx;
    c->claiming = false;
    if (err != NULL) {
        database_failed(c, err);
        c->dropped = true; /* it may have been committed */
        return;
    }
    struct effect_row rows[COURIER_CLAIM];
    size_t n = effects_parse(res, 1, rows, COURIER_CLAIM);
    struct crowd sending = {.courier = c};
    for (size_t i = 0; i < n; i++)
        errand_start(c, &rows[i], &sending);
    c->full = c->open >= COURIER_CLAIM;
    if (sending.n > 0)
        announce_crowd(c, sending.errand, sending.n);
}

static void unclaimed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct courier *c = ctx;
    c->claiming = false;
    if (err != NULL) {
        database_failed(c, err);
        return;
    }
    c->dropped = false;
    c->unclaimed_token = c->asked_token;
}

/* Claims that no errand of ours stands for: a former holder of the Juno key left them, or we dropped them.
 * The former holder may only sleep; it announces nothing new without the key. */
static void unclaim(struct courier *c)
{
    c->claiming = true;
    c->asked_token = juno_key_token(c->engine->juno_key);
    struct db_script *script = db_script_new();
    juno_key_check(c->engine->juno_key, script);
    /* A new holder takes them up at once; the same one might drop them again at once. */
    effects_unclaim(script, c->dropped ? COURIER_DROPPED_MS : 0);
    db_run(c->engine->db, script, unclaimed, c);
}

static void tick(void *ctx)
{
    struct courier *c = ctx;
    if (c->engine->stopping || !c->engine->ready || c->claiming ||
        !juno_key_is_ours(c->engine->juno_key))
        return;
    if (c->dropped || c->unclaimed_token != juno_key_token(c->engine->juno_key)) {
        if (c->open == 0)
            unclaim(c);
        return;
    }
    if (c->open >= COURIER_CLAIM)
        return;
    c->claiming = true;
    struct db_script *script = db_script_new();
    juno_key_check(c->engine->juno_key, script);
    effects_claim_juno(script, COURIER_CLAIM - (int)c->open, COURIER_LEASE_S, c->engine->owner);
    db_run(c->engine->db, script, claimed, c);
}

struct courier *courier_new(struct engine *engine)
{
    struct courier *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->engine = engine;
    c->gather = loop_timer_new(engine->loop, answers_flush, c);
    c->timer = loop_timer_new(engine->loop, tick, c);
    loop_timer_start(c->timer, COURIER_TICK_MS, COURIER_TICK_MS);
    return c;
}

void courier_stop(struct courier *c)
{
    loop_timer_stop(c->timer);
}

bool courier_idle(const struct courier *c)
{
    return c->open == 0 && !c->claiming;
}

void courier_free(struct courier *c)
{
    if (c == NULL)
        return;
    loop_timer_free(c->gather);
    loop_timer_free(c->timer);
    free(c);
}
