/* From the text of a value to the member of struct config: one reader per type, all strict. */
#include "relayer/base/config_table.h"

#include <string.h>

#include "abi/hex.h"
#include "relayer/base/check.h"

struct reading {
    const struct config_row *row;
    const struct config_cell *cell;
    struct arena *arena;
    void *member;
    struct err *e;
};

/* "relayer.ini:3: api.max_line = 12: must be ...". A secret's value is not shown. */
static bool value_refuse(const struct reading *r, const char *must_be)
{
    const char *shown = r->row->secret ? "(secret)" : r->cell->value;
    return err_fail(r->e, ERR_CONFIG_VALUE, "%.80s: %s.%s = %.60s: must be %s", r->cell->where,
                    r->row->section, r->row->key, shown, must_be);
}

/* Digits only, no sign, no spaces; base 8 or 10; false also on overflow. */
static bool digits_read(const char *text, unsigned base, uint64_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text >= (char)('0' + base))
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static bool text_read(const struct reading *r)
{
    memcpy(r->member, &r->cell->value, sizeof r->cell->value);
    return true;
}

static bool u64_read(const struct reading *r)
{
    uint64_t value = 0;
    if (digits_read(r->cell->value, 10, &value) && value >= r->row->least &&
        value <= r->row->most) {
        memcpy(r->member, &value, sizeof value);
        return true;
    }
    const char *range = arena_printf(r->arena, "a whole number from %llu to %llu",
                                     (unsigned long long)r->row->least,
                                     (unsigned long long)r->row->most);
    return value_refuse(r, range);
}

static bool mode_read(const struct reading *r)
{
    uint64_t value = 0;
    if (!digits_read(r->cell->value, 8, &value) || value > 0777)
        return value_refuse(r, "an octal file mode such as 0660");
    unsigned mode = (unsigned)value;
    memcpy(r->member, &mode, sizeof mode);
    return true;
}

static bool bool_read(const struct reading *r)
{
    bool value = strcmp(r->cell->value, "true") == 0;
    if (!value && strcmp(r->cell->value, "false") != 0)
        return value_refuse(r, "true or false");
    memcpy(r->member, &value, sizeof value);
    return true;
}

/* The value is the position among the choices, which stand in the enum's order. */
static bool enum_read(const struct reading *r)
{
    size_t n = strlen(r->cell->value);
    unsigned value = 0;
    for (const char *choice = r->row->choices;; value++) {
        size_t choice_n = strcspn(choice, "|");
        if (choice_n == n && memcmp(choice, r->cell->value, n) == 0) {
            memcpy(r->member, &value, sizeof value);
            return true;
        }
        if (choice[choice_n] == '\0')
            break;
        choice += choice_n + 1;
    }
    return value_refuse(r, arena_printf(r->arena, "one of %s", r->row->choices));
}

_Static_assert(sizeof(enum config_environment) == sizeof(unsigned), "enum_read writes an unsigned");
_Static_assert(sizeof(enum log_level) == sizeof(unsigned), "enum_read writes an unsigned");

/* 0x and exactly 2n digits. */
static bool bytes_read(const char *text, uint8_t *out, size_t n)
{
    return strncmp(text, "0x", 2) == 0 && strlen(text) == 2 + 2 * n &&
           hex_decode_exact(text, out, n);
}

static bool address_read(const struct reading *r)
{
    struct config_address address = {.set = r->cell->value[0] != '\0'};
    if (address.set) {
        if (!bytes_read(r->cell->value, address.b, sizeof address.b))
            return value_refuse(r, "0x and 40 hexadecimal digits");
        hex_encode_0x(address.b, sizeof address.b, address.text);
    }
    memcpy(r->member, &address, sizeof address);
    return true;
}

static bool hash_read(const struct reading *r)
{
    struct config_hash hash = {.set = r->cell->value[0] != '\0'};
    if (hash.set) {
        if (!bytes_read(r->cell->value, hash.b, sizeof hash.b))
            return value_refuse(r, "0x and 64 hexadecimal digits");
        hex_encode_0x(hash.b, sizeof hash.b, hash.text);
    }
    memcpy(r->member, &hash, sizeof hash);
    return true;
}

static bool list_read(const struct reading *r)
{
    struct config_list list = {0};
    const char *at = r->cell->value;
    while (*at != '\0') {
        const char *item = at + strspn(at, " \t");
        size_t span = strcspn(item, ",");
        size_t n = span;
        while (n > 0 && (item[n - 1] == ' ' || item[n - 1] == '\t'))
            n--;
        bool last = item[span] == '\0';
        if (n == 0 || list.n == CONFIG_LIST_MAX || (!last && item[span + 1] == '\0'))
            return value_refuse(r, "a comma list of at most 16 items, none of them empty");
        list.item[list.n++] = arena_text_n(r->arena, item, n);
        at = item + span + (last ? 0 : 1);
    }
    if (list.n == 0 && r->row->preset == NULL)
        return value_refuse(r, "a comma list with at least one item");
    memcpy(r->member, &list, sizeof list);
    return true;
}

bool config_value_parse(const struct config_row *row, const struct config_cell *cell,
                        struct config *config, struct err *e)
{
    struct reading r = {row, cell, config->store->arena, (char *)config + row->offset, e};
    if (row->preset == NULL && cell->value[0] == '\0')
        return value_refuse(&r, "given, not empty");
    switch (row->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return text_read(&r);
    case CONFIG_U64:
        return u64_read(&r);
    case CONFIG_MODE:
        return mode_read(&r);
    case CONFIG_BOOL:
        return bool_read(&r);
    case CONFIG_ENUM:
        return enum_read(&r);
    case CONFIG_ADDRESS:
        return address_read(&r);
    case CONFIG_HASH:
        return hash_read(&r);
    case CONFIG_LIST:
        return list_read(&r);
    }
    CHECK(!"config type within its enum");
    return false;
}
