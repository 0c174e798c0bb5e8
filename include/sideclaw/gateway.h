/* gateway.h: port: the OpenClaw gateway beside us (store/gateway_ws.c; a fake in tests/support). */
#ifndef SIDECLAW_GATEWAY_H
#define SIDECLAW_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/agent.h"
#include "sideclaw/err.h"
#include "sideclaw/id.h"

enum sc_gateway_state {
    SC_GW_OFF,      /* not configured: agents of the configuration are served by their inbox only */
    SC_GW_ABSENT,   /* nothing listens there */
    SC_GW_STARTING, /* it answers, but is not ready (start-up takes up to 300 s) */
    SC_GW_READY,
    SC_GW_FROZEN,  /* it accepts connections and answers nothing */
    SC_GW_REFUSED, /* it refuses our token or device */
    SC_GW_DRAINING /* it is going away or suspended, and takes no new work */
};
const char *sc_gateway_state_name(enum sc_gateway_state s);

/* One message for one agent: borrowed for the call. */
struct sc_turn {
    struct sc_id id;
    struct sc_id run; /* the idempotency key and run id: mostly id itself */
    const char *agent;
    const char *from_agent; /* who asks: becomes session key and provenance */
    const char *from_gateway;
    const char *body;
    const char *traceparent; /* NULL when absent */
    unsigned timeout_s;
    bool resume; /* it may have been handed over before: look before running it again */
    bool was_taken, was_started; /* the gateway said so, then */
};

enum sc_turn_event {
    SC_TURN_ACCEPTED, /* the gateway took it */
    SC_TURN_STARTED,  /* the model runs */
    SC_TURN_REPLIED,  /* text is the answer (may be empty); final */
    SC_TURN_FAILED,   /* text is the reason; final: running it again would not help */
    SC_TURN_LOST,     /* the gateway took it and knows nothing of it any more; text says so; final:
                         whether it ran cannot be known */
    SC_TURN_AGAIN     /* text is the reason; final for this call: it did not run, hand it over later
                         with resume set */
};

struct sc_gateway_agent {
    const char *id;
    const char *name;
    struct sc_strv capabilities;
};

/* Called from the loop only. */
struct sc_gateway_events {
    void *ctx;
    /* On every change, and once after start. detail: a sentence; remedy: the next step or "". */
    void (*state)(void *ctx, enum sc_gateway_state s, const char *detail, const char *remedy);
    void (*agents)(void *ctx, const struct sc_gateway_agent *agents, size_t n);
    void (*turn)(void *ctx, const struct sc_id *id, enum sc_turn_event ev, const char *text);
};

struct sc_gateway_ops {
    /* Hand a message over. After 0, events follow and end with REPLIED, FAILED or AGAIN, also when
     * the connection is lost. SC_EAWAY while the state is not READY. */
    int (*run)(void *impl, const struct sc_turn *turn, struct sc_err *err);
    enum sc_gateway_state (*state)(const void *impl);
};
struct sc_gateway {
    const struct sc_gateway_ops *ops;
    void *impl;
};

#endif
