/* gateway_ws_internal.h: for store/gateway_*.c only: the adapter's state and who does what with it.
 *   gateway_ws.c        the port, construction, the reported state
 *   gateway_connect.c   connect, stay connected, give every frame to whom it concerns
 *   gateway_login.c     the challenge, both log-ins, and what a refusal means
 *   gateway_device.c    the device key and token
 *   gateway_requests.c  which answer belongs to which request
 *   gateway_probe.c     what a failed attempt to connect means, and a silent connection
 *   gateway_checks.c    one look each, for the health board
 *   gateway_agents.c    who is there and what they can do
 *   gateway_ask.c       an operator's questions
 *   gateway_turns.c     a message's turn, from `agent` to the reply
 *   gateway_resume.c    the same after the connection or the gateway was lost in between
 */
#ifndef SIDECLAW_GATEWAY_WS_INTERNAL_H
#define SIDECLAW_GATEWAY_WS_INTERNAL_H

#include <sys/queue.h>

#include "sideclaw/backoff.h"
#include "sideclaw/buf.h"
#include "sideclaw/crypto.h"
#include "sideclaw/gateway_json.h"
#include "sideclaw/gateway_ws.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "ws_client.h"

/* ---- requests ---- */

typedef void gw_answer_fn(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f);

/* A new request's id. `agent` answers twice under one id, so a request stays until it is dropped,
 * or until its answer when `once` is set. */
int64_t gw_request_new(struct sc_gateway_ws *g, bool once, gw_answer_fn *fn, void *ctx);
/* Send what sc_gw_write_* wrote. false: it cannot be sent, the request is dropped and *id 0; the
 * connection is over or about to be, and whoever waits learns it from that. */
bool gw_request_send(struct sc_gateway_ws *g, int64_t *id, const struct sc_buf *frame);
/* Its answer comes when something else is over: its time is not the gateway's. */
void gw_request_waits(struct sc_gateway_ws *g, int64_t id);
void gw_request_drop(struct sc_gateway_ws *g, int64_t *id); /* clears *id */
void gw_requests_drop_all(struct sc_gateway_ws *g);         /* and make room for new ones */
void gw_requests_fini(struct sc_gateway_ws *g);
void gw_requests_answer(struct sc_gateway_ws *g, const struct sc_gw_frame *f);

/* ---- the device ---- */

struct gw_device {
    struct sc_keypair keys;
    char id[2 * SC_SHA256_SIZE + 1];
    char *token; /* what the gateway gave us; NULL */
    char *token_path;
};
int gw_device_load(struct gw_device *d, const char *state_dir, struct sc_err *err) SC_MUST_CHECK;
void gw_device_fini(struct gw_device *d);
/* Keep the token of a hello; NULL forgets it. */
int gw_device_keep_token(struct gw_device *d, const char *token, struct sc_err *err) SC_MUST_CHECK;
/* Append the connect frame, signed for this challenge. token may be NULL. */
void gw_device_write_connect(const struct gw_device *d, struct sc_buf *out, int64_t id,
                             const char *token, const char *nonce, int64_t ts);

/* ---- the connection ---- */

enum gw_phase {
    GW_IDLE,     /* waits for the next attempt */
    GW_OPENING,  /* TCP and upgrade */
    GW_GREETING, /* open; waits for the challenge */
    GW_LOGIN,    /* connect is out */
    GW_UP
};

void gw_connect_init(struct sc_gateway_ws *g);
void gw_connect_now(struct sc_gateway_ws *g);
/* Answer the challenge; what follows is gw_ready, or another state and the end of the connection.
 */
void gw_login(struct sc_gateway_ws *g, const struct sc_gw_frame *challenge);
/* It takes work: say so, look who is there, go on with what was parked. */
void gw_ready(struct sc_gateway_ws *g);
/* Give up this connection: requests are dropped, turns parked, the next attempt is planned. The
 * caller has set the state. */
void gw_connection_over(struct sc_gateway_ws *g);

/* ---- what is seen from outside ---- */

struct gw_probe {
    struct sc_http_op *op;
    bool live;                      /* the last /healthz said so */
    bool silent;                    /* it was not answered in time */
    bool refused;                   /* nothing listened */
    enum sc_gw_http_status startup; /* the last /startupz */
    bool puzzled; /* the last attempt to connect failed in a way only a probe can explain */
    char puzzle[160];
};

void gw_probe_stop(struct sc_gateway_ws *g);
void gw_probe_explain(struct sc_gateway_ws *g, const char *puzzle);
/* What /startupz says, whoever asked. */
void gw_probe_startup(struct sc_gateway_ws *g, enum sc_gw_http_status status);

/* ---- looks for the health board ---- */

LIST_HEAD(gw_checks, sc_check);
/* The connection is over, and all requests are dropped: those that waited for one end. */
void gw_checks_lost(struct sc_gateway_ws *g);

/* ---- agents ---- */

struct gw_agent {
    char *id;
    char *name;
    struct sc_strv channels;
    struct sc_strv skills;
};
struct gw_agents {
    struct gw_agent *v;
    size_t n;
    size_t next;     /* whose skills are asked for next */
    int64_t request; /* the one that is out; 0 */
    bool busy, dirty;
    struct sc_timer *timer; /* asks again later */
    struct sc_buf reported; /* what was reported last, as text, to report changes only */
};
void gw_agents_init(struct sc_gateway_ws *g);
void gw_agents_refresh(struct sc_gateway_ws *g, int64_t after_ms);
void gw_agents_lost(struct sc_gateway_ws *g);
void gw_agents_fini(struct sc_gateway_ws *g);

/* ---- an operator's questions ---- */

LIST_HEAD(gw_asks, sc_gateway_ask);
/* The connection is over, and all requests are dropped: end them with SC_EAWAY. */
void gw_asks_lost(struct sc_gateway_ws *g);

/* ---- turns ---- */

enum gw_turn_phase {
    GW_TURN_SENT,    /* agent is out, not accepted yet */
    GW_TURN_RUNNING, /* accepted; agent.wait is out */
    GW_TURN_ASKING,  /* resuming: does the gateway remember the run? */
    GW_TURN_READING, /* resuming: what does the session's history say? */
    GW_TURN_POLLING, /* resuming: the message is there, the answer not yet */
    GW_TURN_PARKED   /* no connection */
};
struct gw_turn {
    struct sc_gateway_ws *g;
    struct sc_id id;
    char run_id[SC_ID_TEXT_SIZE];
    char *agent, *from_agent, *from_gateway, *body, *traceparent, *session_key;
    unsigned timeout_s;
    sc_mono deadline_at;
    enum gw_turn_phase phase;
    bool accepted, started;      /* already told */
    bool was_taken, was_started; /* in an earlier life of ours */
    char boot[64];               /* the life of the gateway it was last handed to */
    int64_t agent_req, wait_req, history_req;
    struct sc_timer *deadline;
    struct sc_timer *poll;
};
int gw_turn_run(struct sc_gateway_ws *g, const struct sc_turn *turn,
                struct sc_err *err) SC_MUST_CHECK;
void gw_turns_park(struct sc_gateway_ws *g);
void gw_turns_resume(struct sc_gateway_ws *g);
void gw_turns_event(struct sc_gateway_ws *g, const struct sc_gw_frame *f);
/* End them all with AGAIN. */
void gw_turns_end(struct sc_gateway_ws *g, const char *why);

/* Between gateway_turns.c and gateway_resume.c. */
void gw_turn_send_agent(struct gw_turn *t);
void gw_turn_send_wait(struct gw_turn *t);
void gw_turn_accepted(struct gw_turn *t);
void gw_turn_started(struct gw_turn *t);
void gw_turn_finish(struct gw_turn *t, enum sc_turn_event ev, const char *text);
/* Act on the status of a run. true when the turn is over and t is gone. */
bool gw_turn_take_status(struct gw_turn *t, enum sc_gw_run_status status, const char *text);
int64_t gw_turn_left_ms(const struct gw_turn *t);
void gw_turn_resume(struct gw_turn *t);
struct sc_timer *gw_turn_poll_timer(struct gw_turn *t);
void gw_turn_poll_soon(struct gw_turn *t, int64_t ms);
void gw_turns_session_ended(struct sc_gateway_ws *g, const char *session_key);

/* ---- all of it ---- */

/* Every interval of the adapter, milliseconds; tests shorten them. */
struct gw_timing {
    int64_t connect; /* for TCP and upgrade, and again for challenge and hello */
    int64_t retry_min, retry_max;
    int64_t retry_starting;  /* at most: a start takes 12-35 s, and somebody waits for its end */
    int64_t retry_refused;   /* at least: the gateway limits wrong tokens per minute */
    int64_t good_connection; /* one that ended sooner does not reset the backoff */
    int64_t probe_timeout;
    int64_t agents_retry;
    int64_t config_settle, skills_settle; /* one change makes several events */
    int64_t wait_again;                   /* agent.wait was refused or gave up */
    int64_t ask;         /* an operator's question; a plugin to load takes seconds */
    int64_t poll;        /* chat.history, while a resumed turn has no answer */
    int64_t poll_settle; /* after a run's last event, until its row is written */
};

struct sc_gateway_ws {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_http_client *http;
    struct sc_gateway_events events;
    char *url, *host, *path;
    uint16_t port;
    char *token; /* secret; NULL */
    bool device_auth;
    int64_t start_grace_ms;
    struct gw_timing timing;
    struct gw_device device;

    enum sc_gateway_state state;
    char detail[256], remedy[256];
    bool reported; /* the state was told at least once */
    bool closed;
    sc_mono starting_since; /* 0 when it is not starting */

    struct sc_ws_client *ws;
    enum gw_phase phase;
    struct sc_timer *reconnect, *login; /* login: deadline for challenge and hello */
    struct sc_backoff backoff;
    bool use_device_token; /* the shared token failed; try the other once */
    int64_t connect_req;
    sc_mono up_at;
    sc_mono last_frame; /* 0: never */
    int64_t tick_ms;
    char version[32];
    char boot[64]; /* which life of the gateway the connection is to; "" when it does not say */

    struct sc_map *requests; /* id as text -> struct request */
    int64_t next_id;
    struct sc_histogram answered; /* requests, but those that wait */
    struct gw_probe probe;
    struct gw_agents agents;
    struct gw_asks asks;
    struct gw_checks checks;
    struct sc_map *turns; /* run id -> struct gw_turn */
};

/* Report the state if it changed. detail and remedy are formatted texts. */
void gw_set_state(struct sc_gateway_ws *g, enum sc_gateway_state s, const char *remedy,
                  const char *fmt, ...) SC_PRINTF(4, 5);
sc_mono gw_now(const struct sc_gateway_ws *g);

#endif
