#include "relayer/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relayer/base/check.h"
#include "relayer/base/clock.h"
#include "relayer/base/metrics.h"

enum { LOG_MESSAGE_MAX = 2048, LOG_CLABE_DIGITS = 18 };

static struct {
    enum log_format format;
    enum log_level level;
    const char *env;
    const char *instance;
} log_settings = {LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "", ""};

void log_init(enum log_format format, enum log_level level, const char *env, const char *instance)
{
    log_settings.format = format;
    log_settings.level = level;
    log_settings.env = env;
    log_settings.instance = instance;
}

static const char *log_level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_DEBUG:
        return "debug";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_BROKEN:
        return "broken";
    }
    CHECK(!"log level within its enum");
    return "";
}

static void log_count(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_DEBUG:
    case LOG_LEVEL_INFO:
        return;
    case LOG_LEVEL_WARN:
        metrics_add(METRIC_log_warn, 1);
        return;
    case LOG_LEVEL_ERROR:
        metrics_add(METRIC_log_error, 1);
        return;
    case LOG_LEVEL_BROKEN:
        metrics_add(METRIC_broken, 1);
        return;
    }
    CHECK(!"log level within its enum");
}


static bool log_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A run touching a letter is part of a hash or an id, not a CLABE. */
void log_mask(char *text)
{
    char *write = text;
    for (char *read = text; *read != '\0';) {
        size_t run = strspn(read, "0123456789");
        bool bounded = (read == text || !log_is_letter(read[-1])) && !log_is_letter(read[run]);
        if (run == LOG_CLABE_DIGITS && bounded) {
            char tail[4];
            memcpy(tail, read + run - 4, 4);
            memmove(write, read, 3);
            memcpy(write + 3, "***", 3);
            memcpy(write + 6, tail, 4);
            write += 10;
            read += run;
        } else {
            size_t n = run > 0 ? run : 1;
            memmove(write, read, n);
            write += n;
            read += n;
        }
    }
    *write = '\0';
}

/* A line being written; what does not fit is left out, two bytes stay free for the closing. */
struct line {
    char text[LOG_LINE_MAX];
    size_t n;
};

static void line_put(struct line *line, const char *text, size_t n)
{
    size_t room = sizeof line->text - 2 - line->n;
    if (n > room)
        n = room;
    memcpy(line->text + line->n, text, n);
    line->n += n;
}

static void line_put_escaped(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char escaped[8];
        if (c == '"' || c == '\\')
            (void)snprintf(escaped, sizeof escaped, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
        else
            (void)snprintf(escaped, sizeof escaped, "%c", c);
        size_t n = strlen(escaped);
        if (n + 2 > sizeof line->text - 2 - line->n)
            return;
        line_put(line, escaped, n);
    }
}

static void line_put_pair(struct line *line, const char *name, const char *value)
{
    if (line->n > 1)
        line_put(line, ",", 1);
    line_put(line, "\"", 1);
    line_put(line, name, strlen(name));
    line_put(line, "\":\"", 3);
    line_put_escaped(line, value);
    line_put(line, "\"", 1);
}

static void line_build_json(struct line *line, enum log_level level, const char *event,
                            const char *message)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_ms(clock_wall_ms(), now);
    line_put(line, "{", 1);
    line_put_pair(line, "ts", now);
    line_put_pair(line, "level", log_level_name(level));
    line_put_pair(line, "event", event);
    line_put_pair(line, "env", log_settings.env);
    line_put_pair(line, "instance", log_settings.instance);
    line_put_pair(line, "msg", message);
    memcpy(line->text + line->n, "}\n", 2);
    line->n += 2;
}

static void line_build_text(struct line *line, enum log_level level, const char *event,
                            char *message)
{
    for (char *c = message; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    char now[CLOCK_TEXT_MAX];
    clock_format_ms(clock_wall_ms(), now);
    char head[128];
    int n = snprintf(head, sizeof head, "%.8s %-6s %s: ", now + 11, log_level_name(level), event);
    line_put(line, head, n < (int)sizeof head ? (size_t)n : sizeof head - 1);
    line_put(line, message, strlen(message));
    line->text[line->n++] = '\n';
}

static void line_write(const struct line *line)
{
    size_t done = 0;
    while (done < line->n) {
        ssize_t n = write(STDERR_FILENO, line->text + done, line->n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody reads our log: nothing sensible is left to do */
        done += (size_t)n;
    }
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    log_count(level);
    if (level < log_settings.level)
        return;
    char message[LOG_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_mask(message);
    struct line line = {.n = 0};
    if (log_settings.format == LOG_FORMAT_JSON)
        line_build_json(&line, level, event, message);
    else
        line_build_text(&line, level, event, message);
    line_write(&line);
}
