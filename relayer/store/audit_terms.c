/* What payments promised, for the terms hash to be made again. */
#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/store/audit.h"
#include "relayer/store/audit_scope.h"

#define PAGE                                                                                       \
    "WITH page AS (SELECT p.id, p.payer_ref, p.seller_id, p.buyer_id, p.amount_centavos,"          \
    " p.immediate_centavos, p.custody_centavos, p.custody_seconds, p.terms_hash FROM payment p"    \
    " WHERE p.id > $3::uuid AND " AUDIT_PAYMENT_SCOPE("p.id") " ORDER BY p.id LIMIT 64) "

struct db_script *audit_promises(const struct audit_scope *scope, const struct uuid *after)
{
    static const char *const READS[] = {
        PAGE "SELECT page.*, x.terms_hash FROM page LEFT JOIN escrow x ON x.payment_id = page.id"
             " ORDER BY page.id",
        PAGE "SELECT l.payment_id, l.beneficiary_id, l.promised_centavos FROM leg l"
             " JOIN page ON page.id = l.payment_id WHERE l.role = 'commission'"
             " ORDER BY l.payment_id, l.n",
    };
    static const struct uuid BEFORE_ALL = {{0}};
    struct db_script *script = db_script_new();
    for (size_t i = 0; i < sizeof READS / sizeof READS[0]; i++) {
        struct db_stmt *s = db_add(script, READS[i], DB_ANY);
        audit_scope_bind(s, scope);
        db_uuid(s, after != NULL ? after : &BEFORE_ALL);
    }
    return script;
}

enum column {
    C_ID,
    C_PAYER,
    C_SELLER,
    C_BUYER,
    C_AMOUNT,
    C_IMMEDIATE,
    C_CUSTODY,
    C_SECONDS,
    C_TERMS,
    C_ESCROW_TERMS,
};

static void parse_promise(struct db_result *res, int r, struct audit_promise *out)
{
    struct payment *p = &out->payment;
    memset(out, 0, sizeof *out);
    CHECK(db_get_uuid(res, 0, r, C_ID, &p->id));
    CHECK(db_get_uuid(res, 0, r, C_SELLER, &p->seller_id));
    CHECK(db_get_uuid(res, 0, r, C_BUYER, &p->buyer_id));
    p->amount_centavos = db_get_i64(res, 0, r, C_AMOUNT);
    p->immediate_centavos = db_get_i64(res, 0, r, C_IMMEDIATE);
    p->custody_centavos = db_get_i64(res, 0, r, C_CUSTODY);
    p->custody_seconds = db_get_i64(res, 0, r, C_SECONDS);
    CHECK(db_get_bytes(res, 0, r, C_TERMS, p->terms_hash, sizeof p->terms_hash));
    out->has_escrow =
        db_get_bytes(res, 0, r, C_ESCROW_TERMS, out->escrow_terms, sizeof out->escrow_terms);
    /* A reference that is too long was never accepted: cut, it gives another hash, which is the finding. */
    snprintf(out->payer, sizeof out->payer, "%s", db_get(res, 0, r, C_PAYER));
}

/* More legs than a payment can have were never promised: those that fit give another hash already. */
static void parse_commission(struct db_result *res, int r, struct payment *p)
{
    if (p->legs_n >= PAYMENT_LEGS_MAX)
        return;
    struct leg *leg = &p->legs[p->legs_n++];
    leg->role = LEG_COMMISSION;
    CHECK(db_get_uuid(res, 1, r, 1, &leg->beneficiary_id));
    leg->amount_centavos = db_get_i64(res, 1, r, 2);
}

size_t audit_parse_promises(struct db_result *res, struct audit_promise *out, size_t max)
{
    size_t n = (size_t)db_rows(res, 0);
    int commission = 0;
    CHECK(n <= max);
    for (size_t i = 0; i < n; i++) {
        parse_promise(res, (int)i, &out[i]);
        /* Both reads are ordered by payment in one snapshot. */
        for (; commission < db_rows(res, 1); commission++) {
            struct uuid owner;
            CHECK(db_get_uuid(res, 1, commission, 0, &owner));
            if (memcmp(&owner, &out[i].payment.id, sizeof owner) != 0)
                break;
            parse_commission(res, commission, &out[i].payment);
        }
    }
    CHECK(commission == db_rows(res, 1));
    return n;
}
