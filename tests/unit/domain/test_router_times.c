/* How long messages took, by their sender's clock alone. */
#include "router_fixture.h"

/* Of the messages that so many microseconds lie between: none of `below`, all of `n`. */
static void expect(struct world *w, int node, enum sc_way_point p, uint64_t n, int64_t least_ms)
{
    const struct sc_histogram h = counters(w, node).n.reached[p];
    cr_assert_eq(sc_histogram_count(&h), n, "%d: %llu", (int)p,
                 (unsigned long long)sc_histogram_count(&h));
    cr_assert_geq((int64_t)h.sum_us, (int64_t)n * least_ms * 1000);
}

Test(times, a_question_counts_once_at_each_point_and_its_answer_at_none)
{
    struct world *w = two_nodes();
    (void)send_to(w, "bobby", "hi");
    world_run(w, 1000);
    for (int p = 0; p < SC_WAY_POINTS; p++) {
        expect(w, 0, (enum sc_way_point)p, 1, 0);
        expect(w, 1, (enum sc_way_point)p, 0, 0); /* it sent nothing but the answer */
    }
    world_run(w, DAY_MS); /* what is told twice counts once */
    expect(w, 0, SC_WAY_REPLIED, 1, 0);
    world_free(w);
}

Test(times, to_an_agent_beside_us_too)
{
    struct world *w = two_nodes();
    world_agent(w, 0, "tom");
    world_publish(w);
    world_run(w, 10);
    (void)send_to(w, "tom", "hi");
    world_run(w, 1000);
    expect(w, 0, SC_WAY_DELIVERED, 1, 0);
    expect(w, 0, SC_WAY_REPLIED, 1, 0);
    world_free(w);
}

Test(times, a_later_word_is_one_of_those_before_it_too)
{
    struct world *w = two_nodes();
    world_net(w)->cut[1][0] = true; /* no receipt comes back */
    (void)send_to(w, "bobby", "hi");
    world_run(w, 10 * 1000);
    for (int p = 0; p < SC_WAY_POINTS; p++)
        expect(w, 0, (enum sc_way_point)p, 0, 0);
    world_net(w)->cut[1][0] = false;
    world_run(w, 120 * 1000);
    for (int p = 0; p < SC_WAY_POINTS; p++)
        expect(w, 0, (enum sc_way_point)p, 1, 10 * 1000);
    world_free(w);
}

Test(times, a_death_took_no_time)
{
    struct world *w = two_nodes();
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 120 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    for (int p = 0; p < SC_WAY_POINTS; p++)
        expect(w, 0, (enum sc_way_point)p, 0, 0);
    world_free(w);
}

Test(times, a_clock_set_back_meanwhile_makes_none_negative)
{
    struct world *w = two_nodes();
    world_net(w)->cut[1][0] = true;
    (void)send_to(w, "bobby", "hi");
    world_run(w, 1000);
    world_node(w, 0)->clock.wall_zero -= INT64_C(3600) * 1000;
    world_net(w)->cut[1][0] = false;
    world_run(w, 120 * 1000);
    const struct sc_histogram h = counters(w, 0).n.reached[SC_WAY_STORED];
    cr_assert_eq(sc_histogram_count(&h), 1);
    cr_assert_eq(h.sum_us, 0);
    world_free(w);
}
