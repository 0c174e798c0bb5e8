/* metrics_shared.c: the mesh, and what agents share: memory, events, tasks, tools. */
#include "metrics_internal.h"
#include "sideclaw/mcp.h"

static bool count_agent(void *ctx, const struct sc_agent_info *a, bool local)
{
    int64_t *n = ctx;
    (void)a;
    n[local]++;
    return true;
}

static bool count_gateway(void *ctx, const struct sc_gateway_info *g, bool self)
{
    int64_t *n = ctx;
    (void)self;
    n[g->status]++;
    return true;
}

static void write_mesh(const struct sc_ops_env *env, struct sc_buf *out)
{
    int64_t agents[2] = { 0, 0 }, gateways[SC_GATEWAY_HEALTHY + 1] = { 0 };
    sc_registry_each_agent(env->registry, count_agent, agents);
    sc_registry_each_gateway(env->registry, count_gateway, gateways);
    metric_head(out, M_AGENTS);
    metric_sample(out, M_AGENTS, "place", "local", agents[true]);
    metric_sample(out, M_AGENTS, "place", "remote", agents[false]);
    metric_head(out, M_GATEWAYS);
    for (int s = SC_GATEWAY_DEAD; s <= SC_GATEWAY_HEALTHY; s++)
        metric_sample(out, M_GATEWAYS, "status", sc_gateway_status_name((enum sc_gateway_status)s),
                      gateways[s]);
}

static void write_memory(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_memory_stats s;
    if (!env->memory)
        return;
    sc_memory_stats(env->memory, &s);
    metric_int(out, M_MEMORY_AGENTS, s.totals.agents);
    metric_int(out, M_MEMORY_KEYS, s.totals.keys);
    metric_int(out, M_MEMORY_BYTES, s.totals.bytes);
    metric_int(out, M_MEMORY_TOMBSTONES, s.totals.dead);
    metric_int(out, M_MEMORY_UNSHARED, s.totals.dirty);
    metric_int(out, M_MEMORY_COMPARED, s.complete);
    metric_int(out, M_MEMORY_WRITTEN, (int64_t)s.written);
    metric_int(out, M_MEMORY_MERGED, (int64_t)s.merged);
    metric_int(out, M_MEMORY_LOST, (int64_t)s.lost);
    metric_int(out, M_MEMORY_REFUSED, (int64_t)s.ahead);
    metric_int(out, M_MEMORY_DRIFT, (int64_t)s.drift);
    metric_int(out, M_MEMORY_TOO_FULL, (int64_t)s.too_full);
}

static void write_events(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_events_stats s = { .pushed = 0 };
    if (env->events)
        sc_events_stats(env->events, &s);
    metric_int(out, M_EVENTS_PUSHED, (int64_t)s.pushed);
    metric_int(out, M_EVENTS_HEARD, (int64_t)s.heard);
    metric_int(out, M_EVENTS_DROPPED, (int64_t)s.dropped);
    metric_int(out, M_EVENTS_WAITING, (int64_t)s.waiting);
}

static void write_tasks(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_tasks_counters n = { .pushed = 0 };
    if (env->tasks)
        sc_tasks_counters(env->tasks, &n);
    metric_int(out, M_TASKS_OPEN, n.home_open);
    metric_int(out, M_TASK_LEASES, n.leases);
    metric_int(out, M_TASK_RESULTS, n.ends_pending);
    metric_int(out, M_TASKS_PUSHED, (int64_t)n.pushed);
    metric_int(out, M_TASKS_PUT_BACK, (int64_t)n.put_back);
    metric_int(out, M_TASKS_POPPED, (int64_t)n.popped);
    metric_int(out, M_TASKS_COMPLETED, (int64_t)n.completed);
    metric_int(out, M_TASKS_FAILED, (int64_t)n.failed);
    metric_int(out, M_TASKS_STALE, (int64_t)n.stale);
    metric_int(out, M_TASK_RENEWALS, (int64_t)n.renewed);
}

static void write_mcp(const struct sc_ops_env *env, struct sc_buf *out)
{
    const struct sc_mcp_stats s =
        env->mcp ? sc_mcp_stats(env->mcp) : (struct sc_mcp_stats){ .calls = 0 };
    metric_int(out, M_MCP_CALLS, (int64_t)s.calls);
    metric_int(out, M_MCP_FAILED, (int64_t)s.failed);
    metric_int(out, M_MCP_REFUSED, (int64_t)s.refused);
    metric_int(out, M_MCP_SESSIONS, (int64_t)s.sessions);
}

void metrics_shared(const struct sc_ops_env *env, struct sc_buf *out)
{
    write_mesh(env, out);
    write_memory(env, out);
    write_events(env, out);
    write_tasks(env, out);
    write_mcp(env, out);
}
