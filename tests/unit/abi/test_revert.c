/* What a revert asks of the sender: every error the compiler knows has its row, and every row its
 * expectation here, written by hand with the reason. */
#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/escrow_abi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 8 };

static const struct {
    const char *says;
    enum revert_class class;
    const char *why;
} expected[] = {
    {"CustodyRunning", REVERT_RETRY, "the chain's time passes the end of custody by itself"},
    {"PausedUntil", REVERT_RETRY, "a pause of the escrow ends by itself, at the latest in a week"},
    {"EscrowExists", REVERT_DONE,
     "the id was created before: by us, unless the log says otherwise"},
    {"WrongState", REVERT_DONE, "the escrow has moved on: by us, unless the log says otherwise"},
    {"NothingPayable", REVERT_DONE, "every escrow of the batch has moved on or is not due"},
    {"AmountZero", REVERT_ALARM, "we asked to lock nothing"},
    {"BatchSize", REVERT_ALARM, "we asked for none or for more than 500"},
    {"EndOutOfRange", REVERT_ALARM, "an end in the past or in three years: a wrong clock or unit"},
    {"IdZero", REVERT_ALARM, "the id was not computed"},
    {"IsALock", REVERT_ALARM, "we lock custody only: the id is somebody else's"},
    {"NotALock", REVERT_ALARM, "we refund no locks: the call is not ours"},
    {"PartyInvalid", REVERT_ALARM, "a dispute is raised by the buyer or the seller only"},
    {"SafeCastOverflowedUintDowncast", REVERT_ALARM, "a number that does not fit its field"},
    {"SplitOutOfRange", REVERT_ALARM, "a split needs two parts greater than zero"},
    {"CustodyEnded", REVERT_ALARM, "too late for a dispute or an early release, and it stays so"},
    {"TooManyRounds", REVERT_ALARM, "no fourth dispute of a party: waiting gives none"},
    {"InflowShort", REVERT_ALARM, "the token takes a fee: every further lock loses money"},
    {"SafeERC20FailedOperation", REVERT_ALARM, "the token says no without a reason"},
    {"ReentrancyGuardReentrantCall", REVERT_ALARM, "the token calls back: it was changed"},
    {"AccessControlUnauthorizedAccount", REVERT_ALARM, "our key lost its role"},
    {"RoleConflict", REVERT_ALARM, "only who grants roles meets it"},
    {"AccessControlBadConfirmation", REVERT_ALARM, "only who renounces a role meets it"},
    {"AccessControlEnforcedDefaultAdminDelay", REVERT_ALARM, "only the next admin meets it"},
    {"AccessControlEnforcedDefaultAdminRules", REVERT_ALARM, "only the admin meets it"},
    {"AccessControlInvalidDefaultAdmin", REVERT_ALARM, "only a wrong next admin meets it"},
    {"FunderInvalid", REVERT_ALARM, "only a deployment meets it"},
    {"PauseBitsInvalid", REVERT_ALARM, "only the guardian meets it"},
    {"RescueAboveSurplus", REVERT_ALARM, "only the admin meets it"},
    {"TokenInvalid", REVERT_ALARM, "only a deployment meets it"},
    {"WalletInvalid", REVERT_ALARM, "only the admin or a deployment meets it"},
    {"WalletsNotProposed", REVERT_ALARM, "only the admin meets it"},
    {"WalletsTooEarly", REVERT_ALARM, "only the admin meets it, and we never send it"},
    {"WalletsTooLate", REVERT_ALARM, "only the admin meets it: it has to propose again"},
    {"AdminRequired", REVERT_ALARM, "only the admin meets it"},

    {"Pausable: paused", REVERT_RETRY, "the issuer ends its pause"},
    {"ERC20: transfer amount exceeds balance", REVERT_RETRY,
     "the money is on its way to the bridge"},
    {"ERC20: transfer amount exceeds allowance", REVERT_RETRY,
     "the lane grants the allowance anew"},
    {"FiatTokenV2: authorization is not yet valid", REVERT_RETRY, "its time comes"},
    {"FiatTokenV2: authorization is used or canceled", REVERT_DONE,
     "its nonce is the hash of the terms: the escrow it was for says whether we did it"},
    {"Blacklistable: account is blacklisted", REVERT_ALARM, "the issuer blocks escrow or wallet"},
    {"FiatTokenV2_2: Account is blacklisted", REVERT_ALARM, "the same, found at the balance"},
    {"FiatTokenV2: authorization is expired", REVERT_ALARM, "a new one must be signed"},
    {"FiatTokenV2: caller must be the payee", REVERT_ALARM, "signed for another escrow contract"},
    {"FiatTokenV2: invalid signature", REVERT_ALARM, "not the funder's key, or other terms"},
    {"FiatTokenV2: permit is expired", REVERT_ALARM, "a new one must be signed"},
    {"EIP2612: invalid signature", REVERT_ALARM, "not the owner's key"},
    {"ERC20: transfer from the zero address", REVERT_ALARM, "no call of ours has it"},
    {"ERC20: transfer to the zero address", REVERT_ALARM, "no call of ours has it"},
    {"ERC20: approve from the zero address", REVERT_ALARM, "no call of ours has it"},
    {"ERC20: approve to the zero address", REVERT_ALARM, "no call of ours has it"},
    {"ERC20: decreased allowance below zero", REVERT_ALARM, "no call of ours has it"},
    {"FiatTokenV2_2: Balance exceeds (2^255 - 1)", REVERT_ALARM, "more money than there is"},
    {"FiatToken: caller is not a minter", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: caller is not the masterMinter", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: mint to the zero address", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: mint amount not greater than 0", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: mint amount exceeds minterAllowance", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: burn amount not greater than 0", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: burn amount exceeds balance", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: new masterMinter is the zero address", REVERT_ALARM, "the issuer's call"},
    {"Pausable: caller is not the pauser", REVERT_ALARM, "the issuer's call"},
    {"Pausable: new pauser is the zero address", REVERT_ALARM, "the issuer's call"},
    {"Blacklistable: caller is not the blacklister", REVERT_ALARM, "the issuer's call"},
    {"Blacklistable: new blacklister is the zero address", REVERT_ALARM, "the issuer's call"},
    {"Ownable: caller is not the owner", REVERT_ALARM, "the issuer's call"},
    {"Ownable: new owner is the zero address", REVERT_ALARM, "the issuer's call"},
    {"Rescuable: caller is not the rescuer", REVERT_ALARM, "the issuer's call"},
    {"Rescuable: new rescuer is the zero address", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: new pauser is the zero address", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: new blacklister is the zero address", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: new owner is the zero address", REVERT_ALARM, "the issuer's call"},
    {"FiatToken: contract is already initialized", REVERT_ALARM, "the issuer's call"},
    {"FiatTokenV2_2: Blacklisting previously unblacklisted account!", REVERT_ALARM,
     "the issuer's call"},
    {"SafeERC20: low-level call failed", REVERT_ALARM, "the issuer's call"},
    {"SafeERC20: ERC20 operation did not succeed", REVERT_ALARM, "the issuer's call"},
    {"SafeMath: addition overflow", REVERT_ALARM, "a sum that no call of ours reaches"},
    {"SafeMath: subtraction overflow", REVERT_ALARM, "a sum that no call of ours reaches"},
    {"Cannot call fallback function from the proxy admin", REVERT_ALARM,
     "the funder became the token's proxy admin"},
    {"Cannot change the admin of a proxy to the zero address", REVERT_ALARM, "the issuer's call"},
    {"Cannot set a proxy implementation to a non-contract address", REVERT_ALARM,
     "the issuer's call"},
};
enum { EXPECTED = sizeof expected / sizeof expected[0] };

static const struct {
    uint32_t selector;
    const char *name, *signature;
} errors[] = {
#define ERROR_ROW(id, selector, name, signature, named) {selector, name, signature},
    ESCROW_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};
enum { ERRORS = sizeof errors / sizeof errors[0] };

static const struct escrow_revert_row *row_of(uint32_t selector, const char *says)
{
    const struct escrow_revert_row *found = NULL;
    for (size_t i = 0; i < escrow_revert_rows_n; i++) {
        const struct escrow_revert_row *row = &escrow_revert_rows[i];
        if (row->selector != selector || strcmp(row->says, says) != 0)
            continue;
        assert_null(found); /* one row each */
        found = row;
    }
    return found;
}

static void every_error_of_the_compiler_has_a_row(void **state)
{
    (void)state;
    size_t custom = 0;
    for (size_t i = 0; i < ERRORS; i++)
        if (row_of(errors[i].selector, errors[i].name) == NULL)
            fail_msg("%s has no row in abi/escrow_revert.c", errors[i].signature);
    for (size_t i = 0; i < escrow_revert_rows_n; i++)
        custom += escrow_revert_rows[i].selector != 0;
    assert_int_equal(custom, ERRORS); /* and no row is of an error that is gone */
}

static void every_row_has_an_expectation(void **state)
{
    (void)state;
    for (size_t i = 0; i < escrow_revert_rows_n; i++) {
        size_t times = 0;
        for (size_t e = 0; e < EXPECTED; e++)
            times += strcmp(expected[e].says, escrow_revert_rows[i].says) == 0;
        if (times != 1)
            fail_msg("%s: %zu expectations", escrow_revert_rows[i].says, times);
    }
    assert_int_equal(EXPECTED, escrow_revert_rows_n);
}

static enum revert_class classify_error(size_t at)
{
    uint8_t mem[4 + 32 * WORDS_MAX];
    char text[512];
    struct buf out;
    size_t words = strchr(errors[at].signature, ')') > strchr(errors[at].signature, '(') + 1;
    for (const char *c = errors[at].signature; words > 0 && *c != '\0'; c++)
        words += *c == ',';
    assert_true(words <= WORDS_MAX);
    buf_init(&out, mem, sizeof mem);
    codec_put_selector(&out, errors[at].selector);
    for (size_t i = 0; i < words; i++)
        codec_put_u64(&out, i + 1);
    return escrow_revert_classify(buf_bytes(&out), text, sizeof text);
}

static enum revert_class classify_text(const char *says)
{
    uint8_t mem[512];
    char text[128];
    struct buf out;
    buf_init(&out, mem, sizeof mem);
    codec_put_selector(&out, 0x08c379a0u); /* Error(string) */
    codec_put_u64(&out, 32);
    codec_put_bytes(&out, (struct bytes){(const uint8_t *)says, strlen(says)});
    assert_false(out.full);
    enum revert_class class = escrow_revert_classify(buf_bytes(&out), text, sizeof text);
    assert_string_equal(text, says);
    return class;
}

static void every_expectation_is_met(void **state)
{
    (void)state;
    for (size_t e = 0; e < EXPECTED; e++) {
        size_t at = 0;
        while (at < ERRORS && strcmp(errors[at].name, expected[e].says) != 0)
            at++;
        enum revert_class class =
            at < ERRORS ? classify_error(at) : classify_text(expected[e].says);
        if (class != expected[e].class)
            fail_msg("%s is %d, not %d: %s", expected[e].says, class, expected[e].class,
                     expected[e].why);
    }
}

/* An error's name as a text, a text with something behind it, anything else: nobody expected it. */
static void what_has_no_row_is_an_alarm(void **state)
{
    (void)state;
    char text[128];
    static const uint8_t stranger[] = {0xde, 0xad, 0xbe, 0xef};
    assert_int_equal(classify_text("CustodyRunning"), REVERT_ALARM);
    assert_int_equal(classify_text("Pausable: paused "), REVERT_ALARM);
    assert_int_equal(classify_text("pausable: paused"), REVERT_ALARM);
    assert_int_equal(classify_text(""), REVERT_ALARM);
    assert_int_equal(escrow_revert_classify((struct bytes){stranger, 4}, text, sizeof text),
                     REVERT_ALARM);
    assert_int_equal(escrow_revert_classify((struct bytes){stranger, 3}, text, sizeof text),
                     REVERT_ALARM);
    assert_int_equal(escrow_revert_classify((struct bytes){0}, text, sizeof text), REVERT_ALARM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_of_the_compiler_has_a_row),
        cmocka_unit_test(every_row_has_an_expectation),
        cmocka_unit_test(every_expectation_is_met),
        cmocka_unit_test(what_has_no_row_is_an_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
