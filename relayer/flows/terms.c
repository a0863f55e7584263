#include "relayer/flows/terms.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/keccak.h"
#include "relayer/base/check.h"
#include "relayer/money/amount.h"

enum { TEXT_MAX = 4096 };

struct text {
    char memory[TEXT_MAX];
    size_t n;
};

static void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->memory + text->n, sizeof text->memory - text->n, format, args);
    va_end(args);
    CHECK(n > 0 && text->n + (size_t)n < sizeof text->memory);
    text->n += (size_t)n;
}

static void text_id(struct text *text, const char *name, const struct uuid *id)
{
    char value[UUID_TEXT_MAX];
    uuid_format(id, value);
    text_add(text, "%s: %s\n", name, value);
}

static void text_amount(struct text *text, const char *name, int64_t centavos)
{
    char value[AMOUNT_TEXT_MAX];
    amount_format_centavos(centavos, value);
    text_add(text, "%s: %s\n", name, value);
}

void terms_hash(const struct payment *payment, const char *payer, uint8_t hash[32])
{
    struct text text = {.n = 0};
    CHECK(strlen(payer) < TERMS_PAYER_MAX && payment->legs_n <= PAYMENT_LEGS_MAX);
    text_add(&text, "kustodia terms 1\n");
    text_id(&text, "payment", &payment->id);
    text_add(&text, "payer: %s\n", payer);
    text_id(&text, "seller", &payment->seller_id);
    text_id(&text, "buyer", &payment->buyer_id);
    text_amount(&text, "amount", payment->amount_centavos);
    text_amount(&text, "immediate", payment->immediate_centavos);
    text_amount(&text, "custody", payment->custody_centavos);
    for (size_t i = 0; i < payment->legs_n; i++) {
        if (payment->legs[i].role != LEG_COMMISSION)
            continue;
        text_id(&text, "commission to", &payment->legs[i].beneficiary_id);
        text_amount(&text, "commission", payment->legs[i].amount_centavos);
    }
    text_add(&text, "custody_seconds: %lld\n", (long long)payment->custody_seconds);
    keccak256(text.memory, text.n, hash);
}
