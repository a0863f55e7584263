#include "relayer/store/lane.h"

#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/store/lease.h"

/* What this lane may take: $1 lane, $2 tokens too, $3 effects that other lanes are at. */
#define FREE_EFFECT(e)                                                                             \
    e ".door = 'chain' AND " e ".lane = $1 AND " e ".state = 'planned' AND " e                     \
      ".next_at <= now() AND " e ".drafted_by IS NULL AND ($2 OR " e                               \
      ".kind NOT IN ('token_transfer', 'token_approve')) AND " e ".id <> ALL ($3::uuid[])"

static void bind_free(struct db_stmt *s, const struct lane_holder *holder,
                      const struct lane_pool *pool)
{
    db_text(s, holder->lane);
    db_bool(s, pool->moves_tokens);
    db_text(s, pool->busy);
}

/* '{"\\x..","\\x.."}' */
static void keys_text(const struct lane_pool *pool, char out[LANE_KEYS_MAX * 48 + 2])
{
    size_t used = 0;
    CHECK(pool->keys_n <= LANE_KEYS_MAX);
    out[used++] = '{';
    for (size_t i = 0; i < pool->keys_n; i++) {
        char address[41];
        hex_encode(pool->key[i], 20, address);
        used += (size_t)snprintf(out + used, 48, "%s\"\\\\x%s\"", i > 0 ? "," : "", address);
    }
    out[used] = '}';
    out[used + 1] = '\0';
}

struct db_script *lane_look(const struct lane_holder *holder, const struct lane_pool *pool,
                            int limit)
{
    char keys[LANE_KEYS_MAX * 48 + 2];
    keys_text(pool, keys);
    struct db_script *script = db_script_new();
    struct db_stmt *s =
        db_add(script,
               "SELECT hash, account, nonce, sends, state = 'sent', cancel_asked_at IS NOT NULL,"
               " kind = 'cancel', version, gas_limit, max_fee_wei::bigint,"
               " (SELECT max(v.max_fee_wei) FROM tx v WHERE v.chain_id = t.chain_id"
               "  AND v.account = t.account AND v.nonce = t.nonce)::bigint, raw"
               " FROM tx t WHERE lane = $1 AND state IN ('armed', 'sent')"
               " AND (account = $2 OR ($3 AND account <> ALL ($4::bytea[])))"
               " ORDER BY account <> $2, nonce LIMIT 32",
               DB_ANY);
    db_text(s, holder->lane);
    db_bytes(s, holder->account, 20);
    db_bool(s, pool->follows);
    db_text(s, keys);
    s = db_add(script,
               "SELECT " EFFECT_COLUMNS " FROM effect e WHERE " FREE_EFFECT("e") " AND e.kind ="
               " (SELECT o.kind FROM effect o WHERE " FREE_EFFECT("o")
               "  ORDER BY o.created_at, o.id LIMIT 1)"
               " ORDER BY e.created_at, e.id LIMIT $4",
               DB_ANY);
    bind_free(s, holder, pool);
    db_i64(s, limit);
    s = db_add(script,
               "SELECT coalesce(max(extract(epoch FROM now() - greatest(e.created_at, e.next_at)))"
               " * 1000, 0)::bigint FROM effect e WHERE " FREE_EFFECT("e"),
               DB_ANY);
    bind_free(s, holder, pool);
    s = db_add(script,
               "SELECT nonce, kind, destination, gas_limit, max_fee_wei, cardinality(effect_ids),"
               " unsigned FROM draft WHERE lease = $1",
               DB_ANY);
    db_text(s, holder->lease);
    s = db_add(script,
               "SELECT t.nonce + 1 FROM tx t WHERE t.chain_id = $1 AND t.account = $2"
               " AND t.state NOT IN ('lost', 'replaced') ORDER BY t.nonce DESC LIMIT 1",
               DB_ANY);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
    s = db_add(script,
               "SELECT coalesce(max(nonce) + 1, 0) FROM nonce WHERE chain_id = $1 AND account = $2",
               DB_ANY);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
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
        CHECK(db_get_bytes(result, 0, r, 1, tx->account, sizeof tx->account));
        tx->nonce = (uint64_t)db_get_i64(result, 0, r, 2);
        tx->sends = (int)db_get_i64(result, 0, r, 3);
        tx->accepted = db_get_bool(result, 0, r, 4);
        tx->cancel_asked = db_get_bool(result, 0, r, 5);
        tx->is_cancel = db_get_bool(result, 0, r, 6);
        tx->version = (int)db_get_i64(result, 0, r, 7);
        tx->gas_limit = (uint64_t)db_get_i64(result, 0, r, 8);
        tx->max_fee_wei = (uint64_t)db_get_i64(result, 0, r, 9);
        tx->top_fee_wei = (uint64_t)db_get_i64(result, 0, r, 10);
        CHECK(db_get_blob(result, 0, r, 11, tx->raw, sizeof tx->raw, &tx->raw_n));
    }
    return count;
}

int64_t lane_parse_age_ms(struct db_result *result)
{
    return db_rows(result, 2) == 1 ? db_get_i64(result, 2, 0, 0) : 0;
}

uint64_t lane_parse_nonce(struct db_result *result)
{
    return db_rows(result, 4) == 1 ? (uint64_t)db_get_i64(result, 4, 0, 0) : 0;
}

uint64_t lane_parse_nonce_top(struct db_result *result)
{
    return (uint64_t)db_get_i64(result, 5, 0, 0);
}

bool lane_parse_draft(struct db_result *result, struct lane_draft *out)
{
    memset(out, 0, sizeof *out);
    if (db_rows(result, 3) == 0)
        return false;
    out->nonce = (uint64_t)db_get_i64(result, 3, 0, 0);
    snprintf(out->kind, sizeof out->kind, "%s", db_get(result, 3, 0, 1));
    CHECK(db_get_bytes(result, 3, 0, 2, out->destination, sizeof out->destination));
    out->gas_limit = (uint64_t)db_get_i64(result, 3, 0, 3);
    snprintf(out->max_fee_wei, sizeof out->max_fee_wei, "%s", db_get(result, 3, 0, 4));
    out->effects_n = (size_t)db_get_i64(result, 3, 0, 5);
    CHECK(
        db_get_blob(result, 3, 0, 6, out->unsigned_tx, sizeof out->unsigned_tx, &out->unsigned_n));
    return true;
}

void lane_check(struct db_script *script, const struct lane_holder *holder)
{
    lease_check(script, holder->lease, holder->owner, holder->fence);
}

/* '{uuid,uuid}' */
static void ids_text(const struct effect_row *effects, size_t n, char out[LANE_BATCH_MAX * 37 + 2])
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char id[UUID_TEXT_MAX];
        uuid_format(&effects[i].id, id);
        out[used] = i == 0 ? '{' : ',';
        memcpy(out + used + 1, id, UUID_TEXT_MAX - 1);
        used += UUID_TEXT_MAX;
    }
    out[used] = '}';
    out[used + 1] = '\0';
}

void lane_put_draft(struct db_script *script, const struct lane_holder *holder,
                    const struct lane_draft *draft, const struct effect_row *effects)
{
    CHECK(draft->effects_n >= 1 && draft->effects_n <= LANE_BATCH_MAX);
    char ids[LANE_BATCH_MAX * 37 + 2];
    ids_text(effects, draft->effects_n, ids);
    lane_check(script, holder);
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO draft (lease, chain_id, account, nonce, kind, destination, unsigned, "
               "gas_limit,"
               " max_fee_wei, effect_ids) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
               1);
    db_text(s, holder->lease);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
    db_i64(s, (int64_t)draft->nonce);
    db_text(s, draft->kind);
    db_bytes(s, draft->destination, 20);
    db_bytes(s, draft->unsigned_tx, draft->unsigned_n);
    db_i64(s, (int64_t)draft->gas_limit);
    db_text(s, draft->max_fee_wei);
    db_text(s, ids);
    for (size_t i = 0; i < draft->effects_n; i++) {
        s = db_add(script,
                   "UPDATE effect SET custody_end = coalesce(custody_end, nullif($2::bigint, 0)),"
                   " drafted_by = $3, updated_at = now()"
                   " WHERE id = $1 AND state = 'planned' AND drafted_by IS NULL",
                   1);
        db_uuid(s, &effects[i].id);
        db_i64(s, effects[i].custody_end_s);
        db_text(s, holder->lease);
    }
}

void lane_drop_draft(struct db_script *script, const struct lane_holder *holder, const char *why,
                     int64_t wait_ms)
{
    lane_check(script, holder);
    struct db_stmt *s = db_add(
        script,
        "WITH gone AS (DELETE FROM draft WHERE lease = $1 RETURNING effect_ids)"
        " UPDATE effect e SET failures = e.failures + 1, last_error = $2, updated_at = now(),"
        " drafted_by = NULL,"
        " next_at = now() + make_interval(secs => $3::bigint / 1000.0)"
        " FROM gone WHERE e.id = ANY (gone.effect_ids) AND e.state = 'planned'",
        DB_ANY);
    db_text(s, holder->lease);
    db_text(s, why);
    db_i64(s, wait_ms);
}

#define FREED                                                                                      \
    " UPDATE effect e SET drafted_by = NULL, updated_at = now() FROM gone"                         \
    " WHERE e.drafted_by = gone.lease AND e.state = 'planned'"

void lane_abandon_drafts(struct db_script *script, const struct lane_holder *holder,
                         const struct lane_pool *pool)
{
    char keys[LANE_KEYS_MAX * 48 + 2];
    keys_text(pool, keys);
    struct db_stmt *s = db_add(
        script,
        "WITH gone AS (UPDATE draft d SET effect_ids = '{}'"
        " WHERE d.lease LIKE 'lane:' || $1 || ':%'"
        " AND d.account <> ALL ($2::bytea[]) AND cardinality(d.effect_ids) > 0"
        " AND d.kind NOT IN ('token_transfer', 'token_approve') AND NOT EXISTS"
        " (SELECT 1 FROM lease l WHERE l.name = d.lease AND l.until > now())"
        " RETURNING d.lease)" FREED,
        DB_ANY);
    db_text(s, holder->lane);
    db_text(s, keys);
}

void lane_abandon_draft(struct db_script *script, const struct lane_holder *holder)
{
    lane_check(script, holder);
    db_text(db_add(script,
                   "WITH gone AS (UPDATE draft SET effect_ids = '{}' WHERE lease = $1"
                   " AND kind NOT IN ('token_transfer', 'token_approve') RETURNING lease)" FREED,
                   DB_ANY),
            holder->lease);
}

void lane_still_free(struct db_script *script, const struct effect_row *row)
{
    db_uuid(db_add(script,
                   "UPDATE effect SET updated_at = now()"
                   " WHERE id = $1 AND state = 'planned' AND drafted_by IS NULL",
                   1),
            &row->id);
}

/* Calls of the escrow contract are refused by the contract when they come twice, so an effect that ended
 * meanwhile does not hold the others back. A plain transfer has no such guard: all of its effects must
 * still be planned, or nothing is armed. */
static void arm_effects(struct db_script *script, const struct lane_holder *holder,
                        const struct lane_draft *draft, const uint8_t hash[32])
{
    bool transfer = strcmp(draft->kind, "token_transfer") == 0;
    struct db_stmt *s = db_add(
        script,
        "UPDATE effect e SET state = 'armed', tx_hash = $2, fence = $3, attempts = e.attempts + 1,"
        " drafted_by = NULL,"
        " first_sent_at = coalesce(e.first_sent_at, now()), last_error = NULL, updated_at = now()"
        " FROM draft d WHERE d.lease = $1 AND e.id = ANY (d.effect_ids) AND e.state = 'planned'",
        transfer ? (int)draft->effects_n : DB_ANY);
    db_text(s, holder->lease);
    db_bytes(s, hash, 32);
    db_i64(s, holder->fence);
}

void lane_arm(struct db_script *script, const struct lane_holder *holder,
              const struct lane_draft *draft, const uint8_t hash[32], struct bytes raw)
{
    lane_check(script, holder);
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO tx (hash, chain_id, account, nonce, lane, kind, destination, raw, gas_limit,"
        " max_fee_wei, effects, state, fence)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'armed', $12)",
        1);
    db_bytes(s, hash, 32);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
    db_i64(s, (int64_t)draft->nonce);
    db_text(s, holder->lane);
    db_text(s, draft->kind);
    db_bytes(s, draft->destination, 20);
    db_bytes(s, raw.p, raw.n);
    db_i64(s, (int64_t)draft->gas_limit);
    db_text(s, draft->max_fee_wei);
    db_i64(s, (int64_t)draft->effects_n);
    db_i64(s, holder->fence);
    s = db_add(script,
               "INSERT INTO nonce (chain_id, account, nonce, tx_hash) VALUES ($1, $2, $3, $4)", 1);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
    db_i64(s, (int64_t)draft->nonce);
    db_bytes(s, hash, 32);
    arm_effects(script, holder, draft, hash);
    db_text(db_add(script, "DELETE FROM draft WHERE lease = $1", 1), holder->lease);
}

void lane_sent(struct db_script *script, const uint8_t hash[32])
{
    db_bytes(db_add(script,
                    "UPDATE tx SET state = CASE WHEN state = 'armed' THEN 'sent' ELSE state END,"
                    " sends = sends + 1, last_error = NULL, updated_at = now() WHERE hash = $1",
                    1),
             hash, 32);
    db_bytes(db_add(script,
                    "UPDATE effect SET state = 'sent', updated_at = now()"
                    " WHERE tx_hash = $1 AND state = 'armed' AND door = 'chain'",
                    DB_ANY),
             hash, 32);
}

void lane_send_failed(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE tx SET sends = sends + 1, last_error = $2, updated_at = now()"
               " WHERE hash = $1",
               1);
    db_bytes(s, hash, 32);
    db_text(s, why);
}

/* All versions of transaction $1, itself among them. */
#define VERSIONS                                                                                   \
    "(SELECT v.hash FROM tx v JOIN tx t ON t.chain_id = v.chain_id AND t.account = v.account"      \
    " AND t.nonce = v.nonce WHERE t.hash = $1)"

/* A reverted transaction used its nonce and did nothing else: its effects are planned anew, and the next
 * dry run will tell which of them cannot go. */
static void replan(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE effect SET state = 'planned', failures = failures + 1, last_error = $2,"
               " next_at = now(), updated_at = now() WHERE tx_hash IN " VERSIONS
               " AND door = 'chain' AND state IN ('armed', 'sent', 'unknown')",
               DB_ANY);
    db_bytes(s, hash, 32);
    db_text(s, why);
}

void lane_mined(struct db_script *script, const uint8_t hash[32],
                const struct lane_receipt *receipt)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE tx SET state = $2, block_number = $3, block_hash = $4,"
                               " status = $5, gas_used = $6, fee_wei = $7, updated_at = now()"
                               " WHERE hash = $1 AND state IN ('armed', 'sent', 'mined')",
                               1);
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

/* The call of this nonce can never happen. */
static void give_up_call(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s = db_add(
        script,
        "WITH held AS (UPDATE effect SET state = 'parked', last_error = $2, updated_at = now()"
        " WHERE tx_hash IN " VERSIONS " AND kind = 'token_transfer'"
        " AND state IN ('armed', 'sent', 'unknown') RETURNING payment_id)"
        " UPDATE payment SET due_at = now(), version = version + 1"
        " WHERE id IN (SELECT payment_id FROM held)",
        DB_ANY);
    db_bytes(s, hash, 32);
    db_text(s, why);
    replan(script, hash, why);
}

void lane_lost(struct db_script *script, const uint8_t hash[32], const char *why)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE tx SET state = 'lost', last_error = $2, updated_at = now()"
                               " WHERE hash = $1 AND state IN ('armed', 'sent')",
                               1);
    db_bytes(s, hash, 32);
    db_text(s, why);
    give_up_call(script, hash, why);
}

void lane_cancelled(struct db_script *script, const uint8_t hash[32])
{
    give_up_call(script, hash, "an operator cancelled its transaction");
}

static void no_longer_counts(struct db_script *script, const uint8_t hash[32])
{
    db_bytes(db_add(script,
                    "UPDATE tx SET state = 'replaced', updated_at = now()"
                    " WHERE hash = $1 AND state IN ('armed', 'sent')",
                    1),
             hash, 32);
}

/* Its effects follow the version that counts; $1 is one of them, $2 the one. */
static void carry_effects(struct db_script *script, const uint8_t from[32], const uint8_t to[32])
{
    struct db_stmt *s =
        db_add(script,
               "UPDATE effect SET tx_hash = $2, updated_at = now() WHERE tx_hash IN " VERSIONS
               " AND door = 'chain' AND state IN ('armed', 'sent', 'unknown')",
               DB_ANY);
    db_bytes(s, from, 32);
    db_bytes(s, to, 32);
}

void lane_put_version(struct db_script *script, const struct lane_holder *holder,
                      const struct lane_version *version)
{
    lane_check(script, holder);
    no_longer_counts(script, version->replaces);
    struct db_stmt *s = db_add(
        script,
        "INSERT INTO tx (hash, chain_id, account, nonce, lane, kind, destination, raw, gas_limit,"
        " max_fee_wei, effects, state, fence, version, cancel_asked_at)"
        " SELECT $2, chain_id, account, nonce, lane, CASE WHEN $3 THEN 'cancel' ELSE kind END,"
        " $4, $5, $6, $7, CASE WHEN $3 THEN 0 ELSE effects END, 'armed', $8,"
        " (SELECT max(v.version) + 1 FROM tx v WHERE v.hash IN " VERSIONS "), cancel_asked_at"
        " FROM tx WHERE hash = $1",
        1);
    db_bytes(s, version->replaces, 32);
    db_bytes(s, version->hash, 32);
    db_bool(s, version->is_cancel);
    db_bytes(s, version->destination, 20);
    db_bytes(s, version->raw.p, version->raw.n);
    db_i64(s, (int64_t)version->gas_limit);
    db_text(s, version->max_fee_wei);
    db_i64(s, holder->fence);
    if (!version->is_cancel)
        carry_effects(script, version->replaces, version->hash);
}

struct db_script *lane_find_cancel(const uint8_t hash[32])
{
    struct db_script *script = db_script_new();
    db_bytes(db_add(script,
                    "SELECT state, nonce, kind FROM tx"
                    " WHERE hash = $1",
                    DB_ANY),
             hash, 32);
    return script;
}

void lane_ask_cancel(struct db_script *script, const uint8_t hash[32])
{
    db_bytes(db_add(script,
                    "UPDATE tx SET cancel_asked_at = coalesce(cancel_asked_at, now()),"
                    " updated_at = now() WHERE hash = $1 AND state IN ('armed', 'sent')",
                    1),
             hash, 32);
}

struct db_script *lane_versions(const uint8_t hash[32])
{
    struct db_script *script = db_script_new();
    db_bytes(db_add(script,
                    "SELECT hash, kind = 'cancel' FROM tx WHERE hash IN " VERSIONS
                    " AND state = 'replaced'"
                    " ORDER BY version DESC LIMIT 64",
                    DB_ANY),
             hash, 32);
    return script;
}

size_t lane_parse_versions(struct db_result *result, struct lane_sibling out[LANE_VERSIONS_MAX])
{
    size_t count = (size_t)db_rows(result, 0);
    CHECK(count <= LANE_VERSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK(db_get_bytes(result, 0, (int)i, 0, out[i].hash, 32));
        out[i].is_cancel = db_get_bool(result, 0, (int)i, 1);
    }
    return count;
}

void lane_promote(struct db_script *script, const uint8_t counted[32], const uint8_t mined[32])
{
    no_longer_counts(script, counted);
    db_bytes(db_add(script,
                    "UPDATE tx SET state = 'sent', updated_at = now()"
                    " WHERE hash = $1 AND state = 'replaced'",
                    1),
             mined, 32);
    carry_effects(script, counted, mined);
}

void lane_defer(struct db_script *script, const struct effect_row *row, const char *why,
                int64_t wait_ms)
{
    struct db_stmt *s = db_add(script,
                               "UPDATE effect SET failures = failures + 1, last_error = $2,"
                               " next_at = now() + make_interval(secs => $3::bigint / 1000.0),"
                               " updated_at = now() WHERE id = $1 AND state = 'planned'",
                               DB_ANY);
    db_uuid(s, &row->id);
    db_text(s, why);
    db_i64(s, wait_ms);
}

/* What the transaction still carries: effects that nothing else has taken up since it was given up. */
#define STILL_ITS                                                                                  \
    "e.door = 'chain' AND (e.state IN ('planned', 'sent') OR (e.state = 'parked' AND e.kind = "    \
    "'token_transfer')) AND NOT EXISTS (SELECT 1 FROM draft d WHERE e.id = ANY (d.effect_ids))"

/* Said to be in a block, and none of the logs that it would have left. */
#define NO_TRACE                                                                                   \
    "t.kind <> 'cancel' AND NOT EXISTS (SELECT 1 FROM evidence v WHERE v.tx_hash = t.hash"         \
    " AND v.superseded_at IS NULL)"

void lane_reopen(struct db_script *script, const struct lane_holder *holder, uint64_t next)
{
    lane_check(script, holder);
    /* A plain transfer is not refused when it comes twice: only while all of it is still its own. */
    struct db_stmt *s = db_add(
        script,
        "WITH again AS (UPDATE tx t SET state = 'sent', sends = 1, block_number = NULL,"
        " block_hash = NULL, status = NULL, updated_at = now()"
        " WHERE t.chain_id = $1 AND t.account = $2 AND t.nonce >= $3 AND (t.state = 'lost'"
        " OR (t.state = 'mined' AND " NO_TRACE "))"
        " AND (t.kind <> 'token_transfer' OR t.effects = (SELECT count(*)"
        "  FROM effect e WHERE e.tx_hash = t.hash AND " STILL_ITS ")) RETURNING t.hash),"
        " back AS (UPDATE effect e SET state = 'sent', updated_at = now() FROM again"
        "  WHERE e.tx_hash = again.hash AND " STILL_ITS ") SELECT count(*), (SELECT count(*)"
        "  FROM tx t WHERE t.chain_id = $1 AND t.account = $2 AND t.nonce = $3"
        "  AND t.state = 'lost') FROM again",
        DB_ANY);
    db_i64(s, (int64_t)holder->chain_id);
    db_bytes(s, holder->account, 20);
    db_i64(s, (int64_t)next);
}

int lane_parse_reopened(struct db_result *result, bool *gap)
{
    int reopened = (int)db_get_i64(result, 1, 0, 0);
    *gap = reopened == 0 && db_get_i64(result, 1, 0, 1) > 0;
    return reopened;
}
