#include <criterion/criterion.h>
#include <stdint.h>

#include "sideclaw/backoff.h"

Test(backoff, stays_between_half_the_least_and_the_doubled_cap)
{
    for (unsigned attempt = 0; attempt < 70; attempt++) {
        int64_t cap = attempt < 7 ? INT64_C(1000) << attempt : 60000;
        if (cap > 60000)
            cap = 60000;
        for (int i = 0; i < 200; i++) {
            int64_t ms = sc_backoff_delay(1000, 60000, attempt, sc_random64());
            cr_assert_geq(ms, 500);
            cr_assert_leq(ms, cap);
        }
        cr_assert_eq(sc_backoff_delay(1000, 60000, attempt, 0), 500);
        cr_assert_eq(sc_backoff_delay(1000, 60000, attempt, (uint64_t)(cap - 500)), cap);
    }
}

Test(backoff, jitter_reaches_both_ends)
{
    bool low = false, high = false;
    for (int i = 0; i < 10000; i++) {
        int64_t ms = sc_backoff_delay(10, 80, 3, sc_random64());
        low = low || ms < 12;
        high = high || ms > 78;
    }
    cr_assert(low && high);
}

Test(backoff, the_first_wait_after_a_reset_is_short_again)
{
    struct sc_backoff b = { .min_ms = 10, .max_ms = 100000 };
    for (int i = 0; i < 1000; i++)
        cr_assert_leq(sc_backoff_next(&b), 100000);
    sc_backoff_reset(&b);
    cr_assert_leq(sc_backoff_next(&b), 10);
}

/* Two options that contradict each other must neither divide by zero nor wait for ever. */
Test(backoff, a_cap_below_the_least_counts_as_the_least)
{
    for (unsigned attempt = 0; attempt < 40; attempt++)
        for (int64_t max = 0; max <= 60; max++) {
            int64_t ms = sc_backoff_delay(60, max, attempt, sc_random64());
            cr_assert_geq(ms, 30);
            cr_assert_leq(ms, 60);
        }
}

Test(backoff, the_largest_cap_does_not_overflow)
{
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        int64_t ms = sc_backoff_delay(1, INT64_MAX, attempt, sc_random64());
        cr_assert_geq(ms, 0);
    }
    cr_assert_eq(sc_backoff_delay(0, 0, UINT32_MAX, 5), 0);
    cr_assert_eq(sc_backoff_delay(0, 1000, UINT32_MAX, 0), 0);
}
