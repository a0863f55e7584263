#include "keystore/keyfile_cipher.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/keccak.h"
#include "keystore/scrypt.h"

bool keyfile_fail(struct keyfile_error *error, enum keyfile_fault fault, const char *format, ...)
{
    va_list args;
    error->fault = fault;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return false;
}

static bool range_check(const char *name, uint64_t value, uint64_t least, uint64_t most,
                        struct keyfile_error *error)
{
    if (value >= least && value <= most)
        return true;
    return keyfile_fail(error, KEYFILE_FAULT_PARAMETERS,
                        "crypto.kdfparams.%s is %llu, allowed is %llu to %llu", name,
                        (unsigned long long)value, (unsigned long long)least,
                        (unsigned long long)most);
}

static bool scrypt_check(const struct keyfile_box *box, struct keyfile_error *error)
{
    if (!range_check("n", box->n, KEYFILE_SCRYPT_N_MIN, KEYFILE_SCRYPT_N_MAX, error) ||
        !range_check("r", box->r, 1, KEYFILE_SCRYPT_R_MAX, error) ||
        !range_check("p", box->p, 1, KEYFILE_SCRYPT_P_MAX, error))
        return false;
    if (box->n & (box->n - 1))
        return keyfile_fail(error, KEYFILE_FAULT_PARAMETERS,
                            "crypto.kdfparams.n is %llu, not a power of two",
                            (unsigned long long)box->n);
    if (128 * box->n * box->r > KEYFILE_MEMORY_MAX)
        return keyfile_fail(error, KEYFILE_FAULT_PARAMETERS,
                            "crypto.kdfparams ask for %llu MiB of memory, allowed are %d MiB",
                            (unsigned long long)(128 * box->n * box->r >> 20),
                            KEYFILE_MEMORY_MAX >> 20);
    if (box->n * box->r * box->p > KEYFILE_SCRYPT_WORK_MAX)
        return keyfile_fail(error, KEYFILE_FAULT_PARAMETERS,
                            "crypto.kdfparams n * r * p is %llu, allowed is %d",
                            (unsigned long long)(box->n * box->r * box->p),
                            KEYFILE_SCRYPT_WORK_MAX);
    return true;
}

bool keyfile_box_check(const struct keyfile_box *box, struct keyfile_error *error)
{
    if (!range_check("dklen", box->dklen, 32, KEYFILE_DERIVED_MAX, error))
        return false;
    switch (box->kdf) {
    case KEYFILE_KDF_SCRYPT:
        return scrypt_check(box, error);
    case KEYFILE_KDF_PBKDF2:
        return range_check("c", box->c, KEYFILE_PBKDF2_C_MIN, KEYFILE_PBKDF2_C_MAX, error);
    }
    return false;
}

// Derived bytes 0..15 encrypt, 16..31 authenticate.
static bool derive(const struct keyfile_box *box, const struct secret *password,
                   struct secret *derived, struct keyfile_error *error)
{
    if (!secret_new(derived, (size_t)box->dklen))
        return keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "no locked memory for the derived key");
    const struct scrypt_input input = {password->data, password->n, box->salt, box->salt_n};
    bool done = false;
    switch (box->kdf) {
    case KEYFILE_KDF_SCRYPT:
        done = scrypt_derive(
            &input, (struct scrypt_cost){box->n, (uint32_t)box->r, (uint32_t)box->p},
            derived->data, derived->n);
        break;
    case KEYFILE_KDF_PBKDF2:
        done = PKCS5_PBKDF2_HMAC((const char *)password->data, (int)password->n, box->salt,
                                 (int)box->salt_n, (int)box->c, EVP_sha256(), (int)derived->n,
                                 derived->data) == 1;
        break;
    }
    if (done)
        return true;
    secret_free(derived);
    ERR_clear_error();
    return keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "key derivation failed: not enough memory");
}

static void mac_of(const struct secret *derived, const uint8_t ciphertext[32], uint8_t mac[32])
{
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, derived->data + 16, 16);
    keccak_update(&hash, ciphertext, 32);
    keccak_final(&hash, mac);
    secret_wipe(&hash, sizeof hash);
}

// AES-128-CTR is its own inverse.
static bool cipher_run(const struct secret *derived, const uint8_t iv[16], const uint8_t in[32],
                       uint8_t out[32])
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = cipher && EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, derived->data, iv) &&
              EVP_EncryptUpdate(cipher, out, &n, in, 32) && n == 32;
    EVP_CIPHER_CTX_free(cipher);
    return ok;
}

bool keyfile_box_open(const struct keyfile_box *box, const struct secret *password,
                      struct secret *key, struct keyfile_error *error)
{
    struct secret derived;
    if (!derive(box, password, &derived, error))
        return false;
    uint8_t mac[32];
    mac_of(&derived, box->ciphertext, mac);
    bool ok = secret_equal(mac, box->mac, sizeof mac);
    secret_wipe(mac, sizeof mac);
    if (!ok) {
        keyfile_fail(error, KEYFILE_FAULT_PASSWORD, "the password does not open it");
    } else if (!secret_new(key, 32)) {
        ok = keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "no locked memory for the key");
    } else if (!cipher_run(&derived, box->iv, box->ciphertext, key->data)) {
        secret_free(key);
        ok = keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "AES-128-CTR is not available");
    }
    secret_free(&derived);
    return ok;
}

bool keyfile_box_seal(struct keyfile_box *box, const struct secret *password,
                      const struct secret *key, struct keyfile_error *error)
{
    struct secret derived;
    if (!derive(box, password, &derived, error))
        return false;
    bool ok = cipher_run(&derived, box->iv, key->data, box->ciphertext);
    if (ok)
        mac_of(&derived, box->ciphertext, box->mac);
    else
        keyfile_fail(error, KEYFILE_FAULT_SYSTEM, "AES-128-CTR is not available");
    secret_free(&derived);
    return ok;
}

static void hash_number(struct keccak *hash, uint64_t value)
{
    uint8_t be[8];
    for (int i = 0; i < 8; i++)
        be[i] = (uint8_t)(value >> (8 * (7 - i)));
    keccak_update(hash, be, sizeof be);
}

void keyfile_box_checksum(const struct keyfile_box *box, uint8_t out[32])
{
    static const char domain[] = "kustodia-keyfile-1";
    const uint64_t numbers[] = {box->kdf, box->n,     box->r,      box->p,
                                box->c,   box->dklen, box->salt_n, box->has_address};
    struct keccak hash;
    keccak_init(&hash);
    keccak_update(&hash, domain, sizeof domain - 1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        hash_number(&hash, numbers[i]);
    keccak_update(&hash, box->salt, box->salt_n);
    keccak_update(&hash, box->iv, sizeof box->iv);
    keccak_update(&hash, box->ciphertext, sizeof box->ciphertext);
    keccak_update(&hash, box->mac, sizeof box->mac);
    keccak_update(&hash, box->address, sizeof box->address);
    keccak_final(&hash, out);
}
