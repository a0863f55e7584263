/*
 * The peer of ./dev bench rpc: the least a JSON-RPC server on libuv and jansson can do. It reads a
 * line, parses it, builds an answer (the request's id and a copy of the document given at start),
 * writes it in one call, frees both. No methods, no roles, no limits, no counters.
 *
 *   rpc-echo SOCKET RESULT_FILE
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "relayer/base/check.h"

enum { INPUT_MAX = 65536, BACKLOG = 128 };

struct echo_conn {
    uv_pipe_t pipe;
    size_t n;
    char input[INPUT_MAX];
};

static json_t *result;

static void conn_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void line_answer(struct echo_conn *conn, const char *line, size_t n)
{
    json_error_t wrong;
    json_t *request = json_loadb(line, n, 0, &wrong);
    CHECK(request != NULL);
    json_t *answer = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id",
                               json_object_get(request, "id"), "result", json_deep_copy(result));
    char *text = json_dumps(answer, JSON_COMPACT);
    CHECK(text != NULL);
    size_t text_n = strlen(text);
    text[text_n] = '\n'; /* in the place of its NUL */
    uv_buf_t buf = uv_buf_init(text, (unsigned)text_n + 1);
    /* The client has one request under way on a connection, so the socket always has room. */
    CHECK(uv_try_write((uv_stream_t *)&conn->pipe, &buf, 1) == (int)text_n + 1);
    free(text);
    json_decref(answer);
    json_decref(request);
}

static void room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    (void)wanted;
    struct echo_conn *conn = handle->data;
    *buf = uv_buf_init(conn->input + conn->n, (unsigned)(INPUT_MAX - conn->n));
}

static void came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct echo_conn *conn = stream->data;
    if (n <= 0) {
        if (n < 0)
            uv_close((uv_handle_t *)&conn->pipe, conn_closed);
        return;
    }
    conn->n += (size_t)n;
    char *start = conn->input;
    char *newline;
    while ((newline = memchr(start, '\n', conn->n)) != NULL) {
        line_answer(conn, start, (size_t)(newline - start));
        conn->n -= (size_t)(newline + 1 - start);
        start = newline + 1;
    }
    memmove(conn->input, start, conn->n);
    CHECK(conn->n < INPUT_MAX);
}

static void conn_came(uv_stream_t *stream, int status)
{
    CHECK(status == 0);
    struct echo_conn *conn = calloc(1, sizeof *conn);
    CHECK(conn != NULL);
    CHECK(uv_pipe_init(stream->loop, &conn->pipe, 0) == 0);
    conn->pipe.data = conn;
    CHECK(uv_accept(stream, (uv_stream_t *)&conn->pipe) == 0);
    CHECK(uv_read_start((uv_stream_t *)&conn->pipe, room, came) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: rpc-echo SOCKET RESULT_FILE\n");
        return 3;
    }
    json_error_t wrong;
    result = json_load_file(argv[2], 0, &wrong);
    if (result == NULL) {
        fprintf(stderr, "rpc-echo: %s: %s\n", argv[2], wrong.text);
        return 1;
    }
    static uv_loop_t loop;
    static uv_pipe_t listener;
    (void)unlink(argv[1]);
    CHECK(uv_loop_init(&loop) == 0);
    CHECK(uv_pipe_init(&loop, &listener, 0) == 0);
    CHECK(uv_pipe_bind(&listener, argv[1]) == 0);
    CHECK(uv_listen((uv_stream_t *)&listener, BACKLOG, conn_came) == 0);
    return uv_run(&loop, UV_RUN_DEFAULT);
}
