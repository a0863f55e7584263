/*
 * The signing lane's rows: which effects to put into the next transaction, the stored bytes of each
 * transaction, and the nonce record. Tables: tx, nonce, effect, lease.
 *
 * lane_arm commits bytes, nonce and effects together and checks the lease's fencing token in the same
 * transaction, so two daemons can never both arm one effect or use one nonce.
 */
#ifndef KUSTODIA_STORE_LANE_H
#define KUSTODIA_STORE_LANE_H

#include "abi/bytes.h"
#include "relayer/store/effects.h"

enum { LANE_KEYS_MAX = 10, LANE_BATCH_MAX = 80, LANE_OPEN_MAX = 32, LANE_RAW_MAX = 16 * 1024 };

/* A transaction that no block holds yet: of its versions the one that counts. */
struct lane_tx {
    uint8_t hash[32];
    uint8_t account[20]; /* who signed it: after a change of keys not the lane's any more */
    uint64_t nonce;
    int sends;
    bool accepted; /* a node took it at least once */
    bool cancel_asked, is_cancel;
    int version;          /* from 1 */
    uint64_t gas_limit, max_fee_wei;
    uint64_t top_fee_wei; /* the highest max_fee_wei of all its versions */
    size_t raw_n;
    uint8_t raw[LANE_RAW_MAX];
};

/* Who holds the lane's lease (store/lease.h); checked in the same transaction as the writes. */
struct lane_holder {
    const char *lease;
    const char *owner;
    int64_t fence;
    const char *lane;
    uint64_t chain_id;
    const uint8_t *account; /* 20 bytes */
};

/* The lane among the others of its role, as this daemon sees them. */
struct lane_pool {
    bool moves_tokens; /* else it takes calls of the escrow only */
    bool follows;      /* it also brings to an end what keys signed that are there no more */
    size_t keys_n;
    uint8_t key[LANE_KEYS_MAX][20]; /* accounts of the role's keys */
    const char *busy; /* '{uuid,...}': effects that other lanes here are making drafts of */
};

void lane_check(struct db_script *script, const struct lane_holder *holder);

/* Result 0: transactions that are in no block yet, by nonce (lane_parse_open). Result 1: the next effects of
 * one kind (effects_parse), oldest first, with how long the oldest has waited in ms in result 2. Result 3:
 * the draft, if there is one. Result 4: the first nonce above all we have used (lane_parse_nonce). Result 5:
 * the first one no stored bytes have, lost ones counted (lane_parse_nonce_top). */
struct db_script *lane_look(const struct lane_holder *holder, const struct lane_pool *pool,
                            int limit);
size_t lane_parse_open(struct db_result *result, struct lane_tx *out, size_t max);
int64_t lane_parse_age_ms(struct db_result *result);
/* Lost transactions do not count: their nonces went to others, and the chain counts those. 0 = none used. */
uint64_t lane_parse_nonce(struct db_result *result);
uint64_t lane_parse_nonce_top(struct db_result *result);

/* The next transaction while it is being signed: everything but the signature. */
struct lane_draft {
    uint64_t nonce;
    char kind[32];
    uint8_t destination[20];
    uint64_t gas_limit;
    char max_fee_wei[80]; /* decimal */
    size_t effects_n;
    size_t unsigned_n;
    uint8_t unsigned_tx[LANE_RAW_MAX];
};
bool lane_parse_draft(struct db_result *result, struct lane_draft *out);

/* Stores the draft, claims its effects and fixes their ends of custody. ERR_DB_CONFLICT: another lane has one
 * of them. */
void lane_put_draft(struct db_script *script, const struct lane_holder *holder,
                    const struct lane_draft *draft, const struct effect_row *effects);
/* The signer refused it by policy and has recorded nothing: its nonce is free again. */
void lane_drop_draft(struct db_script *script, const struct lane_holder *holder, const char *why,
                     int64_t wait_ms);
/*
 * Drafts that may never be signed: of keys that are there no more (nobody holds their lease), or of a lane
 * whose key lost its role. Their effects go back to the other lanes; the bytes stay without effects,
 * because the signer may have recorded them: should the key come back, they are what must be signed for
 * that nonce. No signature of a draft was ever sent, for sending comes after arming, and arming ends the
 * draft. If the bytes are sent later after all, the contract refuses a second creation or release. A
 * transfer of tokens has no such guard: its draft stays as it is, and waits for its key.
 */
void lane_abandon_drafts(struct db_script *script, const struct lane_holder *holder,
                         const struct lane_pool *pool);
void lane_abandon_draft(struct db_script *script, const struct lane_holder *holder);
/* The script fails with ERR_DB_CONFLICT when the effect is not planned any more, or in another lane's
 * draft. */
void lane_still_free(struct db_script *script, const struct effect_row *row);
/* Signed bytes, nonce and effects in one transaction; the draft is done. */
void lane_arm(struct db_script *script, const struct lane_holder *holder,
              const struct lane_draft *draft, const uint8_t hash[32], struct bytes raw);

void lane_sent(struct db_script *script, const uint8_t hash[32]);
void lane_send_failed(struct db_script *script, const uint8_t hash[32], const char *why);
struct lane_receipt {
    uint64_t block_number;
    const uint8_t *block_hash;
    bool success;
    uint64_t gas_used;
    const char *fee_wei; /* decimal, gas used times effective price */
};
void lane_mined(struct db_script *script, const uint8_t hash[32],
                const struct lane_receipt *receipt);
/* An operator wants it replaced by nothing. Result of find: state, nonce, kind. */
struct db_script *lane_find_cancel(const uint8_t hash[32]);
void lane_ask_cancel(struct db_script *script, const uint8_t hash[32]);

/* --- versions: one nonce is one call; each version has other fees, the last one may carry nothing --- */

enum { LANE_VERSIONS_MAX = 64 };

struct lane_version {
    const uint8_t *replaces; /* hash of the one that counts now */
    const uint8_t *hash;
    struct bytes raw;
    const uint8_t *destination;
    uint64_t gas_limit;
    const char *max_fee_wei; /* decimal */
    bool is_cancel;
};
/* Stores the bytes; from now on this version counts and carries the effects. A cancel carries none: they stay
 * with the version before, which may still win. ERR_DB_CONFLICT when a block has taken one meanwhile. */
void lane_put_version(struct db_script *script, const struct lane_holder *holder,
                      const struct lane_version *version);
/* The replaced versions of this transaction, newest first, at most LANE_VERSIONS_MAX. */
struct lane_sibling {
    uint8_t hash[32];
    bool is_cancel;
};
struct db_script *lane_versions(const uint8_t hash[32]);
size_t lane_parse_versions(struct db_result *result, struct lane_sibling out[LANE_VERSIONS_MAX]);
/* A block holds `mined`, a replaced version of `counted`: from now on it counts and carries the effects. */
void lane_promote(struct db_script *script, const uint8_t counted[32], const uint8_t mined[32]);
/* The cancel is final: nothing of the call can happen any more. Effects as in lane_lost. */
void lane_cancelled(struct db_script *script, const uint8_t hash[32]);

/* The transaction can never be mined (its nonce went to another): its effects are planned again, but for
 * plain transfers, which the chain would not refuse a second time: those wait for a person. */
void lane_lost(struct db_script *script, const uint8_t hash[32], const char *why);
/* The chain asks for `next`: lost transactions from there on were given up wrongly, for no other one has
 * their nonces. They are open again with what they still carry, and with their own bytes, for the signer
 * signs no other call for these nonces. lane_parse_reopened gives how many; `gap`: none, and one that has
 * just `next` cannot be, because its transfer was ordered anew. */
void lane_reopen(struct db_script *script, const struct lane_holder *holder, uint64_t next);
int lane_parse_reopened(struct db_result *result, bool *gap);
/* Effects that cannot go now: try later, or park with a reason. */
void lane_defer(struct db_script *script, const struct effect_row *row, const char *why,
                int64_t wait_ms);

#endif
