/* The home of a task is the gateway it was pushed at: its disk has the task until it is over, and
 * its word decides which end counts. Redis may forget everything at any time. */
#include <stdlib.h>

#include "sideclaw/id.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "tasks_internal.h"

enum { PUMP_MAX = 64 };
static const int64_t kept_ms = INT64_C(7) * 24 * 3600 * 1000;

enum sc_task_verdict sc_task_judge(const struct sc_task *row, const struct sc_task *seen)
{
    bool ended = !sc_task_is_open(seen->state);
    if (!row)
        return ended ? SC_VERDICT_FINAL : SC_VERDICT_SEEN;
    if (seen->lives > row->lives)
        return ended ? SC_VERDICT_FINAL : SC_VERDICT_REOPEN;
    if (sc_task_is_open(row->state)) {
        /* A holder whose lease was over, in a queue that had forgotten the later one. */
        if (ended && seen->fence < row->fence)
            return SC_VERDICT_UNDO;
        return ended ? SC_VERDICT_FINAL : SC_VERDICT_SEEN;
    }
    return ended && seen->state == row->state && seen->fence == row->fence ? SC_VERDICT_FINAL
                                                                           : SC_VERDICT_OVER;
}

/* --- into the queue --- */

static int same_again(struct sc_tasks *t, struct sc_task *task, struct sc_err *err)
{
    struct sc_task_row row = { .queued = false };
    if (t->d.store.ops->get(t->d.store.impl, task->id, &row, err) < 0)
        return sc_fail(err, SC_EEXIST, "there is a task %s already", task->id);
    if (!sc_streq(row.task.body, task->body)) {
        sc_task_fini(&row.task);
        (void)sc_fail(err, SC_EEXIST, "there is a task %s with another body", task->id);
        return sc_err_remedy(err, "choose another id, or leave it out");
    }
    sc_task_fini(task);
    *task = row.task;
    return SC_OK;
}

int tasks_home_put(struct sc_tasks *t, struct sc_task *task, struct sc_err *err)
{
    sc_wall now = sc_clock_wall(&t->d.clock);
    if (!t->d.queue.ops)
        return tasks_queue(t, NULL, NULL, NULL, err);
    if (t->n.home_open >= SC_TASKS_HOME_MAX) {
        (void)sc_fail(err, SC_EFULL, "%d tasks that were pushed here are not done yet",
                      SC_TASKS_HOME_MAX);
        return sc_err_remedy(err, "wait until some are done, or cancel some");
    }
    if (!task->id) {
        char id[SC_ID_TEXT_SIZE];
        struct sc_id new = sc_id_new(now);
        sc_id_format(&new, id);
        task->id = sc_xstrdup(id);
    }
    sc_set_str(&task->home, t->d.self_name);
    task->created = now;
    int r = sc_task_check(task, err);
    if (r == SC_OK)
        r = t->d.store.ops->put(t->d.store.impl, task, err);
    if (r == SC_EEXIST)
        return same_again(t, task, err);
    if (r == SC_OK)
        t->n.home_open++;
    t->push_again = true;
    return r;
}

struct pushing {
    struct sc_tasks *t;
    char *id;
    bool again;
};

static void on_in_queue(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct pushing *p = ctx;
    struct sc_tasks *t = p->t;
    struct sc_err failed = SC_ERR_INIT;
    bool ok = reply && reply->answer == SC_TASK_OK;
    (void)err; /* the beat tries again */
    if (ok && t->d.store.ops->set_queued(t->d.store.impl, p->id, true, &failed) < 0)
        ok = false;
    if (ok && p->again) {
        t->n.put_back++;
        sc_log_debug(t->d.log, "task.put_back", SC_S("id", p->id));
    }
    t->push_again = t->push_again || !ok;
    free(p->id);
    free(p);
    if (--t->pushing == 0 && ok)
        tasks_home_pump(t);
}

static bool push_row(void *ctx, const struct sc_task_row *row)
{
    struct sc_tasks *t = ctx;
    struct sc_err err = SC_ERR_INIT;
    struct pushing *p = sc_xcalloc(1, sizeof *p);
    const struct sc_task_ask q = { .what = SC_TASK_PUSH,
                                   .task = &row->task,
                                   .again = row->pushed,
                                   .hold_ms = row->task.state == SC_TASK_RUNNING
                                                  ? row->task.lease_ms
                                                  : 0 };
    *p = (struct pushing){ .t = t, .id = sc_xstrdup(row->task.id), .again = row->pushed };
    if (tasks_queue(t, &q, on_in_queue, p, &err) == SC_OK) {
        t->pushing++;
        return true;
    }
    t->push_again = true;
    free(p->id);
    free(p);
    return false;
}

void tasks_home_pump(struct sc_tasks *t)
{
    struct sc_err err = SC_ERR_INIT;
    if (t->pushing > 0 || !tasks_up(t))
        return;
    t->push_again = false;
    if (t->d.store.ops->each_unqueued(t->d.store.impl, PUMP_MAX, push_row, t, &err) < 0)
        t->push_again = true;
}

/* --- out of it --- */

/* A verdict that is told when it is on disk. */
struct telling {
    struct sc_tasks *t;
    struct sc_task seen, row;
    bool has_row;
    enum sc_task_verdict verdict;
};

static void free_telling(struct telling *w)
{
    sc_task_fini(&w->seen);
    sc_task_fini(&w->row);
    free(w);
}

static void on_told(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct telling *w = ctx;
    struct sc_tasks *t = w->t;
    if (reply && w->verdict == SC_VERDICT_UNDO)
        tasks_home_pump(t);
    else if (reply)
        tasks_holder_hurry(t, w->seen.id);
    (void)err; /* its news are still there, and are looked at again */
    free_telling(w);
}

static void tell(void *ctx, const struct sc_err *err)
{
    struct telling *w = ctx;
    struct sc_err failed = SC_ERR_INIT;
    const struct sc_task_ask q = { .what = SC_TASK_CONFIRM,
                                   .id = w->seen.id,
                                   .state = w->seen.state,
                                   .fence = w->seen.fence,
                                   .verdict = w->verdict,
                                   .task = w->has_row ? &w->row : NULL };
    if (err)
        w->t->n.home_open = w->t->d.store.ops->count_open(w->t->d.store.impl);
    if (err || tasks_queue(w->t, &q, on_told, w, &failed) < 0)
        free_telling(w);
}

/* What became of it, as the queue has it, onto what we have of it. */
static int note(struct sc_tasks *t, const struct sc_task *row, const struct sc_task *seen,
                struct sc_err *err)
{
    bool was_open = sc_task_is_open(row->state), open = sc_task_is_open(seen->state);
    if (row->state == seen->state && row->fence == seen->fence && row->lives == seen->lives &&
        row->attempts == seen->attempts)
        return SC_OK;
    if (seen->fence < row->fence && seen->lives <= row->lives)
        return SC_OK; /* a queue that lost its last writes: ours is the newer word */
    int r = t->d.store.ops->update(t->d.store.impl, seen, err);
    if (r < 0)
        return r;
    t->n.home_open += open - was_open;
    if (was_open && !open)
        sc_log_info(t->d.log, "task.over", SC_S("id", seen->id),
                    SC_S("state", sc_task_state_name(seen->state)), SC_S("by", seen->holder));
    if (was_open && seen->state == SC_TASK_DEAD && t->d.died)
        t->d.died(t->d.ctx, seen->id, seen->reason ? seen->reason : "");
    return SC_OK;
}

static void settle(struct sc_tasks *t, const struct sc_task *seen)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_task_row row = { .queued = false };
    int found = t->d.store.ops->get(t->d.store.impl, seen->id, &row, &err);
    if (found < 0 && found != SC_ENOENT)
        return; /* a sick disk decides nothing */
    bool has = found == SC_OK;
    enum sc_task_verdict v = sc_task_judge(has ? &row.task : NULL, seen);
    int r = SC_OK;
    if (has && v != SC_VERDICT_OVER && v != SC_VERDICT_UNDO)
        r = note(t, &row.task, seen, &err);
    else if (has && v == SC_VERDICT_UNDO)
        r = t->d.store.ops->set_queued(t->d.store.impl, seen->id, false, &err);
    if (r == SC_OK) {
        struct telling *w = sc_xcalloc(1, sizeof *w);
        *w = (struct telling){ .t = t, .verdict = v, .has_row = has };
        sc_task_copy(&w->seen, seen);
        sc_task_init(&w->row);
        if (has)
            sc_task_copy(&w->row, &row.task);
        if (v == SC_VERDICT_SEEN)
            tell(w, NULL);
        else
            t->d.spool.ops->after_commit(t->d.spool.impl, tell, w);
    }
    if (has)
        sc_task_fini(&row.task);
}

static void on_news(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err)
{
    struct sc_tasks *t = ctx;
    struct sc_err failed = SC_ERR_INIT;
    (void)err; /* asked again with the next beat */
    t->looking = false;
    if (!reply)
        return;
    for (size_t i = 0; i < reply->n; i++)
        settle(t, &reply->v[i]);
    if (reply->life == t->life)
        return;
    /* It came back, and may have forgotten any of them: what it has stays as it is. */
    if (t->n.home_open == 0 || t->d.store.ops->unqueue_all(t->d.store.impl, &failed) == SC_OK)
        t->life = reply->life;
    tasks_home_pump(t);
}

void tasks_home_look(struct sc_tasks *t)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_task_ask q = { .what = SC_TASK_NEWS };
    if (t->looking || !tasks_up(t))
        return;
    t->looking = tasks_queue(t, &q, on_news, t, &err) == SC_OK;
}

void tasks_home_expire(struct sc_tasks *t)
{
    struct sc_err err = SC_ERR_INIT;
    sc_wall before = { sc_clock_wall(&t->d.clock).ms - kept_ms };
    if (t->d.store.ops->expire(t->d.store.impl, before, SC_TASKS_FINISHED_MAX, &err) < 0)
        sc_log_warn(t->d.log, "task.expire_failed", SC_S("reason", err.text),
                    SC_S("instead", "finished tasks stay until the next try"));
}
