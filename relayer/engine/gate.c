#include "relayer/engine/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/signer.h"

enum { GATE_TICK_MS = 250, QUESTION_MAX = 128 };

/* Asked in this order; each must answer right before the next is asked. */
enum question {
    ASK_CHAIN_ID,
    ASK_TOKEN_CODE,
    ASK_ESCROW_CODE,
    ASK_DECIMALS,
    ASK_ESCROW_TOKEN,
    ASK_FUNDER,
    ASK_SIGNER,
    ASK_RELAYER_ROLE,
    ASK_ARBITER_ROLE,
    ASK_DONE,
};

struct gate {
    struct engine *engine;
    struct loop_timer *timer;
    enum question next;
    bool busy;
    uint8_t relayer[20], arbiter[20];
    char refusal[300];
};

static void refuse(struct gate *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct gate *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(g->refusal, sizeof g->refusal, format, args);
    va_end(args);
    g->busy = false;
    loop_timer_stop(g->timer);
}

static void passed(struct gate *g)
{
    g->busy = false;
    g->next++;
    if (g->next < ASK_DONE)
        return;
    loop_timer_stop(g->timer);
    g->engine->ready = true;
    log_info("ready", "chain, contracts, roles and signer are as configured");
}

/* No answer: wait and ask again. */
static void unanswered(struct gate *g, const struct err *err)
{
    g->busy = false;
    engine_waits(g->engine, DOOR_NODE, err);
}

static void chain_id_read(void *ctx, const struct err *err, uint64_t value)
{
    struct gate *g = ctx;
    if (err != NULL) {
        unanswered(g, err);
        return;
    }
    engine_answers(g->engine, DOOR_NODE);
    if (value != g->engine->config->chain_chain_id)
        refuse(g, "wrong chain: the node is on chain %llu, the configuration says %llu",
               (unsigned long long)value, (unsigned long long)g->engine->config->chain_chain_id);
    else
        passed(g);
}

static void code_read(void *ctx, const struct err *err, const struct chain_code *code)
{
    struct gate *g = ctx;
    const struct config *config = g->engine->config;
    bool token = g->next == ASK_TOKEN_CODE;
    if (err != NULL)
        unanswered(g, err);
    else if (!code->has_code)
        refuse(g, "no contract code at the %s address %s on this chain", token ? "token" : "escrow",
               token ? config->chain_token.text : config->chain_escrow.text);
    else
        passed(g);
}

static const char *role_problem(const struct gate *g)
{
    return g->next == ASK_RELAYER_ROLE ? "RELAYER" : "ARBITER";
}

static void refuse_role(struct gate *g)
{
    char address[43];
    hex_checksum_address(g->next == ASK_RELAYER_ROLE ? g->relayer : g->arbiter, address);
    refuse(g, "the signer's %s address %s does not hold the role %s in the escrow contract",
           g->next == ASK_RELAYER_ROLE ? "relayer" : "arbiter", address, role_problem(g));
}

static void judge_word(struct gate *g, struct bytes data)
{
    const struct config *config = g->engine->config;
    uint64_t number = 0;
    uint8_t address[20];
    bool yes = false;
    switch (g->next) {
    case ASK_DECIMALS:
        if (!codec_read_u64(data, &number) || number != MXNB_DECIMALS)
            refuse(g, "the token at %s has %llu decimals, MXNB has 6", config->chain_token.text,
                   (unsigned long long)number);
        break;
    case ASK_ESCROW_TOKEN:
        if (!codec_read_address(data, address) || memcmp(address, config->chain_token.b, 20) != 0)
            refuse(g, "the escrow contract %s holds another token than chain.token",
                   config->chain_escrow.text);
        break;
    case ASK_FUNDER:
        if (!codec_read_address(data, address) || memcmp(address, config->chain_bridge.b, 20) != 0)
            refuse(g, "the escrow contract's funder is not chain.bridge %s",
                   config->chain_bridge.text);
        break;
    case ASK_RELAYER_ROLE:
    case ASK_ARBITER_ROLE:
        if (!codec_read_bool(data, &yes) || !yes)
            refuse_role(g);
        break;
    case ASK_CHAIN_ID:
    case ASK_TOKEN_CODE:
    case ASK_ESCROW_CODE:
    case ASK_SIGNER:
    case ASK_DONE:
        CHECK(!"not a call");
        break;
    }
    if (g->refusal[0] == '\0')
        passed(g);
}

static void call_read(void *ctx, const struct err *err, const struct bytes *data)
{
    struct gate *g = ctx;
    if (err != NULL && err->code == ERR_CHAIN_REVERT)
        refuse(g, "the contracts at %s and %s do not answer as token and escrow: %s",
               g->engine->config->chain_token.text, g->engine->config->chain_escrow.text,
               err->message);
    else if (err != NULL)
        unanswered(g, err);
    else
        judge_word(g, *data);
}

static void call(struct gate *g, const uint8_t to[20], struct buf *question)
{
    struct node_message message = {
        .to = to, .data = buf_bytes(question), .at = {.tag = NODE_LATEST}};
    node_call(g->engine->node, &message, call_read, g);
}

static void ask_signer(struct gate *g)
{
    const struct config *config = g->engine->config;
    uint64_t chain = 0, other = 0;
    if (!signer_identity(g->engine->signer, LANE_RELAYER, g->relayer, &chain) ||
        !signer_identity(g->engine->signer, LANE_ARBITER, g->arbiter, &other)) {
        struct err err;
        err_set(&err, ERR_SIGNER_AWAY, "%s", signer_trouble(g->engine->signer));
        engine_waits(g->engine, DOOR_SIGNER, &err);
        g->busy = false;
        return;
    }
    engine_answers(g->engine, DOOR_SIGNER);
    char address[43];
    hex_checksum_address(g->relayer, address);
    if (chain != config->chain_chain_id || other != chain)
        refuse(g, "the signer is set up for chain %llu, the configuration says %llu",
               (unsigned long long)chain, (unsigned long long)config->chain_chain_id);
    else if (memcmp(g->relayer, config->chain_bridge.b, 20) != 0)
        refuse(g, "chain.bridge %s is not the signer's relayer address %s",
               config->chain_bridge.text, address);
    else
        passed(g);
}

static void ask(struct gate *g)
{
    const struct config *config = g->engine->config;
    uint8_t space[QUESTION_MAX];
    struct buf question;
    buf_init(&question, space, sizeof space);
    struct mxnb_call decimals = {.kind = MXNB_DECIMALS_OF};
    switch (g->next) {
    case ASK_CHAIN_ID:
        node_chain_id(g->engine->node, chain_id_read, g);
        return;
    case ASK_TOKEN_CODE:
        node_code(g->engine->node, config->chain_token.b, &(struct node_at){.tag = NODE_LATEST}, code_read, g);
        return;
    case ASK_ESCROW_CODE:
        node_code(g->engine->node, config->chain_escrow.b, &(struct node_at){.tag = NODE_LATEST}, code_read, g);
        return;
    case ASK_DECIMALS:
        CHECK(mxnb_call_encode(&decimals, &question));
        call(g, config->chain_token.b, &question);
        return;
    case ASK_ESCROW_TOKEN:
        CHECK(escrow_encode_token(&question));
        break;
    case ASK_FUNDER:
        CHECK(escrow_encode_funder(&question));
        break;
    case ASK_SIGNER:
        ask_signer(g);
        return;
    case ASK_RELAYER_ROLE:
        CHECK(escrow_encode_has_role(escrow_role_relayer, g->relayer, &question));
        break;
    case ASK_ARBITER_ROLE:
        CHECK(escrow_encode_has_role(escrow_role_arbiter, g->arbiter, &question));
        break;
    case ASK_DONE:
        return;
    }
    call(g, config->chain_escrow.b, &question);
}

static void tick(void *ctx)
{
    struct gate *g = ctx;
    if (g->busy || g->engine->stopping || !g->engine->schema_ready || g->refusal[0] != '\0')
        return;
    g->busy = true;
    ask(g);
    if (g->refusal[0] == '\0' && !g->busy && g->next < ASK_DONE)
        loop_timer_start(g->timer, g->next == ASK_SIGNER ? GATE_TICK_MS : 0, GATE_TICK_MS);
}

struct gate *gate_new(struct engine *engine)
{
    struct gate *g = calloc(1, sizeof *g);
    CHECK(g != NULL);
    g->engine = engine;
    g->timer = loop_timer_new(engine->loop, tick, g);
    loop_timer_start(g->timer, 0, 10);
    return g;
}

void gate_stop(struct gate *g)
{
    loop_timer_stop(g->timer);
}

bool gate_idle(const struct gate *g)
{
    return !g->busy;
}

const char *gate_refusal(const struct gate *g)
{
    return g->refusal[0] != '\0' ? g->refusal : NULL;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    loop_timer_free(g->timer);
    free(g);
}
