/* The outbox: what this gateway's agents sent and nobody has confirmed yet, and how it ended. */
#include "sideclaw/mem.h"
#include "spool_internal.h"

static int insert(struct sc_spool_sqlite *s, struct sc_message *m, sc_wall now, sc_wall next,
                  struct sc_err *err)
{
    sc_auto_buf struct sc_buf envelope = SC_BUF_INIT;
    int r = sc_spool_seq_next(s, m, &m->seq, err);
    if (r < 0)
        return r;
    sc_spool_envelope(m, &envelope);
    sqlite3_stmt *st = s->stmt[ST_OUT_PUT];
    sc_spool_bind_id(st, 2, &m->id);
    (void)sqlite3_bind_int(st, 3, (int)m->kind);
    (void)sqlite3_bind_int64(st, 4, next.ms);
    sc_spool_bind_key(st, 5, m->from_agent);
    sc_spool_bind_key(st, 6, m->to_agent);
    sc_spool_bind_key(st, 7, m->to_gateway);
    (void)sqlite3_bind_int64(st, 8, now.ms);
    if (sc_id_is_zero(&m->in_reply_to))
        (void)sqlite3_bind_null(st, 9);
    else
        sc_spool_bind_id(st, 9, &m->in_reply_to);
    struct spool_state row = { .kind = m->kind,
                               .accepted = now,
                               .queue = sc_spool_queue(s, false, m->from_agent) };
    r = sc_spool_insert(s, ST_OUT_PUT, ST_OUT_PUT_ENVELOPE, &envelope, &row.n, err);
    if (r < 0)
        return r;
    s->now.outbox_open++;
    sc_spool_queue_add(s, row.queue, 1);
    return sc_spool_recent_add(s, &m->id, &row, err);
}

int sc_spool_out_put(void *impl, struct sc_message *m, sc_wall now, sc_wall next,
                     struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_recent_state(s, &m->id, &row, err);
    if (r != SC_ENOENT)
        return r == SC_OK ? sc_fail(err, SC_EEXIST, "a message with this id was accepted before")
                          : r;
    /* A reply ends something, and is let through. */
    r = m->kind == SC_KIND_MESSAGE ? sc_spool_queue_room(s, false, m->from_agent, err) : SC_OK;
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r == SC_OK)
        r = sc_spool_make_room(s, m->body_len, err);
    return r == SC_OK ? insert(s, m, now, next, err) : r;
}

int sc_spool_out_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                       char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct spool_state row;
    int r = sc_spool_recent_state(impl, id, &row, err);
    if (r < 0)
        return r;
    *ret_stage = row.stage;
    (void)snprintf(ret_reason, SC_REASON_MAX, "%s", row.reason);
    return SC_OK;
}

/* Receipts that fall into one turn of the receiver come as one, of the last stage: it was stored
 * then at the latest. */
static bool skips_stored(const struct spool_state *row, enum sc_stage stage)
{
    return row->stage < SC_STAGE_STORED && stage > SC_STAGE_STORED && stage != SC_STAGE_DEAD;
}

/* With what was gathered of it before. */
static int move_now(struct sc_spool_sqlite *s, const struct sc_id *id,
                    const struct spool_state *row, struct spool_move *m, struct sc_err *err)
{
    bool settles = sc_stage_settled(row->kind, m->stage);
    int r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sc_spool_recent_forget(s, id, m);
    r = sc_spool_write_move(s, settles ? ST_OUT_SETTLE : ST_OUT_ADVANCE, m, err);
    if (r == SC_OK && settles && !row->settled)
        s->now.outbox_open--;
    return r;
}

int sc_spool_out_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                         const char *note, struct sc_moved *ret_moved, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_recent_state(s, id, &row, err);
    if (r < 0)
        return r;
    bool moves = sc_fsm_allowed(&sc_stage_fsm, (int)row.stage, (int)stage);
    struct spool_move m = { .n = row.n, .stage = stage };
    m.times[stage] = at.ms;
    if (skips_stored(&row, stage))
        m.times[SC_STAGE_STORED] = at.ms;
    if (stage == SC_STAGE_SENT)
        (void)snprintf(m.via, sizeof m.via, "%s", note ? note : "");
    else
        m.reason = note;
    if (row.stage < SC_STAGE_STORED && stage >= SC_STAGE_STORED)
        m.leaves = row.queue; /* it is the receiver's to keep, or nobody's */
    if (stage == SC_STAGE_SENT && row.stage == SC_STAGE_SENT) {
        m.times[stage] = 0; /* the first time counts; which transport it was now does, too */
        return sc_spool_recent_note(s, id, &row, &m, err);
    }
    if (row.stage == SC_STAGE_DEAD && sc_reason_ambiguous(row.reason))
        r = sc_spool_out_resolve(s, id, &m, err);
    else if (moves && !row.settled && !sc_stage_settled(row.kind, stage))
        r = sc_spool_recent_note(s, id, &row, &m, err);
    else if (moves)
        r = move_now(s, id, &row, &m, err);
    if (r == SC_OK && ret_moved)
        *ret_moved = (struct sc_moved){
            .changed = moves, .kind = row.kind, .from = row.stage, .accepted = row.accepted
        };
    return r;
}

/* A row that is settled is due no more, whoever asks. */
static int set_due(struct sc_spool_sqlite *s, enum spool_stmt which, const struct sc_id *id,
                   sc_wall next, struct sc_err *err)
{
    struct spool_state row;
    int r = sc_spool_recent_state(s, id, &row, err);
    if (r < 0 || row.settled)
        return r;
    r = sc_spool_begin(s, err);
    if (r == SC_OK)
        r = sc_spool_recent_write(s, err);
    if (r < 0)
        return r;
    sc_spool_recent_forget(s, id, NULL);
    sqlite3_stmt *st = s->stmt[which];
    (void)sqlite3_bind_int64(st, 1, row.n);
    if (which != ST_OUT_PARK)
        (void)sqlite3_bind_int64(st, 2, next.ms);
    r = sc_spool_write(s, which, err);
    if (r == SC_OK && which == ST_OUT_PARK)
        s->now.outbox_open--;
    return r;
}

int sc_spool_out_retry(void *impl, const struct sc_id *id, sc_wall next, const struct sc_attempt *a,
                       struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    sc_spool_bind_text(s->stmt[ST_OUT_RETRY], 3, a->via);
    sc_spool_bind_text(s->stmt[ST_OUT_RETRY], 4, a->error);
    return set_due(impl, ST_OUT_RETRY, id, next, err);
}

/* Due never: there is nothing left for us to do, so the row is history and goes by age. What the
 * receiver still says of it moves it on as before. */
int sc_spool_out_defer(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err)
{
    if (next.ms == INT64_MAX)
        return set_due(impl, ST_OUT_PARK, id, next, err);
    return sc_spool_recent_defer(impl, id, next) ? SC_OK
                                                 : set_due(impl, ST_OUT_DEFER, id, next, err);
}

static int readdress(struct sc_spool_sqlite *s, enum spool_stmt which, int64_t n,
                     const char *gateway, struct sc_err *err)
{
    sqlite3_stmt *st = s->stmt[which];
    (void)sqlite3_bind_int64(st, 1, n);
    sc_spool_bind_text(st, 2, gateway);
    return sc_spool_write(s, which, err);
}

int sc_spool_out_address(void *impl, const struct sc_id *id, const char *gateway,
                         struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_state row;
    int r = sc_spool_recent_state(s, id, &row, err);
    if (r == SC_OK)
        r = sc_spool_begin(s, err);
    if (r == SC_OK)
        r = readdress(s, ST_OUT_ADDRESS, row.n, gateway, err);
    if (r == SC_OK)
        r = readdress(s, ST_OUT_ADDRESS_ENVELOPE, row.n, gateway, err);
    return r;
}

int sc_spool_out_note(void *impl, const struct sc_id *id, const struct sc_attempt *a,
                      struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = sc_spool_begin(s, err);
    if (r < 0)
        return r;
    sc_spool_bind_id(s->stmt[ST_OUT_NOTE], 1, id);
    sc_spool_bind_text(s->stmt[ST_OUT_NOTE], 2, a->via);
    sc_spool_bind_text(s->stmt[ST_OUT_NOTE], 3, a->error);
    return sc_spool_write(s, ST_OUT_NOTE, err);
}

int sc_spool_out_due(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx,
                     struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int64_t rows[SC_LIST_MAX];
    size_t max = limit < 0 ? 0 : limit > SC_LIST_MAX ? SC_LIST_MAX : (size_t)limit;
    size_t n = 0, hurried = 0, done = 0;
    int r = sc_spool_recent_write(s, err);
    if (r == SC_OK) /* first, because they are in order, which chance times are not */
        r = sc_spool_hurried(s, max, fn, ctx, &hurried, err);
    if (r < 0 || hurried) /* some of these are due by time as well, until fn has put them off */
        return r;
    sqlite3_stmt *st = s->stmt[ST_OUT_DUE];
    (void)sqlite3_bind_int64(st, 1, now.ms);
    (void)sqlite3_bind_int64(st, 2, (sqlite3_int64)(max));
    r = sc_spool_rows(s, ST_OUT_DUE, rows, max, &n, err);
    if (r == SC_OK) /* that fn has enough is no failure */
        (void)sc_spool_visit_rows(s, ST_OUT_BY_N, rows, n, fn, ctx, &done);
    return r;
}

int sc_spool_out_next_due(void *impl, sc_wall *ret, struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    size_t n = 0;
    ret->ms = 0;
    if (s->n_hurry > 0) {
        ret->ms = 1; /* since long ago */
        return SC_OK;
    }
    return sc_spool_rows(s, ST_OUT_NEXT_DUE, &ret->ms, 1, &n, err); /* no rows: NULL, read as 0 */
}

int sc_spool_out_list(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx,
                      struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    enum spool_stmt query = all ? ST_OUT_LATEST : ST_OUT_OPEN;
    int r = sc_spool_recent_write(s, err);
    if (r < 0)
        return r;
    (void)sqlite3_bind_int(s->stmt[query], 1, limit);
    return sc_spool_visit(s, query, ST_OUT_BY_N, limit, fn, ctx, err);
}

int sc_spool_out_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret,
                          struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    int r = sc_spool_recent_write(s, err);
    if (r < 0)
        return r;
    sc_spool_bind_id(s->stmt[ST_OUT_REPLY_TO], 1, id);
    return sc_spool_record(s, ST_OUT_REPLY_TO, ret, err);
}
