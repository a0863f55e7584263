/*
 * Reads what contract_facts.h compares: one question after the other, all at the newest block, which is
 * named by its hash. The start checks and the timer (contract_check.h) read through it.
 */
#ifndef KUSTODIA_ENGINE_CONTRACT_READ_H
#define KUSTODIA_ENGINE_CONTRACT_READ_H

#include "relayer/base/err.h"
#include "relayer/engine/contract_facts.h"

struct node;
struct contract_reader;

/* Where an upgradeable contract keeps the address of its code: keccak256 of a name, in the newer convention
 * less one. The token's proxy (FiatTokenProxy) uses the first. */
extern const uint8_t contract_slot_zeppelinos[32]; /* "org.zeppelinos.proxy.implementation" */
extern const uint8_t contract_slot_erc1967[32];    /* "eip1967.proxy.implementation", - 1 */

/* `wanted` and `parties` live as long as the reader: what is not compared is not asked, except for code. */
struct contract_reader *contract_reader_new(struct node *node, const struct config *config,
                                            const struct contract_parties *parties,
                                            const struct contract_wanted *wanted);
void contract_reader_free(struct contract_reader *reader); /* not during a look; NULL is fine */

/* One look; one at a time. `grants`, which live as long as the look, say who may be a stranger with a role:
 * whom nobody expects is asked about. The callback comes once, never before this returns. With `err` the look
 * broke off: the facts read before it stand, the others are CONTRACT_UNREAD. */
typedef void contract_read_cb(void *ctx, const struct err *err, const struct contract_facts *facts);
void contract_read(struct contract_reader *reader, const struct role_grants *grants,
                   contract_read_cb *cb, void *ctx);

#endif
