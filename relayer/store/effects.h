/*
 * Effects towards Juno: claiming, recording each attempt before it is made and each answer after.
 * Tables: effect, attempt, attempt_answer, juno_txn.
 *
 * The order is always the same: effects_sending is committed, the request leaves, effects_* records what
 * came of it. A claim is a lease: a daemon that dies leaves a row that another takes up when it ends.
 */
#ifndef KUSTODIA_STORE_EFFECTS_H
#define KUSTODIA_STORE_EFFECTS_H

#include "relayer/flows/flow.h"
#include "relayer/store/db.h"

enum effect_state {
    EFFECT_STATE_PLANNED = 1,
    EFFECT_STATE_ARMED = 2,
    EFFECT_STATE_SENT = 3,
    EFFECT_STATE_UNKNOWN = 4,
    EFFECT_STATE_CONFIRMED = 5,
    EFFECT_STATE_REJECTED = 6,
    EFFECT_STATE_PARKED = 7,
};

struct effect_row {
    struct uuid id;
    enum effect_kind kind;
    enum effect_state state;
    struct uuid idem_key;
    bool has_payment;
    struct uuid payment_id;
    bool has_subject;
    struct uuid subject_id;
    int64_t amount_units;
    char destination[96];
    bool has_escrow;
    uint8_t escrow_id[32];
    int64_t custody_seconds;
    int64_t custody_end_s; /* set when first armed, never changed */
    int64_t buyer_units;
    uint8_t party;
    uint8_t note_hash[32];
    char external_id[96]; /* Juno's id; "" = not known */
    int attempts;
    int failures;
    int64_t first_sent_ms; /* 0 = never sent */
    bool tx_known;
    uint8_t tx_hash[32];
    char subject_name[128]; /* bank_register: account holder */
    char subject_clabe[20]; /* bank_register: account */
    char subject_ownership[16];
};

enum { EFFECTS_CLAIM_MAX = 32 };

/* Claims Juno effects that are due, for lease_s seconds. Rows come back through effects_parse. */
void effects_claim_juno(struct db_script *script, int limit, int lease_s, const char *owner);
/* Makes every claim on a Juno effect void; they are due again in wait_ms at the earliest. Only for the
 * holder of the Juno key (engine/juno_key.h) with nothing of its own under way, in one script with the
 * check of its key. */
void effects_unclaim(struct db_script *script, int64_t wait_ms);
size_t effects_parse(struct db_result *result, int stmt, struct effect_row *rows, size_t max);
/* The column list effects_parse reads, for other files of this room; alias e must be effect. */
#define EFFECT_COLUMNS                                                                             \
    "e.id, e.kind, e.state, e.idem_key, e.payment_id, e.subject_id, e.amount_units, "              \
    "e.destination,"                                                                               \
    " e.escrow_id, coalesce(e.custody_seconds, 0), coalesce(e.custody_end, 0),"                    \
    " coalesce(e.buyer_units, 0), coalesce(e.party, 0), e.note_hash, e.external_id, e.attempts,"   \
    " e.failures, coalesce((extract(epoch FROM e.first_sent_at) * 1000)::bigint, 0), e.tx_hash,"   \
    " (SELECT b.name FROM beneficiary b WHERE b.id = e.subject_id),"                               \
    " (SELECT b.clabe FROM beneficiary b WHERE b.id = e.subject_id),"                              \
    " (SELECT b.ownership FROM beneficiary b WHERE b.id = e.subject_id)"

/* Attempt n+1 is about to be made; request_hash is fixed by the first. */
void effects_sending(struct db_script *script, const struct effect_row *row,
                     const uint8_t request_hash[32]);
/* Juno took it: its id is known, look at it again after wait_ms. */
void effects_accepted(struct db_script *script, const struct effect_row *row,
                      const char *external_id, int64_t wait_ms);
/* No answer that tells: ask again after wait_ms, with the same key. */
void effects_unknown(struct db_script *script, const struct effect_row *row, const char *why,
                     int64_t wait_ms);
/* It certainly did not leave: try again after wait_ms. */
void effects_not_sent(struct db_script *script, const struct effect_row *row, const char *why,
                      int64_t wait_ms);
/* The same without an attempt: a question before it said "not yet". */
void effects_again(struct db_script *script, const struct effect_row *row, const char *why,
                   int64_t wait_ms);
/* Nothing new: look again after wait_ms. */
void effects_wait(struct db_script *script, const struct effect_row *row, int64_t wait_ms);
/* The ends. All wake the payment. */
void effects_confirm(struct db_script *script, const struct effect_row *row);
void effects_reject(struct db_script *script, const struct effect_row *row, const char *why);
void effects_park(struct db_script *script, const struct effect_row *row, const char *why);
/* Juno's withdrawal is under way in this transaction; the chain's log will confirm it. */
void effects_set_tx(struct db_script *script, const struct effect_row *row,
                    const uint8_t tx_hash[32], int64_t wait_ms);

/* A maintenance effect without a payment (bank_register, clabe_create, token_approve), unless one of its kind
 * and subject is open already. */
void effects_insert(struct db_script *script, const struct effect_plan *plan,
                    const struct uuid *subject, const char *destination);

#endif
