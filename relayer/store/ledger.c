#include "relayer/store/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/base/mem.h"

enum { ITEM_MAX = 160, COMMAND_MAX = 4 + 4 * 17 + POSTING_LINES_MAX * (1 + 17 + 1 + 8) };

/* The numbers enter the hash of every posting ever booked. */
_Static_assert(ACCOUNT_WORLD_MXN == 1 && ACCOUNT_RETURNED_MXNB == 18, "stored");
_Static_assert(POSTING_DEPOSIT == 1 && POSTING_CORRECTION == 11, "stored");
_Static_assert(LAYER_POSTED == 1 && LAYER_PENDING == 2, "stored");

static size_t put_uuid(uint8_t *out, bool present, const struct uuid *id)
{
    memset(out, 0, 17);
    out[0] = present;
    if (present)
        memcpy(out + 1, id->b, 16);
    return 17;
}

static size_t put_i64(uint8_t *out, int64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    return 8;
}

void ledger_command_hash(const struct posting *p, uint8_t hash[32])
{
    CHECK(p->n <= POSTING_LINES_MAX);
    uint8_t bytes[COMMAND_MAX];
    size_t n = 0;
    bytes[n++] = (uint8_t)p->kind;
    n += put_uuid(bytes + n, true, &p->txn_id);
    n += put_uuid(bytes + n, p->has_resolves, &p->resolves);
    n += put_uuid(bytes + n, p->has_payment, &p->payment_id);
    n += put_uuid(bytes + n, p->has_effect, &p->effect_id);
    bytes[n++] = (uint8_t)p->n;
    for (size_t i = 0; i < p->n; i++) {
        const struct posting_line *line = &p->line[i];
        bytes[n++] = (uint8_t)line->class;
        n += put_uuid(bytes + n, line->has_owner, &line->owner);
        bytes[n++] = (uint8_t)line->layer;
        n += put_i64(bytes + n, line->amount);
    }
    CHECK(n <= sizeof bytes);
    keccak256(bytes, n, hash);
}

/* A PostgreSQL array literal under construction: {item,item,...}. */
struct list {
    char *text;
    size_t n, cap;
};

/* Room for one more item, after its separator. */
static char *list_next(struct list *list)
{
    if (list->cap - list->n < ITEM_MAX + 2) {
        list->cap = list->cap * 2 + 2 * ITEM_MAX;
        list->text = mem_resize(list->text, list->cap);
    }
    list->text[list->n] = list->n == 0 ? '{' : ',';
    return list->text + ++list->n;
}

static void list_put(struct list *list, const char *text)
{
    size_t n = strlen(text);
    CHECK(n < ITEM_MAX);
    memcpy(list_next(list), text, n);
    list->n += n;
}

static void list_put_i64(struct list *list, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    list_put(list, text);
}

static void list_put_uuid(struct list *list, bool present, const struct uuid *id)
{
    char text[UUID_TEXT_MAX] = "NULL";
    if (present)
        uuid_format(id, text);
    list_put(list, text);
}

/* Text for people, quoted: the only item that may hold anything at all. */
static void list_put_quoted(struct list *list, const char *text)
{
    char quoted[2 * POSTING_REASON_MAX + 3];
    size_t n = 0;
    quoted[n++] = '"';
    for (const char *p = text; *p != '\0' && p < text + POSTING_REASON_MAX - 1; p++) {
        if (*p == '"' || *p == '\\')
            quoted[n++] = '\\';
        quoted[n++] = *p;
    }
    quoted[n++] = '"';
    quoted[n] = '\0';
    list_put(list, quoted);
}

static void list_put_hash(struct list *list, const struct posting *p)
{
    uint8_t hash[32];
    char text[5 + 2 * sizeof hash + 2] = "\"\\\\x";
    ledger_command_hash(p, hash);
    hex_encode(hash, sizeof hash, text + 4);
    text[4 + 2 * sizeof hash] = '"';
    list_put(list, text);
}

static void list_param(struct db_stmt *s, struct list *list)
{
    list->text[list->n] = '}';
    list->text[list->n + 1] = '\0';
    db_text(s, list->text);
    free(list->text);
}

/* The parameters of relayer.post_many, in its order. */
enum column {
    TXN_ID,
    TXN_KIND,
    TXN_EFFECT,
    TXN_PAYMENT,
    TXN_RESOLVES,
    TXN_HASH,
    TXN_REASON,
    ENTRY_TXN,
    ENTRY_CODE,
    ENTRY_LAYER,
    ENTRY_AMOUNT,
    COLUMNS
};

static void put_txn(struct list *column, const struct posting *p)
{
    list_put_uuid(&column[TXN_ID], true, &p->txn_id);
    list_put(&column[TXN_KIND], posting_kind_name(p->kind));
    list_put_uuid(&column[TXN_EFFECT], p->has_effect, &p->effect_id);
    list_put_uuid(&column[TXN_PAYMENT], p->has_payment, &p->payment_id);
    list_put_uuid(&column[TXN_RESOLVES], p->has_resolves, &p->resolves);
    list_put_hash(&column[TXN_HASH], p);
    list_put_quoted(&column[TXN_REASON], p->reason);
}

static void put_entries(struct list *column, const struct posting *p, size_t place)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct posting_line *line = &p->line[i];
        char code[ACCOUNT_CODE_MAX];
        account_code(line->class, line->has_owner ? &line->owner : NULL, code);
        list_put_i64(&column[ENTRY_TXN], (int64_t)place);
        list_put(&column[ENTRY_CODE], code);
        list_put(&column[ENTRY_LAYER], layer_name(line->layer));
        list_put_i64(&column[ENTRY_AMOUNT], line->amount);
    }
}

void ledger_add_many(struct db_script *script, const struct posting *postings, size_t n)
{
    CHECK(n >= 1 && n <= LEDGER_BATCH_MAX);
    struct list column[COLUMNS] = {0};
    for (size_t i = 0; i < n; i++) {
        CHECK(posting_balanced(&postings[i]));
        put_txn(column, &postings[i]);
        put_entries(column, &postings[i], i + 1);
    }
    struct db_stmt *s =
        db_add(script, "SELECT post_many($1, $2, $3, $4, $5, $6, NULL, $7, $8, $9, $10, $11)", 1);
    for (int i = 0; i < COLUMNS; i++)
        list_param(s, &column[i]);
}

void ledger_add(struct db_script *script, const struct posting *posting)
{
    ledger_add_many(script, posting, 1);
}
