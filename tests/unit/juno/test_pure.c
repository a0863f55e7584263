/* Juno's pure parts: signatures, exact numbers, times, the outcome table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/juno/answer.h"
#include "relayer/juno/auth.h"
#include "relayer/juno/outcome.h"

/* Made with OpenSSL's command line, not with this code:
 *   printf '%s' NONCE METHOD TARGET BODY | openssl dgst -sha256 -hmac 'the secret, as text' */
static const struct {
    uint64_t nonce;
    const char *method, *target, *body, *signature;
} hmac_vectors[] = {
    {1700000000000, "GET", "/mint_platform/v1/balances", NULL,
     "4fcb14d2aa9d231c29394fd2483da2aa62f470bb13bcbda268db29111fc3d03a"},
    {1700000000001, "GET", "/spei/v1/deposits?page=1&page_size=100", NULL,
     "8c8467ff5969de6a3a6de22ee45e5df3affd7fba98c25294cdadcab7c862a91d"},
    {1700000000002, "POST", "/mint_platform/v1/redemptions",
     "{\"amount\":\"100.00\",\"destination_bank_account_id\":"
     "\"9c1c2b0e-0000-4000-8000-000000000001\",\"asset\":\"mxn\"}",
     "e89dd0388d17934f20904bd8284cf155953ebf84b15b92132a2cfa75ddb002ef"},
    {UINT64_MAX, "POST", "/mint_platform/v1/clabes", "{}",
     "535f5e9bd4e23ad3e665b18badd7ce9796e369a36edb71f2493eab7a541d478a"},
};

static struct juno_signed vector(size_t i)
{
    return (struct juno_signed){.secret = "the secret, as text",
                                .nonce = hmac_vectors[i].nonce,
                                .method = hmac_vectors[i].method,
                                .target = hmac_vectors[i].target,
                                .body = hmac_vectors[i].body,
                                .body_n = hmac_vectors[i].body ? strlen(hmac_vectors[i].body) : 0};
}

static void signs_as_openssl_does(void **state)
{
    char signature[65], header[JUNO_AUTH_MAX], expected[JUNO_AUTH_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof hmac_vectors / sizeof hmac_vectors[0]; i++) {
        struct juno_signed what = vector(i);

        juno_sign(&what, signature);
        assert_string_equal(signature, hmac_vectors[i].signature);
        assert_true(juno_authorization("key", &what, header));
        snprintf(expected, sizeof expected, "Bitso key:%llu:%s",
                 (unsigned long long)hmac_vectors[i].nonce, hmac_vectors[i].signature);
        assert_string_equal(header, expected);
    }
}

static void refuses_a_key_that_does_not_fit(void **state)
{
    char key[JUNO_KEY_MAX + 2], header[JUNO_AUTH_MAX];
    struct juno_signed what = vector(0);

    (void)state;
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    assert_false(juno_authorization(key, &what, header));
    key[JUNO_KEY_MAX] = '\0';
    assert_true(juno_authorization(key, &what, header));
}

static void quotes_every_number_and_nothing_else(void **state)
{
    static const char *const cases[][2] = {
        {"1", "\"1\""},
        {"-0.5e+10", "\"-0.5e+10\""},
        {"[1,2,3]", "[\"1\",\"2\",\"3\"]"},
        {"{\"a\":100.10 ,\"b\":\"7\"}", "{\"a\":\"100.10\" ,\"b\":\"7\"}"},
        {"{\"12\":\"say \\\"3\\\" \\\\\"}", "{\"12\":\"say \\\"3\\\" \\\\\"}"},
        {"9007199254740993.000001", "\"9007199254740993.000001\""},
        {"[true,null]", "[true,null]"},
    };
    char out[256];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t text_n = strlen(cases[i][0]);

        assert_true(json_quote_numbers(cases[i][0], text_n, out, 2 * text_n + 4, &n));
        assert_string_equal(out, cases[i][1]);
        assert_int_equal(n, strlen(cases[i][1]));
    }
}

static void refuses_broken_numbers(void **state)
{
    static const char *const cases[] = {"01",        "-",     "1.",    ".5",  "1e",
                                        "1e+",       "1.5.5", "1x",    "--1", "\"open",
                                        "[\"a\\\"]", "0x10",  "1\"2\""};
    char out[64];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool ok = json_quote_numbers(cases[i], strlen(cases[i]), out, sizeof out, &n);

        /* ".5" has no number at its start: what is left is for the JSON parser to refuse. */
        if (cases[i][0] == '.')
            assert_true(ok);
        else
            assert_false(ok);
    }
    assert_false(json_quote_numbers("[1]", 3, out, 4, &n)); /* no room */
}

static void reads_decimals_exactly(void **state)
{
    static const struct {
        const char *text;
        unsigned scale;
        int64_t value;
    } cases[] = {
        {"0", 2, 0},          {"100", 2, 10000},        {"100.1", 2, 10010},
        {"100.00", 2, 10000}, {"100.000000", 2, 10000}, {"0.01", 2, 1},
        {"1E+2", 2, 10000},   {"1e2", 6, 100000000},    {"12345e-2", 2, 12345},
        {"0.29", 6, 290000},  {"1.15", 6, 1150000},     {"9000000000", 6, 9000000000000000},
        {"0e99", 2, 0},
    };
    int64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(juno_decimal(cases[i].text, cases[i].scale, &value));
        assert_int_equal(value, cases[i].value);
    }
    assert_false(juno_decimal("70368744177.664", 6, &value)); /* above 9e15 */
}

static void refuses_inexact_and_odd_decimals(void **state)
{
    static const char *const cases[] = {"",
                                        "-1",
                                        "+1",
                                        ".5",
                                        "5.",
                                        "1.001",
                                        "1e-3",
                                        "1e100",
                                        "1e",
                                        "1e+",
                                        "0x10",
                                        "1 ",
                                        " 1",
                                        "1,5",
                                        "NaN",
                                        "inf",
                                        "1.2.3",
                                        "1e2e",
                                        "99999999999999999999",
                                        "90000000000000.01"};
    int64_t value = 77;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(juno_decimal(cases[i], 2, &value));
        assert_int_equal(value, 77);
    }
}

/* Seconds by `date -u -d TEXT +%s`. */
static void reads_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T04:34:54Z", 1795235694000},
        {"2026-11-21T04:34:54.123456789Z", 1795235694123},
        {"2026-11-21T04:34:54.5+00:00", 1795235694500},
        {"2026-11-20T22:34:54-0600", 1795235694000},
        {"2024-02-29T12:00:00+05:30", 1709188200000},
        {"2000-03-01T00:00:00", 951868800000},
        {"2100-03-01 00:00:00Z", 4107542400000},
    };
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(juno_time_ms(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void refuses_odd_times(void **state)
{
    static const char *const cases[] = {"",
                                        "2026-11-21",
                                        "2026-02-30T00:00:00Z",
                                        "2025-02-29T00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-11-21T24:00:00Z",
                                        "2026-11-21T04:34:54.Z",
                                        "2026-11-21T04:34:54z5",
                                        "2026-11-21T04:34:54+1",
                                        "2026-11-21T04:34:54+25:00",
                                        "1969-12-31T23:59:59Z",
                                        "2026/11/21T04:34:54Z"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(juno_time_ms(cases[i], &ms));
}

/* The documented meaning of each code, written down a second time and by hand from the list of
 * error codes: P permanent, R re-sign, W wait, S stop, L look up. */
static const char *const documented[] = {
    "L0101", "S0201", "S0202", "R0206", "R0207", "S0208", "S0213", "P0303",  "P0304",
    "P0315", "P0317", "P0318", "P0319", "P0320", "S0326", "S0330", "P0335",  "P0343",
    "P0353", "L0356", "P0357", "P0368", "P0372", "R0373", "P0407", "P0408",  "W0501",
    "W0502", "W0503", "W0504", "W0505", "W0506", "W0602", "S0703", "S0705",  "W0801",
    "W0802", "S1000", "L1003", "L1101", "W1103", "L1401", "P1604", "P32002", "L34003",
};

static enum juno_class class_of_letter(char letter)
{
    switch (letter) {
    case 'P':
        return JUNO_CLASS_PERMANENT;
    case 'R':
        return JUNO_CLASS_RESIGN;
    case 'W':
        return JUNO_CLASS_WAIT;
    case 'S':
        return JUNO_CLASS_STOP;
    }
    return JUNO_CLASS_LOOKUP;
}

static void classifies_each_documented_code(void **state)
{
    const struct juno_outcome_row *rows;

    (void)state;
    assert_int_equal(juno_outcome_rows(&rows), sizeof documented / sizeof documented[0]);
    for (size_t i = 0; i < sizeof documented / sizeof documented[0]; i++) {
        enum juno_class class = class_of_letter(documented[i][0]);
        struct juno_outcome means = juno_outcome_of(documented[i] + 1, 400);
        struct err err = {.code = means.code, .outcome = means.outcome};

        assert_int_equal(means.class, class);
        assert_int_equal(means.outcome, class == JUNO_CLASS_PERMANENT ? OUTCOME_REFUSED
                                        : class == JUNO_CLASS_LOOKUP  ? OUTCOME_UNKNOWN
                                                                      : OUTCOME_NOT_HAPPENED);
        assert_int_equal(juno_class_of(&err), class); /* what the engine will see */
    }
}

static void leaves_the_rest_open(void **state)
{
    static const struct {
        const char *code;
        int status;
        enum juno_class class;
    } cases[] = {
        {"", 500, JUNO_CLASS_LOOKUP},     {"", 502, JUNO_CLASS_LOOKUP},
        {"0303", 500, JUNO_CLASS_LOOKUP}, {"0602", 503, JUNO_CLASS_LOOKUP},
        {"9999", 400, JUNO_CLASS_LOOKUP}, {"", 400, JUNO_CLASS_LOOKUP},
        {"", 403, JUNO_CLASS_LOOKUP},     {"", 404, JUNO_CLASS_LOOKUP},
        {"", 408, JUNO_CLASS_LOOKUP},     {"", 409, JUNO_CLASS_LOOKUP},
        {"", 302, JUNO_CLASS_LOOKUP},     {"0303", 200, JUNO_CLASS_LOOKUP},
        {"", 401, JUNO_CLASS_STOP},       {"", 420, JUNO_CLASS_WAIT},
        {"", 429, JUNO_CLASS_WAIT},       {"303", 400, JUNO_CLASS_LOOKUP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct juno_outcome means = juno_outcome_of(cases[i].code, cases[i].status);

        assert_int_equal(means.class, cases[i].class);
        assert_int_equal(means.outcome, OUTCOME_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_openssl_does),
        cmocka_unit_test(refuses_a_key_that_does_not_fit),
        cmocka_unit_test(quotes_every_number_and_nothing_else),
        cmocka_unit_test(refuses_broken_numbers),
        cmocka_unit_test(reads_decimals_exactly),
        cmocka_unit_test(refuses_inexact_and_odd_decimals),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_odd_times),
        cmocka_unit_test(classifies_each_documented_code),
        cmocka_unit_test(leaves_the_rest_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
