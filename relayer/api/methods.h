/*
 * The method table: name, role, parameters, result. Parsing, limits, help, rpc.discover and the reference
 * page all come from it.
 */
#ifndef KUSTODIA_API_METHODS_H
#define KUSTODIA_API_METHODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relayer/api/roles.h"
#include "relayer/base/err.h"

struct call;

enum param_type {
    PARAM_TEXT,     /* least..most bytes of UTF-8 */
    PARAM_UUID,
    PARAM_AMOUNT,   /* MXN as decimal text, more than zero */
    PARAM_INTEGER,  /* least..most */
    PARAM_BOOL,
    PARAM_CHOICE,   /* one of choices, "a|b|c" */
    PARAM_HASH,     /* 0x and 64 hexadecimal digits */
    PARAM_CLABE,    /* 18 digits with a right check digit */
    PARAM_LIST,     /* up to most objects with the fields of item */
};

struct param {
    const char *name;
    enum param_type type;
    bool required;
    int64_t least, most;
    const char *choices;
    const struct param *item;
    size_t item_n;
    const char *doc;
};

struct method {
    const char *name;
    enum role role;
    bool mutates;              /* takes idempotency_key and dry_run */
    const struct param *param;
    size_t params_n;
    const char *doc;
    const char *result;
    const char *example;       /* params of a first try, as JSON */
    void (*run)(struct call *call);
};

extern const struct method METHODS[];
extern const size_t METHODS_N;

/* What every mutating method takes besides its own. */
extern const struct param MUTATION_PARAMS[2];

const struct method *method_find(const char *name);
/* The name most like this one, or NULL when none is near. */
const char *method_nearest(const char *name);

const char *param_type_name(enum param_type type);

/* Every field known, every type right, everything required there; else *e names the field. */
bool params_check(const struct method *method, const json_t *params, struct err *e);

/* Digits, weights 3 7 1, and a bank other than Juno's own (710), which Juno refuses as destination. */
bool clabe_check(const char *clabe, struct err *e, const char *field);

#endif
