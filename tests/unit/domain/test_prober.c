/* The prober and the board on fake time, with a gateway that a test directs. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mem.h"
#include "sideclaw/probe.h"
#include "sideclaw/prober.h"
#include "support/fake_clock.h"
#include "support/fake_loop.h"
#include "support/prng.h"

enum { SECOND = 1000, HOUR = 3600 * SECOND, GRACE = 300 * SECOND };

/* How the gateway is, and how long its answers take. */
enum life { WELL, NOT_THERE, FROZEN };

struct fixture;
struct sc_check {
    struct fixture *f;
    enum sc_check_id id;
    struct sc_timer *timer;
    sc_check_fn *fn;
    void *ctx;
};

struct fixture {
    int64_t now;
    struct fake_clock clock;
    struct prng prng;
    struct sc_loop *loop;
    struct sc_board *board;
    struct sc_prober *prober;
    enum life life;
    enum sc_check_answer says[SC_CHECKS]; /* while it is well */
    bool mute[SC_CHECKS];                 /* this one alone gets no answer */
    bool slow;                            /* answers take up to 0.9 of the deadline */
    int tenths;                           /* or more */
    int64_t pid;
    int asked[SC_CHECKS], pending, frozen, cut, deaths;
    bool was_bad[SC_SIGNALS];
};

static bool over_http(enum sc_check_id id)
{
    return id == SC_CHECK_LIVE || id == SC_CHECK_STARTUP || id == SC_CHECK_READY;
}

static enum sc_check_answer answer_of(const struct fixture *f, enum sc_check_id id)
{
    if (id == SC_CHECK_PROCESS)
        return f->pid ? f->says[id] : SC_ANSWER_OFF;
    if (f->life == NOT_THERE)
        return over_http(id) || id == SC_CHECK_WS ? SC_ANSWER_REFUSED : SC_ANSWER_NONE;
    return f->says[id];
}

static bool answers(const struct fixture *f, enum sc_check_id id)
{
    if (f->mute[id])
        return false;
    /* The connection stays up while the gateway is frozen: its ticks are missed much later. */
    return f->life != FROZEN || id == SC_CHECK_WS || id == SC_CHECK_LOGIN || id == SC_CHECK_PROCESS;
}

/* What was asked during a stall is answered when it is over. */
static void on_answer(void *ctx)
{
    struct sc_check *c = ctx;
    struct fixture *f = c->f;
    if (!answers(f, c->id)) {
        sc_timer_arm(c->timer, 10);
        return;
    }
    const struct sc_check c0 = *c;
    struct sc_check_result r = { .answer = answer_of(f, c->id), .pid = f->pid, .age_ms = SECOND };
    (void)snprintf(r.text, sizeof r.text, "answer %d", (int)r.answer);
    f->pending--;
    sc_timer_free(c->timer);
    free(c);
    c0.fn(c0.ctx, &r);
}

static struct sc_check *start_check(void *impl, enum sc_check_id id, int64_t wait_ms,
                                    sc_check_fn *fn, void *ctx)
{
    struct fixture *f = impl;
    struct sc_check *c = sc_xcalloc(1, sizeof *c);
    *c = (struct sc_check){ .f = f, .id = id, .fn = fn, .ctx = ctx };
    c->timer = sc_timer_new(f->loop, on_answer, c);
    f->asked[id]++;
    f->pending++;
    sc_timer_arm(c->timer, f->slow ? prng_range(&f->prng, 0, wait_ms * f->tenths / 10) : 1);
    return c;
}

static void cancel_check(void *impl, struct sc_check *c)
{
    struct fixture *f = impl;
    if (!c)
        return;
    f->pending--;
    sc_timer_free(c->timer);
    free(c);
}

static void on_silent(void *ctx, bool answers_http)
{
    struct fixture *f = ctx;
    if (answers_http)
        f->cut++;
    else
        f->frozen++;
}

static void on_verdict(void *ctx, enum sc_health h)
{
    if (h == SC_DEAD)
        ((struct fixture *)ctx)->deaths++;
}

static struct fixture *start(void)
{
    static struct fixture f; /* Criterion runs each test in a process of its own */
    f = (struct fixture){ .now = HOUR };
    f.clock = (struct fake_clock){ .now = &f.now, .wall_zero = 1000 };
    prng_seed(&f.prng, 1);
    f.pid = 7;
    f.tenths = 9;
    f.loop = fake_loop_new(&f.now);
    f.board = sc_board_new(fake_clock_port(&f.clock), NULL, on_verdict, &f);
    for (int i = 0; i < SC_SIGNALS; i++)
        sc_board_set(f.board, (enum sc_signal_id)i, SC_SIGNAL_OK, "", "");
    for (int i = 0; i < SC_CHECKS; i++)
        sc_board_set(f.board, sc_probe_rule((enum sc_check_id)i)->signal, SC_SIGNAL_UNKNOWN, "",
                     "");
    const struct sc_prober_deps deps = {
        .loop = f.loop,
        .clock = fake_clock_port(&f.clock),
        .board = f.board,
        .checks = { .start = start_check, .cancel = cancel_check, .impl = &f },
        .start_grace_ms = GRACE,
        .silent = on_silent,
        .ctx = &f,
    };
    f.prober = sc_prober_new(&deps);
    sc_prober_start(f.prober);
    return &f;
}

static void end(struct fixture *f)
{
    sc_prober_free(f->prober);
    cr_assert_eq(f->pending, 0, "every check is cancelled");
    sc_board_free(f->board);
    sc_loop_free(f->loop);
}

static bool is_bad(const struct fixture *f, enum sc_signal_id id)
{
    struct sc_signal_view v;
    sc_board_view(f->board, id, &v);
    return v.state == SC_SIGNAL_BAD;
}

/* Let so much time pass. */
static void pass(struct fixture *f, int64_t ms)
{
    int64_t until = f->now + ms;
    for (;;) {
        int64_t next = fake_loop_next(f->loop);
        if (next > until)
            break;
        f->now = next > f->now ? next : f->now;
        fake_loop_turn(f->loop);
        for (int i = 0; i < SC_SIGNALS; i++)
            f->was_bad[i] = f->was_bad[i] || is_bad(f, (enum sc_signal_id)i);
    }
    f->now = until;
}

/* How long until the verdict is this one; fails after `max_ms`. */
static int64_t until_it_is(struct fixture *f, enum sc_health h, int64_t max_ms)
{
    int64_t began = f->now;
    while (sc_board_verdict(f->board) != h && f->now - began <= max_ms)
        pass(f, 10);
    cr_assert_eq(sc_board_verdict(f->board), h, "not %s within %lld ms", sc_health_name(h),
                 (long long)max_ms);
    return f->now - began;
}

static int page(const struct fixture *f, enum sc_health_page p)
{
    return sc_board_status(f->board, p);
}

Test(prober, a_gateway_that_is_well_is_healthy_at_once)
{
    struct fixture *f = start();
    cr_assert_leq(until_it_is(f, SC_HEALTHY, SECOND), 100);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 200);
    end(f);
}

/* However late its answers come, as long as they come in time: not one signal is ever bad. */
static void a_day_of_late_answers(uint64_t seed)
{
    struct fixture *f = start();
    prng_seed(&f->prng, seed);
    f->slow = true;
    pass(f, 24 * HOUR);
    for (int i = 0; i < SC_SIGNALS; i++)
        cr_assert_not(f->was_bad[i], "signal %d was bad, seed %d", i, (int)seed);
    cr_assert_eq(f->deaths, 0);
    cr_assert_eq(f->frozen, 0);
    cr_assert_eq(f->cut, 0);
    cr_assert_gt(f->asked[SC_CHECK_LIVE], 20000, "it was really asked: %d",
                 f->asked[SC_CHECK_LIVE]);
    cr_assert_gt(f->asked[SC_CHECK_RPC], 16000);
    cr_assert_eq(sc_board_verdict(f->board), SC_HEALTHY);
    end(f);
}

Test(prober, a_day_of_late_answers_is_never_a_false_death)
{
    for (uint64_t seed = 1; seed <= 25; seed++)
        a_day_of_late_answers(seed);
}

/* The same with up to 1.4 of the deadline: what proves a day of health must be able to fail. */
Test(prober, a_day_of_answers_that_are_too_late_is_noticed)
{
    struct fixture *f = start();
    f->slow = true;
    f->tenths = 14;
    pass(f, 24 * HOUR);
    cr_assert(f->was_bad[SC_SIG_GATEWAY_HTTP] && f->was_bad[SC_SIG_GATEWAY_RPC]);
    cr_assert_gt(f->deaths, 0);
    end(f);
}

/* At any moment of the probes' rhythm, and whether answers were prompt or late before. */
Test(prober, a_freeze_is_found_within_15_s)
{
    int64_t worst = 0;
    for (int i = 0; i < 200; i++) {
        struct fixture *f = start();
        f->slow = i % 2;
        f->deaths = f->frozen = 0;
        pass(f, 60 * SECOND + i * 137);
        f->life = FROZEN;
        int64_t took = until_it_is(f, SC_DEAD, 15 * SECOND);
        worst = took > worst ? took : worst;
        cr_assert_gt(f->frozen, 0, "told");
        cr_assert_eq(f->cut, 0, "its connection is not to blame");
        cr_assert_eq(page(f, SC_PAGE_LIVE), 503);
        f->life = WELL;
        cr_assert_leq(until_it_is(f, SC_HEALTHY, 20 * SECOND), 20 * SECOND);
        f->life = WELL;
        end(f);
    }
    cr_assert_gt(worst, 8 * SECOND, "a block of some seconds is no freeze");
}

/* A garbage collection, a plugin that loads: the loop stands still for some seconds. */
Test(prober, a_stall_of_seven_seconds_is_no_death)
{
    for (int i = 0; i < 100; i++) {
        struct fixture *f = start();
        f->deaths = f->frozen = 0;
        pass(f, 60 * SECOND + i * 91);
        f->life = FROZEN;
        pass(f, 7 * SECOND);
        f->life = WELL;
        pass(f, 30 * SECOND);
        cr_assert_eq(f->deaths, 0, "%d", i);
        cr_assert_eq(sc_board_verdict(f->board), SC_HEALTHY);
        end(f);
    }
}

static void start_slowly(struct fixture *f, int64_t refused_ms, int64_t frozen_ms)
{
    f->life = NOT_THERE;
    pass(f, refused_ms);
    cr_assert_eq(page(f, SC_PAGE_LIVE), 200);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 503);
    f->life = FROZEN; /* the port is open, and its plugins load */
    f->says[SC_CHECK_WS] = SC_ANSWER_SILENT;
    pass(f, frozen_ms);
    cr_assert_eq(page(f, SC_PAGE_LIVE), 200);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 503);
    f->life = WELL;
    f->says[SC_CHECK_WS] = SC_ANSWER_GOOD;
    f->says[SC_CHECK_STARTUP] = SC_ANSWER_STARTING;
    pass(f, 9 * SECOND);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 503);
    f->says[SC_CHECK_STARTUP] = SC_ANSWER_GOOD;
    (void)until_it_is(f, SC_HEALTHY, 10 * SECOND);
    cr_assert_eq(f->deaths, 0);
}

Test(prober, a_start_of_299_s_is_never_dead)
{
    struct fixture *f = start();
    start_slowly(f, 200 * SECOND, 90 * SECOND);
    end(f);
}

/* The same for one that restarts in place, hours later. */
Test(prober, a_restart_of_299_s_is_never_dead)
{
    struct fixture *f = start();
    pass(f, HOUR);
    start_slowly(f, 200 * SECOND, 90 * SECOND);
    pass(f, HOUR);
    start_slowly(f, 10 * SECOND, 275 * SECOND);
    end(f);
}

Test(prober, a_start_that_never_ends_is_dead_after_its_grace)
{
    struct fixture *f = start();
    f->life = NOT_THERE;
    pass(f, GRACE);
    cr_assert_eq(f->deaths, 0);
    (void)until_it_is(f, SC_DEAD, 10 * SECOND);
    end(f);
}

Test(prober, a_gateway_whose_process_is_gone_is_dead_at_once_and_its_successor_starts)
{
    struct fixture *f = start();
    pass(f, HOUR);
    f->life = NOT_THERE;
    f->says[SC_CHECK_PROCESS] = SC_ANSWER_REFUSED;
    cr_assert_leq(until_it_is(f, SC_DEAD, 15 * SECOND), 10 * SECOND);
    f->says[SC_CHECK_PROCESS] = SC_ANSWER_GOOD;
    f->pid = 8;
    (void)until_it_is(f, SC_DEGRADED, 5 * SECOND);
    f->deaths = 0;
    pass(f, 290 * SECOND);
    cr_assert_eq(f->deaths, 0);
    f->life = WELL;
    (void)until_it_is(f, SC_HEALTHY, 10 * SECOND);
    end(f);
}

/* Nobody looks behind the sidecar's back in a container: no process to be seen. */
Test(prober, without_a_process_to_see_the_rest_still_decides)
{
    struct fixture *f = start();
    f->pid = 0;
    (void)until_it_is(f, SC_HEALTHY, SECOND);
    pass(f, HOUR);
    f->life = FROZEN;
    (void)until_it_is(f, SC_DEAD, 15 * SECOND);
    end(f);
}

/* Every way of looking in turn: the rest go on, in their own rhythm. */
Test(prober, a_slow_probe_never_sinks_the_rest)
{
    for (int mute = 0; mute < SC_CHECKS; mute++) {
        struct fixture *f = start();
        pass(f, 60 * SECOND);
        int before[SC_CHECKS];
        memcpy(before, f->asked, sizeof before);
        f->mute[mute] = true;
        f->deaths = 0;
        pass(f, 600 * SECOND);
        cr_assert_eq(f->deaths, 0);
        cr_assert_eq(sc_board_verdict(f->board), SC_DEGRADED, "check %d", mute);
        for (int i = 0; i < SC_CHECKS; i++) {
            const struct sc_probe_rule *r = sc_probe_rule((enum sc_check_id)i);
            cr_assert(is_bad(f, r->signal) == (i == mute), "%s, with %d mute", r->name, mute);
            if (i != mute)
                cr_assert_geq(f->asked[i] - before[i], 600 * SECOND / r->every_ms - 1, "%s",
                              r->name);
        }
        f->mute[mute] = false;
        (void)until_it_is(f, SC_HEALTHY, 20 * SECOND);
        end(f);
    }
}

/* Its answers to the call get lost, and /healthz comes through. */
Test(prober, a_dead_connection_is_told_within_17_s)
{
    for (int i = 0; i < 100; i++) {
        struct fixture *f = start();
        pass(f, 60 * SECOND + i * 61);
        f->mute[SC_CHECK_RPC] = true;
        pass(f, 17 * SECOND); /* 13, and the next answer of /healthz */
        cr_assert_gt(f->cut, 0);
        cr_assert_eq(f->frozen, 0);
        cr_assert_eq(page(f, SC_PAGE_LIVE), 200);
        f->mute[SC_CHECK_RPC] = false;
        pass(f, 20 * SECOND);
        f->cut = 0;
        pass(f, 60 * SECOND);
        cr_assert_eq(f->cut, 0, "not any more");
        end(f);
    }
}

Test(prober, a_stopped_channel_degrades_and_lives)
{
    struct fixture *f = start();
    pass(f, 60 * SECOND);
    f->says[SC_CHECK_READY] = f->says[SC_CHECK_CHANNELS] = SC_ANSWER_BAD;
    pass(f, HOUR);
    cr_assert_eq(page(f, SC_PAGE_HEALTH), 429);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 200);
    cr_assert_eq(page(f, SC_PAGE_LIVE), 200);
    end(f);
}

/* One failure that hysteresis forgives is seen, and does not stand beside "ok" as its detail. */
Test(prober, a_single_failure_is_kept_as_last_error_only)
{
    struct fixture *f = start();
    struct sc_signal_view v;
    pass(f, 60 * SECOND);
    f->says[SC_CHECK_LIVE] = SC_ANSWER_BAD;
    int before = f->asked[SC_CHECK_LIVE];
    while (f->asked[SC_CHECK_LIVE] == before)
        pass(f, 10);
    pass(f, 10);
    f->says[SC_CHECK_LIVE] = SC_ANSWER_GOOD;
    sc_board_view(f->board, SC_SIG_GATEWAY_HTTP, &v);
    cr_assert_eq(v.state, SC_SIGNAL_OK);
    cr_assert_str_eq(v.detail, "answer 0");
    cr_assert_str_eq(v.last_error, "answer 1");
    end(f);
}

/* The machine slept, or we had no processor: our deadlines are late, and prove nothing. */
Test(prober, our_own_delay_is_nobodys_silence)
{
    struct fixture *f = start();
    pass(f, 60 * SECOND);
    f->deaths = f->frozen = 0;
    for (int i = 0; i < 50; i++) {
        f->life = FROZEN;
        pass(f, 100);
        f->now += 20 * SECOND; /* everything that was asked is now long overdue */
        f->life = WELL;
        pass(f, 100);
    }
    for (int i = 0; i < SC_CHECKS; i++)
        cr_assert_not(is_bad(f, sc_probe_rule((enum sc_check_id)i)->signal), "%d", i);
    cr_assert_eq(f->deaths, 0);
    end(f);
}

/* The connection broke: whether new requests still find somebody is known at once, not at the next
 * look 4 s later (a real gateway that restarts in place closes its port for as long). */
Test(prober, hurrying_sees_a_closed_port_at_once)
{
    struct fixture *f = start();
    pass(f, 61 * SECOND);
    f->life = NOT_THERE;
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 200);
    sc_prober_hurry(f->prober);
    pass(f, 100);
    cr_assert_eq(page(f, SC_PAGE_TRAFFIC), 503);
    cr_assert_eq(page(f, SC_PAGE_LIVE), 200);
    end(f);
}

Test(prober, hurrying_asks_again_what_was_not_well)
{
    struct fixture *f = start();
    f->life = NOT_THERE;
    pass(f, 60 * SECOND);
    f->life = WELL;
    sc_prober_hurry(f->prober);
    cr_assert_leq(until_it_is(f, SC_HEALTHY, SECOND), 100);
    end(f);
}

static struct sc_prober_view view(const struct fixture *f, enum sc_check_id id)
{
    struct sc_prober_view v;
    sc_prober_view(f->prober, id, &v);
    return v;
}

Test(prober, counts_its_looks_and_how_long_they_took)
{
    struct fixture *f = start();
    pass(f, 100);
    struct sc_prober_view live = view(f, SC_CHECK_LIVE), rpc = view(f, SC_CHECK_RPC);
    cr_assert_str_eq(live.name, "live");
    cr_assert(live.good && rpc.good);
    cr_assert_eq(live.answers[SC_ANSWER_GOOD], 1);
    cr_assert_eq(sc_histogram_count(live.took), 1);
    cr_assert_eq(live.took->sum_us, 1000, "it answers after a millisecond");
    f->life = FROZEN;
    pass(f, 20 * SECOND);
    live = view(f, SC_CHECK_LIVE);
    cr_assert_not(live.good);
    cr_assert_geq(live.answers[SC_ANSWER_SILENT], 3);
    cr_assert_eq(sc_histogram_count(live.took), 1 + live.answers[SC_ANSWER_SILENT]);
    cr_assert_eq(live.took->sum_us, 1000 + live.answers[SC_ANSWER_SILENT] * 3000 * 1000,
                 "a silent one took its deadline");
    end(f);
}

Test(prober, what_could_not_be_asked_took_no_time)
{
    struct fixture *f = start();
    f->life = NOT_THERE;
    pass(f, 20 * SECOND);
    const struct sc_prober_view rpc = view(f, SC_CHECK_RPC), live = view(f, SC_CHECK_LIVE);
    cr_assert_gt(rpc.answers[SC_ANSWER_NONE], 1);
    cr_assert_eq(sc_histogram_count(rpc.took), 0);
    cr_assert_not(rpc.good);
    cr_assert_eq(sc_histogram_count(live.took), live.answers[SC_ANSWER_REFUSED]);
    end(f);
}
