#include "relayer/juno/auth.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"

/* The four parts go in one after the other: there is no separator and no copy of the body. */
static void sign_parts(EVP_MAC_CTX *mac, const struct juno_signed *what)
{
    char nonce[24];
    int nonce_n = snprintf(nonce, sizeof nonce, "%" PRIu64, what->nonce);

    CHECK(EVP_MAC_update(mac, (const unsigned char *)nonce, (size_t)nonce_n) == 1);
    CHECK(EVP_MAC_update(mac, (const unsigned char *)what->method, strlen(what->method)) == 1);
    CHECK(EVP_MAC_update(mac, (const unsigned char *)what->target, strlen(what->target)) == 1);
    if (what->body_n > 0)
        CHECK(EVP_MAC_update(mac, (const unsigned char *)what->body, what->body_n) == 1);
}

void juno_sign(const struct juno_signed *what, char signature[65])
{
    char digest_name[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    unsigned char digest[32];
    size_t n = 0;

    CHECK(mac != NULL);
    CHECK(EVP_MAC_init(mac, (const unsigned char *)what->secret, strlen(what->secret), params) ==
          1);
    sign_parts(mac, what);
    CHECK(EVP_MAC_final(mac, digest, &n, sizeof digest) == 1 && n == sizeof digest);
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(signature + 2 * i, 3, "%02x", digest[i]);
}

bool juno_authorization(const char *key, const struct juno_signed *what, char out[JUNO_AUTH_MAX])
{
    char signature[65];

    if (strlen(key) > JUNO_KEY_MAX)
        return false;
    juno_sign(what, signature);
    return snprintf(out, JUNO_AUTH_MAX, "Bitso %s:%" PRIu64 ":%s", key, what->nonce, signature) <
           JUNO_AUTH_MAX;
}
