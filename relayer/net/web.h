/*
 * The HTTP port: health, metrics, webhooks. libmicrohttpd with its epoll descriptor on libuv; no
 * threads.
 *
 * A handler gets the whole request (body included, at most body_max) and answers with web_respond,
 * at once or in a later turn of the loop: a webhook is acknowledged after its commit. Clear text
 * only: it listens on loopback or behind a reverse proxy. The Host header decides nothing.
 *
 * Answered here: 404 unknown path, 405 with Allow for a known path, 413 for a body beyond the
 * limit, 503 when the server stops while a request waits. HEAD is GET without the body.
 */
#ifndef KUSTODIA_NET_WEB_H
#define KUSTODIA_NET_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"

struct uv_loop_s;
struct web_request;

struct web_route {
    const char *method;
    const char *path; /* exact match, without the query */
    void (*handler)(void *ctx, struct web_request *request);
    void *ctx;
};

struct web_settings {
    const char *listen; /* numeric IPv4 or IPv6 address */
    uint16_t port;      /* 0 = any free one, see web_port */
    size_t body_max;    /* bytes */
    unsigned connections_max;
    unsigned per_address_max; /* connections from one address; 0 = connections_max */
    unsigned idle_timeout_s;
    const struct web_route *routes; /* must outlive the server */
    size_t routes_n;
};

struct web;

/* NULL and *e (ERR_NET_IN_USE, ERR_CONFIG_VALUE) on failure. */
struct web *web_new(struct uv_loop_s *loop, const struct web_settings *settings, struct err *e);

/* Stops at once. A request that waits keeps its memory until its holder calls web_respond. NULL is
 * fine. The loop must run once more before uv_loop_close. */
void web_free(struct web *web);
uint16_t web_port(const struct web *web);

/* All valid until web_respond; headers only while the server lives (NULL afterwards). */
const char *web_method(const struct web_request *request);
const char *web_path(const struct web_request *request);
const char *web_body(const struct web_request *request, size_t *n); /* NUL-terminated */
const char *web_header(const struct web_request *request, const char *name); /* NULL when absent */

/* Answers, exactly once per request, copying body; ends the request's life, whether its client is
 * still there or not. content_type may be NULL with n = 0. */
void web_respond(struct web_request *request, unsigned status, const char *content_type,
                 const char *body, size_t n);

#endif
