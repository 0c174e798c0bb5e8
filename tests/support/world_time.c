/* One thing after the other, in the order of fake time. */
#include "sideclaw/mem.h"
#include "support/world_internal.h"

enum { STUCK_MAX = 1000000 }; /* steps within one millisecond */

/* What happens next: a node's turn, a gateway's word, a packet. */
struct next {
    int64_t at;
    struct node *turn, *gateway;
    bool packet;
};

static struct next find_next(struct world *w)
{
    struct next x = { .at = mem_net_next(w->net), .packet = true };
    for (int i = 0; i < w->n_nodes; i++) {
        struct node *n = &w->nodes[i];
        int64_t at = fake_gateway_next(n->gateway);
        if (at < x.at)
            x = (struct next){ .at = at, .gateway = n };
        at = n->loop ? fake_loop_next(n->loop) : INT64_MAX;
        if (at < x.at)
            x = (struct next){ .at = at, .turn = n };
    }
    return x;
}

/* News of the outside begin a turn of the node they reach, sometimes together with the next ones.
 */
static void end_turn(struct world *w, struct node *n)
{
    while (mem_net_next(w->net) <= w->now && mem_net_next_link(w->net) == n->index &&
           prng_chance(&w->prng, 500))
        (void)mem_net_deliver(w->net);
    if (n->loop)
        fake_loop_turn(n->loop);
}

/* Somebody keeps the world busy without letting time pass. */
static void check_spin(struct world *w, int64_t at)
{
    w->stuck = at > w->now ? 0 : w->stuck + 1;
    sc_assert(w->stuck < STUCK_MAX);
}

bool world_step(struct world *w)
{
    struct next x = find_next(w);
    if (x.at == INT64_MAX)
        return false;
    check_spin(w, x.at);
    if (x.at > w->now)
        w->now = x.at;
    if (x.turn) {
        fake_loop_turn(x.turn->loop);
    } else if (x.gateway) {
        if (fake_gateway_fire(x.gateway->gateway))
            fake_loop_turn(x.gateway->loop);
    } else {
        struct node *n = &w->nodes[mem_net_next_link(w->net)];
        if (mem_net_deliver(w->net))
            end_turn(w, n);
    }
    return true;
}

void world_run(struct world *w, int64_t ms)
{
    int64_t end = w->now + ms;
    while (find_next(w).at <= end)
        (void)world_step(w);
    w->now = end;
}

bool world_run_until(struct world *w, int64_t ms, world_cond_fn *cond, void *ctx)
{
    int64_t end = w->now + ms;
    while (!cond(ctx)) {
        if (find_next(w).at > end) {
            w->now = end;
            return cond(ctx);
        }
        (void)world_step(w);
    }
    return true;
}
