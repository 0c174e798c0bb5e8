/* redis_streams.h: one agent's stream, shared by redis_streams.c (in flight, settled) and
 * redis_drain.c (reading what waits). */
#ifndef SIDECLAW_REDIS_STREAMS_H
#define SIDECLAW_REDIS_STREAMS_H

#include "redis_internal.h"

/* Redis's <ms>-<seq>. */
struct entry_id {
    uint64_t ms, seq;
};

enum reading { QUIET, QUEUED, READING };

struct stream {
    char *agent;
    char *key;                /* <prefix>:agents:<agent>:inbox */
    struct sc_map *flights;   /* entry -> struct flight: reported and not settled, oldest first */
    struct entry_id *settled; /* of this turn */
    size_t n_settled, cap_settled;
    enum reading reading;
    TAILQ_ENTRY(stream) queued; /* while QUEUED */
    struct entry_id next;       /* where the drain goes on */
    unsigned page;              /* entries to ask for */
    bool kept;                  /* while the set of agents changes */
};

/* Ask how long the stream is, and read it when it holds more than what is in flight. */
void sc_redis_drain(struct sc_redis *r, const struct stream *s);
/* Forget that there is more to read. */
void sc_redis_drain_stop(struct sc_redis *r, struct stream *s);
/* Go on reading what is queued, as far as the bounds allow. */
void sc_redis_drain_pump(struct sc_redis *r);

#endif
