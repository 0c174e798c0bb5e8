/* events.h: what this sidecar and its agents have to say to everybody: bounded, at a bearable rate,
 * in order, also when the mesh's log is away for a while; and what everybody says, live. */
#ifndef SIDECLAW_EVENTS_H
#define SIDECLAW_EVENTS_H

#include <stdint.h>
#include <sys/queue.h>

#include "sideclaw/event.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"

/* All borrowed. */
struct sc_events_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_event_log sink;
    const char *self_name;
};

struct sc_events;
struct sc_events *sc_events_new(const struct sc_events_deps *deps);
/* Pushes under way must have ended: free the log first. */
void sc_events_free(struct sc_events *e);

/* sc_events_push: an agent says something. SC_EINVAL names the field; SC_EBUSY: more than
 * SC_EVENTS_RATE_MAX a minute. After 0 it waits here at most until the log takes it: pushed at once
 * while that is up. *ret_id is its id. */
int sc_events_push(struct sc_events *e, const char *agent, const char *kind, const char *text,
                   struct sc_id *ret_id, struct sc_err *err) SC_MUST_CHECK;
/* The sidecar says something. `once` (NULL: none) names what others may say too: the mesh keeps the
 * first within a minute. */
void sc_events_note(struct sc_events *e, const char *kind, const char *once, const char *fmt, ...)
    SC_PRINTF(4, 5);
/* Something died, of which there may be thousands: one event for the first, then one a minute with
 * how many. `kind` is a literal. */
void sc_events_died(struct sc_events *e, const char *kind, const char *what, const char *reason);

/* The log came up. */
void sc_events_ready(struct sc_events *e);
/* What the log's channel brought. */
void sc_events_heard(struct sc_events *e, const struct sc_event *ev);

/* sc_events_list: the newest ones, newest first: first those of ours that wait, then the log's;
 * while there is none, what was heard here. done's err is the log's trouble, after what could be
 * shown all the same. */
void sc_events_list(struct sc_events *e, size_t limit, sc_event_fn *each, sc_event_done_fn *done,
                    void *ctx);

/* --- live --- */
/* The caller's storage, linked while it listens. */
struct sc_event_listener {
    void (*event)(void *ctx, uint64_t seq, const struct sc_event *e);
    void *ctx;
    LIST_ENTRY(sc_event_listener) link;
};
void sc_events_listen(struct sc_events *e, struct sc_event_listener *l);
/* Hear what others say from now on, whoever listens or asks later. */
void sc_events_follow(struct sc_events *e);
void sc_events_unlisten(struct sc_event_listener *l);
/* Every event that is heard here gets a number of this process; the last one's. */
uint64_t sc_events_last(const struct sc_events *e);
/* Visit those that are kept (SC_EVENTS_HEARD_MAX) and came after `seq`, oldest first. */
void sc_events_since(const struct sc_events *e, uint64_t seq, sc_event_fn *each, void *ctx);

struct sc_events_stats {
    uint64_t pushed, heard, dropped; /* dropped: they waited, and there was no room */
    size_t waiting;
};
void sc_events_stats(const struct sc_events *e, struct sc_events_stats *ret);

#endif
