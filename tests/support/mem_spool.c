#include "support/mem_spool.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/mem_spool_internal.h"

enum { DEDUPE_MS = 7 * 24 * 3600 * 1000 };

struct mem_row *mem_find(const struct mem_table *t, const struct sc_id *id)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(id, key);
    return sc_map_get(t->by_id, key);
}

size_t mem_first_open(struct mem_table *t)
{
    while (t->settled < t->n && t->v[t->settled]->st.settled)
        t->settled++;
    return t->settled;
}

const struct sc_record *mem_view(struct mem_row *row)
{
    struct sc_record *r = &row->rec;
    r->stage = row->st.stage;
    r->attempts = row->st.attempts;
    r->acked = row->st.acked;
    r->ambiguous = row->st.ambiguous;
    r->listed = row->st.listed;
    r->retry_of = row->st.retry_of;
    r->retried_as = row->st.retried_as;
    r->revived = row->st.revived;
    memcpy(r->times, row->st.times, sizeof r->times);
    sc_set_str(&r->reason, row->st.stage == SC_STAGE_DEAD ? row->st.reason : NULL);
    return r;
}

void mem_copy(struct mem_row *row, struct sc_record *ret)
{
    const struct sc_record *r = mem_view(row);
    struct sc_message *m = sc_message_copy(&r->msg);
    sc_record_fini(ret);
    *ret = *r;
    ret->msg = *m;
    ret->reason = sc_xstrdup(r->reason);
    free(m);
}

struct mem_row *mem_insert(struct mem_spool *s, struct mem_table *t, const struct sc_message *m)
{
    struct mem_row *row = sc_xcalloc(1, sizeof *row);
    struct sc_message *copy = sc_message_copy(m);
    char key[SC_ID_TEXT_SIZE];
    row->rec.msg = *copy;
    row->rec.incoming = t == &s->in;
    row->st.due = INT64_MAX;
    free(copy);
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->v = sc_xrealloc(t->v, t->cap * sizeof(struct mem_row *));
    }
    t->v[t->n++] = row;
    sc_id_format(&m->id, key);
    (void)sc_map_set(t->by_id, key, row);
    struct mem_undo *u = mem_journal(s);
    u->row = row;
    u->inserted = row->fresh = true;
    return row;
}

int mem_room(const struct mem_spool *s, struct sc_err *err)
{
    size_t max = s->faults.max_messages;
    if (max && s->out.n + s->in.n >= max)
        return sc_fail(err, SC_EFULL, "spool: full with %zu messages", max);
    return SC_OK;
}

void mem_move(struct mem_row *row, enum sc_stage stage, sc_wall at, const char *reason)
{
    struct mem_state *st = &row->st;
    st->stage = stage;
    if (!st->times[stage].ms)
        st->times[stage] = at;
    st->listed = stage == SC_STAGE_DEAD;
    st->ambiguous = st->ambiguous || (st->listed && sc_reason_ambiguous(reason));
    if (!sc_stage_settled(row->rec.msg.kind, stage))
        return;
    sc_reason_copy(st->reason, reason);
    st->settled = true;
    st->settled_ms = at.ms;
    st->due = INT64_MAX;
}

void mem_row_free(struct mem_row *row)
{
    sc_record_fini(&row->rec);
    free(row);
}

struct mem_spool *mem_spool_new(struct sc_loop *loop)
{
    struct mem_spool *s = sc_xcalloc(1, sizeof *s);
    s->out.by_id = sc_map_new();
    s->in.by_id = sc_map_new();
    s->seqs = sc_map_new();
    mem_spool_attach(s, loop);
    return s;
}

void mem_spool_burn(struct mem_spool *s, struct fuse *fuse)
{
    s->fuse = fuse;
}

void mem_spool_lazy(struct mem_spool *s, int64_t ms)
{
    s->lazy_ms = ms;
}

void mem_spool_watch(struct mem_spool *s, const struct mem_spool_spy *spy)
{
    s->spy = *spy;
}

struct mem_spool_bugs *mem_spool_bugs(struct mem_spool *s)
{
    return &s->bugs;
}

static void free_table(struct mem_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        mem_row_free(t->v[i]);
    free(t->v);
    sc_map_free(t->by_id, NULL);
}

void mem_spool_free(struct mem_spool *s)
{
    if (!s)
        return;
    if (s->loop)
        mem_spool_crash(s);
    free_table(&s->out);
    free_table(&s->in);
    sc_map_free(s->seqs, free);
    free(s->undo);
    free(s->waiting.v);
    free(s->running.v);
    free(s);
}

static int get(void *impl, const struct sc_id *id, bool incoming, struct sc_record *ret,
               struct sc_err *err)
{
    struct mem_spool *s = impl;
    struct mem_row *row = mem_find(incoming ? &s->in : &s->out, id);
    if (!row || row->st.gone)
        return sc_fail(err, SC_ENOENT, "no such message");
    mem_copy(row, ret);
    return SC_OK;
}

/* As spool_room.c: the messages go by the retention, the ids of incoming ones a week later. */
static void expire_table(struct mem_spool *s, struct mem_table *t, int64_t now, int64_t before)
{
    for (size_t i = 0; i < t->n; i++) {
        struct mem_row *row = t->v[i];
        bool ages = row->st.settled && !row->st.gone && row->st.settled_ms <= before;
        bool fades = row->st.gone && !row->st.forgotten && row->st.gone_ms < now - DEDUPE_MS;
        if (!ages && !fades)
            continue;
        mem_change(s, row);
        row->st.forgotten = fades;
        row->st.gone = true;
        if (ages)
            row->st.gone_ms = now;
    }
}

static int expire(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err)
{
    struct mem_spool *s = impl;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    expire_table(s, &s->out, now.ms, now.ms - retention_ms);
    expire_table(s, &s->in, now.ms, now.ms - retention_ms);
    return SC_OK;
}

static int64_t count_open(const struct mem_table *t)
{
    int64_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += !t->v[i]->st.settled;
    return n;
}

static void stats(void *impl, struct sc_spool_stats *ret)
{
    const struct mem_spool *s = impl;
    *ret = (struct sc_spool_stats){ .outbox_open = count_open(&s->out),
                                    .inbox_open = count_open(&s->in),
                                    .commits = (int64_t)s->commits };
}

static const struct sc_spool_ops ops = {
    .out_put = mem_out_put,
    .out_advance = mem_out_advance,
    .out_stage = mem_out_stage,
    .out_retry = mem_out_retry,
    .out_note = mem_out_note,
    .out_defer = mem_out_defer,
    .out_address = mem_out_address,
    .out_due = mem_out_due,
    .out_hurry = mem_out_hurry,
    .out_next_due = mem_out_next_due,
    .out_leaders = mem_out_leaders,
    .out_list = mem_out_list,
    .out_reply_to = mem_out_reply_to,
    .in_put = mem_in_put,
    .in_refuse = mem_in_refuse,
    .in_stage = mem_in_stage,
    .in_advance = mem_in_advance,
    .in_head = mem_in_head,
    .in_lanes = mem_in_lanes,
    .in_list = mem_in_list,
    .in_rest = mem_in_rest,
    .in_last = mem_in_last,
    .in_ack = mem_in_ack,
    .in_reply_to = mem_in_reply_to,
    .dead_list = mem_dead_list,
    .dead_drop = mem_dead_drop,
    .out_revive = mem_out_revive,
    .out_retried = mem_out_retried,
    .in_revive = mem_in_revive,
    .get = get,
    .expire = expire,
    .after_commit = mem_after_commit,
    .stats = stats,
};

struct sc_spool mem_spool_port(struct mem_spool *s)
{
    return (struct sc_spool){ .ops = &ops, .impl = s };
}

struct mem_spool_faults *mem_spool_faults(struct mem_spool *s)
{
    return &s->faults;
}

static const struct sc_record *look(const struct mem_table *t, const struct sc_id *id)
{
    struct mem_row *row = mem_find(t, id);
    return row && !row->st.gone ? mem_view(row) : NULL;
}

const struct sc_record *mem_spool_out(const struct mem_spool *s, const struct sc_id *id)
{
    return look(&s->out, id);
}

const struct sc_record *mem_spool_in(const struct mem_spool *s, const struct sc_id *id)
{
    return look(&s->in, id);
}

bool mem_spool_expired(const struct mem_spool *s, const struct sc_id *id)
{
    const struct mem_row *row = mem_find(&s->out, id);
    return row && row->st.gone;
}

int64_t mem_spool_due(const struct mem_spool *s, const struct sc_id *id)
{
    const struct mem_row *row = mem_find(&s->out, id);
    return row ? row->st.due : INT64_MAX;
}

bool mem_spool_dirty(const struct mem_spool *s)
{
    return s->n_undo > 0;
}

uint64_t mem_spool_writes(const struct mem_spool *s)
{
    return s->writes;
}
