/* bytes, keccak, hex, u256. Values of keccak: the SHA-3 submission's test messages as the Ethereum
 * tools print them; of hex addresses: EIP-55. */
#include "abi/bytes.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/u256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void writer_stops_at_its_end(void **state)
{
    (void)state;
    uint8_t mem[5] = {0};
    struct buf b;
    buf_init(&b, mem, 4);
    buf_put(&b, "abc", 3);
    assert_false(b.full);
    buf_be(&b, 0x0102, 2);
    assert_true(b.full);
    buf_byte(&b, 'd'); /* would fit, but the writer has lost bytes already */
    assert_int_equal(b.n, 3);
    assert_memory_equal(mem, "abc\0\0", 5);
}

static void writer_fills_exactly(void **state)
{
    (void)state;
    uint8_t mem[12];
    struct buf b;
    buf_init(&b, mem, sizeof mem);
    buf_be(&b, 0x0102030405060708, 8);
    buf_zero(&b, 3);
    buf_byte(&b, 9);
    buf_put(&b, NULL, 0);
    assert_false(b.full);
    assert_memory_equal(mem, "\1\2\3\4\5\6\7\10\0\0\0\11", 12);
    assert_true(bytes_equal(buf_bytes(&b), (struct bytes){mem, 12}));
    assert_false(bytes_equal(buf_bytes(&b), (struct bytes){mem, 11}));
    buf_byte(&b, 1);
    assert_true(b.full);
}

static void keccak_of_known_texts(void **state)
{
    (void)state;
    uint8_t hash[32], expected[32];
    assert_true(keccak_selftest());
    keccak256("transfer(address,uint256)", 25, hash);
    assert_memory_equal(hash, "\xa9\x05\x9c\xbb", 4);
    keccak256("abc", 3, hash);
    assert_true(hex_decode_exact(
        "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45", expected, 32));
    assert_memory_equal(hash, expected, 32);
}

/* Any cut of a message hashes as the whole: the block border at 136 is where this breaks. */
static void keccak_in_pieces(void **state)
{
    (void)state;
    uint8_t message[3 * KECCAK256_RATE + 7], whole[32], pieces[32];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7 + 3);
    for (size_t n = 0; n <= sizeof message; n++) {
        keccak256(message, n, whole);
        for (size_t cut = 0; cut <= n; cut += 17) {
            struct keccak k;
            keccak_init(&k);
            keccak_update(&k, message, cut);
            keccak_update(&k, message + cut, n - cut);
            keccak_final(&k, pieces);
            assert_memory_equal(whole, pieces, 32);
        }
    }
}

static void keccak_over_its_own_output(void **state)
{
    (void)state;
    uint8_t data[32] = {1, 2, 3}, apart[32];
    keccak256(data, sizeof data, apart);
    keccak256(data, sizeof data, data);
    assert_memory_equal(data, apart, 32);
}

static void hex_takes_only_whole_bytes(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t n = 99;
    assert_true(hex_decode("0xA0ff", 6, out, 4, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(out, "\xa0\xff", 2);
    assert_true(hex_decode("", 0, out, 0, &n) && n == 0);
    assert_true(hex_decode("0x", 2, out, 0, &n) && n == 0);
    assert_false(hex_decode("abc", 3, out, 4, &n));
    assert_false(hex_decode("0xg0", 4, out, 4, &n));
    assert_false(hex_decode("0g", 2, out, 4, &n));
    assert_false(hex_decode("0X01", 4, out, 4, &n));
    assert_false(hex_decode("0x0102030405", 12, out, 4, &n));
    assert_false(hex_decode_exact("0x0102", out, 1));
    assert_false(hex_decode_exact("0x01", out, 2));
    assert_false(hex_decode_exact("01020304z", out, 4));
    char text[11];
    hex_encode_0x((const uint8_t *)"\x00\x1f\xa0\xff", 4, text);
    assert_string_equal(text, "0x001fa0ff");
}

static void quantities_are_canonical(void **state)
{
    (void)state;
    uint64_t v = 7;
    assert_true(hex_quantity_u64("0x0", &v) && v == 0);
    assert_true(hex_quantity_u64("0x41", &v) && v == 0x41);
    assert_true(hex_quantity_u64("0xffffffffffffffff", &v) && v == UINT64_MAX);
    v = 7;
    const char *const refused[] = {"",   "0",    "0x",   "x0",   "0x00", "0x0400",
                                   "ff", "0x-1", "0x1 ", " 0x1", "0xg",  "0x1ffffffffffffffff",
                                   "0X1"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(hex_quantity_u64(refused[i], &v));
        assert_int_equal(v, 7);
    }
    struct u256 wide;
    char dec[U256_DEC_SIZE];
    assert_true(hex_quantity_u256("0xde0b6b3a7640000", &wide));
    u256_to_dec(&wide, dec);
    assert_string_equal(dec, "1000000000000000000");
    assert_true(hex_quantity_u256(
        "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", &wide));
    assert_false(hex_quantity_u256(
        "0x10000000000000000000000000000000000000000000000000000000000000000", &wide));
}

static void addresses_carry_a_checksum(void **state)
{
    (void)state;
    const char *const published[] = {
        "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"};
    uint8_t address[20];
    char text[HEX_ADDRESS_SIZE];
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        assert_true(hex_parse_address(published[i], address));
        hex_checksum_address(address, text);
        assert_string_equal(text, published[i]);
    }
    assert_true(hex_parse_address("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", address));
    assert_true(hex_parse_address("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", address));
    assert_false(hex_parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", address));
    assert_false(hex_parse_address("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", address));
    assert_false(hex_parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", address));
    assert_false(hex_parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed0", address));
    assert_false(hex_parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAez", address));
    assert_false(hex_parse_address("0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", address));
}

static const char max_text[] =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";

static void u256_decimal(void **state)
{
    (void)state;
    struct u256 a, before;
    char text[U256_DEC_SIZE];
    assert_true(u256_from_dec(max_text, &a));
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(a.be[i], 0xff);
    u256_to_dec(&a, text);
    assert_string_equal(text, max_text);
    assert_true(u256_from_dec("0", &a) && u256_is_zero(&a));
    u256_to_dec(&a, text);
    assert_string_equal(text, "0");
    before = u256_from_u64(5);
    a = before;
    const char *const refused[] = {
        "", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(u256_from_dec(refused[i], &a));
        assert_int_equal(u256_cmp(&a, &before), 0);
    }
}

static void u256_arithmetic_stays_in_range(void **state)
{
    (void)state;
    struct u256 max, one = u256_from_u64(1), two = u256_from_u64(2), a;
    uint64_t small;
    assert_true(u256_from_dec(max_text, &max));
    a = two;
    assert_false(u256_add(&max, &one, &a));
    assert_false(u256_sub(&one, &two, &a));
    assert_false(u256_mul_u64(&max, 2, &a));
    assert_int_equal(u256_cmp(&a, &two), 0);
    assert_true(u256_sub(&max, &one, &a) && u256_add(&a, &one, &a));
    assert_int_equal(u256_cmp(&a, &max), 0);
    assert_true(u256_mul_u64(&max, 1, &a) && u256_cmp(&a, &max) == 0);
    assert_true(u256_mul_u64(&max, 0, &a) && u256_is_zero(&a));
    a = u256_from_u64(UINT64_MAX);
    assert_true(u256_to_u64(&a, &small) && small == UINT64_MAX);
    assert_true(u256_add(&a, &one, &a));
    assert_false(u256_to_u64(&a, &small));
    assert_true(u256_cmp(&one, &two) < 0 && u256_cmp(&two, &one) > 0);
    assert_false(u256_is_zero(&one));
}

static void u256_from_bytes(void **state)
{
    (void)state;
    struct u256 a, b = u256_from_u64(0x0102);
    uint8_t wide[33] = {0};
    assert_true(u256_from_be((const uint8_t *)"\0\1\2", 3, &a));
    assert_int_equal(u256_cmp(&a, &b), 0);
    assert_true(u256_from_be(NULL, 0, &a) && u256_is_zero(&a));
    assert_false(u256_from_be(wide, 33, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_stops_at_its_end),
        cmocka_unit_test(writer_fills_exactly),
        cmocka_unit_test(keccak_of_known_texts),
        cmocka_unit_test(keccak_in_pieces),
        cmocka_unit_test(keccak_over_its_own_output),
        cmocka_unit_test(hex_takes_only_whole_bytes),
        cmocka_unit_test(quantities_are_canonical),
        cmocka_unit_test(addresses_carry_a_checksum),
        cmocka_unit_test(u256_decimal),
        cmocka_unit_test(u256_arithmetic_stays_in_range),
        cmocka_unit_test(u256_from_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
