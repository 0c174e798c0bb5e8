/* One thing after the other, in the order of fake time. */
#include "sideclaw/mem.h"
#include "support/world_internal.h"

enum { STUCK_MAX = 1000000 }; /* steps within one millisecond */

/* What happens next: a node dies, its turn, a gateway's word, a packet. */
struct next {
    int64_t at;
    struct node *dies, *turn, *gateway;
    struct mem_net *net;
};

static int64_t next_turn(const struct node *n)
{
    int64_t at = n->loop ? fake_loop_next(n->loop) : INT64_MAX;
    return at < n->frozen_until ? n->frozen_until : at;
}

static struct next find_next(struct world *w)
{
    struct next x = { .at = INT64_MAX };
    for (int i = 0; i < w->n_nets; i++)
        if (mem_net_next(w->nets[i]) < x.at)
            x = (struct next){ .at = mem_net_next(w->nets[i]), .net = w->nets[i] };
    for (int i = 0; i < w->n_nodes; i++) {
        struct node *n = &w->nodes[i];
        if (n->fuse.out)
            return (struct next){ .at = w->now, .dies = n };
        int64_t at = fake_gateway_next(n->gateway);
        if (at < x.at)
            x = (struct next){ .at = at, .gateway = n };
        at = next_turn(n);
        if (at < x.at)
            x = (struct next){ .at = at, .turn = n };
    }
    return x;
}

static void turn(struct world *w, struct node *n)
{
    if (!n->loop)
        return;
    if (n->owed_view)
        world_show(w, n);
    fake_loop_turn(n->loop);
}

/* News of the outside begin a turn of the node they reach, sometimes together with the next ones.
 */
static void deliver(struct world *w, struct mem_net *net)
{
    int link = mem_net_next_link(net);
    if (!mem_net_deliver(net))
        return;
    while (mem_net_next(net) <= w->now && mem_net_next_link(net) == link &&
           prng_chance(&w->prng, 500))
        (void)mem_net_deliver(net);
    turn(w, &w->nodes[link]);
}

/* Somebody keeps the world busy without letting time pass. */
static void check_spin(struct world *w, int64_t at)
{
    w->stuck = at > w->now ? 0 : w->stuck + 1;
    sc_assert(w->stuck < STUCK_MAX);
}

static void happen(struct world *w, const struct next *x)
{
    check_spin(w, x->at);
    if (x->at > w->now)
        w->now = x->at;
    if (x->dies)
        world_crash(w, x->dies->index);
    else if (x->turn)
        turn(w, x->turn);
    else if (x->net)
        deliver(w, x->net);
    else if (fake_gateway_fire(x->gateway->gateway))
        turn(w, x->gateway);
}

bool world_step(struct world *w)
{
    struct next x = find_next(w);
    if (x.at == INT64_MAX)
        return false;
    happen(w, &x);
    return true;
}

static bool step_until(struct world *w, int64_t end)
{
    struct next x = find_next(w);
    if (x.at > end)
        return false;
    happen(w, &x);
    return true;
}

void world_run(struct world *w, int64_t ms)
{
    int64_t end = w->now + ms;
    while (step_until(w, end))
        continue;
    w->now = end;
}

bool world_run_until(struct world *w, int64_t ms, world_cond_fn *cond, void *ctx)
{
    int64_t end = w->now + ms;
    while (!cond(ctx)) {
        if (!step_until(w, end)) {
            w->now = end;
            return cond(ctx);
        }
    }
    return true;
}
