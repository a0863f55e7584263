/*
 * From words and -k to a method and its parameters.
 *
 * -k values are text, except: true, false, null, a JSON object or array, and whole numbers where the
 * daemon's own help says that the field is an integer. So an amount stays the text that was typed.
 */
#ifndef KUSTODIA_CLI_PARAMS_H
#define KUSTODIA_CLI_PARAMS_H

#include <jansson.h>

#include "relayer/cli/options.h"

enum { CLI_METHOD_MAX = 80 };

/* Joins the first words to a method's name and says how many were taken. */
enum cli_exit method_choose(const struct cli_options *options, char method[CLI_METHOD_MAX],
                            size_t *words_taken);

/* help: the daemon's answer to help METHOD, or NULL. Words after the method are an id, a JSON object, or "-"
 * for one on standard input; -k wins over the object. */
enum cli_exit params_build(const struct cli_options *options, const char *method,
                           size_t words_taken, const json_t *help, json_t *params);

/* An id given by itself: which parameter it is follows from its shape and the method's noun. */
enum cli_exit params_add_subject(json_t *params, const char *method, const char *id);

/* The method changes something: it takes an idempotency_key. */
bool method_mutates(const json_t *help);

#endif
