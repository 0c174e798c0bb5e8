/* The parts of the Consul side, put together: four sources of news about the link, two watches
 * whose keys are handed to the view and to the mailbox, and the order in which a gateway leaves. */
#include "sideclaw/consul_directory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "consul_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { WITHDRAW_MS = 1800 }; /* of the 2 s that the port promises */

struct sc_consul {
    struct sc_consul_deps d;
    char *prefix, *self, *state_dir;
    struct sc_consul_env env;
    struct sc_http_tls *tls; /* NULL: the address is not https */
    struct sc_consul_link *link;
    unsigned missed; /* times the catalog did not show our service, though the agent has it */
    struct sc_consul_session *session;
    struct sc_consul_view *view;
    struct sc_consul_cluster *cluster;
    struct sc_consul_presence *presence;
    struct sc_consul_catalog *catalog;
    struct sc_consul_mailbox *mailbox;
    struct sc_consul_shared *shared;
    struct sc_consul_maint *maintenance;
    struct sc_consul_watch *watch_agents, *watch_gateways;

    bool started, closed;
    bool was_up;      /* once: what we know is Consul's */
    bool left;        /* a withdrawal began: nothing is published any more */
    unsigned leaving; /* steps of the withdrawal that are not done */
    struct sc_timer *withdraw_timer;
    sc_directory_done_fn *withdrawn;
    void *withdrawn_ctx;
    struct sc_err withdraw_err;
    LIST_HEAD(, putting) puts; /* of sc_consul_put, under way */
};

/* ---- the link ---- */

static void on_link(void *ctx, enum sc_link_state was, enum sc_link_state is,
                    const struct sc_err *why)
{
    struct sc_consul *c = ctx;
    bool came = is == SC_LINK_UP && was != SC_LINK_UP, again = came && c->was_up;
    c->was_up |= came;
    c->d.events.link(c->d.events.ctx, is, why->text, why->remedy);
    if (was != is || is != SC_LINK_UP)
        sc_consul_mailbox_link(c->mailbox, is, why->text, why->remedy);
    if (again) { /* one of them may not have noticed: it slept, or waits at the new one */
        sc_consul_watch_doubt(c->watch_agents);
        sc_consul_watch_doubt(c->watch_gateways);
        sc_consul_maint_restart(c->maintenance);
    }
    if (came)
        sc_consul_presence_again(c->presence);
}

static void heard(struct sc_consul *c, enum sc_consul_source source, const struct sc_err *err)
{
    if (sc_consul_link_heard(c->link, source, err) && source != SC_CONSUL_SESSION)
        sc_consul_session_kick(c->session); /* its own retry may be seconds away */
    sc_consul_link_judge(c->link);
}

static void on_agents_state(void *ctx, const struct sc_err *err)
{
    heard(ctx, SC_CONSUL_AGENTS, err);
}

static void on_gateways_state(void *ctx, const struct sc_err *err)
{
    heard(ctx, SC_CONSUL_GATEWAYS, err);
}

static void on_session_state(void *ctx, const struct sc_err *err)
{
    heard(ctx, SC_CONSUL_SESSION, err);
}

static void check_catalog(struct sc_consul *c)
{
    if (c->catalog && sc_consul_presence_named(c->presence))
        sc_consul_catalog_check(c->catalog);
}

static void on_instance(void *ctx, bool present)
{
    struct sc_consul *c = ctx;
    if (present)
        c->missed = 0;
    else if (!c->catalog || !sc_consul_catalog_settled(c->catalog))
        check_catalog(c);
    else if (c->missed++ == 0) /* out of the catalog, and not of the agent: that helps */
        sc_consul_catalog_again(c->catalog);
    sc_consul_link_set_hidden(c->link, c->missed > 1);
}

static void on_presence_state(void *ctx, const struct sc_err *err)
{
    struct sc_consul *c = ctx;
    sc_consul_link_lapse(c->link, c->d.heartbeat_ms);
    heard(c, SC_CONSUL_PRESENCE, err);
    if (!err)
        check_catalog(c);
}

static void on_maintenance(void *ctx, bool on, const char *reason)
{
    const struct sc_directory_events *ev = &((const struct sc_consul *)ctx)->d.events;
    if (ev->maintenance)
        ev->maintenance(ev->ctx, on, reason);
}

static void on_session_ready(void *ctx)
{
    struct sc_consul *c = ctx;
    sc_consul_presence_again(c->presence);
}

/* ---- the watches ---- */

/* Splits <prefix>/<under>/<name>/<field>; false when it is not of that shape, or the name is none.
 */
static bool split(const struct sc_consul *c, const char *under, const char *key,
                  char name[SC_NAME_MAX + 1], const char **ret_field)
{
    const char *p = key + strlen(c->prefix) + 1 + strlen(under) + 1; /* Consul matched the prefix */
    const char *slash = strchr(p, '/');
    if (!slash || slash - p > SC_NAME_MAX)
        return false;
    memcpy(name, p, (size_t)(slash - p));
    name[slash - p] = '\0';
    *ret_field = slash + 1;
    return sc_name_check(under, name, NULL) == SC_OK;
}

static bool under_prefix(const struct sc_consul *c, const char *under, const char *key)
{
    size_t p = strlen(c->prefix), u = strlen(under);
    return strlen(key) > p + u + 2 && strncmp(key, c->prefix, p) == 0 && key[p] == '/' &&
           strncmp(key + p + 1, under, u) == 0 && key[p + 1 + u] == '/';
}

static void on_entry(struct sc_consul *c, bool gateways, const struct sc_kv_entry *e)
{
    char name[SC_NAME_MAX + 1];
    const char *field, *under = gateways ? "gateways" : "agents";
    if (!under_prefix(c, under, e->key) || !split(c, under, e->key, name, &field)) {
        sc_log_debug(c->d.log, "consul.key_ignored", SC_S("key", e->key));
        return;
    }
    /* "gateway" sorts before "inbox/": whose agent this is, is known by now. */
    const char *host = gateways ? NULL : sc_consul_view_host(c->view, name);
    bool theirs = host && !sc_streq(host, c->self);
    if (strchr(field, '/') && theirs)
        return; /* two gateways claim it, and this one lost: the holder reads its boxes */
    if (sc_consul_mailbox_key(c->mailbox, gateways, name, field, e) || strchr(field, '/'))
        return;
    if (gateways)
        sc_consul_view_gateways_key(c->view, name, field, e);
    else
        sc_consul_view_agents_key(c->view, name, field, e);
}

static void on_agents_begin(void *ctx)
{
    struct sc_consul *c = ctx;
    sc_consul_mailbox_begin(c->mailbox, false);
    sc_consul_view_agents_begin(c->view);
}

static void on_agents_entry(void *ctx, const struct sc_kv_entry *e)
{
    on_entry(ctx, false, e);
}

static void on_agents_end(void *ctx, bool resumed)
{
    struct sc_consul *c = ctx;
    sc_consul_mailbox_end(c->mailbox, false);
    sc_consul_view_agents_end(c->view, resumed);
    sc_consul_cluster_sweep(c->cluster);
}

static void on_gateways_begin(void *ctx)
{
    struct sc_consul *c = ctx;
    sc_consul_mailbox_begin(c->mailbox, true);
    sc_consul_view_gateways_begin(c->view);
}

static void on_gateways_entry(void *ctx, const struct sc_kv_entry *e)
{
    on_entry(ctx, true, e);
}

static void on_gateways_end(void *ctx, bool resumed)
{
    struct sc_consul *c = ctx;
    sc_consul_mailbox_end(c->mailbox, true);
    sc_consul_view_gateways_end(c->view, resumed);
    sc_consul_cluster_sweep(c->cluster);
}

static void on_reread(void *ctx)
{
    struct sc_consul *c = ctx;
    if (c->started && !c->closed) {
        sc_consul_watch_restart(c->watch_agents);
        sc_consul_watch_restart(c->watch_gateways);
    }
}

/* ---- the directory port ---- */

static void do_publish(void *impl, const struct sc_presence *p)
{
    struct sc_consul *c = impl;
    if (c->closed || c->left)
        return;
    if (c->catalog)
        sc_consul_catalog_set(c->catalog, p->gateway.url, &p->gateway.agents);
    sc_consul_presence_publish(c->presence, p);
}

static void report_withdrawn(void *ctx)
{
    struct sc_consul *c = ctx;
    sc_directory_done_fn *done = sc_steal(&c->withdrawn);
    sc_timer_disarm(c->withdraw_timer);
    if (done)
        done(c->withdrawn_ctx, c->withdraw_err.code == SC_OK ? NULL : &c->withdraw_err);
}

static void on_withdraw_timeout(void *ctx)
{
    struct sc_consul *c = ctx;
    (void)sc_fail(&c->withdraw_err, SC_ETIMEDOUT, "consul at %s: no answer within %d ms of leaving",
                  c->d.addr, WITHDRAW_MS);
    report_withdrawn(c);
}

static void on_step_done(void *ctx)
{
    struct sc_consul *c = ctx;
    if (--c->leaving == 0)
        report_withdrawn(c);
}

static void on_goodbye(void *ctx)
{
    struct sc_consul *c = ctx;
    /* Who never had the name must not take it off the list for the one who has it. */
    bool member = sc_consul_presence_named(c->presence);
    c->leaving = 1 + (unsigned)member + (c->catalog != NULL);
    if (member)
        sc_consul_cluster_leave(c->cluster, on_step_done, c);
    sc_consul_session_leave(c->session, on_step_done, c);
    if (c->catalog)
        sc_consul_catalog_leave(c->catalog, on_step_done, c);
}

static void do_withdraw(void *impl, sc_directory_done_fn *done, void *ctx)
{
    struct sc_consul *c = impl;
    c->withdrawn = done;
    c->withdrawn_ctx = ctx;
    c->left = true;
    if (c->closed || !c->started) {
        sc_loop_defer(c->d.loop, report_withdrawn, c);
        return;
    }
    sc_timer_arm(c->withdraw_timer, WITHDRAW_MS);
    sc_consul_presence_goodbye(c->presence, on_goodbye, c);
}

/* After the close there is nothing left to look at. */
static void do_stats(const void *impl, struct sc_directory_stats *ret)
{
    const struct sc_consul *c = impl;
    *ret = (struct sc_directory_stats){ .n_watches = 0 };
    if (!c->watch_agents)
        return;
    ret->session = sc_consul_session_id(c->session) != NULL;
    ret->watches[ret->n_watches++] = sc_consul_watch_stats(c->watch_agents);
    ret->watches[ret->n_watches++] = sc_consul_watch_stats(c->watch_gateways);
    ret->watches[ret->n_watches++] = sc_consul_maint_stats(c->maintenance);
}

static const struct sc_directory_ops directory_ops = { .publish = do_publish,
                                                       .withdraw = do_withdraw,
                                                       .stats = do_stats };

struct sc_directory sc_consul_directory(struct sc_consul *c)
{
    return (struct sc_directory){ .ops = &directory_ops, .impl = c };
}

struct sc_transport *sc_consul_transport(struct sc_consul *c)
{
    return sc_consul_mailbox_transport(c->mailbox);
}

/* ---- the object ---- */

static int check_addr(const char *addr, struct sc_err *err)
{
    bool http = strncmp(addr, "http://", 7) == 0 || strncmp(addr, "https://", 8) == 0;
    if (http || (!strstr(addr, "://") && addr[0]))
        return SC_OK;
    (void)sc_fail(err, SC_ECONFIG, "consul.addr %s is no http:// or https:// address", addr);
    return sc_err_remedy(err, "set consul.addr to http://127.0.0.1:8500");
}

static void build(struct sc_consul *c)
{
    const struct sc_consul_env *env = &c->env;
    c->link = sc_consul_link_new(env, c->d.addr,
                                 &(struct sc_consul_link_fns){ .ctx = c, .changed = on_link });
    c->session =
        sc_consul_session_new(env, c->d.session_ttl_ms,
                              &(struct sc_consul_session_fns){
                                  .ctx = c, .ready = on_session_ready, .state = on_session_state });
    c->view = sc_consul_view_new(env, &c->d.events);
    c->cluster = sc_consul_cluster_new(env, c->session, c->view);
    c->presence =
        sc_consul_presence_new(&(struct sc_consul_presence_deps){ .env = env,
                                                                  .session = c->session,
                                                                  .cluster = c->cluster,
                                                                  .view = c->view,
                                                                  .events = &c->d.events,
                                                                  .ctx = c,
                                                                  .state = on_presence_state });
    c->shared = sc_consul_shared_new(env, c->session, c->cluster);
    if (c->d.service.enabled)
        c->catalog = sc_consul_catalog_new(env, &c->d.service);
    c->mailbox =
        sc_consul_mailbox_new(&(struct sc_consul_mailbox_deps){ .env = env,
                                                                .key = c->d.key,
                                                                .events = c->d.transport_events,
                                                                .ctx = c,
                                                                .reread = on_reread });
    c->maintenance = sc_consul_maint_new(
        env,
        &(struct sc_consul_maint_fns){ .ctx = c, .changed = on_maintenance, .seen = on_instance });
    c->watch_agents =
        sc_consul_watch_new(env, "agents",
                            &(struct sc_consul_watch_fns){ .ctx = c,
                                                           .begin = on_agents_begin,
                                                           .entry = on_agents_entry,
                                                           .end = on_agents_end,
                                                           .state = on_agents_state });
    c->watch_gateways =
        sc_consul_watch_new(env, "gateways",
                            &(struct sc_consul_watch_fns){ .ctx = c,
                                                           .begin = on_gateways_begin,
                                                           .entry = on_gateways_entry,
                                                           .end = on_gateways_end,
                                                           .state = on_gateways_state });
}

struct sc_consul *sc_consul_new(const struct sc_consul_deps *deps, struct sc_err *err)
{
    if (check_addr(deps->addr, err) < 0)
        return NULL;
    struct sc_consul *c = sc_xcalloc(1, sizeof *c);
    c->d = *deps;
    c->prefix = sc_xstrdup(deps->prefix);
    c->self = sc_xstrdup(deps->self_name);
    c->state_dir = sc_xstrdup(deps->state_dir);
    c->env = (struct sc_consul_env){
        .loop = deps->loop,
        .log = deps->log,
        .clock = deps->clock,
        .kv = sc_consul_kv_new(deps->loop, deps->http, deps->addr, deps->token),
        .prefix = c->prefix,
        .self = c->self,
        .state_dir = c->state_dir,
    };
    c->withdraw_timer = sc_timer_new(deps->loop, on_withdraw_timeout, c);
    build(c);
    if (strncmp(deps->addr, "https:", 6) != 0)
        return c;
    c->tls = sc_http_tls_new(&deps->tls, deps->log, err);
    if (!c->tls) {
        sc_consul_free(c);
        return NULL;
    }
    sc_consul_kv_set_tls(c->env.kv, c->tls);
    return c;
}

void sc_consul_start(struct sc_consul *c)
{
    c->started = true;
    sc_consul_view_load(c->view);
    sc_consul_session_start(c->session);
    sc_consul_shared_start(c->shared);
    sc_consul_maint_restart(c->maintenance);
    on_reread(c);
}

void sc_consul_shared_source(struct sc_consul *c, enum sc_shared_doc doc, sc_shared_ask_fn *ask,
                             void *ctx)
{
    sc_consul_shared_set_source(c->shared, doc, ask, ctx);
}

void sc_consul_shared_answer(struct sc_consul *c, enum sc_shared_doc doc, const char *text,
                             size_t n)
{
    if (c->shared) /* a late answer after the close */
        sc_consul_shared_want(c->shared, doc, text, n);
}

void sc_consul_recommend(struct sc_consul *c, const struct sc_event *e)
{
    if (c->shared)
        sc_consul_shared_recommend(c->shared, e);
}

void sc_consul_reject(struct sc_consul *c, const struct sc_entry *e, const char *reason)
{
    sc_consul_mailbox_reject(c->mailbox, e->name, reason);
}

struct putting {
    LIST_ENTRY(putting) link;
    sc_directory_done_fn *done;
    void *ctx;
};

static void on_put(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct putting p = *(struct putting *)ctx;
    (void)res;
    LIST_REMOVE((struct putting *)ctx, link);
    free(ctx);
    p.done(p.ctx, err);
}

static int may_write(const struct sc_consul *c, struct sc_err *err)
{
    if (sc_consul_link_state(c->link) != SC_LINK_UP || c->closed)
        return sc_fail(err, SC_EAWAY, "consul is away");
    if (sc_consul_kv_busy(c->env.kv))
        return sc_fail(err, SC_EBUSY, "consul: %d writes wait for it already", SC_KV_WAITING_MAX);
    return SC_OK;
}

static struct putting *putting_new(struct sc_consul *c, sc_directory_done_fn *done, void *ctx)
{
    struct putting *p = sc_xmalloc(sizeof *p);
    *p = (struct putting){ .done = done, .ctx = ctx };
    LIST_INSERT_HEAD(&c->puts, p, link);
    return p;
}

int sc_consul_put(struct sc_consul *c, const char *rest, const char *value, size_t n,
                  sc_directory_done_fn *done, void *ctx, struct sc_err *err)
{
    int r = may_write(c, err);
    if (r < 0)
        return r;
    sc_auto_free char *key = sc_xasprintf("%s/%s", c->prefix, rest);
    (void)sc_consul_kv_put(c->env.kv, key, value, n, on_put, putting_new(c, done, ctx));
    return SC_OK;
}

int sc_consul_drop(struct sc_consul *c, const char *rest, sc_directory_done_fn *done, void *ctx,
                   struct sc_err *err)
{
    int r = may_write(c, err);
    if (r < 0)
        return r;
    sc_auto_free char *key = sc_xasprintf("%s/%s", c->prefix, rest);
    sc_auto_buf struct sc_buf txn = SC_BUF_INIT;
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_DELETE, .key = key });
    (void)sc_consul_kv_txn(c->env.kv, &txn, on_put, putting_new(c, done, ctx));
    return SC_OK;
}

void sc_consul_set_token(struct sc_consul *c, const char *token)
{
    sc_consul_kv_set_token(c->env.kv, token);
    if (!c->started || c->closed)
        return;
    c->missed = 0;
    sc_consul_link_forget(c->link);
    sc_consul_session_kick(c->session);
    sc_consul_maint_restart(c->maintenance);
    sc_consul_presence_again(c->presence);
    on_reread(c);
}

void sc_consul_health_changed(struct sc_consul *c)
{
    if (c->catalog && !c->closed)
        sc_consul_catalog_tell(c->catalog);
}

int sc_consul_set_tls(struct sc_consul *c, const struct sc_http_tls_options *o, struct sc_err *err)
{
    return c->tls ? sc_http_tls_set(c->tls, o, err) : SC_OK;
}

void sc_consul_close(struct sc_consul *c)
{
    if (c->closed)
        return;
    c->closed = true;
    sc_consul_link_close(c->link);
    sc_consul_mailbox_close(c->mailbox);
    sc_consul_watch_free(sc_steal(&c->watch_agents));
    sc_consul_watch_free(sc_steal(&c->watch_gateways));
    sc_consul_maint_free(sc_steal(&c->maintenance));
    sc_consul_shared_free(sc_steal(&c->shared));
    sc_consul_presence_free(sc_steal(&c->presence));
    sc_consul_cluster_free(sc_steal(&c->cluster));
    sc_consul_session_free(sc_steal(&c->session));
    sc_consul_catalog_free(sc_steal(&c->catalog));
    if (c->withdrawn) {
        (void)sc_fail(&c->withdraw_err, SC_ECANCELED, "consul: closed before it had left");
        sc_loop_defer(c->d.loop, report_withdrawn, c);
    }
}

void sc_consul_free(struct sc_consul *c)
{
    if (!c)
        return;
    sc_consul_close(c);
    sc_loop_undefer(c->d.loop, report_withdrawn, c);
    sc_timer_free(c->withdraw_timer);
    sc_consul_mailbox_free(c->mailbox);
    sc_consul_view_free(c->view);
    sc_consul_link_free(c->link);
    sc_consul_kv_free(c->env.kv);
    sc_http_tls_free(c->tls);
    struct putting *p;
    while ((p = LIST_FIRST(&c->puts))) {
        LIST_REMOVE(p, link);
        free(p); /* NOLINT(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
    }
    free(c->prefix);
    free(c->self);
    free(c->state_dir);
    free(c);
}
