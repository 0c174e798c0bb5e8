/* turn.h: what a loop's turn ends with: what was put off to its end, and the hooks. Without a clock
 * or a descriptor, so that the loop of the simulator ends its turns the same way. */
#ifndef SIDECLAW_BASE_TURN_H
#define SIDECLAW_BASE_TURN_H

#include <stddef.h>

#include "sideclaw/loop.h"

struct sc_deferred {
    sc_loop_fn *fn; /* NULL: taken back */
    void *ctx;
};

struct sc_turn {
    struct sc_deferred *deferred; /* grows to the busiest turn and stays */
    size_t n_deferred, cap_deferred, next_deferred;
    struct sc_turn_hook *hooks;
    struct sc_turn_hook *next_hook; /* while hooks run: one may remove the others */
};

void sc_turn_defer(struct sc_turn *t, sc_loop_fn *fn, void *ctx);
void sc_turn_undefer(struct sc_turn *t, sc_loop_fn *fn, void *ctx);
void sc_turn_hook_add(struct sc_turn *t, struct sc_turn_hook *hook);
void sc_turn_hook_del(struct sc_turn *t, struct sc_turn_hook *hook);
void sc_turn_run_deferred(struct sc_turn *t);
/* What was put off, the hooks, and what those put off. */
void sc_turn_end(struct sc_turn *t);
void sc_turn_fini(struct sc_turn *t);

#endif
