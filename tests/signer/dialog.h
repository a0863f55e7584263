// A client of relayer-signer for tests: starts the program, speaks keystore/PROTOCOL.md, and makes
// the transactions it is asked for.
#ifndef TESTS_SIGNER_DIALOG_H
#define TESTS_SIGNER_DIALOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/tx.h"
#include "keystore/wire.h"

enum { DIALOG_CHAIN = 42161 };

extern pid_t dialog_pid;
extern int dialog_fd[2]; // our ends: relayer, arbiter; -1 once closed
// Settings with two key files: escrow 0x11.., token 0x22.., deposit 0x33.., 1000 units in one
// transaction, 2500 in a day.
extern const char dialog_config[];
extern const char dialog_config_limits[]; // the [policy] section alone
extern const char *const dialog_key[2];   // hex: relayer, arbiter
extern const char *const dialog_address[2];

// Makes a key file under the password in the file "pw".
void dialog_import(const char *name, const char *hex);

// Starts relayer-signer with "signer.ini"; dialog_open also greets on both channels.
void dialog_spawn(void);
void dialog_open(void);
int dialog_finish(void); // closes both channels; exit status, or 1000 + signal

void dialog_put(int role, const struct wire_message *message);
bool dialog_take(int role, struct wire_message *message); // one frame; false at the end
void dialog_hello(int role);

// `release` is a call of the escrow for the escrow id `id`, `transfer` one of the token to the
// deposit address. Their calldata lies in one static place: use one at a time.
struct tx dialog_release(uint64_t nonce, uint8_t id);
struct tx dialog_transfer(uint64_t nonce, uint64_t units);

void dialog_ask(int role, const struct tx *tx, uint64_t request_id, uint64_t fence);
// Asks and reads; the refusal's number, 0 for a signature.
int dialog_sign(int role, const struct tx *tx, uint64_t fence, struct wire_message *answer);

// Starts, expects the end with this exit status and one line on stderr that holds `words`.
void dialog_start_fails(int status, const char *words);

#endif
