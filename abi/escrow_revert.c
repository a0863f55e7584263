/* Errors of the escrow contract and of the token below it: names, values in words, and what the
 * sender should do about them. */
#include "abi/escrow.h"

#include "abi/codec.h"
#include "abi/escrow_abi.h"
#include "abi/hex.h"

#include <stdio.h>
#include <string.h>

static const struct error_row {
    uint32_t selector;
    const char *name, *named; /* named: "CustodyRunning(bytes32 id,uint256 custodyEnd,...)" */
} errors[] = {
#define ERROR_ROW(id, selector, name, signature, named) {selector, name, named},
    ESCROW_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error_row *find_error(uint32_t selector)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].selector == selector)
            return &errors[i];
    }
    return NULL;
}

const char *escrow_error_name(struct bytes revert_data)
{
    struct codec c = codec_reader(revert_data);
    uint32_t selector = codec_get_selector(&c);
    const struct error_row *row = c.bad ? NULL : find_error(selector);
    return row ? row->name : NULL;
}

/* Text of bounded size: what does not fit is cut. */
struct text {
    char *p;
    size_t n, cap;
};

static void text_add(struct text *t, const char *from, size_t n)
{
    size_t room = t->cap - 1 - t->n;
    if (n > room)
        n = room;
    memcpy(t->p + t->n, from, n);
    t->n += n;
    t->p[t->n] = 0;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One argument; every type the errors use is one word. */
static void text_add_word(struct text *t, const char *type, const uint8_t word[32])
{
    char shown[U256_DEC_SIZE]; /* 0x and 64 digits fit too */
    if (starts_with(type, "address")) {
        hex_checksum_address(word + 12, shown);
    } else if (starts_with(type, "uint")) {
        struct u256 number;
        memcpy(number.be, word, sizeof number.be);
        u256_to_dec(&number, shown);
    } else {
        hex_encode_0x(word, 32, shown);
    }
    text_add(t, shown, strlen(shown));
}

/* "CustodyRunning id=0x.. custodyEnd=1790000000 time=1789999000" */
static void text_add_error(struct text *t, const struct error_row *row, struct codec *c)
{
    text_add(t, row->name, strlen(row->name));
    const char *argument = strchr(row->named, '(') + 1;
    while (*argument != ')') {
        const char *name = strchr(argument, ' ') + 1;
        size_t name_n = strcspn(name, ",)");
        uint8_t word[32];
        codec_get_bytes32(c, word);
        text_add(t, " ", 1);
        text_add(t, name, name_n);
        text_add(t, "=", 1);
        text_add_word(t, argument, word);
        argument = name + name_n;
        argument += *argument == ',';
    }
}

static enum revert_class class_of_selector(uint32_t selector)
{
    static const struct {
        uint32_t selector;
        enum revert_class class;
    } classes[] = {
        {ESCROW_ERROR_CUSTODY_RUNNING, REVERT_RETRY},
        {ESCROW_ERROR_PAUSED_UNTIL, REVERT_RETRY},
        {ESCROW_ERROR_ESCROW_EXISTS, REVERT_DONE},
        {ESCROW_ERROR_WRONG_STATE, REVERT_DONE},
        {ESCROW_ERROR_NOTHING_PAYABLE, REVERT_DONE},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].selector == selector)
            return classes[i].class;
    }
    return REVERT_ALARM;
}

/* Texts of FiatToken (circlefin/stablecoin-evm). Its pause ends; money and allowance arrive. */
static enum revert_class class_of_text(const char *text)
{
    static const char *const retry[] = {
        "Pausable: paused",
        "ERC20: transfer amount exceeds balance",
        "ERC20: transfer amount exceeds allowance",
    };
    for (size_t i = 0; i < sizeof retry / sizeof retry[0]; i++) {
        if (strcmp(text, retry[i]) == 0)
            return REVERT_RETRY;
    }
    return REVERT_ALARM;
}

static enum revert_class classify_custom(struct bytes revert_data, char *text, size_t cap)
{
    struct codec c = codec_reader(revert_data);
    uint32_t selector = codec_get_selector(&c);
    const struct error_row *row = find_error(selector);
    struct text t = {text, 0, cap};
    if (!row) {
        snprintf(text, cap, "an unknown error 0x%08x", (unsigned)selector);
        return REVERT_ALARM;
    }
    text_add_error(&t, row, &c);
    if (codec_done(&c))
        return class_of_selector(selector);
    snprintf(text, cap, "%s with damaged values", row->name);
    return REVERT_ALARM;
}

enum revert_class escrow_revert_classify(struct bytes revert_data, char *text, size_t cap)
{
    char reason[128];
    switch (codec_revert_decode(revert_data, reason, sizeof reason)) {
    case CODEC_REVERT_EMPTY:
        snprintf(text, cap, "reverted without a reason");
        return REVERT_ALARM;
    case CODEC_REVERT_ERROR:
        snprintf(text, cap, "%s", reason);
        return class_of_text(reason);
    case CODEC_REVERT_PANIC:
        snprintf(text, cap, "Panic %s", reason);
        return REVERT_ALARM;
    case CODEC_REVERT_CUSTOM:
        return classify_custom(revert_data, text, cap);
    case CODEC_REVERT_BROKEN:
        snprintf(text, cap, "reverted with damaged data");
        return REVERT_ALARM;
    }
    return REVERT_ALARM;
}
