/* spool.h: port: messages on disk (store/spool_sqlite.c). Calls are synchronous and join the turn's
 * transaction, which the spool commits at the end of the turn (loop.h) if anybody waits for it, and
 * soon afterwards if nobody does; nobody outside may be told anything before sc_spool_after_commit
 * says SC_OK. */
#ifndef SIDECLAW_SPOOL_H
#define SIDECLAW_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/histogram.h"
#include "sideclaw/message.h"

/* One stored message and what became of it. */
struct sc_record {
    struct sc_message msg;
    bool incoming; /* from the inbox table, else from the outbox */
    enum sc_stage stage;
    unsigned attempts;
    bool acked;               /* incoming: read and done with */
    bool ambiguous;           /* whether a turn ran for it, or only one, cannot be known */
    bool listed;              /* dead, and nobody has retried or dropped it */
    sc_wall times[SC_STAGES]; /* 0 where the stage was not reached */
    sc_wall due;              /* outgoing: the next attempt; 0: none */
    sc_wall revived;          /* an operator gave it another life; 0: never */
    struct sc_id retry_of;    /* outgoing: the dead one it repeats; zero: none */
    struct sc_id retried_as;  /* outgoing, dead: the one that repeats it */
    char *via;                /* outgoing: the transport that took it, or is tried; NULL */
    char *last_error;         /* why the last attempt led nowhere, or it died before; NULL */
    char *reason;             /* of a dead one; NULL */
};
void sc_record_init(struct sc_record *r);
void sc_record_fini(struct sc_record *r);
#define sc_auto_record __attribute__((cleanup(sc_record_fini)))

/* Return false to stop. The record is borrowed for the call. */
typedef bool sc_record_fn(void *ctx, const struct sc_record *r);
/* err NULL: committed. Else nothing of the turn's writes exists. */
typedef void sc_commit_fn(void *ctx, const struct sc_err *err);

/* How an attempt to send went; NULL keeps what is known. */
struct sc_attempt {
    const char *via, *error;
};

/* What an advance did: from which stage, if it moved at all, and since when it has been on its way.
 */
struct sc_moved {
    bool changed;
    enum sc_kind kind;
    enum sc_stage from;
    sc_wall accepted;
};

/* Which dead letters. */
struct sc_dead_query {
    bool incoming;      /* of the inbox, else of the outbox */
    const char *agent;  /* sender or receiver; NULL: any */
    const char *reason; /* what the reason begins with; NULL: any */
    int skip, limit;    /* rows to pass over, rows at most */
};

/* Both directions: [0] outgoing, [1] incoming. */
struct sc_spool_stats {
    int64_t outbox_open, inbox_open;
    int64_t messages, bytes;         /* all that is kept, settled or not */
    int64_t max_messages, max_bytes; /* 0: no bound */
    int64_t dead[2], ambiguous[2];   /* dead letters; those of them that are ambiguous */
    int64_t full, agent_full;        /* puts that were refused since the start */
    int64_t commits, failed_commits;
    struct sc_histogram commit_seconds;
};

/* Which sender -> receiver lanes have incoming messages waiting for a turn. */
typedef void sc_lane_fn(void *ctx, const char *to_agent, const char *from_agent,
                        const char *from_gateway);

/* Which rows of an inbox: what is not read, everything, or of the former only what was delivered;
 * NEWEST: what lies there unread, the newest first. */
enum sc_list { SC_LIST_UNREAD, SC_LIST_ALL, SC_LIST_DELIVERED, SC_LIST_NEWEST };

struct sc_spool_ops {
    /* --- outgoing --- */
    /* Store m as ACCEPTED, due for sending again at `next`. Gives it its seq. SC_EEXIST when the id
     * is there already; SC_EFULL at the spool's bounds or a full disk; SC_EBUSY when too many of
     * its sender are on their way. */
    int (*out_put)(void *impl, struct sc_message *m, sc_wall now, sc_wall next, struct sc_err *err);
    /* Move forward to `stage`; a stage already passed is SC_OK and changes nothing, but that a late
     * word resolves an ambiguous death: times are noted, and a certain reason counts. `note`: why,
     * of DEAD; by which transport, of SENT. ret_moved may be NULL. SC_ENOENT when unknown. */
    int (*out_advance)(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                       const char *note, struct sc_moved *ret_moved, struct sc_err *err);
    /* How far it got, and why not further ("" mostly): get without the message. SC_ENOENT. */
    int (*out_stage)(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                     char ret_reason[SC_REASON_MAX], struct sc_err *err);
    /* Count an attempt and be due again at `next`. */
    int (*out_retry)(void *impl, const struct sc_id *id, sc_wall next, const struct sc_attempt *a,
                     struct sc_err *err);
    /* An attempt came to nothing. */
    int (*out_note)(void *impl, const struct sc_id *id, const struct sc_attempt *a,
                    struct sc_err *err);
    /* Be due again at `next` without counting an attempt. */
    int (*out_defer)(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err);
    /* It goes to that gateway from now on. */
    int (*out_address)(void *impl, const struct sc_id *id, const char *gateway, struct sc_err *err);
    /* Visit, oldest first, what is due at `now` (limit rows), settled ones excluded. */
    int (*out_due)(void *impl, sc_wall now, int limit, sc_record_fn *fn, void *ctx,
                   struct sc_err *err);
    /* Make everything unsettled for that gateway (NULL: for all) due now. */
    int (*out_hurry)(void *impl, const char *gateway, sc_wall now, struct sc_err *err);
    /* When the next one is due; ms 0: none waits. */
    int (*out_next_due)(void *impl, sc_wall *ret, struct sc_err *err);
    int (*out_list)(void *impl, bool all, int limit, sc_record_fn *fn, void *ctx,
                    struct sc_err *err);
    /* Visit the latest message of each (sender, receiver) that nobody is known to have stored.
     * Reads all open rows: for a new life. */
    int (*out_leaders)(void *impl, sc_record_fn *fn, void *ctx, struct sc_err *err);
    /* The outgoing reply to message id; SC_ENOENT when there is none. */
    int (*out_reply_to)(void *impl, const struct sc_id *id, struct sc_record *ret,
                        struct sc_err *err);

    /* --- incoming --- */
    /* Store m as *stage: STORED, or at once DELIVERED when it goes no further than where it lies.
     * SC_EEXIST for a duplicate, with its present stage and reason. SC_EBUSY when too many wait for
     * its agent. */
    int (*in_put)(void *impl, const struct sc_message *m, sc_wall now, enum sc_stage *stage,
                  char ret_reason[SC_REASON_MAX], struct sc_err *err);
    /* What is not here shall never be: its id is dead for that reason, for as long as ids are
     * remembered. SC_EEXIST when it is here, or was. */
    int (*in_refuse)(void *impl, const struct sc_id *id, sc_wall at, const char *reason,
                     struct sc_err *err);
    /* How far it got, and why not further ("" mostly), also when nothing but its id is left.
     * SC_ENOENT. */
    int (*in_stage)(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                    char ret_reason[SC_REASON_MAX], struct sc_err *err);
    int (*in_advance)(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                      const char *reason, struct sc_err *err);
    /* The oldest message of the lane that still wants a turn. SC_ENOENT when there is none;
     * SC_EBUSY until it is committed: a gateway must not run what a failed commit takes back. */
    int (*in_head)(void *impl, const char *to_agent, const char *from_agent,
                   const char *from_gateway, struct sc_record *ret, struct sc_err *err);
    int (*in_lanes)(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err);
    int (*in_list)(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                   void *ctx, struct sc_err *err);
    /* Visit what is no further than STORED of a lane, by seq (at most SC_LIST_MAX). */
    int (*in_rest)(void *impl, const char *to_agent, const char *from_agent,
                   const char *from_gateway, sc_record_fn *fn, void *ctx, struct sc_err *err);
    /* List it behind all others from now on: some that come first were stored after it. */
    int (*in_last)(void *impl, const struct sc_id *id, struct sc_err *err);
    int (*in_ack)(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
                  struct sc_err *err);
    /* The reply to message id that lies in an inbox here; SC_ENOENT when there is none. */
    int (*in_reply_to)(void *impl, const struct sc_id *id, struct sc_record *ret,
                       struct sc_err *err);

    /* --- dead letters: what died, and nobody has retried or dropped --- */
    /* In the order of their deaths. */
    int (*dead_list)(void *impl, const struct sc_dead_query *q, sc_record_fn *fn, void *ctx,
                     struct sc_err *err);
    /* Take it from the list; its row stays, and with it the memory of its id. SC_ENOENT when it is
     * not on it. */
    int (*dead_drop)(void *impl, const struct sc_id *id, bool incoming, struct sc_err *err);
    /* A dead outgoing one is ACCEPTED again as m, which differs from it in its time alone. */
    int (*out_revive)(void *impl, const struct sc_message *m, sc_wall at, sc_wall next,
                      struct sc_err *err);
    /* Message `as` repeats the dead `id`, which leaves the list. */
    int (*out_retried)(void *impl, const struct sc_id *id, const struct sc_id *as,
                       struct sc_err *err);
    /* A dead incoming one is STORED again, as if it came at `at`; so is its sender's row, when that
     * is here. `ran`: a turn may have run for it already, which makes it ambiguous. */
    int (*in_revive)(void *impl, const struct sc_id *id, sc_wall at, bool ran, struct sc_err *err);

    /* --- both --- */
    int (*get)(void *impl, const struct sc_id *id, bool incoming, struct sc_record *ret,
               struct sc_err *err);
    /* Drop what settled longer than `retention_ms` ago (at most some thousand rows a call). */
    int (*expire)(void *impl, sc_wall now, int64_t retention_ms, struct sc_err *err);
    void (*after_commit)(void *impl, sc_commit_fn *fn, void *ctx);
    /* The same for who does not mind to wait some 20 ms, so that many share a commit. NULL: there
     * is no difference. */
    void (*after_commit_soon)(void *impl, sc_commit_fn *fn, void *ctx);
    void (*stats)(void *impl, struct sc_spool_stats *ret);
};
struct sc_spool {
    const struct sc_spool_ops *ops;
    void *impl;
};

#endif
