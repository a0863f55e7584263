/*
 * Amounts of money as exact integers, and their decimal text.
 *
 * Units: centavos = MXN, scale 2. units = MXNB, scale 6 (its smallest on-chain unit). One centavo is
 * 10 000 units. Text is what our API and Juno write: digits, at most one point, nothing else: no sign, no
 * exponent, no separator, no space. A refused text or a result that does not fit leaves *out untouched.
 */
#ifndef KUSTODIA_MONEY_AMOUNT_H
#define KUSTODIA_MONEY_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nine billion pesos: as MXNB units still a thousandth of 64 bits, so that sums of many fit too. */
#define AMOUNT_CENTAVOS_MAX INT64_C(900000000000)
#define AMOUNT_UNITS_MAX INT64_C(9000000000000000)
#define AMOUNT_UNITS_PER_CENTAVO INT64_C(10000)

enum { AMOUNT_TEXT_MAX = 32, AMOUNT_SPLIT_MAX = 32 };

/* "1000", "1000.5", "1000.00": at most 2 decimals, at most AMOUNT_CENTAVOS_MAX. */
bool amount_parse_centavos(const char *text, int64_t *centavos);

/* "1000", "0.000001": at most 6 decimals, at most AMOUNT_UNITS_MAX. */
bool amount_parse_units(const char *text, int64_t *units);

/* Always all decimals: "1000.00", "-0.05". Any int64_t. */
void amount_format_centavos(int64_t centavos, char out[AMOUNT_TEXT_MAX]);
void amount_format_units(int64_t units, char out[AMOUNT_TEXT_MAX]);

/* False if the product does not fit. */
bool units_from_centavos(int64_t centavos, int64_t *units);

/* False unless the units are a whole number of centavos. */
bool centavos_from_units(int64_t units, int64_t *centavos);

/*
 * Cuts total (>= 0) into n (1..AMOUNT_SPLIT_MAX) parts in proportion to the weights, exactly: the parts
 * add up to total and each lies within one of its true share. What rounding leaves over goes one by one
 * to the parts with the largest remainder, the first of equals first. A part with weight 0 is 0.
 * False, with out untouched: total below 0, n out of range, or no weight above 0.
 */
bool amount_split(int64_t total, const uint32_t *weights_bps, size_t n, int64_t *out);

#endif
