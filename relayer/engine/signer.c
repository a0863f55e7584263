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

enum { CHANNELS = 2, CHANNEL_FD = 3, REFUSED_FENCE_TEXT_MAX = 200 };

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
    enum wire_role role;
    bool known; /* HELLO_OK came */
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
    int64_t restart_at_ms;
    unsigned failures; /* starts since the last hello */
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

/* Gives up this process: every open request is answered, the next tick starts another. A signature that
 * was under way is recorded by the signer itself, so asking again gives the same bytes. */
static void child_end(struct child *child, const char *why)
{
    if (child->closing)
        return;
    child->closing = true;
    struct signer *signer = child->signer;
    if (signer != NULL) {
        signer->child = NULL;
        signer->restart_at_ms =
            clock_mono_ms() + backoff_ms(signer->failures++, SIGNER_RESTART_MS,
                                         SIGNER_RESTART_MAX_MS, (uint64_t)child->process.pid);
        snprintf(signer->trouble, sizeof signer->trouble, "%s", why);
        log_warn("signer_gone", "%s; starting it again", why);
    }
    /* A process that still runs is closed when it is reaped, or it would stay as a zombie. */
    if (child->running)
        (void)uv_process_kill(&child->process, SIGTERM);
    else
        uv_close((uv_handle_t *)&child->process, handle_closed);
    for (size_t i = 0; i < CHANNELS; i++)
        uv_close((uv_handle_t *)&child->channel[i].pipe, handle_closed);
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

static bool on_hello(struct channel *channel, const struct wire_message *m)
{
    if (m->version != WIRE_VERSION || m->role != channel->role)
        return false;
    channel->known = true;
    if (channel->child->signer != NULL)
        channel->child->signer->failures = 0;
    channel->chain_id = m->chain_id;
    memcpy(channel->address, m->address, sizeof channel->address);
    return true;
}

static bool on_answer(struct channel *channel, const struct wire_message *m)
{
    struct request *request = request_find(channel, m->request_id);
    if (request == NULL)
        return true; /* its deadline passed; the signer has recorded it */
    request->used = false;
    if (m->type == WIRE_SIGNED) {
        metrics_add(METRIC_signer_signed, 1);
        request->cb(request->ctx, NULL, m->payload);
        return true;
    }
    metrics_add(METRIC_signer_refused, 1);
    struct err err;
    err_set(&err, m->code == WIRE_CODE_FENCE ? ERR_SIGNER_FENCE : ERR_SIGNER_REFUSED,
            "signer refused (%u): %.*s", (unsigned)m->code,
            (int)(m->payload.n < REFUSED_FENCE_TEXT_MAX ? m->payload.n : REFUSED_FENCE_TEXT_MAX),
            (const char *)m->payload.p);
    request->cb(request->ctx, &err, (struct bytes){0});
    return true;
}

static bool on_message(struct channel *channel, const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_HELLO_OK:
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

static void child_start(struct signer *signer)
{
    struct child *child = calloc(1, sizeof *child);
    CHECK(child != NULL);
    child->signer = signer;
    uv_stdio_container_t stdio[CHANNEL_FD + CHANNELS] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    for (int i = 0; i < CHANNELS; i++) {
        struct channel *channel = &child->channel[i];
        channel->child = child;
        channel->role = i == 0 ? WIRE_ROLE_RELAYER : WIRE_ROLE_ARBITER;
        uv_pipe_init(signer->loop, &channel->pipe, 0);
        channel->pipe.data = child;
        stdio[CHANNEL_FD + i].flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE;
        stdio[CHANNEL_FD + i].data.stream = (uv_stream_t *)&channel->pipe;
    }
    char *args[] = {signer->program,
                    "--config",
                    signer->config_file,
                    "--relayer-fd",
                    "3",
                    "--arbiter-fd",
                    "4",
                    NULL};
    uv_process_options_t options = {.file = signer->program,
                                    .args = args,
                                    .stdio_count = CHANNEL_FD + CHANNELS,
                                    .stdio = stdio,
                                    .exit_cb = child_exited};
    int r = uv_spawn(signer->loop, &child->process, &options);
    child->process.data = child;
    child->open_handles = 1 + CHANNELS;
    signer->child = child;
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

static void tick(void *ctx)
{
    struct signer *signer = ctx;
    int64_t now = clock_mono_ms();
    if (signer->child == NULL) {
        if (now >= signer->restart_at_ms)
            child_start(signer);
        return;
    }
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < SIGNER_WAITING_MAX; i++) {
            struct request *request = &signer->child->channel[c].waiting[i];
            if (!request->used || now < request->deadline_ms)
                continue;
            request->used = false;
            struct err err;
            err_set(&err, ERR_SIGNER_TIMEOUT, "the signer did not answer within %d ms",
                    SIGNER_DEADLINE_MS);
            request->cb(request->ctx, &err, (struct bytes){0});
            if (signer->child == NULL)
                return;
        }
    }
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
    if (signer->child != NULL) {
        struct child *child = signer->child;
        child->signer = NULL;
        child_end(child, "the daemon is stopping");
    }
    loop_timer_free(signer->timer);
    free(signer->program);
    free(signer->config_file);
    free(signer);
}

static struct channel *channel_of(const struct signer *signer, enum effect_lane role)
{
    if (signer->child == NULL)
        return NULL;
    return &signer->child->channel[role == LANE_ARBITER ? 1 : 0];
}

bool signer_identity(const struct signer *signer, enum effect_lane role, uint8_t address[20],
                     uint64_t *chain_id)
{
    const struct channel *channel = channel_of(signer, role);
    if (channel == NULL || !channel->known)
        return false;
    memcpy(address, channel->address, 20);
    *chain_id = channel->chain_id;
    return true;
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

void signer_sign(struct signer *signer, enum effect_lane role, uint64_t fence,
                 struct bytes unsigned_tx, signer_cb *cb, void *ctx)
{
    struct channel *channel = channel_of(signer, role);
    if (channel == NULL || !channel->known) {
        refuse(signer, cb, ctx, ERR_SIGNER_AWAY, signer->trouble);
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
