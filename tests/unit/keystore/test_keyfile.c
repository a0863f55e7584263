// keyfile.h against the published vectors of ethereum/tests (KeyStoreTests; two of them are those
// of the ethereum.org page "Web3 Secret Storage Definition"), and against files broken in every
// part.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "keystore/keyfile.h"
#include "keystore/sign.h"

static const char vectors_path[] = "tests/vectors/ethereum-tests/KeyStoreTests/basic_tests.json";

static struct secret secret_of(const void *data, size_t n)
{
    struct secret secret;
    assert_true(secret_new(&secret, n));
    memcpy(secret.data, data, n);
    return secret;
}

static enum keyfile_fault open_text(const char *text, size_t n, const char *password,
                                    uint8_t key[32], char why[200])
{
    struct secret pass = secret_of(password, strlen(password)), opened;
    struct keyfile_error error = {0};
    uint8_t address[20];
    bool ok = keyfile_open(text, n, &pass, &opened, address, &error);
    secret_free(&pass);
    memcpy(why, error.text, 200);
    if (!ok)
        return error.fault;
    assert_int_equal(opened.n, 32);
    memcpy(key, opened.data, 32);
    secret_free(&opened);
    return KEYFILE_FAULT_NONE;
}

static enum keyfile_fault open_json(const json_t *json, const char *password, uint8_t key[32],
                                    char why[200])
{
    char *text = json_dumps(json, 0);
    assert_non_null(text);
    enum keyfile_fault fault = open_text(text, strlen(text), password, key, why);
    free(text);
    return fault;
}

static void test_published_vectors(void **state)
{
    (void)state;
    json_error_t where;
    json_t *all = json_load_file(vectors_path, 0, &where), *vector;
    const char *name;
    char why[200];
    assert_non_null(all);
    assert_int_equal(json_object_size(all), 5);
    json_object_foreach(all, name, vector) {
        uint8_t expected[32], key[32] = {0};
        const char *password = json_string_value(json_object_get(vector, "password"));
        const char *priv = json_string_value(json_object_get(vector, "priv"));
        assert_true(hex_decode_exact(priv, expected, 32));
        json_t *file = json_object_get(vector, "json");
        enum keyfile_fault fault = open_json(file, password, key, why);
        print_message("%s: %s\n", name, fault == KEYFILE_FAULT_NONE ? "opened" : why);
        assert_int_equal(fault, KEYFILE_FAULT_NONE);
        assert_memory_equal(key, expected, 32);
    }
    // The wrong password, and one that only begins like the right one.
    json_t *file = json_object_get(json_object_get(all, "mycrypto"), "json");
    uint8_t key[32];
    assert_int_equal(open_json(file, "foobartest122", key, why), KEYFILE_FAULT_PASSWORD);
    assert_int_equal(open_json(file, "foobartest121 ", key, why), KEYFILE_FAULT_PASSWORD);
    json_decref(all);
}

// One sealed file, shared by the tests below.
static json_t *own;
static const char own_password[] = "a password for tests";
static uint8_t own_key[32];

static int own_seal(void **state)
{
    (void)state;
    char text[KEYFILE_TEXT_MAX];
    size_t n;
    struct keyfile_error error;
    uint8_t address[20];
    memset(own_key, 0x2a, sizeof own_key);
    memset(address, 0x11, sizeof address);
    struct secret key = secret_of(own_key, 32);
    struct secret password = secret_of(own_password, sizeof own_password - 1);
    if (!keyfile_seal(&key, address, &password, KEYFILE_COST_LIGHT, text, &n, &error))
        return -1;
    own = json_loadb(text, n, 0, NULL);
    secret_free(&key);
    secret_free(&password);
    return own && strlen(text) == n ? 0 : -1;
}

static int own_drop(void **state)
{
    (void)state;
    json_decref(own);
    return 0;
}

static void test_own_file_opens(void **state)
{
    (void)state;
    uint8_t key[32];
    char why[200];
    assert_int_equal(open_json(own, own_password, key, why), KEYFILE_FAULT_NONE);
    assert_memory_equal(key, own_key, 32);
    assert_int_equal(open_json(own, "another password", key, why), KEYFILE_FAULT_PASSWORD);
    assert_non_null(strstr(why, "password"));
}

static void test_own_files_differ(void **state)
{
    (void)state;
    json_t *first = json_deep_copy(own);
    json_decref(own);
    assert_int_equal(own_seal(NULL), 0);
    static const char *const fresh[] = {"ciphertext", "mac"};
    for (size_t i = 0; i < 2; i++)
        assert_string_not_equal(
            json_string_value(json_object_get(json_object_get(first, "crypto"), fresh[i])),
            json_string_value(json_object_get(json_object_get(own, "crypto"), fresh[i])));
    json_decref(first);
}

static json_t *holder_of(json_t *file, const char *path, const char **name)
{
    char step[32];
    const char *dot;
    json_t *at = file;
    while ((dot = strchr(path, '.'))) {
        assert_true((size_t)(dot - path) < sizeof step);
        memcpy(step, path, (size_t)(dot - path));
        step[dot - path] = '\0';
        at = json_object_get(at, step);
        assert_non_null(at);
        path = dot + 1;
    }
    *name = path;
    return at;
}

static enum keyfile_fault open_changed(const char *path, json_t *value, char why[200])
{
    uint8_t key[32];
    const char *name;
    json_t *file = json_deep_copy(own);
    json_t *holder = holder_of(file, path, &name);
    if (value)
        json_object_set_new(holder, name, value);
    else
        json_object_del(holder, name);
    enum keyfile_fault fault = open_json(file, own_password, key, why);
    json_decref(file);
    return fault;
}

// Every part missing, cut by one digit, or with one digit changed: always damage, never a wrong
// password.
static void test_every_damaged_part_is_named(void **state)
{
    (void)state;
    static const char *const parts[] = {"crypto.cipherparams.iv", "crypto.ciphertext", "crypto.mac",
                                        "crypto.kdfparams.salt", "address", "kustodia.checksum"};
    char why[200];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *name;
        char text[200];
        json_t *holder = holder_of(own, parts[i], &name);
        const char *old = json_string_value(json_object_get(holder, name));
        size_t n = strlen(old);
        memcpy(text, old, n + 1);
        for (size_t digit = 0; digit < n; digit++) {
            text[digit] = old[digit] == '0' ? '1' : '0';
            assert_int_equal(open_changed(parts[i], json_string(text), why), KEYFILE_FAULT_DAMAGED);
            text[digit] = old[digit];
        }
        text[n - 1] = '\0';
        assert_int_equal(open_changed(parts[i], json_string(text), why), KEYFILE_FAULT_DAMAGED);
        assert_non_null(strstr(why, "damaged"));
        assert_int_equal(open_changed(parts[i], json_integer(1), why), KEYFILE_FAULT_DAMAGED);
        assert_int_equal(open_changed(parts[i], NULL, why), KEYFILE_FAULT_DAMAGED);
    }
    assert_int_equal(open_changed("crypto", NULL, why), KEYFILE_FAULT_DAMAGED);
    assert_int_equal(open_changed("crypto.kdfparams", NULL, why), KEYFILE_FAULT_DAMAGED);
    assert_int_equal(open_changed("crypto.kdfparams.n", json_integer(8192), why),
                     KEYFILE_FAULT_DAMAGED);
    assert_int_equal(open_changed("crypto.kdfparams.p", json_string("6"), why),
                     KEYFILE_FAULT_DAMAGED);
}

static void test_cut_text(void **state)
{
    (void)state;
    uint8_t key[32];
    char why[200], *text = json_dumps(own, 0);
    size_t n = strlen(text);
    for (size_t cut = 1; cut < n; cut++)
        assert_int_equal(open_text(text, cut, own_password, key, why), KEYFILE_FAULT_DAMAGED);
    free(text);
}

static void test_other_formats(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "  \n", "hello", "[]", "{}", "{\"a\":1}", "null",
                                        "-----BEGIN CERTIFICATE-----", "\xff\xfe",
                                        "{\"version\":3.0}"};
    uint8_t key[32];
    char why[200];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(open_text(texts[i], strlen(texts[i]), "password", key, why),
                         KEYFILE_FAULT_FORMAT);
    assert_int_equal(open_changed("version", json_integer(1), why), KEYFILE_FAULT_FORMAT);
    assert_int_equal(open_changed("crypto.cipher", json_string("aes-128-cbc"), why),
                     KEYFILE_FAULT_FORMAT);
    assert_int_equal(open_changed("crypto.kdf", json_string("argon2id"), why),
                     KEYFILE_FAULT_FORMAT);
}

struct absurd {
    const char *kdf, *params;
    const char *named; // in the sentence
};

// Refused before any work, in a file without our checksum as an enemy would write it.
static void test_absurd_parameters(void **state)
{
    (void)state;
    static const struct absurd rows[] = {
        {"scrypt", "{\"dklen\":32,\"n\":2048,\"r\":8,\"p\":1}", ".n is 2048"},
        {"scrypt", "{\"dklen\":32,\"n\":2097152,\"r\":1,\"p\":1}", ".n is 2097152"},
        {"scrypt", "{\"dklen\":32,\"n\":5000,\"r\":8,\"p\":1}", "power of two"},
        {"scrypt", "{\"dklen\":32,\"n\":-1,\"r\":8,\"p\":1}", ".n is 0"},
        {"scrypt", "{\"dklen\":32,\"n\":4096,\"r\":0,\"p\":1}", ".r is 0"},
        {"scrypt", "{\"dklen\":32,\"n\":4096,\"r\":33,\"p\":1}", ".r is 33"},
        {"scrypt", "{\"dklen\":32,\"n\":4096,\"r\":8,\"p\":0}", ".p is 0"},
        {"scrypt", "{\"dklen\":32,\"n\":4096,\"r\":8,\"p\":17}", ".p is 17"},
        {"scrypt", "{\"dklen\":32,\"n\":1048576,\"r\":8,\"p\":1}", "1024 MiB"},
        {"scrypt", "{\"dklen\":32,\"n\":524288,\"r\":8,\"p\":16}", "n * r * p"},
        {"scrypt", "{\"dklen\":31,\"n\":4096,\"r\":8,\"p\":1}", ".dklen is 31"},
        {"scrypt", "{\"dklen\":65,\"n\":4096,\"r\":8,\"p\":1}", ".dklen is 65"},
        {"scrypt", "{\"dklen\":32,\"n\":9223372036854775807,\"r\":8,\"p\":1}",
         ".n is 9223372036854775807"},
        {"pbkdf2", "{\"dklen\":32,\"c\":99999,\"prf\":\"hmac-sha256\"}", ".c is 99999"},
        {"pbkdf2", "{\"dklen\":32,\"c\":10000001,\"prf\":\"hmac-sha256\"}", ".c is 10000001"},
        {"pbkdf2", "{\"dklen\":32,\"c\":0,\"prf\":\"hmac-sha256\"}", ".c is 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t key[32];
        char why[200];
        json_t *file = json_deep_copy(own), *crypto = json_object_get(file, "crypto");
        json_t *params = json_loads(rows[i].params, 0, NULL);
        assert_non_null(params);
        json_t *salt = json_object_get(json_object_get(crypto, "kdfparams"), "salt");
        json_object_set(params, "salt", salt);
        json_object_set_new(crypto, "kdf", json_string(rows[i].kdf));
        json_object_set_new(crypto, "kdfparams", params);
        json_object_del(file, "kustodia");
        assert_int_equal(open_json(file, own_password, key, why), KEYFILE_FAULT_PARAMETERS);
        assert_non_null(strstr(why, rows[i].named));
        json_decref(file);
    }
    char why[200];
    assert_int_equal(open_changed("crypto.kdfparams.salt", json_string("0011223344556"), why),
                     KEYFILE_FAULT_DAMAGED);
    assert_int_equal(open_changed("crypto.kdfparams.salt", json_string("00112233445566"), why),
                     KEYFILE_FAULT_DAMAGED); // 7 bytes
}

static void test_prf_must_be_known(void **state)
{
    (void)state;
    uint8_t key[32];
    char why[200];
    json_t *all = json_load_file(vectors_path, 0, NULL);
    json_t *file = json_object_get(json_object_get(all, "test1"), "json");
    json_t *params = json_object_get(json_object_get(file, "crypto"), "kdfparams");
    json_object_set_new(params, "prf", json_string("hmac-sha512"));
    assert_int_equal(open_json(file, "testpassword", key, why), KEYFILE_FAULT_FORMAT);
    json_decref(all);
}

static void test_stated_address(void **state)
{
    (void)state;
    uint8_t address[20], expected[20];
    struct keyfile_error error;
    char *text = json_dumps(own, 0);
    memset(expected, 0x11, sizeof expected);
    assert_true(keyfile_stated_address(text, strlen(text), address, &error));
    assert_memory_equal(address, expected, 20);
    free(text);
    json_t *all = json_load_file(vectors_path, 0, NULL);
    text = json_dumps(json_object_get(json_object_get(all, "test1"), "json"), 0);
    assert_false(keyfile_stated_address(text, strlen(text), address, &error));
    assert_int_equal(error.fault, KEYFILE_FAULT_FORMAT);
    free(text);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors), cmocka_unit_test(test_own_file_opens),
        cmocka_unit_test(test_own_files_differ), cmocka_unit_test(test_every_damaged_part_is_named),
        cmocka_unit_test(test_cut_text), cmocka_unit_test(test_other_formats),
        cmocka_unit_test(test_absurd_parameters), cmocka_unit_test(test_prf_must_be_known),
        cmocka_unit_test(test_stated_address),
    };
    return cmocka_run_group_tests(tests, own_seal, own_drop);
}
