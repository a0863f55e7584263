// signer_config.h: the whole example of FORMAT.md, and every way to get a setting wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/signer_config.h"

static char folder[] = "/tmp/kustodia-config-XXXXXX";
static char path[64];
static struct signer_config config;
static char error[512];

static const char good[] =
    "# a comment\n"
    "[signer]\n"
    "chain_id = 42161\n"
    "record_file = nonces\n"
    "[key.relayer]\n"
    "keyfile=relayer.json\n"
    "password_file = relayer password\r\n"
    "[key.arbiter]\n"
    "keyfile = arbiter.json\n"
    "password_file = arbiter.password\n"
    "\n"
    "; another\n"
    "[policy]\n"
    "  escrow = 0x1111111111111111111111111111111111111111\n"
    "token = 0x2222222222222222222222222222222222222222\n"
    "juno_deposit = 0x3333333333333333333333333333333333333333 , "
    "0x4444444444444444444444444444444444444444\n"
    "max_gas = 12000000\n"
    "max_fee_wei = 5000000000\n"
    "max_priority_fee_wei = 340282366920938463463374607431768211456\n"
    "max_tx_units = 18446744073709551615\n"
    "max_day_units = 50000000000000\n";

static int folder_make(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/signer.ini", folder);
    return 0;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static bool read_text(const char *text, size_t n, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    error[0] = '\0';
    return signer_config_read(path, &config, error);
}

// The good text with one part replaced.
static bool read_changed(const char *from, const char *to)
{
    char text[4096];
    const char *at = strstr(good, from);
    assert_non_null(at);
    int n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    assert_true(n > 0 && (size_t)n < sizeof text);
    return read_text(text, (size_t)n, 0600);
}

static void refused(const char *from, const char *to, const char *words)
{
    assert_false(read_changed(from, to));
    if (!strstr(error, words))
        print_error("%s\n", error);
    assert_non_null(strstr(error, words));
    assert_non_null(strstr(error, "signer.ini"));
}

static void test_good(void **state)
{
    (void)state;
    static const uint8_t big_fee[32] = {[15] = 1};
    assert_true(read_text(good, sizeof good - 1, 0644));
    assert_string_equal(config.record_file, "nonces");
    assert_string_equal(config.key[0].keyfile, "relayer.json");
    assert_string_equal(config.key[0].password_file, "relayer password");
    assert_string_equal(config.key[1].keyfile, "arbiter.json");
    assert_string_equal(config.key[1].password_file, "arbiter.password");
    assert_int_equal(config.policy.chain_id, 42161);
    assert_int_equal(config.policy.escrow[0], 0x11);
    assert_int_equal(config.policy.token[19], 0x22);
    assert_int_equal(config.policy.deposits_n, 2);
    assert_int_equal(config.policy.deposits[1][7], 0x44);
    assert_int_equal(config.policy.max_gas, 12000000);
    assert_memory_equal(config.policy.max_priority_fee_wei.be, big_fee, 32);
    assert_true(config.policy.max_tx_units == UINT64_MAX);
    assert_int_equal(config.policy.max_allowance_units, 50000000000000);
    assert_true(read_changed("max_gas = 12000000", "max_gas = 1\nmax_allowance_units = 7"));
    assert_int_equal(config.policy.max_allowance_units, 7);
}

static void test_every_required_setting(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "chain_id = 42161\n", "record_file = nonces\n", "keyfile=relayer.json\n",
        "password_file = arbiter.password\n", "max_gas = 12000000\n", "max_fee_wei = 5000000000\n",
        "max_tx_units = 18446744073709551615\n", "max_day_units = 50000000000000\n",
        "token = 0x2222222222222222222222222222222222222222\n"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        refused(keys[i], "", "is missing in section");
}

static void test_bad_lines(void **state)
{
    (void)state;
    refused("max_gas", "max_gass", "signer.ini:17: unknown setting \"max_gass\"");
    refused("max_gas = 12000000", "max_gas = 1\nmax_gas = 1", "is set twice");
    refused("[policy]", "[policies]", "unknown section [policies]");
    refused("[policy]", "[policy", "not a section");
    refused("[policy]", "[]", "unknown section []");
    refused("[policy]", "[a name much longer than any section has]", "not a section");
    refused("max_gas = 12000000", "max_gas 12000000", "key = value");
    refused("chain_id = 42161", "escrow = 0x1111111111111111111111111111111111111111",
            "unknown setting \"escrow\" in section [signer]");
}

static void test_bad_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-1", "+1", "0x10", "1.0", "1e6", "12 000", "007",
                                        "18446744073709551616", "twelve"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        refused("12000000", texts[i], "max_gas must be a whole number");
        if (i != 8)
            refused("5000000000\n", strcmp(texts[i], "") ? texts[i] : " \n", "max_fee_wei must be");
    }
    refused("chain_id = 42161", "chain_id = 0", "chain_id 0");
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char escrow[] = "0x1111111111111111111111111111111111111111";
    refused(escrow, "", "escrow must be one address");
    refused(escrow, "0x11111111111111111111111111111111111111", "escrow must be one address");
    refused(escrow, "0x9D8A62f656a8d1615C1294fd71e9CFb3E4855A4F", "escrow must be one address");
    refused(escrow, "0x0000000000000000000000000000000000000000", "two different contracts");
    refused(escrow, "0x2222222222222222222222222222222222222222", "two different contracts");
    static const char list[] = "0x3333333333333333333333333333333333333333 ,";
    refused(list, ",", "juno_deposit must be");
    refused(list, "0x3333333333333333333333333333333333333333 0x55,", "juno_deposit must be");
    refused(list, "0x2222222222222222222222222222222222222222,", "would be lost");
    refused(list, "0x0000000000000000000000000000000000000000,", "would be lost");
    char many[17 * 44 + 1] = "";
    for (size_t i = 0; i < 16; i++)
        memcpy(many + i * 43, "0x3333333333333333333333333333333333333333,", 44);
    refused(list, many, "1 to 16 addresses");
}

static void test_bad_files(void **state)
{
    (void)state;
    static char big[SIGNER_CONFIG_MAX + 1];
    memset(big, '\n', sizeof big);
    assert_false(read_text(big, sizeof big, 0600));
    assert_non_null(strstr(error, "larger than"));
    memset(big, '#', SIGNER_LINE_MAX);
    assert_false(read_text(big, SIGNER_LINE_MAX, 0600));
    assert_non_null(strstr(error, "longer than"));
    assert_false(read_text("a\0b", 3, 0600));
    assert_non_null(strstr(error, "zero byte"));
    assert_false(read_text("", 0, 0600));
    assert_non_null(strstr(error, "missing"));
    assert_false(read_text(good, sizeof good - 1, 0664));
    assert_non_null(strstr(error, "chmod go-w"));
    assert_false(read_text(good, sizeof good - 1, 0602));
    assert_false(signer_config_read(folder, &config, error));
    assert_non_null(strstr(error, "regular file"));
    unlink(path);
    assert_false(signer_config_read(path, &config, error));
    assert_non_null(strstr(error, "No such file"));
}

// A key is in a file or in a token: one whole form, never parts of both.
static void test_two_places_of_a_key(void **state)
{
    (void)state;
    static const char file[] = "keyfile=relayer.json\npassword_file = relayer password\r\n";
    static const char *const lines[] = {"pkcs11_module = /m.so\n", "pkcs11_token = t 1\n",
                                        "pkcs11_key = lane\n", "pkcs11_pin_file = pin\n"};
    char token[256], text[512];
    snprintf(token, sizeof token, "%s%s%s%s", lines[0], lines[1], lines[2], lines[3]);
    assert_true(read_changed(file, token));
    assert_string_equal(config.key[0].keyfile, "");
    assert_string_equal(config.key[0].pkcs11_module, "/m.so");
    assert_string_equal(config.key[0].pkcs11_token, "t 1");
    assert_string_equal(config.key[0].pkcs11_key, "lane");
    assert_string_equal(config.key[0].pkcs11_pin_file, "pin");
    assert_string_equal(config.key[0].pkcs11_env, "");
    snprintf(text, sizeof text, "%spkcs11_env = A=b=c\n", token);
    assert_true(read_changed(file, text));
    assert_string_equal(config.key[0].pkcs11_env, "A=b=c");
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%s%s", file, lines[i]);
        refused(file, text, "[key.relayer] has settings of a key file and of a token");
        size_t n = 0;
        for (int j = 0; j < 4; j++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", j == i ? "" : lines[j]);
        refused(file, text, "is missing in section [key.relayer]");
    }
    refused(file, "pkcs11_env = A=b\n", "pkcs11_module is missing");
    snprintf(text, sizeof text, "pkcs11_module = m.so\n%s%s%s", lines[1], lines[2], lines[3]);
    refused(file, text, "pkcs11_module in section [key.relayer] must be an absolute path");
    refused(file, "pkcs11_env = Ab\n", "NAME=VALUE");
    refused(file, "pkcs11_env = =b\n", "NAME=VALUE");
    refused(file, "pkcs11_token =\n", "a label of 1 to 64 bytes");
    snprintf(text, sizeof text, "pkcs11_key = %065d\n", 1);
    refused(file, text, "a label of 1 to 64 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_every_required_setting),
        cmocka_unit_test(test_bad_lines), cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_bad_addresses), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_two_places_of_a_key),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
