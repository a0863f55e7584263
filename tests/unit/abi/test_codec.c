/* The ABI codec: ethereum/tests ABITests, the examples of the ABI specification, strictness, and
 * revert data. */
#include "abi/codec.h"
#include "abi/hex.h"
#include "tests/unit/abi/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t mem_vector[VECTOR_BYTES_MAX], mem_output[VECTOR_BYTES_MAX];

static struct bytes vector_result(json_t *root, const char *name)
{
    json_t *vector = json_object_get(root, name);
    return vectors_bytes(json_string_value(json_object_get(vector, "result")), mem_vector);
}

/* The three vectors of basic_abi_tests.json. Their argument lists are written out here: f(uint256,
 * uint32[],bytes10,bytes), (uint256) and (uint256,address). */
static void published_encodings(void **state)
{
    (void)state;
    json_t *root = vectors_load("tests/vectors/ethereum-tests/ABITests/basic_abi_tests.json");
    struct buf out;
    uint8_t bytes10[32] = "1234567890", address[20];

    buf_init(&out, mem_output, sizeof mem_output);
    codec_put_u64(&out, 98127491);
    assert_true(bytes_equal(buf_bytes(&out), vector_result(root, "SingleInteger")));

    buf_init(&out, mem_output, sizeof mem_output);
    assert_true(hex_decode_exact("0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826", address, 20));
    codec_put_u64(&out, 324124);
    codec_put_address(&out, address);
    assert_true(bytes_equal(buf_bytes(&out), vector_result(root, "IntegerAndAddress")));

    buf_init(&out, mem_output, sizeof mem_output);
    codec_put_u64(&out, 291);
    codec_put_u64(&out, 0x80);
    codec_put_bytes32(&out, bytes10);
    codec_put_u64(&out, 0xe0);
    codec_put_u64(&out, 2);
    codec_put_u64(&out, 1110);
    codec_put_u64(&out, 1929);
    codec_put_bytes(&out, (struct bytes){(const uint8_t *)"Hello, world!", 13});
    assert_true(bytes_equal(buf_bytes(&out), vector_result(root, "GithubWikiTest")));
    assert_int_equal(json_object_size(root), 3);
    json_decref(root);
}

/* A word whose byte `at` is `value`. */
static struct bytes word(size_t at, uint8_t value)
{
    static uint8_t mem[32];
    memset(mem, 0, sizeof mem);
    mem[at] = value;
    return (struct bytes){mem, 32};
}

static void values_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    uint64_t number;
    bool flag;
    uint8_t address[20];
    struct u256 wide;
    assert_true(codec_read_u64(word(24, 1), &number) && number == UINT64_C(1) << 56);
    assert_false(codec_read_u64(word(23, 1), &number));
    assert_true(codec_read_u256(word(0, 1), &wide) && wide.be[0] == 1);
    assert_true(codec_read_bool(word(31, 1), &flag) && flag);
    assert_true(codec_read_bool(word(31, 0), &flag) && !flag);
    assert_false(codec_read_bool(word(31, 2), &flag));
    assert_false(codec_read_bool(word(0, 1), &flag));
    assert_true(codec_read_address(word(12, 9), address) && address[0] == 9);
    assert_false(codec_read_address(word(11, 1), address));
    struct bytes shorter = {word(31, 1).p, 31};
    assert_false(codec_read_u64(shorter, &number));
    assert_false(codec_read_u64((struct bytes){0}, &number));
    uint8_t two[64] = {0};
    assert_false(codec_read_u64((struct bytes){two, 64}, &number));

    struct codec c = codec_reader(word(31, 0xff));
    assert_int_equal(codec_get_uint(&c, 8), 0xff);
    assert_true(codec_done(&c));
    c = codec_reader(word(30, 1));
    assert_int_equal(codec_get_uint(&c, 8), 0);
    assert_false(codec_done(&c));
    c = codec_reader(word(26, 1));
    assert_int_equal(codec_get_uint(&c, 40), 0);
    assert_true(c.bad);
    assert_int_equal(codec_get_uint(&c, 64), 0); /* stays bad */
    assert_false(codec_done(&c));
}

/* bytes behind an offset: 0x20, length, content, padding. */
static struct bytes dynamic(uint64_t offset, uint64_t length, const char *content, size_t content_n)
{
    struct buf out;
    buf_init(&out, mem_output, sizeof mem_output);
    codec_put_u64(&out, offset);
    codec_put_u64(&out, length);
    buf_put(&out, content, content_n);
    return buf_bytes(&out);
}

static bool reads_as_bytes(struct bytes in, size_t max)
{
    struct codec c = codec_reader(in);
    codec_get_bytes(&c, CODEC_WORD, max);
    return codec_done(&c);
}

static void dynamic_values_have_one_layout(void **state)
{
    (void)state;
    static const char content[64] = "abc", dirty[32] = "abcd";
    assert_true(reads_as_bytes(dynamic(32, 3, content, 32), 3));
    assert_true(reads_as_bytes(dynamic(32, 0, content, 0), 3));
    assert_false(reads_as_bytes(dynamic(32, 3, content, 32), 2));
    assert_false(reads_as_bytes(dynamic(64, 3, content, 32), 3));
    assert_false(reads_as_bytes(dynamic(0, 3, content, 32), 3));
    assert_false(reads_as_bytes(dynamic(32, 3, dirty, 32), 3));
    assert_false(reads_as_bytes(dynamic(32, 3, content, 31), 3));
    assert_false(reads_as_bytes(dynamic(32, 3, content, 64), 3));
    assert_false(reads_as_bytes(dynamic(32, 33, content, 32), 64));
    assert_false(reads_as_bytes(dynamic(32, UINT64_MAX, content, 32), SIZE_MAX));
    assert_false(reads_as_bytes(dynamic(32, UINT64_MAX - 30, content, 32), SIZE_MAX));
    assert_false(reads_as_bytes((struct bytes){0}, 3));
}

static enum codec_revert revert_of(const char *hex, char *text, size_t cap)
{
    return codec_revert_decode(vectors_bytes(hex, mem_vector), text, cap);
}

/* The example of the Solidity documentation ("Not enough Ether provided."), panics, and damage. */
static void revert_data(void **state)
{
    (void)state;
    static const char error[] =
        "0x08c379a0"
        "0000000000000000000000000000000000000000000000000000000000000020"
        "000000000000000000000000000000000000000000000000000000000000001a"
        "4e6f7420656e6f7567682045746865722070726f76696465642e000000000000";
    char text[64], small[4];
    assert_int_equal(revert_of(error, text, sizeof text), CODEC_REVERT_ERROR);
    assert_string_equal(text, "Not enough Ether provided.");
    assert_int_equal(revert_of(error, small, sizeof small), CODEC_REVERT_ERROR);
    assert_string_equal(small, "Not");
    assert_int_equal(revert_of(error, small, 1), CODEC_REVERT_ERROR);
    assert_string_equal(small, "");
    assert_int_equal(revert_of("0x4e487b71"
                               "0000000000000000000000000000000000000000000000000000000000000011",
                               text, sizeof text), CODEC_REVERT_PANIC);
    assert_string_equal(text, "0x11 arithmetic overflow");
    assert_int_equal(revert_of("0x4e487b71"
                               "0000000000000000000000000000000000000000000000000000000000000099",
                               text, sizeof text), CODEC_REVERT_PANIC);
    assert_string_equal(text, "0x99 unknown panic");
    assert_int_equal(revert_of("", text, sizeof text), CODEC_REVERT_EMPTY);
    assert_int_equal(revert_of("0x08c379", text, sizeof text), CODEC_REVERT_BROKEN);
    assert_int_equal(revert_of("0x08c379a0", text, sizeof text), CODEC_REVERT_BROKEN);
    assert_int_equal(revert_of("0x4e487b7111", text, sizeof text), CODEC_REVERT_BROKEN);
    assert_int_equal(revert_of("0x12345678", text, sizeof text), CODEC_REVERT_CUSTOM);
    assert_string_equal(text, "");
}

/* A hostile contract's text must not reach a log as control characters. */
static void revert_text_is_printable(void **state)
{
    (void)state;
    char text[64];
    struct buf out;
    buf_init(&out, mem_output, sizeof mem_output);
    codec_put_selector(&out, 0x08c379a0);
    codec_put_u64(&out, 32);
    codec_put_bytes(&out, (struct bytes){(const uint8_t *)"a\n\x1b[2J\0\xff" "b", 9});
    assert_int_equal(codec_revert_decode(buf_bytes(&out), text, sizeof text), CODEC_REVERT_ERROR);
    assert_string_equal(text, "a??[2J??b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_encodings),
        cmocka_unit_test(values_that_do_not_fit_are_refused),
        cmocka_unit_test(dynamic_values_have_one_layout),
        cmocka_unit_test(revert_data),
        cmocka_unit_test(revert_text_is_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
