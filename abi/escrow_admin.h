/* escrow_admin.h - the logs of contracts/src/KustodiaEscrow.sol that no payment causes: roles, wallets,
 * pause, rescue. They say who may do what from now on, so each is a reason to look at the contract
 * again. Topics come from the compiler, as in escrow.h. */
#ifndef ABI_ESCROW_ADMIN_H
#define ABI_ESCROW_ADMIN_H

#include "abi/bytes.h"
#include "abi/u256.h"

enum escrow_admin_kind {
    ESCROW_ADMIN_ROLE_GRANTED,       /* role, account */
    ESCROW_ADMIN_ROLE_REVOKED,       /* role, account */
    ESCROW_ADMIN_TRANSFER_SCHEDULED, /* account = the next admin, at = when it may accept */
    ESCROW_ADMIN_TRANSFER_CANCELED,  /* nothing more */
    ESCROW_ADMIN_DELAY_SCHEDULED,    /* delay_s = of admin transfers, at = from when on */
    ESCROW_ADMIN_DELAY_CANCELED,     /* nothing more */
    ESCROW_ADMIN_WALLETS_PROPOSED,   /* account = payout, refund, at = when it can be accepted */
    ESCROW_ADMIN_WALLETS_CHANGED,    /* account = payout, refund */
    ESCROW_ADMIN_PAUSE_SET,          /* account = by whom, bits, at = until when; 0 0: lifted */
    ESCROW_ADMIN_RESCUED,            /* account = to, token, amount in that token's units */
};
enum { ESCROW_ADMIN_KINDS = ESCROW_ADMIN_RESCUED + 1 };

/* Fields an event does not have are zero. Times are UNIX seconds of the chain. */
struct escrow_admin_event {
    enum escrow_admin_kind kind;
    uint8_t role[32], account[20], refund[20], token[20];
    uint64_t at, delay_s;
    uint8_t bits;
    struct u256 amount;
};

/* The caller has checked the log's address. False: another event, or a log this contract cannot
 * have written. */
bool escrow_admin_event_decode(const uint8_t (*topics)[32], size_t topics_n, struct bytes data,
                               struct escrow_admin_event *out);
/* The event's name in the contract, "WalletsProposed". */
const char *escrow_admin_event_name(enum escrow_admin_kind kind);

#endif
