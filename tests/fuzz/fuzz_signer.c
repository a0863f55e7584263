/* The signer from frame to frame: keystore/signer_core.h with its policy and its record, and two keys
 * of the test. The input builds up to REQUESTS_MAX requests, most of them close to what is allowed, with
 * restarts between them; what gets signed is judged a second time (signer_oracle.h). */
#include "tests/fuzz/fuzz_signer.h"

#include <stdio.h>
#include <string.h>

#include "keystore/signer_core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/signer_oracle.h"

enum {
    REQUESTS_MAX = 64,
    CHAIN = 42161,
    MAX_GAS = 1000000,
    MAX_FEE = 1000,
    MAX_PRIORITY = 100,
    MAX_TX = 1000,
    MAX_DAY = 2500,
    MAX_ALLOWANCE = 2000,
    BATCH_MAX = 4
};

struct signer_counts signer_counts;

static struct signer signer;
static struct signer_channel channels[ORACLE_KEYS];
static struct record_identity identity;
static const char *record_path;

/* One request under construction. */
struct request {
    size_t key;
    uint64_t fence;
    uint32_t day;
    struct tx tx;
    uint8_t data[ESCROW_CALL_SIZE_MAX + 64], bytes[WIRE_TX_MAX];
    size_t n;
};

/* ---- the signer */

static void key_make(size_t i)
{
    struct secret secret;

    HOLDS(secret_new(&secret, 32));
    memset(secret.data, 0x46 + (int)i, 32);
    HOLDS(sign_key_take(signer.context, &secret, &signer.key[i]));
    memcpy(identity.address[i], signer.key[i].address, 20);
}

static void signer_make(void)
{
    struct policy *policy = &signer.policy;

    signer.context = sign_context_new();
    HOLDS(signer.context != NULL);
    for (size_t key = 0; key < ORACLE_KEYS; key++)
        key_make(key);
    identity.chain_id = CHAIN;
    *policy = (struct policy){.chain_id = CHAIN, .deposits_n = 2, .max_gas = MAX_GAS,
                              .max_fee_wei = u256_from_u64(MAX_FEE),
                              .max_priority_fee_wei = u256_from_u64(MAX_PRIORITY),
                              .max_tx_units = MAX_TX, .max_day_units = MAX_DAY,
                              .max_allowance_units = MAX_ALLOWANCE};
    memset(policy->escrow, 0xe5, 20);
    memset(policy->token, 0x70, 20);
    memset(policy->deposits[0], 0xd0, 20);
    memset(policy->deposits[1], 0xd1, 20);
}

static void record_start(void)
{
    char error[512];

    signer.record = record_open(record_path, &identity, NULL, error);
    HOLDS(signer.record != NULL);
}

/* Sends one message over a channel as bytes; `out` receives the answer. */
static void converse(size_t lane, const struct wire_message *ask, uint32_t day,
                     struct wire_message *answer)
{
    static uint8_t in_memory[WIRE_BYTES_MAX], out_memory[WIRE_BYTES_MAX];
    struct buf in, out;
    struct wire_message read;
    struct bytes view;

    buf_init(&in, in_memory, sizeof in_memory);
    buf_init(&out, out_memory, sizeof out_memory);
    HOLDS(wire_write(ask, &in));
    view = buf_bytes(&in);
    HOLDS(wire_read(&view, &read) == WIRE_READ_OK && view.n == 0);
    HOLDS(signer_answer(&signer, &channels[lane], &read, day, &out) && !out.full);
    view = buf_bytes(&out);
    HOLDS(wire_read(&view, answer) == WIRE_READ_OK && view.n == 0);
}

static void signer_start(void)
{
    if (signer.context == NULL)
        signer_make();
    record_path = fuzz_file(NULL, 0);
    record_start();
    oracle_start(&signer.policy, (const uint8_t(*)[20])identity.address);
    for (size_t lane = 0; lane < ORACLE_KEYS; lane++) {
        struct wire_message answer;

        channels[lane] = (struct signer_channel){.key = lane};
        converse(lane, &(struct wire_message){.type = WIRE_HELLO, .version = WIRE_VERSION}, 0,
                 &answer);
        HOLDS(answer.type == WIRE_HELLO_OK && answer.role == wire_key_role(lane));
    }
}

/* ---- requests */

static uint64_t amount_take(struct fuzz_input *in)
{
    static const uint64_t edges[] = {0, 1, MAX_TX - 1, MAX_TX, MAX_TX + 1, MAX_ALLOWANCE,
                                     MAX_ALLOWANCE + 1, MAX_DAY, UINT64_C(1) << 63, UINT64_MAX};
    uint8_t choice = fuzz_take_byte(in);

    return choice < 40 ? edges[choice % (sizeof edges / sizeof *edges)] : choice * 4u;
}

static void address_take(struct fuzz_input *in, uint8_t out[20])
{
    const struct policy *policy = &signer.policy;
    const uint8_t *known[] = {policy->deposits[0], policy->deposits[1], policy->escrow,
                              policy->token, identity.address[0]};
    uint8_t choice = fuzz_take_byte(in);

    memcpy(out, known[choice % 5], 20);
    if (choice >= 240)
        out[choice % 20] ^= 1;
}

static void escrow_take(struct fuzz_input *in, enum escrow_call_kind kind, struct buf *out)
{
    static struct escrow_call call;
    bool is_list = kind == ESCROW_CREATE_MANY || kind == ESCROW_RELEASE_MANY;
    bool is_wide; /* amounts whose sum is small only in 64 bits */
    static const uint64_t wide[] = {UINT64_C(1) << 63, UINT64_MAX, 1, 2};

    call.kind = kind;
    call.n = is_list ? 1 + fuzz_take_byte(in) % BATCH_MAX : 1;
    call.party = ESCROW_PARTY_BUYER;
    is_wide = is_list && fuzz_take_byte(in) < 32;
    call.buyer_units = kind == ESCROW_RESOLVE_SPLIT ? amount_take(in) : 0;
    for (size_t i = 0; i < call.n; i++) {
        call.ids[i][31] = (uint8_t)(i + 1);
        call.terms[i] = (struct escrow_terms){.id = {1}, .custody_end = 1800000000};
        if (kind == ESCROW_CREATE || kind == ESCROW_CREATE_MANY)
            call.terms[i].amount_units =
                is_wide ? wide[fuzz_take_byte(in) % 4] : amount_take(in) / call.n;
    }
    HOLDS(escrow_call_encode(&call, out));
}

static void token_take(struct fuzz_input *in, enum mxnb_call_kind kind, struct buf *out)
{
    struct mxnb_call call = {.kind = kind, .amount_units = amount_take(in)};

    address_take(in, call.to);
    memcpy(call.spender, signer.policy.escrow, 20);
    HOLDS(mxnb_call_encode(&call, out));
}

/* A call of either contract to where it belongs, by a key that may make it or by another. */
static void call_take(struct fuzz_input *in, struct request *r)
{
    uint8_t choice = fuzz_take_byte(in), who = fuzz_take_byte(in);
    unsigned kind = choice % (ESCROW_CALL_KINDS + 2 + (choice >= 224 ? MXNB_CALL_KINDS - 2 : 0));
    bool is_token = kind >= ESCROW_CALL_KINDS;
    bool is_arbiters = kind >= ESCROW_DISMISS && kind <= ESCROW_HOLD &&
                       kind != ESCROW_REFUND_EXPIRED;
    struct buf out;

    buf_init(&out, r->data, sizeof r->data);
    if (is_token)
        token_take(in, (enum mxnb_call_kind)(kind - ESCROW_CALL_KINDS), &out);
    else
        escrow_take(in, (enum escrow_call_kind)kind, &out);
    r->key = is_arbiters != (who >= 230) ? WIRE_KEY_ARBITER : who >= 180 ? 2 : WIRE_KEY_RELAYER;
    r->tx = (struct tx){.type = TX_EIP1559, .chain_id = CHAIN, .gas_limit = MAX_GAS,
                        .max_fee = u256_from_u64(MAX_FEE), .has_to = true,
                        .data = buf_bytes(&out)};
    memcpy(r->tx.to, is_token ? signer.policy.token : signer.policy.escrow, 20);
}

/* Nonces come again, fences rise slowly and sometimes fall, days go both ways. */
static void place_take(struct fuzz_input *in, struct request *r)
{
    uint8_t nonce = fuzz_take_byte(in), fence = fuzz_take_byte(in), price = fuzz_take_byte(in);

    r->tx.nonce = nonce < 250 ? nonce % 24 : (uint64_t)nonce << (nonce % 8 * 7);
    r->fence = 5 + (fence >= 248 ? fence - 248u : 0) - (fence < 4 ? fence : 0);
    r->day = 20000 + fence % 16 / 14;
    r->tx.max_priority_fee = u256_from_u64(price % (MAX_PRIORITY + 1));
}

/* One field beyond what the policy allows, or just at its limit. */
static void field_change(struct fuzz_input *in, struct request *r)
{
    /* [0x0000.., []] as one entry */
    static const uint8_t access_list[23] = {0xd6, 0x94, [22] = 0xc0};
    struct tx *tx = &r->tx;
    uint8_t by = fuzz_take_byte(in);

    switch (fuzz_take_byte(in) % 15) {
    case 0: tx->chain_id = by; break;
    case 1: tx->to[by % 20] ^= (uint8_t)(1 << by % 8); break;
    case 2: memcpy(tx->to, by & 1 ? signer.policy.token : signer.policy.escrow, 20); break;
    case 3: tx->has_to = false; break;
    case 4: tx->value.be[by % 32] = 1; break;
    case 5: tx->gas_limit = MAX_GAS - 2 + by % 5; break;
    case 6: tx->max_fee = u256_from_u64(MAX_FEE - 2u + by % 5); break;
    case 7: tx->max_fee.be[by % 32] ^= 1; break;
    case 8:
        tx->max_fee = u256_from_u64(MAX_FEE);
        tx->max_priority_fee = u256_from_u64(MAX_PRIORITY - 2u + by % 5);
        break;
    case 9: r->data[by % (tx->data.n + 1)] ^= (uint8_t)(1 << by % 8); break;
    case 10: tx->data.n = by % (tx->data.n + 1); break;
    case 11: tx->data.n += by % 64; break; /* zeros behind the call */
    case 12:
        tx->type = by & 1 ? TX_LEGACY : TX_EIP2930;
        tx->gas_price = tx->max_fee;
        tx->max_fee = tx->max_priority_fee = u256_from_u64(0);
        break;
    case 14: /* a cancel, or almost */
        memcpy(tx->to, identity.address[by >= 240 ? by % ORACLE_KEYS : r->key], 20);
        tx->data.n = by % 32 == 0;
        break;
    case 13: tx->access_list = (struct bytes){access_list, sizeof access_list}; break;
    }
}

static void bytes_change(struct fuzz_input *in, struct request *r)
{
    uint8_t how = fuzz_take_byte(in), at[2];
    size_t place;

    fuzz_take(in, at, sizeof at);
    place = r->n == 0 ? 0 : (size_t)(at[0] << 8 | at[1]) % r->n;
    if (how < 100 && r->n > 0)
        r->bytes[place] ^= (uint8_t)(1 << how % 8);
    else if (how < 180 && r->n > 0)
        r->bytes[place] = fuzz_take_byte(in);
    else if (how < 220)
        r->n = place;
    else if (r->n < sizeof r->bytes)
        r->bytes[r->n++] = fuzz_take_byte(in);
}

static void request_take(struct fuzz_input *in, struct request *r)
{
    uint8_t changes;
    struct buf out;

    memset(r->data, 0, sizeof r->data);
    call_take(in, r);
    place_take(in, r);
    changes = fuzz_take_byte(in);
    if (changes >= 128)
        field_change(in, r);
    buf_init(&out, r->bytes, sizeof r->bytes);
    if (!tx_encode_unsigned(&r->tx, &out))
        out.n = 0; /* fields no encoder takes: an empty request */
    r->n = out.n;
    for (int i = 0; i < changes % 128 - 96; i += 8)
        bytes_change(in, r);
}

static void request_make(const struct request *r)
{
    struct wire_message answer, ask = {.type = WIRE_SIGN, .request_id = signer_counts.requests,
                                       .fence = r->fence, .payload = {r->bytes, r->n}};
    const char *slug;

    converse(r->key, &ask, r->day, &answer);
    signer_counts.requests++;
    HOLDS(answer.request_id == ask.request_id);
    if (answer.type == WIRE_SIGNED) {
        oracle_judge(&(struct oracle_case){r->key, r->fence, r->day, ask.payload,
                                           answer.payload});
        signer_counts.signatures++;
        return;
    }
    HOLDS(answer.type == WIRE_REFUSED && answer.code > 0 && answer.code < SIGNER_CODES);
    slug = refusal_slug((enum refusal)answer.code);
    HOLDS(answer.payload.n > strlen(slug) && memcmp(answer.payload.p, slug, strlen(slug)) == 0);
    signer_counts.refusals[answer.code]++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct request request;
    struct fuzz_input in = {data, n};

    signer_start();
    for (int i = 0; i < REQUESTS_MAX && in.n > 0; i++) {
        if (fuzz_take_byte(&in) >= 240) { /* a restart: nothing may be forgotten */
            record_close(signer.record);
            record_start();
            signer_counts.restarts++;
        }
        request_take(&in, &request);
        request_make(&request);
    }
    record_close(signer.record);
    return 0;
}
