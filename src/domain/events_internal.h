/* events_internal.h: shared by events.c (what is said here) and events_live.c (what is heard). */
#ifndef SIDECLAW_EVENTS_INTERNAL_H
#define SIDECLAW_EVENTS_INTERNAL_H

#include "sideclaw/events.h"
#include "sideclaw/limits.h"
#include "sideclaw/map.h"

struct said {
    struct sc_event *event;
    TAILQ_ENTRY(said) link;
};

struct heard {
    uint64_t seq;
    struct sc_event *event;
};

struct sc_events {
    struct sc_events_deps d;
    TAILQ_HEAD(said_list, said) waiting; /* oldest first; the first `under_way` are being pushed */
    size_t under_way;
    struct sc_timer *again;
    struct sc_map *rates;  /* agent -> struct rate */
    struct sc_map *deaths; /* kind -> struct deaths */
    struct sc_events_stats n;
    /* events_live.c: a ring, the event of number s at s modulo its size */
    struct heard heard[SC_EVENTS_HEARD_MAX];
    uint64_t last;
    bool following;
    LIST_HEAD(, sc_event_listener) listeners;
};

void events_flush(void *events);
/* Number it, keep a copy and tell who listens. */
void events_hear(struct sc_events *e, const struct sc_event *ev);

#endif
