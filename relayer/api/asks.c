/* What people ask of a payment and the flow decides: cancel, release, dispute, resolve. */
#include <stdio.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/keccak.h"
#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/engine/intake.h"
#include "relayer/money/accounts.h"
#include "relayer/money/amount.h"
#include "relayer/store/requests.h"

struct asking {
    struct uuid dispute_id; /* of the dispute raised or decided */
    uint8_t note_hash[32];
    int64_t buyer_centavos; /* -1 = none */
};

/* A hash that binds a text to its dispute, so that equal words never give equal hashes on chain. */
static void hash_note(const struct uuid *id, const char *label, const char *text, uint8_t out[32])
{
    struct keccak k;
    keccak_init(&k);
    keccak_update(&k, id->b, sizeof id->b);
    keccak_update(&k, label, strlen(label));
    keccak_update(&k, text, strlen(text));
    keccak_final(&k, out);
}

static json_t *postings_answer(const struct decision *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->postings_n; i++) {
        const struct posting *posting = &d->posting[i];
        json_t *lines = json_array();
        for (size_t k = 0; k < posting->n; k++) {
            const struct posting_line *line = &posting->line[k];
            char code[ACCOUNT_CODE_MAX];
            account_code(line->class, line->has_owner ? &line->owner : NULL, code);
            const struct account_info *info = account_info(line->class);
            json_array_append_new(lines, json_pack("{s:s, s:s, s:s, s:o}", "account", code, "asset",
                                                   account_asset_name(info->asset), "layer",
                                                   layer_name(line->layer), "amount",
                                                   json_sprintf("%lld", (long long)line->amount)));
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "kind",
                                              posting_kind_name(posting->kind), "lines", lines));
    }
    return list;
}

static json_t *decision_answer(const struct intake_view *view)
{
    const struct decision *d = view->decision;
    json_t *answer =
        json_pack("{s:o, s:s, s:s, s:s}", "payment_id", answer_uuid(&view->row->payment.id), "from",
                  payment_state_name(view->row->payment.state), "state",
                  payment_state_name(d->next), "waiting_for", payment_waits_for(d->next));
    if (d->has_effect) {
        json_object_set_new(answer, "effect_id", answer_uuid(&d->effect.id));
        json_object_set_new(answer, "effect", json_string(effect_kind_name(d->effect.kind)));
        if (effect_kind_is_chain(d->effect.kind))
            json_object_set_new(answer, "escrow_id", answer_hex(view->escrow_id, 32));
    }
    return answer;
}

/* The answer is part of the transaction, so it is made before the commit. */
static void remember(struct call *call, const struct intake_view *view, struct db_script *script)
{
    const struct asking *asking = call->work;
    json_t *answer = decision_answer(view);
    if (asking != NULL && !uuid_is_zero(&asking->dispute_id))
        json_object_set_new(answer, "dispute_id", answer_uuid(&asking->dispute_id));
    mutation_remember(call, script, answer);
    json_decref(answer);
}

static void compose_plain(void *ctx, const struct intake_view *view, struct db_script *script)
{
    remember(ctx, view, script);
}

static void reply_dry(struct call *call, const struct intake_view *view)
{
    json_t *answer = decision_answer(view);
    json_object_set_new(answer, "dry_run", json_true());
    json_object_set_new(answer, "postings", postings_answer(view->decision));
    if (view->call[0] != '\0') {
        json_t *call_json = json_pack("{s:s, s:b, s:I}", "function", view->call, "tried",
                                      view->tried, "gas", (json_int_t)view->gas);
        if (view->tried)
            json_object_set_new(call_json, "would_succeed", json_boolean(view->would_succeed));
        if (view->trouble[0] != '\0')
            json_object_set_new(call_json, "trouble", json_string(view->trouble));
        json_object_set_new(answer, "call", call_json);
    }
    call_reply(call, answer);
}

static void asked(void *ctx, const struct err *err, const struct intake_view *view)
{
    struct call *call = ctx;
    if (view != NULL)
        snprintf(call->state, sizeof call->state, "%s",
                 payment_state_name(view->row->payment.state));
    if (err == NULL && call->dry_run)
        reply_dry(call, view);
    else if (err == NULL)
        mutation_done(call);
    else if (view != NULL && strcmp(view->constraint, REQUEST_KEY_CONSTRAINT) == 0)
        mutation_again(call);
    else
        call_fail(call, err);
}

static void ask(struct call *call, struct intake_ask *ask)
{
    CHECK(call_uuid(call, "payment_id", &ask->payment_id));
    ask->actor = call->actor;
    ask->dry_run = call->dry_run;
    ask->done = asked;
    ask->ctx = call;
    if (ask->compose == NULL)
        ask->compose = compose_plain;
    intake_payment(call->engine, ask);
}

void payment_cancel(struct call *call)
{
    struct intake_ask intake = {.fact = {.kind = FACT_ASK_CANCEL}};
    ask(call, &intake);
}

/* --- release ----------------------------------------------------------------------------------- */

static bool check_release(void *ctx, const struct intake_view *view, struct fact *fact,
                          struct err *e)
{
    (void)ctx;
    const struct payment *payment = &view->row->payment;
    if (payment->state != PAYMENT_IN_CUSTODY)
        return err_fail(e, ERR_STATE, "not possible in state %s: it waits for %s",
                        payment_state_name(payment->state), payment_waits_for(payment->state));
    if (fact->chain_time_s < payment->custody_end_s)
        return err_fail(e, ERR_STATE,
                        "custody runs for another %lld s; escrow.release_early needs the"
                        " arbiter",
                        (long long)(payment->custody_end_s - fact->chain_time_s));
    return true;
}

void escrow_release(struct call *call)
{
    struct intake_ask intake = {.fact = {.kind = FACT_TIME}, .prepare = check_release};
    ask(call, &intake);
}

void escrow_release_early(struct call *call)
{
    struct intake_ask intake = {.fact = {.kind = FACT_ASK_RELEASE_EARLY}};
    struct uuid payment_id;
    CHECK(call_uuid(call, "payment_id", &payment_id));
    hash_note(&payment_id, "release_early", call_text(call, "note"), intake.fact.note_hash);
    ask(call, &intake);
}

/* --- disputes ---------------------------------------------------------------------------------- */

static void compose_dispute(void *ctx, const struct intake_view *view, struct db_script *script)
{
    struct call *call = ctx;
    const struct asking *asking = call->work;
    struct new_dispute row = {.id = asking->dispute_id,
                              .payment_id = view->row->payment.id,
                              .escrow_id = view->escrow_id,
                              .raised_by = call_text(call, "raised_by"),
                              .party = view->decision->effect.party,
                              .reason = call_text(call, "reason"),
                              .details = call_text_or(call, "details", ""),
                              .evidence_url = call_text_or(call, "evidence_url", ""),
                              .reason_hash = asking->note_hash};
    requests_add_dispute(script, &row);
    remember(call, view, script);
}

void dispute_raise(struct call *call)
{
    struct asking *asking = mem_new(sizeof *asking);
    call->work = asking;
    asking->dispute_id = uuid_new();
    hash_note(&asking->dispute_id, "", call_text(call, "reason"), asking->note_hash);
    bool buyer = strcmp(call_text(call, "party"), "buyer") == 0;
    struct intake_ask intake = {.fact = {.kind = FACT_ASK_DISPUTE}, .compose = compose_dispute};
    intake.fact.party = buyer ? ESCROW_PARTY_BUYER : ESCROW_PARTY_SELLER;
    memcpy(intake.fact.note_hash, asking->note_hash, sizeof intake.fact.note_hash);
    ask(call, &intake);
}

static bool prepare_resolution(void *ctx, const struct intake_view *view, struct fact *fact,
                               struct err *e)
{
    struct call *call = ctx;
    struct asking *asking = call->work;
    const struct payment *payment = &view->row->payment;
    if (payment->state != PAYMENT_DISPUTED)
        return err_fail(e, ERR_STATE, "not possible in state %s: it waits for %s",
                        payment_state_name(payment->state), payment_waits_for(payment->state));
    if (!view->has_dispute)
        return err_fail(e, ERR_STATE, "the payment has no open dispute");
    if (asking->buyer_centavos >= payment->custody_centavos) {
        char custody[AMOUNT_TEXT_MAX];
        amount_format_centavos(payment->custody_centavos, custody);
        return err_fail(e, ERR_AMOUNT,
                        "buyer_amount: must be less than the custody share of %s MXN; for all"
                        " of it resolve as approved",
                        custody);
    }
    asking->dispute_id = view->dispute_id;
    hash_note(&view->dispute_id, "resolution", call_text(call, "notes"), asking->note_hash);
    memcpy(fact->note_hash, asking->note_hash, sizeof fact->note_hash);
    fact->buyer_centavos = asking->buyer_centavos > 0 ? asking->buyer_centavos : 0;
    return true;
}

static void compose_resolution(void *ctx, const struct intake_view *view, struct db_script *script)
{
    struct call *call = ctx;
    const struct asking *asking = call->work;
    bool dismissed = view->decision->next == PAYMENT_DISMISSING;
    struct dispute_decision decision = {.id = asking->dispute_id,
                                        .state = dismissed ? "dismissing" : "resolving",
                                        .resolution = call_text(call, "resolution"),
                                        .buyer_centavos = asking->buyer_centavos,
                                        .notes = call_text(call, "notes"),
                                        .resolved_by = call->actor};
    requests_decide_dispute(script, &decision);
    remember(call, view, script);
}

void dispute_resolve(struct call *call)
{
    struct asking *asking = mem_new(sizeof *asking);
    call->work = asking;
    asking->buyer_centavos = -1;
    const char *resolution = call_text(call, "resolution");
    bool split = strcmp(resolution, "split") == 0;
    bool given = call_amount(call, "buyer_amount", &asking->buyer_centavos);
    if (split != given) {
        call_refuse(call, ERR_PARAMS, "buyer_amount: %s",
                    split ? "a split needs it" : "belongs to the resolution split only");
        return;
    }
    struct intake_ask intake = {.fact = {.kind = FACT_ASK_REVERT},
                                .prepare = prepare_resolution,
                                .compose = compose_resolution};
    if (split)
        intake.fact.kind = FACT_ASK_SPLIT;
    else if (strcmp(resolution, "dismissed") == 0)
        intake.fact.kind = FACT_ASK_DISMISS;
    ask(call, &intake);
}
