#include "abi/mxnb.h"

#include "abi/codec.h"
#include "abi/mxnb_abi.h"

#include <string.h>

const uint8_t mxnb_topic_transfer[32] = MXNB_TOPIC_TRANSFER;

/* Arguments stand in the order to, spender, amount_units; a call has some of them. */
static const struct call_row {
    const char *name;
    uint32_t selector;
    bool has_to, has_spender, has_amount;
} calls[MXNB_CALL_KINDS] = {
    [MXNB_TRANSFER] = {"transfer", MXNB_FUNCTION_TRANSFER, 1, 0, 1},
    [MXNB_APPROVE] = {"approve", MXNB_FUNCTION_APPROVE, 1, 0, 1},
    [MXNB_BALANCE_OF] = {"balanceOf", MXNB_FUNCTION_BALANCE_OF, 1, 0, 0},
    [MXNB_ALLOWANCE] = {"allowance", MXNB_FUNCTION_ALLOWANCE, 1, 1, 0},
    [MXNB_DECIMALS_OF] = {"decimals", MXNB_FUNCTION_DECIMALS, 0, 0, 0},
    [MXNB_PAUSED] = {"paused", MXNB_FUNCTION_PAUSED, 0, 0, 0},
    [MXNB_IS_BLACKLISTED] = {"isBlacklisted", MXNB_FUNCTION_IS_BLACKLISTED, 1, 0, 0},
};

const char *mxnb_call_name(enum mxnb_call_kind kind)
{
    return calls[kind].name;
}

bool mxnb_call_encode(const struct mxnb_call *call, struct buf *out)
{
    if ((unsigned)call->kind >= MXNB_CALL_KINDS)
        return false;
    const struct call_row *row = &calls[call->kind];
    codec_put_selector(out, row->selector);
    if (row->has_to)
        codec_put_address(out, call->to);
    if (row->has_spender)
        codec_put_address(out, call->spender);
    if (row->has_amount)
        codec_put_u64(out, call->amount_units);
    return !out->full;
}

bool mxnb_call_decode(struct bytes calldata, struct mxnb_call *out)
{
    struct codec c = codec_reader(calldata);
    uint32_t selector = codec_get_selector(&c);
    size_t kind = 0;
    while (kind < MXNB_CALL_KINDS && calls[kind].selector != selector)
        kind++;
    if (c.bad || kind == MXNB_CALL_KINDS)
        return false;
    memset(out, 0, sizeof *out);
    out->kind = (enum mxnb_call_kind)kind;
    if (calls[kind].has_to)
        codec_get_address(&c, out->to);
    if (calls[kind].has_spender)
        codec_get_address(&c, out->spender);
    if (calls[kind].has_amount)
        out->amount_units = codec_get_uint(&c, 64);
    return codec_done(&c);
}

bool mxnb_transfer_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                                uint8_t from[20], uint8_t to[20], uint64_t *amount_units)
{
    if (topics_n != 3 || memcmp(topics[0], mxnb_topic_transfer, 32) != 0)
        return false;
    struct codec indexed = codec_reader((struct bytes){topics[1], 2 * CODEC_WORD});
    codec_get_address(&indexed, from);
    codec_get_address(&indexed, to);
    return codec_done(&indexed) && codec_read_u64(data, amount_units);
}
