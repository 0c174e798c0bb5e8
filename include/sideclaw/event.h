/* event.h: what happened in the mesh, for everybody: said once, kept in a list that is cut at its
 * end, and heard live by whoever listens. Best effort by design: an event is news, not a message.
 */
#ifndef SIDECLAW_EVENT_H
#define SIDECLAW_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/id.h"

/* All strings are owned; NULL where absent. What somebody pushed with plain redis-cli has only a
 * text. */
struct sc_event {
    struct sc_id id; /* zero: none */
    sc_wall at;      /* 0: unknown */
    char *kind;      /* "note", "gateway_down" */
    char *agent;     /* who says so; NULL: a sidecar */
    char *gateway;   /* where */
    char *text;
    char *once; /* here only: several sidecars may say this one thing; NULL: it is unique */
};
void sc_event_fini(struct sc_event *e);
struct sc_event *sc_event_copy(const struct sc_event *e); /* heap */
void sc_event_free(struct sc_event *e);

typedef void sc_event_fn(void *ctx, const struct sc_event *e);      /* borrowed for the call */
typedef void sc_event_done_fn(void *ctx, const struct sc_err *err); /* err NULL: done */

/* Port: the mesh's list of events and its channel (Redis in store/redis_events.c). */
struct sc_event_log_ops {
    bool (*is_up)(const void *impl);
    /* Add them in this order and tell who listens. What is there already, by its id or its `once`,
     * is left out, so that pushing again after a lost answer is safe. */
    int (*push)(void *impl, const struct sc_event *const *v, size_t n, sc_event_done_fn *done,
                void *ctx, struct sc_err *err);
    /* Visit the newest ones, newest first, then done. */
    int (*list)(void *impl, size_t limit, sc_event_fn *each, sc_event_done_fn *done, void *ctx,
                struct sc_err *err);
    /* Somebody listens: from now on what others say comes through sc_events_heard. */
    void (*follow)(void *impl);
};
struct sc_event_log {
    const struct sc_event_log_ops *ops; /* NULL: there is none */
    void *impl;
};

#endif
