/* Which transport: redis, then peer, then consul (DESIGN 5), by what is up and can get there. A
 * link may be up here and down there; so what one took in vain, another one gets. The receiver's
 * dedupe makes that safe. */
#include "router_internal.h"

static enum sc_reach reach_of(const struct sc_transport *t, const char *gateway)
{
    if (t->ops->reach)
        return t->ops->reach(t->impl, gateway);
    return t->state == SC_LINK_UP ? SC_REACH_YES : SC_REACH_NO;
}

static bool is_usable(const struct sc_transport *t, const char *gateway, bool last_resort)
{
    return t->state == SC_LINK_UP && t->last_resort == last_resort &&
           reach_of(t, gateway) != SC_REACH_NO;
}

/* Indexes of those that may carry it, best first. */
static size_t list_usable(const struct sc_router *r, const char *gateway, bool last_resort,
                          size_t ret[SC_ROUTER_TRANSPORTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++)
        if (is_usable(r->d.transports[i], gateway, last_resort))
            ret[n++] = i;
    return n;
}

static int try_one(struct sc_router *r, size_t i, const struct sc_message *m,
                   sc_transport_done_fn *done)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_transport *t = r->d.transports[i];
    int rc = t->ops->send(t->impl, m, done, &r->senders[i], &err);
    if (rc < 0) {
        if (rc != SC_EBUSY && rc != SC_EAWAY)
            router_note_failure(r, &m->id, t->name, err.text);
        return rc;
    }
    r->n.via[i].out++;
    sc_log_debug(r->d.log, "msg.sending", SC_ID("id", &m->id), SC_S("via", t->name),
                 SC_S("gateway", m->to_gateway));
    return SC_OK;
}

/* One that cannot carry it (too big, too busy) leaves it to the next. */
static bool try_all(struct sc_router *r, bool last_resort, unsigned first,
                    const struct sc_message *m, sc_transport_done_fn *done, bool *ret_busy)
{
    size_t usable[SC_ROUTER_TRANSPORTS_MAX];
    size_t n = list_usable(r, m->to_gateway, last_resort, usable);
    for (size_t i = 0; i < n; i++) {
        int rc = try_one(r, usable[(first + i) % n], m, done);
        if (rc == SC_OK)
            return true;
        *ret_busy = *ret_busy || rc == SC_EBUSY;
    }
    return false;
}

/* A fast one that is behind catches up sooner than a slow one takes what it could not. */
bool router_carry(struct sc_router *r, const struct sc_message *m, unsigned taken,
                  sc_transport_done_fn *done)
{
    bool busy = false;
    return try_all(r, false, taken, m, done, &busy) ||
           (!busy && try_all(r, true, 0, m, done, &busy));
}

bool router_has_way(const struct sc_router *r, const char *gateway)
{
    size_t usable[SC_ROUTER_TRANSPORTS_MAX];
    return list_usable(r, gateway, false, usable) + list_usable(r, gateway, true, usable) > 0;
}

const char *sc_router_way(const struct sc_router *r, const char *gateway)
{
    size_t usable[SC_ROUTER_TRANSPORTS_MAX];
    if (list_usable(r, gateway, false, usable) == 0 && list_usable(r, gateway, true, usable) == 0)
        return NULL;
    return r->d.transports[usable[0]]->name;
}

/* Whoever waits for an answer of ours gets them with it, whatever else is up: he may be there only
 * because nothing else reaches him. */
struct sc_transport *router_way_back(const struct sc_router *r, const char *gateway)
{
    struct sc_transport *best = NULL;
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++) {
        struct sc_transport *t = r->d.transports[i];
        enum sc_reach reach = reach_of(t, gateway);
        if (reach == SC_REACH_WAITS)
            return t;
        if (!best && reach == SC_REACH_YES && t->state == SC_LINK_UP)
            best = t;
    }
    return best;
}

void router_note_arrival(struct sc_router *r, const struct sc_transport *via)
{
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++)
        if (r->d.transports[i] == via)
            r->n.via[i].in++;
}
