/* The pace at which a backlog leaves. All of it at once would stand in every queue before what is
 * sent now: in the transport, in the receiver's link and in its spool. So only a window of it is
 * under way, and receipts move that on. What nobody takes waits a moment instead of being read
 * again and again. */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

enum {
    WINDOW = 64,    /* some 3 ms of a receiver's time; more adds little to the rate */
    NOBODY_MS = 100 /* a thousand rows a second are looked at, for their ttl */
};

struct under_way {
    struct sc_id id;
    sc_mono since;
};

void router_pace_init(struct sc_router *r)
{
    r->backlog = sc_map_new();
}

void router_pace_fini(struct sc_router *r)
{
    sc_map_free(r->backlog, free);
}

/* What has no receipt after that time is lost, and due again. */
static int64_t lost_in(const struct sc_router *r, const struct under_way *u)
{
    return u->since.ms + r->d.limits.ack_ms - sc_clock_mono(&r->d.clock).ms;
}

size_t router_pace_room(struct sc_router *r)
{
    struct under_way *oldest;
    while ((oldest = sc_map_first(r->backlog)) && lost_in(r, oldest) <= 0)
        free(sc_map_del_id(r->backlog, &oldest->id));
    size_t n = sc_map_count(r->backlog);
    r->backlog_waits = n >= WINDOW;
    if (oldest && r->backlog_waits)
        router_due(r, (sc_wall){ router_now(r).ms + lost_in(r, oldest) });
    return n < WINDOW ? WINDOW - n : 0;
}

void router_pace_sent(struct sc_router *r, const struct sc_id *id)
{
    struct under_way *u = sc_xcalloc(1, sizeof *u);
    *u = (struct under_way){ .id = *id, .since = sc_clock_mono(&r->d.clock) };
    free(sc_map_set_id(r->backlog, id, u));
}

void router_pace_over(struct sc_router *r, const struct sc_id *id)
{
    struct under_way *u = sc_map_del_id(r->backlog, id);
    if (!u)
        return;
    free(u);
    if (!r->backlog_waits || sc_map_count(r->backlog) > WINDOW / 2)
        return;
    r->backlog_waits = false;
    router_due(r, router_now(r));
}

void router_pace_next(struct sc_router *r, size_t tried, size_t taken)
{
    bool nobody = tried > 0 && taken == 0;
    router_due(r, (sc_wall){ router_now(r).ms + (nobody ? NOBODY_MS : 0) });
}
