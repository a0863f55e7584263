/*
 * The door to relayer-signer: starts the process, one channel per role, one answer per request. Speaks the
 * frames of keystore/wire.h and never sees a key. A signer that dies is started again with backoff.
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
    SIGNER_RESTART_MAX_MS = 30000
};

struct signer;
struct signer *signer_new(uv_loop_t *loop, const char *program, const char *config_file);
void signer_free(struct signer *signer);

/* Address and chain of the role's channel once it said hello; false before. */
bool signer_identity(const struct signer *signer, enum effect_lane role, uint8_t address[20],
                     uint64_t *chain_id);
/* Why there is no identity, for people. */
const char *signer_trouble(const struct signer *signer);

/* Signed bytes are valid during the callback. Exactly one callback, never before the call returns.
 * ERR_SIGNER_REFUSED (policy; message = its words), ERR_SIGNER_FENCE, ERR_SIGNER_AWAY, ERR_SIGNER_TIMEOUT. */
typedef void signer_cb(void *ctx, const struct err *err, struct bytes signed_tx);
void signer_sign(struct signer *signer, enum effect_lane role, uint64_t fence,
                 struct bytes unsigned_tx, signer_cb *cb, void *ctx);

#endif
