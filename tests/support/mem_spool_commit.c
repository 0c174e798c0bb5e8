/* The fake spool's transaction: one a turn, undone when it fails, told when it is through. */
#include <stdlib.h>

#include "sideclaw/mem.h"
#include "support/fake_loop.h"
#include "support/mem_spool_internal.h"

static void doom(struct mem_spool *s)
{
    (void)sc_fail(&s->failed, SC_EIO, "spool: injected failure");
}

int mem_begin(struct mem_spool *s, struct sc_err *err)
{
    struct mem_spool_faults *f = &s->faults;
    s->writes++;
    if (fuse_out(s->fuse) || f->writes_fail || (f->fail_write && --f->fail_write == 0))
        doom(s);
    if (!sc_timer_armed(s->wake))
        sc_timer_arm(s->wake, 0);
    return s->failed.code == SC_OK ? SC_OK : sc_fail(err, s->failed.code, "%s", s->failed.text);
}

static void forget_undo(struct mem_spool *s)
{
    for (size_t i = 0; i < s->n_undo; i++) {
        free(s->undo[i].address);
        if (s->undo[i].row)
            s->undo[i].row->fresh = false;
    }
    s->n_undo = 0;
    s->keeps_undo = false;
}

struct mem_undo *mem_journal(struct mem_spool *s)
{
    if (s->keeps_undo)
        forget_undo(s);
    if (s->n_undo == s->cap_undo) {
        s->cap_undo = s->cap_undo ? s->cap_undo * 2 : 16;
        s->undo = sc_xrealloc(s->undo, s->cap_undo * sizeof *s->undo);
    }
    s->undo[s->n_undo] = (struct mem_undo){ 0 };
    return &s->undo[s->n_undo++];
}

void mem_change(struct mem_spool *s, struct mem_row *row)
{
    struct mem_undo *u = mem_journal(s);
    u->row = row;
    u->before = row->st;
}

void mem_change_address(struct mem_spool *s, struct mem_row *row, const char *gateway)
{
    struct mem_undo *u = mem_journal(s);
    *u = (struct mem_undo){ .row = row,
                            .before = row->st,
                            .addressed = true,
                            .address = sc_steal(&row->rec.msg.to_gateway) };
    row->rec.msg.to_gateway = sc_xstrdup(gateway);
}

void mem_change_seq(struct mem_spool *s, uint64_t *seq)
{
    struct mem_undo *u = mem_journal(s);
    u->seq = seq;
    u->seq_before = *seq;
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
    mem_row_free(row);
}

static void undo_address(struct mem_row *row, char *take_address)
{
    free(row->rec.msg.to_gateway);
    row->rec.msg.to_gateway = take_address;
}

static void undo_change(const struct mem_undo *u)
{
    u->row->st = u->before;
    u->row->fresh = false; /* one that was revived */
}

static void rollback(struct mem_spool *s)
{
    s->out.settled = s->in.settled = 0;
    while (s->n_undo > 0) {
        struct mem_undo *u = &s->undo[--s->n_undo];
        if (u->seq)
            *u->seq = u->seq_before;
        else if (u->inserted)
            undo_insert(s, u->row);
        else
            undo_change(u);
        if (u->addressed)
            undo_address(u->row, sc_steal(&u->address));
    }
}

/* A process that dies on the way is not called any more. */
static void run_callbacks(struct mem_spool *s, const struct sc_err *err)
{
    struct mem_callbacks run = s->waiting;
    s->waiting = s->running;
    s->running = run;
    for (size_t i = 0; i < run.n; i++) {
        if (fuse_out(s->fuse))
            fake_loop_bury(run.v[i].ctx);
        else
            run.v[i].fn(run.v[i].ctx, err->code == SC_OK ? NULL : err);
    }
    s->running.n = 0;
}

/* The inbox first: what the outbox says of a message to ourselves rests on it. */
static void show_commit(const struct mem_spool *s, bool incoming)
{
    for (size_t i = 0; i < s->n_undo && s->spy.committed; i++) {
        struct mem_row *row = s->undo[i].row;
        if (row && row->rec.incoming == incoming && !row->st.gone)
            s->spy.committed(s->spy.ctx, mem_view(row));
    }
}

/* Nobody waits for what was written: it need not be on disk at once. */
static bool may_wait(struct mem_spool *s)
{
    bool waits = s->lazy_ms > 0 && s->waiting.n == 0 && s->failed.code == SC_OK && s->n_undo > 0;
    if (waits && !s->waits)
        sc_timer_arm(s->wake, s->lazy_ms);
    bool first = waits && !s->waits;
    s->waits = waits;
    return first || (waits && sc_timer_armed(s->wake));
}

static void on_turn(void *ctx)
{
    struct mem_spool *s = ctx;
    struct sc_err ok = SC_ERR_INIT;
    if (may_wait(s))
        return;
    s->waits = false;
    sc_timer_disarm(s->wake);
    if (s->bugs.calls_too_early)
        run_callbacks(s, &ok);
    if (s->n_undo && fuse_out(s->fuse))
        doom(s);
    if (s->failed.code == SC_OK && s->n_undo && s->faults.fail_commits) {
        s->faults.fail_commits--;
        doom(s);
    }
    struct sc_err err = s->failed;
    if (err.code != SC_OK)
        rollback(s);
    else {
        show_commit(s, true);
        show_commit(s, false);
    }
    s->commits += s->n_undo > 0;
    s->keeps_undo = s->bugs.loses_commits && s->n_undo > 0;
    if (!s->keeps_undo)
        forget_undo(s);
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

/* The mistake of a spool that does not know what its last life did. */
static void forget_turns(struct mem_spool *s)
{
    for (size_t i = 0; i < s->in.n; i++)
        if (!s->in.v[i]->st.settled)
            s->in.v[i]->st.stage = SC_STAGE_STORED;
}

void mem_spool_crash(struct mem_spool *s)
{
    rollback(s);
    if (s->bugs.reruns)
        forget_turns(s);
    s->fuse = NULL;
    s->waits = false;
    s->failed = (struct sc_err)SC_ERR_INIT;
    for (size_t i = 0; i < s->waiting.n; i++)
        fake_loop_bury(s->waiting.v[i].ctx);
    s->waiting.n = s->running.n = 0;
    sc_loop_hook_del(s->loop, &s->hook);
    sc_timer_free(s->wake);
    s->wake = NULL;
    s->loop = NULL;
}

void mem_after_commit(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct mem_spool *s = impl;
    struct mem_callbacks *w = &s->waiting;
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->v = sc_xrealloc(w->v, w->cap * sizeof *w->v);
    }
    w->v[w->n++] = (struct mem_callback){ .fn = fn, .ctx = ctx };
    if (!sc_timer_armed(s->wake) || s->waits)
        sc_timer_arm(s->wake, 0);
}
