/*
 * The inside of the Juno client: one request on its way, the others in a queue, nonces, the
 * budget of requests and lock-outs. Private to relayer/juno; callers use client.h.
 */
#ifndef KUSTODIA_JUNO_QUEUE_H
#define KUSTODIA_JUNO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/base/uuid.h"
#include "relayer/juno/answer.h"
#include "relayer/juno/client.h"

enum { QUEUE_TARGET_MAX = 256, QUEUE_URL_MAX = 256 };

enum call_kind {
    CALL_DEPOSITS,
    CALL_TXNS,
    CALL_TXN,
    CALL_OP,
    CALL_BALANCES,
    CALL_BANKS,
    CALL_BANK,
    CALL_CLABES,
    CALL_CLABE
};

union call_cb {
    juno_deposits_cb *deposits;
    juno_txns_cb *txns;
    juno_txn_cb *txn;
    juno_op_cb *op;
    juno_balances_cb *balances;
    juno_banks_cb *banks;
    juno_bank_cb *bank;
    juno_clabes_cb *clabes;
    juno_clabe_cb *clabe;
};

/* One call, from the public function to its callback. */
struct juno_call {
    struct juno_call *next;
    const char *method; /* "GET", "POST" */
    char target[QUEUE_TARGET_MAX];
    char *body; /* owned; NULL for GET */
    bool has_idem;
    char idem[UUID_TEXT_MAX];
    bool money;    /* moves money: before all others, fresh connection */
    bool resigned; /* its one second chance after a refused nonce is used */
    bool refused;  /* `err` was set before it was queued; it is not sent */
    struct err err;

    enum call_kind kind;
    union call_cb cb; /* the member of `kind` */
    void *ctx;
    enum juno_txn_kind wanted; /* CALL_TXNS */
};

/* Takes the call; juno_call_finish gets it once, in a later turn of the loop. */
void queue_put(struct juno *juno, struct juno_call *call);
bool queue_amount_as_number(const struct juno *juno);

/* Defined by client.c: reads the payload (NULL with an error) and calls the caller back. Does
 * not free. */
void juno_call_finish(const struct juno_call *call, const struct err *err,
                      const struct json_t *payload);

#endif
