/* Who is on the gateway and what they can do: agents.list, then the channels bound to them
 * (config.get) and their own skills (skills.status, one agent at a time: each answer has 50 kB and
 * costs the gateway 30 ms). Asked after each log-in and after each change the gateway announces. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/parse.h"

/* ---- the list ---- */

static void agent_fini(struct gw_agent *a)
{
    free(a->id);
    free(a->name);
    sc_strv_fini(&a->channels);
    sc_strv_fini(&a->skills);
}

static void list_free(struct gw_agent *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        agent_fini(&v[i]);
    free(v);
}

static struct gw_agent *find(const struct gw_agents *a, const char *id)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].id, id) == 0)
            return &a->v[i];
    return NULL;
}

struct fresh {
    struct sc_gateway_ws *g;
    struct gw_agent *v;
    size_t n;
};

/* What was known of an agent stays until it is asked again, so that nothing flickers. */
static void on_agent(void *ctx, const char *id, const char *name)
{
    struct fresh *f = ctx;
    struct sc_err err = SC_ERR_INIT;
    if (f->n == SC_LOCAL_AGENTS_MAX || sc_name_check("agent", id, &err) < 0) {
        sc_log_warn(f->g->log, "gateway.agent_ignored",
                    SC_S("error", *err.text ? err.text : "too many agents"),
                    SC_S("then", "goes on without it"));
        return;
    }
    f->v = sc_xrealloc(f->v, (f->n + 1) * sizeof *f->v);
    struct gw_agent *a = &f->v[f->n++];
    *a = (struct gw_agent){ .id = sc_xstrdup(id), .name = sc_xstrdup(name) };
    const struct gw_agent *old = find(&f->g->agents, id);
    if (old) {
        sc_strv_copy(&a->channels, &old->channels);
        sc_strv_copy(&a->skills, &old->skills);
    }
}

/* ---- the report ---- */

static void add_capabilities(struct sc_strv *out, const struct sc_strv *in)
{
    for (size_t i = 0; i < in->n && out->n < SC_CAPABILITIES_MAX; i++)
        if (!sc_strv_has(out, in->v[i]))
            sc_strv_add(out, in->v[i]);
}

/* Everything we report as one text: comparing it is how a change is noticed. */
static void describe(const struct sc_gateway_agent *v, size_t n, struct sc_buf *out)
{
    sc_buf_addf(out, "%zu agents\n", n);
    for (size_t i = 0; i < n; i++) {
        sc_buf_addf(out, "%s\t%s", v[i].id, v[i].name);
        for (size_t k = 0; k < v[i].capabilities.n; k++)
            sc_buf_addf(out, "\t%s", v[i].capabilities.v[k]);
        sc_buf_addc(out, '\n');
    }
}

static void report(struct sc_gateway_ws *g)
{
    struct gw_agents *a = &g->agents;
    struct sc_buf text = SC_BUF_INIT;
    struct sc_gateway_agent *v = sc_xcalloc(a->n + 1, sizeof *v);
    for (size_t i = 0; i < a->n; i++) {
        v[i].id = a->v[i].id;
        v[i].name = a->v[i].name;
        add_capabilities(&v[i].capabilities, &a->v[i].channels);
        add_capabilities(&v[i].capabilities, &a->v[i].skills);
    }
    describe(v, a->n, &text);
    bool changed = !sc_streq(sc_buf_str(&text), sc_buf_str(&a->reported));
    sc_buf_fini(&a->reported);
    a->reported = text;
    if (changed)
        g->events.agents(g->events.ctx, v, a->n);
    for (size_t i = 0; i < a->n; i++)
        sc_strv_fini(&v[i].capabilities);
    free(v);
}

/* ---- asking ---- */

static void ask(struct sc_gateway_ws *g, const char *method, const char *agent, gw_answer_fn *fn)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    g->agents.request = gw_request_new(g, true, fn, NULL);
    sc_gw_write_call(&out, g->agents.request, method, agent);
    (void)gw_request_send(g, &g->agents.request, &out); /* else gw_agents_lost follows */
}

static void round_over(struct sc_gateway_ws *g)
{
    struct gw_agents *a = &g->agents;
    report(g);
    a->busy = false;
    if (a->dirty)
        gw_agents_refresh(g, 0);
}

static void ask_next_skills(struct sc_gateway_ws *g);

static void on_skills(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct gw_agent *a = &g->agents.v[g->agents.next++];
    (void)ctx;
    if (f->ok) { /* else what we knew stays */
        sc_strv_fini(&a->skills);
        sc_gw_skills_read(f, SC_CAPABILITIES_MAX, &a->skills);
    }
    ask_next_skills(g);
}

static void ask_next_skills(struct sc_gateway_ws *g)
{
    if (g->agents.next < g->agents.n)
        ask(g, "skills.status", g->agents.v[g->agents.next].id, on_skills);
    else
        round_over(g);
}

static void on_binding(void *ctx, const char *agent, const char *channel)
{
    struct gw_agents *agents = ctx;
    struct gw_agent *a = find(agents, agent);
    if (a && a->channels.n < SC_CAPABILITIES_MAX && !sc_strv_has(&a->channels, channel))
        sc_strv_add(&a->channels, channel);
}

static void on_config(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    (void)ctx;
    if (f->ok) {
        for (size_t i = 0; i < g->agents.n; i++)
            sc_strv_fini(&g->agents.v[i].channels);
        sc_gw_bindings_read(f, on_binding, &g->agents);
    }
    g->agents.next = 0;
    ask_next_skills(g);
}

static void on_list(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct fresh fresh = { .g = g };
    struct sc_err err = SC_ERR_INIT;
    (void)ctx;
    int r = f->ok ? sc_gw_agents_read(f, on_agent, &fresh, &err)
                  : sc_fail(&err, SC_EAWAY, "%s", f->error.message);
    if (r < 0) {
        sc_log_warn(g->log, "gateway.agents", SC_S("error", err.text), SC_S("then", "asks again"));
        g->agents.busy = false;
        gw_agents_refresh(g, g->timing.agents_retry);
        return;
    }
    list_free(g->agents.v, g->agents.n);
    g->agents.v = fresh.v;
    g->agents.n = fresh.n;
    report(g); /* at once: they can be reached now; what they can do follows */
    ask(g, "config.get", NULL, on_config);
}

static void start_round(void *ctx)
{
    struct sc_gateway_ws *g = ctx;
    if (g->phase != GW_UP || g->state != SC_GW_READY)
        return; /* asked anyway when it is ready again */
    if (g->agents.busy) {
        g->agents.dirty = true;
        return;
    }
    g->agents.busy = true;
    g->agents.dirty = false;
    ask(g, "agents.list", NULL, on_list);
}

void gw_agents_refresh(struct sc_gateway_ws *g, int64_t after_ms)
{
    if (after_ms == 0) {
        sc_timer_disarm(g->agents.timer);
        start_round(g);
    } else if (!sc_timer_armed(g->agents.timer)) {
        sc_timer_arm(g->agents.timer, after_ms);
    }
}

void gw_agents_lost(struct sc_gateway_ws *g)
{
    g->agents.busy = g->agents.dirty = false;
    g->agents.request = 0;
    sc_timer_disarm(g->agents.timer);
}

void gw_agents_init(struct sc_gateway_ws *g)
{
    g->agents.timer = sc_timer_new(g->loop, start_round, g);
}

void gw_agents_fini(struct sc_gateway_ws *g)
{
    list_free(g->agents.v, g->agents.n);
    sc_buf_fini(&g->agents.reported);
    sc_timer_free(sc_steal(&g->agents.timer));
}
