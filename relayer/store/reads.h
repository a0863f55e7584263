/*
 * What people may ask of the database: each read is one statement and the names and kinds of its columns.
 * The room relayer/api turns rows into answers by these tables, so a column is named once, here.
 *
 * Reads never lock. Several in one script see one snapshot (db_query). Every list has a LIMIT parameter
 * or a bound that the rows it belongs to have by themselves. In the notes below "state?" is a parameter
 * that may be NULL, "after" the key of the last row of the page before, NULL for the first page.
 */
#ifndef KUSTODIA_STORE_READS_H
#define KUSTODIA_STORE_READS_H

#include <stddef.h>

#include "relayer/store/db.h"

/* How a column's text is to be understood. */
enum read_kind {
    READ_TEXT,
    READ_NUMBER, /* a count, a time or an index: small enough for JSON */
    READ_BOOL,
    READ_CENTAVOS, /* bigint, MXN scale 2 */
    READ_UNITS,    /* bigint, MXNB scale 6 */
    READ_MINOR,    /* bigint in the account's own smallest units: shown as digits */
    READ_HEX,      /* bytea */
    READ_TIME,     /* bigint, UNIX milliseconds: shown as UTC text */
    READ_SECONDS,  /* bigint, UNIX seconds: shown as UTC text */
};

struct read_field {
    const char *name;
    enum read_kind kind;
};

struct read {
    const char *sql;
    const struct read_field *field;
    size_t fields_n;
};

/* Adds the statement; its parameters follow with db_text and its kind, in the order noted below. */
struct db_stmt *read_add(struct db_script *script, const struct read *read);

/* Where the database stands; always one row. No parameters. Columns: block, block_hash, ledger_seq. */
extern const struct read READ_AS_OF;

/* payments */
extern const struct read READ_PAYMENT;         /* payment id */
extern const struct read READ_PAYMENTS;        /* state?, after id, limit */
extern const struct read READ_LEGS;            /* payment id */
extern const struct read READ_PAYMENT_DEPOSIT; /* payment id: its deposit, 0 or 1 row */
extern const struct read READ_TIMELINE;        /* payment id */
extern const struct read READ_EVENTS;          /* after seq (0 = all), limit */
extern const struct read READ_EVENT_LAST;      /* the newest one that is given out; 0 or 1 row */
extern const struct read READ_EVENT_KNOWN;     /* seq: 1 row when it exists */

/* people */
extern const struct read READ_BENEFICIARY;   /* id */
extern const struct read READ_BENEFICIARIES; /* state?, after id, limit */
extern const struct read READ_CLABES;        /* user_ref?, after id, limit */
extern const struct read READ_CLABE_OF;      /* user_ref */

/* escrows and disputes */
extern const struct read READ_ESCROW;   /* escrow id?, payment id? */
extern const struct read READ_ESCROWS;  /* state?, after payment id, limit */
extern const struct read READ_DISPUTES; /* state?, payment id?, after id, limit */

/* deposits, payouts, transactions, webhooks */
extern const struct read READ_DEPOSITS;   /* state?, after fid, limit */
extern const struct read READ_DEPOSIT;    /* fid */
extern const struct read READ_PAYOUTS;    /* payment?, state?, after payment, limit */
extern const struct read READ_PAYOUT;     /* payment id, leg */
extern const struct read READ_ATTEMPTS;   /* payment id, leg */
extern const struct read READ_TX;         /* hash */
extern const struct read READ_TXS;        /* state?, limit */
extern const struct read READ_TX_EFFECTS; /* hash */
extern const struct read READ_TX_LOGS;    /* hash */
extern const struct read READ_WEBHOOKS;   /* before id, limit */
extern const struct read READ_WEBHOOK;    /* id */

/* ledger */
extern const struct read READ_ACCOUNTS; /* payment?, class?, after code, limit */
extern const struct read READ_ENTRIES;  /* payment?, account code?, after txn, limit */
extern const struct read READ_TRIAL_BALANCE;
extern const struct read READ_BALANCED; /* one row: do all sums stand at zero */
extern const struct read READ_SUMS;     /* per asset and layer: the sum that must be zero */

/* system */
extern const struct read READ_COUNTS; /* one row */
extern const struct read READ_STATES; /* open payments by state */
extern const struct read READ_ALARMS; /* open alarms, at most 100 */
extern const struct read READ_LANES;  /* what each lane has under way: relayer, arbiter */

#endif
