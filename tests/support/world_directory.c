/* Who hosts which agent, and who has heard of it. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "support/world_internal.h"

static struct place *find(struct world *w, const char *agent)
{
    for (size_t i = 0; i < w->n_places; i++)
        if (sc_streq(w->places[i].agent, agent))
            return &w->places[i];
    return NULL;
}

static void place(struct world *w, int node, const char *agent, bool inbox_only)
{
    struct place *p = find(w, agent);
    if (!p) {
        w->places = sc_xrealloc(w->places, (w->n_places + 1) * sizeof *w->places);
        p = &w->places[w->n_places++];
        *p = (struct place){ .agent = sc_xstrdup(agent) };
    }
    p->node = node;
    p->also = -1;
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

void world_claim(struct world *w, int node, const char *agent)
{
    struct place *p = find(w, agent);
    if (p)
        p->also = node == p->node ? -1 : node;
}

void world_remove(struct world *w, const char *agent)
{
    struct place *p = find(w, agent);
    if (!p)
        return;
    free(p->agent);
    *p = w->places[--w->n_places];
}

static void list_local(const struct world *w, const struct node *n)
{
    struct sc_gateway_agent *agents = sc_xcalloc(w->n_places + 1, sizeof *agents);
    size_t count = 0;
    for (size_t i = 0; i < w->n_places; i++) {
        if (w->places[i].node != n->index && w->places[i].also != n->index)
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
            .status = !w->nodes[i].loop    ? SC_GATEWAY_DEAD
                      : w->nodes[i].drains ? SC_GATEWAY_DRAINING
                                           : SC_GATEWAY_HEALTHY,
        };
        sc_registry_gateway(n->registry, &g);
    }
    sc_registry_gateways_end(n->registry);
}

static void list_conflicts(const struct world *w, const struct node *n)
{
    for (size_t i = 0; i < w->n_places; i++) {
        const struct place *p = &w->places[i];
        const char *holder = p->also == n->index ? w->nodes[p->node].name : "";
        sc_registry_conflict(n->registry, p->agent, holder);
    }
}

void world_show(struct world *w, struct node *n)
{
    n->owed_view = world_frozen(w, n);
    if (n->owed_view)
        return;
    list_local(w, n);
    sc_registry_set_fresh(n->registry, n->sees_directory);
    if (n->sees_directory) {
        list_agents(w, n);
        list_gateways(w, n);
        list_conflicts(w, n);
    }
    sc_mailbox_gateway_ready(n->mailbox);
}

void world_publish(struct world *w)
{
    for (int i = 0; i < w->n_nodes; i++)
        if (w->nodes[i].loop)
            world_show(w, &w->nodes[i]);
}

void world_free_places(struct world *w)
{
    for (size_t i = 0; i < w->n_places; i++)
        free(w->places[i].agent);
    free(w->places);
}
