#include "sideclaw/presence.h"

#include <stdlib.h>

#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum { GATHER_MS = 50 }; /* changes of one moment become one write */

struct sc_presence_beat {
    struct sc_presence_deps d;
    struct sc_timer *timer;
    bool soon; /* the timer is armed for a change, not for the heartbeat */
};

static enum sc_gateway_status status_of(enum sc_health h)
{
    static const enum sc_gateway_status map[] = { [SC_HEALTHY] = SC_GATEWAY_HEALTHY,
                                                  [SC_DEGRADED] = SC_GATEWAY_DEGRADED,
                                                  [SC_DRAINING] = SC_GATEWAY_DRAINING,
                                                  [SC_DEAD] = SC_GATEWAY_DEAD };
    return map[h];
}

static void publish(struct sc_presence_beat *p)
{
    const struct sc_presence_deps *d = &p->d;
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(d->registry, &n);
    struct sc_strv ids = { 0 };
    for (size_t i = 0; i < n; i++)
        sc_strv_add(&ids, agents[i].id);
    char *name = sc_xstrdup(d->self_name), *url = sc_xstrdup(d->url),
         *peer = sc_xstrdup(d->peer_url);
    const struct sc_presence presence = {
        .cluster_id = d->cluster_id,
        .gateway = { .name = name,
                     .url = url,
                     .peer_url = peer,
                     .status = status_of(sc_board_verdict(d->board)),
                     .agents = ids,
                     .labels = *d->labels,
                     .last_heartbeat = sc_clock_wall(&d->clock),
                     .held = true },
        .agents = agents,
        .n_agents = n,
        .turns = d->turns(d->ctx),
    };
    d->directory.ops->publish(d->directory.impl, &presence);
    sc_strv_fini(&ids);
    free(name);
    free(url);
    free(peer);
}

static void on_timer(void *ctx)
{
    struct sc_presence_beat *p = ctx;
    int64_t period = p->d.heartbeat_ms;
    int64_t jitter = (int64_t)(sc_random64() % (uint64_t)(period / 5 + 1));
    p->soon = false;
    /* Before publishing, whose news may touch us. */
    sc_timer_arm(p->timer, period - jitter);
    publish(p);
}

struct sc_presence_beat *sc_presence_new(const struct sc_presence_deps *deps)
{
    struct sc_presence_beat *p = sc_xcalloc(1, sizeof *p);
    p->d = *deps;
    p->timer = sc_timer_new(deps->loop, on_timer, p);
    return p;
}

void sc_presence_start(struct sc_presence_beat *p)
{
    p->soon = true;
    sc_timer_arm(p->timer, 0);
}

void sc_presence_touch(struct sc_presence_beat *p)
{
    if (!p || p->soon)
        return;
    p->soon = true;
    sc_timer_arm(p->timer, GATHER_MS);
}

void sc_presence_stop(struct sc_presence_beat *p)
{
    if (!p)
        return;
    p->soon = true; /* a late touch must not start it again */
    sc_timer_disarm(p->timer);
}

void sc_presence_free(struct sc_presence_beat *p)
{
    if (!p)
        return;
    sc_timer_free(p->timer);
    free(p);
}
