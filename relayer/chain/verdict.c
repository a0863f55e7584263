#include "relayer/chain/verdict.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The codes that can be relied on. */
enum {
    CODE_REVERT = 3,       /* geth: with the revert data */
    CODE_SYNC_TIMEOUT = 4, /* EIP-7966 */
    CODE_LIMIT = -32005,   /* EIP-1474: limit exceeded; of requests or of results */
    CODE_TOO_MANY = 429    /* hosted endpoints: the HTTP status again */
};

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

/* Without regard to case, and not as the end of a longer word: "unknown transaction" is not "known
 * transaction". */
static bool text_has(const char *text, const char *words)
{
    for (const char *at = text; (at = strcasestr(at, words)) != NULL; at++)
        if (at == text || !isalpha((unsigned char)at[-1]))
            return true;
    return false;
}

struct send_row {
    const char *text;
    enum send_verdict verdict;
};

/* With a reject threshold Nitro says so of a transaction that it did not include: nonce unused. What
 * follows is the contract's own reason, which may hold the words of any row. */
static const char revert_words[] = "execution reverted";

/* First match wins, so what may hold the words of others stands above them. */
static const struct send_row send_table[] = {
    /* Outages: a forwarder wraps the words of the node behind it. */
    {"sequencer temporarily not available", SEND_UNKNOWN},
    {"sequencer internal error", SEND_UNKNOWN},
    {"sequencer pending tx pool full", SEND_UNKNOWN},
    {"failed to publish transaction", SEND_UNKNOWN},
    {"context deadline exceeded", SEND_UNKNOWN},
    {"currently not accepting transactions", SEND_UNKNOWN}, /* nitro: expected surplus */
    {"queue full", SEND_UNKNOWN},
    {"internal error", SEND_UNKNOWN},
    {"timed out", SEND_UNKNOWN},
    {"timeout", SEND_UNKNOWN},
    {"rate limit", SEND_UNKNOWN},
    {"too many requests", SEND_UNKNOWN},
    {"limit exceeded", SEND_UNKNOWN},
    {revert_words, SEND_REFUSED},
    {"already known", SEND_KNOWN},     /* geth */
    {"already imported", SEND_KNOWN},  /* anvil, erigon: "transaction already imported" */
    {"known transaction", SEND_KNOWN}, /* older geth, besu */
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
    {"condition not met", SEND_REFUSED},              /* nitro: a conditional transaction */
    {"failed to decode", SEND_REFUSED},               /* anvil */
    {"rlp: ", SEND_REFUSED},                          /* geth's decoder */
    {"not supported by this endpoint", SEND_REFUSED}, /* nitro: wrong node */
    {"sender is not on the whitelist", SEND_REFUSED}, /* nitro: wrong network */
};

/* NULL: no row knows it. */
static const struct send_row *send_row_of(int64_t code, const char *text)
{
    static const struct send_row by_code = {"", SEND_UNKNOWN}, reverted = {"", SEND_REFUSED};

    if (code == CODE_SYNC_TIMEOUT || code == CODE_LIMIT || code == CODE_TOO_MANY)
        return &by_code; /* every other code goes with any text */
    if (strncasecmp(text, revert_words, strlen(revert_words)) == 0)
        return &reverted;
    for (size_t i = 0; i < sizeof send_table / sizeof send_table[0]; i++)
        if (text_has(text, send_table[i].text))
            return &send_table[i];
    return NULL;
}

enum send_verdict send_verdict_of(int64_t code, const char *text)
{
    const struct send_row *row = send_row_of(code, text);

    return row != NULL ? row->verdict : SEND_UNKNOWN;
}

bool send_text_known(int64_t code, const char *text)
{
    return send_row_of(code, text) != NULL;
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
    {"beyond current head", READ_NEXT}, /* reth: it is behind the range, which is not too long */
    {"invalid block range", READ_NEXT}, /* geth, reth: no complaint about a length either */
    {"query returned more than", READ_RANGE},
    {"log response size exceeded", READ_RANGE},
    {"exceeds max block range", READ_RANGE},
    {"range is too large", READ_RANGE},
    {"block range", READ_RANGE},
    {"ranges over", READ_RANGE},
    {"is limited to a", READ_RANGE},  /* QuickNode: "eth_getLogs is limited to a 2,000 range" */
    {"exceeds limit of", READ_RANGE}, /* "range 49999 exceeds limit of 10000" */
    {"exceed maximum block range", READ_RANGE},
    {"response is too big", READ_RANGE},
    {"response too large", READ_RANGE},
    {"rate limit", READ_LIMIT},
    {"rate exceeded", READ_LIMIT},
    {"too many requests", READ_LIMIT},
    {"limit exceeded", READ_LIMIT},
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
    if (code == CODE_REVERT)
        return READ_REVERT;
    for (size_t i = 0; i < sizeof read_table / sizeof read_table[0]; i++)
        if (text_has(text, read_table[i].text))
            return read_table[i].verdict;
    if (code == CODE_LIMIT || code == CODE_TOO_MANY)
        return READ_LIMIT;
    return READ_NEXT; /* an unknown complaint: another endpoint may do better */
}
