/* Keys come sorted, so an agent's or a gateway's are neighbours: they are gathered into one info,
 * and that goes to the list when the next name begins. A list is reported only once it is whole:
 * the two answers come in side by side, and one that breaks off must change nothing.
 *
 * The last good view outlives Consul, and us (directory.json). */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/agent_json.h"
#include "sideclaw/file.h"
#include "sideclaw/limits.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { URL_MAX = 2 * SC_NAME_MAX };

/* A change is on disk soon; a busy mesh costs one write in SAVE_EVERY_MS. */
enum { SAVE_SOON_MS = 100, SAVE_EVERY_MS = 3000 };

struct sc_consul_view {
    const struct sc_consul_env *env;
    const struct sc_directory_events *events;
    struct sc_consul_list agents, gateways;
    struct sc_agent_info agent; /* being gathered; id NULL: none */
    struct sc_gateway_info gateway;
    bool agent_held;
    struct sc_strv own, own_coming;
    struct sc_map *held, *held_coming; /* gateways whose session lives */
    char *path;                        /* NULL: not kept */
    struct sc_timer *save_timer;
    sc_mono saved; /* when it was last written */
};

/* ---- the file ---- */

static void save(void *ctx)
{
    struct sc_consul_view *v = ctx;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    v->saved = sc_clock_mono(&v->env->clock);
    sc_buf_addf(&text, "{\"v\":1,\"gateways\":[\n%s\n],\"agents\":[\n%s\n]}\n",
                sc_buf_str(&v->gateways.text), sc_buf_str(&v->agents.text));
    if (sc_file_write(v->path, text.p, text.n, 0600, &err) < 0)
        sc_log_warn(v->env->log, "consul.view.unsaved", SC_S("reason", err.text),
                    SC_S("instead", "the older view stays on disk"));
}

static void whole(struct sc_consul_view *v, struct sc_consul_list *l)
{
    if (!sc_consul_list_end(l) || !v->path || sc_timer_armed(v->save_timer))
        return;
    int64_t rest = v->saved.ms + SAVE_EVERY_MS - sc_clock_mono(&v->env->clock).ms;
    sc_timer_arm(v->save_timer, v->saved.ms && rest > SAVE_SOON_MS ? rest : SAVE_SOON_MS);
}

/* A value that somebody wrote by hand and got wrong: the rest of the entry still counts. */
static void unreadable(const struct sc_consul_view *v, const struct sc_kv_entry *e,
                       const struct sc_err *err)
{
    sc_log_debug(v->env->log, "consul.view.unreadable", SC_S("key", e->key),
                 SC_S("reason", err->text));
}

/* ---- agents ---- */

static void add_orphan(const struct sc_consul_view *v, struct sc_consul_list *l, const char *under,
                       const char *name, const char *gateway)
{
    sc_auto_free char *key = sc_xasprintf("%s/%s/%s/status", v->env->prefix, under, name);
    sc_consul_list_orphan(l, key, gateway);
}

static void flush_agent(struct sc_consul_view *v)
{
    struct sc_agent_info *a = &v->agent;
    /* Without a gateway it is no agent, only a mailbox that somebody wrote to. */
    if (a->id && a->gateway) {
        if (sc_streq(a->gateway, v->env->self))
            sc_strv_add(&v->own_coming, a->id);
        if (a->status != SC_AGENT_OFFLINE && v->agents.session[0] == '\0')
            add_orphan(v, &v->agents, "agents", a->id, a->gateway);
        if (!v->agent_held)
            a->status = SC_AGENT_OFFLINE; /* nobody vouches for it */
        sc_consul_list_agent(&v->agents, a);
    }
    sc_agent_info_fini(a);
    v->agent_held = false;
    v->agents.session[0] = '\0';
}

static sc_wall time_of(const struct sc_kv_entry *e)
{
    sc_wall t = { 0 };
    if (sc_wall_parse(e->value, &t, NULL) < 0)
        t.ms = 0;
    return t;
}

static void note_status(struct sc_consul_list *l, const struct sc_kv_entry *e)
{
    (void)snprintf(l->session, sizeof l->session, "%s", e->session);
    l->status_index = e->modify_index;
}

void sc_consul_view_agents_begin(struct sc_consul_view *v)
{
    sc_consul_list_begin(&v->agents);
    sc_agent_info_fini(&v->agent);
    v->agent_held = false;
    sc_strv_fini(&v->own_coming);
}

void sc_consul_view_agents_key(struct sc_consul_view *v, const char *id, const char *field,
                               const struct sc_kv_entry *e)
{
    struct sc_agent_info *a = &v->agent;
    struct sc_err err = SC_ERR_INIT;
    if (!sc_streq(a->id, id)) {
        flush_agent(v);
        a->id = sc_xstrdup(id);
    }
    if (sc_streq(field, "gateway") && sc_name_check("gateway", e->value, NULL) == SC_OK) {
        sc_set_str(&a->gateway, e->value);
        v->agent_held = e->session[0] != '\0';
    } else if (sc_streq(field, "status")) {
        a->status = sc_agent_status_parse(e->value);
        note_status(&v->agents, e);
    } else if (sc_streq(field, "capabilities")) {
        if (sc_strv_from_json(e->value, e->value_len, SC_CAPABILITIES_MAX, &a->capabilities, &err) <
            0)
            unreadable(v, e, &err);
    } else if (sc_streq(field, "about")) {
        if (sc_about_from_json(e->value, e->value_len, a, &err) < 0)
            unreadable(v, e, &err);
    } else if (sc_streq(field, "last_seen")) {
        a->last_seen = time_of(e);
    }
}

static void recall_agent(void *ctx, const char *json, size_t n)
{
    struct sc_consul_view *v = ctx;
    struct sc_agent_info a;
    if (sc_agent_info_from_json(json, n, &a, NULL) < 0)
        return;
    a.status = SC_AGENT_OFFLINE;
    if (sc_consul_list_missed(&v->agents, a.id)) {
        sc_agent_info_to_json(&a, &v->agents.missed);
        sc_consul_list_agent(&v->agents, &a);
    }
    sc_agent_info_fini(&a);
}

static void deliver_agent(void *ctx, const char *json, size_t n)
{
    const struct sc_directory_events *ev = ctx;
    struct sc_agent_info a;
    if (sc_agent_info_from_json(json, n, &a, NULL) < 0)
        return;
    ev->agent(ev->ctx, &a);
    sc_agent_info_fini(&a);
}

static void deliver_agents(struct sc_consul_view *v)
{
    struct sc_directory_events ev = *v->events;
    ev.agents_begin(ev.ctx);
    sc_consul_list_each(&v->agents.text, deliver_agent, &ev);
    ev.agents_end(ev.ctx);
}

void sc_consul_view_agents_end(struct sc_consul_view *v, bool resumed)
{
    flush_agent(v);
    sc_consul_list_recall(&v->agents, sc_clock_mono(&v->env->clock), resumed, recall_agent, v);
    whole(v, &v->agents);
    sc_strv_fini(&v->own);
    v->own = v->own_coming;
    v->own_coming = (struct sc_strv){ 0 };
    deliver_agents(v);
}

/* ---- gateways ---- */

static void flush_gateway(struct sc_consul_view *v)
{
    struct sc_gateway_info *g = &v->gateway;
    if (g->name && g->url) {
        g->held = v->gateways.session[0] != '\0';
        if (g->held)
            (void)sc_map_set(v->held_coming, g->name, v);
        else if (g->status != SC_GATEWAY_DEAD)
            add_orphan(v, &v->gateways, "gateways", g->name, g->name);
        if (!g->held)
            g->status = SC_GATEWAY_DEAD; /* whether or not the leader has got to it */
        sc_consul_list_gateway(&v->gateways, g);
    }
    sc_gateway_info_fini(g);
    v->gateways.session[0] = '\0';
}

void sc_consul_view_gateways_begin(struct sc_consul_view *v)
{
    sc_consul_list_begin(&v->gateways);
    sc_gateway_info_fini(&v->gateway);
    sc_map_free(v->held_coming, NULL);
    v->held_coming = sc_map_new();
}

static void set_text(char **dst, const struct sc_kv_entry *e)
{
    if (e->value_len <= URL_MAX && sc_utf8_valid(e->value, e->value_len))
        sc_set_str(dst, e->value);
    else
        sc_set_str(dst, "");
}

void sc_consul_view_gateways_key(struct sc_consul_view *v, const char *name, const char *field,
                                 const struct sc_kv_entry *e)
{
    struct sc_gateway_info *g = &v->gateway;
    struct sc_err err = SC_ERR_INIT;
    if (!sc_streq(g->name, name)) {
        flush_gateway(v);
        g->name = sc_xstrdup(name);
    }
    if (sc_streq(field, "url")) {
        set_text(&g->url, e);
    } else if (sc_streq(field, "peer_url")) {
        set_text(&g->peer_url, e);
    } else if (sc_streq(field, "status")) {
        g->status = sc_gateway_status_parse(e->value);
        note_status(&v->gateways, e);
    } else if (sc_streq(field, "agents")) {
        if (sc_strv_from_json(e->value, e->value_len, SC_LOCAL_AGENTS_MAX, &g->agents, &err) < 0)
            unreadable(v, e, &err);
    } else if (sc_streq(field, "labels")) {
        if (sc_labels_from_json(e->value, e->value_len, &g->labels, &err) < 0)
            unreadable(v, e, &err);
    } else if (sc_streq(field, "load")) {
        g->turns = sc_turns_from_json(e->value, e->value_len);
    } else if (sc_streq(field, "last_heartbeat")) {
        g->last_heartbeat = time_of(e);
    }
}

static void recall_gateway(void *ctx, const char *json, size_t n)
{
    struct sc_consul_view *v = ctx;
    struct sc_gateway_info g;
    if (sc_gateway_info_from_json(json, n, &g, NULL) < 0)
        return;
    g.status = SC_GATEWAY_DEAD;
    g.held = false;
    if (sc_consul_list_missed(&v->gateways, g.name)) {
        sc_gateway_info_to_json(&g, &v->gateways.missed);
        sc_consul_list_gateway(&v->gateways, &g);
    }
    sc_gateway_info_fini(&g);
}

static void deliver_gateway(void *ctx, const char *json, size_t n)
{
    const struct sc_directory_events *ev = ctx;
    struct sc_gateway_info g;
    if (sc_gateway_info_from_json(json, n, &g, NULL) < 0)
        return;
    ev->gateway(ev->ctx, &g);
    sc_gateway_info_fini(&g);
}

static void deliver_gateways(struct sc_consul_view *v)
{
    struct sc_directory_events ev = *v->events;
    ev.gateways_begin(ev.ctx);
    sc_consul_list_each(&v->gateways.text, deliver_gateway, &ev);
    ev.gateways_end(ev.ctx);
}

void sc_consul_view_gateways_end(struct sc_consul_view *v, bool resumed)
{
    flush_gateway(v);
    sc_consul_list_recall(&v->gateways, sc_clock_mono(&v->env->clock), resumed, recall_gateway, v);
    whole(v, &v->gateways);
    sc_map_free(v->held, NULL);
    v->held = sc_steal(&v->held_coming);
    deliver_gateways(v);
}

/* ---- the view ---- */

struct sc_consul_view *sc_consul_view_new(const struct sc_consul_env *env,
                                          const struct sc_directory_events *events)
{
    struct sc_consul_view *v = sc_xcalloc(1, sizeof *v);
    v->env = env;
    v->events = events;
    v->path = env->state_dir ? sc_xasprintf("%s/directory.json", env->state_dir) : NULL;
    v->save_timer = sc_timer_new(env->loop, save, v);
    return v;
}

static void load_agent(void *ctx, const struct sc_agent_info *a)
{
    struct sc_consul_view *v = ctx;
    sc_consul_list_agent(&v->agents, a);
}

static void load_gateway(void *ctx, const struct sc_gateway_info *g)
{
    struct sc_consul_view *v = ctx;
    sc_consul_list_gateway(&v->gateways, g);
}

void sc_consul_view_load(struct sc_consul_view *v)
{
    const struct sc_view_fns fns = { .ctx = v, .gateway = load_gateway, .agent = load_agent };
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    struct sc_err err = SC_ERR_INIT;
    if (!v->path || sc_file_read(v->path, SC_VIEW_FILE_MAX, &text, &err) < 0) {
        if (err.code != SC_OK && err.code != SC_ENOENT)
            sc_log_warn(v->env->log, "consul.view.unread", SC_S("reason", err.text),
                        SC_S("instead", "the view begins empty"));
        return;
    }
    if (sc_view_from_json(sc_buf_str(&text), text.n, &fns, &err) < 0) {
        sc_log_warn(v->env->log, "consul.view.unread", SC_S("reason", err.text),
                    SC_S("instead", "the view begins empty"));
        return;
    }
    whole(v, &v->agents);
    whole(v, &v->gateways);
    deliver_gateways(v);
    deliver_agents(v);
    sc_timer_disarm(v->save_timer); /* it is what the disk has */
}

const struct sc_strv *sc_consul_view_own_agents(const struct sc_consul_view *v)
{
    return &v->own;
}

const struct sc_consul_orphan *sc_consul_view_orphans(const struct sc_consul_view *v, bool gateways)
{
    return gateways ? v->gateways.orphans : v->agents.orphans;
}

const char *sc_consul_view_host(const struct sc_consul_view *v, const char *id)
{
    return sc_streq(v->agent.id, id) ? v->agent.gateway : NULL;
}

bool sc_consul_view_held(const struct sc_consul_view *v, const char *gateway)
{
    return v->held && sc_map_get(v->held, gateway);
}

void sc_consul_view_free(struct sc_consul_view *v)
{
    if (!v)
        return;
    if (sc_timer_armed(v->save_timer))
        save(v);
    sc_timer_free(v->save_timer);
    sc_consul_list_fini(&v->agents);
    sc_consul_list_fini(&v->gateways);
    sc_agent_info_fini(&v->agent);
    sc_gateway_info_fini(&v->gateway);
    sc_strv_fini(&v->own);
    sc_strv_fini(&v->own_coming);
    sc_map_free(v->held, NULL);
    sc_map_free(v->held_coming, NULL);
    free(v->path);
    free(v);
}
