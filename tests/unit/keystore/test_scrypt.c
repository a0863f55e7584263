// scrypt.h: the vectors of RFC 7914 section 12, OpenSSL's own scrypt where that accepts the
// parameters. (The case OpenSSL refuses is a published key file: test_keyfile.c.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <string.h>

#include "abi/hex.h"
#include "keystore/scrypt.h"

static void derive(const char *password, const char *salt, struct scrypt_cost cost, uint8_t out[64])
{
    struct scrypt_input input = {(const uint8_t *)password, strlen(password), (const uint8_t *)salt,
                                 strlen(salt)};
    assert_true(scrypt_derive(&input, cost, out, 64));
}

static void test_rfc7914(void **state)
{
    (void)state;
    static const struct {
        const char *password, *salt;
        struct scrypt_cost cost;
        const char *expected;
    } rows[] = {
        {"", "", {16, 1, 1},
         "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
         "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
        {"password", "NaCl", {1024, 8, 16},
         "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
         "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
        {"pleaseletmein", "SodiumChloride", {16384, 8, 1},
         "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
         "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t out[64], expected[64];
        assert_true(hex_decode_exact(rows[i].expected, expected, 64));
        derive(rows[i].password, rows[i].salt, rows[i].cost, out);
        assert_memory_equal(out, expected, 64);
    }
}

static void test_agrees_with_openssl(void **state)
{
    (void)state;
    for (uint32_t r = 1; r <= 9; r++) {
        for (uint32_t p = 1; p <= 3; p++) {
            uint8_t out[64], expected[64];
            struct scrypt_cost cost = {2u << (r + p), r, p};
            derive("some password", "and salt", cost, out);
            assert_int_equal(EVP_PBE_scrypt("some password", 13, (const uint8_t *)"and salt", 8,
                                            cost.n, r, p, 1 << 28, expected, 64), 1);
            assert_memory_equal(out, expected, 64);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc7914),
        cmocka_unit_test(test_agrees_with_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
