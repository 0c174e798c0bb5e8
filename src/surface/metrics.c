/* metrics.c: Prometheus text. Counters end in _total and only rise; nothing is labelled by message,
 * agent or thread, which have no bound. */
#include <inttypes.h>
#include <stddef.h>

#include "sideclaw/buf.h"
#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

static void head(struct sc_buf *out, const char *name, const char *type, const char *help)
{
    sc_buf_addf(out, "# HELP sideclaw_%s %s\n# TYPE sideclaw_%s %s\n", name, help, name, type);
}

static void gauge(struct sc_buf *out, const char *name, const char *help, int64_t value)
{
    head(out, name, "gauge", help);
    sc_buf_addf(out, "sideclaw_%s %" PRId64 "\n", name, value);
}

static void labelled(struct sc_buf *out, const char *name, const char *label, const char *word,
                     int64_t value)
{
    sc_buf_addf(out, "sideclaw_%s{%s=\"%s\"} %" PRId64 "\n", name, label, word, value);
}

static const struct counter {
    const char *name, *help;
    size_t offset;
} counters[] = {
#define N(field) offsetof(struct sc_router_counters, field)
    { "messages_accepted_total", "Messages committed to the outbox.", N(accepted) },
    { "messages_sent_total", "Messages that a transport took.", N(sent) },
    { "messages_retried_total", "Messages sent again.", N(retried) },
    { "messages_received_total", "Messages that came in.", N(received) },
    { "messages_duplicates_total", "Messages that came in again and were not repeated.",
      N(duplicates) },
    { "messages_delivered_total", "Messages handed to an agent.", N(delivered) },
    { "messages_replied_total", "Turns that ended with a reply.", N(replied) },
    { "messages_dead_total", "Messages given up, with a reason.", N(dead) },
    { "messages_rejected_total", "Unreadable or unsigned input put aside.", N(rejected) },
    { "receipts_received_total", "Receipts that came in.", N(receipts_in) },
    { "receipts_sent_total", "Receipts that went out.", N(receipts_out) },
#undef N
};

static void write_router(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_router_counters n;
    sc_router_counters(env->router, &n);
    for (size_t i = 0; i < SC_ARRAY_LEN(counters); i++) {
        const uint64_t *value = (const void *)((const char *)&n + counters[i].offset);
        head(out, counters[i].name, "counter", counters[i].help);
        sc_buf_addf(out, "sideclaw_%s %" PRIu64 "\n", counters[i].name, *value);
    }
    gauge(out, "messages_in_flight", "Messages a transport is sending now.", (int64_t)n.in_flight);
}

/* What each transport carried; messages that went over two are counted twice. */
static void write_transports(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_router_counters n;
    sc_router_counters(env->router, &n);
    head(out, "transport_messages_out_total", "counter", "Messages handed to a transport.");
    for (size_t i = 0; i < SC_ARRAY_LEN(n.via) && n.via[i].name; i++)
        labelled(out, "transport_messages_out_total", "transport", n.via[i].name,
                 (int64_t)n.via[i].out);
    head(out, "transport_messages_in_total", "counter", "Messages that a transport brought.");
    for (size_t i = 0; i < SC_ARRAY_LEN(n.via) && n.via[i].name; i++)
        labelled(out, "transport_messages_in_total", "transport", n.via[i].name,
                 (int64_t)n.via[i].in);
}

static void counter(struct sc_buf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "counter", help);
    sc_buf_addf(out, "sideclaw_%s %" PRIu64 "\n", name, value);
}

static void write_peer(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_peer_counters n = { .requests_in = 0 };
    if (!env->peer.ops)
        return;
    env->peer.ops->counters(env->peer.impl, &n);
    gauge(out, "peer_sidecars", "Other sidecars that publish an address.", (int64_t)n.sidecars);
    gauge(out, "peer_sidecars_answering", "Those of them that answered last.",
          (int64_t)n.answering);
    counter(out, "peer_requests_out_total", "Requests to other sidecars.", n.requests_out);
    counter(out, "peer_requests_failed_total", "Those that got no answer, or a refusal.",
            n.requests_failed);
    counter(out, "peer_requests_in_total", "Requests to /peer.", n.requests_in);
    head(out, "peer_requests_refused_total", "counter", "Those that were turned away.");
    for (int i = 0; i < SC_PEER_REFUSALS; i++)
        labelled(out, "peer_requests_refused_total", "why",
                 sc_peer_refusal_name((enum sc_peer_refusal)i), (int64_t)n.refused[i]);
}

static void total(struct sc_buf *out, const char *name, const char *help, int64_t value)
{
    head(out, name, "counter", help);
    sc_buf_addf(out, "sideclaw_%s %" PRId64 "\n", name, value);
}

static void directed(struct sc_buf *out, const char *name, const char *help, const int64_t value[2])
{
    head(out, name, "gauge", help);
    labelled(out, name, "direction", "out", value[0]);
    labelled(out, name, "direction", "in", value[1]);
}

static void write_room(const struct sc_spool_stats *s, struct sc_buf *out)
{
    gauge(out, "spool_kept_messages", "Messages on disk, settled ones with them.", s->messages);
    gauge(out, "spool_limit_messages", "spool.max_messages; 0: no bound.", s->max_messages);
    gauge(out, "spool_bytes", "Size of the messages on disk.", s->bytes);
    gauge(out, "spool_limit_bytes", "spool.max_bytes; 0: no bound.", s->max_bytes);
    head(out, "spool_full_total", "counter", "Messages refused for lack of room, by whose it is.");
    labelled(out, "spool_full_total", "limit", "spool", s->full);
    labelled(out, "spool_full_total", "limit", "agent", s->agent_full);
}

static void write_spool(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_spool_stats s = { .bytes = 0 };
    env->spool.ops->stats(env->spool.impl, &s);
    head(out, "spool_messages", "gauge",
         "Messages on disk that are not settled, and dead letters.");
    labelled(out, "spool_messages", "box", "outbox", s.outbox_open);
    labelled(out, "spool_messages", "box", "inbox", s.inbox_open);
    labelled(out, "spool_messages", "box", "dead", s.dead[0] + s.dead[1]);
    directed(out, "dead_letters", "Dead, and neither retried nor dropped.", s.dead);
    directed(out, "ambiguous_letters",
             "Those of them of which it cannot be known whether a turn ran.", s.ambiguous);
    write_room(&s, out);
    total(out, "spool_commits_total", "Transactions committed.", s.commits);
    total(out, "spool_commit_failures_total", "Turns whose writes were lost, and told so.",
          s.failed_commits);
    head(out, "spool_commit_seconds_total", "counter", "Time spent committing them.");
    sc_buf_addf(out, "sideclaw_spool_commit_seconds_total %.6f\n", s.commit_seconds);
}

static void write_memory(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_memory_stats s;
    if (!env->memory)
        return;
    sc_memory_stats(env->memory, &s);
    gauge(out, "memory_agents", "Agents whose memory is copied here.", s.totals.agents);
    gauge(out, "memory_keys", "Keys with a value in our copy.", s.totals.keys);
    gauge(out, "memory_bytes", "Size of them and their values.", s.totals.bytes);
    gauge(out, "memory_tombstones", "Deleted keys that are still remembered.", s.totals.dead);
    gauge(out, "memory_unshared", "Writes that Redis is not known to have.", s.totals.dirty);
    gauge(out, "memory_compared", "1 while our copy and Redis were compared to the end.",
          s.complete);
    counter(out, "memory_written_total", "Keys set and deleted here.", s.written);
    counter(out, "memory_merged_total", "Later writes of others that were taken over.", s.merged);
    counter(out, "memory_lost_total",
            "Writes of ours that a later one overtook before Redis had them.", s.lost);
    counter(out, "memory_refused_total", "Writes that Redis refused, being in its future.",
            s.ahead);
    counter(out, "memory_drift_total", "Stamps of others too far in our future to follow.",
            s.drift);
    counter(out, "memory_too_full_total", "Keys of others that found no room here.", s.too_full);
}

static void write_health(const struct sc_ops_env *env, struct sc_buf *out)
{
    enum sc_health verdict = sc_board_verdict(env->board);
    head(out, "health_status", "gauge", "1 for the present verdict of the board.");
    for (int h = SC_HEALTHY; h <= SC_DEAD; h++)
        labelled(out, "health_status", "status", sc_health_name((enum sc_health)h),
                 h == (int)verdict);
    head(out, "signal_ok", "gauge", "1 while a signal is ok or switched off.");
    for (int i = 0; i < SC_SIGNALS; i++) {
        struct sc_signal_view s;
        sc_board_view(env->board, (enum sc_signal_id)i, &s);
        labelled(out, "signal_ok", "signal", s.name,
                 s.state == SC_SIGNAL_OK || s.state == SC_SIGNAL_OFF);
    }
}

static void write_links(const struct sc_ops_env *env, struct sc_buf *out)
{
    static const char *const links[] = { "gateway", "redis", "peer", "consul" };
    head(out, "link_up", "gauge", "1 while the link to a dependency is up.");
    for (size_t i = 0; i < SC_ARRAY_LEN(links); i++) {
        struct sc_link_view v = { .state = "" };
        env->link(env->ctx, links[i], &v);
        labelled(out, "link_up", "link", links[i],
                 sc_streq(v.state, "up") || sc_streq(v.state, "ready"));
    }
}

static void write_redis(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_transport_stats s = { .pending = 0 };
    if (env->redis_stats)
        env->redis_stats(env->ctx, &s);
    head(out, "redis_trimmed_entries_total", "counter",
         "Entries this sidecar trimmed from inbox streams before anybody took them.");
    labelled(out, "redis_trimmed_entries_total", "reason", "age", (int64_t)s.trimmed_age);
    labelled(out, "redis_trimmed_entries_total", "reason", "length", (int64_t)s.trimmed_length);
    gauge(out, "redis_pending_sends", "Sends that wait for Redis's answer.", (int64_t)s.pending);
    gauge(out, "redis_unsettled_entries", "Entries read from Redis and not yet stored here.",
          (int64_t)s.unsettled);
}

static void write_mcp(const struct sc_ops_env *env, struct sc_buf *out)
{
    const struct sc_mcp_stats s =
        env->mcp ? sc_mcp_stats(env->mcp) : (struct sc_mcp_stats){ .calls = 0 };
    head(out, "mcp_calls_total", "counter", "Tools that agents called.");
    sc_buf_addf(out, "sideclaw_mcp_calls_total %" PRIu64 "\n", s.calls);
    head(out, "mcp_failed_total", "counter", "Of these, those that ended with isError.");
    sc_buf_addf(out, "sideclaw_mcp_failed_total %" PRIu64 "\n", s.failed);
    head(out, "mcp_refused_total", "counter", "Messages of MCP clients that were no good request.");
    sc_buf_addf(out, "sideclaw_mcp_refused_total %" PRIu64 "\n", s.refused);
    gauge(out, "mcp_sessions", "MCP clients on the control socket, and requests over HTTP, now.",
          (int64_t)s.sessions);
}

static void write_events(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_events_stats s = { .pushed = 0 };
    if (env->events)
        sc_events_stats(env->events, &s);
    head(out, "events_pushed_total", "counter", "Events from here that reached Redis.");
    sc_buf_addf(out, "sideclaw_events_pushed_total %" PRIu64 "\n", s.pushed);
    head(out, "events_heard_total", "counter", "Events heard here, from whomever.");
    sc_buf_addf(out, "sideclaw_events_heard_total %" PRIu64 "\n", s.heard);
    head(out, "events_dropped_total", "counter", "Events that waited for Redis and found no room.");
    sc_buf_addf(out, "sideclaw_events_dropped_total %" PRIu64 "\n", s.dropped);
    gauge(out, "events_waiting", "Events that wait for Redis.", (int64_t)s.waiting);
}

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
    head(out, "agents", "gauge", "Agents in the view of the mesh.");
    labelled(out, "agents", "place", "local", agents[true]);
    labelled(out, "agents", "place", "remote", agents[false]);
    head(out, "gateways", "gauge", "Gateways in the view of the mesh.");
    for (int s = SC_GATEWAY_DEAD; s <= SC_GATEWAY_HEALTHY; s++)
        labelled(out, "gateways", "status", sc_gateway_status_name((enum sc_gateway_status)s),
                 gateways[s]);
}

static void write_tasks(const struct sc_ops_env *env, struct sc_buf *out)
{
    struct sc_tasks_counters n = { .pushed = 0 };
    if (env->tasks)
        sc_tasks_counters(env->tasks, &n);
    gauge(out, "tasks_open", "Tasks pushed here that are not over.", n.home_open);
    gauge(out, "task_results_pending", "Results kept here that their homes have not confirmed.",
          n.ends_pending);
    counter(out, "tasks_pushed_total", "Tasks pushed here.", n.pushed);
    counter(out, "tasks_put_back_total", "Tasks that Redis forgot and got again.", n.put_back);
    counter(out, "tasks_popped_total", "Leases given to agents here.", n.popped);
    counter(out, "tasks_completed_total", "Results of agents here that count.", n.completed);
    counter(out, "tasks_failed_total", "Attempts of agents here that failed.", n.failed);
    counter(out, "tasks_stale_total", "Words of agents here whose lease was over.", n.stale);
    counter(out, "task_renewals_total", "Leases of agents here that began anew.", n.renewed);
}

void sc_metrics_write(const struct sc_ops_env *env, struct sc_buf *out)
{
    head(out, "build_info", "gauge", "1; the version is a label.");
    labelled(out, "build_info", "version", SC_VERSION, 1);
    gauge(out, "uptime_seconds", "Since the daemon started.",
          (sc_clock_mono(&env->clock).ms - env->started.ms) / 1000);
    gauge(out, "signed", "1 while a mesh key signs and checks envelopes.", env->is_signed);
    write_router(env, out);
    write_transports(env, out);
    write_peer(env, out);
    write_spool(env, out);
    write_memory(env, out);
    write_health(env, out);
    write_links(env, out);
    write_redis(env, out);
    write_mcp(env, out);
    write_events(env, out);
    write_tasks(env, out);
    write_mesh(env, out);
}
