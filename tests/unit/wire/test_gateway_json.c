#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

/* Frames as OpenClaw 2026.9.6 sent them, shortened. */

static struct sc_gw_frame parse(const char *text)
{
    struct sc_gw_frame f;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_gw_frame_parse(text, strlen(text), &f, &err), SC_OK, "%s", err.text);
    return f;
}

static struct sc_value *request(const struct sc_buf *b)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *v = sc_value_parse(b->p, b->n, &err);
    cr_assert_not_null(v, "%s", err.text);
    cr_assert_str_eq(sc_value_get_str(v, "type"), "req");
    return v;
}

/* ---- requests ---- */

Test(gateway_json, writes_connect_with_a_token)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_gw_write_connect(&b, 7, "T", NULL);
    sc_auto_value struct sc_value *v = request(&b);
    const struct sc_value *p = sc_value_get(v, "params");
    cr_assert_str_eq(sc_value_get_str(v, "id"), "7");
    cr_assert_str_eq(sc_value_get_str(v, "method"), "connect");
    cr_assert_eq(sc_value_get_int(p, "minProtocol", 0), 4);
    cr_assert_eq(sc_value_get_int(p, "maxProtocol", 0), 4);
    cr_assert_str_eq(sc_value_get_str(p, "role"), "operator");
    cr_assert_eq(sc_value_count(sc_value_get(p, "scopes")), 3);
    cr_assert_str_eq(sc_value_text(sc_value_at(sc_value_get(p, "caps"), 0)), "agent-kind");
    cr_assert_str_eq(sc_value_get_str(sc_value_get(p, "auth"), "token"), "T");
    cr_assert_str_eq(sc_value_get_str(sc_value_get(p, "client"), "id"), "gateway-client");
    cr_assert_null(sc_value_get(p, "device"));
}

Test(gateway_json, writes_connect_with_a_device_and_no_token)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    const struct sc_gw_device_proof d = {
        .device_id = "id", .public_key = "pk", .signature = "sig", .nonce = "n", .signed_at = 5
    };
    sc_gw_write_connect(&b, 1, NULL, &d);
    sc_auto_value struct sc_value *v = request(&b);
    const struct sc_value *p = sc_value_get(v, "params"), *device = sc_value_get(p, "device");
    cr_assert_null(sc_value_get(sc_value_get(p, "auth"), "token"));
    cr_assert_str_eq(sc_value_get_str(sc_value_get(p, "client"), "id"), "cli");
    cr_assert_str_eq(sc_value_get_str(device, "publicKey"), "pk");
    cr_assert_eq(sc_value_get_int(device, "signedAt", 0), 5);
}

Test(gateway_json, names_what_a_device_signs)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    sc_gw_device_text(&b, "id", NULL, "nonce", 12);
    cr_assert_str_eq(sc_buf_str(&b), "v3|id|cli|cli|operator|operator.read,operator.write,"
                                     "operator.admin|12||nonce|linux|");
}

Test(gateway_json, makes_one_session_key_for_a_peer)
{
    static const struct {
        const char *agent, *gateway, *from, *key;
    } cases[] = {
        { "Jerry", "gw-B.lan", "Bobby_1", "agent:jerry:mesh:gw-b.lan:bobby_1" },
        { "jerry", "gw", "external:me", "agent:jerry:mesh:gw:external-me" },
        { "jerry", "a b", "x/../y\n\"", "agent:jerry:mesh:a-b:x-..-y--" },
        { "jerry", NULL, "\xc3\xa9", "agent:jerry:mesh::--" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *key = sc_gw_session_key(cases[i].agent, cases[i].gateway, cases[i].from);
        cr_expect_str_eq(key, cases[i].key);
    }
}

Test(gateway_json, writes_a_run)
{
    sc_auto_buf struct sc_buf b = SC_BUF_INIT;
    const struct sc_gw_run run = { .run_id = "K",
                                   .agent = "jerry",
                                   .session_key = "s",
                                   .from_agent = "b\"; rm",
                                   .from_gateway = "gw",
                                   .message = "line\n\"two\"" };
    sc_gw_write_agent(&b, 3, &run);
    sc_auto_value struct sc_value *v = request(&b);
    const struct sc_value *p = sc_value_get(v, "params");
    cr_assert_str_eq(sc_value_get_str(p, "message"), "line\n\"two\"", "untouched");
    cr_assert_not_null(strstr(sc_value_get_str(p, "extraSystemPrompt"), "\"b---rm\""),
                       "a name cannot smuggle text into the prompt");
    cr_assert_null(sc_value_get(p, "timeout"));
    cr_assert_null(sc_value_get(v, "traceparent"));
}

/* ---- frames ---- */

Test(gateway_json, reads_answers_and_errors)
{
    struct sc_gw_frame f = parse("{\"type\":\"res\",\"id\":\"12\",\"ok\":true,\"payload\":{}}");
    cr_assert_eq(f.type, SC_GW_ANSWER);
    cr_assert_eq(f.id, 12);
    cr_assert(f.ok);
    sc_gw_frame_fini(&f);
    f = parse("{\"type\":\"res\",\"id\":\"r1\",\"ok\":false,\"error\":{\"code\":\"UNAVAILABLE\","
              "\"message\":\"gateway starting\",\"retryable\":true,\"retryAfterMs\":500,"
              "\"details\":{\"reason\":\"startup-sidecars\"}}}");
    cr_assert_eq(f.id, 0, "not one of ours");
    cr_assert_str_eq(f.error.code, "UNAVAILABLE");
    cr_assert_str_eq(f.error.reason, "startup-sidecars");
    cr_assert_str_eq(f.error.detail, "");
    cr_assert(f.error.retryable);
    sc_gw_frame_fini(&f);
}

Test(gateway_json, reads_events)
{
    static const struct {
        const char *name;
        enum sc_gw_event event;
    } cases[] = {
        { "connect.challenge", SC_GW_EV_CHALLENGE },
        { "tick", SC_GW_EV_OTHER },
        { "config.changed", SC_GW_EV_CONFIG_CHANGED },
        { "chat.metadata.changed", SC_GW_EV_SKILLS_CHANGED },
        { "gateway.suspension", SC_GW_EV_SUSPENSION },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *text =
            sc_xasprintf("{\"type\":\"event\",\"event\":\"%s\"}", cases[i].name);
        struct sc_gw_frame f = parse(text);
        cr_expect_eq(f.type, SC_GW_EVENT);
        cr_expect_eq(f.event, cases[i].event, "%s", cases[i].name);
        sc_gw_frame_fini(&f);
    }
}

Test(gateway_json, refuses_what_is_no_frame)
{
    static const char *const bad[] = {
        "",
        "x",
        "5",
        "null",
        "[]",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"res\",\"ok\":true}",
        "{\"type\":\"res\",\"id\":5,\"ok\":true}",
        "{\"type\":\"res\",\"id\":\"5\",\"ok\":\"yes\"}",
        "{\"type\":\"event\"}",
        "{\"type\":\"event\",\"event\":[]}",
        "{\"type\":\"event\",\"event\":\"x\"} trailing",
        "{\"type\":\"event\",\"event\":\"\\ud83\"}",
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(bad); i++) {
        struct sc_gw_frame f;
        struct sc_err err = SC_ERR_INIT;
        cr_expect_eq(sc_gw_frame_parse(bad[i], strlen(bad[i]), &f, &err), SC_EPROTO, "%s", bad[i]);
        cr_expect_neq(err.text[0], 0);
    }
}

Test(gateway_json, mends_half_characters)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        { "a\\ud83d", "a\xEF\xBF\xBD" },
        { "\\uDE00b", "\xEF\xBF\xBD"
                      "b" },
        { "\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
        { "\\\\ud83d \\ud83dx", "\\ud83d \xEF\xBF\xBDx" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *text =
            sc_xasprintf("{\"type\":\"event\",\"event\":\"x\",\"payload\":\"%s\"}", cases[i].json);
        struct sc_gw_frame f = parse(text);
        cr_expect_str_eq(sc_value_text(f.payload), cases[i].text);
        sc_gw_frame_fini(&f);
    }
}

/* ---- answers ---- */

Test(gateway_json, reads_the_hello)
{
    struct sc_gw_hello h;
    struct sc_err err = SC_ERR_INIT;
    struct sc_gw_frame f = parse(
        "{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"type\":\"hello-ok\","
        "\"protocol\":4,\"server\":{\"version\":\"2026.9.6\",\"bootId\":\"b\"},\"snapshot\":"
        "{\"suspension\":{\"phase\":\"draining\"}},\"auth\":{\"deviceToken\":\"D\"},\"policy\":"
        "{\"maxPayload\":26214400,\"tickIntervalMs\":15000}}}");
    cr_assert_eq(sc_gw_hello_read(&f, &h, &err), SC_OK);
    cr_assert_str_eq(h.version, "2026.9.6");
    cr_assert_str_eq(h.device_token, "D");
    cr_assert_eq(h.tick_ms, 15000);
    cr_assert_not(h.accepting);
    sc_gw_frame_fini(&f);
    f = parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"type\":\"hello-ok\","
              "\"policy\":{\"tickIntervalMs\":-5}}}");
    cr_assert_eq(sc_gw_hello_read(&f, &h, &err), SC_OK);
    cr_assert_str_eq(h.version, "");
    cr_assert_null(h.device_token);
    cr_assert_eq(h.tick_ms, 30000, "nonsense is replaced");
    cr_assert(h.accepting);
    sc_gw_frame_fini(&f);
    f = parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":[]}");
    cr_assert_eq(sc_gw_hello_read(&f, &h, &err), SC_EPROTO);
    sc_gw_frame_fini(&f);
}

Test(gateway_json, reads_how_a_run_goes)
{
    static const struct {
        const char *rest;
        enum sc_gw_run_status status;
        const char *text;
    } cases[] = {
        { "true,\"payload\":{\"status\":\"accepted\"}", SC_GW_RUN_ACCEPTED, "" },
        { "true,\"payload\":{\"status\":\"in_flight\"}", SC_GW_RUN_ACCEPTED, "" },
        { "true,\"payload\":{\"status\":\"ok\",\"terminalReply\":{\"disposition\":\"visible\","
          "\"text\":\"hi\"}}",
          SC_GW_RUN_OK, "hi" },
        { "true,\"payload\":{\"status\":\"ok\",\"terminalReply\":{\"disposition\":\"empty\"}}",
          SC_GW_RUN_OK, "" },
        { "true,\"payload\":{\"status\":\"ok\",\"result\":{\"payloads\":[{\"text\":\"a\"},"
          "{\"mediaUrl\":\"x\"},{\"text\":\"b\\u0000c\"}]}}",
          SC_GW_RUN_OK,
          "a\nb\xEF\xBF\xBD"
          "c" },
        { "true,\"payload\":{\"status\":\"error\",\"error\":\"LLM request failed\"}",
          SC_GW_RUN_ERROR, "LLM request failed" },
        { "true,\"payload\":{\"status\":\"error\",\"error\":{\"message\":\"m\"}}", SC_GW_RUN_ERROR,
          "m" },
        { "false,\"payload\":{\"status\":\"error\",\"summary\":\"s\"},\"error\":"
          "{\"code\":\"UNAVAILABLE\",\"message\":\"LLM request failed\"}",
          SC_GW_RUN_ERROR, "LLM request failed" },
        { "false,\"error\":{\"code\":\"UNAVAILABLE\",\"message\":\"not now\"}", SC_GW_RUN_REFUSED,
          "not now" },
        { "true,\"payload\":{\"runId\":\"K\",\"status\":\"timeout\"}", SC_GW_RUN_UNKNOWN, "" },
        { "true,\"payload\":{\"runId\":\"K\",\"status\":\"pending\"}", SC_GW_RUN_ACCEPTED, "" },
        { "true,\"payload\":{\"status\":\"timeout\",\"endedAt\":5,\"error\":\"slow\"}",
          SC_GW_RUN_TIMEOUT, "slow" },
        { "true,\"payload\":{\"status\":\"timeout\",\"endedAt\":5,\"pendingError\":true}",
          SC_GW_RUN_UNKNOWN, "" },
        { "true,\"payload\":{\"status\":\"timeout\",\"timeoutPhase\":\"gateway_draining\","
          "\"endedAt\":5}",
          SC_GW_RUN_DRAINED, "" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *json =
            sc_xasprintf("{\"type\":\"res\",\"id\":\"1\",\"ok\":%s}", cases[i].rest);
        struct sc_gw_frame f = parse(json);
        enum sc_gw_run_status status;
        sc_auto_free char *text = NULL;
        struct sc_err err = SC_ERR_INIT;
        cr_expect_eq(sc_gw_run_read(&f, &status, &text, &err), SC_OK, "case %zu", i);
        cr_expect_eq(status, cases[i].status, "case %zu", i);
        cr_expect_str_eq(text, cases[i].text, "case %zu", i);
        sc_gw_frame_fini(&f);
    }
}

Test(gateway_json, refuses_a_run_it_does_not_understand)
{
    struct sc_gw_frame f =
        parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"status\":\"odd\"}}");
    enum sc_gw_run_status status;
    char *text = NULL;
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_gw_run_read(&f, &status, &text, &err), SC_EPROTO);
    cr_assert_null(text);
    sc_gw_frame_fini(&f);
}

#define USER(key) "{\"role\":\"user\",\"content\":\"q\",\"idempotencyKey\":\"" key "\"}"
#define SAYS(stop, text)                                                                           \
    "{\"role\":\"assistant\",\"stopReason\":\"" stop "\",\"content\":[{\"type\":\"thinking\"},"    \
    "{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define SYSTEM "{\"role\":\"user\",\"provenance\":{\"kind\":\"internal_system\"}}"

Test(gateway_json, reads_what_became_of_a_run)
{
    static const struct {
        const char *rows, *active;
        bool asked, answered, failed;
        const char *text;
    } cases[] = {
        { "", "false", false, false, false, NULL },
        { USER("other:user") "," SAYS("stop", "x"), "false", false, false, false, NULL },
        { USER("K2:user") "," SAYS("stop", "x"), "false", false, false, false, NULL },
        { USER("K:user"), "true", true, false, false, NULL },
        { USER("K:user"), "false", true, false, false, NULL },
        { USER("K:user") "," SAYS("toolUse", "let me see"), "false", true, false, false, NULL },
        { USER("K:user") "," SAYS("stop", "yes"), "false", true, true, false, "yes" },
        { USER("K:user") "," SAYS("stop", "yes"), "true", true, false, false, NULL },
        { USER("K:user") "," SAYS("stop", "one") "," SAYS("stop", "two"), "false", true, true,
          false, "two" },
        { USER("K:user") "," SAYS("aborted", "hal") "," SYSTEM "," SAYS("stop", "done"), "false",
          true, true, false, "done" },
        { USER("K:user") "," SAYS("stop", "mine") "," USER("L:user") "," SAYS("stop", "theirs"),
          "true", true, true, false, "mine" },
        { USER("K:user") "," USER("L:user") "," SAYS("stop", "theirs"), "false", true, false, false,
          NULL },
        { USER("K:user") "," SAYS("error", "refused"), "false", true, false, true, "refused" },
        { USER("K:user") ",{\"role\":\"assistant\",\"content\":\"plain\"}", "false", true, true,
          false, "plain" },
        { "5,null,[]," USER("K:user") ",{}", "false", true, false, false, NULL },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_free char *json = sc_xasprintf(
            "{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"messages\":[%s],"
            "\"sessionInfo\":{\"hasActiveRun\":%s}}}",
            cases[i].rows, cases[i].active);
        struct sc_gw_frame f = parse(json);
        struct sc_gw_history h;
        struct sc_err err = SC_ERR_INIT;
        cr_expect_eq(sc_gw_history_read(&f, "K", &h, &err), SC_OK, "case %zu", i);
        cr_expect_eq(h.asked, cases[i].asked, "case %zu", i);
        cr_expect_eq(h.answered, cases[i].answered, "case %zu", i);
        cr_expect_eq(h.failed, cases[i].failed, "case %zu", i);
        cr_expect(sc_streq(h.text, cases[i].text), "case %zu: %s", i, h.text ? h.text : "NULL");
        free(h.text);
        sc_gw_frame_fini(&f);
    }
}

struct listed {
    struct sc_buf b;
};

static void on_agent(void *ctx, const char *id, const char *name)
{
    struct listed *l = ctx;
    sc_buf_addf(&l->b, "%s=%s ", id, name);
}

Test(gateway_json, lists_agents_without_the_gateways_own)
{
    struct listed l = { .b = SC_BUF_INIT };
    struct sc_err err = SC_ERR_INIT;
    struct sc_gw_frame f =
        parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"agents\":["
              "{\"id\":\"jerry\",\"kind\":\"agent\",\"name\":\"Jerry\"},{\"id\":\"sys\","
              "\"kind\":\"system\"},{\"id\":\"bobby\"},{\"name\":\"nobody\"},7]}}");
    cr_assert_eq(sc_gw_agents_read(&f, on_agent, &l, &err), SC_OK);
    cr_assert_str_eq(sc_buf_str(&l.b), "jerry=Jerry bobby=bobby ");
    sc_gw_frame_fini(&f);
    f = parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"agents\":{}}}");
    cr_assert_eq(sc_gw_agents_read(&f, on_agent, &l, &err), SC_EPROTO);
    sc_gw_frame_fini(&f);
    sc_buf_fini(&l.b);
}

Test(gateway_json, bounds_the_skills)
{
    struct sc_gw_frame f =
        parse("{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":{\"skills\":["
              "{\"name\":\"sideclaw-mesh\",\"eligible\":true},"
              "{\"name\":\"a\",\"eligible\":true},{\"name\":\"a\",\"eligible\":true},"
              "{\"name\":\"b\",\"eligible\":true,\"blockedByAllowlist\":true},"
              "{\"name\":\"c\",\"eligible\":true},{\"name\":\"d\",\"eligible\":true}]}}");
    struct sc_strv skills = { .v = NULL };
    sc_gw_skills_read(&f, 2, &skills);
    cr_assert_eq(skills.n, 2);
    cr_assert_str_eq(skills.v[0], "a");
    cr_assert_str_eq(skills.v[1], "c");
    sc_strv_fini(&skills);
    sc_gw_frame_fini(&f);
}

Test(gateway_json, reads_run_events)
{
    struct sc_gw_run_event ev;
    struct sc_gw_frame f = parse("{\"type\":\"event\",\"event\":\"agent\",\"payload\":{\"runId\":"
                                 "\"K\",\"sessionKey\":\"s\",\"stream\":\"lifecycle\",\"data\":"
                                 "{\"phase\":\"start\"}}}");
    sc_gw_run_event_read(&f, &ev);
    cr_assert_str_eq(ev.run_id, "K");
    cr_assert(ev.started);
    cr_assert_not(ev.ended);
    sc_gw_frame_fini(&f);
    f = parse("{\"type\":\"event\",\"event\":\"chat\",\"payload\":{\"state\":\"error\"}}");
    sc_gw_run_event_read(&f, &ev);
    cr_assert_str_eq(ev.run_id, "");
    cr_assert(ev.ended);
    sc_gw_frame_fini(&f);
}

Test(gateway_json, reads_the_health_pages)
{
    static const struct {
        const char *body;
        enum sc_gw_http_status status;
    } cases[] = {
        { "{\"ok\":true,\"status\":\"live\"}", SC_GW_HTTP_LIVE },
        { "{\"ok\":true,\"status\":\"started\",\"version\":\"2026.9.6\"}", SC_GW_HTTP_STARTED },
        { "{\"ok\":false,\"status\":\"starting\",\"pendingReason\":\"x\"}", SC_GW_HTTP_STARTING },
        { "{\"ok\":false,\"status\":\"draining\"}", SC_GW_HTTP_DRAINING },
        { "{\"status\":5}", SC_GW_HTTP_UNKNOWN },
        { "<html>", SC_GW_HTTP_UNKNOWN },
        { "", SC_GW_HTTP_UNKNOWN },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++)
        cr_expect_eq(sc_gw_http_status_read(cases[i].body, strlen(cases[i].body)), cases[i].status,
                     "%s", cases[i].body);
}

Test(gateway_json, reads_what_is_not_ready)
{
    static const struct {
        const char *body;
        int n;
        const char *text;
    } cases[] = {
        { "{\"ready\":true,\"failing\":[]}", 0, "" },
        { "{\"ready\":false,\"failing\":[\"telegram\",\"plugin-reload\"]}", 2,
          "telegram; plugin-reload" },
        { "{\"ready\":false,\"failing\":[7]}", 1, "" },
        { "{\"ready\":false}", 1, "" },
        { "{\"ready\":\"yes\"}", -1, "" },
        { "<html>", -1, "" },
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        sc_auto_buf struct sc_buf out = SC_BUF_INIT;
        cr_expect_eq(sc_gw_readyz_read(cases[i].body, strlen(cases[i].body), &out), cases[i].n,
                     "%s", cases[i].body);
        cr_expect_str_eq(sc_buf_str(&out), cases[i].text);
    }
}

static int read_payload(int (*read)(const struct sc_gw_frame *f, struct sc_buf *out),
                        const char *payload, struct sc_buf *out)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_addf(&text, "{\"type\":\"res\",\"id\":\"1\",\"ok\":true,\"payload\":%s}", payload);
    struct sc_gw_frame f = parse(sc_buf_str(&text));
    sc_buf_clear(out);
    int n = read(&f, out);
    sc_gw_frame_fini(&f);
    return n;
}

/* What is switched off or never set up is no fault. */
Test(gateway_json, reads_channels_that_do_not_work)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(read_payload(sc_gw_channels_read, "{}", &out), -1);
    cr_assert_eq(read_payload(sc_gw_channels_read, "{\"channelAccounts\":{}}", &out), 0);
    cr_assert_eq(read_payload(sc_gw_channels_read,
                              "{\"channelAccounts\":{\"telegram\":[{\"accountId\":\"default\","
                              "\"enabled\":true,\"configured\":true,\"running\":true,"
                              "\"connected\":true,\"lastError\":\"once\"}],\"irc\":[{\"accountId\":"
                              "\"a\",\"enabled\":false,\"running\":false}]}}",
                              &out),
                 0);
    cr_assert_eq(
        read_payload(sc_gw_channels_read,
                     "{\"channelAccounts\":{\"telegram\":[{\"accountId\":\"default\",\"running\":"
                     "false}],\"whatsapp\":[{\"accountId\":\"me\",\"linked\":false,"
                     "\"lastError\":\"Not linked\"}]}}",
                     &out),
        2);
    cr_assert_str_eq(sc_buf_str(&out), "telegram/default: stopped; whatsapp/me: Not linked");
}

Test(gateway_json, reads_model_providers_without_a_login)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    cr_assert_eq(read_payload(sc_gw_models_read, "{\"providers\":5}", &out), -1);
    cr_assert_eq(read_payload(sc_gw_models_read,
                              "{\"providers\":[{\"provider\":\"mock\",\"status\":\"static\"},"
                              "{\"provider\":\"a\",\"status\":\"expired\"},"
                              "{\"provider\":\"b\",\"status\":\"expiring\"},"
                              "{\"provider\":\"c\",\"status\":\"missing\"}]}",
                              &out),
                 2);
    cr_assert_str_eq(sc_buf_str(&out), "a: expired; c: missing");
}

/* What is cut must stay text: a byte of a character alone makes the whole board unreadable. */
Test(gateway_json, cuts_reports_between_characters)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT, payload = SC_BUF_INIT;
    for (int shift = 0; shift < 4; shift++) {
        sc_buf_clear(&payload);
        sc_buf_adds(&payload, "{\"providers\":[{\"provider\":\"");
        sc_buf_addf(&payload, "%.*s", shift, "abc");
        for (int i = 0; i < 60; i++)
            sc_buf_adds(&payload, "\xf0\x9f\xa6\x80");
        sc_buf_adds(&payload, "\",\"status\":\"expired\"}]}");
        cr_assert_eq(read_payload(sc_gw_models_read, sc_buf_str(&payload), &out), 1);
        cr_assert(sc_utf8_valid(out.p, out.n), "%s", out.p);
    }
}

/* A gateway with thousands of broken accounts is a number and the first of them. */
Test(gateway_json, reports_are_bounded)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT, payload = SC_BUF_INIT;
    sc_buf_adds(&payload, "{\"providers\":[");
    for (int i = 0; i < 3000; i++)
        sc_buf_addf(&payload, "%s{\"provider\":\"p%d\",\"status\":\"missing\"}", i ? "," : "", i);
    sc_buf_adds(&payload, "]}");
    cr_assert_eq(read_payload(sc_gw_models_read, sc_buf_str(&payload), &out), 3000);
    cr_assert_lt(out.n, 1024);
}
