/* payment.create, get, list, timeline. */
#include <stdio.h>
#include <string.h>

#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/api/words.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/mem.h"
#include "relayer/flows/terms.h"
#include "relayer/money/amount.h"
#include "relayer/store/payments.h"
#include "relayer/store/requests.h"

enum { BPS_WHOLE = 10000, PEOPLE_MAX = PAYMENT_LEGS_MAX + 2 };

/* --- payment.create ---------------------------------------------------------------------------- */

struct creation {
    struct payment_terms terms;
    struct uuid people[PEOPLE_MAX]; /* seller, buyer, commissions */
    size_t people_n;
};

static bool read_immediate(const struct call *call, struct payment_terms *terms, struct err *e)
{
    if (call_has(call, "immediate_bps") && call_has(call, "immediate_amount"))
        return err_fail(e, ERR_PARAMS, "immediate_amount: give it or immediate_bps, not both");
    if (call_amount(call, "immediate_amount", &terms->immediate_centavos))
        return true;
    uint32_t bps = (uint32_t)call_integer(call, "immediate_bps", 0);
    int64_t parts[2];
    CHECK(amount_split(terms->amount_centavos, (uint32_t[]){bps, BPS_WHOLE - bps}, 2, parts));
    terms->immediate_centavos = parts[0];
    return true;
}

static bool read_commission(const json_t *item, size_t i, struct payment_terms *terms,
                            uint32_t *bps, struct err *e)
{
    const json_t *share = json_object_get(item, "bps");
    const char *amount = json_string_value(json_object_get(item, "amount"));
    if ((share != NULL) == (amount != NULL))
        return err_fail(e, ERR_PARAMS, "commissions[%zu]: needs either bps or amount", i);
    CHECK(uuid_parse(json_string_value(json_object_get(item, "beneficiary_id")),
                     &terms->commission_to[i]));
    bps[i] = (uint32_t)json_integer_value(share);
    if (amount != NULL)
        CHECK(amount_parse_centavos(amount, &terms->commission_centavos[i]));
    return true;
}

/* Shares are of the whole amount; rounding goes by the largest remainder, the rest of the amount being
 * one of the parts. */
static bool read_commissions(const struct call *call, struct payment_terms *terms, struct err *e)
{
    const json_t *list = json_object_get(call->params, "commissions");
    uint32_t weights[PAYMENT_LEGS_MAX + 1] = {0};
    int64_t parts[PAYMENT_LEGS_MAX + 1];
    terms->commissions_n = json_array_size(list);
    CHECK(terms->commissions_n < PAYMENT_LEGS_MAX);
    uint32_t left = BPS_WHOLE;
    for (size_t i = 0; i < terms->commissions_n; i++) {
        if (!read_commission(json_array_get(list, i), i, terms, weights, e))
            return false;
        if (weights[i] > left)
            return err_fail(e, ERR_AMOUNT, "commissions[%zu].bps: together more than %d", i,
                            BPS_WHOLE);
        left -= weights[i];
    }
    weights[terms->commissions_n] = left;
    CHECK(amount_split(terms->amount_centavos, weights, terms->commissions_n + 1, parts));
    for (size_t i = 0; i < terms->commissions_n; i++) {
        if (weights[i] > 0)
            terms->commission_centavos[i] = parts[i];
    }
    return true;
}

static bool read_terms(const struct call *call, struct creation *creation, struct err *e)
{
    struct payment_terms *terms = &creation->terms;
    CHECK(call_amount(call, "amount", &terms->amount_centavos));
    CHECK(call_uuid(call, "seller", &terms->seller_id));
    terms->custody_seconds = call_integer(call, "custody_seconds", 0);
    terms->accumulate = call_bool(call, "accumulate_commissions", false);
    if (!read_immediate(call, terms, e) || !read_commissions(call, terms, e))
        return false;
    creation->people[0] = terms->seller_id;
    CHECK(call_uuid(call, "buyer", &creation->people[1]));
    memcpy(creation->people + 2, terms->commission_to, terms->commissions_n * sizeof(struct uuid));
    creation->people_n = 2 + terms->commissions_n;
    return true;
}

static json_t *created_answer(const struct payment *payment, const char *clabe)
{
    json_t *commissions = json_array();
    for (size_t i = 0; i < payment->legs_n; i++) {
        const struct leg *leg = &payment->legs[i];
        if (leg->role == LEG_COMMISSION)
            json_array_append_new(commissions,
                                  json_pack("{s:o, s:o}", "beneficiary_id",
                                            answer_uuid(&leg->beneficiary_id), "amount",
                                            answer_centavos(leg->amount_centavos)));
    }
    int64_t net = payment->custody_centavos - payment->commission_centavos;
    return json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:s}", "payment_id",
        answer_uuid(&payment->id), "state", payment_state_name(payment->state), "clabe", clabe,
        "amount", answer_centavos(payment->amount_centavos), "immediate",
        answer_centavos(payment->immediate_centavos), "custody",
        answer_centavos(payment->custody_centavos), "seller_net", answer_centavos(net),
        "commissions", commissions, "custody_seconds", (json_int_t)payment->custody_seconds,
        "terms_hash", answer_hex(payment->terms_hash, 32), "expires_at",
        answer_time_ms(payment->expires_at_ms), "waiting_for", payment_waits_for(payment->state));
}

/* Where the payment's money comes from and goes to must be ready before anything is promised. */
static bool check_people(struct call *call, const struct creation *creation, struct db_result *res,
                         struct err *e)
{
    if (db_rows(res, 0) == 0)
        return err_fail(e, ERR_NOT_FOUND, "payer: \"%.60s\" has no CLABE; clabe.create makes one",
                        call_text(call, "payer"));
    const char *state = db_get(res, 0, 0, 1);
    if (strcmp(state, "enabled") != 0) {
        snprintf(call->state, sizeof call->state, "%s", state);
        return err_fail(e, ERR_STATE, "payer: the CLABE is %s, not enabled yet", state);
    }
    for (size_t i = 0; i < creation->people_n; i++) {
        char field[32];
        snprintf(field, sizeof field,
                 i == 0   ? "seller"
                 : i == 1 ? "buyer"
                          : "commissions[%zu]",
                 i - 2);
        int stmt = 1 + (int)i;
        if (db_rows(res, stmt) == 0)
            return err_fail(e, ERR_NOT_FOUND, "%s: there is no such beneficiary", field);
        state = db_get(res, stmt, 0, 0);
        if (strcmp(state, "active") == 0)
            continue;
        snprintf(call->state, sizeof call->state, "%s", state);
        return err_fail(e, ERR_STATE, "%s: the beneficiary is %s, not active", field, state);
    }
    return true;
}

static void create_checked(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct creation *creation = call->work;
    struct payment payment;
    char why[FLOW_TEXT_MAX];
    struct err e;
    if (err != NULL || !check_people(call, creation, res, &e)) {
        call_fail(call, err != NULL ? err : &e);
        return;
    }
    if (!payment_plan(&creation->terms, &call->engine->rules, &payment, why)) {
        call_refuse(call, ERR_AMOUNT, "%s", why);
        return;
    }
    const char *payer = call_text(call, "payer");
    int64_t lifetime_s =
        call_integer(call, "expires_in_s", (int64_t)call->engine->config->custody_expiry_s);
    payment.id = uuid_new();
    payment.buyer_id = creation->people[1];
    payment.expires_at_ms = clock_wall_ms() + lifetime_s * 1000;
    terms_hash(&payment, payer, payment.terms_hash);
    struct payment_words words = {.payer_ref = payer,
                                  .clabe = db_get(res, 0, 0, 0),
                                  .description = call_text_or(call, "description", ""),
                                  .actor = call->actor};
    struct db_script *script = db_script_new();
    payments_insert(script, &payment, &words);
    mutation_commit(call, script, created_answer(&payment, words.clabe), NULL);
}

void payment_create(struct call *call)
{
    struct err e;
    struct creation *creation = mem_new(sizeof *creation);
    call->work = creation;
    if (!read_terms(call, creation, &e)) {
        call_fail(call, &e);
        return;
    }
    db_query(call->db,
             requests_people(call_text(call, "payer"), creation->people, creation->people_n),
             create_checked, call);
}

/* --- reads ------------------------------------------------------------------------------------- */

static json_t *not_found(const struct call *call, struct err *e)
{
    err_set(e, ERR_NOT_FOUND, "payment_id: there is no payment %.40s",
            call_text(call, "payment_id"));
    return NULL;
}

static const char *waiting_for(const json_t *payment)
{
    enum payment_state state;
    CHECK(payment_state_parse(json_string_value(json_object_get(payment, "state")), &state));
    return payment_waits_for(state);
}

static json_t *get_answer(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0)
        return not_found(call, e);
    json_t *payment = answer_row(res, 0, 0, &READ_PAYMENT);
    json_object_set_new(payment, "waiting_for", json_string(waiting_for(payment)));
    json_object_set_new(payment, "legs", answer_rows(res, 1, &READ_LEGS));
    bool paid = db_rows(res, 2) > 0;
    json_object_set_new(payment, "deposit",
                        paid ? answer_row(res, 2, 0, &READ_PAYMENT_DEPOSIT) : json_null());
    return payment;
}

void payment_get(struct call *call)
{
    struct db_script *script = db_script_new();
    call_bind_uuid(read_add(script, &READ_PAYMENT), call, "payment_id");
    call_bind_uuid(read_add(script, &READ_LEGS), call, "payment_id");
    call_bind_uuid(read_add(script, &READ_PAYMENT_DEPOSIT), call, "payment_id");
    call_read(call, script, get_answer);
}

static json_t *list_answer(struct call *call, struct db_result *res, struct err *e)
{
    (void)call;
    (void)e;
    json_t *payments = answer_rows(res, 0, &READ_PAYMENTS);
    size_t i;
    json_t *payment;
    json_array_foreach(payments, i, payment)
        json_object_set_new(payment, "waiting_for", json_string(waiting_for(payment)));
    return json_pack("{s:o}", "payments", payments);
}

void payment_list(struct call *call)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_PAYMENTS);
    call_bind_text(stmt, call, "state");
    call_bind_uuid(stmt, call, "after");
    call_bind_limit(stmt, call);
    call_read(call, script, list_answer);
}

/* Proof of an event: the logs of its transaction, and whether they are final by policy. */
static void add_proof(json_t *event)
{
    int64_t logs = json_integer_value(json_object_get(event, "logs"));
    const json_t *block = json_object_get(event, "block");
    bool is_final = json_is_true(json_object_get(event, "final"));
    bool has_tx = json_is_string(json_object_get(event, "tx_hash"));
    json_object_set_new(event, "finality",
                        has_tx ? json_string(is_final ? "final" : "not final") : json_null());
    json_object_set_new(event, "evidence",
                        logs > 0 ? json_sprintf("%lld logs in block %lld", (long long)logs,
                                                (long long)json_integer_value(block))
                                 : json_null());
    json_object_del(event, "logs");
    json_object_del(event, "final");
}

static json_t *timeline_answer(struct call *call, struct db_result *res, struct err *e)
{
    if (db_rows(res, 0) == 0)
        return not_found(call, e);
    json_t *payment = answer_row(res, 0, 0, &READ_PAYMENT);
    json_t *events = answer_rows(res, 1, &READ_TIMELINE);
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *type = json_string_value(json_object_get(event, "type"));
        json_object_set_new(event, "words", json_string(event_words(type)));
        add_proof(event);
    }
    json_t *answer = json_pack(
        "{s:O, s:O, s:O, s:s, s:o}", "payment_id", json_object_get(payment, "payment_id"), "state",
        json_object_get(payment, "state"), "reason", json_object_get(payment, "reason"),
        "waiting_for", waiting_for(payment), "events", events);
    json_decref(payment);
    return answer;
}

void payment_timeline(struct call *call)
{
    struct db_script *script = db_script_new();
    call_bind_uuid(read_add(script, &READ_PAYMENT), call, "payment_id");
    call_bind_uuid(read_add(script, &READ_TIMELINE), call, "payment_id");
    call_read(call, script, timeline_answer);
}
