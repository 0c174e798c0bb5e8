#include <dirent.h>

#include "consul_fixture.h"
#include "sideclaw/limits.h"
#include "sideclaw/message_json.h"

static void serve(struct node *n, const char *agent)
{
    struct sc_transport *t = sc_consul_transport(n->consul);
    const char *const agents[] = { agent };
    t->ops->serve(t->impl, agents, 1);
}

static void settle(struct node *n)
{
    struct sc_transport *t = sc_consul_transport(n->consul);
    t->ops->settle(t->impl, &n->entry);
}

static void start(struct node *n, struct world *w, const char *name, const char *agent,
                  const struct node_options *o)
{
    node_init(n, w, name, o);
    serve(n, agent);
    until(w->loop, n->link == SC_LINK_UP);
}

Test(consul_mailbox, what_lies_in_an_inbox_is_delivered_and_deleted_once_stored)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    kv_puts(&w, "agents/bobby/inbox/early", "{\"from\":\"me\",\"body\":\"first\"}");
    start(&a, &w, "gw-a", "bobby", NULL);
    until(w.loop, a.n_messages == 1);
    cr_assert_str_eq(a.message, "external:me>bobby:first");
    cr_assert_str_eq(a.entry.name, "openclaw/agents/bobby/inbox/early");
    cr_assert_str_eq(a.entry.stream, "bobby");
    cr_assert_str_neq(kv(&w, "agents/bobby/inbox/early"), "", "deleted before it was stored");
    settle(&a);
    until(w.loop, sc_streq(kv(&w, "agents/bobby/inbox/early"), ""));
    kv_puts(&w, "agents/bobby/inbox/late", "{\"from\":\"me\",\"body\":\"second\"}");
    until(w.loop, a.n_messages == 2);
    cr_assert_str_eq(a.message, "external:me>bobby:second");
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, a_message_in_flight_is_not_reported_again)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    kv_puts(&w, "agents/bobby/inbox/x", "{\"from\":\"me\",\"body\":\"hi\"}");
    until(w.loop, a.n_messages == 1);
    for (int i = 0; i < 3; i++) { /* other answers of the same prefix */
        kv_puts(&w, "agents/other/gateway", i % 2 ? "gw-x" : "gw-y");
        until(w.loop, strstr(a.agents, i % 2 ? "gw-x" : "gw-y"));
    }
    cr_assert_eq(a.n_messages, 1);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, after_a_restart_the_same_key_is_the_same_message)
{
    struct world w;
    struct node a;
    char first[SC_ID_TEXT_SIZE];
    WITH_CONSUL(w);
    kv_puts(&w, "agents/bobby/inbox/x", "{\"from\":\"me\",\"body\":\"hi\"}");
    start(&a, &w, "gw-a", "bobby", NULL);
    until(w.loop, a.n_messages == 1);
    (void)snprintf(first, sizeof first, "%s", a.message_id);
    node_drop(&a);
    start(&a, &w, "gw-a", "bobby", NULL);
    until(w.loop, a.n_messages == 1);
    cr_assert_str_eq(a.message_id, first);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, a_key_written_again_while_in_flight_is_a_second_message)
{
    struct world w;
    struct node a;
    char first[SC_ID_TEXT_SIZE];
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    kv_puts(&w, "agents/bobby/inbox/x", "{\"from\":\"me\",\"body\":\"one\"}");
    until(w.loop, a.n_messages == 1);
    (void)snprintf(first, sizeof first, "%s", a.message_id);
    kv_puts(&w, "agents/bobby/inbox/x", "{\"from\":\"me\",\"body\":\"two\"}");
    settle(&a); /* of the first */
    until(w.loop, a.n_messages == 2);
    cr_assert_str_eq(a.message, "external:me>bobby:two");
    cr_assert_str_neq(a.message_id, first);
    settle(&a);
    until(w.loop, sc_streq(kv(&w, "agents/bobby/inbox/x"), ""));
    cr_assert_eq(a.n_messages, 2);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, an_outbox_is_sent_in_its_agents_name)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    kv_puts(&w, "agents/bobby/outbox/o1", "{\"to\":\"jerry\",\"body\":\"hello\"}");
    until(w.loop, a.n_messages == 1);
    cr_assert_str_eq(a.message, "bobby>jerry:hello");
    cr_assert_str_eq(a.entry.name, "outbox/openclaw/agents/bobby/outbox/o1");
    settle(&a);
    until(w.loop, sc_streq(kv(&w, "agents/bobby/outbox/o1"), ""));
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, agents_of_others_are_left_alone_until_they_are_ours)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    kv_puts(&w, "agents/jerry/inbox/x", "{\"from\":\"me\",\"body\":\"hi\"}");
    start(&a, &w, "gw-a", "bobby", NULL);
    kv_puts(&w, "agents/marker/gateway", "gw-z");
    until(w.loop, strstr(a.agents, "marker"));
    cr_assert_eq(a.n_messages, 0);
    serve(&a, "jerry");
    until(w.loop, a.n_messages == 1);
    cr_assert_str_eq(a.message, "external:me>jerry:hi");
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, of_two_that_claim_an_agent_only_the_holder_reads_its_inbox)
{
    struct world w;
    struct node a, b;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "shared", NULL);
    node_publish(&a, "shared");
    until(w.loop, strstr(a.agents, "shared@gw-a:active"));
    start(&b, &w, "gw-b", "shared", NULL);
    node_publish(&b, "shared");
    until(w.loop, sc_streq(b.conflict, "shared=gw-a"));
    kv_puts(&w, "agents/shared/inbox/x", "{\"from\":\"me\",\"body\":\"hi\"}");
    until(w.loop, a.n_messages == 1);
    kv_puts(&w, "agents/marker/gateway", "gw-z");
    until(w.loop, strstr(b.agents, "marker"));
    cr_assert_eq(b.n_messages, 0);
    node_leave(&a);
    node_publish(&b, "shared");
    until(w.loop, b.n_messages == 1);
    node_drop(&a);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_mailbox, what_cannot_be_read_moves_to_rejected_with_the_reason)
{
    struct world w;
    struct node a;
    static const struct {
        const char *value;
        size_t n;
        const char *kept; /* part of the rejected value */
    } bad[] = {
        { "{\"from\":\"me\"", 12, "\"value\":\"{\\\"from\\\":\\\"me\\\"\"" },
        { "{\"from\":\"me\"}", 13, "\"value\":" },
        { "[]", 2, "\"value\":\"[]\"" },
        { "", 0, "\"value\":\"\"" },
        { "\xff\xfe", 2, "\"encoding\":\"base64\"" },
        { "{\"from\":\"me\",\"body\":\"a\0b\"}", 26, "\"value\":" },
        { "{\"from\":\"me\",\"body\":\"a\\u0000b\"}", 31, "\"value\":" },
        { "{\"from\":7,\"body\":\"x\"}", 21, "\"value\":" },
    };
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    for (unsigned i = 0; i < SC_ARRAY_LEN(bad); i++) {
        sc_auto_free char *key = sc_xasprintf("agents/bobby/inbox/bad%u", i);
        sc_auto_free char *to = sc_xasprintf("agents/bobby/rejected/bad%u", i);
        kv_put(&w, key, bad[i].value, bad[i].n);
        until(w.loop, a.n_rejected == i + 1);
        cr_assert_str_eq(kv(&w, key), "");
        const char *kept = kv(&w, to);
        cr_assert(strstr(kept, "{\"reason\":\""), "%u: %s", i, kept);
        cr_assert(strstr(kept, bad[i].kept), "%u: %s", i, kept);
    }
    kv_puts(&w, "agents/bobby/outbox/bad", "{\"body\":\"x\"}");
    until(w.loop, a.n_rejected == SC_ARRAY_LEN(bad) + 1);
    cr_assert(strstr(kv(&w, "agents/bobby/rejected/bad"), "to is missing"));
    cr_assert_eq(a.n_messages, 0);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, a_body_over_the_limit_and_a_key_over_the_limit_are_rejected)
{
    struct world w;
    struct node a;
    struct sc_buf big = SC_BUF_INIT, key = SC_BUF_INIT;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    sc_buf_adds(&big, "{\"from\":\"me\",\"body\":\"");
    while (big.n < SC_BODY_MAX + 64)
        sc_buf_adds(&big, "0123456789abcdef");
    sc_buf_adds(&big, "\"}");
    kv_put(&w, "agents/bobby/inbox/big", big.p, big.n);
    until(w.loop, a.n_rejected == 1);
    cr_assert_str_eq(kv(&w, "agents/bobby/inbox/big"), "");
    sc_buf_adds(&key, "agents/bobby/inbox/");
    for (int i = 0; i < 300; i++)
        sc_buf_addc(&key, 'k');
    kv_puts(&w, key.p, "{\"from\":\"me\",\"body\":\"hi\"}");
    until(w.loop, a.n_rejected == 2);
    cr_assert(strstr(a.rejected, "key is longer"), "%s", a.rejected);
    sc_buf_fini(&big);
    sc_buf_fini(&key);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, keys_of_any_characters_are_messages_too)
{
    struct world w;
    struct node a;
    struct answer ans;
    static const char json[] = "[{\"KV\":{\"Verb\":\"set\",\"Key\":\"openclaw/agents/bobby/inbox/a "
                               "b?c=%d#\\u0001/\\u00e4\","
                               "\"Value\":\"eyJmcm9tIjoibWUiLCJib2R5IjoiaGkifQ==\"}}]";
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "bobby", NULL);
    kv_puts(&w, "agents/bobby/inbox/", ""); /* a folder made on Consul's web page */
    cr_assert_eq(ask(&w, "PUT", "txn", json, strlen(json), &ans), 200);
    until(w.loop, a.n_messages == 1);
    settle(&a);
    until(w.loop, ask(&w, "GET", "kv/openclaw/agents/bobby/inbox/a?keys", NULL, 0, &ans) == 404);
    cr_assert_eq(a.n_rejected, 0);
    node_drop(&a);
    world_fini(&w);
}

/* ---- between sidecars ---- */

static void make(struct sc_message *m, const char *from_gateway, const char *body,
                 const struct sc_mesh_key *key)
{
    struct sc_clock clock = sc_clock_system();
    sc_message_init(m);
    m->timestamp = sc_clock_wall(&clock);
    m->id = sc_id_new(m->timestamp);
    m->from_agent = sc_xstrdup("jerry");
    m->from_gateway = sc_xstrdup(from_gateway);
    m->to_agent = sc_xstrdup("bobby");
    m->to_gateway = sc_xstrdup("gw-b");
    m->body = sc_xstrdup(body);
    m->body_len = strlen(body);
    m->ttl_s = 60;
    sc_message_sign(m, key);
}

Test(consul_mailbox, two_sidecars_exchange_an_envelope_and_its_receipt)
{
    struct world w;
    struct node a, b;
    const char *secret = "0123456789abcdef0123456789abcdef";
    const struct sc_mesh_key key = { .key = (const uint8_t *)secret, .key_len = strlen(secret) };
    const struct node_options o = { .key = secret };
    sc_auto_message struct sc_message m;
    struct sc_err err = SC_ERR_INIT;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "jerry", &o);
    start(&b, &w, "gw-b", "bobby", &o);
    struct sc_transport *ta = sc_consul_transport(a.consul), *tb = sc_consul_transport(b.consul);
    make(&m, "gw-a", "over consul", &key);
    cr_assert_eq(ta->ops->send(ta->impl, &m, on_sent, &a, &err), SC_OK, "%s", err.text);
    until(w.loop, a.n_sent == 1 && b.n_messages == 1);
    cr_assert_eq(a.sent_code, SC_OK);
    cr_assert_str_eq(b.message, "jerry>bobby:over consul");
    cr_assert_eq(sc_histogram_count(&ta->took), 1);
    cr_assert_gt(ta->took.sum_us, 0);
    settle(&b);
    struct sc_receipt one = { .id = m.id, .stage = SC_STAGE_STORED, .at = m.timestamp };
    char from[] = "gw-b", to[] = "gw-a";
    const struct sc_receipts r = { .from_gateway = from, .to_gateway = to, .v = &one, .n = 1 };
    tb->ops->receipts(tb->impl, &r);
    until(w.loop, a.n_receipts == 1);
    struct answer ans;
    until(w.loop, ask(&w, "GET", "kv/openclaw/gateways/gw-a/inbox/?keys", NULL, 0, &ans) == 404);
    until(w.loop, ask(&w, "GET", "kv/openclaw/agents/bobby/inbox/?keys", NULL, 0, &ans) == 404);
    cr_assert_eq(a.n_rejected + b.n_rejected, 0);
    /* A reply to a person goes to the gateway, where that person is. */
    sc_set_str(&m.to_agent, "operator");
    sc_set_str(&m.body, "to you");
    m.body_len = strlen(m.body);
    sc_message_sign(&m, &key);
    cr_assert_eq(ta->ops->send(ta->impl, &m, on_sent, &a, &err), SC_OK);
    until(w.loop, b.n_messages == 2);
    cr_assert_str_eq(b.message, "jerry>operator:to you");
    node_drop(&a);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_mailbox, with_a_key_only_signed_envelopes_may_claim_a_name)
{
    struct world w;
    struct node b;
    const struct node_options o = { .key = "0123456789abcdef0123456789abcdef" };
    sc_auto_message struct sc_message m;
    struct sc_buf json = SC_BUF_INIT;
    WITH_CONSUL(w);
    start(&b, &w, "gw-b", "bobby", &o);
    make(&m, "gw-a", "trust me", &(struct sc_mesh_key){ 0 });
    sc_message_to_json(&m, &json);
    kv_put(&w, "agents/bobby/inbox/forged", json.p, json.n);
    until(w.loop, b.n_rejected == 1);
    cr_assert_eq(b.n_messages, 0);
    cr_assert(strstr(kv(&w, "agents/bobby/rejected/forged"), "sig"));
    kv_puts(&w, "agents/bobby/inbox/plain", "{\"from\":\"jerry\",\"body\":\"hi\"}");
    until(w.loop, b.n_messages == 1);
    cr_assert_str_eq(b.message, "external:jerry>bobby:hi");
    kv_puts(&w, "gateways/gw-b/inbox/forged",
            "{\"v\":1,\"kind\":\"receipt\",\"from\":{\"gateway\":\"gw-a\"},\"to\":{\"gateway\":"
            "\"gw-b\"},"
            "\"receipts\":[]}");
    until(w.loop, b.n_rejected == 2);
    cr_assert_eq(b.n_receipts, 0);
    cr_assert_str_neq(kv(&w, "gateways/gw-b/rejected/forged"), "");
    sc_buf_fini(&json);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_mailbox, send_says_at_once_what_cannot_be)
{
    struct world w;
    struct node a;
    sc_auto_message struct sc_message m;
    struct sc_err err = SC_ERR_INIT;
    WITH_CONSUL(w);
    make(&m, "gw-a", "x", &(struct sc_mesh_key){ 0 });
    node_init(&a, &w, "gw-a", NULL);
    struct sc_transport *t = sc_consul_transport(a.consul);
    cr_assert_eq(t->ops->send(t->impl, &m, on_sent, &a, &err), SC_EAWAY);
    until(w.loop, a.link == SC_LINK_UP);
    free(m.body);
    m.body_len = SC_BODY_MAX;
    m.body = sc_xmalloc(m.body_len + 1);
    memset(m.body, 1, m.body_len); /* six bytes each as JSON */
    m.body[m.body_len] = '\0';
    cr_assert_eq(t->ops->send(t->impl, &m, on_sent, &a, &err), SC_ETOOBIG);
    cr_assert_eq(a.n_sent, 0);
    node_drop(&a);
    world_fini(&w);
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

/* Redis is down and everything comes this way: each call has a connection of its own. */
Test(consul_mailbox, a_backlog_takes_turns_and_not_all_descriptors)
{
    enum { MANY = 500 };
    struct world w;
    struct node a;
    sc_auto_message struct sc_message m;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "jerry", NULL);
    make(&m, "gw-a", "x", &(struct sc_mesh_key){ 0 });
    struct sc_transport *t = sc_consul_transport(a.consul);
    int before = open_files(), most = 0;
    for (int i = 0; i < MANY; i++) {
        m.id.b[0] = (uint8_t)i;
        m.id.b[1] = (uint8_t)(i >> 8);
        cr_assert_eq(t->ops->send(t->impl, &m, on_sent, &a, NULL), SC_OK);
    }
    while (a.n_sent < MANY) {
        cr_assert_eq(sc_loop_turn(w.loop, 20, NULL), SC_OK);
        most = open_files() > most ? open_files() : most;
    }
    cr_assert_eq(a.sent_code, SC_OK);
    cr_assert_leq(most - before, SC_KV_CALLS_MAX + 16);
    node_drop(&a);
    world_fini(&w);
}

/* Nobody answers: what waits is bounded, and is given back as soon as Consul is known to be away.
 */
Test(consul_mailbox, what_waits_for_a_silent_consul_is_bounded_and_given_back)
{
    struct world w;
    struct node a;
    unsigned taken = 0;
    sc_auto_message struct sc_message m;
    struct sc_err err = SC_ERR_INIT;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "jerry", NULL);
    make(&m, "gw-a", "x", &(struct sc_mesh_key){ 0 });
    struct sc_transport *t = sc_consul_transport(a.consul);
    consul_stop(&w);
    while (t->ops->send(t->impl, &m, on_sent, &a, &err) == SC_OK)
        taken++;
    cr_assert_eq(err.code, SC_EBUSY);
    cr_assert_eq(taken, SC_KV_CALLS_MAX + SC_KV_WAITING_MAX);
    until(w.loop, a.link != SC_LINK_UP);
    until(w.loop, a.n_sent == taken);
    cr_assert_eq(a.sent_code, SC_EAWAY);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_mailbox, close_fails_what_is_pending)
{
    struct world w;
    struct node a;
    sc_auto_message struct sc_message m;
    WITH_CONSUL(w);
    start(&a, &w, "gw-a", "jerry", NULL);
    make(&m, "gw-a", "x", &(struct sc_mesh_key){ 0 });
    struct sc_transport *t = sc_consul_transport(a.consul);
    cr_assert_eq(t->ops->send(t->impl, &m, on_sent, &a, NULL), SC_OK);
    t->ops->close(t->impl);
    cr_assert_eq(a.n_sent, 0);
    until(w.loop, a.n_sent == 1);
    cr_assert_eq(a.sent_code, SC_ECANCELED);
    node_drop(&a);
    world_fini(&w);
}
