/* The port, and the other gateways as the directory names them. */
#include "sideclaw/peer_transport.h"

#include <stdlib.h>
#include <string.h>

#include "peer_internal.h"
#include "sideclaw/mem.h"

/* --- one other gateway --- */

static struct peer *peer_new(struct sc_peer *o, const char *name)
{
    struct peer *p = sc_xcalloc(1, sizeof *p);
    p->owner = o;
    p->name = sc_xstrdup(name);
    p->url = sc_xstrdup("");
    TAILQ_INIT(&p->queue);
    LIST_INIT(&p->requests);
    peer_link_init(p);
    (void)sc_map_set(o->peers, name, p);
    return p;
}

static void peer_free(void *value)
{
    struct peer *p = value;
    peer_send_fini(p);
    peer_link_fini(p);
    free(p->name);
    free(p->url);
    free(p);
}

/* What the directory says, if it can be used; else "" and why. */
static const char *usable_url(const struct sc_peer *o, const char *url, struct sc_err *why)
{
    if (!url || !*url)
        return "";
    if (sc_peer_url_check(url, why) < 0) {
        (void)sc_err_wrap(why, "its peer_url cannot be used");
        (void)sc_err_remedy(why, "set http.peer_url there to http://HOST:PORT");
        return "";
    }
    if (*o->self_url && sc_streq(url, o->self_url)) {
        (void)sc_fail(why, SC_EINVAL, "its peer_url %.100s is ours, too", url);
        (void)sc_err_remedy(why, "set http.listen there to an address of the network, or "
                                 "http.peer_url");
        return "";
    }
    return url;
}

static void set_url(struct peer *p, const char *said)
{
    struct sc_err why = SC_ERR_INIT;
    const char *url = usable_url(p->owner, said, &why);
    bool same = sc_streq(url, p->url);
    if (why.code != SC_OK && strcmp(p->why.text, why.text) != 0)
        sc_log_warn(p->owner->d.log, "peer.url_unusable", SC_S("gateway", p->name),
                    SC_S("reason", why.text), SC_S("remedy", why.remedy),
                    SC_S("instead", "its messages go through the brokers"));
    if (!same || !*url)
        p->why = why;
    if (same)
        return;
    sc_set_str(&p->url, url);
    if (!*url && why.code == SC_OK)
        (void)sc_fail(&why, SC_EAWAY, "%s publishes no peer_url any more", p->name);
    if (!*url)
        peer_send_drop(p, &why);
    peer_link_moved(p);
}

/* --- the directory's view --- */

void sc_peer_gateways_begin(struct sc_peer *o)
{
    o->generation++;
}

void sc_peer_gateway(struct sc_peer *o, const struct sc_gateway_info *g)
{
    if (o->t.state == SC_LINK_OFF || o->closed || sc_streq(g->name, o->self_name))
        return;
    struct peer *p = sc_map_get(o->peers, g->name);
    if (!p && sc_map_count(o->peers) >= SC_GATEWAYS_MAX)
        return;
    p = p ? p : peer_new(o, g->name);
    p->generation = o->generation;
    set_url(p, g->peer_url);
}

/* One that is gone from the directory stays until nothing of it is under way. */
static bool sweep(void *ctx, const char *name, void *value)
{
    struct sc_peer *o = ctx;
    struct peer *p = value;
    if (p->generation == o->generation)
        return true;
    set_url(p, "");
    if (p->n_requests == 0 && !p->queued)
        peer_free(sc_map_del(o->peers, name));
    return true;
}

static bool count(void *ctx, const char *name, void *value)
{
    struct sc_peer_counters *n = ctx;
    const struct peer *p = value;
    (void)name;
    n->sidecars += *p->url != '\0';
    n->answering += *p->url && !p->away;
    return true;
}

void peer_counters(const struct sc_peer *o, struct sc_peer_counters *ret)
{
    *ret = o->n;
    sc_map_each(o->peers, count, ret);
}

static void update_state(struct sc_peer *o)
{
    struct sc_peer_counters n;
    struct sc_peer_view v;
    if (o->t.state == SC_LINK_OFF || o->closed)
        return;
    peer_counters(o, &n);
    enum sc_link_state now = n.sidecars ? SC_LINK_UP : SC_LINK_DOWN;
    if (now == o->t.state)
        return;
    o->t.state = now;
    sc_peer_view(o, &v);
    o->d.events.link(o->d.events.ctx, &o->t, now, v.detail, v.remedy);
}

void sc_peer_gateways_end(struct sc_peer *o)
{
    sc_map_each(o->peers, sweep, o);
    update_state(o);
}

/* --- how it stands --- */

static bool first_trouble(void *ctx, const char *name, void *value)
{
    struct sc_peer_view *v = ctx;
    const struct peer *p = value;
    if (!p->away && (*p->url || p->why.code == SC_OK))
        return true;
    size_t n = strlen(v->detail);
    (void)snprintf(v->detail + n, sizeof v->detail - n, "; %.60s: %.120s", name, p->why.text);
    (void)snprintf(v->remedy, sizeof v->remedy, "%s", p->why.remedy);
    return false;
}

static bool is_refused(void *ctx, const char *name, void *value)
{
    struct sc_peer_view *v = ctx;
    const struct peer *p = value;
    (void)name;
    v->refused = v->refused || (p->away && p->why.code == SC_EAUTH);
    return !v->refused;
}

static void view_off(const struct sc_peer *o, struct sc_peer_view *ret)
{
    (void)snprintf(ret->detail, sizeof ret->detail, "%s",
                   o->d.enabled ? "no mesh.key is set" : "peer.enabled is false");
    if (o->d.enabled)
        (void)snprintf(ret->remedy, sizeof ret->remedy,
                       "give every gateway the same mesh.key_file; messages then arrive without "
                       "Redis and Consul, too");
}

void sc_peer_view(const struct sc_peer *o, struct sc_peer_view *ret)
{
    struct sc_peer_counters n;
    *ret = (struct sc_peer_view){ .state = o->t.state };
    if (o->t.state == SC_LINK_OFF) {
        view_off(o, ret);
        return;
    }
    peer_counters(o, &n);
    if (n.sidecars)
        (void)snprintf(ret->detail, sizeof ret->detail, "%llu of %llu other sidecars answer",
                       (unsigned long long)n.answering, (unsigned long long)n.sidecars);
    else
        (void)snprintf(ret->detail, sizeof ret->detail, "no other gateway publishes a peer_url");
    sc_map_each(o->peers, first_trouble, ret);
    sc_map_each(o->peers, is_refused, ret);
}

/* --- the port --- */

static void send_receipts(void *impl, const struct sc_receipts *rc)
{
    struct sc_peer *o = impl;
    if (o->t.state == SC_LINK_UP || peer_door_waits(o, rc->to_gateway))
        peer_door_receipts(o, rc);
}

static void serve(void *impl, const char *const *agents, size_t n)
{
    (void)impl, (void)agents, (void)n; /* nothing waits anywhere: it is sent to us */
}

static enum sc_reach reach(const void *impl, const char *gateway)
{
    const struct sc_peer *o = impl;
    const struct peer *p = sc_map_get(o->peers, gateway);
    if (peer_door_waits(o, gateway))
        return SC_REACH_WAITS;
    return p && *p->url && !p->away ? SC_REACH_YES : SC_REACH_NO;
}

static bool end_peer(void *ctx, const char *name, void *value)
{
    (void)ctx, (void)name;
    peer_send_fini(value);
    return true;
}

static void close_now(void *ctx)
{
    struct sc_peer *o = ctx;
    sc_map_each(o->peers, end_peer, NULL);
}

static void transport_close(void *impl)
{
    struct sc_peer *o = impl;
    if (o->closed)
        return;
    o->closed = true;
    o->t.state = SC_LINK_OFF;
    sc_loop_defer(o->d.loop, close_now, o);
}

static const struct sc_transport_ops transport_ops = {
    .send = peer_send,
    .receipts = send_receipts,
    .settle = peer_door_settle,
    .serve = serve,
    .reach = reach,
    .close = transport_close,
};

/* --- life --- */

struct sc_peer *sc_peer_new(const struct sc_peer_deps *deps)
{
    struct sc_peer *o = sc_xcalloc(1, sizeof *o);
    bool on = deps->enabled && deps->key.key_len > 0;
    o->d = *deps;
    o->self_name = sc_xstrdup(deps->self_name);
    o->self_url = sc_xstrdup(deps->self_url);
    o->peers = sc_map_new();
    o->replay = sc_peer_replay_new();
    LIST_INIT(&o->visits);
    o->t = (struct sc_transport){ .name = "peer",
                                  .ops = &transport_ops,
                                  .impl = o,
                                  .state = on ? SC_LINK_DOWN : SC_LINK_OFF,
                                  .took = { .scale = &sc_scale_quick } };
    return o;
}

struct sc_transport *sc_peer_transport(struct sc_peer *o)
{
    return &o->t;
}

struct sc_peer_door sc_peer_door(struct sc_peer *o)
{
    return (struct sc_peer_door){ .ops = &peer_door_ops, .impl = o };
}

void sc_peer_free(struct sc_peer *o)
{
    if (!o)
        return;
    o->mute = o->closed = true;
    sc_loop_undefer(o->d.loop, close_now, o);
    peer_door_fini(o);
    sc_map_free(o->peers, peer_free);
    sc_peer_replay_free(o->replay);
    free(o->self_name);
    free(o->self_url);
    free(o);
}
