#include "mailbox_fixture.h"

Test(lanes, one_turn_at_a_time_and_in_order)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 10);
    cr_assert(turn(w, &a));
    cr_assert_null(turn(w, &b));
    cr_assert_eq(sc_mailbox_turns(world_node(w, 0)->mailbox), 1);
    say(w, &a, SC_TURN_REPLIED, "ok");
    cr_assert(turn(w, &b));
    say(w, &b, SC_TURN_REPLIED, "ok");
    cr_assert_eq(sc_mailbox_turns(world_node(w, 0)->mailbox), 0);
    cr_assert_eq(in(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(in(w, &b), SC_STAGE_REPLIED);
    world_free(w);
}

Test(lanes, run_side_by_side)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    (void)post(w, "amy", "bobby", "1");
    (void)post(w, "carol", "bobby", "2");
    (void)post(w, "amy", "carol", "3");
    world_run(w, 10);
    cr_assert_eq(sc_mailbox_turns(world_node(w, 0)->mailbox), 3);
    world_free(w);
}

Test(lanes, stages_follow_what_the_gateway_says)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 10);
    cr_assert_eq(out(w, &a), SC_STAGE_STORED);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    cr_assert_eq(out(w, &a), SC_STAGE_DELIVERED);
    say(w, &a, SC_TURN_STARTED, NULL);
    cr_assert_eq(out(w, &a), SC_STAGE_STARTED);
    say(w, &a, SC_TURN_STARTED, NULL);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    cr_assert_eq(out(w, &a), SC_STAGE_STARTED);
    say(w, &a, SC_TURN_REPLIED, "");
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(counted(w).replied, 1);
    world_free(w);
}

Test(lanes, a_stage_is_counted_once_when_the_gateway_repeats_itself)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 10);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    uint64_t delivered = counted(w).delivered;
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    say(w, &a, SC_TURN_AGAIN, "restarting");
    world_run(w, MINUTE);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    cr_assert_eq(counted(w).delivered, delivered);
    world_free(w);
}

Test(lanes, a_failed_turn_is_dead_with_its_reason_and_the_next_one_runs)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 10);
    say(w, &a, SC_TURN_FAILED, "no such model");
    cr_assert_eq(out(w, &a), SC_STAGE_DEAD);
    cr_assert_str_eq(mem_spool_out(world_node(w, 0)->spool, &a)->reason, "no such model");
    cr_assert(turn(w, &b));
    world_free(w);
}

Test(lanes, news_of_strangers_are_ignored)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id id = { { 9 } };
    for (int ev = SC_TURN_ACCEPTED; ev <= SC_TURN_AGAIN; ev++)
        sc_mailbox_turn(world_node(w, 0)->mailbox, &id, (enum sc_turn_event)ev, "x");
    world_run(w, 10);
    world_free(w);
}

Test(lanes, the_agent_is_busy_while_a_turn_of_it_runs)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    size_t n;
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "carol", "bobby", "2");
    world_run(w, 10);
    const struct sc_agent_info *info = sc_registry_local(world_node(w, 0)->registry, &n);
    cr_assert_str_eq(info[1].id, "bobby");
    cr_assert_eq(info[1].status, SC_AGENT_BUSY);
    say(w, &a, SC_TURN_REPLIED, "ok");
    cr_assert_eq(info[1].status, SC_AGENT_BUSY);
    say(w, &b, SC_TURN_FAILED, "no");
    cr_assert_eq(info[1].status, SC_AGENT_ACTIVE);
    world_free(w);
}

/* --- max_turns --- */

Test(slots, never_more_than_max_turns_run)
{
    struct world *w = one_node(3, FAKE_GW_AT_ONCE);
    static const char *const who[] = { "amy", "bobby", "carol", "dave" };
    fake_gateway_set_pace(gateway(w), 10, 1000, 0, 0);
    for (size_t i = 0; i < 64; i++)
        (void)post(w, who[i % 4], who[(i / 4) % 4], "x");
    world_run(w, 10 * MINUTE);
    cr_assert_eq(fake_gateway_count(gateway(w)), 64);
    cr_assert_eq(fake_gateway_most_running(gateway(w)), 3);
    cr_assert_eq(counted(w).replied, 64);
    world_free(w);
}

Test(slots, a_lane_with_much_to_say_does_not_starve_the_others)
{
    struct world *w = one_node(1, FAKE_GW_AT_ONCE);
    char s[200];
    fake_gateway_set_pace(gateway(w), 10, 10, 0, 0);
    for (int i = 0; i < 6; i++)
        (void)post(w, "amy", "bobby", "a");
    world_run(w, 5);
    (void)post(w, "carol", "bobby", "c");
    (void)post(w, "carol", "bobby", "c");
    (void)post(w, "dave", "bobby", "d");
    world_run(w, MINUTE);
    cr_assert_str_eq(order(w, s, sizeof s), "a c d a c a a a a ");
    world_free(w);
}

/* The slot that a lane's last message frees must not be found by the lane itself, which is empty
 * and about to go. */
Test(slots, the_last_message_of_a_lane_frees_its_slot_for_another)
{
    struct world *w = one_node(1, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "carol", "bobby", "2");
    struct sc_id c = post(w, "dave", "bobby", "3");
    world_run(w, 10);
    say(w, &a, SC_TURN_REPLIED, "ok");
    say(w, &b, SC_TURN_FAILED, "no");
    say(w, &c, SC_TURN_REPLIED, "ok");
    cr_assert_eq(out(w, &c), SC_STAGE_REPLIED);
    cr_assert_eq(sc_mailbox_turns(world_node(w, 0)->mailbox), 0);
    world_free(w);
}

Test(slots, a_message_that_must_wait_leaves_its_slot_to_others)
{
    struct world *w = one_node(1, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "carol", "bobby", "2");
    world_run(w, 10);
    say(w, &a, SC_TURN_AGAIN, "busy");
    cr_assert_eq(turn(w, &a)->calls, 1); /* not at once, whoever else is there */
    cr_assert(turn(w, &b));
    say(w, &b, SC_TURN_REPLIED, "ok");
    world_run(w, 2000);
    cr_assert_eq(turn(w, &a)->calls, 2);
    world_free(w);
}

Test(slots, no_slot_is_lost_when_its_lane_cannot_use_it)
{
    struct world *w = one_node(1, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "carol", "2");
    struct sc_id c = post(w, "amy", "dave", "3");
    world_run(w, 10);
    const struct sc_gateway_agent left[] = { { .id = "amy" }, { .id = "bobby" }, { .id = "dave" } };
    sc_registry_local_gateway(world_node(w, 0)->registry, left, 3); /* carol is gone */
    say(w, &a, SC_TURN_REPLIED, "ok");
    cr_assert_null(turn(w, &b));
    cr_assert(turn(w, &c));
    world_free(w);
}

/* --- again, and again --- */

Test(again, the_same_message_first_and_only_after_a_while)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 10);
    cr_assert_not(turn(w, &a)->resume);
    say(w, &a, SC_TURN_AGAIN, "restarting");
    cr_assert_eq(sc_mailbox_turns(world_node(w, 0)->mailbox), 0);
    world_run(w, 400);
    cr_assert_eq(turn(w, &a)->calls, 1);
    (void)post(w, "amy", "bobby", "3"); /* news do not hurry it */
    world_run(w, 10);
    cr_assert_eq(turn(w, &a)->calls, 1);
    world_run(w, 1000);
    cr_assert_eq(turn(w, &a)->calls, 2);
    cr_assert(turn(w, &a)->resume);
    cr_assert_null(turn(w, &b));
    world_free(w);
}

/* Delayed on its way, an earlier message comes between a refusal and its repetition. */
Test(again, one_that_was_refused_is_remembered_also_behind_another)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct node *n = world_node(w, 0);
    struct sc_id ids[2];
    const struct sc_entry entry = { .name = "" };
    for (int i = 1; i >= 0; i--) {
        struct sc_message *m = sc_xcalloc(1, sizeof *m);
        sc_message_init(m);
        m->id = ids[i] = sc_id_new((sc_wall){ 1771243200000 });
        m->from_agent = sc_xstrdup("jerry");
        m->from_gateway = sc_xstrdup("gw-9");
        m->to_agent = sc_xstrdup("bobby");
        m->body = sc_xstrdup("x");
        m->body_len = 1;
        m->seq = (uint64_t)i + 1;
        sc_router_receive(n->router, mem_link_transport(n->link), m, &entry);
        world_run(w, 0);
        if (i == 1)
            say(w, &ids[1], SC_TURN_AGAIN, "busy");
    }
    world_run(w, MINUTE);
    say(w, &ids[0], SC_TURN_REPLIED, "ok");
    cr_assert_eq(turn(w, &ids[1])->calls, 2);
    cr_assert(turn(w, &ids[1])->resume);
    cr_assert_eq(fake_gateway_careless(gateway(w)), 0);
    world_free(w);
}

Test(again, for_ever_is_rare_and_ends_at_the_ttl)
{
    struct world *w = one_node(32, FAKE_GW_AGAIN);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 3600 * 1000);
    cr_assert_gt(turn(w, &a)->calls, 100);
    cr_assert_lt(turn(w, &a)->calls, 600);
    world_run(w, DAY_MS);
    cr_assert_eq(out(w, &a), SC_STAGE_DEAD);
    cr_assert(strstr(mem_spool_out(world_node(w, 0)->spool, &a)->reason, "expired"));
    world_free(w);
}

Test(again, a_gateway_that_comes_back_is_not_made_to_wait)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 10);
    for (int i = 0; i < 8; i++) { /* far into the backoff */
        say(w, &a, SC_TURN_AGAIN, "x");
        world_run(w, MINUTE);
    }
    unsigned calls = turn(w, &a)->calls;
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    world_run(w, MINUTE);
    cr_assert_eq(turn(w, &a)->calls, calls);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, 0);
    cr_assert_eq(turn(w, &a)->calls, calls + 1);
    world_free(w);
}

Test(again, a_call_that_is_refused_is_tried_later)
{
    static const int codes[] = { SC_EBUSY, SC_EAWAY, SC_ETOOBIG, SC_EIO };
    for (size_t i = 0; i < SC_ARRAY_LEN(codes); i++) {
        struct world *w = one_node(32, FAKE_GW_AT_ONCE);
        fake_gateway_set_refusal(gateway(w), codes[i]); /* while its state says ready */
        struct sc_id a = post(w, "amy", "bobby", "1");
        world_run(w, 1000);
        cr_assert_null(turn(w, &a));
        fake_gateway_set_refusal(gateway(w), SC_OK);
        world_run(w, MINUTE);
        cr_assert_eq(out(w, &a), SC_STAGE_REPLIED, "code %d", codes[i]);
        world_free(w);
    }
}
