/* drain.h: leaving without losing anything (ADR 0019). While anything asks for it, this gateway
 * takes no new work; what runs ends; and then it says that it may be stopped. Nothing here acts on
 * the world: whoever owns routing, pages and leases follows `changed`. */
#ifndef SIDECLAW_DRAIN_H
#define SIDECLAW_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/clock.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"

/* Who asks for it; each takes back only what it asked itself. */
enum sc_drain_cause {
    SC_DRAIN_OPERATOR, /* the command, or SIGUSR1; survives a restart */
    SC_DRAIN_CONSUL,   /* maintenance mode; follows Consul */
    SC_DRAIN_GATEWAY,  /* the gateway itself takes no new work */
    SC_DRAIN_SIGNAL,   /* a signal of the board that drains: the disk */
    SC_DRAIN_STOP,     /* the sidecar is stopping */
    SC_DRAIN_CAUSES
};
const char *sc_drain_cause_name(enum sc_drain_cause c);

/* In this order, and back to the first from everywhere. */
enum sc_drain_phase {
    SC_DRAIN_SERVING,
    SC_DRAIN_LEAVING,    /* turns end, and those who route to us take notice */
    SC_DRAIN_HANDING_ON, /* what we hold for the mesh goes to others */
    SC_DRAIN_READY       /* to be stopped */
};
const char *sc_drain_phase_name(enum sc_drain_phase p);

/* All borrowed. */
struct sc_drain_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    int64_t notice_ms; /* how long load balancers may take to notice; never ready before */
    unsigned (*turns)(void *ctx);
    /* How many leases are still held here; asked only once the turns are over, and the first time
     * is the word to hand them on. NULL: there are none. */
    unsigned (*leases)(void *ctx);
    /* It began, ended, or got another phase or cause. */
    void (*changed)(void *ctx);
    void *ctx;
};

struct sc_drain;
struct sc_drain *sc_drain_new(const struct sc_drain_deps *deps);
void sc_drain_free(struct sc_drain *d);
/* `why` in a few words, copied; NULL: it does not ask for it any more. */
void sc_drain_set(struct sc_drain *d, enum sc_drain_cause cause, const char *why);

struct sc_drain_view {
    enum sc_drain_phase phase;
    sc_wall since;                    /* of its beginning; 0 while serving */
    const char *why[SC_DRAIN_CAUSES]; /* NULL: does not ask; borrowed until the next change */
    unsigned turns, leases;           /* left to end, and to hand on */
};
void sc_drain_view(const struct sc_drain *d, struct sc_drain_view *ret);
/* May new work come here? NULL is fine: yes. */
bool sc_drain_serves(const struct sc_drain *d);

/* Somebody who waits for the end: told once, when it is ready or serves again. Embedded in its
 * owner, who takes it back when he goes first. */
struct sc_drain_waiter {
    void (*over)(void *ctx);
    void *ctx;
    struct sc_drain_waiter *next;
};
void sc_drain_wait(struct sc_drain *d, struct sc_drain_waiter *w);
void sc_drain_unwait(struct sc_drain *d, struct sc_drain_waiter *w);

/* Is the disk too full to take work? Below `bound` it is, and then until there is a quarter more
 * than that again; a bound of 0 never is. */
bool sc_drain_disk_low(bool was_low, int64_t free_bytes, int64_t bound);

#endif
