/* The loop guard: agents that talk each other into a frenzy are stopped per thread and minute. The
 * pains it answers are in FACTS 6 (#9): 398 sends in ten hours, unnoticed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

enum { WINDOW_MS = 60 * 1000 };

/* A person at a shell or a script may send as fast as it likes; agents are who loop. */
static bool is_guarded(const struct sc_message *m)
{
    return m->kind == SC_KIND_MESSAGE && !sc_streq(m->from_agent, "operator") &&
           !strchr(m->from_agent, ':');
}

static char *key_of(const struct sc_message *m)
{
    if (m->thread)
        return sc_xasprintf("t:%s", m->thread);
    return sc_xasprintf("p:%s>%s", m->from_agent, m->to_agent);
}

bool router_rate_ok(struct sc_router *r, const struct sc_message *m)
{
    sc_mono now = sc_clock_mono(&r->d.clock);
    if (!r->d.limits.thread_rate || !is_guarded(m))
        return true;
    if (now.ms - r->rates_since.ms >= WINDOW_MS ||
        sc_map_count(r->rates) >= SC_THREADS_TRACKED_MAX) {
        sc_map_free(r->rates, free);
        r->rates = sc_map_new();
        r->rates_since = now;
    }
    sc_auto_free char *key = key_of(m);
    uint32_t *count = sc_map_get(r->rates, key);
    if (!count) {
        count = sc_xcalloc(1, sizeof *count);
        (void)sc_map_set(r->rates, key, count);
    }
    return ++*count <= r->d.limits.thread_rate;
}
