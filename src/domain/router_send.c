/* From the spool to a transport, again and again until a receipt or the TTL. */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum { DUE_BATCH = 128 };

struct sc_transport *router_transport(const struct sc_router *r)
{
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++)
        if (r->d.transports[i]->state == SC_LINK_UP)
            return r->d.transports[i];
    return NULL;
}

static void on_sent(void *ctx, const struct sc_id *id, const struct sc_err *err)
{
    struct sc_router *r = ctx;
    r->n.in_flight--;
    if (!err) {
        r->n.sent++;
        router_advance(r, id, SC_STAGE_SENT, router_now(r), NULL);
    } else {
        sc_log_debug(r->d.log, "msg.send_failed", SC_ID("id", id), SC_S("reason", err->text));
    }
}

/* A transport that cannot carry this one (too big, too busy) leaves it to the next. */
static void send_remote(struct sc_router *r, const struct sc_message *m)
{
    struct sc_message *c = sc_message_copy(m);
    if (r->d.sign)
        r->d.sign(r->d.ctx, c);
    for (size_t i = 0; i < SC_ROUTER_TRANSPORTS_MAX && r->d.transports[i]; i++) {
        struct sc_transport *t = r->d.transports[i];
        struct sc_err err = SC_ERR_INIT;
        if (t->state != SC_LINK_UP || t->ops->send(t->impl, c, on_sent, r, &err) < 0)
            continue;
        r->n.in_flight++;
        sc_log_debug(r->d.log, "msg.sending", SC_ID("id", &m->id), SC_S("via", t->name),
                     SC_S("gateway", m->to_gateway));
        break;
    }
    sc_message_free(c);
}

void router_dispatch(struct sc_router *r, const struct sc_message *m)
{
    const char *gateway = m->to_gateway;
    struct sc_message routed = *m; /* borrowed; only the address may differ */
    /* An agent may have moved since the message was accepted: the directory's word is newer. */
    enum sc_place place = sc_registry_locate(r->d.registry, m->to_agent, &gateway);
    if (place == SC_PLACE_UNKNOWN || m->kind == SC_KIND_REPLY)
        gateway = m->to_gateway;
    if (!gateway)
        return; /* nobody knows it yet; the retry looks again */
    char *to = sc_xstrdup(gateway);
    routed.to_gateway = to;
    if (sc_streq(to, r->d.self_name))
        router_store_local(r, &routed);
    else
        send_remote(r, &routed);
    free(to);
}

static void expire_one(struct sc_router *r, const struct sc_record *rec)
{
    if (rec->stage < SC_STAGE_STORED) {
        router_advance(r, &rec->msg.id, SC_STAGE_DEAD, router_now(r),
                       "expired: no gateway stored it within its ttl");
        return;
    }
    /* The receiver has it on disk: it is its to finish, and asking further would change nothing. */
    struct sc_err err = SC_ERR_INIT;
    (void)r->d.spool.ops->out_defer(r->d.spool.impl, &rec->msg.id, (sc_wall){ INT64_MAX }, &err);
}

static bool is_expired(const struct sc_router *r, const struct sc_record *rec)
{
    return router_now(r).ms > rec->msg.timestamp.ms + (int64_t)rec->msg.ttl_s * 1000;
}

/* Fresh news of a stored message make asking again unnecessary for a while. */
static bool put_off(struct sc_router *r, const struct sc_record *rec)
{
    if (rec->stage < SC_STAGE_STORED)
        return false;
    sc_wall next = { rec->times[rec->stage].ms + r->d.limits.refresh_ms };
    if (next.ms <= router_now(r).ms)
        return false;
    struct sc_err err = SC_ERR_INIT;
    return r->d.spool.ops->out_defer(r->d.spool.impl, &rec->msg.id, next, &err) == SC_OK;
}

struct due {
    struct sc_router *r;
    struct sc_record *rows; /* copied: a row must not be changed while it is being visited */
    size_t n;
};

static bool collect(void *ctx, const struct sc_record *rec)
{
    struct due *d = ctx;
    struct sc_record *row = &d->rows[d->n++];
    struct sc_message *copy = sc_message_copy(&rec->msg);
    *row = *rec;
    row->msg = *copy;
    row->reason = NULL;
    free(copy);
    return d->n < DUE_BATCH;
}

static void retry_one(struct sc_router *r, const struct sc_record *rec)
{
    const struct sc_router_limits *lim = &r->d.limits;
    struct sc_err err = SC_ERR_INIT;
    if (is_expired(r, rec)) {
        expire_one(r, rec);
        return;
    }
    if (put_off(r, rec))
        return;
    int64_t wait =
        rec->stage >= SC_STAGE_STORED
            ? lim->refresh_ms
            : sc_backoff_delay(lim->retry_min_ms, lim->retry_max_ms, rec->attempts, sc_random64());
    sc_wall next = { router_now(r).ms + wait };
    if (r->d.spool.ops->out_retry(r->d.spool.impl, &rec->msg.id, next, &err) < 0)
        return; /* the spool said why; the row stays due */
    r->n.retried++;
    router_dispatch(r, &rec->msg);
}

static void arm_next(struct sc_router *r, bool more)
{
    sc_wall next = { 0 };
    struct sc_err err = SC_ERR_INIT;
    if (more)
        router_due(r, router_now(r));
    else if (r->d.spool.ops->out_next_due(r->d.spool.impl, &next, &err) < 0)
        router_due(r, (sc_wall){ router_now(r).ms + r->d.limits.retry_max_ms });
    else if (next.ms && next.ms != INT64_MAX)
        router_due(r, next);
}

void router_on_due(void *router)
{
    struct sc_router *r = router;
    struct sc_err err = SC_ERR_INIT;
    r->due_at.ms = 0;
    struct due d = { .r = r, .rows = sc_xcalloc(DUE_BATCH, sizeof *d.rows) };
    int rc = r->d.spool.ops->out_due(r->d.spool.impl, router_now(r), DUE_BATCH, collect, &d, &err);
    for (size_t i = 0; i < d.n; i++) {
        retry_one(r, &d.rows[i]);
        sc_record_fini(&d.rows[i]);
    }
    arm_next(r, rc == SC_OK && d.n == DUE_BATCH);
    free(d.rows);
}

void router_due(struct sc_router *r, sc_wall at)
{
    if (r->due_at.ms && r->due_at.ms <= at.ms)
        return;
    r->due_at = at.ms ? at : (sc_wall){ 1 };
    int64_t wait = at.ms - router_now(r).ms;
    sc_timer_arm(r->due_timer, wait > 0 ? wait : 0);
}

void sc_router_hurry(struct sc_router *r, const char *gateway)
{
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->out_hurry(r->d.spool.impl, gateway, router_now(r), &err) < 0)
        sc_log_warn(r->d.log, "spool.hurry_failed", SC_S("reason", err.text),
                    SC_S("instead", "the retries go on at their own pace"));
    router_due(r, router_now(r));
}
