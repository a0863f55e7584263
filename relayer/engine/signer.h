/*
 * The door to relayer-signer: starts the process, one channel per place of a key, one answer per request.
 * Speaks the frames of keystore/wire.h and never sees a key. A signer that dies is started again with
 * backoff.
 *
 * Places: 0 the relayer's own key, 1 the arbiter's, then those of the pool. Which of the others hold a key
 * is the signer's settings alone; an empty place closes its channel.
 *
 * A reload starts a second process beside the first. It opens its keys and shows their addresses while the
 * first goes on signing; when they are judged right the first gets no more requests, answers what it has,
 * ends, and its record passes to the second. When they are not, or the second fails, the first never
 * stopped.
 */
#ifndef KUSTODIA_ENGINE_SIGNER_H
#define KUSTODIA_ENGINE_SIGNER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "abi/bytes.h"
#include "relayer/base/err.h"
#include "relayer/flows/flow.h"

enum {
    SIGNER_WAITING_MAX = 64,
    SIGNER_DEADLINE_MS = 10000,
    SIGNER_RESTART_MS = 1000,
    SIGNER_RESTART_MAX_MS = 30000,
    SIGNER_RELOAD_MS = 90000, /* opening ten keys takes seconds */
    SIGNER_KEYS = 10
};

struct signer;
struct signer *signer_new(uv_loop_t *loop, const char *program, const char *config_file);
void signer_free(struct signer *signer);

/* Address and chain of the key in this place once its channel said hello; false before, or without a key. */
bool signer_identity(const struct signer *signer, size_t key, uint8_t address[20],
                     uint64_t *chain_id);
/* Every place has said hello or has no key. */
bool signer_is_settled(const struct signer *signer);
const char *signer_key_name(size_t key); /* "relayer", "relayer.2" */
enum effect_lane signer_key_lane(size_t key);
bool signer_key_moves_tokens(size_t key); /* the others only call the escrow */

/* Replaces the process, with the settings as they are now. `judge` looks at the new keys and gives a
 * sentence in `why` when it says no. The callback comes once, never before the call returns: why NULL when
 * the new one signs, else why the old one goes on. False: a reload is under way already. */
struct signer_offer {
    uint64_t chain_id;
    bool has[SIGNER_KEYS];
    uint8_t address[SIGNER_KEYS][20];
};
typedef bool signer_judge(void *ctx, const struct signer_offer *offer, char *why, size_t cap);
typedef void signer_reloaded_cb(void *ctx, const char *why);
bool signer_reload(struct signer *signer, signer_judge *judge, signer_reloaded_cb *cb, void *ctx);

/* Why there is no identity, for people. */
const char *signer_trouble(const struct signer *signer);

/* Signed bytes are valid during the callback. Exactly one callback, never before the call returns.
 * ERR_SIGNER_REFUSED (policy; message = its words), ERR_SIGNER_FENCE, ERR_SIGNER_AWAY (also when its record
 * or its key failed: the digest may be on record), ERR_SIGNER_TIMEOUT. */
typedef void signer_cb(void *ctx, const struct err *err, struct bytes signed_tx);
void signer_sign(struct signer *signer, size_t key, uint64_t fence,
                 struct bytes unsigned_tx, signer_cb *cb, void *ctx);

#endif
