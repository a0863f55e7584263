// Memory for private keys and passwords.
//
// A secret lives on pages of its own between two unmapped guard pages: locked in RAM, left out of
// core dumps, zero in a forked child, wiped before release. Secrets are never copied into another
// kind of memory, never logged and never sent.
#ifndef KEYSTORE_SECRET_H
#define KEYSTORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_MAX_BYTES = 4096 };

struct secret {
    uint8_t *data; // NULL when empty
    size_t n;      // bytes asked for
};

// Maps `n` zero bytes, 1..SECRET_MAX_BYTES. False when the pages cannot be mapped or locked (errno
// tells: ENOMEM or EPERM means RLIMIT_MEMLOCK is too small; a secret that could reach swap is not a
// secret).
bool secret_new(struct secret *secret, size_t n);

// Makes the bytes read-only: a stray write becomes a crash instead of another key.
bool secret_seal(struct secret *secret);

// Wipes and unmaps. An empty secret is fine.
void secret_free(struct secret *secret);

// Wipes memory that held part of a secret on the stack; never optimised away.
void secret_wipe(void *p, size_t n);

// Compares in time that depends on `n` only.
bool secret_equal(const void *a, const void *b, size_t n);

#endif
