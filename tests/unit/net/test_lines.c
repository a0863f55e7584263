/* Lines over a unix socket: framing, credentials, every maximum, and the blocking client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "relayer/net/lines.h"
#include "tests/unit/net/turn.h"

enum { LINE_MAX_OF_TEST = 6000, OUTPUT_MAX_OF_TEST = 300 * 1024, CONNECTIONS_MAX_OF_TEST = 3 };

/* An echo server: "echo:LINE". "close" closes, "big" sends 100 KiB. */
struct fixture {
    uv_loop_t loop;
    struct lines_server *server;
    char folder[64], path[96];
    unsigned opened, closed, lines, overlong, ended;
    struct lines_peer peer;
    struct lines_conn *conn; /* the last one opened */
    bool send_refused;
    char last[LINE_MAX_OF_TEST + 1];
    size_t last_n;
};

static struct fixture fixture;

static void conn_opened(void *ctx, struct lines_conn *conn)
{
    struct fixture *f = ctx;
    f->opened++;
    f->peer = *lines_conn_peer(conn);
    f->conn = conn;
    lines_conn_set_data(conn, f);
}

static void line_came(void *ctx, struct lines_conn *conn, char *line, size_t n)
{
    struct fixture *f = ctx;
    f->lines++;
    assert_int_equal(line[n], '\0');
    memcpy(f->last, line, n + 1);
    f->last_n = n;
    assert_ptr_equal(lines_conn_data(conn), f);
    if (strcmp(line, "close") == 0) {
        assert_true(lines_send(conn, "closing", 7));
        lines_conn_close(conn);
        assert_false(lines_send(conn, "late", 4));
        return;
    }
    if (strcmp(line, "big") == 0) {
        static char big[100 * 1024];
        memset(big, 'b', sizeof big);
        f->send_refused = !lines_send(conn, big, sizeof big) || f->send_refused;
        return;
    }
    char answer[LINE_MAX_OF_TEST + 8];
    int answer_n = snprintf(answer, sizeof answer, "echo:%s", line);
    f->send_refused = !lines_send(conn, answer, (size_t)answer_n) || f->send_refused;
}

static void overlong_came(void *ctx, struct lines_conn *conn)
{
    ((struct fixture *)ctx)->overlong++;
    assert_true(lines_send(conn, "too long", 8));
}

static void end_came(void *ctx, struct lines_conn *conn)
{
    struct fixture *f = ctx;
    f->ended++;
    (void)lines_send(conn, "last words", 10);
    lines_conn_close(conn);
}

static void conn_closed(void *ctx, struct lines_conn *conn)
{
    struct fixture *f = ctx;
    assert_ptr_equal(lines_conn_data(conn), f);
    f->closed++;
}

static const struct lines_events events = {
    .on_open = conn_opened,
    .on_line = line_came,
    .on_overlong = overlong_came,
    .on_end = end_came,
    .on_close = conn_closed,
};

static struct lines_server *server_new(struct fixture *f, struct err *e)
{
    struct lines_settings settings = {
        .path = f->path,
        .mode = 0640,
        .connections_max = CONNECTIONS_MAX_OF_TEST,
        .line_max = LINE_MAX_OF_TEST,
        .output_max = OUTPUT_MAX_OF_TEST,
    };
    return lines_server_new(&f->loop, &settings, &events, f, e);
}

static int set_up(void **state)
{
    fixture = (struct fixture){.folder = "/tmp/kustodia-lines-XXXXXX"};
    *state = &fixture;
    if (mkdtemp(fixture.folder) == NULL || uv_loop_init(&fixture.loop) != 0)
        return -1;
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/test.sock", fixture.folder);
    fixture.server = server_new(&fixture, NULL);
    return fixture.server == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lines_server_free(f->server);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    if (f->opened != f->closed)
        return -1;
    return uv_loop_close(&f->loop) != 0 || rmdir(f->folder) != 0 ? -1 : 0;
}

static int dial(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const char *text, size_t n)
{
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* What the other end received so far, and whether it was closed. */
struct reading {
    int fd;
    char text[LINE_MAX_OF_TEST * 4];
    size_t n;
    bool closed;
};

static bool reading_step(struct reading *r)
{
    ssize_t got = recv(r->fd, r->text + r->n, sizeof r->text - 1 - r->n, MSG_DONTWAIT);
    if (got > 0)
        r->n += (size_t)got;
    r->closed = got == 0 || (got < 0 && errno != EAGAIN);
    r->text[r->n] = '\0';
    return r->closed;
}

static bool reading_has(struct reading *r, const char *text)
{
    (void)reading_step(r);
    return strstr(r->text, text) != NULL;
}

static void lines_are_framed(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    put(r.fd, "one\n\n\r\ntwo\r\nthr", 15);
    TURN_UNTIL(&f->loop, reading_has(&r, "echo:one\necho:two\n"));
    assert_int_equal(f->lines, 2);
    put(r.fd, "ee\n", 3);
    TURN_UNTIL(&f->loop, reading_has(&r, "echo:three\n"));
    put(r.fd, "a\0b\n", 4);
    TURN_UNTIL(&f->loop, f->lines == 4);
    assert_int_equal(f->last_n, 3);
    assert_memory_equal(f->last, "a\0b", 4);
    (void)close(r.fd);
    TURN_UNTIL(&f->loop, f->closed == 1);
}

static void peer_is_the_kernels_word(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    TURN_UNTIL(&f->loop, f->opened == 1);
    assert_int_equal(f->peer.uid, getuid());
    assert_int_equal(f->peer.gid, getgid());
    assert_int_equal(f->peer.pid, getpid());
    assert_int_equal(f->peer.groups_n, getgroups(0, NULL));
    (void)close(fd);
}

static void socket_file_has_its_mode(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void longest_line_passes_and_one_more_does_not(void **state)
{
    struct fixture *f = *state;
    static char text[LINE_MAX_OF_TEST + 2];
    memset(text, 'x', sizeof text);
    text[LINE_MAX_OF_TEST] = '\n';
    struct reading r = {.fd = dial(f)};
    put(r.fd, text, LINE_MAX_OF_TEST + 1);
    TURN_UNTIL(&f->loop, f->lines == 1);
    assert_int_equal(f->last_n, LINE_MAX_OF_TEST);
    text[LINE_MAX_OF_TEST] = 'x';
    put(r.fd, text, LINE_MAX_OF_TEST + 1); /* no newline yet: it is too long already */
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_int_equal(f->overlong, 1);
    assert_int_equal(f->lines, 1);
    assert_non_null(strstr(r.text, "too long\n"));
    (void)close(r.fd);
}

static void overlong_with_its_newline_is_refused(void **state)
{
    struct fixture *f = *state;
    static char text[LINE_MAX_OF_TEST + 2];
    memset(text, 'x', sizeof text);
    text[LINE_MAX_OF_TEST + 1] = '\n';
    struct reading r = {.fd = dial(f)};
    put(r.fd, "first\n", 6);
    put(r.fd, text, sizeof text);
    put(r.fd, "after\n", 6);
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_int_equal(f->lines, 1);
    assert_int_equal(f->overlong, 1);
    (void)close(r.fd);
}

static void closing_delivers_what_was_sent(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    put(r.fd, "one\nclose\nnever\n", 16);
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_string_equal(r.text, "echo:one\nclosing\n");
    assert_int_equal(f->lines, 2);
    (void)close(r.fd);
}

static void half_closed_peers_get_their_answers(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    put(r.fd, "one\nunfinished", 14);
    assert_int_equal(shutdown(r.fd, SHUT_WR), 0);
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_string_equal(r.text, "echo:one\nlast words\n");
    assert_int_equal(f->ended, 1);
    (void)close(r.fd);
}

static void slow_readers_are_cut_off(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    for (int i = 0; i < 20; i++)
        put(fd, "big\n", 4);
    TURN_UNTIL(&f->loop, f->closed == 1);
    assert_true(f->send_refused);
    (void)close(fd);
}

static void big_answers_reach_a_reader(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    put(fd, "big\nbig\n", 8);
    static char text[256 * 1024];
    size_t n = 0;
    int64_t deadline = clock_mono_ms() + TURN_MS_MAX;
    while (n < 2 * (100 * 1024 + 1) && clock_mono_ms() < deadline) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        ssize_t got = recv(fd, text + n, sizeof text - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(n, 2 * (100 * 1024 + 1));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(text[i], i % (100 * 1024 + 1) == 100 * 1024 ? '\n' : 'b');
    assert_false(f->send_refused);
    (void)close(fd);
}

static void connections_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    int fds[CONNECTIONS_MAX_OF_TEST];
    for (int i = 0; i < CONNECTIONS_MAX_OF_TEST; i++)
        fds[i] = dial(f);
    TURN_UNTIL(&f->loop, f->opened == CONNECTIONS_MAX_OF_TEST);
    struct reading r = {.fd = dial(f)};
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_int_equal(f->opened, CONNECTIONS_MAX_OF_TEST);
    (void)close(r.fd);
    (void)close(fds[0]);
    TURN_UNTIL(&f->loop, lines_server_connections(f->server) == CONNECTIONS_MAX_OF_TEST - 1);
    fds[0] = dial(f);
    TURN_UNTIL(&f->loop, f->opened == CONNECTIONS_MAX_OF_TEST + 1);
    for (int i = 0; i < CONNECTIONS_MAX_OF_TEST; i++)
        (void)close(fds[i]);
}

static void freeing_the_server_ends_connections(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    TURN_UNTIL(&f->loop, f->opened == 1);
    lines_server_free(f->server);
    f->server = NULL;
    assert_int_equal(f->closed, 1);
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_int_equal(access(f->path, F_OK), -1);
    (void)close(r.fd);
}

static void live_socket_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct lines_server *second = server_new(f, &e);
    lines_server_free(second);
    assert_null(second);
    assert_int_equal(e.code, ERR_NET_IN_USE);
    assert_int_equal(access(f->path, F_OK), 0);
    int fd = dial(f);
    TURN_UNTIL(&f->loop, f->opened >= 1);
    (void)close(fd);
}

static void stale_socket_is_replaced_and_files_are_not(void **state)
{
    struct fixture *f = *state;
    struct err e;
    lines_server_free(f->server);
    f->server = NULL;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd); /* the file stays, nobody listens */
    f->server = server_new(f, &e);
    assert_non_null(f->server);
    lines_server_free(f->server);
    f->server = NULL;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);

    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_null(server_new(f, &e));
    assert_int_equal(e.code, ERR_CONFIG_VALUE);
    assert_non_null(strstr(e.message, "is not a socket"));
    assert_int_equal(unlink(f->path), 0);
}

static void long_paths_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    char path[LINES_PATH_MAX + 2];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct lines_settings settings = {
        .path = path, .mode = 0600, .connections_max = 1, .line_max = 1, .output_max = 1,
    };
    assert_null(lines_server_new(&f->loop, &settings, &events, f, &e));
    assert_int_equal(e.code, ERR_CONFIG_VALUE);
    assert_null(lines_connect(path, 100, &e));
    assert_int_equal(e.code, ERR_CONFIG_VALUE);
}

/* ---- the blocking client, in a thread of its own beside the loop ---- */

struct client_run {
    const struct fixture *f;
    const char *line;
    size_t answer_max;
    unsigned timeout_ms;
    char answer[256];
    size_t answer_n;
    struct err e;
    bool ok, done;
};

static void *client_thread(void *arg)
{
    struct client_run *run = arg;
    struct lines_client *client = lines_connect(run->f->path, run->answer_max, &run->e);
    if (client != NULL) {
        const char *answer = lines_call(client, run->line, run->timeout_ms, &run->e);
        run->ok = answer != NULL;
        if (run->ok) {
            run->answer_n = strlen(answer);
            (void)snprintf(run->answer, sizeof run->answer, "%s", answer);
        }
        lines_disconnect(client);
    }
    __atomic_store_n(&run->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void client_run_beside(struct fixture *f, struct client_run *run)
{
    pthread_t thread;
    run->f = f;
    assert_int_equal(pthread_create(&thread, NULL, client_thread, run), 0);
    TURN_UNTIL(&f->loop, __atomic_load_n(&run->done, __ATOMIC_ACQUIRE));
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void client_gets_its_answer(void **state)
{
    struct fixture *f = *state;
    struct client_run run = {.line = "question", .answer_max = 1000, .timeout_ms = 2000};
    client_run_beside(f, &run);
    assert_true(run.ok);
    assert_string_equal(run.answer, "echo:question");
    struct client_run big = {.line = "big", .answer_max = 100 * 1024, .timeout_ms = 2000};
    client_run_beside(f, &big);
    assert_true(big.ok);
    assert_int_equal(big.answer_n, 100 * 1024);
}

static void client_refuses_a_long_answer(void **state)
{
    struct fixture *f = *state;
    struct client_run run = {.line = "big", .answer_max = 100 * 1024 - 1, .timeout_ms = 2000};
    client_run_beside(f, &run);
    assert_false(run.ok);
    assert_int_equal(run.e.code, ERR_NET_LIMIT);
}

static void client_times_out(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct lines_client *client = lines_connect(f->path, 100, &e); /* the loop stands still */
    assert_non_null(client);
    assert_null(lines_call(client, "question", 50, &e));
    assert_int_equal(e.code, ERR_NET_TIMEOUT);
    assert_int_equal(e.outcome, OUTCOME_UNKNOWN);
    lines_disconnect(client);
    lines_disconnect(NULL);
}

static void client_says_when_nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct err e;
    lines_server_free(f->server);
    f->server = NULL;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_null(lines_connect(f->path, 100, &e));
    assert_int_equal(e.code, ERR_IO);
    assert_int_equal(e.outcome, OUTCOME_NOT_HAPPENED);
    assert_non_null(strstr(e.message, "No such file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_framed),
        TEST(peer_is_the_kernels_word),
        TEST(socket_file_has_its_mode),
        TEST(longest_line_passes_and_one_more_does_not),
        TEST(overlong_with_its_newline_is_refused),
        TEST(closing_delivers_what_was_sent),
        TEST(half_closed_peers_get_their_answers),
        TEST(slow_readers_are_cut_off),
        TEST(big_answers_reach_a_reader),
        TEST(connections_have_a_maximum),
        TEST(freeing_the_server_ends_connections),
        TEST(live_socket_is_not_taken),
        TEST(stale_socket_is_replaced_and_files_are_not),
        TEST(long_paths_are_refused),
        TEST(client_gets_its_answer),
        TEST(client_refuses_a_long_answer),
        TEST(client_times_out),
        TEST(client_says_when_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
