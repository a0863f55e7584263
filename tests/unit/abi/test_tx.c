/* Transactions: every verdict of ethereum/tests (tests/vectors/ethereum-tests/TransactionTests),
 * the example of EIP-155, and the rules at their borders.
 *
 * A vector has a verdict per fork. The newest one present is taken (Cancun, Shanghai, Paris or
 * London). Its verdict is that of a node on chain 1: to share it the test adds to the decoder what
 * a node adds without any state, namely the block's limits (tx_check_limits), the chain id, and
 * that a sender can be recovered. */
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/recover.h"
#include "abi/tx.h"
#include "tests/unit/abi/vectors.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t mem_raw[VECTOR_BYTES_MAX], mem_copy[VECTOR_BYTES_MAX];

static json_t *newest_result(json_t *results)
{
    static const char *const forks[] = {"Cancun", "Shanghai", "Paris", "London"};
    for (size_t i = 0; i < sizeof forks / sizeof forks[0]; i++) {
        json_t *result = json_object_get(results, forks[i]);
        if (result)
            return result;
    }
    return NULL;
}

/* What a node of chain 1 says to the bytes; NULL when it takes them. */
static const char *refusal(struct bytes raw, struct tx *tx, uint8_t sender[20])
{
    enum tx_error error = tx_decode_signed(raw, tx);
    if (error == TX_OK)
        error = tx_check_limits(tx);
    if (error != TX_OK)
        return tx_error_text(error);
    if (tx->chain_id != 0 && tx->chain_id != 1)
        return "another chain";
    return tx_sender(tx, sender) ? NULL : "no sender";
}

/* Where the vector's exception names one rule of ours, we must have refused by that rule. The
 * longest names come first. */
static void check_reason(const char *name, const char *exception, const char *refused)
{
    static const struct {
        const char *exception;
        enum tx_error error;
    } reasons[] = {
        {"ADDRESS_TOO_", TX_TO},
        {"GASLIMIT_OVERFLOW", TX_INTEGER},
        {"GASLIMIT_PRICE_PRODUCT_OVERFLOW", TX_FEES},
        {"GASPRICE_OVERFLOW", TX_INTEGER},
        {"INITCODE_SIZE_EXCEEDED", TX_INITCODE},
        {"INTRINSIC_GAS_TOO_LOW", TX_INTRINSIC_GAS},
        {"NONCE_OVERFLOW", TX_INTEGER},
        {"NONCE_TOO_BIG", TX_NONCE},
        {"PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS", TX_FEES},
        {"RLP_ERROR_SIZE", TX_RLP},
        {"RLP_INVALID_ACCESS_LIST_", TX_ACCESS_LIST},
        {"RLP_INVALID_TO", TX_TO},
        {"RLP_LEADING_ZEROS_DATA_SIZE", TX_RLP},
        {"RLP_LEADING_ZEROS_NONCE_SIZE", TX_RLP},
        {"RLP_LEADING_ZEROS_", TX_INTEGER},
        {"RLP_TOO_MANY_ELEMENTS", TX_FIELDS},
        {"TYPE_NOT_SUPPORTED", TX_TYPE},
        {"VALUE_OVERFLOW", TX_INTEGER},
    };
    exception = strchr(exception, '.') + 1;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strncmp(exception, reasons[i].exception, strlen(reasons[i].exception)) != 0)
            continue;
        if (strcmp(refused, tx_error_text(reasons[i].error)) != 0)
            fail_msg("%s: %s, refused because %s", name, exception, refused);
        return;
    }
}

static void check_accepted(const char *name, json_t *result, struct bytes raw,
                           const struct tx *tx, const uint8_t sender[20])
{
    uint8_t want_hash[32], want_sender[20], hash[32];
    uint64_t want_gas = 0;
    assert_true(
        hex_decode_exact(json_string_value(json_object_get(result, "hash")), want_hash, 32));
    assert_true(
        hex_decode_exact(json_string_value(json_object_get(result, "sender")), want_sender, 20));
    const char *gas = json_string_value(json_object_get(result, "intrinsicGas"));
    want_gas = strtoull(gas, NULL, 16); /* written with leading zeros at times */
    tx_hash(raw, hash);
    if (memcmp(hash, want_hash, 32) != 0 || memcmp(sender, want_sender, 20) != 0)
        fail_msg("%s: other hash or sender", name);
    if (tx_intrinsic_gas(tx) != want_gas)
        fail_msg("%s: intrinsic gas %llu", name, (unsigned long long)tx_intrinsic_gas(tx));
    struct buf copy;
    buf_init(&copy, mem_copy, sizeof mem_copy);
    if (!tx_encode_signed(tx, &copy) || !bytes_equal(buf_bytes(&copy), raw))
        fail_msg("%s: does not encode back to itself", name);
}

struct tally {
    size_t accepted, refused;
};

static void check_file(const char *path, void *ctx)
{
    struct tally *tally = ctx;
    json_t *root = vectors_load(path), *vector;
    const char *name;
    json_object_foreach(root, name, vector)
    {
        json_t *result = newest_result(json_object_get(vector, "result"));
        const char *exception = json_string_value(json_object_get(result, "exception"));
        struct bytes raw = vectors_bytes(json_string_value(json_object_get(vector, "txbytes")),
                                         mem_raw);
        struct tx tx;
        uint8_t sender[20];
        const char *refused = refusal(raw, &tx, sender);
        assert_non_null(result);
        if (exception && !refused)
            fail_msg("%s: accepted, expected %s", name, exception);
        if (!exception && refused)
            fail_msg("%s: refused: %s", name, refused);
        if (exception)
            check_reason(name, exception, refused);
        else
            check_accepted(name, result, raw, &tx, sender);
        tally->refused += refused != NULL;
        tally->accepted += refused == NULL;
    }
    json_decref(root);
}

static void published_verdicts(void **state)
{
    (void)state;
    static const char *const folders[] = {
        "ttAddress",  "ttData",  "ttEIP1559", "ttEIP2028", "ttEIP2930", "ttEIP3860", "ttGasLimit",
        "ttGasPrice", "ttNonce", "ttRSValue", "ttSignature", "ttVValue", "ttValue", "ttWrongRLP"};
    struct tally tally = {0};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "tests/vectors/ethereum-tests/TransactionTests/%s", folders[i]);
        assert_true(vectors_each_file(path, check_file, &tally) > 0);
    }
    assert_int_equal(tally.accepted + tally.refused, 210);
}

/* The example printed in EIP-155. */
static void eip155_example(void **state)
{
    (void)state;
    struct bytes unsigned_want = vectors_bytes(
        "ec098504a817c80082520894353535353535353535353535353535353535353588"
        "0de0b6b3a764000080018080",
        mem_raw);
    uint8_t digest[32], want[32], sender[20];
    struct tx tx, again;
    struct buf out;
    assert_int_equal(tx_decode_unsigned(unsigned_want, &tx), TX_OK);
    assert_int_equal(tx.chain_id, 1);
    assert_int_equal(tx.nonce, 9);
    assert_int_equal(tx.gas_limit, 21000);
    assert_true(hex_decode_exact("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53",
                                 want, 32));
    assert_true(tx_sighash(&tx, digest));
    assert_memory_equal(digest, want, 32);

    assert_true(hex_decode_exact("28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
                                 tx.r, 32));
    assert_true(hex_decode_exact("67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
                                 tx.s, 32));
    tx.has_signature = true;
    tx.y_parity = 0; /* the EIP prints v = 37 */
    buf_init(&out, mem_copy, sizeof mem_copy);
    assert_true(tx_encode_signed(&tx, &out));
    struct bytes signed_want = vectors_bytes(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025"
        "a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
        "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83", mem_raw);
    assert_true(bytes_equal(buf_bytes(&out), signed_want));
    assert_int_equal(tx_decode_signed(signed_want, &again), TX_OK);
    /* The key of the example is 32 times 0x46; its address is in other libraries' tests. */
    assert_true(hex_decode_exact("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f", want, 20));
    assert_true(tx_sender(&again, sender));
    assert_memory_equal(sender, want, 20);
}

/* BasicTests/keyaddrtest.json: private keys and their addresses. Its signatures are not used: the
 * message they sign is not the empty string in any hash tried, in our code or in ethers. Instead
 * each key signs here, and recovery must give its address and only for the right parity. */
static void recovery_vectors(void **state)
{
    (void)state;
    json_t *vector, *root = vectors_load("tests/vectors/ethereum-tests/BasicTests/"
                                         "keyaddrtest.json");
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    size_t i;
    json_array_foreach(root, i, vector)
    {
        uint8_t key[32], digest[32], want[20], got[20], point[65], rs[64];
        size_t point_n = sizeof point;
        secp256k1_pubkey public_key;
        secp256k1_ecdsa_recoverable_signature signature;
        int parity;
        assert_true(hex_decode_exact(json_string_value(json_object_get(vector, "key")), key, 32));
        assert_true(hex_decode_exact(json_string_value(json_object_get(vector, "addr")), want, 20));
        assert_true(secp256k1_ec_pubkey_create(context, &public_key, key));
        secp256k1_ec_pubkey_serialize(context, point, &point_n, &public_key,
                                      SECP256K1_EC_UNCOMPRESSED);
        address_of_pubkey(point + 1, got);
        assert_memory_equal(got, want, 20);

        keccak256("", 0, digest);
        assert_true(
            secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, NULL, NULL));
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, rs, &parity, &signature);
        assert_true(recover_is_low_s(rs + 32));
        assert_true(recover_address(digest, rs, rs + 32, (uint8_t)parity, got));
        assert_memory_equal(got, want, 20);
        assert_true(recover_address(digest, rs, rs + 32, (uint8_t)!parity, got));
        assert_memory_not_equal(got, want, 20);
        assert_false(recover_address(digest, rs, rs + 32, 2, got));
    }
    assert_int_equal(i, 2);
    secp256k1_context_destroy(context);
    json_decref(root);
}

/* ---- rules at their borders --------------------------------------------------------------- */

/* A good EIP-1559 call with some signature in range. */
static struct tx example(void)
{
    struct tx tx = {.type = TX_EIP1559, .chain_id = 42161, .nonce = 7, .gas_limit = 100000,
                    .has_to = true, .data = {(const uint8_t *)"\x12\x34\x56\x78", 4},
                    .has_signature = true, .y_parity = 1};
    tx.max_priority_fee = u256_from_u64(1);
    tx.max_fee = u256_from_u64(100000000);
    memset(tx.to, 0xab, sizeof tx.to);
    memset(tx.r, 0x11, sizeof tx.r);
    memset(tx.s, 0x22, sizeof tx.s);
    return tx;
}

static bool encodes(const struct tx *tx)
{
    struct buf out;
    buf_init(&out, mem_copy, sizeof mem_copy);
    return tx_encode_signed(tx, &out);
}

static void encoders_refuse_what_no_decoder_takes(void **state)
{
    (void)state;
    uint8_t digest[32];
    struct tx good = example(), tx = good;
    assert_true(encodes(&tx));
    tx.chain_id = 0;
    assert_int_equal(tx_check_fields(&tx), TX_CHAIN_ID);
    assert_false(encodes(&tx));
    assert_false(tx_sighash(&tx, digest));
    tx = good, tx.nonce = UINT64_MAX;
    assert_int_equal(tx_check_fields(&tx), TX_NONCE);
    tx.nonce--;
    assert_int_equal(tx_check_fields(&tx), TX_OK);
    tx = good, tx.max_priority_fee = u256_from_u64(100000001);
    assert_int_equal(tx_check_fields(&tx), TX_FEES);
    tx = good, memset(tx.max_fee.be, 0xff, 32);
    assert_int_equal(tx_check_fields(&tx), TX_FEES);
    tx = good, tx.access_list = (struct bytes){(const uint8_t *)"\xc0", 1};
    assert_int_equal(tx_check_fields(&tx), TX_ACCESS_LIST);
    assert_true(tx_intrinsic_gas(&tx) == UINT64_MAX);
    tx = good, tx.type = (enum tx_type)3;
    assert_int_equal(tx_check_fields(&tx), TX_TYPE);
    tx = good, tx.type = TX_LEGACY, tx.chain_id = (UINT64_MAX - 36) / 2;
    assert_true(encodes(&tx));
    assert_int_equal(mem_copy[0], 0xf8);
    tx.chain_id++;
    assert_int_equal(tx_check_fields(&tx), TX_CHAIN_ID);
}

static void signatures_out_of_range_are_refused(void **state)
{
    (void)state;
    struct tx good = example(), tx = good;
    uint8_t address[20];
    tx.has_signature = false;
    assert_int_equal(tx_check_signature(&tx), TX_SIGNATURE);
    assert_false(tx_sender(&tx, address));
    assert_false(encodes(&tx));
    tx = good, tx.y_parity = 2;
    assert_int_equal(tx_check_signature(&tx), TX_V);
    tx = good, memset(tx.r, 0, 32);
    assert_int_equal(tx_check_signature(&tx), TX_SIGNATURE);
    tx = good, memset(tx.s, 0xff, 32);
    assert_int_equal(tx_check_signature(&tx), TX_SIGNATURE);
    /* the order of secp256k1 itself is the first number out of range */
    assert_true(hex_decode_exact("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
                                 tx.r, 32));
    memset(tx.s, 0x22, 32);
    assert_int_equal(tx_check_signature(&tx), TX_SIGNATURE);
    tx.r[31]--;
    assert_int_equal(tx_check_signature(&tx), TX_OK);
    tx = good, tx.s[0] = 0x80;
    assert_int_equal(tx_check_signature(&tx), TX_HIGH_S);
    assert_false(tx_sender(&tx, address));
}

static void a_small_buffer_is_reported(void **state)
{
    (void)state;
    struct tx tx = example();
    struct buf out;
    buf_init(&out, mem_copy, sizeof mem_copy);
    assert_true(tx_encode_signed(&tx, &out));
    assert_true(out.n <= tx.data.n + TX_OVERHEAD_MAX);
    size_t need = out.n;
    for (size_t cap = 0; cap < need; cap++) {
        buf_init(&out, mem_copy, cap);
        assert_false(tx_encode_signed(&tx, &out));
    }
}

/* The largest value of every field: what TX_OVERHEAD_MAX promises. */
static void the_longest_encoding_fits_the_overhead(void **state)
{
    (void)state;
    struct tx tx = example();
    struct buf out;
    tx.chain_id = UINT64_MAX;
    tx.nonce = UINT64_MAX - 1;
    tx.gas_limit = 1;
    memset(&tx.max_fee, 0xff, sizeof tx.max_fee);
    tx.max_priority_fee = tx.value = tx.max_fee;
    tx.data.n = 0;
    buf_init(&out, mem_copy, TX_OVERHEAD_MAX);
    assert_true(tx_encode_signed(&tx, &out));
    buf_init(&out, mem_copy, TX_OVERHEAD_MAX);
    assert_true(tx_encode_unsigned(&tx, &out));
}

/* Every single cut and every single changed byte of a good transaction either fails to decode or
 * decodes to something that encodes to exactly these bytes. */
static void damage_never_decodes_to_the_same(void **state)
{
    (void)state;
    static uint8_t raw[512], again[512];
    struct tx tx = example(), got;
    struct buf out, copy;
    buf_init(&out, raw, sizeof raw);
    assert_true(tx_encode_signed(&tx, &out));
    for (size_t n = 0; n < out.n; n++)
        assert_int_not_equal(tx_decode_signed((struct bytes){raw, n}, &got), TX_OK);
    for (size_t i = 0; i < out.n; i++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            raw[i] ^= (uint8_t)flip;
            if (tx_decode_signed(buf_bytes(&out), &got) == TX_OK) {
                buf_init(&copy, again, sizeof again);
                assert_true(tx_encode_signed(&got, &copy));
                assert_true(bytes_equal(buf_bytes(&copy), buf_bytes(&out)));
            }
            raw[i] ^= (uint8_t)flip;
        }
    }
    assert_int_equal(tx_decode_signed(buf_bytes(&out), &got), TX_OK);
}

static enum tx_error decode_unsigned(const char *hex)
{
    struct tx tx;
    return tx_decode_unsigned(vectors_bytes(hex, mem_raw), &tx);
}

static void unsigned_forms(void **state)
{
    (void)state;
    assert_int_equal(decode_unsigned(""), TX_EMPTY);
    assert_int_equal(decode_unsigned("c6808080808005"), TX_OK);
    assert_int_equal(decode_unsigned("c9808080808005058080"), TX_OK);
    assert_int_equal(decode_unsigned("c9808080808005808080"), TX_CHAIN_ID);
    assert_int_equal(decode_unsigned("c9808080808005050180"), TX_FIELDS);
    assert_int_equal(decode_unsigned("c780808080800505"), TX_FIELDS);
    assert_int_equal(decode_unsigned("c58080808080"), TX_FIELDS);
    assert_int_equal(decode_unsigned("ca80808080800505808080"), TX_FIELDS);
    assert_int_equal(decode_unsigned("c680808080800500"), TX_RLP);
    assert_int_equal(decode_unsigned("05"), TX_TYPE);
    assert_int_equal(decode_unsigned("03c0"), TX_TYPE);
    assert_int_equal(decode_unsigned("04c0"), TX_TYPE);
    assert_int_equal(decode_unsigned("02c90180808080808080c0"), TX_OK);
    assert_int_equal(decode_unsigned("02c98080808080808080c0"), TX_CHAIN_ID);
    assert_int_equal(decode_unsigned("02c9018080808080808080"), TX_ACCESS_LIST);
    assert_int_equal(decode_unsigned("01c801808080808080c0"), TX_OK);
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (int error = TX_OK; error <= TX_INITCODE; error++) {
        assert_string_not_equal(tx_error_text((enum tx_error)error), "an unknown error");
        for (int other = TX_OK; other < error; other++)
            assert_string_not_equal(tx_error_text((enum tx_error)error),
                                    tx_error_text((enum tx_error)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_verdicts),
        cmocka_unit_test(eip155_example),
        cmocka_unit_test(recovery_vectors),
        cmocka_unit_test(encoders_refuse_what_no_decoder_takes),
        cmocka_unit_test(signatures_out_of_range_are_refused),
        cmocka_unit_test(a_small_buffer_is_reported),
        cmocka_unit_test(the_longest_encoding_fits_the_overhead),
        cmocka_unit_test(damage_never_decodes_to_the_same),
        cmocka_unit_test(unsigned_forms),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
