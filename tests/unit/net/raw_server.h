/*
 * A TCP server that reads whole HTTP requests and answers each with fixed bytes, or not at all:
 * what real servers do on their bad days. One per test; counts what it executed.
 */
#ifndef KUSTODIA_TESTS_UNIT_NET_RAW_SERVER_H
#define KUSTODIA_TESTS_UNIT_NET_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* A request whose head begins with `begins` ("POST /pay ") is answered so. */
struct raw_answer {
    const char *begins;
    const char *bytes; /* NULL: never answers */
    bool closes;       /* closes after the bytes */
};

struct raw_server;
struct raw_server *raw_server_new(uv_loop_t *loop, const struct raw_answer *answers, size_t n);
void raw_server_free(struct raw_server *server);
int raw_server_port(const struct raw_server *server);

unsigned raw_server_executed(const struct raw_server *server); /* whole requests read */
unsigned raw_server_accepted(const struct raw_server *server); /* connections */
const char *raw_server_last(const struct raw_server *server);  /* the last request, head and body */

#endif
