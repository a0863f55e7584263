/* Numbers and times of Juno's JSON, exactly: nothing here passes through floating point. */
#include <string.h>

#include "relayer/juno/answer.h"

/* The length of a JSON number (RFC 8259, section 6) at `text`, 0 when it is none. */
static size_t number_length(const char *text, size_t n)
{
    size_t i = 0, start;

    if (i < n && text[i] == '-')
        i++;
    start = i;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    if (i == start || (text[start] == '0' && i > start + 1))
        return 0;
    if (i < n && text[i] == '.') {
        start = ++i;
        while (i < n && text[i] >= '0' && text[i] <= '9')
            i++;
        if (i == start)
            return 0;
    }
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < n && (text[i] == '+' || text[i] == '-'))
            i++;
        start = i;
        while (i < n && text[i] >= '0' && text[i] <= '9')
            i++;
        if (i == start)
            return 0;
    }
    return i;
}

/* The length of a JSON string with its quotes, 0 when it does not end. What is inside is
 * jansson's business. */
static size_t string_length(const char *text, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return 0;
}

/* What may stand right behind a number. */
static bool number_ends(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool json_quote_numbers(const char *text, size_t n, char *out, size_t cap, size_t *out_n)
{
    size_t i = 0, o = 0;

    while (i < n) {
        bool is_number = text[i] == '-' || (text[i] >= '0' && text[i] <= '9');
        size_t part = 1;

        if (is_number)
            part = number_length(text + i, n - i);
        else if (text[i] == '"')
            part = string_length(text + i, n - i);
        if (part == 0 || o + part + 3 > cap)
            return false;
        if (is_number && i + part < n && !number_ends(text[i + part]))
            return false;
        if (is_number)
            out[o++] = '"';
        memcpy(out + o, text + i, part);
        o += part;
        if (is_number)
            out[o++] = '"';
        i += part;
    }
    if (o >= cap)
        return false;
    out[o] = '\0';
    *out_n = o;
    return true;
}

/* A decimal while it is read: digits without the point, and how many of them stand behind it. */
struct decimal {
    int64_t value;
    int scale;
};

static const int64_t decimal_max = 9000000000000000;

static bool decimal_digit(struct decimal *decimal, char c)
{
    return !__builtin_mul_overflow(decimal->value, (int64_t)10, &decimal->value) &&
           !__builtin_add_overflow(decimal->value, (int64_t)(c - '0'), &decimal->value);
}

/* Moves the point so that exactly `scale` digits stand behind it; refuses to lose one. */
static bool decimal_rescale(struct decimal *decimal, int scale)
{
    if (decimal->value == 0) {
        decimal->scale = scale;
        return true;
    }
    for (; decimal->scale > scale; decimal->scale--) {
        if (decimal->value % 10 != 0)
            return false;
        decimal->value /= 10;
    }
    for (; decimal->scale < scale; decimal->scale++)
        if (!decimal_digit(decimal, '0'))
            return false;
    return true;
}

/* "e+2", "E-3": at most two digits; more would leave every range that is allowed. */
static bool exponent_read(const char *text, int *out)
{
    int value = 0, sign = 1;

    text++;
    if (*text == '+' || *text == '-')
        sign = *text++ == '-' ? -1 : 1;
    if (text[0] < '0' || text[0] > '9')
        return false;
    for (int i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 2)
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *out = sign * value;
    return true;
}

bool juno_decimal(const char *text, unsigned scale, int64_t *out)
{
    struct decimal decimal = {0, 0};
    bool point = false, digit_last = false;
    int exponent = 0;
    size_t i;

    for (i = 0; text[i] != '\0' && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.' && !point && digit_last) {
            point = true;
            digit_last = false;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || i >= 40 || !decimal_digit(&decimal, text[i]))
            return false;
        digit_last = true;
        decimal.scale += point;
    }
    if (!digit_last || (text[i] != '\0' && !exponent_read(text + i, &exponent)))
        return false;
    decimal.scale -= exponent;
    if (!decimal_rescale(&decimal, (int)scale) || decimal.value > decimal_max)
        return false;
    *out = decimal.value;
    return true;
}

/* ---- time ---- */

/* `n` digits at `text`, or -1. */
static int digits_read(const char *text, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* Days from 1970-01-01 in the Gregorian calendar, counting years from March so that a leap day
 * ends one. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era_day = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + era_day - 719468;
}

static bool zone_read(const char *text, int64_t *offset_s)
{
    int hours, minutes;
    size_t n = strlen(text);

    *offset_s = 0;
    if (n == 0 || strcmp(text, "Z") == 0)
        return true;
    if (text[0] != '+' && text[0] != '-')
        return false;
    hours = n >= 3 ? digits_read(text + 1, 2) : -1;
    minutes = n == 6 && text[3] == ':' ? digits_read(text + 4, 2)
              : n == 5                 ? digits_read(text + 3, 2)
                                       : -1;
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
    return true;
}

static bool day_exists(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap);
}

bool juno_time_ms(const char *text, int64_t *out)
{
    int year, month, day, hour, minute, second, weight = 100;
    int64_t ms = 0, offset_s;
    size_t i = 19;

    if (strlen(text) < 19 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
        return false;
    year = digits_read(text, 4);
    month = digits_read(text + 5, 2);
    day = digits_read(text + 8, 2);
    hour = digits_read(text + 11, 2);
    minute = digits_read(text + 14, 2);
    second = digits_read(text + 17, 2);
    if (!day_exists(year, month, day) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60)
        return false;
    if (text[i] == '.') {
        if (text[i + 1] < '0' || text[i + 1] > '9')
            return false;
        for (i++; text[i] >= '0' && text[i] <= '9'; i++, weight /= 10)
            ms += (text[i] - '0') * weight;
    }
    if (!zone_read(text + i, &offset_s))
        return false;
    *out = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset_s;
    *out = *out * 1000 + ms;
    return true;
}
