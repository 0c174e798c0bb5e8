/* tasks.h: the work of the mesh, as one gateway takes part in it: a home for what is pushed here,
 * and a holder's memory for what is worked on here (ADR 0017). */
#ifndef SIDECLAW_TASKS_H
#define SIDECLAW_TASKS_H

#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/spool.h"
#include "sideclaw/task_queue.h"

/* All borrowed; must outlive the tasks. */
struct sc_tasks_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_spool spool; /* for its commit */
    struct sc_task_store store;
    struct sc_task_queue queue; /* ops NULL: there is no Redis */
    const char *self_name;
    /* Does a turn of that agent run? Then its leases are renewed. */
    bool (*is_busy)(void *ctx, const char *agent);
    /* A task whose home we are was given up. NULL: nobody minds. */
    void (*died)(void *ctx, const char *id, const char *reason);
    void *ctx;
};

struct sc_tasks;
struct sc_tasks *sc_tasks_new(const struct sc_tasks_deps *deps);
void sc_tasks_start(struct sc_tasks *t);
void sc_tasks_free(struct sc_tasks *t);
/* The queue can be reached (again): it may have forgotten everything. */
void sc_tasks_ready(struct sc_tasks *t);

/* sc_tasks_ask: what a surface wants of the queue (not NEWS, not CONFIRM). After non-NULL, fn runs
 * once, later, unless sc_tasks_forget came first. NULL: err says why not.
 * PUSH answers when the task is on our disk, whether or not the queue can be reached. END answers
 * OK when the result is on the home's disk, and PENDING when that takes long: the result is on our
 * disk then, and is delivered. */
struct sc_tasks_call;
struct sc_tasks_call *sc_tasks_ask(struct sc_tasks *t, const struct sc_task_ask *q, sc_task_fn *fn,
                                   void *ctx, struct sc_err *err);
/* The caller went away; what was begun goes on. */
void sc_tasks_forget(struct sc_tasks_call *call);

/* sc_task_judge: what a home says to `seen`, which the queue has. row NULL: it knows nothing of it.
 */
enum sc_task_verdict sc_task_judge(const struct sc_task *row, const struct sc_task *seen);

struct sc_tasks_counters {
    uint64_t pushed, put_back, popped, completed, stale, failed, renewed;
    int64_t home_open, ends_pending, leases;
};
void sc_tasks_counters(const struct sc_tasks *t, struct sc_tasks_counters *ret);

#endif
