// Web3 Secret Storage, version 3: one private key encrypted under a password (keystore/FORMAT.md;
// the format is that of ethereum.org "Web3 Secret Storage Definition").
//
// Reads scrypt and PBKDF2-HMAC-SHA256 files with AES-128-CTR from any wallet; writes scrypt. Text
// in, text out: the files themselves are private_file.h's matter.
#ifndef KEYSTORE_KEYFILE_H
#define KEYSTORE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore/secret.h"

enum {
    KEYFILE_TEXT_MAX = SECRET_MAX_BYTES, // bytes of JSON, read or written
    KEYFILE_MEMORY_MAX = 512 << 20,      // bytes scrypt may use: 128 * n * r
    KEYFILE_SCRYPT_N_MIN = 4096,
    KEYFILE_SCRYPT_N_MAX = 1 << 20,
    KEYFILE_SCRYPT_R_MAX = 32,
    KEYFILE_SCRYPT_P_MAX = 16,
    KEYFILE_SCRYPT_WORK_MAX = 1 << 24,   // n * r * p; the usual standard is 2^21
    KEYFILE_PBKDF2_C_MIN = 100 * 1000,   // fewer rounds are guessed too fast
    KEYFILE_PBKDF2_C_MAX = 10 * 1000 * 1000,
    KEYFILE_SALT_MIN = 8,
    KEYFILE_SALT_MAX = 64,
    KEYFILE_DERIVED_MAX = 64             // dklen: 32..64
};

enum keyfile_fault {
    KEYFILE_FAULT_NONE,
    KEYFILE_FAULT_FORMAT,     // not a version 3 key file at all
    KEYFILE_FAULT_DAMAGED,    // a key file with a missing, cut or changed part
    KEYFILE_FAULT_PARAMETERS, // parameters outside the limits above: refused before any work
    KEYFILE_FAULT_PASSWORD,   // well-formed, but this password does not open it
    KEYFILE_FAULT_SYSTEM      // no memory or no randomness
};

// `text` is one sentence that names the part of the file; the caller adds the path.
struct keyfile_error {
    enum keyfile_fault fault;
    char text[200];
};

enum keyfile_cost {
    KEYFILE_COST_STANDARD, // scrypt n 262144, r 8, p 1: 256 MiB, about a second
    KEYFILE_COST_LIGHT     // scrypt n 4096, r 8, p 6: 4 MiB; for test environments
};

// Decrypts into `key` (32 bytes). `address` receives the address the file states, all zero when it
// states none: the caller compares it with the key's.
bool keyfile_open(const char *text, size_t text_n, const struct secret *password,
                  struct secret *key, uint8_t address[20], struct keyfile_error *error);

// The address the file states, without a password: a claim, not a proof. False when there is none.
bool keyfile_stated_address(const char *text, size_t text_n, uint8_t address[20],
                            struct keyfile_error *error);

// Encrypts `key` (32 bytes, of `address`) with a fresh salt and initialisation vector. Writes
// NUL-terminated JSON and its length.
bool keyfile_seal(const struct secret *key, const uint8_t address[20],
                  const struct secret *password, enum keyfile_cost cost,
                  char out[KEYFILE_TEXT_MAX], size_t *out_n, struct keyfile_error *error);

#endif
