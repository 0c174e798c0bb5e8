/* With Sentinel: both links stay together on the server that is the primary. A primary that dies or
 * is demoted closes our connections; one that was only cut off from the others does not, and would
 * go on taking messages that nobody else sees. So the sentinels are asked now and then. */
#include "redis_internal.h"
#include "redis_sentinel.h"
#include "sideclaw/mem.h"

enum { WATCH_MS = 5000 };

void sc_redis_part(struct sc_redis *r, struct sc_redis_link *other, bool ready,
                   const struct sc_err *why)
{
    if (r->url.primary && ready && !r->closed)
        sc_redis_link_drop(other, why);
}

/* Only when most sentinels agree: one that is behind the times must not move us back. */
static bool moved(const struct sc_redis *r, const struct sc_redis_place *p)
{
    const struct sc_redis_addr *at = &sc_redis_link_at(r->commands)->at;
    return p->agreed && r->t.state == SC_LINK_UP &&
           (at->port != p->port || !sc_streq(at->host, p->host));
}

static void on_found(void *ctx, const struct sc_redis_place *place, const struct sc_err *err)
{
    struct sc_redis *r = ctx;
    struct sc_err why = SC_ERR_INIT;
    r->find = NULL;
    sc_timer_arm(r->watch, WATCH_MS);
    if (err) /* nobody knows better: the links stand as long as they stand */
        sc_log_debug(r->d.log, "redis.sentinels_silent", SC_S("reason", err->text));
    if (!place || !moved(r, place))
        return;
    sc_redis_say(sc_redis_link_at(r->commands), SC_EAWAY, "is no longer the primary", &why);
    (void)sc_err_remedy(&why, "wait: the sidecar goes to the new one");
    sc_log_info(r->d.log, "redis.primary_moved", SC_S("to", place->host),
                SC_I("port", place->port));
    sc_redis_link_drop(r->commands, &why); /* takes the other one along */
}

static void on_timer(void *ctx)
{
    struct sc_redis *r = ctx;
    if (r->t.state == SC_LINK_UP) /* else the links ask themselves */
        r->find = sc_redis_find_start(r->d.loop, &r->url, on_found, r);
    else
        sc_timer_arm(r->watch, WATCH_MS);
}

void sc_redis_watch_start(struct sc_redis *r)
{
    if (!r->url.primary)
        return;
    r->watch = sc_timer_new(r->d.loop, on_timer, r);
    sc_timer_arm(r->watch, WATCH_MS);
}

void sc_redis_watch_stop(struct sc_redis *r)
{
    sc_redis_find_cancel(sc_steal(&r->find));
    sc_timer_free(sc_steal(&r->watch));
}
