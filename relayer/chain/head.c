#include "relayer/chain/head.h"

#include <string.h>

#include "relayer/base/check.h"

void head_init(struct head *head)
{
    memset(head, 0, sizeof *head);
}

static const struct head_entry *entry_at(const struct head *head, size_t i)
{
    return &head->ring[(head->first + i) % HEAD_RING];
}

bool head_tip(const struct head *head, struct head_entry *out)
{
    if (head->n == 0)
        return false;
    *out = *entry_at(head, head->n - 1);
    return true;
}

bool head_find(const struct head *head, uint64_t number, struct head_entry *out)
{
    uint64_t lowest;

    if (head->n == 0)
        return false;
    lowest = entry_at(head, 0)->number;
    if (number < lowest || number - lowest >= head->n)
        return false;
    *out = *entry_at(head, (size_t)(number - lowest));
    return true;
}

/* `block` is at or below tip + 1 and above the lowest entry: its parent's number is in the ring. */
static struct head_decision decide_inside(const struct head *head, const struct head_block *block,
                                          uint64_t tip, uint64_t finalized)
{
    struct head_decision decision = {.verdict = HEAD_FORK, .fetch_from = block->number - 1};
    struct head_entry held;

    if (head_find(head, block->number, &held) && memcmp(held.hash, block->hash, 32) == 0)
        return (struct head_decision){.verdict = HEAD_KNOWN};
    /* Another block at a height that was final: nobody may decide that but a person. */
    if (finalized != 0 && block->number <= finalized)
        return (struct head_decision){.verdict = HEAD_TOO_DEEP};
    CHECK(head_find(head, block->number - 1, &held));
    if (memcmp(held.hash, block->parent, 32) != 0)
        return decision;
    if (block->number == tip + 1)
        return (struct head_decision){.verdict = HEAD_EXTENDS};
    return (struct head_decision){.verdict = HEAD_ROLLBACK, .keep_number = block->number - 1};
}

struct head_decision head_decide(const struct head *head, const struct head_block *block,
                                 uint64_t finalized)
{
    struct head_entry tip, lowest;

    if (!head_tip(head, &tip))
        return (struct head_decision){.verdict = HEAD_EXTENDS};
    lowest = *entry_at(head, 0);
    if (block->number > tip.number + 1)
        return (struct head_decision){.verdict = HEAD_GAP, .fetch_from = tip.number + 1};
    if (block->number < lowest.number)
        return (struct head_decision){.verdict = HEAD_BEHIND};
    if (block->number == lowest.number) {
        bool same = memcmp(lowest.hash, block->hash, 32) == 0;
        return (struct head_decision){.verdict = same ? HEAD_KNOWN : HEAD_TOO_DEEP};
    }
    return decide_inside(head, block, tip.number, finalized);
}

void head_push(struct head *head, const struct head_block *block)
{
    struct head_entry tip, *slot;

    if (head_tip(head, &tip)) {
        CHECK(block->number == tip.number + 1);
        CHECK(memcmp(block->parent, tip.hash, 32) == 0);
    }
    if (head->n == HEAD_RING) {
        head->first = (head->first + 1) % HEAD_RING;
        head->n--;
    }
    slot = &head->ring[(head->first + head->n) % HEAD_RING];
    slot->number = block->number;
    memcpy(slot->hash, block->hash, 32);
    head->n++;
}

void head_rollback(struct head *head, uint64_t number)
{
    while (head->n > 0 && entry_at(head, head->n - 1)->number > number)
        head->n--;
}
