/* storm.h: what happens to a simulated world: messages, and every fault its fakes know. */
#ifndef SIDECLAW_TESTS_STORM_H
#define SIDECLAW_TESTS_STORM_H

#include "sim/ledger.h"

/* How bad it gets; drawn from the seed before the world is made. */
struct climate {
    struct world_options world;
    int nodes;
    unsigned faults; /* bitset of the kinds of faults that happen, see storm.c */
};
/* nodes 0: as the seed says. */
void climate_of(uint64_t seed, int nodes, struct climate *ret);

struct storm;
/* Places the agents: two on each gateway. */
struct storm *storm_new(struct world *w, struct ledger *l, struct trace *t,
                        const struct climate *climate);
void storm_free(struct storm *s);
/* Something happens, and some time passes. */
void storm_step(struct storm *s);
/* Everything is whole again, for as long as the last message may live. */
void storm_over(struct storm *s);

#endif
