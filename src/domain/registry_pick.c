#include "sideclaw/registry_pick.h"

#include <string.h>

#include "sideclaw/mem.h"

static const char via_inbox[] = "inbox", via_here[] = "here";

bool sc_labels_match(const struct sc_strv *labels, const char *wanted)
{
    if (strchr(wanted, '='))
        return sc_strv_has(labels, wanted);
    sc_auto_free char *group = sc_xasprintf("group=%s", wanted);
    return sc_strv_has(labels, group);
}

/* ---- who fits ---- */

struct search {
    const struct sc_pick_world *w;
    const struct sc_pick_query *q;
    unsigned own_turns;
    sc_candidate_fn *fn;
    void *ctx;
};

static bool is_wanted(const struct search *s, const struct sc_agent_info *a,
                      const struct sc_gateway_info *g)
{
    const struct sc_pick_query *q = s->q;
    if ((q->gateway && !sc_streq(q->gateway, a->gateway)) || sc_streq(q->except, a->id))
        return false;
    if (q->capability && !sc_strv_has(&a->capabilities, q->capability))
        return false;
    if (q->status && !sc_streq(q->status, sc_agent_status_name(a->status)))
        return false;
    return !q->group || sc_labels_match(&a->labels, q->group) ||
           (g && sc_labels_match(&g->labels, q->group));
}

/* A gateway that drains or is dead gets nothing now, whatever way there is to its sidecar. */
static const char *way_to(const struct sc_pick_world *w, const struct sc_agent_info *a,
                          const struct sc_gateway_info *g, bool local)
{
    if (a->status == SC_AGENT_OFFLINE || (local && w->draining))
        return NULL;
    if (local && sc_registry_rests(w->registry, a->id))
        return via_inbox;
    if (local)
        return w->gateway_ready ? via_here : NULL;
    bool takes = g && (g->status == SC_GATEWAY_HEALTHY || g->status == SC_GATEWAY_DEGRADED);
    return takes ? w->way(w->ctx, a->gateway) : NULL;
}

static bool visit(void *ctx, const struct sc_agent_info *a, bool local)
{
    const struct search *s = ctx;
    const struct sc_gateway_info *g = sc_registry_gateway_info(s->w->registry, a->gateway);
    if (!is_wanted(s, a, g))
        return true;
    const struct sc_candidate c = {
        .agent = a,
        .via = way_to(s->w, a, g, local),
        .load =
            local ? s->own_turns : (g ? g->turns : 0) + sc_registry_given(s->w->registry, a->id),
        .ailing = !local && g && g->status != SC_GATEWAY_HEALTHY,
        .local = local,
    };
    return s->fn(s->ctx, &c);
}

/* What the directory says of our own turns is a heartbeat old. */
static unsigned count_turns(const struct sc_registry *r)
{
    size_t n;
    unsigned busy = 0;
    const struct sc_agent_info *own = sc_registry_local(r, &n);
    for (size_t i = 0; i < n; i++)
        busy += own[i].status == SC_AGENT_BUSY;
    return busy;
}

void sc_pick_each(const struct sc_pick_world *w, const struct sc_pick_query *q, sc_candidate_fn *fn,
                  void *ctx)
{
    struct search s = {
        .w = w, .q = q, .own_turns = count_turns(w->registry), .fn = fn, .ctx = ctx
    };
    sc_registry_each_agent(w->registry, visit, &s);
}

/* ---- who gets it ---- */

bool sc_candidate_better(const struct sc_candidate *a, const struct sc_candidate *b)
{
    bool a_rests = sc_streq(a->via, via_inbox), b_rests = sc_streq(b->via, via_inbox);
    bool a_busy = a->agent->status == SC_AGENT_BUSY, b_busy = b->agent->status == SC_AGENT_BUSY;
    if (!a->via != !b->via)
        return a->via;
    if (a_rests != b_rests)
        return b_rests;
    if (a->ailing != b->ailing)
        return b->ailing;
    if (a_busy != b_busy)
        return b_busy;
    if (a->load != b->load)
        return a->load < b->load;
    return strcmp(a->agent->id, b->agent->id) < 0;
}

static bool keep_better(void *ctx, const struct sc_candidate *c)
{
    struct sc_candidate *best = ctx;
    if (!best->agent || sc_candidate_better(c, best))
        *best = *c;
    return true;
}

int sc_pick_best(const struct sc_pick_world *w, const struct sc_pick_query *q,
                 struct sc_candidate *ret, struct sc_err *err)
{
    struct sc_candidate best = { .agent = NULL };
    const char *what = q->capability ? q->capability : "that";
    sc_pick_each(w, q, keep_better, &best);
    if (!best.agent) {
        (void)sc_fail(err, SC_ENOENT, "no %sagent can do '%.100s'", q->except ? "other " : "",
                      what);
        return sc_err_remedy(err, "see what they can do: sideclaw agents, or agent_discover");
    }
    if (!best.via) {
        (void)sc_fail(err, SC_EAWAY, "nobody who can do '%.100s' can be reached now (%.64s is %s)",
                      what, best.agent->id, sc_agent_status_name(best.agent->status));
        return sc_err_remedy(err, "send it to %.64s by name: it then waits until it is back",
                             best.agent->id);
    }
    *ret = best;
    return SC_OK;
}
