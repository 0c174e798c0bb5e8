/* router_fixture.h: two nodes, jerry on the first and bobby on the second, and what a test asks of
 * them. */
#ifndef SIDECLAW_TESTS_ROUTER_FIXTURE_H
#define SIDECLAW_TESTS_ROUTER_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/world.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static inline struct world *two_nodes(void)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 2);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 10);
    return w;
}

static inline struct sc_id send_to(struct world *w, const char *to, const char *body)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), "jerry", to, body, &id, &err), SC_OK, "%s", err.text);
    return id;
}

static inline enum sc_stage out(struct world *w, const struct sc_id *id)
{
    return world_out_stage(world_node(w, 0), id);
}

static inline enum sc_stage in(struct world *w, const struct sc_id *id)
{
    return world_in_stage(world_node(w, 1), id);
}

static inline const char *reason(struct world *w, const struct sc_id *id)
{
    const struct sc_record *r = mem_spool_out(world_node(w, 0)->spool, id);
    return r && r->reason ? r->reason : "";
}

struct counts {
    struct sc_router_counters n;
};

static inline struct counts counters(struct world *w, int node)
{
    struct counts c;
    sc_router_counters(world_node(w, node)->router, &c.n);
    return c;
}

struct told {
    int times;
    enum sc_code code;
    bool dirty; /* something was uncommitted when it was told */
    unsigned sends;
    struct sc_message *m;
    struct node *n;
};

static inline void on_told(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct told *t = ctx;
    t->times++;
    t->code = err ? err->code : SC_OK;
    t->dirty = mem_spool_dirty(t->n->spool);
    t->sends = mem_link_counters(t->n->link)->sends;
    sc_message_free(t->m);
    t->m = sc_message_copy(m);
}

static inline struct sc_message *draft(const char *to, const char *body)
{
    struct sc_message *m = sc_xmalloc(sizeof *m);
    sc_message_init(m);
    m->id = sc_id_new((sc_wall){ 1771243200000 });
    m->from_agent = sc_xstrdup("jerry");
    m->to_agent = sc_xstrdup(to);
    m->body = sc_xstrdup(body);
    m->body_len = strlen(body);
    return m;
}

static inline int submit(struct world *w, const struct sc_message *m, struct told *t,
                         struct sc_err *err)
{
    t->n = world_node(w, 0);
    return sc_router_submit(t->n->router, m, on_told, t, err);
}

static inline void hand_in(struct node *n, struct sc_message *take)
{
    const struct sc_entry entry = { .name = "e-test", .stream = "bobby" };
    sc_router_receive(n->router, mem_link_transport(n->link), take, &entry);
    fake_loop_turn(n->loop);
}

static inline struct sc_message *arrival(struct world *w, const char *to)
{
    struct sc_message *m = draft(to, "hi");
    struct sc_clock clock = fake_clock_port(&world_node(w, 1)->clock);
    sc_set_str(&m->from_gateway, "gw-0");
    sc_set_str(&m->to_gateway, "gw-1");
    m->timestamp = sc_clock_wall(&clock);
    m->ttl_s = 60;
    return m;
}

#endif
