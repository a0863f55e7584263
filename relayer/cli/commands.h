/*
 * What relayerctl does beyond passing a method on: waiting, following events, and the few answers that
 * people read as sentences. Each gives the exit code and has told its errors.
 */
#ifndef KUSTODIA_CLI_COMMANDS_H
#define KUSTODIA_CLI_COMMANDS_H

#include <jansson.h>

#include "relayer/cli/options.h"
#include "relayer/cli/session.h"

/* wait NOUN ID --for field=value: asks NOUN.get until the field of the result has that value. */
enum cli_exit command_wait(struct session *session, const struct cli_options *options);

/* events [--from SEQ] [--follow]: without --follow, ends once no more come. */
enum cli_exit command_events(struct session *session, const struct cli_options *options);

/* Prints a result as the options ask, people's favourites in words on a terminal. The exit code says what it
 * means: differences found, checks of the doctor that fail, no such field for --filter. */
enum cli_exit result_show(const struct cli_options *options, const char *method,
                          const json_t *params, const json_t *result);

/* "2025-05-27T23:59:08Z" or with a fraction of a second, to milliseconds since 1970; false otherwise. */
bool time_parse_ms(const char *text, int64_t *out);

#endif
