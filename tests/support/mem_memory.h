/* mem_memory.h: the memory's two ports in memory: a copy that takes what it is given at once, and a
 * Redis that several of them share, with its own clock, faults, and other programs that write. */
#ifndef SIDECLAW_TESTS_MEM_MEMORY_H
#define SIDECLAW_TESTS_MEM_MEMORY_H

#include "sideclaw/memory_store.h"

struct mem_store;
struct mem_store *mem_store_new(void);
void mem_store_free(struct mem_store *s);
struct sc_memory_store mem_store_port(struct mem_store *s);
/* Every write fails until this is unset. */
void mem_store_fail(struct mem_store *s, bool fail);

/* What all share. `wall`: its own time of day (borrowed). */
struct mem_shared;
struct mem_shared *mem_shared_new(const int64_t *wall, int64_t max_drift_ms);
void mem_shared_free(struct mem_shared *r);
/* What redis-cli does; value NULL deletes. */
void mem_shared_write(struct mem_shared *r, const char *agent, const char *key, const char *value);
const char *mem_shared_read(const struct mem_shared *r, const char *agent, const char *key);
/* FLUSHALL. */
void mem_shared_flush(struct mem_shared *r);
size_t mem_shared_stamps(const struct mem_shared *r);

/* One sidecar's way there; answers come when mem_link_answer is called, in their order. */
struct mem_way;
struct mem_way *mem_way_new(struct mem_shared *r);
void mem_way_free(struct mem_way *w);
struct sc_memory_remote mem_way_port(struct mem_way *w);
/* Down: what is owed fails with the next answers; `ran`: it happened nevertheless. */
void mem_way_set(struct mem_way *w, bool up, bool ran);
/* The oldest call runs and is answered; false: none is owed. */
bool mem_way_answer(struct mem_way *w);
size_t mem_way_calls(const struct mem_way *w); /* so far */

#endif
