/* router.h: takes messages in, finds where they go, keeps at it until a receipt or the TTL. */
#ifndef SIDECLAW_ROUTER_H
#define SIDECLAW_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/message.h"
#include "sideclaw/registry.h"
#include "sideclaw/spool.h"
#include "sideclaw/transport.h"

struct sc_router_limits {
    int64_t retry_min_ms, retry_max_ms;
    int64_t ack_ms;       /* resend when no `stored` receipt came for that long */
    int64_t refresh_ms;   /* ask again how far a stored message got */
    int64_t retention_ms; /* settled messages are kept that long */
    uint32_t default_ttl_s;
    uint32_t max_hops;
    uint32_t thread_rate; /* messages per thread and minute */
};

enum { SC_ROUTER_TRANSPORTS_MAX = 3 };

/* All borrowed; must outlive the router. */
struct sc_router_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_spool spool;
    struct sc_registry *registry;
    const char *self_name;
    struct sc_router_limits limits;
    struct sc_transport
        *transports[SC_ROUTER_TRANSPORTS_MAX]; /* in order of preference; NULL ends */
    /* Sign before the first send; NULL: no mesh key. */
    void (*sign)(void *ctx, struct sc_message *m);
    /* A message was committed to the inbox of a local agent, and is not at rest there: it wants a
     * turn, or waits for one before it. */
    void (*deliver)(void *ctx, const struct sc_message *m);
    /* Does something of its pair wait that was delivered so? NULL: never. */
    bool (*queues)(void *ctx, const struct sc_message *m);
    /* A message that was sent from here will not be delivered. NULL: nobody minds. */
    void (*died)(void *ctx, const struct sc_id *id, const char *reason);
    /* An incoming message with unknown fields got that far, in this turn's transaction; text: the
     * answer (REPLIED) or why it died. NULL: nobody wants to know. */
    void (*reached)(void *ctx, const struct sc_message *m, enum sc_stage stage, const char *text);
    void *ctx;
};

struct sc_router;
struct sc_router *sc_router_new(const struct sc_router_deps *deps);
/* Start the timers; reads what the spool still owes. */
void sc_router_start(struct sc_router *r);
void sc_router_free(struct sc_router *r);

/* err NULL: committed; m then carries id, to_gateway (NULL while unknown), seq and timestamp. */
typedef void sc_submit_fn(void *ctx, const struct sc_message *m, const struct sc_err *err);

/* sc_router_submit: accept a message of a local agent or person. The id may be the client's own
 * (idempotency): a second submission of it succeeds, changes nothing and answers like the first;
 * with another sender, receiver or body it is SC_EEXIST. Empty from_agent is an error: surfaces
 * fill it in. Fails at once with SC_EINVAL (a field), SC_ENOENT (nobody of that name, with the
 * nearest one), SC_EFULL, SC_EBUSY (thread rate); after 0, done runs once, after the commit. m is
 * borrowed. */
int sc_router_submit(struct sc_router *r, const struct sc_message *m, sc_submit_fn *done, void *ctx,
                     struct sc_err *err) SC_MUST_CHECK;

/* What a transport brought. take_msg becomes the router's. */
void sc_router_receive(struct sc_router *r, const struct sc_transport *via,
                       struct sc_message *take_msg, const struct sc_entry *entry);
void sc_router_receipts(struct sc_router *r, const struct sc_receipts *rc);
/* A transport or a gateway came back: send what waits, now. gateway NULL: everything. */
void sc_router_hurry(struct sc_router *r, const char *gateway);

/* The transport that a message for that gateway would leave by now; NULL: it would wait. */
const char *sc_router_way(const struct sc_router *r, const char *gateway);

/* How the mailbox reports what became of an incoming message; joins the turn's transaction and
 * tells the sender after the commit. Fails when the spool refuses: the stage stays as it was. */
int sc_router_progress(struct sc_router *r, const struct sc_message *m, enum sc_stage stage,
                       const char *reason, struct sc_err *err);
/* The mailbox's answer to m: a reply message in the same transaction as m's REPLIED. Fails when the
 * spool has no room for it; m is then where it was, and the answer can be fetched again. */
int sc_router_reply(struct sc_router *r, const struct sc_message *m, const char *text,
                    struct sc_err *err) SC_MUST_CHECK;

/* sc_router_retry_dead: give a dead letter (as the spool has it now) another life, in the turn's
 * transaction. *ret_as is the id it lives on under: its own, or that of a new message. Without
 * `force` SC_EEXIST when a turn ran or may have run for it; SC_EEXIST, too, when it is not dead, or
 * was retried before; SC_ENOENT when it was dropped, or its agent is gone. */
int sc_router_retry_dead(struct sc_router *r, const struct sc_record *rec, bool force,
                         struct sc_id *ret_as, struct sc_err *err) SC_MUST_CHECK;

/* Has an incoming message come, at least so far? One that died while it waited for the one before
 * it leaves that to whoever follows: then it is that one which must have come. */
bool sc_router_came(const struct sc_router *r, const struct sc_id *id, enum sc_stage least);

/* Wait for the end of an outgoing message: its reply or its death. After 0, done runs once: rec is
 * the outgoing record, reply the answer in the sender's inbox; both NULL on the deadline. */
typedef void sc_wait_fn(void *ctx, const struct sc_record *rec, const struct sc_record *reply);
struct sc_wait;
int sc_router_wait(struct sc_router *r, const struct sc_id *id, int64_t timeout_ms,
                   sc_wait_fn *done, void *ctx, struct sc_wait **ret,
                   struct sc_err *err) SC_MUST_CHECK;
void sc_router_wait_cancel(struct sc_wait *w);

/* What a transport carried, duplicates included; name NULL: there is none. */
struct sc_router_via {
    const char *name;
    uint64_t out, in;
    struct sc_histogram took; /* from handing over to its word that it has it */
};
/* How far from their acceptance here, by our clock alone, messages of agents here (no replies) got
 * in what time. A word of a later stage is one of those before it, too. */
enum sc_way_point { SC_WAY_STORED, SC_WAY_DELIVERED, SC_WAY_REPLIED, SC_WAY_POINTS };
struct sc_router_counters {
    uint64_t accepted, sent, retried, received, duplicates, delivered, replied, dead, rejected,
        receipts_in, receipts_out;
    uint64_t in_flight;
    struct sc_histogram reached[SC_WAY_POINTS];
    struct sc_router_via via[SC_ROUTER_TRANSPORTS_MAX];
};
void sc_router_counters(const struct sc_router *r, struct sc_router_counters *ret);
/* A transport put something unreadable aside. */
void sc_router_rejected(struct sc_router *r, const char *via, const char *reason);
/* The latest such reason, "" when none. */
const char *sc_router_last_rejected(const struct sc_router *r);

#endif
