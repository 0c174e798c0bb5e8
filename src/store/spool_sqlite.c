/* The spool: opens, commits at the end of a turn, tells those who wait for it. */
#include "sideclaw/spool_sqlite.h"

#include <stdlib.h>

#include "sideclaw/mem.h"
#include "spool_internal.h"

/* How long writes that nobody waits for (stages passed, retries counted) may share a transaction
 * with later ones. A crash forgets at most that much, and all of it is learned again: a message is
 * sent once more, and its receiver says how far it got. Without it, every answer of Redis costs an
 * fsync. */
enum { LAZY_MS = 20 };

static void on_turn(void *ctx)
{
    struct sc_spool_sqlite *s = ctx;
    bool lazy = !s->hurried && s->failed.code == SC_OK;
    if (!lazy || s->lazy_over)
        sc_spool_sqlite_commit(s);
    if ((s->open || s->waiting.n > 0 || !TAILQ_EMPTY(&s->dirty)) && !sc_timer_armed(s->lazy))
        sc_timer_arm(s->lazy, LAZY_MS);
}

static void on_lazy(void *ctx)
{
    struct sc_spool_sqlite *s = ctx;
    s->lazy_over = true; /* this turn's hook commits */
}

static void on_wake(void *ctx)
{
    (void)ctx; /* the turn that this timer makes is all that is wanted: its hook commits */
}

struct sc_spool_sqlite *sc_spool_sqlite_new(const struct sc_spool_sqlite_deps *deps,
                                            struct sc_err *err)
{
    struct sc_spool_sqlite *s = sc_xcalloc(1, sizeof *s);
    s->loop = deps->loop;
    s->log = deps->log;
    s->clock = sc_clock_system();
    sc_histogram_init(&s->commit_seconds, &sc_scale_quick);
    s->path = sc_xstrdup(deps->path);
    s->max_bytes = deps->max_bytes;
    s->max_messages = deps->max_messages;
    sc_spool_sqlite_set_queues(s, deps->max_outgoing, deps->max_waiting);
    s->health = sc_spool_health_new(s, deps->health, deps->ctx);
    s->wake = sc_timer_new(deps->loop, on_wake, s);
    s->lazy = sc_timer_new(deps->loop, on_lazy, s);
    sc_spool_recent_init(s);
    sc_spool_seq_init(s);
    s->lock_fd = sc_spool_lock(s->path, err);
    if (s->lock_fd < 0 || sc_spool_open_db(s, deps->full_sync, err) < 0 ||
        sc_spool_prepare(s, err) < 0 || sc_spool_count(s, err) < 0 ||
        sc_spool_queues_load(s, err) < 0) {
        sc_spool_sqlite_free(s);
        return NULL;
    }
    s->hook = (struct sc_turn_hook){ .fn = on_turn, .ctx = s };
    sc_loop_hook_add(s->loop, &s->hook);
    return s;
}

void sc_spool_sqlite_set_queues(struct sc_spool_sqlite *s, int64_t max_outgoing,
                                int64_t max_waiting)
{
    s->max_queue[false] = max_outgoing;
    s->max_queue[true] = max_waiting;
}

static int commit_timed(struct sc_spool_sqlite *s, struct sc_err *err)
{
    sc_tick began = sc_clock_tick(&s->clock);
    int r = sc_spool_end(s, err);
    sc_histogram_since(&s->commit_seconds, &s->clock, began);
    s->commits++;
    return r;
}

/* Ends the turn's transaction; err keeps its code SC_OK when everything is on disk. */
static void end_turn(struct sc_spool_sqlite *s, struct sc_err *err)
{
    if (s->failed.code == SC_OK && s->open)
        (void)commit_timed(s, err); /* err is what is looked at */
    if (s->failed.code != SC_OK) {
        *err = s->failed;
        s->failed_commits++;
        sc_spool_health_bad(s->health, err);
        sc_log_error(s->log, "spool.commit_failed", SC_S("reason", err->text),
                     SC_S("remedy", err->remedy));
    }
    s->failed = (struct sc_err)SC_ERR_INIT;
    s->in_fresh = 0;
}

static void run_callbacks(struct sc_spool_sqlite *s, const struct sc_err *err)
{
    struct spool_callbacks run = s->waiting;
    s->waiting = s->running;
    s->running = run;
    s->hurried = false; /* what callbacks ask for is the next commit's */
    s->in_callbacks = true;
    for (size_t i = 0; i < run.n; i++)
        run.v[i].fn(run.v[i].ctx, err->code == SC_OK ? NULL : err);
    s->in_callbacks = false;
    s->running.n = 0;
}

void sc_spool_sqlite_commit(struct sc_spool_sqlite *s)
{
    struct sc_err err = SC_ERR_INIT;
    if (s->in_callbacks)
        return; /* what callbacks write is the next commit's */
    sc_timer_disarm(s->wake);
    if (s->lazy_over) /* a doomed turn tells by itself */
        (void)sc_spool_recent_write(s, NULL);
    s->lazy_over = false;
    end_turn(s, &err);
    if (TAILQ_EMPTY(&s->dirty))
        sc_timer_disarm(s->lazy);
    run_callbacks(s, &err);
}

static void after_commit_soon(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct sc_spool_sqlite *s = impl;
    struct spool_callbacks *w = &s->waiting;
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->v = sc_xrealloc(w->v, w->cap * sizeof *w->v);
    }
    w->v[w->n++] = (struct spool_callback){ .fn = fn, .ctx = ctx };
    if (!sc_timer_armed(s->lazy))
        sc_timer_arm(s->lazy, LAZY_MS);
}

static void after_commit(void *impl, sc_commit_fn *fn, void *ctx)
{
    struct sc_spool_sqlite *s = impl;
    after_commit_soon(impl, fn, ctx);
    s->hurried = true;
    if (!sc_timer_armed(s->wake))
        sc_timer_arm(s->wake, 0);
}

static int get(void *impl, const struct sc_id *id, bool incoming, struct sc_record *ret,
               struct sc_err *err)
{
    struct sc_spool_sqlite *s = impl;
    enum spool_stmt which = incoming ? ST_IN_BY_ID : ST_OUT_BY_ID;
    int r = incoming ? SC_OK : sc_spool_recent_write(s, err);
    if (r < 0)
        return r;
    sc_spool_bind_id(s->stmt[which], 1, id);
    return sc_spool_record(s, which, ret, err);
}

static void stats(void *impl, struct sc_spool_stats *ret)
{
    const struct sc_spool_sqlite *s = impl;
    *ret = (struct sc_spool_stats){
        .outbox_open = s->now.outbox_open,
        .inbox_open = s->now.inbox_open,
        .messages = s->now.messages,
        .bytes = s->now.bytes,
        .max_messages = s->max_messages,
        .max_bytes = s->max_bytes,
        .dead = { s->now.dead[0], s->now.dead[1] },
        .ambiguous = { s->now.ambiguous[0], s->now.ambiguous[1] },
        .full = s->full,
        .agent_full = s->agent_full,
        .commits = s->commits,
        .failed_commits = s->failed_commits,
        .commit_seconds = s->commit_seconds,
    };
}

static const struct sc_spool_ops ops = {
    .out_put = sc_spool_out_put,
    .out_advance = sc_spool_out_advance,
    .out_stage = sc_spool_out_stage,
    .out_retry = sc_spool_out_retry,
    .out_note = sc_spool_out_note,
    .out_defer = sc_spool_out_defer,
    .out_address = sc_spool_out_address,
    .out_due = sc_spool_out_due,
    .out_hurry = sc_spool_hurry,
    .out_next_due = sc_spool_out_next_due,
    .out_leaders = sc_spool_out_leaders,
    .out_list = sc_spool_out_list,
    .out_reply_to = sc_spool_out_reply_to,
    .in_put = sc_spool_in_put,
    .in_refuse = sc_spool_in_refuse,
    .in_stage = sc_spool_in_stage,
    .in_advance = sc_spool_in_advance,
    .in_head = sc_spool_in_head,
    .in_lanes = sc_spool_in_lanes,
    .in_list = sc_spool_in_list,
    .in_rest = sc_spool_in_rest,
    .in_last = sc_spool_in_last,
    .in_ack = sc_spool_in_ack,
    .in_reply_to = sc_spool_in_reply_to,
    .dead_list = sc_spool_dead_list,
    .dead_drop = sc_spool_dead_drop,
    .out_revive = sc_spool_out_revive,
    .out_retried = sc_spool_out_retried,
    .in_revive = sc_spool_in_revive,
    .get = get,
    .expire = sc_spool_expire,
    .after_commit = after_commit,
    .after_commit_soon = after_commit_soon,
    .stats = stats,
};

struct sc_spool sc_spool_sqlite_port(struct sc_spool_sqlite *s)
{
    return (struct sc_spool){ .ops = &ops, .impl = s };
}

static void close_db(struct sc_spool_sqlite *s)
{
    for (size_t i = 0; i < SPOOL_STMTS; i++)
        (void)sqlite3_finalize(s->stmt[i]); /* repeats the error of its last step */
    sc_assert(sqlite3_close(s->db) == SQLITE_OK);
}

/* Callbacks that still wait do not run: their owners may be gone. What was written is kept. */
void sc_spool_sqlite_free(struct sc_spool_sqlite *s)
{
    if (!s)
        return;
    if (s->hook.fn)
        sc_loop_hook_del(s->loop, &s->hook);
    /* Nobody is left to be told of a failure; uncommitted was never promised. */
    if (s->hook.fn && sc_spool_recent_write(s, NULL) == SC_OK && s->open)
        (void)sc_spool_end(s, NULL);
    sc_spool_recent_fini(s);
    sc_spool_seq_fini(s);
    sc_spool_memory_clear(s);
    close_db(s);
    if (s->lock_fd >= 0)
        sc_spool_unlock(s->lock_fd);
    sc_timer_free(s->wake);
    sc_timer_free(s->lazy);
    sc_spool_health_free(s->health);
    sc_spool_queues_free(s);
    sc_spool_hurry_clear(s);
    free(s->hurry);
    free(s->waiting.v);
    free(s->running.v);
    free(s->path);
    free(s);
}
