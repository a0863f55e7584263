#include "relayer/engine/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/signer.h"

enum { GATE_TICK_MS = 250 };

/* Asked in this order; each must answer right before the next is asked. */
enum question { ASK_CHAIN_ID, ASK_SIGNER, ASK_CONTRACTS, ASK_DONE };

struct gate {
    struct engine *engine;
    struct loop_timer *timer;
    enum question next;
    bool busy;
    struct contract_parties parties;
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
    g->engine->ready = true;
    log_info("ready", "chain, contracts, roles and signer are as configured%s",
             g->engine->paused ? ", but the daemon is paused" : "");
}

static void chain_id_read(void *ctx, const struct err *err, uint64_t value)
{
    struct gate *g = ctx;
    if (err != NULL) {
        g->busy = false;
        engine_waits(g->engine, DOOR_NODE, err);
        return;
    }
    engine_answers(g->engine, DOOR_NODE);
    if (value != g->engine->config->chain_chain_id)
        refuse(g, "wrong chain: the node is on chain %llu, the configuration says %llu",
               (unsigned long long)value, (unsigned long long)g->engine->config->chain_chain_id);
    else
        passed(g);
}

static void ask_signer(struct gate *g)
{
    const struct config *config = g->engine->config;
    uint64_t chain = 0, other = 0;
    if (!signer_identity(g->engine->signer, 0, g->parties.relayer, &chain) ||
        !signer_identity(g->engine->signer, 1, g->parties.arbiter, &other) ||
        !signer_is_settled(g->engine->signer)) {
        struct err err;
        err_set(&err, ERR_SIGNER_AWAY, "%s", signer_trouble(g->engine->signer));
        engine_waits(g->engine, DOOR_SIGNER, &err);
        g->busy = false;
        return;
    }
    engine_answers(g->engine, DOOR_SIGNER);
    char address[HEX_ADDRESS_SIZE];
    hex_checksum_address(g->parties.relayer, address);
    if (chain != config->chain_chain_id || other != chain)
        refuse(g, "the signer is set up for chain %llu, the configuration says %llu",
               (unsigned long long)chain, (unsigned long long)config->chain_chain_id);
    else if (memcmp(g->parties.relayer, config->chain_bridge.b, 20) != 0)
        refuse(g, "chain.bridge %s is not the signer's relayer address %s",
               config->chain_bridge.text, address);
    else
        passed(g);
}

static void contracts_begun(void *ctx, const char *refusal)
{
    struct gate *g = ctx;
    if (refusal != NULL)
        refuse(g, "%s", refusal);
    else
        passed(g);
}

static void ask(struct gate *g)
{
    switch (g->next) {
    case ASK_CHAIN_ID:
        g->busy = true;
        node_chain_id(g->engine->node, chain_id_read, g);
        return;
    case ASK_SIGNER:
        ask_signer(g);
        return;
    case ASK_CONTRACTS:
        /* It asks again by itself, and is idle or busy by itself. */
        loop_timer_stop(g->timer);
        contract_check_begin(g->engine->contracts, &g->parties, contracts_begun, g);
        return;
    case ASK_DONE:
        return;
    }
}

static void tick(void *ctx)
{
    struct gate *g = ctx;
    if (g->busy || g->engine->stopping || !g->engine->schema_ready || !g->engine->pause_known)
        return;
    enum question asked = g->next;
    ask(g);
    if (g->refusal[0] == '\0' && !g->busy && g->next < ASK_CONTRACTS)
        loop_timer_start(g->timer, g->next == asked ? GATE_TICK_MS : 0, GATE_TICK_MS);
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
