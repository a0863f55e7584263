/*
 * The second opinion: several endpoints are asked, each alone, what happened in a range of blocks or what
 * became of a transaction, and their answers are held against each other. Nothing here writes to the
 * ledger.
 *
 * chain.agree endpoints must say the same; it is capped at the number configured, and with one there is no
 * second opinion (witness_needed is false). As many as that are asked first, in one batch each; only when
 * they are not enough or do not agree, the others are asked too.
 *
 * Who is in the minority three times in a row, for two seconds at least, is named (alarm endpoint_lies)
 * and put aside (node_accuse). Where there is no majority nobody can tell who lies: alarm
 * endpoints_differ, and nothing is believed until they agree. Too few answers for a while: alarm
 * second_opinion_missing. The last two are about ranges only and end with the next agreement about one.
 */
#ifndef KUSTODIA_ENGINE_WITNESS_H
#define KUSTODIA_ENGINE_WITNESS_H

#include "relayer/chain/answer.h"
#include "relayer/engine/engine.h"

struct witness;

enum witness_verdict {
    WITNESS_AGREED,       /* enough endpoints say the same, and it is what is stored */
    WITNESS_STORED_WRONG, /* they say the same, and something else is stored: read it again */
    WITNESS_DIFFERS,      /* no majority, or one that has to be seen again first: ask later */
    WITNESS_MISSING,      /* too few answers: ask later */
    WITNESS_RANGE         /* too many blocks or logs for one of them: ask for fewer */
};

/* What is stored about a range of blocks. */
struct witness_range {
    uint64_t from, to; /* both included */
    bool hash_known;   /* the header of `to` is held */
    uint8_t hash[32];
    size_t logs_n;
    uint8_t logs_digest[32]; /* of their digests, see watcher_logs.h */
};

/* `end`: the header of `to` that they agree on; NULL unless the verdict is WITNESS_AGREED. Comes once, never
 * before the call returns. While the engine stops nobody is asked further and the verdict is WITNESS_MISSING;
 * engine->node may be gone by then. */
typedef void witness_cb(void *ctx, enum witness_verdict verdict, const struct chain_block *end);

struct witness *witness_new(struct engine *engine);
/* Once no question is under way any more. NULL is fine. */
void witness_free(struct witness *witness);

/* False: one endpoint, or chain.agree = 1. */
bool witness_needed(const struct engine *engine);

void witness_ask(struct witness *witness, const struct witness_range *range, witness_cb *cb,
                 void *ctx);

/* Alarms of this module that may be open end with the script. */
void witness_clear(struct witness *witness, struct db_script *script);
/* That script failed: the next one shall end them. */
void witness_not_cleared(struct witness *witness);

/* The receipt of a transaction as chain.agree endpoints tell it (where one is enough, as that one does).
 * WITNESS_AGREED: `receipt` has what they all say, without logs; NULL otherwise. An endpoint without a
 * receipt beside others that have one counts as not answering, for it may only be late; that there is
 * none is agreed on when nobody has one. Several may be under way. */
typedef void witness_receipt_cb(void *ctx, enum witness_verdict verdict,
                                const struct chain_receipt *receipt);
void witness_receipt(struct witness *witness, const uint8_t tx_hash[32], witness_receipt_cb *cb,
                     void *ctx);

#endif
