// A signing key in a PKCS#11 token: a hardware module, or SoftHSM in tests. The private key never
// comes here; the module signs 32-byte digests with CKM_ECDSA over secp256k1.
//
// Source: OASIS PKCS#11 2.40, by the header of Debian's libp11-kit-dev. The module is loaded with
// dlopen and runs inside this process: it is trusted as the keystore is. Login and session happen
// before the system calls are limited (sandbox.h); nothing forks then or later.
#ifndef KEYSTORE_PKCS11_H
#define KEYSTORE_PKCS11_H

#include <stdbool.h>
#include <stdint.h>

#include "keystore/secret.h"

enum { PKCS11_MODULES_MAX = 4, PKCS11_SLOTS_MAX = 64, PKCS11_TEXT_MAX = 480 };

struct pkcs11_key; // one session, logged in

struct pkcs11_place {
    const char *module; // absolute path of the shared library
    const char *token;  // label of the token, at most 32 bytes
    const char *key;    // CKA_LABEL of the private key and of its public key
};

enum pkcs11_fault {
    PKCS11_FAULT_NONE,
    PKCS11_FAULT_MODULE, // others may change it; not loaded, not PKCS#11, or it needs threads
    PKCS11_FAULT_TOKEN,  // no token of that label, or two
    PKCS11_FAULT_PIN,    // wrong, locked, one try left, or not that of the token's key before
    PKCS11_FAULT_KEY     // none or several of that label, another curve, no public key
};

struct pkcs11_error {
    enum pkcs11_fault fault;
    char text[PKCS11_TEXT_MAX]; // one sentence
};

// Loads the module, logs in and finds the key. `public_key` receives 0x04, x, y as the token says
// them: whether the point is on the curve and belongs to the key is for the caller to check. NULL
// with the reason in `error`. A token that says "one try left" is not tried: a signer that is
// started again and again with a wrong PIN must not lock it. On success the PIN is taken (*pin is
// empty): a second key of the same token is compared with it, for the token, once logged in, does
// not look at it.
struct pkcs11_key *pkcs11_open(const struct pkcs11_place *place, struct secret *pin,
                               uint8_t public_key[65], struct pkcs11_error *error);

// Wipes the PINs of all open keys, once the last key is open.
void pkcs11_pins_forget(void);

void pkcs11_close(struct pkcs11_key *key); // NULL is fine

// r || s as the token makes them: s may be in either half, and two calls may give two signatures.
// False when the token does not answer with 64 bytes.
bool pkcs11_sign(struct pkcs11_key *key, const uint8_t digest[32], uint8_t signature[64]);

#endif
