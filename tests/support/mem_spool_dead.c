/* Dead letters of the fake spool. */
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_spool_internal.h"

int mem_out_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret, struct sc_err *err)
{
    struct mem_spool *s = impl;
    for (size_t i = 0; i < s->out.n; i++) {
        struct mem_row *row = s->out.v[i];
        if (row->st.gone || !sc_id_eq(&row->rec.msg.in_reply_to, id))
            continue;
        mem_copy(row, ret);
        return SC_OK;
    }
    return sc_fail(err, SC_ENOENT, "no reply to that message");
}

static bool is_wanted(const struct mem_row *row, const struct sc_dead_query *q)
{
    const struct sc_message *m = &row->rec.msg;
    return row->st.listed && !row->st.gone &&
           (!q->agent || sc_streq(q->agent, m->from_agent) || sc_streq(q->agent, m->to_agent)) &&
           (!q->reason || strncmp(row->st.reason, q->reason, strlen(q->reason)) == 0);
}

int mem_dead_list(void *impl, const struct sc_dead_query *q, sc_record_fn *fn, void *ctx,
                  struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_table *t = q->incoming ? &s->in : &s->out;
    int skip = q->skip, limit = q->limit;
    (void)err;
    for (size_t i = 0; i < t->n && limit > 0; i++) {
        if (!is_wanted(t->v[i], q) || skip-- > 0)
            continue;
        limit--;
        if (!fn(ctx, mem_view(t->v[i])))
            break;
    }
    return SC_OK;
}

/* The row, ready to be changed; NULL: *ret_rc says why not. */
static struct mem_row *change_listed(struct mem_spool *s, const struct sc_id *id, bool incoming,
                                     int *ret_rc, struct sc_err *err)
{
    struct mem_row *row = mem_find(incoming ? &s->in : &s->out, id);
    bool there = row && row->st.listed && !row->st.gone;
    *ret_rc = there ? mem_begin(s, err) : SC_ENOENT;
    if (*ret_rc < 0)
        return NULL;
    mem_change(s, row);
    row->st.listed = false;
    return row;
}

int mem_dead_drop(void *impl, const struct sc_id *id, bool incoming, struct sc_err *err)
{
    int rc;
    (void)change_listed(impl, id, incoming, &rc, err);
    return rc;
}

int mem_out_retried(void *impl, const struct sc_id *id, const struct sc_id *as, struct sc_err *err)
{
    struct mem_spool *s = impl;
    int rc;
    struct mem_row *old = change_listed(s, id, false, &rc, err), *new = mem_find(&s->out, as);
    if (!old)
        return rc;
    old->st.retried_as = *as;
    mem_change(s, new);
    new->st.retry_of = *id;
    return SC_OK;
}

static void revive(struct mem_spool *s, struct mem_row *row, sc_wall at, bool ran)
{
    (row->rec.incoming ? &s->in : &s->out)->settled = 0; /* it is somewhere among the first */
    row->fresh = row->rec.incoming;
    row->st.stage = SC_STAGE_STORED;
    row->st.settled = false;
    row->st.reason[0] = 0;
    row->st.times[SC_STAGE_DELIVERED] = row->st.times[SC_STAGE_STARTED] =
        row->st.times[SC_STAGE_DEAD] = (sc_wall){ 0 };
    row->st.revived = row->rec.incoming ? at : (sc_wall){ 0 };
    row->st.due = row->rec.incoming ? INT64_MAX : at.ms;
    row->st.ambiguous = row->st.ambiguous || ran;
}

int mem_in_revive(void *impl, const struct sc_id *id, sc_wall at, bool ran, struct sc_err *err)
{
    int rc;
    struct mem_row *row = change_listed(impl, id, true, &rc, err);
    if (!row)
        return rc;
    revive(impl, row, at, ran);
    row = change_listed(impl, id, false, &rc, err);
    if (row)
        revive(impl, row, at, ran);
    return rc == SC_ENOENT ? SC_OK : rc;
}

/* The message's new time is not undone with the turn: it is no row's state. */
int mem_out_revive(void *impl, const struct sc_message *m, sc_wall at, sc_wall next,
                   struct sc_err *err)
{
    int rc;
    struct mem_row *row = change_listed(impl, &m->id, false, &rc, err);
    if (!row)
        return rc;
    revive(impl, row, next, false);
    row->st.stage = SC_STAGE_ACCEPTED;
    row->st.times[SC_STAGE_SENT] = (sc_wall){ 0 };
    row->st.revived = at;
    row->st.ambiguous = false;
    row->rec.msg.timestamp = m->timestamp;
    return SC_OK;
}
