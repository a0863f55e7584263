/*
 * Which accounts move: the only place that turns a step of a flow into ledger lines.
 *
 * Every effect that moves value reserves it on the pending layer when it is planned, and settles (pending
 * lines undone, posted lines made) or cancels (pending lines undone) when it ended. Debits are positive.
 * Where money lies (Juno, bridge, escrow) and whom it is owed to are separate lines, so each on-chain or
 * Juno balance can be compared with one account.
 */
#ifndef KUSTODIA_FLOWS_BOOK_H
#define KUSTODIA_FLOWS_BOOK_H

#include "relayer/flows/payment.h"

/* Reserves, settles or cancels effect_id of the given kind; role matters for EFFECT_REDEEM only. */
void book_reserve(struct decision *d, const struct payment *payment, enum effect_kind kind,
                  enum leg_role role, const struct uuid *effect_id, int64_t amount_units);
void book_settle(struct decision *d, const struct payment *payment, enum effect_kind kind,
                 enum leg_role role, const struct uuid *effect_id, int64_t amount_units);
void book_cancel(struct decision *d, const struct payment *payment, enum effect_kind kind,
                 enum leg_role role, const struct uuid *effect_id, int64_t amount_units);

/* A deposit found: the pesos lie at Juno and are owed to nobody yet. */
struct posting book_deposit(const struct uuid *deposit_id, int64_t centavos);
/* MXNB issued for a deposit that belongs to no payment yet. */
struct posting book_issuance_unassigned(const struct uuid *deposit_id, int64_t centavos);
/* A deposit is given to a payment, before or after its issuance. */
void book_assign(struct decision *d, const struct payment *payment, bool already_issued);
/* MXNB issued for a payment's deposit: owed to the immediate and the custody share. */
void book_issuance(struct decision *d, const struct payment *payment);
/* The custody share is owed to whom the end decided: seller, buyer, commissions. */
void book_distribute(struct decision *d, const struct payment *payment,
                     const struct uuid *effect_id, int64_t buyer_centavos,
                     int64_t commission_centavos);
/* A commission below Juno's floor waits in the beneficiary's account. */
void book_accumulate(struct decision *d, const struct payment *payment, const struct leg *leg);
/* A completed payout came back by SPEI: pesos at Juno again, owed to the leg. */
void book_returned(struct decision *d, const struct payment *payment, const struct leg *leg);

#endif
