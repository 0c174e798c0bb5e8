#include "support/mem_net.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"

struct packet {
    struct packet *next;
    int64_t at;
    int link;   /* whose it is */
    int sender; /* whose partition counts; -1: the link's own completion */
    struct sc_message *m;
    struct sc_receipts *receipts;
    /* A completion. */
    sc_transport_done_fn *done;
    void *ctx;
    struct sc_id id;
    bool failed;
    unsigned entry;
};

struct mem_link {
    struct mem_net *net;
    char *gateway;
    int index;
    struct sc_transport transport;
    struct sc_transport_events events;
    bool attached;
    struct mem_link_counters n;
};

struct mem_net {
    const int64_t *now;
    struct prng *prng;
    struct mem_net_faults faults;
    struct packet *packets; /* by time of arrival; equal ones in order of sending */
    struct mem_link *links[MEM_NET_NODES];
    int n_links;
    unsigned entries;
};

struct mem_net *mem_net_new(const int64_t *now, struct prng *prng)
{
    struct mem_net *net = sc_xcalloc(1, sizeof *net);
    net->now = now;
    net->prng = prng;
    return net;
}

struct mem_net_faults *mem_net_faults(struct mem_net *net)
{
    return &net->faults;
}

static void free_packet(struct packet *p)
{
    sc_message_free(p->m);
    if (p->receipts)
        sc_receipts_fini(p->receipts);
    free(p->receipts);
    free(p);
}

void mem_net_free(struct mem_net *net)
{
    if (!net)
        return;
    while (net->packets) {
        struct packet *p = net->packets;
        net->packets = p->next;
        free_packet(p);
    }
    for (int i = 0; i < net->n_links; i++) {
        free(net->links[i]->gateway);
        free(net->links[i]);
    }
    free(net);
}

static void enqueue(struct mem_net *net, struct packet *take)
{
    struct packet **p = &net->packets;
    while (*p && (*p)->at <= take->at)
        p = &(*p)->next;
    take->next = *p;
    *p = take;
}

static int64_t arrival(struct mem_net *net)
{
    return *net->now + prng_range(net->prng, net->faults.delay_min, net->faults.delay_max);
}

static int find_link(const struct mem_net *net, const char *gateway)
{
    for (int i = 0; i < net->n_links; i++)
        if (sc_streq(net->links[i]->gateway, gateway))
            return i;
    return -1;
}

static struct sc_receipts *copy_receipts(const struct sc_receipts *r)
{
    struct sc_receipts *c = sc_xcalloc(1, sizeof *c);
    *c = (struct sc_receipts){ .from_gateway = sc_xstrdup(r->from_gateway),
                               .to_gateway = sc_xstrdup(r->to_gateway),
                               .v = sc_xcalloc(r->n, sizeof *r->v),
                               .n = r->n };
    memcpy(c->v, r->v, r->n * sizeof *r->v);
    return c;
}

/* On its way, or not: exactly one of m and r. */
static void carry(struct mem_link *l, const char *to, const struct sc_message *m,
                  const struct sc_receipts *r)
{
    struct mem_net *net = l->net;
    int dest = find_link(net, to);
    if (dest < 0 || prng_chance(net->prng, net->faults.drop))
        return;
    int copies = prng_chance(net->prng, net->faults.duplicate) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        struct packet *p = sc_xcalloc(1, sizeof *p);
        *p = (struct packet){ .at = arrival(net), .link = dest, .sender = l->index };
        p->m = m ? sc_message_copy(m) : NULL;
        p->receipts = r ? copy_receipts(r) : NULL;
        p->entry = m ? ++net->entries : 0;
        enqueue(net, p);
    }
}

static int link_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                     struct sc_err *err)
{
    struct mem_link *l = impl;
    if (l->transport.state != SC_LINK_UP)
        return sc_fail(err, SC_EAWAY, "mem: the link is down");
    sc_assert(m->to_gateway && m->from_gateway && !sc_id_is_zero(&m->id));
    l->n.sends++;
    struct packet *p = sc_xcalloc(1, sizeof *p);
    *p = (struct packet){
        .at = arrival(l->net), .link = l->index, .sender = -1, .done = done, .ctx = ctx, .id = m->id
    };
    p->failed = prng_chance(l->net->prng, l->net->faults.fail);
    if (!p->failed)
        carry(l, m->to_gateway, m, NULL);
    enqueue(l->net, p);
    return SC_OK;
}

static void link_receipts(void *impl, const struct sc_receipts *r)
{
    struct mem_link *l = impl;
    sc_assert(r->n > 0 && r->n <= SC_RECEIPTS_MAX);
    l->n.receipts += (unsigned)r->n;
    l->n.last_stage = r->v[r->n - 1].stage;
    if (l->transport.state == SC_LINK_UP)
        carry(l, r->to_gateway, NULL, r);
}

static void link_settle(void *impl, const struct sc_entry *e)
{
    struct mem_link *l = impl;
    l->n.settles++;
    memcpy(l->n.last_settled, e->name, sizeof l->n.last_settled);
}

static void link_serve(void *impl, const char *const *agents, size_t n)
{
    (void)impl;
    (void)agents;
    (void)n;
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
        (struct sc_transport){ .name = "mem", .ops = &ops, .impl = l, .state = SC_LINK_DOWN };
    net->links[net->n_links++] = l;
    return l;
}

struct sc_transport *mem_link_transport(struct mem_link *link)
{
    return &link->transport;
}

/* What waits for the process that died: its completions must not be called in the next life. */
static void forget_completions(struct mem_link *l)
{
    for (struct packet **p = &l->net->packets; *p;) {
        struct packet *it = *p;
        if (it->link == l->index && it->sender < 0) {
            *p = it->next;
            free_packet(it);
        } else {
            p = &it->next;
        }
    }
}

void mem_link_attach(struct mem_link *link, const struct sc_transport_events *events)
{
    forget_completions(link);
    link->attached = events != NULL;
    link->transport.state = SC_LINK_DOWN;
    if (events)
        link->events = *events;
}

void mem_link_set(struct mem_link *link, enum sc_link_state state)
{
    if (link->transport.state == state)
        return;
    link->transport.state = state;
    if (link->attached && link->events.link)
        link->events.link(link->events.ctx, &link->transport, state, "", "");
}

const struct mem_link_counters *mem_link_counters(const struct mem_link *link)
{
    return &link->n;
}

int64_t mem_net_next(const struct mem_net *net)
{
    return net->packets ? net->packets->at : INT64_MAX;
}

int mem_net_next_link(const struct mem_net *net)
{
    return net->packets ? net->packets->link : -1;
}

static void call(struct mem_link *l, struct packet *p)
{
    struct sc_err err = SC_ERR_INIT;
    if (p->done) {
        if (p->failed)
            (void)sc_fail(&err, SC_EAWAY, "mem: refused");
        p->done(p->ctx, &p->id, p->failed ? &err : NULL);
    } else if (p->m) {
        struct sc_entry entry = { .name = "", .stream = "" };
        (void)snprintf(entry.name, sizeof entry.name, "e%u", p->entry);
        (void)snprintf(entry.stream, sizeof entry.stream, "%s", p->m->to_agent);
        l->events.message(l->events.ctx, &l->transport, sc_steal(&p->m), &entry);
    } else {
        l->events.receipts(l->events.ctx, &l->transport, p->receipts);
    }
}

bool mem_net_deliver(struct mem_net *net)
{
    struct packet *p = net->packets;
    net->packets = p->next;
    struct mem_link *l = net->links[p->link];
    bool cut = p->sender >= 0 && net->faults.cut[p->sender][p->link];
    bool arrives = l->attached && !cut && (p->done || l->transport.state == SC_LINK_UP);
    if (arrives)
        call(l, p);
    free_packet(p);
    return arrives;
}
