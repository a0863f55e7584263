/*
 * What was seen on chain: followed blocks, logs of our contracts, finality, and what they confirm.
 * Tables: block, head, evidence, tx, effect, escrow.
 *
 * A scanned range is committed with its logs and the new position in one transaction, so a log is stored
 * exactly once. A reorg supersedes evidence above the common ancestor and moves the position back.
 */
#ifndef KUSTODIA_STORE_EVIDENCE_H
#define KUSTODIA_STORE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/store/db.h"

struct seen_block {
    uint64_t number;
    uint8_t hash[32];
    uint8_t parent[32];
    int64_t time_s;
};

struct seen_log {
    uint8_t tx_hash[32];
    uint32_t log_index;
    uint64_t block_number;
    uint8_t block_hash[32];
    int64_t block_time_s;
    uint8_t address[20];
    const char *event; /* a name the table allows */
    bool has_escrow;
    uint8_t escrow_id[32];
    bool has_from, has_to;
    uint8_t from[20], to[20];
    uint64_t amount_units, buyer_units;
    int64_t custody_end_s;
    bool has_hash;
    uint8_t hash[32]; /* terms, reason or note */
    uint8_t party;
    uint32_t round;
    bool early;
    uint8_t digest[32]; /* of the log as the chain gave it */
};

/* The newest block whose logs are committed: what a watcher builds on. Two watchers may share a database, so
 * every change is made only while the stored position is still the one its maker read. */
struct seen_mark {
    bool known; /* false: nothing was scanned yet */
    uint64_t number;
    uint8_t hash[32]; /* zero when the header of that height is not held */
};

/* Position and the newest blocks, and how far everything is final. */
struct db_script *evidence_position(void);
struct seen_position {
    struct seen_mark scanned;
    int64_t latest_time_s; /* of the newest block any run has seen; 0 = none */
    struct seen_mark final; /* newest block that is final for us */
    size_t blocks_n; /* an unbroken run that ends at scanned; rows below a gap are left out */
    struct seen_block blocks[128];
};
void evidence_parse_position(struct db_result *result, struct seen_position *out);

/* A range of blocks and all of its logs. The headers kept are consecutive and end with the range; below them
 * nothing is held, for a range that lies deep under the head is not followed block by block. */
struct seen_span {
    uint64_t from;                   /* the first block whose logs were read */
    const struct seen_block *blocks;
    size_t blocks_n; /* at least one: the last is the range's end */
    const struct seen_log *logs;
    size_t logs_n;
};
/* Moves the position from `from` to the span's last block and stores headers and logs; whatever was stored
 * above `from` and is not final gives way. A transaction stored as mined in a block that is not the chain's
 * is open again. Headers older than the newest 256 are dropped.
 * ERR_DB_CONFLICT: the position is not `from`, so another watcher moved it. */
void evidence_scanned(struct db_script *script, const struct seen_mark *from,
                      const struct seen_span *span);

/* The chain was found to differ above ancestor: evidence and mined transactions above it are undone.
 * ERR_DB_CONFLICT as above. */
void evidence_rollback(struct db_script *script, const struct seen_mark *from,
                       const struct seen_mark *ancestor);

/* Who was given one of three roles in this contract, and by its logs holds it still: the newest first. */
enum { ROLE_GRANTS_MAX = 64 };
struct role_grants {
    size_t n;
    struct role_grant {
        uint8_t role[32], account[20];
    } grant[ROLE_GRANTS_MAX];
};
struct db_script *evidence_role_grants(const uint8_t address[20], const uint8_t *const role[3]);
void evidence_parse_role_grants(struct db_result *result, struct role_grants *out);

/* Nothing new was scanned: the rest of the script holds only while the position is still `from`. */
void evidence_still(struct db_script *script, const struct seen_mark *from);

/* What is stored of a range and not final yet, to hold it against other endpoints' answers. */
struct db_script *evidence_pending(uint64_t from, uint64_t to);
struct seen_pending {
    bool hash_known; /* the header of `to` is held */
    uint8_t hash[32];
    size_t logs_n;
    bool digests_known;   /* of all these logs */
    uint64_t next_number; /* lowest block above `to` with logs that are not final; 0 = none */
    struct seen_mark final; /* as it is now: another daemon may have moved it */
};
void evidence_parse_pending(struct db_result *result, struct seen_pending *out);
/* Digest of log i < logs_n, by block and index. */
void evidence_pending_digest(struct db_result *result, size_t i, uint8_t out[32]);

/* One finality level moved ("latest", "safe", "finalized", "policy": the one chain.finality names). */
void evidence_head(struct db_script *script, const char *level, const struct seen_block *block);

/* Everything up to this block is final for us: evidence from block `from` on, transactions, escrow states and
 * the effects they confirm; wakes the payments. Evidence below `from` stays as it is: nobody held it against
 * another answer; 0 where one endpoint is enough. */
struct evidence_wallets {
    const char *bridge; /* '\x..' text of 20 bytes */
    const char *juno_deposit;
    const char *token;
};
void evidence_final(struct db_script *script, uint64_t from, const struct seen_block *last,
                    const struct evidence_wallets *wallets);
/* The confirmation part alone: after Juno reported something new about a transfer. */
void evidence_confirm(struct db_script *script, const struct evidence_wallets *wallets);

#endif
