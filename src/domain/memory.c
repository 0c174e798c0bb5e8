/* Reading and writing our own copy, and taking over what is later elsewhere. */
#include "sideclaw/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

/* What comes from elsewhere may go over the quota: both sides of a partition filled their own. Not
 * without bound: any program can write to Redis. */
enum { MERGE_SLACK = 4, ROWS_SLACK = 4 };

sc_wall sc_memory_now(const struct sc_memory *m)
{
    return sc_clock_wall(&m->d.clock);
}

bool sc_memory_is_dead(const struct sc_memory *m, const struct sc_memory_entry *e)
{
    return e->deleted || (e->expires.ms && e->expires.ms <= sc_memory_now(m).ms);
}

static const struct sc_memory_store *store(const struct sc_memory *m)
{
    return &m->d.store;
}

/* --- life --- */

static void start_clock(struct sc_memory *m)
{
    sc_wall now = sc_memory_now(m);
    uint64_t last = 0;
    m->hlc.max_drift_ms = m->d.limits.max_drift_ms;
    if (store(m)->ops->latest(store(m)->impl, sc_hlc_at((sc_wall){ now.ms + m->hlc.max_drift_ms }),
                              &last, NULL) == SC_OK)
        m->hlc.last = last;
}

struct sc_memory *sc_memory_new(const struct sc_memory_deps *deps)
{
    struct sc_memory *m = sc_xcalloc(1, sizeof *m);
    m->d = *deps;
    m->followed = sc_map_new();
    sc_memory_set_readable(m, deps->readable);
    start_clock(m);
    sc_memory_sync_init(m);
    return m;
}

void sc_memory_free(struct sc_memory *m)
{
    if (!m)
        return;
    m->closed = true;
    sc_memory_looks_free(m);
    sc_memory_sync_fini(m);
    sc_map_free(m->followed, sc_memory_followed_free);
    free(m->readable);
    free(m);
}

void sc_memory_set_limits(struct sc_memory *m, const struct sc_memory_limits *limits)
{
    m->d.limits = *limits;
    m->hlc.max_drift_ms = limits->max_drift_ms;
}

void sc_memory_stats(const struct sc_memory *m, struct sc_memory_stats *ret)
{
    *ret = m->stats;
    ret->up = sc_memory_is_up(m);
    ret->complete = ret->up && m->walk == WALK_NONE && sc_map_count(m->queue) == 0;
    (void)store(m)->ops->totals(store(m)->impl, &ret->totals, NULL); /* zeros say enough */
}

/* --- writing --- */

static int check_value(const struct sc_memory_entry *e, struct sc_err *err)
{
    int r = sc_name_check("agent", e->agent, err);
    if (r == SC_OK)
        r = sc_memory_key_check(e->key, err);
    if (r == SC_OK && e->n > SC_MEMORY_VALUE_MAX) {
        (void)sc_fail(err, SC_ETOOBIG, "value: it has %zu bytes; %d is the most", e->n,
                      SC_MEMORY_VALUE_MAX);
        return sc_err_remedy(err, "keep it in a file, and its name here");
    }
    return r;
}

static int64_t size_of(const struct sc_memory_entry *e)
{
    return (int64_t)(strlen(e->key) + e->n);
}

/* How many rows an agent may fill with what it deleted. */
static int check_rows(const struct sc_memory *m, const char *agent, const struct sc_memory_usage *u,
                      struct sc_err *err)
{
    if (u->keys + u->dead < ROWS_SLACK * m->d.limits.max_keys)
        return SC_OK;
    (void)sc_fail(err, SC_EFULL, "too many deleted keys of agent %s are still remembered", agent);
    return sc_err_remedy(err, "use the same keys again, or lower memory.tombstone_s");
}

static int over_quota(const struct sc_memory *m, const struct sc_memory_entry *e,
                      const struct sc_memory_entry *old, struct sc_err *err)
{
    const struct sc_memory_limits *l = &m->d.limits;
    struct sc_memory_usage u;
    int r = store(m)->ops->usage(store(m)->impl, e->agent, &u, err);
    bool fresh = !old || old->deleted;
    if (r < 0)
        return r;
    if (fresh && u.keys >= l->max_keys) {
        (void)sc_fail(err, SC_EFULL, "agent %s has %lld keys, and may have no more", e->agent,
                      (long long)u.keys);
        return sc_err_remedy(err, "delete some, or raise memory.agent_max_keys");
    }
    r = old ? SC_OK : check_rows(m, e->agent, &u, err);
    if (r < 0)
        return r;
    if (u.bytes + size_of(e) - (fresh ? 0 : size_of(old)) > l->max_bytes) {
        (void)sc_fail(err, SC_EFULL, "agent %s has %lld bytes of memory; %lld is the most",
                      e->agent, (long long)u.bytes, (long long)l->max_bytes);
        return sc_err_remedy(err, "delete some keys, or raise memory.agent_max_bytes");
    }
    return SC_OK;
}

static int check_quota(struct sc_memory *m, const struct sc_memory_entry *e,
                       const struct sc_memory_entry *old, struct sc_err *err)
{
    sc_wall now = sc_memory_now(m);
    int r = over_quota(m, e, old, err);
    if (r != SC_EFULL)
        return r;
    /* What has expired counts until it is swept. */
    r = store(m)->ops->sweep(store(m)->impl, now, (sc_wall){ now.ms - m->d.limits.tombstone_ms },
                             err);
    return r < 0 ? r : over_quota(m, e, old, err);
}

/* Later than everything here, also than what another clock put ahead of ours on this very key. */
static struct sc_stamp next_stamp(struct sc_memory *m, const struct sc_memory_entry *old)
{
    struct sc_stamp s = { .hlc = sc_hlc_tick(&m->hlc, sc_memory_now(m)) };
    if (old && s.hlc <= old->stamp.hlc)
        s.hlc = old->stamp.hlc + 1;
    (void)snprintf(s.node, sizeof s.node, "%s", m->d.self_name);
    return s;
}

static int write_entry(struct sc_memory *m, const struct sc_memory_entry *e, struct sc_err *err)
{
    int r = store(m)->ops->put(store(m)->impl, e, err);
    if (r < 0)
        return sc_err_wrap(err, "memory of %s", e->agent);
    m->stats.written++;
    (void)sc_memory_follow(m, e->agent); /* a row is here now */
    sc_memory_written(m);
    return SC_OK;
}

int sc_memory_set(struct sc_memory *m, const struct sc_memory_entry *given, int64_t ttl_s,
                  struct sc_err *err)
{
    struct sc_memory_entry old = { .key = NULL }, e = *given;
    int r = check_value(given, err);
    if (r < 0)
        return r;
    r = store(m)->ops->get(store(m)->impl, e.agent, e.key, &old, NULL, err);
    if (r < 0 && r != SC_ENOENT)
        return r;
    const struct sc_memory_entry *was = r == SC_OK ? &old : NULL;
    r = check_quota(m, &e, was, err);
    if (r < 0)
        return r;
    e.stamp = next_stamp(m, was);
    e.deleted = false;
    e.dirty = true;
    e.expires = (sc_wall){ ttl_s ? sc_memory_now(m).ms + ttl_s * 1000 : 0 };
    return write_entry(m, &e, err);
}

int sc_memory_delete(struct sc_memory *m, const char *agent, const char *key, bool is_fresh,
                     bool *ret_was, struct sc_err *err)
{
    struct sc_memory_entry old = { .key = NULL }, e = { .agent = agent, .key = key };
    struct sc_memory_usage u = { .keys = 0 };
    int r = check_value(&e, err);
    if (r < 0)
        return r;
    r = store(m)->ops->get(store(m)->impl, agent, key, &old, NULL, err);
    if (r < 0 && r != SC_ENOENT)
        return r;
    bool was = r == SC_OK && !sc_memory_is_dead(m, &old);
    *ret_was = was;
    if (!was && is_fresh)
        return SC_OK;
    if (r == SC_ENOENT) {
        r = store(m)->ops->usage(store(m)->impl, agent, &u, err);
        r = r == SC_OK ? check_rows(m, agent, &u, err) : r;
        if (r < 0)
            return r;
    }
    e.stamp = next_stamp(m, old.key ? &old : NULL);
    e.deleted = e.dirty = true;
    return write_entry(m, &e, err);
}

/* --- reading --- */

int sc_memory_get(struct sc_memory *m, const char *agent, const char *key,
                  struct sc_memory_entry *ret, struct sc_buf *value, struct sc_err *err)
{
    struct sc_memory_entry e;
    int r = store(m)->ops->get(store(m)->impl, agent, key, &e, value, err);
    if (r == SC_OK && sc_memory_is_dead(m, &e))
        r = SC_ENOENT;
    if (r == SC_OK)
        *ret = e;
    return r;
}

struct listing {
    const struct sc_memory *m;
    sc_memory_fn *fn;
    void *ctx;
};

static bool list_living(void *ctx, const struct sc_memory_entry *e)
{
    struct listing *l = ctx;
    return sc_memory_is_dead(l->m, e) || l->fn(l->ctx, e);
}

int sc_memory_list(struct sc_memory *m, const struct sc_memory_query *q, sc_memory_fn *fn,
                   void *ctx, struct sc_err *err)
{
    struct sc_memory_query living = *q;
    struct listing l = { .m = m, .fn = fn, .ctx = ctx };
    living.dead = false;
    return store(m)->ops->list(store(m)->impl, &living, list_living, &l, err);
}

/* --- merging --- */

static int has_room(struct sc_memory *m, const struct sc_memory_entry *e, struct sc_err *err)
{
    const struct sc_memory_limits *l = &m->d.limits;
    struct sc_memory_usage u;
    int r = store(m)->ops->usage(store(m)->impl, e->agent, &u, err);
    if (r < 0)
        return r;
    if (u.keys + u.dead < MERGE_SLACK * l->max_keys &&
        u.bytes + size_of(e) <= MERGE_SLACK * l->max_bytes)
        return SC_OK;
    if (m->stats.too_full++ == 0)
        sc_log_warn(m->d.log, "memory.too_full", SC_S("agent", e->agent), SC_S("key", e->key),
                    SC_S("instead", "keys beyond the quota stay in Redis alone"));
    return SC_EFULL;
}

/* A stamp that is too far ahead counts, or the sides would never agree; but our clock does not
 * follow it. */
static void follow_clock(struct sc_memory *m, const struct sc_memory_entry *theirs)
{
    struct sc_err why = SC_ERR_INIT;
    if (sc_hlc_see(&m->hlc, theirs->stamp.hlc, sc_memory_now(m), &why) == SC_OK)
        return;
    if (m->stats.drift++ == 0)
        sc_log_warn(m->d.log, "memory.clock_ahead", SC_S("agent", theirs->agent),
                    SC_S("key", theirs->key), SC_S("by", theirs->stamp.node),
                    SC_S("reason", why.text),
                    SC_S("instead", "the value is taken, and our clock does not follow"));
}

int sc_memory_merge(struct sc_memory *m, const struct sc_memory_entry *theirs, struct sc_err *err)
{
    struct sc_memory_entry ours = { .dirty = false }, e = *theirs;
    int r = store(m)->ops->get(store(m)->impl, e.agent, e.key, &ours, NULL, err);
    if (r < 0 && r != SC_ENOENT)
        return r;
    bool known = r == SC_OK;
    if (known && sc_stamp_cmp(&ours.stamp, &e.stamp) >= 0)
        return SC_OK;
    if (!known && has_room(m, &e, err) < 0)
        return SC_EFULL;
    follow_clock(m, theirs);
    e.dirty = false;
    r = store(m)->ops->put(store(m)->impl, &e, err);
    if (r == SC_OK) {
        m->stats.merged++;
        m->stats.lost += known && ours.dirty;
    }
    return r;
}
