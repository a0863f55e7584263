/* Reads about payouts, transactions, webhooks, the ledger and the whole system. */
#include "relayer/store/reads.h"

#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"
#define READ(name, columns, text)                                                                  \
    const struct read name = {.sql = (text), .field = (columns), .fields_n = COUNT(columns)}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct read_field PAYOUT[] = {
    {"payment_id", READ_TEXT},     {"leg", READ_NUMBER},         {"role", READ_TEXT},
    {"beneficiary_id", READ_TEXT}, {"beneficiary", READ_TEXT},   {"amount", READ_CENTAVOS},
    {"state", READ_TEXT},          {"payment_state", READ_TEXT}, {"juno_id", READ_TEXT},
    {"tracking_key", READ_TEXT},   {"cep_url", READ_TEXT},       {"effect_id", READ_TEXT},
    {"effect_state", READ_TEXT},   {"attempts", READ_NUMBER},    {"last_error", READ_TEXT}};
#define PAYOUT_SELECT                                                                              \
    "SELECT l.payment_id, l.n, l.role, l.beneficiary_id, b.name, l.amount_centavos, l.state,"      \
    " p.state, coalesce(l.juno_id, e.external_id), l.tracking_key, l.cep_url, e.id, e.state,"      \
    " e.attempts, e.last_error FROM leg l JOIN payment p ON p.id = l.payment_id"                   \
    " JOIN beneficiary b ON b.id = l.beneficiary_id LEFT JOIN effect e ON e.id = l.effect_id "
READ(READ_PAYOUT, PAYOUT, PAYOUT_SELECT "WHERE l.payment_id = $1 AND l.n = $2::bigint");
READ(READ_PAYOUTS, PAYOUT,
     PAYOUT_SELECT "WHERE ($1::uuid IS NULL OR l.payment_id = $1::uuid)"
                   " AND ($2::text IS NULL OR l.state = $2::text)"
                   " AND ($3::uuid IS NULL OR l.payment_id > $3::uuid)"
                   " ORDER BY l.payment_id, l.n LIMIT $4::bigint");

static const struct read_field ATTEMPT[] = {{"effect_id", READ_TEXT},
                                            {"attempt", READ_NUMBER},
                                            {"sent_at", READ_TIME},
                                            {"outcome", READ_TEXT},
                                            {"detail", READ_TEXT}};
READ(READ_ATTEMPTS, ATTEMPT,
     "SELECT a.effect_id, a.n, " MS(
         "a.sent_at") ", coalesce(w.outcome, 'no answer'), w.detail"
                      " FROM effect e JOIN attempt a ON a.effect_id = e.id"
                      " LEFT JOIN attempt_answer w ON w.effect_id = a.effect_id AND w.n = a.n"
                      " WHERE e.payment_id = $1 AND e.leg_n = $2::bigint ORDER BY a.sent_at, a.n "
                      "LIMIT 200");

static const struct read_field TX[] = {
    {"tx_hash", READ_HEX},      {"state", READ_TEXT},      {"kind", READ_TEXT},
    {"lane", READ_TEXT},        {"account", READ_HEX},     {"nonce", READ_NUMBER},
    {"to", READ_HEX},           {"effects", READ_NUMBER},  {"sends", READ_NUMBER},
    {"block", READ_NUMBER},     {"block_hash", READ_HEX},  {"succeeded", READ_BOOL},
    {"gas_limit", READ_NUMBER}, {"gas_used", READ_NUMBER}, {"max_fee_wei", READ_TEXT},
    {"fee_wei", READ_TEXT},     {"last_error", READ_TEXT}, {"created_at", READ_TIME},
    {"updated_at", READ_TIME},  {"raw", READ_HEX}};
#define TX_SELECT                                                                                  \
    "SELECT t.hash, t.state, t.kind, t.lane, t.account, t.nonce, t.destination, t.effects, "       \
    "t.sends,"                                                                                     \
    " t.block_number, t.block_hash, t.status = 1, t.gas_limit, t.gas_used, t.max_fee_wei, "        \
    "t.fee_wei,"                                                                                   \
    " t.last_error, " MS("t.created_at") ", " MS("t.updated_at")
READ(READ_TX, TX, TX_SELECT ", t.raw FROM tx t WHERE t.hash = $1");
READ(READ_TXS, TX,
     TX_SELECT ", NULL::bytea FROM tx t WHERE ($1::text IS NULL OR t.state = $1::text)"
               " ORDER BY t.created_at DESC, t.hash LIMIT $2::bigint");

static const struct read_field TX_EFFECT[] = {{"effect_id", READ_TEXT}, {"payment_id", READ_TEXT},
                                              {"kind", READ_TEXT},      {"state", READ_TEXT},
                                              {"amount", READ_UNITS},   {"escrow_id", READ_HEX},
                                              {"juno_id", READ_TEXT}};
READ(READ_TX_EFFECTS, TX_EFFECT,
     "SELECT e.id, e.payment_id, e.kind, e.state, e.amount_units, e.escrow_id, e.external_id"
     " FROM effect e WHERE e.tx_hash = $1 ORDER BY e.created_at, e.id LIMIT 500");

static const struct read_field TX_LOG[] = {{"log_index", READ_NUMBER}, {"event", READ_TEXT},
                                           {"block", READ_NUMBER},     {"block_hash", READ_HEX},
                                           {"address", READ_HEX},      {"escrow_id", READ_HEX},
                                           {"from", READ_HEX},         {"to", READ_HEX},
                                           {"amount", READ_UNITS},     {"level", READ_TEXT},
                                           {"final_at", READ_TIME}};
/* How far the chain itself has got with a block: what counts for us is final_at. */
#define LEVEL                                                                                      \
    "coalesce((SELECT h.level FROM head h WHERE h.level IN ('latest', 'safe', 'finalized')"        \
    " AND h.number >= v.block_number"                                                              \
    " ORDER BY h.level = 'finalized' DESC, h.level = 'safe' DESC LIMIT 1), 'latest')"
READ(READ_TX_LOGS, TX_LOG,
     "SELECT v.log_index, v.event, v.block_number, v.block_hash, v.address, v.escrow_id,"
     " v.from_address, v.to_address, v.amount_units, " LEVEL ", " MS(
         "v.final_at") " FROM evidence v WHERE v.tx_hash = $1 AND v.superseded_at IS NULL"
                       " ORDER BY v.log_index LIMIT 500");

static const struct read_field WEBHOOK[] = {{"id", READ_NUMBER},        {"source", READ_TEXT},
                                            {"times", READ_NUMBER},     {"bytes", READ_NUMBER},
                                            {"received_at", READ_TIME}, {"body_hash", READ_HEX},
                                            {"headers", READ_TEXT},     {"body", READ_HEX}};
READ(
    READ_WEBHOOKS, WEBHOOK,
    "SELECT i.id, i.source, i.times, length(i.body), " MS(
        "i.received_at") ", i.body_hash, i.headers,"
                         " NULL::bytea FROM inbox i WHERE ($1::bigint IS NULL OR i.id < $1::bigint)"
                         " ORDER BY i.id DESC LIMIT $2::bigint");
READ(READ_WEBHOOK, WEBHOOK,
     "SELECT i.id, i.source, i.times, length(i.body), " MS(
         "i.received_at") ", i.body_hash, i.headers,"
                          " i.body FROM inbox i WHERE i.id = $1");

static const struct read_field ACCOUNT[] = {
    {"account", READ_TEXT},    {"class", READ_TEXT},          {"asset", READ_TEXT},
    {"payment_id", READ_TEXT}, {"beneficiary_id", READ_TEXT}, {"posted", READ_MINOR},
    {"pending", READ_MINOR},   {"entries", READ_NUMBER}};
READ(READ_ACCOUNTS, ACCOUNT,
     "SELECT a.code, a.class, a.asset, a.payment_id, a.beneficiary_id, p.amount, q.amount,"
     " p.version + q.version FROM account a"
     " JOIN balance p ON p.account_id = a.id AND p.layer = 'posted'"
     " JOIN balance q ON q.account_id = a.id AND q.layer = 'pending'"
     " WHERE ($1::uuid IS NULL OR a.payment_id = $1::uuid)"
     " AND ($2::text IS NULL OR a.class = $2::text) AND ($3::text IS NULL OR a.code > $3::text)"
     " ORDER BY a.code LIMIT $4::bigint");

static const struct read_field ENTRY[] = {
    {"txn_id", READ_TEXT},    {"kind", READ_TEXT},           {"n", READ_NUMBER},
    {"account", READ_TEXT},   {"asset", READ_TEXT},          {"layer", READ_TEXT},
    {"amount", READ_MINOR},   {"balance_after", READ_MINOR}, {"payment_id", READ_TEXT},
    {"effect_id", READ_TEXT}, {"resolves", READ_TEXT},       {"at", READ_TIME}};
READ(READ_ENTRIES, ENTRY,
     "SELECT t.id, t.kind, e.n, a.code, a.asset, e.layer, e.amount, e.balance_after, t.payment_id,"
     " t.effect_id, t.resolves, " MS(
         "t.recorded_at") " FROM entry e JOIN txn t ON t.id = e.txn_id JOIN account a ON a.id = "
                          "e.account_id"
                          " WHERE ($1::uuid IS NULL OR t.payment_id = $1::uuid)"
                          " AND ($2::text IS NULL OR a.code = $2::text)"
                          " AND ($3::uuid IS NULL OR (t.xid, t.id) >"
                          "      (SELECT k.xid, k.id FROM txn k WHERE k.id = $3::uuid))"
                          " ORDER BY t.xid, t.id, e.n LIMIT $4::bigint");

static const struct read_field TRIAL[] = {{"class", READ_TEXT},  {"asset", READ_TEXT},
                                          {"layer", READ_TEXT},  {"accounts_open", READ_NUMBER},
                                          {"debit", READ_MINOR}, {"credit", READ_MINOR},
                                          {"amount", READ_MINOR}};
READ(READ_TRIAL_BALANCE, TRIAL,
     "SELECT class, asset, layer, accounts_open, debit, credit, amount FROM trial_balance"
     " ORDER BY asset, layer DESC, class");
static const struct read_field SUM[] = {
    {"asset", READ_TEXT}, {"layer", READ_TEXT}, {"sum", READ_MINOR}};
READ(READ_SUMS, SUM,
     "SELECT asset, layer, sum(amount) FROM trial_balance GROUP BY asset, layer ORDER BY asset, "
     "layer");

static const struct read_field BALANCED[] = {{"balanced", READ_BOOL}};
READ(READ_BALANCED, BALANCED,
     "SELECT coalesce(bool_and(s.total = 0), true) FROM"
     " (SELECT sum(amount) AS total FROM trial_balance GROUP BY asset, layer) s");

static const struct read_field COUNTS[] = {
    {"payments_open", READ_NUMBER},  {"payments_parked", READ_NUMBER},
    {"effects_open", READ_NUMBER},   {"effects_unknown", READ_NUMBER},
    {"effects_parked", READ_NUMBER}, {"deposits_unassigned", READ_NUMBER},
    {"txs_open", READ_NUMBER},       {"alarms_open", READ_NUMBER}};
READ(READ_COUNTS, COUNTS,
     "SELECT (SELECT count(*) FROM payment WHERE state NOT IN ('completed', 'expired', "
     "'cancelled')),"
     " (SELECT count(*) FROM payment WHERE state = 'parked'"
     "   AND state NOT IN ('completed', 'expired', 'cancelled')),"
     " (SELECT count(*) FROM effect WHERE state IN ('planned', 'armed', 'sent', 'unknown')),"
     " (SELECT count(*) FROM effect WHERE state = 'unknown'),"
     " (SELECT count(*) FROM effect WHERE state = 'parked'),"
     " (SELECT count(*) FROM deposit WHERE state = 'unassigned'),"
     " (SELECT count(*) FROM tx WHERE state IN ('armed', 'sent', 'mined')),"
     " (SELECT count(*) FROM alarm WHERE cleared_at IS NULL)");
static const struct read_field STATES[] = {{"state", READ_TEXT}, {"payments", READ_NUMBER}};
READ(READ_STATES, STATES,
     "SELECT state, count(*) FROM payment WHERE state NOT IN ('completed', 'expired', 'cancelled')"
     " GROUP BY state ORDER BY state");
static const struct read_field ALARM[] = {{"code", READ_TEXT},     {"subject", READ_TEXT},
                                          {"detail", READ_TEXT},   {"times", READ_NUMBER},
                                          {"first_at", READ_TIME}, {"last_at", READ_TIME},
                                          {"runbook", READ_TEXT}};
READ(READ_ALARMS, ALARM,
     "SELECT code, subject, detail, times, " MS("first_at") ", " MS(
         "last_at") ", 'docs/runbooks/' || code || '.md'"
                    " FROM alarm WHERE cleared_at IS NULL ORDER BY last_at DESC LIMIT 100");
static const struct read_field LANE[] = {{"lane", READ_TEXT},
                                         {"planned", READ_NUMBER},
                                         {"drafts", READ_NUMBER},
                                         {"open", READ_NUMBER},
                                         {"not_final", READ_NUMBER}};
READ(READ_LANES, LANE,
     "SELECT n.lane,"
     " (SELECT count(*) FROM effect e WHERE e.door = 'chain' AND e.lane = n.lane"
     "   AND e.state = 'planned'),"
     " (SELECT count(*) FROM draft d WHERE split_part(d.lease, ':', 2) = n.lane"
     "   AND cardinality(d.effect_ids) > 0),"
     " (SELECT count(*) FROM tx t WHERE t.lane = n.lane AND t.state IN ('armed', 'sent')),"
     " (SELECT count(*) FROM tx t WHERE t.lane = n.lane AND t.state = 'mined')"
     " FROM (VALUES (1, 'relayer'), (2, 'arbiter')) n (at, lane) ORDER BY n.at");
