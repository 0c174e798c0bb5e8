#include "support/fake_loop.h"

#include <stdlib.h>

#include "../../src/base/turn.h"
#include "sideclaw/mem.h"

struct sc_timer {
    struct sc_loop *loop;
    struct sc_timer *next;
    sc_loop_fn *fn;
    void *ctx;
    int64_t due;    /* INT64_MAX: not armed */
    uint64_t armed; /* order of arming, which breaks ties */
};

struct sc_loop {
    const int64_t *now;
    struct sc_timer *timers;
    uint64_t armings, turns;
    bool crashed;
    struct sc_turn turn;
};

struct sc_loop *fake_loop_new(const int64_t *now)
{
    struct sc_loop *loop = sc_xcalloc(1, sizeof *loop);
    loop->now = now;
    return loop;
}

void sc_loop_free(struct sc_loop *loop)
{
    if (!loop)
        return;
    /* Somebody forgot one; or died with it, waiting for a deferred free. */
    sc_assert(loop->crashed || !loop->timers);
    sc_turn_fini(&loop->turn);
    free(loop);
}

uint64_t fake_loop_turns(const struct sc_loop *loop)
{
    return loop->turns;
}

static struct sc_timer *earliest(const struct sc_loop *loop)
{
    struct sc_timer *best = NULL;
    for (struct sc_timer *t = loop->timers; t; t = t->next)
        if (t->due != INT64_MAX &&
            (!best || t->due < best->due || (t->due == best->due && t->armed < best->armed)))
            best = t;
    return best;
}

int64_t fake_loop_next(const struct sc_loop *loop)
{
    if (loop->turn.n_deferred)
        return *loop->now;
    const struct sc_timer *t = earliest(loop);
    return t ? t->due : INT64_MAX;
}

/* As libevent: what a callback arms with 0 fires in the next turn, not in this one. */
static void run_timers(struct sc_loop *loop)
{
    uint64_t before = loop->armings;
    for (;;) {
        struct sc_timer *due = NULL;
        for (struct sc_timer *t = loop->timers; t; t = t->next)
            if (t->due <= *loop->now && t->armed <= before && t->due != INT64_MAX &&
                (!due || t->due < due->due || (t->due == due->due && t->armed < due->armed)))
                due = t;
        if (!due)
            return;
        due->due = INT64_MAX;
        due->fn(due->ctx);
    }
}

void fake_loop_turn(struct sc_loop *loop)
{
    loop->turns++;
    run_timers(loop);
    sc_turn_end(&loop->turn);
}

void fake_loop_slept(struct sc_loop *loop, int64_t ms)
{
    for (struct sc_timer *t = loop->timers; t; t = t->next)
        if (t->due != INT64_MAX)
            t->due += ms;
}

void fake_loop_bury(void *ctx)
{
    static void **graves; /* for ever: that is what it is for */
    static size_t n, cap;
    if (n == cap) {
        cap = cap ? cap * 2 : 64;
        graves = sc_xrealloc(graves, cap * sizeof(void *));
    }
    graves[n++] = ctx;
}

void fake_loop_crash(struct sc_loop *loop)
{
    struct sc_turn *t = &loop->turn;
    for (size_t i = t->next_deferred; i < t->n_deferred; i++)
        if (t->deferred[i].fn)
            fake_loop_bury(t->deferred[i].ctx);
    t->n_deferred = t->next_deferred = 0;
    t->hooks = t->next_hook = NULL;
    loop->crashed = true;
}

int sc_loop_turn(struct sc_loop *loop, int max_wait_ms, struct sc_err *err)
{
    (void)max_wait_ms;
    (void)err;
    fake_loop_turn(loop);
    return SC_OK;
}

void sc_loop_defer(struct sc_loop *loop, sc_loop_fn *fn, void *ctx)
{
    sc_turn_defer(&loop->turn, fn, ctx);
}

void sc_loop_undefer(struct sc_loop *loop, sc_loop_fn *fn, void *ctx)
{
    sc_turn_undefer(&loop->turn, fn, ctx);
}

void sc_loop_hook_add(struct sc_loop *loop, struct sc_turn_hook *hook)
{
    sc_turn_hook_add(&loop->turn, hook);
}

void sc_loop_hook_del(struct sc_loop *loop, struct sc_turn_hook *hook)
{
    sc_turn_hook_del(&loop->turn, hook);
}

struct sc_timer *sc_timer_new(struct sc_loop *loop, sc_loop_fn *fn, void *ctx)
{
    struct sc_timer *t = sc_xcalloc(1, sizeof *t);
    *t = (struct sc_timer){
        .loop = loop, .next = loop->timers, .fn = fn, .ctx = ctx, .due = INT64_MAX
    };
    loop->timers = t;
    return t;
}

void sc_timer_free(struct sc_timer *t)
{
    if (!t)
        return;
    struct sc_timer **p = &t->loop->timers;
    while (*p != t)
        p = &(*p)->next;
    *p = t->next;
    free(t);
}

void sc_timer_arm(struct sc_timer *t, int64_t ms)
{
    int64_t now = *t->loop->now;
    ms = ms < 0 ? 0 : ms;
    t->due = ms >= INT64_MAX - now ? INT64_MAX - 1 : now + ms;
    t->armed = ++t->loop->armings;
}

void sc_timer_disarm(struct sc_timer *t)
{
    t->due = INT64_MAX;
}

bool sc_timer_armed(const struct sc_timer *t)
{
    return t->due != INT64_MAX;
}

/* The rest of loop.h, so that base/loop.c is never linked beside this. */

struct sc_loop *sc_loop_new(struct sc_err *err)
{
    (void)sc_fail(err, SC_EIO, "a loop on fake time is made by fake_loop_new");
    return NULL;
}

struct event_base *sc_loop_event_base(struct sc_loop *loop)
{
    (void)loop;
    return NULL;
}

int sc_loop_run(struct sc_loop *loop, struct sc_err *err)
{
    (void)loop;
    return sc_fail(err, SC_EIO, "fake time is moved by its world");
}

void sc_loop_stop(struct sc_loop *loop)
{
    (void)loop;
}
