#include "relayer/engine/juno_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/engine/courier.h"
#include "relayer/engine/observer.h"
#include "relayer/juno/client.h"
#include "relayer/store/lease.h"
#include "relayer/store/observed.h"

enum {
    KEY_TICK_MS = 100,
    KEY_RENEW_MS = LEASE_S * 1000 / 3,
    KEY_LOOK_MS = 2000, /* between tries while another has it */
    GIVE_UP_MS = 15000, /* without an answer of Juno, while another waits for the key */
    STAND_BACK_MS = 60000, /* after giving it up; shorter when nobody takes it: */
    NOBODY_MS = 10000,
    NUMBERS = 1000,     /* reserved at once */
    COUNTER_NAME_MAX = 120
};

static const char LEASE[] = "juno";
static const char NEXT[] = "juno:next"; /* held by one that waits for the other */

struct juno_key {
    struct engine *engine;
    struct loop_timer *timer;
    bool busy;
    bool asked;            /* in this run, and answered */
    bool ended;            /* that our lease has ended was said */
    int64_t token;         /* of our lease; 0: not ours */
    int64_t numbers_token; /* under which the client's numbers were reserved */
    bool numbers_low;
    int64_t asked_at_ms; /* monotonic, like the two below */
    int64_t until_ms;
    int64_t look_at_ms;
    bool successor;      /* another instance waits for the key */
    int64_t gave_up_ms;  /* we stand back since; 0: we do not */
    char holder[33]; /* another instance, "" if none */
};

bool juno_key_is_ours(const struct juno_key *key)
{
    return key->token != 0 && key->numbers_token == key->token && clock_mono_ms() < key->until_ms;
}

void juno_key_check(const struct juno_key *key, struct db_script *script)
{
    lease_check(script, LEASE, key->engine->owner, key->token);
}

void juno_key_doubt(struct juno_key *key)
{
    key->look_at_ms = 0;
}

int64_t juno_key_token(const struct juno_key *key)
{
    return key->token;
}

const char *juno_key_elsewhere(const struct juno_key *key)
{
    return key->token == 0 && key->holder[0] != '\0' ? key->holder : NULL;
}

static void lost(struct juno_key *key)
{
    if (key->token != 0)
        log_warn("juno_key_lost", "another instance speaks to Juno now");
    key->token = 0;
    /* Whether Juno answers is the next holder's to say. */
    key->engine->door[DOOR_JUNO].waiting = false;
}

static void note_holder(struct juno_key *key, struct db_result *res, int stmt)
{
    key->holder[0] = '\0';
    if (db_rows(res, stmt) == 0)
        return;
    const char *owner = db_get(res, stmt, 0, 0);
    snprintf(key->holder, sizeof key->holder, "%.*s", (int)strcspn(owner, "/"), owner);
}

static void failed(struct juno_key *key, const struct err *err)
{
    key->busy = false;
    if (err->code == ERR_DB_CONFLICT)
        lost(key);
    else
        engine_waits(key->engine, DOOR_DATABASE, err);
}

/* --- request numbers --------------------------------------------------------------------------- */

static void reserved(void *ctx, const struct err *err, struct db_result *res)
{
    struct juno_key *key = ctx;
    if (err != NULL) {
        failed(key, err);
        return;
    }
    bool first = key->numbers_token != key->token;
    uint64_t last = (uint64_t)db_get_i64(res, 1, 0, 0);
    juno_nonce_range(key->engine->juno, last - NUMBERS + 1, last);
    key->busy = false;
    key->numbers_low = false;
    key->numbers_token = key->token;
    if (!first)
        return;
    log_info("juno_key_held", "this instance speaks to Juno");
    observer_kick(key->engine->observer);
}

/* Numbers start at the clock's milliseconds, as Juno advises, and never step back even if the clock does. */
static void reserve(struct juno_key *key)
{
    char counter[COUNTER_NAME_MAX];
    snprintf(counter, sizeof counter, "juno_nonce:%.100s", key->engine->config->juno_api_key);
    struct db_script *script = db_script_new();
    juno_key_check(key, script);
    observed_counter(script, counter, clock_wall_ms(), NUMBERS);
    key->busy = true;
    db_run(key->engine->db, script, reserved, key);
}

/* Asked again at each tick until there are some. */
void juno_key_need_numbers(struct juno_key *key)
{
    key->numbers_low = true;
}

/* --- giving it up ------------------------------------------------------------------------------ */

static void given_up(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct juno_key *key = ctx;
    if (err != NULL) {
        failed(key, err);
        return;
    }
    key->busy = false;
    log_warn("juno_key_given_up", "Juno does not answer here, and another instance waits for it");
    lost(key);
    key->successor = false;
    key->gave_up_ms = clock_mono_ms();
}

/* Juno has been silent here for long, and who waits for the key may reach it. */
static bool gives_up(const struct juno_key *key)
{
    const struct door_state *door = &key->engine->door[DOOR_JUNO];
    return key->token != 0 && key->successor && door->waiting &&
           clock_wall_ms() - door->since_ms >= GIVE_UP_MS;
}

static void give_up(struct juno_key *key)
{
    struct db_script *script = db_script_new();
    lease_release(script, LEASE, key->engine->owner, key->token);
    key->busy = true;
    db_run(key->engine->db, script, given_up, key);
}

/* While we stand back the key is looked at and not taken. */
static void stood_back(void *ctx, const struct err *err, struct db_result *res)
{
    struct juno_key *key = ctx;
    key->look_at_ms = clock_mono_ms() + KEY_LOOK_MS;
    if (err != NULL) {
        failed(key, err);
        return;
    }
    key->busy = false;
    int64_t stood_ms = clock_mono_ms() - key->gave_up_ms;
    bool nobody = db_rows(res, 0) == 0;
    note_holder(key, res, 0);
    if (stood_ms >= STAND_BACK_MS || (nobody && stood_ms >= NOBODY_MS))
        key->gave_up_ms = 0;
}

/* --- the lease --------------------------------------------------------------------------------- */

static void taken(void *ctx, const struct err *err, struct db_result *res)
{
    struct juno_key *key = ctx;
    struct engine *engine = key->engine;
    if (err != NULL) {
        failed(key, err);
        key->look_at_ms = clock_mono_ms() + KEY_LOOK_MS;
        return;
    }
    key->busy = false;
    key->asked = true;
    bool ours = db_rows(res, 0) == 1;
    /* The holder knows better, once it has looked. */
    if (!ours || engine->deposits_known_ms == 0)
        engine->deposits_known_ms = db_get_i64(res, 2, 0, 0);
    key->look_at_ms = key->asked_at_ms + (ours ? KEY_RENEW_MS : KEY_LOOK_MS);
    key->holder[0] = '\0';
    if (!ours) {
        lost(key);
        note_holder(key, res, 1);
        return;
    }
    key->successor = key->token != 0 && db_rows(res, 3) == 1 &&
                     strcmp(db_get(res, 3, 0, 0), engine->owner) != 0;
    key->token = db_get_i64(res, 0, 0, 0);
    key->until_ms = key->asked_at_ms + LEASE_S * 1000;
    key->ended = false;
    if (key->numbers_token != key->token)
        reserve(key);
}

static void released(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct juno_key *key = ctx;
    if (err != NULL)
        log_warn("lease_not_released", "juno: %s", err->message);
    key->busy = false;
}

/* Given back at an orderly stop, once nothing of ours is on its way to Juno any more: the next holder's
 * numbers are higher, and what we had sent must not be answered under them. */
static void release(struct juno_key *key)
{
    const struct engine *engine = key->engine;
    if (key->busy || key->token == 0 || !courier_idle(engine->courier) ||
        !observer_idle(engine->observer))
        return;
    struct db_script *script = db_script_new();
    lease_release(script, LEASE, engine->owner, key->token);
    key->token = 0;
    key->busy = true;
    db_run(engine->db, script, released, key);
}

/* Its renewal may hang at the database: everything towards Juno stands still meanwhile. */
static void say_ended(struct juno_key *key)
{
    if (key->token == 0 || key->ended || clock_mono_ms() < key->until_ms)
        return;
    key->ended = true;
    log_warn("juno_key_ended",
             "our lease was not renewed in time: nothing goes to Juno until it is");
}

static void tick(void *ctx)
{
    struct juno_key *key = ctx;
    struct engine *engine = key->engine;
    say_ended(key);
    if (engine->stopping) {
        release(key);
        return;
    }
    if (key->busy || !engine->ready)
        return;
    if (gives_up(key)) {
        give_up(key);
        return;
    }
    if (clock_mono_ms() < key->look_at_ms) {
        /* Low, or a reservation under this lease has failed. */
        if (key->token != 0 && (key->numbers_low || key->numbers_token != key->token))
            reserve(key);
        return;
    }
    key->busy = true;
    key->asked_at_ms = clock_mono_ms();
    struct db_script *script = db_script_new();
    if (key->gave_up_ms != 0) {
        lease_look(script, LEASE);
        db_run(engine->db, script, stood_back, key);
        return;
    }
    lease_take(script, LEASE, engine->owner, !key->asked);
    lease_look(script, LEASE);
    observed_deposits_known(script, juno_key_is_ours(key) ? engine->deposits_known_ms : 0);
    if (key->token != 0)
        lease_look(script, NEXT);
    else if (key->holder[0] != '\0')
        lease_take(script, NEXT, engine->owner, false);
    db_run(engine->db, script, taken, key);
}

struct juno_key *juno_key_new(struct engine *engine)
{
    struct juno_key *key = calloc(1, sizeof *key);
    CHECK(key != NULL);
    key->engine = engine;
    key->timer = loop_timer_new(engine->loop, tick, key);
    loop_timer_start(key->timer, 0, KEY_TICK_MS);
    return key;
}

void juno_key_stop(struct juno_key *key)
{
    loop_timer_stop(key->timer);
}

bool juno_key_idle(const struct juno_key *key)
{
    return !key->busy && !(key->engine->stopping && key->token != 0);
}

void juno_key_free(struct juno_key *key)
{
    if (key == NULL)
        return;
    loop_timer_free(key->timer);
    free(key);
}
