/*
 * Public mode: a transaction that is in no block is replaced. Same nonce, same call, same gas limit, higher
 * fees; or, when an operator asked for it, a transfer of nothing to ourselves. The bytes of each version are
 * stored before they are sent. No draft is needed: for a nonce it has signed the signer signs the same call
 * at any other fee, so a version whose signature was lost in a crash never left, and the next is as good.
 */
#include "relayer/engine/lane_inside.h"

#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/signer.h"
#include "relayer/store/observed.h"

enum { CANCEL_GAS = 21000 };

/* Only the oldest of the key: those after it wait for it, whatever they offer. */
static bool is_head(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    if (l->open_at != 0 || memcmp(tx->account, l->account, sizeof tx->account) != 0)
        return false;
    if (memcmp(l->head_hash, tx->hash, sizeof tx->hash) != 0) {
        memcpy(l->head_hash, tx->hash, sizeof tx->hash);
        l->head_since_ms = clock_mono_ms();
    }
    return true;
}

bool lane_replace_may(struct lane *l)
{
    return l->engine->config->chain_mempool == MEMPOOL_PUBLIC && is_head(l) &&
           !engine_holds(l->engine) && l->open[0].sends > 0;
}

static void stays(struct lane *l, const char *why)
{
    (void)engine_alarm(l->engine, "tx_stuck", l->name, why);
    lane_offer_bytes(l);
}

static void version_signed(void *ctx, const struct err *err, struct bytes signed_tx)
{
    struct lane *l = ctx;
    const struct lane_tx *old = &l->open[0];
    struct bytes asked = {l->version_unsigned, l->version_n};
    struct tx tx;
    if (err != NULL && err->code != ERR_SIGNER_REFUSED) {
        engine_waits(l->engine, DOOR_SIGNER, err);
        if (err->code == ERR_SIGNER_FENCE)
            lane_fenced(l);
        else
            lane_offer_bytes(l); /* as they are: those after it must go on */
        return;
    }
    if (err != NULL) {
        stays(l, err->message);
        return;
    }
    if (signed_tx.n > LANE_RAW_MAX || !lane_signature_is_ours(l, signed_tx, asked)) {
        engine_alarm(l->engine, "signer_wrong", l->name,
                     "the signer returned something else than asked");
        lane_round_ended(l);
        return;
    }
    CHECK(tx_decode_signed(signed_tx, &tx) == TX_OK);
    uint8_t hash[32];
    char fee[U256_DEC_SIZE], text[67];
    tx_hash(signed_tx, hash);
    u256_to_dec(&tx.max_fee, fee);
    hex_encode_0x(hash, sizeof hash, text);
    struct lane_version version = {.replaces = old->hash,
                                   .hash = hash,
                                   .raw = signed_tx,
                                   .destination = tx.to,
                                   .gas_limit = tx.gas_limit,
                                   .max_fee_wei = fee,
                                   .is_cancel = l->cancelling};
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_put_version(script, &holder, &version);
    observed_alarm_clear(script, "tx_stuck", l->name);
    log_warn("tx_replaced", "lane=%s nonce=%llu max_fee_wei=%.30s%s tx=%s", l->name,
             (unsigned long long)old->nonce, fee, l->cancelling ? " cancel" : "", text);
    db_run(l->engine->db, script, lane_committed, l);
}

static void sign_version(struct lane *l, struct tx *tx, const struct fees *fees)
{
    struct buf out;
    tx->has_signature = false;
    tx->max_fee = u256_from_u64(fees->max_fee_wei);
    tx->max_priority_fee = u256_from_u64(fees->priority_fee_wei);
    if (l->cancelling) {
        tx->gas_limit = CANCEL_GAS;
        tx->value = u256_from_u64(0);
        tx->data = (struct bytes){0};
        memcpy(tx->to, l->account, sizeof tx->to);
    }
    buf_init(&out, l->version_unsigned, sizeof l->version_unsigned);
    CHECK(tx_encode_unsigned(tx, &out) && !out.full);
    l->version_n = out.n;
    signer_sign(l->engine->signer, l->key, (uint64_t)l->fence, buf_bytes(&out), version_signed, l);
}

static void base_fee_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct lane *l = ctx;
    const struct lane_tx *old = &l->open[0];
    struct fees_settings settings = lane_fees_settings(l);
    struct fees before = {.max_fee_wei = old->top_fee_wei}, next;
    struct tx tx;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    CHECK(tx_decode_signed((struct bytes){old->raw, old->raw_n}, &tx) == TX_OK);
    struct u256 offered = u256_from_u64(old->max_fee_wei);
    bool dear = block->has_base_fee && u256_cmp(&block->base_fee, &offered) > 0;
    bool late = clock_mono_ms() - l->head_since_ms >=
                (int64_t)l->engine->config->chain_stuck_s * 1000;
    l->cancelling = old->is_cancel || old->cancel_asked;
    if (!dear && !late && (old->is_cancel || !old->cancel_asked)) {
        lane_offer_bytes(l);
        return;
    }
    if (!u256_to_u64(&tx.max_priority_fee, &before.priority_fee_wei) || !block->has_base_fee ||
        !fees_reprice(&before, &block->base_fee, &settings, &next)) {
        stays(l, "it is in no block, and chain.max_fee_wei leaves no room for a higher fee");
        return;
    }
    if (!lane_gas_covers(l, l->cancelling ? CANCEL_GAS : tx.gas_limit, &next, old)) {
        stays(l, "it is in no block, and the account cannot pay a higher fee");
        return;
    }
    sign_version(l, &tx, &next);
}

void lane_replace(struct lane *l)
{
    node_block(l->engine->node, (struct node_at){.tag = NODE_LATEST}, base_fee_read, l);
}
