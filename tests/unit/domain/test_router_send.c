#include "router_fixture.h"

/* --- the remote way --- */

Test(remote, a_question_and_its_answer)
{
    struct world *w = two_nodes();
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 10);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(in(w, &id), SC_STAGE_REPLIED);
    const struct sc_record *r = mem_spool_out(world_node(w, 0)->spool, &id);
    cr_assert_gt(r->times[SC_STAGE_SENT].ms, 0);
    cr_assert_gt(r->times[SC_STAGE_STORED].ms, 0);
    cr_assert_eq(mem_link_counters(world_node(w, 1)->link)->settles, 1);
    world_run(w, DAY_MS);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 1);
    cr_assert_eq(counters(w, 0).n.in_flight, 0);
    world_free(w);
}

Test(remote, a_lost_message_is_sent_again_and_run_once)
{
    struct world *w = two_nodes();
    world_net(w)->drop = 1000;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1900);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    world_run(w, 200); /* ack_ms has passed: the first resend */
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 2);
    world_net(w)->drop = 0;
    world_run(w, 120 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(fake_gateway_find(world_node(w, 1)->gateway, &id)->runs, 1);
    world_free(w);
}

Test(remote, a_lost_receipt_is_asked_for_again_and_nothing_runs_twice)
{
    struct world *w = two_nodes();
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_NEVER);
    world_net(w)->cut[1][0] = true; /* nothing comes back */
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 10 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    cr_assert_eq(in(w, &id), SC_STAGE_STARTED);
    world_net(w)->cut[1][0] = false;
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_STARTED);
    cr_assert_eq(fake_gateway_find(world_node(w, 1)->gateway, &id)->calls, 1);
    cr_assert_gt(counters(w, 1).n.duplicates, 0);
    world_free(w);
}

Test(remote, every_packet_twice_changes_nothing)
{
    struct world *w = two_nodes();
    world_net(w)->duplicate = 1000;
    world_net(w)->delay_max = 50;
    struct sc_id ids[20];
    for (size_t i = 0; i < 20; i++)
        ids[i] = send_to(w, "bobby", "hi");
    world_run(w, 60 * 1000);
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(out(w, &ids[i]), SC_STAGE_REPLIED);
        cr_assert_eq(fake_gateway_find(world_node(w, 1)->gateway, &ids[i])->runs, 1);
    }
    world_free(w);
}

Test(remote, a_link_that_comes_back_sends_at_once)
{
    struct world *w = two_nodes();
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_ACCEPTED);
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    world_run(w, 10);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(remote, a_gateway_that_comes_back_gets_its_messages_at_once)
{
    struct world *w = two_nodes();
    world_crash(w, 1);
    world_publish(w);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 3600 * 1000);
    cr_assert_lt(out(w, &id), SC_STAGE_STORED);
    world_start(w, 1);
    mem_link_set(world_node(w, 1)->link, SC_LINK_UP);
    world_publish(w);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* --- a gateway that drains --- */

/* What node 0 reads of bobby's gateway in the directory. */
static void bobbys_gateway_is(struct world *w, enum sc_gateway_status status)
{
    struct sc_registry *r = world_node(w, 0)->registry;
    struct sc_gateway_info g = { .name = world_node(w, 1)->name, .status = status };
    sc_registry_gateways_begin(r);
    sc_registry_gateway(r, &g);
    sc_registry_gateways_end(r);
}

Test(drains, its_messages_wait_here_and_go_when_it_is_over)
{
    struct world *w = two_nodes();
    bobbys_gateway_is(w, SC_GATEWAY_DRAINING);
    struct sc_id a = send_to(w, "bobby", "1"), b = send_to(w, "bobby", "2");
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &a), SC_STAGE_ACCEPTED);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 0);
    bobbys_gateway_is(w, SC_GATEWAY_HEALTHY);
    world_run(w, 100);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    world_free(w);
}

/* Nobody can have it: it needs no leave of the gateway it waited for, which may be gone for good.
 */
Test(drains, what_waited_for_it_follows_its_agent_elsewhere)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 3);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_drain(w, 1, true);
    world_publish(w);
    world_run(w, 10);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    world_crash(w, 1);
    world_agent(w, 2, "bobby");
    world_publish(w);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(drains, what_never_left_is_not_ambiguous_when_its_time_is_up)
{
    struct world *w = two_nodes();
    bobbys_gateway_is(w, SC_GATEWAY_DRAINING);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_str_eq(reason(w, &id), "expired: no gateway said within its ttl that it has it");
    world_free(w);
}

Test(drains, one_that_drains_itself_keeps_what_is_for_its_own)
{
    struct world *w = two_nodes();
    world_drain(w, 0, true);
    world_publish(w);
    struct sc_id id = send_to(w, "jerry", "to myself");
    world_run(w, 100);
    cr_assert_eq(world_in_stage(world_node(w, 0), &id), SC_STAGE_STORED);
    world_drain(w, 0, false);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(drains, what_it_may_have_is_asked_for_all_the_same)
{
    struct world *w = two_nodes();
    world_net(w)->cut[1][0] = true; /* no receipt comes back */
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    bobbys_gateway_is(w, SC_GATEWAY_DRAINING);
    world_net(w)->cut[1][0] = false;
    world_run(w, 120 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* A turn that runs to its end there may need it. */
Test(drains, answers_go_there)
{
    struct world *w = two_nodes();
    fake_gateway_set_pace(world_node(w, 1)->gateway, 1000, 1000, 0, 0);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    struct sc_registry *r = world_node(w, 1)->registry;
    struct sc_gateway_info g = { .name = world_node(w, 0)->name, .status = SC_GATEWAY_DRAINING };
    sc_registry_gateways_begin(r);
    sc_registry_gateway(r, &g);
    sc_registry_gateways_end(r);
    world_run(w, 5000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(counters(w, 0).n.received, 1, "the answer itself came");
    world_free(w);
}

/* The last view may be days old, and the drain long over. */
Test(drains, an_old_view_holds_nothing_back)
{
    struct world *w = two_nodes();
    bobbys_gateway_is(w, SC_GATEWAY_DRAINING);
    sc_registry_set_fresh(world_node(w, 0)->registry, false);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(remote, the_wait_between_tries_grows_to_its_cap)
{
    struct world *w = two_nodes();
    world_net(w)->drop = 1000;
    (void)send_to(w, "bobby", "hi");
    world_run(w, 3600 * 1000);
    unsigned sends = mem_link_counters(world_node(w, 0)->link)->sends;
    cr_assert_gt(sends, 3600 / 60);
    cr_assert_lt(sends, 250); /* one a second would be 3600 */
    world_free(w);
}

Test(remote, a_transport_that_refuses_is_no_stage)
{
    struct world *w = two_nodes();
    world_net(w)->fail = 1000;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_ACCEPTED);
    world_net(w)->fail = 0;
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* --- the ttl --- */

Test(ttl, a_message_nobody_stored_dies_at_its_ttl)
{
    struct world *w = two_nodes();
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS - 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_ACCEPTED);
    world_run(w, 62 * 1000); /* the longest wait between two looks */
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert(strstr(reason(w, &id), "expired"));
    cr_assert_eq(counters(w, 0).n.dead, 1);
    cr_assert_eq(fake_gateway_count(world_node(w, 1)->gateway), 0);
    world_free(w);
}

/* The receiver has it and works on it; its last word is lost. */
Test(ttl, a_stored_message_is_asked_about_until_its_end_is_known)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_mode(b->gateway, FAKE_GW_NEVER);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_STARTED);
    world_run(w, DAY_MS + 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_STARTED);
    world_net(w)->cut[1][0] = true;
    fake_gateway_say(b->gateway, &id, SC_TURN_FAILED, "it broke");
    world_run(w, 10);
    cr_assert_eq(in(w, &id), SC_STAGE_DEAD);
    world_net(w)->cut[1][0] = false;
    world_run(w, 4 * 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_str_eq(reason(w, &id), "it broke");
    world_free(w);
}

Test(ttl, asking_about_a_stored_message_gets_rarer)
{
    struct world *w = two_nodes();
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_NEVER);
    (void)send_to(w, "bobby", "hi");
    world_run(w, DAY_MS);
    unsigned sends = mem_link_counters(world_node(w, 0)->link)->sends;
    cr_assert_gt(sends, 24);
    cr_assert_lt(sends, 200, "%u whole envelopes a day to hear nothing new", sends);
    world_free(w);
}

/* --- moving and naming --- */

Test(moving, a_message_follows_its_agent)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 3);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 10);
    world_net(w)->cut[0][1] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 3600 * 1000);
    world_agent(w, 2, "bobby");
    world_publish(w);
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT); /* where it was may have run it */
    world_net(w)->cut[0][1] = false;
    world_run(w, 120 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(moving, an_agent_that_comes_to_us_gets_its_messages_here)
{
    struct world *w = two_nodes();
    world_net(w)->cut[0][1] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 3600 * 1000);
    world_agent(w, 0, "bobby");
    world_publish(w);
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT); /* where it was may have it, and says nothing */
    world_net(w)->cut[0][1] = false;
    world_run(w, 120 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 0), &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* The receipts are lost, and the agent moves on: its next home must not run what this one ran. */
Test(moving, what_the_old_home_ran_does_not_run_at_the_new_one)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 3);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_net(w)->cut[1][0] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    world_agent(w, 2, "bobby");
    world_publish(w);
    world_run(w, 600 * 1000);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGES);
    world_net(w)->cut[1][0] = false;
    world_run(w, 600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGES);
    world_free(w);
}

/* And once the old home has said that it never had it, it never will, whatever comes late. */
Test(moving, what_the_old_home_never_had_goes_to_the_new_one)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 3);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_net(w)->drop = 1000;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    world_net(w)->drop = 0;
    world_agent(w, 2, "bobby");
    world_publish(w);
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGE_REPLIED);
    world_agent(w, 1, "bobby");
    world_publish(w);
    struct sc_message *late = arrival(w, "bobby");
    late->id = id;
    hand_in(world_node(w, 1), late);
    world_run(w, 1000);
    cr_assert_eq(fake_gateway_count(world_node(w, 1)->gateway), 0);
    world_free(w);
}

/* Stored at one gateway, it is that one's: asking must not make a second one run it. */
Test(moving, a_stored_message_does_not_move_with_its_agent)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 3);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    fake_gateway_set_state(world_node(w, 1)->gateway, SC_GW_ABSENT);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_STORED);
    world_agent(w, 2, "bobby");
    world_publish(w);
    world_run(w, 3600 * 1000);
    cr_assert_eq(world_in_stage(world_node(w, 2), &id), SC_STAGES);
    cr_assert_eq(out(w, &id), SC_STAGE_STORED);
    world_agent(w, 1, "bobby");
    fake_gateway_set_state(world_node(w, 1)->gateway, SC_GW_READY);
    world_publish(w);
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* It is on its receiver's disk; that its agent is away for a while is not its death. */
Test(moving, a_stored_message_survives_that_its_agent_goes_and_comes)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_state(b->gateway, SC_GW_ABSENT);
    world_net(w)->cut[1][0] = true; /* the sender does not know that it is stored */
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    const struct sc_gateway_agent other = { .id = "amy" };
    sc_registry_local_gateway(b->registry, &other, 1);
    world_net(w)->cut[1][0] = false;
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_STORED);
    fake_gateway_set_state(b->gateway, SC_GW_READY);
    world_publish(w);
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* Every gateway has an operator: only the address says which one is meant. */
Test(moving, the_operator_of_another_gateway_is_not_ours)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("operator", "hi");
    sc_set_str(&m->to_gateway, "gw-1");
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    world_run(w, 100);
    cr_assert_eq(in(w, &m->id), SC_STAGE_DELIVERED);
    cr_assert_eq(world_in_stage(world_node(w, 0), &m->id), SC_STAGES);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DELIVERED);
    sc_message_free(t.m);
    sc_message_free(m);
    world_free(w);
}

/* The retries may be a minute apart by then. */
Test(send, a_message_dies_when_its_ttl_ends_not_with_the_next_try)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    world_net(w)->cut[0][1] = true;
    for (unsigned i = 0; i < 20; i++) {
        struct sc_message *m = draft("bobby", "x");
        m->ttl_s = 30 + i;
        cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
        world_run(w, 1000 * (int64_t)m->ttl_s - 100);
        cr_assert_eq(out(w, &m->id), SC_STAGE_SENT);
        world_run(w, 200);
        cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
        sc_message_free(m);
    }
    world_free(w);
}

/* A link that comes up makes everything due, also what was submitted in the same turn. */
Test(send, what_is_not_committed_is_not_sent_by_a_retry_either)
{
    struct world *w = two_nodes();
    struct node *n = world_node(w, 0);
    world_net(w)->cut[0][1] = true;
    struct sc_id a = send_to(w, "bobby", "1");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    mem_spool_faults(n->spool)->fail_commits = 1;
    struct sc_id b = send_to(w, "bobby", "2");
    sc_router_hurry(n->router, NULL);
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &b), SC_STAGES);
    cr_assert_eq(in(w, &b), SC_STAGES);
    world_free(w);
}

/* The wall clock goes by people's and NTP's whims; a retry is not postponed by them. */
Test(send, a_clock_set_back_by_hours_does_not_hold_up_retries)
{
    struct world *w = two_nodes();
    struct node *n = world_node(w, 0);
    world_net(w)->cut[0][1] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    n->clock.wall_zero -= INT64_C(5) * 3600 * 1000;
    world_net(w)->cut[0][1] = false;
    world_run(w, 10 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(send, a_clock_set_back_by_hours_does_not_hold_up_questions)
{
    struct world *w = two_nodes();
    struct node *n = world_node(w, 0);
    fake_gateway_set_mode(world_node(w, 1)->gateway, FAKE_GW_FAILED);
    fake_gateway_set_pace(world_node(w, 1)->gateway, 5000, 5000, 0, 0);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_STARTED);
    world_net(w)->cut[1][0] = true;
    world_run(w, 10 * 1000);
    world_net(w)->cut[1][0] = false;
    n->clock.wall_zero -= INT64_C(5) * 3600 * 1000;
    world_run(w, 180 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    world_free(w);
}

/* What comes after the step is due in time, and must not hide that the others are not. */
Test(send, a_clock_set_back_is_noticed_also_by_a_busy_sender)
{
    struct world *w = two_nodes();
    struct node *n = world_node(w, 0);
    world_net(w)->cut[0][1] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    n->clock.wall_zero -= INT64_C(5) * 3600 * 1000;
    struct sc_id other = send_to(w, "jerry", "ho");
    world_net(w)->cut[0][1] = false;
    world_run(w, 120 * 1000);
    cr_assert_eq(out(w, &other), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* A machine without a clock of its own, or a slip of the finger. */
Test(send, a_clock_set_far_ahead_and_back_makes_nobody_forget)
{
    struct world *w = two_nodes();
    struct node *a = world_node(w, 0), *b = world_node(w, 1);
    fake_gateway_set_pace(b->gateway, 600 * 1000, 600 * 1000, 0, 0);
    struct sc_id id = send_to(w, "bobby", "hi"), done = send_to(w, "jerry", "ho");
    world_run(w, 1000);
    a->clock.wall_zero += INT64_C(9) * DAY_MS;
    b->clock.wall_zero += INT64_C(9) * DAY_MS;
    world_run(w, 300 * 1000);
    a->clock.wall_zero -= INT64_C(9) * DAY_MS;
    b->clock.wall_zero -= INT64_C(9) * DAY_MS;
    cr_assert_eq(out(w, &done), SC_STAGE_REPLIED);
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}
