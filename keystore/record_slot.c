#include "keystore/record_slot.h"

#include <string.h>

#include "abi/keccak.h"

enum { NUMBER_AT = 160 };

static const char header_magic[RECORD_MAGIC_BYTES] = "kustodia-nonces";

static void put_be(uint8_t *p, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

static void slot_checksum(const uint8_t link[32], const uint8_t *slot, size_t bytes,
                          uint8_t out[32])
{
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, link, 32);
    keccak_update(&hash, slot, bytes - RECORD_CHECKSUM_BYTES);
    keccak_final(&hash, out);
}

void slot_header(const struct record_identity *identity, size_t bytes, uint8_t *out)
{
    static const uint8_t no_link[32];
    memset(out, 0, bytes);
    memcpy(out, header_magic, sizeof header_magic);
    put_be(out + 16, bytes == RECORD_BYTES ? 2 : 1, 4);
    put_be(out + 20, bytes, 4);
    put_be(out + 24, identity->chain_id, 8);
    memcpy(out + RECORD_ADDRESSES_AT, identity->address[0], 20);
    memcpy(out + RECORD_ADDRESSES_AT + 20, identity->address[1], 20);
    slot_checksum(no_link, out, bytes, out + bytes - RECORD_CHECKSUM_BYTES);
}

bool slot_header_fits(const struct record_identity *identity, const uint8_t slot[RECORD_BYTES])
{
    static const uint8_t no_link[32];
    uint8_t expected[RECORD_BYTES], checksum[32];
    slot_header(identity, RECORD_BYTES, expected);
    slot_checksum(no_link, slot, RECORD_BYTES, checksum);
    return memcmp(slot, expected, RECORD_ADDRESSES_AT) == 0 &&
           memcmp(slot + RECORD_BYTES - RECORD_CHECKSUM_BYTES, checksum, sizeof checksum) == 0;
}

bool slot_is_v1_header(const uint8_t *slot, size_t n)
{
    return n >= RECORD_BYTES_V1 && memcmp(slot, header_magic, sizeof header_magic) == 0 &&
           get_be(slot + 16, 4) == 1 && get_be(slot + 20, 4) == RECORD_BYTES_V1;
}

void slot_write(const struct slot *in, const uint8_t link[32], uint8_t slot[RECORD_BYTES])
{
    memset(slot, 0, RECORD_BYTES);
    slot[0] = (uint8_t)in->kind;
    slot[1] = (uint8_t)in->role;
    slot[2] = in->has_signature;
    slot[3] = in->signature.y_parity;
    put_be(slot + 4, in->day, 4);
    put_be(slot + 8, in->nonce, 8);
    put_be(slot + 16, in->fence, 8);
    put_be(slot + 24, in->units, 8);
    memcpy(slot + 32, in->digest, 32);
    memcpy(slot + 64, in->call_hash, 32);
    memcpy(slot + 96, in->signature.r, 32);
    memcpy(slot + 128, in->signature.s, 32);
    put_be(slot + NUMBER_AT, in->number, 2);
    slot_checksum(link, slot, RECORD_BYTES, slot + RECORD_BYTES - RECORD_CHECKSUM_BYTES);
}

bool slot_read(const uint8_t *slot, size_t bytes, const uint8_t link[32], struct slot *out)
{
    uint8_t checksum[32];
    slot_checksum(link, slot, bytes, checksum);
    if (memcmp(checksum, slot + bytes - RECORD_CHECKSUM_BYTES, sizeof checksum) != 0)
        return false;
    *out = (struct slot){.kind = (enum record_kind)slot[0],
                         .role = (enum wire_role)slot[1],
                         .day = (uint32_t)get_be(slot + 4, 4),
                         .nonce = get_be(slot + 8, 8),
                         .fence = get_be(slot + 16, 8),
                         .units = get_be(slot + 24, 8)};
    memcpy(out->digest, slot + 32, 32);
    memcpy(out->call_hash, slot + 64, 32);
    if (bytes == RECORD_BYTES) {
        out->has_signature = slot[2] == 1;
        out->signature.y_parity = slot[3];
        memcpy(out->signature.r, slot + 96, 32);
        memcpy(out->signature.s, slot + 128, 32);
        out->number = (uint32_t)get_be(slot + NUMBER_AT, 2);
    }
    if (out->number == 0) // written when there were two keys only
        out->number = out->role == WIRE_ROLE_ARBITER ? 2 : 1;
    return out->kind >= RECORD_NEW && out->kind <= RECORD_KEY &&
           (out->role == WIRE_ROLE_RELAYER || out->role == WIRE_ROLE_ARBITER);
}

bool slot_is_cut_off(const uint8_t *slot, size_t n, size_t bytes)
{
    static const uint8_t zero[RECORD_CHECKSUM_BYTES];
    return n < bytes || memcmp(slot + bytes - sizeof zero, zero, sizeof zero) == 0;
}
