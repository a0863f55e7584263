#include "relayer/flows/book.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/money/amount.h"

/* Value moves from one account (credited) to another (debited). */
struct movement {
    enum account_class from, to;
    bool from_owned, to_owned; /* the account belongs to the payment */
};

static enum account_class owed_class(enum leg_role role)
{
    switch (role) {
    case LEG_SELLER_IMMEDIATE:
        return ACCOUNT_OWED_IMMEDIATE;
    case LEG_SELLER_FINAL:
        return ACCOUNT_OWED_SELLER;
    case LEG_COMMISSION:
        return ACCOUNT_OWED_COMMISSION;
    case LEG_BUYER_REFUND:
        return ACCOUNT_OWED_BUYER;
    }
    CHECK(!"leg role out of range");
    return ACCOUNT_OWED_SELLER;
}

static struct movement movement_of(enum effect_kind kind, enum leg_role role)
{
    switch (kind) {
    case EFFECT_REDEEM:
        return (struct movement){ACCOUNT_JUNO_MXNB, owed_class(role), false, true};
    case EFFECT_WITHDRAW:
        return (struct movement){ACCOUNT_JUNO_MXNB, ACCOUNT_BRIDGE_MXNB, false, false};
    case EFFECT_ESCROW_CREATE:
        return (struct movement){ACCOUNT_BRIDGE_MXNB, ACCOUNT_ESCROW_MXNB, false, true};
    case EFFECT_ESCROW_RELEASE:
    case EFFECT_ESCROW_RELEASE_EARLY:
    case EFFECT_DISPUTE_REVERT:
    case EFFECT_DISPUTE_SPLIT:
        return (struct movement){ACCOUNT_ESCROW_MXNB, ACCOUNT_BRIDGE_MXNB, true, false};
    case EFFECT_TOKEN_TRANSFER:
        return (struct movement){ACCOUNT_BRIDGE_MXNB, ACCOUNT_JUNO_MXNB, false, false};
    case EFFECT_BANK_REGISTER:
    case EFFECT_CLABE_CREATE:
    case EFFECT_DISPUTE_RAISE:
    case EFFECT_DISPUTE_DISMISS:
    case EFFECT_TOKEN_APPROVE:
        break;
    }
    CHECK(!"this kind moves no value");
    return (struct movement){ACCOUNT_JUNO_MXNB, ACCOUNT_JUNO_MXNB, false, false};
}

static struct posting posting_for(enum posting_kind kind, const struct uuid *txn_id,
                                  const struct payment *payment, const struct uuid *effect_id)
{
    struct posting p = {.kind = kind, .txn_id = *txn_id};
    if (payment != NULL) {
        p.has_payment = true;
        p.payment_id = payment->id;
    }
    if (effect_id != NULL) {
        p.has_effect = true;
        p.effect_id = *effect_id;
    }
    return p;
}

static struct posting *append(struct decision *d, struct posting posting)
{
    CHECK(d->postings_n < FLOW_POSTINGS_MAX);
    d->posting[d->postings_n] = posting;
    return &d->posting[d->postings_n++];
}

static void add_movement(struct posting *p, enum layer layer, const struct movement *m,
                         const struct payment *payment, int64_t units)
{
    posting_add(p, layer, m->to, m->to_owned ? &payment->id : NULL, units);
    posting_add(p, layer, m->from, m->from_owned ? &payment->id : NULL, -units);
}

static struct posting reserve_posting(const struct payment *payment, const struct movement *m,
                                      const struct uuid *effect_id, int64_t units)
{
    struct uuid id = flow_reserve_id(effect_id);
    struct posting p = posting_for(POSTING_RESERVE, &id, payment, effect_id);
    add_movement(&p, LAYER_PENDING, m, payment, units);
    return p;
}

static void describe(struct posting *p, enum effect_kind kind)
{
    snprintf(p->reason, sizeof p->reason, "%s", effect_kind_name(kind));
}

void book_reserve(struct decision *d, const struct payment *payment, enum effect_kind kind,
                  enum leg_role role, const struct uuid *effect_id, int64_t amount_units)
{
    struct movement m = movement_of(kind, role);
    describe(append(d, reserve_posting(payment, &m, effect_id, amount_units)), kind);
}

void book_settle(struct decision *d, const struct payment *payment, enum effect_kind kind,
                 enum leg_role role, const struct uuid *effect_id, int64_t amount_units)
{
    struct movement m = movement_of(kind, role);
    struct posting reserved = reserve_posting(payment, &m, effect_id, amount_units);
    struct uuid id = flow_settle_id(effect_id);
    struct posting *p = append(d, posting_for(POSTING_SETTLE, &id, payment, effect_id));
    posting_undo_pending(p, &reserved);
    add_movement(p, LAYER_POSTED, &m, payment, amount_units);
    describe(p, kind);
}

void book_cancel(struct decision *d, const struct payment *payment, enum effect_kind kind,
                 enum leg_role role, const struct uuid *effect_id, int64_t amount_units)
{
    struct movement m = movement_of(kind, role);
    struct posting reserved = reserve_posting(payment, &m, effect_id, amount_units);
    struct uuid id = flow_settle_id(effect_id);
    struct posting *p = append(d, posting_for(POSTING_CANCEL, &id, payment, effect_id));
    posting_undo_pending(p, &reserved);
    describe(p, kind);
}

static int64_t units_of(int64_t centavos)
{
    int64_t units = 0;
    CHECK(units_from_centavos(centavos, &units));
    return units;
}

struct posting book_deposit(const struct uuid *deposit_id, int64_t centavos)
{
    struct uuid id = uuid_derive(deposit_id, "deposit");
    struct posting p = posting_for(POSTING_DEPOSIT, &id, NULL, NULL);
    posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXN, NULL, centavos);
    posting_add(&p, LAYER_POSTED, ACCOUNT_UNASSIGNED_MXN, NULL, -centavos);
    return p;
}

struct posting book_issuance_unassigned(const struct uuid *deposit_id, int64_t centavos)
{
    struct uuid id = uuid_derive(deposit_id, "issuance");
    struct posting p = posting_for(POSTING_ISSUANCE_UNASSIGNED, &id, NULL, NULL);
    posting_add(&p, LAYER_POSTED, ACCOUNT_UNASSIGNED_MXN, NULL, centavos);
    posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXN, NULL, -centavos);
    posting_add(&p, LAYER_POSTED, ACCOUNT_JUNO_MXNB, NULL, units_of(centavos));
    posting_add(&p, LAYER_POSTED, ACCOUNT_UNASSIGNED_MXNB, NULL, -units_of(centavos));
    return p;
}

/* deposit = immediate + custody, and custody holds the commissions until the end decides. */
static void owe_shares(struct posting *p, const struct payment *payment)
{
    if (payment->immediate_centavos > 0)
        posting_add(p, LAYER_POSTED, ACCOUNT_OWED_IMMEDIATE, &payment->id,
                    -units_of(payment->immediate_centavos));
    if (payment->custody_centavos > 0)
        posting_add(p, LAYER_POSTED, ACCOUNT_OWED_CUSTODY, &payment->id,
                    -units_of(payment->custody_centavos));
}

void book_assign(struct decision *d, const struct payment *payment, bool already_issued)
{
    struct uuid id = uuid_derive(&payment->id, "assign");
    struct posting *p = append(d, posting_for(POSTING_ASSIGN, &id, payment, NULL));
    if (already_issued) {
        posting_add(p, LAYER_POSTED, ACCOUNT_UNASSIGNED_MXNB, NULL,
                    units_of(payment->amount_centavos));
        owe_shares(p, payment);
        return;
    }
    posting_add(p, LAYER_POSTED, ACCOUNT_UNASSIGNED_MXN, NULL, payment->amount_centavos);
    posting_add(p, LAYER_POSTED, ACCOUNT_DEPOSIT_MXN, &payment->id, -payment->amount_centavos);
}

void book_issuance(struct decision *d, const struct payment *payment)
{
    struct uuid id = uuid_derive(&payment->id, "issuance");
    struct posting *p = append(d, posting_for(POSTING_ISSUANCE, &id, payment, NULL));
    posting_add(p, LAYER_POSTED, ACCOUNT_DEPOSIT_MXN, &payment->id, payment->amount_centavos);
    posting_add(p, LAYER_POSTED, ACCOUNT_JUNO_MXN, NULL, -payment->amount_centavos);
    posting_add(p, LAYER_POSTED, ACCOUNT_JUNO_MXNB, NULL, units_of(payment->amount_centavos));
    owe_shares(p, payment);
}

void book_distribute(struct decision *d, const struct payment *payment,
                     const struct uuid *effect_id, int64_t buyer_centavos,
                     int64_t commission_centavos)
{
    int64_t seller = payment->custody_centavos - buyer_centavos - commission_centavos;
    CHECK(seller >= 0);
    struct uuid id = uuid_derive(effect_id, "distribute");
    struct posting *p = append(d, posting_for(POSTING_DISTRIBUTE, &id, payment, effect_id));
    const struct {
        enum account_class class;
        int64_t centavos;
    } parts[] = {
        {ACCOUNT_OWED_SELLER, seller},
        {ACCOUNT_OWED_BUYER, buyer_centavos},
        {ACCOUNT_OWED_COMMISSION, commission_centavos},
    };
    posting_add(p, LAYER_POSTED, ACCOUNT_OWED_CUSTODY, &payment->id,
                units_of(payment->custody_centavos));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].centavos > 0)
            posting_add(p, LAYER_POSTED, parts[i].class, &payment->id,
                        -units_of(parts[i].centavos));
    }
}

void book_accumulate(struct decision *d, const struct payment *payment, const struct leg *leg)
{
    char label[32];
    snprintf(label, sizeof label, "accumulate:%d", leg->n);
    struct uuid id = uuid_derive(&payment->id, label);
    struct posting *p = append(d, posting_for(POSTING_ACCUMULATE, &id, payment, NULL));
    posting_add(p, LAYER_POSTED, ACCOUNT_OWED_COMMISSION, &payment->id,
                units_of(leg->amount_centavos));
    posting_add(p, LAYER_POSTED, ACCOUNT_COMMISSION, &leg->beneficiary_id,
                -units_of(leg->amount_centavos));
}

void book_returned(struct decision *d, const struct payment *payment, const struct leg *leg)
{
    struct uuid id = uuid_derive(&leg->effect_id, "returned");
    struct posting *p = append(d, posting_for(POSTING_RETURNED, &id, payment, &leg->effect_id));
    posting_add(p, LAYER_POSTED, ACCOUNT_JUNO_MXN, NULL, leg->amount_centavos);
    posting_add(p, LAYER_POSTED, ACCOUNT_PAID_OUT_MXN, NULL, -leg->amount_centavos);
}
