/* The generated rows of abi/escrow_abi.h and abi/mxnb_abi.h: their hashes are those of their
 * signatures, and names and order of arguments are what escrow.c and mxnb.c were written for. When
 * this fails after a change of the contract, change the .c file first and then the list here. */
#include "abi/escrow.h"
#include "abi/escrow_abi.h"
#include "abi/escrow_admin.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"
#include "abi/mxnb_abi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    uint32_t selector;   /* functions, errors */
    const uint8_t *topic; /* events */
    const char *signature, *named;
};

#define FUNCTION_ROW(id, selector, name, signature, named) {name, selector, NULL, signature, named},
#define ESCROW_EVENT_ROW(id, name, signature, named) \
    {name, 0, (const uint8_t[32])ESCROW_TOPIC_##id, signature, named},
#define MXNB_EVENT_ROW(id, name, signature, named) \
    {name, 0, (const uint8_t[32])MXNB_TOPIC_##id, signature, named},

static const struct row rows[] = {
    ESCROW_FUNCTIONS(FUNCTION_ROW) ESCROW_ERRORS(FUNCTION_ROW) MXNB_FUNCTIONS(FUNCTION_ROW)
        ESCROW_EVENTS(ESCROW_EVENT_ROW) MXNB_EVENTS(MXNB_EVENT_ROW)};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void hashes_are_those_of_the_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t hash[32];
        keccak256(rows[i].signature, strlen(rows[i].signature), hash);
        uint32_t selector = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 |
                            (uint32_t)hash[2] << 8 | hash[3];
        if (rows[i].topic ? memcmp(rows[i].topic, hash, 32) != 0 : rows[i].selector != selector)
            fail_msg("%s: not the hash of its signature", rows[i].signature);
    }
}

#define TERMS "(bytes32 id,uint88 amount,uint40 custodyEnd,bool lock,bytes32 terms)"

/* What escrow.c, escrow_admin.c, escrow_revert.c and mxnb.c assume, written by hand. */
static const char *const assumed[] = {
    /* the calls first, in the order of enum escrow_call_kind */
    "create(" TERMS " t)",
    "createMany(" TERMS "[] ts)",
    "release(bytes32 id)",
    "releaseMany(bytes32[] ids) returns (uint256 released)",
    "dispute(bytes32 id,uint8 party,bytes32 reason)",
    "dismiss(bytes32 id,bytes32 note)",
    "resolveRevert(bytes32 id,bytes32 note)",
    "resolveSplit(bytes32 id,uint88 buyerAmount,bytes32 note)",
    "releaseEarly(bytes32 id)",
    "refundExpired(bytes32 id)",
    "hold(bytes32 id,bytes32 reason)",
    "escrow(bytes32 id) returns ((uint88 amount,uint40 createdAt,uint40 custodyEnd,"
    "uint40 disputedAt,uint8 state,bool lock,uint8 party,uint8 round))",
    "held() returns (uint256)",
    "paused() returns (uint8 bits,uint256 until)",
    "payout() returns (address)",
    "refund() returns (address)",
    "token() returns (address)",
    "funder() returns (address)",
    "defaultAdmin() returns (address)",
    "hasRole(bytes32 role,address account) returns (bool)",
    "idOf(bytes16 payment,uint8 leg) returns (bytes32)",
    "EscrowCreated(bytes32 indexed id,address indexed from,uint256 amount,uint256 custodyEnd,"
    "bool lock,bytes32 terms)",
    "EscrowReleased(bytes32 indexed id,address indexed to,uint256 amount,bool early)",
    "DisputeRaised(bytes32 indexed id,uint8 indexed party,uint256 round,bytes32 reason)",
    "DisputeDismissed(bytes32 indexed id,uint256 round,bytes32 note)",
    "EscrowReverted(bytes32 indexed id,address indexed to,uint256 amount,bytes32 note)",
    "EscrowSplit(bytes32 indexed id,uint256 buyerAmount,uint256 sellerAmount,bytes32 note)",
    "RoleGranted(bytes32 indexed role,address indexed account,address indexed sender)",
    "RoleRevoked(bytes32 indexed role,address indexed account,address indexed sender)",
    "DefaultAdminTransferScheduled(address indexed newAdmin,uint48 acceptSchedule)",
    "DefaultAdminTransferCanceled()",
    "DefaultAdminDelayChangeScheduled(uint48 newDelay,uint48 effectSchedule)",
    "DefaultAdminDelayChangeCanceled()",
    "WalletsProposed(address indexed payout,address indexed refund,uint256 acceptableAt)",
    "WalletsChanged(address indexed payout,address indexed refund)",
    "PauseSet(uint256 bits,uint256 until,address indexed by)",
    "Rescued(address indexed token,address indexed to,uint256 amount)",
    "CustodyRunning(bytes32 id,uint256 custodyEnd,uint256 time)",
    "PausedUntil(uint256 bits,uint256 until)",
    "EscrowExists(bytes32 id,uint8 state)",
    "WrongState(bytes32 id,uint8 state,uint8 required)",
    "NothingPayable(uint256 size)",
    "transfer(address to,uint256 value) returns (bool)",
    "approve(address spender,uint256 value) returns (bool)",
    "balanceOf(address account) returns (uint256)",
    "allowance(address owner,address spender) returns (uint256)",
    "decimals() returns (uint8)",
    "paused() returns (bool)",
    "isBlacklisted(address account) returns (bool)",
    "Transfer(address indexed from,address indexed to,uint256 value)",
};

static void arguments_are_as_assumed(void **state)
{
    (void)state;
    for (size_t a = 0; a < sizeof assumed / sizeof assumed[0]; a++) {
        bool found = false;
        for (size_t i = 0; i < ROWS; i++)
            found = found || strcmp(rows[i].named, assumed[a]) == 0;
        if (!found)
            fail_msg("the contract has no longer: %s", assumed[a]);
    }
}

/* Every error has word-sized arguments only: escrow_revert.c prints one word per argument. */
static void errors_hold_plain_words(void **state)
{
    (void)state;
    static const char *const errors[] = {
#define ERROR_SIGNATURE(id, selector, name, signature, named) signature,
        ESCROW_ERRORS(ERROR_SIGNATURE)
#undef ERROR_SIGNATURE
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        assert_null(strchr(errors[i], '['));
        assert_null(strstr(errors[i], "(("));
        assert_null(strstr(errors[i], "string"));
        assert_null(strstr(errors[i], "bytes,"));
        assert_null(strstr(errors[i], "bytes)"));
    }
}

/* Names shown to people are those of the contract. */
static void names_are_those_of_the_contract(void **state)
{
    (void)state;
    for (int kind = 0; kind < ESCROW_CALL_KINDS; kind++) {
        const char *name = escrow_call_name((enum escrow_call_kind)kind);
        assert_true(strncmp(assumed[kind], name, strlen(name)) == 0);
        assert_int_equal(assumed[kind][strlen(name)], '(');
    }
    for (int kind = 0; kind < ESCROW_EVENT_KINDS; kind++) {
        const char *name = escrow_event_name((enum escrow_event_kind)kind);
        bool found = false;
        for (size_t i = 0; i < ROWS; i++)
            found = found || (rows[i].topic && strcmp(rows[i].name, name) == 0);
        assert_true(found);
    }
    for (int kind = 0; kind < ESCROW_ADMIN_KINDS; kind++) {
        const char *name = escrow_admin_event_name((enum escrow_admin_kind)kind);
        bool found = false;
        for (size_t i = 0; i < ROWS; i++)
            found = found || (rows[i].topic && strcmp(rows[i].name, name) == 0);
        assert_true(found);
    }
    assert_string_equal(mxnb_call_name(MXNB_BALANCE_OF), "balanceOf");
    assert_string_equal(mxnb_call_name(MXNB_DECIMALS_OF), "decimals");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_signatures),
        cmocka_unit_test(arguments_are_as_assumed),
        cmocka_unit_test(errors_hold_plain_words),
        cmocka_unit_test(names_are_those_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
