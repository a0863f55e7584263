#include "tests/unit/chain/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relayer/base/check.h"

struct item {
    enum peer_act act;
    int status;
    char *headers, *body;
};

struct peer {
    uv_tcp_t listener;
    int port;
    struct item script[PEER_REQUESTS_MAX];
    size_t planned, played;
    struct peer_request request[PEER_REQUESTS_MAX];
    size_t requests;
    struct connection *connections;
};

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    struct peer *peer;
    struct connection *next;
    char *text, *answer;
    size_t n;
    bool done, closing;
};

static void connection_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    free(connection->text);
    free(connection->answer);
    free(connection);
}

static void connection_close(struct connection *connection)
{
    struct connection **at = &connection->peer->connections;

    if (connection->closing)
        return;
    connection->closing = true;
    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    uv_close((uv_handle_t *)&connection->tcp, connection_closed);
}

static void written(uv_write_t *write, int status)
{
    (void)status;
    connection_close(write->data);
}

static void play(struct connection *connection)
{
    struct peer *peer = connection->peer;
    struct item *item;
    uv_buf_t buf;
    size_t promised;

    CHECK(peer->played < peer->planned); /* a request nobody planned */
    item = &peer->script[peer->played++];
    if (item->act == PEER_HOLD)
        return;
    if (item->act == PEER_DROP) {
        connection_close(connection);
        return;
    }
    promised = strlen(item->body) + (item->act == PEER_CUT ? 10 : 0);
    CHECK(asprintf(&connection->answer,
                   "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                   "Content-Length: %zu\r\n%s\r\n%s",
                   item->status, promised, item->headers, item->body) > 0);
    buf = uv_buf_init(connection->answer, (unsigned)strlen(connection->answer));
    connection->write.data = connection;
    CHECK(uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buf, 1, written) == 0);
}

/* Whole when the head is there and as many bytes behind it as Content-Length says. */
static bool request_whole(const char *text, const char **body)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");

    if (end == NULL)
        return false;
    *body = end + 4;
    return length == NULL || length > end || strlen(*body) >= strtoul(length + 17, NULL, 10);
}

static void request_record(struct connection *connection, const char *body)
{
    struct peer_request *request = &connection->peer->request[connection->peer->requests];

    CHECK(connection->peer->requests < PEER_REQUESTS_MAX);
    request->text = strdup(connection->text);
    request->body = request->text + (body - connection->text);
    connection->peer->requests++;
}

static void bytes_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;
    const char *body;

    (void)buf;
    if (n < 0) {
        connection_close(connection);
        return;
    }
    connection->n += (size_t)n;
    connection->text[connection->n] = '\0';
    if (!connection->done && request_whole(connection->text, &body)) {
        connection->done = true;
        request_record(connection, body);
        play(connection);
    }
}

static void room_for(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct connection *connection = handle->data;

    (void)hint;
    CHECK(connection->n + 1 < PEER_REQUEST_BYTES_MAX);
    *buf = uv_buf_init(connection->text + connection->n,
                       (unsigned)(PEER_REQUEST_BYTES_MAX - 1 - connection->n));
}

static void connected(uv_stream_t *listener, int status)
{
    struct connection *connection = calloc(1, sizeof *connection);

    CHECK(status == 0 && connection != NULL);
    connection->peer = listener->data;
    connection->text = calloc(1, PEER_REQUEST_BYTES_MAX);
    connection->next = connection->peer->connections;
    connection->peer->connections = connection;
    CHECK(uv_tcp_init(listener->loop, &connection->tcp) == 0);
    connection->tcp.data = connection;
    CHECK(uv_accept(listener, (uv_stream_t *)&connection->tcp) == 0);
    CHECK(uv_read_start((uv_stream_t *)&connection->tcp, room_for, bytes_read) == 0);
}

struct peer *peer_new(uv_loop_t *loop)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct sockaddr_in address;
    int n = sizeof address;

    CHECK(peer != NULL && uv_tcp_init(loop, &peer->listener) == 0);
    peer->listener.data = peer;
    CHECK(uv_ip4_addr("127.0.0.1", 0, &address) == 0);
    CHECK(uv_tcp_bind(&peer->listener, (const struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&peer->listener, 64, connected) == 0);
    CHECK(uv_tcp_getsockname(&peer->listener, (struct sockaddr *)&address, &n) == 0);
    peer->port = ntohs(address.sin_port);
    return peer;
}

static void peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;

    for (size_t i = 0; i < peer->planned; i++) {
        free(peer->script[i].headers);
        free(peer->script[i].body);
    }
    for (size_t i = 0; i < peer->requests; i++)
        free(peer->request[i].text);
    free(peer);
}

void peer_free(struct peer *peer)
{
    while (peer->connections != NULL)
        connection_close(peer->connections);
    uv_close((uv_handle_t *)&peer->listener, peer_closed);
}

int peer_port(const struct peer *peer)
{
    return peer->port;
}

void peer_plan(struct peer *peer, enum peer_act act, int status, const char *headers,
               const char *body)
{
    CHECK(peer->planned < PEER_REQUESTS_MAX);
    peer->script[peer->planned++] = (struct item){act, status, strdup(headers), strdup(body)};
}

void peer_skip(struct peer *peer)
{
    CHECK(peer->played < peer->planned);
    peer->played++;
}

size_t peer_requests(const struct peer *peer)
{
    return peer->requests;
}

const struct peer_request *peer_request(const struct peer *peer, size_t i)
{
    CHECK(i < peer->requests);
    return &peer->request[i];
}

bool peer_header(const struct peer_request *request, const char *name, char *out, size_t cap)
{
    size_t name_n = strlen(name);

    for (const char *line = request->text; line + 2 < request->body;
         line = strstr(line, "\r\n") + 2) {
        size_t n = strcspn(line, "\r");

        if (n > name_n + 1 && strncasecmp(line, name, name_n) == 0 && line[name_n] == ':') {
            const char *value = line + name_n + 1 + strspn(line + name_n + 1, " ");

            snprintf(out, cap, "%.*s", (int)(line + n - value), value);
            return true;
        }
    }
    return false;
}
