// Frames between relayerd and relayer-signer (keystore/PROTOCOL.md). Pure: bytes in, values out, no
// I/O.
//
// A frame is u32 length of what follows (big-endian, 1..WIRE_FRAME_MAX), u8 type, body. One channel
// (a stream socket) belongs to one role. Lengths inside a body must fill the body exactly: a frame
// with bytes left over is as wrong as a short one.
#ifndef KEYSTORE_WIRE_H
#define KEYSTORE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/bytes.h"

enum {
    WIRE_VERSION = 1,
    WIRE_FRAME_MAX = 16 * 1024,           // type and body; the length word is not counted
    WIRE_BYTES_MAX = WIRE_FRAME_MAX + 4,  // a whole frame with its length word
    WIRE_TX_MAX = WIRE_FRAME_MAX - 96,    // unsigned transaction: its signed form must fit too
    WIRE_TEXT_MAX = 240                   // text of a refusal, bytes, no terminator on the wire
};

// Numbers on the wire: pinned.
enum wire_type {
    WIRE_HELLO = 1,
    WIRE_HELLO_OK = 2,
    WIRE_SIGN = 3,
    WIRE_SIGNED = 4,
    WIRE_REFUSED = 5,
    WIRE_PING = 7,
    WIRE_PONG = 8,
    WIRE_STANDBY = 9 // the body of HELLO_OK: keys are open, another signer still has the record
};

// A pool key is a relayer key that only calls the escrow; tokens move by the relayer's own key.
enum wire_role { WIRE_ROLE_RELAYER = 1, WIRE_ROLE_ARBITER = 2, WIRE_ROLE_POOL = 3 };

// The places a signer has for keys, and so for channels: 0 relayer, 1 arbiter, then relayer.2 to
// relayer.8 and arbiter.2. The first two always hold a key. The second arbiter is for rotation.
enum { WIRE_KEYS = 10, WIRE_KEY_RELAYER = 0, WIRE_KEY_ARBITER = 1, WIRE_KEYS_ALWAYS = 2 };
enum wire_role wire_key_role(size_t key);
const char *wire_key_name(size_t key); // "relayer", "relayer.2"

// The refusals the daemon acts on by number. After the last two the digest may be on record, or the
// signer cannot go on as it is: they say nothing about the request.
enum {
    WIRE_CODE_FENCE = 303,    // another daemon holds the lane (REFUSAL_FENCE)
    WIRE_CODE_RECORD = 304,   // REFUSAL_RECORD
    WIRE_CODE_SIGNATURE = 305 // REFUSAL_SIGNATURE
};

struct wire_message {
    enum wire_type type;
    uint16_t version;     // HELLO, HELLO_OK, STANDBY
    enum wire_role role;  // HELLO_OK, STANDBY
    uint64_t chain_id;    // HELLO_OK, STANDBY
    uint8_t address[20];  // HELLO_OK, STANDBY
    uint64_t request_id;  // SIGN, SIGNED, REFUSED
    uint64_t fence;       // SIGN: fencing token of the lane's lease
    uint16_t code;        // REFUSED: keystore/refusal.def
    struct bytes payload; // SIGN: unsigned tx; SIGNED: signed tx; REFUSED: text; borrowed
};

enum wire_read {
    WIRE_READ_OK,
    WIRE_READ_MORE, // a good beginning: call again with more bytes
    WIRE_READ_BAD   // never becomes a frame: close the channel
};

// Reads one frame from the front of `in` and moves `in` past it. `in` is untouched unless
// WIRE_READ_OK. Strings in `out` are valid as long as the bytes of `in`.
enum wire_read wire_read(struct bytes *in, struct wire_message *out);

// Appends one frame. False when the payload is too long for its type or `out` is full (then nothing
// useful is in `out`; give it up).
bool wire_write(const struct wire_message *message, struct buf *out);

const char *wire_role_name(enum wire_role role);

#endif
