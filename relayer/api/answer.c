/* Rows of the database as JSON, by the column tables of store/reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/call.h"
#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/money/amount.h"

enum { ANSWER_HEX_MAX = 64 * 1024 };

json_t *answer_centavos(int64_t centavos)
{
    char text[AMOUNT_TEXT_MAX];
    amount_format_centavos(centavos, text);
    return json_string(text);
}

/* In pesos where it is whole centavos, which all our own amounts are. */
json_t *answer_units(int64_t units)
{
    char text[AMOUNT_TEXT_MAX];
    int64_t centavos = 0;
    if (centavos_from_units(units, &centavos))
        amount_format_centavos(centavos, text);
    else
        amount_format_units(units, text);
    return json_string(text);
}

json_t *answer_hex(const uint8_t *p, size_t n)
{
    CHECK(n <= ANSWER_HEX_MAX);
    char *text = malloc(2 * n + 3);
    CHECK(text != NULL);
    hex_encode_0x(p, n, text);
    json_t *value = json_string(text);
    free(text);
    return value;
}

json_t *answer_uuid(const struct uuid *id)
{
    char text[UUID_TEXT_MAX];
    uuid_format(id, text);
    return json_string(text);
}

json_t *answer_time_ms(int64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_ms(wall_ms, text);
    return json_string(text);
}

/* The database writes bytea as \x..; we answer 0x... */
static json_t *hex_value(const char *text)
{
    CHECK(text[0] == '\\' && text[1] == 'x');
    return json_sprintf("0x%s", text + 2);
}

static json_t *field_value(struct db_result *res, int stmt, int row, int col, enum read_kind kind)
{
    const char *text = db_get(res, stmt, row, col);
    if (text == NULL)
        return json_null();
    switch (kind) {
    case READ_TEXT:
    case READ_MINOR:
        return json_string(text);
    case READ_BOOL:
        return json_boolean(text[0] == 't');
    case READ_HEX:
        return hex_value(text);
    case READ_NUMBER:
        return json_integer(db_get_i64(res, stmt, row, col));
    case READ_CENTAVOS:
        return answer_centavos(db_get_i64(res, stmt, row, col));
    case READ_UNITS:
        return answer_units(db_get_i64(res, stmt, row, col));
    case READ_TIME:
        return answer_time_ms(db_get_i64(res, stmt, row, col));
    case READ_SECONDS:
        return answer_time_ms(db_get_i64(res, stmt, row, col) * 1000);
    }
    CHECK(!"a kind of column");
    return NULL;
}

json_t *answer_row(struct db_result *res, int stmt, int row, const struct read *read)
{
    json_t *object = json_object();
    for (size_t i = 0; i < read->fields_n; i++) {
        json_t *value = field_value(res, stmt, row, (int)i, read->field[i].kind);
        CHECK(json_object_set_new(object, read->field[i].name, value) == 0);
    }
    return object;
}

json_t *answer_rows(struct db_result *res, int stmt, const struct read *read)
{
    json_t *list = json_array();
    int rows = db_rows(res, stmt);
    for (int row = 0; row < rows; row++)
        json_array_append_new(list, answer_row(res, stmt, row, read));
    return list;
}

json_t *answer_as_of(const struct call *call, struct db_result *res, int stmt)
{
    static const char *const FINALITY[] = {
        [FINALITY_LATEST] = "latest", [FINALITY_SAFE] = "safe", [FINALITY_FINALIZED] = "finalized"};
    json_t *object = answer_row(res, stmt, 0, &READ_AS_OF);
    json_object_set_new(object, "finality",
                        json_string(FINALITY[call->engine->config->chain_finality]));
    return object;
}
