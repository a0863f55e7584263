/* Signed requests: `Authorization: Bitso <key>:<nonce>:<signature>`.
 *
 * signature = lower-case hex of HMAC-SHA256(secret, nonce + METHOD + target + body), without
 * separators. `target` is the path with its query string exactly as it goes on the wire; `body`
 * is the bytes sent (empty for GET). Source: docs.bitso.com/juno/docs/create-signed-requests.
 * The secret is the text itself, not decoded.
 */
#ifndef KUSTODIA_JUNO_AUTH_H
#define KUSTODIA_JUNO_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JUNO_KEY_MAX = 128, JUNO_SECRET_MAX = 256, JUNO_AUTH_MAX = 320 };

struct juno_signed {
    const char *secret;
    uint64_t nonce;
    const char *method; /* upper case */
    const char *target;
    const char *body; /* may be NULL with body_n 0 */
    size_t body_n;
};

void juno_sign(const struct juno_signed *what, char signature[65]);
/* The header's value. False when it does not fit (a key above JUNO_KEY_MAX). */
bool juno_authorization(const char *key, const struct juno_signed *what, char out[JUNO_AUTH_MAX]);

#endif
