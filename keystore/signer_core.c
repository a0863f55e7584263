#include "keystore/signer_core.h"

#include <string.h>

static struct wire_message identity_of(const struct signer *signer, enum wire_type type, size_t key)
{
    struct wire_message message = {.type = type, .version = WIRE_VERSION,
                                   .role = wire_key_role(key),
                                   .chain_id = signer->policy.chain_id};
    memcpy(message.address, signer->key[key].address, sizeof message.address);
    return message;
}

static bool answer_hello(const struct signer *signer, struct signer_channel *channel,
                         const struct wire_message *message, struct buf *out)
{
    if (channel->greeted)
        return false;
    struct wire_message answer = identity_of(signer, WIRE_HELLO_OK, channel->key);
    // A daemon of another version still learns ours, then loses the channel.
    channel->greeted = message->version == WIRE_VERSION;
    return wire_write(&answer, out) && channel->greeted;
}

bool signer_standby(const struct signer *signer, size_t key, struct buf *out)
{
    struct wire_message offer = identity_of(signer, WIRE_STANDBY, key);
    return wire_write(&offer, out);
}

// Everything between the request's bytes and the question to the record.
static bool sign_permitted(struct signer *signer, const struct signer_channel *channel,
                           const struct wire_message *message, struct tx *tx,
                           struct record_claim *claim, struct policy_verdict *verdict)
{
    enum tx_error error = tx_decode_unsigned(message->payload, tx);
    if (error != TX_OK)
        return policy_refuse(verdict, REFUSAL_MALFORMED, "%s", tx_error_text(error));
    claim->cancels = policy_is_cancel(tx, signer->key[channel->key].address);
    bool allowed = claim->cancels ? policy_judge_cancel(&signer->policy, tx, verdict)
                                  : policy_judge(&signer->policy, wire_key_role(channel->key),
                                                 tx, &signer->request, verdict);
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
    const struct sign_key *key = &signer->key[claim->key];
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
    struct record_claim claim = {.key = channel->key, .fence = message->fence, .day = day,
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
    case WIRE_STANDBY:
        return false;
    }
    return false;
}
