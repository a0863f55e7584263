#include "abi/keccak.h"

#include <endian.h>
#include <string.h>

/* The state is 25 lanes of 64 bits, each filled from the message's bytes lowest first. */
static void absorb_lane(struct sha3_state *state, size_t lane, const uint8_t bytes[8])
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    state->a[lane] ^= le64toh(word);
}

static void absorb_byte(struct sha3_state *state, size_t at, uint8_t byte)
{
    state->a[at / 8] ^= (uint64_t)byte << (8 * (at % 8));
}

void keccak_init(struct keccak *k)
{
    memset(k, 0, sizeof *k);
}

void keccak_update(struct keccak *k, const void *data, size_t n)
{
    const uint8_t *p = data;
    while (n > 0) {
        /* Whole lanes where both sides allow it: most of every message. */
        size_t step = k->at % 8 == 0 && n >= 8 ? 8 : 1;
        if (step == 8)
            absorb_lane(&k->state, k->at / 8, p);
        else
            absorb_byte(&k->state, k->at, *p);
        p += step;
        n -= step;
        k->at += step;
        if (k->at == KECCAK256_RATE) {
            sha3_permute(&k->state);
            k->at = 0;
        }
    }
}

void keccak_final(struct keccak *k, uint8_t out[KECCAK256_SIZE])
{
    absorb_byte(&k->state, k->at, 0x01);
    absorb_byte(&k->state, KECCAK256_RATE - 1, 0x80);
    sha3_permute(&k->state);
    for (size_t lane = 0; lane < KECCAK256_SIZE / 8; lane++) {
        uint64_t word = htole64(k->state.a[lane]);
        memcpy(out + 8 * lane, &word, sizeof word);
    }
}

void keccak256(const void *data, size_t n, uint8_t out[KECCAK256_SIZE])
{
    struct keccak k;
    keccak_init(&k);
    keccak_update(&k, data, n);
    keccak_final(&k, out);
}

/* Hashes of public knowledge: the empty string (code hash of an account without code), 0x80 (root
 * of an empty trie), and 200 times 0xa3, the long message of the Keccak team's own SHA-3 examples
 * (value for the original padding recomputed with two independent libraries). */
bool keccak_selftest(void)
{
    static const uint8_t empty[32] = {
        0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03,
        0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85,
        0xa4, 0x70};
    static const uint8_t empty_trie[32] = {
        0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8,
        0x6e, 0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63,
        0xb4, 0x21};
    static const uint8_t long_message[32] = {
        0x3a, 0x57, 0x66, 0x6b, 0x04, 0x87, 0x77, 0xf2, 0xc9, 0x53, 0xdc, 0x44, 0x56, 0xf4, 0x5a,
        0x25, 0x88, 0xe1, 0xcb, 0x6f, 0x2d, 0xa7, 0x60, 0x12, 0x2d, 0x53, 0x0a, 0xc2, 0xce, 0x60,
        0x7d, 0x4a};
    static const uint8_t rlp_empty[1] = {0x80};
    uint8_t message[200], hash[32];
    memset(message, 0xa3, sizeof message);

    keccak256(NULL, 0, hash);
    bool good = memcmp(hash, empty, 32) == 0;
    keccak256(rlp_empty, 1, hash);
    good = good && memcmp(hash, empty_trie, 32) == 0;
    keccak256(message, sizeof message, hash);
    good = good && memcmp(hash, long_message, 32) == 0;

    struct keccak k;
    keccak_init(&k);
    keccak_update(&k, message, 135);
    keccak_update(&k, message, 2);
    keccak_update(&k, message, 63);
    keccak_final(&k, hash);
    return good && memcmp(hash, long_message, 32) == 0;
}
