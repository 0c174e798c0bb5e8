/* mem_net.h: a network in memory between several gateways, and the transport port on it: drops,
 * duplicates, delays, reorders, partitions. Packets are carried by its world, never from inside a
 * call. */
#ifndef SIDECLAW_TESTS_MEM_NET_H
#define SIDECLAW_TESTS_MEM_NET_H

#include "sideclaw/transport.h"
#include "support/fuse.h"
#include "support/prng.h"

enum { MEM_NET_NODES = 256 };

enum mem_net_kind {
    MEM_NET_PLAIN,   /* carries a message or loses it */
    MEM_NET_DURABLE, /* as Redis and Consul: also keeps a copy for the agent until it is settled */
    MEM_NET_DIRECT   /* as the peer path: sending fails where nobody listens */
};

struct mem_net_faults {
    /* Permille. */
    unsigned drop, duplicate;     /* lost on the way, carried twice */
    unsigned fail;                /* refused: done with an error, and nothing was carried */
    unsigned lose_answer;         /* carried, and done with an error all the same */
    unsigned busy;                /* send() itself says SC_EBUSY */
    size_t body_max;              /* more is SC_ETOOBIG; 0: no bound */
    int64_t delay_min, delay_max; /* ms; a range reorders */
    bool cut[MEM_NET_NODES][MEM_NET_NODES]; /* from, to: nothing passes */
};

struct mem_net;
struct mem_net *mem_net_new(const char *name, enum mem_net_kind kind, const int64_t *now,
                            struct prng *prng);
void mem_net_free(struct mem_net *net);
struct mem_net_faults *mem_net_faults(struct mem_net *net);
/* DURABLE: all copies are gone (a Redis without persistence that was restarted, FLUSHALL). */
void mem_net_wipe(struct mem_net *net);
/* Mistakes of who reads or writes what it carries, for the test of those who must notice. */
struct mem_net_bugs {
    bool drops_prev;   /* a message does not say which one was before it */
    bool boasts;       /* a receipt tells a stage too many */
    bool mixes_bodies; /* a message arrives with another body */
};
struct mem_net_bugs *mem_net_bugs(struct mem_net *net);
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
/* The events of a new life, and what burns with it (may be NULL); events NULL: the process is gone,
 * what arrives is lost and sends are forgotten. */
void mem_link_attach(struct mem_link *link, const struct sc_transport_events *events,
                     struct fuse *fuse);
/* Also tells the events. */
void mem_link_set(struct mem_link *link, enum sc_link_state state);
/* What arrives before that time comes at that time: its process is stopped. */
void mem_link_hold(struct mem_link *link, int64_t until);

/* Who wants to see what a node puts on the wire. */
struct mem_link_spy {
    void *ctx;
    void (*send)(void *ctx, const struct sc_message *m);
    void (*receipts)(void *ctx, const struct sc_receipts *r);
};
void mem_link_watch(struct mem_link *link, const struct mem_link_spy *spy);

/* Counters for assertions. */
struct mem_link_counters {
    unsigned sends, receipts, settles;
    char last_settled[sizeof((struct sc_entry *)0)->name];
    enum sc_stage last_stage; /* of the latest receipt that was sent */
};
const struct mem_link_counters *mem_link_counters(const struct mem_link *link);

#endif
