// One record of the record of nonces as it stands in the file (keystore/FORMAT.md), in both
// versions of the format: 2 is written, 1 is only read. Pure: bytes in, values out.
#ifndef KEYSTORE_RECORD_SLOT_H
#define KEYSTORE_RECORD_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore/sign.h"
#include "keystore/wire.h"

enum {
    RECORD_BYTES = 256, // a power of two: no record lies across a page or a sector
    RECORD_BYTES_V1 = 128,
    RECORD_CHECKSUM_BYTES = 32, // the last ones of every record
    RECORD_MAGIC_BYTES = 16,    // the first ones of the header
    RECORD_ADDRESSES_AT = 32,   // in the header: of the first two keys
    RECORD_KEYS = WIRE_KEYS
};

// Whose record it is: its chain for ever, and the keys of this run by their place (wire.h). Zero:
// no key there.
struct record_identity {
    uint64_t chain_id;
    uint8_t address[RECORD_KEYS][20];
};

// Kinds on disk: pinned.
enum record_kind {
    RECORD_NEW = 1,      // first digest for a nonce
    RECORD_REPRICED = 2, // another price for the same call
    RECORD_FENCED = 3,   // a known digest under a higher fence, or with its first kept signature
    RECORD_KEY = 4       // another key begins: its number, its address in `digest`
};

struct slot {
    enum record_kind kind;
    enum wire_role role; // relayer or arbiter: whose amount of the day it counts in
    uint32_t number;     // of the key: 1 and 2 are those of the header
    uint32_t day;
    uint64_t nonce, fence, units;
    uint8_t digest[32], call_hash[32];
    bool has_signature; // always, but for records that version 1 wrote
    struct signature signature;
};

// The header of version 2 (bytes = RECORD_BYTES) or 1 (bytes = RECORD_BYTES_V1).
void slot_header(const struct record_identity *identity, size_t bytes, uint8_t *out);

// The header is whole, of version 2 and of this chain, whatever its keys.
bool slot_header_fits(const struct record_identity *identity, const uint8_t slot[RECORD_BYTES]);

// True when `slot` (n bytes of a file's beginning) starts a file of version 1, of any identity.
bool slot_is_v1_header(const uint8_t *slot, size_t n);

// Writes a record behind the one whose checksum is `link`.
void slot_write(const struct slot *in, const uint8_t link[32], uint8_t slot[RECORD_BYTES]);

// Reads a record of `bytes` bytes. False: not one that stands behind `link`.
bool slot_read(const uint8_t *slot, size_t bytes, const uint8_t link[32], struct slot *out);

// A write that a crash cut off leaves a short record, or one whose end is still zero where the file
// was already made longer. A whole record with a wrong checksum is damage: its signature may have
// left.
bool slot_is_cut_off(const uint8_t *slot, size_t n, size_t bytes);

#endif
