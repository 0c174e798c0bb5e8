#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/world.h"

enum { MINUTE = 60 * 1000 };

static struct world *two_nodes(enum fake_gateway_mode mode)
{
    const struct world_options opt = world_defaults();
    struct world *w = world_new(&opt, 2);
    world_agent(w, 0, "jerry");
    world_agent(w, 1, "bobby");
    world_publish(w);
    world_run(w, 10);
    fake_gateway_set_mode(world_node(w, 1)->gateway, mode);
    return w;
}

static struct sc_id ask(struct world *w)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    cr_assert_eq(world_send(world_node(w, 0), "jerry", "bobby", "hi", &id, &err), SC_OK);
    return id;
}

/* One waiting caller, and what it was told. */
struct caller {
    struct world *w;
    struct sc_wait *wait;
    int times;
    int64_t at;
    bool has_rec, has_reply, committed;
    enum sc_stage stage;
    char body[64], reason[SC_REASON_MAX];
    struct caller *cancels; /* in its callback */
    const struct sc_id *waits_again;
};

static void on_done(void *ctx, const struct sc_record *rec, const struct sc_record *reply);

static void wait_for(struct world *w, const struct sc_id *id, int64_t ms, struct caller *c)
{
    struct sc_err err = SC_ERR_INIT;
    c->w = w;
    cr_assert_eq(sc_router_wait(world_node(w, 0)->router, id, ms, on_done, c, &c->wait, &err),
                 SC_OK);
}

static void on_done(void *ctx, const struct sc_record *rec, const struct sc_record *reply)
{
    struct caller *c = ctx;
    const struct node *n = world_node(c->w, 0);
    c->times++;
    c->wait = NULL;
    c->at = world_now(c->w);
    c->has_rec = rec != NULL;
    c->has_reply = reply != NULL;
    c->committed = !mem_spool_dirty(n->spool);
    if (rec) {
        c->stage = rec->stage;
        (void)snprintf(c->reason, sizeof c->reason, "%s", rec->reason ? rec->reason : "");
    }
    if (reply)
        (void)snprintf(c->body, sizeof c->body, "%s", reply->msg.body);
    if (c->cancels) {
        sc_router_wait_cancel(c->cancels->wait);
        c->cancels->wait = NULL;
    }
    if (c->waits_again) {
        const struct sc_id *id = c->waits_again;
        c->waits_again = NULL;
        wait_for(c->w, id, MINUTE, c);
    }
}

Test(wait, for_a_reply)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, MINUTE, &c);
    cr_assert_eq(c.times, 0);
    world_run(w, 100);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.stage, SC_STAGE_REPLIED);
    cr_assert_str_eq(c.body, "re: hi");
    cr_assert(c.committed);
    world_run(w, 2 * MINUTE);
    cr_assert_eq(c.times, 1);
    world_free(w);
}

Test(wait, for_a_death)
{
    struct world *w = two_nodes(FAKE_GW_FAILED);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, MINUTE, &c);
    world_run(w, 100);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.stage, SC_STAGE_DEAD);
    cr_assert_str_eq(c.reason, "fake reason");
    cr_assert_not(c.has_reply);
    world_free(w);
}

Test(wait, ends_at_its_deadline_exactly)
{
    struct world *w = two_nodes(FAKE_GW_NEVER);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    int64_t start = world_now(w);
    wait_for(w, &id, 5000, &c);
    world_run(w, 4999);
    cr_assert_eq(c.times, 0);
    world_run(w, 2 * MINUTE);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.at, start + 5000);
    cr_assert_not(c.has_rec);
    cr_assert_not(c.has_reply);
    world_free(w);
}

Test(wait, for_an_unknown_message_ends_at_its_deadline)
{
    struct world *w = two_nodes(FAKE_GW_NEVER);
    struct caller c = { 0 };
    struct sc_id id = { { 7 } };
    wait_for(w, &id, 1000, &c);
    world_run(w, MINUTE);
    cr_assert_eq(c.times, 1);
    cr_assert_not(c.has_rec);
    world_free(w);
}

/* `replied` is a receipt, the reply a message: they travel apart, and either may be first. */
Test(wait, for_a_reply_that_comes_long_after_its_receipt)
{
    struct world *w = two_nodes(FAKE_GW_MANUAL);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, 10 * MINUTE, &c);
    world_run(w, 100);
    char from[] = "gw-1", us[] = "gw-0";
    struct sc_receipt one = { .id = id, .stage = SC_STAGE_REPLIED, .at = { 5 } };
    struct sc_receipts r = { .from_gateway = from, .to_gateway = us, .v = &one, .n = 1 };
    sc_router_receipts(world_node(w, 0)->router, &r);
    world_run(w, MINUTE);
    cr_assert_eq(world_out_stage(world_node(w, 0), &id), SC_STAGE_REPLIED);
    cr_assert_eq(c.times, 0);
    fake_gateway_say(world_node(w, 1)->gateway, &id, SC_TURN_REPLIED, "at last");
    world_run(w, 100);
    cr_assert_eq(c.times, 1);
    cr_assert_str_eq(c.body, "at last");
    world_free(w);
}

Test(wait, for_a_reply_whose_receipt_is_lost)
{
    struct world *w = two_nodes(FAKE_GW_MANUAL);
    struct node *a = world_node(w, 0);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, 10 * MINUTE, &c);
    world_net(w)->cut[1][0] = true; /* no receipt ever comes */
    world_run(w, 100);
    struct sc_message *m = sc_xcalloc(1, sizeof *m);
    sc_message_init(m);
    m->id = sc_id_new((sc_wall){ 1771243200000 });
    m->kind = SC_KIND_REPLY;
    m->from_agent = sc_xstrdup("bobby");
    m->from_gateway = sc_xstrdup("gw-1");
    m->to_agent = sc_xstrdup("jerry");
    m->to_gateway = sc_xstrdup("gw-0");
    m->in_reply_to = id;
    m->body = sc_xstrdup("yes");
    m->body_len = 3;
    const struct sc_entry entry = { .name = "" };
    sc_router_receive(a->router, mem_link_transport(a->link), m, &entry);
    world_run(w, 100);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.stage, SC_STAGE_REPLIED);
    cr_assert_str_eq(c.body, "yes");
    world_free(w);
}

Test(wait, for_a_message_that_had_its_end_before)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    world_run(w, MINUTE);
    wait_for(w, &id, MINUTE, &c);
    cr_assert_eq(c.times, 0); /* from the loop, never from inside the call */
    world_run(w, 0);
    cr_assert_eq(c.times, 1);
    cr_assert_str_eq(c.body, "re: hi");
    world_free(w);
}

Test(wait, by_many_for_one)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller c[50] = { 0 };
    struct sc_id id = ask(w);
    for (size_t i = 0; i < SC_ARRAY_LEN(c); i++)
        wait_for(w, &id, MINUTE, &c[i]);
    world_run(w, 100);
    for (size_t i = 0; i < SC_ARRAY_LEN(c); i++) {
        cr_assert_eq(c[i].times, 1);
        cr_assert_str_eq(c[i].body, "re: hi");
    }
    world_free(w);
}

Test(wait, a_cancelled_one_is_never_told)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller first = { 0 }, second = { 0 }, third = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, MINUTE, &first);
    wait_for(w, &id, MINUTE, &second);
    wait_for(w, &id, MINUTE, &third);
    sc_router_wait_cancel(second.wait);
    sc_router_wait_cancel(NULL);
    world_run(w, 2 * MINUTE);
    cr_assert_eq(first.times, 1);
    cr_assert_eq(second.times, 0);
    cr_assert_eq(third.times, 1);
    world_free(w);
}

Test(wait, cancelled_at_once_and_alone)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, 0, &c);
    sc_router_wait_cancel(c.wait);
    world_run(w, 2 * MINUTE);
    cr_assert_eq(c.times, 0);
    world_free(w);
}

/* An HTTP connection that is told closes; its neighbour's closing may come with it. */
Test(wait, one_callback_may_cancel_another_of_the_same_message)
{
    for (int order = 0; order < 2; order++) {
        struct world *w = two_nodes(FAKE_GW_AT_ONCE);
        struct caller a = { 0 }, b = { 0 };
        struct sc_id id = ask(w);
        wait_for(w, &id, MINUTE, order ? &a : &b);
        wait_for(w, &id, MINUTE, order ? &b : &a);
        a.cancels = &b;
        b.cancels = &a;
        world_run(w, 2 * MINUTE);
        cr_assert_eq(a.times + b.times, 1);
        world_free(w);
    }
}

Test(wait, a_deadline_may_cancel_others)
{
    struct world *w = two_nodes(FAKE_GW_NEVER);
    struct caller a = { 0 }, b = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, 1000, &a);
    wait_for(w, &id, 1000, &b);
    a.cancels = &b;
    world_run(w, MINUTE);
    cr_assert_eq(a.times, 1);
    cr_assert_eq(b.times, 0);
    world_free(w);
}

Test(wait, a_callback_may_wait_again)
{
    struct world *w = two_nodes(FAKE_GW_AT_ONCE);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    c.waits_again = &id;
    wait_for(w, &id, MINUTE, &c);
    world_run(w, 100);
    cr_assert_eq(c.times, 2);
    world_free(w);
}

/* What a commit takes back was never true. */
Test(wait, is_not_told_of_an_end_that_is_not_committed)
{
    struct world *w = two_nodes(FAKE_GW_MANUAL);
    struct node *a = world_node(w, 0);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    world_run(w, 100);
    char from[] = "gw-1", us[] = "gw-0";
    struct sc_receipt one = { .id = id, .stage = SC_STAGE_DEAD, .at = { 5 } };
    struct sc_receipts r = { .from_gateway = from, .to_gateway = us, .v = &one, .n = 1 };
    sc_router_receipts(a->router, &r);
    mem_spool_faults(a->spool)->fail_commits = 1;
    wait_for(w, &id, 10 * MINUTE, &c); /* in the same turn */
    fake_loop_turn(a->loop);
    cr_assert_eq(world_out_stage(a, &id), SC_STAGE_STORED);
    cr_assert_eq(c.times, 0);
    sc_router_receipts(a->router, &r);
    world_run(w, 10);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.stage, SC_STAGE_DEAD);
    cr_assert(c.committed);
    world_free(w);
}

Test(wait, for_a_reply_lost_by_a_failed_commit_is_told_when_it_comes_again)
{
    struct world *w = two_nodes(FAKE_GW_MANUAL);
    struct node *a = world_node(w, 0);
    struct caller c = { 0 };
    struct sc_id id = ask(w);
    wait_for(w, &id, 30 * MINUTE, &c);
    world_run(w, 100);
    mem_spool_faults(a->spool)->fail_commits = 2;
    fake_gateway_say(world_node(w, 1)->gateway, &id, SC_TURN_REPLIED, "yes");
    world_run(w, 500);
    cr_assert_eq(c.times, 0);
    world_run(w, 10 * MINUTE);
    cr_assert_eq(c.times, 1);
    cr_assert_str_eq(c.body, "yes");
    world_free(w);
}

Test(wait, too_many_are_refused_with_a_remedy)
{
    struct world *w = two_nodes(FAKE_GW_NEVER);
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id = ask(w);
    struct caller c = { .w = w };
    struct sc_router *r = world_node(w, 0)->router;
    for (int i = 0; i < SC_WAITERS_MAX; i++)
        cr_assert_eq(sc_router_wait(r, &id, 1000, on_done, &c, NULL, &err), SC_OK);
    cr_assert_eq(sc_router_wait(r, &id, 1000, on_done, &c, NULL, &err), SC_EBUSY);
    cr_assert_gt(strlen(err.remedy), 0);
    world_run(w, MINUTE);
    cr_assert_eq(c.times, SC_WAITERS_MAX);
    cr_assert_eq(sc_router_wait(r, &id, 1000, on_done, &c, NULL, &err), SC_OK);
    world_free(w);
}

struct news {
    struct world *w;
    struct sc_id id;
};

static void on_news(void *ctx, const struct sc_err *err)
{
    struct news *n = ctx;
    char here[] = "gw-0", there[] = "gw-1";
    struct sc_receipt dead = { .id = n->id, .stage = SC_STAGE_DEAD, .reason = "why" };
    const struct sc_receipts r = { .from_gateway = there, .to_gateway = here, .v = &dead, .n = 1 };
    (void)err;
    sc_router_receipts(world_node(n->w, 0)->router, &r);
}

/* A callback of the same commit wrote it a moment before: that is the next commit's. */
Test(wait, is_not_told_what_is_not_committed_yet)
{
    struct world *w = two_nodes(FAKE_GW_NEVER);
    struct mem_spool *spool = world_node(w, 0)->spool;
    struct caller c = { 0 };
    struct news n = { .w = w, .id = ask(w) };
    world_run(w, 100);
    mem_spool_port(spool).ops->after_commit(spool, on_news, &n);
    wait_for(w, &n.id, MINUTE, &c);
    world_run(w, 100);
    cr_assert_eq(c.times, 1);
    cr_assert_eq(c.stage, SC_STAGE_DEAD);
    cr_assert(c.committed);
    world_free(w);
}
