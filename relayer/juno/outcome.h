/* What an answer of Juno means: did it happen, and what now. One table, one row per documented
 * code.
 *
 * A row holds only for a 4xx status: a 5xx may come after the work was done, whatever code it
 * carries. A code without a row, an answer without the envelope and a bare 4xx are
 * OUTCOME_UNKNOWN for a money call. Source: the error list of bitsoex/slate and the codes seen
 * in public Juno clients.
 */
#ifndef KUSTODIA_JUNO_OUTCOME_H
#define KUSTODIA_JUNO_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "relayer/base/err.h"

enum juno_class {
    JUNO_CLASS_DONE = 0,      /* no error */
    JUNO_CLASS_PERMANENT = 1, /* this body will never be taken: a person decides */
    JUNO_CLASS_RESIGN = 2,    /* nonce refused: sign again with a newer one, same idempotency key */
    JUNO_CLASS_WAIT = 3,      /* limits, funds, lock-out, away: the same later */
    JUNO_CLASS_STOP = 4,      /* credentials or account: stop all money movement, alarm */
    JUNO_CLASS_LOOKUP = 5     /* may have happened: ask before anything else */
};

struct juno_outcome {
    enum juno_class class;
    enum outcome outcome;
    enum err_code code; /* of the struct err made from it */
};

/* For a call that moves money or creates something. `code` "" when the answer had none. `status`
 * is the HTTP status; 200..299 with success never comes here. */
struct juno_outcome juno_outcome_of(const char *code, int status);

/* The class behind an error of juno/client.h; JUNO_CLASS_DONE for NULL. */
enum juno_class juno_class_of(const struct err *err);
const char *juno_class_name(enum juno_class class);

/* Rows of the table, for its test and for the reference page. */
struct juno_outcome_row {
    const char *code;
    struct juno_outcome means;
    const char *text;
};
size_t juno_outcome_rows(const struct juno_outcome_row **rows);

/* Juno speaks, but of this row or listing it says nothing that can be used: asking for others may help. */
bool juno_is_odd(const struct err *err);

#endif
