/*
 * What a flow is: the words in which pure steps speak to the engine.
 *
 * A step takes a row, one fact and the rules, and returns a decision by value. It has no I/O, no clock and
 * no memory of its own: the engine loads the row, calls the step, and commits the whole decision in one
 * database transaction guarded by the row's version. Only then does anything happen outside.
 *
 * Units: *_centavos is MXN scale 2, *_units is MXNB scale 6, *_s is UNIX seconds, *_ms is UNIX milliseconds.
 * Chain time is the timestamp of the newest block we follow; wall time is ours.
 */
#ifndef KUSTODIA_FLOWS_FLOW_H
#define KUSTODIA_FLOWS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/uuid.h"
#include "relayer/money/posting.h"

enum {
    FLOW_POSTINGS_MAX = 3,
    FLOW_EVENTS_MAX = 3,
    FLOW_LEG_CHANGES_MAX = 20,
    FLOW_TEXT_MAX = 200,
    FLOW_EXTERNAL_MAX = 80,
};

/* Kinds of outside effects. The names are stored in effect.kind (migrations/0002_custody.sql). */
enum effect_kind {
    EFFECT_REDEEM = 1,
    EFFECT_WITHDRAW = 2,
    EFFECT_BANK_REGISTER = 3,
    EFFECT_CLABE_CREATE = 4,
    EFFECT_ESCROW_CREATE = 5,
    EFFECT_ESCROW_RELEASE = 6,
    EFFECT_ESCROW_RELEASE_EARLY = 7,
    EFFECT_DISPUTE_RAISE = 8,
    EFFECT_DISPUTE_DISMISS = 9,
    EFFECT_DISPUTE_REVERT = 10,
    EFFECT_DISPUTE_SPLIT = 11,
    EFFECT_TOKEN_TRANSFER = 12,
    EFFECT_TOKEN_APPROVE = 13,
};

enum effect_lane { LANE_NONE = 0, LANE_RELAYER = 1, LANE_ARBITER = 2 };

/* Where an effect stands, as far as a flow cares. */
enum effect_end { EFFECT_OPEN = 0, EFFECT_CONFIRMED = 1, EFFECT_REJECTED = 2, EFFECT_PARKED = 3 };

/* An effect the engine is to carry out. Its id, key and destination never change once committed. */
struct effect_plan {
    enum effect_kind kind;
    struct uuid id;
    struct uuid idem_key;
    int leg_n; /* -1 = the custody strand */
    int64_t amount_units;
    int64_t buyer_units;     /* split only */
    uint8_t party;           /* dispute only */
    uint8_t note_hash[32];   /* terms, reason or note: a hash, never text */
    int64_t custody_seconds; /* create only */
    /* The engine fills in the destination: the leg's bank account, or the configured wallet. */
};

struct event_plan {
    const char *type; /* static text: a timeline word of the API */
    int64_t amount_units;
    bool with_juno_id; /* take the fact's external id along */
    bool with_tx_hash; /* take the fact's transaction hash along */
};

enum fact_kind {
    FACT_TIME = 1,
    FACT_DEPOSIT = 2,
    FACT_ISSUANCE = 3,
    FACT_EFFECT = 4,
    FACT_ASK_CANCEL = 5,
    FACT_ASK_DISPUTE = 6,
    FACT_ASK_DISMISS = 7,
    FACT_ASK_REVERT = 8,
    FACT_ASK_SPLIT = 9,
    FACT_ASK_RELEASE_EARLY = 10,
    FACT_PAYOUT_RETURNED = 11,
};

/* One thing that became true. Fields beside the kind are filled in only where the kind needs them. */
struct fact {
    enum fact_kind kind;
    int64_t now_ms;            /* wall time */
    int64_t chain_time_s;      /* newest followed block; 0 = not known yet */
    int64_t deposits_known_ms; /* when the last whole look at Juno's deposits began; wall time */
    bool already_issued;       /* FACT_DEPOSIT: and its MXNB had been issued meanwhile */
    enum effect_kind effect_kind;
    enum effect_end effect_end;
    struct uuid effect_id;
    int64_t custody_end_s;  /* FACT_EFFECT of a create: as the contract recorded it */
    int64_t buyer_centavos; /* FACT_ASK_SPLIT */
    uint8_t party;          /* FACT_ASK_DISPUTE: the contract's Party: 1 buyer, 2 seller */
    uint8_t note_hash[32];  /* FACT_ASK_*: hash of the reason or note */
    const char *reason;     /* FACT_EFFECT that ended badly: why, for people */
};

/* Settings a step may depend on. */
struct flow_rules {
    int64_t min_leg_centavos;  /* Juno's floor for one redemption */
    int64_t max_custody_units; /* what one escrow may hold: the allowance must carry it; 0 = any */
    int64_t release_margin_s;  /* release only this long after custody end */
    int64_t dispute_margin_s;  /* refuse disputes this long before custody end */
    bool wall_clock_too;       /* custody also needs our own clock to have passed the end */
};

enum verdict { VERDICT_NOTHING = 0, VERDICT_MOVE = 1, VERDICT_REFUSE = 2 };

/* effect id = uuid derived from the owner, the kind and the version it was decided at: a repeated
 * decision at the same version names the same effect, so it can never be carried out twice. */
void flow_effect_id(const struct uuid *owner, enum effect_kind kind, int leg_n, int64_t version,
                    struct uuid *id, struct uuid *idem_key);

/* Ids of the postings of an effect: what is reserved when it is planned, what settles or cancels it. */
struct uuid flow_reserve_id(const struct uuid *effect_id);
struct uuid flow_settle_id(const struct uuid *effect_id);

/* Stored names; NULL for a number that is not a kind. */
const char *effect_kind_name(enum effect_kind kind);
bool effect_kind_parse(const char *name, enum effect_kind *kind);
bool effect_kind_is_chain(enum effect_kind kind);
enum effect_lane effect_kind_lane(enum effect_kind kind);

#endif
