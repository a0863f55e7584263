// The signer without its process: one message in, one answer out. signer.c adds sockets and limits.
//
// Order for SIGN: parse the whole transaction, judge it (policy.h), ask the record for its nonce and
// amount (record.h), sign and check (sign.h), put digest and signature on disk, answer. Every stage
// can only refuse.
#ifndef KEYSTORE_SIGNER_CORE_H
#define KEYSTORE_SIGNER_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "keystore/policy.h"
#include "keystore/record.h"
#include "keystore/sign.h"
#include "keystore/wire.h"

struct signer {
    struct policy policy;
    struct sign_context *context;
    struct sign_key key[WIRE_KEYS]; // by place (wire.h); `has` tells which are there
    bool has[WIRE_KEYS];
    struct record *record;
    struct policy_request request;     // scratch
};

// What the channel of one key has seen so far.
struct signer_channel {
    size_t key;
    bool greeted; // HELLO came; nothing else is answered before it
};

// Answers one message: appends one frame to `out` (WIRE_BYTES_MAX bytes are enough). `day` is days
// since 1970, UTC. False when this message may not stand here (no HELLO yet, HELLO twice, a frame
// only the signer sends, another version): close the channel after sending what is in `out`.
bool signer_answer(struct signer *signer, struct signer_channel *channel,
                   const struct wire_message *message, uint32_t day, struct buf *out);

// The offer of a signer that waits for the record of another: what HELLO_OK will say.
bool signer_standby(const struct signer *signer, size_t key, struct buf *out);

#endif
