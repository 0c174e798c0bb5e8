#include "support/mem_spool.h"

#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "support/fake_loop.h"
#include "support/mem_spool_internal.h"

struct mem_row *mem_find(const struct mem_table *t, const struct sc_id *id)
{
    char key[SC_ID_TEXT_SIZE];
    sc_id_format(id, key);
    return sc_map_get(t->by_id, key);
}

const struct sc_record *mem_view(struct mem_row *row)
{
    struct sc_record *r = &row->rec;
    r->stage = row->st.stage;
    r->attempts = row->st.attempts;
    r->acked = row->st.acked;
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

static void doom(struct mem_spool *s)
{
    (void)sc_fail(&s->failed, SC_EIO, "spool: injected failure");
}

int mem_begin(struct mem_spool *s, struct sc_err *err)
{
    struct mem_spool_faults *f = &s->faults;
    s->writes++;
    if (f->writes_fail || (f->fail_write && --f->fail_write == 0))
        doom(s);
    if (!sc_timer_armed(s->wake))
        sc_timer_arm(s->wake, 0);
    return s->failed.code == SC_OK ? SC_OK : sc_fail(err, s->failed.code, "%s", s->failed.text);
}

static struct mem_undo *journal(struct mem_spool *s)
{
    if (s->n_undo == s->cap_undo) {
        s->cap_undo = s->cap_undo ? s->cap_undo * 2 : 16;
        s->undo = sc_xrealloc(s->undo, s->cap_undo * sizeof *s->undo);
    }
    s->undo[s->n_undo] = (struct mem_undo){ 0 };
    return &s->undo[s->n_undo++];
}

void mem_change(struct mem_spool *s, struct mem_row *row)
{
    struct mem_undo *u = journal(s);
    u->row = row;
    u->before = row->st;
}

void mem_change_seq(struct mem_spool *s, uint64_t *seq)
{
    struct mem_undo *u = journal(s);
    u->seq = seq;
    u->seq_before = *seq;
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
    struct mem_undo *u = journal(s);
    u->row = row;
    u->inserted = true;
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
    if (!sc_stage_settled(row->rec.msg.kind, stage))
        return;
    sc_reason_copy(st->reason, reason);
    st->settled = true;
    st->settled_ms = at.ms;
    st->due = INT64_MAX;
}

static void free_row(struct mem_row *row)
{
    sc_record_fini(&row->rec);
    free(row);
}

/* Rows are inserted at the end of their table, so the last one undone is the last one there. */
static void undo_insert(struct mem_spool *s, struct mem_row *row)
{
    struct mem_table *t = row->rec.incoming ? &s->in : &s->out;
    char key[SC_ID_TEXT_SIZE];
    sc_assert(t->v[t->n - 1] == row);
    t->n--;
    sc_id_format(&row->rec.msg.id, key);
    (void)sc_map_del(t->by_id, key);
    free_row(row);
}

static void rollback(struct mem_spool *s)
{
    while (s->n_undo > 0) {
        struct mem_undo *u = &s->undo[--s->n_undo];
        if (u->seq)
            *u->seq = u->seq_before;
        else if (u->inserted)
            undo_insert(s, u->row);
        else
            u->row->st = u->before;
    }
}

static void run_callbacks(struct mem_spool *s, const struct sc_err *err)
{
    struct mem_callbacks run = s->waiting;
    s->waiting = s->running;
    s->running = run;
    s->in_callbacks = true;
    for (size_t i = 0; i < run.n; i++)
        run.v[i].fn(run.v[i].ctx, err->code == SC_OK ? NULL : err);
    s->in_callbacks = false;
    s->running.n = 0;
}

static void on_turn(void *ctx)
{
    struct mem_spool *s = ctx;
    sc_timer_disarm(s->wake);
    if (s->failed.code == SC_OK && s->n_undo && s->faults.fail_commits) {
        s->faults.fail_commits--;
        doom(s);
    }
    struct sc_err err = s->failed;
    if (err.code != SC_OK)
        rollback(s);
    s->commits += s->n_undo > 0;
    s->n_undo = 0;
    s->failed = (struct sc_err)SC_ERR_INIT;
    run_callbacks(s, &err); /* what they write is the next commit's */
}

static void on_wake(void *ctx)
{
    (void)ctx; /* the turn that this timer makes is all that is wanted: its hook commits */
}

void mem_spool_attach(struct mem_spool *s, struct sc_loop *loop)
{
    s->loop = loop;
    s->wake = sc_timer_new(loop, on_wake, s);
    s->hook = (struct sc_turn_hook){ .fn = on_turn, .ctx = s };
    sc_loop_hook_add(loop, &s->hook);
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

void mem_spool_crash(struct mem_spool *s)
{
    rollback(s);
    s->failed = (struct sc_err)SC_ERR_INIT;
    for (size_t i = 0; i < s->waiting.n; i++)
        fake_loop_bury(s->waiting.v[i].ctx);
    s->waiting.n = s->running.n = 0;
    sc_loop_hook_del(s->loop, &s->hook);
    sc_timer_free(s->wake);
    s->wake = NULL;
    s->loop = NULL;
}

static void free_table(struct mem_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free_row(t->v[i]);
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

static void expire_table(struct mem_spool *s, struct mem_table *t, int64_t before)
{
    for (size_t i = 0; i < t->n; i++) {
        struct mem_row *row = t->v[i];
        if (!row->st.settled || row->st.gone || row->st.settled_ms > before)
            continue;
        mem_change(s, row);
        row->st.gone = true;
    }
}

static int expire(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err)
{
    struct mem_spool *s = impl;
    int r = mem_begin(s, err);
    if (r < 0)
        return r;
    expire_table(s, &s->out, now.ms - retention_ms);
    expire_table(s, &s->in, now.ms - retention_ms);
    return SC_OK;
}

static void after_commit(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct mem_spool *s = impl;
    struct mem_callbacks *w = &s->waiting;
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->v = sc_xrealloc(w->v, w->cap * sizeof *w->v);
    }
    w->v[w->n++] = (struct mem_callback){ .fn = fn, .ctx = ctx };
    if (!sc_timer_armed(s->wake))
        sc_timer_arm(s->wake, 0);
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
    .out_defer = mem_out_defer,
    .out_due = mem_out_due,
    .out_hurry = mem_out_hurry,
    .out_next_due = mem_out_next_due,
    .out_list = mem_out_list,
    .in_put = mem_in_put,
    .in_advance = mem_in_advance,
    .in_head = mem_in_head,
    .in_lanes = mem_in_lanes,
    .in_list = mem_in_list,
    .in_rest = mem_in_rest,
    .in_last = mem_in_last,
    .in_ack = mem_in_ack,
    .in_reply_to = mem_in_reply_to,
    .get = get,
    .expire = expire,
    .after_commit = after_commit,
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
