#include "relayer/engine/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/watcher_logs.h"
#include "relayer/store/observed.h"

enum {
    SAID_MAX = 160, /* one endpoint's answer in words */
    DETAIL_MAX = 900,
    STRIKES = 3,     /* disagreements in a row before anybody is named, */
    STRIKES_MS = 2000, /* and from the first to the last: for a moment two heads may differ */
    PATIENCE = 6,    /* deadlines (chain.timeout_ms) before missing answers are an alarm */
    LAG_MS = 1800000 /* one that is behind may be so for an L1 epoch or two */
};

enum poll_kind { POLL_RANGE, POLL_RECEIPT };
enum { POLL_KINDS = POLL_RECEIPT + 1 };

struct witness {
    struct engine *engine;
    unsigned strikes[POLL_KINDS];
    int64_t first_strike_ms[POLL_KINDS];
    int64_t missing_since_ms; /* 0: the last question about a range had enough answers */
    bool alarmed;             /* endpoints_differ or second_opinion_missing may be open */
};

struct poll;

/* One endpoint's answer. */
struct voice {
    struct poll *poll;
    bool candidate, asked, answered;
    enum err_code failed;
    uint8_t key[32]; /* of all that must be equal */
    bool has_word;   /* compared where both have it: a node may no longer hold the state */
    uint8_t word[32];
    struct chain_block end;
    size_t logs_n;
    uint8_t logs_digest[32];
    struct chain_receipt receipt;
    char said[SAID_MAX];
};

struct poll {
    struct witness *witness;
    enum poll_kind kind;
    struct witness_range range;
    uint8_t tx_hash[32];
    size_t need, open;
    struct voice voice[NODE_ENDPOINTS_MAX];
    size_t voices_n;
    witness_cb *range_cb;
    witness_receipt_cb *receipt_cb;
    void *ctx;
};

static size_t needed(const struct engine *engine)
{
    size_t n = engine->config->chain_rpc_url.n, agree = (size_t)engine->config->chain_agree;
    return agree < n ? agree : n;
}

bool witness_needed(const struct engine *engine)
{
    return needed(engine) > 1;
}

struct witness *witness_new(struct engine *engine)
{
    struct witness *witness = calloc(1, sizeof *witness);
    CHECK(witness != NULL);
    witness->engine = engine;
    witness->alarmed = true; /* a former run may have raised them */
    return witness;
}

void witness_free(struct witness *witness)
{
    free(witness);
}

void witness_clear(struct witness *witness, struct db_script *script)
{
    if (!witness->alarmed || witness->missing_since_ms != 0 || witness->strikes[POLL_RANGE] > 0)
        return;
    observed_alarm_clear(script, "endpoints_differ", "");
    observed_alarm_clear(script, "second_opinion_missing", "");
    witness->alarmed = false;
}

void witness_not_cleared(struct witness *witness)
{
    witness->alarmed = true;
}

static const char *name_of(const struct poll *poll, size_t i)
{
    return node_endpoint_name(poll->witness->engine->node, i);
}

/* --- judging ----------------------------------------------------------------------------------- */

static bool same(const struct voice *a, const struct voice *b)
{
    return memcmp(a->key, b->key, sizeof a->key) == 0 &&
           (!a->has_word || !b->has_word || memcmp(a->word, b->word, sizeof a->word) == 0);
}

static size_t followers(const struct poll *poll, const struct voice *of)
{
    size_t n = 0;
    for (size_t i = 0; i < poll->voices_n; i++)
        n += poll->voice[i].answered && same(of, &poll->voice[i]);
    return n;
}

/* The voice that most agree with; NULL: nobody answered. */
static const struct voice *leader_of(const struct poll *poll, size_t *count, size_t *answered)
{
    const struct voice *leader = NULL;
    *count = *answered = 0;
    for (size_t i = 0; i < poll->voices_n; i++) {
        if (!poll->voice[i].answered)
            continue;
        ++*answered;
        size_t n = followers(poll, &poll->voice[i]);
        if (n > *count) {
            *count = n;
            leader = &poll->voice[i];
        }
    }
    return leader;
}

/* Where some have a receipt, those without may only be late: they have not answered. */
static void drop_absent(struct poll *poll)
{
    bool some = false;
    for (size_t i = 0; i < poll->voices_n; i++)
        some = some || (poll->voice[i].answered && poll->voice[i].receipt.present);
    for (size_t i = 0; some && i < poll->voices_n; i++) {
        struct voice *voice = &poll->voice[i];
        if (voice->answered && !voice->receipt.present) {
            voice->answered = false;
            voice->failed = ERR_CHAIN_LAGS;
        }
    }
}

/* What everybody said, for the person who reads the alarm. */
static void words_of(const struct poll *poll, char *out, size_t size)
{
    size_t used = 0;
    if (poll->kind == POLL_RANGE)
        used = (size_t)snprintf(out, size, "blocks %llu to %llu: ",
                                (unsigned long long)poll->range.from,
                                (unsigned long long)poll->range.to);
    for (size_t i = 0; i < poll->voices_n && used < size; i++)
        if (poll->voice[i].asked)
            used += (size_t)snprintf(out + used, size - used, "%s says %s; ", name_of(poll, i),
                                     poll->voice[i].said);
}

static void name_liars(struct poll *poll, const struct voice *leader)
{
    struct engine *engine = poll->witness->engine;
    for (size_t i = 0; i < poll->voices_n; i++) {
        const struct voice *voice = &poll->voice[i];
        if (!voice->answered || same(leader, voice))
            continue;
        char detail[DETAIL_MAX];
        snprintf(detail, sizeof detail, "it says %s; the others say %s", voice->said, leader->said);
        engine_alarm(engine, "endpoint_lies", name_of(poll, i), detail);
        node_accuse(engine->node, i, voice->said);
    }
}

/* One more disagreement in a row; true: it has been seen often and long enough. */
static bool struck(struct poll *poll)
{
    struct witness *witness = poll->witness;
    int64_t now = clock_mono_ms();
    if (witness->strikes[poll->kind]++ == 0)
        witness->first_strike_ms[poll->kind] = now;
    return witness->strikes[poll->kind] >= STRIKES &&
           now - witness->first_strike_ms[poll->kind] >= STRIKES_MS;
}

/* The alarms that end by themselves follow ranges alone, which are asked about again and again: the last
 * question about a transaction may stay without an answer for ever. */
static enum witness_verdict nobody_right(struct poll *poll)
{
    if (!struck(poll))
        return WITNESS_DIFFERS;
    char detail[DETAIL_MAX];
    words_of(poll, detail, sizeof detail);
    if (poll->kind != POLL_RANGE) {
        log_warn("receipts_differ", "%s", detail);
        return WITNESS_DIFFERS;
    }
    engine_alarm(poll->witness->engine, "endpoints_differ", "", detail);
    poll->witness->alarmed = true;
    return WITNESS_DIFFERS;
}

static enum witness_verdict too_few(struct poll *poll)
{
    struct witness *witness = poll->witness;
    int64_t now = clock_mono_ms();
    bool only_late = true;
    for (size_t i = 0; i < poll->voices_n; i++) {
        const struct voice *voice = &poll->voice[i];
        if (!voice->answered && voice->failed == ERR_CHAIN_RANGE &&
            poll->range.to > poll->range.from)
            return WITNESS_RANGE;
        only_late = only_late && (voice->answered || voice->failed == ERR_CHAIN_LAGS);
    }
    if (poll->kind != POLL_RANGE)
        return WITNESS_MISSING;
    if (witness->missing_since_ms == 0)
        witness->missing_since_ms = now;
    int64_t patience_ms = (int64_t)witness->engine->config->chain_timeout_ms * PATIENCE;
    if (now - witness->missing_since_ms >= (only_late ? LAG_MS : patience_ms)) {
        char detail[DETAIL_MAX];
        words_of(poll, detail, sizeof detail);
        engine_alarm(witness->engine, "second_opinion_missing", "", detail);
        witness->alarmed = true;
    }
    return WITNESS_MISSING;
}

static bool is_stored(const struct poll *poll, const struct voice *voice)
{
    const struct witness_range *range = &poll->range;
    return poll->kind != POLL_RANGE ||
           ((!range->hash_known || memcmp(range->hash, voice->end.hash, 32) == 0) &&
            range->logs_n == voice->logs_n &&
            memcmp(range->logs_digest, voice->logs_digest, 32) == 0);
}

static enum witness_verdict judge(struct poll *poll, const struct voice **leader)
{
    size_t count, answered;
    if (poll->kind == POLL_RECEIPT)
        drop_absent(poll);
    *leader = leader_of(poll, &count, &answered);
    if (answered < poll->need)
        return too_few(poll);
    if (poll->kind == POLL_RANGE)
        poll->witness->missing_since_ms = 0;
    bool one_voice = count == answered;
    if (!one_voice && (count < 2 || 2 * count <= answered))
        return nobody_right(poll);
    /* The same is asked again before anybody is named, and nothing is believed before that: whoever reads
     * again what is stored must not ask the liar again. */
    if (!one_voice && !struck(poll))
        return WITNESS_DIFFERS;
    if (!one_voice)
        name_liars(poll, *leader);
    poll->witness->strikes[poll->kind] = 0;
    if (count < poll->need)
        return WITNESS_DIFFERS;
    return is_stored(poll, *leader) ? WITNESS_AGREED : WITNESS_STORED_WRONG;
}

static void ask_voices(struct poll *poll, size_t n);

static bool settled(const struct poll *poll)
{
    size_t count, answered;
    (void)leader_of(poll, &count, &answered);
    return answered >= poll->need && count == answered;
}

static size_t not_asked(const struct poll *poll)
{
    size_t n = 0;
    for (size_t i = 0; i < poll->voices_n; i++)
        n += poll->voice[i].candidate && !poll->voice[i].asked;
    return n;
}

static void voice_came(struct poll *poll)
{
    CHECK(poll->open > 0);
    if (--poll->open > 0)
        return;
    /* When the daemon stops, the door may be closed already: nobody is asked, named or believed. */
    bool stopping = poll->witness->engine->stopping;
    size_t left = not_asked(poll);
    if (left > 0 && !stopping && !settled(poll)) {
        ask_voices(poll, left);
        return;
    }
    const struct voice *leader = NULL;
    enum witness_verdict verdict = stopping ? WITNESS_MISSING : judge(poll, &leader);
    bool agreed = verdict == WITNESS_AGREED;
    if (poll->kind == POLL_RANGE)
        poll->range_cb(poll->ctx, verdict, agreed ? &leader->end : NULL);
    else
        poll->receipt_cb(poll->ctx, verdict, agreed ? &leader->receipt : NULL);
    free(poll);
}

/* --- asking ------------------------------------------------------------------------------------ */

static void voice_failed(struct voice *voice, const struct err *err)
{
    voice->failed = err->code;
    snprintf(voice->said, sizeof voice->said, "nothing (%.*s)", SAID_MAX - 16, err->message);
    voice_came(voice->poll);
}

static void range_digest(struct voice *voice, const struct chain_logs *logs)
{
    struct watcher_digest digest;
    struct escrow_admin_event admin;
    watcher_digest_init(&digest);
    for (size_t i = 0; i < logs->n; i++) {
        struct seen_log log;
        if (watcher_log_read(voice->poll->witness->engine->config, &logs->log[i], &log, &admin) !=
            WATCHER_LOG_STRANGE)
            watcher_digest_add(&digest, log.digest);
    }
    voice->logs_n = digest.n;
    watcher_digest_end(&digest, voice->logs_digest);
}

static void range_said(void *ctx, const struct err *err, const struct chain_range *range)
{
    struct voice *voice = ctx;
    if (err != NULL) {
        voice_failed(voice, err);
        return;
    }
    range_digest(voice, &range->logs);
    voice->answered = true;
    voice->end = range->end;
    voice->has_word = range->has_word;
    memcpy(voice->word, range->word, sizeof voice->word);
    struct keccak sponge;
    keccak_init(&sponge);
    keccak_update(&sponge, range->end.hash, 32);
    keccak_update(&sponge, &range->end.time, sizeof range->end.time);
    keccak_update(&sponge, voice->logs_digest, 32);
    keccak_final(&sponge, voice->key);
    char hash[2 * 4 + 3], digest[2 * 4 + 3], balance[80] = "not told";
    struct u256 units;
    hex_encode_0x(range->end.hash, 4, hash);
    hex_encode_0x(voice->logs_digest, 4, digest);
    if (voice->has_word && codec_read_u256((struct bytes){voice->word, 32}, &units))
        u256_to_dec(&units, balance);
    snprintf(voice->said, sizeof voice->said, "block %s.., %zu logs of ours (%s..), bridge %.24s",
             hash, voice->logs_n, digest, balance);
    voice_came(voice->poll);
}

static void receipt_said(void *ctx, const struct err *err, const struct chain_receipt *receipt)
{
    struct voice *voice = ctx;
    if (err != NULL) {
        voice_failed(voice, err);
        return;
    }
    voice->answered = true;
    voice->receipt = *receipt;
    voice->receipt.logs = (struct chain_logs){0};
    struct keccak sponge;
    keccak_init(&sponge);
    keccak_update(&sponge, (uint8_t[]){receipt->present, receipt->succeeded}, 2);
    keccak_update(&sponge, receipt->block_hash, 32);
    keccak_final(&sponge, voice->key);
    char tx[2 * 8 + 3], hash[2 * 4 + 3];
    hex_encode_0x(voice->poll->tx_hash, 8, tx);
    hex_encode_0x(receipt->block_hash, 4, hash);
    if (receipt->present)
        snprintf(voice->said, sizeof voice->said, "transaction %s.. %s in block %llu (%s..)", tx,
                 receipt->succeeded ? "succeeded" : "failed",
                 (unsigned long long)receipt->block_number, hash);
    else
        snprintf(voice->said, sizeof voice->said, "transaction %s.. has no receipt", tx);
    voice_came(voice->poll);
}

static void ask_range(struct poll *poll, struct node *node, struct voice *voice)
{
    const struct config *config = poll->witness->engine->config;
    static const enum node_tag PAST[] = {[FINALITY_LATEST] = NODE_LATEST,
                                         [FINALITY_SAFE] = NODE_SAFE,
                                         [FINALITY_FINALIZED] = NODE_FINALIZED};
    struct node_logs_query query;
    watcher_logs_query(config, poll->range.from, poll->range.to, &query);
    query.past = PAST[config->chain_finality];
    struct mxnb_call call = {.kind = MXNB_BALANCE_OF};
    struct buf out;
    memcpy(call.to, config->chain_bridge.b, 20);
    memcpy(query.call_to, config->chain_token.b, 20);
    buf_init(&out, query.call, sizeof query.call);
    CHECK(mxnb_call_encode(&call, &out));
    query.call_n = buf_bytes(&out).n;
    node_logs(node, &query, range_said, voice);
}

/* Asks `n` of those not asked yet, in the settings' order. */
static void ask_voices(struct poll *poll, size_t n)
{
    poll->open = n;
    for (size_t i = 0; i < poll->voices_n && n > 0; i++) {
        struct voice *voice = &poll->voice[i];
        struct node *node = node_of_endpoint(poll->witness->engine->node, i);
        if (!voice->candidate || voice->asked)
            continue;
        n--;
        voice->asked = true;
        switch (poll->kind) {
        case POLL_RANGE:
            ask_range(poll, node, voice);
            break;
        case POLL_RECEIPT:
            node_receipt(node, poll->tx_hash, receipt_said, voice);
            break;
        }
    }
}

static struct poll *poll_new(struct witness *witness, enum poll_kind kind)
{
    struct poll *poll = calloc(1, sizeof *poll);
    CHECK(poll != NULL);
    poll->witness = witness;
    poll->kind = kind;
    poll->need = needed(witness->engine);
    return poll;
}

/* Those put aside are asked only where nobody else is left: they say why they are silent. */
static void poll_start(struct poll *poll)
{
    struct node_endpoint_status status[NODE_ENDPOINTS_MAX];
    size_t fit = 0;
    poll->voices_n = node_endpoints(poll->witness->engine->node, status);
    for (size_t i = 0; i < poll->voices_n; i++) {
        poll->voice[i] = (struct voice){.poll = poll, .candidate = !status[i].aside};
        fit += poll->voice[i].candidate;
    }
    for (size_t i = 0; i < poll->voices_n && fit < poll->need; i++) {
        fit += !poll->voice[i].candidate;
        poll->voice[i].candidate = true;
    }
    ask_voices(poll, poll->need);
}

void witness_ask(struct witness *witness, const struct witness_range *range, witness_cb *cb,
                 void *ctx)
{
    struct poll *poll = poll_new(witness, POLL_RANGE);
    poll->range = *range;
    poll->range_cb = cb;
    poll->ctx = ctx;
    poll_start(poll);
}

void witness_receipt(struct witness *witness, const uint8_t tx_hash[32], witness_receipt_cb *cb,
                     void *ctx)
{
    struct poll *poll = poll_new(witness, POLL_RECEIPT);
    memcpy(poll->tx_hash, tx_hash, 32);
    poll->receipt_cb = cb;
    poll->ctx = ctx;
    poll_start(poll);
}
