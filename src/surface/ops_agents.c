/* ops_agents.c: who is in the mesh. */
#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

struct sc_value *sc_strv_value(const struct sc_strv *l)
{
    struct sc_value *v = sc_value_array();
    for (size_t i = 0; i < l->n; i++)
        sc_value_add_str(v, l->v[i]);
    return v;
}

static const char *way(void *ctx, const char *gateway)
{
    return sc_router_way(ctx, gateway);
}

struct sc_pick_world sc_ops_world(const struct sc_ops_env *env)
{
    struct sc_link_view gateway;
    env->link(env->ctx, "gateway", &gateway);
    return (struct sc_pick_world){ .registry = env->registry,
                                   .way = way,
                                   .gateway_ready = sc_streq(gateway.state, "ready"),
                                   .draining = !sc_drain_serves(env->drain),
                                   .ctx = env->router };
}

static struct sc_value *agent_value(const struct sc_candidate *c)
{
    const struct sc_agent_info *a = c->agent;
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", a->id);
    sc_value_set_str(v, "gateway", a->gateway);
    sc_value_set_str(v, "status", sc_agent_status_name(a->status));
    sc_value_set(v, "capabilities", sc_strv_value(&a->capabilities));
    sc_value_set_bool(v, "reachable", c->via != NULL);
    sc_value_set_str(v, "via", c->via);
    sc_value_set_int(v, "load", c->load);
    sc_value_set_bool(v, "local", c->local);
    sc_value_set_time(v, "last_seen", a->last_seen);
    if (a->description && *a->description)
        sc_value_set_str(v, "description", a->description);
    if (a->labels.n > 0)
        sc_value_set(v, "labels", sc_strv_value(&a->labels));
    return v;
}

/* Rows up to a limit; 0: all. */
struct agent_list {
    struct sc_value *rows;
    int64_t limit, more;
};

static bool add_agent(void *ctx, const struct sc_candidate *c)
{
    struct agent_list *l = ctx;
    if (l->limit && (int64_t)sc_value_count(l->rows) >= l->limit)
        l->more++;
    else
        sc_value_add(l->rows, agent_value(c));
    return true;
}

void sc_op_agents_list(struct sc_call *call)
{
    const struct sc_value *p = call->params;
    const struct sc_pick_world world = sc_ops_world(call->env);
    const struct sc_pick_query query = { .gateway = sc_value_get_str(p, "gateway"),
                                         .capability = sc_value_get_str(p, "capability"),
                                         .group = sc_value_get_str(p, "group"),
                                         .status = sc_value_get_str(p, "status") };
    /* A model reads every row; a program wants all of them. */
    struct agent_list l = { .rows = sc_value_array(),
                            .limit = sc_value_get_int(p, "limit",
                                                      call->caller ? SC_DISCOVER_DEFAULT : 0) };
    sc_pick_each(&world, &query, add_agent, &l);
    struct sc_value *v = sc_value_object();
    sc_value_set(v, "agents", l.rows);
    if (l.more)
        sc_value_set_int(v, "more", l.more);
    sc_call_reply(call, v);
}

static bool add_gateway(void *ctx, const struct sc_gateway_info *g, bool self)
{
    struct sc_value *rows = ctx, *v = sc_value_object();
    sc_value_set_str(v, "name", g->name);
    sc_value_set_str(v, "status", sc_gateway_status_name(g->status));
    sc_value_set_str(v, "url", g->url);
    sc_value_set_str(v, "peer_url", g->peer_url);
    sc_value_set(v, "agents", sc_strv_value(&g->agents));
    sc_value_set(v, "labels", sc_strv_value(&g->labels));
    sc_value_set_int(v, "turns", g->turns);
    sc_value_set_bool(v, "self", self);
    sc_value_set_time(v, "last_heartbeat", g->last_heartbeat);
    sc_value_add(rows, v);
    return true;
}

void sc_op_gateways_list(struct sc_call *call)
{
    struct sc_value *rows = sc_value_array(), *v = sc_value_object();
    sc_registry_each_gateway(call->env->registry, add_gateway, rows);
    sc_value_set(v, "gateways", rows);
    sc_call_reply(call, v);
}
