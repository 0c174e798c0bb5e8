#include "sideclaw/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>

#include "sideclaw/mem.h"
#include "turn.h"

struct sc_loop {
    struct event_base *base;
    bool stopped;
    struct sc_turn turn;
    struct event *wake; /* bounds the wait of sc_loop_turn */
};

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx; /* waking is all it is for */
}

struct sc_loop *sc_loop_new(struct sc_err *err)
{
    struct sc_loop *loop = sc_xcalloc(1, sizeof *loop);
    struct event_config *cfg = event_config_new();
    if (cfg) {
        /* Timers to the microsecond: the latency targets are below epoll's millisecond. */
        (void)event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
        loop->base = event_base_new_with_config(cfg);
        event_config_free(cfg);
    }
    if (loop->base)
        loop->wake = evtimer_new(loop->base, on_wake, NULL);
    if (!loop->wake) {
        sc_loop_free(loop);
        (void)sc_fail(err, SC_EIO, "libevent gives no event base");
        return NULL;
    }
    return loop;
}

void sc_loop_free(struct sc_loop *loop)
{
    if (!loop)
        return;
    sc_turn_run_deferred(&loop->turn); /* what was freed since the last turn */
    if (loop->wake)
        event_free(loop->wake);
    if (loop->base)
        event_base_free(loop->base);
    sc_turn_fini(&loop->turn);
    free(loop);
}

struct event_base *sc_loop_event_base(struct sc_loop *loop)
{
    return loop->base;
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

int sc_loop_turn(struct sc_loop *loop, int max_wait_ms, struct sc_err *err)
{
    if (max_wait_ms >= 0) {
        struct timeval tv = { .tv_sec = max_wait_ms / 1000, .tv_usec = max_wait_ms % 1000 * 1000L };
        (void)event_add(loop->wake, &tv);
    }
    /* ONCE always: NONBLOCK alone goes on while anything is active, so a timer that is due again at
     * once would never let the turn end. */
    int flags = loop->turn.n_deferred ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE;
    int r = event_base_loop(loop->base, flags);
    (void)event_del(loop->wake);
    if (r < 0)
        return sc_fail(err, SC_EIO, "libevent's loop failed");
    sc_turn_end(&loop->turn);
    return SC_OK;
}

int sc_loop_run(struct sc_loop *loop, struct sc_err *err)
{
    while (!loop->stopped) {
        int r = sc_loop_turn(loop, -1, err);
        if (r < 0)
            return r;
    }
    return SC_OK;
}

void sc_loop_stop(struct sc_loop *loop)
{
    loop->stopped = true;
    (void)event_base_loopbreak(loop->base);
}

struct sc_timer {
    struct event *ev;
    sc_loop_fn *fn;
    void *ctx;
};

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct sc_timer *t = ctx;
    (void)fd;
    (void)what;
    t->fn(t->ctx);
}

struct sc_timer *sc_timer_new(struct sc_loop *loop, sc_loop_fn *fn, void *ctx)
{
    struct sc_timer *t = sc_xcalloc(1, sizeof *t);
    t->fn = fn;
    t->ctx = ctx;
    t->ev = evtimer_new(loop->base, on_timer, t);
    sc_assert(t->ev);
    return t;
}

void sc_timer_free(struct sc_timer *t)
{
    if (!t)
        return;
    event_free(t->ev);
    free(t);
}

void sc_timer_arm(struct sc_timer *t, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
    (void)event_add(t->ev, &tv);
}

void sc_timer_disarm(struct sc_timer *t)
{
    (void)event_del(t->ev);
}

bool sc_timer_armed(const struct sc_timer *t)
{
    return event_pending(t->ev, EV_TIMEOUT, NULL) != 0;
}

struct sc_io {
    struct event *ev;
    sc_io_fn *fn;
    void *ctx;
};

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
    struct sc_io *io = ctx;
    io->fn(io->ctx, fd, (what & EV_READ ? SC_IO_READ : 0) | (what & EV_WRITE ? SC_IO_WRITE : 0));
}

struct sc_io *sc_io_new(struct sc_loop *loop, int fd, int what, sc_io_fn *fn, void *ctx)
{
    struct sc_io *io = sc_xcalloc(1, sizeof *io);
    short flags = EV_PERSIST;
    if (what & SC_IO_READ)
        flags = (short)(flags | EV_READ);
    if (what & SC_IO_WRITE)
        flags = (short)(flags | EV_WRITE);
    io->fn = fn;
    io->ctx = ctx;
    io->ev = event_new(loop->base, fd, flags, on_io, io);
    sc_assert(io->ev);
    (void)event_add(io->ev, NULL);
    return io;
}

void sc_io_free(struct sc_io *io)
{
    if (!io)
        return;
    event_free(io->ev);
    free(io);
}

struct sc_signal {
    struct event *ev;
    sc_signal_fn *fn;
    void *ctx;
};

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct sc_signal *s = ctx;
    (void)what;
    s->fn(s->ctx, fd);
}

struct sc_signal *sc_signal_new(struct sc_loop *loop, int signum, sc_signal_fn *fn, void *ctx)
{
    struct sc_signal *s = sc_xcalloc(1, sizeof *s);
    s->fn = fn;
    s->ctx = ctx;
    s->ev = evsignal_new(loop->base, signum, on_signal, s);
    sc_assert(s->ev);
    (void)event_add(s->ev, NULL);
    return s;
}

void sc_signal_free(struct sc_signal *s)
{
    if (!s)
        return;
    event_free(s->ev);
    free(s);
}
