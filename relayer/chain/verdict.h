/* What the error text of a node means. Nodes have no stable error codes, only texts; this is the
 * one table.
 *
 * Matching is on substrings that begin a word, without regard to case, first row wins. A text that
 * no row knows is SEND_UNKNOWN: the transaction may be on its way, so the same bytes are sent again
 * and the receipt is asked. Sources: go-ethereum core/error.go and core/txpool/errors.go, Nitro's
 * sequencer and forwarder, anvil, and the published limits of the hosted endpoints.
 */
#ifndef KUSTODIA_CHAIN_VERDICT_H
#define KUSTODIA_CHAIN_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum send_verdict {
    SEND_ACCEPTED = 0,   /* the node took it: pool, or on Arbitrum already in a block */
    SEND_KNOWN = 1,      /* it had these bytes before */
    SEND_NONCE_LOW = 2,  /* the nonce is used: by these bytes (ask the receipt) or by others */
    SEND_NONCE_HIGH = 3, /* a predecessor is missing: send that one again */
    SEND_FEE_LOW = 4,    /* not taken: base fee above the cap, or a re-pricing below the step */
    SEND_FUNDS = 5,      /* not taken: the account cannot pay gas */
    SEND_REFUSED = 6, /* not taken and will not be: malformed, too large, gas limit, wrong chain */
    SEND_UNKNOWN = 7  /* time-out, outage or a text we do not know: anything may have happened */
};

const char *send_verdict_name(enum send_verdict verdict);

/* The verdict of an error answer to eth_sendRawTransaction. Never SEND_ACCEPTED. */
enum send_verdict send_verdict_of(int64_t code, const char *text);

/* Whether a row knows the text, or the code says enough: if not, SEND_UNKNOWN is a guess to the safe
 * side, and a person should hear of the text. */
bool send_text_known(int64_t code, const char *text);

/* Of two endpoints' verdicts on the same bytes, the one to act on: taken by anybody is taken;
 * after that the one that leaves most open wins, so that a refusal by one node never hides a
 * possible success at another. */
enum send_verdict send_verdict_join(enum send_verdict a, enum send_verdict b);

/* What an error answer to a read means for the next step. */
enum read_verdict {
    READ_DEFINITE = 0, /* the same everywhere: bad parameters, refused call */
    READ_REVERT = 1,   /* the EVM reverted: an answer, not a failure */
    READ_RANGE = 2,    /* too many blocks or results: ask for less */
    READ_NEXT = 3,     /* this endpoint cannot now: limited, lagging, broken; another may */
    READ_ABSENT = 4,   /* the asked block is not there (safe/finalized without L1 data) */
    READ_LIMIT = 5     /* this endpoint asks for fewer requests */
};
enum read_verdict read_verdict_of(int64_t code, const char *text);

#endif
