/* Our entry in the catalog. It lives in the local agent, which forgets it when it restarts without
 * a data folder, and drops it after some minutes of failing checks; so each heartbeat asks whether
 * it is still there, a request that never leaves this machine, and the watch of our instance
 * (consul_maintenance.c) has it looked for as soon as the catalog does not show it. */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { SETTLED_MS = 10 * 1000 }; /* an agent tells the catalog within a second or two */

struct sc_consul_catalog {
    const struct sc_consul_env *env;
    const struct sc_consul_registration *r;
    char *id;
    struct sc_consul_checks *checks;
    char *url, *agents; /* of the gateway; NULL: not known yet */
    bool registered;    /* with just these */
    bool ever;          /* it may be there */
    sc_mono since;      /* the last registration */
    struct sc_consul_call *call;
    char complaint[SC_ERR_TEXT_MAX]; /* logged once, not on each heartbeat */
    sc_loop_fn *left;
    void *left_ctx;
};

static void on_lost(void *ctx)
{
    struct sc_consul_catalog *s = ctx;
    s->registered = false; /* the next heartbeat, or a look at the catalog, registers it */
}

struct sc_consul_catalog *sc_consul_catalog_new(const struct sc_consul_env *env,
                                                const struct sc_consul_registration *r)
{
    struct sc_consul_catalog *s = sc_xcalloc(1, sizeof *s);
    s->env = env;
    s->r = r;
    s->id = sc_xasprintf("openclaw-gateway-%s", env->self);
    s->checks = sc_consul_checks_new(env, r, s->id, on_lost, s);
    return s;
}

/* The host of "ws://host:port/path" or "host:port", and its port, which stays as it is when there
 * is none. */
static char *split_url(const char *url, uint16_t *port)
{
    const char *host = strstr(url, "://");
    int64_t number;
    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    const char *from = at ? at + 1 : host, *end = host + n;
    const char *close = from[0] == '[' ? memchr(from, ']', (size_t)(end - from)) : NULL;
    const char *colon = memrchr(close ? close : from, ':', (size_t)(end - (close ? close : from)));
    if (colon) {
        sc_auto_free char *digits = sc_xstrndup(colon + 1, (size_t)(end - colon - 1));
        if (sc_parse_i64(digits, 1, UINT16_MAX, &number, NULL) == SC_OK) {
            end = colon;
            *port = (uint16_t)number;
        }
    }
    if (close)
        return sc_xstrndup(from + 1, (size_t)(close - from - 1));
    return sc_xstrndup(from, (size_t)(end - from));
}

/* Where others reach the gateway. */
static char *address_of(const struct sc_consul_catalog *s, uint16_t *ret_port)
{
    bool tls = strncmp(s->url, "wss:", 4) == 0 || strncmp(s->url, "https:", 6) == 0;
    *ret_port = tls ? 443 : 80;
    char *host = split_url(s->url, ret_port);
    if (!s->r->address || !*s->r->address)
        return host;
    free(host);
    return split_url(s->r->address, ret_port);
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
    complain(s, err);
    if (err) {
        s->registered = false;
        return;
    }
    sc_log_info(s->env->log, "consul.service_registered", SC_S("service", s->id));
    sc_consul_checks_registered(s->checks);
    if (!s->registered)
        sc_consul_catalog_check(s); /* there was news meanwhile */
}

static void do_register(struct sc_consul_catalog *s)
{
    struct sc_consul_check checks[SC_CONSUL_CHECKS_MAX];
    struct sc_consul_service service = { .id = s->id,
                                         .name = "openclaw-gateway",
                                         .tags = s->r->tags,
                                         .gateway = s->env->self,
                                         .version = s->r->version,
                                         .agents = s->agents,
                                         .checks = checks,
                                         .deregister_after_s = s->r->deregister_after_s };
    sc_auto_free char *address = address_of(s, &service.port);
    service.address = address;
    service.n_checks = sc_consul_checks_describe(s->checks, checks);
    s->registered = s->ever = true;
    s->since = sc_clock_mono(&s->env->clock);
    s->call = sc_consul_kv_service_register(s->env->kv, &service, on_registered, s);
}

static void on_found(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_catalog *s = ctx;
    (void)res;
    s->call = NULL;
    if ((err && err->code == SC_ENOENT) || !s->registered)
        do_register(s);
}

void sc_consul_catalog_set(struct sc_consul_catalog *s, const char *gateway_url,
                           const struct sc_strv *agents)
{
    sc_auto_buf struct sc_buf names = SC_BUF_INIT;
    sc_consul_names(agents, &names);
    if (sc_streq(s->url, gateway_url) && sc_streq(s->agents, sc_buf_str(&names)))
        return;
    sc_set_str(&s->url, gateway_url);
    sc_set_str(&s->agents, sc_buf_str(&names));
    s->registered = false;
}

void sc_consul_catalog_check(struct sc_consul_catalog *s)
{
    if (s->call || s->left || !s->url)
        return;
    if (s->registered)
        s->call = sc_consul_kv_service_get(s->env->kv, s->id, on_found, s);
    else
        do_register(s);
}

void sc_consul_catalog_tell(struct sc_consul_catalog *s)
{
    sc_consul_checks_tell(s->checks);
}

bool sc_consul_catalog_settled(const struct sc_consul_catalog *s)
{
    return s->registered && !s->call && sc_clock_mono(&s->env->clock).ms - s->since.ms > SETTLED_MS;
}

void sc_consul_catalog_again(struct sc_consul_catalog *s)
{
    s->registered = false;
    sc_consul_catalog_check(s);
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
    sc_consul_checks_stop(s->checks);
    if (s->ever)
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
    sc_consul_checks_free(s->checks);
    free(s->id);
    free(s->url);
    free(s->agents);
    free(s);
}
