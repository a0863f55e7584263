#include "relayer/cli/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"
#include "relayer/base/mem.h"

enum { COLUMNS_MAX = 64, PATH_MAX_BYTES = 256 };

void text_put(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        (void)putchar(*c < 0x20 || *c == 0x7f ? ' ' : *c);
}

char *value_text(const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return mem_text("-");
    if (json_is_string(value))
        return mem_text(json_string_value(value));
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    CHECK(text != NULL);
    return text;
}

static const json_t *step(const json_t *value, const char *name)
{
    if (!json_is_array(value))
        return json_object_get(value, name);
    char *end = NULL;
    unsigned long at = strtoul(name, &end, 10);
    return *name != '\0' && *end == '\0' ? json_array_get(value, at) : NULL;
}

const json_t *field_find(const json_t *value, const char *path)
{
    while (value != NULL && *path != '\0') {
        char name[PATH_MAX_BYTES];
        size_t n = strcspn(path, ".");
        if (n == 0 || n >= sizeof name)
            return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        value = step(value, name);
        path += n;
        if (*path == '.' && *++path == '\0')
            return NULL;
    }
    return value;
}

/* The only list of objects in an object, or the value itself if it is one. */
static const json_t *list_of(const json_t *result, const char **name)
{
    *name = "";
    if (json_is_array(result))
        return json_array_size(result) == 0 || json_is_object(json_array_get(result, 0)) ? result
                                                                                         : NULL;
    const json_t *found = NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)result, key, value) {
        if (!json_is_array(value) ||
            (json_array_size(value) > 0 && !json_is_object(json_array_get(value, 0))))
            continue;
        if (found != NULL)
            return NULL;
        found = value;
        *name = key;
    }
    return found;
}

static size_t columns_of(const json_t *list, const char *columns[COLUMNS_MAX])
{
    size_t n = 0, at;
    json_t *row, *value;
    const char *key;
    json_array_foreach((json_t *)list, at, row) {
        json_object_foreach(row, key, value) {
            size_t i = 0;
            while (i < n && strcmp(columns[i], key) != 0)
                i++;
            if (i == n && n < COLUMNS_MAX)
                columns[n++] = key;
        }
    }
    return n;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void cell_put(const char *text, size_t width, bool is_last)
{
    text_put(text);
    for (size_t n = width_of(text); !is_last && n < width + 2; n++)
        (void)putchar(' ');
}

static void table_put(const json_t *list)
{
    const char *columns[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    size_t n = columns_of(list, columns), at;
    json_t *row;
    if (json_array_size(list) == 0) {
        (void)puts("(none)");
        return;
    }
    for (size_t c = 0; c < n; c++) {
        width[c] = width_of(columns[c]);
        json_array_foreach((json_t *)list, at, row) {
            char *text = value_text(json_object_get(row, columns[c]));
            width[c] = width_of(text) > width[c] ? width_of(text) : width[c];
            free(text);
        }
    }
    for (size_t c = 0; c < n; c++)
        cell_put(columns[c], width[c], c + 1 == n);
    (void)putchar('\n');
    json_array_foreach((json_t *)list, at, row) {
        for (size_t c = 0; c < n; c++) {
            char *text = value_text(json_object_get(row, columns[c]));
            cell_put(text, width[c], c + 1 == n);
            free(text);
        }
        (void)putchar('\n');
    }
}

/* "a.b: value" lines, leaving out the member named except. */
static void fields_put(const json_t *object, const char *prefix, const char *except)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (strcmp(key, except) == 0)
            continue;
        char name[PATH_MAX_BYTES];
        (void)snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
        if (json_is_object(value) && json_object_size(value) > 0) {
            fields_put(value, name, "");
            continue;
        }
        char *text = value_text(value);
        text_put(name);
        (void)fputs(": ", stdout);
        text_put(text);
        (void)putchar('\n');
        free(text);
    }
}

/* An object of objects, such as accounts by name, as rows with the name first; NULL for anything else. The
 * caller's. */
static json_t *rows_of_map(const json_t *value)
{
    const char *key;
    json_t *member;
    if (json_object_size(value) < 2)
        return NULL;
    json_object_foreach((json_t *)value, key, member) {
        if (json_object_size(member) == 0)
            return NULL;
    }
    json_t *rows = json_array();
    json_object_foreach((json_t *)value, key, member) {
        json_t *row = json_pack("{s:s}", "name", key);
        (void)json_object_update_missing(row, member);
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

/* Maps come out as tables of their own; gives what is left. The caller's. */
static json_t *maps_put(const json_t *result)
{
    json_t *rest = json_copy((json_t *)result);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)result, key, value) {
        json_t *rows = rows_of_map(value);
        if (rows == NULL)
            continue;
        text_put(key);
        (void)puts(":");
        table_put(rows);
        json_decref(rows);
        (void)json_object_del(rest, key);
    }
    return rest;
}

static void people_put(const json_t *result)
{
    const char *name = NULL;
    const json_t *list = list_of(result, &name);
    if (json_is_object(result)) {
        json_t *rest = maps_put(result);
        fields_put(rest, "", list != NULL ? name : "");
        json_decref(rest);
    }
    if (list != NULL) {
        if (json_is_object(result) && json_object_size(result) > 1)
            (void)printf("%s:\n", name);
        table_put(list);
    } else if (!json_is_object(result)) {
        char *text = value_text(result);
        text_put(text);
        (void)putchar('\n');
        free(text);
    }
}

static void csv_cell(const char *text, bool is_last)
{
    bool quote = strpbrk(text, ",\"\r\n") != NULL;
    if (quote)
        (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)putchar('"');
        (void)putchar(*text);
    }
    if (quote)
        (void)putchar('"');
    (void)fputs(is_last ? "\r\n" : ",", stdout);
}

static void csv_put(const json_t *list)
{
    const char *columns[COLUMNS_MAX];
    size_t n = columns_of(list, columns), at;
    json_t *row;
    for (size_t c = 0; c < n; c++)
        csv_cell(columns[c], c + 1 == n);
    json_array_foreach((json_t *)list, at, row) {
        for (size_t c = 0; c < n; c++) {
            const json_t *value = json_object_get(row, columns[c]);
            char *text = value_text(value);
            csv_cell(value == NULL || json_is_null(value) ? "" : text, c + 1 == n);
            free(text);
        }
    }
}

void print_line(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    CHECK(text != NULL);
    (void)puts(text);
    free(text);
}

void print_result(const json_t *result, enum cli_output output)
{
    const char *name = NULL;
    const json_t *list = list_of(result, &name);
    json_t *alone = list == NULL ? json_array() : NULL;
    if (alone != NULL)
        (void)json_array_append(alone, (json_t *)result);
    size_t at;
    json_t *row;
    switch (output) {
    case OUTPUT_AUTO:
    case OUTPUT_TABLE:
        people_put(result);
        break;
    case OUTPUT_JSON: {
        char *text = json_dumps(result, JSON_INDENT(2) | JSON_ENCODE_ANY);
        CHECK(text != NULL);
        (void)puts(text);
        free(text);
        break;
    }
    case OUTPUT_JSONL:
        json_array_foreach((json_t *)(list != NULL ? list : alone), at, row)
            print_line(row);
        break;
    case OUTPUT_CSV:
        if (json_is_object(result) || list != NULL) {
            csv_put(list != NULL ? list : alone);
        } else {
            char *text = value_text(result);
            csv_cell(text, true);
            free(text);
        }
        break;
    }
    json_decref(alone);
}
