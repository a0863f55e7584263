// What was signed, on disk before the signature leaves: (chain, account, nonce) -> digest and
// signature, the highest fencing token of each lane, and the tokens each role moved today. All
// relayer keys count in one amount: more keys must not mean more money for whoever took the daemon
// over. Layout: keystore/FORMAT.md.
//
// The file outlives its keys: a key that is put in begins in it, one that is taken out keeps what
// was recorded of it, and finds it again should it come back.
//
// The signature itself is kept, for a token may sign one digest in many ways: the same digest must
// give the same transaction hash for ever, or a lane would wait for the wrong one.
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
#include "keystore/record_slot.h"

enum {
    RECORD_FILE_MAX = 1 << 30,   // bytes; four million signatures
    RECORD_NONCE_WINDOW = 65536, // nonces kept in memory per lane; older ones are refused
    RECORD_NONCE_AHEAD = 4096,   // how far beyond the highest signed nonce a new one of its fence
                                 // may be
    RECORD_PRICES_MAX = 64,      // digests signed for one nonce
    RECORD_NUMBERS_MAX = 256     // keys one file may ever see
};

struct record;

// Opens or creates the file, locks it against a second signer and reads it all. While another
// signer has it: with `wait` calls that once and waits for the other's end, without refuses. NULL
// with one sentence in `error` (what, where, what to do).
typedef void record_wait(void);
struct record *record_open(const char *path, const struct record_identity *identity,
                           record_wait *wait, char error[512]);
void record_close(struct record *record);

// True when record_open made a new file: nothing signed earlier is known.
bool record_is_new(const struct record *record);

// True when record_open made a file of version 2 of one of version 1, which it replaced.
bool record_is_upgraded(const struct record *record);

// Bytes of a cut-off record removed by record_open.
uint32_t record_tail_bytes(const struct record *record);

struct record_claim {
    size_t key; // its place, one of those the record was opened with
    uint64_t nonce, fence;
    bool cancels;           // it may take the place of any call signed for its nonce, and of none
    uint64_t units;         // tokens the call moves
    uint64_t max_day_units; // of this role
    uint32_t day;           // days since 1970, UTC; one before the last recorded counts as that
    uint8_t digest[32];     // what will be signed
    uint8_t call_hash[32];  // record_call_hash
};

// May this digest be signed? Writes nothing. True: yes, or it was already; then *kept is the
// signature given at that time, to be given again (valid until the next record_keep), else NULL.
// Another digest for a nonce only for the same call (a re-priced copy), whose units count once; or
// for a cancel, after which the call it took the place of is not signed again. A cancel for a nonce
// nothing was signed for is refused. On false the verdict says why: fence, nonce, prices, day amount.
bool record_judge(struct record *record, const struct record_claim *claim,
                  const struct signature **kept, struct policy_verdict *verdict);

// Makes a claim durable with its signature: on true, and not before, the signature may leave. False
// as above, or because the disk does not take the record; then the signature must be forgotten.
bool record_keep(struct record *record, const struct record_claim *claim,
                 const struct signature *signature, struct policy_verdict *verdict);

// Identity of a call apart from its price: destination, value, gas limit, calldata.
void record_call_hash(const struct tx *tx, uint8_t out[32]);

// Tokens counted for this role (relayer, arbiter) on its last recorded day.
uint64_t record_day_units(const struct record *record, enum wire_role role);

#endif
