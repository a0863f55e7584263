/*
 * Booking postings: the way from struct posting to relayer.post_many (migrations/0001_ledger.sql).
 *
 * The statement takes its place in the caller's script, so money moves in the same transaction as the
 * state it belongs to. Booking a posting again (same id, same content) does nothing; the same id with
 * other content is refused (ERR_DB_RULE, KU006). Limits and balance are enforced by the database.
 */
#ifndef KUSTODIA_STORE_LEDGER_H
#define KUSTODIA_STORE_LEDGER_H

#include "relayer/money/posting.h"
#include "relayer/store/db.h"

enum { LEDGER_BATCH_MAX = 1000 };

/* One posting. It must satisfy posting_balanced (CHECKed: an unbalanced decision is a defect of ours). */
void ledger_add(struct db_script *script, const struct posting *posting);

/* n (1..LEDGER_BATCH_MAX) postings with different ids in one statement: far cheaper than one by one, and
 * all account rows are locked in one order, so two batches never wait for each other in a circle. */
void ledger_add_many(struct db_script *script, const struct posting *postings, size_t n);

/*
 * What a posting is, as 32 bytes (Keccak-256): kind, txn id, resolves, payment, effect and the lines in
 * order, each field fixed in width, integers big-endian; an absent uuid is 16 zero bytes after a 0 byte, a
 * present one follows a 1 byte. The reason is not part of it.
 */
void ledger_command_hash(const struct posting *posting, uint8_t hash[32]);

#endif
