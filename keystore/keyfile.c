#include "keystore/keyfile.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "abi/hex.h"
#include "keystore/keyfile_cipher.h"

// Files written here carry {"kustodia": {"checksum": ...}}; other wallets ignore the member.
static const char own_member[] = "kustodia";

static bool damaged(struct keyfile_error *error, const char *where, const char *what)
{
    return keyfile_fail(error, KEYFILE_FAULT_DAMAGED, "the file is damaged: %s %s", where, what);
}

// A hex string of `least` to `cap` bytes.
static bool take_hex(const json_t *object, const char *name, uint8_t *out, size_t least, size_t cap,
                     size_t *n, struct keyfile_error *error)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return damaged(error, name, "is missing or not a string");
    if (!hex_decode(json_string_value(value), json_string_length(value), out, cap, n) || *n < least)
        return damaged(error, name, "is not hex of the right length");
    return true;
}

static bool take_hex_exact(const json_t *object, const char *name, uint8_t *out, size_t n,
                           struct keyfile_error *error)
{
    size_t got;
    return take_hex(object, name, out, n, n, &got, error);
}

// Absurd values are kept: keyfile_box_check names them.
static bool take_count(const json_t *object, const char *name, uint64_t *out,
                       struct keyfile_error *error)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value))
        return damaged(error, name, "is missing or not a whole number");
    json_int_t number = json_integer_value(value);
    *out = number < 0 ? 0 : (uint64_t)number;
    return true;
}

static bool text_is(const json_t *object, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && strcmp(text, expected) == 0;
}

static bool take_kdf(const json_t *crypto, struct keyfile_box *box, struct keyfile_error *error)
{
    const json_t *params = json_object_get(crypto, "kdfparams");
    if (!json_is_object(params))
        return damaged(error, "crypto.kdfparams", "is missing");
    if (!take_count(params, "dklen", &box->dklen, error) ||
        !take_hex(params, "salt", box->salt, KEYFILE_SALT_MIN, sizeof box->salt, &box->salt_n,
                  error))
        return false;
    if (text_is(crypto, "kdf", "scrypt")) {
        box->kdf = KEYFILE_KDF_SCRYPT;
        return take_count(params, "n", &box->n, error) && take_count(params, "r", &box->r, error) &&
               take_count(params, "p", &box->p, error);
    }
    if (!text_is(crypto, "kdf", "pbkdf2"))
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT,
                            "crypto.kdf is neither \"scrypt\" nor \"pbkdf2\"");
    if (!text_is(params, "prf", "hmac-sha256"))
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT,
                            "crypto.kdfparams.prf is not \"hmac-sha256\"");
    box->kdf = KEYFILE_KDF_PBKDF2;
    return take_count(params, "c", &box->c, error);
}

static bool take_address(const json_t *root, struct keyfile_box *box, struct keyfile_error *error)
{
    if (!json_object_get(root, "address"))
        return true; // optional: some wallets leave it out for privacy
    box->has_address = true;
    return take_hex_exact(root, "address", box->address, sizeof box->address, error);
}

static bool check_own_checksum(const json_t *root, const struct keyfile_box *box,
                               struct keyfile_error *error)
{
    const json_t *own = json_object_get(root, own_member);
    if (!own)
        return true; // written by another wallet
    uint8_t stated[32], computed[32];
    if (!take_hex_exact(own, "checksum", stated, sizeof stated, error))
        return false;
    keyfile_box_checksum(box, computed);
    if (memcmp(stated, computed, sizeof stated) != 0)
        return damaged(error, "its content", "does not match its checksum");
    return true;
}

static bool take_box(const json_t *root, struct keyfile_box *box, struct keyfile_error *error)
{
    const json_t *version = json_object_get(root, "version");
    const json_t *crypto = json_object_get(root, "crypto");
    if (!crypto)
        crypto = json_object_get(root, "Crypto"); // early geth
    if (!version && !crypto)
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT,
                            "not a key file: it has neither \"version\" nor \"crypto\"");
    if (!json_is_integer(version) || json_integer_value(version) != 3)
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT,
                            "not a version 3 key file (Web3 Secret Storage)");
    if (!json_is_object(crypto))
        return damaged(error, "crypto", "is missing");
    if (!text_is(crypto, "cipher", "aes-128-ctr"))
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT, "crypto.cipher is not \"aes-128-ctr\"");
    return take_kdf(crypto, box, error) &&
           take_hex_exact(json_object_get(crypto, "cipherparams"), "iv", box->iv, sizeof box->iv,
                          error) &&
           take_hex_exact(crypto, "ciphertext", box->ciphertext, sizeof box->ciphertext, error) &&
           take_hex_exact(crypto, "mac", box->mac, sizeof box->mac, error) &&
           take_address(root, box, error) && check_own_checksum(root, box, error);
}

static json_t *text_parse(const char *text, size_t n, struct keyfile_error *error)
{
    json_error_t where;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(root))
        return root;
    size_t first = 0;
    while (first < n && strchr(" \t\r\n", text[first]))
        first++;
    if (root || first == n || text[first] != '{')
        keyfile_fail(error, KEYFILE_FAULT_FORMAT, "not a key file: not a JSON object");
    else
        keyfile_fail(error, KEYFILE_FAULT_DAMAGED, "the file is damaged: JSON stops making sense "
                     "in line %d, column %d", where.line, where.column);
    json_decref(root);
    return NULL;
}

static bool text_box(const char *text, size_t n, struct keyfile_box *box,
                     struct keyfile_error *error)
{
    *box = (struct keyfile_box){0};
    json_t *root = text_parse(text, n, error);
    bool ok = root && take_box(root, box, error);
    json_decref(root);
    return ok;
}

bool keyfile_open(const char *text, size_t text_n, const struct secret *password,
                  struct secret *key, uint8_t address[20], struct keyfile_error *error)
{
    struct keyfile_box box;
    if (!text_box(text, text_n, &box, error) || !keyfile_box_check(&box, error))
        return false;
    memcpy(address, box.address, sizeof box.address);
    return keyfile_box_open(&box, password, key, error);
}

bool keyfile_stated_address(const char *text, size_t text_n, uint8_t address[20],
                            struct keyfile_error *error)
{
    struct keyfile_box box;
    if (!text_box(text, text_n, &box, error))
        return false;
    if (!box.has_address)
        return keyfile_fail(error, KEYFILE_FAULT_FORMAT,
                            "it states no address; give the password to compute it");
    memcpy(address, box.address, sizeof box.address);
    return true;
}

struct keyfile_text {
    char address[41], ciphertext[65], iv[33], mac[65], salt[2 * KEYFILE_SALT_MAX + 1];
    char checksum[65], id[37];
};

// A random UUID, version 4: the format wants one; nothing here reads it.
static void id_text(const uint8_t random[16], char out[37])
{
    uint8_t b[16];
    char hex[33];
    memcpy(b, random, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(b, sizeof b, hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static json_t *box_json(const struct keyfile_box *box, const uint8_t id[16])
{
    struct keyfile_text t;
    uint8_t checksum[32];
    keyfile_box_checksum(box, checksum);
    hex_encode(box->address, sizeof box->address, t.address);
    hex_encode(box->ciphertext, sizeof box->ciphertext, t.ciphertext);
    hex_encode(box->iv, sizeof box->iv, t.iv);
    hex_encode(box->mac, sizeof box->mac, t.mac);
    hex_encode(box->salt, box->salt_n, t.salt);
    hex_encode(checksum, sizeof checksum, t.checksum);
    id_text(id, t.id);
    return json_pack("{s:i, s:s, s:s, s:{s:s, s:{s:s}, s:s, s:s, s:{s:I, s:I, s:I, s:I, s:s}, s:s},"
                     " s:{s:s}}",
                     "version", 3, "id", t.id, "address", t.address, "crypto",
                     "cipher", "aes-128-ctr", "cipherparams", "iv", t.iv,
                     "ciphertext", t.ciphertext,
                     "kdf", "scrypt", "kdfparams", "dklen", (json_int_t)box->dklen,
                     "n", (json_int_t)box->n, "r", (json_int_t)box->r, "p", (json_int_t)box->p,
                     "salt", t.salt, "mac", t.mac, own_member, "checksum", t.checksum);
}

static bool box_text(const struct keyfile_box *box, const uint8_t id[16],
                     char out[KEYFILE_TEXT_MAX], size_t *out_n, struct keyfile_error *error)
{
    json_t *root = box_json(box, id);
    size_t n = root ? json_dumpb(root, out, KEYFILE_TEXT_MAX - 2, JSON_INDENT(2)) : 0;
    json_decref(root);
    if (n == 0 || n > KEYFILE_TEXT_MAX - 2)
        return keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "no memory to write the key file");
    out[n] = '\n';
    out[n + 1] = '\0';
    *out_n = n + 1;
    return true;
}

bool keyfile_seal(const struct secret *key, const uint8_t address[20],
                  const struct secret *password, enum keyfile_cost cost,
                  char out[KEYFILE_TEXT_MAX], size_t *out_n, struct keyfile_error *error)
{
    struct {
        uint8_t salt[32], iv[16], id[16];
    } fresh;
    if (getrandom(&fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh)
        return keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "the system gives no randomness");
    struct keyfile_box box = {.kdf = KEYFILE_KDF_SCRYPT, .r = 8, .dklen = 32, .salt_n = 32,
                              .has_address = true};
    switch (cost) {
    case KEYFILE_COST_STANDARD:
        box.n = 262144;
        box.p = 1;
        break;
    case KEYFILE_COST_LIGHT:
        box.n = 4096;
        box.p = 6;
        break;
    }
    memcpy(box.salt, fresh.salt, sizeof fresh.salt);
    memcpy(box.iv, fresh.iv, sizeof fresh.iv);
    memcpy(box.address, address, sizeof box.address);
    return keyfile_box_seal(&box, password, key, error) &&
           box_text(&box, fresh.id, out, out_n, error);
}
