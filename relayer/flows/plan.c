/* How a new payment is cut into legs. Exact to the centavo, refused where Juno could not pay a leg. */
#include "relayer/flows/payment.h"

#include <stdio.h>
#include <string.h>

#include "relayer/money/amount.h"

static bool refuse(char why[FLOW_TEXT_MAX], const char *leg, int64_t centavos, const char *rule)
{
    char text[32];
    amount_format_centavos(centavos, text);
    snprintf(why, FLOW_TEXT_MAX, "%s of %s MXN: %s", leg, text, rule);
    return false;
}

static void plan_leg(struct payment *out, enum leg_role role, const struct uuid *to,
                     int64_t centavos)
{
    struct leg *leg = &out->legs[out->legs_n];
    *leg = (struct leg){.n = (int)out->legs_n,
                        .role = role,
                        .state = LEG_PLANNED,
                        .beneficiary_id = *to,
                        .amount_centavos = centavos};
    out->legs_n++;
}

static bool plan_shares(const struct payment_terms *terms, const struct flow_rules *rules,
                        struct payment *out, char why[FLOW_TEXT_MAX])
{
    int64_t floor_centavos = rules->min_leg_centavos;
    int64_t custody = terms->amount_centavos - terms->immediate_centavos;
    if (terms->amount_centavos < floor_centavos)
        return refuse(why, "payment", terms->amount_centavos,
                      "below the least Juno accepts; raise it");
    if (terms->immediate_centavos < 0 || custody < 0)
        return refuse(why, "immediate share", terms->immediate_centavos,
                      "must lie between zero and the whole amount");
    if (terms->immediate_centavos > 0 && terms->immediate_centavos < floor_centavos)
        return refuse(why, "immediate share", terms->immediate_centavos,
                      "below the least Juno redeems; make it zero or larger");
    if (custody == 0 && terms->commissions_n > 0)
        return refuse(why, "custody share", custody, "commissions are paid out of it; leave some");
    if (custody > 0 && custody < floor_centavos)
        return refuse(why, "custody share", custody,
                      "below the least Juno redeems: it could not go back to the buyer");
    int64_t custody_units = 0;
    if (!units_from_centavos(custody, &custody_units) ||
        (rules->max_custody_units > 0 && custody_units > rules->max_custody_units))
        return refuse(why, "custody share", custody,
                      "above what one escrow may hold here (half of chain.allowance_units)");
    out->amount_centavos = terms->amount_centavos;
    out->immediate_centavos = terms->immediate_centavos;
    out->custody_centavos = custody;
    return true;
}

static bool plan_commissions(const struct payment_terms *terms, const struct flow_rules *rules,
                             struct payment *out, char why[FLOW_TEXT_MAX])
{
    if (terms->commissions_n > PAYMENT_LEGS_MAX - 3) {
        snprintf(why, FLOW_TEXT_MAX, "%zu commissions: at most %d", terms->commissions_n,
                 PAYMENT_LEGS_MAX - 3);
        return false;
    }
    int64_t left = out->custody_centavos;
    for (size_t i = 0; i < terms->commissions_n; i++) {
        int64_t centavos = terms->commission_centavos[i];
        char leg[24];
        snprintf(leg, sizeof leg, "commission %zu", i + 1);
        if (centavos <= 0)
            return refuse(why, leg, centavos, "must be more than zero");
        if (centavos < rules->min_leg_centavos && !terms->accumulate)
            return refuse(why, leg, centavos,
                          "below the least Juno redeems; raise it or set accumulate_commissions");
        if (centavos > left)
            return refuse(why, leg, centavos, "more than is left of the custody share");
        left -= centavos;
        out->commission_centavos += centavos;
    }
    if (left > 0 && left < rules->min_leg_centavos)
        return refuse(why, "seller's final share", left,
                      "below the least Juno redeems; lower the immediate share or the commissions");
    return true;
}

bool payment_plan(const struct payment_terms *terms, const struct flow_rules *rules,
                  struct payment *out, char why[FLOW_TEXT_MAX])
{
    memset(out, 0, sizeof *out);
    why[0] = '\0';
    if (!plan_shares(terms, rules, out, why) || !plan_commissions(terms, rules, out, why))
        return false;
    if (out->custody_centavos > 0 && terms->custody_seconds <= 0) {
        snprintf(why, FLOW_TEXT_MAX, "custody_seconds: a custody share needs a custody period");
        return false;
    }
    out->state = PAYMENT_WAITING_DEPOSIT;
    out->version = 1;
    out->seller_id = terms->seller_id;
    out->custody_seconds = terms->custody_seconds;
    out->accumulate = terms->accumulate;
    if (out->immediate_centavos > 0)
        plan_leg(out, LEG_SELLER_IMMEDIATE, &terms->seller_id, out->immediate_centavos);
    int64_t net = out->custody_centavos - out->commission_centavos;
    if (net > 0)
        plan_leg(out, LEG_SELLER_FINAL, &terms->seller_id, net);
    for (size_t i = 0; i < terms->commissions_n; i++)
        plan_leg(out, LEG_COMMISSION, &terms->commission_to[i], terms->commission_centavos[i]);
    return true;
}
