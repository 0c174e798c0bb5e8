#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/drain.h"
#include "sideclaw/mem.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"

enum { NOTICE = 15000, ANSWER = 1000, SOON = 2000 };

struct fixture {
    int64_t now;
    struct fake_clock clock;
    struct sc_loop *loop;
    struct sc_drain *d;
    unsigned turns, leases, asked_for_leases;
    char phases[200];
    enum sc_drain_phase last;
    struct sc_drain_waiter waiter, other;
    int told, other_told;
    bool unwait_other;
};

static unsigned turns(void *ctx)
{
    return ((struct fixture *)ctx)->turns;
}

static unsigned leases(void *ctx)
{
    struct fixture *f = ctx;
    f->asked_for_leases++;
    cr_assert_eq(f->turns, 0, "a lease is handed on while a turn runs");
    return f->leases;
}

/* Each phase once, in the order in which they came. */
static void changed(void *ctx)
{
    struct fixture *f = ctx;
    struct sc_drain_view v;
    sc_drain_view(f->d, &v);
    size_t n = strlen(f->phases);
    if (n == 0 || v.phase != f->last)
        (void)snprintf(f->phases + n, sizeof f->phases - n, "%s ", sc_drain_phase_name(v.phase));
    f->last = v.phase;
}

static void told(void *ctx)
{
    struct fixture *f = ctx;
    f->told++;
    if (f->unwait_other)
        sc_drain_unwait(f->d, &f->other);
}

static void other_told(void *ctx)
{
    ((struct fixture *)ctx)->other_told++;
}

static void build(struct fixture *f, int64_t notice_ms, bool with_leases)
{
    const struct sc_drain_deps deps = { .loop = f->loop,
                                        .clock = fake_clock_port(&f->clock),
                                        .notice_ms = notice_ms,
                                        .turns = turns,
                                        .leases = with_leases ? leases : NULL,
                                        .changed = changed,
                                        .ctx = f };
    f->d = sc_drain_new(&deps);
}

static struct fixture *start(void)
{
    static struct fixture f; /* Criterion runs each test in a process of its own */
    f.clock = (struct fake_clock){ .now = &f.now, .wall_zero = 5000 };
    f.loop = fake_loop_new(&f.now);
    f.waiter = (struct sc_drain_waiter){ .over = told, .ctx = &f };
    f.other = (struct sc_drain_waiter){ .over = other_told, .ctx = &f };
    build(&f, NOTICE, true);
    return &f;
}

static void stop(struct fixture *f)
{
    sc_drain_free(f->d);
    sc_loop_free(f->loop);
}

/* Everything that is due within so long happens. */
static void run(struct fixture *f, int64_t ms)
{
    int64_t end = f->now + ms;
    while (fake_loop_next(f->loop) <= end) {
        f->now = fake_loop_next(f->loop);
        fake_loop_turn(f->loop);
    }
    f->now = end;
}

static enum sc_drain_phase phase(const struct fixture *f)
{
    struct sc_drain_view v;
    sc_drain_view(f->d, &v);
    return v.phase;
}

static void ask(struct fixture *f, enum sc_drain_cause by)
{
    sc_drain_set(f->d, by, "because");
}

Test(drain, a_new_one_serves_and_wants_no_turn_of_the_loop)
{
    struct fixture *f = start();
    struct sc_drain_view v;
    sc_drain_view(f->d, &v);
    cr_assert(sc_drain_serves(f->d));
    cr_assert(sc_drain_serves(NULL));
    cr_assert_eq(v.phase, SC_DRAIN_SERVING);
    cr_assert_eq(v.since.ms, 0);
    cr_assert_eq(fake_loop_next(f->loop), INT64_MAX);
    sc_drain_set(f->d, SC_DRAIN_OPERATOR, NULL); /* nothing to take back */
    cr_assert_str_eq(f->phases, "");
    stop(f);
    sc_drain_free(NULL);
}

Test(drain, refuses_new_work_in_the_very_turn_it_is_asked)
{
    struct fixture *f = start();
    struct sc_drain_view v;
    f->now = 70;
    ask(f, SC_DRAIN_OPERATOR);
    cr_assert_not(sc_drain_serves(f->d));
    cr_assert_str_eq(f->phases, "leaving ");
    sc_drain_view(f->d, &v);
    cr_assert_eq(v.since.ms, 5070);
    cr_assert_str_eq(v.why[SC_DRAIN_OPERATOR], "because");
    cr_assert_null(v.why[SC_DRAIN_CONSUL]);
    stop(f);
}

Test(drain, is_ready_when_it_was_noticed_and_not_before)
{
    struct fixture *f = start();
    ask(f, SC_DRAIN_OPERATOR);
    run(f, NOTICE - 1);
    cr_assert_eq(phase(f), SC_DRAIN_LEAVING);
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_READY);
    cr_assert_str_eq(f->phases, "leaving handing_on ready ");
    stop(f);
}

Test(drain, waits_for_the_last_turn_however_long)
{
    struct fixture *f = start();
    struct sc_drain_view v;
    f->turns = 2;
    ask(f, SC_DRAIN_OPERATOR);
    run(f, 100 * NOTICE);
    sc_drain_view(f->d, &v);
    cr_assert_eq(v.phase, SC_DRAIN_LEAVING);
    cr_assert_eq(v.turns, 2);
    cr_assert_eq(f->asked_for_leases, 0);
    f->turns = 0;
    run(f, ANSWER / 2);
    cr_assert_eq(phase(f), SC_DRAIN_LEAVING, "its answer may still be on its way");
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_READY);
    stop(f);
}

Test(drain, hands_leases_on_after_the_turns_and_waits_until_they_are_gone)
{
    struct fixture *f = start();
    f->turns = 1;
    f->leases = 3;
    ask(f, SC_DRAIN_OPERATOR);
    run(f, NOTICE + SOON);
    cr_assert_eq(f->asked_for_leases, 0);
    f->turns = 0;
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_HANDING_ON);
    cr_assert_gt(f->asked_for_leases, 0);
    f->leases = 0;
    run(f, SOON);
    cr_assert_str_eq(f->phases, "leaving handing_on ready ");
    stop(f);
}

Test(drain, without_leases_there_is_nothing_to_hand_on)
{
    struct fixture *f = start();
    sc_drain_free(f->d);
    build(f, 0, false);
    ask(f, SC_DRAIN_OPERATOR);
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_READY);
    stop(f);
}

/* After a restart the turns of the last life are known once the gateway answers. */
Test(drain, is_not_ready_any_more_when_a_turn_is_found_again)
{
    struct fixture *f = start();
    ask(f, SC_DRAIN_OPERATOR);
    run(f, NOTICE + SOON);
    cr_assert_eq(phase(f), SC_DRAIN_READY);
    f->turns = 1;
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_LEAVING);
    f->turns = 0;
    run(f, SOON);
    cr_assert_eq(phase(f), SC_DRAIN_READY);
    stop(f);
}

Test(drain, undrain_reverses_it_from_every_phase)
{
    static const int64_t after[] = { 0, NOTICE - 1, NOTICE + SOON };
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        struct fixture *f = start();
        ask(f, SC_DRAIN_OPERATOR);
        run(f, after[i]);
        sc_drain_set(f->d, SC_DRAIN_OPERATOR, NULL);
        cr_assert(sc_drain_serves(f->d));
        cr_assert_eq(fake_loop_next(f->loop), INT64_MAX, "it looks for nothing any more");
        f->phases[0] = 0;
        ask(f, SC_DRAIN_OPERATOR); /* and the notice begins anew */
        run(f, NOTICE - 1);
        cr_assert_str_eq(f->phases, "leaving ");
        stop(f);
    }
}

Test(drain, each_takes_back_only_what_it_asked)
{
    struct fixture *f = start();
    struct sc_drain_view v;
    ask(f, SC_DRAIN_OPERATOR);
    run(f, NOTICE + SOON);
    ask(f, SC_DRAIN_CONSUL);
    cr_assert_eq(phase(f), SC_DRAIN_READY, "another cause does not begin anew");
    sc_drain_set(f->d, SC_DRAIN_OPERATOR, NULL);
    sc_drain_set(f->d, SC_DRAIN_SIGNAL, NULL);
    sc_drain_view(f->d, &v);
    cr_assert_eq(v.phase, SC_DRAIN_READY);
    cr_assert_null(v.why[SC_DRAIN_OPERATOR]);
    cr_assert_str_eq(v.why[SC_DRAIN_CONSUL], "because");
    sc_drain_set(f->d, SC_DRAIN_CONSUL, NULL);
    cr_assert(sc_drain_serves(f->d));
    stop(f);
}

Test(drain, waiters_are_told_once_when_it_is_ready)
{
    struct fixture *f = start();
    ask(f, SC_DRAIN_OPERATOR);
    sc_drain_wait(f->d, &f->waiter);
    sc_drain_wait(f->d, &f->other);
    run(f, NOTICE - 1);
    cr_assert_eq(f->told, 0);
    sc_drain_unwait(f->d, &f->other);
    run(f, 10 * NOTICE);
    cr_assert_eq(f->told, 1);
    cr_assert_eq(f->other_told, 0);
    stop(f);
}

Test(drain, waiters_are_told_when_it_serves_again)
{
    struct fixture *f = start();
    f->turns = 1;
    ask(f, SC_DRAIN_OPERATOR);
    sc_drain_wait(f->d, &f->other);
    sc_drain_wait(f->d, &f->waiter); /* told first */
    f->unwait_other = true;
    sc_drain_set(f->d, SC_DRAIN_OPERATOR, NULL);
    cr_assert_eq(f->told, 1);
    cr_assert_eq(f->other_told, 0);
    stop(f);
}

Test(drain, a_disk_is_low_until_there_is_a_quarter_more)
{
    cr_assert_not(sc_drain_disk_low(false, 100, 100));
    cr_assert(sc_drain_disk_low(false, 99, 100));
    cr_assert(sc_drain_disk_low(true, 100, 100));
    cr_assert(sc_drain_disk_low(true, 124, 100));
    cr_assert_not(sc_drain_disk_low(true, 125, 100));
    cr_assert_not(sc_drain_disk_low(false, 124, 100));
    cr_assert_not(sc_drain_disk_low(false, 0, 0), "no bound");
    cr_assert_not(sc_drain_disk_low(true, 0, 0));
}

Test(drain, names)
{
    cr_assert_str_eq(sc_drain_cause_name(SC_DRAIN_CONSUL), "consul");
    cr_assert_str_eq(sc_drain_phase_name(SC_DRAIN_READY), "ready");
}
