#include "relayer/engine/contract_facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "relayer/base/check.h"

enum kind { KIND_CODE, KIND_ADDRESS, KIND_NUMBER, KIND_YES_NO, KIND_HOLDER };

static const struct {
    const char *name;
    enum kind kind;
    bool refuses; /* the daemon does not start with it */
} items[CONTRACT_ITEMS] = {
    [CONTRACT_TOKEN_CODE] = {"token_code", KIND_CODE, false},
    [CONTRACT_ESCROW_CODE] = {"escrow_code", KIND_CODE, false},
    [CONTRACT_IMPLEMENTATION] = {"token_implementation", KIND_ADDRESS, false},
    [CONTRACT_IMPLEMENTATION_CODE] = {"token_implementation_code", KIND_CODE, false},
    [CONTRACT_DECIMALS] = {"decimals", KIND_NUMBER, true},
    [CONTRACT_TOKEN] = {"token", KIND_ADDRESS, true},
    [CONTRACT_FUNDER] = {"funder", KIND_ADDRESS, true},
    [CONTRACT_PAYOUT] = {"payout", KIND_ADDRESS, false},
    [CONTRACT_REFUND] = {"refund", KIND_ADDRESS, false},
    [CONTRACT_RELAYER_ROLE] = {"relayer_role", KIND_YES_NO, true},
    [CONTRACT_ARBITER_ROLE] = {"arbiter_role", KIND_YES_NO, true},
    [CONTRACT_GUARDIAN_ROLE] = {"guardian_role", KIND_YES_NO, false},
    [CONTRACT_ADMIN] = {"admin", KIND_ADDRESS, false},
    [CONTRACT_RELAYER_ARBITER] = {"relayer_is_arbiter", KIND_YES_NO, false},
    [CONTRACT_RELAYER_ADMIN] = {"relayer_is_admin", KIND_YES_NO, false},
    [CONTRACT_ROLE_HOLDER] = {"role_holder", KIND_HOLDER, false},
};

static const uint8_t ZERO[32];

const char *contract_item_name(enum contract_item item)
{
    return items[item].name;
}

bool contract_item_is_code(enum contract_item item)
{
    return items[item].kind == KIND_CODE;
}

/* --- what is wanted ---------------------------------------------------------------------------- */

static void want_address(struct contract_wanted *wanted, enum contract_item item,
                         const uint8_t address[20])
{
    wanted->compared[item] = true;
    memcpy(wanted->word[item] + 12, address, 20);
}

static void want_number(struct contract_wanted *wanted, enum contract_item item, uint8_t number)
{
    wanted->compared[item] = true;
    wanted->word[item][31] = number;
}

static void want_hash(struct contract_wanted *wanted, enum contract_item item,
                      const struct config_hash *hash)
{
    wanted->compared[item] = hash->set;
    memcpy(wanted->word[item], hash->b, 32);
}

void contract_wanted_fill(struct contract_wanted *wanted, const struct config *config)
{
    memset(wanted, 0, sizeof *wanted);
    want_hash(wanted, CONTRACT_TOKEN_CODE, &config->chain_token_code_hash);
    want_hash(wanted, CONTRACT_ESCROW_CODE, &config->chain_escrow_code_hash);
    want_address(wanted, CONTRACT_IMPLEMENTATION, config->chain_token_implementation.b);
    want_hash(wanted, CONTRACT_IMPLEMENTATION_CODE, &config->chain_token_implementation_code_hash);
    want_number(wanted, CONTRACT_DECIMALS, MXNB_DECIMALS);
    want_address(wanted, CONTRACT_TOKEN, config->chain_token.b);
    want_address(wanted, CONTRACT_FUNDER, config->chain_bridge.b);
    want_address(wanted, CONTRACT_PAYOUT, config->chain_bridge.b);
    want_address(wanted, CONTRACT_REFUND, config->chain_bridge.b);
    want_number(wanted, CONTRACT_RELAYER_ROLE, 1);
    want_number(wanted, CONTRACT_ARBITER_ROLE, 1);
    if (config->chain_guardian.set)
        want_number(wanted, CONTRACT_GUARDIAN_ROLE, 1);
    if (config->chain_admin.set)
        want_address(wanted, CONTRACT_ADMIN, config->chain_admin.b);
    want_number(wanted, CONTRACT_RELAYER_ARBITER, 0);
    want_number(wanted, CONTRACT_RELAYER_ADMIN, 0);
    want_number(wanted, CONTRACT_ROLE_HOLDER, 0);
}

/* --- roles ------------------------------------------------------------------------------------- */

static const struct {
    const uint8_t *role;
    const char *name;
} roles[] = {{escrow_role_relayer, "RELAYER"},
             {escrow_role_arbiter, "ARBITER"},
             {escrow_role_guardian, "GUARDIAN"}};
enum { ROLES = sizeof roles / sizeof roles[0] };

/* ROLES: none of them. */
static size_t role_place(const uint8_t role[32])
{
    size_t i = 0;
    while (i < ROLES && memcmp(roles[i].role, role, 32) != 0)
        i++;
    return i;
}

bool contract_role_expected(const struct role_grant *grant, const struct config *config,
                            const struct contract_parties *parties)
{
    const struct {
        const uint8_t *role, *holder;
        bool known;
    } rows[] = {{escrow_role_relayer, parties->relayer, true},
                {escrow_role_arbiter, parties->arbiter, true},
                {escrow_role_guardian, config->chain_guardian.b, config->chain_guardian.set}};
    for (size_t i = 0; i < parties->more_n; i++) {
        const uint8_t *role =
            parties->more[i].is_arbiter ? escrow_role_arbiter : escrow_role_relayer;
        if (memcmp(role, grant->role, 32) == 0 &&
            memcmp(parties->more[i].address, grant->account, 20) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (memcmp(rows[i].role, grant->role, 32) == 0)
            return !rows[i].known || memcmp(rows[i].holder, grant->account, 20) == 0;
    }
    return true;
}

void contract_roles_compared(const struct config *config, const uint8_t *role[3])
{
    role[0] = escrow_role_relayer;
    role[1] = escrow_role_arbiter;
    role[2] = config->chain_guardian.set ? escrow_role_guardian : escrow_role_arbiter;
}

void contract_holder_word(const struct role_grant *grant, uint8_t word[32])
{
    size_t place = role_place(grant->role);
    CHECK(place < ROLES);
    memset(word, 0, 32);
    word[0] = (uint8_t)(place + 1);
    memcpy(word + 12, grant->account, 20);
}

/* --- differences ------------------------------------------------------------------------------- */

static bool lacks_code(const struct contract_facts *facts, enum contract_item item)
{
    return (item == CONTRACT_TOKEN_CODE || item == CONTRACT_ESCROW_CODE) &&
           facts->state[item] == CONTRACT_READ && memcmp(facts->word[item], ZERO, 32) == 0;
}

bool contract_differs(const struct contract_wanted *wanted, const struct contract_facts *facts,
                      enum contract_item item)
{
    if (lacks_code(facts, item))
        return true;
    if (!wanted->compared[item] || facts->state[item] == CONTRACT_UNREAD)
        return false;
    return facts->state[item] == CONTRACT_MUTE ||
           memcmp(facts->word[item], wanted->word[item], 32) != 0;
}

bool contract_differs_somewhere(const struct contract_wanted *wanted,
                                const struct contract_facts *facts)
{
    for (size_t i = 0; i < CONTRACT_ITEMS; i++) {
        if (contract_differs(wanted, facts, (enum contract_item)i))
            return true;
    }
    return false;
}

static void holder_text(const uint8_t word[32], char out[CONTRACT_WORDS_MAX])
{
    char address[HEX_ADDRESS_SIZE];
    hex_checksum_address(word + 12, address);
    if (memcmp(word, ZERO, 32) == 0)
        snprintf(out, CONTRACT_WORDS_MAX, "nobody else");
    else if (word[0] >= 1 && word[0] <= ROLES)
        snprintf(out, CONTRACT_WORDS_MAX, "%s %s", roles[word[0] - 1].name, address);
    else
        hex_encode_0x(word, 32, out);
}

static void word_text(enum contract_item item, const uint8_t word[32], char out[CONTRACT_WORDS_MAX])
{
    bool zero = memcmp(word, ZERO, 32) == 0;
    bool small = memcmp(word, ZERO, 31) == 0;
    if (items[item].kind == KIND_CODE && zero)
        snprintf(out, CONTRACT_WORDS_MAX, "no code");
    else if (item == CONTRACT_IMPLEMENTATION && zero)
        snprintf(out, CONTRACT_WORDS_MAX, "no proxy");
    else if (items[item].kind == KIND_HOLDER)
        holder_text(word, out);
    else if (items[item].kind == KIND_ADDRESS && memcmp(word, ZERO, 12) == 0)
        hex_checksum_address(word + 12, out);
    else if (items[item].kind == KIND_YES_NO && small && word[31] <= 1)
        snprintf(out, CONTRACT_WORDS_MAX, "%s", zero ? "no" : "yes");
    else if (items[item].kind == KIND_NUMBER && small)
        snprintf(out, CONTRACT_WORDS_MAX, "%u", word[31]);
    else
        hex_encode_0x(word, 32, out);
}

static void wanted_text(const struct contract_wanted *wanted, enum contract_item item,
                        char out[CONTRACT_WORDS_MAX])
{
    if (wanted->compared[item])
        word_text(item, wanted->word[item], out);
    else
        snprintf(out, CONTRACT_WORDS_MAX, "some code");
}

/* --- refusals at start -------------------------------------------------------------------------- */

static void role_sentence(const struct contract_parties *parties, enum contract_item item,
                          char out[300])
{
    bool relayer = item == CONTRACT_RELAYER_ROLE;
    char address[HEX_ADDRESS_SIZE];
    hex_checksum_address(relayer ? parties->relayer : parties->arbiter, address);
    snprintf(out, 300,
             "the signer's %s address %s does not hold the role %s in the escrow contract",
             relayer ? "relayer" : "arbiter", address, relayer ? "RELAYER" : "ARBITER");
}

bool contract_refusal(const struct config *config, const struct contract_parties *parties,
                      const struct contract_wanted *wanted, const struct contract_facts *facts,
                      char out[300])
{
    size_t i = 0;
    while (i < CONTRACT_ITEMS &&
           !(lacks_code(facts, (enum contract_item)i) ||
             (items[i].refuses && contract_differs(wanted, facts, (enum contract_item)i))))
        i++;
    if (i == CONTRACT_ITEMS)
        return false;
    enum contract_item item = (enum contract_item)i;
    bool token = item == CONTRACT_TOKEN_CODE;
    char found[CONTRACT_WORDS_MAX];
    word_text(item, facts->word[item], found);
    if (contract_item_is_code(item))
        snprintf(out, 300, "no contract code at the %s address %s on this chain",
                 token ? "token" : "escrow",
                 token ? config->chain_token.text : config->chain_escrow.text);
    else if (facts->state[item] == CONTRACT_MUTE)
        snprintf(out, 300, "the contracts at %s and %s do not answer as token and escrow: %s: %s",
                 config->chain_token.text, config->chain_escrow.text, items[item].name,
                 facts->mute);
    else if (item == CONTRACT_DECIMALS)
        snprintf(out, 300, "the token at %s has %s decimals, MXNB has 6", config->chain_token.text,
                 found);
    else if (item == CONTRACT_TOKEN)
        snprintf(out, 300, "the escrow contract %s holds another token than chain.token",
                 config->chain_escrow.text);
    else if (item == CONTRACT_FUNDER)
        snprintf(out, 300, "the escrow contract's funder is not chain.bridge %s",
                 config->chain_bridge.text);
    else
        role_sentence(parties, item, out);
    return true;
}

/* --- belief ------------------------------------------------------------------------------------ */

static void doubt(struct contract_doubt *d, const struct contract_facts *facts, int64_t now_ms)
{
    if (!d->differs) {
        d->differs = true;
        memcpy(d->since_block, facts->block_hash, 32);
        d->since_ms = now_ms;
    } else if (memcmp(d->since_block, facts->block_hash, 32) != 0 ||
               now_ms - d->since_ms >= CONTRACT_STILL_MS) {
        d->believed = true;
    }
}

void contract_note(struct contract_belief *belief, const struct contract_wanted *wanted,
                   const struct contract_facts *facts, int64_t now_ms)
{
    for (size_t i = 0; i < CONTRACT_ITEMS; i++) {
        enum contract_item item = (enum contract_item)i;
        struct contract_doubt *d = &belief->item[i];
        if (facts->state[i] == CONTRACT_UNREAD)
            continue;
        if (!contract_differs(wanted, facts, item)) {
            *d = (struct contract_doubt){0};
            continue;
        }
        doubt(d, facts, now_ms);
        wanted_text(wanted, item, d->wanted);
        if (facts->state[i] == CONTRACT_MUTE)
            snprintf(d->found, sizeof d->found, "no answer of the contract");
        else
            word_text(item, facts->word[i], d->found);
    }
}

size_t contract_differing(const struct contract_belief *belief)
{
    size_t n = 0;
    for (size_t i = 0; i < CONTRACT_ITEMS; i++)
        n += belief->item[i].differs;
    return n;
}

size_t contract_believed(const struct contract_belief *belief)
{
    size_t n = 0;
    for (size_t i = 0; i < CONTRACT_ITEMS; i++)
        n += belief->item[i].believed;
    return n;
}

/* A hash is cut: the alarm and system.status have it whole. */
static int shown(const char *text)
{
    return strlen(text) == 66 ? 14 : (int)strlen(text);
}

void contract_reason(const struct contract_belief *belief, char out[CONTRACT_REASON_MAX])
{
    size_t n = contract_believed(belief), i = 0;
    CHECK(n > 0);
    while (!belief->item[i].believed)
        i++;
    const struct contract_doubt *d = &belief->item[i];
    char more[32] = "";
    if (n > 1)
        snprintf(more, sizeof more, ", and %zu more", n - 1);
    snprintf(out, CONTRACT_REASON_MAX, "contract changed: %s is %.*s, wanted %.*s%s", items[i].name,
             shown(d->found), d->found, shown(d->wanted), d->wanted, more);
}

/* --- notices ----------------------------------------------------------------------------------- */

static void notice_say(struct contract_notice *notice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void notice_say(struct contract_notice *notice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(notice->detail, sizeof notice->detail, format, args);
    va_end(args);
}

/* The four roles of the contract: who holds them is compared. */
static bool role_used(const uint8_t role[32])
{
    return role_place(role) < ROLES || memcmp(role, escrow_role_admin, 32) == 0;
}

bool contract_notice_fill(struct contract_notice *notice, const struct escrow_admin_event *event)
{
    char account[HEX_ADDRESS_SIZE], refund[HEX_ADDRESS_SIZE];
    unsigned long long at = event->at, delay_s = event->delay_s;
    hex_checksum_address(event->account, account);
    hex_checksum_address(event->refund, refund);
    snprintf(notice->subject, sizeof notice->subject, "%s", escrow_admin_event_name(event->kind));
    switch (event->kind) {
    case ESCROW_ADMIN_ROLE_GRANTED:
        notice_say(notice, "%s was given a role of an unknown name in the escrow", account);
        return !role_used(event->role);
    case ESCROW_ADMIN_TRANSFER_SCHEDULED:
        notice_say(notice, "%s may become the escrow's admin from UNIX time %llu on", account, at);
        return true;
    case ESCROW_ADMIN_TRANSFER_CANCELED:
        notice_say(notice, "the announced transfer of the escrow's admin role was taken back");
        return true;
    case ESCROW_ADMIN_DELAY_SCHEDULED:
        notice_say(
            notice,
            "from UNIX time %llu on a transfer of the escrow's admin role waits %llu seconds", at,
            delay_s);
        return true;
    case ESCROW_ADMIN_DELAY_CANCELED:
        notice_say(notice, "the announced delay of admin transfers was taken back");
        return true;
    case ESCROW_ADMIN_WALLETS_PROPOSED:
        notice_say(notice, "from UNIX time %llu on the escrow may pay out to %s and refund to %s",
                   at, account, refund);
        return true;
    case ESCROW_ADMIN_ROLE_REVOKED:
    case ESCROW_ADMIN_WALLETS_CHANGED:
    case ESCROW_ADMIN_PAUSE_SET:
    case ESCROW_ADMIN_RESCUED:
        return false;
    }
    return false;
}
