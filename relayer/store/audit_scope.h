/*
 * Shared by the files of audit.h only: what a verification is about, as conditions. $1 is the payment or
 * NULL, $2 the transaction or NULL, in every statement; both NULL is everything.
 */
#ifndef KUSTODIA_STORE_AUDIT_SCOPE_H
#define KUSTODIA_STORE_AUDIT_SCOPE_H

#include "relayer/store/audit.h"

/* Of effect e. */
#define AUDIT_EFFECT_SCOPE                                                                         \
    "($1::uuid IS NULL OR e.payment_id = $1::uuid)"                                                \
    " AND ($2::bytea IS NULL OR e.tx_hash = $2::bytea)"
/* Of the payment with this id: itself, or one the transaction was about. */
#define AUDIT_PAYMENT_SCOPE(id)                                                                    \
    "($1::uuid IS NULL OR " id " = $1::uuid) AND ($2::bytea IS NULL OR " id " IN"                  \
    " (SELECT s.payment_id FROM effect s WHERE s.tx_hash = $2::bytea))"
/* Of the transaction with this hash: itself, or one that was about the payment. */
#define AUDIT_TX_SCOPE(hash)                                                                       \
    "($1::uuid IS NULL OR " hash " IN"                                                             \
    " (SELECT s.tx_hash FROM effect s WHERE s.payment_id = $1::uuid))"                             \
    " AND ($2::bytea IS NULL OR " hash " = $2::bytea)"
/* Newest block final by policy. */
#define AUDIT_POLICY "(SELECT h.number FROM head h WHERE h.level = 'policy')"

/* The first two parameters. */
void audit_scope_bind(struct db_stmt *stmt, const struct audit_scope *scope);

#endif
