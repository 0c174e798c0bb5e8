/* The incoming half of the fake spool. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_spool_internal.h"

int mem_in_put(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
               char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct mem_spool *s = impl;
    const struct mem_row *known = mem_find(&s->in, &m->id);
    if (known) {
        *stage = known->st.stage;
        memcpy(ret_reason, known->st.reason, SC_REASON_MAX);
        return SC_EEXIST;
    }
    int r = mem_begin(s, err);
    if (r == SC_OK)
        r = mem_room(s, err);
    if (r < 0)
        return r;
    struct mem_row *row = mem_insert(s, &s->in, m);
    row->st.stage = SC_STAGE_STORED;
    row->st.times[SC_STAGE_STORED] = now;
    if (*stage != SC_STAGE_STORED)
        mem_move(row, *stage, now, NULL);
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
    for (size_t i = 0; i < s->in.n; i++) {
        struct mem_row *row = s->in.v[i];
        if (in_lane(row, to_agent, from_agent, from_gateway) &&
            (!head || row->rec.msg.seq < head->rec.msg.seq))
            head = row;
    }
    if (!head)
        return SC_ENOENT;
    mem_copy(head, ret);
    return SC_OK;
}

int mem_in_lanes(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    for (size_t i = 0; i < s->in.n; i++) {
        const struct sc_message *m = &s->in.v[i]->rec.msg;
        bool first = !s->in.v[i]->st.settled;
        for (size_t k = 0; k < i && first; k++)
            first = !in_lane(s->in.v[k], m->to_agent, m->from_agent, m->from_gateway);
        if (first)
            fn(ctx, m->to_agent, m->from_agent, m->from_gateway);
    }
    return SC_OK;
}

static bool want_unread(const struct mem_row *row, const char *agent, bool all)
{
    return sc_streq(row->rec.msg.to_agent, agent) && (all || !row->st.acked);
}

int mem_in_list(void *impl, const char *agent, bool all, int limit, sc_record_fn *fn, void *ctx,
                struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    return mem_list(&s->in, want_unread, agent, all, limit, fn, ctx);
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
