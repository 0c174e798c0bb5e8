/* One of the view's two lists: what the last whole answer said, and the one that is coming in. Kept
 * as JSON, an object a line, because that is what goes to disk, and what a mesh of thousands costs
 * least as.
 *
 * It also bridges the moment after an outage: a Consul that came back empty is filled again by
 * every sidecar within a heartbeat or two, and until then nobody must learn that the whole mesh is
 * unknown. So for GRACE_MS after a silence, what the answers do not name is still listed, by the
 * view's wish as offline and dead. */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/agent_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { GRACE_MS = 30 * 1000 };

/* ---- what matters: FNV-1a over the fields that are worth a write to disk ---- */

static uint64_t mix(uint64_t h, const char *s)
{
    for (; s && *s; s++)
        h = (h ^ (uint64_t)(unsigned char)*s) * UINT64_C(0x100000001b3);
    return (h ^ 0xff) * UINT64_C(0x100000001b3); /* so that "a","b" is not "ab" */
}

static uint64_t mix_strv(uint64_t h, const struct sc_strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        h = mix(h, l->v[i]);
    return mix(h, NULL);
}

static uint64_t agent_print(uint64_t h, const struct sc_agent_info *a)
{
    /* busy and active are one: turns come and go, the disk need not follow */
    const char *status = a->status == SC_AGENT_OFFLINE ? "offline" : "active";
    h = mix_strv(mix(mix(mix(h, a->id), a->gateway), status), &a->capabilities);
    return a->description ? mix_strv(mix(h, a->description), &a->labels) : h;
}

static uint64_t gateway_print(uint64_t h, const struct sc_gateway_info *g)
{
    h = mix(mix(mix(h, g->name), g->url), g->peer_url);
    h = mix(mix(h, sc_gateway_status_name(g->status)), g->held ? "held" : "");
    return mix_strv(mix_strv(h, &g->agents), &g->labels);
}

/* ---- entries ---- */

static void add_comma(struct sc_buf *text)
{
    if (text->n > 0)
        sc_buf_adds(text, ",\n");
}

/* Whether this answer is one after a silence shows only at its end, so the names are always kept.
 */
static bool add(struct sc_consul_list *l, const char *name, size_t max)
{
    if (l->n >= max)
        return false;
    if (!l->seen)
        l->seen = sc_map_new();
    (void)sc_map_set(l->seen, name, l);
    l->n++;
    add_comma(&l->coming);
    return true;
}

void sc_consul_list_agent(struct sc_consul_list *l, const struct sc_agent_info *a)
{
    if (!add(l, a->id, SC_AGENTS_MAX))
        return;
    sc_agent_info_to_json(a, &l->coming);
    l->coming_print = agent_print(l->coming_print, a);
}

void sc_consul_list_gateway(struct sc_consul_list *l, const struct sc_gateway_info *g)
{
    if (!add(l, g->name, SC_GATEWAYS_MAX))
        return;
    sc_gateway_info_to_json(g, &l->coming);
    l->coming_print = gateway_print(l->coming_print, g);
}

void sc_consul_list_each(const struct sc_buf *objects, sc_consul_line_fn *fn, void *ctx)
{
    const char *p = sc_buf_str(objects), *end = p + objects->n;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        fn(ctx, p, (size_t)(stop - p) - (stop > p && stop[-1] == ','));
        p = stop + 1;
    }
}

/* ---- after a silence ---- */

void sc_consul_list_recall(struct sc_consul_list *l, sc_mono now, bool resumed,
                           sc_consul_line_fn *fn, void *ctx)
{
    sc_auto_buf struct sc_buf known = l->missed;
    l->missed = (struct sc_buf)SC_BUF_INIT;
    if (resumed) {
        l->grace_until = (sc_mono){ now.ms + GRACE_MS };
        sc_buf_clear(&known);
        sc_buf_add(&known, sc_buf_str(&l->text), l->text.n);
    }
    if (known.n > 0 && now.ms < l->grace_until.ms)
        sc_consul_list_each(&known, fn, ctx);
}

bool sc_consul_list_missed(struct sc_consul_list *l, const char *name)
{
    if (l->seen && sc_map_get(l->seen, name))
        return false;
    add_comma(&l->missed);
    return true;
}

/* ---- orphans ---- */

void sc_consul_list_orphan(struct sc_consul_list *l, const char *key, const char *gateway)
{
    struct sc_consul_orphan *o = sc_xcalloc(1, sizeof *o);
    o->key = sc_xstrdup(key);
    o->gateway = sc_xstrdup(gateway);
    o->modify_index = l->status_index;
    o->next = l->orphans;
    l->orphans = o;
}

static void free_orphans(struct sc_consul_list *l)
{
    struct sc_consul_orphan *next;
    for (struct sc_consul_orphan *o = l->orphans; o; o = next) {
        next = o->next;
        free(o->key);
        free(o->gateway);
        free(o);
    }
    l->orphans = NULL;
}

/* ---- one answer ---- */

static void forget_names(struct sc_consul_list *l)
{
    sc_map_free(l->seen, NULL);
    l->seen = NULL;
}

void sc_consul_list_begin(struct sc_consul_list *l)
{
    l->session[0] = '\0';
    sc_buf_clear(&l->coming);
    l->coming_print = 0;
    l->n = 0;
    free_orphans(l);
    forget_names(l);
}

bool sc_consul_list_end(struct sc_consul_list *l)
{
    bool news = l->coming_print != l->print;
    sc_buf_fini(&l->text); /* not kept for the next answer: in a large mesh that is megabytes */
    l->text = l->coming;
    l->coming = (struct sc_buf)SC_BUF_INIT;
    l->print = l->coming_print;
    forget_names(l);
    return news;
}

void sc_consul_list_fini(struct sc_consul_list *l)
{
    sc_buf_fini(&l->text);
    sc_buf_fini(&l->coming);
    sc_buf_fini(&l->missed);
    forget_names(l);
    free_orphans(l);
}
