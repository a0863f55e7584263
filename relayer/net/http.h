/*
 * HTTP client of the doors (chain, Juno): curl multi on libuv.
 *
 * http_call calls back exactly once, never before it returns. A complete HTTP answer of any status
 * is an answer (e is NULL); what a status means is the door's business. Otherwise e says what
 * happened:
 *
 *   ERR_NET_NOT_SENT  NOT_HAPPENED  name, connect, refused, TLS: not one byte of it was written
 *   ERR_BUSY          NOT_HAPPENED  the queue was full
 *   ERR_NET_TIMEOUT   UNKNOWN       deadline passed once bytes may have been written; before that
 *                                   (still connecting, still queued) it is NOT_HAPPENED
 *   ERR_NET_CUT       UNKNOWN       reset, empty, cut or unreadable answer
 *   ERR_NET_LIMIT     UNKNOWN       answer longer than answer_max
 *   ERR_CANCELLED     UNKNOWN       http_client_free came first; NOT_HAPPENED if nothing went out
 *
 * `money` is for requests that must not be executed twice by accident: libcurl repeats a POST by
 * itself when a kept connection turns out dead, so these get a fresh connection that is closed
 * afterwards. All requests: http and https only, HTTP/1.1, no redirects, no cookies, no proxy,
 * certificates checked.
 */
#ifndef KUSTODIA_NET_HTTP_H
#define KUSTODIA_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "relayer/base/err.h"

struct uv_loop_s;

enum {
    HTTP_HEADERS_MAX = 16,
    HTTP_HEADER_LINE_MAX = 4096,
    HTTP_BODY_MAX_BYTES = 8 * 1024 * 1024,
    HTTP_ANSWER_HEADER_MAX = 128,
};

struct http_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;
    const struct http_header *headers;
    size_t headers_n;
    const char *body; /* NULL with body_n 0: none */
    size_t body_n;
    unsigned timeout_ms; /* from http_call to the last byte, waiting in the queue included */
    size_t answer_max;   /* body bytes */
    bool money;
};

/* Valid during the callback only. Missing headers are "". */
struct http_answer {
    int status;
    const char *body; /* NUL-terminated; body_n does not count the NUL */
    size_t body_n;
    char date[HTTP_ANSWER_HEADER_MAX];
    char retry_after[HTTP_ANSWER_HEADER_MAX];
    char content_type[HTTP_ANSWER_HEADER_MAX];
};

/* answer is NULL exactly when e is not. */
typedef void (*http_cb)(void *ctx, const struct err *e, const struct http_answer *answer);

struct http_limits {
    unsigned in_flight_max; /* at most this many at once, connections included */
    unsigned queue_max;     /* further ones wait, up to this many */
};

struct http_client;
struct http_client *http_client_new(struct uv_loop_s *loop, const struct http_limits *limits);

/* Every call not answered gets ERR_CANCELLED, before this returns. Not from within a callback of
 * this client. The loop must run once more before uv_loop_close. NULL is fine. */
void http_client_free(struct http_client *client);

/* Copies what it needs of *request. */
void http_call(struct http_client *client, const struct http_request *request, http_cb cb,
               void *ctx);

/* The loop it was made with: a door above it has its timers there too. */
struct uv_loop_s *http_client_loop(const struct http_client *client);

/* Calls handed in and not called back. */
unsigned http_client_open(const struct http_client *client);

#endif
