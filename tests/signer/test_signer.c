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
#include "process.h"

enum { CHAIN = 42161 };

static const char config_text[] =
    "[signer]\nchain_id = 42161\nrecord_file = nonces\n"
    "[key.relayer]\nkeyfile = relayer.json\npassword_file = pw\n"
    "[key.arbiter]\nkeyfile = arbiter.json\npassword_file = pw\n"
    "[policy]\nescrow = 0x1111111111111111111111111111111111111111\n"
    "token = 0x2222222222222222222222222222222222222222\n"
    "juno_deposit = 0x3333333333333333333333333333333333333333\n"
    "max_gas = 1000000\nmax_fee_wei = 1000\nmax_priority_fee_wei = 100\n"
    "max_tx_units = 1000\nmax_day_units = 2500\n";

// Rows "cow" and "horse" of ethereum/tests, BasicTests/keyaddrtest.json.
static const char *const key_hex[2] = {
    "c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4",
    "c87f65ff3f271bf5dc8643484f66b200109caffe4bf98c4cb393dc35740b28c0"};
static const char *const key_address[2] = {"cd2a3d9f938e13cd947ec05abc7fe734df8dd826",
                                           "13978aee95f38490e9769c39b2773ed763d9cd5f"};

static pid_t pid;
static int fd[2]; // our ends: relayer, arbiter
static struct process_result result;

// ---- the process

static void import_key(const char *name, const char *hex)
{
    const char *argv[] = {KEYTOOL_PROGRAM, "import", "--out", name, "--password-file", "pw",
                          "--light", NULL};
    unlink(name);
    process_run(argv, hex, &result);
    assert_int_equal(result.status, 0);
}

static void spawn(void)
{
    int theirs[2];
    const struct timeval patience = {.tv_sec = 60};
    for (int i = 0; i < 2; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        fd[i] = pair[0];
        theirs[i] = pair[1];
        setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    const char *argv[] = {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "3",
                          "--arbiter-fd", "4", NULL};
    pid = process_start(argv, theirs);
    close(theirs[0]);
    close(theirs[1]);
}

static int finish(void)
{
    for (int i = 0; i < 2; i++) {
        if (fd[i] >= 0)
            close(fd[i]);
        fd[i] = -1;
    }
    return process_wait(pid);
}

// ---- talking

static void put(int role, const struct wire_message *message)
{
    uint8_t memory[WIRE_BYTES_MAX];
    struct buf out;
    buf_init(&out, memory, sizeof memory);
    assert_true(wire_write(message, &out));
    assert_int_equal(send(fd[role], out.p, out.n, MSG_NOSIGNAL), (ssize_t)out.n);
}

// Reads exactly one frame. False at the end of the stream.
static bool take(int role, struct wire_message *message)
{
    static uint8_t memory[2][WIRE_BYTES_MAX];
    uint8_t *frame = memory[role];
    ssize_t n = recv(fd[role], frame, 4, MSG_WAITALL);
    if (n <= 0) {
        assert_true(n == 0 || errno == ECONNRESET); // not a time-out
        return false;
    }
    assert_int_equal(n, 4);
    size_t body = (size_t)frame[2] << 8 | frame[3];
    assert_true(frame[0] == 0 && frame[1] == 0 && body <= WIRE_FRAME_MAX);
    assert_int_equal(recv(fd[role], frame + 4, body, MSG_WAITALL), (ssize_t)body);
    struct bytes in = {frame, 4 + body};
    assert_int_equal(wire_read(&in, message), WIRE_READ_OK);
    return true;
}

static void hello(int role)
{
    struct wire_message answer;
    uint8_t address[20];
    put(role, &(struct wire_message){.type = WIRE_HELLO, .version = WIRE_VERSION});
    assert_true(take(role, &answer));
    assert_int_equal(answer.type, WIRE_HELLO_OK);
    assert_int_equal(answer.version, WIRE_VERSION);
    assert_int_equal(answer.role, role + 1);
    assert_int_equal(answer.chain_id, CHAIN);
    assert_true(hex_decode_exact(key_address[role], address, 20));
    assert_memory_equal(answer.address, address, 20);
}

static void spawn_and_greet(void)
{
    spawn();
    hello(0);
    hello(1);
}

// ---- transactions

static uint8_t calldata[512], unsigned_tx[1024];

static struct tx release_tx(uint64_t nonce, uint8_t id)
{
    static struct escrow_call call;
    struct buf out;
    call.kind = ESCROW_RELEASE;
    call.n = 1;
    call.ids[0][0] = id;
    buf_init(&out, calldata, sizeof calldata);
    assert_true(escrow_call_encode(&call, &out));
    struct tx tx = {.type = TX_EIP1559, .chain_id = CHAIN, .nonce = nonce, .gas_limit = 90000,
                    .max_fee = u256_from_u64(200), .max_priority_fee = u256_from_u64(1),
                    .has_to = true, .data = buf_bytes(&out)};
    memset(tx.to, 0x11, 20);
    return tx;
}

static struct tx transfer_tx(uint64_t nonce, uint64_t units)
{
    struct tx tx = release_tx(nonce, 1);
    struct mxnb_call call = {.kind = MXNB_TRANSFER, .amount_units = units};
    struct buf out;
    memset(call.to, 0x33, 20);
    buf_init(&out, calldata, sizeof calldata);
    assert_true(mxnb_call_encode(&call, &out));
    tx.data = buf_bytes(&out);
    memset(tx.to, 0x22, 20);
    return tx;
}

static void ask(int role, const struct tx *tx, uint64_t request_id, uint64_t fence)
{
    struct buf out;
    buf_init(&out, unsigned_tx, sizeof unsigned_tx);
    assert_true(tx_encode_unsigned(tx, &out));
    put(role, &(struct wire_message){.type = WIRE_SIGN, .request_id = request_id, .fence = fence,
                                     .payload = buf_bytes(&out)});
}

// Asks and reads; returns the refusal's number, 0 for a signature.
static int sign(int role, const struct tx *tx, uint64_t fence, struct wire_message *answer)
{
    static uint64_t request_id = 1000;
    ask(role, tx, ++request_id, fence);
    assert_true(take(role, answer));
    assert_int_equal(answer->request_id, request_id);
    if (answer->type == WIRE_SIGNED)
        return 0;
    assert_int_equal(answer->type, WIRE_REFUSED);
    assert_true(answer->payload.n > 0);
    return answer->code;
}

// ---- tests

static int enter(void **state)
{
    (void)state;
    process_folder_enter();
    file_write("pw", "correct horse", 0600);
    import_key("relayer.json", key_hex[0]);
    import_key("arbiter.json", key_hex[1]);
    file_write("signer.ini", config_text, 0600);
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
    spawn_and_greet();
    put(1, &(struct wire_message){.type = WIRE_PING});
    assert_true(take(1, &answer));
    assert_int_equal(answer.type, WIRE_PONG);
    close(fd[0]); // one channel gone: the other lives on
    fd[0] = -1;
    put(1, &(struct wire_message){.type = WIRE_PING});
    assert_true(take(1, &answer));
    assert_int_equal(finish(), 0);
}

// Every field of what comes back is what was asked for, and the sender is the key's address.
static void test_sign(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = release_tx(7, 1), signed_tx;
    uint8_t again[1024], asked[1024], address[20], expected[20];
    struct buf a, b;
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    assert_int_equal(tx_decode_signed(answer.payload, &signed_tx), TX_OK);
    buf_init(&a, asked, sizeof asked);
    buf_init(&b, again, sizeof again);
    assert_true(tx_encode_unsigned(&tx, &a) && tx_encode_unsigned(&signed_tx, &b));
    assert_true(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
    assert_true(tx_sender(&signed_tx, address));
    assert_true(hex_decode_exact(key_address[0], expected, 20));
    assert_memory_equal(address, expected, 20);
    assert_int_equal(finish(), 0);
}

static void test_roles_and_refusals(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = release_tx(1, 1);
    spawn_and_greet();
    assert_int_equal(sign(1, &tx, 1, &answer), REFUSAL_ROLE);
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    tx.chain_id = 1;
    assert_int_equal(sign(0, &tx, 1, &answer), REFUSAL_CHAIN);
    tx = transfer_tx(2, 1001);
    assert_int_equal(sign(0, &tx, 1, &answer), REFUSAL_TX_UNITS);
    put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 5,
                                  .payload = {(const uint8_t *)"\x02\xc1", 2}});
    assert_true(take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 6}); // no bytes at all
    assert_true(take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    tx = transfer_tx(2, 1000); // refused nonces are free
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    assert_int_equal(finish(), 0);
}

// A signed transaction is not an unsigned one, and signing it again must not be possible by that
// door.
static void test_signed_bytes_are_refused(void **state)
{
    (void)state;
    struct wire_message answer;
    uint8_t copy[1024];
    struct tx tx = release_tx(1, 1);
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    size_t n = answer.payload.n;
    memcpy(copy, answer.payload.p, n);
    put(0, &(struct wire_message){.type = WIRE_SIGN, .request_id = 6, .fence = 1,
                                  .payload = {copy, n}});
    assert_true(take(0, &answer));
    assert_int_equal(answer.code, REFUSAL_MALFORMED);
    assert_int_equal(finish(), 0);
}

static void test_restart_keeps_the_record(void **state)
{
    (void)state;
    struct wire_message answer;
    uint8_t first[1024];
    struct tx tx = release_tx(7, 1), other = tx;
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    size_t n = answer.payload.n;
    memcpy(first, answer.payload.p, n);
    kill(pid, SIGKILL);
    assert_int_equal(finish(), 1000 + SIGKILL);

    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 1, &answer), 0); // the same bytes, byte for byte
    assert_int_equal(answer.payload.n, n);
    assert_memory_equal(answer.payload.p, first, n);
    other = release_tx(7, 2);
    assert_int_equal(sign(0, &other, 1, &answer), REFUSAL_NONCE_USED);
    other = release_tx(7, 1);
    other.gas_limit++;
    assert_int_equal(sign(0, &other, 1, &answer), REFUSAL_NONCE_USED);
    other.gas_limit--;
    other.max_fee = u256_from_u64(300);
    assert_int_equal(sign(0, &other, 1, &answer), 0); // re-priced
    assert_int_equal(finish(), 0);
}

static void test_fence(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = release_tx(1, 1);
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 5, &answer), 0);
    tx.nonce = 2;
    assert_int_equal(sign(0, &tx, 4, &answer), REFUSAL_FENCE);
    assert_int_equal(finish(), 0);
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 4, &answer), REFUSAL_FENCE);
    assert_int_equal(sign(0, &tx, 5, &answer), 0);
    assert_int_equal(finish(), 0);
}

static void test_day_amount_survives_restart(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = transfer_tx(1, 1000);
    spawn_and_greet();
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    assert_int_equal(finish(), 0);
    spawn_and_greet();
    tx.nonce = 2;
    assert_int_equal(sign(0, &tx, 1, &answer), 0);
    tx.nonce = 3;
    // Midnight may fall between the two: then this one is a new day's first.
    int code = sign(0, &tx, 1, &answer);
    assert_true(code == REFUSAL_DAY_UNITS || time(NULL) % 86400 < 60);
    assert_int_equal(finish(), 0);
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
        spawn();
        hello(1);
        if (rows[i].greet)
            hello(0);
        assert_int_equal(send(fd[0], rows[i].bytes, rows[i].n, MSG_NOSIGNAL), (ssize_t)rows[i].n);
        assert_int_equal(take(0, &answer), good);
        put(1, &(struct wire_message){.type = WIRE_PING});
        assert_true(take(1, &answer));
        assert_int_equal(answer.type, WIRE_PONG);
        assert_int_equal(finish(), good ? 0 : 8);
    }
}

static void test_other_version(void **state)
{
    (void)state;
    struct wire_message answer;
    spawn();
    put(0, &(struct wire_message){.type = WIRE_HELLO, .version = 2});
    assert_true(take(0, &answer));
    assert_int_equal(answer.type, WIRE_HELLO_OK);
    assert_int_equal(answer.version, WIRE_VERSION);
    assert_false(take(0, &answer));
    assert_int_equal(finish(), 8);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct wire_message answer;
    struct tx tx = release_tx(1, 1);
    uint8_t frame[1024];
    struct buf tx_out, out;
    spawn_and_greet();
    buf_init(&tx_out, unsigned_tx, sizeof unsigned_tx);
    buf_init(&out, frame, sizeof frame);
    assert_true(tx_encode_unsigned(&tx, &tx_out));
    assert_true(wire_write(&(struct wire_message){.type = WIRE_SIGN, .request_id = 3, .fence = 1,
                                                  .payload = buf_bytes(&tx_out)}, &out));
    for (size_t i = 0; i < out.n; i++)
        assert_int_equal(send(fd[0], out.p + i, 1, MSG_NOSIGNAL), 1);
    assert_true(take(0, &answer));
    assert_int_equal(answer.type, WIRE_SIGNED);
    assert_int_equal(finish(), 0);
}

// Many requests before the first answer is read: all answered, in order.
static void test_pipeline(void **state)
{
    (void)state;
    enum { N = 300 };
    struct wire_message answer;
    spawn_and_greet();
    for (uint64_t i = 0; i < N; i++) {
        struct tx tx = release_tx(i, (uint8_t)i);
        ask(0, &tx, i, 1);
    }
    for (uint64_t i = 0; i < N; i++) {
        assert_true(take(0, &answer));
        assert_int_equal(answer.type, WIRE_SIGNED);
        assert_int_equal(answer.request_id, i);
    }
    assert_int_equal(finish(), 0);
}

// kill -9 while requests stream: whatever signature was seen is remembered after the restart.
static void test_killed_while_signing(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct wire_message answer;
        uint64_t seen = 0;
        unlink("nonces");
        spawn_and_greet();
        for (uint64_t i = 0; i < 50; i++) {
            struct tx tx = release_tx(i, 1);
            ask(0, &tx, i, 1);
        }
        for (; seen < (uint64_t)round * 5 && take(0, &answer); seen++)
            assert_int_equal(answer.type, WIRE_SIGNED);
        kill(pid, SIGKILL);
        while (take(0, &answer)) // answers that were already on their way
            seen++;
        assert_int_equal(finish(), 1000 + SIGKILL);
        spawn_and_greet();
        for (uint64_t i = 0; i < seen; i++) {
            struct tx tx = release_tx(i, 2);
            assert_int_equal(sign(0, &tx, 1, &answer), REFUSAL_NONCE_USED);
        }
        assert_int_equal(finish(), 0);
    }
}

static void test_process_is_confined(void **state)
{
    (void)state;
    char path[64], text[4096];
    spawn_and_greet();
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file_read(path, text);
    assert_non_null(strstr(text, "NoNewPrivs:\t1"));
#ifndef KUSTODIA_NO_SECCOMP
    assert_non_null(strstr(text, "Seccomp:\t2"));
#endif
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    file_read(path, text);
    assert_non_null(strstr(text, "Max core file size        0                    0"));
    // stdin, stdout, stderr, two channels, the record; nothing inherited.
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, i);
        struct stat st;
        assert_int_equal(lstat(path, &st) == 0, i <= 5);
    }
    assert_int_equal(finish(), 0);
}

static void start_fails(int status, const char *words)
{
    char text[4096];
    spawn();
    assert_int_equal(finish(), status);
    file_read("stderr", text);
    if (!strstr(text, words))
        print_error("%s", text);
    assert_non_null(strstr(text, words));
    assert_int_equal(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1); // one line
}

static void test_start_faults(void **state)
{
    (void)state;
    file_write("pw", "another horse", 0600);
    start_fails(5, "relayer.json: the password does not open it");
    file_write("pw", "correct horse", 0640);
    start_fails(4, "chmod 600");
    file_write("pw", "correct horse", 0600);
    chmod("arbiter.json", 0604);
    start_fails(4, "arbiter.json may be used by others");
    unlink("arbiter.json");
    start_fails(4, "arbiter.json: No such file");
    file_write("arbiter.json", "{\"version\":3", 0600);
    start_fails(4, "damaged");
    import_key("arbiter.json", key_hex[0]);
    start_fails(3, "same address");
    import_key("arbiter.json", key_hex[1]);
    file_write("signer.ini", "[signer]\nchain = 1\n", 0600);
    start_fails(3, "signer.ini:2: unknown setting");
    file_write("signer.ini", config_text, 0600);
    file_write("nonces", "not a record, but some other file of this user; long enough to be "
                         "read as a whole header of one hundred and twenty-eight bytes.", 0600);
    start_fails(6, "not a nonce record");
    unlink("nonces");
    assert_int_equal(mkdir("nonces", 0700), 0);
    start_fails(6, "nonces");
}

static void test_second_signer_of_one_record(void **state)
{
    (void)state;
    spawn_and_greet();
    pid_t first = pid;
    int first_fd[2] = {fd[0], fd[1]};
    start_fails(6, "in use by another");
    pid = first;
    memcpy(fd, first_fd, sizeof fd);
    assert_int_equal(finish(), 0);
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
