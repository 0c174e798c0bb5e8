/* The outgoing half of the fake spool. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "support/mem_spool_internal.h"

static uint64_t next_seq(struct mem_spool *s, const struct sc_message *m)
{
    sc_auto_free char *key = sc_xasprintf("%s\x1f%s", m->from_agent, m->to_agent);
    uint64_t *seq = sc_map_get(s->seqs, key);
    if (!seq) {
        seq = sc_xcalloc(1, sizeof *seq);
        (void)sc_map_set(s->seqs, key, seq);
    }
    mem_change_seq(s, seq);
    return ++*seq;
}

int mem_out_put(void *impl, struct sc_message *m, sc_wall now, sc_wall next, struct sc_err *err)
{
    struct mem_spool *s = impl;
    const struct mem_row *known = mem_find(&s->out, &m->id);
    if (known && !known->st.gone)
        return sc_fail(err, SC_EEXIST, "a message with this id was accepted before");
    int r = mem_begin(s, err);
    if (r == SC_OK)
        r = mem_room(s, err);
    if (r < 0)
        return r;
    m->seq = next_seq(s, m);
    struct mem_row *row = mem_insert(s, &s->out, m);
    row->st.stage = SC_STAGE_ACCEPTED;
    row->st.times[SC_STAGE_ACCEPTED] = now;
    row->st.due = next.ms;
    return SC_OK;
}

/* A late word on one that died ambiguous. */
static int resolve(struct mem_spool *s, struct mem_row *row, enum sc_stage stage, sc_wall at,
                   const char *reason, struct sc_err *err)
{
    bool dead = stage == SC_STAGE_DEAD;
    if (stage < SC_STAGE_STORED || (dead && sc_reason_ambiguous(reason)))
        return SC_OK;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change(s, row);
    if (dead) {
        sc_reason_copy(row->st.reason, reason);
        row->st.ambiguous = false;
    } else if (!row->st.times[stage].ms) {
        row->st.times[stage] = at;
    }
    return SC_OK;
}

int mem_out_advance(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                    const char *reason, struct sc_moved *ret_moved, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(&s->out, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    bool moves = sc_fsm_allowed(&sc_stage_fsm, (int)row->st.stage, (int)stage);
    const struct sc_moved moved = { .changed = moves,
                                    .kind = row->rec.msg.kind,
                                    .from = row->st.stage,
                                    .accepted = row->st.times[SC_STAGE_ACCEPTED] };
    if (row->st.stage == SC_STAGE_DEAD && sc_reason_ambiguous(row->st.reason))
        return resolve(s, row, stage, at, reason, err);
    if (moves) {
        int r = mem_begin(s, err);
        if (r < 0)
            return r;
        mem_change(s, row);
        mem_move(row, stage, at, s->bugs.drops_reasons ? NULL : reason);
    }
    if (ret_moved)
        *ret_moved = moved;
    return SC_OK;
}

int mem_out_stage(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                  char ret_reason[SC_REASON_MAX], struct sc_err *err)
{
    struct mem_spool *s = impl;
    const struct mem_row *row = mem_find(&s->out, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    *ret_stage = row->st.stage;
    sc_reason_copy(ret_reason, row->st.reason);
    return SC_OK;
}

static int set_due(struct mem_spool *s, const struct sc_id *id, sc_wall next, unsigned attempts,
                   struct sc_err *err)
{
    struct mem_row *row = mem_find(&s->out, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    if (row->st.settled)
        return SC_OK;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change(s, row);
    row->st.attempts += attempts;
    row->st.due = next.ms;
    if (next.ms == INT64_MAX) { /* parked: history, which goes by age */
        row->st.settled = true;
        row->st.settled_ms = row->st.times[row->st.stage].ms;
    }
    return SC_OK;
}

int mem_out_retry(void *impl, const struct sc_id *id, sc_wall next, const struct sc_attempt *a,
                  struct sc_err *err)
{
    (void)a; /* for people */
    return set_due(impl, id, next, 1, err);
}

/* For people; a write all the same, as the real one is. */
int mem_out_note(void *impl, const struct sc_id *id, const struct sc_attempt *a, struct sc_err *err)
{
    (void)id;
    (void)a;
    return mem_begin(impl, err);
}

int mem_out_defer(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err)
{
    return set_due(impl, id, next, 0, err);
}

int mem_out_address(void *impl, const struct sc_id *id, const char *gateway, struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(&s->out, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    mem_change_address(s, row, gateway);
    return SC_OK;
}

/* fn may write, also to the row it is shown: pointers to rows stay, the table may grow. */
int mem_out_due(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    size_t n = s->bugs.never_due ? 0 : s->out.n;
    (void)err;
    for (size_t i = mem_first_open(&s->out); i < n && limit > 0; i++) {
        struct mem_row *row = s->out.v[i];
        if (row->st.settled || row->st.due > now.ms)
            continue;
        limit--;
        if (!fn(ctx, mem_view(row)))
            break;
    }
    return SC_OK;
}

/* In memory only, as in SQLite: no write, and a crash forgets it. */
int mem_out_hurry(void *impl, const char *gateway, sc_wall now, struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    for (size_t i = mem_first_open(&s->out); i < s->out.n; i++) {
        struct mem_row *row = s->out.v[i];
        const char *to = row->rec.msg.to_gateway;
        if (!row->st.settled && row->st.due > now.ms && (!gateway || !to || sc_streq(gateway, to)))
            row->st.due = now.ms;
    }
    return SC_OK;
}

int mem_out_next_due(void *impl, sc_wall *ret, struct sc_err *err)
{
    struct mem_spool *s = impl;
    int64_t due = INT64_MAX;
    (void)err;
    for (size_t i = mem_first_open(&s->out); i < s->out.n && !s->bugs.never_due; i++)
        if (!s->out.v[i]->st.settled && s->out.v[i]->st.due < due)
            due = s->out.v[i]->st.due;
    ret->ms = due == INT64_MAX ? 0 : due;
    return SC_OK;
}

int mem_list(struct mem_table *t, mem_want_fn *want, const char *agent, bool all, int limit,
             sc_record_fn *fn, void *ctx)
{
    struct mem_row **rows = sc_xcalloc(t->n, sizeof(struct mem_row *));
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!t->v[i]->st.gone && want(t->v[i], agent, all))
            rows[n++] = t->v[i];
    size_t max = limit < 0 ? 0 : (size_t)limit;
    size_t first = all && n > max ? n - max : 0;
    for (size_t i = first; i < n && i < first + max; i++)
        if (!fn(ctx, mem_view(rows[i])))
            break;
    free(rows);
    return SC_OK;
}

static bool want_open(const struct mem_row *row, const char *agent, bool all)
{
    (void)agent;
    return all || !row->st.settled;
}

int mem_out_list(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    return mem_list(&s->out, want_open, NULL, all, limit, fn, ctx);
}

/* Oldest first: whoever keeps the last one he sees of a pair has its leader. */
int mem_out_leaders(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err)
{
    struct mem_spool *s = impl;
    (void)err;
    for (size_t i = mem_first_open(&s->out); i < s->out.n; i++) {
        struct mem_row *row = s->out.v[i];
        if (!row->st.settled && row->rec.msg.kind == SC_KIND_MESSAGE &&
            row->st.stage < SC_STAGE_STORED && !fn(ctx, mem_view(row)))
            break;
    }
    return SC_OK;
}
