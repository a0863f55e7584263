#include "relayer/juno/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/loop.h"
#include "relayer/juno/auth.h"
#include "relayer/net/http.h"

enum { BUDGET_SLOTS = 60, LOCKOUT_MAX_S = 24 * 3600 };

struct juno {
    struct uv_loop_s *loop;
    struct http_client *http;
    char url[QUEUE_URL_MAX];
    char key[JUNO_KEY_MAX + 1];
    char secret[JUNO_SECRET_MAX];
    bool amount_as_number;
    unsigned timeout_ms;
    unsigned requests_per_minute;
    void (*need_nonces)(void *ctx);
    void *ctx;

    struct juno_call *head, *sent; /* waiting, and the one on its way */
    size_t waiting;
    bool pump_planned; /* a loop_later is under way and needs this memory */
    bool pumping;
    bool closed;

    uint64_t nonce_next, nonce_last, nonce_highest; /* next > last: none left */
    bool nonces_asked;

    int64_t locked_until_ms;          /* monotonic */
    unsigned slot_used[BUDGET_SLOTS]; /* requests in each of the last 60 seconds */
    int64_t slot_second;              /* of the newest slot, monotonic */
};

static bool settings_check(const struct juno_settings *settings, struct err *err)
{
    const char *url = settings->url == NULL ? "" : settings->url;

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return err_fail(err, ERR_CONFIG_VALUE, "juno.url: must begin with https:// or http://");
    if (strlen(url) >= QUEUE_URL_MAX || strchr(strstr(url, "://") + 3, '/') != NULL)
        return err_fail(err, ERR_CONFIG_VALUE,
                        "juno.url: no path and no slash at the end, at most %d "
                        "characters",
                        QUEUE_URL_MAX - 1);
    if (settings->api_key == NULL || settings->api_key[0] == '\0' ||
        strlen(settings->api_key) > JUNO_KEY_MAX || strpbrk(settings->api_key, ": \t\r\n") != NULL)
        return err_fail(err, ERR_CONFIG_VALUE,
                        "juno.api_key: 1 to %d characters, no colon, no blank", JUNO_KEY_MAX);
    if (settings->api_secret == NULL || settings->api_secret[0] == '\0' ||
        strlen(settings->api_secret) >= JUNO_SECRET_MAX)
        return err_fail(err, ERR_CONFIG_VALUE, "juno.api_secret: 1 to %d characters",
                        JUNO_SECRET_MAX - 1);
    if (settings->requests_per_minute == 0)
        return err_fail(err, ERR_CONFIG_VALUE, "juno.requests_per_minute: must be above 0");
    return true;
}

struct juno *juno_new(struct uv_loop_s *loop, struct http_client *http,
                      const struct juno_settings *settings, struct err *err)
{
    struct juno *juno;

    if (!settings_check(settings, err))
        return NULL;
    juno = calloc(1, sizeof *juno);
    CHECK(juno != NULL);
    juno->loop = loop;
    juno->http = http;
    memcpy(juno->url, settings->url, strlen(settings->url));
    memcpy(juno->key, settings->api_key, strlen(settings->api_key));
    memcpy(juno->secret, settings->api_secret, strlen(settings->api_secret));
    juno->amount_as_number = settings->amount_as_number;
    juno->timeout_ms = settings->timeout_ms;
    juno->requests_per_minute = settings->requests_per_minute;
    juno->need_nonces = settings->need_nonces;
    juno->ctx = settings->ctx;
    juno->nonce_next = 1;
    return juno;
}

bool queue_amount_as_number(const struct juno *juno)
{
    return juno->amount_as_number;
}

void juno_nonce_range(struct juno *juno, uint64_t first, uint64_t last)
{
    CHECK(first > juno->nonce_highest && first <= last);
    juno->nonce_next = first;
    juno->nonce_last = last;
    juno->nonces_asked = false;
}

int64_t juno_locked_ms(const struct juno *juno)
{
    int64_t left = juno->locked_until_ms - clock_mono_ms();

    return left > 0 ? left : 0;
}

/* ---- the budget: requests in the last 60 whole seconds ---- */

static void budget_advance(struct juno *juno)
{
    int64_t now = clock_mono_ms() / 1000, passed = now - juno->slot_second;

    if (passed >= BUDGET_SLOTS)
        memset(juno->slot_used, 0, sizeof juno->slot_used);
    else
        for (int64_t second = juno->slot_second + 1; second <= now; second++)
            juno->slot_used[second % BUDGET_SLOTS] = 0;
    juno->slot_second = now;
}

/* Reads leave a tenth of the budget to calls that move money. */
static bool budget_take(struct juno *juno, bool money)
{
    unsigned used = 0, limit = juno->requests_per_minute;

    budget_advance(juno);
    for (size_t i = 0; i < BUDGET_SLOTS; i++)
        used += juno->slot_used[i];
    if (used >= (money ? limit : limit - limit / 10))
        return false;
    juno->slot_used[juno->slot_second % BUDGET_SLOTS]++;
    return true;
}

static void lock_out(struct juno *juno, const struct http_answer *http)
{
    int64_t wait_ms = JUNO_LOCKOUT_MS;
    char *end;
    long asked_s = strtol(http->retry_after, &end, 10);

    if (end != http->retry_after && asked_s > 0 && asked_s <= LOCKOUT_MAX_S &&
        asked_s * 1000 > wait_ms)
        wait_ms = asked_s * 1000;
    juno->locked_until_ms = clock_mono_ms() + wait_ms;
}

/* ---- nonces ---- */

static bool nonce_take(struct juno *juno, uint64_t *out)
{
    bool any = juno->nonce_next <= juno->nonce_last;

    if (any) {
        *out = juno->nonce_highest = juno->nonce_next++;
    }
    if (juno->nonce_last + 1 - juno->nonce_next < JUNO_NONCE_LOW && !juno->nonces_asked) {
        juno->nonces_asked = true;
        if (juno->need_nonces != NULL)
            juno->need_nonces(juno->ctx);
    }
    return any;
}

/* ---- the queue ---- */

static void pump(struct juno *juno);

static void call_end(struct juno_call *call, const struct err *err, const struct json_t *payload)
{
    struct err copy;

    if (err != NULL) {
        copy = *err;
        if (strcmp(call->method, "GET") == 0)
            copy.outcome = OUTCOME_NOT_HAPPENED;
        err = &copy;
    }
    juno_call_finish(call, err, payload);
    free(call->body);
    free(call);
}

static void pump_later(void *ctx)
{
    struct juno *juno = ctx;

    juno->pump_planned = false;
    pump(juno);
}

static void pump_plan(struct juno *juno)
{
    if (juno->pump_planned)
        return;
    juno->pump_planned = true;
    loop_later(juno->loop, pump_later, juno);
}

/* Refused ones first, they wait for nobody; money behind other money; anything else at the end. */
static void queue_insert(struct juno *juno, struct juno_call *call)
{
    struct juno_call **at = &juno->head;

    while (*at != NULL && !call->refused && (!call->money || (*at)->money || (*at)->refused))
        at = &(*at)->next;
    call->next = *at;
    *at = call;
    juno->waiting++;
}

void queue_put(struct juno *juno, struct juno_call *call)
{
    if (juno->waiting >= JUNO_QUEUE_MAX && !call->refused) {
        call->refused = true;
        err_set(&call->err, ERR_BUSY, "juno: %d calls are waiting", JUNO_QUEUE_MAX);
    }
    queue_insert(juno, call);
    pump_plan(juno);
}

/* Why the call cannot be sent now; true: it can, with this nonce. */
static bool call_admit(struct juno *juno, const struct juno_call *call, uint64_t *nonce,
                       struct err *err)
{
    if (juno->closed)
        return err_fail(err, ERR_JUNO_AWAY, "juno: the client is stopping");
    if (juno_locked_ms(juno) > 0)
        return err_fail(err, ERR_JUNO_LOCKED, "juno: locked out for %lld ms more",
                        (long long)juno_locked_ms(juno));
    if (juno->nonce_next <= juno->nonce_last && !budget_take(juno, call->money))
        return err_fail(err, ERR_JUNO_RATE, "juno: our own %u requests a minute are used up",
                        juno->requests_per_minute);
    if (!nonce_take(juno, nonce))
        return err_fail(err, ERR_JUNO_NONCE, "juno: no committed nonce is left");
    return true;
}

static void call_answered(void *ctx, const struct err *e, const struct http_answer *http);

static void call_send(struct juno *juno, struct juno_call *call, uint64_t nonce)
{
    char url[QUEUE_URL_MAX + QUEUE_TARGET_MAX], auth[JUNO_AUTH_MAX];
    size_t body_n = call->body == NULL ? 0 : strlen(call->body);
    struct juno_signed what = {.secret = juno->secret,
                               .nonce = nonce,
                               .method = call->method,
                               .target = call->target,
                               .body = call->body,
                               .body_n = body_n};
    struct http_header headers[3] = {{"Authorization", auth}};
    struct http_request request = {.method = call->method,
                                   .url = url,
                                   .headers = headers,
                                   .headers_n = 1,
                                   .body = call->body,
                                   .body_n = body_n,
                                   .timeout_ms = juno->timeout_ms,
                                   .answer_max = JUNO_ANSWER_BYTES_MAX,
                                   .money = strcmp(call->method, "GET") != 0};

    snprintf(url, sizeof url, "%s%s", juno->url, call->target);
    CHECK(juno_authorization(juno->key, &what, auth));
    if (body_n > 0)
        headers[request.headers_n++] = (struct http_header){"Content-Type", "application/json"};
    if (call->has_idem)
        headers[request.headers_n++] = (struct http_header){"X-Idempotency-Key", call->idem};
    juno->sent = call;
    http_call(juno->http, &request, call_answered, juno);
}

/* The last thing that leaves after juno_free frees the memory. */
static void juno_settle(struct juno *juno)
{
    if (!juno->closed || juno->sent != NULL || juno->head != NULL || juno->pump_planned ||
        juno->pumping)
        return;
    explicit_bzero(juno->secret, sizeof juno->secret);
    free(juno);
}

static void pump(struct juno *juno)
{
    if (juno->pumping)
        return;
    juno->pumping = true;
    while (juno->head != NULL && (juno->sent == NULL || juno->head->refused)) {
        struct juno_call *call = juno->head;
        struct err err = {0};
        uint64_t nonce = 0;

        juno->head = call->next;
        juno->waiting--;
        if (call->refused)
            call_end(call, &call->err, NULL);
        else if (call_admit(juno, call, &nonce, &err))
            call_send(juno, call, nonce);
        else
            call_end(call, &err, NULL);
    }
    juno->pumping = false;
    juno_settle(juno);
}

/* An answer that is not success: the table decides. `answer` NULL: no envelope. */
static void refusal_read(const struct juno_answer *answer, int status, struct err *err)
{
    const char *code = answer == NULL ? "" : answer->code;
    struct juno_outcome means = juno_outcome_of(code, status);

    if (answer == NULL)
        err_set(err, means.code, "juno: HTTP %d without the documented envelope", status);
    else
        err_set(err, means.code, "juno: HTTP %d, code %s: %s", status, code[0] ? code : "none",
                answer->message);
    err->outcome = means.outcome;
}

/* For a read "not found" is an answer. For a change it proves nothing: see the table. */
static void not_found(const struct juno_call *call, const struct juno_answer *answer,
                      struct err *err)
{
    if (strcmp(call->method, "GET") == 0)
        err_set(err, ERR_JUNO_NOT_FOUND, "juno: not found: %s", answer->message);
    else
        refusal_read(answer, 404, err);
}

/* False: `err` says why; true: answer->payload may be read. */
static bool http_read(struct juno *juno, const struct juno_call *call,
                      const struct http_answer *http, struct juno_answer *answer, struct err *err)
{
    bool fine = http->status >= 200 && http->status <= 299;
    bool parsed = juno_answer_parse(http->body, http->body_n, answer, err);

    if (parsed && answer->success && fine)
        return true;
    if (parsed && answer->success)
        err_set(err, ERR_JUNO_ANSWER, "juno: success with HTTP %d", http->status);
    else if (parsed && http->status == 404 && strcmp(answer->code, "1401") == 0)
        not_found(call, answer, err);
    else if (parsed || !fine)
        refusal_read(parsed ? answer : NULL, http->status, err);
    if (err->code == ERR_JUNO_RATE || http->status == 420 || http->status == 429)
        lock_out(juno, http);
    return false;
}

static void transport_err(const struct err *e, struct err *err)
{
    if (e->code == ERR_BUSY)
        *err = *e;
    else
        err_set(err, e->outcome == OUTCOME_NOT_HAPPENED ? ERR_JUNO_AWAY : ERR_JUNO_UNKNOWN,
                "juno: %s", e->message);
    err->outcome = e->outcome;
}

static void call_answered(void *ctx, const struct err *e, const struct http_answer *http)
{
    struct juno *juno = ctx;
    struct juno_call *call = juno->sent;
    struct juno_answer answer = {0};
    struct err err = {0};
    bool ok = false;

    juno->sent = NULL;
    if (e != NULL)
        transport_err(e, &err);
    else
        ok = http_read(juno, call, http, &answer, &err);
    if (!ok && err.code == ERR_JUNO_NONCE && !call->resigned && !juno->closed) {
        call->resigned = true; /* refused before anything was done: the next number, once */
        call->next = juno->head;
        juno->head = call;
        juno->waiting++;
    } else {
        juno->pumping = true; /* calls made in the callback wait for the pump below */
        call_end(call, ok ? NULL : &err, ok ? answer.payload : NULL);
        juno->pumping = false;
    }
    juno_answer_free(&answer);
    pump(juno);
}

void juno_free(struct juno *juno)
{
    if (juno == NULL)
        return;
    juno->closed = true;
    if (juno->sent == NULL)
        pump_plan(juno);
}
