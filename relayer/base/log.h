/*
 * One line per event on standard error: JSON for machines, short text for people.
 *
 * JSON keys: ts (UTC, milliseconds), level, event, msg, env, instance. `event` is a fixed word with
 * underscores; msg is short and may hold name=value pairs. Lines longer than LOG_LINE_MAX are cut.
 * A run of exactly 18 digits looks like a CLABE and is masked here (012***7890), whoever logs it.
 *
 * Levels say what they mean to the process: error = somebody must look, broken = a promise of this
 * program failed though it goes on. Any broken line fails any test.
 */
#ifndef KUSTODIA_BASE_LOG_H
#define KUSTODIA_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_LINE_MAX = 4096 };

enum log_level {
    LOG_LEVEL_DEBUG = 0,
    LOG_LEVEL_INFO = 1,
    LOG_LEVEL_WARN = 2,
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_BROKEN = 4,
};
enum log_format { LOG_FORMAT_JSON = 0, LOG_FORMAT_TEXT = 1 };

/* Call once at start. env and instance are shown in each line and must outlive all logging. Before
 * this call: text, info and above, no env. */
void log_init(enum log_format format, enum log_level level, const char *env, const char *instance);

#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, (event), __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, (event), __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_LEVEL_WARN, (event), __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, (event), __VA_ARGS__)
#define log_broken(event, ...) log_line(LOG_LEVEL_BROKEN, (event), __VA_ARGS__)

void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Masks CLABE-looking runs of digits in place: the text never grows. */
void log_mask(char *text);

#endif
