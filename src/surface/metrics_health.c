/* metrics_health.c: the board, the probes behind it, the drain, and the links. */
#include "metrics_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/probe.h"

static void write_pages(const struct sc_ops_env *env, struct sc_buf *out)
{
    static const char *const names[] = {
        [SC_PAGE_HEALTH] = "health", [SC_PAGE_TRAFFIC] = "traffic", [SC_PAGE_LIVE] = "live"
    };
    metric_head(out, M_PAGE);
    for (int p = SC_PAGE_HEALTH; p <= SC_PAGE_LIVE; p++)
        metric_sample(out, M_PAGE, "page", names[p],
                      sc_board_status(env->board, (enum sc_health_page)p));
}

static void write_states(const struct sc_signal_view *v, struct sc_buf *out)
{
    static const char *const labels[] = { "signal", "state" };
    for (int s = SC_SIGNAL_UNKNOWN; s <= SC_SIGNAL_OFF; s++) {
        const char *const words[] = { v->name, sc_signal_state_name((enum sc_signal_state)s) };
        metric_sample_of_two(out, M_SIGNAL_STATE, labels, words, (int)v->state == s);
    }
}

static void write_signals(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_signal_view v[SC_SIGNALS];
    metric_head(out, M_SIGNAL_OK);
    for (int i = 0; i < SC_SIGNALS; i++) {
        sc_board_view(env->board, (enum sc_signal_id)i, &v[i]);
        metric_sample(out, M_SIGNAL_OK, "signal", v[i].name,
                      v[i].state == SC_SIGNAL_OK || v[i].state == SC_SIGNAL_OFF);
    }
    metric_head(out, M_SIGNAL_STATE);
    for (int i = 0; i < SC_SIGNALS; i++)
        write_states(&v[i], out);
    metric_head(out, M_SIGNAL_SINCE);
    for (int i = 0; i < SC_SIGNALS; i++)
        metric_sample(out, M_SIGNAL_SINCE, "signal", v[i].name, v[i].since.ms / 1000);
}

static void write_board(const struct sc_ops_env *env, struct sc_buf *out)
{
    enum sc_health verdict = sc_board_verdict(env->board);
    metric_head(out, M_HEALTH);
    for (int h = SC_HEALTHY; h <= SC_DEAD; h++)
        metric_sample(out, M_HEALTH, "status", sc_health_name((enum sc_health)h),
                      h == (int)verdict);
    write_pages(env, out);
    write_signals(env, out);
}

static void write_answers(const struct sc_prober_view *v, struct sc_buf *out)
{
    static const char *const labels[] = { "probe", "answer" };
    for (int a = 0; a < SC_ANSWERS; a++) {
        const char *const words[] = { v->name, sc_check_answer_name((enum sc_check_answer)a) };
        metric_sample_of_two(out, M_PROBES, labels, words, (int64_t)v->answers[a]);
    }
}

static void write_probes(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_prober_view v[SC_CHECKS];
    if (!env->prober)
        return;
    metric_head(out, M_PROBES);
    for (int i = 0; i < SC_CHECKS; i++) {
        sc_prober_view(env->prober, (enum sc_check_id)i, &v[i]);
        write_answers(&v[i], out);
    }
    metric_head(out, M_PROBE_GOOD);
    for (int i = 0; i < SC_CHECKS; i++)
        metric_sample(out, M_PROBE_GOOD, "probe", v[i].name, v[i].good);
    metric_head(out, M_PROBE_TIME);
    for (int i = 0; i < SC_CHECKS; i++)
        metric_histogram(out, M_PROBE_TIME, "probe", v[i].name, v[i].took);
}

static void write_gateway(const struct sc_ops_env *env, struct sc_buf *out)
{
    if (!env->gateway_answered)
        return;
    metric_head(out, M_REQUEST_TIME);
    metric_histogram(out, M_REQUEST_TIME, NULL, NULL, env->gateway_answered);
}

static void write_drain(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_drain_view v = { .phase = SC_DRAIN_SERVING };
    if (env->drain)
        sc_drain_view(env->drain, &v);
    metric_head(out, M_DRAIN_CAUSE);
    for (int c = 0; c < SC_DRAIN_CAUSES; c++)
        metric_sample(out, M_DRAIN_CAUSE, "cause", sc_drain_cause_name((enum sc_drain_cause)c),
                      v.why[c] != NULL);
    metric_head(out, M_DRAIN_PHASE);
    for (int p = SC_DRAIN_SERVING; p <= SC_DRAIN_READY; p++)
        metric_sample(out, M_DRAIN_PHASE, "phase", sc_drain_phase_name((enum sc_drain_phase)p),
                      p == (int)v.phase);
    metric_int(out, M_DRAIN_SINCE, v.since.ms / 1000);
    metric_int(out, M_DRAIN_TURNS, v.turns);
    metric_int(out, M_DRAIN_LEASES, v.leases);
}

static void write_links(const struct sc_ops_env *env, struct sc_buf *out)
{
    static const char *const names[] = { "gateway", "redis", "peer", "consul" };
    struct sc_link_view v[SC_ARRAY_LEN(names)];
    metric_head(out, M_LINK_UP);
    for (size_t i = 0; i < SC_ARRAY_LEN(names); i++) {
        v[i] = (struct sc_link_view){ .up = false };
        env->link(env->ctx, names[i], &v[i]);
        metric_sample(out, M_LINK_UP, "link", names[i], v[i].up);
    }
    metric_head(out, M_LINK_UPS);
    for (size_t i = 0; i < SC_ARRAY_LEN(names); i++)
        metric_sample(out, M_LINK_UPS, "link", names[i], (int64_t)v[i].ups);
}

/* When that was by the clock on the wall; a record of people needs no milliseconds. */
static int64_t wall_seconds(const struct sc_ops_env *env, sc_mono at)
{
    if (!at.ms)
        return 0;
    return (sc_clock_wall(&env->clock).ms - (sc_clock_mono(&env->clock).ms - at.ms)) / 1000;
}

static void write_watches(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_directory_stats s = { .n_watches = 0 };
    if (env->directory.ops && env->directory.ops->stats)
        env->directory.ops->stats(env->directory.impl, &s);
    const struct sc_watch_stats *w = s.watches;
    metric_head(out, M_WATCH_UP);
    for (size_t i = 0; i < s.n_watches; i++)
        metric_sample(out, M_WATCH_UP, "watch", w[i].name, w[i].answering);
    metric_head(out, M_WATCH_ANSWERS);
    for (size_t i = 0; i < s.n_watches; i++)
        metric_sample(out, M_WATCH_ANSWERS, "watch", w[i].name, (int64_t)w[i].answers);
    metric_head(out, M_WATCH_FAILURES);
    for (size_t i = 0; i < s.n_watches; i++)
        metric_sample(out, M_WATCH_FAILURES, "watch", w[i].name, (int64_t)w[i].failures);
    metric_head(out, M_WATCH_RESETS);
    for (size_t i = 0; i < s.n_watches; i++)
        metric_sample(out, M_WATCH_RESETS, "watch", w[i].name, (int64_t)w[i].resets);
    metric_head(out, M_WATCH_TIME);
    for (size_t i = 0; i < s.n_watches; i++)
        metric_sample(out, M_WATCH_TIME, "watch", w[i].name, wall_seconds(env, w[i].answered));
    metric_int(out, M_SESSION, s.session);
}

static void count_conflict(void *ctx, const char *agent, const char *holder)
{
    int64_t *n = ctx;
    (void)agent;
    (void)holder;
    ++*n;
}

void metrics_health(const struct sc_ops_env *env, struct sc_buf *out)
{
    int64_t conflicts = 0;
    write_board(env, out);
    write_probes(env, out);
    write_gateway(env, out);
    write_drain(env, out);
    write_links(env, out);
    write_watches(env, out);
    sc_registry_each_conflict(env->registry, count_conflict, &conflicts);
    metric_int(out, M_CONFLICTS, conflicts);
}
