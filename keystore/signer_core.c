#include "keystore/signer_core.h"

#include <string.h>

static const struct sign_key *role_key(const struct signer *signer, enum wire_role role)
{
    return &signer->key[role == WIRE_ROLE_ARBITER];
}

static bool answer_hello(const struct signer *signer, struct signer_channel *channel,
                         const struct wire_message *message, struct buf *out)
{
    if (channel->greeted)
        return false;
    struct wire_message answer = {.type = WIRE_HELLO_OK, .version = WIRE_VERSION,
                                  .role = channel->role, .chain_id = signer->policy.chain_id};
    memcpy(answer.address, role_key(signer, channel->role)->address, sizeof answer.address);
    // A daemon of another version still learns ours, then loses the channel.
    channel->greeted = message->version == WIRE_VERSION;
    return wire_write(&answer, out) && channel->greeted;
}

// Everything between the request's bytes and the question to the record.
static bool sign_permitted(struct signer *signer, const struct signer_channel *channel,
                           const struct wire_message *message, struct tx *tx,
                           struct record_claim *claim, struct policy_verdict *verdict)
{
    enum tx_error error = tx_decode_unsigned(message->payload, tx);
    if (error != TX_OK)
        return policy_refuse(verdict, REFUSAL_MALFORMED, "%s", tx_error_text(error));
    claim->cancels = policy_is_cancel(tx, role_key(signer, channel->role)->address);
    bool allowed = claim->cancels ? policy_judge_cancel(&signer->policy, tx, verdict)
                                  : policy_judge(&signer->policy, channel->role, tx,
                                                 &signer->request, verdict);
    if (!allowed)
        return false;
    claim->nonce = tx->nonce;
    claim->units = claim->cancels ? 0 : signer->request.units;
    record_call_hash(tx, claim->call_hash);
    if (!tx_sighash(tx, claim->digest))
        return policy_refuse(verdict, REFUSAL_MALFORMED, "it cannot be hashed");
    return true;
}

// The signature that left for this digest before, or a new one, checked and on disk.
static bool signature_make(struct signer *signer, const struct record_claim *claim,
                           struct signature *signature, struct policy_verdict *verdict)
{
    const struct sign_key *key = role_key(signer, claim->role);
    const struct signature *kept;
    if (!record_judge(signer->record, claim, &kept, verdict))
        return false;
    if (kept)
        *signature = *kept;
    else if (!sign_digest(signer->context, key, claim->digest, signature))
        return policy_refuse(verdict, REFUSAL_SIGNATURE, "the key did not sign");
    if (!sign_check(signer->context, key, claim->digest, signature))
        return policy_refuse(verdict, REFUSAL_SIGNATURE, "the signature is not our key's");
    return record_keep(signer->record, claim, signature, verdict);
}

static bool answer_sign(struct signer *signer, const struct signer_channel *channel,
                        const struct wire_message *message, uint32_t day, struct buf *out)
{
    uint8_t bytes[WIRE_FRAME_MAX];
    struct buf signed_tx;
    struct tx tx;
    struct signature signature;
    struct policy_verdict verdict = {0};
    struct record_claim claim = {.role = channel->role, .fence = message->fence, .day = day,
                                 .max_day_units = signer->policy.max_day_units};
    struct wire_message answer = {.type = WIRE_SIGNED, .request_id = message->request_id};

    buf_init(&signed_tx, bytes, sizeof bytes);
    bool ok = sign_permitted(signer, channel, message, &tx, &claim, &verdict) &&
              signature_make(signer, &claim, &signature, &verdict);
    if (ok && !sign_attach(&signature, &tx, &signed_tx))
        ok = policy_refuse(&verdict, REFUSAL_SIGNATURE, "the signed form does not fit a frame");
    if (ok) {
        answer.payload = buf_bytes(&signed_tx);
    } else {
        answer.type = WIRE_REFUSED;
        answer.code = (uint16_t)verdict.refusal;
        answer.payload = (struct bytes){(const uint8_t *)verdict.text, strlen(verdict.text)};
    }
    return wire_write(&answer, out);
}

bool signer_answer(struct signer *signer, struct signer_channel *channel,
                   const struct wire_message *message, uint32_t day, struct buf *out)
{
    if (message->type != WIRE_HELLO && !channel->greeted)
        return false;
    switch (message->type) {
    case WIRE_HELLO:
        return answer_hello(signer, channel, message, out);
    case WIRE_SIGN:
        return answer_sign(signer, channel, message, day, out);
    case WIRE_PING:
        return wire_write(&(struct wire_message){.type = WIRE_PONG}, out);
    case WIRE_HELLO_OK:
    case WIRE_SIGNED:
    case WIRE_REFUSED:
    case WIRE_PONG:
        return false;
    }
    return false;
}
