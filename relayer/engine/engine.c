#include "relayer/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/courier.h"
#include "relayer/engine/gate.h"
#include "relayer/engine/juno_key.h"
#include "relayer/engine/lane.h"
#include "relayer/engine/observer.h"
#include "relayer/engine/runner.h"
#include "relayer/engine/signer.h"
#include "relayer/engine/sweeper.h"
#include "relayer/engine/watcher.h"
#include "relayer/engine/witness.h"
#include "relayer/juno/client.h"
#include "relayer/store/observed.h"

static const char *const DOOR_NAMES[DOORS_N] = {[DOOR_DATABASE] = "database",
                                                [DOOR_NODE] = "node",
                                                [DOOR_JUNO] = "juno",
                                                [DOOR_SIGNER] = "signer"};

const char *engine_door_name(enum engine_door door)
{
    return DOOR_NAMES[door];
}

void engine_waits(struct engine *engine, enum engine_door door, const struct err *err)
{
    /* A statement that the database refuses is our fault, not its absence: never waited out in silence. */
    if (err->code == ERR_DB_FAILED || err->code == ERR_DB_RULE)
        log_broken("database_refuses", "%s", err->message);
    struct door_state *state = &engine->door[door];
    snprintf(state->why, sizeof state->why, "%s", err->message);
    if (state->waiting)
        return;
    state->waiting = true;
    state->since_ms = clock_wall_ms();
    log_warn("waiting", "door=%s: %s", DOOR_NAMES[door], err->message);
}

void engine_answers(struct engine *engine, enum engine_door door)
{
    struct door_state *state = &engine->door[door];
    if (!state->waiting)
        return;
    state->waiting = false;
    log_info("answers_again", "door=%s after_s=%lld", DOOR_NAMES[door],
             (long long)((clock_wall_ms() - state->since_ms) / 1000));
}

static void alarm_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)ctx;
    (void)res;
    if (err != NULL)
        log_error("alarm_not_stored", "%s", err->message);
}

static bool said_lately(struct engine *engine, const char *code, const char *subject)
{
    struct keccak sponge;
    uint8_t hash[32];
    int64_t now = clock_mono_ms();
    struct said_alarm *oldest = &engine->said[0];
    keccak_init(&sponge);
    keccak_update(&sponge, code, strlen(code) + 1);
    keccak_update(&sponge, subject, strlen(subject));
    keccak_final(&sponge, hash);
    for (size_t i = 0; i < ENGINE_SAID_MAX; i++) {
        struct said_alarm *said = &engine->said[i];
        if (said->at_ms != 0 && memcmp(said->hash, hash, sizeof hash) == 0) {
            if (now - said->at_ms < ENGINE_SAID_MS)
                return true;
            said->at_ms = now;
            return false;
        }
        if (said->at_ms < oldest->at_ms)
            oldest = said;
    }
    memcpy(oldest->hash, hash, sizeof hash);
    oldest->at_ms = now;
    return false;
}

bool engine_alarm(struct engine *engine, const char *code, const char *subject, const char *detail)
{
    bool fresh = !said_lately(engine, code, subject);
    if (fresh)
        log_error("alarm", "code=%s subject=%s: %s", code, subject, detail);
    struct db_script *script = db_script_new();
    observed_alarm(script, code, subject, detail);
    db_run(engine->db, script, alarm_stored, NULL);
    return fresh;
}

struct fact engine_fact(const struct engine *engine, enum fact_kind kind)
{
    return (struct fact){.kind = kind,
                         .now_ms = clock_wall_ms(),
                         .chain_time_s = engine->chain_time_s,
                         .deposits_known_ms = engine->deposits_known_ms};
}

void engine_targets(const struct engine *engine, const struct payment_row *row,
                    struct payment_targets *out, uint8_t escrow_hash[32])
{
    const struct config *config = engine->config;
    if (row->escrow_known)
        memcpy(escrow_hash, row->escrow_id, 32);
    else
        escrow_id(config->chain_chain_id, config->chain_escrow.b, row->payment.id.b, 0,
                  escrow_hash);
    *out = (struct payment_targets){.bridge = config->chain_bridge.text,
                                    .juno_deposit = config->juno_deposit_address.text,
                                    .actor = "relayer",
                                    .escrow_id = escrow_hash};
}

void engine_wallets(const struct engine *engine, struct evidence_wallets *out)
{
    *out = (struct evidence_wallets){
        .bridge = engine->bridge_hex, .juno_deposit = engine->juno_hex, .token = engine->token_hex};
}

void engine_kick(struct engine *engine)
{
    runner_kick(engine->runner);
}

void engine_pause(struct engine *engine, const char *reason)
{
    engine->paused = true;
    snprintf(engine->pause_reason, sizeof engine->pause_reason, "%s", reason);
    metrics_set(METRIC_paused, 1);
    log_warn("paused", "%s", reason);
}

void engine_drain(struct engine *engine, const char *reason)
{
    engine->draining = true;
    snprintf(engine->drain_reason, sizeof engine->drain_reason, "%s", reason);
    log_warn("draining", "%s", reason);
}

void engine_resume(struct engine *engine)
{
    engine->paused = false;
    engine->draining = false;
    engine->drain_reason[0] = '\0';
    engine->pause_reason[0] = '\0';
    metrics_set(METRIC_paused, 0);
    log_info("resumed", "new effects are sent again");
}

bool engine_holds(const struct engine *engine)
{
    return engine->paused || engine->unchecked;
}

static void hex_for_database(const uint8_t address[20], char out[43])
{
    out[0] = '\\';
    out[1] = 'x';
    hex_encode(address, 20, out + 2);
}

static void fill_rules(struct engine *engine)
{
    const struct config *config = engine->config;
    engine->rules = (struct flow_rules){
        .min_leg_centavos = (int64_t)config->juno_min_centavos,
        .max_custody_units = (int64_t)(config->chain_allowance_units / 2),
        .release_margin_s = (int64_t)config->custody_release_margin_s,
        .dispute_margin_s = (int64_t)config->custody_dispute_margin_s,
        .wall_clock_too = config->custody_clock == CLOCK_BOTH,
    };
    hex_for_database(config->chain_bridge.b, engine->bridge_hex);
    hex_for_database(config->juno_deposit_address.b, engine->juno_hex);
    hex_for_database(config->chain_token.b, engine->token_hex);
    struct uuid random = uuid_new();
    char id[UUID_TEXT_MAX];
    uuid_format(&random, id);
    snprintf(engine->owner, sizeof engine->owner, "%.32s/%ld/%.8s", config->relayer_instance,
             (long)getpid(), id + 28);
}

_Static_assert((int)ENGINE_LANES == (int)SIGNER_KEYS, "a lane for each key");

static void need_nonces(void *ctx)
{
    struct engine *engine = ctx;
    juno_key_need_numbers(engine->juno_key);
}

static bool open_node(struct engine *engine, struct err *e)
{
    const struct config *config = engine->config;
    unsigned weights[CONFIG_LIST_MAX];
    char urls[CONFIG_VALUE_MAX] = "";
    for (size_t i = 0; i < config->chain_rpc_url.n; i++) {
        size_t used = strlen(urls);
        snprintf(urls + used, sizeof urls - used, "%s%s", i > 0 ? "," : "",
                 config->chain_rpc_url.item[i]);
    }
    for (size_t i = 0; i < config->chain_rpc_weights.n; i++)
        weights[i] = (unsigned)strtoul(config->chain_rpc_weights.item[i], NULL, 10);
    struct node_settings node = {.urls = urls,
                                 .weights = config->chain_rpc_weights.n > 0 ? weights : NULL,
                                 .timeout_ms = (unsigned)config->chain_timeout_ms};
    engine->node = node_new(engine->http, &node, e);
    return engine->node != NULL;
}

static bool open_doors(struct engine *engine, struct err *e)
{
    const struct config *config = engine->config;
    if (!open_node(engine, e))
        return false;
    struct juno_settings juno = {
        .url = config->juno_url,
        .api_key = config->juno_api_key,
        .api_secret = config->juno_api_secret,
        .amount_as_number = config->juno_amount_type == AMOUNT_TYPE_NUMBER,
        .timeout_ms = (unsigned)config->juno_timeout_ms,
        .requests_per_minute = (unsigned)config->juno_requests_per_minute,
        .need_nonces = need_nonces,
        .ctx = engine,
    };
    engine->juno = juno_new(engine->loop, engine->http, &juno, e);
    if (engine->juno == NULL)
        return false;
    engine->signer = signer_new(engine->loop, config->signer_program, config->signer_config);
    return true;
}

struct engine *engine_start(uv_loop_t *loop, const struct config *config, struct http_client *http,
                            struct db *db, struct err *e)
{
    struct engine *engine = calloc(1, sizeof *engine);
    CHECK(engine != NULL);
    engine->loop = loop;
    engine->config = config;
    engine->http = http;
    engine->db = db;
    fill_rules(engine);
    if (!open_doors(engine, e)) {
        engine_close_doors(engine);
        free(engine);
        return NULL;
    }
    engine->juno_key = juno_key_new(engine);
    engine->runner = runner_new(engine);
    engine->courier = courier_new(engine);
    engine->observer = observer_new(engine);
    engine->witness = witness_new(engine);
    engine->watcher = watcher_new(engine);
    engine->sweeper = sweeper_new(engine);
    for (size_t i = 0; i < ENGINE_LANES; i++)
        engine->lane[i] = lane_new(engine, i);
    engine->contracts = contract_check_new(engine);
    engine->gate = gate_new(engine);
    return engine;
}

void engine_stop(struct engine *engine)
{
    engine->stopping = true;
    contract_check_stop(engine->contracts);
    gate_stop(engine->gate);
    runner_stop(engine->runner);
    courier_stop(engine->courier);
    observer_stop(engine->observer);
    watcher_stop(engine->watcher);
    sweeper_stop(engine->sweeper);
    for (size_t i = 0; i < ENGINE_LANES; i++)
        lane_stop(engine->lane[i]);
}

bool engine_idle(const struct engine *engine)
{
    if (!contract_check_idle(engine->contracts))
        return false;
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        if (!lane_idle(engine->lane[i]))
            return false;
    }
    return runner_idle(engine->runner) && courier_idle(engine->courier) &&
           observer_idle(engine->observer) && watcher_idle(engine->watcher) &&
           sweeper_idle(engine->sweeper) && gate_idle(engine->gate) &&
           juno_key_idle(engine->juno_key);
}

void engine_close_doors(struct engine *engine)
{
    if (engine->juno_key != NULL) /* it ticks while the engine stops, to give the key back */
        juno_key_stop(engine->juno_key);
    signer_free(engine->signer);
    juno_free(engine->juno);
    node_free(engine->node);
    engine->signer = NULL;
    engine->juno = NULL;
    engine->node = NULL;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL)
        return;
    gate_free(engine->gate);
    contract_check_free(engine->contracts);
    for (size_t i = 0; i < ENGINE_LANES; i++)
        lane_free(engine->lane[i]);
    watcher_free(engine->watcher);
    witness_free(engine->witness);
    sweeper_free(engine->sweeper);
    observer_free(engine->observer);
    courier_free(engine->courier);
    juno_key_free(engine->juno_key);
    runner_free(engine->runner);
    free(engine);
}
