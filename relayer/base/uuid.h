/*
 * Identifiers: UUID version 7 for new things (sortable by time of birth, RFC 9562) and version 8
 * for ids derived from another id, so that a step taken twice names its effect the same way twice.
 */
#ifndef KUSTODIA_BASE_UUID_H
#define KUSTODIA_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT_MAX = 37 };

struct uuid {
    uint8_t b[16];
};

/* random: ten bytes nobody can guess. */
struct uuid uuid_new_v7(int64_t wall_ms, const uint8_t random[10]);

/* The same with our clock and the system's random bytes. */
struct uuid uuid_new(void);

/* The first 16 bytes of keccak256(parent || label), with version 8 and its variant bits set. */
struct uuid uuid_derive(const struct uuid *parent, const char *label);

/* Exactly the 36 character form, either case; false and *out untouched otherwise. */
bool uuid_parse(const char *text, struct uuid *out);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_MAX]); /* lower case */

bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const struct uuid *uuid);

#endif
