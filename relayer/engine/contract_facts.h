/*
 * What the escrow and the token are, as the chain says it, held against what was deployed. Without I/O.
 *
 * Every fact is one word of 32 bytes: a code hash, an address, a number, a yes or no. So is what is wanted,
 * and a fact differs when the two words are not the same. contract_read.h asks for the facts,
 * contract_check.h acts on the differences.
 */
#ifndef KUSTODIA_ENGINE_CONTRACT_FACTS_H
#define KUSTODIA_ENGINE_CONTRACT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/escrow_admin.h"
#include "relayer/base/config.h"
#include "relayer/store/evidence.h"

/* In the order in which they are asked for. Code first: a changed contract may not answer the rest. */
enum contract_item {
    CONTRACT_TOKEN_CODE,
    CONTRACT_ESCROW_CODE,
    CONTRACT_IMPLEMENTATION,      /* the token's; zero: the token is no proxy */
    CONTRACT_IMPLEMENTATION_CODE, /* zero when there is none */
    CONTRACT_DECIMALS,
    CONTRACT_TOKEN, /* the escrow's */
    CONTRACT_FUNDER,
    CONTRACT_PAYOUT,
    CONTRACT_REFUND,
    CONTRACT_RELAYER_ROLE, /* the relayer's address holds RELAYER */
    CONTRACT_ARBITER_ROLE,
    CONTRACT_GUARDIAN_ROLE,
    CONTRACT_ADMIN,
    CONTRACT_RELAYER_ARBITER, /* the relayer's address holds ARBITER: never */
    CONTRACT_RELAYER_ADMIN,   /* the same for the admin role */
    CONTRACT_ROLE_HOLDER, /* somebody else who holds RELAYER, ARBITER or GUARDIAN; zero: nobody */
};
enum { CONTRACT_ITEMS = CONTRACT_ROLE_HOLDER + 1 };

/* "escrow_code", "payout", ...: the alarm's subject. */
const char *contract_item_name(enum contract_item item);
/* The fact is the code of a contract: asked for even when no hash is compared. */
bool contract_item_is_code(enum contract_item item);

/* Whose roles are asked about. */
enum { CONTRACT_MORE_MAX = 8 };
struct contract_parties {
    uint8_t relayer[20], arbiter[20]; /* the signer's addresses */
    /* Its further keys: of the pool, and during a rotation a second arbiter. Each may hold its role or
     * not. */
    struct contract_party {
        uint8_t address[20];
        bool is_arbiter;
    } more[CONTRACT_MORE_MAX];
    size_t more_n;
};

/* The holder that settings and signer name for this role. Without such a setting anybody is: that comparison
 * is not made. The admin role is not asked about: it has one holder, CONTRACT_ADMIN. */
bool contract_role_expected(const struct role_grant *grant, const struct config *config,
                            const struct contract_parties *parties);
/* The three roles; one that nobody is compared with is left out, and another stands there twice. */
void contract_roles_compared(const struct config *config, const uint8_t *role[3]);
/* The fact CONTRACT_ROLE_HOLDER: this one is a stranger. */
void contract_holder_word(const struct role_grant *grant, uint8_t word[32]);

struct contract_wanted {
    bool compared[CONTRACT_ITEMS]; /* false: no setting says what it should be */
    uint8_t word[CONTRACT_ITEMS][32];
};
void contract_wanted_fill(struct contract_wanted *wanted, const struct config *config);

enum contract_state {
    CONTRACT_UNREAD, /* no answer, or not asked: nothing is known */
    CONTRACT_READ,
    CONTRACT_MUTE, /* the contract reverts, or gives no such word */
};
struct contract_facts {
    uint64_t block;
    uint8_t block_hash[32]; /* all of it was read at this block */
    enum contract_state state[CONTRACT_ITEMS];
    uint8_t word[CONTRACT_ITEMS][32]; /* code: its hash; zero: there is no code */
    /* Which of the parties hold their roles. CONTRACT_ARBITER_ROLE is one for all arbiters: some one does. */
    bool roles_known, arbiter_holds, more_holds[CONTRACT_MORE_MAX];
    char mute[160];                   /* the first revert, in words; "" when there was none */
};

/* Addresses that hold no code at all differ even from a hash that is not compared. */
bool contract_differs(const struct contract_wanted *wanted, const struct contract_facts *facts,
                      enum contract_item item);
/* Some fact of this look does. */
bool contract_differs_somewhere(const struct contract_wanted *wanted,
                                const struct contract_facts *facts);

/* Some differences mean that settings and chain do not belong together: the daemon never starts with them.
 * The first of those as one sentence; false: there is none. */
bool contract_refusal(const struct config *config, const struct contract_parties *parties,
                      const struct contract_wanted *wanted, const struct contract_facts *facts,
                      char out[300]);

/*
 * Which differences are believed: those seen in two looks one after the other, at two blocks. One answer is
 * no proof: a block may leave the chain again, an endpoint may answer nonsense once, and neither must stop
 * the payments of a day. The second look follows within a second or two, so that a true change is acted upon
 * nearly as fast; with several endpoints it begins at another one. With one endpoint two looks prove nothing
 * about that endpoint: who lies twice is believed, and who hides a change all the time hides it.
 * On a chain that stands still there is no second block: there time makes up for it.
 */
enum { CONTRACT_STILL_MS = 10000, CONTRACT_WORDS_MAX = 80 };
struct contract_belief {
    struct contract_doubt {
        bool differs, believed;
        uint8_t since_block[32]; /* hash of the block of the first look that differed */
        int64_t since_ms;
        char found[CONTRACT_WORDS_MAX], wanted[CONTRACT_WORDS_MAX];
    } item[CONTRACT_ITEMS];
};
/* Items that were not read stay as they are. */
void contract_note(struct contract_belief *belief, const struct contract_wanted *wanted,
                   const struct contract_facts *facts, int64_t now_ms);
size_t contract_differing(const struct contract_belief *belief);
size_t contract_believed(const struct contract_belief *belief);

/* Why the daemon is paused, for people: the first believed difference and how many more; at most 159
 * characters. */
enum { CONTRACT_REASON_MAX = 160 };
void contract_reason(const struct contract_belief *belief, char out[CONTRACT_REASON_MAX]);

/*
 * A person is told of an administrative log that announces a change or takes it back (a transfer of the admin
 * role, its delay, new wallets), or that gives a role this contract does not use. False: nobody is told. A
 * stranger in a role that is used is a difference, and no notice.
 */
struct contract_notice {
    char subject[96]; /* of the alarm: one open row for each */
    char detail[200];
};
bool contract_notice_fill(struct contract_notice *notice, const struct escrow_admin_event *event);

#endif
