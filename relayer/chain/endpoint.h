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
#include "relayer/chain/node.h"
#include "relayer/net/http.h"

struct endpoint {
    char url[NODE_URL_MAX];
    char shown[NODE_URL_MAX]; /* scheme and authority without a user part */
    int64_t cool_until_ms;    /* monotonic clock; 0: healthy */
    uint64_t calls, failures;
};

struct node {
    struct http_client *http;
    unsigned timeout_ms;
    struct endpoint endpoint[NODE_ENDPOINTS_MAX];
    size_t endpoints_n;
    uint64_t next_id; /* of the next JSON-RPC request */
    unsigned open;    /* calls under way; they keep the memory alive after node_free */
    bool closed;
};

/* One call more, one call less. The last drop after node_free frees the node. */
void node_hold(struct node *node);
void node_drop(struct node *node);

/* The endpoint to ask next: healthy before cooling, then by order; those in the bit set `tried` are
 * left out. endpoints_n when none is left. */
size_t endpoint_pick(const struct node *node, unsigned tried);
void endpoint_post(struct node *node, size_t i, const char *body, http_cb cb, void *ctx);
/* Whether it answered as a node should. A failure sends it behind the others for a while. */
void endpoint_note(struct node *node, size_t i, bool good);

/* What an HTTP answer that holds no JSON-RPC is worth, as an error; `parse` is the reader's
 * complaint. */
void endpoint_status_err(int status, const struct err *parse, struct err *err);

#endif
