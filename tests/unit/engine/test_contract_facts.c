/* The contracts against what was deployed, without a chain: each fact alone, what is believed when, what is
 * said, and where a proxy keeps its implementation. */
#include "relayer/engine/contract_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/engine/contract_read.h"

static struct config config;
static struct contract_parties parties;
static struct contract_wanted wanted;
static struct contract_facts facts;
static struct contract_belief belief;
static char sentence[300];

static void address_set(struct config_address *address, int byte)
{
    address->set = true;
    memset(address->b, byte, 20);
    hex_encode_0x(address->b, 20, address->text);
}

static void hash_set(struct config_hash *hash, int byte)
{
    hash->set = true;
    memset(hash->b, byte, 32);
    hex_encode_0x(hash->b, 32, hash->text);
}

static void found_address(enum contract_item item, int byte)
{
    memset(facts.word[item], 0, 32);
    memset(facts.word[item] + 12, byte, 20);
}

static void found_number(enum contract_item item, uint8_t number)
{
    memset(facts.word[item], 0, 32);
    facts.word[item][31] = number;
}

static void found_hash(enum contract_item item, int byte)
{
    memset(facts.word[item], byte, 32);
}

static void at_block(int byte)
{
    facts.block = (uint64_t)byte;
    memset(facts.block_hash, byte, 32);
}

/* Every setting given, and a chain that says exactly that; written by hand from the contracts' sources, not
 * copied from what contract_wanted_fill makes. */
static int up(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    memset(&parties, 0, sizeof parties);
    memset(&facts, 0, sizeof facts);
    memset(&belief, 0, sizeof belief);
    address_set(&config.chain_token, 0x01);
    address_set(&config.chain_escrow, 0x02);
    address_set(&config.chain_bridge, 0x03);
    address_set(&config.chain_token_implementation, 0x04);
    address_set(&config.chain_admin, 0x05);
    address_set(&config.chain_guardian, 0x06);
    hash_set(&config.chain_token_code_hash, 0x11);
    hash_set(&config.chain_escrow_code_hash, 0x12);
    hash_set(&config.chain_token_implementation_code_hash, 0x14);
    memset(parties.relayer, 0x03, 20);
    memset(parties.arbiter, 0x07, 20);
    for (size_t i = 0; i < CONTRACT_ITEMS; i++)
        facts.state[i] = CONTRACT_READ;
    at_block(1);
    found_hash(CONTRACT_TOKEN_CODE, 0x11);
    found_hash(CONTRACT_ESCROW_CODE, 0x12);
    found_address(CONTRACT_IMPLEMENTATION, 0x04);
    found_hash(CONTRACT_IMPLEMENTATION_CODE, 0x14);
    found_number(CONTRACT_DECIMALS, 6);
    found_address(CONTRACT_TOKEN, 0x01);
    found_address(CONTRACT_FUNDER, 0x03);
    found_address(CONTRACT_PAYOUT, 0x03);
    found_address(CONTRACT_REFUND, 0x03);
    found_number(CONTRACT_RELAYER_ROLE, 1);
    found_number(CONTRACT_ARBITER_ROLE, 1);
    found_number(CONTRACT_GUARDIAN_ROLE, 1);
    found_address(CONTRACT_ADMIN, 0x05);
    found_number(CONTRACT_RELAYER_ARBITER, 0);
    found_number(CONTRACT_RELAYER_ADMIN, 0);
    found_number(CONTRACT_ROLE_HOLDER, 0);
    contract_wanted_fill(&wanted, &config);
    return 0;
}

static bool differs(int item)
{
    return contract_differs(&wanted, &facts, (enum contract_item)item);
}

static bool refused(void)
{
    return contract_refusal(&config, &parties, &wanted, &facts, sentence);
}

static void note(int64_t now_ms)
{
    contract_note(&belief, &wanted, &facts, now_ms);
}

static void what_was_deployed_differs_in_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < CONTRACT_ITEMS; i++) {
        assert_true(wanted.compared[i]);
        assert_false(differs(i));
    }
    assert_false(contract_differs_somewhere(&wanted, &facts));
    assert_false(refused());
    note(0);
    assert_int_equal(contract_differing(&belief), 0);
}

/* Each fact alone, each of its bytes, and no word at all: that one item differs and no other. */
static void each_change_is_its_own_difference(void **state)
{
    for (int i = 0; i < CONTRACT_ITEMS; i++) {
        for (int byte = 0; byte < 32; byte++) {
            up(state);
            facts.word[i][byte] ^= 0x40;
            for (int k = 0; k < CONTRACT_ITEMS; k++)
                assert_int_equal(differs(k), k == i);
        }
        up(state);
        facts.state[i] = CONTRACT_MUTE;
        for (int k = 0; k < CONTRACT_ITEMS; k++)
            assert_int_equal(differs(k), k == i);
        assert_true(contract_differs_somewhere(&wanted, &facts));
        facts.state[i] = CONTRACT_UNREAD;
        assert_false(differs(i));
        assert_false(contract_differs_somewhere(&wanted, &facts));
    }
}

static void what_no_setting_says_is_not_compared(void **state)
{
    (void)state;
    static const enum contract_item free_items[] = {CONTRACT_TOKEN_CODE, CONTRACT_ESCROW_CODE,
                                                    CONTRACT_IMPLEMENTATION_CODE, CONTRACT_ADMIN,
                                                    CONTRACT_GUARDIAN_ROLE};
    config.chain_token_code_hash.set = config.chain_escrow_code_hash.set = false;
    config.chain_token_implementation_code_hash.set = false;
    config.chain_admin.set = config.chain_guardian.set = false;
    contract_wanted_fill(&wanted, &config);
    for (size_t i = 0; i < sizeof free_items / sizeof free_items[0]; i++) {
        assert_false(wanted.compared[free_items[i]]);
        facts.word[free_items[i]][31] ^= 1;
        assert_false(differs(free_items[i]));
    }
    memset(facts.word[CONTRACT_ESCROW_CODE], 0, 32); /* but some code there must be */
    assert_true(differs(CONTRACT_ESCROW_CODE));
    assert_true(refused());
    note(0);
    assert_string_equal(belief.item[CONTRACT_ESCROW_CODE].found, "no code");
    assert_string_equal(belief.item[CONTRACT_ESCROW_CODE].wanted, "some code");
}

/* No implementation in the settings says that the token is no proxy, and that is compared. */
static void a_proxy_nobody_recorded_is_a_difference(void **state)
{
    (void)state;
    memset(&config.chain_token_implementation, 0, sizeof config.chain_token_implementation);
    memset(&config.chain_token_implementation_code_hash, 0, sizeof(struct config_hash));
    contract_wanted_fill(&wanted, &config);
    assert_true(differs(CONTRACT_IMPLEMENTATION));
    note(0);
    assert_string_equal(belief.item[CONTRACT_IMPLEMENTATION].wanted, "no proxy");
    assert_string_equal(belief.item[CONTRACT_IMPLEMENTATION].found,
                        "0x0404040404040404040404040404040404040404");
    memset(facts.word[CONTRACT_IMPLEMENTATION], 0, 32);
    memset(facts.word[CONTRACT_IMPLEMENTATION_CODE], 0, 32);
    assert_false(differs(CONTRACT_IMPLEMENTATION));
    assert_false(differs(CONTRACT_IMPLEMENTATION_CODE));
}

/* These never start; everything else starts paused. */
static void some_differences_refuse_the_start(void **state)
{
    static const struct {
        enum contract_item item;
        const char *says;
    } rows[] = {
        {CONTRACT_DECIMALS, "has 70 decimals, MXNB has 6"},
        {CONTRACT_TOKEN, "holds another token than chain.token"},
        {CONTRACT_FUNDER, "funder is not chain.bridge 0x0303030303030303030303030303030303030303"},
        {CONTRACT_RELAYER_ROLE, "relayer address 0x0303030303030303030303030303030303030303 does "
                                "not hold the role RELAYER"},
        {CONTRACT_ARBITER_ROLE, "arbiter address 0x0707070707070707070707070707070707070707 does "
                                "not hold the role ARBITER"},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    for (int i = 0; i < CONTRACT_ITEMS; i++) {
        size_t row = 0;
        while (row < ROWS && (int)rows[row].item != i)
            row++;
        up(state);
        facts.word[i][31] ^= 0x40;
        assert_int_equal(refused(), row < ROWS);
        if (row < ROWS)
            assert_non_null(strstr(sentence, rows[row].says));
        facts.state[i] = CONTRACT_MUTE;
        snprintf(facts.mute, sizeof facts.mute, "call reverted: so there");
        assert_int_equal(refused(), row < ROWS);
        if (row < ROWS)
            assert_non_null(strstr(sentence, "do not answer as token and escrow"));
    }
    up(state);
    memset(facts.word[CONTRACT_TOKEN_CODE], 0, 32);
    assert_true(refused());
    assert_string_equal(sentence, "no contract code at the token address "
                                  "0x0101010101010101010101010101010101010101 on this chain");
}

static void two_looks_at_two_blocks_are_believed(void **state)
{
    (void)state;
    found_address(CONTRACT_PAYOUT, 0x66);
    note(1000);
    assert_int_equal(contract_differing(&belief), 1);
    assert_int_equal(contract_believed(&belief), 0);
    note(1500); /* the same block again says nothing new */
    assert_int_equal(contract_believed(&belief), 0);
    at_block(2);
    note(2000);
    assert_int_equal(contract_believed(&belief), 1);
    assert_true(belief.item[CONTRACT_PAYOUT].believed);
    at_block(3); /* put right: one look suffices */
    found_address(CONTRACT_PAYOUT, 0x03);
    note(3000);
    assert_int_equal(contract_differing(&belief), 0);
    assert_int_equal(contract_believed(&belief), 0);
}

static void one_look_alone_is_forgotten(void **state)
{
    (void)state;
    found_address(CONTRACT_PAYOUT, 0x66);
    note(1000);
    at_block(2);
    found_address(CONTRACT_PAYOUT, 0x03);
    note(2000);
    at_block(3);
    found_address(CONTRACT_PAYOUT, 0x66);
    note(3000);
    assert_int_equal(contract_believed(&belief), 0); /* the first of a new pair */
}

static void a_chain_that_stands_still_is_believed_in_time(void **state)
{
    (void)state;
    found_number(CONTRACT_GUARDIAN_ROLE, 0);
    note(1000);
    note(1000 + CONTRACT_STILL_MS - 1);
    assert_int_equal(contract_believed(&belief), 0);
    note(1000 + CONTRACT_STILL_MS);
    assert_int_equal(contract_believed(&belief), 1);
}

static void what_was_not_read_stays_as_it_was(void **state)
{
    (void)state;
    found_address(CONTRACT_ADMIN, 0x66);
    note(1000);
    at_block(2);
    facts.state[CONTRACT_ADMIN] = CONTRACT_UNREAD;
    note(2000);
    assert_true(belief.item[CONTRACT_ADMIN].differs);
    assert_false(belief.item[CONTRACT_ADMIN].believed);
    facts.state[CONTRACT_ADMIN] = CONTRACT_MUTE;
    note(3000);
    assert_true(belief.item[CONTRACT_ADMIN].believed);
    assert_string_equal(belief.item[CONTRACT_ADMIN].found, "no answer of the contract");
}

/* The database takes 160 characters: the longest must fit, whole words. */
static void the_reason_fits(void **state)
{
    (void)state;
    char reason[CONTRACT_REASON_MAX];
    memset(facts.word, 0x66, sizeof facts.word);
    note(1000);
    at_block(2);
    note(2000);
    assert_int_equal(contract_believed(&belief), CONTRACT_ITEMS);
    contract_reason(&belief, reason);
    assert_string_equal(reason, "contract changed: token_code is 0x666666666666, wanted "
                                "0x111111111111, and 15 more");
    for (int i = 0; i + 1 < CONTRACT_ITEMS; i++) {
        belief.item[i] = (struct contract_doubt){0};
        contract_reason(&belief, reason);
        assert_non_null(strstr(reason, contract_item_name((enum contract_item)(i + 1))));
        assert_true(strlen(reason) < CONTRACT_REASON_MAX - 1);
        assert_true(contract_believed(&belief) == 1 || strstr(reason, " more") != NULL);
    }
}

static bool notice(struct contract_notice *out, const struct escrow_admin_event *event)
{
    memset(out, 0, sizeof *out);
    return contract_notice_fill(out, event);
}

static struct role_grant grant(const uint8_t role[32], int account)
{
    struct role_grant out;
    memcpy(out.role, role, 32);
    memset(out.account, account, 20);
    return out;
}

static bool expected(const uint8_t role[32], int account)
{
    struct role_grant one = grant(role, account);
    return contract_role_expected(&one, &config, &parties);
}

static void only_settings_and_signer_name_a_holder(void **state)
{
    (void)state;
    const struct {
        const uint8_t *role;
        int holder;
        const char *says;
    } rows[] = {
        {escrow_role_relayer, 0x03, "RELAYER 0x9999999999999999999999999999999999999999"},
        {escrow_role_arbiter, 0x07, "ARBITER 0x9999999999999999999999999999999999999999"},
        {escrow_role_guardian, 0x06, "GUARDIAN 0x9999999999999999999999999999999999999999"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(expected(rows[i].role, rows[i].holder));
        assert_false(expected(rows[i].role, rows[(i + 1) % 3].holder));
        assert_false(expected(rows[i].role, 0x99));
        struct role_grant stranger = grant(rows[i].role, 0x99);
        contract_holder_word(&stranger, facts.word[CONTRACT_ROLE_HOLDER]);
        assert_true(differs(CONTRACT_ROLE_HOLDER));
        note(1000);
        assert_string_equal(belief.item[CONTRACT_ROLE_HOLDER].found, rows[i].says);
        assert_string_equal(belief.item[CONTRACT_ROLE_HOLDER].wanted, "nobody else");
    }
    config.chain_guardian.set = false; /* not compared */
    assert_true(expected(escrow_role_guardian, 0x99));
    assert_false(expected(escrow_role_arbiter, 0x99));
}

static void roles_that_are_compared_are_asked_for(void **state)
{
    (void)state;
    const uint8_t *roles[3];
    contract_roles_compared(&config, roles);
    assert_memory_equal(roles[0], escrow_role_relayer, 32);
    assert_memory_equal(roles[1], escrow_role_arbiter, 32);
    assert_memory_equal(roles[2], escrow_role_guardian, 32);
    config.chain_guardian.set = false;
    contract_roles_compared(&config, roles);
    for (size_t i = 0; i < 3; i++)
        assert_memory_not_equal(roles[i], escrow_role_guardian, 32);
}

/* A role that is used is a difference when a stranger has it; told is one that the contract does not know. */
static void a_role_of_an_unknown_name_is_told(void **state)
{
    (void)state;
    static const uint8_t UNKNOWN[32] = {1};
    const uint8_t *const used[] = {escrow_role_relayer, escrow_role_arbiter, escrow_role_guardian,
                                   escrow_role_admin};
    struct contract_notice out;
    struct escrow_admin_event event = {.kind = ESCROW_ADMIN_ROLE_GRANTED};
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
        memcpy(event.role, used[i], 32);
        assert_false(notice(&out, &event));
    }
    memcpy(event.role, UNKNOWN, 32);
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "RoleGranted");
}

static void an_announced_change_is_told(void **state)
{
    (void)state;
    struct contract_notice out;
    struct escrow_admin_event event = {.kind = ESCROW_ADMIN_WALLETS_PROPOSED, .at = 1800000000};
    memset(event.account, 0x77, 20);
    memset(event.refund, 0x88, 20);
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "WalletsProposed");
    assert_string_equal(out.detail, "from UNIX time 1800000000 on the escrow may pay out to "
                                    "0x7777777777777777777777777777777777777777 and refund to "
                                    "0x8888888888888888888888888888888888888888");
    event.kind = ESCROW_ADMIN_TRANSFER_SCHEDULED;
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "DefaultAdminTransferScheduled");
    assert_non_null(strstr(out.detail, "may become the escrow's admin from UNIX time 1800000000"));
    event = (struct escrow_admin_event){
        .kind = ESCROW_ADMIN_DELAY_SCHEDULED, .delay_s = 3600, .at = 1800000000};
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "DefaultAdminDelayChangeScheduled");
    assert_string_equal(out.detail, "from UNIX time 1800000000 on a transfer of the escrow's admin "
                                    "role waits 3600 seconds");
    event.kind = ESCROW_ADMIN_TRANSFER_CANCELED;
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "DefaultAdminTransferCanceled");
    event.kind = ESCROW_ADMIN_DELAY_CANCELED;
    assert_true(notice(&out, &event));
    assert_string_equal(out.subject, "DefaultAdminDelayChangeCanceled");
    static const enum escrow_admin_kind told_by_the_check[] = {
        ESCROW_ADMIN_ROLE_REVOKED, ESCROW_ADMIN_WALLETS_CHANGED, ESCROW_ADMIN_PAUSE_SET,
        ESCROW_ADMIN_RESCUED};
    for (size_t i = 0; i < sizeof told_by_the_check / sizeof told_by_the_check[0]; i++) {
        event.kind = told_by_the_check[i];
        assert_false(notice(&out, &event));
    }
}

/* The two conventions, from the names they hash. */
static void slots_are_hashes_of_their_names(void **state)
{
    (void)state;
    static const char ZEPPELINOS[] = "org.zeppelinos.proxy.implementation";
    static const char ERC1967[] = "eip1967.proxy.implementation";
    uint8_t hash[32];
    keccak256(ZEPPELINOS, sizeof ZEPPELINOS - 1, hash);
    assert_memory_equal(hash, contract_slot_zeppelinos, 32);
    keccak256(ERC1967, sizeof ERC1967 - 1, hash);
    assert_true(hash[31] > 0); /* no borrow */
    hash[31]--;
    assert_memory_equal(hash, contract_slot_erc1967, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_deployed_differs_in_nothing, up),
        cmocka_unit_test_setup(each_change_is_its_own_difference, up),
        cmocka_unit_test_setup(what_no_setting_says_is_not_compared, up),
        cmocka_unit_test_setup(a_proxy_nobody_recorded_is_a_difference, up),
        cmocka_unit_test_setup(some_differences_refuse_the_start, up),
        cmocka_unit_test_setup(two_looks_at_two_blocks_are_believed, up),
        cmocka_unit_test_setup(one_look_alone_is_forgotten, up),
        cmocka_unit_test_setup(a_chain_that_stands_still_is_believed_in_time, up),
        cmocka_unit_test_setup(what_was_not_read_stays_as_it_was, up),
        cmocka_unit_test_setup(the_reason_fits, up),
        cmocka_unit_test_setup(only_settings_and_signer_name_a_holder, up),
        cmocka_unit_test_setup(roles_that_are_compared_are_asked_for, up),
        cmocka_unit_test_setup(a_role_of_an_unknown_name_is_told, up),
        cmocka_unit_test_setup(an_announced_change_is_told, up),
        cmocka_unit_test(slots_are_hashes_of_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
