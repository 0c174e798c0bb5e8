/* world_internal.h: shared by world.c (nodes and their lives), world_directory.c (who sees what)
 * and world_time.c (what happens next). */
#ifndef SIDECLAW_TESTS_WORLD_INTERNAL_H
#define SIDECLAW_TESTS_WORLD_INTERNAL_H

#include "support/world.h"

struct place {
    char *agent;
    int node, also; /* also: a second host; -1 */
    bool inbox_only;
};

struct world {
    struct world_options opt;
    struct prng prng;
    int64_t now;
    int stuck;
    struct mem_net *nets[SC_ROUTER_TRANSPORTS_MAX];
    int n_nets;
    struct node *nodes;
    int n_nodes;
    struct place *places;
    size_t n_places;
};

void world_free_places(struct world *w);
/* What the directory and its gateway say now, to one node. */
void world_show(struct world *w, struct node *n);

#endif
