/* The adapter against a scripted gateway: log-in, states, agents. Turns are in
 * test_gateway_turns.c. */
#include <sodium.h>

#include "gateway_fixture.h"

static void assert_mode_0600(const struct fix *f, const char *name)
{
    struct stat st;
    sc_auto_free char *path = sc_xasprintf("%s/%s", f->dir, name);
    cr_assert_eq(stat(path, &st), 0, "%s", name);
    cr_assert_eq(st.st_mode & 0777, 0600, "%s", name);
}

static void unbase64(const char *text, uint8_t *ret, size_t size)
{
    size_t n = 0;
    cr_assert_eq(sodium_base642bin(ret, size, text, strlen(text), NULL, &n, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                 0);
    cr_assert_eq(n, size);
}

/* As the gateway checks it (OPENCLAW.md 4a). */
static void assert_signed(const struct sc_value *p, const char *token)
{
    const struct sc_value *d = sc_value_get(p, "device");
    uint8_t key[32], sig[64], digest[32];
    char id[65];
    unbase64(sc_value_get_str(d, "publicKey"), key, sizeof key);
    unbase64(sc_value_get_str(d, "signature"), sig, sizeof sig);
    sc_sha256(key, sizeof key, digest);
    sc_hex(digest, sizeof digest, id);
    cr_assert_str_eq(sc_value_get_str(d, "id"), id);
    cr_assert_eq(sc_value_get_int(d, "signedAt", 0), 1795225183338);
    cr_assert_str_eq(sc_value_get_str(d, "nonce"), "n-1");
    sc_auto_free char *text = sc_xasprintf(
        "v3|%s|cli|cli|operator|operator.read,operator.write,operator.admin|1795225183338|%s|n-1|"
        "linux|",
        id, token);
    cr_assert_eq(crypto_sign_verify_detached(sig, (const uint8_t *)text, strlen(text), key), 0);
}

Test(gateway_login, signs_the_challenge_with_a_key_made_once)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    assert_signed(params(&f, "connect"), TOKEN);
    cr_assert_str_eq(sc_value_get_str(sc_value_get(params(&f, "connect"), "auth"), "token"), TOKEN);
    assert_mode_0600(&f, "device.key");
    assert_mode_0600(&f, "device.token");
    sc_auto_free char *id =
        sc_xstrdup(sc_value_get_str(sc_value_get(params(&f, "connect"), "device"), "id"));
    stop(&f);
    start_ready(&f);
    cr_assert_str_eq(sc_value_get_str(sc_value_get(params(&f, "connect"), "device"), "id"), id);
    fini(&f);
}

Test(gateway_login, uses_the_device_token_when_there_is_no_other)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    stop(&f);
    f.token = NULL;
    start_ready(&f);
    assert_signed(params(&f, "connect"), "dt-1");
    fini(&f);
}

Test(gateway_login, goes_as_a_backend_with_the_token_alone)
{
    struct fix f;
    init(&f);
    f.device_auth = false;
    start_ready(&f);
    const struct sc_value *p = params(&f, "connect"), *c = sc_value_get(p, "client");
    cr_assert_null(sc_value_get(p, "device"));
    cr_assert_str_eq(sc_value_get_str(c, "id"), "gateway-client");
    cr_assert_str_eq(sc_value_get_str(c, "mode"), "backend");
    cr_assert_str_eq(sc_value_get_str(sc_value_get(p, "auth"), "token"), TOKEN);
    fini(&f);
}

#define MISMATCH                                                                                   \
    "!{\"code\":\"INVALID_REQUEST\",\"message\":\"unauthorized\",\"details\":"                     \
    "{\"code\":\"AUTH_TOKEN_MISMATCH\"}}"

Test(gateway_login, reports_a_refused_token_without_showing_it)
{
    struct fix f;
    init(&f);
    script(&f, "connect", MISMATCH);
    start(&f);
    until_told(&f, "state refused");
    cr_assert(told(&f, "AUTH_TOKEN_MISMATCH"));
    cr_assert(told(&f, "OPENCLAW_GATEWAY_TOKEN"));
    cr_assert_not(told(&f, TOKEN));
    cr_assert_eq(run_turn(&f, 1, false, 5), SC_EAWAY);
    script(&f, "connect", HELLO);
    sc_gateway_ws_set_token(f.gw, "better");
    until_told(&f, "state ready");
    assert_signed(params(&f, "connect"), "better");
    fini(&f);
}

Test(gateway_login, tries_the_device_token_when_the_shared_one_fails)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    stop(&f);
    script(&f, "connect", MISMATCH);
    start(&f);
    until(f.loop, seen(&f, "connect") >= 3); /* both tokens fail: the device's own is forgotten */
    assert_signed(params(&f, "connect"), "dt-1");
    until_told(&f, "state refused");
    sc_auto_free char *path = sc_xasprintf("%s/device.token", f.dir);
    cr_assert_neq(access(path, F_OK), 0);
    fini(&f);
}

Test(gateway_login, refuses_a_broken_key_file)
{
    struct fix f;
    init(&f);
    sc_auto_free char *path = sc_xasprintf("%s/device.key", f.dir);
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_file_write(path, "nonsense", 8, 0600, &err), SC_OK);
    struct sc_gateway_ws_deps deps = { .loop = f.loop,
                                       .clock = sc_clock_system(),
                                       .http = f.http,
                                       .url = "ws://127.0.0.1:1",
                                       .device_auth = true,
                                       .state_dir = f.dir };
    cr_assert_null(sc_gateway_ws_new(&deps, &err));
    cr_assert_eq(err.code, SC_ECONFIG);
    cr_assert_neq(err.remedy[0], 0);
    fini(&f);
}

Test(gateway_ws, understands_urls)
{
    static const struct {
        const char *url, *host, *path;
        int port; /* 0: refused */
    } cases[] = {
        { "ws://127.0.0.1:18789", "127.0.0.1", "/", 18789 },
        { "ws://gw.local", "gw.local", "/", 18789 },
        { "ws://[::1]:99/x", "::1", "/x", 99 },
        { "http://127.0.0.1:18789", "", "", 0 },
        { "ws://", "", "", 0 },
        { "ws://:80", "", "", 0 },
        { "ws://h:0", "", "", 0 },
        { "ws://h:99999", "", "", 0 },
        { "ws://[::1", "", "", 0 },
        { "ws://[::1]x", "", "", 0 },
    };
    struct fix f;
    init(&f);
    for (size_t i = 0; i < SC_ARRAY_LEN(cases); i++) {
        struct sc_err err = SC_ERR_INIT;
        struct sc_gateway_ws_deps deps = {
            .loop = f.loop, .clock = sc_clock_system(), .http = f.http, .url = cases[i].url
        };
        struct sc_gateway_ws *g = sc_gateway_ws_new(&deps, &err);
        cr_expect_eq(g != NULL, cases[i].port != 0, "%s: %s", cases[i].url, err.text);
        if (!g)
            continue;
        cr_expect_str_eq(g->host, cases[i].host);
        cr_expect_str_eq(g->path, cases[i].path);
        cr_expect_eq(g->port, cases[i].port);
        sc_gateway_ws_close(g);
        cr_assert_eq(sc_loop_turn(f.loop, 0, NULL), SC_OK);
        sc_gateway_ws_free(g);
    }
    fini(&f);
}

/* ---- states ---- */

Test(gateway_state, absent_then_ready_when_it_comes)
{
    struct fix f;
    init(&f);
    uint16_t port = f.server.port;
    server_down(&f.server);
    start(&f);
    until_told(&f, "state absent");
    cr_assert(told(&f, "nothing listens at ws://"));
    cr_assert(told(&f, "[start the gateway: openclaw gateway run]"));
    server_listen(&f.server, f.loop, port);
    until_told(&f, "state ready: OpenClaw 2026.9.6");
    cr_assert_str_eq(sc_gateway_ws_version(f.gw), "2026.9.6");
    fini(&f);
}

Test(gateway_state, starting_while_sidecars_start)
{
    struct fix f;
    init(&f);
    script(&f, "connect", UNAVAILABLE("startup-sidecars"));
    start(&f);
    until_told(&f, "state starting");
    script(&f, "connect", HELLO);
    until_told(&f, "state ready");
    fini(&f);
}

Test(gateway_state, starting_for_longer_than_its_grace_is_frozen)
{
    struct fix f;
    init(&f);
    script(&f, "connect", UNAVAILABLE("startup-sidecars"));
    start(&f);
    f.gw->start_grace_ms = 50;
    until_told(&f, "state frozen: the gateway at ws://");
    cr_assert(told(&f, "is starting, for more than"));
    fini(&f);
}

Test(gateway_state, starting_when_the_upgrade_is_refused_and_startupz_says_so)
{
    struct fix f;
    init(&f);
    f.server.upgrade = "HTTP/1.1 503 Busy\r\n\r\n";
    f.startupz = "503 {\"ok\":false,\"status\":\"starting\"}";
    start(&f);
    until_told(&f, "state starting");
    f.startupz = "503 {\"ok\":false,\"status\":\"draining\"}";
    until_told(&f, "state draining");
    f.server.upgrade = NULL;
    f.startupz = "200 {\"ok\":true,\"status\":\"started\"}";
    until_told(&f, "state ready");
    fini(&f);
}

Test(gateway_state, absent_when_it_is_another_program)
{
    struct fix f;
    init(&f);
    f.server.upgrade = "HTTP/1.1 404 Not Found\r\n\r\n";
    start(&f);
    until_told(&f, "is no OpenClaw gateway (HTTP status 404)");
    cr_assert(told(&f, "state absent"));
    fini(&f);
}

Test(gateway_state, frozen_only_when_both_signals_are_silent)
{
    struct fix f;
    init(&f);
    f.greeting = NULL; /* it accepts, and sends no challenge; /healthz answers */
    start(&f);
    until_told(&f, "answers /healthz, but sends no challenge");
    cr_assert(told(&f, "state starting"));
    f.healthz = NULL;
    until_told(&f, "state frozen: the gateway at ws://");
    cr_assert(told(&f, "[restart the gateway"));
    fini(&f);
}

Test(gateway_state, frozen_in_mid_life_and_back)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    f.server.mute = true;
    sc_gateway_ws_silent(f.gw, false);
    cr_assert(told(&f, "state frozen: the gateway at ws://"));
    cr_assert(told(&f, "answers neither the WebSocket nor /healthz"));
    sc_gateway_ws_silent(f.gw, true); /* there is no connection any more */
    cr_assert_not(told(&f, "state absent"));
    f.server.mute = false;
    until_told(&f, "state ready");
    fini(&f);
}

Test(gateway_state, a_silent_connection_is_replaced_while_healthz_answers)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    f.server.mute = true;
    sc_gateway_ws_silent(f.gw, true);
    cr_assert_eq(f.news.n, 0, "a frame came a moment ago: the call is slow, no more");
    f.gw->last_frame.ms -= 8000;
    sc_gateway_ws_silent(f.gw, true);
    cr_assert(told(&f, "went silent; connecting again"));
    f.server.mute = false;
    until_told(&f, "state ready");
    cr_assert_geq(f.server.upgrades, 2);
    fini(&f);
}

Test(gateway_state, draining_while_suspended_and_before_it_stops)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    event(&f, "gateway.suspension", "{\"phase\":\"draining\"}");
    until_told(&f, "state draining");
    cr_assert_eq(run_turn(&f, 1, false, 5), SC_EAWAY);
    event(&f, "gateway.suspension", "{\"phase\":\"accepting\"}");
    until_told(&f, "state ready");
    sc_buf_clear(&f.news);
    event(&f, "shutdown", "{\"reason\":\"gateway restarting\",\"restartExpectedMs\":1500}");
    until_told(&f, "restarts (gateway restarting)");
    conn_close(f.server.last, 1012, "service restart");
    until_told(&f, "state ready");
    cr_assert_not(told(&f, "state absent"));
    fini(&f);
}

/* Events may be missed, and a gateway that stops announces it late. */
Test(gateway_state, draining_as_startupz_tells_it)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    gw_probe_startup(f.gw, SC_GW_HTTP_DRAINING);
    cr_assert(told(&f, "state draining"));
    gw_probe_startup(f.gw, SC_GW_HTTP_STARTED);
    cr_assert(told(&f, "state ready"));
    fini(&f);
}

Test(gateway_state, connects_again_after_a_loss)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    conn_drop(f.server.last);
    until_told(&f, "was lost");
    cr_assert(told(&f, "state absent"));
    until_told(&f, "state ready");
    cr_assert_eq(f.server.upgrades, 2);
    fini(&f);
}

Test(gateway_state, garbage_ends_the_connection_and_is_reported_once)
{
    static const char *const garbage[] = {
        "{", "[]", "{\"type\":5}", "{\"type\":\"res\"}", "{\"type\":\"event\"}", "nonsense"
    };
    for (size_t i = 0; i < SC_ARRAY_LEN(garbage); i++) {
        struct fix f;
        init(&f);
        f.greeting = garbage[i];
        start(&f);
        until(f.loop, f.server.upgrades >= 3);
        cr_expect(told(&f, "does not speak the gateway protocol"), "%s", garbage[i]);
        cr_expect_null(strstr(strchr(sc_buf_str(&f.news), '\n') + 1, "state"), "%s", garbage[i]);
        fini(&f);
    }
}

Test(gateway_state, half_an_emoji_or_an_unknown_frame_is_no_fault)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    event(&f, "chat", "{\"runId\":\"x\",\"deltaText\":\"a \\ud83d\"}");
    event(&f, "chat", "{\"runId\":\"x\",\"deltaText\":\"\\u0000 \\ude00 \\\\ud83d\"}");
    event(&f, "never.heard.of", "null");
    conn_send_text(f.server.last, "{\"type\":\"new-thing\"}");
    conn_send_text(f.server.last, "{\"type\":\"res\",\"id\":\"999\",\"ok\":true}");
    conn_send_text(f.server.last, "{\"type\":\"res\",\"id\":\"x\",\"ok\":false}");
    event(&f, "gateway.suspension", "{\"phase\":\"draining\"}");
    until_told(&f, "state draining");
    cr_assert_eq(f.server.upgrades, 1);
    fini(&f);
}

/* ---- agents ---- */

Test(gateway_agents, are_reported_at_once_and_again_with_what_they_can_do)
{
    struct fix f;
    init(&f);
    script(&f, "config.get",
           "{\"resolved\":{\"bindings\":[{\"agentId\":\"jerry\",\"match\":{\"channel\":\"slack\"}},"
           "{\"agentId\":\"jerry\",\"match\":{\"channel\":\"slack\",\"accountId\":\"b\"}},"
           "{\"agentId\":\"gone\",\"match\":{\"channel\":\"irc\"}},"
           "{\"agentId\":\"jerry\",\"match\":{\"channel\":\"*\"}}]}}");
    script(&f, "skills.status",
           "{\"skills\":[{\"name\":\"weather\",\"eligible\":true,\"bundled\":true},"
           "{\"name\":\"deploy\",\"eligible\":true,\"bundled\":false},"
           "{\"name\":\"off\",\"eligible\":true,\"disabled\":true},"
           "{\"name\":\"broken\",\"eligible\":false}]}");
    start(&f);
    until_told(&f, "agents jerry(slack,deploy)\n");
    cr_assert(told(&f, "agents jerry()\nagents jerry(slack,deploy)\n"), "%s", sc_buf_str(&f.news));
    fini(&f);
}

Test(gateway_agents, are_read_again_after_a_change_and_reported_when_they_differ)
{
    struct fix f;
    init(&f);
    start_ready(&f);
    event(&f, "config.changed", "{}");
    until(f.loop, seen(&f, "skills.status") == 2 && !f.gw->agents.busy);
    cr_assert_eq(f.news.n, 0, "nothing changed: %s", sc_buf_str(&f.news));
    script(&f, "agents.list",
           "{\"agents\":[{\"id\":\"jerry\"},{\"id\":\"../x\"},"
           "{\"id\":\"bobby\",\"kind\":\"agent\"}]}");
    event(&f, "config.changed", "{}");
    event(&f, "config.changed", "{}");
    until_told(&f, "agents jerry() bobby()\n");
    until(f.loop, seen(&f, "skills.status") == 4 && !f.gw->agents.busy);
    cr_assert_eq(seen(&f, "agents.list"), 3, "two events at once are one change");
    fini(&f);
}

Test(gateway_agents, are_asked_for_again_when_the_list_fails)
{
    struct fix f;
    init(&f);
    script(&f, "agents.list", "!{\"code\":\"INTERNAL\",\"message\":\"oops\"}");
    start(&f);
    until(f.loop, seen(&f, "agents.list") >= 2);
    script(&f, "agents.list", "{\"agents\":[]}");
    until_told(&f, "agents\n");
    fini(&f);
}
