/* redis_memory.h: the agents' memory in Redis: plain strings that any program may read and write,
 * and beside them, per agent, a hash with the stamp of each key. */
#ifndef SIDECLAW_REDIS_MEMORY_H
#define SIDECLAW_REDIS_MEMORY_H

#include <stdint.h>

#include "sideclaw/log.h"
#include "sideclaw/memory_store.h"
#include "sideclaw/redis_data.h"

/* All borrowed. */
struct sc_redis_memory_deps {
    struct sc_redis *redis;
    struct sc_log *log;
    int64_t max_drift_ms; /* what is further ahead of Redis's clock is refused */
    void (*up)(void *ctx);
    void (*down)(void *ctx);
    void *ctx;
};

struct sc_redis_memory;
struct sc_redis_memory *sc_redis_memory_new(const struct sc_redis_memory_deps *deps);
struct sc_memory_remote sc_redis_memory_port(struct sc_redis_memory *r);
/* Nobody is told anything any more: before the redis is freed, and free only after it. */
void sc_redis_memory_close(struct sc_redis_memory *r);
void sc_redis_memory_free(struct sc_redis_memory *r);

#endif
