/* loop.h: the contract over libevent. True for every asynchronous call of the project:
 *  (a) start returns an error *or* 0; after 0 its completion runs exactly once, from the loop,
 * never before start has returned; (b) after _cancel it does not run; (c) a callback first clears
 * the handle that fired; (d) nothing frees itself while its own callback is on the stack:
 * sc_loop_defer(loop, fn, obj) runs at the end of the turn; (e) _close fails what is pending
 * (queued), _free asserts that nothing is left; (f) nothing blocks the loop but SQLite's commit,
 * which the spool's histogram watches. One turn: events that are ready -> deferred calls -> turn
 * hooks (in order of registration; the spool commits in one) -> deferred calls made by hooks. */
#ifndef SIDECLAW_LOOP_H
#define SIDECLAW_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/err.h"

struct event_base; /* libevent's; for evhttp, hiredis and curl adapters only */
struct sc_loop;

struct sc_loop *sc_loop_new(struct sc_err *err);
/* Runs what is still deferred: frees that no turn came to. */
void sc_loop_free(struct sc_loop *loop);
struct event_base *sc_loop_event_base(struct sc_loop *loop);

/* sc_loop_run: turns until sc_loop_stop. SC_EIO when libevent fails. */
int sc_loop_run(struct sc_loop *loop, struct sc_err *err) SC_MUST_CHECK;
void sc_loop_stop(struct sc_loop *loop);
/* One turn; waits for an event at most `max_wait_ms` (-1: for ever). For tests and for draining. */
int sc_loop_turn(struct sc_loop *loop, int max_wait_ms, struct sc_err *err) SC_MUST_CHECK;

typedef void sc_loop_fn(void *ctx);

/* sc_loop_defer: run fn(ctx) at the end of this turn. sc_loop_undefer removes all with that fn and
 * ctx. */
void sc_loop_defer(struct sc_loop *loop, sc_loop_fn *fn, void *ctx);
void sc_loop_undefer(struct sc_loop *loop, sc_loop_fn *fn, void *ctx);

/* End-of-turn hooks, embedded in their owner. */
struct sc_turn_hook {
    sc_loop_fn *fn;
    void *ctx;
    struct sc_turn_hook *next;
};
void sc_loop_hook_add(struct sc_loop *loop, struct sc_turn_hook *hook);
void sc_loop_hook_del(struct sc_loop *loop, struct sc_turn_hook *hook);

/* One-shot timers. */
struct sc_timer;
struct sc_timer *sc_timer_new(struct sc_loop *loop, sc_loop_fn *fn, void *ctx);
void sc_timer_free(struct sc_timer *t); /* NULL is fine; also disarms */
void sc_timer_arm(struct sc_timer *t, int64_t ms);
void sc_timer_disarm(struct sc_timer *t);
bool sc_timer_armed(const struct sc_timer *t);

/* Readiness of a file descriptor (persistent until freed). */
enum { SC_IO_READ = 1, SC_IO_WRITE = 2 };
typedef void sc_io_fn(void *ctx, int fd, int what);
struct sc_io;
struct sc_io *sc_io_new(struct sc_loop *loop, int fd, int what, sc_io_fn *fn, void *ctx);
void sc_io_free(struct sc_io *io);

/* Signals, from the loop. */
struct sc_signal;
typedef void sc_signal_fn(void *ctx, int signum);
struct sc_signal *sc_signal_new(struct sc_loop *loop, int signum, sc_signal_fn *fn, void *ctx);
void sc_signal_free(struct sc_signal *s);

#endif
