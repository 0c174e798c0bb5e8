/* Log in: answer the challenge with what we have, and say what it means when that is refused. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"

static const char *login_token(const struct sc_gateway_ws *g)
{
    if (g->device_auth && (g->use_device_token || !g->token))
        return g->device.token;
    return g->token;
}

static bool is_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The shared token and the device's own are two keys to one door: when one fails, try the other at
 * once, each one time. true when there is another attempt to make. */
static bool try_other_token(struct sc_gateway_ws *g, const struct sc_gw_error *e)
{
    bool wrong = strcmp(e->detail, "AUTH_TOKEN_MISMATCH") == 0 ||
                 strcmp(e->detail, "AUTH_DEVICE_TOKEN_MISMATCH") == 0;
    if (!g->device_auth || !wrong)
        return false;
    bool used_device_token = login_token(g) == g->device.token && g->device.token;
    if (used_device_token) {
        struct sc_err err = SC_ERR_INIT;
        if (gw_device_keep_token(&g->device, NULL, &err) < 0)
            sc_log_warn(g->log, "gateway.device_token", SC_S("error", err.text),
                        SC_S("then", "goes on without"));
        g->use_device_token = false;
        return !g->token; /* it was the first choice: once more, with the key alone */
    }
    g->use_device_token = g->device.token != NULL;
    return g->use_device_token;
}

static void on_refused(struct sc_gateway_ws *g, const struct sc_gw_error *e)
{
    if (strcmp(e->reason, "startup-sidecars") == 0) {
        gw_set_state(g, SC_GW_STARTING, "", "the gateway at %s is starting", g->url);
    } else if (strcmp(e->code, "UNAVAILABLE") == 0) {
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s takes no connections: %s", g->url,
                     e->message);
    } else if (is_prefix(e->detail, "AUTH_")) {
        gw_set_state(g, SC_GW_REFUSED,
                     "set OPENCLAW_GATEWAY_TOKEN or gateway.token_file to the gateway's "
                     "gateway.auth.token",
                     "the gateway at %s %s (%s)", g->url,
                     login_token(g) ? "refuses our token" : "wants a token, and we have none",
                     e->detail);
    } else if (strcmp(e->detail, "PROTOCOL_MISMATCH") == 0) {
        gw_set_state(g, SC_GW_REFUSED, "use OpenClaw 2026.x, or a newer sideclaw",
                     "the gateway at %s does not speak protocol 4", g->url);
    } else {
        gw_set_state(g, SC_GW_REFUSED,
                     g->device_auth
                         ? "approve the device: openclaw devices list, openclaw devices approve; "
                           "or set OPENCLAW_GATEWAY_TOKEN or gateway.token_file"
                         : "set gateway.auth = \"device\", or OPENCLAW_GATEWAY_TOKEN or "
                           "gateway.token_file",
                     "the gateway at %s refuses us: %s (%s)", g->url, e->message,
                     *e->detail ? e->detail : e->code);
    }
}

static void up(struct sc_gateway_ws *g, const struct sc_gw_hello *hello)
{
    struct sc_err err = SC_ERR_INIT;
    g->phase = GW_UP;
    g->tick_ms = hello->tick_ms;
    (void)snprintf(g->version, sizeof g->version, "%s", hello->version);
    (void)snprintf(g->boot, sizeof g->boot, "%s", hello->boot);
    g->up_at = gw_now(g);
    sc_timer_disarm(g->login);
    if (g->device_auth && hello->device_token &&
        gw_device_keep_token(&g->device, hello->device_token, &err) < 0)
        sc_log_warn(g->log, "gateway.device_token", SC_S("error", err.text),
                    SC_S("then", "asks for another at the next log-in"));
    sc_log_info(g->log, "gateway.connected", SC_S("url", g->url), SC_S("version", g->version));
    if (hello->accepting)
        gw_ready(g);
    else
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s is suspended", g->url);
}

static void on_hello(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct sc_gw_hello hello;
    struct sc_err err = SC_ERR_INIT;
    (void)ctx;
    g->connect_req = 0;
    if (f->ok && sc_gw_hello_read(f, &hello, &err) < 0) {
        sc_ws_client_fail(g->ws, err.text);
    } else if (f->ok) {
        up(g, &hello);
    } else if (try_other_token(g, &f->error)) {
        gw_connection_over(g);
        sc_timer_arm(g->reconnect, 0);
    } else {
        on_refused(g, &f->error);
        g->use_device_token = false;
        gw_connection_over(g);
    }
}

void gw_login(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    const char *nonce = NULL;
    int64_t ts = 0;
    if (sc_gw_challenge_read(f, &nonce, &ts, &err) < 0) {
        sc_ws_client_fail(g->ws, err.text);
        return;
    }
    g->phase = GW_LOGIN;
    g->connect_req = gw_request_new(g, true, on_hello, NULL);
    if (g->device_auth)
        gw_device_write_connect(&g->device, &out, g->connect_req, login_token(g), nonce, ts);
    else
        sc_gw_write_connect(&out, g->connect_req, g->token, NULL);
    (void)gw_request_send(g, &g->connect_req, &out); /* else the log-in's deadline ends it */
    explicit_bzero(out.p, out.n);                    /* it holds the token */
}
