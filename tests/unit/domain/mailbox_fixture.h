/* mailbox_fixture.h: one node with four agents, and what a test asks of its gateway and spool. */
#ifndef SIDECLAW_TESTS_MAILBOX_FIXTURE_H
#define SIDECLAW_TESTS_MAILBOX_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/world.h"

enum { MINUTE = 60 * 1000, DAY_MS = 24 * 3600 * 1000 };

/* One node is enough: senders and receivers live on it. */
static inline struct world *one_node(unsigned max_turns, enum fake_gateway_mode mode)
{
    struct world_options opt = world_defaults();
    opt.max_turns = max_turns;
    struct world *w = world_new(&opt, 1);
    world_agent(w, 0, "amy");
    world_agent(w, 0, "bobby");
    world_agent(w, 0, "carol");
    world_agent(w, 0, "dave");
    world_publish(w);
    fake_gateway_set_mode(world_node(w, 0)->gateway, mode);
    world_run(w, 10);
    return w;
}

static inline struct sc_id post(struct world *w, const char *from, const char *to, const char *body)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), from, to, body, &id, &err), SC_OK, "%s", err.text);
    return id;
}

static inline struct fake_gateway *gateway(struct world *w)
{
    return world_node(w, 0)->gateway;
}

static inline const struct fake_turn *turn(struct world *w, const struct sc_id *id)
{
    return fake_gateway_find(gateway(w), id);
}

static inline enum sc_stage in(struct world *w, const struct sc_id *id)
{
    return world_in_stage(world_node(w, 0), id);
}

static inline enum sc_stage out(struct world *w, const struct sc_id *id)
{
    return world_out_stage(world_node(w, 0), id);
}

static inline void say(struct world *w, const struct sc_id *id, enum sc_turn_event ev,
                       const char *text)
{
    fake_gateway_say(gateway(w), id, ev, text);
    world_run(w, 0);
}

static inline struct sc_router_counters counted(struct world *w)
{
    struct sc_router_counters n;
    sc_router_counters(world_node(w, 0)->router, &n);
    return n;
}

/* The order in which the gateway was handed things, by body. */
static inline const char *order(struct world *w, char *s, size_t size)
{
    s[0] = 0;
    for (size_t i = 0; i < fake_gateway_count(gateway(w)); i++) {
        size_t n = strlen(s);
        (void)snprintf(s + n, size - n, "%s ", fake_gateway_turn(gateway(w), i)->body);
    }
    return s;
}

#endif
