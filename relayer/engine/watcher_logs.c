#include "relayer/engine/watcher_logs.h"

#include <string.h>

#include "abi/escrow.h"
#include "abi/mxnb.h"
#include "relayer/engine/admin_log.h"

static void approval_topic(uint8_t out[32])
{
    static const char SIGNATURE[] = "Approval(address,address,uint256)";
    keccak256(SIGNATURE, sizeof SIGNATURE - 1, out);
}

void watcher_logs_query(const struct config *config, uint64_t from, uint64_t to,
                        struct node_logs_query *out)
{
    *out = (struct node_logs_query){.from = from, .to = to, .filters_n = 3, .with_end = true};
    memcpy(out->filter[0].address, config->chain_escrow.b, 20);
    struct node_logs_filter *gives = &out->filter[1], *gets = &out->filter[2];
    memcpy(gives->address, config->chain_token.b, 20);
    memcpy(gives->topic0[0], mxnb_topic_transfer, 32);
    approval_topic(gives->topic0[1]);
    gives->topic0_n = 2;
    gives->has_topic1 = true;
    memcpy(gives->topic1 + 12, config->chain_bridge.b, 20);
    memcpy(gets->address, config->chain_token.b, 20);
    memcpy(gets->topic0[0], mxnb_topic_transfer, 32);
    gets->topic0_n = 1;
    gets->has_topic2 = true;
    memcpy(gets->topic2 + 12, config->chain_bridge.b, 20);
}

static void read_escrow_event(const struct escrow_event *event, struct seen_log *out)
{
    static const char *const NAMES[ESCROW_EVENT_KINDS] = {
        [ESCROW_EVENT_CREATED] = "EscrowCreated",
        [ESCROW_EVENT_RELEASED] = "EscrowReleased",
        [ESCROW_EVENT_DISPUTE_RAISED] = "DisputeRaised",
        [ESCROW_EVENT_DISPUTE_DISMISSED] = "DisputeDismissed",
        [ESCROW_EVENT_REVERTED] = "EscrowReverted",
        [ESCROW_EVENT_SPLIT] = "EscrowSplit",
    };
    out->event = NAMES[event->kind];
    out->has_escrow = true;
    memcpy(out->escrow_id, event->id, 32);
    out->amount_units = event->amount_units;
    out->buyer_units = event->buyer_units;
    if (event->kind == ESCROW_EVENT_SPLIT)
        out->amount_units = event->buyer_units + event->seller_units;
    out->custody_end_s = (int64_t)event->custody_end;
    out->has_hash = true;
    memcpy(out->hash, event->kind == ESCROW_EVENT_CREATED ? event->terms : event->note, 32);
    out->party = event->party;
    out->round = event->round;
    out->early = event->early;
}

/* Transfers that do not touch our bridge are other people's: not kept. */
static bool read_token_event(const struct config *config, const struct chain_log *log,
                             struct seen_log *out)
{
    uint8_t approval[32];
    approval_topic(approval);
    if (log->topics_n == 3 && memcmp(log->topics[0], approval, 32) == 0) {
        out->event = "Approval";
        memcpy(out->from, log->topics[1] + 12, 20);
        memcpy(out->to, log->topics[2] + 12, 20);
        out->has_from = out->has_to = true;
        return memcmp(out->from, config->chain_bridge.b, 20) == 0;
    }
    out->event = "Transfer";
    out->has_from = out->has_to = true;
    if (!mxnb_transfer_event_decode(log->topics, log->topics_n, log->data, out->from, out->to,
                                    &out->amount_units))
        return false;
    return memcmp(out->from, config->chain_bridge.b, 20) == 0 ||
           memcmp(out->to, config->chain_bridge.b, 20) == 0;
}

static void put_u64(struct keccak *sponge, uint64_t value)
{
    uint8_t be[8];
    for (int i = 7; i >= 0; i--, value >>= 8)
        be[i] = (uint8_t)value;
    keccak_update(sponge, be, sizeof be);
}

/* Lengths before what has one: no two logs give the same bytes. */
static void digest_of(const struct chain_log *log, uint8_t out[32])
{
    struct keccak sponge;
    keccak_init(&sponge);
    keccak_update(&sponge, log->address, 20);
    put_u64(&sponge, log->topics_n);
    keccak_update(&sponge, log->topics, 32 * log->topics_n);
    put_u64(&sponge, log->data.n);
    keccak_update(&sponge, log->data.p, log->data.n);
    put_u64(&sponge, log->block_number);
    keccak_update(&sponge, log->block_hash, 32);
    keccak_update(&sponge, log->tx_hash, 32);
    put_u64(&sponge, log->log_index);
    keccak_final(&sponge, out);
}

enum watcher_log_kind watcher_log_read(const struct config *config, const struct chain_log *log,
                                       struct seen_log *out, struct escrow_admin_event *admin)
{
    *out = (struct seen_log){.log_index = (uint32_t)log->log_index,
                             .block_number = log->block_number,
                             .event = "Other"};
    memcpy(out->tx_hash, log->tx_hash, 32);
    memcpy(out->block_hash, log->block_hash, 32);
    memcpy(out->address, log->address, 20);
    digest_of(log, out->digest);
    struct escrow_event event;
    if (memcmp(log->address, config->chain_escrow.b, 20) != 0)
        return read_token_event(config, log, out) ? WATCHER_LOG_KEPT : WATCHER_LOG_STRANGE;
    if (!escrow_event_decode(log->topics, log->topics_n, log->data, &event))
        return admin_log_read(log, out, admin) ? WATCHER_LOG_ADMIN_READ : WATCHER_LOG_ADMIN;
    read_escrow_event(&event, out);
    return WATCHER_LOG_KEPT;
}

void watcher_digest_init(struct watcher_digest *digest)
{
    digest->n = 0;
    keccak_init(&digest->sponge);
}

void watcher_digest_add(struct watcher_digest *digest, const uint8_t log[32])
{
    digest->n++;
    keccak_update(&digest->sponge, log, 32);
}

void watcher_digest_end(struct watcher_digest *digest, uint8_t out[32])
{
    keccak_final(&digest->sponge, out);
}
