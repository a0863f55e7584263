/*
 * The contract call that carries a batch of effects of one kind. Pure but for fixing each escrow's end of
 * custody at its first encoding: from then on a retry never moves it.
 */
#ifndef KUSTODIA_ENGINE_LANE_CALL_H
#define KUSTODIA_ENGINE_LANE_CALL_H

#include "abi/bytes.h"
#include "relayer/base/config.h"
#include "relayer/store/effects.h"

/* Kinds of which one transaction can carry many. */
bool lane_call_is_batchable(enum effect_kind kind);
/* How many of the first n (one kind, oldest first) may go together. */
size_t lane_call_together(const struct effect_row *effects, size_t n);
/* Calldata to `out`, the contract to `to`. False: it does not fit `out`. */
bool lane_call_encode(const struct config *config, int64_t chain_time_s, struct effect_row *effects,
                      size_t n, uint8_t to[20], struct buf *out);

#endif
