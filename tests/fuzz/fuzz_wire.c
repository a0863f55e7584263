/* Frames between the daemon and the signer (keystore/wire.h), as a stream of bytes: what is read writes back
 * to the same bytes, a cut frame asks for more, and no frame reads past its own end. */
#include <string.h>

#include "keystore/wire.h"
#include "tests/fuzz/fuzz.h"

static void message_check(const struct wire_message *message)
{
    switch (message->type) {
    case WIRE_SIGN:
        HOLDS(message->payload.n <= WIRE_TX_MAX);
        break;
    case WIRE_REFUSED:
        HOLDS(message->payload.n <= WIRE_TEXT_MAX);
        break;
    case WIRE_HELLO_OK:
    case WIRE_STANDBY:
        HOLDS(message->role >= WIRE_ROLE_RELAYER && message->role <= WIRE_ROLE_POOL);
        HOLDS(wire_role_name(message->role)[0] != '\0');
        break;
    case WIRE_HELLO:
    case WIRE_SIGNED:
    case WIRE_PING:
    case WIRE_PONG:
        break;
    }
    HOLDS(message->payload.n == 0 || message->payload.p != NULL);
}

/* Every shorter beginning of a good frame is a good beginning. */
static void prefixes_check(const uint8_t *frame, size_t n)
{
    for (size_t cut = 0; cut < n; cut += 1 + cut / 16) {
        struct bytes part = {frame, cut};
        struct wire_message message;

        HOLDS(wire_read(&part, &message) == WIRE_READ_MORE);
        HOLDS(part.p == frame && part.n == cut);
    }
}

static void frame_check(const struct wire_message *message, const uint8_t *frame, size_t n)
{
    static uint8_t written[WIRE_BYTES_MAX];
    struct buf out;

    HOLDS(n >= 5 && n <= WIRE_BYTES_MAX);
    message_check(message);
    buf_init(&out, written, sizeof written);
    HOLDS(wire_write(message, &out) && out.n == n && memcmp(written, frame, n) == 0);
    prefixes_check(frame, n);
    /* Room for one byte less is no room. */
    buf_init(&out, written, n - 1);
    HOLDS(!wire_write(message, &out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = {data, n};

    for (;;) {
        struct wire_message message = {0};
        struct bytes before = in;
        enum wire_read read = wire_read(&in, &message);

        if (read != WIRE_READ_OK) {
            HOLDS(in.p == before.p && in.n == before.n);
            HOLDS(read != WIRE_READ_MORE || in.n < WIRE_BYTES_MAX);
            return 0;
        }
        HOLDS(in.n < before.n && in.p + in.n == data + n);
        frame_check(&message, before.p, before.n - in.n);
    }
}
