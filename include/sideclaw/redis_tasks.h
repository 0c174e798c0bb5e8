/* redis_tasks.h: the queue port over Redis, on the transport's link for commands. */
#ifndef SIDECLAW_REDIS_TASKS_H
#define SIDECLAW_REDIS_TASKS_H

#include "sideclaw/log.h"
#include "sideclaw/redis_data.h"
#include "sideclaw/task_queue.h"

/* All borrowed; must outlive it. */
struct sc_redis_tasks_deps {
    struct sc_redis *redis;
    struct sc_log *log;
    struct sc_clock clock; /* makes ids for what has none */
    const char *prefix, *self_name;
    void (*ready)(void *ctx); /* Redis came (back) */
    void *ctx;
};

struct sc_redis_tasks;
struct sc_redis_tasks *sc_redis_tasks_new(const struct sc_redis_tasks_deps *deps);
struct sc_task_queue sc_redis_tasks_port(struct sc_redis_tasks *t);
/* After the link is closed and what was pending has been told. */
void sc_redis_tasks_free(struct sc_redis_tasks *t);

#endif
