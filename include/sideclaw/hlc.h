/* hlc.h: a hybrid logical clock: close to the time of day, and still later than everything it has
 * seen. Milliseconds in the upper 48 bits, a counter in the lower 16, so that stamps compare as
 * numbers. Pure: who asks gives the time. */
#ifndef SIDECLAW_HLC_H
#define SIDECLAW_HLC_H

#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/limits.h"

/* When something was written, and by whom: of two writes the later one counts, and of two of the
 * same moment the one whose node comes later, byte by byte. hlc 0: never. */
struct sc_stamp {
    uint64_t hlc;
    char node[SC_NAME_MAX + 1];
};
int sc_stamp_cmp(const struct sc_stamp *a, const struct sc_stamp *b);

struct sc_hlc {
    uint64_t last;
    int64_t max_drift_ms; /* what is further ahead of our own clock is not believed */
};

sc_wall sc_hlc_wall(uint64_t hlc);
/* The first stamp of that millisecond; times before 1970 and after 10889 are cut. */
uint64_t sc_hlc_at(sc_wall t);

/* sc_hlc_tick: later than all before. When our own clock was set back by more than max_drift_ms it
 * starts again from there: stamps that far ahead would be refused by everybody. */
uint64_t sc_hlc_tick(struct sc_hlc *h, sc_wall now);
/* sc_hlc_see: what we write from now on is later than `remote`. SC_EPROTO, and nothing changes,
 * when that is too far ahead: one wrong clock must not take all others along. */
int sc_hlc_see(struct sc_hlc *h, uint64_t remote, sc_wall now, struct sc_err *err) SC_MUST_CHECK;

#endif
