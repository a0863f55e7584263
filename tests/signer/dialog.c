#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "abi/escrow.h"
#include "abi/hex.h"
#include "abi/mxnb.h"
#include "process.h"

#define LIMITS                                                                                     \
    "[policy]\nescrow = 0x1111111111111111111111111111111111111111\n"                              \
    "token = 0x2222222222222222222222222222222222222222\n"                                         \
    "juno_deposit = 0x3333333333333333333333333333333333333333\n"                                  \
    "max_gas = 1000000\nmax_fee_wei = 1000\nmax_priority_fee_wei = 100\n"                          \
    "max_tx_units = 1000\nmax_day_units = 2500\n"

const char dialog_config_limits[] = LIMITS;
const char dialog_config[] =
    "[signer]\nchain_id = 42161\nrecord_file = nonces\n"
    "[key.relayer]\nkeyfile = relayer.json\npassword_file = pw\n"
    "[key.arbiter]\nkeyfile = arbiter.json\npassword_file = pw\n"
    LIMITS;

// Rows "cow" and "horse" of ethereum/tests, BasicTests/keyaddrtest.json.
const char *const dialog_key[2] = {
    "c85ef7d79691fe79573b1a7064c19c1a9819ebdbd1faaab1a8ec92344438aaf4",
    "c87f65ff3f271bf5dc8643484f66b200109caffe4bf98c4cb393dc35740b28c0"};
const char *const dialog_address[2] = {"cd2a3d9f938e13cd947ec05abc7fe734df8dd826",
                                           "13978aee95f38490e9769c39b2773ed763d9cd5f"};

pid_t dialog_pid;
int dialog_fd[2];

// ---- the process

void dialog_import(const char *name, const char *hex)
{
    const char *argv[] = {KEYTOOL_PROGRAM, "import", "--out", name, "--password-file", "pw",
                          "--light", NULL};
    unlink(name);
    struct process_result result;
    process_run(argv, hex, &result);
    assert_int_equal(result.status, 0);
}

void dialog_spawn(void)
{
    int theirs[2];
    const struct timeval patience = {.tv_sec = 60};
    for (int i = 0; i < 2; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        dialog_fd[i] = pair[0];
        theirs[i] = pair[1];
        setsockopt(dialog_fd[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(dialog_fd[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    const char *argv[] = {SIGNER_PROGRAM, "--config", "signer.ini", "--relayer-fd", "3",
                          "--arbiter-fd", "4", NULL};
    dialog_pid = process_start(argv, theirs);
    close(theirs[0]);
    close(theirs[1]);
}

int dialog_finish(void)
{
    for (int i = 0; i < 2; i++) {
        if (dialog_fd[i] >= 0)
            close(dialog_fd[i]);
        dialog_fd[i] = -1;
    }
    return process_wait(dialog_pid);
}

// ---- talking

void dialog_put(int role, const struct wire_message *message)
{
    uint8_t memory[WIRE_BYTES_MAX];
    struct buf out;
    buf_init(&out, memory, sizeof memory);
    assert_true(wire_write(message, &out));
    assert_int_equal(send(dialog_fd[role], out.p, out.n, MSG_NOSIGNAL), (ssize_t)out.n);
}

// Reads exactly one frame. False at the end of the stream.
bool dialog_take(int role, struct wire_message *message)
{
    static uint8_t memory[2][WIRE_BYTES_MAX];
    uint8_t *frame = memory[role];
    ssize_t n = recv(dialog_fd[role], frame, 4, MSG_WAITALL);
    if (n <= 0) {
        assert_true(n == 0 || errno == ECONNRESET); // not a time-out
        return false;
    }
    assert_int_equal(n, 4);
    size_t body = (size_t)frame[2] << 8 | frame[3];
    assert_true(frame[0] == 0 && frame[1] == 0 && body <= WIRE_FRAME_MAX);
    assert_int_equal(recv(dialog_fd[role], frame + 4, body, MSG_WAITALL), (ssize_t)body);
    struct bytes in = {frame, 4 + body};
    assert_int_equal(wire_read(&in, message), WIRE_READ_OK);
    return true;
}

void dialog_hello(int role)
{
    struct wire_message answer;
    uint8_t address[20];
    dialog_put(role, &(struct wire_message){.type = WIRE_HELLO, .version = WIRE_VERSION});
    assert_true(dialog_take(role, &answer));
    assert_int_equal(answer.type, WIRE_HELLO_OK);
    assert_int_equal(answer.version, WIRE_VERSION);
    assert_int_equal(answer.role, role + 1);
    assert_int_equal(answer.chain_id, DIALOG_CHAIN);
    assert_true(hex_decode_exact(dialog_address[role], address, 20));
    assert_memory_equal(answer.address, address, 20);
}

void dialog_open(void)
{
    dialog_spawn();
    dialog_hello(0);
    dialog_hello(1);
}

// ---- transactions

static uint8_t calldata[512], unsigned_tx[1024];

struct tx dialog_release(uint64_t nonce, uint8_t id)
{
    static struct escrow_call call;
    struct buf out;
    call.kind = ESCROW_RELEASE;
    call.n = 1;
    call.ids[0][0] = id;
    buf_init(&out, calldata, sizeof calldata);
    assert_true(escrow_call_encode(&call, &out));
    struct tx tx = {.type = TX_EIP1559, .chain_id = DIALOG_CHAIN, .nonce = nonce,
                    .gas_limit = 90000,
                    .max_fee = u256_from_u64(200), .max_priority_fee = u256_from_u64(1),
                    .has_to = true, .data = buf_bytes(&out)};
    memset(tx.to, 0x11, 20);
    return tx;
}

struct tx dialog_transfer(uint64_t nonce, uint64_t units)
{
    struct tx tx = dialog_release(nonce, 1);
    struct mxnb_call call = {.kind = MXNB_TRANSFER, .amount_units = units};
    struct buf out;
    memset(call.to, 0x33, 20);
    buf_init(&out, calldata, sizeof calldata);
    assert_true(mxnb_call_encode(&call, &out));
    tx.data = buf_bytes(&out);
    memset(tx.to, 0x22, 20);
    return tx;
}

void dialog_ask(int role, const struct tx *tx, uint64_t request_id, uint64_t fence)
{
    struct buf out;
    buf_init(&out, unsigned_tx, sizeof unsigned_tx);
    assert_true(tx_encode_unsigned(tx, &out));
    dialog_put(role, &(struct wire_message){.type = WIRE_SIGN, .request_id = request_id,
                                     .fence = fence,
                                     .payload = buf_bytes(&out)});
}

// Asks and reads; returns the refusal's number, 0 for a signature.
int dialog_sign(int role, const struct tx *tx, uint64_t fence, struct wire_message *answer)
{
    static uint64_t request_id = 1000;
    dialog_ask(role, tx, ++request_id, fence);
    assert_true(dialog_take(role, answer));
    assert_int_equal(answer->request_id, request_id);
    if (answer->type == WIRE_SIGNED)
        return 0;
    assert_int_equal(answer->type, WIRE_REFUSED);
    assert_true(answer->payload.n > 0);
    return answer->code;
}

void dialog_start_fails(int status, const char *words)
{
    char text[4096];
    dialog_spawn();
    assert_int_equal(dialog_finish(), status);
    file_read("stderr", text);
    if (!strstr(text, words))
        print_error("%s", text);
    assert_non_null(strstr(text, words));
    assert_int_equal(strchr(text, '\n') - text, (ptrdiff_t)strlen(text) - 1); // one line
}

