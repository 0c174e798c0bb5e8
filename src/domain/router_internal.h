/* router_internal.h: shared by the router's files; each has one job (see README.md). */
#ifndef SIDECLAW_ROUTER_INTERNAL_H
#define SIDECLAW_ROUTER_INTERNAL_H

#include "sideclaw/map.h"
#include "sideclaw/router.h"

/* Receipts on their way to one gateway, gathered over a turn. */
struct receipt_batch {
    struct sc_receipts r;
    size_t cap;
};

enum { ROUTER_RESTING = 256 }; /* a power of two, at most that of a byte */

/* Which transport it was that answers. */
struct sender {
    struct sc_router *r;
    const struct sc_transport *t;
};

/* Its sender gave it up, and no other gateway has said a word of it. */
#define ROUTER_UNHEARD "expired: no gateway said within its ttl that it has it"
#define ROUTER_UNKNOWN "ambiguous: expired, and no gateway said within its ttl that it has it"

struct sc_router {
    struct sc_router_deps d;
    struct sender senders[SC_ROUTER_TRANSPORTS_MAX];
    struct sc_router_counters n;
    char last_rejected[SC_REASON_MAX + 64];
    struct sc_timer *due_timer; /* the next retry */
    sc_wall due_at;             /* when it is armed for; 0: not armed */
    struct sc_timer *expire_timer;
    sc_mono started; /* this process's life, by both clocks */
    sc_wall started_wall;
    int64_t wall_ahead_ms;   /* of the monotonic clock, when the due timer fired last */
    struct sc_map *receipts; /* gateway -> struct receipt_batch, sent after the commit */
    bool flush_queued, flush_patient;
    bool patient;         /* while what is received can wait for the next commit but one */
    struct sc_map *waits; /* id -> struct sc_wait, a list */
    size_t n_waits;
    uint64_t wakes;
    struct sc_map *backlog;               /* id -> struct under_way, see router_pace.c */
    bool backlog_waits;                   /* more is due than may be under way */
    struct sc_map *latest;                /* pair -> struct latest, see router_order.c */
    struct sc_map *latest_by_id;          /* id -> the same */
    struct sc_id resting[ROUTER_RESTING]; /* of late, by their last byte; see router_rest.c */
    struct sc_map *rates;                 /* thread -> count in this minute */
    sc_mono rates_since;
};

sc_wall router_now(const struct sc_router *r);
/* It is at least that late: the wall clock, but not further than the time that has passed. What is
 * forgotten too early may be run twice or have no end, so a clock set far ahead must not age it. */
sc_wall router_surely(const struct sc_router *r);

/* router_home.c: bring m to where it belongs; it is committed already. `taken`: how often a
 * transport took it in vain. False when the spool refused the local half. */
bool router_dispatch(struct sc_router *r, const struct sc_message *m, unsigned taken);
/* May m not go to that gateway now, if it was not there before? */
bool router_held_back(const struct sc_router *r, const struct sc_message *m, const char *gateway);
/* A gateway says that it does not have it and never will. */
void router_refused(struct sc_router *r, const char *by, const struct sc_id *id);

/* router_send.c: to its home, whole, or to ask how far it got there. */
bool router_bring(struct sc_router *r, const struct sc_message *m, unsigned taken);
bool router_ask(struct sc_router *r, const struct sc_message *m, unsigned taken);
/* Make sure that the due timer fires at `at` or earlier. */
void router_due(struct sc_router *r, sc_wall at);
void router_on_due(void *router);

/* router_way.c: hand m, signed, to a transport; false when none takes it. done gets the struct
 * sender of the one that did. */
bool router_carry(struct sc_router *r, const struct sc_message *m, unsigned taken,
                  sc_transport_done_fn *done);
/* Is there one that would? */
bool router_has_way(const struct sc_router *r, const char *gateway);
/* For people: that transport could not carry it. The retry does not depend on it. */
void router_note_failure(struct sc_router *r, const struct sc_id *id, const char *via,
                         const char *why);
/* The transport that brings receipts there; NULL when none does. */
struct sc_transport *router_way_back(const struct sc_router *r, const char *gateway);
void router_note_arrival(struct sc_router *r, const struct sc_transport *via);

/* router_times.c: an outgoing message moved to that stage. */
void router_times_init(struct sc_router *r);
void router_times_note(struct sc_router *r, const struct sc_moved *m, enum sc_stage stage);

/* router_receive.c: the local half of a send, in the caller's transaction; false when the spool
 * refused it. */
bool router_store_local(struct sc_router *r, const struct sc_message *m);
/* Move an outgoing message; logs, counts and wakes waiters when it changed. `note`: of DEAD the
 * reason, of SENT the transport. False when the spool refused the write. */
bool router_advance(struct sc_router *r, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                    const char *note);
/* Past its ttl? What has none never is. */
bool router_is_expired(const struct sc_router *r, const struct sc_message *m);

/* router_receipts.c: tell `gateway` after this turn's commit. NULL or external senders: nothing. */
void router_tell(struct sc_router *r, const char *gateway, const struct sc_id *id,
                 enum sc_stage stage, const char *reason);
void router_free_batch(void *batch);
/* As the spool's after_commit, or after_commit_soon while r->patient. */
void router_after_commit(struct sc_router *r, sc_commit_fn *fn, void *ctx);

/* router_wait.c: what happened to outgoing message id may be what somebody waits for; looked at
 * after the commit. */
void router_wake(struct sc_router *r, const struct sc_id *id);
void router_free_waits(struct sc_router *r);

/* router_order.c: FIFO per (sender, receiver). Names the one before m that is under way. */
void router_order_follow(const struct sc_router *r, struct sc_message *m);
/* m is the latest of its pair from here on. */
void router_order_lead(struct sc_router *r, const struct sc_message *m);
/* It is stored or dead: nobody needs to wait for it. */
void router_order_resolved(struct sc_router *r, const struct sc_id *id, enum sc_stage stage);
/* It was never committed: who led before it does so again. */
void router_order_undo(struct sc_router *r, const struct sc_id *id);
/* Before m is sent again: is the one before it still under way? */
void router_order_refresh(const struct sc_router *r, struct sc_message *m);
/* What an earlier life left under way. */
void router_order_start(struct sc_router *r);
void router_order_init(struct sc_router *r);
void router_order_free(struct sc_router *r);

/* router_rest.c: agents that nobody wakes read their inbox, in order. Must m, just stored, wait
 * there for one before it? */
bool router_rest_waits(const struct sc_router *r, const struct sc_message *m);
/* It need not: it is delivered. */
void router_rests(struct sc_router *r, const struct sc_id *id);
/* A commit failed: what was delivered is not even stored. */
void router_rest_forget(struct sc_router *r);

/* router_pace.c: how much of a backlog is under way. How much more may be; 0: the due timer is
 * armed for when there is room for sure, and a receipt may make it earlier. */
size_t router_pace_room(struct sc_router *r);
/* A retry of it was taken by a transport. */
void router_pace_sent(struct sc_router *r, const struct sc_id *id);
/* It is stored or dead, or did not leave. */
void router_pace_over(struct sc_router *r, const struct sc_id *id);
/* After a full batch of retries, of which so many were tried and taken: when is the next one? */
void router_pace_next(struct sc_router *r, size_t tried, size_t taken);
void router_pace_init(struct sc_router *r);
void router_pace_fini(struct sc_router *r);

/* router_guard.c: false when the thread (or, without one, the pair of agents) is over its rate. */
bool router_rate_ok(struct sc_router *r, const struct sc_message *m);

#endif
