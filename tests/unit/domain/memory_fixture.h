/* memory_fixture.h: sidecars with their copies and ways to one Redis, on fake time. */
#ifndef SIDECLAW_TESTS_MEMORY_FIXTURE_H
#define SIDECLAW_TESTS_MEMORY_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/memory.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"
#include "support/mem_memory.h"
#include "support/mem_spool.h"

enum { NODES = 3, DRIFT_MS = 300 * 1000, TOMBSTONE_MS = 3600 * 1000, SCAN_MS = 60 * 1000 };
#define ZERO INT64_C(1771243200000)

struct node {
    struct fake_clock clock;
    struct sc_loop *loop;
    struct mem_spool *spool;
    struct mem_store *store;
    struct mem_way *way;
    struct sc_registry *registry;
    struct sc_memory *m;
};
struct mesh {
    int64_t now, wall; /* wall: Redis's */
    struct mem_shared *redis;
    struct node nodes[NODES];
    struct sc_memory_limits limits;
};

static const char *const node_names[NODES] = { "alpha", "beta", "gamma" };

static inline void life(struct mesh *t, int i)
{
    struct node *n = &t->nodes[i];
    n->loop = fake_loop_new(&t->now);
    if (n->spool)
        mem_spool_attach(n->spool, n->loop);
    else
        n->spool = mem_spool_new(n->loop);
    const struct sc_registry_deps registry = { .self_name = node_names[i] };
    n->registry = sc_registry_new(&registry);
    n->way = mem_way_new(t->redis);
    const struct sc_memory_deps deps = {
        .loop = n->loop,
        .clock = fake_clock_port(&n->clock),
        .spool = mem_spool_port(n->spool),
        .store = mem_store_port(n->store),
        .remote = mem_way_port(n->way),
        .registry = n->registry,
        .self_name = node_names[i],
        .limits = t->limits,
        .readable = "",
    };
    n->m = sc_memory_new(&deps);
}

static inline void death(struct node *n)
{
    fake_loop_crash(n->loop);
    mem_spool_crash(n->spool);
    sc_memory_free(n->m);
    mem_way_free(n->way);
    sc_registry_free(n->registry);
    sc_loop_free(n->loop);
}

static inline struct mesh *mesh_new(void)
{
    struct mesh *t = sc_xcalloc(1, sizeof *t);
    t->wall = ZERO;
    t->limits = (struct sc_memory_limits){ .max_keys = 100,
                                           .max_bytes = 10000,
                                           .tombstone_ms = TOMBSTONE_MS,
                                           .max_drift_ms = DRIFT_MS,
                                           .scan_ms = SCAN_MS };
    t->redis = mem_shared_new(&t->wall, DRIFT_MS);
    for (int i = 0; i < NODES; i++) {
        t->nodes[i].clock = (struct fake_clock){ .now = &t->now, .wall_zero = ZERO };
        t->nodes[i].store = mem_store_new();
        life(t, i);
    }
    return t;
}

static inline void mesh_free(struct mesh *t)
{
    for (int i = 0; i < NODES; i++) {
        death(&t->nodes[i]);
        mem_spool_free(t->nodes[i].spool);
        mem_store_free(t->nodes[i].store);
    }
    mem_shared_free(t->redis);
    free(t);
}

static inline void up(struct mesh *t, int i)
{
    mem_way_set(t->nodes[i].way, true, false);
    sc_memory_up(t->nodes[i].m);
}

static inline void down(struct mesh *t, int i, bool ran)
{
    mem_way_set(t->nodes[i].way, false, ran);
    sc_memory_down(t->nodes[i].m);
    while (mem_way_answer(t->nodes[i].way))
        ;
}

/* Everything that happens in so many milliseconds, answers at once. */
static inline void run(struct mesh *t, int64_t ms)
{
    for (int64_t end = t->now + ms;;) {
        int64_t next = INT64_MAX;
        bool busy = true;
        while (busy) {
            busy = false;
            for (int i = 0; i < NODES; i++) {
                struct node *n = &t->nodes[i];
                fake_loop_turn(n->loop);
                busy = mem_way_answer(n->way) || busy;
            }
        }
        for (int i = 0; i < NODES; i++)
            if (fake_loop_next(t->nodes[i].loop) < next)
                next = fake_loop_next(t->nodes[i].loop);
        if (next <= t->now)
            next = t->now + 1;
        if (next > end)
            next = end;
        t->wall += next - t->now;
        t->now = next;
        if (t->now >= end)
            break;
    }
}

static inline int set_for(struct mesh *t, int i, const char *key, const char *value, int64_t ttl_s,
                          struct sc_err *err)
{
    const struct sc_memory_entry e = {
        .agent = "jerry", .key = key, .value = value, .n = strlen(value)
    };
    return sc_memory_set(t->nodes[i].m, &e, ttl_s, err);
}

static inline void set(struct mesh *t, int i, const char *key, const char *value)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(set_for(t, i, key, value, 0, &err), SC_OK, "%s", err.text);
}

static inline bool del(struct mesh *t, int i, const char *key)
{
    struct sc_err err = SC_ERR_INIT;
    bool was = false;
    cr_assert_eq(sc_memory_delete(t->nodes[i].m, "jerry", key, false, &was, &err), SC_OK, "%s",
                 err.text);
    return was;
}

/* What the node's copy has; "-" for nothing. */
static inline char *value_at(struct mesh *t, int i, const char *key)
{
    struct sc_buf b = SC_BUF_INIT;
    struct sc_memory_entry e;
    if (sc_memory_get(t->nodes[i].m, "jerry", key, &e, &b, NULL) < 0) {
        sc_buf_fini(&b);
        return sc_xstrdup("-");
    }
    char *text = sc_xstrndup(e.value, e.n);
    sc_buf_fini(&b);
    return text;
}

#define ASSERT_VALUE(t, i, key, want)                                                              \
    do {                                                                                           \
        sc_auto_free char *have_ = value_at(t, i, key);                                            \
        cr_assert_str_eq(have_, want, "%s has %s", node_names[i], have_);                          \
    } while (0)

static inline struct sc_memory_stats stats_at(struct mesh *t, int i)
{
    struct sc_memory_stats s;
    sc_memory_stats(t->nodes[i].m, &s);
    return s;
}

#endif
