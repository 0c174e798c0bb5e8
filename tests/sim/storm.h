/* storm.h: what happens to a simulated world: messages, and every fault its fakes know. */
#ifndef SIDECLAW_TESTS_STORM_H
#define SIDECLAW_TESTS_STORM_H

#include "sim/ledger.h"

enum { STORM_TTL_S = 900 };

struct storm;
/* Places the agents: two on each gateway. */
struct storm *storm_new(struct world *w, struct ledger *l);
void storm_free(struct storm *s);
/* Something happens, and some time passes. */
void storm_step(struct storm *s);
/* Everything is whole again. */
void storm_over(struct storm *s);

#endif
