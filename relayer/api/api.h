/*
 * The API: JSON-RPC 2.0 on a unix socket, and the HTTP port (health, metrics, webhooks).
 *
 * Who may do what comes from the kernel: the uid and gid of the peer (SO_PEERCRED), mapped to roles by the
 * configuration. Every change carries an idempotency_key; its answer is stored in the transaction of the
 * change itself, so repeating a request is always safe. Wire format and methods: docs/reference/api.md,
 * which is generated from the method table (methods.c).
 */
#ifndef KUSTODIA_API_API_H
#define KUSTODIA_API_API_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "relayer/base/config.h"
#include "relayer/base/err.h"

struct uv_loop_s;
struct api;
struct db;
struct engine;

/* Opens the socket and the HTTP port. The engine need not be ready: what only writes rows is accepted at
 * once. NULL and *e on failure (address in use, unreadable role lists). All arguments must outlive it. */
struct api *api_start(struct uv_loop_s *loop, const struct config *config, struct engine *engine,
                      struct db *db, struct err *e);
/* Takes no new requests; what is under way is still answered. */
void api_stop(struct api *api);
/* Nothing under way any more. */
bool api_idle(const struct api *api);
/* Closes everything. Calls still under way end with the last callbacks of engine and database, their
 * answers are dropped; the memory goes with the last of them. NULL is fine. */
void api_free(struct api *api);

/* The port that was opened (http.port = 0 takes any free one). */
uint16_t api_http_port(const struct api *api);

/* Somebody called system.stop. */
bool api_wants_stop(const struct api *api);

/* Prints docs/reference/api.md. */
void api_print_reference(FILE *out);

#endif
