#include "relayer/money/posting.h"

#include <string.h>

#include "relayer/base/check.h"

static const char *const KIND_NAME[] = {
    [POSTING_DEPOSIT] = "deposit",
    [POSTING_ISSUANCE] = "issuance",
    [POSTING_ISSUANCE_UNASSIGNED] = "issuance_unassigned",
    [POSTING_ASSIGN] = "assign",
    [POSTING_RESERVE] = "reserve",
    [POSTING_SETTLE] = "settle",
    [POSTING_CANCEL] = "cancel",
    [POSTING_DISTRIBUTE] = "distribute",
    [POSTING_ACCUMULATE] = "accumulate",
    [POSTING_RETURNED] = "returned",
    [POSTING_CORRECTION] = "correction",
};
enum { KINDS = sizeof KIND_NAME / sizeof KIND_NAME[0] };
_Static_assert(KINDS == POSTING_CORRECTION + 1, "every kind has a name");

const char *posting_kind_name(enum posting_kind kind)
{
    return kind >= POSTING_DEPOSIT && kind <= POSTING_CORRECTION ? KIND_NAME[kind] : NULL;
}

bool posting_kind_parse(const char *name, enum posting_kind *kind)
{
    for (int i = POSTING_DEPOSIT; name != NULL && i < KINDS; i++) {
        if (strcmp(KIND_NAME[i], name) == 0) {
            *kind = (enum posting_kind)i;
            return true;
        }
    }
    return false;
}

const char *layer_name(enum layer layer)
{
    switch (layer) {
    case LAYER_POSTED:
        return "posted";
    case LAYER_PENDING:
        return "pending";
    }
    return NULL;
}

void posting_add(struct posting *p, enum layer layer, enum account_class class,
                 const struct uuid *owner, int64_t amount)
{
    CHECK(p->n < POSTING_LINES_MAX);
    CHECK((owner != NULL) == (account_info(class)->owner != OWNER_NONE));
    struct posting_line *line = &p->line[p->n++];
    *line = (struct posting_line){.class = class, .layer = layer, .amount = amount};
    if (owner != NULL) {
        line->has_owner = true;
        line->owner = *owner;
    }
}

void posting_undo_pending(struct posting *p, const struct posting *reserved)
{
    p->resolves = reserved->txn_id;
    p->has_resolves = true;
    for (size_t i = 0; i < reserved->n; i++) {
        const struct posting_line *line = &reserved->line[i];
        if (line->layer != LAYER_PENDING)
            continue;
        CHECK(line->amount != INT64_MIN);
        posting_add(p, LAYER_PENDING, line->class, line->has_owner ? &line->owner : NULL,
                    -line->amount);
    }
}

static bool line_valid(const struct posting_line *line)
{
    if (line->class < ACCOUNT_CLASS_FIRST || line->class > ACCOUNT_CLASS_LAST || line->amount == 0)
        return false;
    if (line->layer != LAYER_POSTED && line->layer != LAYER_PENDING)
        return false;
    return line->has_owner == (account_info(line->class)->owner != OWNER_NONE);
}

bool posting_balanced(const struct posting *p)
{
    if (posting_kind_name(p->kind) == NULL || p->n < 2 || p->n > POSTING_LINES_MAX)
        return false;
    /* Eight 64-bit amounts always fit in 128 bits. */
    __int128 sum[ASSET_MXNB + 1][LAYER_PENDING + 1] = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (!line_valid(&p->line[i]))
            return false;
        sum[account_info(p->line[i].class)->asset][p->line[i].layer] += p->line[i].amount;
    }
    for (int asset = ASSET_MXN; asset <= ASSET_MXNB; asset++) {
        if (sum[asset][LAYER_POSTED] != 0 || sum[asset][LAYER_PENDING] != 0)
            return false;
    }
    return true;
}
