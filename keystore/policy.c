#include "keystore/policy.h"

#include "keystore/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"

struct refusal_row {
    enum refusal refusal;
    const char *slug, *hint;
};

_Static_assert((int)REFUSAL_FENCE == (int)WIRE_CODE_FENCE, "number on the wire");
_Static_assert((int)REFUSAL_RECORD == (int)WIRE_CODE_RECORD, "number on the wire");
_Static_assert((int)REFUSAL_SIGNATURE == (int)WIRE_CODE_SIGNATURE, "number on the wire");

static const struct refusal_row refusal_rows[] = {
#define X(name, number, slug, hint) {REFUSAL_##name, slug, hint},
#include "keystore/refusal.def"
#undef X
};

static const struct refusal_row *refusal_find(enum refusal refusal)
{
    static const struct refusal_row none = {REFUSAL_NONE, "none", "nothing to do"};
    for (size_t i = 0; i < sizeof refusal_rows / sizeof *refusal_rows; i++) {
        if (refusal_rows[i].refusal == refusal)
            return &refusal_rows[i];
    }
    return &none;
}

const char *refusal_slug(enum refusal refusal)
{
    return refusal_find(refusal)->slug;
}

const char *refusal_hint(enum refusal refusal)
{
    return refusal_find(refusal)->hint;
}

bool policy_refuse(struct policy_verdict *verdict, enum refusal refusal, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    verdict->refusal = refusal;
    // Cutting a long hint is harmless: the slug and the finding come first.
    int n = snprintf(verdict->text, sizeof verdict->text, "%s: %s; ", refusal_slug(refusal), what);
    if (n > 0 && (size_t)n < sizeof verdict->text)
        snprintf(verdict->text + n, sizeof verdict->text - (size_t)n, "%.*s",
                 (int)(sizeof verdict->text - (size_t)n - 1), refusal_hint(refusal));
    return false;
}

static bool address_equal(const uint8_t a[20], const uint8_t b[20])
{
    return memcmp(a, b, 20) == 0;
}

struct address_text {
    char text[HEX_ADDRESS_SIZE];
};

static struct address_text address_text(const uint8_t address[20])
{
    struct address_text out;
    hex_checksum_address(address, out.text);
    return out;
}

// One clause looks at one thing and says what it found. They run in the order of the table below,
// so a clause may rely on what earlier ones checked.
typedef bool policy_clause(const struct policy *policy, struct policy_request *request,
                           struct policy_verdict *verdict);

static bool clause_type(const struct policy *policy, struct policy_request *request,
                        struct policy_verdict *verdict)
{
    (void)policy;
    if (request->tx->type == TX_EIP1559)
        return true;
    return policy_refuse(verdict, REFUSAL_TX_TYPE, "the transaction has type %d",
                         (int)request->tx->type);
}

static bool clause_chain(const struct policy *policy, struct policy_request *request,
                         struct policy_verdict *verdict)
{
    if (request->tx->chain_id == policy->chain_id)
        return true;
    return policy_refuse(verdict, REFUSAL_CHAIN,
                         "the transaction is for chain %" PRIu64 ", this signer for %" PRIu64,
                         request->tx->chain_id, policy->chain_id);
}

static bool clause_destination(const struct policy *policy, struct policy_request *request,
                               struct policy_verdict *verdict)
{
    const struct tx *tx = request->tx;
    if (!tx->has_to)
        return policy_refuse(verdict, REFUSAL_DESTINATION, "the transaction creates a contract");
    request->is_token_call = address_equal(tx->to, policy->token);
    if (request->is_token_call || address_equal(tx->to, policy->escrow))
        return true;
    return policy_refuse(verdict, REFUSAL_DESTINATION, "the transaction calls %s",
                         address_text(tx->to).text);
}

static bool clause_value(const struct policy *policy, struct policy_request *request,
                         struct policy_verdict *verdict)
{
    (void)policy;
    if (u256_is_zero(&request->tx->value))
        return true;
    return policy_refuse(verdict, REFUSAL_VALUE, "the transaction carries ether");
}

static bool clause_access_list(const struct policy *policy, struct policy_request *request,
                               struct policy_verdict *verdict)
{
    (void)policy;
    if (request->tx->access_list.n == 0)
        return true;
    return policy_refuse(verdict, REFUSAL_ACCESS_LIST, "the access list is not empty");
}

static bool clause_gas(const struct policy *policy, struct policy_request *request,
                       struct policy_verdict *verdict)
{
    if (request->tx->gas_limit <= policy->max_gas)
        return true;
    return policy_refuse(verdict, REFUSAL_GAS_LIMIT,
                         "the gas limit is %" PRIu64 ", allowed are %" PRIu64,
                         request->tx->gas_limit, policy->max_gas);
}

static bool fee_check(const struct u256 *asked, const struct u256 *allowed, const char *name,
                      enum refusal refusal, struct policy_verdict *verdict)
{
    if (u256_cmp(asked, allowed) <= 0)
        return true;
    char asked_text[U256_DEC_SIZE], allowed_text[U256_DEC_SIZE];
    u256_to_dec(asked, asked_text);
    u256_to_dec(allowed, allowed_text);
    return policy_refuse(verdict, refusal, "the %s is %.40s wei, allowed are %.40s", name,
                         asked_text, allowed_text);
}

static bool clause_fee(const struct policy *policy, struct policy_request *request,
                       struct policy_verdict *verdict)
{
    return fee_check(&request->tx->max_fee, &policy->max_fee_wei, "fee cap", REFUSAL_FEE, verdict);
}

static bool clause_priority_fee(const struct policy *policy, struct policy_request *request,
                                struct policy_verdict *verdict)
{
    return fee_check(&request->tx->max_priority_fee, &policy->max_priority_fee_wei, "priority fee",
                     REFUSAL_PRIORITY_FEE, verdict);
}

static bool clause_call(const struct policy *policy, struct policy_request *request,
                        struct policy_verdict *verdict)
{
    (void)policy;
    struct bytes data = request->tx->data;
    if (request->is_token_call ? mxnb_call_decode(data, &request->token)
                               : escrow_call_decode(data, &request->escrow))
        return true;
    char selector[9] = "";
    hex_encode(data.p, data.n < 4 ? data.n : 4, selector);
    return policy_refuse(verdict, REFUSAL_CALL,
                         "selector 0x%s with %zu bytes of calldata to the %s", selector,
                         data.n, request->is_token_call ? "token" : "escrow");
}

// 0: nobody. Both contracts have calls that change nothing; those need no signature either.
static enum wire_role escrow_call_role(enum escrow_call_kind kind)
{
    switch (kind) {
    case ESCROW_CREATE:
    case ESCROW_CREATE_MANY:
    case ESCROW_RELEASE:
    case ESCROW_RELEASE_MANY:
    case ESCROW_DISPUTE:
    case ESCROW_REFUND_EXPIRED:
        return WIRE_ROLE_RELAYER;
    case ESCROW_DISMISS:
    case ESCROW_RESOLVE_REVERT:
    case ESCROW_RESOLVE_SPLIT:
    case ESCROW_RELEASE_EARLY:
    case ESCROW_HOLD:
        return WIRE_ROLE_ARBITER;
    }
    return 0;
}

static enum wire_role token_call_role(enum mxnb_call_kind kind)
{
    switch (kind) {
    case MXNB_TRANSFER:
    case MXNB_APPROVE:
        return WIRE_ROLE_RELAYER;
    case MXNB_BALANCE_OF:
    case MXNB_ALLOWANCE:
    case MXNB_DECIMALS_OF:
    case MXNB_PAUSED:
    case MXNB_IS_BLACKLISTED:
        return 0;
    }
    return 0;
}

static bool clause_role(const struct policy *policy, struct policy_request *request,
                        struct policy_verdict *verdict)
{
    (void)policy;
    enum wire_role asker =
        request->role == WIRE_ROLE_POOL ? WIRE_ROLE_RELAYER : request->role;
    enum wire_role owner = request->is_token_call ? token_call_role(request->token.kind)
                                                  : escrow_call_role(request->escrow.kind);
    if (owner == asker)
        return true;
    return policy_refuse(verdict, REFUSAL_ROLE, "%s.%s is not for the %s key",
                         request->is_token_call ? "token" : "escrow",
                         request->is_token_call ? mxnb_call_name(request->token.kind)
                                                : escrow_call_name(request->escrow.kind),
                         wire_role_name(request->role));
}

// More keys for more transactions, not for more ways out: what a pool key may do at worst is a true
// call of the escrow.
static bool clause_pool(const struct policy *policy, struct policy_request *request,
                        struct policy_verdict *verdict)
{
    (void)policy;
    if (request->role != WIRE_ROLE_POOL || !request->is_token_call)
        return true;
    return policy_refuse(verdict, REFUSAL_POOL, "token.%s is not for a pool key",
                         mxnb_call_name(request->token.kind));
}

static bool is_deposit_address(const struct policy *policy, const uint8_t address[20])
{
    for (size_t i = 0; i < policy->deposits_n; i++) {
        if (address_equal(policy->deposits[i], address))
            return true;
    }
    return false;
}

static bool clause_recipient(const struct policy *policy, struct policy_request *request,
                             struct policy_verdict *verdict)
{
    const struct mxnb_call *call = &request->token;
    if (!request->is_token_call)
        return true; // the escrow's destinations are fixed in the contract
    if (call->kind == MXNB_TRANSFER && !is_deposit_address(policy, call->to))
        return policy_refuse(verdict, REFUSAL_RECIPIENT,
                             "transfer to %s, which is no Juno deposit address",
                             address_text(call->to).text);
    if (call->kind == MXNB_APPROVE && !address_equal(call->to, policy->escrow))
        return policy_refuse(verdict, REFUSAL_RECIPIENT, "approve for %s, which is not the escrow",
                             address_text(call->to).text);
    return true;
}

static bool clause_allowance(const struct policy *policy, struct policy_request *request,
                             struct policy_verdict *verdict)
{
    const struct mxnb_call *call = &request->token;
    if (!request->is_token_call || call->kind != MXNB_APPROVE ||
        call->amount_units <= policy->max_allowance_units)
        return true;
    return policy_refuse(verdict, REFUSAL_ALLOWANCE,
                         "the allowance is %" PRIu64 " units, allowed are %" PRIu64,
                         call->amount_units, policy->max_allowance_units);
}

// False when the amounts of a batch leave 64 bits.
static bool escrow_call_units(const struct escrow_call *call, uint64_t *units)
{
    *units = 0;
    switch (call->kind) {
    case ESCROW_CREATE:
    case ESCROW_CREATE_MANY:
        for (size_t i = 0; i < call->n; i++) {
            if (__builtin_add_overflow(*units, call->terms[i].amount_units, units))
                return false;
        }
        return true;
    case ESCROW_RESOLVE_SPLIT:
        *units = call->buyer_units;
        return true;
    case ESCROW_RELEASE:
    case ESCROW_RELEASE_MANY:
    case ESCROW_DISPUTE:
    case ESCROW_DISMISS:
    case ESCROW_RESOLVE_REVERT:
    case ESCROW_RELEASE_EARLY:
    case ESCROW_REFUND_EXPIRED:
    case ESCROW_HOLD:
        return true;
    }
    return false;
}

static bool clause_units(const struct policy *policy, struct policy_request *request,
                         struct policy_verdict *verdict)
{
    bool fits = true;
    request->units = 0;
    if (!request->is_token_call)
        fits = escrow_call_units(&request->escrow, &request->units);
    else if (request->token.kind == MXNB_TRANSFER)
        request->units = request->token.amount_units;
    if (!fits)
        return policy_refuse(verdict, REFUSAL_TX_UNITS, "the amounts together leave 64 bits");
    if (request->units <= policy->max_tx_units)
        return true;
    return policy_refuse(verdict, REFUSAL_TX_UNITS,
                         "the transaction moves %" PRIu64 " units, allowed are %" PRIu64,
                         request->units, policy->max_tx_units);
}

static policy_clause *const clauses[] = {
    clause_type,         clause_chain,     clause_destination, clause_value,
    clause_access_list,  clause_gas,       clause_fee,         clause_priority_fee,
    clause_call,         clause_role,      clause_pool,        clause_recipient,
    clause_allowance,    clause_units,
};

bool policy_is_cancel(const struct tx *tx, const uint8_t own[20])
{
    return tx->has_to && address_equal(tx->to, own) && u256_is_zero(&tx->value) &&
           tx->data.n == 0 && tx->access_list.n == 0;
}

bool policy_judge_cancel(const struct policy *policy, const struct tx *tx,
                         struct policy_verdict *verdict)
{
    static policy_clause *const priced[] = {clause_type, clause_chain, clause_gas, clause_fee,
                                            clause_priority_fee};
    struct policy_request request = {.tx = tx};
    for (size_t i = 0; i < sizeof priced / sizeof *priced; i++) {
        if (!priced[i](policy, &request, verdict))
            return false;
    }
    verdict->refusal = REFUSAL_NONE;
    verdict->text[0] = '\0';
    return true;
}

bool policy_judge(const struct policy *policy, enum wire_role role, const struct tx *tx,
                  struct policy_request *request, struct policy_verdict *verdict)
{
    request->role = role;
    request->tx = tx;
    request->units = 0;
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++) {
        if (!clauses[i](policy, request, verdict))
            return false;
    }
    verdict->refusal = REFUSAL_NONE;
    verdict->text[0] = '\0';
    return true;
}
