/*
 * What Juno reported: deposits, transactions, CLABEs, bank accounts. Tables: deposit, juno_txn, clabe,
 * beneficiary. Each report is stored once by its own id; states only move forward.
 */
#ifndef KUSTODIA_STORE_OBSERVED_H
#define KUSTODIA_STORE_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "relayer/base/uuid.h"
#include "relayer/store/db.h"

/* Which of these fids (comma-free, up to 100) are new, and how many open payments fit each:
 * rows (fid, candidates, payment_id or NULL). */
struct report_deposit {
    const char *fid;
    const char *clabe;
    int64_t amount_centavos;
    int64_t reported_ms;
};
/* Adds one read; its row is at the read's place in the script. */
void observed_fit_deposit(struct db_script *script, const struct report_deposit *report);
struct deposit_fit_row {
    bool known;
    int candidates;
    bool has_payment;
    struct uuid payment_id; /* meaningful when candidates == 1 */
};
void observed_parse_fit(struct db_result *result, size_t place, struct deposit_fit_row *out);

/* A COMPLETE deposit, matched (payment given, which is woken) or unassigned with a reason. A payment that no
 * longer waits for its deposit is ERR_DB_CONFLICT. */
void observed_add_deposit(struct db_script *script, const struct report_deposit *report,
                          const struct uuid *payment, const char *reason);

/* A deposit that is no payment but a payout of ours coming back. "" for what Juno did not tell. */
void observed_add_refund(struct db_script *script, const struct report_deposit *report,
                         const char *refund_of, const char *tracking_key);
/* Refunds whose redemption is recorded by now, by Juno's id or else by its tracking key: of the same amount,
 * it is RETURNED and its payment is woken; of another, alarm refund_differs. Rows: fids that still wait. */
void observed_link_refunds(struct db_script *script);

struct report_txn {
    const char *id;
    const char *kind;
    const char *state;
    int64_t amount_units;
    int64_t reported_ms;
    const char *fid;        /* NULL = not told */
    const uint8_t *tx_hash; /* NULL = none */
    const char *tracking_key;
    const char *cep_url;
};
void observed_put_txn(struct db_script *script, const struct report_txn *report);

/* Complete issuances that belong to no deposit yet, each with the deposit it consumes: rows
 * (issuance id, fid, deposit payment or NULL, centavos). By fid where Juno tells it, else by exact amount:
 * the oldest deposit takes the oldest issuance that was reported at most 10 minutes before it. Equal deposits
 * are interchangeable, so this is exact. */
struct db_script *observed_match_issuances(void);
struct issuance_match {
    char issuance_id[96];
    char fid[96];
    bool has_payment;
    struct uuid payment_id;
    int64_t centavos;
};
enum { ISSUANCE_MATCH_MAX = 50 };
size_t observed_parse_matches(struct db_result *result, struct issuance_match *out, size_t max);
/* Records the match; the payment, when there is one, is woken. */
void observed_set_issuance(struct db_script *script, const struct issuance_match *match);

/* Deposit id for the ledger: derived from the fid. */
struct uuid observed_deposit_uuid(const char *fid);

void observed_bank_active(struct db_script *script, const struct uuid *beneficiary,
                          const char *juno_account_id);
void observed_bank_refused(struct db_script *script, const struct uuid *beneficiary,
                           const char *why);
void observed_clabe_enabled(struct db_script *script, const struct uuid *clabe_row,
                            const char *clabe);

/* Which of these CLABEs (enabled at Juno) no row here knows: one row each. set_aside reserves them, so that
 * they are never handed to a user. */
void observed_stranger_clabes(struct db_script *script, const char *const *clabes, size_t n,
                              bool set_aside);

/* Raises issuance_unmatched, once per id, for issuances older than an hour that belong to no deposit, at most
 * 20 at a time; clears it for those that found theirs. */
void observed_alarm_unmatched(struct db_script *script);

/* Statement 0: (name, value) of every mark "observer:..."; 1: whether a refund waits for its redemption. */
struct db_script *observed_progress(void);
/* A listing was read to its end up to this time; never moves back. */
struct db_script *observed_mark(const char *name, int64_t reported_ms);
/* Up to 20 ids of issuances and credits that were not final when last seen, the longest unasked first; they
 * count as asked. Run with db_run. */
enum { STALE_TXNS_MAX = 20 };
struct db_script *observed_stale_txns(void);

/* Which of these ids are not stored here yet (deposits); which are not stored as final (transactions), with
 * whether they are stored at all. */
struct db_script *observed_new_deposits(const char *const *fids, size_t n);
struct db_script *observed_open_txns(const char *const *ids, size_t n);

/* Alarms: one open row per code and subject, counted when it repeats. */
void observed_alarm(struct db_script *script, const char *code, const char *subject,
                    const char *detail);
void observed_alarm_clear(struct db_script *script, const char *code, const char *subject);

/* Reserves count values of a counter that must never step back; its result is the last reserved value. */
void observed_counter(struct db_script *script, const char *name, int64_t at_least, int64_t count);

/* Notes when the last whole look at Juno's deposits began (0: nothing to note), never later than the clock
 * of the database; its result is what is noted, in ms, 0 if nothing. */
void observed_deposits_known(struct db_script *script, int64_t known_ms);

#endif
