#include "relayer/engine/lane_call.h"

#include <string.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"

bool lane_call_is_batchable(enum effect_kind kind)
{
    return kind == EFFECT_ESCROW_CREATE || kind == EFFECT_ESCROW_RELEASE ||
           kind == EFFECT_TOKEN_TRANSFER;
}

size_t lane_call_together(const struct effect_row *effects, size_t n)
{
    /* Returns to Juno go in one transfer of their sum, so they need one destination. */
    size_t same = 1;
    if (effects[0].kind != EFFECT_TOKEN_TRANSFER)
        return n;
    while (same < n && strcmp(effects[same].destination, effects[0].destination) == 0)
        same++;
    return same;
}

static bool encode_token(const struct effect_row *effects, size_t n, struct buf *out)
{
    struct mxnb_call call = {.kind = effects[0].kind == EFFECT_TOKEN_APPROVE ? MXNB_APPROVE
                                                                             : MXNB_TRANSFER};
    CHECK(hex_decode_exact(effects[0].destination, call.to, 20));
    for (size_t i = 0; i < n; i++)
        CHECK(!__builtin_add_overflow(call.amount_units, (uint64_t)effects[i].amount_units,
                                      &call.amount_units));
    return mxnb_call_encode(&call, out);
}

static void fill_terms(struct escrow_call *call, struct effect_row *effects, int64_t from_s,
                       int64_t margin_s)
{
    for (size_t i = 0; i < call->n; i++) {
        struct effect_row *e = &effects[i];
        if (e->custody_end_s == 0)
            e->custody_end_s = from_s + e->custody_seconds + margin_s;
        struct escrow_terms *t = &call->terms[i];
        memcpy(t->id, e->escrow_id, 32);
        memcpy(t->terms, e->note_hash, 32);
        t->amount_units = (uint64_t)e->amount_units;
        t->custody_end = (uint64_t)e->custody_end_s;
    }
}

static enum escrow_call_kind call_kind(enum effect_kind kind, bool many)
{
    switch (kind) {
    case EFFECT_ESCROW_CREATE:
        return many ? ESCROW_CREATE_MANY : ESCROW_CREATE;
    case EFFECT_ESCROW_RELEASE:
        return many ? ESCROW_RELEASE_MANY : ESCROW_RELEASE;
    case EFFECT_ESCROW_RELEASE_EARLY:
        return ESCROW_RELEASE_EARLY;
    case EFFECT_DISPUTE_RAISE:
        return ESCROW_DISPUTE;
    case EFFECT_DISPUTE_DISMISS:
        return ESCROW_DISMISS;
    case EFFECT_DISPUTE_REVERT:
        return ESCROW_RESOLVE_REVERT;
    case EFFECT_DISPUTE_SPLIT:
        return ESCROW_RESOLVE_SPLIT;
    case EFFECT_REDEEM:
    case EFFECT_WITHDRAW:
    case EFFECT_BANK_REGISTER:
    case EFFECT_CLABE_CREATE:
    case EFFECT_TOKEN_TRANSFER:
    case EFFECT_TOKEN_APPROVE:
        break;
    }
    CHECK(!"not an escrow call");
    return ESCROW_CREATE;
}

bool lane_call_encode(const struct config *config, int64_t chain_time_s, struct effect_row *effects,
                      size_t n, uint8_t to[20], struct buf *out)
{
    static struct escrow_call call; /* 24 KiB; one thread */
    const struct effect_row *first = &effects[0];
    if (first->kind == EFFECT_TOKEN_TRANSFER || first->kind == EFFECT_TOKEN_APPROVE) {
        memcpy(to, config->chain_token.b, 20);
        return encode_token(effects, n, out);
    }
    memset(&call, 0, sizeof call);
    call.kind = call_kind(first->kind, n > 1);
    call.n = n;
    for (size_t i = 0; i < n; i++)
        memcpy(call.ids[i], effects[i].escrow_id, 32);
    memcpy(call.note, first->note_hash, 32);
    call.party = first->party;
    call.buyer_units = (uint64_t)first->buyer_units;
    if (first->kind == EFFECT_ESCROW_CREATE)
        fill_terms(&call, effects, chain_time_s, (int64_t)config->custody_dispute_margin_s);
    memcpy(to, config->chain_escrow.b, 20);
    return escrow_call_encode(&call, out);
}
