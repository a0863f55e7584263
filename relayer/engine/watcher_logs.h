/*
 * The logs that concern us: which ones are asked for, and how one becomes a row of evidence. The watcher
 * stores what it reads here; the witness reads other endpoints' answers the same way, so both keep the
 * same logs. Pure.
 */
#ifndef KUSTODIA_ENGINE_WATCHER_LOGS_H
#define KUSTODIA_ENGINE_WATCHER_LOGS_H

#include "abi/escrow_admin.h"
#include "abi/keccak.h"
#include "relayer/base/config.h"
#include "relayer/chain/node.h"
#include "relayer/store/evidence.h"

/* All logs of the escrow; of the token only transfers from and to the bridge and the bridge's approvals. */
void watcher_logs_query(const struct config *config, uint64_t from, uint64_t to,
                        struct node_logs_query *out);

enum watcher_log_kind {
    WATCHER_LOG_STRANGE, /* not kept: a token log that is no transfer or approval of ours */
    WATCHER_LOG_KEPT,
    WATCHER_LOG_ADMIN,      /* kept: a log of the escrow that no payment caused, and nobody knows */
    WATCHER_LOG_ADMIN_READ, /* the same, read into `admin` */
};
/* `out->block_time_s` is left to the caller. `out->digest` covers address, topics, data and place. */
enum watcher_log_kind watcher_log_read(const struct config *config, const struct chain_log *log,
                                       struct seen_log *out, struct escrow_admin_event *admin);

/* One digest of many logs, in the order of block and index. */
struct watcher_digest {
    struct keccak sponge;
    size_t n;
};
void watcher_digest_init(struct watcher_digest *digest);
void watcher_digest_add(struct watcher_digest *digest, const uint8_t log[32]);
void watcher_digest_end(struct watcher_digest *digest, uint8_t out[32]);

#endif
