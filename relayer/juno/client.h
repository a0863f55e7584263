/* The door to Juno: typed calls, one callback each.
 *
 * Juno wants nonces that increase in the order of arrival, so one request is on its way at a
 * time; the others wait in a queue, money first. Each request takes the next number of a range
 * that the engine has committed before (juno_nonce_range), so a restart or a clock that steps
 * back never repeats one. A nonce that Juno refuses (0206, 0207, 0373) is replaced once by the
 * next number, with the same body and idempotency key. Nothing else is ever repeated by this
 * client.
 *
 * Callbacks come exactly once, never before the call returns; `err` NULL on success, else the
 * result is NULL. Results are valid during the callback. `err->outcome` answers "did it
 * happen?": OUTCOME_NOT_HAPPENED (nothing was done), OUTCOME_REFUSED (Juno said no to this body
 * for good), OUTCOME_UNKNOWN (ask: juno_transactions, or the same call with the same idempotency
 * key). juno_class_of(err) says what to do next. Reads change nothing and always end in
 * OUTCOME_NOT_HAPPENED.
 *
 * Errors: those of the table in outcome.c (ERR_JUNO_REFUSED, ERR_JUNO_WAIT, ERR_JUNO_STOP and so on),
 * ERR_JUNO_ANSWER (breaks the format), ERR_JUNO_AWAY and ERR_JUNO_UNKNOWN (transport), ERR_JUNO_NONCE
 * (range used up), ERR_JUNO_RATE (our own budget), ERR_JUNO_LOCKED (locked out), ERR_BUSY (queue
 * full).
 */
#ifndef KUSTODIA_JUNO_CLIENT_H
#define KUSTODIA_JUNO_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/base/uuid.h"
#include "relayer/juno/answer.h"
#include "relayer/juno/outcome.h"

struct uv_loop_s;
struct http_client;
struct juno;

enum {
    JUNO_QUEUE_MAX = 128,
    JUNO_NONCE_LOW = 50,        /* need_nonces is called when fewer are left */
    JUNO_LOCKOUT_MS = 60 * 1000 /* how long a rate-limit answer silences the client, at least */
};

struct juno_settings {
    const char *url; /* https://... (http:// for the sandbox), without a path */
    const char *api_key;
    const char *api_secret; /* copied; wiped in juno_free */
    bool amount_as_number;  /* amounts in requests: JSON number, else JSON string */
    unsigned timeout_ms;    /* of one request */
    unsigned requests_per_minute;
    void (*need_nonces)(void *ctx); /* answer with juno_nonce_range, at any later time */
    void *ctx;
};

/* NULL with ERR_CONFIG_VALUE. `http` and `loop` are borrowed. */
struct juno *juno_new(struct uv_loop_s *loop, struct http_client *http,
                      const struct juno_settings *settings, struct err *err);
/* NULL ok. Waiting calls are answered with ERR_JUNO_AWAY, OUTCOME_NOT_HAPPENED; the one on its
 * way is answered by http_client_free. Frees itself in its last callback. */
void juno_free(struct juno *juno);

/* The numbers first .. last may be used, once. They must be above every number used before, by
 * anybody, with this key: CHECKs that they are above those of this process. Replaces what was
 * left of the former range. */
void juno_nonce_range(struct juno *juno, uint64_t first, uint64_t last);

/* Milliseconds until Juno takes calls again after a rate-limit answer; 0: now. */
int64_t juno_locked_ms(const struct juno *juno);

/* SPEI deposits, newest first as Juno lists them. `since_day` "YYYY-MM-DD" or NULL. page counts
 * from 1, page_size 1 .. JUNO_ROWS_MAX. Rows may repeat or shift between pages: match by fid. */
struct juno_deposits_query {
    unsigned page, page_size;
    const char *since_day;
};
/* Transactions. `kind` JUNO_TXN_OTHER: all kinds. Rows of another kind are dropped here too,
 * because the documentation contradicts itself about filter names and Juno ignores a filter that
 * it does not know. page from 0. */
struct juno_txns_query {
    enum juno_txn_kind kind;
    unsigned page, page_size;
};
struct juno_redeem {
    int64_t amount_units; /* whole centavos */
    /* Not NULL: without it Juno would pay ourselves. ERR_PARAMS if it is not plain. */
    const char *bank_account_id;
    struct uuid idem;
};
struct juno_withdraw {
    uint8_t address[20];
    int64_t amount_units;
    struct uuid idem;
};
enum juno_ownership { JUNO_COMPANY_OWNED, JUNO_THIRD_PARTY };
struct juno_bank_register {
    const char *name;
    const char *clabe; /* 18 digits */
    enum juno_ownership ownership;
    struct uuid idem;
};

typedef void juno_deposits_cb(void *ctx, const struct err *err,
                              const struct juno_deposits *deposits);
typedef void juno_txns_cb(void *ctx, const struct err *err, const struct juno_txns *txns);
/* txn NULL without err: Juno does not know the id. Right after creation that proves nothing. */
typedef void juno_txn_cb(void *ctx, const struct err *err, const struct juno_txn *txn);
typedef void juno_op_cb(void *ctx, const struct err *err, const struct juno_op *op);
typedef void juno_balances_cb(void *ctx, const struct err *err,
                              const struct juno_balances *balances);
typedef void juno_banks_cb(void *ctx, const struct err *err, const struct juno_banks *banks);
typedef void juno_bank_cb(void *ctx, const struct err *err, const struct juno_bank *bank);
typedef void juno_clabes_cb(void *ctx, const struct err *err, const struct juno_clabes *clabes);
typedef void juno_clabe_cb(void *ctx, const struct err *err, const struct juno_clabe *clabe);

void juno_deposits(struct juno *juno, const struct juno_deposits_query *query, juno_deposits_cb *cb,
                   void *ctx);
void juno_transactions(struct juno *juno, const struct juno_txns_query *query, juno_txns_cb *cb,
                       void *ctx);
void juno_transaction(struct juno *juno, const char *id, juno_txn_cb *cb, void *ctx);
void juno_balances(struct juno *juno, juno_balances_cb *cb, void *ctx);
void juno_banks(struct juno *juno, juno_banks_cb *cb, void *ctx);
void juno_clabes(struct juno *juno, unsigned page, juno_clabes_cb *cb, void *ctx);

/* These change something at Juno. Money calls go out on a fresh connection and are never
 * repeated. */
void juno_redeem(struct juno *juno, const struct juno_redeem *redeem, juno_op_cb *cb, void *ctx);
void juno_withdraw(struct juno *juno, const struct juno_withdraw *withdraw, juno_op_cb *cb,
                   void *ctx);
void juno_bank_register(struct juno *juno, const struct juno_bank_register *bank, juno_bank_cb *cb,
                        void *ctx);
/* No idempotency key is documented for it: after OUTCOME_UNKNOWN compare juno_clabes before
 * asking again. */
void juno_clabe_create(struct juno *juno, juno_clabe_cb *cb, void *ctx);

#endif
