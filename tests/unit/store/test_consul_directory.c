#include "consul_fixture.h"
#include "sideclaw/file.h"
#include "sideclaw/value.h"

static void wait_for(struct world *w, const char *key, const char *value)
{
    until(w->loop, sc_streq(kv(w, key), value));
}

Test(consul_directory, a_heartbeat_writes_the_names_of_the_design_held_by_its_session)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry kim");
    wait_for(&w, "gateways/gw-a/status", "healthy");
    cr_assert_str_eq(kv(&w, "gateways/gw-a/url"), "ws://gw-a:18789");
    cr_assert_str_eq(kv(&w, "gateways/gw-a/agents"), "[\"jerry\",\"kim\"]");
    cr_assert_str_eq(kv(&w, "gateways/gw-a/labels"), "{\"os\":\"linux\"}");
    cr_assert_str_eq(kv(&w, "gateways/gw-a/load"), "{\"turns\":2}");
    cr_assert_eq(strlen(kv(&w, "gateways/gw-a/last_heartbeat")), strlen("2026-02-16T12:00:00Z"));
    cr_assert_str_eq(kv(&w, "agents/kim/gateway"), "gw-a");
    cr_assert_str_eq(kv(&w, "agents/kim/capabilities"), "[\"general-qa\"]");
    cr_assert_str_eq(kv(&w, "agents/kim/status"), "active");
    cr_assert_eq(strlen(holder(&w, "agents/kim/status")), 36);
    cr_assert_eq(strlen(holder(&w, "gateways/gw-a/url")), 36);
    wait_for(&w, "cluster/id", "test-mesh");
    wait_for(&w, "cluster/members", "[\"gw-a\"]");
    wait_for(&w, "cluster/leader", "gw-a");
    until(w.loop, sc_streq(a.agents, "jerry@gw-a:active kim@gw-a:active "));
    until(w.loop, sc_streq(a.gateways, "gw-a@ws://gw-a:18789:healthy+ "));
    cr_assert_eq(a.link, SC_LINK_UP);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, more_agents_than_fit_one_transaction_are_all_written)
{
    struct world w;
    struct node a;
    sc_auto_buf struct sc_buf ids = SC_BUF_INIT, seen = SC_BUF_INIT;
    WITH_CONSUL(w);
    for (int i = 0; i < 50; i++) {
        sc_buf_addf(&ids, "agent-%02d ", i);
        sc_buf_addf(&seen, "agent-%02d@gw-a:active ", i);
    }
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, ids.p);
    until(w.loop, sc_streq(a.agents, seen.p));
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, members_are_merged_and_a_graceful_leave_shows_at_once)
{
    struct world w;
    struct node a, b;
    struct answer sessions;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_init(&b, &w, "gw-b", NULL);
    node_publish(&a, "jerry");
    node_publish(&b, "bobby");
    until(w.loop,
          strstr(kv(&w, "cluster/members"), "gw-a") && strstr(kv(&w, "cluster/members"), "gw-b"));
    until(w.loop, strstr(b.agents, "jerry@gw-a:active"));
    node_leave(&a);
    cr_assert_eq(a.withdraw_code, SC_OK);
    cr_assert_str_eq(kv(&w, "gateways/gw-a/status"), "dead");
    cr_assert_str_eq(kv(&w, "agents/jerry/status"), "offline");
    cr_assert_str_eq(kv(&w, "cluster/members"), "[\"gw-b\"]");
    cr_assert_str_eq(holder(&w, "gateways/gw-a/status"), "");
    (void)ask(&w, "GET", "session/list", NULL, 0, &sessions);
    cr_assert_null(strstr(sessions.body, "sideclaw-gw-a"));
    until(w.loop, strstr(b.agents, "jerry@gw-a:offline") &&
                      strstr(b.gateways, "gw-a@ws://gw-a:18789:dead-"));
    node_publish(&a, "jerry"); /* a late heartbeat changes nothing */
    node_drop(&a);
    node_drop(&b);
    cr_assert_str_eq(kv(&w, "gateways/gw-a/status"), "dead");
    world_fini(&w);
}

Test(consul_directory, an_agent_that_another_gateway_holds_is_reported_and_the_rest_published)
{
    struct world w;
    struct node a, b;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_init(&b, &w, "gw-b", NULL);
    node_publish(&a, "shared");
    wait_for(&w, "agents/shared/gateway", "gw-a");
    node_publish(&b, "bobby shared tim");
    until(w.loop, sc_streq(b.conflict, "shared=gw-a"));
    cr_assert_str_eq(kv(&w, "agents/shared/gateway"), "gw-a");
    cr_assert_str_eq(kv(&w, "agents/bobby/gateway"), "gw-b");
    cr_assert_str_eq(kv(&w, "agents/tim/gateway"), "gw-b");
    unsigned said = b.conflicts;
    node_publish(&b, "bobby shared tim");
    until(w.loop, b.conflicts > said);
    node_leave(&a);
    node_publish(&b, "bobby shared tim");
    until(w.loop, sc_streq(b.conflict, "shared="));
    cr_assert_str_eq(kv(&w, "agents/shared/gateway"), "gw-b");
    node_drop(&a);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_directory, a_gateway_name_in_use_elsewhere_publishes_nothing)
{
    struct world w;
    struct node a, twin, third;
    sc_auto_free char *dir = NULL;
    WITH_CONSUL(w);
    dir = sc_xasprintf("%s/twin", w.dir);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    wait_for(&w, "gateways/gw-a/status", "healthy");
    node_init(&twin, &w, "gw-a", &(struct node_options){ .dir = dir });
    node_publish(&twin, "impostor");
    until(w.loop, sc_streq(twin.conflict, "=gw-a at ws://gw-a:18789"));
    cr_assert_str_eq(kv(&w, "agents/impostor/gateway"), "");
    sc_auto_free char *other = sc_xasprintf("%s/other", w.dir);
    node_init(&third, &w, "gw-a", &(struct node_options){ .dir = other });
    node_publish(&third, "impostor");
    until(w.loop, third.conflicts > 0);
    node_leave(&third); /* takes nothing with it */
    node_drop(&third);
    cr_assert_str_eq(kv(&w, "cluster/members"), "[\"gw-a\"]");
    cr_assert_str_eq(kv(&w, "gateways/gw-a/status"), "healthy");
    node_leave(&a);
    node_publish(&twin, "impostor");
    until(w.loop, sc_streq(twin.conflict, "="));
    wait_for(&w, "agents/impostor/gateway", "gw-a");
    node_drop(&a);
    node_drop(&twin);
    world_fini(&w);
}

Test(consul_directory, an_agent_that_vanished_is_taken_out)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry kim");
    wait_for(&w, "agents/kim/gateway", "gw-a");
    node_publish(&a, "jerry");
    wait_for(&w, "agents/kim/gateway", "");
    cr_assert_str_eq(kv(&w, "agents/kim/status"), "");
    cr_assert_str_eq(kv(&w, "agents/jerry/gateway"), "gw-a");
    until(w.loop, sc_streq(a.agents, "jerry@gw-a:active "));
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, a_killed_sidecar_comes_back_as_itself)
{
    struct world w;
    struct node a;
    char before[64];
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry kim");
    wait_for(&w, "gateways/gw-a/status", "healthy");
    (void)snprintf(before, sizeof before, "%s", holder(&w, "gateways/gw-a/status"));
    node_drop(&a);
    node_init(&a, &w, "gw-a", NULL);
    node_publish_as(&a, "jerry", SC_GATEWAY_DEGRADED);
    wait_for(&w, "gateways/gw-a/status", "degraded");
    cr_assert_str_eq(holder(&w, "gateways/gw-a/status"), before);
    cr_assert_eq(a.conflicts, 0);
    /* What the earlier life announced stays until the gateway has had its say. */
    until(w.loop, strstr(a.agents, "kim@gw-a"));
    cr_assert_str_eq(kv(&w, "agents/kim/gateway"), "gw-a");
    node_publish(&a, "jerry");
    wait_for(&w, "agents/kim/gateway", "");
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, a_session_file_that_is_not_ours_is_no_session_of_ours)
{
    struct world w;
    struct node a, b;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    wait_for(&w, "gateways/gw-a/status", "healthy");
    sc_auto_free char *copy =
        sc_xasprintf("mkdir -p %s/gw-b; cp %s/consul.session %s/gw-b/; mkdir -p %s/gw-c; "
                     "echo garbage > %s/gw-c/consul.session",
                     w.dir, a.dir, w.dir, w.dir, w.dir);
    cr_assert_eq(system(copy), 0);
    node_init(&b, &w, "gw-b", NULL);
    node_publish(&b, "bobby");
    wait_for(&w, "gateways/gw-b/status", "healthy");
    sc_auto_free char *theirs = sc_xstrdup(holder(&w, "gateways/gw-a/status"));
    cr_assert_str_neq(holder(&w, "gateways/gw-b/status"), theirs);
    node_drop(&b);
    node_init(&b, &w, "gw-c", NULL);
    node_publish(&b, "tim");
    wait_for(&w, "gateways/gw-c/status", "healthy");
    node_drop(&a);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_directory, an_expired_session_is_replaced_at_the_next_heartbeat)
{
    struct world w;
    struct node a;
    struct answer ans;
    char before[64];
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    wait_for(&w, "gateways/gw-a/status", "healthy");
    (void)snprintf(before, sizeof before, "%s", holder(&w, "gateways/gw-a/status"));
    sc_auto_free char *path = sc_xasprintf("session/destroy/%s", before);
    cr_assert_eq(ask(&w, "PUT", path, NULL, 0, &ans), 200);
    until(w.loop, strstr(a.gateways, ":dead-")); /* nobody vouches for it */
    node_publish(&a, "jerry");
    until(w.loop, strlen(holder(&w, "gateways/gw-a/status")) == 36);
    cr_assert_str_neq(holder(&w, "gateways/gw-a/status"), before);
    until(w.loop, strstr(a.gateways, ":healthy+"));
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, the_leader_marks_what_died_without_a_word)
{
    struct world w;
    struct node a, b;
    struct answer ans;
    WITH_CONSUL(w);
    node_init(&b, &w, "gw-b", NULL);
    node_publish(&b, "bobby");
    wait_for(&w, "cluster/leader", "gw-b");
    until(w.loop, strlen(holder(&w, "cluster/leader")) == 36);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    wait_for(&w, "agents/jerry/status", "active");
    sc_auto_free char *path =
        sc_xasprintf("session/destroy/%s", holder(&w, "gateways/gw-a/status"));
    node_drop(&a);
    cr_assert_eq(ask(&w, "PUT", path, NULL, 0, &ans), 200); /* its TTL is over */
    wait_for(&w, "gateways/gw-a/status", "dead");
    wait_for(&w, "agents/jerry/status", "offline");
    cr_assert_str_eq(kv(&w, "agents/bobby/status"), "active");
    node_drop(&b);
    world_fini(&w);
}

Test(consul_directory, a_consul_that_comes_back_empty_is_filled_again)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    until(w.loop, strstr(a.agents, "jerry@gw-a:active"));
    kv_puts(&w, "agents/remote/gateway", "gw-z");
    until(w.loop, strstr(a.agents, "remote@gw-z:offline"));
    consul_stop(&w);
    until(w.loop, a.link == SC_LINK_DOWN);
    cr_assert(strstr(a.detail, "127.0.0.1"), "%s", a.detail);
    cr_assert(strstr(a.remedy, "consul agent -dev"), "%s", a.remedy);
    consul_start(&w);
    wait_for(&w, "agents/jerry/status", "active"); /* without another publish */
    until(w.loop, a.link == SC_LINK_UP);
    wait_for(&w, "cluster/members", "[\"gw-a\"]");
    /* The others need a moment too: they are not forgotten, only not alive. */
    until(w.loop, strstr(a.agents, "jerry@gw-a:active") && strstr(a.agents, "remote@gw-z:offline"));
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, the_last_good_view_is_there_before_consul_is)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    until(w.loop, strstr(a.agents, "jerry@gw-a:active") && strstr(a.gateways, ":healthy+"));
    node_drop(&a);
    consul_stop(&w);
    node_init(&a, &w, "gw-a", NULL);
    cr_assert_str_eq(a.agents, "jerry@gw-a:active ");
    cr_assert_str_eq(a.gateways, "gw-a@ws://gw-a:18789:healthy+ ");
    until(w.loop, a.link == SC_LINK_DOWN);
    sc_auto_free char *want = sc_xasprintf("consul at %s refuses connections", w.addr);
    cr_assert_str_eq(a.detail, want);
    unsigned changes = a.link_changes;
    struct sc_clock clock = sc_clock_system();
    int64_t end = sc_clock_mono(&clock).ms + 1500; /* several retries */
    until(w.loop, sc_clock_mono(&clock).ms > end);
    cr_assert_eq(a.link_changes, changes, "said again at each retry");
    node_publish(&a, "jerry");
    node_leave(&a);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, leaving_takes_two_seconds_at_most_when_consul_is_frozen)
{
    struct world w;
    struct node a;
    struct sc_clock clock = sc_clock_system();
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", NULL);
    node_publish(&a, "jerry");
    until(w.loop, a.link == SC_LINK_UP);
    cr_assert_eq(kill(w.pid, SIGSTOP), 0);
    int64_t start = sc_clock_mono(&clock).ms;
    node_leave(&a);
    cr_assert_lt(sc_clock_mono(&clock).ms - start, 2000);
    cr_assert_eq(a.withdraw_code, SC_ETIMEDOUT);
    node_drop(&a);
    world_fini(&w);
}

Test(consul_directory, the_catalog_entry_is_made_and_made_again)
{
    struct world w;
    struct node a;
    struct answer ans;
    WITH_CONSUL(w);
    node_init(&a, &w, "gw-a", &(struct node_options){ .url = "http://127.0.0.1:9" });
    node_publish(&a, "jerry");
    until(w.loop, ask(&w, "GET", "agent/service/openclaw-gateway-gw-a", NULL, 0, &ans) == 200);
    cr_assert(strstr(ans.body, "\"Service\": \"openclaw-gateway\""), "%s", ans.body);
    cr_assert(strstr(ans.body, "\"Port\": 18789"), "%s", ans.body);
    cr_assert_eq(ask(&w, "GET", "agent/checks", NULL, 0, &ans), 200);
    cr_assert(strstr(ans.body, "service:openclaw-gateway-gw-a"), "%s", ans.body);
    cr_assert_eq(ask(&w, "PUT", "agent/service/deregister/openclaw-gateway-gw-a", NULL, 0, &ans),
                 200);
    node_publish(&a, "jerry");
    until(w.loop, ask(&w, "GET", "agent/service/openclaw-gateway-gw-a", NULL, 0, &ans) == 200);
    node_leave(&a);
    cr_assert_eq(ask(&w, "GET", "agent/service/openclaw-gateway-gw-a", NULL, 0, &ans), 404);
    node_drop(&a);
    world_fini(&w);
}

static void maintain(struct world *w, const char *what)
{
    struct answer ans;
    sc_auto_free char *path = sc_xasprintf("agent/%s", what);
    cr_assert_eq(ask(w, "PUT", path, NULL, 0, &ans), 200, "%s", ans.body);
}

/* Each of them is one machine's, and both gateways are on this one. */
Test(consul_directory, maintenance_of_one_service_is_its_own_and_of_the_node_everybodys)
{
    struct world w;
    struct node a, b;
    struct answer ans;
    /* Somebody else's, who does not say which gateway it is. */
    static const char foreign[] = "{\"ID\":\"x\",\"Name\":\"openclaw-gateway\",\"Port\":1}";
    WITH_CONSUL(w);
    cr_assert_eq(ask(&w, "PUT", "agent/service/register", foreign, strlen(foreign), &ans), 200);
    node_init(&a, &w, "gw-a", &(struct node_options){ .url = "http://127.0.0.1:9" });
    node_init(&b, &w, "gw-b", &(struct node_options){ .url = "http://127.0.0.1:9" });
    node_publish(&a, "jerry");
    node_publish(&b, "bobby");
    until(w.loop, ask(&w, "GET", "agent/service/openclaw-gateway-gw-a", NULL, 0, &ans) == 200 &&
                      ask(&w, "GET", "agent/service/openclaw-gateway-gw-b", NULL, 0, &ans) == 200);
    maintain(&w, "service/maintenance/openclaw-gateway-gw-b?enable=true&reason=disk");
    until(w.loop, *b.maintenance);
    cr_assert_str_eq(b.maintenance, "on(disk) ");
    maintain(&w, "service/maintenance/openclaw-gateway-gw-b?enable=false");
    until(w.loop, strstr(b.maintenance, "off"));
    cr_assert_str_eq(a.maintenance, "");
    maintain(&w, "maintenance?enable=true&reason=moving");
    until(w.loop, *a.maintenance && strstr(b.maintenance, "moving"));
    cr_assert_str_eq(a.maintenance, "on(moving) ");
    cr_assert_str_eq(b.maintenance, "on(disk) off() on(moving) ");
    maintain(&w, "maintenance?enable=false");
    until(w.loop, strstr(a.maintenance, "off"));
    node_drop(&a);
    node_drop(&b);
    world_fini(&w);
}

Test(consul_directory, an_address_that_is_no_http_address_is_a_configuration_error)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_consul_deps deps = { .addr = "unix:///run/consul.sock" };
    cr_assert_null(sc_consul_new(&deps, &err));
    cr_assert_eq(err.code, SC_ECONFIG);
    cr_assert(err.remedy[0]);
}

static void txn(struct world *w, const char *json)
{
    struct answer a;
    cr_assert_eq(ask(w, "PUT", "txn", json, strlen(json), &a), 200, "%s", a.body);
}

Test(consul_directory, strange_keys_do_not_hide_the_others)
{
    struct world w;
    struct node a;
    WITH_CONSUL(w);
    kv_puts(&w, "agents/", "");
    kv_puts(&w, "agents/a%20b/gateway", "gw-a");
    kv_puts(&w, "agents/odd/gateway", "not a name");
    kv_puts(&w, "agents/odd/capabilities", "{broken");
    kv_puts(&w, "agents/ok/capabilities", "not json");
    kv_puts(&w, "agents/ok/gateway", "gw-z");
    kv_puts(&w, "agents/ok/status", "sleepy");
    txn(&w, "[{\"KV\":{\"Verb\":\"set\",\"Key\":\"openclaw/agents/a\\u0001b/"
            "gateway\",\"Value\":\"Z3c=\"}},"
            "{\"KV\":{\"Verb\":\"set\",\"Key\":\"openclaw/agents/a\\u0000b/"
            "gateway\",\"Value\":\"Z3c=\"}}]");
    kv_puts(&w, "gateways/gw-z/labels", "[]");
    kv_put(&w, "gateways/gw-z/url", "\xff\xfe", 2);
    node_init(&a, &w, "gw-a", NULL);
    until(w.loop, sc_streq(a.agents, "ok@gw-z:offline ") && sc_streq(a.gateways, "gw-z@:dead- "));
    node_drop(&a);
    world_fini(&w);
}

/* The value of the first "name": "..." in an answer; the caller frees. */
static char *field(const struct answer *a, const char *name)
{
    sc_auto_value struct sc_value *v = sc_value_parse(a->body, strlen(a->body), NULL);
    return sc_xstrdup(sc_value_get_str(v, name));
}

/* A token with exactly the rules that we ship. */
static char *least_token(struct world *w)
{
    static const char here[] = __FILE__;
    struct answer a;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf rules = SC_BUF_INIT, body = SC_BUF_INIT;
    sc_auto_free char *path = sc_xasprintf("%.*s../../../consul/acl-sidecar.hcl",
                                           (int)(strrchr(here, '/') - here + 1), here);
    cr_assert_eq(sc_file_read(path, 65536, &rules, &err), SC_OK, "%s", err.text);
    sc_auto_value struct sc_value *policy = sc_value_object();
    sc_value_set_str(policy, "Name", "sideclaw");
    sc_value_set_str(policy, "Rules", rules.p);
    sc_value_dump(policy, &body);
    cr_assert_eq(ask(w, "PUT", "acl/policy", body.p, body.n, &a), 200, "%s", a.body);
    static const char token[] = "{\"Policies\":[{\"Name\":\"sideclaw\"}]}";
    cr_assert_eq(ask(w, "PUT", "acl/token", token, strlen(token), &a), 200, "%s", a.body);
    return field(&a, "SecretID");
}

Test(consul_directory, a_wrong_token_is_named_and_the_shipped_policy_is_enough)
{
    struct world w;
    struct node a, none;
    if (!world_init(&w))
        cr_skip_test("no consul program: set SIDECLAW_TEST_CONSUL");
    w.token = "11111111-2222-3333-4444-555555555555";
    consul_start(&w);
    node_init(&a, &w, "gw-a",
              &(struct node_options){ .token = "0bad0bad", .url = "http://127.0.0.1:9" });
    node_init(&none, &w, "gw-n", NULL);
    node_publish(&a, "jerry kim");
    until(w.loop, a.link == SC_LINK_DOWN && strstr(a.detail, "ACL token refused (403)"));
    until(w.loop, none.link == SC_LINK_DOWN && strstr(none.detail, "ACL token missing (403)"));
    cr_assert(strstr(a.remedy, "consul/acl-sidecar.hcl"), "%s", a.remedy);
    cr_assert_null(strstr(a.detail, "0bad"), "the token is in the text");
    sc_auto_free char *token = least_token(&w);
    sc_consul_set_token(a.consul, token);
    until(w.loop, a.link == SC_LINK_UP);
    wait_for(&w, "agents/jerry/status", "active");
    wait_for(&w, "cluster/leader", "gw-a");
    struct answer ans;
    until(w.loop, ask(&w, "GET", "agent/service/openclaw-gateway-gw-a", NULL, 0, &ans) == 200);
    maintain(&w, "service/maintenance/openclaw-gateway-gw-a?enable=true&reason=disk");
    until(w.loop, *a.maintenance);
    node_publish(&a, "jerry");
    wait_for(&w, "agents/kim/gateway", "");
    node_leave(&a);
    cr_assert_eq(a.withdraw_code, SC_OK);
    cr_assert_str_eq(kv(&w, "gateways/gw-a/status"), "dead");
    node_drop(&a);
    node_drop(&none);
    world_fini(&w);
}
