/*
 * Newline-delimited text on a unix socket: the carrier of the JSON-RPC API.
 *
 * Server: on the loop; tells who is at the other end by the kernel's word (SO_PEERCRED,
 * SO_PEERGROUPS). Each line ends with \n, a \r before it is removed, empty lines are skipped.
 * Maxima: connections, bytes in a line, bytes waiting for a slow reader (who is cut off beyond it).
 *
 * Client: blocking with a deadline, for the command line.
 */
#ifndef KUSTODIA_NET_LINES_H
#define KUSTODIA_NET_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "relayer/base/err.h"

struct uv_loop_s;

enum { LINES_PATH_MAX = 107, LINES_GROUPS_MAX = 64, LINES_LINGER_MS = 5000 };

/* Credentials as they were when the peer connected. */
struct lines_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    gid_t groups[LINES_GROUPS_MAX]; /* supplementary; none if there are more than fit */
    size_t groups_n;
};

struct lines_settings {
    const char *path;
    unsigned mode;            /* of the socket file, such as 0660 */
    unsigned connections_max; /* one more is closed at once */
    size_t line_max;          /* bytes without the newline */
    size_t output_max;        /* bytes queued for one connection */
};

struct lines_conn;

/* ctx is the one given to lines_server_new. A connection is valid from on_open until on_close
 * returns. on_line: line is NUL-terminated, n bytes, may be changed, valid during the call. on_end:
 * the peer sends no more; call lines_conn_close once its answers are sent. May be NULL: closed.
 * on_overlong: a line passed line_max; send an answer or not, it is closed afterwards. */
struct lines_events {
    void (*on_open)(void *ctx, struct lines_conn *conn);
    void (*on_line)(void *ctx, struct lines_conn *conn, char *line, size_t n);
    void (*on_overlong)(void *ctx, struct lines_conn *conn);
    void (*on_end)(void *ctx, struct lines_conn *conn);
    void (*on_close)(void *ctx, struct lines_conn *conn);
};

struct lines_server;

/* Listens. A socket file nobody answers on is replaced; an answered one is ERR_NET_IN_USE; a file
 * that is no socket is left alone (ERR_CONFIG_VALUE). NULL and *e on failure. */
struct lines_server *lines_server_new(struct uv_loop_s *loop, const struct lines_settings *settings,
                                      const struct lines_events *events, void *ctx, struct err *e);

/* Closes the listener (and removes its file) and all connections; each gets its on_close before
 * this returns. Not from within an event. The loop must run once more before uv_loop_close. NULL is
 * fine. */
void lines_server_free(struct lines_server *server);
unsigned lines_server_connections(const struct lines_server *server);

const struct lines_peer *lines_conn_peer(const struct lines_conn *conn);
/* Whatever the owner of the server wants to keep with a connection. */
void lines_conn_set_data(struct lines_conn *conn, void *data);
void *lines_conn_data(const struct lines_conn *conn);

/* Queues text and a newline. False: it is closing, or the reader is too slow and is being cut off
 * (on_close comes later, never before this returns). text must not hold a newline. */
bool lines_send(struct lines_conn *conn, const char *text, size_t n);

/* Reads no more, closes once everything queued is written or LINES_LINGER_MS have passed. on_close
 * comes later, never before this returns. May be called again. */
void lines_conn_close(struct lines_conn *conn);

/* ---- client ---- */

struct lines_client;

/* NULL and *e (ERR_IO, NOT_HAPPENED) when nobody listens there. answer_max: bytes of one line. */
struct lines_client *lines_connect(const char *path, size_t answer_max, struct err *e);
void lines_disconnect(struct lines_client *client); /* NULL is fine */

/* Sends a line. False: *e, NOT_HAPPENED: without its newline the daemon never acts on a line. */
bool lines_write(struct lines_client *client, const char *text, size_t n, unsigned timeout_ms,
                 struct err *e);

/* The next line, NUL-terminated, valid until the next call on this client; NULL and *e on time-out
 * (ERR_NET_TIMEOUT), end (ERR_NET_CUT) or a line too long (ERR_NET_LIMIT). *n may be NULL. */
const char *lines_read(struct lines_client *client, unsigned timeout_ms, size_t *n, struct err *e);

/* lines_write, then lines_read. */
const char *lines_call(struct lines_client *client, const char *text, unsigned timeout_ms,
                       struct err *e);

#endif
