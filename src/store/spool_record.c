/* Rows to records and back. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/message_json.h"
#include "spool_internal.h"

/* Columns of the *_RECORD selects. */
enum {
    COL_N,
    COL_STAGE,
    COL_ATTEMPTS,
    COL_ACKED,
    COL_REASON,
    COL_TIMES,
    COL_FROM_GATEWAY = COL_TIMES + SC_STAGES,
    COL_JSON,
    COL_AMBIGUOUS,
    COL_LISTED,
    COL_LAST_ERROR,
    COL_REVIVED,
    COL_DUE,
    COL_VIA,
    COL_RETRY_OF,
    COL_RETRIED_AS
};

/* The minimal form from Consul KV has no sender's gateway, and an envelope must have one: this word
 * stands in for it on disk, and the row's empty from_gateway tells. */
static char no_gateway[] = "external";

void sc_spool_envelope(const struct sc_message *m, struct sc_buf *out)
{
    struct sc_message shown = *m; /* borrowed fields */
    if (!shown.from_gateway)
        shown.from_gateway = no_gateway;
    sc_message_to_json(&shown, out);
}

static enum sc_stage read_stage(sqlite3_stmt *st, int col)
{
    int stage = sqlite3_column_int(st, col);
    /* Written by us, but the file may be edited by anybody. */
    return stage >= 0 && stage < SC_STAGES ? (enum sc_stage)stage : SC_STAGE_DEAD;
}

static void read_reason(sqlite3_stmt *st, int col, char ret[SC_REASON_MAX])
{
    const unsigned char *text = sqlite3_column_text(st, col);
    (void)snprintf(ret, SC_REASON_MAX, "%s", text ? (const char *)text : "");
}

int sc_spool_state(struct sc_spool_sqlite *s, enum spool_stmt which, const struct sc_id *id,
                   struct spool_state *ret, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[which];
    sc_spool_bind_id(st, 1, id);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    if (rc == SQLITE_ROW) {
        int kind = sqlite3_column_int(st, 1);
        ret->n = sqlite3_column_int64(st, 0);
        ret->kind = kind >= 0 && kind <= SC_KIND_EVENT ? (enum sc_kind)kind : SC_KIND_EVENT;
        ret->stage = read_stage(st, 2);
        ret->settled = sqlite3_column_int(st, 3) != 0;
        read_reason(st, 4, ret->reason);
        ret->accepted.ms = sqlite3_column_int64(st, 6);
        ret->queue = ret->settled ? NULL
                                  : sc_map_get(s->queues[which == ST_IN_STATE],
                                               (const char *)sqlite3_column_text(st, 5));
    }
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static int read_message(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_message *ret,
                        struct sc_err *err)
{
    const char *json = (const char *)sqlite3_column_text(st, COL_JSON);
    int n = sqlite3_column_bytes(st, COL_JSON);
    const char *gateway = (const char *)sqlite3_column_text(st, COL_FROM_GATEWAY);
    if (sc_message_from_json(json ? json : "", (size_t)n, ret, NULL, err) < 0) {
        (void)sc_err_wrap(err, "the spool %s, row %lld", s->path,
                          (long long)sqlite3_column_int64(st, COL_N));
        if (err)
            err->code = SC_EIO;
        return SC_EIO;
    }
    if (gateway && !*gateway)
        sc_set_str(&ret->from_gateway, NULL);
    return SC_OK;
}

static void read_id(sqlite3_stmt *st, int col, struct sc_id *ret)
{
    const void *b = sqlite3_column_blob(st, col);
    if (b && sqlite3_column_bytes(st, col) == (int)sizeof ret->b)
        memcpy(ret->b, b, sizeof ret->b);
}

/* What only people ask for. */
static void read_history(sqlite3_stmt *st, struct sc_record *r)
{
    r->ambiguous = sqlite3_column_int(st, COL_AMBIGUOUS) != 0;
    r->listed = sqlite3_column_type(st, COL_LISTED) != SQLITE_NULL;
    r->last_error = sc_xstrdup((const char *)sqlite3_column_text(st, COL_LAST_ERROR));
    r->revived.ms = sqlite3_column_int64(st, COL_REVIVED);
    r->due.ms = sqlite3_column_int64(st, COL_DUE);
    r->via = sc_xstrdup((const char *)sqlite3_column_text(st, COL_VIA));
    read_id(st, COL_RETRY_OF, &r->retry_of);
    read_id(st, COL_RETRIED_AS, &r->retried_as);
}

static int read_record(struct sc_spool_sqlite *s, sqlite3_stmt *st, struct sc_record *ret,
                       struct sc_err *err)
{
    struct sc_record r;
    sc_record_init(&r);
    int rc = read_message(s, st, &r.msg, err);
    if (rc < 0)
        return rc;
    r.incoming = sqlite3_column_type(st, COL_FROM_GATEWAY) != SQLITE_NULL;
    r.stage = read_stage(st, COL_STAGE);
    r.attempts = (unsigned)sqlite3_column_int(st, COL_ATTEMPTS);
    r.acked = sqlite3_column_int(st, COL_ACKED) != 0;
    for (int i = 0; i < SC_STAGES; i++)
        r.times[i].ms = sqlite3_column_int64(st, COL_TIMES + i); /* NULL reads as 0 */
    r.reason = sc_xstrdup((const char *)sqlite3_column_text(st, COL_REASON));
    read_history(st, &r);
    *ret = r;
    return SC_OK;
}

int sc_spool_record(struct sc_spool_sqlite *s, enum spool_stmt which, struct sc_record *ret,
                    struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[which];
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    int r = rc == SQLITE_ROW ? read_record(s, st, ret, err) : SC_ENOENT;
    (void)sqlite3_reset(st);
    return r;
}

int sc_spool_record_by_n(struct sc_spool_sqlite *s, enum spool_stmt which, int64_t n,
                         struct sc_record *ret, struct sc_err *err)
{
    (void)sqlite3_bind_int64(s->stmt[which], 1, n);
    return sc_spool_record(s, which, ret, err);
}

int sc_spool_rows(struct sc_spool_sqlite *s, enum spool_stmt query, int64_t *ret, size_t max,
                  size_t *ret_n, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[query];
    size_t n = 0;
    int rc = SQLITE_DONE;
    while (n < max && (rc = sqlite3_step(st)) == SQLITE_ROW)
        ret[n++] = sqlite3_column_int64(st, 0);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    (void)sqlite3_reset(st);
    *ret_n = n;
    return SC_OK;
}

/* One unreadable row must not stop those behind it: it is logged and passed over. */
int sc_spool_visit_rows(struct sc_spool_sqlite *s, enum spool_stmt by_n, const int64_t *rows,
                        size_t n, sc_record_fn *fn, void *ctx, size_t *ret_done)
{
    bool more = true;
    size_t i = 0;
    for (; i < n && more; i++) {
        struct sc_err err = SC_ERR_INIT;
        sc_auto_record struct sc_record rec;
        sc_record_init(&rec);
        int rc = sc_spool_record_by_n(s, by_n, rows[i], &rec, &err);
        if (rc == SC_OK)
            more = fn(ctx, &rec);
        else if (rc != SC_ENOENT)
            sc_log_error(s->log, "spool.row_unreadable", SC_S("reason", err.text),
                         SC_S("instead", "it is passed over"));
    }
    *ret_done = i;
    return more ? SC_OK : SC_ECANCELED;
}

int sc_spool_visit(struct sc_spool_sqlite *s, enum spool_stmt query, enum spool_stmt by_n,
                   int limit, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    int64_t rows[SC_LIST_MAX];
    size_t max = limit < 0 ? 0 : limit > SC_LIST_MAX ? SC_LIST_MAX : (size_t)limit;
    size_t n = 0, done;
    int r = sc_spool_rows(s, query, rows, max, &n, err);
    if (r == SC_OK)
        (void)sc_spool_visit_rows(s, by_n, rows, n, fn, ctx, &done); /* stopping is no failure */
    return r;
}

int sc_spool_insert(struct sc_spool_sqlite *s, enum spool_stmt put, enum spool_stmt put_envelope,
                    const struct sc_buf *envelope, int64_t *ret_n, struct sc_err *err)
{
    (void)sqlite3_bind_int64(s->stmt[put], 1, (sqlite3_int64)envelope->n);
    int r = sc_spool_write(s, put, err);
    if (r < 0)
        return r;
    *ret_n = sqlite3_last_insert_rowid(s->db);
    sqlite3_stmt *st = s->stmt[put_envelope];
    (void)sqlite3_bind_int64(st, 1, *ret_n);
    (void)sqlite3_bind_text(st, 2, envelope->p, (int)envelope->n, SQLITE_STATIC);
    r = sc_spool_write(s, put_envelope, err);
    if (r < 0)
        return r;
    s->now.messages++;
    s->now.bytes += (int64_t)envelope->n;
    return SC_OK;
}

int sc_spool_write_move(struct sc_spool_sqlite *s, enum spool_stmt which,
                        const struct spool_move *m, struct sc_err *err)
{
    bool settles = which == ST_OUT_SETTLE || which == ST_IN_SETTLE,
         incoming = which == ST_IN_SETTLE;
    bool dies = m->stage == SC_STAGE_DEAD, ambiguous = dies && sc_reason_ambiguous(m->reason);
    sqlite3_stmt *st = s->stmt[which];
    (void)sqlite3_clear_bindings(st); /* the times of other stages stay NULL */
    (void)sqlite3_bind_int64(st, 1, m->n);
    (void)sqlite3_bind_int(st, 2, (int)m->stage);
    for (int i = SC_STAGE_SENT; i < SC_STAGES; i++)
        if (m->times[i])
            (void)sqlite3_bind_int64(st, 3 + i, m->times[i]);
    if (which == ST_OUT_ADVANCE_DUE)
        (void)sqlite3_bind_int64(st, 10, m->due_ms);
    if (settles) {
        sc_spool_bind_text(st, 10, m->reason);
        (void)sqlite3_bind_int64(st, 11, m->times[m->stage]);
    }
    if (*m->via)
        sc_spool_bind_text(st, 14, m->via);
    if (dies) {
        (void)sqlite3_bind_int64(st, 12, m->times[m->stage]);
        (void)sqlite3_bind_int(st, 13, ambiguous);
    }
    int r = sc_spool_write(s, which, err);
    if (r == SC_OK) {
        s->now.dead[incoming] += dies;
        s->now.ambiguous[incoming] += ambiguous;
        sc_spool_queue_add(s, m->leaves, -1);
    }
    return r;
}
