/*
 * The signing lane's rows: which effects to put into the next transaction, the stored bytes of each
 * transaction, and the nonce record. Tables: tx, nonce, effect, lease.
 *
 * lane_arm commits bytes, nonce and effects together and checks the lease's fencing token in the same
 * transaction, so two daemons can never both arm one effect or use one nonce.
 */
#ifndef KUSTODIA_STORE_LANE_H
#define KUSTODIA_STORE_LANE_H

#include "relayer/store/effects.h"

enum { LANE_BATCH_MAX = 80, LANE_OPEN_MAX = 32, LANE_RAW_MAX = 16 * 1024 };

struct lane_tx {
    uint8_t hash[32];
    uint64_t nonce;
    bool mined;
    uint64_t block_number;
    uint8_t block_hash[32];
    int sends;
    size_t raw_n;
    uint8_t raw[LANE_RAW_MAX];
};

/* Takes or renews the lease; one row (token) when we hold it. */
struct db_script *lane_lease(const char *name, const char *owner, int ttl_s);

/* Result 0: open transactions by nonce (lane_parse_open). Result 1: the next effects of one kind
 * (effects_parse), oldest first, with how long the oldest has waited in ms in result 2. */
struct db_script *lane_look(const char *lane, int limit);
size_t lane_parse_open(struct db_result *result, struct lane_tx *out, size_t max);
int64_t lane_parse_age_ms(struct db_result *result);

struct lane_arming {
    const char *lease_name;
    const char *owner;
    int64_t fence;
    const char *lane;
    const char *kind;
    uint64_t chain_id;
    const uint8_t *account;     /* 20 bytes */
    uint64_t nonce;
    const uint8_t *destination; /* 20 bytes */
    const uint8_t *hash;        /* 32 bytes */
    const uint8_t *raw;
    size_t raw_n;
    uint64_t gas_limit;
    const char *max_fee_wei;    /* decimal */
};
void lane_arm(struct db_script *script, const struct lane_arming *arming,
              const struct effect_row *effects, size_t effects_n);

void lane_sent(struct db_script *script, const uint8_t hash[32]);
void lane_send_failed(struct db_script *script, const uint8_t hash[32], const char *why);
struct lane_receipt {
    uint64_t block_number;
    const uint8_t *block_hash;
    bool success;
    uint64_t gas_used;
    const char *fee_wei;        /* decimal, gas used times effective price */
};
void lane_mined(struct db_script *script, const uint8_t hash[32], const struct lane_receipt *receipt);
/* The transaction can never be mined (its nonce went to another): its effects are planned again. */
void lane_lost(struct db_script *script, const uint8_t hash[32], const char *why);
/* Effects that cannot go now: try later, or park with a reason. */
void lane_defer(struct db_script *script, const struct effect_row *row, const char *why,
                int64_t wait_ms);

#endif
