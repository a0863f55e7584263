/*
 * Verification: is what we wrote down what happened? Every claim is derived again from its sources.
 *
 * verify_run takes what the ledger cites as proof (transactions, logs, escrows, Juno's transactions) for one
 * payment, one transaction or everything, asks the node for each receipt and its block again, decodes the
 * logs anew, and compares them with evidence, transaction, effect, escrow, payment and ledger rows, and the
 * contract's present state with what was seen of it. Only what is final by policy is judged; what is still
 * under way is not counted. Nothing is repaired, nothing is written.
 *
 * recon_run compares three books now: ledger, chain and Juno. A gap that movements under way explain exactly
 * is timing, any other is a difference.
 *
 * Memory is bounded: pages of rows, at most VERIFY_CALLS_MAX questions under way, at most
 * VERIFY_DIFFERENCES_MAX differences kept (all are counted). One thread, the loop's.
 */
#ifndef KUSTODIA_ENGINE_VERIFY_H
#define KUSTODIA_ENGINE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/base/uuid.h"

struct engine;

enum {
    VERIFY_DIFFERENCES_MAX = 200,
    VERIFY_CALLS_MAX = 8,
    VERIFY_LOOKS_MAX = 5,    /* at something that moves, before it counts */
    VERIFY_LOOK_AGAIN_MS = 400,
    RECON_ROWS_MAX = 12,
};

/* Exactly one of the three is set. */
struct verify_query {
    bool all;
    bool has_payment;
    struct uuid payment;
    bool has_tx;
    uint8_t tx_hash[32];
};

struct verify_difference {
    char where[96];     /* "tx 0x.. log 3", "payment ..", "account bridge_mxnb" */
    char expected[160]; /* what our books say */
    char found[160];    /* what the source says now */
    char hint[160];     /* what to do next */
};

struct verify_report {
    size_t checked;     /* comparisons made */
    size_t txs;         /* transactions whose receipt and block were fetched again */
    size_t logs;        /* logs decoded anew */
    size_t escrows;     /* escrows whose present state was read from the contract */
    size_t accounts;    /* ledger accounts looked at */
    size_t juno;        /* of Juno's transactions */
    size_t differences_n;   /* all of them, kept or not */
    bool truncated;         /* more than VERIFY_DIFFERENCES_MAX: the rest is counted only */
    struct verify_difference difference[VERIFY_DIFFERENCES_MAX];
    char finality[16];      /* the policy: "latest", "safe", "finalized" */
    uint64_t block_number;  /* newest block final by it; 0 = none yet */
    uint8_t block_hash[32];
};

/* err NULL: the report is complete and lives during the call. Otherwise report is NULL and nothing was
 * concluded: ERR_NOT_FOUND (no such payment or transaction), ERR_AUDIT_EVIDENCE (the transaction is not
 * final yet), ERR_CANCELLED (the daemon is stopping), or the error of the door that did not answer. */
typedef void verify_cb(void *ctx, const struct err *err, const struct verify_report *report);

/* The callback comes exactly once, never before this returns. The engine must live until then. */
void verify_run(struct engine *engine, const struct verify_query *query, verify_cb *cb, void *ctx);

/* One amount in up to three books, in units of 1e-6 MXNB (MXN rows: centavos). */
struct recon_row {
    char name[32];             /* "juno_mxnb", "bridge_mxnb", "escrow_mxnb", ... */
    const char *asset;         /* "MXNB" or "MXN" */
    int64_t ledger_units;      /* posted */
    bool has_chain, has_juno;
    int64_t chain_units, juno_units;
    bool compared;             /* false: shown only */
    int64_t in_flight_units;   /* the gap that movements under way explain; 0 = the books agree */
    size_t in_flight;          /* movements under way that touch this account */
};

struct recon_report {
    size_t rows_n;
    struct recon_row row[RECON_ROWS_MAX];
    size_t differences_n;
    struct verify_difference difference[RECON_ROWS_MAX];
    uint64_t block_number;     /* of the chain's figures */
    uint8_t block_hash[32];
};

typedef void recon_cb(void *ctx, const struct err *err, const struct recon_report *report);

/* The same promises as verify_run. */
void recon_run(struct engine *engine, recon_cb *cb, void *ctx);

#endif
