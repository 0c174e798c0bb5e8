/* The port to the memory in Redis. Everything that decides something happens in two scripts, each
 * atomic there; these files carry to and fro. Here: the scripts, the calls and the life of both. */
#include "sideclaw/redis_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_memory_internal.h"
#include "sideclaw/mem.h"

struct rmem_call *rmem_call_new(struct sc_redis_memory *r, enum rmem_what what, const char *agent,
                                size_t n, void *ctx)
{
    struct rmem_call *c = sc_xcalloc(1, sizeof *c + n * sizeof c->answers[0]);
    c->r = r;
    c->what = what;
    c->ctx = ctx;
    c->agent = sc_xstrdup(agent);
    c->n = n;
    return c;
}

void rmem_call_free(struct rmem_call *c)
{
    free(c->agent);
    sc_buf_fini(&c->keys);
    free(c);
}

static void call_failed(struct rmem_call *c, const struct sc_err *err)
{
    switch (c->what) {
    case CALL_EXCHANGE:
        c->done.answers(c->ctx, NULL, 0, err);
        break;
    case CALL_STAMPS:
    case CALL_KEYS:
        c->done.page(c->ctx, NULL, 0, "0", err);
        break;
    case CALL_CHANGES:
        c->done.changes(c->ctx, NULL, 0, false, false, err);
        break;
    }
}

/* --- the scripts --- */

static void load(struct sc_redis_memory *r);

static void on_loaded(struct sc_redis_memory *r, enum rmem_script i,
                      const struct sc_redis_reply *reply)
{
    const char *sha = sc_redis_reply_str(reply, NULL);
    if (!reply || r->closed)
        return;
    r->loading--;
    if (sc_redis_reply_is_error(reply)) {
        struct sc_err err = SC_ERR_INIT;
        sc_redis_data_explain(r->d.redis, reply, &err);
        sc_log_warn(r->d.log, "memory.no_scripts", SC_S("reason", err.text),
                    SC_S("instead", "memory stays in this sidecar until Redis takes scripts"));
        return;
    }
    (void)snprintf(r->sha[i], RMEM_SHA_SIZE, "%s", sha ? sha : "");
    if (r->loading > 0 || !r->sha[SCRIPT_EXCHANGE][0] || !r->sha[SCRIPT_CHANGES][0] || r->up)
        return;
    r->up = true;
    r->last[0] = 0; /* everything is compared now: only what comes after it counts */
    r->d.up(r->d.ctx);
}

static void on_exchange_loaded(void *ctx, const struct sc_redis_reply *reply)
{
    on_loaded(ctx, SCRIPT_EXCHANGE, reply);
}

static void on_changes_loaded(void *ctx, const struct sc_redis_reply *reply)
{
    on_loaded(ctx, SCRIPT_CHANGES, reply);
}

static void load(struct sc_redis_memory *r)
{
    const char *exchange[] = { "SCRIPT", "LOAD", sc_redis_memory_exchange };
    const char *changes[] = { "SCRIPT", "LOAD", sc_redis_memory_changes };
    r->loading = 0;
    if (sc_redis_data_command(r->d.redis, on_exchange_loaded, r, 3, exchange, NULL) == SC_OK)
        r->loading++;
    if (sc_redis_data_command(r->d.redis, on_changes_loaded, r, 3, changes, NULL) == SC_OK)
        r->loading++;
}

static void went(struct sc_redis_memory *r)
{
    bool was = r->up;
    r->up = false;
    r->sha[SCRIPT_EXCHANGE][0] = r->sha[SCRIPT_CHANGES][0] = 0;
    if (was && !r->closed)
        r->d.down(r->d.ctx);
}

static void on_ready(void *ctx)
{
    load(ctx);
}

static void on_lost(void *ctx)
{
    went(ctx);
}

/* True when the reply is none: the call has ended then. */
bool rmem_reply_failed(struct rmem_call *c, const struct sc_redis_reply *reply)
{
    struct sc_redis_memory *r = c->r;
    struct sc_err err = SC_ERR_INIT;
    if (reply && !sc_redis_reply_is_error(reply))
        return false;
    if (r->closed)
        return true;
    const char *text = reply ? sc_redis_reply_str(reply, NULL) : NULL;
    sc_redis_data_explain(r->d.redis, reply, &err);
    call_failed(c, &err);
    if (text && strncmp(text, "NOSCRIPT", 8) == 0 && r->up) {
        went(r); /* it was restarted or flushed: what it has must be compared, too */
        load(r);
    } else if (text) {
        sc_log_debug(r->d.log, "memory.redis_refused", SC_S("reason", err.text));
    }
    return true;
}

/* --- arguments --- */

void rmem_add_bytes(struct rmem_arguments *a, const char *p, size_t n)
{
    a->argv[a->n] = p;
    a->lens[a->n++] = n;
}

void rmem_add(struct rmem_arguments *a, const char *text)
{
    rmem_add_bytes(a, text, strlen(text));
}

void rmem_read_clock(struct sc_memory_entry *e, const struct sc_memory_clock *c)
{
    e->stamp = c->stamp;
    e->deleted = c->deleted;
    e->expires = c->expires;
}

char *rmem_agent_key(const struct sc_redis_memory *r, const char *agent, const char *what)
{
    return sc_xasprintf("%s%s:%s", r->value_prefix, agent, what);
}

int rmem_start(struct rmem_call *take_call,
               void (*fn)(void *ctx, const struct sc_redis_reply *reply), struct rmem_arguments *a,
               struct sc_err *err)
{
    struct sc_redis_memory *r = take_call->r;
    int rc = r->up && !r->closed
                 ? sc_redis_data_command(r->d.redis, fn, take_call, a->n, a->argv, a->lens)
                 : SC_EAWAY;
    if (rc == SC_OK)
        return SC_OK;
    rmem_call_free(take_call);
    return sc_fail(err, (enum sc_code)rc, "redis is away or behind");
}

/* --- life --- */

static bool is_up(const void *impl)
{
    const struct sc_redis_memory *r = impl;
    return r->up && sc_redis_data_is_up(r->d.redis);
}

static const struct sc_memory_remote_ops ops = { .is_up = is_up,
                                                 .exchange = rmem_exchange,
                                                 .stamps = rmem_stamps,
                                                 .keys = rmem_keys,
                                                 .changes = rmem_changes };

struct sc_memory_remote sc_redis_memory_port(struct sc_redis_memory *r)
{
    return (struct sc_memory_remote){ .ops = &ops, .impl = r };
}

struct sc_redis_memory *sc_redis_memory_new(const struct sc_redis_memory_deps *deps)
{
    struct sc_redis_memory *r = sc_xcalloc(1, sizeof *r);
    r->d = *deps;
    r->log_key = sc_redis_data_key(deps->redis, "memory-changes");
    r->life_key = sc_redis_data_key(deps->redis, "memory-life");
    r->value_prefix = sc_redis_data_key(deps->redis, "agents:");
    r->watcher = (struct sc_redis_watcher){ .ready = on_ready, .lost = on_lost, .ctx = r };
    sc_redis_data_watch(deps->redis, &r->watcher);
    return r;
}

void sc_redis_memory_close(struct sc_redis_memory *r)
{
    if (!r || r->closed)
        return;
    r->closed = true;
    sc_redis_data_unwatch(&r->watcher);
}

void sc_redis_memory_free(struct sc_redis_memory *r)
{
    if (!r)
        return;
    free(r->log_key);
    free(r->life_key);
    free(r->value_prefix);
    free(r);
}
