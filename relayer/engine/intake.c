#include "relayer/engine/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/escrow.h"
#include "keystore/wire.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"
#include "relayer/chain/node.h"
#include "relayer/engine/signer.h"
#include "relayer/store/requests.h"

enum { DISPUTE_STMT = 2, INTAKE_CALL_MAX = 4 + 8 * 32 };

struct intake {
    struct engine *engine;
    struct intake_ask ask;
    int tries;
    struct payment_row row;
    struct decision decision;
    uint8_t escrow_id[32];
    struct intake_view view;
    char dispute_state[16];
    char text[INTAKE_TEXT_MAX];
};

static void intake_load(struct intake *intake);

static void intake_end(struct intake *intake, const struct err *err, bool read)
{
    intake->ask.done(intake->ask.ctx, err, read ? &intake->view : NULL);
    free(intake);
}

static void intake_committed(void *ctx, const struct err *err, struct db_result *res)
{
    struct intake *intake = ctx;
    if (err == NULL) {
        engine_kick(intake->engine);
        intake_end(intake, NULL, true);
        return;
    }
    bool key_taken = strcmp(db_constraint(res), REQUEST_KEY_CONSTRAINT) == 0;
    if (err->code == ERR_DB_CONFLICT && !key_taken && ++intake->tries < INTAKE_TRIES) {
        intake_load(intake);
        return;
    }
    intake->view.constraint = db_constraint(res);
    intake_end(intake, err, true);
}

static void intake_commit(struct intake *intake)
{
    struct payment_targets targets;
    uint8_t escrow_id[32];
    engine_targets(intake->engine, &intake->row, &targets, escrow_id);
    targets.actor = intake->ask.actor;
    struct db_script *script = db_script_new();
    payments_apply(script, &intake->row, &intake->decision, -1, &targets);
    if (intake->ask.compose != NULL)
        intake->ask.compose(intake->ask.ctx, &intake->view, script);
    db_run(intake->engine->db, script, intake_committed, intake);
}

/* --- dry run: the call as it would be signed, tried at the newest block ------------------------ */

static bool call_of(const struct intake *intake, struct escrow_call *call)
{
    const struct effect_plan *plan = &intake->decision.effect;
    memset(call, 0, sizeof *call);
    call->n = 1;
    memcpy(call->ids[0], intake->escrow_id, 32);
    memcpy(call->note, plan->note_hash, 32);
    call->party = plan->party;
    call->buyer_units = (uint64_t)plan->buyer_units;
    switch (plan->kind) {
    case EFFECT_ESCROW_RELEASE:
        call->kind = ESCROW_RELEASE;
        return true;
    case EFFECT_ESCROW_RELEASE_EARLY:
        call->kind = ESCROW_RELEASE_EARLY;
        return true;
    case EFFECT_DISPUTE_RAISE:
        call->kind = ESCROW_DISPUTE;
        return true;
    case EFFECT_DISPUTE_DISMISS:
        call->kind = ESCROW_DISMISS;
        return true;
    case EFFECT_DISPUTE_REVERT:
        call->kind = ESCROW_RESOLVE_REVERT;
        return true;
    case EFFECT_DISPUTE_SPLIT:
        call->kind = ESCROW_RESOLVE_SPLIT;
        return true;
    case EFFECT_REDEEM:
    case EFFECT_WITHDRAW:
    case EFFECT_BANK_REGISTER:
    case EFFECT_CLABE_CREATE:
    case EFFECT_ESCROW_CREATE:
    case EFFECT_TOKEN_TRANSFER:
    case EFFECT_TOKEN_APPROVE:
        return false;
    }
    return false;
}

static void intake_tried(void *ctx, const struct err *err, const struct node_estimate *estimate)
{
    struct intake *intake = ctx;
    struct intake_view *view = &intake->view;
    if (err == NULL) {
        view->tried = true;
        view->would_succeed = true;
        view->gas = estimate->gas;
    } else if (err->code == ERR_CHAIN_REVERT && estimate != NULL) {
        view->tried = true;
        (void)escrow_revert_classify(estimate->revert, intake->text, sizeof intake->text);
    } else {
        snprintf(intake->text, sizeof intake->text, "not tried: %.180s", err->message);
    }
    intake_end(intake, NULL, true);
}

static void intake_try(struct intake *intake)
{
    struct escrow_call *call = mem_new(sizeof *call);
    uint8_t memory[INTAKE_CALL_MAX];
    uint8_t from[20];
    uint64_t chain_id = 0;
    struct buf data;
    buf_init(&data, memory, sizeof memory);
    bool known = intake->decision.has_effect && call_of(intake, call);
    if (known)
        intake->view.call = escrow_call_name(call->kind);
    bool encoded = known && escrow_call_encode(call, &data);
    free(call);
    if (!encoded) {
        intake_end(intake, NULL, true);
        return;
    }
    size_t key = effect_kind_lane(intake->decision.effect.kind) == LANE_ARBITER ? WIRE_KEY_ARBITER
                                                                               : WIRE_KEY_RELAYER;
    if (!signer_identity(intake->engine->signer, key, from, &chain_id)) {
        snprintf(intake->text, sizeof intake->text, "not tried: the signer is away");
        intake_end(intake, NULL, true);
        return;
    }
    struct node_message message = {.to = intake->engine->config->chain_escrow.b,
                                   .from = from,
                                   .data = buf_bytes(&data),
                                   .at = {.tag = NODE_LATEST}};
    node_estimate(intake->engine->node, &message, intake_tried, intake);
}

/* --- the step ---------------------------------------------------------------------------------- */

static bool intake_read(struct intake *intake, struct db_result *res, struct err *e)
{
    if (payments_parse(res, &intake->row, 1) != 1) {
        char id[UUID_TEXT_MAX];
        uuid_format(&intake->ask.payment_id, id);
        return err_fail(e, ERR_NOT_FOUND, "payment_id: there is no payment %s", id);
    }
    struct payment_targets targets;
    engine_targets(intake->engine, &intake->row, &targets, intake->escrow_id);
    intake->view = (struct intake_view){.row = &intake->row,
                                        .decision = &intake->decision,
                                        .escrow_id = intake->escrow_id,
                                        .dispute_state = intake->dispute_state,
                                        .constraint = "",
                                        .call = "",
                                        .trouble = intake->text};
    intake->text[0] = '\0';
    intake->dispute_state[0] = '\0';
    if (db_rows(res, DISPUTE_STMT) > 0) {
        intake->view.has_dispute = db_get_uuid(res, DISPUTE_STMT, 0, 0, &intake->view.dispute_id);
        snprintf(intake->dispute_state, sizeof intake->dispute_state, "%s",
                 db_get(res, DISPUTE_STMT, 0, 1));
    }
    return true;
}

static void intake_loaded(void *ctx, const struct err *err, struct db_result *res)
{
    struct intake *intake = ctx;
    struct err e;
    if (err != NULL || !intake_read(intake, res, &e)) {
        intake_end(intake, err != NULL ? err : &e, false);
        return;
    }
    const struct intake_ask *ask = &intake->ask;
    struct fact fact = ask->fact;
    struct fact time = engine_fact(intake->engine, fact.kind);
    fact.now_ms = time.now_ms;
    fact.chain_time_s = time.chain_time_s;
    if (ask->prepare != NULL && !ask->prepare(ask->ctx, &intake->view, &fact, &e)) {
        intake_end(intake, &e, true);
        return;
    }
    intake->decision = payment_step(&intake->row.payment, &fact, &intake->engine->rules);
    if (intake->decision.verdict != VERDICT_MOVE) {
        const char *why = intake->decision.reason;
        /* A moment after the start nothing can be held against the chain's time: that passes. */
        bool early = intake->engine->chain_time_s == 0;
        err_set(&e, early ? ERR_CHAIN_AWAY : ERR_STATE, "%s",
                why[0] != '\0' ? why : "nothing to do in this state");
        intake_end(intake, &e, true);
        return;
    }
    if (ask->dry_run)
        intake_try(intake);
    else
        intake_commit(intake);
}

static void intake_load(struct intake *intake)
{
    memset(&intake->row, 0, sizeof intake->row);
    struct db_script *script = payments_by_id(&intake->ask.payment_id);
    requests_find_dispute(script, &intake->ask.payment_id);
    db_query(intake->engine->db, script, intake_loaded, intake);
}

void intake_payment(struct engine *engine, const struct intake_ask *ask)
{
    struct intake *intake = mem_new(sizeof *intake);
    intake->engine = engine;
    intake->ask = *ask;
    intake_load(intake);
}
