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
#include "relayer/chain/node.h"
#include "relayer/net/http.h"

struct endpoint {
    char url[NODE_URL_MAX];
    char shown[NODE_URL_MAX]; /* scheme and authority without a user part */
    int64_t cool_until_ms;    /* monotonic clock; 0: healthy */
    int64_t aside_until_ms;   /* monotonic clock; 0: not accused */
    char why[NODE_WHY_MAX];
    uint64_t calls, failures;
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
    unsigned may; /* bit set of the endpoints that it asks */
};

struct endpoints {
    struct http_client *http;
    unsigned timeout_ms;
    struct endpoint endpoint[NODE_ENDPOINTS_MAX];
    size_t n;
    struct node whole;
    struct node one[NODE_ENDPOINTS_MAX]; /* node_of_endpoint */
    uint64_t next_id;                    /* of the next JSON-RPC request */
    struct waiting *waiting;             /* by due_ms */
    struct loop_timer *timer;            /* for the first of them */
    unsigned open; /* calls under way; they keep the memory alive after node_free */
    bool closed;
};

/* One call more, one call less. The last drop after node_free frees all of it. */
void endpoints_hold(struct endpoints *all);
void endpoints_drop(struct endpoints *all);

/* Calls it back at due_ms (in the next turn of the loop if that is past), or from node_free. */
void endpoints_wait(struct endpoints *all, struct waiting *waiting);

/* The endpoint to ask next: healthy before cooling, then by order; never one that stands aside.
 * Those in the bit set `tried` are left out. all->n when none is left. */
size_t endpoint_pick(const struct node *node, unsigned tried);
/* Why endpoint_pick found none that was not tried. */
void endpoint_none_err(const struct node *node, struct err *err);
void endpoint_post(struct endpoints *all, size_t i, const char *body, http_cb cb, void *ctx);
/* Whether it answered as a node should. A failure sends it behind the others for a while. */
void endpoint_note(struct endpoints *all, size_t i, bool good);

/* What an HTTP answer that holds no JSON-RPC is worth, as an error; `parse` is the reader's
 * complaint. */
void endpoint_status_err(int status, const struct err *parse, struct err *err);

#endif
