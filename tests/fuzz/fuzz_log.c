/* Logs of the escrow and the token (abi/escrow.h, escrow_admin.h, mxnb.h). Input: one byte, number of topics
 * modulo 5; the topics, 32 bytes each; the rest is data. What decodes is written again here, from the
 * contract's declaration, and must be the same bytes: no value of a log is lost, cut or guessed. */
#include <string.h>

#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/escrow_admin.h"
#include "abi/mxnb.h"
#include "tests/fuzz/fuzz.h"

struct log {
    uint8_t topics[4][32];
    size_t topics_n;
    struct bytes data;
};

/* What a log should be: topics behind the first, and data. */
struct written {
    struct buf topics, data;
    uint8_t topics_room[3 * 32], data_room[8 * 32];
};

static void written_start(struct written *w)
{
    buf_init(&w->topics, w->topics_room, sizeof w->topics_room);
    buf_init(&w->data, w->data_room, sizeof w->data_room);
}

static void written_is(const struct written *w, const struct log *log)
{
    HOLDS(log->topics_n >= 1 && !w->topics.full && !w->data.full);
    HOLDS(bytes_equal(buf_bytes(&w->topics),
                      (struct bytes){log->topics[1], 32 * (log->topics_n - 1)}));
    HOLDS(bytes_equal(buf_bytes(&w->data), log->data));
}

static void event_write(const struct escrow_event *e, struct written *w)
{
    codec_put_bytes32(&w->topics, e->id);
    switch (e->kind) {
    case ESCROW_EVENT_CREATED:
        codec_put_address(&w->topics, e->from);
        codec_put_u64(&w->data, e->amount_units);
        codec_put_u64(&w->data, e->custody_end);
        codec_put_bool(&w->data, e->lock);
        codec_put_bytes32(&w->data, e->terms);
        return;
    case ESCROW_EVENT_RELEASED:
        codec_put_address(&w->topics, e->to);
        codec_put_u64(&w->data, e->amount_units);
        codec_put_bool(&w->data, e->early);
        return;
    case ESCROW_EVENT_DISPUTE_RAISED:
        codec_put_u64(&w->topics, e->party);
        codec_put_u64(&w->data, e->round);
        codec_put_bytes32(&w->data, e->note);
        return;
    case ESCROW_EVENT_DISPUTE_DISMISSED:
        codec_put_u64(&w->data, e->round);
        codec_put_bytes32(&w->data, e->note);
        return;
    case ESCROW_EVENT_REVERTED:
        codec_put_address(&w->topics, e->to);
        codec_put_u64(&w->data, e->amount_units);
        codec_put_bytes32(&w->data, e->note);
        return;
    case ESCROW_EVENT_SPLIT:
        codec_put_u64(&w->data, e->buyer_units);
        codec_put_u64(&w->data, e->seller_units);
        codec_put_bytes32(&w->data, e->note);
        return;
    }
}

static void event_check(const struct log *log)
{
    struct escrow_event event;
    struct written w;

    if (!escrow_event_decode(log->topics, log->topics_n, log->data, &event))
        return;
    HOLDS(escrow_event_name(event.kind)[0] != '\0' && event.party <= ESCROW_PARTY_ARBITER);
    written_start(&w);
    event_write(&event, &w);
    written_is(&w, log);
}

/* Fields of an administrative log; the sender of a role change is not kept, so it is given. */
static void admin_write(const struct escrow_admin_event *e, const uint8_t *sender,
                        struct written *w)
{
    switch (e->kind) {
    case ESCROW_ADMIN_ROLE_GRANTED:
    case ESCROW_ADMIN_ROLE_REVOKED:
        codec_put_bytes32(&w->topics, e->role);
        codec_put_address(&w->topics, e->account);
        codec_put_bytes32(&w->topics, sender);
        return;
    case ESCROW_ADMIN_TRANSFER_SCHEDULED:
        codec_put_address(&w->topics, e->account);
        codec_put_u64(&w->data, e->at);
        return;
    case ESCROW_ADMIN_DELAY_SCHEDULED:
        codec_put_u64(&w->data, e->delay_s);
        codec_put_u64(&w->data, e->at);
        return;
    case ESCROW_ADMIN_TRANSFER_CANCELED:
    case ESCROW_ADMIN_DELAY_CANCELED:
        return;
    case ESCROW_ADMIN_WALLETS_PROPOSED:
        codec_put_address(&w->topics, e->account);
        codec_put_address(&w->topics, e->refund);
        codec_put_u64(&w->data, e->at);
        return;
    case ESCROW_ADMIN_WALLETS_CHANGED:
        codec_put_address(&w->topics, e->account);
        codec_put_address(&w->topics, e->refund);
        return;
    case ESCROW_ADMIN_PAUSE_SET:
        codec_put_address(&w->topics, e->account);
        codec_put_u64(&w->data, e->bits);
        codec_put_u64(&w->data, e->at);
        return;
    case ESCROW_ADMIN_RESCUED:
        codec_put_address(&w->topics, e->token);
        codec_put_address(&w->topics, e->account);
        codec_put_u256(&w->data, &e->amount);
        return;
    }
}

static void admin_check(const struct log *log)
{
    struct escrow_admin_event event;
    struct escrow_event other;
    struct written w;

    if (!escrow_admin_event_decode(log->topics, log->topics_n, log->data, &event))
        return;
    HOLDS(escrow_admin_event_name(event.kind)[0] != '\0');
    HOLDS(!escrow_event_decode(log->topics, log->topics_n, log->data, &other));
    written_start(&w);
    admin_write(&event, log->topics[3], &w);
    written_is(&w, log);
}

static void transfer_check(const struct log *log)
{
    uint8_t from[20], to[20];
    uint64_t units;
    struct written w;

    if (!mxnb_transfer_event_decode(log->topics, log->topics_n, log->data, from, to, &units))
        return;
    written_start(&w);
    codec_put_address(&w.topics, from);
    codec_put_address(&w.topics, to);
    codec_put_u64(&w.data, units);
    written_is(&w, log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    struct log log = {.topics_n = fuzz_take_byte(&in) % 5};

    for (size_t i = 0; i < log.topics_n; i++)
        fuzz_take(&in, log.topics[i], 32);
    log.data = (struct bytes){in.p, in.n};
    event_check(&log);
    admin_check(&log);
    transfer_check(&log);
    return 0;
}
