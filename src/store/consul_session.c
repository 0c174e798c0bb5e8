/* The session: created, renewed every third of its TTL, and remembered on disk, so that a sidecar
 * that was killed comes back as itself instead of meeting its own locks. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consul_internal.h"
#include "sideclaw/backoff.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"

enum { TTL_MIN_MS = 10 * 1000, TTL_MAX_MS = 86400 * 1000, RETRY_MIN_MS = 250, RETRY_MAX_MS = 5000 };

struct sc_consul_session {
    const struct sc_consul_env *env;
    struct sc_consul_session_fns fns;
    int64_t ttl_ms;
    char *name;                 /* "sideclaw-<gateway>" */
    char *path;                 /* NULL: not kept */
    char id[SC_CONSUL_ID_SIZE]; /* "" when there is none */
    bool known;                 /* Consul has confirmed it in this life of ours */
    bool retired;
    struct sc_timer *timer;
    struct sc_consul_call *call;
    struct sc_backoff backoff;
    sc_loop_fn *left;
    void *left_ctx;
};

static void save(struct sc_consul_session *s)
{
    struct sc_err err = SC_ERR_INIT;
    if (!s->path)
        return;
    if (s->id[0] == '\0')
        (void)unlink(s->path); /* best effort: a stale id costs one request */
    else if (sc_file_write(s->path, s->id, strlen(s->id), 0600, &err) < 0)
        sc_log_warn(s->env->log, "consul.session.unsaved", SC_S("reason", err.text));
}

static void load(struct sc_consul_session *s)
{
    sc_auto_free char *line = NULL;
    if (s->path && sc_file_read_line(s->path, sizeof s->id - 1, &line, NULL) == SC_OK)
        (void)snprintf(s->id, sizeof s->id, "%s", line);
}

static void forget(struct sc_consul_session *s)
{
    s->id[0] = '\0';
    s->known = false;
}

static void adopt(struct sc_consul_session *s, const char *id, const char *event)
{
    bool fresh = !s->known;
    (void)snprintf(s->id, sizeof s->id, "%s", id);
    s->known = true;
    if (!fresh)
        return;
    sc_log_info(s->env->log, event, SC_S("session", s->id));
    save(s);
    s->fns.ready(s->fns.ctx);
}

static void failed(struct sc_consul_session *s, const struct sc_err *err)
{
    sc_timer_arm(s->timer, sc_backoff_next(&s->backoff));
    s->fns.state(s->fns.ctx, err);
}

static void alive(struct sc_consul_session *s)
{
    sc_backoff_reset(&s->backoff);
    sc_timer_arm(s->timer, s->ttl_ms / 3);
    s->fns.state(s->fns.ctx, NULL);
}

static void on_created(void *ctx, const struct sc_http_response *res, const struct sc_err *call_err)
{
    struct sc_consul_session *s = ctx;
    struct sc_consul_session_info info;
    struct sc_err err = SC_ERR_INIT;
    s->call = NULL;
    if (call_err) {
        failed(s, call_err);
    } else if (sc_consul_session_from_json(res->body, res->body_len, &info, &err) < 0) {
        failed(s, &err);
    } else {
        alive(s);
        adopt(s, info.id, "consul.session.created");
    }
}

static void create(struct sc_consul_session *s)
{
    s->call = sc_consul_kv_session_create(s->env->kv, s->name, s->ttl_ms, on_created, s);
}

static void on_renewed(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_session *s = ctx;
    struct sc_consul_session_info info;
    s->call = NULL;
    /* 500 comes for an id that is no UUID: whatever the file held, it is no session. */
    bool gone = (err && err->code == SC_ENOENT) ||
                (res && res->status == 500 && strstr(res->body, "session lookup"));
    if (err && !gone) {
        failed(s, err);
        return;
    }
    /* A state folder that was copied from another gateway brings that one's session: not ours. */
    if (gone || !res || sc_consul_session_from_json(res->body, res->body_len, &info, NULL) < 0 ||
        !sc_streq(info.name, s->name)) {
        if (s->known)
            sc_log_warn(s->env->log, "consul.session.expired", SC_S("session", s->id));
        forget(s);
        create(s);
        return;
    }
    alive(s);
    adopt(s, info.id, "consul.session.resumed");
}

static void work(void *ctx)
{
    struct sc_consul_session *s = ctx;
    if (s->call || s->retired)
        return;
    if (s->id[0] == '\0')
        create(s);
    else
        s->call = sc_consul_kv_session_renew(s->env->kv, s->id, on_renewed, s);
}

struct sc_consul_session *sc_consul_session_new(const struct sc_consul_env *env, int64_t ttl_ms,
                                                const struct sc_consul_session_fns *fns)
{
    struct sc_consul_session *s = sc_xcalloc(1, sizeof *s);
    s->env = env;
    s->fns = *fns;
    s->ttl_ms = ttl_ms < TTL_MIN_MS ? TTL_MIN_MS : ttl_ms > TTL_MAX_MS ? TTL_MAX_MS : ttl_ms;
    s->name = sc_xasprintf("sideclaw-%s", env->self);
    s->path = env->state_dir ? sc_xasprintf("%s/consul.session", env->state_dir) : NULL;
    s->timer = sc_timer_new(env->loop, work, s);
    s->backoff = (struct sc_backoff){ .min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS };
    return s;
}

void sc_consul_session_start(struct sc_consul_session *s)
{
    load(s);
    work(s);
}

const char *sc_consul_session_id(const struct sc_consul_session *s)
{
    return s->known && !s->retired ? s->id : NULL;
}

void sc_consul_session_lost(struct sc_consul_session *s)
{
    if (s->retired || s->call) /* what is under way finds out by itself */
        return;
    sc_log_warn(s->env->log, "consul.session.expired", SC_S("session", s->id));
    forget(s);
    create(s);
}

void sc_consul_session_kick(struct sc_consul_session *s)
{
    if (!s->retired && !s->call)
        sc_timer_arm(s->timer, 0);
}

static void on_left(void *ctx)
{
    struct sc_consul_session *s = ctx;
    sc_loop_fn *left = sc_steal(&s->left);
    if (left)
        left(s->left_ctx);
}

static void on_destroyed(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_session *s = ctx;
    (void)res;
    s->call = NULL;
    if (!err) {
        forget(s);
        save(s);
    }
    on_left(s);
}

void sc_consul_session_leave(struct sc_consul_session *s, sc_loop_fn *done, void *ctx)
{
    s->retired = true;
    s->left = done;
    s->left_ctx = ctx;
    sc_timer_disarm(s->timer);
    sc_consul_kv_cancel(sc_steal(&s->call));
    if (s->id[0])
        s->call = sc_consul_kv_session_destroy(s->env->kv, s->id, on_destroyed, s);
    else
        sc_loop_defer(s->env->loop, on_left, s);
}

void sc_consul_session_free(struct sc_consul_session *s)
{
    if (!s)
        return;
    sc_consul_kv_cancel(s->call);
    sc_loop_undefer(s->env->loop, on_left, s);
    sc_timer_free(s->timer);
    free(s->name);
    free(s->path);
    free(s);
}
