/* The three-way check: ledger, chain and Juno, each asked now. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"
#include "relayer/chain/node.h"
#include "relayer/engine/engine.h"
#include "relayer/engine/juno_key.h"
#include "relayer/engine/verify.h"
#include "relayer/engine/verify_compare.h"
#include "relayer/juno/client.h"
#include "relayer/money/amount.h"

enum chain_figure { FIGURE_BRIDGE, FIGURE_HELD, FIGURE_ESCROW_TOKENS, FIGURES };

/* One look asks the three books one after the other; books that move meanwhile are looked at again. */
struct recon {
    struct engine *engine;
    recon_cb *cb;
    void *ctx;
    int looks;
    struct loop_timer *timer;
    struct audit_balances ledger;
    size_t moves_n;
    bool moves_truncated;
    struct audit_move moves[AUDIT_MOVES_MAX];
    enum chain_figure asking;
    int64_t figure[FIGURES];
    struct juno_balances juno;
    struct recon_report report;
};

static void look(void *ctx);

static void finish(struct recon *r, const struct err *err)
{
    r->cb(r->ctx, err, err == NULL ? &r->report : NULL);
    loop_timer_free(r->timer);
    free(r);
}

/* A daemon that stops closes its doors: nothing new may be asked of them. */
static bool stopped(struct recon *r)
{
    if (!r->engine->stopping)
        return false;
    struct err err;
    err_set(&err, ERR_CANCELLED, "the daemon is stopping; nothing was concluded");
    finish(r, &err);
    return true;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static struct recon_row *row_add(struct recon *r, const char *name, const char *asset,
                                 int64_t ledger)
{
    CHECK(r->report.rows_n < RECON_ROWS_MAX);
    struct recon_row *row = &r->report.row[r->report.rows_n++];
    *row = (struct recon_row){.asset = asset, .ledger_units = ledger};
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

static const char BOOK_OF_JUNO[] = "at Juno";

static void difference_add(struct recon *r, const char *name, const char *book, int64_t expected,
                           int64_t found)
{
    struct verify_difference *d = &r->report.difference[r->report.differences_n++];
    char left[AMOUNT_TEXT_MAX], right[AMOUNT_TEXT_MAX];
    amount_format_units(expected, left);
    amount_format_units(found, right);
    snprintf(d->where, sizeof d->where, "account %s", name);
    snprintf(d->expected, sizeof d->expected, "%s MXNB by the ledger", left);
    snprintf(d->found, sizeof d->found, "%s MXNB %s", right, book);
    const char *hint = "relayerctl audit verify --all finds which movement it is";
    if (r->moves_truncated)
        hint = "too much is under way to match: run it again when it is quieter";
    else if (strcmp(book, BOOK_OF_JUNO) == 0)
        hint = "compare relayerctl deposit.list and payout.list with the account's list at Juno";
    snprintf(d->hint, sizeof d->hint, "%s", hint);
}

/* A gap is timing if movements under way on this account explain it, else a difference. */
static void compare(struct recon *r, struct recon_row *row, enum audit_account account,
                    const char *book, int64_t found)
{
    int64_t moves[AUDIT_MOVES_MAX];
    int64_t gap = found - row->ledger_units;
    for (size_t i = 0; i < r->moves_n; i++) {
        if (r->moves[i].account == account)
            moves[row->in_flight++] = r->moves[i].units;
    }
    row->compared = true;
    if (gap == 0)
        return;
    if (verify_gap_explained(gap, moves, row->in_flight))
        row->in_flight_units = gap;
    else
        difference_add(r, row->name, book, row->ledger_units, found);
}

static void compare_with_chain(struct recon *r, struct recon_row *row, enum audit_account account,
                               int64_t found)
{
    row->has_chain = true;
    row->chain_units = found;
    compare(r, row, account, "on chain", found);
}

static void judge(struct recon *r)
{
    const struct audit_balances *l = &r->ledger;
    r->report.rows_n = r->report.differences_n = 0;
    struct recon_row *row = row_add(r, "juno_mxnb", "MXNB", l->juno_mxnb);
    row->has_juno = true;
    row->juno_units = r->juno.has_mxnb ? r->juno.mxnb_units : 0;
    compare(r, row, AUDIT_JUNO, BOOK_OF_JUNO, row->juno_units);
    compare_with_chain(r, row_add(r, "bridge_mxnb", "MXNB", l->bridge_mxnb), AUDIT_BRIDGE,
                       r->figure[FIGURE_BRIDGE]);
    compare_with_chain(r, row_add(r, "escrow_mxnb", "MXNB", l->escrow_mxnb), AUDIT_ESCROW,
                       r->figure[FIGURE_HELD]);
    compare_with_chain(r, row_add(r, "open_escrows", "MXNB", l->open_escrows), AUDIT_ESCROW,
                       r->figure[FIGURE_HELD]);
    row = row_add(r, "escrow_tokens", "MXNB", l->escrow_mxnb);
    row->has_chain = true;
    row->chain_units = r->figure[FIGURE_ESCROW_TOKENS];
    /* Anybody may send tokens to the contract; fewer than it owes would be a loss. */
    if (r->figure[FIGURE_ESCROW_TOKENS] < r->figure[FIGURE_HELD])
        difference_add(r, row->name, "on chain, below held()", r->figure[FIGURE_HELD],
                       r->figure[FIGURE_ESCROW_TOKENS]);
    (void)row_add(r, "unassigned_mxnb", "MXNB", l->unassigned_mxnb);
    (void)row_add(r, "commission", "MXNB", l->commission_mxnb);
    (void)row_add(r, "unassigned_mxn", "MXN", l->unassigned_mxn);
    row = row_add(r, "juno_mxn", "MXN", l->juno_mxn);
    row->has_juno = r->juno.has_mxn;
    row->juno_units = r->juno.mxn_centavos;
}

/* False: it was looked at often enough. */
static bool look_again(struct recon *r)
{
    if (++r->looks >= VERIFY_LOOKS_MAX)
        return false;
    if (r->timer == NULL)
        r->timer = loop_timer_new(r->engine->loop, look, r);
    loop_timer_start(r->timer, VERIFY_LOOK_AGAIN_MS, 0);
    return true;
}

static void judged(struct recon *r)
{
    judge(r);
    if (r->report.differences_n == 0 || !look_again(r))
        finish(r, NULL);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void juno_read(void *ctx, const struct err *err, const struct juno_balances *balances)
{
    struct recon *r = ctx;
    if (err != NULL) {
        finish(r, err);
        return;
    }
    r->juno = *balances;
    judged(r);
}

/* One instance speaks to Juno; right after the start it is not known yet whether that is this one. */
static void ask_juno(struct recon *r)
{
    const struct juno_key *key = r->engine->juno_key;
    const char *holder = juno_key_elsewhere(key);
    if (juno_key_is_ours(key)) {
        juno_balances(r->engine->juno, juno_read, r);
        return;
    }
    if (holder == NULL && look_again(r))
        return;
    struct err err;
    err_set(&err, ERR_JUNO_ELSEWHERE, "the instance that speaks to Juno is %s, not this one",
            holder != NULL ? holder : "not known yet");
    finish(r, &err);
}

static void ask_figure(struct recon *r);

static void figure_read(void *ctx, const struct err *err, const struct bytes *data)
{
    struct recon *r = ctx;
    uint64_t value = 0;
    struct err bad = {.code = ERR_NONE};
    if (err == NULL && (!codec_read_u64(*data, &value) || value > INT64_MAX)) {
        err_set(&bad, ERR_CHAIN_ANSWER, "a balance on chain is not a number of 63 bits");
        err = &bad;
    }
    if (err != NULL) {
        finish(r, err);
        return;
    }
    r->figure[r->asking++] = (int64_t)value;
    if (stopped(r))
        return;
    if (r->asking < FIGURES)
        ask_figure(r);
    else
        ask_juno(r);
}

static void ask_figure(struct recon *r)
{
    const struct config *config = r->engine->config;
    uint8_t mem[MXNB_CALL_SIZE_MAX];
    struct buf data;
    buf_init(&data, mem, sizeof mem);
    bool of_escrow = r->asking == FIGURE_HELD;
    if (of_escrow) {
        CHECK(escrow_encode_held(&data));
    } else {
        struct mxnb_call call = {.kind = MXNB_BALANCE_OF};
        memcpy(call.to,
               r->asking == FIGURE_BRIDGE ? config->chain_bridge.b : config->chain_escrow.b, 20);
        CHECK(mxnb_call_encode(&call, &data));
    }
    struct node_message message = {.to = of_escrow ? config->chain_escrow.b : config->chain_token.b,
                                   .data = buf_bytes(&data),
                                   .at = {.tag = NODE_LATEST}};
    node_call(r->engine->node, &message, figure_read, r);
}

static void block_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct recon *r = ctx;
    if (err != NULL) {
        finish(r, err);
        return;
    }
    r->report.block_number = block->number;
    memcpy(r->report.block_hash, block->hash, sizeof r->report.block_hash);
    r->asking = FIGURE_BRIDGE;
    if (!stopped(r))
        ask_figure(r);
}

static void ledger_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct recon *r = ctx;
    if (err != NULL) {
        finish(r, err);
        return;
    }
    r->moves_n = audit_parse_three_books(res, &r->ledger, r->moves, &r->moves_truncated);
    if (!stopped(r))
        node_block(r->engine->node, (struct node_at){.tag = NODE_LATEST}, block_read, r);
}

static void look(void *ctx)
{
    struct recon *r = ctx;
    if (!stopped(r))
        db_query(r->engine->db, audit_three_books(), ledger_read, r);
}

void recon_run(struct engine *engine, recon_cb *cb, void *ctx)
{
    struct recon *r = mem_new(sizeof *r);
    r->engine = engine;
    r->cb = cb;
    r->ctx = ctx;
    db_query(engine->db, audit_three_books(), ledger_read, r);
}
