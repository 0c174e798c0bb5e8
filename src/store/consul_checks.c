/* The checks of our entry in the catalog. Consul's agent asks our pages; or, where it cannot reach
 * us, we tell it ourselves before a time is over (TTL), which then is the proof that our loop
 * turns. Their ids are our own, so that registering again changes them in place: asking Consul to
 * replace all checks of the service would end its maintenance mode, which is a check, too. What an
 * earlier life with other options left behind is taken away by name. */
#include <stdlib.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"

enum page { HEALTH, TRAFFIC, PAGES };

enum { TTL_INTERVALS = 3 }; /* two that are lost are no news */

static const struct {
    const char *suffix, *name, *path;
} pages[PAGES] = { [HEALTH] = { "", "sideclaw health", "/health" },
                   [TRAFFIC] = { ":traffic", "sideclaw traffic", "/health/traffic" } };

struct sc_consul_checks {
    const struct sc_consul_env *env;
    const struct sc_consul_registration *r;
    char *ids[PAGES], *urls[PAGES];
    bool ttl, pruned;
    enum page at; /* of the page being pruned or told */
    struct sc_consul_call *prune, *tell;
    bool again; /* there was news while telling */
    struct sc_timer *timer;
    sc_loop_fn *lost;
    void *lost_ctx;
};

static bool wanted(const struct sc_consul_checks *c, enum page p)
{
    return p == HEALTH ? c->r->health : c->r->traffic;
}

/* ---- what is registered ---- */

static const char *status_of(int page_status)
{
    return page_status == 200 ? "passing" : page_status == 429 ? "warning" : "critical";
}

static const char *look(const struct sc_consul_checks *c, enum page p, struct sc_buf *output)
{
    sc_buf_clear(output);
    int status = c->r->page ? c->r->page(c->r->ctx, p == TRAFFIC, output) : 200;
    return status_of(status);
}

size_t sc_consul_checks_describe(const struct sc_consul_checks *c,
                                 struct sc_consul_check ret[SC_CONSUL_CHECKS_MAX])
{
    size_t n = 0;
    sc_auto_buf struct sc_buf output = SC_BUF_INIT;
    for (enum page p = HEALTH; p < PAGES; p++) {
        if (!wanted(c, p))
            continue;
        ret[n++] = (struct sc_consul_check){
            .id = c->ids[p],
            .name = pages[p].name,
            .url = c->urls[p],
            .interval_s = c->ttl ? TTL_INTERVALS * c->r->interval_s : c->r->interval_s,
            .status = c->ttl ? look(c, p, &output) : NULL,
        };
    }
    return n;
}

/* ---- what an earlier life left ---- */

static void on_pruned(void *ctx, const struct sc_http_response *res, const struct sc_err *err);

static void prune_next(struct sc_consul_checks *c, enum page from)
{
    for (enum page p = from; p < PAGES; p++) {
        if (wanted(c, p))
            continue;
        c->at = p;
        c->prune = sc_consul_kv_check_deregister(c->env->kv, c->ids[p], on_pruned, c);
        return;
    }
    c->pruned = true;
}

static void on_pruned(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_checks *c = ctx;
    (void)res;
    (void)err; /* it was not there, as a rule; or Consul is away, and the next registration tries */
    c->prune = NULL;
    prune_next(c, c->at + 1);
}

/* ---- telling ---- */

static void tell_next(struct sc_consul_checks *c, enum page from);

static void on_told(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_checks *c = ctx;
    c->tell = NULL;
    /* 404, or in older ones 500: the agent does not know the check (any more). */
    if (err && res && err->code != SC_EAUTH) {
        sc_timer_disarm(c->timer);
        c->lost(c->lost_ctx);
        return;
    }
    tell_next(c, c->at + 1);
}

static void tell_next(struct sc_consul_checks *c, enum page from)
{
    sc_auto_buf struct sc_buf output = SC_BUF_INIT;
    for (enum page p = from; p < PAGES; p++) {
        if (!wanted(c, p))
            continue;
        const char *status = look(c, p, &output);
        c->at = p;
        c->tell = sc_consul_kv_check_update(c->env->kv, c->ids[p], status, sc_buf_str(&output),
                                            on_told, c);
        return;
    }
    bool again = c->again;
    c->again = false;
    sc_timer_arm(c->timer, again ? 0 : c->r->interval_s * 1000);
}

static void on_timer(void *ctx)
{
    tell_next(ctx, HEALTH);
}

void sc_consul_checks_tell(struct sc_consul_checks *c)
{
    if (c->tell)
        c->again = true;
    else if (sc_timer_armed(c->timer))
        sc_timer_arm(c->timer, 0);
}

void sc_consul_checks_registered(struct sc_consul_checks *c)
{
    if (!c->pruned && !c->prune)
        prune_next(c, HEALTH);
    if (c->ttl && !c->tell)
        sc_timer_arm(c->timer, 0);
}

/* ---- the object ---- */

struct sc_consul_checks *sc_consul_checks_new(const struct sc_consul_env *env,
                                              const struct sc_consul_registration *r,
                                              const char *service, sc_loop_fn *lost, void *ctx)
{
    struct sc_consul_checks *c = sc_xcalloc(1, sizeof *c);
    c->env = env;
    c->r = r;
    c->ttl = r->ttl || !r->url;
    c->lost = lost;
    c->lost_ctx = ctx;
    c->timer = sc_timer_new(env->loop, on_timer, c);
    for (int p = 0; p < PAGES; p++) {
        c->ids[p] = sc_xasprintf("service:%s%s", service, pages[p].suffix);
        c->urls[p] = c->ttl ? NULL : sc_xasprintf("%s%s", r->url, pages[p].path);
    }
    return c;
}

void sc_consul_checks_stop(struct sc_consul_checks *c)
{
    sc_timer_disarm(c->timer);
    sc_consul_kv_cancel(sc_steal(&c->prune));
    sc_consul_kv_cancel(sc_steal(&c->tell));
}

void sc_consul_checks_free(struct sc_consul_checks *c)
{
    if (!c)
        return;
    sc_consul_checks_stop(c);
    sc_timer_free(c->timer);
    for (int p = 0; p < PAGES; p++) {
        free(c->ids[p]);
        free(c->urls[p]);
    }
    free(c);
}
