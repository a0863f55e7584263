/*
 * The runner: takes payments whose time has come, offers them to the pure steps one fact at a time and
 * commits each decision. It never talks to the outside.
 */
#ifndef KUSTODIA_ENGINE_RUNNER_H
#define KUSTODIA_ENGINE_RUNNER_H

#include "relayer/engine/engine.h"

struct runner *runner_new(struct engine *engine);
void runner_kick(struct runner *runner);
void runner_stop(struct runner *runner);
bool runner_idle(const struct runner *runner);
void runner_free(struct runner *runner);

/* The first decision that the facts of this row lead to, and whose effect it is about (-1 = the strand).
 * Pure; VERDICT_NOTHING carries when to look again. The facts' external id and transaction are given
 * back for the timeline. */
struct runner_choice {
    struct decision decision;
    int leg_n;
    const char *external_id;
    const uint8_t *tx_hash;
};
void runner_choose(const struct payment_row *row, const struct fact *time,
                   const struct flow_rules *rules, struct runner_choice *out);

#endif
