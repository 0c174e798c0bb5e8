/* mem_net.h: a network in memory between several gateways, and the transport port on it: drops,
 * duplicates, delays, reorders, partitions. Packets are carried by its world, never from inside a
 * call. */
#ifndef SIDECLAW_TESTS_MEM_NET_H
#define SIDECLAW_TESTS_MEM_NET_H

#include "sideclaw/transport.h"
#include "support/prng.h"

enum { MEM_NET_NODES = 64 };

struct mem_net_faults {
    unsigned drop, duplicate, fail; /* permille: lost on the way, carried twice, refused (done with
                                       an error) */
    int64_t delay_min, delay_max;   /* ms; a range reorders */
    bool cut[MEM_NET_NODES][MEM_NET_NODES]; /* from, to: nothing passes */
};

struct mem_net;
struct mem_net *mem_net_new(const int64_t *now, struct prng *prng);
void mem_net_free(struct mem_net *net);
struct mem_net_faults *mem_net_faults(struct mem_net *net);
/* When the next packet arrives; INT64_MAX: none is on its way. */
int64_t mem_net_next(const struct mem_net *net);
/* Whose it is: the index of its link. */
int mem_net_next_link(const struct mem_net *net);
/* Deliver that one packet; true when somebody was called. */
bool mem_net_deliver(struct mem_net *net);

/* One gateway's end. */
struct mem_link;
struct mem_link *mem_link_new(struct mem_net *net, const char *gateway);
struct sc_transport *mem_link_transport(struct mem_link *link);
/* The events of a new life; NULL: the process is gone, what arrives is lost and sends are
 * forgotten.
 */
void mem_link_attach(struct mem_link *link, const struct sc_transport_events *events);
/* Also tells the events. */
void mem_link_set(struct mem_link *link, enum sc_link_state state);

/* Counters for assertions. */
struct mem_link_counters {
    unsigned sends, receipts, settles;
    char last_settled[sizeof((struct sc_entry *)0)->name];
    enum sc_stage last_stage; /* of the latest receipt that was sent */
};
const struct mem_link_counters *mem_link_counters(const struct mem_link *link);

#endif
