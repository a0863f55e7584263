/* Key files (keystore/keyfile.h) up to the password: the text is taken apart, its parameters judged. What is
 * taken states exactly the address that stands in it. Key derivation itself is not run: one costs more
 * than a million of these. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/hex.h"
#include "keystore/keyfile.h"
#include "keystore/keyfile_cipher.h"
#include "tests/fuzz/fuzz.h"

static void refused_well(const struct keyfile_error *error)
{
    HOLDS(error->fault != KEYFILE_FAULT_NONE && error->fault != KEYFILE_FAULT_SYSTEM);
    HOLDS(error->text[0] != '\0' && memchr(error->text, '\0', sizeof error->text) != NULL);
}

static void address_check(const char *text, size_t n)
{
    struct keyfile_error error = {0};
    uint8_t address[20];
    char digits[41];
    json_t *root;
    const char *said;

    if (!keyfile_stated_address(text, n, address, &error)) {
        refused_well(&error);
        return;
    }
    root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    said = json_string_value(json_object_get(root, "address"));
    HOLDS(said != NULL);
    hex_encode(address, sizeof address, digits);
    HOLDS(strcasecmp(strlen(said) == 42 ? said + 2 : said, digits) == 0);
    HOLDS(json_integer_value(json_object_get(root, "version")) == 3);
    json_decref(root);
}

/* The parameters as raw bytes: what passes stays inside the limits of keyfile.h. */
static void limits_check(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    struct keyfile_box box = {0};
    struct keyfile_error error = {0};
    uint8_t shift = fuzz_take_byte(&in);

    box.kdf = shift & 0x80 ? KEYFILE_KDF_PBKDF2 : KEYFILE_KDF_SCRYPT;
    box.n = UINT64_C(1) << (shift & 63);
    fuzz_take(&in, &box.r, (shift & 1) ? 8 : 1);
    fuzz_take(&in, &box.p, (shift & 2) ? 8 : 1);
    fuzz_take(&in, &box.c, (shift & 4) ? 8 : 3);
    box.dklen = fuzz_take_byte(&in);
    box.salt_n = 32;
    if (!keyfile_box_check(&box, &error)) {
        refused_well(&error);
        return;
    }
    HOLDS(box.dklen >= 32 && box.dklen <= KEYFILE_DERIVED_MAX);
    if (box.kdf == KEYFILE_KDF_PBKDF2) {
        HOLDS(box.c >= KEYFILE_PBKDF2_C_MIN && box.c <= KEYFILE_PBKDF2_C_MAX);
        return;
    }
    HOLDS(box.n >= KEYFILE_SCRYPT_N_MIN && box.n <= KEYFILE_SCRYPT_N_MAX);
    HOLDS(box.r >= 1 && box.r <= KEYFILE_SCRYPT_R_MAX && box.p >= 1);
    HOLDS(box.p <= KEYFILE_SCRYPT_P_MAX && 128 * box.n * box.r <= KEYFILE_MEMORY_MAX);
    HOLDS(box.n * box.r * box.p <= KEYFILE_SCRYPT_WORK_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    address_check((const char *)data, n);
    limits_check(data, n);
    return 0;
}
