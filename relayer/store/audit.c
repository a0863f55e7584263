#include "relayer/store/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/store/audit_scope.h"

/* --- transactions ----------------------------------------------------------------------------- */

/* The hashes of one page; $3 = after. Both halves walk an index. */
#define PAGE                                                                                       \
    "WITH page (hash) AS ((SELECT t.hash FROM tx t WHERE t.hash > $3::bytea"                       \
    " AND t.state IN ('final', 'reverted') AND t.block_number <= " AUDIT_POLICY                    \
    " AND " AUDIT_TX_SCOPE(                                                                        \
        "t.hash") " ORDER BY t.hash LIMIT 16)"                                                     \
                  " UNION (SELECT DISTINCT v.tx_hash FROM evidence v WHERE v.tx_hash > $3::bytea"  \
                  " AND v.superseded_at IS NULL AND v.final_at IS NOT NULL AND " AUDIT_TX_SCOPE(   \
                      "v.tx_hash") " ORDER BY v.tx_hash LIMIT 16) ORDER BY 1 LIMIT 16) "

struct db_script *audit_txs(const struct audit_scope *scope, const uint8_t *after)
{
    static const char *const READS[] = {
        PAGE "SELECT page.hash, t.state, t.account, t.destination, t.chain_id, t.nonce, t.gas_used,"
             " t.raw, coalesce(t.block_number, v.block_number),"
             " coalesce(t.block_hash, v.block_hash)"
             " FROM page LEFT JOIN tx t ON t.hash = page.hash"
             " LEFT JOIN LATERAL (SELECT o.block_number, o.block_hash FROM evidence o"
             "  WHERE o.tx_hash = page.hash AND o.superseded_at IS NULL LIMIT 1) v ON true"
             " ORDER BY page.hash",
        PAGE "SELECT v.tx_hash, v.log_index, v.block_number, v.block_hash, v.block_time, v.address,"
             " v.event, v.escrow_id, v.from_address, v.to_address, v.amount_units, v.buyer_units,"
             " v.custody_end, v.note_hash, v.party, v.round, v.early"
             " FROM evidence v JOIN page ON page.hash = v.tx_hash"
             " WHERE v.superseded_at IS NULL ORDER BY v.tx_hash, v.log_index LIMIT 4096",
        PAGE "SELECT e.tx_hash, e.id, e.kind, e.payment_id, e.amount_units,"
             " coalesce(e.buyer_units, 0), e.destination, e.escrow_id, coalesce(e.party, 0),"
             " e.note_hash, p.terms_hash, coalesce(p.custody_centavos, 0) * 10000,"
             " coalesce(p.custody_end, 0), v.log_index"
             " FROM effect e JOIN page ON page.hash = e.tx_hash"
             " LEFT JOIN payment p ON p.id = e.payment_id"
             " LEFT JOIN evidence v ON v.id = e.evidence_id"
             " WHERE e.state = 'confirmed' ORDER BY e.tx_hash, e.id LIMIT 4096",
    };
    struct db_script *script = db_script_new();
    for (size_t i = 0; i < sizeof READS / sizeof READS[0]; i++) {
        struct db_stmt *s = db_add(script, READS[i], DB_ANY);
        audit_scope_bind(s, scope);
        db_bytes(s, after != NULL ? after : (const uint8_t *)"", after != NULL ? 32 : 0);
    }
    return script;
}

enum tx_column {
    T_HASH,
    T_STATE,
    T_ACCOUNT,
    T_TO,
    T_CHAIN,
    T_NONCE,
    T_GAS,
    T_RAW,
    T_BLOCK,
    T_BLOCK_HASH,
};
enum { RAW_MAX = 128 * 1024 };

static void parse_tx(struct db_result *res, int r, struct audit_tx *tx)
{
    CHECK(db_get_bytes(res, 0, r, T_HASH, tx->hash, sizeof tx->hash));
    const char *state = db_get(res, 0, r, T_STATE);
    tx->ours = state != NULL;
    tx->reverted = tx->ours && strcmp(state, "reverted") == 0;
    tx->block_number = (uint64_t)db_get_i64_or(res, 0, r, T_BLOCK, 0);
    (void)db_get_bytes(res, 0, r, T_BLOCK_HASH, tx->block_hash, sizeof tx->block_hash);
    if (!tx->ours)
        return;
    CHECK(db_get_bytes(res, 0, r, T_ACCOUNT, tx->account, sizeof tx->account));
    CHECK(db_get_bytes(res, 0, r, T_TO, tx->destination, sizeof tx->destination));
    tx->chain_id = (uint64_t)db_get_i64(res, 0, r, T_CHAIN);
    tx->nonce = (uint64_t)db_get_i64(res, 0, r, T_NONCE);
    tx->gas_used = (uint64_t)db_get_i64_or(res, 0, r, T_GAS, 0);
    size_t cap = strlen(db_get(res, 0, r, T_RAW)) / 2 + 1;
    CHECK(cap <= RAW_MAX);
    tx->raw = mem_new(cap);
    CHECK(db_get_blob(res, 0, r, T_RAW, tx->raw, cap, &tx->raw_n));
}

enum log_column {
    V_TX,
    V_INDEX,
    V_BLOCK,
    V_BLOCK_HASH,
    V_TIME,
    V_ADDRESS,
    V_EVENT,
    V_ESCROW,
    V_FROM,
    V_TO,
    V_AMOUNT,
    V_BUYER,
    V_END,
    V_NOTE,
    V_PARTY,
    V_ROUND,
    V_EARLY,
};

static const char *event_known(const char *name)
{
    static const char *const EVENTS[] = {
        "EscrowCreated",  "EscrowReleased", "DisputeRaised",   "DisputeDismissed",
        "EscrowReverted", "EscrowSplit",    "Transfer",        "Approval",
        "RoleGranted",    "RoleRevoked",    "WalletsProposed", "WalletsChanged",
        "PauseSet",       "Rescued",        "Other",           "DefaultAdminTransferScheduled"};
    for (size_t i = 0; i < sizeof EVENTS / sizeof EVENTS[0]; i++) {
        if (strcmp(EVENTS[i], name) == 0)
            return EVENTS[i];
    }
    CHECK(!"event out of range");
    return NULL;
}

static void parse_log(struct db_result *res, int r, struct seen_log *log)
{
    CHECK(db_get_bytes(res, 1, r, V_TX, log->tx_hash, sizeof log->tx_hash));
    log->log_index = (uint32_t)db_get_i64(res, 1, r, V_INDEX);
    log->block_number = (uint64_t)db_get_i64(res, 1, r, V_BLOCK);
    CHECK(db_get_bytes(res, 1, r, V_BLOCK_HASH, log->block_hash, sizeof log->block_hash));
    log->block_time_s = db_get_i64(res, 1, r, V_TIME);
    CHECK(db_get_bytes(res, 1, r, V_ADDRESS, log->address, sizeof log->address));
    log->event = event_known(db_get(res, 1, r, V_EVENT));
    log->has_escrow = db_get_bytes(res, 1, r, V_ESCROW, log->escrow_id, sizeof log->escrow_id);
    log->has_from = db_get_bytes(res, 1, r, V_FROM, log->from, sizeof log->from);
    log->has_to = db_get_bytes(res, 1, r, V_TO, log->to, sizeof log->to);
    log->amount_units = (uint64_t)db_get_i64_or(res, 1, r, V_AMOUNT, 0);
    log->buyer_units = (uint64_t)db_get_i64_or(res, 1, r, V_BUYER, 0);
    log->custody_end_s = db_get_i64_or(res, 1, r, V_END, 0);
    log->has_hash = db_get_bytes(res, 1, r, V_NOTE, log->hash, sizeof log->hash);
    log->party = (uint8_t)db_get_i64_or(res, 1, r, V_PARTY, 0);
    log->round = (uint32_t)db_get_i64_or(res, 1, r, V_ROUND, 0);
    log->early = db_get_bool(res, 1, r, V_EARLY);
}

enum effect_column {
    F_TX,
    F_ID,
    F_KIND,
    F_PAYMENT,
    F_AMOUNT,
    F_BUYER,
    F_DESTINATION,
    F_ESCROW,
    F_PARTY,
    F_NOTE,
    F_TERMS,
    F_CUSTODY,
    F_END,
    F_LOG,
};

static void parse_effect(struct db_result *res, int r, struct audit_effect *e)
{
    CHECK(db_get_uuid(res, 2, r, F_ID, &e->id));
    CHECK(effect_kind_parse(db_get(res, 2, r, F_KIND), &e->kind));
    e->has_payment = db_get_uuid(res, 2, r, F_PAYMENT, &e->payment_id);
    e->amount_units = db_get_i64(res, 2, r, F_AMOUNT);
    e->buyer_units = db_get_i64(res, 2, r, F_BUYER);
    snprintf(e->destination, sizeof e->destination, "%s", db_get(res, 2, r, F_DESTINATION));
    e->has_escrow = db_get_bytes(res, 2, r, F_ESCROW, e->escrow_id, sizeof e->escrow_id);
    e->party = (uint8_t)db_get_i64(res, 2, r, F_PARTY);
    (void)db_get_bytes(res, 2, r, F_NOTE, e->note_hash, sizeof e->note_hash);
    (void)db_get_bytes(res, 2, r, F_TERMS, e->terms_hash, sizeof e->terms_hash);
    e->custody_units = db_get_i64(res, 2, r, F_CUSTODY);
    e->custody_end_s = db_get_i64(res, 2, r, F_END);
    e->has_log = db_get(res, 2, r, F_LOG) != NULL;
    e->log_index = (uint32_t)db_get_i64_or(res, 2, r, F_LOG, 0);
}

/* How many rows of stmt from first on belong to the transaction: both reads are ordered by hash. */
static size_t rows_of_tx(struct db_result *res, int stmt, size_t first, const uint8_t hash[32])
{
    size_t n = 0;
    uint8_t owner[32];
    while (first + n < (size_t)db_rows(res, stmt)) {
        CHECK(db_get_bytes(res, stmt, (int)(first + n), 0, owner, sizeof owner));
        if (memcmp(owner, hash, sizeof owner) != 0)
            break;
        n++;
    }
    return n;
}

void audit_parse_txs(struct db_result *res, struct audit_page *out)
{
    memset(out, 0, sizeof *out);
    out->txs_n = (size_t)db_rows(res, 0);
    out->logs_n = (size_t)db_rows(res, 1);
    out->effects_n = (size_t)db_rows(res, 2);
    CHECK(out->txs_n <= AUDIT_TXS_MAX);
    out->log = mem_new_array(out->logs_n + 1, sizeof *out->log);
    out->effect = mem_new_array(out->effects_n + 1, sizeof *out->effect);
    for (size_t i = 0; i < out->logs_n; i++)
        parse_log(res, (int)i, &out->log[i]);
    for (size_t i = 0; i < out->effects_n; i++)
        parse_effect(res, (int)i, &out->effect[i]);
    size_t log = 0, effect = 0;
    for (size_t i = 0; i < out->txs_n; i++) {
        struct audit_tx *tx = &out->tx[i];
        parse_tx(res, (int)i, tx);
        tx->logs_first = log;
        tx->logs_n = rows_of_tx(res, 1, log, tx->hash);
        tx->effects_first = effect;
        tx->effects_n = rows_of_tx(res, 2, effect, tx->hash);
        log += tx->logs_n;
        effect += tx->effects_n;
    }
}

void audit_page_clear(struct audit_page *page)
{
    for (size_t i = 0; i < page->txs_n; i++)
        free(page->tx[i].raw);
    free(page->log);
    free(page->effect);
    memset(page, 0, sizeof *page);
}

/* --- escrows ---------------------------------------------------------------------------------- */

#define ESCROW_SELECT                                                                              \
    "SELECT x.id, x.payment_id, x.amount_units, coalesce(x.custody_end, 0), x.rounds, v.event"     \
    " FROM escrow x LEFT JOIN LATERAL (SELECT o.event FROM evidence o WHERE o.escrow_id = x.id"    \
    "  AND o.superseded_at IS NULL ORDER BY o.block_number DESC, o.log_index DESC LIMIT 1) v"      \
    " ON true"

struct db_script *audit_escrows(const struct audit_scope *scope, const uint8_t *after)
{
    struct db_script *script = db_script_new();
    struct db_stmt *s = db_add(script,
                               ESCROW_SELECT " WHERE x.id > $3::bytea AND " AUDIT_PAYMENT_SCOPE(
                                   "x.payment_id") " ORDER BY x.id LIMIT 200",
                               DB_ANY);
    audit_scope_bind(s, scope);
    db_bytes(s, after != NULL ? after : (const uint8_t *)"", after != NULL ? 32 : 0);
    return script;
}

struct db_script *audit_escrow_one(const uint8_t id[32])
{
    struct db_script *script = db_script_new();
    db_bytes(db_add(script, ESCROW_SELECT " WHERE x.id = $1::bytea", DB_ANY), id, 32);
    return script;
}

size_t audit_parse_escrows(struct db_result *res, struct audit_escrow *out, size_t max)
{
    size_t n = (size_t)db_rows(res, 0);
    CHECK(n <= max);
    for (size_t i = 0; i < n; i++) {
        struct audit_escrow *x = &out[i];
        int r = (int)i;
        memset(x, 0, sizeof *x);
        CHECK(db_get_bytes(res, 0, r, 0, x->id, sizeof x->id));
        CHECK(db_get_uuid(res, 0, r, 1, &x->payment_id));
        x->amount_units = db_get_i64(res, 0, r, 2);
        x->custody_end_s = db_get_i64(res, 0, r, 3);
        x->rounds = (int)db_get_i64(res, 0, r, 4);
        const char *event = db_get(res, 0, r, 5);
        snprintf(x->event, sizeof x->event, "%s", event != NULL ? event : "");
    }
    return n;
}

/* --- the three books -------------------------------------------------------------------------- */

struct db_script *audit_three_books(void)
{
    struct db_script *script = db_script_new();
    (void)db_add(script,
                 "SELECT coalesce(sum(b.amount) FILTER (WHERE a.class = 'juno_mxnb'), 0)::bigint,"
                 " coalesce(sum(b.amount) FILTER (WHERE a.class = 'bridge_mxnb'), 0)::bigint,"
                 " coalesce(sum(b.amount) FILTER (WHERE a.class = 'escrow_mxnb'), 0)::bigint,"
                 " coalesce(-sum(b.amount) FILTER (WHERE a.class = 'unassigned_mxnb'), 0)::bigint,"
                 " coalesce(-sum(b.amount) FILTER (WHERE a.class = 'commission'), 0)::bigint,"
                 " coalesce(sum(b.amount) FILTER (WHERE a.class = 'juno_mxn'), 0)::bigint,"
                 " coalesce(-sum(b.amount) FILTER (WHERE a.class = 'unassigned_mxn'), 0)::bigint,"
                 " (SELECT coalesce(sum(x.amount_units), 0)::bigint FROM escrow x"
                 "  WHERE x.state IN ('active', 'disputed'))"
                 " FROM account a JOIN balance b ON b.account_id = a.id AND b.layer = 'posted'",
                 1);
    (void)db_add(script,
                 "SELECT a.class, x.amount FROM txn t"
                 " JOIN entry x ON x.txn_id = t.id AND x.layer = 'pending'"
                 " JOIN account a ON a.id = x.account_id"
                 " AND a.class IN ('juno_mxnb', 'bridge_mxnb', 'escrow_mxnb')"
                 " WHERE t.kind = 'reserve'"
                 " AND NOT EXISTS (SELECT 1 FROM txn r WHERE r.resolves = t.id)"
                 " UNION ALL SELECT 'juno_mxnb', d.amount_centavos * 10000 FROM deposit d"
                 " WHERE d.issuance_id IS NULL AND d.state IN ('matched', 'unassigned')"
                 " UNION ALL SELECT 'juno_mxnb', d.amount_centavos * 10000 FROM deposit d"
                 " JOIN payment p ON p.id = d.payment_id AND p.state = 'waiting_issuance'"
                 " WHERE d.issuance_id IS NOT NULL AND NOT d.issued_unassigned"
                 " LIMIT 513",
                 DB_ANY);
    return script;
}

size_t audit_parse_three_books(struct db_result *res, struct audit_balances *b,
                               struct audit_move moves[AUDIT_MOVES_MAX], bool *truncated)
{
    static const char *const CLASSES[AUDIT_ACCOUNTS] = {
        [AUDIT_JUNO] = "juno_mxnb", [AUDIT_BRIDGE] = "bridge_mxnb", [AUDIT_ESCROW] = "escrow_mxnb"};
    int64_t *const out[] = {
        &b->juno_mxnb,       &b->bridge_mxnb, &b->escrow_mxnb,    &b->unassigned_mxnb,
        &b->commission_mxnb, &b->juno_mxn,    &b->unassigned_mxn, &b->open_escrows,
    };
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        *out[i] = db_get_i64(res, 0, 0, (int)i);
    size_t n = (size_t)db_rows(res, 1);
    *truncated = n > AUDIT_MOVES_MAX;
    if (*truncated)
        n = AUDIT_MOVES_MAX;
    for (size_t i = 0; i < n; i++) {
        const char *class = db_get(res, 1, (int)i, 0);
        for (int k = 0; k < AUDIT_ACCOUNTS; k++) {
            if (strcmp(CLASSES[k], class) == 0)
                moves[i].account = (enum audit_account)k;
        }
        moves[i].units = db_get_i64(res, 1, (int)i, 1);
    }
    return n;
}
