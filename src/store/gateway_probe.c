/* Is the gateway alive? Asked over HTTP from outside, and over the WebSocket when that is silent.
 * One signal alone proves nothing: an event loop may block for seconds, a proxy may answer for a
 * dead process. Only two that agree make it frozen. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"

enum { ANSWER_MAX = 64 * 1024 }; /* bytes; the real ones have 100 */

/* ---- the watch on the WebSocket ---- */

static int64_t silence_ms(const struct sc_gateway_ws *g)
{
    return gw_now(g).ms - g->last_frame.ms;
}

static bool ping_unanswered(const struct sc_gateway_ws *g)
{
    return g->probe.ping && gw_now(g).ms - g->probe.ping_at.ms >= g->timing.ping_timeout;
}

static void freeze(struct sc_gateway_ws *g)
{
    gw_set_state(g, SC_GW_FROZEN, "restart the gateway: it runs, and does not answer",
                 "the gateway at %s answers neither the WebSocket nor /healthz", g->url);
    gw_connection_over(g);
}

void sc_gateway_ws_frozen(struct sc_gateway_ws *g)
{
    if (g->phase == GW_UP && !g->closed)
        freeze(g);
}

/* Connected: what do the two signals say together? */
static void judge_connection(struct sc_gateway_ws *g)
{
    bool ws_silent = ping_unanswered(g) || silence_ms(g) * 2 > g->tick_ms * 5;
    if (ws_silent && g->probe.silent) {
        freeze(g);
    } else if (ws_silent && g->probe.live) {
        gw_set_state(g, SC_GW_ABSENT, "", "the connection to %s went silent; connecting again",
                     g->url);
        gw_connection_over(g);
    }
}

static void on_pong(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    (void)ctx;
    (void)f; /* any answer will do: while it is suspended even `health` is refused */
    g->probe.ping = 0;
    gw_watch_start(g);
}

static void ping(struct sc_gateway_ws *g)
{
    if (g->probe.ping)
        return;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    g->probe.ping = gw_request_new(g, true, on_pong, NULL);
    g->probe.ping_at = gw_now(g);
    sc_gw_write_call(&out, g->probe.ping, "health", NULL);
    int64_t id = g->probe.ping;
    if (!gw_request_send(g, &g->probe.ping, &out))
        g->probe.ping = id; /* unsent is unanswered */
    sc_timer_arm(g->probe.watch, g->timing.ping_timeout);
}

static void on_watch(void *ctx)
{
    struct sc_gateway_ws *g = ctx;
    int64_t left = g->tick_ms + g->timing.tick_slack - silence_ms(g);
    if (ping_unanswered(g)) {
        gw_probe_now(g);
        sc_timer_arm(g->probe.watch, g->timing.probe_timeout);
    } else if (left > 0) {
        sc_timer_arm(g->probe.watch, left);
    } else {
        ping(g);
    }
}

void gw_watch_start(struct sc_gateway_ws *g)
{
    sc_timer_arm(g->probe.watch, g->tick_ms + g->timing.tick_slack);
}

void gw_watch_stop(struct sc_gateway_ws *g)
{
    g->probe.ping = 0;
    sc_timer_disarm(g->probe.watch);
}

/* ---- what a failed attempt to connect means ---- */

void gw_probe_explain(struct sc_gateway_ws *g, const char *puzzle)
{
    g->probe.puzzled = true;
    (void)snprintf(g->probe.puzzle, sizeof g->probe.puzzle, "%s", puzzle);
    gw_probe_now(g);
}

static void judge_attempt(struct sc_gateway_ws *g)
{
    struct gw_probe *p = &g->probe;
    if (!p->puzzled)
        return;
    p->puzzled = false;
    if (p->silent)
        gw_set_state(g, SC_GW_FROZEN, "restart the gateway: it runs, and does not answer",
                     "the gateway at %s %s, and /healthz is not answered", g->url, p->puzzle);
    else if (p->refused)
        gw_set_state(g, SC_GW_ABSENT, "start the gateway: openclaw gateway run",
                     "nothing listens at %s any more", g->url);
    else if (p->startup == SC_GW_HTTP_DRAINING)
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s is going away", g->url);
    else if (p->startup == SC_GW_HTTP_STARTING)
        gw_set_state(g, SC_GW_STARTING, "", "the gateway at %s is starting", g->url);
    else if (p->live)
        gw_set_state(g, SC_GW_STARTING, "", "the gateway at %s answers /healthz, but %s", g->url,
                     p->puzzle);
    else
        gw_set_state(g, SC_GW_ABSENT, "set gateway.url to the gateway's address",
                     "what listens at %s is no OpenClaw gateway: it %s", g->url, p->puzzle);
}

/* Events may be missed, and a gateway that stops announces it late: /startupz has the last word. */
static void judge_drain(struct sc_gateway_ws *g)
{
    if (g->state == SC_GW_READY && g->probe.startup == SC_GW_HTTP_DRAINING)
        gw_set_state(g, SC_GW_DRAINING, "", "the gateway at %s takes no new work", g->url);
    else if (g->state == SC_GW_DRAINING && g->probe.startup == SC_GW_HTTP_STARTED)
        gw_ready(g);
}

void gw_probe_startup(struct sc_gateway_ws *g, enum sc_gw_http_status status)
{
    g->probe.startup = status;
    if (g->phase == GW_UP)
        judge_drain(g);
}

static void judge(struct sc_gateway_ws *g)
{
    if (g->phase != GW_UP) {
        judge_attempt(g);
        return;
    }
    judge_drain(g);
    if (g->probe.silent && !g->probe.ping)
        ping(g); /* one signal is bad: ask for the other */
    else
        judge_connection(g);
}

/* ---- /healthz, then /startupz ---- */

static void ask(struct sc_gateway_ws *g, const char *page, sc_http_done_fn *done)
{
    struct sc_err err = SC_ERR_INIT;
    const char *open = strchr(g->host, ':') ? "[" : "";
    sc_auto_free char *url =
        sc_xasprintf("http://%s%s%s:%u/%s", open, g->host, *open ? "]" : "", g->port, page);
    struct sc_http_request req = {
        .method = "GET", .url = url, .timeout_ms = g->timing.probe_timeout, .max_body = ANSWER_MAX
    };
    if (sc_http_send(g->http, &req, done, g, &g->probe.op, &err) < 0) {
        g->probe.op = NULL;
        sc_log_debug(g->log, "gateway.probe", SC_S("error", err.text));
    }
}

static void on_startupz(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_gateway_ws *g = ctx;
    (void)err;
    g->probe.op = NULL;
    g->probe.startup = res ? sc_gw_http_status_read(res->body, res->body_len) : SC_GW_HTTP_UNKNOWN;
    judge(g);
}

static void on_healthz(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_gateway_ws *g = ctx;
    struct gw_probe *p = &g->probe;
    p->op = NULL;
    p->live = res && sc_gw_http_status_read(res->body, res->body_len) == SC_GW_HTTP_LIVE;
    p->silent = !res && err->code == SC_ETIMEDOUT;
    p->refused = !res && !p->silent;
    p->startup = SC_GW_HTTP_UNKNOWN;
    if (res)
        ask(g, "startupz", on_startupz);
    else
        judge(g);
}

void gw_probe_now(struct sc_gateway_ws *g)
{
    if (g->closed)
        return;
    if (!g->probe.op)
        ask(g, "healthz", on_healthz);
    sc_timer_arm(g->probe.timer, g->timing.probe_every);
}

static void on_probe_timer(void *ctx)
{
    gw_probe_now(ctx);
}

void gw_probe_start(struct sc_gateway_ws *g)
{
    g->probe.timer = sc_timer_new(g->loop, on_probe_timer, g);
    g->probe.watch = sc_timer_new(g->loop, on_watch, g);
}

void gw_probe_stop(struct sc_gateway_ws *g)
{
    sc_http_cancel(sc_steal(&g->probe.op));
    sc_timer_free(sc_steal(&g->probe.timer));
    sc_timer_free(sc_steal(&g->probe.watch));
}
