/* Gateways that are away, disks that refuse, lives that end: a turn happens once all the same. */
#include "mailbox_fixture.h"

/* --- a gateway that is away --- */

Test(away, messages_wait_and_run_when_it_is_ready)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_state(gateway(w), SC_GW_STARTING);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 3600 * 1000);
    cr_assert_eq(in(w, &a), SC_STAGE_STORED);
    cr_assert_eq(fake_gateway_count(gateway(w)), 0);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, 10);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    world_free(w);
}

Test(away, the_ttl_passes_all_the_same_on_both_ends)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, DAY_MS - 1000);
    cr_assert_eq(in(w, &a), SC_STAGE_STORED);
    world_run(w, 12 * 1000);
    cr_assert_eq(in(w, &a), SC_STAGE_DEAD);
    cr_assert_eq(out(w, &a), SC_STAGE_DEAD);
    cr_assert_eq(out(w, &b), SC_STAGE_DEAD);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, MINUTE);
    cr_assert_eq(fake_gateway_count(gateway(w)), 0);
    world_free(w);
}

Test(away, an_agent_that_leaves_its_gateway_does_not_take_its_messages_along)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 100);
    const struct sc_gateway_agent left = { .id = "amy" };
    sc_registry_local_gateway(world_node(w, 0)->registry, &left, 1);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, 3600 * 1000);
    cr_assert_eq(in(w, &a), SC_STAGE_STORED);
    world_publish(w); /* it is back */
    world_run(w, 100);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    world_free(w);
}

/* --- a sidecar that drains --- */

Test(held, no_turn_begins_and_running_ones_end)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_mailbox *m = world_node(w, 0)->mailbox;
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 10);
    say(w, &a, SC_TURN_STARTED, NULL);
    sc_mailbox_hold(m, true);
    struct sc_id c = post(w, "carol", "dave", "3");
    world_run(w, MINUTE);
    cr_assert_eq(sc_mailbox_turns(m), 1);
    say(w, &a, SC_TURN_REPLIED, "done");
    world_run(w, MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(sc_mailbox_turns(m), 0);
    cr_assert_eq(in(w, &b), SC_STAGE_STORED);
    cr_assert_eq(in(w, &c), SC_STAGE_STORED);
    cr_assert_eq(fake_gateway_count(gateway(w)), 1);
    sc_mailbox_hold(m, false);
    world_run(w, 10);
    cr_assert_not_null(turn(w, &b));
    cr_assert_not_null(turn(w, &c));
    world_free(w);
}

Test(held, a_gateway_that_comes_back_begins_none_either)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    sc_mailbox_hold(world_node(w, 0)->mailbox, true);
    struct sc_id a = post(w, "amy", "bobby", "1");
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    world_run(w, MINUTE);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, MINUTE);
    cr_assert_eq(in(w, &a), SC_STAGE_STORED);
    cr_assert_eq(fake_gateway_count(gateway(w)), 0);
    world_free(w);
}

Test(held, what_the_gateway_gives_back_does_not_begin_again)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_mailbox *m = world_node(w, 0)->mailbox;
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 10);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    sc_mailbox_hold(m, true);
    say(w, &a, SC_TURN_AGAIN, "it restarts");
    world_run(w, MINUTE);
    cr_assert_eq(turn(w, &a)->calls, 1);
    sc_mailbox_hold(m, false);
    world_run(w, MINUTE);
    cr_assert_eq(turn(w, &a)->calls, 2);
    world_free(w);
}

Test(held, a_turn_of_the_last_life_is_taken_up_to_its_end)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_pace(gateway(w), 60000, 60000, 0, 0);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 1000);
    cr_assert_geq(in(w, &a), SC_STAGE_DELIVERED);
    world_crash(w, 0);
    world_start(w, 0);
    sc_mailbox_hold(world_node(w, 0)->mailbox, true);
    world_publish(w);
    world_run(w, 10 * MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(turn(w, &a)->runs, 1);
    world_free(w);
}

Test(held, the_ttl_passes_and_inboxes_are_served)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    world_inbox_agent(w, 0, "eve");
    world_publish(w);
    sc_mailbox_hold(world_node(w, 0)->mailbox, true);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "eve", "2");
    world_run(w, 100);
    cr_assert_eq(in(w, &b), SC_STAGE_DELIVERED);
    world_run(w, DAY_MS + MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_DEAD);
    world_free(w);
}

/* What the gateway took may have run: only it can tell, and "not taken" would be a lie. */
Test(away, what_the_gateway_took_does_not_expire_as_not_taken)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 10);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    world_crash(w, 0);
    world_run(w, DAY_MS + MINUTE);
    world_start(w, 0);
    world_publish(w);
    world_run(w, MINUTE);
    cr_assert_eq(in(w, &a), SC_STAGE_DELIVERED);
    cr_assert_eq(turn(w, &a)->calls, 2);
    cr_assert(turn(w, &a)->resume);
    say(w, &a, SC_TURN_REPLIED, "done long ago");
    cr_assert_eq(in(w, &a), SC_STAGE_REPLIED);
    world_free(w);
}

/* The turn was running when the connection broke, and its agent has left since. */
Test(away, what_the_gateway_took_is_asked_for_also_when_the_agent_has_left)
{
    struct world *w = one_node(32, FAKE_GW_MANUAL);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 10);
    say(w, &a, SC_TURN_ACCEPTED, NULL);
    say(w, &a, SC_TURN_STARTED, NULL);
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    const struct sc_gateway_agent left = { .id = "amy" };
    sc_registry_local_gateway(world_node(w, 0)->registry, &left, 1);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_run(w, MINUTE);
    cr_assert_eq(turn(w, &a)->calls, 2);
    say(w, &a, SC_TURN_REPLIED, "done");
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    world_run(w, MINUTE);
    cr_assert_null(turn(w, &b)); /* the next one it never saw */
    cr_assert_eq(in(w, &b), SC_STAGE_STORED);
    world_free(w);
}

/* Named by the configuration, not listed by the gateway that was still starting. */
Test(away, an_agent_that_turns_out_to_be_inbox_only_has_its_messages_delivered_there)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 1);
    fake_gateway_set_state(gateway(w), SC_GW_STARTING);
    sc_registry_local_config(world_node(w, 0)->registry, "ops", NULL);
    struct sc_id a = post(w, "amy", "ops", "1"), b = post(w, "amy", "ops", "2");
    world_run(w, MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_STORED);
    world_inbox_agent(w, 0, "ops");
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_publish(w);
    world_run(w, 10);
    cr_assert_eq(out(w, &a), SC_STAGE_DELIVERED);
    cr_assert_eq(out(w, &b), SC_STAGE_DELIVERED);
    cr_assert_eq(fake_gateway_count(gateway(w)), 0);
    world_run(w, 2 * DAY_MS);
    cr_assert_eq(out(w, &a), SC_STAGE_DELIVERED); /* read or not, it is where it belongs */
    cr_assert_eq(in(w, &a), SC_STAGE_DELIVERED);
    world_free(w);
}

/* --- a disk that refuses --- */

Test(disk, a_reply_whose_commit_failed_is_fetched_again_and_told_once)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_pace(gateway(w), 100, 100, 0, 0);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "amy", "bobby", "2");
    world_run(w, 90);
    cr_assert_eq(in(w, &a), SC_STAGE_STARTED);
    mem_spool_faults(world_node(w, 0)->spool)->fail_commits = 1;
    world_run(w, 50);
    cr_assert_eq(in(w, &a), SC_STAGE_STARTED);
    cr_assert_null(turn(w, &b)); /* the next one waits for the end of this one */
    world_run(w, MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    cr_assert_eq(turn(w, &a)->runs, 1);
    cr_assert_eq(turn(w, &a)->calls, 2);
    cr_assert_eq(fake_gateway_careless(gateway(w)), 0);
    world_free(w);
}

Test(disk, an_answer_without_room_waits_for_room)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_pace(gateway(w), 100, 100, 0, 0);
    struct sc_id a = post(w, "amy", "bobby", "1");
    world_run(w, 50);
    mem_spool_faults(world_node(w, 0)->spool)->max_messages = 2; /* no third: the reply */
    world_run(w, MINUTE);
    cr_assert_eq(in(w, &a), SC_STAGE_STARTED);
    mem_spool_faults(world_node(w, 0)->spool)->max_messages = 0;
    world_run(w, MINUTE);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(turn(w, &a)->runs, 1);
    world_free(w);
}

Test(disk, whichever_write_of_a_turn_fails_it_ends_once_and_well)
{
    for (unsigned nth = 1; nth <= 12; nth++) {
        struct world *w = one_node(1, FAKE_GW_AT_ONCE);
        struct sc_id a = post(w, "amy", "bobby", "1");
        fake_loop_turn(world_node(w, 0)->loop);
        mem_spool_faults(world_node(w, 0)->spool)->fail_write = nth;
        world_run(w, 5 * MINUTE);
        cr_assert_eq(out(w, &a), SC_STAGE_REPLIED, "write %u", nth);
        cr_assert_eq(turn(w, &a)->runs, 1);
        cr_assert_eq(fake_gateway_careless(gateway(w)), 0, "write %u", nth);
        world_free(w);
    }
}

/* --- a new life --- */

Test(restart, what_was_stored_runs)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    fake_gateway_set_state(gateway(w), SC_GW_ABSENT);
    struct sc_id a = post(w, "amy", "bobby", "1"), b = post(w, "carol", "bobby", "2");
    world_run(w, 10);
    world_crash(w, 0);
    world_run(w, 10);
    world_start(w, 0);
    fake_gateway_set_state(gateway(w), SC_GW_READY);
    world_publish(w);
    world_run(w, 100);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    world_free(w);
}

/* At whatever moment it dies, the turn runs once and its answer arrives. */
Test(restart, a_turn_that_was_running_is_taken_up_not_run_twice)
{
    for (int64_t ms = 0; ms <= 120; ms += 5) {
        struct world *w = one_node(32, FAKE_GW_AT_ONCE);
        fake_gateway_set_pace(gateway(w), 100, 100, 0, 0);
        struct sc_id a = post(w, "amy", "bobby", "1");
        fake_loop_turn(world_node(w, 0)->loop);
        world_run(w, ms);
        world_crash(w, 0);
        world_run(w, ms % 2 ? 10 : 500);
        world_start(w, 0);
        world_publish(w);
        world_run(w, MINUTE);
        cr_assert_eq(out(w, &a), SC_STAGE_REPLIED, "died after %lld ms", (long long)ms);
        cr_assert_eq(turn(w, &a)->runs, 1);
        cr_assert_eq(fake_gateway_careless(gateway(w)), 0, "died after %lld ms", (long long)ms);
        world_free(w);
    }
}

Test(restart, the_last_turn_before_the_commit_is_looked_up_too)
{
    struct world *w = one_node(32, FAKE_GW_AT_ONCE);
    struct node *n = world_node(w, 0);
    struct sc_id a = post(w, "amy", "bobby", "1");
    fake_loop_turn(n->loop); /* committed, and handed over in the same turn */
    cr_assert(turn(w, &a));
    cr_assert_eq(in(w, &a), SC_STAGE_STORED);
    world_crash(w, 0);
    world_start(w, 0);
    world_publish(w);
    world_run(w, MINUTE);
    cr_assert_eq(turn(w, &a)->runs, 1);
    cr_assert_eq(fake_gateway_careless(gateway(w)), 0);
    cr_assert_eq(out(w, &a), SC_STAGE_REPLIED);
    world_free(w);
}
