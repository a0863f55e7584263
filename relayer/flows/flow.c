#include "relayer/flows/flow.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum effect_lane lane;
} KINDS[] = {
    [EFFECT_REDEEM] = {"redeem", LANE_NONE},
    [EFFECT_WITHDRAW] = {"withdraw", LANE_NONE},
    [EFFECT_BANK_REGISTER] = {"bank_register", LANE_NONE},
    [EFFECT_CLABE_CREATE] = {"clabe_create", LANE_NONE},
    [EFFECT_ESCROW_CREATE] = {"escrow_create", LANE_RELAYER},
    [EFFECT_ESCROW_RELEASE] = {"escrow_release", LANE_RELAYER},
    [EFFECT_ESCROW_RELEASE_EARLY] = {"escrow_release_early", LANE_ARBITER},
    [EFFECT_DISPUTE_RAISE] = {"dispute_raise", LANE_RELAYER},
    [EFFECT_DISPUTE_DISMISS] = {"dispute_dismiss", LANE_ARBITER},
    [EFFECT_DISPUTE_REVERT] = {"dispute_revert", LANE_ARBITER},
    [EFFECT_DISPUTE_SPLIT] = {"dispute_split", LANE_ARBITER},
    [EFFECT_TOKEN_TRANSFER] = {"token_transfer", LANE_RELAYER},
    [EFFECT_TOKEN_APPROVE] = {"token_approve", LANE_RELAYER},
};
enum { KINDS_N = sizeof KINDS / sizeof KINDS[0] };

const char *effect_kind_name(enum effect_kind kind)
{
    return (size_t)kind < KINDS_N ? KINDS[kind].name : NULL;
}

bool effect_kind_parse(const char *name, enum effect_kind *kind)
{
    for (size_t i = 1; i < KINDS_N; i++) {
        if (strcmp(KINDS[i].name, name) == 0) {
            *kind = (enum effect_kind)i;
            return true;
        }
    }
    return false;
}

enum effect_lane effect_kind_lane(enum effect_kind kind)
{
    return KINDS[kind].lane;
}

bool effect_kind_is_chain(enum effect_kind kind)
{
    return KINDS[kind].lane != LANE_NONE;
}

void flow_effect_id(const struct uuid *owner, enum effect_kind kind, int leg_n, int64_t version,
                    struct uuid *id, struct uuid *idem_key)
{
    char label[80];
    snprintf(label, sizeof label, "effect:%s:%d:%lld", effect_kind_name(kind), leg_n,
             (long long)version);
    *id = uuid_derive(owner, label);
    *idem_key = uuid_derive(id, "idempotency-key");
}

struct uuid flow_reserve_id(const struct uuid *effect_id)
{
    return uuid_derive(effect_id, "reserve");
}

struct uuid flow_settle_id(const struct uuid *effect_id)
{
    return uuid_derive(effect_id, "settle");
}
