/* task_queue.h: ports: the queue that the mesh shares (store/redis_tasks.c), and what one gateway
 * keeps of it on disk (store/spool_tasks.c). */
#ifndef SIDECLAW_TASK_QUEUE_H
#define SIDECLAW_TASK_QUEUE_H

#include "sideclaw/agent.h"
#include "sideclaw/task.h"

enum sc_task_what {
    SC_TASK_PUSH,    /* task; again: it was there before, and the queue forgot it */
    SC_TASK_POP,     /* agent, capabilities, groups */
    SC_TASK_END,     /* id, fence, home, agent, text: it is done, and this is the result */
    SC_TASK_FAIL,    /* id, fence, agent, text, retry */
    SC_TASK_RENEW,   /* id, fence, agent */
    SC_TASK_GET,     /* id */
    SC_TASK_LIST,    /* state (SC_TASK_STATES: all), limit */
    SC_TASK_RETRY,   /* id: give a dead one another life */
    SC_TASK_CANCEL,  /* id */
    SC_TASK_NEWS,    /* what happened to tasks whose home we are */
    SC_TASK_CONFIRM, /* task: the home's word on it, verdict */
    SC_TASK_WHATS
};

/* What a task's home says to what the queue has (domain/tasks_home.c decides). */
enum sc_task_verdict {
    SC_VERDICT_SEEN,   /* noted, nothing to decide */
    SC_VERDICT_FINAL,  /* its end counts: it is on our disk */
    SC_VERDICT_REOPEN, /* a person gave it another life: noted */
    SC_VERDICT_OVER,   /* it ended before, otherwise: `task` says how */
    SC_VERDICT_UNDO    /* an older lease's word: it does not count, and the task goes back */
};

/* All borrowed for the call. */
struct sc_task_ask {
    enum sc_task_what what;
    const char *id, *agent, *home, *text;
    uint64_t fence;
    bool retry;
    const struct sc_task *task;
    bool again;
    int64_t hold_ms; /* again: leave its last holder that long to say that he still works on it */
    const struct sc_strv *capabilities, *groups;
    enum sc_task_state state;
    int limit;
    enum sc_task_verdict verdict;
};

enum sc_task_answer {
    SC_TASK_OK,
    SC_TASK_PENDING, /* taken down; its home has not confirmed it yet */
    SC_TASK_EMPTY,   /* nothing to do for this agent */
    SC_TASK_STALE,   /* that lease is over */
    SC_TASK_UNKNOWN,
    SC_TASK_FULL
};
struct sc_task_reply {
    enum sc_task_answer answer;
    const struct sc_task *v;
    size_t n;
    uint64_t life;       /* of NEWS: another number means that the queue has forgotten everything */
    int64_t open, front; /* of LIST: open tasks; entries at the front door that nobody looked at */
};
/* reply NULL: err says why there is none. SC_EAWAY: nobody knows whether it was done. */
typedef void sc_task_fn(void *ctx, const struct sc_task_reply *reply, const struct sc_err *err);

struct sc_task_queue_ops {
    /* SC_EAWAY while the queue cannot be reached, SC_EBUSY while it is behind. After 0, fn runs
     * once, later. */
    int (*ask)(void *impl, const struct sc_task_ask *q, sc_task_fn *fn, void *ctx,
               struct sc_err *err);
    bool (*is_up)(const void *impl);
};
struct sc_task_queue {
    const struct sc_task_queue_ops *ops;
    void *impl;
};

/* A task whose home we are. */
struct sc_task_row {
    struct sc_task task;
    bool queued; /* the queue has it, as far as we know */
    bool pushed; /* it had it once */
};
/* A result that waits for its task's home to confirm it. */
struct sc_task_end {
    char *id, *agent, *home, *result; /* home NULL: there is none */
    uint64_t fence;
};
typedef bool sc_task_row_fn(void *ctx, const struct sc_task_row *row);
typedef void sc_task_end_fn(void *ctx, const struct sc_task_end *end);

/* Synchronous; writes join the turn's transaction (spool.h). */
struct sc_task_store_ops {
    /* SC_EEXIST when the id is there. */
    int (*put)(void *impl, const struct sc_task *t, struct sc_err *err);
    /* SC_ENOENT when it is not here. ret is the caller's to sc_task_fini. */
    int (*get)(void *impl, const char *id, struct sc_task_row *ret, struct sc_err *err);
    /* Write what became of it. */
    int (*update)(void *impl, const struct sc_task *t, struct sc_err *err);
    int (*set_queued)(void *impl, const char *id, bool queued, struct sc_err *err);
    /* The queue may have forgotten all of them. */
    int (*unqueue_all)(void *impl, struct sc_err *err);
    /* Visit open ones that are not queued, oldest first. */
    int (*each_unqueued)(void *impl, int limit, sc_task_row_fn *fn, void *ctx, struct sc_err *err);
    int64_t (*count_open)(void *impl);
    int (*expire)(void *impl, sc_wall before, int keep, struct sc_err *err);
    int (*put_end)(void *impl, const struct sc_task_end *e, struct sc_err *err);
    int (*drop_end)(void *impl, const char *id, uint64_t fence, struct sc_err *err);
    int (*each_end)(void *impl, sc_task_end_fn *fn, void *ctx, struct sc_err *err);
};
struct sc_task_store {
    const struct sc_task_store_ops *ops;
    void *impl;
};

#endif
