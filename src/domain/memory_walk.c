/* Whose memory is copied here, and the comparison of all of it with Redis: our rows against its
 * stamps, its stamps against our rows, and now and then every value there, for those that only
 * other programs know of. */
#include <stdlib.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"

/* --- whose memory is here --- */

void sc_memory_queue(struct sc_memory *m, const char *agent, struct followed *f)
{
    if (f->queued)
        return;
    f->queued = true;
    (void)sc_map_set(m->queue, agent, f);
}

void sc_memory_followed_free(void *followed)
{
    struct followed *f = followed;
    free(f->agent);
    free(f);
}

struct followed *sc_memory_follow(struct sc_memory *m, const char *agent)
{
    struct followed *f = sc_map_get(m->followed, agent);
    if (f || sc_map_count(m->followed) >= SC_MEMORY_AGENTS_MAX)
        return f;
    f = sc_xcalloc(1, sizeof *f);
    f->agent = sc_xstrdup(agent);
    (void)sc_map_set(m->followed, agent, f);
    sc_memory_queue(m, agent, f);
    sc_memory_kick(m);
    return f;
}

static void follow_stored(void *ctx, const char *agent)
{
    (void)sc_memory_follow(ctx, agent);
}

void sc_memory_follow_local(struct sc_memory *m)
{
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(m->d.registry, &n);
    for (size_t i = 0; i < n; i++)
        (void)sc_memory_follow(m, agents[i].id);
}

static bool requeue(void *ctx, const char *agent, void *value)
{
    sc_memory_queue(ctx, agent, value);
    return true;
}

/* Compare everything again. */
void sc_memory_compare_all(struct sc_memory *m)
{
    sc_map_each(m->followed, requeue, m);
    m->values_due = true;
}

void sc_memory_follow_stored(struct sc_memory *m)
{
    (void)m->d.store.ops->agents(m->d.store.impl, follow_stored, m, NULL); /* else when written */
}

/* --- comparing --- */

static void walk_to(struct sc_memory *m, enum walk walk, const char *cursor)
{
    m->walk = walk;
    sc_set_str(&m->walk_cursor, cursor);
}

static bool walk_ours(struct sc_memory *m)
{
    struct memory_collecting c = { .m = m };
    const struct sc_memory_query q = {
        .agent = m->walk_agent, .after = m->walk_cursor, .dead = true, .limit = SC_MEMORY_BATCH_MAX
    };
    if (m->d.store.ops->list(m->d.store.impl, &q, sc_memory_collect, &c, NULL) < 0) {
        sc_memory_batch_free(c.b);
        sc_memory_hold(m);
        return false;
    }
    if (!c.b) {
        walk_to(m, WALK_THEIRS, "0");
        return true;
    }
    sc_memory_batch_seal(c.b);
    sc_set_str(&m->walk_cursor, c.b->entries[c.b->n - 1].key);
    return sc_memory_exchange(m, c.b, false, 0);
}

static void on_page(void *ctx, const struct sc_memory_entry *e, size_t n, const char *cursor,
                    const struct sc_err *err)
{
    struct sc_memory *m = ctx;
    m->busy = false;
    if (err) {
        sc_memory_hold(m);
        sc_memory_kick(m);
        return;
    }
    for (size_t i = 0; i < n; i++)
        sc_memory_hear(m, &e[i]);
    if (m->walk != WALK_NONE) /* else the link went and came meanwhile */
        walk_to(m, sc_streq(cursor, "0") ? WALK_ENDS : m->walk, cursor);
    sc_memory_kick(m);
}

static bool walk_theirs(struct sc_memory *m)
{
    const struct sc_memory_remote *r = &m->d.remote;
    int rc = m->walk == WALK_VALUES
                 ? r->ops->keys(r->impl, m->walk_cursor, on_page, m, NULL)
                 : r->ops->stamps(r->impl, m->walk_agent, m->walk_cursor, on_page, m, NULL);
    m->busy = rc == SC_OK;
    if (!m->busy)
        sc_memory_hold(m);
    return true;
}

static bool walk_next(struct sc_memory *m)
{
    struct followed *f = sc_map_first(m->queue);
    if (!f && !m->values_due)
        return false;
    if (!f) {
        m->values_due = false;
        walk_to(m, WALK_VALUES, "0");
        return true;
    }
    sc_set_str(&m->walk_agent, f->agent);
    (void)sc_map_del(m->queue, f->agent);
    f->queued = false;
    walk_to(m, WALK_OURS, "");
    return true;
}

static bool walk_ended(struct sc_memory *m)
{
    struct followed *f = m->walk_agent ? sc_map_get(m->followed, m->walk_agent) : NULL;
    sc_auto_free char *agent = sc_steal(&m->walk_agent); /* NULL after the values */
    walk_to(m, WALK_NONE, NULL);
    if (!f)
        return true;
    f->compared = true;
    sc_memory_looks_end(m, agent);
    return true;
}

bool sc_memory_walk(struct sc_memory *m)
{
    switch (m->walk) {
    case WALK_NONE:
        return walk_next(m);
    case WALK_OURS:
        return walk_ours(m);
    case WALK_THEIRS:
    case WALK_VALUES:
        return walk_theirs(m);
    case WALK_ENDS:
        return walk_ended(m);
    }
    return false;
}

static bool not_compared(void *ctx, const char *agent, void *value)
{
    struct followed *f = value;
    (void)ctx;
    (void)agent;
    f->compared = f->queued = false;
    return true;
}

void sc_memory_forget_progress(struct sc_memory *m)
{
    sc_map_free(m->queue, NULL);
    sc_map_free(m->wanted, NULL);
    m->queue = sc_map_new();
    m->wanted = sc_map_new();
    sc_set_str(&m->walk_agent, NULL);
    walk_to(m, WALK_NONE, NULL);
    sc_map_each(m->followed, not_compared, NULL);
}
