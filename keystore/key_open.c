#include "keystore/key_open.h"

#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "keystore/private_file.h"

static enum key_fault fault_of(enum keyfile_fault fault)
{
    switch (fault) {
    case KEYFILE_FAULT_NONE:
        return KEY_FAULT_NONE;
    case KEYFILE_FAULT_FORMAT:
    case KEYFILE_FAULT_DAMAGED:
    case KEYFILE_FAULT_PARAMETERS:
        return KEY_FAULT_FILE;
    case KEYFILE_FAULT_PASSWORD:
        return KEY_FAULT_PASSWORD;
    case KEYFILE_FAULT_SYSTEM:
        return KEY_FAULT_SYSTEM;
    }
    return KEY_FAULT_SYSTEM;
}

// A file may state no address (all zero); one it states must be the key's.
static bool address_agrees(const char *path, const uint8_t stated[20], const struct sign_key *key,
                           struct key_error *error)
{
    static const uint8_t none[20];
    if (memcmp(stated, none, 20) == 0 || memcmp(stated, key->address, 20) == 0)
        return true;
    char stated_text[HEX_ADDRESS_SIZE], own_text[HEX_ADDRESS_SIZE];
    hex_checksum_address(stated, stated_text);
    hex_checksum_address(key->address, own_text);
    error->fault = KEY_FAULT_FILE;
    snprintf(error->text, sizeof error->text,
             "key file %s: the file is damaged: it states %s but holds the key of %s", path,
             stated_text, own_text);
    return false;
}

static bool text_open(struct sign_context *context, const char *path, const struct secret *text,
                      const struct secret *password, struct sign_key *key, struct key_error *error)
{
    uint8_t stated[20];
    struct secret secret = {0};
    struct keyfile_error why = {0};
    if (!keyfile_open((const char *)text->data, text->n, password, &secret, stated, &why)) {
        error->fault = fault_of(why.fault);
        snprintf(error->text, sizeof error->text, "key file %s: %s", path, why.text);
        return false;
    }
    if (!sign_key_take(context, &secret, key)) {
        secret_free(&secret);
        error->fault = KEY_FAULT_FILE;
        snprintf(error->text, sizeof error->text,
                 "key file %s: the file is damaged: it holds no valid secp256k1 key", path);
        return false;
    }
    if (address_agrees(path, stated, key, error))
        return true;
    sign_key_free(key);
    return false;
}

bool key_open(struct sign_context *context, const char *path, const struct secret *password,
              struct sign_key *key, struct key_error *error)
{
    struct secret text = {0};
    struct file_error why;
    if (!private_file_read(path, &text, &why)) {
        error->fault = KEY_FAULT_FILE;
        snprintf(error->text, sizeof error->text, "key file %s", why.text);
        return false;
    }
    bool ok = text_open(context, path, &text, password, key, error);
    secret_free(&text);
    return ok;
}

bool key_open_with_file(struct sign_context *context, const char *path, const char *password_path,
                        struct sign_key *key, struct key_error *error)
{
    struct secret password = {0};
    struct file_error why;
    if (!private_file_password(password_path, &password, &why)) {
        error->fault = KEY_FAULT_FILE;
        snprintf(error->text, sizeof error->text, "password file %s", why.text);
        return false;
    }
    bool ok = key_open(context, path, &password, key, error);
    secret_free(&password);
    return ok;
}

static enum key_fault fault_of_token(enum pkcs11_fault fault)
{
    switch (fault) {
    case PKCS11_FAULT_NONE:
        return KEY_FAULT_NONE;
    case PKCS11_FAULT_MODULE:
    case PKCS11_FAULT_TOKEN:
    case PKCS11_FAULT_KEY:
        return KEY_FAULT_FILE;
    case PKCS11_FAULT_PIN:
        return KEY_FAULT_PASSWORD;
    }
    return KEY_FAULT_SYSTEM;
}

bool key_open_in_token(struct sign_context *context, const struct pkcs11_place *place,
                       const char *pin_path, struct sign_key *key, struct key_error *error)
{
    struct secret pin = {0};
    struct file_error why;
    struct pkcs11_error fault = {0};
    uint8_t public_key[65];
    if (!private_file_password(pin_path, &pin, &why)) {
        error->fault = KEY_FAULT_FILE;
        snprintf(error->text, sizeof error->text, "PIN file %s", why.text);
        return false;
    }
    struct pkcs11_key *token = pkcs11_open(place, &pin, public_key, &fault);
    secret_free(&pin);
    if (!token) {
        error->fault = fault_of_token(fault.fault);
        snprintf(error->text, sizeof error->text, "%s", fault.text);
        return false;
    }
    if (sign_key_take_token(context, token, public_key, key))
        return true;
    pkcs11_close(token);
    error->fault = KEY_FAULT_FILE;
    snprintf(error->text, sizeof error->text,
             "token \"%.32s\" signs with key \"%.64s\", but not for the public key of that name",
             place->token, place->key);
    return false;
}
