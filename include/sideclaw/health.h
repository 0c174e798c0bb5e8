/* health.h: the values of the health board (DESIGN 6). */
#ifndef SIDECLAW_HEALTH_H
#define SIDECLAW_HEALTH_H

enum sc_health { SC_HEALTHY, SC_DEGRADED, SC_DRAINING, SC_DEAD };
const char *sc_health_name(enum sc_health h);

enum sc_signal_state {
    SC_SIGNAL_UNKNOWN, /* not measured yet */
    SC_SIGNAL_OK,
    SC_SIGNAL_STARTING, /* not yet, and within its grace */
    SC_SIGNAL_BAD,
    SC_SIGNAL_OFF /* switched off by the configuration */
};
const char *sc_signal_state_name(enum sc_signal_state s);

#endif
