/* "Everything for that gateway is due now", without touching a row: a cursor over its open rows
 * that out_due serves in their order, before what is due by time. A million waiting messages cost
 * nothing until they are visited. Lost in a crash, which costs nothing either: the next life
 * hurries when its links come up. A row that was just sent may be visited once more; its receiver
 * knows it already. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

void sc_spool_hurry_clear(struct sc_spool_sqlite *s)
{
    for (size_t i = 0; i < s->n_hurry; i++)
        free(s->hurry[i].gateway);
    s->n_hurry = 0;
}

static void add(struct sc_spool_sqlite *s, const char *gateway, int64_t last)
{
    for (size_t i = 0; i < s->n_hurry; i++)
        if (sc_streq(s->hurry[i].gateway, gateway)) {
            s->hurry[i].next = 0;
            s->hurry[i].last = last;
            return;
        }
    if (s->n_hurry == s->cap_hurry) {
        s->cap_hurry = s->cap_hurry ? s->cap_hurry * 2 : 8;
        s->hurry = sc_xrealloc(s->hurry, s->cap_hurry * sizeof *s->hurry);
    }
    s->hurry[s->n_hurry++] =
        (struct spool_hurry){ .gateway = sc_xstrdup(gateway), .next = 0, .last = last };
}

static void remove_first(struct sc_spool_sqlite *s)
{
    free(s->hurry[0].gateway);
    memmove(s->hurry, s->hurry + 1, --s->n_hurry * sizeof *s->hurry);
}

/* The gateway after `after` that open rows name; NULL when it was the last. The caller's. */
static int next_gateway(struct sc_spool_sqlite *s, const char *after, char **ret,
                        struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_OUT_GATEWAYS];
    sc_spool_bind_key(st, 1, after);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    *ret = rc == SQLITE_ROW ? sc_xstrdup((const char *)sqlite3_column_text(st, 0)) : NULL;
    (void)sqlite3_reset(st);
    return SC_OK;
}

static int add_all(struct sc_spool_sqlite *s, int64_t last, struct sc_err *err)
{
    sc_auto_free char *gateway = sc_xstrdup("");
    for (int i = 0; i < SC_GATEWAYS_MAX; i++) {
        char *next = NULL;
        int r = next_gateway(s, gateway, &next, err);
        if (r < 0 || !next)
            return r;
        free(gateway);
        gateway = next;
        add(s, gateway, last);
    }
    return SC_OK;
}

int sc_spool_hurry(void *impl, const char *gateway, sc_wall now, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int64_t last = 0;
    size_t n = 0;
    (void)now;
    int r = sc_spool_recent_write(s, err);
    if (r == SC_OK)
        r = sc_spool_rows(s, ST_OUT_LAST, &last, 1, &n, err);
    if (r < 0 || last == 0 || s->now.outbox_open == 0)
        return r;
    add(s, "", last); /* those whose gateway is unknown may be for this one */
    if (!gateway)
        return add_all(s, last, err);
    add(s, gateway, last);
    return SC_OK;
}

/* The first cursor, moved on by what was visited; removed when it is through, else put last, so
 * that one gateway's backlog does not hold up the others'. */
static void move_on(struct sc_spool_sqlite *s, const int64_t *rows, size_t done, bool through)
{
    if (done)
        s->hurry[0].next = rows[done - 1];
    if (through) {
        remove_first(s);
        return;
    }
    struct spool_hurry h = s->hurry[0];
    memmove(s->hurry, s->hurry + 1, (s->n_hurry - 1) * sizeof *s->hurry);
    s->hurry[s->n_hurry - 1] = h;
}

static int step(struct sc_spool_sqlite *s, size_t max, int64_t *rows, size_t *ret_n,
                struct sc_err *err)
{
    const struct spool_hurry *h = &s->hurry[0];
    sqlite3_stmt *st = s->stmt[ST_OUT_HURRIED];
    sc_spool_bind_text(st, 1, h->gateway);
    (void)sqlite3_bind_int64(st, 2, h->next);
    (void)sqlite3_bind_int64(st, 3, h->last);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)max);
    return sc_spool_rows(s, ST_OUT_HURRIED, rows, max, ret_n, err);
}

int sc_spool_hurried(struct sc_spool_sqlite *s, size_t limit, sc_record_fn *fn, void *ctx,
                     size_t *ret_done, struct sc_err *err)
{
    int64_t rows[SC_LIST_MAX];
    while (*ret_done < limit && s->n_hurry > 0) {
        size_t n = 0, done = 0, max = limit - *ret_done;
        int r = step(s, max, rows, &n, err);
        if (r < 0)
            return r;
        bool stopped = sc_spool_visit_rows(s, ST_OUT_BY_N, rows, n, fn, ctx, &done) < 0;
        move_on(s, rows, done, n < max && done == n);
        *ret_done = stopped ? limit : *ret_done + done;
    }
    return SC_OK;
}
