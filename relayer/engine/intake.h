/*
 * What people ask of a payment: cancel, dispute, resolve, release. The same pure step that the runner
 * uses decides; the decision, the caller's own rows and the answer are one database transaction.
 *
 * A payment that moved in between (the runner was faster) is loaded and asked again, INTAKE_TRIES times.
 * A dry run commits nothing and tries the call on the chain instead.
 */
#ifndef KUSTODIA_ENGINE_INTAKE_H
#define KUSTODIA_ENGINE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/engine/engine.h"
#include "relayer/flows/payment.h"
#include "relayer/store/db.h"
#include "relayer/store/payments.h"

enum { INTAKE_TRIES = 5, INTAKE_TEXT_MAX = 200 };

/* What is known when the step has decided; lives during the callback. */
struct intake_view {
    const struct payment_row *row;
    const struct decision *decision;
    const uint8_t *escrow_id;       /* 32 bytes, also before the escrow exists */
    bool has_dispute;               /* an open one */
    struct uuid dispute_id;
    const char *dispute_state;
    const char *constraint;         /* after ERR_DB_CONFLICT: what stood in the way */
    /* Dry run of a step that calls the escrow: */
    bool tried;
    bool would_succeed;
    uint64_t gas;                   /* estimate, 0 if it would fail */
    const char *call;               /* "dispute" */
    const char *trouble;            /* why it would fail or could not be tried; "" otherwise */
};

struct intake_ask {
    struct uuid payment_id;
    struct fact fact;               /* kind and its own fields; the times are filled in */
    const char *actor;              /* "uid:1000" */
    bool dry_run;
    /* Completes the fact from what is there (the dispute's id goes into a note's hash). False with *e:
     * refused. May be NULL. */
    bool (*prepare)(void *ctx, const struct intake_view *view, struct fact *fact, struct err *e);
    /* Adds the caller's rows to the script of the decision. May be NULL. */
    void (*compose)(void *ctx, const struct intake_view *view, struct db_script *script);
    /* Exactly once, never before intake_payment returns. err NULL: committed (or dry run). view is NULL
     * when the payment was not read. ERR_NOT_FOUND, ERR_STATE (words of the flow), ERR_DB_... */
    void (*done)(void *ctx, const struct err *err, const struct intake_view *view);
    void *ctx;
};

/* Copies *ask; texts in it must live until done. */
void intake_payment(struct engine *engine, const struct intake_ask *ask);

#endif
