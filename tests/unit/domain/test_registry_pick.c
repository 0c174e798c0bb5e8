#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/registry_pick.h"

/* Two gateways beside ours; each test changes what it is about. */
static struct sc_registry *r;
static const char *closed; /* the gateway there is no way to */

static const char *way(void *ctx, const char *gateway)
{
    (void)ctx;
    return sc_streq(gateway, closed) ? NULL : "redis";
}

static struct sc_pick_world world(void)
{
    return (struct sc_pick_world){ .registry = r, .way = way, .gateway_ready = true };
}

static void gateway(const char *name, enum sc_gateway_status status, unsigned turns,
                    const char *label)
{
    struct sc_gateway_info g = { .name = sc_xstrdup(name), .status = status, .turns = turns };
    if (label)
        sc_strv_add(&g.labels, label);
    sc_registry_gateway(r, &g);
    sc_gateway_info_fini(&g);
}

static void agent(const char *id, const char *at, enum sc_agent_status status, int64_t seen)
{
    struct sc_agent_info a = {
        .id = sc_xstrdup(id), .gateway = sc_xstrdup(at), .status = status, .last_seen = { seen }
    };
    sc_strv_add(&a.capabilities, "backups");
    sc_registry_agent(r, &a);
    sc_agent_info_fini(&a);
}

static void start(void)
{
    const struct sc_registry_deps deps = { .self_name = "me" };
    r = sc_registry_new(&deps);
    closed = NULL;
    sc_registry_gateways_begin(r);
    gateway("a", SC_GATEWAY_HEALTHY, 0, "group=lab");
    gateway("b", SC_GATEWAY_HEALTHY, 0, NULL);
    sc_registry_gateways_end(r);
    sc_registry_agents_begin(r);
    agent("xan", "a", SC_AGENT_ACTIVE, 1);
    agent("yve", "b", SC_AGENT_ACTIVE, 1);
    sc_registry_agents_end(r);
    sc_registry_local_gateway(r, NULL, 0);
}

static void stop(void)
{
    sc_registry_free(r);
}
TestSuite(pick, .init = start, .fini = stop);

static const struct sc_pick_query backups = { .capability = "backups" };

static const char *best_of(const struct sc_pick_query *q)
{
    const struct sc_pick_world w = world();
    struct sc_err err = SC_ERR_INIT;
    struct sc_candidate c;
    return sc_pick_best(&w, q, &c, &err) == SC_OK ? c.agent->id : sc_code_name(err.code);
}

static const char *best(void)
{
    return best_of(&backups);
}

Test(pick, equals_are_chosen_by_name)
{
    cr_assert_str_eq(best(), "xan");
}

Test(pick, who_asks_is_never_chosen)
{
    const struct sc_pick_query q = { .capability = "backups", .except = "xan" };
    cr_assert_str_eq(best_of(&q), "yve");
}

Test(pick, a_busy_one_is_avoided)
{
    agent("xan", "a", SC_AGENT_BUSY, 2);
    cr_assert_str_eq(best(), "yve");
    agent("yve", "b", SC_AGENT_BUSY, 2);
    cr_assert_str_eq(best(), "xan", "all busy: still the first");
}

Test(pick, fewer_turns_on_the_gateway_win)
{
    gateway("a", SC_GATEWAY_HEALTHY, 3, NULL);
    gateway("b", SC_GATEWAY_HEALTHY, 2, NULL);
    cr_assert_str_eq(best(), "yve");
}

Test(pick, work_given_since_the_last_heartbeat_counts)
{
    sc_registry_note_given(r, "xan");
    cr_assert_str_eq(best(), "yve");
    sc_registry_note_given(r, "yve");
    cr_assert_str_eq(best(), "xan");
    sc_registry_note_given(r, "xan");
    agent("xan", "a", SC_AGENT_ACTIVE, 2); /* its gateway says anew */
    cr_assert_str_eq(best(), "xan");
}

Test(pick, one_without_a_way_is_skipped)
{
    closed = "a";
    cr_assert_str_eq(best(), "yve");
}

Test(pick, a_gateway_that_drains_or_is_dead_gets_nothing)
{
    gateway("a", SC_GATEWAY_DRAINING, 0, NULL);
    cr_assert_str_eq(best(), "yve");
    gateway("b", SC_GATEWAY_DEAD, 0, NULL);
    cr_assert_str_eq(best(), sc_code_name(SC_EAWAY));
}

Test(pick, an_ailing_gateway_comes_after_a_well_one)
{
    gateway("a", SC_GATEWAY_DEGRADED, 0, NULL);
    gateway("b", SC_GATEWAY_HEALTHY, 9, NULL);
    cr_assert_str_eq(best(), "yve");
}

Test(pick, an_offline_one_is_known_but_not_reachable)
{
    const struct sc_pick_world w = world();
    struct sc_err err = SC_ERR_INIT;
    struct sc_candidate c;
    agent("xan", "a", SC_AGENT_OFFLINE, 2);
    agent("yve", "b", SC_AGENT_OFFLINE, 2);
    cr_assert_eq(sc_pick_best(&w, &backups, &c, &err), SC_EAWAY);
    cr_assert(strstr(err.text, "xan is offline"), "%s", err.text);
    cr_assert(strstr(err.remedy, "xan by name"), "%s", err.remedy);
}

Test(pick, what_nobody_can_do_is_said)
{
    const struct sc_pick_query q = { .capability = "cooking" };
    cr_assert_str_eq(best_of(&q), sc_code_name(SC_ENOENT));
}

Test(pick, one_that_is_woken_comes_before_one_that_reads_its_inbox)
{
    struct sc_agent_info me = { .id = sc_xstrdup("abe") };
    struct sc_err err = SC_ERR_INIT;
    bool changed;
    sc_strv_add(&me.capabilities, "backups");
    cr_assert_eq(sc_registry_declare(r, &me, &changed, &err), SC_OK);
    cr_assert_str_eq(best(), "xan");
    closed = "a";
    agent("yve", "b", SC_AGENT_OFFLINE, 2);
    cr_assert_str_eq(best(), "abe");
    sc_agent_info_fini(&me);
}

Test(pick, our_own_needs_our_gateway)
{
    struct sc_gateway_agent own = { .id = "abe" };
    struct sc_pick_world w = world();
    struct sc_err err = SC_ERR_INIT;
    struct sc_candidate c;
    sc_strv_add(&own.capabilities, "backups");
    sc_registry_local_gateway(r, &own, 1);
    cr_assert_str_eq(best(), "abe");
    w.gateway_ready = false;
    cr_assert_eq(sc_pick_best(&w, &backups, &c, &err), SC_OK);
    cr_assert_str_eq(c.agent->id, "xan");
    sc_registry_set_busy(r, "abe", true);
    cr_assert_str_eq(best(), "xan");
    sc_strv_fini(&own.capabilities);
}

Test(pick, who_drains_gets_nothing_here_and_elsewhere)
{
    struct sc_gateway_agent own = { .id = "abe" };
    struct sc_pick_world w = world();
    struct sc_err err = SC_ERR_INIT;
    struct sc_candidate c;
    sc_strv_add(&own.capabilities, "backups");
    sc_registry_local_gateway(r, &own, 1);
    sc_registry_local_config(r, "ann", &own.capabilities); /* only her inbox is served */
    w.draining = true;
    cr_assert_eq(sc_pick_best(&w, &backups, &c, &err), SC_OK);
    cr_assert_str_eq(c.agent->id, "xan");
    gateway("a", SC_GATEWAY_DRAINING, 0, NULL);
    cr_assert_eq(sc_pick_best(&w, &backups, &c, &err), SC_OK);
    cr_assert_str_eq(c.agent->id, "yve");
    gateway("b", SC_GATEWAY_DRAINING, 0, NULL);
    cr_assert_eq(sc_pick_best(&w, &backups, &c, &err), SC_EAWAY);
    sc_strv_fini(&own.capabilities);
}

static bool add_id(void *ctx, const struct sc_candidate *c)
{
    char *ids = ctx;
    (void)snprintf(ids + strlen(ids), 64 - strlen(ids), "%s ", c->agent->id);
    return true;
}

static const char *found(const struct sc_pick_query *q, char ids[64])
{
    const struct sc_pick_world w = world();
    ids[0] = '\0';
    sc_pick_each(&w, q, add_id, ids);
    return ids;
}

Test(pick, a_search_by_group_gateway_and_status)
{
    char ids[64];
    cr_assert_str_eq(found(&(struct sc_pick_query){ .group = "lab" }, ids), "xan ");
    cr_assert_str_eq(found(&(struct sc_pick_query){ .group = "group=lab" }, ids), "xan ");
    cr_assert_str_eq(found(&(struct sc_pick_query){ .group = "gpu=true" }, ids), "");
    cr_assert_str_eq(found(&(struct sc_pick_query){ .gateway = "b" }, ids), "yve ");
    agent("yve", "b", SC_AGENT_BUSY, 2);
    cr_assert_str_eq(found(&(struct sc_pick_query){ .status = "busy" }, ids), "yve ");
    cr_assert_str_eq(found(&(struct sc_pick_query){ .capability = NULL }, ids), "xan yve ");
}
