/* What Juno says, as typed facts, and the strict readers that make them from JSON. Pure: text
 * in, structs out.
 *
 * Juno writes amounts sometimes as JSON strings and sometimes as JSON numbers, and error codes
 * as both too. A number must never pass through a double, so the text is rewritten before it is
 * parsed: every number literal gets quotes around it (json_quote_numbers), and from there on
 * each scalar is its own exact text.
 *
 * Sources: docs.bitso.com/juno (guides and reference) and the answers seen in public client
 * code. Unknown members are ignored. An unknown state is JUNO_OPEN with `unknown_state` set:
 * still open, and somebody should look.
 */
#ifndef KUSTODIA_JUNO_ANSWER_H
#define KUSTODIA_JUNO_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/arena.h"
#include "relayer/base/err.h"

enum {
    JUNO_ANSWER_BYTES_MAX = 2 * 1024 * 1024,
    JUNO_ROWS_MAX = 100,    /* rows of one page; Juno's own maximum */
    JUNO_BANKS_MAX = 10000, /* registered bank accounts: that list has no pages */
    JUNO_ID_MAX = 64,       /* identifiers and tracking keys, each with its NUL */
    JUNO_NAME_MAX = 128,
    JUNO_URL_MAX = 512,
    JUNO_TEXT_MAX = 200, /* error text kept: printable ASCII, digit runs of 18 masked */
    JUNO_CLABE_SIZE = 19 /* 18 digits and the NUL */
};

enum juno_state {
    JUNO_OPEN = 0,     /* PENDING, IN_PROGRESS, PROCESSING, or a word we do not know */
    JUNO_COMPLETE = 1, /* COMPLETE, COMPLETED, SUCCEEDED: final for Juno, not final for SPEI */
    JUNO_FAILED = 2,   /* FAILED, CANCELLED, CANCELED, REJECTED */
    JUNO_RETURNED = 3  /* RETURNED, REFUNDED, REVERSED, or FAILED with a timeline step that says the
                        * payment came back (details only): completed once, then undone */
};

enum juno_txn_kind {
    JUNO_TXN_OTHER = 0, /* CONVERSION and what comes later */
    JUNO_TXN_ISSUANCE = 1,
    JUNO_TXN_REDEMPTION = 2,
    JUNO_TXN_CRYPTO_DEPOSIT = 3,
    JUNO_TXN_CRYPTO_WITHDRAWAL = 4
};
const char *juno_txn_kind_name(enum juno_txn_kind kind); /* as Juno writes it */

/* A SPEI deposit into one of our CLABEs. */
struct juno_deposit {
    char fid[JUNO_ID_MAX];
    char clabe[JUNO_CLABE_SIZE];
    int64_t amount_centavos;
    enum juno_state state;
    bool unknown_state;
    int64_t reported_at_ms; /* created_at; 0 when Juno gave none */
    char sender_masked[24]; /* sender's CLABE: first 3 digits, three stars, last 4; may be empty */
    char tracking_key[JUNO_ID_MAX];
    bool is_refund;              /* money of ours that came back, not a payment */
    char refund_of[JUNO_ID_MAX]; /* transaction or withdrawal it reverses, where Juno says so */
};

/* A row of the transactions list, or one transaction in detail. The list leaves the lower half
 * empty. */
struct juno_txn {
    char id[JUNO_ID_MAX];
    enum juno_txn_kind kind;
    int64_t amount_units; /* 1e-6 MXNB, whole centavos */
    enum juno_state state;
    bool unknown_state;
    int64_t reported_at_ms; /* created_at; 0 when Juno gave none */
    int64_t updated_at_ms;  /* same */
    char fid[JUNO_ID_MAX];  /* the deposit behind an issuance, where Juno says so */
    bool has_tx_hash;
    uint8_t tx_hash[32]; /* crypto moves */
    char tracking_key[JUNO_ID_MAX];
    char cep_url[JUNO_URL_MAX];
    char bank_account_id[JUNO_ID_MAX]; /* destination of a redemption */
};

struct juno_bank {
    char id[JUNO_ID_MAX];
    char clabe[JUNO_CLABE_SIZE];
    char name[JUNO_NAME_MAX]; /* cut at the maximum */
    char tag[JUNO_ID_MAX];    /* ours: the idempotency key of the registration */
};

struct juno_clabe {
    char clabe[JUNO_CLABE_SIZE];
    bool auto_payment; /* only these issue by themselves */
    bool enabled;
};

struct juno_deposits {
    struct juno_deposit row[JUNO_ROWS_MAX];
    size_t n;
    size_t rows_seen; /* on the page, read or not: a full page means there is another */
};
struct juno_txns {
    struct juno_txn row[JUNO_ROWS_MAX];
    size_t n;
    size_t rows_seen;
};
struct juno_banks {
    const struct juno_bank *row;
    size_t n;
};
struct juno_clabes {
    struct juno_clabe row[JUNO_ROWS_MAX];
    size_t n;
    size_t rows_seen;
};

struct juno_balances {
    int64_t mxnb_units;
    int64_t mxn_centavos;
    bool has_mxnb, has_mxn;
};

/* The answer to a redemption or withdrawal: accepted, not done. */
struct juno_op {
    char id[JUNO_ID_MAX];
    enum juno_state state;
    bool unknown_state;
};

/* The envelope around every answer. */
struct json_t;
struct juno_answer {
    struct json_t *document;      /* owned: juno_answer_free */
    const struct json_t *payload; /* with success */
    bool success;
    char code[16]; /* with an error: "0201", "32002"; empty when there is none */
    char message[JUNO_TEXT_MAX];
};

/* The one form of an identifier, read and sent: 1 .. JUNO_ID_MAX - 1 of [A-Za-z0-9._:-], the first a letter
 * or digit (so that none is "." or ".." in a target). Free of meaning in URLs, JSON, SQL arrays and logs. */
bool juno_id_is_plain(const char *text);

/* Writes `text` with every number literal in quotes to `out` (capacity 2 * n + 4 always
 * suffices), NUL-terminated. False: a number breaks the grammar of RFC 8259, a string does not
 * end, or there is no room. */
bool json_quote_numbers(const char *text, size_t n, char *out, size_t cap, size_t *out_n);

/* False (ERR_JUNO_ANSWER) when the text is not the documented envelope; nothing is to be freed
 * then. */
bool juno_answer_parse(const char *text, size_t n, struct juno_answer *out, struct err *err);
void juno_answer_free(struct juno_answer *answer);

/* Readers of payloads. False: ERR_JUNO_ANSWER, naming the field. A list with one bad row is
 * refused as a whole: a row that is skipped is money that is not seen. */
bool juno_read_deposits(const struct json_t *payload, struct juno_deposits *out, struct err *err);
bool juno_read_txns(const struct json_t *payload, struct juno_txns *out, struct err *err);
bool juno_read_txn(const struct json_t *payload, struct juno_txn *out, struct err *err);
bool juno_read_op(const struct json_t *payload, struct juno_op *out, struct err *err);
bool juno_read_balances(const struct json_t *payload, struct juno_balances *out, struct err *err);
bool juno_read_banks(const struct json_t *payload, struct arena *arena, struct juno_banks *out,
                     struct err *err);
bool juno_read_bank(const struct json_t *payload, struct juno_bank *out, struct err *err);
bool juno_read_clabes(const struct json_t *payload, struct juno_clabes *out, struct err *err);
bool juno_read_clabe(const struct json_t *payload, struct juno_clabe *out, struct err *err);

/* Exact decimal text ("100", "100.00", "1E+2") to an integer of 10^-scale. False: sign, no
 * digits, digits beyond the scale that are not zero, or above 9e15 (the range in which every
 * ledger sum stays inside 64 bits). */
bool juno_decimal(const char *text, unsigned scale, int64_t *out);
/* RFC 3339 with any fraction and "Z", "+00:00" or "+0000" (no zone: UTC) to milliseconds since
 * 1970. */
bool juno_time_ms(const char *text, int64_t *out);

#endif
