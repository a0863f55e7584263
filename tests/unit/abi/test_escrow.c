/* The escrow's and the token's typed bindings. Encodings are compared with an independent library
 * in tests/differential; here: the borders, what must be refused, one reading per call. */
#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/escrow_abi.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct escrow_call call, got;
static uint8_t mem[ESCROW_CALL_SIZE_MAX], mem_again[ESCROW_CALL_SIZE_MAX];

/* A call of this kind with every field its own value. */
static void fill(enum escrow_call_kind kind, size_t n)
{
    memset(&call, 0, sizeof call);
    call.kind = kind;
    call.n = n;
    for (size_t i = 0; i < n && i < ESCROW_BATCH_MAX; i++) {
        memset(call.ids[i], (int)(i + 1), 32);
        memset(call.terms[i].id, (int)(i + 101), 32);
        memset(call.terms[i].terms, (int)(i + 51), 32);
        call.terms[i].amount_units = UINT64_MAX - i;
        call.terms[i].custody_end = (UINT64_C(1) << 40) - 1 - i;
        call.terms[i].lock = i % 2;
    }
    call.party = ESCROW_PARTY_SELLER;
    call.buyer_units = 77;
    memset(call.note, 0x99, sizeof call.note);
}

static bool is_batch(enum escrow_call_kind kind)
{
    return kind == ESCROW_CREATE_MANY || kind == ESCROW_RELEASE_MANY;
}

static void every_call_survives_a_round_trip(void **state)
{
    (void)state;
    for (int kind = 0; kind < ESCROW_CALL_KINDS; kind++) {
        struct buf out, again;
        fill((enum escrow_call_kind)kind, is_batch((enum escrow_call_kind)kind) ? 200 : 1);
        buf_init(&out, mem, sizeof mem);
        assert_true(escrow_call_encode(&call, &out));
        memset(&got, 0xee, sizeof got); /* decode must not lean on what was there */
        assert_true(escrow_call_decode(buf_bytes(&out), &got));
        assert_int_equal(got.kind, kind);
        assert_int_equal(got.n, call.n);
        buf_init(&again, mem_again, sizeof mem_again);
        assert_true(escrow_call_encode(&got, &again));
        assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
        for (size_t n = 0; n < out.n; n += n < 300 ? 1 : 997)
            assert_false(escrow_call_decode((struct bytes){mem, n}, &got));
    }
}

static void calls_outside_their_limits_are_refused(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem, sizeof mem);
    fill(ESCROW_RELEASE_MANY, 0);
    assert_false(escrow_call_encode(&call, &out));
    fill(ESCROW_RELEASE_MANY, ESCROW_BATCH_MAX + 1);
    assert_false(escrow_call_encode(&call, &out));
    fill(ESCROW_RELEASE, 2);
    assert_false(escrow_call_encode(&call, &out));
    fill(ESCROW_CREATE, 1);
    call.terms[0].custody_end = UINT64_C(1) << 40;
    assert_false(escrow_call_encode(&call, &out));
    fill(ESCROW_DISPUTE, 1);
    call.party = ESCROW_PARTY_ARBITER;
    assert_false(escrow_call_encode(&call, &out));
    call.party = ESCROW_PARTY_NONE;
    assert_false(escrow_call_encode(&call, &out));
    fill((enum escrow_call_kind)ESCROW_CALL_KINDS, 1);
    assert_false(escrow_call_encode(&call, &out));
    assert_int_equal(out.n, 0);
    fill(ESCROW_CREATE_MANY, ESCROW_CREATE_BATCH_MAX);
    assert_true(escrow_call_encode(&call, &out));
    assert_true(out.n < 16 * 1024 - 512); /* one frame to the signer with the rest of its tx */
}

/* Every byte of a dispute's calldata changed in every way: refused, or another call that encodes to
 * exactly the changed bytes. Never the same call from other bytes. */
static void changed_calldata_is_another_call(void **state)
{
    (void)state;
    struct buf out, again;
    for (int kind = 0; kind < ESCROW_CALL_KINDS; kind++) {
        fill((enum escrow_call_kind)kind, is_batch((enum escrow_call_kind)kind) ? 2 : 1);
        buf_init(&out, mem, sizeof mem);
        assert_true(escrow_call_encode(&call, &out));
        for (size_t i = 0; i < out.n * 8; i++) {
            mem[i / 8] ^= (uint8_t)(1 << i % 8);
            if (escrow_call_decode(buf_bytes(&out), &got)) {
                buf_init(&again, mem_again, sizeof mem_again);
                assert_true(escrow_call_encode(&got, &again));
                assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
            }
            mem[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        buf_byte(&out, 0); /* a byte behind the end */
        assert_false(escrow_call_decode(buf_bytes(&out), &got));
    }
}

static void put_view(struct buf *out, const uint64_t words[8])
{
    buf_init(out, mem, sizeof mem);
    for (size_t i = 0; i < 8; i++)
        codec_put_u64(out, words[i]);
}

static void views(void **state)
{
    (void)state;
    struct buf out;
    struct escrow_view view;
    uint64_t words[8] = {700000000, 1790000000, 1790086400, 1790000500, 2, 1, 3, 4};
    put_view(&out, words);
    assert_true(escrow_view_decode(buf_bytes(&out), &view));
    assert_true(view.amount_units == 700000000 && view.created_at == 1790000000);
    assert_true(view.custody_end == 1790086400 && view.disputed_at == 1790000500);
    assert_true(view.state == ESCROW_STATE_DISPUTED && view.lock);
    assert_true(view.party == ESCROW_PARTY_ARBITER && view.round == 4);
    assert_false(escrow_view_decode((struct bytes){mem, out.n - 32}, &view));
    assert_false(escrow_view_decode((struct bytes){0}, &view));
    words[4] = 6; /* a state this program does not know */
    put_view(&out, words);
    assert_false(escrow_view_decode(buf_bytes(&out), &view));
    words[4] = 5, words[6] = 4;
    put_view(&out, words);
    assert_false(escrow_view_decode(buf_bytes(&out), &view));

    uint8_t bits;
    uint64_t until;
    buf_init(&out, mem, sizeof mem);
    codec_put_u64(&out, 3);
    codec_put_u64(&out, 1790604800);
    assert_true(escrow_paused_decode(buf_bytes(&out), &bits, &until));
    assert_true(bits == 3 && until == 1790604800);
    assert_false(escrow_paused_decode((struct bytes){mem, 32}, &bits, &until));
}

static void roles_are_hashes_of_their_names(void **state)
{
    (void)state;
    uint8_t hash[32];
    keccak256("RELAYER", 7, hash);
    assert_memory_equal(hash, escrow_role_relayer, 32);
    keccak256("ARBITER", 7, hash);
    assert_memory_equal(hash, escrow_role_arbiter, 32);
    keccak256("GUARDIAN", 8, hash);
    assert_memory_equal(hash, escrow_role_guardian, 32);
    memset(hash, 0, sizeof hash);
    assert_memory_equal(hash, escrow_role_admin, 32);
}

static void logs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct escrow_event event;
    struct buf out;
    uint8_t topics[3][32] = {{0}};
    memcpy(topics[0], escrow_topic_dispute_raised, 32);
    memset(topics[1], 7, 32);
    topics[2][31] = ESCROW_PARTY_BUYER;
    buf_init(&out, mem, sizeof mem);
    codec_put_u64(&out, 2);
    codec_put_bytes32(&out, topics[1]);
    assert_true(escrow_event_decode(topics, 3, buf_bytes(&out), &event));
    assert_int_equal(event.kind, ESCROW_EVENT_DISPUTE_RAISED);
    assert_true(event.party == ESCROW_PARTY_BUYER && event.round == 2);
    assert_memory_equal(event.note, topics[1], 32);
    assert_false(escrow_event_decode(topics, 2, buf_bytes(&out), &event));
    assert_false(escrow_event_decode(topics, 0, buf_bytes(&out), &event));
    assert_false(escrow_event_decode(topics, 3, (struct bytes){mem, 63}, &event));
    assert_false(escrow_event_decode(topics, 3, (struct bytes){mem, 96}, &event));
    topics[2][31] = 4;
    assert_false(escrow_event_decode(topics, 3, buf_bytes(&out), &event));
    topics[2][31] = 1, topics[2][0] = 1;
    assert_false(escrow_event_decode(topics, 3, buf_bytes(&out), &event));
    memcpy(topics[0], (const uint8_t[])ESCROW_TOPIC_PAUSE_SET, 32);
    assert_false(escrow_event_decode(topics, 3, buf_bytes(&out), &event));
}

/* Revert data of an error with two words of values behind its selector. */
static enum revert_class classify(uint32_t selector, size_t words, char *text, size_t cap)
{
    struct buf out;
    buf_init(&out, mem, sizeof mem);
    codec_put_selector(&out, selector);
    for (size_t i = 0; i < words; i++)
        codec_put_u64(&out, i + 1);
    return escrow_revert_classify(buf_bytes(&out), text, cap);
}

static uint32_t selector_of(const char *signature)
{
    uint8_t hash[32];
    keccak256(signature, strlen(signature), hash);
    return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

#define ZEROS56 "00000000000000000000000000000000000000000000000000000000"

static void custom_errors_are_classified(void **state)
{
    (void)state;
    char text[256], small[8];
    uint32_t running = selector_of("CustodyRunning(bytes32,uint256,uint256)");
    assert_int_equal(classify(running, 3, text, sizeof text), REVERT_RETRY);
    assert_string_equal(text, "CustodyRunning id=0x" ZEROS56 "00000001 custodyEnd=2 time=3");
    assert_int_equal(classify(running, 3, small, sizeof small), REVERT_RETRY);
    assert_string_equal(small, "Custody");
    assert_int_equal(classify(running, 2, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "CustodyRunning with damaged values");
    assert_int_equal(classify(running, 4, text, sizeof text), REVERT_ALARM);
    assert_int_equal(classify(selector_of("WrongState(bytes32,uint8,uint8)"), 3, text, sizeof text),
                     REVERT_DONE);
    assert_int_equal(classify(selector_of("EscrowExists(bytes32,uint8)"), 2, text, sizeof text),
                     REVERT_DONE);
    assert_int_equal(classify(selector_of("NothingPayable(uint256)"), 1, text, sizeof text),
                     REVERT_DONE);
    assert_int_equal(classify(selector_of("PausedUntil(uint256,uint256)"), 2, text, sizeof text),
                     REVERT_RETRY);
    assert_int_equal(classify(selector_of("IdZero()"), 0, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "IdZero");
    uint32_t role = selector_of("AccessControlUnauthorizedAccount(address,bytes32)");
    assert_int_equal(classify(role, 2, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "AccessControlUnauthorizedAccount account="
                              "0x0000000000000000000000000000000000000001 "
                              "neededRole=0x" ZEROS56 "00000002");
    assert_int_equal(classify(0xdeadbeef, 0, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "an unknown error 0xdeadbeef");
    assert_null(escrow_error_name((struct bytes){(const uint8_t *)"\xde\xad\xbe\xef", 4}));
    assert_null(escrow_error_name((struct bytes){(const uint8_t *)"\xde", 1}));
    struct buf out;
    buf_init(&out, mem, sizeof mem);
    codec_put_selector(&out, running);
    assert_string_equal(escrow_error_name(buf_bytes(&out)), "CustodyRunning");
}

static enum revert_class classify_text(const char *reason, char *text, size_t cap)
{
    struct buf out;
    buf_init(&out, mem, sizeof mem);
    codec_put_selector(&out, selector_of("Error(string)"));
    codec_put_u64(&out, 32);
    codec_put_bytes(&out, (struct bytes){(const uint8_t *)reason, strlen(reason)});
    return escrow_revert_classify(buf_bytes(&out), text, cap);
}

static void token_errors_are_classified(void **state)
{
    (void)state;
    char text[256];
    const char *const retry[] = {"Pausable: paused", "ERC20: transfer amount exceeds balance",
                                 "ERC20: transfer amount exceeds allowance"};
    const char *const alarm[] = {"Blacklistable: account is blacklisted",
                                 "FiatTokenV2_2: Account is blacklisted",
                                 "ERC20: transfer to the zero address", "Pausable: paused!", ""};
    for (size_t i = 0; i < sizeof retry / sizeof retry[0]; i++) {
        assert_int_equal(classify_text(retry[i], text, sizeof text), REVERT_RETRY);
        assert_string_equal(text, retry[i]);
    }
    for (size_t i = 0; i < sizeof alarm / sizeof alarm[0]; i++)
        assert_int_equal(classify_text(alarm[i], text, sizeof text), REVERT_ALARM);
    assert_int_equal(escrow_revert_classify((struct bytes){0}, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "reverted without a reason");
    assert_int_equal(classify(selector_of("Panic(uint256)"), 1, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "Panic 0x01 failed assertion");
    assert_int_equal(classify(selector_of("Panic(uint256)"), 2, text, sizeof text), REVERT_ALARM);
    assert_string_equal(text, "reverted with damaged data");
}

static void token_calls(void **state)
{
    (void)state;
    struct mxnb_call in = {0}, out;
    struct buf b, again;
    memset(in.to, 0xa1, 20);
    memset(in.spender, 0xb2, 20);
    in.amount_units = 123456789;
    for (int kind = 0; kind < MXNB_CALL_KINDS; kind++) {
        in.kind = (enum mxnb_call_kind)kind;
        buf_init(&b, mem, MXNB_CALL_SIZE_MAX);
        assert_true(mxnb_call_encode(&in, &b));
        assert_true(mxnb_call_decode(buf_bytes(&b), &out));
        assert_int_equal(out.kind, kind);
        buf_init(&again, mem_again, sizeof mem_again);
        assert_true(mxnb_call_encode(&out, &again));
        assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&again)));
        assert_false(mxnb_call_decode((struct bytes){mem, b.n - 1}, &out));
        mem[b.n] = 0;
        assert_false(mxnb_call_decode((struct bytes){mem, b.n + 1}, &out));
        buf_init(&again, mem_again, b.n - 1);
        assert_false(mxnb_call_encode(&in, &again));
    }
    in.kind = MXNB_TRANSFER;
    buf_init(&b, mem, sizeof mem);
    assert_true(mxnb_call_encode(&in, &b));
    mem[4] = 1; /* dirt in front of the address */
    assert_false(mxnb_call_decode(buf_bytes(&b), &out));
    mem[4] = 0, mem[4 + 32 + 23] = 1; /* an amount beyond 64 bits */
    assert_false(mxnb_call_decode(buf_bytes(&b), &out));
    in.kind = (enum mxnb_call_kind)MXNB_CALL_KINDS;
    assert_false(mxnb_call_encode(&in, &b));
}

static void transfer_logs(void **state)
{
    (void)state;
    uint8_t topics[3][32] = {{0}}, from[20], to[20], data[32] = {0};
    uint64_t amount = 0;
    struct bytes word = {data, 32}, cut = {data, 31};
    memcpy(topics[0], mxnb_topic_transfer, 32);
    memset(topics[1] + 12, 1, 20);
    memset(topics[2] + 12, 2, 20);
    data[31] = 5;
    assert_true(mxnb_transfer_event_decode(topics, 3, word, from, to, &amount));
    assert_true(amount == 5 && from[0] == 1 && to[19] == 2);
    assert_false(mxnb_transfer_event_decode(topics, 2, word, from, to, &amount));
    assert_false(mxnb_transfer_event_decode(topics, 3, cut, from, to, &amount));
    data[0] = 1;
    assert_false(mxnb_transfer_event_decode(topics, 3, word, from, to, &amount));
    data[0] = 0, topics[1][0] = 1;
    assert_false(mxnb_transfer_event_decode(topics, 3, word, from, to, &amount));
    topics[1][0] = 0, topics[0][0] ^= 1;
    assert_false(mxnb_transfer_event_decode(topics, 3, word, from, to, &amount));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_survives_a_round_trip),
        cmocka_unit_test(calls_outside_their_limits_are_refused),
        cmocka_unit_test(changed_calldata_is_another_call),
        cmocka_unit_test(views),
        cmocka_unit_test(roles_are_hashes_of_their_names),
        cmocka_unit_test(logs_that_cannot_be_are_refused),
        cmocka_unit_test(custom_errors_are_classified),
        cmocka_unit_test(token_errors_are_classified),
        cmocka_unit_test(token_calls),
        cmocka_unit_test(transfer_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
