/* Events in Redis. Listening costs a connection of its own, which is made when somebody listens for
 * the first time. */
#include "sideclaw/redis_events.h"

#include <stdlib.h>
#include <string.h>

#include "redis_internal.h"
#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { ONCE_S = 60, REPEATED_S = 600 };

/* KEYS: list, channel. ARGV: how many are kept; then of each event what names it, for how many
 * seconds that is remembered, and its JSON. What is named already was said by another sidecar, or
 * by us before the answer was lost. */
static const char script[] =
    "for i = 2, #ARGV, 3 do"
    "  if redis.call('SET', KEYS[1]..':once:'..ARGV[i], '1', 'NX', 'EX', ARGV[i + 1]) then"
    "    redis.call('LPUSH', KEYS[1], ARGV[i + 2])"
    "    redis.call('PUBLISH', KEYS[2], ARGV[i + 2])"
    "  end "
    "end "
    "redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)";

struct sc_redis_events {
    struct sc_redis_events_deps d;
    struct sc_redis_watcher watcher;
    struct sc_redis_link *listen; /* NULL until somebody listens */
    char *list, *channel, *name;
};

/* One push or list without an answer. */
struct asking {
    struct sc_redis_events *e;
    sc_event_fn *each; /* NULL: a push */
    sc_event_done_fn *done;
    void *ctx;
};

static void end(struct asking *a, const struct sc_redis_reply *reply)
{
    struct sc_err err = SC_ERR_INIT;
    bool failed = !reply || sc_redis_reply_is_error(reply);
    if (failed)
        sc_redis_data_explain(a->e->d.redis, reply, &err);
    if (failed && err.code == SC_OK)
        err.code = SC_EAWAY;
    a->done(a->ctx, failed ? &err : NULL);
    free(a);
}

static bool is_up(const void *impl)
{
    return sc_redis_data_is_up(((const struct sc_redis_events *)impl)->d.redis);
}

static int ask(struct sc_redis_events *e, const struct asking *what,
               void (*fn)(void *ctx, const struct sc_redis_reply *reply), int argc,
               const char **argv, struct sc_err *err)
{
    struct asking *a = sc_xmalloc(sizeof *a);
    *a = *what;
    int r = sc_redis_data_command(e->d.redis, fn, a, argc, argv, NULL);
    if (r == SC_OK)
        return SC_OK;
    free(a);
    return sc_fail(err, r == SC_EBUSY ? SC_EBUSY : SC_EAWAY, "redis %s",
                   r == SC_EBUSY ? "owes too many answers" : "is away");
}

/* ---- push ---- */

static void on_pushed(void *ctx, const struct sc_redis_reply *reply)
{
    end(ctx, reply);
}

static char *name_of(const struct sc_event *ev)
{
    char id[SC_ID_TEXT_SIZE];
    sc_id_format(&ev->id, id);
    return sc_xstrdup(ev->once ? ev->once : id);
}

static int push(void *impl, const struct sc_event *const *v, size_t n, sc_event_done_fn *done,
                void *ctx, struct sc_err *err)
{
    enum { FIRST = 6, EACH = 3 };
    struct sc_redis_events *e = impl;
    const struct asking what = { .e = e, .done = done, .ctx = ctx };
    const char *argv[FIRST + EACH * SC_EVENTS_BATCH_MAX];
    char *names[SC_EVENTS_BATCH_MAX];
    struct sc_buf json[SC_EVENTS_BATCH_MAX];
    sc_auto_free char *kept = sc_xasprintf("%d", SC_EVENTS_LIST_MAX);
    sc_auto_free char *once = sc_xasprintf("%d", ONCE_S),
                      *repeated = sc_xasprintf("%d", REPEATED_S);
    const char *head[FIRST] = { "EVAL", script, "2", e->list, e->channel, kept };
    sc_assert(n <= SC_EVENTS_BATCH_MAX);
    memcpy(argv, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        json[i] = (struct sc_buf)SC_BUF_INIT;
        sc_event_to_json(v[i], &json[i]);
        names[i] = name_of(v[i]);
        argv[FIRST + EACH * i] = names[i];
        argv[FIRST + EACH * i + 1] = v[i]->once ? once : repeated;
        argv[FIRST + EACH * i + 2] = sc_buf_str(&json[i]);
    }
    int r = ask(e, &what, on_pushed, (int)(FIRST + EACH * n), argv, err);
    for (size_t i = 0; i < n; i++) {
        sc_buf_fini(&json[i]);
        free(names[i]);
    }
    return r;
}

/* ---- list ---- */

static void tell(sc_event_fn *fn, void *ctx, const char *text, size_t n)
{
    struct sc_event ev;
    sc_event_from_text(text, n, &ev);
    fn(ctx, &ev);
    sc_event_fini(&ev);
}

static void on_listed(void *ctx, const struct sc_redis_reply *reply)
{
    struct asking *a = ctx;
    for (size_t i = 0; reply && i < sc_redis_reply_count(reply); i++) {
        size_t n;
        const char *text = sc_redis_reply_str(sc_redis_reply_at(reply, i), &n);
        if (text)
            tell(a->each, a->ctx, text, n);
    }
    end(a, reply);
}

static int list(void *impl, size_t limit, sc_event_fn *each, sc_event_done_fn *done, void *ctx,
                struct sc_err *err)
{
    struct sc_redis_events *e = impl;
    const struct asking what = { .e = e, .each = each, .done = done, .ctx = ctx };
    sc_auto_free char *last = sc_xasprintf("%zu", limit ? limit - 1 : 0);
    const char *argv[] = { "LRANGE", e->list, "0", last };
    return ask(e, &what, on_listed, 4, argv, err);
}

/* ---- listen ---- */

static void on_message(void *ctx, const char *payload, size_t n)
{
    struct sc_redis_events *e = ctx;
    tell(e->d.heard, e->d.ctx, payload, n);
}

static void on_listening(void *ctx)
{
    (void)ctx; /* nobody waits for it */
}

static void on_deaf(void *ctx, const struct sc_err *why)
{
    (void)ctx, (void)why; /* the link for commands says so, louder */
}

static void follow(void *impl)
{
    struct sc_redis_events *e = impl;
    const struct sc_redis *r = e->d.redis;
    if (e->listen || r->closed)
        return;
    const struct sc_redis_link_deps deps = { .loop = r->d.loop,
                                             .log = r->d.log,
                                             .clock = r->d.clock,
                                             .url = &r->url,
                                             .name = e->name,
                                             .channel = e->channel,
                                             .ready = on_listening,
                                             .lost = on_deaf,
                                             .message = on_message,
                                             .ctx = e };
    e->listen = sc_redis_link_new(&deps);
    sc_redis_link_start(e->listen);
}

static void on_ready(void *ctx)
{
    struct sc_redis_events *e = ctx;
    e->d.ready(e->d.ctx);
}

/* With Sentinel the primary may have moved, and an old one goes on without a word. */
static void on_lost(void *ctx)
{
    struct sc_redis_events *e = ctx;
    struct sc_err why = SC_ERR_INIT;
    (void)sc_fail(&why, SC_EAWAY, "the link for commands went");
    if (e->listen && e->d.redis->url.primary)
        sc_redis_link_drop(e->listen, &why);
}

/* ---- the object ---- */

struct sc_redis_events *sc_redis_events_new(const struct sc_redis_events_deps *deps)
{
    struct sc_redis_events *e = sc_xcalloc(1, sizeof *e);
    e->d = *deps;
    e->watcher = (struct sc_redis_watcher){ .ready = on_ready, .lost = on_lost, .ctx = e };
    e->list = sc_redis_data_key(deps->redis, "shared:recent-events");
    e->channel = sc_redis_data_key(deps->redis, "events");
    e->name = sc_xasprintf("sideclaw:%s:events", deps->redis->self_name);
    sc_redis_data_watch(deps->redis, &e->watcher);
    return e;
}

struct sc_event_log sc_redis_events_log(struct sc_redis_events *e)
{
    static const struct sc_event_log_ops ops = {
        .is_up = is_up, .push = push, .list = list, .follow = follow
    };
    return (struct sc_event_log){ .ops = e ? &ops : NULL, .impl = e };
}

void sc_redis_events_close(struct sc_redis_events *e)
{
    if (e)
        sc_redis_link_free(sc_steal(&e->listen));
}

void sc_redis_events_free(struct sc_redis_events *e)
{
    if (!e)
        return;
    sc_redis_events_close(e);
    sc_redis_data_unwatch(&e->watcher);
    free(e->list);
    free(e->channel);
    free(e->name);
    free(e);
}
