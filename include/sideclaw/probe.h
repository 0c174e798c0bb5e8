/* probe.h: what answers prove. Pure: no timers, no clock; domain/prober.c drives it. */
#ifndef SIDECLAW_PROBE_H
#define SIDECLAW_PROBE_H

#include <stdbool.h>

#include "sideclaw/checks.h"
#include "sideclaw/clock.h"
#include "sideclaw/health_board.h"

/* One row per check. A failed one is repeated after again_ms, a good one after every_ms, both from
 * its start; `fall` failures in a row make the signal bad, `rise` good ones in a row mend it. */
struct sc_probe_rule {
    const char *name;
    enum sc_signal_id signal;
    int64_t every_ms, again_ms, deadline_ms;
    unsigned rise, fall;
};
const struct sc_probe_rule *sc_probe_rule(enum sc_check_id id);
const char *sc_check_answer_name(enum sc_check_answer a);

/* One life of the gateway, from its start on: within its grace nothing is called a fault, because a
 * start may take minutes and a starting gateway answers nothing, refuses or stalls. */
struct sc_life {
    int64_t grace_ms;
    sc_mono began;
    bool up;     /* it was seen working in this life */
    bool gone;   /* its process was there and is not */
    bool old;    /* its process had run for longer than a start takes when we first saw it */
    int64_t pid; /* 0: not known */
};
void sc_life_begin(struct sc_life *l, int64_t grace_ms, sc_mono now);
/* What this answer says of the life; before sc_probe_take of the same answer. */
void sc_life_take(struct sc_life *l, enum sc_check_id id, const struct sc_check_result *r,
                  sc_mono now);
/* May a failure of this kind be a start that is not over? */
bool sc_life_may_start(const struct sc_life *l, enum sc_check_answer a, sc_mono now);

/* The hysteresis of one signal. */
struct sc_probe {
    enum sc_signal_state state;
    enum sc_check_answer last;
    unsigned good, bad; /* in a row */
};
enum sc_signal_state sc_probe_take(struct sc_probe *p, const struct sc_probe_rule *rule,
                                   enum sc_check_answer a, bool may_start);
/* When to look again, from the start of the look that ended so. */
int64_t sc_probe_pause(const struct sc_probe_rule *rule, enum sc_check_answer a);

#endif
