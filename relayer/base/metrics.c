#include "relayer/base/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relayer/base/check.h"

enum metric_kind { COUNTER, GAUGE, COUNTER_MS, GAUGE_MS };

static const struct metric_info {
    enum metric_kind kind;
    const char *family;
    const char *labels;
    const char *help;
} metrics_table[] = {
#define X(kind, id, family, labels, help) {kind, family, labels, help},
#include "relayer/base/metrics.def"
#undef X
};

static int64_t metrics_value[METRICS];

static bool metric_is_counter(enum metric metric)
{
    return metrics_table[metric].kind == COUNTER || metrics_table[metric].kind == COUNTER_MS;
}

static bool metric_is_ms(enum metric metric)
{
    return metrics_table[metric].kind == COUNTER_MS || metrics_table[metric].kind == GAUGE_MS;
}

void metrics_add(enum metric metric, int64_t n)
{
    CHECK(metric < METRICS);
    CHECK(n >= 0 || !metric_is_counter(metric));
    metrics_value[metric] += n;
}

void metrics_set(enum metric metric, int64_t value)
{
    CHECK(metric < METRICS);
    CHECK(!metric_is_counter(metric));
    metrics_value[metric] = value;
}

int64_t metrics_get(enum metric metric)
{
    CHECK(metric < METRICS);
    return metrics_value[metric];
}

static void metric_print_value(FILE *out, enum metric metric)
{
    int64_t value = metrics_value[metric];
    if (!metric_is_ms(metric)) {
        (void)fprintf(out, "%" PRId64 "\n", value);
        return;
    }
    uint64_t ms = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    (void)fprintf(out, "%s%" PRIu64 ".%03u\n", value < 0 ? "-" : "", ms / 1000,
                  (unsigned)(ms % 1000));
}

char *metrics_text(size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    CHECK(out != NULL);
    const char *family = "";
    for (int i = 0; i < METRICS; i++) {
        const struct metric_info *info = &metrics_table[i];
        if (strcmp(info->family, family) != 0) {
            family = info->family;
            (void)fprintf(out, "# HELP relayerd_%s %s\n# TYPE relayerd_%s %s\n", family, info->help,
                          family, metric_is_counter((enum metric)i) ? "counter" : "gauge");
        }
        bool labels = info->labels[0] != '\0';
        (void)fprintf(out, "relayerd_%s%s%s%s ", family, labels ? "{" : "", info->labels,
                      labels ? "}" : "");
        metric_print_value(out, (enum metric)i);
    }
    CHECK(fclose(out) == 0);
    return text;
}
