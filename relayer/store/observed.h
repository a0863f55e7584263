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

/* A COMPLETE deposit, matched (payment given, which is woken) or unassigned with a reason. */
void observed_add_deposit(struct db_script *script, const struct report_deposit *report,
                          const struct uuid *payment, const char *reason);

/* A deposit that is no payment but a payout of ours coming back: the redemption it names, by Juno's id or by
 * its tracking key, is RETURNED and its payment is woken. */
void observed_add_refund(struct db_script *script, const struct report_deposit *report,
                         const char *refund_of, const char *tracking_key);

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
 * (issuance id, fid, deposit payment or NULL, centavos, deposit uuid). By fid where Juno tells it, else the
 * oldest deposit of exactly that amount: equal deposits are interchangeable, so this is exact. */
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
struct db_script *observed_stranger_clabes(const char *const *clabes, size_t n, bool set_aside);

/* Which of these ids are not stored here yet (deposits), or not stored as COMPLETE (transactions). */
struct db_script *observed_new_deposits(const char *const *fids, size_t n);
struct db_script *observed_open_txns(const char *const *ids, size_t n);

/* Alarms: one open row per code and subject, counted when it repeats. */
void observed_alarm(struct db_script *script, const char *code, const char *subject,
                    const char *detail);
void observed_alarm_clear(struct db_script *script, const char *code, const char *subject);

/* Reserves count values of a counter that must never step back; returns the last reserved value. */
struct db_script *observed_counter(const char *name, int64_t at_least, int64_t count);

#endif
