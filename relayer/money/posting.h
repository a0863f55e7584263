/*
 * A posting: the lines of one ledger transaction, decided by a flow and booked by store/ledger.
 *
 * Amounts are signed smallest units of the account's asset, debits positive. The posted layer is what
 * happened; the pending layer is what was started and may still fail. A posting with pending lines is
 * later resolved exactly once, by a posting that names it in `resolves` and undoes its pending lines one
 * by one (posting_undo_pending), together with the posted lines of what came of it, if anything.
 */
#ifndef KUSTODIA_MONEY_POSTING_H
#define KUSTODIA_MONEY_POSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/uuid.h"
#include "relayer/money/accounts.h"

enum { POSTING_LINES_MAX = 8, POSTING_REASON_MAX = 64 };

/* Stored by name in txn.kind; the numbers are pinned, they enter the posting's hash. */
enum posting_kind {
    POSTING_DEPOSIT = 1,             /* pesos arrived at Juno */
    POSTING_ISSUANCE = 2,            /* MXNB issued for a payment's deposit */
    POSTING_ISSUANCE_UNASSIGNED = 3, /* MXNB issued for a deposit that belongs to no payment yet */
    POSTING_ASSIGN = 4,              /* a deposit is given to a payment */
    POSTING_RESERVE = 5,             /* an outside effect is planned: pending lines */
    POSTING_SETTLE = 6,              /* it happened */
    POSTING_CANCEL = 7,              /* it did not happen */
    POSTING_DISTRIBUTE = 8,          /* the custody share is owed to whom the end decided */
    POSTING_ACCUMULATE = 9,          /* a commission waits in its beneficiary's account */
    POSTING_RETURNED = 10,           /* a payout came back */
    POSTING_CORRECTION = 11,         /* a person put something right; reason says what */
};

/* Stored by name in entry.layer. */
enum layer { LAYER_POSTED = 1, LAYER_PENDING = 2 };

struct posting_line {
    enum account_class class;
    bool has_owner;
    struct uuid owner;
    enum layer layer;
    int64_t amount;
};

struct posting {
    enum posting_kind kind;
    struct uuid txn_id;
    struct uuid resolves;
    bool has_resolves;
    struct uuid payment_id;
    bool has_payment;
    struct uuid effect_id;
    bool has_effect;
    size_t n;
    struct posting_line line[POSTING_LINES_MAX];
    char reason[POSTING_REASON_MAX]; /* for people; not part of what the posting is */
};

const char *posting_kind_name(enum posting_kind kind);
bool posting_kind_parse(const char *name, enum posting_kind *kind);
const char *layer_name(enum layer layer);

/* Appends a line. owner is NULL exactly for classes without owner. Room and owner are CHECKed. */
void posting_add(struct posting *p, enum layer layer, enum account_class class,
                 const struct uuid *owner, int64_t amount);

/* Appends the negation of each pending line of reserved, and names it in `resolves`. */
void posting_undo_pending(struct posting *p, const struct posting *reserved);

/*
 * True if the database would take it: 2..POSTING_LINES_MAX lines, none of them zero, owners exactly where
 * the class has one, and per asset and layer a sum of zero.
 */
bool posting_balanced(const struct posting *p);

#endif
