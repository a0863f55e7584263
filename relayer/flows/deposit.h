/*
 * Which payment a SPEI deposit belongs to. Matching is by CLABE and exact amount, and only when exactly one
 * open payment fits: two equal ones are ambiguous, and a guess would pay the wrong seller.
 */
#ifndef KUSTODIA_FLOWS_DEPOSIT_H
#define KUSTODIA_FLOWS_DEPOSIT_H

#include <stddef.h>
#include <stdint.h>

enum deposit_fit { DEPOSIT_FITS_ONE = 1, DEPOSIT_FITS_NONE = 2, DEPOSIT_FITS_SEVERAL = 3 };

/* candidates = open payments of the same CLABE and exactly the same amount. */
enum deposit_fit deposit_decide(size_t candidates);

/* Why a deposit stays unassigned, for people; NULL when it fits. */
const char *deposit_reason(enum deposit_fit fit);

#endif
