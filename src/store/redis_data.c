#include "sideclaw/redis_data.h"

#include "redis_internal.h"
#include "sideclaw/mem.h"

void sc_redis_data_watch(struct sc_redis *r, struct sc_redis_watcher *w)
{
    LIST_INSERT_HEAD(&r->watchers, w, link);
}

void sc_redis_data_unwatch(struct sc_redis_watcher *w)
{
    LIST_REMOVE(w, link);
}

bool sc_redis_data_is_up(const struct sc_redis *r)
{
    return r->t.state == SC_LINK_UP && !r->closed;
}

void sc_redis_data_tell(struct sc_redis *r, bool ready)
{
    struct sc_redis_watcher *w = LIST_FIRST(&r->watchers), *next;
    for (; w; w = next) {
        next = LIST_NEXT(w, link);
        if (ready)
            w->ready(w->ctx);
        else
            w->lost(w->ctx);
    }
}

int sc_redis_data_command(struct sc_redis *r,
                          void (*fn)(void *ctx, const struct sc_redis_reply *reply), void *ctx,
                          int argc, const char **argv, const size_t *argvlen)
{
    if (!sc_redis_data_is_up(r))
        return SC_EAWAY;
    if (sc_redis_link_pending(r->commands) >= SC_REDIS_PENDING_MAX)
        return SC_EBUSY;
    return sc_redis_link_command(r->commands, fn, ctx, argc, argv, argvlen);
}

char *sc_redis_data_key(const struct sc_redis *r, const char *rest)
{
    return sc_xasprintf("%s:%s", r->prefix, rest);
}

void sc_redis_data_explain(const struct sc_redis *r, const struct sc_redis_reply *reply,
                           struct sc_err *ret)
{
    if (reply)
        (void)sc_redis_explain(sc_redis_link_at(r->commands), sc_redis_reply_str(reply, NULL), ret);
    else
        (void)sc_fail(ret, SC_EAWAY, "redis went away before it answered");
}
