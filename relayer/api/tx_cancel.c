/* tx.cancel: a stuck transaction shall be replaced by nothing. The lane does it (engine/lane_replace.c). */
#include <string.h>

#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/check.h"
#include "relayer/store/lane.h"

static bool mined_meanwhile(struct call *call, const char *constraint, int stmt, struct err *e)
{
    (void)call;
    (void)constraint;
    (void)stmt;
    err_set(e, ERR_STATE, "it was mined or replaced meanwhile; tx.list shows what counts now");
    return true;
}

static void tx_found(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    uint8_t hash[32];
    struct err e;
    CHECK(call_hash(call, "tx_hash", hash));
    if (err != NULL) {
        call_fail(call, err);
        return;
    }
    if (db_rows(res, 0) == 0) {
        err_set(&e, ERR_NOT_FOUND, "tx_hash: no transaction of ours has it");
        call_fail(call, &e);
        return;
    }
    const char *state = db_get(res, 0, 0, 0);
    if (call->engine->config->chain_mempool != MEMPOOL_PUBLIC) {
        err_set(&e, ERR_STATE,
                "chain.mempool is none: a sequencer takes or refuses, nothing waits to be"
                " replaced");
        call_fail(call, &e);
        return;
    }
    if (strcmp(state, "armed") != 0 && strcmp(state, "sent") != 0) {
        err_set(&e, ERR_STATE, "it is %s: only what no block holds can be cancelled", state);
        call_fail(call, &e);
        return;
    }
    if (strcmp(db_get(res, 0, 0, 2), "cancel") == 0) {
        err_set(&e, ERR_STATE, "it is itself a cancel, on its way");
        call_fail(call, &e);
        return;
    }
    struct db_script *script = db_script_new();
    lane_ask_cancel(script, hash);
    json_t *answer = json_pack("{s:o, s:I, s:b}", "tx_hash", answer_hex(hash, sizeof hash), "nonce",
                               (json_int_t)db_get_i64(res, 0, 0, 1), "cancelling", 1);
    mutation_commit(call, script, answer, mined_meanwhile);
}

void tx_cancel(struct call *call)
{
    uint8_t hash[32];
    CHECK(call_hash(call, "tx_hash", hash));
    db_query(call->db, lane_find_cancel(hash), tx_found, call);
}
