/* Amounts, splits, accounts and postings: pure, so tested by exhaustion where the range allows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relayer/money/amount.h"
#include "relayer/money/posting.h"

static void test_every_centavo_reads_back(void **state)
{
    (void)state;
    for (int64_t centavos = 0; centavos <= 1000000; centavos++) {
        char text[AMOUNT_TEXT_MAX], by_hand[AMOUNT_TEXT_MAX];
        int64_t back = -1;
        amount_format_centavos(centavos, text);
        snprintf(by_hand, sizeof by_hand, "%d.%d%d", (int)(centavos / 100),
                 (int)(centavos / 10 % 10), (int)(centavos % 10));
        assert_string_equal(text, by_hand);
        assert_true(amount_parse_centavos(text, &back));
        assert_int_equal(back, centavos);
    }
}

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t centavos, units;
    } CASES[] = {
        {"0", 0, 0},
        {"0.0", 0, 0},
        {"0.01", 1, 10000},
        {"0.1", 10, 100000},
        {"1000", 100000, 1000000000},
        {"1000.5", 100050, 1000500000},
        {"1000.00", 100000, 1000000000},
        {"8999999999.99", 899999999999, 8999999999990000},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t value = -1;
        assert_true(amount_parse_centavos(CASES[i].text, &value));
        assert_int_equal(value, CASES[i].centavos);
        assert_true(amount_parse_units(CASES[i].text, &value));
        assert_int_equal(value, CASES[i].units);
    }
    int64_t value;
    assert_true(amount_parse_centavos("9000000000.00", &value));
    assert_int_equal(value, AMOUNT_CENTAVOS_MAX);
    assert_true(amount_parse_units("9000000000.000000", &value));
    assert_int_equal(value, AMOUNT_UNITS_MAX);
    assert_true(amount_parse_units("0.000001", &value));
    assert_int_equal(value, 1);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        ".",
        ".5",
        "1.",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1,000",
        "1e3",
        "0x10",
        "1.2.3",
        "00",
        "01",
        "007.50",
        "1_0",
        "NaN",
        "inf",
        "1\n",
        "١",
        "--1",
        "1.-5",
        "1.5e0",
        "1.0x",
        "$5",
        "1.\t5",
        "1.5.",
        "..",
        "5%",
        "1'000",
        "99999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        int64_t value = 4711;
        assert_false(amount_parse_centavos(BAD[i], &value));
        assert_false(amount_parse_units(BAD[i], &value));
        assert_int_equal(value, 4711);
    }
    int64_t value = 4711;
    assert_false(amount_parse_centavos(NULL, &value));
    assert_false(amount_parse_centavos("1.005", &value));
    assert_false(amount_parse_centavos("1.000", &value));
    assert_false(amount_parse_centavos("9000000000.01", &value));
    assert_false(amount_parse_centavos("9000000001", &value));
    assert_false(amount_parse_centavos("9223372036854775807", &value));
    assert_false(amount_parse_centavos("92233720368547758.08", &value));
    assert_false(amount_parse_units("1.0000001", &value));
    assert_false(amount_parse_units("9000000000.000001", &value));
    assert_false(amount_parse_units("18446744073709.551616", &value)); /* 2^64 units */
    assert_int_equal(value, 4711);
}

/* Each one- and two-character text of printable bytes, held against the rule stated another way. */
/* Defect K12 of the system before: amounts of 18 decimals in place of 6, and parseFloat(text) * 1000000,
 * which lost a unit here and there. Half of it: the contract's side is in contracts/test/defects. */
static void test_K12_amounts_have_six_decimals_and_lose_none(void **state)
{
    (void)state;
    int64_t units = 4711;
    /* 1500 MXNB as 18 decimals would write it, as a number of units and as a text with the point */
    assert_false(amount_parse_units("1500000000000000000000", &units));
    assert_false(amount_parse_centavos("1500000000000000000000", &units));
    assert_false(amount_parse_units("1500.000000000000000000", &units));
    assert_int_equal(units, 4711);
    /* each of these the old arithmetic cut short by one unit */
    static const struct {
        const char *text;
        int64_t units;
    } ROWS[] = {{"1.005", 1005000}, {"2.01", 2010000}, {"64.13", 64130000}, {"1024.1", 1024100000}};
    size_t lost = 0;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        lost += (int64_t)(strtod(ROWS[i].text, NULL) * 1000000) != ROWS[i].units;
        assert_true(amount_parse_units(ROWS[i].text, &units));
        assert_int_equal(units, ROWS[i].units);
    }
    assert_int_equal(lost, sizeof ROWS / sizeof ROWS[0]); /* the old behaviour fails in each */
}

static void test_short_texts_exhaustively(void **state)
{
    (void)state;
    for (int a = 1; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char text[3] = {(char)a, (char)b, '\0'};
            bool first = a >= '0' && a <= '9', second = b >= '0' && b <= '9';
            bool good = first && (b == 0 || (second && a != '0'));
            int64_t value = 0;
            assert_int_equal(amount_parse_centavos(text, &value), good);
            if (good)
                assert_int_equal(value,
                                 b == 0 ? (a - '0') * 100 : ((a - '0') * 10 + b - '0') * 100);
        }
    }
}

static void test_formats_any_number(void **state)
{
    (void)state;
    char text[AMOUNT_TEXT_MAX];
    amount_format_centavos(-5, text);
    assert_string_equal(text, "-0.05");
    amount_format_centavos(INT64_MIN, text);
    assert_string_equal(text, "-92233720368547758.08");
    amount_format_units(INT64_MAX, text);
    assert_string_equal(text, "9223372036854.775807");
    amount_format_units(1, text);
    assert_string_equal(text, "0.000001");
}

static void test_units_and_centavos(void **state)
{
    (void)state;
    int64_t value = 7;
    assert_true(units_from_centavos(100000, &value));
    assert_int_equal(value, 1000000000);
    assert_true(units_from_centavos(922337203685477, &value));
    assert_int_equal(value, 9223372036854770000);
    assert_false(units_from_centavos(922337203685478, &value));
    assert_false(units_from_centavos(INT64_MIN, &value));
    assert_int_equal(value, 9223372036854770000);
    assert_true(centavos_from_units(1000000000, &value));
    assert_int_equal(value, 100000);
    assert_false(centavos_from_units(1000000001, &value));
    assert_false(centavos_from_units(9999, &value));
    assert_int_equal(value, 100000);
}

/* The properties that make it the largest-remainder rule, checked without repeating its arithmetic. */
static void check_split(int64_t total, const uint32_t *weights, size_t n)
{
    int64_t part[AMOUNT_SPLIT_MAX], sum = 0;
    uint64_t all = 0;
    assert_true(amount_split(total, weights, n, part));
    for (size_t i = 0; i < n; i++)
        all += weights[i];
    for (size_t i = 0; i < n; i++) {
        sum += part[i];
        __int128 share = (__int128)total * weights[i]; /* times all */
        __int128 off = (__int128)part[i] * all - share;
        assert_true(off > -(__int128)all && off < (__int128)all);
        if (weights[i] == 0)
            assert_int_equal(part[i], 0);
    }
    assert_int_equal(sum, total);
    /* Nobody rounded down had a larger remainder than somebody rounded up; equals: the first wins. */
    for (size_t up = 0; up < n; up++) {
        __int128 gain = (__int128)part[up] * all - (__int128)total * weights[up];
        for (size_t down = 0; gain > 0 && down < n; down++) {
            __int128 loss = (__int128)total * weights[down] - (__int128)part[down] * all;
            if (loss < 0 || down == up)
                continue;
            __int128 remainder_up = (__int128)all - gain;
            assert_true(remainder_up > loss || (remainder_up == loss && up < down));
        }
    }
}

static void test_split_exhaustive(void **state)
{
    (void)state;
    for (int64_t total = 0; total <= 120; total++) {
        for (uint32_t a = 0; a <= 12; a++) {
            for (uint32_t b = 0; b <= 12; b++) {
                for (uint32_t c = 0; c <= 12; c++) {
                    const uint32_t weights[] = {a, b, c};
                    if (a + b + c > 0)
                        check_split(total, weights, 3);
                }
            }
        }
    }
}

static void test_split_many_and_large(void **state)
{
    (void)state;
    uint64_t seed = 0x9e3779b97f4a7c15; /* a fixed sequence: failures repeat */
    for (int round = 0; round < 20000; round++) {
        uint32_t weights[AMOUNT_SPLIT_MAX];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t n = 1 + (size_t)(seed >> 33) % AMOUNT_SPLIT_MAX;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            weights[i] = round % 7 == 0 ? UINT32_MAX : (uint32_t)(seed >> 33) % 10001;
        }
        weights[0] |= 1;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        check_split(round % 5 == 0 ? INT64_MAX : (int64_t)(seed >> 20), weights, n);
    }
}

static void test_split_known(void **state)
{
    (void)state;
    int64_t part[3];
    assert_true(amount_split(100, (const uint32_t[]){3333, 3333, 3334}, 3, part));
    assert_int_equal(part[0], 33);
    assert_int_equal(part[1], 33);
    assert_int_equal(part[2], 34);
    assert_true(amount_split(2, (const uint32_t[]){1, 1, 1}, 3, part));
    assert_int_equal(part[0], 1);
    assert_int_equal(part[1], 1);
    assert_int_equal(part[2], 0);
    part[0] = 9;
    assert_false(amount_split(-1, (const uint32_t[]){1}, 1, part));
    assert_false(amount_split(1, (const uint32_t[]){0, 0}, 2, part));
    assert_false(amount_split(1, (const uint32_t[]){1}, 0, part));
    uint32_t many[AMOUNT_SPLIT_MAX + 1] = {1};
    assert_false(amount_split(1, many, AMOUNT_SPLIT_MAX + 1, part));
    assert_int_equal(part[0], 9);
}

static void test_account_codes(void **state)
{
    (void)state;
    static const char OWNER[] = "0190b5a8-7c00-7abc-8def-0123456789ab";
    struct uuid owner, back;
    assert_true(uuid_parse(OWNER, &owner));
    for (int i = ACCOUNT_CLASS_FIRST; i <= ACCOUNT_CLASS_LAST; i++) {
        enum account_class class = (enum account_class)i, found;
        const struct account_info *info = account_info(class);
        bool owned = info->owner != OWNER_NONE;
        char code[ACCOUNT_CODE_MAX], by_hand[128];
        account_code(class, owned ? &owner : NULL, code);
        snprintf(by_hand, sizeof by_hand, "%s%s%s", info->name, owned ? ":" : "",
                 owned ? OWNER : "");
        assert_string_equal(code, by_hand);
        assert_true(account_code_parse(code, &found, &back));
        assert_int_equal(found, class);
        assert_true(account_class_parse(info->name, &found));
        assert_int_equal(found, class);
        assert_true(!owned || uuid_equal(&owner, &back));
        /* The other form of the same class is no code. */
        snprintf(by_hand, sizeof by_hand, "%s%s%s", info->name, owned ? "" : ":",
                 owned ? "" : OWNER);
        assert_false(account_code_parse(by_hand, &found, &back));
    }
    enum account_class found;
    static const char *const BAD[] = {
        "",          ":",       "gold", "juno_mxn ", "juno_mx", "escrow_mxnb:", "escrow_mxnb:0190",
        "juno_mxn:", "JUNO_MXN"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(account_code_parse(BAD[i], &found, &back));
    assert_false(account_code_parse(NULL, &found, &back));
    assert_false(account_class_parse(NULL, &found));
}

static struct posting withdrawal(void)
{
    struct posting p = {.kind = POSTING_RESERVE};
    posting_add(&p, LAYER_PENDING, ACCOUNT_JUNO_MXNB, NULL, -400);
    posting_add(&p, LAYER_PENDING, ACCOUNT_BRIDGE_MXNB, NULL, 400);
    return p;
}

static void test_posting_balanced(void **state)
{
    (void)state;
    struct posting good = withdrawal(), p;
    assert_true(posting_balanced(&good));
    p = good;
    p.line[0].amount = -401;
    assert_false(posting_balanced(&p));
    p = good;
    p.n = 1;
    assert_false(posting_balanced(&p));
    p = good;
    p.n = POSTING_LINES_MAX + 1;
    assert_false(posting_balanced(&p));
    p = good;
    p.kind = 0;
    assert_false(posting_balanced(&p));
    p = good;
    p.line[1].layer = LAYER_POSTED; /* balanced only across layers */
    assert_false(posting_balanced(&p));
    p = good;
    p.line[1].class = ACCOUNT_JUNO_MXN; /* balanced only across assets */
    assert_false(posting_balanced(&p));
    p = good;
    p.line[1].class = ACCOUNT_ESCROW_MXNB; /* an owner is missing */
    assert_false(posting_balanced(&p));
    p = good;
    p.line[1].has_owner = true; /* or too much */
    assert_false(posting_balanced(&p));
    p = good;
    p.line[0].amount = p.line[1].amount = 0;
    assert_false(posting_balanced(&p));
    p = good;
    p.line[0].layer = p.line[1].layer = (enum layer)3;
    assert_false(posting_balanced(&p));
    /* Sums beyond 64 bits are not zero. */
    p = (struct posting){.kind = POSTING_CORRECTION};
    posting_add(&p, LAYER_POSTED, ACCOUNT_WORLD_MXN, NULL, INT64_MIN);
    posting_add(&p, LAYER_POSTED, ACCOUNT_PAID_OUT_MXN, NULL, INT64_MIN);
    assert_false(posting_balanced(&p));
}

static void test_undo_pending(void **state)
{
    (void)state;
    struct posting reserve = withdrawal();
    posting_add(&reserve, LAYER_POSTED, ACCOUNT_WORLD_MXN, NULL, 1);
    posting_add(&reserve, LAYER_POSTED, ACCOUNT_PAID_OUT_MXN, NULL, -1);
    reserve.txn_id.b[0] = 7;
    struct posting settle = {.kind = POSTING_SETTLE};
    posting_undo_pending(&settle, &reserve);
    assert_true(settle.has_resolves && uuid_equal(&settle.resolves, &reserve.txn_id));
    assert_int_equal(settle.n, 2); /* pending lines only */
    assert_int_equal(settle.line[0].amount, 400);
    assert_int_equal(settle.line[1].amount, -400);
    assert_int_equal(settle.line[1].class, ACCOUNT_BRIDGE_MXNB);
    assert_true(posting_balanced(&settle));
}

static void test_names(void **state)
{
    (void)state;
    for (int i = POSTING_DEPOSIT; i <= POSTING_CORRECTION; i++) {
        enum posting_kind kind = 0;
        assert_true(posting_kind_parse(posting_kind_name((enum posting_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    enum posting_kind kind;
    assert_false(posting_kind_parse("gift", &kind));
    assert_false(posting_kind_parse(NULL, &kind));
    assert_null(posting_kind_name((enum posting_kind)12));
    assert_null(layer_name((enum layer)0));
    assert_null(account_asset_name((enum account_asset)0));
    assert_string_equal(account_asset_name(ASSET_MXNB), "MXNB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_centavo_reads_back),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_K12_amounts_have_six_decimals_and_lose_none),
        cmocka_unit_test(test_short_texts_exhaustively),
        cmocka_unit_test(test_formats_any_number),
        cmocka_unit_test(test_units_and_centavos),
        cmocka_unit_test(test_split_exhaustive),
        cmocka_unit_test(test_split_many_and_large),
        cmocka_unit_test(test_split_known),
        cmocka_unit_test(test_account_codes),
        cmocka_unit_test(test_posting_balanced),
        cmocka_unit_test(test_undo_pending),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
