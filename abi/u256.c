#include "abi/u256.h"

#include <string.h>

/* Arithmetic runs on four 64-bit limbs, lowest first. */
struct limbs {
    uint64_t limb[4];
};

static struct limbs limbs_load(const struct u256 *a)
{
    struct limbs l = {{0}};
    for (size_t i = 0; i < 32; i++)
        l.limb[3 - i / 8] = l.limb[3 - i / 8] << 8 | a->be[i];
    return l;
}

static void limbs_store(const struct limbs *l, struct u256 *out)
{
    for (size_t i = 0; i < 32; i++)
        out->be[i] = (uint8_t)(l->limb[3 - i / 8] >> (8 * (7 - i % 8)));
}

/* *l = *l * factor + addend; false on overflow, *l is then garbage. */
static bool limbs_mul_add(struct limbs *l, uint64_t factor, uint64_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < 4; i++) {
        /* (2^64-1)^2 + 2^64-1 < 2^128: never wraps. */
        unsigned __int128 product = (unsigned __int128)l->limb[i] * factor + carry;
        l->limb[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry == 0;
}

/* *l = *l / divisor, returns the remainder. */
static uint64_t limbs_div(struct limbs *l, uint64_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = 4; i > 0; i--) {
        unsigned __int128 part = (unsigned __int128)rest << 64 | l->limb[i - 1];
        l->limb[i - 1] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
    }
    return rest;
}

struct u256 u256_from_u64(uint64_t value)
{
    struct u256 out = {{0}};
    for (size_t i = 0; i < 8; i++)
        out.be[31 - i] = (uint8_t)(value >> (8 * i));
    return out;
}

bool u256_to_u64(const struct u256 *a, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i < 24 && a->be[i] != 0)
            return false;
        value = value << 8 | a->be[i];
    }
    *out = value;
    return true;
}

bool u256_from_be(const uint8_t *p, size_t n, struct u256 *out)
{
    if (n > 32)
        return false;
    struct u256 value = {{0}};
    if (n > 0)
        memcpy(value.be + 32 - n, p, n);
    *out = value;
    return true;
}

bool u256_is_zero(const struct u256 *a)
{
    static const struct u256 zero;
    return memcmp(a, &zero, sizeof zero) == 0;
}

int u256_cmp(const struct u256 *a, const struct u256 *b)
{
    return memcmp(a->be, b->be, sizeof a->be);
}

bool u256_add(const struct u256 *a, const struct u256 *b, struct u256 *out)
{
    struct u256 sum;
    unsigned carry = 0;
    for (size_t i = 32; i > 0; i--) {
        carry += (unsigned)a->be[i - 1] + b->be[i - 1];
        sum.be[i - 1] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry != 0)
        return false;
    *out = sum;
    return true;
}

bool u256_sub(const struct u256 *a, const struct u256 *b, struct u256 *out)
{
    if (u256_cmp(a, b) < 0)
        return false;
    int borrow = 0;
    for (size_t i = 32; i > 0; i--) {
        int difference = a->be[i - 1] - b->be[i - 1] - borrow;
        borrow = difference < 0;
        out->be[i - 1] = (uint8_t)difference;
    }
    return true;
}

bool u256_mul_u64(const struct u256 *a, uint64_t b, struct u256 *out)
{
    struct limbs l = limbs_load(a);
    if (!limbs_mul_add(&l, b, 0))
        return false;
    limbs_store(&l, out);
    return true;
}

bool u256_from_dec(const char *text, struct u256 *out)
{
    size_t n = strnlen(text, U256_DEC_SIZE);
    if (n == 0 || n > 78 || (text[0] == '0' && n > 1))
        return false;
    struct limbs l = {{0}};
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (!limbs_mul_add(&l, 10, (uint64_t)(text[i] - '0')))
            return false;
    }
    limbs_store(&l, out);
    return true;
}

void u256_to_dec(const struct u256 *a, char out[U256_DEC_SIZE])
{
    char reversed[U256_DEC_SIZE];
    size_t n = 0;
    struct limbs l = limbs_load(a);
    do {
        reversed[n++] = (char)('0' + limbs_div(&l, 10));
    } while ((l.limb[0] | l.limb[1] | l.limb[2] | l.limb[3]) != 0);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    out[n] = 0;
}
