#include <criterion/criterion.h>
#include <string.h>

#include "sideclaw/hlc.h"

enum { DRIFT = 300 * 1000 };
static const sc_wall noon = { INT64_C(1771243200000) };

static sc_wall at(int64_t ms)
{
    return (sc_wall){ noon.ms + ms };
}

static struct sc_hlc fresh(void)
{
    return (struct sc_hlc){ .max_drift_ms = DRIFT };
}

Test(hlc, a_tick_is_the_time_of_day)
{
    struct sc_hlc h = fresh();
    cr_assert_eq(sc_hlc_tick(&h, noon), sc_hlc_at(noon));
    cr_assert_eq(sc_hlc_wall(h.last).ms, noon.ms);
}

Test(hlc, ticks_of_one_moment_are_all_different)
{
    struct sc_hlc h = fresh();
    uint64_t last = 0;
    for (int i = 0; i < 100000; i++) { /* more than the counter holds: it carries into the time */
        uint64_t now = sc_hlc_tick(&h, noon);
        cr_assert_gt(now, last);
        last = now;
    }
    cr_assert_eq(sc_hlc_wall(last).ms, noon.ms + 1);
}

Test(hlc, a_clock_set_back_a_little_goes_on)
{
    struct sc_hlc h = fresh();
    uint64_t before = sc_hlc_tick(&h, noon);
    cr_assert_eq(sc_hlc_tick(&h, at(-DRIFT + 1)), before + 1);
}

Test(hlc, a_clock_set_back_far_starts_again_there)
{
    struct sc_hlc h = fresh();
    (void)sc_hlc_tick(&h, at(365 * INT64_C(86400000)));
    cr_assert_eq(sc_hlc_tick(&h, noon), sc_hlc_at(noon));
}

Test(hlc, what_was_seen_is_before_what_comes)
{
    struct sc_hlc h = fresh();
    cr_assert_eq(sc_hlc_see(&h, sc_hlc_at(at(1000)), noon, NULL), SC_OK);
    cr_assert_eq(sc_hlc_tick(&h, noon), sc_hlc_at(at(1000)) + 1);
    cr_assert_eq(sc_hlc_see(&h, sc_hlc_at(at(-1000)), noon, NULL), SC_OK);
    cr_assert_eq(sc_hlc_tick(&h, noon), sc_hlc_at(at(1000)) + 2);
}

Test(hlc, a_clock_far_ahead_is_not_followed)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_hlc h = fresh();
    uint64_t before = sc_hlc_tick(&h, noon);
    cr_assert_eq(sc_hlc_see(&h, sc_hlc_at(at(DRIFT)), noon, &err), SC_OK);
    h.last = before;
    cr_assert_eq(sc_hlc_see(&h, sc_hlc_at(at(DRIFT + 1)), noon, &err), SC_EPROTO);
    cr_assert(strstr(err.text, "300 s in the future") && err.remedy[0], "%s", err.text);
    cr_assert_eq(h.last, before);
}

Test(hlc, times_that_no_stamp_can_hold_are_cut)
{
    struct sc_hlc h = fresh();
    cr_assert_eq(sc_hlc_at((sc_wall){ -1 }), 0);
    cr_assert_leq(sc_hlc_at((sc_wall){ INT64_MAX }), (uint64_t)INT64_MAX);
    cr_assert_gt(sc_hlc_tick(&h, (sc_wall){ 0 }), 0);
}

Test(hlc, the_later_counts_and_then_the_name)
{
    const struct sc_stamp a = { .hlc = 1, .node = "z" }, b = { .hlc = 2, .node = "a" },
                          c = { .hlc = 2, .node = "b" };
    cr_assert_lt(sc_stamp_cmp(&a, &b), 0);
    cr_assert_lt(sc_stamp_cmp(&b, &c), 0);
    cr_assert_gt(sc_stamp_cmp(&c, &a), 0);
    cr_assert_eq(sc_stamp_cmp(&b, &b), 0);
}
