/*
 * One request under way, from its line to its answer, and what every method may do with it.
 *
 * A method's run() is called once with parameters that passed the method table. It ends in exactly one of
 * call_reply, call_fail, call_read, mutation_commit; at once or after callbacks. After that the call's
 * memory is gone. The connection may close in between: the call goes on, its answer is dropped.
 */
#ifndef KUSTODIA_API_CALL_H
#define KUSTODIA_API_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/api/methods.h"
#include "relayer/api/roles.h"
#include "relayer/base/err.h"
#include "relayer/base/uuid.h"
#include "relayer/engine/engine.h"
#include "relayer/store/db.h"
#include "relayer/store/reads.h"

struct api;
struct session;

enum { CALL_REQUEST_ID_MAX = 32, CALL_ACTOR_MAX = 32, CALL_STATE_MAX = 32 };

struct call {
    struct api *api;
    struct engine *engine;
    struct db *db;
    struct session *session;      /* outlives the call; its peer may be gone */
    const struct method *method;
    json_t *id;
    json_t *params;               /* an object */
    int64_t started_ms;
    int64_t uid;
    struct roles roles;
    uint64_t serial;              /* counts the calls of this process: the request_id in errors */
    char actor[CALL_ACTOR_MAX];   /* "uid:1000", as stored with events */
    char state[CALL_STATE_MAX];   /* what the thing's state is, for errors; "" = not told */
    bool dry_run;
    bool key_held;                /* its idempotency key is marked as running */
    uint8_t params_hash[32];
    json_t *pending;              /* the answer that goes out once the change is committed */
    void *work;                   /* a method's own memory: freed with the call */
    json_t *(*compose)(struct call *call, struct db_result *res, struct err *e);
    int as_of_stmt;
};

/* Parameters that passed the table: absent ones give NULL, false or the value for "absent". */
const char *call_text(const struct call *call, const char *name);
const char *call_text_or(const struct call *call, const char *name, const char *absent);
bool call_has(const struct call *call, const char *name);
bool call_uuid(const struct call *call, const char *name, struct uuid *out);
bool call_hash(const struct call *call, const char *name, uint8_t out[32]);
int64_t call_integer(const struct call *call, const char *name, int64_t absent);
bool call_bool(const struct call *call, const char *name, bool absent);
bool call_amount(const struct call *call, const char *name, int64_t *centavos);

/* Parameters of a statement from parameters of the call; absent = SQL NULL. */
void call_bind_text(struct db_stmt *stmt, const struct call *call, const char *name);
void call_bind_uuid(struct db_stmt *stmt, const struct call *call, const char *name);
/* limit, 1..LIST_LIMIT_MAX. */
enum { LIST_LIMIT = 50, LIST_LIMIT_MAX = 500 };
void call_bind_limit(struct db_stmt *stmt, const struct call *call);

/* Ends. call_reply takes the result. */
void call_reply(struct call *call, json_t *result);
void call_fail(struct call *call, const struct err *e);
#define call_refuse(call, code, ...)                                                               \
    do {                                                                                           \
        struct err refusal_;                                                                       \
        err_set(&refusal_, (code), __VA_ARGS__);                                                   \
        call_fail((call), &refusal_);                                                              \
    } while (0)

/* Runs the reads of script (taken) and answers what compose makes of them, with as_of. compose gives a new
 * object, or NULL with *e. */
void call_read(struct call *call, struct db_script *script,
               json_t *(*compose)(struct call *call, struct db_result *res, struct err *e));

/* A row and all rows of a read's result. */
json_t *answer_row(struct db_result *res, int stmt, int row, const struct read *read);
json_t *answer_rows(struct db_result *res, int stmt, const struct read *read);
/* {block, block_hash, finality, ledger_seq} */
json_t *answer_as_of(const struct call *call, struct db_result *res, int stmt);
json_t *answer_centavos(int64_t centavos);
json_t *answer_units(int64_t units);
json_t *answer_hex(const uint8_t *p, size_t n);
json_t *answer_uuid(const struct uuid *id);
json_t *answer_time_ms(int64_t wall_ms);

#endif
