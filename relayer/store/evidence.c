#include "relayer/store/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/bytes.h"
#include "abi/hex.h"
#include "relayer/base/check.h"

struct db_script *evidence_role_grants(const uint8_t address[20], const uint8_t *const role[3])
{
    struct db_script *script = db_script_new();
    struct db_stmt *s =
        db_add(script,
               "SELECT note_hash, to_address FROM (SELECT DISTINCT ON (note_hash, to_address)"
               " note_hash, to_address, event, block_number, log_index FROM evidence"
               " WHERE event IN ('RoleGranted', 'RoleRevoked') AND superseded_at IS NULL"
               " AND address = $1 AND note_hash IN ($2, $3, $4)"
               " ORDER BY note_hash, to_address, block_number DESC, log_index DESC) AS newest"
               " WHERE event = 'RoleGranted' ORDER BY block_number DESC, log_index DESC"
               " LIMIT $5::bigint",
               DB_ANY);
    db_bytes(s, address, 20);
    for (size_t i = 0; i < 3; i++)
        db_bytes(s, role[i], 32);
    db_i64(s, ROLE_GRANTS_MAX);
    return script;
}

void evidence_parse_role_grants(struct db_result *result, struct role_grants *out)
{
    out->n = (size_t)db_rows(result, 0);
    CHECK(out->n <= ROLE_GRANTS_MAX);
    for (size_t i = 0; i < out->n; i++) {
        struct role_grant *grant = &out->grant[i];
        (void)db_get_bytes(result, 0, (int)i, 0, grant->role, sizeof grant->role);
        (void)db_get_bytes(result, 0, (int)i, 1, grant->account, sizeof grant->account);
    }
}

#define FINAL_MARK "SELECT number, hash FROM head WHERE level = 'final'"

struct db_script *evidence_position(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script, "SELECT number, hash FROM head WHERE level = 'scanned'", DB_ANY);
    (void)db_add(script,
                 "SELECT number, hash, parent, time FROM block WHERE number <="
                 " (SELECT number FROM head WHERE level = 'scanned')"
                 " ORDER BY number DESC LIMIT 128",
                 DB_ANY);
    (void)db_add(script, "SELECT time FROM head WHERE level = 'latest'", DB_ANY);
    (void)db_add(script, FINAL_MARK, DB_ANY);
    return script;
}

static void parse_mark(struct db_result *result, int stmt, struct seen_mark *out)
{
    *out = (struct seen_mark){.known = db_rows(result, stmt) == 1};
    if (!out->known)
        return;
    out->number = (uint64_t)db_get_i64(result, stmt, 0, 0);
    CHECK(db_get_bytes(result, stmt, 0, 1, out->hash, sizeof out->hash));
}

/* The next older row of the run: one lower, and the parent of the one before. */
static bool run_goes_on(const struct seen_position *position, const struct seen_block *block)
{
    if (position->blocks_n == 0)
        return block->number == position->scanned.number;
    const struct seen_block *above = &position->blocks[position->blocks_n - 1];
    return block->number + 1 == above->number && memcmp(block->hash, above->parent, 32) == 0;
}

void evidence_parse_position(struct db_result *result, struct seen_position *out)
{
    memset(out, 0, sizeof *out);
    if (db_rows(result, 2) == 1)
        out->latest_time_s = db_get_i64(result, 2, 0, 0);
    parse_mark(result, 3, &out->final);
    if (db_rows(result, 0) == 0)
        return;
    out->scanned.known = true;
    out->scanned.number = (uint64_t)db_get_i64(result, 0, 0, 0);
    CHECK(db_get_bytes(result, 0, 0, 1, out->scanned.hash, sizeof out->scanned.hash));
    for (int i = 0; i < db_rows(result, 1); i++) {
        struct seen_block block = {.number = (uint64_t)db_get_i64(result, 1, i, 0)};
        CHECK(db_get_bytes(result, 1, i, 1, block.hash, sizeof block.hash));
        CHECK(db_get_bytes(result, 1, i, 2, block.parent, sizeof block.parent));
        block.time_s = db_get_i64(result, 1, i, 3);
        if (!run_goes_on(out, &block))
            return;
        out->blocks[out->blocks_n++] = block;
    }
}

static void add_block(struct db_script *script, const struct seen_block *b)
{
    struct db_stmt *s =
        db_add(script, "INSERT INTO block (number, hash, parent, time) VALUES ($1, $2, $3, $4)", 1);
    db_i64(s, (int64_t)b->number);
    db_bytes(s, b->hash, 32);
    db_bytes(s, b->parent, 32);
    db_i64(s, b->time_s);
}

/* One object per log, all values plain: bytes as hex, absent ones left out. */
enum { LOG_JSON_MAX = 1024 };

static void json_bytes(struct buf *out, const char *key, const uint8_t *p, size_t n)
{
    char hex[2 * 32 + 1];
    hex_encode(p, n, hex);
    buf_put(out, ",\"", 2);
    buf_put(out, key, strlen(key));
    buf_put(out, "\":\"", 3);
    buf_put(out, hex, 2 * n);
    buf_byte(out, '"');
}

static void json_log(struct buf *out, const struct seen_log *log)
{
    char numbers[320];
    int n = snprintf(numbers, sizeof numbers,
                     "{\"log_index\":%" PRIu32 ",\"block_number\":%" PRId64
                     ",\"block_time\":%" PRId64 ",\"event\":\"%s\",\"amount_units\":%" PRId64
                     ",\"buyer_units\":%" PRId64 ",\"custody_end\":%" PRId64
                     ",\"party\":%u,\"round\":%" PRIu32 ",\"early\":%s",
                     log->log_index, (int64_t)log->block_number, log->block_time_s, log->event,
                     (int64_t)log->amount_units, (int64_t)log->buyer_units, log->custody_end_s,
                     log->party, log->round, log->early ? "true" : "false");
    CHECK(n > 0 && (size_t)n < sizeof numbers);
    buf_put(out, numbers, (size_t)n);
    json_bytes(out, "tx_hash", log->tx_hash, 32);
    json_bytes(out, "block_hash", log->block_hash, 32);
    json_bytes(out, "address", log->address, 20);
    json_bytes(out, "digest", log->digest, 32);
    if (log->has_escrow)
        json_bytes(out, "escrow_id", log->escrow_id, 32);
    if (log->has_from)
        json_bytes(out, "from_address", log->from, 20);
    if (log->has_to)
        json_bytes(out, "to_address", log->to, 20);
    if (log->has_hash)
        json_bytes(out, "note_hash", log->hash, 32);
    buf_byte(out, '}');
}

/* All logs in one statement: a crowded block is still one transaction, and a script's statements have a
 * maximum. */
static void add_logs(struct db_script *script, const struct seen_log *logs, size_t n)
{
    if (n == 0)
        return;
    size_t size = n * LOG_JSON_MAX + sizeof "[]";
    char *text = malloc(size);
    CHECK(text != NULL);
    struct buf out;
    buf_init(&out, text, size);
    for (size_t i = 0; i < n; i++) {
        buf_byte(&out, i == 0 ? '[' : ',');
        json_log(&out, &logs[i]);
    }
    buf_put(&out, "]", sizeof "]");
    CHECK(!out.full);
    db_text(db_add(script,
                   "INSERT INTO evidence (tx_hash, log_index, block_number, block_hash, block_time,"
                   " address, event, escrow_id, from_address, to_address, amount_units,"
                   " buyer_units, custody_end, note_hash, party, round, early, digest)"
                   " SELECT decode(tx_hash, 'hex'), log_index, block_number,"
                   " decode(block_hash, 'hex'), block_time, decode(address, 'hex'), event,"
                   " decode(escrow_id, 'hex'), decode(from_address, 'hex'),"
                   " decode(to_address, 'hex'), amount_units, buyer_units, custody_end,"
                   " decode(note_hash, 'hex'), party, round, early, decode(digest, 'hex')"
                   " FROM jsonb_to_recordset($1::jsonb) AS log (tx_hash text, log_index integer,"
                   " block_number bigint, block_hash text, block_time bigint, address text,"
                   " event text, escrow_id text, from_address text, to_address text,"
                   " amount_units bigint, buyer_units bigint, custody_end bigint, note_hash text,"
                   " party smallint, round integer, early boolean, digest text)"
                   " ON CONFLICT (tx_hash, log_index) WHERE superseded_at IS NULL DO NOTHING",
                   DB_ANY),
            text);
    free(text);
}

void evidence_head(struct db_script *script, const char *level, const struct seen_block *block)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO head (level, number, hash, time) VALUES ($1, $2, $3, $4)"
               " ON CONFLICT (level) DO UPDATE SET number = $2, hash = $3, time = $4,"
               " at = now()",
               1);
    db_text(s, level);
    db_i64(s, (int64_t)block->number);
    db_bytes(s, block->hash, 32);
    db_i64(s, block->time_s);
}

#define PENDING                                                                                    \
    " FROM evidence WHERE superseded_at IS NULL AND final_at IS NULL AND block_number"

struct db_script *evidence_pending(uint64_t from, uint64_t to)
{
    struct db_script *script = db_script_new();
    struct db_stmt *s = db_add(script,
                               "SELECT digest" PENDING " BETWEEN $1 AND $2"
                               " ORDER BY block_number, log_index",
                               DB_ANY);
    db_i64(s, (int64_t)from);
    db_i64(s, (int64_t)to);
    db_i64(db_add(script, "SELECT hash FROM block WHERE number = $1", DB_ANY), (int64_t)to);
    db_i64(db_add(script, "SELECT coalesce(min(block_number), 0)" PENDING " > $1", 1),
           (int64_t)to);
    (void)db_add(script, FINAL_MARK, DB_ANY);
    return script;
}

void evidence_parse_pending(struct db_result *result, struct seen_pending *out)
{
    *out = (struct seen_pending){.logs_n = (size_t)db_rows(result, 0), .digests_known = true};
    for (size_t i = 0; i < out->logs_n; i++)
        out->digests_known = out->digests_known && db_get(result, 0, (int)i, 0) != NULL;
    if (db_rows(result, 1) == 1)
        out->hash_known = db_get_bytes(result, 1, 0, 0, out->hash, sizeof out->hash);
    out->next_number = (uint64_t)db_get_i64(result, 2, 0, 0);
    parse_mark(result, 3, &out->final);
}

void evidence_pending_digest(struct db_result *result, size_t i, uint8_t out[32])
{
    CHECK(db_get_bytes(result, 0, (int)i, 0, out, 32));
}

/* The first statement of every change of position: exactly one row, or another watcher was first. */
static void move_position(struct db_script *script, const struct seen_mark *from,
                          const struct seen_mark *to, int64_t time_s)
{
    struct db_stmt *s =
        from->known
            ? db_add(script,
                     "UPDATE head SET number = $1, hash = $2, time = $3, at = now()"
                     " WHERE level = 'scanned' AND number = $4 AND hash = $5",
                     1)
            : db_add(script,
                     "INSERT INTO head (level, number, hash, time) VALUES ('scanned', $1, $2, $3)"
                     " ON CONFLICT (level) DO NOTHING",
                     1);
    db_i64(s, (int64_t)to->number);
    db_bytes(s, to->hash, 32);
    db_i64(s, time_s);
    if (!from->known)
        return;
    db_i64(s, (int64_t)from->number);
    db_bytes(s, from->hash, 32);
}

void evidence_still(struct db_script *script, const struct seen_mark *from)
{
    struct db_stmt *s = db_add(script,
                               "SELECT 1 FROM head WHERE level = 'scanned' AND number = $1"
                               " AND hash = $2 FOR SHARE",
                               1);
    db_i64(s, (int64_t)from->number);
    db_bytes(s, from->hash, 32);
}

/* Headers and evidence above a height: the chain has other ones there. */
static void undo_above(struct db_script *script, uint64_t number)
{
    db_i64(db_add(script,
                  "UPDATE evidence SET superseded_at = now()"
                  " WHERE block_number > $1 AND superseded_at IS NULL AND final_at IS NULL",
                  DB_ANY),
           (int64_t)number);
    db_i64(db_add(script, "DELETE FROM block WHERE number > $1", DB_ANY), (int64_t)number);
}

/* A receipt may be stored after its block was taken back: asked before, answered after. The transaction is
 * in no block then, and its bytes are sent again. */
static void reopen_stray(struct db_script *script)
{
    (void)db_add(script,
                 "UPDATE tx SET state = 'sent', block_number = NULL, block_hash = NULL,"
                 " status = NULL, updated_at = now() FROM block b WHERE tx.state = 'mined'"
                 " AND b.number = tx.block_number AND b.hash <> tx.block_hash",
                 DB_ANY);
}

void evidence_scanned(struct db_script *script, const struct seen_mark *from,
                      const struct seen_span *span)
{
    const struct seen_block *last = &span->blocks[span->blocks_n - 1];
    struct seen_mark to = {.known = true, .number = last->number};
    memcpy(to.hash, last->hash, sizeof to.hash);
    move_position(script, from, &to, last->time_s);
    undo_above(script, span->from - 1);
    for (size_t i = 0; i < span->blocks_n; i++)
        add_block(script, &span->blocks[i]);
    add_logs(script, span->logs, span->logs_n);
    reopen_stray(script);
    db_i64(db_add(script, "DELETE FROM block WHERE number < $1::bigint - 256", DB_ANY),
           (int64_t)last->number);
}

void evidence_rollback(struct db_script *script, const struct seen_mark *from,
                       const struct seen_mark *ancestor)
{
    move_position(script, from, ancestor, 0);
    db_i64(db_add(script,
                  "UPDATE head SET time = b.time FROM block b"
                  " WHERE head.level = 'scanned' AND b.number = $1",
                  DB_ANY),
           (int64_t)ancestor->number);
    undo_above(script, ancestor->number);
    db_i64(db_add(script,
                  "UPDATE tx SET state = 'sent', block_number = NULL, block_hash = NULL,"
                  " status = NULL, updated_at = now() WHERE state = 'mined' AND block_number > $1",
                  DB_ANY),
           (int64_t)ancestor->number);
}

/* An effect is confirmed by the log it was meant to cause, whichever transaction carried it: the escrow id
 * and the hash of terms, reason or note make the log ours. Transfers are matched by transaction hash. */
#define OURS                                                                                       \
    "(e.kind = 'escrow_create' AND v.event = 'EscrowCreated' AND v.escrow_id = e.escrow_id"        \
    "  AND v.amount_units = e.amount_units AND v.note_hash = e.note_hash)"                         \
    " OR (e.kind = 'escrow_release' AND v.event = 'EscrowReleased' AND v.escrow_id = e.escrow_id"  \
    "  AND v.amount_units = e.amount_units)"                                                       \
    " OR (e.kind = 'escrow_release_early' AND v.event = 'EscrowReleased'"                          \
    "  AND v.escrow_id = e.escrow_id AND v.amount_units = e.amount_units)"                         \
    " OR (e.kind = 'dispute_raise' AND v.event = 'DisputeRaised' AND v.escrow_id = e.escrow_id"    \
    "  AND v.note_hash = e.note_hash)"                                                             \
    " OR (e.kind = 'dispute_dismiss' AND v.event = 'DisputeDismissed'"                             \
    "  AND v.escrow_id = e.escrow_id AND v.note_hash = e.note_hash)"                               \
    " OR (e.kind = 'dispute_revert' AND v.event = 'EscrowReverted' AND v.escrow_id = e.escrow_id"  \
    "  AND v.amount_units = e.amount_units)"                                                       \
    " OR (e.kind = 'dispute_split' AND v.event = 'EscrowSplit' AND v.escrow_id = e.escrow_id"      \
    "  AND v.buyer_units = e.buyer_units AND v.amount_units = e.amount_units)"

#define LIVE "v.superseded_at IS NULL AND v.final_at IS NOT NULL"
#define OPEN "e.state IN ('planned', 'armed', 'sent', 'unknown')"
#define WAKE                                                                                       \
    " UPDATE payment SET due_at = now(), version = version + 1"                                    \
    " WHERE id IN (SELECT payment_id FROM done)"
#define CONFIRMED                                                                                  \
    "state = 'confirmed', evidence_id = v.id, tx_hash = v.tx_hash, last_error = NULL,"             \
    " updated_at = now()"

/* One log confirms one effect only (effect_evidence_once). Several effects can fit a log, and several logs an
 * effect: two withdrawals of one amount that Juno sent under one hash, a release beside an early one, a
 * dispute raised twice with the same words. The oldest effect takes its first free log. */
#define FREE                                                                                       \
    "NOT EXISTS (SELECT 1 FROM effect o WHERE o.evidence_id = v.id AND o.kind <> 'token_transfer')"

static void confirm_escrows(struct db_script *script)
{
    (void)db_add(script,
                 "WITH fit AS (SELECT e.id AS effect_id, v.id, v.tx_hash,"
                 "  row_number() OVER (PARTITION BY e.id ORDER BY v.id) AS log_n,"
                 "  row_number() OVER (PARTITION BY v.id ORDER BY e.created_at, e.id) AS effect_n"
                 "  FROM effect e JOIN evidence v ON v.escrow_id = e.escrow_id WHERE " OPEN
                 "  AND e.door = 'chain' AND " LIVE " AND (" OURS ") AND " FREE "),"
                 " done AS (UPDATE effect e SET " CONFIRMED " FROM fit v WHERE e.id = v.effect_id"
                 "  AND v.log_n = 1 AND v.effect_n = 1 AND " OPEN " RETURNING e.payment_id)" WAKE,
                 DB_ANY);
}

static void confirm_withdrawals(struct db_script *script, const struct evidence_wallets *w)
{
    struct db_stmt *s =
        db_add(script,
               "WITH want AS (SELECT e.id, e.tx_hash, e.amount_units, row_number() OVER"
               "  (PARTITION BY e.tx_hash, e.amount_units ORDER BY e.created_at, e.id) AS n"
               "  FROM effect e WHERE " OPEN " AND e.kind = 'withdraw' AND e.tx_hash IS NOT NULL),"
               " have AS (SELECT v.id, v.tx_hash, v.amount_units, row_number() OVER"
               "  (PARTITION BY v.tx_hash, v.amount_units ORDER BY v.log_index) AS n"
               "  FROM evidence v WHERE v.event = 'Transfer' AND v.address = $2::bytea"
               "  AND v.to_address = $1::bytea AND " LIVE
               "  AND v.tx_hash IN (SELECT tx_hash FROM want) AND " FREE "),"
               " done AS (UPDATE effect e SET " CONFIRMED " FROM want JOIN have v"
               "  USING (tx_hash, amount_units, n)"
               "  WHERE e.id = want.id AND " OPEN " RETURNING e.payment_id)" WAKE,
               DB_ANY);
    db_text(s, w->bridge);
    db_text(s, w->token);
}

void evidence_confirm(struct db_script *script, const struct evidence_wallets *w)
{
    confirm_escrows(script);
    confirm_withdrawals(script, w);
    struct db_stmt *s = db_add(
        script,
        "WITH done AS (UPDATE effect e SET " CONFIRMED " FROM evidence v WHERE " OPEN
        " AND e.kind = 'token_transfer' AND v.tx_hash = e.tx_hash AND v.event = 'Transfer'"
        " AND v.address = $3::bytea AND v.from_address = $1::bytea AND v.to_address = $2::bytea"
        " AND v.amount_units = (SELECT sum(o.amount_units) FROM effect o"
        "   WHERE o.tx_hash = v.tx_hash AND o.kind = 'token_transfer')"
        " AND EXISTS (SELECT 1 FROM juno_txn j WHERE j.tx_hash = v.tx_hash"
        "   AND j.kind = 'CRYPTO_DEPOSIT' AND j.state = 'COMPLETE'"
        "   AND j.amount_units = v.amount_units)"
        " AND " LIVE " RETURNING e.payment_id)" WAKE,
        DB_ANY);
    db_text(s, w->bridge);
    db_text(s, w->juno_deposit);
    db_text(s, w->token);
    s = db_add(script,
               "UPDATE effect e SET " CONFIRMED " FROM evidence v WHERE " OPEN
               " AND e.kind = 'token_approve' AND v.tx_hash = e.tx_hash AND v.event = 'Approval'"
               " AND v.address = $1::bytea AND " LIVE,
               DB_ANY);
    db_text(s, w->token);
}

/* The contract's states as the logs tell them; an escrow row only ever moves along these edges. */
static void mirror_escrows(struct db_script *script)
{
    static const char *const MIRROR[] = {
        "UPDATE escrow x SET state = 'active', starts_at = v.block_time, custody_end = "
        "v.custody_end,"
        " created_tx = v.tx_hash, updated_at = now() FROM evidence v WHERE v.escrow_id = x.id"
        " AND v.event = 'EscrowCreated' AND x.state = 'planned' AND " LIVE,
        "UPDATE escrow x SET state = 'disputed', rounds = v.round, updated_at = now() FROM "
        "evidence v"
        " WHERE v.escrow_id = x.id AND v.event = 'DisputeRaised' AND x.state = 'active'"
        " AND v.round > x.rounds AND " LIVE,
        "UPDATE escrow x SET state = 'active', updated_at = now() FROM evidence v"
        " WHERE v.escrow_id = x.id AND v.event = 'DisputeDismissed' AND x.state = 'disputed'"
        " AND v.round = x.rounds AND " LIVE,
        "UPDATE escrow x SET state = CASE v.event WHEN 'EscrowReleased' THEN 'released'"
        " WHEN 'EscrowReverted' THEN 'reverted' ELSE 'split' END, ended_tx = v.tx_hash,"
        " updated_at = now() FROM evidence v WHERE v.escrow_id = x.id"
        " AND v.event IN ('EscrowReleased', 'EscrowReverted', 'EscrowSplit')"
        " AND x.state IN ('active', 'disputed') AND " LIVE,
    };
    for (size_t i = 0; i < sizeof MIRROR / sizeof MIRROR[0]; i++)
        (void)db_add(script, MIRROR[i], DB_ANY);
}

void evidence_final(struct db_script *script, uint64_t from, const struct seen_block *last,
                    const struct evidence_wallets *wallets)
{
    uint64_t number = last->number;
    struct db_stmt *s = db_add(script,
                               "INSERT INTO head (level, number, hash, time)"
                               " VALUES ('final', $1, $2, $3) ON CONFLICT (level) DO UPDATE"
                               " SET number = $1, hash = $2, time = $3, at = now()"
                               " WHERE head.number < $1",
                               DB_ANY);
    db_i64(s, (int64_t)number);
    db_bytes(s, last->hash, 32);
    db_i64(s, last->time_s);
    s = db_add(script,
               "UPDATE evidence SET final_at = now() WHERE final_at IS NULL"
               " AND superseded_at IS NULL AND block_number BETWEEN $1 AND $2",
               DB_ANY);
    db_i64(s, (int64_t)from);
    db_i64(s, (int64_t)number);
    db_i64(db_add(script,
                  "UPDATE tx SET state = 'final', updated_at = now()"
                  " WHERE state = 'mined' AND block_number <= $1 AND (kind = 'cancel' OR EXISTS"
                  " (SELECT 1 FROM evidence v WHERE v.tx_hash = tx.hash"
                  "  AND v.superseded_at IS NULL))", /* a receipt alone is one endpoint's word */
                  DB_ANY),
           (int64_t)number);
    mirror_escrows(script);
    evidence_confirm(script, wallets);
}
