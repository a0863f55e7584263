/* RLP (abi/rlp.h): what reads is canonical, so it writes back to the same bytes, at every depth. */
#include <stdlib.h>
#include <string.h>

#include "abi/rlp.h"
#include "tests/fuzz/fuzz.h"

/* The item at the front of `in`, written again, is the bytes it was read from. */
static void item_check(struct bytes in)
{
    struct bytes rest = in;
    struct rlp item;
    struct buf out;
    uint8_t *room;
    size_t n;

    if (!rlp_read(&rest, &item)) {
        HOLDS(rest.p == in.p && rest.n == in.n);
        return;
    }
    n = in.n - rest.n;
    HOLDS(n >= 1 && rest.p == in.p + n && item.body.n <= n);
    HOLDS(item.body.n == 0 || (item.body.p >= in.p && item.body.p + item.body.n <= in.p + n));
    room = malloc(n);
    HOLDS(room != NULL);
    buf_init(&out, room, n);
    if (item.is_list)
        rlp_put_list(&out, item.body);
    else
        rlp_put_string(&out, item.body);
    HOLDS(!out.full && out.n == n && memcmp(room, in.p, n) == 0);
    free(room);
}

/* Typed readers take what the plain one takes, or leave the input as it was. */
static void typed_check(struct bytes in)
{
    struct bytes rest = in, text;
    uint8_t room[40], exact[20];
    struct u256 wide;
    struct buf out;
    uint64_t value;

    if (rlp_read_u64(&rest, &value)) {
        buf_init(&out, room, sizeof room);
        rlp_put_u64(&out, value);
        HOLDS(out.n == in.n - rest.n && memcmp(room, in.p, out.n) == 0);
        rest = in;
        HOLDS(rlp_read_u256(&rest, &wide) && u256_to_u64(&wide, &value));
    }
    rest = in;
    if (rlp_read_u256(&rest, &wide)) {
        buf_init(&out, room, sizeof room);
        rlp_put_u256(&out, &wide);
        HOLDS(out.n == in.n - rest.n && memcmp(room, in.p, out.n) == 0);
    } else {
        HOLDS(rest.p == in.p && rest.n == in.n);
    }
    rest = in;
    if (rlp_read_exact(&rest, exact, sizeof exact)) {
        rest = in;
        HOLDS(rlp_read_string(&rest, &text) && text.n == 20 && memcmp(text.p, exact, 20) == 0);
    }
}

/* Walks as rlp_check does, with its own count of depth; true when all of it is canonical. */
static bool tree_is_canonical(struct bytes in, unsigned depth)
{
    while (in.n > 0) {
        struct rlp item;

        if (!rlp_read(&in, &item))
            return false;
        if (item.is_list && (depth == 0 || !tree_is_canonical(item.body, depth - 1)))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes in = {data, n}, rest = in;
    struct rlp item;

    for (size_t i = 0; i < 64 && rest.n > 0; i++) {
        item_check(rest);
        typed_check(rest);
        if (!rlp_read(&rest, &item))
            break;
    }
    rest = in;
    if (rlp_check(in)) {
        HOLDS(rlp_read(&rest, &item) && rest.n == 0);
        HOLDS(tree_is_canonical(in, RLP_DEPTH_MAX + 1));
        HOLDS(!rlp_check((struct bytes){data, n - 1}));
    } else {
        HOLDS(!rlp_read(&rest, &item) || rest.n > 0 ||
              !tree_is_canonical(in, RLP_DEPTH_MAX - 1));
    }
    return 0;
}
