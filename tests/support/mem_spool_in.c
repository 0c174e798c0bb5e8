/* The incoming half of the fake spool. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_spool_internal.h"

int mem_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
               char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *known = mem_find(&s->in, &m->id);
    if (s->bugs.stores_nothing || (s->bugs.drops_replies && m->kind == SC_KIND_REPLY))
        return SC_OK;
    if (known && s->bugs.forgets_ids) {
        known->st.stage = SC_STAGE_STORED;
        known->st.settled = known->st.gone = false;
        s->in.settled = 0;
        return SC_OK;
    }
    if (known && !known->st.forgotten) {
        *stage = known->st.stage;
        memcpy(ret_reason, known->st.reason, SC_REASON_MAX);
        return SC_EEXIST;
    }
    if (s->faults.busy_agent && sc_streq(s->faults.busy_agent, m->to_agent))
        return sc_fail(err, SC_EBUSY, "enough messages wait for agent %s", m->to_agent);
    int r = mem_begin(s, err);
    if (r == SC_OK)
        r = mem_room(s, err);
    if (r < 0)
        return r;
    struct mem_row *row = mem_insert(s, &s->in, m);
    row->st.stage = SC_STAGE_STORED;
    row->st.place = ++s->places;
    row->st.times[SC_STAGE_STORED] = now;
    if (*stage != SC_STAGE_STORED)
        mem_move(row, *stage, now, NULL);
    return SC_OK;
}

int mem_in_refuse(void *impl, const struct sc_id *id, sc_wall at, const char *reason,
                  struct sc_err *err)
{
    struct mem_spool *s = impl;
    const struct mem_row *known = mem_find(&s->in, id);
    const struct sc_message nothing = { .id = *id };
    if (known && !known->st.forgotten)
        return SC_EEXIST;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    struct mem_row *row = mem_insert(s, &s->in, &nothing);
    mem_move(row, SC_STAGE_DEAD, at, reason);
    row->st.gone = true;
    row->st.gone_ms = at.ms;
    return SC_OK;
}

int mem_in_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                 char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct mem_spool *s = impl;
    const struct mem_row *row = mem_find(&s->in, id);
    if (!row || row->st.forgotten)
        return sc_fail(err, SC_ENOENT, "no such message");
    *ret_stage = row->st.stage;
    memcpy(ret_reason, row->st.reason, SC_REASON_MAX);
    return SC_OK;
}

int mem_in_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                   const char *reason, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(&s->in, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    if (!sc_fsm_allowed(&sc_stage_fsm, (int)row->st.stage, (int)stage))
        return SC_OK;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change(s, row);
    mem_move(row, stage, at, reason);
    return SC_OK;
}

static bool in_lane(const struct mem_row *row, const char *to, const char *from,
                    const char *gateway)
{
    const struct sc_message *m = &row->rec.msg;
    return !row->st.settled && sc_streq(m->to_agent, to) && sc_streq(m->from_agent, from) &&
           sc_streq(m->from_gateway, gateway);
}

/* By seq, because a retry may have overtaken: first in, first out at the sender. */
int mem_in_head(void *impl, const char *to_agent, const char *from_agent, const char *from_gateway,
                struct sc_record *ret, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *head = NULL;
    (void)err;
    for (size_t i = mem_first_open(&s->in); i < s->in.n; i++) {
        struct mem_row *row = s->in.v[i];
        if (in_lane(row, to_agent, from_agent, from_gateway) &&
            (!head || row->rec.msg.seq < head->rec.msg.seq))
            head = row;
    }
    if (!head)
        return SC_ENOENT;
    if (head->fresh)
        return sc_fail(err, SC_EBUSY, "not committed yet");
    mem_copy(head, ret);
    return SC_OK;
}

int mem_in_lanes(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    size_t open = mem_first_open(&s->in);
    for (size_t i = open; i < s->in.n; i++) {
        const struct sc_message *m = &s->in.v[i]->rec.msg;
        bool first = !s->in.v[i]->st.settled;
        for (size_t k = open; k < i && first; k++)
            first = !in_lane(s->in.v[k], m->to_agent, m->from_agent, m->from_gateway);
        if (first)
            fn(ctx, m->to_agent, m->from_agent, m->from_gateway);
    }
    return SC_OK;
}

static bool is_listed(const struct mem_row *row, const char *agent, enum sc_list what)
{
    if (row->st.gone || !sc_streq(row->rec.msg.to_agent, agent))
        return false;
    if (what == SC_LIST_NEWEST)
        return !row->st.acked && row->st.stage == SC_STAGE_DELIVERED;
    return what == SC_LIST_ALL ||
           (!row->st.acked && (what == SC_LIST_UNREAD || row->st.stage > SC_STAGE_STORED));
}

static int by_place(const void *a, const void *b)
{
    const struct mem_row *const *x = a, *const *y = b;
    return (*x)->st.place < (*y)->st.place ? -1 : (*x)->st.place > (*y)->st.place;
}

static int by_seq(const void *a, const void *b)
{
    const struct mem_row *const *x = a, *const *y = b;
    return (*x)->rec.msg.seq < (*y)->rec.msg.seq ? -1 : (*x)->rec.msg.seq > (*y)->rec.msg.seq;
}

/* The first `max` of the n rows in v, or the last. */
static void visit(struct mem_row **v, size_t n, size_t max, bool last, sc_record_fn *fn, void *ctx)
{
    size_t first = last && n > max ? n - max : 0;
    for (size_t i = first; i < n && i < first + max; i++)
        if (!fn(ctx, mem_view(v[i])))
            return;
}

int mem_in_list(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row **rows = sc_xcalloc(s->in.n + 1, sizeof(struct mem_row *));
    size_t n = 0;
    (void)err;
    for (size_t i = 0; i < s->in.n; i++)
        if (is_listed(s->in.v[i], agent, what))
            rows[n++] = s->in.v[i];
    qsort(rows, n, sizeof *rows, by_place);
    if (what == SC_LIST_NEWEST)
        for (size_t i = 0; i < n / 2; i++) {
            struct mem_row *row = rows[i];
            rows[i] = rows[n - 1 - i];
            rows[n - 1 - i] = row;
        }
    visit(rows, n, limit < 0 ? 0 : (size_t)limit, what == SC_LIST_ALL, fn, ctx);
    free(rows);
    return SC_OK;
}

int mem_in_rest(void *impl, const char *to_agent, const char *from_agent, const char *from_gateway,
                sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row **rows = sc_xcalloc(s->in.n + 1, sizeof(struct mem_row *));
    size_t n = 0;
    (void)err;
    for (size_t i = 0; i < s->in.n; i++)
        if (in_lane(s->in.v[i], to_agent, from_agent, from_gateway) &&
            s->in.v[i]->st.stage == SC_STAGE_STORED)
            rows[n++] = s->in.v[i];
    qsort(rows, n, sizeof *rows, by_seq);
    visit(rows, n, SC_LIST_MAX, false, fn, ctx);
    free(rows);
    return SC_OK;
}

int mem_in_last(void *impl, const struct sc_id *id, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(&s->in, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change(s, row);
    row->st.place = ++s->places;
    return SC_OK;
}

int mem_in_ack(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
               struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(&s->in, id);
    if (!row || row->st.gone || !sc_streq(row->rec.msg.to_agent, agent))
        return sc_fail(err, SC_ENOENT, "no such message");
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change(s, row);
    row->st.acked = true;
    if (!row->st.settled)
        row->st.settled_ms = at.ms;
    row->st.settled = true;
    return SC_OK;
}

int mem_in_reply_to(void *impl, const struct sc_id *id, struct sc_record *ret, struct sc_err *err)
{
    struct mem_spool *s = impl;
    for (size_t i = 0; i < s->in.n; i++) {
        struct mem_row *row = s->in.v[i];
        if (row->st.gone || !sc_id_eq(&row->rec.msg.in_reply_to, id))
            continue;
        mem_copy(row, ret);
        return SC_OK;
    }
    return sc_fail(err, SC_ENOENT, "no reply to that message");
}
