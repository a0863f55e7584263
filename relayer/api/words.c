#include "relayer/api/words.h"

#include <string.h>

const struct event_words EVENT_WORDS[] = {
    {"payment_created", "The payment was agreed; the payer's SPEI transfer is awaited."},
    {"deposit_received", "The payer's pesos arrived by SPEI."},
    {"deposit_assigned", "A person assigned a waiting deposit to this payment."},
    {"deposit_unassigned", "A deposit arrived that fits no single payment; a person assigns it."},
    {"mxnb_issued", "Juno issued MXNB for the deposit, one for each peso."},
    {"redemption_initiated", "A payout was ordered: Juno is to redeem MXNB to a bank account."},
    {"redemption_success", "Juno redeemed the MXNB."},
    {"payout_completed", "The pesos left by SPEI to the bank account."},
    {"payout_parked", "A payout did not go through; a person has to look."},
    {"dispute_refused", "The contract refused the dispute; custody goes on."},
    {"release_refused", "The contract refused the early release; custody goes on."},
    {"payment_unparked", "A person let the parked payment go on."},
    {"payout_retried", "A person ordered a refused payout again."},
    {"payout_returned", "The bank sent a payout back; a person has to look."},
    {"commission_paid", "A commission left by SPEI to its bank account."},
    {"commission_accumulated", "A commission was set aside until it reaches Juno's least amount."},
    {"withdrawal_initiated", "The custody share is leaving Juno for the bridge wallet."},
    {"bridge_funded", "The custody share reached the bridge wallet."},
    {"escrow_created", "The escrow contract holds the custody share; the custody period runs."},
    {"dispute_raised", "A dispute was raised; the custody share is frozen until it is decided."},
    {"dispute_dismissed", "The dispute was dismissed; custody goes on with its end unchanged."},
    {"dispute_resolved", "The arbiter decided; the escrow is closed."},
    {"escrow_released", "The escrow was released to the bridge wallet."},
    {"returned_to_juno", "The MXNB are back at Juno."},
    {"payment_completed", "Everything is paid; the payment is closed."},
    {"payment_expired", "Nobody paid in time; the payment is closed."},
    {"payment_cancelled", "The payment was cancelled before it was paid."},
    {"payment_parked", "The payment stopped; a person has to look."},
};
const size_t EVENT_WORDS_N = sizeof EVENT_WORDS / sizeof EVENT_WORDS[0];

const char *event_words(const char *type)
{
    for (size_t i = 0; i < EVENT_WORDS_N; i++) {
        if (strcmp(EVENT_WORDS[i].type, type) == 0)
            return EVENT_WORDS[i].words;
    }
    return type;
}
