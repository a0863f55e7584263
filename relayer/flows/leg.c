/* One leg of a payment: a redemption, which is the SPEI payout itself. */
#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/flows/book.h"
#include "relayer/flows/payment.h"
#include "relayer/money/amount.h"

static int64_t units_of_leg(const struct leg *leg)
{
    int64_t units = 0;
    CHECK(units_from_centavos(leg->amount_centavos, &units));
    return units;
}

static void set_leg(struct decision *d, const struct leg *leg, enum leg_state state)
{
    d->legs_n = 1;
    d->leg[0] = (struct leg_change){.n = leg->n,
                                    .role = leg->role,
                                    .state = state,
                                    .beneficiary_id = leg->beneficiary_id,
                                    .amount_centavos = leg->amount_centavos};
}

static void leg_event(struct decision *d, const char *type, int64_t units, bool juno)
{
    CHECK(d->events_n < FLOW_EVENTS_MAX);
    d->event[d->events_n++] =
        (struct event_plan){.type = type, .amount_units = units, .with_juno_id = juno};
}

static struct decision stay(const struct payment *payment)
{
    return (struct decision){.verdict = VERDICT_MOVE,
                             .next = payment->state,
                             .outcome = payment->outcome,
                             .look_again_ms = 1};
}

/* The immediate share leaves as soon as MXNB are issued; all others when the tokens are back at Juno. */
static bool is_payable(const struct payment *payment, const struct leg *leg)
{
    switch (payment->state) {
    case PAYMENT_WAITING_DEPOSIT:
    case PAYMENT_WAITING_ISSUANCE:
    case PAYMENT_COMPLETED:
    case PAYMENT_EXPIRED:
    case PAYMENT_CANCELLED:
    case PAYMENT_PARKED:
        return false;
    case PAYMENT_PAYING_OUT:
        return true;
    case PAYMENT_ISSUED:
    case PAYMENT_BRIDGING:
    case PAYMENT_FUNDING:
    case PAYMENT_IN_CUSTODY:
    case PAYMENT_DISPUTING:
    case PAYMENT_DISPUTED:
    case PAYMENT_DISMISSING:
    case PAYMENT_RELEASING:
    case PAYMENT_REVERTING:
    case PAYMENT_SPLITTING:
    case PAYMENT_RETURNING:
        return leg->role == LEG_SELLER_IMMEDIATE;
    }
    CHECK(!"payment state out of range");
    return false;
}

static struct decision step_planned(const struct payment *payment, const struct leg *leg,
                                    const struct flow_rules *rules)
{
    int64_t units = units_of_leg(leg);
    struct decision d = stay(payment);
    if (leg->role == LEG_COMMISSION && leg->amount_centavos < rules->min_leg_centavos) {
        set_leg(&d, leg, LEG_ACCUMULATED);
        book_accumulate(&d, payment, leg);
        leg_event(&d, "commission_accumulated", units, false);
        return d;
    }
    d.has_effect = true;
    d.effect = (struct effect_plan){.kind = EFFECT_REDEEM, .leg_n = leg->n, .amount_units = units};
    flow_effect_id(&payment->id, EFFECT_REDEEM, leg->n, payment->version, &d.effect.id,
                   &d.effect.idem_key);
    book_reserve(&d, payment, EFFECT_REDEEM, leg->role, &d.effect.id, units);
    set_leg(&d, leg, LEG_REDEEMING);
    leg_event(&d, "redemption_initiated", units, false);
    return d;
}

static struct decision step_redeeming(const struct payment *payment, const struct leg *leg,
                                      const struct fact *fact)
{
    int64_t units = units_of_leg(leg);
    struct decision d = stay(payment);
    d.clears_effect = fact->effect_end != EFFECT_PARKED;
    switch (fact->effect_end) {
    case EFFECT_CONFIRMED:
        book_settle(&d, payment, EFFECT_REDEEM, leg->role, &fact->effect_id, units);
        set_leg(&d, leg, LEG_PAID);
        leg_event(&d, "redemption_success", units, true);
        leg_event(&d, leg->role == LEG_COMMISSION ? "commission_paid" : "payout_completed", units,
                  true);
        return d;
    case EFFECT_REJECTED:
        book_cancel(&d, payment, EFFECT_REDEEM, leg->role, &fact->effect_id, units);
        set_leg(&d, leg, LEG_PARKED);
        break;
    case EFFECT_PARKED:
        set_leg(&d, leg, LEG_PARKED);
        break;
    case EFFECT_OPEN:
        return (struct decision){.verdict = VERDICT_NOTHING};
    }
    snprintf(d.reason, sizeof d.reason, "leg %d: %s", leg->n,
             fact->reason != NULL ? fact->reason : "no reason given");
    leg_event(&d, "payout_parked", units, true);
    return d;
}

/* COMPLETE is not final for fiat: the bank behind it may send the money back. */
static struct decision step_returned(const struct payment *payment, const struct leg *leg)
{
    struct decision d = stay(payment);
    /* The custody strand is not concerned and goes on; what was completed is open again. */
    if (payment->state == PAYMENT_COMPLETED)
        d.next = PAYMENT_PARKED;
    set_leg(&d, leg, LEG_RETURNED);
    book_returned(&d, payment, leg);
    leg_event(&d, "payout_returned", units_of_leg(leg), true);
    snprintf(d.reason, sizeof d.reason, "leg %d was paid and came back by SPEI", leg->n);
    return d;
}

struct decision payment_leg_step(const struct payment *payment, const struct leg *leg,
                                 const struct fact *fact, const struct flow_rules *rules)
{
    bool own_effect = fact->kind == FACT_EFFECT && leg->has_effect &&
                      memcmp(&fact->effect_id, &leg->effect_id, sizeof fact->effect_id) == 0;
    switch (leg->state) {
    case LEG_PLANNED:
        if (fact->kind == FACT_TIME && !leg->held && is_payable(payment, leg))
            return step_planned(payment, leg, rules);
        break;
    case LEG_REDEEMING:
        if (own_effect)
            return step_redeeming(payment, leg, fact);
        break;
    case LEG_PAID:
        if (fact->kind == FACT_PAYOUT_RETURNED)
            return step_returned(payment, leg);
        break;
    case LEG_ACCUMULATED:
    case LEG_VOID:
    case LEG_RETURNED:
    case LEG_PARKED:
        break;
    }
    return (struct decision){.verdict = VERDICT_NOTHING};
}
