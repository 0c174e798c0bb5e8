/* Messages and receipts over a real Redis: sent, drained, settled, rejected. */
#include "redis_fixture.h"

static struct world w; /* large: not on the stack */

static void setup(void)
{
    world_init(&w);
}

static void teardown(void)
{
    world_fini(&w);
}

TestSuite(redis, .init = setup, .fini = teardown, .timeout = 60);

static bool looked_into_streams(void)
{
    char info[8192];
    (void)ask(&w.server, info, sizeof info, "INFO commandstats");
    return strstr(info, "cmdstat_xlen:") != NULL;
}

/* And past the first look into bobby's stream: one that comes by pub/sub meanwhile may be reported
 * by that as well. */
static void both_up(void)
{
    node_start(&w, &w.a, "gw-a");
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    UNTIL(&w, w.a.state == SC_LINK_UP && w.b.state == SC_LINK_UP && looked_into_streams());
}

static long long waiting(void)
{
    return ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:inbox");
}

static void settle(struct node *n, int i)
{
    n->t->ops->settle(n->t->impl, &n->entry[i]);
}

Test(redis, a_message_arrives_and_its_durable_copy_goes_when_it_is_settled)
{
    both_up();
    struct sc_message *m = make(&w, "bobby", "gw-b");
    struct sc_id id = m->id;
    m->extra = sc_xstrdup("{\"x-mine\":[1,2]}");
    cr_assert_eq(send_made(&w, &w.a, m), SC_OK, "%s", w.err.text);
    cr_assert_eq(w.a.n_done, 0, "never before send has returned");
    UNTIL(&w, w.b.n_got == 1 && w.a.n_done == 1);
    cr_assert_eq(w.a.n_failed, 0);
    cr_assert_eq(sc_histogram_count(&w.a.t->took), 1);
    cr_assert_gt(w.a.t->took.sum_us, 0);
    cr_assert(sc_id_eq(&w.b.got[0]->id, &id));
    cr_assert_str_eq(w.b.got[0]->body, "hello");
    cr_assert_str_eq(w.b.got[0]->extra, "{\"x-mine\":[1,2]}");
    cr_assert_str_eq(w.b.entry[0].stream, "bobby");
    cr_assert_eq(waiting(), 1);
    settle(&w.b, 0);
    UNTIL(&w, waiting() == 0);
    /* A drain that was asked for before may bring it once more; the spool's dedupe is for that. */
    for (int i = 1; i < w.b.n_got; i++)
        cr_assert(sc_id_eq(&w.b.got[i]->id, &id));
}

Test(redis, order_is_kept_and_settling_is_one_command_a_turn)
{
    both_up();
    for (int i = 0; i < 500; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.b.n_got == 500);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(w.b.got[i]->seq, (uint64_t)i + 1);
    for (int i = 0; i < 500; i++)
        settle(&w.b, i);
    UNTIL(&w, waiting() == 0);
    char info[4096];
    (void)ask(&w.server, info, sizeof info, "INFO commandstats");
    cr_assert(strstr(info, "cmdstat_xdel:calls=2,"), "500 ids are two commands of 256");
}

Test(redis, receipts_arrive_signed)
{
    w.key = "0123456789abcdef0123456789abcdef";
    both_up();
    struct sc_message *m = make(&w, "bobby", "gw-b");
    struct sc_receipt one = {
        .id = m->id, .stage = SC_STAGE_DEAD, .at = m->timestamp, .reason = "because"
    };
    struct sc_receipts r = {
        .from_gateway = m->to_gateway, .to_gateway = m->from_gateway, .v = &one, .n = 1
    };
    w.b.t->ops->receipts(w.b.t->impl, &r);
    UNTIL(&w, w.a.n_receipts == 1);
    cr_assert(sc_id_eq(&w.a.receipt.id, &m->id));
    cr_assert_str_eq(w.a.receipt.reason, "because");
    cr_assert_eq(w.b.n_receipts, 0);
    sc_message_free(m);
}

Test(redis, what_waited_for_an_absent_receiver_is_read_when_it_comes)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 100);
    node_start(&w, &w.b, "gw-b");
    w.b.settle_at_once = true;
    UNTIL(&w, w.b.state == SC_LINK_UP);
    cr_assert_eq(w.b.n_got, 0, "nobody serves bobby yet");
    serve(&w.b, "bobby");
    UNTIL(&w, w.b.n_got == 100);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(w.b.got[i]->seq, (uint64_t)i + 1);
    UNTIL(&w, waiting() == 0);
}

/* Also says which came live: who waits for those wants them committed at once. */
Test(redis, a_long_stream_keeps_a_short_one_waiting_for_a_page_only)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
    for (int i = 0; i < 2000; i++)
        cr_assert_eq(send_to(&w, &w.a, "aaa-long", "gw-b"), SC_OK);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
        cr_assert_eq(send_to(&w, &w.a, "bbb-long", "gw-b"), SC_OK);
    }
    for (int i = 0; i < 1990; i++)
        cr_assert_eq(send_to(&w, &w.a, "bbb-long", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 4010);
    node_start(&w, &w.b, "gw-b");
    w.b.settle_at_once = true;
    UNTIL(&w, w.b.state == SC_LINK_UP);
    const char *agents[] = { "aaa-long", "bbb-long", "bobby" };
    w.b.t->ops->serve(w.b.t->impl, agents, 3);
    UNTIL(&w, w.b.n_got == 4010);
    int last = 0;
    for (int i = 0; i < 4010; i++) {
        cr_assert(w.b.entry[i].waited);
        if (strcmp(w.b.got[i]->to_agent, "bobby") == 0)
            last = i;
    }
    cr_assert(last < 500, "bobby's ten ended at %d of 4010", last);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.b.n_got == 4011);
    cr_assert_not(w.b.entry[4010].waited);
}

Test(redis, a_drain_waits_for_the_spool)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 3000);
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    UNTIL(&w, w.b.n_got >= SC_REDIS_UNSETTLED_MAX);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(sc_loop_turn(w.loop, 2, &w.err), SC_OK);
    cr_assert(w.b.n_got < SC_REDIS_UNSETTLED_MAX + 1024, "%d", w.b.n_got);
    for (int i = 0; i < w.b.n_got; i++)
        settle(&w.b, i);
    w.b.settle_at_once = true;
    UNTIL(&w, w.b.n_got == 3000 && waiting() == 0);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(w.b.got[i]->seq, (uint64_t)i + 1);
}

/* Published and drained at the same time: nothing is settled, so all of it is in flight. */
Test(redis, what_comes_both_ways_is_reported_once)
{
    node_start(&w, &w.a, "gw-a");
    UNTIL(&w, w.a.state == SC_LINK_UP);
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    for (int i = 0; i < 600; i++) {
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
        if (i % 10 == 0)
            cr_assert_eq(sc_loop_turn(w.loop, 0, &w.err), SC_OK);
    }
    UNTIL(&w, w.a.n_done == 600 && w.b.n_got >= 600);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(sc_loop_turn(w.loop, 2, &w.err), SC_OK);
    cr_assert_eq(w.b.n_got, 600);
    cr_assert_eq(waiting(), 600);
}

Test(redis, a_malformed_publish_is_put_aside_with_the_reason)
{
    char reason[256], value[256];
    both_up();
    (void)ask(&w.server, NULL, 0, "PUBLISH openclaw:inbox:gw-b %s",
              "{\"to\":{\"agent\":\"bobby\"}}");
    UNTIL(&w, w.b.n_rejected == 1 && ask(&w.server, NULL, 0, "XLEN openclaw:rejected") == 1);
    first_field(&w.server, "openclaw:rejected", "reason", reason, sizeof reason);
    cr_assert(strstr(reason, "is missing"), "%s", reason);
    cr_assert_str_eq(reason, w.b.rejected);
    first_field(&w.server, "openclaw:rejected", "value", value, sizeof value);
    cr_assert_str_eq(value, "{\"to\":{\"agent\":\"bobby\"}}");
    const char *more[] = { "", "{", "null", "[1]", "\xff\xfe", "{\"kind\":\"receipt\"}" };
    for (size_t i = 0; i < SC_ARRAY_LEN(more); i++)
        (void)ask(&w.server, NULL, 0, "PUBLISH openclaw:inbox:gw-b %s", more[i]);
    UNTIL(&w, w.b.n_rejected == 7);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.b.n_got == 1);
}

Test(redis, a_malformed_entry_moves_to_the_agents_rejected_stream)
{
    char reason[256];
    (void)ask(&w.server, NULL, 0, "XADD openclaw:agents:bobby:inbox * m {\"v\":1}");
    (void)ask(&w.server, NULL, 0, "XADD openclaw:agents:bobby:inbox * other field");
    both_up();
    UNTIL(&w, w.b.n_rejected == 2 && waiting() == 0);
    cr_assert_eq(ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:rejected"), 2);
    first_field(&w.server, "openclaw:agents:bobby:rejected", "reason", reason, sizeof reason);
    cr_assert(strstr(reason, "missing"), "%s", reason);
    cr_assert(strstr(w.b.rejected, "no field m"), "%s", w.b.rejected);
}

Test(redis, the_rejected_stream_is_capped)
{
    both_up();
    redisContext *c = client(&w.server);
    for (int i = 0; i < SC_REDIS_REJECTED_MAX + 50; i++)
        redisAppendCommand(c, "PUBLISH openclaw:inbox:gw-b x");
    for (int i = 0; i < SC_REDIS_REJECTED_MAX + 50; i++) {
        void *reply = NULL;
        cr_assert_eq(redisGetReply(c, &reply), REDIS_OK);
        freeReplyObject(reply);
    }
    redisFree(c);
    UNTIL(&w, w.b.n_rejected == SC_REDIS_REJECTED_MAX + 50);
    UNTIL(&w, ask(&w.server, NULL, 0, "XLEN openclaw:rejected") == SC_REDIS_REJECTED_MAX);
}

Test(redis, what_is_not_signed_is_refused_when_the_mesh_has_a_key)
{
    both_up(); /* a has no key, as an impostor */
    node_free(&w.b);
    w.key = "0123456789abcdef0123456789abcdef";
    node_start(&w, &w.b, "gw-b");
    serve(&w.b, "bobby");
    UNTIL(&w, w.b.state == SC_LINK_UP);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.b.n_rejected >= 1);
    cr_assert_eq(w.b.n_got, 0);
    UNTIL(&w, ask(&w.server, NULL, 0, "XLEN openclaw:agents:bobby:rejected") >= 1);
}

Test(redis, an_entry_id_that_is_none_settles_nothing)
{
    both_up();
    struct sc_message *m = make(&w, "bobby", "gw-b");
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_message_to_json(m, &json);
    char *with = sc_xasprintf("{\"entry\":\"0 DEL x\",%s", json.p + 1);
    (void)ask(&w.server, NULL, 0, "PUBLISH openclaw:inbox:gw-b %s", with);
    UNTIL(&w, w.b.n_got == 1);
    cr_assert_str_eq(w.b.entry[0].name, "");
    free(with);
    sc_message_free(m);
}

Test(redis, a_forgotten_script_is_sent_whole_and_order_is_kept)
{
    both_up();
    for (int i = 0; i < 20; i++) {
        if (i == 10)
            (void)ask(&w.server, NULL, 0, "SCRIPT FLUSH");
        cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    }
    UNTIL(&w, w.a.n_done == 20 && w.b.n_got == 20);
    cr_assert_eq(w.a.n_failed, 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(w.b.got[i]->seq, (uint64_t)i + 1);
}

Test(redis, a_stream_that_is_something_else_fails_that_send_only)
{
    both_up();
    (void)ask(&w.server, NULL, 0, "SET openclaw:agents:carol:inbox oops");
    cr_assert_eq(send_to(&w, &w.a, "carol", "gw-b"), SC_OK);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK);
    UNTIL(&w, w.a.n_done == 2);
    cr_assert_eq(w.a.n_failed, 1);
    cr_assert_eq(w.a.state, SC_LINK_UP);
}

Test(redis, refuses_what_it_cannot_carry)
{
    both_up();
    struct sc_message *m = make(&w, "bobby", NULL);
    cr_assert_eq(send_made(&w, &w.a, m), SC_EINVAL);
    m = make(&w, "bobby", "gw-b");
    m->body_len = SC_ENVELOPE_MAX; /* nobody accepts such a message; the transport trusts nobody */
    free(m->body);
    m->body = sc_xmalloc(SC_ENVELOPE_MAX + 1);
    memset(m->body, 'x', SC_ENVELOPE_MAX);
    m->body[SC_ENVELOPE_MAX] = 0;
    cr_assert_eq(send_made(&w, &w.a, m), SC_ETOOBIG);
    cr_assert_eq(w.a.n_done, 0);
}

Test(redis, agents_come_and_go)
{
    both_up();
    w.b.settle_at_once = true;
    const char *agents[] = { "carol", "dave", "../etc", "" };
    w.b.t->ops->serve(w.b.t->impl, agents, 4);
    cr_assert_eq(send_to(&w, &w.a, "bobby", "gw-b"), SC_OK); /* no more served, still settled */
    cr_assert_eq(send_to(&w, &w.a, "carol", "gw-b"), SC_OK);
    /* Carol's may come twice: published, and by the first look into her stream. */
    UNTIL(&w, w.b.n_got >= 2 && waiting() == 0);
    w.b.t->ops->serve(w.b.t->impl, NULL, 0);
    UNTIL(&w, ask(&w.server, NULL, 0, "XLEN openclaw:agents:carol:inbox") == 0);
}
