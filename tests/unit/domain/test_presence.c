#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/presence.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"
#include "support/prng.h"

enum { BEAT = 15000 };

struct fixture {
    int64_t now;
    struct fake_clock clock;
    struct prng prng;
    struct sc_loop *loop;
    struct sc_registry *registry;
    struct sc_board *board;
    struct sc_strv labels;
    struct sc_presence_beat *p;
    int publishes;
    int64_t last;
    char agents[100];
    enum sc_gateway_status status;
    unsigned turns;
    bool touch_back; /* the directory says something from inside publish */
};

static void publish(void *impl, const struct sc_presence *p)
{
    struct fixture *f = impl;
    f->publishes++;
    f->last = f->now;
    f->status = p->gateway.status;
    f->turns = p->turns;
    cr_assert_str_eq(p->gateway.name, "me");
    cr_assert_str_eq(p->gateway.url, "ws://x");
    cr_assert_str_eq(p->gateway.peer_url, "");
    cr_assert_str_eq(p->cluster_id, "c");
    cr_assert_eq(p->gateway.labels.n, 1);
    cr_assert_eq(p->gateway.agents.n, p->n_agents);
    f->agents[0] = 0;
    for (size_t i = 0; i < p->n_agents; i++) {
        size_t n = strlen(f->agents);
        cr_assert_str_eq(p->agents[i].id, p->gateway.agents.v[i]);
        (void)snprintf(f->agents + n, sizeof f->agents - n, "%s ", p->agents[i].id);
    }
    if (f->touch_back)
        sc_presence_touch(f->p);
}

static unsigned turns(void *ctx)
{
    (void)ctx;
    return 7;
}

static struct fixture *start(void)
{
    static struct fixture f;
    static const struct sc_directory_ops ops = { .publish = publish };
    const struct sc_registry_deps registry = { .self_name = "me" };
    f.clock = (struct fake_clock){ .now = &f.now };
    prng_seed(&f.prng, 3);
    prng_install(&f.prng);
    f.loop = fake_loop_new(&f.now);
    f.registry = sc_registry_new(&registry);
    f.board = sc_board_new(fake_clock_port(&f.clock), NULL, NULL, NULL);
    sc_strv_add(&f.labels, "os=linux");
    const struct sc_presence_deps deps = { .loop = f.loop,
                                           .clock = fake_clock_port(&f.clock),
                                           .directory = { .ops = &ops, .impl = &f },
                                           .registry = f.registry,
                                           .board = f.board,
                                           .cluster_id = "c",
                                           .self_name = "me",
                                           .url = "ws://x",
                                           .peer_url = "",
                                           .labels = &f.labels,
                                           .heartbeat_ms = BEAT,
                                           .turns = turns,
                                           .ctx = &f };
    f.p = sc_presence_new(&deps);
    return &f;
}

static void stop(struct fixture *f)
{
    sc_presence_free(f->p);
    sc_board_free(f->board);
    sc_registry_free(f->registry);
    sc_strv_fini(&f->labels);
    sc_loop_free(f->loop);
}

static void run(struct fixture *f, int64_t ms)
{
    int64_t end = f->now + ms, next;
    while ((next = fake_loop_next(f->loop)) <= end) {
        f->now = next > f->now ? next : f->now;
        fake_loop_turn(f->loop);
    }
    f->now = end;
}

Test(presence, says_it_at_once_and_then_beats_with_jitter)
{
    struct fixture *f = start();
    sc_presence_start(f->p);
    cr_assert_eq(f->publishes, 0); /* from the loop only */
    run(f, 0);
    cr_assert_eq(f->publishes, 1);
    int64_t before = f->last;
    bool early = false;
    for (int i = 2; i < 40; i++) {
        run(f, BEAT);
        cr_assert_geq(f->publishes, i);
        early = early || f->last - before < BEAT;
        before = f->last;
    }
    cr_assert(early);
    cr_assert_leq(f->publishes, 40 * 5 / 4 + 1);
    stop(f);
}

Test(presence, what_it_says)
{
    struct fixture *f = start();
    const struct sc_gateway_agent a[] = { { .id = "bobby" }, { .id = "amy" } };
    sc_registry_local_gateway(f->registry, a, 2);
    sc_presence_start(f->p);
    run(f, 0);
    cr_assert_str_eq(f->agents, "bobby amy ");
    cr_assert_eq(f->status, SC_GATEWAY_DEGRADED);
    cr_assert_eq(f->turns, 7);
    stop(f);
}

Test(presence, changes_of_one_moment_become_one_write_soon)
{
    struct fixture *f = start();
    sc_presence_start(f->p);
    run(f, 1000);
    cr_assert_eq(f->publishes, 1);
    for (int i = 0; i < 20; i++)
        sc_presence_touch(f->p);
    run(f, 100);
    cr_assert_eq(f->publishes, 2);
    run(f, BEAT);
    cr_assert_eq(f->publishes, 3); /* and the heartbeat goes on from there */
    stop(f);
}

Test(presence, a_touch_from_inside_publish_is_not_lost)
{
    struct fixture *f = start();
    sc_presence_start(f->p);
    f->touch_back = true;
    run(f, 10);
    cr_assert_eq(f->publishes, 1);
    f->touch_back = false;
    run(f, 100);
    cr_assert_eq(f->publishes, 2);
    sc_presence_touch(f->p);
    run(f, 100);
    cr_assert_eq(f->publishes, 3);
    stop(f);
}

Test(presence, stopped_stays_stopped)
{
    struct fixture *f = start();
    sc_presence_start(f->p);
    run(f, 0);
    sc_presence_stop(f->p);
    sc_presence_touch(f->p);
    run(f, 10 * BEAT);
    cr_assert_eq(f->publishes, 1);
    sc_presence_touch(NULL);
    sc_presence_stop(NULL);
    stop(f);
}
