/*
 * The chart of accounts. One table, stated a second time in migrations/0001_ledger.sql
 * (relayer.account_class); tests/unit/store compares the two.
 *
 * Debits are positive, credits negative. An account of what we hold stands in debit and may not fall
 * below zero; an account of what we owe stands in credit and may not rise above zero; contra and clearing
 * accounts have no limit. The limit counts money already reserved on the pending layer as gone.
 *
 * Code of an account: the class name, and ":<owner uuid>" for classes with an owner.
 */
#ifndef KUSTODIA_MONEY_ACCOUNTS_H
#define KUSTODIA_MONEY_ACCOUNTS_H

#include <stdbool.h>

#include "relayer/base/uuid.h"

/* Numbers are pinned: they enter the hash of a posting (relayer/store/ledger.h). */
enum account_class {
    ACCOUNT_WORLD_MXN = 1,
    ACCOUNT_JUNO_MXN = 2,
    ACCOUNT_JUNO_MXNB = 3,
    ACCOUNT_ISSUER_MXNB = 4,
    ACCOUNT_ISSUER_MXN = 5,
    ACCOUNT_BRIDGE_MXNB = 6,
    ACCOUNT_ESCROW_MXNB = 7,
    ACCOUNT_DEPOSIT_MXN = 8,
    ACCOUNT_UNASSIGNED_MXN = 9,
    ACCOUNT_UNASSIGNED_MXNB = 10,
    ACCOUNT_OWED_IMMEDIATE = 11,
    ACCOUNT_OWED_CUSTODY = 12,
    ACCOUNT_OWED_SELLER = 13,
    ACCOUNT_OWED_BUYER = 14,
    ACCOUNT_OWED_COMMISSION = 15,
    ACCOUNT_COMMISSION = 16,
    ACCOUNT_PAID_OUT_MXN = 17,
    ACCOUNT_RETURNED_MXNB = 18,
};
#define ACCOUNT_CLASS_FIRST ACCOUNT_WORLD_MXN
#define ACCOUNT_CLASS_LAST ACCOUNT_RETURNED_MXNB

enum { ACCOUNT_CODE_MAX = 64 };

enum account_asset { ASSET_MXN = 1, ASSET_MXNB = 2 };
enum account_owner { OWNER_NONE = 0, OWNER_PAYMENT = 1, OWNER_BENEFICIARY = 2 };
enum account_side { SIDE_ANY = 0, SIDE_DEBIT = 1, SIDE_CREDIT = -1 };

struct account_info {
    const char *name;
    enum account_asset asset;
    enum account_owner owner;
    enum account_side side; /* SIDE_DEBIT: never below zero; SIDE_CREDIT: never above */
    const char *doc;
};

/* The row of a class. The class must be one of the enum (CHECKed). */
const struct account_info *account_info(enum account_class class);

bool account_class_parse(const char *name, enum account_class *class);

/* "MXN", "MXNB". */
const char *account_asset_name(enum account_asset asset);

/* owner is NULL exactly for classes without owner (CHECKed). */
void account_code(enum account_class class, const struct uuid *owner, char out[ACCOUNT_CODE_MAX]);

/* False if the text is no code: unknown class, owner missing, superfluous or malformed. */
bool account_code_parse(const char *code, enum account_class *class, struct uuid *owner);

#endif
