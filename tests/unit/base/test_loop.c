#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sideclaw/clock.h"
#include "sideclaw/loop.h"

/* Every test writes down what ran, one letter each. */
struct trace {
    struct sc_loop *loop;
    char s[64];
    struct sc_timer *timer;
    struct sc_turn_hook hook, other;
};

static void put(struct trace *t, char c)
{
    size_t n = strlen(t->s);
    cr_assert_lt(n, sizeof t->s - 1);
    t->s[n] = c;
    t->s[n + 1] = 0;
}

static void turn(struct trace *t)
{
    struct sc_err err = SC_ERR_INIT;
    cr_assert_eq(sc_loop_turn(t->loop, 0, &err), SC_OK);
}

static void turn_until(struct trace *t, const char *want)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_clock c = sc_clock_system();
    for (int64_t end = sc_clock_mono(&c).ms + 5000; strcmp(t->s, want) != 0;) {
        cr_assert_lt(sc_clock_mono(&c).ms, end, "'%s' instead of '%s'", t->s, want);
        cr_assert_eq(sc_loop_turn(t->loop, 20, &err), SC_OK);
    }
}

static struct trace start(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct trace t = { .loop = sc_loop_new(&err) };
    cr_assert(t.loop);
    return t;
}

static void put_a(void *ctx)
{
    put(ctx, 'a');
}

static void put_b(void *ctx)
{
    put(ctx, 'b');
}

static void defer_b(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'd');
    sc_loop_defer(t->loop, put_b, t);
}

Test(loop, deferred_calls_run_in_order_at_the_end_of_the_turn)
{
    struct trace t = start();
    sc_loop_defer(t.loop, put_a, &t);
    sc_loop_defer(t.loop, put_b, &t);
    cr_assert_str_eq(t.s, "");
    turn(&t);
    cr_assert_str_eq(t.s, "ab");
    turn(&t);
    cr_assert_str_eq(t.s, "ab");
    sc_loop_free(t.loop);
}

Test(loop, a_deferred_call_may_defer_another_into_the_same_turn)
{
    struct trace t = start();
    sc_loop_defer(t.loop, defer_b, &t);
    sc_loop_defer(t.loop, put_a, &t);
    turn(&t);
    cr_assert_str_eq(t.s, "dab");
    sc_loop_free(t.loop);
}

static void undefer_b(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'u');
    sc_loop_undefer(t->loop, put_b, t);
    sc_loop_undefer(t->loop, undefer_b, t); /* itself: nothing is left of it */
}

Test(loop, undefer_removes_every_pending_call_also_during_a_turn)
{
    struct trace t = start();
    sc_loop_defer(t.loop, put_b, &t);
    sc_loop_defer(t.loop, undefer_b, &t);
    sc_loop_defer(t.loop, put_b, &t);
    sc_loop_defer(t.loop, put_a, &t);
    sc_loop_defer(t.loop, put_b, &t);
    turn(&t);
    cr_assert_str_eq(t.s, "bua");
    sc_loop_free(t.loop);
}

Test(loop, undefer_leaves_the_same_function_of_others)
{
    struct trace t = start(), other = { .loop = t.loop };
    sc_loop_defer(t.loop, put_a, &t);
    sc_loop_defer(t.loop, put_a, &other);
    sc_loop_undefer(t.loop, put_a, &t);
    turn(&t);
    cr_assert_str_eq(t.s, "");
    cr_assert_str_eq(other.s, "a");
    sc_loop_free(t.loop);
}

Test(loop, many_deferred_calls)
{
    struct trace t = start();
    for (int i = 0; i < 1000; i++)
        sc_loop_defer(t.loop, put_a, &t);
    sc_loop_undefer(t.loop, put_a, &t);
    sc_loop_defer(t.loop, put_b, &t);
    turn(&t);
    cr_assert_str_eq(t.s, "b");
    sc_loop_free(t.loop);
}

static void hook_fn(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'h');
    if (strlen(t->s) < 4)
        sc_loop_defer(t->loop, put_b, t);
}

static void other_fn(void *ctx)
{
    put(ctx, 'o');
}

Test(loop, a_turn_is_events_deferred_hooks_deferred)
{
    struct trace t = start();
    t.hook = (struct sc_turn_hook){ .fn = hook_fn, .ctx = &t };
    t.other = (struct sc_turn_hook){ .fn = other_fn, .ctx = &t };
    sc_loop_hook_add(t.loop, &t.hook);
    sc_loop_hook_add(t.loop, &t.other);
    t.timer = sc_timer_new(t.loop, put_a, &t);
    sc_timer_arm(t.timer, 0);
    sc_loop_defer(t.loop, put_b, &t);
    turn(&t);
    cr_assert_str_eq(t.s, "abhob");
    sc_loop_hook_del(t.loop, &t.hook);
    sc_loop_hook_del(t.loop, &t.hook); /* twice is nothing */
    turn(&t);
    cr_assert_str_eq(t.s, "abhobo");
    sc_timer_free(t.timer);
    sc_loop_free(t.loop);
}

static void delete_both(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'x');
    sc_loop_hook_del(t->loop, &t->hook);
    sc_loop_hook_del(t->loop, &t->other);
    memset(&t->other, 0xee, sizeof t->other); /* its owner is gone */
}

Test(loop, a_hook_that_another_hook_removes_does_not_run)
{
    struct trace t = start();
    t.hook = (struct sc_turn_hook){ .fn = delete_both, .ctx = &t };
    t.other = (struct sc_turn_hook){ .fn = other_fn, .ctx = &t };
    sc_loop_hook_add(t.loop, &t.hook);
    sc_loop_hook_add(t.loop, &t.other);
    turn(&t);
    cr_assert_str_eq(t.s, "x");
    turn(&t);
    cr_assert_str_eq(t.s, "x");
    sc_loop_free(t.loop);
}

Test(loop, a_timer_fires_once_and_not_before_its_time)
{
    struct trace t = start();
    struct sc_clock c = sc_clock_system();
    t.timer = sc_timer_new(t.loop, put_a, &t);
    cr_assert_not(sc_timer_armed(t.timer));
    int64_t before = sc_clock_mono(&c).ms;
    sc_timer_arm(t.timer, 30);
    cr_assert(sc_timer_armed(t.timer));
    turn_until(&t, "a");
    cr_assert_geq(sc_clock_mono(&c).ms - before, 29);
    cr_assert_not(sc_timer_armed(t.timer));
    turn(&t);
    cr_assert_str_eq(t.s, "a");
    sc_timer_free(t.timer);
    sc_timer_free(NULL);
    sc_loop_free(t.loop);
}

Test(loop, a_disarmed_timer_does_not_fire_and_arming_again_moves_it)
{
    struct trace t = start();
    t.timer = sc_timer_new(t.loop, put_a, &t);
    struct sc_timer *late = sc_timer_new(t.loop, put_b, &t);
    sc_timer_arm(t.timer, 0);
    sc_timer_disarm(t.timer);
    sc_timer_disarm(t.timer);
    sc_timer_arm(late, INT64_MAX); /* for ever, not for never */
    turn(&t);
    cr_assert_str_eq(t.s, "");
    sc_timer_arm(late, -5);
    turn_until(&t, "b");
    sc_timer_free(t.timer);
    sc_timer_free(late);
    sc_loop_free(t.loop);
}

static void free_own_timer(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'f');
    cr_assert_not(sc_timer_armed(t->timer)); /* a callback first clears the handle that fired */
    sc_timer_free(t->timer);
    t->timer = NULL;
}

Test(loop, a_timer_may_be_freed_in_its_own_callback)
{
    struct trace t = start();
    t.timer = sc_timer_new(t.loop, free_own_timer, &t);
    sc_timer_arm(t.timer, 0);
    turn_until(&t, "f");
    sc_loop_free(t.loop);
}

static void rearm(void *ctx)
{
    struct trace *t = ctx;
    put(t, 'r');
    if (strlen(t->s) < 3)
        sc_timer_arm(t->timer, 0);
}

Test(loop, a_timer_may_arm_itself_again)
{
    struct trace t = start();
    t.timer = sc_timer_new(t.loop, rearm, &t);
    sc_timer_arm(t.timer, 0);
    turn_until(&t, "rrr");
    sc_timer_free(t.timer);
    sc_loop_free(t.loop);
}

static void stop(void *ctx)
{
    struct trace *t = ctx;
    put(t, 's');
    sc_loop_stop(t->loop);
    sc_loop_defer(t->loop, put_a, t);
}

Test(loop, stop_finishes_the_turn_and_ends_run)
{
    struct sc_err err = SC_ERR_INIT;
    struct trace t = start();
    t.timer = sc_timer_new(t.loop, stop, &t);
    sc_timer_arm(t.timer, 0);
    cr_assert_eq(sc_loop_run(t.loop, &err), SC_OK);
    cr_assert_str_eq(t.s, "sa");
    cr_assert_eq(sc_loop_run(t.loop, &err), SC_OK); /* stopped stays stopped */
    sc_timer_free(t.timer);
    sc_loop_free(t.loop);
}

Test(loop, stop_from_a_deferred_call)
{
    struct sc_err err = SC_ERR_INIT;
    struct trace t = start();
    sc_loop_defer(t.loop, stop, &t);
    cr_assert_eq(sc_loop_run(t.loop, &err), SC_OK);
    cr_assert_str_eq(t.s, "sa");
    sc_loop_free(t.loop);
}

static void on_io(void *ctx, int fd, int what)
{
    char c;
    struct trace *t = ctx;
    cr_assert_eq(what, SC_IO_READ);
    if (read(fd, &c, 1) == 1)
        put(t, c);
}

Test(loop, io_is_told_until_it_is_freed)
{
    int fds[2];
    struct trace t = start();
    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct sc_io *io = sc_io_new(t.loop, fds[0], SC_IO_READ, on_io, &t);
    cr_assert_eq(write(fds[1], "xy", 2), 2);
    turn_until(&t, "xy");
    sc_io_free(io);
    sc_io_free(NULL);
    cr_assert_eq(write(fds[1], "z", 1), 1);
    turn(&t);
    cr_assert_str_eq(t.s, "xy");
    (void)close(fds[0]);
    (void)close(fds[1]);
    sc_loop_free(t.loop);
}

static void on_signal(void *ctx, int signum)
{
    cr_assert_eq(signum, SIGUSR1);
    put(ctx, 'S');
}

Test(loop, signals_come_from_the_loop)
{
    struct trace t = start();
    struct sc_signal *s = sc_signal_new(t.loop, SIGUSR1, on_signal, &t);
    cr_assert_eq(raise(SIGUSR1), 0);
    turn_until(&t, "S");
    sc_signal_free(s);
    sc_signal_free(NULL);
    sc_loop_free(t.loop);
    sc_loop_free(NULL);
}

/* Work that asks for the next turn at once, as long as there is some. */
static void put_and_again(void *ctx)
{
    struct trace *t = ctx;
    if (strlen(t->s) == 10)
        return;
    put(t, 't');
    sc_timer_arm(t->timer, 0);
}

/* Seen: a daemon that began with a full spool and nobody to send to never ended its first turn, so
 * it neither committed nor answered. */
Test(loop, a_timer_that_is_due_again_at_once_waits_for_the_next_turn)
{
    struct trace t = start();
    t.timer = sc_timer_new(t.loop, put_and_again, &t);
    sc_timer_arm(t.timer, 0);
    sc_loop_defer(t.loop, put_a, &t); /* so the turn does not wait for events */
    turn(&t);
    cr_assert(strcmp(t.s, "ta") == 0 || strcmp(t.s, "a") == 0, "'%s'", t.s);
    sc_timer_free(t.timer);
    sc_loop_free(t.loop);
}
