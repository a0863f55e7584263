#include "relayer/engine/contract_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"
#include "relayer/chain/node.h"

enum { QUESTION_MAX = 128 };

const uint8_t contract_slot_zeppelinos[32] = {
    0x70, 0x50, 0xc9, 0xe0, 0xf4, 0xca, 0x76, 0x9c, 0x69, 0xbd, 0x3a, 0x8e, 0xf7, 0x40, 0xbc, 0x37,
    0x93, 0x4f, 0x8e, 0x2c, 0x03, 0x6e, 0x5a, 0x72, 0x3f, 0xd8, 0xee, 0x04, 0x8e, 0xd3, 0xf8, 0xc3};
const uint8_t contract_slot_erc1967[32] = {
    0x36, 0x08, 0x94, 0xa1, 0x3b, 0xa1, 0xa3, 0x21, 0x06, 0x67, 0xc8, 0x28, 0x49, 0x2d, 0xb9, 0x8d,
    0xca, 0x3e, 0x20, 0x76, 0xcc, 0x37, 0x35, 0xa9, 0x20, 0xa3, 0xca, 0x50, 0x5d, 0x38, 0x2b, 0xbc};

struct contract_reader {
    struct node *node;
    const struct config *config;
    const struct contract_parties *parties;
    const struct contract_wanted *wanted;
    contract_read_cb *cb;
    void *ctx;
    enum contract_item item; /* being asked */
    bool older_slot_empty;   /* of the implementation: the newer one is asked */
    const struct role_grants *grants;
    size_t grant; /* the one being asked about */
    size_t party; /* of the further keys, the same */
    struct node_at at;
    struct contract_facts facts;
};

struct contract_reader *contract_reader_new(struct node *node, const struct config *config,
                                            const struct contract_parties *parties,
                                            const struct contract_wanted *wanted)
{
    struct contract_reader *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->node = node;
    r->config = config;
    r->parties = parties;
    r->wanted = wanted;
    return r;
}

void contract_reader_free(struct contract_reader *reader)
{
    CHECK(reader == NULL || reader->cb == NULL);
    free(reader);
}

static void ended(struct contract_reader *r, const struct err *err)
{
    contract_read_cb *cb = r->cb;
    r->cb = NULL;
    cb(r->ctx, err, &r->facts);
}

static void ask(struct contract_reader *r);

static void next(struct contract_reader *r)
{
    size_t i = (size_t)r->item + 1;
    while (i < CONTRACT_ITEMS && !r->wanted->compared[i] &&
           !contract_item_is_code((enum contract_item)i))
        i++;
    r->item = (enum contract_item)i;
    if (i < CONTRACT_ITEMS)
        ask(r);
    else
        ended(r, NULL);
}

static void found(struct contract_reader *r, const uint8_t word[32])
{
    r->facts.state[r->item] = CONTRACT_READ;
    memcpy(r->facts.word[r->item], word, 32);
    next(r);
}

static void code_read(void *ctx, const struct err *err, const struct chain_code *code)
{
    static const uint8_t NONE[32];
    struct contract_reader *r = ctx;
    if (err != NULL)
        ended(r, err);
    else
        found(r, code->has_code ? code->hash : NONE);
}

static void slot_read(void *ctx, const struct err *err, const uint8_t word[32])
{
    static const uint8_t EMPTY[32];
    struct contract_reader *r = ctx;
    if (err != NULL) {
        ended(r, err);
    } else if (!r->older_slot_empty && memcmp(word, EMPTY, 32) == 0) {
        r->older_slot_empty = true;
        ask(r);
    } else {
        found(r, word);
    }
}

static void mute(struct contract_reader *r, const char *why)
{
    r->facts.state[r->item] = CONTRACT_MUTE;
    if (r->facts.mute[0] == '\0')
        snprintf(r->facts.mute, sizeof r->facts.mute, "%s", why);
    next(r);
}

/* The first stranger will do: one is reason enough, and the next look finds the next. */
static void holder_read(struct contract_reader *r, const uint8_t answer[32])
{
    static const uint8_t NO[32];
    uint8_t word[32];
    if (memcmp(answer, NO, 32) == 0) {
        r->grant++;
        ask(r);
        return;
    }
    contract_holder_word(&r->grants->grant[r->grant], word);
    found(r, word);
}

/* The first arbiter's answer is followed by those of the further keys; then the fact is: some arbiter
 * does. */
static void party_read(struct contract_reader *r, const uint8_t answer[32])
{
    bool holds = answer[31] == 1;
    if (r->party == 0)
        r->facts.arbiter_holds = holds;
    else
        r->facts.more_holds[r->party - 1] = holds;
    if (r->party++ < r->parties->more_n) {
        ask(r);
        return;
    }
    uint8_t word[32] = {0};
    word[31] = r->facts.arbiter_holds;
    for (size_t i = 0; i < r->parties->more_n; i++)
        word[31] |= r->parties->more[i].is_arbiter && r->facts.more_holds[i];
    r->facts.roles_known = true;
    found(r, word);
}

static bool is_yes_or_no(const uint8_t word[32])
{
    static const uint8_t zero[31];
    return memcmp(word, zero, sizeof zero) == 0 && word[31] <= 1;
}

static void word_read(void *ctx, const struct err *err, const struct bytes *data)
{
    struct contract_reader *r = ctx;
    if (err != NULL && err->code == ERR_CHAIN_REVERT)
        mute(r, err->message);
    else if (err != NULL)
        ended(r, err);
    else if (data->n != 32)
        mute(r, "the answer is not one word");
    else if (r->item == CONTRACT_ROLE_HOLDER)
        holder_read(r, data->p);
    else if (r->item == CONTRACT_ARBITER_ROLE && is_yes_or_no(data->p))
        party_read(r, data->p);
    else
        found(r, data->p);
}

static void ask_code(struct contract_reader *r, const uint8_t address[20])
{
    node_code(r->node, address, &r->at, code_read, r);
}

static void ask_slot(struct contract_reader *r)
{
    struct node_slot slot = {.address = r->config->chain_token.b,
                             .slot = r->older_slot_empty ? contract_slot_erc1967
                                                         : contract_slot_zeppelinos,
                             .at = r->at};
    node_storage(r->node, &slot, slot_read, r);
}

static void ask_implementation_code(struct contract_reader *r)
{
    static const uint8_t NONE[32];
    const uint8_t *implementation = r->facts.word[CONTRACT_IMPLEMENTATION];
    if (memcmp(implementation, NONE, 32) == 0)
        found(r, NONE);
    else
        ask_code(r, implementation + 12);
}

static void ask_word(struct contract_reader *r, const uint8_t to[20], const struct buf *question)
{
    CHECK(!question->full);
    struct node_message message = {.to = to, .data = buf_bytes(question), .at = r->at};
    node_call(r->node, &message, word_read, r);
}

static void ask_role(struct contract_reader *r, const uint8_t role[32], const uint8_t account[20])
{
    uint8_t space[QUESTION_MAX];
    struct buf question;
    buf_init(&question, space, sizeof space);
    (void)escrow_encode_has_role(role, account, &question);
    ask_word(r, r->config->chain_escrow.b, &question);
}

static void ask_party(struct contract_reader *r)
{
    if (r->party == 0) {
        ask_role(r, escrow_role_arbiter, r->parties->arbiter);
        return;
    }
    const struct contract_party *party = &r->parties->more[r->party - 1];
    ask_role(r, party->is_arbiter ? escrow_role_arbiter : escrow_role_relayer, party->address);
}

static void ask_holder(struct contract_reader *r)
{
    static const uint8_t NOBODY[32];
    const struct role_grants *grants = r->grants;
    while (r->grant < grants->n &&
           contract_role_expected(&grants->grant[r->grant], r->config, r->parties))
        r->grant++;
    if (r->grant == grants->n)
        found(r, NOBODY);
    else
        ask_role(r, grants->grant[r->grant].role, grants->grant[r->grant].account);
}

static void ask_view(struct contract_reader *r, bool (*encode)(struct buf *out))
{
    uint8_t space[QUESTION_MAX];
    struct buf question;
    buf_init(&question, space, sizeof space);
    (void)encode(&question);
    ask_word(r, r->config->chain_escrow.b, &question);
}

static void ask_decimals(struct contract_reader *r)
{
    struct mxnb_call decimals = {.kind = MXNB_DECIMALS_OF};
    uint8_t space[QUESTION_MAX];
    struct buf question;
    buf_init(&question, space, sizeof space);
    (void)mxnb_call_encode(&decimals, &question);
    ask_word(r, r->config->chain_token.b, &question);
}

static void ask(struct contract_reader *r)
{
    switch (r->item) {
    case CONTRACT_TOKEN_CODE:
        ask_code(r, r->config->chain_token.b);
        return;
    case CONTRACT_ESCROW_CODE:
        ask_code(r, r->config->chain_escrow.b);
        return;
    case CONTRACT_IMPLEMENTATION:
        ask_slot(r);
        return;
    case CONTRACT_IMPLEMENTATION_CODE:
        ask_implementation_code(r);
        return;
    case CONTRACT_DECIMALS:
        ask_decimals(r);
        return;
    case CONTRACT_TOKEN:
        ask_view(r, escrow_encode_token);
        return;
    case CONTRACT_FUNDER:
        ask_view(r, escrow_encode_funder);
        return;
    case CONTRACT_PAYOUT:
        ask_view(r, escrow_encode_payout);
        return;
    case CONTRACT_REFUND:
        ask_view(r, escrow_encode_refund);
        return;
    case CONTRACT_RELAYER_ROLE:
        ask_role(r, escrow_role_relayer, r->parties->relayer);
        return;
    case CONTRACT_ARBITER_ROLE:
        ask_party(r);
        return;
    case CONTRACT_GUARDIAN_ROLE:
        ask_role(r, escrow_role_guardian, r->config->chain_guardian.b);
        return;
    case CONTRACT_ADMIN:
        ask_view(r, escrow_encode_default_admin);
        return;
    case CONTRACT_RELAYER_ARBITER:
        ask_role(r, escrow_role_arbiter, r->parties->relayer);
        return;
    case CONTRACT_RELAYER_ADMIN:
        ask_role(r, escrow_role_admin, r->parties->relayer);
        return;
    case CONTRACT_ROLE_HOLDER:
        ask_holder(r);
        return;
    }
}

static void block_read(void *ctx, const struct err *err, const struct chain_block *block)
{
    struct contract_reader *r = ctx;
    if (err != NULL) {
        ended(r, err);
        return;
    }
    if (!block->present) {
        struct err none;
        err_set(&none, ERR_CHAIN_ANSWER, "node answer: no latest block");
        ended(r, &none);
        return;
    }
    r->facts.block = block->number;
    memcpy(r->facts.block_hash, block->hash, 32);
    r->at = (struct node_at){.tag = NODE_HASH};
    memcpy(r->at.hash, block->hash, 32);
    ask(r);
}

void contract_read(struct contract_reader *r, const struct role_grants *grants,
                   contract_read_cb *cb, void *ctx)
{
    CHECK(r->cb == NULL);
    r->cb = cb;
    r->ctx = ctx;
    r->item = CONTRACT_TOKEN_CODE;
    r->older_slot_empty = false;
    r->grants = grants;
    r->grant = 0;
    r->party = 0;
    memset(&r->facts, 0, sizeof r->facts);
    node_block(r->node, (struct node_at){.tag = NODE_LATEST}, block_read, r);
}
