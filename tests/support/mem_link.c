/* The transport port on a fake network. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_net_internal.h"

/* Exactly as the outside sees it: was it carried, and did the sender hear so? */
static bool transmit(struct mem_link *l, const struct sc_message *m)
{
    struct mem_net *net = l->net;
    bool answers = true;
    if (prng_chance(net->prng, net->faults.fail))
        return false;
    if (net->kind == MEM_NET_DIRECT && !mem_net_reaches(l, m->to_gateway, &answers))
        return false;
    unsigned entry = net->kind == MEM_NET_DURABLE ? mem_stream_add(net, m) : 0;
    mem_net_carry(l, m->to_gateway, m, entry, NULL);
    return answers && !prng_chance(net->prng, net->faults.lose_answer);
}

static int may_send(struct mem_link *l, const struct sc_message *m, struct sc_err *err)
{
    const struct mem_net_faults *f = &l->net->faults;
    if (fuse_out(l->fuse) || l->transport.state != SC_LINK_UP)
        return sc_fail(err, SC_EAWAY, "%s: the link is down", l->net->name);
    if (f->body_max && m->body_len > f->body_max)
        return sc_fail(err, SC_ETOOBIG, "%s: too big", l->net->name);
    if (f->busy && prng_chance(l->net->prng, f->busy))
        return sc_fail(err, SC_EBUSY, "%s: busy", l->net->name);
    return SC_OK;
}

static int link_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                     struct sc_err *err)
{
    struct mem_link *l = impl;
    int rc = may_send(l, m, err);
    if (rc < 0)
        return rc;
    sc_assert(m->to_gateway && m->from_gateway && !sc_id_is_zero(&m->id));
    l->n.sends++;
    if (l->spy.send)
        l->spy.send(l->spy.ctx, m);
    const struct packet p = { .link = l->index,
                              .sender = -1,
                              .done = done,
                              .ctx = ctx,
                              .id = m->id,
                              .failed = !transmit(l, m) };
    (void)mem_packet_new(l->net, &p, mem_net_delay(l->net));
    return SC_OK;
}

static void link_receipts(void *impl, const struct sc_receipts *r)
{
    struct mem_link *l = impl;
    bool answers;
    sc_assert(r->n > 0 && r->n <= SC_RECEIPTS_MAX);
    if (fuse_out(l->fuse))
        return;
    l->n.receipts += (unsigned)r->n;
    l->n.last_stage = r->v[r->n - 1].stage;
    if (l->spy.receipts)
        l->spy.receipts(l->spy.ctx, r);
    if (l->transport.state == SC_LINK_UP &&
        (l->net->kind != MEM_NET_DIRECT || mem_net_reaches(l, r->to_gateway, &answers)))
        mem_net_carry(l, r->to_gateway, NULL, 0, r);
}

static void link_settle(void *impl, const struct sc_entry *e)
{
    struct mem_link *l = impl;
    if (fuse_out(l->fuse))
        return;
    l->n.settles++;
    memcpy(l->n.last_settled, e->name, sizeof l->n.last_settled);
    if (l->net->kind == MEM_NET_DURABLE && l->transport.state == SC_LINK_UP &&
        !prng_chance(l->net->prng, l->net->faults.drop))
        mem_stream_settle(l->net, (unsigned)strtoul(e->name + 1, NULL, 10));
}

static void forget_agents(struct mem_link *l)
{
    for (size_t i = 0; i < l->n_agents; i++)
        free(l->agents[i]);
    free(l->agents);
    l->agents = NULL;
    l->n_agents = 0;
}

static void link_serve(void *impl, const char *const *agents, size_t n)
{
    struct mem_link *l = impl;
    if (l->net->kind != MEM_NET_DURABLE)
        return;
    forget_agents(l);
    l->agents = sc_xcalloc(n, sizeof(char *));
    for (; l->n_agents < n; l->n_agents++)
        l->agents[l->n_agents] = sc_xstrdup(agents[l->n_agents]);
    if (l->transport.state == SC_LINK_UP)
        mem_stream_drain(l);
}

static void link_close(void *impl)
{
    struct mem_link *l = impl;
    l->transport.state = SC_LINK_OFF;
}

struct mem_link *mem_link_new(struct mem_net *net, const char *gateway)
{
    static const struct sc_transport_ops ops = { .send = link_send,
                                                 .receipts = link_receipts,
                                                 .settle = link_settle,
                                                 .serve = link_serve,
                                                 .close = link_close };
    struct mem_link *l = sc_xcalloc(1, sizeof *l);
    sc_assert(net->n_links < MEM_NET_NODES);
    *l = (struct mem_link){ .net = net, .gateway = sc_xstrdup(gateway), .index = net->n_links };
    l->transport =
        (struct sc_transport){ .name = net->name, .ops = &ops, .impl = l, .state = SC_LINK_DOWN };
    net->links[net->n_links++] = l;
    return l;
}

struct sc_transport *mem_link_transport(struct mem_link *link)
{
    return &link->transport;
}

void mem_link_attach(struct mem_link *link, const struct sc_transport_events *events,
                     struct fuse *fuse)
{
    mem_packets_forget(link);
    forget_agents(link);
    link->attached = events != NULL;
    link->fuse = fuse;
    link->transport.state = SC_LINK_DOWN;
    if (events)
        link->events = *events;
    if (events && link->net->kind == MEM_NET_DURABLE)
        (void)mem_packet_new(
            link->net, &(struct packet){ .link = link->index, .sender = -1, .drain = true }, 0);
}

void mem_link_set(struct mem_link *link, enum sc_link_state state)
{
    if (link->transport.state == state)
        return;
    link->transport.state = state;
    if (link->attached && link->events.link)
        link->events.link(link->events.ctx, &link->transport, state, "", "");
    if (state == SC_LINK_UP && link->attached)
        mem_stream_drain(link);
}

void mem_link_hold(struct mem_link *link, int64_t until)
{
    link->held_until = until;
    mem_packets_hold(link);
}

void mem_link_watch(struct mem_link *link, const struct mem_link_spy *spy)
{
    link->spy = *spy;
}

const struct mem_link_counters *mem_link_counters(const struct mem_link *link)
{
    return &link->n;
}
