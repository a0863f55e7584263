#include "relayer/net/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relayer/base/clock.h"
#include "relayer/base/mem.h"

enum { CLIENT_INPUT_FIRST_BYTES = 4096 };

struct lines_client {
    int fd;
    char *input;
    size_t n, cap, answer_max;
    size_t taken; /* of the line handed out last, its newline included */
};

struct lines_client *lines_connect(const char *path, size_t answer_max, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) > LINES_PATH_MAX) {
        err_set(e, ERR_CONFIG_VALUE, "socket path %.120s is longer than %d bytes", path,
                LINES_PATH_MAX);
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        err_set(e, ERR_IO, "cannot connect to %s: %s", path, strerror(errno));
        if (e != NULL)
            e->outcome = OUTCOME_NOT_HAPPENED;
        if (fd >= 0)
            (void)close(fd);
        return NULL;
    }
    struct lines_client *client = mem_new(sizeof *client);
    client->fd = fd;
    client->answer_max = answer_max;
    return client;
}

void lines_disconnect(struct lines_client *client)
{
    if (client == NULL)
        return;
    (void)close(client->fd);
    free(client->input);
    free(client);
}

/* False on time-out. */
static bool client_wait(const struct lines_client *client, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return false;
        struct pollfd pollfd = {.fd = client->fd, .events = events};
        int rc = poll(&pollfd, 1, left > 60000 ? 60000 : (int)left);
        if (rc > 0)
            return true;
        if (rc < 0 && errno != EINTR)
            return true; /* the read or write that follows tells why */
    }
}

/* Sends n bytes; *done counts them also when it fails. */
static bool client_send(struct lines_client *client, const char *text, size_t n,
                        int64_t deadline_ms,
                        size_t *done, struct err *e)
{
    for (size_t at = 0; at < n;) {
        if (!client_wait(client, POLLOUT, deadline_ms))
            return err_fail(e, ERR_NET_TIMEOUT, "the daemon does not read: time-out");
        ssize_t sent = send(client->fd, text + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (sent < 0)
            return err_fail(e, ERR_NET_CUT, "cannot write to the daemon: %s", strerror(errno));
        at += (size_t)sent;
        *done += (size_t)sent;
    }
    return true;
}

bool lines_write(struct lines_client *client, const char *text, size_t n, unsigned timeout_ms,
                 struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    size_t done = 0;
    bool ok = client_send(client, text, n, deadline_ms, &done, e) &&
              client_send(client, "\n", 1, deadline_ms, &done, e);
    /* Without its newline the daemon never acts on a line. */
    if (!ok && e != NULL)
        e->outcome = OUTCOME_NOT_HAPPENED;
    return ok;
}

/* Reads once into the buffer's free end. */
static bool client_fill(struct lines_client *client, int64_t deadline_ms, struct err *e)
{
    if (client->n + 1 >= client->cap) {
        client->cap = client->cap == 0 ? CLIENT_INPUT_FIRST_BYTES : client->cap * 2;
        client->input = mem_resize(client->input, client->cap);
    }
    for (;;) {
        if (!client_wait(client, POLLIN, deadline_ms))
            return err_fail(e, ERR_NET_TIMEOUT, "no answer in time");
        ssize_t got = recv(client->fd, client->input + client->n, client->cap - client->n - 1,
                           MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return err_fail(e, ERR_NET_CUT, "cannot read from the daemon: %s", strerror(errno));
        if (got == 0)
            return err_fail(e, ERR_NET_CUT, "the daemon closed the connection");
        client->n += (size_t)got;
        return true;
    }
}

static void client_forget_taken(struct lines_client *client)
{
    if (client->taken == 0)
        return;
    client->n -= client->taken;
    memmove(client->input, client->input + client->taken, client->n);
    client->taken = 0;
}

const char *lines_read(struct lines_client *client, unsigned timeout_ms, size_t *n, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    client_forget_taken(client);
    size_t seen = 0;
    for (;;) {
        char *newline = NULL;
        if (client->n > seen)
            newline = memchr(client->input + seen, '\n', client->n - seen);
        size_t line_n = newline == NULL ? client->n : (size_t)(newline - client->input);
        if (line_n > client->answer_max) {
            err_set(e, ERR_NET_LIMIT, "answer longer than %zu bytes", client->answer_max);
            return NULL;
        }
        if (newline != NULL) {
            *newline = '\0';
            client->taken = line_n + 1;
            if (n != NULL)
                *n = line_n;
            return client->input;
        }
        seen = client->n;
        if (!client_fill(client, deadline_ms, e))
            return NULL;
    }
}

const char *lines_call(struct lines_client *client, const char *text, unsigned timeout_ms,
                       struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    if (!lines_write(client, text, strlen(text), timeout_ms, e))
        return NULL;
    int64_t left = deadline_ms - clock_mono_ms();
    return lines_read(client, left > 0 ? (unsigned)left : 1, NULL, e);
}
