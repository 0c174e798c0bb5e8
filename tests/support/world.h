/* world.h: whole nodes (registry, router, mailbox over fakes) in one process on fake time. Unit
 * tests of the domain use one or two nodes; the simulator (tests/sim) many, with faults. Everything
 * random comes from one seed, so that a run replays. */
#ifndef SIDECLAW_TESTS_WORLD_H
#define SIDECLAW_TESTS_WORLD_H

#include "sideclaw/mailbox.h"
#include "sideclaw/registry.h"
#include "sideclaw/router.h"
#include "support/fake_clock.h"
#include "support/fake_gateway.h"
#include "support/fake_loop.h"
#include "support/mem_net.h"
#include "support/mem_spool.h"
#include "support/prng.h"

/* Defaults of a world; change them before world_new. */
struct world_options {
    uint64_t seed;
    struct sc_router_limits limits;
    unsigned max_turns;
    int64_t turn_retry_min_ms, turn_retry_max_ms;
    int transports;         /* 1: a plain one; 3: like redis, peer and consul */
    int64_t commit_lazy_ms; /* of what nobody waits for */
    enum sc_log_level
        log_level; /* of the nodes' log on stderr, when the environment has SC_TEST_LOG */
};
struct world_options world_defaults(void);

struct world;

/* A gateway with its sidecar. spool, gateway and link outlive the process; what is below them is a
 * process's life and NULL while it is down. */
struct node {
    struct world *w;
    char *name;
    int index;
    struct fake_clock clock;
    struct mem_spool *spool;
    struct fake_gateway *gateway;
    struct mem_link *links[SC_ROUTER_TRANSPORTS_MAX]; /* in order of preference */
    struct mem_link *link;                            /* the first */
    struct fuse fuse;     /* light it, and the process dies in the middle of something */
    int64_t frozen_until; /* its process is stopped */
    bool sees_directory;  /* false: its registry keeps the last view, and says it is not fresh */
    bool owed_view;       /* the directory changed while it was stopped */
    bool drains;          /* also in its next life; world_drain changes it */
    bool never_holds;     /* a planted mistake: it drains and begins turns all the same */
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_registry *registry;
    struct sc_router *router;
    struct sc_mailbox *mailbox;
};

struct world *world_new(const struct world_options *opt, int nodes);
void world_free(struct world *w);
struct node *world_node(struct world *w, int i);
int world_nodes(const struct world *w);
struct prng *world_prng(struct world *w);
int world_transports(const struct world *w);
struct mem_net *world_transport(struct world *w, int i);
/* Of the first one. */
struct mem_net_faults *world_net(struct world *w);
int64_t world_now(const struct world *w);

/* An agent on a node's gateway; it moves when it was elsewhere. world_publish shows it to all. */
void world_agent(struct world *w, int node, const char *agent);
/* An agent that only the node's configuration knows: served by its inbox. */
void world_inbox_agent(struct world *w, int node, const char *agent);
/* A second gateway hosts it, too (-1: no more); the directory goes on naming the first. */
void world_claim(struct world *w, int node, const char *agent);
/* Nobody hosts it any more. */
void world_remove(struct world *w, const char *agent);
/* Everybody that sees the directory gets its present view, and every gateway lists its agents. */
void world_publish(struct world *w);

/* Everything up to `ms` from now happens, in order. */
void world_run(struct world *w, int64_t ms);
/* The next thing happens; false when nothing will. */
bool world_step(struct world *w);
/* Until the condition holds, at most `ms`; says whether it does. */
typedef bool world_cond_fn(void *ctx);
bool world_run_until(struct world *w, int64_t ms, world_cond_fn *cond, void *ctx);

/* The process dies, or starts again on the same spool. */
void world_crash(struct world *w, int node);
void world_start(struct world *w, int node);
/* It takes no new work from here on, or takes some again; the directory shows that with the next
 * world_publish. */
void world_drain(struct world *w, int node, bool on);
/* The process is stopped for so long, or its whole machine sleeps: then its gateway does, too, and
 * its timers do not count that time. */
void world_freeze(struct world *w, int node, int64_t ms, bool machine);
bool world_frozen(const struct world *w, const struct node *n);

/* A message from an agent of the node. The id is given at once, and committed with the next turn.
 */
int world_send(struct node *n, const char *from, const char *to, const char *body,
               struct sc_id *ret_id, struct sc_err *err);

/* The sender's committed stage; SC_STAGES when it is unknown there. */
enum sc_stage world_out_stage(const struct node *n, const struct sc_id *id);
enum sc_stage world_in_stage(const struct node *n, const struct sc_id *id);

#endif
