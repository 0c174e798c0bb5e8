/* How each fault happens. */
#include "sim/storm_internal.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

void storm_start(struct storm *s, struct node *n)
{
    world_start(s->w, n->index);
    for (int k = 0; k < world_transports(s->w); k++)
        mem_link_set(n->links[k], SC_LINK_UP);
    if (prng_chance(s->prng, 700)) /* else its gateway says later who is there */
        world_publish(s->w);
}

void storm_crash(struct storm *s)
{
    struct node *n = storm_any_node(s);
    if (n->loop)
        world_crash(s->w, n->index);
    else
        storm_start(s, n);
}

/* The same, in the middle of whatever it does next. */
void storm_die_midway(struct storm *s)
{
    struct node *n = storm_live_node(s);
    if (n)
        n->fuse.left = (unsigned)prng_range(s->prng, 1, 60);
}

void storm_stop(struct storm *s)
{
    struct node *n = storm_live_node(s);
    if (n)
        world_freeze(s->w, n->index, prng_range(s->prng, 1, 300 * 1000), false);
}

void storm_sleep(struct storm *s)
{
    struct node *n = storm_live_node(s);
    if (n)
        world_freeze(s->w, n->index, prng_range(s->prng, 1, HOUR_MS), true);
}

void storm_link(struct storm *s)
{
    struct node *n = storm_live_node(s);
    if (!n)
        return;
    struct mem_link *l = n->links[storm_any(s, world_transports(s->w))];
    bool up = mem_link_transport(l)->state == SC_LINK_UP;
    mem_link_set(l, up ? SC_LINK_DOWN : SC_LINK_UP);
}

/* One way; the other way is another one's luck. */
void storm_partition(struct storm *s)
{
    int a = storm_any(s, world_nodes(s->w)), b = storm_any(s, world_nodes(s->w));
    struct mem_net *net = world_transport(s->w, storm_any(s, world_transports(s->w)));
    bool *cut = &mem_net_faults(net)->cut[a][b];
    *cut = !*cut && a != b;
}

static unsigned maybe(struct storm *s, unsigned never, int64_t most)
{
    return prng_chance(s->prng, never) ? 0 : (unsigned)prng_range(s->prng, 0, most);
}

void storm_weather(struct storm *s)
{
    struct mem_net *net = world_transport(s->w, storm_any(s, world_transports(s->w)));
    struct mem_net_faults *f = mem_net_faults(net);
    f->drop = maybe(s, 500, 400);
    f->duplicate = maybe(s, 500, 400);
    f->fail = maybe(s, 700, 400);
    f->lose_answer = maybe(s, 700, 400);
    f->busy = maybe(s, 700, 600);
    f->body_max = maybe(s, 800, 20);
    f->delay_max = prng_chance(s->prng, 500) ? 20 : prng_range(s->prng, 0, 5000);
}

/* A Redis or a Consul is gone for everybody, or is back; perhaps it lost all it had. */
void storm_outage(struct storm *s)
{
    int k = storm_any(s, world_transports(s->w));
    bool up = prng_chance(s->prng, 600);
    if (prng_chance(s->prng, 300))
        mem_net_wipe(world_transport(s->w, k));
    for (int i = 0; i < world_nodes(s->w); i++) {
        struct node *n = world_node(s->w, i);
        if (n->loop && !world_frozen(s->w, n))
            mem_link_set(n->links[k], up ? SC_LINK_UP : SC_LINK_DOWN);
    }
}

void storm_gateway(struct storm *s)
{
    struct node *n = storm_any_node(s);
    struct fake_gateway *g = n->gateway;
    bool ready = fake_gateway_port(g).ops->state(g) == SC_GW_READY;
    if (world_frozen(s->w, n))
        return;
    switch (ready ? storm_any(s, 5) : 0) {
    case 0:
        fake_gateway_set_state(g, ready ? SC_GW_ABSENT : SC_GW_READY);
        break;
    case 1:
        fake_gateway_crash(g);
        break;
    case 2:
        fake_gateway_set_refusal(g, SC_EBUSY);
        break;
    case 3:
        fake_gateway_set_refusal(g, SC_OK);
        break;
    default:
        fake_gateway_hold(g, world_now(s->w) + prng_range(s->prng, 1, 600 * 1000));
    }
}

/* From at once to never in time, and how often it gives back or fails. */
void storm_pace(struct storm *s)
{
    struct fake_gateway *g = storm_any_node(s)->gateway;
    int64_t most = prng_chance(s->prng, 300) ? 0 : prng_range(s->prng, 0, 60 * 1000);
    fake_gateway_set_pace(g, 0, most, maybe(s, 300, 300), maybe(s, 300, 100));
    fake_gateway_set_continues(g, maybe(s, 300, 1000));
}

void storm_disk(struct storm *s)
{
    struct mem_spool_faults *f = mem_spool_faults(storm_any_node(s)->spool);
    switch (storm_any(s, 5)) {
    case 0:
        f->fail_commits = (unsigned)prng_range(s->prng, 1, 3);
        break;
    case 1:
        f->fail_write = (unsigned)prng_range(s->prng, 1, 20);
        break;
    case 2:
        f->writes_fail = !f->writes_fail;
        break;
    case 3:
        f->max_messages = (size_t)maybe(s, 500, 50);
        break;
    default:
        f->writes_fail = false;
    }
}

void storm_directory(struct storm *s)
{
    struct node *n = storm_any_node(s);
    n->sees_directory = !n->sees_directory;
    world_publish(s->w);
}

static void settle(struct storm *s, int home, int i, int node)
{
    char name[32];
    storm_agent(name, home, i);
    s->at[home][i] = node;
    if (node < 0)
        world_remove(s->w, name);
    else
        world_agent(s->w, node, name);
    world_publish(s->w);
}

void storm_move(struct storm *s)
{
    int home = storm_any(s, world_nodes(s->w)), i = storm_any(s, STORM_AGENTS);
    settle(s, home, i, storm_any(s, world_nodes(s->w)));
}

/* An agent goes, or one that went comes back to where it was born. */
void storm_vanish(struct storm *s)
{
    int home = storm_any(s, world_nodes(s->w)), i = storm_any(s, STORM_AGENTS);
    settle(s, home, i, s->at[home][i] < 0 ? home : -1);
}

void storm_claim(struct storm *s)
{
    char name[32];
    storm_agent(name, storm_any(s, world_nodes(s->w)), storm_any(s, STORM_AGENTS));
    world_claim(s->w, prng_chance(s->prng, 500) ? -1 : storm_any(s, world_nodes(s->w)), name);
    world_publish(s->w);
}

void storm_clock(struct storm *s)
{
    static const int64_t most[] = { 20 * 1000, 10 * 60 * 1000, 5 * HOUR_MS };
    int64_t ms = most[storm_any(s, 3)];
    storm_any_node(s)->clock.wall_zero += prng_range(s->prng, -ms, ms);
}

/* Longer than anything is remembered, and back. */
void storm_calendar(struct storm *s)
{
    struct node *n = storm_any_node(s);
    n->clock.wall_zero += INT64_C(9) * DAY_MS;
    world_run(s->w, prng_range(s->prng, 0, 300 * 1000));
    n->clock.wall_zero -= INT64_C(9) * DAY_MS;
}

/* The directory may tell the others late. */
void storm_drain(struct storm *s)
{
    const struct node *n = storm_any_node(s);
    world_drain(s->w, n->index, !n->drains);
    if (prng_chance(s->prng, 700))
        world_publish(s->w);
}
