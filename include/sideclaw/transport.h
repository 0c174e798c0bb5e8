/* transport.h: port: carries envelopes and receipts to another gateway (DESIGN 5). Three of them
 * (redis, peer, consul) carry the same envelope; the receiver's dedupe makes switching safe. */
#ifndef SIDECLAW_TRANSPORT_H
#define SIDECLAW_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/directory.h" /* enum sc_link_state */
#include "sideclaw/err.h"
#include "sideclaw/histogram.h"
#include "sideclaw/message.h"

struct sc_transport;

/* The durable copy a message came from: settled once it is stored here. A value, opaque to the
 * domain; `name` is e.g. a stream entry's id or a KV key (empty: nothing to settle). */
struct sc_entry {
    char name[256];
    char stream[SC_NAME_MAX + 1]; /* the agent whose durable copy it is */
    bool waited; /* it lay there for a while: a moment more costs nobody anything */
};

/* What comes in; called from the loop only. */
struct sc_transport_events {
    void *ctx;
    void (*link)(void *ctx, const struct sc_transport *t, enum sc_link_state state,
                 const char *detail, const char *remedy);
    /* A well-formed, authentic message; take_msg becomes the callee's. */
    void (*message)(void *ctx, const struct sc_transport *t, struct sc_message *take_msg,
                    const struct sc_entry *entry);
    void (*receipts)(void *ctx, const struct sc_transport *t, const struct sc_receipts *r);
    /* Something unreadable came; it was put aside where its author can see it. */
    void (*rejected)(void *ctx, const struct sc_transport *t, const char *reason);
    /* The way to one gateway came or went, while the link as a whole is as it was. Only from a
     * transport that has `reach`. */
    void (*way)(void *ctx, const struct sc_transport *t, const char *gateway, bool open);
};

/* Can a transport get to that gateway now? */
enum sc_reach {
    SC_REACH_NO,
    SC_REACH_YES,
    SC_REACH_WAITS /* it waits for an answer of ours at this moment: receipts ride along */
};

/* err NULL: the transport took it (stage sent). */
typedef void sc_transport_done_fn(void *ctx, const struct sc_id *id, const struct sc_err *err);

/* What a transport counts. The totals only rise. */
struct sc_transport_stats {
    uint64_t trimmed_age, trimmed_length; /* durable copies dropped before anybody took them */
    size_t pending;                       /* sends that wait for an answer */
    size_t unsettled;                     /* copies reported here and not yet stored */
};

struct sc_transport_ops {
    /* Start sending m to its to_gateway. After 0, done runs once with the message's id. SC_EAWAY
     * while the link is down, SC_ETOOBIG when this transport cannot carry it. m is borrowed for the
     * call. What is sent again, or only asks, needs no second durable copy. */
    int (*send)(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
                struct sc_err *err);
    /* Best effort: a lost receipt is asked for again by a re-sent message. */
    void (*receipts)(void *impl, const struct sc_receipts *r);
    /* The message of this entry is stored here: drop the durable copy. */
    void (*settle)(void *impl, const struct sc_entry *e);
    /* The agents whose inboxes this gateway serves changed: read what waits for them. */
    void (*serve)(void *impl, const char *const *agents, size_t n);
    /* NULL: every gateway can be reached while the link is up (it goes through a broker). */
    enum sc_reach (*reach)(const void *impl, const char *gateway);
    void (*stats)(const void *impl, struct sc_transport_stats *ret); /* may be NULL */
    /* Fails what is pending (queued) and closes; the transport says link DOWN no more. */
    void (*close)(void *impl);
};
struct sc_transport {
    const char *name;
    const struct sc_transport_ops *ops;
    void *impl;
    enum sc_link_state state; /* kept by the implementation */
    bool last_resort;         /* slow, and small: never while another one takes the message */
    struct sc_histogram took; /* sends that were taken; kept by the implementation */
};

#endif
