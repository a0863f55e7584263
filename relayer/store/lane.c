#include "relayer/store/lane.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"

struct db_script *lane_lease(const char *name, const char *owner, int ttl_s)
{
    struct db_script *script = db_script_new();
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO lease AS l (name, owner, token, until)"
        " VALUES ($1, $2, 1, now() + make_interval(secs => $3::bigint))"
        " ON CONFLICT (name) DO UPDATE SET owner = $2, until = now() + make_interval(secs => $3::bigint),"
        " token = CASE WHEN l.owner = $2 THEN l.token ELSE l.token + 1 END"
        /* A former run of the same instance is dead: its lease need not be waited for. */
        " WHERE l.owner = $2 OR l.until < now()"
        " OR split_part(l.owner, '/', 1) = split_part($2, '/', 1) RETURNING token", DB_ANY);
    db_text(s, name);
    db_text(s, owner);
    db_i64(s, ttl_s);
    return script;
}

struct db_script *lane_look(const char *lane, int limit)
{
    struct db_script *script = db_script_new();
    struct db_stmt *s = db_add(script,
                               "SELECT hash, nonce, state = 'mined', coalesce(block_number, 0),"
                               " block_hash, sends, raw FROM tx WHERE lane = $1"
                               " AND state IN ('armed', 'sent', 'mined') ORDER BY nonce LIMIT 32",
                               DB_ANY);
    db_text(s, lane);
    s = db_add(script,
               "SELECT " EFFECT_COLUMNS " FROM effect e WHERE e.door = 'chain' AND e.lane = $1"
               " AND e.state = 'planned' AND e.next_at <= now() AND e.kind ="
               " (SELECT o.kind FROM effect o WHERE o.door = 'chain' AND o.lane = $1"
               "  AND o.state = 'planned' AND o.next_at <= now() ORDER BY o.created_at, o.id LIMIT 1)"
               " ORDER BY e.created_at, e.id LIMIT $2", DB_ANY);
    db_text(s, lane);
    db_i64(s, limit);
    s = db_add(script,
               "SELECT coalesce(max(extract(epoch FROM now() - greatest(created_at, next_at))) * 1000, 0)"
               "::bigint FROM effect WHERE door = 'chain' AND lane = $1 AND state = 'planned'"
               " AND next_at <= now()", DB_ANY);
    db_text(s, lane);
    return script;
}

size_t lane_parse_open(struct db_result *result, struct lane_tx *out, size_t max)
{
    size_t count = (size_t)db_rows(result, 0);
    CHECK(count <= max);
    for (size_t i = 0; i < count; i++) {
        struct lane_tx *tx = &out[i];
        int r = (int)i;
        CHECK(db_get_bytes(result, 0, r, 0, tx->hash, sizeof tx->hash));
        tx->nonce = (uint64_t)db_get_i64(result, 0, r, 1);
        tx->mined = db_get(result, 0, r, 2)[0] == 't';
        tx->block_number = (uint64_t)db_get_i64(result, 0, r, 3);
        if (!db_get_bytes(result, 0, r, 4, tx->block_hash, sizeof tx->block_hash))
            memset(tx->block_hash, 0, sizeof tx->block_hash);
        tx->sends = (int)db_get_i64(result, 0, r, 5);
        CHECK(db_get_blob(result, 0, r, 6, tx->raw, sizeof tx->raw, &tx->raw_n));
    }
    return count;
}

int64_t lane_parse_age_ms(struct db_result *result)
{
    return db_rows(result, 2) == 1 ? db_get_i64(result, 2, 0, 0) : 0;
}

void lane_arm(struct db_script *script, const struct lane_arming *a, const struct effect_row *effects,
              size_t effects_n)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE lease SET until = greatest(until, now()) WHERE name = $1"
                               " AND owner = $2 AND token = $3 AND until > now()", 1);
    db_text(s, a->lease_name);
    db_text(s, a->owner);
    db_i64(s, a->fence);
    s = db_add(script,
               "INSERT INTO tx (hash, chain_id, account, nonce, lane, kind, destination, raw, gas_limit,"
               " max_fee_wei, effects, state, fence)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'armed', $12)", 1);
    db_bytes(s, a->hash, 32);
    db_i64(s, (int64_t)a->chain_id);
    db_bytes(s, a->account, 20);
    db_i64(s, (int64_t)a->nonce);
    db_text(s, a->lane);
    db_text(s, a->kind);
    db_bytes(s, a->destination, 20);
    db_bytes(s, a->raw, a->raw_n);
    db_i64(s, (int64_t)a->gas_limit);
    db_text(s, a->max_fee_wei);
    db_i64(s, (int64_t)effects_n);
    db_i64(s, a->fence);
    s = db_add(script,
               "INSERT INTO nonce (chain_id, account, nonce, tx_hash) VALUES ($1, $2, $3, $4)", 1);
    db_i64(s, (int64_t)a->chain_id);
    db_bytes(s, a->account, 20);
    db_i64(s, (int64_t)a->nonce);
    db_bytes(s, a->hash, 32);
    for (size_t i = 0; i < effects_n; i++) {
        s = db_add(script,
                   "UPDATE effect SET state = 'armed', tx_hash = $2, fence = $3,"
                   " custody_end = coalesce(custody_end, nullif($4::bigint, 0)),"
                   " attempts = attempts + 1, first_sent_at = coalesce(first_sent_at, now()),"
                   " last_error = NULL, updated_at = now() WHERE id = $1 AND state = 'planned'", 1);
        db_uuid(s, &effects[i].id);
        db_bytes(s, a->hash, 32);
        db_i64(s, a->fence);
        db_i64(s, effects[i].custody_end_s);
    }
}

void lane_sent(struct db_script *script, const uint8_t hash[32])
{
    db_bytes(db_add(script,
                    "UPDATE tx SET state = CASE WHEN state = 'armed' THEN 'sent' ELSE state END,"
                    " sends = sends + 1, last_error = NULL, updated_at = now() WHERE hash = $1", 1),
             hash, 32);
    db_bytes(db_add(script,
                    "UPDATE effect SET state = 'sent', updated_at = now()"
                    " WHERE tx_hash = $1 AND state = 'armed' AND door = 'chain'", DB_ANY),
             hash, 32);
}

void lane_send_failed(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE tx SET sends = sends + 1, last_error = $2, updated_at = now()"
                               " WHERE hash = $1", 1);
    db_bytes(s, hash, 32);
    db_text(s, why);
}

/* A reverted transaction used its nonce and did nothing else: its effects are planned anew, and the next
 * dry run will tell which of them cannot go. */
static void replan(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s = db_add(
        script,
        "UPDATE effect SET state = 'planned', failures = failures + 1, last_error = $2,"
        " next_at = now(), updated_at = now()"
        " WHERE tx_hash = $1 AND door = 'chain' AND state IN ('armed', 'sent', 'unknown')", DB_ANY);
    db_bytes(s, hash, 32);
    db_text(s, why);
}

void lane_mined(struct db_script *script, const uint8_t hash[32], const struct lane_receipt *receipt)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE tx SET state = $2, block_number = $3, block_hash = $4,"
                               " status = $5, gas_used = $6, fee_wei = $7, updated_at = now()"
                               " WHERE hash = $1 AND state IN ('armed', 'sent', 'mined')", 1);
    db_bytes(s, hash, 32);
    db_text(s, receipt->success ? "mined" : "reverted");
    db_i64(s, (int64_t)receipt->block_number);
    db_bytes(s, receipt->block_hash, 32);
    db_i64(s, receipt->success ? 1 : 0);
    db_i64(s, (int64_t)receipt->gas_used);
    db_text(s, receipt->fee_wei);
    if (!receipt->success)
        replan(script, hash, "the transaction was included and reverted");
}

void lane_lost(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE tx SET state = 'lost', last_error = $2, updated_at = now()"
                               " WHERE hash = $1 AND state IN ('armed', 'sent')", 1);
    db_bytes(s, hash, 32);
    db_text(s, why);
    replan(script, hash, why);
}

void lane_defer(struct db_script *script, const struct effect_row *row, const char *why,
                int64_t wait_ms)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE effect SET failures = failures + 1, last_error = $2,"
                               " next_at = now() + make_interval(secs => $3::bigint / 1000.0),"
                               " updated_at = now() WHERE id = $1 AND state = 'planned'", DB_ANY);
    db_uuid(s, &row->id);
    db_text(s, why);
    db_i64(s, wait_ms);
}
