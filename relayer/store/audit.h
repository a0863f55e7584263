/*
 * Reads for verification (relayer/engine/verify.h): what our books claim, page by page, and the checks that
 * one book makes on another inside the database. Nothing here writes.
 *
 * Only what is final by policy is judged: evidence with final_at, transactions that are final, or reverted
 * in a block that is final. Pages are bounded by the maxima below; each is one snapshot.
 */
#ifndef KUSTODIA_STORE_AUDIT_H
#define KUSTODIA_STORE_AUDIT_H

#include "relayer/flows/terms.h"
#include "relayer/store/db.h"
#include "relayer/store/evidence.h"

enum {
    AUDIT_TXS_MAX = 16,    /* transactions of one page */
    AUDIT_ROWS_MAX = 4096, /* logs, and effects, of one page */
    AUDIT_ESCROWS_MAX = 200,
    AUDIT_PROMISES_MAX = 64,
    AUDIT_FINDINGS_MAX = 200, /* rows one check returns at most */
};

/* Both NULL: everything. */
struct audit_scope {
    const struct uuid *payment;
    const uint8_t *tx_hash; /* 32 bytes */
};

/* --- the books against each other ------------------------------------------------------------- */

/* Statement 0 is about the scope; the others return rows (where, expected, found, hint). */
struct db_script *audit_books(const struct audit_scope *scope);

struct audit_books {
    bool payment_known;
    bool tx_known; /* a row of tx, or evidence, has this hash */
    bool tx_final;
    char tx_state[16]; /* "" = not ours */
    bool block_known;  /* newest block final by policy */
    uint64_t block_number;
    uint8_t block_hash[32];
    size_t facts, accounts, juno;
    int findings_first, findings_end; /* statements with findings */
};
void audit_parse_books(struct db_result *result, struct audit_books *out);

/* --- promises --------------------------------------------------------------------------------- */

/* What a payment promised, as terms_hash reads it: its legs are the commissions with their first amounts,
 * whatever a dispute made of them later. */
struct audit_promise {
    struct payment payment; /* terms_hash: as its row says */
    char payer[TERMS_PAYER_MAX];
    bool has_escrow;
    uint8_t escrow_terms[32]; /* as the escrow's row says */
};

/* Payments with an id above after (NULL = from the start), in order. */
struct db_script *audit_promises(const struct audit_scope *scope, const struct uuid *after);
size_t audit_parse_promises(struct db_result *result, struct audit_promise *out, size_t max);

/* --- transactions ----------------------------------------------------------------------------- */

struct audit_tx {
    uint8_t hash[32];
    bool ours; /* we signed it: the fields below up to gas_used are known */
    bool reverted;
    uint8_t account[20], destination[20];
    uint64_t chain_id, nonce;
    uint64_t gas_used;
    uint8_t *raw;
    size_t raw_n;
    uint64_t block_number;
    uint8_t block_hash[32];
    size_t logs_first, logs_n;       /* in the page's logs */
    size_t effects_first, effects_n; /* in the page's effects */
};

/* A confirmed effect that cites the transaction, with what its payment promised. */
struct audit_effect {
    struct uuid id;
    enum effect_kind kind;
    bool has_payment;
    struct uuid payment_id;
    int64_t amount_units, buyer_units;
    char destination[96];
    bool has_escrow;
    uint8_t escrow_id[32];
    uint8_t party;
    uint8_t note_hash[32];
    uint8_t terms_hash[32]; /* of the payment */
    int64_t custody_units;  /* the payment's custody share */
    int64_t custody_end_s;  /* the payment's; 0 = not recorded */
    bool has_log;
    uint32_t log_index; /* of its evidence */
};

struct audit_page {
    size_t txs_n, logs_n, effects_n;
    struct audit_tx tx[AUDIT_TXS_MAX];
    struct seen_log *log;
    struct audit_effect *effect;
};

/* Transactions with a hash above after (32 bytes; NULL = from the start), in order. */
struct db_script *audit_txs(const struct audit_scope *scope, const uint8_t *after);
void audit_parse_txs(struct db_result *result, struct audit_page *out); /* owns memory: */
void audit_page_clear(struct audit_page *page);

/* --- escrows ---------------------------------------------------------------------------------- */

struct audit_escrow {
    uint8_t id[32];
    struct uuid payment_id;
    int64_t amount_units;
    int64_t custody_end_s; /* 0 = not recorded */
    int rounds;
    char event[20]; /* its newest log, final or not; "" = none */
};

/* Escrows with an id above after (NULL = from the start), in order; or only that one. */
struct db_script *audit_escrows(const struct audit_scope *scope, const uint8_t *after);
struct db_script *audit_escrow_one(const uint8_t id[32]);
size_t audit_parse_escrows(struct db_result *result, struct audit_escrow *out, size_t max);

/* --- the three books -------------------------------------------------------------------------- */

struct audit_balances {
    int64_t juno_mxnb, bridge_mxnb, escrow_mxnb, unassigned_mxnb, commission_mxnb; /* posted */
    int64_t juno_mxn, unassigned_mxn;
    int64_t open_escrows; /* sum over active and disputed escrows, from the escrow rows */
};
enum audit_account { AUDIT_JUNO = 0, AUDIT_BRIDGE = 1, AUDIT_ESCROW = 2 };
enum { AUDIT_ACCOUNTS = 3, AUDIT_MOVES_MAX = 512 };

/* What is under way: reserved and not resolved, or pesos waiting for their tokens. */
struct audit_move {
    enum audit_account account;
    int64_t units; /* what it adds to the account once it happens */
};
struct db_script *audit_three_books(void);
/* Returns how many moves were read; *truncated when there are more than AUDIT_MOVES_MAX. */
size_t audit_parse_three_books(struct db_result *result, struct audit_balances *balances,
                               struct audit_move moves[AUDIT_MOVES_MAX], bool *truncated);

#endif
