#include "relayer/engine/admin_log.h"

#include <string.h>

static bool names_somebody(enum escrow_admin_kind kind)
{
    return kind != ESCROW_ADMIN_TRANSFER_CANCELED && kind != ESCROW_ADMIN_DELAY_SCHEDULED &&
           kind != ESCROW_ADMIN_DELAY_CANCELED;
}

bool admin_log_read(const struct chain_log *log, struct seen_log *out,
                    struct escrow_admin_event *event)
{
    if (!escrow_admin_event_decode(log->topics, log->topics_n, log->data, event))
        return false;
    out->event = escrow_admin_event_name(event->kind);
    if (event->kind == ESCROW_ADMIN_PAUSE_SET) {
        out->has_from = true;
        memcpy(out->from, event->account, 20);
    } else if (names_somebody(event->kind)) {
        out->has_to = true;
        memcpy(out->to, event->account, 20);
    }
    out->has_hash =
        event->kind == ESCROW_ADMIN_ROLE_GRANTED || event->kind == ESCROW_ADMIN_ROLE_REVOKED;
    memcpy(out->hash, event->role, 32);
    return true;
}

bool admin_log_named(const char *event)
{
    for (int kind = 0; kind < ESCROW_ADMIN_KINDS; kind++) {
        if (strcmp(escrow_admin_event_name((enum escrow_admin_kind)kind), event) == 0)
            return true;
    }
    return false;
}
