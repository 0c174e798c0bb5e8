/* fake_gateway.h: the gateway port in memory. It outlives the sidecar beside it, as the real one
 * does: turns go on, and their answers are found when the sidecar asks again (resume). */
#ifndef SIDECLAW_TESTS_FAKE_GATEWAY_H
#define SIDECLAW_TESTS_FAKE_GATEWAY_H

#include "sideclaw/gateway.h"
#include "support/fuse.h"
#include "support/prng.h"

enum fake_gateway_mode {
    FAKE_GW_AT_ONCE, /* accepted, started, replied "re: <body>" */
    FAKE_GW_MANUAL,  /* says what the test makes it say */
    FAKE_GW_NEVER,   /* accepted and started, and never an answer */
    FAKE_GW_AGAIN,   /* refuses for now, without having run it */
    FAKE_GW_FAILED   /* fails for good */
};

/* One message it was ever handed. */
struct fake_turn {
    struct sc_id id, run;
    char *agent, *from_agent, *from_gateway, *body;
    unsigned calls; /* of run */
    unsigned runs;  /* the model really ran: must never be more than 1 */
    bool resume;    /* of the latest call */
    bool running, done;
    bool in_history;            /* a trace of it is left, also after a crash */
    int64_t key_until;          /* so long its idempotency key is remembered, in memory */
    enum sc_turn_event outcome; /* of a done one */
};

struct fake_gateway;
struct fake_gateway *fake_gateway_new(const int64_t *now, struct prng *prng);
void fake_gateway_free(struct fake_gateway *g);
struct sc_gateway fake_gateway_port(struct fake_gateway *g);

/* The sidecar's events and what burns with each call (may be NULL); events NULL: it died, and what
 * it was running goes on unheard. */
void fake_gateway_attach(struct fake_gateway *g, const struct sc_gateway_events *events,
                         struct fuse *fuse);
/* Also tells the events. Anything but READY ends running turns with AGAIN for the sidecar, while
 * they go on here: a connection that is lost. */
void fake_gateway_set_state(struct fake_gateway *g, enum sc_gateway_state state);
void fake_gateway_set_mode(struct fake_gateway *g, enum fake_gateway_mode mode);
/* How long a turn takes, and how often (permille) it ends with AGAIN or FAILED instead. */
void fake_gateway_set_pace(struct fake_gateway *g, int64_t min_ms, int64_t max_ms, unsigned again,
                           unsigned failed);
/* The next calls of run() fail with this code (SC_OK: they do not). */
void fake_gateway_set_refusal(struct fake_gateway *g, int code);
/* It crashes: finished turns are in its history, idempotency keys are forgotten. Of running turns
 * no trace is left, or (`continues` permille) it takes them up by itself when it is READY again. */
void fake_gateway_crash(struct fake_gateway *g);
void fake_gateway_set_continues(struct fake_gateway *g, unsigned permille);
/* It says nothing before that time: frozen, or its machine sleeps. */
void fake_gateway_hold(struct fake_gateway *g, int64_t until);
/* A mistake of who asks it: never to look first. */
void fake_gateway_ignore_resume(struct fake_gateway *g);

/* Who wants to see each call, and each time the model runs. */
struct fake_gateway_spy {
    void *ctx;
    void (*handed)(void *ctx, const struct sc_turn *turn);
    void (*ran)(void *ctx, const struct fake_turn *t);
};
void fake_gateway_watch(struct fake_gateway *g, const struct fake_gateway_spy *spy);

/* When it has something to say; INT64_MAX: nothing. fire says it. */
int64_t fake_gateway_next(const struct fake_gateway *g);
bool fake_gateway_fire(struct fake_gateway *g);
/* MANUAL: say this of a message now. */
void fake_gateway_say(struct fake_gateway *g, const struct sc_id *id, enum sc_turn_event ev,
                      const char *text);

/* In order of their first call. */
size_t fake_gateway_count(const struct fake_gateway *g);
const struct fake_turn *fake_gateway_turn(const struct fake_gateway *g, size_t i);
const struct fake_turn *fake_gateway_find(const struct fake_gateway *g, const struct sc_id *id);
/* Calls for a message it knew already that did not ask it to look first (resume). */
unsigned fake_gateway_careless(const struct fake_gateway *g);
/* Turns running here now. */
unsigned fake_gateway_running(const struct fake_gateway *g);
unsigned fake_gateway_most_running(const struct fake_gateway *g);

#endif
