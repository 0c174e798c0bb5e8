/* The agents' memory: our own copy, in the spool's file and its transactions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "spool_internal.h"

enum { SWEEP_ROWS = 256 };

enum {
    COL_AGENT,
    COL_KEY,
    COL_HLC,
    COL_NODE,
    COL_DELETED,
    COL_DIRTY,
    COL_EXPIRES,
    COL_BYTES,
    COL_VALUE
};

/* --- what each agent has, counted once and then kept --- */

struct usage {
    struct sc_memory_usage u;
    int64_t dirty;
};

void sc_spool_memory_clear(struct sc_spool_sqlite *s)
{
    sc_map_free(sc_steal(&s->memory), free);
}

static int count(struct sc_spool_sqlite *s, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_MEMORY_USAGE];
    int rc;
    if (s->memory)
        return SC_OK;
    s->memory = sc_map_new();
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct usage *u = sc_xcalloc(1, sizeof *u);
        u->u = (struct sc_memory_usage){ .keys = sqlite3_column_int64(st, 1),
                                         .bytes = sqlite3_column_int64(st, 2),
                                         .dead = sqlite3_column_int64(st, 3) };
        u->dirty = sqlite3_column_int64(st, 4);
        (void)sc_map_set(s->memory, (const char *)sqlite3_column_text(st, 0), u);
    }
    if (rc != SQLITE_DONE) {
        sc_spool_memory_clear(s);
        return sc_spool_read_failed(s, st, err);
    }
    (void)sqlite3_reset(st);
    return SC_OK;
}

static int64_t size_of(const struct sc_memory_entry *e)
{
    return e->deleted ? 0 : (int64_t)(strlen(e->key) + e->n);
}

/* The entry is there now (times 1), or no more (-1). */
static void note(struct sc_spool_sqlite *s, const struct sc_memory_entry *e, int times)
{
    struct usage *u = sc_map_get(s->memory, e->agent);
    if (!u) {
        u = sc_xcalloc(1, sizeof *u);
        (void)sc_map_set(s->memory, e->agent, u);
    }
    u->u.keys += e->deleted ? 0 : times;
    u->u.dead += e->deleted ? times : 0;
    u->u.bytes += times * size_of(e);
    u->dirty += e->dirty ? times : 0;
    if (u->u.keys == 0 && u->u.dead == 0)
        free(sc_map_del(s->memory, e->agent));
}

static int usage(void *impl, const char *agent, struct sc_memory_usage *ret, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = count(s, err);
    if (r < 0)
        return r;
    const struct usage *u = sc_map_get(s->memory, agent);
    *ret = u ? u->u : (struct sc_memory_usage){ .keys = 0 };
    return SC_OK;
}

static bool add_totals(void *ctx, const char *agent, void *value)
{
    struct sc_memory_totals *t = ctx;
    const struct usage *u = value;
    (void)agent;
    t->agents++;
    t->keys += u->u.keys;
    t->bytes += u->u.bytes;
    t->dead += u->u.dead;
    t->dirty += u->dirty;
    return true;
}

static int totals(void *impl, struct sc_memory_totals *ret, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = count(s, err);
    if (r < 0)
        return r;
    *ret = (struct sc_memory_totals){ .agents = 0 };
    sc_map_each(s->memory, add_totals, ret);
    return SC_OK;
}

struct visiting_agents {
    void (*fn)(void *ctx, const char *agent);
    void *ctx;
};

static bool visit_agent(void *ctx, const char *agent, void *value)
{
    const struct visiting_agents *v = ctx;
    (void)value;
    v->fn(v->ctx, agent);
    return true;
}

static int agents(void *impl, void (*fn)(void *ctx, const char *agent), void *ctx,
                  struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct visiting_agents v = { .fn = fn, .ctx = ctx };
    int r = count(s, err);
    if (r == SC_OK)
        sc_map_each(s->memory, visit_agent, &v);
    return r;
}

/* --- rows --- */

static void read_row(sqlite3_stmt *st, struct sc_memory_entry *ret)
{
    const char *node = (const char *)sqlite3_column_text(st, COL_NODE);
    *ret = (struct sc_memory_entry){
        .agent = (const char *)sqlite3_column_text(st, COL_AGENT),
        .key = (const char *)sqlite3_column_text(st, COL_KEY),
        .stamp.hlc = (uint64_t)sqlite3_column_int64(st, COL_HLC),
        .deleted = sqlite3_column_int(st, COL_DELETED) != 0,
        .dirty = sqlite3_column_int(st, COL_DIRTY) != 0,
        .expires.ms = sqlite3_column_int64(st, COL_EXPIRES),
    };
    (void)snprintf(ret->stamp.node, sizeof ret->stamp.node, "%s", node ? node : "");
    int64_t bytes = sqlite3_column_int64(st, COL_BYTES), key = (int64_t)strlen(ret->key);
    ret->n = bytes > key ? (size_t)(bytes - key) : 0;
    if (sqlite3_column_type(st, COL_VALUE) != SQLITE_NULL) {
        ret->value = (const char *)sqlite3_column_text(st, COL_VALUE);
        ret->n = (size_t)sqlite3_column_bytes(st, COL_VALUE);
    }
}

static void bind_key(sqlite3_stmt *st, const char *agent, const char *key)
{
    sc_spool_bind_text(st, 1, agent);
    sc_spool_bind_text(st, 2, key);
}

static int get(void *impl, const char *agent, const char *key, struct sc_memory_entry *ret,
               struct sc_buf *value, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sqlite3_stmt *st = s->stmt[value ? ST_MEMORY_GET : ST_MEMORY_META];
    bind_key(st, agent, key);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    if (rc == SQLITE_ROW) {
        read_row(st, ret);
        ret->agent = agent;
        ret->key = key;
        if (ret->value) {
            sc_buf_clear(value);
            sc_buf_add(value, ret->value, ret->n);
            ret->value = sc_buf_str(value);
        }
    }
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static int write_row(struct sc_spool_sqlite *s, const struct sc_memory_entry *e, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_MEMORY_PUT];
    bind_key(st, e->agent, e->key);
    (void)sqlite3_bind_int64(st, 3, (sqlite3_int64)e->stamp.hlc);
    sc_spool_bind_text(st, 4, e->stamp.node);
    (void)sqlite3_bind_int(st, 5, e->deleted);
    (void)sqlite3_bind_int(st, 6, e->dirty);
    (void)sqlite3_bind_int64(st, 7, e->expires.ms);
    (void)sqlite3_bind_int64(st, 8, size_of(e));
    if (e->deleted)
        (void)sqlite3_bind_null(st, 9);
    else
        (void)sqlite3_bind_text(st, 9, e->value ? e->value : "", (int)e->n, SQLITE_STATIC);
    int r = sc_spool_write(s, ST_MEMORY_PUT, err);
    (void)sqlite3_bind_null(st, 9); /* the value is the caller's */
    return r;
}

/* The row that is there, to be replaced; begins the transaction. */
static int before_write(struct sc_spool_sqlite *s, const char *agent, const char *key,
                        struct sc_memory_entry *ret_old, struct sc_err *err)
{
    int r = count(s, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    return r < 0 ? r : get(s, agent, key, ret_old, NULL, err);
}

static int put(void *impl, const struct sc_memory_entry *e, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct sc_memory_entry old = { .agent = e->agent, .key = e->key };
    int found = before_write(s, e->agent, e->key, &old, err);
    if (found < 0 && found != SC_ENOENT)
        return found;
    int r = write_row(s, e, err);
    if (r < 0)
        return r;
    note(s, e, 1);
    if (found == SC_OK)
        note(s, &old, -1);
    return SC_OK;
}

static int mark(void *impl, const struct sc_memory_entry *e, bool dirty, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct sc_memory_entry old = { .agent = e->agent, .key = e->key };
    int r = get(s, e->agent, e->key, &old, NULL, err);
    if (r < 0)
        return r == SC_ENOENT ? SC_OK : r;
    if (old.dirty == dirty || sc_stamp_cmp(&old.stamp, &e->stamp) != 0)
        return SC_OK;
    r = before_write(s, e->agent, e->key, &old, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = s->stmt[ST_MEMORY_MARK];
    bind_key(st, e->agent, e->key);
    (void)sqlite3_bind_int(st, 3, dirty);
    r = sc_spool_write(s, ST_MEMORY_MARK, err);
    if (r < 0)
        return r;
    note(s, &old, -1);
    old.dirty = dirty;
    note(s, &old, 1);
    return SC_OK;
}

/* --- several --- */

static int visit(struct sc_spool_sqlite *s, enum spool_stmt which, sc_memory_fn *fn, void *ctx,
                 struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[which];
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct sc_memory_entry e;
        read_row(st, &e);
        if (!fn(ctx, &e))
            break;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    (void)sqlite3_reset(st);
    return SC_OK;
}

static int list(void *impl, const struct sc_memory_query *q, sc_memory_fn *fn, void *ctx,
                struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sqlite3_stmt *st = s->stmt[ST_MEMORY_LIST];
    sc_spool_bind_text(st, 1, q->agent);
    sc_spool_bind_key(st, 2, q->after);
    sc_spool_bind_key(st, 3, q->prefix);
    (void)sqlite3_bind_int(st, 4, q->limit);
    (void)sqlite3_bind_int(st, 5, q->dead);
    (void)sqlite3_bind_int(st, 6, q->values);
    return visit(s, ST_MEMORY_LIST, fn, ctx, err);
}

static int dirty(void *impl, int limit, sc_memory_fn *fn, void *ctx, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    (void)sqlite3_bind_int(s->stmt[ST_MEMORY_DIRTY], 1, limit);
    return visit(s, ST_MEMORY_DIRTY, fn, ctx, err);
}

static int latest(void *impl, uint64_t before, uint64_t *ret, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sqlite3_stmt *st = s->stmt[ST_MEMORY_LATEST];
    (void)sqlite3_bind_int64(st, 1, (sqlite3_int64)before);
    if (sqlite3_step(st) != SQLITE_ROW)
        return sc_spool_read_failed(s, st, err);
    *ret = (uint64_t)sqlite3_column_int64(st, 0);
    (void)sqlite3_reset(st);
    return SC_OK;
}

/* --- what has had its time --- */

/* Collected first, written after: the writes change what the query walks over. */
struct rows {
    struct sc_memory_entry v[SWEEP_ROWS];
    char *names[SWEEP_ROWS][2]; /* agent and key */
    size_t n;
};

static bool collect(void *ctx, const struct sc_memory_entry *e)
{
    struct rows *rows = ctx;
    struct sc_memory_entry *copy = &rows->v[rows->n];
    *copy = *e;
    copy->agent = rows->names[rows->n][0] = sc_xstrdup(e->agent);
    copy->key = rows->names[rows->n][1] = sc_xstrdup(e->key);
    copy->value = NULL;
    rows->n++;
    return true;
}

static int bury(struct sc_spool_sqlite *s, struct sc_memory_entry *e, struct sc_err *err)
{
    e->deleted = true;
    e->n = 0;
    return put(s, e, err);
}

static int drop(struct sc_spool_sqlite *s, struct sc_memory_entry *e, struct sc_err *err)
{
    struct sc_memory_entry old = { .agent = e->agent, .key = e->key };
    int r = before_write(s, e->agent, e->key, &old, err);
    if (r < 0)
        return r;
    bind_key(s->stmt[ST_MEMORY_DROP], e->agent, e->key);
    r = sc_spool_write(s, ST_MEMORY_DROP, err);
    if (r == SC_OK)
        note(s, &old, -1);
    return r;
}

static int sweep_rows(struct sc_spool_sqlite *s, enum spool_stmt which,
                      int (*each)(struct sc_spool_sqlite *s, struct sc_memory_entry *e,
                                  struct sc_err *err),
                      struct sc_err *err)
{
    struct rows *rows = sc_xcalloc(1, sizeof *rows);
    (void)sqlite3_bind_int(s->stmt[which], 2, SWEEP_ROWS);
    int r = visit(s, which, collect, rows, err);
    for (size_t i = 0; i < rows->n; i++) {
        if (r == SC_OK)
            r = each(s, &rows->v[i], err);
        free(rows->names[i][0]);
        free(rows->names[i][1]);
    }
    free(rows);
    return r;
}

static int sweep(void *impl, sc_wall now, sc_wall horizon, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    (void)sqlite3_bind_int64(s->stmt[ST_MEMORY_EXPIRED], 1, now.ms);
    int r = sweep_rows(s, ST_MEMORY_EXPIRED, bury, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(s->stmt[ST_MEMORY_SPENT], 1, (sqlite3_int64)sc_hlc_at(horizon));
    (void)sqlite3_bind_int64(s->stmt[ST_MEMORY_SPENT], 3, horizon.ms);
    return sweep_rows(s, ST_MEMORY_SPENT, drop, err);
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

struct sc_memory_store sc_spool_sqlite_memory(struct sc_spool_sqlite *s)
{
    return (struct sc_memory_store){ .ops = &ops, .impl = s };
}
