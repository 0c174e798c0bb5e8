/* First in, first out per (sender, receiver), also when a message is lost on its way and the next
 * one is not: each names the one before it (`prev`) as long as that one is not known to be stored,
 * and the receiver waits for it. Kept in memory for pairs whose latest message is under way only.
 */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

/* The latest message of a pair, under way. In two maps: by pair and by id. */
struct latest {
    struct sc_id id, prev;
    bool doubtful; /* it led before; it may be stored or dead itself */
    bool apart;    /* prev has another home, or may have: nobody waits for it where this one is */
    char *pair, *home;
};

static void free_latest(void *value)
{
    struct latest *l = value;
    free(l->pair);
    free(l->home);
    free(l);
}

static const struct sc_id none; /* zero */

void router_order_init(struct sc_router *r)
{
    r->latest = sc_map_new();
    r->latest_by_id = sc_map_new();
}

void router_order_free(struct sc_router *r)
{
    sc_map_free(r->latest_by_id, NULL);
    sc_map_free(r->latest, free_latest);
}

static char *pair_of(const struct sc_message *m)
{
    return sc_xasprintf("%s\x1f%s", m->from_agent, m->to_agent); /* 0x1f is in no name */
}

static void forget(struct sc_router *r, struct latest *l)
{
    (void)sc_map_del_id(r->latest_by_id, &l->id);
    (void)sc_map_del(r->latest, l->pair);
    free_latest(l);
}

/* what's texts are copied. */
static void remember(struct sc_router *r, const struct latest *what)
{
    struct latest *l = sc_map_get(r->latest, what->pair);
    char *pair = l ? l->pair : sc_xstrdup(what->pair);
    if (l) {
        (void)sc_map_del_id(r->latest_by_id, &l->id);
        free(l->home);
    } else {
        l = sc_xcalloc(1, sizeof *l);
        (void)sc_map_set(r->latest, pair, l);
    }
    *l = *what;
    l->pair = pair;
    l->home = sc_xstrdup(what->home);
    (void)sc_map_set_id(r->latest_by_id, &l->id, l);
}

void router_order_follow(const struct sc_router *r, struct sc_message *m)
{
    sc_auto_free char *pair = pair_of(m);
    const struct latest *l = m->kind == SC_KIND_MESSAGE ? sc_map_get(r->latest, pair) : NULL;
    m->prev = l ? l->id : none;
    if (l && l->doubtful)
        router_order_refresh(r, m);
}

void router_order_lead(struct sc_router *r, const struct sc_message *m)
{
    if (m->kind != SC_KIND_MESSAGE)
        return;
    sc_auto_free char *pair = pair_of(m);
    const struct latest *l = sc_map_get(r->latest, pair);
    remember(r, &(struct latest){ .id = m->id,
                                  .prev = m->prev,
                                  .apart = l && (!l->home || !sc_streq(l->home, m->to_gateway)),
                                  .pair = pair,
                                  .home = m->to_gateway });
}

/* One that is stored waits there for those before it, if they come there; one that died, or waits
 * elsewhere, leaves that to whoever is next. */
void router_order_resolved(struct sc_router *r, const struct sc_id *id, enum sc_stage stage)
{
    struct latest *l = sc_map_get_id(r->latest_by_id, id);
    if (!l)
        return;
    sc_auto_free char *pair = sc_xstrdup(l->pair);
    struct latest before = { .id = l->prev, .doubtful = true, .pair = pair };
    bool leaves = stage == SC_STAGE_DEAD || l->apart;
    forget(r, l);
    if (leaves && !sc_id_is_zero(&before.id))
        remember(r, &before);
}

/* The one before a dead one; zero when there was none, or nobody knows. */
static struct sc_id before(const struct sc_router *r, const struct sc_id *id)
{
    sc_auto_record struct sc_record rec;
    struct sc_err err = SC_ERR_INIT;
    sc_record_init(&rec);
    return r->d.spool.ops->get(r->d.spool.impl, id, false, &rec, &err) == SC_OK ? rec.msg.prev
                                                                                : none;
}

void router_order_refresh(const struct sc_router *r, struct sc_message *m)
{
    while (!sc_id_is_zero(&m->prev)) {
        enum sc_stage stage;
        char reason[SC_REASON_MAX];
        struct sc_err err = SC_ERR_INIT;
        int rc = r->d.spool.ops->out_stage(r->d.spool.impl, &m->prev, &stage, reason, &err);
        if (rc == SC_OK && stage < SC_STAGE_STORED)
            return;
        if (rc < 0 && rc != SC_ENOENT)
            return; /* unknown: waiting costs time, not order */
        m->prev = rc == SC_OK && stage == SC_STAGE_DEAD ? before(r, &m->prev) : none;
    }
}

static bool take_up(void *ctx, const struct sc_record *rec)
{
    router_order_lead(ctx, &rec->msg);
    return true;
}

void router_order_start(struct sc_router *r)
{
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->out_leaders(r->d.spool.impl, take_up, r, &err) < 0)
        sc_log_warn(r->d.log, "router.order_unknown", SC_S("reason", err.text),
                    SC_S("instead", "what waits may be overtaken by what is sent now"));
}

/* Once for a whole turn: afterwards none of what it wrote is there. */
void router_order_undo(struct sc_router *r, const struct sc_id *id)
{
    if (!sc_map_get_id(r->latest_by_id, id))
        return;
    router_order_free(r);
    router_order_init(r);
    router_order_start(r);
}
