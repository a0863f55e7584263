#include "relayer/money/accounts.h"

#include <stdio.h>
#include <string.h>

#include "relayer/base/check.h"

#define ROW(class, name, asset, owner, side, doc) [class] = {name, asset, owner, side, doc}

static const struct account_info INFO[ACCOUNT_CLASS_LAST + 1] = {
    ROW(ACCOUNT_WORLD_MXN, "world_mxn", ASSET_MXN, OWNER_NONE, SIDE_ANY,
        "the banks outside: where deposits come from"),
    ROW(ACCOUNT_JUNO_MXN, "juno_mxn", ASSET_MXN, OWNER_NONE, SIDE_DEBIT, "pesos lying at Juno"),
    ROW(ACCOUNT_JUNO_MXNB, "juno_mxnb", ASSET_MXNB, OWNER_NONE, SIDE_DEBIT,
        "MXNB in our custodial balance at Juno"),
    ROW(ACCOUNT_ISSUER_MXNB, "issuer_mxnb", ASSET_MXNB, OWNER_NONE, SIDE_ANY,
        "the issuer's side of MXNB issued and redeemed"),
    ROW(ACCOUNT_ISSUER_MXN, "issuer_mxn", ASSET_MXN, OWNER_NONE, SIDE_ANY,
        "the issuer's side of the pesos behind MXNB"),
    ROW(ACCOUNT_BRIDGE_MXNB, "bridge_mxnb", ASSET_MXNB, OWNER_NONE, SIDE_DEBIT,
        "MXNB in the bridge wallet"),
    ROW(ACCOUNT_ESCROW_MXNB, "escrow_mxnb", ASSET_MXNB, OWNER_PAYMENT, SIDE_DEBIT,
        "MXNB locked in the escrow contract for a payment"),
    ROW(ACCOUNT_DEPOSIT_MXN, "deposit_mxn", ASSET_MXN, OWNER_PAYMENT, SIDE_CREDIT,
        "pesos received for a payment, not issued yet"),
    ROW(ACCOUNT_UNASSIGNED_MXN, "unassigned_mxn", ASSET_MXN, OWNER_NONE, SIDE_CREDIT,
        "pesos received that belong to no payment yet"),
    ROW(ACCOUNT_UNASSIGNED_MXNB, "unassigned_mxnb", ASSET_MXNB, OWNER_NONE, SIDE_CREDIT,
        "MXNB issued for deposits that belong to no payment yet"),
    ROW(ACCOUNT_OWED_IMMEDIATE, "owed_immediate", ASSET_MXNB, OWNER_PAYMENT, SIDE_CREDIT,
        "owed to the seller at once"),
    ROW(ACCOUNT_OWED_CUSTODY, "owed_custody", ASSET_MXNB, OWNER_PAYMENT, SIDE_CREDIT,
        "the custody share, until its end decides to whom it is owed"),
    ROW(ACCOUNT_OWED_SELLER, "owed_seller", ASSET_MXNB, OWNER_PAYMENT, SIDE_CREDIT,
        "owed to the seller after custody"),
    ROW(ACCOUNT_OWED_BUYER, "owed_buyer", ASSET_MXNB, OWNER_PAYMENT, SIDE_CREDIT,
        "owed back to the buyer"),
    ROW(ACCOUNT_OWED_COMMISSION, "owed_commission", ASSET_MXNB, OWNER_PAYMENT, SIDE_CREDIT,
        "owed to a payment's commission beneficiaries"),
    ROW(ACCOUNT_COMMISSION, "commission", ASSET_MXNB, OWNER_BENEFICIARY, SIDE_CREDIT,
        "commissions that wait until they reach Juno's floor"),
    ROW(ACCOUNT_PAID_OUT_MXN, "paid_out_mxn", ASSET_MXN, OWNER_NONE, SIDE_ANY,
        "the banks outside: where payouts went"),
    ROW(ACCOUNT_RETURNED_MXNB, "returned_mxnb", ASSET_MXNB, OWNER_NONE, SIDE_ANY,
        "clearing for payouts that came back"),
};

const struct account_info *account_info(enum account_class class)
{
    CHECK(class >= ACCOUNT_CLASS_FIRST && class <= ACCOUNT_CLASS_LAST);
    return &INFO[class];
}

static bool class_parse(const char *name, size_t n, enum account_class *class)
{
    for (int i = ACCOUNT_CLASS_FIRST; i <= ACCOUNT_CLASS_LAST; i++) {
        if (strlen(INFO[i].name) == n && memcmp(INFO[i].name, name, n) == 0) {
            *class = (enum account_class)i;
            return true;
        }
    }
    return false;
}

bool account_class_parse(const char *name, enum account_class *class)
{
    return name != NULL && class_parse(name, strlen(name), class);
}

const char *account_asset_name(enum account_asset asset)
{
    switch (asset) {
    case ASSET_MXN:
        return "MXN";
    case ASSET_MXNB:
        return "MXNB";
    }
    return NULL;
}

void account_code(enum account_class class, const struct uuid *owner, char out[ACCOUNT_CODE_MAX])
{
    const struct account_info *info = account_info(class);
    CHECK((owner != NULL) == (info->owner != OWNER_NONE));
    if (owner == NULL) {
        snprintf(out, ACCOUNT_CODE_MAX, "%s", info->name);
        return;
    }
    char text[UUID_TEXT_MAX];
    uuid_format(owner, text);
    snprintf(out, ACCOUNT_CODE_MAX, "%s:%s", info->name, text);
}

bool account_code_parse(const char *code, enum account_class *class, struct uuid *owner)
{
    if (code == NULL)
        return false;
    const char *colon = strchr(code, ':');
    size_t name_n = colon != NULL ? (size_t)(colon - code) : strlen(code);
    enum account_class found;
    if (!class_parse(code, name_n, &found))
        return false;
    if ((colon != NULL) != (INFO[found].owner != OWNER_NONE))
        return false;
    if (colon != NULL && !uuid_parse(colon + 1, owner))
        return false;
    *class = found;
    return true;
}
