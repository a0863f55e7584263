/*
 * The engine: everything that happens by itself. It notes facts (watcher, observer), lets the pure flows
 * decide (runner), and carries out what was decided (lane towards the chain, courier towards Juno).
 *
 * Each part has a timer and at most one round under way; a round ends in database commits only. Nothing
 * is kept in memory that could not be lost: after a crash the rows tell what to do.
 *
 * One thread, one libuv loop. Parts are created in engine_start and live until engine_free.
 */
#ifndef KUSTODIA_ENGINE_ENGINE_H
#define KUSTODIA_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "relayer/base/config.h"
#include "relayer/base/err.h"
#include "relayer/base/loop.h"
#include "relayer/flows/payment.h"
#include "relayer/store/db.h"
#include "relayer/store/evidence.h"
#include "relayer/store/payments.h"

struct node;
struct juno;
struct http_client;
struct signer;
struct runner;
struct courier;
struct observer;
struct watcher;
struct witness;
struct sweeper;
struct contract_check;
struct lane;
struct gate;
struct juno_key;

/* The doors a part may wait for; shown by system.status in words. */
enum engine_door { DOOR_DATABASE, DOOR_NODE, DOOR_JUNO, DOOR_SIGNER, DOORS_N };

struct door_state {
    bool waiting;
    int64_t since_ms;
    char why[200];
};

/* One lane for each place of a key at the signer (signer.h). */
enum { ENGINE_LANES = 10 };

/* Whether the key of a lane holds its role in the contract, as last read. */
struct engine_party {
    uint8_t address[20];
    bool holds;
};

enum { ENGINE_SAID_MAX = 32, ENGINE_SAID_MS = 60000 };

struct said_alarm {
    uint8_t hash[32];
    int64_t at_ms; /* 0 = free */
};

struct engine {
    uv_loop_t *loop;
    const struct config *config;
    struct http_client *http;
    struct db *db;
    struct node *node;
    struct juno *juno;
    struct signer *signer;
    struct flow_rules rules;
    char owner[80];      /* names this process in leases */
    char bridge_hex[43]; /* '\x..' text for the database */
    char juno_hex[43];
    char token_hex[43];
    int64_t chain_time_s; /* newest followed block; 0 = not known yet */
    /* When the last whole look at Juno's deposits began, by any daemon; 0 = none. */
    int64_t deposits_known_ms;
    uint64_t latest_number;
    uint64_t final_number; /* newest block final by policy */
    bool schema_ready;     /* migrations are applied: set by main */
    bool ready;            /* start checks passed */
    bool pause_known;      /* a pause of before this start was looked for: set by the API */
    bool paused;           /* nothing new is signed or sent to Juno */
    char pause_reason[160];
    bool draining; /* the lanes take nothing new and finish what is open */
    char drain_reason[160];
    bool unchecked; /* the contracts were not looked at for too long: as if paused */
    bool stopping;
    struct door_state door[DOORS_N];
    struct said_alarm said[ENGINE_SAID_MAX]; /* what was raised lately; the oldest makes room */
    struct gate *gate;
    struct juno_key *juno_key;
    struct runner *runner;
    struct courier *courier;
    struct observer *observer;
    struct witness *witness;
    struct watcher *watcher;
    struct sweeper *sweeper;
    struct lane *lane[ENGINE_LANES]; /* 0 relayer, 1 arbiter, then the pool */
    struct engine_party party[ENGINE_LANES];
    struct contract_check *contracts;
};

/* Creates doors and parts; the database schema is already current. The engine checks chain, contract and
 * roles itself (gate.h) and starts its parts when they are right. NULL with *e otherwise. */
struct engine *engine_start(uv_loop_t *loop, const struct config *config, struct http_client *http,
                            struct db *db, struct err *e);
void engine_stop(struct engine *engine); /* no new rounds */
bool engine_idle(const struct engine *engine);
/* Doors first, then the HTTP client and the database: their last callbacks still find the parts alive. */
void engine_close_doors(struct engine *engine);
/* Once the loop has come to its end; it must run once more to close the timers. NULL is fine. */
void engine_free(struct engine *engine);

/* A fact was committed: let the runner look now rather than at its next tick. */
void engine_kick(struct engine *engine);

/* A door did not answer, or answers again; logs on change only. */
void engine_waits(struct engine *engine, enum engine_door door, const struct err *err);
void engine_answers(struct engine *engine, enum engine_door door);
const char *engine_door_name(enum engine_door door);

/* Commits an alarm row (one open row per code and subject, counted) and logs it, the log at most once a
 * minute for each. False: it was logged less than a minute ago. */
bool engine_alarm(struct engine *engine, const char *code, const char *subject, const char *detail);

/* Facts with the times filled in. */
struct fact engine_fact(const struct engine *engine, enum fact_kind kind);
/* Targets of a decision about this payment; escrow_id is computed when not known yet. */
void engine_targets(const struct engine *engine, const struct payment_row *row,
                    struct payment_targets *out, uint8_t escrow_id[32]);
void engine_wallets(const struct engine *engine, struct evidence_wallets *out);

/* For people, tests and the check of the contracts: pause stops new effects, resume ends it. */
void engine_pause(struct engine *engine, const char *reason);
void engine_resume(struct engine *engine);
/* The lanes take nothing new and bring to an end what is open; the runner goes on planning. Ended by
 * engine_resume. */
void engine_drain(struct engine *engine, const char *reason);
/* Nothing new may be signed or sent. */
bool engine_holds(const struct engine *engine);

#endif
