/* What surfaces ask of the queue, and the beat. */
#include "sideclaw/tasks.h"

#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "tasks_internal.h"

enum {
    BEAT_MS = 250,
    SLOW_BEATS = 8, /* when nobody waits for an answer */
    EXPIRE_BEATS = 240,
    REPUSH_BEATS = 1200, /* a single task that somebody deleted comes back by itself */
};

bool tasks_up(const struct sc_tasks *t)
{
    return t->d.queue.ops && t->d.queue.ops->is_up(t->d.queue.impl);
}

int tasks_queue(struct sc_tasks *t, const struct sc_task_ask *q, sc_task_fn *fn, void *ctx,
                struct sc_err *err)
{
    if (t->d.queue.ops)
        return t->d.queue.ops->ask(t->d.queue.impl, q, fn, ctx, err);
    (void)sc_fail(err, SC_EAWAY, "there is no task queue: redis.enabled is false");
    return sc_err_remedy(err, "set redis.enabled and redis.url");
}

/* --- calls --- */

static struct sc_tasks_call *call_new(struct sc_tasks *t, const struct sc_task_ask *q,
                                      sc_task_fn *fn, void *ctx)
{
    struct sc_tasks_call *c = sc_xcalloc(1, sizeof *c);
    *c = (struct sc_tasks_call){ .t = t, .fn = fn, .ctx = ctx, .what = q->what };
    sc_task_init(&c->task);
    if (q->what == SC_TASK_PUSH) {
        sc_task_copy(&c->task, q->task);
    } else {
        c->task.id = sc_xstrdup(q->id);
        c->task.fence = q->fence;
        c->task.holder = sc_xstrdup(q->agent);
    }
    t->n_calls++;
    return c;
}

static void call_free(struct sc_tasks_call *c)
{
    c->t->n_calls--;
    sc_task_fini(&c->task);
    free(c);
}

void tasks_call_end(struct sc_tasks_call *c, const struct sc_task_reply *reply,
                    const struct sc_err *err)
{
    if (c->fn)
        c->fn(c->ctx, reply, err);
    call_free(c);
}

void sc_tasks_forget(struct sc_tasks_call *call)
{
    if (call)
        call->fn = NULL;
}

static void on_pushed(void *ctx, const struct sc_err *err)
{
    struct sc_tasks_call *c = ctx;
    struct sc_tasks *t = c->t;
    const struct sc_task_reply reply = { .answer = SC_TASK_OK, .v = &c->task, .n = 1 };
    if (!err) {
        t->n.pushed++;
        sc_log_info(t->d.log, "task.pushed", SC_S("id", c->task.id), SC_S("from", c->task.from));
    } else {
        t->n.home_open = t->d.store.ops->count_open(t->d.store.impl);
    }
    tasks_call_end(c, err ? NULL : &reply, err);
    tasks_home_pump(t);
}

static void ignore(void *ctx, const struct sc_task_reply *reply, const struct sc_err *e)
{
    (void)ctx;
    (void)reply;
    (void)e;
}

/* Nobody is left to work on it: the next one need not wait for the end of the lease. */
static void give_back(struct sc_tasks *t, const struct sc_task *task)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_task_ask q = { .what = SC_TASK_FAIL,
                                   .id = task->id,
                                   .fence = task->fence,
                                   .agent = task->holder,
                                   .text = "its taker went away before it had it",
                                   .retry = true };
    (void)tasks_queue(t, &q, ignore, NULL, &err); /* else its lease runs out */
}

static void note_lease(struct sc_tasks_call *c, const struct sc_task_reply *reply)
{
    struct sc_tasks *t = c->t;
    bool ok = reply->answer == SC_TASK_OK && reply->n > 0;
    if (c->what == SC_TASK_POP && ok && !c->fn) {
        give_back(t, &reply->v[0]);
    } else if (c->what == SC_TASK_POP && ok) {
        t->n.popped++;
        tasks_holder_taken(t, &reply->v[0]);
        sc_log_info(t->d.log, "task.taken", SC_S("id", reply->v[0].id),
                    SC_S("by", reply->v[0].holder), SC_I("attempt", reply->v[0].attempts));
    } else if (c->what == SC_TASK_RENEW && ok) {
        t->n.renewed++;
        tasks_holder_taken(t, &reply->v[0]);
    } else if (c->what == SC_TASK_FAIL && ok) {
        t->n.failed++;
        tasks_holder_over(t, c->task.id);
    } else if (reply->answer == SC_TASK_STALE &&
               (c->what == SC_TASK_RENEW || c->what == SC_TASK_FAIL)) {
        t->n.stale++;
        tasks_holder_over(t, c->task.id);
    }
}

/* What the queue does not know, or cannot be asked about, may be on our own disk. */
static bool answer_from_home(struct sc_tasks_call *c)
{
    struct sc_tasks *t = c->t;
    struct sc_err err = SC_ERR_INIT;
    struct sc_task_row row = { .queued = false };
    if (c->what != SC_TASK_GET || t->d.store.ops->get(t->d.store.impl, c->task.id, &row, &err) < 0)
        return false;
    const struct sc_task_reply reply = { .answer = SC_TASK_OK, .v = &row.task, .n = 1 };
    tasks_call_end(c, &reply, NULL);
    sc_task_fini(&row.task);
    return true;
}

static void on_answer(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_tasks_call *c = ctx;
    TAILQ_REMOVE(&c->t->calls, c, link);
    if (reply)
        note_lease(c, reply);
    if ((!reply || reply->answer == SC_TASK_UNKNOWN) && answer_from_home(c))
        return;
    tasks_call_end(c, reply, err);
}

static void on_home_answer(void *ctx, const struct sc_err *err)
{
    struct sc_tasks_call *c = ctx;
    struct sc_err away = SC_ERR_INIT;
    if (answer_from_home(c))
        return;
    (void)sc_fail(&away, SC_EAWAY, "the task queue cannot be reached, and %s is not from here",
                  c->task.id);
    tasks_call_end(c, NULL, err ? err : &away);
}

static int start(struct sc_tasks *t, struct sc_tasks_call *c, const struct sc_task_ask *q,
                 struct sc_err *err)
{
    if (q->what == SC_TASK_END)
        return tasks_holder_end(t, c, q, err);
    if (q->what == SC_TASK_PUSH) {
        int r = tasks_home_put(t, &c->task, err);
        if (r == SC_OK)
            t->d.spool.ops->after_commit(t->d.spool.impl, on_pushed, c);
        return r;
    }
    int r = tasks_queue(t, q, on_answer, c, err);
    if (r == SC_OK)
        TAILQ_INSERT_TAIL(&t->calls, c, link);
    if (r < 0 && q->what == SC_TASK_GET) {
        t->d.spool.ops->after_commit(t->d.spool.impl, on_home_answer, c);
        return SC_OK;
    }
    return r;
}

struct sc_tasks_call *sc_tasks_ask(struct sc_tasks *t, const struct sc_task_ask *q, sc_task_fn *fn,
                                   void *ctx, struct sc_err *err)
{
    if (t->n_calls >= SC_TASKS_CALLS_MAX) {
        (void)sc_fail(err, SC_EBUSY, "%d calls about tasks are under way", SC_TASKS_CALLS_MAX);
        return NULL;
    }
    struct sc_tasks_call *c = call_new(t, q, fn, ctx);
    if (start(t, c, q, err) == SC_OK)
        return c;
    call_free(c);
    return NULL;
}

/* --- life --- */

static void on_beat(void *ctx)
{
    struct sc_tasks *t = ctx;
    bool slow = ++t->beats % SLOW_BEATS == 0;
    if (t->beats % EXPIRE_BEATS == 0)
        tasks_home_expire(t);
    if (t->beats % REPUSH_BEATS == 0)
        t->life = 0;
    if (tasks_up(t)) {
        if (t->push_again)
            tasks_home_pump(t);
        if (slow || t->n.home_open > 0)
            tasks_home_look(t);
    }
    tasks_holder_beat(t, slow);
    sc_timer_arm(t->beat, BEAT_MS);
}

void sc_tasks_ready(struct sc_tasks *t)
{
    t->life = 0;
    tasks_home_look(t);
    tasks_holder_hurry(t, NULL);
}

struct sc_tasks *sc_tasks_new(const struct sc_tasks_deps *deps)
{
    struct sc_tasks *t = sc_xcalloc(1, sizeof *t);
    t->d = *deps;
    t->ends = sc_map_new();
    t->leases = sc_map_new();
    t->beat = sc_timer_new(deps->loop, on_beat, t);
    TAILQ_INIT(&t->calls);
    return t;
}

void sc_tasks_start(struct sc_tasks *t)
{
    t->n.home_open = t->d.store.ops->count_open(t->d.store.impl);
    tasks_holder_start(t);
    sc_timer_arm(t->beat, BEAT_MS);
}

void sc_tasks_counters(const struct sc_tasks *t, struct sc_tasks_counters *ret)
{
    *ret = t->n;
    ret->ends_pending = (int64_t)sc_map_count(t->ends);
    ret->leases = (int64_t)sc_map_count(t->leases);
}

/* The queue's own answers have come by now (its link is closed); what waited for a commit will not
 * be told any more. */
void sc_tasks_free(struct sc_tasks *t)
{
    if (!t)
        return;
    struct sc_tasks_call *c;
    while ((c = TAILQ_FIRST(&t->calls))) {
        TAILQ_REMOVE(&t->calls, c, link);
        call_free(c); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
    }
    sc_timer_free(t->beat);
    tasks_holder_fini(t);
    free(t);
}
