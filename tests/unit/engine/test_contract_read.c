/* The questions about the contracts against a scripted node: all at one block, in order, what is not compared
 * unasked, and what is known when a look breaks off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/chain/node.h"
#include "relayer/engine/contract_read.h"
#include "relayer/net/http.h"
#include "tests/unit/chain/peer.h"

#define H32 "1111111111111111111111111111111111111111111111111111111111111111"
#define Z24 "000000000000000000000000"
#define Z31 "00000000000000000000000000000000000000000000000000000000000000"

static uv_loop_t loop;
static struct http_client *http;
static struct peer *peer;
static struct node *node;
static struct config config;
static struct contract_parties parties;
static struct contract_wanted wanted;
static struct contract_reader *reader;
static struct role_grants grants;
static unsigned said; /* answers planned so far; their ids follow each other */

static struct {
    unsigned calls;
    bool failed;
    struct err err;
    struct contract_facts facts;
} got;

static void on_facts(void *ctx, const struct err *err, const struct contract_facts *facts)
{
    (void)ctx;
    got.calls++;
    got.failed = err != NULL;
    got.err = err != NULL ? *err : (struct err){0};
    got.facts = *facts;
}

static void address_set(struct config_address *address, int byte)
{
    address->set = true;
    memset(address->b, byte, 20);
}

static int up(void **state)
{
    struct http_limits limits = {.in_flight_max = 8, .queue_max = 8};
    struct err err;
    char url[64];

    (void)state;
    memset(&got, 0, sizeof got);
    memset(&config, 0, sizeof config);
    grants.n = 0;
    said = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    http = http_client_new(&loop, &limits);
    peer = peer_new(&loop);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", peer_port(peer));
    node = node_new(http, &(struct node_settings){.urls = url, .timeout_ms = 2000}, &err);
    assert_non_null(node);
    address_set(&config.chain_token, 0xa1);
    address_set(&config.chain_escrow, 0xa2);
    address_set(&config.chain_bridge, 0xa3);
    address_set(&config.chain_admin, 0xa4);
    address_set(&config.chain_guardian, 0xa5);
    memset(parties.relayer, 0xa3, 20);
    memset(parties.arbiter, 0xa6, 20);
    contract_wanted_fill(&wanted, &config);
    reader = contract_reader_new(node, &config, &parties, &wanted);
    return 0;
}

static int down(void **state)
{
    (void)state;
    contract_reader_free(reader);
    node_free(node);
    http_client_free(http);
    peer_free(peer);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void say(const char *result)
{
    char body[512];
    snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":%s}", ++said, result);
    peer_say(peer, body);
}

static void say_reverted(void)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":3,\"message\":\"execution "
             "reverted: so there\",\"data\":\"0x\"}}",
             ++said);
    peer_say(peer, body);
}

static void say_block(void)
{
    say("{\"number\":\"0x7\",\"hash\":\"0x" H32 "\",\"parentHash\":\"0x" H32
        "\",\"timestamp\":\"0x1\"}");
}

static void look(void)
{
    contract_read(reader, &grants, on_facts, NULL);
    assert_int_equal(got.calls, 0);
    while (got.calls == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static void asked(size_t i, const char *part)
{
    assert_true(i < peer_requests(peer));
    const char *body = peer_request(peer, i)->body;
    if (strstr(body, part) == NULL)
        fail_msg("question %zu is %s, without %s", i, body, part);
}

/* A proxy of the older kind: every question once, each at the block that the first one named. */
static void asks_everything_at_one_block(void **state)
{
    static const char *const words[] = {
        /* decimals, token, funder, payout, refund */
        "06", "a1", "a3", "a3", "a3",
        /* relayer, arbiter, guardian, admin, and what the relayer must not be */
        "01", "01", "01", "a4", "00", "00"};
    enum { WORDS = sizeof words / sizeof words[0] };
    uint8_t hash[32];

    (void)state;
    say_block();
    say("\"0x6001\"");
    say("\"0x6002\"");
    say("\"0x" Z24 "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1\"");
    say("\"0x6003\"");
    for (size_t i = 0; i < WORDS; i++) {
        char word[80];
        snprintf(word, sizeof word, "\"0x" Z31 "%s\"", words[i]);
        say(word);
    }
    look();
    assert_false(got.failed);
    assert_int_equal(got.facts.block, 7);
    assert_int_equal(peer_requests(peer), 5 + WORDS);
    asked(1, "eth_getCode\",\"params\":[\"0xa1a1a1a1");
    asked(2, "eth_getCode\",\"params\":[\"0xa2a2a2a2");
    asked(3, "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3");
    asked(4, "eth_getCode\",\"params\":[\"0xb1b1b1b1");
    for (size_t i = 1; i < 5 + WORDS; i++)
        asked(i, "{\"blockHash\":\"0x" H32 "\",\"requireCanonical\":true}");
    for (size_t i = 0; i < CONTRACT_ITEMS; i++)
        assert_int_equal(got.facts.state[i], CONTRACT_READ);
    keccak256("\x60\x02", 2, hash);
    assert_memory_equal(got.facts.word[CONTRACT_ESCROW_CODE], hash, 32);
    keccak256("\x60\x03", 2, hash);
    assert_memory_equal(got.facts.word[CONTRACT_IMPLEMENTATION_CODE], hash, 32);
    assert_int_equal(got.facts.word[CONTRACT_DECIMALS][31], 6);
    assert_int_equal(got.facts.word[CONTRACT_ADMIN][31], 0xa4);
    assert_int_equal(got.facts.word[CONTRACT_RELAYER_ADMIN][31], 0);
}

/* Not a proxy of the older kind: the newer slot is asked; empty too: no implementation, and no code of it. */
static void asks_the_newer_slot_when_the_older_is_empty(void **state)
{
    (void)state;
    say_block();
    say("\"0x6001\"");
    say("\"0x\"");
    say("\"0x" Z31 "00\"");
    say("\"0x" Z31 "00\"");
    peer_plan(peer, PEER_DROP, 0, "", "");
    look();
    assert_true(got.failed); /* at the decimals */
    asked(4, "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
    asked(5, "eth_call");
    static const uint8_t ZERO[32];
    assert_int_equal(got.facts.state[CONTRACT_IMPLEMENTATION], CONTRACT_READ);
    assert_memory_equal(got.facts.word[CONTRACT_IMPLEMENTATION], ZERO, 32);
    assert_memory_equal(got.facts.word[CONTRACT_IMPLEMENTATION_CODE], ZERO, 32);
    assert_memory_equal(got.facts.word[CONTRACT_ESCROW_CODE], ZERO, 32); /* no code */
}

/* What was read before stands, what was not asked is unread; the next look begins anew. */
static void a_look_may_break_off(void **state)
{
    (void)state;
    say_block();
    say("\"0x6001\"");
    peer_plan(peer, PEER_DROP, 0, "", "");
    look();
    assert_true(got.failed);
    assert_int_equal(got.err.code, ERR_CHAIN_AWAY);
    assert_int_equal(got.facts.state[CONTRACT_TOKEN_CODE], CONTRACT_READ);
    for (int i = CONTRACT_ESCROW_CODE; i < CONTRACT_ITEMS; i++)
        assert_int_equal(got.facts.state[i], CONTRACT_UNREAD);
    got.calls = 0;
    peer_plan(peer, PEER_DROP, 0, "", "");
    look();
    assert_true(got.failed);
    assert_int_equal(got.facts.state[CONTRACT_TOKEN_CODE], CONTRACT_UNREAD);
}

/* A revert and an answer that is no word are answers of the contract: the look goes on. */
static void a_contract_may_be_mute(void **state)
{
    (void)state;
    wanted.compared[CONTRACT_GUARDIAN_ROLE] = wanted.compared[CONTRACT_ADMIN] = false;
    say_block();
    say("\"0x6001\"");
    say("\"0x6002\"");
    say("\"0x" Z24 "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1\"");
    say("\"0x6003\"");
    say_reverted();                  /* decimals */
    say("\"0x\"");                   /* token */
    say("\"0x" Z31 "00" Z31 "00\""); /* funder: two words */
    for (int i = 0; i < 6; i++)      /* payout, refund, relayer, arbiter, and never the relayer */
        say("\"0x" Z31 "01\"");
    look();
    assert_false(got.failed);
    assert_int_equal(peer_requests(peer), 14); /* nobody asked for guardian and admin */
    assert_int_equal(got.facts.state[CONTRACT_DECIMALS], CONTRACT_MUTE);
    assert_int_equal(got.facts.state[CONTRACT_TOKEN], CONTRACT_MUTE);
    assert_int_equal(got.facts.state[CONTRACT_FUNDER], CONTRACT_MUTE);
    assert_int_equal(got.facts.state[CONTRACT_PAYOUT], CONTRACT_READ);
    assert_int_equal(got.facts.state[CONTRACT_GUARDIAN_ROLE], CONTRACT_UNREAD);
    assert_int_equal(got.facts.state[CONTRACT_ADMIN], CONTRACT_UNREAD);
    assert_non_null(strstr(got.facts.mute, "so there"));
}

static void granted(const uint8_t role[32], int account)
{
    struct role_grant *grant = &grants.grant[grants.n++];
    memcpy(grant->role, role, 32);
    memset(grant->account, account, 20);
}

/* Two codes, then the strangers: nothing else is compared. */
static void say_only_codes(void)
{
    memset(&wanted, 0, sizeof wanted);
    wanted.compared[CONTRACT_ROLE_HOLDER] = true;
    say_block();
    say("\"0x6001\"");
    say("\"0x6002\"");
}

/* Whom settings and signer name is not asked about; the first stranger that the contract confirms is the
 * fact, and later ones wait for a later look. */
static void a_stranger_is_confirmed_by_the_contract(void **state)
{
    (void)state;
    granted(escrow_role_relayer, 0xa3);
    granted(escrow_role_arbiter, 0xa6);
    granted(escrow_role_guardian, 0xa5);
    granted(escrow_role_arbiter, 0xc1);
    granted(escrow_role_guardian, 0xc2);
    granted(escrow_role_relayer, 0xc3);
    say_only_codes();
    say("\"0x" Z31 "00\"");
    say("\"0x" Z31 "01\"");
    look();
    assert_false(got.failed);
    assert_int_equal(peer_requests(peer), 5);
    asked(3, "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1");
    asked(4, "c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2");
    asked(4, "\"blockHash\":\"0x" H32 "\"");
    const uint8_t *word = got.facts.word[CONTRACT_ROLE_HOLDER];
    assert_int_equal(word[0], 3);
    for (int i = 12; i < 32; i++)
        assert_int_equal(word[i], 0xc2);
    assert_true(contract_differs(&wanted, &got.facts, CONTRACT_ROLE_HOLDER));
}

static void former_strangers_are_no_difference(void **state)
{
    (void)state;
    granted(escrow_role_arbiter, 0xc1);
    granted(escrow_role_relayer, 0xa6); /* the arbiter's address, in another role */
    say_only_codes();
    say("\"0x" Z31 "00\"");
    say("\"0x" Z31 "00\"");
    look();
    assert_false(got.failed);
    assert_int_equal(peer_requests(peer), 5);
    assert_int_equal(got.facts.state[CONTRACT_ROLE_HOLDER], CONTRACT_READ);
    assert_false(contract_differs(&wanted, &got.facts, CONTRACT_ROLE_HOLDER));
}

/* Without chain.guardian anybody may be it. */
static void a_guardian_that_no_setting_names_is_not_asked_about(void **state)
{
    (void)state;
    config.chain_guardian.set = false;
    granted(escrow_role_guardian, 0xc2);
    say_only_codes();
    look();
    assert_false(got.failed);
    assert_int_equal(peer_requests(peer), 3);
    assert_false(contract_differs(&wanted, &got.facts, CONTRACT_ROLE_HOLDER));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        TEST(asks_everything_at_one_block),
        TEST(asks_the_newer_slot_when_the_older_is_empty),
        TEST(a_look_may_break_off),
        TEST(a_contract_may_be_mute),
        TEST(a_stranger_is_confirmed_by_the_contract),
        TEST(former_strangers_are_no_difference),
        TEST(a_guardian_that_no_setting_names_is_not_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
