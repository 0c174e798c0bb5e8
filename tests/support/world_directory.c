/* Who hosts which agent, and who has heard of it. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "support/world_internal.h"

static void place(struct world *w, int node, const char *agent, bool inbox_only)
{
    struct place *p = NULL;
    for (size_t i = 0; i < w->n_places; i++)
        if (sc_streq(w->places[i].agent, agent))
            p = &w->places[i];
    if (!p) {
        w->places = sc_xrealloc(w->places, (w->n_places + 1) * sizeof *w->places);
        p = &w->places[w->n_places++];
        *p = (struct place){ .agent = sc_xstrdup(agent) };
    }
    p->node = node;
    p->inbox_only = inbox_only;
}

void world_agent(struct world *w, int node, const char *agent)
{
    place(w, node, agent, false);
}

void world_inbox_agent(struct world *w, int node, const char *agent)
{
    place(w, node, agent, true);
}

static void list_local(const struct world *w, const struct node *n)
{
    struct sc_gateway_agent *agents = sc_xcalloc(w->n_places, sizeof *agents);
    size_t count = 0;
    for (size_t i = 0; i < w->n_places; i++) {
        if (w->places[i].node != n->index)
            continue;
        if (w->places[i].inbox_only)
            sc_registry_local_config(n->registry, w->places[i].agent, NULL);
        else
            agents[count++] = (struct sc_gateway_agent){ .id = w->places[i].agent };
    }
    sc_registry_local_gateway(n->registry, agents, count);
    free(agents);
}

static void list_agents(const struct world *w, const struct node *n)
{
    sc_registry_agents_begin(n->registry);
    for (size_t i = 0; i < w->n_places; i++) {
        const struct sc_agent_info a = { .id = w->places[i].agent,
                                         .gateway = w->nodes[w->places[i].node].name,
                                         .status = SC_AGENT_ACTIVE };
        sc_registry_agent(n->registry, &a);
    }
    sc_registry_agents_end(n->registry);
}

static void list_gateways(const struct world *w, const struct node *n)
{
    sc_registry_gateways_begin(n->registry);
    for (int i = 0; i < w->n_nodes; i++) {
        const struct sc_gateway_info g = {
            .name = w->nodes[i].name,
            .status = w->nodes[i].loop ? SC_GATEWAY_HEALTHY : SC_GATEWAY_DEAD,
        };
        sc_registry_gateway(n->registry, &g);
    }
    sc_registry_gateways_end(n->registry);
}

void world_publish(struct world *w)
{
    for (int i = 0; i < w->n_nodes; i++) {
        struct node *n = &w->nodes[i];
        if (!n->loop)
            continue;
        list_local(w, n);
        sc_registry_set_fresh(n->registry, n->sees_directory);
        if (n->sees_directory) {
            list_agents(w, n);
            list_gateways(w, n);
        }
        sc_mailbox_gateway_ready(n->mailbox);
    }
}

void world_free_places(struct world *w)
{
    for (size_t i = 0; i < w->n_places; i++)
        free(w->places[i].agent);
    free(w->places);
}
