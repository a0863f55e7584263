/* The custody strand: one function per state, each answering the facts it may meet. */
#include "relayer/flows/payment.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/flows/book.h"
#include "relayer/money/amount.h"

enum { EXPIRY_LOOK_MS = 1000 };

static int64_t units_of(int64_t centavos)
{
    int64_t units = 0;
    CHECK(units_from_centavos(centavos, &units));
    return units;
}

static struct decision nothing(int64_t look_again_ms)
{
    return (struct decision){.verdict = VERDICT_NOTHING, .look_again_ms = look_again_ms};
}

static struct decision move(const struct payment *payment, enum payment_state next)
{
    return (struct decision){
        .verdict = VERDICT_MOVE, .next = next, .outcome = payment->outcome, .look_again_ms = 1};
}

static struct decision refuse(const char *why)
{
    struct decision d = {.verdict = VERDICT_REFUSE};
    snprintf(d.reason, sizeof d.reason, "%s", why);
    return d;
}

static void add_event(struct decision *d, const char *type, int64_t amount_units, bool juno,
                      bool tx)
{
    CHECK(d->events_n < FLOW_EVENTS_MAX);
    d->event[d->events_n++] = (struct event_plan){
        .type = type, .amount_units = amount_units, .with_juno_id = juno, .with_tx_hash = tx};
}

/* Plans the strand's next effect; value-moving kinds reserve their amount at once. */
static void plan_effect(struct decision *d, const struct payment *payment, enum effect_kind kind,
                        int64_t amount_units)
{
    d->has_effect = true;
    d->effect = (struct effect_plan){.kind = kind, .leg_n = -1, .amount_units = amount_units};
    flow_effect_id(&payment->id, kind, -1, payment->version, &d->effect.id, &d->effect.idem_key);
}

static void plan_moving_effect(struct decision *d, const struct payment *payment,
                               enum effect_kind kind, int64_t amount_units)
{
    plan_effect(d, payment, kind, amount_units);
    book_reserve(d, payment, kind, LEG_SELLER_FINAL, &d->effect.id, amount_units);
}

static bool is_current_effect(const struct payment *payment, const struct fact *fact)
{
    return fact->kind == FACT_EFFECT && payment->has_effect &&
           memcmp(&fact->effect_id, &payment->effect_id, sizeof fact->effect_id) == 0;
}

/* An effect that was refused for certain, or that a person must look at: its reservation stays while the
 * outcome is open (parked) and is undone when it certainly did not happen (rejected). */
static struct decision park(const struct payment *payment, const struct fact *fact,
                            enum effect_kind kind, int64_t amount_units)
{
    struct decision d = move(payment, PAYMENT_PARKED);
    d.look_again_ms = 0;
    if (fact->effect_end == EFFECT_REJECTED) {
        d.clears_effect = true;
        if (amount_units > 0)
            book_cancel(&d, payment, kind, LEG_SELLER_FINAL, &fact->effect_id, amount_units);
    }
    snprintf(d.reason, sizeof d.reason, "%s: %s", effect_kind_name(kind),
             fact->reason != NULL ? fact->reason : "no reason given");
    add_event(&d, "payment_parked", 0, true, true);
    return d;
}

/* The contract refused for certain what a person asked for (the custody period is over, too many rounds, the
 * escrow is disputed): custody goes on as if it had not been asked. */
static struct decision back_to_custody(const struct payment *payment, const struct fact *fact,
                                       enum effect_kind kind, int64_t amount_units,
                                       const char *event)
{
    struct decision d = move(payment, PAYMENT_IN_CUSTODY);
    d.clears_effect = true;
    if (amount_units > 0)
        book_cancel(&d, payment, kind, LEG_SELLER_FINAL, &fact->effect_id, amount_units);
    snprintf(d.reason, sizeof d.reason, "%s: %s", effect_kind_name(kind),
             fact->reason != NULL ? fact->reason : "no reason given");
    add_event(&d, event, 0, false, false);
    return d;
}

static struct decision step_waiting_deposit(const struct payment *payment, const struct fact *fact)
{
    if (fact->kind == FACT_DEPOSIT) {
        struct decision d =
            move(payment, fact->already_issued ? PAYMENT_ISSUED : PAYMENT_WAITING_ISSUANCE);
        book_assign(&d, payment, fact->already_issued);
        add_event(&d, "deposit_received", units_of(payment->amount_centavos), true, false);
        if (fact->already_issued)
            add_event(&d, "mxnb_issued", units_of(payment->amount_centavos), false, false);
        return d;
    }
    /* Money that has arrived is never left without its payment. */
    if (fact->kind == FACT_ASK_CANCEL && payment->deposit_matched)
        return refuse("its deposit has arrived: it can no longer be cancelled");
    if (fact->kind == FACT_ASK_CANCEL) {
        struct decision d = move(payment, PAYMENT_CANCELLED);
        d.look_again_ms = 0;
        add_event(&d, "payment_cancelled", 0, false, false);
        return d;
    }
    if (fact->kind == FACT_TIME && fact->now_ms >= payment->expires_at_ms) {
        /* A deposit made in time may not be seen yet: expire only after a whole look at Juno that began
         * later than the last moment to pay. */
        if (payment->deposit_matched || fact->deposits_known_ms < payment->expires_at_ms)
            return nothing(fact->now_ms + EXPIRY_LOOK_MS);
        struct decision d = move(payment, PAYMENT_EXPIRED);
        d.look_again_ms = 0;
        add_event(&d, "payment_expired", 0, false, false);
        return d;
    }
    return nothing(payment->expires_at_ms);
}

static struct decision step_waiting_issuance(const struct payment *payment, const struct fact *fact)
{
    if (fact->kind != FACT_ISSUANCE)
        return nothing(0);
    struct decision d = move(payment, PAYMENT_ISSUED);
    book_issuance(&d, payment);
    add_event(&d, "mxnb_issued", units_of(payment->amount_centavos), true, false);
    return d;
}

static struct decision step_issued(const struct payment *payment, const struct fact *fact)
{
    if (fact->kind != FACT_TIME)
        return nothing(1);
    if (payment->custody_centavos == 0)
        return move(payment, PAYMENT_PAYING_OUT);
    int64_t units = units_of(payment->custody_centavos);
    struct decision d = move(payment, PAYMENT_BRIDGING);
    plan_moving_effect(&d, payment, EFFECT_WITHDRAW, units);
    add_event(&d, "withdrawal_initiated", units, false, false);
    return d;
}

static struct decision step_bridging(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    int64_t units = units_of(payment->custody_centavos);
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, EFFECT_WITHDRAW, units);
    struct decision d = move(payment, PAYMENT_FUNDING);
    d.clears_effect = true;
    book_settle(&d, payment, EFFECT_WITHDRAW, LEG_SELLER_FINAL, &fact->effect_id, units);
    plan_moving_effect(&d, payment, EFFECT_ESCROW_CREATE, units);
    d.effect.custody_seconds = payment->custody_seconds;
    memcpy(d.effect.note_hash, payment->terms_hash, sizeof d.effect.note_hash);
    add_event(&d, "bridge_funded", units, true, true);
    return d;
}

static struct decision step_funding(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    int64_t units = units_of(payment->custody_centavos);
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, EFFECT_ESCROW_CREATE, units);
    struct decision d = move(payment, PAYMENT_IN_CUSTODY);
    d.clears_effect = true;
    d.custody_end_s = fact->custody_end_s;
    book_settle(&d, payment, EFFECT_ESCROW_CREATE, LEG_SELLER_FINAL, &fact->effect_id, units);
    add_event(&d, "escrow_created", units, false, true);
    return d;
}

static bool custody_is_over(const struct payment *payment, const struct fact *fact,
                            const struct flow_rules *rules)
{
    int64_t due_s = payment->custody_end_s + rules->release_margin_s;
    if (fact->chain_time_s < due_s)
        return false;
    return !rules->wall_clock_too || fact->now_ms / 1000 >= due_s;
}

static struct decision ask_dispute(const struct payment *payment, const struct fact *fact,
                                   const struct flow_rules *rules)
{
    if (fact->chain_time_s == 0)
        return refuse("the chain's time is not known yet; try again when the node answers");
    if (fact->chain_time_s >= payment->custody_end_s - rules->dispute_margin_s)
        return refuse("the custody period is over: a dispute must be raised before its end");
    struct decision d = move(payment, PAYMENT_DISPUTING);
    plan_effect(&d, payment, EFFECT_DISPUTE_RAISE, 0);
    d.effect.party = fact->party;
    memcpy(d.effect.note_hash, fact->note_hash, sizeof d.effect.note_hash);
    return d;
}

static struct decision release(const struct payment *payment, enum effect_kind kind,
                               const struct fact *fact)
{
    struct decision d = move(payment, PAYMENT_RELEASING);
    plan_moving_effect(&d, payment, kind, units_of(payment->custody_centavos));
    memcpy(d.effect.note_hash, fact->note_hash, sizeof d.effect.note_hash);
    return d;
}

static struct decision step_in_custody(const struct payment *payment, const struct fact *fact,
                                       const struct flow_rules *rules)
{
    if (fact->kind == FACT_ASK_DISPUTE)
        return ask_dispute(payment, fact, rules);
    if (fact->kind == FACT_ASK_RELEASE_EARLY)
        return release(payment, EFFECT_ESCROW_RELEASE_EARLY, fact);
    if (fact->kind == FACT_TIME && custody_is_over(payment, fact, rules))
        return release(payment, EFFECT_ESCROW_RELEASE, fact);
    /* The watcher wakes payments whose end the chain has passed; our own clock matters only if asked. */
    return nothing(rules->wall_clock_too && fact->kind == FACT_TIME &&
                           fact->chain_time_s >= payment->custody_end_s
                       ? (payment->custody_end_s + rules->release_margin_s) * 1000
                       : 0);
}

static struct decision step_disputing(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    if (fact->effect_end == EFFECT_REJECTED)
        return back_to_custody(payment, fact, EFFECT_DISPUTE_RAISE, 0, "dispute_refused");
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, EFFECT_DISPUTE_RAISE, 0);
    struct decision d = move(payment, PAYMENT_DISPUTED);
    d.clears_effect = true;
    d.look_again_ms = 0;
    add_event(&d, "dispute_raised", 0, false, true);
    return d;
}

static void change_leg(struct decision *d, const struct leg *leg, enum leg_state state,
                       int64_t centavos)
{
    CHECK(d->legs_n < FLOW_LEG_CHANGES_MAX);
    d->leg[d->legs_n++] = (struct leg_change){.n = leg->n,
                                              .role = leg->role,
                                              .state = state,
                                              .beneficiary_id = leg->beneficiary_id,
                                              .amount_centavos = centavos};
}

/* Re-cuts the custody legs when part of the share goes back to the buyer. Commissions shrink with the
 * seller's part, rounded down; the remainder stays with the seller, so the parts sum to the share.
 * Returns the commissions' new sum. */
static int64_t recut_legs(struct decision *d, const struct payment *payment, int64_t buyer)
{
    int64_t seller = payment->custody_centavos - buyer;
    int64_t commission_sum = 0;
    const struct leg *final_leg = NULL;
    for (size_t i = 0; i < payment->legs_n; i++) {
        const struct leg *leg = &payment->legs[i];
        if (leg->role == LEG_SELLER_FINAL)
            final_leg = leg;
        if (leg->role != LEG_COMMISSION)
            continue;
        int64_t part =
            (int64_t)((__int128)leg->amount_centavos * seller / payment->custody_centavos);
        change_leg(d, leg, part > 0 ? LEG_PLANNED : LEG_VOID, part);
        commission_sum += part;
    }
    int64_t net = seller - commission_sum;
    struct leg added = {.n = (int)payment->legs_n};
    if (final_leg != NULL) {
        change_leg(d, final_leg, net > 0 ? LEG_PLANNED : LEG_VOID, net);
    } else if (net > 0) {
        added.role = LEG_SELLER_FINAL;
        added.beneficiary_id = payment->seller_id;
        change_leg(d, &added, LEG_PLANNED, net);
        added.n++;
    }
    added.role = LEG_BUYER_REFUND;
    added.beneficiary_id = payment->buyer_id;
    change_leg(d, &added, LEG_PLANNED, buyer);
    return commission_sum;
}

static struct decision ask_split(const struct payment *payment, const struct fact *fact,
                                 const struct flow_rules *rules)
{
    int64_t buyer = fact->buyer_centavos;
    int64_t seller = payment->custody_centavos - buyer;
    if (buyer <= 0 || seller <= 0)
        return refuse("buyer_amount must lie strictly between zero and the custody share");
    if (buyer < rules->min_leg_centavos)
        return refuse("buyer_amount is below the least Juno redeems; approve or dismiss instead");
    struct decision cut = {0};
    int64_t net = seller - recut_legs(&cut, payment, buyer);
    if (net > 0 && net < rules->min_leg_centavos)
        return refuse("the seller's part is below the least Juno redeems; change buyer_amount");
    struct decision d = move(payment, PAYMENT_SPLITTING);
    plan_moving_effect(&d, payment, EFFECT_DISPUTE_SPLIT, units_of(payment->custody_centavos));
    d.effect.buyer_units = units_of(buyer);
    d.buyer_centavos = buyer;
    memcpy(d.effect.note_hash, fact->note_hash, sizeof d.effect.note_hash);
    return d;
}

static struct decision step_disputed(const struct payment *payment, const struct fact *fact,
                                     const struct flow_rules *rules)
{
    if (fact->kind == FACT_ASK_SPLIT)
        return ask_split(payment, fact, rules);
    if (fact->kind == FACT_ASK_REVERT) {
        struct decision d = move(payment, PAYMENT_REVERTING);
        plan_moving_effect(&d, payment, EFFECT_DISPUTE_REVERT, units_of(payment->custody_centavos));
        memcpy(d.effect.note_hash, fact->note_hash, sizeof d.effect.note_hash);
        return d;
    }
    if (fact->kind == FACT_ASK_DISMISS) {
        struct decision d = move(payment, PAYMENT_DISMISSING);
        plan_effect(&d, payment, EFFECT_DISPUTE_DISMISS, 0);
        memcpy(d.effect.note_hash, fact->note_hash, sizeof d.effect.note_hash);
        return d;
    }
    return nothing(0);
}

static struct decision step_dismissing(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, EFFECT_DISPUTE_DISMISS, 0);
    struct decision d = move(payment, PAYMENT_IN_CUSTODY);
    d.clears_effect = true;
    add_event(&d, "dispute_dismissed", 0, false, true);
    return d;
}

/* Release, reversal and split end alike: the tokens are back at the bridge and go on to Juno. */
static struct decision escrow_ended(const struct payment *payment, const struct fact *fact,
                                    enum effect_kind kind, enum payment_outcome outcome)
{
    int64_t units = units_of(payment->custody_centavos);
    if (fact->effect_end == EFFECT_REJECTED && kind == EFFECT_ESCROW_RELEASE_EARLY)
        return back_to_custody(payment, fact, kind, units, "release_refused");
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, kind, units);
    struct decision d = move(payment, PAYMENT_RETURNING);
    d.clears_effect = true;
    d.outcome = outcome;
    int64_t buyer = 0;
    int64_t commission = payment->commission_centavos;
    if (outcome == ENDING_REVERTED)
        buyer = payment->custody_centavos;
    if (outcome == ENDING_SPLIT)
        buyer = payment->buyer_centavos;
    if (buyer > 0)
        commission = recut_legs(&d, payment, buyer);
    book_settle(&d, payment, kind, LEG_SELLER_FINAL, &fact->effect_id, units);
    book_distribute(&d, payment, &fact->effect_id, buyer, commission);
    plan_moving_effect(&d, payment, EFFECT_TOKEN_TRANSFER, units);
    add_event(&d, outcome == ENDING_RELEASED ? "escrow_released" : "dispute_resolved", units, false,
              true);
    return d;
}

static struct decision step_ending(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    if (payment->state == PAYMENT_REVERTING)
        return escrow_ended(payment, fact, EFFECT_DISPUTE_REVERT, ENDING_REVERTED);
    if (payment->state == PAYMENT_SPLITTING)
        return escrow_ended(payment, fact, EFFECT_DISPUTE_SPLIT, ENDING_SPLIT);
    return escrow_ended(payment, fact, fact->effect_kind, ENDING_RELEASED);
}

static struct decision step_returning(const struct payment *payment, const struct fact *fact)
{
    if (!is_current_effect(payment, fact) || fact->effect_end == EFFECT_OPEN)
        return nothing(0);
    int64_t units = units_of(payment->custody_centavos);
    if (fact->effect_end != EFFECT_CONFIRMED)
        return park(payment, fact, EFFECT_TOKEN_TRANSFER, units);
    struct decision d = move(payment, PAYMENT_PAYING_OUT);
    d.clears_effect = true;
    book_settle(&d, payment, EFFECT_TOKEN_TRANSFER, LEG_SELLER_FINAL, &fact->effect_id, units);
    add_event(&d, "returned_to_juno", units, true, true);
    return d;
}

static struct decision step_paying_out(const struct payment *payment, const struct fact *fact)
{
    if (fact->kind != FACT_TIME)
        return nothing(1);
    for (size_t i = 0; i < payment->legs_n; i++) {
        enum leg_state state = payment->legs[i].state;
        if (state != LEG_PAID && state != LEG_ACCUMULATED && state != LEG_VOID)
            return nothing(0);
    }
    struct decision d = move(payment, PAYMENT_COMPLETED);
    d.look_again_ms = 0;
    if (d.outcome == ENDING_OPEN)
        d.outcome = ENDING_RELEASED;
    add_event(&d, "payment_completed", units_of(payment->amount_centavos), false, false);
    return d;
}

static bool is_request(enum fact_kind kind)
{
    return kind >= FACT_ASK_CANCEL && kind <= FACT_ASK_RELEASE_EARLY;
}

static struct decision dispatch(const struct payment *payment, const struct fact *fact,
                                const struct flow_rules *rules)
{
    switch (payment->state) {
    case PAYMENT_WAITING_DEPOSIT:
        return step_waiting_deposit(payment, fact);
    case PAYMENT_WAITING_ISSUANCE:
        return step_waiting_issuance(payment, fact);
    case PAYMENT_ISSUED:
        return step_issued(payment, fact);
    case PAYMENT_BRIDGING:
        return step_bridging(payment, fact);
    case PAYMENT_FUNDING:
        return step_funding(payment, fact);
    case PAYMENT_IN_CUSTODY:
        return step_in_custody(payment, fact, rules);
    case PAYMENT_DISPUTING:
        return step_disputing(payment, fact);
    case PAYMENT_DISPUTED:
        return step_disputed(payment, fact, rules);
    case PAYMENT_DISMISSING:
        return step_dismissing(payment, fact);
    case PAYMENT_RELEASING:
    case PAYMENT_REVERTING:
    case PAYMENT_SPLITTING:
        return step_ending(payment, fact);
    case PAYMENT_RETURNING:
        return step_returning(payment, fact);
    case PAYMENT_PAYING_OUT:
        return step_paying_out(payment, fact);
    case PAYMENT_COMPLETED:
    case PAYMENT_EXPIRED:
    case PAYMENT_CANCELLED:
    case PAYMENT_PARKED:
        return nothing(0);
    }
    CHECK(!"payment state out of range");
    return nothing(0);
}

struct decision payment_step(const struct payment *payment, const struct fact *fact,
                             const struct flow_rules *rules)
{
    struct decision d = dispatch(payment, fact, rules);
    if (d.verdict == VERDICT_NOTHING && is_request(fact->kind)) {
        char why[FLOW_TEXT_MAX];
        snprintf(why, sizeof why, "not possible in state %s: it waits for %s",
                 payment_state_name(payment->state), payment_waits_for(payment->state));
        return refuse(why);
    }
    return d;
}
