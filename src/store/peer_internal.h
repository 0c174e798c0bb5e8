/* peer_internal.h: shared by the peer_*.c files, top down: transport (the port, the gateways) ->
 * link (is one there?) -> send (batches, requests, answers); door (what comes in). */
#ifndef SIDECLAW_STORE_PEER_INTERNAL_H
#define SIDECLAW_STORE_PEER_INTERNAL_H

#include <sys/queue.h>

#include "peer_replay.h"
#include "sideclaw/backoff.h"
#include "sideclaw/map.h"
#include "sideclaw/peer_transport.h"

/* One envelope on its way. */
struct peer_item {
    TAILQ_ENTRY(peer_item) link;
    struct sc_id id;
    sc_transport_done_fn *done; /* NULL: receipts */
    void *ctx;
    struct sc_buf line;
    sc_tick began;
    char *refused; /* the receiver's reason; NULL: it took it */
};
TAILQ_HEAD(peer_items, peer_item);

struct peer_request {
    LIST_ENTRY(peer_request) link;
    struct peer *peer;
    struct peer_items items; /* none: only to see whether somebody is there */
    struct sc_http_op *op;
};

/* Another gateway's sidecar. */
struct peer {
    struct sc_peer *owner;
    char *name;
    char *url; /* "" while it has none that can be used */
    unsigned generation;
    /* peer_link.c */
    bool away; /* its last answer was none */
    struct sc_err why;
    struct sc_backoff backoff;
    struct sc_timer *look; /* the next look whether it is there */
    sc_mono looked;
    /* peer_send.c */
    char session[SC_PEER_SESSION_SIZE];
    int64_t number;
    struct peer_items queue;
    size_t queued;
    LIST_HEAD(, peer_request) requests;
    size_t n_requests;
    bool flush_queued;
};

/* A request of another sidecar that is being answered. */
struct sc_peer_visit {
    LIST_ENTRY(sc_peer_visit) link;
    struct sc_peer *owner;
    uint64_t number;
    char from[SC_NAME_MAX + 1];
    bool waits[SC_PEER_BATCH_MAX]; /* lines that are messages and not (yet) stored here */
    size_t lines;
    struct sc_buf answer;
    sc_peer_answer_fn *done; /* NULL: its sender went away */
    void *ctx;
};

/* Refusals of one kind are told at most once in a while, with how many it were. */
struct peer_complaint {
    sc_mono told; /* 0: never */
    unsigned held;
};

struct sc_peer {
    struct sc_peer_deps d;
    char *self_name, *self_url;
    struct sc_transport t;
    struct sc_map *peers; /* name -> struct peer, all other gateways */
    unsigned generation;
    size_t pending_bytes; /* of envelopes, over all of them */
    bool closed;
    bool mute; /* being freed: nobody is left to be told */
    struct sc_peer_counters n;
    /* peer_door.c */
    struct sc_peer_replay *replay;
    LIST_HEAD(, sc_peer_visit) visits;
    uint64_t visit_number;
    struct peer_complaint complaints[SC_PEER_REFUSALS];
};

/* --- peer_transport.c --- */
void peer_counters(const struct sc_peer *o, struct sc_peer_counters *ret);

/* --- peer_link.c --- */
void peer_link_init(struct peer *p);
void peer_link_fini(struct peer *p);
/* Its address is new, or gone. */
void peer_link_moved(struct peer *p);
void peer_link_works(struct peer *p);
void peer_link_failed(struct peer *p, const struct sc_err *why);
/* It has just asked us something: it may be there again. */
void peer_link_heard(struct peer *p);

/* --- peer_send.c --- */
int peer_send(void *impl, const struct sc_message *m, sc_transport_done_fn *done, void *ctx,
              struct sc_err *err);
/* take_line: a receipt batch as JSON. Best effort. */
void peer_send_receipts(struct peer *p, struct sc_buf *take_line);
/* Ask without saying anything. */
void peer_send_look(struct peer *p);
/* End what waits for it, and what is under way. */
void peer_send_drop(struct peer *p, const struct sc_err *why);
void peer_send_fini(struct peer *p);

/* --- peer_door.c --- */
extern const struct sc_peer_door_ops peer_door_ops;
void peer_door_receipts(void *impl, const struct sc_receipts *rc);
void peer_door_settle(void *impl, const struct sc_entry *e);
bool peer_door_waits(const struct sc_peer *o, const char *gateway);
/* Receipts from an answer or a batch: ours, and authentic? */
int peer_door_check_receipts(const struct sc_peer *o, const struct sc_receipts *r, const char *sig,
                             struct sc_err *err) SC_MUST_CHECK;
void peer_door_fini(struct sc_peer *o);

#endif
