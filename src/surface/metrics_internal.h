/* metrics_internal.h: for metrics*.c only: how a metric is written (metrics.c), and the families,
 * by topic. */
#ifndef SIDECLAW_SURFACE_METRICS_INTERNAL_H
#define SIDECLAW_SURFACE_METRICS_INTERNAL_H

#include "metrics_table.h"
#include "sideclaw/buf.h"
#include "sideclaw/operations.h"

enum metric {
#define METRIC(id, type, name, labels, help) M_##id,
    SC_METRICS(METRIC)
#undef METRIC
        METRICS
};

/* A metric with one sample and no label. */
void metric_int(struct sc_buf *out, enum metric m, int64_t value);
void metric_seconds(struct sc_buf *out, enum metric m, int64_t us);
/* Of one with labels: its head once, then its samples. Values need no escaping: they are ours. */
void metric_head(struct sc_buf *out, enum metric m);
void metric_sample(struct sc_buf *out, enum metric m, const char *label, const char *word,
                   int64_t value);
void metric_sample_of_two(struct sc_buf *out, enum metric m, const char *const label[2],
                          const char *const word[2], int64_t value);
/* label NULL: none. One whose owner keeps no times has no samples. */
void metric_histogram(struct sc_buf *out, enum metric m, const char *label, const char *word,
                      const struct sc_histogram *h);

void metrics_messages(const struct sc_ops_env *env, struct sc_buf *out);
void metrics_health(const struct sc_ops_env *env, struct sc_buf *out);
void metrics_shared(const struct sc_ops_env *env, struct sc_buf *out);

#endif
