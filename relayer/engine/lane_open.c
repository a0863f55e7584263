/* Sending and following a lane's open transactions, oldest nonce first. */
#include "relayer/engine/lane_inside.h"

#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/witness.h"
#include "relayer/store/lane.h"
#include "relayer/store/observed.h"

enum {
    FEE_LOW_MAX = 10, /* refusals in a row because of the fee before a person is told */
    LOST_SENDS = 5,   /* offers before a nonce that is used by no bytes of ours is given up */
    LOST_MS = 10000,  /* and for how long no receipt must come after that */
};

/* --- sending ----------------------------------------------------------------------------------- */

/* Where this run keeps what it knows of an open transaction. */
static size_t slot_of(struct lane *l, const uint8_t hash[32])
{
    size_t oldest = 0;
    for (size_t i = 0; i < LANE_OPEN_MAX; i++) {
        if (memcmp(l->sent_hash[i], hash, 32) == 0)
            return i;
        if (l->sent_at_ms[i] < l->sent_at_ms[oldest])
            oldest = i;
    }
    memcpy(l->sent_hash[oldest], hash, 32);
    l->sent_at_ms[oldest] = 0;
    l->gone_since_ms[oldest] = 0;
    return oldest;
}

static int64_t *sent_at(struct lane *l, const uint8_t hash[32])
{
    return &l->sent_at_ms[slot_of(l, hash)];
}

static void sent_committed(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct lane *l = ctx;
    FAULT_POINT(lane_sent_recorded);
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    l->open_at++;
    lane_open_next(l);
}

static bool is_own(const struct lane *l, const struct lane_tx *tx)
{
    return memcmp(tx->account, l->account, sizeof tx->account) == 0;
}

/* What was never accepted holds back those after it, of its own account. */
static void holds_back(struct lane *l, const struct lane_tx *tx)
{
    l->blocked = l->blocked || (is_own(l, tx) && !tx->accepted);
}

/* The node does not know the one before: all may go again at once. */
static void forget_sends(struct lane *l)
{
    memset(l->sent_at_ms, 0, sizeof l->sent_at_ms);
}

static void sent(void *ctx, const struct err *err, const struct node_sent *answer)
{
    struct lane *l = ctx;
    const struct lane_tx *tx = &l->open[l->open_at];
    FAULT_POINT(lane_send_answered);
    *sent_at(l, tx->hash) = clock_mono_ms();
    struct db_script *script = db_script_new();
    char hash[67];
    hex_encode_0x(tx->hash, 32, hash);
    switch (answer->verdict) {
    case SEND_ACCEPTED:
    case SEND_KNOWN:
        engine_answers(l->engine, DOOR_NODE);
        if (tx->sends == 0)
            log_info("tx_sent", "lane=%s nonce=%llu tx=%s", l->name, (unsigned long long)tx->nonce,
                     hash);
        lane_sent(script, tx->hash);
        l->fee_low = 0;
        observed_alarm_clear(script, "fee_low", l->name);
        observed_alarm_clear(script, "tx_refused", l->name);
        if (!l->purse.empty)
            observed_alarm_clear(script, "gas_empty", l->name);
        break;
    case SEND_NONCE_LOW: /* ours is in a block, or another took the nonce: the receipt tells */
    case SEND_NONCE_HIGH:
    case SEND_FEE_LOW:
    case SEND_FUNDS:
    case SEND_REFUSED:
    case SEND_UNKNOWN:
        log_warn("tx_not_accepted", "lane=%s nonce=%llu tx=%s verdict=%s: %s", l->name,
                 (unsigned long long)tx->nonce, hash, send_verdict_name(answer->verdict),
                 err != NULL ? err->message : answer->text);
        holds_back(l, tx);
        if (answer->verdict == SEND_NONCE_HIGH)
            forget_sends(l);
        lane_send_failed(script, tx->hash, answer->text);
        if (answer->verdict == SEND_FUNDS || answer->verdict == SEND_REFUSED)
            observed_alarm(script, answer->verdict == SEND_FUNDS ? "gas_empty" : "tx_refused",
                           l->name, answer->text);
        l->fee_low = answer->verdict == SEND_FEE_LOW ? l->fee_low + 1 : 0;
        if (l->fee_low > FEE_LOW_MAX)
            observed_alarm(script, "fee_low", l->name, answer->text);
        break;
    }
    if (answer->verdict == SEND_UNKNOWN && err != NULL)
        engine_waits(l->engine, DOOR_NODE, err);
    FAULT_POINT(lane_before_sent_record);
    db_run(l->engine->db, script, sent_committed, l);
}

/* Not now. */
static void pass_over(struct lane *l)
{
    holds_back(l, &l->open[l->open_at]);
    l->open_at++;
    lane_open_next(l);
}

static void offer(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    int64_t last = *sent_at(l, tx->hash);
    bool waits = l->blocked && is_own(l, tx) && !tx->accepted;
    if ((engine_holds(l->engine) && tx->sends == 0) || waits ||
        (last != 0 && clock_mono_ms() - last < LANE_RESEND_MS))
        pass_over(l);
    else if (lane_replace_may(l))
        lane_replace(l);
    else
        lane_offer_bytes(l);
}

void lane_offer_bytes(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    FAULT_POINT(lane_before_send);
    node_send_raw(l->engine->node, (struct bytes){tx->raw, tx->raw_n}, sent, l);
}

/* --- open transactions ------------------------------------------------------------------------- */

/* Whom to ask: once the receipt of a used nonce is missing, each endpoint in turn, so that neither a receipt
 * kept back by one nor a count invented by one makes ours a stranger's. */
static struct node *receipt_node(struct lane *l)
{
    struct node *node = l->engine->node;
    if (l->gone_since_ms[slot_of(l, l->open[l->open_at].hash)] == 0)
        return node;
    return node_beginning_at(node, l->receipt_turn % node_endpoints_n(node));
}

static void siblings_read(void *ctx, const struct err *err, struct db_result *res);
static void nonce_is_gone(struct lane *l);

static void nonce_judged(void *ctx, const struct err *err, uint64_t next)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    const struct lane_tx *tx = &l->open[l->open_at];
    if (next <= tx->nonce) {
        l->gone_since_ms[slot_of(l, tx->hash)] = 0;
        /* None of ours that is open has the nonce the chain asks for: something is missing below. */
        if (next < l->open[0].nonce && is_own(l, tx))
            lane_gap_look(l, next, offer);
        else
            offer(l);
        return;
    }
    if (tx->version > 1)
        db_query(l->engine->db, lane_versions(tx->hash), siblings_read, l);
    else
        nonce_is_gone(l);
}

/* Nothing was agreed on. The doors may be closed by now: then the round is over. */
static void ask_later(struct lane *l)
{
    if (l->engine->stopping) {
        lane_round_ended(l);
        return;
    }
    l->open_at++; /* asked again in the next round */
    lane_open_next(l);
}

/* Nobody has a receipt of it, as several endpoints say: its nonce went to another. */
static void give_up(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    char hash[67];
    hex_encode_0x(tx->hash, 32, hash);
    struct db_script *script = db_script_new();
    lane_lost(script, tx->hash, "its nonce was used by another transaction");
    observed_alarm_clear(script, "tx_stuck", l->name);
    observed_alarm(script, "foreign_nonce", l->name, hash);
    log_error("foreign_nonce", "lane=%s nonce=%llu tx=%s", l->name, (unsigned long long)tx->nonce,
              hash);
    db_run(l->engine->db, script, sent_committed, l);
}

static void receipt_take(struct lane *l, const struct chain_receipt *receipt);

/* One endpoint that keeps a receipt back must not make a transaction of ours a stranger's. */
static void loss_agreed(void *ctx, enum witness_verdict verdict,
                        const struct chain_receipt *receipt)
{
    struct lane *l = ctx;
    if (verdict != WITNESS_AGREED) {
        ask_later(l);
    } else if (receipt->present) {
        receipt_take(l, receipt);
    } else {
        give_up(l);
    }
}

static void nonce_is_gone(struct lane *l)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    /* The nonce is used and no receipt carries our hash. A node that lags shows the same for a moment, and
     * so does a block between the two questions: the bytes are offered several times first, and then the
     * receipt is asked for again and again. */
    int64_t *gone_since_ms = &l->gone_since_ms[slot_of(l, tx->hash)];
    int64_t now_ms = clock_mono_ms();
    l->receipt_turn++;
    if (tx->sends >= LOST_SENDS && *gone_since_ms == 0)
        *gone_since_ms = now_ms;
    if (tx->sends < LOST_SENDS || now_ms - *gone_since_ms < LOST_MS) {
        offer(l);
        return;
    }
    witness_receipt(l->engine->witness, tx->hash, loss_agreed, l);
}

static void fee_text(const struct chain_receipt *receipt, char out[80])
{
    uint64_t price = 0;
    struct u256 fee;
    if (!u256_to_u64(&receipt->effective_gas_price, &price))
        price = UINT64_MAX;
    unsigned __int128 wei = (unsigned __int128)price * receipt->gas_used;
    uint8_t be[16];
    for (int i = 15; i >= 0; i--, wei >>= 8)
        be[i] = (uint8_t)wei;
    CHECK(u256_from_be(be, sizeof be, &fee));
    u256_to_dec(&fee, out);
}

/* Which version of l->open[l->open_at] it is: an older cancel may win as well as an older price. */
static bool is_cancel(const struct lane *l, const uint8_t hash[32])
{
    const struct lane_tx *tx = &l->open[l->open_at];
    if (memcmp(hash, tx->hash, sizeof tx->hash) == 0)
        return tx->is_cancel;
    for (size_t i = 0; i < l->sibling_n; i++) {
        if (memcmp(hash, l->sibling[i].hash, sizeof l->sibling[i].hash) == 0)
            return l->sibling[i].is_cancel;
    }
    return false;
}

/* A block holds a version of l->open[l->open_at], mostly the one that counts. */
static void receipt_record(struct lane *l, const struct chain_receipt *receipt)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    bool counts = memcmp(receipt->tx_hash, tx->hash, sizeof tx->hash) == 0;
    bool cancelled = is_cancel(l, receipt->tx_hash);
    char fee[80];
    fee_text(receipt, fee);
    struct lane_receipt mined = {.block_number = receipt->block_number,
                                 .block_hash = receipt->block_hash,
                                 .success = receipt->succeeded,
                                 .gas_used = receipt->gas_used,
                                 .fee_wei = fee};
    struct db_script *script = db_script_new();
    if (!counts)
        lane_promote(script, tx->hash, receipt->tx_hash);
    lane_mined(script, receipt->tx_hash, &mined);
    if (cancelled)
        lane_cancelled(script, receipt->tx_hash);
    if (l->engine->config->chain_mempool == MEMPOOL_PUBLIC)
        observed_alarm_clear(script, "tx_stuck", l->name);
    lane_gas_spent(l);
    if (!receipt->succeeded)
        log_warn("tx_reverted", "lane=%s nonce=%llu", l->name, (unsigned long long)tx->nonce);
    db_run(l->engine->db, script, sent_committed, l);
}

/* What several endpoints say of a transaction that one of them calls failed, or a cancel. */
static void receipt_agreed(void *ctx, enum witness_verdict verdict,
                           const struct chain_receipt *receipt)
{
    struct lane *l = ctx;
    if (verdict == WITNESS_AGREED && receipt->present) {
        receipt_record(l, receipt);
        return;
    }
    ask_later(l);
}

static void receipt_take(struct lane *l, const struct chain_receipt *receipt)
{
    const struct lane_tx *tx = &l->open[l->open_at];
    /* A failure is believed once its block is final: in another block the same bytes might succeed, and
     * what they carry must not be planned a second time before that is impossible. Nor on the word of one
     * endpoint alone. The same holds for a cancel, in whose place the call itself might still be mined. */
    bool plans_again = !receipt->succeeded || is_cancel(l, receipt->tx_hash);
    if (plans_again && receipt->block_number > l->engine->final_number) {
        l->settling += is_own(l, tx);
        l->open_at++;
        lane_open_next(l);
        return;
    }
    if (plans_again)
        witness_receipt(l->engine->witness, receipt->tx_hash, receipt_agreed, l);
    else
        receipt_record(l, receipt);
}

static void receipt_read(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    struct lane *l = ctx;
    FAULT_POINT(lane_receipt_read);
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    const struct lane_tx *tx = &l->open[l->open_at];
    if (receipt->present)
        receipt_take(l, receipt);
    else
        node_nonce(receipt_node(l), tx->account, nonce_judged, l);
}

/* --- versions: the nonce is used and not by the version that counts ------------------------------ */

static void sibling_ask(struct lane *l);

static void sibling_receipt(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_node_failed(l, err);
        return;
    }
    if (receipt->present) {
        receipt_take(l, receipt);
        return;
    }
    l->sibling_at++;
    sibling_ask(l);
}

static void sibling_ask(struct lane *l)
{
    if (l->sibling_at < l->sibling_n)
        node_receipt(receipt_node(l), l->sibling[l->sibling_at].hash, sibling_receipt, l);
    else
        nonce_is_gone(l);
}

static void siblings_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    l->sibling_n = lane_parse_versions(res, l->sibling);
    l->sibling_at = 0;
    sibling_ask(l);
}

void lane_open_next(struct lane *l)
{
    if (l->open_at < l->open_n) {
        const struct lane_tx *tx = &l->open[l->open_at];
        if (tx->sends == 0 && *sent_at(l, tx->hash) == 0)
            offer(l); /* fresh: it can have no receipt yet, and if it has, the answer says so */
        else
            node_receipt(receipt_node(l), tx->hash, receipt_read, l);
        return;
    }
    lane_build_next(l);
}
