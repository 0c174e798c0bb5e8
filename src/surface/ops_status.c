/* ops_status.c: the whole of this sidecar on one page. */
#include <unistd.h>

#include "handlers.h"
#include "sideclaw/mem.h"

static struct sc_value *links_value(const struct sc_ops_env *env)
{
    static const char *const links[] = { "gateway", "redis", "peer", "consul" };
    struct sc_value *v = sc_value_object();
    for (size_t i = 0; i < SC_ARRAY_LEN(links); i++) {
        struct sc_link_view view = { .state = "unknown", .detail = "", .remedy = "" };
        env->link(env->ctx, links[i], &view);
        struct sc_value *link = sc_value_object();
        sc_value_set_str(link, "state", view.state);
        sc_value_set_str(link, "detail", view.detail);
        sc_value_set_str(link, "remedy", view.remedy);
        sc_value_set(v, links[i], link);
    }
    return v;
}

static struct sc_value *spool_value(const struct sc_ops_env *env)
{
    struct sc_spool_stats s = { .bytes = 0 };
    env->spool.ops->stats(env->spool.impl, &s);
    struct sc_value *v = sc_value_object();
    sc_value_set_int(v, "outbox", s.outbox_open);
    sc_value_set_int(v, "inbox", s.inbox_open);
    sc_value_set_int(v, "dead", s.dead[0] + s.dead[1]);
    sc_value_set_int(v, "ambiguous", s.ambiguous[0] + s.ambiguous[1]);
    sc_value_set_int(v, "messages", s.messages);
    sc_value_set_int(v, "max_messages", s.max_messages);
    sc_value_set_int(v, "bytes", s.bytes);
    sc_value_set_int(v, "max_bytes", s.max_bytes);
    return v;
}

/* NULL: there is none. */
static struct sc_value *memory_value(const struct sc_ops_env *env)
{
    struct sc_memory_stats s;
    if (!env->memory)
        return sc_value_str(NULL);
    sc_memory_stats(env->memory, &s);
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "state",
                     s.is_ahead   ? "clock ahead"
                     : s.complete ? "shared"
                     : s.up       ? "comparing"
                                  : "only here");
    sc_value_set_int(v, "agents", s.totals.agents);
    sc_value_set_int(v, "keys", s.totals.keys);
    sc_value_set_int(v, "bytes", s.totals.bytes);
    sc_value_set_int(v, "tombstones", s.totals.dead);
    sc_value_set_int(v, "unshared", s.totals.dirty);
    sc_value_set_int(v, "drift", (int64_t)s.drift);
    sc_value_set_int(v, "too_full", (int64_t)s.too_full);
    return v;
}

static struct sc_value *counters_value(const struct sc_ops_env *env)
{
    struct sc_router_counters n;
    sc_router_counters(env->router, &n);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "accepted", n.accepted },         { "sent", n.sent },
        { "retried", n.retried },           { "received", n.received },
        { "duplicates", n.duplicates },     { "delivered", n.delivered },
        { "replied", n.replied },           { "dead", n.dead },
        { "rejected", n.rejected },         { "receipts_in", n.receipts_in },
        { "receipts_out", n.receipts_out }, { "in_flight", n.in_flight },
    };
    struct sc_value *v = sc_value_object();
    for (size_t i = 0; i < SC_ARRAY_LEN(rows); i++)
        sc_value_set_int(v, rows[i].name, (int64_t)rows[i].value);
    return v;
}

struct conflicts {
    struct sc_value *rows;
    const char *self_name;
};

/* An agent id, or without one our gateway's name, that somebody else holds. */
static void add_conflict(void *ctx, const char *agent, const char *holder)
{
    struct conflicts *c = ctx;
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, agent ? "agent" : "gateway", agent ? agent : c->self_name);
    sc_value_set_str(v, "holder", holder);
    sc_value_add(c->rows, v);
}

void sc_op_status_get(struct sc_call *call)
{
    const struct sc_ops_env *env = call->env;
    struct sc_value *v = sc_value_object();
    struct conflicts conflicts = { .rows = sc_value_array(), .self_name = env->self_name };
    sc_registry_each_conflict(env->registry, add_conflict, &conflicts);
    sc_value_set_str(v, "gateway", env->self_name);
    sc_value_set_str(v, "version", SC_VERSION);
    sc_value_set_int(v, "pid", getpid());
    sc_value_set_int(v, "uptime_s", (sc_clock_mono(&env->clock).ms - env->started.ms) / 1000);
    sc_value_set_str(v, "health", sc_health_name(sc_board_verdict(env->board)));
    sc_value_set(v, "reasons", sc_reasons_value(env->board));
    sc_value_set(v, "drain", sc_drain_value(env->drain));
    sc_value_set_bool(v, "signed", env->is_signed);
    sc_value_set_str(v, "default_agent", env->default_agent);
    sc_value_set(v, "links", links_value(env));
    sc_value_set(v, "spool", spool_value(env));
    sc_value_set(v, "memory", memory_value(env));
    sc_value_set_str(v, "spool_path", env->spool_path);
    sc_value_set(v, "counters", counters_value(env));
    sc_value_set_str(v, "last_rejected", sc_router_last_rejected(env->router));
    sc_value_set(v, "conflicts", conflicts.rows);
    sc_call_reply(call, v);
}
