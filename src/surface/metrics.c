/* metrics.c: Prometheus text: how one metric is written, and what the daemon says of itself. */
#include <inttypes.h>

#include "metrics_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/usage.h"

enum type { COUNTER, GAUGE, HISTOGRAM };
static const char *const types[] = { "counter", "gauge", "histogram" };

static const struct row {
    enum type type;
    const char *name, *labels, *help;
} rows[METRICS] = {
#define METRIC(id, type, name, labels, help) { type, name, labels, help },
    SC_METRICS(METRIC)
#undef METRIC
};

void metric_head(struct sc_buf *out, enum metric m)
{
    sc_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[m].name, rows[m].help, rows[m].name,
                types[rows[m].type]);
}

void metric_int(struct sc_buf *out, enum metric m, int64_t value)
{
    metric_head(out, m);
    sc_buf_addf(out, "%s %" PRId64 "\n", rows[m].name, value);
}

void metric_seconds(struct sc_buf *out, enum metric m, int64_t us)
{
    metric_head(out, m);
    sc_buf_addf(out, "%s %.6f\n", rows[m].name, (double)us / 1e6);
}

void metric_sample(struct sc_buf *out, enum metric m, const char *label, const char *word,
                   int64_t value)
{
    sc_buf_addf(out, "%s{%s=\"%s\"} %" PRId64 "\n", rows[m].name, label, word, value);
}

void metric_sample_of_two(struct sc_buf *out, enum metric m, const char *const label[2],
                          const char *const word[2], int64_t value)
{
    sc_buf_addf(out, "%s{%s=\"%s\",%s=\"%s\"} %" PRId64 "\n", rows[m].name, label[0], word[0],
                label[1], word[1], value);
}

/* {label="word",le="0.25"}: what is below the bound, too. */
void metric_histogram(struct sc_buf *out, enum metric m, const char *label, const char *word,
                      const struct sc_histogram *h)
{
    char own[64] = "", alone[68] = "";
    uint64_t below = 0;
    if (!h->scale)
        return;
    if (label) {
        (void)snprintf(own, sizeof own, "%s=\"%s\",", label, word);
        (void)snprintf(alone, sizeof alone, "{%s=\"%s\"}", label, word);
    }
    for (size_t i = 0; i < h->scale->n; i++) {
        below += h->buckets[i];
        sc_buf_addf(out, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", rows[m].name, own,
                    (double)h->scale->us[i] / 1e6, below);
    }
    below += h->buckets[h->scale->n];
    sc_buf_addf(out, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", rows[m].name, own, below);
    sc_buf_addf(out, "%s_sum%s %.6f\n", rows[m].name, alone, (double)h->sum_us / 1e6);
    sc_buf_addf(out, "%s_count%s %" PRIu64 "\n", rows[m].name, alone, below);
}

static void write_daemon(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_usage u;
    sc_usage_read(&u);
    metric_head(out, M_BUILD_INFO);
    metric_sample(out, M_BUILD_INFO, "version", SC_VERSION, 1);
    metric_int(out, M_UPTIME, (sc_clock_mono(&env->clock).ms - env->started.ms) / 1000);
    metric_int(out, M_SIGNED, env->is_signed);
    metric_seconds(out, M_CPU, u.cpu_us);
    metric_int(out, M_FDS, u.open_fds);
    metric_int(out, M_FDS_MAX, u.max_fds);
    metric_int(out, M_RESIDENT, u.resident_bytes);
    metric_int(out, M_VIRTUAL, u.virtual_bytes);
    metric_seconds(out, M_START_TIME, env->started_at.ms * 1000);
}

void sc_metrics_write(const struct sc_ops_env *env, struct sc_buf *out)
{
    write_daemon(env, out);
    metrics_messages(env, out);
    metrics_health(env, out);
    metrics_shared(env, out);
}

void sc_metrics_print(struct sc_buf *out)
{
    sc_buf_adds(out,
                "# Metrics\n\nWhat `/metrics` says, in Prometheus's text format 0.0.4. This page "
                "is generated (`scripts/docs.sh`)\nfrom the table in "
                "`src/surface/metrics_table.h`. How to scrape it, alerts and a dashboard: "
                "[DEPLOY.md](DEPLOY.md).\n\n"
                "Times are in seconds, sizes in bytes. A histogram has `_bucket`, `_sum` and "
                "`_count`. No label has a value per message,\nagent, session or thread, so the "
                "number of series does not grow with use.\n\n"
                "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < METRICS; i++)
        sc_buf_addf(out, "| `%s` | %s | %s | %s |\n", rows[i].name, types[rows[i].type],
                    rows[i].labels, rows[i].help);
}
