#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/world.h"

enum { MINUTE = 60 * 1000, DAY_MS = 24 * 3600 * 1000 };

/* One node is enough: senders and receivers live on it. */
static struct world *one_node(unsigned max_turns, enum fake_gateway_mode mode)
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

static struct sc_id post(struct world *w, const char *from, const char *to, const char *body)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), from, to, body, &id, &err), SC_OK, "%s", err.text);
    return id;
}

static struct fake_gateway *gateway(struct world *w)
{
    return world_node(w, 0)->gateway;
}

static const struct fake_turn *turn(struct world *w, const struct sc_id *id)
{
    return fake_gateway_find(gateway(w), id);
}

static enum sc_stage in(struct world *w, const struct sc_id *id)
{
    return world_in_stage(world_node(w, 0), id);
}

static enum sc_stage out(struct world *w, const struct sc_id *id)
{
    return world_out_stage(world_node(w, 0), id);
}

static void say(struct world *w, const struct sc_id *id, enum sc_turn_event ev, const char *text)
{
    fake_gateway_say(gateway(w), id, ev, text);
    world_run(w, 0);
}

static struct sc_router_counters counted(struct world *w)
{
    struct sc_router_counters n;
    sc_router_counters(world_node(w, 0)->router, &n);
    return n;
}

/* The order in which the gateway was handed things, by body. */
static const char *order(struct world *w, char *s, size_t size)
{
    s[0] = 0;
    for (size_t i = 0; i < fake_gateway_count(gateway(w)); i++) {
        size_t n = strlen(s);
        (void)snprintf(s + n, size - n, "%s ", fake_gateway_turn(gateway(w), i)->body);
    }
    return s;
}

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
