/* From the first endpoint to the last: post, read by answer.c, hold against the question,
 * deliver. */
#include "relayer/chain/ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/arena.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"

union ask_result {
    uint64_t u64;
    struct u256 u256;
    struct bytes bytes;
    uint8_t word[32];
    struct chain_code code;
    struct node_estimate estimate;
    struct chain_block block;
    struct chain_heads heads;
    struct chain_blocks blocks;
    struct chain_range range;
    struct chain_receipt receipt;
    struct chain_tx tx;
};

struct ask *ask_new(struct node *node, enum ask_kind kind, union ask_cb cb, void *ctx)
{
    struct ask *ask = calloc(1, sizeof *ask);

    CHECK(ask != NULL);
    CHECK(!node->all->closed);
    ask->node = node;
    ask->kind = kind;
    ask->cb = cb;
    ask->ctx = ctx;
    ask->batch = json_array();
    ask->first_id = node->all->next_id;
    endpoints_hold(node->all);
    return ask;
}

static void ask_free(struct ask *ask)
{
    endpoints_drop(ask->node->all);
    free(ask->body);
    free(ask);
}

void ask_add(struct ask *ask, const char *method, json_t *params)
{
    json_int_t id = (json_int_t)ask->node->all->next_id++;
    json_t *member = json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", id, "method", method,
                               "params", params);

    CHECK(member != NULL && ask->n < CHAIN_BATCH_MAX);
    CHECK(json_array_append_new(ask->batch, member) == 0);
    ask->n++;
}

static void ask_deliver(const struct ask *ask, const struct err *err,
                        const union ask_result *result)
{
    static const struct u256 nothing;

    switch (ask->kind) {
    case ASK_U64:
        ask->cb.u64(ask->ctx, err, result != NULL ? result->u64 : 0);
        return;
    case ASK_U256:
        ask->cb.u256(ask->ctx, err, result != NULL ? &result->u256 : &nothing);
        return;
    case ASK_WORD:
        ask->cb.word(ask->ctx, err, result != NULL ? result->word : NULL);
        return;
    case ASK_CODE:
        ask->cb.code(ask->ctx, err, result != NULL ? &result->code : NULL);
        return;
    case ASK_CALL:
        ask->cb.bytes(ask->ctx, err, result != NULL ? &result->bytes : NULL);
        return;
    case ASK_ESTIMATE:
        ask->cb.estimate(ask->ctx, err, result != NULL ? &result->estimate : NULL);
        return;
    case ASK_BLOCK:
        ask->cb.block(ask->ctx, err, result != NULL ? &result->block : NULL);
        return;
    case ASK_HEADS:
        ask->cb.heads(ask->ctx, err, result != NULL ? &result->heads : NULL);
        return;
    case ASK_BLOCKS:
        ask->cb.blocks(ask->ctx, err, result != NULL ? &result->blocks : NULL);
        return;
    case ASK_LOGS:
        ask->cb.logs(ask->ctx, err, result != NULL ? &result->range : NULL);
        return;
    case ASK_RECEIPT:
        ask->cb.receipt(ask->ctx, err, result != NULL ? &result->receipt : NULL);
        return;
    case ASK_TX:
        ask->cb.tx(ask->ctx, err, result != NULL ? &result->tx : NULL);
        return;
    }
}

/* A block, where the node may say "not found" instead of null. */
static bool read_block_or_none(const struct chain_reply *reply, struct chain_block *out,
                               struct err *err)
{
    *out = (struct chain_block){0};
    return reply->result == NULL || answer_block(reply->result, out, err);
}

/* Asked in the order finalized, safe, latest: each can only be at or below the one that follows. */
static bool read_heads(const struct chain_answer *answer, struct chain_heads *out, struct err *err)
{
    if (!read_block_or_none(&answer->reply[0], &out->finalized, err) ||
        !read_block_or_none(&answer->reply[1], &out->safe, err) ||
        !read_block_or_none(&answer->reply[2], &out->latest, err))
        return false;
    if (!out->latest.present)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: no latest block");
    if ((out->finalized.present && out->finalized.number > out->latest.number) ||
        (out->safe.present && out->safe.number > out->latest.number))
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: safe or finalized above latest");
    return true;
}

static bool block_asked_for(const struct chain_block *block, uint64_t number, struct err *err)
{
    if (!block->present || block->number == number)
        return true;
    return err_fail(err, ERR_CHAIN_ANSWER, "node answer: block %" PRIu64 " for block %" PRIu64,
                    block->number, number);
}

static bool read_blocks(const struct ask *ask, const struct chain_answer *answer,
                        struct chain_blocks *out, struct err *err)
{
    out->n = 0;
    for (size_t i = 0; i < answer->n; i++) {
        struct chain_block *block = &out->block[i];

        if (!read_block_or_none(&answer->reply[i], block, err) ||
            !block_asked_for(block, ask->from + i, err))
            return false;
        if (!block->present)
            return true;
        out->n++;
    }
    return true;
}

static bool log_fits(const struct node_logs_filter *filter, const struct chain_log *log)
{
    bool named = filter->topic0_n == 0;

    for (size_t i = 0; i < filter->topic0_n; i++)
        named = named || (log->topics_n > 0 && memcmp(filter->topic0[i], log->topics[0], 32) == 0);
    return named && memcmp(filter->address, log->address, 20) == 0 &&
           (!filter->has_topic1 ||
            (log->topics_n > 1 && memcmp(filter->topic1, log->topics[1], 32) == 0)) &&
           (!filter->has_topic2 ||
            (log->topics_n > 2 && memcmp(filter->topic2, log->topics[2], 32) == 0));
}

static int logs_by_place(const void *a, const void *b)
{
    const struct chain_log *x = a, *y = b;

    if (x->block_number != y->block_number)
        return x->block_number < y->block_number ? -1 : 1;
    if (x->log_index != y->log_index)
        return x->log_index < y->log_index ? -1 : 1;
    return memcmp(x->block_hash, y->block_hash, 32);
}

static bool logs_equal(const struct chain_log *a, const struct chain_log *b)
{
    return memcmp(a->address, b->address, 20) == 0 && a->topics_n == b->topics_n &&
           memcmp(a->topics, b->topics, 32 * a->topics_n) == 0 && a->data.n == b->data.n &&
           (a->data.n == 0 || memcmp(a->data.p, b->data.p, a->data.n) == 0) &&
           memcmp(a->tx_hash, b->tx_hash, 32) == 0 && a->removed == b->removed;
}

/* One list of all filters' logs. A log that fits two filters came twice, and is the same both times. */
static bool logs_join(struct chain_log *log, struct chain_logs *out, struct err *err)
{
    size_t n = 0;

    qsort(log, out->n, sizeof *log, logs_by_place);
    for (size_t i = 0; i < out->n; i++) {
        if (n == 0 || logs_by_place(&log[n - 1], &log[i]) != 0)
            log[n++] = log[i];
        else if (!logs_equal(&log[n - 1], &log[i]))
            return err_fail(err, ERR_CHAIN_ANSWER,
                            "node answer: two logs with index %u in block %" PRIu64,
                            log[i].log_index, log[i].block_number);
    }
    *out = (struct chain_logs){.log = log, .n = n};
    return true;
}

static bool read_logs(const struct ask *ask, const struct chain_answer *answer, struct arena *arena,
                      struct chain_logs *out, struct err *err)
{
    const struct node_logs_query *query = &ask->logs;
    struct chain_logs part[NODE_LOG_FILTERS_MAX];
    struct chain_log *all;

    *out = (struct chain_logs){0};
    for (size_t i = 0; i < query->filters_n; i++) {
        if (!answer_logs(answer->reply[1 + i].result, arena, &part[i], err))
            return false;
        for (size_t k = 0; k < part[i].n; k++)
            if (part[i].log[k].block_number < query->from ||
                part[i].log[k].block_number > query->to ||
                !log_fits(&query->filter[i], &part[i].log[k]))
                return err_fail(err, ERR_CHAIN_ANSWER, "node answer: a log that was not asked for");
        out->n += part[i].n;
    }
    if (out->n > CHAIN_LOGS_MAX)
        return err_fail(err, ERR_CHAIN_RANGE, "node answer: %zu logs, at most %d are taken at once",
                        out->n, CHAIN_LOGS_MAX);
    all = arena_alloc(arena, out->n * sizeof *all + 1);
    for (size_t i = 0, at = 0; i < query->filters_n; at += part[i].n, i++)
        if (part[i].n > 0)
            memcpy(&all[at], part[i].log, part[i].n * sizeof *all);
    return logs_join(all, out, err);
}

/* The head was asked first in the same batch, so it is not newer than the state the logs came
 * from; the end of the range was asked last. */
static bool read_range(const struct ask *ask, const struct chain_answer *answer,
                       struct arena *arena, struct chain_range *out, struct err *err)
{
    const struct node_logs_query *query = &ask->logs;
    struct chain_block past = {0};
    size_t at = 1 + query->filters_n;
    struct bytes word;

    *out = (struct chain_range){0};
    if (query->past != NODE_LATEST ? !read_block_or_none(&answer->reply[0], &past, err)
                                   : !answer_u64(answer->reply[0].result, &past.number, err))
        return false;
    if (past.number < query->to)
        return err_fail(err, ERR_CHAIN_LAGS, "node: at block %" PRIu64 ", asked up to %" PRIu64,
                        past.number, query->to);
    if (!read_logs(ask, answer, arena, &out->logs, err))
        return false;
    if (query->with_end) {
        if (!read_block_or_none(&answer->reply[at++], &out->end, err))
            return false;
        if (!out->end.present || out->end.number != query->to)
            return err_fail(err, ERR_CHAIN_LAGS, "node: block %" PRIu64 " is not there", query->to);
    }
    if (query->call_n > 0 && answer->reply[at].result != NULL) {
        if (!answer_bytes(answer->reply[at].result, arena, &word, err))
            return false;
        out->has_word = word.n == sizeof out->word;
        if (out->has_word)
            memcpy(out->word, word.p, sizeof out->word);
    }
    return true;
}

static bool read_receipt(const struct ask *ask, const struct json_t *json, struct arena *arena,
                         struct chain_receipt *out, struct err *err)
{
    if (!answer_receipt(json, arena, out, err))
        return false;
    if (out->present && memcmp(out->tx_hash, ask->hash, 32) != 0)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: the receipt of another transaction");
    return true;
}

static bool read_tx(const struct ask *ask, const struct json_t *json, struct arena *arena,
                    struct chain_tx *out, struct err *err)
{
    if (!answer_tx(json, arena, out, err))
        return false;
    if (out->present && memcmp(out->hash, ask->hash, 32) != 0)
        return err_fail(err, ERR_CHAIN_ANSWER, "node answer: another transaction");
    return true;
}

static bool ask_read(const struct ask *ask, const struct chain_answer *answer, struct arena *arena,
                     union ask_result *out, struct err *err)
{
    const struct json_t *first = answer->reply[0].result;

    switch (ask->kind) {
    case ASK_U64:
        return answer_u64(first, &out->u64, err);
    case ASK_U256:
        return answer_u256(first, &out->u256, err);
    case ASK_WORD:
        return answer_hash(first, out->word, err);
    case ASK_CODE:
        return answer_code(first, arena, &out->code, err);
    case ASK_CALL:
        return answer_bytes(first, arena, &out->bytes, err);
    case ASK_ESTIMATE:
        return answer_u64(first, &out->estimate.gas, err);
    case ASK_BLOCK:
        return read_block_or_none(&answer->reply[0], &out->block, err) &&
               (!ask->by_number || block_asked_for(&out->block, ask->from, err));
    case ASK_HEADS:
        return read_heads(answer, &out->heads, err);
    case ASK_BLOCKS:
        return read_blocks(ask, answer, &out->blocks, err);
    case ASK_LOGS:
        return read_range(ask, answer, arena, &out->range, err);
    case ASK_RECEIPT:
        return read_receipt(ask, first, arena, &out->receipt, err);
    case ASK_TX:
        return read_tx(ask, first, arena, &out->tx, err);
    }
    CHECK(!"a kind of question outside the enum");
    return false;
}

static bool ask_is_of_blocks(enum ask_kind kind)
{
    return kind == ASK_BLOCK || kind == ASK_HEADS || kind == ASK_BLOCKS;
}

static bool ask_may_revert(enum ask_kind kind)
{
    return kind == ASK_CALL || kind == ASK_ESTIMATE;
}

/* The call at a range's end, the last member: without it the range is still an answer. */
static bool ask_may_lack(const struct ask *ask, size_t i)
{
    return ask->kind == ASK_LOGS && ask->logs.call_n > 0 && i == ask->n - 1;
}

/* What one error member means for the whole question; true: none, the results may be read. */
static bool reply_check(const struct ask *ask, const struct chain_reply *reply, struct err *err)
{
    const char *text = reply->error_text;

    if (reply->result != NULL)
        return true;
    switch (read_verdict_of(reply->error_code, text)) {
    case READ_REVERT:
        if (ask_may_revert(ask->kind))
            return err_fail(err, ERR_CHAIN_REVERT, "call reverted: %s", text);
        return err_fail(err, ERR_CHAIN_AWAY, "node: %s", text);
    case READ_RANGE:
        return err_fail(err, ERR_CHAIN_RANGE, "node: %s", text);
    case READ_ABSENT:
        return ask_is_of_blocks(ask->kind) || err_fail(err, ERR_CHAIN_AWAY, "node: %s", text);
    case READ_DEFINITE:
        return err_fail(err, ERR_CHAIN_REFUSED, "node: %s", text);
    case READ_LIMIT:
        return err_fail(err, ERR_CHAIN_RATE, "node: %s", text);
    case READ_NEXT:
        return err_fail(err, ERR_CHAIN_AWAY, "node: %s", text);
    }
    return err_fail(err, ERR_CHAIN_AWAY, "node: %s", text);
}

/* A revert is an answer that carries data. */
static void ask_deliver_revert(struct ask *ask, const struct chain_reply *reply, struct err *err)
{
    union ask_result result = {0};
    struct bytes data = {reply->revert, reply->revert_n};

    if (ask->kind == ASK_ESTIMATE)
        result.estimate.revert = data;
    else
        result.bytes = data;
    err->outcome = OUTCOME_NOT_HAPPENED;
    ask_deliver(ask, err, &result);
}

/* Errors that another endpoint would give too. */
static bool err_is_final(enum err_code code)
{
    return code == ERR_CHAIN_RANGE || code == ERR_CHAIN_REFUSED;
}

/* What a parsed answer says of its endpoint. Small: the same work for every endpoint, so that their
 * times can be compared. */
static enum endpoint_outcome outcome_of(const struct ask *ask, const struct err *err)
{
    if (err->code == ERR_CHAIN_RATE)
        return ENDPOINT_LIMITED;
    if (err->code == ERR_CHAIN_ANSWER)
        return ENDPOINT_FAILED;
    if (err->code == ERR_CHAIN_AWAY)
        return ENDPOINT_UNABLE;
    return ask->n == 1 ? ENDPOINT_GOOD_SMALL : ENDPOINT_GOOD;
}

static void ask_next(struct ask *ask, const struct err *err);

static void ask_fail(struct ask *ask, struct err err)
{
    err.outcome = OUTCOME_NOT_HAPPENED;
    ask_deliver(ask, &err, NULL);
    ask_free(ask);
}

/* An endpoint that asked for a slower pace may be asked again when its time has come. */
static void ask_go_on(struct ask *ask, const struct err *err)
{
    if (err->code == ERR_CHAIN_RATE)
        ask->tried &= ~(1u << ask->call.i);
    ask_next(ask, err);
}

/* The parsed answer decides: deliver, go to the next endpoint, or fail. */
static void ask_settle(struct ask *ask, const struct chain_answer *answer,
                       const struct http_answer *http)
{
    struct arena *arena = arena_new(CHAIN_ARENA_BYTES_MAX);
    union ask_result *result = arena_alloc(arena, sizeof *result);
    struct err err = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < answer->n; i++)
        ok = ask_may_lack(ask, i) || reply_check(ask, &answer->reply[i], &err);
    if (ok)
        ok = ask_read(ask, answer, arena, result, &err);
    endpoint_note(ask->node->all, &ask->call, outcome_of(ask, &err), http);
    if (ok) {
        ask_deliver(ask, NULL, result);
        ask_free(ask);
    } else if (err.code == ERR_CHAIN_REVERT) {
        ask_deliver_revert(ask, &answer->reply[0], &err);
        ask_free(ask);
    } else if (err_is_final(err.code)) {
        ask_fail(ask, err);
    } else {
        ask_go_on(ask, &err);
    }
    arena_free(arena);
}

static void ask_answered(void *ctx, const struct err *e, const struct http_answer *http)
{
    struct ask *ask = ctx;
    struct endpoints *all = ask->node->all;
    struct chain_answer answer;
    struct err err = {0}, parse = {0};

    if (e != NULL && (e->code == ERR_BUSY || e->code == ERR_CANCELLED)) {
        endpoint_note(all, &ask->call, ENDPOINT_UNTOLD, NULL);
        err = *e;
        if (e->code == ERR_CANCELLED)
            err_set(&err, ERR_CHAIN_AWAY, "%s: %s", all->endpoint[ask->call.i].shown, e->message);
        ask_fail(ask, err); /* the queue or the client itself: no endpoint can help */
        return;
    }
    if (e == NULL && http->status != HTTP_TOO_MANY &&
        answer_parse(http->body, http->body_n, ask->first_id, ask->n, &answer, &parse)) {
        ask_settle(ask, &answer, http);
        answer_free(&answer);
        return;
    }
    if (e != NULL && e->code == ERR_NET_LIMIT && ask->kind == ASK_LOGS) {
        endpoint_note(all, &ask->call, ENDPOINT_GOOD, NULL);
        err_set(&err, ERR_CHAIN_RANGE, "node: more than %d bytes of logs", CHAIN_ANSWER_BYTES_MAX);
        ask_fail(ask, err);
        return;
    }
    if (e == NULL)
        endpoint_status_err(http->status, &parse, &err);
    else
        err_set(&err, ERR_CHAIN_AWAY, "%s: %s", all->endpoint[ask->call.i].shown, e->message);
    endpoint_note(all, &ask->call,
                  err.code == ERR_CHAIN_RATE ? ENDPOINT_LIMITED : ENDPOINT_FAILED, http);
    ask_go_on(ask, &err);
}

static void ask_come(void *ctx)
{
    struct ask *ask = ctx;

    if (ask->over)
        ask_fail(ask, ask->err);
    else
        ask_next(ask, NULL);
}

static void ask_wait(struct ask *ask, int64_t due_ms)
{
    ask->waiting = (struct waiting){.cb = ask_come, .ctx = ask, .due_ms = due_ms};
    endpoints_wait(ask->node->all, &ask->waiting);
}

/* No endpoint is left. A callback never comes before the call has returned. */
static void ask_end(struct ask *ask)
{
    if (ask->node->all->closed)
        err_set(&ask->err, ERR_CHAIN_AWAY, "node: it was closed before an endpoint was free");
    else if (ask->err.code == ERR_NONE)
        endpoint_none_err(ask->node, &ask->err);
    if (!ask->inside) {
        ask_fail(ask, ask->err);
        return;
    }
    ask->over = true;
    ask_wait(ask, 0);
}

static bool ask_may_wait(struct ask *ask, int64_t due_ms, int64_t now)
{
    if (ask->give_up_ms == 0)
        ask->give_up_ms = now + NODE_WAIT_MS;
    if (due_ms > ask->give_up_ms || due_ms > now + HEALTH_WAIT_MAX_MS)
        return false;
    if (ask->node->all->waiting_n < NODE_WAITING_MAX)
        return true;
    err_set(&ask->err, ERR_BUSY, "node: %d questions wait for an endpoint that limits them",
            NODE_WAITING_MAX);
    return false;
}

static void probed(void *ctx, const struct err *err, uint64_t value)
{
    (void)ctx;
    (void)err;
    (void)value;
}

/* A question of our own to an endpoint that may be back: what others ask does not wait for it. */
static void endpoints_probe(struct endpoints *all)
{
    size_t i = health_to_try(all->health, all->n, clock_mono_ms());
    struct ask *ask;

    if (i == all->n)
        return;
    ask = ask_new(&all->one[i], ASK_U64, (union ask_cb){.u64 = probed}, NULL);
    ask_add(ask, "eth_blockNumber", json_array());
    ask_start(ask);
}

static void ask_next(struct ask *ask, const struct err *err)
{
    struct endpoints *all = ask->node->all;
    int64_t now = clock_mono_ms();
    struct health_choice choice = {.i = all->n};

    if (err != NULL && ask->err.code != ERR_CHAIN_LAGS)
        ask->err = *err;
    if (!all->closed)
        choice = health_choose(all->health, all->n, ask->node->may & ~ask->tried,
                               ask->node->prefer, now);
    if (choice.i < all->n && choice.at_ms <= now) {
        ask->tried |= 1u << choice.i;
        ask->call = (struct endpoint_call){choice.i, health_ask(&all->health[choice.i], now)};
        endpoint_post(all, &ask->call, ask->body, ask_answered, ask);
        endpoints_probe(all);
    } else if (choice.i < all->n && ask_may_wait(ask, choice.at_ms, now)) {
        ask_wait(ask, choice.at_ms);
    } else {
        ask_end(ask);
    }
}

void ask_start(struct ask *ask)
{
    ask->body = json_dumps(ask->n == 1 ? json_array_get(ask->batch, 0) : ask->batch, JSON_COMPACT);
    CHECK(ask->body != NULL);
    json_decref(ask->batch);
    ask->batch = NULL;
    ask->inside = true;
    ask_next(ask, NULL);
    ask->inside = false;
}
