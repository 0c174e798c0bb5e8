#include "sideclaw/agent.h"

#include <stdlib.h>

#include "sideclaw/gateway.h"
#include "sideclaw/health.h"
#include "sideclaw/mem.h"
#include "sideclaw/spool.h"

static const char *const agent_status[] = {
    [SC_AGENT_OFFLINE] = "offline", [SC_AGENT_ACTIVE] = "active", [SC_AGENT_BUSY] = "busy"
};
static const char *const gateway_status[] = { [SC_GATEWAY_DEAD] = "dead",
                                              [SC_GATEWAY_DRAINING] = "draining",
                                              [SC_GATEWAY_DEGRADED] = "degraded",
                                              [SC_GATEWAY_HEALTHY] = "healthy" };

const char *sc_agent_status_name(enum sc_agent_status s)
{
    return agent_status[s];
}

const char *sc_gateway_status_name(enum sc_gateway_status s)
{
    return gateway_status[s];
}

enum sc_agent_status sc_agent_status_parse(const char *s)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(agent_status); i++)
        if (sc_streq(s, agent_status[i]))
            return (enum sc_agent_status)i;
    return SC_AGENT_OFFLINE;
}

enum sc_gateway_status sc_gateway_status_parse(const char *s)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(gateway_status); i++)
        if (sc_streq(s, gateway_status[i]))
            return (enum sc_gateway_status)i;
    return SC_GATEWAY_DEAD;
}

const char *sc_gateway_state_name(enum sc_gateway_state s)
{
    static const char *const names[] = {
        [SC_GW_OFF] = "off",           [SC_GW_ABSENT] = "absent", [SC_GW_STARTING] = "starting",
        [SC_GW_READY] = "ready",       [SC_GW_FROZEN] = "frozen", [SC_GW_REFUSED] = "refused",
        [SC_GW_DRAINING] = "draining",
    };
    return names[s];
}

const char *sc_health_name(enum sc_health h)
{
    static const char *const names[] = { [SC_HEALTHY] = "healthy",
                                         [SC_DEGRADED] = "degraded",
                                         [SC_DRAINING] = "draining",
                                         [SC_DEAD] = "dead" };
    return names[h];
}

const char *sc_signal_state_name(enum sc_signal_state s)
{
    static const char *const names[] = { [SC_SIGNAL_UNKNOWN] = "unknown",
                                         [SC_SIGNAL_OK] = "ok",
                                         [SC_SIGNAL_STARTING] = "starting",
                                         [SC_SIGNAL_BAD] = "bad",
                                         [SC_SIGNAL_OFF] = "off" };
    return names[s];
}

void sc_strv_add(struct sc_strv *l, const char *s)
{
    l->v = sc_xrealloc(l->v, (l->n + 2) * sizeof *l->v);
    l->v[l->n++] = sc_xstrdup(s);
    l->v[l->n] = NULL;
}

void sc_strv_fini(struct sc_strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct sc_strv){ 0 };
}

void sc_strv_copy(struct sc_strv *dst, const struct sc_strv *src)
{
    for (size_t i = 0; i < src->n; i++)
        sc_strv_add(dst, src->v[i]);
}

bool sc_strv_has(const struct sc_strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (sc_streq(l->v[i], s))
            return true;
    return false;
}

bool sc_strv_eq(const struct sc_strv *a, const struct sc_strv *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!sc_streq(a->v[i], b->v[i]))
            return false;
    return true;
}

void sc_agent_info_fini(struct sc_agent_info *a)
{
    free(a->id);
    free(a->gateway);
    sc_strv_fini(&a->capabilities);
    sc_strv_fini(&a->labels);
    free(a->description);
    *a = (struct sc_agent_info){ 0 };
}

void sc_gateway_info_fini(struct sc_gateway_info *g)
{
    free(g->name);
    free(g->url);
    free(g->peer_url);
    sc_strv_fini(&g->agents);
    sc_strv_fini(&g->labels);
    *g = (struct sc_gateway_info){ 0 };
}

void sc_record_init(struct sc_record *r)
{
    *r = (struct sc_record){ 0 };
    sc_message_init(&r->msg);
}

void sc_record_fini(struct sc_record *r)
{
    sc_message_fini(&r->msg);
    free(r->via);
    free(r->last_error);
    free(r->reason);
    sc_record_init(r);
}
