/*
 * What was asked for on the command line of relayerctl.
 *
 * Options may stand anywhere. Words that are no options are kept in order: a method or a command, then
 * what it is about. Everything points into argv or lives as long as the program.
 */
#ifndef KUSTODIA_CLI_OPTIONS_H
#define KUSTODIA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes: part of the interface (docs/reference/relayerctl.md). */
enum cli_exit {
    CLI_DONE = 0,
    CLI_ERROR_ANSWER = 1,    /* the daemon answered with an error */
    CLI_UNREACHABLE = 2,     /* no daemon, or the connection broke */
    CLI_USAGE = 3,
    CLI_WAIT_TIMEOUT = 4,
    CLI_DIFFERENCE = 5,      /* verification found a difference */
};

enum cli_output { OUTPUT_AUTO, OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV };

enum { CLI_PARAMS_MAX = 64, CLI_WORDS_MAX = 8, CLI_SOCKET_MAX = 108 };

struct cli_options {
    char socket[CLI_SOCKET_MAX];
    enum cli_output output;      /* OUTPUT_AUTO is resolved: table on a terminal, else json */
    const char *filter;          /* NULL = the whole result */
    const char *wanted;          /* --for */
    int64_t timeout_s;           /* -1 = not given */
    int64_t from_seq;            /* -1 = not given */
    bool follow, all, dry_run;
    size_t params_n;
    const char *param[CLI_PARAMS_MAX];   /* "key=value" */
    size_t words_n;
    const char *word[CLI_WORDS_MAX];
};

/* CLI_DONE, and *run is false when there is nothing left to do (--help, --version); else CLI_USAGE with a
 * sentence on standard error. */
enum cli_exit options_parse(int argc, char **argv, struct cli_options *out, bool *run);

/* Says on standard error what is wrong with the command line; gives CLI_USAGE. */
enum cli_exit usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
