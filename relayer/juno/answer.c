#include "relayer/juno/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "relayer/base/check.h"
#include "relayer/base/log.h"

/* The object being read, what to call it in an error, and where the error goes. */
struct source {
    const json_t *object;
    const char *what;
    struct err *err;
};

static bool field_bad(const struct source *source, const char *key, const char *expected)
{
    return err_fail(source->err, ERR_JUNO_ANSWER, "juno answer: %s.%s is not %s", source->what, key,
                    expected);
}

static bool source_open(struct source *source)
{
    if (json_is_object(source->object))
        return true;
    return err_fail(source->err, ERR_JUNO_ANSWER, "juno answer: %s is not an object", source->what);
}

/* Text of a field; NULL when it is absent, null or not a scalar. */
static const char *field_text(const struct source *source, const char *key)
{
    return json_string_value(json_object_get(source->object, key));
}

bool juno_id_is_plain(const char *text)
{
    static const char ALNUM[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t n = strlen(text);

    if (n == 0 || n >= JUNO_ID_MAX || strchr(ALNUM, text[0]) == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (strchr(ALNUM, text[i]) == NULL && strchr("._:-", text[i]) == NULL)
            return false;
    return true;
}

static bool plain_copy(const char *text, char *out, size_t cap)
{
    if (text == NULL || strlen(text) >= cap || !juno_id_is_plain(text))
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool field_id(const struct source *source, const char *key, char out[JUNO_ID_MAX])
{
    return plain_copy(field_text(source, key), out, JUNO_ID_MAX) ||
           field_bad(source, key, "an identifier of at most 63 plain characters");
}

/* Absent and null leave "". */
static bool field_id_if(const struct source *source, const char *key, char out[JUNO_ID_MAX])
{
    const char *text = field_text(source, key);

    out[0] = '\0';
    return text == NULL || text[0] == '\0' || field_id(source, key, out);
}

/* A tracking key is written by the sender's bank: an odd one is left out, not a reason to see no
 * deposits. */
static void tracking_key_copy(const struct source *source, char out[JUNO_ID_MAX])
{
    if (!plain_copy(field_text(source, "clave_rastreo"), out, JUNO_ID_MAX))
        out[0] = '\0';
}

static bool clabe_copy(const char *text, char out[JUNO_CLABE_SIZE])
{
    if (text == NULL || strlen(text) != 18 || strspn(text, "0123456789") != 18)
        return false;
    memcpy(out, text, JUNO_CLABE_SIZE);
    return true;
}

static bool field_clabe(const struct source *source, const char *key, char out[JUNO_CLABE_SIZE])
{
    return clabe_copy(field_text(source, key), out) || field_bad(source, key, "18 digits");
}

static bool field_amount(const struct source *source, const char *key, unsigned scale, int64_t *out)
{
    const char *text = field_text(source, key);

    if (text == NULL || !juno_decimal(text, scale, out))
        return field_bad(source, key,
                         scale == 2 ? "an amount with at most 2 decimals"
                                    : "an amount with at most 6 decimals");
    return true;
}

static bool field_time(const struct source *source, const char *key, int64_t *out)
{
    const char *text = field_text(source, key);

    *out = 0;
    if (text == NULL) /* null is seen on fresh transactions */
        return true;
    return juno_time_ms(text, out) || field_bad(source, key, "a time");
}

/* Free text, cut at the room and never inside a UTF-8 character. */
static void text_cut(const char *text, char *out, size_t cap)
{
    size_t n = text == NULL ? 0 : strlen(text);

    if (n >= cap)
        for (n = cap - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(out, text == NULL ? "" : text, n);
    out[n] = '\0';
}

/* ---- words ---- */

struct state_word {
    const char *word;
    enum juno_state state;
};

static const struct state_word states[] = {
    {"PENDING", JUNO_OPEN},      {"IN_PROGRESS", JUNO_OPEN},   {"PROCESSING", JUNO_OPEN},
    {"COMPLETE", JUNO_COMPLETE}, {"COMPLETED", JUNO_COMPLETE}, {"SUCCEEDED", JUNO_COMPLETE},
    {"FAILED", JUNO_FAILED},     {"CANCELLED", JUNO_FAILED},   {"CANCELED", JUNO_FAILED},
    {"REJECTED", JUNO_FAILED},   {"RETURNED", JUNO_RETURNED},  {"REFUNDED", JUNO_RETURNED},
    {"REVERSED", JUNO_RETURNED},
};

static bool field_state(const struct source *source, const char *key, enum juno_state *out,
                        bool *unknown)
{
    const char *text = field_text(source, key);

    if (text == NULL)
        return field_bad(source, key, "a state");
    *out = JUNO_OPEN;
    *unknown = true;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcasecmp(text, states[i].word) == 0) {
            *out = states[i].state;
            *unknown = false;
        }
    return true;
}

const char *juno_txn_kind_name(enum juno_txn_kind kind)
{
    switch (kind) {
    case JUNO_TXN_OTHER:
        return "OTHER";
    case JUNO_TXN_ISSUANCE:
        return "ISSUANCE";
    case JUNO_TXN_REDEMPTION:
        return "REDEMPTION";
    case JUNO_TXN_CRYPTO_DEPOSIT:
        return "CRYPTO_DEPOSIT";
    case JUNO_TXN_CRYPTO_WITHDRAWAL:
        return "CRYPTO_WITHDRAWAL";
    }
    return "OTHER";
}

static enum juno_txn_kind kind_of(const char *text)
{
    static const enum juno_txn_kind kinds[] = {JUNO_TXN_ISSUANCE, JUNO_TXN_REDEMPTION,
                                               JUNO_TXN_CRYPTO_DEPOSIT, JUNO_TXN_CRYPTO_WITHDRAWAL};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcasecmp(text, juno_txn_kind_name(kinds[i])) == 0)
            return kinds[i];
    return JUNO_TXN_OTHER;
}

/* ---- the envelope ---- */

/* Words of a stranger, fit for a log line. */
static void message_copy(char out[JUNO_TEXT_MAX], const char *text)
{
    size_t i = 0;

    for (; text != NULL && text[i] != '\0' && i + 1 < JUNO_TEXT_MAX; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[i] = '\0';
    log_mask(out);
}

static bool envelope_read(struct juno_answer *out, struct err *err)
{
    const json_t *success = json_object_get(out->document, "success");
    const json_t *error = json_object_get(out->document, "error");
    const char *code;

    if (!json_is_boolean(success))
        return err_fail(err, ERR_JUNO_ANSWER, "juno answer: no envelope");
    out->success = json_is_true(success);
    out->payload = json_object_get(out->document, "payload");
    if (out->success)
        return out->payload != NULL || err_fail(err, ERR_JUNO_ANSWER, "juno answer: no payload");
    code = json_string_value(json_object_get(error, "code"));
    if (code != NULL && !plain_copy(code, out->code, sizeof out->code))
        return err_fail(err, ERR_JUNO_ANSWER, "juno answer: error code of a strange form");
    message_copy(out->message, json_string_value(json_object_get(error, "message")));
    return true;
}

bool juno_answer_parse(const char *text, size_t n, struct juno_answer *out, struct err *err)
{
    size_t cap = 2 * n + 4, quoted_n;
    char *quoted;
    json_error_t at;

    *out = (struct juno_answer){0};
    if (n > JUNO_ANSWER_BYTES_MAX)
        return err_fail(err, ERR_JUNO_ANSWER, "juno answer: above %d bytes", JUNO_ANSWER_BYTES_MAX);
    quoted = malloc(cap);
    CHECK(quoted != NULL);
    if (json_quote_numbers(text, n, quoted, cap, &quoted_n)) {
        out->document = json_loadb(quoted, quoted_n, JSON_REJECT_DUPLICATES, &at);
        if (out->document == NULL)
            err_set(err, ERR_JUNO_ANSWER, "juno answer: not JSON: %.80s", at.text);
    } else {
        err_set(err, ERR_JUNO_ANSWER, "juno answer: not JSON: a broken number or string");
    }
    free(quoted);
    if (out->document == NULL)
        return false;
    if (envelope_read(out, err))
        return true;
    juno_answer_free(out);
    return false;
}

void juno_answer_free(struct juno_answer *answer)
{
    json_decref(answer->document);
    *answer = (struct juno_answer){0};
}

/* ---- lists ---- */

/* The rows of a list: the payload itself, or its "content" (Spring pages) or "response" (SPEI). */
static const json_t *rows_of(const json_t *payload, size_t max, struct err *err)
{
    const json_t *rows = payload;

    if (json_is_object(payload)) {
        rows = json_object_get(payload, "content");
        if (rows == NULL)
            rows = json_object_get(payload, "response");
    }
    if (!json_is_array(rows)) {
        err_set(err, ERR_JUNO_ANSWER, "juno answer: payload holds no list");
        return NULL;
    }
    if (json_array_size(rows) > max) {
        err_set(err, ERR_JUNO_ANSWER, "juno answer: %zu rows, at most %zu were asked for",
                json_array_size(rows), max);
        return NULL;
    }
    return rows;
}

/* First 3 digits, stars, last 4: enough to recognise an account, not enough to use it. */
static void clabe_mask(const char *text, char out[24])
{
    size_t n = text == NULL ? 0 : strlen(text);

    out[0] = '\0';
    if (n < 8 || n > 30 || strspn(text, "0123456789*") != n)
        return;
    memcpy(out, text, 3);
    memcpy(out + 3, "***", 3);
    memcpy(out + 6, text + n - 4, 5);
}

static bool deposit_refund(const struct source *source, struct juno_deposit *out)
{
    struct source refunded = {json_object_get(source->object, "refunded_withdrawal"),
                              "deposit.refunded_withdrawal", source->err};
    const char *type = field_text(source, "deposit_type");

    out->is_refund = type != NULL && (strncasecmp(type, "REFUND", 6) == 0 ||
                                      strcasecmp(type, "FAIL_WITHDRAWAL_COMPENSATION") == 0);
    if (!json_is_object(refunded.object))
        return true;
    out->is_refund = true;
    return field_id_if(&refunded, "transaction_id", out->refund_of) &&
           (out->refund_of[0] != '\0' || field_id_if(&refunded, "wid", out->refund_of));
}

static bool deposit_read(const json_t *object, struct juno_deposit *out, struct err *err)
{
    struct source source = {object, "deposit", err};

    *out = (struct juno_deposit){0};
    if (!source_open(&source) || !field_id(&source, "fid", out->fid) ||
        !field_clabe(&source, "receiver_clabe", out->clabe) ||
        !field_amount(&source, "amount", 2, &out->amount_centavos) ||
        !field_state(&source, "status", &out->state, &out->unknown_state) ||
        !field_time(&source, "created_at", &out->reported_at_ms) || !deposit_refund(&source, out))
        return false;
    tracking_key_copy(&source, out->tracking_key);
    clabe_mask(field_text(&source, "sender_clabe"), out->sender_masked);
    return true;
}

bool juno_read_deposits(const struct json_t *payload, struct juno_deposits *out, struct err *err)
{
    const json_t *rows = rows_of(payload, JUNO_ROWS_MAX, err);

    if (rows == NULL)
        return false;
    out->n = out->rows_seen = json_array_size(rows);
    for (size_t i = 0; i < out->n; i++)
        if (!deposit_read(json_array_get(rows, i), &out->row[i], err))
            return false;
    return true;
}

/* ---- transactions ---- */

/* A timeline step's receipt is the transaction's hash on the chain where it looks like one. */
static void receipt_read(const json_t *step, struct juno_txn *out)
{
    const char *receipt = json_string_value(json_object_get(step, "receipt"));

    if (receipt != NULL && strncmp(receipt, "0x", 2) == 0 &&
        hex_decode_exact(receipt, out->tx_hash, sizeof out->tx_hash))
        out->has_tx_hash = true;
}

static void timeline_read(const json_t *timeline, struct juno_txn *out)
{
    bool crypto = out->kind == JUNO_TXN_CRYPTO_DEPOSIT || out->kind == JUNO_TXN_CRYPTO_WITHDRAWAL;
    size_t n = json_array_size(timeline);

    for (size_t i = 0; i < n; i++) {
        const json_t *step = json_array_get(timeline, i);
        const char *word = json_string_value(json_object_get(step, "step"));

        if (crypto)
            receipt_read(step, out);
        if (word != NULL && strcasestr(word, "returned") != NULL && out->state == JUNO_FAILED)
            out->state = JUNO_RETURNED;
    }
}

static bool details_read(const struct source *txn, struct juno_txn *out)
{
    struct source source = {json_object_get(txn->object, "details"), "transaction.details",
                            txn->err};
    const char *hash;

    if (!json_is_object(source.object))
        return true;
    if (!field_id_if(&source, "fid", out->fid) ||
        !field_id_if(&source, "destination_bank_account_id", out->bank_account_id))
        return false;
    tracking_key_copy(&source, out->tracking_key);
    text_cut(field_text(&source, "cep_link"), out->cep_url, sizeof out->cep_url);
    hash = field_text(&source, "tx_hash");
    if (hash != NULL && !(strncmp(hash, "0x", 2) == 0 && hex_decode_exact(hash, out->tx_hash, 32)))
        return field_bad(&source, "tx_hash", "32 bytes of hex");
    out->has_tx_hash = hash != NULL;
    return true;
}

bool juno_read_txn(const struct json_t *payload, struct juno_txn *out, struct err *err)
{
    struct source source = {payload, "transaction", err};
    const char *kind;

    *out = (struct juno_txn){0};
    if (!source_open(&source))
        return false;
    kind = field_text(&source, "transaction_type");
    if (kind == NULL)
        return field_bad(&source, "transaction_type", "a word");
    out->kind = kind_of(kind);
    if (!field_id(&source, field_text(&source, "id") != NULL ? "id" : "transaction_id", out->id) ||
        !field_state(&source, field_text(&source, "status") != NULL ? "status" : "summary_status",
                     &out->state, &out->unknown_state) ||
        !field_time(&source, "created_at", &out->reported_at_ms) ||
        !field_time(&source, "updated_at", &out->updated_at_ms))
        return false;
    /* Other kinds may be in currencies with other scales; nobody asks for their amount. */
    if (out->kind != JUNO_TXN_OTHER && !field_amount(&source, "amount", 6, &out->amount_units))
        return false;
    if (!details_read(&source, out))
        return false;
    timeline_read(json_object_get(payload, "timeline"), out);
    return true;
}

bool juno_read_txns(const struct json_t *payload, struct juno_txns *out, struct err *err)
{
    const json_t *rows = rows_of(payload, JUNO_ROWS_MAX, err);

    if (rows == NULL)
        return false;
    out->n = out->rows_seen = json_array_size(rows);
    for (size_t i = 0; i < out->n; i++)
        if (!juno_read_txn(json_array_get(rows, i), &out->row[i], err))
            return false;
    return true;
}

bool juno_read_op(const struct json_t *payload, struct juno_op *out, struct err *err)
{
    struct source source = {payload, "operation", err};

    *out = (struct juno_op){0};
    return source_open(&source) &&
           field_id(&source, field_text(&source, "id") != NULL ? "id" : "transaction_id",
                    out->id) &&
           field_state(&source,
                       field_text(&source, "summary_status") != NULL ? "summary_status" : "status",
                       &out->state, &out->unknown_state);
}

/* ---- balances, accounts, CLABEs ---- */

bool juno_read_balances(const struct json_t *payload, struct juno_balances *out, struct err *err)
{
    const json_t *rows = json_object_get(payload, "balances");

    *out = (struct juno_balances){0};
    if (!json_is_array(rows) || json_array_size(rows) > 1000)
        return err_fail(err, ERR_JUNO_ANSWER, "juno answer: payload.balances is not a short list");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        struct source source = {json_array_get(rows, i), "balance", err};
        const char *asset = field_text(&source, "asset");
        bool mxnb =
            asset != NULL && (strcasecmp(asset, "mxnb") == 0 || strcasecmp(asset, "mxnbj") == 0);

        if (asset == NULL)
            return field_bad(&source, "asset", "a word");
        if (mxnb && out->has_mxnb)
            return field_bad(&source, "asset", "given once");
        if (mxnb && !field_amount(&source, "balance", 6, &out->mxnb_units))
            return false;
        if (strcasecmp(asset, "mxn") == 0) {
            if (!field_amount(&source, "balance", 2, &out->mxn_centavos))
                return false;
            out->has_mxn = true;
        }
        out->has_mxnb = out->has_mxnb || mxnb;
    }
    return true;
}

bool juno_read_bank(const struct json_t *payload, struct juno_bank *out, struct err *err)
{
    struct source source = {payload, "bank account", err};

    *out = (struct juno_bank){0};
    if (!source_open(&source) || !field_id(&source, "id", out->id) ||
        !field_clabe(&source, "clabe", out->clabe))
        return false;
    text_cut(field_text(&source, "recipient_legal_name"), out->name, sizeof out->name);
    text_cut(field_text(&source, "tag"), out->tag, sizeof out->tag);
    return true;
}

bool juno_read_banks(const struct json_t *payload, struct arena *arena, struct juno_banks *out,
                     struct err *err)
{
    const json_t *rows = rows_of(payload, JUNO_BANKS_MAX, err);
    struct juno_bank *bank;

    if (rows == NULL)
        return false;
    out->n = json_array_size(rows);
    out->row = bank = arena_alloc(arena, out->n * sizeof *bank + 1);
    for (size_t i = 0; i < out->n; i++)
        if (!juno_read_bank(json_array_get(rows, i), &bank[i], err))
            return false;
    return true;
}

bool juno_read_clabe(const struct json_t *payload, struct juno_clabe *out, struct err *err)
{
    struct source source = {payload, "CLABE", err};
    const char *type, *status;

    *out = (struct juno_clabe){0};
    if (!source_open(&source) || !field_clabe(&source, "clabe", out->clabe))
        return false;
    type = field_text(&source, "type");
    status = field_text(&source, "status"); /* the answer to a creation has none */
    out->auto_payment = type != NULL && strcasecmp(type, "AUTO_PAYMENT") == 0;
    out->enabled = status == NULL || strcasecmp(status, "ENABLED") == 0;
    return true;
}

bool juno_read_clabes(const struct json_t *payload, struct juno_clabes *out, struct err *err)
{
    const json_t *rows = rows_of(payload, JUNO_ROWS_MAX, err);

    if (rows == NULL)
        return false;
    out->n = out->rows_seen = json_array_size(rows);
    for (size_t i = 0; i < out->n; i++)
        if (!juno_read_clabe(json_array_get(rows, i), &out->row[i], err))
            return false;
    return true;
}
