/* What the texts of nodes mean: every string that Arbitrum's nodes and the hosted endpoints are known
 * to send, with the code it comes with.
 *
 * Texts: Nitro (execution/gethexec/sequencer.go, forwarder.go, arbos/tx_processor.go) and its
 * go-ethereum (core/error.go, state_transition.go, core/state/statedb_arbitrum.go), LGPL-3.0 and
 * BUSL-1.1, quoted as facts; the hosted endpoints' as erpc/erpc (Apache-2.0) collects them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "relayer/chain/verdict.h"

#define A "address 0x00000000000000000000000000000000000000aa"

struct send_text {
    int64_t code;
    const char *text;
    enum send_verdict verdict;
};

/* Each is known by a row or by its code; without the row, the test fails also where the verdict
 * would be the same. */
static const struct send_text arbitrum[] = {
    {-32000, "nonce too low: " A ", tx: 4 state: 5", SEND_NONCE_LOW},
    {-32000, "nonce too high: " A ", tx: 9 state: 5", SEND_NONCE_HIGH},
    {-32000, "max fee per gas less than block base fee: " A ", maxFeePerGas: 1 baseFee: 2",
     SEND_FEE_LOW},
    {-32000, "insufficient funds for gas * price + value: " A " have 1 want 2", SEND_FUNDS},
    {-32000, "intrinsic gas too low", SEND_REFUSED},
    {-32000, "transaction type not supported", SEND_REFUSED},
    {-32000, "oversized data", SEND_REFUSED},
    {-32000, "max priority fee per gas higher than max fee per gas", SEND_REFUSED},
    {-32000, "sequencer temporarily not available", SEND_UNKNOWN},
    {-32000, "sequencer internal error", SEND_UNKNOWN},
    {-32000, "failed to publish transaction to any of the forwarding targets", SEND_UNKNOWN},
    {-32000, "context deadline exceeded", SEND_UNKNOWN},
    {-32000, "publishing transactions not supported by this endpoint", SEND_REFUSED},
    {-32000, "currently not accepting transactions due to expected surplus being below threshold",
     SEND_UNKNOWN},
    {-32000, "transaction sender is not on the whitelist", SEND_REFUSED},
    {-32000, "internal error", SEND_UNKNOWN},
    {-32000, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", SEND_REFUSED},
    {3, "execution reverted", SEND_REFUSED},
    {3, "execution reverted: Not active", SEND_REFUSED},
    {-32000, "queue full", SEND_UNKNOWN},
    {-32000, "sequencer pending tx pool full, please try again", SEND_UNKNOWN},
    {-32003, "BlockNumberMax condition not met", SEND_REFUSED},
    {-32005, "storage slot value condition count exceeds limit", SEND_UNKNOWN},
    {4, "The transaction was added to the mempool but wasn't processed", SEND_UNKNOWN},
};

/* The other nodes, and the limits of the hosted endpoints. */
static const struct send_text others[] = {
    {-32000, "already known", SEND_KNOWN},
    {-32000, "ALREADY KNOWN", SEND_KNOWN},
    {-32003, "transaction already imported", SEND_KNOWN},
    {-32000, "known transaction: 0xabc", SEND_KNOWN},
    {-32000, "Known transaction", SEND_KNOWN},
    {-32003, "nonce too low", SEND_NONCE_LOW},
    {-32000, "Transaction nonce is too low. Try incrementing the nonce.", SEND_NONCE_LOW},
    {-32000, "replacement transaction underpriced", SEND_FEE_LOW},
    {-32000, "transaction underpriced", SEND_FEE_LOW},
    {-32003, "Insufficient funds for gas * price + value", SEND_FUNDS},
    {-32000, "Failed to decode signed transaction", SEND_REFUSED},
    {-32000, "rlp: element is larger than containing list", SEND_REFUSED},
    {-32000, "exceeds block gas limit", SEND_REFUSED},
    {-32005, "rate limit exceeded", SEND_UNKNOWN},
    {429, "Your app has exceeded its compute units per second capacity", SEND_UNKNOWN},
    {-32000, "Too many requests", SEND_UNKNOWN},
    {-32000, "request timed out", SEND_UNKNOWN},
};

/* Words of one row inside the text of another. */
static const struct send_text traps[] = {
    /* A contract's reason may say anything; the transaction is in no block. */
    {3, "execution reverted: already known", SEND_REFUSED},
    {3, "execution reverted: nonce too low", SEND_REFUSED},
    {3, "execution reverted: context deadline exceeded", SEND_REFUSED},
    {3, "execution reverted: unknown transaction", SEND_REFUSED},
    {-32000, "rpc error: execution reverted: already known", SEND_REFUSED},
    /* A forwarder in trouble repeats what one node behind it said. */
    {-32000, "failed to publish transaction to any of the forwarding targets: nonce too low",
     SEND_UNKNOWN},
    {-32000, "failed to publish transaction to any of the forwarding targets: execution reverted",
     SEND_UNKNOWN},
    {-32603, "Internal error: already known", SEND_UNKNOWN},
    {-32000, "request timed out: insufficient funds", SEND_UNKNOWN},
    {-32000, "nonce too low: rate limit exceeded", SEND_UNKNOWN},
    {-32005, "nonce too low", SEND_UNKNOWN},
    /* One text inside another. */
    {-32000, "unknown transaction", SEND_UNKNOWN},
    {-32000, "unknown transaction type", SEND_UNKNOWN},
    {-32000, "could not replace: replacement transaction underpriced", SEND_FEE_LOW},
    {-32000, "nonce too low: next nonce 5, tx nonce 4: insufficient funds", SEND_NONCE_LOW},
    /* Another transaction with this nonce is not ours. */
    {-32000, "a different transaction already exists with this nonce", SEND_UNKNOWN},
};

static void expect_texts(const struct send_text *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = send_verdict_name(send_verdict_of(rows[i].code, rows[i].text));

        if (strcmp(got, send_verdict_name(rows[i].verdict)) != 0)
            fail_msg("\"%s\" is %s", rows[i].text, got);
    }
}

static void knows_every_text_of_arbitrum(void **state)
{
    (void)state;
    expect_texts(arbitrum, sizeof arbitrum / sizeof arbitrum[0]);
    for (size_t i = 0; i < sizeof arbitrum / sizeof arbitrum[0]; i++)
        if (!send_text_known(arbitrum[i].code, arbitrum[i].text))
            fail_msg("no row knows \"%s\"", arbitrum[i].text);
}

static void knows_the_texts_of_other_nodes(void **state)
{
    (void)state;
    expect_texts(others, sizeof others / sizeof others[0]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!send_text_known(others[i].code, others[i].text))
            fail_msg("no row knows \"%s\"", others[i].text);
}

static void is_not_taken_in_by_words_of_another_row(void **state)
{
    (void)state;
    expect_texts(traps, sizeof traps / sizeof traps[0]);
}

/* Case is nothing, and a text is looked for wherever it begins. */
static void finds_a_text_inside_another(void **state)
{
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof arbitrum / sizeof arbitrum[0]; i++) {
        snprintf(text, sizeof text, "upstream 3 says: %s (supplied gas 30)", arbitrum[i].text);
        for (char *at = text; *at != '\0'; at++)
            *at = (char)toupper((unsigned char)*at);
        assert_string_equal(send_verdict_name(send_verdict_of(arbitrum[i].code, text)),
                            send_verdict_name(arbitrum[i].verdict));
    }
}

/* Letters without meaning, under every code: nothing is concluded from them. */
static void takes_an_unknown_text_for_an_unknown_outcome(void **state)
{
    static const char *const odd[] = {"", " ", "0x", "{}", "ok", "accepted", "success", "error",
                                      "transaction", "nonce", "something nobody has seen"};
    static const int64_t codes[] = {-32700, -32603, -32602, -32601, -32600, -32003, -32000, -1,
                                    0,      1,      2,      5,      200,    INT64_MIN, INT64_MAX};
    uint32_t seed = 1;
    char text[40];

    (void)state;
    for (size_t c = 0; c < sizeof codes / sizeof codes[0]; c++) {
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
            assert_int_equal(send_verdict_of(codes[c], odd[i]), SEND_UNKNOWN);
        for (size_t round = 0; round < 500; round++) {
            size_t n = (seed >> 8) % (sizeof text - 1);

            for (size_t i = 0; i < n; i++) {
                seed = seed * 1664525u + 1013904223u;
                text[i] = (char)(' ' + (seed >> 8) % 95);
            }
            text[n] = '\0';
            assert_int_equal(send_verdict_of(codes[c], text), SEND_UNKNOWN);
            assert_false(send_text_known(codes[c], text));
        }
    }
}

static void joins_verdicts_without_hiding_a_success(void **state)
{
    (void)state;
    assert_int_equal(send_verdict_join(SEND_REFUSED, SEND_ACCEPTED), SEND_ACCEPTED);
    assert_int_equal(send_verdict_join(SEND_UNKNOWN, SEND_KNOWN), SEND_KNOWN);
    assert_int_equal(send_verdict_join(SEND_REFUSED, SEND_UNKNOWN), SEND_UNKNOWN);
    assert_int_equal(send_verdict_join(SEND_FUNDS, SEND_UNKNOWN), SEND_UNKNOWN);
    assert_int_equal(send_verdict_join(SEND_UNKNOWN, SEND_NONCE_LOW), SEND_NONCE_LOW);
    for (int a = SEND_ACCEPTED; a <= SEND_UNKNOWN; a++)
        for (int b = SEND_ACCEPTED; b <= SEND_UNKNOWN; b++) {
            enum send_verdict ab = send_verdict_join((enum send_verdict)a, (enum send_verdict)b);

            assert_int_equal(ab, send_verdict_join((enum send_verdict)b, (enum send_verdict)a));
            assert_true((int)ab == a || (int)ab == b);
        }
}

static const struct {
    int64_t code;
    const char *text;
    enum read_verdict verdict;
} reads[] = {
    {3, "execution reverted: Not active", READ_REVERT},
    {3, "execution reverted: rate limit of the contract", READ_REVERT},
    {-32000, "execution reverted", READ_REVERT},
    {-32000, "execution reverted: too many requests", READ_REVERT},
    {-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]",
     READ_RANGE},
    {-32602, "Log response size exceeded.", READ_RANGE},
    {-32602, "query exceeds max block range 2000", READ_RANGE},
    {-32603, "range is too large, max is 1k blocks", READ_RANGE},
    {35, "ranges over 10000 blocks are not supported", READ_RANGE},
    {-32600, "You can make eth_getLogs requests with up to a 10 block range.", READ_RANGE},
    {-32005, "block range limit exceeded", READ_RANGE},
    /* QuickNode and mainnet.base.org; a text that is handed on by proxies */
    {-32614, "eth_getLogs is limited to a 10,000 range", READ_RANGE},
    {-32000, "range 49999 exceeds limit of 10000", READ_RANGE},
    /* reth (rpc-eth-types, logs_utils.rs) and ethereum/execution-apis (tests/eth_getLogs): the node lags,
     * half of the range would be refused as well */
    {-32602, "block range extends beyond current head block", READ_NEXT},
    /* geth (eth/filters/api.go) and reth: no complaint about a length */
    {-32000, "invalid block range params", READ_NEXT},
    {-32000, "safe block not found", READ_ABSENT},
    {-32000, "finalized block not found", READ_ABSENT},
    {-32005, "rate limit exceeded", READ_LIMIT},
    {-32005, "words nobody has seen", READ_LIMIT},
    {-32000, "Rate limit reached", READ_LIMIT},
    {-32000, "daily limit exceeded", READ_LIMIT},
    {-32005, "project ID request rate exceeded", READ_LIMIT},
    {429, "Too many requests", READ_LIMIT},
    {429, "Your app has exceeded its compute units per second capacity", READ_LIMIT},
    {-32000, "header not found", READ_NEXT},
    {-32000, "sequencer temporarily not available", READ_NEXT},
    {-32602, "BlockOutOfRangeError: block height is 5 but requested was 9", READ_NEXT},
    {-32603, "words nobody has seen", READ_NEXT},
    {-32603, "internal error", READ_NEXT},
    {0, "", READ_NEXT},
    {-32602, "invalid argument 0: hex string has length 3", READ_DEFINITE},
    {-32000, "gas required exceeds allowance (21000)", READ_DEFINITE},
};

static void names_what_a_read_error_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        int got = (int)read_verdict_of(reads[i].code, reads[i].text);

        if (got != (int)reads[i].verdict)
            fail_msg("\"%s\" is %d", reads[i].text, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_text_of_arbitrum),
        cmocka_unit_test(knows_the_texts_of_other_nodes),
        cmocka_unit_test(is_not_taken_in_by_words_of_another_row),
        cmocka_unit_test(finds_a_text_inside_another),
        cmocka_unit_test(takes_an_unknown_text_for_an_unknown_outcome),
        cmocka_unit_test(joins_verdicts_without_hiding_a_success),
        cmocka_unit_test(names_what_a_read_error_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
