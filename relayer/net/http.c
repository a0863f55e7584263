#include "relayer/net/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/fault.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/net/http_multi.h"

enum { HTTP_ALL_HEADERS_MAX_BYTES = 64 * 1024, HTTP_WHO_MAX = 96 };

/* A call is in exactly one of these lists of its client. */
enum call_state {
    CALL_QUEUED,  /* waits for a place; its timer runs */
    CALL_RUNNING, /* curl has it */
    CALL_FAILED,  /* never got to curl; its error waits for the next turn of the loop */
};

struct call {
    struct call *next, *prev;
    enum call_state state;
    struct http_client *client;
    http_cb cb;
    void *ctx;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    struct loop_timer *timer;
    int64_t deadline_ms; /* on the monotonic clock */
    bool money;
    bool written;  /* curl was about to write the request: from here on it may have been executed */
    bool overflow; /* the answer passed a maximum */
    bool head_whole; /* the empty line after the answer's headers came */
    size_t answer_max, answer_cap, headers_n;
    struct http_answer answer;
    char *answer_body;
    struct err error;              /* CALL_FAILED */
    char who[HTTP_WHO_MAX];        /* "POST https://host": paths and queries may hold keys */
    char curl_text[CURL_ERROR_SIZE];
};

struct call_list {
    struct call *first, *last;
    unsigned n;
};

struct http_client {
    uv_loop_t *loop;
    struct http_multi *multi;
    struct http_limits limits;
    struct call_list list[CALL_FAILED + 1];
    struct loop_timer *failed_timer;
    bool calling_back, closing;
};

/* ---- lists ---- */

static void gauges_set(const struct http_client *client)
{
    metrics_set(METRIC_http_in_flight, client->list[CALL_RUNNING].n);
    metrics_set(METRIC_http_queued, client->list[CALL_QUEUED].n);
}

static void call_enlist(struct call *call, enum call_state state)
{
    struct call_list *list = &call->client->list[state];
    call->state = state;
    call->next = NULL;
    call->prev = list->last;
    if (list->last != NULL)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
    list->n++;
    gauges_set(call->client);
}

static void call_delist(struct call *call)
{
    struct call_list *list = &call->client->list[call->state];
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        list->first = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        list->last = call->prev;
    list->n--;
    gauges_set(call->client);
}

/* ---- the end of a call ---- */

static void call_free(struct call *call)
{
    if (call->easy != NULL)
        curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    loop_timer_free(call->timer);
    free(call->body);
    free(call->answer_body);
    free(call);
}

static void outcome_count(const struct err *e)
{
    if (e == NULL)
        metrics_add(METRIC_http_ok, 1);
    else if (e->outcome == OUTCOME_NOT_HAPPENED)
        metrics_add(METRIC_http_not_sent, 1);
    else
        metrics_add(METRIC_http_unknown, 1);
}

/* Takes the call out of everything, tells its owner, frees it. */
static void call_end(struct call *call, const struct err *e)
{
    struct http_client *client = call->client;
    if (call->state == CALL_RUNNING)
        http_multi_remove(client->multi, call->easy);
    call_delist(call);
    outcome_count(e);
    client->calling_back = true;
    call->cb(call->ctx, e, e == NULL ? &call->answer : NULL);
    client->calling_back = false;
    call_free(call);
}

static void failed_deliver(void *ctx)
{
    struct http_client *client = ctx;
    while (client->list[CALL_FAILED].first != NULL) {
        struct call *call = client->list[CALL_FAILED].first;
        call_end(call, &call->error);
    }
}

static void orphan_deliver(void *ctx)
{
    struct call *call = ctx;
    call->cb(call->ctx, &call->error, NULL);
    call_free(call);
}

/* The call fails for certain and without curl; its owner hears of it in the next turn, even if the
 * client is gone by then. */
static void call_fail(struct call *call, enum err_code code, const char *why)
{
    err_set(&call->error, code, "%s: %s", call->who, why);
    call->error.outcome = OUTCOME_NOT_HAPPENED;
    if (call->client->closing) {
        loop_later(call->client->loop, orphan_deliver, call);
        return;
    }
    call_enlist(call, CALL_FAILED);
    loop_timer_start(call->client->failed_timer, 0, 0);
}

static const char *curl_reason(const struct call *call, CURLcode code)
{
    if (code == CURLE_OK)
        return "answer cut within its headers";
    return call->curl_text[0] != '\0' ? call->curl_text : curl_easy_strerror(code);
}

/* What a failed transfer means: the one place where "may have happened" is decided. */
static void failure_classify(const struct call *call, CURLcode code, struct err *e)
{
    if (call->overflow)
        err_set(e, ERR_NET_LIMIT, "%s: answer longer than %zu bytes", call->who, call->answer_max);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        err_set(e, ERR_NET_TIMEOUT, "%s: %.120s", call->who, curl_reason(call, code));
    else if (call->written)
        err_set(e, ERR_NET_CUT, "%s: %.120s", call->who, curl_reason(call, code));
    else
        err_set(e, ERR_NET_NOT_SENT, "%s: %.120s", call->who, curl_reason(call, code));
    if (!call->written)
        e->outcome = OUTCOME_NOT_HAPPENED;
}

static void call_start(struct call *call);
static void queue_timeout(void *ctx);

static void queue_drain(struct http_client *client)
{
    while (client->list[CALL_QUEUED].first != NULL &&
           client->list[CALL_RUNNING].n < client->limits.in_flight_max) {
        struct call *call = client->list[CALL_QUEUED].first;
        if (clock_mono_ms() >= call->deadline_ms) {
            queue_timeout(call);
            continue;
        }
        call_delist(call);
        call_start(call);
    }
}

static void transfer_done(void *ctx, CURL *easy, CURLcode code)
{
    struct http_client *client = ctx;
    char *private = NULL;
    CHECK(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) == CURLE_OK);
    struct call *call = (struct call *)private;
    if (code == CURLE_OK && call->head_whole) {
        long status = 0;
        CHECK(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
        call->answer.status = (int)status;
        call->answer.body = call->answer_body == NULL ? "" : call->answer_body;
        if (call->money)
            FAULT_POINT(http_money_after_answer);
        call_end(call, NULL);
    } else {
        struct err e;
        failure_classify(call, code, &e);
        call_end(call, &e);
    }
    queue_drain(client);
}

/* ---- what curl hands over while it reads ---- */

static int before_write(void *ctx, char *to, char *from, int to_port, int from_port)
{
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    ((struct call *)ctx)->written = true;
    return CURL_PREREQFUNC_OK;
}

static size_t body_came(char *data, size_t size, size_t count, void *ctx)
{
    struct call *call = ctx;
    size_t n = size * count;
    if (n > call->answer_max - call->answer.body_n) {
        call->overflow = true;
        return 0;
    }
    size_t needed = call->answer.body_n + n + 1;
    if (needed > call->answer_cap) {
        call->answer_cap = needed > 2 * call->answer_cap ? needed : 2 * call->answer_cap;
        call->answer_body = mem_resize(call->answer_body, call->answer_cap);
    }
    memcpy(call->answer_body + call->answer.body_n, data, n);
    call->answer.body_n += n;
    call->answer_body[call->answer.body_n] = '\0';
    return n;
}

/* Keeps the value of a header line "Name: value\r\n" if it has that name; a longer one is cut. */
static void header_keep(const char *line, size_t n, const char *name,
                        char value[HTTP_ANSWER_HEADER_MAX])
{
    size_t name_n = strlen(name);
    if (n <= name_n || line[name_n] != ':' || strncasecmp(line, name, name_n) != 0)
        return;
    const char *from = line + name_n + 1;
    const char *end = line + n;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    size_t value_n = (size_t)(end - from);
    if (value_n >= HTTP_ANSWER_HEADER_MAX)
        value_n = HTTP_ANSWER_HEADER_MAX - 1;
    memcpy(value, from, value_n);
    value[value_n] = '\0';
}

static size_t header_came(char *line, size_t size, size_t count, void *ctx)
{
    struct call *call = ctx;
    size_t n = size * count;
    call->headers_n += n;
    if (call->headers_n > HTTP_ALL_HEADERS_MAX_BYTES) {
        call->overflow = true;
        return 0;
    }
    /* curl takes an answer cut within its headers for a whole one without a body. */
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        call->head_whole = false;
    else if (n == 2 && memcmp(line, "\r\n", 2) == 0)
        call->head_whole = true;
    header_keep(line, n, "date", call->answer.date);
    header_keep(line, n, "retry-after", call->answer.retry_after);
    header_keep(line, n, "content-type", call->answer.content_type);
    return n;
}

/* ---- the start of a call ---- */

#define SET(option, value) CHECK(curl_easy_setopt(call->easy, (option), (value)) == CURLE_OK)

static void method_set(struct call *call, const struct http_request *request)
{
    bool has_body = request->body_n > 0 || strcmp(request->method, "POST") == 0;
    if (has_body) {
        call->body = mem_text_n(request->body == NULL ? "" : request->body, request->body_n);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_n);
        SET(CURLOPT_POSTFIELDS, call->body);
    } else if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, request->method);
}

static void easy_set(struct call *call)
{
    SET(CURLOPT_PRIVATE, (char *)call);
    SET(CURLOPT_ERRORBUFFER, call->curl_text);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_USERAGENT, "kustodia-relayer");
    SET(CURLOPT_HTTPHEADER, call->headers);
    SET(CURLOPT_PREREQFUNCTION, before_write);
    SET(CURLOPT_PREREQDATA, call);
    SET(CURLOPT_WRITEFUNCTION, body_came);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_HEADERFUNCTION, header_came);
    SET(CURLOPT_HEADERDATA, call);
    if (call->money) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
}

static void header_add(struct call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    CHECK(longer != NULL);
    call->headers = longer;
}

/* False for a header that would not be one line of its own. */
static bool headers_set(struct call *call, const struct http_request *request)
{
    header_add(call, "Expect:"); /* no pause for a 100-continue before the body */
    for (size_t i = 0; i < request->headers_n; i++) {
        const struct http_header *header = &request->headers[i];
        char line[HTTP_HEADER_LINE_MAX];
        int n = snprintf(line, sizeof line, "%s: %s", header->name, header->value);
        if (n < 0 || n >= (int)sizeof line || strpbrk(line, "\r\n") != NULL ||
            header->value[0] == '\0')
            return false;
        header_add(call, line);
    }
    return true;
}

/* "POST https://host:port", without user, path and query. */
static void who_set(struct call *call, const struct http_request *request)
{
    const char *scheme_end = strstr(request->url, "://");
    const char *host = scheme_end == NULL ? request->url : scheme_end + 3;
    size_t host_n = strcspn(host, "/?#");
    for (const char *at = memchr(host, '@', host_n); at != NULL; at = memchr(host, '@', host_n)) {
        host_n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    (void)snprintf(call->who, sizeof call->who, "%.8s %.*s%.*s", request->method,
                   scheme_end == NULL ? 0 : (int)(scheme_end + 3 - request->url), request->url,
                   (int)(host_n > 64 ? 64 : host_n), host);
}

static void queue_timeout(void *ctx)
{
    struct call *call = ctx;
    struct err e;
    err_set(&e, ERR_NET_TIMEOUT, "%s: no place became free in time", call->who);
    e.outcome = OUTCOME_NOT_HAPPENED;
    call_end(call, &e);
}

static int64_t call_left_ms(const struct call *call)
{
    int64_t left = call->deadline_ms - clock_mono_ms();
    return left > 0 ? left : 1;
}

static void call_start(struct call *call)
{
    loop_timer_free(call->timer);
    call->timer = NULL;
    SET(CURLOPT_TIMEOUT_MS, (long)call_left_ms(call));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)call_left_ms(call));
    if (call->money)
        FAULT_POINT(http_money_before_send);
    call_enlist(call, CALL_RUNNING);
    http_multi_add(call->client->multi, call->easy);
}

static struct call *call_new(struct http_client *client, const struct http_request *request)
{
    CHECK(request->body_n <= HTTP_BODY_MAX_BYTES && request->headers_n <= HTTP_HEADERS_MAX);
    CHECK(request->timeout_ms > 0 && request->answer_max > 0);
    struct call *call = mem_new(sizeof *call);
    call->client = client;
    call->money = request->money;
    call->answer_max = request->answer_max;
    call->deadline_ms = clock_mono_ms() + request->timeout_ms;
    who_set(call, request);
    return call;
}

void http_call(struct http_client *client, const struct http_request *request, http_cb cb,
               void *ctx)
{
    struct call *call = call_new(client, request);
    call->cb = cb;
    call->ctx = ctx;
    if (client->closing) {
        call_fail(call, ERR_CANCELLED, "the client is being closed");
        return;
    }
    bool room = client->list[CALL_RUNNING].n < client->limits.in_flight_max;
    if (!room && client->list[CALL_QUEUED].n >= client->limits.queue_max) {
        call_fail(call, ERR_BUSY, "too many requests wait already");
        return;
    }
    if (!headers_set(call, request)) {
        call_fail(call, ERR_NET_NOT_SENT, "a header is empty, too long or holds a line break");
        return;
    }
    call->easy = curl_easy_init();
    CHECK(call->easy != NULL);
    easy_set(call);
    method_set(call, request);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, request->url) != CURLE_OK) {
        call_fail(call, ERR_NET_NOT_SENT, "the address cannot be used");
        return;
    }
    if (room) {
        call_start(call);
        return;
    }
    call->timer = loop_timer_new(client->loop, queue_timeout, call);
    loop_timer_start(call->timer, (uint64_t)call_left_ms(call), 0);
    call_enlist(call, CALL_QUEUED);
}

/* ---- the client ---- */

struct http_client *http_client_new(uv_loop_t *loop, const struct http_limits *limits)
{
    CHECK(limits->in_flight_max > 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* a broken connection is an error, not the end */
    struct http_client *client = mem_new(sizeof *client);
    client->loop = loop;
    client->limits = *limits;
    client->multi = http_multi_new(loop, limits->in_flight_max, transfer_done, client);
    client->failed_timer = loop_timer_new(loop, failed_deliver, client);
    return client;
}

static void list_cancel(struct call_list *list)
{
    while (list->first != NULL) {
        struct call *call = list->first;
        struct err e;
        err_set(&e, ERR_CANCELLED, "%s: cancelled", call->who);
        e.outcome = call->written ? OUTCOME_UNKNOWN : OUTCOME_NOT_HAPPENED;
        call_end(call, &e);
    }
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    CHECK(!client->calling_back);
    client->closing = true; /* a call made by a callback from here on fails in the next turn */
    list_cancel(&client->list[CALL_QUEUED]);
    list_cancel(&client->list[CALL_RUNNING]);
    failed_deliver(client);
    loop_timer_free(client->failed_timer);
    http_multi_free(client->multi);
    free(client);
}

uv_loop_t *http_client_loop(const struct http_client *client)
{
    return client->loop;
}

unsigned http_client_open(const struct http_client *client)
{
    return client->list[CALL_QUEUED].n + client->list[CALL_RUNNING].n + client->list[CALL_FAILED].n;
}
