/*
 * Counters and gauges, one declared list (metrics.def), exported in Prometheus text format 0.0.4.
 *
 * All values are 64-bit integers; kinds ending in _MS are kept in milliseconds and exported in
 * seconds. All series exist from the start with value 0. No label ever holds an id, an address or a
 * hash. One thread.
 */
#ifndef KUSTODIA_BASE_METRICS_H
#define KUSTODIA_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

enum metric {
#define X(kind, id, family, labels, help) METRIC_##id,
#include "relayer/base/metrics.def"
#undef X
    METRICS
};

void metrics_add(enum metric metric, int64_t n); /* counters: n >= 0 */
void metrics_set(enum metric metric, int64_t value); /* gauges only */
int64_t metrics_get(enum metric metric);

/* The whole exposition in malloc'ed memory, NUL-terminated, *n bytes: the caller frees it. */
char *metrics_text(size_t *n);

#endif
