/* The door to the signer with a stand-in behind it: which of its answers are a no to the request, and which
 * say that the signer itself failed. The stand-in is this program, started with --config. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "keystore/wire.h"
#include "relayer/engine/signer.h"

enum { FIRST_FD = 3, UNANSWERED = 1, SIGNS = 2, CHAIN = 42161 };

/* ---- the stand-in: the fence of a request says what it answers, or with which code it refuses */

static void put(int fd, const struct wire_message *message)
{
    static uint8_t space[WIRE_BYTES_MAX];
    struct buf out;
    buf_init(&out, space, sizeof space);
    if (!wire_write(message, &out) || write(fd, out.p, out.n) != (ssize_t)out.n)
        _exit(1);
}

static void answer(int fd, const struct wire_message *ask)
{
    static const char words[] = "slug: finding";
    struct wire_message reply = {.type = WIRE_REFUSED, .request_id = ask->request_id};
    if (ask->type == WIRE_HELLO) {
        reply = (struct wire_message){.type = WIRE_HELLO_OK, .version = WIRE_VERSION,
                                      .role = wire_key_role((size_t)(fd - FIRST_FD)),
                                      .chain_id = CHAIN};
    } else if (ask->fence == SIGNS) {
        reply.type = WIRE_SIGNED;
        reply.payload = ask->payload;
    } else {
        reply.code = (uint16_t)ask->fence;
        reply.payload = (struct bytes){(const uint8_t *)words, sizeof words - 1};
    }
    if (ask->fence != UNANSWERED)
        put(fd, &reply);
}

static int stand_in(void)
{
    static uint8_t space[2 * WIRE_BYTES_MAX];
    struct wire_message hello = {.type = WIRE_HELLO};
    size_t n = 0;
    for (int fd = FIRST_FD + WIRE_KEYS_ALWAYS; fd < FIRST_FD + SIGNER_KEYS; fd++)
        close(fd);
    answer(FIRST_FD + WIRE_KEY_ARBITER, &hello);
    for (;;) {
        ssize_t got = read(FIRST_FD, space + n, sizeof space - n);
        if (got <= 0)
            return 0;
        struct bytes in = {space, n + (size_t)got};
        struct wire_message ask;
        while (wire_read(&in, &ask) == WIRE_READ_OK)
            answer(FIRST_FD, &ask);
        memmove(space, in.p, in.n);
        n = in.n;
    }
}

/* ---- the tests */

static char *program;
static uv_loop_t loop;
static struct signer *signer;

struct result {
    int calls;
    bool is_signed;
    struct err err;
};

static void on_outcome(void *ctx, const struct err *err, struct bytes signed_tx)
{
    struct result *outcome = ctx;
    outcome->calls++;
    outcome->is_signed = err == NULL && signed_tx.n > 0;
    if (err != NULL)
        outcome->err = *err;
}

static bool is_there(void)
{
    uint8_t address[20];
    uint64_t chain_id;
    return signer_identity(signer, WIRE_KEY_RELAYER, address, &chain_id) && chain_id == CHAIN;
}

static void ask(uint64_t fence, struct result *outcome)
{
    static const uint8_t tx[] = {2, 0xc0};
    *outcome = (struct result){0};
    struct bytes unsigned_tx = {tx, sizeof tx};
    signer_sign(signer, WIRE_KEY_RELAYER, fence, unsigned_tx, on_outcome, outcome);
}

static void ask_and_wait(uint64_t fence, struct result *outcome)
{
    while (!is_there())
        uv_run(&loop, UV_RUN_ONCE);
    ask(fence, outcome);
    while (outcome->calls == 0)
        uv_run(&loop, UV_RUN_ONCE);
}

static int up(void **state)
{
    (void)state;
    uv_loop_init(&loop);
    signer = signer_new(&loop, program, "none");
    return 0;
}

static int down(void **state)
{
    (void)state;
    signer_free(signer);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void test_a_no_is_one(void **state)
{
    (void)state;
    struct result outcome;
    ask_and_wait(SIGNS, &outcome);
    assert_true(outcome.is_signed);
    ask_and_wait(300, &outcome);
    assert_int_equal(outcome.err.code, ERR_SIGNER_REFUSED);
    assert_non_null(strstr(outcome.err.message, "signer refused (300): slug: finding"));
    ask_and_wait(WIRE_CODE_FENCE, &outcome);
    assert_int_equal(outcome.err.code, ERR_SIGNER_FENCE);
    assert_true(is_there());
}

/* Each open request is answered once, as not answered by the signer; then another process is asked. */
static void test_a_signer_that_failed_starts_again(void **state)
{
    (void)state;
    static const uint16_t codes[] = {WIRE_CODE_RECORD, WIRE_CODE_SIGNATURE};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct result before, failed;
        char words[64];
        snprintf(words, sizeof words, "signer refused (%u): slug: finding", (unsigned)codes[i]);
        while (!is_there())
            uv_run(&loop, UV_RUN_ONCE);
        ask(UNANSWERED, &before);
        ask_and_wait(codes[i], &failed);
        assert_int_equal(failed.err.code, ERR_SIGNER_AWAY);
        assert_int_equal(before.err.code, ERR_SIGNER_AWAY);
        assert_non_null(strstr(failed.err.message, words));
        assert_non_null(strstr(signer_trouble(signer), words));
        assert_false(is_there());
        struct result again;
        ask_and_wait(SIGNS, &again);
        assert_true(again.is_signed);
        assert_int_equal(before.calls + failed.calls, 2);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--config") == 0)
        return stand_in();
    program = argv[0];
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_no_is_one, up, down),
        cmocka_unit_test_setup_teardown(test_a_signer_that_failed_starts_again, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
