#include "relayer/chain/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"

void node_hold(struct node *node)
{
    node->open++;
}

void node_drop(struct node *node)
{
    CHECK(node->open > 0);
    node->open--;
    if (node->closed && node->open == 0)
        free(node);
}

/* Scheme and host: the path of a hosted endpoint is its key, and so is a user part. */
static void url_shown(const char *url, char out[NODE_URL_MAX])
{
    const char *host = strstr(url, "://") + 3;
    size_t scheme_n = (size_t)(host - url), host_n = strcspn(host, "/?#");
    const char *user_end = memchr(host, '@', host_n);

    if (user_end != NULL) {
        host_n -= (size_t)(user_end + 1 - host);
        host = user_end + 1;
    }
    memcpy(out, url, scheme_n);
    memcpy(out + scheme_n, host, host_n);
    out[scheme_n + host_n] = '\0';
}

static bool endpoint_init(struct endpoint *endpoint, const char *url, size_t n, struct err *err)
{
    if (n == 0 || n >= NODE_URL_MAX)
        return err_fail(err, ERR_CONFIG_VALUE, "chain.rpc_url: an address has 1 to %d characters",
                        NODE_URL_MAX - 1);
    memcpy(endpoint->url, url, n);
    endpoint->url[n] = '\0';
    if (strncmp(endpoint->url, "http://", 7) != 0 && strncmp(endpoint->url, "https://", 8) != 0)
        return err_fail(err, ERR_CONFIG_VALUE,
                        "chain.rpc_url: an address does not begin with http:// or https://");
    url_shown(endpoint->url, endpoint->shown);
    return true;
}

static bool endpoints_read(struct node *node, const char *urls, struct err *err)
{
    const char *at = urls == NULL ? "" : urls;

    for (;;) {
        size_t blank = strspn(at, " \t"), n = strcspn(at += blank, ","), end = n;

        while (end > 0 && (at[end - 1] == ' ' || at[end - 1] == '\t'))
            end--;
        if (node->endpoints_n == NODE_ENDPOINTS_MAX)
            return err_fail(err, ERR_CONFIG_VALUE, "chain.rpc_url: more than %d addresses",
                            NODE_ENDPOINTS_MAX);
        if (!endpoint_init(&node->endpoint[node->endpoints_n], at, end, err))
            return false;
        node->endpoints_n++;
        if (at[n] == '\0')
            return true;
        at += n + 1;
    }
}

struct node *node_new(struct http_client *http, const struct node_settings *settings,
                      struct err *err)
{
    struct node *node = calloc(1, sizeof *node);

    CHECK(node != NULL);
    node->http = http;
    node->timeout_ms = settings->timeout_ms;
    node->next_id = 1;
    if (endpoints_read(node, settings->urls, err))
        return node;
    free(node);
    return NULL;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    node_hold(node);
    node->closed = true;
    node_drop(node);
}

size_t node_endpoints(const struct node *node, struct node_endpoint_status out[NODE_ENDPOINTS_MAX])
{
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < node->endpoints_n; i++) {
        const struct endpoint *endpoint = &node->endpoint[i];

        out[i] = (struct node_endpoint_status){.url = endpoint->shown,
                                               .healthy = endpoint->cool_until_ms <= now,
                                               .calls = endpoint->calls,
                                               .failures = endpoint->failures};
    }
    return node->endpoints_n;
}

size_t endpoint_pick(const struct node *node, unsigned tried)
{
    int64_t now = clock_mono_ms();
    size_t cooling = node->endpoints_n;

    for (size_t i = 0; i < node->endpoints_n; i++) {
        if (tried & (1u << i))
            continue;
        if (node->endpoint[i].cool_until_ms <= now)
            return i;
        if (cooling == node->endpoints_n)
            cooling = i;
    }
    return cooling;
}

/* Not a money request for libcurl: whatever is posted here may be posted twice. Reads change
 * nothing, and signed bytes have one effect however often they arrive. So connections are kept
 * open. */
void endpoint_post(struct node *node, size_t i, const char *body, http_cb cb, void *ctx)
{
    static const struct http_header headers[] = {{"Content-Type", "application/json"},
                                                 {"Accept", "application/json"}};
    struct http_request request = {.method = "POST",
                                   .url = node->endpoint[i].url,
                                   .headers = headers,
                                   .headers_n = 2,
                                   .body = body,
                                   .body_n = strlen(body),
                                   .timeout_ms = node->timeout_ms,
                                   .answer_max = CHAIN_ANSWER_BYTES_MAX};

    node->endpoint[i].calls++;
    http_call(node->http, &request, cb, ctx);
}

void endpoint_note(struct node *node, size_t i, bool good)
{
    struct endpoint *endpoint = &node->endpoint[i];

    if (good) {
        endpoint->cool_until_ms = 0;
        return;
    }
    endpoint->failures++;
    endpoint->cool_until_ms = clock_mono_ms() + NODE_COOL_DOWN_MS;
}

void endpoint_status_err(int status, const struct err *parse, struct err *err)
{
    if (status == 429)
        err_set(err, ERR_CHAIN_RATE, "node: HTTP 429");
    else if (status != 200)
        err_set(err, ERR_CHAIN_AWAY, "node: HTTP %d", status);
    else
        *err = *parse;
}
