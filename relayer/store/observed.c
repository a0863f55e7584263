#include "relayer/store/observed.h"

#include <stdio.h>
#include <string.h>

#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/store/payments.h"

/* Juno's own time of a row; where it gave none (0), the time of its arrival here. */
#define REPORTED_AT(ms) "coalesce(to_timestamp(nullif(" ms "::bigint, 0) / 1000.0), now())"

struct uuid observed_deposit_uuid(const char *fid)
{
    static const struct uuid DEPOSITS = {{0}};
    char label[160];
    int n = snprintf(label, sizeof label, "deposit:%s", fid);
    CHECK(n > 0 && (size_t)n < sizeof label);
    return uuid_derive(&DEPOSITS, label);
}

void observed_fit_deposit(struct db_script *script, const struct report_deposit *report)
{
    struct db_stmt *s =
        db_add(script,
               "SELECT EXISTS (SELECT 1 FROM deposit WHERE fid = $1), count(*), min(p.id::text)"
               " FROM payment p WHERE p.clabe = $2 AND p.amount_centavos = $3"
               " AND p.state = 'waiting_deposit'"
               " AND NOT EXISTS (SELECT 1 FROM deposit d WHERE d.payment_id = p.id)",
               1);
    db_text(s, report->fid);
    db_text(s, report->clabe);
    db_i64(s, report->amount_centavos);
}

void observed_parse_fit(struct db_result *result, size_t place, struct deposit_fit_row *out)
{
    int stmt = (int)place;
    memset(out, 0, sizeof *out);
    out->known = db_get(result, stmt, 0, 0)[0] == 't';
    out->candidates = (int)db_get_i64(result, stmt, 0, 1);
    out->has_payment = db_get_uuid(result, stmt, 0, 2, &out->payment_id);
}

void observed_add_deposit(struct db_script *script, const struct report_deposit *report,
                          const struct uuid *payment, const char *reason)
{
    struct db_stmt *s;
    if (payment != NULL) {
        /* First, so that its lock holds off whoever would let the payment expire meanwhile. */
        s = db_add(script,
                   "UPDATE payment SET due_at = now(), version = version + 1"
                   " WHERE id = $1 AND state = 'waiting_deposit'",
                   1);
        db_uuid(s, payment);
    }
    s = db_add(script,
               "INSERT INTO deposit (fid, clabe, amount_centavos, state, reason,"
               " payment_id, reported_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, " REPORTED_AT("$7") ")",
               1);
    db_text(s, report->fid);
    db_text(s, report->clabe);
    db_i64(s, report->amount_centavos);
    db_text(s, payment != NULL ? "matched" : "unassigned");
    db_text(s, reason);
    if (payment != NULL)
        db_uuid(s, payment);
    else
        db_null(s);
    db_i64(s, report->reported_ms);
    if (payment == NULL)
        payments_event(script, NULL, "deposit_unassigned", reason, report->fid);
}

/* Until its redemption is found, a refund's reason is "waits ID KEY", "-" for what Juno did not tell; then
 * "returned ID", or "differs ID" when the redemption is of another amount. Neither text holds a space. */
void observed_add_refund(struct db_script *script, const struct report_deposit *report,
                         const char *refund_of, const char *tracking_key)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO deposit (fid, clabe, amount_centavos, state, reason, reported_at)"
               " VALUES ($1, $2, $3, 'refund', concat_ws(' ', 'waits', coalesce(nullif($4::text, "
               "''), '-'),"
               " coalesce(nullif($5::text, ''), '-')), " REPORTED_AT("$6") ")",
               1);
    db_text(s, report->fid);
    db_text(s, report->clabe);
    db_i64(s, report->amount_centavos);
    db_text(s, refund_of);
    db_text(s, tracking_key);
    db_i64(s, report->reported_ms);
    observed_link_refunds(script);
}

void observed_link_refunds(struct db_script *script)
{
    (void)db_add(
        script,
        "WITH waits AS (SELECT fid, amount_centavos, nullif(split_part(reason, ' ', 2), '-') AS "
        "named,"
        "   nullif(split_part(reason, ' ', 3), '-') AS key"
        "   FROM deposit WHERE state = 'refund' AND reason LIKE 'waits %'),"
        " found AS (SELECT DISTINCT ON (w.fid) w.fid, w.amount_centavos, j.id, j.amount_units,"
        "   j.amount_units = w.amount_centavos * 10000 AS same FROM waits w JOIN juno_txn j"
        "   ON j.kind = 'REDEMPTION' AND j.state IN ('COMPLETE', 'FAILED', 'RETURNED')"
        "   AND (j.id = w.named OR j.tracking_key = w.key)"
        "   ORDER BY w.fid, j.id IS DISTINCT FROM w.named),"
        " back AS (UPDATE juno_txn j SET state = 'RETURNED', updated_at = now() FROM found f"
        "   WHERE f.same AND j.id = f.id AND j.state <> 'RETURNED' RETURNING j.id),"
        " noted AS (UPDATE deposit d SET reason ="
        "   CASE WHEN f.same THEN 'returned ' ELSE 'differs ' END || f.id"
        "   FROM found f WHERE d.fid = f.fid),"
        " woken AS (UPDATE payment SET due_at = now(), version = version + 1 WHERE id IN"
        "   (SELECT l.payment_id FROM leg l JOIN back ON back.id = l.juno_id UNION"
        "    SELECT e.payment_id FROM effect e JOIN back ON back.id = e.external_id)),"
        " raised AS (INSERT INTO alarm AS a (code, subject, detail) SELECT 'refund_differs', f.fid,"
        "   f.amount_centavos || ' centavos came back of redemption ' || f.id || ' of '"
        "   || f.amount_units || ' units' FROM found f WHERE NOT f.same"
        "   ON CONFLICT (code, subject) WHERE cleared_at IS NULL"
        "   DO UPDATE SET times = a.times + 1, last_at = now(), detail = EXCLUDED.detail)"
        " SELECT fid FROM waits WHERE fid NOT IN (SELECT fid FROM found)",
        DB_ANY);
}

/* States rank PENDING < IN_PROGRESS < COMPLETE < RETURNED and FAILED: an older report never regresses. */
void observed_put_txn(struct db_script *script, const struct report_txn *r)
{
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO juno_txn AS j (id, kind, amount_units, state, fid, tx_hash, tracking_key, "
        "cep_url,"
        " reported_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, " REPORTED_AT(
            "$9") ")"
                  " ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state,"
                  " fid = coalesce(j.fid, EXCLUDED.fid), tx_hash = coalesce(j.tx_hash, "
                  "EXCLUDED.tx_hash),"
                  " tracking_key = coalesce(j.tracking_key, EXCLUDED.tracking_key),"
                  " cep_url = coalesce(j.cep_url, EXCLUDED.cep_url), updated_at = now()"
                  " WHERE (j.state, j.tx_hash, j.tracking_key) IS DISTINCT FROM"
                  "       (EXCLUDED.state, EXCLUDED.tx_hash, EXCLUDED.tracking_key)"
                  " AND array_position(ARRAY['PENDING', 'IN_PROGRESS', 'FAILED', 'COMPLETE', "
                  "'RETURNED'], "
                  "j.state)"
                  "  <= array_position(ARRAY['PENDING', 'IN_PROGRESS', 'FAILED', 'COMPLETE', "
                  "'RETURNED'],"
                  "                    EXCLUDED.state)",
        DB_ANY);
    db_text(s, r->id);
    db_text(s, r->kind);
    db_i64(s, r->amount_units);
    db_text(s, r->state);
    db_text(s, r->fid);
    if (r->tx_hash != NULL)
        db_bytes(s, r->tx_hash, 32);
    else
        db_null(s);
    db_text(s, r->tracking_key);
    db_text(s, r->cep_url);
    db_i64(s, r->reported_ms);
}

/* An issuance is FREE while no deposit has it. */
#define FREE                                                                                       \
    "j.kind = 'ISSUANCE' AND j.state = 'COMPLETE'"                                                 \
    " AND NOT EXISTS (SELECT 1 FROM deposit x WHERE x.issuance_id = j.id)"

/* Per amount, the k-th oldest deposit takes the oldest issuance that is left and not older than its slack.
 * With first(k) the place of the oldest issuance young enough for deposit k, that is the one at place
 * max(place(k - 1) + 1, first(k)) = k + max over i <= k of (first(i) - i): one running maximum. */
struct db_script *observed_match_issuances(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(
        script,
        "WITH free AS (SELECT j.id, j.fid, j.amount_units, j.reported_at, row_number() OVER"
        "   (PARTITION BY amount_units, fid IS NULL ORDER BY reported_at, id) AS place"
        "   FROM juno_txn j WHERE " FREE "),"
        " waiting AS (SELECT d.fid, d.payment_id, d.amount_centavos, d.reported_at FROM deposit d"
        "   WHERE d.issuance_id IS NULL AND d.state IN ('matched', 'unassigned')"
        "   AND NOT EXISTS (SELECT 1 FROM free f WHERE f.fid = d.fid)),"
        " line AS (SELECT amount_units, reported_at AS at, 1 AS issued, NULL AS fid FROM free"
        "   WHERE fid IS NULL UNION ALL SELECT amount_centavos * 10000,"
        "   reported_at - interval '10 minutes', 0, fid FROM waiting),"
        " young AS (SELECT l.fid, l.amount_units, l.at, 1 + sum(l.issued) OVER (PARTITION BY"
        "   l.amount_units ORDER BY l.at, l.issued, l.fid ROWS UNBOUNDED PRECEDING) AS first"
        "   FROM line l),"
        " ranked AS (SELECT y.fid, y.amount_units, y.at, y.first, row_number() OVER"
        "   (PARTITION BY y.amount_units ORDER BY y.at, y.fid) AS k FROM young y"
        "   WHERE y.fid IS NOT NULL),"
        " taken AS (SELECT r.fid, r.amount_units, r.k + max(r.first - r.k) OVER (PARTITION BY"
        "   r.amount_units ORDER BY r.at, r.fid ROWS UNBOUNDED PRECEDING) AS place FROM ranked r),"
        " pair AS (SELECT f.id, f.reported_at, f.fid FROM free f WHERE f.fid IS NOT NULL UNION ALL"
        "   SELECT f.id, f.reported_at, t.fid FROM free f JOIN taken t"
        "   ON t.amount_units = f.amount_units AND t.place = f.place WHERE f.fid IS NULL)"
        " SELECT p.id, d.fid, d.payment_id, d.amount_centavos FROM pair p JOIN deposit d"
        "  ON d.fid = p.fid AND d.issuance_id IS NULL AND d.state IN ('matched', 'unassigned')"
        " ORDER BY p.reported_at, p.id LIMIT 50",
        DB_ANY);
    return script;
}

void observed_alarm_unmatched(struct db_script *script)
{
    (void)db_add(script,
                 "UPDATE alarm a SET cleared_at = now() WHERE a.code = 'issuance_unmatched'"
                 " AND a.cleared_at IS NULL"
                 " AND EXISTS (SELECT 1 FROM deposit d WHERE d.issuance_id = a.subject)",
                 DB_ANY);
    (void)db_add(script,
                 "INSERT INTO alarm (code, subject, detail) SELECT 'issuance_unmatched', j.id,"
                 " j.amount_units || ' units were issued and belong to no deposit'"
                 " FROM juno_txn j WHERE " FREE " AND j.reported_at < now() - interval '1 hour'"
                 " AND NOT EXISTS (SELECT 1 FROM alarm a WHERE a.code = 'issuance_unmatched'"
                 "  AND a.subject = j.id) ORDER BY j.reported_at LIMIT 20",
                 DB_ANY);
}

size_t observed_parse_matches(struct db_result *result, struct issuance_match *out, size_t max)
{
    size_t count = (size_t)db_rows(result, 0);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++) {
        int r = (int)i;
        snprintf(out[i].issuance_id, sizeof out[i].issuance_id, "%s", db_get(result, 0, r, 0));
        snprintf(out[i].fid, sizeof out[i].fid, "%s", db_get(result, 0, r, 1));
        out[i].has_payment = db_get_uuid(result, 0, r, 2, &out[i].payment_id);
        out[i].centavos = db_get_i64(result, 0, r, 3);
    }
    return count;
}

void observed_set_issuance(struct db_script *script, const struct issuance_match *match)
{
    /* The deposit must still belong to whom the posting was made for. */
    struct db_stmt *s =
        db_add(script,
               "UPDATE deposit SET issuance_id = $2, issued_unassigned = payment_id IS NULL"
               " WHERE fid = $1 AND issuance_id IS NULL"
               " AND payment_id IS NOT DISTINCT FROM $3",
               1);
    db_text(s, match->fid);
    db_text(s, match->issuance_id);
    if (match->has_payment)
        db_uuid(s, &match->payment_id);
    else
        db_null(s);
    if (match->has_payment)
        payments_wake(script, &match->payment_id);
}

void observed_bank_active(struct db_script *script, const struct uuid *beneficiary,
                          const char *juno_account_id)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE beneficiary SET state = 'active', juno_account_id = $2,"
                               " updated_at = now() WHERE id = $1 AND state = 'registering'",
                               DB_ANY);
    db_uuid(s, beneficiary);
    db_text(s, juno_account_id);
}

void observed_bank_refused(struct db_script *script, const struct uuid *beneficiary,
                           const char *why)
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE beneficiary SET state = 'refused', reason = $2, updated_at = now()"
               " WHERE id = $1 AND state = 'registering' AND EXISTS (SELECT 1 FROM effect"
               "  WHERE subject_id = $1 AND kind = 'bank_register' AND state = 'rejected')",
               DB_ANY);
    db_uuid(s, beneficiary);
    db_text(s, why);
}

void observed_clabe_enabled(struct db_script *script, const struct uuid *clabe_row,
                            const char *clabe)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE clabe SET state = 'enabled', clabe = $2"
                               " WHERE id = $1 AND state = 'creating'",
                               DB_ANY);
    db_uuid(s, clabe_row);
    db_text(s, clabe);
}

void observed_alarm(struct db_script *script, const char *code, const char *subject,
                    const char *detail)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO alarm AS a (code, subject, detail) VALUES ($1, $2, $3)"
                               " ON CONFLICT (code, subject) WHERE cleared_at IS NULL"
                               " DO UPDATE SET times = a.times + 1, last_at = now(), detail = $3",
                               1);
    db_text(s, code);
    db_text(s, subject);
    db_text(s, detail);
}

void observed_alarm_clear(struct db_script *script, const char *code, const char *subject)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE alarm SET cleared_at = now()"
                               " WHERE code = $1 AND subject = $2 AND cleared_at IS NULL",
                               DB_ANY);
    db_text(s, code);
    db_text(s, subject);
}

void observed_counter(struct db_script *script, const char *name, int64_t at_least, int64_t count)
{
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO counter AS c (name, value) VALUES ($1, $2::bigint + $3::bigint)"
        " ON CONFLICT (name) DO UPDATE SET value = greatest(c.value, $2::bigint) + $3::bigint"
        " RETURNING value",
        1);
    db_text(s, name);
    db_i64(s, at_least);
    db_i64(s, count);
}

void observed_deposits_known(struct db_script *script, int64_t known_ms)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO counter AS c (name, value) VALUES"
                               " ('juno:deposits_known',"
                               "  least($1::bigint, (extract(epoch FROM now()) * 1000)::bigint))"
                               " ON CONFLICT (name) DO UPDATE SET value ="
                               "  CASE WHEN $1::bigint > 0 THEN EXCLUDED.value ELSE c.value END"
                               " RETURNING value",
                               1);
    db_i64(s, known_ms);
}

/* An array literal of at most 100 ids as Juno sent them: each in quotes, quotes and backslashes escaped. */
enum {
    LIST_ITEMS_MAX = 100,
    LIST_ITEM_MAX = 96,
    LIST_TEXT_MAX = LIST_ITEMS_MAX * (2 * LIST_ITEM_MAX + 3) + 3
};

static void list_text(const char *const *items, size_t n, char out[LIST_TEXT_MAX])
{
    size_t used = 0;
    CHECK(n <= LIST_ITEMS_MAX);
    out[used++] = '{';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            out[used++] = ',';
        out[used++] = '"';
        for (size_t k = 0; k < LIST_ITEM_MAX && items[i][k] != '\0'; k++) {
            if (items[i][k] == '"' || items[i][k] == '\\')
                out[used++] = '\\';
            out[used++] = items[i][k];
        }
        out[used++] = '"';
    }
    out[used++] = '}';
    out[used] = '\0';
}

static void list_add(struct db_script *script, const char *sql, const char *const *items, size_t n)
{
    char text[LIST_TEXT_MAX];
    list_text(items, n, text);
    db_text(db_add(script, sql, DB_ANY), text);
}

static struct db_script *list_query(const char *sql, const char *const *items, size_t n)
{
    struct db_script *script = db_script_new();
    list_add(script, sql, items, n);
    return script;
}

void observed_stranger_clabes(struct db_script *script, const char *const *clabes, size_t n,
                              bool set_aside)
{
    list_add(script,
             set_aside ? "INSERT INTO clabe (id, user_ref, clabe, state)"
                         " SELECT gen_random_uuid(), 'juno:' || c, c, 'disabled'"
                         " FROM unnest($1::text[]) c WHERE NOT EXISTS"
                         " (SELECT 1 FROM clabe k WHERE k.clabe = c) ON CONFLICT DO NOTHING"
                         " RETURNING clabe"
                       : "SELECT c FROM unnest($1::text[]) c WHERE NOT EXISTS"
                         " (SELECT 1 FROM clabe k WHERE k.clabe = c)",
             clabes, n);
}

struct db_script *observed_new_deposits(const char *const *fids, size_t n)
{
    return list_query("SELECT f FROM unnest($1::text[]) f WHERE NOT EXISTS"
                      " (SELECT 1 FROM deposit d WHERE d.fid = f)",
                      fids, n);
}

struct db_script *observed_progress(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script, "SELECT name, value FROM counter WHERE name LIKE 'observer:%'", DB_ANY);
    (void)db_add(script,
                 "SELECT EXISTS (SELECT 1 FROM deposit WHERE state = 'refund'"
                 " AND reason LIKE 'waits %')",
                 1);
    return script;
}

struct db_script *observed_mark(const char *name, int64_t reported_ms)
{
    struct db_script *script = db_script_new();
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO counter AS c (name, value) VALUES ($1, $2)"
               " ON CONFLICT (name) DO UPDATE SET value = greatest(c.value, EXCLUDED.value)",
               1);
    db_text(s, name);
    db_i64(s, reported_ms);
    return script;
}

struct db_script *observed_stale_txns(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script,
                 "UPDATE juno_txn SET updated_at = now() WHERE id IN (SELECT id FROM juno_txn"
                 " WHERE kind IN ('ISSUANCE', 'CRYPTO_DEPOSIT')"
                 " AND state IN ('PENDING', 'IN_PROGRESS') ORDER BY updated_at, id LIMIT 20)"
                 " RETURNING id",
                 DB_ANY);
    return script;
}

struct db_script *observed_open_txns(const char *const *ids, size_t n)
{
    return list_query("SELECT i, j.id IS NOT NULL FROM unnest($1::text[]) i"
                      " LEFT JOIN juno_txn j ON j.id = i"
                      " WHERE j.id IS NULL OR j.state IN ('PENDING', 'IN_PROGRESS')",
                      ids, n);
}
