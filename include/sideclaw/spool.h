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
#include "sideclaw/message.h"

/* One stored message and what became of it. */
struct sc_record {
    struct sc_message msg;
    bool incoming; /* from the inbox table, else from the outbox */
    enum sc_stage stage;
    unsigned attempts;
    bool acked;               /* incoming: read and done with */
    sc_wall times[SC_STAGES]; /* 0 where the stage was not reached */
    char *reason;             /* of a dead one; NULL */
};
void sc_record_init(struct sc_record *r);
void sc_record_fini(struct sc_record *r);
#define sc_auto_record __attribute__((cleanup(sc_record_fini)))

/* Return false to stop. The record is borrowed for the call. */
typedef bool sc_record_fn(void *ctx, const struct sc_record *r);
/* err NULL: committed. Else nothing of the turn's writes exists. */
typedef void sc_commit_fn(void *ctx, const struct sc_err *err);

struct sc_spool_stats {
    int64_t outbox_open, inbox_open, dead, bytes;
    int64_t commits;
    double commit_seconds; /* total */
};

/* Which sender -> receiver lanes have incoming messages waiting for a turn. */
typedef void sc_lane_fn(void *ctx, const char *to_agent, const char *from_agent,
                        const char *from_gateway);

/* Which rows of an inbox: what is not read, everything, or of the former only what was delivered.
 */
enum sc_list { SC_LIST_UNREAD, SC_LIST_ALL, SC_LIST_DELIVERED };

struct sc_spool_ops {
    /* --- outgoing --- */
    /* Store m as ACCEPTED, due for sending again at `next`. Gives it its seq. SC_EEXIST when the id
     * is there already; SC_EFULL at the spool's bounds or a full disk. */
    int (*out_put)(void *impl, struct sc_message *m, sc_wall now, sc_wall next, struct sc_err *err);
    /* Move forward to `stage`; a stage already passed is SC_OK and changes nothing. ret_kind and
     * ret_changed may be NULL. SC_ENOENT when unknown. */
    int (*out_advance)(void *impl, const struct sc_id *id, enum sc_stage stage, sc_wall at,
                       const char *reason, bool *ret_changed, struct sc_err *err);
    /* How far it got, and why not further ("" mostly): get without the message. SC_ENOENT. */
    int (*out_stage)(void *impl, const struct sc_id *id, enum sc_stage *ret_stage,
                     char ret_reason[SC_REASON_MAX], struct sc_err *err);
    /* Count an attempt and be due again at `next`. */
    int (*out_retry)(void *impl, const struct sc_id *id, sc_wall next, struct sc_err *err);
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

    /* --- incoming --- */
    /* Store m as *stage: STORED, or at once DELIVERED when it goes no further than where it lies.
     * SC_EEXIST for a duplicate, with its present stage and reason. */
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
    /* The oldest message of the lane that still wants a turn. SC_ENOENT when there is none; SC_EBUSY
     * until it is committed: a gateway must not run what a failed commit takes back. */
    int (*in_head)(void *impl, const char *to_agent, const char *from_agent,
                   const char *from_gateway, struct sc_record *ret, struct sc_err *err);
    int (*in_lanes)(void *impl, sc_lane_fn *fn, void *ctx, struct sc_err *err);
    int (*in_list)(void *impl, const char *agent, enum sc_list what, int limit, sc_record_fn *fn,
                   void *ctx, struct sc_err *err);
    /* Visit what is no further than STORED of a lane, by seq. */
    int (*in_rest)(void *impl, const char *to_agent, const char *from_agent,
                   const char *from_gateway, int limit, sc_record_fn *fn, void *ctx,
                   struct sc_err *err);
    /* List it behind all others from now on: some that come first were stored after it. */
    int (*in_last)(void *impl, const struct sc_id *id, struct sc_err *err);
    int (*in_ack)(void *impl, const char *agent, const struct sc_id *id, sc_wall at,
                  struct sc_err *err);
    /* The reply to message id that lies in an inbox here; SC_ENOENT when there is none. */
    int (*in_reply_to)(void *impl, const struct sc_id *id, struct sc_record *ret,
                       struct sc_err *err);

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
