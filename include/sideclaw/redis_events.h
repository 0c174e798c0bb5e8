/* redis_events.h: the port of event.h over Redis: a list, newest first, and a channel (DESIGN 3).
 */
#ifndef SIDECLAW_REDIS_EVENTS_H
#define SIDECLAW_REDIS_EVENTS_H

#include "sideclaw/event.h"
#include "sideclaw/redis_transport.h"

struct sc_redis_events;
struct sc_redis_events_deps {
    struct sc_redis *redis; /* borrowed, as all */
    void (*ready)(void *ctx);
    sc_event_fn *heard;
    void *ctx;
};
struct sc_redis_events *sc_redis_events_new(const struct sc_redis_events_deps *deps);
struct sc_event_log sc_redis_events_log(struct sc_redis_events *e);
/* Before the transport is closed: stop listening. */
void sc_redis_events_close(struct sc_redis_events *e);
/* After the transport's close has ended what was pending, and before it is freed. */
void sc_redis_events_free(struct sc_redis_events *e);

#endif
