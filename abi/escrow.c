#include "abi/escrow.h"

#include "abi/codec.h"
#include "abi/escrow_abi.h"
#include "abi/keccak.h"

#include <string.h>

const uint8_t escrow_topic_created[32] = ESCROW_TOPIC_ESCROW_CREATED;
const uint8_t escrow_topic_released[32] = ESCROW_TOPIC_ESCROW_RELEASED;
const uint8_t escrow_topic_dispute_raised[32] = ESCROW_TOPIC_DISPUTE_RAISED;
const uint8_t escrow_topic_dispute_dismissed[32] = ESCROW_TOPIC_DISPUTE_DISMISSED;
const uint8_t escrow_topic_reverted[32] = ESCROW_TOPIC_ESCROW_REVERTED;
const uint8_t escrow_topic_split[32] = ESCROW_TOPIC_ESCROW_SPLIT;

const uint8_t escrow_role_relayer[32] = {
    0xab, 0x4f, 0x86, 0x4e, 0x52, 0x01, 0xb0, 0xfd, 0xe9, 0xb5, 0xee, 0x3e, 0x4c, 0xf9, 0x63, 0x84,
    0x80, 0x2b, 0x0f, 0xfd, 0xfc, 0xf7, 0xf9, 0xde, 0x46, 0x99, 0xce, 0x21, 0xa3, 0x0a, 0xfc, 0x4f};
const uint8_t escrow_role_arbiter[32] = {
    0x3b, 0x66, 0xfa, 0x69, 0xd5, 0x44, 0x9c, 0xc9, 0xc6, 0x34, 0x7a, 0xe0, 0xfd, 0xf5, 0xae, 0xce,
    0xd2, 0xfd, 0xa0, 0x9d, 0xe1, 0x1c, 0x5e, 0xa6, 0x5e, 0xe7, 0xce, 0x72, 0x15, 0xd1, 0x9b, 0x40};
const uint8_t escrow_role_guardian[32] = {
    0x8b, 0x5b, 0x16, 0xd0, 0x46, 0x24, 0x68, 0x7f, 0xcf, 0x0d, 0x02, 0x28, 0xf1, 0x99, 0x93, 0xc9,
    0x15, 0x7c, 0x1e, 0xd0, 0x7b, 0x41, 0xd8, 0xd4, 0x30, 0xfd, 0x91, 0x00, 0xeb, 0x09, 0x9f, 0xe8};
const uint8_t escrow_role_admin[32] = {0};

/* ---- calls -------------------------------------------------------------------------------- */

/* Every call is a selector and one of four shapes. ONE_ID: the id, then of party, buyer_units and
 * note those the call has, in this order. */
enum shape { ONE_TERMS, MANY_TERMS, ONE_ID, MANY_IDS };

static const struct call_row {
    const char *name;
    uint32_t selector;
    enum shape shape;
    bool has_party, has_units, has_note;
} calls[ESCROW_CALL_KINDS] = {
    [ESCROW_CREATE] = {"create", ESCROW_FUNCTION_CREATE, ONE_TERMS, 0, 0, 0},
    [ESCROW_CREATE_MANY] = {"createMany", ESCROW_FUNCTION_CREATE_MANY, MANY_TERMS, 0, 0, 0},
    [ESCROW_RELEASE] = {"release", ESCROW_FUNCTION_RELEASE, ONE_ID, 0, 0, 0},
    [ESCROW_RELEASE_MANY] = {"releaseMany", ESCROW_FUNCTION_RELEASE_MANY, MANY_IDS, 0, 0, 0},
    [ESCROW_DISPUTE] = {"dispute", ESCROW_FUNCTION_DISPUTE, ONE_ID, 1, 0, 1},
    [ESCROW_DISMISS] = {"dismiss", ESCROW_FUNCTION_DISMISS, ONE_ID, 0, 0, 1},
    [ESCROW_RESOLVE_REVERT] = {"resolveRevert", ESCROW_FUNCTION_RESOLVE_REVERT, ONE_ID, 0, 0, 1},
    [ESCROW_RESOLVE_SPLIT] = {"resolveSplit", ESCROW_FUNCTION_RESOLVE_SPLIT, ONE_ID, 0, 1, 1},
    [ESCROW_RELEASE_EARLY] = {"releaseEarly", ESCROW_FUNCTION_RELEASE_EARLY, ONE_ID, 0, 0, 0},
    [ESCROW_REFUND_EXPIRED] = {"refundExpired", ESCROW_FUNCTION_REFUND_EXPIRED, ONE_ID, 0, 0, 0},
    [ESCROW_HOLD] = {"hold", ESCROW_FUNCTION_HOLD, ONE_ID, 0, 0, 1},
};

const char *escrow_call_name(enum escrow_call_kind kind)
{
    return calls[kind].name;
}

static bool shape_is_many(enum shape shape)
{
    return shape == MANY_TERMS || shape == MANY_IDS;
}

/* What neither direction lets through, although it fits its words. */
static bool call_is_valid(const struct escrow_call *call)
{
    const struct call_row *row = &calls[call->kind];
    if (shape_is_many(row->shape) ? call->n < 1 || call->n > ESCROW_BATCH_MAX : call->n != 1)
        return false;
    if (row->has_party && call->party != ESCROW_PARTY_BUYER && call->party != ESCROW_PARTY_SELLER)
        return false;
    for (size_t i = 0; row->shape <= MANY_TERMS && i < call->n; i++) {
        if (call->terms[i].custody_end >> 40 != 0)
            return false;
    }
    return true;
}

static void put_terms(struct buf *out, const struct escrow_terms *terms)
{
    codec_put_bytes32(out, terms->id);
    codec_put_u64(out, terms->amount_units);
    codec_put_u64(out, terms->custody_end);
    codec_put_bool(out, terms->lock);
    codec_put_bytes32(out, terms->terms);
}

static void get_terms(struct codec *c, struct escrow_terms *terms)
{
    codec_get_bytes32(c, terms->id);
    terms->amount_units = codec_get_uint(c, 64);
    terms->custody_end = codec_get_uint(c, 40);
    terms->lock = codec_get_bool(c);
    codec_get_bytes32(c, terms->terms);
}

bool escrow_call_encode(const struct escrow_call *call, struct buf *out)
{
    if ((unsigned)call->kind >= ESCROW_CALL_KINDS || !call_is_valid(call))
        return false;
    const struct call_row *row = &calls[call->kind];
    codec_put_selector(out, row->selector);
    if (shape_is_many(row->shape)) {
        codec_put_u64(out, CODEC_WORD);
        codec_put_u64(out, call->n);
    }
    for (size_t i = 0; i < call->n; i++) {
        if (row->shape == ONE_TERMS || row->shape == MANY_TERMS)
            put_terms(out, &call->terms[i]);
        else
            codec_put_bytes32(out, call->ids[i]);
    }
    if (row->has_party)
        codec_put_u64(out, call->party);
    if (row->has_units)
        codec_put_u64(out, call->buyer_units);
    if (row->has_note)
        codec_put_bytes32(out, call->note);
    return !out->full;
}

/* The kind of a selector, or ESCROW_CALL_KINDS. */
static size_t find_call(uint32_t selector)
{
    size_t kind = 0;
    while (kind < ESCROW_CALL_KINDS && calls[kind].selector != selector)
        kind++;
    return kind;
}

bool escrow_call_decode(struct bytes calldata, struct escrow_call *out)
{
    struct codec c = codec_reader(calldata);
    size_t kind = find_call(codec_get_selector(&c));
    if (c.bad || kind == ESCROW_CALL_KINDS)
        return false;
    const struct call_row *row = &calls[kind];
    out->kind = (enum escrow_call_kind)kind;
    /* Offsets count from behind the selector, so the reader starts there again. */
    c = codec_reader((struct bytes){calldata.p + c.at, calldata.n - c.at});
    out->n = shape_is_many(row->shape) ? codec_get_array(&c, CODEC_WORD, ESCROW_BATCH_MAX) : 1;
    for (size_t i = 0; i < out->n; i++) {
        if (row->shape == ONE_TERMS || row->shape == MANY_TERMS)
            get_terms(&c, &out->terms[i]);
        else
            codec_get_bytes32(&c, out->ids[i]);
    }
    out->party = row->has_party ? (uint8_t)codec_get_uint(&c, 8) : 0;
    out->buyer_units = row->has_units ? codec_get_uint(&c, 64) : 0;
    memset(out->note, 0, sizeof out->note);
    if (row->has_note)
        codec_get_bytes32(&c, out->note);
    return codec_done(&c) && call_is_valid(out);
}

/* ---- views -------------------------------------------------------------------------------- */

static bool put_plain(struct buf *out, uint32_t selector)
{
    codec_put_selector(out, selector);
    return !out->full;
}

bool escrow_view_encode(const uint8_t id[32], struct buf *out)
{
    codec_put_selector(out, ESCROW_FUNCTION_ESCROW);
    codec_put_bytes32(out, id);
    return !out->full;
}

bool escrow_encode_held(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_HELD);
}

bool escrow_encode_payout(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_PAYOUT);
}

bool escrow_encode_refund(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_REFUND);
}

bool escrow_encode_token(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_TOKEN);
}

bool escrow_encode_funder(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_FUNDER);
}

bool escrow_encode_default_admin(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_DEFAULT_ADMIN);
}

bool escrow_encode_paused(struct buf *out)
{
    return put_plain(out, ESCROW_FUNCTION_PAUSED);
}

bool escrow_encode_has_role(const uint8_t role[32], const uint8_t account[20], struct buf *out)
{
    codec_put_selector(out, ESCROW_FUNCTION_HAS_ROLE);
    codec_put_bytes32(out, role);
    codec_put_address(out, account);
    return !out->full;
}

bool escrow_view_decode(struct bytes answer, struct escrow_view *out)
{
    struct codec c = codec_reader(answer);
    out->amount_units = codec_get_uint(&c, 64);
    out->created_at = codec_get_uint(&c, 40);
    out->custody_end = codec_get_uint(&c, 40);
    out->disputed_at = codec_get_uint(&c, 40);
    uint64_t state = codec_get_uint(&c, 8);
    out->lock = codec_get_bool(&c);
    uint64_t party = codec_get_uint(&c, 8);
    out->round = (uint32_t)codec_get_uint(&c, 8);
    out->state = (enum escrow_state)state;
    out->party = (enum escrow_party)party;
    return codec_done(&c) && state <= ESCROW_STATE_SPLIT && party <= ESCROW_PARTY_ARBITER;
}

bool escrow_paused_decode(struct bytes answer, uint8_t *bits, uint64_t *until)
{
    struct codec c = codec_reader(answer);
    *bits = (uint8_t)codec_get_uint(&c, 8);
    *until = codec_get_uint(&c, 64);
    return codec_done(&c);
}

/* ---- logs --------------------------------------------------------------------------------- */

static const struct {
    const uint8_t *topic;
    const char *name;
    size_t topics_n;
} events[ESCROW_EVENT_KINDS] = {
    [ESCROW_EVENT_CREATED] = {escrow_topic_created, "EscrowCreated", 3},
    [ESCROW_EVENT_RELEASED] = {escrow_topic_released, "EscrowReleased", 3},
    [ESCROW_EVENT_DISPUTE_RAISED] = {escrow_topic_dispute_raised, "DisputeRaised", 3},
    [ESCROW_EVENT_DISPUTE_DISMISSED] = {escrow_topic_dispute_dismissed, "DisputeDismissed", 2},
    [ESCROW_EVENT_REVERTED] = {escrow_topic_reverted, "EscrowReverted", 3},
    [ESCROW_EVENT_SPLIT] = {escrow_topic_split, "EscrowSplit", 2},
};

const char *escrow_event_name(enum escrow_event_kind kind)
{
    return events[kind].name;
}

static void get_event(struct codec *topics, struct codec *data, struct escrow_event *out)
{
    switch (out->kind) {
    case ESCROW_EVENT_CREATED:
        codec_get_address(topics, out->from);
        out->amount_units = codec_get_uint(data, 64);
        out->custody_end = codec_get_uint(data, 64);
        out->lock = codec_get_bool(data);
        codec_get_bytes32(data, out->terms);
        break;
    case ESCROW_EVENT_RELEASED:
        codec_get_address(topics, out->to);
        out->amount_units = codec_get_uint(data, 64);
        out->early = codec_get_bool(data);
        break;
    case ESCROW_EVENT_DISPUTE_RAISED:
        out->party = (uint8_t)codec_get_uint(topics, 8);
        out->round = (uint32_t)codec_get_uint(data, 32);
        codec_get_bytes32(data, out->note);
        break;
    case ESCROW_EVENT_DISPUTE_DISMISSED:
        out->round = (uint32_t)codec_get_uint(data, 32);
        codec_get_bytes32(data, out->note);
        break;
    case ESCROW_EVENT_REVERTED:
        codec_get_address(topics, out->to);
        out->amount_units = codec_get_uint(data, 64);
        codec_get_bytes32(data, out->note);
        break;
    case ESCROW_EVENT_SPLIT:
        out->buyer_units = codec_get_uint(data, 64);
        out->seller_units = codec_get_uint(data, 64);
        codec_get_bytes32(data, out->note);
        break;
    }
}

bool escrow_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                         struct escrow_event *out)
{
    size_t kind = 0;
    while (topics_n > 0 && kind < ESCROW_EVENT_KINDS &&
           memcmp(topics[0], events[kind].topic, 32) != 0)
        kind++;
    if (topics_n == 0 || kind == ESCROW_EVENT_KINDS || topics_n != events[kind].topics_n)
        return false;
    memset(out, 0, sizeof *out);
    out->kind = (enum escrow_event_kind)kind;
    struct codec indexed = codec_reader((struct bytes){topics[1], 32 * (topics_n - 1)});
    struct codec plain = codec_reader(data);
    codec_get_bytes32(&indexed, out->id);
    get_event(&indexed, &plain, out);
    return codec_done(&indexed) && codec_done(&plain) && out->party <= ESCROW_PARTY_ARBITER;
}

/* ---- ids ---------------------------------------------------------------------------------- */

void escrow_id(uint64_t chain_id, const uint8_t contract[20], const uint8_t payment_uuid[16],
               uint8_t leg, uint8_t out[32])
{
    uint8_t words[4 * CODEC_WORD];
    struct buf b;
    buf_init(&b, words, sizeof words);
    codec_put_u64(&b, chain_id);
    codec_put_address(&b, contract);
    buf_put(&b, payment_uuid, 16); /* bytesN stands at the left of its word */
    buf_zero(&b, CODEC_WORD - 16);
    codec_put_u64(&b, leg);
    keccak256(words, b.n, out);
}
