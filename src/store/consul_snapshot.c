/* An owned copy of what the domain said of this gateway, and the keys that it becomes (DESIGN 2).
 */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/agent_json.h"
#include "sideclaw/mem.h"

void sc_consul_snapshot_fini(struct sc_consul_snapshot *s)
{
    free(s->cluster_id);
    sc_gateway_info_fini(&s->gateway);
    for (size_t i = 0; i < s->n; i++)
        sc_agent_info_fini(&s->agents[i]);
    free(s->agents);
    *s = (struct sc_consul_snapshot){ 0 };
}

void sc_consul_snapshot_take(struct sc_consul_snapshot *s, const struct sc_presence *from)
{
    const struct sc_gateway_info *g = &from->gateway;
    sc_consul_snapshot_fini(s);
    s->set = true;
    s->cluster_id = sc_xstrdup(from->cluster_id);
    s->turns = from->turns;
    s->gateway.url = sc_xstrdup(g->url ? g->url : "");
    s->gateway.peer_url = sc_xstrdup(g->peer_url ? g->peer_url : "");
    s->gateway.status = g->status;
    s->gateway.last_heartbeat = g->last_heartbeat;
    sc_strv_copy(&s->gateway.agents, &g->agents);
    sc_strv_copy(&s->gateway.labels, &g->labels);
    s->agents = sc_xcalloc(from->n_agents + 1, sizeof *s->agents);
    for (; s->n < from->n_agents; s->n++) {
        const struct sc_agent_info *a = &from->agents[s->n];
        struct sc_agent_info *copy = &s->agents[s->n];
        copy->id = sc_xstrdup(a->id);
        copy->status = a->status;
        copy->last_seen = a->last_seen.ms ? a->last_seen : g->last_heartbeat;
        sc_strv_copy(&copy->capabilities, &a->capabilities);
        sc_strv_copy(&copy->labels, &a->labels);
        copy->description = sc_xstrdup(a->description);
    }
}

size_t sc_consul_snapshot_agent_ops(const struct sc_consul_snapshot *s, size_t i)
{
    return SC_CONSUL_AGENT_OPS + (s->agents[i].description != NULL);
}

bool sc_consul_snapshot_has(const struct sc_consul_snapshot *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (sc_streq(s->agents[i].id, id))
            return true;
    return false;
}

char *sc_consul_agent_key(const struct sc_consul_env *env, const char *id, const char *field)
{
    return sc_xasprintf("%s/agents/%s/%s", env->prefix, id, field);
}

char *sc_consul_gateway_key(const struct sc_consul_env *env, const char *field)
{
    return sc_xasprintf("%s/gateways/%s/%s", env->prefix, env->self, field);
}

void sc_consul_add_lock(struct sc_buf *txn, char *take_key, const char *value, const char *session)
{
    sc_kv_txn_add(txn, &(struct sc_kv_op){ .verb = SC_KV_LOCK,
                                           .key = take_key,
                                           .value = value,
                                           .value_len = strlen(value),
                                           .session = session });
    free(take_key);
}

void sc_consul_snapshot_add_gateway(const struct sc_consul_snapshot *s,
                                    const struct sc_consul_env *env, const char *session,
                                    struct sc_buf *txn)
{
    const struct sc_gateway_info *g = &s->gateway;
    char time[SC_RFC3339_SIZE];
    sc_auto_buf struct sc_buf agents = SC_BUF_INIT, labels = SC_BUF_INIT, load = SC_BUF_INIT;
    sc_strv_to_json(&g->agents, &agents);
    sc_labels_to_json(&g->labels, &labels);
    sc_buf_addf(&load, "{\"turns\":%u}", s->turns);
    sc_wall_format_s(g->last_heartbeat, time);
    const struct {
        const char *field, *value;
    } keys[SC_CONSUL_GATEWAY_OPS] = { { "url", g->url },
                                      { "peer_url", g->peer_url },
                                      { "agents", sc_buf_str(&agents) },
                                      { "status", sc_gateway_status_name(g->status) },
                                      { "labels", sc_buf_str(&labels) },
                                      { "load", sc_buf_str(&load) },
                                      { "last_heartbeat", time } };
    for (size_t i = 0; i < SC_ARRAY_LEN(keys); i++)
        sc_consul_add_lock(txn, sc_consul_gateway_key(env, keys[i].field), keys[i].value, session);
}

void sc_consul_snapshot_add_agent(const struct sc_consul_snapshot *s, size_t i,
                                  const struct sc_consul_env *env, const char *session,
                                  struct sc_buf *txn)
{
    const struct sc_agent_info *a = &s->agents[i];
    char time[SC_RFC3339_SIZE];
    sc_auto_buf struct sc_buf capabilities = SC_BUF_INIT;
    sc_strv_to_json(&a->capabilities, &capabilities);
    sc_wall_format_s(a->last_seen, time);
    const struct {
        const char *field, *value;
    } keys[SC_CONSUL_AGENT_OPS] = { { "gateway", env->self },
                                    { "capabilities", sc_buf_str(&capabilities) },
                                    { "status", sc_agent_status_name(a->status) },
                                    { "last_seen", time } };
    for (size_t k = 0; k < SC_ARRAY_LEN(keys); k++)
        sc_consul_add_lock(txn, sc_consul_agent_key(env, a->id, keys[k].field), keys[k].value,
                           session);
    if (!a->description)
        return;
    sc_auto_buf struct sc_buf about = SC_BUF_INIT;
    sc_about_to_json(a, &about);
    sc_consul_add_lock(txn, sc_consul_agent_key(env, a->id, "about"), sc_buf_str(&about), session);
}
