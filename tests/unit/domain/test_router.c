#include "router_fixture.h"

/* --- submitting --- */

Test(submit, is_told_and_sent_only_after_the_commit)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("bobby", "hi");
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    cr_assert_eq(t.times, 0);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 0);
    world_run(w, 0);
    cr_assert_eq(t.times, 1);
    cr_assert_eq(t.code, SC_OK);
    cr_assert_not(t.dirty);
    cr_assert_eq(t.sends, 0); /* the author hears it before the world does */
    cr_assert_str_eq(t.m->to_gateway, "gw-1");
    cr_assert_str_eq(t.m->from_gateway, "gw-0");
    cr_assert_eq(t.m->seq, 1);
    cr_assert_gt(t.m->timestamp.ms, 0);
    cr_assert_eq(t.m->ttl_s, 24 * 3600);
    cr_assert_eq(out(w, &m->id), SC_STAGE_REPLIED);
    sc_message_free(t.m);
    sc_message_free(m);
    world_free(w);
}

Test(submit, a_failed_commit_is_an_error_and_nothing_leaves)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("bobby", "hi");
    mem_spool_faults(world_node(w, 0)->spool)->fail_commits = 1;
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    world_run(w, DAY_MS);
    cr_assert_eq(t.times, 1);
    cr_assert_eq(t.code, SC_EIO);
    cr_assert_eq(out(w, &m->id), SC_STAGES);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 0);
    cr_assert_eq(counters(w, 0).n.accepted, 0);
    t.times = 0;
    cr_assert_eq(submit(w, m, &t, &err), SC_OK); /* trying again is a first time */
    world_run(w, 0);
    cr_assert_eq(t.code, SC_OK);
    cr_assert_eq(out(w, &m->id), SC_STAGE_REPLIED);
    cr_assert_eq(counters(w, 0).n.accepted, 1);
    sc_message_free(t.m);
    sc_message_free(m);
    world_free(w);
}

Test(submit, a_full_spool_refuses_at_once)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("bobby", "hi");
    (void)send_to(w, "bobby", "first");
    world_run(w, 0);
    mem_spool_faults(world_node(w, 0)->spool)->max_messages = 1;
    cr_assert_eq(submit(w, m, &t, &err), SC_EFULL);
    world_run(w, DAY_MS);
    cr_assert_eq(t.times, 0);
    sc_message_free(m);
    world_free(w);
}

Test(submit, the_same_message_twice_is_one_and_answers_like_the_first)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told first = { 0 }, again = { 0 };
    struct sc_message *m = draft("bobby", "hi");
    cr_assert_eq(submit(w, m, &first, &err), SC_OK);
    world_run(w, 5000);
    cr_assert_eq(submit(w, m, &again, &err), SC_OK);
    world_run(w, 5000);
    cr_assert_eq(again.times, 1);
    cr_assert_eq(again.code, SC_OK);
    cr_assert_eq(again.m->timestamp.ms, first.m->timestamp.ms);
    cr_assert_eq(again.m->seq, 1);
    cr_assert_eq(counters(w, 0).n.accepted, 1);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 1);
    sc_message_free(first.m);
    sc_message_free(again.m);
    sc_message_free(m);
    world_free(w);
}

Test(submit, the_same_message_twice_in_one_turn)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told first = { 0 }, again = { 0 };
    struct sc_message *m = draft("bobby", "hi");
    cr_assert_eq(submit(w, m, &first, &err), SC_OK);
    cr_assert_eq(submit(w, m, &again, &err), SC_OK);
    world_run(w, 5000);
    cr_assert_eq(first.times + again.times, 2);
    cr_assert_eq(fake_gateway_count(world_node(w, 1)->gateway), 1);
    cr_assert_eq(mem_link_counters(world_node(w, 0)->link)->sends, 1);
    sc_message_free(first.m);
    sc_message_free(again.m);
    sc_message_free(m);
    world_free(w);
}

/* "It succeeds" would tell the author that something was sent which never will be. */
Test(submit, another_message_with_a_known_id_is_refused)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("bobby", "hi"), *n = draft("bobby", "ho");
    n->id = m->id;
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    cr_assert_eq(submit(w, n, &t, &err), SC_EEXIST);
    world_run(w, 0);
    cr_assert_eq(submit(w, n, &t, &err), SC_EEXIST);
    cr_assert(strstr(err.text, "id"));
    sc_set_str(&n->body, "hi");
    sc_set_str(&n->to_agent, "jerry");
    cr_assert_eq(submit(w, n, &t, &err), SC_EEXIST);
    world_run(w, 0);
    cr_assert_eq(t.times, 1);
    sc_message_free(t.m);
    sc_message_free(m);
    sc_message_free(n);
    world_free(w);
}

Test(submit, bad_fields_are_refused_at_once)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("../bobby", "hi");
    cr_assert_eq(submit(w, m, &t, &err), SC_EINVAL);
    sc_set_str(&m->to_agent, "bobby");
    sc_set_str(&m->body, "\xff");
    m->body_len = 1;
    cr_assert_eq(submit(w, m, &t, &err), SC_EINVAL);
    sc_set_str(&m->body, "x");
    sc_set_str(&m->from_agent, "");
    cr_assert_eq(submit(w, m, &t, &err), SC_EINVAL);
    world_run(w, DAY_MS);
    cr_assert_eq(t.times, 0);
    sc_message_free(m);
    world_free(w);
}

Test(submit, an_unknown_recipient_is_refused_with_the_nearest_name)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("boby", "hi");
    cr_assert_eq(submit(w, m, &t, &err), SC_ENOENT);
    cr_assert(strstr(err.remedy, "bobby"));
    sc_set_str(&m->to_agent, "bobby");
    sc_set_str(&m->to_gateway, "gw-9");
    cr_assert_eq(submit(w, m, &t, &err), SC_ENOENT);
    cr_assert(strstr(err.text, "gw-9"));
    sc_message_free(m);
    world_free(w);
}

Test(submit, with_the_directory_away_an_unknown_recipient_waits_and_goes_when_it_is_seen)
{
    struct world *w = two_nodes();
    world_node(w, 0)->sees_directory = false;
    world_publish(w);
    struct sc_id id = send_to(w, "carol", "hi");
    world_run(w, 3600 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_ACCEPTED);
    world_node(w, 0)->sees_directory = true;
    world_agent(w, 1, "carol");
    world_publish(w);
    world_run(w, 100); /* not at the next retry, which may be a minute away */
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

/* --- the local way --- */

Test(local, both_halves_are_one_transaction)
{
    struct world *w = two_nodes();
    world_agent(w, 0, "amy");
    world_publish(w);
    struct node *n = world_node(w, 0);
    fake_gateway_set_mode(n->gateway, FAKE_GW_MANUAL);
    struct sc_id id = send_to(w, "amy", "hi");
    fake_loop_turn(n->loop);
    cr_assert_eq(world_out_stage(n, &id), SC_STAGE_STORED);
    cr_assert_eq(world_in_stage(n, &id), SC_STAGE_STORED);
    cr_assert_eq(mem_link_counters(n->link)->sends, 0);
    world_free(w);
}

Test(local, whichever_write_fails_there_is_no_half)
{
    for (unsigned nth = 1; nth <= 6; nth++) {
        struct world *w = two_nodes();
        world_inbox_agent(w, 0, "ops");
        world_publish(w);
        struct node *n = world_node(w, 0);
        struct sc_err err = SC_ERR_INIT;
        struct told t = { 0 };
        struct sc_message *m = draft("ops", "hi");
        mem_spool_faults(n->spool)->fail_write = nth;
        int r = submit(w, m, &t, &err);
        fake_loop_turn(n->loop);
        bool failed = r < 0 || t.code != SC_OK;
        cr_assert_eq(failed, mem_spool_faults(n->spool)->fail_write == 0, "write %u", nth);
        if (failed) {
            cr_assert_eq(world_out_stage(n, &m->id), SC_STAGES, "write %u", nth);
            cr_assert_eq(world_in_stage(n, &m->id), SC_STAGES, "write %u", nth);
        }
        sc_message_free(t.m);
        sc_message_free(m);
        world_free(w);
    }
}

/* Full for the second half only: the message is accepted, waits, and claims no more than that. */
Test(local, an_inbox_without_room_leaves_the_message_accepted_until_there_is_some)
{
    struct world *w = two_nodes();
    world_agent(w, 0, "amy");
    world_publish(w);
    struct node *n = world_node(w, 0);
    mem_spool_faults(n->spool)->max_messages = 1;
    struct sc_id id = send_to(w, "amy", "hi");
    world_run(w, 10);
    cr_assert_eq(world_out_stage(n, &id), SC_STAGE_ACCEPTED);
    cr_assert_eq(world_in_stage(n, &id), SC_STAGES);
    mem_spool_faults(n->spool)->max_messages = 0;
    world_run(w, 60 * 1000);
    cr_assert_eq(world_out_stage(n, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(local, an_inbox_only_agent_is_delivered_at_once)
{
    struct world *w = two_nodes();
    world_inbox_agent(w, 0, "ops");
    world_publish(w);
    struct sc_id a = send_to(w, "ops", "hi"), b = send_to(w, "operator", "hi");
    world_run(w, 10);
    cr_assert_eq(out(w, &a), SC_STAGE_DELIVERED);
    cr_assert_eq(out(w, &b), SC_STAGE_DELIVERED);
    cr_assert_eq(fake_gateway_count(world_node(w, 0)->gateway), 0);
    world_free(w);
}

Test(local, before_our_gateway_has_spoken_nobody_is_dead)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 1);
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("amy", "hi");
    sc_set_str(&m->to_gateway, "gw-0");
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    world_run(w, 10 * 1000);
    cr_assert_eq(out(w, &m->id), SC_STAGE_ACCEPTED);
    world_agent(w, 0, "amy");
    world_publish(w);
    world_run(w, 100);
    cr_assert_eq(out(w, &m->id), SC_STAGE_REPLIED);
    sc_message_free(t.m);
    sc_message_free(m);
    world_free(w);
}

Test(local, an_agent_our_gateway_does_not_have_is_dead_with_a_reason)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct told t = { 0 };
    struct sc_message *m = draft("nobody", "hi");
    sc_set_str(&m->to_gateway, "gw-0");
    cr_assert_eq(submit(w, m, &t, &err), SC_OK);
    world_run(w, 10);
    cr_assert_eq(out(w, &m->id), SC_STAGE_DEAD);
    cr_assert(strstr(reason(w, &m->id), "unknown recipient"));
    sc_message_free(t.m);
    sc_message_free(m);
    world_free(w);
}

/* --- a disk that refuses --- */

Test(disk, writes_that_fail_do_not_spin_the_loop)
{
    struct world *w = two_nodes();
    struct node *a = world_node(w, 0);
    mem_link_set(a->link, SC_LINK_DOWN);
    for (int i = 0; i < 300; i++)
        (void)send_to(w, "bobby", "hi");
    world_run(w, 1000);
    mem_spool_faults(a->spool)->writes_fail = true;
    uint64_t before = fake_loop_turns(a->loop);
    world_run(w, 60 * 1000);
    cr_assert_lt(fake_loop_turns(a->loop) - before, 500);
    mem_spool_faults(a->spool)->writes_fail = false;
    mem_link_set(a->link, SC_LINK_UP);
    world_run(w, 180 * 1000);
    struct sc_spool_stats st;
    mem_spool_port(a->spool).ops->stats(a->spool, &st);
    cr_assert_eq(st.outbox_open, 0);
    world_free(w);
}

/* The timer was set by writes that a failed commit took back. */
Test(disk, a_failed_commit_forgets_no_retry)
{
    struct world *w = two_nodes();
    struct node *a = world_node(w, 0);
    mem_link_set(a->link, SC_LINK_DOWN);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, DAY_MS + 1);
    for (int i = 0; i < 10 && out(w, &id) != SC_STAGE_DEAD; i++) {
        mem_spool_faults(a->spool)->fail_commits = 1;
        world_run(w, 130 * 1000);
    }
    mem_spool_faults(a->spool)->fail_commits = 0;
    world_run(w, 130 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    world_free(w);
}

/* --- the loop guard --- */

static struct world *guarded(void)
{
    struct world_options opt = world_defaults();
    opt.limits.thread_rate = 5;
    struct world *w = world_new(&opt, 2);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 10);
    return w;
}

static int dead_of(struct world *w, const char *from, const char *thread, int n)
{
    int dead = 0;
    struct sc_err err = SC_ERR_INIT;
    for (int i = 0; i < n; i++) {
        struct sc_message *m = draft("bobby", "hi");
        sc_set_str(&m->from_agent, from);
        m->thread = sc_xstrdup(thread);
        cr_assert_eq(sc_router_submit(world_node(w, 0)->router, m, NULL, NULL, &err), SC_OK);
        world_run(w, 1);
        dead += out(w, &m->id) == SC_STAGE_DEAD;
        if (out(w, &m->id) == SC_STAGE_DEAD)
            cr_assert_eq(strncmp(reason(w, &m->id), "loop", 4), 0);
        sc_message_free(m);
    }
    return dead;
}

Test(guard, what_is_over_the_rate_of_its_thread_is_dead_and_seen)
{
    struct world *w = guarded();
    cr_assert_eq(dead_of(w, "jerry", "t", 8), 3);
    cr_assert_eq(dead_of(w, "jerry", "other", 5), 0);
    cr_assert_eq(dead_of(w, "jerry", NULL, 6), 1); /* without a thread the pair is one */
    world_run(w, 60 * 1000);
    cr_assert_eq(dead_of(w, "jerry", "t", 5), 0);
    world_free(w);
}

Test(guard, people_may_send_as_they_like)
{
    struct world *w = guarded();
    cr_assert_eq(dead_of(w, "operator", "t", 20), 0);
    cr_assert_eq(dead_of(w, "external:cron", "t", 20), 0);
    world_free(w);
}
