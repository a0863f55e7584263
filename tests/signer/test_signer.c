// relayer-signer over real socket pairs: the promises of keystore/PROTOCOL.md.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "abi/recover.h"
#include "keystore/policy.h"
#include "keystore/record.h"
#include "keystore/wire.h"
#include "dialog.h"
#include "process.h"

// ---- tests

static struct process_result result;

static int enter(void **state)
{
    (void)state;
    process_folder_enter();
    file_write("pw", "correct horse", 0600);
    dialog_import("relayer.json", dialog_key[0]);
    dialog_import("arbiter.json", dialog_key[1]);
    file_write("signer.ini", dialog_config, 0600);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    process_folder_leave();
    return 0;
}

static void test_handshake_and_end(void **state)
{
    (void)state;
    struct wire_message answer;
    dialog_open();
    dialog_put(1, &(struct wire_message){.type = WIRE_PING});
    assert_true(dialog_take(1, &answer));
    assert_int_equal(answer.type, WIRE_PONG);
    close(dialog_fd[0]); // one channel gone: the other lives on
    dialog_fd[0] = -1;
    dialog_put(1, &(struct wire_message){.type = WIRE_PING});
    assert_true(dialog_take(1, &answer));
    assert_int_equal(dialog_finish(), 0);
}

// Every field of what comes back is what was asked for, and the sender is the key's address.
static void test_sign(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = dialog_release(7, 1), signed_tx;
    uint8_t again[1024], asked[1024], address[20], expected[20];
    struct buf a, b;
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_int_equal(tx_decode_signed(answer.payload, &signed_tx), TX_OK);
    buf_init(&a, asked, sizeof asked);
    buf_init(&b, again, sizeof again);
    assert_true(tx_encode_unsigned(&tx, &a) && tx_encode_unsigned(&signed_tx, &b));
    assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    assert_true(tx_sender(&signed_tx, address));
    assert_true(hex_decode_exact(dialog_address[0], expected, 20));
    assert_memory_equal(address, expected, 20);
    assert_int_equal(dialog_finish(), 0);
}

static void test_roles_and_refusals(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = dialog_release(1, 1);
    dialog_open();
    assert_int_equal(dialog_sign(1, &tx, 1, &answer), REFUSAL_ROLE);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    tx.chain_id = 1;
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_CHAIN);
    tx = dialog_transfer(2, 1001);
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_TX_UNITS);
    dialog_put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 5,
                                  .payload = {(const uint8_t *)"\x02\xc1", 2}});
    assert_true(dialog_take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    dialog_put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 6}); // no bytes at all
    assert_true(dialog_take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    tx = dialog_transfer(2, 1000); // refused nonces are free
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_int_equal(dialog_finish(), 0);
}

// A signed transaction is not an unsigned one, and signing it again must not be possible by that
// door.
static void test_signed_bytes_are_refused(void **state)
{
    (void)state;
    struct wire_message answer;
    uint8_t copy[1024];
    struct tx tx = dialog_release(1, 1);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    size_t n = answer.payload.n;
    memcpy(copy, answer.payload.p, n);
    dialog_put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 6, .fence = 1,
                                  .payload = {copy, n}});
    assert_true(dialog_take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    assert_int_equal(dialog_finish(), 0);
}

static void test_restart_keeps_the_record(void **state)
{
    (void)state;
    struct wire_message answer;
    uint8_t first[1024];
    struct tx tx = dialog_release(7, 1), other = tx;
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    size_t n = answer.payload.n;
    memcpy(first, answer.payload.p, n);
    kill(dialog_pid, SIGKILL);
    assert_int_equal(dialog_finish(), 1000 + SIGKILL);

    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0); // the same bytes, byte for byte
    assert_int_equal(answer.payload.n, n);
    assert_memory_equal(answer.payload.p, first, n);
    other = dialog_release(7, 2);
    assert_int_equal(dialog_sign(0, &other, 1, &answer), REFUSAL_NONCE_USED);
    other = dialog_release(7, 1);
    other.gas_limit++;
    assert_int_equal(dialog_sign(0, &other, 1, &answer), REFUSAL_NONCE_USED);
    other.gas_limit--;
    other.max_fee = u256_from_u64(300);
    assert_int_equal(dialog_sign(0, &other, 1, &answer), 0); // re-priced
    assert_int_equal(dialog_finish(), 0);
}

static void test_fence(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = dialog_release(1, 1);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 5, &answer), 0);
    tx.nonce = 2;
    assert_int_equal(dialog_sign(0, &tx, 4, &answer), REFUSAL_FENCE);
    assert_int_equal(dialog_finish(), 0);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 4, &answer), REFUSAL_FENCE);
    assert_int_equal(dialog_sign(0, &tx, 5, &answer), 0);
    assert_int_equal(dialog_finish(), 0);
}

static void test_day_amount_survives_restart(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = dialog_transfer(1, 1000);
    dialog_open();
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    assert_int_equal(dialog_finish(), 0);
    dialog_open();
    tx.nonce = 2;
    assert_int_equal(dialog_sign(0, &tx, 1, &answer), 0);
    tx.nonce = 3;
    // Midnight may fall between the two: then this one is a new day's first.
    int code = dialog_sign(0, &tx, 1, &answer);
    assert_true(code == REFUSAL_DAY_UNITS || time(NULL) % 86400 < 60);
    assert_int_equal(dialog_finish(), 0);
}

// Frames that may not stand where they stand. The other channel does not notice.
static void test_broken_protocol_closes_one_channel(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool greet;
    } rows[] = {
        {"\0\0\0\1\7", 5, false},             // PING before HELLO
        {"\0\0\0\1\7", 5, true},              // PING behind it: the one good row
        {"\0\0\0\3\1\0\1", 7, true},          // HELLO twice
        {"\0\0\0\0", 4, true},                // an empty frame
        {"\0\0\x40\1\3", 5, true},            // too long
        {"\xff\xff\xff\xff", 4, false},
        {"\0\0\0\2\7\0", 6, true},            // PING with a body
        {"\0\0\0\1\10", 5, true},             // PONG is the signer's
        {"\0\0\0\1\6", 5, true},              // no such type
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wire_message answer;
        bool good = i == 1;
        dialog_spawn();
        dialog_hello(1);
        if (rows[i].greet)
            dialog_hello(0);
        assert_int_equal(send(dialog_fd[0], rows[i].bytes, rows[i].n, MSG_NOSIGNAL),
                         (ssize_t)rows[i].n);
        assert_int_equal(dialog_take(0, &answer), good);
        dialog_put(1, &(struct wire_message){.type = WIRE_PING});
        assert_true(dialog_take(1, &answer));
        assert_int_equal(answer.type, WIRE_PONG);
        assert_int_equal(dialog_finish(), good ? 0 : 8);
    }
}

static void test_other_version(void **state)
{
    (void)state;
    struct wire_message answer;
    dialog_spawn();
    dialog_put(0, &(struct wire_message){.type = WIRE_HELLO, .version = 2});
    assert_true(dialog_take(0, &answer));
    assert_int_equal(answer.type, WIRE_HELLO_OK);
    assert_int_equal(answer.version, WIRE_VERSION);
    assert_false(dialog_take(0, &answer));
    assert_int_equal(dialog_finish(), 8);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = dialog_release(1, 1);
    uint8_t frame[1024], unsigned_tx[1024];
    struct buf tx_out, out;
    dialog_open();
    buf_init(&tx_out, unsigned_tx, sizeof unsigned_tx);
    buf_init(&out, frame, sizeof frame);
    assert_true(tx_encode_unsigned(&tx, &tx_out));
    assert_true(wire_write(&(struct wire_message){.type = WIRE_SIGN, .request_id = 3, .fence = 1,
                                                  .payload = buf_bytes(&tx_out)}, &out));
    for (size_t i = 0; i < out.n; i++)
        assert_int_equal(send(dialog_fd[0], out.p + i, 1, MSG_NOSIGNAL), 1);
    assert_true(dialog_take(0, &answer));
    assert_int_equal(answer.type, WIRE_SIGNED);
    assert_int_equal(dialog_finish(), 0);
}

// Many requests before the first answer is read: all answered, in order.
static void test_pipeline(void **state)
{
    (void)state;
    enum { N = 300 };
    struct wire_message answer;
    dialog_open();
    for (uint64_t i = 0; i < N; i++) {
        struct tx tx = dialog_release(i, (uint8_t)i);
        dialog_ask(0, &tx, i, 1);
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_true(dialog_take(0, &answer));
        assert_int_equal(answer.type, WIRE_SIGNED);
        assert_int_equal(answer.request_id, i);
    }
    assert_int_equal(dialog_finish(), 0);
}

// kill -9 while requests stream: whatever signature was seen is remembered after the restart.
static void test_killed_while_signing(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct wire_message answer;
        uint64_t seen = 0;
        unlink("nonces");
        dialog_open();
        for (uint64_t i = 0; i < 50; i++) {
            struct tx tx = dialog_release(i, 1);
            dialog_ask(0, &tx, i, 1);
        }
        for (; seen < (uint64_t)round * 5 && dialog_take(0, &answer); seen++)
            assert_int_equal(answer.type, WIRE_SIGNED);
        kill(dialog_pid, SIGKILL);
        while (dialog_take(0, &answer)) // answers that were already on their way
            seen++;
        assert_int_equal(dialog_finish(), 1000 + SIGKILL);
        dialog_open();
        for (uint64_t i = 0; i < seen; i++) {
            struct tx tx = dialog_release(i, 2);
            assert_int_equal(dialog_sign(0, &tx, 1, &answer), REFUSAL_NONCE_USED);
        }
        assert_int_equal(dialog_finish(), 0);
    }
}

static void test_process_is_confined(void **state)
{
    (void)state;
    char path[64], text[4096];
    dialog_open();
    snprintf(path, sizeof path, "/proc/%d/status", (int)dialog_pid);
    file_read(path, text);
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
#ifndef KUSTODIA_NO_SECCOMP
    assert_non_null(strstr(text, "Seccomp:\t2"));
#endif
    snprintf(path, sizeof path, "/proc/%d/limits", (int)dialog_pid);
    file_read(path, text);
    assert_non_null(strstr(text, "Max core file size        0                    0"));
    // stdin, stdout, stderr, two channels, the record; nothing inherited.
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)dialog_pid, i);
        struct stat st;
        assert_int_equal(lstat(path, &st) == 0, i <= 5);
    }
    assert_int_equal(dialog_finish(), 0);
}

static void test_start_faults(void **state)
{
    (void)state;
    file_write("pw", "another horse", 0600);
    dialog_start_fails(5, "relayer.json: the password does not open it");
    file_write("pw", "correct horse", 0640);
    dialog_start_fails(4, "chmod 600");
    file_write("pw", "correct horse", 0600);
    chmod("arbiter.json", 0604);
    dialog_start_fails(4, "arbiter.json may be used by others");
    unlink("arbiter.json");
    dialog_start_fails(4, "arbiter.json: No such file");
    file_write("arbiter.json", "{\"version\":3", 0600);
    dialog_start_fails(4, "damaged");
    dialog_import("arbiter.json", dialog_key[0]);
    dialog_start_fails(3, "same address");
    dialog_import("arbiter.json", dialog_key[1]);
    file_write("signer.ini", "[signer]\nchain = 1\n", 0600);
    dialog_start_fails(3, "signer.ini:2: unknown setting");
    file_write("signer.ini", dialog_config, 0600);
    file_write("nonces", "not a record, but some other file of this user; long enough to be "
                         "read as a whole header of one hundred and twenty-eight bytes.", 0600);
    dialog_start_fails(6, "not a nonce record");
    unlink("nonces");
    assert_int_equal(mkdir("nonces", 0700), 0);
    dialog_start_fails(6, "nonces");
}

static void test_second_signer_of_one_record(void **state)
{
    (void)state;
    dialog_open();
    pid_t first = dialog_pid;
    int first_fd[2] = {dialog_fd[0], dialog_fd[1]};
    dialog_start_fails(6, "in use by another");
    dialog_pid = first;
    memcpy(dialog_fd, first_fd, sizeof dialog_fd);
    assert_int_equal(dialog_finish(), 0);
}

static void test_usage(void **state)
{
    (void)state;
    const char *const rows[][8] = {
        {SIGNER_PROGRAM},
        {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "3", "--arbiter-fd",
         "4"}, // no sockets
        {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "0", "--arbiter-fd", "1"},
        {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "x", "--arbiter-fd", "4"},
        {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "3", "--password", "4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        process_run(rows[i], NULL, &result);
        assert_int_equal(result.status, 2);
        assert_non_null(strstr(result.err, "usage: relayer-signer"));
    }
}

#define SIGNER_TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        SIGNER_TEST(test_handshake_and_end), SIGNER_TEST(test_sign),
        SIGNER_TEST(test_roles_and_refusals), SIGNER_TEST(test_signed_bytes_are_refused),
        SIGNER_TEST(test_restart_keeps_the_record), SIGNER_TEST(test_fence),
        SIGNER_TEST(test_day_amount_survives_restart),
        SIGNER_TEST(test_broken_protocol_closes_one_channel), SIGNER_TEST(test_other_version),
        SIGNER_TEST(test_byte_by_byte), SIGNER_TEST(test_pipeline),
        SIGNER_TEST(test_killed_while_signing), SIGNER_TEST(test_process_is_confined),
        SIGNER_TEST(test_start_faults), SIGNER_TEST(test_second_signer_of_one_record),
        SIGNER_TEST(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
