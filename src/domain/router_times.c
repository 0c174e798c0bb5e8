/* How long what was accepted here took to get where it is, by what its sender's sidecar knows: one
 * clock, so that two machines' need not agree. */
#include "router_internal.h"

static const enum sc_stage stages[SC_WAY_POINTS] = {
    [SC_WAY_STORED] = SC_STAGE_STORED,
    [SC_WAY_DELIVERED] = SC_STAGE_DELIVERED,
    [SC_WAY_REPLIED] = SC_STAGE_REPLIED,
};

void router_times_init(struct sc_router *r)
{
    for (size_t i = 0; i < SC_WAY_POINTS; i++)
        sc_histogram_init(&r->n.reached[i], &sc_scale_message);
}

/* What comes back late of one that was given up counts in nothing: it is a death's story. */
void router_times_note(struct sc_router *r, const struct sc_moved *m, enum sc_stage stage)
{
    if (m->kind != SC_KIND_MESSAGE || stage == SC_STAGE_DEAD || m->from == SC_STAGE_DEAD)
        return;
    int64_t ms = router_now(r).ms - m->accepted.ms;
    for (size_t i = 0; i < SC_WAY_POINTS; i++)
        if (m->from < stages[i] && stages[i] <= stage)
            sc_histogram_add(&r->n.reached[i], ms * 1000);
}
