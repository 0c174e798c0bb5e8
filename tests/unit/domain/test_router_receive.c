#include "router_fixture.h"

/* --- what the receiver owes --- */

Test(receive, nothing_is_told_settled_or_run_when_the_commit_fails)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    mem_spool_faults(b->spool)->fail_commits = 1;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 0);
    cr_assert_eq(mem_link_counters(b->link)->settles, 0);
    cr_assert_eq(fake_gateway_count(b->gateway), 0);
    world_run(w, 60 * 1000);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(fake_gateway_find(b->gateway, &id)->runs, 1);
    world_free(w);
}

Test(receive, a_question_is_answered_and_never_stored)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = draft("bobby", ""), *q;
    sc_set_str(&m->from_gateway, "gw-0");
    m->ask = true;
    q = sc_message_copy(m);
    struct sc_id id = m->id;
    const struct sc_entry entry = { .name = "e" };
    sc_router_receive(b->router, mem_link_transport(b->link), m, &entry);
    fake_loop_turn(b->loop);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 0);
    cr_assert_eq(mem_link_counters(b->link)->settles, 1);
    id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    q->id = id;
    unsigned before = mem_link_counters(b->link)->receipts;
    sc_router_receive(b->router, mem_link_transport(b->link), q, &entry);
    fake_loop_turn(b->loop);
    cr_assert_eq(mem_link_counters(b->link)->receipts, before + 1);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_REPLIED);
    world_free(w);
}

/* Room was needed, or the retention is short: only the id is left of it. */
Test(receive, a_question_about_a_message_that_is_gone_is_answered_all_the_same)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_err err = SC_ERR_INIT;
    const struct sc_entry entry = { .name = "e" };
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 1000);
    struct sc_clock clock = fake_clock_port(&b->clock);
    cr_assert_eq(mem_spool_port(b->spool).ops->expire(b->spool, sc_clock_wall(&clock), 1, &err),
                 SC_OK);
    cr_assert_eq(in(w, &id), SC_STAGES);
    struct sc_message *q = draft("bobby", "");
    q->id = id;
    q->ask = true;
    sc_set_str(&q->from_gateway, "gw-0");
    unsigned before = mem_link_counters(b->link)->receipts;
    sc_router_receive(b->router, mem_link_transport(b->link), q, &entry);
    fake_loop_turn(b->loop);
    cr_assert_eq(mem_link_counters(b->link)->receipts, before + 1);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_REPLIED);
    world_free(w);
}

/* Its sender was told that it is dead; another copy of it must not run when our clock is right
 * again. */
Test(receive, what_was_called_too_late_stays_so_when_the_clock_is_set_right)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby"), *copy = sc_message_copy(m);
    struct sc_id id = m->id;
    b->clock.wall_zero += 3600 * 1000;
    hand_in(b, m);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_DEAD);
    b->clock.wall_zero -= 3600 * 1000;
    hand_in(b, copy);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 2);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_DEAD);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(fake_gateway_count(b->gateway), 0);
    world_free(w);
}

Test(receive, a_duplicate_is_settled_too)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    world_net(w)->duplicate = 1000;
    (void)send_to(w, "bobby", "hi");
    world_run(w, 1000);
    cr_assert_eq(mem_link_counters(b->link)->settles, 2);
    world_free(w);
}

Test(receive, too_many_hops_is_dead_and_settled)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby");
    struct sc_id id = m->id;
    m->hops = 16;
    hand_in(b, m);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 1);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_DEAD);
    cr_assert_eq(mem_link_counters(b->link)->settles, 1);
    m = arrival(w, "bobby");
    id = m->id;
    m->hops = 15;
    hand_in(b, m);
    cr_assert_eq(in(w, &id), SC_STAGE_STORED);
    world_free(w);
}

Test(receive, what_is_for_another_gateway_is_left_alone)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    hand_in(b, arrival(w, "jerry"));
    cr_assert_eq(mem_link_counters(b->link)->receipts, 0);
    cr_assert_eq(mem_link_counters(b->link)->settles, 0);
    world_free(w);
}

/* Its stream kept a copy for where the agent was: that gateway may have run it. */
Test(receive, a_copy_addressed_to_another_gateway_is_not_stored_though_its_agent_is_here_now)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby");
    struct sc_id id = m->id;
    sc_set_str(&m->to_gateway, "gw-7");
    hand_in(b, m);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 0);
    cr_assert_eq(mem_link_counters(b->link)->settles, 1);
    m = arrival(w, "bobby");
    m->kind = SC_KIND_REPLY;
    id = m->id;
    sc_set_str(&m->to_gateway, "gw-7");
    hand_in(b, m);
    cr_assert_eq(in(w, &id), SC_STAGES);
    world_free(w);
}

Test(receive, nobody_s_is_dead_only_when_everybody_who_could_know_has_spoken)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    hand_in(b, arrival(w, "nobody"));
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_DEAD);
    cr_assert_eq(mem_link_counters(b->link)->receipts, 1);
    sc_registry_set_fresh(b->registry, false);
    hand_in(b, arrival(w, "nobody"));
    cr_assert_eq(mem_link_counters(b->link)->receipts, 1);
    world_free(w);
}

/* A Consul that lost everything, and a gateway that is still starting. */
Test(receive, before_our_own_gateway_has_spoken_nobody_is_unknown)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 2);
    struct node *b = world_node(w, 1);
    sc_registry_set_fresh(b->registry, true);
    sc_registry_agents_begin(b->registry);
    sc_registry_agents_end(b->registry);
    sc_registry_gateways_begin(b->registry);
    sc_registry_gateways_end(b->registry);
    hand_in(b, arrival(w, "bobby"));
    cr_assert_eq(mem_link_counters(b->link)->receipts, 0);
    world_free(w);
}

Test(receive, what_comes_after_its_ttl_is_dead_and_not_stored)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby");
    struct sc_id id = m->id;
    m->timestamp.ms -= 60 * 1000;
    hand_in(b, m); /* its last moment */
    cr_assert_eq(in(w, &id), SC_STAGE_STORED);
    m = arrival(w, "bobby");
    id = m->id;
    m->timestamp.ms -= 60 * 1000 + 1;
    hand_in(b, m);
    cr_assert_eq(in(w, &id), SC_STAGES);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_DEAD);
    cr_assert_eq(mem_link_counters(b->link)->settles, 2);
    world_free(w);
}

Test(receive, a_late_duplicate_is_answered_with_what_became_of_it)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby"), *again = sc_message_copy(m);
    struct sc_id id = m->id;
    hand_in(b, m);
    world_run(w, 100);
    cr_assert_eq(in(w, &id), SC_STAGE_REPLIED);
    world_run(w, 3600 * 1000);
    hand_in(b, again);
    cr_assert_eq(mem_link_counters(b->link)->last_stage, SC_STAGE_REPLIED);
    world_free(w);
}

/* --- receipts --- */

Test(receipts, for_another_gateway_are_ignored)
{
    struct world *w = two_nodes();
    world_net(w)->cut[0][1] = true;
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    struct sc_receipt one = { .id = id, .stage = SC_STAGE_REPLIED, .at = { 5 } };
    char from[] = "gw-1", other[] = "gw-7", us[] = "gw-0";
    struct sc_receipts r = { .from_gateway = from, .to_gateway = other, .v = &one, .n = 1 };
    sc_router_receipts(world_node(w, 0)->router, &r);
    cr_assert_eq(out(w, &id), SC_STAGE_SENT);
    r.to_gateway = us;
    sc_router_receipts(world_node(w, 0)->router, &r);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    world_free(w);
}

Test(receipts, late_ones_never_move_a_message_back)
{
    struct world *w = two_nodes();
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 100);
    char from[] = "gw-1", us[] = "gw-0";
    for (int s = SC_STAGE_STORED; s < SC_STAGES; s++) {
        struct sc_receipt one = { .id = id, .stage = (enum sc_stage)s, .reason = "late" };
        struct sc_receipts r = { .from_gateway = from, .to_gateway = us, .v = &one, .n = 1 };
        sc_router_receipts(world_node(w, 0)->router, &r);
        world_run(w, 100);
        cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    }
    world_free(w);
}

/* Retention counts from a receipt's time, which is another machine's word. */
Test(receipts, of_a_mad_clock_do_not_make_us_forget)
{
    struct world *w = two_nodes();
    world_net(w)->cut[0][1] = true;
    struct sc_id early = send_to(w, "bobby", "1"), late = send_to(w, "bobby", "2");
    world_run(w, 100);
    char from[] = "gw-1", us[] = "gw-0";
    struct sc_receipt v[] = { { .id = early, .stage = SC_STAGE_REPLIED, .at = { 5 } },
                              { .id = late, .stage = SC_STAGE_REPLIED, .at = { INT64_MAX } } };
    struct sc_receipts r = { .from_gateway = from, .to_gateway = us, .v = v, .n = 2 };
    sc_router_receipts(world_node(w, 0)->router, &r);
    world_run(w, INT64_C(6) * DAY_MS);
    cr_assert_eq(out(w, &early), SC_STAGE_REPLIED);
    cr_assert_eq(out(w, &late), SC_STAGE_REPLIED);
    world_run(w, INT64_C(2) * DAY_MS);
    cr_assert_eq(out(w, &early), SC_STAGES);
    cr_assert_eq(out(w, &late), SC_STAGES);
    world_free(w);
}

/* A busy turn stores more than one envelope may carry; the rest must not wait for a resend. */
Test(receipts, more_than_a_batch_in_one_turn_all_leave)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    enum { N = SC_RECEIPTS_MAX + 100 };
    const struct sc_entry entry = { .name = "" };
    fake_gateway_set_mode(b->gateway, FAKE_GW_MANUAL);
    for (int i = 0; i < N; i++)
        sc_router_receive(b->router, mem_link_transport(b->link), arrival(w, "bobby"), &entry);
    fake_loop_turn(b->loop);
    cr_assert_eq(mem_link_counters(b->link)->receipts, N);
    cr_assert_eq(counters(w, 1).n.receipts_out, N);
    world_free(w);
}

/* --- replies --- */

Test(replies, go_back_to_an_operator_elsewhere)
{
    struct world *w = two_nodes();
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), "operator", "bobby", "hi", &id, &err), SC_OK);
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    struct sc_spool_stats st;
    mem_spool_port(world_node(w, 1)->spool).ops->stats(world_node(w, 1)->spool, &st);
    cr_assert_eq(st.outbox_open, 0); /* the reply is settled at bobby's side, too */
    world_free(w);
}

Test(replies, an_external_sender_finds_its_answer_here)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    struct sc_message *m = arrival(w, "bobby");
    struct sc_id id = m->id;
    struct sc_err err = SC_ERR_INIT;
    sc_set_str(&m->from_agent, "external:cron");
    sc_set_str(&m->from_gateway, NULL);
    hand_in(b, m);
    world_run(w, 100);
    cr_assert_eq(in(w, &id), SC_STAGE_REPLIED);
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    cr_assert_eq(mem_spool_port(b->spool).ops->in_reply_to(b->spool, &id, &r, &err), SC_OK);
    cr_assert_str_eq(r.msg.to_agent, "external:cron");
    cr_assert_str_eq(r.msg.body, "re: hi");
    cr_assert_eq(r.stage, SC_STAGE_DELIVERED);
    world_free(w);
}

Test(replies, a_long_answer_is_cut_between_characters)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    fake_gateway_set_mode(b->gateway, FAKE_GW_MANUAL);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 10);
    sc_auto_free char *text = sc_xcalloc(1, SC_BODY_MAX + 100);
    for (size_t i = 0; i < SC_BODY_MAX + 30; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    fake_gateway_say(b->gateway, &id, SC_TURN_STARTED, NULL);
    fake_gateway_say(b->gateway, &id, SC_TURN_REPLIED, text);
    world_run(w, 10);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    struct sc_err err = SC_ERR_INIT;
    sc_auto_record struct sc_record r;
    sc_record_init(&r);
    struct node *a = world_node(w, 0);
    cr_assert_eq(mem_spool_port(a->spool).ops->in_reply_to(a->spool, &id, &r, &err), SC_OK);
    cr_assert_eq(r.msg.body_len, SC_BODY_MAX / 3 * 3);
    cr_assert_eq(sc_message_check(&r.msg, &err), SC_OK, "%s", err.text);
    world_free(w);
}

Test(replies, a_long_reason_is_cut_on_both_ends_alike)
{
    struct world *w = two_nodes();
    struct node *b = world_node(w, 1);
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    fake_gateway_set_mode(b->gateway, FAKE_GW_MANUAL);
    struct sc_id id = send_to(w, "bobby", "hi");
    world_run(w, 10);
    fake_gateway_say(b->gateway, &id, SC_TURN_FAILED, text);
    world_run(w, 10);
    cr_assert_eq(out(w, &id), SC_STAGE_DEAD);
    cr_assert_eq(strlen(reason(w, &id)), SC_REASON_MAX - 1);
    cr_assert_str_eq(mem_spool_in(b->spool, &id)->reason, reason(w, &id));
    world_free(w);
}

Test(rejected, the_latest_reason_is_kept_and_bounded)
{
    struct world *w = two_nodes();
    struct sc_router *r = world_node(w, 0)->router;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    cr_assert_str_eq(sc_router_last_rejected(r), "");
    sc_router_rejected(r, "redis", "bad json");
    cr_assert_str_eq(sc_router_last_rejected(r), "redis: bad json");
    sc_router_rejected(r, "redis", text);
    cr_assert_lt(strlen(sc_router_last_rejected(r)), SC_REASON_MAX + 64);
    cr_assert_eq(counters(w, 0).n.rejected, 2);
    world_free(w);
}
