/* The inbox: what came for this gateway's agents, once each, and how far it got. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

/* Here, or here once: the id alone is remembered longer than the message. */
int sc_spool_in_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                      char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_state(s, ST_IN_STATE, id, &row, err);
    if (r == SC_ENOENT)
        r = sc_spool_state(s, ST_IN_SEEN, id, &row, err);
    if (r < 0)
        return r;
    *ret_stage = row.stage;
    (void)snprintf(ret_reason, SC_REASON_MAX, "%s", row.reason);
    return SC_OK;
}

static void bind_time(sqlite3_stmt *st, int i, bool reached, sc_wall at)
{
    if (reached)
        (void)sqlite3_bind_int64(st, i, at.ms);
    else
        (void)sqlite3_bind_null(st, i);
}

static int insert(struct sc_spool_sqlite *s, const struct sc_message *m, enum sc_stage stage,
                  sc_wall now, struct sc_err *err)
{
    bool settled = sc_stage_settled(m->kind, stage);
    sc_auto_buf struct sc_buf envelope = SC_BUF_INIT;
    sc_spool_envelope(m, &envelope);
    sqlite3_stmt *st = s->stmt[ST_IN_PUT];
    sc_spool_bind_id(st, 2, &m->id);
    (void)sqlite3_bind_int(st, 3, (int)m->kind);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)m->seq);
    sc_spool_bind_key(st, 5, m->to_agent);
    sc_spool_bind_key(st, 6, m->from_agent);
    sc_spool_bind_key(st, 7, m->from_gateway);
    if (sc_id_is_zero(&m->in_reply_to))
        (void)sqlite3_bind_null(st, 8);
    else
        sc_spool_bind_id(st, 8, &m->in_reply_to);
    (void)sqlite3_bind_int64(st, 9, now.ms);
    (void)sqlite3_bind_int(st, 10, (int)stage);
    bind_time(st, 11, stage == SC_STAGE_DELIVERED, now);
    bind_time(st, 12, settled, now);
    int64_t n;
    int r = sc_spool_insert(s, ST_IN_PUT, ST_IN_PUT_ENVELOPE, &envelope, &n, err);
    if (r < 0)
        return r;
    s->in_fresh = s->in_fresh ? s->in_fresh : n;
    if (!settled) {
        s->now.inbox_open++;
        sc_spool_queue_add(s, sc_spool_queue(s, true, m->to_agent), 1);
    }
    return SC_OK;
}

/* Do later ones of its lane wait here for it? Then no bound may keep it out: they could not go on,
 * and make no room for it either. */
static bool is_awaited(struct sc_spool_sqlite *s, const struct sc_message *m)
{
    struct sc_err err = SC_ERR_INIT;
    int64_t n;
    size_t found = 0;
    sqlite3_stmt *st = s->stmt[ST_IN_LATER];
    sc_spool_bind_key(st, 1, m->to_agent);
    sc_spool_bind_key(st, 2, m->from_agent);
    sc_spool_bind_key(st, 3, m->from_gateway);
    (void)sqlite3_bind_int64(st, 4, (sqlite3_int64)m->seq);
    return m->kind == SC_KIND_MESSAGE && m->seq > 0 &&
           sc_spool_rows(s, ST_IN_LATER, &n, 1, &found, &err) == SC_OK && found;
}

static int admit(struct sc_spool_sqlite *s, const struct sc_message *m, struct sc_err *err)
{
    /* A reply ends something and lies in no queue. */
    int r = m->kind == SC_KIND_MESSAGE ? sc_spool_queue_room(s, true, m->to_agent, err) : SC_OK;
    if (r == SC_EBUSY && is_awaited(s, m))
        r = SC_OK;
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    r = sc_spool_make_room(s, m->body_len, err);
    bool disk = s->failed.code != SC_OK;
    return r == SC_EFULL && !disk && is_awaited(s, m) ? SC_OK : r;
}

int sc_spool_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
                    char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = sc_spool_in_stage(s, &m->id, stage, ret_reason, err);
    if (r != SC_ENOENT)
        return r == SC_OK ? SC_EEXIST : r;
    r = admit(s, m, err);
    return r == SC_OK ? insert(s, m, *stage, now, err) : r;
}

int sc_spool_in_refuse(void *impl, const struct sc_id *id, sc_wall at, const char *reason,
                       struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    enum sc_stage stage;
    char known[SC_REASON_MAX];
    int r = sc_spool_in_stage(s, id, &stage, known, err);
    if (r != SC_ENOENT)
        return r == SC_OK ? SC_EEXIST : r;
    r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = s->stmt[ST_IN_REFUSE];
    sc_spool_bind_id(st, 1, id);
    (void)sqlite3_bind_int(st, 2, SC_STAGE_DEAD);
    sc_spool_bind_text(st, 3, reason);
    (void)sqlite3_bind_int64(st, 4, at.ms);
    return sc_spool_write(s, ST_IN_REFUSE, err);
}

int sc_spool_in_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                        const char *reason, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_state(s, ST_IN_STATE, id, &row, err);
    if (r < 0 || !sc_fsm_allowed(&sc_stage_fsm, (int)row.stage, (int)stage))
        return r;
    bool settles = sc_stage_settled(row.kind, stage);
    struct spool_move m = { .n = row.n, .stage = stage, .reason = reason };
    if (settles && !row.settled)
        m.leaves = row.queue;
    m.times[stage] = at.ms;
    r = sc_spool_begin(s, err);
    if (r == SC_OK)
        r = sc_spool_write_move(s, settles ? ST_IN_SETTLE : ST_IN_ADVANCE, &m, err);
    if (r == SC_OK && !row.settled && settles)
        s->now.inbox_open--;
    return r;
}

int sc_spool_in_head(void *impl, const char *to_agent, const char *from_agent,
                     const char *from_gateway, struct sc_record *ret, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int64_t n = 0;
    size_t found = 0;
    sqlite3_stmt *st = s->stmt[ST_IN_HEAD];
    sc_spool_bind_key(st, 1, to_agent);
    sc_spool_bind_key(st, 2, from_agent);
    sc_spool_bind_key(st, 3, from_gateway);
    int r = sc_spool_rows(s, ST_IN_HEAD, &n, 1, &found, err);
    if (r < 0)
        return r;
    if (!found)
        return SC_ENOENT;
    if (s->in_fresh && n >= s->in_fresh)
        return sc_fail(err, SC_EBUSY, "the head of the lane is not committed yet");
    return sc_spool_record_by_n(s, ST_IN_BY_N, n, ret, err);
}

struct lane {
    char *to_agent, *from_agent, *from_gateway;
};

static void lane_fini(struct lane *l)
{
    free(l->to_agent);
    free(l->from_agent);
    free(l->from_gateway);
}

/* The lane after *l in the index: one step of the index a lane, however many messages it holds.
 * SC_ENOENT after the last. */
static int next_lane(struct sc_spool_sqlite *s, struct lane *l, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[ST_IN_LANES];
    sc_spool_bind_key(st, 1, l->to_agent);
    sc_spool_bind_key(st, 2, l->from_agent);
    sc_spool_bind_key(st, 3, l->from_gateway);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sc_spool_read_failed(s, st, err);
    if (rc == SQLITE_ROW) {
        struct lane next = { sc_xstrdup((const char *)sqlite3_column_text(st, 0)),
                             sc_xstrdup((const char *)sqlite3_column_text(st, 1)),
                             sc_xstrdup((const char *)sqlite3_column_text(st, 2)) };
        (void)sqlite3_reset(st); /* before the texts it was bound to go */
        lane_fini(l);
        *l = next;
        return SC_OK;
    }
    (void)sqlite3_reset(st);
    return SC_ENOENT;
}

int sc_spool_in_lanes(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err)
{
    struct lane l = { 0 };
    int r;
    while ((r = next_lane(impl, &l, err)) == SC_OK)
        fn(ctx, l.to_agent, l.from_agent, sc_streq(l.from_gateway, "") ? NULL : l.from_gateway);
    lane_fini(&l);
    return r == SC_ENOENT ? SC_OK : r;
}

int sc_spool_in_list(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                     void *ctx, struct sc_err *err)
{
    static const enum spool_stmt queries[] = { [SC_LIST_UNREAD] = ST_IN_UNREAD,
                                               [SC_LIST_ALL] = ST_IN_LATEST,
                                               [SC_LIST_DELIVERED] = ST_IN_DELIVERED,
                                               [SC_LIST_NEWEST] = ST_IN_NEWEST };
    struct sc_spool_sqlite *s = impl;
    enum spool_stmt query = queries[what];
    (void)sqlite3_bind_int(s->stmt[query], 1, limit);
    sc_spool_bind_key(s->stmt[query], 2, agent);
    return sc_spool_visit(s, query, ST_IN_BY_N, limit, fn, ctx, err);
}

int sc_spool_in_rest(void *impl, const char *to_agent, const char *from_agent,
                     const char *from_gateway, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sqlite3_stmt *st = s->stmt[ST_IN_REST];
    sc_spool_bind_key(st, 1, to_agent);
    sc_spool_bind_key(st, 2, from_agent);
    sc_spool_bind_key(st, 3, from_gateway);
    (void)sqlite3_bind_int(st, 4, SC_LIST_MAX);
    return sc_spool_visit(s, ST_IN_REST, ST_IN_BY_N, SC_LIST_MAX, fn, ctx, err);
}

/* Lists go by number; a new one costs both rows and their indexes, which only stragglers pay. */
int sc_spool_in_last(void *impl, const struct sc_id *id, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_state(s, ST_IN_STATE, id, &row, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int64(s->stmt[ST_IN_LAST], 1, row.n);
    (void)sqlite3_bind_int64(s->stmt[ST_IN_LAST_ENVELOPE], 1, row.n);
    r = sc_spool_write(s, ST_IN_LAST, err);
    return r == SC_OK ? sc_spool_write(s, ST_IN_LAST_ENVELOPE, err) : r;
}

int sc_spool_in_ack(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
                    struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_state(s, ST_IN_STATE, id, &row, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sqlite3_stmt *st = s->stmt[ST_IN_ACK];
    (void)sqlite3_bind_int64(st, 1, row.n);
    sc_spool_bind_key(st, 2, agent);
    (void)sqlite3_bind_int64(st, 3, at.ms);
    r = sc_spool_write(s, ST_IN_ACK, err);
    if (r < 0)
        return r;
    if (sqlite3_changes(s->db) == 0)
        return SC_ENOENT; /* another agent's */
    s->now.inbox_open -= !row.settled;
    if (!row.settled)
        sc_spool_queue_add(s, row.queue, -1);
    return SC_OK;
}

int sc_spool_in_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                         struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sc_spool_bind_id(s->stmt[ST_IN_REPLY_TO], 1, id);
    return sc_spool_record(s, ST_IN_REPLY_TO, ret, err);
}
