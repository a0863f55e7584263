#include "relayer/chain/verdict.h"

#include <stddef.h>
#include <string.h>

const char *send_verdict_name(enum send_verdict verdict)
{
    switch (verdict) {
    case SEND_ACCEPTED:
        return "accepted";
    case SEND_KNOWN:
        return "known";
    case SEND_NONCE_LOW:
        return "nonce_low";
    case SEND_NONCE_HIGH:
        return "nonce_high";
    case SEND_FEE_LOW:
        return "fee_low";
    case SEND_FUNDS:
        return "funds";
    case SEND_REFUSED:
        return "refused";
    case SEND_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

struct send_row {
    const char *text; /* lower case or not: compared without case */
    enum send_verdict verdict;
};

/* First match wins, so the longer text stands above the text it contains. */
static const struct send_row send_table[] = {
    /* Outages first: a forwarder wraps the words of the node behind it. */
    {"sequencer temporarily not available", SEND_UNKNOWN},
    {"sequencer internal error", SEND_UNKNOWN},
    {"failed to publish transaction", SEND_UNKNOWN},
    {"context deadline exceeded", SEND_UNKNOWN},
    /* Nitro with a reject threshold: not included, nonce unused. Before all others, because the
     * contract's own words follow. */
    {"execution reverted", SEND_REFUSED},
    {"already known", SEND_KNOWN},     /* geth */
    {"already imported", SEND_KNOWN},  /* anvil, erigon: "transaction already imported" */
    {"known transaction", SEND_KNOWN}, /* older geth, besu */
    {"already exists", SEND_KNOWN},    /* nethermind and others */
    {"nonce too low", SEND_NONCE_LOW}, /* geth, nitro, anvil */
    {"nonce is too low", SEND_NONCE_LOW},
    {"nonce too high", SEND_NONCE_HIGH}, /* nitro, anvil */
    {"nonce gap", SEND_NONCE_HIGH},
    {"nonce too distant", SEND_NONCE_HIGH},
    {"max fee per gas less than block base fee", SEND_FEE_LOW}, /* geth, nitro, anvil */
    {"maxfeepergas less than block base fee", SEND_FEE_LOW},
    {"replacement transaction underpriced", SEND_FEE_LOW}, /* geth, anvil */
    {"transaction underpriced", SEND_FEE_LOW},
    {"fee too low", SEND_FEE_LOW},
    {"insufficient funds", SEND_FUNDS}, /* geth, nitro, anvil */
    {"insufficient balance", SEND_FUNDS},
    {"intrinsic gas too low", SEND_REFUSED},
    {"intrinsic gas too high", SEND_REFUSED}, /* anvil */
    {"exceeds block gas limit", SEND_REFUSED},
    {"gas limit too high", SEND_REFUSED},
    {"transaction type not supported", SEND_REFUSED},
    {"oversized data", SEND_REFUSED},
    {"max initcode size exceeded", SEND_REFUSED},
    {"max priority fee per gas higher than max fee per gas", SEND_REFUSED},
    {"exceeds the configured cap", SEND_REFUSED},
    {"invalid sender", SEND_REFUSED},
    {"invalid signature", SEND_REFUSED},
    {"invalid chain id", SEND_REFUSED},
    {"chain id mismatch", SEND_REFUSED},
    {"only replay-protected", SEND_REFUSED},
    {"failed to decode", SEND_REFUSED},               /* anvil */
    {"rlp: ", SEND_REFUSED},                          /* geth's decoder */
    {"not supported by this endpoint", SEND_REFUSED}, /* nitro: wrong node */
    {"sender is not on the whitelist", SEND_REFUSED}, /* nitro: wrong network */
};

enum send_verdict send_verdict_of(int64_t code, const char *text)
{
    (void)code; /* -32000 for nearly everything: it says nothing */
    for (size_t i = 0; i < sizeof send_table / sizeof send_table[0]; i++)
        if (strcasestr(text, send_table[i].text) != NULL)
            return send_table[i].verdict;
    return SEND_UNKNOWN;
}

/* How much a verdict decides; the join keeps the higher. */
static int send_rank(enum send_verdict verdict)
{
    switch (verdict) {
    case SEND_ACCEPTED:
        return 8;
    case SEND_KNOWN:
        return 7;
    case SEND_NONCE_LOW: /* leads to the receipt, as SEND_UNKNOWN does, and says more */
        return 6;
    case SEND_UNKNOWN:
        return 5;
    case SEND_NONCE_HIGH:
        return 4;
    case SEND_FEE_LOW:
        return 3;
    case SEND_FUNDS:
        return 2;
    case SEND_REFUSED:
        return 1;
    }
    return 0;
}

enum send_verdict send_verdict_join(enum send_verdict a, enum send_verdict b)
{
    return send_rank(a) >= send_rank(b) ? a : b;
}

struct read_row {
    const char *text;
    enum read_verdict verdict;
};

static const struct read_row read_table[] = {
    {"execution reverted", READ_REVERT},
    {"vm exception while processing transaction: revert", READ_REVERT},
    {"reverted", READ_REVERT},
    {"safe block not found", READ_ABSENT},
    {"finalized block not found", READ_ABSENT},
    /* Ranges and sizes, before the rate limits whose words they share. */
    {"query returned more than", READ_RANGE},
    {"log response size exceeded", READ_RANGE},
    {"exceeds max block range", READ_RANGE},
    {"range is too large", READ_RANGE},
    {"block range", READ_RANGE},
    {"ranges over", READ_RANGE},
    {"exceed maximum block range", READ_RANGE},
    {"response is too big", READ_RANGE},
    {"response too large", READ_RANGE},
    {"rate limit", READ_NEXT},
    {"too many requests", READ_NEXT},
    {"limit exceeded", READ_NEXT},
    {"timeout", READ_NEXT},
    {"timed out", READ_NEXT},
    {"context deadline exceeded", READ_NEXT},
    {"header not found", READ_NEXT}, /* a node that lags behind the one asked before */
    {"unknown block", READ_NEXT},
    {"missing trie node", READ_NEXT},
    {"historical state", READ_NEXT},
    {"block out of range", READ_NEXT}, /* anvil: above its head */
    {"blockoutofrange", READ_NEXT},
    {"temporarily", READ_NEXT},
    {"method not found", READ_NEXT},
    {"not supported by this endpoint", READ_NEXT},
    {"insufficient funds", READ_DEFINITE},
    {"intrinsic gas too low", READ_DEFINITE},
    {"gas required exceeds", READ_DEFINITE},
    {"out of gas", READ_DEFINITE},
    {"invalid opcode", READ_DEFINITE},
    {"invalid argument", READ_DEFINITE},
    {"invalid params", READ_DEFINITE},
};

enum read_verdict read_verdict_of(int64_t code, const char *text)
{
    if (code == 3) /* geth's code for a revert; the only one that is dependable */
        return READ_REVERT;
    for (size_t i = 0; i < sizeof read_table / sizeof read_table[0]; i++)
        if (strcasestr(text, read_table[i].text) != NULL)
            return read_table[i].verdict;
    return READ_NEXT; /* an unknown complaint: another endpoint may do better */
}
