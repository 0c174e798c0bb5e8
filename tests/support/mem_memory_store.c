/* The local copy: rows in an array, sorted by agent and key. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_memory.h"

struct row {
    char *agent, *key, *value;
    struct sc_memory_entry e;
};
struct mem_store {
    struct row *rows;
    size_t n;
    bool fail;
};

static int compare(const struct row *r, const char *agent, const char *key)
{
    int c = strcmp(r->agent, agent);
    return c ? c : strcmp(r->key, key);
}

/* Where it is or would be. */
static size_t place(const struct mem_store *s, const char *agent, const char *key, bool *ret_there)
{
    size_t i = 0;
    while (i < s->n && compare(&s->rows[i], agent, key) < 0)
        i++;
    *ret_there = i < s->n && compare(&s->rows[i], agent, key) == 0;
    return i;
}

static void view(const struct row *r, bool value, struct sc_memory_entry *ret)
{
    *ret = r->e;
    ret->agent = r->agent;
    ret->key = r->key;
    ret->value = value && !r->e.deleted ? r->value : NULL;
}

static int get(void *impl, const char *agent, const char *key, struct sc_memory_entry *ret,
               struct sc_buf *value, struct sc_err *err)
{
    struct mem_store *s = impl;
    bool there;
    size_t i = place(s, agent, key, &there);
    (void)err;
    if (!there)
        return SC_ENOENT;
    view(&s->rows[i], value != NULL, ret);
    if (value && ret->value) {
        sc_buf_clear(value);
        sc_buf_add(value, ret->value, ret->n);
        ret->value = sc_buf_str(value);
    }
    return SC_OK;
}

static int put(void *impl, const struct sc_memory_entry *e, struct sc_err *err)
{
    struct mem_store *s = impl;
    bool there;
    size_t i = place(s, e->agent, e->key, &there);
    if (s->fail)
        return sc_fail(err, SC_EIO, "the disk does not want to");
    char *value = e->deleted ? NULL : sc_xstrndup(e->value ? e->value : "", e->n);
    if (!there) {
        s->rows = sc_xrealloc(s->rows, (s->n + 1) * sizeof *s->rows);
        memmove(&s->rows[i + 1], &s->rows[i], (s->n - i) * sizeof *s->rows);
        s->n++;
        s->rows[i] = (struct row){ .agent = sc_xstrdup(e->agent), .key = sc_xstrdup(e->key) };
    }
    free(s->rows[i].value);
    s->rows[i].value = value;
    s->rows[i].e = *e;
    s->rows[i].e.n = e->deleted ? 0 : e->n;
    return SC_OK;
}

static int mark(void *impl, const struct sc_memory_entry *e, bool dirty, struct sc_err *err)
{
    struct mem_store *s = impl;
    bool there;
    size_t i = place(s, e->agent, e->key, &there);
    if (s->fail)
        return sc_fail(err, SC_EIO, "the disk does not want to");
    if (there && sc_stamp_cmp(&s->rows[i].e.stamp, &e->stamp) == 0)
        s->rows[i].e.dirty = dirty;
    return SC_OK;
}

static int list(void *impl, const struct sc_memory_query *q, sc_memory_fn *fn, void *ctx,
                struct sc_err *err)
{
    struct mem_store *s = impl;
    int left = q->limit;
    (void)err;
    for (size_t i = 0; i < s->n && left != 0; i++) {
        const struct row *r = &s->rows[i];
        struct sc_memory_entry e;
        if (!sc_streq(r->agent, q->agent) || (q->after && strcmp(r->key, q->after) <= 0) ||
            (q->prefix && strncmp(r->key, q->prefix, strlen(q->prefix)) != 0) ||
            (!q->dead && r->e.deleted))
            continue;
        left--;
        view(r, q->values, &e);
        if (!fn(ctx, &e))
            break;
    }
    return SC_OK;
}

static int dirty(void *impl, int limit, sc_memory_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    for (size_t i = 0; i < s->n && limit > 0; i++) {
        struct sc_memory_entry e;
        if (!s->rows[i].e.dirty)
            continue;
        limit--;
        view(&s->rows[i], true, &e);
        if (!fn(ctx, &e))
            break;
    }
    return SC_OK;
}

static int agents(void *impl, void (*fn)(void *ctx, const char *agent), void *ctx,
                  struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || !sc_streq(s->rows[i].agent, s->rows[i - 1].agent))
            fn(ctx, s->rows[i].agent);
    return SC_OK;
}

static int usage(void *impl, const char *agent, struct sc_memory_usage *ret, struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    *ret = (struct sc_memory_usage){ .keys = 0 };
    for (size_t i = 0; i < s->n; i++) {
        const struct row *r = &s->rows[i];
        if (!sc_streq(r->agent, agent))
            continue;
        ret->dead += r->e.deleted;
        ret->keys += !r->e.deleted;
        ret->bytes += r->e.deleted ? 0 : (int64_t)(strlen(r->key) + r->e.n);
    }
    return SC_OK;
}

static int totals(void *impl, struct sc_memory_totals *ret, struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    *ret = (struct sc_memory_totals){ .agents = 0 };
    for (size_t i = 0; i < s->n; i++) {
        ret->keys += !s->rows[i].e.deleted;
        ret->dead += s->rows[i].e.deleted;
        ret->dirty += s->rows[i].e.dirty;
    }
    return SC_OK;
}

static int latest(void *impl, uint64_t before, uint64_t *ret, struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    *ret = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].e.stamp.hlc <= before && s->rows[i].e.stamp.hlc > *ret)
            *ret = s->rows[i].e.stamp.hlc;
    return SC_OK;
}

static void drop(struct mem_store *s, size_t i)
{
    free(s->rows[i].agent);
    free(s->rows[i].key);
    free(s->rows[i].value);
    memmove(&s->rows[i], &s->rows[i + 1], (s->n - i - 1) * sizeof *s->rows);
    s->n--;
}

static int sweep(void *impl, sc_wall now, sc_wall horizon, struct sc_err *err)
{
    struct mem_store *s = impl;
    (void)err;
    for (size_t i = s->n; i-- > 0;) {
        struct sc_memory_entry *e = &s->rows[i].e;
        if (e->expires.ms && e->expires.ms <= now.ms && !e->deleted) {
            e->deleted = true;
            e->n = 0;
        }
        if (e->deleted && sc_hlc_wall(e->stamp.hlc).ms < horizon.ms && e->expires.ms < horizon.ms)
            drop(s, i);
    }
    return SC_OK;
}

static const struct sc_memory_store_ops ops = {
    .get = get,
    .put = put,
    .mark = mark,
    .list = list,
    .dirty = dirty,
    .agents = agents,
    .usage = usage,
    .totals = totals,
    .latest = latest,
    .sweep = sweep,
};

struct mem_store *mem_store_new(void)
{
    return sc_xcalloc(1, sizeof(struct mem_store));
}

void mem_store_free(struct mem_store *s)
{
    while (s->n > 0)
        drop(s, s->n - 1);
    free(s->rows);
    free(s);
}

struct sc_memory_store mem_store_port(struct mem_store *s)
{
    return (struct sc_memory_store){ .ops = &ops, .impl = s };
}

void mem_store_fail(struct mem_store *s, bool fail)
{
    s->fail = fail;
}
