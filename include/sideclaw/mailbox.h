/* mailbox.h: hands what is stored here to the agents: one lane per (sender, receiver), in order,
 * one turn at a time; lanes run side by side. */
#ifndef SIDECLAW_MAILBOX_H
#define SIDECLAW_MAILBOX_H

#include "sideclaw/clock.h"
#include "sideclaw/gateway.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/registry.h"
#include "sideclaw/router.h"
#include "sideclaw/spool.h"

/* All borrowed. */
struct sc_mailbox_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_spool spool;
    struct sc_router *router;
    struct sc_registry *registry;
    struct sc_gateway gateway;
    unsigned turn_timeout_s;
    unsigned max_turns; /* side by side */
    int64_t retry_min_ms, retry_max_ms;
};

struct sc_mailbox;
struct sc_mailbox *sc_mailbox_new(const struct sc_mailbox_deps *deps);
void sc_mailbox_start(struct sc_mailbox *m); /* lanes left over from the last life */
void sc_mailbox_free(struct sc_mailbox *m);
void sc_mailbox_deliver(struct sc_mailbox *m, const struct sc_message *msg);
/* Does something of its pair wait here? */
bool sc_mailbox_queues(const struct sc_mailbox *m, const struct sc_message *msg);
/* The gateway became ready: try every lane. */
void sc_mailbox_gateway_ready(struct sc_mailbox *m);
void sc_mailbox_turn(struct sc_mailbox *m, const struct sc_id *id, enum sc_turn_event ev,
                     const char *text);
unsigned sc_mailbox_turns(const struct sc_mailbox *m);
/* No turn begins while it is held; what the gateway took already goes on, and inboxes that nobody
 * wakes for are served as before. */
void sc_mailbox_hold(struct sc_mailbox *m, bool held);

#endif
