/* What agents of this gateway work on: their leases, and their results until the tasks' homes have
 * them. */
#include <inttypes.h>
#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "tasks_internal.h"

enum { WAIT_MS = 5000 }; /* for a home's word, before a result is called pending */

struct end {
    struct sc_tasks *t;
    char *key;
    struct sc_task_end what;
    bool stored, asking;
    struct tasks_calls waiting;
};

struct lease {
    char *agent;
    uint64_t fence;
    int64_t lease_ms;
    sc_mono renewed;
};

/* --- leases --- */

static void free_lease(void *value)
{
    struct lease *l = value;
    if (!l)
        return;
    free(l->agent);
    free(l);
}

void tasks_holder_over(struct sc_tasks *t, const char *id)
{
    free_lease(sc_map_del(t->leases, id));
}

void tasks_holder_taken(struct sc_tasks *t, const struct sc_task *task)
{
    struct lease *l = sc_xcalloc(1, sizeof *l);
    *l = (struct lease){ .agent = sc_xstrdup(task->holder ? task->holder : ""),
                         .fence = task->fence,
                         .lease_ms = task->lease_ms,
                         .renewed = sc_clock_mono(&t->d.clock) };
    free_lease(sc_map_set(t->leases, task->id, l));
}

struct renewing {
    struct sc_tasks *t;
    char *id;
};

static void on_renewed(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct renewing *r = ctx;
    (void)err; /* tried again with the next beat, while the lease lasts */
    if (reply && reply->answer == SC_TASK_OK && sc_map_get(r->t->leases, r->id)) {
        r->t->n.renewed++;
        tasks_holder_taken(r->t, &reply->v[0]);
    } else if (reply && reply->answer == SC_TASK_STALE) {
        tasks_holder_over(r->t, r->id);
    }
    free(r->id);
    free(r);
}

static bool renew(void *ctx, const char *id, void *value)
{
    struct sc_tasks *t = ctx;
    struct lease *l = value;
    struct sc_err err = SC_ERR_INIT;
    int64_t age = sc_clock_mono(&t->d.clock).ms - l->renewed.ms;
    if (age > 2 * l->lease_ms) {
        tasks_holder_over(t, id); /* somebody else has it by now, or soon */
        return true;
    }
    if (age < l->lease_ms / 3 || !t->d.is_busy(t->d.ctx, l->agent))
        return true;
    struct renewing *r = sc_xcalloc(1, sizeof *r);
    *r = (struct renewing){ .t = t, .id = sc_xstrdup(id) };
    const struct sc_task_ask q = {
        .what = SC_TASK_RENEW, .id = id, .fence = l->fence, .agent = l->agent
    };
    if (tasks_queue(t, &q, on_renewed, r, &err) == SC_OK)
        return true;
    free(r->id);
    free(r);
    return false;
}

/* --- ends --- */

static void free_end(void *value)
{
    struct end *e = value;
    struct sc_tasks_call *c;
    while ((c = TAILQ_FIRST(&e->waiting))) {
        TAILQ_REMOVE(&e->waiting, c, link);
        tasks_call_end(c, NULL, &(struct sc_err){ .code = SC_ECANCELED, .text = "stopping" });
    }
    free(e->key);
    free(e->what.id);
    free(e->what.agent);
    free(e->what.home);
    free(e->what.result);
    free(e);
}

static struct end *end_new(struct sc_tasks *t, const struct sc_task_end *what)
{
    struct end *e = sc_xcalloc(1, sizeof *e);
    *e = (struct end){ .t = t,
                       .key = sc_xasprintf("%s@%" PRIu64, what->id, what->fence),
                       .what = { .id = sc_xstrdup(what->id),
                                 .agent = sc_xstrdup(what->agent),
                                 .home = sc_xstrdup(what->home),
                                 .result = sc_xstrdup(what->result),
                                 .fence = what->fence } };
    TAILQ_INIT(&e->waiting);
    (void)sc_map_set(t->ends, e->key, e);
    return e;
}

static void tell_all(struct end *e, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_tasks_call *c;
    while ((c = TAILQ_FIRST(&e->waiting))) {
        TAILQ_REMOVE(&e->waiting, c, link);
        tasks_call_end(c, reply, err);
    }
}

static void resolved(struct end *e, const struct sc_task_reply *reply)
{
    struct sc_tasks *t = e->t;
    struct sc_err err = SC_ERR_INIT;
    if (reply->answer == SC_TASK_OK)
        t->n.completed++;
    else
        t->n.stale++;
    sc_log_info(t->d.log, reply->answer == SC_TASK_OK ? "task.completed" : "task.stale",
                SC_S("id", e->what.id), SC_S("by", e->what.agent));
    if (t->d.store.ops->drop_end(t->d.store.impl, e->what.id, e->what.fence, &err) < 0)
        sc_log_warn(t->d.log, "task.end_kept", SC_S("id", e->what.id), SC_S("reason", err.text),
                    SC_S("instead", "it is delivered again, which changes nothing"));
    tasks_holder_over(t, e->what.id);
    (void)sc_map_del(t->ends, e->key);
    tell_all(e, reply, NULL);
    free_end(e);
}

static void on_delivered(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct end *e = ctx;
    struct sc_tasks *t = e->t;
    e->asking = false;
    (void)err; /* it is kept, and delivered when the queue is back */
    if (!reply)
        return;
    if (reply->answer != SC_TASK_PENDING)
        resolved(e, reply);
    else if (sc_streq(e->what.home, t->d.self_name))
        tasks_home_look(t);
}

static void deliver(struct end *e)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_task_ask q = { .what = SC_TASK_END,
                                   .id = e->what.id,
                                   .fence = e->what.fence,
                                   .agent = e->what.agent,
                                   .home = e->what.home,
                                   .text = e->what.result };
    if (!e->stored || e->asking || !tasks_up(e->t))
        return;
    e->asking = tasks_queue(e->t, &q, on_delivered, e, &err) == SC_OK;
}

static void on_stored(void *ctx, const struct sc_err *err)
{
    struct end *e = ctx;
    if (!err) {
        e->stored = true;
        deliver(e);
        return;
    }
    (void)sc_map_del(e->t->ends, e->key);
    tell_all(e, NULL, err);
    free_end(e);
}

int tasks_holder_end(struct sc_tasks *t, struct sc_tasks_call *c, const struct sc_task_ask *q,
                     struct sc_err *err)
{
    sc_auto_free char *key = sc_xasprintf("%s@%" PRIu64, q->id, q->fence);
    struct end *e = sc_map_get(t->ends, key);
    if (!t->d.queue.ops)
        return tasks_queue(t, q, NULL, NULL, err);
    if (!e && sc_map_count(t->ends) >= SC_TASKS_ENDS_MAX)
        return sc_fail(err, SC_EBUSY, "%d results wait for their tasks' homes", SC_TASKS_ENDS_MAX);
    if (!e) {
        const struct sc_task_end what = { .id = sc_xstrdup(q->id),
                                          .agent = sc_xstrdup(q->agent),
                                          .home = sc_xstrdup(q->home),
                                          .result = sc_xstrdup(q->text),
                                          .fence = q->fence };
        int r = t->d.store.ops->put_end(t->d.store.impl, &what, err);
        if (r == SC_OK) {
            e = end_new(t, &what);
            t->d.spool.ops->after_commit(t->d.spool.impl, on_stored, e);
        }
        free(what.id);
        free(what.agent);
        free(what.home);
        free(what.result);
        if (r < 0)
            return r;
    }
    c->deadline.ms = sc_clock_mono(&t->d.clock).ms + WAIT_MS;
    TAILQ_INSERT_TAIL(&e->waiting, c, link);
    return SC_OK;
}

/* --- the beat --- */

struct beat {
    struct sc_tasks *t;
    bool slow;
};

static void tell_late(struct end *e, sc_mono now)
{
    const struct sc_task_reply reply = { .answer = SC_TASK_PENDING };
    struct sc_tasks_call *c = TAILQ_FIRST(&e->waiting), *next;
    for (; c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->deadline.ms > now.ms || !e->stored)
            continue;
        TAILQ_REMOVE(&e->waiting, c, link);
        tasks_call_end(c, &reply, NULL);
    }
}

static bool beat_end(void *ctx, const char *key, void *value)
{
    const struct beat *b = ctx;
    struct end *e = value;
    (void)key;
    if (b->slow || !TAILQ_EMPTY(&e->waiting))
        deliver(e);
    tell_late(e, sc_clock_mono(&b->t->d.clock));
    return true;
}

void tasks_holder_beat(struct sc_tasks *t, bool slow)
{
    struct beat b = { .t = t, .slow = slow };
    sc_map_each(t->ends, beat_end, &b);
    if (tasks_up(t))
        sc_map_each(t->leases, renew, t);
}

static bool hurry_end(void *ctx, const char *key, void *value)
{
    const char *id = ctx;
    struct end *e = value;
    (void)key;
    if (!id || sc_streq(id, e->what.id))
        deliver(e);
    return true;
}

void tasks_holder_hurry(struct sc_tasks *t, const char *id)
{
    void *of = NULL;
    sc_auto_free char *copy = sc_xstrdup(id);
    of = copy;
    sc_map_each(t->ends, hurry_end, of);
}

/* --- life --- */

static void found_end(void *ctx, const struct sc_task_end *what)
{
    struct sc_tasks *t = ctx;
    end_new(t, what)->stored = true;
}

void tasks_holder_start(struct sc_tasks *t)
{
    struct sc_err err = SC_ERR_INIT;
    if (t->d.store.ops->each_end(t->d.store.impl, found_end, t, &err) < 0)
        sc_log_error(t->d.log, "task.start_failed", SC_S("reason", err.text));
}

void tasks_holder_fini(struct sc_tasks *t)
{
    sc_map_free(t->ends, free_end);
    sc_map_free(t->leases, free_lease);
}
