#include "sideclaw/openclaw_config.h"

#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/mem.h"

static const struct sc_strv everyone = { 0 };

static struct sc_value *server(void *ctx, const char *agent)
{
    return sc_openclaw_server("http://127.0.0.1:1/mcp", agent, ctx ? ctx : "T");
}

static struct sc_value *parse(const char *text)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = sc_value_parse(text, strlen(text), &err);
    cr_assert(v, "%s: %s", text, err.text);
    return v;
}

static char *text_of(const struct sc_value *v)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_value_dump(v, &b);
    return sc_buf_steal(&b);
}

static void is(const struct sc_value *v, const char *json)
{
    sc_auto_free char *text = text_of(v);
    cr_assert_str_eq(text, json);
}

static struct sc_value *apply(const struct sc_value *config, bool remove,
                              const struct sc_strv *only)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_openclaw_want want = {
        .remove = remove, .only = only, .skill = "/s/sideclaw-mesh", .server = server
    };
    struct sc_value *v = sc_openclaw_apply(config, &want, &err);
    cr_assert(v, "%s", err.text);
    return v;
}

#define S(agent)                                                                                   \
    "\"mesh_" agent "\":{\"url\":\"http://127.0.0.1:1/mcp/" agent                                  \
    "\",\"transport\":\"streamable-http\",\"headers\":{\"Authorization\":\"Bearer T\"},"           \
    "\"requestTimeoutMs\":600000}"

static const char two[] =
    "{\"agents\":{\"entries\":{\"jerry\":{\"name\":\"J\",\"tools\":{\"deny\":[\"exec\"],\"x\":1}},"
    "\"scribe\":{}}}}";

Test(openclaw_config, every_agent_gets_its_own_and_is_denied_the_others)
{
    sc_auto_value struct sc_value *was = parse(two), *now = apply(was, false, &everyone);
    is(now, "{\"agents\":{\"entries\":{\"jerry\":{\"name\":\"J\",\"tools\":{\"deny\":[\"exec\","
            "\"mesh_scribe__*\"],\"x\":1}},\"scribe\":{\"tools\":{\"deny\":[\"mesh_jerry__*\"]}}}},"
            "\"mcp\":{\"servers\":{" S("jerry") "," S(
                "scribe") "}},"
                          "\"skills\":{\"load\":{\"extraDirs\":[\"/s/sideclaw-mesh\"]}}}");
    is(was, two);
    sc_auto_value struct sc_value *again = apply(now, false, &everyone);
    cr_assert(sc_value_equal(now, again), "a second time changes nothing");
    sc_auto_value struct sc_value *back = apply(now, true, &everyone);
    is(back, two);
}

Test(openclaw_config, taking_away_what_was_never_there_changes_nothing)
{
    static const char *const configs[] = {
        "{}", "{\"mcp\":{},\"skills\":{\"load\":{}}}",
        "{\"mcp\":{\"servers\":{\"mesh_x\":{\"command\":\"x\"}}}}",
        "{\"agents\":{\"entries\":{\"a\":{\"tools\":{\"deny\":[]}},\"b\":{\"tools\":{}}}}}"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(configs); i++) {
        sc_auto_value struct sc_value *was = parse(configs[i]), *now = apply(was, true, &everyone);
        is(now, configs[i]);
    }
}

Test(openclaw_config, one_chosen_agent_is_kept_from_all_others)
{
    struct sc_strv only = { 0 };
    sc_strv_add(&only, "jerry");
    sc_auto_value struct sc_value *was =
        parse("{\"agents\":{\"entries\":{\"jerry\":{},\"scribe\":{}}}}");
    sc_auto_value struct sc_value *now = apply(was, false, &only);
    is(sc_value_get(now, "agents"),
       "{\"entries\":{\"jerry\":{},\"scribe\":{\"tools\":{\"deny\":[\"mesh_jerry__*\"]}}}}");
    is(sc_value_get(now, "mcp"), "{\"servers\":{" S("jerry") "}}");
    sc_auto_value struct sc_value *back = apply(now, true, &only);
    cr_assert(sc_value_equal(was, back));
    sc_strv_fini(&only);
}

Test(openclaw_config, an_agent_that_is_gone_loses_its_server)
{
    sc_auto_value struct sc_value *was =
        parse("{\"agents\":{\"entries\":{\"jerry\":{\"tools\":{\"deny\":[\"mesh_old__*\"]}}}},"
              "\"mcp\":{\"servers\":{" S("old") ",\"mine\":{\"url\":\"http://x/mcp/mine\"}}}}");
    sc_auto_value struct sc_value *now = apply(was, false, &everyone);
    is(sc_value_get(now, "agents"), "{\"entries\":{\"jerry\":{}}}");
    is(sc_value_get(now, "mcp"),
       "{\"servers\":{\"mine\":{\"url\":\"http://x/mcp/mine\"}," S("jerry") "}}");
}

Test(openclaw_config, an_old_folder_of_the_skill_is_replaced)
{
    sc_auto_value struct sc_value *was =
        parse("{\"skills\":{\"load\":{\"extraDirs\":[\"/mine\",\"/old/sideclaw-mesh\"]}}}");
    sc_auto_value struct sc_value *now = apply(was, false, &everyone);
    is(sc_value_get(now, "skills"), "{\"load\":{\"extraDirs\":[\"/mine\",\"/s/sideclaw-mesh\"]}}");
}

Test(openclaw_config, what_cannot_be_changed_is_refused)
{
    static const char *const configs[] = {
        "{\"$include\":\"x\"}",
        "{\"mcp\":{\"$include\":\"x\"}}",
        "{\"mcp\":5}",
        "[]",
        "{\"agents\":{\"entries\":{\"a\":{\"tools\":{\"$include\":\"x\"}}}}}",
        "{\"agents\":{\"list\":[{\"id\":\"a\"}]}}",
        "{\"skills\":{\"load\":[]}}"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(configs); i++) {
        struct sc_err err = SC_ERR_INIT;
        const struct sc_openclaw_want want = { .only = &everyone, .server = server };
        sc_auto_value struct sc_value *was = parse(configs[i]);
        cr_assert_null(sc_openclaw_apply(was, &want, &err), "%s", configs[i]);
        cr_assert_eq(err.code, SC_ECONFIG);
    }
}

Test(openclaw_config, an_unknown_agent_is_named)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv only = { 0 };
    sc_strv_add(&only, "nobody");
    const struct sc_openclaw_want want = { .only = &only, .server = server };
    sc_auto_value struct sc_value *was = parse(two);
    cr_assert_null(sc_openclaw_apply(was, &want, &err));
    cr_assert_eq(err.code, SC_ENOENT);
    cr_assert(strstr(err.text, "nobody"));
    sc_strv_fini(&only);
}

Test(openclaw_config, the_patch_names_lists_that_lose_entries)
{
    sc_auto_value struct sc_value *from =
        parse("{\"a\":{\"l\":[\"x\",\"m\"],\"k\":[\"y\"]},\"gone\":{\"deep\":{\"l\":[1],\"e\":[]}},"
              "\"s\":1}");
    sc_auto_value struct sc_value *to =
        parse("{\"a\":{\"l\":[\"x\"],\"k\":[\"y\",\"z\"]},\"s\":1}");
    sc_auto_value struct sc_value *shrunk = sc_value_array();
    sc_auto_value struct sc_value *patch = sc_merge_patch(from, to, shrunk);
    is(patch, "{\"gone\":null,\"a\":{\"l\":[\"x\"],\"k\":[\"y\",\"z\"]}}");
    is(shrunk, "[\"gone.deep.l\",\"a.l\"]");
}

Test(openclaw_config, people_see_every_change_and_no_token)
{
    sc_auto_value struct sc_value *was = parse(two), *now = apply(was, false, &everyone);
    sc_auto_value struct sc_value *lines = sc_openclaw_changes(was, now);
    sc_auto_value struct sc_value *back = sc_openclaw_changes(now, was);
    cr_assert_eq(sc_value_count(lines), 5);
    cr_assert_eq(sc_value_count(back), 5);
    sc_auto_free char *text = text_of(lines), *text2 = text_of(back);
    cr_assert(strstr(text, "{\"op\":\"add\",\"path\":\"agents.entries.jerry.tools.deny\",\"value\":"
                           "\"mesh_scribe__*\"}"),
              "%s", text);
    cr_assert_null(strstr(text, "Bearer"));
    cr_assert_null(strstr(text2, "Bearer"));
}

Test(openclaw_config, what_the_gateway_hides_counts_as_unchanged)
{
    sc_auto_value struct sc_value *was =
        parse("{\"mcp\":{\"servers\":{\"mesh_main\":{\"url\":\"http://127.0.0.1:1/mcp/main\","
              "\"transport\":\"streamable-http\","
              "\"headers\":{\"Authorization\":\"__OPENCLAW_REDACTED__\"},"
              "\"requestTimeoutMs\":600000}}},"
              "\"skills\":{\"load\":{\"extraDirs\":[\"/s/sideclaw-mesh\"]}}}");
    sc_auto_value struct sc_value *now = apply(was, false, &everyone);
    sc_auto_value struct sc_value *lines = sc_openclaw_changes(was, now);
    cr_assert_eq(sc_value_count(lines), 0);
    sc_auto_value struct sc_value *patch = sc_merge_patch(was, now, NULL);
    cr_assert_eq(sc_value_count(patch), 1,
                 "but the token goes out: only the gateway can compare it");
}

Test(openclaw_config, what_an_operator_added_to_a_server_stays)
{
    sc_auto_value struct sc_value *was =
        parse("{\"mcp\":{\"servers\":{\"mesh_main\":{\"url\":\"http://old:1/mcp/main\","
              "\"headers\":{\"Authorization\":\"x\",\"X\":\"y\"},\"requestTimeoutMs\":5}}}}");
    sc_auto_value struct sc_value *now = apply(was, false, &everyone);
    is(sc_value_get(now, "mcp"),
       "{\"servers\":{\"mesh_main\":{\"url\":\"http://127.0.0.1:1/mcp/main\","
       "\"headers\":{\"Authorization\":\"Bearer T\",\"X\":\"y\"},\"requestTimeoutMs\":5,"
       "\"transport\":\"streamable-http\"}}}");
}
