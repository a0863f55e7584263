/*
 * The terms hash: what was promised, as one number.
 *
 * Keccak-256 of a text that the payer, the seller and an auditor can write down again by themselves; its
 * lines are given in docs/reference/api.md, "Terms hash". It stands in the payment, in the escrow row, and on
 * the chain in the escrow's EscrowCreated log.
 */
#ifndef KUSTODIA_FLOWS_TERMS_H
#define KUSTODIA_FLOWS_TERMS_H

#include "relayer/flows/payment.h"

/* The payer's reference in bytes: 120 characters of UTF-8 at most, with the zero. */
enum { TERMS_PAYER_MAX = 120 * 4 + 1 };

/* Of the payment: id, seller, buyer, the three amounts, custody_seconds, and its commission legs in their
 * order with the amounts that were promised, which a dispute may have cut since. Nothing else of it is read.
 * payer is shorter than TERMS_PAYER_MAX. */
void terms_hash(const struct payment *payment, const char *payer, uint8_t hash[32]);

#endif
