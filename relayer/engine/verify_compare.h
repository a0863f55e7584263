/*
 * The comparisons of verification, without I/O: what our books say against what the chain said just now.
 * Each comparison is counted in report->checked; each one that fails becomes a difference.
 */
#ifndef KUSTODIA_ENGINE_VERIFY_COMPARE_H
#define KUSTODIA_ENGINE_VERIFY_COMPARE_H

#include "abi/escrow.h"
#include "relayer/chain/answer.h"
#include "relayer/engine/verify.h"
#include "relayer/store/audit.h"

/* Whose logs count as ours. */
struct verify_places {
    uint64_t chain_id;
    uint8_t escrow[20], token[20], bridge[20], juno[20];
};

/* Adds a difference; texts are cut to their fields. */
struct verify_words {
    const char *where, *expected, *found, *hint;
};
void verify_add(struct verify_report *report, const struct verify_words *words);

/* One transaction of the page: receipt, block of the receipt's number now, each log, each effect. */
struct verify_answer {
    const struct chain_receipt *receipt;
    const struct chain_block *block;
};
void verify_compare_tx(struct verify_report *report, const struct verify_places *places,
                       const struct audit_page *page, const struct audit_tx *tx,
                       const struct verify_answer *answer);

/* The terms hash made again from what the rows say now, against the payment's and the escrow's. (The chain's
 * is held against the payment's with its EscrowCreated log.) */
void verify_compare_promise(struct verify_report *report, const struct audit_promise *promise);

/* The contract's present state against what the logs we saw lead to. verify_escrow_agrees decides without
 * writing anything, so that a caller can look again at something that moves. */
bool verify_escrow_agrees(const struct audit_escrow *ours, const struct escrow_view *view);
void verify_compare_escrow(struct verify_report *report, const struct audit_escrow *ours,
                           const struct escrow_view *view);

/* True if some of the n movements (signed) add up to gap exactly. More than VERIFY_SUMS_MAX different sums
 * are not followed: then a gap between the smallest and the largest possible sum counts as explained. */
enum { VERIFY_SUMS_MAX = 16384 };
bool verify_gap_explained(int64_t gap, const int64_t *moves, size_t n);

#endif
