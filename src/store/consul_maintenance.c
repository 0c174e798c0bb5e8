/* Maintenance mode: what `consul maint -enable` says of this machine, or of our service alone. One
 * blocking query on our instance in the catalog, filtered by Consul, so that the answer is small in
 * a mesh of any size. It is woken by each change of any gateway's checks, and so rests in between.
 * A Consul that is away changes nothing: who was in maintenance is until Consul says otherwise. */
#include <stdlib.h>

#include "consul_internal.h"
#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum {
    WAIT_MS = 5 * 60 * 1000,
    ABSENT_WAIT_MS = 15 * 1000, /* who may not see it is not woken when it comes */
    REST_MS = 1000,
    RETRY_MIN_MS = 1000,
    RETRY_MAX_MS = 30 * 1000 /* a token without service:read must not fill Consul's log */
};

struct sc_consul_maint {
    const struct sc_consul_env *env;
    struct sc_consul_maint_fns fns;
    struct sc_timer *timer;
    struct sc_consul_call *call;
    struct sc_backoff backoff;
    int64_t index;
    struct sc_consul_maintenance now;
    char *complaint; /* logged once, not on each try */
    struct sc_watch_stats n;
};

static void complain(struct sc_consul_maint *m, const struct sc_err *err)
{
    /* A Consul that is away says so elsewhere. */
    if (err && err->code != SC_EAWAY && err->code != SC_ETIMEDOUT &&
        !sc_streq(err->text, m->complaint))
        sc_log_warn(m->env->log, "consul.maintenance_unknown", SC_S("reason", err->text),
                    SC_S("instead", "maintenance mode drains nothing here; it is tried again"));
    sc_set_str(&m->complaint, err ? err->text : NULL);
}

static void on_answer(void *ctx, const struct sc_http_response *res, const struct sc_err *call_err)
{
    struct sc_consul_maint *m = ctx;
    struct sc_err err = SC_ERR_INIT;
    struct sc_consul_maintenance was = m->now;
    m->call = NULL;
    int rc = call_err ? (int)call_err->code
                      : sc_consul_maintenance_from_json(res->body, res->body_len, &m->now, &err);
    if (call_err)
        err = *call_err;
    complain(m, rc < 0 ? &err : NULL);
    sc_consul_watch_count(&m->n, &m->env->clock, rc >= 0);
    if (rc < 0) {
        m->index = 0; /* it may come back as another one, whose index is behind ours */
        sc_timer_arm(m->timer, sc_backoff_next(&m->backoff));
        return;
    }
    m->n.resets += res->consul_index < m->index;
    m->index = res->consul_index < m->index ? 0 : res->consul_index;
    sc_backoff_reset(&m->backoff);
    sc_timer_arm(m->timer, REST_MS);
    if (m->now.on != was.on || !sc_streq(m->now.reason, was.reason))
        m->fns.changed(m->fns.ctx, m->now.on, m->now.reason);
    m->fns.seen(m->fns.ctx, m->now.present);
}

static void ask(void *ctx)
{
    struct sc_consul_maint *m = ctx;
    int64_t wait_ms = m->now.present ? WAIT_MS : ABSENT_WAIT_MS;
    m->call = sc_consul_kv_instance(m->env->kv, m->env->self, m->index, wait_ms, on_answer, m);
}

struct sc_consul_maint *sc_consul_maint_new(const struct sc_consul_env *env,
                                            const struct sc_consul_maint_fns *fns)
{
    struct sc_consul_maint *m = sc_xcalloc(1, sizeof *m);
    m->env = env;
    m->n.name = "maintenance";
    m->fns = *fns;
    m->timer = sc_timer_new(env->loop, ask, m);
    m->backoff = (struct sc_backoff){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
    return m;
}

void sc_consul_maint_restart(struct sc_consul_maint *m)
{
    sc_consul_kv_cancel(sc_steal(&m->call));
    m->index = 0;
    sc_timer_arm(m->timer, 0);
}

struct sc_watch_stats sc_consul_maint_stats(const struct sc_consul_maint *m)
{
    return m->n;
}

void sc_consul_maint_free(struct sc_consul_maint *m)
{
    if (!m)
        return;
    sc_consul_kv_cancel(m->call);
    sc_timer_free(m->timer);
    free(m->complaint);
    free(m);
}
