/* A scripted HTTP server on 127.0.0.1 in the test's own loop: it records each request and plays
 * the next item of its script. One connection per request.
 */
#ifndef KUSTODIA_TESTS_PEER_H
#define KUSTODIA_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum { PEER_REQUESTS_MAX = 160, PEER_REQUEST_BYTES_MAX = 256 * 1024 };

enum peer_act {
    PEER_ANSWER, /* status and body */
    PEER_DROP,   /* read the request, then close without a byte: the lost answer */
    PEER_CUT,    /* promise more bytes than are sent, then close */
    PEER_HOLD    /* never answer */
};

struct peer_request {
    char *text;       /* the whole request, NUL-terminated */
    const char *body; /* inside text */
};

struct peer;
struct peer *peer_new(uv_loop_t *loop);
/* The loop must run once more. */
void peer_free(struct peer *peer);
int peer_port(const struct peer *peer);

/* Adds an item to the script. `headers` are whole lines ("Retry-After: 7\r\n") or "". */
void peer_plan(struct peer *peer, enum peer_act act, int status, const char *headers,
               const char *body);
#define peer_say(peer, body) peer_plan((peer), PEER_ANSWER, 200, "", (body))

/* Drops the next item of the script. */
void peer_skip(struct peer *peer);

size_t peer_requests(const struct peer *peer);
const struct peer_request *peer_request(const struct peer *peer, size_t i);
/* A header's value copied to `out`; false when it is not there. */
bool peer_header(const struct peer_request *request, const char *name, char *out, size_t cap);

#endif
