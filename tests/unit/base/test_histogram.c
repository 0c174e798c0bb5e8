#include <criterion/criterion.h>

#include "sideclaw/histogram.h"
#include "sideclaw/mem.h"

static const struct sc_scale *const scales[] = { &sc_scale_quick, &sc_scale_probe,
                                                 &sc_scale_message };

Test(histogram, the_bounds_rise_and_are_as_many_as_it_says)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(scales); i++) {
        cr_assert_gt(scales[i]->n, 0);
        cr_assert_leq(scales[i]->n, SC_HISTOGRAM_MAX);
        cr_assert_gt(scales[i]->us[0], 0);
        for (size_t k = 1; k < scales[i]->n; k++)
            cr_assert_gt(scales[i]->us[k], scales[i]->us[k - 1]);
    }
    cr_assert_eq(sc_scale_message.us[sc_scale_message.n - 1], INT64_C(6) * 3600 * 1000 * 1000);
}

Test(histogram, what_is_at_most_a_bound_is_in_its_bucket)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(scales); i++) {
        const struct sc_scale *s = scales[i];
        struct sc_histogram h;
        sc_histogram_init(&h, s);
        for (size_t k = 0; k < s->n; k++) {
            sc_histogram_add(&h, s->us[k]);
            cr_assert_eq(h.buckets[k], k ? 2 : 1);
            sc_histogram_add(&h, s->us[k] + 1);
            cr_assert_eq(h.buckets[k + 1], 1);
        }
        cr_assert_eq(sc_histogram_count(&h), 2 * s->n);
    }
}

Test(histogram, the_sum_is_exact_and_time_never_runs_backwards)
{
    struct sc_histogram h;
    sc_histogram_init(&h, &sc_scale_quick);
    sc_histogram_add(&h, 1500);
    sc_histogram_add(&h, -1000);
    sc_histogram_add(&h, 0);
    sc_histogram_add(&h, INT64_C(100) * 1000 * 1000);
    cr_assert_eq(h.sum_us, 100 * 1000 * 1000 + 1500);
    cr_assert_eq(h.buckets[0], 2);
    cr_assert_eq(h.buckets[sc_scale_quick.n], 1);
    cr_assert_eq(sc_histogram_count(&h), 4);
}

static sc_mono at_three(void *impl)
{
    (void)impl;
    return (sc_mono){ 3 };
}

Test(histogram, a_clock_without_ticks_counts_milliseconds)
{
    const struct sc_clock clock = { .mono = at_three };
    struct sc_histogram h;
    sc_histogram_init(&h, &sc_scale_quick);
    sc_histogram_since(&h, &clock, (sc_tick){ 1000 });
    cr_assert_eq(h.sum_us, 2000);
}

Test(histogram, the_systems_ticks_do_not_go_back)
{
    const struct sc_clock clock = sc_clock_system();
    sc_tick last = sc_clock_tick(&clock);
    cr_assert_gt(last.us, 0);
    for (int i = 0; i < 1000; i++) {
        sc_tick now = sc_clock_tick(&clock);
        cr_assert_geq(now.us, last.us);
        last = now;
    }
}
