/* A backlog leaves in a window, and costs little while nobody takes it. */
#include "router_fixture.h"

enum { BACKLOG = 1000, WINDOW = 256 };

static void pile_up(struct world *w)
{
    struct sc_err err = SC_ERR_INIT;
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    for (int i = 0; i < BACKLOG; i++)
        cr_assert_eq(world_send(world_node(w, 0), "operator", "bobby", "hi", NULL, &err), SC_OK,
                     "%s", err.text);
    world_run(w, 10);
}

static uint64_t sends(struct world *w)
{
    return mem_link_counters(world_node(w, 0)->link)->sends;
}

Test(pace, without_receipts_no_more_than_a_window_is_under_way)
{
    struct world *w = two_nodes();
    pile_up(w);
    world_net(w)->cut[1][0] = true; /* nothing comes back */
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    world_run(w, 1000);
    cr_assert_gt(sends(w), 0);
    cr_assert_leq(sends(w), WINDOW);
    world_free(w);
}

Test(pace, what_is_lost_makes_room_for_the_rest)
{
    struct world *w = two_nodes();
    pile_up(w);
    world_net(w)->drop = 1000;
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    world_run(w, 20 * 1000);
    cr_assert_gt(sends(w), 2 * WINDOW);
    world_free(w);
}

Test(pace, receipts_move_it_on_to_its_end)
{
    struct world *w = two_nodes();
    pile_up(w);
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    world_run(w, 120 * 1000);
    cr_assert_eq(counters(w, 1).n.received, BACKLOG);
    cr_assert_eq(counters(w, 1).n.duplicates, 0);
    world_free(w);
}

Test(pace, what_nobody_takes_is_not_read_again_and_again)
{
    struct world *w = two_nodes();
    pile_up(w);
    uint64_t before = counters(w, 0).n.retried;
    sc_router_hurry(world_node(w, 0)->router, NULL);
    world_run(w, 250);
    cr_assert_gt(counters(w, 0).n.retried, before);
    cr_assert_leq(counters(w, 0).n.retried - before, BACKLOG / 2);
    world_free(w);
}
