/* One look at the gateway each: its HTTP pages, its WebSocket, a call, and what it says of itself.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"
#include "sideclaw/parse.h"

enum { PAGE_MAX = 64 * 1024, MARGIN_MS = 1000 /* whoever asks gives up first, and cancels */ };

struct sc_check {
    struct sc_gateway_ws *g;
    enum sc_check_id id;
    struct sc_http_op *op;
    int64_t request;
    sc_check_fn *fn;
    void *ctx;
    struct sc_check_result result; /* when it is known at once */
    LIST_ENTRY(sc_check) link;
};

static void on_known(void *ctx);

static void check_free(struct sc_check *c)
{
    LIST_REMOVE(c, link);
    sc_loop_undefer(c->g->loop, on_known, c);
    sc_http_cancel(sc_steal(&c->op));
    if (c->request)
        gw_request_drop(c->g, &c->request);
    free(c);
}

static void end(struct sc_check *c, const struct sc_check_result *r)
{
    const struct sc_check_result result = *r;
    sc_check_fn *fn = c->fn;
    void *ctx = c->ctx;
    check_free(c);
    fn(ctx, &result);
}

static void on_known(void *ctx)
{
    struct sc_check *c = ctx;
    end(c, &c->result);
}

static void answer(struct sc_check_result *r, enum sc_check_answer a, const char *remedy,
                   const char *fmt, ...) SC_PRINTF(4, 5);

static void answer(struct sc_check_result *r, enum sc_check_answer a, const char *remedy,
                   const char *fmt, ...)
{
    char whole[2 * sizeof r->text];
    va_list ap;
    va_start(ap, fmt);
    r->answer = a;
    (void)vsnprintf(whole, sizeof whole, fmt, ap);
    va_end(ap);
    (void)snprintf(r->text, sizeof r->text, "%.*s", (int)sc_utf8_prefix(whole, sizeof r->text - 1),
                   whole);
    (void)snprintf(r->remedy, sizeof r->remedy, "%s", remedy);
}

/* ---- the pages ---- */

static void read_live(const struct sc_gateway_ws *g, const struct sc_http_response *res,
                      struct sc_check_result *r)
{
    if (sc_gw_http_status_read(res->body, res->body_len) == SC_GW_HTTP_LIVE)
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
    else
        answer(r, SC_ANSWER_BAD, "set gateway.url to the gateway's address",
               "what answers at %s:%u/healthz is no OpenClaw gateway (HTTP status %d)", g->host,
               g->port, res->status);
}

static void read_startup(struct sc_gateway_ws *g, const struct sc_http_response *res,
                         struct sc_check_result *r)
{
    switch (sc_gw_http_status_read(res->body, res->body_len)) {
    case SC_GW_HTTP_STARTED:
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
        break;
    case SC_GW_HTTP_STARTING:
        answer(r, SC_ANSWER_STARTING, "", "the gateway is starting");
        break;
    case SC_GW_HTTP_DRAINING:
        answer(r, SC_ANSWER_BAD, "", "the gateway takes no new work");
        break;
    case SC_GW_HTTP_LIVE:
    case SC_GW_HTTP_UNKNOWN:
        answer(r, SC_ANSWER_BAD, "", "/startupz says nothing we know (HTTP status %d)",
               res->status);
        break;
    }
    gw_probe_startup(g, sc_gw_http_status_read(res->body, res->body_len));
}

static void read_ready(const struct sc_http_response *res, struct sc_check_result *r)
{
    sc_auto_buf struct sc_buf failing = SC_BUF_INIT;
    int n = sc_gw_readyz_read(res->body, res->body_len, &failing);
    if (n == 0)
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
    else if (n < 0)
        answer(r, SC_ANSWER_OFF, "", "this gateway has no /readyz");
    else
        answer(r, SC_ANSWER_BAD, "", "not ready: %s", sc_buf_str(&failing));
}

static void on_page(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_check *c = ctx;
    struct sc_check_result r = { .answer = SC_ANSWER_NONE };
    c->op = NULL;
    if (!res && err->code == SC_ECANCELED)
        answer(&r, SC_ANSWER_NONE, "", "the sidecar stops");
    else if (!res)
        answer(&r, err->code == SC_ETIMEDOUT ? SC_ANSWER_SILENT : SC_ANSWER_REFUSED,
               "start the gateway: openclaw gateway run", "%s", err->text);
    else if (c->id == SC_CHECK_LIVE)
        read_live(c->g, res, &r);
    else if (c->id == SC_CHECK_STARTUP)
        read_startup(c->g, res, &r);
    else
        read_ready(res, &r);
    end(c, &r);
}

static void ask_page(struct sc_check *c, const char *page, int64_t wait_ms)
{
    struct sc_gateway_ws *g = c->g;
    struct sc_err err = SC_ERR_INIT;
    const char *open = strchr(g->host, ':') ? "[" : "";
    sc_auto_free char *url =
        sc_xasprintf("http://%s%s%s:%u/%s", open, g->host, *open ? "]" : "", g->port, page);
    const struct sc_http_request req = {
        .method = "GET", .url = url, .timeout_ms = wait_ms + MARGIN_MS, .max_body = PAGE_MAX
    };
    if (sc_http_send(g->http, &req, on_page, c, &c->op, &err) < 0) {
        c->op = NULL;
        answer(&c->result, SC_ANSWER_NONE, "", "%s", err.text);
        sc_loop_defer(g->loop, on_known, c);
    }
}

/* ---- the connection ---- */

/* Two ticks may be late; nothing for longer means that nobody ticks. */
static bool ticks_stopped(const struct sc_gateway_ws *g)
{
    return g->phase == GW_UP && (gw_now(g).ms - g->last_frame.ms) * 2 > g->tick_ms * 5;
}

static void look_at_ws(const struct sc_gateway_ws *g, struct sc_check_result *r)
{
    switch (g->state) {
    case SC_GW_READY:
    case SC_GW_DRAINING:
        if (ticks_stopped(g))
            answer(r, SC_ANSWER_SILENT, "look at the gateway's log, or restart it",
                   "no tick for %lld s", (long long)(gw_now(g).ms - g->last_frame.ms) / 1000);
        else
            answer(r, SC_ANSWER_GOOD, "", "%s", g->detail);
        break;
    case SC_GW_STARTING:
        answer(r, SC_ANSWER_STARTING, g->remedy, "%s", g->detail);
        break;
    case SC_GW_ABSENT:
        answer(r, g->reported ? SC_ANSWER_REFUSED : SC_ANSWER_NONE, g->remedy, "%s",
               g->reported ? g->detail : "not connected yet");
        break;
    case SC_GW_FROZEN:
        answer(r, SC_ANSWER_SILENT, g->remedy, "%s", g->detail);
        break;
    case SC_GW_REFUSED: /* a refusal is an answer, too; see look_at_login */
        answer(r, SC_ANSWER_GOOD, "", "it answers, and refuses us");
        break;
    case SC_GW_OFF:
        answer(r, SC_ANSWER_OFF, "", "%s", "");
        break;
    }
}

static void look_at_login(const struct sc_gateway_ws *g, struct sc_check_result *r)
{
    if (g->state == SC_GW_REFUSED)
        answer(r, SC_ANSWER_BAD, g->remedy, "%s", g->detail);
    else if (g->phase == GW_UP)
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
    else
        answer(r, SC_ANSWER_NONE, "", "not logged in");
}

/* ---- calls ---- */

/* Any answer to the cheap call will do: while it is suspended even `health` is refused. */
static void read_refusal(enum sc_check_id id, const struct sc_gw_error *e,
                         struct sc_check_result *r)
{
    if (id == SC_CHECK_RPC)
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
    else if (strcmp(e->code, "UNAVAILABLE") == 0)
        answer(r, SC_ANSWER_NONE, "", "%s", e->message);
    else
        answer(r, SC_ANSWER_OFF, "", "this gateway does not tell: %s", e->message);
}

static void read_report(enum sc_check_id id, const struct sc_gw_frame *f, struct sc_check_result *r)
{
    sc_auto_buf struct sc_buf wrong = SC_BUF_INIT;
    int n = id == SC_CHECK_CHANNELS ? sc_gw_channels_read(f, &wrong)
            : id == SC_CHECK_MODELS ? sc_gw_models_read(f, &wrong)
                                    : 0;
    if (n < 0)
        answer(r, SC_ANSWER_OFF, "", "this gateway's answer says nothing we know");
    else if (n > 0)
        answer(r, SC_ANSWER_BAD,
               id == SC_CHECK_CHANNELS ? "openclaw channels status" : "openclaw models status",
               "%s", sc_buf_str(&wrong));
    else
        answer(r, SC_ANSWER_GOOD, "", "%s", "");
}

static void on_called(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct sc_check *c = ctx;
    struct sc_check_result r = { .answer = SC_ANSWER_NONE };
    (void)g;
    c->request = 0; /* answered, and so forgotten */
    if (f->ok)
        read_report(c->id, f, &r);
    else
        read_refusal(c->id, &f->error, &r);
    end(c, &r);
}

/* Without a connection there is nobody to ask; that it answers nothing was the connection's end. */
static void no_call(const struct sc_gateway_ws *g, enum sc_check_id id, struct sc_check_result *r)
{
    if (g->state == SC_GW_FROZEN && id == SC_CHECK_RPC)
        answer(r, SC_ANSWER_SILENT, g->remedy, "%s", g->detail);
    else
        answer(r, SC_ANSWER_NONE, "", "there is no connection");
}

static void call(struct sc_check *c, const char *method)
{
    struct sc_gateway_ws *g = c->g;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    if (g->phase == GW_UP) {
        c->request = gw_request_new(g, true, on_called, c);
        sc_gw_write_call(&out, c->request, method, NULL);
        if (gw_request_send(g, &c->request, &out))
            return;
    }
    no_call(g, c->id, &c->result);
    sc_loop_defer(g->loop, on_known, c);
}

/* Their requests are dropped already. */
void gw_checks_lost(struct sc_gateway_ws *g)
{
    struct sc_check *c;
    LIST_FOREACH (c, &g->checks, link) {
        if (!c->request)
            continue;
        c->request = 0;
        no_call(g, c->id, &c->result);
        sc_loop_defer(g->loop, on_known, c);
    }
}

/* ---- the port ---- */

static struct sc_check *start(void *impl, enum sc_check_id id, int64_t wait_ms, sc_check_fn *fn,
                              void *ctx)
{
    struct sc_gateway_ws *g = impl;
    struct sc_check *c = sc_xcalloc(1, sizeof *c);
    *c = (struct sc_check){ .g = g, .id = id, .fn = fn, .ctx = ctx };
    LIST_INSERT_HEAD(&g->checks, c, link);
    switch (id) {
    case SC_CHECK_LIVE:
        ask_page(c, "healthz", wait_ms);
        return c;
    case SC_CHECK_STARTUP:
        ask_page(c, "startupz", wait_ms);
        return c;
    case SC_CHECK_READY:
        ask_page(c, "readyz", wait_ms);
        return c;
    case SC_CHECK_RPC:
        call(c, "health");
        return c;
    case SC_CHECK_CHANNELS:
        call(c, "channels.status");
        return c;
    case SC_CHECK_MODELS:
        call(c, "models.authStatus");
        return c;
    case SC_CHECK_WS:
        look_at_ws(g, &c->result);
        break;
    case SC_CHECK_LOGIN:
        look_at_login(g, &c->result);
        break;
    case SC_CHECK_PROCESS:
    case SC_CHECKS:
        answer(&c->result, SC_ANSWER_OFF, "", "%s", "");
        break;
    }
    sc_loop_defer(g->loop, on_known, c);
    return c;
}

static void cancel(void *impl, struct sc_check *check)
{
    (void)impl;
    if (check)
        check_free(check);
}

struct sc_checks sc_gateway_ws_checks(struct sc_gateway_ws *g)
{
    return (struct sc_checks){ .start = start, .cancel = cancel, .impl = g };
}
