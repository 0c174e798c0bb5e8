/* What is exchanged with Redis, and when: first what was written here, then what is known to have
 * changed there, then everything, key by key (memory_walk.c). One exchange at a time, because the
 * messages go over the same link. */
#include <stdlib.h>
#include <string.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"

enum { POLL_MS = 500, SWEEP_MS = 10 * 1000, HOLD_MS = 1000 };

static void pump(struct sc_memory *m);

bool sc_memory_is_up(const struct sc_memory *m)
{
    return m->d.remote.ops && m->d.remote.ops->is_up(m->d.remote.impl);
}

static uint64_t tick(struct sc_memory *m)
{
    return sc_hlc_tick(&m->hlc, sc_memory_now(m));
}

static sc_wall horizon(const struct sc_memory *m)
{
    return (sc_wall){ sc_memory_now(m).ms - m->d.limits.tombstone_ms };
}

static int find(struct sc_memory *m, const char *agent, const char *key,
                struct sc_memory_entry *ret)
{
    return m->d.store.ops->get(m->d.store.impl, agent, key, ret, NULL, NULL);
}

/* Our disk, or Redis, does not do its part: try again in a moment. */
void sc_memory_hold(struct sc_memory *m)
{
    sc_timer_arm(m->hold, HOLD_MS);
}

/* --- what Redis has that we do not --- */

static char *wanted_name(const char *agent, const char *key)
{
    return sc_xasprintf("%s %s", agent, key);
}

static void want(struct sc_memory *m, const char *agent, const char *key)
{
    if (sc_map_count(m->wanted) >= SC_MEMORY_WANTED_MAX) {
        struct followed *f = sc_map_get(m->followed, agent);
        if (f)
            sc_memory_queue(m, agent, f);
        return;
    }
    sc_auto_free char *name = wanted_name(agent, key);
    (void)sc_map_set(m->wanted, name, m);
}

/* Somebody else's entry, of which only the stamp is known: do we lack it? */
void sc_memory_hear(struct sc_memory *m, const struct sc_memory_entry *e)
{
    struct sc_memory_entry ours;
    if (!sc_map_get(m->followed, e->agent) || sc_memory_key_check(e->key, NULL) < 0)
        return;
    bool here = find(m, e->agent, e->key, &ours) == SC_OK;
    bool spent = e->deleted && sc_hlc_wall(e->stamp.hlc).ms < horizon(m).ms;
    /* A tombstone of what we never had says nothing; but an old one is Redis's to forget. */
    if (here ? sc_stamp_cmp(&e->stamp, &ours.stamp) > 0 : !e->deleted || spent)
        want(m, e->agent, e->key);
}

/* --- answers --- */

static void mark(struct sc_memory *m, const struct sc_memory_entry *e, bool dirty)
{
    if (e->stamp.hlc && m->d.store.ops->mark(m->d.store.impl, e, dirty, NULL) < 0)
        sc_memory_hold(m);
}

/* Our clock was ahead when this was written, and is not any more. Nobody else has seen the stamp,
 * for Redis refuses such; with it this key could not be written anywhere until that time comes. */
static bool restamp(struct sc_memory *m, const struct sc_memory_entry *refused)
{
    const struct sc_memory_store *store = &m->d.store;
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    struct sc_memory_entry e;
    if (sc_hlc_wall(refused->stamp.hlc).ms <= sc_memory_now(m).ms + m->hlc.max_drift_ms ||
        store->ops->get(store->impl, refused->agent, refused->key, &e, &value, NULL) < 0)
        return false;
    e.stamp.hlc = tick(m);
    return store->ops->put(store->impl, &e, NULL) == SC_OK;
}

static void refused(struct sc_memory *m, const struct sc_memory_entry *e)
{
    m->stats.ahead++;
    if (restamp(m, e))
        return;
    m->push_held = true;
    sc_memory_hold(m);
    if (m->stats.is_ahead)
        return;
    m->stats.is_ahead = true;
    sc_log_warn(m->d.log, "memory.refused", SC_S("agent", e->agent), SC_S("key", e->key),
                SC_S("reason", "our clock is ahead of Redis's by more than memory.max_drift_s"),
                SC_S("instead", "what is written here stays here until the clocks agree"));
}

void sc_memory_answer(struct sc_memory *m, const struct sc_memory_answer *a)
{
    struct sc_err err = SC_ERR_INIT;
    switch (a->verdict) {
    case SC_MEMORY_TAKEN:
        m->stats.is_ahead = false;
        mark(m, &a->entry, false);
        break;
    case SC_MEMORY_SAME:
        if (a->entry.dirty)
            mark(m, &a->entry, false);
        break;
    case SC_MEMORY_THEIRS:
        if (sc_memory_merge(m, &a->entry, &err) < 0 && err.code != SC_OK)
            sc_memory_hold(m);
        break;
    case SC_MEMORY_WANTED:
        mark(m, &a->entry, true);
        break;
    case SC_MEMORY_AHEAD:
        refused(m, &a->entry);
        break;
    case SC_MEMORY_LATER:
        want(m, a->entry.agent, a->entry.key);
        break;
    case SC_MEMORY_STRANGE: /* it stays in Redis alone; who asks for it is told */
        break;
    }
}

static void on_answers(void *ctx, const struct sc_memory_answer *a, size_t n,
                       const struct sc_err *err)
{
    struct sc_memory *m = ctx;
    sc_memory_batch_free(sc_steal(&m->batch));
    m->busy = false;
    for (size_t i = 0; i < n; i++)
        sc_memory_answer(m, &a[i]);
    if (err)
        sc_memory_hold(m);
    pump(m);
}

struct sc_memory_batch sc_memory_ask(struct sc_memory *m, const struct memory_batch *b)
{
    return (struct sc_memory_batch){
        .agent = b->agent, .entries = b->entries, .n = b->n, .seen = tick(m), .horizon = horizon(m)
    };
}

/* True when something is under way now. */
bool sc_memory_exchange(struct sc_memory *m, struct memory_batch *take_batch, bool give,
                        uint64_t seen)
{
    sc_memory_batch_seal(take_batch);
    struct sc_memory_batch b = sc_memory_ask(m, take_batch);
    b.give = give;
    b.seen = seen ? seen : b.seen;
    m->batch = take_batch;
    m->busy = m->d.remote.ops->exchange(m->d.remote.impl, &b, on_answers, m, NULL) == SC_OK;
    if (!m->busy) {
        sc_memory_batch_free(sc_steal(&m->batch));
        sc_memory_hold(m);
    }
    return true;
}

/* --- step 1: what was written here --- */

bool sc_memory_collect(void *ctx, const struct sc_memory_entry *e)
{
    struct memory_collecting *c = ctx;
    if (!c->b)
        c->b = sc_memory_batch_new(e->agent);
    if (!sc_streq(c->b->agent, e->agent) || sc_memory_batch_full(c->b))
        return false;
    sc_memory_batch_add(c->b, e);
    if (!c->first || e->stamp.hlc < c->first)
        c->first = e->stamp.hlc;
    return true;
}

/* What another program wrote has no time of its own. While the link was up and all was exchanged,
 * it is older than what we write now; what we wrote while the link was away gives way to it. */
static bool push(struct sc_memory *m)
{
    struct memory_collecting c = { .m = m };
    struct sc_err err = SC_ERR_INIT;
    if (m->push_held)
        return false;
    if (m->d.store.ops->dirty(m->d.store.impl, SC_MEMORY_BATCH_MAX, sc_memory_collect, &c, &err) <
        0) {
        sc_memory_batch_free(c.b);
        sc_memory_hold(m);
        return false;
    }
    if (!c.b) {
        m->backlog = false;
        return false;
    }
    sc_memory_batch_seal(c.b);
    return sc_memory_exchange(m, c.b, true, m->backlog ? 0 : c.first - 1);
}

/* --- step 2: what others are known to have written --- */

static bool collect_wanted(void *ctx, const char *name, void *value)
{
    struct memory_collecting *c = ctx;
    const char *blank = strchr(name, ' ');
    sc_auto_free char *agent = sc_xstrndup(name, (size_t)(blank - name));
    (void)value;
    if (!c->b)
        c->b = sc_memory_batch_new(agent);
    if (sc_memory_batch_full(c->b))
        return false;
    if (!sc_streq(c->b->agent, agent))
        return true;
    struct sc_memory_entry e = { .dirty = false };
    if (find(c->m, agent, blank + 1, &e) < 0)
        e = (struct sc_memory_entry){ .dirty = false };
    e.agent = agent;
    e.key = blank + 1;
    sc_memory_batch_add(c->b, &e);
    (void)sc_map_del(c->m->wanted, name);
    return true;
}

static bool fetch(struct sc_memory *m)
{
    struct memory_collecting c = { .m = m };
    sc_map_each(m->wanted, collect_wanted, &c);
    return c.b && sc_memory_exchange(m, c.b, false, 0);
}

static bool may_go_on(const struct sc_memory *m)
{
    bool stopped = sc_timer_armed(m->hold) && !m->push_held;
    return !m->busy && !m->closed && !stopped && sc_memory_is_up(m);
}

static void pump(struct sc_memory *m)
{
    while (may_go_on(m) && (push(m) || (may_go_on(m) && (fetch(m) || sc_memory_walk(m)))))
        ;
}

void sc_memory_kick(struct sc_memory *m)
{
    pump(m);
}

/* --- when --- */

static void on_changes(void *ctx, const struct sc_memory_entry *e, size_t n, bool lost, bool more,
                       const struct sc_err *err)
{
    struct sc_memory *m = ctx;
    m->polling = false;
    if (err)
        return;
    for (size_t i = 0; i < n; i++)
        sc_memory_hear(m, &e[i]);
    if (lost)
        sc_memory_compare_all(m);
    if (more)
        sc_timer_arm(m->poll, 0);
    pump(m);
}

static void on_poll(void *ctx)
{
    struct sc_memory *m = ctx;
    if (!sc_memory_is_up(m))
        return;
    sc_timer_arm(m->poll, POLL_MS);
    sc_memory_follow_local(m);
    if (!m->polling && sc_map_count(m->followed) > 0)
        m->polling = m->d.remote.ops->changes(m->d.remote.impl, on_changes, m, NULL) == SC_OK;
}

static void on_scan(void *ctx)
{
    struct sc_memory *m = ctx;
    if (!sc_memory_is_up(m))
        return;
    sc_timer_arm(m->scan, m->d.limits.scan_ms);
    sc_memory_compare_all(m);
    pump(m);
}

static void on_hold(void *ctx)
{
    struct sc_memory *m = ctx;
    m->push_held = false;
    pump(m);
}

static void on_sweep(void *ctx)
{
    struct sc_memory *m = ctx;
    (void)m->d.store.ops->sweep(m->d.store.impl, sc_memory_now(m), horizon(m), NULL); /* later */
    sc_timer_arm(m->sweep, SWEEP_MS);
}

static void on_written(void *ctx, const struct sc_err *err)
{
    struct sc_memory *m = ctx;
    (void)err; /* who wrote is told; what is not on disk is not pushed */
    m->written = false;
    pump(m);
}

void sc_memory_written(struct sc_memory *m)
{
    if (m->written)
        return;
    m->written = true;
    m->d.spool.ops->after_commit(m->d.spool.impl, on_written, m);
}

void sc_memory_up(struct sc_memory *m)
{
    sc_memory_forget_progress(m);
    m->backlog = true;
    m->push_held = false;
    sc_timer_disarm(m->hold);
    sc_timer_arm(m->scan, m->d.limits.scan_ms);
    sc_memory_follow_local(m);
    sc_memory_compare_all(m);
    on_poll(m);
    pump(m);
}

void sc_memory_down(struct sc_memory *m)
{
    sc_memory_forget_progress(m);
    sc_timer_disarm(m->poll);
    sc_timer_disarm(m->scan);
    sc_memory_looks_end(m, NULL);
}

void sc_memory_sync_init(struct sc_memory *m)
{
    m->queue = sc_map_new();
    m->wanted = sc_map_new();
    m->poll = sc_timer_new(m->d.loop, on_poll, m);
    m->scan = sc_timer_new(m->d.loop, on_scan, m);
    m->hold = sc_timer_new(m->d.loop, on_hold, m);
    m->sweep = sc_timer_new(m->d.loop, on_sweep, m);
    m->backlog = true;
    sc_memory_follow_stored(m);
    sc_timer_arm(m->sweep, SWEEP_MS);
}

void sc_memory_sync_fini(struct sc_memory *m)
{
    sc_timer_free(m->poll);
    sc_timer_free(m->scan);
    sc_timer_free(m->hold);
    sc_timer_free(m->sweep);
    sc_memory_batch_free(m->batch);
    sc_map_free(m->queue, NULL);
    sc_map_free(m->wanted, NULL);
    free(m->walk_agent);
    free(m->walk_cursor);
}
