#include "relayer/base/clock.h"

#include <stdio.h>
#include <time.h>

#include "relayer/base/check.h"

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

void clock_format_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
    int64_t seconds = wall_ms / 1000;
    int64_t ms = wall_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm utc;
    CHECK(gmtime_r(&t, &utc) != NULL);
    int n = snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                     utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)ms);
    CHECK(n > 0 && n < CLOCK_TEXT_MAX);
}

void clock_format_local_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm local;
    CHECK(localtime_r(&t, &local) != NULL);
    CHECK(strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S %z", &local) > 0);
}
