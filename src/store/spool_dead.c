/* Dead letters: what died and nobody has looked after yet. Leaving the list changes nothing else: a
 * row stays for its retention time, and with it the memory of its id and its history. */
#include "sideclaw/limits.h"
#include "spool_internal.h"

int sc_spool_dead_list(void *impl, const struct sc_dead_query *q, sc_record_fn *fn, void *ctx,
                       struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    enum spool_stmt query = q->incoming ? ST_IN_DEAD : ST_OUT_DEAD;
    (void)sqlite3_bind_int(s->stmt[query], 1, q->limit);
    (void)sqlite3_bind_int(s->stmt[query], 2, q->skip);
    sc_spool_bind_text(s->stmt[query], 3, q->agent);
    sc_spool_bind_text(s->stmt[query], 4, q->reason);
    return sc_spool_visit(s, query, q->incoming ? ST_IN_BY_N : ST_OUT_BY_N, q->limit, fn, ctx, err);
}

struct listed {
    int64_t n, bytes;
    bool ambiguous;
    struct spool_queue *queue; /* that it counts in when it lives again */
};

/* SC_ENOENT when it is on no list. */
static int find(struct sc_spool_sqlite *s, const struct sc_id *id, bool incoming,
                struct listed *ret, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[incoming ? ST_IN_LISTED : ST_OUT_LISTED];
    sc_spool_bind_id(st, 1, id);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    if (rc == SQLITE_ROW)
        *ret = (struct listed){ .n = sqlite3_column_int64(st, 0),
                                .ambiguous = sqlite3_column_int(st, 1) != 0,
                                .bytes = sqlite3_column_int64(st, 2),
                                .queue = sc_spool_queue(s, incoming,
                                                        (const char *)sqlite3_column_text(st, 3)) };
    (void)sqlite3_reset(st);
    return rc == SQLITE_ROW ? SC_OK : SC_ENOENT;
}

static void uncount(struct sc_spool_sqlite *s, bool incoming, const struct listed *row)
{
    s->now.dead[incoming]--;
    s->now.ambiguous[incoming] -= row->ambiguous;
}

int sc_spool_dead_drop(void *impl, const struct sc_id *id, bool incoming, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    enum spool_stmt unlist = incoming ? ST_IN_UNLIST : ST_OUT_UNLIST;
    struct listed row = { 0 };
    int r = find(s, id, incoming, &row, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(s->stmt[unlist], 1, row.n);
    r = sc_spool_write(s, unlist, err);
    if (r == SC_OK)
        uncount(s, incoming, &row);
    return r;
}

static int link_to(struct sc_spool_sqlite *s, enum spool_stmt which, const struct sc_id *id,
                   const struct sc_id *other, struct sc_err *err)
{
    sc_spool_bind_id(s->stmt[which], 1, id);
    sc_spool_bind_id(s->stmt[which], 2, other);
    return sc_spool_write(s, which, err);
}

int sc_spool_out_retried(void *impl, const struct sc_id *id, const struct sc_id *as,
                         struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = sc_spool_dead_drop(s, id, false, err);
    if (r == SC_OK)
        r = link_to(s, ST_OUT_RETRIED, id, as, err);
    return r == SC_OK ? link_to(s, ST_OUT_RETRY_OF, as, id, err) : r;
}

static int revive(struct sc_spool_sqlite *s, bool incoming, const struct listed *row, sc_wall at,
                  bool ran, struct sc_err *err)
{
    enum spool_stmt which = incoming ? ST_IN_REVIVE : ST_TWIN_REVIVE;
    (void)sqlite3_bind_int64(s->stmt[which], 1, row->n);
    (void)sqlite3_bind_int64(s->stmt[which], 2, at.ms);
    (void)sqlite3_bind_int(s->stmt[which], 3, ran);
    int r = sc_spool_write(s, which, err);
    if (r == SC_OK)
        uncount(s, incoming, row);
    return r;
}

int sc_spool_in_revive(void *impl, const struct sc_id *id, sc_wall at, bool ran, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct listed in = { 0 }, out = { 0 };
    int r = find(s, id, true, &in, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r == SC_OK)
        r = revive(s, true, &in, at, ran, err);
    if (r < 0)
        return r;
    s->now.inbox_open++;
    sc_spool_queue_add(s, in.queue, 1);
    if (!s->in_fresh || in.n < s->in_fresh)
        s->in_fresh = in.n; /* no head of a lane until it is committed */
    r = find(s, id, false, &out, err);
    if (r == SC_OK)
        r = revive(s, false, &out, at, ran, err);
    s->now.outbox_open += r == SC_OK;
    return r == SC_ENOENT ? SC_OK : r;
}

static int write_envelope(struct sc_spool_sqlite *s, const struct listed *row,
                          const struct sc_buf *envelope, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_OUT_REVIVE_ENVELOPE];
    (void)sqlite3_bind_int64(st, 1, row->n);
    (void)sqlite3_bind_text(st, 2, envelope->p, (int)envelope->n, SQLITE_STATIC);
    return sc_spool_write(s, ST_OUT_REVIVE_ENVELOPE, err);
}

int sc_spool_out_revive(void *impl, const struct sc_message *m, sc_wall at, sc_wall next,
                        struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sc_auto_buf struct sc_buf envelope = SC_BUF_INIT;
    struct listed row = { 0 };
    int r = find(s, &m->id, false, &row, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sc_spool_envelope(m, &envelope);
    sqlite3_stmt *st = s->stmt[ST_OUT_REVIVE];
    (void)sqlite3_bind_int64(st, 1, row.n);
    (void)sqlite3_bind_int64(st, 2, next.ms);
    (void)sqlite3_bind_int64(st, 3, at.ms);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)envelope.n);
    r = sc_spool_write(s, ST_OUT_REVIVE, err);
    if (r == SC_OK)
        r = write_envelope(s, &row, &envelope, err);
    if (r < 0)
        return r;
    uncount(s, false, &row);
    s->now.outbox_open++;
    s->now.bytes += (int64_t)envelope.n - row.bytes;
    sc_spool_queue_add(s, row.queue, 1);
    return SC_OK;
}

/* The ambiguity is over when the receiver says why it is dead; that it was stored, or ran, is worth
 * knowing before it is retried. */
int sc_spool_out_resolve(struct sc_spool_sqlite *s, const struct sc_id *id,
                         const struct spool_move *m, struct sc_err *err)
{
    struct listed row = { .n = 0 };
    bool resolves = m->stage == SC_STAGE_DEAD && m->reason && !sc_reason_ambiguous(m->reason);
    if (m->stage < SC_STAGE_STORED || (m->stage == SC_STAGE_DEAD && !resolves))
        return SC_OK;
    int listed = find(s, id, false, &row, err);
    if (listed < 0 && listed != SC_ENOENT)
        return listed;
    int r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = s->stmt[ST_OUT_RESOLVE];
    (void)sqlite3_clear_bindings(st);
    (void)sqlite3_bind_int64(st, 1, m->n);
    if (resolves) {
        sc_spool_bind_text(st, 6, m->reason);
        (void)sqlite3_bind_int(st, 7, 0);
    } else {
        (void)sqlite3_bind_int64(st, 2 + (int)(m->stage - SC_STAGE_STORED), m->times[m->stage]);
    }
    r = sc_spool_write(s, ST_OUT_RESOLVE, err);
    if (r == SC_OK && resolves && listed == SC_OK)
        s->now.ambiguous[false] -= row.ambiguous;
    return r;
}
