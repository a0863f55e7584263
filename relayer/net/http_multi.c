#include "relayer/net/http_multi.h"

#include <stdlib.h>

#include "relayer/base/check.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"

struct http_multi {
    uv_loop_t *loop;
    CURLM *curl;
    struct loop_timer *timer;
    http_multi_done_cb done;
    void *ctx;
};

/* One per socket of curl, made and closed as curl says. Outlives its socket until the close
 * callback. */
struct http_socket {
    uv_poll_t poll;
    struct http_multi *multi;
    curl_socket_t fd;
};

static void multi_reap(struct http_multi *multi)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            multi->done(multi->ctx, message->easy_handle, message->data.result);
    }
}

static void multi_act(struct http_multi *multi, curl_socket_t fd, int events)
{
    int running;
    CHECK(curl_multi_socket_action(multi->curl, fd, events, &running) == CURLM_OK);
    multi_reap(multi);
}

static void timer_came(void *ctx)
{
    multi_act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *socket = poll->data;
    int flags = 0;
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    multi_act(socket->multi, socket->fd, flags);
}

static void socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct http_socket *socket_new(struct http_multi *multi, curl_socket_t fd)
{
    struct http_socket *socket = mem_new(sizeof *socket);
    socket->multi = multi;
    socket->fd = fd;
    socket->poll.data = socket;
    CHECK(uv_poll_init_socket(multi->loop, &socket->poll, fd) == 0);
    CHECK(curl_multi_assign(multi->curl, fd, socket) == CURLM_OK);
    return socket;
}

/* curl wants to know when fd can be read or written, or not any more (then it closes fd itself,
 * after this returns and so after libuv stopped watching it). */
static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *ctx, void *data)
{
    (void)easy;
    struct http_multi *multi = ctx;
    struct http_socket *socket = data;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            CHECK(curl_multi_assign(multi->curl, fd, NULL) == CURLM_OK);
            uv_close((uv_handle_t *)&socket->poll, socket_closed);
        }
        return 0;
    }
    if (socket == NULL)
        socket = socket_new(multi, fd);
    int events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= UV_READABLE;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= UV_WRITABLE;
    CHECK(uv_poll_start(&socket->poll, events, socket_ready) == 0);
    return 0;
}

static int timer_changed(CURLM *curl, long timeout_ms, void *ctx)
{
    (void)curl;
    struct http_multi *multi = ctx;
    if (timeout_ms < 0)
        loop_timer_stop(multi->timer);
    else
        loop_timer_start(multi->timer, (uint64_t)timeout_ms, 0);
    return 0;
}

struct http_multi *http_multi_new(uv_loop_t *loop, unsigned connections_max,
                                  http_multi_done_cb done,
                                  void *ctx)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct http_multi *multi = mem_new(sizeof *multi);
    multi->loop = loop;
    multi->done = done;
    multi->ctx = ctx;
    multi->timer = loop_timer_new(loop, timer_came, multi);
    multi->curl = curl_multi_init();
    CHECK(multi->curl != NULL);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, socket_changed) == CURLM_OK);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi) == CURLM_OK);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, timer_changed) == CURLM_OK);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi) == CURLM_OK);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK);
    CHECK(curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)connections_max) == CURLM_OK);
    return multi;
}

void http_multi_free(struct http_multi *multi)
{
    if (multi == NULL)
        return;
    /* This closes kept connections, so socket_changed still comes. */
    CHECK(curl_multi_cleanup(multi->curl) == CURLM_OK);
    loop_timer_free(multi->timer);
    free(multi);
    curl_global_cleanup();
}

void http_multi_add(struct http_multi *multi, CURL *easy)
{
    CHECK(curl_multi_add_handle(multi->curl, easy) == CURLM_OK);
}

void http_multi_remove(struct http_multi *multi, CURL *easy)
{
    CHECK(curl_multi_remove_handle(multi->curl, easy) == CURLM_OK);
}
