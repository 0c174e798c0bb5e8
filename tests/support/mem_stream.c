/* The durable copies of a fake Redis or Consul: one stream an agent, read by whoever serves it. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "support/mem_net_internal.h"

enum { QUIET_MS = 30 * 1000 };

unsigned mem_stream_add(struct mem_net *net, const struct sc_message *m)
{
    struct copy *c = sc_xcalloc(1, sizeof *c);
    *c = (struct copy){ .n = ++net->entries, .m = sc_message_copy(m) };
    c->quiet_until = *net->now + QUIET_MS;
    *net->last_copy = c;
    net->last_copy = &c->next;
    return c->n;
}

static void drop(struct mem_net *net, struct copy **p)
{
    struct copy *c = *p;
    *p = c->next;
    if (net->last_copy == &c->next)
        net->last_copy = p;
    sc_message_free(c->m);
    free(c);
}

void mem_stream_settle(struct mem_net *net, unsigned n)
{
    for (struct copy **p = &net->copies; *p; p = &(*p)->next)
        if ((*p)->n == n) {
            drop(net, p);
            return;
        }
}

void mem_net_wipe(struct mem_net *net)
{
    while (net->copies)
        drop(net, &net->copies);
}

static bool serves(const struct mem_link *l, const char *agent)
{
    for (size_t i = 0; i < l->n_agents; i++)
        if (sc_streq(l->agents[i], agent))
            return true;
    return false;
}

void mem_stream_drain(struct mem_link *l)
{
    struct mem_net *net = l->net;
    for (struct copy *c = net->copies; c; c = c->next) {
        if (c->quiet_until > *net->now || !serves(l, c->m->to_agent))
            continue;
        c->quiet_until = *net->now + QUIET_MS;
        const struct packet p = {
            .link = l->index, .sender = -1, .m = sc_message_copy(c->m), .entry = c->n
        };
        (void)mem_packet_new(net, &p, mem_net_delay(net));
    }
}
