/*
 * The inside of a node: its endpoints, which of them to ask next, and how a question is posted.
 * Private to relayer/chain; callers use node.h.
 */
#ifndef KUSTODIA_CHAIN_ENDPOINT_H
#define KUSTODIA_CHAIN_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/base/err.h"
#include "relayer/base/loop.h"
#include "relayer/chain/health.h"
#include "relayer/chain/node.h"
#include "relayer/net/http.h"

enum { HTTP_OK = 200, HTTP_TOO_MANY = 429 };

struct endpoint {
    char url[NODE_URL_MAX];
    char shown[NODE_URL_MAX]; /* scheme and authority without a user part */
    char why[NODE_WHY_MAX];   /* of the newest accusation */
};

/* A question that is not at any endpoint. Its callback comes once, from the loop or from node_free. */
struct waiting {
    loop_cb cb;
    void *ctx;
    int64_t due_ms; /* monotonic clock */
    struct waiting *next;
};

/* What the caller holds: the endpoints, or one of them. */
struct node {
    struct endpoints *all;
    unsigned may;  /* bit set of the endpoints that it asks */
    size_t prefer; /* NODE_ENDPOINTS_MAX: none */
};

struct endpoints {
    struct http_client *http;
    unsigned timeout_ms;
    struct endpoint endpoint[NODE_ENDPOINTS_MAX];
    struct health health[NODE_ENDPOINTS_MAX];
    size_t n;
    struct node whole;
    struct node one[NODE_ENDPOINTS_MAX];       /* node_of_endpoint */
    struct node beginning[NODE_ENDPOINTS_MAX]; /* node_beginning_at */
    uint64_t next_id;                          /* of the next JSON-RPC request */
    struct waiting *waiting;                   /* by due_ms */
    size_t waiting_n;
    struct loop_timer *timer; /* for the first of them */
    unsigned open; /* calls under way; they keep the memory alive after node_free */
    bool closed;
};

/* One call more, one call less. The last drop after node_free frees all of it. */
void endpoints_hold(struct endpoints *all);
void endpoints_drop(struct endpoints *all);

/* Calls it back at due_ms (in the next turn of the loop if that is past), or from node_free. */
void endpoints_wait(struct endpoints *all, struct waiting *waiting);

/* Why no endpoint was asked. */
void endpoint_none_err(const struct node *node, struct err *err);

/* One request at one endpoint. */
struct endpoint_call {
    size_t i;
    struct health_ticket ticket;
};

/* What came of it. */
enum endpoint_outcome {
    ENDPOINT_GOOD,       /* answered as a node should */
    ENDPOINT_GOOD_SMALL, /* the same, to a question whose time can be compared */
    ENDPOINT_FAILED, /* no answer, or nonsense */
    ENDPOINT_UNABLE, /* an answer that says so */
    ENDPOINT_LIMITED,
    ENDPOINT_UNTOLD /* the request was taken back before an answer */
};

void endpoint_post(struct endpoints *all, const struct endpoint_call *call, const char *body,
                   http_cb cb, void *ctx);
/* `http`: the answer, NULL without one. Once for each endpoint_post. */
void endpoint_note(struct endpoints *all, const struct endpoint_call *call,
                   enum endpoint_outcome outcome, const struct http_answer *http);

/* What an HTTP answer that holds no JSON-RPC is worth, as an error; `parse` is the reader's
 * complaint. */
void endpoint_status_err(int status, const struct err *parse, struct err *err);

#endif
