/* histogram.h: how long things took, for /metrics. Embedded in its owner; adding to one allocates
 * nothing and reads no clock. */
#ifndef SIDECLAW_HISTOGRAM_H
#define SIDECLAW_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/clock.h"

enum { SC_HISTOGRAM_MAX = 16 };

/* Upper bounds, rising; each bucket takes what is at most its bound. Above the last one there is
 * one more. */
struct sc_scale {
    size_t n;
    int64_t us[SC_HISTOGRAM_MAX];
};
extern const struct sc_scale sc_scale_quick; /* a round trip to a machine nearby: 0.1 ms to 10 s */
extern const struct sc_scale sc_scale_probe; /* a look with a deadline: 1 ms to 10 s */
extern const struct sc_scale sc_scale_message; /* from sender to answer: 5 ms to 6 h */

struct sc_histogram {
    const struct sc_scale *scale;
    uint64_t buckets[SC_HISTOGRAM_MAX + 1]; /* each its own, not those below it */
    uint64_t sum_us;
};

void sc_histogram_init(struct sc_histogram *h, const struct sc_scale *scale);
/* A negative time, of a wall clock that was set back meanwhile, counts as none. */
void sc_histogram_add(struct sc_histogram *h, int64_t us);
void sc_histogram_since(struct sc_histogram *h, const struct sc_clock *clock, sc_tick began);
uint64_t sc_histogram_count(const struct sc_histogram *h);

#endif
