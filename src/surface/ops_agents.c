/* ops_agents.c: who is in the mesh. */
#include "handlers.h"
#include "sideclaw/mem.h"

static struct sc_value *strv_value(const struct sc_strv *l)
{
    struct sc_value *v = sc_value_array();
    for (size_t i = 0; i < l->n; i++)
        sc_value_add_str(v, l->v[i]);
    return v;
}

/* Filters of agents.list; NULL: any. */
struct agent_list {
    struct sc_value *rows;
    const char *gateway, *capability;
};

static bool add_agent(void *ctx, const struct sc_agent_info *a, bool local)
{
    struct agent_list *l = ctx;
    if (l->gateway && !sc_streq(l->gateway, a->gateway))
        return true;
    if (l->capability && !sc_strv_has(&a->capabilities, l->capability))
        return true;
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", a->id);
    sc_value_set_str(v, "gateway", a->gateway);
    sc_value_set_str(v, "status", sc_agent_status_name(a->status));
    sc_value_set(v, "capabilities", strv_value(&a->capabilities));
    sc_value_set_bool(v, "local", local);
    sc_value_set_time(v, "last_seen", a->last_seen);
    sc_value_add(l->rows, v);
    return true;
}

void sc_op_agents_list(struct sc_call *call)
{
    struct agent_list l = { .rows = sc_value_array(),
                            .gateway = sc_value_get_str(call->params, "gateway"),
                            .capability = sc_value_get_str(call->params, "capability") };
    sc_registry_each_agent(call->env->registry, add_agent, &l);
    struct sc_value *v = sc_value_object();
    sc_value_set(v, "agents", l.rows);
    sc_call_reply(call, v);
}

static bool add_gateway(void *ctx, const struct sc_gateway_info *g, bool self)
{
    struct sc_value *rows = ctx, *v = sc_value_object();
    sc_value_set_str(v, "name", g->name);
    sc_value_set_str(v, "status", sc_gateway_status_name(g->status));
    sc_value_set_str(v, "url", g->url);
    sc_value_set_str(v, "peer_url", g->peer_url);
    sc_value_set(v, "agents", strv_value(&g->agents));
    sc_value_set(v, "labels", strv_value(&g->labels));
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
