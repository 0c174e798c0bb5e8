/* prober.h: looks at the gateway beside us, each way of looking in its own time, and shows on the
 * board what it finds. A look that takes long delays no other. */
#ifndef SIDECLAW_PROBER_H
#define SIDECLAW_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/checks.h"
#include "sideclaw/clock.h"
#include "sideclaw/health_board.h"
#include "sideclaw/histogram.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"

/* All borrowed; must outlive the prober. */
struct sc_prober_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_board *board;
    struct sc_checks checks;
    int64_t start_grace_ms; /* how long a gateway may take to start */
    /* The call over the WebSocket is silent, again. answers_http: /healthz is answered meanwhile;
     * else that is silent, too: it runs, and does not answer. */
    void (*silent)(void *ctx, bool answers_http);
    void *ctx;
};

struct sc_prober;
struct sc_prober *sc_prober_new(const struct sc_prober_deps *deps);
void sc_prober_start(struct sc_prober *p);
/* Something changed: look at once at what costs nothing, at whether its port takes requests, and at
 * what was not well or could not be asked. */
void sc_prober_hurry(struct sc_prober *p);
/* What one way of looking found so far. */
struct sc_prober_view {
    const char *name;
    bool good;                    /* the last answer was */
    uint64_t answers[SC_ANSWERS]; /* how often each; what nobody could be asked is SC_ANSWER_NONE */
    const struct sc_histogram *took; /* of those that somebody was asked; borrowed */
};
void sc_prober_view(const struct sc_prober *p, enum sc_check_id id, struct sc_prober_view *ret);
/* Cancels what is under way; NULL is fine. */
void sc_prober_free(struct sc_prober *p);

#endif
