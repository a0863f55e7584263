/* The HTTP client against a server with bad days: what it says happened must be what happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayer/net/http.h"
#include "tests/unit/net/raw_server.h"
#include "tests/unit/net/turn.h"

static const struct raw_answer answers[] = {
    {"GET /ok ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
     false},
    {"POST /ok ", "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", false},
    {"DELETE /ok ", "HTTP/1.1 204 No Content\r\n\r\n", false},
    {"GET /headers ",
     "HTTP/1.1 429 Slow down\r\nDATE:  Sat, 21 Nov 2026 04:00:00 GMT \r\nretry-after: 30\r\n"
     "Content-Length: 0\r\n\r\n",
     false},
    {"GET /error ", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", false},
    {"GET /moved ", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false},
    {"GET /silent ", NULL, false},
    {"POST /silent ", NULL, false},
    {"POST /dies ", "", true},
    {"GET /dies ", "", true},
    {"POST /cut ", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":", true},
    {"POST /cut-head ", "HTTP/1.1 200 OK\r\nContent-Le", true},
    {"POST /cut-chunk ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", true},
    {"POST /garbage ", "this is not HTTP\r\n\r\n", true},
    {"GET /chunked ",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
     false},
    {"GET /trailers ",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
     false},
    {"GET /long ",
     "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789",
     false},
    {"GET /exact ", "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n0123456789abcdef", false},
};

/* What the last callback brought. */
struct seen {
    uv_loop_t loop;
    struct raw_server *server;
    struct http_client *client;
    unsigned calls;
    struct err e;
    bool answered;
    int status;
    char body[256];
    char retry_after[HTTP_ANSWER_HEADER_MAX], date[HTTP_ANSWER_HEADER_MAX];
};

static struct seen fixture;

static int set_up(void **state)
{
    fixture = (struct seen){.calls = 0};
    *state = &fixture;
    if (uv_loop_init(&fixture.loop) != 0)
        return -1;
    fixture.server =
        raw_server_new(&fixture.loop, answers, sizeof answers / sizeof answers[0]);
    fixture.client =
        http_client_new(&fixture.loop, &(struct http_limits){.in_flight_max = 2, .queue_max = 2});
    return 0;
}

static int tear_down(void **state)
{
    struct seen *seen = *state;
    http_client_free(seen->client);
    raw_server_free(seen->server);
    (void)uv_run(&seen->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&seen->loop);
}

static void answer_came(void *ctx, const struct err *e, const struct http_answer *answer)
{
    struct seen *seen = ctx;
    seen->calls++;
    seen->answered = e == NULL;
    if (e != NULL) {
        seen->e = *e;
        assert_null(answer);
        return;
    }
    seen->status = answer->status;
    assert_int_equal(strlen(answer->body), answer->body_n);
    (void)snprintf(seen->body, sizeof seen->body, "%s", answer->body);
    (void)snprintf(seen->date, sizeof seen->date, "%s", answer->date);
    (void)snprintf(seen->retry_after, sizeof seen->retry_after, "%s", answer->retry_after);
}

static void call_url(struct seen *seen, const char *method, const char *url, bool money,
                     unsigned timeout_ms)
{
    bool post = strcmp(method, "POST") == 0;
    struct http_request request = {
        .method = method,
        .url = url,
        .body = post ? "{\"amount\":\"1\"}" : NULL,
        .body_n = post ? 14 : 0,
        .timeout_ms = timeout_ms,
        .answer_max = 16,
        .money = money,
    };
    http_call(seen->client, &request, answer_came, seen);
}

static void call(struct seen *seen, const char *method, const char *path, bool money)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", raw_server_port(seen->server), path);
    call_url(seen, method, url, money, 300);
}

static void call_and_wait(struct seen *seen, const char *method, const char *path, bool money)
{
    unsigned before = seen->calls;
    call(seen, method, path, money);
    assert_int_equal(seen->calls, before); /* never before the call returns */
    TURN_UNTIL(&seen->loop, seen->calls == before + 1);
}

static void ended(const struct seen *seen, enum err_code code, enum outcome outcome)
{
    if (seen->answered || seen->e.code != code || seen->e.outcome != outcome)
        print_message("answered %d, %d/%s: %s\n", seen->answered, seen->e.code,
                      outcome_name(seen->e.outcome), seen->e.message);
    assert_false(seen->answered);
    assert_int_equal(seen->e.code, code);
    assert_int_equal(seen->e.outcome, outcome);
}

static void answers_arrive_whole(void **state)
{
    struct seen *seen = *state;
    call_and_wait(seen, "GET", "/ok", false);
    assert_true(seen->answered);
    assert_int_equal(seen->status, 200);
    assert_string_equal(seen->body, "hello");
    call_and_wait(seen, "GET", "/chunked", false);
    assert_string_equal(seen->body, "abcde");
    call_and_wait(seen, "GET", "/trailers", false);
    assert_string_equal(seen->body, "abc");
    call_and_wait(seen, "GET", "/exact", false);
    assert_string_equal(seen->body, "0123456789abcdef");
    call_and_wait(seen, "DELETE", "/ok", false);
    assert_int_equal(seen->status, 204);
    assert_string_equal(seen->body, "");
    call_and_wait(seen, "GET", "/error", false);
    assert_true(seen->answered);
    assert_int_equal(seen->status, 503);
}

static void requests_are_sent_as_told(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", raw_server_port(seen->server));
    const struct http_header headers[] = {{"Content-Type", "application/json"}, {"X-Test", "one"}};
    struct http_request request = {
        .method = "POST", .url = url, .headers = headers, .headers_n = 2, .body = "{\"a\":1}",
        .body_n = 7, .timeout_ms = 1000, .answer_max = 16,
    };
    http_call(seen->client, &request, answer_came, seen);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    const char *sent = raw_server_last(seen->server);
    assert_int_equal(strncmp(sent, "POST /ok HTTP/1.1\r\n", 19), 0);
    assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Test: one\r\n"));
    assert_non_null(strstr(sent, "\r\nUser-Agent: kustodia-relayer\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 7\r\n"));
    assert_null(strstr(sent, "Expect:"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
}

static void headers_of_the_answer_are_kept(void **state)
{
    struct seen *seen = *state;
    call_and_wait(seen, "GET", "/headers", false);
    assert_int_equal(seen->status, 429);
    assert_string_equal(seen->retry_after, "30");
    assert_string_equal(seen->date, "Sat, 21 Nov 2026 04:00:00 GMT");
    call_and_wait(seen, "GET", "/ok", false);
    assert_string_equal(seen->retry_after, "");
}

static void redirects_are_not_followed(void **state)
{
    struct seen *seen = *state;
    call_and_wait(seen, "GET", "/moved", false);
    assert_int_equal(seen->status, 302);
    assert_int_equal(raw_server_executed(seen->server), 1);
}

/* A port that was free a moment ago and that nobody listens on. */
static int port_closed(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

static void not_sent_is_said_only_when_certain(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", port_closed());
    call_url(seen, "POST", url, true, 1000);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);

    call_url(seen, "POST", "http://name.invalid/ok", true, 2500);
    TURN_UNTIL(&seen->loop, seen->calls == 2);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);

    call_url(seen, "POST", "file:///etc/hostname", true, 1000);
    TURN_UNTIL(&seen->loop, seen->calls == 3);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);
    call_url(seen, "POST", "http://", true, 1000);
    TURN_UNTIL(&seen->loop, seen->calls == 4);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);
    assert_int_equal(raw_server_executed(seen->server), 0);
}

/* A server that accepts and never shakes hands: time is over before a byte of the request went out.
 * */
static void tls_that_never_starts_is_not_sent(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/ok", raw_server_port(seen->server));
    call_url(seen, "POST", url, true, 200);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    ended(seen, ERR_NET_TIMEOUT, OUTCOME_NOT_HAPPENED);
}

/* Answers a TLS greeting in clear text, as a server on the wrong port does; true once it has. */
static bool greeting_refused(int listener, bool *refused)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    int fd = *refused ? -1 : accept(listener, NULL, NULL);
    if (fd >= 0) {
        *refused = true;
        (void)send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
        (void)close(fd);
    }
    return *refused;
}

static void tls_that_fails_is_not_sent(void **state)
{
    struct seen *seen = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    bool refused = false;
    char url[128];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(listen(listener, 1), 0);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/ok", ntohs(address.sin_port));
    call_url(seen, "POST", url, true, 2000);
    TURN_UNTIL(&seen->loop, greeting_refused(listener, &refused) && seen->calls == 1);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);
    (void)close(listener);
}

static void lost_answers_are_unknown(void **state)
{
    struct seen *seen = *state;
    static const char *const paths[] = {"/dies", "/cut", "/cut-head", "/cut-chunk", "/garbage"};
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        call_and_wait(seen, "POST", paths[i], true);
        ended(seen, ERR_NET_CUT, OUTCOME_UNKNOWN);
        assert_int_equal(raw_server_executed(seen->server), i + 1);
    }
    call_and_wait(seen, "POST", "/silent", true);
    ended(seen, ERR_NET_TIMEOUT, OUTCOME_UNKNOWN);
}

static void long_answers_are_unknown(void **state)
{
    struct seen *seen = *state;
    call_and_wait(seen, "GET", "/long", false);
    ended(seen, ERR_NET_LIMIT, OUTCOME_UNKNOWN);
}

/* libcurl repeats a POST by itself when a kept connection turns out dead. Never for money: one
 * call, at most one execution, though a warm connection to the same host lies ready. */
static void money_is_never_sent_twice(void **state)
{
    struct seen *seen = *state;
    call_and_wait(seen, "GET", "/ok", false);
    assert_int_equal(raw_server_accepted(seen->server), 1);
    call_and_wait(seen, "POST", "/dies", true);
    ended(seen, ERR_NET_CUT, OUTCOME_UNKNOWN);
    assert_int_equal(raw_server_executed(seen->server), 2);
    assert_int_equal(raw_server_accepted(seen->server), 2);
    /* The money connection is not kept either; the warm one still is. */
    call_and_wait(seen, "POST", "/ok", true);
    call_and_wait(seen, "POST", "/ok", true);
    assert_int_equal(raw_server_accepted(seen->server), 4);
    call_and_wait(seen, "GET", "/ok", false);
    assert_int_equal(raw_server_accepted(seen->server), 4);
}

static void errors_do_not_show_paths(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://user:password@127.0.0.1:%d/v2/secretkey?k=secret",
                   port_closed());
    call_url(seen, "POST", url, true, 1000);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    assert_null(strstr(seen->e.message, "secret"));
    assert_null(strstr(seen->e.message, "password"));
    assert_non_null(strstr(seen->e.message, "POST http://127.0.0.1:"));
}

static void the_queue_has_a_maximum(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", raw_server_port(seen->server));
    for (int i = 0; i < 5; i++)
        call_url(seen, "GET", url, false, i < 2 ? 500 : 100);
    assert_int_equal(http_client_open(seen->client), 5);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    ended(seen, ERR_BUSY, OUTCOME_NOT_HAPPENED);
    assert_int_equal(http_client_open(seen->client), 4);
    /* Two were sent and get no answer; the two behind them ran out of time in the queue. */
    TURN_UNTIL(&seen->loop, seen->calls == 5);
    assert_int_equal(raw_server_executed(seen->server), 2);
}

static void the_queue_moves_on(void **state)
{
    struct seen *seen = *state;
    for (int i = 0; i < 4; i++)
        call(seen, "GET", "/ok", false);
    TURN_UNTIL(&seen->loop, seen->calls == 4);
    assert_true(seen->answered);
    assert_int_equal(raw_server_executed(seen->server), 4);
    assert_true(raw_server_accepted(seen->server) <= 2);
}

static void waiting_in_the_queue_is_not_sent(void **state)
{
    struct seen *seen = *state;
    char url[128];
    call(seen, "GET", "/silent", false);
    call(seen, "GET", "/silent", false);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", raw_server_port(seen->server));
    call_url(seen, "POST", url, true, 50);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    ended(seen, ERR_NET_TIMEOUT, OUTCOME_NOT_HAPPENED);
    TURN_UNTIL(&seen->loop, seen->calls == 3);
}

static void bad_headers_are_refused(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", raw_server_port(seen->server));
    const struct http_header split = {"X-Test", "one\r\nX-Other: two"};
    struct http_request request = {
        .method = "GET", .url = url, .headers = &split, .headers_n = 1, .timeout_ms = 1000,
        .answer_max = 16,
    };
    http_call(seen->client, &request, answer_came, seen);
    assert_int_equal(seen->calls, 0);
    TURN_UNTIL(&seen->loop, seen->calls == 1);
    ended(seen, ERR_NET_NOT_SENT, OUTCOME_NOT_HAPPENED);
    assert_int_equal(raw_server_executed(seen->server), 0);
}

/* Frees the client with a sent call and a queued one; a callback that calls again gets its answer
 * too. */
static void call_again(void *ctx, const struct err *e, const struct http_answer *answer)
{
    struct seen *seen = ctx;
    answer_came(ctx, e, answer);
    ended(seen, ERR_CANCELLED, OUTCOME_UNKNOWN);
    call(seen, "GET", "/ok", false);
}

static void freeing_answers_everything(void **state)
{
    struct seen *seen = *state;
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", raw_server_port(seen->server));
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 5000,
                                   .answer_max = 16};
    http_call(seen->client, &request, call_again, seen);
    http_call(seen->client, &request, answer_came, seen);
    TURN_UNTIL(&seen->loop, raw_server_executed(seen->server) == 2);
    http_call(seen->client, &request, answer_came, seen); /* waits in the queue */
    http_client_free(seen->client);
    seen->client = NULL;
    assert_int_equal(seen->calls, 3);
    TURN_UNTIL(&seen->loop, seen->calls == 4);
    ended(seen, ERR_CANCELLED, OUTCOME_NOT_HAPPENED);
    assert_int_equal(raw_server_executed(seen->server), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_arrive_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_are_sent_as_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_of_the_answer_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_sent_is_said_only_when_certain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_that_never_starts_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_that_fails_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_answers_are_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_answers_are_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(money_is_never_sent_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_do_not_show_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_has_a_maximum, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_moves_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_in_the_queue_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_headers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_answers_everything, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
