#include "relayer/money/amount.h"

#include <inttypes.h>
#include <stdio.h>

#include "relayer/base/check.h"

enum { CENTAVOS_SCALE = 2, UNITS_SCALE = 6 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends one decimal digit; false past max. max is far enough below INT64_MAX / 10 * 10 to compare first. */
static bool digit_push(int64_t *value, int digit, int64_t max)
{
    if (*value > (max - digit) / 10)
        return false;
    *value = *value * 10 + digit;
    return true;
}

/* digits [ "." digits ], scaled by 10^scale. The number of characters is bounded by max itself except for
 * leading zeros, which are refused ("0" and "0.5" are fine). */
static bool parse_scaled(const char *text, int scale, int64_t max, int64_t *out)
{
    if (text == NULL || !is_digit(text[0]) || (text[0] == '0' && is_digit(text[1])))
        return false;
    int64_t value = 0;
    const char *p = text;
    for (; is_digit(*p); p++) {
        if (!digit_push(&value, *p - '0', max))
            return false;
    }
    int decimals = 0;
    if (*p == '.') {
        p++;
        for (; is_digit(*p) && decimals < scale; p++, decimals++) {
            if (!digit_push(&value, *p - '0', max))
                return false;
        }
        if (decimals == 0)
            return false;
    }
    if (*p != '\0')
        return false;
    for (; decimals < scale; decimals++) {
        if (!digit_push(&value, 0, max))
            return false;
    }
    *out = value;
    return true;
}

static void format_scaled(int64_t value, int scale, char out[AMOUNT_TEXT_MAX])
{
    uint64_t one = 1;
    for (int i = 0; i < scale; i++)
        one *= 10;
    /* Negation in unsigned arithmetic is right for INT64_MIN too. */
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    snprintf(out, AMOUNT_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64, value < 0 ? "-" : "", size / one,
             scale, size % one);
}

bool amount_parse_centavos(const char *text, int64_t *centavos)
{
    return parse_scaled(text, CENTAVOS_SCALE, AMOUNT_CENTAVOS_MAX, centavos);
}

bool amount_parse_units(const char *text, int64_t *units)
{
    return parse_scaled(text, UNITS_SCALE, AMOUNT_UNITS_MAX, units);
}

void amount_format_centavos(int64_t centavos, char out[AMOUNT_TEXT_MAX])
{
    format_scaled(centavos, CENTAVOS_SCALE, out);
}

void amount_format_units(int64_t units, char out[AMOUNT_TEXT_MAX])
{
    format_scaled(units, UNITS_SCALE, out);
}

bool units_from_centavos(int64_t centavos, int64_t *units)
{
    int64_t product;
    if (__builtin_mul_overflow(centavos, AMOUNT_UNITS_PER_CENTAVO, &product))
        return false;
    *units = product;
    return true;
}

bool centavos_from_units(int64_t units, int64_t *centavos)
{
    if (units % AMOUNT_UNITS_PER_CENTAVO != 0)
        return false;
    *centavos = units / AMOUNT_UNITS_PER_CENTAVO;
    return true;
}

/* The part with the largest remainder still to be served, the first of equals; it is marked served. */
static size_t remainder_take(uint64_t *remainder, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (remainder[i] > remainder[best])
            best = i;
    }
    CHECK(remainder[best] > 0);
    remainder[best] = 0;
    return best;
}

bool amount_split(int64_t total, const uint32_t *weights_bps, size_t n, int64_t *out)
{
    if (total < 0 || n < 1 || n > AMOUNT_SPLIT_MAX)
        return false;
    uint64_t weights = 0;
    for (size_t i = 0; i < n; i++)
        weights += weights_bps[i];
    if (weights == 0)
        return false;
    uint64_t remainder[AMOUNT_SPLIT_MAX];
    int64_t given = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 product = (unsigned __int128)(uint64_t)total * weights_bps[i];
        out[i] = (int64_t)(product / weights);
        remainder[i] = (uint64_t)(product % weights);
        given += out[i];
    }
    /* The remainders add up to weights times what is left, each below weights: enough parts have one. */
    for (; given < total; given++)
        out[remainder_take(remainder, n)]++;
    return true;
}
