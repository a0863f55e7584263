/* abi-oracle: the abi room behind a line protocol, so that another language can question it.
 *
 * One command a line on stdin, arguments separated by single spaces, bytes as hex without 0x ("-"
 * for none); one line of answer on stdout: "key=value ..." or "refused" with a reason. Every decode
 * answers with the re-encoding too, so a single question checks both directions. */
#include "abi/codec.h"
#include "abi/escrow.h"
#include "abi/escrow_admin.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/mxnb.h"
#include "abi/recover.h"
#include "abi/rlp.h"
#include "abi/tx.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 256 * 1024, LINE_MAX_N = 2 * BYTES_MAX + 256, ARGUMENTS_MAX = 4 };

static uint8_t mem_argument[ARGUMENTS_MAX][BYTES_MAX], mem_output[BYTES_MAX];
static char text_output[2 * BYTES_MAX + 1];
static struct escrow_call call;

static void print_hex(const char *key, const uint8_t *p, size_t n)
{
    hex_encode(p, n, text_output);
    printf("%s=%s ", key, n == 0 ? "-" : text_output);
}

static void print_wide(const char *key, const struct u256 *value)
{
    char text[U256_DEC_SIZE];
    u256_to_dec(value, text);
    printf("%s=%s ", key, text);
}

static void do_keccak(const struct bytes *arg)
{
    uint8_t hash[32];
    keccak256(arg[0].p, arg[0].n, hash);
    print_hex("hash", hash, 32);
}

static void do_checksum(const struct bytes *arg)
{
    char text[HEX_ADDRESS_SIZE];
    hex_checksum_address(arg[0].p, text);
    printf("address=%s ", text);
}

/* A word to decimal and back. */
static void do_decimal(const struct bytes *arg)
{
    struct u256 word, back;
    char text[U256_DEC_SIZE];
    if (!u256_from_be(arg[0].p, arg[0].n, &word)) {
        printf("refused");
        return;
    }
    u256_to_dec(&word, text);
    printf("dec=%s ", text);
    if (u256_from_dec(text, &back))
        print_hex("back", back.be, 32);
}

/* sum, difference and product of two words, "none" where they leave the range; the product takes
 * the low 64 bits of the second. */
static void do_arithmetic(const struct bytes *arg)
{
    struct u256 a, b, out;
    uint64_t low = 0;
    u256_from_be(arg[0].p, arg[0].n, &a);
    u256_from_be(arg[1].p, arg[1].n, &b);
    for (size_t i = 24; i < 32; i++)
        low = low << 8 | b.be[i];
    if (u256_add(&a, &b, &out))
        print_wide("sum", &out);
    else
        printf("sum=none ");
    if (u256_sub(&a, &b, &out))
        print_wide("difference", &out);
    else
        printf("difference=none ");
    if (u256_mul_u64(&a, low, &out))
        print_wide("product", &out);
    else
        printf("product=none ");
}

static void copy_items(struct bytes in, struct buf *out)
{
    struct rlp item;
    while (in.n > 0 && rlp_read(&in, &item)) {
        if (!item.is_list) {
            rlp_put_string(out, item.body);
            continue;
        }
        struct buf inner;
        buf_init(&inner, malloc(item.body.n + 1), item.body.n);
        copy_items(item.body, &inner);
        rlp_put_list(out, buf_bytes(&inner));
        free(inner.p);
    }
}

static void do_rlp(const struct bytes *arg)
{
    struct buf out;
    if (!rlp_check(arg[0])) {
        printf("refused");
        return;
    }
    buf_init(&out, mem_output, sizeof mem_output);
    copy_items(arg[0], &out);
    print_hex("copy", out.p, out.n);
}

static void print_tx(const struct tx *tx)
{
    printf("type=%d chain=%" PRIu64 " nonce=%" PRIu64 " gas=%" PRIu64 " ", tx->type, tx->chain_id,
           tx->nonce, tx->gas_limit);
    print_wide("gasPrice", &tx->gas_price);
    print_wide("priority", &tx->max_priority_fee);
    print_wide("maxFee", &tx->max_fee);
    print_wide("value", &tx->value);
    print_hex("to", tx->to, tx->has_to ? 20 : 0);
    print_hex("data", tx->data.p, tx->data.n);
    print_hex("access", tx->access_list.p, tx->access_list.n);
    uint8_t digest[32];
    if (tx_sighash(tx, digest))
        print_hex("sighash", digest, 32);
    printf("intrinsic=%" PRIu64 " ", tx_intrinsic_gas(tx));
}

static void do_tx_unsigned(const struct bytes *arg)
{
    struct tx tx;
    struct buf out;
    enum tx_error error = tx_decode_unsigned(arg[0], &tx);
    if (error != TX_OK) {
        printf("refused %s", tx_error_text(error));
        return;
    }
    print_tx(&tx);
    buf_init(&out, mem_output, sizeof mem_output);
    if (tx_encode_unsigned(&tx, &out))
        print_hex("copy", out.p, out.n);
}

static void do_tx_signed(const struct bytes *arg)
{
    struct tx tx;
    struct buf out;
    uint8_t sender[20], hash[32];
    enum tx_error error = tx_decode_signed(arg[0], &tx);
    if (error != TX_OK || !tx_sender(&tx, sender)) {
        printf("refused %s", error == TX_OK ? "no sender" : tx_error_text(error));
        return;
    }
    print_tx(&tx);
    printf("parity=%d ", tx.y_parity);
    print_hex("r", tx.r, 32);
    print_hex("s", tx.s, 32);
    print_hex("sender", sender, 20);
    tx_hash(arg[0], hash);
    print_hex("hash", hash, 32);
    buf_init(&out, mem_output, sizeof mem_output);
    if (tx_encode_signed(&tx, &out))
        print_hex("copy", out.p, out.n);
}

static void print_terms(size_t i, const struct escrow_terms *terms)
{
    char id[65], hash[65];
    hex_encode(terms->id, 32, id);
    hex_encode(terms->terms, 32, hash);
    printf("terms%zu=%s,%" PRIu64 ",%" PRIu64 ",%d,%s ", i, id, terms->amount_units,
           terms->custody_end, terms->lock, hash);
}

static void do_escrow_call(const struct bytes *arg)
{
    struct buf out;
    if (!escrow_call_decode(arg[0], &call)) {
        printf("refused");
        return;
    }
    bool is_create = call.kind == ESCROW_CREATE || call.kind == ESCROW_CREATE_MANY;
    printf("name=%s n=%zu party=%d buyer=%" PRIu64 " ", escrow_call_name(call.kind), call.n,
           call.party, call.buyer_units);
    print_hex("note", call.note, 32);
    for (size_t i = 0; i < call.n; i++) {
        if (is_create)
            print_terms(i, &call.terms[i]);
        else
            print_hex("id", call.ids[i], 32);
    }
    buf_init(&out, mem_output, sizeof mem_output);
    if (escrow_call_encode(&call, &out))
        print_hex("copy", out.p, out.n);
}

/* Calldata of all views: an id, a role, an account. */
static void do_escrow_views(const struct bytes *arg)
{
    static const struct {
        const char *name;
        bool (*encode)(struct buf *);
    } plain[] = {{"held", escrow_encode_held},
                 {"payout", escrow_encode_payout},
                 {"refund", escrow_encode_refund},
                 {"token", escrow_encode_token},
                 {"funder", escrow_encode_funder},
                 {"paused", escrow_encode_paused},
                 {"defaultAdmin", escrow_encode_default_admin}};
    struct buf out;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        buf_init(&out, mem_output, sizeof mem_output);
        plain[i].encode(&out);
        print_hex(plain[i].name, out.p, out.n);
    }
    buf_init(&out, mem_output, sizeof mem_output);
    escrow_view_encode(arg[0].p, &out);
    print_hex("escrow", out.p, out.n);
    buf_init(&out, mem_output, sizeof mem_output);
    escrow_encode_has_role(arg[1].p, arg[2].p, &out);
    print_hex("hasRole", out.p, out.n);
}

static void do_escrow_view(const struct bytes *arg)
{
    struct escrow_view view;
    if (!escrow_view_decode(arg[0], &view)) {
        printf("refused");
        return;
    }
    printf("amount=%" PRIu64 " created=%" PRIu64 " end=%" PRIu64 " disputed=%" PRIu64
           " state=%d lock=%d party=%d round=%" PRIu32 " ",
           view.amount_units, view.created_at, view.custody_end, view.disputed_at, view.state,
           view.lock, view.party, view.round);
}

/* A log: the topics one after another, the data. */
static void do_escrow_event(const struct bytes *arg)
{
    struct escrow_event event;
    if (!escrow_event_decode((const uint8_t(*)[32])arg[0].p, arg[0].n / 32, arg[1], &event)) {
        printf("refused");
        return;
    }
    printf("name=%s amount=%" PRIu64 " end=%" PRIu64 " buyer=%" PRIu64 " seller=%" PRIu64
           " lock=%d early=%d party=%d round=%" PRIu32 " ",
           escrow_event_name(event.kind), event.amount_units, event.custody_end, event.buyer_units,
           event.seller_units, event.lock, event.early, event.party, event.round);
    print_hex("id", event.id, 32);
    print_hex("terms", event.terms, 32);
    print_hex("note", event.note, 32);
    print_hex("from", event.from, 20);
    print_hex("to", event.to, 20);
}

static void do_escrow_admin(const struct bytes *arg)
{
    struct escrow_admin_event event;
    char amount[U256_DEC_SIZE];
    if (!escrow_admin_event_decode((const uint8_t(*)[32])arg[0].p, arg[0].n / 32, arg[1], &event)) {
        printf("refused");
        return;
    }
    u256_to_dec(&event.amount, amount);
    printf("name=%s delay_s=%" PRIu64 " ", escrow_admin_event_name(event.kind), event.delay_s);
    printf("at=%" PRIu64 " bits=%d amount=%s ", event.at, event.bits, amount);
    print_hex("role", event.role, 32);
    print_hex("account", event.account, 20);
    print_hex("refund", event.refund, 20);
    print_hex("token", event.token, 20);
}

/* chain id (8 bytes), contract, payment uuid, leg (1 byte). */
static void do_escrow_id(const struct bytes *arg)
{
    uint8_t id[32];
    uint64_t chain_id = 0;
    for (size_t i = 0; i < arg[0].n; i++)
        chain_id = chain_id << 8 | arg[0].p[i];
    escrow_id(chain_id, arg[1].p, arg[2].p, arg[3].p[0], id);
    print_hex("id", id, 32);
}

static void do_revert(const struct bytes *arg)
{
    static const char *const classes[] = {"retry", "done", "alarm"};
    char text[1024];
    enum revert_class class = escrow_revert_classify(arg[0], text, sizeof text);
    const char *name = escrow_error_name(arg[0]);
    bool has_row = false;
    for (size_t i = 0; i < escrow_revert_rows_n; i++)
        has_row = has_row || strcmp(escrow_revert_rows[i].says, name ? name : text) == 0;
    printf("class=%s row=%d name=%s text=%s", classes[class], has_row, name ? name : "-", text);
}

static void do_mxnb_call(const struct bytes *arg)
{
    struct mxnb_call in;
    struct buf out;
    if (!mxnb_call_decode(arg[0], &in)) {
        printf("refused");
        return;
    }
    printf("name=%s amount=%" PRIu64 " ", mxnb_call_name(in.kind), in.amount_units);
    print_hex("to", in.to, 20);
    print_hex("spender", in.spender, 20);
    buf_init(&out, mem_output, sizeof mem_output);
    if (mxnb_call_encode(&in, &out))
        print_hex("copy", out.p, out.n);
}

static void do_mxnb_event(const struct bytes *arg)
{
    uint8_t from[20], to[20];
    uint64_t amount;
    if (!mxnb_transfer_event_decode((const uint8_t(*)[32])arg[0].p, arg[0].n / 32, arg[1], from, to,
                                    &amount)) {
        printf("refused");
        return;
    }
    printf("amount=%" PRIu64 " ", amount);
    print_hex("from", from, 20);
    print_hex("to", to, 20);
}

static const struct {
    const char *name;
    size_t arguments;
    void (*run)(const struct bytes *arg);
} commands[] = {
    {"keccak", 1, do_keccak},
    {"checksum", 1, do_checksum},
    {"decimal", 1, do_decimal},
    {"arithmetic", 2, do_arithmetic},
    {"rlp", 1, do_rlp},
    {"tx-unsigned", 1, do_tx_unsigned},
    {"tx-signed", 1, do_tx_signed},
    {"escrow-call", 1, do_escrow_call},
    {"escrow-views", 3, do_escrow_views},
    {"escrow-view", 1, do_escrow_view},
    {"escrow-event", 2, do_escrow_event},
    {"escrow-admin", 2, do_escrow_admin},
    {"escrow-id", 4, do_escrow_id},
    {"revert", 1, do_revert},
    {"mxnb-call", 1, do_mxnb_call},
    {"mxnb-event", 2, do_mxnb_event},
};

/* Splits the line, reads the arguments, runs the command; false when the line makes no sense. */
static bool run_line(char *line)
{
    struct bytes arg[ARGUMENTS_MAX];
    char *rest = line, *name = strsep(&rest, " "), *word;
    size_t n = 0;
    for (; rest && n < ARGUMENTS_MAX; n++) {
        word = strsep(&rest, " ");
        arg[n] = (struct bytes){.p = mem_argument[n]};
        if (strcmp(word, "-") != 0 &&
            !hex_decode(word, strlen(word), mem_argument[n], BYTES_MAX, &arg[n].n))
            return false;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) != 0 || commands[i].arguments != n || rest)
            continue;
        commands[i].run(arg);
        putchar('\n');
        return true;
    }
    return false;
}

int main(void)
{
    static char line[LINE_MAX_N];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!run_line(line)) {
            fprintf(stderr, "abi-oracle: not a command: %.60s\n", line);
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}
