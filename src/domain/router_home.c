/* Where a message belongs (ADR 0012). From the moment it may have been sent to a gateway it is that
 * one's, because that one may have run it without our having heard. When its agent moves, its home
 * is asked first: it has the message, or refuses it for good, and only then it gets a new home. */
#include <stdlib.h>
#include <string.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

/* The gateway that is to have it now; NULL while nobody knows. Copied, the caller's. */
static char *wanted(const struct sc_router *r, const struct sc_message *m)
{
    const char *gateway;
    /* An agent may have moved since the message was accepted: the directory's word is newer. */
    enum sc_place place = sc_registry_locate(r->d.registry, m->to_agent, &gateway);
    if (place == SC_PLACE_UNKNOWN || m->kind == SC_KIND_REPLY ||
        (m->to_gateway && sc_registry_everywhere(m->to_agent)))
        gateway = m->to_gateway;
    return sc_xstrdup(gateway);
}

/* One that gets a (new) home, between the write and its commit. */
struct move {
    struct sc_router *r;
    struct sc_message *m;
};

static void on_moved(void *ctx, const struct sc_err *err)
{
    struct move *v = ctx;
    if (!err)
        (void)router_bring(v->r, v->m, 0); /* when it fails, the retry looks again */
    sc_message_free(v->m);
    free(v);
}

static bool move(struct sc_router *r, const struct sc_message *m, const char *gateway)
{
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->out_address(r->d.spool.impl, &m->id, gateway, &err) < 0)
        return false;
    sc_log_info(r->d.log, "msg.moved", SC_ID("id", &m->id), SC_S("from", m->to_gateway),
                SC_S("gateway", gateway));
    struct move *v = sc_xcalloc(1, sizeof *v);
    *v = (struct move){ .r = r, .m = sc_message_copy(m) };
    sc_set_str(&v->m->to_gateway, gateway);
    r->d.spool.ops->after_commit(r->d.spool.impl, on_moved, v);
    return true;
}

/* A gateway that drains would keep it without a turn, maybe for as long as it is away; here it can
 * still be seen to wait. An answer may be what a turn there waits for. */
bool router_held_back(const struct sc_router *r, const struct sc_message *m, const char *gateway)
{
    return m->kind == SC_KIND_MESSAGE && gateway && !sc_streq(gateway, r->d.self_name) &&
           sc_registry_drains(r->d.registry, gateway);
}

static bool is_here(const struct sc_router *r, const struct sc_message *m)
{
    enum sc_stage stage;
    char reason[SC_REASON_MAX];
    struct sc_err err = SC_ERR_INIT;
    return r->d.spool.ops->in_stage(r->d.spool.impl, &m->id, &stage, reason, &err) != SC_ENOENT;
}

bool router_dispatch(struct sc_router *r, const struct sc_message *m, unsigned taken)
{
    sc_auto_free char *gateway = wanted(r, m);
    if (!gateway)
        return true; /* nobody knows it yet; the retry looks again */
    if (!m->to_gateway && router_held_back(r, m, gateway))
        return true; /* the same */
    if (sc_streq(gateway, m->to_gateway))
        return router_bring(r, m, taken);
    /* Nobody but we puts it into our own inbox, so there the answer is known. */
    if (!m->to_gateway || (sc_streq(m->to_gateway, r->d.self_name) && !is_here(r, m)))
        return move(r, m, gateway);
    return router_ask(r, m, taken);
}

void router_refused(struct sc_router *r, const char *by, const struct sc_id *id)
{
    const char *place;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record rec;
    sc_record_init(&rec);
    if (r->d.spool.ops->get(r->d.spool.impl, id, false, &rec, &err) < 0 ||
        rec.stage >= SC_STAGE_STORED || !sc_streq(rec.msg.to_gateway, by) ||
        sc_registry_locate(r->d.registry, rec.msg.to_agent, &place) == SC_PLACE_UNKNOWN)
        return; /* who is its home now knows better; or nobody knows it, and its home is asked again
                 */
    if (sc_streq(place, by)) /* it came back, to where the message may not come any more */
        (void)router_advance(r, id, SC_STAGE_DEAD, router_now(r), SC_REASON_MOVED);
    else
        (void)move(r, &rec.msg, place); /* when it fails, its home is asked again */
}
