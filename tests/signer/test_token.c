// Keys in a PKCS#11 token, with SoftHSM: the same promises as with key files, under the same
// limited system calls; and each thing that can be wrong with a token.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/recover.h"
#include "dialog.h"
#include "keystore/policy.h"
#include "process.h"

// Where Debian's packages softhsm2 and libsofthsm2 put them.
static const char softhsm[] = "/usr/lib/softhsm/libsofthsm2.so";
static const char softhsm_util[] = "/usr/bin/softhsm2-util";

enum { LOCKED_BYTES_NEEDED = 128 * 1024 * 1024 };

static struct process_result result;

// ---- a token

static void run(const char *const *argv)
{
    process_run(argv, NULL, &result);
    if (result.status != 0)
        print_error("%s%s", result.out, result.err);
    assert_int_equal(result.status, 0);
}

// PKCS#8 by hand (RFC 5208, RFC 5915): the curve's name and the secret number.
static void pem_write(const char *name, const char *hex, bool is_p256)
{
    static const uint8_t k1[] = {0x30, 0x3e, 2, 1, 0, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce,
                                 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x0a,
                                 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20};
    static const uint8_t p256[] = {0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce,
                                   0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
                                   4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20};
    size_t n = is_p256 ? sizeof p256 : sizeof k1;
    uint8_t der[80], base64[128];
    char pem[256];
    memcpy(der, is_p256 ? p256 : k1, n);
    assert_true(hex_decode_exact(hex, der + n, 32));
    EVP_EncodeBlock(base64, der, (int)n + 32);
    snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%.64s\n%s\n-----END PRIVATE KEY-----\n",
             (const char *)base64, (const char *)base64 + 64);
    file_write(name, pem, 0600);
}

static void token_import(const char *label, const char *id, const char *hex, bool is_p256)
{
    pem_write("key.pem", hex, is_p256);
    run((const char *const[]){softhsm_util, "--import", "key.pem", "--token", "kustodia", "--label",
                              label, "--id", id, "--pin", "31415926", NULL});
}

static void config_write_both(const char *relayer, const char *arbiter)
{
    char text[4096];
    snprintf(text, sizeof text,
             "[signer]\nchain_id = 42161\nrecord_file = nonces\n[key.relayer]\n%s"
             "[key.arbiter]\n%s%s", relayer, arbiter, dialog_config_limits);
    file_write("signer.ini", text, 0600);
}

// One [key.relayer] section; the arbiter's key is in a file.
static void config_write(const char *relayer)
{
    config_write_both(relayer, "keyfile = arbiter.json\npassword_file = pw\n");
}

static const char token_lines[] = "pkcs11_module = %s\npkcs11_token = %s\npkcs11_key = %s\n"
                                  "pkcs11_pin_file = %s\n"
                                  "pkcs11_env = SOFTHSM2_CONF=softhsm.conf\n";

static void config_token(const char *module, const char *token, const char *key, const char *pin)
{
    char text[1024];
    snprintf(text, sizeof text, token_lines, module, token, key, pin);
    config_write(text);
}

static int enter(void **state)
{
    struct rlimit limit;
    getrlimit(RLIMIT_MEMLOCK, &limit);
    *state = NULL;
    process_folder_enter();
    assert_int_equal(chmod(FAKE_MODULE, 0755), 0); // whatever umask it was built under
    if (geteuid() != 0 && limit.rlim_cur < LOCKED_BYTES_NEEDED) {
        print_message("SKIP: ulimit -l is too small for the memory of a token's module\n");
        *state = &result;
        return 0;
    }
    assert_int_equal(mkdir("tokens", 0700), 0);
    file_write("softhsm.conf", "directories.tokendir = tokens\nobjectstore.backend = file\n"
               "log.level = ERROR\n", 0600);
    setenv("SOFTHSM2_CONF", "softhsm.conf", 1);
    file_write("pw", "correct horse", 0600);
    file_write("pin", "31415926\n", 0600);
    dialog_import("arbiter.json", dialog_key[1]);
    run((const char *const[]){softhsm_util, "--init-token", "--free", "--label", "kustodia",
                              "--so-pin", "27182818", "--pin", "31415926", NULL});
    token_import("lane", "01", dialog_key[0], false);
    config_token(softhsm, "kustodia", "lane", "pin");
    return 0;
}

static int leave(void **state)
{
    (void)state;
    process_folder_leave();
    return 0;
}

static void skip_without_memory(void **state)
{
    if (*state)
        skip();
}

// ---- tests

static struct bytes copy_of(struct bytes in, uint8_t out[1024])
{
    assert_true(in.n <= 1024);
    memcpy(out, in.p, in.n);
    return (struct bytes){out, in.n};
}

// SoftHSM signs a digest differently each time; what leaves is the same for ever. The relayer's
// address is that of the key that was imported (dialog_open compares it).
static void test_same_bytes_for_the_same_digest(void **state)
{
    skip_without_memory(state);
    struct wire_message answer;
    uint8_t first[1024], second[1024];
    struct tx tx = dialog_release(7, 1), dear = tx;
    dear.max_fee = u256_from_u64(300);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    struct bytes cheap_bytes = copy_of(answer.payload, first);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_true(bytes_equal(answer.payload, cheap_bytes));
    assert_int_equal(dialog_sign(0, &dear, 1, &answer), 0);
    struct bytes dear_bytes = copy_of(answer.payload, second);
    assert_int_equal(dialog_sign(0, &tx, 2, &answer), 0); // behind another price, a higher fence
    assert_true(bytes_equal(answer.payload, cheap_bytes));
    kill(dialog_pid, SIGKILL);
    assert_int_equal(dialog_finish(), 1000 + SIGKILL);

    dialog_open();
    assert_int_equal(dialog_sign(0, &dear, 2, &answer), 0);
    assert_true(bytes_equal(answer.payload, dear_bytes));
    assert_int_equal(dialog_sign(0, &tx, 3, &answer), 0);
    assert_true(bytes_equal(answer.payload, cheap_bytes));
    unlink("nonces"); // without the record the token signs anew: the test above is one
    assert_int_equal(dialog_finish(), 0);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_false(bytes_equal(answer.payload, cheap_bytes));
    assert_int_equal(dialog_finish(), 0);
}

static void test_same_policy(void **state)
{
    skip_without_memory(state);
    struct wire_message answer;
    struct tx tx = dialog_release(1, 1);
    dialog_open();
    assert_int_equal(dialog_sign(1, &tx, 1, &answer), REFUSAL_ROLE);
    tx.chain_id = 1;
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_CHAIN);
    tx = dialog_transfer(1, 1001);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_TX_UNITS);
    tx = dialog_transfer(1, 1000);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    tx = dialog_transfer(1, 999);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_NONCE_USED);
    assert_int_equal(dialog_finish(), 0);
}

// tx_decode_signed refuses a high s; the sender comes back from r, s and the parity.
static void test_a_thousand_signatures(void **state)
{
    skip_without_memory(state);
    uint8_t expected[20];
    int parities[2] = {0};
    assert_true(hex_decode_exact(dialog_address[0], expected, 20));
    dialog_open();
    for (uint64_t nonce = 0; nonce < 1000; nonce++) {
        struct wire_message answer;
        struct tx tx = dialog_release(nonce, (uint8_t)nonce), signed_tx;
        uint8_t sender[20];
        assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
        assert_int_equal(tx_decode_signed(answer.payload, &signed_tx), TX_OK);
        assert_true(recover_is_low_s(signed_tx.s));
        assert_true(tx_sender(&signed_tx, sender));
        assert_memory_equal(sender, expected, 20);
        parities[signed_tx.y_parity]++;
    }
    assert_true(parities[0] > 300 && parities[1] > 300);
    assert_int_equal(dialog_finish(), 0);
}

static void test_process_is_confined(void **state)
{
    skip_without_memory(state);
    char path[64], text[4096];
    dialog_open();
    snprintf(path, sizeof path, "/proc/%d/status", (int)dialog_pid);
    file_read(path, text);
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
    assert_non_null(strstr(text, "Threads:\t1\n"));
#ifndef KUSTODIA_NO_SECCOMP // a sanitizer makes mlockall do nothing
    assert_non_null(strstr(text, "Seccomp:\t2"));
    assert_true(strtoul(strstr(text, "VmLck:") + 6, NULL, 10) > 8192); // KiB
#endif
    for (int i = 0; i < 200; i++) { // the module holds no file open
        struct stat st;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)dialog_pid, i);
        assert_true(i <= 6 || lstat(path, &st) != 0);
    }
    assert_int_equal(dialog_finish(), 0);
}

// A library of root's that is no module.
static const char *libcrypto_path(void)
{
    Dl_info info;
    assert_true(dladdr(dlsym(RTLD_DEFAULT, "EVP_EncodeBlock"), &info) != 0);
    assert_int_equal(*info.dli_fname, '/');
    return info.dli_fname;
}

// Once logged in, a token takes any PIN for the next key: the wrong one would stay unseen until that
// key is alone.
static void test_two_keys_in_one_token(void **state)
{
    skip_without_memory(state);
    char relayer[1024], arbiter[1024];
    struct wire_message answer;
    token_import("second", "02", dialog_key[1], false);
    snprintf(relayer, sizeof relayer, token_lines, softhsm, "kustodia", "lane", "pin");
    snprintf(arbiter, sizeof arbiter, token_lines, softhsm, "kustodia", "second", "pin.2");
    config_write_both(relayer, arbiter);
    static const char *const wrong[] = {"31415927\n", "3141592\n", "314159260\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        file_write("pin.2", wrong[i], 0600);
        dialog_start_fails(5, "[key.arbiter] pkcs11_pin_file holds another PIN than the one");
    }
    assert_int_not_equal(access("nonces", F_OK), 0);
    file_write("pin.2", "31415926", 0600);
    dialog_open();
    struct tx tx = dialog_release(1, 1);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_int_equal(dialog_sign(1, &tx, 1, &answer), REFUSAL_ROLE);
    assert_int_equal(dialog_finish(), 0);
}

// Each a sentence and an exit status; none of them touches the record.
static void test_start_faults(void **state)
{
    skip_without_memory(state);
    config_token("/nonexistent/module.so", "kustodia", "lane", "pin");
    dialog_start_fails(4, "pkcs11_module /nonexistent/module.so: cannot open it");
    config_token("libsofthsm2.so", "kustodia", "lane", "pin");
    dialog_start_fails(3, "pkcs11_module in section [key.relayer] must be an absolute path");
    config_token(libcrypto_path(), "kustodia", "lane", "pin");
    dialog_start_fails(4, "is no PKCS#11 2 module");
    config_token("/usr/lib", "kustodia", "lane", "pin");
    dialog_start_fails(4, "/usr/lib is no regular file");
    config_token(softhsm, "custodia", "lane", "pin");
    dialog_start_fails(4, "there is no token \"custodia\"");
    config_token(softhsm, "kustodia", "line", "pin");
    dialog_start_fails(4, "has no elliptic-curve private key \"line\"");
    config_token(softhsm, "kustodia", "lane", "absent");
    dialog_start_fails(4, "PIN file absent: No such file");
    file_write("pin", "31415927\n", 0600);
    config_token(softhsm, "kustodia", "lane", "pin");
    dialog_start_fails(5, "the PIN does not open token \"kustodia\"");
    file_write("pin", "31415926\n", 0640);
    dialog_start_fails(4, "chmod 600");
    file_write("pin", "31415926\n", 0600);
    token_import("prime", "02", dialog_key[0], true);
    config_token(softhsm, "kustodia", "prime", "pin");
    dialog_start_fails(4, "is not on the curve secp256k1");
    token_import("lane", "03", dialog_key[1], false); // a second one of the label
    config_token(softhsm, "kustodia", "lane", "pin");
    dialog_start_fails(4, "more than one elliptic-curve private key");
    token_import("other", "04", dialog_key[1], false); // the arbiter's key, in a token
    config_token(softhsm, "kustodia", "other", "pin");
    dialog_start_fails(3, "same address");
    file_write("softhsm.conf", "directories.tokendir = absent\n", 0600);
    dialog_start_fails(4, "does not start (code 0x");
    assert_int_not_equal(access("nonces", F_OK), 0);
}

// ---- what SoftHSM does not do (fake_module.c)

static void config_fake(const char *behaviour)
{
    char text[1024];
    snprintf(text, sizeof text, "pkcs11_module = " FAKE_MODULE "\npkcs11_token = fake\n"
             "pkcs11_key = lane\npkcs11_pin_file = pin\npkcs11_env = FAKE_TOKEN=%s\n", behaviour);
    config_write(text);
}

// Who may write a module's file may do all that the signer may.
static void test_module_that_others_may_change(void **state)
{
    skip_without_memory(state);
    static const mode_t modes[] = {0775, 0757};
    config_fake("sound");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(FAKE_MODULE, modes[i]), 0);
        dialog_start_fails(4, "others may change it");
    }
}

// dialog_open compares the address with that of the key; the answer's s is low.
static void test_other_tokens_that_serve(void **state)
{
    skip_without_memory(state);
    static const char *const behaviours[] = {"sound", "bare point", "high s"};
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        struct wire_message answer;
        struct tx signed_tx;
        uint8_t sender[20], expected[20];
        config_fake(behaviours[i]);
        unlink("nonces");
        dialog_open();
        for (uint64_t nonce = 0; nonce < 20; nonce++) {
            struct tx tx = dialog_release(nonce, 1);
            assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
            assert_int_equal(tx_decode_signed(answer.payload, &signed_tx), TX_OK);
            assert_true(recover_is_low_s(signed_tx.s) && tx_sender(&signed_tx, sender));
            assert_true(hex_decode_exact(dialog_address[0], expected, 20));
            assert_memory_equal(sender, expected, 20);
        }
        assert_int_equal(dialog_finish(), 0);
    }
}

static void test_other_tokens_that_do_not(void **state)
{
    skip_without_memory(state);
    static const struct {
        const char *behaviour;
        int status;
        const char *words;
    } rows[] = {
        {"locked", 5, "the PIN of token \"fake\" is locked"},
        {"locks at login", 5, "the PIN of token \"fake\" is locked"},
        {"last try", 5, "has one try of its PIN left, which is not spent here"},
        {"two tokens", 4, "two tokens have the label \"fake\""},
        {"needs threads", 4, "does not start (code 0x9)"},
        {"no public key", 4, "has no elliptic-curve public key \"lane\""},
        {"compressed point", 4, "has no uncompressed point"},
        {"another public key", 4, "but not for the public key of that name"},
        {"off the curve", 4, "but not for the public key of that name"},
        {"short", 4, "but not for the public key of that name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        config_fake(rows[i].behaviour);
        dialog_start_fails(rows[i].status, rows[i].words);
    }
    assert_int_not_equal(access("nonces", F_OK), 0);
}

// A token that fails later: refused, nothing recorded, and the other key serves on.
static void test_token_that_fails_later(void **state)
{
    skip_without_memory(state);
    static const char *const behaviours[] = {"goes away", "wrong later"};
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        struct wire_message answer;
        struct tx tx = dialog_release(1, 1);
        config_fake(behaviours[i]);
        unlink("nonces");
        dialog_open();
        assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_SIGNATURE);
        assert_int_equal(dialog_sign(1, &tx, 1, &answer), REFUSAL_ROLE);
        assert_int_equal(dialog_finish(), 0);
        config_fake("sound");
        dialog_open();
        tx = dialog_release(1, 2); // the nonce is free
        assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
        assert_int_equal(dialog_finish(), 0);
    }
}

// A module that starts a process is ended before it has one; one that needs a socket to sign, once
// the second filter is on.
static void test_modules_that_are_ended(void **state)
{
    skip_without_memory(state);
#ifdef KUSTODIA_NO_SECCOMP
    skip();
#endif
    static const char *const behaviours[] = {"forks", "runs a program", "socket"};
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        config_fake(behaviours[i]);
        dialog_spawn();
        assert_int_equal(dialog_finish(), 1000 + SIGSYS);
    }
}

#define TOKEN_TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TOKEN_TEST(test_same_bytes_for_the_same_digest), TOKEN_TEST(test_same_policy),
        TOKEN_TEST(test_a_thousand_signatures), TOKEN_TEST(test_process_is_confined),
        TOKEN_TEST(test_two_keys_in_one_token), TOKEN_TEST(test_start_faults),
        TOKEN_TEST(test_module_that_others_may_change), TOKEN_TEST(test_other_tokens_that_serve),
        TOKEN_TEST(test_other_tokens_that_do_not), TOKEN_TEST(test_token_that_fails_later),
        TOKEN_TEST(test_modules_that_are_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
