// wire.h: every frame there and back, byte layout of PROTOCOL.md, and everything that is not a
// frame.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "keystore/wire.h"

static uint8_t memory[WIRE_BYTES_MAX];

static struct bytes written(const struct wire_message *message)
{
    struct buf out;
    buf_init(&out, memory, sizeof memory);
    assert_true(wire_write(message, &out));
    return buf_bytes(&out);
}

static const struct wire_message samples[] = {
    {.type = WIRE_HELLO, .version = 1},
    {.type = WIRE_HELLO_OK, .version = 1, .role = WIRE_ROLE_ARBITER, .chain_id = 42161,
     .address = {0xaa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0xbb}},
    {.type = WIRE_SIGN, .request_id = 0x0102030405060708, .fence = 9,
     .payload = {(const uint8_t *)"\x02\xc0", 2}},
    {.type = WIRE_SIGNED, .request_id = 7, .payload = {(const uint8_t *)"\x02", 1}},
    {.type = WIRE_REFUSED, .request_id = 8, .code = 300, .payload = {(const uint8_t *)"why", 3}},
    {.type = WIRE_PING},
    {.type = WIRE_PONG},
};

// Written by hand from PROTOCOL.md.
static const char *const layouts[] = {
    "00000003" "01" "0001",
    "00000020" "02" "0001" "02" "000000000000a4b1" "aa0102030405060708090a0b0c0d0e0f101112bb",
    "00000015" "03" "0102030405060708" "0000000000000009" "0002" "02c0",
    "0000000c" "04" "0000000000000007" "0001" "02",
    "00000010" "05" "0000000000000008" "012c" "0003" "776879",
    "00000001" "07",
    "00000001" "08",
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static void test_layout(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        char hex[256];
        struct bytes frame = written(&samples[i]);
        hex_encode(frame.p, frame.n, hex);
        assert_string_equal(hex, layouts[i]);
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct wire_message out;
        struct bytes in = written(&samples[i]);
        assert_int_equal(wire_read(&in, &out), WIRE_READ_OK);
        assert_int_equal(in.n, 0);
        assert_int_equal(out.type, samples[i].type);
        assert_int_equal(out.version, samples[i].version);
        assert_int_equal(out.role, samples[i].role);
        assert_int_equal(out.chain_id, samples[i].chain_id);
        assert_memory_equal(out.address, samples[i].address, 20);
        assert_int_equal(out.request_id, samples[i].request_id);
        assert_int_equal(out.fence, samples[i].fence);
        assert_int_equal(out.code, samples[i].code);
        assert_int_equal(out.payload.n, samples[i].payload.n);
        if (out.payload.n)
            assert_memory_equal(out.payload.p, samples[i].payload.p, out.payload.n);
    }
}

static void test_every_prefix_asks_for_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct bytes frame = written(&samples[i]);
        for (size_t n = 0; n < frame.n; n++) {
            struct bytes in = {frame.p, n};
            struct wire_message out;
            assert_int_equal(wire_read(&in, &out), WIRE_READ_MORE);
            assert_int_equal(in.n, n);
        }
    }
}

// A body one byte longer or shorter than its fields is no frame, whatever its type.
static void test_wrong_body_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        for (int change = -1; change <= 1; change += 2) {
            struct bytes frame = written(&samples[i]);
            uint8_t copy[256] = {0};
            memcpy(copy, frame.p, frame.n);
            copy[3] = (uint8_t)(copy[3] + change);
            struct bytes in = {copy, frame.n + 1};
            struct wire_message out;
            assert_int_equal(wire_read(&in, &out), WIRE_READ_BAD);
        }
    }
}

static enum wire_read read_hex(const char *hex)
{
    uint8_t bytes[512];
    size_t n;
    assert_true(hex_decode(hex, strlen(hex), bytes, sizeof bytes, &n));
    struct bytes in = {bytes, n};
    struct wire_message out;
    return wire_read(&in, &out);
}

static void test_not_frames(void **state)
{
    (void)state;
    assert_int_equal(read_hex("00000000"), WIRE_READ_BAD);     // no type
    assert_int_equal(read_hex("00004001"), WIRE_READ_BAD);     // 16385, before any byte of it came
    assert_int_equal(read_hex("00004000"), WIRE_READ_MORE);    // 16384
    assert_int_equal(read_hex("ffffffff"), WIRE_READ_BAD);
    assert_int_equal(read_hex("0000000100"), WIRE_READ_BAD);   // type 0
    assert_int_equal(read_hex("0000000106"), WIRE_READ_BAD);   // type 6 is not used
    assert_int_equal(read_hex("000000010a"), WIRE_READ_BAD);
    assert_int_equal(read_hex("00000001ff"), WIRE_READ_BAD);
    // HELLO_OK with roles that do not exist
    assert_int_equal(read_hex("00000020" "02" "0001" "00" "000000000000a4b1"
                              "aa0102030405060708090a0b0c0d0e0f101112bb"), WIRE_READ_BAD);
    assert_int_equal(read_hex("00000020" "02" "0001" "04" "000000000000a4b1"
                              "aa0102030405060708090a0b0c0d0e0f101112bb"), WIRE_READ_BAD);
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t payload[WIRE_FRAME_MAX];
    struct wire_message message = {.type = WIRE_SIGN, .payload = {payload, WIRE_TX_MAX}};
    struct wire_message out;
    struct bytes in = written(&message);
    assert_int_equal(wire_read(&in, &out), WIRE_READ_OK);

    uint8_t big[WIRE_BYTES_MAX];
    struct buf buf;
    buf_init(&buf, big, sizeof big);
    message.payload.n = WIRE_TX_MAX + 1;
    assert_false(wire_write(&message, &buf));
    message = (struct wire_message){.type = WIRE_REFUSED, .payload = {payload, WIRE_TEXT_MAX + 1}};
    assert_false(wire_write(&message, &buf));
    message = (struct wire_message){.type = WIRE_SIGNED, .payload = {payload, WIRE_FRAME_MAX - 10}};
    assert_false(wire_write(&message, &buf));
    message.payload.n = WIRE_FRAME_MAX - 11;
    assert_true(wire_write(&message, &buf));
    assert_int_equal(buf.n, WIRE_BYTES_MAX);

    buf_init(&buf, big, 4);
    assert_false(wire_write(&(struct wire_message){.type = WIRE_PING}, &buf));
}

static void test_two_frames_in_a_row(void **state)
{
    (void)state;
    struct wire_message out;
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    assert_true(wire_write(&samples[2], &buf) && wire_write(&samples[5], &buf));
    struct bytes in = buf_bytes(&buf);
    assert_int_equal(wire_read(&in, &out), WIRE_READ_OK);
    assert_int_equal(out.type, WIRE_SIGN);
    assert_int_equal(wire_read(&in, &out), WIRE_READ_OK);
    assert_int_equal(out.type, WIRE_PING);
    assert_int_equal(wire_read(&in, &out), WIRE_READ_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout), cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_every_prefix_asks_for_more), cmocka_unit_test(test_wrong_body_length),
        cmocka_unit_test(test_not_frames), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_two_frames_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
