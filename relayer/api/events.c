/*
 * events.subscribe: the timeline of all payments as it grows, without gaps.
 *
 * Events leave in the order (transaction, seq) below the snapshot's watermark: a transaction that took a
 * number and is still open holds back everything after it, so nothing can appear behind the reader's back.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "relayer/api/api_inside.h"
#include "relayer/api/groups.h"
#include "relayer/api/words.h"
#include "relayer/base/check.h"
#include "relayer/base/loop.h"

static void send_event(struct session *session, json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    json_object_set_new(event, "words", json_string(event_words(type)));
    session->events.after = json_integer_value(json_object_get(event, "seq"));
    session_send(session, json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event",
                                    "params", event));
}

static void ask(struct session *session);

static void events_read(void *ctx, const struct err *err, struct db_result *res)
{
    struct session *session = ctx;
    struct api *api = session->api;
    session->events.asking = false;
    int rows = err == NULL ? db_rows(res, 0) : 0;
    for (int row = 0; row < rows && session->events.active; row++)
        send_event(session, answer_row(res, 0, row, &READ_EVENTS));
    if (rows == API_EVENTS_BATCH && session->events.active && !api->stopping)
        ask(session);
    else
        session_check(session);
    api_ended(api);
}

static void ask(struct session *session)
{
    struct db_script *script = db_script_new();
    struct db_stmt *stmt = read_add(script, &READ_EVENTS);
    db_i64(stmt, session->events.after);
    db_i64(stmt, API_EVENTS_BATCH);
    session->events.asking = true;
    session->api->open++;
    db_query(session->api->db, script, events_read, session);
}

void events_poll(void *ctx)
{
    struct api *api = ctx;
    bool any = false;
    for (struct session *session = api->sessions; session != NULL; session = session->next) {
        if (!session->events.active)
            continue;
        any = true;
        if (!session->events.asking)
            ask(session);
    }
    if (!any)
        loop_timer_stop(api->events_timer);
}

static void subscribed(struct call *call, int64_t after)
{
    struct session *session = call->session;
    struct api *api = call->api;
    if (session->conn != NULL) {
        session->events.active = true;
        session->events.after = after;
        if (!loop_timer_active(api->events_timer) && !api->stopping)
            loop_timer_start(api->events_timer, 0, API_EVENTS_POLL_MS);
    }
    call_reply(call, json_pack("{s:b, s:I}", "subscribed", 1, "from_seq", (json_int_t)after));
}

static void start_known(void *ctx, const struct err *err, struct db_result *res)
{
    struct call *call = ctx;
    int64_t from = call_integer(call, "from_seq", -1);
    if (err != NULL)
        call_fail(call, err);
    else if (from > 0 && db_rows(res, 0) == 0)
        call_refuse(call, ERR_NOT_FOUND,
                    "from_seq: there is no event %lld; give one you were sent, or 0",
                    (long long)from);
    else if (from >= 0)
        subscribed(call, from);
    else
        subscribed(call, db_rows(res, 0) > 0 ? db_get_i64(res, 0, 0, 0) : 0);
}

void events_subscribe(struct call *call)
{
    if (call->session->events.active) {
        snprintf(call->state, sizeof call->state, "subscribed");
        call_refuse(call, ERR_EXISTS, "this connection is subscribed already; open another one");
        return;
    }
    struct db_script *script = db_script_new();
    if (call_has(call, "from_seq"))
        db_i64(read_add(script, &READ_EVENT_KNOWN), call_integer(call, "from_seq", 0));
    else
        (void)read_add(script, &READ_EVENT_LAST);
    db_query(call->db, script, start_known, call);
}
