#include "tests/fuzz/signer_oracle.h"

#include <string.h>

#include "abi/keccak.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "tests/fuzz/fuzz.h"

enum { NO_WORD = -1, LIST_OF_TERMS = -1, LIST_OF_IDS = -2, SIGNED_MAX = 256 };

/* Every function that may be signed at all: what it is called in Solidity, where it lives, whose it is,
 * how many words of arguments it has, and which of them is an amount. */
static const struct rule {
    const char *text;
    int is_token, role, words, units_word;
} rules[] = {
    {"create((bytes32,uint88,uint40,bool,bytes32))", 0, WIRE_ROLE_RELAYER, 5, 1},
    {"createMany((bytes32,uint88,uint40,bool,bytes32)[])", 0, WIRE_ROLE_RELAYER, LIST_OF_TERMS,
     NO_WORD},
    {"release(bytes32)", 0, WIRE_ROLE_RELAYER, 1, NO_WORD},
    {"releaseMany(bytes32[])", 0, WIRE_ROLE_RELAYER, LIST_OF_IDS, NO_WORD},
    {"dispute(bytes32,uint8,bytes32)", 0, WIRE_ROLE_RELAYER, 3, NO_WORD},
    {"refundExpired(bytes32)", 0, WIRE_ROLE_RELAYER, 1, NO_WORD},
    {"dismiss(bytes32,bytes32)", 0, WIRE_ROLE_ARBITER, 2, NO_WORD},
    {"resolveRevert(bytes32,bytes32)", 0, WIRE_ROLE_ARBITER, 2, NO_WORD},
    {"resolveSplit(bytes32,uint88,bytes32)", 0, WIRE_ROLE_ARBITER, 3, 1},
    {"releaseEarly(bytes32)", 0, WIRE_ROLE_ARBITER, 1, NO_WORD},
    {"hold(bytes32,bytes32)", 0, WIRE_ROLE_ARBITER, 2, NO_WORD},
    {"transfer(address,uint256)", 1, WIRE_ROLE_RELAYER, 2, 1},
    {"approve(address,uint256)", 1, WIRE_ROLE_RELAYER, 2, NO_WORD},
};

enum { RULES = sizeof rules / sizeof *rules };

/* By key: a pool key calls the escrow as the relayer does; both move the tokens of one day. */
enum { KEY_ARBITER = 1, KEY_POOL = 2 };

struct remembered {
    size_t key;
    int is_cancel;
    uint64_t nonce;
    uint8_t asked[32], call[32], signed_tx[32];
};

static struct {
    struct policy policy;
    uint8_t address[ORACLE_KEYS][20], selector[RULES][4];
    struct remembered signatures[SIGNED_MAX];
    size_t n;
    uint64_t fence[ORACLE_KEYS];
    uint32_t day[2]; /* the relayers', the arbiter's */
    unsigned __int128 day_units[2];
} oracle;

void oracle_start(const struct policy *policy, const uint8_t address[ORACLE_KEYS][20])
{
    memset(&oracle, 0, sizeof oracle);
    oracle.policy = *policy;
    memcpy(oracle.address, address, sizeof oracle.address);
    for (size_t i = 0; i < RULES; i++) {
        uint8_t hash[32];

        keccak256(rules[i].text, strlen(rules[i].text), hash);
        memcpy(oracle.selector[i], hash, 4);
    }
}

static const uint8_t *word_at(struct bytes data, size_t i)
{
    HOLDS(data.n >= 4 + 32 * (i + 1));
    return data.p + 4 + 32 * i;
}

/* A number of at most 64 bits; whatever is above is an amount beyond every limit. */
static unsigned __int128 number_at(struct bytes data, size_t i)
{
    const uint8_t *word = word_at(data, i);
    uint64_t value = 0;

    for (size_t at = 0; at < 24; at++)
        HOLDS(word[at] == 0);
    for (size_t at = 24; at < 32; at++)
        value = value << 8 | word[at];
    return value;
}

static int address_is(struct bytes data, size_t i, const uint8_t address[20])
{
    static const uint8_t padding[12];
    const uint8_t *word = word_at(data, i);

    return memcmp(word, padding, 12) == 0 && memcmp(word + 12, address, 20) == 0;
}

static const struct rule *rule_of(const struct tx *tx)
{
    int is_token = memcmp(tx->to, oracle.policy.token, 20) == 0;

    HOLDS(tx->has_to && (is_token || memcmp(tx->to, oracle.policy.escrow, 20) == 0));
    HOLDS(tx->data.n >= 4);
    for (size_t i = 0; i < RULES; i++) {
        if (rules[i].is_token == is_token && memcmp(tx->data.p, oracle.selector[i], 4) == 0)
            return &rules[i];
    }
    HOLDS(!"a function that is on the list");
    return NULL;
}

/* One array as the only argument: where it starts, how long it is, and nothing behind it. */
static unsigned __int128 list_units(const struct rule *rule, struct bytes data)
{
    size_t each = rule->words == LIST_OF_TERMS ? 5 : 1;
    unsigned __int128 units = 0, n = number_at(data, 1);

    HOLDS(number_at(data, 0) == 32 && n >= 1 && n <= 500);
    HOLDS(data.n == 4 + 32 * (2 + (size_t)n * each));
    for (size_t i = 0; rule->words == LIST_OF_TERMS && i < n; i++)
        units += number_at(data, 2 + i * each + 1);
    return units;
}

static unsigned __int128 call_units(const struct rule *rule, struct bytes data)
{
    int fits = 0;

    if (rule->words < 0)
        return list_units(rule, data);
    HOLDS(data.n == 4 + 32 * (size_t)rule->words);
    if (strncmp(rule->text, "transfer(", 9) == 0) {
        for (size_t i = 0; i < oracle.policy.deposits_n; i++)
            fits |= address_is(data, 0, oracle.policy.deposits[i]);
        HOLDS(fits);
    }
    if (strncmp(rule->text, "approve(", 8) == 0)
        HOLDS(address_is(data, 0, oracle.policy.escrow) &&
              number_at(data, 1) <= oracle.policy.max_allowance_units);
    return rule->units_word == NO_WORD ? 0 : number_at(data, (size_t)rule->units_word);
}

static void price_check(const struct tx *tx)
{
    static const struct u256 zero;
    const struct policy *policy = &oracle.policy;

    HOLDS(tx->type == TX_EIP1559 && tx->chain_id == policy->chain_id);
    HOLDS(memcmp(&tx->value, &zero, sizeof zero) == 0 && tx->access_list.n == 0);
    HOLDS(tx->gas_limit <= policy->max_gas);
    HOLDS(memcmp(tx->max_fee.be, policy->max_fee_wei.be, 32) <= 0);
    HOLDS(memcmp(tx->max_priority_fee.be, policy->max_priority_fee_wei.be, 32) <= 0);
}

/* What was asked is what was signed, by the key that was asked. */
static void bytes_check(const struct oracle_case *one, struct tx *tx)
{
    static uint8_t memory[WIRE_FRAME_MAX];
    uint8_t sender[20];
    struct buf out;

    HOLDS(tx_decode_signed(one->signed_tx, tx) == TX_OK);
    HOLDS(tx_sender(tx, sender));
    HOLDS(memcmp(sender, oracle.address[one->key], 20) == 0);
    buf_init(&out, memory, sizeof memory);
    HOLDS(tx_encode_unsigned(tx, &out) && bytes_equal(buf_bytes(&out), one->asked));
}

/* A transfer of nothing to the key's own address. */
static int is_cancel(const struct oracle_case *one, const struct tx *tx)
{
    return tx->has_to && tx->data.n == 0 &&
           memcmp(tx->to, oracle.address[one->key], 20) == 0;
}

static struct remembered remember(const struct oracle_case *one, const struct tx *tx)
{
    struct remembered r = {.key = one->key, .nonce = tx->nonce,
                           .is_cancel = is_cancel(one, tx)};
    struct keccak hash;

    keccak256(one->asked.p, one->asked.n, r.asked);
    keccak256(one->signed_tx.p, one->signed_tx.n, r.signed_tx);
    keccak_init(&hash);
    keccak_update(&hash, tx->to, 20);
    keccak_update(&hash, &tx->gas_limit, sizeof tx->gas_limit);
    keccak_update(&hash, tx->data.p, tx->data.n);
    keccak_final(&hash, r.call);
    return r;
}

/* Against all that was signed before: one call for a nonce, the same bytes for the same request, no lower
 * fence, no day over its amount. */
static void history_check(const struct oracle_case *one, const struct tx *tx,
                          unsigned __int128 units)
{
    struct remembered now = remember(one, tx);
    size_t budget = one->key == KEY_ARBITER;
    int is_new_nonce = 1, is_known = 0, is_higher = one->fence > oracle.fence[one->key];

    HOLDS(one->fence >= oracle.fence[one->key]);
    oracle.fence[one->key] = one->fence;
    for (size_t i = 0; i < oracle.n; i++) {
        const struct remembered *was = &oracle.signatures[i];

        if (was->key != now.key || was->nonce != now.nonce)
            continue;
        is_new_nonce = 0;
        HOLDS(now.is_cancel || (!was->is_cancel && memcmp(was->call, now.call, 32) == 0));
        if (memcmp(was->asked, now.asked, 32) != 0)
            continue;
        is_known = 1;
        HOLDS(memcmp(was->signed_tx, now.signed_tx, 32) == 0);
    }
    HOLDS(!now.is_cancel || !is_new_nonce);
    /* A day begins with what is put on record: a mere repeat under the same fence is not. */
    if (one->day > oracle.day[budget] && (!is_known || is_higher)) {
        oracle.day[budget] = one->day;
        oracle.day_units[budget] = 0;
    }
    if (is_new_nonce)
        oracle.day_units[budget] += units;
    HOLDS(oracle.day_units[budget] <= oracle.policy.max_day_units);
    HOLDS(oracle.n < SIGNED_MAX);
    oracle.signatures[oracle.n++] = now;
}

void oracle_judge(const struct oracle_case *one)
{
    struct tx tx;
    unsigned __int128 units = 0;

    bytes_check(one, &tx);
    price_check(&tx);
    if (!is_cancel(one, &tx)) {
        const struct rule *rule = rule_of(&tx);

        HOLDS(rule->role == (one->key == KEY_ARBITER ? WIRE_ROLE_ARBITER : WIRE_ROLE_RELAYER));
        HOLDS(one->key != KEY_POOL || !rule->is_token);
        units = call_units(rule, tx.data);
    }
    HOLDS(units <= oracle.policy.max_tx_units);
    history_check(one, &tx, units);
}
