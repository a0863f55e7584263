/*
 * Payments, their legs and what is known about their effects: loading a row for a step, committing what
 * the step decided. Tables: payment, leg, escrow, dispute, payment_event (migrations/0002_custody.sql).
 *
 * A decision is committed only if the payment still has the version it was loaded with; a lost race shows
 * as ERR_DB_CONFLICT and changes nothing. Whoever notes a fact wakes the payment by raising its version.
 */
#ifndef KUSTODIA_STORE_PAYMENTS_H
#define KUSTODIA_STORE_PAYMENTS_H

#include "relayer/flows/payment.h"
#include "relayer/store/db.h"

enum { PAYMENTS_DUE_MAX = 100, STORE_ID_MAX = 96, STORE_REASON_MAX = 200 };

/* What the steps need to know about an effect. */
struct effect_brief {
    bool present;
    enum effect_kind kind;
    enum effect_end end;
    struct uuid id;
    char external_id[STORE_ID_MAX];
    bool has_tx;
    uint8_t tx_hash[32];
    char reason[STORE_REASON_MAX];
};

struct payment_row {
    struct payment payment;
    bool deposit_matched;
    char deposit_fid[STORE_ID_MAX];
    bool issued;
    bool issued_unassigned;
    char issuance_id[STORE_ID_MAX];
    bool escrow_known;
    uint8_t escrow_id[32];
    int64_t escrow_end_s; /* as the contract recorded it; 0 = not yet */
    struct effect_brief strand;
    struct effect_brief leg[PAYMENT_LEGS_MAX];
    bool leg_returned[PAYMENT_LEGS_MAX]; /* Juno reports the redemption as sent back */
};

/* Reads for payments_parse: up to limit payments whose time has come, or one by id. */
struct db_script *payments_due(int limit);
struct db_script *payments_by_id(const struct uuid *id);

/* Fills rows from such a result; returns how many. The caller frees nothing. */
size_t payments_parse(struct db_result *result, struct payment_row *rows, size_t max);

/* Where the effects of a decision go, decided by the engine from settings. */
struct payment_targets {
    const char *bridge;       /* 0x address: where Juno withdraws to */
    const char *juno_deposit; /* 0x address: where tokens go back */
    const char *actor;        /* who caused it: "relayer" or "uid:1000" */
    const char *external_id;  /* Juno id of the fact, or NULL */
    const uint8_t *tx_hash;   /* transaction of the fact, or NULL */
    const uint8_t *escrow_id; /* 32 bytes */
};

/* Adds the whole decision to script. leg_n = -1 for the strand. */
void payments_apply(struct db_script *script, const struct payment_row *row,
                    const struct decision *decision, int leg_n,
                    const struct payment_targets *targets);

/* The decisions of several payments (1..PAYMENTS_DUE_MAX), each payment once: all of them or none. */
struct payment_move {
    const struct payment_row *row;
    const struct decision *decision;
    int leg_n;
    const struct payment_targets *targets;
};
void payments_apply_many(struct db_script *script, const struct payment_move *moves, size_t n);

/* Nothing to do now: look again at look_again_ms (0 = when a fact wakes it). Lost races are harmless. */
void payments_rest(struct db_script *script, const struct payment *payment, int64_t look_again_ms);

/* The same for several (1..PAYMENTS_DUE_MAX) in one statement. */
struct payment_rest {
    const struct payment *payment;
    int64_t look_again_ms;
};
void payments_rest_many(struct db_script *script, const struct payment_rest *rests, size_t n);

/* A new payment with its legs. */
struct payment_words {
    const char *payer_ref;
    const char *clabe;
    const char *description;
    const char *actor;
};
void payments_insert(struct db_script *script, const struct payment *payment,
                     const struct payment_words *words);

/* A fact about this payment was noted: the runner must look. */
void payments_wake(struct db_script *script, const struct uuid *id);

/* Custody ends that the chain has passed: wakes the payments concerned. */
void payments_wake_matured(struct db_script *script, int64_t chain_time_s);

/* Timeline entry without a step (deposit_unassigned, alarms). payment may be NULL. */
void payments_event(struct db_script *script, const struct uuid *payment, const char *type,
                    const char *detail, const char *external_id);

#endif
