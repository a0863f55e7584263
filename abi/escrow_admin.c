#include "abi/escrow_admin.h"

#include "abi/codec.h"
#include "abi/escrow_abi.h"

#include <string.h>

static const struct {
    const char *name;
    uint8_t topic[32];
    size_t topics_n;
} events[ESCROW_ADMIN_KINDS] = {
    [ESCROW_ADMIN_ROLE_GRANTED] = {"RoleGranted", ESCROW_TOPIC_ROLE_GRANTED, 4},
    [ESCROW_ADMIN_ROLE_REVOKED] = {"RoleRevoked", ESCROW_TOPIC_ROLE_REVOKED, 4},
    [ESCROW_ADMIN_TRANSFER_SCHEDULED] = {"DefaultAdminTransferScheduled",
                                         ESCROW_TOPIC_DEFAULT_ADMIN_TRANSFER_SCHEDULED, 2},
    [ESCROW_ADMIN_TRANSFER_CANCELED] = {"DefaultAdminTransferCanceled",
                                        ESCROW_TOPIC_DEFAULT_ADMIN_TRANSFER_CANCELED, 1},
    [ESCROW_ADMIN_DELAY_SCHEDULED] = {"DefaultAdminDelayChangeScheduled",
                                      ESCROW_TOPIC_DEFAULT_ADMIN_DELAY_CHANGE_SCHEDULED, 1},
    [ESCROW_ADMIN_DELAY_CANCELED] = {"DefaultAdminDelayChangeCanceled",
                                     ESCROW_TOPIC_DEFAULT_ADMIN_DELAY_CHANGE_CANCELED, 1},
    [ESCROW_ADMIN_WALLETS_PROPOSED] = {"WalletsProposed", ESCROW_TOPIC_WALLETS_PROPOSED, 3},
    [ESCROW_ADMIN_WALLETS_CHANGED] = {"WalletsChanged", ESCROW_TOPIC_WALLETS_CHANGED, 3},
    [ESCROW_ADMIN_PAUSE_SET] = {"PauseSet", ESCROW_TOPIC_PAUSE_SET, 2},
    [ESCROW_ADMIN_RESCUED] = {"Rescued", ESCROW_TOPIC_RESCUED, 3},
};

const char *escrow_admin_event_name(enum escrow_admin_kind kind)
{
    return events[kind].name;
}

static void get_event(struct codec *topics, struct codec *data, struct escrow_admin_event *out)
{
    uint8_t sender[20];
    switch (out->kind) {
    case ESCROW_ADMIN_ROLE_GRANTED:
    case ESCROW_ADMIN_ROLE_REVOKED:
        codec_get_bytes32(topics, out->role);
        codec_get_address(topics, out->account);
        codec_get_address(topics, sender);
        break;
    case ESCROW_ADMIN_TRANSFER_SCHEDULED:
        codec_get_address(topics, out->account);
        out->at = codec_get_uint(data, 48);
        break;
    case ESCROW_ADMIN_DELAY_SCHEDULED:
        out->delay_s = codec_get_uint(data, 48);
        out->at = codec_get_uint(data, 48);
        break;
    case ESCROW_ADMIN_TRANSFER_CANCELED:
    case ESCROW_ADMIN_DELAY_CANCELED:
        break;
    case ESCROW_ADMIN_WALLETS_PROPOSED:
        codec_get_address(topics, out->account);
        codec_get_address(topics, out->refund);
        out->at = codec_get_uint(data, 64);
        break;
    case ESCROW_ADMIN_WALLETS_CHANGED:
        codec_get_address(topics, out->account);
        codec_get_address(topics, out->refund);
        break;
    case ESCROW_ADMIN_PAUSE_SET:
        codec_get_address(topics, out->account);
        out->bits = (uint8_t)codec_get_uint(data, 8);
        out->at = codec_get_uint(data, 64);
        break;
    case ESCROW_ADMIN_RESCUED:
        codec_get_address(topics, out->token);
        codec_get_address(topics, out->account);
        codec_get_u256(data, &out->amount);
        break;
    }
}

bool escrow_admin_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                               struct escrow_admin_event *out)
{
    size_t kind = 0;
    while (topics_n > 0 && kind < ESCROW_ADMIN_KINDS &&
           memcmp(topics[0], events[kind].topic, 32) != 0)
        kind++;
    if (topics_n == 0 || kind == ESCROW_ADMIN_KINDS || topics_n != events[kind].topics_n)
        return false;
    memset(out, 0, sizeof *out);
    out->kind = (enum escrow_admin_kind)kind;
    struct codec indexed = codec_reader((struct bytes){topics[1], 32 * (topics_n - 1)});
    struct codec plain = codec_reader(data);
    get_event(&indexed, &plain, out);
    return codec_done(&indexed) && codec_done(&plain);
}
