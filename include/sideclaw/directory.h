/* directory.h: port: where gateways find each other (Consul KV in store/consul_directory.c). */
#ifndef SIDECLAW_DIRECTORY_H
#define SIDECLAW_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/agent.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"

/* What this gateway says of itself: one transaction, held by a session. */
struct sc_presence {
    const char *cluster_id;
    struct sc_gateway_info gateway;     /* borrowed contents */
    const struct sc_agent_info *agents; /* this gateway's */
    size_t n_agents;
    unsigned turns; /* running now, for `load` */
};

enum sc_link_state { SC_LINK_OFF, SC_LINK_DOWN, SC_LINK_UP };

/* How the world outside tells the domain; called from the loop only. `ctx` first, as everywhere. */
struct sc_directory_events {
    void *ctx;
    /* The link came, went or failed; `detail` says why in a sentence, `remedy` what to do ("" ok).
     * Up with a detail: something of what it is for does not work. */
    void (*link)(void *ctx, enum sc_link_state state, const char *detail, const char *remedy);
    /* A whole view follows: begin, one call per entry, end. What is not named is gone. */
    void (*agents_begin)(void *ctx);
    void (*agent)(void *ctx, const struct sc_agent_info *a);
    void (*agents_end)(void *ctx);
    void (*gateways_begin)(void *ctx);
    void (*gateway)(void *ctx, const struct sc_gateway_info *g);
    void (*gateways_end)(void *ctx);
    /* An agent id (or, with agent NULL, our gateway name) is held by somebody else. Called again on
     * every heartbeat while it lasts; holder "" means the conflict is over. */
    void (*conflict)(void *ctx, const char *agent, const char *holder);
    /* An operator put this gateway, or its whole machine, into maintenance, or took it out of it.
     * NULL: nobody minds. */
    void (*maintenance)(void *ctx, bool on, const char *reason);
};

/* One question that the directory answers whenever something changes. The totals only rise. */
struct sc_watch_stats {
    const char *name;
    uint64_t answers, failures;
    uint64_t resets;  /* the directory had gone back in time: restored, or another one */
    bool answering;   /* the last question was answered */
    sc_mono answered; /* ms 0: never */
};
enum { SC_DIRECTORY_WATCHES = 3 };
struct sc_directory_stats {
    struct sc_watch_stats watches[SC_DIRECTORY_WATCHES];
    size_t n_watches;
    bool session; /* one that holds our names, as far as we know */
};

typedef void sc_directory_done_fn(void *ctx, const struct sc_err *err); /* err NULL: done */

struct sc_directory_ops {
    /* Write the presence now; the latest call wins while one is in flight. Everything is copied. */
    void (*publish)(void *impl, const struct sc_presence *p);
    /* Graceful stop: mark us dead and our agents offline, release the session, deregister. done
     * runs once, also when the directory is away (after at most 2 s). */
    void (*withdraw)(void *impl, sc_directory_done_fn *done, void *ctx);
    void (*stats)(const void *impl, struct sc_directory_stats *ret); /* may be NULL */
};
struct sc_directory {
    const struct sc_directory_ops *ops;
    void *impl;
};

#endif
