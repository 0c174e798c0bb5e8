/* mem_net_internal.h: shared by mem_net.c (packets), mem_link.c (the transport port) and
 * mem_stream.c (durable copies). */
#ifndef SIDECLAW_TESTS_MEM_NET_INTERNAL_H
#define SIDECLAW_TESTS_MEM_NET_INTERNAL_H

#include "support/mem_net.h"

struct packet {
    struct packet *next;
    int64_t at;
    int link;   /* whose it is */
    int sender; /* whose partition counts; -1: the link's own affair */
    struct sc_message *m;
    struct sc_receipts *receipts;
    /* A completion. */
    sc_transport_done_fn *done;
    void *ctx;
    struct sc_id id;
    bool failed;
    unsigned entry; /* names the durable copy */
    bool drain;     /* look what waits in the streams */
};

/* A durable copy. */
struct copy {
    struct copy *next;
    unsigned n;
    struct sc_message *m;
    int64_t quiet_until; /* it was handed out just now */
};

struct mem_link {
    struct mem_net *net;
    char *gateway;
    int index;
    struct sc_transport transport;
    struct sc_transport_events events;
    struct mem_link_spy spy;
    struct fuse *fuse;
    bool attached;
    int64_t held_until;
    char **agents; /* whose streams it reads */
    size_t n_agents;
    struct mem_link_counters n;
};

struct mem_net {
    char *name;
    enum mem_net_kind kind;
    const int64_t *now;
    struct prng *prng;
    struct mem_net_faults faults;
    struct mem_net_bugs bugs;
    struct packet *packets; /* by time of arrival; equal ones in order of sending */
    struct copy *copies, **last_copy;
    struct mem_link *links[MEM_NET_NODES];
    int n_links;
    unsigned entries;
};

/* --- mem_net.c --- */
struct packet *mem_packet_new(struct mem_net *net, const struct packet *what, int64_t delay_ms);
void mem_packets_forget(struct mem_link *l); /* the link's own affairs */
void mem_packets_hold(struct mem_link *l);
int64_t mem_net_delay(struct mem_net *net);
/* On its way, or not: exactly one of m and r. */
void mem_net_carry(struct mem_link *l, const char *to, const struct sc_message *m, unsigned entry,
                   const struct sc_receipts *r);
/* Would something from that link reach the gateway, and an answer come back? */
bool mem_net_reaches(const struct mem_link *l, const char *gateway, bool *ret_answers);

/* --- mem_stream.c --- */
unsigned mem_stream_add(struct mem_net *net, const struct sc_message *m);
void mem_stream_settle(struct mem_net *net, unsigned n);
/* Everything that waits for the link's agents is on its way to it. */
void mem_stream_drain(struct mem_link *l);

#endif
