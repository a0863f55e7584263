#include "keystore/wire.h"

#include <string.h>

_Static_assert(WIRE_HELLO == 1 && WIRE_HELLO_OK == 2 && WIRE_SIGN == 3 && WIRE_SIGNED == 4 &&
                   WIRE_REFUSED == 5 && WIRE_PING == 7 && WIRE_PONG == 8 && WIRE_STANDBY == 9,
               "frame numbers are the protocol");
_Static_assert(WIRE_ROLE_RELAYER == 1 && WIRE_ROLE_ARBITER == 2 && WIRE_ROLE_POOL == 3,
               "role numbers are the protocol");

// Takes `n` bytes as a big-endian number; a short body marks it bad once and for all.
static uint64_t take_number(struct bytes *body, size_t n, bool *bad)
{
    if (body->n < n) {
        *bad = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | body->p[i];
    body->p += n;
    body->n -= n;
    return value;
}

static struct bytes take_payload(struct bytes *body, bool *bad)
{
    uint64_t n = take_number(body, 2, bad);
    if (*bad || body->n < n) {
        *bad = true;
        return (struct bytes){0};
    }
    struct bytes payload = {body->p, (size_t)n};
    body->p += n;
    body->n -= n;
    return payload;
}

static void take_hello_ok(struct bytes *body, struct wire_message *out, bool *bad)
{
    out->version = (uint16_t)take_number(body, 2, bad);
    uint64_t role = take_number(body, 1, bad);
    out->role = (enum wire_role)role;
    out->chain_id = take_number(body, 8, bad);
    if (role < WIRE_ROLE_RELAYER || role > WIRE_ROLE_POOL || body->n < sizeof out->address) {
        *bad = true;
        return;
    }
    memcpy(out->address, body->p, sizeof out->address);
    body->p += sizeof out->address;
    body->n -= sizeof out->address;
}

// False for a type this protocol does not have.
static bool take_body(struct bytes *body, struct wire_message *out, bool *bad)
{
    switch (out->type) {
    case WIRE_HELLO:
        out->version = (uint16_t)take_number(body, 2, bad);
        return true;
    case WIRE_HELLO_OK:
    case WIRE_STANDBY:
        take_hello_ok(body, out, bad);
        return true;
    case WIRE_SIGN:
        out->request_id = take_number(body, 8, bad);
        out->fence = take_number(body, 8, bad);
        out->payload = take_payload(body, bad);
        if (out->payload.n > WIRE_TX_MAX)
            *bad = true;
        return true;
    case WIRE_SIGNED:
        out->request_id = take_number(body, 8, bad);
        out->payload = take_payload(body, bad);
        return true;
    case WIRE_REFUSED:
        out->request_id = take_number(body, 8, bad);
        out->code = (uint16_t)take_number(body, 2, bad);
        out->payload = take_payload(body, bad);
        if (out->payload.n > WIRE_TEXT_MAX)
            *bad = true;
        return true;
    case WIRE_PING:
    case WIRE_PONG:
        return true;
    }
    return false;
}

enum wire_read wire_read(struct bytes *in, struct wire_message *out)
{
    struct bytes rest = *in;
    bool bad = false;
    if (rest.n < 4)
        return WIRE_READ_MORE;
    uint64_t n = take_number(&rest, 4, &bad);
    if (n == 0 || n > WIRE_FRAME_MAX)
        return WIRE_READ_BAD;
    if (rest.n < n)
        return WIRE_READ_MORE;

    struct bytes body = {rest.p, (size_t)n};
    struct wire_message message = {.type = (enum wire_type)take_number(&body, 1, &bad)};
    if (!take_body(&body, &message, &bad) || bad || body.n != 0)
        return WIRE_READ_BAD;
    *out = message;
    in->p += 4 + n;
    in->n -= 4 + (size_t)n;
    return WIRE_READ_OK;
}

static void put_number(struct buf *out, uint64_t value, size_t n)
{
    for (size_t i = n; i-- > 0;)
        buf_byte(out, (uint8_t)(value >> (8 * i)));
}

static void put_payload(struct buf *out, struct bytes payload)
{
    put_number(out, payload.n, 2);
    buf_put(out, payload.p, payload.n);
}

static size_t body_bytes(const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_HELLO:
        return 2;
    case WIRE_HELLO_OK:
    case WIRE_STANDBY:
        return 2 + 1 + 8 + 20;
    case WIRE_SIGN:
        return 8 + 8 + 2 + m->payload.n;
    case WIRE_SIGNED:
        return 8 + 2 + m->payload.n;
    case WIRE_REFUSED:
        return 8 + 2 + 2 + m->payload.n;
    case WIRE_PING:
    case WIRE_PONG:
        return 0;
    }
    return SIZE_MAX - 1; // not a frame: refused as too long
}

static void put_body(struct buf *out, const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_HELLO:
        put_number(out, m->version, 2);
        break;
    case WIRE_HELLO_OK:
    case WIRE_STANDBY:
        put_number(out, m->version, 2);
        put_number(out, m->role, 1);
        put_number(out, m->chain_id, 8);
        buf_put(out, m->address, sizeof m->address);
        break;
    case WIRE_SIGN:
        put_number(out, m->request_id, 8);
        put_number(out, m->fence, 8);
        put_payload(out, m->payload);
        break;
    case WIRE_SIGNED:
        put_number(out, m->request_id, 8);
        put_payload(out, m->payload);
        break;
    case WIRE_REFUSED:
        put_number(out, m->request_id, 8);
        put_number(out, m->code, 2);
        put_payload(out, m->payload);
        break;
    case WIRE_PING:
    case WIRE_PONG:
        break;
    }
}

bool wire_write(const struct wire_message *message, struct buf *out)
{
    if (message->payload.n > WIRE_FRAME_MAX)
        return false;
    if (message->type == WIRE_REFUSED && message->payload.n > WIRE_TEXT_MAX)
        return false;
    if (message->type == WIRE_SIGN && message->payload.n > WIRE_TX_MAX)
        return false;
    size_t n = 1 + body_bytes(message);
    if (n > WIRE_FRAME_MAX)
        return false;
    put_number(out, n, 4);
    put_number(out, message->type, 1);
    put_body(out, message);
    return !out->full;
}

const char *wire_role_name(enum wire_role role)
{
    switch (role) {
    case WIRE_ROLE_RELAYER:
        return "relayer";
    case WIRE_ROLE_ARBITER:
        return "arbiter";
    case WIRE_ROLE_POOL:
        return "pool";
    }
    return "unknown";
}

static const char *const KEY_NAMES[] = {"relayer",   "arbiter",   "relayer.2", "relayer.3",
                                        "relayer.4", "relayer.5", "relayer.6", "relayer.7",
                                        "relayer.8", "arbiter.2"};
_Static_assert(sizeof KEY_NAMES / sizeof KEY_NAMES[0] == WIRE_KEYS, "a name for each place");

enum wire_role wire_key_role(size_t key)
{
    if (key == WIRE_KEY_RELAYER)
        return WIRE_ROLE_RELAYER;
    return key == WIRE_KEY_ARBITER || key == WIRE_KEYS - 1 ? WIRE_ROLE_ARBITER : WIRE_ROLE_POOL;
}

const char *wire_key_name(size_t key)
{
    return key < WIRE_KEYS ? KEY_NAMES[key] : "unknown";
}
