#include "tests/unit/net/raw_server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"

enum { RAW_REQUEST_MAX = 256 * 1024 };

struct raw_conn {
    uv_tcp_t tcp;
    uv_write_t write;
    struct raw_server *server;
    struct raw_conn *next;
    bool closes, closed;
    size_t n;
    char request[RAW_REQUEST_MAX + 1];
};

struct raw_server {
    uv_tcp_t tcp;
    const struct raw_answer *answers;
    size_t answers_n;
    struct raw_conn *conns;
    int port;
    unsigned executed, accepted;
    char last[RAW_REQUEST_MAX + 1];
};

static void conn_close(struct raw_conn *conn)
{
    if (!conn->closed)
        uv_close((uv_handle_t *)&conn->tcp, NULL);
    conn->closed = true;
}

static void conn_written(uv_write_t *write, int status)
{
    (void)status;
    struct raw_conn *conn = write->data;
    if (conn->closes)
        conn_close(conn);
}

static void conn_answer(struct raw_conn *conn, const struct raw_answer *answer)
{
    conn->closes = answer->closes;
    if (answer->bytes == NULL || answer->bytes[0] == '\0') {
        if (answer->closes)
            conn_close(conn);
        return;
    }
    uv_buf_t buf = uv_buf_init((char *)answer->bytes, (unsigned)strlen(answer->bytes));
    conn->write.data = conn;
    CHECK(uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, conn_written) == 0);
}

/* The length of the whole request, or 0 while it is not complete. */
static size_t request_length(const char *request, size_t n)
{
    const char *end = strstr(request, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size_t length = (size_t)(end - request) + 4;
    const char *field = strcasestr(request, "\r\ncontent-length:");
    if (field != NULL && field < end)
        length += strtoul(field + 17, NULL, 10);
    return n >= length ? length : 0;
}

static void conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct raw_conn *conn = stream->data;
    if (n < 0) {
        conn_close(conn);
        return;
    }
    conn->n += (size_t)n;
    conn->request[conn->n] = '\0';
    size_t length = request_length(conn->request, conn->n);
    if (length == 0)
        return;
    struct raw_server *server = conn->server;
    server->executed++;
    memcpy(server->last, conn->request, conn->n + 1);
    conn->n = 0;
    for (size_t i = 0; i < server->answers_n; i++) {
        const struct raw_answer *answer = &server->answers[i];
        if (strncmp(server->last, answer->begins, strlen(answer->begins)) == 0) {
            conn_answer(conn, answer);
            return;
        }
    }
    CHECK(!"the test names an answer for each of its requests");
}

static void conn_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    (void)wanted;
    struct raw_conn *conn = handle->data;
    *buf = uv_buf_init(conn->request + conn->n, (unsigned)(RAW_REQUEST_MAX - conn->n));
}

static void conn_came(uv_stream_t *stream, int status)
{
    CHECK(status == 0);
    struct raw_server *server = stream->data;
    struct raw_conn *conn = mem_new(sizeof *conn);
    conn->server = server;
    conn->tcp.data = conn;
    conn->next = server->conns;
    server->conns = conn;
    server->accepted++;
    CHECK(uv_tcp_init(stream->loop, &conn->tcp) == 0);
    CHECK(uv_accept(stream, (uv_stream_t *)&conn->tcp) == 0);
    CHECK(uv_read_start((uv_stream_t *)&conn->tcp, conn_room, conn_read) == 0);
}

struct raw_server *raw_server_new(uv_loop_t *loop, const struct raw_answer *answers, size_t n)
{
    struct raw_server *server = mem_new(sizeof *server);
    struct sockaddr_in address;
    int address_n = sizeof address;
    server->answers = answers;
    server->answers_n = n;
    server->tcp.data = server;
    CHECK(uv_tcp_init(loop, &server->tcp) == 0);
    CHECK(uv_ip4_addr("127.0.0.1", 0, &address) == 0);
    CHECK(uv_tcp_bind(&server->tcp, (struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&server->tcp, 16, conn_came) == 0);
    CHECK(uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &address_n) == 0);
    server->port = ntohs(address.sin_port);
    return server;
}

void raw_server_free(struct raw_server *server)
{
    uv_loop_t *loop = server->tcp.loop;
    uv_close((uv_handle_t *)&server->tcp, NULL);
    for (struct raw_conn *conn = server->conns; conn != NULL; conn = conn->next)
        conn_close(conn);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    (void)uv_run(loop, UV_RUN_NOWAIT);
    while (server->conns != NULL) {
        struct raw_conn *next = server->conns->next;
        free(server->conns);
        server->conns = next;
    }
    free(server);
}

int raw_server_port(const struct raw_server *server)
{
    return server->port;
}

unsigned raw_server_executed(const struct raw_server *server)
{
    return server->executed;
}

unsigned raw_server_accepted(const struct raw_server *server)
{
    return server->accepted;
}

const char *raw_server_last(const struct raw_server *server)
{
    return server->last;
}
