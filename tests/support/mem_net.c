/* Packets: what is on its way, and when it arrives. */
#include "support/mem_net.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_net_internal.h"

enum { DRAIN_EVERY_MS = 60 * 1000 };

struct mem_net *mem_net_new(const char *name, enum mem_net_kind kind, const int64_t *now,
                            struct prng *prng)
{
    struct mem_net *net = sc_xcalloc(1, sizeof *net);
    net->name = sc_xstrdup(name);
    net->kind = kind;
    net->now = now;
    net->prng = prng;
    net->last_copy = &net->copies;
    return net;
}

struct mem_net_faults *mem_net_faults(struct mem_net *net)
{
    return &net->faults;
}

struct mem_net_bugs *mem_net_bugs(struct mem_net *net)
{
    return &net->bugs;
}

static void free_packet(struct packet *p)
{
    sc_message_free(p->m);
    if (p->receipts)
        sc_receipts_fini(p->receipts);
    free(p->receipts);
    free(p);
}

static void free_link(struct mem_link *l)
{
    for (size_t i = 0; i < l->n_agents; i++)
        free(l->agents[i]);
    free(l->agents);
    free(l->gateway);
    free(l);
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
    mem_net_wipe(net);
    for (int i = 0; i < net->n_links; i++)
        free_link(net->links[i]);
    free(net->name);
    free(net);
}

static void enqueue(struct mem_net *net, struct packet *take)
{
    struct packet **p = &net->packets;
    if (take->at < net->links[take->link]->held_until)
        take->at = net->links[take->link]->held_until;
    while (*p && (*p)->at <= take->at)
        p = &(*p)->next;
    take->next = *p;
    *p = take;
}

struct packet *mem_packet_new(struct mem_net *net, const struct packet *what, int64_t delay_ms)
{
    struct packet *p = sc_xcalloc(1, sizeof *p);
    *p = *what;
    p->at = *net->now + delay_ms;
    enqueue(net, p);
    return p;
}

/* The process that waits for them died: they must not be called in the next life. */
void mem_packets_forget(struct mem_link *l)
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

void mem_packets_hold(struct mem_link *l)
{
    struct packet *held = NULL, **last = &held;
    for (struct packet **p = &l->net->packets; *p;) {
        struct packet *it = *p;
        if (it->link == l->index && it->at < l->held_until) {
            *p = it->next;
            it->next = NULL;
            *last = it;
            last = &it->next;
        } else {
            p = &it->next;
        }
    }
    while (held) {
        struct packet *it = held;
        held = it->next;
        enqueue(l->net, it);
    }
}

int64_t mem_net_delay(struct mem_net *net)
{
    return prng_range(net->prng, net->faults.delay_min, net->faults.delay_max);
}

static struct mem_link *find_link(const struct mem_net *net, const char *gateway)
{
    for (int i = 0; i < net->n_links; i++)
        if (sc_streq(net->links[i]->gateway, gateway))
            return net->links[i];
    return NULL;
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

void mem_net_carry(struct mem_link *l, const char *to, const struct sc_message *m, unsigned entry,
                   const struct sc_receipts *r)
{
    struct mem_net *net = l->net;
    const struct mem_link *dest = find_link(net, to);
    if (!dest || prng_chance(net->prng, net->faults.drop))
        return;
    int copies = prng_chance(net->prng, net->faults.duplicate) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        const struct packet p = { .link = dest->index,
                                  .sender = l->index,
                                  .m = m ? sc_message_copy(m) : NULL,
                                  .receipts = r ? copy_receipts(r) : NULL,
                                  .entry = entry ? entry
                                           : m   ? ++net->entries
                                                 : 0 };
        (void)mem_packet_new(net, &p, mem_net_delay(net));
    }
}

bool mem_net_reaches(const struct mem_link *l, const char *gateway, bool *ret_answers)
{
    const struct mem_link *dest = find_link(l->net, gateway);
    if (!dest || !dest->attached || dest->transport.state != SC_LINK_UP)
        return false;
    *ret_answers = !l->net->faults.cut[dest->index][l->index];
    return !l->net->faults.cut[l->index][dest->index];
}

int64_t mem_net_next(const struct mem_net *net)
{
    return net->packets ? net->packets->at : INT64_MAX;
}

int mem_net_next_link(const struct mem_net *net)
{
    return net->packets ? net->packets->link : -1;
}

static void corrupt(const struct mem_net *net, struct packet *p)
{
    if (p->m && net->bugs.drops_prev)
        p->m->prev = (struct sc_id){ 0 };
    if (p->m && net->bugs.mixes_bodies && p->m->body_len)
        p->m->body[p->m->body_len - 1] ^= 1;
    for (size_t i = 0; p->receipts && net->bugs.boasts && i < p->receipts->n; i++)
        p->receipts->v[i].stage += p->receipts->v[i].stage < SC_STAGE_REPLIED;
}

static void call(struct mem_link *l, struct packet *p)
{
    struct sc_err err = SC_ERR_INIT;
    corrupt(l->net, p);
    if (p->done) {
        if (p->failed)
            (void)sc_fail(&err, SC_EAWAY, "%s: refused", l->net->name);
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
    if (p->drain) {
        if (arrives)
            mem_stream_drain(l);
        arrives = false; /* nobody is called: what it found follows */
        (void)mem_packet_new(net, p, DRAIN_EVERY_MS);
    } else if (arrives) {
        call(l, p);
    }
    free_packet(p);
    return arrives;
}
