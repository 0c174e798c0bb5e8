/* Our entry in the catalog. It lives in the local agent, which forgets it when it restarts without
 * a data folder, and drops it after ten minutes of failing checks; so each heartbeat asks whether
 * it is still there, a request that never leaves this machine. */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

struct sc_consul_catalog {
    const struct sc_consul_env *env;
    char *id;
    char *health_url;
    char *gateway_url; /* as registered, or about to be */
    bool registered;
    struct sc_consul_call *call;
    char complaint[SC_ERR_TEXT_MAX]; /* logged once, not on each heartbeat */
    sc_loop_fn *left;
    void *left_ctx;
};

struct sc_consul_catalog *sc_consul_catalog_new(const struct sc_consul_env *env,
                                                const char *health_url)
{
    struct sc_consul_catalog *s = sc_xcalloc(1, sizeof *s);
    s->env = env;
    s->id = sc_xasprintf("openclaw-gateway-%s", env->self);
    s->health_url = sc_xstrdup(health_url);
    return s;
}

/* "ws://host:port/path" -> host, port; the scheme's own port when there is none. */
static void split_url(const char *url, char **ret_host, uint16_t *ret_port)
{
    const char *host = strstr(url, "://");
    int64_t port = strncmp(url, "wss:", 4) == 0 || strncmp(url, "https:", 6) == 0 ? 443 : 80;
    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    const char *from = at ? at + 1 : host, *end = host + n;
    const char *close = from[0] == '[' ? memchr(from, ']', (size_t)(end - from)) : NULL;
    const char *colon = memrchr(close ? close : from, ':', (size_t)(end - (close ? close : from)));
    if (colon) {
        sc_auto_free char *digits = sc_xstrndup(colon + 1, (size_t)(end - colon - 1));
        if (sc_parse_i64(digits, 1, UINT16_MAX, &port, NULL) == SC_OK)
            end = colon;
    }
    if (close)
        *ret_host = sc_xstrndup(from + 1, (size_t)(close - from - 1));
    else
        *ret_host = sc_xstrndup(from, (size_t)(end - from));
    *ret_port = (uint16_t)port;
}

static void complain(struct sc_consul_catalog *s, const struct sc_err *err)
{
    if (err && !sc_streq(err->text, s->complaint))
        sc_log_warn(
            s->env->log, "consul.service_unregistered", SC_S("reason", err->text),
            SC_S("instead", "the catalog does not show this gateway; each heartbeat tries"));
    (void)snprintf(s->complaint, sizeof s->complaint, "%s", err ? err->text : "");
}

static void on_registered(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_catalog *s = ctx;
    (void)res;
    s->call = NULL;
    s->registered = !err;
    complain(s, err);
    if (!err)
        sc_log_info(s->env->log, "consul.service_registered", SC_S("service", s->id));
}

static void do_register(struct sc_consul_catalog *s)
{
    char *host = NULL;
    struct sc_consul_service service = { .id = s->id,
                                         .name = "openclaw-gateway",
                                         .gateway = s->env->self,
                                         .health_url = s->health_url };
    split_url(s->gateway_url, &host, &service.port);
    service.address = host;
    s->call = sc_consul_kv_service_register(s->env->kv, &service, on_registered, s);
    free(host);
}

static void on_found(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_catalog *s = ctx;
    (void)res;
    s->call = NULL;
    if (err && err->code == SC_ENOENT)
        do_register(s);
}

void sc_consul_catalog_check(struct sc_consul_catalog *s, const char *gateway_url)
{
    /* A service that nothing checks would pass for healthy for ever: better none. */
    if (!s->health_url || s->call || s->left || !gateway_url)
        return;
    if (s->registered && sc_streq(s->gateway_url, gateway_url)) {
        s->call = sc_consul_kv_service_get(s->env->kv, s->id, on_found, s);
        return;
    }
    sc_set_str(&s->gateway_url, gateway_url);
    do_register(s);
}

static void on_left(void *ctx)
{
    struct sc_consul_catalog *s = ctx;
    s->left(s->left_ctx);
}

static void on_deregistered(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_catalog *s = ctx;
    (void)res;
    (void)err; /* gone, or Consul is: its check will fail and say the rest */
    s->call = NULL;
    on_left(s);
}

void sc_consul_catalog_leave(struct sc_consul_catalog *s, sc_loop_fn *done, void *ctx)
{
    s->left = done;
    s->left_ctx = ctx;
    sc_consul_kv_cancel(sc_steal(&s->call));
    if (s->gateway_url)
        s->call = sc_consul_kv_service_deregister(s->env->kv, s->id, on_deregistered, s);
    else
        sc_loop_defer(s->env->loop, on_left, s); /* never registered */
}

void sc_consul_catalog_free(struct sc_consul_catalog *s)
{
    if (!s)
        return;
    sc_consul_kv_cancel(s->call);
    sc_loop_undefer(s->env->loop, on_left, s);
    free(s->id);
    free(s->health_url);
    free(s->gateway_url);
    free(s);
}
