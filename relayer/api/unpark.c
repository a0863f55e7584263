/* payment.unpark: a person has removed what stood in the way of a parked payment. */
#include <stdio.h>

#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/store/payments.h"
#include "relayer/store/requests.h"

static bool moved_meanwhile(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)call;
    (void)constraint;
    (void)stmt;
    err_set(e, ERR_STATE,
            "the payment moved meanwhile, or was parked for a reason that only a"
            " decision about its money can end; payment.get shows it");
    return true;
}

/* A call of the escrow contract may be tried again: the contract refuses to do it twice. A withdrawal that
 * Juno refused for certain is ordered anew. A plain transfer or an operation at Juno whose outcome is not
 * known is never repeated from here. */
static bool may_unpark(const struct payment_row *row, struct err *e)
{
    const struct effect_brief *strand = &row->strand;
    if (row->payment.state != PAYMENT_PARKED)
        return err_fail(e, ERR_STATE, "the payment is not parked, it is %s",
                        payment_state_name(row->payment.state));
    if (!strand->present)
        return true;
    if (strand->end == EFFECT_PARKED && effect_kind_is_chain(strand->kind) &&
        strand->kind != EFFECT_TOKEN_TRANSFER)
        return true;
    return err_fail(e, ERR_STATE,
                    "its %s may have happened: it is not repeated. Find out at Juno or on chain"
                    " first",
                    effect_kind_name(strand->kind));
}

static void row_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    struct payment_row row;
    struct uuid id;
    struct err e;
    CHECK(call_uuid(call, "payment_id", &id));
    if (err != NULL) {
        call_fail(call, err);
        return;
    }
    if (payments_parse(res, &row, 1) == 0) {
        err_set(&e, ERR_NOT_FOUND, "payment_id: there is no such payment");
        call_fail(call, &e);
        return;
    }
    snprintf(call->state, sizeof call->state, "%s", payment_state_name(row.payment.state));
    if (!may_unpark(&row, &e)) {
        call_fail(call, &e);
        return;
    }
    struct db_script *script = db_script_new();
    requests_unpark(script, &row.payment, row.strand.present, call->actor);
    json_t *answer =
        json_pack("{s:o, s:s, s:s}", "payment_id", answer_uuid(&id), "from", "parked", "next",
                  row.strand.present ? "the same call again" : "a new withdrawal");
    mutation_commit(call, script, answer, moved_meanwhile);
}

void payment_unpark(struct call *call)
{
    struct uuid id;
    CHECK(call_uuid(call, "payment_id", &id));
    db_query(call->db, payments_by_id(&id), row_found, call);
}
