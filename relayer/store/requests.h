/*
 * What the API writes besides payments: answers given to mutating calls, people's rows (beneficiary,
 * clabe, dispute), webhook bodies, the pause flag. Each function adds to the caller's script, so the
 * answer stands in the same transaction as the change it tells of.
 *
 * Tables: request, beneficiary, clabe, dispute, deposit, leg, inbox, system_flag.
 */
#ifndef KUSTODIA_STORE_REQUESTS_H
#define KUSTODIA_STORE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/flows/payment.h"
#include "relayer/store/db.h"

enum { REQUEST_KEY_MIN = 8, REQUEST_KEY_MAX = 120 };

/* The constraint db_constraint names when a key was used by somebody else in the meantime. */
#define REQUEST_KEY_CONSTRAINT "request_pkey"

struct request_row {
    const char *key;
    const char *method;
    uint8_t params_hash[32];
    const char *reply; /* compact JSON */
    int64_t uid;       /* of the peer, by the kernel's word */
    const char *role;  /* in which it asked */
};
struct db_script *requests_find(const char *key);
/* False: the key is not known. The texts live as long as the result. */
bool requests_parse(struct db_result *result, struct request_row *out);
void requests_add(struct db_script *script, const struct request_row *request);

struct new_beneficiary {
    struct uuid id;
    const char *name;
    const char *clabe; /* 18 digits */
    const char *ownership;
};
void requests_add_beneficiary(struct db_script *script, const struct new_beneficiary *row);
/* Back to registering after a refusal; exactly one row, else conflict. */
void requests_beneficiary_again(struct db_script *script, const struct uuid *id);
void requests_beneficiary_suspend(struct db_script *script, const struct uuid *id,
                                  const char *reason);
/* The beneficiary with this bank account. Result: column state, 0 or 1 row. */
struct db_script *requests_find_account(const char *clabe);

/* Ends a suspension of an account Juno knows, and wakes the payments that waited for it. */
void requests_beneficiary_resume(struct db_script *script, const struct uuid *id);

void requests_add_clabe(struct db_script *script, const struct uuid *id, const char *user_ref);

/* The CLABE of a user (result 0: clabe, state) and the states of beneficiaries (results 1..n: state). */
struct db_script *requests_people(const char *user_ref, const struct uuid *ids, size_t n);

struct new_dispute {
    struct uuid id;
    struct uuid payment_id;
    const uint8_t *escrow_id; /* 32 bytes */
    const char *raised_by;
    int party;
    const char *reason, *details, *evidence_url;
    const uint8_t *reason_hash;
};
void requests_add_dispute(struct db_script *script, const struct new_dispute *row);
/* Adds the statement that finds a payment's open dispute: columns id, state; 0 or 1 row. */
void requests_find_dispute(struct db_script *script, const struct uuid *payment_id);
/* The open, raised dispute gets its decision; exactly one row. buyer_centavos < 0 = none. */
struct dispute_decision {
    struct uuid id;
    const char *state; /* "resolving" or "dismissing" */
    const char *resolution;
    int64_t buyer_centavos;
    const char *notes;
    const char *resolved_by;
};
void requests_decide_dispute(struct db_script *script, const struct dispute_decision *decision);

/* An unassigned deposit goes to a payment of exactly its amount that waits for one; else conflict. */
void requests_assign_deposit(struct db_script *script, const char *fid,
                             const struct uuid *payment_id, const char *actor);
/* A parked payment goes back to where it was parked: with its chain effect planned again, or, when its
 * withdrawal was refused for certain, to the step that orders a new one. */
void requests_unpark(struct db_script *script, const struct payment *payment, bool has_effect,
                     const char *actor);

/* A parked leg whose redemption was refused for certain is planned again; else conflict. */
void requests_retry_leg(struct db_script *script, const struct uuid *payment_id, int64_t leg,
                        const char *actor);

enum { REQUESTS_INBOX_MAX = 10000 }; /* webhooks kept: of at most 64 KiB each */

/* A webhook's body, once per content; the oldest beyond REQUESTS_INBOX_MAX make room. */
struct new_webhook {
    const char *source;
    uint8_t body_hash[32];
    const char *headers;
    const void *body;
    size_t body_n;
};
void requests_add_webhook(struct db_script *script, const struct new_webhook *hook);

/* The switches that outlive the daemon. Result of find: columns name ("paused", "draining"), reason. */
struct db_script *requests_find_switches(void);
void requests_pause(struct db_script *script, const char *reason, int64_t uid);
void requests_drain(struct db_script *script, const char *reason, int64_t uid);
/* Ends both. */
void requests_resume(struct db_script *script);

#endif
