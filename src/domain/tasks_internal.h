/* tasks_internal.h: shared by tasks.c (surfaces' calls), tasks_home.c (what was pushed here) and
 * tasks_holder.c (what is worked on here). */
#ifndef SIDECLAW_TASKS_INTERNAL_H
#define SIDECLAW_TASKS_INTERNAL_H

#include <sys/queue.h>

#include "sideclaw/map.h"
#include "sideclaw/tasks.h"

struct sc_tasks_call {
    struct sc_tasks *t;
    sc_task_fn *fn; /* NULL: the caller went away */
    void *ctx;
    enum sc_task_what what;
    struct sc_task task; /* pushed; or what is asked about */
    bool has_task;
    sc_mono deadline;                /* of one that waits for a home */
    TAILQ_ENTRY(sc_tasks_call) link; /* in `calls`, or in one end's `waiting` */
};
TAILQ_HEAD(tasks_calls, sc_tasks_call);

struct sc_tasks {
    struct sc_tasks_deps d;
    struct sc_timer *beat;
    int64_t beats;
    struct tasks_calls calls; /* all that wait for an answer, but not for a home */
    size_t n_calls;
    struct sc_tasks_counters n;
    /* tasks_home.c */
    uint64_t life; /* of the queue, as seen last; 0: none since it came up */
    size_t pushing;
    bool push_again; /* rows wait that are not in the queue */
    bool looking;
    /* tasks_holder.c */
    struct sc_map *ends;   /* id@fence -> struct end */
    struct sc_map *leases; /* id -> struct lease */
    bool closing;
};

/* --- tasks.c --- */
void tasks_call_end(struct sc_tasks_call *c, const struct sc_task_reply *reply,
                    const struct sc_err *err);
int tasks_queue(struct sc_tasks *t, const struct sc_task_ask *q, sc_task_fn *fn, void *ctx,
                struct sc_err *err);
bool tasks_up(const struct sc_tasks *t);

/* --- tasks_home.c --- */
int tasks_home_put(struct sc_tasks *t, struct sc_task *task, struct sc_err *err);
/* Bring into the queue what is not there. */
void tasks_home_pump(struct sc_tasks *t);
/* Ask what happened to ours. */
void tasks_home_look(struct sc_tasks *t);
void tasks_home_expire(struct sc_tasks *t);

/* --- tasks_holder.c --- */
void tasks_holder_start(struct sc_tasks *t);
void tasks_holder_fini(struct sc_tasks *t);
int tasks_holder_end(struct sc_tasks *t, struct sc_tasks_call *c, const struct sc_task_ask *q,
                     struct sc_err *err);
void tasks_holder_taken(struct sc_tasks *t, const struct sc_task *task);
void tasks_holder_over(struct sc_tasks *t, const char *id);
/* Deliver what waits, renew what is worked on, tell those who waited long enough. */
void tasks_holder_beat(struct sc_tasks *t, bool slow);
/* The home may have spoken: ask again now. id NULL: of all. */
void tasks_holder_hurry(struct sc_tasks *t, const char *id);

#endif
