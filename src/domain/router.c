#include "sideclaw/router.h"

#include <stdlib.h>
#include <string.h>

#include "router_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { EXPIRE_EVERY_MS = 60 * 1000 };

sc_wall router_now(const struct sc_router *r)
{
    return sc_clock_wall(&r->d.clock);
}

sc_wall router_surely(const struct sc_router *r)
{
    int64_t steady = r->started_wall.ms + sc_clock_mono(&r->d.clock).ms - r->started.ms;
    int64_t now = router_now(r).ms;
    return (sc_wall){ now < steady ? now : steady };
}

static void on_expire(void *ctx)
{
    struct sc_router *r = ctx;
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->expire(r->d.spool.impl, router_surely(r), r->d.limits.retention_ms, &err) <
        0)
        sc_log_warn(r->d.log, "spool.expire_failed", SC_S("reason", err.text),
                    SC_S("instead", "old messages stay until the next try"));
    sc_timer_arm(r->expire_timer, EXPIRE_EVERY_MS);
}

struct sc_router *sc_router_new(const struct sc_router_deps *deps)
{
    struct sc_router *r = sc_xcalloc(1, sizeof *r);
    r->d = *deps;
    r->started = sc_clock_mono(&r->d.clock);
    r->started_wall = router_now(r);
    r->wall_ahead_ms = r->started_wall.ms - r->started.ms;
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX; i++)
        r->senders[i] = (struct sender){ .r = r, .t = deps->transports[i] };
    r->due_timer = sc_timer_new(deps->loop, router_on_due, r);
    r->expire_timer = sc_timer_new(deps->loop, on_expire, r);
    r->receipts = sc_map_new();
    r->waits = sc_map_new();
    r->rates = sc_map_new();
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && deps->transports[i]; i++)
        r->n.via[i].name = deps->transports[i]->name;
    router_times_init(r);
    router_order_init(r);
    router_pace_init(r);
    return r;
}

void sc_router_start(struct sc_router *r)
{
    sc_timer_arm(r->expire_timer, EXPIRE_EVERY_MS);
    router_order_start(r);
    router_due(r, router_now(r));
}

void sc_router_free(struct sc_router *r)
{
    if (!r)
        return;
    sc_timer_free(r->due_timer);
    sc_timer_free(r->expire_timer);
    sc_map_free(r->receipts, router_free_batch);
    router_free_waits(r);
    sc_map_free(r->rates, free);
    router_order_free(r);
    router_pace_fini(r);
    free(r);
}

/* One submission between its put and the commit. */
struct submission {
    struct sc_router *r;
    struct sc_message *m;
    sc_submit_fn *done;
    void *ctx;
    bool is_new;   /* false: it was there already */
    bool dispatch; /* false: it is here, or died at the door */
};

static void on_committed(void *ctx, const struct sc_err *err)
{
    struct submission *s = ctx;
    if (!err && s->is_new)
        s->r->n.accepted++;
    if (err && s->is_new)
        router_order_undo(s->r, &s->m->id);
    if (s->done)
        s->done(s->ctx, s->m, err);
    if (!err && s->dispatch)
        (void)router_dispatch(s->r, s->m, 0); /* when it fails, the retry looks again */
    sc_message_free(s->m);
    free(s);
}

/* Its message becomes the callback's. */
static void after_commit(struct sc_router *r, const struct submission *what)
{
    struct submission *s = sc_xcalloc(1, sizeof *s);
    *s = *what;
    s->r = r;
    r->d.spool.ops->after_commit(r->d.spool.impl, on_committed, s);
}

/* Nobody of that name: only a whole and fresh view may say so; else the message waits. */
static int check_recipient(const struct sc_router *r, const struct sc_message *m,
                           struct sc_err *err)
{
    const char *gateway;
    if (!sc_registry_complete(r->d.registry))
        return SC_OK;
    if (m->to_gateway && !sc_registry_gateway_known(r->d.registry, m->to_gateway)) {
        (void)sc_fail(err, SC_ENOENT, "no gateway is called '%s'", m->to_gateway);
        return sc_err_remedy(err, "list them: sideclaw gateways");
    }
    if (m->to_gateway ||
        sc_registry_locate(r->d.registry, m->to_agent, &gateway) != SC_PLACE_UNKNOWN)
        return SC_OK;
    const char *near = sc_registry_suggest(r->d.registry, m->to_agent);
    (void)sc_fail(err, SC_ENOENT, "no agent is called '%s'", m->to_agent);
    if (near)
        return sc_err_remedy(err, "did you mean '%s'? All of them: sideclaw agents", near);
    return sc_err_remedy(err, "list them: sideclaw agents");
}

static void complete(const struct sc_router *r, struct sc_message *m)
{
    const char *gateway;
    m->timestamp = router_now(r);
    m->ask = false;
    if (sc_id_is_zero(&m->id))
        m->id = sc_id_new(m->timestamp);
    sc_set_str(&m->from_gateway, r->d.self_name);
    if (!m->ttl_s)
        m->ttl_s = r->d.limits.default_ttl_s;
    if (m->to_gateway)
        return;
    enum sc_place place = sc_registry_locate(r->d.registry, m->to_agent, &gateway);
    /* One that waits for the end of a drain has no home yet: until it is sent nobody can have it,
     * and it follows its agent without a word. */
    if (place != SC_PLACE_UNKNOWN && !router_held_back(r, m, gateway))
        sc_set_str(&m->to_gateway, gateway);
}

/* A message over its thread's rate is accepted and dies at once, so that its author can see it. */
static bool stop_loop(struct sc_router *r, const struct sc_message *m)
{
    if (router_rate_ok(r, m))
        return false;
    char reason[SC_REASON_MAX];
    (void)snprintf(reason, sizeof reason, "loop: more than %u messages a minute in one thread",
                   r->d.limits.thread_rate);
    (void)router_advance(r, &m->id, SC_STAGE_DEAD, router_now(r), reason);
    return true;
}

/* The client asks again: the first one counts, and answers. Another message under its id is a
 * mistake, and must not pass for a success. */
static int again(const struct sc_router *r, struct sc_message *m, struct sc_err *err)
{
    sc_auto_record struct sc_record first;
    sc_record_init(&first);
    int rc = r->d.spool.ops->get(r->d.spool.impl, &m->id, false, &first, err);
    if (rc < 0)
        return rc;
    if (!sc_streq(m->from_agent, first.msg.from_agent) ||
        !sc_streq(m->to_agent, first.msg.to_agent) || !sc_streq(m->body, first.msg.body))
        return sc_fail(err, SC_EEXIST, "another message was accepted with this id");
    sc_message_fini(m);
    *m = first.msg;
    sc_message_init(&first.msg); /* handed over */
    return SC_OK;
}

/* Put, and in the same transaction the inbox row of a receiver that lives here. */
static int put(struct sc_router *r, struct sc_message *m, struct submission *ret,
               struct sc_err *err)
{
    sc_wall now = router_now(r), next = { now.ms + r->d.limits.ack_ms };
    router_order_follow(r, m);
    int rc = r->d.spool.ops->out_put(r->d.spool.impl, m, now, next, err);
    if (rc == SC_EEXIST)
        return again(r, m, err);
    if (rc < 0)
        return rc;
    ret->is_new = true;
    sc_log_info(r->d.log, "msg.accepted", SC_ID("id", &m->id), SC_S("from", m->from_agent),
                SC_S("to", m->to_agent));
    if (stop_loop(r, m))
        return SC_OK;
    router_order_lead(r, m);
    if (sc_streq(m->to_gateway, r->d.self_name))
        (void)router_store_local(r, m); /* when it has no room now, the retry looks again */
    else
        ret->dispatch = true;
    router_due(r, next);
    return SC_OK;
}

int sc_router_submit(struct sc_router *r, const struct sc_message *m, sc_submit_fn *done, void *ctx,
                     struct sc_err *err)
{
    struct submission s = { .done = done, .ctx = ctx };
    int rc = sc_message_check(m, err);
    if (rc == SC_OK)
        rc = check_recipient(r, m, err);
    if (rc < 0)
        return rc;
    s.m = sc_message_copy(m);
    complete(r, s.m);
    rc = put(r, s.m, &s, err);
    if (rc == SC_OK)
        after_commit(r, &s);
    else
        sc_message_free(s.m);
    return rc;
}

static struct sc_message *make_reply(const struct sc_message *m, const char *text)
{
    struct sc_message *a = sc_xmalloc(sizeof *a);
    sc_message_init(a);
    a->kind = SC_KIND_REPLY;
    a->from_agent = sc_xstrdup(m->to_agent);
    a->to_agent = sc_xstrdup(m->from_agent);
    a->to_gateway = sc_xstrdup(m->from_gateway);
    a->thread = sc_xstrdup(m->thread);
    a->in_reply_to = m->id;
    a->body_len = sc_utf8_prefix(text, SC_BODY_MAX);
    a->body = sc_xstrndup(text, a->body_len);
    a->privacy = m->privacy;
    a->traceparent = sc_xstrdup(m->traceparent);
    return a;
}

int sc_router_reply(struct sc_router *r, const struct sc_message *m, const char *text,
                    struct sc_err *err)
{
    struct sc_message *a = make_reply(m, text);
    struct submission s = { .m = a };
    if (text[a->body_len])
        sc_log_warn(r->d.log, "msg.reply_cut", SC_ID("id", &m->id), SC_I("bytes", strlen(text)),
                    SC_S("instead", "the first 256 KiB are sent"));
    if (!a->to_gateway) /* an external sender: its answer waits here, in the inbox of its name */
        a->to_gateway = sc_xstrdup(r->d.self_name);
    complete(r, a);
    int rc = put(r, a, &s, err);
    if (rc == SC_OK)
        rc = sc_router_progress(r, m, SC_STAGE_REPLIED, NULL, err);
    if (rc == SC_OK && m->extra && r->d.reached)
        r->d.reached(r->d.ctx, m, SC_STAGE_REPLIED, a->body);
    if (rc == SC_OK)
        after_commit(r, &s);
    else
        sc_message_free(a);
    return rc;
}

void sc_router_counters(const struct sc_router *r, struct sc_router_counters *ret)
{
    *ret = r->n;
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++)
        ret->via[i].took = r->d.transports[i]->took;
}

void sc_router_rejected(struct sc_router *r, const char *via, const char *reason)
{
    r->n.rejected++;
    sc_log_warn(r->d.log, "msg.rejected", SC_S("via", via), SC_S("reason", reason),
                SC_S("instead", "it is not acted on; who wrote it finds it with the reason"));
    char cut[SC_REASON_MAX];
    sc_reason_copy(cut, reason);
    (void)snprintf(r->last_rejected, sizeof r->last_rejected, "%s: %s", via, cut);
}

const char *sc_router_last_rejected(const struct sc_router *r)
{
    return r->last_rejected;
}
