/* FIFO for agents that nobody wakes: their messages have arrived when they are stored, unless one
 * before them of their pair has not. Those go to the mailbox, which delivers them after that one.
 */
#include <string.h>

#include "router_internal.h"

static const struct sc_id *slot(const struct sc_router *r, const struct sc_id *id)
{
    return &r->resting[id->b[sizeof id->b - 1] & (ROUTER_RESTING - 1)];
}

bool sc_router_came(const struct sc_router *r, const struct sc_id *id, enum sc_stage least)
{
    struct sc_id at = *id;
    while (!sc_id_is_zero(&at)) {
        sc_auto_record struct sc_record rec;
        struct sc_err err = SC_ERR_INIT;
        sc_record_init(&rec);
        int rc = r->d.spool.ops->get(r->d.spool.impl, &at, true, &rec, &err);
        if (rc < 0)
            return rc != SC_ENOENT;
        if (rec.stage != SC_STAGE_DEAD)
            return rec.stage >= least;
        at = rec.msg.prev;
    }
    return true;
}

/* The one before it came a moment ago, as a rule: only else the spool is asked. One that is stored
 * and waits itself counts as not here: the mailbox may not have heard of it yet. */
static bool is_at_rest(const struct sc_router *r, const struct sc_id *id)
{
    return sc_id_eq(slot(r, id), id) || sc_router_came(r, id, SC_STAGE_DELIVERED);
}

bool router_rest_waits(const struct sc_router *r, const struct sc_message *m)
{
    if (r->d.queues && r->d.queues(r->d.ctx, m))
        return true;
    return !sc_id_is_zero(&m->prev) && !is_at_rest(r, &m->prev);
}

void router_rests(struct sc_router *r, const struct sc_id *id)
{
    r->resting[id->b[sizeof id->b - 1] & (ROUTER_RESTING - 1)] = *id;
}

void router_rest_forget(struct sc_router *r)
{
    memset(r->resting, 0, sizeof r->resting);
}
