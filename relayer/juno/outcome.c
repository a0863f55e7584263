#include "relayer/juno/outcome.h"

#include <string.h>

#define PERMANENT {JUNO_CLASS_PERMANENT, OUTCOME_REFUSED, ERR_JUNO_REFUSED}
#define RESIGN {JUNO_CLASS_RESIGN, OUTCOME_NOT_HAPPENED, ERR_JUNO_NONCE}
#define RATE {JUNO_CLASS_WAIT, OUTCOME_NOT_HAPPENED, ERR_JUNO_RATE}
#define FUNDS {JUNO_CLASS_WAIT, OUTCOME_NOT_HAPPENED, ERR_JUNO_FUNDS}
#define WAIT {JUNO_CLASS_WAIT, OUTCOME_NOT_HAPPENED, ERR_JUNO_WAIT}
#define AUTH {JUNO_CLASS_STOP, OUTCOME_NOT_HAPPENED, ERR_JUNO_AUTH}
#define STOP {JUNO_CLASS_STOP, OUTCOME_NOT_HAPPENED, ERR_JUNO_STOP}
#define LOOKUP {JUNO_CLASS_LOOKUP, OUTCOME_UNKNOWN, ERR_JUNO_UNKNOWN}

static const struct juno_outcome_row table[] = {
    {"0101", LOOKUP, "unknown error"},
    {"0201", AUTH, "credentials or nonce invalid"},
    {"0202", AUTH, "the key lacks a permission"},
    {"0206", RESIGN, "nonce of the wrong type"},
    {"0207", RESIGN, "nonce not above the last one"},
    {"0208", AUTH, "login required"},
    {"0213", AUTH, "address not allowed for this key"},
    {"0303", PERMANENT, "field missing"},
    {"0304", PERMANENT, "field invalid"},
    {"0315", PERMANENT, "address invalid"},
    {"0317", PERMANENT, "SPEI number invalid"},
    {"0318", PERMANENT, "numeric reference invalid"},
    {"0319", PERMANENT, "notes reference invalid"},
    {"0320", PERMANENT, "pagination invalid"},
    {"0326", STOP, "key inactive"},
    {"0330", STOP, "withdrawals locked"},
    {"0335", PERMANENT, "recipient name invalid"},
    {"0343", PERMANENT, "amount incorrect"},
    {"0353", PERMANENT, "fee above the stated maximum"},
    {"0356", LOOKUP, "duplicate origin id: sent before"},
    {"0357", PERMANENT, "unknown origin id"},
    {"0368", PERMANENT, "restricted destination address"},
    {"0372", PERMANENT, "field of the wrong type"},
    {"0373", RESIGN, "request expired"},
    {"0407", PERMANENT, "too many decimals"},
    {"0408", PERMANENT, "amount not positive"},
    {"0501", WAIT, "user limit"},
    {"0502", WAIT, "user limit"},
    {"0503", WAIT, "user limit"},
    {"0504", WAIT, "user limit"},
    {"0505", WAIT, "user limit"},
    {"0506", WAIT, "funds on hold"},
    {"0602", FUNDS, "not enough MXN"},
    {"0703", STOP, "suspended"},
    {"0705", STOP, "account suspended"},
    {"0801", RATE, "rate limit"},
    {"0802", RATE, "rate limit"},
    {"1000", STOP, "API disabled"},
    {"1003", LOOKUP, "operation timed out"},
    {"1101", LOOKUP, "error while processing the withdrawal"},
    {"1103", WAIT, "method disabled system-wide"},
    {"1401", LOOKUP, "not found, which proves nothing right after creation"},
    {"1604", PERMANENT, "SPEI remittance parameter invalid"},
    {"32002", PERMANENT, "request validation failed"},
    {"34003", LOOKUP, "withdrawal error seen although it was carried out"},
};

static const struct juno_outcome lookup = LOOKUP;
static const struct juno_outcome stop_unknown = {JUNO_CLASS_STOP, OUTCOME_UNKNOWN, ERR_JUNO_AUTH};
static const struct juno_outcome rate_unknown = {JUNO_CLASS_WAIT, OUTCOME_UNKNOWN, ERR_JUNO_RATE};

size_t juno_outcome_rows(const struct juno_outcome_row **rows)
{
    *rows = table;
    return sizeof table / sizeof table[0];
}

struct juno_outcome juno_outcome_of(const char *code, int status)
{
    if (status < 400 || status > 499)
        return lookup;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].code, code) == 0)
            return table[i].means;
    /* No documented code: some proxy may have spoken, or Juno after it had begun. */
    if (status == 401)
        return stop_unknown;
    if (status == 420 || status == 429)
        return rate_unknown;
    return lookup;
}

enum juno_class juno_class_of(const struct err *err)
{
    if (err == NULL)
        return JUNO_CLASS_DONE;
    if (err->code == ERR_JUNO_AUTH || err->code == ERR_JUNO_STOP)
        return JUNO_CLASS_STOP;
    if (err->outcome == OUTCOME_UNKNOWN)
        return JUNO_CLASS_LOOKUP;
    if (err->code == ERR_JUNO_REFUSED || err->code == ERR_JUNO_NOT_FOUND)
        return JUNO_CLASS_PERMANENT;
    if (err->code == ERR_JUNO_NONCE)
        return JUNO_CLASS_RESIGN;
    return JUNO_CLASS_WAIT;
}

const char *juno_class_name(enum juno_class class)
{
    switch (class) {
    case JUNO_CLASS_DONE:
        return "done";
    case JUNO_CLASS_PERMANENT:
        return "permanent";
    case JUNO_CLASS_RESIGN:
        return "resign";
    case JUNO_CLASS_WAIT:
        return "wait";
    case JUNO_CLASS_STOP:
        return "stop";
    case JUNO_CLASS_LOOKUP:
        return "lookup";
    }
    return "lookup";
}

bool juno_is_odd(const struct err *err)
{
    return err->code == ERR_JUNO_ANSWER || err->code == ERR_JUNO_REFUSED ||
           err->code == ERR_PARAMS || err->code == ERR_JUNO_NOT_FOUND;
}
