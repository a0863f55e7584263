/* One book held against another, inside the database. */
#include <stdio.h>
#include <string.h>

#include "relayer/store/audit.h"
#include "relayer/store/audit_scope.h"

#define MOVES_VALUE                                                                                \
    "('redeem', 'withdraw', 'escrow_create', 'escrow_release', 'escrow_release_early',"            \
    " 'dispute_revert', 'dispute_split', 'token_transfer')"
#define EFFECT_NAME "'effect ' || e.id || ' (' || e.kind || ')'"
#define LOOK_PAYMENT(id) "'relayerctl payment.timeline -k payment_id=' || " id
#define JUNO_TXN "j.kind || ' ' || j.state || ' of ' || j.amount_units || ' units'"
#define END_STATE(event)                                                                           \
    "CASE " event " WHEN 'EscrowCreated' THEN 'active' WHEN 'DisputeDismissed' THEN 'active'"      \
    " WHEN 'DisputeRaised' THEN 'disputed' WHEN 'EscrowReleased' THEN 'released'"                  \
    " WHEN 'EscrowReverted' THEN 'reverted' WHEN 'EscrowSplit' THEN 'split' ELSE 'planned' END"
/* One more than are kept, so that the report knows there were more. */
#define FINDINGS " LIMIT 201"

static const char ABOUT[] =
    "SELECT EXISTS (SELECT 1 FROM payment WHERE id = $1::uuid),"
    " (SELECT state FROM tx WHERE hash = $2::bytea),"
    " EXISTS (SELECT 1 FROM evidence WHERE tx_hash = $2::bytea AND superseded_at IS NULL),"
    " EXISTS (SELECT 1 FROM evidence WHERE tx_hash = $2::bytea AND final_at IS NOT NULL)"
    "  OR EXISTS (SELECT 1 FROM tx WHERE hash = $2::bytea AND state IN ('final', 'reverted')"
    "   AND block_number <= " AUDIT_POLICY "),"
    " (SELECT number FROM head WHERE level = 'policy'),"
    " (SELECT hash FROM head WHERE level = 'policy'),"
    " (SELECT count(*) FROM effect e WHERE e.state = 'confirmed'"
    "  AND " AUDIT_EFFECT_SCOPE ")"
    "  + (SELECT count(*) FROM payment p WHERE " AUDIT_PAYMENT_SCOPE(
        "p.id") "),"
                " (SELECT count(*) FROM account a WHERE " AUDIT_PAYMENT_SCOPE(
                    "a.payment_id") "),"
                                    " (SELECT count(*) FROM effect e WHERE e.state = 'confirmed'"
                                    "  AND e.kind IN ('redeem', 'withdraw', 'token_transfer') "
                                    "AND " AUDIT_EFFECT_SCOPE ")"
                                    "  + (SELECT count(*) FROM deposit d WHERE d.issuance_id IS "
                                    "NOT NULL"
                                    "   AND " AUDIT_PAYMENT_SCOPE("d.payment_id") ")";

/* Every confirmed effect that moves value is booked once, with its amount. An effect confirmed a moment ago
 * is still held by its payment or leg until the runner books it. */
static const char SETTLED_ONCE[] =
    "SELECT " EFFECT_NAME ", 'one settlement of ' || e.amount_units || ' units',"
    " s.n || ' settlements of ' || s.units || ' units', " LOOK_PAYMENT(
        "e.payment_id") " FROM effect e JOIN payment p ON p.id = e.payment_id"
                        " LEFT JOIN leg l ON l.payment_id = e.payment_id AND l.n = e.leg_n"
                        " CROSS JOIN LATERAL (SELECT count(DISTINCT t.id) AS n, "
                        "coalesce(sum(x.amount) FILTER"
                        "  (WHERE x.layer = 'posted' AND x.amount > 0), 0) AS units FROM txn t"
                        "  LEFT JOIN entry x ON x.txn_id = t.id WHERE t.effect_id = e.id AND "
                        "t.kind = 'settle') s"
                        " WHERE e.state = 'confirmed' AND e.kind IN " MOVES_VALUE
                        " AND (s.n <> 1 OR s.units <> e.amount_units) AND NOT (s.n = 0"
                        "  AND e.updated_at > now() - interval '2 minutes'"
                        "  AND (p.effect_id = e.id OR (l.effect_id = e.id AND l.state = "
                        "'redeeming')))"
                        " AND " AUDIT_EFFECT_SCOPE " ORDER BY e.id" FINDINGS;

/* A settlement moves value between the accounts its effect is about, of its own payment. */
static const char SETTLED_WHERE[] =
    "SELECT 'txn ' || t.id, m.debit || ' from ' || m.credit,"
    " left(string_agg(a.code || ' ' || x.amount, ', ' ORDER BY x.n), 150), " LOOK_PAYMENT(
        "e.payment_id") " FROM txn t JOIN effect e ON e.id = t.effect_id"
                        " JOIN (VALUES ('redeem', '(owed_[a-z]+|commission)', 'juno_mxnb'),"
                        "  ('withdraw', 'bridge_mxnb', 'juno_mxnb'),"
                        "  ('escrow_create', 'escrow_mxnb', 'bridge_mxnb'),"
                        "  ('escrow_release', 'bridge_mxnb', 'escrow_mxnb'),"
                        "  ('escrow_release_early', 'bridge_mxnb', 'escrow_mxnb'),"
                        "  ('dispute_revert', 'bridge_mxnb', 'escrow_mxnb'),"
                        "  ('dispute_split', 'bridge_mxnb', 'escrow_mxnb'),"
                        "  ('token_transfer', 'juno_mxnb', 'bridge_mxnb')) m (kind, debit, credit) "
                        "ON m.kind = e.kind"
                        " JOIN entry x ON x.txn_id = t.id AND x.layer = 'posted'"
                        " JOIN account a ON a.id = x.account_id"
                        " WHERE t.kind = 'settle' AND " AUDIT_EFFECT_SCOPE
                        " GROUP BY t.id, m.debit, m.credit, e.payment_id"
                        " HAVING NOT bool_and(CASE WHEN x.amount > 0 THEN a.class ~ ('^' || "
                        "m.debit || '$')"
                        "  ELSE a.class = m.credit END)"
                        " OR bool_or(a.payment_id IS NOT NULL AND a.payment_id IS DISTINCT FROM "
                        "e.payment_id)"
                        " ORDER BY t.id" FINDINGS;

/* Nothing is booked as settled without a confirmed effect, and its final log where it has one. */
static const char SETTLED_WITH_PROOF[] =
    "SELECT 'txn ' || t.id, 'a confirmed effect with its proof',"
    " CASE WHEN e.id IS NULL THEN 'no effect'"
    "  WHEN e.state <> 'confirmed' THEN 'effect ' || e.id || ' is ' || e.state"
    "  ELSE 'effect ' || e.id || ' cites no final log' END, " LOOK_PAYMENT(
        "t.payment_id") " FROM txn t LEFT JOIN effect e ON e.id = t.effect_id"
                        " LEFT JOIN evidence v ON v.id = e.evidence_id"
                        " WHERE t.kind = 'settle' AND (e.id IS NULL OR e.state <> 'confirmed'"
                        "  OR (e.kind <> 'redeem' AND v.final_at IS NULL))"
                        " AND ($1::uuid IS NULL OR t.payment_id = $1::uuid)"
                        " AND ($2::bytea IS NULL OR e.tx_hash = $2::bytea) ORDER BY t.id" FINDINGS;

static const char CONFIRMED_WITH_LOG[] =
    "SELECT " EFFECT_NAME ", 'a final log of its transaction', CASE WHEN v.id IS NULL THEN 'no log'"
    "  WHEN v.final_at IS NULL THEN 'a log that is not final'"
    "  ELSE 'a log of 0x' || encode(v.tx_hash, 'hex') END, " LOOK_PAYMENT(
        "e.payment_id") " FROM effect e LEFT JOIN evidence v ON v.id = e.evidence_id"
                        " WHERE e.state = 'confirmed' AND (e.door = 'chain' OR e.kind = 'withdraw')"
                        " AND (v.final_at IS NULL OR v.tx_hash IS DISTINCT FROM e.tx_hash)"
                        " AND " AUDIT_EFFECT_SCOPE " ORDER BY e.id" FINDINGS;

/* Juno's side: redemptions and withdrawals by Juno's id, returned tokens by transaction. */
static const char REDEEMED_AT_JUNO[] =
    "SELECT " EFFECT_NAME
    ", 'REDEMPTION COMPLETE of ' || e.amount_units || ' units', coalesce(" JUNO_TXN
    ", 'nothing by the id ' || coalesce(e.external_id, '(none)')),"
    " 'ask Juno about this transaction'"
    " FROM effect e LEFT JOIN juno_txn j ON j.id = e.external_id"
    " WHERE e.kind = 'redeem' AND e.state = 'confirmed' AND (j.id IS NULL"
    "  OR j.kind <> 'REDEMPTION' OR j.state NOT IN ('COMPLETE', 'RETURNED')"
    "  OR j.amount_units <> e.amount_units)"
    " AND " AUDIT_EFFECT_SCOPE " ORDER BY e.id" FINDINGS;

/* The chain proves a withdrawal; what Juno says of it, if anything yet, must not contradict. */
static const char WITHDRAWN_AT_JUNO[] =
    "SELECT " EFFECT_NAME ", 'CRYPTO_WITHDRAWAL of ' || e.amount_units || ' units', " JUNO_TXN ","
    " 'ask Juno about ' || j.id FROM effect e JOIN juno_txn j ON j.id = e.external_id"
    " WHERE e.kind = 'withdraw' AND e.state = 'confirmed' AND (j.kind <> 'CRYPTO_WITHDRAWAL'"
    "  OR j.state IN ('FAILED', 'RETURNED') OR j.amount_units <> e.amount_units"
    "  OR (j.tx_hash IS NOT NULL AND j.tx_hash <> e.tx_hash))"
    " AND " AUDIT_EFFECT_SCOPE " ORDER BY e.id" FINDINGS;

static const char CREDITED_AT_JUNO[] =
    "SELECT 'tx 0x' || encode(e.tx_hash, 'hex'),"
    " 'CRYPTO_DEPOSIT COMPLETE of ' || sum(e.amount_units) || ' units',"
    " coalesce(min(j.found), 'no such credit at Juno'), 'ask Juno about this transfer'"
    " FROM effect e LEFT JOIN LATERAL (SELECT"
    "  string_agg(k.state || ' of ' || k.amount_units || ' units', ', ') AS found,"
    "  sum(k.amount_units) FILTER (WHERE k.state = 'COMPLETE') AS units FROM juno_txn k"
    "  WHERE k.tx_hash = e.tx_hash AND k.kind = 'CRYPTO_DEPOSIT') j ON true"
    " WHERE e.kind = 'token_transfer' AND e.state = 'confirmed' AND " AUDIT_TX_SCOPE(
        "e.tx_hash") " GROUP BY e.tx_hash HAVING sum(e.amount_units) IS DISTINCT FROM min(j.units)"
                     " ORDER BY e.tx_hash" FINDINGS;

/* A payment that was paid has its deposit; one that went on from there has its issuance. */
static const char DEPOSITED[] =
    "SELECT 'payment ' || p.id, 'a deposit of ' || p.amount_centavos || ' centavos',"
    " coalesce(d.state || ', ' || d.amount_centavos || ' centavos', 'none'), " LOOK_PAYMENT(
        "p.id") " FROM payment p LEFT JOIN deposit d ON d.payment_id = p.id"
                " WHERE p.state NOT IN ('waiting_deposit', 'expired', 'cancelled')"
                " AND (d.fid IS NULL OR d.amount_centavos <> p.amount_centavos)"
                " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id" FINDINGS;

static const char ISSUED[] =
    "SELECT 'payment ' || p.id, 'ISSUANCE COMPLETE of ' || p.amount_centavos * 10000 || ' units',"
    " coalesce(" JUNO_TXN ", 'none'), " LOOK_PAYMENT(
        "p.id") " FROM payment p LEFT JOIN deposit d ON d.payment_id = p.id"
                " LEFT JOIN juno_txn j ON j.id = d.issuance_id"
                " WHERE p.state NOT IN ('waiting_deposit', 'waiting_issuance', 'expired', "
                "'cancelled')"
                " AND coalesce(p.parked_from, '') NOT IN ('waiting_deposit', 'waiting_issuance')"
                " AND (j.id IS NULL OR j.kind <> 'ISSUANCE' OR j.state <> 'COMPLETE'"
                "  OR j.amount_units <> p.amount_centavos * 10000)"
                " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id" FINDINGS;

/* Each leg goes to whom the payment names, with what the promise and the end of the custody make of it:
 * a reversal or a split takes the buyer's part, commissions shrink with the rest, rounded down, and what
 * remains is the seller's. Commissions and their receivers are bound by the terms hash. */
static const char LEGS_AS_PROMISED[] =
    "SELECT 'payment ' || p.id || ' leg ' || l.n,"
    " w.centavos || ' centavos to ' || w.receiver,"
    " l.amount_centavos || ' centavos to ' || l.beneficiary_id, " LOOK_PAYMENT(
        "p.id") " FROM payment p JOIN leg l ON l.payment_id = p.id"
                " CROSS JOIN LATERAL (SELECT CASE p.outcome WHEN 'reverted' THEN p.custody_centavos"
                "  WHEN 'split' THEN p.buyer_centavos ELSE 0 END AS buyer) c"
                " CROSS JOIN LATERAL (SELECT CASE l.role"
                "  WHEN 'seller_immediate' THEN p.immediate_centavos"
                "  WHEN 'buyer_refund' THEN c.buyer"
                "  WHEN 'commission' THEN div(l.promised_centavos::numeric"
                "   * (p.custody_centavos - c.buyer), nullif(p.custody_centavos, 0))"
                "  ELSE p.custody_centavos - c.buyer - (SELECT coalesce(sum(k.amount_centavos), 0)"
                "   FROM leg k WHERE k.payment_id = p.id AND k.role = 'commission') END AS "
                "centavos,"
                "  CASE l.role WHEN 'buyer_refund' THEN p.buyer_id"
                "  WHEN 'commission' THEN l.beneficiary_id ELSE p.seller_id END AS receiver) w"
                " WHERE (l.amount_centavos IS DISTINCT FROM w.centavos"
                "  OR l.beneficiary_id <> w.receiver)"
                " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id, l.n" FINDINGS;

static const char SPLIT_AS_DECIDED[] =
    "SELECT 'payment ' || p.id, 'the buyer gets ' || p.buyer_centavos || ' centavos',"
    " 'the split gave him ' || e.buyer_units || ' units', " LOOK_PAYMENT(
        "p.id") " FROM effect e JOIN payment p ON p.id = e.payment_id"
                " WHERE e.kind = 'dispute_split' AND e.state = 'confirmed'"
                " AND e.buyer_units IS DISTINCT FROM p.buyer_centavos * 10000"
                " AND " AUDIT_EFFECT_SCOPE " ORDER BY p.id" FINDINGS;

/* A CLABE is one user's for ever. Neither is shown. */
static const char PAID_BY_ITS_PAYER[] =
    "SELECT 'payment ' || p.id, 'the CLABE of its payer', 'the CLABE of another "
    "user', " LOOK_PAYMENT("p.id") " FROM payment p LEFT JOIN clabe k ON k.clabe = p.clabe"
                                   " WHERE k.user_ref IS DISTINCT FROM p.payer_ref"
                                   " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id" FINDINGS;

/* Every redemption that happened went to the account of its leg's beneficiary (that of the beneficiary whose
 * commissions it paid out, where it has no payment), with the leg's amount. */
static const char REDEEMED_TO_BENEFICIARY[] =
    "SELECT " EFFECT_NAME ", coalesce(l.amount_centavos * 10000, e.amount_units) || ' units to '"
    "  || coalesce(b.juno_account_id, '(nobody)'),"
    " e.amount_units || ' units to ' || e.destination, " LOOK_PAYMENT(
        "e.payment_id") " FROM effect e"
                        " LEFT JOIN leg l ON l.payment_id = e.payment_id AND l.n = e.leg_n"
                        " LEFT JOIN beneficiary b ON b.id = CASE WHEN e.payment_id IS NULL"
                        "  THEN e.subject_id ELSE l.beneficiary_id END"
                        " WHERE e.kind = 'redeem' AND e.state = 'confirmed'"
                        " AND (b.juno_account_id IS DISTINCT FROM e.destination"
                        "  OR l.amount_centavos * 10000 <> e.amount_units)"
                        " AND " AUDIT_EFFECT_SCOPE " ORDER BY e.id" FINDINGS;

/* What left by SPEI: each paid leg by its own redemption, to its beneficiary's account. */
static const char PAID_BY_REDEMPTION[] =
    "SELECT 'payment ' || l.payment_id || ' leg ' || l.n,"
    " 'a redemption of ' || l.amount_centavos * 10000 || ' units to '"
    "  || coalesce(b.juno_account_id, '(no account)'),"
    " coalesce(e.kind || ' ' || e.state || ' of ' || e.amount_units || ' units to '"
    "  || e.destination, 'none'), " LOOK_PAYMENT(
        "l.payment_id") " FROM leg l JOIN beneficiary b ON b.id = l.beneficiary_id"
                        " LEFT JOIN effect e ON e.id = l.effect_id"
                        " WHERE l.state IN ('paid', 'returned') AND (e.id IS NULL OR e.kind <> "
                        "'redeem'"
                        "  OR e.state <> 'confirmed' OR e.amount_units <> l.amount_centavos * 10000"
                        "  OR e.destination IS DISTINCT FROM b.juno_account_id)"
                        " AND " AUDIT_PAYMENT_SCOPE(
                            "l.payment_id") " ORDER BY l.payment_id, l.n" FINDINGS;

static const char COMPLETED_IN_FULL[] =
    "SELECT 'payment ' || p.id,"
    " 'legs of ' || p.amount_centavos || ' centavos paid or set aside',"
    " coalesce(s.centavos, 0) || ' centavos', " LOOK_PAYMENT(
        "p.id") " FROM payment p CROSS JOIN LATERAL (SELECT sum(l.amount_centavos) AS centavos "
                "FROM leg l"
                "  WHERE l.payment_id = p.id AND l.state IN ('paid', 'accumulated')) s"
                " WHERE p.state = 'completed' AND s.centavos IS DISTINCT FROM p.amount_centavos"
                " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id" FINDINGS;

static const char COMPLETED_EMPTY[] =
    "SELECT 'payment ' || p.id || ' account ' || a.class, '0 (the payment is completed)',"
    " b.amount || ' units ' || b.layer, 'relayerctl ledger.entries -k account=' || a.code"
    " FROM payment p JOIN account a ON a.payment_id = p.id JOIN balance b ON b.account_id = a.id"
    " WHERE p.state = 'completed' AND b.amount <> 0"
    " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id, a.class" FINDINGS;

/* The escrow row is what the payment promised and what the final logs say. */
static const char ESCROW_AS_PROMISED[] =
    "SELECT 'escrow 0x' || encode(x.id, 'hex'),"
    " 'amount ' || p.custody_centavos * 10000 || ', end ' || coalesce(x.custody_end, 0)"
    "  || ', terms ' || encode(p.terms_hash, 'hex'),"
    " 'amount ' || x.amount_units || ', end ' || coalesce(p.custody_end, 0)"
    "  || ', terms ' || encode(x.terms_hash, 'hex'), " LOOK_PAYMENT(
        "p.id") " FROM escrow x JOIN payment p ON p.id = x.payment_id"
                " WHERE (x.amount_units <> p.custody_centavos * 10000 OR x.terms_hash <> "
                "p.terms_hash"
                "  OR (p.custody_end IS NOT NULL AND p.custody_end IS DISTINCT FROM x.custody_end))"
                " AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY x.id" FINDINGS;

static const char ESCROW_AS_LOGGED[] =
    "SELECT 'escrow 0x' || encode(x.id, 'hex'),"
    " 'state ' || " END_STATE(
        "v.event") " || ' by its last log', 'state ' || "
                   "x.state, " LOOK_PAYMENT(
                       "x.payment_id") " FROM escrow x LEFT JOIN LATERAL "
                                       "(SELECT o.event FROM evidence o "
                                       "WHERE o.escrow_id = x.id"
                                       "  AND o.superseded_at IS NULL AND "
                                       "o.final_at IS NOT NULL"
                                       "  ORDER BY o.block_number DESC, "
                                       "o.log_index DESC LIMIT 1) v ON true"
                                       " WHERE x.state <> " END_STATE(
                                           "v."
                                           "event") " AND " AUDIT_PAYMENT_SCOPE("x.payment_"
                                                                                "id") " ORD"
                                                                                      "ER "
                                                                                      "BY "
                                                                                      "x."
                                                                                      "i"
                                                                                      "d" FINDINGS;

/* The ledger's own rules, believing no trigger. */
static const char LEDGER_RULES[] =
    "SELECT 'ledger ' || left(c.rule || ' ' || c.subject, 85), 'the rule holds',"
    " left(c.detail, 150), 'history was changed behind the daemon: stop it and look'"
    " FROM relayer.ledger_check() c WHERE $1::uuid IS NULL AND $2::bytea IS NULL" FINDINGS;

/* Each returns (where, expected, found, hint) for what is not as it must be. */
static const char *const CHECKS[] = {
    SETTLED_ONCE,
    SETTLED_WHERE,
    SETTLED_WITH_PROOF,
    CONFIRMED_WITH_LOG,
    REDEEMED_AT_JUNO,
    WITHDRAWN_AT_JUNO,
    CREDITED_AT_JUNO,
    DEPOSITED,
    ISSUED,
    PAID_BY_REDEMPTION,
    COMPLETED_IN_FULL,
    COMPLETED_EMPTY,
    ESCROW_AS_PROMISED,
    ESCROW_AS_LOGGED,
    LEDGER_RULES,
    LEGS_AS_PROMISED,
    SPLIT_AS_DECIDED,
    PAID_BY_ITS_PAYER,
    REDEEMED_TO_BENEFICIARY,
};
enum { CHECKS_N = sizeof CHECKS / sizeof CHECKS[0] };

void audit_scope_bind(struct db_stmt *s, const struct audit_scope *scope)
{
    if (scope->payment != NULL)
        db_uuid(s, scope->payment);
    else
        db_null(s);
    if (scope->tx_hash != NULL)
        db_bytes(s, scope->tx_hash, 32);
    else
        db_null(s);
}

struct db_script *audit_books(const struct audit_scope *scope)
{
    struct db_script *script = db_script_new();
    audit_scope_bind(db_add(script, ABOUT, 1), scope);
    for (size_t i = 0; i < CHECKS_N; i++)
        audit_scope_bind(db_add(script, CHECKS[i], DB_ANY), scope);
    return script;
}

void audit_parse_books(struct db_result *res, struct audit_books *out)
{
    memset(out, 0, sizeof *out);
    out->payment_known = db_get_bool(res, 0, 0, 0);
    const char *state = db_get(res, 0, 0, 1);
    snprintf(out->tx_state, sizeof out->tx_state, "%s", state != NULL ? state : "");
    out->tx_known = state != NULL || db_get_bool(res, 0, 0, 2);
    out->tx_final = db_get_bool(res, 0, 0, 3);
    out->block_known = db_get_bytes(res, 0, 0, 5, out->block_hash, sizeof out->block_hash);
    out->block_number = (uint64_t)db_get_i64_or(res, 0, 0, 4, 0);
    out->facts = (size_t)db_get_i64(res, 0, 0, 6);
    out->accounts = (size_t)db_get_i64(res, 0, 0, 7);
    out->juno = (size_t)db_get_i64(res, 0, 0, 8);
    out->findings_first = 1;
    out->findings_end = 1 + CHECKS_N;
}
