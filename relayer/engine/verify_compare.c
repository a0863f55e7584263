#include "relayer/engine/verify_compare.h"
#include "relayer/engine/admin_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "relayer/base/mem.h"

enum { HEX_MAX = 2 * 32 + 3, WORDS_MAX = 160 };

void verify_add(struct verify_report *report, const struct verify_words *words)
{
    size_t at = report->differences_n++;
    if (at >= VERIFY_DIFFERENCES_MAX) {
        report->truncated = true;
        return;
    }
    struct verify_difference *d = &report->difference[at];
    snprintf(d->where, sizeof d->where, "%s", words->where);
    snprintf(d->expected, sizeof d->expected, "%s", words->expected);
    snprintf(d->found, sizeof d->found, "%s", words->found);
    snprintf(d->hint, sizeof d->hint, "%s", words->hint);
}

/* One place that is looked at: what is compared there is reported under its name. */
struct place {
    struct verify_report *report;
    char where[96];
    const char *hint;
};

static struct place place_tx(struct verify_report *report, const struct audit_tx *tx,
                             const char *hint)
{
    struct place p = {.report = report, .hint = hint};
    char hash[HEX_MAX];
    hex_encode_0x(tx->hash, 32, hash);
    snprintf(p.where, sizeof p.where, "tx %s", hash);
    return p;
}

static struct place place_log(struct verify_report *report, const struct audit_tx *tx,
                              uint64_t index, const char *hint)
{
    struct place p = place_tx(report, tx, hint);
    size_t used = strlen(p.where);
    snprintf(p.where + used, sizeof p.where - used, " log %" PRIu64, index);
    return p;
}

static void differs(const struct place *p, const char *what, const char *expected,
                    const char *found)
{
    char left[WORDS_MAX], right[WORDS_MAX];
    snprintf(left, sizeof left, "%s %s", what, expected);
    snprintf(right, sizeof right, "%s %s", what, found);
    verify_add(p->report, &(struct verify_words){p->where, left, right, p->hint});
}

static bool same_number(const struct place *p, const char *what, uint64_t expected, uint64_t found)
{
    p->report->checked++;
    if (expected == found)
        return true;
    char left[24], right[24];
    snprintf(left, sizeof left, "%" PRIu64, expected);
    snprintf(right, sizeof right, "%" PRIu64, found);
    differs(p, what, left, right);
    return false;
}

/* A hash (32) or an address (20). */
static bool same_bytes(const struct place *p, const char *what, struct bytes expected,
                       struct bytes found)
{
    p->report->checked++;
    if (bytes_equal(expected, found))
        return true;
    char left[HEX_MAX], right[HEX_MAX];
    hex_encode_0x(expected.p, expected.n, left);
    hex_encode_0x(found.p, found.n, right);
    differs(p, what, left, right);
    return false;
}
#define HASH(array) ((struct bytes){(array), 32})
#define ADDRESS(array) ((struct bytes){(array), 20})

static void same_text(const struct place *p, const char *what, const char *expected,
                      const char *found)
{
    p->report->checked++;
    if (strcmp(expected, found) != 0)
        differs(p, what, expected, found);
}

/* --- a log, decoded anew ---------------------------------------------------------------------- */

static struct seen_log decode_escrow(const struct chain_log *log, struct seen_log out)
{
    struct escrow_event event;
    out.event = "Other";
    if (!escrow_event_decode(log->topics, log->topics_n, log->data, &event)) {
        struct escrow_admin_event admin;
        (void)admin_log_read(log, &out, &admin);
        return out;
    }
    out.event = escrow_event_name(event.kind);
    out.has_escrow = out.has_hash = true;
    memcpy(out.escrow_id, event.id, 32);
    memcpy(out.hash, event.kind == ESCROW_EVENT_CREATED ? event.terms : event.note, 32);
    out.amount_units = event.kind == ESCROW_EVENT_SPLIT ? event.buyer_units + event.seller_units
                                                        : event.amount_units;
    out.buyer_units = event.buyer_units;
    out.custody_end_s = (int64_t)event.custody_end;
    out.party = event.party;
    out.round = event.round;
    out.early = event.early;
    return out;
}

static struct seen_log decode_token(const struct chain_log *log, struct seen_log out)
{
    static const char APPROVAL[] = "Approval(address,address,uint256)";
    uint8_t approval[32];
    keccak256(APPROVAL, sizeof APPROVAL - 1, approval);
    out.event = NULL;
    if (log->topics_n == 3 && memcmp(log->topics[0], approval, 32) == 0) {
        out.event = "Approval";
        memcpy(out.from, log->topics[1] + 12, 20);
        memcpy(out.to, log->topics[2] + 12, 20);
    } else if (mxnb_transfer_event_decode(log->topics, log->topics_n, log->data, out.from, out.to,
                                          &out.amount_units)) {
        out.event = "Transfer";
    }
    out.has_from = out.has_to = out.event != NULL;
    return out;
}

/* event NULL: not one of our contracts' logs, or a token movement that does not touch our wallet. */
static struct seen_log decode(const struct verify_places *places, const struct chain_log *log)
{
    struct seen_log out = {.log_index = (uint32_t)log->log_index};
    if (memcmp(log->address, places->escrow, 20) == 0)
        return decode_escrow(log, out);
    if (memcmp(log->address, places->token, 20) != 0)
        return out;
    out = decode_token(log, out);
    bool ours = out.event != NULL && (memcmp(out.from, places->bridge, 20) == 0 ||
                                      (strcmp(out.event, "Transfer") == 0 &&
                                       memcmp(out.to, places->bridge, 20) == 0));
    if (!ours)
        out.event = NULL;
    return out;
}

static const struct chain_log *receipt_log(const struct chain_receipt *receipt, uint64_t index)
{
    for (size_t i = 0; i < receipt->logs.n; i++) {
        if (receipt->logs.log[i].log_index == index)
            return &receipt->logs.log[i];
    }
    return NULL;
}

/* --- evidence and receipt, both ways ---------------------------------------------------------- */

static void compare_evidence(const struct place *p, const struct seen_log *ours,
                             const struct chain_log *log, const struct seen_log *now)
{
    same_bytes(p, "address", ADDRESS(ours->address), ADDRESS(log->address));
    same_bytes(p, "block hash", HASH(ours->block_hash), HASH(log->block_hash));
    /* Rows of before migration 0005 call the administrative logs Other. */
    const char *event = now->event != NULL ? now->event : "(not ours)";
    bool named_since = strcmp(ours->event, "Other") == 0 && admin_log_named(event);
    same_text(p, "event", ours->event, named_since ? "Other" : event);
    if (ours->has_escrow)
        same_bytes(p, "escrow id", HASH(ours->escrow_id), HASH(now->escrow_id));
    if (ours->has_from)
        same_bytes(p, "from", ADDRESS(ours->from), ADDRESS(now->from));
    if (ours->has_to)
        same_bytes(p, "to", ADDRESS(ours->to), ADDRESS(now->to));
    if (ours->has_hash)
        same_bytes(p, "hash of terms or note", HASH(ours->hash), HASH(now->hash));
    same_number(p, "amount", ours->amount_units, now->amount_units);
    same_number(p, "buyer's part", ours->buyer_units, now->buyer_units);
    same_number(p, "custody end", (uint64_t)ours->custody_end_s, (uint64_t)now->custody_end_s);
    same_number(p, "party", ours->party, now->party);
    same_number(p, "round", ours->round, now->round);
    same_number(p, "early", ours->early, now->early);
}

static void compare_logs(struct verify_report *report, const struct verify_places *places,
                         const struct audit_page *page, const struct audit_tx *tx,
                         const struct chain_receipt *receipt)
{
    static const char HINT[] = "evidence was changed, or the node lies: ask another endpoint";
    for (size_t i = 0; i < tx->logs_n; i++) {
        const struct seen_log *ours = &page->log[tx->logs_first + i];
        struct place p = place_log(report, tx, ours->log_index, HINT);
        const struct chain_log *log = receipt_log(receipt, ours->log_index);
        report->checked++;
        report->logs++;
        if (log == NULL || log->removed) {
            differs(&p, "log", ours->event, log == NULL ? "is not in the receipt" : "was removed");
            continue;
        }
        struct seen_log now = decode(places, log);
        compare_evidence(&p, ours, log, &now);
    }
    for (size_t i = 0; i < receipt->logs.n; i++) {
        const struct chain_log *log = &receipt->logs.log[i];
        struct seen_log now = decode(places, log);
        bool known = now.event == NULL;
        for (size_t k = 0; k < tx->logs_n && !known; k++)
            known = page->log[tx->logs_first + k].log_index == log->log_index;
        report->checked++;
        if (!known) {
            struct place p = place_log(report, tx, log->log_index, HINT);
            differs(&p, "evidence", "of this log", now.event);
        }
    }
}

/* --- the transaction itself ------------------------------------------------------------------- */

static void compare_stored(struct verify_report *report, const struct audit_tx *tx,
                           const struct chain_receipt *receipt)
{
    struct place p = place_tx(report, tx, "relayerctl tx.explain shows what was signed");
    same_number(&p, "status", tx->reverted ? 0 : 1, receipt->succeeded ? 1 : 0);
    same_bytes(&p, "sender", ADDRESS(tx->account), ADDRESS(receipt->from));
    same_number(&p, "gas used", tx->gas_used, receipt->gas_used);
    uint8_t hash[32];
    tx_hash((struct bytes){tx->raw, tx->raw_n}, hash);
    same_bytes(&p, "hash of the stored bytes", HASH(tx->hash), HASH(hash));
    struct tx decoded;
    enum tx_error error = tx_decode_signed((struct bytes){tx->raw, tx->raw_n}, &decoded);
    report->checked++;
    if (error != TX_OK) {
        differs(&p, "stored bytes", "a signed transaction", tx_error_text(error));
        return;
    }
    uint8_t sender[20] = {0};
    (void)tx_sender(&decoded, sender);
    same_bytes(&p, "signer of the stored bytes", ADDRESS(tx->account), ADDRESS(sender));
    same_bytes(&p, "destination", ADDRESS(tx->destination), ADDRESS(decoded.to));
    same_number(&p, "nonce", tx->nonce, decoded.nonce);
    same_number(&p, "chain id", tx->chain_id, decoded.chain_id);
}

/* --- effects ---------------------------------------------------------------------------------- */

/* The log that proves an effect of this kind; NULL for kinds no log proves. */
static const char *event_of(enum effect_kind kind)
{
    switch (kind) {
    case EFFECT_ESCROW_CREATE: return "EscrowCreated";
    case EFFECT_ESCROW_RELEASE:
    case EFFECT_ESCROW_RELEASE_EARLY: return "EscrowReleased";
    case EFFECT_DISPUTE_RAISE: return "DisputeRaised";
    case EFFECT_DISPUTE_DISMISS: return "DisputeDismissed";
    case EFFECT_DISPUTE_REVERT: return "EscrowReverted";
    case EFFECT_DISPUTE_SPLIT: return "EscrowSplit";
    case EFFECT_WITHDRAW:
    case EFFECT_TOKEN_TRANSFER: return "Transfer";
    case EFFECT_TOKEN_APPROVE: return "Approval";
    case EFFECT_REDEEM:
    case EFFECT_BANK_REGISTER:
    case EFFECT_CLABE_CREATE: return NULL;
    }
    return NULL;
}

static void compare_on_escrow(const struct place *p, const struct verify_places *places,
                              const struct audit_effect *e, const struct seen_log *now)
{
    uint8_t id[32];
    escrow_id(places->chain_id, places->escrow, e->payment_id.b, 0, id);
    same_bytes(p, "escrow id by the payment", HASH(id), HASH(e->escrow_id));
    same_bytes(p, "escrow id", HASH(e->escrow_id), HASH(now->escrow_id));
    bool moves = e->amount_units > 0;
    if (moves) {
        same_number(p, "amount", (uint64_t)e->amount_units, now->amount_units);
        same_number(p, "custody share", (uint64_t)e->custody_units, now->amount_units);
    }
    if (e->kind == EFFECT_ESCROW_CREATE) {
        same_bytes(p, "terms hash", HASH(e->terms_hash), HASH(now->hash));
        if (e->custody_end_s != 0)
            same_number(p, "custody end", (uint64_t)e->custody_end_s, (uint64_t)now->custody_end_s);
    }
    if (e->kind == EFFECT_DISPUTE_RAISE) {
        same_number(p, "party", e->party, now->party);
        same_bytes(p, "hash of the reason", HASH(e->note_hash), HASH(now->hash));
    }
    if (e->kind == EFFECT_DISPUTE_DISMISS)
        same_bytes(p, "hash of the note", HASH(e->note_hash), HASH(now->hash));
    if (e->kind == EFFECT_DISPUTE_SPLIT)
        same_number(p, "buyer's part", (uint64_t)e->buyer_units, now->buyer_units);
}

/* One transfer may carry the returns of many payments: their sum is its amount. */
static int64_t units_of_log(const struct audit_page *page, const struct audit_tx *tx,
                            const struct audit_effect *like)
{
    int64_t sum = 0;
    for (size_t i = 0; i < tx->effects_n; i++) {
        const struct audit_effect *e = &page->effect[tx->effects_first + i];
        if (e->kind == like->kind && e->log_index == like->log_index)
            sum += e->amount_units;
    }
    return sum;
}

static void compare_transfer(const struct place *p, const struct verify_places *places,
                             int64_t units, const struct audit_effect *e,
                             const struct seen_log *now)
{
    bool outward = e->kind == EFFECT_TOKEN_TRANSFER;
    same_bytes(p, "to", ADDRESS(outward ? places->juno : places->bridge), ADDRESS(now->to));
    if (outward)
        same_bytes(p, "from", ADDRESS(places->bridge), ADDRESS(now->from));
    uint8_t destination[20] = {0};
    (void)hex_decode_exact(e->destination, destination, 20);
    same_bytes(p, "destination", ADDRESS(destination), ADDRESS(now->to));
    same_number(p, "amount", (uint64_t)units, now->amount_units);
}

static void compare_effect(struct verify_report *report, const struct verify_places *places,
                           const struct audit_page *page, const struct audit_tx *tx,
                           const struct audit_effect *e, const struct chain_receipt *receipt)
{
    const char *event = event_of(e->kind);
    if (event == NULL || !e->has_log)
        return; /* no log proves it, or it cites none, which the books' own checks report */
    char hint[WORDS_MAX], effect[UUID_TEXT_MAX];
    uuid_format(&e->id, effect);
    snprintf(hint, sizeof hint, "cited by effect %s (%s)", effect, effect_kind_name(e->kind));
    struct place p = place_log(report, tx, e->log_index, hint);
    const struct chain_log *log = receipt_log(receipt, e->log_index);
    report->checked++;
    if (log == NULL) {
        differs(&p, "log", event, "is not in the receipt");
        return;
    }
    struct seen_log now = decode(places, log);
    if (now.event == NULL || strcmp(now.event, event) != 0) {
        differs(&p, "event", event, now.event != NULL ? now.event : "(not ours)");
        return;
    }
    if (e->has_escrow)
        compare_on_escrow(&p, places, e, &now);
    else if (e->kind == EFFECT_WITHDRAW || e->kind == EFFECT_TOKEN_TRANSFER)
        compare_transfer(&p, places, units_of_log(page, tx, e), e, &now);
}

void verify_compare_tx(struct verify_report *report, const struct verify_places *places,
                       const struct audit_page *page, const struct audit_tx *tx,
                       const struct verify_answer *answer)
{
    const struct chain_receipt *receipt = answer->receipt;
    struct place p = place_tx(report, tx, "ask another endpoint which block is canonical");
    report->txs++;
    report->checked++;
    if (!receipt->present) {
        differs(&p, "receipt", "present", "none: the node does not know this transaction");
        return;
    }
    same_bytes(&p, "hash", HASH(tx->hash), HASH(receipt->tx_hash));
    same_number(&p, "block", tx->block_number, receipt->block_number);
    same_bytes(&p, "block hash", HASH(tx->block_hash), HASH(receipt->block_hash));
    report->checked++;
    if (!answer->block->present)
        differs(&p, "block", "on the chain", "missing");
    else
        same_bytes(&p, "canonical block hash", HASH(receipt->block_hash),
                   HASH(answer->block->hash));
    if (tx->ours)
        compare_stored(report, tx, receipt);
    compare_logs(report, places, page, tx, receipt);
    for (size_t i = 0; i < tx->effects_n; i++)
        compare_effect(report, places, page, tx, &page->effect[tx->effects_first + i], receipt);
}

/* --- promises --------------------------------------------------------------------------------- */

void verify_compare_promise(struct verify_report *report, const struct audit_promise *promise)
{
    struct place p = {
        .report = report,
        .hint = "its terms or commissions were changed after it was made: hold it and look"};
    char id[UUID_TEXT_MAX];
    uint8_t now[32];
    uuid_format(&promise->payment.id, id);
    snprintf(p.where, sizeof p.where, "payment %s", id);
    terms_hash(&promise->payment, promise->payer, now);
    same_bytes(&p, "terms hash", HASH(promise->payment.terms_hash), HASH(now));
    if (promise->has_escrow)
        same_bytes(&p, "terms hash of the escrow", HASH(promise->escrow_terms), HASH(now));
}

/* --- escrows ---------------------------------------------------------------------------------- */

static const char *state_name(enum escrow_state state)
{
    switch (state) {
    case ESCROW_STATE_NONE: return "none";
    case ESCROW_STATE_ACTIVE: return "active";
    case ESCROW_STATE_DISPUTED: return "disputed";
    case ESCROW_STATE_RELEASED: return "released";
    case ESCROW_STATE_REVERTED: return "reverted";
    case ESCROW_STATE_SPLIT: return "split";
    }
    return "unknown";
}

static enum escrow_state state_after(const char *event)
{
    static const struct {
        const char *event;
        enum escrow_state state;
    } EDGES[] = {
        {"EscrowCreated", ESCROW_STATE_ACTIVE},    {"DisputeRaised", ESCROW_STATE_DISPUTED},
        {"DisputeDismissed", ESCROW_STATE_ACTIVE}, {"EscrowReleased", ESCROW_STATE_RELEASED},
        {"EscrowReverted", ESCROW_STATE_REVERTED}, {"EscrowSplit", ESCROW_STATE_SPLIT},
    };
    for (size_t i = 0; i < sizeof EDGES / sizeof EDGES[0]; i++) {
        if (strcmp(EDGES[i].event, event) == 0)
            return EDGES[i].state;
    }
    return ESCROW_STATE_NONE;
}

void verify_compare_escrow(struct verify_report *report, const struct audit_escrow *ours,
                           const struct escrow_view *view)
{
    struct place p = {.report = report, .hint = "relayerctl escrow.get shows what we know of it"};
    char id[HEX_MAX];
    hex_encode_0x(ours->id, 32, id);
    snprintf(p.where, sizeof p.where, "escrow %s", id);
    report->escrows++;
    enum escrow_state expected = state_after(ours->event);
    same_text(&p, "state", state_name(expected), state_name(view->state));
    if (expected == ESCROW_STATE_NONE)
        return;
    same_number(&p, "amount", (uint64_t)ours->amount_units, view->amount_units);
    if (ours->custody_end_s != 0)
        same_number(&p, "custody end", (uint64_t)ours->custody_end_s, view->custody_end);
}

bool verify_escrow_agrees(const struct audit_escrow *ours, const struct escrow_view *view)
{
    return state_after(ours->event) == view->state;
}

/* --- gaps ------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t unique(int64_t *sums, size_t n)
{
    qsort(sums, n, sizeof *sums, by_value);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || sums[kept - 1] != sums[i])
            sums[kept++] = sums[i];
    }
    return kept;
}

bool verify_gap_explained(int64_t gap, const int64_t *moves, size_t n)
{
    int64_t least = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        least += moves[i] < 0 ? moves[i] : 0;
        most += moves[i] > 0 ? moves[i] : 0;
    }
    if (gap < least || gap > most)
        return false;
    int64_t *sums = mem_new_array(2 * VERIFY_SUMS_MAX, sizeof *sums);
    size_t sums_n = 1; /* no movement has happened: 0 */
    bool exact = true;
    for (size_t i = 0; i < n && exact; i++) {
        for (size_t k = 0; k < sums_n; k++)
            sums[sums_n + k] = sums[k] + moves[i];
        sums_n = unique(sums, 2 * sums_n);
        exact = sums_n <= VERIFY_SUMS_MAX;
    }
    bool found = !exact || bsearch(&gap, sums, sums_n, sizeof *sums, by_value) != NULL;
    free(sums);
    return found;
}
