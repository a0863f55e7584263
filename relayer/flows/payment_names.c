#include "relayer/flows/payment.h"

#include <string.h>

static const char *const STATES[] = {
    [PAYMENT_WAITING_DEPOSIT] = "waiting_deposit",
    [PAYMENT_WAITING_ISSUANCE] = "waiting_issuance",
    [PAYMENT_ISSUED] = "issued",
    [PAYMENT_BRIDGING] = "bridging",
    [PAYMENT_FUNDING] = "funding",
    [PAYMENT_IN_CUSTODY] = "in_custody",
    [PAYMENT_DISPUTING] = "disputing",
    [PAYMENT_DISPUTED] = "disputed",
    [PAYMENT_DISMISSING] = "dismissing",
    [PAYMENT_RELEASING] = "releasing",
    [PAYMENT_REVERTING] = "reverting",
    [PAYMENT_SPLITTING] = "splitting",
    [PAYMENT_RETURNING] = "returning",
    [PAYMENT_PAYING_OUT] = "paying_out",
    [PAYMENT_COMPLETED] = "completed",
    [PAYMENT_EXPIRED] = "expired",
    [PAYMENT_CANCELLED] = "cancelled",
    [PAYMENT_PARKED] = "parked",
};

static const char *const WAITS[] = {
    [PAYMENT_WAITING_DEPOSIT] = "the buyer's SPEI transfer to his CLABE",
    [PAYMENT_WAITING_ISSUANCE] = "Juno to issue MXNB for the deposit",
    [PAYMENT_ISSUED] = "the relayer to move the custody share",
    [PAYMENT_BRIDGING] = "Juno's withdrawal to be final on chain",
    [PAYMENT_FUNDING] = "the escrow transaction to be final",
    [PAYMENT_IN_CUSTODY] = "the end of the custody period",
    [PAYMENT_DISPUTING] = "the dispute transaction to be final",
    [PAYMENT_DISPUTED] = "the arbiter's decision",
    [PAYMENT_DISMISSING] = "the dismissal to be final",
    [PAYMENT_RELEASING] = "the release to be final",
    [PAYMENT_REVERTING] = "the reversal to be final",
    [PAYMENT_SPLITTING] = "the split to be final",
    [PAYMENT_RETURNING] = "Juno to credit the tokens sent back",
    [PAYMENT_PAYING_OUT] = "Juno's redemptions to complete",
    [PAYMENT_COMPLETED] = "nothing: it is completed",
    [PAYMENT_EXPIRED] = "nothing: it expired unpaid",
    [PAYMENT_CANCELLED] = "nothing: it was cancelled",
    [PAYMENT_PARKED] = "a person",
};

static const char *const ENDINGS[] = {
    [ENDING_OPEN] = "open",
    [ENDING_RELEASED] = "released",
    [ENDING_REVERTED] = "reverted",
    [ENDING_SPLIT] = "split",
};

static const char *const ROLES[] = {
    [LEG_SELLER_IMMEDIATE] = "seller_immediate",
    [LEG_SELLER_FINAL] = "seller_final",
    [LEG_COMMISSION] = "commission",
    [LEG_BUYER_REFUND] = "buyer_refund",
};

static const char *const LEGS[] = {
    [LEG_PLANNED] = "planned",         [LEG_REDEEMING] = "redeeming", [LEG_PAID] = "paid",
    [LEG_ACCUMULATED] = "accumulated", [LEG_VOID] = "void",           [LEG_RETURNED] = "returned",
    [LEG_PARKED] = "parked",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *name_at(const char *const *table, size_t count, size_t i)
{
    return i < count ? table[i] : NULL;
}

static bool name_find(const char *const *table, size_t count, const char *name, int *out)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i] != NULL && strcmp(table[i], name) == 0) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

const char *payment_state_name(enum payment_state state)
{
    return name_at(STATES, COUNT(STATES), (size_t)state);
}

bool payment_state_parse(const char *name, enum payment_state *state)
{
    int found = 0;
    bool ok = name_find(STATES, COUNT(STATES), name, &found);
    *state = (enum payment_state)found;
    return ok;
}

const char *payment_outcome_name(enum payment_outcome outcome)
{
    return name_at(ENDINGS, COUNT(ENDINGS), (size_t)outcome);
}

bool payment_outcome_parse(const char *name, enum payment_outcome *outcome)
{
    int found = 0;
    bool ok = name_find(ENDINGS, COUNT(ENDINGS), name, &found);
    *outcome = (enum payment_outcome)found;
    return ok;
}

const char *leg_role_name(enum leg_role role)
{
    return name_at(ROLES, COUNT(ROLES), (size_t)role);
}

bool leg_role_parse(const char *name, enum leg_role *role)
{
    int found = 0;
    bool ok = name_find(ROLES, COUNT(ROLES), name, &found);
    *role = (enum leg_role)found;
    return ok;
}

const char *leg_state_name(enum leg_state state)
{
    return name_at(LEGS, COUNT(LEGS), (size_t)state);
}

bool leg_state_parse(const char *name, enum leg_state *state)
{
    int found = 0;
    bool ok = name_find(LEGS, COUNT(LEGS), name, &found);
    *state = (enum leg_state)found;
    return ok;
}

const char *payment_waits_for(enum payment_state state)
{
    const char *text = name_at(WAITS, COUNT(WAITS), (size_t)state);
    return text != NULL ? text : "unknown";
}
