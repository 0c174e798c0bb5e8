#include "sim/storm.h"

#include <stdlib.h>

#include "sideclaw/mem.h"

enum { AGENTS_A_NODE = 2 };

struct storm {
    struct world *w;
    struct ledger *l;
    struct prng *prng;
    int at[MEM_NET_NODES][AGENTS_A_NODE]; /* where each agent is */
};

static void agent_name(char ret[32], int node, int i)
{
    (void)snprintf(ret, 32, "agent-%d-%d", node, i);
}

struct storm *storm_new(struct world *w, struct ledger *l)
{
    struct storm *s = sc_xcalloc(1, sizeof *s);
    *s = (struct storm){ .w = w, .l = l, .prng = world_prng(w) };
    for (int n = 0; n < world_nodes(w); n++) {
        fake_gateway_set_pace(world_node(w, n)->gateway, 0, 3000, 50, 30);
        for (int i = 0; i < AGENTS_A_NODE; i++) {
            char name[32];
            agent_name(name, n, i);
            world_agent(w, n, name);
            s->at[n][i] = n;
        }
    }
    world_net(w)->delay_max = 20;
    world_publish(w);
    world_run(w, 10);
    return s;
}

void storm_free(struct storm *s)
{
    free(s);
}

static int any(struct storm *s, int n)
{
    return (int)prng_range(s->prng, 0, n - 1);
}

static struct node *any_node(struct storm *s)
{
    return world_node(s->w, any(s, world_nodes(s->w)));
}

static void send_some(struct storm *s)
{
    int64_t count = prng_range(s->prng, 1, 6);
    char from[32], to[32];
    int home = any(s, world_nodes(s->w)), i = any(s, AGENTS_A_NODE);
    const struct node *n = world_node(s->w, s->at[home][i]);
    agent_name(from, home, i);
    agent_name(to, any(s, world_nodes(s->w)), any(s, AGENTS_A_NODE));
    for (; count > 0 && n->loop; count--)
        ledger_send(s->l, n->index, from, to);
}

static void start(struct storm *s, struct node *n)
{
    world_start(s->w, n->index);
    mem_link_set(n->link, SC_LINK_UP);
    world_publish(s->w);
}

static void crash_or_start(struct storm *s)
{
    struct node *n = any_node(s);
    if (n->loop)
        world_crash(s->w, n->index);
    else
        start(s, n);
}

static void toggle_link(struct storm *s)
{
    struct node *n = any_node(s);
    bool up = mem_link_transport(n->link)->state == SC_LINK_UP;
    if (n->loop)
        mem_link_set(n->link, up ? SC_LINK_DOWN : SC_LINK_UP);
}

static void toggle_partition(struct storm *s)
{
    int a = any(s, world_nodes(s->w)), b = any(s, world_nodes(s->w));
    bool *cut = &world_net(s->w)->cut[a][b];
    *cut = !*cut && a != b;
}

static void toggle_gateway(struct storm *s)
{
    struct node *n = any_node(s);
    bool ready = fake_gateway_port(n->gateway).ops->state(n->gateway) == SC_GW_READY;
    if (ready && prng_chance(s->prng, 300))
        fake_gateway_crash(n->gateway);
    else
        fake_gateway_set_state(n->gateway, ready ? SC_GW_ABSENT : SC_GW_READY);
}

static void weather(struct storm *s)
{
    struct mem_net_faults *f = world_net(s->w);
    f->drop = prng_chance(s->prng, 500) ? 0 : (unsigned)prng_range(s->prng, 0, 400);
    f->duplicate = prng_chance(s->prng, 500) ? 0 : (unsigned)prng_range(s->prng, 0, 400);
    f->fail = prng_chance(s->prng, 700) ? 0 : (unsigned)prng_range(s->prng, 0, 400);
    f->delay_max = prng_chance(s->prng, 500) ? 20 : prng_range(s->prng, 0, 5000);
}

static void break_disk(struct storm *s)
{
    struct mem_spool_faults *f = mem_spool_faults(any_node(s)->spool);
    switch (any(s, 4)) {
    case 0:
        f->fail_commits = (unsigned)prng_range(s->prng, 1, 3);
        break;
    case 1:
        f->fail_write = (unsigned)prng_range(s->prng, 1, 20);
        break;
    case 2:
        f->writes_fail = !f->writes_fail;
        break;
    default:
        f->writes_fail = false;
    }
}

static void toggle_directory(struct storm *s)
{
    struct node *n = any_node(s);
    n->sees_directory = !n->sees_directory;
    world_publish(s->w);
}

static void move_agent(struct storm *s)
{
    char name[32];
    int home = any(s, world_nodes(s->w)), i = any(s, AGENTS_A_NODE);
    agent_name(name, home, i);
    s->at[home][i] = any(s, world_nodes(s->w));
    world_agent(s->w, s->at[home][i], name);
    world_publish(s->w);
}

static void jump_clock(struct storm *s)
{
    struct node *n = any_node(s);
    n->clock.wall_zero += prng_range(s->prng, -20000, 20000);
}

void storm_step(struct storm *s)
{
    static const struct {
        unsigned weight;
        void (*happen)(struct storm *s);
    } events[] = {
        { 600, send_some },       { 50, crash_or_start },   { 50, toggle_link },
        { 80, toggle_partition }, { 60, toggle_gateway },   { 60, weather },
        { 60, break_disk },       { 20, toggle_directory }, { 20, jump_clock },
        { 20, move_agent },
    };
    int64_t pick = prng_range(s->prng, 0, 999);
    for (size_t i = 0; i < SC_ARRAY_LEN(events); i++) {
        pick -= events[i].weight;
        if (pick < 0) {
            events[i].happen(s);
            break;
        }
    }
    if (prng_chance(s->prng, 700)) /* else more happens at once */
        world_run(s->w, prng_chance(s->prng, 900) ? prng_range(s->prng, 0, 3000)
                                                  : prng_range(s->prng, 0, 120000));
}

void storm_over(struct storm *s)
{
    struct mem_net_faults *f = world_net(s->w);
    *f = (struct mem_net_faults){ .delay_max = 20 };
    for (int i = 0; i < world_nodes(s->w); i++) {
        struct node *n = world_node(s->w, i);
        *mem_spool_faults(n->spool) = (struct mem_spool_faults){ 0 };
        fake_gateway_set_state(n->gateway, SC_GW_READY);
        n->sees_directory = true;
        if (!n->loop)
            world_start(s->w, i);
        mem_link_set(n->link, SC_LINK_UP);
    }
    world_publish(s->w);
}
