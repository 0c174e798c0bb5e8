/* From the spool to a transport, again and again until a receipt or the TTL. */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/backoff.h"
#include "sideclaw/mem.h"

enum {
    DUE_BATCH = 128,
    CLOCK_STEP_MS = 1000,
    QUESTIONS_GROW = 32 /* from one a minute to one in half an hour */
};

void router_note_failure(struct sc_router *r, const struct sc_id *id, const char *via,
                         const char *why)
{
    const struct sc_attempt failed = { .via = via, .error = why };
    struct sc_err ignored = SC_ERR_INIT;
    (void)r->d.spool.ops->out_note(r->d.spool.impl, id, &failed, &ignored);
    sc_log_debug(r->d.log, "msg.send_failed", SC_ID("id", id), SC_S("via", via),
                 SC_S("reason", why));
}

static void on_sent(void *ctx, const struct sc_id *id, const struct sc_err *err)
{
    const struct sender *via = ctx;
    struct sc_router *r = via->r;
    r->n.in_flight--;
    if (!err) {
        r->n.sent++;
        (void)router_advance(r, id, SC_STAGE_SENT, router_now(r), via->t->name);
        return;
    }
    router_pace_over(r, id);
    router_note_failure(r, id, via->t->name, err->text);
}

static void send_remote(struct sc_router *r, const struct sc_message *m, unsigned taken)
{
    struct sc_message signed_one = *m; /* borrowed, but for what the signer sets */
    signed_one.sig = NULL;
    if (r->d.sign)
        r->d.sign(r->d.ctx, &signed_one);
    if (router_carry(r, &signed_one, taken, on_sent))
        r->n.in_flight++;
    free(signed_one.sig);
}

/* What may be there already, only a receipt can end. */
static bool may_leave(const struct sc_router *r, const struct sc_message *m)
{
    return m->ask || m->again || !router_held_back(r, m, m->to_gateway);
}

bool router_bring(struct sc_router *r, const struct sc_message *m, unsigned taken)
{
    if (sc_streq(m->to_gateway, r->d.self_name))
        return router_store_local(r, m);
    if (may_leave(r, m))
        send_remote(r, m, taken);
    return true;
}

/* Without the body, and marked, so that nobody stores it who has not. */
bool router_ask(struct sc_router *r, const struct sc_message *m, unsigned taken)
{
    char nothing[] = "";
    struct sc_message q = *m; /* borrowed */
    q.ask = true;
    q.body = nothing;
    q.body_len = 0;
    return router_bring(r, &q, taken);
}

/* The receiver has it on disk, and it is its to finish. As long as it surely remembers the message
 * we ask how that went, because the receipt that said so may be lost; afterwards it is history. */
static bool is_history(const struct sc_router *r, const struct sc_record *rec)
{
    return rec->stage >= SC_STAGE_STORED && router_is_expired(r, &rec->msg) &&
           router_surely(r).ms > rec->msg.timestamp.ms + r->d.limits.retention_ms;
}

static bool park(struct sc_router *r, const struct sc_record *rec)
{
    struct sc_err err = SC_ERR_INIT;
    return r->d.spool.ops->out_defer(r->d.spool.impl, &rec->msg.id, (sc_wall){ INT64_MAX }, &err) ==
           SC_OK;
}

/* Fresh news of a stored message make asking again unnecessary for a while. */
static bool put_off(struct sc_router *r, const struct sc_record *rec)
{
    if (rec->stage < SC_STAGE_STORED)
        return false;
    sc_wall next = { rec->times[rec->stage].ms + r->d.limits.refresh_ms };
    int64_t left = next.ms - router_now(r).ms;
    if (left <= 0 || left > r->d.limits.refresh_ms) /* more: the clock was set back since */
        return false;
    struct sc_err err = SC_ERR_INIT;
    return r->d.spool.ops->out_defer(r->d.spool.impl, &rec->msg.id, next, &err) == SC_OK;
}

/* Rows that are due, until the commit that counts the attempt: one of them may have been written in
 * this very turn, and must not be sent before it is there. */
struct due {
    struct sc_router *r;
    size_t n, max;
    bool more; /* there may be */
    bool send[DUE_BATCH];
    struct sc_record rows[DUE_BATCH]; /* copied: a row must not be changed while it is visited */
};

static bool collect(void *ctx, const struct sc_record *rec)
{
    struct due *d = ctx;
    struct sc_record *row = &d->rows[d->n++];
    struct sc_message *copy = sc_message_copy(&rec->msg);
    *row = *rec;
    row->msg = *copy;
    row->reason = row->via = row->last_error = NULL;
    free(copy);
    return d->n < d->max;
}

/* A message that is stored is only asked about. */
static int64_t wait_after(const struct sc_router *r, const struct sc_record *rec)
{
    const struct sc_router_limits *lim = &r->d.limits;
    bool stored = rec->stage >= SC_STAGE_STORED;
    int64_t least = stored ? lim->refresh_ms : lim->retry_min_ms;
    int64_t most = stored ? lim->refresh_ms * QUESTIONS_GROW : lim->retry_max_ms;
    return sc_backoff_delay(least, most, rec->attempts, sc_random64());
}

/* The next try, or its end when that comes first: nobody hears of a death a minute late. */
static sc_wall next_look(const struct sc_router *r, const struct sc_record *rec)
{
    const struct sc_message *m = &rec->msg;
    int64_t next = router_now(r).ms + wait_after(r, rec);
    int64_t end = m->timestamp.ms + (int64_t)m->ttl_s * 1000 + 1;
    bool ends_first = rec->stage < SC_STAGE_STORED && m->ttl_s && end < next;
    return (sc_wall){ ends_first ? end : next };
}

/* What any transport was given may have arrived, and its receipts not: then nobody here can know.
 */
static const char *why_expired(const struct sc_router *r, const struct sc_record *rec)
{
    bool local = sc_streq(rec->msg.to_gateway, r->d.self_name);
    return local || (!rec->msg.to_gateway && !rec->via) ? ROUTER_UNHEARD : ROUTER_UNKNOWN;
}

/* For people: why the attempt before this one was not enough. */
static struct sc_attempt attempt(const struct sc_router *r, const struct sc_record *rec)
{
    struct sc_attempt a = { .via = NULL };
    const char *gateway = rec->msg.to_gateway;
    if (!gateway)
        (void)sc_registry_locate(r->d.registry, rec->msg.to_agent, &gateway);
    if (rec->stage == SC_STAGE_SENT)
        a.error = "it was sent, and no receipt came";
    else if (rec->stage == SC_STAGE_ACCEPTED && router_held_back(r, &rec->msg, gateway))
        a.error = "its gateway takes no new messages now: it drains";
    else if (rec->stage == SC_STAGE_ACCEPTED && !rec->msg.to_gateway)
        a.error = "no gateway is known to have the agent";
    else if (rec->stage == SC_STAGE_ACCEPTED && !router_has_way(r, rec->msg.to_gateway))
        a.error = "no transport can get there now";
    return a;
}

/* False when the spool refused: the row stays due, and the others would fare no better. */
static bool retry_one(struct sc_router *r, const struct sc_record *rec, bool *ret_send)
{
    struct sc_err err = SC_ERR_INIT;
    if (rec->stage < SC_STAGE_STORED && router_is_expired(r, &rec->msg))
        return router_advance(r, &rec->msg.id, SC_STAGE_DEAD, router_now(r), why_expired(r, rec));
    if (is_history(r, rec))
        return park(r, rec);
    if (put_off(r, rec))
        return true;
    const struct sc_attempt a = attempt(r, rec);
    if (r->d.spool.ops->out_retry(r->d.spool.impl, &rec->msg.id, next_look(r, rec), &a, &err) < 0)
        return false;
    *ret_send = true;
    return true;
}

/* True when it is on its way. */
static bool send_again(struct sc_router *r, struct sc_record *rec)
{
    uint64_t before = r->n.in_flight;
    r->n.retried++;
    router_order_refresh(r, &rec->msg);
    rec->msg.again = rec->stage >= SC_STAGE_SENT;
    /* One that a transport took, and that nobody said he has: the next one may do better. */
    unsigned taken = rec->stage >= SC_STAGE_SENT ? rec->attempts + 1 : 0;
    if (rec->stage >= SC_STAGE_STORED)
        (void)router_ask(r, &rec->msg, taken);
    else
        (void)router_dispatch(r, &rec->msg, taken); /* when it fails, the retry looks again */
    if (r->n.in_flight == before)
        return sc_streq(rec->msg.to_gateway, r->d.self_name);
    if (rec->stage < SC_STAGE_STORED)
        router_pace_sent(r, &rec->msg.id);
    return true;
}

/* The timer follows what the turn wrote; when its commit fails, the rows are due as before. */
static void on_retried(void *ctx, const struct sc_err *err)
{
    struct due *d = ctx;
    size_t tried = 0, taken = 0;
    if (err)
        router_due(d->r, (sc_wall){ router_now(d->r).ms + d->r->d.limits.retry_min_ms });
    for (size_t i = 0; i < d->n; i++) {
        if (!err && d->send[i]) {
            tried++;
            taken += send_again(d->r, &d->rows[i]);
        }
        sc_record_fini(&d->rows[i]);
    }
    if (!err && d->more)
        router_pace_next(d->r, tried, taken);
    free(d);
}

static void arm_next(struct sc_router *r)
{
    sc_wall next = { 0 };
    struct sc_err err = SC_ERR_INIT;
    if (r->d.spool.ops->out_next_due(r->d.spool.impl, &next, &err) < 0)
        router_due(r, (sc_wall){ router_now(r).ms + r->d.limits.retry_max_ms });
    else if (next.ms && next.ms != INT64_MAX)
        router_due(r, next);
}

/* Rows are due by the wall clock, so that another life finds them. When that was set back, nothing
 * that was put off before would be due for as long. */
static void notice_set_back(struct sc_router *r)
{
    int64_t ahead = router_now(r).ms - sc_clock_mono(&r->d.clock).ms;
    int64_t back = r->wall_ahead_ms - ahead;
    r->wall_ahead_ms = ahead;
    if (back < CLOCK_STEP_MS)
        return;
    sc_log_warn(r->d.log, "clock.set_back", SC_I("ms", back),
                SC_S("instead", "everything that waits is looked at now"));
    sc_router_hurry(r, NULL);
}

void router_on_due(void *router)
{
    struct sc_router *r = router;
    struct sc_err err = SC_ERR_INIT;
    r->due_at.ms = 0;
    notice_set_back(r);
    size_t room = router_pace_room(r);
    if (room == 0)
        return;
    struct due *d = sc_xcalloc(1, sizeof *d);
    d->r = r;
    d->max = room < DUE_BATCH ? room : DUE_BATCH;
    int rc = r->d.spool.ops->out_due(r->d.spool.impl, router_now(r), (int)d->max, collect, d, &err);
    bool refused = rc < 0;
    for (size_t i = 0; i < d->n && !refused; i++)
        refused = !retry_one(r, &d->rows[i], &d->send[i]);
    bool more = d->more = d->n == d->max && !refused;
    if (d->n)
        r->d.spool.ops->after_commit(r->d.spool.impl, on_retried, d);
    else
        free(d);
    if (refused) /* not at once: a full disk would keep the loop spinning */
        router_due(r, (sc_wall){ router_now(r).ms + r->d.limits.retry_min_ms });
    else if (!more)
        arm_next(r);
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
