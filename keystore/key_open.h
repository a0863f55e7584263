// From a key file and its password, or a token and its PIN, to a signing key. The first is the one
// path that relayer-signer and relayer-keytool share.
#ifndef KEYSTORE_KEY_OPEN_H
#define KEYSTORE_KEY_OPEN_H

#include <stdbool.h>

#include "keystore/keyfile.h"
#include "keystore/pkcs11.h"
#include "keystore/sign.h"

enum key_fault {
    KEY_FAULT_NONE,
    KEY_FAULT_FILE,     // missing, unreadable, wrong permissions, damaged, absurd parameters; of a
                        // token: module, token or key not there, another curve
    KEY_FAULT_PASSWORD, // the password or PIN does not open it
    KEY_FAULT_SYSTEM    // no locked memory
};

struct key_error {
    enum key_fault fault;
    char text[640]; // one sentence with the path
};

// Reads and decrypts `path`; checks that the key is a valid one and has the address the file
// states.
bool key_open(struct sign_context *context, const char *path, const struct secret *password,
              struct sign_key *key, struct key_error *error);

// The same with the password in a private file.
bool key_open_with_file(struct sign_context *context, const char *path, const char *password_path,
                        struct sign_key *key, struct key_error *error);

// A key in a token, with the PIN in a private file. The token has signed a trial when this is true.
// Its PIN stays in memory until pkcs11_pins_forget.
bool key_open_in_token(struct sign_context *context, const struct pkcs11_place *place,
                       const char *pin_path, struct sign_key *key, struct key_error *error);

#endif
