/* Errors of the escrow contract and of the token below it: one table of what the sender should do
 * about each, and their names and values in words. */
#include "abi/escrow.h"

#include "abi/codec.h"
#include "abi/escrow_abi.h"
#include "abi/hex.h"

#include <stdio.h>
#include <string.h>

static const struct error_row {
    uint32_t selector;
    const char *name, *named; /* named: "CustodyRunning(bytes32 id,uint256 custodyEnd,...)" */
} errors[] = {
#define ERROR_ROW(id, selector, name, signature, named) {selector, name, named},
    ESCROW_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error_row *find_error(uint32_t selector)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].selector == selector)
            return &errors[i];
    }
    return NULL;
}

const char *escrow_error_name(struct bytes revert_data)
{
    struct codec c = codec_reader(revert_data);
    uint32_t selector = codec_get_selector(&c);
    const struct error_row *row = c.bad ? NULL : find_error(selector);
    return row ? row->name : NULL;
}

/* Text of bounded size: what does not fit is cut. */
struct text {
    char *p;
    size_t n, cap;
};

static void text_add(struct text *t, const char *from, size_t n)
{
    size_t room = t->cap - 1 - t->n;
    if (n > room)
        n = room;
    memcpy(t->p + t->n, from, n);
    t->n += n;
    t->p[t->n] = 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One argument; every type the errors use is one word. */
static void text_add_word(struct text *t, const char *type, const uint8_t word[32])
{
    char shown[U256_DEC_SIZE]; /* 0x and 64 digits fit too */
    if (starts_with(type, "address")) {
        hex_checksum_address(word + 12, shown);
    } else if (starts_with(type, "uint")) {
        struct u256 number;
        memcpy(number.be, word, sizeof number.be);
        u256_to_dec(&number, shown);
    } else {
        hex_encode_0x(word, 32, shown);
    }
    text_add(t, shown, strlen(shown));
}

/* "CustodyRunning id=0x.. custodyEnd=1790000000 time=1789999000" */
static void text_add_error(struct text *t, const struct error_row *row, struct codec *c)
{
    text_add(t, row->name, strlen(row->name));
    const char *argument = strchr(row->named, '(') + 1;
    while (*argument != ')') {
        const char *name = strchr(argument, ' ') + 1;
        size_t name_n = strcspn(name, ",)");
        uint8_t word[32];
        codec_get_bytes32(c, word);
        text_add(t, " ", 1);
        text_add(t, name, name_n);
        text_add(t, "=", 1);
        text_add_word(t, argument, word);
        argument = name + name_n;
        argument += *argument == ',';
    }
}

/* The one table. The sender of the relayer's and the arbiter's calls reads it after a dry run:
 * RETRY   the same call succeeds by itself once its time has come, or once money has arrived
 * DONE    the id, or the authorization made for it, was used: escrow(id) says by what
 * ALARM   a role, a setting, a token or a program is not as it should be; waiting mends nothing */
const struct escrow_revert_row escrow_revert_rows[] = {
    {ESCROW_ERROR_CUSTODY_RUNNING, "CustodyRunning", REVERT_RETRY}, /* custody ends by itself */
    {ESCROW_ERROR_PAUSED_UNTIL, "PausedUntil", REVERT_RETRY}, /* seven days at most */
    {ESCROW_ERROR_ESCROW_EXISTS, "EscrowExists", REVERT_DONE}, /* perhaps our own earlier create */
    {ESCROW_ERROR_WRONG_STATE, "WrongState", REVERT_DONE}, /* perhaps our own earlier call */
    /* each of the batch is paid, disputed or early: read them all */
    {ESCROW_ERROR_NOTHING_PAYABLE, "NothingPayable", REVERT_DONE},
    /* what was asked for is wrong: the program that built the call is */
    {ESCROW_ERROR_AMOUNT_ZERO, "AmountZero", REVERT_ALARM},
    {ESCROW_ERROR_BATCH_SIZE, "BatchSize", REVERT_ALARM},
    {ESCROW_ERROR_END_OUT_OF_RANGE, "EndOutOfRange", REVERT_ALARM},
    {ESCROW_ERROR_ID_ZERO, "IdZero", REVERT_ALARM},
    {ESCROW_ERROR_IS_A_LOCK, "IsALock", REVERT_ALARM},
    {ESCROW_ERROR_NOT_A_LOCK, "NotALock", REVERT_ALARM},
    {ESCROW_ERROR_PARTY_INVALID, "PartyInvalid", REVERT_ALARM},
    {ESCROW_ERROR_SAFE_CAST_OVERFLOWED_UINT_DOWNCAST, "SafeCastOverflowedUintDowncast",
     REVERT_ALARM},
    {ESCROW_ERROR_SPLIT_OUT_OF_RANGE, "SplitOutOfRange", REVERT_ALARM},
    /* too late, and it never becomes earlier */
    {ESCROW_ERROR_CUSTODY_ENDED, "CustodyEnded", REVERT_ALARM},
    {ESCROW_ERROR_TOO_MANY_ROUNDS, "TooManyRounds", REVERT_ALARM},
    /* the token gives less than it says, refuses without a word, or calls back */
    {ESCROW_ERROR_INFLOW_SHORT, "InflowShort", REVERT_ALARM},
    {ESCROW_ERROR_SAFE_ERC20_FAILED_OPERATION, "SafeERC20FailedOperation", REVERT_ALARM},
    {ESCROW_ERROR_REENTRANCY_GUARD_REENTRANT_CALL, "ReentrancyGuardReentrantCall", REVERT_ALARM},
    /* a key without its role, or with one it must not have */
    {ESCROW_ERROR_ACCESS_CONTROL_UNAUTHORIZED_ACCOUNT, "AccessControlUnauthorizedAccount",
     REVERT_ALARM},
    {ESCROW_ERROR_ROLE_CONFLICT, "RoleConflict", REVERT_ALARM},
    /* of calls and of a constructor that only the admin and the guardian run: never ours */
    {ESCROW_ERROR_ACCESS_CONTROL_BAD_CONFIRMATION, "AccessControlBadConfirmation", REVERT_ALARM},
    {ESCROW_ERROR_ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_DELAY,
     "AccessControlEnforcedDefaultAdminDelay", REVERT_ALARM},
    {ESCROW_ERROR_ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_RULES,
     "AccessControlEnforcedDefaultAdminRules", REVERT_ALARM},
    {ESCROW_ERROR_ACCESS_CONTROL_INVALID_DEFAULT_ADMIN, "AccessControlInvalidDefaultAdmin",
     REVERT_ALARM},
    {ESCROW_ERROR_ADMIN_REQUIRED, "AdminRequired", REVERT_ALARM},
    {ESCROW_ERROR_FUNDER_INVALID, "FunderInvalid", REVERT_ALARM},
    {ESCROW_ERROR_PAUSE_BITS_INVALID, "PauseBitsInvalid", REVERT_ALARM},
    {ESCROW_ERROR_RESCUE_ABOVE_SURPLUS, "RescueAboveSurplus", REVERT_ALARM},
    {ESCROW_ERROR_TOKEN_INVALID, "TokenInvalid", REVERT_ALARM},
    {ESCROW_ERROR_WALLET_INVALID, "WalletInvalid", REVERT_ALARM},
    {ESCROW_ERROR_WALLETS_NOT_PROPOSED, "WalletsNotProposed", REVERT_ALARM},
    {ESCROW_ERROR_WALLETS_TOO_EARLY, "WalletsTooEarly", REVERT_ALARM},
    {ESCROW_ERROR_WALLETS_TOO_LATE, "WalletsTooLate", REVERT_ALARM},

    /* FiatToken v2.2 (circlefin/stablecoin-evm), the token below */
    /* its pause ends, its money and its allowance arrive */
    {0, "Pausable: paused", REVERT_RETRY},
    {0, "ERC20: transfer amount exceeds balance", REVERT_RETRY},
    {0, "ERC20: transfer amount exceeds allowance", REVERT_RETRY},
    {0, "FiatTokenV2: authorization is not yet valid", REVERT_RETRY},
    /* the authorization's nonce is the hash of the terms: perhaps our own earlier create */
    {0, "FiatTokenV2: authorization is used or canceled", REVERT_DONE},
    /* an account is blocked: by the issuer, until it says otherwise */
    {0, "Blacklistable: account is blacklisted", REVERT_ALARM},
    {0, "FiatTokenV2_2: Account is blacklisted", REVERT_ALARM},
    /* an authorization or a permit that will never be good */
    {0, "FiatTokenV2: authorization is expired", REVERT_ALARM},
    {0, "FiatTokenV2: caller must be the payee", REVERT_ALARM},
    {0, "FiatTokenV2: invalid signature", REVERT_ALARM},
    {0, "FiatTokenV2: permit is expired", REVERT_ALARM},
    {0, "EIP2612: invalid signature", REVERT_ALARM},
    /* arguments no call of ours has */
    {0, "ERC20: transfer from the zero address", REVERT_ALARM},
    {0, "ERC20: transfer to the zero address", REVERT_ALARM},
    {0, "ERC20: approve from the zero address", REVERT_ALARM},
    {0, "ERC20: approve to the zero address", REVERT_ALARM},
    {0, "ERC20: decreased allowance below zero", REVERT_ALARM},
    {0, "FiatTokenV2_2: Balance exceeds (2^255 - 1)", REVERT_ALARM},
    {0, "SafeMath: addition overflow", REVERT_ALARM},
    {0, "SafeMath: subtraction overflow", REVERT_ALARM},
    /* of the issuer's own calls */
    {0, "FiatToken: caller is not a minter", REVERT_ALARM},
    {0, "FiatToken: caller is not the masterMinter", REVERT_ALARM},
    {0, "FiatToken: mint to the zero address", REVERT_ALARM},
    {0, "FiatToken: mint amount not greater than 0", REVERT_ALARM},
    {0, "FiatToken: mint amount exceeds minterAllowance", REVERT_ALARM},
    {0, "FiatToken: burn amount not greater than 0", REVERT_ALARM},
    {0, "FiatToken: burn amount exceeds balance", REVERT_ALARM},
    {0, "FiatToken: new masterMinter is the zero address", REVERT_ALARM},
    {0, "Pausable: caller is not the pauser", REVERT_ALARM},
    {0, "Pausable: new pauser is the zero address", REVERT_ALARM},
    {0, "Blacklistable: caller is not the blacklister", REVERT_ALARM},
    {0, "Blacklistable: new blacklister is the zero address", REVERT_ALARM},
    {0, "Ownable: caller is not the owner", REVERT_ALARM},
    {0, "Ownable: new owner is the zero address", REVERT_ALARM},
    {0, "Rescuable: caller is not the rescuer", REVERT_ALARM},
    {0, "Rescuable: new rescuer is the zero address", REVERT_ALARM},
    {0, "FiatToken: new pauser is the zero address", REVERT_ALARM},
    {0, "FiatToken: new blacklister is the zero address", REVERT_ALARM},
    {0, "FiatToken: new owner is the zero address", REVERT_ALARM},
    {0, "FiatToken: contract is already initialized", REVERT_ALARM},
    {0, "FiatTokenV2_2: Blacklisting previously unblacklisted account!", REVERT_ALARM},
    {0, "SafeERC20: low-level call failed", REVERT_ALARM},
    {0, "SafeERC20: ERC20 operation did not succeed", REVERT_ALARM},
    /* of the proxy in front of the token */
    {0, "Cannot call fallback function from the proxy admin", REVERT_ALARM},
    {0, "Cannot change the admin of a proxy to the zero address", REVERT_ALARM},
    {0, "Cannot set a proxy implementation to a non-contract address", REVERT_ALARM},
};
const size_t escrow_revert_rows_n = sizeof escrow_revert_rows / sizeof escrow_revert_rows[0];

static enum revert_class class_of(uint32_t selector, const char *says)
{
    for (size_t i = 0; i < escrow_revert_rows_n; i++) {
        const struct escrow_revert_row *row = &escrow_revert_rows[i];
        if (row->selector == selector && strcmp(row->says, says) == 0)
            return row->class;
    }
    return REVERT_ALARM;
}

static enum revert_class classify_custom(struct bytes revert_data, char *text, size_t cap)
{
    struct codec c = codec_reader(revert_data);
    uint32_t selector = codec_get_selector(&c);
    const struct error_row *row = find_error(selector);
    struct text t = {text, 0, cap};
    if (!row) {
        snprintf(text, cap, "an unknown error 0x%08x", (unsigned)selector);
        return REVERT_ALARM;
    }
    text_add_error(&t, row, &c);
    if (codec_done(&c))
        return class_of(selector, row->name);
    snprintf(text, cap, "%s with damaged values", row->name);
    return REVERT_ALARM;
}

enum revert_class escrow_revert_classify(struct bytes revert_data, char *text, size_t cap)
{
    char reason[128];
    switch (codec_revert_decode(revert_data, reason, sizeof reason)) {
    case CODEC_REVERT_EMPTY:
        snprintf(text, cap, "reverted without a reason");
        return REVERT_ALARM;
    case CODEC_REVERT_ERROR:
        snprintf(text, cap, "%s", reason);
        return class_of(0, reason);
    case CODEC_REVERT_PANIC:
        snprintf(text, cap, "Panic %s", reason);
        return REVERT_ALARM;
    case CODEC_REVERT_CUSTOM:
        return classify_custom(revert_data, text, cap);
    case CODEC_REVERT_BROKEN:
        snprintf(text, cap, "reverted with damaged data");
        return REVERT_ALARM;
    }
    return REVERT_ALARM;
}
