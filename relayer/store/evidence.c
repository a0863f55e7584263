#include "relayer/store/evidence.h"

#include <string.h>

#include "relayer/base/check.h"

struct db_script *evidence_position(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script, "SELECT number FROM head WHERE level = 'scanned'", DB_ANY);
    (void)db_add(script,
                 "SELECT number, hash, parent, time FROM block ORDER BY number DESC LIMIT 128",
                 DB_ANY);
    return script;
}

void evidence_parse_position(struct db_result *result, struct seen_position *out)
{
    memset(out, 0, sizeof *out);
    out->scanned_known = db_rows(result, 0) == 1;
    if (out->scanned_known)
        out->scanned = (uint64_t)db_get_i64(result, 0, 0, 0);
    out->blocks_n = (size_t)db_rows(result, 1);
    for (size_t i = 0; i < out->blocks_n; i++) {
        struct seen_block *b = &out->blocks[i];
        b->number = (uint64_t)db_get_i64(result, 1, (int)i, 0);
        CHECK(db_get_bytes(result, 1, (int)i, 1, b->hash, sizeof b->hash));
        CHECK(db_get_bytes(result, 1, (int)i, 2, b->parent, sizeof b->parent));
        b->time_s = db_get_i64(result, 1, (int)i, 3);
    }
}

static void add_block(struct db_script *script, const struct seen_block *b)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO block (number, hash, parent, time) VALUES ($1, $2, $3, $4)"
               " ON CONFLICT (number) DO NOTHING",
               DB_ANY);
    db_i64(s, (int64_t)b->number);
    db_bytes(s, b->hash, 32);
    db_bytes(s, b->parent, 32);
    db_i64(s, b->time_s);
}

static void bytes_or_null(struct db_stmt *s, bool has, const uint8_t *p, size_t n)
{
    if (has)
        db_bytes(s, p, n);
    else
        db_null(s);
}

static void add_log(struct db_script *script, const struct seen_log *log)
{
    struct db_stmt *s =
        db_add(script,
               "INSERT INTO evidence (tx_hash, log_index, block_number, block_hash, block_time, "
               "address, event,"
               " escrow_id, from_address, to_address, amount_units, buyer_units, custody_end, "
               "note_hash, party,"
               " round, early) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
               "$14, $15, $16,"
               " $17) ON CONFLICT (tx_hash, log_index) WHERE superseded_at IS NULL DO NOTHING",
               DB_ANY);
    db_bytes(s, log->tx_hash, 32);
    db_i64(s, log->log_index);
    db_i64(s, (int64_t)log->block_number);
    db_bytes(s, log->block_hash, 32);
    db_i64(s, log->block_time_s);
    db_bytes(s, log->address, 20);
    db_text(s, log->event);
    bytes_or_null(s, log->has_escrow, log->escrow_id, 32);
    bytes_or_null(s, log->has_from, log->from, 20);
    bytes_or_null(s, log->has_to, log->to, 20);
    db_i64(s, (int64_t)log->amount_units);
    db_i64(s, (int64_t)log->buyer_units);
    db_i64(s, log->custody_end_s);
    bytes_or_null(s, log->has_hash, log->hash, 32);
    db_i64(s, log->party);
    db_i64(s, log->round);
    db_bool(s, log->early);
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

void evidence_scanned(struct db_script *script, const struct seen_block *blocks, size_t blocks_n,
                      const struct seen_log *logs, size_t logs_n, const struct seen_block *last)
{
    for (size_t i = 0; i < blocks_n; i++)
        add_block(script, &blocks[i]);
    for (size_t i = 0; i < logs_n; i++)
        add_log(script, &logs[i]);
    evidence_head(script, "scanned", last);
    db_i64(db_add(script, "DELETE FROM block WHERE number < $1::bigint - 256", DB_ANY),
           (int64_t)last->number);
}

void evidence_rollback(struct db_script *script, uint64_t ancestor)
{
    static const char *const UNDO[] = {
        "UPDATE evidence SET superseded_at = now()"
        " WHERE block_number > $1 AND superseded_at IS NULL AND final_at IS NULL",
        "DELETE FROM block WHERE number > $1",
        "UPDATE tx SET state = 'sent', block_number = NULL, block_hash = NULL, status = NULL,"
        " updated_at = now() WHERE state = 'mined' AND block_number > $1",
        "UPDATE head SET number = $1::bigint, at = now() WHERE level = 'scanned' AND number > "
        "$1::bigint",
    };
    for (size_t i = 0; i < sizeof UNDO / sizeof UNDO[0]; i++)
        db_i64(db_add(script, UNDO[i], DB_ANY), (int64_t)ancestor);
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

void evidence_confirm(struct db_script *script, const struct evidence_wallets *w)
{
    (void)db_add(script,
                 "WITH done AS (UPDATE effect e SET " CONFIRMED " FROM evidence v WHERE " OPEN
                 " AND e.door = 'chain' AND e.escrow_id IS NOT NULL AND v.escrow_id = e.escrow_id"
                 " AND " LIVE " AND (" OURS ") RETURNING e.payment_id)" WAKE,
                 DB_ANY);
    struct db_stmt *s =
        db_add(script,
               "WITH done AS (UPDATE effect e SET " CONFIRMED " FROM evidence v WHERE " OPEN
               " AND e.kind = 'withdraw' AND v.tx_hash = e.tx_hash AND v.event = 'Transfer'"
               " AND v.address = $2::bytea AND v.to_address = $1::bytea AND v.amount_units = "
               "e.amount_units"
               " AND " LIVE " RETURNING e.payment_id)" WAKE,
               DB_ANY);
    db_text(s, w->bridge);
    db_text(s, w->token);
    s = db_add(
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

void evidence_final(struct db_script *script, uint64_t number,
                    const struct evidence_wallets *wallets)
{
    db_i64(db_add(script,
                  "UPDATE evidence SET final_at = now()"
                  " WHERE final_at IS NULL AND superseded_at IS NULL AND block_number <= $1",
                  DB_ANY),
           (int64_t)number);
    db_i64(db_add(script,
                  "UPDATE tx SET state = 'final', updated_at = now()"
                  " WHERE state = 'mined' AND block_number <= $1",
                  DB_ANY),
           (int64_t)number);
    mirror_escrows(script);
    evidence_confirm(script, wallets);
}
