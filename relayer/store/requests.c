#include "relayer/store/requests.h"

#include "relayer/base/check.h"
#include "relayer/store/observed.h"
#include "relayer/store/payments.h"

struct db_script *requests_find(const char *key)
{
    struct db_script *script = db_script_new();
    db_text(db_add(script,
                   "SELECT method, params_hash, reply, uid, role, key FROM request WHERE key = $1",
                   DB_ANY),
            key);
    return script;
}

bool requests_parse(struct db_result *result, struct request_row *out)
{
    if (db_rows(result, 0) == 0)
        return false;
    out->method = db_get(result, 0, 0, 0);
    CHECK(db_get_bytes(result, 0, 0, 1, out->params_hash, sizeof out->params_hash));
    out->reply = db_get(result, 0, 0, 2);
    out->uid = db_get_i64(result, 0, 0, 3);
    out->role = db_get(result, 0, 0, 4);
    out->key = db_get(result, 0, 0, 5);
    return true;
}

void requests_add(struct db_script *script, const struct request_row *request)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO request (key, method, params_hash, reply, uid, role)"
                               " VALUES ($1, $2, $3, $4, $5, $6)",
                               1);
    db_text(s, request->key);
    db_text(s, request->method);
    db_bytes(s, request->params_hash, sizeof request->params_hash);
    db_text(s, request->reply);
    db_i64(s, request->uid);
    db_text(s, request->role);
}

void requests_add_beneficiary(struct db_script *script, const struct new_beneficiary *row)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO beneficiary (id, name, clabe, ownership, state)"
                               " VALUES ($1, $2, $3, $4, 'registering')",
                               1);
    db_uuid(s, &row->id);
    db_text(s, row->name);
    db_text(s, row->clabe);
    db_text(s, row->ownership);
}

struct db_script *requests_find_account(const char *clabe)
{
    struct db_script *script = db_script_new();
    db_text(db_add(script, "SELECT state FROM beneficiary WHERE clabe = $1", DB_ANY), clabe);
    return script;
}

void requests_beneficiary_again(struct db_script *script, const struct uuid *id)
{
    db_uuid(db_add(script,
                   "UPDATE beneficiary SET state = 'registering', reason = NULL, updated_at = now()"
                   " WHERE id = $1 AND state = 'refused'",
                   1),
            id);
}

void requests_beneficiary_suspend(struct db_script *script, const struct uuid *id,
                                  const char *reason)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE beneficiary SET state = 'suspended', reason = $2,"
                               " updated_at = now() WHERE id = $1 AND state = 'active'",
                               1);
    db_uuid(s, id);
    db_text(s, reason);
}

void requests_beneficiary_resume(struct db_script *script, const struct uuid *id)
{
    db_uuid(db_add(script,
                   "UPDATE beneficiary SET state = 'active', reason = NULL, updated_at = now()"
                   " WHERE id = $1 AND state = 'suspended' AND juno_account_id IS NOT NULL",
                   1),
            id);
    db_uuid(db_add(script,
                   "UPDATE payment SET due_at = now(), version = version + 1 WHERE id IN"
                   " (SELECT l.payment_id FROM leg l WHERE l.beneficiary_id = $1"
                   "  AND l.state = 'planned')"
                   " AND state NOT IN ('completed', 'expired', 'cancelled', 'waiting_deposit')",
                   DB_ANY),
            id);
}

void requests_add_clabe(struct db_script *script, const struct uuid *id, const char *user_ref)
{
    struct db_stmt *s =
        db_add(script, "INSERT INTO clabe (id, user_ref, state) VALUES ($1, $2, 'creating')", 1);
    db_uuid(s, id);
    db_text(s, user_ref);
}

struct db_script *requests_people(const char *user_ref, const struct uuid *ids, size_t n)
{
    struct db_script *script = db_script_new();
    db_text(db_add(script, "SELECT clabe, state FROM clabe WHERE user_ref = $1", DB_ANY), user_ref);
    for (size_t i = 0; i < n; i++)
        db_uuid(db_add(script, "SELECT state FROM beneficiary WHERE id = $1", DB_ANY), &ids[i]);
    return script;
}

void requests_add_dispute(struct db_script *script, const struct new_dispute *row)
{
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO dispute (id, payment_id, escrow_id, raised_by, party, reason, details,"
        " evidence_url, reason_hash, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending')",
        1);
    db_uuid(s, &row->id);
    db_uuid(s, &row->payment_id);
    db_bytes(s, row->escrow_id, 32);
    db_text(s, row->raised_by);
    db_i64(s, row->party);
    db_text(s, row->reason);
    db_text(s, row->details);
    db_text(s, row->evidence_url);
    db_bytes(s, row->reason_hash, 32);
}

void requests_find_dispute(struct db_script *script, const struct uuid *payment_id)
{
    db_uuid(db_add(script,
                   "SELECT id, state FROM dispute WHERE payment_id = $1"
                   " AND state IN ('pending', 'raised', 'dismissing', 'resolving')",
                   DB_ANY),
            payment_id);
}

void requests_decide_dispute(struct db_script *script, const struct dispute_decision *d)
{
    struct db_stmt *s = db_add(
        script,
        "UPDATE dispute SET state = $2, resolution = $3, buyer_centavos = $4, admin_notes = $5,"
        " resolved_by = $6, updated_at = now() WHERE id = $1 AND state = 'raised'",
        1);
    db_uuid(s, &d->id);
    db_text(s, d->state);
    db_text(s, d->resolution);
    if (d->buyer_centavos >= 0)
        db_i64(s, d->buyer_centavos);
    else
        db_null(s);
    db_text(s, d->notes);
    db_text(s, d->resolved_by);
}

static void add_event(struct db_script *script, const struct uuid *payment_id, const char *type,
                      const char *detail, const char *actor)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO payment_event (payment_id, type, detail, actor)"
                               " VALUES ($1, $2, $3, $4)",
                               1);
    db_uuid(s, payment_id);
    db_text(s, type);
    db_text(s, detail);
    db_text(s, actor);
}

void requests_assign_deposit(struct db_script *script, const char *fid,
                             const struct uuid *payment_id, const char *actor)
{
    struct db_stmt *s = db_add(
        script,
        "UPDATE deposit d SET state = 'matched', payment_id = p.id, reason = NULL FROM payment p"
        " WHERE d.fid = $1 AND d.state = 'unassigned' AND p.id = $2 AND p.state = 'waiting_deposit'"
        " AND p.amount_centavos = d.amount_centavos",
        1);
    db_text(s, fid);
    db_uuid(s, payment_id);
    add_event(script, payment_id, "deposit_assigned", fid, actor);
    observed_alarm_clear(script, "deposit_unassigned", fid);
    payments_wake(script, payment_id);
}

/* What a person has looked at and let go on is no alarm any more. */
static void clear_alarms(struct db_script *script, const struct uuid *payment_id)
{
    db_uuid(db_add(script,
                   "UPDATE alarm SET cleared_at = now() WHERE cleared_at IS NULL AND"
                   " ((code = 'payment_parked' AND subject = $1::uuid::text)"
                   "  OR (code = 'effect_parked' AND subject IN"
                   "      (SELECT id::text FROM effect WHERE payment_id = $1::uuid"
                   "       AND state <> 'parked')))",
                   DB_ANY),
            payment_id);
}

void requests_retry_leg(struct db_script *script, const struct uuid *payment_id, int64_t leg,
                        const char *actor)
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE leg l SET state = 'planned' FROM effect e WHERE l.payment_id = $1"
               " AND l.n = $2::bigint AND l.state = 'parked' AND e.id = l.effect_id AND e.state = "
               "'rejected'",
               1);
    db_uuid(s, payment_id);
    db_i64(s, leg);
    add_event(script, payment_id, "payout_retried", "", actor);
    clear_alarms(script, payment_id);
    payments_wake(script, payment_id);
}

void requests_unpark(struct db_script *script, const struct payment *payment, bool has_effect,
                     const char *actor)
{
    if (has_effect)
        db_uuid(db_add(script,
                       "UPDATE effect SET state = 'planned', failures = 0, next_at = now(),"
                       " updated_at = now() WHERE id = $1 AND state = 'parked' AND door = 'chain'"
                       " AND kind <> 'token_transfer'",
                       1),
                &payment->effect_id);
    struct db_stmt *s =
        db_add(script,
               "UPDATE payment SET state = CASE WHEN $3 THEN parked_from ELSE 'issued' END,"
               " parked_from = NULL, reason = NULL, version = version + 1, due_at = now(),"
               " updated_at = now() WHERE id = $1 AND version = $2 AND state = 'parked'"
               " AND ($3 OR parked_from = 'bridging')",
               1);
    db_uuid(s, &payment->id);
    db_i64(s, payment->version);
    db_bool(s, has_effect);
    add_event(script, &payment->id, "payment_unparked", "", actor);
    clear_alarms(script, &payment->id);
}

void requests_add_webhook(struct db_script *script, const struct new_webhook *hook)
{
    struct db_stmt *s = db_add(script,
                               "INSERT INTO inbox AS i (source, body_hash, headers, body)"
                               " VALUES ($1, $2, $3, $4) ON CONFLICT (source, body_hash)"
                               " DO UPDATE SET times = i.times + 1",
                               1);
    db_text(s, hook->source);
    db_bytes(s, hook->body_hash, sizeof hook->body_hash);
    db_text(s, hook->headers);
    db_bytes(s, hook->body, hook->body_n);
    /* By rank, not by number: a repeated body uses up a number without making a row. */
    s = db_add(script,
               "DELETE FROM inbox WHERE id <="
               " (SELECT id FROM inbox ORDER BY id DESC OFFSET $1::bigint LIMIT 1)",
               DB_ANY);
    db_i64(s, REQUESTS_INBOX_MAX);
}

struct db_script *requests_find_switches(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script, "SELECT name, reason FROM system_flag ORDER BY name LIMIT 2", DB_ANY);
    return script;
}

static void put_switch(struct db_script *script, const char *name, const char *reason, int64_t uid)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO system_flag (name, reason, uid) VALUES ($1, $2, $3)"
               " ON CONFLICT (name) DO UPDATE SET reason = $2, uid = $3, at = now()",
               1);
    db_text(s, name);
    db_text(s, reason);
    db_i64(s, uid);
}

void requests_pause(struct db_script *script, const char *reason, int64_t uid)
{
    put_switch(script, "paused", reason, uid);
}

void requests_drain(struct db_script *script, const char *reason, int64_t uid)
{
    put_switch(script, "draining", reason, uid);
}

void requests_resume(struct db_script *script)
{
    (void)db_add(script, "DELETE FROM system_flag WHERE name IN ('paused', 'draining')", DB_ANY);
}
