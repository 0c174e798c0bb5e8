#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/agent_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

Test(strv_json, a_list_goes_there_and_back)
{
    struct sc_strv l = { 0 };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(sc_strv_from_json("[\"slack\", \"general-qa\"]", 23, 8, &l, NULL), SC_OK);
    sc_strv_to_json(&l, &out);
    cr_assert_str_eq(out.p, "[\"slack\",\"general-qa\"]");
    sc_strv_fini(&l);
}

Test(strv_json, what_is_no_short_list_of_strings_is_refused_and_leaves_nothing)
{
    static const char *const texts[] = {
        "", "{}", "[1]", "[\"a\",\"\"]", "[\"a\",null]", "\"a\"", "[\"a\",\"b\",\"c\"]"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        struct sc_strv l = { 0 };
        cr_assert_lt(sc_strv_from_json(texts[i], strlen(texts[i]), 2, &l, NULL), 0, "%s", texts[i]);
        cr_assert_eq(l.n, 0);
    }
}

Test(labels_json, scalars_become_text)
{
    static const char text[] = "{\"os\":\"linux\",\"gpu\":true,\"cores\":8}";
    struct sc_strv l = { 0 };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(sc_labels_from_json(text, strlen(text), &l, NULL), SC_OK);
    cr_assert(sc_strv_has(&l, "os=linux"));
    cr_assert(sc_strv_has(&l, "gpu=true"));
    cr_assert(sc_strv_has(&l, "cores=8"));
    sc_labels_to_json(&l, &out);
    cr_assert_str_eq(out.p, "{\"os\":\"linux\",\"gpu\":\"true\",\"cores\":\"8\"}");
    sc_strv_fini(&l);
}

Test(labels_json, nested_and_endless_ones_are_refused)
{
    static const char *const texts[] = { "[]", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":null}", "x" };
    for (size_t i = 0; i < SC_ARRAY_LEN(texts); i++) {
        struct sc_strv l = { 0 };
        cr_assert_lt(sc_labels_from_json(texts[i], strlen(texts[i]), &l, NULL), 0, "%s", texts[i]);
        cr_assert_eq(l.n, 0);
    }
}

static void show_agent(void *ctx, const struct sc_agent_info *a)
{
    sc_buf_addf(ctx, "agent %s %s %s %zu %lld;", a->id, a->gateway, sc_agent_status_name(a->status),
                a->capabilities.n, (long long)a->last_seen.ms);
}

static void show_gateway(void *ctx, const struct sc_gateway_info *g)
{
    sc_buf_addf(ctx, "gateway %s %s %s %zu %zu %d;", g->name, g->url,
                sc_gateway_status_name(g->status), g->agents.n, g->labels.n, g->held);
}

Test(view_json, a_view_goes_there_and_back)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT, notes = SC_BUF_INIT;
    char id[] = "bobby", gw[] = "gw-b", url[] = "ws://b:18789", label[] = "os=linux";
    char *ids[] = { id, NULL }, *labels[] = { label, NULL };
    const struct sc_agent_info a = { .id = id,
                                     .gateway = gw,
                                     .status = SC_AGENT_BUSY,
                                     .capabilities = { .v = ids, .n = 1 },
                                     .last_seen = { 1771243200000 } };
    const struct sc_gateway_info g = { .name = gw,
                                       .url = url,
                                       .status = SC_GATEWAY_DEGRADED,
                                       .agents = { .v = ids, .n = 1 },
                                       .labels = { .v = labels, .n = 1 },
                                       .held = true };
    sc_buf_adds(&text, "{\"v\":1,\"gateways\":[");
    sc_gateway_info_to_json(&g, &text);
    sc_buf_adds(&text, "],\"agents\":[");
    sc_agent_info_to_json(&a, &text);
    sc_buf_adds(&text, "]}");
    const struct sc_view_fns fns = { .ctx = &notes, .gateway = show_gateway, .agent = show_agent };
    cr_assert_eq(sc_view_from_json(text.p, text.n, &fns, NULL), SC_OK);
    cr_assert_str_eq(notes.p, "gateway gw-b ws://b:18789 degraded 1 1 1;"
                              "agent bobby gw-b busy 1 1771243200000;");
}

Test(view_json, what_cannot_be_read_in_it_is_left_out)
{
    static const char text[] = "{\"v\":1,\"gateways\":[5,{},{\"name\":\"../x\"},{\"name\":\"g\"}],"
                               "\"agents\":[null,{\"id\":\"a b\"},{\"id\":\"ok\",\"status\":7}]}";
    sc_auto_buf struct sc_buf notes = SC_BUF_INIT;
    const struct sc_view_fns fns = { .ctx = &notes, .gateway = show_gateway, .agent = show_agent };
    cr_assert_eq(sc_view_from_json(text, strlen(text), &fns, NULL), SC_OK);
    cr_assert_str_eq(notes.p, "gateway g  dead 0 0 0;agent ok  offline 0 0;");
    cr_assert_eq(sc_view_from_json("{\"v\":2}", 7, &fns, NULL), SC_EPROTO);
    /* The writer of tomorrow may add to it, and strings may look like brackets. */
    static const char more[] = "{ \"note\": \"]}\\\"\", \"v\": 1, \"x\": [[1], {\"agents\": 2}],"
                               "\"agents\" : [ {\"id\":\"a\",\"gateway\":\"}\"} ] }\n";
    sc_buf_clear(&notes);
    cr_assert_eq(sc_view_from_json(more, strlen(more), &fns, NULL), SC_OK);
    cr_assert_str_eq(notes.p, "agent a } offline 0 0;");
    for (size_t n = 0; n < strlen(more) - 2; n++)
        cr_assert_eq(sc_view_from_json(more, n, &fns, NULL), SC_EPROTO, "%zu", n);
    cr_assert_eq(sc_view_from_json("garbage", 7, &fns, NULL), SC_EPROTO);
}

Test(about_json, what_an_agent_says_goes_there_and_back)
{
    static const char json[] = "{\"description\":\"keeps copies\",\"labels\":{\"group\":\"lab\"}}";
    struct sc_agent_info a = { 0 };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(sc_about_from_json(json, sizeof json - 1, &a, NULL), SC_OK);
    cr_assert_str_eq(a.description, "keeps copies");
    cr_assert_str_eq(a.labels.v[0], "group=lab");
    sc_about_to_json(&a, &out);
    cr_assert_str_eq(sc_buf_str(&out), json);
    a.id = sc_xstrdup("ops");
    sc_buf_clear(&out);
    sc_agent_info_to_json(&a, &out);
    struct sc_agent_info again;
    cr_assert_eq(sc_agent_info_from_json(out.p, out.n, &again, NULL), SC_OK);
    cr_assert_str_eq(again.description, "keeps copies");
    cr_assert(sc_strv_eq(&again.labels, &a.labels));
    sc_agent_info_fini(&a);
    sc_agent_info_fini(&again);
}

Test(about_json, nonsense_is_refused_and_changes_nothing)
{
    static const char *const bad[] = { "", "[]", "{\"description\":1}", "{\"labels\":[]}",
                                       "{\"labels\":{\"a\":{}}}" };
    struct sc_agent_info a = { .description = sc_xstrdup("kept") };
    struct sc_err err = SC_ERR_INIT;
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++)
        cr_assert_lt(sc_about_from_json(bad[i], strlen(bad[i]), &a, &err), 0, "%s", bad[i]);
    cr_assert_str_eq(a.description, "kept");
    sc_agent_info_fini(&a);
}

Test(about_json, turns_are_a_number_or_none)
{
    cr_assert_eq(sc_turns_from_json("{\"turns\":2}", 11), 2);
    cr_assert_eq(sc_turns_from_json("{\"turns\":-2}", 12), 0);
    cr_assert_eq(sc_turns_from_json("{\"turns\":\"2\"}", 13), 0);
    cr_assert_eq(sc_turns_from_json("{\"turns\":99999999}", 18), 0);
    cr_assert_eq(sc_turns_from_json("nonsense", 8), 0);
}
