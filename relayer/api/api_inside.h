/* Shared by the files that make up the server; methods use call.h only. */
#ifndef KUSTODIA_API_INSIDE_H
#define KUSTODIA_API_INSIDE_H

#include <jansson.h>

#include "relayer/api/api.h"
#include "relayer/api/call.h"
#include "relayer/net/lines.h"
#include "relayer/net/web.h"

enum {
    API_DEPTH_MAX = 16,                /* nesting of a request */
    API_SESSION_CALLS_MAX = 128,       /* unanswered requests of one connection */
    API_CALLS_MAX = 2048,              /* and of all */
    API_OUTPUT_MAX = 16 * 1024 * 1024, /* bytes waiting for one reader */
    API_ID_MAX = 200,                  /* bytes of a request's id */
    API_HTTP_BODY_MAX = 64 * 1024,
    API_HTTP_CONNECTIONS_MAX = 128,
    API_HTTP_IDLE_S = 30,
    API_EVENTS_POLL_MS = 200,
    API_EVENTS_BATCH = 100,
};

struct subscription {
    bool active;
    bool asking;                       /* a poll is under way */
    int64_t after;                     /* seq of the last event given out; 0 = from the first */
};

/* One connection. Lives until its calls and its poll are over, even when the peer is gone. */
struct session {
    struct api *api;
    struct lines_conn *conn;           /* NULL: closed */
    struct session *next, *previous;
    struct roles roles;
    int64_t uid;
    char actor[CALL_ACTOR_MAX];        /* "uid:1000", written once for all its calls */
    size_t calls;
    bool ending;                       /* the peer sends no more: close after the last answer */
    struct subscription events;
};

struct api {
    struct uv_loop_s *loop;
    const struct config *config;
    struct engine *engine;
    struct db *db;
    struct lines_server *lines;
    struct web *web;
    struct web_route routes[3];
    struct loop_timer *events_timer;
    struct session *sessions;
    size_t open;                       /* calls, polls and webhooks under way */
    uint64_t serial;
    json_t *running;                   /* idempotency keys at work: an object used as a set */
    bool wants_stop;
    bool stopping;
    bool closed;                       /* api_free was called: the last one under way frees */
};

/* server.c: what was under way has ended. */
void api_ended(struct api *api);
/* Sends a whole message to the session's peer, if it is still there. Takes message. */
void session_send(struct session *session, json_t *message);
/* Frees the session once nothing needs it. */
void session_check(struct session *session);

/* call.c */
/* Takes id and params. */
struct call *call_new(struct session *session, const struct method *method, json_t *id,
                      json_t *params);
/* state and method: "" when there is none. */
json_t *error_message(const json_t *id, const struct err *e, const char *request_id,
                      const char *state, const char *method);

/* mutation.c: looks the key up, then runs the method, or gives the stored answer. */
void mutation_begin(struct call *call);
void mutation_end(struct call *call);

/* web_routes.c */
bool routes_open(struct api *api, struct err *e);

/* events.c */
void events_poll(void *ctx);

#endif
