// What was signed, on disk before the signature leaves: (chain, account, nonce) -> digest, the
// highest fencing token of each lane, and the tokens each role moved today. Layout:
// keystore/FORMAT.md.
//
// The file only grows, by checksummed records of one size, each bound to the one before it. A
// record cut off by a crash (its signature never left) is removed at the next start; any other
// damage stops the signer, for it could hide a signature.
#ifndef KEYSTORE_RECORD_H
#define KEYSTORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/tx.h"
#include "keystore/policy.h"

enum {
    RECORD_BYTES = 128,
    RECORD_FILE_MAX = 1 << 30,   // bytes; eight million signatures
    RECORD_NONCE_WINDOW = 65536, // nonces kept in memory per lane; older ones are refused
    RECORD_NONCE_AHEAD = 4096,   // how far beyond the highest signed nonce a new one may be
    RECORD_ROLES = 2
};

// Whose record it is. A file opens only with the identity it was made with.
struct record_identity {
    uint64_t chain_id;
    uint8_t address[RECORD_ROLES][20]; // relayer, arbiter
};

struct record;

// Opens or creates the file, locks it against a second signer and reads it all. NULL with one
// sentence in `error` (what, where, what to do).
struct record *record_open(const char *path, const struct record_identity *identity,
                           char error[512]);
void record_close(struct record *record);

// True when record_open made a new file: nothing signed earlier is known.
bool record_is_new(const struct record *record);

// Bytes of a cut-off record removed by record_open.
uint32_t record_tail_bytes(const struct record *record);

struct record_claim {
    enum wire_role role;
    uint64_t nonce, fence;
    bool cancels;           // it may take the place of any call signed for its nonce, and of none
    uint64_t units;         // tokens the call moves
    uint64_t max_day_units; // of this role
    uint32_t day;           // days since 1970, UTC; one before the last recorded counts as that
    uint8_t digest[32];     // what will be signed
    uint8_t call_hash[32];  // record_call_hash
};

// Claims a nonce for a digest. True: the claim is durable and the signature may leave. The same
// digest again is always granted; another digest only for the same call (a re-priced copy), whose
// units count once; or for a cancel, after which the call it took the place of is not signed again.
// A cancel for a nonce nothing was signed for is refused. On false the verdict says why: fence,
// nonce, day amount, or a disk that does not take the record.
bool record_claim(struct record *record, const struct record_claim *claim,
                  struct policy_verdict *verdict);

// Identity of a call apart from its price: destination, value, gas limit, calldata.
void record_call_hash(const struct tx *tx, uint8_t out[32]);

// Tokens counted for this role on its last recorded day.
uint64_t record_day_units(const struct record *record, enum wire_role role);

#endif
