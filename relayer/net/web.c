#include "relayer/net/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relayer/base/check.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"
#include "relayer/base/metrics.h"

enum {
    WEB_BACKLOG = 128,
    WEB_CONNECTION_MEMORY_BYTES = 32 * 1024, /* request line and headers */
    WEB_DISCARD_FACTOR = 8, /* a body beyond body_max is read on, to be told so, up to this often */
    WEB_ALLOW_MAX = 64,
    WEB_STOP_TURNS = 4,
};

struct web {
    uv_poll_t poll;
    struct loop_timer *timer;
    struct MHD_Daemon *daemon;
    struct web_settings settings;
    struct web_request *waiting; /* suspended, their handlers will answer later */
    uint16_t port;
};

/* Shared by its connection and its holder (whoever must call web_respond); freed by the last. */
struct web_request {
    struct web *web;                   /* NULL once the server is gone */
    struct MHD_Connection *connection; /* NULL once the connection is gone */
    struct web_request *next, *prev;   /* in web->waiting */
    const struct web_route *route;
    char *body;
    size_t body_n, body_seen;
    bool handed; /* the handler was called */
    bool held;   /* web_respond is due */
    bool suspended;
    struct MHD_Response *response; /* made, not yet queued */
    unsigned status;
};

/* ---- answers ---- */

static struct MHD_Response *response_new(const char *content_type, const char *body, size_t n)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, (void *)body, MHD_RESPMEM_MUST_COPY);
    CHECK(response != NULL);
    if (content_type != NULL)
        CHECK(MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES);
    CHECK(MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES);
    CHECK(MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES);
    return response;
}

/* An answer of this file, to a request no handler sees. allow may be NULL. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text,
                              const char *allow)
{
    metrics_add(METRIC_web_refused, 1);
    struct MHD_Response *response = response_new("text/plain; charset=utf-8", text, strlen(text));
    if (allow != NULL)
        CHECK(MHD_add_response_header(response, "Allow", allow) == MHD_YES);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result request_answer(struct web_request *request)
{
    enum MHD_Result result =
        MHD_queue_response(request->connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

static void request_free(struct web_request *request)
{
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    free(request->body);
    free(request);
}

static void request_wait(struct web_request *request)
{
    struct web *web = request->web;
    request->suspended = true;
    request->next = web->waiting;
    request->prev = NULL;
    if (web->waiting != NULL)
        web->waiting->prev = request;
    web->waiting = request;
    MHD_suspend_connection(request->connection);
}

static void request_wake(struct web_request *request)
{
    if (request->prev != NULL)
        request->prev->next = request->next;
    else
        request->web->waiting = request->next;
    if (request->next != NULL)
        request->next->prev = request->prev;
    request->suspended = false;
    MHD_resume_connection(request->connection);
    /* A resume does not make the epoll descriptor readable when the loop is not libmicrohttpd's
     * own. */
    loop_timer_start(request->web->timer, 0, 0);
}

void web_respond(struct web_request *request, unsigned status, const char *content_type,
                 const char *body, size_t n)
{
    CHECK(request->held);
    request->held = false;
    if (request->connection == NULL) {
        request_free(request);
        return;
    }
    request->response = response_new(content_type, body == NULL ? "" : body, n);
    request->status = status;
    if (request->suspended)
        request_wake(request);
}

/* ---- requests ---- */

/* HEAD is answered as GET; libmicrohttpd leaves the body out. */
static bool method_fits(const struct web_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The route, or NULL with *allow telling the methods its path has ("" for an unknown path). */
static const struct web_route *route_find(const struct web *web, const char *method,
                                          const char *path, char allow[WEB_ALLOW_MAX])
{
    allow[0] = '\0';
    for (size_t i = 0; i < web->settings.routes_n; i++) {
        const struct web_route *route = &web->settings.routes[i];
        if (strcmp(route->path, path) != 0)
            continue;
        if (method_fits(route, method))
            return route;
        size_t n = strlen(allow);
        (void)snprintf(allow + n, WEB_ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", route->method);
    }
    return NULL;
}

/* So long that it is not even read on: answering now closes the connection under the sender's
 * hands, and the answer may be lost with it. */
static bool length_is_hopeless(struct MHD_Connection *connection, size_t body_max)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return text != NULL && strtoull(text, NULL, 10) > WEB_DISCARD_FACTOR * body_max;
}

static enum MHD_Result request_begin(struct web *web, struct MHD_Connection *connection,
                                     const char *method, const char *path, void **slot)
{
    metrics_add(METRIC_web_requests, 1);
    char allow[WEB_ALLOW_MAX];
    const struct web_route *route = route_find(web, method, path, allow);
    if (route == NULL && allow[0] == '\0')
        return refuse(connection, MHD_HTTP_NOT_FOUND, "not found\n", NULL);
    if (route == NULL)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed\n", allow);
    if (length_is_hopeless(connection, web->settings.body_max))
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "body too large\n", NULL);
    struct web_request *request = mem_new(sizeof *request);
    request->web = web;
    request->connection = connection;
    request->route = route;
    *slot = request;
    return MHD_YES;
}

/* Keeps what fits; a body that passes the maximum is read on for a while so that the answer
 * arrives. */
static enum MHD_Result request_take(struct web_request *request, const char *data, size_t n)
{
    size_t body_max = request->web->settings.body_max;
    request->body_seen += n;
    if (request->body_seen > body_max)
        return request->body_seen > WEB_DISCARD_FACTOR * body_max ? MHD_NO : MHD_YES;
    request->body = mem_resize(request->body, request->body_n + n + 1);
    memcpy(request->body + request->body_n, data, n);
    request->body_n += n;
    request->body[request->body_n] = '\0';
    return MHD_YES;
}

/* The request is whole: the handler answers now or later. */
static enum MHD_Result request_hand_over(struct web_request *request)
{
    request->handed = true;
    request->held = true;
    request->route->handler(request->route->ctx, request);
    if (request->response != NULL)
        return request_answer(request);
    request_wait(request);
    return MHD_YES;
}

/* libmicrohttpd calls this for the headers, for each piece of body, at the end, and after a resume.
 * */
static enum MHD_Result request_step(void *ctx, struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *version, const char *data,
                                    size_t *data_n, void **slot)
{
    (void)version;
    struct web_request *request = *slot;
    if (request == NULL)
        return request_begin(ctx, connection, method, path, slot);
    if (*data_n > 0) {
        enum MHD_Result result = request_take(request, data, *data_n);
        *data_n = 0;
        return result;
    }
    if (request->response != NULL)
        return request_answer(request);
    if (request->body_seen > request->body_n)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "body too large\n", NULL);
    CHECK(!request->handed);
    return request_hand_over(request);
}

static void request_completed(void *ctx, struct MHD_Connection *connection, void **slot,
                              enum MHD_RequestTerminationCode why)
{
    (void)ctx;
    (void)connection;
    (void)why;
    struct web_request *request = *slot;
    *slot = NULL;
    if (request == NULL)
        return;
    request->connection = NULL;
    request->web = NULL;
    if (!request->held)
        request_free(request);
}

const char *web_method(const struct web_request *request)
{
    return request->route->method;
}

const char *web_path(const struct web_request *request)
{
    return request->route->path;
}

const char *web_body(const struct web_request *request, size_t *n)
{
    *n = request->body_n;
    return request->body == NULL ? "" : request->body;
}

const char *web_header(const struct web_request *request, const char *name)
{
    if (request->connection == NULL)
        return NULL;
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- the loop ---- */

static void web_run(struct web *web)
{
    CHECK(MHD_run(web->daemon) == MHD_YES);
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(web->daemon, &timeout_ms) == MHD_YES)
        loop_timer_start(web->timer, timeout_ms, 0);
    else
        loop_timer_stop(web->timer);
}

static void web_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    web_run(poll->data);
}

static void web_timer(void *ctx)
{
    web_run(ctx);
}

/* ---- the server ---- */

struct web_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } at;
    socklen_t n;
};

static bool address_read(const struct web_settings *settings, struct web_address *address)
{
    *address = (struct web_address){.n = 0};
    if (inet_pton(AF_INET, settings->listen, &address->at.v4.sin_addr) == 1) {
        address->at.v4.sin_family = AF_INET;
        address->at.v4.sin_port = htons(settings->port);
        address->n = sizeof address->at.v4;
    } else if (inet_pton(AF_INET6, settings->listen, &address->at.v6.sin6_addr) == 1) {
        address->at.v6.sin6_family = AF_INET6;
        address->at.v6.sin6_port = htons(settings->port);
        address->n = sizeof address->at.v6;
    }
    return address->n > 0;
}

/* A listening socket, and the port it got; -1 and *e. */
static int listener_new(const struct web_settings *settings, uint16_t *port, struct err *e)
{
    struct web_address address;
    if (!address_read(settings, &address)) {
        err_set(e, ERR_CONFIG_VALUE, "http.listen = %.60s: must be a numeric address",
                settings->listen);
        return -1;
    }
    const int one = 1;
    int fd = socket(address.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, &address.at.any, address.n) == 0 && listen(fd, WEB_BACKLOG) == 0 &&
        getsockname(fd, &address.at.any, &address.n) == 0) {
        *port = ntohs(address.at.any.sa_family == AF_INET ? address.at.v4.sin_port
                                                          : address.at.v6.sin6_port);
        return fd;
    }
    err_set(e, errno == EADDRINUSE ? ERR_NET_IN_USE : ERR_IO, "cannot listen on %.60s port %u: %s",
            settings->listen, settings->port, strerror(errno));
    if (e != NULL)
        e->outcome = OUTCOME_NOT_HAPPENED;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

#if MHD_VERSION >= 0x00097605
#define WEB_STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL
#else
#define WEB_STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT
#endif

static struct MHD_Daemon *daemon_new(struct web *web, int listener)
{
    const struct web_settings *settings = &web->settings;
    unsigned per_address = settings->per_address_max;
    if (per_address == 0)
        per_address = settings->connections_max;
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listener, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, settings->connections_max, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, WEB_CONNECTION_MEMORY_BYTES, NULL},
        {WEB_STRICTNESS, 1, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_step,
                            web, MHD_OPTION_NOTIFY_COMPLETED, request_completed, NULL,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

struct web *web_new(uv_loop_t *loop, const struct web_settings *settings, struct err *e)
{
    CHECK(settings->connections_max > 0 && settings->body_max > 0);
    uint16_t port;
    int listener = listener_new(settings, &port, e);
    if (listener < 0)
        return NULL;
    struct web *web = mem_new(sizeof *web);
    web->settings = *settings;
    web->port = port;
    web->daemon = daemon_new(web, listener);
    CHECK(web->daemon != NULL);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    CHECK(info != NULL && info->epoll_fd >= 0);
    CHECK(uv_poll_init(loop, &web->poll, info->epoll_fd) == 0);
    web->poll.data = web;
    web->timer = loop_timer_new(loop, web_timer, web);
    CHECK(uv_poll_start(&web->poll, UV_READABLE, web_ready) == 0);
    return web;
}

static void web_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void web_free(struct web *web)
{
    if (web == NULL)
        return;
    static const char text[] = "stopping\n";
    while (web->waiting != NULL) {
        struct web_request *request = web->waiting;
        request->response = response_new("text/plain; charset=utf-8", text, sizeof text - 1);
        request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        request_wake(request);
    }
    for (int i = 0; i < WEB_STOP_TURNS; i++)
        CHECK(MHD_run(web->daemon) == MHD_YES); /* resume, queue, write */
    CHECK(uv_poll_stop(&web->poll) == 0);
    MHD_stop_daemon(web->daemon);
    loop_timer_free(web->timer);
    uv_close((uv_handle_t *)&web->poll, web_closed);
}

uint16_t web_port(const struct web *web)
{
    return web->port;
}
