// The cryptography of a version 3 key file: key derivation, AES-128-CTR, Keccak MAC. JSON is
// keyfile.c's.
#ifndef KEYSTORE_KEYFILE_CIPHER_H
#define KEYSTORE_KEYFILE_CIPHER_H

#include "keystore/keyfile.h"

enum keyfile_kdf { KEYFILE_KDF_SCRYPT, KEYFILE_KDF_PBKDF2 };

// Everything a key file holds besides its id.
struct keyfile_box {
    enum keyfile_kdf kdf;
    uint64_t n, r, p; // scrypt
    uint64_t c;       // PBKDF2 rounds
    uint64_t dklen;   // derived bytes
    uint8_t salt[KEYFILE_SALT_MAX];
    size_t salt_n;
    uint8_t iv[16];
    uint8_t ciphertext[32];
    uint8_t mac[32];
    bool has_address;
    uint8_t address[20];
};

bool keyfile_fail(struct keyfile_error *error, enum keyfile_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Refuses parameters that would exhaust this machine or protect nothing.
bool keyfile_box_check(const struct keyfile_box *box, struct keyfile_error *error);

// Derives, compares the MAC in constant time, decrypts into `key`. The box must have been checked.
bool keyfile_box_open(const struct keyfile_box *box, const struct secret *password,
                      struct secret *key, struct keyfile_error *error);

// Derives from the box's parameters, salt and iv; fills ciphertext and mac.
bool keyfile_box_seal(struct keyfile_box *box, const struct secret *password,
                      const struct secret *key, struct keyfile_error *error);

// Digest of everything above, kept in files written here: it tells a damaged file from a wrong
// password, which the MAC alone cannot. It holds no secret and protects against accident, not
// against an enemy.
void keyfile_box_checksum(const struct keyfile_box *box, uint8_t out[32]);

#endif
