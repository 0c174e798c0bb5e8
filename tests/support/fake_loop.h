/* fake_loop.h: the contract of loop.h on fake time, without libevent. Linking fake_loop.c replaces
 * base/loop.c: timers, deferred calls and hooks behave alike; there are no file descriptors. */
#ifndef SIDECLAW_TESTS_FAKE_LOOP_H
#define SIDECLAW_TESTS_FAKE_LOOP_H

#include "sideclaw/loop.h"

/* `now` is the world's monotonic milliseconds (borrowed). */
struct sc_loop *fake_loop_new(const int64_t *now);
/* When it wants its next turn, in milliseconds; INT64_MAX: not by itself. */
int64_t fake_loop_next(const struct sc_loop *loop);
/* One turn at this moment: timers that are due, deferred calls, hooks, deferred calls. */
void fake_loop_turn(struct sc_loop *loop);
/* The machine slept for so long: its timers, which do not count that time, are late. */
void fake_loop_slept(struct sc_loop *loop, int64_t ms);
/* Forget deferred calls and hooks: the process died. Timers are freed by their owners. */
void fake_loop_crash(struct sc_loop *loop);
/* What a dead process leaves behind (the context of a call that will never come) stays reachable,
 * so that a leak checker reports real leaks only. */
void fake_loop_bury(void *ctx);
/* Turns so far. */
uint64_t fake_loop_turns(const struct sc_loop *loop);

#endif
