#include "relayer/engine/signer.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/wire.h"
#include "relayer/base/backoff.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/base/loop.h"
#include "relayer/base/metrics.h"

enum { CHANNELS = SIGNER_KEYS, CHANNEL_FD = 3, REFUSED_TEXT_MAX = 200 };
_Static_assert((int)SIGNER_KEYS == (int)WIRE_KEYS, "one channel for each place of a key");


struct request {
    bool used;
    uint64_t id;
    int64_t deadline_ms;
    signer_cb *cb;
    void *ctx;
};

struct child;

struct channel {
    struct child *child;
    uv_pipe_t pipe;
    size_t key;    /* its place */
    bool closed;   /* the signer has no key here */
    bool standing; /* STANDBY came: the address is known, nothing is signed yet */
    bool known;    /* HELLO_OK came */
    uint8_t address[20];
    uint64_t chain_id;
    size_t in_n;
    uint8_t in[2 * WIRE_BYTES_MAX];
    struct request waiting[SIGNER_WAITING_MAX];
};

/* One run of the signer process. Freed when its process handle and both pipes are closed. */
struct child {
    struct signer *signer; /* NULL once given up */
    uv_process_t process;
    struct channel channel[CHANNELS];
    int open_handles;
    bool closing;
    bool running; /* the process was started and has not been reaped */
};

struct signer {
    uv_loop_t *loop;
    struct loop_timer *timer; /* deadlines and restarts */
    char *program;
    char *config_file;
    struct child *child;
    struct child *next; /* has its keys open or opens them; takes over from `child` */
    bool leaving;       /* `child` gets no more requests: it ends when the open ones are answered */
    signer_judge *judge;
    signer_reloaded_cb *reloaded;
    void *reload_ctx;
    int64_t reload_deadline_ms;
    int64_t restart_at_ms;
    unsigned failures; /* ends since the last answer */
    uint64_t next_id;
    char trouble[200];
};

static void handle_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    if (--child->open_handles == 0)
        free(child);
}

static void fail_waiting(struct channel *channel, enum err_code code, const char *why)
{
    for (size_t i = 0; i < SIGNER_WAITING_MAX; i++) {
        struct request *request = &channel->waiting[i];
        if (!request->used)
            continue;
        request->used = false;
        struct err err;
        err_set(&err, code, "%s", why);
        request->cb(request->ctx, &err, (struct bytes){0});
    }
}

static void child_end(struct child *child, const char *why);

static void reload_ended(struct signer *signer, const char *why)
{
    signer_reloaded_cb *cb = signer->reloaded;
    signer->reloaded = NULL;
    if (cb != NULL)
        cb(signer->reload_ctx, why);
}

/* What a child leaves behind: the next one never began, or the one at work is gone. */
static void child_gone(struct signer *signer, struct child *child, const char *why)
{
    if (child == signer->next) {
        signer->next = NULL;
        signer->leaving = false;
        reload_ended(signer, why);
        return;
    }
    signer->child = NULL;
    if (signer->leaving) {
        /* It was judged right, and waits for the record that has just become free. */
        signer->child = signer->next;
        signer->next = NULL;
        signer->leaving = false;
        return;
    }
    if (signer->next != NULL)
        child_end(signer->next, "the signer at work ended meanwhile");
    signer->restart_at_ms =
        clock_mono_ms() + backoff_ms(signer->failures++, SIGNER_RESTART_MS, SIGNER_RESTART_MAX_MS,
                                     (uint64_t)child->process.pid);
    snprintf(signer->trouble, sizeof signer->trouble, "%s", why);
    log_warn("signer_gone", "%s; starting it again", why);
}

/* Gives up this process: every open request is answered, the next tick starts another. A signature that
 * was under way is recorded by the signer itself, so asking again gives the same bytes. */
static void child_end(struct child *child, const char *why)
{
    if (child->closing)
        return;
    child->closing = true;
    struct signer *signer = child->signer;
    if (signer != NULL)
        child_gone(signer, child, why);
    /* A process that still runs is closed when it is reaped, or it would stay as a zombie. */
    if (child->running)
        (void)uv_process_kill(&child->process, SIGTERM);
    else
        uv_close((uv_handle_t *)&child->process, handle_closed);
    for (size_t i = 0; i < CHANNELS; i++) {
        if (!child->channel[i].closed)
            uv_close((uv_handle_t *)&child->channel[i].pipe, handle_closed);
    }
    for (size_t i = 0; i < CHANNELS; i++)
        fail_waiting(&child->channel[i], ERR_SIGNER_AWAY, why);
}

static struct request *request_find(struct channel *channel, uint64_t id)
{
    for (size_t i = 0; i < SIGNER_WAITING_MAX; i++) {
        if (channel->waiting[i].used && channel->waiting[i].id == id)
            return &channel->waiting[i];
    }
    return NULL;
}

/* Every place has said what is there. */
static bool settled(const struct child *child)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        const struct channel *channel = &child->channel[i];
        if (!channel->known && !channel->standing && !channel->closed)
            return false;
    }
    return true;
}

static bool has_open_requests(const struct child *child)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < SIGNER_WAITING_MAX; i++) {
            if (child->channel[c].waiting[i].used)
                return true;
        }
    }
    return false;
}

/* The next one has shown its keys: is it one to take over? */
static void judge_next(struct signer *signer)
{
    struct child *next = signer->next;
    char why[300];
    if (next == NULL || signer->leaving || !settled(next))
        return;
    struct signer_offer offer = {.chain_id = next->channel[WIRE_KEY_RELAYER].chain_id};
    for (size_t i = 0; i < CHANNELS; i++) {
        offer.has[i] = !next->channel[i].closed;
        memcpy(offer.address[i], next->channel[i].address, 20);
    }
    if (signer->judge(signer->reload_ctx, &offer, why, sizeof why))
        signer->leaving = true;
    else
        child_end(next, why);
}

/* Ends the old one once it owes no answer; the new one says HELLO_OK when it has the record. */
static void hand_over(struct signer *signer)
{
    if (!signer->leaving || (signer->child != NULL && has_open_requests(signer->child)))
        return;
    struct child *old = signer->child;
    struct child *next = signer->next;
    signer->child = next;
    signer->next = NULL;
    signer->leaving = false;
    if (old != NULL) {
        old->signer = NULL;
        child_end(old, "another signer takes over");
    }
    log_info("signer_replaced", "the signer was started anew with its present settings");
}

static bool on_hello(struct channel *channel, const struct wire_message *m)
{
    if (m->version != WIRE_VERSION || m->role != wire_key_role(channel->key))
        return false;
    bool standby = m->type == WIRE_STANDBY;
    channel->known = !standby;
    channel->standing = standby;
    channel->chain_id = m->chain_id;
    memcpy(channel->address, m->address, sizeof channel->address);
    return true;
}

/* A signer that answers is a sound one; its hello alone does not show that its record takes anything. */
static void answered(const struct child *child)
{
    if (child->signer != NULL)
        child->signer->failures = 0;
}

/* A record or a token that failed tells nothing about the request, whose digest may be on record: the
 * signer starts again, which opens both anew, and this request is answered as away with the others. */
static void on_refused(struct child *child, struct request *request, const struct wire_message *m)
{
    char why[REFUSED_TEXT_MAX + 40];
    size_t n = m->payload.n < REFUSED_TEXT_MAX ? m->payload.n : REFUSED_TEXT_MAX;
    snprintf(why, sizeof why, "signer refused (%u): %.*s", (unsigned)m->code, (int)n,
             (const char *)m->payload.p);
    metrics_add(METRIC_signer_refused, 1);
    if (m->code == WIRE_CODE_RECORD || m->code == WIRE_CODE_SIGNATURE) {
        child_end(child, why);
        return;
    }
    struct err err;
    err_set(&err, m->code == WIRE_CODE_FENCE ? ERR_SIGNER_FENCE : ERR_SIGNER_REFUSED, "%s", why);
    request->used = false;
    answered(child);
    request->cb(request->ctx, &err, (struct bytes){0});
}

static bool on_answer(struct channel *channel, const struct wire_message *m)
{
    struct request *request = request_find(channel, m->request_id);
    if (request == NULL)
        return true; /* its deadline passed; the signer has recorded it */
    if (m->type == WIRE_REFUSED) {
        on_refused(channel->child, request, m);
        return true;
    }
    request->used = false;
    answered(channel->child);
    metrics_add(METRIC_signer_signed, 1);
    request->cb(request->ctx, NULL, m->payload);
    return true;
}

static bool on_message(struct channel *channel, const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_HELLO_OK:
    case WIRE_STANDBY:
        return on_hello(channel, m);
    case WIRE_SIGNED:
    case WIRE_REFUSED:
        return channel->known && on_answer(channel, m);
    case WIRE_PONG:
        return true;
    case WIRE_HELLO:
    case WIRE_SIGN:
    case WIRE_PING:
        return false;
    }
    return false;
}

/* The pipe is embedded; its data pointer belongs to the child, which frees the whole on close. */
static struct channel *channel_of_pipe(uv_handle_t *pipe)
{
    return (struct channel *)(void *)((char *)pipe - offsetof(struct channel, pipe));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct channel *channel = channel_of_pipe(handle);
    buf->base = (char *)channel->in + channel->in_n;
    buf->len = sizeof channel->in - channel->in_n;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct channel *channel = channel_of_pipe((uv_handle_t *)stream);
    struct child *child = channel->child;
    if (n < 0 && !channel->known && channel->key >= WIRE_KEYS_ALWAYS) {
        /* No key in this place. */
        channel->closed = true;
        uv_close((uv_handle_t *)stream, handle_closed);
        return;
    }
    if (n < 0) {
        child_end(child, "the signer closed its channel");
        return;
    }
    channel->in_n += (size_t)n;
    struct bytes in = {channel->in, channel->in_n};
    for (;;) {
        struct wire_message message;
        enum wire_read got = wire_read(&in, &message);
        if (got == WIRE_READ_MORE)
            break;
        if (got == WIRE_READ_BAD || !on_message(channel, &message)) {
            child_end(child, "the signer broke the protocol");
            return;
        }
        if (child->closing)
            return;
    }
    memmove(channel->in, in.p, in.n);
    channel->in_n = in.n;
}

struct write {
    uv_write_t request;
    uint8_t bytes[WIRE_BYTES_MAX];
};

static void written(uv_write_t *request, int status)
{
    (void)status; /* a broken channel also ends in on_read */
    free(request->data);
}

static bool channel_write(struct channel *channel, const struct wire_message *message)
{
    struct write *write = malloc(sizeof *write);
    CHECK(write != NULL);
    struct buf out;
    buf_init(&out, write->bytes, sizeof write->bytes);
    if (!wire_write(message, &out) || out.full) {
        free(write);
        return false;
    }
    write->request.data = write;
    uv_buf_t piece = uv_buf_init((char *)write->bytes, (unsigned)out.n);
    if (uv_write(&write->request, (uv_stream_t *)&channel->pipe, &piece, 1, written) != 0) {
        free(write);
        return false;
    }
    return true;
}

static void child_exited(uv_process_t *process, int64_t status, int signum)
{
    struct child *child = process->data;
    char why[120];
    snprintf(why, sizeof why, "the signer ended (status %lld, signal %d); see its last line above",
             (long long)status, signum);
    child->running = false;
    if (child->closing)
        uv_close((uv_handle_t *)process, handle_closed);
    else
        child_end(child, why);
}

static struct child *child_new(struct signer *signer, uv_stdio_container_t *stdio)
{
    struct child *child = calloc(1, sizeof *child);
    CHECK(child != NULL);
    child->signer = signer;
    for (size_t i = 0; i < CHANNELS; i++) {
        struct channel *channel = &child->channel[i];
        channel->child = child;
        channel->key = i;
        uv_pipe_init(signer->loop, &channel->pipe, 0);
        channel->pipe.data = child;
        stdio[i].flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE;
        stdio[i].data.stream = (uv_stream_t *)&channel->pipe;
    }
    return child;
}

/* Into *place: `child`, or `next` when it is to take over. */
static void child_start(struct signer *signer, struct child **place)
{
    uv_stdio_container_t stdio[CHANNEL_FD + CHANNELS] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    struct child *child = child_new(signer, stdio + CHANNEL_FD);
    char *args[] = {signer->program, "--config",     signer->config_file,
                    "--relayer-fd",  "3",            "--arbiter-fd",
                    "4",             "--more-fd",    "5",
                    place == &signer->next ? "--takeover" : NULL, NULL};
    uv_process_options_t options = {.file = signer->program,
                                    .args = args,
                                    .stdio_count = CHANNEL_FD + CHANNELS,
                                    .stdio = stdio,
                                    .exit_cb = child_exited};
    *place = child;
    int r = uv_spawn(signer->loop, &child->process, &options);
    child->process.data = child;
    child->open_handles = 1 + CHANNELS;
    child->running = r == 0;
    if (r != 0) {
        char why[160];
        snprintf(why, sizeof why, "cannot start the signer %s: %s", signer->program,
                 uv_strerror(r));
        child_end(child, why);
        return;
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        struct wire_message hello = {.type = WIRE_HELLO, .version = WIRE_VERSION};
        (void)uv_read_start((uv_stream_t *)&child->channel[i].pipe, on_alloc, on_read);
        (void)channel_write(&child->channel[i], &hello);
    }
}

static void end_late_requests(struct child *child, int64_t now)
{
    const struct signer *signer = child->signer;
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < SIGNER_WAITING_MAX; i++) {
            struct request *request = &child->channel[c].waiting[i];
            if (!request->used || now < request->deadline_ms)
                continue;
            request->used = false;
            struct err err;
            err_set(&err, ERR_SIGNER_TIMEOUT, "the signer did not answer within %d ms",
                    SIGNER_DEADLINE_MS);
            request->cb(request->ctx, &err, (struct bytes){0});
            if (signer->child != child)
                return;
        }
    }
}

static void tick(void *ctx)
{
    struct signer *signer = ctx;
    int64_t now = clock_mono_ms();
    if (signer->child == NULL && signer->next == NULL && now >= signer->restart_at_ms)
        child_start(signer, &signer->child);
    if (signer->child != NULL)
        end_late_requests(signer->child, now);
    judge_next(signer);
    hand_over(signer);
    if (signer->reloaded == NULL)
        return;
    if (signer->next == NULL && signer_is_settled(signer))
        reload_ended(signer, NULL);
    else if (now >= signer->reload_deadline_ms && signer->next != NULL)
        child_end(signer->next, "the new signer did not get ready in time");
    else if (now >= signer->reload_deadline_ms)
        reload_ended(signer, signer->trouble);
}

bool signer_is_settled(const struct signer *signer)
{
    const struct child *child = signer->child;
    if (child == NULL)
        return false;
    for (size_t i = 0; i < CHANNELS; i++) {
        if (!child->channel[i].known && !child->channel[i].closed)
            return false;
    }
    return true;
}

bool signer_reload(struct signer *signer, signer_judge *judge, signer_reloaded_cb *cb, void *ctx)
{
    if (signer->reloaded != NULL || signer->next != NULL)
        return false;
    signer->judge = judge;
    signer->reloaded = cb;
    signer->reload_ctx = ctx;
    signer->reload_deadline_ms = clock_mono_ms() + SIGNER_RELOAD_MS;
    child_start(signer, &signer->next);
    return true;
}

struct signer *signer_new(uv_loop_t *loop, const char *program, const char *config_file)
{
    struct signer *signer = calloc(1, sizeof *signer);
    CHECK(signer != NULL);
    signer->loop = loop;
    signer->program = strdup(program);
    signer->config_file = strdup(config_file);
    CHECK(signer->program != NULL && signer->config_file != NULL);
    snprintf(signer->trouble, sizeof signer->trouble, "the signer has not said hello yet");
    signer->next_id = 1;
    signer->timer = loop_timer_new(loop, tick, signer);
    loop_timer_start(signer->timer, 0, 100);
    return signer;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL)
        return;
    struct child *const children[] = {signer->child, signer->next};
    reload_ended(signer, "the daemon is stopping");
    for (size_t i = 0; i < 2; i++) {
        if (children[i] == NULL)
            continue;
        children[i]->signer = NULL;
        child_end(children[i], "the daemon is stopping");
    }
    loop_timer_free(signer->timer);
    free(signer->program);
    free(signer->config_file);
    free(signer);
}

static struct channel *channel_of(const struct signer *signer, size_t key)
{
    CHECK(key < CHANNELS);
    return signer->child == NULL ? NULL : &signer->child->channel[key];
}

bool signer_identity(const struct signer *signer, size_t key, uint8_t address[20],
                     uint64_t *chain_id)
{
    const struct channel *channel = channel_of(signer, key);
    if (channel == NULL || !channel->known)
        return false;
    memcpy(address, channel->address, 20);
    *chain_id = channel->chain_id;
    return true;
}

const char *signer_key_name(size_t key)
{
    return wire_key_name(key);
}

enum effect_lane signer_key_lane(size_t key)
{
    return wire_key_role(key) == WIRE_ROLE_ARBITER ? LANE_ARBITER : LANE_RELAYER;
}

bool signer_key_moves_tokens(size_t key)
{
    return wire_key_role(key) == WIRE_ROLE_RELAYER;
}

const char *signer_trouble(const struct signer *signer)
{
    return signer->trouble;
}

struct refusal {
    signer_cb *cb;
    void *ctx;
    struct err err;
};

static void refuse_later(void *ctx)
{
    struct refusal *refusal = ctx;
    refusal->cb(refusal->ctx, &refusal->err, (struct bytes){0});
    free(refusal);
}

static void refuse(struct signer *signer, signer_cb *cb, void *ctx, enum err_code code,
                   const char *why)
{
    struct refusal *refusal = calloc(1, sizeof *refusal);
    CHECK(refusal != NULL);
    refusal->cb = cb;
    refusal->ctx = ctx;
    err_set(&refusal->err, code, "%s", why);
    loop_later(signer->loop, refuse_later, refusal);
}

void signer_sign(struct signer *signer, size_t key, uint64_t fence,
                 struct bytes unsigned_tx, signer_cb *cb, void *ctx)
{
    struct channel *channel = channel_of(signer, key);
    if (channel == NULL || !channel->known || signer->leaving) {
        refuse(signer, cb, ctx, ERR_SIGNER_AWAY,
               signer->leaving ? "the signer is being replaced" : signer->trouble);
        return;
    }
    struct request *request = NULL;
    for (size_t i = 0; i < SIGNER_WAITING_MAX && request == NULL; i++) {
        if (!channel->waiting[i].used)
            request = &channel->waiting[i];
    }
    if (request == NULL) {
        refuse(signer, cb, ctx, ERR_BUSY, "too many signatures are waiting");
        return;
    }
    struct wire_message message = {
        .type = WIRE_SIGN, .request_id = signer->next_id++, .fence = fence, .payload = unsigned_tx};
    if (!channel_write(channel, &message)) {
        refuse(signer, cb, ctx, ERR_SIGNER_AWAY,
               "the transaction does not fit a frame of the signer");
        return;
    }
    *request = (struct request){.used = true,
                                .id = message.request_id,
                                .deadline_ms = clock_mono_ms() + SIGNER_DEADLINE_MS,
                                .cb = cb,
                                .ctx = ctx};
}
