#include "relayer/base/uuid.h"

#include <string.h>
#include <sys/random.h>

#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"

static void uuid_mark(struct uuid *uuid, unsigned version)
{
    uuid->b[6] = (uint8_t)((uuid->b[6] & 0x0f) | (version << 4));
    uuid->b[8] = (uint8_t)((uuid->b[8] & 0x3f) | 0x80);
}

struct uuid uuid_new_v7(int64_t wall_ms, const uint8_t random[10])
{
    CHECK(wall_ms >= 0 && wall_ms < ((int64_t)1 << 48));
    struct uuid uuid;
    for (int i = 0; i < 6; i++)
        uuid.b[i] = (uint8_t)(wall_ms >> (8 * (5 - i)));
    memcpy(uuid.b + 6, random, 10);
    uuid_mark(&uuid, 7);
    return uuid;
}

struct uuid uuid_new(void)
{
    uint8_t random[10];
    CHECK(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    return uuid_new_v7(clock_wall_ms(), random);
}

struct uuid uuid_derive(const struct uuid *parent, const char *label)
{
    struct keccak hash;
    uint8_t digest[32];
    keccak_init(&hash);
    keccak_update(&hash, parent->b, sizeof parent->b);
    keccak_update(&hash, label, strlen(label));
    keccak_final(&hash, digest);
    struct uuid uuid;
    memcpy(uuid.b, digest, sizeof uuid.b);
    uuid_mark(&uuid, 8);
    return uuid;
}

static int uuid_nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool uuid_dash_at(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

bool uuid_parse(const char *text, struct uuid *out)
{
    if (text == NULL || strnlen(text, UUID_TEXT_MAX) != UUID_TEXT_MAX - 1)
        return false;
    struct uuid uuid = {0};
    int nibbles = 0;
    for (int i = 0; i < UUID_TEXT_MAX - 1; i++) {
        if (uuid_dash_at(i)) {
            if (text[i] != '-')
                return false;
            continue;
        }
        int nibble = uuid_nibble(text[i]);
        if (nibble < 0)
            return false;
        uuid.b[nibbles / 2] = (uint8_t)(uuid.b[nibbles / 2] << 4 | nibble);
        nibbles++;
    }
    *out = uuid;
    return true;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    int at = 0;
    for (int i = 0; i < 16; i++) {
        if (uuid_dash_at(at))
            text[at++] = '-';
        text[at++] = digits[uuid->b[i] >> 4];
        text[at++] = digits[uuid->b[i] & 15];
    }
    text[at] = '\0';
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool uuid_is_zero(const struct uuid *uuid)
{
    return uuid_equal(uuid, &(struct uuid){{0}});
}
