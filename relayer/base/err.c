#include "relayer/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "relayer/base/check.h"

static const struct err_info err_none = {
    "ERR_NONE", 0, "none", false, OUTCOME_HAPPENED, "nothing went wrong",
};

static const struct err_info err_table[] = {
#define X(name, rpc_number, type, retryable, outcome, hint)                                        \
    [name] = {#name, rpc_number, type, retryable, outcome, hint},
#include "relayer/base/err.def"
#undef X
};

const struct err_info *err_info(enum err_code code)
{
    size_t i = (size_t)code;
    return i > ERR_NONE && i < ERR_CODES ? &err_table[i] : &err_none;
}

bool err_set_at(struct err *e, enum err_code code, const char *file, int line, const char *format,
                ...)
{
    CHECK(code > ERR_NONE && code < ERR_CODES);
    if (e == NULL)
        return false;
    /* The message may quote the message of *e itself, so it is made before *e changes. */
    char message[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    *e = (struct err){.code = code, .outcome = err_table[code].outcome, .file = file, .line = line};
    (void)snprintf(e->message, sizeof e->message, "%s", message);
    return false;
}

const char *outcome_name(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_HAPPENED:
        return "happened";
    case OUTCOME_NOT_HAPPENED:
        return "not_happened";
    case OUTCOME_UNKNOWN:
        return "unknown";
    case OUTCOME_REFUSED:
        return "refused";
    }
    CHECK(!"outcome within its enum");
    return "";
}
