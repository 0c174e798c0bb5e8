#include "router_fixture.h"

/* --- first in, first out --- */

static const char *bodies(struct world *w, int node, char *s, size_t size)
{
    const struct fake_gateway *g = world_node(w, node)->gateway;
    s[0] = 0;
    for (size_t i = 0; i < fake_gateway_count(g); i++) {
        size_t n = strlen(s);
        (void)snprintf(s + n, size - n, "%s ", fake_gateway_turn(g, i)->body);
    }
    return s;
}

Test(order, a_message_that_overtakes_a_lost_one_waits_for_it)
{
    struct world *w = two_nodes();
    char s[64];
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "bobby", "1");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    struct sc_id b = send_to(w, "bobby", "2"), c = send_to(w, "bobby", "3");
    world_run(w, 100);
    cr_assert_eq(in(w, &b), SC_STAGE_STORED);
    cr_assert_eq(in(w, &c), SC_STAGE_STORED);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "");
    world_run(w, 60 * 1000);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1 2 3 ");
    world_free(w);
}

Test(order, other_pairs_do_not_wait)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "bobby", "1");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    cr_assert_eq(world_send(world_node(w, 0), "amy", "bobby", "x", &id, &err), SC_OK);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* What it waits for died: its sender says so when it asks, and nobody waits for ever. */
Test(order, the_death_of_the_one_before_sets_the_next_one_free)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct sc_message *m = draft("bobby", "1");
    m->ttl_s = 30;
    world_net(w)->cut[0][1] = true;
    cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
    world_run(w, 100);
    struct sc_id b = send_to(w, "bobby", "2");
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
    world_net(w)->cut[0][1] = false;
    world_run(w, 300 * 1000);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    sc_message_free(m);
    world_free(w);
}

Test(order, a_stored_one_whose_sender_learns_late_of_a_death_is_asked_about_and_freed)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct sc_message *m = draft("bobby", "1");
    m->ttl_s = 90;
    world_net(w)->cut[0][1] = true;
    cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
    world_run(w, 10);
    world_net(w)->cut[0][1] = false;
    struct sc_id b = send_to(w, "bobby", "2");
    world_run(w, 100);
    cr_assert_eq(in(w, &b), SC_STAGE_STORED); /* it waits */
    world_net(w)->cut[0][1] = true;
    world_run(w, 150 * 1000);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
    world_net(w)->cut[0][1] = false;
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &b), SC_STAGE_REPLIED);
    sc_message_free(m);
    world_free(w);
}

/* --- agents that nobody wakes: what they may read is in order, too --- */

static bool add_body(void *ctx, const struct sc_record *rec)
{
    char *s = ctx;
    size_t n = strlen(s);
    (void)snprintf(s + n, 64 - n, "%s ", rec->msg.body);
    return true;
}

static const char *readable(struct world *w, char s[64])
{
    const struct sc_spool spool = mem_spool_port(world_node(w, 1)->spool);
    struct sc_err err = SC_ERR_INIT;
    s[0] = 0;
    cr_assert_eq(
        spool.ops->in_list(spool.impl, "ops", SC_LIST_DELIVERED, SC_LIST_MAX, add_body, s, &err),
        SC_OK);
    return s;
}

static struct world *with_reader(void)
{
    struct world *w = two_nodes();
    world_inbox_agent(w, 1, "ops");
    world_publish(w);
    world_run(w, 10);
    return w;
}

Test(order, an_inbox_shows_nothing_before_the_one_that_was_lost)
{
    struct world *w = with_reader();
    char s[64];
    world_net(w)->cut[0][1] = true;
    struct sc_id a = send_to(w, "ops", "1");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    struct sc_id b = send_to(w, "ops", "2"), c = send_to(w, "ops", "3"); /* in one turn */
    world_run(w, 100);
    struct sc_id d = send_to(w, "ops", "4"); /* names nobody: its sender knows that 3 is stored */
    world_run(w, 100);
    cr_assert_eq(in(w, &b), SC_STAGE_STORED);
    cr_assert_eq(in(w, &c), SC_STAGE_STORED);
    cr_assert_eq(in(w, &d), SC_STAGE_STORED);
    cr_assert_str_eq(readable(w, s), "");
    world_run(w, 60 * 1000);
    cr_assert_str_eq(readable(w, s), "1 2 3 4 ");
    cr_assert_eq(out(w, &a), SC_STAGE_DELIVERED);
    cr_assert_eq(out(w, &d), SC_STAGE_DELIVERED);
    (void)send_to(w, "ops", "5");
    world_run(w, 100);
    cr_assert_str_eq(readable(w, s), "1 2 3 4 5 ");
    world_free(w);
}

Test(order, an_inbox_goes_on_after_the_death_of_the_one_before)
{
    struct world *w = with_reader();
    struct sc_err err = SC_ERR_INIT;
    char s[64];
    struct sc_message *m = draft("ops", "1");
    m->ttl_s = 30;
    world_net(w)->cut[0][1] = true;
    cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    struct sc_id b = send_to(w, "ops", "2");
    world_run(w, 100);
    cr_assert_str_eq(readable(w, s), "");
    world_net(w)->cut[0][1] = true;
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
    world_net(w)->cut[0][1] = false;
    world_run(w, 3600 * 1000);
    cr_assert_str_eq(readable(w, s), "2 ");
    cr_assert_eq(out(w, &b), SC_STAGE_DELIVERED);
    sc_message_free(m);
    world_free(w);
}

Test(order, an_inbox_keeps_it_over_a_restart_of_the_receiver)
{
    struct world *w = with_reader();
    char s[64];
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "ops", "1");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    (void)send_to(w, "ops", "2");
    world_run(w, 100);
    world_crash(w, 1);
    world_start(w, 1);
    mem_link_set(world_node(w, 1)->link, SC_LINK_UP);
    world_publish(w);
    world_run(w, 120 * 1000);
    cr_assert_str_eq(readable(w, s), "1 2 ");
    world_free(w);
}

Test(order, survives_a_restart_of_the_sender)
{
    struct world *w = two_nodes();
    char s[64];
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "bobby", "1");
    world_run(w, 100);
    world_crash(w, 0);
    world_start(w, 0);
    world_publish(w);
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    (void)send_to(w, "bobby", "2");
    world_net(w)->cut[0][1] = false;
    mem_link_set(world_node(w, 0)->link, SC_LINK_UP);
    world_run(w, 60 * 1000);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1 2 ");
    world_free(w);
}

Test(order, survives_a_commit_that_failed_in_between)
{
    struct world *w = two_nodes();
    struct node *a = world_node(w, 0);
    char s[64];
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "bobby", "1");
    world_run(w, 100);
    mem_spool_faults(a->spool)->fail_commits = 1;
    (void)send_to(w, "bobby", "never");
    (void)send_to(w, "bobby", "never");
    fake_loop_turn(a->loop);
    world_net(w)->cut[0][1] = false;
    (void)send_to(w, "bobby", "2");
    world_run(w, 60 * 1000);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1 2 ");
    world_free(w);
}

/* 1 is lost, 2 dies, 3 must still wait for 1; and 4, sent after that death, too. */
Test(order, a_death_in_the_middle_does_not_break_the_chain)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    char s[64];
    struct sc_message *m = draft("bobby", "2");
    m->ttl_s = 30;
    world_net(w)->cut[0][1] = true;
    (void)send_to(w, "bobby", "1");
    cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
    world_run(w, 100 * 1000);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
    (void)send_to(w, "bobby", "3");
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    (void)send_to(w, "bobby", "4");
    world_run(w, 1);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "");
    world_run(w, 180 * 1000);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1 3 4 ");
    sc_message_free(m);
    world_free(w);
}

/* It was set free and runs; after a restart of its receiver nobody remembers that it was. */
Test(order, one_that_ran_already_does_not_wait_again)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct node *b = world_node(w, 1);
    struct sc_message *m = draft("bobby", "1");
    m->ttl_s = 30;
    world_net(w)->cut[0][1] = true;
    cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
    world_run(w, 10);
    world_net(w)->cut[0][1] = false;
    struct sc_id id = send_to(w, "bobby", "2");
    world_run(w, 100);
    world_net(w)->cut[0][1] = true;
    world_run(w, 150 * 1000);
    world_net(w)->cut[0][1] = false;
    fake_gateway_set_mode(b->gateway, FAKE_GW_MANUAL);
    for (int i = 0; i < 1000 && !fake_gateway_find(b->gateway, &id); i++)
        world_run(w, 10 * 1000);
    fake_gateway_say(b->gateway, &id, SC_TURN_STARTED, NULL);
    world_run(w, 100);
    cr_assert_eq(in(w, &id), SC_STAGE_STARTED);
    world_crash(w, 1);
    world_start(w, 1);
    mem_link_set(b->link, SC_LINK_UP);
    world_publish(w);
    world_run(w, 1000);
    cr_assert_eq(fake_gateway_find(b->gateway, &id)->calls, 2);
    sc_message_free(m);
    world_free(w);
}

/* The one that was lost comes, and in the same turn something makes the lane look: a failed commit
 * would take back what its gateway runs already. */
Test(order, one_that_is_not_committed_is_not_handed_over)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *first = arrival(w, "bobby"), *second = arrival(w, "bobby");
    const struct sc_entry entry = { .name = "e" };
    char s[64];
    first->seq = 1;
    second->seq = 2;
    second->prev = first->id;
    sc_set_str(&second->body, "second");
    second->body_len = strlen(second->body);
    hand_in(b, second);
    mem_spool_faults(b->spool)->fail_commits = 1;
    sc_router_receive(b->router, mem_link_transport(b->link), sc_message_copy(first), &entry);
    sc_mailbox_gateway_ready(b->mailbox);
    fake_loop_turn(b->loop);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "");
    hand_in(b, first);
    world_run(w, 10);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "hi second ");
    world_free(w);
}

/* A backlog that is longer than any list, and a pair that comes after it. */
Test(order, a_new_life_knows_what_was_under_way_behind_any_backlog)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    mem_link_set(world_node(w, 0)->link, SC_LINK_DOWN);
    for (int i = 0; i < SC_LIST_MAX + 10; i++)
        (void)send_to(w, "bobby", "x");
    cr_assert_eq(world_send(world_node(w, 0), "amy", "bobby", "1", &id, &err), SC_OK);
    world_run(w, 100);
    world_crash(w, 0);
    world_start(w, 0);
    world_publish(w);
    struct sc_id next;
    cr_assert_eq(world_send(world_node(w, 0), "amy", "bobby", "2", &next, &err), SC_OK);
    world_run(w, 100);
    const struct sc_record *rec = mem_spool_out(world_node(w, 0)->spool, &next);
    cr_assert(sc_id_eq(&rec->msg.prev, &id));
    world_free(w);
}

/* It waited for a lost one and died of its ttl; that is no reason to overtake the lost one. */
Test(order, one_that_died_waiting_leaves_its_place_to_the_next)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m[3];
    char s[64];
    for (unsigned i = 0; i < 3; i++) {
        m[i] = arrival(w, "bobby");
        m[i]->seq = i + 1;
        m[i]->body[0] = (char)('1' + i);
        m[i]->ttl_s = i == 1 ? 30 : 3600;
        if (i)
            m[i]->prev = m[i - 1]->id;
    }
    struct sc_id second = m[1]->id;
    hand_in(b, m[1]);
    world_run(w, 60 * 1000);
    cr_assert_eq(in(w, &second), SC_STAGE_DEAD);
    hand_in(b, m[2]);
    world_run(w, 100);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "");
    hand_in(b, m[0]);
    world_run(w, 100);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1i 3i ");
    world_free(w);
}

/* "2" waits on another gateway, where "1" never comes: "3" has to wait for "1" itself. */
Test(order, one_that_waits_elsewhere_leaves_its_place_to_the_next)
{
    struct world *w = two_nodes();
    char s[64];
    world_net(w)->cut[0][1] = true;
    struct sc_id first = send_to(w, "bobby", "1");
    world_run(w, 100);
    world_agent(w, 0, "bobby");
    world_publish(w);
    struct sc_id second = send_to(w, "bobby", "2");
    world_run(w, 100);
    cr_assert_eq(world_in_stage(world_node(w, 0), &second), SC_STAGE_STORED);
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 100);
    world_net(w)->cut[0][1] = false;
    struct sc_id third = send_to(w, "bobby", "3");
    world_run(w, 50);
    cr_assert_lt(out(w, &first), SC_STAGE_STORED, "else there was nothing to wait for");
    cr_assert_eq(in(w, &third), SC_STAGE_STORED);
    world_run(w, 120 * 1000);
    cr_assert_str_eq(bodies(w, 1, s, sizeof s), "1 3 ");
    world_free(w);
}
