/* The gateway port over OpenClaw's WebSocket protocol: construction, the reported state, the end.
 */
#include "sideclaw/gateway_ws.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"
#include "sideclaw/parse.h"

enum { DEFAULT_PORT = 18789, DEFAULT_TICK_MS = 30000, CODE_NORMAL = 1000 };

sc_mono gw_now(const struct sc_gateway_ws *g)
{
    return sc_clock_mono(&g->clock);
}

/* ---- the reported state ---- */

/* A start may take long, but not for ever: after its grace it is as good as frozen. */
static enum sc_gateway_state after_grace(struct sc_gateway_ws *g, enum sc_gateway_state s,
                                         char *detail, size_t size)
{
    if (s != SC_GW_STARTING) {
        g->starting_since.ms = 0;
        return s;
    }
    int64_t now = gw_now(g).ms;
    if (!g->starting_since.ms)
        g->starting_since.ms = now;
    if (now - g->starting_since.ms <= g->start_grace_ms)
        return s;
    size_t n = strlen(detail);
    (void)snprintf(detail + n, size - n, ", for more than %lld s now",
                   (long long)(g->start_grace_ms / 1000));
    return SC_GW_FROZEN;
}

void gw_set_state(struct sc_gateway_ws *g, enum sc_gateway_state s, const char *remedy,
                  const char *fmt, ...)
{
    char detail[sizeof g->detail];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    enum sc_gateway_state now = after_grace(g, s, detail, sizeof detail);
    if (now != s)
        remedy = "look at the gateway's log, or restart it";
    if (g->closed || (g->reported && now == g->state && strcmp(detail, g->detail) == 0))
        return;
    g->reported = true;
    g->state = now;
    (void)snprintf(g->detail, sizeof g->detail, "%s", detail);
    (void)snprintf(g->remedy, sizeof g->remedy, "%s", remedy);
    sc_log_info(g->log, "gateway.state", SC_S("state", sc_gateway_state_name(now)),
                SC_S("detail", g->detail));
    g->events.state(g->events.ctx, now, g->detail, g->remedy);
}

/* ---- the port ---- */

static int run(void *impl, const struct sc_turn *turn, struct sc_err *err)
{
    return gw_turn_run(impl, turn, err);
}

static enum sc_gateway_state state(const void *impl)
{
    const struct sc_gateway_ws *g = impl;
    return g->state;
}

static const struct sc_gateway_ops ops = { .run = run, .state = state };

struct sc_gateway sc_gateway_ws_port(struct sc_gateway_ws *g)
{
    return (struct sc_gateway){ .ops = &ops, .impl = g };
}

/* ---- construction ---- */

static const struct gw_timing default_timing = {
    .connect = 5000,
    .retry_min = 500,
    .retry_max = 3000, /* a refused connection to this host costs nothing; being late does */
    .retry_starting = 2000,
    .retry_refused = 15000,
    .good_connection = 10000,
    .probe_timeout = 5000,
    .agents_retry = 5000,
    .config_settle = 100,
    .skills_settle = 5000,
    .wait_again = 2000,
    .ask = 60000,
    .poll = 3000,
    .poll_settle = 300,
};

static int bad_url(struct sc_err *err, const char *url)
{
    (void)sc_fail(err, SC_ECONFIG, "gateway.url \"%.100s\" is not ws://host:port", url);
    return sc_err_remedy(err, "set gateway.url to the gateway's address, e.g. "
                              "ws://127.0.0.1:18789");
}

/* ws://host[:port][/path]; an IPv6 address stands in brackets. */
static int parse_url(struct sc_gateway_ws *g, const char *url, struct sc_err *err)
{
    static const char scheme[] = "ws://";
    if (!url || strncmp(url, scheme, sizeof scheme - 1) != 0)
        return bad_url(err, url ? url : "");
    const char *p = url + sizeof scheme - 1;
    const char *end = p + strcspn(p, "/");
    const char *host = *p == '[' ? p + 1 : p;
    const char *host_end = *p == '[' ? memchr(p, ']', (size_t)(end - p)) : p + strcspn(p, ":/");
    if (!host_end || host_end == host)
        return bad_url(err, url);
    const char *colon = *host_end == ']' ? host_end + 1 : host_end;
    int64_t port = DEFAULT_PORT;
    if (colon < end) {
        sc_auto_free char *text = sc_xstrndup(colon + 1, (size_t)(end - colon - 1));
        if (*colon != ':' || sc_parse_i64(text, 1, UINT16_MAX, &port, NULL) < 0)
            return bad_url(err, url);
    }
    g->host = sc_xstrndup(host, (size_t)(host_end - host));
    g->port = (uint16_t)port;
    g->path = sc_xstrdup(*end ? end : "/");
    return SC_OK;
}

static int init(struct sc_gateway_ws *g, const struct sc_gateway_ws_deps *deps, struct sc_err *err)
{
    g->url = sc_xstrdup(deps->url);
    g->token = deps->token && *deps->token ? sc_xstrdup(deps->token) : NULL;
    g->state = SC_GW_ABSENT; /* until the first attempt has an end; OFF would mean: not wanted */
    g->tick_ms = DEFAULT_TICK_MS;
    g->requests = sc_map_new();
    g->turns = sc_map_new();
    gw_connect_init(g);
    gw_agents_init(g);
    int r = parse_url(g, deps->url, err);
    if (r < 0 || !g->device_auth)
        return r;
    r = sc_crypto_init(err);
    return r < 0 ? r : gw_device_load(&g->device, deps->state_dir, err);
}

struct sc_gateway_ws *sc_gateway_ws_new(const struct sc_gateway_ws_deps *deps, struct sc_err *err)
{
    struct sc_gateway_ws *g = sc_xcalloc(1, sizeof *g);
    g->loop = deps->loop;
    g->log = deps->log;
    g->clock = deps->clock;
    g->http = deps->http;
    g->events = deps->events;
    g->device_auth = deps->device_auth;
    g->start_grace_ms = deps->start_grace_ms;
    g->timing = default_timing;
    sc_histogram_init(&g->answered, &sc_scale_quick);
    if (init(g, deps, err) < 0) {
        g->closed = true;
        sc_gateway_ws_free(g);
        return NULL;
    }
    return g;
}

void sc_gateway_ws_start(struct sc_gateway_ws *g)
{
    gw_connect_now(g);
}

void sc_gateway_ws_set_token(struct sc_gateway_ws *g, const char *token)
{
    sc_secret_free(g->token);
    g->token = token && *token ? sc_xstrdup(token) : NULL;
    g->use_device_token = false;
    if (sc_timer_armed(g->reconnect)) { /* do not let it wait for the next attempt */
        sc_backoff_reset(&g->backoff);
        sc_timer_arm(g->reconnect, 0);
    }
}

static void end_turns(void *ctx)
{
    gw_turns_end(ctx, "the sidecar stops");
}

void sc_gateway_ws_close(struct sc_gateway_ws *g)
{
    if (g->closed)
        return;
    g->closed = true;
    g->state = SC_GW_ABSENT;
    sc_timer_disarm(g->reconnect);
    sc_timer_disarm(g->login);
    gw_agents_lost(g);
    gw_requests_drop_all(g);
    gw_asks_lost(g);
    gw_checks_lost(g);
    gw_turns_park(g);
    gw_probe_stop(g);
    if (g->ws)
        sc_ws_client_close(g->ws, CODE_NORMAL);
    sc_loop_defer(g->loop, end_turns, g);
}

void sc_gateway_ws_free(struct sc_gateway_ws *g)
{
    if (!g)
        return;
    sc_assert(g->closed && sc_map_count(g->turns) == 0 && LIST_EMPTY(&g->checks));
    sc_loop_undefer(g->loop, end_turns, g);
    sc_ws_client_free(g->ws);
    gw_probe_stop(g); /* one that could not be built was never closed */
    gw_agents_fini(g);
    gw_requests_fini(g);
    sc_map_free(g->turns, NULL);
    gw_device_fini(&g->device);
    sc_timer_free(g->reconnect);
    sc_timer_free(g->login);
    sc_secret_free(g->token);
    free(g->url);
    free(g->host);
    free(g->path);
    free(g);
}

const char *sc_gateway_ws_version(const struct sc_gateway_ws *g)
{
    return g->version;
}

uint16_t sc_gateway_ws_local_port(const struct sc_gateway_ws *g)
{
    bool local = strcmp(g->host, "localhost") == 0 || strcmp(g->host, "::1") == 0 ||
                 strncmp(g->host, "127.", 4) == 0;
    return local ? g->port : 0;
}

const struct sc_histogram *sc_gateway_ws_answered(const struct sc_gateway_ws *g)
{
    return &g->answered;
}
