// What may be signed: deny by default. Pure: a decoded transaction, a role and the settings in, a
// verdict out. Amounts already spent today and earlier nonces are the record's matter (record.h).
//
//   relayer: escrow create, createMany, release, releaseMany, dispute, refundExpired;
//            token transfer to a Juno deposit address, approve for the escrow.
//   pool:    the relayer's calls of the escrow, none of the token.
//   arbiter: escrow dismiss, resolveRevert, resolveSplit, releaseEarly, hold.
//
// Amounts are token units (1e-6 MXNB), fees wei per gas.
#ifndef KEYSTORE_POLICY_H
#define KEYSTORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/escrow.h"
#include "abi/mxnb.h"
#include "abi/tx.h"
#include "keystore/wire.h"

enum refusal {
    REFUSAL_NONE = 0,
#define X(name, number, slug, hint) REFUSAL_##name = number,
#include "keystore/refusal.def"
#undef X
};

// "slug" and the hint of refusal.def; never NULL.
const char *refusal_slug(enum refusal refusal);
const char *refusal_hint(enum refusal refusal);

enum { POLICY_DEPOSITS_MAX = 16 };

struct policy {
    uint64_t chain_id;
    uint8_t escrow[20], token[20];
    uint8_t deposits[POLICY_DEPOSITS_MAX][20]; // Juno deposit addresses
    size_t deposits_n;
    uint64_t max_gas;
    struct u256 max_fee_wei, max_priority_fee_wei;
    uint64_t max_tx_units;        // tokens one transaction may move
    uint64_t max_day_units;       // tokens all keys of a role together may move in a UTC day
    uint64_t max_allowance_units; // allowance the escrow may be given
};

// A transaction and what its calldata says. Large (about 24 KiB): keep it static.
struct policy_request {
    enum wire_role role;
    const struct tx *tx;
    bool is_token_call;        // which of the two below was decoded
    struct escrow_call escrow;
    struct mxnb_call token;
    uint64_t units;            // tokens it moves, as far as the calldata tells; see policy_judge
};

struct policy_verdict {
    enum refusal refusal; // REFUSAL_NONE: allowed
    char text[WIRE_TEXT_MAX + 1];
};

// Judges one transaction. `request` is scratch and receives the decoded call. True when allowed;
// then request->units is what counts against the day: the sum of amounts created or transferred,
// the buyer's share of a split. Calls that name only an escrow id count 0: where those tokens go is
// fixed in the contract, and how many is not in the calldata.
bool policy_judge(const struct policy *policy, enum wire_role role, const struct tx *tx,
                  struct policy_request *request, struct policy_verdict *verdict);

// A cancel: a transfer of nothing to the key's own address, which takes the place of a call that
// was signed for its nonce before (record_claim with `cancels`). It moves no token and calls no
// contract, so only chain, type, gas and fees are judged.
bool policy_is_cancel(const struct tx *tx, const uint8_t own[20]);
bool policy_judge_cancel(const struct policy *policy, const struct tx *tx,
                         struct policy_verdict *verdict);

// Fills a verdict: "slug: text; hint", cut to its size. Always false.
bool policy_refuse(struct policy_verdict *verdict, enum refusal refusal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
