/* RLP against ethereum/tests (tests/vectors/ethereum-tests/RLPTests), both directions. */
#include "abi/rlp.h"
#include "tests/unit/abi/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t mem_vector[VECTOR_BYTES_MAX], mem_output[VECTOR_BYTES_MAX];

/* A vector's value: text, "#" and decimal digits, a number, or an array of values. */
static void encode_value(json_t *value, struct buf *out)
{
    if (json_is_array(value)) {
        uint8_t mem[4096];
        struct buf items;
        size_t i;
        json_t *item;
        buf_init(&items, mem, sizeof mem);
        json_array_foreach(value, i, item)
            encode_value(item, &items);
        assert_false(items.full);
        rlp_put_list(out, buf_bytes(&items));
    } else if (json_is_integer(value)) {
        rlp_put_u64(out, (uint64_t)json_integer_value(value));
    } else {
        const char *text = json_string_value(value);
        rlp_put_string(out, (struct bytes){(const uint8_t *)text, json_string_length(value)});
    }
}

/* 2^256 itself is the one big integer of the file that no u256 holds: its bytes are a one and 32
 * zeros. */
static void encode_big(const char *digits, struct buf *out)
{
    static const uint8_t two_256[33] = {1};
    struct u256 number;
    if (u256_from_dec(digits, &number))
        rlp_put_u256(out, &number);
    else
        rlp_put_string(out, (struct bytes){two_256, sizeof two_256});
}

/* Reads any item and writes it again. */
static void copy_items(struct bytes in, struct buf *out)
{
    while (in.n > 0) {
        struct rlp item;
        assert_true(rlp_read(&in, &item));
        if (!item.is_list) {
            rlp_put_string(out, item.body);
            continue;
        }
        uint8_t mem[8192];
        struct buf inner;
        buf_init(&inner, mem, sizeof mem);
        copy_items(item.body, &inner);
        assert_false(inner.full);
        rlp_put_list(out, buf_bytes(&inner));
    }
}

static void valid_vectors(void **state)
{
    (void)state;
    json_t *root = vectors_load("tests/vectors/ethereum-tests/RLPTests/rlptest.json"), *vector;
    const char *name;
    size_t count = 0;
    json_object_foreach(root, name, vector)
    {
        json_t *value = json_object_get(vector, "in");
        struct bytes want = vectors_bytes(json_string_value(json_object_get(vector, "out")),
                                          mem_vector);
        struct buf out;
        buf_init(&out, mem_output, sizeof mem_output);
        if (json_is_string(value) && json_string_value(value)[0] == '#')
            encode_big(json_string_value(value) + 1, &out);
        else
            encode_value(value, &out);
        if (!bytes_equal(buf_bytes(&out), want))
            fail_msg("%s: wrong encoding", name);
        if (!rlp_check(want))
            fail_msg("%s: refused", name);
        buf_init(&out, mem_output, sizeof mem_output);
        copy_items(want, &out);
        if (!bytes_equal(buf_bytes(&out), want))
            fail_msg("%s: does not survive a copy", name);
        count++;
    }
    json_decref(root);
    assert_int_equal(count, 28);
}

static void invalid_vectors(void **state)
{
    (void)state;
    json_t *vector, *root = vectors_load("tests/vectors/ethereum-tests/RLPTests/"
                                         "invalidRLPTest.json");
    const char *name;
    size_t count = 0;
    json_object_foreach(root, name, vector)
    {
        const char *hex = json_string_value(json_object_get(vector, "out"));
        if (rlp_check(vectors_bytes(hex, mem_vector)))
            fail_msg("%s: accepted", name);
        count++;
    }
    json_decref(root);
    assert_int_equal(count, 26);
}

static struct bytes of(const char *text, size_t n)
{
    return (struct bytes){(const uint8_t *)text, n};
}

static void a_refused_read_takes_nothing(void **state)
{
    (void)state;
    uint64_t number = 7;
    uint8_t three[3] = {0};
    struct u256 wide;
    struct bytes part, in = of("\x83" "abc", 4), before = in;
    assert_false(rlp_read_list(&in, &part));
    assert_false(rlp_read_exact(&in, three, 2));
    assert_true(in.p == before.p && in.n == before.n);
    assert_true(rlp_read_exact(&in, three, 3));
    assert_int_equal(in.n, 0);

    in = of("\xc1\x01", 2);
    assert_false(rlp_read_string(&in, &part));
    assert_false(rlp_read_u64(&in, &number));
    assert_true(rlp_read_list(&in, &part) && part.n == 1);

    in = of("\x82\x00\x01", 3); /* an integer with a leading zero is a good string */
    assert_false(rlp_read_u64(&in, &number));
    assert_true(rlp_read_string(&in, &part));
    in = of("\x00", 1); /* zero is the empty string, not a zero byte */
    assert_false(rlp_read_u64(&in, &number));
    in = of("\x89\x01\0\0\0\0\0\0\0\0", 10); /* 2^64 */
    assert_false(rlp_read_u64(&in, &number));
    assert_true(rlp_read_u256(&in, &wide));
    assert_int_equal(number, 7);
    in = of("\x80", 1);
    assert_true(rlp_read_u64(&in, &number) && number == 0);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t mem[2][256];
    struct bytes nested = {0};
    size_t depth = 0;
    /* Each round wraps what is there in one more list. */
    while (depth <= RLP_DEPTH_MAX + 1) {
        struct buf out;
        buf_init(&out, mem[depth % 2], sizeof mem[0]);
        rlp_put_list(&out, nested);
        assert_false(out.full);
        nested = buf_bytes(&out);
        depth++;
        assert_int_equal(rlp_check(nested), depth <= RLP_DEPTH_MAX);
    }
}

static void lengths_at_the_borders(void **state)
{
    (void)state;
    static uint8_t body[70000], mem[70016];
    const size_t sizes[] = {0, 1, 2, 55, 56, 255, 256, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf out;
        struct bytes in, back;
        memset(body, 0xc1, sizes[i]);
        buf_init(&out, mem, sizeof mem);
        rlp_put_string(&out, (struct bytes){body, sizes[i]});
        assert_false(out.full);
        in = buf_bytes(&out);
        assert_true(rlp_read_string(&in, &back));
        assert_true(back.n == sizes[i] && in.n == 0);
        in = (struct bytes){mem, out.n - 1}; /* cut by one */
        assert_false(rlp_read(&in, &(struct rlp){0}));
        out.cap = out.n - 1;
        out.n = 0;
        rlp_put_string(&out, (struct bytes){body, sizes[i]});
        assert_true(out.full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_vectors),
        cmocka_unit_test(invalid_vectors),
        cmocka_unit_test(a_refused_read_takes_nothing),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(lengths_at_the_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
