/* Contract calls, answers of views and revert data (abi/codec.h, escrow.h, mxnb.h). The input is calldata, an
 * answer and revert data in turn. A call that decodes encodes back to the same bytes: what the signer's
 * policy reads is what the chain will do. */
#include <stdlib.h>
#include <string.h>

#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/mxnb.h"
#include "tests/fuzz/fuzz.h"

static void escrow_check(struct bytes in)
{
    static struct escrow_call call;
    static uint8_t room[ESCROW_CALL_SIZE_MAX];
    struct buf out;

    if (!escrow_call_decode(in, &call))
        return;
    HOLDS(in.n <= ESCROW_CALL_SIZE_MAX && call.n >= 1 && call.n <= ESCROW_BATCH_MAX);
    HOLDS(escrow_call_name(call.kind)[0] != '\0');
    buf_init(&out, room, sizeof room);
    HOLDS(escrow_call_encode(&call, &out) && bytes_equal(buf_bytes(&out), in));
    buf_init(&out, room, in.n - 1);
    HOLDS(!escrow_call_encode(&call, &out));
    /* Not one byte more or less is the same call. */
    HOLDS(!escrow_call_decode((struct bytes){in.p, in.n - 1}, &call));
}

static void mxnb_check(struct bytes in)
{
    static struct escrow_call other;
    uint8_t room[MXNB_CALL_SIZE_MAX];
    struct mxnb_call call;
    struct buf out;

    if (!mxnb_call_decode(in, &call))
        return;
    buf_init(&out, room, sizeof room);
    HOLDS(mxnb_call_encode(&call, &out) && bytes_equal(buf_bytes(&out), in));
    HOLDS(mxnb_call_name(call.kind)[0] != '\0');
    HOLDS(!escrow_call_decode(in, &other));
}

/* Each one-word reader accepts what its writer writes, and nothing else. */
static void words_check(struct bytes in)
{
    uint8_t room[CODEC_WORD], address[20];
    struct buf out;
    struct u256 wide;
    uint64_t value;
    bool yes;

    buf_init(&out, room, sizeof room);
    HOLDS(codec_read_u256(in, &wide) == (in.n == CODEC_WORD));
    if (codec_read_u64(in, &value)) {
        codec_put_u64(&out, value);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
    buf_init(&out, room, sizeof room);
    if (codec_read_bool(in, &yes)) {
        codec_put_bool(&out, yes);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
    buf_init(&out, room, sizeof room);
    if (codec_read_address(in, address)) {
        codec_put_address(&out, address);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
}

static void view_check(struct bytes in)
{
    struct escrow_view view;
    uint8_t room[8 * CODEC_WORD], bits;
    uint64_t until;
    struct buf out;

    buf_init(&out, room, sizeof room);
    if (escrow_view_decode(in, &view)) {
        HOLDS(view.state <= ESCROW_STATE_SPLIT && view.party <= ESCROW_PARTY_ARBITER);
        codec_put_u64(&out, view.amount_units);
        codec_put_u64(&out, view.created_at);
        codec_put_u64(&out, view.custody_end);
        codec_put_u64(&out, view.disputed_at);
        codec_put_u64(&out, view.state);
        codec_put_bool(&out, view.lock);
        codec_put_u64(&out, view.party);
        codec_put_u64(&out, view.round);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
    buf_init(&out, room, sizeof room);
    if (escrow_paused_decode(in, &bits, &until)) {
        codec_put_u64(&out, bits);
        codec_put_u64(&out, until);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
}

/* The array and string readers over any bytes: `in` as the arguments of f(bytes) and f(bytes32[]). */
static void dynamic_check(struct bytes in)
{
    uint8_t *room = malloc(in.n + 1), item[32];
    struct codec c = codec_reader(in);
    struct bytes text = codec_get_bytes(&c, CODEC_WORD, 1024);
    struct buf out;
    size_t n;

    HOLDS(room != NULL);
    buf_init(&out, room, in.n);
    if (codec_done(&c)) {
        HOLDS(text.n <= 1024);
        codec_put_u64(&out, CODEC_WORD);
        codec_put_bytes(&out, text);
        HOLDS(bytes_equal(buf_bytes(&out), in));
    }
    c = codec_reader(in);
    n = codec_get_array(&c, CODEC_WORD, 50);
    HOLDS(n <= 50 && (!c.bad || n == 0));
    buf_init(&out, room, in.n);
    codec_put_u64(&out, CODEC_WORD);
    codec_put_u64(&out, n);
    for (size_t i = 0; i < n; i++) {
        codec_get_bytes32(&c, item);
        codec_put_bytes32(&out, item);
    }
    if (codec_done(&c))
        HOLDS(bytes_equal(buf_bytes(&out), in));
    free(room);
}

static void revert_check(struct bytes in)
{
    static const size_t caps[] = {1, 2, 17, 256};
    enum revert_class first = escrow_revert_classify(in, (char[256]){0}, 256);
    const char *name = escrow_error_name(in);
    char *text = malloc(256);

    HOLDS(text != NULL && (name == NULL || in.n >= 4));
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        memset(text, 0x7f, 256);
        HOLDS(escrow_revert_classify(in, text, caps[i]) == first);
        HOLDS(memchr(text, '\0', caps[i]) != NULL);
        for (const char *at = text; *at != '\0'; at++)
            HOLDS(*at >= ' ' && *at <= '~');
        HOLDS(codec_revert_decode(in, text, caps[i]) <= CODEC_REVERT_BROKEN);
        HOLDS(memchr(text, '\0', caps[i]) != NULL);
    }
    HOLDS(codec_revert_decode(in, text, 256) != CODEC_REVERT_EMPTY || in.n == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = {data, n};

    escrow_check(in);
    mxnb_check(in);
    words_check(in);
    view_check(in);
    dynamic_check(in);
    revert_check(in);
    return 0;
}
