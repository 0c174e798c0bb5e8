/* fake_clock.h: the clock port, moved by hand. */
#ifndef SIDECLAW_TESTS_FAKE_CLOCK_H
#define SIDECLAW_TESTS_FAKE_CLOCK_H

#include "sideclaw/clock.h"

struct fake_clock {
    const int64_t *now; /* the world's monotonic milliseconds */
    int64_t wall_zero;  /* what the wall shows at 0; moving it is a clock jump */
};
struct sc_clock fake_clock_port(struct fake_clock *c);

#endif
