#include "relayer/chain/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/metrics.h"

void endpoints_hold(struct endpoints *all)
{
    all->open++;
}

void endpoints_drop(struct endpoints *all)
{
    CHECK(all->open > 0);
    all->open--;
    if (all->closed && all->open == 0)
        free(all);
}

static void endpoints_timer_set(struct endpoints *all)
{
    int64_t left;

    if (all->waiting == NULL)
        return;
    left = all->waiting->due_ms - clock_mono_ms();
    loop_timer_start(all->timer, left > 0 ? (uint64_t)left : 0, 0);
}

static void waiting_first_out(struct endpoints *all)
{
    struct waiting *first = all->waiting;

    all->waiting = first->next;
    all->waiting_n--;
    first->cb(first->ctx);
}

/* What is added meanwhile comes in a later turn: a callback may ask again at once. */
static void endpoints_timer_came(void *ctx)
{
    struct endpoints *all = ctx;
    int64_t now = clock_mono_ms();

    endpoints_hold(all);
    while (all->waiting != NULL && all->waiting->due_ms <= now)
        waiting_first_out(all);
    if (!all->closed)
        endpoints_timer_set(all);
    endpoints_drop(all);
}

void endpoints_wait(struct endpoints *all, struct waiting *waiting)
{
    struct waiting **at = &all->waiting;
    int64_t now = clock_mono_ms();

    if (waiting->due_ms <= now)
        waiting->due_ms = now + 1;
    while (*at != NULL && (*at)->due_ms <= waiting->due_ms)
        at = &(*at)->next;
    waiting->next = *at;
    *at = waiting;
    all->waiting_n++;
    endpoints_timer_set(all);
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

static bool endpoints_read(struct endpoints *all, const char *urls, struct err *err)
{
    const char *at = urls == NULL ? "" : urls;

    for (;;) {
        size_t blank = strspn(at, " \t"), n = strcspn(at += blank, ","), end = n;

        while (end > 0 && (at[end - 1] == ' ' || at[end - 1] == '\t'))
            end--;
        if (all->n == NODE_ENDPOINTS_MAX)
            return err_fail(err, ERR_CONFIG_VALUE, "chain.rpc_url: more than %d addresses",
                            NODE_ENDPOINTS_MAX);
        if (!endpoint_init(&all->endpoint[all->n], at, end, err))
            return false;
        all->n++;
        if (at[n] == '\0')
            return true;
        at += n + 1;
    }
}

static void endpoints_fill(struct endpoints *all, const unsigned *weights)
{
    all->whole = (struct node){all, (1u << all->n) - 1, NODE_ENDPOINTS_MAX};
    for (size_t i = 0; i < all->n; i++) {
        all->one[i] = (struct node){all, 1u << i, NODE_ENDPOINTS_MAX};
        all->beginning[i] = (struct node){all, all->whole.may, i};
        all->health[i].weight = weights != NULL ? weights[i] : i == 0;
        CHECK(all->health[i].weight <= HEALTH_WEIGHT_MAX);
    }
}

struct node *node_new(struct http_client *http, const struct node_settings *settings,
                      struct err *err)
{
    struct endpoints *all = calloc(1, sizeof *all);

    CHECK(all != NULL);
    all->http = http;
    all->timeout_ms = settings->timeout_ms;
    all->next_id = 1;
    if (!endpoints_read(all, settings->urls, err)) {
        free(all);
        return NULL;
    }
    all->timer = loop_timer_new(http_client_loop(http), endpoints_timer_came, all);
    endpoints_fill(all, settings->weights);
    return &all->whole;
}

void node_free(struct node *node)
{
    struct endpoints *all;

    if (node == NULL)
        return;
    all = node->all;
    CHECK(node == &all->whole);
    endpoints_hold(all);
    all->closed = true;
    loop_timer_free(all->timer);
    while (all->waiting != NULL)
        waiting_first_out(all);
    endpoints_drop(all);
}

struct node *node_of_endpoint(struct node *node, size_t i)
{
    CHECK(i < node->all->n);
    return &node->all->one[i];
}

struct node *node_beginning_at(struct node *node, size_t i)
{
    CHECK(i < node->all->n);
    return &node->all->beginning[i];
}

size_t node_endpoints_n(const struct node *node)
{
    return node->all->n;
}

const char *node_endpoint_name(const struct node *node, size_t i)
{
    CHECK(i < node->all->n);
    return node->all->endpoint[i].shown;
}

void node_accuse(struct node *node, size_t i, const char *why)
{
    struct endpoint *endpoint = &node->all->endpoint[i];
    struct health *health = &node->all->health[i];

    CHECK(i < node->all->n);
    if (!health_accuse(health, clock_mono_ms()))
        return;
    snprintf(endpoint->why, sizeof endpoint->why, "%s", why);
    metrics_add(METRIC_chain_accused, 1);
    log_error("endpoint_aside", "%s is not read from for %lld minutes: %s", endpoint->shown,
              (long long)health->aside_ms / 60000, endpoint->why);
}

static int64_t from_now(int64_t at_ms, int64_t now)
{
    return at_ms > now ? at_ms - now : 0;
}

size_t node_endpoints(const struct node *node, struct node_endpoint_status out[NODE_ENDPOINTS_MAX])
{
    const struct endpoints *all = node->all;
    int64_t now = clock_mono_ms();

    for (size_t i = 0; i < all->n; i++) {
        const struct health *health = &all->health[i];
        enum health_state state = health_state(all->health, all->n, i, now);

        out[i] = (struct node_endpoint_status){
            .url = all->endpoint[i].shown,
            .state = health_state_name(state),
            .why = health->trial_until_ms > now ? all->endpoint[i].why : "",
            .healthy = state <= HEALTH_SLOW && health->limited_until_ms <= now,
            .aside = state == HEALTH_ASIDE,
            .weight = health->weight,
            .calls = health->calls,
            .failures = health->failures,
            .limits = health->limits,
            .latency_ms = health->latency_ms,
            .limited_for_ms = from_now(health->limited_until_ms, now),
            .aside_for_ms = from_now(health->aside_until_ms, now)};
    }
    return all->n;
}

/* The first of those it might have asked speaks for all. */
void endpoint_none_err(const struct node *node, struct err *err)
{
    const struct endpoints *all = node->all;
    int64_t now = clock_mono_ms();
    size_t i = 0;

    while (!(node->may & (1u << i)))
        i++;
    if (all->health[i].aside_until_ms > now)
        err_set(err, ERR_CHAIN_AWAY, "%s stands aside: %s", all->endpoint[i].shown,
                all->endpoint[i].why);
    else if (all->health[i].open)
        err_set(err, ERR_CHAIN_AWAY, "%s is away: one question tries it", all->endpoint[i].shown);
    else
        err_set(err, ERR_CHAIN_RATE, "%s asks for fewer requests, for %lld s",
                all->endpoint[i].shown,
                (long long)(from_now(all->health[i].limited_until_ms, now) + 999) / 1000);
}

/* Not a money request for libcurl: whatever is posted here may be posted twice. Reads change
 * nothing, and signed bytes have one effect however often they arrive. So connections are kept
 * open. */
void endpoint_post(struct endpoints *all, const struct endpoint_call *call, const char *body,
                   http_cb cb, void *ctx)
{
    static const struct http_header headers[] = {{"Content-Type", "application/json"},
                                                 {"Accept", "application/json"}};
    struct http_request request = {.method = "POST",
                                   .url = all->endpoint[call->i].url,
                                   .headers = headers,
                                   .headers_n = 2,
                                   .body = body,
                                   .body_n = strlen(body),
                                   .timeout_ms = all->timeout_ms,
                                   .answer_max = CHAIN_ANSWER_BYTES_MAX};

    http_call(all->http, &request, cb, ctx);
}

/* Said once for each change, by whoever noticed it. */
static void say_change(const struct endpoint *endpoint, const struct health *before,
                       const struct health *after)
{
    if (after->open && !before->open) {
        metrics_add(METRIC_chain_opened, 1);
        log_warn("endpoint_away", "%s failed %u times in a row", endpoint->shown,
                 after->failed_in_row);
    }
    if (before->open && !after->open)
        log_info("endpoint_back", "%s answers again", endpoint->shown);
    if (after->limited_in_row == 1 && before->limited_in_row == 0)
        log_warn("endpoint_limits", "%s asks for fewer requests: %lld ms between two now",
                 endpoint->shown, (long long)after->interval_ms);
}

void endpoint_note(struct endpoints *all, const struct endpoint_call *call,
                   enum endpoint_outcome outcome, const struct http_answer *http)
{
    struct health *health = &all->health[call->i], before = *health;
    int64_t now = clock_mono_ms(), retry_ms = -1;

    switch (outcome) {
    case ENDPOINT_GOOD:
    case ENDPOINT_GOOD_SMALL:
        health_good(health, call->ticket, outcome == ENDPOINT_GOOD_SMALL, now);
        break;
    case ENDPOINT_FAILED:
        metrics_add(METRIC_chain_endpoint_failures, 1);
        health_failed(health, call->ticket, now);
        break;
    case ENDPOINT_UNABLE:
        metrics_add(METRIC_chain_endpoint_failures, 1);
        health_unable(health, call->ticket, now);
        break;
    case ENDPOINT_LIMITED:
        metrics_add(METRIC_chain_endpoint_limits, 1);
        if (http != NULL)
            retry_ms = health_retry_ms(http->retry_after);
        health_limited(health, call->ticket, retry_ms, now);
        break;
    case ENDPOINT_UNTOLD:
        health_untold(health, call->ticket);
        break;
    }
    say_change(&all->endpoint[call->i], &before, health);
}

void endpoint_status_err(int status, const struct err *parse, struct err *err)
{
    if (status == HTTP_TOO_MANY)
        err_set(err, ERR_CHAIN_RATE, "node: HTTP 429");
    else if (status != HTTP_OK)
        err_set(err, ERR_CHAIN_AWAY, "node: HTTP %d", status);
    else
        *err = *parse;
}
