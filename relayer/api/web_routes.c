/* The HTTP port: is it alive, its figures, and Juno's webhooks, which are stored and taken as a hint only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/keccak.h"
#include "relayer/api/api_inside.h"
#include "relayer/api/system.h"
#include "relayer/base/log.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"
#include "relayer/engine/observer.h"
#include "relayer/store/requests.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"
#define TEXT_METRICS "text/plain; version=0.0.4; charset=utf-8"

enum { HEADERS_MAX = 256 };

static void respond_text(struct web_request *request, unsigned status, const char *text)
{
    web_respond(request, status, TEXT_PLAIN, text, strlen(text));
}

static void get_health(void *ctx, struct web_request *request)
{
    const struct api *api = ctx;
    char words[SYSTEM_WORDS_MAX];
    char text[SYSTEM_WORDS_MAX + 8];
    bool healthy = system_is_healthy(api->engine);
    system_words(api->engine, words, sizeof words);
    snprintf(text, sizeof text, "%s%s\n", healthy ? "ok: " : "", words);
    respond_text(request, healthy ? 200 : 503, text);
}

static void get_metrics(void *ctx, struct web_request *request)
{
    (void)ctx;
    size_t n = 0;
    char *text = metrics_text(&n);
    web_respond(request, 200, TEXT_METRICS, text, n);
    free(text);
}

struct hook {
    struct api *api;
    struct web_request *request;
};

static void hook_stored(void *ctx, const struct err *err, struct db_result *res)
{
    (void)res;
    struct hook *hook = ctx;
    struct api *api = hook->api;
    if (err == NULL) {
        metrics_add(METRIC_webhooks, 1);
        respond_text(hook->request, 200, "stored\n");
        if (!api->closed && !api->stopping)
            observer_kick(api->engine->observer);
    } else {
        /* Juno sends it again; and whatever it tells is found by asking anyway. */
        log_warn("webhook_not_stored", "%s", err->message);
        respond_text(hook->request, 503, "not stored, send it again\n");
    }
    free(hook);
    api_ended(api);
}

static void post_webhook(void *ctx, struct web_request *request)
{
    struct api *api = ctx;
    if (api->stopping || api->open >= API_CALLS_MAX) {
        respond_text(request, 503, "busy, send it again\n");
        return;
    }
    struct new_webhook row = {.source = "juno"};
    row.body = web_body(request, &row.body_n);
    keccak256(row.body, row.body_n, row.body_hash);
    const char *type = web_header(request, "content-type");
    char headers[HEADERS_MAX];
    snprintf(headers, sizeof headers, "content-type: %.200s", type != NULL ? type : "none");
    row.headers = headers;
    for (char *at = headers; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            *at = '?';
    }
    struct hook *hook = mem_new(sizeof *hook);
    hook->api = api;
    hook->request = request;
    api->open++;
    struct db_script *script = db_script_new();
    requests_add_webhook(script, &row);
    db_run(api->db, script, hook_stored, hook);
}

bool routes_open(struct api *api, struct err *e)
{
    const struct config *config = api->config;
    api->routes[0] =
        (struct web_route){.method = "GET", .path = "/healthz", .handler = get_health, .ctx = api};
    api->routes[1] =
        (struct web_route){.method = "GET", .path = "/metrics", .handler = get_metrics, .ctx = api};
    api->routes[2] = (struct web_route){
        .method = "POST", .path = config->http_webhook_path, .handler = post_webhook, .ctx = api};
    struct web_settings settings = {.listen = config->http_listen,
                                    .port = (uint16_t)config->http_port,
                                    .body_max = API_HTTP_BODY_MAX,
                                    .connections_max = API_HTTP_CONNECTIONS_MAX,
                                    .idle_timeout_s = API_HTTP_IDLE_S,
                                    .routes = api->routes,
                                    .routes_n = sizeof api->routes / sizeof api->routes[0]};
    api->web = web_new(api->loop, &settings, e);
    return api->web != NULL;
}
