/* What answers prove: hysteresis, and what may still be a start. */
#include <criterion/criterion.h>

#include "sideclaw/probe.h"

enum { GRACE = 300 * 1000 };

static const struct sc_probe_rule rule = {
    "x", SC_SIG_GATEWAY_HTTP, 4000, 1000, 3000, 2, 3,
};

static enum sc_signal_state take(struct sc_probe *p, enum sc_check_answer a)
{
    return sc_probe_take(p, &rule, a, false);
}

Test(probe, falls_after_so_many_failures_in_a_row)
{
    struct sc_probe p = { .state = SC_SIGNAL_UNKNOWN };
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_OK, "the first answer is enough");
    cr_assert_eq(take(&p, SC_ANSWER_SILENT), SC_SIGNAL_OK);
    cr_assert_eq(take(&p, SC_ANSWER_BAD), SC_SIGNAL_OK);
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_OK, "begins again");
    cr_assert_eq(take(&p, SC_ANSWER_SILENT), SC_SIGNAL_OK);
    cr_assert_eq(take(&p, SC_ANSWER_REFUSED), SC_SIGNAL_OK);
    cr_assert_eq(take(&p, SC_ANSWER_SILENT), SC_SIGNAL_BAD);
}

Test(probe, rises_after_so_many_good_answers_in_a_row)
{
    struct sc_probe p = { .state = SC_SIGNAL_BAD };
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_BAD);
    cr_assert_eq(take(&p, SC_ANSWER_SILENT), SC_SIGNAL_BAD);
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_BAD);
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_OK);
}

Test(probe, what_could_not_be_asked_proves_nothing)
{
    struct sc_probe p = { .state = SC_SIGNAL_OK };
    (void)take(&p, SC_ANSWER_SILENT);
    (void)take(&p, SC_ANSWER_SILENT);
    cr_assert_eq(take(&p, SC_ANSWER_NONE), SC_SIGNAL_UNKNOWN);
    cr_assert_eq(take(&p, SC_ANSWER_SILENT), SC_SIGNAL_UNKNOWN, "nothing is left of the row");
    cr_assert_eq(take(&p, SC_ANSWER_OFF), SC_SIGNAL_OFF);
}

Test(probe, a_start_is_not_held_against_it)
{
    struct sc_probe p = { .state = SC_SIGNAL_UNKNOWN };
    for (int i = 0; i < 100; i++)
        cr_assert_eq(sc_probe_take(&p, &rule, SC_ANSWER_REFUSED, true), SC_SIGNAL_STARTING);
    cr_assert_eq(take(&p, SC_ANSWER_REFUSED), SC_SIGNAL_STARTING, "the count begins now");
    (void)take(&p, SC_ANSWER_REFUSED);
    cr_assert_eq(take(&p, SC_ANSWER_REFUSED), SC_SIGNAL_BAD);
    cr_assert_eq(sc_probe_take(&p, &rule, SC_ANSWER_STARTING, true), SC_SIGNAL_STARTING);
}

/* The WebSocket's last word is from before its next attempt, when /startupz says already that it is
 * up (seen with a real gateway). A start that is too long says so again and again. */
Test(probe, a_late_word_of_a_start_is_no_fault)
{
    struct sc_probe p = { .state = SC_SIGNAL_STARTING };
    cr_assert_eq(take(&p, SC_ANSWER_STARTING), SC_SIGNAL_STARTING);
    cr_assert_eq(take(&p, SC_ANSWER_STARTING), SC_SIGNAL_STARTING);
    cr_assert_eq(take(&p, SC_ANSWER_STARTING), SC_SIGNAL_BAD);
    p = (struct sc_probe){ .state = SC_SIGNAL_STARTING };
    (void)take(&p, SC_ANSWER_STARTING);
    cr_assert_eq(take(&p, SC_ANSWER_GOOD), SC_SIGNAL_OK);
}

/* ---- lives ---- */

static const sc_mono t0 = { 1000 * 1000 };

static sc_mono at(int64_t s)
{
    return (sc_mono){ t0.ms + s * 1000 };
}

static void see(struct sc_life *l, enum sc_check_id id, enum sc_check_answer a, int64_t s)
{
    const struct sc_check_result r = { .answer = a };
    sc_life_take(l, id, &r, at(s));
}

static void see_process(struct sc_life *l, enum sc_check_answer a, int64_t pid, int64_t age_s,
                        int64_t s)
{
    const struct sc_check_result r = { .answer = a, .pid = pid, .age_ms = age_s * 1000 };
    sc_life_take(l, SC_CHECK_PROCESS, &r, at(s));
}

Test(life, a_start_may_last_as_long_as_its_grace)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    cr_assert(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(299)));
    cr_assert(sc_life_may_start(&l, SC_ANSWER_SILENT, at(299)));
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(301)));
}

Test(life, what_was_up_does_not_start)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    see(&l, SC_CHECK_STARTUP, SC_ANSWER_GOOD, 20);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_SILENT, at(30)));
    see(&l, SC_CHECK_LIVE, SC_ANSWER_SILENT, 30);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_SILENT, at(31)), "silence begins no life");
}

Test(life, a_closed_port_begins_another)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    see(&l, SC_CHECK_STARTUP, SC_ANSWER_GOOD, 20);
    see(&l, SC_CHECK_LIVE, SC_ANSWER_REFUSED, 1000);
    cr_assert(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(1299)));
    see(&l, SC_CHECK_LIVE, SC_ANSWER_REFUSED, 1200);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(1301)), "but only once");
}

Test(life, a_process_that_is_gone_does_not_start_until_there_is_another)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    see_process(&l, SC_ANSWER_GOOD, 7, 1, 0);
    see(&l, SC_CHECK_STARTUP, SC_ANSWER_GOOD, 20);
    see(&l, SC_CHECK_LIVE, SC_ANSWER_REFUSED, 1000);
    see_process(&l, SC_ANSWER_REFUSED, 7, 1000, 1001);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(1002)));
    see_process(&l, SC_ANSWER_GOOD, 8, 0, 1010);
    cr_assert(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(1309)));
}

/* Nor is it another life when it goes on. */
Test(life, a_process_stopped_while_it_starts_still_starts)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    see_process(&l, SC_ANSWER_GOOD, 7, 1, 0);
    see_process(&l, SC_ANSWER_BAD, 7, 9, 8);
    cr_assert(sc_life_may_start(&l, SC_ANSWER_SILENT, at(9)));
    see_process(&l, SC_ANSWER_GOOD, 7, 21, 20);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_SILENT, at(301)));
    see(&l, SC_CHECK_STARTUP, SC_ANSWER_GOOD, 302);
    see_process(&l, SC_ANSWER_BAD, 7, 400, 400);
    see_process(&l, SC_ANSWER_GOOD, 7, 410, 410);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_SILENT, at(411)), "it is up all the time");
}

Test(life, an_old_process_that_says_nothing_is_no_start)
{
    struct sc_life l;
    sc_life_begin(&l, GRACE, t0);
    see_process(&l, SC_ANSWER_GOOD, 7, 3600, 1);
    cr_assert_not(sc_life_may_start(&l, SC_ANSWER_SILENT, at(2)));
    cr_assert(sc_life_may_start(&l, SC_ANSWER_REFUSED, at(2)), "it may restart in place");
}

Test(probe, every_check_has_its_row)
{
    for (int i = 0; i < SC_CHECKS; i++) {
        const struct sc_probe_rule *r = sc_probe_rule((enum sc_check_id)i);
        cr_assert(r->name && r->every_ms >= r->again_ms && r->again_ms > 0 && r->rise && r->fall);
        cr_assert_leq(r->deadline_ms, r->every_ms, "%s", r->name);
    }
}
