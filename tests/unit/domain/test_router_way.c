/* Which transport carries what: three that only take notes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/router.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"
#include "support/mem_spool.h"

enum { REDIS, PEER, CONSUL, N };

struct lane {
    struct way *way;
    struct sc_transport t;
    struct sc_transport_ops ops;
    int rc; /* of send */
    enum sc_reach reach;
    unsigned sends, receipts;
};

struct way {
    int64_t now;
    struct fake_clock fake;
    struct sc_loop *loop;
    struct mem_spool *spool;
    struct sc_registry *registry;
    struct sc_router *router;
    struct lane lanes[N];
    sc_transport_done_fn *done; /* of sends that wait for it */
    void *done_ctx;
    struct sc_id id;
};

static int lane_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                     struct sc_err *err)
{
    struct lane *l = impl;
    l->sends++;
    if (l->rc < 0)
        return sc_fail(err, (enum sc_code)l->rc, "no");
    l->way->done = done;
    l->way->done_ctx = ctx;
    l->way->id = m->id;
    return SC_OK;
}

static void lane_receipts(void *impl, const struct sc_receipts *r)
{
    struct lane *l = impl;
    (void)r;
    l->receipts++;
}

static void lane_settle(void *impl, const struct sc_entry *e)
{
    (void)impl, (void)e;
}

static enum sc_reach lane_reach(const void *impl, const char *gateway)
{
    const struct lane *l = impl;
    cr_assert_str_eq(gateway, "bobby-gateway");
    return l->reach;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void nothing_at(void *ctx, const char *gateway)
{
    (void)ctx, (void)gateway;
}

static void nothing_of(void *ctx, const struct sc_message *m)
{
    (void)ctx, (void)m;
}

static void lane_init(struct way *w, int i, const char *name)
{
    struct lane *l = &w->lanes[i];
    l->way = w;
    l->reach = SC_REACH_YES;
    l->ops = (struct sc_transport_ops){ .send = lane_send,
                                        .receipts = lane_receipts,
                                        .settle = lane_settle,
                                        .reach = i == PEER ? lane_reach : NULL };
    l->t = (struct sc_transport){
        .name = name, .ops = &l->ops, .impl = l, .state = SC_LINK_UP, .last_resort = i == CONSUL
    };
}

static void know(struct way *w)
{
    char bobby[] = "bobby", at[] = "bobby-gateway";
    const struct sc_agent_info a = { .id = bobby, .gateway = at };
    sc_registry_agents_begin(w->registry);
    sc_registry_agent(w->registry, &a);
    sc_registry_agents_end(w->registry);
    sc_registry_local_config(w->registry, "jerry", NULL);
}

static struct way *way_new(void)
{
    struct way *w = sc_xcalloc(1, sizeof *w);
    w->now = 1000;
    w->fake = (struct fake_clock){ .now = &w->now, .wall_zero = 1771243200000 };
    w->loop = fake_loop_new(&w->now);
    w->spool = mem_spool_new(w->loop);
    const struct sc_registry_deps r = { .self_name = "jerry-gateway",
                                        .local_changed = nothing,
                                        .gateway_alive = nothing_at };
    w->registry = sc_registry_new(&r);
    know(w);
    lane_init(w, REDIS, "redis");
    lane_init(w, PEER, "peer");
    lane_init(w, CONSUL, "consul");
    const struct sc_router_deps d = {
        .loop = w->loop,
        .clock = fake_clock_port(&w->fake),
        .spool = mem_spool_port(w->spool),
        .registry = w->registry,
        .self_name = "jerry-gateway",
        .limits = { .retry_min_ms = 1000,
                    .retry_max_ms = 1000,
                    .ack_ms = 2000,
                    .refresh_ms = 60 * 1000,
                    .retention_ms = 1000 * 1000,
                    .default_ttl_s = 3600,
                    .max_hops = 16 },
        .transports = { &w->lanes[REDIS].t, &w->lanes[PEER].t, &w->lanes[CONSUL].t },
        .deliver = nothing_of,
    };
    w->router = sc_router_new(&d);
    sc_router_start(w->router);
    return w;
}

static void way_free(struct way *w)
{
    sc_router_free(w->router);
    sc_registry_free(w->registry);
    mem_spool_free(w->spool);
    sc_loop_free(w->loop);
    free(w);
}

static void pass(struct way *w, int64_t ms)
{
    int64_t end = w->now + ms;
    for (int64_t next; (next = fake_loop_next(w->loop)) <= end;) {
        w->now = next > w->now ? next : w->now;
        fake_loop_turn(w->loop);
    }
    w->now = end;
}

static unsigned sends(const struct way *w)
{
    return w->lanes[REDIS].sends + w->lanes[PEER].sends + w->lanes[CONSUL].sends;
}

/* Until one transport has sent once more, and no longer: the times between tries are chance. */
static void next_send(struct way *w)
{
    unsigned before = sends(w);
    int64_t end = w->now + 10 * 1000;
    while (sends(w) == before) {
        int64_t next = fake_loop_next(w->loop);
        cr_assert_leq(next, end, "nothing is sent");
        w->now = next > w->now ? next : w->now;
        fake_loop_turn(w->loop);
    }
}

static void submit(struct way *w)
{
    char from[] = "jerry", to[] = "bobby", body[] = "hi";
    struct sc_err err = SC_ERR_INIT;
    struct sc_message m;
    sc_message_init(&m);
    m.from_agent = from;
    m.to_agent = to;
    m.body = body;
    m.body_len = strlen(body);
    cr_assert_eq(sc_router_submit(w->router, &m, NULL, NULL, &err), SC_OK, "%s", err.text);
    pass(w, 0);
}

/* The transport says that it took the message. */
static void taken(struct way *w)
{
    w->done(w->done_ctx, &w->id, NULL);
    pass(w, 0);
}

static void expect(const struct way *w, unsigned redis, unsigned peer, unsigned consul)
{
    cr_assert_eq(w->lanes[REDIS].sends, redis, "redis: %u", w->lanes[REDIS].sends);
    cr_assert_eq(w->lanes[PEER].sends, peer, "peer: %u", w->lanes[PEER].sends);
    cr_assert_eq(w->lanes[CONSUL].sends, consul, "consul: %u", w->lanes[CONSUL].sends);
}

Test(way, the_first_that_is_up_carries_it)
{
    struct way *w = way_new();
    submit(w);
    expect(w, 1, 0, 0);
    w->lanes[REDIS].t.state = SC_LINK_DOWN;
    submit(w);
    expect(w, 1, 1, 0);
    w->lanes[PEER].t.state = SC_LINK_OFF;
    submit(w);
    expect(w, 1, 1, 1);
    way_free(w);
}

Test(way, one_that_cannot_get_there_is_passed_over)
{
    struct way *w = way_new();
    w->lanes[REDIS].t.state = SC_LINK_DOWN;
    w->lanes[PEER].reach = SC_REACH_NO;
    submit(w);
    expect(w, 0, 0, 1);
    way_free(w);
}

Test(way, what_one_cannot_carry_another_may)
{
    struct way *w = way_new();
    w->lanes[REDIS].rc = SC_ETOOBIG;
    w->lanes[PEER].rc = SC_EAWAY;
    submit(w);
    expect(w, 1, 1, 1);
    way_free(w);
}

Test(way, the_last_resort_does_not_take_what_the_fast_ones_are_too_busy_for)
{
    struct way *w = way_new();
    w->lanes[REDIS].rc = SC_EBUSY;
    w->lanes[PEER].reach = SC_REACH_NO;
    submit(w);
    expect(w, 1, 0, 0);
    way_free(w);
}

Test(way, what_one_took_in_vain_goes_over_the_next_and_back)
{
    struct way *w = way_new();
    submit(w);
    taken(w);
    next_send(w);
    expect(w, 1, 1, 0);
    taken(w);
    next_send(w);
    expect(w, 2, 1, 0);
    way_free(w);
}

Test(way, what_none_took_starts_with_the_first_again)
{
    struct way *w = way_new();
    submit(w);
    next_send(w);
    expect(w, 2, 0, 0);
    way_free(w);
}

Test(way, the_last_resort_is_not_tried_in_turn)
{
    struct way *w = way_new();
    w->lanes[PEER].reach = SC_REACH_NO;
    submit(w);
    taken(w);
    pass(w, 10 * 1000);
    cr_assert_gt(w->lanes[REDIS].sends, 2);
    cr_assert_eq(w->lanes[CONSUL].sends, 0);
    way_free(w);
}

/* --- receipts --- */

static void bring(struct way *w)
{
    const struct sc_entry none = { .name = "" };
    struct sc_message *m = sc_xmalloc(sizeof *m);
    sc_message_init(m);
    m->id = sc_id_new((sc_wall){ 1771243200000 });
    m->from_agent = sc_xstrdup("bobby");
    m->from_gateway = sc_xstrdup("bobby-gateway");
    m->to_agent = sc_xstrdup("jerry");
    m->timestamp.ms = 1771243200000;
    m->ttl_s = 3600;
    m->body = sc_xstrdup("hi");
    m->body_len = 2;
    sc_router_receive(w->router, &w->lanes[PEER].t, m, &none);
    pass(w, 0);
}

Test(way, whoever_waits_for_an_answer_gets_the_receipts_with_it)
{
    struct way *w = way_new();
    w->lanes[PEER].reach = SC_REACH_WAITS;
    bring(w);
    cr_assert_eq(w->lanes[PEER].receipts, 1);
    cr_assert_eq(w->lanes[REDIS].receipts, 0);
    way_free(w);
}

/* Even while nothing of ours is up: he came to us. */
Test(way, an_answer_is_a_way_back_also_when_the_link_is_down)
{
    struct way *w = way_new();
    for (int i = 0; i < N; i++)
        w->lanes[i].t.state = SC_LINK_DOWN;
    w->lanes[PEER].reach = SC_REACH_WAITS;
    bring(w);
    cr_assert_eq(w->lanes[PEER].receipts, 1);
    way_free(w);
}

Test(way, receipts_for_others_go_over_the_first_that_gets_there)
{
    struct way *w = way_new();
    bring(w);
    cr_assert_eq(w->lanes[REDIS].receipts, 1);
    w->lanes[REDIS].t.state = SC_LINK_DOWN;
    bring(w);
    cr_assert_eq(w->lanes[PEER].receipts, 1);
    w->lanes[PEER].reach = SC_REACH_NO;
    bring(w);
    cr_assert_eq(w->lanes[CONSUL].receipts, 1);
    way_free(w);
}

Test(way, each_transport_is_counted_by_name)
{
    struct way *w = way_new();
    struct sc_router_counters n;
    submit(w);
    bring(w);
    sc_router_counters(w->router, &n);
    cr_assert_str_eq(n.via[REDIS].name, "redis");
    cr_assert_str_eq(n.via[PEER].name, "peer");
    cr_assert_eq(n.via[REDIS].out, 1);
    cr_assert_eq(n.via[PEER].in, 1);
    cr_assert_eq(n.via[CONSUL].in + n.via[CONSUL].out + n.via[REDIS].in, 0);
    way_free(w);
}
