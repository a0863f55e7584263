/*
 * Results on standard output: for people a table or "name: value" lines, for programs JSON, one JSON object
 * per line, or CSV (RFC 4180). Nothing is cut. Text from the daemon is printed without control characters in
 * the forms for people, so that no stored text can drive a terminal.
 */
#ifndef KUSTODIA_CLI_PRINT_H
#define KUSTODIA_CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "relayer/cli/options.h"

/* A result with exactly one list of objects is shown as that list. */
void print_result(const json_t *result, enum cli_output output);

/* One object on a line by itself, as it comes. */
void print_line(const json_t *value);

/* The field at "a.b.0.c", borrowed; NULL when there is none. */
const json_t *field_find(const json_t *value, const char *path);

/* A value as one word or sentence: text as it is, anything else as compact JSON, "-" for null and nothing.
 * The caller frees it. */
char *value_text(const json_t *value);

/* Text without control characters, for a terminal. */
void text_put(const char *text);

#endif
