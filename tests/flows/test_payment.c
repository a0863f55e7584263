/*
 * Every state is given every fact. A small ledger and effect book of the test's own applies decisions, so
 * what is checked is money, not the code's own arithmetic: accounts are empty when a payment is completed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relayer/flows/book.h"
#include "relayer/flows/payment.h"

static const struct flow_rules RULES = {
    .min_leg_centavos = 10000, .release_margin_s = 2, .dispute_margin_s = 0};

enum { CUSTODY_END = 5000, BOOK_MAX = 64 };

/* --- the test's own ledger: a sum per account and layer ---------------------------------------- */

struct book_row {
    char code[ACCOUNT_CODE_MAX];
    enum layer layer;
    int64_t amount;
};
struct world {
    struct payment p;
    struct book_row row[BOOK_MAX];
    size_t rows_n;
    struct effect_plan effect; /* last planned effect of the strand */
    struct effect_plan leg_effect[PAYMENT_LEGS_MAX];
    bool leg_open[PAYMENT_LEGS_MAX];
    struct uuid txns[BOOK_MAX];
    size_t txns_n;
    char events[1024];
};

static void book(struct world *w, const struct posting *posting)
{
    assert_true(posting_balanced(posting));
    for (size_t i = 0; i < w->txns_n; i++)
        assert_false(uuid_equal(&w->txns[i], &posting->txn_id));
    assert_true(w->txns_n < BOOK_MAX);
    w->txns[w->txns_n++] = posting->txn_id;
    for (size_t i = 0; i < posting->n; i++) {
        const struct posting_line *line = &posting->line[i];
        char code[ACCOUNT_CODE_MAX];
        account_code(line->class, line->has_owner ? &line->owner : NULL, code);
        size_t at = 0;
        while (at < w->rows_n &&
               (strcmp(w->row[at].code, code) != 0 || w->row[at].layer != line->layer))
            at++;
        assert_true(at < BOOK_MAX);
        if (at == w->rows_n) {
            memcpy(w->row[at].code, code, sizeof code);
            w->row[at].layer = line->layer;
            w->row[at].amount = 0;
            w->rows_n++;
        }
        w->row[at].amount += line->amount;
    }
}

static int64_t balance(const struct world *w, const char *class_name, enum layer layer)
{
    int64_t sum = 0;
    size_t n = strlen(class_name);
    for (size_t i = 0; i < w->rows_n; i++) {
        const struct book_row *row = &w->row[i];
        if (row->layer == layer && strncmp(row->code, class_name, n) == 0 &&
            (row->code[n] == '\0' || row->code[n] == ':'))
            sum += row->amount;
    }
    return sum;
}

/* All accounts are empty, but for commissions that wait at Juno until they reach its floor. */
static void assert_all_empty(const struct world *w)
{
    assert_int_equal(balance(w, "juno_mxnb", LAYER_POSTED),
                     -balance(w, "commission", LAYER_POSTED));
    for (size_t i = 0; i < w->rows_n; i++) {
        bool waits = strcmp(w->row[i].code, "juno_mxnb") == 0 ||
                     strncmp(w->row[i].code, "commission:", 11) == 0;
        if (w->row[i].amount != 0 && !(waits && w->row[i].layer == LAYER_POSTED))
            fail_msg("%s layer %d still holds %lld", w->row[i].code, (int)w->row[i].layer,
                     (long long)w->row[i].amount);
    }
}

/* --- applying decisions ------------------------------------------------------------------------ */

static void apply_legs(struct world *w, const struct decision *d)
{
    for (size_t i = 0; i < d->legs_n; i++) {
        const struct leg_change *change = &d->leg[i];
        assert_true(change->n <= (int)w->p.legs_n);
        if (change->n == (int)w->p.legs_n)
            w->p.legs_n++;
        struct leg *leg = &w->p.legs[change->n];
        leg->n = change->n;
        leg->role = change->role;
        leg->state = change->state;
        leg->beneficiary_id = change->beneficiary_id;
        leg->amount_centavos = change->amount_centavos;
    }
}

static void apply(struct world *w, const struct decision *d)
{
    assert_int_equal(d->verdict, VERDICT_MOVE);
    for (size_t i = 0; i < d->postings_n; i++)
        book(w, &d->posting[i]);
    apply_legs(w, d);
    if (d->has_effect && d->effect.leg_n < 0) {
        w->effect = d->effect;
        w->p.has_effect = true;
        w->p.effect_id = d->effect.id;
    } else if (d->clears_effect && d->legs_n == 0) {
        w->p.has_effect = false;
    }
    if (d->has_effect && d->effect.leg_n >= 0) {
        w->leg_effect[d->effect.leg_n] = d->effect;
        w->leg_open[d->effect.leg_n] = true;
        w->p.legs[d->effect.leg_n].has_effect = true;
        w->p.legs[d->effect.leg_n].effect_id = d->effect.id;
    }
    w->p.state = d->next;
    w->p.outcome = d->outcome;
    if (d->custody_end_s != 0)
        w->p.custody_end_s = d->custody_end_s;
    if (d->buyer_centavos != 0)
        w->p.buyer_centavos = d->buyer_centavos;
    w->p.version++;
    for (size_t i = 0; i < d->events_n; i++) {
        size_t used = strlen(w->events);
        snprintf(w->events + used, sizeof w->events - used, "%s ", d->event[i].type);
    }
}

static struct fact tell(enum fact_kind kind)
{
    return (struct fact){.kind = kind, .now_ms = 1000, .chain_time_s = 1000};
}

static void step(struct world *w, struct fact fact)
{
    struct decision d = payment_step(&w->p, &fact, &RULES);
    if (d.verdict != VERDICT_MOVE)
        fail_msg("state %s: fact %d gave %d (%s)", payment_state_name(w->p.state), (int)fact.kind,
                 (int)d.verdict, d.reason);
    apply(w, &d);
}

static struct fact strand_fact(const struct world *w, enum effect_end end)
{
    struct fact fact = tell(FACT_EFFECT);
    fact.effect_kind = w->effect.kind;
    fact.effect_id = w->p.effect_id;
    fact.effect_end = end;
    fact.custody_end_s = CUSTODY_END;
    fact.reason = "because";
    return fact;
}

static void strand_done(struct world *w)
{
    struct fact fact = strand_fact(w, EFFECT_CONFIRMED);
    step(w, fact);
    /* The same fact again changes nothing: its effect is over. */
    struct decision d = payment_step(&w->p, &fact, &RULES);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
}

static void legs_time(struct world *w)
{
    for (size_t i = 0; i < w->p.legs_n; i++) {
        struct fact time = tell(FACT_TIME);
        struct decision d = payment_leg_step(&w->p, &w->p.legs[i], &time, &RULES);
        if (d.verdict == VERDICT_MOVE)
            apply(w, &d);
    }
}

static void legs_end(struct world *w, enum effect_end end)
{
    for (size_t i = 0; i < w->p.legs_n; i++) {
        if (!w->leg_open[i])
            continue;
        w->leg_open[i] = false;
        struct fact fact = tell(FACT_EFFECT);
        fact.effect_kind = EFFECT_REDEEM;
        fact.effect_id = w->p.legs[i].effect_id;
        fact.effect_end = end;
        fact.reason = "because";
        struct decision d = payment_leg_step(&w->p, &w->p.legs[i], &fact, &RULES);
        apply(w, &d);
        d = payment_leg_step(&w->p, &w->p.legs[i], &fact, &RULES);
        assert_int_equal(d.verdict, VERDICT_NOTHING);
    }
}

static void start(struct world *w)
{
    memset(w, 0, sizeof *w);
    struct payment_terms terms = {.amount_centavos = 100000,
                                  .immediate_centavos = 30000,
                                  .commissions_n = 2,
                                  .commission_centavos = {10000, 12000},
                                  .custody_seconds = 3600};
    terms.seller_id.b[0] = 1;
    terms.commission_to[0].b[0] = 2;
    terms.commission_to[1].b[0] = 3;
    char why[FLOW_TEXT_MAX];
    assert_true(payment_plan(&terms, &RULES, &w->p, why));
    w->p.id.b[0] = 9;
    w->p.buyer_id.b[0] = 4;
    w->p.expires_at_ms = 100000;
}

static void deposit(struct world *w)
{
    struct uuid id = {{7}};
    struct posting posting = book_deposit(&id, w->p.amount_centavos);
    book(w, &posting);
    step(w, tell(FACT_DEPOSIT));
    step(w, tell(FACT_ISSUANCE));
}

static void to_custody(struct world *w)
{
    start(w);
    deposit(w);
    legs_time(w); /* the immediate share leaves at once */
    step(w, tell(FACT_TIME));
    assert_int_equal(w->effect.kind, EFFECT_WITHDRAW);
    legs_end(w, EFFECT_CONFIRMED);
    strand_done(w);
    assert_int_equal(w->effect.kind, EFFECT_ESCROW_CREATE);
    strand_done(w);
    assert_int_equal(w->p.state, PAYMENT_IN_CUSTODY);
    assert_int_equal(w->p.custody_end_s, CUSTODY_END);
    assert_int_equal(balance(w, "escrow_mxnb", LAYER_POSTED), 700000000);
    assert_int_equal(balance(w, "bridge_mxnb", LAYER_POSTED), 0);
    assert_int_equal(balance(w, "juno_mxnb", LAYER_POSTED), 0);
}

static void to_disputed(struct world *w)
{
    to_custody(w);
    struct fact ask = tell(FACT_ASK_DISPUTE);
    ask.party = 1;
    step(w, ask);
    strand_done(w);
    assert_int_equal(w->p.state, PAYMENT_DISPUTED);
}

static void to_the_end(struct world *w)
{
    strand_done(w); /* the escrow ended */
    assert_int_equal(w->effect.kind, EFFECT_TOKEN_TRANSFER);
    strand_done(w);
    assert_int_equal(w->p.state, PAYMENT_PAYING_OUT);
    legs_time(w);
    struct fact time = tell(FACT_TIME);
    struct decision early = payment_step(&w->p, &time, &RULES);
    assert_int_equal(early.verdict, VERDICT_NOTHING);
    legs_end(w, EFFECT_CONFIRMED);
    step(w, time);
    assert_int_equal(w->p.state, PAYMENT_COMPLETED);
    assert_all_empty(w);
}

static int64_t paid_to(const struct world *w, enum leg_role role)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->p.legs_n; i++) {
        if (w->p.legs[i].role == role && w->p.legs[i].state == LEG_PAID)
            sum += w->p.legs[i].amount_centavos;
    }
    return sum;
}

/* --- stories ----------------------------------------------------------------------------------- */

static void released_and_paid(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    struct fact time = tell(FACT_TIME);
    time.chain_time_s = CUSTODY_END + 1;
    assert_int_equal(payment_step(&w.p, &time, &RULES).verdict, VERDICT_NOTHING);
    time.chain_time_s = CUSTODY_END + 2;
    step(&w, time);
    assert_int_equal(w.effect.kind, EFFECT_ESCROW_RELEASE);
    to_the_end(&w);
    assert_int_equal(w.p.outcome, ENDING_RELEASED);
    assert_int_equal(paid_to(&w, LEG_SELLER_IMMEDIATE), 30000);
    assert_int_equal(paid_to(&w, LEG_SELLER_FINAL), 48000);
    assert_int_equal(paid_to(&w, LEG_COMMISSION), 22000);
    assert_string_equal(w.events,
                        "deposit_received mxnb_issued redemption_initiated withdrawal_initiated "
                        "redemption_success payout_completed bridge_funded escrow_created "
                        "escrow_released returned_to_juno redemption_initiated "
                        "redemption_initiated redemption_initiated redemption_success "
                        "payout_completed redemption_success commission_paid "
                        "redemption_success commission_paid payment_completed ");
}

static void released_early_by_the_arbiter(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    step(&w, tell(FACT_ASK_RELEASE_EARLY));
    assert_int_equal(effect_kind_lane(w.effect.kind), LANE_ARBITER);
    to_the_end(&w);
    assert_int_equal(w.p.outcome, ENDING_RELEASED);
}

static void dispute_approved_pays_the_buyer(void **state)
{
    (void)state;
    struct world w;
    to_disputed(&w);
    step(&w, tell(FACT_ASK_REVERT));
    to_the_end(&w);
    assert_int_equal(w.p.outcome, ENDING_REVERTED);
    assert_int_equal(paid_to(&w, LEG_BUYER_REFUND), 70000);
    assert_int_equal(paid_to(&w, LEG_SELLER_FINAL), 0);
    assert_int_equal(paid_to(&w, LEG_COMMISSION), 0);
}

static void dispute_dismissed_goes_on_to_the_same_end(void **state)
{
    (void)state;
    struct world w;
    to_disputed(&w);
    step(&w, tell(FACT_ASK_DISMISS));
    strand_done(&w);
    assert_int_equal(w.p.state, PAYMENT_IN_CUSTODY);
    assert_int_equal(w.p.custody_end_s, CUSTODY_END);
    struct fact time = tell(FACT_TIME);
    time.chain_time_s = CUSTODY_END + 2;
    step(&w, time);
    to_the_end(&w);
    assert_int_equal(paid_to(&w, LEG_SELLER_FINAL), 48000);
}

static void dispute_split_is_exact(void **state)
{
    (void)state;
    for (int64_t buyer = 10000; buyer <= 50000; buyer += 3331) {
        struct world w;
        to_disputed(&w);
        struct fact ask = tell(FACT_ASK_SPLIT);
        ask.buyer_centavos = buyer;
        step(&w, ask);
        assert_int_equal(w.effect.buyer_units, buyer * 10000);
        to_the_end(&w);
        assert_int_equal(w.p.outcome, ENDING_SPLIT);
        assert_int_equal(paid_to(&w, LEG_BUYER_REFUND), buyer);
        int64_t waiting = -balance(&w, "commission", LAYER_POSTED) / 10000;
        assert_int_equal(paid_to(&w, LEG_SELLER_FINAL) + paid_to(&w, LEG_COMMISSION) + waiting,
                         70000 - buyer);
    }
}

static void split_bounds_are_refused(void **state)
{
    (void)state;
    struct world w;
    to_disputed(&w);
    const int64_t bad[] = {0, -1, 70000, 70001, 9999, 65000};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fact ask = tell(FACT_ASK_SPLIT);
        ask.buyer_centavos = bad[i];
        struct decision d = payment_step(&w.p, &ask, &RULES);
        assert_int_equal(d.verdict, VERDICT_REFUSE);
        assert_true(strlen(d.reason) > 10);
    }
}

static void dispute_at_or_after_the_end_is_refused(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    struct fact ask = tell(FACT_ASK_DISPUTE);
    ask.chain_time_s = CUSTODY_END;
    assert_int_equal(payment_step(&w.p, &ask, &RULES).verdict, VERDICT_REFUSE);
    ask.chain_time_s = 0;
    assert_int_equal(payment_step(&w.p, &ask, &RULES).verdict, VERDICT_REFUSE);
    ask.chain_time_s = CUSTODY_END - 1;
    assert_int_equal(payment_step(&w.p, &ask, &RULES).verdict, VERDICT_MOVE);
}

static void what_the_contract_refuses_leaves_custody_as_it_was(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    step(&w, tell(FACT_ASK_DISPUTE));
    step(&w, strand_fact(&w, EFFECT_REJECTED));
    assert_int_equal(w.p.state, PAYMENT_IN_CUSTODY);
    assert_false(w.p.has_effect);
    step(&w, tell(FACT_ASK_RELEASE_EARLY));
    assert_int_equal(balance(&w, "bridge_mxnb", LAYER_PENDING), 700000000);
    step(&w, strand_fact(&w, EFFECT_REJECTED));
    assert_int_equal(w.p.state, PAYMENT_IN_CUSTODY);
    assert_int_equal(balance(&w, "bridge_mxnb", LAYER_PENDING), 0);
    struct fact time = tell(FACT_TIME);
    time.chain_time_s = CUSTODY_END + 2;
    step(&w, time);
    to_the_end(&w);
}

static void our_own_clock_may_be_asked_too(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    struct flow_rules both = RULES;
    both.wall_clock_too = true;
    struct fact time = tell(FACT_TIME);
    time.chain_time_s = CUSTODY_END + 2;
    struct decision d = payment_step(&w.p, &time, &both);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
    assert_int_equal(d.look_again_ms, (CUSTODY_END + 2) * 1000);
    time.now_ms = (CUSTODY_END + 2) * 1000LL;
    assert_int_equal(payment_step(&w.p, &time, &both).verdict, VERDICT_MOVE);
}

static void unpaid_payment_expires_or_is_cancelled(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    struct fact time = tell(FACT_TIME);
    time.now_ms = 99999;
    struct decision d = payment_step(&w.p, &time, &RULES);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
    assert_int_equal(d.look_again_ms, 100000);
    time.now_ms = 100000;
    /* Juno's deposits were last looked at before the end: one made in time may not be known yet. */
    time.deposits_known_ms = 99999;
    d = payment_step(&w.p, &time, &RULES);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
    assert_true(d.look_again_ms > 100000);
    time.deposits_known_ms = 100000;
    w.p.deposit_matched = true;
    assert_int_equal(payment_step(&w.p, &time, &RULES).verdict, VERDICT_NOTHING);
    w.p.deposit_matched = false;
    step(&w, time);
    assert_int_equal(w.p.state, PAYMENT_EXPIRED);
    start(&w);
    w.p.deposit_matched = true;
    struct fact cancel = tell(FACT_ASK_CANCEL);
    assert_int_equal(payment_step(&w.p, &cancel, &RULES).verdict, VERDICT_REFUSE);
    w.p.deposit_matched = false;
    step(&w, cancel);
    assert_int_equal(w.p.state, PAYMENT_CANCELLED);
    assert_int_equal(w.rows_n, 0);
}

static void money_found_late_is_assigned_from_where_it_lies(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    struct uuid id = {{7}};
    struct posting posting = book_deposit(&id, w.p.amount_centavos);
    book(&w, &posting);
    posting = book_issuance_unassigned(&id, w.p.amount_centavos);
    book(&w, &posting);
    struct fact fact = tell(FACT_DEPOSIT);
    fact.already_issued = true;
    step(&w, fact);
    assert_int_equal(w.p.state, PAYMENT_ISSUED);
    assert_int_equal(balance(&w, "unassigned_mxn", LAYER_POSTED), 0);
    assert_int_equal(balance(&w, "unassigned_mxnb", LAYER_POSTED), 0);
    assert_int_equal(balance(&w, "owed_custody", LAYER_POSTED), -700000000);
}

static void whole_amount_at_once_needs_no_escrow(void **state)
{
    (void)state;
    struct world w;
    memset(&w, 0, sizeof w);
    struct payment_terms terms = {.amount_centavos = 50000, .immediate_centavos = 50000};
    char why[FLOW_TEXT_MAX];
    assert_true(payment_plan(&terms, &RULES, &w.p, why));
    w.p.expires_at_ms = 100000;
    deposit(&w);
    legs_time(&w);
    step(&w, tell(FACT_TIME));
    assert_int_equal(w.p.state, PAYMENT_PAYING_OUT);
    legs_end(&w, EFFECT_CONFIRMED);
    step(&w, tell(FACT_TIME));
    assert_int_equal(w.p.state, PAYMENT_COMPLETED);
    assert_all_empty(&w);
}

static void small_commission_waits_in_its_account(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    w.p.accumulate = true;
    for (size_t i = 0; i < w.p.legs_n; i++) {
        if (w.p.legs[i].role == LEG_COMMISSION && w.p.legs[i].amount_centavos == 10000) {
            w.p.legs[i].amount_centavos = 500;
            w.p.legs[1].amount_centavos += 9500;
            w.p.commission_centavos -= 9500;
        }
    }
    deposit(&w);
    legs_time(&w);
    step(&w, tell(FACT_TIME));
    legs_end(&w, EFFECT_CONFIRMED);
    strand_done(&w);
    strand_done(&w);
    struct fact time = tell(FACT_TIME);
    time.chain_time_s = CUSTODY_END + 2;
    step(&w, time);
    strand_done(&w);
    strand_done(&w);
    legs_time(&w);
    legs_end(&w, EFFECT_CONFIRMED);
    step(&w, tell(FACT_TIME));
    assert_int_equal(w.p.state, PAYMENT_COMPLETED);
    assert_int_equal(balance(&w, "commission", LAYER_POSTED), -5000000);
    assert_int_equal(balance(&w, "juno_mxnb", LAYER_POSTED), 5000000);
}

static void refused_payout_undoes_its_reservation(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    deposit(&w);
    legs_time(&w);
    assert_int_equal(balance(&w, "juno_mxnb", LAYER_PENDING), -300000000);
    legs_end(&w, EFFECT_REJECTED);
    assert_int_equal(w.p.legs[0].state, LEG_PARKED);
    assert_int_equal(balance(&w, "juno_mxnb", LAYER_PENDING), 0);
    assert_int_equal(balance(&w, "owed_immediate", LAYER_POSTED), -300000000);
}

static void unknown_payout_keeps_its_reservation(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    deposit(&w);
    legs_time(&w);
    legs_end(&w, EFFECT_PARKED);
    assert_int_equal(balance(&w, "juno_mxnb", LAYER_PENDING), -300000000);
}

static void returned_payout_opens_the_payment_again(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    deposit(&w);
    legs_time(&w);
    legs_end(&w, EFFECT_CONFIRMED);
    struct fact fact = tell(FACT_PAYOUT_RETURNED);
    struct decision d = payment_leg_step(&w.p, &w.p.legs[0], &fact, &RULES);
    apply(&w, &d);
    /* The custody strand is not concerned; the payment just cannot complete any more. */
    assert_int_equal(w.p.state, PAYMENT_ISSUED);
    assert_int_equal(w.p.legs[0].state, LEG_RETURNED);
    assert_int_equal(balance(&w, "juno_mxn", LAYER_POSTED), 30000);
    struct world done = w;
    done.p.state = PAYMENT_COMPLETED;
    done.p.legs[0].state = LEG_PAID;
    assert_int_equal(payment_leg_step(&done.p, &done.p.legs[0], &fact, &RULES).next,
                     PAYMENT_PARKED);
    d = payment_leg_step(&w.p, &w.p.legs[0], &fact, &RULES);
    assert_int_equal(d.verdict, VERDICT_NOTHING);
}

/* --- every state, every fact ------------------------------------------------------------------- */

static const bool EDGE[PAYMENT_STATES + 1][PAYMENT_STATES + 1] = {
    [PAYMENT_WAITING_DEPOSIT][PAYMENT_WAITING_ISSUANCE] = true,
    [PAYMENT_WAITING_DEPOSIT][PAYMENT_ISSUED] = true,
    [PAYMENT_WAITING_DEPOSIT][PAYMENT_EXPIRED] = true,
    [PAYMENT_WAITING_DEPOSIT][PAYMENT_CANCELLED] = true,
    [PAYMENT_WAITING_ISSUANCE][PAYMENT_ISSUED] = true,
    [PAYMENT_ISSUED][PAYMENT_BRIDGING] = true,
    [PAYMENT_BRIDGING][PAYMENT_FUNDING] = true,
    [PAYMENT_BRIDGING][PAYMENT_PARKED] = true,
    [PAYMENT_FUNDING][PAYMENT_IN_CUSTODY] = true,
    [PAYMENT_FUNDING][PAYMENT_PARKED] = true,
    [PAYMENT_IN_CUSTODY][PAYMENT_DISPUTING] = true,
    [PAYMENT_IN_CUSTODY][PAYMENT_RELEASING] = true,
    [PAYMENT_DISPUTING][PAYMENT_DISPUTED] = true,
    [PAYMENT_DISPUTING][PAYMENT_PARKED] = true,
    [PAYMENT_DISPUTING][PAYMENT_IN_CUSTODY] = true,
    [PAYMENT_RELEASING][PAYMENT_IN_CUSTODY] = true,
    [PAYMENT_DISPUTED][PAYMENT_DISMISSING] = true,
    [PAYMENT_DISPUTED][PAYMENT_REVERTING] = true,
    [PAYMENT_DISPUTED][PAYMENT_SPLITTING] = true,
    [PAYMENT_DISMISSING][PAYMENT_IN_CUSTODY] = true,
    [PAYMENT_DISMISSING][PAYMENT_PARKED] = true,
    [PAYMENT_RELEASING][PAYMENT_RETURNING] = true,
    [PAYMENT_RELEASING][PAYMENT_PARKED] = true,
    [PAYMENT_REVERTING][PAYMENT_RETURNING] = true,
    [PAYMENT_REVERTING][PAYMENT_PARKED] = true,
    [PAYMENT_SPLITTING][PAYMENT_RETURNING] = true,
    [PAYMENT_SPLITTING][PAYMENT_PARKED] = true,
    [PAYMENT_RETURNING][PAYMENT_PAYING_OUT] = true,
    [PAYMENT_RETURNING][PAYMENT_PARKED] = true,
};

static void check_decision(const struct payment *p, const struct decision *d,
                           const struct fact *fact)
{
    if (d->verdict != VERDICT_MOVE) {
        assert_int_equal(d->postings_n, 0);
        assert_int_equal(d->legs_n, 0);
        assert_false(d->has_effect);
        if (d->verdict == VERDICT_REFUSE)
            assert_true(d->reason[0] != '\0');
        return;
    }
    if (!EDGE[p->state][d->next])
        fail_msg("%s -> %s on fact %d is no edge", payment_state_name(p->state),
                 payment_state_name(d->next), (int)fact->kind);
    for (size_t i = 0; i < d->postings_n; i++)
        assert_true(posting_balanced(&d->posting[i]));
    if (d->next == PAYMENT_PARKED)
        assert_true(d->reason[0] != '\0');
}

static void every_state_meets_every_fact(void **state)
{
    (void)state;
    size_t moves = 0, still = 0;
    for (int s = 1; s <= PAYMENT_STATES; s++) {
        for (int kind = FACT_TIME; kind <= FACT_PAYOUT_RETURNED; kind++) {
            for (int end = EFFECT_OPEN; end <= EFFECT_PARKED; end++) {
                for (int own = 0; own <= 1; own++) {
                    struct world w;
                    start(&w);
                    w.p.state = (enum payment_state)s;
                    w.p.custody_end_s = CUSTODY_END;
                    w.p.buyer_centavos = 20000;
                    w.p.has_effect = true;
                    w.p.effect_id.b[0] = 5;
                    struct fact fact = tell((enum fact_kind)kind);
                    fact.effect_kind = EFFECT_ESCROW_RELEASE;
                    fact.effect_end = (enum effect_end)end;
                    fact.effect_id.b[0] = own ? 5 : 6;
                    fact.buyer_centavos = 20000;
                    struct decision d = payment_step(&w.p, &fact, &RULES);
                    check_decision(&w.p, &d, &fact);
                    /* A fact about another effect than the one under way never moves the strand. */
                    if (kind == FACT_EFFECT && !own)
                        assert_int_equal(d.verdict, VERDICT_NOTHING);
                    if (kind == FACT_EFFECT && end == EFFECT_OPEN)
                        assert_int_equal(d.verdict, VERDICT_NOTHING);
                    moves += d.verdict == VERDICT_MOVE;
                    still += d.verdict != VERDICT_MOVE;
                }
            }
        }
    }
    assert_true(moves > 30);
    assert_true(still > moves);
}

static void every_leg_state_meets_every_fact(void **state)
{
    (void)state;
    for (int s = 1; s <= PAYMENT_STATES; s++) {
        for (int ls = LEG_PLANNED; ls <= LEG_PARKED; ls++) {
            for (int kind = FACT_TIME; kind <= FACT_PAYOUT_RETURNED; kind++) {
                struct world w;
                start(&w);
                w.p.state = (enum payment_state)s;
                struct leg *leg = &w.p.legs[1];
                leg->state = (enum leg_state)ls;
                leg->has_effect = ls != LEG_PLANNED;
                leg->effect_id.b[0] = 8;
                struct fact fact = tell((enum fact_kind)kind);
                fact.effect_end = EFFECT_CONFIRMED;
                fact.effect_id.b[0] = 8;
                struct decision d = payment_leg_step(&w.p, leg, &fact, &RULES);
                bool planned = ls == LEG_PLANNED && kind == FACT_TIME && s == PAYMENT_PAYING_OUT;
                bool paid = ls == LEG_REDEEMING && kind == FACT_EFFECT;
                bool back = ls == LEG_PAID && kind == FACT_PAYOUT_RETURNED;
                assert_int_equal(d.verdict,
                                 planned || paid || back ? VERDICT_MOVE : VERDICT_NOTHING);
                for (size_t i = 0; i < d.postings_n; i++)
                    assert_true(posting_balanced(&d.posting[i]));
            }
        }
    }
}

static void what_a_suspension_holds_waits_alone(void **state)
{
    (void)state;
    struct world w;
    to_custody(&w);
    struct fact over = tell(FACT_TIME);
    over.chain_time_s = CUSTODY_END + 2;
    step(&w, over);
    strand_done(&w);
    strand_done(&w);
    struct leg *seller = &w.p.legs[1];
    assert_int_equal(seller->role, LEG_SELLER_FINAL);
    seller->held = true;
    legs_time(&w);
    w.p.legs[2].held = true; /* suspended after its order: it ends as it would have */
    legs_end(&w, EFFECT_CONFIRMED);
    assert_int_equal(paid_to(&w, LEG_COMMISSION), 22000);
    assert_int_equal(seller->state, LEG_PLANNED);
    assert_int_equal(payment_step(&w.p, &over, &RULES).verdict, VERDICT_NOTHING);
    seller->held = false;
    legs_time(&w);
    legs_end(&w, EFFECT_CONFIRMED);
    step(&w, over);
    assert_int_equal(w.p.state, PAYMENT_COMPLETED);
    assert_all_empty(&w);
}

static void the_same_step_names_the_same_effect(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    deposit(&w);
    struct fact time = tell(FACT_TIME);
    struct decision a = payment_step(&w.p, &time, &RULES);
    struct decision b = payment_step(&w.p, &time, &RULES);
    assert_true(uuid_equal(&a.effect.id, &b.effect.id));
    assert_true(uuid_equal(&a.effect.idem_key, &b.effect.idem_key));
    assert_false(uuid_equal(&a.effect.id, &a.effect.idem_key));
    w.p.version++;
    b = payment_step(&w.p, &time, &RULES);
    assert_false(uuid_equal(&a.effect.id, &b.effect.id));
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int s = 1; s <= PAYMENT_STATES; s++) {
        enum payment_state back;
        assert_true(payment_state_parse(payment_state_name((enum payment_state)s), &back));
        assert_int_equal(back, s);
        assert_true(strlen(payment_waits_for((enum payment_state)s)) > 5);
    }
    for (int k = EFFECT_REDEEM; k <= EFFECT_TOKEN_APPROVE; k++) {
        enum effect_kind back;
        assert_true(effect_kind_parse(effect_kind_name((enum effect_kind)k), &back));
        assert_int_equal(back, k);
    }
    enum payment_state none;
    assert_false(payment_state_parse("nowhere", &none));
    assert_null(payment_state_name((enum payment_state)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_and_paid),
        cmocka_unit_test(released_early_by_the_arbiter),
        cmocka_unit_test(dispute_approved_pays_the_buyer),
        cmocka_unit_test(dispute_dismissed_goes_on_to_the_same_end),
        cmocka_unit_test(dispute_split_is_exact),
        cmocka_unit_test(split_bounds_are_refused),
        cmocka_unit_test(dispute_at_or_after_the_end_is_refused),
        cmocka_unit_test(what_the_contract_refuses_leaves_custody_as_it_was),
        cmocka_unit_test(our_own_clock_may_be_asked_too),
        cmocka_unit_test(unpaid_payment_expires_or_is_cancelled),
        cmocka_unit_test(money_found_late_is_assigned_from_where_it_lies),
        cmocka_unit_test(whole_amount_at_once_needs_no_escrow),
        cmocka_unit_test(small_commission_waits_in_its_account),
        cmocka_unit_test(refused_payout_undoes_its_reservation),
        cmocka_unit_test(unknown_payout_keeps_its_reservation),
        cmocka_unit_test(returned_payout_opens_the_payment_again),
        cmocka_unit_test(every_state_meets_every_fact),
        cmocka_unit_test(every_leg_state_meets_every_fact),
        cmocka_unit_test(what_a_suspension_holds_waits_alone),
        cmocka_unit_test(the_same_step_names_the_same_effect),
        cmocka_unit_test(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
