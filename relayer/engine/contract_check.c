#include "relayer/engine/contract_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_read.h"
#include "relayer/engine/signer.h"
#include "relayer/store/observed.h"
#include "relayer/store/requests.h"

enum {
    SOON_MS = 1000
}; /* the second look at a difference, or the next try of a look that broke off */

struct contract_check {
    struct engine *engine;
    struct loop_timer *timer;
    struct loop_timer *age_timer; /* a look that hangs must not hide how old the last one is */
    struct contract_reader
        *reader[2]; /* the second begins at another endpoint; NULL: there is only one */
    size_t turn;
    struct role_grants grants;
    struct contract_parties parties;
    size_t more_key[CONTRACT_MORE_MAX]; /* the places of the further keys */
    bool role_alarm_open[ENGINE_LANES]; /* perhaps, as below */
    struct contract_wanted wanted;
    struct contract_belief belief;
    contract_begun_cb *begun; /* NULL once called */
    void *begun_ctx;
    bool busy, again;
    size_t scripts_n; /* under way in the database */
    bool checked;
    uint64_t block;
    uint64_t floor; /* looks at blocks before this one are not counted */
    int64_t at_ms;
    int64_t whole_mono_ms; /* when the newest look came to its end, else when the first began */
    char why_unfinished[200];
    bool unchecked_alarm_open;       /* perhaps, as below */
    bool alarm_open[CONTRACT_ITEMS]; /* perhaps: a former run may have raised it */
    bool pause_unstored;
};

/* --- what a verdict does ----------------------------------------------------------------------- */

static void pause_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct contract_check *c = ctx;
    c->scripts_n--;
    c->pause_unstored = err != NULL; /* the next look stores it again */
    if (err != NULL)
        log_error("pause_not_stored", "%s", err->message);
}

/* In memory first: nothing leaves while the row is on its way. */
static void pause_engine(struct contract_check *c)
{
    struct engine *engine = c->engine;
    if (engine->paused && !c->pause_unstored)
        return; /* by people: their reason stays, the alarm has ours */
    char reason[CONTRACT_REASON_MAX];
    contract_reason(&c->belief, reason);
    if (!engine->paused)
        engine_pause(engine, reason);
    struct db_script *script = db_script_new();
    requests_pause(script, reason, (int64_t)getuid());
    c->pause_unstored = false;
    c->scripts_n++;
    db_run(engine->db, script, pause_stored, c);
}

static void raise_alarms(struct contract_check *c)
{
    for (size_t i = 0; i < CONTRACT_ITEMS; i++) {
        const struct contract_doubt *d = &c->belief.item[i];
        if (!d->believed)
            continue;
        char detail[2 * CONTRACT_WORDS_MAX + 64];
        snprintf(detail, sizeof detail, "found %s, wanted %s, at block %llu", d->found, d->wanted,
                 (unsigned long long)c->block);
        c->alarm_open[i] = true;
        engine_alarm(c->engine, "contract_changed", contract_item_name((enum contract_item)i),
                     detail);
    }
}

static void alarms_cleared(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct contract_check *c = ctx;
    c->scripts_n--;
    for (size_t i = 0; err != NULL && i < CONTRACT_ITEMS; i++)
        c->alarm_open[i] = true; /* the next look clears them again */
}

static void clear_alarms(struct contract_check *c)
{
    struct db_script *script = NULL;
    for (size_t i = 0; i < CONTRACT_ITEMS; i++) {
        if (!c->alarm_open[i] || c->belief.item[i].differs)
            continue;
        if (script == NULL)
            script = db_script_new();
        c->alarm_open[i] = false;
        observed_alarm_clear(script, "contract_changed", contract_item_name((enum contract_item)i));
    }
    if (script == NULL)
        return;
    c->scripts_n++;
    db_run(c->engine->db, script, alarms_cleared, c);
}

static void begun(struct contract_check *c, const char *refusal)
{
    contract_begun_cb *cb = c->begun;
    c->begun = NULL;
    if (cb != NULL)
        cb(c->begun_ctx, refusal);
}

/* --- whose keys may build ---------------------------------------------------------------------- */

static void role_alarm_cleared(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct contract_check *c = ctx;
    c->scripts_n--;
    for (size_t i = 0; err != NULL && i < ENGINE_LANES; i++)
        c->role_alarm_open[i] = true; /* the next look clears them again */
}

static void clear_role_alarm(struct contract_check *c, size_t key)
{
    if (!c->role_alarm_open[key])
        return;
    c->role_alarm_open[key] = false;
    struct db_script *script = db_script_new();
    observed_alarm_clear(script, "lane_without_role", signer_key_name(key));
    c->scripts_n++;
    db_run(c->engine->db, script, role_alarm_cleared, c);
}

static void note_party(struct contract_check *c, size_t key, const uint8_t address[20], bool holds)
{
    struct engine_party *party = &c->engine->party[key];
    memcpy(party->address, address, 20);
    party->holds = holds;
    if (holds) {
        clear_role_alarm(c, key);
        return;
    }
    char text[HEX_ADDRESS_SIZE], detail[160];
    hex_checksum_address(address, text);
    snprintf(detail, sizeof detail, "%s does not hold the role %s: its lane takes nothing new",
             text, signer_key_lane(key) == LANE_ARBITER ? "ARBITER" : "RELAYER");
    c->role_alarm_open[key] = true;
    engine_alarm(c->engine, "lane_without_role", signer_key_name(key), detail);
}

static void note_roles(struct contract_check *c, const struct contract_facts *facts)
{
    const uint8_t *relayer = facts->word[CONTRACT_RELAYER_ROLE];
    if (!facts->roles_known || facts->state[CONTRACT_RELAYER_ROLE] != CONTRACT_READ)
        return;
    bool seen[ENGINE_LANES] = {true, true};
    note_party(c, 0, c->parties.relayer, relayer[31] == 1);
    note_party(c, 1, c->parties.arbiter, facts->arbiter_holds);
    for (size_t i = 0; i < c->parties.more_n; i++) {
        seen[c->more_key[i]] = true;
        note_party(c, c->more_key[i], c->parties.more[i].address, facts->more_holds[i]);
    }
    for (size_t i = 0; i < ENGINE_LANES; i++) {
        if (!seen[i])
            clear_role_alarm(c, i);
    }
}

/* The signer's keys as they are now; while it is away, as they were. */
static void refresh_parties(struct contract_check *c)
{
    const struct signer *signer = c->engine->signer;
    uint64_t chain_id = 0;
    if (!signer_is_settled(signer))
        return;
    (void)signer_identity(signer, 0, c->parties.relayer, &chain_id);
    (void)signer_identity(signer, 1, c->parties.arbiter, &chain_id);
    c->parties.more_n = 0;
    for (size_t i = 2; i < ENGINE_LANES; i++) {
        struct contract_party *party = &c->parties.more[c->parties.more_n];
        if (!signer_identity(signer, i, party->address, &chain_id))
            continue;
        party->is_arbiter = signer_key_lane(i) == LANE_ARBITER;
        c->more_key[c->parties.more_n++] = i;
    }
}

/* --- looks that do not come to their end ------------------------------------------------------- */

static int64_t age_ms(const struct contract_check *c)
{
    return clock_mono_ms() - c->whole_mono_ms;
}

static int64_t age_max_ms(const struct contract_check *c)
{
    int64_t three = 3000 * (int64_t)c->engine->config->chain_contract_check_s;
    return three > CONTRACT_UNCHECKED_MIN_MS ? three : CONTRACT_UNCHECKED_MIN_MS;
}

static void age_tick(void *ctx)
{
    struct contract_check *c = ctx;
    if (c->engine->stopping || c->engine->unchecked || age_ms(c) <= age_max_ms(c))
        return;
    char detail[300];
    snprintf(detail, sizeof detail, "no look at the contracts came to its end for %lld s: %s",
             (long long)(age_ms(c) / 1000),
             c->why_unfinished[0] != '\0' ? c->why_unfinished : "the node does not answer");
    c->engine->unchecked = c->unchecked_alarm_open = true;
    engine_alarm(c->engine, "contract_unchecked", "", detail);
}

static void unchecked_cleared(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct contract_check *c = ctx;
    c->scripts_n--;
    c->unchecked_alarm_open = err != NULL; /* the next look clears it again */
}

static void came_to_its_end(struct contract_check *c)
{
    c->whole_mono_ms = clock_mono_ms();
    c->why_unfinished[0] = '\0';
    if (c->engine->unchecked) {
        c->engine->unchecked = false;
        log_info("contracts_looked_at", "again, at block %llu", (unsigned long long)c->block);
        engine_kick(c->engine);
    }
    if (!c->unchecked_alarm_open)
        return;
    c->unchecked_alarm_open = false;
    struct db_script *script = db_script_new();
    observed_alarm_clear(script, "contract_unchecked", "");
    c->scripts_n++;
    db_run(c->engine->db, script, unchecked_cleared, c);
}

/* --- looks ------------------------------------------------------------------------------------- */

static void look_in(struct contract_check *c, int64_t delay_ms)
{
    if (!c->engine->stopping)
        loop_timer_start(c->timer, c->again ? 0 : (uint64_t)delay_ms, 0);
    c->again = false;
}

/* Before the start a sentence that refuses it; afterwards the same difference is like any other. */
static bool refused(struct contract_check *c, const struct contract_facts *facts)
{
    char sentence[300];
    if (c->begun == NULL ||
        !contract_refusal(c->engine->config, &c->parties, &c->wanted, facts, sentence))
        return false;
    begun(c, sentence);
    return true;
}

static void say_change(const struct contract_check *c, size_t differing_before)
{
    size_t differing = contract_differing(&c->belief);
    unsigned long long block = c->block;
    if (differing > 0 && differing_before == 0)
        log_warn("contract_differs", "%zu facts differ at block %llu: looking again", differing,
                 block);
    if (differing == 0 && (differing_before > 0 || c->begun != NULL))
        log_info("contracts_checked", "as recorded, at block %llu", block);
}

/* An endpoint that lags tells what was: that neither makes a difference nor ends one. */
static void say_behind(struct contract_check *c, uint64_t block)
{
    snprintf(c->why_unfinished, sizeof c->why_unfinished,
             "the endpoint is at block %llu, behind block %llu", (unsigned long long)block,
             (unsigned long long)c->floor);
}

static void note_look(struct contract_check *c, const struct err *err,
                      const struct contract_facts *facts)
{
    size_t before = contract_differing(&c->belief);
    contract_note(&c->belief, &c->wanted, facts, clock_mono_ms());
    size_t differing = contract_differing(&c->belief);
    size_t believed = contract_believed(&c->belief);
    engine_answers(c->engine, DOOR_NODE);
    c->checked = true;
    c->block = c->floor = facts->block;
    c->at_ms = clock_wall_ms();
    if (err == NULL)
        came_to_its_end(c);
    if (refused(c, facts))
        return;
    note_roles(c, facts);
    say_change(c, before);
    if (believed > 0) {
        pause_engine(c);
        raise_alarms(c);
    }
    if (err == NULL)
        clear_alarms(c);
    if (differing == believed)
        begun(c, NULL);
    look_in(c, differing > believed ? SOON_MS
                                    : (int64_t)c->engine->config->chain_contract_check_s * 1000);
}

static void looked(void *ctx, const struct err *err, const struct contract_facts *facts)
{
    struct contract_check *c = ctx;
    c->busy = false;
    if (c->engine->stopping)
        return;
    if (err != NULL)
        snprintf(c->why_unfinished, sizeof c->why_unfinished, "%s", err->message);
    /* A look that broke off counts when it found something: code that was changed may make the node fail at
     * the questions behind it, and that is no outage of the node. */
    if (err != NULL && !contract_differs_somewhere(&c->wanted, facts)) {
        engine_waits(c->engine, DOOR_NODE, err);
        look_in(c, SOON_MS);
        return;
    }
    if (facts->block < c->floor) {
        say_behind(c, facts->block);
        look_in(c, SOON_MS);
        return;
    }
    note_look(c, err, facts);
}

/* Each look begins at the other endpoint: the second look at a difference too. */
static struct contract_reader *next_reader(struct contract_check *c)
{
    if (c->reader[1] != NULL)
        c->turn = 1 - c->turn;
    return c->reader[c->turn];
}

static void grants_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct contract_check *c = ctx;
    if (err == NULL && !c->engine->stopping) {
        evidence_parse_role_grants(res, &c->grants);
        refresh_parties(c);
        contract_read(next_reader(c), &c->grants, looked, c);
        return;
    }
    c->busy = false;
    if (c->engine->stopping)
        return;
    snprintf(c->why_unfinished, sizeof c->why_unfinished, "%s", err->message);
    engine_waits(c->engine, DOOR_DATABASE, err);
    look_in(c, SOON_MS);
}

static void tick(void *ctx)
{
    struct contract_check *c = ctx;
    if (c->busy || c->engine->stopping)
        return;
    c->busy = true;
    const uint8_t *roles[3];
    contract_roles_compared(c->engine->config, roles);
    db_run(c->engine->db, evidence_role_grants(c->engine->config->chain_escrow.b, roles),
           grants_read, c);
}

static void say_not_compared(const struct contract_check *c)
{
    static const struct {
        enum contract_item item;
        const char *setting;
    } rows[] = {{CONTRACT_ESCROW_CODE, "escrow_code_hash"},
                {CONTRACT_TOKEN_CODE, "token_code_hash"},
                {CONTRACT_IMPLEMENTATION_CODE, "token_implementation_code_hash"},
                {CONTRACT_ADMIN, "admin"},
                {CONTRACT_GUARDIAN_ROLE, "guardian"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool no_proxy = rows[i].item == CONTRACT_IMPLEMENTATION_CODE &&
                        !c->engine->config->chain_token_implementation.set;
        if (!c->wanted.compared[rows[i].item] && !no_proxy)
            log_warn("not_compared", "%s is not compared: chain.%s is empty",
                     contract_item_name(rows[i].item), rows[i].setting);
    }
}

struct contract_check *contract_check_new(struct engine *engine)
{
    struct contract_check *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->engine = engine;
    c->timer = loop_timer_new(engine->loop, tick, c);
    contract_wanted_fill(&c->wanted, engine->config);
    c->age_timer = loop_timer_new(engine->loop, age_tick, c);
    for (size_t i = 0; i < 2 && i < node_endpoints_n(engine->node); i++)
        c->reader[i] = contract_reader_new(node_beginning_at(engine->node, i), engine->config,
                                           &c->parties, &c->wanted);
    c->unchecked_alarm_open = true;
    for (size_t i = 0; i < CONTRACT_ITEMS; i++)
        c->alarm_open[i] = true;
    for (size_t i = 0; i < ENGINE_LANES; i++)
        c->role_alarm_open[i] = true;
    return c;
}

void contract_check_begin(struct contract_check *c, const struct contract_parties *parties,
                          contract_begun_cb *begun_cb, void *ctx)
{
    CHECK(c->begun == NULL && !c->checked);
    c->parties = *parties;
    c->begun = begun_cb;
    c->begun_ctx = ctx;
    c->whole_mono_ms = clock_mono_ms();
    say_not_compared(c);
    loop_timer_start(c->timer, 0, 0);
    loop_timer_start(c->age_timer, SOON_MS, SOON_MS);
}

void contract_check_kick(struct contract_check *c, uint64_t block)
{
    if (block > c->floor)
        c->floor = block;
    if (c->begun != NULL || !c->checked)
        return;
    if (c->busy)
        c->again = true;
    else
        look_in(c, 0);
}

void contract_check_status(const struct contract_check *c, struct contract_status *out)
{
    *out = (struct contract_status){.checked = c->checked,
                                    .unsure = contract_differing(&c->belief) >
                                              contract_believed(&c->belief),
                                    .unchecked = c->engine->unchecked,
                                    .age_ms = c->whole_mono_ms != 0 ? age_ms(c) : -1,
                                    .block = c->block,
                                    .at_ms = c->at_ms,
                                    .wanted = &c->wanted,
                                    .belief = &c->belief};
}

bool contract_check_differs(const struct contract_check *c)
{
    return contract_differing(&c->belief) > 0;
}

void contract_check_stop(struct contract_check *c)
{
    loop_timer_stop(c->timer);
    loop_timer_stop(c->age_timer);
}

bool contract_check_idle(const struct contract_check *c)
{
    return !c->busy && c->scripts_n == 0;
}

void contract_check_free(struct contract_check *c)
{
    if (c == NULL)
        return;
    loop_timer_free(c->timer);
    loop_timer_free(c->age_timer);
    for (size_t i = 0; i < 2; i++)
        contract_reader_free(c->reader[i]);
    free(c);
}
