#include "keystore/scrypt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>

enum { WORDS = 16 }; // of one Salsa20 block

static uint32_t rotate(uint32_t a, int by)
{
    return a << by | a >> (32 - by);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *b ^= rotate(*a + *d, 7);
    *c ^= rotate(*b + *a, 9);
    *d ^= rotate(*c + *b, 13);
    *a ^= rotate(*d + *c, 18);
}

// Salsa20/8 core: four double rounds, then the input added.
static void salsa(uint32_t block[WORDS])
{
    uint32_t x[WORDS];
    memcpy(x, block, sizeof x);
    for (int i = 0; i < 4; i++) {
        quarter(&x[0], &x[4], &x[8], &x[12]);
        quarter(&x[5], &x[9], &x[13], &x[1]);
        quarter(&x[10], &x[14], &x[2], &x[6]);
        quarter(&x[15], &x[3], &x[7], &x[11]);
        quarter(&x[0], &x[1], &x[2], &x[3]);
        quarter(&x[5], &x[6], &x[7], &x[4]);
        quarter(&x[10], &x[11], &x[8], &x[9]);
        quarter(&x[15], &x[12], &x[13], &x[14]);
    }
    for (int i = 0; i < WORDS; i++)
        block[i] += x[i];
}

// scryptBlockMix: 2r blocks of `in` to `out`, even results first, odd ones behind.
static void block_mix(const uint32_t *in, uint32_t *out, uint32_t r)
{
    uint32_t x[WORDS];
    memcpy(x, in + (2 * (size_t)r - 1) * WORDS, sizeof x);
    for (size_t i = 0; i < 2 * (size_t)r; i++) {
        for (int word = 0; word < WORDS; word++)
            x[word] ^= in[i * WORDS + (size_t)word];
        salsa(x);
        memcpy(out + (i / 2 + (i & 1) * r) * WORDS, x, sizeof x);
    }
}

// scryptROMix over x (32 r words), with scratch t of the same size and the table v of n such rows.
static void ro_mix(uint32_t *x, uint32_t *t, uint32_t *v, struct scrypt_cost cost)
{
    size_t row = 32 * (size_t)cost.r;
    for (uint64_t i = 0; i < cost.n; i++) {
        memcpy(v + i * row, x, 4 * row);
        block_mix(x, t, cost.r);
        memcpy(x, t, 4 * row);
    }
    for (uint64_t i = 0; i < cost.n; i++) {
        const uint32_t *last = x + row - WORDS;
        uint64_t j = (last[0] | (uint64_t)last[1] << 32) & (cost.n - 1);
        for (size_t word = 0; word < row; word++)
            t[word] = x[word] ^ v[j * row + word];
        block_mix(t, x, cost.r);
    }
}

// One of the p lanes: bytes to little-endian words, mixed, and back.
static void lane_mix(uint8_t *bytes, uint32_t *scratch, struct scrypt_cost cost)
{
    size_t row = 32 * (size_t)cost.r;
    uint32_t *x = scratch, *t = x + row, *v = t + row;
    for (size_t i = 0; i < row; i++)
        x[i] = bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 | (uint32_t)bytes[4 * i + 2] << 16 |
               (uint32_t)bytes[4 * i + 3] << 24;
    ro_mix(x, t, v, cost);
    for (size_t i = 0; i < 4 * row; i++)
        bytes[i] = (uint8_t)(x[i / 4] >> 8 * (i % 4));
}

static bool pbkdf2(const struct scrypt_input *input, uint8_t *out, size_t n)
{
    return PKCS5_PBKDF2_HMAC((const char *)input->password, (int)input->password_n, input->salt,
                             (int)input->salt_n, 1, EVP_sha256(), (int)n, out) == 1;
}

uint64_t scrypt_memory_bytes(struct scrypt_cost cost)
{
    return 128ull * cost.r * (cost.n + 2 + cost.p);
}

bool scrypt_derive(const struct scrypt_input *input, struct scrypt_cost cost, uint8_t *out,
                   size_t out_n)
{
    size_t memory_n = (size_t)scrypt_memory_bytes(cost), lane_n = 128 * (size_t)cost.r;
    void *memory = mmap(NULL, memory_n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    madvise(memory, memory_n, MADV_DONTDUMP);
    uint8_t *lanes = memory;
    uint32_t *scratch = (uint32_t *)(void *)(lanes + lane_n * cost.p);

    bool ok = pbkdf2(input, lanes, lane_n * cost.p);
    for (uint32_t lane = 0; ok && lane < cost.p; lane++)
        lane_mix(lanes + lane_n * lane, scratch, cost);
    struct scrypt_input mixed = {input->password, input->password_n, lanes, lane_n * cost.p};
    ok = ok && pbkdf2(&mixed, out, out_n);
    OPENSSL_cleanse(memory, memory_n);
    munmap(memory, memory_n);
    return ok;
}
