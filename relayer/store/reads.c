/* Reads about payments and people. Times leave as UNIX milliseconds, amounts as integers. */
#include "relayer/store/reads.h"

#define MS(column) "(extract(epoch FROM " column ") * 1000)::bigint"
#define READ(name, columns, text)                                                                  \
    const struct read name = {.sql = (text), .field = (columns), .fields_n = COUNT(columns)}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct db_stmt *read_add(struct db_script *script, const struct read *read)
{
    return db_add(script, read->sql, DB_ANY);
}

/* Money moves in the transaction that writes its event, so the newest event names the ledger's state. */
static const struct read_field AS_OF[] = {
    {"block", READ_NUMBER}, {"block_hash", READ_HEX}, {"ledger_seq", READ_NUMBER}};
READ(
    READ_AS_OF, AS_OF,
    "SELECT h.number, h.hash, coalesce(s.seq, 0) FROM (SELECT max(seq) AS seq FROM payment_event) s"
    " LEFT JOIN head h ON h.level = 'policy'");

static const struct read_field PAYMENT[] = {{"payment_id", READ_TEXT},
                                            {"state", READ_TEXT},
                                            {"outcome", READ_TEXT},
                                            {"reason", READ_TEXT},
                                            {"amount", READ_CENTAVOS},
                                            {"immediate", READ_CENTAVOS},
                                            {"custody", READ_CENTAVOS},
                                            {"commission", READ_CENTAVOS},
                                            {"seller_net", READ_CENTAVOS},
                                            {"payer", READ_TEXT},
                                            {"clabe", READ_TEXT},
                                            {"seller", READ_TEXT},
                                            {"buyer", READ_TEXT},
                                            {"description", READ_TEXT},
                                            {"custody_seconds", READ_NUMBER},
                                            {"custody_ends_at", READ_SECONDS},
                                            {"accumulate_commissions", READ_BOOL},
                                            {"parked_from", READ_TEXT},
                                            {"terms_hash", READ_HEX},
                                            {"escrow_id", READ_HEX},
                                            {"expires_at", READ_TIME},
                                            {"created_at", READ_TIME},
                                            {"updated_at", READ_TIME},
                                            {"version", READ_NUMBER}};
#define PAYMENT_SELECT                                                                             \
    "SELECT p.id, p.state, p.outcome, p.reason, p.amount_centavos, p.immediate_centavos,"          \
    " p.custody_centavos, p.commission_centavos,"                                                  \
    " p.custody_centavos - p.commission_centavos, p.payer_ref, p.clabe, p.seller_id, p.buyer_id,"  \
    " p.description, p.custody_seconds, p.custody_end, p.accumulate, p.parked_from, p.terms_hash," \
    " (SELECT x.id FROM escrow x WHERE x.payment_id = p.id), " MS("p.expires_at") ", " MS(         \
        "p.created_at") ", " MS("p.updated_at") ", p.version FROM payment p "
READ(READ_PAYMENT, PAYMENT, PAYMENT_SELECT "WHERE p.id = $1");
READ(READ_PAYMENTS, PAYMENT,
     PAYMENT_SELECT "WHERE ($1::text IS NULL OR p.state = $1::text)"
                    " AND ($2::uuid IS NULL OR p.id > $2::uuid) ORDER BY p.id LIMIT $3::bigint");

static const struct read_field LEG[] = {
    {"leg", READ_NUMBER},       {"role", READ_TEXT},         {"beneficiary_id", READ_TEXT},
    {"beneficiary", READ_TEXT}, {"amount", READ_CENTAVOS},   {"state", READ_TEXT},
    {"juno_id", READ_TEXT},     {"tracking_key", READ_TEXT}, {"cep_url", READ_TEXT}};
READ(READ_LEGS, LEG,
     "SELECT l.n, l.role, l.beneficiary_id, b.name, l.amount_centavos, l.state, l.juno_id,"
     " l.tracking_key, l.cep_url FROM leg l JOIN beneficiary b ON b.id = l.beneficiary_id"
     " WHERE l.payment_id = $1 ORDER BY l.n");

static const struct read_field DEPOSIT[] = {
    {"fid", READ_TEXT},         {"clabe", READ_TEXT},       {"amount", READ_CENTAVOS},
    {"state", READ_TEXT},       {"reason", READ_TEXT},      {"payment_id", READ_TEXT},
    {"issuance_id", READ_TEXT}, {"reported_at", READ_TIME}, {"seen_at", READ_TIME}};
#define DEPOSIT_SELECT                                                                             \
    "SELECT d.fid, d.clabe, d.amount_centavos, d.state, d.reason, d.payment_id, "                  \
    "d.issuance_id, " MS("d.reported_at") ", " MS("d.seen_at") " FROM deposit d "
READ(READ_PAYMENT_DEPOSIT, DEPOSIT, DEPOSIT_SELECT "WHERE d.payment_id = $1");
READ(READ_DEPOSIT, DEPOSIT, DEPOSIT_SELECT "WHERE d.fid = $1");
READ(READ_DEPOSITS, DEPOSIT,
     DEPOSIT_SELECT "WHERE ($1::text IS NULL OR d.state = $1::text)"
                    " AND ($2::text IS NULL OR d.fid > $2::text) ORDER BY d.fid LIMIT $3::bigint");

/* The block and finality of an event's transaction come from its logs, which a reorg supersedes. */
static const struct read_field TIMELINE[] = {
    {"seq", READ_NUMBER},   {"at", READ_TIME},      {"type", READ_TEXT},    {"detail", READ_TEXT},
    {"actor", READ_TEXT},   {"amount", READ_UNITS}, {"juno_id", READ_TEXT}, {"tx_hash", READ_HEX},
    {"block", READ_NUMBER}, {"final", READ_BOOL},   {"logs", READ_NUMBER}};
READ(READ_TIMELINE, TIMELINE,
     "SELECT e.seq, " MS(
         "e.at") ", e.type, e.detail, e.actor, e.amount_units, e.juno_id, e.tx_hash,"
                 " v.block_number, v.final, v.logs FROM payment_event e"
                 " LEFT JOIN LATERAL (SELECT max(block_number) AS block_number,"
                 "   bool_and(final_at IS NOT NULL) AS final, count(*) AS logs FROM evidence v"
                 "   WHERE v.tx_hash = e.tx_hash AND v.superseded_at IS NULL) v ON e.tx_hash IS "
                 "NOT NULL"
                 " WHERE e.payment_id = $1 ORDER BY e.seq LIMIT 1000");

static const struct read_field EVENT[] = {
    {"seq", READ_NUMBER},      {"at", READ_TIME},      {"type", READ_TEXT},
    {"payment_id", READ_TEXT}, {"detail", READ_TEXT},  {"actor", READ_TEXT},
    {"amount", READ_UNITS},    {"juno_id", READ_TEXT}, {"tx_hash", READ_HEX}};
#define EVENT_SELECT                                                                               \
    "SELECT e.seq, " MS("e.at") ", e.type, e.payment_id, e.detail, e.actor, e.amount_units,"       \
                                " e.juno_id, e.tx_hash FROM payment_event e "
#define SETTLED "e.xid < pg_snapshot_xmin(pg_current_snapshot())"
READ(READ_EVENTS, EVENT,
     EVENT_SELECT "WHERE " SETTLED
                  " AND (e.xid, e.seq) > (coalesce((SELECT k.xid FROM payment_event k"
                  " WHERE k.seq = $1::bigint), '0'::xid8), $1::bigint)"
                  " ORDER BY e.xid, e.seq LIMIT $2::bigint");
READ(READ_EVENT_LAST, EVENT,
     EVENT_SELECT "WHERE " SETTLED " ORDER BY e.xid DESC, e.seq DESC LIMIT 1");
static const struct read_field EVENT_KNOWN[] = {{"seq", READ_NUMBER}};
READ(READ_EVENT_KNOWN, EVENT_KNOWN, "SELECT seq FROM payment_event WHERE seq = $1");

/* A CLABE is personal data: a list shows its ends only, asking for one row shows it. */
static const struct read_field BENEFICIARY[] = {
    {"beneficiary_id", READ_TEXT},  {"name", READ_TEXT},       {"clabe", READ_TEXT},
    {"ownership", READ_TEXT},       {"state", READ_TEXT},      {"reason", READ_TEXT},
    {"juno_account_id", READ_TEXT}, {"created_at", READ_TIME}, {"updated_at", READ_TIME},
    {"registrations", READ_NUMBER}};
#define BENEFICIARY_SELECT                                                                         \
    "SELECT b.id, b.name, left(b.clabe, 3) || '***' || right(b.clabe, 4), b.ownership, b.state,"   \
    " b.reason, b.juno_account_id, " MS("b.created_at") ", " MS(                                   \
        "b.updated_at") ","                                                                        \
                        " (SELECT count(*) FROM effect e WHERE e.subject_id = b.id AND e.kind = "  \
                        "'bank_register')"                                                         \
                        " FROM beneficiary b "
READ(READ_BENEFICIARY, BENEFICIARY, BENEFICIARY_SELECT "WHERE b.id = $1");
READ(READ_BENEFICIARIES, BENEFICIARY,
     BENEFICIARY_SELECT
     "WHERE ($1::text IS NULL OR b.state = $1::text)"
     " AND ($2::uuid IS NULL OR b.id > $2::uuid) ORDER BY b.id LIMIT $3::bigint");

static const struct read_field CLABE[] = {{"clabe_id", READ_TEXT},
                                          {"user_ref", READ_TEXT},
                                          {"state", READ_TEXT},
                                          {"clabe", READ_TEXT},
                                          {"created_at", READ_TIME}};
#define CLABE_SELECT                                                                               \
    "SELECT c.id, c.user_ref, c.state, c.clabe, " MS("c.created_at") " FROM clabe c "
READ(READ_CLABE_OF, CLABE, CLABE_SELECT "WHERE c.user_ref = $1");
READ(READ_CLABES, CLABE,
     CLABE_SELECT "WHERE ($1::text IS NULL OR c.user_ref = $1::text)"
                  " AND ($2::uuid IS NULL OR c.id > $2::uuid) ORDER BY c.id LIMIT $3::bigint");

static const struct read_field ESCROW[] = {
    {"escrow_id", READ_HEX},     {"payment_id", READ_TEXT},       {"state", READ_TEXT},
    {"amount", READ_UNITS},      {"terms_hash", READ_HEX},        {"starts_at", READ_SECONDS},
    {"ends_at", READ_SECONDS},   {"starts_at_unix", READ_NUMBER}, {"ends_at_unix", READ_NUMBER},
    {"rounds", READ_NUMBER},     {"created_tx", READ_HEX},        {"ended_tx", READ_HEX},
    {"payment_state", READ_TEXT}};
#define ESCROW_SELECT                                                                              \
    "SELECT x.id, x.payment_id, x.state, x.amount_units, x.terms_hash, x.starts_at, "              \
    "x.custody_end,"                                                                               \
    " x.starts_at, x.custody_end, x.rounds, x.created_tx, x.ended_tx, p.state"                     \
    " FROM escrow x JOIN payment p ON p.id = x.payment_id "
READ(READ_ESCROW, ESCROW,
     ESCROW_SELECT "WHERE ($1::bytea IS NULL OR x.id = $1::bytea)"
                   " AND ($2::uuid IS NULL OR x.payment_id = $2::uuid) LIMIT 1");
READ(READ_ESCROWS, ESCROW,
     ESCROW_SELECT "WHERE ($1::text IS NULL OR x.state = $1::text)"
                   " AND ($2::uuid IS NULL OR x.payment_id > $2::uuid)"
                   " ORDER BY x.payment_id LIMIT $3::bigint");

static const struct read_field DISPUTE[] = {
    {"dispute_id", READ_TEXT}, {"payment_id", READ_TEXT},  {"escrow_id", READ_HEX},
    {"state", READ_TEXT},      {"party", READ_TEXT},       {"raised_by", READ_TEXT},
    {"reason", READ_TEXT},     {"details", READ_TEXT},     {"evidence_url", READ_TEXT},
    {"reason_hash", READ_HEX}, {"resolution", READ_TEXT},  {"buyer_amount", READ_CENTAVOS},
    {"notes", READ_TEXT},      {"resolved_by", READ_TEXT}, {"raised_tx", READ_HEX},
    {"resolved_tx", READ_HEX}, {"created_at", READ_TIME},  {"updated_at", READ_TIME}};
READ(READ_DISPUTES, DISPUTE,
     "SELECT d.id, d.payment_id, d.escrow_id, d.state,"
     " CASE d.party WHEN 1 THEN 'buyer' WHEN 2 THEN 'seller' ELSE 'platform' END, d.raised_by,"
     " d.reason, d.details, d.evidence_url, d.reason_hash, d.resolution, d.buyer_centavos,"
     " d.admin_notes, d.resolved_by, d.raised_tx, d.resolved_tx, " MS("d.created_at") ", " MS(
         "d.updated_at") " FROM dispute d WHERE ($1::text IS NULL OR d.state = $1::text)"
                         " AND ($2::uuid IS NULL OR d.payment_id = $2::uuid) AND ($3::uuid IS NULL "
                         "OR d.id > $3::uuid)"
                         " ORDER BY d.id LIMIT $4::bigint");
