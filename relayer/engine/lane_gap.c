/*
 * Nonces that were given up wrongly. A transaction is held lost when its nonce is used and nobody has its
 * receipt; an endpoint that lied, or a block that was taken back, can make that untrue. Then the chain asks
 * for a nonce for which the signer signs nothing but the same call: no new transaction could ever pass. The
 * stored bytes fill it.
 */
#include "relayer/engine/lane_inside.h"

#include "relayer/base/log.h"

static void looked(void *ctx, const struct err *err, struct db_result *res)
{
    struct lane *l = ctx;
    if (err != NULL) {
        lane_database_failed(l, err);
        return;
    }
    bool gap = false;
    int reopened = lane_parse_reopened(res, &gap);
    if (reopened > 0) {
        log_warn("nonce_given_up", "lane=%s: %d transactions were held lost and are not", l->name,
                 reopened);
        lane_again_now(l);
    } else if (gap) {
        engine_alarm(l->engine, "nonce_gap", l->name,
                     "a lost transfer has the next nonce, and its money was ordered anew");
        lane_round_ended(l);
    } else {
        l->gap_then(l);
    }
}

void lane_gap_look(struct lane *l, uint64_t next, void (*then)(struct lane *l))
{
    if (next >= l->nonce_top) {
        then(l);
        return;
    }
    l->gap_then = then;
    struct lane_holder holder = lane_holder_of(l);
    struct db_script *script = db_script_new();
    lane_reopen(script, &holder, next);
    db_run(l->engine->db, script, looked, l);
}
