/* storm_internal.h: shared by storm.c (what happens when) and storm_faults.c (how it happens). */
#ifndef SIDECLAW_TESTS_STORM_INTERNAL_H
#define SIDECLAW_TESTS_STORM_INTERNAL_H

#include "sim/storm.h"

enum { STORM_AGENTS = 2 }; /* born on each node */

struct storm {
    struct world *w;
    struct ledger *l;
    struct trace *t;
    struct prng *prng;
    struct climate climate;
    int64_t right_time;      /* what clocks show that were never set */
    int (*at)[STORM_AGENTS]; /* where each agent is; -1: nowhere */
};

int storm_any(struct storm *s, int n);
struct node *storm_any_node(struct storm *s);
/* One that runs now; NULL when the one that was drawn does not. */
struct node *storm_live_node(struct storm *s);
void storm_agent(char ret[32], int home, int i);
/* The process starts again, with all that comes up with it. */
void storm_start(struct storm *s, struct node *n);

typedef void storm_fault_fn(struct storm *s);
storm_fault_fn storm_crash, storm_die_midway, storm_stop, storm_sleep, storm_link, storm_partition,
    storm_weather, storm_outage, storm_gateway, storm_pace, storm_disk, storm_directory, storm_move,
    storm_vanish, storm_drain, storm_claim, storm_clock, storm_calendar;

#endif
