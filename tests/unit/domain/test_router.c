#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/world.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static struct world *two_nodes(void)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 2);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 10);
    return w;
}

static struct sc_id send_to(struct world *w, const char *to, const char *body)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), "jerry", to, body, &id, &err), SC_OK, "%s", err.text);
    return id;
}

static enum sc_stage out(struct world *w, const struct sc_id *id)
{
    return world_out_stage(world_node(w, 0), id);
}

static enum sc_stage in(struct world *w, const struct sc_id *id)
{
    return world_in_stage(world_node(w, 1), id);
}

static const char *reason(struct world *w, const struct sc_id *id)
{
    const struct sc_record *r = mem_spool_out(world_node(w, 0)->spool, id);
    return r && r->reason ? r->reason : "";
}

struct counts {
    struct sc_router_counters n;
};

static struct counts counters(struct world *w, int node)
{
    struct counts c;
    sc_router_counters(world_node(w, node)->router, &c.n);
    return c;
}

/* --- submitting --- */

struct told {
    int times;
    enum sc_code code;
    bool dirty; /* something was uncommitted when it was told */
    unsigned sends;
    struct sc_message *m;
    struct node *n;
};

static void on_told(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct told *t = ctx;
    t->times++;
    t->code = err ? err->code : SC_OK;
    t->dirty = mem_spool_dirty(t->n->spool);
    t->sends = mem_link_counters(t->n->link)->sends;
    sc_message_free(t->m);
    t->m = sc_message_copy(m);
}

static struct sc_message *draft(const char *to, const char *body)
{
    struct sc_message *m = sc_xmalloc(sizeof *m);
    sc_message_init(m);
    m->id = sc_id_new((sc_wall){ 1771243200000 });
    m->from_agent = sc_xstrdup("jerry");
    m->to_agent = sc_xstrdup(to);
    m->body = sc_xstrdup(body);
    m->body_len = strlen(body);
    return m;
}

static int submit(struct world *w, const struct sc_message *m, struct told *t, struct sc_err *err)
{
    t->n = world_node(w, 0);
    return sc_router_submit(t->n->router, m, on_told, t, err);
}

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

static void hand_in(struct node *n, struct sc_message *take)
{
    const struct sc_entry entry = { .name = "e-test", .stream = "bobby" };
    sc_router_receive(n->router, mem_link_transport(n->link), take, &entry);
    fake_loop_turn(n->loop);
}

static struct sc_message *arrival(struct world *w, const char *to)
{
    struct sc_message *m = draft(to, "hi");
    struct sc_clock clock = fake_clock_port(&world_node(w, 1)->clock);
    sc_set_str(&m->from_gateway, "gw-0");
    sc_set_str(&m->to_gateway, "gw-1");
    m->timestamp = sc_clock_wall(&clock);
    m->ttl_s = 60;
    return m;
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
    world_run(w, 100);
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
    world_run(w, 100);
    cr_assert_eq(out(w, &id), SC_STAGE_REPLIED);
    cr_assert_eq(world_in_stage(world_node(w, 0), &id), SC_STAGE_REPLIED);
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
