// sign.h: the example printed in EIP-155, key limits, and the check that guards every signature.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/recover.h"
#include "keystore/sign.h"

static struct sign_context *context;

static int context_make(void **state)
{
    (void)state;
    context = sign_context_new();
    return context ? 0 : -1;
}

static int context_drop(void **state)
{
    (void)state;
    sign_context_free(context);
    return 0;
}

static bool key_of(const char *hex, struct sign_key *key)
{
    struct secret secret;
    assert_true(secret_new(&secret, 32));
    assert_true(hex_decode_exact(hex, secret.data, 32));
    if (sign_key_take(context, &secret, key)) {
        assert_null(secret.data);
        return true;
    }
    assert_non_null(secret.data); // a refused key stays with the caller
    secret_free(&secret);
    return false;
}

static const char eip155_key[] = "4646464646464646464646464646464646464646464646464646464646464646";

static struct tx eip155_tx(void)
{
    struct tx tx = {.type = TX_LEGACY, .chain_id = 1, .nonce = 9, .gas_limit = 21000,
                    .has_to = true,
                    .gas_price = u256_from_u64(20000000000u),
                    .value = u256_from_u64(1000000000000000000u)};
    memset(tx.to, 0x35, sizeof tx.to);
    return tx;
}

static void test_eip155_example(void **state)
{
    (void)state;
    struct sign_key key;
    struct signature signature;
    struct tx tx = eip155_tx();
    uint8_t digest[32], memory[512];
    char hex[1024];
    struct buf out;
    assert_true(key_of(eip155_key, &key));
    hex_checksum_address(key.address, hex);
    assert_string_equal(hex, "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
    assert_true(tx_sighash(&tx, digest));
    hex_encode(digest, 32, hex);
    assert_string_equal(hex, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    buf_init(&out, memory, sizeof memory);
    assert_true(sign_digest(context, &key, digest, &signature));
    assert_true(sign_attach(&signature, &tx, &out));
    hex_encode(out.p, out.n, hex);
    assert_string_equal(hex, "f86c098504a817c800825208943535353535353535353535353535353535353535"
                             "880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c"
                             "71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc"
                             "64214b297fb1966a3b6d83");
    sign_key_free(&key);
}

static void test_key_limits(void **state)
{
    (void)state;
    struct sign_key key;
    assert_false(key_of("0000000000000000000000000000000000000000000000000000000000000000", &key));
    assert_false(key_of("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", &key));
    assert_false(key_of("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", &key));
    assert_true(key_of("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", &key));
    sign_key_free(&key);
    struct secret shorter;
    assert_true(secret_new(&shorter, 31));
    memset(shorter.data, 1, 31);
    assert_false(sign_key_take(context, &shorter, &key));
    secret_free(&shorter);
}

// The same digest gives the same signature, low s, ours; two contexts (two blindings) agree.
static void test_many_digests(void **state)
{
    (void)state;
    struct sign_key key;
    struct sign_context *other = sign_context_new();
    assert_true(key_of(eip155_key, &key));
    for (uint32_t i = 0; i < 200; i++) {
        struct signature a, b;
        uint8_t digest[32], address[20];
        keccak256(&i, sizeof i, digest);
        assert_true(sign_digest(context, &key, digest, &a) && sign_digest(other, &key, digest, &b));
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(recover_is_low_s(a.s));
        assert_true(recover_address(digest, a.r, a.s, a.y_parity, address));
        assert_memory_equal(address, key.address, 20);
    }
    sign_context_free(other);
    sign_key_free(&key);
}

static void test_check_refuses_any_change(void **state)
{
    (void)state;
    struct sign_key key, stranger;
    struct signature good, bad;
    uint8_t digest[32] = {1, 2, 3};
    assert_true(key_of(eip155_key, &key));
    assert_true(key_of("4747474747474747474747474747474747474747474747474747474747474747",
                       &stranger));
    assert_true(sign_digest(context, &key, digest, &good));
    assert_true(sign_check(context, &key, digest, &good));
    assert_false(sign_check(context, &stranger, digest, &good));
    for (size_t bit = 0; bit < 512; bit++) {
        bad = good;
        (bit < 256 ? bad.r : bad.s)[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(sign_check(context, &key, digest, &bad));
    }
    bad = good;
    bad.y_parity ^= 1;
    assert_false(sign_check(context, &key, digest, &bad));
    bad.y_parity = 2;
    assert_false(sign_check(context, &key, digest, &bad));
    digest[31] ^= 1;
    assert_false(sign_check(context, &key, digest, &good));
    sign_key_free(&key);
    sign_key_free(&stranger);
}

static void test_freed_key_signs_nothing(void **state)
{
    (void)state;
    struct sign_key key;
    struct signature signature;
    uint8_t digest[32] = {1};
    assert_true(key_of(eip155_key, &key));
    sign_key_free(&key);
    assert_false(sign_digest(context, &key, digest, &signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eip155_example), cmocka_unit_test(test_key_limits),
        cmocka_unit_test(test_many_digests), cmocka_unit_test(test_check_refuses_any_change),
        cmocka_unit_test(test_freed_key_signs_nothing),
    };
    return cmocka_run_group_tests(tests, context_make, context_drop);
}
