#include "sideclaw/registry.h"

#include <stdlib.h>
#include <string.h>

#include "registry_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/suggest.h"

static void free_agent(void *value)
{
    struct agent_entry *e = value;
    sc_agent_info_fini(&e->info);
    free(e);
}

static void free_gateway(void *value)
{
    struct gateway_entry *e = value;
    sc_gateway_info_fini(&e->info);
    free(e);
}

struct sc_registry *sc_registry_new(const struct sc_registry_deps *deps)
{
    struct sc_registry *r = sc_xcalloc(1, sizeof *r);
    r->d = *deps;
    r->agents = sc_map_new();
    r->gateways = sc_map_new();
    r->conflicts = sc_map_new();
    return r;
}

void sc_registry_free(struct sc_registry *r)
{
    if (!r)
        return;
    registry_free_local(r);
    sc_map_free(r->agents, free_agent);
    sc_map_free(r->gateways, free_gateway);
    sc_map_free(r->conflicts, free);
    free(r);
}

void registry_tell(const struct sc_registry *r, enum sc_registry_news what, const char *name)
{
    if (r->d.news)
        r->d.news(r->d.ctx, what, name);
}

static void tell_gateway(const struct sc_registry *r, const char *name, bool up)
{
    sc_log_info(r->d.log, up ? "mesh.gateway_up" : "mesh.gateway_down", SC_S("gateway", name));
    if (r->gateways_seen)
        registry_tell(r, up ? SC_NEWS_GATEWAY_UP : SC_NEWS_GATEWAY_DOWN, name);
}

void sc_registry_agents_begin(struct sc_registry *r)
{
    r->agents_generation++;
}

/* Messages for it are filed under the gateway it was at, or under none when it was unknown; asking
 * for its new gateway's covers those. The first view needs no word: its gateways all come to life.
 */
static void moved(struct sc_registry *r, struct agent_entry *e, const char *gateway)
{
    sc_auto_free char *before = sc_steal(&e->info.gateway);
    e->info.gateway = sc_xstrdup(gateway);
    const char *filed = before ? before : gateway;
    if (r->agents_seen && filed && r->d.gateway_alive)
        r->d.gateway_alive(r->d.ctx, filed);
}

void sc_registry_agent(struct sc_registry *r, const struct sc_agent_info *a)
{
    struct agent_entry *e = sc_map_get(r->agents, a->id);
    if (!e) {
        if (sc_map_count(r->agents) >= SC_AGENTS_MAX)
            return;
        e = sc_xcalloc(1, sizeof *e);
        e->info.id = sc_xstrdup(a->id);
        (void)sc_map_set(r->agents, a->id, e);
    }
    e->generation = r->agents_generation;
    e->info.status = a->status;
    if (e->info.last_seen.ms != a->last_seen.ms)
        e->given = 0;
    e->info.last_seen = a->last_seen;
    if (!sc_streq(e->info.gateway, a->gateway))
        moved(r, e, a->gateway);
    if (!sc_strv_eq(&e->info.capabilities, &a->capabilities)) {
        sc_strv_fini(&e->info.capabilities);
        sc_strv_copy(&e->info.capabilities, &a->capabilities);
    }
    sc_set_str(&e->info.description, a->description);
    if (!sc_strv_eq(&e->info.labels, &a->labels)) {
        sc_strv_fini(&e->info.labels);
        sc_strv_copy(&e->info.labels, &a->labels);
    }
}

static bool sweep_agent(void *ctx, const char *key, void *value)
{
    struct sc_registry *r = ctx;
    struct agent_entry *e = value;
    if (e->generation != r->agents_generation)
        free_agent(sc_map_del(r->agents, key));
    return true;
}

void sc_registry_agents_end(struct sc_registry *r)
{
    sc_map_each(r->agents, sweep_agent, r);
    r->agents_seen = true;
}

void sc_registry_gateways_begin(struct sc_registry *r)
{
    r->gateways_generation++;
}

static void copy_gateway(struct sc_gateway_info *dst, const struct sc_gateway_info *src)
{
    sc_set_str(&dst->url, src->url);
    sc_set_str(&dst->peer_url, src->peer_url);
    dst->status = src->status;
    dst->last_heartbeat = src->last_heartbeat;
    dst->held = src->held;
    dst->turns = src->turns;
    sc_strv_fini(&dst->agents);
    sc_strv_copy(&dst->agents, &src->agents);
    sc_strv_fini(&dst->labels);
    sc_strv_copy(&dst->labels, &src->labels);
}

void sc_registry_gateway(struct sc_registry *r, const struct sc_gateway_info *g)
{
    struct gateway_entry *e = sc_map_get(r->gateways, g->name);
    bool was_alive = e && e->info.status != SC_GATEWAY_DEAD;
    bool drained = e && e->info.status == SC_GATEWAY_DRAINING;
    if (!e) {
        if (sc_map_count(r->gateways) >= SC_GATEWAYS_MAX)
            return;
        e = sc_xcalloc(1, sizeof *e);
        e->info.name = sc_xstrdup(g->name);
        (void)sc_map_set(r->gateways, g->name, e);
    }
    e->generation = r->gateways_generation;
    copy_gateway(&e->info, g);
    bool alive = g->status != SC_GATEWAY_DEAD;
    if (alive != was_alive)
        tell_gateway(r, g->name, alive);
    bool takes_again = drained && g->status != SC_GATEWAY_DRAINING;
    if (alive && (!was_alive || takes_again) && r->d.gateway_alive)
        r->d.gateway_alive(r->d.ctx, g->name);
}

static bool sweep_gateway(void *ctx, const char *key, void *value)
{
    struct sc_registry *r = ctx;
    struct gateway_entry *e = value;
    if (e->generation == r->gateways_generation)
        return true;
    if (e->info.status != SC_GATEWAY_DEAD)
        tell_gateway(r, key, false);
    free_gateway(sc_map_del(r->gateways, key));
    return true;
}

void sc_registry_gateways_end(struct sc_registry *r)
{
    sc_map_each(r->gateways, sweep_gateway, r);
    r->gateways_seen = true;
}

void sc_registry_conflict(struct sc_registry *r, const char *agent, const char *holder)
{
    const char *key = agent ? agent : "";
    const char *known = sc_map_get(r->conflicts, key);
    if (!*holder) {
        if (known)
            sc_log_info(r->d.log, "mesh.conflict_over", SC_S("agent", key));
        free(sc_map_del(r->conflicts, key));
    } else if (!sc_streq(known, holder)) {
        sc_log_error(r->d.log, "mesh.conflict", SC_S("agent", key), SC_S("holder", holder));
        free(sc_map_set(r->conflicts, key, sc_xstrdup(holder)));
    }
}

bool sc_registry_complete(const struct sc_registry *r)
{
    /* Until our own gateway has said who is there, an unknown name may be one of ours. */
    return r->fresh && r->agents_seen && r->gateways_seen && r->listed;
}

bool sc_registry_listed(const struct sc_registry *r)
{
    return r->listed;
}

void sc_registry_set_fresh(struct sc_registry *r, bool fresh)
{
    r->fresh = fresh;
}

/* The directory's word on an agent; NULL when it has none that lives. */
static const char *directory_gateway(const struct sc_registry *r, const char *agent)
{
    const struct agent_entry *e = sc_map_get(r->agents, agent);
    return e && e->info.gateway ? e->info.gateway : NULL;
}

static bool is_mailbox_only(const char *agent)
{
    static const char external[] = "external:";
    return sc_streq(agent, "operator") || strncmp(agent, external, sizeof external - 1) == 0;
}

enum sc_place sc_registry_locate(const struct sc_registry *r, const char *agent,
                                 const char **ret_gateway)
{
    const struct local_agent *own = registry_find_local(r, agent);
    const char *gateway = directory_gateway(r, agent);
    *ret_gateway = r->d.self_name;
    if (is_mailbox_only(agent))
        return SC_PLACE_INBOX;
    /* In a conflict it is where the directory says, and ours as long as it names nobody else. */
    bool held =
        own && sc_map_get(r->conflicts, agent) && gateway && !sc_streq(gateway, r->d.self_name);
    if (own && !held) {
        /* Before the gateway has said who is there, everybody of ours may be. */
        return own->in_gateway || !r->listed ? SC_PLACE_LOCAL : SC_PLACE_INBOX;
    }
    if (!gateway)
        return SC_PLACE_UNKNOWN;
    if (sc_streq(gateway, r->d.self_name))
        return r->listed ? SC_PLACE_UNKNOWN : SC_PLACE_LOCAL;
    *ret_gateway = gateway;
    return SC_PLACE_REMOTE;
}

bool sc_registry_rests(const struct sc_registry *r, const char *agent)
{
    const char *gateway;
    const struct local_agent *own = registry_find_local(r, agent);
    return (own && (own->in_config || own->declared.id) && !own->in_gateway) ||
           sc_registry_locate(r, agent, &gateway) == SC_PLACE_INBOX;
}

struct suggestion {
    const char **ids;
    size_t n;
};

static bool collect(void *ctx, const char *key, void *value)
{
    struct suggestion *s = ctx;
    (void)value;
    s->ids[s->n++] = key;
    return true;
}

const char *sc_registry_suggest(const struct sc_registry *r, const char *agent)
{
    struct suggestion s = { .ids =
                                sc_xcalloc(sc_map_count(r->agents) + r->n_local, sizeof *s.ids) };
    for (size_t i = 0; i < r->n_local; i++)
        s.ids[s.n++] = r->local[i].id;
    sc_map_each(r->agents, collect, &s);
    const char *best = sc_suggest(agent, s.ids, s.n);
    free(s.ids);
    return best;
}

bool sc_registry_everywhere(const char *agent)
{
    return is_mailbox_only(agent);
}

bool sc_registry_gateway_known(const struct sc_registry *r, const char *gateway)
{
    return sc_streq(gateway, r->d.self_name) || sc_map_get(r->gateways, gateway);
}

const struct sc_gateway_info *sc_registry_gateway_info(const struct sc_registry *r,
                                                       const char *gateway)
{
    const struct gateway_entry *e = gateway ? sc_map_get(r->gateways, gateway) : NULL;
    return e ? &e->info : NULL;
}

bool sc_registry_drains(const struct sc_registry *r, const char *gateway)
{
    const struct sc_gateway_info *g = sc_registry_gateway_info(r, gateway);
    return r->fresh && g && g->status == SC_GATEWAY_DRAINING;
}

void sc_registry_note_given(struct sc_registry *r, const char *agent)
{
    struct agent_entry *e = sc_map_get(r->agents, agent);
    if (e)
        e->given++;
}

unsigned sc_registry_given(const struct sc_registry *r, const char *agent)
{
    const struct agent_entry *e = sc_map_get(r->agents, agent);
    return e ? e->given : 0;
}

struct visit_agents {
    const struct sc_registry *r;
    sc_agent_fn *fn;
    void *ctx;
};

static bool visit_agent(void *ctx, const char *key, void *value)
{
    const struct visit_agents *v = ctx;
    const struct agent_entry *e = value;
    if (registry_find_local(v->r, key))
        return true; /* already shown, as we know it */
    return v->fn(v->ctx, &e->info, false);
}

void sc_registry_each_agent(const struct sc_registry *r, sc_agent_fn *fn, void *ctx)
{
    struct visit_agents v = { .r = r, .fn = fn, .ctx = ctx };
    for (size_t i = 0; r->infos && i < r->n_local; i++)
        if (!fn(ctx, &r->infos[i], true))
            return;
    sc_map_each_sorted(r->agents, visit_agent, &v);
}

struct visit_gateways {
    const char *self;
    sc_gateway_fn *fn;
    void *ctx;
};

static bool visit_gateway(void *ctx, const char *key, void *value)
{
    const struct visit_gateways *v = ctx;
    const struct gateway_entry *e = value;
    return v->fn(v->ctx, &e->info, sc_streq(key, v->self));
}

void sc_registry_each_gateway(const struct sc_registry *r, sc_gateway_fn *fn, void *ctx)
{
    struct visit_gateways v = { .self = r->d.self_name, .fn = fn, .ctx = ctx };
    sc_map_each_sorted(r->gateways, visit_gateway, &v);
}

struct visit_conflicts {
    sc_conflict_fn *fn;
    void *ctx;
};

static bool visit_conflict(void *ctx, const char *key, void *value)
{
    const struct visit_conflicts *v = ctx;
    v->fn(v->ctx, *key ? key : NULL, value);
    return true;
}

void sc_registry_each_conflict(const struct sc_registry *r, sc_conflict_fn *fn, void *ctx)
{
    struct visit_conflicts v = { .fn = fn, .ctx = ctx };
    sc_map_each_sorted(r->conflicts, visit_conflict, &v);
}
