/* What happens when: the seed draws a climate, and the climate the events. */
#include "sim/storm.h"

#include <stdlib.h>

#include "sideclaw/mem.h"
#include "sim/storm_internal.h"

/* What happens, and how often of a thousand. The kinds that a climate lacks are quiet moments. */
static const struct event {
    const char *name;
    int64_t weight;
    storm_fault_fn *happen;
} events[] = {
    { "crash", 30, storm_crash },      { "die", 30, storm_die_midway },
    { "stop", 15, storm_stop },        { "sleep", 10, storm_sleep },
    { "link", 40, storm_link },        { "partition", 60, storm_partition },
    { "weather", 60, storm_weather },  { "outage", 20, storm_outage },
    { "gateway", 50, storm_gateway },  { "pace", 20, storm_pace },
    { "disk", 50, storm_disk },        { "directory", 20, storm_directory },
    { "move", 15, storm_move },        { "vanish", 10, storm_vanish },
    { "claim", 10, storm_claim },      { "clock", 15, storm_clock },
    { "calendar", 2, storm_calendar }, { "drain", 30, storm_drain },
};

void climate_of(uint64_t seed, int nodes, struct climate *ret)
{
    static const uint32_t ttls[] = { 120, 900, 7200 };
    struct prng p;
    prng_seed(&p, seed ^ UINT64_C(0x5eed));
    *ret = (struct climate){ .world = world_defaults() };
    ret->world.seed = seed;
    ret->world.limits.default_ttl_s = ttls[prng_range(&p, 0, 2)];
    ret->world.max_turns = (unsigned)prng_range(&p, 1, 4);
    ret->world.transports = prng_chance(&p, 500) ? 1 : 3;
    ret->world.commit_lazy_ms = prng_chance(&p, 500) ? 0 : 20;
    ret->nodes = nodes ? nodes : (int)prng_range(&p, 2, 6);
    for (size_t i = 0; i < SC_ARRAY_LEN(events); i++)
        ret->faults |= prng_chance(&p, 650) ? 1U << i : 0;
}

int storm_any(struct storm *s, int n)
{
    return (int)prng_range(s->prng, 0, n - 1);
}

struct node *storm_any_node(struct storm *s)
{
    return world_node(s->w, storm_any(s, world_nodes(s->w)));
}

struct node *storm_live_node(struct storm *s)
{
    struct node *n = storm_any_node(s);
    return n->loop && !world_frozen(s->w, n) ? n : NULL;
}

void storm_agent(char ret[32], int home, int i)
{
    (void)snprintf(ret, 32, "agent-%d-%d", home, i);
}

struct storm *storm_new(struct world *w, struct ledger *l, struct trace *t,
                        const struct climate *climate)
{
    struct storm *s = sc_xcalloc(1, sizeof *s);
    *s = (struct storm){ .w = w, .l = l, .t = t, .prng = world_prng(w), .climate = *climate };
    s->at = sc_xcalloc((size_t)world_nodes(w), sizeof *s->at);
    for (int n = 0; n < world_nodes(w); n++) {
        fake_gateway_set_pace(world_node(w, n)->gateway, 0, 3000, 50, 30);
        for (int i = 0; i < STORM_AGENTS; i++) {
            char name[32];
            storm_agent(name, n, i);
            world_agent(w, n, name);
            s->at[n][i] = n;
        }
    }
    for (int k = 0; k < world_transports(w); k++)
        mem_net_faults(world_transport(w, k))->delay_max = 20;
    s->right_time = world_node(w, 0)->clock.wall_zero;
    world_publish(w);
    world_run(w, 10);
    return s;
}

void storm_free(struct storm *s)
{
    free(s->at);
    free(s);
}

/* One agent writes to another, a few times in a row. */
static void send_some(struct storm *s)
{
    int64_t count = prng_range(s->prng, 1, 6);
    char from[32], to[32];
    int home = storm_any(s, world_nodes(s->w)), i = storm_any(s, STORM_AGENTS);
    int at = s->at[home][i];
    storm_agent(from, home, i);
    storm_agent(to, storm_any(s, world_nodes(s->w)), storm_any(s, STORM_AGENTS));
    if (at < 0 || world_frozen(s->w, world_node(s->w, at)))
        return;
    for (; count > 0 && world_node(s->w, at)->loop; count--)
        ledger_send(s->l, at, from, to, prng_chance(s->prng, 200));
}

static void send_again(struct storm *s)
{
    const struct node *n = storm_live_node(s);
    if (n)
        ledger_send_again(s->l, n->index);
}

static void strike(struct storm *s)
{
    int64_t pick = prng_range(s->prng, 0, 599);
    for (size_t i = 0; i < SC_ARRAY_LEN(events); i++) {
        pick -= events[i].weight;
        if (pick >= 0)
            continue;
        if (s->climate.faults & (1U << i)) {
            trace_line(s->t, "-- %s", events[i].name);
            events[i].happen(s);
        }
        return;
    }
}

void storm_step(struct storm *s)
{
    if (prng_chance(s->prng, 550))
        send_some(s);
    else if (prng_chance(s->prng, 100))
        send_again(s);
    else
        strike(s);
    if (prng_chance(s->prng, 700)) /* else more happens at once */
        world_run(s->w, prng_chance(s->prng, 900) ? prng_range(s->prng, 0, 3000)
                                                  : prng_range(s->prng, 0, 120000));
}

static void heal(struct storm *s, struct node *n)
{
    *mem_spool_faults(n->spool) = (struct mem_spool_faults){ 0 };
    n->clock.wall_zero = s->right_time;
    fake_gateway_set_refusal(n->gateway, SC_OK);
    fake_gateway_set_state(n->gateway, SC_GW_READY);
    n->sees_directory = true;
    world_drain(s->w, n->index, false);
    if (!n->loop)
        world_start(s->w, n->index);
    n->fuse = (struct fuse){ 0 };
    for (int k = 0; k < world_transports(s->w); k++)
        mem_link_set(n->links[k], SC_LINK_UP);
}

/* Nobody lives longer than his ttl, a sleep and the furthest that a clock was off; whoever waits
 * for a gateway may have to be asked for as long again. */
static int64_t calm_ms(const struct storm *s)
{
    return INT64_C(4000) * s->climate.world.limits.default_ttl_s + INT64_C(48) * 3600 * 1000;
}

void storm_over(struct storm *s)
{
    trace_line(s->t, "-- calm");
    for (int k = 0; k < world_transports(s->w); k++)
        *mem_net_faults(world_transport(s->w, k)) = (struct mem_net_faults){ .delay_max = 20 };
    world_run(s->w, INT64_C(3600) * 1000); /* who sleeps wakes up */
    for (int i = 0; i < world_nodes(s->w); i++)
        heal(s, world_node(s->w, i));
    world_publish(s->w);
    world_run(s->w, calm_ms(s));
}
