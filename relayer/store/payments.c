#include "relayer/store/payments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/store/ledger.h"

/* An effect's end as far as a flow cares: everything that may still happen is open. */
#define EFFECT_END(e)                                                                              \
    "CASE " e                                                                                      \
    ".state WHEN 'confirmed' THEN 1 WHEN 'rejected' THEN 2 WHEN 'parked' THEN 3 ELSE 0 END"

#define PAYMENT_SELECT(from)                                                                       \
    "SELECT p.id, p.seller_id, p.buyer_id, p.state, p.outcome, p.version, p.amount_centavos,"      \
    " p.immediate_centavos, p.custody_centavos, p.commission_centavos, p.custody_seconds,"         \
    " coalesce(p.custody_end, 0), (extract(epoch FROM p.expires_at) * 1000)::bigint,"              \
    " p.buyer_centavos, p.accumulate, p.terms_hash, p.effect_id,"                                  \
    " e.kind, " EFFECT_END(                                                                        \
        "e") ", coalesce(e.external_id, (SELECT j.id FROM juno_txn j"                              \
             "   WHERE j.tx_hash = e.tx_hash AND j.kind = 'CRYPTO_DEPOSIT' LIMIT 1)), e.tx_hash,"  \
             " e.last_error, d.fid, d.issuance_id, d.issued_unassigned, x.id, "                    \
             "coalesce(x.custody_end, 0)"                                                          \
             " FROM (" from ") p"                                                                  \
             " LEFT JOIN effect e ON e.id = p.effect_id"                                           \
             " LEFT JOIN deposit d ON d.payment_id = p.id"                                         \
             " LEFT JOIN escrow x ON x.payment_id = p.id ORDER BY p.id"

#define LEG_SELECT(from)                                                                           \
    "SELECT l.payment_id, l.n, l.role, l.state, l.beneficiary_id, l.amount_centavos, l.effect_id," \
    " e.kind, " EFFECT_END(                                                                        \
        "e") ", e.external_id, e.last_error,"                                                      \
             " EXISTS (SELECT 1 FROM juno_txn j WHERE j.id = l.juno_id AND j.state = 'RETURNED')," \
             " b.state <> 'active' FROM leg l JOIN (" from ") p ON p.id = l.payment_id"            \
             " JOIN beneficiary b ON b.id = l.beneficiary_id"                                      \
             " LEFT JOIN effect e ON e.id = l.effect_id ORDER BY l.payment_id, l.n"

#define DUE "SELECT * FROM payment WHERE due_at <= now() ORDER BY due_at, id LIMIT $1"
#define ONE "SELECT * FROM payment WHERE id = $1"

enum payment_column {
    P_ID,
    P_SELLER,
    P_BUYER,
    P_STATE,
    P_OUTCOME,
    P_VERSION,
    P_AMOUNT,
    P_IMMEDIATE,
    P_CUSTODY,
    P_COMMISSION,
    P_SECONDS,
    P_END,
    P_EXPIRES,
    P_BUYER_CENTAVOS,
    P_ACCUMULATE,
    P_TERMS,
    P_EFFECT,
    P_E_KIND,
    P_E_END,
    P_E_EXTERNAL,
    P_E_TX,
    P_E_ERROR,
    P_FID,
    P_ISSUANCE,
    P_ISSUED_UNASSIGNED,
    P_ESCROW,
    P_ESCROW_END,
};
enum leg_column {
    L_PAYMENT,
    L_N,
    L_ROLE,
    L_STATE,
    L_BENEFICIARY,
    L_AMOUNT,
    L_EFFECT,
    L_E_KIND,
    L_E_END,
    L_E_EXTERNAL,
    L_E_ERROR,
    L_RETURNED,
    L_HELD,
};

struct db_script *payments_due(int limit)
{
    struct db_script *script = db_script_new();
    db_i64(db_add(script, PAYMENT_SELECT(DUE), DB_ANY), limit);
    db_i64(db_add(script, LEG_SELECT(DUE), DB_ANY), limit);
    return script;
}

struct db_script *payments_by_id(const struct uuid *id)
{
    struct db_script *script = db_script_new();
    db_uuid(db_add(script, PAYMENT_SELECT(ONE), DB_ANY), id);
    db_uuid(db_add(script, LEG_SELECT(ONE), DB_ANY), id);
    return script;
}

static void copy_text(char *out, size_t cap, const char *text)
{
    snprintf(out, cap, "%s", text != NULL ? text : "");
}

static bool is_true(const char *text)
{
    return text != NULL && text[0] == 't';
}

static void parse_payment(struct db_result *res, int r, struct payment *p)
{
    CHECK(db_get_uuid(res, 0, r, P_ID, &p->id));
    CHECK(db_get_uuid(res, 0, r, P_SELLER, &p->seller_id));
    CHECK(db_get_uuid(res, 0, r, P_BUYER, &p->buyer_id));
    CHECK(payment_state_parse(db_get(res, 0, r, P_STATE), &p->state));
    CHECK(payment_outcome_parse(db_get(res, 0, r, P_OUTCOME), &p->outcome));
    p->version = db_get_i64(res, 0, r, P_VERSION);
    p->amount_centavos = db_get_i64(res, 0, r, P_AMOUNT);
    p->immediate_centavos = db_get_i64(res, 0, r, P_IMMEDIATE);
    p->custody_centavos = db_get_i64(res, 0, r, P_CUSTODY);
    p->commission_centavos = db_get_i64(res, 0, r, P_COMMISSION);
    p->custody_seconds = db_get_i64(res, 0, r, P_SECONDS);
    p->custody_end_s = db_get_i64(res, 0, r, P_END);
    p->expires_at_ms = db_get_i64(res, 0, r, P_EXPIRES);
    p->buyer_centavos = db_get_i64(res, 0, r, P_BUYER_CENTAVOS);
    p->accumulate = is_true(db_get(res, 0, r, P_ACCUMULATE));
    CHECK(db_get_bytes(res, 0, r, P_TERMS, p->terms_hash, sizeof p->terms_hash));
    p->has_effect = db_get_uuid(res, 0, r, P_EFFECT, &p->effect_id);
}

static void parse_facts(struct db_result *res, int r, struct payment_row *row)
{
    struct effect_brief *e = &row->strand;
    const char *kind = db_get(res, 0, r, P_E_KIND);
    if (kind != NULL) {
        e->present = true;
        CHECK(effect_kind_parse(kind, &e->kind));
        e->end = (enum effect_end)db_get_i64(res, 0, r, P_E_END);
        e->id = row->payment.effect_id;
        copy_text(e->external_id, sizeof e->external_id, db_get(res, 0, r, P_E_EXTERNAL));
        e->has_tx = db_get_bytes(res, 0, r, P_E_TX, e->tx_hash, sizeof e->tx_hash);
        copy_text(e->reason, sizeof e->reason, db_get(res, 0, r, P_E_ERROR));
    }
    const char *fid = db_get(res, 0, r, P_FID);
    row->deposit_matched = fid != NULL;
    row->payment.deposit_matched = fid != NULL;
    copy_text(row->deposit_fid, sizeof row->deposit_fid, fid);
    const char *issuance = db_get(res, 0, r, P_ISSUANCE);
    row->issued = issuance != NULL;
    copy_text(row->issuance_id, sizeof row->issuance_id, issuance);
    row->issued_unassigned = is_true(db_get(res, 0, r, P_ISSUED_UNASSIGNED));
    row->escrow_known = db_get_bytes(res, 0, r, P_ESCROW, row->escrow_id, sizeof row->escrow_id);
    row->escrow_end_s = db_get_i64(res, 0, r, P_ESCROW_END);
}

static void parse_leg(struct db_result *res, int r, struct payment_row *row)
{
    struct payment *p = &row->payment;
    CHECK(p->legs_n < PAYMENT_LEGS_MAX);
    size_t i = p->legs_n++;
    struct leg *leg = &p->legs[i];
    leg->n = (int)db_get_i64(res, 1, r, L_N);
    CHECK(leg->n == (int)i);
    CHECK(leg_role_parse(db_get(res, 1, r, L_ROLE), &leg->role));
    CHECK(leg_state_parse(db_get(res, 1, r, L_STATE), &leg->state));
    CHECK(db_get_uuid(res, 1, r, L_BENEFICIARY, &leg->beneficiary_id));
    leg->amount_centavos = db_get_i64(res, 1, r, L_AMOUNT);
    leg->has_effect = db_get_uuid(res, 1, r, L_EFFECT, &leg->effect_id);
    row->leg_returned[i] = is_true(db_get(res, 1, r, L_RETURNED));
    leg->held = is_true(db_get(res, 1, r, L_HELD));
    struct effect_brief *e = &row->leg[i];
    const char *kind = db_get(res, 1, r, L_E_KIND);
    if (kind == NULL)
        return;
    e->present = true;
    CHECK(effect_kind_parse(kind, &e->kind));
    e->end = (enum effect_end)db_get_i64(res, 1, r, L_E_END);
    e->id = leg->effect_id;
    copy_text(e->external_id, sizeof e->external_id, db_get(res, 1, r, L_E_EXTERNAL));
    copy_text(e->reason, sizeof e->reason, db_get(res, 1, r, L_E_ERROR));
}

size_t payments_parse(struct db_result *result, struct payment_row *rows, size_t max)
{
    size_t count = (size_t)db_rows(result, 0);
    CHECK(count <= max);
    int legs = db_rows(result, 1);
    int leg = 0;
    for (size_t i = 0; i < count; i++) {
        memset(&rows[i], 0, sizeof rows[i]);
        parse_payment(result, (int)i, &rows[i].payment);
        parse_facts(result, (int)i, &rows[i]);
        /* Both reads are ordered by payment id in one snapshot, so legs follow their payments. */
        for (; leg < legs; leg++) {
            struct uuid owner;
            CHECK(db_get_uuid(result, 1, leg, L_PAYMENT, &owner));
            if (memcmp(&owner, &rows[i].payment.id, sizeof owner) != 0)
                break;
            parse_leg(result, leg, &rows[i]);
        }
    }
    CHECK(leg == legs);
    return count;
}

static const char *lane_name(enum effect_lane lane)
{
    switch (lane) {
    case LANE_NONE:
        return NULL;
    case LANE_RELAYER:
        return "relayer";
    case LANE_ARBITER:
        return "arbiter";
    }
    return NULL;
}

/* A redemption's destination is the bank account Juno knows for the leg's beneficiary: read in the same
 * statement, so a payout can never be planned without one. The beneficiary must be active, and is locked so
 * that it stays so until the commit. Suspended meanwhile, there is no row, and the decision is a conflict. */
static void add_effect(struct db_script *script, const struct payment_row *row,
                       const struct effect_plan *effect, const struct uuid *beneficiary,
                       const struct payment_targets *targets)
{
    bool chain = effect_kind_is_chain(effect->kind);
    bool on_escrow = chain && effect->kind != EFFECT_TOKEN_TRANSFER;
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO effect (id, payment_id, leg_n, kind, door, lane, state, idem_key, "
        "amount_units,"
        " destination, escrow_id, custody_seconds, buyer_units, party, note_hash)"
        " SELECT $1::uuid, $2::uuid, $3::smallint, $4::text, $5::text, $6::text, $7::text, "
        "$8::uuid,"
        " $9::bigint, t.destination, $12::bytea, $13::bigint, $14::bigint, $15::smallint,"
        " $16::bytea FROM (SELECT $11::text AS destination WHERE $4::text <> 'redeem' UNION ALL"
        " SELECT * FROM (SELECT juno_account_id FROM beneficiary WHERE $4::text = 'redeem'"
        "  AND id = $10::uuid AND state = 'active' FOR SHARE) b) t",
        1);
    db_uuid(s, &effect->id);
    db_uuid(s, &row->payment.id);
    if (effect->leg_n >= 0)
        db_i64(s, effect->leg_n);
    else
        db_null(s);
    db_text(s, effect_kind_name(effect->kind));
    db_text(s, chain ? "chain" : "juno");
    db_text(s, lane_name(effect_kind_lane(effect->kind)));
    db_text(s, chain ? "planned" : "armed");
    db_uuid(s, &effect->idem_key);
    db_i64(s, effect->amount_units);
    if (beneficiary != NULL)
        db_uuid(s, beneficiary);
    else
        db_null(s);
    db_text(s, effect->kind == EFFECT_WITHDRAW         ? targets->bridge
               : effect->kind == EFFECT_TOKEN_TRANSFER ? targets->juno_deposit
                                                       : "");
    if (on_escrow)
        db_bytes(s, targets->escrow_id, 32);
    else
        db_null(s);
    db_i64(s, effect->custody_seconds);
    db_i64(s, effect->buyer_units);
    db_i64(s, effect->party);
    db_bytes(s, effect->note_hash, sizeof effect->note_hash);
}

static void add_escrow(struct db_script *script, const struct payment_row *row,
                       const struct effect_plan *effect, const struct payment_targets *targets)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO escrow (id, payment_id, amount_units, terms_hash, state)"
               " VALUES ($1, $2, $3, $4, 'planned')",
               1);
    db_bytes(s, targets->escrow_id, 32);
    db_uuid(s, &row->payment.id);
    db_i64(s, effect->amount_units);
    db_bytes(s, row->payment.terms_hash, sizeof row->payment.terms_hash);
}

static void add_events(struct db_script *script, const struct payment_row *row,
                       const struct decision *d, const struct payment_targets *targets)
{
    for (size_t i = 0; i < d->events_n; i++) {
        const struct event_plan *event = &d->event[i];
        struct db_stmt *s = db_add(script,
                                   "INSERT INTO payment_event (payment_id, type, detail, actor, "
                                   "amount_units, juno_id, tx_hash)"
                                   " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                                   1);
        db_uuid(s, &row->payment.id);
        db_text(s, event->type);
        db_text(s, d->reason);
        db_text(s, targets->actor);
        if (event->amount_units > 0)
            db_i64(s, event->amount_units);
        else
            db_null(s);
        db_text(s, event->with_juno_id ? targets->external_id : NULL);
        if (event->with_tx_hash && targets->tx_hash != NULL)
            db_bytes(s, targets->tx_hash, 32);
        else
            db_null(s);
    }
}

static void change_leg(struct db_script *script, const struct payment_row *row,
                       const struct leg_change *change, const struct decision *d,
                       const char *external_id)
{
    bool is_new = change->n >= (int)row->payment.legs_n;
    struct db_stmt *s;
    if (is_new) {
        s = db_add(script,
                   "INSERT INTO leg (payment_id, n, role, beneficiary_id, amount_centavos, state)"
                   " VALUES ($1, $2, $3, $4, $5, $6)",
                   1);
        db_uuid(s, &row->payment.id);
        db_i64(s, change->n);
        db_text(s, leg_role_name(change->role));
        db_uuid(s, &change->beneficiary_id);
        db_i64(s, change->amount_centavos);
        db_text(s, leg_state_name(change->state));
        return;
    }
    s = db_add(
        script,
        "UPDATE leg SET state = $3, amount_centavos = $4, effect_id = coalesce($5, effect_id),"
        " juno_id = coalesce($6, juno_id),"
        " tracking_key = coalesce((SELECT tracking_key FROM juno_txn WHERE id = $6), tracking_key),"
        " cep_url = coalesce((SELECT cep_url FROM juno_txn WHERE id = $6), cep_url)"
        " WHERE payment_id = $1 AND n = $2",
        1);
    db_uuid(s, &row->payment.id);
    db_i64(s, change->n);
    db_text(s, leg_state_name(change->state));
    db_i64(s, change->amount_centavos);
    if (d->has_effect && d->effect.leg_n == change->n)
        db_uuid(s, &d->effect.id);
    else
        db_null(s);
    db_text(s, change->state == LEG_PAID ? external_id : NULL);
}

static void update_payment(struct db_script *script, const struct payment_row *row,
                           const struct decision *d, int leg_n)
{
    const struct payment *p = &row->payment;
    struct db_stmt *s = db_add(
        script,
        "UPDATE payment SET version = version + 1, state = $3, outcome = $4,"
        " parked_from = CASE WHEN $3 = 'parked' AND state <> 'parked' THEN state ELSE parked_from "
        "END,"
        " reason = coalesce($5, reason),"
        " effect_id = CASE WHEN $6 THEN $7::uuid WHEN $8 THEN NULL ELSE effect_id END,"
        " custody_end = CASE WHEN $9::bigint > 0 THEN $9::bigint ELSE custody_end END,"
        " buyer_centavos = CASE WHEN $10::bigint > 0 THEN $10::bigint ELSE buyer_centavos END,"
        " due_at = CASE WHEN $11::bigint = 0 THEN NULL WHEN $11::bigint = 1 THEN now()"
        "          ELSE to_timestamp($11::bigint / 1000.0) END,"
        " updated_at = now() WHERE id = $1 AND version = $2",
        1);
    bool strand = leg_n < 0;
    db_uuid(s, &p->id);
    db_i64(s, p->version);
    db_text(s, payment_state_name(d->next));
    db_text(s, payment_outcome_name(d->outcome));
    db_text(s, d->reason[0] != '\0' ? d->reason : NULL);
    db_bool(s, strand && d->has_effect);
    if (strand && d->has_effect)
        db_uuid(s, &d->effect.id);
    else
        db_null(s);
    db_bool(s, strand && d->clears_effect);
    db_i64(s, d->custody_end_s);
    db_i64(s, d->buyer_centavos);
    db_i64(s, d->look_again_ms);
}

/* The dispute row follows the strand: raised, dismissed or resolved when the chain says so. */
static void update_dispute(struct db_script *script, const struct payment_row *row,
                           const struct decision *d, const struct payment_targets *targets)
{
    static const struct {
        enum payment_state from, to;
        const char *state;
        bool resolved;
    } EDGES[] = {
        {PAYMENT_DISPUTING, PAYMENT_DISPUTED, "raised", false},
        {PAYMENT_DISPUTING, PAYMENT_IN_CUSTODY, "refused", false},
        {PAYMENT_DISMISSING, PAYMENT_IN_CUSTODY, "dismissed", true},
        {PAYMENT_REVERTING, PAYMENT_RETURNING, "resolved", true},
        {PAYMENT_SPLITTING, PAYMENT_RETURNING, "resolved", true},
    };
    for (size_t i = 0; i < sizeof EDGES / sizeof EDGES[0]; i++) {
        if (row->payment.state != EDGES[i].from || d->next != EDGES[i].to)
            continue;
        struct db_stmt *s =
            db_add(script,
                   EDGES[i].resolved
                       ? "UPDATE dispute SET state = $2, resolved_tx = $3, updated_at = now()"
                         " WHERE payment_id = $1 AND state IN ('raised', 'dismissing', 'resolving')"
                       : "UPDATE dispute SET state = $2, raised_tx = $3, updated_at = now()"
                         " WHERE payment_id = $1 AND state = 'pending'",
                   1);
        db_uuid(s, &row->payment.id);
        db_text(s, EDGES[i].state);
        if (targets->tx_hash != NULL)
            db_bytes(s, targets->tx_hash, 32);
        else
            db_null(s);
    }
}

/* Everything of a decision but its postings. */
static void apply_rows(struct db_script *script, const struct payment_move *move)
{
    const struct payment_row *row = move->row;
    const struct decision *d = move->decision;
    const struct payment_targets *targets = move->targets;
    if (d->has_effect) {
        const struct uuid *beneficiary =
            d->effect.leg_n >= 0 ? &row->payment.legs[d->effect.leg_n].beneficiary_id : NULL;
        add_effect(script, row, &d->effect, beneficiary, targets);
        if (d->effect.kind == EFFECT_ESCROW_CREATE)
            add_escrow(script, row, &d->effect, targets);
    }
    for (size_t i = 0; i < d->legs_n; i++)
        change_leg(script, row, &d->leg[i], d, targets->external_id);
    update_dispute(script, row, d, targets);
    add_events(script, row, d, targets);
    update_payment(script, row, d, move->leg_n);
}

/* The postings of all go in one statement: the ledger locks each account once, in its own order. */
static void apply_postings(struct db_script *script, const struct payment_move *moves, size_t n)
{
    struct posting *all = mem_new_array(n * FLOW_POSTINGS_MAX, sizeof *all);
    size_t all_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct decision *d = moves[i].decision;
        memcpy(all + all_n, d->posting, d->postings_n * sizeof *all);
        all_n += d->postings_n;
    }
    if (all_n > 0)
        ledger_add_many(script, all, all_n);
    free(all);
}

void payments_apply_many(struct db_script *script, const struct payment_move *moves, size_t n)
{
    CHECK(n >= 1 && n <= PAYMENTS_DUE_MAX);
    for (size_t i = 0; i < n; i++)
        CHECK(moves[i].decision->verdict == VERDICT_MOVE);
    apply_postings(script, moves, n);
    for (size_t i = 0; i < n; i++)
        apply_rows(script, &moves[i]);
}

void payments_apply(struct db_script *script, const struct payment_row *row,
                    const struct decision *d, int leg_n, const struct payment_targets *targets)
{
    struct payment_move move = {.row = row, .decision = d, .leg_n = leg_n, .targets = targets};
    payments_apply_many(script, &move, 1);
}

/* When to look again, from milliseconds: 0 = never by itself, 1 = now. */
#define DUE_AT(ms)                                                                                 \
    "CASE " ms " WHEN 0 THEN NULL WHEN 1 THEN now() ELSE to_timestamp(" ms " / 1000.0) END"

void payments_rest(struct db_script *script, const struct payment *payment, int64_t look_again_ms)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE payment SET due_at = " DUE_AT("$3::bigint")
                               " WHERE id = $1 AND version = $2",
                               DB_ANY);
    db_uuid(s, &payment->id);
    db_i64(s, payment->version);
    db_i64(s, look_again_ms);
}

/* '{1,2}' of plain items: identifiers and numbers. */
struct rest_lists {
    char ids[PAYMENTS_DUE_MAX * UUID_TEXT_MAX + 2];
    char versions[PAYMENTS_DUE_MAX * 21 + 2];
    char looks[PAYMENTS_DUE_MAX * 21 + 2];
};

void payments_rest_many(struct db_script *script, const struct payment_rest *rests, size_t n)
{
    CHECK(n >= 1 && n <= PAYMENTS_DUE_MAX);
    struct rest_lists *lists = mem_new(sizeof *lists);
    size_t ids = 0, versions = 0, looks = 0;
    for (size_t i = 0; i < n; i++) {
        char mark = i == 0 ? '{' : ',';
        lists->ids[ids++] = mark;
        uuid_format(&rests[i].payment->id, lists->ids + ids);
        ids += UUID_TEXT_MAX - 1;
        versions += (size_t)snprintf(lists->versions + versions, sizeof lists->versions - versions,
                                     "%c%" PRId64, mark, rests[i].payment->version);
        looks += (size_t)snprintf(lists->looks + looks, sizeof lists->looks - looks, "%c%" PRId64,
                                  mark, rests[i].look_again_ms);
        CHECK(versions < sizeof lists->versions - 1 && looks < sizeof lists->looks - 1);
    }
    lists->ids[ids] = lists->versions[versions] = lists->looks[looks] = '}';
    struct db_stmt *s = db_add(script,
                               "UPDATE payment p SET due_at = " DUE_AT("r.look")
                               " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[])"
                               " r (id, version, look) WHERE p.id = r.id AND p.version = r.version",
                               DB_ANY);
    db_text(s, lists->ids);
    db_text(s, lists->versions);
    db_text(s, lists->looks);
    free(lists);
}

void payments_insert(struct db_script *script, const struct payment *p,
                     const struct payment_words *words)
{
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO payment (id, payer_ref, clabe, seller_id, buyer_id, description, "
        "amount_centavos,"
        " immediate_centavos, custody_centavos, commission_centavos, custody_seconds, accumulate,"
        " state, terms_hash, expires_at, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
        " to_timestamp($15::bigint / 1000.0), to_timestamp($15::bigint / 1000.0))",
        1);
    db_uuid(s, &p->id);
    db_text(s, words->payer_ref);
    db_text(s, words->clabe);
    db_uuid(s, &p->seller_id);
    db_uuid(s, &p->buyer_id);
    db_text(s, words->description);
    db_i64(s, p->amount_centavos);
    db_i64(s, p->immediate_centavos);
    db_i64(s, p->custody_centavos);
    db_i64(s, p->commission_centavos);
    db_i64(s, p->custody_seconds);
    db_bool(s, p->accumulate);
    db_text(s, payment_state_name(p->state));
    db_bytes(s, p->terms_hash, sizeof p->terms_hash);
    db_i64(s, p->expires_at_ms);
    for (size_t i = 0; i < p->legs_n; i++) {
        s = db_add(script,
                   "INSERT INTO leg (payment_id, n, role, beneficiary_id, amount_centavos, state)"
                   " VALUES ($1, $2, $3, $4, $5, 'planned')",
                   1);
        db_uuid(s, &p->id);
        db_i64(s, p->legs[i].n);
        db_text(s, leg_role_name(p->legs[i].role));
        db_uuid(s, &p->legs[i].beneficiary_id);
        db_i64(s, p->legs[i].amount_centavos);
    }
    s = db_add(script,
               "INSERT INTO payment_event (payment_id, type, actor, amount_units)"
               " VALUES ($1, 'payment_created', $2, $3)",
               1);
    db_uuid(s, &p->id);
    db_text(s, words->actor);
    db_i64(s, p->amount_centavos * 10000);
}

void payments_wake(struct db_script *script, const struct uuid *id)
{
    db_uuid(
        db_add(script, "UPDATE payment SET due_at = now(), version = version + 1 WHERE id = $1", 1),
        id);
}

void payments_wake_matured(struct db_script *script, int64_t chain_time_s)
{
    db_i64(db_add(script,
                  "UPDATE payment SET due_at = now(), version = version + 1"
                  " WHERE state = 'in_custody' AND custody_end <= $1 AND due_at IS NULL",
                  DB_ANY),
           chain_time_s);
}

void payments_event(struct db_script *script, const struct uuid *payment, const char *type,
                    const char *detail, const char *external_id)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO payment_event (payment_id, type, detail, juno_id)"
                               " VALUES ($1, $2, $3, $4)",
                               1);
    if (payment != NULL)
        db_uuid(s, payment);
    else
        db_null(s);
    db_text(s, type);
    db_text(s, detail);
    db_text(s, external_id);
}
