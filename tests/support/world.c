#include <stdlib.h>
#include <unistd.h>

#include "sideclaw/mem.h"
#include "support/world_internal.h"

enum { WALL_ZERO = 1771243200 }; /* s: 2026-02-16T12:00:00Z */

struct world_options world_defaults(void)
{
    return (struct world_options){
        .seed = 1,
        .limits = { .retry_min_ms = 1000,
                    .retry_max_ms = 60 * 1000,
                    .ack_ms = 2000,
                    .refresh_ms = 60 * 1000,
                    .retention_ms = INT64_C(7) * 24 * 3600 * 1000,
                    .default_ttl_s = 24 * 3600,
                    .max_hops = 16,
                    .thread_rate = 0 },
        .max_turns = 32,
        .turn_retry_min_ms = 1000,
        .turn_retry_max_ms = 30 * 1000,
        .transports = 1,
        .log_level = SC_LOG_DEBUG,
    };
}

/* --- what a node's parts tell each other, as app_events.c wires them --- */

static void on_local_changed(void *ctx)
{
    const struct node *n = ctx;
    size_t count;
    const struct sc_agent_info *agents = sc_registry_local(n->registry, &count);
    const char **ids = sc_xcalloc(count + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = agents[i].id;
    for (int i = 0; i < n->w->n_nets; i++) {
        const struct sc_transport *t = mem_link_transport(n->links[i]);
        t->ops->serve(t->impl, ids, count);
    }
    free(ids);
}

static void on_gateway_alive(void *ctx, const char *gateway)
{
    struct node *n = ctx;
    if (n->router)
        sc_router_hurry(n->router, gateway);
}

static void on_link(void *ctx, const struct sc_transport *t, enum sc_link_state state,
                    const char *detail, const char *remedy)
{
    struct node *n = ctx;
    (void)t;
    (void)detail;
    (void)remedy;
    if (state == SC_LINK_UP)
        sc_router_hurry(n->router, NULL);
}

static void on_message(void *ctx, const struct sc_transport *t, struct sc_message *take_msg,
                       const struct sc_entry *entry)
{
    struct node *n = ctx;
    sc_router_receive(n->router, t, take_msg, entry);
}

static void on_receipts(void *ctx, const struct sc_transport *t, const struct sc_receipts *r)
{
    struct node *n = ctx;
    (void)t;
    sc_router_receipts(n->router, r);
}

static void on_rejected(void *ctx, const struct sc_transport *t, const char *reason)
{
    struct node *n = ctx;
    sc_router_rejected(n->router, t->name, reason);
}

static void on_gateway_state(void *ctx, enum sc_gateway_state s, const char *detail,
                             const char *remedy)
{
    struct node *n = ctx;
    (void)detail;
    (void)remedy;
    if (s == SC_GW_READY)
        sc_mailbox_gateway_ready(n->mailbox);
}

static void on_turn(void *ctx, const struct sc_id *id, enum sc_turn_event ev, const char *text)
{
    struct node *n = ctx;
    sc_mailbox_turn(n->mailbox, id, ev, text);
}

static void on_deliver(void *ctx, const struct sc_message *m)
{
    struct node *n = ctx;
    sc_mailbox_deliver(n->mailbox, m);
}

static bool on_queues(void *ctx, const struct sc_message *m)
{
    const struct node *n = ctx;
    return sc_mailbox_queues(n->mailbox, m);
}

/* --- a process's life --- */

static void hold(const struct node *n)
{
    sc_mailbox_hold(n->mailbox, n->drains && !n->never_holds);
}

static void build(struct node *n)
{
    const struct world_options *opt = &n->w->opt;
    const struct sc_registry_deps registry = { .self_name = n->name,
                                               .log = n->log,
                                               .local_changed = on_local_changed,
                                               .gateway_alive = on_gateway_alive,
                                               .ctx = n };
    n->registry = sc_registry_new(&registry);
    struct sc_router_deps router = { .loop = n->loop,
                                     .log = n->log,
                                     .clock = fake_clock_port(&n->clock),
                                     .spool = mem_spool_port(n->spool),
                                     .registry = n->registry,
                                     .self_name = n->name,
                                     .limits = opt->limits,
                                     .deliver = on_deliver,
                                     .queues = on_queues,
                                     .ctx = n };
    for (int i = 0; i < n->w->n_nets; i++)
        router.transports[i] = mem_link_transport(n->links[i]);
    n->router = sc_router_new(&router);
    const struct sc_mailbox_deps mailbox = { .loop = n->loop,
                                             .log = n->log,
                                             .clock = fake_clock_port(&n->clock),
                                             .spool = mem_spool_port(n->spool),
                                             .router = n->router,
                                             .registry = n->registry,
                                             .gateway = fake_gateway_port(n->gateway),
                                             .turn_timeout_s = 600,
                                             .max_turns = opt->max_turns,
                                             .retry_min_ms = opt->turn_retry_min_ms,
                                             .retry_max_ms = opt->turn_retry_max_ms };
    n->mailbox = sc_mailbox_new(&mailbox);
    hold(n);
}

static void attach(struct node *n)
{
    const struct sc_transport_events net = { .ctx = n,
                                             .link = on_link,
                                             .message = on_message,
                                             .receipts = on_receipts,
                                             .rejected = on_rejected };
    const struct sc_gateway_events gateway = { .ctx = n,
                                               .state = on_gateway_state,
                                               .turn = on_turn };
    n->fuse = (struct fuse){ 0 };
    for (int i = 0; i < n->w->n_nets; i++)
        mem_link_attach(n->links[i], &net, &n->fuse);
    fake_gateway_attach(n->gateway, &gateway, &n->fuse);
    mem_spool_burn(n->spool, &n->fuse);
    mem_spool_lazy(n->spool, n->w->opt.commit_lazy_ms);
}

void world_start(struct world *w, int i)
{
    struct node *n = &w->nodes[i];
    sc_assert(!n->loop);
    n->loop = fake_loop_new(&w->now);
    if (getenv("SC_TEST_LOG"))
        n->log = sc_log_new(STDERR_FILENO, w->opt.log_level, n->name, fake_clock_port(&n->clock));
    if (n->spool)
        mem_spool_attach(n->spool, n->loop);
    else
        n->spool = mem_spool_new(n->loop);
    build(n);
    attach(n);
    sc_mailbox_start(n->mailbox);
    sc_router_start(n->router);
}

void world_drain(struct world *w, int i, bool on)
{
    struct node *n = &w->nodes[i];
    n->drains = on;
    if (n->loop)
        hold(n);
}

void world_crash(struct world *w, int i)
{
    struct node *n = &w->nodes[i];
    for (int k = 0; k < w->n_nets; k++) {
        mem_link_attach(n->links[k], NULL, NULL);
        mem_link_hold(n->links[k], 0);
    }
    fake_gateway_attach(n->gateway, NULL, NULL);
    mem_spool_crash(n->spool);
    fake_loop_crash(n->loop);
    sc_mailbox_free(n->mailbox);
    sc_router_free(n->router);
    sc_registry_free(n->registry);
    sc_log_free(n->log);
    sc_loop_free(n->loop);
    n->mailbox = NULL;
    n->router = NULL;
    n->registry = NULL;
    n->log = NULL;
    n->loop = NULL;
    n->fuse = (struct fuse){ 0 };
    n->frozen_until = 0;
}

void world_freeze(struct world *w, int i, int64_t ms, bool machine)
{
    struct node *n = &w->nodes[i];
    n->frozen_until = w->now + ms;
    for (int k = 0; k < w->n_nets; k++)
        mem_link_hold(n->links[k], n->frozen_until);
    if (!machine)
        return;
    fake_loop_slept(n->loop, ms);
    fake_gateway_hold(n->gateway, n->frozen_until);
}

bool world_frozen(const struct world *w, const struct node *n)
{
    return n->frozen_until > w->now;
}

static void make_nets(struct world *w)
{
    static const struct {
        const char *name;
        enum mem_net_kind kind;
    } kinds[] = { { "redis", MEM_NET_DURABLE },
                  { "peer", MEM_NET_DIRECT },
                  { "consul", MEM_NET_DURABLE } };
    if (w->opt.transports == 1) {
        w->nets[w->n_nets++] = mem_net_new("mem", MEM_NET_PLAIN, &w->now, &w->prng);
        return;
    }
    for (int i = 0; i < w->opt.transports; i++)
        w->nets[w->n_nets++] = mem_net_new(kinds[i].name, kinds[i].kind, &w->now, &w->prng);
}

struct world *world_new(const struct world_options *opt, int nodes)
{
    struct world *w = sc_xcalloc(1, sizeof *w);
    w->opt = *opt;
    prng_seed(&w->prng, opt->seed);
    prng_install(&w->prng);
    make_nets(w);
    w->nodes = sc_xcalloc((size_t)nodes, sizeof *w->nodes);
    w->n_nodes = nodes;
    for (int i = 0; i < nodes; i++) {
        struct node *n = &w->nodes[i];
        n->w = w;
        n->index = i;
        n->name = sc_xasprintf("gw-%d", i);
        n->clock = (struct fake_clock){ .now = &w->now, .wall_zero = INT64_C(1000) * WALL_ZERO };
        n->gateway = fake_gateway_new(&w->now, &w->prng);
        for (int k = 0; k < w->n_nets; k++)
            n->links[k] = mem_link_new(w->nets[k], n->name);
        n->link = n->links[0];
        n->sees_directory = true;
        fake_gateway_set_state(n->gateway, SC_GW_READY);
        world_start(w, i);
        for (int k = 0; k < w->n_nets; k++)
            mem_link_set(n->links[k], SC_LINK_UP);
    }
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->n_nodes; i++) {
        struct node *n = &w->nodes[i];
        if (n->loop)
            world_crash(w, i);
        mem_spool_free(n->spool);
        fake_gateway_free(n->gateway);
        free(n->name);
    }
    for (int i = 0; i < w->n_nets; i++)
        mem_net_free(w->nets[i]);
    world_free_places(w);
    free(w->nodes);
    free(w);
}

struct node *world_node(struct world *w, int i)
{
    return &w->nodes[i];
}

int world_nodes(const struct world *w)
{
    return w->n_nodes;
}

struct prng *world_prng(struct world *w)
{
    return &w->prng;
}

int world_transports(const struct world *w)
{
    return w->n_nets;
}

struct mem_net *world_transport(struct world *w, int i)
{
    return w->nets[i];
}

struct mem_net_faults *world_net(struct world *w)
{
    return mem_net_faults(w->nets[0]);
}

int64_t world_now(const struct world *w)
{
    return w->now;
}

/* --- messages --- */

int world_send(struct node *n, const char *from, const char *to, const char *body,
               struct sc_id *ret_id, struct sc_err *err)
{
    sc_auto_message struct sc_message m;
    sc_message_init(&m);
    struct sc_clock clock = fake_clock_port(&n->clock);
    m.id = sc_id_new(sc_clock_wall(&clock));
    m.from_agent = sc_xstrdup(from);
    m.to_agent = sc_xstrdup(to);
    m.body = sc_xstrdup(body);
    m.body_len = strlen(body);
    if (ret_id)
        *ret_id = m.id;
    return sc_router_submit(n->router, &m, NULL, NULL, err);
}

enum sc_stage world_out_stage(const struct node *n, const struct sc_id *id)
{
    const struct sc_record *r = mem_spool_out(n->spool, id);
    return r ? r->stage : SC_STAGES;
}

enum sc_stage world_in_stage(const struct node *n, const struct sc_id *id)
{
    const struct sc_record *r = mem_spool_in(n->spool, id);
    return r ? r->stage : SC_STAGES;
}
