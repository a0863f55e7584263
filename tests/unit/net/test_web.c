/* The HTTP port, asked by the HTTP client on the same loop and by a bare socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayer/net/http.h"
#include "relayer/net/web.h"
#include "tests/unit/net/turn.h"

enum { BODY_MAX_OF_TEST = 64 * 1024, PER_ADDRESS_OF_TEST = 4 };

struct fixture {
    uv_loop_t loop;
    struct web *web;
    struct http_client *client;
    struct web_request *kept; /* handed over, not answered */
    unsigned handled, answered;
    char body[BODY_MAX_OF_TEST + 1], header[64];
    size_t body_n;
    bool has_error;
    struct err e;
    int status;
    char answer[4096], content_type[HTTP_ANSWER_HEADER_MAX];
};

static struct fixture fixture;

static void health(void *ctx, struct web_request *request)
{
    ((struct fixture *)ctx)->handled++;
    web_respond(request, 200, "text/plain", "ok\n", 3);
}

static void webhook_take(struct fixture *f, struct web_request *request)
{
    f->handled++;
    const char *body = web_body(request, &f->body_n);
    memcpy(f->body, body, f->body_n + 1);
    const char *header = web_header(request, "x-signature");
    (void)snprintf(f->header, sizeof f->header, "%s", header == NULL ? "(none)" : header);
}

/* Answered later, as after a commit. */
static void webhook(void *ctx, struct web_request *request)
{
    struct fixture *f = ctx;
    webhook_take(f, request);
    assert_string_equal(web_method(request), "POST");
    assert_string_equal(web_path(request), "/webhook/juno");
    f->kept = request;
}

static const struct web_route routes[] = {
    {"GET", "/healthz", health, &fixture},
    {"POST", "/webhook/juno", webhook, &fixture},
};

static struct web *web_start(const char *listen, uint16_t port, struct err *e)
{
    struct web_settings settings = {
        .listen = listen,
        .port = port,
        .body_max = BODY_MAX_OF_TEST,
        .connections_max = 16,
        .per_address_max = PER_ADDRESS_OF_TEST,
        .idle_timeout_s = 1,
        .routes = routes,
        .routes_n = sizeof routes / sizeof routes[0],
    };
    return web_new(&fixture.loop, &settings, e);
}

static int set_up(void **state)
{
    memset(&fixture, 0, sizeof fixture);
    *state = &fixture;
    if (uv_loop_init(&fixture.loop) != 0)
        return -1;
    fixture.client =
        http_client_new(&fixture.loop, &(struct http_limits){.in_flight_max = 4, .queue_max = 4});
    fixture.web = web_start("127.0.0.1", 0, NULL);
    return fixture.web == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    web_free(f->web);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&f->loop);
}

static void answer_came(void *ctx, const struct err *e, const struct http_answer *answer)
{
    struct fixture *f = ctx;
    f->answered++;
    f->has_error = e != NULL;
    if (e != NULL) {
        f->e = *e;
        return;
    }
    f->status = answer->status;
    (void)snprintf(f->answer, sizeof f->answer, "%s", answer->body);
    (void)snprintf(f->content_type, sizeof f->content_type, "%s", answer->content_type);
}

static void ask(struct fixture *f, const char *method, const char *path, const char *body, size_t n)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", web_port(f->web), path);
    const struct http_header header = {"X-Signature", "abc"};
    struct http_request request = {
        .method = method, .url = url, .headers = &header, .headers_n = 1, .body = body, .body_n = n,
        .timeout_ms = 2500, .answer_max = 4000, .money = true,
    };
    http_call(f->client, &request, answer_came, f);
}

static void routes_are_answered(void **state)
{
    struct fixture *f = *state;
    ask(f, "GET", "/healthz?verbose=1", NULL, 0);
    TURN_UNTIL(&f->loop, f->answered == 1);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->answer, "ok\n");
    assert_string_equal(f->content_type, "text/plain");
    ask(f, "HEAD", "/healthz", NULL, 0);
    TURN_UNTIL(&f->loop, f->answered == 2);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->answer, "");
    assert_int_equal(f->handled, 2);
}

static void other_requests_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        {"GET", "/", 404},           {"GET", "/healthz/", 404},      {"GET", "/HEALTHZ", 404},
        {"POST", "/healthz", 405},   {"GET", "/webhook/juno", 405},  {"DELETE", "/webhook/juno",
                                                                      405},
        {"GET", "/..%2fhealthz", 404},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(f, cases[i].method, cases[i].path, NULL, 0);
        TURN_UNTIL(&f->loop, f->answered == i + 1);
        assert_int_equal(f->status, cases[i].status);
    }
    assert_int_equal(f->handled, 0);
}

static void answers_may_come_later(void **state)
{
    struct fixture *f = *state;
    ask(f, "POST", "/webhook/juno", "{\"event\":1}", 11);
    TURN_UNTIL(&f->loop, f->kept != NULL);
    assert_string_equal(f->body, "{\"event\":1}");
    assert_string_equal(f->header, "abc");
    for (int i = 0; i < 20; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->answered, 0); /* nothing is acknowledged before web_respond */
    web_respond(f->kept, 200, "application/json", "{}", 2);
    TURN_UNTIL(&f->loop, f->answered == 1);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->answer, "{}");
}

static int dial(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(web_port(f->web))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

struct reading {
    int fd;
    char text[4096];
    size_t n;
};

/* True once the other end closed. */
static bool reading_step(struct reading *r)
{
    ssize_t got = recv(r->fd, r->text + r->n, sizeof r->text - 1 - r->n, MSG_DONTWAIT);
    if (got > 0)
        r->n += (size_t)got;
    r->text[r->n] = '\0';
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static bool reading_has(struct reading *r, const char *text)
{
    (void)reading_step(r);
    return strstr(r->text, text) != NULL;
}

static void put(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void bodies_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    static char body[BODY_MAX_OF_TEST + 1];
    memset(body, 'b', sizeof body);
    ask(f, "POST", "/webhook/juno", body, BODY_MAX_OF_TEST);
    TURN_UNTIL(&f->loop, f->kept != NULL);
    assert_int_equal(f->body_n, BODY_MAX_OF_TEST);
    assert_memory_equal(f->body, body, BODY_MAX_OF_TEST);
    web_respond(f->kept, 204, NULL, NULL, 0);
    TURN_UNTIL(&f->loop, f->answered == 1);
    assert_int_equal(f->status, 204);
    ask(f, "POST", "/webhook/juno", body, BODY_MAX_OF_TEST + 1);
    TURN_UNTIL(&f->loop, f->answered == 2);
    assert_false(f->has_error);
    assert_int_equal(f->status, 413);
    assert_int_equal(f->handled, 1);
    struct reading r = {.fd = dial(f)}; /* not waited for: refused before a byte of it came */
    put(r.fd, "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    TURN_UNTIL(&f->loop, reading_has(&r, "HTTP/1.1 413 "));
    (void)close(r.fd);
}

/* No length is told beforehand: it must be noticed while reading. */
static void chunked_bodies_have_a_maximum(void **state)
{
    struct fixture *f = *state;
    static char chunk[8 + 16384 + 3];
    (void)snprintf(chunk, sizeof chunk, "4000\r\n%016384d\r\n", 0);
    struct reading r = {.fd = dial(f)};
    put(r.fd, "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        put(r.fd, chunk);
        for (int turn = 0; turn < 20; turn++)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    put(r.fd, "0\r\n\r\n");
    TURN_UNTIL(&f->loop, reading_has(&r, "\r\n\r\nbody too large\n"));
    assert_int_equal(strncmp(r.text, "HTTP/1.1 413 ", 13), 0);
    assert_int_equal(f->handled, 0);
    (void)close(r.fd);
}

static void endless_bodies_are_cut(void **state)
{
    struct fixture *f = *state;
    static char chunk[8 + 16384 + 3];
    (void)snprintf(chunk, sizeof chunk, "4000\r\n%016384d\r\n", 0);
    struct reading r = {.fd = dial(f)};
    put(r.fd, "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    int chunks = 0;
    while (!reading_step(&r) && chunks < 200) {
        put(r.fd, chunk);
        for (int turn = 0; turn < 20; turn++)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        chunks++;
    }
    assert_true(chunks < 60);
    assert_int_equal(f->handled, 0);
    (void)close(r.fd);
}

static void method_not_allowed_names_the_methods(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    put(r.fd, "PUT /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_non_null(strstr(r.text, "HTTP/1.1 405 "));
    assert_non_null(strstr(r.text, "\r\nAllow: GET\r\n"));
    assert_non_null(strstr(r.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    (void)close(r.fd);
}

static void bad_requests_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "this is not HTTP\r\n\r\n",
        "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nContent-Length: 12x\r\n\r\n",
        "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reading r = {.fd = dial(f)};
        put(r.fd, bad[i]);
        TURN_UNTIL(&f->loop, reading_step(&r));
        assert_int_equal(f->handled, 0);
        (void)close(r.fd);
    }
    ask(f, "GET", "/healthz", NULL, 0);
    TURN_UNTIL(&f->loop, f->answered == 1);
    assert_int_equal(f->status, 200);
}

static void idle_connections_are_closed(void **state)
{
    struct fixture *f = *state;
    struct reading r = {.fd = dial(f)};
    put(r.fd, "GET /healthz HT");
    TURN_UNTIL(&f->loop, reading_step(&r));
    (void)close(r.fd);
}

static void one_address_has_a_maximum(void **state)
{
    struct fixture *f = *state;
    int fds[PER_ADDRESS_OF_TEST];
    for (int i = 0; i < PER_ADDRESS_OF_TEST; i++) {
        fds[i] = dial(f);
        put(fds[i], "GET /");
        for (int turn = 0; turn < 5; turn++)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    int64_t begun = clock_mono_ms();
    struct reading r = {.fd = dial(f)};
    TURN_UNTIL(&f->loop, reading_step(&r));
    assert_true(clock_mono_ms() - begun < 500); /* refused at once, not by the idle time-out */
    assert_int_equal(r.n, 0);
    (void)close(r.fd);
    for (int i = 0; i < PER_ADDRESS_OF_TEST; i++)
        (void)close(fds[i]);
}

static void stopping_answers_waiting_requests(void **state)
{
    struct fixture *f = *state;
    ask(f, "POST", "/webhook/juno", "{}", 2);
    TURN_UNTIL(&f->loop, f->kept != NULL);
    web_free(f->web);
    f->web = NULL;
    TURN_UNTIL(&f->loop, f->answered == 1);
    assert_false(f->has_error);
    assert_int_equal(f->status, 503);
    size_t n = 0;
    assert_string_equal(web_body(f->kept, &n), "{}"); /* its holder may still look and answer */
    assert_null(web_header(f->kept, "x-signature"));
    web_respond(f->kept, 200, NULL, NULL, 0);
}

static void client_may_be_gone_before_the_answer(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    put(fd, "POST /webhook/juno HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    TURN_UNTIL(&f->loop, f->kept != NULL);
    (void)close(fd);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    web_respond(f->kept, 200, NULL, NULL, 0);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void addresses_are_checked(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_null(web_start("localhost", 0, &e));
    assert_int_equal(e.code, ERR_CONFIG_VALUE);
    assert_null(web_start("127.0.0.1", web_port(f->web), &e));
    assert_int_equal(e.code, ERR_NET_IN_USE);
    assert_int_equal(e.outcome, OUTCOME_NOT_HAPPENED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(routes_are_answered),
        TEST(other_requests_are_refused),
        TEST(answers_may_come_later),
        TEST(bodies_have_a_maximum),
        TEST(chunked_bodies_have_a_maximum),
        TEST(endless_bodies_are_cut),
        TEST(method_not_allowed_names_the_methods),
        TEST(bad_requests_do_no_harm),
        TEST(idle_connections_are_closed),
        TEST(one_address_has_a_maximum),
        TEST(stopping_answers_waiting_requests),
        TEST(client_may_be_gone_before_the_answer),
        TEST(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
