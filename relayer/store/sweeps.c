#include "relayer/store/sweeps.h"

#include <stdio.h>

#include "relayer/base/check.h"
#include "relayer/store/ledger.h"

struct db_script *sweeps_look(int64_t floor_units)
{
    struct db_script *script = db_script_new();
    db_i64(db_add(script,
                  "SELECT a.beneficiary_id, -sum(b.amount)::bigint, sum(b.version)::bigint"
                  " FROM account a JOIN balance b ON b.account_id = a.id"
                  " JOIN beneficiary n ON n.id = a.beneficiary_id AND n.state = 'active'"
                  " WHERE a.class = 'commission' AND NOT EXISTS (SELECT 1 FROM effect e"
                  "  WHERE e.kind = 'redeem' AND e.subject_id = a.beneficiary_id"
                  "  AND NOT EXISTS (SELECT 1 FROM txn t WHERE t.effect_id = e.id"
                  "   AND t.kind IN ('settle', 'cancel')))"
                  " GROUP BY a.beneficiary_id HAVING -sum(b.amount) >= $1 LIMIT 32",
                  DB_ANY),
           floor_units);
    (void)db_add(script,
                 "SELECT e.subject_id, e.id, e.amount_units,"
                 " CASE e.state WHEN 'confirmed' THEN 1 ELSE 2 END, e.external_id"
                 " FROM effect e WHERE e.kind = 'redeem' AND e.payment_id IS NULL"
                 " AND e.state IN ('confirmed', 'rejected') AND NOT EXISTS (SELECT 1 FROM txn t"
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
    }
    return count;
}

size_t sweeps_parse_ended(struct db_result *result, struct sweep_ended *out, size_t max)
{
    size_t count = (size_t)db_rows(result, 1);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++) {
        int r = (int)i;
        CHECK(db_get_uuid(result, 1, r, 0, &out[i].beneficiary));
        CHECK(db_get_uuid(result, 1, r, 1, &out[i].effect_id));
        out[i].amount_units = db_get_i64(result, 1, r, 2);
        out[i].end = (enum effect_end)db_get_i64(result, 1, r, 3);
        const char *id = db_get(result, 1, r, 4);
        snprintf(out[i].external_id, sizeof out[i].external_id, "%s", id != NULL ? id : "");
    }
    return count;
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
                               " FROM beneficiary WHERE id = $2::uuid AND state = 'active'",
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
