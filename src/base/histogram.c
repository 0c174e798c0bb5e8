#include "sideclaw/histogram.h"

#define MS (INT64_C(1000))
#define S (1000 * MS)
#define MIN (60 * S)

/* A dashboard's quantiles are as good as the bounds around them: here they are where the answers
 * are, roughly 1, 2.5, 5. */
const struct sc_scale sc_scale_quick = {
    .n = 16,
    .us = { 100, 250, 500, 1 * MS, 2500, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS,
            500 * MS, 1 * S, 2500 * MS, 5 * S, 10 * S },
};

/* Nine probes have one each: few bounds, and around the deadlines of domain/probe.c (1 to 10 s). */
const struct sc_scale sc_scale_probe = {
    .n = 10,
    .us = { 1 * MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, 500 * MS, 1 * S, 3 * S, 5 * S, 10 * S },
};

/* A turn of a model takes seconds to half an hour; a receiver may be away for a night. */
const struct sc_scale sc_scale_message = {
    .n = 16,
    .us = { 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S, 2500 * MS,
            5 * S, 10 * S, 30 * S, 1 * MIN, 5 * MIN, 30 * MIN, 360 * MIN },
};

void sc_histogram_init(struct sc_histogram *h, const struct sc_scale *scale)
{
    *h = (struct sc_histogram){ .scale = scale };
}

void sc_histogram_add(struct sc_histogram *h, int64_t us)
{
    size_t i = 0;
    if (us < 0)
        us = 0;
    while (i < h->scale->n && us > h->scale->us[i])
        i++;
    h->buckets[i]++;
    h->sum_us += (uint64_t)us;
}

void sc_histogram_since(struct sc_histogram *h, const struct sc_clock *clock, sc_tick began)
{
    sc_histogram_add(h, sc_clock_tick(clock).us - began.us);
}

uint64_t sc_histogram_count(const struct sc_histogram *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= h->scale->n; i++)
        n += h->buckets[i];
    return n;
}
