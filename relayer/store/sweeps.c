#include "relayer/store/sweeps.h"

#include <stdio.h>

#include "relayer/base/check.h"
#include "relayer/store/ledger.h"
#include "relayer/store/observed.h"

/* The effects that are sweeps. */
#define SWEEPS "(SELECT * FROM effect WHERE kind = 'redeem' AND payment_id IS NULL)"

/* Sweeps that certainly did not happen, since the last of their account that was paid. */
#define REFUSED                                                                                    \
    "SELECT e.subject_id AS id, e.updated_at AS at, e.last_error AS why FROM " SWEEPS " e"         \
    " WHERE e.state = 'rejected' AND NOT EXISTS (SELECT 1 FROM " SWEEPS " c"                       \
    "  WHERE c.subject_id = e.subject_id AND c.state = 'confirmed'"                                \
    "  AND c.created_at > e.created_at)"

struct db_script *sweeps_look(int64_t floor_units)
{
    struct db_script *script = db_script_new();
    db_i64(db_add(script,
                  "SELECT w.id, w.units, w.version, count(r.at),"
                  " floor(coalesce(extract(epoch FROM now() - max(r.at)), 0))::bigint FROM"
                  " (SELECT a.beneficiary_id AS id, -sum(b.amount)::bigint AS units,"
                  "   sum(b.version)::bigint AS version"
                  "  FROM account a JOIN balance b ON b.account_id = a.id"
                  "  JOIN beneficiary n ON n.id = a.beneficiary_id AND n.state = 'active'"
                  "  WHERE a.class = 'commission' AND NOT EXISTS (SELECT 1 FROM " SWEEPS " e"
                  "   WHERE e.subject_id = a.beneficiary_id"
                  "   AND NOT EXISTS (SELECT 1 FROM txn t WHERE t.effect_id = e.id"
                  "    AND t.kind IN ('settle', 'cancel')))"
                  "  GROUP BY a.beneficiary_id HAVING -sum(b.amount) >= $1) w"
                  " LEFT JOIN (" REFUSED ") r ON r.id = w.id"
                  " GROUP BY w.id, w.units, w.version"
                  " ORDER BY count(r.at) > 0, max(r.at) LIMIT 32",
                  DB_ANY),
           floor_units);
    (void)db_add(script,
                 "SELECT e.subject_id, e.id, e.amount_units,"
                 " CASE e.state WHEN 'confirmed' THEN 1 ELSE 2 END, e.external_id"
                 " FROM " SWEEPS
                 " e WHERE e.state IN ('confirmed', 'rejected') AND NOT EXISTS (SELECT 1 FROM txn t"
                 "  WHERE t.effect_id = e.id AND t.kind IN ('settle', 'cancel')) LIMIT 32",
                 DB_ANY);
    return script;
}

size_t sweeps_parse_accounts(struct db_result *result, struct sweep_account *out, size_t max)
{
    size_t count = (size_t)db_rows(result, 0);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++) {
        CHECK(db_get_uuid(result, 0, (int)i, 0, &out[i].beneficiary));
        out[i].waiting_units = db_get_i64(result, 0, (int)i, 1);
        out[i].version = db_get_i64(result, 0, (int)i, 2);
        out[i].refused_n = db_get_i64(result, 0, (int)i, 3);
        out[i].refused_ago_s = db_get_i64(result, 0, (int)i, 4);
    }
    return count;
}

static size_t parse_sweeps(struct db_result *result, int stmt, struct sweep_ended *out, size_t max)
{
    size_t count = (size_t)db_rows(result, stmt);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++) {
        int r = (int)i;
        CHECK(db_get_uuid(result, stmt, r, 0, &out[i].beneficiary));
        CHECK(db_get_uuid(result, stmt, r, 1, &out[i].effect_id));
        out[i].amount_units = db_get_i64(result, stmt, r, 2);
        out[i].end = (enum effect_end)db_get_i64(result, stmt, r, 3);
        const char *id = db_get(result, stmt, r, 4);
        snprintf(out[i].external_id, sizeof out[i].external_id, "%s", id != NULL ? id : "");
    }
    return count;
}

size_t sweeps_parse_ended(struct db_result *result, struct sweep_ended *out, size_t max)
{
    return parse_sweeps(result, 1, out, max);
}

size_t sweeps_parse_back(struct db_result *result, struct sweep_ended *out, size_t max)
{
    return parse_sweeps(result, 0, out, max);
}

static void add_event(struct db_script *script, const char *type, const struct uuid *beneficiary,
                      int64_t units, const char *juno_id)
{
    char detail[80];
    char id[UUID_TEXT_MAX];
    uuid_format(beneficiary, id);
    snprintf(detail, sizeof detail, "accumulated commissions of beneficiary %s", id);
    struct db_stmt *s = db_add(script,
                               "INSERT INTO payment_event (type, detail, amount_units, juno_id)"
                               " VALUES ($1, $2, $3, $4)",
                               1);
    db_text(s, type);
    db_text(s, detail);
    db_i64(s, units);
    db_text(s, juno_id);
}

void sweeps_start(struct db_script *script, const struct uuid *beneficiary,
                  const struct sweep_plan *plan)
{
    ledger_add(script, &plan->reserve);
    struct db_stmt *s = db_add(script,
                               "INSERT INTO effect (id, subject_id, kind, door, state, idem_key, "
                               "amount_units, destination)"
                               " SELECT $1::uuid, $2::uuid, 'redeem', 'juno', 'armed', $3::uuid, "
                               "$4::bigint, juno_account_id"
                               " FROM beneficiary WHERE id = $2::uuid AND state = 'active'"
                               " FOR SHARE",
                               1);
    db_uuid(s, &plan->effect.id);
    db_uuid(s, beneficiary);
    db_uuid(s, &plan->effect.idem_key);
    db_i64(s, plan->effect.amount_units);
    add_event(script, "redemption_initiated", beneficiary, plan->effect.amount_units, NULL);
}

void sweeps_finish(struct db_script *script, const struct sweep_ended *ended)
{
    struct posting posting =
        sweep_end(&ended->beneficiary, &ended->effect_id, ended->amount_units, ended->end);
    ledger_add(script, &posting);
    if (ended->end == EFFECT_CONFIRMED)
        add_event(script, "commission_paid", &ended->beneficiary, ended->amount_units,
                  ended->external_id);
}

void sweeps_return(struct db_script *script, const struct sweep_ended *back)
{
    struct posting posting = sweep_returned(&back->effect_id, back->amount_units);
    ledger_add(script, &posting);
    add_event(script, "payout_returned", &back->beneficiary, back->amount_units, back->external_id);
    char id[UUID_TEXT_MAX];
    uuid_format(&back->beneficiary, id);
    char detail[160];
    snprintf(detail, sizeof detail,
             "accumulated commissions of beneficiary %s came back by SPEI: their pesos lie at Juno",
             id);
    observed_alarm(script, "payout_returned", back->external_id, detail);
}

/* A leg that waits only for its beneficiary, or a redemption of it that was not asked for yet. */
#define HELD                                                                                       \
    "SELECT b.id, b.reason, count(*) AS n, sum(l.amount_centavos)::bigint AS centavos"             \
    " FROM beneficiary b JOIN leg l ON l.beneficiary_id = b.id"                                    \
    " JOIN payment p ON p.id = l.payment_id LEFT JOIN effect e ON e.id = l.effect_id"              \
    " WHERE b.state = 'suspended' AND (l.state = 'redeeming' AND e.state = 'armed'"                \
    "  OR l.state = 'planned' AND (p.state = 'paying_out' OR l.role = 'seller_immediate'"          \
    "   AND p.state IN ('issued', 'bridging', 'funding', 'in_custody', 'disputing', 'disputed',"   \
    "    'dismissing', 'releasing', 'reverting', 'splitting', 'returning')))"                      \
    " GROUP BY b.id, b.reason"
/* Counted when it says something new. */
#define RAISE_NEWS                                                                                 \
    " ON CONFLICT (code, subject) WHERE cleared_at IS NULL DO UPDATE SET times = a.times + 1,"     \
    " last_at = now(), detail = EXCLUDED.detail WHERE a.detail <> EXCLUDED.detail"

struct db_script *sweeps_watch(void)
{
    static const char *const ALARMS[] = {
        "INSERT INTO alarm AS a (code, subject, detail) SELECT 'sweep_refused', r.id::text,"
        " 'accumulated commissions: ' || count(*) || ' redemptions in a row did not happen;'"
        " || ' it is tried again later: ' || coalesce((array_agg(r.why ORDER BY r.at DESC))[1], '')"
        " FROM (" REFUSED ") r GROUP BY r.id" RAISE_NEWS,
        "UPDATE alarm a SET cleared_at = now() WHERE a.code = 'sweep_refused'"
        " AND a.cleared_at IS NULL AND a.subject NOT IN (SELECT r.id::text FROM (" REFUSED ") r)",
        /* A refused sweep is booked and ordered anew by itself: nobody has to let it go on. */
        "UPDATE alarm a SET cleared_at = now() FROM " SWEEPS " e"
        " WHERE a.code = 'effect_parked' AND a.cleared_at IS NULL AND e.state = 'rejected'"
        " AND e.id::text = a.subject",
        "INSERT INTO alarm AS a (code, subject, detail) SELECT 'payout_waits_suspended', "
        "h.id::text,"
        " h.n || ' payouts of together ' || h.centavos || ' centavos wait: the bank account is'"
        " || ' suspended: ' || coalesce(h.reason, '') FROM (" HELD ") h" RAISE_NEWS,
        "UPDATE alarm a SET cleared_at = now() WHERE a.code = 'payout_waits_suspended'"
        " AND a.cleared_at IS NULL AND a.subject NOT IN (SELECT h.id::text FROM (" HELD ") h)",
    };
    struct db_script *script = db_script_new();
    (void)db_add(script,
                 "SELECT e.subject_id, e.id, e.amount_units, 1, e.external_id FROM " SWEEPS " e"
                 " JOIN juno_txn j ON j.id = e.external_id AND j.state = 'RETURNED'"
                 " WHERE e.state = 'confirmed'"
                 " AND EXISTS (SELECT 1 FROM txn t WHERE t.effect_id = e.id AND t.kind = 'settle')"
                 " AND NOT EXISTS (SELECT 1 FROM txn t WHERE t.effect_id = e.id"
                 "  AND t.kind = 'returned') LIMIT 32",
                 DB_ANY);
    for (size_t i = 0; i < sizeof ALARMS / sizeof ALARMS[0]; i++)
        (void)db_add(script, ALARMS[i], DB_ANY);
    return script;
}

#define SLOW_EFFECT                                                                                \
    "e.state IN ('planned', 'armed', 'sent', 'unknown')"                                           \
    " AND e.created_at < now() - make_interval(secs => $1::bigint)"
#define SLOW_PAYMENT                                                                               \
    "p.state NOT IN ('waiting_deposit', 'in_custody', 'disputed', 'completed', 'expired',"         \
    " 'cancelled', 'parked') AND p.updated_at < now() - make_interval(secs => $1::bigint)"
#define RAISE                                                                                      \
    " ON CONFLICT (code, subject) WHERE cleared_at IS NULL"                                        \
    " DO UPDATE SET times = a.times + 1, last_at = now()"

struct db_script *sweeps_age_alarms(int64_t effect_limit_s, int64_t payment_limit_s)
{
    static const struct {
        const char *sql;
        bool effects;
    } STEPS[] = {
        {"INSERT INTO alarm AS a (code, subject, detail)"
         " SELECT 'effect_slow', e.id::text, e.kind || ' is ' || e.state || ' since '"
         " || to_char(e.created_at, 'YYYY-MM-DD HH24:MI:SS') || coalesce(': ' || e.last_error, '')"
         " FROM effect e WHERE " SLOW_EFFECT " LIMIT 100" RAISE,
         true},
        {"UPDATE alarm a SET cleared_at = now() WHERE a.code = 'effect_slow'"
         " AND a.cleared_at IS NULL AND NOT EXISTS (SELECT 1 FROM effect e"
         "  WHERE e.id::text = a.subject AND " SLOW_EFFECT ")",
         true},
        {"INSERT INTO alarm AS a (code, subject, detail)"
         " SELECT 'payment_slow', p.id::text, 'in ' || p.state || ' since '"
         " || to_char(p.updated_at, 'YYYY-MM-DD HH24:MI:SS')"
         " FROM payment p WHERE " SLOW_PAYMENT " LIMIT 100" RAISE,
         false},
        {"UPDATE alarm a SET cleared_at = now() WHERE a.code = 'payment_slow'"
         " AND a.cleared_at IS NULL AND NOT EXISTS (SELECT 1 FROM payment p"
         "  WHERE p.id::text = a.subject AND " SLOW_PAYMENT ")",
         false},
    };
    struct db_script *script = db_script_new();
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
        db_i64(db_add(script, STEPS[i].sql, DB_ANY),
               STEPS[i].effects ? effect_limit_s : payment_limit_s);
    return script;
}
