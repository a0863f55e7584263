#include "relayer/store/effects.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/store/payments.h"

static const char *const STATES[] = {
    [EFFECT_STATE_PLANNED] = "planned",     [EFFECT_STATE_ARMED] = "armed",
    [EFFECT_STATE_SENT] = "sent",           [EFFECT_STATE_UNKNOWN] = "unknown",
    [EFFECT_STATE_CONFIRMED] = "confirmed", [EFFECT_STATE_REJECTED] = "rejected",
    [EFFECT_STATE_PARKED] = "parked",
};

enum effect_column {
    E_ID,
    E_KIND,
    E_STATE,
    E_KEY,
    E_PAYMENT,
    E_SUBJECT,
    E_AMOUNT,
    E_DESTINATION,
    E_ESCROW,
    E_SECONDS,
    E_END,
    E_BUYER,
    E_PARTY,
    E_NOTE,
    E_EXTERNAL,
    E_ATTEMPTS,
    E_FAILURES,
    E_FIRST_SENT,
    E_TX,
    E_NAME,
    E_CLABE,
    E_OWNERSHIP,
};

void effects_claim_juno(struct db_script *script, int limit, int lease_s, const char *owner)
{
    struct db_stmt *s =
        db_add(script,
               "WITH picked AS (SELECT id FROM effect WHERE door = 'juno'"
               " AND state IN ('armed', 'sent', 'unknown') AND next_at <= now()"
               " AND (claimed_until IS NULL OR claimed_until < now())"
               /* Nothing of an armed one is at Juno: it waits while its bank account is suspended. */
               " AND (kind <> 'redeem' OR state <> 'armed' OR EXISTS (SELECT 1 FROM beneficiary b"
               "  WHERE b.juno_account_id = effect.destination AND b.state = 'active'))"
               /* CLABE creations go one at a time, open ones first: courier.c says why. */
               " AND (kind <> 'clabe_create' OR id = (SELECT o.id FROM effect o"
               "  WHERE o.kind = 'clabe_create' AND o.state IN ('armed', 'sent', 'unknown')"
               "  ORDER BY o.claimed_until > now() DESC NULLS LAST, o.state = 'armed',"
               "  o.created_at, o.id LIMIT 1))"
               " ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)"
               " UPDATE effect e SET claimed_until = now() + make_interval(secs => $2::bigint),"
               " claimed_by = $3"
               " FROM picked WHERE e.id = picked.id RETURNING " EFFECT_COLUMNS,
               DB_ANY);
    db_i64(s, limit);
    db_i64(s, lease_s);
    db_text(s, owner);
}

void effects_unclaim(struct db_script *script, int64_t wait_ms)
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE effect SET claimed_until = NULL, claimed_by = NULL,"
               " next_at = greatest(next_at, now() + make_interval(secs => $1::bigint / 1000.0))"
               " WHERE door = 'juno' AND claimed_until IS NOT NULL",
               DB_ANY);
    db_i64(s, wait_ms);
}

static enum effect_state parse_state(const char *name)
{
    for (size_t i = 1; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (strcmp(STATES[i], name) == 0)
            return (enum effect_state)i;
    }
    CHECK(!"effect state out of range");
    return EFFECT_STATE_PARKED;
}

static void parse_row(struct db_result *res, int stmt, int r, struct effect_row *row)
{
    memset(row, 0, sizeof *row);
    CHECK(db_get_uuid(res, stmt, r, E_ID, &row->id));
    CHECK(effect_kind_parse(db_get(res, stmt, r, E_KIND), &row->kind));
    row->state = parse_state(db_get(res, stmt, r, E_STATE));
    CHECK(db_get_uuid(res, stmt, r, E_KEY, &row->idem_key));
    row->has_payment = db_get_uuid(res, stmt, r, E_PAYMENT, &row->payment_id);
    row->has_subject = db_get_uuid(res, stmt, r, E_SUBJECT, &row->subject_id);
    row->amount_units = db_get_i64(res, stmt, r, E_AMOUNT);
    row->has_escrow = db_get_bytes(res, stmt, r, E_ESCROW, row->escrow_id, sizeof row->escrow_id);
    row->custody_seconds = db_get_i64(res, stmt, r, E_SECONDS);
    row->custody_end_s = db_get_i64(res, stmt, r, E_END);
    row->buyer_units = db_get_i64(res, stmt, r, E_BUYER);
    row->party = (uint8_t)db_get_i64(res, stmt, r, E_PARTY);
    (void)db_get_bytes(res, stmt, r, E_NOTE, row->note_hash, sizeof row->note_hash);
    row->attempts = (int)db_get_i64(res, stmt, r, E_ATTEMPTS);
    row->failures = (int)db_get_i64(res, stmt, r, E_FAILURES);
    row->first_sent_ms = db_get_i64(res, stmt, r, E_FIRST_SENT);
    row->tx_known = db_get_bytes(res, stmt, r, E_TX, row->tx_hash, sizeof row->tx_hash);
    const struct {
        int column;
        char *out;
        size_t cap;
    } texts[] = {
        {E_DESTINATION, row->destination, sizeof row->destination},
        {E_EXTERNAL, row->external_id, sizeof row->external_id},
        {E_NAME, row->subject_name, sizeof row->subject_name},
        {E_CLABE, row->subject_clabe, sizeof row->subject_clabe},
        {E_OWNERSHIP, row->subject_ownership, sizeof row->subject_ownership},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = db_get(res, stmt, r, texts[i].column);
        int n = snprintf(texts[i].out, texts[i].cap, "%s", text != NULL ? text : "");
        CHECK((size_t)n < texts[i].cap);
    }
}

size_t effects_parse(struct db_result *result, int stmt, struct effect_row *rows, size_t max)
{
    size_t count = (size_t)db_rows(result, stmt);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++)
        parse_row(result, stmt, (int)i, &rows[i]);
    return count;
}

void effects_sending(struct db_script *script, const struct effect_row *row,
                     const uint8_t request_hash[32])
{
    struct db_stmt *s = db_add(
        script,
        "UPDATE effect SET state = CASE WHEN state = 'unknown' THEN 'unknown' ELSE 'sent' END,"
        " attempts = attempts + 1, request_hash = coalesce(request_hash, $3),"
        " first_sent_at = coalesce(first_sent_at, now()), updated_at = now()"
        " WHERE id = $1 AND attempts = $2 AND state IN ('armed', 'sent', 'unknown')",
        1);
    db_uuid(s, &row->id);
    db_i64(s, row->attempts);
    db_bytes(s, request_hash, 32);
    s = db_add(script, "INSERT INTO attempt (effect_id, n) VALUES ($1, $2)", 1);
    db_uuid(s, &row->id);
    db_i64(s, row->attempts + 1);
}

/* The answer to the attempt that was announced last for this row. */
static void answer(struct db_script *script, const struct effect_row *row, const char *outcome,
                   const char *detail)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO attempt_answer (effect_id, n, outcome, detail)"
                               " VALUES ($1, $2, $3, left($4, 400))",
                               1);
    db_uuid(s, &row->id);
    db_i64(s, row->attempts);
    db_text(s, outcome);
    db_text(s, detail);
}

/* The row may have gone on meanwhile: its log was seen, or another daemon has the Juno key and made the next
 * attempt. Then what an errand says late is history (attempt_answer) and moves nothing. */
#define STILL_OURS                                                                                 \
    " WHERE id = $1 AND attempts <= $2 AND state NOT IN ('confirmed', 'rejected', 'parked')"
/* That Juno took it is true whoever asked: the same key is the same operation. */
#define STILL_UNKNOWN                                                                              \
    " WHERE id = $1 AND external_id IS NULL AND state NOT IN ('confirmed', 'rejected', 'parked')"

static struct db_stmt *update(struct db_script *script, const struct effect_row *row,
                              const char *sql)
{
    struct db_stmt *s = db_add(script, sql, DB_ANY);
    db_uuid(s, &row->id);
    db_i64(s, row->attempts);
    return s;
}

void effects_accepted(struct db_script *script, const struct effect_row *row,
                      const char *external_id, int64_t wait_ms)
{
    answer(script, row, "happened", external_id);
    struct db_stmt *s =
        db_add(script,
               "UPDATE effect SET state = 'sent', external_id = $2, claimed_until = NULL,"
               " next_at = now() + make_interval(secs => $3::bigint / 1000.0),"
               " last_error = NULL, updated_at = now()" STILL_UNKNOWN,
               DB_ANY);
    db_uuid(s, &row->id);
    db_text(s, external_id);
    db_i64(s, wait_ms);
}

void effects_unknown(struct db_script *script, const struct effect_row *row, const char *why,
                     int64_t wait_ms)
{
    answer(script, row, "unknown", why);
    struct db_stmt *s = update(script, row,
                               "UPDATE effect SET state = 'unknown', claimed_until = NULL,"
                               " next_at = now() + make_interval(secs => $3::bigint / 1000.0),"
                               " last_error = $4, updated_at = now()" STILL_OURS);
    db_i64(s, wait_ms);
    db_text(s, why);
}

void effects_not_sent(struct db_script *script, const struct effect_row *row, const char *why,
                      int64_t wait_ms)
{
    answer(script, row, "not_happened", why);
    effects_again(script, row, why, wait_ms);
}

void effects_again(struct db_script *script, const struct effect_row *row, const char *why,
                   int64_t wait_ms)
{
    struct db_stmt *s =
        update(script, row,
               "UPDATE effect SET state = $5, failures = failures + 1,"
               " claimed_until = NULL, last_error = $4, updated_at = now(),"
               " next_at = now() + make_interval(secs => $3::bigint / 1000.0)" STILL_OURS);
    db_i64(s, wait_ms);
    db_text(s, why);
    /* Back to where it was: what an earlier attempt left open stays open. */
    db_text(s, STATES[row->state]);
}

void effects_wait(struct db_script *script, const struct effect_row *row, int64_t wait_ms)
{
    struct db_stmt *s =
        update(script, row,
               "UPDATE effect SET claimed_until = NULL,"
               " next_at = now() + make_interval(secs => $3::bigint / 1000.0)" STILL_OURS);
    db_i64(s, wait_ms);
}

static void end(struct db_script *script, const struct effect_row *row, const char *state,
                const char *why)
{
    struct db_stmt *s =
        update(script, row,
               "UPDATE effect SET state = $3, last_error = $4, claimed_until = NULL,"
               " updated_at = now()" STILL_OURS);
    db_text(s, state);
    db_text(s, why);
    if (row->has_payment)
        payments_wake(script, &row->payment_id);
}

void effects_confirm(struct db_script *script, const struct effect_row *row)
{
    end(script, row, "confirmed", NULL);
}

void effects_reject(struct db_script *script, const struct effect_row *row, const char *why)
{
    end(script, row, "rejected", why);
}

void effects_park(struct db_script *script, const struct effect_row *row, const char *why)
{
    end(script, row, "parked", why);
}

void effects_set_tx(struct db_script *script, const struct effect_row *row,
                    const uint8_t tx_hash[32], int64_t wait_ms)
{
    struct db_stmt *s = update(script, row,
                               "UPDATE effect SET tx_hash = $3, claimed_until = NULL,"
                               " next_at = now() + make_interval(secs => $4::bigint / 1000.0),"
                               " updated_at = now()" STILL_OURS);
    db_bytes(s, tx_hash, 32);
    db_i64(s, wait_ms);
}

void effects_insert(struct db_script *script, const struct effect_plan *plan,
                    const struct uuid *subject, const char *destination)
{
    bool chain = effect_kind_is_chain(plan->kind);
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO effect (id, subject_id, kind, door, lane, state, idem_key, amount_units, "
        "destination)"
        " SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::uuid, $8::bigint,"
        " $9::text WHERE NOT EXISTS (SELECT 1 FROM effect WHERE kind = $3::text"
        "  AND subject_id IS NOT DISTINCT FROM $2::uuid"
        "  AND state IN ('planned', 'armed', 'sent', 'unknown'))",
        DB_ANY);
    db_uuid(s, &plan->id);
    if (subject != NULL)
        db_uuid(s, subject);
    else
        db_null(s);
    db_text(s, effect_kind_name(plan->kind));
    db_text(s, chain ? "chain" : "juno");
    db_text(s, chain ? "relayer" : NULL);
    db_text(s, chain ? "planned" : "armed");
    db_uuid(s, &plan->idem_key);
    db_i64(s, plan->amount_units);
    db_text(s, destination);
}
