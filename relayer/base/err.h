/*
 * Errors answer "did it happen?".
 *
 * Every call that can fail takes a struct err and says, besides what went wrong, whether the thing
 * asked for happened. The codes live in one table, err.def: name, JSON-RPC number, type slug,
 * whether asking again can help, the outcome unless said otherwise, and a hint. Libraries fill in
 * an err and never log it; the engine, the API and main do.
 *
 * Messages are lower case without a final period: what, where (key, method, file:line) and, where
 * it helps, the value. They never hold a secret. Longer ones are cut at ERR_MESSAGE_MAX.
 */
#ifndef KUSTODIA_BASE_ERR_H
#define KUSTODIA_BASE_ERR_H

#include <stdbool.h>

enum { ERR_MESSAGE_MAX = 256 };

enum outcome {
    OUTCOME_HAPPENED = 0,
    OUTCOME_NOT_HAPPENED = 1, /* for certain: safe to try again */
    OUTCOME_UNKNOWN = 2,      /* must be resolved by asking, never by a new key */
    OUTCOME_REFUSED = 3,      /* the other side understood and said no */
};

enum err_code {
    ERR_NONE = 0,
#define X(name, rpc_number, type, retryable, outcome, hint) name,
#include "relayer/base/err.def"
#undef X
    ERR_CODES
};

struct err {
    enum err_code code;
    enum outcome outcome;
    char message[ERR_MESSAGE_MAX];
    const char *file; /* where in our sources it was noticed */
    int line;
};

/* One row of err.def. */
struct err_info {
    const char *name;
    int rpc_number;
    const char *type;
    bool retryable;
    enum outcome outcome;
    const char *hint;
};

/* Fills *e with the code, its default outcome and the message; evaluates to false, so that a
 * function can `return err_fail(e, ERR_PARAMS, "amount: \"%s\" is not ...", text);`. e may be NULL.
 * Another outcome than the default is set in e->outcome afterwards. */
#define err_fail(e, code, ...) err_set_at((e), (code), __FILE__, __LINE__, __VA_ARGS__)
#define err_set(e, code, ...) ((void)err_fail(e, code, __VA_ARGS__))

bool err_set_at(struct err *e, enum err_code code, const char *file, int line,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The row of a code; ERR_NONE and numbers outside the table have a row of their own ("none"). */
const struct err_info *err_info(enum err_code code);

/* "happened", "not_happened", "unknown", "refused". */
const char *outcome_name(enum outcome outcome);

#endif
