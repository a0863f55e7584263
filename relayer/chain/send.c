/* eth_sendRawTransaction to every endpoint at once, and what their answers mean together. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/log.h"
#include "relayer/chain/endpoint.h"

struct sending;

/* One endpoint's share. */
struct sending_leg {
    struct sending *sending;
    struct endpoint_call call;
};

struct sending {
    struct endpoints *all;
    uint64_t id;
    size_t pending; /* legs without an answer */
    bool delivered;
    bool reached; /* at least one leg may have put bytes on the wire */
    struct node_sent sent;
    struct err err; /* of the last leg that leaves it open */
    node_sent_cb *cb;
    void *ctx;
    struct sending_leg leg[NODE_ENDPOINTS_MAX];
};

/* One leg's verdict; the words of the node go to `text`. ERR_CHAIN_RATE beside SEND_UNKNOWN: it
 * was too much at once for the endpoint. */
static enum send_verdict leg_read(const struct sending *sending, const struct http_answer *http,
                                  char text[CHAIN_TEXT_MAX], struct err *err)
{
    struct chain_answer answer;
    enum send_verdict verdict = SEND_UNKNOWN;
    struct err parse = {0};
    uint8_t hash[32];
    bool limited;

    if (!answer_parse(http->body, http->body_n, sending->id, 1, &answer, &parse)) {
        endpoint_status_err(http->status, &parse, err);
        err->outcome = OUTCOME_UNKNOWN;
        return SEND_UNKNOWN;
    }
    if (answer.reply[0].result == NULL) {
        memcpy(text, answer.reply[0].error_text, CHAIN_TEXT_MAX);
        verdict = send_verdict_of(answer.reply[0].error_code, text);
        if (!send_text_known(answer.reply[0].error_code, text))
            log_warn("unknown_text", "code=%lld: %s: taken for an unknown outcome",
                     (long long)answer.reply[0].error_code, text);
        limited = http->status == HTTP_TOO_MANY ||
                  read_verdict_of(answer.reply[0].error_code, text) == READ_LIMIT;
        err_set(err, limited ? ERR_CHAIN_RATE : ERR_CHAIN_UNKNOWN, "node: %s", text);
        err->outcome = OUTCOME_UNKNOWN;
    } else if (answer_hash(answer.reply[0].result, hash, err)) {
        if (memcmp(hash, sending->sent.hash, 32) == 0)
            verdict = SEND_ACCEPTED;
        else
            err_set(err, ERR_CHAIN_ANSWER, "node: the hash of other bytes than those sent");
    }
    answer_free(&answer);
    return verdict;
}

static void sending_deliver(struct sending *sending)
{
    bool open = sending->sent.verdict == SEND_UNKNOWN;

    sending->delivered = true;
    if (open)
        sending->err.outcome = sending->reached ? OUTCOME_UNKNOWN : OUTCOME_NOT_HAPPENED;
    sending->cb(sending->ctx, open ? &sending->err : NULL, &sending->sent);
}

static void leg_join(struct sending *sending, enum send_verdict verdict, const char *text,
                     const struct err *err)
{
    enum send_verdict joined =
        sending->reached ? send_verdict_join(sending->sent.verdict, verdict) : verdict;

    if (joined == verdict)
        memcpy(sending->sent.text, text, CHAIN_TEXT_MAX);
    sending->sent.verdict = joined;
    sending->reached = true;
    if (verdict == SEND_UNKNOWN)
        sending->err = *err;
}

static void leg_answered(void *ctx, const struct err *e, const struct http_answer *http)
{
    struct sending_leg *leg = ctx;
    struct sending *sending = leg->sending;
    struct endpoints *all = sending->all;
    enum endpoint_outcome outcome = ENDPOINT_FAILED;
    char text[CHAIN_TEXT_MAX] = "";
    struct err err = {0};

    sending->pending--;
    if (e == NULL) {
        enum send_verdict verdict = leg_read(sending, http, text, &err);

        if (verdict != SEND_UNKNOWN)
            outcome = ENDPOINT_GOOD;
        else if (err.code == ERR_CHAIN_RATE)
            outcome = ENDPOINT_LIMITED;
        leg_join(sending, verdict, text, &err);
    } else {
        if (e->code == ERR_BUSY || e->code == ERR_CANCELLED)
            outcome = ENDPOINT_UNTOLD;
        err_set(&err, e->outcome == OUTCOME_NOT_HAPPENED ? ERR_CHAIN_AWAY : ERR_CHAIN_UNKNOWN,
                "node: %s", e->message);
        if (e->outcome == OUTCOME_NOT_HAPPENED && !sending->reached)
            sending->err = err; /* it has no say beside an endpoint that was reached */
        else if (e->outcome != OUTCOME_NOT_HAPPENED)
            leg_join(sending, SEND_UNKNOWN, text, &err);
    }
    endpoint_note(all, &leg->call, outcome, http);
    if (!sending->delivered && (sending->pending == 0 || sending->sent.verdict == SEND_ACCEPTED ||
                                sending->sent.verdict == SEND_KNOWN))
        sending_deliver(sending);
    if (sending->pending == 0) {
        free(sending);
        endpoints_drop(all);
    }
}

/* {"jsonrpc":"2.0","id":..,"method":"eth_sendRawTransaction","params":["0x.."]}; to be freed. */
static char *sending_body(uint64_t id, struct bytes raw)
{
    char *hex = malloc(2 * raw.n + 3), *body;
    json_t *json;

    CHECK(hex != NULL);
    hex_encode_0x(raw.p, raw.n, hex);
    json = json_pack("{s:s, s:I, s:s, s:[s]}", "jsonrpc", "2.0", "id", (json_int_t)id, "method",
                     "eth_sendRawTransaction", "params", hex);
    CHECK(json != NULL);
    body = json_dumps(json, JSON_COMPACT);
    CHECK(body != NULL);
    json_decref(json);
    free(hex);
    return body;
}

void node_send_raw(struct node *node, struct bytes raw, node_sent_cb *cb, void *ctx)
{
    struct sending *sending = calloc(1, sizeof *sending);
    struct endpoints *all = node->all;
    char *body;

    CHECK(sending != NULL && raw.n >= 1 && raw.n <= NODE_RAW_TX_BYTES_MAX);
    sending->all = all;
    sending->id = all->next_id++;
    sending->sent.verdict = SEND_UNKNOWN;
    sending->cb = cb;
    sending->ctx = ctx;
    keccak256(raw.p, raw.n, sending->sent.hash);
    body = sending_body(sending->id, raw);
    endpoints_hold(all);
    for (size_t i = 0; i < all->n; i++) {
        if (!(node->may & (1u << i)))
            continue;
        sending->pending++;
        sending->leg[i].sending = sending;
        sending->leg[i].call = (struct endpoint_call){
            i, health_write(&all->health[i], clock_mono_ms())};
        endpoint_post(all, &sending->leg[i].call, body, leg_answered, &sending->leg[i]);
    }
    free(body);
}
