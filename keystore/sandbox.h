// What relayer-signer gives up before it reads a key and before it reads a request.
#ifndef KEYSTORE_SANDBOX_H
#define KEYSTORE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

// At start: no core dump, no debugger of the same user, no new privileges, no child processes, an
// empty environment, and every descriptor closed except 0..2 and the given ones (-1 among them is
// skipped). On false `*what` names the step, errno the reason.
bool sandbox_prepare(const int *keep, size_t keep_n, const char **what);

// Locks all memory of the process in RAM, what it has and what it will get. Needed where a library
// of others holds a key; our own keys lie in memory of their own (secret.h).
bool sandbox_lock_memory(const char **what);

// After keys and record are open: only reading and writing what is open already. Any other system
// call (a socket, a file, a process) kills the signer, whichever thread makes it. With a token
// (`has_token`) a few more are allowed, among them opening files for reading. The lists with reasons
// are in sandbox.c. False, with errno, when the kernel refuses. Does nothing in builds with
// sanitizers or coverage, whose run-time needs more; see sandbox_is_enforced.
bool sandbox_enter(bool has_token);
bool sandbox_is_enforced(void);

#endif
