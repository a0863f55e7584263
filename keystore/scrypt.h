// scrypt (RFC 7914). Ours because OpenSSL enforces the RFC's bound n < 2^(16 r), which key files in
// the wild break: the vector printed in the Web3 Secret Storage Definition has n = 2^18 with r = 1.
#ifndef KEYSTORE_SCRYPT_H
#define KEYSTORE_SCRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scrypt_cost {
    uint64_t n;    // a power of two, at least 2
    uint32_t r, p; // at least 1
};

struct scrypt_input {
    const uint8_t *password;
    size_t password_n;
    const uint8_t *salt;
    size_t salt_n;
};

// Bytes of memory a run takes, all of it wiped afterwards. The caller bounds the cost first.
uint64_t scrypt_memory_bytes(struct scrypt_cost cost);

// False only when that memory, or OpenSSL's PBKDF2, is not to be had; then `out` is untouched.
bool scrypt_derive(const struct scrypt_input *input, struct scrypt_cost cost, uint8_t *out,
                   size_t out_n);

#endif
