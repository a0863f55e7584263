#include "relayer/api/methods.h"

#include <string.h>

#include "relayer/api/groups.h"
#include "relayer/base/mem.h"
#include "relayer/store/requests.h"

/* The contract's longest custody period: 1096 days. */
#define CUSTODY_MAX_S INT64_C(94694400)
#define YEAR_S INT64_C(31536000)
#define LAST_ID INT64_C(9007199254740991)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TEXT(field, need, min, max, text)                                                          \
    {.name = (field),                                                                              \
     .type = PARAM_TEXT,                                                                           \
     .required = (need),                                                                           \
     .least = (min),                                                                               \
     .most = (max),                                                                                \
     .doc = (text)}
#define INTEGER(field, need, min, max, text)                                                       \
    {.name = (field),                                                                              \
     .type = PARAM_INTEGER,                                                                        \
     .required = (need),                                                                           \
     .least = (min),                                                                               \
     .most = (max),                                                                                \
     .doc = (text)}
#define SIMPLE(kind, field, need, text)                                                            \
    {.name = (field), .type = (kind), .required = (need), .doc = (text)}
#define CHOICE(field, need, among, text)                                                           \
    {.name = (field), .type = PARAM_CHOICE, .required = (need), .choices = (among), .doc = (text)}
#define PAYMENT_ID(need) SIMPLE(PARAM_UUID, "payment_id", need, "the payment")
#define AFTER                                                                                      \
    SIMPLE(PARAM_UUID, "after", false,                                                             \
           "give what comes after this id: the last one of the page before")
#define LIMIT INTEGER("limit", false, 1, LIST_LIMIT_MAX, "rows at most; 50 unless told")

#define PAYMENT_STATES_TEXT                                                                        \
    "waiting_deposit|waiting_issuance|issued|bridging|funding|in_custody|disputing|disputed|"      \
    "dismissing|releasing|reverting|splitting|returning|paying_out|completed|expired|cancelled|"   \
    "parked"

const struct param MUTATION_PARAMS[2] = {
    TEXT("idempotency_key", false, REQUEST_KEY_MIN, REQUEST_KEY_MAX,
         "chosen and stored by you before the first attempt; the same key with the same content "
         "always "
         "gives the same answer; required unless dry_run"),
    SIMPLE(PARAM_BOOL, "dry_run", false, "true: say what would happen, change nothing"),
};

static const struct param BENEFICIARY_REGISTER[] = {
    TEXT("name", true, 1, 120, "account holder, as the bank knows him"),
    SIMPLE(PARAM_CLABE, "clabe", true, "his account: 18 digits, at any bank but Juno's own (710)"),
    CHOICE("ownership", true, "COMPANY_OWNED|THIRD_PARTY", "whose account it is"),
};
static const struct param BENEFICIARY_LIST[] = {
    CHOICE("state", false, "registering|active|suspended|refused", "only these"), LIMIT, AFTER};
static const struct param BENEFICIARY_VERIFY[] = {
    SIMPLE(PARAM_UUID, "beneficiary_id", true, "the beneficiary")};
static const struct param BENEFICIARY_SUSPEND[] = {
    SIMPLE(PARAM_UUID, "beneficiary_id", true, "the beneficiary"),
    TEXT("reason", true, 1, 200, "why, for people")};
static const struct param CLABE_CREATE[] = {
    TEXT("user_ref", true, 1, 120, "your id of the user; each user has one CLABE for ever")};
static const struct param CLABE_LIST[] = {TEXT("user_ref", false, 1, 120, "only this user's"),
                                          LIMIT, AFTER};

static const struct param COMMISSION[] = {
    SIMPLE(PARAM_UUID, "beneficiary_id", true, "who gets it"),
    INTEGER("bps", false, 1, 10000, "hundredths of a percent of the whole amount; or amount"),
    SIMPLE(PARAM_AMOUNT, "amount", false, "MXN; or bps"),
};
static const struct param PAYMENT_CREATE[] = {
    TEXT("payer", true, 1, 120, "user_ref of the payer, who has a CLABE"),
    SIMPLE(PARAM_UUID, "seller", true, "beneficiary who is paid"),
    SIMPLE(PARAM_UUID, "buyer", true, "beneficiary to whom a refund goes"),
    SIMPLE(PARAM_AMOUNT, "amount", true, "MXN the payer sends"),
    INTEGER("immediate_bps", false, 0, 10000,
            "part paid to the seller at once, in hundredths of a percent; or immediate_amount"),
    SIMPLE(PARAM_AMOUNT, "immediate_amount", false, "the same in MXN"),
    {.name = "commissions",
     .type = PARAM_LIST,
     .most = PAYMENT_LEGS_MAX - 3,
     .item = COMMISSION,
     .item_n = COUNT(COMMISSION),
     .doc = "paid out of the custody share when it is released"},
    INTEGER("custody_seconds", true, 0, CUSTODY_MAX_S,
            "how long custody lasts after the escrow was created; 0 only without a custody share"),
    TEXT("description", false, 0, 500, "for people; stays in the database"),
    SIMPLE(PARAM_BOOL, "accumulate_commissions", false,
           "commissions below Juno's least amount wait in the beneficiary's account instead of "
           "being refused"),
    INTEGER("expires_in_s", false, 60, YEAR_S,
            "when nobody has paid; custody.expiry_s unless told"),
};
static const struct param PAYMENT_ONE[] = {PAYMENT_ID(true)};
static const struct param PAYMENT_LIST[] = {
    CHOICE("state", false, PAYMENT_STATES_TEXT, "only these"), LIMIT, AFTER};

static const struct param DEPOSIT_LIST[] = {
    CHOICE("state", false, "pending|unassigned|matched|failed|refund", "only these"), LIMIT,
    TEXT("after", false, 1, 80, "give what comes after this fid: the last one of the page before")};
static const struct param DEPOSIT_ASSIGN[] = {TEXT("fid", true, 1, 80, "the deposit"),
                                              PAYMENT_ID(true)};

static const struct param ESCROW_ONE[] = {
    SIMPLE(PARAM_HASH, "escrow_id", false, "the escrow; or payment_id"),
    SIMPLE(PARAM_UUID, "payment_id", false, "its payment; or escrow_id")};
static const struct param ESCROW_LIST[] = {
    CHOICE("state", false, "planned|active|disputed|released|reverted|split", "only these"), LIMIT,
    SIMPLE(PARAM_UUID, "after", false, "give what comes after this payment_id")};
static const struct param ESCROW_RELEASE_EARLY[] = {
    PAYMENT_ID(true), TEXT("note", true, 1, 500, "why; only its hash leaves the database")};

static const struct param DISPUTE_RAISE[] = {
    PAYMENT_ID(true),
    CHOICE("party", true, "buyer|seller", "whose dispute it is, as the contract records it"),
    TEXT("raised_by", true, 1, 120, "your id of the person"),
    TEXT("reason", true, 1, 500, "in short; only its hash goes on chain"),
    TEXT("details", false, 0, 4000, "the whole story"),
    TEXT("evidence_url", false, 0, 500, "where evidence is kept"),
};
static const struct param DISPUTE_RESOLVE[] = {
    PAYMENT_ID(true),
    CHOICE("resolution", true, "approved|dismissed|split",
           "approved: the custody share goes back to the buyer; dismissed: custody goes on; split: "
           "both"),
    SIMPLE(PARAM_AMOUNT, "buyer_amount", false, "split only: what the buyer gets, MXN"),
    TEXT("notes", true, 1, 4000, "why; only its hash goes on chain"),
};
static const struct param DISPUTE_LIST[] = {
    CHOICE("state", false, "pending|raised|dismissing|dismissed|resolving|resolved|refused",
           "only these"),
    SIMPLE(PARAM_UUID, "payment_id", false, "only this payment's"), LIMIT, AFTER};

static const struct param PAYOUT_LIST[] = {
    SIMPLE(PARAM_UUID, "payment_id", false, "only this payment's"),
    CHOICE("state", false, "planned|redeeming|paid|accumulated|void|returned|parked", "only these"),
    LIMIT, SIMPLE(PARAM_UUID, "after", false, "give what comes after this payment_id")};
static const struct param PAYOUT_ONE[] = {
    PAYMENT_ID(true), INTEGER("leg", true, 0, 31, "number of the leg, as payment.get shows it")};

static const struct param TX_ONE[] = {SIMPLE(PARAM_HASH, "tx_hash", true, "the transaction")};
static const struct param TX_LIST[] = {
    CHOICE("state", false, "armed|sent|mined|final|reverted|lost|replaced", "only these"), LIMIT};

static const struct param LEDGER_ACCOUNTS[] = {
    SIMPLE(PARAM_UUID, "payment_id", false, "only this payment's"),
    TEXT("class", false, 1, 40, "only this class"), LIMIT,
    TEXT("after", false, 1, 80, "give what comes after this account")};
static const struct param LEDGER_ENTRIES[] = {
    SIMPLE(PARAM_UUID, "payment_id", false, "only this payment's"),
    TEXT("account", false, 1, 80, "only this account's, by its code"), LIMIT,
    SIMPLE(PARAM_UUID, "after", false, "give what comes after this txn_id")};
static const struct param AUDIT_VERIFY[] = {
    SIMPLE(PARAM_UUID, "payment_id", false, "one payment"),
    SIMPLE(PARAM_HASH, "tx_hash", false, "or one transaction"),
    SIMPLE(PARAM_BOOL, "all", false, "or everything")};

static const struct param WEBHOOK_LIST[] = {
    INTEGER("before", false, 1, LAST_ID, "give what came before this id"), LIMIT};
static const struct param WEBHOOK_ONE[] = {INTEGER("id", true, 1, LAST_ID, "the webhook")};
static const struct param EVENTS_SUBSCRIBE[] = {
    INTEGER("from_seq", false, 0, LAST_ID,
            "the last event you have, 0 for all from the first; from now on unless told")};
static const struct param SYSTEM_PAUSE[] = {TEXT("reason", true, 1, 150, "why, for people")};
static const struct param SYSTEM_DRAIN[] = {TEXT("reason", true, 1, 150, "why, for people")};
static const struct param HELP[] = {TEXT("method", false, 1, 60, "the method to explain")};

#define PARAMS(table) .param = (table), .params_n = COUNT(table)
#define ONE_PAYMENT "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\"}"

const struct method METHODS[] = {
    {.name = "beneficiary.register",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = beneficiary_register,
     PARAMS(BENEFICIARY_REGISTER),
     .doc = "Registers a bank account that can be paid. Juno confirms it; then it is active.",
     .result = "beneficiary_id, state (registering), waiting_for",
     .example = "{\"name\": \"Taller Solis\", \"clabe\": \"012180000000000015\", \"ownership\": "
                "\"THIRD_PARTY\"}"},
    {.name = "beneficiary.list",
     .role = ROLE_READ,
     .run = beneficiary_list,
     PARAMS(BENEFICIARY_LIST),
     .doc = "Lists bank accounts, oldest first. CLABEs are masked.",
     .result =
         "beneficiaries: beneficiary_id, name, clabe, ownership, state, reason, juno_account_id",
     .example = "{\"state\": \"active\"}"},
    {.name = "beneficiary.verify",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = beneficiary_verify,
     PARAMS(BENEFICIARY_VERIFY),
     .doc = "Ends a suspension, or asks Juno again about an account it refused.",
     .result = "beneficiary_id, from, state",
     .example = "{\"beneficiary_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\"}"},
    {.name = "beneficiary.suspend",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = beneficiary_suspend,
     PARAMS(BENEFICIARY_SUSPEND),
     .doc = "Stops new payouts to a bank account. What was already ordered at Juno goes on.",
     .result = "beneficiary_id, from, state",
     .example =
         "{\"beneficiary_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"reason\": \"asked by "
         "the bank\"}"},
    {.name = "clabe.create",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = clabe_create,
     PARAMS(CLABE_CREATE),
     .doc = "Opens the CLABE a user pays into: one per user, never handed to another.",
     .result = "clabe_id, user_ref, state (creating), clabe (null until enabled), waiting_for",
     .example = "{\"user_ref\": \"ana\"}"},
    {.name = "clabe.list",
     .role = ROLE_READ,
     .run = clabe_list,
     PARAMS(CLABE_LIST),
     .doc = "Lists CLABEs with their users.",
     .result = "clabes: clabe_id, user_ref, state (creating, enabled, disabled), clabe, created_at",
     .example = "{\"user_ref\": \"ana\"}"},

    {.name = "payment.create",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = payment_create,
     PARAMS(PAYMENT_CREATE),
     .doc = "Creates a custody payment. From the payer's deposit on everything happens by itself.",
     .result = "payment_id, state, clabe, amount, immediate, custody, seller_net, commissions, "
               "custody_seconds, terms_hash, expires_at, waiting_for",
     .example =
         "{\"payer\": \"ana\", \"seller\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"buyer\": "
         "\"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e11\", \"amount\": \"10000.00\", \"immediate_bps\": "
         "3000, \"commissions\": [], \"custody_seconds\": 604800}"},
    {.name = "payment.get",
     .role = ROLE_READ,
     .run = payment_get,
     PARAMS(PAYMENT_ONE),
     .doc = "Everything about one payment: amounts, state, legs, deposit.",
     .result = "the payment, waiting_for, legs, deposit",
     .example = ONE_PAYMENT},
    {.name = "payment.list",
     .role = ROLE_READ,
     .run = payment_list,
     PARAMS(PAYMENT_LIST),
     .doc = "Lists payments, oldest first.",
     .result = "payments",
     .example = "{\"state\": \"in_custody\", \"limit\": 20}"},
    {.name = "payment.timeline",
     .role = ROLE_READ,
     .run = payment_timeline,
     PARAMS(PAYMENT_ONE),
     .doc = "What happened, step by step, with amounts, transactions and Juno's ids.",
     .result =
         "payment_id, state, reason, waiting_for, events: seq, at, type, words, detail, actor, "
         "amount, juno_id, tx_hash, block, finality, evidence",
     .example = ONE_PAYMENT},
    {.name = "payment.cancel",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = payment_cancel,
     PARAMS(PAYMENT_ONE),
     .doc = "Cancels a payment that nobody has paid yet.",
     .result = "payment_id, from, state, waiting_for",
     .example = ONE_PAYMENT},
    {.name = "payment.unpark",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = payment_unpark,
     PARAMS(PAYMENT_ONE),
     .doc = "Goes on with a parked payment once what stood in its way is gone: the same call of "
            "the escrow contract again, or a new withdrawal if Juno refused the first for "
            "certain.",
     .result = "payment_id, from, next",
     .example = ONE_PAYMENT},

    {.name = "deposit.list",
     .role = ROLE_READ,
     .run = deposit_list,
     PARAMS(DEPOSIT_LIST),
     .doc = "Lists SPEI deposits as Juno reported them. unassigned ones wait for deposit.assign.",
     .result = "deposits: fid, clabe, amount, state, reason, payment_id, issuance_id",
     .example = "{\"state\": \"unassigned\"}"},
    {.name = "deposit.assign",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = deposit_assign,
     PARAMS(DEPOSIT_ASSIGN),
     .doc = "Gives an unassigned deposit to a payment of exactly its amount that waits for one.",
     .result = "fid, payment_id, state",
     .example = "{\"fid\": \"d1f0\", \"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\"}"},

    {.name = "escrow.get",
     .role = ROLE_READ,
     .run = escrow_get,
     PARAMS(ESCROW_ONE),
     .doc = "One escrow, by its id or its payment.",
     .result = "escrow_id, payment_id, state, amount, terms_hash, starts_at, ends_at, rounds, "
               "created_tx, "
               "ended_tx",
     .example = ONE_PAYMENT},
    {.name = "escrow.list",
     .role = ROLE_READ,
     .run = escrow_list,
     PARAMS(ESCROW_LIST),
     .doc = "Lists escrows.",
     .result = "escrows",
     .example = "{\"state\": \"active\"}"},
    {.name = "escrow.time_left",
     .role = ROLE_READ,
     .run = escrow_time_left,
     PARAMS(ESCROW_ONE),
     .doc = "How long custody still runs, by the chain's clock.",
     .result =
         "seconds_left, over, starts_at, ends_at (UTC), starts_at_unix, ends_at_unix, chain_time, "
         "escrow_id, payment_id, state, amount",
     .example = ONE_PAYMENT},
    {.name = "escrow.release",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = escrow_release,
     PARAMS(PAYMENT_ONE),
     .doc = "Releases an escrow whose custody is over now, rather than at the next look.",
     .result = "payment_id, from, state, effect, effect_id, escrow_id",
     .example = ONE_PAYMENT},
    {.name = "escrow.release_early",
     .role = ROLE_ARBITER,
     .mutates = true,
     .run = escrow_release_early,
     PARAMS(ESCROW_RELEASE_EARLY),
     .doc = "Releases an escrow to the seller before custody ends.",
     .result = "payment_id, from, state, effect, effect_id, escrow_id",
     .example =
         "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"note\": \"both agreed\"}"},

    {.name = "dispute.raise",
     .role = ROLE_OPERATE,
     .mutates = true,
     .run = dispute_raise,
     PARAMS(DISPUTE_RAISE),
     .doc = "Freezes the custody share until the arbiter decides. Only before custody ends.",
     .result = "payment_id, dispute_id, from, state, effect, effect_id, escrow_id",
     .example = "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"party\": \"buyer\", "
                "\"raised_by\": \"ana\", \"reason\": \"nothing was delivered\"}"},
    {.name = "dispute.resolve",
     .role = ROLE_ARBITER,
     .mutates = true,
     .run = dispute_resolve,
     PARAMS(DISPUTE_RESOLVE),
     .doc = "Decides a dispute. approved and split are final; dismissed lets custody go on.",
     .result = "payment_id, dispute_id, from, state, effect, effect_id, escrow_id",
     .example =
         "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"resolution\": \"split\", "
         "\"buyer_amount\": \"2400.00\", \"notes\": \"a third was damaged\"}"},
    {.name = "dispute.list",
     .role = ROLE_READ,
     .run = dispute_list,
     PARAMS(DISPUTE_LIST),
     .doc = "Lists disputes, oldest first.",
     .result = "disputes",
     .example = "{\"state\": \"raised\"}"},

    {.name = "payout.list",
     .role = ROLE_READ,
     .run = payout_list,
     PARAMS(PAYOUT_LIST),
     .doc = "Lists the parts of payments that leave by SPEI.",
     .result = "payouts",
     .example = "{\"state\": \"parked\"}"},
    {.name = "payout.get",
     .role = ROLE_READ,
     .run = payout_get,
     PARAMS(PAYOUT_ONE),
     .doc = "One payout with every attempt at Juno.",
     .result = "the payout, history: effect_id, attempt, sent_at, outcome, detail",
     .example = "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"leg\": 0}"},
    {.name = "payout.retry",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = payout_retry,
     PARAMS(PAYOUT_ONE),
     .doc = "Orders a parked payout again, if its redemption was refused for certain.",
     .result = "payment_id, leg, from, state",
     .example = "{\"payment_id\": \"01931f3e-7d4a-7c11-8a5e-3f9c2b7d6e10\", \"leg\": 0}"},

    {.name = "tx.get",
     .role = ROLE_READ,
     .run = tx_get,
     PARAMS(TX_ONE),
     .doc = "A transaction: the stored bytes decoded again, its effects and its logs.",
     .result = "tx_hash, state, from, nonce, call, block, effects, logs",
     .example =
         "{\"tx_hash\": \"0x1111111111111111111111111111111111111111111111111111111111111111\"}"},
    {.name = "tx.list",
     .role = ROLE_READ,
     .run = tx_list,
     PARAMS(TX_LIST),
     .doc = "Lists our transactions, newest first.",
     .result = "transactions",
     .example = "{\"state\": \"sent\"}"},
    {.name = "tx.cancel",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = tx_cancel,
     PARAMS(TX_ONE),
     .doc = "Replaces a transaction that no block holds by a transfer of nothing at a higher fee. "
            "The call may still win. Once the cancel is final its effects are planned again; "
            "returns to Juno are parked. Only with chain.mempool = public.",
     .result = "tx_hash, nonce, cancelling",
     .example =
         "{\"tx_hash\": \"0x1111111111111111111111111111111111111111111111111111111111111111\"}"},
    {.name = "tx.explain",
     .role = ROLE_READ,
     .run = tx_explain,
     PARAMS(TX_ONE),
     .doc = "The same in sentences.",
     .result = "tx_hash, state, words",
     .example =
         "{\"tx_hash\": \"0x1111111111111111111111111111111111111111111111111111111111111111\"}"},

    {.name = "ledger.accounts",
     .role = ROLE_READ,
     .run = ledger_accounts,
     PARAMS(LEDGER_ACCOUNTS),
     .doc = "Accounts and where they stand. Debits are positive; amounts in the asset's smallest "
            "units.",
     .result =
         "accounts: account, class, asset, posted, posted_text, pending, pending_text, entries",
     .example = ONE_PAYMENT},
    {.name = "ledger.entries",
     .role = ROLE_READ,
     .run = ledger_entries,
     PARAMS(LEDGER_ENTRIES),
     .doc = "Lines of the ledger in the order they were booked.",
     .result =
         "entries: txn_id, kind, n, account, asset, layer, amount, amount_text, balance_after",
     .example = ONE_PAYMENT},
    {.name = "ledger.trial_balance",
     .role = ROLE_READ,
     .run = ledger_trial_balance,
     .doc = "Debits and credits by class. balanced: per asset and layer they add up to zero.",
     .result = "balanced, sums, rows: class, asset, layer, accounts_open, debit, credit, amount",
     .example = "{}"},
    {.name = "recon.run",
     .role = ROLE_READ,
     .run = recon_run_method,
     .doc = "Compares ledger, chain and Juno now.",
     .result = "accounts: ledger, chain, juno, in_flight for each; differences",
     .example = "{}"},
    {.name = "audit.verify",
     .role = ROLE_READ,
     .run = audit_verify,
     PARAMS(AUDIT_VERIFY),
     .doc =
         "Fetches the proof of what was booked again and compares it with every row that cites it.",
     .result = "checked, looked_at, finality, differences: where, expected, found, hint",
     .example = "{\"all\": true}"},

    {.name = "webhook.list",
     .role = ROLE_READ,
     .run = webhook_list,
     PARAMS(WEBHOOK_LIST),
     .doc = "Lists Juno's calls as they were received, newest first. They are hints, never facts.",
     .result = "webhooks: id, source, times, bytes, received_at, body_hash",
     .example = "{\"limit\": 20}"},
    {.name = "webhook.get",
     .role = ROLE_READ,
     .run = webhook_get,
     PARAMS(WEBHOOK_ONE),
     .doc = "One of them with its body as hexadecimal.",
     .result = "the webhook, body",
     .example = "{\"id\": 1}"},

    {.name = "events.subscribe",
     .role = ROLE_READ,
     .run = events_subscribe,
     PARAMS(EVENTS_SUBSCRIBE),
     .doc = "Sends every event of every payment on this connection, in order and without gaps, as "
            "notifications with the method event.",
     .result =
         "subscribed, from_seq; then notifications: seq, at, type, payment_id, words, amount, "
         "juno_id, tx_hash",
     .example = "{\"from_seq\": 0}"},

    {.name = "system.status",
     .role = ROLE_READ,
     .run = system_status,
     .doc = "How the daemon is: what answers, what is waited for, how much is open.",
     .result = "environment, ready, healthy, words, waiting_for: door, why, since; paused, doors, "
               "chain, its endpoints: url, state, weight, calls, failures, limits, latency_ms, "
               "limited_until, aside_until, why; contracts: verdict, unchecked, age_s, block, at, "
               "differences: what, found, wanted; not_compared; counts, open_payments, alarms: "
               "code, subject, detail, times, first_at, last_at, runbook",
     .example = "{}"},
    {.name = "system.health",
     .role = ROLE_READ,
     .run = system_health,
     .doc = "Whether work can be done, in one word and one sentence, and every door that is waited "
            "for. healthy is false while the database or the node does not answer or the start "
            "checks have not passed; an outage of Juno or of the signer is worked through.",
     .result = "healthy, words, waiting_for: door, why, since",
     .example = "{}"},
    {.name = "system.doctor",
     .role = ROLE_READ,
     .run = system_doctor,
     .doc = "Looks at everything that usually goes wrong and says what to do about it.",
     .result = "checks: id, verdict, fact, fix",
     .example = "{}"},
    {.name = "system.pause",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = system_pause,
     PARAMS(SYSTEM_PAUSE),
     .doc = "Stops signing and ordering. Requests are still taken, facts still noted. Outlives a "
            "restart.",
     .result = "paused, reason",
     .example = "{\"reason\": \"key rotation\"}"},
    {.name = "system.drain",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = system_drain,
     PARAMS(SYSTEM_DRAIN),
     .doc = "The lanes take nothing new and bring to an end what is open, where a pause leaves it. "
            "system.status says how much is left, and drained once that is nothing. Outlives a "
            "restart; system.resume ends it.",
     .result = "draining, reason",
     .example = "{\"reason\": \"moving to another machine\"}"},
    {.name = "system.resume",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = system_resume,
     .doc = "Ends a pause and a drain. Refused while a contract is not what the settings say.",
     .result = "paused, draining",
     .example = "{}"},
    {.name = "system.reload",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = system_reload,
     .doc = "Starts the signer anew with its present settings and keys; the one at work goes on "
            "until the new one is ready, and stays when that one is not right. A dry run starts "
            "and judges the new one and lets it go.",
     .result = "keys: the address of each",
     .example = "{}"},
    {.name = "system.stop",
     .role = ROLE_ADMIN,
     .mutates = true,
     .run = system_stop,
     .doc = "Stops the daemon in good order.",
     .result = "stopping",
     .example = "{}"},

    {.name = "rpc.discover",
     .role = ROLE_READ,
     .run = rpc_discover,
     .doc = "This table as an OpenRPC 1.3 document.",
     .result = "the document",
     .example = "{}"},
    {.name = "help",
     .role = ROLE_READ,
     .run = method_help,
     PARAMS(HELP),
     .doc = "Explains a method, or lists all.",
     .result = "methods, or one method with its fields",
     .example = "{\"method\": \"payment.create\"}"},
};
const size_t METHODS_N = COUNT(METHODS);

const struct method *method_find(const char *name)
{
    for (size_t i = 0; i < METHODS_N; i++) {
        if (strcmp(METHODS[i].name, name) == 0)
            return &METHODS[i];
    }
    return NULL;
}

enum { NAME_MAX_BYTES = 40, NEAR_MOST = 4 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters have to be added, removed or changed (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t n = strlen(b);
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            size_t change = diagonal + (a[i] != b[k]);
            diagonal = row[k + 1];
            row[k + 1] = least(change, least(row[k], diagonal) + 1);
        }
    }
    return row[n];
}

const char *method_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t best = NEAR_MOST + 1;
    if (strlen(name) > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < METHODS_N; i++) {
        size_t d = distance(name, METHODS[i].name);
        if (d < best) {
            best = d;
            nearest = METHODS[i].name;
        }
    }
    return nearest;
}
