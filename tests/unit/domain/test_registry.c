#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/registry.h"

struct fixture {
    struct sc_registry *r;
    int local_changes;
    char alive[256]; /* names told, one blank after each */
};

static void on_local(void *ctx)
{
    ((struct fixture *)ctx)->local_changes++;
}

static void on_alive(void *ctx, const char *gateway)
{
    struct fixture *f = ctx;
    size_t n = strlen(f->alive);
    (void)snprintf(f->alive + n, sizeof f->alive - n, "%s ", gateway);
}

static struct fixture *start(void)
{
    struct fixture *f = sc_xcalloc(1, sizeof *f);
    const struct sc_registry_deps deps = {
        .self_name = "me", .local_changed = on_local, .gateway_alive = on_alive, .ctx = f
    };
    f->r = sc_registry_new(&deps);
    return f;
}

static void stop(struct fixture *f)
{
    sc_registry_free(f->r);
    free(f);
}

static void agent(struct fixture *f, const char *id, const char *gateway)
{
    sc_auto_free char *i = sc_xstrdup(id), *g = sc_xstrdup(gateway);
    const struct sc_agent_info a = { .id = i, .gateway = g, .status = SC_AGENT_ACTIVE };
    sc_registry_agent(f->r, &a);
}

static void gateway(struct fixture *f, const char *name, enum sc_gateway_status status)
{
    sc_auto_free char *n = sc_xstrdup(name);
    const struct sc_gateway_info g = { .name = n, .status = status };
    sc_registry_gateway(f->r, &g);
}

/* A whole list of agents: "id gateway id gateway ..." */
static void agents(struct fixture *f, const char *const *v, size_t n)
{
    sc_registry_agents_begin(f->r);
    for (size_t i = 0; i + 1 < n; i += 2)
        agent(f, v[i], v[i + 1]);
    sc_registry_agents_end(f->r);
}
#define AGENTS(f, ...)                                                                             \
    agents((f), (const char *const[]){ __VA_ARGS__ },                                              \
           SC_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

static void listed(struct fixture *f, const char *id)
{
    const struct sc_gateway_agent a = { .id = id };
    sc_registry_local_gateway(f->r, &a, id ? 1 : 0);
}

static enum sc_place locate(const struct fixture *f, const char *id, const char *want_gateway)
{
    const char *gw = "?";
    enum sc_place p = sc_registry_locate(f->r, id, &gw);
    if (want_gateway)
        cr_assert_str_eq(gw, want_gateway);
    return p;
}

Test(registry, an_empty_one_knows_nobody_but_the_operator)
{
    struct fixture *f = start();
    cr_assert_eq(locate(f, "bobby", NULL), SC_PLACE_UNKNOWN);
    cr_assert_eq(locate(f, "operator", "me"), SC_PLACE_INBOX);
    cr_assert_eq(locate(f, "external:cron", "me"), SC_PLACE_INBOX);
    cr_assert_not(sc_registry_complete(f->r));
    stop(f);
}

Test(registry, local_agents_are_the_gateways_and_the_configurations)
{
    struct fixture *f = start();
    struct sc_strv caps = { 0 };
    sc_strv_add(&caps, "slack");
    sc_registry_local_config(f->r, "ops", &caps);
    cr_assert_eq(locate(f, "ops", "me"), SC_PLACE_LOCAL); /* until the gateway says otherwise */
    listed(f, "bobby");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    cr_assert_eq(locate(f, "ops", "me"), SC_PLACE_INBOX);
    listed(f, "ops");
    cr_assert_eq(locate(f, "bobby", NULL), SC_PLACE_UNKNOWN);
    cr_assert_eq(locate(f, "ops", "me"), SC_PLACE_LOCAL);
    cr_assert_eq(f->local_changes, 3);
    sc_strv_fini(&caps);
    stop(f);
}

Test(registry, capabilities_are_joined_without_doubles)
{
    struct fixture *f = start();
    struct sc_strv config = { 0 }, gw = { 0 };
    size_t n;
    sc_strv_add(&config, "b");
    sc_strv_add(&config, "c");
    sc_strv_add(&gw, "a");
    sc_strv_add(&gw, "b");
    const struct sc_gateway_agent a = { .id = "bobby", .capabilities = gw };
    sc_registry_local_config(f->r, "bobby", &config);
    sc_registry_local_gateway(f->r, &a, 1);
    const struct sc_agent_info *info = sc_registry_local(f->r, &n);
    cr_assert_eq(n, 1);
    cr_assert_eq(info->capabilities.n, 3);
    cr_assert_str_eq(info->capabilities.v[0], "a");
    cr_assert_str_eq(info->capabilities.v[2], "c");
    cr_assert_str_eq(info->gateway, "me");
    sc_strv_fini(&config);
    sc_strv_fini(&gw);
    stop(f);
}

Test(registry, the_default_sender_keeps_what_the_configuration_says_it_can_do)
{
    struct fixture *f = start();
    struct sc_strv caps = { 0 };
    size_t n;
    sc_strv_add(&caps, "slack");
    sc_registry_local_config(f->r, "jerry", &caps);
    sc_registry_local_config(f->r, "jerry", NULL); /* agent_id names it once more */
    const struct sc_agent_info *local = sc_registry_local(f->r, &n);
    cr_assert_eq(n, 1);
    cr_assert(sc_strv_has(&local[0].capabilities, "slack"));
    sc_strv_fini(&caps);
    stop(f);
}

Test(registry, names_a_gateway_may_not_list_are_left_out)
{
    struct fixture *f = start();
    const struct sc_gateway_agent v[] = { { .id = "../etc" }, { .id = "" },     { .id = "a b" },
                                          { .id = "good" },   { .id = "x\ny" }, { .id = "good" } };
    size_t n;
    sc_registry_local_gateway(f->r, v, SC_ARRAY_LEN(v));
    const struct sc_agent_info *info = sc_registry_local(f->r, &n);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(info->id, "good");
    stop(f);
}

Test(registry, what_the_directory_says_of_others)
{
    struct fixture *f = start();
    AGENTS(f, "bobby", "gw-b", "carol", "gw-c");
    cr_assert_eq(locate(f, "bobby", "gw-b"), SC_PLACE_REMOTE);
    AGENTS(f, "bobby", "gw-c");
    cr_assert_eq(locate(f, "bobby", "gw-c"), SC_PLACE_REMOTE); /* it moved */
    cr_assert_eq(locate(f, "carol", NULL), SC_PLACE_UNKNOWN);  /* what is not named is gone */
    stop(f);
}

Test(registry, what_the_directory_says_of_ourselves_holds_until_our_gateway_has_spoken)
{
    struct fixture *f = start();
    AGENTS(f, "bobby", "me");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    listed(f, "other");
    cr_assert_eq(locate(f, "bobby", NULL), SC_PLACE_UNKNOWN); /* the directory is behind */
    stop(f);
}

Test(registry, an_agent_without_a_gateway_is_nowhere)
{
    struct fixture *f = start();
    sc_registry_agents_begin(f->r);
    agent(f, "bobby", NULL);
    sc_registry_agents_end(f->r);
    cr_assert_eq(locate(f, "bobby", NULL), SC_PLACE_UNKNOWN);
    stop(f);
}

/* Two watches, two answers, in whatever order they come. */
Test(registry, the_two_lists_do_not_sweep_each_other)
{
    struct fixture *f = start();
    sc_registry_agents_begin(f->r);
    agent(f, "bobby", "gw-b");
    sc_registry_gateways_begin(f->r);
    gateway(f, "gw-b", SC_GATEWAY_HEALTHY);
    agent(f, "carol", "gw-b");
    sc_registry_agents_end(f->r);
    sc_registry_gateways_end(f->r);
    cr_assert_eq(locate(f, "bobby", "gw-b"), SC_PLACE_REMOTE);
    cr_assert_eq(locate(f, "carol", "gw-b"), SC_PLACE_REMOTE);
    cr_assert(sc_registry_gateway_known(f->r, "gw-b"));
    sc_registry_gateways_begin(f->r);
    sc_registry_gateways_end(f->r);
    cr_assert_eq(locate(f, "bobby", "gw-b"), SC_PLACE_REMOTE);
    cr_assert_not(sc_registry_gateway_known(f->r, "gw-b"));
    cr_assert(sc_registry_gateway_known(f->r, "me"));
    stop(f);
}

static void one_gateway(struct fixture *f, enum sc_gateway_status status)
{
    sc_registry_gateways_begin(f->r);
    gateway(f, "gw-b", status);
    sc_registry_gateways_end(f->r);
}

Test(registry, a_gateway_that_comes_to_life_is_told_once)
{
    struct fixture *f = start();
    one_gateway(f, SC_GATEWAY_DEAD);
    cr_assert_str_eq(f->alive, "");
    one_gateway(f, SC_GATEWAY_HEALTHY);
    one_gateway(f, SC_GATEWAY_DEGRADED);
    one_gateway(f, SC_GATEWAY_DRAINING);
    cr_assert_str_eq(f->alive, "gw-b ");
    one_gateway(f, SC_GATEWAY_DEAD);
    one_gateway(f, SC_GATEWAY_DRAINING);
    cr_assert_str_eq(f->alive, "gw-b gw-b ");
    sc_registry_gateways_begin(f->r); /* vanished */
    sc_registry_gateways_end(f->r);
    one_gateway(f, SC_GATEWAY_HEALTHY);
    cr_assert_str_eq(f->alive, "gw-b gw-b gw-b ");
    stop(f);
}

Test(registry, a_gateway_that_drains_no_more_is_told_like_one_that_came_back)
{
    struct fixture *f = start();
    one_gateway(f, SC_GATEWAY_HEALTHY);
    one_gateway(f, SC_GATEWAY_DRAINING);
    sc_registry_set_fresh(f->r, true);
    cr_assert(sc_registry_drains(f->r, "gw-b"));
    cr_assert_not(sc_registry_drains(f->r, "gw-c"));
    one_gateway(f, SC_GATEWAY_DRAINING);
    cr_assert_str_eq(f->alive, "gw-b ");
    one_gateway(f, SC_GATEWAY_DEGRADED);
    cr_assert_str_eq(f->alive, "gw-b gw-b ");
    cr_assert_not(sc_registry_drains(f->r, "gw-b"));
    one_gateway(f, SC_GATEWAY_DRAINING);
    sc_registry_set_fresh(f->r, false);
    cr_assert_not(sc_registry_drains(f->r, "gw-b"));
    stop(f);
}

/* What waits for an agent goes when it is seen, wherever it was thought to be when it was sent. */
Test(registry, an_agent_that_appears_or_moves_sets_its_messages_going)
{
    struct fixture *f = start();
    AGENTS(f, "bobby", "gw-b"); /* the first view: the list of gateways does it for all */
    cr_assert_str_eq(f->alive, "");
    AGENTS(f, "bobby", "gw-b", "carol", "gw-c");
    cr_assert_str_eq(f->alive, "gw-c ");
    AGENTS(f, "bobby", "gw-c", "carol", "gw-c");
    cr_assert_str_eq(f->alive, "gw-c gw-b "); /* they are filed under where it was */
    AGENTS(f, "bobby", "gw-c", "carol", "gw-c");
    listed(f, "dave");
    cr_assert_str_eq(f->alive, "gw-c gw-b me ");
    listed(f, "dave");
    cr_assert_str_eq(f->alive, "gw-c gw-b me ");
    stop(f);
}

Test(registry, only_a_whole_and_fresh_view_is_complete)
{
    struct fixture *f = start();
    sc_registry_set_fresh(f->r, true);
    cr_assert_not(sc_registry_complete(f->r));
    AGENTS(f, "bobby", "gw-b");
    cr_assert_not(sc_registry_complete(f->r));
    one_gateway(f, SC_GATEWAY_HEALTHY);
    cr_assert_not(sc_registry_complete(f->r)); /* an unknown name may be one of ours */
    cr_assert_not(sc_registry_listed(f->r));
    listed(f, NULL);
    cr_assert(sc_registry_complete(f->r));
    sc_registry_set_fresh(f->r, false);
    cr_assert_not(sc_registry_complete(f->r));
    cr_assert_eq(locate(f, "bobby", "gw-b"), SC_PLACE_REMOTE); /* the last good view serves on */
    stop(f);
}

Test(registry, an_agent_of_ours_that_somebody_else_holds_is_there)
{
    struct fixture *f = start();
    listed(f, "bobby");
    AGENTS(f, "bobby", "gw-b");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    sc_registry_conflict(f->r, "bobby", "gw-b");
    sc_registry_conflict(f->r, "bobby", "gw-b");
    cr_assert_eq(locate(f, "bobby", "gw-b"), SC_PLACE_REMOTE);
    sc_registry_conflict(f->r, "bobby", "");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    sc_registry_conflict(f->r, "bobby", "");
    stop(f);
}

/* The view moves on before the conflict is called off: the agent must not fall between the two. */
Test(registry, a_conflict_that_the_directory_does_not_show_leaves_the_agent_with_us)
{
    struct fixture *f = start();
    listed(f, "bobby");
    sc_registry_conflict(f->r, "bobby", "gw-b");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    AGENTS(f, "bobby", "me");
    cr_assert_eq(locate(f, "bobby", "me"), SC_PLACE_LOCAL);
    stop(f);
}

static void add_conflict(void *ctx, const char *id, const char *holder)
{
    char *s = ctx;
    size_t n = strlen(s);
    (void)snprintf(s + n, 200 - n, "%s:%s ", id ? id : "(name)", holder);
}

Test(registry, conflicts_are_listed_with_their_holder)
{
    struct fixture *f = start();
    char s[200] = "";
    sc_registry_conflict(f->r, "bobby", "gw-b");
    sc_registry_conflict(f->r, NULL, "elsewhere");
    sc_registry_conflict(f->r, "bobby", "gw-c");
    sc_registry_each_conflict(f->r, add_conflict, s);
    cr_assert_str_eq(s, "(name):elsewhere bobby:gw-c ");
    stop(f);
}

static bool add_agent(void *ctx, const struct sc_agent_info *a, bool local)
{
    char *s = ctx;
    size_t n = strlen(s);
    (void)snprintf(s + n, 200 - n, "%s%s@%s ", local ? "*" : "", a->id, a->gateway);
    return true;
}

Test(registry, agents_are_listed_once_as_we_know_them)
{
    struct fixture *f = start();
    char s[200] = "";
    AGENTS(f, "zoe", "gw-b", "bobby", "gw-x", "amy", "gw-b");
    listed(f, "bobby");
    sc_registry_each_agent(f->r, add_agent, s);
    cr_assert_str_eq(s, "*bobby@me amy@gw-b zoe@gw-b ");
    stop(f);
}

static bool add_gateway(void *ctx, const struct sc_gateway_info *g, bool self)
{
    char *s = ctx;
    size_t n = strlen(s);
    (void)snprintf(s + n, 200 - n, "%s%s ", self ? "*" : "", g->name);
    return true;
}

Test(registry, gateways_are_listed_sorted)
{
    struct fixture *f = start();
    char s[200] = "";
    sc_registry_gateways_begin(f->r);
    gateway(f, "z", SC_GATEWAY_HEALTHY);
    gateway(f, "me", SC_GATEWAY_HEALTHY);
    gateway(f, "a", SC_GATEWAY_HEALTHY);
    sc_registry_gateways_end(f->r);
    sc_registry_each_gateway(f->r, add_gateway, s);
    cr_assert_str_eq(s, "a *me z ");
    stop(f);
}

/* Two changes a message: the directory must not be written, nor streams be read anew, for each. */
Test(registry, busy_shows_in_the_list_without_telling_everybody)
{
    struct fixture *f = start();
    size_t n;
    listed(f, "bobby");
    int before = f->local_changes;
    sc_registry_set_busy(f->r, "bobby", true);
    cr_assert_eq(sc_registry_local(f->r, &n)->status, SC_AGENT_BUSY);
    sc_registry_set_busy(f->r, "bobby", false);
    cr_assert_eq(sc_registry_local(f->r, &n)->status, SC_AGENT_ACTIVE);
    sc_registry_set_busy(f->r, "nobody", true);
    cr_assert_eq(f->local_changes, before);
    listed(f, "other"); /* removed while busy */
    sc_registry_set_busy(f->r, "bobby", false);
    stop(f);
}

Test(registry, suggests_the_nearest_name_it_knows)
{
    struct fixture *f = start();
    AGENTS(f, "bobby", "gw-b");
    listed(f, "jerry");
    cr_assert_str_eq(sc_registry_suggest(f->r, "boby"), "bobby");
    cr_assert_str_eq(sc_registry_suggest(f->r, "jery"), "jerry");
    cr_assert_null(sc_registry_suggest(f->r, "entirely-else"));
    stop(f);
}

static bool count(void *ctx, const struct sc_agent_info *a, bool local)
{
    (void)a;
    (void)local;
    ++*(size_t *)ctx;
    return true;
}

Test(registry, the_view_is_bounded)
{
    struct fixture *f = start();
    size_t n = 0;
    sc_registry_agents_begin(f->r);
    for (int i = 0; i < SC_AGENTS_MAX + 10; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "a%d", i);
        agent(f, id, "gw");
    }
    sc_registry_agents_end(f->r);
    sc_registry_each_agent(f->r, count, &n);
    cr_assert_eq(n, SC_AGENTS_MAX);
    stop(f);
}

static int declare(struct fixture *f, const char *id, const char *capability, bool *ret_changed,
                   struct sc_err *err)
{
    struct sc_agent_info a = { .id = sc_xstrdup(id) };
    sc_strv_add(&a.capabilities, capability);
    int rc = sc_registry_declare(f->r, &a, ret_changed, err);
    sc_agent_info_fini(&a);
    return rc;
}

Test(registry, an_agent_declares_itself_once_and_stays)
{
    struct fixture *f = start();
    struct sc_err err = SC_ERR_INIT;
    bool changed = false;
    size_t n;
    cr_assert_eq(declare(f, "ops", "backups", &changed, &err), SC_OK);
    cr_assert(changed);
    int changes = f->local_changes;
    cr_assert_eq(declare(f, "ops", "backups", &changed, &err), SC_OK);
    cr_assert_not(changed);
    cr_assert_eq(f->local_changes, changes, "the same again is no news");
    listed(f, NULL);
    cr_assert_eq(locate(f, "ops", "me"), SC_PLACE_INBOX);
    cr_assert(sc_registry_rests(f->r, "ops"));
    listed(f, "ops");
    cr_assert_not(sc_registry_rests(f->r, "ops"), "its gateway wakes it now");
    cr_assert(sc_strv_has(&sc_registry_local(f->r, &n)->capabilities, "backups"));
    cr_assert_eq(declare(f, "ops", "mail", &changed, &err), SC_OK);
    cr_assert(changed);
    cr_assert_eq(sc_registry_local(f->r, &n)->capabilities.n, 1, "it replaces what it said");
    cr_assert_eq(n, 1);
    stop(f);
}

Test(registry, nobody_declares_another_gateways_agent)
{
    struct fixture *f = start();
    struct sc_err err = SC_ERR_INIT;
    bool changed;
    AGENTS(f, "bobby", "bobby-gateway");
    cr_assert_eq(declare(f, "bobby", "x", &changed, &err), SC_EEXIST);
    cr_assert(strstr(err.text, "bobby-gateway"), "%s", err.text);
    cr_assert_eq(declare(f, "operator", "x", &changed, &err), SC_EINVAL);
    cr_assert_eq(declare(f, "a/b", "x", &changed, &err), SC_EINVAL);
    stop(f);
}
