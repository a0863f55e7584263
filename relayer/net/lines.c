#include "relayer/net/lines.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "relayer/base/check.h"
#include "relayer/base/loop.h"
#include "relayer/base/mem.h"

enum { LINES_INPUT_FIRST_BYTES = 4096, LINES_BACKLOG = 128 };

struct lines_conn {
    uv_pipe_t pipe;
    struct lines_server *server;
    struct lines_conn *next, *prev;
    struct lines_peer peer;
    struct loop_timer *linger; /* runs while a closing connection still has output */
    void *data;
    char *input; /* the unfinished line, and what came after it */
    size_t input_n, input_cap;
    size_t output_n; /* bytes handed to libuv and not written */
    bool opened;     /* on_open came, on_close is due */
    bool ended;      /* reads no more */
    bool closing;    /* writes no more; closed when output_n is 0 */
    bool closed;     /* uv_close was called */
};

struct lines_server {
    uv_pipe_t pipe;
    uv_loop_t *loop;
    struct lines_settings settings;
    struct lines_events events;
    void *ctx;
    struct lines_conn *first;
    unsigned conns_n;
    bool in_event;
};

struct lines_output {
    uv_write_t request;
    struct lines_conn *conn;
    size_t n;
    char text[];
};

/* ---- the end of a connection ---- */

static void conn_freed(uv_handle_t *handle)
{
    struct lines_conn *conn = handle->data;
    if (conn->server != NULL) {
        struct lines_server *server = conn->server;
        if (conn->opened) {
            server->in_event = true;
            server->events.on_close(server->ctx, conn);
            server->in_event = false;
        }
        if (conn->prev != NULL)
            conn->prev->next = conn->next;
        else
            server->first = conn->next;
        if (conn->next != NULL)
            conn->next->prev = conn->prev;
        server->conns_n--;
    }
    free(conn->input);
    free(conn);
}

static void conn_close_now(struct lines_conn *conn)
{
    conn->ended = true;
    conn->closing = true;
    if (conn->closed)
        return;
    conn->closed = true;
    loop_timer_free(conn->linger);
    conn->linger = NULL;
    uv_close((uv_handle_t *)&conn->pipe, conn_freed);
}

static void linger_over(void *ctx)
{
    conn_close_now(ctx);
}

void lines_conn_close(struct lines_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->ended = true;
    (void)uv_read_stop((uv_stream_t *)&conn->pipe);
    if (conn->output_n == 0) {
        conn_close_now(conn);
        return;
    }
    conn->linger = loop_timer_new(conn->pipe.loop, linger_over, conn);
    loop_timer_start(conn->linger, LINES_LINGER_MS, 0);
}

/* ---- writing ---- */

static void output_written(uv_write_t *request, int status)
{
    struct lines_output *output = request->data;
    struct lines_conn *conn = output->conn;
    conn->output_n -= output->n;
    free(output);
    if (status < 0 || (conn->closing && conn->output_n == 0))
        conn_close_now(conn);
}

/* Queues what the socket did not take at once. */
static bool output_queue(struct lines_conn *conn, const char *text, size_t n, size_t done)
{
    size_t left = n + 1 - done;
    if (left > conn->server->settings.output_max - conn->output_n) {
        conn_close_now(conn);
        return false;
    }
    struct lines_output *output = mem_new(sizeof *output + left);
    output->conn = conn;
    output->n = left;
    output->request.data = output;
    if (left > 1)
        memcpy(output->text, text + done, left - 1);
    output->text[left - 1] = '\n';
    uv_buf_t buf = uv_buf_init(output->text, (unsigned)left);
    if (uv_write(&output->request, (uv_stream_t *)&conn->pipe, &buf, 1, output_written) != 0) {
        free(output);
        conn_close_now(conn);
        return false;
    }
    conn->output_n += left;
    return true;
}

bool lines_send(struct lines_conn *conn, const char *text, size_t n)
{
    CHECK(memchr(text, '\n', n) == NULL);
    if (conn->closing)
        return false;
    if (n >= conn->server->settings.output_max) {
        conn_close_now(conn);
        return false;
    }
    size_t done = 0;
    if (conn->output_n == 0) {
        uv_buf_t bufs[2] = {uv_buf_init((char *)text, (unsigned)n), uv_buf_init("\n", 1)};
        int written = uv_try_write((uv_stream_t *)&conn->pipe, bufs, 2);
        if (written < 0 && written != UV_EAGAIN) {
            conn_close_now(conn);
            return false;
        }
        done = written > 0 ? (size_t)written : 0;
    }
    return done == n + 1 || output_queue(conn, text, n, done);
}

/* ---- reading ---- */

static void line_deliver(struct lines_conn *conn, char *line, size_t n)
{
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n == 0)
        return;
    line[n] = '\0';
    conn->server->events.on_line(conn->server->ctx, conn, line, n);
}

static void overlong_deliver(struct lines_conn *conn)
{
    conn->server->events.on_overlong(conn->server->ctx, conn);
    lines_conn_close(conn);
}

/* Delivers every whole line; `seen` bytes were searched before. What is left moves to the front. */
static void input_split(struct lines_conn *conn, size_t seen)
{
    size_t line_max = conn->server->settings.line_max;
    size_t start = 0;
    while (!conn->ended) {
        char *newline = memchr(conn->input + seen, '\n', conn->input_n - seen);
        size_t end = newline == NULL ? conn->input_n : (size_t)(newline - conn->input);
        if (end - start > line_max) {
            overlong_deliver(conn);
            return;
        }
        if (newline == NULL)
            break;
        line_deliver(conn, conn->input + start, end - start);
        start = end + 1;
        seen = start;
    }
    conn->input_n -= start;
    memmove(conn->input, conn->input + start, conn->input_n);
}

static void input_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    (void)wanted;
    struct lines_conn *conn = handle->data;
    /* One byte more than a line and its end, so that a line too long is always seen as such. */
    size_t cap_max = conn->server->settings.line_max + 3;
    if (conn->input_cap - conn->input_n < LINES_INPUT_FIRST_BYTES / 4 &&
        conn->input_cap < cap_max) {
        size_t cap = conn->input_cap == 0 ? LINES_INPUT_FIRST_BYTES : conn->input_cap * 2;
        conn->input_cap = cap < cap_max ? cap : cap_max;
        conn->input = mem_resize(conn->input, conn->input_cap);
    }
    *buf = uv_buf_init(conn->input + conn->input_n, (unsigned)(conn->input_cap - conn->input_n));
}

static void input_ended(struct lines_conn *conn)
{
    conn->ended = true;
    (void)uv_read_stop((uv_stream_t *)&conn->pipe);
    if (conn->server->events.on_end == NULL)
        lines_conn_close(conn);
    else
        conn->server->events.on_end(conn->server->ctx, conn);
}

static void input_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct lines_conn *conn = stream->data;
    struct lines_server *server = conn->server;
    if (n == 0)
        return;
    if (n < 0 && n != UV_EOF) {
        conn_close_now(conn);
        return;
    }
    server->in_event = true;
    if (n == UV_EOF) {
        input_ended(conn);
    } else {
        size_t seen = conn->input_n;
        conn->input_n += (size_t)n;
        input_split(conn, seen);
    }
    server->in_event = false;
}

/* ---- accepting ---- */

static bool peer_read(uv_pipe_t *pipe, struct lines_peer *peer)
{
    uv_os_fd_t fd;
    struct ucred cred;
    socklen_t n = sizeof cred;
    if (uv_fileno((uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0 || n != sizeof cred)
        return false;
    *peer = (struct lines_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
    socklen_t groups_bytes = sizeof peer->groups;
    /* More groups than fit is ERANGE: the peer then has its primary group only. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &groups_bytes) == 0)
        peer->groups_n = groups_bytes / sizeof peer->groups[0];
    return true;
}

static void conn_came(uv_stream_t *stream, int status)
{
    struct lines_server *server = stream->data;
    if (status < 0)
        return;
    struct lines_conn *conn = mem_new(sizeof *conn);
    CHECK(uv_pipe_init(server->loop, &conn->pipe, 0) == 0);
    conn->pipe.data = conn;
    conn->server = server;
    conn->next = server->first;
    if (server->first != NULL)
        server->first->prev = conn;
    server->first = conn;
    server->conns_n++;
    if (uv_accept(stream, (uv_stream_t *)&conn->pipe) != 0 ||
        server->conns_n > server->settings.connections_max || !peer_read(&conn->pipe,
                                                                         &conn->peer) ||
        uv_read_start((uv_stream_t *)&conn->pipe, input_room, input_came) != 0) {
        conn_close_now(conn);
        return;
    }
    conn->opened = true;
    server->in_event = true;
    server->events.on_open(server->ctx, conn);
    server->in_event = false;
}

/* ---- the server ---- */

/* Is somebody listening at path? -1 with errno when it cannot be told. */
static int path_answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    if (rc == 0 || reason == EAGAIN)
        return 1; /* EAGAIN: its queue is full, so it lives */
    return reason == ECONNREFUSED || reason == ENOENT ? 0 : -1;
}

/* Removes what a dead server left behind; refuses anything else. */
static bool path_clear(const char *path, struct err *e)
{
    struct stat st;
    if (strlen(path) > LINES_PATH_MAX)
        return err_fail(e, ERR_CONFIG_VALUE, "socket path %.120s is longer than %d bytes", path,
                        LINES_PATH_MAX);
    if (lstat(path, &st) != 0)
        return errno == ENOENT || err_fail(e, ERR_IO, "cannot look at %s: %s", path,
                                           strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return err_fail(e, ERR_CONFIG_VALUE, "%s exists and is not a socket", path);
    int answers = path_answers(path);
    if (answers > 0)
        return err_fail(e, ERR_NET_IN_USE, "another process listens on %s", path);
    if (answers < 0 || unlink(path) != 0)
        return err_fail(e, ERR_IO, "cannot replace %s: %s", path, strerror(errno));
    return true;
}

static bool server_listen(struct lines_server *server, struct err *e)
{
    const char *path = server->settings.path;
    if (!path_clear(path, e))
        return false;
    /* The file is never wider than its mode, not even between bind and chmod. */
    mode_t before = umask(0777 & ~(mode_t)server->settings.mode);
    int rc = uv_pipe_bind(&server->pipe, path);
    (void)umask(before);
    if (rc == 0 && chmod(path, server->settings.mode) != 0)
        rc = -errno;
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&server->pipe, LINES_BACKLOG, conn_came);
    if (rc == 0)
        return true;
    err_set(e, ERR_IO, "cannot listen on %s: %s", path, uv_strerror(rc));
    if (e != NULL)
        e->outcome = OUTCOME_NOT_HAPPENED;
    return false;
}

static void server_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct lines_server *lines_server_new(uv_loop_t *loop, const struct lines_settings *settings,
                                      const struct lines_events *events, void *ctx, struct err *e)
{
    CHECK(settings->line_max > 0 && settings->output_max > 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* a peer that left is an error, not the end */
    struct lines_server *server = mem_new(sizeof *server);
    server->loop = loop;
    server->settings = *settings;
    server->events = *events;
    server->ctx = ctx;
    CHECK(uv_pipe_init(loop, &server->pipe, 0) == 0);
    server->pipe.data = server;
    if (server_listen(server, e))
        return server;
    uv_close((uv_handle_t *)&server->pipe, server_closed);
    return NULL;
}

void lines_server_free(struct lines_server *server)
{
    if (server == NULL)
        return;
    CHECK(!server->in_event);
    for (struct lines_conn *conn = server->first; conn != NULL; conn = conn->next) {
        conn_close_now(conn);
        if (conn->opened)
            server->events.on_close(server->ctx, conn);
        conn->server = NULL; /* conn_freed only frees */
    }
    uv_close((uv_handle_t *)&server->pipe, server_closed);
}

unsigned lines_server_connections(const struct lines_server *server)
{
    return server->conns_n;
}

const struct lines_peer *lines_conn_peer(const struct lines_conn *conn)
{
    return &conn->peer;
}

void lines_conn_set_data(struct lines_conn *conn, void *data)
{
    conn->data = data;
}

void *lines_conn_data(const struct lines_conn *conn)
{
    return conn->data;
}
