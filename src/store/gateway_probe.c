/* What does a failed attempt to connect mean? Asked over HTTP, from outside. How a gateway is that
 * we are connected to is asked by the prober (domain/prober.c, through gateway_checks.c), which
 * says here when the connection alone, or all of the gateway, has gone silent: one sign alone
 * proves nothing, for an event loop may block for seconds, and a proxy may answer for a dead
 * process. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"

enum {
    ANSWER_MAX = 64 * 1024, /* bytes; the real ones have 100 */
    LATELY_MS = 7000        /* less than the two calls that must fail before we are told */
};

void sc_gateway_ws_silent(struct sc_gateway_ws *g, bool answers_http)
{
    if (g->phase != GW_UP || g->closed)
        return;
    if (answers_http && gw_now(g).ms - g->last_frame.ms < LATELY_MS)
        return; /* the call is slow, the connection is well */
    if (answers_http)
        gw_set_state(g, SC_GW_ABSENT, "", "the connection to %s went silent; connecting again",
                     g->url);
    else
        gw_set_state(g, SC_GW_FROZEN, "restart the gateway: it runs, and does not answer",
                     "the gateway at %s answers neither the WebSocket nor /healthz", g->url);
    gw_connection_over(g);
}

/* ---- what a failed attempt to connect means ---- */

static void judge_attempt(struct sc_gateway_ws *g)
{
    struct gw_probe *p = &g->probe;
    if (!p->puzzled || g->phase == GW_UP)
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
    judge_attempt(g);
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
        judge_attempt(g);
}

void gw_probe_explain(struct sc_gateway_ws *g, const char *puzzle)
{
    if (g->closed)
        return;
    g->probe.puzzled = true;
    (void)snprintf(g->probe.puzzle, sizeof g->probe.puzzle, "%s", puzzle);
    if (!g->probe.op)
        ask(g, "healthz", on_healthz);
}

void gw_probe_stop(struct sc_gateway_ws *g)
{
    sc_http_cancel(sc_steal(&g->probe.op));
}
