/* Inside of relayer/net: curl's multi interface driven by a libuv loop. Knows sockets and timers,
 * nothing of requests. */
#ifndef KUSTODIA_NET_HTTP_MULTI_H
#define KUSTODIA_NET_HTTP_MULTI_H

#include <curl/curl.h>
#include <uv.h>

/* A transfer ended; it is still in the multi handle. Comes from the loop, never from
 * http_multi_add. */
typedef void (*http_multi_done_cb)(void *ctx, CURL *easy, CURLcode code);

struct http_multi;
struct http_multi *http_multi_new(uv_loop_t *loop, unsigned connections_max,
                                  http_multi_done_cb done,
                                  void *ctx);
/* No transfer may be in it any more. NULL is fine. */
void http_multi_free(struct http_multi *multi);

void http_multi_add(struct http_multi *multi, CURL *easy);
void http_multi_remove(struct http_multi *multi, CURL *easy);

#endif
