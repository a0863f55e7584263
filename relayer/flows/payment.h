/*
 * The custody payment: the relayer's main promise, as a table of pure steps.
 *
 * A payment has one custody strand (deposit, issuance, bridge, escrow, return) and up to PAYMENT_LEGS_MAX
 * legs, each of which leaves by SPEI. payment_step moves the strand, payment_leg_step moves one leg; both
 * are called by the engine with one fact at a time. A fact that is late or repeated changes nothing.
 *
 * Invariants kept by every step (and again by the database): the postings of a decision balance per asset
 * and layer; a reservation is settled or cancelled exactly once; the legs of an open payment sum to its
 * amount; a payment completes only when every leg has left or waits in a beneficiary's account.
 */
#ifndef KUSTODIA_FLOWS_PAYMENT_H
#define KUSTODIA_FLOWS_PAYMENT_H

#include "relayer/flows/flow.h"

enum { PAYMENT_LEGS_MAX = 16 };

/* Stored by name in payment.state. */
enum payment_state {
    PAYMENT_WAITING_DEPOSIT = 1,
    PAYMENT_WAITING_ISSUANCE = 2,
    PAYMENT_ISSUED = 3,
    PAYMENT_BRIDGING = 4,
    PAYMENT_FUNDING = 5,
    PAYMENT_IN_CUSTODY = 6,
    PAYMENT_DISPUTING = 7,
    PAYMENT_DISPUTED = 8,
    PAYMENT_DISMISSING = 9,
    PAYMENT_RELEASING = 10,
    PAYMENT_REVERTING = 11,
    PAYMENT_SPLITTING = 12,
    PAYMENT_RETURNING = 13,
    PAYMENT_PAYING_OUT = 14,
    PAYMENT_COMPLETED = 15,
    PAYMENT_EXPIRED = 16,
    PAYMENT_CANCELLED = 17,
    PAYMENT_PARKED = 18,
};
enum { PAYMENT_STATES = 18 };

enum payment_outcome {
    ENDING_OPEN = 0,
    ENDING_RELEASED = 1,
    ENDING_REVERTED = 2,
    ENDING_SPLIT = 3
};

enum leg_role {
    LEG_SELLER_IMMEDIATE = 1,
    LEG_SELLER_FINAL = 2,
    LEG_COMMISSION = 3,
    LEG_BUYER_REFUND = 4
};

enum leg_state {
    LEG_PLANNED = 1,
    LEG_REDEEMING = 2,
    LEG_PAID = 3,
    LEG_ACCUMULATED = 4,
    LEG_VOID = 5,
    LEG_RETURNED = 6,
    LEG_PARKED = 7,
};

struct leg {
    int n;
    enum leg_role role;
    enum leg_state state;
    struct uuid beneficiary_id;
    int64_t amount_centavos;
    bool held; /* its beneficiary is not active (suspended): nothing new is planned for it */
    bool has_effect;
    struct uuid effect_id;
};

struct payment {
    struct uuid id;
    struct uuid seller_id;
    struct uuid buyer_id; /* the beneficiary a refund goes to */
    enum payment_state state;
    enum payment_outcome outcome;
    int64_t version;
    int64_t amount_centavos;
    int64_t immediate_centavos;
    int64_t custody_centavos;
    int64_t commission_centavos; /* part of the custody share */
    int64_t custody_seconds;
    int64_t custody_end_s; /* 0 until the contract recorded it */
    int64_t expires_at_ms;
    int64_t buyer_centavos; /* the buyer's part once a split is decided */
    bool accumulate;
    bool deposit_matched; /* a deposit belongs to it already */
    uint8_t terms_hash[32];
    bool has_effect;
    struct uuid effect_id; /* the custody strand's effect under way */
    size_t legs_n;
    struct leg legs[PAYMENT_LEGS_MAX];
};

/* What to change about one leg; n == legs_n adds a leg. */
struct leg_change {
    int n;
    enum leg_role role;
    enum leg_state state;
    struct uuid beneficiary_id;
    int64_t amount_centavos;
};

struct decision {
    enum verdict verdict;
    enum payment_state next;
    enum payment_outcome outcome;
    bool clears_effect; /* the strand's or leg's effect is over */
    bool has_effect;
    struct effect_plan effect;
    size_t postings_n;
    struct posting posting[FLOW_POSTINGS_MAX];
    size_t events_n;
    struct event_plan event[FLOW_EVENTS_MAX];
    size_t legs_n;
    struct leg_change leg[FLOW_LEG_CHANGES_MAX];
    int64_t custody_end_s;      /* set when not 0 */
    int64_t buyer_centavos;     /* set when not 0 */
    int64_t look_again_ms;      /* wall time; 0 = wait for a fact; 1 = at once */
    char reason[FLOW_TEXT_MAX]; /* why parked or refused, for people */
};

/* Terms of a new payment, already parsed; amounts in centavos. */
struct payment_terms {
    int64_t amount_centavos;
    int64_t immediate_centavos;
    size_t commissions_n;
    int64_t commission_centavos[PAYMENT_LEGS_MAX];
    struct uuid commission_to[PAYMENT_LEGS_MAX];
    struct uuid seller_id;
    int64_t custody_seconds;
    bool accumulate;
};

/* Splits the terms into legs and checks every rule; on false, why[] names the leg and what to do. */
bool payment_plan(const struct payment_terms *terms, const struct flow_rules *rules,
                  struct payment *out, char why[FLOW_TEXT_MAX]);

struct decision payment_step(const struct payment *payment, const struct fact *fact,
                             const struct flow_rules *rules);
struct decision payment_leg_step(const struct payment *payment, const struct leg *leg,
                                 const struct fact *fact, const struct flow_rules *rules);

const char *payment_state_name(enum payment_state state);
bool payment_state_parse(const char *name, enum payment_state *state);
const char *payment_outcome_name(enum payment_outcome outcome);
bool payment_outcome_parse(const char *name, enum payment_outcome *outcome);
const char *leg_role_name(enum leg_role role);
bool leg_role_parse(const char *name, enum leg_role *role);
const char *leg_state_name(enum leg_state state);
bool leg_state_parse(const char *name, enum leg_state *state);

/* For people: who or what a payment waits for in this state. */
const char *payment_waits_for(enum payment_state state);

#endif
