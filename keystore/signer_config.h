// Settings of relayer-signer: an INI file of its own, so that whoever controls the daemon's
// settings does not control what may be signed. Every setting is listed in keystore/FORMAT.md.
#ifndef KEYSTORE_SIGNER_CONFIG_H
#define KEYSTORE_SIGNER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "keystore/policy.h"

enum {
    SIGNER_PATH_MAX = 1024,
    SIGNER_LABEL_MAX = 65,
    SIGNER_LINE_MAX = 2048,
    SIGNER_CONFIG_MAX = 64 * 1024 // bytes of the whole file
};

// Where a key is: in a file (the first two) or in a token (the others); never both. Unset: "".
struct signer_key_place {
    char keyfile[SIGNER_PATH_MAX], password_file[SIGNER_PATH_MAX];
    char pkcs11_module[SIGNER_PATH_MAX], pkcs11_pin_file[SIGNER_PATH_MAX];
    char pkcs11_token[SIGNER_LABEL_MAX], pkcs11_key[SIGNER_LABEL_MAX];
    char pkcs11_env[SIGNER_PATH_MAX]; // NAME=VALUE for the module, which starts without environment
};

struct signer_config {
    char record_file[SIGNER_PATH_MAX];
    struct signer_key_place key[WIRE_KEYS]; // by place (wire.h)
    struct policy policy;                   // chain_id comes from [signer]
};

// No key in this place.
bool signer_key_is_unset(const struct signer_key_place *place);

// Reads the file. Refuses an unknown, repeated or missing setting, a value of the wrong form, and a
// file that others may write. `error` receives one sentence with file and line.
bool signer_config_read(const char *path, struct signer_config *config, char error[512]);

#endif
