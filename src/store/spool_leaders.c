/* The latest message under way of each (sender, receiver), for a new life. One walk over the rows
 * in their order, without a sort and without a message: half a second for a million, once. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

static void note(struct sc_map *leaders, sqlite3_stmt *st)
{
    const char *from = (const char *)sqlite3_column_text(st, 1);
    const char *to = (const char *)sqlite3_column_text(st, 2);
    sc_auto_free char *pair = sc_xasprintf("%s\x1f%s", from, to); /* 0x1f is in no name */
    int64_t *n = sc_map_get(leaders, pair);
    if (!n) {
        n = sc_xmalloc(sizeof *n);
        (void)sc_map_set(leaders, pair, n);
    }
    *n = sqlite3_column_int64(st, 0);
}

static int find(struct sc_spool_sqlite *s, struct sc_map *leaders, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_OUT_LEADERS];
    int rc;
    (void)sqlite3_bind_int64(st, 1, 0);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        note(leaders, st);
    if (rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    (void)sqlite3_reset(st);
    return SC_OK;
}

struct rows {
    int64_t *v;
    size_t n;
};

static bool add(void *ctx, const char *pair, void *value)
{
    struct rows *rows = ctx;
    (void)pair;
    rows->v[rows->n++] = *(const int64_t *)value;
    return true;
}

int sc_spool_out_leaders(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    size_t done;
    struct sc_map *leaders = sc_map_new();
    int r = sc_spool_recent_write(s, err);
    if (r == SC_OK)
        r = find(s, leaders, err);
    struct rows rows = { .v = sc_xcalloc(sc_map_count(leaders) + 1, sizeof *rows.v) };
    sc_map_each(leaders, add, &rows);
    if (r == SC_OK) /* to stop is no failure */
        (void)sc_spool_visit_rows(s, ST_OUT_BY_N, rows.v, rows.n, fn, ctx, &done);
    free(rows.v);
    sc_map_free(leaders, free);
    return r;
}
