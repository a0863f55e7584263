/* Short texts: hex, quantities, addresses, decimals, amounts, UUIDs, Juno's decimals and times. What one of
 * the strict readers accepts has one form only, so it prints back to the text it was read from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "relayer/base/uuid.h"
#include "relayer/juno/answer.h"
#include "relayer/money/amount.h"
#include "tests/fuzz/fuzz.h"

static void hex_check(const char *text, size_t n)
{
    uint8_t *room = malloc(n / 2 + 1), exact[20];
    char *again = malloc(2 * (n / 2) + 3);
    size_t got, skip = n >= 2 && text[0] == '0' && text[1] == 'x' ? 2 : 0;

    HOLDS(room != NULL && again != NULL);
    if (hex_decode(text, n, room, n / 2, &got)) {
        HOLDS(got == (n - skip) / 2 && (n - skip) % 2 == 0);
        hex_encode(room, got, again);
        HOLDS(strlen(again) == n - skip && strncasecmp(again, text + skip, n - skip) == 0);
        HOLDS(got == 0 || !hex_decode(text, n, room, got - 1, &got));
    }
    if (hex_decode_exact(text, exact, sizeof exact))
        HOLDS(strlen(text) == 40 || strlen(text) == 42);
    free(again);
    free(room);
}

static void quantity_check(const char *text)
{
    struct u256 wide;
    uint64_t value, same;
    char digits[65], again[67];

    if (hex_quantity_u256(text, &wide)) {
        hex_encode(wide.be, 32, digits);
        size_t zeros = strspn(digits, "0");
        snprintf(again, sizeof again, "0x%s", digits + (zeros < 64 ? zeros : 63));
        HOLDS(strcasecmp(again, text) == 0 && text[1] == 'x');
    }
    if (hex_quantity_u64(text, &value)) {
        HOLDS(hex_quantity_u256(text, &wide) && u256_to_u64(&wide, &same) && same == value);
    } else {
        HOLDS(!hex_quantity_u256(text, &wide) || !u256_to_u64(&wide, &same));
    }
}

static void address_check(const char *text)
{
    uint8_t address[20], again[20];
    char mixed[HEX_ADDRESS_SIZE];

    if (!hex_parse_address(text, address))
        return;
    HOLDS(strlen(text) == 42 && text[0] == '0' && text[1] == 'x');
    hex_checksum_address(address, mixed);
    HOLDS(strcasecmp(mixed, text) == 0 && hex_parse_address(mixed, again));
    HOLDS(memcmp(address, again, 20) == 0);
}

static void decimal_check(const char *text)
{
    struct u256 wide, half, more;
    char again[U256_DEC_SIZE];
    uint64_t small = 1;

    if (!u256_from_dec(text, &wide))
        return;
    u256_to_dec(&wide, again);
    HOLDS(strcmp(again, text) == 0);
    if (!u256_add(&wide, &wide, &more)) {
        HOLDS(wide.be[0] & 0x80);
        return;
    }
    HOLDS(u256_mul_u64(&wide, 2, &half) && u256_cmp(&half, &more) == 0);
    HOLDS(u256_sub(&more, &wide, &half) && u256_cmp(&half, &wide) == 0);
    HOLDS(u256_to_u64(&wide, &small) || wide.be[23] != 0 || u256_cmp(&wide, &more) < 0);
}

/* Same value whatever zeros stand behind the point, so not the same text; but the same amount again. */
static void amount_check(const char *text)
{
    char again[AMOUNT_TEXT_MAX];
    int64_t value, same, juno;

    if (amount_parse_centavos(text, &value)) {
        HOLDS(value >= 0 && value <= AMOUNT_CENTAVOS_MAX);
        HOLDS(strspn(text, "0123456789.") == strlen(text));
        amount_format_centavos(value, again);
        HOLDS(amount_parse_centavos(again, &same) && same == value);
        HOLDS(units_from_centavos(value, &same) && centavos_from_units(same, &juno));
        HOLDS(juno == value);
        HOLDS(juno_decimal(text, 2, &juno) && juno == value);
    }
    if (amount_parse_units(text, &value)) {
        HOLDS(value >= 0 && value <= AMOUNT_UNITS_MAX);
        amount_format_units(value, again);
        HOLDS(amount_parse_units(again, &same) && same == value);
        HOLDS(juno_decimal(text, 6, &juno) && juno == value);
    }
    if (juno_decimal(text, 6, &juno))
        HOLDS(juno >= 0 && juno <= AMOUNT_UNITS_MAX && text[0] != '-' && text[0] != '+');
}

static void other_check(const char *text)
{
    struct uuid uuid;
    char again[UUID_TEXT_MAX];
    int64_t ms;

    if (uuid_parse(text, &uuid)) {
        uuid_format(&uuid, again);
        HOLDS(strlen(text) == 36 && strcasecmp(again, text) == 0);
    }
    if (juno_time_ms(text, &ms)) {
        /* 1970 to 9999, and what a zone and a leap second may add. */
        HOLDS(ms >= INT64_C(-50400000) && ms < INT64_C(253402300801000) + INT64_C(50400000));
        HOLDS(strlen(text) >= 19 && text[4] == '-' && text[7] == '-');
    }
    if (juno_id_is_plain(text))
        HOLDS(strlen(text) < JUNO_ID_MAX && strchr(text, '/') == NULL && text[0] != '.');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = fuzz_text(data, n);

    hex_check(text, n);
    quantity_check(text);
    address_check(text);
    decimal_check(text);
    amount_check(text);
    other_check(text);
    free(text);
    return 0;
}
