/* health_board.h: every signal in one table, and one verdict from it (DESIGN 6). */
#ifndef SIDECLAW_HEALTH_BOARD_H
#define SIDECLAW_HEALTH_BOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/clock.h"
#include "sideclaw/health.h"
#include "sideclaw/log.h"

enum sc_signal_id {
    SC_SIG_GATEWAY_HTTP,     /* GET /healthz, by body */
    SC_SIG_GATEWAY_STARTUP,  /* GET /startupz, by body */
    SC_SIG_GATEWAY_READY,    /* GET /readyz, by body: one stopped channel makes it bad */
    SC_SIG_GATEWAY_WS,       /* the WebSocket and its ticks */
    SC_SIG_GATEWAY_RPC,      /* a cheap call over it */
    SC_SIG_GATEWAY_LOGIN,    /* our token and device are accepted */
    SC_SIG_GATEWAY_PROCESS,  /* its process is there */
    SC_SIG_GATEWAY_CHANNELS, /* as the gateway reports them */
    SC_SIG_GATEWAY_MODELS,   /* model providers, as the gateway reports them */
    SC_SIG_SPOOL,
    SC_SIG_DISK, /* bad while the state folder's file system is nearly full */
    SC_SIG_REDIS,
    SC_SIG_PEER, /* bad only when others do not let us in: key or clock */
    SC_SIG_CONSUL,
    SC_SIG_DRAIN,    /* bad while we drain, whoever asked for it (drain.h) */
    SC_SIG_CONFLICT, /* our name or an agent's is held by somebody else */
    SC_SIG_LEASES,   /* we own the channels that this gateway serves */
    SC_SIG_SKILLS_AGE,
    SC_SIG_SKILLS_LOCK,
    SC_SIGNALS
};

struct sc_signal_view {
    const char *name;
    enum sc_signal_state state;
    sc_wall since;
    const char *detail; /* borrowed; "" when there is nothing to say */
    const char *remedy;
    const char *last_error; /* of the last failure, also one that has passed; "" */
    sc_wall last_error_at;  /* 0: never */
};

enum sc_health_page { SC_PAGE_HEALTH, SC_PAGE_TRAFFIC, SC_PAGE_LIVE };

struct sc_board;
struct sc_board *sc_board_new(struct sc_clock clock, struct sc_log *log,
                              void (*changed)(void *ctx, enum sc_health h), void *ctx);
void sc_board_free(struct sc_board *b);
void sc_board_set(struct sc_board *b, enum sc_signal_id id, enum sc_signal_state state,
                  const char *detail, const char *remedy);
/* One failure that does not make the signal bad yet, so that people see it. */
void sc_board_error(struct sc_board *b, enum sc_signal_id id, const char *error);
void sc_board_view(const struct sc_board *b, enum sc_signal_id id, struct sc_signal_view *ret);
/* The first bad signal whose row says that it drains, other than SC_SIG_DRAIN itself: a reason to
 * begin. False: there is none. */
bool sc_board_wants_drain(const struct sc_board *b, struct sc_signal_view *ret);
enum sc_health sc_board_verdict(const struct sc_board *b);
/* 200, 429 or 503 as in the table of DESIGN 6. */
int sc_board_status(const struct sc_board *b, enum sc_health_page page);
/* Why the verdict is not healthy, one sentence per signal; calls fn for each. */
void sc_board_reasons(const struct sc_board *b, void (*fn)(void *ctx, const char *reason),
                      void *ctx);

#endif
