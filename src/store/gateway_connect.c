/* Connect, stay connected, and give every frame to whom it concerns. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"
#include "sideclaw/parse.h"

/* ---- when it ends ---- */

static int64_t retry_delay(struct sc_gateway_ws *g)
{
    int64_t ms = sc_backoff_next(&g->backoff);
    if (g->state == SC_GW_STARTING && ms > g->timing.retry_starting)
        return g->timing.retry_starting;
    if (g->state == SC_GW_REFUSED && ms < g->timing.retry_refused)
        return g->timing.retry_refused;
    return ms;
}

void gw_connection_over(struct sc_gateway_ws *g)
{
    sc_ws_client_free(sc_steal(&g->ws));
    g->phase = GW_IDLE;
    g->connect_req = 0;
    sc_timer_disarm(g->login);
    gw_requests_drop_all(g);
    gw_agents_lost(g);
    gw_asks_lost(g);
    gw_checks_lost(g);
    gw_turns_park(g);
    if (!g->closed)
        sc_timer_arm(g->reconnect, retry_delay(g));
}

static void on_upgrade_refused(struct sc_gateway_ws *g, const struct sc_ws_end *end)
{
    if (end->code == 401 || end->code == 403)
        gw_set_state(g, SC_GW_REFUSED, "look at gateway.url and at what stands between",
                     "%s refuses the WebSocket (HTTP status %d)", g->url, end->code);
    else if (end->code >= 500)
        gw_probe_explain(g, "takes no WebSocket connections for now");
    else
        gw_set_state(g, SC_GW_ABSENT, "set gateway.url to the gateway's address",
                     "what listens at %s is no OpenClaw gateway (HTTP status %d)", g->url,
                     end->code);
}

static void on_broken(struct sc_gateway_ws *g, const struct sc_ws_end *end)
{
    gw_set_state(g, SC_GW_ABSENT,
                 "check gateway.url, and that the gateway is OpenClaw 2026.x (protocol 4)",
                 "what answers at %s does not speak the gateway protocol: %s", g->url, end->text);
}

/* A connection that was up broke off; what comes next is known only after the next attempt. */
static void on_dropped(struct sc_gateway_ws *g, const struct sc_ws_end *end)
{
    if (g->state == SC_GW_DRAINING)
        return; /* it said so before */
    gw_set_state(g, SC_GW_ABSENT, "", "the connection to %s was lost (%s); connecting again",
                 g->url, *end->text ? end->text : "closed");
}

static void on_ended(void *ctx, const struct sc_ws_end *end)
{
    struct sc_gateway_ws *g = ctx;
    bool was_up = g->phase == GW_UP;
    sc_log_debug(g->log, "gateway.disconnected", SC_S("url", g->url), SC_S("why", end->text),
                 SC_I("code", end->code));
    if (was_up && gw_now(g).ms - g->up_at.ms >= g->timing.good_connection)
        sc_backoff_reset(&g->backoff);
    switch (end->why) {
    case SC_WS_REFUSED:
        gw_set_state(g, SC_GW_ABSENT, "start the gateway: openclaw gateway run",
                     "nothing listens at %s (%s)", g->url, end->text);
        break;
    case SC_WS_SILENT:
        gw_probe_explain(g, "does not answer the WebSocket upgrade");
        break;
    case SC_WS_HTTP:
        on_upgrade_refused(g, end);
        break;
    case SC_WS_BROKEN:
        on_broken(g, end);
        break;
    case SC_WS_CLOSED:
    case SC_WS_LOST:
        if (was_up)
            on_dropped(g, end);
        else if (end->code == 1013)
            gw_set_state(g, SC_GW_STARTING, "", "the gateway at %s is starting", g->url);
        else
            gw_probe_explain(g, "closes the connection before the log-in");
        break;
    }
    gw_connection_over(g);
}

/* ---- frames ---- */

void gw_ready(struct sc_gateway_ws *g)
{
    gw_set_state(g, SC_GW_READY, "", "OpenClaw %s at %s", g->version, g->url);
    gw_agents_refresh(g, 0);
    gw_turns_resume(g);
}

static void on_shutdown(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    int64_t ms;
    const char *reason = sc_gw_shutdown_reason(f, &ms);
    gw_set_state(g, SC_GW_DRAINING, ms < 0 ? "start the gateway: openclaw gateway run" : "",
                 "the gateway at %s %s (%.80s)", g->url, ms < 0 ? "stops" : "restarts", reason);
}

static void on_suspension(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    if (!sc_gw_suspension_accepting(f)) {
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s is suspended", g->url);
    } else if (g->state == SC_GW_DRAINING) {
        gw_ready(g);
    }
}

static void on_event(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    if (f->event == SC_GW_EV_CHALLENGE && g->phase == GW_GREETING) {
        gw_login(g, f);
        return;
    }
    if (g->phase != GW_UP)
        return;
    switch (f->event) {
    case SC_GW_EV_AGENT:
    case SC_GW_EV_CHAT:
        gw_turns_event(g, f);
        break;
    case SC_GW_EV_CONFIG_CHANGED:
        gw_agents_refresh(g, g->timing.config_settle);
        break;
    case SC_GW_EV_SKILLS_CHANGED:
        gw_agents_refresh(g, g->timing.skills_settle);
        break;
    case SC_GW_EV_SHUTDOWN:
        on_shutdown(g, f);
        break;
    case SC_GW_EV_SUSPENSION:
        on_suspension(g, f);
        break;
    case SC_GW_EV_CHALLENGE:
    case SC_GW_EV_OTHER:
        break;
    }
}

/* A stopping gateway tells of it only when the last turn is over, but takes nothing new before. */
static void on_answer(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    if (!f->ok && g->phase == GW_UP && strncmp(f->error.reason, "gateway-", 8) == 0)
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s takes no new work (%.60s)", g->url,
                     f->error.reason);
    gw_requests_answer(g, f);
}

static void on_text(void *ctx, const char *text, size_t n)
{
    struct sc_gateway_ws *g = ctx;
    struct sc_gw_frame f;
    struct sc_err err = SC_ERR_INIT;
    g->last_frame = gw_now(g);
    if (sc_gw_frame_parse(text, n, &f, &err) < 0) {
        sc_ws_client_fail(g->ws, err.text);
        return;
    }
    if (f.type == SC_GW_ANSWER)
        on_answer(g, &f);
    else if (f.type == SC_GW_EVENT)
        on_event(g, &f);
    sc_gw_frame_fini(&f);
}

static void on_open(void *ctx)
{
    struct sc_gateway_ws *g = ctx;
    g->phase = GW_GREETING;
    sc_timer_arm(g->login, g->timing.connect);
}

static const struct sc_ws_client_ops ws_ops = {
    .open = on_open,
    .text = on_text,
    .ended = on_ended,
};

static void on_login_timeout(void *ctx)
{
    struct sc_gateway_ws *g = ctx;
    gw_probe_explain(g,
                     g->phase == GW_GREETING ? "sends no challenge" : "does not answer our log-in");
    gw_connection_over(g);
}

static void on_reconnect(void *ctx)
{
    gw_connect_now(ctx);
}

void gw_connect_init(struct sc_gateway_ws *g)
{
    g->login = sc_timer_new(g->loop, on_login_timeout, g);
    g->reconnect = sc_timer_new(g->loop, on_reconnect, g);
}

void gw_connect_now(struct sc_gateway_ws *g)
{
    struct sc_ws_address address = { .host = g->host, .port = g->port, .path = g->path };
    sc_assert(!g->ws);
    g->backoff.min_ms = g->timing.retry_min;
    g->backoff.max_ms = g->timing.retry_max;
    sc_timer_disarm(g->reconnect);
    g->phase = GW_OPENING;
    g->ws = sc_ws_client_new(g->loop, &address, g->timing.connect, &ws_ops, g);
}
